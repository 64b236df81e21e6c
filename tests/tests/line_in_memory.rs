//! The whole line in one process under virtual time: jig, boards and station speak real bytes at 9600 baud, and an hour of the
//! factory takes seconds. Judged by the witness (what the boards hold) and the records, never by the station's opinion.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test: what fails here is the test's result")]

use domain::{
    evidence::Evidence,
    identifier::IdentifierKind,
    ids::StationId,
    model::{DeviceModel, parse_model},
    outcome::Outcome,
    profile::parse_profile,
    record::{BirthRecord, judge_record},
    text::FaultCode,
    value::Value,
};
use jigline_tests::{demo::workspace_root, memory_server::MemoryServer, memory_station};
use rand::{SeedableRng as _, rngs::StdRng};
use simulator::{
    codec,
    faults::{Expected, Fault},
    firmware::build_image,
    jig::{JigSettings, MemoryJig},
    observe::{Observation, Witnessed},
};
use station::{agent::Agent, clock::Clock, fixture::fixture};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use uuid::Uuid;

const VERSION: &str = "V1.9";
/// Virtual time: a board takes some 110 s at 9600 baud.
const BATCH_WITHIN: Duration = Duration::from_secs(3 * 3600);

/// Modbus requests of a whole run, the waiting for restarts included: one for each parameter would be over a hundred.
const REQUESTS_A_RUN: u64 = 64;

struct Shift {
    server: MemoryServer,
    model: Arc<DeviceModel>,
    witnessed: Vec<Witnessed>,
    /// What the boards hold, in the order of `witnessed`; none for one that was never put in.
    observed: Vec<Option<Observation>>,
    /// Virtual time that the shift took.
    lasted: Duration,
}

/// Works `boards` boards on `slots` slots, `faulty` of them bad, while `meddle` does what it likes with the server.
async fn work(slots: u16, boards: u32, faulty: u32, seed: u64, meddle: impl AsyncFn(&MemoryServer)) -> Shift {
    let text = std::fs::read_to_string(workspace_root().join("profiles/models/topbms.toml")).unwrap();
    let model = Arc::new(parse_model("topbms.toml", &text).unwrap());
    let image = build_image(&model, VERSION, 8 * 1024, seed).unwrap();
    let station_id = StationId(Uuid::from_u128(42));
    let server = MemoryServer::new(station_id, &image, VERSION);
    let begun = tokio::time::Instant::now();
    let settings = JigSettings {
        model: model.clone(),
        slots: slots.into(),
        boards,
        first_board: 1,
        seed,
        faulty,
        fault: None,
        disturbances: Default::default(),
        observer: None,
        earlier: Vec::new(),
        remembered: Vec::new(),
        operator: Default::default(),
        knobs: Default::default(),
        bench: false,
    };
    let mut jig = MemoryJig::start(settings).unwrap();
    let (ends, mut wire) = fixture();
    let stream = jig.fixture();
    let ports = memory_station::ports(jig.sockets().to_vec());
    let folder = tempfile::tempdir().unwrap();
    let config = memory_station::config(station_id, &server, folder.path(), slots);
    let clock = Clock::starting_at(chrono::DateTime::from_timestamp(1_795_000_000, 0).unwrap());
    let (progress, _lines) = tokio::sync::mpsc::unbounded_channel();
    let agent =
        Agent::open(config, server.clone(), ports, ends, clock, StdRng::seed_from_u64(seed), progress)
            .unwrap();

    let mut seen = jig.jig.witnessed();
    let done = async {
        let all_out = seen.wait_for(|list| list.iter().all(|board| board.removed));
        tokio::time::timeout(BATCH_WITHIN, all_out).await.expect("the batch ends").expect("the jig lives");
        // The last records are on their way, however long the server was away.
        tokio::time::sleep(Duration::from_secs(1200)).await;
    };
    tokio::select! {
        biased;
        _ = wire.carry(stream) => panic!("the fixture's line broke"),
        () = async { meddle(&server).await; std::future::pending().await } => {}
        () = agent.run(done) => {}
    }
    let witnessed = jig.jig.witnessed().borrow().clone();
    let mut observed = Vec::new();
    for board in &witnessed {
        observed.push(jig.jig.observe(board.index).await);
    }
    Shift { server, model, witnessed, observed, lasted: begun.elapsed() }
}

fn runs_of<'a>(records: &'a [BirthRecord], board: &Witnessed) -> Vec<&'a BirthRecord> {
    let is_its = |record: &&BirthRecord| {
        record
            .identifiers
            .iter()
            .any(|held| held.kind == IdentifierKind::MachineCode && held.value == board.machine_code)
    };
    records.iter().filter(is_its).collect()
}

/// What must be true of every shift, whatever was done to it.
fn judge(shift: &Shift) {
    let records = shift.server.records();
    let mut numbers = BTreeSet::new();
    let expected = shift.server.expected();
    for record in &records {
        let doubts = judge_record(record, &expected);
        assert!(doubts.is_empty(), "a record that does not support itself: {doubts:?}\n{record:#?}");
        if record.outcome == Outcome::Pass {
            assert!(numbers.insert(record.serial.clone()), "{:?} was given twice", record.serial);
        }
    }
    assert_eq!(shift.server.0.conflicts.get(), 0, "the same run was sent with two contents");
    for (board, observed) in shift.witnessed.iter().zip(&shift.observed) {
        let runs = runs_of(&records, board);
        let passed = runs.iter().filter(|run| run.outcome == Outcome::Pass).count();
        match board.expected {
            Expected::Pass => {
                assert_eq!(passed, 1, "board {} ({:?}): {runs:#?}", board.index, board.fault);
                assert!(
                    !board.holds.password_is_factory,
                    "board {} left with the factory's password",
                    board.index
                );
                assert!(board.holds.charge_on, "board {} left without its charge path", board.index);
                let serial = runs.iter().find_map(|run| run.serial.clone()).unwrap();
                let name = board.holds.name.clone().unwrap();
                assert!(serial.ends_with(&name[name.len() - 8..]), "{serial} is not in the name {name}");
                assert_holds(shift, board, observed.as_ref().unwrap());
            }
            Expected::Fail => assert_eq!(passed, 0, "board {} ({:?}) passed", board.index, board.fault),
            // Its identity is another's: that one has passed once, the clone never.
            Expected::Refused => {
                assert!(passed <= 1, "board {} passed beside the one whose identity it has", board.index);
                assert!(board.holds.password_is_factory, "board {} was written to", board.index);
            }
        }
    }
}

/// The board itself, register by register as it would be after the next restart: the profile, the image, the lock.
fn assert_holds(shift: &Shift, board: &Witnessed, observed: &Observation) {
    let bundle = &shift.server.0.bundle;
    let profile = parse_profile("profile", &bundle.profile_toml).unwrap();
    for (name, value) in &profile.values {
        let register = shift.model.register(name).unwrap();
        // The witness's own arithmetic, not the station's.
        let wanted = match value {
            Value::Number(number) => codec::encode_number(register, *number),
            Value::Text(text) => codec::encode_text(register, text).unwrap(),
        };
        let at = |address| observed.registers_kept.get(&address).copied().unwrap_or_default();
        let held: Vec<u16> = (register.address..).take(wanted.len()).map(at).collect();
        assert_eq!(held, wanted, "board {} holds another {name} than the profile's", board.index);
    }
    let released = bundle.manifest.firmware.as_ref().map(|firmware| firmware.crc32);
    assert_eq!(board.holds.firmware_crc32, released, "board {}", board.index);
    assert_eq!(board.holds.lease_mode.as_deref(), Some("armed"), "board {}", board.index);
    assert!(board.holds.discharge_on, "board {} is armed and does not discharge", board.index);
    assert!(board.frames <= REQUESTS_A_RUN, "board {} was asked {} times", board.index, board.frames);
}

#[tokio::test(start_paused = true)]
async fn a_batch_with_every_fault_ends_with_the_right_record_of_each_board() {
    let shift = work(4, 14, 7, 1, async |_| {}).await;
    judge(&shift);
    let records = shift.server.records();
    let codes: Vec<Option<FaultCode>> =
        records.iter().map(|record| record.fault.as_ref().map(|fault| fault.code)).collect();
    for (fault, code) in [
        (Fault::Silent, FaultCode::BoardSilent),
        (Fault::CellOutOfLimits, FaultCode::OutsideLimits),
        (Fault::RegisterDoesNotHold, FaultCode::RegisterDoesNotHold),
        (Fault::WrongModel, FaultCode::WrongModel),
    ] {
        assert!(codes.contains(&Some(code)), "nothing was said of the board that is {fault:?}: {codes:?}");
    }
    // Each board but the clone has one run; the silent one has a record without a unit.
    assert_eq!(records.len(), 13);
    assert_eq!(records.iter().filter(|record| record.identifiers.is_empty()).count(), 1);
    let flipped = shift.witnessed.iter().find(|board| board.fault == Some(Fault::FlippedFlashByte)).unwrap();
    let runs = runs_of(&records, flipped);
    assert!(!runs.is_empty() && runs.iter().all(|run| run.outcome == Outcome::Fail), "{runs:#?}");
    println!("14 boards took {} s of the factory's time", shift.lasted.as_secs());
}

#[tokio::test(start_paused = true)]
async fn every_parameter_of_a_pass_was_read_after_the_restart() {
    let shift = work(2, 2, 0, 2, async |_| {}).await;
    judge(&shift);
    for record in shift.server.records() {
        assert_eq!(record.outcome, Outcome::Pass);
        assert!(record.parameters.len() >= 25, "{} parameters", record.parameters.len());
        assert!(
            record
                .parameters
                .iter()
                .all(|p| p.evidence == Evidence::Verified && p.after_restart.as_ref() == Some(&p.set))
        );
        assert!(
            record.parameters.iter().any(|p| p.before.as_ref() != Some(&p.set)),
            "nothing was ever written"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_shift_with_the_server_away_and_its_answers_lost_brings_every_record_once() {
    let shift = work(3, 6, 0, 3, async |server: &MemoryServer| {
        // First contact, then nothing for ten minutes, then a wire that swallows the answers.
        tokio::time::sleep(Duration::from_secs(10)).await;
        server.0.away.set(true);
        tokio::time::sleep(Duration::from_secs(600)).await;
        server.0.away.set(false);
        server.0.deaf.set(true);
        tokio::time::sleep(Duration::from_secs(30)).await;
        server.0.deaf.set(false);
    })
    .await;
    judge(&shift);
    assert_eq!(shift.server.records().len(), 6);
}
