//! One board that comes to its jig again and again, in one process under virtual time: let in, refused, worked once more by an order.
//! Judged by what the board itself was given, by its lamp, and by what the server holds.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test: what fails here is the test's result")]

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    admission::{AdmissionVerdict, UnitActKind},
    identifier::IdentifierKind,
    ids::{RunId, StationId, UnitActId},
    model::{DeviceModel, parse_model},
    outcome::Outcome,
    record::{AdmissionRecord, AdmittedBy, BirthRecord, Envelope, RecordDoubt},
    reference::{CheckResult, MustFail, Reference, ReferenceKind, ReferenceLife, Worth},
    step::Step,
    text::FaultCode,
};
use jigline_tests::{
    memory_server::{BundleFiles, MemoryServer},
    memory_station,
};
use rand::{SeedableRng as _, rngs::StdRng};
use simulator::{
    Fault, Knobs,
    firmware::build_image,
    jig::{JigSettings, MemoryJig},
    observe::{Observation, Remembered},
};
use station::{agent::Agent, clock::Clock, fixture::fixture, link::Line};
use std::{sync::Arc, time::Duration};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

const VERSION: &str = "V1.9";
const WITHIN: Duration = Duration::from_secs(3600);
const STATION: StationId = StationId(Uuid::from_u128(42));

fn golden() -> Reference {
    Reference {
        name: "Golden 3".into(),
        kind: ReferenceKind::Golden,
        must_fail: None,
        profile: None,
        life: ReferenceLife::default(),
    }
}

/// A board, and the jig that it comes to.
struct Visited {
    model: Arc<DeviceModel>,
    server: MemoryServer,
    disk: tempfile::TempDir,
    fault: Option<Fault>,
    knobs: Knobs,
    /// What the board kept when it was taken out last.
    kept: Option<Observation>,
    visits: u32,
}

/// How a visit went.
struct Visit {
    lamp: Option<String>,
    writes: u64,
    changed: bool,
}

impl Visited {
    fn new(fault: Option<Fault>) -> Self {
        Self::with(BundleFiles::shipped(), "topbms", fault)
    }

    fn with(files: BundleFiles, model: &str, fault: Option<Fault>) -> Self {
        let model = Arc::new(parse_model(model, &files.model).unwrap());
        let image = model.loader().map(|_| build_image(&model, VERSION, 8 * 1024, 5).unwrap());
        let server = MemoryServer::with_files(files, STATION, &image.unwrap_or_default(), VERSION);
        let (disk, knobs) = (tempfile::tempdir().unwrap(), Knobs::default());
        Self { model, server, disk, fault, knobs, kept: None, visits: 0 }
    }

    /// When the next visit begins, by the station's clock.
    fn morning(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_000_000, 0).unwrap() + TimeDelta::hours(i64::from(self.visits))
    }

    fn jig(&self) -> MemoryJig {
        let remembered = self.kept.iter().map(|seen| Remembered::of(1, seen)).collect();
        let settings = JigSettings {
            faulty: u32::from(self.fault.is_some()),
            fault: self.fault,
            knobs: self.knobs,
            remembered,
            ..JigSettings::one_board(Arc::clone(&self.model), 5)
        };
        MemoryJig::start(settings).unwrap()
    }

    fn agent(
        &self,
        jig: &MemoryJig,
        ends: station::fixture::Fixture,
    ) -> Agent<MemoryServer, impl Fn(u16, u32) -> Result<Line, domain::text::Fault> + use<>> {
        let ports = memory_station::ports(jig.sockets().to_vec());
        let config = memory_station::config(STATION, &self.server, self.disk.path(), 1);
        let (progress, _lines) = tokio::sync::mpsc::unbounded_channel();
        let chance = StdRng::seed_from_u64(self.visits.into());
        let clock = Clock::starting_at(self.morning());
        Agent::open(config, self.server.clone(), ports, ends, clock, chance, progress).unwrap()
    }

    /// The station hears what the server says, and sees nothing of its jig.
    async fn only_asks(&mut self) {
        let jig = self.jig();
        let (ends, _wire) = fixture();
        self.agent(&jig, ends).run(sleep(Duration::from_secs(30))).await;
        self.visits += 1;
    }

    /// Puts the board in and works until it was taken out.
    async fn visit(&mut self) -> Visit {
        let before = self.kept.clone();
        let mut jig = self.jig();
        let (ends, mut wire) = fixture();
        let agent = self.agent(&jig, ends);
        let stream = jig.fixture();
        let mut seen = jig.jig.witnessed();
        let done = async {
            let all = seen.wait_for(|list| list.iter().all(|board| board.removed));
            timeout(WITHIN, all).await.expect("that never comes").expect("the jig lives");
            // Its record is on its way.
            sleep(Duration::from_secs(120)).await;
        };
        tokio::select! {
            biased;
            _ = wire.carry(stream) => panic!("the fixture's line broke"),
            () = agent.run(done) => {}
        }
        self.visits += 1;
        let lamp = jig.jig.witnessed().borrow()[0].lamp.clone();
        let now = jig.jig.observe(1).await.unwrap();
        let is_as_before = before.is_some_and(|before| {
            before.registers_kept == now.registers_kept
                && before.flash_image == now.flash_image
                && before.password == now.password
        });
        let visit = Visit { lamp, writes: now.register_writes, changed: !is_as_before };
        self.kept = Some(now);
        visit
    }

    /// The board was only looked at, and lay under the lamp that says so.
    async fn is_refused(&mut self) {
        let records = self.server.records().len();
        let visit = self.visit().await;
        assert_eq!(
            (visit.lamp.as_deref(), visit.writes, visit.changed),
            (Some("attention"), 0, false),
            "visit {}",
            self.visits
        );
        assert_eq!(self.server.records().len(), records, "nothing was done, so there is nothing to record");
    }

    /// A jig is checked with the board; nothing was written to it. Gives what that says of the bench, as the server holds it.
    async fn check(&mut self) -> CheckResult {
        let before = self.server.checks().len();
        let lamp = self.is_checked().await;
        let checks = self.server.checks();
        let last = checks.iter().max_by_key(|check| check.started_at).unwrap();
        assert!(checks.len() > before, "it left a record");
        let model = self.server.0.model.borrow();
        let (_, _, kept) = model.checks().find(|(run, ..)| *run == last.run_id).unwrap();
        assert_eq!((kept.known, kept.doubts.as_slice()), (true, [].as_slice()));
        let expected = if kept.result == CheckResult::AsExpected { "attention" } else { "fail" };
        assert_eq!(lamp.as_deref(), Some(expected));
        kept.result
    }

    async fn is_checked(&mut self) -> Option<String> {
        let was_here = self.kept.is_some();
        let visit = self.visit().await;
        let now = self.kept.as_ref().unwrap();
        // What enters factory mode and leaves it is a write that changes nothing.
        let enters = self.model.factory_mode.is_some();
        assert!(!now.changed_since_start && (enters || visit.writes == 0), "{} writes", visit.writes);
        if was_here {
            assert!(!visit.changed, "it is as it was before");
        }
        visit.lamp
    }

    /// The board becomes a reference, known by the identifier that tells it from others.
    fn register(&self, what: Reference) {
        let known = self.server.0.model.borrow().held().units.into_values().next();
        let own = known.and_then(|unit| {
            let mut found = unit.identifiers.into_iter().filter(|one| one.unique);
            found.find(|one| one.kind != IdentifierKind::Serial)
        });
        let shown = own.map_or_else(
            || (IdentifierKind::MachineCode, self.jig().jig.witnessed().borrow()[0].machine_code.clone()),
            |own| (own.kind, own.value),
        );
        let since = DateTime::UNIX_EPOCH;
        self.server.0.model.borrow_mut().register(shown.clone(), what.clone(), since).unwrap();
        let again = self.server.0.model.borrow_mut().register(shown, what, since);
        assert!(again.is_err(), "it is one already");
    }

    /// Quality decides about the board, now.
    fn decide(&self, act: UnitActKind) -> UnitActId {
        let id = UnitActId(Uuid::from_u128(1000 + u128::from(self.visits)));
        let mut model = self.server.0.model.borrow_mut();
        let unit: RunId = *model.held().units.keys().next().expect("the server knows it");
        model.act(unit, act, "cracked", (id, self.morning())).unwrap();
        id
    }

    fn runs(&self) -> Vec<BirthRecord> {
        self.server.records()
    }

    fn outcomes(&self) -> Vec<Outcome> {
        self.runs().iter().map(|run| run.outcome).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_board_that_failed_three_times_is_only_looked_at_until_somebody_entered_a_rework() {
    let mut line = Visited::new(Some(Fault::CellOutOfLimits));
    for _ in 0..3 {
        assert_eq!(line.visit().await.lamp.as_deref(), Some("fail"));
    }
    line.is_refused().await;
    // The station knows it by itself, too.
    line.server.0.away.set(true);
    line.is_refused().await;
    line.server.0.away.set(false);
    line.decide(UnitActKind::Rework);
    assert_eq!(line.visit().await.lamp.as_deref(), Some("fail"));
    assert_eq!(line.outcomes(), [Outcome::Fail; 4]);
}

#[tokio::test(start_paused = true)]
async fn a_board_that_passed_is_worked_once_more_by_an_order_and_keeps_its_number() {
    let mut line = Visited::new(None);
    assert_eq!(line.visit().await.lamp.as_deref(), Some("pass"));
    line.is_refused().await;
    let order = line.decide(UnitActKind::OrderRerun);
    // Off line nobody knows of it.
    line.server.0.away.set(true);
    line.is_refused().await;
    line.server.0.away.set(false);
    let visit = line.visit().await;
    assert_eq!((visit.lamp.as_deref(), visit.writes > 0), (Some("pass"), true));
    line.is_refused().await;
    let runs = line.runs();
    assert_eq!(line.outcomes(), [Outcome::Pass; 2]);
    assert_eq!(runs[0].serial, runs[1].serial);
    assert_eq!(
        runs[1].admission,
        Some(AdmissionRecord { by: AdmittedBy::Server, rerun: Some(order), counts_already: true })
    );
    let held = line.server.0.model.borrow().held();
    assert_eq!((held.units.len(), held.passed.values().sum::<u64>()), (1, 1), "one unit, counted once");
}

#[tokio::test(start_paused = true)]
async fn a_board_that_is_stopped_or_gone_is_only_looked_at() {
    let mut line = Visited::new(Some(Fault::CellOutOfLimits));
    assert_eq!(line.visit().await.lamp.as_deref(), Some("fail"));
    line.decide(UnitActKind::Hold);
    line.is_refused().await;
    line.decide(UnitActKind::Release);
    assert_eq!(line.visit().await.lamp.as_deref(), Some("fail"));
    let mut sound = Visited::new(None);
    assert_eq!(sound.visit().await.lamp.as_deref(), Some("pass"));
    sound.decide(UnitActKind::Ship);
    sound.is_refused().await;
}

/// The shipped model, profile and procedure of each board whose birth is worked whole.
const MODELS: [(&str, &str, &str); 3] = [
    ("topbms", "topbms-12s-lto-200a", "topbms-birth"),
    ("jk-pb", "jk-pb-16s-lto-100a", "jk-pb-birth-16s-lto"),
    ("jbd", "jbd-8s-lto-100a", "jbd-birth-8s-lto"),
];

#[tokio::test(start_paused = true)]
async fn a_jig_is_checked_with_a_golden_board_of_every_model_by_reading_alone_and_off_line_too() {
    for (model, profile, procedure) in MODELS {
        let mut line = Visited::with(BundleFiles::of(model, profile, procedure), model, None);
        let lamp = line.visit().await.lamp;
        assert_eq!(lamp.as_deref(), Some("pass"), "{model}: {:?}", line.runs()[0].fault);
        let counts = line.server.0.model.borrow().held().counts;
        line.register(golden());
        assert_eq!(line.check().await, CheckResult::AsExpected, "{model}");
        line.server.0.away.set(true);
        line.is_checked().await;
        line.server.0.away.set(false);
        assert_eq!(line.check().await, CheckResult::AsExpected, "{model}");
        assert_eq!(line.server.checks().len(), 3, "{model}: none lost, none twice");
        assert!(line.server.checks().iter().all(|check| check.serial.is_none()));
        let held = line.server.0.model.borrow().held();
        assert_eq!((held.counts, held.runs.len()), (counts, 1), "{model}: a check is in no count");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reference_that_never_lay_here_is_known_off_line_by_what_the_server_said_before() {
    let mut line = Visited::new(None);
    // A fresh board holds no profile, and is kept to show that a jig finds that.
    line.register(Reference {
        kind: ReferenceKind::KnownBad,
        must_fail: Some(MustFail { code: FaultCode::RegisterDoesNotHold, step: Step::Verify }),
        ..golden()
    });
    line.only_asks().await;
    line.server.0.away.set(true);
    line.is_checked().await;
    line.server.0.away.set(false);
    assert_eq!(line.check().await, CheckResult::AsExpected);
    assert_eq!((line.server.checks().len(), line.runs().len()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn how_often_a_reference_was_used_is_known_off_line_too_and_past_its_end_it_clears_no_bench() {
    let mut line = Visited::new(None);
    assert_eq!(line.visit().await.lamp.as_deref(), Some("pass"));
    let life = ReferenceLife { most_uses: Some(3), ..ReferenceLife::default() };
    line.register(Reference { life, ..golden() });
    line.check().await;
    line.server.0.away.set(true);
    line.is_checked().await;
    line.is_checked().await;
    line.server.0.away.set(false);
    line.check().await;
    let mut checks = line.server.checks();
    checks.sort_by_key(|check| check.started_at);
    let known: Vec<(u32, Worth)> = checks
        .iter()
        .map(|check| {
            let life = check.reference.as_ref().unwrap().life;
            (life.uses, life.worth(check.started_at))
        })
        .collect();
    let expected = [(0, Worth::Good), (1, Worth::Good), (2, Worth::Good), (3, Worth::WornOut)];
    assert_eq!(known, expected, "each knew of those before it, whoever held them");
}

#[tokio::test(start_paused = true)]
async fn a_board_of_another_variant_is_only_looked_at_whatever_its_model() {
    let variants =
        [("TBA-32S-R2", "TBA-32S-R2-40A"), ("JK_PB", "JK_PB2A8S20P"), ("JBD-", "JBD-SP04S034-40A")];
    for ((model, profile, procedure), (family, own)) in MODELS.into_iter().zip(variants) {
        let mut files = BundleFiles::of(model, profile, procedure);
        // Where the maker's text names no variant, a longer one is still the family's.
        let values = format!("model_values = [{family:?}]\nmodel_prefix = true");
        files.model = files.model.replace("\nmodel_prefix = true", "");
        files.model = files.model.replace(&format!("model_values = [{family:?}]"), &values);
        files.profile = files.profile.replacen("chemistry =", &format!("boards = [{own:?}]\nchemistry ="), 1);
        let other = format!("{family}-X");
        for (shown, lamp) in [(own, "pass"), (family, "attention"), (other.as_str(), "attention")] {
            let mut line = Visited::with(files.clone(), model, None);
            // The jig's board has that in its register.
            let jigs = files.model.replace(&format!("[{family:?}]"), &format!("[{shown:?}]"));
            line.model = Arc::new(parse_model(model, &jigs).unwrap());
            let visit = line.visit().await;
            assert_eq!(visit.lamp.as_deref(), Some(lamp), "{model} {shown}");
            if shown == own {
                assert_eq!(line.runs()[0].shows.as_ref().map(|shows| shows.model.as_str()), Some(own));
                continue;
            }
            // A guard is opened to read an identity behind it: a write that changes nothing.
            let enters = line.model.factory_mode.is_some();
            assert!(enters || visit.writes == 0, "{model} {shown}");
            assert!(!line.kept.unwrap().changed_since_start && line.server.records().is_empty(), "{model}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_board_that_counts_its_cells_is_only_looked_at_where_the_product_has_others() {
    let mut files = BundleFiles::shipped();
    // As the shipped model would be that showed it.
    for (old, new) in [
        ("start = 0x0100\ncount = 48", "start = 0x0100\ncount = 49"),
        (
            "count_register = \"cell_count\"",
            "count_register = \"cell_count\"\nfound_register = \"cells_found\"",
        ),
    ] {
        assert!(files.model.contains(old), "{old}");
        files.model = files.model.replacen(old, new, 1);
    }
    files.model += "\n[[register]]\nname = \"cells_found\"\naddress = 0x0130\nkind = \"u16\"\ntitle = { en = \"Cells found\", zh = \"串数\" }\n";
    for (cells, lamp) in [(12, "pass"), (16, "attention"), (11, "attention")] {
        let mut line = Visited::with(files.clone(), "topbms", None);
        line.knobs.cells = cells;
        let visit = line.visit().await;
        assert_eq!(visit.lamp.as_deref(), Some(lamp), "{cells}");
        let records = line.server.records();
        if lamp == "pass" {
            assert_eq!(records[0].shows.as_ref().and_then(|shows| shows.cells), Some(12));
        } else {
            assert!(
                visit.writes == 0 && !line.kept.unwrap().changed_since_start && records.is_empty(),
                "{cells}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_golden_board_that_fails_shows_the_bench_as_not_to_be_trusted() {
    let mut line = Visited::new(None);
    assert_eq!(line.visit().await.lamp.as_deref(), Some("pass"));
    line.register(golden());
    // As a contact would that lost its spring.
    line.fault = Some(Fault::CellOutOfLimits);
    assert_eq!(line.check().await, CheckResult::NotAsExpected);
    line.fault = None;
    assert_eq!(line.check().await, CheckResult::AsExpected);
    // Nobody has worked this one ever: it holds what its maker put into it.
    let mut fresh = Visited::new(None);
    fresh.register(golden());
    assert_eq!(fresh.check().await, CheckResult::NotAsExpected);
    let found = fresh.server.checks()[0].fault.clone().unwrap();
    assert_eq!((found.code, found.step), (FaultCode::RegisterDoesNotHold, Some(Step::Verify)));
}

#[tokio::test(start_paused = true)]
async fn a_known_bad_board_fails_for_its_reason_where_the_bench_finds_it() {
    let mut line = Visited::new(Some(Fault::CellOutOfLimits));
    assert_eq!(line.visit().await.lamp.as_deref(), Some("fail"));
    let must_fail = Some(MustFail::ALL[0]);
    line.register(Reference { kind: ReferenceKind::KnownBad, must_fail, ..golden() });
    let result = line.check().await;
    assert_eq!(result, CheckResult::AsExpected, "{:?}", line.server.checks()[0].fault);
    // A bench that would pass any board.
    line.fault = None;
    assert_eq!(line.check().await, CheckResult::NotAsExpected);
}

#[tokio::test(start_paused = true)]
async fn a_pass_that_a_station_makes_off_line_of_a_board_on_hold_is_kept_and_not_believed() {
    let mut line = Visited::new(Some(Fault::CellOutOfLimits));
    assert_eq!(line.visit().await.lamp.as_deref(), Some("fail"));
    line.decide(UnitActKind::Hold);
    // Its cell was changed, and nobody told the server.
    line.fault = None;
    line.server.0.away.set(true);
    assert_eq!(line.visit().await.lamp.as_deref(), Some("pass"));
    line.server.0.away.set(false);
    let visit = line.visit().await;
    assert_eq!((visit.lamp.as_deref(), visit.writes), (Some("attention"), 0));
    let aside = line.server.quarantine();
    assert_eq!(aside.len(), 1);
    assert!(aside[0].1.contains("was on hold when the run began"), "{}", aside[0].1);
    let envelope: Envelope = serde_json::from_str(&aside[0].0).unwrap();
    let record = envelope.record;
    assert_eq!(record.admission.unwrap().by, AdmittedBy::Station);
    let held = line.server.0.model.borrow().held();
    let run = &held.runs[&record.run_id];
    assert_eq!((run.outcome, run.claimed), (Outcome::Error, Some(Outcome::Pass)));
    assert_eq!(run.doubts, [RecordDoubt::NotToBeWorked { verdict: AdmissionVerdict::OnHold }]);
    assert_eq!(held.passed.values().sum::<u64>(), 0);
}
