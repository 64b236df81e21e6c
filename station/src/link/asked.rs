//! What a board is asked, in the framing of its model: the bytes of it, and what counts as its answer.

use super::{fault::internal, map};
use domain::{
    model::{Command, DeviceModel, FramePart, Framing, Quantity},
    text::Fault,
};
use protocol::{
    described::{self, Frames, Way},
    guard::{Shape, Shaped},
    jbd,
    modbus::{MAX_READ, Request, Response, preamble::JK_PB, question::Question, rtu},
    row::Fields,
};
use std::{fmt, sync::Arc};
use wirelog::model_frames::frames;

/// Address, function, code, check sum.
pub(super) const EXCEPTION_FRAME: usize = 5;
/// Marks, register, status, length and sum of a JBD answer.
const JBD_OVERHEAD: usize = 7;

/// One request as it goes over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    Modbus(Question),
    Jbd {
        question: jbd::client::Question,
        /// Bytes of data that the answer is expected to hold; a newer board may send more.
        likely: usize,
    },
    Described {
        frames: Arc<Frames>,
        question: described::Question,
        /// Bytes of data that the answer is expected to hold.
        likely: usize,
    },
}

impl Asked {
    /// A request of the map as boards of this model are asked it.
    ///
    /// # Errors
    /// No frame of this model's framing carries it: a fault of the model's file.
    pub(super) fn of(model: &DeviceModel, request: &Request) -> Result<Self, Fault> {
        match model.link.framing {
            Framing::ModbusRtu => modbus_question(model, request).map(Self::Modbus),
            Framing::Jbd => Ok(jbd_question(model, request)),
            Framing::Described => described_question(model, request),
        }
    }

    pub(super) fn is_write(&self) -> bool {
        match self {
            Self::Modbus(question) => question.request().is_write(),
            Self::Jbd { question, .. } => question.request().is_write(),
            Self::Described { question, .. } => question.way == Way::Write,
        }
    }

    /// The whole frame, to this device address.
    ///
    /// # Errors
    /// It does not fit a frame.
    pub(super) fn frame(&self, address: u8) -> Result<Vec<u8>, Fault> {
        match self {
            Self::Modbus(question) => rtu::encode_request(address, question.request()).map_err(internal),
            Self::Jbd { question, .. } => question.request().encode(&[]).map_err(internal),
            Self::Described { frames, question, .. } => {
                let row = frames.request(question.way).ok_or_else(|| internal("the framing has no write"))?;
                row.encode(&question.fields).map_err(internal)
            }
        }
    }

    /// Bytes of a faultless answer.
    pub(super) fn answer_length(&self) -> usize {
        match self {
            Self::Modbus(question) => question.response_length(),
            Self::Jbd { likely, .. } => JBD_OVERHEAD + likely,
            Self::Described { frames, question, likely } => frames.answer_length(question, *likely),
        }
    }

    /// Whether the bytes end in the answer to this: its data, or a refusal. `address`: the one that answers bear.
    pub(super) fn is_answered_in(&self, heard: &[u8], address: u8) -> bool {
        match self {
            Self::Modbus(question) => {
                let function = question.request().function();
                [question.response_length(), EXCEPTION_FRAME].into_iter().any(|length| {
                    let from = heard.len().checked_sub(length);
                    from.and_then(|from| rtu::decode_frame(&heard[from..]).ok()).is_some_and(|frame| {
                        frame.address == address
                            && Response::decode(&frame.pdu)
                                .is_ok_and(|response| response.function() == function)
                    })
                })
            }
            Self::Jbd { question, .. } => {
                let register = question.request().register();
                // A start mark may be a byte of data too: each is tried.
                let starts = heard.iter().enumerate().filter(|(_, byte)| **byte == jbd::START);
                starts.map(|(at, _)| &heard[at..]).any(|frame| {
                    jbd::Reply::decode(frame, jbd::EmptyAnswers::Summed)
                        .is_ok_and(|reply| reply.register == register)
                })
            }
            Self::Described { frames, question, .. } => frames.is_answered_in(question, heard),
        }
    }
}

/// Modbus: another function, addresses in bytes, quantities that count addresses.
fn modbus_question(model: &DeviceModel, request: &Request) -> Result<Question, Fault> {
    let asked = map::on_wire(model, request);
    let (_, registers) = request.span();
    if request.is_write() {
        let question = Question::from(asked);
        return Ok(if has_preamble(model, request) { question.behind(JK_PB) } else { question });
    }
    if model.link.quantity == Quantity::Registers {
        return Ok(asked.into());
    }
    let spanned = match asked {
        Request::ReadHolding { address, .. } => {
            Request::ReadHolding { address, quantity: map::addresses(model, registers) }
        }
        Request::ReadInput { address, .. } => {
            Request::ReadInput { address, quantity: map::addresses(model, registers) }
        }
        other => other,
    };
    Question::short_span(spanned, registers.min(MAX_READ)).map_err(internal)
}

/// Whether this is a command before whose answer the board sends a frame of its own.
fn has_preamble(model: &DeviceModel, request: &Request) -> bool {
    let (place, quantity) = request.span();
    quantity == 1
        && model
            .commands
            .iter()
            .any(|command| command.preamble && map::place_of(model, command.address) == place)
}

/// JBD: a place is a byte of a field, `field << 8 | byte`; a request concerns one field, and a write all of it.
fn jbd_question(model: &DeviceModel, request: &Request) -> Asked {
    let (place, needed) = request.span();
    let [register, _] = place.to_be_bytes();
    let bytes = |values: &[u16]| values.iter().map(|byte| *byte as u8).collect::<Vec<u8>>();
    match request {
        Request::ReadHolding { .. }
        | Request::ReadInput { .. }
        | Request::ReadCoils { .. }
        | Request::WriteCoils { .. } => {
            let least = u8::try_from(needed).unwrap_or(u8::MAX);
            let likely = usize::from(needed).max(map::field_bytes(model, register.into()));
            let question = jbd::client::Question::read(register, least..=u8::MAX);
            let question = question.expecting(u8::try_from(likely).unwrap_or(u8::MAX));
            Asked::Jbd { question, likely }
        }
        Request::WriteSingle { value, .. } => {
            // Fields are written by their bytes; a lone value is a command's, two bytes.
            let data = value.to_be_bytes().to_vec();
            Asked::Jbd { question: jbd::Request::Write { register, data }.into(), likely: 0 }
        }
        Request::WriteMultiple { values, .. } => {
            Asked::Jbd { question: jbd::Request::Write { register, data: bytes(values) }.into(), likely: 0 }
        }
    }
}

/// A described framing: the data are bytes of a field, or words. The row of an answer says how long its data is; where it does not, a
/// field has at most so many bytes as [`map`] has places for.
fn described_question(model: &DeviceModel, request: &Request) -> Result<Asked, Fault> {
    let frames = frames(model).ok_or_else(|| internal("a described framing without its frames"))?;
    let (place, count) = request.span();
    let is_field = map::is_field(model);
    let register = if is_field { place >> 8 } else { map::addresses(model, place) };
    let counted = if is_field { 1 } else { map::addresses(model, count) };
    let block = map::block_of(model, place, 1);
    let link = &model.link;
    let (way, data, function) = match request {
        Request::ReadHolding { .. }
        | Request::ReadInput { .. }
        | Request::ReadCoils { .. }
        | Request::WriteCoils { .. } => {
            let argument = block.and_then(|block| block.argument.as_ref());
            let data = argument.map(|argument| argument.as_bytes().to_vec()).unwrap_or_default();
            (Way::Read, data, block.and_then(|block| block.read_function).or(Some(link.read_function)))
        }
        Request::WriteSingle { value, .. } => {
            // Fields are written by their bytes; a lone value is a command's.
            let is_it = |command: &&Command| command.address == register && command.value == *value;
            let command = model.commands.iter().find(is_it);
            let data = command.map_or_else(|| value.to_be_bytes().to_vec(), Command::value_bytes);
            (Way::Write, data, block.and_then(|block| block.write_function))
        }
        Request::WriteMultiple { values, .. } => {
            let data = if is_field {
                values.iter().map(|byte| *byte as u8).collect()
            } else {
                values.iter().flat_map(|word| word.to_be_bytes()).collect()
            };
            (Way::Write, data, block.and_then(|block| block.write_function))
        }
    };
    let fields = Fields {
        address: Some(link.address),
        function,
        register: Some(register),
        count: Some(counted),
        end: Some(register.saturating_add(counted)),
        status: None,
        data,
    };
    let parts = block.filter(|_| way == Way::Read).and_then(|block| block.frames).unwrap_or(1);
    let known = map::field_bytes(model, register).max(count.into());
    let (least, most, likely) = match (way, is_field) {
        (Way::Write, _) => (0, FIELD, 0),
        (Way::Read, false) => (2 * count, 2 * count, 2 * usize::from(count)),
        (Way::Read, true) => match fixed_data(model) {
            // A board sends as many as it has data for.
            Some(bytes) if parts > 1 => {
                let most = u16::from(parts) * bytes.saturating_sub(1);
                (count, most, most.into())
            }
            Some(bytes) => (bytes, bytes, bytes.into()),
            None => (count, FIELD, known),
        },
    };
    let answering = link.reply_address.unwrap_or(link.address);
    let mut question = frames.ask(way, fields, least..=most, parts, answering);
    question.likely = u16::try_from(likely).unwrap_or(most).clamp(least, most);
    Ok(Asked::Described { frames, question, likely })
}

/// Places of a field.
const FIELD: u16 = 256;

/// Bytes of data in every answer, where the framing has but one length.
fn fixed_data(model: &DeviceModel) -> Option<u16> {
    let answer = &model.frame.as_ref()?.read_answer;
    answer.parts().iter().find_map(|part| if let FramePart::Data(bytes) = part { *bytes } else { None })
}

impl Shaped for Asked {
    fn shape(&self) -> Option<Shape> {
        match self {
            Self::Modbus(question) => question.shape(),
            Self::Jbd { question, .. } => question.shape(),
            Self::Described { question, .. } => question.shape(),
        }
    }
}

/// `read of registers 100 to 119`, `write of field 2Dh`.
impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.is_write() { "write" } else { "read" };
        match self {
            Self::Modbus(question) => {
                let (address, quantity) = question.request().span();
                if quantity == 1 {
                    write!(f, "{verb} of register {address}")
                } else {
                    let last = u32::from(address) + u32::from(quantity) - 1;
                    write!(f, "{verb} of registers {address} to {last}")
                }
            }
            Self::Jbd { question, .. } => write!(f, "{verb} of field {:02X}h", question.request().register()),
            Self::Described { question, .. } => {
                write!(f, "{verb} of address {:02X}h", question.fields.register.unwrap_or_default())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::model::{AddressStep, parse_model};

    fn model() -> DeviceModel {
        parse_model("model.toml", include_str!("tests/model.toml")).unwrap()
    }

    #[test]
    fn a_quantity_that_counts_addresses_is_asked_for_and_answered_by_the_registers_in_it() {
        let mut model = model();
        model.link.address_step = AddressStep::Byte;
        model.link.quantity = Quantity::Addresses;
        let asked = Asked::of(&model, &Request::ReadHolding { address: 50, quantity: 3 }).unwrap();
        assert_eq!(asked.frame(1).unwrap()[..6], [1, 3, 0, 100, 0, 6]);
        assert_eq!(asked.answer_length(), 5 + 2 * 3);
        let answer = rtu::encode_response(1, &Response::ReadHolding(vec![1, 2, 3])).unwrap();
        assert!(asked.is_answered_in(&answer, 1) && !asked.is_answered_in(&answer, 2));
        let short = rtu::encode_response(1, &Response::ReadHolding(vec![1, 2])).unwrap();
        assert!(!asked.is_answered_in(&short, 1));
    }

    #[test]
    fn a_request_tells_in_a_persons_words_what_was_asked() {
        let one = Asked::of(&model(), &Request::WriteSingle { address: 7, value: 1 }).unwrap();
        let many = Asked::of(&model(), &Request::ReadHolding { address: 100, quantity: 20 }).unwrap();
        assert_eq!(
            (one.to_string(), many.to_string()),
            ("write of register 7".into(), "read of registers 100 to 119".into())
        );
        let text = include_str!("../../../profiles/models/jbd.toml");
        let jbd = parse_model("jbd.toml", text).unwrap();
        let field = Asked::of(&jbd, &Request::ReadHolding { address: 0x2D00, quantity: 2 }).unwrap();
        assert_eq!(field.to_string(), "read of field 2Dh");
        assert_eq!(field.frame(1).unwrap(), [0xDD, 0xA5, 0x2D, 0x00, 0xFF, 0xD3, 0x77]);
    }
}
