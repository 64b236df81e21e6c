use super::*;
use crate::modbus::{Request, Response, rtu};
use proptest::prelude::*;

fn asked() -> Vec<u8> {
    rtu::encode_request(1, &Request::ReadHolding { address: 0, quantity: 1 }).unwrap()
}

fn answer() -> Vec<u8> {
    rtu::encode_response(1, &Response::ReadHolding(vec![0x0102])).unwrap()
}

#[test]
fn the_first_exchange_tells_an_adapter_that_echoes() {
    let mut filter = EchoFilter::new(Echoing::Unknown);
    filter.handle_sent(&asked(), Answer::Differs).unwrap();
    assert_eq!(filter.handle_bytes(&[asked(), answer()].concat()), answer());
    assert_eq!(filter.poll_event(), Some(EchoEvent::Detected(Echoing::Yes)));
    assert_eq!((filter.poll_event(), filter.echoing()), (None, Echoing::Yes));
    filter.handle_sent(&asked(), Answer::MayRepeat).unwrap();
    assert_eq!(filter.handle_bytes(&[asked(), asked()].concat()), asked(), "the second is the board's");
}

#[test]
fn the_first_exchange_tells_an_adapter_that_does_not() {
    let mut filter = EchoFilter::new(Echoing::Unknown);
    filter.handle_sent(&asked(), Answer::Differs).unwrap();
    // The answer begins as the question did: the first two bytes are held back until the third tells.
    assert_eq!(filter.handle_bytes(&answer()[..2]), []);
    assert_eq!(filter.handle_bytes(&answer()[2..]), answer());
    assert_eq!(filter.poll_event(), Some(EchoEvent::Detected(Echoing::No)));
    filter.handle_sent(&asked(), Answer::MayRepeat).unwrap();
    assert_eq!(filter.handle_bytes(&asked()), asked(), "an acknowledgement that repeats the request passes");
}

#[test]
fn a_write_is_not_sent_before_the_adapter_is_known() {
    let mut filter = EchoFilter::new(Echoing::Unknown);
    assert_eq!(filter.handle_sent(&asked(), Answer::MayRepeat), Err(EchoUnknown));
    assert_eq!(filter.handle_bytes(&asked()), asked(), "nothing was sent, so nothing is an echo");
}

#[test]
fn an_echo_that_differs_is_said_and_all_of_it_passed_on() {
    let mut filter = EchoFilter::new(Echoing::Yes);
    filter.handle_sent(&asked(), Answer::Differs).unwrap();
    let mut collided = asked();
    collided[4] ^= 0x10;
    assert_eq!(filter.handle_bytes(&collided), collided);
    assert_eq!(filter.poll_event(), Some(EchoEvent::NotAnEcho { at: 4, sent: 0x00, got: 0x10 }));
    assert_eq!((filter.echoing(), filter.owed()), (Echoing::Yes, 0), "the adapter is what it is");
}

#[test]
fn an_echo_that_breaks_off_is_said_and_silence_alone_decides_nothing() {
    let mut filter = EchoFilter::new(Echoing::Yes);
    filter.handle_sent(&asked(), Answer::Differs).unwrap();
    assert_eq!(filter.handle_bytes(&asked()[..3]), []);
    assert_eq!(filter.handle_silence(), asked()[..3]);
    assert_eq!(filter.poll_event(), Some(EchoEvent::CutShort { got: 3, sent: 8 }));

    let mut filter = EchoFilter::new(Echoing::Unknown);
    filter.handle_sent(&asked(), Answer::Differs).unwrap();
    assert_eq!(filter.handle_silence(), []);
    assert_eq!((filter.poll_event(), filter.echoing()), (None, Echoing::Unknown));
}

#[test]
fn a_frame_in_pieces_comes_back_as_one_and_an_echo_that_never_came_is_said_at_the_next_frame() {
    let mut filter = EchoFilter::new(Echoing::Yes);
    filter.handle_sent(&asked()[..5], Answer::Differs).unwrap();
    assert_eq!(filter.handle_bytes(&asked()[..2]), []);
    filter.handle_more(&asked()[5..]);
    assert_eq!(filter.handle_bytes(&[&asked()[2..], &answer()[..]].concat()), answer());
    assert_eq!((filter.poll_event(), filter.owed()), (None, 0));
    filter.handle_sent(&asked(), Answer::Differs).unwrap();
    filter.handle_sent(&asked(), Answer::Differs).unwrap();
    assert_eq!(filter.poll_event(), Some(EchoEvent::CutShort { got: 0, sent: 8 }));
    assert_eq!(filter.handle_bytes(&asked()), []);
}

#[test]
fn of_what_was_discarded_the_echo_may_end_anywhere() {
    let mut filter = EchoFilter::new(Echoing::Yes);
    filter.handle_sent(&asked(), Answer::Differs).unwrap();
    assert_eq!(filter.handle_bytes(&asked()[..3]), []);
    filter.handle_discarded();
    filter.handle_more(&[0x18, 0x18]);
    assert_eq!(filter.handle_bytes(&[0x18]), []);
    assert_eq!(filter.handle_bytes(&[0x18, 0x06]), [0x06]);
    assert_eq!((filter.poll_event(), filter.owed()), (None, 0));
    filter.handle_sent(&asked(), Answer::Differs).unwrap();
    filter.handle_discarded();
    assert_eq!(filter.handle_silence(), []);
    assert_eq!(filter.poll_event(), None, "nothing of it went out");
    filter.handle_sent(&asked(), Answer::Differs).unwrap();
    assert_eq!(filter.handle_silence(), []);
    assert_eq!(filter.poll_event(), Some(EchoEvent::CutShort { got: 0, sent: 8 }), "that was one frame's");
}

proptest! {
    #[test]
    fn how_bytes_are_lumped_makes_no_difference_and_none_is_lost(
        sent in proptest::collection::vec(any::<u8>(), 0..20),
        noise in proptest::collection::vec(any::<u8>(), 0..40),
        keep in 0_usize..20,
        lump in 1_usize..10,
        echoing in prop_oneof![Just(Echoing::Unknown), Just(Echoing::Yes), Just(Echoing::No)],
    ) {
        let come = [&sent[..keep.min(sent.len())], &noise].concat();
        let run = |lump: usize| {
            let mut filter = EchoFilter::new(echoing);
            filter.handle_sent(&sent, Answer::Differs).unwrap();
            let mut passed = vec![];
            for part in come.chunks(lump) {
                passed.extend(filter.handle_bytes(part));
            }
            passed.extend(filter.handle_silence());
            (passed, filter.echoing())
        };
        let (passed, after) = run(lump);
        prop_assert_eq!((passed.clone(), after), run(1000));
        // Either exactly the echo was taken off, or nothing was.
        let is_echo = echoing != Echoing::No && come.starts_with(&sent);
        let want = if is_echo { &come[sent.len()..] } else { &come[..] };
        prop_assert_eq!(passed, want.to_vec());
    }
}
