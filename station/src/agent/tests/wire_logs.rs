//! Wire logs on their way: by themselves behind the record of a run that did not pass, when asked of another, and never in the way.

use super::*;
use crate::{
    journal::{Journal, LogIsSent, WireLogKeep},
    runner::tests_support::PaperBench,
    uplink::ServerFault,
    wire::form::decode,
};
use domain::{api::wire_log::WireLogGone, ids::RunId, record::BirthRecord};

fn run(number: u128) -> RunId {
    RunId(Uuid::from_u128(number))
}

/// A journal with the logs of runs that passed, whose records are held.
fn passed(folder: &Path, runs: &[u128]) {
    let at = DateTime::from_timestamp(1_900_000_000, 0).unwrap();
    let ids = (StationId(Uuid::from_u128(5)), OutboxId(Uuid::from_u128(6)));
    own_key_of_new_station(&folder.join("station.key"), &mut StdRng::seed_from_u64(3)).unwrap();
    let journal = Journal::open(&folder.join("journal.sqlite"), ids.0, ids.1, at).unwrap();
    for number in runs {
        let record = BirthRecord { run_id: run(*number), ..PaperBench::finished() };
        let sent = journal.close_run(&record, None).unwrap();
        journal.acknowledge(&[sent]).unwrap();
        let log = number.to_le_bytes();
        journal.keep_wire_log(run(*number), at, &log, WireLogKeep::default(), LogIsSent::WhenAsked).unwrap();
    }
}

/// Until the server was offered so many logs, or told that they are gone.
async fn offered(server: &ScriptedServer, times: usize) {
    let heard = async {
        while server.logs.offers.get() < times {
            server.logs.heard.notified().await;
        }
    };
    timeout(Duration::from_secs(60), heard).await.expect("no wire log was offered");
}

fn refusal() -> ServerFault {
    ServerFault::Refused { status: 404, code: "not_found".into(), detail: "no such route".into() }
}

#[tokio::test(start_paused = true)]
async fn the_log_of_a_run_that_failed_follows_its_record_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let (server, (ports, _far)) = (server(), silent_lines());
    beside(folder.path(), &server, &ports, &[1], async |hall| {
        hall.live_until(|live| live.batch_id.is_some()).await;
        server.away.set(true);
        hall.presence(1, true).await;
        hall.lamp(1, Lamp::Fail).await;
        hall.stop();
    })
    .await;
    assert_eq!(server.logs.offers.get(), 0, "offered before its record");
    // Behind another start, once the record is held.
    server.away.set(false);
    beside(folder.path(), &server, &ports, &[1], async |hall| {
        offered(&server, 1).await;
        hall.stop();
    })
    .await;
    let [record] = <[Envelope; 1]>::try_from(records(&server)).unwrap();
    let received = server.logs.received.borrow();
    let [(sent, log, held)] = received.as_slice() else { panic!("not sent once") };
    assert_eq!((*sent, *held), (record.record.run_id, 1), "records go first");
    let log = decode(log).unwrap();
    assert_eq!((log.damage, log.head.run_id), (None, Some(record.record.run_id)));
    assert!(!log.entries.is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_log_of_a_run_that_passed_goes_when_somebody_asks_and_one_that_is_gone_is_said_to_be() {
    let folder = tempfile::tempdir().unwrap();
    passed(folder.path(), &[7, 8]);
    let (server, (ports, _far)) = (server(), silent_lines());
    let opened = open(folder.path(), Rc::clone(&server), ports, &[1]);
    let agent = opened.0.with_wire_log(WireLogKeep { days: 9, megabytes: 3 });
    run_beside((agent, opened.1, opened.2), async |hall| {
        hall.live_until(|live| live.batch_id.is_some()).await;
        sleep(Duration::from_secs(30)).await;
        assert_eq!(server.logs.offers.get(), 0, "nobody asked");
        // A server that is away in the middle loses nothing.
        server.logs.faults.borrow_mut().push_back(ServerFault::Away("no route".into()));
        server.logs.wanted.replace(vec![run(8), run(9)]);
        offered(&server, 3).await;
        hall.stop();
    })
    .await;
    let received: Vec<_> =
        server.logs.received.borrow().iter().map(|(run, log, _)| (*run, log.clone())).collect();
    assert_eq!(received, [(run(8), 8_u128.to_le_bytes().to_vec())]);
    assert_eq!(*server.logs.gone.borrow(), [(run(9), WireLogGone { days: 9, megabytes: 3 })]);
}

#[tokio::test(start_paused = true)]
async fn a_log_that_the_server_refuses_is_dropped_and_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (server, (ports, _far)) = (server(), silent_lines());
    passed(folder.path(), &[7]);
    // A server of the version before, and then one that does not want it.
    server.logs.faults.replace([refusal(), refusal()].into());
    server.logs.wanted.replace(vec![run(7)]);
    beside(folder.path(), &server, ports, &[1], async |hall| {
        offered(&server, 1).await;
        sleep(Duration::from_secs(60)).await;
        assert_eq!(server.logs.offers.get(), 1, "offered over and over");
        hall.presence(1, true).await;
        hall.lamp(1, Lamp::Fail).await;
        hall.presence(1, false).await;
        hall.lamp(1, Lamp::Idle).await;
        offered(&server, 2).await;
        hall.presence(1, true).await;
        hall.lamp(1, Lamp::Fail).await;
        offered(&server, 3).await;
        hall.stop();
    })
    .await;
    let records = records(&server);
    assert_eq!(records.len(), 2);
    let received: Vec<RunId> = server.logs.received.borrow().iter().map(|(run, ..)| *run).collect();
    assert_eq!(received, [records[1].record.run_id], "the next one goes as if nothing had been");
}
