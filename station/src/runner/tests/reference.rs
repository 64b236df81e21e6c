//! References: the bench is checked with them, and not a byte is written to one.

use super::{
    bench::{PaperBench, last_step},
    code, good,
};
use crate::{
    board::{BoardReply, BoardRequest},
    runner::{Effect, Event, Lamp},
};
use domain::{
    admission::AdmissionVerdict,
    live::SlotState,
    outcome::Outcome,
    record::{BirthRecord, FoundState, RecordDoubt, judge_record},
    reference::{CheckResult, MustFail, REFERENCE_CHECK, Reference, ReferenceKind, ReferenceLife},
    step::Step,
    text::{Fault, FaultCode},
    value::Value,
};

fn reference(kind: ReferenceKind) -> Reference {
    let must_fail = (kind == ReferenceKind::KnownBad).then_some(MustFail::ALL[0]);
    Reference { name: "R 1".into(), kind, must_fail, profile: None, life: ReferenceLife::default() }
}

fn bench(kind: ReferenceKind) -> PaperBench {
    let mut bench = PaperBench::new();
    bench.admission = AdmissionVerdict::Reference;
    bench.reference = Some(reference(kind));
    bench
}

fn lamp(bench: &PaperBench) -> Option<Lamp> {
    bench.done.iter().rev().find_map(|effect| match effect {
        Effect::Lamp(lamp) => Some(*lamp),
        _ => None,
    })
}

fn shown(bench: &PaperBench) -> FaultCode {
    match bench.runner.live() {
        SlotState::Refused { fault, board } => {
            assert_eq!(board.as_deref(), Some("R 1"));
            fault.code
        }
        state => panic!("{state:?}"),
    }
}

/// Nothing but reads, and nothing that the jig gives.
fn only_looked(bench: &PaperBench) {
    for effect in &bench.done {
        let is_harmless = match effect {
            Effect::Board(request) => matches!(request, BoardRequest::Probe { .. }) || request.only_reads(),
            Effect::ReserveNumber { .. }
            | Effect::SealSecret { .. }
            | Effect::SetLoad(_)
            | Effect::PowerCycle => false,
            _ => true,
        };
        assert!(is_harmless, "{effect:?}");
    }
}

/// The answer with one register reading otherwise.
fn reads(register: &str, value: f64, event: Event) -> Event {
    let Event::Board(Ok(mut answer)) = event else { return event };
    if let BoardReply::Registers(readings) = &mut answer.reply {
        readings
            .iter_mut()
            .filter(|one| one.name == register)
            .for_each(|one| one.value = Value::Number(value));
    }
    Event::Board(Ok(answer))
}

fn check(bench: &mut PaperBench, spoil: impl FnMut(usize, &Effect, Event) -> Event) -> BirthRecord {
    let record = bench.work(spoil).unwrap();
    only_looked(bench);
    assert_eq!(record.operation, REFERENCE_CHECK);
    assert_eq!(judge_record(&record, &bench.order.expected()), [], "it only read, and says what it read");
    record
}

#[test]
fn a_golden_board_that_reads_as_released_shows_that_the_bench_is_in_order() {
    let mut bench = bench(ReferenceKind::Golden);
    let record = check(&mut bench, good);
    assert_eq!((record.outcome, shown(&bench)), (Outcome::Pass, FaultCode::ReferenceAsExpected));
    assert_eq!(lamp(&bench), Some(Lamp::Attention), "green is for boards that go to the good ones");
    assert_eq!(record.parameters.len(), bench.order.profile.values.len());
    let named = |name: &str| record.measurements.iter().any(|one| one.name == name);
    assert!(named("cell_1") && named("cell_12"), "{:?}", record.measurements);
    let steps: Vec<Step> = record.steps.iter().map(|entry| entry.step).collect();
    assert_eq!(steps, [Step::Probe, Step::Identify, Step::Admit, Step::Verify, Step::Measure]);
    assert_eq!((record.serial, record.password, record.lease), (None, None, None));
}

#[test]
fn a_golden_board_that_fails_speaks_against_the_bench_and_not_against_itself() {
    let mut bench = bench(ReferenceKind::Golden);
    let record = check(&mut bench, |_, _, event| reads("cell_7_mv", 1.0, event));
    assert_eq!((record.outcome, code(&record)), (Outcome::Fail, FaultCode::OutsideLimits));
    assert_eq!((shown(&bench), lamp(&bench)), (FaultCode::ReferenceNotAsExpected, Some(Lamp::Fail)));
}

#[test]
fn a_reference_past_its_end_is_checked_and_says_that_it_proves_nothing() {
    let with = |life| {
        let mut bench = bench(ReferenceKind::Golden);
        bench.reference.as_mut().unwrap().life = life;
        let record = check(&mut bench, good);
        assert_eq!((record.outcome, record.reference.unwrap().life), (Outcome::Pass, life));
        assert_eq!(lamp(&bench), Some(Lamp::Attention));
        shown(&bench)
    };
    let overdue = ReferenceLife { due: Some(chrono::NaiveDate::MIN), ..ReferenceLife::default() };
    assert_eq!(with(overdue), FaultCode::ReferenceOverdue);
    let worn = ReferenceLife { most_uses: Some(5), uses: 5, ..ReferenceLife::default() };
    assert_eq!(with(worn), FaultCode::ReferenceWornOut);
    assert_eq!(with(ReferenceLife { uses: 4, ..worn }), FaultCode::ReferenceAsExpected);
}

#[test]
fn a_known_bad_board_must_fail_for_its_reason() {
    let mut found = bench(ReferenceKind::KnownBad);
    let record = check(&mut found, |_, _, event| reads("cell_7_mv", 1.0, event));
    assert_eq!(
        record.reference.as_ref().unwrap().judge(record.outcome, record.fault.as_ref()),
        CheckResult::AsExpected
    );
    assert_eq!(shown(&found), FaultCode::ReferenceAsExpected);
    let mut missed = bench(ReferenceKind::KnownBad);
    assert_eq!(check(&mut missed, good).outcome, Outcome::Pass);
    assert_eq!(shown(&missed), FaultCode::ReferenceNotAsExpected, "a bench that finds nothing");
    let mut other = bench(ReferenceKind::KnownBad);
    let name = other.order.profile.values.keys().next().unwrap().clone();
    let record = check(&mut other, |_, _, event| reads(&name, 1.0, event));
    assert_eq!(record.fault.as_ref().map(|fault| fault.step), Some(Some(Step::Verify)));
    assert_eq!(shown(&other), FaultCode::ReferenceNotAsExpected, "for another reason");
    // What else is found on it does not hide what it is known for.
    let mut both = bench(ReferenceKind::KnownBad);
    let record = check(&mut both, |_, _, event| reads(&name, 1.0, reads("cell_7_mv", 1.0, event)));
    assert!(record.parameters.iter().any(|one| one.name == name && !one.holds));
    assert_eq!((code(&record), shown(&both)), (FaultCode::OutsideLimits, FaultCode::ReferenceAsExpected));
}

#[test]
fn a_line_that_breaks_in_mid_check_is_told_by_its_own_fault_and_a_board_that_falls_silent_by_the_check() {
    for (told, expected) in [
        (FaultCode::PortVanished, None),
        (FaultCode::BoardStoppedAnswering, Some(FaultCode::ReferenceNotAsExpected)),
    ] {
        let mut bench = bench(ReferenceKind::Golden);
        let record = check(&mut bench, |_, question, event| match question {
            Effect::Board(BoardRequest::ReadRegisters { .. }) => Event::Board(Err(Fault::new(told))),
            _ => event,
        });
        assert_eq!(code(&record), told);
        match expected {
            Some(expected) => assert_eq!(shown(&bench), expected),
            None => assert!(matches!(bench.runner.live(), SlotState::Broken { fault } if fault.code == told)),
        }
    }
}

#[test]
fn whoever_lies_there_at_the_end_is_the_one_that_was_read() {
    let mut bench = bench(ReferenceKind::Golden);
    let mut looks = 0;
    let record = check(&mut bench, |_, question, event| {
        looks += usize::from(matches!(question, Effect::Board(BoardRequest::ReadIdentity)));
        match event {
            Event::Board(Ok(mut answer)) if looks == 2 => {
                if let BoardReply::Identity(identity) = &mut answer.reply {
                    identity.identifiers[0].value = "1".into();
                }
                Event::Board(Ok(answer))
            }
            event => event,
        }
    });
    assert_eq!((record.outcome, code(&record)), (Outcome::Aborted, FaultCode::IdentityChanged));
    assert!(matches!(bench.runner.live(), SlotState::Done { outcome: Outcome::Aborted, .. }));
}

#[test]
fn a_reference_that_is_taken_out_in_mid_check_leaves_a_record_that_says_nothing_of_the_bench() {
    let mut bench = bench(ReferenceKind::Golden);
    let record = check(&mut bench, |_, question, event| match question {
        Effect::Board(BoardRequest::ReadRegisters { .. }) => Event::Removed,
        _ => event,
    });
    let result = record.reference.as_ref().unwrap().judge(record.outcome, record.fault.as_ref());
    assert_eq!((record.outcome, result), (Outcome::Aborted, CheckResult::CutOff));
    assert_eq!(bench.runner.live(), SlotState::Empty);
}

#[test]
fn a_reference_for_another_profile_checks_nothing_here_and_one_that_was_flashed_as_a_stranger_neither() {
    let mut other = bench(ReferenceKind::Golden);
    other.reference.as_mut().unwrap().profile = Some("another".into());
    assert!(other.work(good).is_none());
    only_looked(&other);
    assert!(
        matches!(other.runner.live(), SlotState::Refused { fault, .. } if fault.code == FaultCode::BoardIsReference)
    );
    let mut own = bench(ReferenceKind::Golden);
    own.reference.as_mut().unwrap().profile = Some(own.order.profile.id.clone());
    assert_eq!(check(&mut own, good).outcome, Outcome::Pass);
    let mut flashed = bench(ReferenceKind::Golden);
    flashed.found = FoundState::Loader;
    let record = flashed.work(good).unwrap();
    assert_eq!((record.outcome, code(&record)), (Outcome::Aborted, FaultCode::BoardIsReference));
    assert_eq!((last_step(&record), record.reference), (Some(Step::Admit), None));
}

#[test]
fn boards_of_every_model_are_checked() {
    for mut bench in [PaperBench::jk_pb(), PaperBench::jbd()] {
        bench.admission = AdmissionVerdict::Reference;
        bench.reference = Some(reference(ReferenceKind::Golden));
        bench.identity.identifiers[0].value = "2071234".into();
        bench.identity.identifiers[0].unique = true;
        assert_eq!(check(&mut bench, good).outcome, Outcome::Pass);
    }
}

#[test]
fn the_record_of_a_check_that_wrote_is_doubted() {
    let mut bench = bench(ReferenceKind::Golden);
    let sound = check(&mut bench, good);
    let expected = bench.order.expected();
    let doubts = |change: fn(&mut BirthRecord)| {
        let mut record = sound.clone();
        change(&mut record);
        judge_record(&record, &expected)
    };
    let not_ordered = |step| vec![RecordDoubt::NotOrdered { step }];
    assert_eq!(doubts(|record| record.serial = Some("TB1".into())), not_ordered(Step::Number));
    assert_eq!(doubts(|record| record.parameters[0].written = true), not_ordered(Step::Profile));
    let in_its_place = doubts(|record| record.steps[3].step = Step::Lease);
    let unread = RecordDoubt::StepNotPassed { step: Step::Verify };
    assert_eq!(in_its_place, [not_ordered(Step::Lease), vec![unread]].concat());
    let named = |measurement: &str| vec![RecordDoubt::MeasurementMissing { name: measurement.into() }];
    let first = sound.measurements[0].name.clone();
    assert_eq!(doubts(|record| drop(record.measurements.remove(0))), named(&first));
    let name = sound.parameters[0].name.clone();
    let moved = doubts(|record| record.parameters[0].read = Some(Value::Number(-1.0)));
    assert_eq!(moved, [RecordDoubt::ParameterNotVerified { name }]);
}

#[test]
fn a_check_under_an_order_says_which_values_are_the_orders() {
    let mut bench = bench(ReferenceKind::Golden);
    let order = std::sync::Arc::make_mut(&mut bench.order);
    let name = "charge_current_limit_a".to_owned();
    let bounds = domain::profile::OrderBounds { min: 60.0, max: 120.0 };
    std::sync::Arc::make_mut(&mut order.profile).from_order.insert(name.clone(), bounds);
    order.order_values.insert(name.clone(), 100.0);
    let record = check(&mut bench, good);
    let said: Vec<_> = record.parameters.iter().filter(|one| one.from_order).map(|one| &one.name).collect();
    assert_eq!((record.outcome, said), (Outcome::Pass, vec![&name]));
}

#[test]
fn while_a_reference_is_due_a_board_is_looked_at_and_not_worked_and_the_reference_is() {
    let due = Fault::new(FaultCode::ReferencesDue).with("wanted", "golden board");
    for found in [FoundState::Application, FoundState::Loader] {
        let mut bench = PaperBench::new();
        (bench.found, bench.only_references) = (found, Some(due.clone()));
        assert_eq!(bench.work(|_, _, good| good), None, "no run, no record");
        only_looked(&bench);
        let SlotState::Refused { fault, .. } = bench.runner.live() else {
            panic!("{:?}", bench.runner.live())
        };
        assert_eq!(fault, due);
    }
    let mut bench = bench(ReferenceKind::Golden);
    bench.only_references = Some(due);
    assert_eq!(bench.work(|_, _, good| good).map(|record| record.outcome), Some(Outcome::Pass));
}
