//! What came back: fits answers to what was asked, and keeps the rest as heard.

use super::{
    Answer, Direction, Message, Readers, Reply, Said, What, described, fields::bytes_of_words, jbd,
    milliseconds, refusal, text,
};
use crate::Entry;
use domain::model::Framing;
use protocol::{
    modbus::{READ_COILS, Response, rtu},
    ymodem::{ACK, CAN, CRC_REQUEST, NAK},
};

/// All that came since something was sent.
#[derive(Debug, Default)]
pub(super) struct Turn {
    asked_us: u64,
    first_us: Option<u64>,
    bytes: Vec<u8>,
    withheld: u32,
}

impl Turn {
    pub fn begin(&mut self, asked_us: u64) {
        self.asked_us = asked_us;
    }

    pub fn add(&mut self, entry: &Entry) {
        self.first_us.get_or_insert(entry.at_us);
        match &entry.what {
            What::Bytes(bytes) => self.bytes.extend(bytes),
            What::Withheld(withheld) => self.withheld += withheld.bytes,
            // Boards send no image and set no rate.
            What::Block(_) | What::Rate(_) | What::Dropped { .. } => {}
        }
    }

    /// Gives what came to the last message, where it answers that, and the rest a message of its own.
    pub fn end(self, messages: &mut Vec<Message>, readers: &mut Readers<'_>) {
        let Some(first_us) = self.first_us else { return };
        let after_ms = milliseconds(first_us.saturating_sub(self.asked_us));
        let mut rest = vec![self.bytes.clone()];
        let mut withheld = self.withheld;
        match messages.last_mut().map(|message| &mut message.said) {
            Some(Said::Request(exchange)) if withheld > 0 && exchange.password.is_some() => {
                exchange.answer = Some(Answer { after_ms, result: format!("withheld ({withheld} bytes)") });
                withheld = 0;
            }
            Some(Said::Request(exchange)) if exchange.framing == Framing::Jbd => {
                if let Some((from, to)) = jbd::answer(exchange, &self.bytes, after_ms, &mut readers.jbd) {
                    rest = vec![self.bytes[..from].to_vec(), self.bytes[to..].to_vec()];
                }
            }
            Some(Said::Request(exchange)) if exchange.framing == Framing::Described => {
                let rows = readers.described.as_mut();
                if let Some((from, to)) =
                    rows.and_then(|rows| described::answer(exchange, &self.bytes, after_ms, rows))
                {
                    rest = vec![self.bytes[..from].to_vec(), self.bytes[to..].to_vec()];
                }
            }
            Some(Said::Request(exchange)) => {
                let asked = exchange.device.unwrap_or_default();
                let reader = &mut readers.modbus;
                let link = reader.model().map(|model| &model.link).filter(|link| link.address == asked);
                let answers = link.and_then(|link| link.reply_address).unwrap_or(asked);
                let whole = match (exchange.is_write(), exchange.function) {
                    (true, _) => 8,
                    (false, READ_COILS) => 5 + usize::from(exchange.count).div_ceil(8),
                    (false, _) => 5 + 2 * usize::from(exchange.count),
                };
                if let Some((from, to, response)) =
                    find_answer(&self.bytes, whole, answers, exchange.function)
                {
                    let result = match &response {
                        Response::Exception { code, .. } => refusal(reader, code.number(), code),
                        _ => "ok".to_owned(),
                    };
                    let words = match response {
                        Response::ReadHolding(words) | Response::ReadInput(words) => words,
                        Response::ReadCoils(bits) => {
                            bits.into_iter().take(exchange.count.into()).map(u16::from).collect()
                        }
                        _ => Vec::new(),
                    };
                    if !words.is_empty() {
                        exchange.values = reader.values(exchange.address, &bytes_of_words(&words));
                    }
                    exchange.answer = Some(Answer { after_ms, result });
                    rest = vec![self.bytes[..from].to_vec(), self.bytes[to..].to_vec()];
                }
            }
            Some(
                Said::Block { reply, .. }
                | Said::Header { reply, .. }
                | Said::EndMark { reply }
                | Said::Closing { reply },
            ) => {
                let words: Vec<&str> = self.bytes.iter().map_while(|byte| control(*byte)).collect();
                if !words.is_empty() {
                    rest = vec![self.bytes[words.len()..].to_vec()];
                    *reply = Some(Reply { after_ms, said: words.join(" ") });
                }
            }
            _ => {}
        }
        let ms = milliseconds(first_us);
        if withheld > 0 {
            let said = Said::Withheld { direction: Direction::Received, bytes: withheld };
            messages.push(Message { ms, said });
        }
        for bytes in rest.iter().filter(|bytes| !bytes.is_empty()) {
            messages.push(Message { ms, said: Said::Heard { text: text(bytes) } });
        }
    }
}

/// The first place at which an answer to the request stands: its data, or an exception.
fn find_answer(bytes: &[u8], whole: usize, device: u8, function: u8) -> Option<(usize, usize, Response)> {
    (0..bytes.len()).find_map(|from| {
        [whole, rtu::EXCEPTION_FRAME].into_iter().find_map(|length| {
            let frame = rtu::decode_frame(bytes.get(from..from + length)?).ok()?;
            let response = Response::decode(&frame.pdu).ok()?;
            let fits = frame.address == device && response.function() == function;
            fits.then_some((from, from + length, response))
        })
    })
}

fn control(byte: u8) -> Option<&'static str> {
    match byte {
        ACK => Some("ACK"),
        NAK => Some("NAK"),
        CAN => Some("CA"),
        CRC_REQUEST => Some("C"),
        _ => None,
    }
}
