//! Models that depart from Modbus: short spans, frames before an answer, function 04 throughout.

use jigline_protocol::guard::{self, Checked, GuardFault, LinkRefusal, LinkState, Purpose};
use jigline_protocol::modbus::client::{ClientEvent, ClientFault, ClientOptions, ClientRefusal, RtuClient};
use jigline_protocol::modbus::preamble::{JK_PB, PreambleFault};
use jigline_protocol::modbus::question::Question;
use jigline_protocol::modbus::rtu::FrameError;
use jigline_protocol::modbus::server::RtuServerDecoder;
use jigline_protocol::modbus::{ExceptionCode, PduError, Request, Response, rtu};
use jigline_protocol::timing::wire_time;
use proptest::prelude::*;

use crate::support::ms;

/// A link to a JK PB board at 115200 baud, identified by a read of one register.
fn identified() -> RtuClient {
    let mut client = RtuClient::new(ClientOptions::new(115_200, 1));
    client.begin(ms(0), Purpose::Identify, Request::ReadInput { address: 0, quantity: 1 }).unwrap();
    client.poll_transmit().unwrap();
    client.handle_bytes(ms(5), &rtu::encode_response(1, &Response::ReadInput(vec![7])).unwrap());
    assert_eq!(client.poll_event(), Some(ClientEvent::Answered(Checked::Registers(vec![7]))));
    client.confirm_identity();
    client
}

fn failed(client: &mut RtuClient) -> ClientFault {
    match client.poll_event() {
        Some(ClientEvent::Failed(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

/// "Smart sleep" and "Cell UVP", at 1000h and 1004h: the note's own example asks for a quantity of 2 and gets 8 bytes.
fn two_fields() -> Question {
    Question::short_span(Request::ReadHolding { address: 0x1000, quantity: 2 }, 4).unwrap()
}

#[test]
fn a_short_span_is_answered_by_exactly_the_registers_announced() {
    let mut client = identified();
    client.begin(ms(100), Purpose::Work, two_fields()).unwrap();
    assert_eq!(client.poll_transmit().unwrap()[..6], [0x01, 0x03, 0x10, 0x00, 0x00, 0x02]);
    assert_eq!(client.poll_timeout(), Some(ms(100) + wire_time(8 + 13, 115_200) + ms(500)));
    let fields = vec![0x0000, 0x0DAC, 0x0000, 0x0B54];
    client.handle_bytes(ms(110), &rtu::encode_response(1, &Response::ReadHolding(fields.clone())).unwrap());
    assert_eq!(client.poll_event(), Some(ClientEvent::Answered(Checked::Registers(fields))));
    assert_eq!(client.guard().state(), LinkState::Ready);
}

#[test]
fn a_short_span_answered_by_its_quantity_is_refused() {
    let mut client = identified();
    client.begin(ms(100), Purpose::Work, two_fields()).unwrap();
    client.handle_bytes(ms(110), &rtu::encode_response(1, &Response::ReadHolding(vec![1, 2])).unwrap());
    assert_eq!(failed(&mut client), ClientFault::Guard(GuardFault::Count { asked: 4, got: 2 }));
    assert!(matches!(client.guard().state(), LinkState::MustDrain { .. }));
}

#[test]
fn what_is_owed_of_a_short_span_is_told_by_the_length_of_its_answer() {
    let mut client = identified();
    client.begin(ms(100), Purpose::Work, two_fields()).unwrap();
    client.cancel(ms(110));
    client.handle_timeout(ms(200));
    let four = Request::ReadHolding { address: 0, quantity: 4 };
    let refused = client.begin(ms(210), Purpose::Identify, four);
    assert_eq!(refused, Err(ClientRefusal::Link(LinkRefusal::Ambiguous)));
    client.begin(ms(210), Purpose::Identify, Request::ReadHolding { address: 0, quantity: 2 }).unwrap();
}

#[test]
fn only_a_read_may_announce_another_length_and_only_one_that_fits_a_frame() {
    let write = Request::WriteSingle { address: 1, value: 1 };
    assert_eq!(Question::short_span(write, 2), Err(PduError::NotARead { function: 6 }));
    let read = Request::ReadHolding { address: 0, quantity: 2 };
    for registers in [0, 126] {
        let refused = Question::short_span(read.clone(), registers);
        assert!(matches!(refused, Err(PduError::Quantity { limit: 125, .. })));
    }
}

/// Asks for the live values: FC16 to 1620h, the frame's own bytes from jkbms_pb.py.
fn live_values() -> Question {
    Question::from(Request::WriteMultiple { address: 0x1620, values: vec![0] }).behind(JK_PB)
}

fn acknowledged() -> Vec<u8> {
    rtu::encode_response(1, &Response::WriteMultiple { address: 0x1620, quantity: 1 }).unwrap()
}

/// As it comes: 310 bytes.
fn behind(frame: &[u8]) -> Vec<u8> {
    [frame, &[0], &acknowledged(), &[0]].concat()
}

fn asking_live_values() -> RtuClient {
    let mut client = identified();
    client.begin(ms(100), Purpose::Work, live_values()).unwrap();
    let sent = client.poll_transmit().unwrap();
    assert_eq!(sent[1..9], [0x10, 0x16, 0x20, 0x00, 0x01, 0x02, 0x00, 0x00]);
    assert_eq!(client.poll_timeout(), Some(ms(100) + wire_time(11 + 310, 115_200) + ms(500)));
    client
}

#[test]
fn the_frame_before_an_acknowledgement_is_checked_taken_off_and_kept() {
    let frame = JK_PB.encode(&[0x02, 0x00, 0x10, 0x10]);
    assert_eq!((frame.len(), frame[..6].to_vec()), (300, vec![0x55, 0xAA, 0xEB, 0x90, 0x02, 0x00]));
    let sum = frame[..299].iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    assert_eq!(frame[299], sum);
    let mut client = asking_live_values();
    client.handle_bytes(ms(150), &behind(&frame));
    assert_eq!(client.poll_event(), Some(ClientEvent::Answered(Checked::Written)));
    assert_eq!((client.take_preamble(), client.take_preamble()), (Some(frame), None));
    assert_eq!(client.guard().state(), LinkState::Ready);
}

#[test]
fn a_disturbed_or_missing_frame_before_an_acknowledgement_spoils_the_exchange() {
    let mut disturbed = JK_PB.encode(&[1, 2, 3]);
    disturbed[7] ^= 1;
    let mut client = asking_live_values();
    client.handle_bytes(ms(150), &behind(&disturbed));
    assert!(matches!(failed(&mut client), ClientFault::Preamble(PreambleFault::Sum { .. })));
    assert_eq!(client.take_preamble(), None);

    let mut client = asking_live_values();
    client.handle_bytes(ms(150), &acknowledged());
    assert_eq!(failed(&mut client), ClientFault::Preamble(PreambleFault::Missing));

    // One byte too few, too many, or another one.
    let spoilt = |place: usize, bytes: &[u8]| {
        let mut all = behind(&JK_PB.encode(&[]));
        all.splice(place..=place, bytes.iter().copied());
        all
    };
    for (place, bytes) in
        [(300, &[][..]), (300, &[9]), (300, &[0, 0]), (309, &[]), (309, &[7]), (309, &[0, 0])]
    {
        let mut client = asking_live_values();
        client.handle_bytes(ms(150), &spoilt(place, bytes));
        // What never comes is waited for and missed.
        let due = client.poll_timeout().unwrap();
        client.handle_timeout(due);
        failed(&mut client);
        assert_eq!(client.take_preamble(), None, "{place} {bytes:?}");
    }
}

#[test]
fn a_refusal_comes_without_the_frame_and_is_a_refusal() {
    let mut client = asking_live_values();
    let refused = Response::Exception { function: 0x10, code: ExceptionCode::IllegalDataAddress };
    client.handle_bytes(ms(150), &rtu::encode_response(1, &refused).unwrap());
    assert!(matches!(failed(&mut client), ClientFault::Guard(fault) if fault.is_exception()));
    assert_eq!(client.guard().state(), LinkState::Ready);
}

#[test]
fn a_frame_that_was_not_announced_is_never_stripped() {
    let mut client = identified();
    client
        .begin(ms(100), Purpose::Work, Request::WriteMultiple { address: 0x1620, values: vec![0] })
        .unwrap();
    client.handle_bytes(ms(150), &[JK_PB.encode(&[]), acknowledged()].concat());
    assert!(matches!(
        failed(&mut client),
        ClientFault::Frame(FrameError::Length(_) | FrameError::Crc { .. })
    ));
}

#[test]
fn input_registers_and_holding_registers_are_never_taken_for_each_other() {
    // XZH boards (Seplos V3) are read by function 04 only: 1000h, eighteen registers.
    let request = Request::ReadInput { address: 0x1000, quantity: 18 };
    let mut decoder = RtuServerDecoder::new(19_200);
    decoder.handle_bytes(ms(0), &rtu::encode_request(0, &request).unwrap());
    assert_eq!(Request::decode(&decoder.poll_frame().unwrap().pdu), Ok(request.clone()));

    let mut client = identified();
    client.begin(ms(100), Purpose::Work, request.clone()).unwrap();
    client.handle_bytes(ms(120), &rtu::encode_response(1, &Response::ReadInput(vec![9; 18])).unwrap());
    assert_eq!(client.poll_event(), Some(ClientEvent::Answered(Checked::Registers(vec![9; 18]))));
    client.begin(ms(200), Purpose::Work, request.clone()).unwrap();
    client.handle_bytes(ms(220), &rtu::encode_response(1, &Response::ReadHolding(vec![9; 18])).unwrap());
    assert_eq!(failed(&mut client), ClientFault::Guard(GuardFault::Function { sent: 4, got: 3 }));
    assert_eq!(
        guard::check(&request, &Response::ReadInput(vec![9; 17])),
        Err(GuardFault::Count { asked: 18, got: 17 })
    );
    // What is owed by function 04 is no hindrance to a read by 03, and is one to its like.
    client.handle_timeout(ms(400));
    let same = client.begin(ms(410), Purpose::Identify, request);
    assert_eq!(same, Err(ClientRefusal::Link(LinkRefusal::Ambiguous)));
    client.begin(ms(410), Purpose::Identify, Request::ReadHolding { address: 0, quantity: 18 }).unwrap();
}

proptest! {
    #[test]
    fn a_frame_and_its_acknowledgement_are_understood_however_they_are_lumped(
        content in proptest::collection::vec(any::<u8>(), 0..295), lump in 1_usize..320,
    ) {
        let mut client = asking_live_values();
        let frame = JK_PB.encode(&content);
        for part in behind(&frame).chunks(lump) {
            prop_assert_eq!(client.poll_event(), None);
            client.handle_bytes(ms(150), part);
        }
        prop_assert_eq!(client.poll_event(), Some(ClientEvent::Answered(Checked::Written)));
        prop_assert_eq!(client.take_preamble(), Some(frame));
    }

    #[test]
    fn a_short_span_never_takes_another_count(asked in 1_u16..=125, expected in 1_u16..=125, got in 0_u16..=125) {
        let request = Request::ReadHolding { address: 0x1000, quantity: asked };
        let response = Response::ReadHolding(vec![0; usize::from(got)]);
        let checked = guard::check_expecting(&request, expected, &response);
        prop_assert_eq!(checked.is_ok(), got == expected);
    }
}

#[test]
fn the_length_of_an_answer_is_known_before_it_comes() {
    let long = Question::short_span(Request::ReadHolding { address: 0, quantity: 1 }, 125).unwrap();
    assert_eq!(long.response_length(), 255);
    assert_eq!(live_values().response_length(), 310);
    assert_eq!(Question::from(Request::ReadInput { address: 0, quantity: 3 }).response_length(), 11);
}
