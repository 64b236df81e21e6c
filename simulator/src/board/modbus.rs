//! The application's side of a board that speaks Modbus.

use domain::model::{AddressStep, Quantity};
use protocol::{
    Instant,
    modbus::{ExceptionCode, Request, Response, rtu::Frame},
};

use super::{Board, application::Effects};
use crate::{memory::Refusal, places};

impl Board {
    pub(super) fn obey_modbus(&mut self, now: Instant, frame: &Frame, effects: &mut Effects) -> Response {
        let function = frame.pdu.first().copied().unwrap_or_default();
        let response = match Request::decode(&frame.pdu) {
            Ok(request) => self.obey_request(now, &request, effects),
            Err(_) if matches!(function, 1 | 3 | 4 | 6 | 15 | 16) => Err(ExceptionCode::IllegalDataValue),
            Err(_) => Err(ExceptionCode::IllegalFunction),
        };
        response.unwrap_or_else(|code| Response::Exception { function, code })
    }

    fn obey_request(
        &mut self,
        now: Instant,
        request: &Request,
        effects: &mut Effects,
    ) -> Result<Response, ExceptionCode> {
        let place = |address: u16| places::at(self.step, address).ok_or(ExceptionCode::IllegalDataAddress);
        let reads_inputs = self.model.link.read_function == 4;
        let is_of_bits = |address: u16| {
            let block = places::at(self.step, address).and_then(|place| self.model.block_of(place, 1));
            block.is_some_and(|block| block.read_function == Some(1))
        };
        let has_bits = self.model.blocks.iter().any(|block| block.read_function == Some(1));
        let (address, _) = request.span();
        let asks_bits = matches!(request, Request::ReadCoils { .. } | Request::WriteCoils { .. });
        if asks_bits && !has_bits {
            return Err(ExceptionCode::IllegalFunction);
        }
        if is_of_bits(address) != asks_bits {
            return Err(ExceptionCode::IllegalDataAddress);
        }
        match request {
            Request::ReadCoils { address, quantity } => {
                self.memory.check_read(*address, *quantity).map_err(refused)?;
                self.read_since_start.extend((*address..).take(usize::from(*quantity)));
                let bits = self.read(now, *address, *quantity).into_iter().map(|bit| bit != 0);
                Ok(Response::ReadCoils(
                    bits.chain([false; 7]).take(8 * usize::from(quantity.div_ceil(8))).collect(),
                ))
            }
            Request::WriteCoils { address, values } => {
                let bits: Vec<u16> = values.iter().map(|bit| u16::from(*bit)).collect();
                self.write(now, *address, &bits, false, effects).map_err(refused)?;
                Ok(Response::WriteCoils { address: *address, quantity: bits.len() as u16 })
            }
            Request::ReadHolding { .. } if reads_inputs => Err(ExceptionCode::IllegalFunction),
            Request::ReadInput { .. } if !reads_inputs => Err(ExceptionCode::IllegalFunction),
            Request::ReadHolding { address, quantity } | Request::ReadInput { address, quantity } => {
                let first = place(*address)?;
                let quantity = self.asked_registers(*quantity)?;
                self.memory.check_read(first, quantity).map_err(refused)?;
                self.read_since_start.extend((first..).take(usize::from(quantity)));
                let words = self.read(now, first, quantity);
                Ok(if reads_inputs { Response::ReadInput(words) } else { Response::ReadHolding(words) })
            }
            Request::WriteSingle { .. } if !self.model.link.write_single => {
                Err(ExceptionCode::IllegalFunction)
            }
            Request::WriteSingle { address, value } => {
                self.write(now, place(*address)?, &[*value], true, effects).map_err(refused)?;
                Ok(Response::WriteSingle { address: *address, value: *value })
            }
            Request::WriteMultiple { address, values } => {
                self.write(now, place(*address)?, values, false, effects).map_err(refused)?;
                Ok(Response::WriteMultiple { address: *address, quantity: values.len() as u16 })
            }
        }
    }

    /// How many registers a read asks for. A write says by its data how many it brings.
    fn asked_registers(&self, quantity: u16) -> Result<u16, ExceptionCode> {
        match (self.model.link.quantity, self.step) {
            (Quantity::Addresses, AddressStep::Byte) if quantity.is_multiple_of(2) => Ok(quantity / 2),
            // The span ends within a register.
            (Quantity::Addresses, AddressStep::Byte) => Err(ExceptionCode::IllegalDataValue),
            _ => Ok(quantity),
        }
    }
}

fn refused(refusal: Refusal) -> ExceptionCode {
    match refusal {
        Refusal::Function => ExceptionCode::IllegalFunction,
        Refusal::Hole => ExceptionCode::IllegalDataAddress,
        Refusal::Value => ExceptionCode::IllegalDataValue,
        Refusal::Closed | Refusal::Denied => ExceptionCode::DeviceFailure,
    }
}
