//! The application's side of a board in JBD's framing: a field whole, and what it answers about it.
//!
//! What is published and what is not: an answer outside factory mode bears 80h (captured, for a read) or 81h (V11, "status bit"); a
//! write to a register that the board does not have is acknowledged and forgotten (Capacity_parameter_registers.md, of older
//! boards). Which status a field of a wrong length gets is printed nowhere: 80h here.

use protocol::{
    Instant,
    jbd::{Reply, Request, Status},
};

use super::{Board, application::Effects, fields::first_of};
use crate::memory::Refusal;

impl Board {
    pub(super) fn obey_jbd(&mut self, now: Instant, request: &Request, effects: &mut Effects) -> Reply {
        let (register, outcome) = match request {
            Request::Read { register } => {
                let read = self.read_field(now, u16::from(*register));
                (*register, read.map_err(|_| Status::NoSuchCommand))
            }
            // Of older boards: acknowledged, and there is nothing.
            Request::Write { register, .. }
                if self.model.block_of(first_of(u16::from(*register)), 1).is_none() =>
            {
                (*register, Ok(Vec::new()))
            }
            Request::Write { register, data } => {
                let written = self.write_field(now, u16::from(*register), data, effects);
                let status = |refusal| match refusal {
                    Refusal::Closed | Refusal::Denied => Status::InvalidOperation,
                    Refusal::Function | Refusal::Hole | Refusal::Value => Status::NoSuchCommand,
                };
                (*register, written.map(|()| Vec::new()).map_err(status))
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
}
