//! The JBD framing on a line: both decoders, and the client over its guard.

use core::time::Duration;

use jigline_protocol::guard::{LinkRefusal, LinkState, Purpose, Shaped as _};
use jigline_protocol::jbd::client::{
    Checked, ClientEvent, ClientFault, ClientOptions, ClientRefusal, JbdClient, Misfit, Numbering, Question,
};
use jigline_protocol::jbd::decoder::{CallbackSupport, ReceivedRequest, ReplyDecoder, RequestDecoder};
use jigline_protocol::jbd::{EmptyAnswers, Reply, Request, Status};
use jigline_protocol::timing::wire_time;
use proptest::prelude::*;

use crate::support::ms;

const GAP: Duration = Duration::from_millis(20);

fn reply(register: u8, data: &[u8]) -> Vec<u8> {
    Reply { register, status: Status::Done, data: data.to_vec() }.encode(&[]).unwrap()
}

fn refusal(register: u8, status: Status) -> Vec<u8> {
    Reply { register, status, data: vec![] }.encode(&[]).unwrap()
}

fn requests(decoder: &mut RequestDecoder) -> Vec<ReceivedRequest> {
    std::iter::from_fn(|| decoder.poll_frame()).collect()
}

#[test]
fn a_frame_behind_garbage_that_looks_like_one_is_found_after_the_gap() {
    let mut decoder = RequestDecoder::new(GAP, CallbackSupport::None);
    // Announces 200 bytes and holds up what follows until the line is silent.
    decoder.handle_bytes(ms(0), &[0x00, 0xDD, 0x5A, 0x10, 200]);
    decoder.handle_bytes(ms(1), &Request::enter_factory_mode().encode(&[]).unwrap());
    assert_eq!(decoder.poll_frame(), None);
    decoder.handle_timeout(decoder.poll_timeout().unwrap());
    assert_eq!(requests(&mut decoder)[0].request, Request::enter_factory_mode());
    assert_eq!((decoder.dropped_bytes(), decoder.poll_timeout()), (5, None));
}

#[test]
fn data_that_looks_like_an_answer_is_never_taken_for_one() {
    let inner = reply(0x10, &[1, 2]);
    let mut decoder = ReplyDecoder::new(GAP, EmptyAnswers::Summed, 0);
    decoder.handle_bytes(ms(0), &reply(0xA2, &inner));
    assert_eq!(decoder.poll_frame().unwrap().reply.register, 0xA2);
    assert_eq!(decoder.poll_frame(), None);
}

#[test]
fn a_board_hands_a_request_out_with_its_callback_once_the_line_is_silent() {
    let read = Request::Read { register: 3 };
    let mut decoder = RequestDecoder::new(GAP, CallbackSupport::Echoed);
    decoder.handle_bytes(ms(0), &read.encode(&[7, 8]).unwrap());
    assert_eq!(decoder.poll_frame(), None, "a third byte may still come");
    assert_eq!(decoder.poll_timeout(), Some(GAP));
    decoder.handle_timeout(GAP);
    assert_eq!(requests(&mut decoder)[0].callback, [7, 8]);
    decoder.handle_bytes(ms(100), &read.encode(&[1, 2, 3, 0xDD]).unwrap());
    assert_eq!(requests(&mut decoder)[0].callback, [1, 2, 3, 0xDD], "four are all there can be");
}

#[test]
fn a_frame_sent_twice_without_a_pause_is_two_requests_on_every_board() {
    let twice = Request::Read { register: 3 }.encode(&[]).unwrap().repeat(2);
    for support in [CallbackSupport::None, CallbackSupport::Echoed] {
        let mut decoder = RequestDecoder::new(GAP, support);
        decoder.handle_bytes(ms(0), &twice);
        decoder.handle_timeout(ms(100));
        let found = requests(&mut decoder);
        assert_eq!((found.len(), decoder.dropped_bytes()), (2, 0));
        assert!(found.iter().all(|one| one.callback.is_empty()));
    }
}

/// Identified by the hardware's name, register 05.
fn identified(options: ClientOptions) -> JbdClient {
    let mut client = JbdClient::new(options);
    client.begin(ms(0), Purpose::Identify, Request::Read { register: 5 }).unwrap();
    let asked = client.poll_transmit().unwrap();
    let callback = &asked[7..];
    let named = Reply { register: 5, status: Status::Done, data: b"JBD".to_vec() };
    client.handle_bytes(ms(30), &named.encode(callback).unwrap());
    assert_eq!(client.poll_event(), Some(ClientEvent::Answered(Checked::Data(b"JBD".to_vec()))));
    client.confirm_identity();
    client
}

fn ready() -> JbdClient {
    identified(ClientOptions::new(9600))
}

fn ask(client: &mut JbdClient, now: Duration, question: impl Into<Question>) -> Vec<u8> {
    client.begin(now, Purpose::Work, question).unwrap();
    client.poll_transmit().unwrap()
}

fn failed(client: &mut JbdClient) -> ClientFault {
    match client.poll_event() {
        Some(ClientEvent::Failed(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_answer_for_another_register_is_never_taken() {
    let mut client = ready();
    ask(&mut client, ms(100), Question::read_exactly(0x10, 2));
    client.handle_bytes(ms(120), &reply(0x11, &[1, 2]));
    assert_eq!(failed(&mut client), ClientFault::Misfit(Misfit::Register { asked: 0x10, got: 0x11 }));
    assert!(matches!(client.guard().state(), LinkState::MustDrain { .. }));
    assert_eq!(client.guard().unexpected_frames(), 1);
}

#[test]
fn an_answer_of_another_length_is_never_taken() {
    let mut client = ready();
    ask(&mut client, ms(100), Question::read_exactly(0x10, 2));
    client.handle_bytes(ms(120), &reply(0x10, &[1, 2, 3]));
    let fault = Misfit::Length { register: 0x10, got: 3, least: 2, most: 2 };
    assert_eq!(failed(&mut client), ClientFault::Misfit(fault));
    // The confirmation of a write is no answer to a read, however short that may be, nor the other way round.
    let mut client = ready();
    ask(&mut client, ms(100), Question::read(0x10, 0..=9));
    client.handle_bytes(ms(120), &reply(0x10, &[]));
    assert!(matches!(failed(&mut client), ClientFault::Misfit(Misfit::Length { got: 0, .. })));
    let mut client = ready();
    ask(&mut client, ms(100), Request::Write { register: 0x10, data: vec![1, 2] });
    client.handle_bytes(ms(120), &reply(0x10, &[1, 2]));
    assert!(matches!(failed(&mut client), ClientFault::Misfit(Misfit::Length { got: 2, .. })));
}

#[test]
fn a_blocks_answer_must_name_the_very_block() {
    let mut client = ready();
    ask(&mut client, ms(100), Request::ReadBlock { start: 1, count: 2 });
    // V11's own example.
    client.handle_bytes(ms(120), &reply(0xFA, &[0, 1, 2, 0x0F, 0xA0, 0x10, 0x36]));
    assert_eq!(client.poll_event(), Some(ClientEvent::Answered(Checked::Registers(vec![0x0FA0, 0x1036]))));
    ask(&mut client, ms(200), Request::ReadBlock { start: 3, count: 2 });
    client.handle_bytes(ms(220), &reply(0xFA, &[0, 1, 2, 0x0F, 0xA0, 0x10, 0x36]));
    let fault = Misfit::Block { asked: 3, asked_count: 2, got: 1, got_count: 2 };
    assert_eq!(failed(&mut client), ClientFault::Misfit(fault));

    let mut client = ready();
    ask(&mut client, ms(100), Request::WriteBlock { start: 1, values: vec![9] });
    client.handle_bytes(ms(120), &reply(0xFA, &[0, 1, 1]));
    assert_eq!(client.poll_event(), Some(ClientEvent::Answered(Checked::Written)));
}

#[test]
fn a_refusal_is_an_answer_and_the_link_stays_good() {
    let mut client = ready();
    ask(&mut client, ms(100), Request::enter_factory_mode());
    client.handle_bytes(ms(120), &refusal(0, Status::InvalidOperation));
    let refused = Misfit::Refused { register: 0, status: Status::InvalidOperation };
    assert_eq!(failed(&mut client), ClientFault::Misfit(refused));
    assert_eq!((client.guard().state(), client.guard().unexpected_frames()), (LinkState::Ready, 0));
}

#[test]
fn late_answer_is_never_taken_for_the_next_register_nor_for_the_same_asked_again() {
    let mut client = ready();
    ask(&mut client, ms(100), Question::read_exactly(0x10, 2));
    let due = client.poll_timeout().unwrap();
    assert_eq!(due, ms(100) + wire_time(7 + 9, 9600) + ms(600));
    client.handle_timeout(due);
    assert_eq!(failed(&mut client), ClientFault::Timeout(ms(600)));
    let again = |client: &mut JbdClient, now, purpose| {
        client.begin(now, purpose, Question::read_exactly(0x10, 2)).unwrap_err()
    };
    assert_eq!(again(&mut client, due, Purpose::Work), ClientRefusal::Link(LinkRefusal::MustDrain));
    client.handle_timeout(due + ms(50));
    assert_eq!(client.poll_event(), Some(ClientEvent::Quiet));
    let now = due + ms(60);
    assert_eq!(again(&mut client, now, Purpose::Work), ClientRefusal::Link(LinkRefusal::MustIdentify));
    // The answer may still come, and would be taken for that of the second question.
    assert_eq!(again(&mut client, now, Purpose::Identify), ClientRefusal::Link(LinkRefusal::Ambiguous));
    let shape = |register: u8| Question::from(Request::Read { register }).shape();
    assert_eq!(client.guard_mut().telling(now, &[0x10, 0x05], shape), Ok(0x05));
    client.begin(now, Purpose::Identify, Request::Read { register: 5 }).unwrap();
    client.handle_bytes(now + ms(20), &reply(5, b"JBD"));
    client.confirm_identity();
    assert!(matches!(client.poll_event(), Some(ClientEvent::Answered(_))));
    // A board answers in order: what was owed has come or never will.
    ask(&mut client, now + ms(50), Question::read_exactly(0x10, 2));
}

#[test]
fn a_late_confirmation_is_never_taken_for_that_of_the_next_write_to_the_register() {
    let mut client = ready();
    ask(&mut client, ms(100), Request::Write { register: 0x10, data: vec![1, 2] });
    client.cancel(ms(110));
    assert_eq!(failed(&mut client), ClientFault::Cancelled);
    client.handle_timeout(ms(160));
    let other = Request::Write { register: 0x10, data: vec![3, 4] };
    let refused = client.begin(ms(170), Purpose::Identify, other);
    assert_eq!(refused, Err(ClientRefusal::Link(LinkRefusal::Ambiguous)));
}

#[test]
fn where_the_board_repeats_a_number_only_the_answer_with_ours_counts() {
    let options = ClientOptions { numbering: Numbering::Callback, ..ClientOptions::new(9600) };
    let mut client = identified(options);
    let first = ask(&mut client, ms(100), Question::read_exactly(0x10, 2));
    let number = first[7..].to_vec();
    assert_eq!(number.len(), 4);
    client.handle_timeout(client.poll_timeout().unwrap());
    assert!(matches!(failed(&mut client), ClientFault::Timeout(_)));
    client.handle_timeout(client.poll_timeout().unwrap());
    // The very same question may be asked at once: a late answer carries the old number.
    client.begin(ms(2000), Purpose::Identify, Question::read_exactly(0x10, 2)).unwrap();
    let second = client.poll_transmit().unwrap();
    assert_ne!(second[7..], number[..]);
    let late = Reply { register: 0x10, status: Status::Done, data: vec![1, 2] };
    client.handle_bytes(ms(2010), &late.encode(&number).unwrap());
    assert_eq!(client.poll_event(), Some(ClientEvent::Quiet));
    assert_eq!(failed(&mut client), ClientFault::Number);
}

#[test]
fn a_sleeping_board_is_asked_a_second_time_and_its_one_answer_counts() {
    let mut client = JbdClient::new(ClientOptions::new(9600));
    client.begin_waking(ms(0), Purpose::Identify, Request::Read { register: 5 }).unwrap();
    let first = client.poll_transmit().unwrap();
    let again = client.poll_timeout().unwrap();
    assert_eq!(again, wire_time(7, 9600) + ms(100));
    client.handle_timeout(again);
    assert_eq!(client.poll_transmit(), Some(first));
    client.handle_bytes(ms(150), &reply(5, b"JBD"));
    assert_eq!(client.poll_event(), None, "the board may have heard both");
    let settled = client.poll_timeout().unwrap();
    assert_eq!(settled, ms(150) + ms(100) + ms(50));
    client.handle_timeout(settled);
    assert_eq!(client.poll_event(), Some(ClientEvent::Answered(Checked::Data(b"JBD".to_vec()))));
    assert_eq!(client.guard().unexpected_frames(), 0);
    client.confirm_identity();
    let twin = client.begin(settled, Purpose::Work, Request::Read { register: 5 });
    assert_eq!(twin, Err(ClientRefusal::Link(LinkRefusal::Ambiguous)), "its twin may still come");
    ask(&mut client, settled, Request::Read { register: 3 });
}

#[test]
fn a_board_that_was_awake_answers_twice_and_neither_answer_is_an_accident() {
    let mut client = JbdClient::new(ClientOptions::new(9600));
    client.begin_waking(ms(0), Purpose::Identify, Request::Read { register: 5 }).unwrap();
    client.poll_transmit().unwrap();
    client.handle_timeout(client.poll_timeout().unwrap());
    client.poll_transmit().unwrap();
    client.handle_bytes(ms(120), &reply(5, b"old"));
    client.handle_bytes(ms(220), &reply(5, b"new"));
    assert_eq!(client.poll_event(), Some(ClientEvent::Answered(Checked::Data(b"new".to_vec()))));
    assert_eq!((client.poll_event(), client.guard().unexpected_frames()), (None, 0));
    client.confirm_identity();
    ask(&mut client, ms(300), Request::Read { register: 5 });
}

#[test]
fn a_refusal_of_one_of_two_copies_leaves_the_other_owed() {
    let mut client = JbdClient::new(ClientOptions::new(9600));
    client.begin_waking(ms(0), Purpose::Identify, Request::Read { register: 5 }).unwrap();
    client.poll_transmit().unwrap();
    client.handle_timeout(client.poll_timeout().unwrap());
    client.poll_transmit().unwrap();
    client.handle_bytes(ms(120), &refusal(5, Status::InvalidOperation));
    assert!(matches!(failed(&mut client), ClientFault::Misfit(Misfit::Refused { .. })));
    let again = client.begin(ms(130), Purpose::Identify, Request::Read { register: 5 });
    assert_eq!(
        again,
        Err(ClientRefusal::Link(LinkRefusal::Ambiguous)),
        "the second copy may be answered yet"
    );
}

#[test]
fn a_second_copy_that_was_not_sent_in_time_is_not_sent_after_the_answer() {
    let mut client = JbdClient::new(ClientOptions::new(9600));
    client.begin_waking(ms(0), Purpose::Identify, Request::Read { register: 5 }).unwrap();
    client.poll_transmit().unwrap();
    client.handle_bytes(ms(200), &reply(5, b"JBD"));
    assert_eq!(client.poll_event(), Some(ClientEvent::Answered(Checked::Data(b"JBD".to_vec()))));
    assert_eq!(client.poll_transmit(), None);
}

#[test]
fn a_board_that_answers_at_once_is_asked_once_and_a_write_is_never_sent_twice() {
    let mut client = JbdClient::new(ClientOptions::new(9600));
    client.begin_waking(ms(0), Purpose::Identify, Request::Read { register: 5 }).unwrap();
    client.poll_transmit().unwrap();
    let (head, tail) = (&reply(5, b"JBD")[..3], &reply(5, b"JBD")[3..]);
    client.handle_bytes(ms(90), head);
    client.handle_bytes(ms(130), tail);
    assert_eq!(client.poll_transmit(), None);
    assert!(matches!(client.poll_event(), Some(ClientEvent::Answered(_))));
    let write = client.begin_waking(ms(200), Purpose::Identify, Request::enter_factory_mode());
    assert_eq!(write, Err(ClientRefusal::WakingWrite));
}

#[test]
fn an_answer_behind_garbage_is_not_believed_and_too_many_accidents_void_the_link() {
    let mut client = ready();
    for accident in 1..=4_u64 {
        let now = ms(1000 * accident);
        let asked = client.begin(now, Purpose::Identify, Question::read_exactly(0x10 + accident as u8, 2));
        assert_eq!(asked, Ok(()));
        let garbled = [&[0xFF][..], &reply(0x10 + accident as u8, &[1, 2])].concat();
        client.handle_bytes(now + ms(20), &garbled);
        assert_eq!(failed(&mut client), ClientFault::Garbage(1));
        client.handle_timeout(now + ms(500));
        assert_eq!(client.poll_event(), Some(ClientEvent::Quiet));
    }
    assert!(client.guard().is_void());
    let refused = client.begin(ms(9000), Purpose::Identify, Request::Read { register: 5 });
    assert_eq!(refused, Err(ClientRefusal::Link(LinkRefusal::Void { unexpected: 4 })));
}

#[test]
fn bytes_that_nobody_asked_for_are_counted_and_the_line_drained() {
    let mut client = ready();
    client.handle_bytes(ms(100), &reply(3, &[1, 2, 3]));
    assert_eq!((client.poll_event(), client.guard().unexpected_frames()), (None, 1));
    assert!(matches!(client.guard().state(), LinkState::MustDrain { .. }));
}

#[test]
fn half_an_answer_ends_at_the_deadline_and_is_named() {
    let mut client = ready();
    ask(&mut client, ms(100), Question::read_exactly(0x10, 2));
    client.handle_bytes(ms(120), &reply(0x10, &[1, 2])[..5]);
    client.handle_timeout(client.poll_timeout().unwrap());
    assert_eq!(failed(&mut client), ClientFault::Garbage(5));
}

#[test]
fn no_password_shows_in_what_is_logged_of_a_client() {
    use jigline_protocol::jbd::password::{Password, PasswordCoding};
    let mut client = ready();
    let password = Password::parse("987654", PasswordCoding::Ascii).unwrap();
    client.begin(ms(100), Purpose::Work, Request::use_password(&password)).unwrap();
    let shown = format!("{client:?}");
    assert!(shown.contains("secret") && !shown.contains("57, 56") && !shown.contains("39, 38"), "{shown}");
}

proptest! {
    #[test]
    fn every_honest_answer_is_understood_however_it_is_lumped(
        register in 0_u8..0xFA, data in proptest::collection::vec(any::<u8>(), 1..255), lump in 1_usize..64,
        numbered in any::<bool>(),
    ) {
        let numbering = if numbered { Numbering::Callback } else { Numbering::None };
        let mut client = identified(ClientOptions { numbering, ..ClientOptions::new(9600) });
        let asked = ask(&mut client, ms(100), Question::read_exactly(register, data.len() as u8));
        let reply = Reply { register, status: Status::Done, data: data.clone() };
        for part in reply.encode(&asked[7..]).unwrap().chunks(lump) {
            prop_assert_eq!(client.poll_event(), None);
            client.handle_bytes(ms(110), part);
        }
        prop_assert_eq!(client.poll_event(), Some(ClientEvent::Answered(Checked::Data(data))));
        prop_assert_eq!(client.guard().state(), LinkState::Ready);
    }
}

/// Asks for this register and gets no answer; gives when the line may be asked again.
fn unanswered(client: &mut JbdClient, now: Duration, register: u8) -> Duration {
    client.begin(now, Purpose::Identify, Question::read_exactly(register, 2)).unwrap();
    client.poll_transmit().unwrap();
    let mut at = now;
    while client.guard().state() != LinkState::MustIdentify {
        at = client.poll_timeout().unwrap();
        client.handle_timeout(at);
    }
    assert!(matches!(failed(client), ClientFault::Timeout(_)));
    assert_eq!(client.poll_event(), Some(ClientEvent::Quiet));
    at
}

#[test]
fn answers_that_all_come_at_last_are_owed_no_more() {
    let ask_again = |burst: &[u8]| {
        let mut client = JbdClient::new(ClientOptions::new(9600));
        let second = unanswered(&mut client, ms(0), 0x10);
        client.begin(second, Purpose::Identify, Question::read_exactly(0x11, 2)).unwrap();
        client.poll_transmit().unwrap();
        client.handle_bytes(second + ms(40), burst);
        assert!(
            matches!(client.poll_event(), Some(ClientEvent::Failed(_))),
            "an answer with company is not believed"
        );
        client.handle_timeout(second + ms(500));
        client.begin(second + ms(500), Purpose::Identify, Question::read_exactly(0x10, 2))
    };
    let (first, second) = (reply(0x10, &[1, 2]), reply(0x11, &[3, 4]));
    assert_eq!(ask_again(&[&first[..], &second].concat()), Ok(()));
    let refused = Err(ClientRefusal::Link(LinkRefusal::Ambiguous));
    assert_eq!(ask_again(&first), refused, "the second may still come, and what came may be another's");
    let mut damaged = second.clone();
    damaged[4] ^= 0x20;
    assert_eq!(ask_again(&[&first[..], &damaged].concat()), refused);
}

#[test]
fn what_comes_while_somebody_else_drains_the_line_is_heard_too() {
    let mut client = JbdClient::new(ClientOptions::new(9600));
    let now = unanswered(&mut client, ms(0), 0x10);
    let again =
        |client: &mut JbdClient| client.begin(now, Purpose::Identify, Question::read_exactly(0x10, 2));
    assert_eq!(again(&mut client), Err(ClientRefusal::Link(LinkRefusal::Ambiguous)));
    let answer = reply(0x10, &[1, 2]);
    client.overhear(now, &answer[..4]);
    client.overhear(now, &answer[4..]);
    assert_eq!((client.guard().unexpected_frames(), again(&mut client)), (0, Ok(())));
}
