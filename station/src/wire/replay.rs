//! What a log's bytes meant, by today's decoders: requests with their answers and the registers' names and values, the loader's text,
//! the blocks of a transfer, and what nobody answered. Pure: it reads no file and knows no clock.

mod hear;
#[cfg(test)]
mod tests;

use super::{Direction, Entry, ImageBlock, What, form::Decoded};
use domain::{
    codec,
    model::{DeviceModel, Register},
    value::Value,
};
use hear::Turn;
use protocol::{
    modbus::{READ_HOLDING, READ_INPUT, Request, rtu},
    ymodem::{self, BlockSize, CAN, EOT},
};
use serde::Serialize;

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
    /// A Modbus request.
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
    /// Modbus address asked.
    pub device: u8,
    pub function: u8,
    /// First register.
    pub address: u16,
    pub count: u16,
    /// The model's name for a write of just that.
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
        !matches!(self.function, READ_HOLDING | READ_INPUT)
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
        std::mem::take(&mut turn).end(&mut messages, model);
        let said = say(frame, log, model, image);
        messages.push(Message { ms: milliseconds(first.at_us), said });
        turn.begin(first.at_us);
    }
    turn.end(&mut messages, model);
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

fn say(frame: &[Entry], log: &Decoded, model: Option<&DeviceModel>, image: Option<&[u8]>) -> Said {
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
                return say_password(&bytes, password, model)
                    .unwrap_or(Said::Withheld { direction: Direction::Sent, bytes: withheld.bytes });
            }
        }
    }
    let request = rtu::decode_frame(&bytes)
        .ok()
        .and_then(|frame| Request::decode(&frame.pdu).ok().map(|request| (frame.address, request)));
    if let Some((device, request)) = request {
        return Said::Request(exchange(device, &request, model));
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
fn say_password(open: &[u8], password: Password, model: Option<&DeviceModel>) -> Option<Said> {
    let (device, function, address, count) = match open {
        [device, function, a, b] => (device, function, [*a, *b], 1),
        [device, function, a, b, high, low, _] => {
            (device, function, [*a, *b], u16::from_be_bytes([*high, *low]))
        }
        _ => return None,
    };
    let address = u16::from_be_bytes(address);
    let register = model.and_then(|model| model.registers.iter().find(|r| r.address == address));
    let register = register.map(|register| register.name.clone());
    Some(Said::Request(Exchange {
        device: *device,
        function: *function,
        address,
        count,
        command: None,
        password: Some(Password { register, ..password }),
        values: Vec::new(),
        answer: None,
    }))
}

fn exchange(device: u8, request: &Request, model: Option<&DeviceModel>) -> Exchange {
    let (address, count) = request.span();
    let values = match request {
        Request::WriteSingle { value, .. } => values(model, address, &[*value]),
        Request::WriteMultiple { values: words, .. } => values(model, address, words),
        Request::ReadHolding { .. } | Request::ReadInput { .. } => Vec::new(),
    };
    let command = match (model, request) {
        (Some(model), Request::WriteSingle { address, value }) => model
            .commands
            .iter()
            .find(|command| command.address == *address && command.value == *value)
            .map(|command| command.name.clone()),
        _ => None,
    };
    let function = request.function();
    Exchange { device, function, address, count, command, password: None, values, answer: None }
}

/// The fields that lie whole in these words, and the words that belong to none.
fn values(model: Option<&DeviceModel>, address: u16, words: &[u16]) -> Vec<Shown> {
    let mut shown = Vec::new();
    let mut at = 0;
    while let Some(rest) = words.get(at..).filter(|rest| !rest.is_empty()) {
        let here = address.wrapping_add(at as u16);
        let field = model.and_then(|model| {
            model.registers.iter().find(|r| r.address == here && usize::from(r.width()) <= rest.len())
        });
        match field {
            Some(register) => {
                let raw = &rest[..usize::from(register.width())];
                shown.push(show(register, raw));
                at += raw.len().max(1);
            }
            None => {
                let raw = vec![rest[0]];
                let value = Value::Number(rest[0].into());
                shown.push(Shown { name: format!("0x{here:04X}"), raw, value, unit: String::new() });
                at += 1;
            }
        }
    }
    shown
}

fn show(register: &Register, raw: &[u16]) -> Shown {
    let value = codec::decode(register, raw).unwrap_or_else(|_| {
        Value::Text(raw.iter().fold(String::from("0x"), |text, word| text + &format!("{word:04X}")))
    });
    Shown { name: register.name.clone(), raw: raw.to_vec(), value, unit: register.unit.clone() }
}

/// Bytes as a person reads them: ASCII as it is, the rest escaped.
fn text(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

fn milliseconds(us: u64) -> f64 {
    us as f64 / 1000.0
}
