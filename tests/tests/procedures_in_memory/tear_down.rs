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
