//! The register memory and its rules: what may be read, what may be written, what is kept over a restart.
//! Raw words only; what the live registers show is laid over them by the board.

use std::{collections::BTreeMap, sync::Arc};

use domain::model::{Access, Block, Command, DeviceModel, Register, RegisterKind};
use protocol::modbus::ExceptionCode;
use serde::{Deserialize, Serialize};

use crate::{codec, faults::Fault, words};

/// What survives a restart once it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stored {
    pub words: BTreeMap<u16, u16>,
    pub password: String,
    /// The current's correction; 1 from birth.
    pub gain: f64,
    pub calibrated: bool,
}

/// A write that means more than its words.
#[derive(Debug, Clone, PartialEq)]
pub enum Meaning {
    /// A command of the model, by name.
    Command(String),
    /// The true current, amperes.
    Calibrate(f64),
}

/// Memory of one board.
#[derive(Debug, Clone)]
pub struct Memory {
    model: Arc<DeviceModel>,
    working: Stored,
    kept: Stored,
    /// What was written to fields that are never read back: passwords on their way.
    scratch: BTreeMap<u16, u16>,
    unlocked: bool,
    dirty: bool,
    /// The one field that never reaches `kept`.
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
        let weak =
            if fault == Some(Fault::RegisterDoesNotHold) { Weak::Undecided(seed) } else { Weak::Sound };
        Self {
            model,
            working: born.clone(),
            kept: born,
            scratch: BTreeMap::new(),
            unlocked: false,
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
        let places = (register.address..).take(usize::from(register.width()));
        words::raw(register, places.map(|address| self.word(address)).collect())
    }

    /// One working word; 0 where nothing was ever put.
    #[must_use]
    pub fn word(&self, address: u16) -> u16 {
        self.working.words.get(&address).copied().unwrap_or_default()
    }

    /// Takes the correction of a calibration.
    pub fn set_gain(&mut self, gain: f64) {
        self.working.gain = gain;
        self.working.calibrated = true;
        self.dirty = true;
    }

    /// Puts every parameter back to what it was at birth; identity, password and correction stay.
    pub fn reset_parameters(&mut self, born: &Stored) {
        let model = self.model.clone();
        for register in model.parameters() {
            for address in (register.address..).take(usize::from(register.width())) {
                let word = born.words.get(&address).copied().unwrap_or_default();
                self.working.words.insert(address, word);
            }
        }
        self.dirty = true;
    }

    /// Takes the values that a preset's command stands for, each by this board's own encoding.
    pub fn take_preset(&mut self, command: &Command) {
        let model = self.model.clone();
        for (name, value) in &command.sets {
            let Some(register) = model.register(name) else { continue };
            let raw = codec::encode_text(register, &value.to_string()).unwrap_or_default();
            let words = words::laid(register, raw, self.word(register.address));
            for (address, word) in (register.address..).zip(words) {
                self.working.words.insert(address, word);
                self.dirty = true;
            }
        }
    }

    /// Everything written so far reaches the store (the weak field only pretends).
    pub fn commit(&mut self) {
        self.dirty = false;
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
            for address in (register.address..).take(usize::from(register.width())) {
                match self.kept.words.get(&address) {
                    Some(old) => next.words.insert(address, *old),
                    None => next.words.remove(&address),
                };
            }
        }
        if self.forgets_password {
            next.password.clone_from(&self.kept.password);
        }
        self.kept = next;
    }

    /// The supply failed in the midst of storing: of the words that changed the first half is kept, the rest is as it was.
    pub fn commit_torn(&mut self) {
        let weak = |address: u16| match &self.weak {
            Weak::Field(field) => (field.address..).take(usize::from(field.width())).any(|at| at == address),
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

    /// One bit of the field's last word is another from now on, whatever was stored.
    pub fn corrupt(&mut self, register: &Register) {
        let at = register.address + register.width() - 1;
        for stored in [&mut self.working, &mut self.kept] {
            *stored.words.entry(at).or_default() ^= 1;
        }
    }

    /// The board starts anew: what was not stored is gone, and the lock is closed.
    pub fn restart(&mut self) {
        self.working = self.kept.clone();
        self.scratch.clear();
        self.unlocked = false;
        self.dirty = false;
    }

    /// Whether all of these registers may be read.
    ///
    /// # Errors
    /// The exception that the board answers.
    pub fn check_read(&self, address: u16, quantity: u16) -> Result<(), ExceptionCode> {
        let readable = |block: &Block| block.access != Access::WriteOnly;
        let all = self
            .blocks(address, quantity)
            .ok_or(ExceptionCode::IllegalDataAddress)?
            .into_iter()
            .all(readable);
        if !all {
            return Err(ExceptionCode::IllegalDataAddress);
        }
        if quantity > self.model.link.max_read { Err(ExceptionCode::IllegalDataValue) } else { Ok(()) }
    }

    /// Takes a write or refuses all of it. `single`: by function 06.
    ///
    /// # Errors
    /// The exception that the board answers: 01 for a function the block does not take, 02 for a hole, 03 for a value
    /// out of range, 04 for a closed lock, a wrong password, or a field that is not written (any more).
    pub fn write(
        &mut self,
        address: u16,
        values: &[u16],
        single: bool,
    ) -> Result<Vec<Meaning>, ExceptionCode> {
        let quantity = values.len() as u16;
        let blocks = self.blocks(address, quantity).ok_or(ExceptionCode::IllegalDataAddress)?;
        if blocks.iter().any(|block| block.access == Access::ReadOnly) {
            return Err(ExceptionCode::DeviceFailure);
        }
        if !single && blocks.iter().any(|block| block.single_write_only) {
            return Err(ExceptionCode::IllegalFunction);
        }
        if !self.unlocked && blocks.iter().any(|block| block.locked) {
            return Err(ExceptionCode::DeviceFailure);
        }
        if quantity > self.model.link.max_write {
            return Err(ExceptionCode::IllegalDataValue);
        }
        for (at, value) in (address..).zip(values) {
            let block = self.model.block_of(at, 1).ok_or(ExceptionCode::IllegalDataAddress)?;
            let old = self.word(at);
            if block.access == Access::WriteOnce && old != *value && !self.is_blank(block) {
                return Err(ExceptionCode::DeviceFailure);
            }
        }
        let model = self.model.clone();
        let end = u32::from(address) + u32::from(quantity);
        let touched: Vec<&Register> = model
            .registers
            .iter()
            .filter(|r| u32::from(r.address) < end && r.address.saturating_add(r.width()) > address)
            .collect();
        for register in &touched {
            let merged = self.merged(register, address, values);
            if !codec::is_acceptable(register, &merged) {
                return Err(ExceptionCode::IllegalDataValue);
            }
        }
        let commands = self.commands(address, values)?;
        let mut meanings: Vec<Meaning> = commands.into_iter().map(Meaning::Command).collect();
        for register in touched {
            let merged = self.merged(register, address, values);
            // A field of several registers is complete with its last one.
            let complete = u32::from(register.address) + u32::from(register.width()) <= end;
            self.take(register, &merged, complete, &mut meanings)?;
        }
        self.writes += u64::from(quantity);
        for (at, value) in (address..).zip(values) {
            if self.is_secret(at) {
                self.scratch.insert(at, *value);
            } else if self.working.words.insert(at, *value) != Some(*value) {
                self.dirty = true;
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
    ) -> Result<(), ExceptionCode> {
        if let Some(password) = &self.model.password {
            if register.name == password.unlock_register && complete {
                let typed = codec::decode_text(register, raw);
                self.unlocked = typed.trim_end() == self.working.password;
                return if self.unlocked { Ok(()) } else { Err(ExceptionCode::DeviceFailure) };
            }
            if password.set_register.as_ref() == Some(&register.name) && complete {
                let wanted = codec::decode_text(register, raw);
                if !self.unlocked {
                    return Err(ExceptionCode::DeviceFailure);
                }
                if wanted.len() != usize::from(password.length)
                    || !wanted.bytes().all(|byte| byte.is_ascii_graphic())
                {
                    return Err(ExceptionCode::IllegalDataValue);
                }
                self.working.password = wanted;
                self.dirty = true;
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

    fn commands(&self, address: u16, values: &[u16]) -> Result<Vec<String>, ExceptionCode> {
        let mut found = Vec::new();
        for (at, value) in (address..).zip(values) {
            let mut here = self.model.commands.iter().filter(|command| command.address == at).peekable();
            if here.peek().is_some() {
                let meant =
                    here.find(|command| command.value == *value).ok_or(ExceptionCode::IllegalDataValue)?;
                found.push(meant.name.clone());
            }
        }
        Ok(found)
    }

    fn merged(&self, register: &Register, address: u16, values: &[u16]) -> Vec<u16> {
        let places = (register.address..).take(usize::from(register.width()));
        let held = places
            .map(|at| match at.checked_sub(address).and_then(|index| values.get(usize::from(index))) {
                Some(value) => *value,
                None => self.scratch.get(&at).copied().unwrap_or_else(|| self.word(at)),
            })
            .collect();
        words::raw(register, held)
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
            field.is_some_and(|r| (r.address..r.address.saturating_add(r.width())).contains(&address))
        })
    }

    /// A plain number that was just changed and matters to nothing but its own reading.
    fn may_be_weak(&self, register: &Register) -> bool {
        let plain = matches!(register.kind, RegisterKind::U16 | RegisterKind::I16);
        let changed = (register.address..)
            .take(usize::from(register.width()))
            .any(|address| self.working.words.get(&address) != self.kept.words.get(&address));
        plain && changed && Some(&register.name) != self.model.cells.count_register.as_ref()
    }
}
