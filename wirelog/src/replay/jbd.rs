//! Questions and answers in the JBD framing.

use super::{Answer, Exchange, Password, Reader, Shown, command, fields::bytes_of_words, refusal};
use domain::{model::Framing, value::Value};
use protocol::jbd::{EmptyAnswers, MAX_CALLBACK, Reply, Request, START, Status};

pub(super) const READ: u8 = 0xA5;
const WRITE: u8 = 0x5A;
/// Bytes of an answer without its data.
const OVERHEAD: usize = 7;

/// A request, where these bytes are one, with a callback behind it or without.
pub(super) fn exchange(bytes: &[u8], reader: &mut Reader<'_>) -> Option<Exchange> {
    let request = (0..=MAX_CALLBACK).find_map(|callback| {
        let end = bytes.len().checked_sub(callback)?;
        Request::decode(&bytes[..end]).ok()
    })?;
    let (values, command) = match &request {
        Request::Write { register, data } => {
            let given = command(reader, (*register).into(), |command| command.value_bytes() == *data);
            (reader.values((*register).into(), data), given)
        }
        Request::WriteBlock { start, values } => (parameters(*start, &bytes_of_words(values)), None),
        Request::Read { .. } | Request::ReadBlock { .. } => (Vec::new(), None),
    };
    let count = match &request {
        Request::ReadBlock { count, .. } => (*count).into(),
        Request::WriteBlock { values, .. } => values.len() as u16,
        Request::Read { .. } | Request::Write { .. } => 1,
    };
    Some(Exchange { values, command, count, ..bare(request.is_write(), request.register()) })
}

/// The open part of a frame that carries a password: its marks, register and length.
pub(super) fn password_exchange(open: &[u8], password: &Password, reader: &Reader<'_>) -> Option<Exchange> {
    let [START, WRITE, register, _] = *open else { return None };
    let name = reader.touched(register.into(), 1).first().map(|register| register.name.clone());
    let name = name.or_else(|| reader.model()?.password.as_ref().map(|_| format!("0x{register:02X}")));
    let password = Some(Password { register: name, ..password.clone() });
    Some(Exchange { password, ..bare(true, register) })
}

/// The answer to the request among the bytes that came: where it begins and ends, and what it says.
pub(super) fn answer(
    exchange: &mut Exchange,
    heard: &[u8],
    after_ms: f64,
    reader: &mut Reader<'_>,
) -> Option<(usize, usize)> {
    let (from, to, reply) = (0..heard.len()).find_map(|from| {
        let length = OVERHEAD + usize::from(*heard.get(from + 3)?);
        let reply = Reply::decode(heard.get(from..from + length)?, EmptyAnswers::Summed).ok()?;
        (u16::from(reply.register) == exchange.address).then_some((from, from + length, reply))
    })?;
    let result = match reply.status {
        Status::Done => "ok".to_owned(),
        status => refusal(reader, status.number(), status),
    };
    if reply.status == Status::Done && !exchange.is_write() {
        exchange.values = match (reply.register, &reply.data[..]) {
            (protocol::jbd::BLOCK, [high, low, _, words @ ..]) => {
                parameters(u16::from_be_bytes([*high, *low]), words)
            }
            (_, data) => reader.values(exchange.address, data),
        };
    }
    exchange.answer = Some(Answer { after_ms, result });
    Some((from, to))
}

fn bare(is_write: bool, register: u8) -> Exchange {
    Exchange {
        framing: Framing::Jbd,
        device: None,
        function: if is_write { WRITE } else { READ },
        writes: is_write,
        address: register.into(),
        count: 1,
        command: None,
        password: None,
        values: Vec::new(),
        answer: None,
    }
}

/// Parameters by number, as block accesses have them.
fn parameters(start: u16, bytes: &[u8]) -> Vec<Shown> {
    let words = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    (start..=u16::MAX)
        .zip(words)
        .map(|(number, word)| Shown {
            name: format!("parameter {number}"),
            raw: vec![word],
            value: Value::Number(word.into()),
            unit: String::new(),
        })
        .collect()
}
