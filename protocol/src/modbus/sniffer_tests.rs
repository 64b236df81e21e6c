use super::*;
use crate::modbus::{MAX_READ, MAX_WRITE, rtu::encode_request, rtu::encode_response};
use proptest::prelude::*;

const BAUD: u32 = 9600;
const PATIENCE: Duration = Duration::from_millis(500);

/// A bus with a clock, and everything that was overheard on it.
struct Bus {
    sniffer: Sniffer,
    now: Instant,
    heard: Vec<Sniffed>,
}

impl Bus {
    fn new() -> Self {
        Self { sniffer: Sniffer::new(BAUD, PATIENCE), now: Duration::from_secs(1), heard: Vec::new() }
    }

    /// Bytes in lumps of `lump`, each a wire time after the one before.
    fn say(&mut self, bytes: &[u8], lump: usize) -> Instant {
        for piece in bytes.chunks(lump.max(1)) {
            self.now += crate::timing::wire_time(piece.len(), BAUD);
            self.sniffer.handle_bytes(self.now, piece);
            self.collect();
        }
        self.now
    }

    fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.sniffer.poll_timeout().filter(|due| *due <= end) {
            self.sniffer.handle_timeout(due);
            self.collect();
        }
        self.now = end;
    }

    fn collect(&mut self) {
        self.heard.extend(std::iter::from_fn(|| self.sniffer.poll_event()));
    }

    fn request(&mut self, device: u8, request: &Request) -> Instant {
        self.say(&encode_request(device, request).unwrap(), 3)
    }

    fn answer(&mut self, device: u8, response: &Response) -> Instant {
        self.wait(Duration::from_millis(6));
        let at = self.say(&encode_response(device, response).unwrap(), 5);
        self.wait(Duration::from_millis(6));
        at
    }

    fn end(mut self) -> Vec<Sniffed> {
        self.wait(Duration::from_secs(2));
        self.heard
    }
}

fn answer_to(request: &Request) -> Response {
    let values = |quantity: &u16| (0..*quantity).map(|i| i.wrapping_mul(7919)).collect();
    match request {
        Request::ReadHolding { quantity, .. } => Response::ReadHolding(values(quantity)),
        Request::ReadInput { quantity, .. } => Response::ReadInput(values(quantity)),
        Request::WriteSingle { address, value } => Response::WriteSingle { address: *address, value: *value },
        Request::WriteMultiple { address, values } => {
            Response::WriteMultiple { address: *address, quantity: values.len() as u16 }
        }
        Request::ReadCoils { quantity, .. } => {
            let bit = |i: u16| i < *quantity && i.is_multiple_of(3);
            Response::ReadCoils((0..8 * quantity.div_ceil(8)).map(bit).collect())
        }
        Request::WriteCoils { address, values } => {
            Response::WriteCoils { address: *address, quantity: values.len() as u16 }
        }
    }
}

fn read(address: u16, quantity: u16) -> Request {
    Request::ReadHolding { address, quantity }
}

#[test]
fn a_read_and_its_answer_are_one_exchange() {
    let mut bus = Bus::new();
    let asked = bus.request(1, &read(0x0100, 3));
    let answered = bus.answer(1, &Response::ReadHolding(vec![1, 2, 3]));
    let outcome =
        Outcome::Answered { response: Response::ReadHolding(vec![1, 2, 3]), after: answered - asked };
    assert_eq!(bus.end(), [Sniffed::Exchange { at: asked, device: 1, request: read(0x0100, 3), outcome }]);
}

#[test]
fn a_refusal_and_a_silence_are_told_apart() {
    let mut bus = Bus::new();
    bus.request(1, &read(9, 1));
    bus.answer(1, &Response::Exception { function: READ_HOLDING, code: ExceptionCode::IllegalDataAddress });
    bus.request(2, &read(9, 1));
    let heard = bus.end();
    let outcomes: Vec<_> = heard
        .iter()
        .map(|sniffed| match sniffed {
            Sniffed::Exchange { device, outcome, .. } => (*device, outcome.clone()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(matches!(
        outcomes[..],
        [(1, Outcome::Refused { code: ExceptionCode::IllegalDataAddress, .. }), (2, Outcome::Unanswered)]
    ));
}

#[test]
fn an_equal_write_within_the_time_out_is_the_answer_and_after_it_the_next_try() {
    let write = Request::WriteSingle { address: 7, value: 8 };
    let mut bus = Bus::new();
    bus.request(1, &write);
    bus.wait(PATIENCE);
    bus.request(1, &write);
    bus.answer(1, &answer_to(&write));
    let unanswered =
        |sniffed: &Sniffed| matches!(sniffed, Sniffed::Exchange { outcome: Outcome::Unanswered, .. });
    let heard = bus.end();
    assert_eq!(heard.iter().map(unanswered).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn a_master_that_asks_again_before_our_time_out_leaves_the_first_request_unanswered() {
    // 0x0600 begins with the byte count of the answer that is due: only the silence tells the two apart.
    let mut bus = Bus::new();
    bus.request(1, &read(0x0600, 3));
    bus.wait(Duration::from_millis(200));
    bus.request(1, &read(0x0600, 3));
    bus.wait(Duration::from_millis(200));
    bus.request(1, &read(0x0600, 3));
    bus.answer(1, &Response::ReadHolding(vec![4, 5, 6]));
    let heard = bus.end();
    assert_eq!(heard.len(), 3, "{heard:?}");
    assert!(matches!(&heard[2], Sniffed::Exchange { outcome: Outcome::Answered { .. }, .. }));
}

#[test]
fn an_answer_of_another_device_is_stray_and_the_right_one_still_counts() {
    let mut bus = Bus::new();
    bus.request(1, &read(5, 2));
    bus.answer(9, &Response::ReadHolding(vec![7; 2]));
    bus.answer(1, &Response::ReadHolding(vec![8; 2]));
    let heard = bus.end();
    assert!(matches!(&heard[0], Sniffed::Stray { device: 9, .. }), "{heard:?}");
    assert!(
        matches!(&heard[1], Sniffed::Exchange { device: 1, outcome: Outcome::Answered { .. }, .. }),
        "{heard:?}"
    );
}

#[test]
fn a_write_to_everybody_wants_no_answer() {
    let mut bus = Bus::new();
    let at = bus.request(0, &Request::WriteSingle { address: 1, value: 2 });
    let request = Request::WriteSingle { address: 1, value: 2 };
    assert_eq!(bus.end(), [Sniffed::Exchange { at, device: 0, request, outcome: Outcome::Broadcast }]);
}

#[test]
fn a_function_that_is_not_ours_is_kept_as_it_is() {
    let mut bus = Bus::new();
    let at = bus.say(&rtu::encode_frame(3, &[0x41, 1, 2, 3]), 4);
    let frame = Frame { address: 3, pdu: vec![0x41, 1, 2, 3] };
    assert_eq!(bus.end(), [Sniffed::Foreign { at, frame }]);
}

#[test]
fn answers_from_another_address_are_those_of_the_board_that_was_asked() {
    // Daly's H, K, M and S boards are asked at 0x80 + n and answer from 0x50 + n.
    let read = Request::ReadHolding { address: 0, quantity: 2 };
    for (asked, answers) in [(0x81, 0x51), (0x82, 0x52), (0x81, 0x81)] {
        let mut bus = Bus::new();
        bus.sniffer = Sniffer::new(BAUD, PATIENCE).with_reply_address(0x81, 0x51);
        bus.request(asked, &read);
        bus.answer(answers, &answer_to(&read));
        let heard = bus.end();
        assert!(
            matches!(&heard[..], [Sniffed::Exchange { device, outcome: Outcome::Answered { .. }, .. }] if *device == asked),
            "{heard:?}"
        );
    }
    let mut bus = Bus::new();
    bus.request(0x81, &read);
    bus.answer(0x51, &answer_to(&read));
    assert!(matches!(
        &bus.end()[..],
        [Sniffed::Stray { .. }, Sniffed::Exchange { outcome: Outcome::Unanswered, .. }]
    ));
}

#[derive(Debug, Clone)]
struct Turn {
    device: u8,
    request: Request,
    fate: Fate,
}

#[derive(Debug, Clone, Copy)]
enum Fate {
    Answered,
    Refused(u8),
    Unanswered,
}

fn turn() -> impl Strategy<Value = Turn> {
    let span = |limit: u16| (1..=limit).prop_flat_map(|quantity| (0..=u16::MAX - quantity, Just(quantity)));
    let request = prop_oneof![
        span(MAX_READ).prop_map(|(address, quantity)| read(address, quantity)),
        span(MAX_READ).prop_map(|(address, quantity)| Request::ReadInput { address, quantity }),
        any::<(u16, u16)>().prop_map(|(address, value)| Request::WriteSingle { address, value }),
        (0_u16..60_000, proptest::collection::vec(any::<u16>(), 1..=usize::from(MAX_WRITE)))
            .prop_map(|(address, values)| Request::WriteMultiple { address, values }),
        span(MAX_READ).prop_map(|(address, quantity)| Request::ReadCoils { address, quantity }),
        (0_u16..60_000, proptest::collection::vec(any::<bool>(), 1..=usize::from(MAX_WRITE)))
            .prop_map(|(address, values)| Request::WriteCoils { address, values }),
    ];
    let fate = prop_oneof![
        4 => Just(Fate::Answered),
        1 => (1_u8..=11).prop_map(Fate::Refused),
        1 => Just(Fate::Unanswered),
    ];
    (1_u8..=247, request, fate).prop_map(|(device, request, fate)| Turn { device, request, fate })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_conversation_is_overheard_as_it_was_held(
        turns in proptest::collection::vec(turn(), 1..8),
        // As many bytes as an adapter holds back at most, 16 ms at this rate.
        lump in 1_usize..=16,
    ) {
        let mut bus = Bus::new();
        for turn in &turns {
            bus.say(&encode_request(turn.device, &turn.request).unwrap(), lump);
            let function = turn.request.function();
            let response = match turn.fate {
                Fate::Answered => Some(answer_to(&turn.request)),
                Fate::Refused(code) => Some(Response::Exception { function, code: code.into() }),
                Fate::Unanswered => None,
            };
            match response {
                Some(response) => {
                    bus.wait(Duration::from_millis(6));
                    bus.say(&encode_response(turn.device, &response).unwrap(), lump);
                    bus.wait(Duration::from_millis(6));
                }
                None => bus.wait(PATIENCE),
            }
        }
        let heard = bus.end();
        prop_assert_eq!(heard.len(), turns.len());
        for (sniffed, turn) in heard.iter().zip(&turns) {
            let Sniffed::Exchange { device, request, outcome, .. } = sniffed else {
                return Err(TestCaseError::fail(format!("{sniffed:?}")));
            };
            prop_assert_eq!((*device, request), (turn.device, &turn.request));
            match (turn.fate, outcome) {
                (Fate::Answered, Outcome::Answered { response, .. }) => {
                    prop_assert_eq!(response, &answer_to(&turn.request));
                }
                (Fate::Refused(number), Outcome::Refused { code, .. }) => {
                    prop_assert_eq!(code.number(), number);
                }
                (Fate::Unanswered, Outcome::Unanswered) => {}
                other => return Err(TestCaseError::fail(format!("{other:?}"))),
            }
        }
    }

    #[test]
    fn whatever_is_said_nothing_is_lost_count_of(
        lumps in proptest::collection::vec((proptest::collection::vec(any::<u8>(), 0..64), 0_u64..60), 0..24),
    ) {
        let mut bus = Bus::new();
        let mut said = 0;
        for (bytes, pause) in lumps {
            said += bytes.len() as u64;
            bus.say(&bytes, 64);
            bus.wait(Duration::from_millis(pause));
        }
        bus.wait(Duration::from_secs(2));
        // Noise makes a frame once in 65,536 tries; then it is one.
        if bus.heard.is_empty() {
            prop_assert_eq!(bus.sniffer.dropped_bytes(), said);
        }
        prop_assert!(bus.sniffer.poll_timeout().is_none());
    }
}
