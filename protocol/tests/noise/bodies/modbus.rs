//! Modbus RTU: the board's decoder and the client.

use jigline_protocol::guard::{self, Checked, LinkRefusal, LinkState, Purpose};
use jigline_protocol::modbus::client::{ClientEvent, ClientOptions, ClientRefusal, RtuClient};
use jigline_protocol::modbus::preamble::JK_PB;
use jigline_protocol::modbus::question::Question;
use jigline_protocol::modbus::rtu::{self, Frame};
use jigline_protocol::modbus::server::RtuServerDecoder;
use jigline_protocol::modbus::{Request, Response};

use super::{lumps, ms};

/// All frames of one burst and the silence behind it.
fn found(parts: &[&[u8]]) -> (Vec<Frame>, u64) {
    let mut decoder = RtuServerDecoder::new(9600);
    for part in parts {
        decoder.handle_bytes(ms(0), part);
    }
    decoder.handle_timeout(ms(1000));
    assert_eq!(decoder.poll_timeout(), None, "after a silence nothing is held");
    (std::iter::from_fn(|| decoder.poll_frame()).collect(), decoder.dropped_bytes())
}

/// The decoder of a board: lumps make no difference, no byte is counted twice or not at all, what is understood reads
/// back as written, and a request is found behind anything.
pub fn modbus_server(data: &[u8]) {
    let (frames, dropped) = found(&[data]);
    assert_eq!(found(&lumps(data)), (frames.clone(), dropped));
    let framed: usize = frames.iter().map(|frame| frame.pdu.len() + 3).sum();
    assert_eq!(dropped + framed as u64, data.len() as u64);
    for frame in &frames {
        if let Ok(request) = Request::decode(&frame.pdu) {
            assert_eq!(request.encode().unwrap(), frame.pdu);
        }
        if let Ok(response) = Response::decode(&frame.pdu)
            && let Ok(pdu) = response.encode()
        {
            assert_eq!(pdu, frame.pdu);
        }
    }
    // At once, or else something longer with a right checksum reaches into it.
    let ours = Request::WriteMultiple { address: 7, values: vec![1, 2] };
    let ours = rtu::encode_request(9, &ours).unwrap();
    let (with, _) = found(&[data, &ours]);
    let is_ours = |frame: &Frame| rtu::encode_frame(frame.address, &frame.pdu) == ours;
    assert!(with.iter().any(is_ours) || with.len() > frames.len());
    // After a silence always.
    let mut decoder = RtuServerDecoder::new(9600);
    decoder.handle_bytes(ms(0), data);
    decoder.handle_bytes(ms(1000), &ours);
    assert!(std::iter::from_fn(|| decoder.poll_frame()).any(|frame| is_ours(&frame)));
}

/// The questions that a first byte selects.
fn question(selector: u8) -> Question {
    let write = || Request::WriteMultiple { address: 0x1620, values: vec![0] };
    let read = |quantity: u16| Request::ReadHolding { address: 0x1000, quantity };
    match selector % 8 {
        0 => read(1).into(),
        1 => read(125).into(),
        2 => Request::ReadInput { address: 0, quantity: 3 }.into(),
        3 => Request::WriteSingle { address: 0x00A7, value: 0x0102 }.into(),
        4 => write().into(),
        5 => Question::short_span(read(2), 4).unwrap(),
        6 => Question::from(write()).behind(JK_PB),
        _ => Question::from(read(1)).behind(JK_PB),
    }
}

/// The client: it believes only what is exactly the answer, comes to an end by its deadline, and can be used again unless the
/// link is void.
pub fn modbus_client(data: &[u8]) {
    let Some((&selector, stream)) = data.split_first() else { return };
    let question = question(selector);
    let reply_address = if selector & 0x08 == 0 { 1 } else { 0x51 };
    let mut client = RtuClient::new(ClientOptions { reply_address, ..ClientOptions::new(9600, 1) });
    client.begin(ms(0), Purpose::Identify, question.clone()).unwrap();
    client.poll_transmit().unwrap();
    let (mut given, mut answered, mut ended) = (0, false, false);
    for lump in lumps(stream) {
        client.handle_bytes(ms(10), lump);
        given += lump.len();
        while let Some(event) = client.poll_event() {
            assert!(!ended, "one question has one end");
            ended = true;
            if let ClientEvent::Answered(checked) = event {
                assert_believed(&question, reply_address, &stream[..given], &checked);
                answered = true;
            }
        }
    }
    settle(&mut client);
    assert!(answered || client.guard().state() == LinkState::MustIdentify);
    // Another question, of a shape that nothing owes.
    let honest = Request::ReadHolding { address: 5, quantity: 77 };
    match client.begin(ms(100_000), Purpose::Identify, honest) {
        Ok(()) => {}
        Err(ClientRefusal::Link(LinkRefusal::Void { .. })) => return,
        Err(refusal) => panic!("{refusal}"),
    }
    let values = vec![7; 77];
    let answer = rtu::encode_response(reply_address, &Response::ReadHolding(values.clone())).unwrap();
    client.handle_bytes(ms(100_010), &answer);
    let last = std::iter::from_fn(|| client.poll_event()).last();
    assert_eq!(last, Some(ClientEvent::Answered(Checked::Registers(values))));
}

/// All of what came is the preamble and one answer, and the answer says what was believed.
fn assert_believed(question: &Question, reply_address: u8, came: &[u8], checked: &Checked) {
    let frame = match question.preamble() {
        Some(preamble) => {
            assert!(came.starts_with(&preamble.start));
            let sum = came[..preamble.length - 1].iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
            assert_eq!(came[preamble.length - 1], sum);
            let [fill, frame @ .., last] = &came[preamble.length..] else { panic!("no answer behind it") };
            assert_eq!((*fill, *last), (preamble.fill, preamble.fill));
            frame
        }
        None => came,
    };
    let frame = rtu::decode_frame(frame).unwrap();
    assert_eq!(frame.address, reply_address);
    let response = Response::decode(&frame.pdu).unwrap();
    assert_eq!(
        guard::check_expecting(question.request(), question.expected_registers(), &response).as_ref(),
        Ok(checked)
    );
}

fn settle(client: &mut RtuClient) {
    for _ in 0..5 {
        let Some(due) = client.poll_timeout() else { return };
        client.handle_timeout(due);
    }
    assert_eq!(client.poll_timeout(), None, "the client never comes to rest");
}
