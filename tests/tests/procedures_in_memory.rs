//! Every procedure worked on the boards that it is for, in one process under virtual time: models that have no loader, no name, no
//! password and no lock; packs of every chemistry; boards that nothing tells apart before they bear their number. Judged by the
//! records, with the rules that know nothing of the station, and by what the boards keep.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test: what fails here is the test's result")]

#[path = "procedures_in_memory/hall.rs"]
mod hall;
#[path = "procedures_in_memory/jbd.rs"]
mod jbd;
#[path = "procedures_in_memory/labels.rs"]
mod labels;
#[path = "procedures_in_memory/orders.rs"]
mod orders;
#[path = "procedures_in_memory/prompts.rs"]
mod prompts;
#[path = "procedures_in_memory/spoils.rs"]
mod spoils;
#[path = "procedures_in_memory/tear_down.rs"]
mod tear_down;

use domain::{
    evidence::{Evidence, FirmwareEvidence},
    identifier::IdentifierKind,
    ids::{ContentHash, StationId},
    lease::BirthLease,
    model::{DeviceModel, parse_model},
    outcome::Outcome,
    procedure::{Action, Flag, PlannedStep, ProcedureFile, StepKind, parse_procedure},
    profile::parse_profile,
    record::{
        BirthRecord, Expected, FirmwareRecord, LeaseRecord, NumberRecord, OutputRecord, RestartKind,
        SecretRecord, StepOutcome, judge_record,
    },
    step::Step,
    text::FaultCode,
    value::Value,
};
use hall::{Hall, carry, kept};
use jigline_tests::{
    memory_server::{BundleFiles, MemoryServer},
    memory_station,
};
use rand::{SeedableRng as _, rngs::StdRng};
use simulator::{
    faults::Fault,
    firmware::build_image,
    jig::{JigSettings, MemoryJig},
    knobs::Knobs,
    observe::{Observation, Remembered, Witnessed},
};
use station::{
    agent::Agent,
    clock::Clock,
    fixture::{Carried, Fixture, fixture},
    link::Line,
};
use std::{collections::BTreeSet, path::Path, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream},
    time::{sleep, timeout},
};
use uuid::Uuid;

const LFP_MV: u32 = 3300;
const TERNARY_MV: u32 = 3680;

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
        let done: Vec<Step> = record.steps.iter().map(|entry| entry.step).collect();
        assert_eq!(done, expected.steps, "{profile}");
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
        (Fault::KeepsNothing, FaultCode::RegisterDoesNotHold),
        (Fault::StuckMosfet, FaultCode::OutputWrong),
        (Fault::WrongShunt, FaultCode::ShuntOfAnotherVariant),
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

#[tokio::test(start_paused = true)]
async fn a_discharge_path_that_is_shorted_is_found_where_the_boards_end_locked() {
    for (fault, code) in [(None, None), (Some(Fault::ShortedMosfet), Some(FaultCode::OutputWrong))] {
        let mut files = BundleFiles::shipped();
        files.procedure = files.procedure.replacen("birth = \"armed\"", "birth = \"locked\"", 1);
        let mut hall = Hall::with(files, 1, 0, |settings| {
            (settings.faulty, settings.fault) = (u32::from(fault.is_some()), fault);
        });
        hall.work().await;
        let records = hall.server.records();
        let found: Vec<_> = records.iter().map(|record| record.fault.as_ref()).collect();
        assert_eq!(found.iter().map(|fault| fault.map(|fault| fault.code)).collect::<Vec<_>>(), [code]);
        assert!(found[0].is_none_or(|fault| fault.args["path"] == "discharge"), "{found:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_fixture_that_says_it_switched_a_supply_whose_relay_sticks_is_not_believed() {
    let jk = BundleFiles::of("jk-pb", "jk-pb-16s-lto-100a", "jk-pb-birth-16s-lto");
    let jbd = BundleFiles::of("jbd", "jbd-8s-lto-100a", "jbd-birth-8s-lto");
    // No command restarts a JK board; of the others their own restart is the proof, and the record says so.
    for (files, passes) in [(jk, false), (jbd, true), (BundleFiles::shipped(), true)] {
        let mut hall = Hall::with(files, 1, 0, |settings| settings.knobs.stuck_supply = 1);
        hall.work().await;
        let model = &hall.model.id;
        let records = hall.server.records();
        assert!(!records.is_empty(), "{model}");
        for record in records {
            let entry = record.steps.iter().find(|entry| entry.step == Step::Restart).unwrap();
            assert_eq!(record.outcome == Outcome::Pass, passes, "{model}: {:?}", record.fault);
            if passes {
                assert_eq!(entry.restart, Some(RestartKind::Command), "{model}");
            } else {
                let fault = record.fault.as_ref().unwrap();
                assert_eq!(
                    (record.outcome, fault.code),
                    (Outcome::CollateralAbort, FaultCode::FixtureSilent)
                );
                assert!(fault.args["detail"].contains("went on answering"), "{fault:?}");
                assert!(record.parameters.iter().all(|one| one.evidence != Evidence::Verified));
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn where_the_supply_does_not_switch_a_board_that_ignores_its_restart_is_never_passed() {
    let jbd = || BundleFiles::of("jbd", "jbd-8s-lto-100a", "jbd-birth-8s-lto");
    let jk = || BundleFiles::of("jk-pb", "jk-pb-16s-lto-100a", "jk-pb-birth-16s-lto");
    for (files, ignores, code) in [
        (BundleFiles::shipped(), 0, None),
        (BundleFiles::shipped(), 1, Some(FaultCode::WriteRefused)),
        (jbd(), 0, None),
        (jbd(), 1, Some(FaultCode::WriteRefused)),
        // No command restarts it: without the supply nothing is proved of it at all.
        (jk(), 0, Some(FaultCode::FixtureSilent)),
        (jk(), 1, Some(FaultCode::FixtureSilent)),
    ] {
        let mut hall = Hall::with(files, 1, 0, |settings| {
            // What no unlock proves, a silence of some length must.
            settings.knobs = Knobs { ignore_restart: ignores, start_later_ms: 1000, ..Knobs::default() };
        });
        hall.work_on_a_fixed_supply().await;
        let what = format!("{} {ignores}", hall.model.id);
        let records = hall.server.records();
        // What the fixture is to blame for is tried again.
        assert!(!records.is_empty() && (code.is_some() || records.len() == 1), "{what}");
        for record in &records {
            let found = record.fault.as_ref().map(|fault| (fault.code, fault.step));
            assert_eq!(found, code.map(|code| (code, Some(Step::Restart))), "{what}");
            assert_eq!(record.outcome == Outcome::Pass, code.is_none(), "{what}: {:?}", record.outcome);
            let entry = record.steps.iter().find(|entry| entry.step == Step::Restart).unwrap();
            assert!(code.is_some() || entry.restart == Some(RestartKind::Command), "{what}");
            // And nothing that was written to it is called verified.
            let is_verified = record.parameters.iter().any(|one| one.evidence == Evidence::Verified);
            assert_eq!(is_verified, code.is_none(), "{what}");
            assert_eq!(judge_record(record, &hall.server.expected()), [], "{what}");
        }
        let lamp = hall.jig.jig.witnessed().borrow()[0].lamp.clone();
        assert_eq!(lamp.as_deref() == Some("pass"), code.is_none(), "{what}: {lamp:?}");
    }
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
        let spoilt = spoils::spoils(&record, &expected);
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
    assert_eq!(ends, [(Outcome::CollateralAbort, Some(FaultCode::FixtureSilent)), (Outcome::Pass, None)]);
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

#[tokio::test(start_paused = true)]
async fn a_copy_of_a_numbered_board_is_refused_at_another_jig_of_the_same_factory() {
    let mut hall = Hall::new(nameless(), 1, 0);
    hall.work().await;
    let passed = hall.pass();
    let remembered = vec![Remembered::of(1, &hall.jig.jig.observe(1).await.unwrap())];
    let mut other = Hall::with(nameless(), 1, 0, |settings| settings.remembered = remembered);
    other.server = hall.server.clone();
    let (ends, mut wire) = fixture();
    let agent = other.agent(other.disk.path(), ends);
    let stream = other.jig.fixture();
    let done = async {
        other.until(|board| board.lamp.as_deref() == Some("attention")).await;
        sleep(Duration::from_secs(60)).await;
    };
    tokio::select! {
        biased;
        _ = wire.carry(stream) => panic!("the fixture's line broke"),
        () = agent.run(done) => {}
    }
    assert_eq!(hall.server.records(), [passed]);
    assert_eq!(other.jig.jig.observe(1).await.unwrap().register_writes, 0);
}
