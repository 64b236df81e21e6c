//! What a log's bytes meant, by today's decoders: requests with their answers and the registers' names and values, the loader's text,
//! the blocks of a transfer, and what nobody answered. Pure: it reads no file and knows no clock.

mod described;
pub mod fields;
mod hear;
mod jbd;

use super::{Direction, Entry, ImageBlock, What, form::Decoded};
use domain::{
    model::{Command, DeviceModel, Framing},
    value::Value,
};
use fields::{Reader, bytes_of_words};
use hear::Turn;
use protocol::{
    modbus::{Request, rtu},
    ymodem::{self, BlockSize, CAN, EOT},
};
use serde::Serialize;
use std::fmt;

/// One thing that was said on the line, with what was answered to it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Message {
    /// Milliseconds from the run's begin.
    pub ms: f64,
    #[serde(flatten)]
    pub said: Said,
}

/// What was said.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Said {
    /// A request, of either framing.
    Request(Exchange),
    /// A data block.
    Block {
        number: u8,
        offset: u32,
        length: u16,
        /// Name of the image.
        image: String,
        /// The frame's check sum, where the image is at hand.
        #[serde(skip_serializing_if = "Option::is_none")]
        crc: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reply: Option<Reply>,
    },
    /// Block 0: name and size of the image.
    Header {
        name: String,
        size: u32,
        #[serde(skip_serializing_if = "Option::is_none")]
        reply: Option<Reply>,
    },
    /// The end mark.
    EndMark {
        #[serde(skip_serializing_if = "Option::is_none")]
        reply: Option<Reply>,
    },
    /// The empty block behind it.
    Closing {
        #[serde(skip_serializing_if = "Option::is_none")]
        reply: Option<Reply>,
    },
    /// CA CA: this side stops the transfer.
    Cancel,
    /// Other bytes that were sent: keys for the loader's menu.
    Keys { text: String },
    /// Bytes that came and answer nothing: the loader's text, noise.
    Heard { text: String },
    /// Bytes that are not kept for a secret in them.
    Withheld { direction: Direction, bytes: u32 },
    /// Another rate from here on.
    Rate { baud: u32 },
    /// What did not fit the log.
    Dropped { entries: u64, bytes: u64 },
}

/// A request and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Exchange {
    #[serde(skip_serializing_if = "is_modbus")]
    pub framing: Framing,
    /// Address asked, where the framing has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<u8>,
    /// With the JBD framing A5h for a read, 5Ah for a write; with a described one that has no function 0.
    pub function: u8,
    #[serde(skip)]
    pub writes: bool,
    /// First register.
    pub address: u16,
    /// Registers; 1 for a JBD field, whatever its length.
    pub count: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// A password's placeholder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<Password>,
    /// What was written, or what was read.
    pub values: Vec<Shown>,
    /// None: nobody answered.
    pub answer: Option<Answer>,
}

impl Exchange {
    #[must_use]
    pub fn is_write(&self) -> bool {
        self.writes
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Password {
    /// Name of the field it was written to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub register: Option<String>,
    /// Characters.
    pub length: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keyed_hash: Option<String>,
}

/// A field of the model, or one register that it does not name.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shown {
    pub name: String,
    pub raw: Vec<u16>,
    pub value: Value,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub unit: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    /// From the request's first byte to the answer's.
    pub after_ms: f64,
    /// `ok`, `withheld`, or how it was refused.
    pub result: String,
}

/// What a receiver of blocks says: `ACK C`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reply {
    pub after_ms: f64,
    pub said: String,
}

/// Reads the log's entries. Without `model` registers have no names; without `image` blocks have no check sums.
#[must_use]
pub fn replay(log: &Decoded, model: Option<&DeviceModel>, image: Option<&[u8]>) -> Vec<Message> {
    let mut messages: Vec<Message> = Vec::new();
    let mut readers = Readers::new(model);
    let mut turn = Turn::default();
    let mut entries = log.entries.as_slice();
    while let Some(first) = entries.first() {
        if first.direction == Direction::Received {
            turn.add(first);
            entries = &entries[1..];
            continue;
        }
        // Parts of one frame have one time.
        let parts = entries.iter().take_while(|entry| is_part_of(entry, first)).count();
        let (frame, rest) = entries.split_at(parts);
        entries = rest;
        std::mem::take(&mut turn).end(&mut messages, &mut readers);
        let said = say(frame, log, &mut readers, image);
        messages.push(Message { ms: milliseconds(first.at_us), said });
        turn.begin(first.at_us);
    }
    turn.end(&mut messages, &mut readers);
    messages
}

/// Every byte that was sent, in order, rebuilt with `image`; none where a secret, a lack of room or another image's blocks left
/// bytes out.
#[must_use]
pub fn sent_bytes(log: &Decoded, image: &[u8]) -> Option<Vec<u8>> {
    let mut wire = Vec::new();
    for entry in log.entries.iter().filter(|entry| entry.direction == Direction::Sent) {
        match &entry.what {
            What::Bytes(bytes) => wire.extend(bytes),
            What::Block(block) => wire.extend(block.frame(image)?),
            What::Withheld(_) | What::Dropped { .. } => return None,
            What::Rate(_) => {}
        }
    }
    Some(wire)
}

fn is_part_of(entry: &Entry, first: &Entry) -> bool {
    let is_part = |what: &What| matches!(what, What::Bytes(_) | What::Withheld(_));
    std::ptr::eq(entry, first)
        || entry.direction == Direction::Sent
            && entry.at_us == first.at_us
            && is_part(&entry.what)
            && is_part(&first.what)
}

fn say(frame: &[Entry], log: &Decoded, readers: &mut Readers<'_>, image: Option<&[u8]>) -> Said {
    let mut bytes = Vec::new();
    for entry in frame {
        match &entry.what {
            What::Bytes(more) => bytes.extend(more),
            What::Block(block) => return say_block(*block, log, image),
            What::Rate(baud) => return Said::Rate { baud: *baud },
            What::Dropped { entries, bytes } => return Said::Dropped { entries: *entries, bytes: *bytes },
            What::Withheld(withheld) => {
                let password = Password {
                    register: None,
                    length: withheld.length,
                    keyed_hash: withheld.keyed_hash.map(hex::encode),
                };
                return say_password(&bytes, password, readers)
                    .unwrap_or(Said::Withheld { direction: Direction::Sent, bytes: withheld.bytes });
            }
        }
    }
    let request = rtu::decode_frame(&bytes)
        .ok()
        .and_then(|frame| Request::decode(&frame.pdu).ok().map(|request| (frame.address, request)));
    if let Some((device, request)) = request {
        return Said::Request(exchange(device, &request, &mut readers.modbus));
    }
    if let Some(exchange) = jbd::exchange(&bytes, &mut readers.jbd) {
        return Said::Request(exchange);
    }
    if let Some(exchange) = readers.described.as_mut().and_then(|reader| described::exchange(&bytes, reader))
    {
        return Said::Request(exchange);
    }
    match bytes.as_slice() {
        [EOT] => Said::EndMark { reply: None },
        [CAN, CAN] => Said::Cancel,
        _ => say_header(&bytes).unwrap_or_else(|| Said::Keys { text: text(&bytes) }),
    }
}

fn say_block(block: ImageBlock, log: &Decoded, image: Option<&[u8]>) -> Said {
    let known = log.head.images.get(usize::from(block.image));
    // The check sum stands at the end of a frame that went out whole.
    let frame = image.and_then(|image| block.frame(image));
    let crc = frame.filter(|frame| frame.len() == block.size.frame_length()).map(|frame| {
        let (high, low) = (frame[frame.len() - 2], frame[frame.len() - 1]);
        format!("{high:02X}{low:02X}")
    });
    Said::Block {
        number: block.number,
        offset: block.offset,
        length: block.length,
        image: known.map(|image| image.name.clone()).unwrap_or_default(),
        crc,
        reply: None,
    }
}

/// Block 0, with a name or empty.
fn say_header(bytes: &[u8]) -> Option<Said> {
    let size = BlockSize::from_start_byte(*bytes.first()?)?;
    if bytes.len() != size.frame_length() || bytes.get(1) != Some(&0) {
        return None;
    }
    let payload = &bytes[3..bytes.len() - 2];
    let (name, size) = ymodem::decode_header(payload, payload.len());
    Some(if name.is_empty() {
        Said::Closing { reply: None }
    } else {
        Said::Header { name, size, reply: None }
    })
}

/// The open part of a frame that writes a password: device, function, register, and the count of a write of many.
fn say_password(open: &[u8], password: Password, readers: &Readers<'_>) -> Option<Said> {
    if let Some(exchange) = jbd::password_exchange(open, &password, &readers.jbd) {
        return Some(Said::Request(exchange));
    }
    let (device, function, address, count) = match open {
        [device, function, a, b] => (device, function, [*a, *b], 1),
        [device, function, a, b, high, low, _] => {
            (device, function, [*a, *b], u16::from_be_bytes([*high, *low]))
        }
        _ => return None,
    };
    let address = u16::from_be_bytes(address);
    let register = readers.modbus.touched(address, 1).first().copied();
    let register = register.map(|register| register.name.clone());
    Some(Said::Request(Exchange {
        framing: Framing::ModbusRtu,
        device: Some(*device),
        function: *function,
        writes: true,
        address,
        count,
        command: None,
        password: Some(Password { register, ..password }),
        values: Vec::new(),
        answer: None,
    }))
}

fn exchange(device: u8, request: &Request, reader: &mut Reader<'_>) -> Exchange {
    let (address, count) = request.span();
    let bits: Vec<u16>;
    let words = match request {
        Request::WriteSingle { value, .. } => std::slice::from_ref(value),
        Request::WriteMultiple { values, .. } => values,
        // Each bit is told as the register of its address.
        Request::WriteCoils { values, .. } => {
            bits = values.iter().map(|bit| u16::from(*bit)).collect();
            &bits
        }
        Request::ReadHolding { .. } | Request::ReadInput { .. } | Request::ReadCoils { .. } => &[],
    };
    let function = request.function();
    Exchange {
        framing: Framing::ModbusRtu,
        device: Some(device),
        function,
        writes: request.is_write(),
        address,
        count,
        command: command(reader, address, |command| [command.value] == *words),
        password: None,
        values: reader.values(address, &bytes_of_words(words)),
        answer: None,
    }
}

/// The model's name for a write of just that.
/// The command at an address whose value `says` that this is it.
fn command(reader: &Reader<'_>, address: u16, says: impl Fn(&Command) -> bool) -> Option<String> {
    let mut commands = reader.model()?.commands.iter();
    let is_it = |command: &&Command| command.address == address && says(command);
    commands.find(is_it).map(|command| command.name.clone())
}

/// A refusal in the model's words, or in the standard's.
fn refusal(reader: &Reader<'_>, code: u8, standard: impl fmt::Display) -> String {
    let exceptions = reader.model().map(|model| model.link.exceptions.as_slice()).unwrap_or_default();
    match exceptions.iter().find(|exception| exception.code == code) {
        Some(own) => format!("refused: {} ({code:02X}h)", own.title.en),
        None => format!("refused: {standard}"),
    }
}

/// The model as each framing's bytes are read through it.
#[derive(Debug)]
struct Readers<'m> {
    modbus: Reader<'m>,
    jbd: Reader<'m>,
    /// None: the model's framing has a name.
    described: Option<described::Rows<'m>>,
}

impl<'m> Readers<'m> {
    fn new(model: Option<&'m DeviceModel>) -> Self {
        Self {
            modbus: Reader::new(model, Framing::ModbusRtu),
            jbd: Reader::new(model, Framing::Jbd),
            described: model.and_then(described::Rows::of),
        }
    }
}

fn is_modbus(framing: &Framing) -> bool {
    *framing == Framing::ModbusRtu
}

/// Bytes as a person reads them: ASCII as it is, the rest escaped.
fn text(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

fn milliseconds(us: u64) -> f64 {
    us as f64 / 1000.0
}
