//! What jig and power do to a line in one process under virtual time: a fixture's cable that comes out while a board is swapped, and a
//! station that dies between verdict and removal. Judged by the lamps that the boards lay under, and by the records.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test: what fails here is the test's result")]

use domain::{
    ids::StationId,
    model::parse_model,
    outcome::Outcome,
    record::{BirthRecord, RestartKind},
    step::Step,
};
use jigline_tests::{demo::workspace_root, memory_server::MemoryServer, memory_station};
use rand::{SeedableRng as _, rngs::StdRng};
use simulator::{
    firmware::build_image,
    jig::{JigSettings, MemoryJig},
    observe::Witnessed,
};
use station::{
    agent::Agent,
    clock::Clock,
    fixture::{Carried, fixture},
    link::Line,
};
use std::{path::Path, pin::pin, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream},
    time::{sleep, timeout},
};
use uuid::Uuid;

const VERSION: &str = "V1.9";
const WITHIN: Duration = Duration::from_secs(3600);

struct Hall {
    jig: MemoryJig,
    server: MemoryServer,
    folder: tempfile::TempDir,
}

impl Hall {
    /// One slot, and that many good boards.
    fn with_boards(boards: u32) -> Self {
        let text = std::fs::read_to_string(workspace_root().join("profiles/models/topbms.toml")).unwrap();
        let model = Arc::new(parse_model("topbms.toml", &text).unwrap());
        let image = build_image(&model, VERSION, 8 * 1024, 5).unwrap();
        let server = MemoryServer::new(StationId(Uuid::from_u128(42)), &image, VERSION);
        let settings = JigSettings { boards, ..JigSettings::one_board(model, 5) };
        Self { jig: MemoryJig::start(settings).unwrap(), server, folder: tempfile::tempdir().unwrap() }
    }

    async fn until(&self, is_it: impl Fn(&Witnessed) -> bool) {
        let mut seen = self.jig.jig.witnessed();
        let all = seen.wait_for(|list| list.iter().all(&is_it));
        timeout(WITHIN, all).await.expect("that never comes").expect("the jig lives");
    }

    fn lamps(&self) -> Vec<Option<String>> {
        self.jig.jig.witnessed().borrow().iter().map(|board| board.lamp.clone()).collect()
    }
}

/// A station on that disk.
fn agent(
    hall: &Hall,
    data: &Path,
    ends: station::fixture::Fixture,
) -> Agent<MemoryServer, impl Fn(u16, u32) -> Result<Line, domain::text::Fault> + use<>> {
    let ports = memory_station::ports(hall.jig.sockets().to_vec());
    let config = memory_station::config(StationId(Uuid::from_u128(42)), &hall.server, data, 1);
    let clock = Clock::starting_at(chrono::DateTime::from_timestamp(1_795_000_000, 0).unwrap());
    let (progress, _lines) = tokio::sync::mpsc::unbounded_channel();
    Agent::open(config, hall.server.clone(), ports, ends, clock, StdRng::seed_from_u64(5), progress).unwrap()
}

/// Carries lines both ways until the station says `last`, which still gets to the jig; then the station's side is out.
async fn carry_until(jig: &mut BufReader<DuplexStream>, station: DuplexStream, last: &str) {
    let mut station = BufReader::new(station);
    let (mut up, mut down) = (String::new(), String::new());
    loop {
        tokio::select! {
            biased;
            read = jig.read_line(&mut up) => {
                assert!(read.unwrap() > 0, "the jig went away");
                station.get_mut().write_all(up.as_bytes()).await.unwrap();
                up.clear();
            }
            read = station.read_line(&mut down) => {
                assert!(read.unwrap() > 0, "the station went away");
                jig.get_mut().write_all(down.as_bytes()).await.unwrap();
                if down.contains(last) {
                    return;
                }
                down.clear();
            }
        }
    }
}

fn passed(records: &[BirthRecord]) -> usize {
    records.iter().filter(|record| record.outcome == Outcome::Pass).count()
}

#[tokio::test(start_paused = true)]
async fn a_board_swapped_while_the_cable_was_out_is_worked_and_lies_under_no_lamp_but_its_own() {
    let mut hall = Hall::with_boards(2);
    let (ends, mut wire) = fixture();
    let agent = agent(&hall, hall.folder.path(), ends);
    let mut jig_end = BufReader::new(hall.jig.fixture());
    let script = async {
        let (ours, theirs) = tokio::io::duplex(65_536);
        let (carried, ()) = tokio::join!(wire.carry(theirs), carry_until(&mut jig_end, ours, "\"pass\""));
        assert_eq!(carried, Carried::JigGone);
        // The operator saw the lamp, took the board out and put the next one in.
        sleep(Duration::from_secs(6)).await;
        let frames = hall.jig.jig.witnessed().borrow()[1].frames;
        assert_eq!(frames, 0, "somebody worked the second board already");
        drop(jig_end);
        let stream = hall.jig.fixture();
        tokio::select! {
            biased;
            _ = wire.carry(stream) => panic!("the fixture's line broke"),
            () = hall.until(|board| board.removed) => {}
        }
        sleep(Duration::from_secs(5)).await;
    };
    agent.run(script).await;
    assert_eq!(hall.lamps(), [Some("pass".to_owned()), Some("pass".to_owned())]);
    let records = hall.server.records();
    assert_eq!((records.len(), passed(&records)), (2, 2));
    for record in records {
        let restart = record.steps.iter().find(|entry| entry.step == Step::Restart).unwrap();
        assert_eq!(restart.restart, Some(RestartKind::PowerCycle));
    }
}

#[tokio::test(start_paused = true)]
async fn a_station_that_dies_between_verdict_and_removal_shows_the_pass_again() {
    let mut hall = Hall::with_boards(1);
    // From before the lamp is carried to just before the hand comes.
    let is_lit = |board: &Witnessed| board.lamp.as_deref() == Some("pass");
    {
        let (ends, mut wire) = fixture();
        let agent = agent(&hall, hall.folder.path(), ends);
        let stream = hall.jig.fixture();
        let mut run = pin!(agent.run(std::future::pending()));
        tokio::select! {
            biased;
            _ = wire.carry(stream) => panic!("the fixture's line broke"),
            () = &mut run => panic!("the station stopped"),
            () = async { hall.until(is_lit).await; sleep(Duration::from_secs(1)).await; } => {}
        }
        // Dropped here, in the middle of it.
    }
    let (ends, mut wire) = fixture();
    let agent = agent(&hall, hall.folder.path(), ends);
    let stream = hall.jig.fixture();
    let done = async {
        hall.until(|board| board.removed).await;
        sleep(Duration::from_secs(5)).await;
    };
    tokio::select! {
        biased;
        _ = wire.carry(stream) => panic!("the fixture's line broke"),
        () = agent.run(done) => {}
    }
    assert_eq!(hall.lamps(), [Some("pass".to_owned())]);
    let records = hall.server.records();
    assert_eq!((records.len(), passed(&records)), (1, 1), "{records:#?}");
}
