//! The station at a fixture that files describe: the shipped description, the simulator's modules and instruments behind it, in virtual time.
//! What counts is what the witness saw: boards, loads, and whatever was under voltage when it must not be.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod hall;
mod trips;

use domain::{
    fixture::interlock::LOAD_OFF_WITHIN,
    identifier::IdentifierKind,
    outcome::Outcome,
    record::{CALIBRATED_CURRENT, CALIBRATION_CORRECTION, judge_record},
    step::Step,
    text::FaultCode,
};
use hall::{Hall, IoFraming};
use jigline_tests::memory_server::BundleFiles;
use simulator::{Fault, bench::InstrumentKnobs};
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn boards_that_share_a_load_pass_and_their_records_name_what_measured_them() {
    let hall = Hall::new(4, |_| {});
    hall.work().await;
    let records = hall.server.records();
    assert_eq!(records.len(), 4);
    for record in &records {
        assert_eq!(record.outcome, Outcome::Pass, "{:?}", record.fault);
        assert_eq!(judge_record(record, &hall.server.expected()), []);
        let fixture = record.fixture.as_ref().expect("it lay in a nest");
        assert_eq!(
            (fixture.serial.as_str(), fixture.nest.as_str()),
            ("FX-SIM-8", &*format!("N-SIM-{}", record.slot))
        );
        let used: Vec<&str> = fixture.instruments.iter().map(|one| one.id.as_str()).collect();
        assert!(used.contains(&"meter-1"), "{used:?}");
        let radio = record.radio.as_ref().expect("another radio heard it");
        let address =
            record.identifiers.iter().find(|one| one.kind == IdentifierKind::BluetoothAddress).unwrap();
        assert_eq!(radio.address, address.value);
        let name = radio.name.as_deref().unwrap();
        assert!(record.serial.as_ref().unwrap().ends_with(name.strip_prefix("TB-").unwrap()), "{radio:?}");
        assert!((-60..-40).contains(&radio.rssi_dbm) && radio.by.serial == "SR-1", "{radio:?}");
        for name in [CALIBRATION_CORRECTION, CALIBRATED_CURRENT, "current_under_load"] {
            let measured = record.measurements.iter().find(|one| one.name == name).unwrap();
            let by = measured.instrument.as_ref().expect("an instrument knew the current");
            assert_eq!((by.id.as_str(), by.serial.as_str()), ("meter-1", "SM-1"), "{name}");
            assert_eq!(by.calibration_due.to_string(), "2099-12-31");
        }
    }
    for index in 1..=4 {
        let observed = hall.jig.jig.observe(index).await.unwrap();
        assert!(observed.calibrated && observed.current_error_percent.abs() < 0.5, "{observed:?}");
    }
    let seen = hall.bench().seen().borrow().clone();
    assert_eq!(seen.violations, Vec::<String>::new());
    assert_eq!(seen.connections.keys().copied().collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert!(seen.powered.is_empty() && seen.loaded.is_empty(), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn an_order_whose_boards_do_not_fit_into_the_fixture_is_not_begun() {
    let hall = Hall::new(1, |_| {})
        .with_change("emergency_stop = {", "fits = [\"another-pack\"]\nemergency_stop = {");
    hall.work_until(|_| true).await;
    assert!(hall.server.records().is_empty());
    let seen = hall.bench().seen().borrow().clone();
    assert!(seen.connections.is_empty() && seen.violations.is_empty(), "{seen:?}");
    assert!(!hall.jig.jig.observe(1).await.unwrap().calibrated);
}

#[tokio::test(start_paused = true)]
async fn modules_on_a_serial_line_do_as_well() {
    let hall = Hall::new(2, |_| {}).with_framing(IoFraming::Rtu);
    hall.work().await;
    let outcomes: Vec<Outcome> = hall.server.records().iter().map(|record| record.outcome).collect();
    assert_eq!(outcomes, [Outcome::Pass; 2]);
    assert_eq!(hall.bench().seen().borrow().violations, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_shunt_of_another_variant_fails_by_what_the_meter_reads() {
    let hall = Hall::new(1, |settings| (settings.faulty, settings.fault) = (1, Some(Fault::WrongShunt)));
    hall.work().await;
    let records = hall.server.records();
    let record = records.first().unwrap();
    let fault = record.fault.as_ref().unwrap();
    assert_eq!(
        (record.outcome, fault.code, fault.step),
        (Outcome::Fail, FaultCode::ShuntOfAnotherVariant, Some(Step::Calibrate))
    );
    let correction = record.measurements.iter().find(|one| one.name == CALIBRATION_CORRECTION).unwrap();
    assert!(!correction.passed && correction.instrument.as_ref().is_some_and(|one| one.id == "meter-1"));
}

/// Whatever an instrument answers that is no reading, the board is not blamed for it, and nothing of it is a measurement.
#[tokio::test(start_paused = true)]
async fn nonsense_of_an_instrument_is_the_benchs_fault_and_never_the_boards() {
    let meter = |knobs: InstrumentKnobs| ("meter-1", knobs);
    let cases = [
        (meter(InstrumentKnobs { nonsense_every: 1, ..Default::default() }), FaultCode::InstrumentNonsense),
        (
            meter(InstrumentKnobs { reads_high_permille: 60, ..Default::default() }),
            FaultCode::InstrumentNonsense,
        ),
        (
            ("load-1", InstrumentKnobs { nonsense_every: 3, ..Default::default() }),
            FaultCode::InstrumentNonsense,
        ),
        (meter(InstrumentKnobs { slow_ms: 1500, ..Default::default() }), FaultCode::InstrumentSilent),
        (("load-1", InstrumentKnobs { silent: true, ..Default::default() }), FaultCode::InstrumentSilent),
    ];
    for ((instrument, knobs), code) in cases {
        let hall = Hall::new(1, |_| {});
        let spoil = async {
            hall.until_step(Step::Profile).await;
            hall.bench().turn(instrument, knobs);
            hall.until_record(1).await;
            hall.bench().turn(instrument, InstrumentKnobs::default());
        };
        hall.work_beside(spoil).await;
        let records = hall.server.records();
        let first = records.first().unwrap();
        assert_eq!(first.outcome, Outcome::CollateralAbort, "{instrument} {knobs:?}: {:?}", first.fault);
        assert_eq!(first.fault.as_ref().unwrap().code, code, "{instrument} {knobs:?}");
        assert!(
            first.measurements.iter().all(|one| one.name != CALIBRATED_CURRENT),
            "{instrument} {knobs:?}"
        );
        assert_eq!(
            records.last().unwrap().outcome,
            Outcome::Pass,
            "{instrument} {knobs:?}: it passes afterwards"
        );
        assert_eq!(hall.bench().seen().borrow().violations, Vec::<String>::new());
    }
}

/// A board that nobody hears fails, and one that is heard from far away; a radio that says nothing blames no board.
#[tokio::test(start_paused = true)]
async fn a_board_is_heard_by_another_radio_or_fails() {
    for (knobs, outcome, code) in [
        (InstrumentKnobs { deaf: true, ..Default::default() }, Outcome::Fail, FaultCode::RadioNotHeard),
        (InstrumentKnobs { far: true, ..Default::default() }, Outcome::Fail, FaultCode::RadioWeak),
        (
            InstrumentKnobs { silent: true, ..Default::default() },
            Outcome::CollateralAbort,
            FaultCode::InstrumentSilent,
        ),
    ] {
        let hall = Hall::new(1, |_| {});
        let spoil = async {
            hall.until_step(Step::Verify).await;
            hall.bench().turn("radio-1", knobs);
            hall.until_record(1).await;
            hall.bench().turn("radio-1", InstrumentKnobs::default());
        };
        hall.work_beside(spoil).await;
        let records = hall.server.records();
        let first = records.first().unwrap();
        assert_eq!((first.outcome, first.fault.as_ref().unwrap().code), (outcome, code), "{knobs:?}");
        assert_eq!(
            first.radio.is_some(),
            code == FaultCode::RadioWeak,
            "what was heard stands in the record"
        );
    }
}

/// What is known before a board is begun keeps it from being begun: nothing is written to it.
#[tokio::test(start_paused = true)]
async fn no_board_is_begun_where_an_instrument_is_away_or_another_one() {
    for knobs in [
        InstrumentKnobs { other_identity: true, ..Default::default() },
        InstrumentKnobs { silent: true, ..Default::default() },
    ] {
        let hall = Hall::new(1, |_| {});
        hall.bench().turn("meter-1", knobs);
        let mend = async {
            tokio::time::sleep(Duration::from_secs(30)).await;
            assert!(hall.server.records().is_empty(), "{knobs:?}");
            let board = hall.jig.jig.observe(1).await.unwrap();
            assert_eq!(board.frames, 0, "nobody spoke to it: {knobs:?}");
            hall.bench().turn("meter-1", InstrumentKnobs::default());
        };
        hall.work_beside(mend).await;
        let outcomes: Vec<Outcome> = hall.server.records().iter().map(|record| record.outcome).collect();
        assert_eq!(outcomes, [Outcome::Pass], "{knobs:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_load_that_does_not_switch_off_is_taken_off_the_board_and_given_to_no_other() {
    let hall = Hall::new(2, |_| {});
    let spoil = async {
        hall.until_loaded().await;
        hall.bench().turn("load-1", InstrumentKnobs { sticks_on: true, ..Default::default() });
        hall.until_record(1).await;
        tokio::time::sleep(LOAD_OFF_WITHIN * 2).await;
        let seen = hall.bench().seen().borrow().clone();
        assert!(seen.loaded.is_empty(), "{seen:?}");
        hall.bench().turn("load-1", InstrumentKnobs::default());
    };
    hall.work_beside(spoil).await;
    let records = hall.server.records();
    let first = &records[0];
    assert_eq!(
        (first.outcome, first.fault.as_ref().unwrap().code),
        (Outcome::CollateralAbort, FaultCode::InstrumentNonsense)
    );
    let passed = records.iter().filter(|record| record.outcome == Outcome::Pass).count();
    assert_eq!(passed, 2, "{:?}", records.iter().map(|record| &record.fault).collect::<Vec<_>>());
    // The relay of that board opened under current: nothing else was left to do.
    let seen = hall.bench().seen().borrow().clone();
    assert!(seen.violations.iter().all(|what| what.contains("opened under current")), "{seen:?}");
}

/// A nest that may clamp two boards clamps two, and the third is left as it came; so is any where the meter's calibration ran out.
#[tokio::test(start_paused = true)]
async fn no_board_is_begun_in_a_nest_that_is_worn_or_with_a_meter_that_is_due() {
    for (from, to, worked) in [
        ("contacts = 50000", "contacts = 2", 2),
        // The hall's clock begins in November 2026.
        (
            "serial = \"SM-1\"\ncalibration_due = \"2099-12-31\"",
            "serial = \"SM-1\"\ncalibration_due = \"2026-11-01\"",
            0,
        ),
    ] {
        let hall = Hall::new(1, |settings| settings.boards = 3).with_change(from, to);
        hall.work_until(|list| list.iter().filter(|board| board.removed).count() == worked).await;
        let records = hall.server.records();
        assert_eq!(records.len(), worked, "{to}");
        let contacts: Vec<u64> =
            records.iter().map(|record| record.fixture.as_ref().unwrap().contacts).collect();
        assert_eq!(contacts, (1..=worked as u64).collect::<Vec<_>>());
        let next = hall.jig.jig.observe(worked as u32 + 1).await.expect("it lies in its nest");
        assert_eq!(next.frames, 0, "{to}: nobody spoke to it");
    }
}

#[test]
fn the_shipped_birth_asks_for_a_current_that_calibrates() {
    let files = BundleFiles::shipped();
    assert!(files.procedure.contains("load_ma = 20000"), "the vendor's sheet wants 2 A or more");
}
