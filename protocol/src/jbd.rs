//! The framing of JBD (Xiaoxiang, Overkill Solar) boards, in both directions.
//!
//! `DD A5|5A register length data sum 77` asks (A5 reads, 5A writes), `DD register status length data sum 77` answers. Numbers are
//! big-endian. The sum is 10000h minus the bytes from register (in a request) or status (in an answer) to the last of data,
//! modulo 10000h: that of an empty answer that says "done" is 0000.
//!
//! Sources: FurTrader/OverkillSolarBMS, Comm_Protocol_Documentation: JBD_REGISTER_MAP.md, `BLE _bluetooth_protocol.md`, and the
//! vendor's "JBD comm protocol" V11 of 2023-03-21 (from here on: V11); captures in syssi/esphome-jbd-bms, docs/pdus.

pub mod client;
pub mod decoder;
pub mod password;
mod question;
pub mod sniffer;

/// Begins every frame.
pub const START: u8 = 0xDD;
/// Ends every frame but for the callback bytes.
pub const END: u8 = 0x77;
const READ: u8 = 0xA5;
const WRITE: u8 = 0x5A;
/// The sum begins with the register of a request and the status of an answer.
const SUMMED_FROM: usize = 2;
/// Bytes of a frame without data and callback.
const OVERHEAD: usize = 7;
/// From V3 of the protocol on a host may send up to so many bytes behind the end, and the board sends them back behind its answer.
pub const MAX_CALLBACK: usize = 4;
/// Longest frame: 255 bytes of data and a callback.
pub const MAX_FRAME: usize = OVERHEAD + 255 + MAX_CALLBACK;

/// Reads and writes parameters by number, many at once (V11, chapter 5).
pub const BLOCK: u8 = 0xFA;
/// Most registers of one block access (V11, chapter 5).
pub const MAX_BLOCK: u8 = 95;

const FACTORY_ENTER: u8 = 0x00;
const FACTORY_LEAVE: u8 = 0x01;

/// What a host asks.
#[derive(Clone, PartialEq, Eq)]
pub enum Request {
    Read {
        register: u8,
    },
    Write {
        register: u8,
        data: Vec<u8>,
    },
    /// `count` registers of 16 bits from parameter `start` on.
    ReadBlock {
        start: u16,
        count: u8,
    },
    /// Needs the factory mode.
    WriteBlock {
        start: u16,
        values: Vec<u16>,
    },
}

/// What a board answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub register: u8,
    pub status: Status,
    pub data: Vec<u8>,
}

/// What became of a request (V11, "status bit").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    Done,
    /// 80h: the board does not know the register, or not for this.
    NoSuchCommand,
    /// 81h: the factory mode or the password is missing.
    InvalidOperation,
    /// 82h: what arrived had a wrong sum.
    Checksum,
    /// 83h: the password is wrong.
    Password,
    /// 84h to 8Fh: no public document says.
    Other(u8),
}

impl Status {
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::NoSuchCommand => 0x80,
            Self::InvalidOperation => 0x81,
            Self::Checksum => 0x82,
            Self::Password => 0x83,
            Self::Other(number) => number,
        }
    }

    /// `None` for what is no status.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Done,
            0x80 => Self::NoSuchCommand,
            0x81 => Self::InvalidOperation,
            0x82 => Self::Checksum,
            0x83 => Self::Password,
            0x84..=0x8F => Self::Other(number),
            _ => return None,
        })
    }
}

impl core::fmt::Display for Status {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let words = match self {
            Self::Done => "done",
            Self::NoSuchCommand => "no such command",
            Self::InvalidOperation => "not allowed: factory mode or password missing",
            Self::Checksum => "checksum wrong",
            Self::Password => "password wrong",
            Self::Other(_) => "refused",
        };
        write!(f, "{words} ({:02X}h)", self.number())
    }
}

/// Why a request cannot be built or a frame not be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    #[error("{0} bytes of data do not fit a frame (at most 255)")]
    DataLength(usize),
    #[error("a block of {0} registers; allowed are 1 to 95")]
    Block(usize),
    #[error("parameters {start} and the next {count} reach beyond 65535")]
    BeyondLast { start: u16, count: u8 },
    #[error("a callback of {0} bytes; at most 4, not beginning with DDh")]
    Callback(usize),
    #[error("{0} bytes are no such frame")]
    Length(usize),
    #[error("the marks of a frame are missing")]
    Marks,
    #[error("checksum {got:04X}h where {want:04X}h was due: disturbed line or wrong baud rate")]
    Checksum { got: u16, want: u16 },
}

/// Whether a model's empty answers carry a right sum. `BLE _bluetooth_protocol.md` knows of "access denied" answers without one:
/// a register, a status and nothing, with 0000 where the sum should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum EmptyAnswers {
    #[default]
    Summed,
    /// 0000 is taken for the sum of an answer without data, whatever its status.
    MayBeUnsummed,
}

impl Request {
    /// Opens the registers that are kept (JBD_REGISTER_MAP.md, register 00h).
    #[must_use]
    pub fn enter_factory_mode() -> Self {
        Self::Write { register: FACTORY_ENTER, data: vec![0x56, 0x78] }
    }

    /// Leaves, keeps what was written, and clears the error counts (register 01h).
    #[must_use]
    pub fn leave_factory_mode_and_save() -> Self {
        Self::Write { register: FACTORY_LEAVE, data: vec![0x28, 0x28] }
    }

    /// Leaves without keeping (register 01h).
    #[must_use]
    pub fn leave_factory_mode_without_saving() -> Self {
        Self::Write { register: FACTORY_LEAVE, data: vec![0x00, 0x00] }
    }

    /// The register that the answer will name.
    #[must_use]
    pub fn register(&self) -> u8 {
        match self {
            Self::Read { register } | Self::Write { register, .. } => *register,
            Self::ReadBlock { .. } | Self::WriteBlock { .. } => BLOCK,
        }
    }

    /// Whether it carries a password, or a word that opens the board: none of it may be shown or kept.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        matches!(self, Self::Write { register, .. } if password::is_secret(*register))
    }

    #[must_use]
    pub fn is_write(&self) -> bool {
        matches!(self, Self::Write { .. } | Self::WriteBlock { .. })
    }

    /// The whole frame, with `callback` behind its end (empty for boards older than V3 of the protocol).
    ///
    /// # Errors
    /// [`FrameError`] where data, block or callback do not fit.
    pub fn encode(&self, callback: &[u8]) -> Result<Vec<u8>, FrameError> {
        check_callback(callback)?;
        let data = self.data()?;
        let length = u8::try_from(data.len()).map_err(|_| FrameError::DataLength(data.len()))?;
        let direction = if self.is_write() { WRITE } else { READ };
        let mut frame = vec![START, direction, self.register(), length];
        frame.extend(data);
        close(&mut frame, callback);
        Ok(frame)
    }

    /// Reads exactly one frame, without callback.
    ///
    /// # Errors
    /// [`FrameError`].
    pub fn decode(frame: &[u8]) -> Result<Self, FrameError> {
        let (&[direction, register, _], data) = open(frame, |_| false)?;
        let request = match (direction, register, data) {
            (READ, BLOCK, &[high, low, count]) => {
                Self::ReadBlock { start: u16::from_be_bytes([high, low]), count }
            }
            (WRITE, BLOCK, [high, low, count, values @ ..]) if values.len() == 2 * usize::from(*count) => {
                Self::WriteBlock { start: u16::from_be_bytes([*high, *low]), values: words(values) }
            }
            (_, BLOCK, _) => return Err(FrameError::Block(data.len())),
            (READ, register, []) => Self::Read { register },
            (READ, _, _) => return Err(FrameError::DataLength(data.len())),
            (WRITE, register, data) => Self::Write { register, data: data.to_vec() },
            _ => return Err(FrameError::Marks),
        };
        request.data()?;
        Ok(request)
    }

    fn data(&self) -> Result<Vec<u8>, FrameError> {
        Ok(match self {
            // A block is read and written as a block only.
            Self::Read { register: BLOCK } | Self::Write { register: BLOCK, .. } => {
                return Err(FrameError::Block(0));
            }
            Self::Read { .. } => Vec::new(),
            Self::Write { data, .. } => data.clone(),
            Self::ReadBlock { start, count } => block_head(*start, usize::from(*count))?.to_vec(),
            Self::WriteBlock { start, values } => {
                let mut data = block_head(*start, values.len())?.to_vec();
                data.extend(values.iter().flat_map(|value| value.to_be_bytes()));
                data
            }
        })
    }
}

impl core::fmt::Debug for Request {
    /// Passwords are told by their length only.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Read { register } => write!(f, "Read {{ register: {register:02X}h }}"),
            Self::Write { register, data } if password::is_secret(*register) => {
                write!(f, "Write {{ register: {register:02X}h, {} secret bytes }}", data.len())
            }
            Self::Write { register, data } => {
                write!(f, "Write {{ register: {register:02X}h, data: {data:02X?} }}")
            }
            Self::ReadBlock { start, count } => write!(f, "ReadBlock {{ start: {start}, count: {count} }}"),
            Self::WriteBlock { start, values } => {
                write!(f, "WriteBlock {{ start: {start}, values: {values:04X?} }}")
            }
        }
    }
}

impl Reply {
    /// The whole frame, with the request's callback behind its end. For the side of the board.
    ///
    /// # Errors
    /// [`FrameError`] where data or callback do not fit.
    pub fn encode(&self, callback: &[u8]) -> Result<Vec<u8>, FrameError> {
        check_callback(callback)?;
        let length = u8::try_from(self.data.len()).map_err(|_| FrameError::DataLength(self.data.len()))?;
        let mut frame = vec![START, self.register, self.status.number(), length];
        frame.extend(&self.data);
        close(&mut frame, callback);
        Ok(frame)
    }

    /// Reads exactly one frame, without callback.
    ///
    /// # Errors
    /// [`FrameError`].
    pub fn decode(frame: &[u8], empty: EmptyAnswers) -> Result<Self, FrameError> {
        let unsummed = |sum: u16| empty == EmptyAnswers::MayBeUnsummed && frame.len() == OVERHEAD && sum == 0;
        let (&[register, status, _], data) = open(frame, unsummed)?;
        let status = Status::from_number(status).ok_or(FrameError::Marks)?;
        Ok(Self { register, status, data: data.to_vec() })
    }
}

/// What a block access and its answer begin with.
fn block_head(start: u16, count: usize) -> Result<[u8; 3], FrameError> {
    let fits = u8::try_from(count).ok().filter(|count| (1..=MAX_BLOCK).contains(count));
    let count = fits.ok_or(FrameError::Block(count))?;
    if u32::from(start) + u32::from(count) > 0x1_0000 {
        return Err(FrameError::BeyondLast { start, count });
    }
    let [high, low] = start.to_be_bytes();
    Ok([high, low, count])
}

fn check_callback(callback: &[u8]) -> Result<(), FrameError> {
    // A board that waits for up to four bytes takes DD for the next frame.
    if callback.len() > MAX_CALLBACK || callback.first() == Some(&START) {
        return Err(FrameError::Callback(callback.len()));
    }
    Ok(())
}

/// Sum, end and callback behind what is there.
fn close(frame: &mut Vec<u8>, callback: &[u8]) {
    frame.extend(sum(&frame[SUMMED_FROM..]).to_be_bytes());
    frame.push(END);
    frame.extend(callback);
}

/// The three bytes behind the start, and the data, of a frame whose marks, length and sum are right.
fn open(frame: &[u8], pardoned: impl Fn(u16) -> bool) -> Result<(&[u8; 3], &[u8]), FrameError> {
    let [START, body @ .., high, low, END] = frame else {
        return Err(FrameError::Marks);
    };
    let Some((head, data)) = body.split_first_chunk::<3>() else {
        return Err(FrameError::Length(frame.len()));
    };
    if data.len() != usize::from(head[2]) {
        return Err(FrameError::Length(frame.len()));
    }
    let got = u16::from_be_bytes([*high, *low]);
    let want = sum(&frame[SUMMED_FROM..frame.len() - 3]);
    if got != want && !pardoned(got) {
        return Err(FrameError::Checksum { got, want });
    }
    Ok((head, data))
}

/// 10000h minus the sum of the bytes, in sixteen bits.
fn sum(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0_u16, |sum, &byte| sum.wrapping_sub(u16::from(byte)))
}

fn words(bytes: &[u8]) -> Vec<u16> {
    bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
}

#[cfg(test)]
#[path = "jbd/frame_tests.rs"]
mod tests;
