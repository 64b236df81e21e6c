//! Every procedure worked on the boards that it is for, in one process under virtual time: models that have no loader, no name, no
//! password and no lock; packs of every chemistry; boards that nothing tells apart before they bear their number. Judged by the
//! records, with the rules that know nothing of the station, and by what the boards keep.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test: what fails here is the test's result")]

use domain::{
    evidence::{Evidence, FirmwareEvidence},
    identifier::IdentifierKind,
    ids::{ContentHash, StationId},
    lease::BirthLease,
    model::{DeviceModel, parse_model},
    outcome::Outcome,
    profile::parse_profile,
    record::{
        BirthRecord, Expected, FirmwareRecord, LeaseRecord, NumberRecord, OutputRecord, RestartKind,
        SecretRecord, StepOutcome, judge_record,
    },
    step::Step,
    text::FaultCode,
    value::Value,
};
use jigline_tests::memory_server::{BundleFiles, MemoryServer};
use rand::{SeedableRng as _, rngs::StdRng};
use simulator::{
    codec,
    faults::Fault,
    firmware::build_image,
    jig::{JigSettings, MemoryJig},
    knobs::Knobs,
    observe::{Observation, Remembered, Witnessed},
};
use station::{
    agent::{Agent, AgentConfig},
    clock::Clock,
    fixture::{Carried, Fixture, fixture},
    link::{Line, LinkOptions},
    order::Boards,
};
use std::{collections::BTreeSet, path::Path, sync::Arc, time::Duration};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

const VERSION: &str = "V1.9";
const WITHIN: Duration = Duration::from_secs(3600);
const LFP_MV: u32 = 3300;
const TERNARY_MV: u32 = 3680;

/// A jig, the server behind the station, and the station's disk.
struct Hall {
    jig: MemoryJig,
    server: MemoryServer,
    model: Arc<DeviceModel>,
    slots: u16,
    disk: tempfile::TempDir,
}

impl Hall {
    /// As many slots as boards, whose cells rest at `cell_mv` (0: titanate's).
    fn new(files: BundleFiles, boards: u16, cell_mv: u32) -> Self {
        Self::with(files, boards, cell_mv, |_| {})
    }

    fn with(files: BundleFiles, boards: u16, cell_mv: u32, turn: impl FnOnce(&mut JigSettings)) -> Self {
        let model = Arc::new(parse_model("model", &files.model).unwrap());
        let image = model.loader().map(|_| build_image(&model, VERSION, 8 * 1024, 7).unwrap());
        let image = image.unwrap_or_default();
        let server = MemoryServer::with_files(files, StationId(Uuid::from_u128(42)), &image, VERSION);
        let mut settings = JigSettings {
            slots: boards.into(),
            boards: boards.into(),
            knobs: Knobs { cell_rest_mv: cell_mv, ..Knobs::default() },
            ..JigSettings::one_board(Arc::clone(&model), 7)
        };
        turn(&mut settings);
        let jig = MemoryJig::start(settings).unwrap();
        Self { jig, server, model, slots: boards, disk: tempfile::tempdir().unwrap() }
    }

    /// A station on the disk at `data`.
    fn agent(
        &self,
        data: &Path,
        ends: Fixture,
    ) -> Agent<MemoryServer, impl Fn(u16, u32) -> Result<Line, domain::text::Fault> + use<>> {
        let sockets: Vec<_> =
            (1..=u32::from(self.slots)).map(|slot| self.jig.socket(slot).unwrap().clone()).collect();
        let ports = move |slot: u16, baud: u32| {
            let line = sockets[usize::from(slot) - 1].connect();
            line.set_baud(baud);
            let rate = line.baud_handle();
            let hook = Box::new(move |baud| rate.store(baud, std::sync::atomic::Ordering::SeqCst));
            Ok(Line::from_stream(&format!("memory-{slot}"), line.stream, baud).with_baud_hook(hook))
        };
        let config = AgentConfig {
            station_id: StationId(Uuid::from_u128(42)),
            name: "memory".to_owned(),
            version: "test".to_owned(),
            data: data.to_owned(),
            release_key: self.server.0.release_key.clone(),
            sealing_key: "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a".to_owned(),
            placeholder_key: "11".repeat(32),
            boards: Boards::Simulated,
            link: LinkOptions::default(),
            slots: (1..=self.slots).collect(),
        };
        let clock = Clock::starting_at(chrono::DateTime::from_timestamp(1_795_000_000, 0).unwrap());
        let (progress, _lines) = tokio::sync::mpsc::unbounded_channel();
        let chance = StdRng::seed_from_u64(7);
        Agent::open(config, self.server.clone(), ports, ends, clock, chance, progress).unwrap()
    }

    async fn until(&self, is_it: impl Fn(&Witnessed) -> bool) {
        let mut seen = self.jig.jig.witnessed();
        let all = seen.wait_for(|list| list.iter().all(&is_it));
        timeout(WITHIN, all).await.expect("that never comes").expect("the jig lives");
    }

    /// Works every board to its removal.
    async fn work(&mut self) {
        let (ends, mut wire) = fixture();
        let agent = self.agent(self.disk.path(), ends);
        let stream = self.jig.fixture();
        let done = async {
            self.until(|board| board.removed).await;
            sleep(Duration::from_secs(60)).await;
        };
        tokio::select! {
            biased;
            _ = wire.carry(stream) => panic!("the fixture's line broke"),
            () = agent.run(done) => {}
        }
    }

    /// Works until board 1 is as wanted, and dies there.
    async fn work_until_it_dies(&mut self, is_it: impl Fn(&Observation) -> bool) {
        let (ends, mut wire) = fixture();
        let agent = self.agent(self.disk.path(), ends);
        let stream = self.jig.fixture();
        let seen = async {
            for _ in 0..100_000 {
                if self.jig.jig.observe(1).await.is_some_and(|board| is_it(&board)) {
                    return;
                }
                sleep(Duration::from_millis(10)).await;
            }
            panic!("that never comes");
        };
        tokio::select! {
            biased;
            _ = wire.carry(stream) => panic!("the fixture's line broke"),
            () = agent.run(std::future::pending()) => panic!("the station stopped"),
            () = seen => {}
        }
    }

    /// The one record of the one board, which passed; judged by rules that know nothing of the station.
    fn pass(&self) -> BirthRecord {
        let records = self.server.records();
        assert_eq!(records.len(), 1, "{records:#?}");
        let record = records.into_iter().next().unwrap();
        assert_eq!(record.outcome, Outcome::Pass, "{:?}", record.fault);
        assert_eq!(judge_record(&record, &self.server.expected()), []);
        record
    }

    /// What board `index` keeps in that register, in the witness's own decoding.
    async fn kept(&self, index: u32, name: &str) -> String {
        let observed = self.jig.jig.observe(index).await.unwrap();
        kept(&self.model, &observed, name)
    }

    /// Every value of the profile is on the board, as it would be after the next restart.
    async fn assert_keeps_profile(&self) {
        let observed = self.jig.jig.observe(1).await.unwrap();
        let profile = parse_profile("profile", &self.server.0.bundle.profile_toml).unwrap();
        for (name, value) in &profile.values {
            let kept = &observed.parameters[name];
            let same = match value {
                Value::Number(number) => kept.parse::<f64>().is_ok_and(|kept| (kept - number).abs() < 1e-6),
                Value::Text(text) => text == kept,
            };
            assert!(same, "{name}: {value} in the profile, {kept} on the board");
        }
        assert!(observed.calibrated && observed.current_error_percent.abs() < 1.5);
        // As it lay in the slot: taken out it has no power.
        let lay = self.jig.jig.witnessed().borrow()[0].clone();
        assert!(lay.holds.charge_on && lay.holds.discharge_on);
    }
}

fn kept(model: &DeviceModel, observed: &Observation, name: &str) -> String {
    let register = model.register(name).unwrap();
    let at = |address| observed.registers_kept.get(&address).copied().unwrap_or_default();
    let words: Vec<u16> = (register.address..).take(usize::from(register.width())).map(at).collect();
    codec::decode_text(register, &words)
}

/// A TOPBMS board whose maker gave it nothing: the only thing unique of it is the number that the line writes.
fn nameless() -> BundleFiles {
    let mut files = BundleFiles::shipped();
    files.model = files.model.replace("unique = true", "unique = false").replacen(
        "[firmware]\n",
        "[[identity.field]]\nkind = \"pcb_label\"\nregister = \"serial_number\"\nunique = true\ndefaults = [\"\"]\n\
         valid_from = \"numbering\"\n\n[firmware]\n",
        1,
    );
    files.procedure = files.procedure.replacen("[number]\n", "[number]\nregister = \"serial_number\"\n", 1);
    files
}

#[tokio::test(start_paused = true)]
async fn a_jk_board_of_each_chemistry_goes_the_whole_way_to_a_judged_pass() {
    for (profile, procedure, cell_mv) in [
        ("jk-pb-14s-li-ion-100a", "jk-pb-birth-14s-li-ion", TERNARY_MV),
        ("jk-pb-16s-lifepo4-100a", "jk-pb-birth-16s-lifepo4", LFP_MV),
        ("jk-pb-16s-lto-100a", "jk-pb-birth-16s-lto", 0),
    ] {
        let mut hall = Hall::new(BundleFiles::of("jk-pb", profile, procedure), 1, cell_mv);
        hall.work().await;
        let record = hall.pass();
        let expected = hall.server.expected();
        let ordered: Vec<Step> = Step::ALL.into_iter().filter(|step| expected.orders(*step)).collect();
        assert_eq!(record.steps.iter().map(|entry| entry.step).collect::<Vec<_>>(), ordered, "{profile}");
        assert!(record.firmware.is_none() && record.password.is_none() && record.lease.is_none());
        assert_eq!(record.output, Some(OutputRecord { charge_on: true, discharge_on: true }));
        let restart = record.steps.iter().find(|entry| entry.step == Step::Restart).unwrap();
        assert_eq!(restart.restart, Some(RestartKind::PowerCycle), "no command restarts it");
        assert!(record.parameters.iter().all(|parameter| parameter.evidence == Evidence::Verified));
        assert!(record.serial.as_ref().unwrap().starts_with("JK"));
        hall.assert_keeps_profile().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_topbms_board_of_each_chemistry_goes_the_whole_way_to_a_judged_pass() {
    for (profile, procedure, cell_mv) in [
        ("topbms-14s-li-ion-60a", "topbms-birth-14s-li-ion", TERNARY_MV),
        ("topbms-16s-lifepo4-100a", "topbms-birth-16s-lifepo4", LFP_MV),
        ("topbms-12s-lto-200a", "topbms-birth", 0),
    ] {
        let mut hall = Hall::new(BundleFiles::of("topbms", profile, procedure), 1, cell_mv);
        hall.work().await;
        let record = hall.pass();
        assert_eq!(record.firmware.unwrap().evidence, FirmwareEvidence::BoardCrc, "{profile}");
        assert!(record.password.unwrap().proved && record.output.is_none());
        hall.assert_keeps_profile().await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_limits_of_one_chemistry_pass_no_other_ones_cells() {
    for (files, cell_mv) in [
        (BundleFiles::of("jk-pb", "jk-pb-16s-lifepo4-100a", "jk-pb-birth-16s-lifepo4"), 0),
        (BundleFiles::of("jk-pb", "jk-pb-16s-lto-100a", "jk-pb-birth-16s-lto"), LFP_MV),
        (BundleFiles::of("topbms", "topbms-14s-li-ion-60a", "topbms-birth-14s-li-ion"), LFP_MV),
    ] {
        let mut hall = Hall::new(files, 1, cell_mv);
        hall.work().await;
        let records = hall.server.records();
        let codes: Vec<_> =
            records.iter().map(|record| record.fault.as_ref().map(|fault| fault.code)).collect();
        assert_eq!(codes, [Some(FaultCode::OutsideLimits)]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_jk_board_that_is_bad_is_found_without_a_lock_to_ask() {
    for (fault, code) in [
        (Fault::StuckMosfet, FaultCode::OutputWrong),
        (Fault::WrongShunt, FaultCode::CalibrationOff),
        (Fault::CellOutOfLimits, FaultCode::OutsideLimits),
        (Fault::WrongModel, FaultCode::WrongModel),
        (Fault::Silent, FaultCode::BoardSilent),
    ] {
        let files = BundleFiles::of("jk-pb", "jk-pb-16s-lto-100a", "jk-pb-birth-16s-lto");
        let mut hall =
            Hall::with(files, 1, 0, |settings| (settings.faulty, settings.fault) = (1, Some(fault)));
        hall.work().await;
        let records = hall.server.records();
        let codes: Vec<_> =
            records.iter().map(|record| record.fault.as_ref().map(|fault| fault.code)).collect();
        assert_eq!(codes, [Some(code)], "{fault:?}: {records:#?}");
        assert!(judge_record(&records[0], &hall.server.expected()).is_empty());
    }
}

/// Everything that can be missing from a pass, or be in it without an order.
fn spoils(record: &BirthRecord, expected: &Expected) -> Vec<(String, BirthRecord)> {
    let mut spoilt = Vec::new();
    let mut spoil = |name: String, change: &dyn Fn(&mut BirthRecord)| {
        let mut other = record.clone();
        change(&mut other);
        spoilt.push((name, other));
    };
    for step in Step::ALL {
        if expected.orders(step) {
            spoil(format!("without {step:?}"), &|r| r.steps.retain(|entry| entry.step != step));
            spoil(format!("{step:?} failed"), &|r| {
                r.steps
                    .iter_mut()
                    .filter(|entry| entry.step == step)
                    .for_each(|e| e.outcome = StepOutcome::Failed);
            });
        } else {
            spoil(format!("with {step:?}"), &|r| {
                let other = r.steps[0].clone();
                r.steps.push(domain::record::StepRecord { step, ..other });
            });
        }
    }
    for index in 0..record.parameters.len() {
        spoil(format!("parameter {index} missing"), &|r| drop(r.parameters.remove(index)));
        spoil(format!("parameter {index} not verified"), &|r| r.parameters[index].evidence = Evidence::Read);
        spoil(format!("parameter {index} does not hold"), &|r| r.parameters[index].holds = false);
    }
    for index in 0..record.measurements.len() {
        spoil(format!("measurement {index} missing"), &|r| drop(r.measurements.remove(index)));
        spoil(format!("measurement {index} wide"), &|r| r.measurements[index].limit = Default::default());
        spoil(format!("measurement {index} off"), &|r| r.measurements[index].value = 1e9);
    }
    spoil("no identity".to_owned(), &|r| r.identifiers.retain(|one| one.kind == IdentifierKind::Serial));
    spoil("no serial".to_owned(), &|r| r.serial = None);
    spoil("another bundle".to_owned(), &|r| r.bundle.hash = ContentHash::of(b"another"));
    spoil("image".to_owned(), &|r| {
        r.firmware = match r.firmware.take() {
            Some(_) => None,
            None => Some(FirmwareRecord {
                before: None,
                version: VERSION.to_owned(),
                image_sha256: ContentHash::of(b"x"),
                image_bytes: 1,
                transferred: true,
                evidence: FirmwareEvidence::BoardCrc,
                resent_blocks: 0,
            }),
        };
    });
    spoil("password".to_owned(), &|r| {
        r.password = match r.password.take() {
            Some(_) => None,
            None => {
                let text = "00".to_owned();
                Some(SecretRecord { length: 6, keyed_hash: text.clone(), sealed: text, proved: true })
            }
        };
    });
    spoil("lock".to_owned(), &|r| {
        r.lease = match r.lease.take() {
            Some(_) => None,
            None => Some(LeaseRecord {
                set: BirthLease::Open,
                reported: Some(BirthLease::Open),
                charge_on: Some(true),
                discharge_on: Some(true),
                evidence: Evidence::Verified,
            }),
        };
    });
    spoil("number".to_owned(), &|r| {
        r.number = match r.number.take() {
            Some(_) => None,
            None => Some(NumberRecord {
                register: "serial_number".to_owned(),
                read: r.serial.clone(),
                after_restart: r.serial.clone(),
                evidence: Evidence::Verified,
            }),
        };
    });
    if record.lease.is_none() {
        spoil("no output".to_owned(), &|r| r.output = None);
        for (charge_on, discharge_on) in [(false, true), (true, false)] {
            spoil(format!("output {charge_on} {discharge_on}"), &|r| {
                r.output = Some(OutputRecord { charge_on, discharge_on });
            });
        }
    }
    if record.number.is_some() {
        spoil("another number on the board".to_owned(), &|r| {
            r.number.as_mut().unwrap().after_restart = Some("TB264800001K".to_owned());
        });
        spoil("number not read after the restart".to_owned(), &|r| {
            r.number.as_mut().unwrap().evidence = Evidence::Read;
        });
    }
    spoilt
}

#[tokio::test(start_paused = true)]
async fn the_judge_refuses_a_spoilt_record_of_every_kind_of_procedure() {
    for (files, least) in [
        (BundleFiles::of("jk-pb", "jk-pb-16s-lto-100a", "jk-pb-birth-16s-lto"), 250),
        (BundleFiles::shipped(), 250),
        (nameless(), 250),
    ] {
        let mut hall = Hall::new(files, 1, 0);
        hall.work().await;
        let (record, expected) = (hall.pass(), hall.server.expected());
        let spoilt = spoils(&record, &expected);
        assert!(spoilt.len() >= least, "{}", spoilt.len());
        for (name, record) in spoilt {
            assert!(!judge_record(&record, &expected).is_empty(), "{}: {name} is believed", hall.model.id);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn boards_that_nothing_tells_apart_are_known_by_the_numbers_they_are_given() {
    let mut hall = Hall::new(nameless(), 3, 0);
    hall.work().await;
    let records = hall.server.records();
    let mut numbers = BTreeSet::new();
    for record in &records {
        assert_eq!(record.outcome, Outcome::Pass, "{:?}", record.fault);
        assert_eq!(judge_record(record, &hall.server.expected()), []);
        let own: Vec<_> = record.identifiers.iter().filter(|one| one.unique).collect();
        assert!(own.iter().all(|one| Some(&one.value) == record.serial.as_ref()), "{own:?}");
        assert!(own.iter().any(|one| one.kind == IdentifierKind::PcbLabel));
        numbers.insert(record.serial.clone().unwrap());
    }
    assert_eq!((records.len(), numbers.len()), (3, 3));
    let mut on_boards = BTreeSet::new();
    for index in 1..=3 {
        on_boards.insert(hall.kept(index, "serial_number").await);
    }
    assert_eq!(on_boards, numbers, "each number is on one board");
    for board in hall.jig.jig.witnessed().borrow().iter() {
        assert!(!board.holds.password_is_factory && board.holds.charge_on, "{board:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_station_that_dies_with_the_number_on_the_board_takes_the_board_up_by_it() {
    let mut hall = Hall::new(nameless(), 1, 0);
    let model = Arc::clone(&hall.model);
    hall.work_until_it_dies(|board| !kept(&model, board, "serial_number").is_empty()).await;
    let borne = hall.kept(1, "serial_number").await;
    hall.work().await;
    let records = hall.server.records();
    assert_eq!(records.len(), 2, "{records:#?}");
    // Both stations' clocks began at the same moment: their runs have no order.
    let ended = |outcome| records.iter().find(|record| record.outcome == outcome).expect("one ended so");
    let (first, second) = (ended(Outcome::Interrupted), ended(Outcome::Pass));
    assert_eq!(second.resumes, Some(first.run_id));
    assert_eq!((first.serial.as_ref(), second.serial.as_ref()), (Some(&borne), Some(&borne)));
    assert_eq!(hall.kept(1, "serial_number").await, borne);
    assert_eq!(judge_record(second, &hall.server.expected()), []);
}

#[tokio::test(start_paused = true)]
async fn a_fixture_that_loses_sight_of_a_board_without_an_identity_ends_its_run() {
    let mut hall = Hall::new(nameless(), 1, 0);
    let (ends, mut wire) = fixture();
    let agent = hall.agent(hall.disk.path(), ends);
    // After the image, before the number: the image's CRC is the new one.
    let script = async {
        let mut jig_end = hall.jig.fixture();
        let (mut ours, theirs) = tokio::io::duplex(65_536);
        let flashed = hall.server.0.bundle.manifest.firmware.as_ref().map(|firmware| firmware.crc32);
        let cut = async {
            tokio::select! {
                biased;
                _ = tokio::io::copy_bidirectional(&mut jig_end, &mut ours) => panic!("the fixture's line broke"),
                () = hall.until(|board| board.holds.firmware_crc32 == flashed) => {}
            }
            drop((jig_end, ours));
        };
        let (carried, ()) = tokio::join!(wire.carry(theirs), cut);
        assert_eq!(carried, Carried::JigGone);
        sleep(Duration::from_secs(20)).await;
        assert_eq!(hall.kept(1, "serial_number").await, "", "nobody numbers a board that nobody sees");
        let stream = hall.jig.fixture();
        tokio::select! {
            biased;
            _ = wire.carry(stream) => panic!("the fixture's line broke"),
            () = hall.until(|board| board.removed) => {}
        }
        sleep(Duration::from_secs(60)).await;
    };
    agent.run(script).await;
    let records = hall.server.records();
    let ends: Vec<_> = records
        .iter()
        .map(|record| (record.outcome, record.fault.as_ref().map(|fault| fault.code)))
        .collect();
    assert_eq!(ends, [(Outcome::Error, Some(FaultCode::FixtureSilent)), (Outcome::Pass, None)]);
    assert!(records[0].fault.as_ref().unwrap().args["detail"].contains("without an identity"));
    assert!(records[0].serial.is_none());
    assert_eq!(records[1].serial.clone().unwrap(), hall.kept(1, "serial_number").await);
}

#[tokio::test(start_paused = true)]
async fn a_board_with_a_number_that_nobody_here_gave_is_refused_as_it_came() {
    let mut hall = Hall::new(nameless(), 1, 0);
    hall.work().await;
    let borne = hall.pass().serial.unwrap();
    let before = hall.jig.jig.observe(1).await.unwrap();
    // Another factory's line: its server and its journal never heard of that number.
    let remembered = vec![Remembered::of(1, &before)];
    let mut stranger = Hall::with(nameless(), 1, 0, |settings| settings.remembered = remembered);
    // Its own numbers are others than the first factory's.
    stranger.server.0.skip_numbers(500);
    let (ends, mut wire) = fixture();
    let agent = stranger.agent(stranger.disk.path(), ends);
    let stream = stranger.jig.fixture();
    let done = async {
        stranger.until(|board| board.lamp.as_deref() == Some("attention")).await;
        sleep(Duration::from_secs(5)).await;
    };
    tokio::select! {
        biased;
        _ = wire.carry(stream) => panic!("the fixture's line broke"),
        () = agent.run(done) => {}
    }
    assert_eq!(stranger.server.records(), [], "nothing was done to it");
    let after = stranger.jig.jig.observe(1).await.unwrap();
    assert_eq!(kept(&stranger.model, &after, "serial_number"), borne);
    assert_eq!(after.register_writes, 0);
}
