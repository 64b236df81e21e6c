//! Reads and writes by the model's map: few transactions, repeats of reads only, and after every accident the identity first.

use super::{BoardLink, bus::Bus, fault, map};
use crate::{board::Reading, wire::Recorder};
use domain::{
    codec,
    model::{Access, AddressStep, DeviceModel, Register},
    text::Fault,
    value::Value,
};
use protocol::{
    guard::{Checked, Purpose},
    modbus::Request,
    write_plan::{self, Field, Span, WriteLimits},
};
use std::{collections::BTreeMap, ops::RangeInclusive, sync::Arc};

/// Registers as read, by their words on the wire.
#[derive(Debug)]
pub(super) struct Words {
    model: Arc<DeviceModel>,
    words: BTreeMap<u16, u16>,
}

impl Words {
    fn new(model: &Arc<DeviceModel>) -> Self {
        Self { model: Arc::clone(model), words: BTreeMap::new() }
    }

    fn carrying(&self, register: &Register) -> Option<Vec<u16>> {
        let first = map::word(&self.model, register.address);
        (0..register.width()).map(|i| self.words.get(&first.checked_add(i)?).copied()).collect()
    }

    /// The raw value of a field; only what was read is there.
    pub(super) fn of(&self, register: &Register) -> Result<Vec<u16>, Fault> {
        let words = self.carrying(register);
        words.map(|words| map::raw(register, &words)).ok_or_else(|| {
            fault::internal(format_args!("{} was not among the registers read", register.name))
        })
    }

    /// The word that half a register shares with its other half; 0 for whole ones, which need no company.
    pub(super) fn around(&self, register: &Register) -> u16 {
        let word = self.words.get(&map::word(&self.model, register.address)).copied();
        word.filter(|_| map::is_half(register)).unwrap_or_default()
    }

    pub(super) fn reading(&self, register: &Register) -> Result<Reading, Fault> {
        let raw = self.of(register)?;
        let other = map::rescaled(&self.model, register, |switch| self.of(switch).ok());
        Ok(reading(other.as_ref().unwrap_or(register), raw))
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

/// The fields of a model that hold passwords, so that no frame with one of them in it is recorded as it is, whoever asked for it.
#[derive(Debug, Clone, Default)]
pub(super) struct SecretFields {
    fields: Vec<Register>,
    /// Addresses that a register takes.
    step: u32,
}

impl SecretFields {
    pub(super) fn of(model: &DeviceModel) -> Self {
        let fields = model.registers.iter().filter(|register| is_secret(model, register)).cloned().collect();
        let step = if model.link.address_step == AddressStep::Byte { 2 } else { 1 };
        Self { fields, step }
    }

    /// Tells the recorder what the next frame is.
    pub(super) fn announce(&self, recorder: &Recorder, address: u8, request: &Request) {
        let (first, quantity) = request.span();
        let (from, to) = (u32::from(first), u32::from(first) + u32::from(quantity) * self.step);
        let touched = self.fields.iter().find(|register| {
            let at = u32::from(register.address);
            at < to && from < at + u32::from(register.width()) * self.step
        });
        match touched {
            Some(register) if request.is_write() => {
                recorder.expect_secret(address, request, password_of(register, request).as_deref());
            }
            // A read of one is not planned by anybody; what it brings is not kept.
            Some(_) => recorder.expect_secret(address, request, None),
            None => recorder.expect_plain(),
        }
    }
}

/// The password that a write carries, where it is whole.
fn password_of(register: &Register, request: &Request) -> Option<String> {
    let words = match request {
        Request::WriteSingle { value, .. } => std::slice::from_ref(value),
        Request::WriteMultiple { values, .. } => values,
        Request::ReadHolding { .. } | Request::ReadInput { .. } => return None,
    };
    let from = usize::from(register.address.checked_sub(request.span().0)?);
    let own = words.get(from..from + usize::from(register.width()))?;
    match codec::decode(register, own).ok()? {
        Value::Text(text) => Some(text),
        Value::Number(_) => None,
    }
}

/// One field to be written, its values raw.
pub(super) struct Write<'m> {
    pub register: &'m Register,
    /// What the board holds where that is known; equal fields are not written.
    pub current: Option<Vec<u16>>,
    pub wanted: Vec<u16>,
    /// The word that half a register shares with its other half, as the board holds it.
    pub around: u16,
}

impl<'m> Write<'m> {
    /// Of a whole register.
    pub(super) fn whole(register: &'m Register, current: Option<Vec<u16>>, wanted: Vec<u16>) -> Self {
        Self { register, current, wanted, around: 0 }
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

    async fn read_one(&mut self, request: &Request, words: &mut Words) -> Result<(), Fault> {
        let mut tries_left = self.tries();
        #[cfg(feature = "sabotage")]
        if let Some(shadow) = self.shadow.answer(request) {
            words.words.extend(shadow);
            return Ok(());
        }
        loop {
            self.ensure_identified().await?;
            match exchange_read(&mut self.bus, Purpose::Work, request, words).await {
                Ok(()) => {
                    #[cfg(feature = "sabotage")]
                    self.shadow.read(request, &mut words.words);
                    return Ok(());
                }
                Err(failure) if failure.is_transient() && tries_left > 0 => {
                    tracing::warn!(request = fault::describe(request), ?failure, tries_left, "read repeated");
                    tries_left -= 1;
                }
                Err(failure) => return Err(failure.of_read(&self.bus.on_wire(request))),
            }
        }
    }

    /// As [`Self::read`] for the identity itself.
    pub(super) async fn read_unidentified(
        &mut self,
        registers: &[&Register],
    ) -> Result<Words, (fault::BusFault, Request)> {
        let mut words = Words::new(&self.model);
        let plan = match plan_reads(&self.model, registers) {
            Ok(plan) => plan,
            Err(fault) => {
                return Err((fault::BusFault::Port(fault), Request::ReadHolding { address: 0, quantity: 1 }));
            }
        };
        for request in plan {
            // Each try is two exchanges where answers are owed, and nothing else can be done before one of them succeeds: as many
            // again as for work, and two.
            let mut tries_left = self.tries() * 2 + 2;
            let up_to = readable_from(&self.model, &request);
            loop {
                let outcome = match self.bus.synchronise(&request, up_to).await {
                    Ok(()) => exchange_read(&mut self.bus, Purpose::Identify, &request, &mut words).await,
                    Err(failure) => Err(failure),
                };
                match outcome {
                    Ok(()) => break,
                    Err(failure) if failure.is_transient() && tries_left > 0 => {
                        tracing::warn!(
                            request = fault::describe(&request),
                            ?failure,
                            tries_left,
                            "identity read repeated"
                        );
                        tries_left -= 1;
                    }
                    Err(failure) => return Err((failure, self.bus.on_wire(&request))),
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
            #[cfg(feature = "sabotage")]
            self.shadow.wrote(request);
            let failure = match self.bus.exchange(Purpose::Work, request).await {
                Ok(_) => return Ok(()),
                Err(failure) => failure,
            };
            if failure.is_transient() && self.holds(request).await? {
                tracing::warn!(
                    request = fault::describe(request),
                    ?failure,
                    "the write was taken all the same"
                );
                return Ok(());
            }
            if !failure.is_transient() || tries_left == 0 {
                let name = self.name_at(request.span().0);
                return Err(failure.of_write(&self.bus.on_wire(request), &name));
            }
            tracing::warn!(request = fault::describe(request), ?failure, tries_left, "write repeated");
            tries_left -= 1;
        }
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
            Request::ReadHolding { .. } | Request::ReadInput { .. } => return Ok(false),
        };
        if !map::block_of(&self.model, address, quantity).is_some_and(|block| is_readable(block.access)) {
            return Ok(false);
        }
        let mut words = Words::new(&self.model);
        self.read_one(&Request::ReadHolding { address, quantity }, &mut words).await?;
        Ok((address..).zip(wanted).all(|(at, wanted)| words.words.get(&at) == Some(wanted)))
    }

    /// Writes one of the model's commands. Whether it was obeyed, the caller must see from the board.
    pub(super) async fn command(&mut self, name: &str) -> Result<(), Fault> {
        let command = self.model.command(name).ok_or_else(|| {
            fault::internal(format_args!("device model {} has no command {name:?}", self.model.id))
        })?;
        let request =
            Request::WriteSingle { address: map::word(&self.model, command.address), value: command.value };
        if command.acknowledged {
            self.ensure_identified().await?;
            return self
                .bus
                .exchange(Purpose::Work, &request)
                .await
                .map(drop)
                .map_err(|failure| failure.of_write(&map::on_wire(&self.model, &request), name));
        }
        self.ensure_identified().await?;
        self.bus.tell(&request).await
    }

    /// The register at that address, for a person.
    fn name_at(&self, address: u16) -> String {
        let found = self.model.registers.iter().find(|r| {
            let first = map::word(&self.model, r.address);
            (first..=first.saturating_add(r.width() - 1)).contains(&address)
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

fn is_readable(access: Access) -> bool {
    access != Access::WriteOnly
}

/// How many registers one read may ask for from where `request` begins.
fn readable_from(model: &DeviceModel, request: &Request) -> u16 {
    let (address, quantity) = request.span();
    let in_block = map::block_of(model, address, quantity)
        .and_then(|block| map::words(model, block))
        .map_or(quantity, |words| words.end().saturating_sub(address).saturating_add(1));
    in_block.min(model.link.max_read).max(quantity)
}

fn plan_reads(model: &DeviceModel, registers: &[&Register]) -> Result<Vec<Request>, Fault> {
    let mut wanted: Vec<Span> = registers
        .iter()
        .map(|r| Span { address: map::word(model, r.address), quantity: r.width() })
        .collect();
    wanted.sort_unstable();
    wanted.dedup();
    let readable: Vec<RangeInclusive<u16>> = model
        .blocks
        .iter()
        .filter(|block| is_readable(block.access))
        .filter_map(|block| map::words(model, block))
        .collect();
    let plan = write_plan::plan_reads(&wanted, &readable, model.link.max_read).map_err(fault::internal)?;
    Ok(plan
        .into_iter()
        .map(|span| Request::ReadHolding { address: span.address, quantity: span.quantity })
        .collect())
}

pub(super) fn plan_writes(model: &DeviceModel, writes: &[Write<'_>]) -> Result<Vec<Request>, Fault> {
    let fields = [fields(model, writes), halves(model, writes)].concat();
    write_plan::plan_writes(&fields, limits(model)).map_err(|plan_fault| cannot_be_written(model, plan_fault))
}

fn access(model: &DeviceModel, register: &Register) -> write_plan::Access {
    match model.block(register) {
        None => write_plan::Access::ReadOnly,
        Some(block) if block.access == Access::ReadOnly => write_plan::Access::ReadOnly,
        Some(block) if block.single_write_only => write_plan::Access::SingleOnly,
        Some(_) => write_plan::Access::Writable,
    }
}

/// The whole registers of the writes as the planner knows them, in the order of the writes.
pub(super) fn fields(model: &DeviceModel, writes: &[Write<'_>]) -> Vec<Field> {
    let whole = writes.iter().filter(|write| !map::is_half(write.register));
    whole
        .map(|write| Field {
            address: map::word(model, write.register.address),
            current: write.current.as_ref().map(|raw| map::carried(write.register, raw, 0)),
            wanted: map::carried(write.register, &write.wanted, 0),
            access: access(model, write.register),
        })
        .collect()
}

/// The halves of registers, put together where both are written: one field a word. (No rule rests on half a register.)
fn halves(model: &DeviceModel, writes: &[Write<'_>]) -> Vec<Field> {
    let mut fields: BTreeMap<u16, Field> = BTreeMap::new();
    for write in writes.iter().filter(|write| map::is_half(write.register)) {
        let address = map::word(model, write.register.address);
        let field = fields.entry(address).or_insert_with(|| Field {
            address,
            current: write.current.as_ref().map(|_| vec![write.around]),
            wanted: vec![write.around],
            access: access(model, write.register),
        });
        let around = field.wanted.first().copied().unwrap_or_default();
        field.wanted = map::carried(write.register, &write.wanted, around);
    }
    fields.into_values().collect()
}

pub(super) fn limits(model: &DeviceModel) -> WriteLimits {
    WriteLimits { max_registers: model.link.max_write, single_for_one: model.link.write_single }
}

pub(super) fn cannot_be_written(model: &DeviceModel, plan_fault: impl std::fmt::Display) -> Fault {
    fault::internal(format_args!(
        "device model {} cannot be written as the profile asks: {plan_fault}",
        model.id
    ))
}
