//! A framing that a model describes: rows of parts in both directions, a client's ears, and a listener.

use std::sync::Arc;

use jigline_protocol::client::{ClientEvent, Pace};
use jigline_protocol::described::sniffer::{Outcome, Sniffed, Sniffer};
use jigline_protocol::described::{Described, DescribedClient, Frames, Way, WriteFrames};
use jigline_protocol::guard::Purpose;
use jigline_protocol::row::{Check, Coding, Fields, Order, Part, Row, Word};

use super::ms;

const BYTE: Word = Word { bytes: 1, order: Order::HighFirst };
const WORD: Word = Word { bytes: 2, order: Order::HighFirst };

fn row(coding: Coding, parts: Vec<Part>) -> Row {
    Row::new(coding, parts)
}

/// Thirteen bytes both ways (Daly).
pub fn fixed() -> Arc<Frames> {
    let of = |sender| {
        let data = Part::Data(Some(8));
        let parts = vec![
            Part::Bytes(vec![0xA5, sender]),
            Part::Register(BYTE),
            Part::Bytes(vec![8]),
            data,
            Part::Check(Check::Sum8),
        ];
        row(Coding::Binary, parts)
    };
    let write = Some(WriteFrames { request: of(0x40), answer: of(0x01) });
    Arc::new(Frames { read: of(0x40), read_answer: of(0x01), write, refusal: None, done: 0 })
}

/// Text whose answers name nothing (YD/T 1363.3).
pub fn text() -> Arc<Frames> {
    let of = |third| {
        let head =
            vec![Part::Bytes(vec![b'~']), Part::CheckedFrom, Part::Bytes(vec![0x21]), Part::Address, third];
        let tail = vec![
            Part::LengthYdt,
            Part::Data(None),
            Part::Check(Check::NegatedSum16),
            Part::Bytes(vec![0x0D]),
        ];
        row(Coding::HexText, [head, tail].concat())
    };
    let write = Some(WriteFrames { request: of(Part::Register(BYTE)), answer: of(Part::Status) });
    Arc::new(Frames {
        read: of(Part::Register(BYTE)),
        read_answer: of(Part::Status),
        write,
        refusal: None,
        done: 0,
    })
}

/// No marks, lengths of two bytes, and a refusal of its own.
pub fn bare() -> Arc<Frames> {
    let head = |more: Vec<Part>| {
        let head = vec![Part::Address, Part::Function, Part::Register(WORD), Part::End(WORD)];
        row(Coding::Binary, [head, more, vec![Part::Check(Check::Crc16)]].concat())
    };
    let none = || head(vec![Part::Bytes(vec![0, 0])]);
    let data = || head(vec![Part::Length(WORD, 0), Part::Data(None)]);
    let marked =
        head(vec![Part::Length(WORD, 4), Part::Bytes(vec![0x11, 0x4A, 0x42, 0x44]), Part::Data(None)]);
    let refusal = vec![Part::Address, Part::Bytes(vec![0xFF]), Part::Status, Part::Check(Check::Crc16)];
    Arc::new(Frames {
        read: none(),
        read_answer: data(),
        write: Some(WriteFrames { request: marked, answer: none() }),
        refusal: Some(row(Coding::Binary, refusal)),
        done: 0xFE,
    })
}

/// The first byte selects the framing and the question.
pub fn described(bytes: &[u8]) {
    let Some((&selector, bytes)) = bytes.split_first() else { return };
    let frames = match selector % 3 {
        0 => fixed(),
        1 => text(),
        _ => bare(),
    };
    decodes_what_it_encodes(&frames, bytes);
    hears_and_stays_usable(&frames, selector, bytes);
    let whole = overheard(&frames, &[bytes]);
    let (pieces, halves) = (bytes.chunks(1).collect::<Vec<_>>(), bytes.chunks(7).collect::<Vec<_>>());
    assert_eq!(whole, overheard(&frames, &pieces), "how bytes were lumped changed what was heard");
    assert_eq!(whole, overheard(&frames, &halves));
}

/// Whatever is found is a frame: put together again it has the same bytes, but for those that say nothing.
fn decodes_what_it_encodes(frames: &Frames, bytes: &[u8]) {
    let rows = [
        frames.request(Way::Read),
        frames.request(Way::Write),
        frames.answer(Way::Read),
        frames.answer(Way::Write),
    ];
    for row in rows.into_iter().flatten().chain(&frames.refusal) {
        for end in 0..=bytes.len().min(64) {
            if let Some(fields) = row.decode(&bytes[..end]) {
                assert_eq!(row.encode(&fields).unwrap(), bytes[..end]);
            }
        }
    }
}

fn question(frames: &Frames, selector: u8) -> jigline_protocol::described::Question {
    let parts = if selector & 0x40 == 0 { 1 } else { 3 };
    let fields = Fields {
        address: Some(1),
        function: Some(0x78),
        register: Some(u16::from(selector >> 4)),
        count: Some(2),
        end: Some(4),
        status: None,
        data: Vec::new(),
    };
    frames.ask(Way::Read, fields, 0..=200, parts, 1)
}

fn hears_and_stays_usable(frames: &Arc<Frames>, selector: u8, bytes: &[u8]) {
    let mut client = DescribedClient::speaking(Described::new(Arc::clone(frames)), Pace::new(9600));
    let asked = question(frames, selector);
    if selector & 0x80 == 0 {
        client.begin(ms(0), Purpose::Identify, asked.clone()).unwrap();
    } else {
        client.begin_waking(ms(0), Purpose::Identify, asked.clone()).unwrap();
    }
    for (at, byte) in (1..).zip(bytes) {
        client.handle_bytes(ms(at), &[*byte]);
    }
    client.handle_timeout(ms(100_000));
    client.handle_timeout(ms(200_000));
    while let Some(event) = client.poll_event() {
        if let ClientEvent::Answered(jigline_protocol::described::Checked::Data(data)) = event {
            assert!(data.len() <= 200);
        }
    }
    while client.poll_transmit().is_some() {}
}

fn overheard(frames: &Arc<Frames>, parts: &[&[u8]]) -> (Vec<Sniffed>, u64) {
    let mut sniffer = Sniffer::new(Arc::clone(frames), 9600, ms(500));
    for part in parts {
        sniffer.handle_bytes(ms(0), part);
    }
    sniffer.finish();
    let heard: Vec<Sniffed> = std::iter::from_fn(|| sniffer.poll_event()).collect();
    for sniffed in &heard {
        if let Sniffed::Exchange { outcome: Outcome::Answered { frames, .. }, .. } = sniffed {
            assert!(!frames.is_empty());
        }
    }
    (heard, sniffer.dropped_bytes())
}
