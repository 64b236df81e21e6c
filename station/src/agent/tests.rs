//! A whole agent in virtual time, with lines on which nobody speaks, ports that are not there, and a server that is away.

mod check_in;
mod floor;
mod orders;
mod wire_logs;

use super::*;
use crate::{
    fixture::{FixtureCommand, FixtureWire, fixture},
    link::Line,
    runner::Lamp,
    uplink::tests::{ScriptedServer, released},
};
use chrono::DateTime;
use domain::{live::StationLive, outcome::Outcome, quota::BatchLedger, record::Envelope};
use rand::SeedableRng as _;
use std::{
    cell::{Cell, RefCell},
    path::Path,
    rc::Rc,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf},
    sync::oneshot,
};
use uuid::Uuid;

/// The jig's side of the fixture, and what the agent tells.
struct Hall {
    write: WriteHalf<DuplexStream>,
    lines: Lines<BufReader<ReadHalf<DuplexStream>>>,
    progress: mpsc::UnboundedReceiver<Progress>,
    stop: Option<oneshot::Sender<()>>,
}

impl Hall {
    async fn presence(&mut self, slot: u16, present: bool) {
        let line = format!("{{\"event\":\"presence\",\"slot\":{slot},\"present\":{present}}}\n");
        self.write.write_all(line.as_bytes()).await.unwrap();
    }

    /// Waits for that lamp, within five minutes of the virtual clock.
    async fn lamp(&mut self, slot: u16, lamp: Lamp) {
        let wanted = FixtureCommand::Lamp { slot, lamp };
        let seen = async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                if serde_json::from_str::<FixtureCommand>(&line).unwrap() == wanted {
                    return;
                }
            }
        };
        timeout(Duration::from_secs(300), seen).await.expect("no such lamp");
    }

    async fn live_until(&mut self, is_it: impl Fn(&StationLive) -> bool) {
        let seen = async {
            while let Some(progress) = self.progress.recv().await {
                if let Progress::Live { live } = progress
                    && is_it(&live)
                {
                    return;
                }
            }
        };
        timeout(Duration::from_secs(300), seen).await.expect("never shown");
    }

    fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }
}

fn config(data: &Path, key: &ed25519_dalek::SigningKey, slots: &[u16]) -> AgentConfig {
    AgentConfig {
        station_id: StationId(Uuid::from_u128(5)),
        name: "jig-1".into(),
        version: "0.1.0".into(),
        data: data.to_owned(),
        release_key: hex::encode(key.verifying_key().as_bytes()),
        sealing_key: hex::encode([9; 32]),
        placeholder_key: hex::encode([2; 32]),
        boards: Boards::Simulated,
        machine: Some(MACHINE.into()),
        link: LinkOptions { baud: Some(115_200), ..LinkOptions::default() },
        presence: Presence::Switch,
        has_fixture: true,
        slots: slots.to_vec(),
        needs_sign_in: true,
        commits: CommitWatch::default(),
    }
}

const MACHINE: &str = "jig-pc-1";

fn open<P: PortSource>(
    data: &Path,
    server: Rc<ScriptedServer>,
    ports: P,
    slots: &[u16],
) -> (Agent<Rc<ScriptedServer>, P>, FixtureWire, mpsc::UnboundedReceiver<Progress>) {
    open_on(MACHINE, 1, data, server, ports, slots)
}

/// On that machine, with that seed of its chance.
fn open_on<P: PortSource>(
    machine: &str,
    seed: u64,
    data: &Path,
    server: Rc<ScriptedServer>,
    ports: P,
    slots: &[u16],
) -> (Agent<Rc<ScriptedServer>, P>, FixtureWire, mpsc::UnboundedReceiver<Progress>) {
    let (_, _, key) = released();
    let (fixture, wire) = fixture();
    let (sender, progress) = mpsc::unbounded_channel();
    let clock = Clock::starting_at(DateTime::from_timestamp(1_900_000_000, 0).unwrap());
    let agent = Agent::open(
        AgentConfig { machine: Some(machine.to_owned()), ..config(data, &key, slots) },
        server,
        ports,
        fixture,
        clock,
        StdRng::seed_from_u64(seed),
        sender,
    )
    .unwrap();
    (agent, wire, progress)
}

/// Runs an agent beside `script`, which must stop it.
async fn beside<P: PortSource>(
    data: &Path,
    server: &Rc<ScriptedServer>,
    ports: P,
    slots: &[u16],
    script: impl AsyncFnOnce(&mut Hall),
) {
    run_beside(open(data, Rc::clone(server), ports, slots), script).await;
}

async fn run_beside<P: PortSource>(
    (agent, mut wire, progress): (
        Agent<Rc<ScriptedServer>, P>,
        FixtureWire,
        mpsc::UnboundedReceiver<Progress>,
    ),
    script: impl AsyncFnOnce(&mut Hall),
) {
    let (jig, station) = tokio::io::duplex(4096);
    let (read, write) = tokio::io::split(jig);
    let (stop, stopped) = oneshot::channel();
    let mut hall = Hall { write, lines: BufReader::new(read).lines(), progress, stop: Some(stop) };
    let agent = agent.run(async {
        let _ = stopped.await;
    });
    let carry = async {
        wire.carry(station).await;
    };
    tokio::join!(agent, carry, script(&mut hall));
}

fn server() -> Rc<ScriptedServer> {
    let (assignment, content, _) = released();
    let server = ScriptedServer::default();
    server.assignment.replace(Some(assignment));
    server.content.replace(Some(content));
    Rc::new(server)
}

/// Lines on which nobody speaks; the far ends are kept, so that no port vanishes.
fn silent_lines() -> (impl PortSource, Rc<RefCell<Vec<DuplexStream>>>) {
    let far = Rc::new(RefCell::new(Vec::new()));
    let kept = Rc::clone(&far);
    let ports = move |slot: u16, baud: u32| {
        let (near, other) = tokio::io::duplex(4096);
        kept.borrow_mut().push(other);
        Ok(Line::from_stream(&format!("slot {slot}"), near, baud))
    };
    (ports, far)
}

fn records(server: &ScriptedServer) -> Vec<Envelope> {
    server.held.borrow().iter().map(|text| serde_json::from_str(text).unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_silent_board_ends_as_a_failed_record_on_the_server_and_the_next_one_starts() {
    let folder = tempfile::tempdir().unwrap();
    let (server, (ports, _far)) = (server(), silent_lines());
    beside(folder.path(), &server, ports, &[1, 2], async |hall| {
        hall.presence(1, true).await;
        hall.lamp(1, Lamp::Busy).await;
        hall.lamp(1, Lamp::Fail).await;
        hall.presence(1, false).await;
        hall.lamp(1, Lamp::Idle).await;
        hall.presence(1, true).await;
        hall.lamp(1, Lamp::Fail).await;
        hall.stop();
    })
    .await;
    let records = records(&server);
    assert_eq!(records.iter().map(|envelope| envelope.number).collect::<Vec<_>>(), [1, 2]);
    for Envelope { record, .. } in records {
        assert_eq!((record.outcome, record.fault.unwrap().code), (Outcome::Fail, FaultCode::BoardSilent));
        assert!(record.identifiers.is_empty());
        let seconds = record.finished_at.signed_duration_since(record.started_at).num_seconds();
        // The fixture is asked to wake it by its supply, and does not answer to that.
        assert!((15..20).contains(&seconds), "silent for {seconds} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_port_that_is_not_there_breaks_its_slot_alone_until_it_comes() {
    let folder = tempfile::tempdir().unwrap();
    let (server, (ports, _far)) = (server(), silent_lines());
    let tries = Rc::new(Cell::new(0));
    let counted = Rc::clone(&tries);
    let ports = move |slot: u16, baud: u32| {
        if slot == 1 && counted.replace(counted.get() + 1) < 3 {
            return Err(Fault::new(FaultCode::PortNotOpened)
                .with("device", "/dev/nowhere")
                .with("detail", "no such device"));
        }
        ports(slot, baud)
    };
    beside(folder.path(), &server, ports, &[1, 2], async |hall| {
        hall.presence(1, true).await;
        hall.presence(2, true).await;
        let broken = |live: &StationLive| matches!(&live.slots[0].state, SlotState::Broken { fault } if fault.args["device"] == "/dev/nowhere");
        hall.live_until(|live| broken(live) && matches!(live.slots[1].state, SlotState::Working { .. })).await;
        hall.lamp(2, Lamp::Fail).await;
        hall.lamp(1, Lamp::Fail).await;
        hall.stop();
    })
    .await;
    assert_eq!(tries.get(), 4);
    let slots: Vec<u16> = records(&server).iter().map(|envelope| envelope.record.slot).collect();
    assert_eq!(slots, [2, 1], "a port that was not there makes no record");
}

#[tokio::test(start_paused = true)]
async fn a_vanished_port_is_opened_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (server, (ports, far)) = (server(), silent_lines());
    beside(folder.path(), &server, ports, &[1], async |hall| {
        hall.presence(1, true).await;
        hall.live_until(|live| matches!(live.slots[0].state, SlotState::Working { .. })).await;
        far.borrow_mut().clear();
        hall.live_until(|live| matches!(&live.slots[0].state, SlotState::Broken { fault } if fault.code == FaultCode::PortVanished)).await;
        hall.lamp(1, Lamp::Fail).await;
        hall.stop();
    })
    .await;
    assert_eq!(records(&server).len(), 1, "the board that was probed again");
}

#[tokio::test(start_paused = true)]
async fn without_the_server_records_wait_and_go_when_it_is_back() {
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
    assert!(records(&server).is_empty());
    // Another start, the server still away: the order is on disk, and so is the record.
    beside(folder.path(), &server, &ports, &[1], async |hall| {
        hall.live_until(|live| live.batch_id.is_some() && live.unsent_records == 1).await;
        hall.presence(1, true).await;
        hall.lamp(1, Lamp::Fail).await;
        server.away.set(false);
        hall.live_until(|live| live.unsent_records == 0 || live.slots.is_empty()).await;
        hall.stop();
    })
    .await;
    assert_eq!(records(&server).iter().map(|envelope| envelope.number).collect::<Vec<_>>(), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_board_swapped_while_the_fixture_was_away_is_worked_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let (server, (ports, _far)) = (server(), silent_lines());
    let (agent, mut wire, progress) = open(folder.path(), Rc::clone(&server), ports, &[1]);
    let (stop, stopped) = oneshot::channel();
    let mut progress = Some(progress);
    let mut hall = |jig: DuplexStream| {
        let (read, write) = tokio::io::split(jig);
        let (_, none) = mpsc::unbounded_channel();
        let progress = progress.take().unwrap_or(none);
        Hall { write, lines: BufReader::new(read).lines(), progress, stop: None }
    };
    let agent = agent.run(async {
        let _ = stopped.await;
    });
    let script = async {
        let (jig, station) = tokio::io::duplex(4096);
        let mut first = hall(jig);
        let carry = wire.carry(station);
        let work = async {
            first.presence(1, true).await;
            first.lamp(1, Lamp::Fail).await;
            // The line breaks here.
            drop(first);
        };
        tokio::join!(carry, work);
        let (jig, station) = tokio::io::duplex(4096);
        let mut second = hall(jig);
        let carry = wire.carry(station);
        let work = async {
            // All that the fixture says: a board is there.
            second.presence(1, true).await;
            second.lamp(1, Lamp::Busy).await;
            second.lamp(1, Lamp::Fail).await;
            stop.send(()).unwrap();
        };
        tokio::join!(carry, work);
    };
    tokio::join!(agent, script);
    assert_eq!(records(&server).len(), 2, "the second board was not looked at");
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_panics_switches_its_load_off_and_asks_for_a_hand() {
    let folder = tempfile::tempdir().unwrap();
    let (server, (ports, _far)) = (server(), silent_lines());
    let ports = move |slot: u16, baud: u32| {
        assert!(slot != 1, "a fault of the program");
        ports(slot, baud)
    };
    beside(folder.path(), &server, ports, &[1, 2], async |hall| {
        hall.presence(2, false).await;
        // Behind these lines of the start there is nothing for slot 1 but what its end brings.
        hall.lamp(2, Lamp::Idle).await;
        hall.presence(1, true).await;
        hall.lamp(1, Lamp::Busy).await;
        let line = hall.lines.next_line().await.unwrap().unwrap();
        assert_eq!(line, r#"{"command":"set_load","slot":1,"load_ma":0}"#);
        hall.lamp(1, Lamp::Attention).await;
        hall.presence(2, true).await;
        hall.lamp(2, Lamp::Fail).await;
        hall.stop();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_key_beside_a_journal_is_named_and_not_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (server, (ports, _far)) = (server(), silent_lines());
    drop(open(folder.path(), Rc::clone(&server), &ports, &[1]));
    let key = folder.path().join("station.key");
    std::fs::remove_file(&key).unwrap();
    let (_, _, release) = released();
    let (fixture, _wire) = fixture();
    let (sender, _progress) = mpsc::unbounded_channel();
    let clock = Clock::starting_at(DateTime::from_timestamp(1_900_000_000, 0).unwrap());
    let chance = StdRng::seed_from_u64(1);
    let fault =
        Agent::open(config(folder.path(), &release, &[1]), server, &ports, fixture, clock, chance, sender)
            .err()
            .expect("it started");
    assert!(matches!(fault, AgentFault::Keys(SealFault::OwnKey { .. })));
    let text = fault.to_string();
    assert!(text.contains("station.key") && text.contains("restore it from the backup"), "{text}");
    assert!(!key.exists());
}

#[tokio::test(start_paused = true)]
async fn a_stop_leaves_the_board_to_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let (server, (ports, _far)) = (server(), silent_lines());
    beside(folder.path(), &server, ports, &[1], async |hall| {
        hall.presence(1, true).await;
        hall.lamp(1, Lamp::Busy).await;
        hall.stop();
        hall.lamp(1, Lamp::Idle).await;
    })
    .await;
    assert!(records(&server).is_empty(), "nothing was done to it yet");
}

#[tokio::test(start_paused = true)]
async fn one_identity_in_two_slots_stops_both() {
    let folder = tempfile::tempdir().unwrap();
    let (server, (ports, _far)) = (server(), silent_lines());
    let (agent, _wire, _progress) = open(folder.path(), server, ports, &[1, 2]);
    let mut inputs = agent.inputs;
    let identifier = |value: &str| domain::identifier::Identifier {
        kind: domain::identifier::IdentifierKind::MachineCode,
        value: value.into(),
        unique: true,
    };
    assert_eq!(agent.shared.claim(1, &[identifier("1"), identifier("2")]), Ok(()));
    assert_eq!(agent.shared.claim(1, &[identifier("1")]), Ok(()), "the same slot may ask again");
    assert_eq!(agent.shared.claim(2, &[identifier("3"), identifier("2")]), Err(1));
    let told = inputs.get_mut(&1).unwrap().try_recv().unwrap();
    assert_eq!(told, SlotInput::Contested { identity: "machine_code:2".into(), other_slot: 2 });
    agent.shared.release(1);
    assert_eq!(agent.shared.claim(2, &[identifier("2")]), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_drawer_is_filled_for_a_shift_and_what_is_not_used_goes_back_when_the_batch_is_withdrawn() {
    let folder = tempfile::tempdir().unwrap();
    let (server, (ports, _far)) = (server(), silent_lines());
    server.ledger.replace(Some(BatchLedger::new(500)));
    let room = || server.ledger.borrow().as_ref().unwrap().room();
    let batch = server.assignment.borrow().as_ref().unwrap().batch_id;
    beside(folder.path(), &server, ports, &[1, 2], async |hall| {
        // A silent board is none to start: it costs no share.
        hall.presence(1, true).await;
        hall.lamp(1, Lamp::Fail).await;
        assert_eq!((room(), server.lent.get()), (300, 200), "two hundred shares, and a number for each");
        let assignment = server.assignment.take();
        timeout(Duration::from_secs(60), async {
            while room() < 500 {
                sleep(Duration::from_secs(1)).await;
            }
        })
        .await
        .expect("never given back");
        server.assignment.replace(assignment);
        timeout(Duration::from_secs(60), async {
            while room() > 300 {
                sleep(Duration::from_secs(1)).await;
            }
        })
        .await
        .expect("never asked for again");
        // Away for a while, it gives nothing back: nobody has said that there is no work.
        server.away.set(true);
        sleep(Duration::from_secs(60)).await;
        hall.stop();
    })
    .await;
    server.away.set(false);
    assert_eq!(room(), 300);
    let (agent, _, _) = open(folder.path(), Rc::clone(&server), silent_lines().0, &[1, 2]);
    let share = agent.shared.journal.share(batch).unwrap();
    assert_eq!((share.granted, share.returned, share.free()), (400, 200, 200));
}
