//! Modbus application protocol, the register functions the boards speak and those of bits, in both directions.
//!
//! Source: Modbus Application Protocol V1.1b3, sections 6.1, 6.3, 6.4, 6.6, 6.11, 6.12 and 7. Discrete inputs are in [`io`]; single coils and
//! files are not here: no shipped model uses them.

pub mod client;
pub mod exceptions;
pub mod io;
pub mod preamble;
pub mod question;
pub mod rtu;
pub mod server;
pub mod sniffer;

/// Most registers one read may ask for.
pub const MAX_READ: u16 = 125;
/// Most registers one write may carry.
pub const MAX_WRITE: u16 = 123;
/// Most bits one read may ask for.
pub const MAX_READ_COILS: u16 = 2000;
/// Most bits one write may carry.
pub const MAX_WRITE_COILS: u16 = 1968;

/// Function 01.
pub const READ_COILS: u8 = 0x01;
/// Function 15.
pub const WRITE_COILS: u8 = 0x0F;
/// Function 03.
pub const READ_HOLDING: u8 = 0x03;
/// Function 04.
pub const READ_INPUT: u8 = 0x04;
/// Function 06.
pub const WRITE_SINGLE: u8 = 0x06;
/// Function 16.
pub const WRITE_MULTIPLE: u8 = 0x10;
/// Set in the function code of an exception answer.
pub const EXCEPTION_BIT: u8 = 0x80;

/// What a client asks. Addresses are protocol addresses, 0..=65535, not the 4xxxx numbers of catalogues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    ReadHolding {
        address: u16,
        quantity: u16,
    },
    ReadInput {
        address: u16,
        quantity: u16,
    },
    WriteSingle {
        address: u16,
        value: u16,
    },
    WriteMultiple {
        address: u16,
        values: Vec<u16>,
    },
    /// Bits.
    ReadCoils {
        address: u16,
        quantity: u16,
    },
    WriteCoils {
        address: u16,
        values: Vec<bool>,
    },
}

/// What a server answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Response {
    ReadHolding(Vec<u16>),
    ReadInput(Vec<u16>),
    WriteSingle {
        address: u16,
        value: u16,
    },
    WriteMultiple {
        address: u16,
        quantity: u16,
    },
    /// All bits of the bytes that came: those behind the last one asked for are fill.
    ReadCoils(Vec<bool>),
    WriteCoils {
        address: u16,
        quantity: u16,
    },
    /// `function` is the one asked for, without the exception bit.
    Exception {
        function: u8,
        code: ExceptionCode,
    },
}

/// Why a server refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExceptionCode {
    IllegalFunction,
    IllegalDataAddress,
    IllegalDataValue,
    DeviceFailure,
    Acknowledge,
    DeviceBusy,
    /// A number the standard does not give a meaning that matters here; never one of the above.
    Other(u8),
}

impl ExceptionCode {
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::IllegalFunction => 1,
            Self::IllegalDataAddress => 2,
            Self::IllegalDataValue => 3,
            Self::DeviceFailure => 4,
            Self::Acknowledge => 5,
            Self::DeviceBusy => 6,
            Self::Other(number) => number,
        }
    }
}

impl From<u8> for ExceptionCode {
    fn from(number: u8) -> Self {
        match number {
            1 => Self::IllegalFunction,
            2 => Self::IllegalDataAddress,
            3 => Self::IllegalDataValue,
            4 => Self::DeviceFailure,
            5 => Self::Acknowledge,
            6 => Self::DeviceBusy,
            other => Self::Other(other),
        }
    }
}

impl core::fmt::Display for ExceptionCode {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let words = match self {
            Self::IllegalFunction => "illegal function",
            Self::IllegalDataAddress => "illegal data address",
            Self::IllegalDataValue => "illegal data value",
            Self::DeviceFailure => "device failure",
            Self::Acknowledge => "acknowledged, still working",
            Self::DeviceBusy => "device busy",
            Self::Other(_) => "vendor exception",
        };
        write!(f, "{words} ({:02X}h)", self.number())
    }
}

/// Why a protocol data unit cannot be built or understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PduError {
    #[error("the frame holds no function code")]
    Empty,
    #[error("function {0:02X}h is not one this program speaks")]
    UnknownFunction(u8),
    #[error("function {function:02X}h: {got} bytes after the code do not make sense")]
    Length { function: u8, got: usize },
    #[error("function {function:02X}h: {quantity} registers, allowed are 1 to {limit}")]
    Quantity { function: u8, quantity: usize, limit: u16 },
    #[error("registers {address} and the next {quantity} reach beyond 65535")]
    BeyondLast { address: u16, quantity: u16 },
    #[error("function {function:02X}h is no read: its answer has one length only")]
    NotARead { function: u8 },
}

impl Request {
    #[must_use]
    pub fn function(&self) -> u8 {
        match self {
            Self::ReadHolding { .. } => READ_HOLDING,
            Self::ReadInput { .. } => READ_INPUT,
            Self::WriteSingle { .. } => WRITE_SINGLE,
            Self::WriteMultiple { .. } => WRITE_MULTIPLE,
            Self::ReadCoils { .. } => READ_COILS,
            Self::WriteCoils { .. } => WRITE_COILS,
        }
    }

    /// First register and number of registers.
    #[must_use]
    pub fn span(&self) -> (u16, u16) {
        match self {
            Self::ReadHolding { address, quantity }
            | Self::ReadInput { address, quantity }
            | Self::ReadCoils { address, quantity } => (*address, *quantity),
            Self::WriteCoils { address, values } => {
                (*address, u16::try_from(values.len()).unwrap_or(u16::MAX))
            }
            Self::WriteSingle { address, .. } => (*address, 1),
            Self::WriteMultiple { address, values } => {
                (*address, u16::try_from(values.len()).unwrap_or(u16::MAX))
            }
        }
    }

    #[must_use]
    pub fn is_write(&self) -> bool {
        matches!(self, Self::WriteSingle { .. } | Self::WriteMultiple { .. } | Self::WriteCoils { .. })
    }

    /// Checks quantity and address range.
    ///
    /// # Errors
    /// [`PduError::Quantity`] or [`PduError::BeyondLast`].
    pub fn validate(&self) -> Result<(), PduError> {
        let function = self.function();
        let (address, quantity) = self.span();
        let limit = match self {
            Self::ReadCoils { .. } => MAX_READ_COILS,
            Self::WriteCoils { .. } => MAX_WRITE_COILS,
            Self::ReadHolding { .. } | Self::ReadInput { .. } => MAX_READ,
            Self::WriteSingle { .. } | Self::WriteMultiple { .. } => MAX_WRITE,
        };
        if quantity == 0 || quantity > limit {
            return Err(PduError::Quantity { function, quantity: usize::from(quantity), limit });
        }
        if u32::from(address) + u32::from(quantity) > 0x1_0000 {
            return Err(PduError::BeyondLast { address, quantity });
        }
        Ok(())
    }

    /// The protocol data unit: function code and its data, without address and CRC.
    ///
    /// # Errors
    /// As [`Request::validate`].
    pub fn encode(&self) -> Result<Vec<u8>, PduError> {
        self.validate()?;
        let (address, quantity) = self.span();
        let mut pdu = vec![self.function()];
        pdu.extend(address.to_be_bytes());
        match self {
            Self::ReadHolding { .. } | Self::ReadInput { .. } | Self::ReadCoils { .. } => {
                pdu.extend(quantity.to_be_bytes());
            }
            Self::WriteCoils { values, .. } => {
                pdu.extend(quantity.to_be_bytes());
                let bytes = packed(values);
                pdu.push(bytes.len() as u8);
                pdu.extend(bytes);
            }
            Self::WriteSingle { value, .. } => pdu.extend(value.to_be_bytes()),
            Self::WriteMultiple { values, .. } => {
                pdu.extend(quantity.to_be_bytes());
                pdu.push((quantity * 2) as u8);
                pdu.extend(values.iter().flat_map(|value| value.to_be_bytes()));
            }
        }
        Ok(pdu)
    }

    /// Reads a protocol data unit as a server does. A quantity outside the limits is an error here, as the standard
    /// wants it answered with exception 3.
    ///
    /// # Errors
    /// Any [`PduError`]; [`PduError::UnknownFunction`] is the one to answer with exception 1.
    pub fn decode(pdu: &[u8]) -> Result<Self, PduError> {
        let (&function, body) = pdu.split_first().ok_or(PduError::Empty)?;
        let length = PduError::Length { function, got: body.len() };
        let request = match (function, body) {
            (READ_HOLDING, &[a, b, c, d]) => Self::ReadHolding { address: word(a, b), quantity: word(c, d) },
            (READ_INPUT, &[a, b, c, d]) => Self::ReadInput { address: word(a, b), quantity: word(c, d) },
            (READ_COILS, &[a, b, c, d]) => Self::ReadCoils { address: word(a, b), quantity: word(c, d) },
            (WRITE_COILS, [a, b, c, d, count, data @ ..]) => {
                let quantity = usize::from(word(*c, *d));
                if data.len() != usize::from(*count) || data.len() != quantity.div_ceil(8) {
                    return Err(length);
                }
                let mut values = unpacked(data);
                values.truncate(quantity);
                Self::WriteCoils { address: word(*a, *b), values }
            }
            (WRITE_SINGLE, &[a, b, c, d]) => Self::WriteSingle { address: word(a, b), value: word(c, d) },
            (WRITE_MULTIPLE, [a, b, c, d, count, data @ ..]) => {
                if data.len() != usize::from(*count) || data.len() != usize::from(word(*c, *d)) * 2 {
                    return Err(length);
                }
                Self::WriteMultiple { address: word(*a, *b), values: words(data) }
            }
            (READ_HOLDING | READ_INPUT | WRITE_SINGLE | WRITE_MULTIPLE | READ_COILS | WRITE_COILS, _) => {
                return Err(length);
            }
            _ => return Err(PduError::UnknownFunction(function)),
        };
        request.validate()?;
        Ok(request)
    }
}

impl Response {
    /// The function code without the exception bit.
    #[must_use]
    pub fn function(&self) -> u8 {
        match self {
            Self::ReadHolding(_) => READ_HOLDING,
            Self::ReadInput(_) => READ_INPUT,
            Self::WriteSingle { .. } => WRITE_SINGLE,
            Self::WriteMultiple { .. } => WRITE_MULTIPLE,
            Self::ReadCoils(_) => READ_COILS,
            Self::WriteCoils { .. } => WRITE_COILS,
            Self::Exception { function, .. } => *function,
        }
    }

    /// The protocol data unit: function code and its data, without address and CRC.
    ///
    /// # Errors
    /// [`PduError::Quantity`] where the registers do not fit a frame.
    pub fn encode(&self) -> Result<Vec<u8>, PduError> {
        let function = self.function();
        Ok(match self {
            Self::ReadHolding(values) | Self::ReadInput(values) => {
                if values.len() > usize::from(MAX_READ) {
                    return Err(PduError::Quantity { function, quantity: values.len(), limit: MAX_READ });
                }
                let mut pdu = vec![function, (values.len() * 2) as u8];
                pdu.extend(values.iter().flat_map(|value| value.to_be_bytes()));
                pdu
            }
            Self::ReadCoils(values) => {
                if values.len() > usize::from(MAX_READ_COILS) {
                    let (quantity, limit) = (values.len(), MAX_READ_COILS);
                    return Err(PduError::Quantity { function, quantity, limit });
                }
                let bytes = packed(values);
                [&[function, bytes.len() as u8], bytes.as_slice()].concat()
            }
            Self::WriteSingle { address, value: second }
            | Self::WriteCoils { address, quantity: second }
            | Self::WriteMultiple { address, quantity: second } => {
                let [a, b] = address.to_be_bytes();
                let [c, d] = second.to_be_bytes();
                vec![function, a, b, c, d]
            }
            Self::Exception { code, .. } => vec![function | EXCEPTION_BIT, code.number()],
        })
    }

    /// Reads a protocol data unit as a client does. Says nothing about whether it answers the question asked:
    /// that is [`crate::guard::check`].
    ///
    /// # Errors
    /// Any [`PduError`] but those of quantity.
    pub fn decode(pdu: &[u8]) -> Result<Self, PduError> {
        let (&function, body) = pdu.split_first().ok_or(PduError::Empty)?;
        let length = PduError::Length { function, got: body.len() };
        match (function, body) {
            (READ_HOLDING | READ_INPUT, [count, data @ ..]) => {
                if data.len() != usize::from(*count) || data.len() % 2 != 0 {
                    return Err(length);
                }
                let values = words(data);
                Ok(if function == READ_HOLDING { Self::ReadHolding(values) } else { Self::ReadInput(values) })
            }
            (READ_COILS, [count, data @ ..]) if data.len() == usize::from(*count) => {
                Ok(Self::ReadCoils(unpacked(data)))
            }
            (WRITE_COILS, &[a, b, c, d]) => {
                Ok(Self::WriteCoils { address: word(a, b), quantity: word(c, d) })
            }
            (WRITE_SINGLE, &[a, b, c, d]) => Ok(Self::WriteSingle { address: word(a, b), value: word(c, d) }),
            (WRITE_MULTIPLE, &[a, b, c, d]) => {
                Ok(Self::WriteMultiple { address: word(a, b), quantity: word(c, d) })
            }
            (code, &[number]) if code & EXCEPTION_BIT != 0 => {
                Ok(Self::Exception { function: code & !EXCEPTION_BIT, code: number.into() })
            }
            (READ_HOLDING | READ_INPUT | WRITE_SINGLE | WRITE_MULTIPLE | READ_COILS | WRITE_COILS, _) => {
                Err(length)
            }
            (code, _) if code & EXCEPTION_BIT != 0 => Err(length),
            _ => Err(PduError::UnknownFunction(function)),
        }
    }
}

/// Bits as they go over the wire: the first is the lowest of the first byte (section 6.1).
fn packed(bits: &[bool]) -> Vec<u8> {
    let byte = |bits: &[bool]| bits.iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(*bit));
    bits.chunks(8).map(byte).collect()
}

fn unpacked(bytes: &[u8]) -> Vec<bool> {
    bytes.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1)).collect()
}

fn word(high: u8, low: u8) -> u16 {
    u16::from_be_bytes([high, low])
}

fn words(bytes: &[u8]) -> Vec<u16> {
    bytes.chunks_exact(2).map(|pair| word(pair[0], pair[1])).collect()
}
