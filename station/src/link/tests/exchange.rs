//! Nothing is believed that does not answer the question, whoever asks it: the ready-made client and ours, on the same frames.

use super::{
    super::LinkOptions,
    peer::{ASKERS, Mischief, Peer, ask, read},
};
use crate::board::{BoardReply, BoardRequest};
use domain::{rules::Ratings, text::FaultCode};
use protocol::modbus::{Request, Response, rtu};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::{Instant, timeout};

const MS: fn(u64) -> Duration = Duration::from_millis;

#[tokio::test(start_paused = true)]
async fn late_answer_is_never_taken_for_the_next_register() {
    for asker in ASKERS {
        // From just inside the time-out to well beyond it, both registers one word wide: only the time tells them apart.
        for late in [250, 330, 350, 400, 500, 640, 900] {
            let mut peer = Peer::new();
            peer.mischief.insert(1, Mischief::Late(MS(late)));
            let (mut link, _board) = peer.connect_by(asker);
            ask(&mut link, BoardRequest::ReadIdentity).await.unwrap();
            assert_eq!(read(&mut link, &["current"]).await.unwrap(), ["19.9"], "late by {late} ms");
            assert_eq!(read(&mut link, &["cell_1_mv"]).await.unwrap(), ["2310"], "late by {late} ms");
            assert_eq!(read(&mut link, &["charge_limit_mv"]).await.unwrap(), ["4200"], "late by {late} ms");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_given_up_is_never_taken_for_the_next_register() {
    for asker in ASKERS {
        let mut peer = Peer::new();
        peer.mischief.insert(1, Mischief::Late(MS(100)));
        let (mut link, board) = peer.connect_by(asker);
        ask(&mut link, BoardRequest::ReadIdentity).await.unwrap();
        // The future is dropped while the answer is on its way.
        assert!(timeout(MS(60), read(&mut link, &["current"])).await.is_err());
        assert_eq!(read(&mut link, &["cell_1_mv"]).await.unwrap(), ["2310"]);
        drop(link);
        let seen = board.await.unwrap().seen;
        // Who it is; what runs on it is of no account here.
        let identity = Request::ReadHolding { address: 0, quantity: 9 };
        assert_eq!(seen[2], identity, "the identity is read again before anything else: {seen:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_twice_is_not_the_next_answer() {
    for asker in ASKERS {
        let mut peer = Peer::new();
        peer.mischief.insert(1, Mischief::Twice);
        let (mut link, _board) = peer.connect_by(asker);
        ask(&mut link, BoardRequest::ReadIdentity).await.unwrap();
        assert_eq!(read(&mut link, &["current"]).await.unwrap(), ["19.9"]);
        assert_eq!(read(&mut link, &["cell_1_mv"]).await.unwrap(), ["2310"]);
        assert!(link.unexpected_frames() >= 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_nobody_asked_for_is_not_the_next_answer() {
    for asker in ASKERS {
        let stray = rtu::encode_response(1, &Response::ReadHolding(vec![0xBAD])).unwrap();
        for pause in [1, 4] {
            let mut peer = Peer::new();
            peer.mischief.insert(1, Mischief::Afterwards(MS(pause), stray.clone()));
            let (mut link, _board) = peer.connect_by(asker);
            ask(&mut link, BoardRequest::ReadIdentity).await.unwrap();
            assert_eq!(read(&mut link, &["current"]).await.unwrap(), ["19.9"]);
            assert_eq!(
                read(&mut link, &["cell_1_mv"]).await.unwrap(),
                ["2310"],
                "{pause} ms after the answer"
            );
            assert_eq!(link.unexpected_frames(), 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn answers_that_do_not_fit_the_question_are_asked_again() {
    for asker in ASKERS {
        let stale = rtu::encode_response(1, &Response::ReadHolding(vec![9, 9])).unwrap();
        let mischiefs = [
            Mischief::Response(Response::ReadHolding(vec![])),
            Mischief::Response(Response::ReadHolding(vec![1, 2])),
            Mischief::Response(Response::ReadInput(vec![1])),
            Mischief::Response(Response::WriteSingle { address: 301, value: 1 }),
            Mischief::Address(2),
            Mischief::Bytes(vec![0x00; 3]),
            Mischief::Bytes(vec![0xFF; 300]),
            Mischief::Bytes(b"Invalid Number ! ==> The number should be either 1 or 2\r".to_vec()),
            Mischief::Trailer(vec![0xFF]),
            Mischief::Trailer(stale),
            Mischief::Nothing,
        ];
        for mischief in mischiefs {
            let mut peer = Peer::new();
            peer.mischief.insert(1, mischief.clone());
            let (mut link, _board) = peer.connect_by(asker);
            ask(&mut link, BoardRequest::ReadIdentity).await.unwrap();
            assert_eq!(read(&mut link, &["current"]).await.unwrap(), ["19.9"], "{mischief:?}");
            let expected = u32::from(mischief != Mischief::Nothing);
            assert_eq!(link.unexpected_frames(), expected, "{mischief:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_exception_is_decoded_and_not_asked_again() {
    for asker in ASKERS {
        let mut peer = Peer::new();
        peer.mischief.insert(1, Mischief::Exception(2));
        let (mut link, board) = peer.connect_by(asker);
        ask(&mut link, BoardRequest::ReadIdentity).await.unwrap();
        let fault = read(&mut link, &["current"]).await.unwrap_err();
        assert_eq!(fault.code, FaultCode::BoardAnswersGarbage);
        assert!(fault.args["detail"].contains("illegal data address (02h)"), "{fault:?}");
        assert_eq!(link.unexpected_frames(), 0);
        drop(link);
        assert_eq!(board.await.unwrap().seen.len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_busy_board_is_asked_again() {
    for asker in ASKERS {
        for code in [5, 6] {
            let mut peer = Peer::new();
            peer.mischief.insert(1, Mischief::Exception(code));
            let (mut link, _board) = peer.connect_by(asker);
            ask(&mut link, BoardRequest::ReadIdentity).await.unwrap();
            assert_eq!(read(&mut link, &["current"]).await.unwrap(), ["19.9"]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_board_that_stops_answering_is_asked_no_more_than_the_model_says() {
    for asker in ASKERS {
        let mut peer = Peer::new();
        peer.always.insert(301, Mischief::Nothing);
        let (mut link, board) = peer.connect_by(asker);
        ask(&mut link, BoardRequest::ReadIdentity).await.unwrap();
        let fault = read(&mut link, &["current"]).await.unwrap_err();
        assert_eq!(fault.code, FaultCode::BoardStoppedAnswering);
        assert_eq!(fault.args["request"], "read of register 301");
        drop(link);
        let asked = board.await.unwrap().seen.iter().filter(|r| r.span().0 == 301).count();
        assert_eq!(asked, 3, "once and two retries");
    }
}

#[tokio::test(start_paused = true)]
async fn a_board_that_answers_garbage_is_named_so_and_its_run_is_void() {
    for asker in ASKERS {
        let mut peer = Peer::new();
        peer.always.insert(301, Mischief::Bytes(vec![0x55; 40]));
        let (mut link, _board) = peer.connect_by_with(asker, LinkOptions { baud: None, unexpected_limit: 4 });
        ask(&mut link, BoardRequest::ReadIdentity).await.unwrap();
        let first = read(&mut link, &["current"]).await.unwrap_err();
        assert_eq!(first.code, FaultCode::BoardAnswersGarbage);
        let second = read(&mut link, &["current"]).await.unwrap_err();
        assert_eq!(second.code, FaultCode::BoardAnswersGarbage);
        assert!(second.args["detail"].contains("5 frames"), "{second:?}");
        // Void is void: even a sound answer is not believed any more.
        assert_eq!(read(&mut link, &["cell_1_mv"]).await.unwrap_err().code, FaultCode::BoardAnswersGarbage);
        // The same board found again is still void.
        ask(&mut link, BoardRequest::FindAgain { silent_ms: 1000 }).await.unwrap();
        assert_eq!(read(&mut link, &["cell_1_mv"]).await.unwrap_err().code, FaultCode::BoardAnswersGarbage);
        // The next board begins anew.
        let found = ask(&mut link, BoardRequest::Probe { silent_ms: 1000 }).await.unwrap();
        assert!(matches!(found, BoardReply::Found(domain::record::FoundState::Application)));
        assert_eq!(read(&mut link, &["cell_1_mv"]).await.unwrap(), ["2310"]);
    }
}

#[tokio::test(start_paused = true)]
async fn another_board_after_an_accident_is_not_worked_on() {
    for asker in ASKERS {
        let mut peer = Peer::new();
        peer.mischief.insert(1, Mischief::Nothing);
        // The identity read that follows the time-out brings another machine code.
        let mut words: Vec<u16> = (0..9).map(|address| peer.registers[&address]).collect();
        words[2] ^= 1;
        peer.mischief.insert(2, Mischief::Response(Response::ReadHolding(words)));
        let (mut link, _board) = peer.connect_by(asker);
        ask(&mut link, BoardRequest::ReadIdentity).await.unwrap();
        let fault = read(&mut link, &["current"]).await.unwrap_err();
        assert_eq!(fault.code, FaultCode::IdentityChanged);
        assert!(
            fault.args["before"].contains("342608311") && fault.args["after"].contains("342608310"),
            "{fault:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_vanished_line_is_named_with_its_device() {
    for asker in ASKERS {
        let mut peer = Peer::new();
        peer.mischief.insert(1, Mischief::Vanish);
        let (mut link, _board) = peer.connect_by(asker);
        ask(&mut link, BoardRequest::ReadIdentity).await.unwrap();
        for _ in 0..2 {
            let fault = read(&mut link, &["current"]).await.unwrap_err();
            assert_eq!((fault.code, fault.args["device"].as_str()), (FaultCode::PortVanished, "test-line"));
        }
        assert!(link.is_lost());
    }
}

/// Whether between two equal writes the board was asked what it holds there.
pub fn is_asked_before_each_repetition(seen: &[Request]) -> bool {
    seen.iter().enumerate().filter(|(_, request)| request.is_write()).all(|(at, request)| {
        let (address, quantity) = request.span();
        let asks = |later: &Request| !later.is_write() && later.span() == (address, quantity);
        let again = seen[at + 1..].iter().position(|later| later == request);
        again.is_none_or(|again| seen[at + 1..][..again].iter().any(asks))
    })
}

#[tokio::test(start_paused = true)]
async fn a_write_that_nobody_heard_is_written_again_and_not_for_ever() {
    for asker in ASKERS {
        for (unheard, code) in [(1, None), (2, None), (3, Some(FaultCode::BoardStoppedAnswering))] {
            let mut peer = Peer::new();
            // 0 identity, 1 the profile read, 2 the write; after each accident the identity is read, then what it holds.
            for again in 0..unheard {
                peer.mischief.insert(2 + 3 * again, Mischief::Unheard);
            }
            let (mut link, board) = peer.connect_by(asker);
            ask(&mut link, BoardRequest::ReadIdentity).await.unwrap();
            let values = BTreeMap::from([("charge_limit_mv".to_owned(), 4100.0.into())]);
            let result =
                ask(&mut link, BoardRequest::WriteProfile { values, ratings: Ratings::default() }).await;
            drop(link);
            let board = board.await.unwrap();
            assert!(is_asked_before_each_repetition(&board.seen), "{:?}", board.seen);
            assert_eq!(result.err().map(|fault| fault.code), code, "{unheard} unheard: {:?}", board.seen);
            assert_eq!(board.registers[&100], if code.is_none() { 4100 } else { 4200 });
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_echo_of_a_write_is_not_believed_but_read_back() {
    for asker in ASKERS {
        for (echo, kept) in [
            (Mischief::Response(Response::WriteSingle { address: 101, value: 4100 }), true),
            (Mischief::Response(Response::WriteSingle { address: 100, value: 4099 }), true),
            (Mischief::TakenUnanswered, true),
            (Mischief::Bytes(vec![1, 6, 0]), false),
        ] {
            let mut peer = Peer::new();
            // 0 identity, 1 the profile read, 2 the write.
            peer.mischief.insert(2, echo.clone());
            if !kept || matches!(echo, Mischief::Response(_)) {
                peer.deaf.push(100);
            }
            let (mut link, board) = peer.connect_by(asker);
            ask(&mut link, BoardRequest::ReadIdentity).await.unwrap();
            let values = BTreeMap::from([("charge_limit_mv".to_owned(), 4100.0.into())]);
            let result =
                ask(&mut link, BoardRequest::WriteProfile { values, ratings: Ratings::default() }).await;
            drop(link);
            let board = board.await.unwrap();
            let writes = board.seen.iter().filter(|r| r.is_write()).count();
            let Ok(BoardReply::ProfileWritten(written)) = result else { panic!("{result:?}") };
            if echo == Mischief::TakenUnanswered {
                assert_eq!(writes, 1, "a write that the board took is not repeated");
                assert!(written.parameters[0].holds());
            } else {
                // Asked, it held the old value: written again, acknowledged, and seen not to hold.
                assert_eq!(writes, 2, "{echo:?}");
                assert!(is_asked_before_each_repetition(&board.seen), "{:?}", board.seen);
                assert!(!written.parameters[0].holds(), "{echo:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_board_gets_the_quiet_it_wants() {
    for asker in ASKERS {
        let (mut link, _board) = Peer::new().connect_by(asker);
        ask(&mut link, BoardRequest::ReadIdentity).await.unwrap();
        let started = Instant::now();
        for _ in 0..10 {
            read(&mut link, &["current"]).await.unwrap();
        }
        // 15 bytes at 9600 baud take 15.6 ms; the model wants 5 ms between exchanges.
        let each = started.elapsed() / 10;
        assert!((MS(20)..MS(24)).contains(&each), "{each:?}");
        let wire = link.wire_use();
        assert_eq!((wire.sent, wire.received), (8 * 11, 35 + 7 * 10));
        // Ten bits a byte.
        assert_eq!(wire.floor_us / 1000, wire.bytes() * 10_000 / 9600);
    }
}
