//! JBD boards: their own framing, factory mode around every setting, switches that nobody can read, and no identity before the
//! barcode is written.

use super::*;

fn files(profile: &str, procedure: &str) -> BundleFiles {
    BundleFiles::of("jbd", profile, procedure)
}

fn titanate() -> BundleFiles {
    files("jbd-8s-lto-100a", "jbd-birth-8s-lto")
}

#[tokio::test(start_paused = true)]
async fn a_jbd_board_of_each_chemistry_goes_the_whole_way_to_a_judged_pass() {
    for (files, cell_mv) in [
        (files("jbd-14s-li-ion-60a", "jbd-birth-14s-li-ion"), TERNARY_MV),
        (files("jbd-16s-lifepo4-100a", "jbd-birth-16s-lifepo4"), LFP_MV),
        (titanate(), 0),
    ] {
        let mut hall = Hall::new(files, 1, cell_mv);
        hall.work().await;
        let record = hall.pass();
        let own = record.identifiers.iter().find(|one| one.kind == IdentifierKind::PcbLabel).unwrap();
        assert_eq!((Some(&own.value), own.unique), (record.serial.as_ref(), true));
        let number = record.number.as_ref().unwrap();
        assert_eq!((number.register.as_str(), &number.after_restart), ("barcode", &record.serial));
        assert_eq!(Some(hall.kept(1, "barcode").await), record.serial);
        assert_eq!(record.output, Some(OutputRecord { charge_on: true, discharge_on: true }));
        assert!(record.firmware.is_none() && record.password.is_none() && record.lease.is_none());
        hall.assert_keeps_profile().await;
    }
}

#[tokio::test(start_paused = true)]
async fn jbd_boards_side_by_side_get_a_barcode_each() {
    let mut hall = Hall::new(titanate(), 3, 0);
    hall.work().await;
    let records = hall.server.records();
    let numbers: BTreeSet<String> = records.iter().filter_map(|record| record.serial.clone()).collect();
    assert!(records.iter().all(|record| record.outcome == Outcome::Pass), "{records:#?}");
    let mut on_boards = BTreeSet::new();
    for index in 1..=3 {
        on_boards.insert(hall.kept(index, "barcode").await);
    }
    assert_eq!((records.len(), numbers.len()), (3, 3));
    assert_eq!(on_boards, numbers);
}

#[tokio::test(start_paused = true)]
async fn a_jbd_board_whose_station_dies_with_the_barcode_written_is_taken_up_by_it() {
    let mut hall = Hall::new(titanate(), 1, 0);
    let model = Arc::clone(&hall.model);
    hall.work_until_it_dies(|board| !kept(&model, board, "barcode").is_empty()).await;
    let borne = hall.kept(1, "barcode").await;
    hall.work().await;
    let records = hall.server.records();
    let ended = |outcome| records.iter().find(|record| record.outcome == outcome).expect("one ended so");
    let (first, second) = (ended(Outcome::Interrupted), ended(Outcome::Pass));
    assert_eq!(records.len(), 2, "{records:#?}");
    assert_eq!((first.serial.as_ref(), second.serial.as_ref()), (Some(&borne), Some(&borne)));
    assert_eq!(second.resumes, Some(first.run_id));
    assert_eq!(judge_record(second, &hall.server.expected()), []);
}

#[tokio::test(start_paused = true)]
async fn a_jbd_board_that_is_bad_is_found_and_the_judge_refuses_its_spoilt_twin() {
    for (fault, code) in [
        (Fault::StuckMosfet, FaultCode::OutputWrong),
        (Fault::WrongShunt, FaultCode::ShuntOfAnotherVariant),
        (Fault::CellOutOfLimits, FaultCode::OutsideLimits),
        (Fault::RegisterDoesNotHold, FaultCode::RegisterDoesNotHold),
    ] {
        let mut hall =
            Hall::with(titanate(), 1, 0, |settings| (settings.faulty, settings.fault) = (1, Some(fault)));
        hall.work().await;
        let records = hall.server.records();
        let codes: Vec<_> =
            records.iter().map(|record| record.fault.as_ref().map(|fault| fault.code)).collect();
        assert_eq!(codes, [Some(code)], "{fault:?}: {records:#?}");
    }
    let mut hall = Hall::new(titanate(), 1, 0);
    hall.work().await;
    let (record, expected) = (hall.pass(), hall.server.expected());
    for (name, record) in spoils::spoils(&record, &expected) {
        assert!(!judge_record(&record, &expected).is_empty(), "{name} is believed");
    }
}
