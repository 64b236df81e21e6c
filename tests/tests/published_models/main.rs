//! The shipped models against what others have published of the boards: frames as they went over a wire, taken apart by our own
//! decoder and read through the model, must say what their publishers read in them. Every frame names its source.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use domain::{
    codec::{decode, words_of},
    model::{DeviceModel, Register, parse_model},
    value::Value,
};
use jigline_tests::demo::workspace_root;
use protocol::modbus::{Request, Response, rtu};
use std::fs;

mod jbd;
mod jk_pb;
mod pinned;
mod spoilt;

fn text_of(id: &str) -> String {
    fs::read_to_string(workspace_root().join(format!("profiles/models/{id}.toml"))).unwrap()
}

fn model(id: &str) -> DeviceModel {
    parse_model(id, &text_of(id)).unwrap_or_else(|faults| panic!("{faults:?}"))
}

/// Bytes as people print them: hex, with blanks, points or commas between them.
fn bytes(printed: &str) -> Vec<u8> {
    let digits: String = printed.chars().filter(char::is_ascii_hexdigit).collect();
    hex::decode(digits).unwrap()
}

/// What a board said of a run of addresses.
struct Span {
    model: DeviceModel,
    start: u16,
    bytes: Vec<u8>,
}

impl Span {
    /// A published question and its answer, in the functions of the model, about addresses that the model has.
    #[track_caller]
    fn of(model: DeviceModel, question: &str, answer: &str) -> Self {
        let question = rtu::decode_frame(&bytes(question)).unwrap();
        let request = Request::decode(&question.pdu).unwrap();
        assert_eq!(request.function(), model.link.read_function);
        let (start, quantity) = request.span();
        let bytes = registers_in(answer, question.address);
        assert_eq!(bytes.len(), usize::from(quantity) * 2);
        let addresses = (quantity * 2) / (model.position_of(1) as u16);
        for address in start..start + addresses {
            assert!(model.block_of(address, 1).is_some(), "0x{address:04X} lies in a hole");
        }
        Self { model, start, bytes }
    }

    /// An answer whose question was published apart from it.
    fn at(model: DeviceModel, start: u16, answer: &str) -> Self {
        let bytes = registers_in(answer, model.link.address);
        Self { model, start, bytes }
    }

    /// Reads a register out of it.
    #[track_caller]
    fn value(&self, name: &str) -> Value {
        let register = self.model.register(name).unwrap_or_else(|| panic!("no register {name}"));
        let at = (self.model.position(register) - self.model.position_of(self.start)) as usize;
        field(register, &self.bytes, at)
    }

    #[track_caller]
    fn says<V: Into<Value>>(&self, name: &str, expected: V) {
        assert_eq!(self.value(name), expected.into(), "{name}");
    }
}

#[track_caller]
fn registers_in(answer: &str, address: u8) -> Vec<u8> {
    let answer = rtu::decode_frame(&bytes(answer)).unwrap();
    assert_eq!(answer.address, address);
    match Response::decode(&answer.pdu).unwrap() {
        Response::ReadHolding(words) | Response::ReadInput(words) => {
            words.iter().flat_map(|word| word.to_be_bytes()).collect()
        }
        other => panic!("no registers: {other:?}"),
    }
}

#[track_caller]
fn field(register: &Register, bytes: &[u8], at: usize) -> Value {
    let mut own = bytes.get(at..).unwrap_or_default().to_vec();
    own.resize(usize::from(register.bytes()), 0);
    decode(register, &words_of(register, &own).unwrap()).unwrap()
}

#[track_caller]
fn exception_in(answer: &str) -> u8 {
    match Response::decode(&rtu::decode_frame(&bytes(answer)).unwrap().pdu).unwrap() {
        Response::Exception { code, .. } => code.number(),
        other => panic!("no exception: {other:?}"),
    }
}

fn title_of(model: &DeviceModel, code: u8) -> Option<(&str, bool)> {
    let meaning = model.link.exceptions.iter().find(|meaning| meaning.code == code);
    meaning.map(|meaning| (meaning.title.en.as_str(), meaning.transient))
}
