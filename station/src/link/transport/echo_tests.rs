//! Boards behind an adapter that hears itself.

use super::*;
use crate::{
    board::{BoardReply, BoardRequest, FlashEntry, Flashed, Secret},
    flash::tests::loader::{self, Setup, Trouble},
    link::{
        BoardLink, Line, LinkOptions,
        tests::peer::{self, BAUD, Mischief, Peer, ask, read},
    },
    wire::{Begin, Entry, Recorder, What, form::decode, replay::sent_bytes},
};
use chrono::DateTime;
use domain::{model::BootGeneration, rules::Ratings, text::FaultCode};
use std::collections::BTreeMap;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

/// What becomes of the echo of so-manieth thing sent.
type Damage = Box<dyn FnMut(usize, &mut Vec<u8>) + Send>;

/// Between a line and a board: what the line sends comes back at once.
fn adapter(mut board: DuplexStream, mut damage: Damage) -> DuplexStream {
    let (near, mut far) = duplex(8192);
    tokio::spawn(async move {
        let (mut sent, mut answered) = ([0; 2048], [0; 2048]);
        let mut number = 0;
        loop {
            tokio::select! {
                count = far.read(&mut sent) => {
                    let Ok(count @ 1..) = count else { return };
                    let mut echo = sent[..count].to_vec();
                    damage(number, &mut echo);
                    number += 1;
                    let _line_may_be_gone = far.write_all(&echo).await;
                    let _board_may_be_gone = board.write_all(&sent[..count]).await;
                }
                count = board.read(&mut answered) => {
                    let Ok(count @ 1..) = count else { return };
                    let _line_may_be_gone = far.write_all(&answered[..count]).await;
                }
            }
        }
    });
    near
}

fn sound() -> Damage {
    Box::new(|_, _| {})
}

/// Does it to the echo of one thing sent.
fn once(struck: usize, damage: fn(&mut Vec<u8>)) -> Damage {
    Box::new(move |n, echo| {
        if n == struck {
            damage(echo);
        }
    })
}

/// Does it to every echo.
fn always(damage: fn(&mut Vec<u8>)) -> Damage {
    Box::new(move |_, echo| damage(echo))
}

fn line(peer: Peer, damage: Damage) -> Line {
    let (near, far) = duplex(4096);
    tokio::spawn(peer.serve(far));
    Line::from_stream("test-line", adapter(near, damage), BAUD)
}

fn link(line: Line) -> BoardLink {
    BoardLink::new(line, peer::model(), LinkOptions::default())
}

fn write(value: f64) -> BoardRequest {
    let values = BTreeMap::from([("charge_limit_mv".to_owned(), value.into())]);
    BoardRequest::WriteProfile { values, ratings: Ratings::default() }
}

/// The way of a board, with a read that is answered late and a password.
async fn work(link: &mut BoardLink) -> Vec<String> {
    ask(link, BoardRequest::ReadIdentity).await.unwrap();
    let mut seen = read(link, &["charge_limit_mv", "current"]).await.unwrap();
    ask(link, write(4250.0)).await.unwrap();
    let candidates = vec![Secret::new("123456")];
    ask(link, BoardRequest::Unlock { candidates }).await.unwrap();
    seen.extend(read(link, &["charge_limit_mv"]).await.unwrap());
    seen
}

fn begun() -> Recorder {
    let recorder = Recorder::default();
    recorder.begin(Begin { at: DateTime::from_timestamp(1_900_000_000, 0).unwrap(), slot: None });
    recorder
}

/// What was kept, without the times.
fn kept(recorder: &Recorder) -> (Vec<u8>, Vec<What>) {
    let log = decode(&recorder.log(None).unwrap()).unwrap();
    let whats = log.entries.iter().map(|entry: &Entry| entry.what.clone()).collect();
    (sent_bytes(&log, &[]).unwrap_or_default(), whats)
}

#[tokio::test(start_paused = true)]
async fn a_board_behind_an_adapter_that_hears_itself_costs_and_shows_the_same_as_any_other() {
    let mut runs = Vec::new();
    for is_echoing in [false, true] {
        let mut peer = Peer::new();
        peer.mischief.insert(2, Mischief::Late(Duration::from_millis(500)));
        let line = if is_echoing {
            line(peer, sound()).without_echo()
        } else {
            let (near, far) = duplex(4096);
            tokio::spawn(peer.serve(far));
            Line::from_stream("test-line", near, BAUD)
        };
        let recorder = begun();
        let mut link = link(line).recorded_by(&recorder);
        let seen = work(&mut link).await;
        assert_eq!(seen, ["4200", "19.9", "4250"]);
        runs.push((link.wire_use(), link.unexpected_frames(), kept(&recorder)));
    }
    assert_eq!(runs[0], runs[1]);
}

#[tokio::test(start_paused = true)]
async fn an_echo_that_nobody_told_of_is_never_taken_for_an_answer_and_is_found_out() {
    let line = line(Peer::new(), sound());
    let found = line.echo_found();
    let mut link = link(line);
    let fault = ask(&mut link, BoardRequest::ReadIdentity).await.unwrap_err();
    assert_eq!(fault.code, FaultCode::BoardAnswersGarbage);
    assert!(found.load(Relaxed));
}

#[tokio::test(start_paused = true)]
async fn one_collision_is_asked_again_and_one_in_a_write_is_read_back() {
    let damages: [fn(&mut Vec<u8>); 3] = [|echo| echo[3] ^= 0x20, |echo| echo.truncate(3), Vec::clear];
    for struck in 0..12 {
        for damage in damages {
            let mut link = link(line(Peer::new(), once(struck, damage)).without_echo());
            assert_eq!(work(&mut link).await, ["4200", "19.9", "4250"], "damaged at {struck}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_image_goes_through_an_adapter_that_hears_itself_and_a_collision_costs_no_more_than_a_block() {
    for (struck, generation) in [
        (usize::MAX, BootGeneration::Spl),
        (usize::MAX, BootGeneration::Hal),
        (25, BootGeneration::Spl),
        (25, BootGeneration::Hal),
    ] {
        let setup = Setup { generation, in_loader: false, trouble: Trouble::None, obeys: true };
        let (mut link, seen) = loader::connect_by(&setup, |near| {
            Line::from_stream("test-line", adapter(near, once(struck, |echo| echo[1] ^= 1)), BAUD)
                .without_echo()
        });
        ask(&mut link, BoardRequest::ReadIdentity).await.unwrap();
        let image = Arc::new(loader::image());
        let request = BoardRequest::Flash { entry: FlashEntry::Application, image, attempt: 1 };
        let flashed = ask(&mut link, request).await.unwrap();
        assert!(matches!(flashed, BoardReply::Flashed(Flashed { blocks: 11, .. })), "{flashed:?}");
        assert_eq!(*seen.flash.lock().unwrap(), loader::image().bytes);
        ask(&mut link, BoardRequest::StartApplication).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_line_on_which_somebody_else_always_speaks_is_named_with_what_comes_back() {
    for (damage, told) in [
        (always(|echo| echo[2] = 0xFF), "at byte 2 lastly 0xFF for 0x00"),
        (always(|echo| echo.truncate(4)), "something else comes back"),
        // The adapter does not echo at all: what the board answers is still right, and is not said for long.
        (always(Vec::clear), "something else comes back"),
    ] {
        let mut link = link(line(Peer::new(), damage).without_echo());
        let mut answers = 0;
        let fault = loop {
            match ask(&mut link, BoardRequest::ReadIdentity).await {
                Ok(_) => answers += 1,
                Err(fault) => break fault,
            }
        };
        assert!(answers < 3);
        assert_eq!((fault.code, fault.args["device"].as_str()), (FaultCode::LineCollision, "test-line"));
        assert!(fault.args["detail"].contains(told), "{fault:?}");
        assert!(link.is_lost());
    }
    // Nobody there, and not even the echo.
    let (near, _far) = duplex(4096);
    let mut link = link(Line::from_stream("test-line", near, BAUD).without_echo());
    let fault = ask(&mut link, BoardRequest::Probe { silent_ms: 5000 }).await.unwrap_err();
    assert_eq!(fault.code, FaultCode::LineCollision);
    assert!(fault.args["detail"].starts_with("nothing of what is sent comes back"), "{fault:?}");
}

#[test]
fn an_echo_that_nobody_told_of_is_found_by_a_read_and_not_by_a_write_that_is_acknowledged() {
    let (read, write) = ([1, 3, 0, 0, 0, 1, 0x84, 0x0A], [1, 6, 0, 0, 0, 1, 0x48, 0x0A]);
    let mut watch = EchoWatch::default();
    let found = watch.found();
    watch.handle_sent(&write);
    watch.handle_received("line", &write);
    assert!(!found.load(Relaxed), "the board acknowledged");
    watch.handle_sent(&read);
    watch.handle_received("line", &[1, 3, 2, 0, 7, 0xF9, 0x86]);
    assert!(!found.load(Relaxed), "the board answered");
    watch.handle_sent(&read);
    watch.handle_received("line", &read[..5]);
    assert!(!found.load(Relaxed));
    watch.handle_received("line", &[&read[5..], &[1, 3][..]].concat());
    assert!(found.load(Relaxed));
}
