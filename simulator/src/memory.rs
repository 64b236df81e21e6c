//! The register memory and its rules: what may be read, what may be written, what is kept over a restart.
//! Raw words only; what the live registers show is laid over them by the board, and how a refusal is said is its framing's.

use std::{collections::BTreeMap, sync::Arc};

use domain::model::{Access, Block, Command, DeviceModel, Register, RegisterKind};

mod factory;
mod stored;

pub use stored::Stored;

use crate::{codec, faults::Fault, places::Place};

/// A write that means more than its words.
#[derive(Debug, Clone, PartialEq)]
pub enum Meaning {
    /// A command of the model, by name.
    Command(String),
    /// The true current, amperes.
    Calibrate(f64),
    /// The factory mode was left, and what was written in it is kept.
    Saved,
}

/// Why the board does not do what it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Not by this function.
    Function,
    /// Nothing is there.
    Hole,
    /// Not such a value, or not so many.
    Value,
    /// The password or the factory mode is missing.
    Closed,
    /// It is not written (any more), or what is written is wrong here and now.
    Denied,
}

/// Memory of one board.
#[derive(Debug, Clone)]
pub struct Memory {
    /// The board's own.
    model: Arc<DeviceModel>,
    place: Place,
    working: Stored,
    kept: Stored,
    /// What was written to fields that are never read back: passwords on their way.
    scratch: BTreeMap<u16, u16>,
    unlocked: bool,
    /// In factory mode: what to go back to where it is left without saving.
    before: Option<Box<Stored>>,
    dirty: bool,
    /// What never reaches `kept`.
    weak: Weak,
    forgets_password: bool,
    writes: u64,
}

#[derive(Debug, Clone)]
enum Weak {
    Sound,
    /// Takes the first parameter that is changed; the number chooses among those changed together.
    Undecided(u64),
    Field(Box<Register>),
    /// The whole store.
    Everything,
}

impl Memory {
    /// With what the board holds at birth.
    #[must_use]
    pub fn new(
        model: Arc<DeviceModel>,
        born: Stored,
        fault: Option<Fault>,
        seed: u64,
        forgets_password: bool,
    ) -> Self {
        let weak = match fault {
            Some(Fault::RegisterDoesNotHold) => Weak::Undecided(seed),
            Some(Fault::KeepsNothing) => Weak::Everything,
            _ => Weak::Sound,
        };
        Self {
            place: Place::of(&model),
            model,
            working: born.clone(),
            kept: born,
            scratch: BTreeMap::new(),
            unlocked: false,
            before: None,
            dirty: false,
            weak,
            forgets_password,
            writes: 0,
        }
    }

    /// What the board works with now.
    #[must_use]
    pub fn working(&self) -> &Stored {
        &self.working
    }

    /// What it would hold after a restart.
    #[must_use]
    pub fn kept(&self) -> &Stored {
        &self.kept
    }

    #[must_use]
    pub fn is_unlocked(&self) -> bool {
        self.unlocked
    }

    /// Registers written since birth.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.writes
    }

    /// Whether something waits to be stored.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// The working value of a field, raw.
    #[must_use]
    pub fn field(&self, register: &Register) -> Vec<u16> {
        self.working.raw(&self.model, register)
    }

    /// The working value of a field; none for texts.
    #[must_use]
    pub fn number(&self, register: &Register) -> Option<f64> {
        self.working.number(&self.model, register)
    }

    /// What one place holds now; 0 where nothing was ever put.
    #[must_use]
    pub fn word(&self, place: u16) -> u16 {
        self.working.at(place)
    }

    /// Takes the correction of a calibration.
    pub fn set_gain(&mut self, gain: f64) {
        self.working.gain = gain;
        self.working.calibrated = true;
        self.touch();
    }

    /// Puts every parameter back to what it was at birth; identity, password and correction stay.
    pub fn reset_parameters(&mut self, born: &Stored) {
        let model = self.model.clone();
        for place in model.parameters().flat_map(|register| self.place.all(register)) {
            self.working.words.insert(place, born.at(place));
        }
        self.touch();
    }

    /// Takes the values that a preset's command stands for, each by this board's own encoding.
    pub fn take_preset(&mut self, command: &Command) {
        let model = self.model.clone();
        for (name, value) in &command.sets {
            let Some(register) = model.register(name) else { continue };
            let scaled = self.working.scaled(&model, register);
            if let Some(raw) = codec::encode_text(&scaled, &value.to_string()) {
                self.working.put(&model, register, raw);
                self.touch();
            }
        }
    }

    /// Everything written so far reaches the store (what is weak only pretends), but for what waits for its factory mode's end.
    pub fn commit(&mut self) {
        self.leave_factory_mode();
        self.dirty = false;
        if matches!(self.weak, Weak::Everything) {
            return;
        }
        if let Weak::Undecided(seed) = self.weak {
            let changed: Vec<&Register> =
                self.model.parameters().filter(|register| self.may_be_weak(register)).collect();
            if !changed.is_empty() {
                let weak = changed[(seed % changed.len() as u64) as usize].clone();
                self.weak = Weak::Field(Box::new(weak));
            }
        }
        let mut next = self.working.clone();
        if let Weak::Field(register) = &self.weak {
            for place in self.place.all(register) {
                match self.kept.words.get(&place) {
                    Some(old) => next.words.insert(place, *old),
                    None => next.words.remove(&place),
                };
            }
        }
        let orders = self.orders_of(&self.kept);
        next.words.retain(|place, _| !self.is_order(*place));
        next.words.extend(orders);
        if self.forgets_password {
            next.password.clone_from(&self.kept.password);
        }
        self.kept = next;
    }

    /// The supply failed in the midst of storing: of the words that changed the first half is kept, the rest is as it was.
    pub fn commit_torn(&mut self) {
        let weak = |place: u16| match &self.weak {
            Weak::Field(field) => self.place.all(field).any(|at| at == place),
            Weak::Everything => true,
            Weak::Sound | Weak::Undecided(_) => false,
        };
        let changed: Vec<(u16, u16)> = self
            .working
            .words
            .iter()
            .filter(|(at, word)| self.kept.words.get(at) != Some(word) && !weak(**at))
            .map(|(at, word)| (*at, *word))
            .collect();
        let half = changed.len() / 2;
        self.kept.words.extend(changed.into_iter().take(half));
    }

    /// One bit of the field's last place is another from now on, whatever was stored.
    pub fn corrupt(&mut self, register: &Register) {
        let last = match (self.place, register.kind) {
            // Of a text that says its length, the last that belongs to it.
            (Place::Byte, RegisterKind::AsciiLength) => self.word(register.address),
            _ => self.place.count(register) - 1,
        };
        let at = register.address.saturating_add(last);
        for stored in [&mut self.working, &mut self.kept] {
            *stored.words.entry(at).or_default() ^= 1;
        }
    }

    /// The board starts anew: what was not stored is gone, and the lock is closed.
    pub fn restart(&mut self) {
        self.working = self.kept.clone();
        self.scratch.clear();
        self.unlocked = false;
        self.before = None;
        self.dirty = false;
    }

    /// Whether all of these places may be read.
    ///
    /// # Errors
    /// Why not.
    pub fn check_read(&self, first: u16, quantity: u16) -> Result<(), Refusal> {
        let blocks = self.blocks(first, quantity).ok_or(Refusal::Hole)?;
        if blocks.iter().any(|block| block.access == Access::WriteOnly) {
            return Err(Refusal::Hole);
        }
        if blocks.iter().any(|block| block.locked_reads) && !self.is_open() {
            return Err(Refusal::Closed);
        }
        if self.registers(quantity) > self.model.link.max_read { Err(Refusal::Value) } else { Ok(()) }
    }

    /// Takes a write or refuses all of it. `single`: by function 06.
    ///
    /// # Errors
    /// Why not.
    pub fn write(&mut self, address: u16, values: &[u16], single: bool) -> Result<Vec<Meaning>, Refusal> {
        let quantity = values.len() as u16;
        let blocks = self.blocks(address, quantity).ok_or(Refusal::Hole)?;
        if blocks.iter().any(|block| block.access == Access::ReadOnly) {
            return Err(Refusal::Denied);
        }
        if !single && blocks.iter().any(|block| block.single_write_only) {
            return Err(Refusal::Function);
        }
        if blocks.iter().any(|block| block.locked) && !self.is_open() {
            return Err(Refusal::Closed);
        }
        if self.registers(quantity) > self.model.link.max_write {
            return Err(Refusal::Value);
        }
        for (at, value) in (address..).zip(values) {
            let block = self.model.block_of(at, 1).ok_or(Refusal::Hole)?;
            let old = self.word(at);
            if block.access == Access::WriteOnce && old != *value && !self.is_blank(block) {
                return Err(Refusal::Denied);
            }
        }
        if let Some(turn) = self.factory_turn(address, values) {
            self.writes += u64::from(self.registers(quantity));
            return turn.map(|turn| self.turn(turn));
        }
        let model = self.model.clone();
        let end = u32::from(address) + u32::from(quantity);
        let touched: Vec<&Register> = model
            .registers
            .iter()
            .filter(|r| u32::from(r.address) < end && self.place.end(r) > u32::from(address))
            .collect();
        // Boards of fields have no word for a value out of its range: what is written is taken.
        let has_ranges = self.place == Place::Word;
        for register in touched.iter().filter(|_| has_ranges) {
            let merged = self.merged(register, address, values);
            if !codec::is_acceptable(register, &merged) {
                return Err(Refusal::Value);
            }
        }
        let commands = self.commands(address, values)?;
        let mut meanings: Vec<Meaning> = commands.into_iter().map(Meaning::Command).collect();
        for register in touched {
            let merged = self.merged(register, address, values);
            // A field of several registers is complete with its last one.
            let complete = self.place.end(register) <= end;
            self.take(register, &merged, complete, &mut meanings)?;
        }
        self.writes += u64::from(self.registers(quantity));
        for (at, value) in (address..).zip(values) {
            if self.is_secret(at) {
                self.scratch.insert(at, *value);
            } else if self.place == Place::Byte && self.is_order(at) {
                // Where an address is a field, what is never read is never stored.
                self.working.words.insert(at, *value);
            } else if self.working.words.insert(at, *value) != Some(*value) {
                self.touch();
            }
        }
        Ok(meanings)
    }

    /// The roles that the model gives to fields.
    fn take(
        &mut self,
        register: &Register,
        raw: &[u16],
        complete: bool,
        meanings: &mut Vec<Meaning>,
    ) -> Result<(), Refusal> {
        if let Some(password) = &self.model.password {
            if register.name == password.unlock_register && complete {
                let typed = codec::decode_text(register, raw);
                self.unlocked = typed.trim_end() == self.working.password;
                return if self.unlocked { Ok(()) } else { Err(Refusal::Denied) };
            }
            if password.set_register.as_ref() == Some(&register.name) && complete {
                let wanted = codec::decode_text(register, raw);
                if !self.unlocked {
                    return Err(Refusal::Closed);
                }
                if wanted.len() != usize::from(password.length)
                    || !wanted.bytes().all(|byte| byte.is_ascii_graphic())
                {
                    return Err(Refusal::Value);
                }
                self.working.password = wanted;
                self.touch();
            }
        }
        if let Some(calibration) = &self.model.calibration
            && register.name == calibration.register
            && complete
            && let Some(true_a) = codec::decode_number(register, raw)
        {
            let per_ampere = if register.unit == "mA" { 1000.0 } else { 1.0 };
            meanings.push(Meaning::Calibrate(true_a / per_ampere));
        }
        Ok(())
    }

    fn commands(&self, address: u16, values: &[u16]) -> Result<Vec<String>, Refusal> {
        let mut found = Vec::new();
        for at in (address..).take(values.len()) {
            let mut here = self.model.commands.iter().filter(|command| command.address == at).peekable();
            if here.peek().is_some() {
                let value = self.said(address, values, at);
                let meant = here.find(|command| Some(command.value) == value).ok_or(Refusal::Value)?;
                found.push(meant.name.clone());
            }
        }
        Ok(found)
    }

    /// The number of 16 bits that a write from `address` on puts at `at`.
    fn said(&self, address: u16, values: &[u16], at: u16) -> Option<u16> {
        let rest = values.get(usize::from(at.checked_sub(address)?)..)?;
        match (self.place, rest) {
            (Place::Word, [word, ..]) => Some(*word),
            (Place::Byte, [high, low, ..]) => Some(high << 8 | low),
            (Place::Byte, [byte]) => Some(*byte),
            (_, []) => None,
        }
    }

    /// So many places in registers.
    fn registers(&self, places: u16) -> u16 {
        match self.place {
            Place::Word => places,
            Place::Byte => places.div_ceil(2),
        }
    }

    /// Something waits to be stored, at once or when the factory mode is left.
    fn touch(&mut self) {
        self.dirty |= self.before.is_none();
    }

    fn merged(&self, register: &Register, address: u16, values: &[u16]) -> Vec<u16> {
        let held = self
            .place
            .all(register)
            .map(|at| match at.checked_sub(address).and_then(|index| values.get(usize::from(index))) {
                Some(value) => *value,
                None => self.scratch.get(&at).copied().unwrap_or_else(|| self.word(at)),
            })
            .collect();
        self.place.raw(register, held)
    }

    /// The blocks that together hold all these addresses; none where one is in a hole.
    fn blocks(&self, address: u16, quantity: u16) -> Option<Vec<&Block>> {
        let mut found = Vec::new();
        let mut at = u32::from(address);
        let end = at + u32::from(quantity);
        if quantity == 0 || end > 0x1_0000 {
            return None;
        }
        while at < end {
            let block = self.model.block_of(at as u16, 1)?;
            found.push(block);
            at = u32::from(block.start) + u32::from(block.count);
        }
        Some(found)
    }

    fn is_blank(&self, block: &Block) -> bool {
        (block.start..).take(usize::from(block.count)).all(|address| self.word(address) == 0)
    }

    fn is_secret(&self, address: u16) -> bool {
        let Some(password) = &self.model.password else { return false };
        password.secret_registers().any(|name| {
            let field = self.model.register(name);
            field.is_some_and(|register| self.place.all(register).any(|at| at == address))
        })
    }

    /// A plain number that was just changed and matters to nothing but its own reading.
    fn may_be_weak(&self, register: &Register) -> bool {
        let plain = matches!(register.kind, RegisterKind::U16 | RegisterKind::I16);
        let changed = self
            .place
            .all(register)
            .any(|place| self.working.words.get(&place) != self.kept.words.get(&place));
        plain && changed && Some(&register.name) != self.model.cells.count_register.as_ref()
    }
}
