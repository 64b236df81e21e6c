//! The JBD framing: both decoders and the client.

use core::time::Duration;

use jigline_protocol::guard::{LinkRefusal, LinkState, Purpose, Shaped as _};
use jigline_protocol::jbd::client::{
    Checked, ClientEvent, ClientOptions, ClientRefusal, JbdClient, Numbering, Question, check,
};
use jigline_protocol::jbd::decoder::{
    CallbackSupport, ReceivedReply, ReceivedRequest, ReplyDecoder, RequestDecoder,
};
use jigline_protocol::jbd::{EmptyAnswers, Reply, Request, Status};

use super::{lumps, ms};

fn requests(parts: &[&[u8]], callbacks: CallbackSupport) -> (Vec<ReceivedRequest>, u64) {
    let mut decoder = RequestDecoder::new(ms(20), callbacks);
    for part in parts {
        decoder.handle_bytes(ms(0), part);
    }
    decoder.handle_timeout(ms(1000));
    assert_eq!(decoder.poll_timeout(), None, "after a silence nothing is held");
    (std::iter::from_fn(|| decoder.poll_frame()).collect(), decoder.dropped_bytes())
}

/// The decoder of a board, with and without callbacks: lumps make no difference, no byte is counted twice or not at all, what is
/// understood reads back as written, and a request is found behind anything.
pub fn jbd_board(data: &[u8]) {
    for callbacks in [CallbackSupport::None, CallbackSupport::Echoed] {
        let (found, dropped) = requests(&[data], callbacks);
        assert_eq!(requests(&lumps(data), callbacks), (found.clone(), dropped));
        let encoded: usize = found
            .iter()
            .map(|one| {
                let frame = one.request.encode(&[]).unwrap();
                assert_eq!(Request::decode(&frame).unwrap(), one.request);
                frame.len() + one.callback.len()
            })
            .sum();
        assert_eq!(dropped + encoded as u64, data.len() as u64);
        let ours = Request::Write { register: 0xE1, data: vec![0, 1] };
        let frame = ours.encode(&[]).unwrap();
        if callbacks == CallbackSupport::None {
            let (with, _) = requests(&[data, &frame], callbacks);
            assert!(with.iter().any(|one| one.request == ours) || with.len() > found.len());
        }
        let mut decoder = RequestDecoder::new(ms(20), callbacks);
        decoder.handle_bytes(ms(0), data);
        decoder.handle_bytes(ms(1000), &frame);
        decoder.handle_timeout(ms(2000));
        assert!(std::iter::from_fn(|| decoder.poll_frame()).any(|one| one.request == ours));
    }
}

/// What a first byte selects: the model's peculiarities, and the question.
struct Host {
    options: ClientOptions,
    question: Question,
    wakes: bool,
}

fn host(selector: u8) -> Host {
    let empty = if selector & 0x10 == 0 { EmptyAnswers::Summed } else { EmptyAnswers::MayBeUnsummed };
    let numbering = if selector & 0x20 == 0 { Numbering::None } else { Numbering::Callback };
    let question = match selector % 8 {
        0 | 1 => Request::Read { register: 0x03 }.into(),
        2 => Question::read_exactly(0x04, 8),
        3 => Request::ReadBlock { start: 1, count: 2 }.into(),
        4 => Request::WriteBlock { start: 1, values: vec![0x0A0B] }.into(),
        5 => Request::Write { register: 0xE1, data: vec![0, 1] }.into(),
        6 => Request::enter_factory_mode().into(),
        _ => Question::read(0x10, 2..=2),
    };
    let wakes = selector & 0x40 != 0 && !question.request().is_write();
    Host { options: ClientOptions { empty, numbering, ..ClientOptions::new(9600) }, question, wakes }
}

fn replies(parts: &[&[u8]], empty: EmptyAnswers, callback: usize) -> (Vec<ReceivedReply>, u64) {
    let mut decoder = ReplyDecoder::new(ms(20), empty, callback);
    for part in parts {
        decoder.handle_bytes(ms(0), part);
    }
    decoder.handle_timeout(ms(1000));
    assert_eq!((decoder.poll_timeout(), decoder.held_bytes()), (None, 0), "after a silence nothing is held");
    (std::iter::from_fn(|| decoder.poll_frame()).collect(), decoder.dropped_bytes())
}

/// The decoder of a host and its client: lumps make no difference to either, the client believes only what is exactly the answer,
/// comes to an end by its deadline, and can be used again unless the link is void.
pub fn jbd_host(data: &[u8]) {
    let Some((&selector, stream)) = data.split_first() else { return };
    let host = host(selector);
    decodes_alike(stream, &host.options);
    let whole = run(&host, &[stream], stream);
    assert_eq!(whole, run(&host, &lumps(stream), stream));
}

fn decodes_alike(stream: &[u8], options: &ClientOptions) {
    let callback = if options.numbering == Numbering::None { 0 } else { 4 };
    let (found, dropped) = replies(&[stream], options.empty, callback);
    assert_eq!(replies(&lumps(stream), options.empty, callback), (found.clone(), dropped));
    let mut framed = 0;
    for one in &found {
        assert_eq!(one.callback.len(), callback);
        let frame = one.reply.encode(&[]).unwrap();
        assert_eq!(Reply::decode(&frame, options.empty).as_ref(), Ok(&one.reply));
        framed += frame.len() + callback;
    }
    assert_eq!(dropped + framed as u64, stream.len() as u64);
    let ours = Reply { register: 0x77, status: Status::Done, data: vec![0xDD; 3] };
    let mut decoder = ReplyDecoder::new(ms(20), options.empty, callback);
    decoder.handle_bytes(ms(0), stream);
    decoder.handle_bytes(ms(1000), &[ours.encode(&[]).unwrap(), vec![0; callback]].concat());
    assert!(std::iter::from_fn(|| decoder.poll_frame()).any(|one| one.reply == ours));
}

fn run(host: &Host, parts: &[&[u8]], stream: &[u8]) -> Vec<ClientEvent> {
    let mut client = JbdClient::new(host.options);
    let begun = if host.wakes {
        client.begin_waking(ms(0), Purpose::Identify, host.question.clone())
    } else {
        client.begin(ms(0), Purpose::Identify, host.question.clone())
    };
    begun.unwrap();
    let frame = client.poll_transmit().unwrap();
    if host.wakes {
        client.handle_timeout(client.poll_timeout().unwrap());
        assert_eq!(client.poll_transmit(), Some(frame));
    }
    for part in parts {
        client.handle_bytes(ms(150), part);
    }
    let mut settled = false;
    for _ in 0..6 {
        settled = match client.poll_timeout() {
            Some(due) => {
                client.handle_timeout(due);
                false
            }
            None => true,
        };
    }
    assert!(settled, "the client never comes to rest");
    let events: Vec<ClientEvent> = std::iter::from_fn(|| client.poll_event()).collect();
    let ends = events.iter().filter(|event| **event != ClientEvent::Quiet).count();
    assert_eq!(ends, 1, "one question has one end: {events:?}");
    for event in &events {
        if let ClientEvent::Answered(checked) = event {
            assert_believed(host, stream, checked);
        }
    }
    assert!(matches!(client.guard().state(), LinkState::MustIdentify));
    proves_usable(&mut client);
    events
}

/// What was believed stands at the beginning of the stream, whole and right.
fn assert_believed(host: &Host, stream: &[u8], checked: &Checked) {
    let length = 7 + usize::from(stream[3]);
    let reply = Reply::decode(&stream[..length], host.options.empty).unwrap();
    let first = check(&host.question, &reply);
    let second = || {
        let rest = &stream[length..];
        let length = 7 + usize::from(rest[3]);
        check(&host.question, &Reply::decode(&rest[..length], host.options.empty).unwrap())
    };
    assert!(first.as_ref() == Ok(checked) || host.wakes && second().as_ref() == Ok(checked));
}

/// The first of these registers whose answer is told from all that are owed.
pub fn telling_register(client: &mut JbdClient, now: Duration, registers: &[u8]) -> Result<u8, Duration> {
    let shape = |register: u8| Question::from(Request::Read { register }).shape();
    client.guard_mut().telling(now, registers, shape)
}

fn proves_usable(client: &mut JbdClient) {
    let register = telling_register(client, ms(100_000), &[0x21, 0x22]).unwrap();
    match client.begin(ms(100_000), Purpose::Identify, Question::read_exactly(register, 2)) {
        Ok(()) => {}
        Err(ClientRefusal::Link(LinkRefusal::Void { .. })) => return,
        Err(refusal) => panic!("{refusal}"),
    }
    let asked = client.poll_transmit().unwrap();
    let reply = Reply { register, status: Status::Done, data: vec![4, 2] };
    client.handle_bytes(ms(100_020), &reply.encode(&asked[7..]).unwrap());
    assert_eq!(client.poll_event(), Some(ClientEvent::Answered(Checked::Data(vec![4, 2]))));
}
