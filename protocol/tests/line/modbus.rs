//! Modbus both ways: codecs, framing, the server's decoder and the client over its guard.

use core::time::Duration;

use jigline_protocol::guard::{self, Checked, GuardFault, LinkRefusal, LinkState, Purpose};
use jigline_protocol::modbus::client::{ClientEvent, ClientFault, ClientOptions, ClientRefusal, RtuClient};
use jigline_protocol::modbus::rtu::{self, FrameError};
use jigline_protocol::modbus::server::RtuServerDecoder;
use jigline_protocol::modbus::{
    ExceptionCode, MAX_READ, MAX_READ_COILS, MAX_WRITE, MAX_WRITE_COILS, PduError, Request, Response,
};
use jigline_protocol::timing::wire_time;
use proptest::prelude::*;

use crate::support::ms;

fn any_request() -> impl Strategy<Value = Request> {
    let span = |limit: u16| (1..=limit).prop_flat_map(|quantity| (0..=u16::MAX - quantity, Just(quantity)));
    prop_oneof![
        span(MAX_READ).prop_map(|(address, quantity)| Request::ReadHolding { address, quantity }),
        span(MAX_READ).prop_map(|(address, quantity)| Request::ReadInput { address, quantity }),
        any::<(u16, u16)>().prop_map(|(address, value)| Request::WriteSingle { address, value }),
        (0_u16..60_000, proptest::collection::vec(any::<u16>(), 1..=usize::from(MAX_WRITE)))
            .prop_map(|(address, values)| Request::WriteMultiple { address, values }),
        span(MAX_READ_COILS).prop_map(|(address, quantity)| Request::ReadCoils { address, quantity }),
        (0_u16..60_000, proptest::collection::vec(any::<bool>(), 1..=usize::from(MAX_WRITE_COILS)))
            .prop_map(|(address, values)| Request::WriteCoils { address, values }),
    ]
}

fn any_response() -> impl Strategy<Value = Response> {
    let values = || proptest::collection::vec(any::<u16>(), 0..=usize::from(MAX_READ));
    prop_oneof![
        values().prop_map(Response::ReadHolding),
        values().prop_map(Response::ReadInput),
        any::<(u16, u16)>().prop_map(|(address, value)| Response::WriteSingle { address, value }),
        any::<(u16, u16)>().prop_map(|(address, quantity)| Response::WriteMultiple { address, quantity }),
        proptest::collection::vec(any::<[bool; 8]>(), 0..=250)
            .prop_map(|bytes| Response::ReadCoils(bytes.concat())),
        any::<(u16, u16)>().prop_map(|(address, quantity)| Response::WriteCoils { address, quantity }),
        (0_u8..0x80, any::<u8>())
            .prop_map(|(function, code)| Response::Exception { function, code: code.into() }),
    ]
}

/// What an honest server would answer.
fn answer(request: &Request) -> Response {
    let registers = |address: u16, quantity: u16| (0..quantity).map(|i| address.wrapping_add(i)).collect();
    match request {
        Request::ReadHolding { address, quantity } => Response::ReadHolding(registers(*address, *quantity)),
        Request::ReadInput { address, quantity } => Response::ReadInput(registers(*address, *quantity)),
        Request::WriteSingle { address, value } => Response::WriteSingle { address: *address, value: *value },
        Request::WriteMultiple { address, values } => {
            Response::WriteMultiple { address: *address, quantity: values.len() as u16 }
        }
        Request::ReadCoils { address, quantity } => Response::ReadCoils(coils(*address, *quantity)),
        Request::WriteCoils { address, values } => {
            Response::WriteCoils { address: *address, quantity: values.len() as u16 }
        }
    }
}

/// Whole bytes of bits, the last filled with nought.
fn coils(address: u16, quantity: u16) -> Vec<bool> {
    let mut bits: Vec<bool> = (0..quantity).map(|i| address.wrapping_add(i) % 3 == 0).collect();
    bits.resize(8 * bits.len().div_ceil(8), false);
    bits
}

#[test]
fn the_standards_own_examples_encode_to_its_bytes() {
    let read = Request::ReadHolding { address: 0x6B, quantity: 3 };
    assert_eq!(read.encode().unwrap(), [0x03, 0x00, 0x6B, 0x00, 0x03]);
    let held = Response::ReadHolding(vec![0x022B, 0x0000, 0x0064]);
    assert_eq!(held.encode().unwrap(), [0x03, 0x06, 0x02, 0x2B, 0x00, 0x00, 0x00, 0x64]);
    let input = Request::ReadInput { address: 8, quantity: 1 };
    assert_eq!(input.encode().unwrap(), [0x04, 0x00, 0x08, 0x00, 0x01]);
    let single = Request::WriteSingle { address: 1, value: 3 };
    assert_eq!(single.encode().unwrap(), [0x06, 0x00, 0x01, 0x00, 0x03]);
    let many = Request::WriteMultiple { address: 1, values: vec![0x000A, 0x0102] };
    assert_eq!(many.encode().unwrap(), [0x10, 0x00, 0x01, 0x00, 0x02, 0x04, 0x00, 0x0A, 0x01, 0x02]);
    let confirmed = Response::WriteMultiple { address: 1, quantity: 2 };
    assert_eq!(confirmed.encode().unwrap(), [0x10, 0x00, 0x01, 0x00, 0x02]);
    // Sections 6.1 and 6.11: coils 20 to 38, and ten written from 20 on.
    let coils = Request::ReadCoils { address: 0x13, quantity: 0x13 };
    assert_eq!(coils.encode().unwrap(), [0x01, 0x00, 0x13, 0x00, 0x13]);
    let status = Response::decode(&[0x01, 0x03, 0xCD, 0x6B, 0x05]).unwrap();
    let bits: Vec<u16> = [1, 0, 1, 1, 0, 0, 1, 1, 1, 1, 0, 1, 0, 1, 1, 0, 1, 0, 1].to_vec();
    assert_eq!(guard::check(&coils, &status), Ok(Checked::Registers(bits)));
    let values = [1, 0, 1, 1, 0, 0, 1, 1, 1, 0].map(|bit| bit == 1).to_vec();
    let written = Request::WriteCoils { address: 0x13, values };
    assert_eq!(written.encode().unwrap(), [0x0F, 0x00, 0x13, 0x00, 0x0A, 0x02, 0xCD, 0x01]);
    let refused = Response::Exception { function: 0x03, code: ExceptionCode::IllegalDataAddress };
    assert_eq!(refused.encode().unwrap(), [0x83, 0x02]);
}

#[test]
fn requests_beyond_the_limits_are_refused_both_ways() {
    let too_many = Request::ReadHolding { address: 0, quantity: 126 };
    assert!(matches!(too_many.encode(), Err(PduError::Quantity { quantity: 126, limit: 125, .. })));
    assert!(matches!(Request::decode(&[3, 0, 0, 0, 126]), Err(PduError::Quantity { .. })));
    assert!(matches!(Request::decode(&[3, 0, 0, 0, 0]), Err(PduError::Quantity { .. })));
    let beyond = Request::ReadHolding { address: 65_535, quantity: 2 };
    assert_eq!(beyond.encode(), Err(PduError::BeyondLast { address: 65_535, quantity: 2 }));
    let values = vec![0; 124];
    assert!(Request::WriteMultiple { address: 0, values }.encode().is_err());
    assert_eq!(Request::decode(&[0x2B, 1]), Err(PduError::UnknownFunction(0x2B)));
    assert_eq!(Request::decode(&[]), Err(PduError::Empty));
}

#[test]
fn a_flipped_bit_or_a_wrong_length_is_no_frame() {
    let mut frame = rtu::encode_frame(1, &[3, 0, 0, 0, 1]);
    assert_eq!(frame, [0x01, 0x03, 0x00, 0x00, 0x00, 0x01, 0x84, 0x0A]);
    frame[3] ^= 1;
    assert!(matches!(rtu::decode_frame(&frame), Err(FrameError::Crc { .. })));
    assert_eq!(rtu::decode_frame(&[1, 2, 3]), Err(FrameError::Length(3)));
    assert_eq!(rtu::decode_frame(&[0; 257]), Err(FrameError::Length(257)));
}

#[test]
fn garbage_before_a_request_is_dropped_at_the_latest_after_the_gap() {
    let mut decoder = RtuServerDecoder::new(9600);
    // Announces a long write and holds up what follows until the line is silent.
    decoder.handle_bytes(ms(0), &[0x05, 0x10, 0x00, 0x00, 0x00, 0x7B, 0xF6]);
    let frame = rtu::encode_frame(1, &[3, 0, 0, 0, 1]);
    decoder.handle_bytes(ms(1), &frame);
    let due = decoder.poll_timeout().unwrap();
    decoder.handle_timeout(due);
    assert_eq!(decoder.poll_frame().unwrap().pdu, [3, 0, 0, 0, 1]);
    assert_eq!((decoder.poll_frame(), decoder.dropped_bytes(), decoder.poll_timeout()), (None, 7, None));
}

#[test]
fn half_a_request_and_then_silence_does_not_spoil_the_next() {
    let mut decoder = RtuServerDecoder::new(9600);
    let frame = rtu::encode_frame(1, &[3, 0, 0, 0, 1]);
    decoder.handle_bytes(ms(0), &frame[..5]);
    decoder.handle_bytes(ms(500), &frame);
    assert_eq!(decoder.poll_frame().unwrap().address, 1);
    assert_eq!(decoder.dropped_bytes(), 5);
}

#[test]
fn a_request_of_an_unknown_function_is_found_when_the_line_falls_silent() {
    let mut decoder = RtuServerDecoder::new(9600);
    decoder.handle_bytes(ms(0), &rtu::encode_frame(1, &[0x2B, 0x0E, 0x01, 0x00]));
    assert_eq!(decoder.poll_frame(), None);
    decoder.handle_timeout(decoder.poll_timeout().unwrap());
    assert_eq!(decoder.poll_frame().unwrap().pdu, [0x2B, 0x0E, 0x01, 0x00]);
}

#[test]
fn register_values_that_look_like_a_request_are_never_taken_for_one() {
    let inner = rtu::encode_frame(9, &[6, 0, 1, 0, 2]);
    let values = inner.chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    let outer = rtu::encode_request(1, &Request::WriteMultiple { address: 0, values }).unwrap();
    let mut decoder = RtuServerDecoder::new(9600);
    decoder.handle_bytes(ms(0), &outer);
    assert_eq!(decoder.poll_frame().unwrap().address, 1);
    assert_eq!(decoder.poll_frame(), None);
}

fn identified() -> RtuClient {
    let mut client = RtuClient::new(ClientOptions::new(9600, 1));
    client.begin(ms(0), Purpose::Identify, Request::ReadHolding { address: 0, quantity: 1 }).unwrap();
    client.poll_transmit().unwrap();
    client.handle_bytes(ms(30), &rtu::encode_response(1, &Response::ReadHolding(vec![7])).unwrap());
    assert_eq!(client.poll_event(), Some(ClientEvent::Answered(Checked::Registers(vec![7]))));
    client.confirm_identity();
    client
}

fn ask(client: &mut RtuClient, now: Duration, address: u16) {
    client.begin(now, Purpose::Work, Request::ReadHolding { address, quantity: 1 }).unwrap();
    client.poll_transmit().unwrap();
}

#[test]
fn a_late_answer_is_never_taken_for_the_next_register() {
    let mut client = identified();
    ask(&mut client, ms(100), 10);
    let due = client.poll_timeout().unwrap();
    client.handle_timeout(due);
    assert!(matches!(client.poll_event(), Some(ClientEvent::Failed(ClientFault::Timeout(_)))));
    let refusal = client.begin(due, Purpose::Work, Request::ReadHolding { address: 11, quantity: 1 });
    assert_eq!(refusal, Err(ClientRefusal::Link(LinkRefusal::MustDrain)));
    client.handle_bytes(due + ms(10), &rtu::encode_response(1, &Response::ReadHolding(vec![10])).unwrap());
    assert_eq!((client.poll_event(), client.guard().unexpected_frames()), (None, 1));
    let quiet = client.poll_timeout().unwrap();
    assert_eq!(quiet, due + ms(60));
    client.handle_timeout(quiet);
    assert_eq!(client.poll_event(), Some(ClientEvent::Quiet));
    let refusal = client.begin(quiet, Purpose::Work, Request::ReadHolding { address: 11, quantity: 1 });
    assert_eq!(refusal, Err(ClientRefusal::Link(LinkRefusal::MustIdentify)));
}

#[test]
fn a_long_answers_time_on_the_line_is_not_taken_from_the_boards_time_to_think() {
    let mut client = identified();
    client.begin(ms(100), Purpose::Work, Request::ReadHolding { address: 0, quantity: 125 }).unwrap();
    let exchange = wire_time(8 + 255, 9600);
    assert_eq!(client.poll_timeout(), Some(ms(100) + exchange + ms(500)));
}

#[test]
fn another_boards_answer_and_a_short_answer_are_refused() {
    let mut client = identified();
    ask(&mut client, ms(100), 10);
    client.handle_bytes(ms(120), &rtu::encode_response(2, &Response::ReadHolding(vec![1])).unwrap());
    assert_eq!(client.poll_event(), Some(ClientEvent::Failed(ClientFault::Address { want: 1, got: 2 })));

    let mut client = identified();
    client.begin(ms(100), Purpose::Work, Request::ReadHolding { address: 0, quantity: 3 }).unwrap();
    client.handle_bytes(ms(120), &rtu::encode_response(1, &Response::ReadHolding(vec![1])).unwrap());
    let fault = GuardFault::Count { asked: 3, got: 1 };
    assert_eq!(client.poll_event(), Some(ClientEvent::Failed(ClientFault::Guard(fault))));
    assert!(matches!(client.guard().state(), LinkState::MustDrain { .. }));
}

#[test]
fn an_exception_is_an_answer_and_the_link_stays_good() {
    let mut client = identified();
    ask(&mut client, ms(100), 10);
    let refused = Response::Exception { function: 3, code: ExceptionCode::DeviceBusy };
    client.handle_bytes(ms(120), &rtu::encode_response(1, &refused).unwrap());
    assert!(
        matches!(client.poll_event(), Some(ClientEvent::Failed(ClientFault::Guard(fault))) if fault.is_exception())
    );
    assert_eq!(client.guard().state(), LinkState::Ready);
}

#[test]
fn a_board_that_answers_from_another_address_is_understood_where_the_model_says_so() {
    let options = ClientOptions { reply_address: 0x51, ..ClientOptions::new(9600, 0x81) };
    let mut client = RtuClient::new(options);
    client.begin(ms(0), Purpose::Identify, Request::ReadHolding { address: 0, quantity: 1 }).unwrap();
    assert_eq!(client.poll_transmit().unwrap()[0], 0x81);
    client.handle_bytes(ms(20), &rtu::encode_response(0x51, &Response::ReadHolding(vec![5])).unwrap());
    assert_eq!(client.poll_event(), Some(ClientEvent::Answered(Checked::Registers(vec![5]))));
}

#[test]
fn a_cancelled_request_makes_the_line_drain() {
    let mut client = identified();
    ask(&mut client, ms(100), 10);
    client.cancel(ms(110));
    assert_eq!(client.poll_event(), Some(ClientEvent::Failed(ClientFault::Cancelled)));
    assert!(matches!(client.guard().state(), LinkState::MustDrain { .. }));
}

proptest! {
    #[test]
    fn every_request_reads_back_as_written(request in any_request()) {
        let pdu = request.encode().unwrap();
        prop_assert_eq!(Request::decode(&pdu), Ok(request.clone()));
        let frame = rtu::encode_request(17, &request).unwrap();
        prop_assert_eq!(frame.len(), rtu::request_frame_length(&request));
        prop_assert!(frame.len() <= rtu::MAX_FRAME);
        let reply = rtu::encode_response(17, &answer(&request)).unwrap();
        prop_assert_eq!(reply.len(), rtu::response_frame_length(&request));
    }

    #[test]
    fn every_response_reads_back_as_written(response in any_response()) {
        prop_assert_eq!(Response::decode(&response.encode().unwrap()), Ok(response));
    }

    #[test]
    fn no_bytes_make_a_decoder_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Request::decode(&bytes);
        let _ = Response::decode(&bytes);
        let _ = rtu::decode_frame(&bytes);
        let mut decoder = RtuServerDecoder::new(9600);
        decoder.handle_bytes(ms(0), &bytes);
        decoder.handle_timeout(ms(1000));
        prop_assert_eq!(decoder.poll_timeout(), None);
    }

    #[test]
    fn requests_are_found_whole_however_the_bytes_are_lumped(
        requests in proptest::collection::vec((any_request(), 1_u8..248), 1..6),
        lumps in proptest::collection::vec(1_usize..40, 1..10),
    ) {
        let stream: Vec<u8> =
            requests.iter().flat_map(|(request, address)| rtu::encode_request(*address, request).unwrap()).collect();
        let mut decoder = RtuServerDecoder::new(9600);
        let (mut rest, mut found) = (&stream[..], vec![]);
        for (index, &lump) in lumps.iter().cycle().enumerate() {
            let (now, later) = rest.split_at(lump.min(rest.len()));
            decoder.handle_bytes(ms(index as u64), now);
            found.extend(std::iter::from_fn(|| decoder.poll_frame()));
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        let found: Vec<_> =
            found.into_iter().map(|frame| (Request::decode(&frame.pdu).unwrap(), frame.address)).collect();
        prop_assert_eq!(found, requests);
        prop_assert_eq!(decoder.dropped_bytes(), 0);
    }

    #[test]
    fn the_client_understands_every_honest_answer_however_it_is_lumped(
        request in any_request(), lump in 1_usize..64, refused in any::<bool>(),
    ) {
        let mut client = identified();
        client.begin(ms(100), Purpose::Work, request.clone()).unwrap();
        let response = if refused {
            Response::Exception { function: request.function(), code: ExceptionCode::DeviceFailure }
        } else {
            answer(&request)
        };
        for part in rtu::encode_response(1, &response).unwrap().chunks(lump) {
            prop_assert_eq!(client.poll_event(), None);
            client.handle_bytes(ms(110), part);
        }
        match client.poll_event() {
            Some(ClientEvent::Answered(_)) => prop_assert!(!refused),
            Some(ClientEvent::Failed(ClientFault::Guard(GuardFault::Exception { .. }))) => prop_assert!(refused),
            other => prop_assert!(false, "{other:?}"),
        }
        prop_assert_eq!(client.guard().state(), LinkState::Ready);
    }
}
