//! Reads and writes by the model's map: few transactions; after every accident the identity first. A read is repeated; a write
//! only after the board was asked what it holds (docs/adr/0005); a command never.

use super::{
    BoardLink,
    asked::Asked,
    bus::Bus,
    fault, map,
    plan::{is_readable, is_text, others_to_read, plan_reads, plan_writes},
};
use crate::board::Reading;
use domain::{
    codec,
    model::{DeviceModel, Register},
    text::Fault,
    value::Value,
};
use protocol::{
    guard::{Checked, Purpose},
    modbus::Request,
};
use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

/// Registers as read, by their words on the wire.
#[derive(Debug, Clone)]
pub(super) struct Words {
    model: Arc<DeviceModel>,
    words: BTreeMap<u16, u16>,
}

impl Words {
    fn new(model: &Arc<DeviceModel>) -> Self {
        Self { model: Arc::clone(model), words: BTreeMap::new() }
    }

    fn carrying(&self, register: &Register) -> Option<Vec<u16>> {
        let first = map::place(&self.model, register);
        let held = |at| self.words.get(&first.checked_add(at)?).copied();
        let places = map::places(&self.model, register);
        if map::is_field(&self.model) && is_text(register) {
            // A text in a field is as long as it is.
            held(0)?;
            return Some((0..places).map(|at| held(at).unwrap_or_default()).collect());
        }
        (0..places).map(held).collect()
    }

    /// What was read besides.
    pub(super) fn extend(&mut self, other: Option<Self>) {
        self.words.extend(other.into_iter().flat_map(|other| other.words));
    }

    /// Whether all of it was read.
    pub(super) fn has(&self, register: &Register) -> bool {
        self.carrying(register).is_some()
    }

    /// The raw value of a field; only what was read is there.
    pub(super) fn of(&self, register: &Register) -> Result<Vec<u16>, Fault> {
        let raw = self.carrying(register).and_then(|places| map::raw(&self.model, register, &places));
        raw.ok_or_else(|| fault::internal(format_args!("{} was not among the registers read", register.name)))
    }

    /// What the places hold that a shared register takes a part of: the word, or all of the field. Nothing for one of its own.
    pub(super) fn around(&self, register: &Register) -> Vec<u16> {
        if !self.model.shares_its_place(register) {
            return Vec::new();
        }
        let first = map::place_of(&self.model, register.address);
        let whole = if map::is_field(&self.model) { first..=first | 0xFF } else { first..=first };
        whole.map_while(|place| self.words.get(&place).copied()).collect()
    }

    pub(super) fn reading(&self, register: &Register) -> Result<Reading, Fault> {
        Ok(reading(&self.scaled(register), self.of(register)?))
    }

    /// The register with the scale that the board's own switch gives it.
    pub(super) fn scaled<'m>(&self, register: &'m Register) -> Cow<'m, Register> {
        map::rescaled(&self.model, register, |switch| self.of(switch).ok())
            .map_or(Cow::Borrowed(register), Cow::Owned)
    }
}

/// A register's words as a reading; words that make no value are shown as they are.
pub(super) fn reading(register: &Register, raw: Vec<u16>) -> Reading {
    let value = codec::decode(register, &raw).unwrap_or_else(|_| Value::Text(hex_words(&raw)));
    Reading { name: register.name.clone(), raw, value, unit: register.unit.clone() }
}

fn hex_words(raw: &[u16]) -> String {
    raw.iter().fold(String::from("0x"), |text, word| text + &format!("{word:04X}"))
}

/// The register of that name.
pub(super) fn named<'m>(model: &'m DeviceModel, name: &str) -> Result<&'m Register, Fault> {
    model
        .register(name)
        .ok_or_else(|| fault::internal(format_args!("device model {} has no register {name:?}", model.id)))
}

/// The words of a value.
pub(super) fn encode(register: &Register, value: &Value) -> Result<Vec<u16>, Fault> {
    codec::encode(register, value).map_err(fault::internal)
}

/// Whether it holds a password: never read, never shown.
pub(super) fn is_secret(model: &DeviceModel, register: &Register) -> bool {
    model
        .password
        .as_ref()
        .is_some_and(|password| password.secret_registers().any(|secret| *secret == register.name))
}

/// One field to be written, its values raw.
pub(super) struct Write<'m> {
    pub register: &'m Register,
    /// What the board holds where that is known; equal fields are not written.
    pub current: Option<Vec<u16>>,
    pub wanted: Vec<u16>,
    /// What the board holds in the places of which a shared register takes a part ([`Words::around`]).
    pub around: Vec<u16>,
}

impl<'m> Write<'m> {
    /// Of a whole register.
    pub(super) fn whole(register: &'m Register, current: Option<Vec<u16>>, wanted: Vec<u16>) -> Self {
        Self { register, current, wanted, around: Vec::new() }
    }
}

/// Why the identity was not read.
#[derive(Debug)]
pub(super) enum Unread {
    /// The board failed at this.
    Failed(fault::BusFault, Asked),
    /// Nothing was asked.
    Fault(Fault),
}

impl From<Fault> for Unread {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Unread> for Fault {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Failed(failure, asked) => failure.of_read(&asked),
            Unread::Fault(fault) => fault,
        }
    }
}

impl BoardLink {
    /// Reads these registers of a board that is (or is made) sure of its identity.
    pub(super) async fn read(&mut self, registers: &[&Register]) -> Result<Words, Fault> {
        let mut words = Words::new(&self.model);
        let registers = [registers, &map::switches(&self.model, registers)].concat();
        for request in plan_reads(&self.model, &registers)? {
            self.read_one(&request, &mut words).await?;
        }
        Ok(words)
    }

    /// As [`Self::read`], where fields may be shorter than these registers lie.
    pub(super) async fn read_what_is_there(&mut self, registers: &[&Register]) -> Result<Words, Fault> {
        if !map::is_field(&self.model) {
            return self.read(registers).await;
        }
        let mut words = Words::new(&self.model);
        let registers = [registers, &map::switches(&self.model, registers)].concat();
        for request in plan_reads(&self.model, &registers)? {
            // The least of it: the board sends all that it has.
            let (address, _) = request.span();
            self.read_one(&Request::ReadHolding { address, quantity: 1 }, &mut words).await?;
        }
        Ok(words)
    }

    async fn read_one(&mut self, request: &Request, words: &mut Words) -> Result<(), Fault> {
        let mut tries_left = self.tries();
        #[cfg(feature = "sabotage")]
        if let Some(shadow) = self.shadow.answer(request) {
            words.words.extend(shadow);
            return Ok(());
        }
        loop {
            self.ensure_identified().await?;
            let outcome = match self.open_for(Purpose::Work, request).await {
                Ok(()) => exchange_read(&mut self.bus, Purpose::Work, request, words).await,
                Err(failure) => Err(failure),
            };
            match outcome {
                Ok(()) => {
                    #[cfg(feature = "sabotage")]
                    self.shadow.read(request, &mut words.words);
                    return Ok(());
                }
                Err(failure) if failure.is_transient() && tries_left > 0 => {
                    tracing::warn!(request = %self.bus.asked(request)?, ?failure, tries_left, "read repeated");
                    tries_left -= 1;
                }
                Err(failure) => return Err(failure.of_read(&self.bus.asked(request)?)),
            }
        }
    }

    /// As [`Self::read`] for the identity itself.
    pub(super) async fn read_unidentified(&mut self, registers: &[&Register]) -> Result<Words, Unread> {
        let mut words = Words::new(&self.model);
        for request in plan_reads(&self.model, registers)? {
            let asked = self.bus.asked(&request)?;
            // Each try is two exchanges where answers are owed, and nothing else can be done before one of them succeeds: as many
            // again as for work, and two.
            let mut tries_left = self.tries() * 2 + 2;
            let others = others_to_read(&self.model, &request);
            loop {
                let outcome = match self.bus.synchronise(&request, &others).await {
                    Ok(()) => self.open_for(Purpose::Identify, &request).await,
                    Err(failure) => Err(failure),
                };
                let outcome = match outcome {
                    Ok(()) => exchange_read(&mut self.bus, Purpose::Identify, &request, &mut words).await,
                    Err(failure) => Err(failure),
                };
                match outcome {
                    Ok(()) => break,
                    Err(failure) if failure.is_transient() && tries_left > 0 => {
                        tracing::warn!(request = %asked, ?failure, tries_left, "identity read repeated");
                        // Whoever answers now may be another board, or the same one started anew.
                        self.guard_is_unknown();
                        tries_left -= 1;
                    }
                    Err(failure) => return Err(Unread::Failed(failure, asked)),
                }
            }
        }
        Ok(words)
    }

    /// Writes the fields that differ, in few transactions; returns how many. After an accident the board itself is asked what it
    /// holds, and the same values are written again only where it holds others, or where nothing can be read: a field that takes
    /// the same value twice is as if it took it once. Commands and tries of a password are not written here.
    pub(super) async fn write(&mut self, writes: &[Write<'_>]) -> Result<u32, Fault> {
        let plan = plan_writes(&self.model, writes)?;
        self.write_all(&plan).await
    }

    /// As [`Self::write`], in this order.
    pub(super) async fn write_all(&mut self, plan: &[Request]) -> Result<u32, Fault> {
        for request in plan {
            self.write_one(request).await?;
        }
        Ok(plan.len() as u32)
    }

    async fn write_one(&mut self, request: &Request) -> Result<(), Fault> {
        let mut tries_left = self.tries();
        loop {
            self.ensure_identified().await?;
            if self.needs_key(request) {
                self.knock().await?;
            }
            #[cfg(feature = "sabotage")]
            self.shadow.wrote(request);
            let outcome = match self.open_for(Purpose::Work, request).await {
                Ok(()) => self.bus.exchange(Purpose::Work, request).await,
                Err(failure) => Err(failure),
            };
            let failure = match outcome {
                Ok(_) => {
                    self.wrote(request);
                    return Ok(());
                }
                Err(failure) => failure,
            };
            let asked = self.bus.asked(request)?;
            if failure.is_transient() && self.holds(request).await? {
                tracing::warn!(request = %asked, ?failure, "the write was taken all the same");
                self.wrote(request);
                return Ok(());
            }
            if !failure.is_transient() || tries_left == 0 {
                let name = self.name_at(request.span().0);
                return Err(failure.of_write(&asked, &name));
            }
            tracing::warn!(request = %asked, ?failure, tries_left, "write repeated");
            tries_left -= 1;
        }
    }

    /// Whether the board wants its password before this write.
    fn needs_key(&self, request: &Request) -> bool {
        let (place, count) = request.span();
        self.key.is_some() && map::block_of(&self.model, place, count).is_some_and(|block| block.locked)
    }

    /// How often what is safe to repeat is repeated.
    pub(super) fn tries(&self) -> u8 {
        #[cfg(feature = "sabotage")]
        if crate::sabotage::is(crate::sabotage::Sabotage::NeverRepeat) {
            return 0;
        }
        self.model.link.retries
    }

    /// Whether the board holds what `request` wrote; no where that cannot be read.
    async fn holds(&mut self, request: &Request) -> Result<bool, Fault> {
        let (address, quantity) = request.span();
        let wanted = match request {
            Request::WriteSingle { value, .. } => std::slice::from_ref(value),
            Request::WriteMultiple { values, .. } => values,
            // The map's own requests are of registers; bits are what some become on the wire.
            Request::ReadHolding { .. }
            | Request::ReadInput { .. }
            | Request::ReadCoils { .. }
            | Request::WriteCoils { .. } => return Ok(false),
        };
        if !map::block_of(&self.model, address, quantity).is_some_and(|block| is_readable(block.access)) {
            return Ok(false);
        }
        let mut words = Words::new(&self.model);
        // A text that was not taken may be shorter than the one that was written.
        let quantity = if map::is_field(&self.model) { 1 } else { quantity };
        self.read_one(&Request::ReadHolding { address, quantity }, &mut words).await?;
        Ok((address..).zip(wanted).all(|(at, wanted)| words.words.get(&at) == Some(wanted)))
    }

    /// Writes one of the model's commands. Whether it was obeyed, the caller must see from the board.
    pub(super) async fn command(&mut self, name: &str) -> Result<(), Fault> {
        let command = self.model.command(name).ok_or_else(|| {
            fault::internal(format_args!("device model {} has no command {name:?}", self.model.id))
        })?;
        let request = Request::WriteSingle {
            address: map::place_of(&self.model, command.address),
            value: command.value,
        };
        let asked = self.bus.asked(&request)?;
        let acknowledged = command.acknowledged;
        self.ensure_identified().await?;
        let of_command = |failure: fault::BusFault| failure.of_write(&asked, name);
        self.open_for(Purpose::Work, &request).await.map_err(of_command)?;
        if acknowledged {
            return self.bus.exchange(Purpose::Work, &request).await.map(drop).map_err(of_command);
        }
        self.bus.tell(&request).await
    }

    /// The register at that address, for a person.
    fn name_at(&self, address: u16) -> String {
        let found = self.model.registers.iter().find(|r| {
            let first = map::place(&self.model, r);
            (first..=first.saturating_add(map::places(&self.model, r) - 1)).contains(&address)
        });
        found.map_or_else(|| format!("register {address}"), |register| register.name.clone())
    }
}

async fn exchange_read(
    bus: &mut Bus,
    purpose: Purpose,
    request: &Request,
    words: &mut Words,
) -> Result<(), fault::BusFault> {
    if let Checked::Registers(values) = bus.exchange(purpose, request).await? {
        let (address, _) = request.span();
        words.words.extend((address..=u16::MAX).zip(values));
    }
    Ok(())
}
