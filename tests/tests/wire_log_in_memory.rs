//! The wire log of a whole run under virtual time, held against a witness that sat on the same wire: every byte both ways comes out of
//! the log again (the image's out of the image), every register write is told, and no password stands in it in any form.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test: what fails here is the test's result")]

use domain::{
    api::{
        operator::SlotDetail,
        wire_log::{FrameKind, WireLogGone},
    },
    ids::StationId,
    model::{DeviceModel, parse_model},
    outcome::Outcome,
    record::BirthRecord,
    trace::{MOST_POINTS, Quantity},
    value::Value,
};
use jigline_tests::{demo::workspace_root, memory_server::MemoryServer, memory_station};
use protocol::modbus::{Request, rtu};
use rand::{SeedableRng as _, rngs::StdRng};
use simulator::{
    faults::Fault,
    firmware::build_image,
    jig::{JigSettings, MemoryJig},
};
use station::{
    agent::Agent,
    clock::Clock,
    fixture::fixture,
    journal::{self, WireLogKeep},
    page,
    wire::{
        Direction, LIMIT, What, Withheld,
        form::{Damage, Decoded, decode},
        packed::{pack, unpack},
        replay::{Exchange, Said, replay},
        shown,
    },
};
use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use uuid::Uuid;

const VERSION: &str = "V1.9";
const WITHIN: Duration = Duration::from_secs(3600);

/// Both ways of a wire, as a witness sees them.
#[derive(Debug, Default, Clone)]
struct Seen {
    sent: Vec<u8>,
    received: Vec<u8>,
}

struct Tap {
    stream: DuplexStream,
    seen: Arc<Mutex<Seen>>,
}

impl AsyncRead for Tap {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        self.seen.lock().unwrap().received.extend(&buf.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tap {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.seen.lock().unwrap().sent.extend(&bytes[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

struct Run {
    model: DeviceModel,
    image: Vec<u8>,
    record: BirthRecord,
    seen: Seen,
    log: Vec<u8>,
    /// The log as the server has it, unpacked: that of a run that did not pass came by itself, another one was asked for.
    sent: Option<Vec<u8>>,
    gone: Option<WireLogGone>,
    /// What the slot's page showed at the end.
    detail: SlotDetail,
    /// What the board's password is after it.
    password: String,
    /// Everything on the station's disk.
    disk: Vec<u8>,
}

/// Works one good board.
async fn work(image_bytes: u32, keep: WireLogKeep) -> Run {
    work_board(image_bytes, keep, None).await
}

/// Works one board.
async fn work_board(image_bytes: u32, keep: WireLogKeep, fault: Option<Fault>) -> Run {
    let text = std::fs::read_to_string(workspace_root().join("profiles/models/topbms.toml")).unwrap();
    let model = Arc::new(parse_model("topbms.toml", &text).unwrap());
    let image = build_image(&model, VERSION, image_bytes, 5).unwrap();
    let server = MemoryServer::new(StationId(Uuid::from_u128(42)), &image, VERSION);
    let settings = JigSettings {
        faulty: u32::from(fault.is_some()),
        fault,
        ..JigSettings::one_board(Arc::clone(&model), 5)
    };
    let mut jig = MemoryJig::start(settings).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let seen = Arc::new(Mutex::new(Seen::default()));
    let taps = Arc::clone(&seen);
    let ports = memory_station::tapped_ports(jig.sockets().to_vec(), move |stream| Tap {
        stream,
        seen: Arc::clone(&taps),
    });
    let config = memory_station::config(StationId(Uuid::from_u128(42)), &server, folder.path(), 1);
    let (ends, mut wire) = fixture();
    let clock = Clock::starting_at(chrono::DateTime::from_timestamp(1_795_000_000, 0).unwrap());
    let (progress, _lines) = tokio::sync::mpsc::unbounded_channel();
    let agent = Agent::open(config, server.clone(), ports, ends, clock, StdRng::seed_from_u64(5), progress)
        .unwrap()
        .with_wire_log(keep);
    let door = agent.answers();
    let stream = jig.fixture();
    let mut witnessed = jig.jig.witnessed();
    let done = async {
        let out = witnessed.wait_for(|list| list.iter().all(|board| board.removed));
        tokio::time::timeout(WITHIN, out).await.expect("the board comes out").expect("the jig lives");
        tokio::time::sleep(Duration::from_secs(5)).await;
        if server.records().iter().all(|record| record.outcome == Outcome::Pass) {
            assert!(server.wire_logs().is_empty(), "nobody asked for it");
            server.records().iter().for_each(|record| server.want_wire_log(record.run_id));
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
    };
    tokio::select! {
        biased;
        _ = wire.carry(stream) => panic!("the fixture's line broke"),
        () = agent.run(done) => {}
    }
    let [record] = <[BirthRecord; 1]>::try_from(server.records()).unwrap();
    let (shown, line) = door.seen(1).unwrap();
    let detail = page::of_slot(1, shown.as_deref(), line.as_deref());
    let log = journal::wire_log(&folder.path().join("journal.sqlite"), record.run_id).unwrap();
    let sent = server.wire_logs().remove(&record.run_id).map(|packed| unpack(&packed).unwrap());
    let gone = server.gone_wire_logs().remove(&record.run_id);
    let observed = jig.jig.observe(1).await.unwrap();
    let mut disk = Vec::new();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            disk.extend(std::fs::read(path).unwrap());
        }
    }
    let seen = seen.lock().unwrap().clone();
    let (model, password) = (DeviceModel::clone(&model), observed.password);
    Run { model, image, record, seen, log: log.unwrap_or_default(), sent, gone, detail, password, disk }
}

/// Every frame on the wire that writes registers, found by its check sum at whatever place.
fn writes_on(wire: &[u8]) -> Vec<Request> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < wire.len() {
        let length = match wire.get(at + 1) {
            Some(6) => 8,
            Some(16) => 9 + usize::from(wire.get(at + 6).copied().unwrap_or_default()),
            _ => 0,
        };
        let frame = wire.get(at..at + length).and_then(|bytes| rtu::decode_frame(bytes).ok());
        match frame.and_then(|frame| Request::decode(&frame.pdu).ok()) {
            Some(request) => {
                found.push(request);
                at += length;
            }
            None => at += 1,
        }
    }
    found
}

/// Holds the log's bytes of one direction against the witness's; gives what stood where bytes were withheld.
fn compare(log: &Decoded, direction: Direction, wire: &[u8], image: &[u8]) -> Vec<(Withheld, Vec<u8>)> {
    let mut at = 0;
    let mut withheld = Vec::new();
    let mut last_us = 0;
    for entry in &log.entries {
        assert!(entry.at_us >= last_us, "time goes back in the log");
        last_us = entry.at_us;
        if entry.direction != direction {
            continue;
        }
        let bytes = match &entry.what {
            What::Bytes(bytes) => bytes.clone(),
            What::Block(block) => block.frame(image).expect("the block is of this image"),
            What::Withheld(held) => {
                let there = wire[at..at + held.bytes as usize].to_vec();
                withheld.push((*held, there.clone()));
                there
            }
            What::Rate(_) => continue,
            What::Dropped { .. } => panic!("something was left out"),
        };
        assert_eq!(&wire[at..at + bytes.len()], bytes, "{direction:?} byte {at}");
        at += bytes.len();
    }
    assert_eq!(at, wire.len(), "{direction:?}: the log lacks the end");
    withheld
}

#[tokio::test(start_paused = true)]
async fn a_slots_page_shows_the_whole_run_and_its_record_what_was_read_on_the_way() {
    let run = work(8 * 1024, WireLogKeep::default()).await;
    let record = &run.record;
    let series = |quantity: Quantity| {
        let trace = record.traces.iter().find(|trace| trace.quantity == quantity);
        trace.unwrap_or_else(|| panic!("no {quantity:?} in {:?}", record.traces)).points.clone()
    };
    for quantity in [Quantity::PackVoltage, Quantity::PackCurrent, Quantity::LoadCurrent] {
        let points = series(quantity);
        assert!((2..=MOST_POINTS).contains(&points.len()), "{quantity:?}: {points:?}");
        assert!(points.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
    // The last reading of the board is the one that its measurement after the restart goes by.
    let measured = record.measurements.iter().rfind(|one| one.name.starts_with("pack_voltage")).unwrap();
    let shown = series(Quantity::PackVoltage).last().unwrap().1;
    let factor = if measured.unit == "mV" { 0.001 } else { 1.0 };
    assert!((measured.value * factor - shown).abs() < 0.001, "{measured:?}, {shown}");
    // What flowed is seen by the instrument and by the board, and off again at the end.
    let load = series(Quantity::LoadCurrent);
    assert!(load.iter().any(|(_, amperes)| *amperes > 1.0) && load.last().unwrap().1 < 0.1, "{load:?}");

    let seen = run.detail.run.as_ref().unwrap();
    assert_eq!(seen.run_id, record.run_id);
    assert!(seen.steps.windows(2).all(|pair| pair[0].started_ms <= pair[1].started_ms));
    assert!(seen.steps.len() + 2 >= record.steps.len(), "{:?} of {:?}", seen.steps, record.steps);
    let frames = &run.detail.frames;
    assert!(frames.windows(2).all(|pair| pair[0].ms <= pair[1].ms));
    for kind in [FrameKind::Read, FrameKind::Write, FrameKind::Transfer, FrameKind::Heard] {
        assert!(frames.iter().any(|frame| frame.kind == kind), "no {kind:?}");
    }
    let told = serde_json::to_string(&run.detail).unwrap();
    assert!(told.contains("pack_voltage_v = ") && !told.contains(&run.password), "{told}");
}

#[tokio::test(start_paused = true)]
async fn the_log_of_a_whole_run_fits_tells_every_write_and_gives_back_every_byte() {
    let run = work(8 * 1024, WireLogKeep::default()).await;
    assert_eq!(run.record.outcome, Outcome::Pass, "{:?}", run.record.fault);
    assert!(run.log.len() <= LIMIT, "{} bytes", run.log.len());
    let log = decode(&run.log).unwrap();
    assert_eq!((&log.damage, log.head.run_id, log.head.slot), (&None, Some(run.record.run_id), Some(1)));
    let passed = run.seen.sent.len() + run.seen.received.len();
    println!(
        "{passed} bytes on the wire in {} entries make a log of {} bytes",
        log.entries.len(),
        run.log.len()
    );

    // Byte for byte, and nothing withheld but passwords with their check sums.
    let withheld = compare(&log, Direction::Sent, &run.seen.sent, &run.image);
    assert!(withheld.len() >= 3, "unlocked, set and proved: {withheld:?}");
    for (held, there) in &withheld {
        let (plain, _sum) = there.split_at(6);
        assert!(there.len() == 8 && (plain == b"123456" || plain == run.password.as_bytes()), "{there:?}");
        assert_eq!(held.length, 6);
        let is_own = plain == run.password.as_bytes();
        let own = run.record.password.as_ref().unwrap().keyed_hash.clone();
        assert_eq!(held.keyed_hash.map(hex::encode) == Some(own), is_own, "the record's own name for it");
        assert!(held.keyed_hash.is_some());
    }
    assert!(compare(&log, Direction::Received, &run.seen.received, &run.image).is_empty());

    // Every write that the witness saw is told, in its order.
    let told = replay(&log, Some(&run.model), Some(&run.image));
    let exchanges: Vec<&Exchange> = told
        .iter()
        .filter_map(|message| if let Said::Request(exchange) = &message.said { Some(exchange) } else { None })
        .collect();
    let written: Vec<&&Exchange> = exchanges.iter().filter(|exchange| exchange.is_write()).collect();
    let frames = writes_on(&run.seen.sent);
    assert!(frames.len() >= 10, "{frames:?}");
    assert_eq!(written.len(), frames.len());
    for (told, frame) in written.iter().zip(&frames) {
        assert_eq!((told.address, told.count), frame.span());
        let words = match frame {
            Request::WriteSingle { value, .. } => vec![*value],
            Request::WriteMultiple { values, .. } => values.clone(),
            other => panic!("{other:?}"),
        };
        let shown: Vec<u16> = told.values.iter().flat_map(|shown| shown.raw.iter().copied()).collect();
        assert!(told.password.is_some() && shown.is_empty() || shown == words, "{told:?} for {frame:?}");
        assert!(told.answer.is_some() || told.command.is_some(), "{told:?}");
    }
    // By name and with the value that the record has for it.
    let is_told = |name: &str, value: &Value| {
        written.iter().any(|exchange| exchange.values.iter().any(|s| s.name == name && s.value == *value))
    };
    let name = run.record.identifiers.iter().find(|held| held.kind.as_str() == "bluetooth_name").unwrap();
    assert!(is_told("bluetooth_name", &Value::Text(name.value.clone())));
    assert!(written.iter().any(|exchange| exchange.command.as_deref() == Some("enter_loader")));
    let blocks = told.iter().filter(|message| matches!(message.said, Said::Block { .. })).count();
    assert_eq!(blocks, 8);
    assert!(
        told.iter()
            .any(|m| matches!(&m.said, Said::Heard { text } if text.contains("Programming Completed")))
    );
}

/// Whatever a password or the check sum over it could look like.
fn assert_absent(password: &str, places: &[(&str, &[u8])]) {
    let words: Vec<u16> =
        password.as_bytes().chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    let swapped: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let mut needles = vec![
        ("plain, as in registers", password.as_bytes().to_vec()),
        ("byte-swapped", swapped.clone()),
        ("words backwards", words.iter().rev().flat_map(|word| word.to_be_bytes()).collect()),
        ("hex", hex::encode(password).into_bytes()),
        ("upper-case hex", hex::encode_upper(password).into_bytes()),
        ("hex of byte-swapped", hex::encode(&swapped).into_bytes()),
        ("most of it", password.as_bytes()[..5].to_vec()),
        ("the end of it", password.as_bytes()[1..].to_vec()),
    ];
    for register in [0x0500_u16, 0x0508] {
        let frame =
            rtu::encode_request(1, &Request::WriteMultiple { address: register, values: words.clone() });
        let frame = frame.unwrap();
        // With the byte before it: two bytes alone stand anywhere by chance.
        needles.push(("check sum behind its last digit", frame[frame.len() - 3..].to_vec()));
    }
    for (place, bytes) in places {
        for (form, needle) in &needles {
            let at = bytes.windows(needle.len()).position(|window| window == needle.as_slice());
            assert!(at.is_none(), "{password} stands in {place} ({form}) at {at:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_password_stands_in_the_log_or_on_the_disk_in_any_form() {
    let run = work(8 * 1024, WireLogKeep::default()).await;
    assert_eq!((run.record.outcome, run.password.len()), (Outcome::Pass, 6));
    // The search finds it where it stands, and the log is on that disk.
    let on_wire = run.seen.sent.windows(6).any(|window| window == run.password.as_bytes());
    assert!(on_wire, "the witness saw no password");
    assert!(
        run.disk.windows(4).any(|window| window == b"JGWL"),
        "the log is not on the disk that is searched"
    );
    assert_absent(&run.password, &[("the log", &run.log), ("the station's disk", &run.disk)]);
    // What the factory sets is in the model's file, but what was sent of it is a password like any other.
    assert_absent("123456", &[("the log", &run.log)]);
}

#[tokio::test(start_paused = true)]
async fn a_large_image_fits_as_well_and_where_no_log_is_wanted_none_is_kept() {
    let run = work(110 * 1024, WireLogKeep::default()).await;
    let log = decode(&run.log).unwrap();
    assert_eq!((run.record.outcome, log.damage), (Outcome::Pass, None::<Damage>));
    assert!(run.log.len() <= LIMIT && !log.entries.iter().any(|e| matches!(e.what, What::Dropped { .. })));
    let none = work(8 * 1024, WireLogKeep { days: 0, megabytes: 1 }).await;
    assert!(none.record.outcome == Outcome::Pass && none.log.is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_server_gets_the_log_of_a_run_that_failed_and_no_password_that_was_set_in_it() {
    // The password is set, holds and is proved; what fails is one parameter.
    let run = work_board(8 * 1024, WireLogKeep::default(), Some(Fault::RegisterDoesNotHold)).await;
    assert_eq!(run.record.outcome, Outcome::Fail, "{:?}", run.record.fault);
    let on_wire = run.seen.sent.windows(6).any(|window| window == run.password.as_bytes());
    assert!(on_wire && run.password != "123456", "no password was set in this run");
    let sent = run.sent.as_ref().expect("the log of a failed run goes by itself");
    assert_eq!(*sent, run.log);
    let log = decode(sent).unwrap();
    let frames = serde_json::to_vec(&shown(&replay(&log, Some(&run.model), None))).unwrap();
    assert!(String::from_utf8_lossy(&frames).contains("(6 ×)"), "not even that it was set");
    assert_absent(&run.password, &[("the log", sent), ("the page's frames", &frames)]);
    // Nor the name that the record has for it, by which two boards of one password could be told.
    let hash = run.record.password.as_ref().unwrap().keyed_hash.clone();
    assert!(!String::from_utf8_lossy(&frames).contains(&hash));
    assert_eq!(run.gone, None);
}

#[tokio::test(start_paused = true)]
async fn the_log_of_a_run_that_passed_is_sent_when_asked_small_and_is_gone_where_none_is_kept() {
    let run = work(110 * 1024, WireLogKeep::default()).await;
    assert_eq!((run.record.outcome, run.sent.as_ref()), (Outcome::Pass, Some(&run.log)));
    let packed = pack(&run.log).len();
    println!("a whole run's log of {} bytes travels and is kept as {packed}", run.log.len());
    assert!(packed < run.log.len(), "{packed} of {}", run.log.len());
    let none = work(8 * 1024, WireLogKeep { days: 0, megabytes: 1 }).await;
    assert_eq!((none.sent, none.gone), (None, Some(WireLogGone { days: 0, megabytes: 1 })));
}
