//! How boards are left that fail after their test has begun: by what they keep and what the jig saw.

use super::*;

/// The shipped birth of boards that end locked and keep the factory's password, so that another station can open them.
fn ends_locked() -> BundleFiles {
    let mut files = BundleFiles::shipped();
    files.procedure = files
        .procedure
        .replacen("birth = \"armed\"", "birth = \"locked\"", 1)
        .replacen("[password]\nkind = \"random_digits\"\n", "", 1)
        .replacen("[probe]", "leaves_out = [\"password\"]\n\n[probe]", 1);
    files
}

#[tokio::test(start_paused = true)]
async fn a_locked_board_that_fails_under_its_load_is_locked_again_and_does_not_discharge() {
    let mut hall = Hall::new(ends_locked(), 1, 0);
    hall.work_until_it_dies(|board| board.holds.lease_mode.as_deref() == Some("locked")).await;
    // Another station's limits are not for these cells.
    let mut files = ends_locked();
    files.procedure = files.procedure.replacen(
        "limit = { min = 2280, max = 2360 }",
        "limit = { min = 2359, max = 2360 }",
        1,
    );
    let image = build_image(&hall.model, "V1.9", 8 * 1024, 7).unwrap();
    hall.server = MemoryServer::with_files(files, StationId(Uuid::from_u128(42)), &image, "V1.9");
    hall.disk = tempfile::tempdir().unwrap();
    hall.work().await;
    let records = hall.server.records();
    let record = records.first().expect("it left a record");
    let fault = record.fault.as_ref().unwrap();
    assert_eq!((fault.code, fault.step), (FaultCode::OutsideLimits, Some(Step::Measure)));
    let torn = record.tear_down.as_ref().unwrap();
    assert_eq!(torn.fault, None);
    assert_eq!((torn.lease_set, torn.lease_read), (Some(BirthLease::Locked), Some(BirthLease::Locked)));
    assert_eq!(torn.output, Some(OutputRecord { charge_on: true, discharge_on: false }));
    assert!(torn.load_ma.is_some_and(|load_ma| load_ma < 100) && torn.duration_ms < 5000, "{torn:?}");
    assert_eq!(judge_record(record, &hall.server.expected()), []);
    let seen = hall.jig.jig.witnessed().borrow()[0].clone();
    assert_eq!((seen.lamp.as_deref(), seen.load_ma), (Some("fail"), 0));
    assert_eq!(seen.holds.lease_mode.as_deref(), Some("locked"));
    assert!(seen.holds.charge_on && !seen.holds.discharge_on, "{seen:?}");
}

/// The program dies while a board that came locked is open for its test; the run that takes over fails.
#[tokio::test(start_paused = true)]
async fn a_lock_that_a_program_found_which_then_died_is_put_back_by_the_run_that_takes_over() {
    let mut hall = Hall::new(ends_locked(), 1, 0);
    hall.work_until_it_dies(|board| board.holds.lease_mode.as_deref() == Some("locked")).await;
    let mut files = ends_locked();
    let limit = "limit = { min = 2280, max = 2360 }";
    files.procedure = files.procedure.replacen(limit, "limit = { min = 2359, max = 2360 }", 1);
    let image = build_image(&hall.model, "V1.9", 8 * 1024, 7).unwrap();
    hall.server = MemoryServer::with_files(files, StationId(Uuid::from_u128(42)), &image, "V1.9");
    hall.disk = tempfile::tempdir().unwrap();
    // Twice: the one that takes over dies as well.
    for _ in 0..2 {
        hall.work_until_it_dies(|board| board.holds.lease_mode.as_deref() == Some("open")).await;
    }
    hall.work().await;
    let records = hall.server.records();
    let outcomes: Vec<Outcome> = records.iter().map(|record| record.outcome).collect();
    let last = records.last().unwrap();
    assert_eq!(last.outcome, Outcome::Fail, "{outcomes:?} {:?}", last.fault);
    assert!(outcomes.len() >= 2 && last.resumes.is_some(), "{outcomes:?}");
    for cut_off in records.iter().filter(|record| record.outcome == Outcome::Interrupted) {
        assert_eq!(cut_off.lock_found.and_then(|lock| lock.mode), Some(BirthLease::Locked));
    }
    let torn = last.tear_down.as_ref().unwrap();
    assert_eq!((torn.lease_set, &torn.fault), (Some(BirthLease::Locked), &None));
    let seen = hall.jig.jig.witnessed().borrow()[0].clone();
    assert_eq!(seen.holds.lease_mode.as_deref(), Some("locked"));
    assert!(seen.holds.charge_on && !seen.holds.discharge_on, "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_board_that_fails_before_or_after_its_restart_is_left_charging_and_not_discharging() {
    for (files, cell_mv, fault) in [
        (BundleFiles::shipped(), 0, Fault::CellOutOfLimits),
        (BundleFiles::shipped(), 0, Fault::RegisterDoesNotHold),
        (BundleFiles::of("jk-pb", "jk-pb-16s-lto-100a", "jk-pb-birth-16s-lto"), 0, Fault::CellOutOfLimits),
        (BundleFiles::of("jbd", "jbd-8s-lto-100a", "jbd-birth-8s-lto"), 0, Fault::CellOutOfLimits),
        (BundleFiles::of("jbd", "jbd-8s-lto-100a", "jbd-birth-8s-lto"), 0, Fault::RegisterDoesNotHold),
    ] {
        let mut hall =
            Hall::with(files, 1, cell_mv, |settings| (settings.faulty, settings.fault) = (1, Some(fault)));
        hall.work().await;
        let what = format!("{} {fault:?}", hall.model.id);
        let records = hall.server.records();
        let torn = records[0].tear_down.as_ref().unwrap_or_else(|| panic!("{what}: {:?}", records[0].fault));
        assert_eq!(torn.fault, None, "{what}");
        assert_eq!(torn.output, Some(OutputRecord { charge_on: true, discharge_on: false }), "{what}");
        let seen = hall.jig.jig.witnessed().borrow()[0].clone();
        assert!(seen.holds.charge_on && !seen.holds.discharge_on, "{what}: {seen:?}");
    }
}

/// The shipped birth with a pause, a second load under which a current is read and a path looked at, and where told so a flag that
/// never comes.
fn with_every_kind(never: bool) -> BundleFiles {
    let mut files = BundleFiles::shipped();
    let mut procedure = parse_procedure("short", &files.procedure).unwrap();
    let mut steps = procedure.plan();
    let at = steps.iter().position(|step| step.action.kind() == StepKind::Measure).unwrap();
    let mut current =
        procedure.measurements.iter().find(|spec| spec.name == "current_under_load").unwrap().clone();
    current.name = "current_at_half".to_owned();
    (current.limit.min, current.limit.max) = (Some(-10_300.0), Some(-9_700.0));
    let flag =
        |set| Flag { register: "outputs".to_owned(), bit: "discharge".to_owned(), set, within_ms: 2000 };
    let mut more = vec![
        Action::Stimulate(10_000),
        Action::Measure(vec![current.name.clone()]),
        Action::Expect(flag(true)),
        Action::Stimulate(0),
        Action::Wait(500),
    ];
    more.extend(never.then(|| Action::Expect(flag(false))));
    procedure.measurements.push(current);
    steps.splice(at + 1..at + 1, more.into_iter().map(PlannedStep::from));
    procedure.steps = steps;
    files.procedure = toml::to_string(&ProcedureFile::of(&procedure)).unwrap();
    files
}

#[tokio::test(start_paused = true)]
async fn a_second_load_and_a_flag_are_known_by_instrument_and_board() {
    let mut hall = Hall::new(with_every_kind(false), 1, 0);
    hall.work().await;
    let record = hall.pass();
    let expected = hall.server.expected().steps;
    assert_eq!(record.steps.iter().map(|entry| entry.step).collect::<Vec<_>>(), expected);
    assert_eq!(expected.iter().filter(|step| **step == Step::Stimulate).count(), 2);
    let half = record.measurements.iter().find(|one| one.name == "current_at_half").unwrap();
    assert!(half.stimulus.is_some_and(|stimulus| (stimulus + 10_000.0).abs() < 100.0), "{half:?}");
    let pause = record.steps.iter().find(|entry| entry.step == Step::Wait).unwrap();
    assert!((500..600).contains(&pause.duration_ms), "{pause:?}");
    assert_eq!(hall.jig.jig.witnessed().borrow()[0].load_ma, 0);

    let mut hall = Hall::new(with_every_kind(true), 1, 0);
    hall.work().await;
    let record = hall.server.records().remove(0);
    let fault = record.fault.as_ref().unwrap();
    assert_eq!(
        (record.outcome, fault.code, fault.step),
        (Outcome::Fail, FaultCode::FlagNotSeen, Some(Step::Expect))
    );
    let took = record.steps.last().unwrap().duration_ms;
    assert!((2000..3000).contains(&took), "{took}");
    assert_eq!(record.tear_down.unwrap().fault, None);
}

#[tokio::test(start_paused = true)]
async fn a_procedure_with_its_steps_one_by_one_is_worked_to_a_judged_pass() {
    for (mut files, cell_mv) in [
        (BundleFiles::shipped(), 0),
        (BundleFiles::of("jk-pb", "jk-pb-16s-lto-100a", "jk-pb-birth-16s-lto"), 0),
        (BundleFiles::of("jbd", "jbd-8s-lto-100a", "jbd-birth-8s-lto"), 0),
    ] {
        let short = parse_procedure("short", &files.procedure).unwrap();
        let steps = short.plan().len();
        files.procedure = toml::to_string(&ProcedureFile::of(&short)).unwrap().replacen(
            "kind = \"measure\"\n",
            "kind = \"measure\"\nretry = 1\ntimeout_ms = 20000\non_failure = \"go_on\"\n",
            1,
        );
        let mut hall = Hall::new(files, 1, cell_mv);
        hall.work().await;
        let record = hall.pass();
        assert_eq!(
            record.steps.iter().map(|entry| entry.step).collect::<Vec<_>>(),
            hall.server.expected().steps
        );
        assert!(steps >= 7 && record.tear_down.is_none());
        hall.assert_keeps_profile().await;
    }
}
