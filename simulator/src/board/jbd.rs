//! The application's side of a board in JBD's framing: a field whole, and what it answers about it.
//!
//! What is published and what is not: an answer outside factory mode bears 80h (captured, for a read) or 81h (V11, "status bit"); a
//! write to a register that the board does not have is acknowledged and forgotten (Capacity_parameter_registers.md, of older
//! boards). Which status a field of a wrong length gets is printed nowhere: 80h here.

use domain::model::{AddressStep, Register, RegisterKind};
use protocol::{
    Instant,
    jbd::{Reply, Request, Status},
};

use super::{Board, application::Effects};
use crate::{
    live::Live,
    memory::Refusal,
    places::{self, Place},
};

/// Bytes of a field in which no register is named: a constant.
const CONSTANT: usize = 2;

impl Board {
    pub(super) fn obey_jbd(&mut self, now: Instant, request: &Request, effects: &mut Effects) -> Reply {
        let (register, outcome) = match request {
            Request::Read { register } => (*register, self.read_field(now, *register)),
            Request::Write { register, data } => {
                (*register, self.write_field(now, *register, data, effects).map(|()| Vec::new()))
            }
            // The access to many parameters by number, of newer boards.
            Request::ReadBlock { .. } | Request::WriteBlock { .. } => {
                (request.register(), Err(Status::NoSuchCommand))
            }
        };
        match outcome {
            Ok(data) => Reply { register, status: Status::Done, data },
            Err(status) => Reply { register, status, data: Vec::new() },
        }
    }

    fn read_field(&mut self, now: Instant, field: u8) -> Result<Vec<u8>, Status> {
        let first = first_of(field);
        self.memory.check_read(first, 1).map_err(|_| Status::NoSuchCommand)?;
        let length = self.field_bytes(first).ok_or(Status::NoSuchCommand)?;
        self.read_since_start.extend((first..).take(usize::from(length)));
        Ok(self.read(now, first, length).into_iter().map(|byte| byte as u8).collect())
    }

    fn write_field(
        &mut self,
        now: Instant,
        field: u8,
        data: &[u8],
        effects: &mut Effects,
    ) -> Result<(), Status> {
        let first = first_of(field);
        if self.model.block_of(first, 1).is_none() {
            return Ok(());
        }
        // What is closed is not looked into.
        if self.takes(first, data) {
            let values: Vec<u16> = data.iter().map(|byte| u16::from(*byte)).collect();
            self.write(now, first, &values, false, effects).map_err(|refusal| match refusal {
                Refusal::Closed | Refusal::Denied => Status::InvalidOperation,
                Refusal::Function | Refusal::Hole | Refusal::Value => Status::NoSuchCommand,
            })
        } else if self.memory.takes_nothing(first) {
            Err(Status::InvalidOperation)
        } else {
            Err(Status::NoSuchCommand)
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
        let Some(last) = inside.last() else { return data.len() == CONSTANT };
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
            RegisterKind::AsciiNul => {
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
fn first_of(field: u8) -> u16 {
    places::at(AddressStep::Field, u16::from(field)).unwrap_or_default()
}
