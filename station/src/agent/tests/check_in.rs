//! What the server's word does to a station, and what a station does without it.

use super::*;
use crate::uplink::ServerFault;
use domain::{
    api::stations::{CheckIn, CheckInAnswer, WIRE_VERSION},
    check_in::machine_fingerprint,
};

fn broken(live: &StationLive, code: FaultCode) -> bool {
    let is_so = |slot: &domain::live::SlotLive| matches!(&slot.state, SlotState::Broken { fault } if fault.code == code);
    live.slots.iter().all(is_so)
}

fn twice_alive() -> Fault {
    Fault::new(FaultCode::StationTwiceAlive)
}

/// One board, worked to its end.
async fn one_board(hall: &mut Hall) {
    hall.presence(1, true).await;
    hall.lamp(1, Lamp::Fail).await;
    hall.presence(1, false).await;
    hall.lamp(1, Lamp::Idle).await;
}

#[tokio::test(start_paused = true)]
async fn every_start_says_who_it_is_and_how_far_its_journal_has_come() {
    let folder = tempfile::tempdir().unwrap();
    let (server, (ports, _far)) = (server(), silent_lines());
    for seed in [1, 2] {
        let opened = open_on(MACHINE, seed, folder.path(), Rc::clone(&server), &ports, &[1, 2]);
        run_beside(opened, async |hall| {
            one_board(hall).await;
            hall.live_until(|live| live.unsent_records == 0).await;
            hall.stop();
        })
        .await;
    }
    let said: Vec<CheckIn> = server.check_ins.borrow().clone();
    assert_eq!(said.len(), 2, "once a start");
    assert_eq!((said[0].wire_version, said[0].slots, said[0].last.clone()), (WIRE_VERSION, 2, None));
    assert_eq!(said[0].machine, Some(machine_fingerprint(StationId(Uuid::from_u128(5)), MACHINE)));
    let last = said[1].last.clone().unwrap();
    assert_eq!((last.number, said[1].unsent), (1, 0));
    assert_eq!(last.sha256, Some(domain::ids::ContentHash::of(server.held.borrow()[0].as_bytes())));
    assert_eq!(said[0].outbox_id, said[1].outbox_id);
    assert_ne!(said[0].session_id, said[1].session_id);
}

#[tokio::test(start_paused = true)]
async fn a_frozen_station_says_why_at_every_slot_starts_no_board_and_goes_on_when_it_is_freed() {
    let folder = tempfile::tempdir().unwrap();
    let (server, (ports, _far)) = (server(), silent_lines());
    beside(folder.path(), &server, &ports, &[1, 2], async |hall| {
        hall.live_until(|live| live.batch_id.is_some()).await;
        hall.presence(1, true).await;
        hall.lamp(1, Lamp::Busy).await;
        server.halted.replace(Some(twice_alive()));
        // What is under way comes to its end, and its record to the server.
        hall.lamp(1, Lamp::Fail).await;
        hall.live_until(|live| live.unsent_records == 0).await;
        hall.presence(1, false).await;
        hall.presence(2, true).await;
        hall.live_until(|live| broken(live, FaultCode::StationTwiceAlive)).await;
        sleep(Duration::from_secs(120)).await;
        assert_eq!(records(&server).len(), 1);
        hall.stop();
    })
    .await;
    // The cable is no way around it.
    server.away.set(true);
    beside(folder.path(), &server, &ports, &[1, 2], async |hall| {
        hall.presence(2, true).await;
        hall.live_until(|live| broken(live, FaultCode::StationTwiceAlive)).await;
        server.away.set(false);
        server.halted.replace(None);
        hall.lamp(2, Lamp::Fail).await;
        hall.stop();
    })
    .await;
    assert_eq!(records(&server).iter().map(|envelope| envelope.record.slot).collect::<Vec<_>>(), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn off_line_on_another_machine_no_board_is_started() {
    let folder = tempfile::tempdir().unwrap();
    let (server, (ports, _far)) = (server(), silent_lines());
    beside(folder.path(), &server, &ports, &[1], async |hall| {
        hall.live_until(|live| live.batch_id.is_some()).await;
        hall.stop();
    })
    .await;
    server.away.set(true);
    let moved = open_on("jig-pc-2", 2, folder.path(), Rc::clone(&server), &ports, &[1]);
    run_beside(moved, async |hall| {
        hall.presence(1, true).await;
        hall.live_until(|live| broken(live, FaultCode::MachineChanged)).await;
        // The server knows better: it was told to let this machine take the other's place.
        server.away.set(false);
        hall.lamp(1, Lamp::Fail).await;
        hall.stop();
    })
    .await;
    server.away.set(true);
    let again = open_on("jig-pc-2", 3, folder.path(), Rc::clone(&server), &ports, &[1]);
    run_beside(again, async |hall| {
        hall.presence(1, true).await;
        hall.lamp(1, Lamp::Fail).await;
        hall.stop();
    })
    .await;
    assert_eq!(records(&server).len(), 1, "the one of the moved station; the last one waits on the disk");
}

#[tokio::test(start_paused = true)]
async fn an_ended_outbox_is_sent_to_its_end_and_a_fresh_one_begun_with_fresh_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let (server, (ports, _far)) = (server(), silent_lines());
    beside(folder.path(), &server, &ports, &[1], async |hall| {
        hall.live_until(|live| live.batch_id.is_some()).await;
        server.away.set(true);
        one_board(hall).await;
        hall.stop();
    })
    .await;
    server.away.set(false);
    let lent = server.lent.get();
    server.answers.borrow_mut().push_back(Ok(CheckInAnswer::BeginOutbox));
    server.answers.borrow_mut().push_back(Ok(CheckInAnswer::BeginOutbox));
    beside(folder.path(), &server, &ports, &[1], async |hall| {
        hall.live_until(|live| broken(live, FaultCode::OutboxEnded)).await;
        hall.live_until(|live| live.batch_id.is_some()).await;
        one_board(hall).await;
        hall.live_until(|live| live.unsent_records == 0).await;
        hall.stop();
    })
    .await;
    let records = records(&server);
    assert_eq!(records.iter().map(|envelope| envelope.number).collect::<Vec<_>>(), [1, 1]);
    assert_ne!(records[0].outbox_id, records[1].outbox_id);
    let said = server.check_ins.borrow();
    assert_eq!(said.last().unwrap().outbox_id, records[1].outbox_id);
    assert!(server.lent.get() > lent, "numbers of before were given up, so others were asked for");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_before_the_server_knows_where_the_session_began() {
    let folder = tempfile::tempdir().unwrap();
    let (server, (ports, _far)) = (server(), silent_lines());
    beside(folder.path(), &server, &ports, &[1], async |hall| {
        hall.live_until(|live| live.batch_id.is_some()).await;
        hall.stop();
    })
    .await;
    let lost = || Err(ServerFault::Away("the answer was lost".into()));
    server.answers.borrow_mut().extend((0..12).map(|_| lost()));
    beside(folder.path(), &server, &ports, &[1], async |hall| {
        // Off line as far as it knows: it works.
        one_board(hall).await;
        assert!(!server.answers.borrow().is_empty());
        assert!(records(&server).is_empty(), "a record was on the server before the session's first number");
        hall.live_until(|live| live.unsent_records == 1).await;
        hall.live_until(|live| live.unsent_records == 0).await;
        hall.stop();
    })
    .await;
    assert_eq!(server.check_ins.borrow().last().unwrap().last.as_ref().map(|last| last.number), Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_server_of_the_version_before_is_worked_with_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let (server, (ports, _far)) = (server(), silent_lines());
    let unknown = ServerFault::Refused { status: 404, code: "not_found".into(), detail: "no route".into() };
    server.answers.borrow_mut().push_back(Err(unknown));
    beside(folder.path(), &server, &ports, &[1], async |hall| {
        one_board(hall).await;
        hall.live_until(|live| live.unsent_records == 0).await;
        hall.stop();
    })
    .await;
    assert_eq!((records(&server).len(), server.check_ins.borrow().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_server_of_another_version_is_named_until_it_is_of_this_one() {
    let folder = tempfile::tempdir().unwrap();
    let (server, (ports, _far)) = (server(), silent_lines());
    let other = Fault::new(FaultCode::WireVersionDiffers).with("station", 2).with("server", 3);
    server.answers.borrow_mut().extend([1, 2].map(|_| Err(ServerFault::Halted(Box::new(other.clone())))));
    beside(folder.path(), &server, &ports, &[1], async |hall| {
        hall.live_until(|live| broken(live, FaultCode::WireVersionDiffers)).await;
        one_board(hall).await;
        hall.stop();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn after_a_long_loss_of_the_server_the_same_session_checks_in_again() {
    let folder = tempfile::tempdir().unwrap();
    let (server, (ports, _far)) = (server(), silent_lines());
    beside(folder.path(), &server, &ports, &[1], async |hall| {
        hall.live_until(|live| live.batch_id.is_some()).await;
        for seconds in [20, 90] {
            server.away.set(true);
            sleep(Duration::from_secs(seconds)).await;
            server.away.set(false);
            sleep(Duration::from_secs(20)).await;
        }
        hall.stop();
    })
    .await;
    let said = server.check_ins.borrow();
    assert_eq!(said.len(), 2, "one at the start, one after the long loss");
    assert_eq!(said[0].session_id, said[1].session_id);
}
