use super::*;
use proptest::prelude::*;

const BAUD: u32 = 9600;
const PATIENCE: Duration = Duration::from_millis(500);

struct Wire {
    sniffer: Sniffer,
    now: Instant,
    heard: Vec<Sniffed>,
}

impl Wire {
    fn new() -> Self {
        Self { sniffer: Sniffer::new(BAUD, PATIENCE), now: Duration::from_secs(1), heard: Vec::new() }
    }

    fn say(&mut self, bytes: &[u8], lump: usize) {
        for piece in bytes.chunks(lump.max(1)) {
            self.now += crate::timing::wire_time(piece.len(), BAUD);
            self.sniffer.handle_bytes(self.now, piece);
            self.heard.extend(std::iter::from_fn(|| self.sniffer.poll_event()));
        }
    }

    fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.sniffer.poll_timeout().filter(|due| *due <= end) {
            self.sniffer.handle_timeout(due);
            self.heard.extend(std::iter::from_fn(|| self.sniffer.poll_event()));
        }
        self.now = end;
    }

    fn end(mut self) -> Vec<Sniffed> {
        self.wait(Duration::from_secs(2));
        self.heard
    }
}

/// Bytes as people print them.
fn bytes(printed: &str) -> Vec<u8> {
    let digits: Vec<u8> = printed.bytes().filter(u8::is_ascii_hexdigit).collect();
    let number = |pair: &[u8]| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(number).collect()
}

#[test]
fn a_published_conversation_is_paired_whatever_lies_between_its_frames() {
    // ieb/N2KNMEA0183Wifi@8fd1863:lib/jdbbms/SnoopOnBTAdapter.md: a Bluetooth adapter at its start.
    let mut wire = Wire::new();
    for said in [
        "DD 5A 00 02 56 78 FF 30 77",
        "DD 00 00 00 00 00 77",
        "00 FF DD",
        "DD A5 A2 00 FF 5E 77",
        "DD A2 00 01 00 FF FF 77",
        "DD A5 42 00 FF BE 77",
        "DD 42 80 00 FF 80 77",
        "DD A5 05 00 FF FB 77",
    ] {
        wire.say(&bytes(said), 4);
        wire.wait(Duration::from_millis(60));
    }
    assert_eq!(wire.sniffer.dropped_bytes(), 3);
    let heard = wire.end();
    let told: Vec<(u8, bool, &str)> = heard
        .iter()
        .map(|sniffed| {
            let Sniffed::Exchange { request, outcome, .. } = sniffed else { panic!("{sniffed:?}") };
            let outcome = match outcome {
                Outcome::Answered { reply, .. } if reply.data.is_empty() => "taken",
                Outcome::Answered { .. } => "answered",
                Outcome::Refused { status: Status::NoSuchCommand, .. } => "unknown",
                Outcome::Refused { .. } => "refused",
                Outcome::Unanswered => "unanswered",
            };
            (request.register(), request.is_write(), outcome)
        })
        .collect();
    assert_eq!(
        told,
        [
            (0x00, true, "taken"),
            (0xA2, false, "answered"),
            (0x42, false, "unknown"),
            (0x05, false, "unanswered")
        ]
    );
}

#[test]
fn the_one_frame_that_may_go_either_way_is_an_answer_to_whom_it_was_due() {
    let twofold = Request::Read { register: 0 }.encode(&[]).unwrap();
    let mut wire = Wire::new();
    wire.say(&twofold, 3);
    let asked = Sniffed::Exchange {
        at: wire.now,
        request: Request::Read { register: 0 },
        outcome: Outcome::Unanswered,
    };
    assert_eq!(wire.end(), [asked]);
    let mut wire = Wire::new();
    wire.say(&Request::Write { register: 0xA5, data: vec![1] }.encode(&[]).unwrap(), 3);
    wire.wait(Duration::from_millis(10));
    wire.say(&twofold, 3);
    let heard = wire.end();
    assert!(matches!(&heard[..], [Sniffed::Exchange { outcome: Outcome::Answered { .. }, .. }]), "{heard:?}");
}

#[test]
fn an_answer_about_another_register_is_nobodys() {
    let mut wire = Wire::new();
    wire.say(&Request::Read { register: 3 }.encode(&[]).unwrap(), 16);
    let reply = Reply { register: 4, status: Status::Done, data: vec![1, 2] };
    wire.say(&reply.encode(&[]).unwrap(), 16);
    let stray = Sniffed::Stray { at: wire.now, reply };
    let heard = wire.end();
    assert!(heard.len() == 2 && heard[0] == stray, "{heard:?}");
}

#[derive(Debug, Clone)]
enum Fate {
    Answered(Vec<u8>),
    Refused(u8),
    Unanswered,
}

fn request() -> impl Strategy<Value = Request> {
    prop_oneof![
        // Registers 00h and A5h have the one frame that goes either way.
        (1_u8..0xA5).prop_map(|register| Request::Read { register }),
        (1_u8..0xA5, proptest::collection::vec(any::<u8>(), 0..20))
            .prop_map(|(register, data)| Request::Write { register, data }),
        (0_u16..1000, 1_u8..20).prop_map(|(start, count)| Request::ReadBlock { start, count }),
    ]
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        3 => proptest::collection::vec(any::<u8>(), 0..60).prop_map(Fate::Answered),
        1 => (0x80_u8..0x90).prop_map(Fate::Refused),
        1 => Just(Fate::Unanswered),
    ]
}

proptest! {
    #[test]
    fn a_conversation_is_heard_as_it_was_held(
        turns in proptest::collection::vec((request(), fate()), 0..12),
        lump in 1_usize..=16,
    ) {
        let mut wire = Wire::new();
        for (request, fate) in &turns {
            wire.say(&request.encode(&[]).unwrap(), lump);
            let register = request.register();
            let reply = match fate {
                Fate::Answered(data) => Some(Reply { register, status: Status::Done, data: data.clone() }),
                Fate::Refused(number) => {
                    let status = Status::from_number(*number).unwrap();
                    Some(Reply { register, status, data: vec![] })
                }
                Fate::Unanswered => None,
            };
            match reply {
                Some(reply) => {
                    wire.wait(Duration::from_millis(6));
                    wire.say(&reply.encode(&[]).unwrap(), lump);
                    wire.wait(Duration::from_millis(6));
                }
                None => wire.wait(PATIENCE),
            }
        }
        prop_assert_eq!(wire.sniffer.dropped_bytes(), 0);
        let heard = wire.end();
        prop_assert_eq!(heard.len(), turns.len());
        for (sniffed, (asked, fate)) in heard.iter().zip(&turns) {
            let Sniffed::Exchange { request, outcome, .. } = sniffed else {
                return Err(TestCaseError::fail(format!("{sniffed:?}")));
            };
            prop_assert_eq!(request, asked);
            match (fate, outcome) {
                (Fate::Answered(data), Outcome::Answered { reply, .. }) => prop_assert_eq!(&reply.data, data),
                (Fate::Refused(number), Outcome::Refused { status, .. }) => {
                    prop_assert_eq!(status.number(), *number);
                }
                (Fate::Unanswered, Outcome::Unanswered) => {}
                other => return Err(TestCaseError::fail(format!("{other:?}"))),
            }
        }
    }
}
