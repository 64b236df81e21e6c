//! Relay and input modules: bits, over Modbus TCP or RTU. One question at a time; what does not answer exactly that question is refused.
//!
//! Source: Modbus Application Protocol V1.1b3, 6.1, 6.2, 6.11; Modbus Messaging on TCP/IP V1.0b, 3.1.3 (the header: transaction, 0, length,
//! unit). Boards are asked by [`super::client`]; this is for the bench around them.

use super::{
    EXCEPTION_BIT, ExceptionCode, MAX_READ_COILS, MAX_WRITE_COILS, READ_COILS, WRITE_COILS, packed,
    rtu::{EXCEPTION_FRAME, decode_frame, encode_frame},
};

/// Function 02.
pub const READ_INPUTS: u8 = 0x02;
/// Transaction, protocol, length, unit.
const HEADER: usize = 7;
/// Longest data unit.
const LONGEST_PDU: usize = 253;

/// What a module is asked. Addresses are protocol addresses, from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IoRequest {
    ReadInputs { address: u16, quantity: u16 },
    ReadCoils { address: u16, quantity: u16 },
    WriteCoils { address: u16, values: Vec<bool> },
}

/// Why an answer is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IoError {
    #[error("the question is for no bits, too many, or beyond the last one")]
    Question,
    #[error("the module refuses: {0}")]
    Refused(ExceptionCode),
    #[error("the answer is to another question")]
    OtherAnswer,
    #[error("the answer is damaged")]
    Damaged,
}

/// How frames are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IoFraming {
    Tcp,
    Rtu,
}

impl IoRequest {
    fn function(&self) -> u8 {
        match self {
            Self::ReadInputs { .. } => READ_INPUTS,
            Self::ReadCoils { .. } => READ_COILS,
            Self::WriteCoils { .. } => WRITE_COILS,
        }
    }

    fn span(&self) -> (u16, usize, u16) {
        match self {
            Self::ReadInputs { address, quantity } | Self::ReadCoils { address, quantity } => {
                (*address, usize::from(*quantity), MAX_READ_COILS)
            }
            Self::WriteCoils { address, values } => (*address, values.len(), MAX_WRITE_COILS),
        }
    }

    fn encode(&self) -> Result<Vec<u8>, IoError> {
        let (address, quantity, limit) = self.span();
        let count = u16::try_from(quantity).ok().filter(|count| (1..=limit).contains(count));
        let count = count.filter(|count| u32::from(address) + u32::from(*count) <= 0x1_0000);
        let count = count.ok_or(IoError::Question)?;
        let mut pdu = vec![self.function()];
        pdu.extend(address.to_be_bytes());
        pdu.extend(count.to_be_bytes());
        if let Self::WriteCoils { values, .. } = self {
            let bytes = packed(values);
            pdu.push(bytes.len() as u8);
            pdu.extend(bytes);
        }
        Ok(pdu)
    }

    /// The bits that a data unit answers this with; none for a write that was taken.
    fn decode(&self, pdu: &[u8]) -> Result<Vec<bool>, IoError> {
        let (address, quantity, _) = self.span();
        match pdu {
            [function, code] if *function == self.function() | EXCEPTION_BIT => {
                Err(IoError::Refused(ExceptionCode::from(*code)))
            }
            [function, count, bytes @ ..] if *function == self.function() && *function != WRITE_COILS => {
                if usize::from(*count) != quantity.div_ceil(8) || bytes.len() != usize::from(*count) {
                    return Err(IoError::OtherAnswer);
                }
                Ok((0..quantity).map(|bit| bytes[bit / 8] >> (bit % 8) & 1 == 1).collect())
            }
            [WRITE_COILS, high, low, count_high, count_low] if self.function() == WRITE_COILS => {
                let is_it = u16::from_be_bytes([*high, *low]) == address
                    && usize::from(u16::from_be_bytes([*count_high, *count_low])) == quantity;
                if is_it { Ok(Vec::new()) } else { Err(IoError::OtherAnswer) }
            }
            _ => Err(IoError::OtherAnswer),
        }
    }

    /// Bytes of the answer's data unit where it is no exception.
    fn answer_length(&self) -> usize {
        match self {
            Self::WriteCoils { .. } => 5,
            _ => 2 + self.span().1.div_ceil(8),
        }
    }
}

/// One question and what has come of its answer.
#[derive(Debug)]
pub struct IoExchange {
    framing: IoFraming,
    unit: u8,
    transaction: u16,
    request: IoRequest,
    heard: Vec<u8>,
}

impl IoExchange {
    /// `transaction`: another for every question on a connection.
    #[must_use]
    pub fn new(framing: IoFraming, unit: u8, transaction: u16, request: IoRequest) -> Self {
        Self { framing, unit, transaction, request, heard: Vec::new() }
    }

    /// The bytes of the question.
    ///
    /// # Errors
    /// [`IoError::Question`].
    pub fn transmit(&self) -> Result<Vec<u8>, IoError> {
        let pdu = self.request.encode()?;
        if self.framing == IoFraming::Rtu {
            return Ok(encode_frame(self.unit, &pdu));
        }
        let mut frame = self.transaction.to_be_bytes().to_vec();
        frame.extend([0, 0]);
        frame.extend((pdu.len() as u16 + 1).to_be_bytes());
        frame.push(self.unit);
        frame.extend(pdu);
        Ok(frame)
    }

    /// Takes bytes; none: more must come.
    pub fn handle_bytes(&mut self, bytes: &[u8]) -> Option<Result<Vec<bool>, IoError>> {
        self.heard.extend(bytes);
        match self.framing {
            IoFraming::Tcp => self.hear_tcp(),
            IoFraming::Rtu => self.hear_rtu(),
        }
    }

    /// An answer of another transaction is a late one: it is passed over.
    fn hear_tcp(&mut self) -> Option<Result<Vec<bool>, IoError>> {
        while self.heard.len() >= HEADER {
            let word = |at: usize| u16::from_be_bytes([self.heard[at], self.heard[at + 1]]);
            let (transaction, protocol, length, unit) =
                (word(0), word(2), usize::from(word(4)), self.heard[6]);
            if protocol != 0 || !(2..=LONGEST_PDU + 1).contains(&length) {
                return Some(Err(IoError::Damaged));
            }
            if self.heard.len() < 6 + length {
                return None;
            }
            let frame: Vec<u8> = self.heard.drain(..6 + length).collect();
            if transaction != self.transaction {
                continue;
            }
            if unit != self.unit {
                return Some(Err(IoError::OtherAnswer));
            }
            return Some(self.request.decode(&frame[HEADER..]));
        }
        None
    }

    /// Nothing tells a late answer from this one: whoever asks has drained the line before.
    fn hear_rtu(&mut self) -> Option<Result<Vec<bool>, IoError>> {
        let function = *self.heard.get(1)?;
        let length =
            if function & EXCEPTION_BIT == 0 { self.request.answer_length() + 3 } else { EXCEPTION_FRAME };
        if self.heard.len() < length {
            return None;
        }
        if self.heard.len() > length {
            return Some(Err(IoError::Damaged));
        }
        Some(match decode_frame(&self.heard) {
            Ok(frame) if frame.address == self.unit => self.request.decode(&frame.pdu),
            Ok(_) => Err(IoError::OtherAnswer),
            Err(_) => Err(IoError::Damaged),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn inputs(quantity: u16) -> IoRequest {
        IoRequest::ReadInputs { address: 196, quantity }
    }

    /// The examples of the standard, 6.2 and 6.11.
    #[test]
    fn the_standards_own_examples_are_written_and_read() {
        let read = IoExchange::new(IoFraming::Tcp, 1, 7, inputs(22));
        assert_eq!(read.transmit().unwrap(), [0, 7, 0, 0, 0, 6, 1, 0x02, 0x00, 0xC4, 0x00, 0x16]);
        let bits = inputs(22).decode(&[0x02, 0x03, 0xAC, 0xDB, 0x35]).unwrap();
        assert_eq!(bits.len(), 22);
        assert_eq!(
            bits.iter().map(|bit| u8::from(*bit).to_string()).collect::<String>(),
            "0011010111011011101011"
        );
        let values = [true, false, true, true, false, false, true, true, true, false].to_vec();
        let write = IoRequest::WriteCoils { address: 0x13, values };
        assert_eq!(write.encode().unwrap(), [0x0F, 0x00, 0x13, 0x00, 0x0A, 0x02, 0xCD, 0x01]);
        assert_eq!(write.decode(&[0x0F, 0x00, 0x13, 0x00, 0x0A]), Ok(Vec::new()));
        assert_eq!(write.decode(&[0x0F, 0x00, 0x14, 0x00, 0x0A]), Err(IoError::OtherAnswer));
    }

    #[test]
    fn a_late_answer_on_tcp_is_passed_over_and_what_is_wrong_is_refused() {
        let mut exchange = IoExchange::new(IoFraming::Tcp, 1, 8, inputs(3));
        let late = [0, 7, 0, 0, 0, 4, 1, 2, 1, 0];
        assert_eq!(exchange.handle_bytes(&late), None);
        let mine = [0, 8, 0, 0, 0, 4, 1, 2, 1, 5];
        assert_eq!(exchange.handle_bytes(&mine[..5]), None);
        assert_eq!(exchange.handle_bytes(&mine[5..]), Some(Ok(vec![true, false, true])));
        let of = |frame: &[u8]| IoExchange::new(IoFraming::Tcp, 1, 8, inputs(3)).handle_bytes(frame);
        assert_eq!(of(&[0, 8, 0, 0, 0, 4, 2, 2, 1, 5]), Some(Err(IoError::OtherAnswer)), "another unit");
        assert_eq!(of(&[0, 8, 0, 0, 0, 4, 1, 1, 1, 5]), Some(Err(IoError::OtherAnswer)), "another function");
        assert_eq!(of(&[0, 8, 0, 0, 0, 5, 1, 2, 2, 5, 0]), Some(Err(IoError::OtherAnswer)), "too many bits");
        assert_eq!(of(&[0, 8, 0, 1, 0, 4, 1, 2, 1, 5]), Some(Err(IoError::Damaged)), "another protocol");
        let refused = Some(Err(IoError::Refused(ExceptionCode::IllegalDataAddress)));
        assert_eq!(of(&[0, 8, 0, 0, 0, 3, 1, 0x82, 2]), refused);
    }

    #[test]
    fn a_serial_answer_is_whole_right_and_of_that_module() {
        let of = |unit: u8, pdu: &[u8]| {
            let mut exchange = IoExchange::new(IoFraming::Rtu, 2, 0, inputs(3));
            let frame = encode_frame(unit, pdu);
            let (head, tail) = frame.split_at(2);
            assert_eq!(exchange.handle_bytes(head), None);
            exchange.handle_bytes(tail)
        };
        assert_eq!(of(2, &[2, 1, 5]), Some(Ok(vec![true, false, true])));
        assert_eq!(of(3, &[2, 1, 5]), Some(Err(IoError::OtherAnswer)));
        assert_eq!(of(2, &[0x82, 2]), Some(Err(IoError::Refused(ExceptionCode::IllegalDataAddress))));
        let mut exchange = IoExchange::new(IoFraming::Rtu, 2, 0, inputs(3));
        assert_eq!(exchange.handle_bytes(&[2, 2, 1, 5, 0, 0]), Some(Err(IoError::Damaged)));
        assert_eq!(IoRequest::ReadCoils { address: 65_535, quantity: 2 }.encode(), Err(IoError::Question));
        assert_eq!(inputs(0).encode(), Err(IoError::Question));
    }

    proptest! {
        /// Whatever comes in whatever pieces, nothing panics, and what is taken has as many bits as were asked for.
        #[test]
        fn whatever_comes_is_an_answer_or_none(
            pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 0..10),
            tcp in any::<bool>(), quantity in 1u16..40,
        ) {
            let framing = if tcp { IoFraming::Tcp } else { IoFraming::Rtu };
            let mut exchange = IoExchange::new(framing, 1, 0, inputs(quantity));
            for piece in pieces {
                if let Some(answer) = exchange.handle_bytes(&piece) {
                    if let Ok(bits) = answer {
                        prop_assert_eq!(bits.len(), usize::from(quantity));
                    }
                    break;
                }
            }
        }
    }
}
