//! The model of ingest, which the campaigns' server in memory answers with, against the real server on a real PostgreSQL: over random
//! histories of stations both answer alike and hold the same. A history comes from its seed; one that tells the two apart is made as small
//! as it can be before it is shown.
//!
//! `JIGLINE_HISTORIES=N` plays so many; `JIGLINE_HISTORY_SEED=S` begins at that seed.

#![expect(clippy::unwrap_used, reason = "a test: what fails here is the test's result")]

#[path = "ingest_model/database.rs"]
mod database;
#[path = "ingest_model/desk.rs"]
mod desk;
#[path = "ingest_model/draw.rs"]
mod draw;
#[path = "ingest_model/floor.rs"]
mod floor;
#[path = "ingest_model/history.rs"]
mod history;
#[path = "ingest_model/people.rs"]
mod people;
#[path = "ingest_model/replay.rs"]
mod replay;
#[path = "ingest_model/texts.rs"]
mod texts;
#[path = "ingest_model/units.rs"]
mod units;
#[path = "ingest_model/world.rs"]
mod world;

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use replay::Seen;
use std::cell::RefCell;

/// What fits into a minute of a debug build.
const HISTORIES: u64 = 300;
/// Parts of a history that are tried when it is made smaller.
const PARTS: u32 = 300;

/// What the histories of every run must have met, so that no rule goes uncompared.
const MET: [&str; 119] = [
    "Accept: done",
    "Accept: not_accepted",
    "Accept: resolved_already",
    "Conflict: is stored with other content",
    "Conflict: of outbox",
    "Duplicate",
    "Quarantined: belongs to another unit",
    "Quarantined: claims a pass that it does not prove",
    "Quarantined: is for operation",
    "Quarantined: is no record number",
    "Quarantined: is no slot",
    "Quarantined: is worked with bundle",
    "Quarantined: it shows an identifier of unit",
    "Quarantined: its identifiers belong to different units",
    "Quarantined: never released",
    "Quarantined: outbox_ended",
    "Quarantined: quota_exceeded",
    "Quarantined: share_written_off",
    "Quarantined: station_frozen",
    "Quarantined: the database can't hold this record",
    "Quarantined: the envelope names station",
    "Quarantined: the record's form is version",
    "Quarantined: there is no batch",
    "Quarantined: the board was reference",
    "Quarantined: the unit has another pass in this operation",
    "Quarantined: claims a check that it does not prove",
    "Quarantined: says of a reference disagree",
    "Quarantined: this board is unit",
    "Quarantined: this is no envelope",
    "Quarantined: was given up",
    "Quarantined: was lent to another batch",
    "Quarantined: was lent to another station",
    "Quarantined: was never lent",
    "Quarantined: was scrapped",
    "SetAside: done",
    "SetAside: resolved_already",
    "Stored",
    "Quarantined: had been shipped when the run began",
    "Quarantined: was on hold when the run began",
    "admission: Admit",
    "admission: AnotherBatch",
    "admission: IdentityConflict",
    "admission: Leased",
    "admission: OnHold",
    "admission: PassedAlready",
    "admission: Reference",
    "admission: Shipped",
    "admission: TooManyFails",
    "admission: by an order",
    "admission: station_frozen",
    "admission: told of a fail since its pass",
    "change-over: done",
    "change-over: held",
    "change-over: invalid",
    "change-over: station_frozen",
    "check-in: accepted",
    "check-in: accepted with gaps",
    "check-in: begin outbox",
    "check-in: invalid",
    "check-in: journal_differs",
    "check-in: journal_went_back",
    "check-in: machine_changed",
    "check-in: station_twice_alive",
    "check-in: wire_version",
    "decided: hold, done",
    "decided: hold, on_hold",
    "decided: leave_batch, done",
    "decided: leave_batch, left_batch",
    "decided: order_rerun, done",
    "decided: order_rerun, not_passed",
    "decided: order_rerun, rerun_open",
    "decided: release, not_on_hold",
    "decided: rework, done",
    "decided: ship, done",
    "decided: ship, not_passed",
    "decided: ship, shipped",
    "decided: take_back, not_shipped",
    "free: bound",
    "free: conflict",
    "free: done",
    "free: in_hand",
    "free: not_found",
    "free: not_listed",
    "free: scrapped",
    "hold: done",
    "hold: held",
    "hold: not_found",
    "hold: not_held",
    "label: it shows an identifier of unit",
    "label: stored",
    "live: froze the station",
    "numbers: conflict",
    "numbers: invalid",
    "numbers: lent",
    "numbers: lent one that was freed",
    "numbers: not_found",
    "numbers: quota_spent",
    "numbers: scanned",
    "numbers: station_frozen",
    "numbers: told of a written-off share",
    "numbers: told of scrapped ones",
    "reference: conflict",
    "reference: ended",
    "reference: not_found",
    "reference: put away",
    "reference: registered",
    "request: invalid",
    "return: heard",
    "return: invalid",
    "return: not_found",
    "scrap: conflict",
    "scrap: done",
    "scrap: not_found",
    "scrap: passed",
    "unfreeze: done",
    "unfreeze: not_frozen",
    "write-off: conflict",
    "write-off: done",
    "write-off: not_found",
];

#[test]
fn over_any_history_the_model_answers_and_holds_what_the_server_does() {
    // A debug build keeps what a history is drawn from in frames that a test's own stack has no room for.
    let roomy = std::thread::Builder::new().stack_size(16 << 20).spawn(play_all).unwrap();
    let Played { said, missing } = roomy.join().unwrap();
    println!("{said}");
    assert!(missing.is_empty(), "no history met {missing:?}");
}

struct Played {
    said: String,
    /// Of what every run must have met.
    missing: Vec<&'static str>,
}

fn play_all() -> Played {
    let asked = |name: &str| std::env::var(name).ok().map(|value| value.parse::<u64>().unwrap());
    let (first, count) =
        (asked("JIGLINE_HISTORY_SEED").unwrap_or(1), asked("JIGLINE_HISTORIES").unwrap_or(HISTORIES));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let world = runtime.block_on(world::World::start());
    let seen = RefCell::new(Seen::new());
    let began = std::time::Instant::now();
    for seed in first..first + count {
        let play = |acts: Vec<history::Act>| {
            let played = runtime.block_on(replay::play(&world, &acts, &mut seen.borrow_mut()));
            played.map_err(TestCaseError::fail)
        };
        match runner(seed).run(&draw::history(), play) {
            Ok(()) => {}
            Err(TestError::Fail(fault, acts)) => panic!(
                "seed {seed} (JIGLINE_HISTORY_SEED={seed} JIGLINE_HISTORIES=1 plays it again): {fault}\n\nthe smallest history that shows it:\n{acts:#?}"
            ),
            Err(TestError::Abort(why)) => panic!("seed {seed}: {why}"),
        }
    }
    let seen = seen.into_inner();
    let said = format!("seeds {first} to {}: {:?}\n{seen:#?}", first + count - 1, began.elapsed());
    let is_whole = (first, count) == (1, HISTORIES);
    let missing = MET.iter().copied().filter(|met| is_whole && !seen.contains_key(*met)).collect();
    runtime.block_on(world.server.stop());
    Played { said, missing }
}

fn runner(seed: u64) -> TestRunner {
    let config = Config { cases: 1, failure_persistence: None, max_shrink_iters: PARTS, ..Config::default() };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}
