//! A board whose addresses are whole fields: each is read whole and written whole, whatever the frame around it.

use domain::model::{AddressStep, Register, RegisterKind};
use protocol::Instant;

use super::{Board, application::Effects};
use crate::{
    live::Live,
    memory::Refusal,
    places::{self, Place},
};

/// Bytes of a constant.
const CONSTANT: usize = 2;

impl Board {
    pub(super) fn read_field(&mut self, now: Instant, field: u16) -> Result<Vec<u8>, Refusal> {
        let first = first_of(field);
        self.memory.check_read(first, 1)?;
        let length = self.field_bytes(first).ok_or(Refusal::Hole)?;
        self.read_since_start.extend((first..).take(usize::from(length)));
        Ok(self.read(now, first, length).into_iter().map(|byte| byte as u8).collect())
    }

    pub(super) fn write_field(
        &mut self,
        now: Instant,
        field: u16,
        data: &[u8],
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let first = first_of(field);
        // What is closed is not looked into.
        if self.takes(first, data) {
            let values: Vec<u16> = data.iter().map(|byte| u16::from(*byte)).collect();
            self.write(now, first, &values, false, effects)
        } else if self.memory.takes_nothing(first) {
            Err(Refusal::Closed)
        } else {
            Err(Refusal::Value)
        }
    }

    /// The registers in the field that begins at this place, in order.
    fn registers_of(&self, first: u16) -> Vec<&Register> {
        let places = places::field(first);
        let mut inside: Vec<&Register> =
            self.model.registers.iter().filter(|r| places.contains(&u32::from(r.address))).collect();
        inside.sort_by_key(|register| register.address);
        inside
    }

    /// Whether the data is as long as the field. A text says how long it is itself.
    fn takes(&self, first: u16, data: &[u8]) -> bool {
        let inside = self.registers_of(first);
        let Some(last) = inside.last() else { return data.len() == self.constant_bytes(first) };
        let most = usize::from(last.address - first) + usize::from(last.bytes());
        match last.kind {
            RegisterKind::AsciiLength => {
                let text = data.get(usize::from(last.address - first)..).unwrap_or_default();
                data.len() <= most
                    && text.split_first().is_some_and(|(length, text)| usize::from(*length) == text.len())
            }
            _ => data.len() == most,
        }
    }

    /// Bytes of all that the model names in a field; of one without a name, those of a constant.
    pub(super) fn whole_field_bytes(&self, first: u16) -> usize {
        let last = self.registers_of(first).last().map(|last| last.address - first + last.bytes());
        last.map_or_else(|| self.constant_bytes(first), usize::from)
    }

    /// Bytes of a field in which no register is named: of the commands that are given there, or of a constant.
    fn constant_bytes(&self, first: u16) -> usize {
        let mut commands = self.model.commands.iter().filter(|command| command.address == first);
        commands.find_map(|command| command.bytes).map_or(CONSTANT, usize::from)
    }

    /// How many bytes of a field are sent: to the end of the last register that is there; none: none is.
    fn field_bytes(&self, first: u16) -> Option<u16> {
        let inside = self.registers_of(first);
        inside.first()?;
        let cells = self.cell_count();
        let sensors = self.sensor_count();
        let is_there = |register: &&&Register| match self.live_of(register) {
            Some(Live::Cell(index)) => index < cells,
            Some(Live::Sensor(index)) => index < sensors,
            _ => true,
        };
        let Some(last) = inside.iter().rfind(is_there) else { return Some(0) };
        let held = self.memory.field(last);
        let bytes = match last.kind {
            RegisterKind::AsciiLength => {
                1 + (held.first().copied().unwrap_or_default() >> 8).min(last.bytes() - 1)
            }
            // JBD's texts are as long as they are; where frames are described, a text fills its place.
            RegisterKind::AsciiNul if self.model.frame.is_none() => {
                let used = Place::Byte.all(last).take_while(|place| self.memory.word(*place) != 0);
                used.count() as u16
            }
            _ => last.bytes(),
        };
        Some(last.address - first + bytes)
    }

    fn live_of(&self, register: &Register) -> Option<Live> {
        self.live.iter().find(|(shown, _)| shown.address == register.address).map(|(_, live)| *live)
    }
}

/// The place at which a field begins.
pub(super) fn first_of(field: u16) -> u16 {
    places::at(AddressStep::Field, field).unwrap_or_default()
}
