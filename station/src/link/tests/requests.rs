//! The runner's requests against a board that keeps a register map.

use super::{
    super::LinkOptions,
    peer::{Mischief, Peer, ask, model, read},
};
use crate::board::{BoardReply, BoardRequest, LeaseReading, OutputReading, PasswordProof, Secret};
use domain::{
    identifier::IdentifierKind,
    lease::BirthLease,
    model::{DeviceModel, ShipSettings, SleepSettings, WakesBy},
    record::FoundState,
    rules::Ratings,
    text::FaultCode,
    value::Value,
};
use protocol::modbus::Request;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn a_board_is_probed_and_identified() {
    let (mut link, board) = Peer::new().connect();
    let found = ask(&mut link, BoardRequest::Probe { silent_ms: 10_000 }).await.unwrap();
    assert_eq!(found, BoardReply::Found(FoundState::Application));
    let answer = link.execute(BoardRequest::ReadIdentity, &mut |_| {}).await.unwrap();
    let BoardReply::Identity(identity) = answer.reply else { panic!() };
    assert!(identity.is_model);
    assert_eq!((identity.firmware_version.as_str(), identity.firmware_crc32), ("V1.8", Some(0xDEAD_BEEF)));
    assert_eq!(identity.identifiers[0].value, "342608311");
    let address = &identity.identifiers[1];
    assert_eq!((address.kind, address.value.as_str()), (IdentifierKind::BluetoothAddress, "26541C98068E"));
    assert!(address.unique);
    assert_eq!((answer.wire.sent, answer.wire.received), (8, 35));
    drop(link);
    // A ping and one read.
    assert_eq!(board.await.unwrap().seen.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_silent_board_is_silent_after_the_time_that_was_given() {
    let mut peer = Peer::new();
    peer.always.extend((0..20).map(|address| (address, Mischief::Nothing)));
    let (mut link, _board) = peer.connect();
    let started = Instant::now();
    let found = ask(&mut link, BoardRequest::Probe { silent_ms: 10_000 }).await.unwrap();
    assert_eq!(found, BoardReply::Found(FoundState::Silent));
    let took = started.elapsed();
    assert!((Duration::from_secs(10)..Duration::from_secs(12)).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_board_that_talks_nonsense_is_not_called_silent() {
    let mut peer = Peer::new();
    peer.always.extend((0..20).map(|address| (address, Mischief::Bytes(vec![0xA5; 30]))));
    let (mut link, _board) = peer.connect();
    let fault = ask(&mut link, BoardRequest::Probe { silent_ms: 3000 }).await.unwrap_err();
    assert_eq!(fault.code, FaultCode::BoardAnswersGarbage);
}

#[tokio::test(start_paused = true)]
async fn only_what_differs_is_written_and_everything_is_read_back() {
    let mut peer = Peer::new();
    peer.deaf.push(102);
    let (mut link, board) = peer.connect();
    let values: BTreeMap<String, Value> = BTreeMap::from([
        ("charge_limit_mv".to_owned(), 4200.0.into()),
        ("discharge_limit_mv".to_owned(), 2800.0.into()),
        ("low_temperature_c".to_owned(), Value::Number(-20.0)),
    ]);
    let BoardReply::ProfileWritten(written) =
        ask(&mut link, BoardRequest::WriteProfile { values, ratings: Ratings::default() }).await.unwrap()
    else {
        panic!()
    };
    drop(link);
    let writes: Vec<Request> = board.await.unwrap().seen.into_iter().filter(Request::is_write).collect();
    assert_eq!(writes, [Request::WriteMultiple { address: 101, values: vec![2800, 0xFFEC] }]);
    assert_eq!(written.transactions, 1);
    let [charge, discharge, temperature] = written.parameters.as_slice() else { panic!() };
    assert!(!charge.written && charge.holds());
    assert!(discharge.written && discharge.holds());
    assert_eq!(
        (discharge.before.value.clone(), discharge.read.value.clone()),
        (2750.0.into(), 2800.0.into())
    );
    // The board acknowledged it and did not keep it: said, not hidden.
    assert!(temperature.written && !temperature.holds());
    assert_eq!(temperature.read.value, Value::Number(-30.0));
}

#[tokio::test(start_paused = true)]
async fn a_value_that_the_map_cannot_hold_is_found_before_a_byte_is_written() {
    let (mut link, board) = Peer::new().connect();
    let values: BTreeMap<String, Value> = BTreeMap::from([
        ("charge_limit_mv".to_owned(), 4100.0.into()),
        ("discharge_limit_mv".to_owned(), 9999.0.into()),
    ]);
    let fault =
        ask(&mut link, BoardRequest::WriteProfile { values, ratings: Ratings::default() }).await.unwrap_err();
    assert_eq!(fault.code, FaultCode::Internal);
    drop(link);
    assert!(board.await.unwrap().seen.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_refused_write_names_the_register_and_the_exception() {
    let mut peer = Peer::new();
    peer.always.insert(101, Mischief::Exception(4));
    let (mut link, _board) = peer.connect();
    let values = BTreeMap::from([("discharge_limit_mv".to_owned(), 2800.0.into())]);
    // The read of the one register is refused as well, so the write is reached by way of two.
    let fault =
        ask(&mut link, BoardRequest::WriteProfile { values, ratings: Ratings::default() }).await.unwrap_err();
    assert_eq!(fault.code, FaultCode::BoardAnswersGarbage);
    let values = BTreeMap::from([
        ("charge_limit_mv".to_owned(), 4200.0.into()),
        ("discharge_limit_mv".to_owned(), 2800.0.into()),
    ]);
    let fault =
        ask(&mut link, BoardRequest::WriteProfile { values, ratings: Ratings::default() }).await.unwrap_err();
    assert_eq!(fault.code, FaultCode::WriteRefused);
    assert_eq!(fault.args["register"], "discharge_limit_mv");
    assert!(fault.args["exception"].contains("04h"), "{fault:?}");
}

#[tokio::test(start_paused = true)]
async fn the_password_is_opened_set_and_proved_after_a_restart() {
    let mut peer = Peer::new();
    peer.always.insert(400, Mischief::RestartAfter(Duration::from_millis(300)));
    let (mut link, board) = peer.connect();
    let candidates = vec![Secret::new("999999"), Secret::new("123456")];
    let unlocked = ask(&mut link, BoardRequest::Unlock { candidates }).await.unwrap();
    assert_eq!(unlocked, BoardReply::Unlocked { opened_by: Some(1) });
    ask(&mut link, BoardRequest::SetPassword { new: Secret::new("271828") }).await.unwrap();
    let restarted = ask(&mut link, BoardRequest::Restart).await.unwrap();
    let BoardReply::Application { waited_ms } = restarted else { panic!() };
    assert!((300..700).contains(&waited_ms), "{waited_ms}");
    let prove = || BoardRequest::ProvePassword { new: Secret::new("271828"), old: Secret::new("123456") };
    let proof = ask(&mut link, prove()).await.unwrap();
    assert_eq!(
        proof,
        BoardReply::PasswordProof(PasswordProof { locked_first: true, old_refused: true, new_opened: true })
    );
    // Without a restart between, nothing is proved.
    let BoardReply::PasswordProof(proof) = ask(&mut link, prove()).await.unwrap() else { panic!() };
    assert!(!proof.is_proved());
    drop(link);
    assert_eq!(board.await.unwrap().password, "271828");
}

#[tokio::test(start_paused = true)]
async fn a_board_that_kept_its_old_password_is_not_proved() {
    let (mut link, _board) = Peer::new().connect();
    let request = BoardRequest::ProvePassword { new: Secret::new("271828"), old: Secret::new("123456") };
    let BoardReply::PasswordProof(proof) = ask(&mut link, request).await.unwrap() else { panic!() };
    assert_eq!(proof, PasswordProof { locked_first: true, old_refused: false, new_opened: false });
}

#[tokio::test(start_paused = true)]
async fn a_password_that_the_board_never_heard_was_not_refused() {
    let prove = || BoardRequest::ProvePassword { new: Secret::new("271828"), old: Secret::new("123456") };
    // The first request reads whether it stands open, the second is the try of the old one, which still opens it.
    let lost = [
        Mischief::Unheard,
        Mischief::Exception(6),
        Mischief::Bytes(vec![0x55; 8]),
        Mischief::Late(Duration::from_millis(900)),
    ];
    for mischief in lost {
        let mut peer = Peer::new();
        peer.mischief.insert(2, mischief.clone());
        let (mut link, _board) = peer.connect();
        let BoardReply::PasswordProof(proof) = ask(&mut link, prove()).await.unwrap() else { panic!() };
        assert!(!proof.old_refused && !proof.new_opened, "{mischief:?}: {proof:?}");
    }
    let mut peer = Peer::new();
    peer.always.insert(200, Mischief::Unheard);
    let (mut link, _board) = peer.connect();
    let fault = ask(&mut link, prove()).await.unwrap_err();
    assert_eq!(fault.code, FaultCode::BoardStoppedAnswering);
    // And a good board is not called locked for a frame that got lost.
    let mut peer = Peer::new();
    peer.mischief.insert(2, Mischief::Unheard);
    let (mut link, _board) = peer.connect();
    let unlock = BoardRequest::Unlock { candidates: vec![Secret::new("123456")] };
    let BoardReply::Unlocked { opened_by } = ask(&mut link, unlock).await.unwrap() else { panic!() };
    assert_eq!(opened_by, Some(0));
}

#[tokio::test(start_paused = true)]
async fn no_password_that_opens_is_a_fault_with_the_number_tried() {
    let mut peer = Peer::new();
    peer.password = "000000".to_owned();
    let (mut link, board) = peer.connect();
    let candidates = vec![Secret::new("123456"), Secret::new("much too long"), Secret::new("654321")];
    let fault = ask(&mut link, BoardRequest::Unlock { candidates }).await.unwrap_err();
    assert_eq!((fault.code, fault.args["tried"].as_str()), (FaultCode::PasswordRefused, "3"));
    drop(link);
    let tries = board.await.unwrap().seen.iter().filter(|r| r.span().0 == 200).count();
    assert_eq!(tries, 2, "each once, and only what can be a password");
}

#[tokio::test(start_paused = true)]
async fn neither_a_slow_answer_nor_a_lost_one_is_taken_for_a_restart() {
    // (what it thinks, which of its answers are lost): none of them restarts.
    let boards =
        [(0, vec![]), (150, vec![]), (150, vec![3]), (20, vec![2]), (20, vec![2, 3]), (280, vec![2])];
    for (thinks, lost) in boards {
        let mut peer = Peer::new();
        peer.thinks = Duration::from_millis(thinks);
        peer.mischief.extend(lost.iter().map(|number| (*number, Mischief::Nothing)));
        let (mut link, _board) = peer.connect();
        ask(&mut link, BoardRequest::ReadIdentity).await.unwrap();
        let fault = ask(&mut link, BoardRequest::Restart).await.unwrap_err();
        assert_eq!(
            (fault.code, fault.args["register"].as_str()),
            (FaultCode::WriteRefused, "restart"),
            "{thinks} {lost:?}"
        );
    }
    // And one that was away is seen to have been, whether a lock shows it or not.
    for away in [700, 1500] {
        let mut peer = Peer::new();
        peer.always.insert(400, Mischief::RestartAfter(Duration::from_millis(away)));
        let (mut link, _board) = peer.connect();
        ask(&mut link, BoardRequest::ReadIdentity).await.unwrap();
        let restarted = ask(&mut link, BoardRequest::Restart).await.unwrap();
        assert!(
            matches!(restarted, BoardReply::Application { waited_ms } if waited_ms >= away),
            "{restarted:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_silence_that_may_be_the_lines_alone_puts_no_board_to_sleep() {
    let mut model = DeviceModel::clone(&model());
    let sleep = SleepSettings { command: "restart".to_owned(), wakes: WakesBy::Supply };
    let [clear, zeroed, cleared] = [const { Vec::new() }; 3];
    let (date, clock, origin) = (None, None, None);
    model.ship = Some(ShipSettings { clear, zeroed, cleared, date, clock, sleep: Some(sleep), origin });
    let model = Arc::new(model);
    let put_to_sleep = async |lost: std::ops::Range<usize>| {
        let mut peer = Peer::new();
        peer.always.insert(400, Mischief::RestartAfter(Duration::from_secs(3600)));
        peer.mischief.extend(lost.map(|number| (number, Mischief::Unheard)));
        let (mut link, board) = peer.connect_as(Arc::clone(&model), LinkOptions::default());
        ask(&mut link, BoardRequest::ReadIdentity).await.unwrap();
        let asleep = ask(&mut link, BoardRequest::Sleep).await.unwrap();
        assert_eq!(asleep, BoardReply::Asleep { proved: true });
        drop(link);
        board.await.unwrap().seen
    };
    let is_told = |request: &Request| matches!(request, Request::WriteSingle { .. });
    let seen = put_to_sleep(0..0).await;
    let told_at = seen.iter().position(is_told).unwrap();
    assert_eq!(seen.iter().filter(|request| is_told(request)).count(), 1, "{seen:?}");
    // The command is lost, and everything that is asked until it counts as silent.
    let seen = put_to_sleep(told_at..told_at + 4).await;
    assert_eq!(seen.iter().filter(|request| is_told(request)).count(), 2, "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_password_that_was_not_sent_is_not_refused() {
    let (mut link, _board) = Peer::new().connect();
    ask(&mut link, BoardRequest::ReadIdentity).await.unwrap();
    let (new, old) = (Secret::new("123456".to_owned()), Secret::new("9".to_owned()));
    let fault = ask(&mut link, BoardRequest::ProvePassword { new, old }).await.unwrap_err();
    assert_eq!(fault.code, FaultCode::Internal);
    assert!(fault.args["detail"].contains("was not tried"), "{fault:?}");
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_did_not_happen_is_not_believed() {
    let (mut link, _board) = Peer::new().connect();
    ask(&mut link, BoardRequest::Unlock { candidates: vec![Secret::new("123456")] }).await.unwrap();
    let fault = ask(&mut link, BoardRequest::Restart).await.unwrap_err();
    assert_eq!((fault.code, fault.args["register"].as_str()), (FaultCode::WriteRefused, "restart"));
}

#[tokio::test(start_paused = true)]
async fn a_board_that_does_not_come_back_is_named_silent() {
    let mut peer = Peer::new();
    peer.always.insert(400, Mischief::RestartAfter(Duration::from_secs(60)));
    let (mut link, _board) = peer.connect();
    let fault = ask(&mut link, BoardRequest::Restart).await.unwrap_err();
    assert_eq!(fault.code, FaultCode::ApplicationDidNotStart);
    assert_eq!((fault.args["found"].as_str(), fault.args["seconds"].as_str()), ("silent", "3"));
}

#[tokio::test(start_paused = true)]
async fn calibration_name_lease_and_switches_are_written_and_read_back() {
    let (mut link, board) = Peer::new().connect();
    let request = BoardRequest::Calibrate { true_ma: 20_049, within_ma: 2_000 };
    let calibrated = ask(&mut link, request).await.unwrap();
    assert_eq!(calibrated, BoardReply::Calibrated { before_ma: 19_900, after_ma: 19_900 });
    let name = ask(&mut link, BoardRequest::WriteName { name: "TB-2647-00123".to_owned() }).await.unwrap();
    assert_eq!(name, BoardReply::Name { read: "TB-2647-00123".to_owned() });
    let lease = BoardRequest::WriteLease { mode: BirthLease::Locked, expires_s: Some(1_900_000_000) };
    let expected =
        LeaseReading { mode: Some(BirthLease::Locked), raw_mode: 2, expires_s: Some(1_900_000_000) };
    assert_eq!(ask(&mut link, lease).await.unwrap(), BoardReply::Lease(expected));
    let output =
        ask(&mut link, BoardRequest::WriteSwitches { charge: true, discharge: false }).await.unwrap();
    assert_eq!(output, BoardReply::Output(OutputReading { charge_on: true, discharge_on: true, raw: 3 }));
    drop(link);
    let board = board.await.unwrap();
    assert_eq!(board.registers[&115], 200, "20.0 A in steps of 0.1 A");
    assert_eq!(board.registers[&114], 1);
    let writes: Vec<u16> = board.seen.iter().filter(|r| r.is_write()).map(|r| r.span().0).collect();
    assert_eq!(writes, [115, 103, 112, 111, 114], "the lease's mode after its term");
}

#[tokio::test(start_paused = true)]
async fn a_name_that_the_board_cannot_hold_is_refused() {
    let (mut link, _board) = Peer::new().connect();
    for name in ["", "lower", "TB 1", "ABCDEFGHIJKLMNOPQ"] {
        let fault = ask(&mut link, BoardRequest::WriteName { name: name.to_owned() }).await.unwrap_err();
        assert_eq!(fault.code, FaultCode::NameNotPossible, "{name:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn everything_is_read_afresh_in_few_transactions() {
    let (mut link, board) = Peer::new().connect();
    ask(&mut link, BoardRequest::ReadIdentity).await.unwrap();
    let request = BoardRequest::ReadAll { registers: vec!["cell_1_mv".to_owned(), "unlocked".to_owned()] };
    let BoardReply::Afresh(afresh) = ask(&mut link, request).await.unwrap() else { panic!() };
    assert_eq!(afresh.parameters.len(), 3);
    assert_eq!(afresh.reading("cell_1_mv").unwrap().value, 2310.0.into());
    assert_eq!(afresh.name.as_deref(), Some(""));
    assert_eq!(afresh.lease.unwrap().mode, Some(BirthLease::Open));
    assert!(afresh.output.unwrap().charge_on);
    drop(link);
    // The identity, then one read for each of the three blocks.
    assert_eq!(board.await.unwrap().seen.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_password_is_never_read() {
    let (mut link, _board) = Peer::new().connect();
    for register in ["unlock", "new_password"] {
        assert_eq!(read(&mut link, &[register]).await.unwrap_err().code, FaultCode::Internal);
    }
}

#[tokio::test(start_paused = true)]
async fn to_a_board_that_is_only_read_no_frame_that_writes_is_sent_until_the_next_one_is_probed() {
    let (mut link, board) = Peer::new().connect();
    ask(&mut link, BoardRequest::ReadIdentity).await.unwrap();
    link.only_read();
    let values = BTreeMap::from([("discharge_limit_mv".to_owned(), 2800.0.into())]);
    let writes = [
        BoardRequest::WriteProfile { values, ratings: Ratings::default() },
        BoardRequest::Unlock { candidates: vec![Secret::new("123456")] },
        BoardRequest::WriteSwitches { charge: true, discharge: true },
        BoardRequest::WriteLease { mode: BirthLease::Open, expires_s: None },
        BoardRequest::Restart,
        BoardRequest::StartApplication,
        BoardRequest::FindAgain { silent_ms: 1000 },
    ];
    for request in writes {
        assert!(!request.only_reads());
        assert_eq!(ask(&mut link, request).await.unwrap_err().code, FaultCode::Internal);
    }
    // Whoever gets past that meets the bus.
    let write = Request::WriteSingle { address: 101, value: 2800 };
    link.bus.exchange(protocol::guard::Purpose::Work, &write).await.unwrap_err();
    link.bus.tell(&write).await.unwrap_err();
    assert_eq!(read(&mut link, &["discharge_limit_mv"]).await.unwrap(), ["2750"]);
    ask(&mut link, BoardRequest::Probe { silent_ms: 1000 }).await.unwrap();
    link.bus.tell(&write).await.unwrap();
    drop(link);
    let seen: Vec<Request> = board.await.unwrap().seen.into_iter().filter(Request::is_write).collect();
    assert_eq!(seen, [write], "of the next board's");
}
