use super::*;
use crate::client::{ClientEvent, ClientFault, Pace};
use crate::guard::{LinkRefusal, Purpose};
use crate::row::{Check, Coding, Order, Word};

const BYTE: Word = Word { bytes: 1, order: Order::HighFirst };

fn ms(ms: u64) -> Instant {
    Duration::from_millis(ms)
}

/// Daly's: 13 bytes both ways, a register for a command.
fn daly() -> Arc<Frames> {
    let row = |sender| {
        let parts = vec![
            Part::Bytes(vec![0xA5, sender]),
            Part::Register(BYTE),
            Part::Bytes(vec![8]),
            Part::Data(Some(8)),
            Part::Check(Check::Sum8),
        ];
        Row::new(Coding::Binary, parts)
    };
    Arc::new(Frames {
        read: row(0x40),
        read_answer: row(0x01),
        write: Some(WriteFrames { request: row(0x40), answer: row(0x01) }),
        refusal: None,
        done: 0,
    })
}

/// YD/T 1363.3: an answer says a status, and not what was asked.
fn ydt() -> Arc<Frames> {
    let row = |third| {
        let parts = vec![
            Part::Bytes(vec![0x7E]),
            Part::CheckedFrom,
            Part::Bytes(vec![0x21]),
            Part::Address,
            Part::Bytes(vec![0x46]),
            third,
            Part::LengthYdt,
            Part::Data(None),
            Part::Check(Check::NegatedSum16),
            Part::Bytes(vec![0x0D]),
        ];
        Row::new(Coding::HexText, parts)
    };
    let (ask, answer) = (row(Part::Register(BYTE)), row(Part::Status));
    let write = Some(WriteFrames { request: ask.clone(), answer: answer.clone() });
    Arc::new(Frames { read: ask, read_answer: answer, write, refusal: None, done: 0 })
}

fn fields(register: u16, data: &[u8]) -> Fields {
    Fields { address: Some(1), register: Some(register), data: data.to_vec(), ..Fields::default() }
}

fn answer(frames: &Frames, register: u16, data: &[u8]) -> Vec<u8> {
    let told = Fields { status: Some(0), ..fields(register, data) };
    frames.read_answer.encode(&told).unwrap()
}

fn client(frames: &Arc<Frames>) -> DescribedClient {
    DescribedClient::speaking(Described::new(Arc::clone(frames)), Pace::new(9600))
}

/// Asks as one who reads the identity, so that nothing else is in the way.
fn ask(client: &mut DescribedClient, now: Instant, question: &Question) -> Result<Vec<u8>, LinkRefusal> {
    match client.begin(now, Purpose::Identify, question.clone()) {
        Ok(()) => Ok(client.poll_transmit().unwrap()),
        Err(crate::client::ClientRefusal::Link(refusal)) => Err(refusal),
        Err(other) => panic!("{other:?}"),
    }
}

fn read(frames: &Frames, register: u16, answer: RangeInclusive<u16>, parts: u8) -> Question {
    frames.ask(Way::Read, fields(register, &[]), answer, parts, 1)
}

#[test]
fn an_answer_is_believed_where_it_is_about_what_was_asked() {
    let frames = daly();
    let mut client = client(&frames);
    let frame = ask(&mut client, ms(0), &read(&frames, 0x90, 8..=8, 1)).unwrap();
    assert_eq!(frame[..4], [0xA5, 0x40, 0x90, 0x08]);
    client.handle_bytes(ms(40), &answer(&frames, 0x90, &[1, 2, 3, 4, 5, 6, 7, 8]));
    let data = Checked::Data(vec![1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(client.poll_event(), Some(ClientEvent::Answered(data)));
    ask(&mut client, ms(100), &read(&frames, 0x90, 8..=8, 1)).unwrap();
    client.handle_bytes(ms(140), &answer(&frames, 0x91, &[0; 8]));
    let misfit = Misfit::Register { asked: 0x90, got: 0x91 };
    assert_eq!(client.poll_event(), Some(ClientEvent::Failed(ClientFault::Misfit(misfit))));
}

#[test]
fn an_answer_in_several_frames_is_whole_or_none() {
    let frames = daly();
    let question = read(&frames, 0x95, 21..=21, 3);
    let part = |number: u8| answer(&frames, 0x95, &[&[number][..], &[number * 10; 7]].concat());
    let mut whole = client(&frames);
    ask(&mut whole, ms(0), &question).unwrap();
    for number in 1..=3 {
        assert_eq!(whole.poll_event(), None);
        whole.handle_bytes(ms(30 + 20 * u64::from(number)), &part(number));
    }
    let data = [[10; 7], [20; 7], [30; 7]].concat();
    assert_eq!(whole.poll_event(), Some(ClientEvent::Answered(Checked::Data(data))));

    // Fewer may come: a silence ends them, and what is missing of what was asked for is missed.
    for (least, is_enough) in [(14, true), (21, false)] {
        let mut short = client(&frames);
        ask(&mut short, ms(0), &read(&frames, 0x95, least..=21, 3)).unwrap();
        short.handle_bytes(ms(40), &part(1));
        short.handle_bytes(ms(60), &part(2));
        assert_eq!((short.poll_event(), short.poll_timeout()), (None, Some(ms(120))));
        short.handle_timeout(ms(120));
        let event = short.poll_event();
        assert_eq!(matches!(event, Some(ClientEvent::Answered(_))), is_enough, "{event:?}");
    }
    let mut torn = client(&frames);
    ask(&mut torn, ms(0), &question).unwrap();
    torn.handle_bytes(ms(40), &part(1));
    torn.handle_bytes(ms(60), &part(2)[..7]);
    // A frame that breaks off: what came is no answer, and the line is not trusted.
    torn.handle_timeout(ms(2000));
    assert_eq!(torn.poll_event(), Some(ClientEvent::Failed(ClientFault::Garbage(20))));

    let mut mixed = client(&frames);
    ask(&mut mixed, ms(0), &question).unwrap();
    for number in [1, 3, 2] {
        mixed.handle_bytes(ms(40), &part(number));
    }
    let misfit = Misfit::Frame { want: 2, got: 3 };
    assert_eq!(mixed.poll_event(), Some(ClientEvent::Failed(ClientFault::Misfit(misfit))));
}

#[test]
fn a_late_answer_that_names_nothing_is_never_taken_for_the_next_ones() {
    let frames = ydt();
    let mut client = client(&frames);
    ask(&mut client, ms(0), &read(&frames, 0x42, 1..=255, 1)).unwrap();
    client.handle_timeout(ms(3000));
    assert!(matches!(client.poll_event(), Some(ClientEvent::Failed(ClientFault::Timeout(_)))));
    client.handle_timeout(ms(4000));
    assert_eq!(client.poll_event(), Some(ClientEvent::Quiet));
    // Another register, and yet its answer would look the same.
    assert_eq!(ask(&mut client, ms(4000), &read(&frames, 0x44, 1..=255, 1)), Err(LinkRefusal::Ambiguous));
    let named = daly();
    let mut client = self::client(&named);
    ask(&mut client, ms(0), &read(&named, 0x90, 8..=8, 1)).unwrap();
    client.handle_timeout(ms(3000));
    client.handle_timeout(ms(4000));
    assert_eq!(ask(&mut client, ms(4000), &read(&named, 0x90, 8..=8, 1)), Err(LinkRefusal::Ambiguous));
    assert!(ask(&mut client, ms(4000), &read(&named, 0x93, 8..=8, 1)).is_ok());
}

#[test]
fn a_refusal_is_a_refusal_in_the_answer_or_in_a_frame_of_its_own() {
    let frames = ydt();
    let mut client = client(&frames);
    ask(&mut client, ms(0), &read(&frames, 0x42, 1..=255, 1)).unwrap();
    let refused = frames.read_answer.encode(&Fields { status: Some(4), ..fields(0, &[]) }).unwrap();
    client.handle_bytes(ms(40), &refused);
    let misfit = Misfit::Refused { status: 4 };
    assert_eq!(client.poll_event(), Some(ClientEvent::Failed(ClientFault::Misfit(misfit))));

    let parts = vec![Part::Bytes(vec![0xAA, 0x00]), Part::Function, Part::Status, Part::Check(Check::Crc16)];
    let refusal = Row::new(Coding::Binary, parts);
    let frames = Arc::new(Frames { refusal: Some(refusal.clone()), ..Frames::clone(&daly()) });
    let mut client = self::client(&frames);
    ask(&mut client, ms(0), &read(&frames, 0x90, 8..=8, 1)).unwrap();
    let told = Fields { function: Some(0x90), status: Some(2), ..Fields::default() };
    client.handle_bytes(ms(40), &refusal.encode(&told).unwrap());
    let misfit = Misfit::Refused { status: 2 };
    assert_eq!(client.poll_event(), Some(ClientEvent::Failed(ClientFault::Misfit(misfit))));
}

#[test]
fn whoever_listens_pairs_requests_with_all_frames_of_their_answers() {
    use sniffer::{Outcome, Sniffed, Sniffer};
    let frames = daly();
    let mut sniffer = Sniffer::new(Arc::clone(&frames), 9600, ms(200));
    let request = |register| frames.read.encode(&fields(register, &[])).unwrap();
    sniffer.handle_bytes(ms(0), &request(0x95));
    sniffer.handle_bytes(ms(30), &answer(&frames, 0x95, &[1, 1, 1, 1, 1, 1, 1, 0]));
    sniffer.handle_bytes(ms(60), &answer(&frames, 0x95, &[2, 2, 2, 2, 2, 2, 2, 0]));
    sniffer.handle_bytes(ms(100), &request(0x93));
    sniffer.handle_timeout(ms(1000));
    sniffer.handle_bytes(ms(1100), &answer(&frames, 0x90, &[9; 8]));
    sniffer.handle_timeout(ms(1200));
    let Some(Sniffed::Exchange { at, request, outcome: Outcome::Answered { frames: told, after } }) =
        sniffer.poll_event()
    else {
        panic!("an exchange")
    };
    assert_eq!((at, request.way, request.fields.register, after), (ms(0), None, Some(0x95), ms(30)));
    assert_eq!(told.iter().map(|fields| fields.data[0]).collect::<Vec<_>>(), [1, 2]);
    assert!(matches!(sniffer.poll_event(), Some(Sniffed::Exchange { outcome: Outcome::Unanswered, .. })));
    assert!(matches!(sniffer.poll_event(), Some(Sniffed::Stray { .. })));
    assert_eq!((sniffer.poll_event(), sniffer.dropped_bytes()), (None, 0));
}
