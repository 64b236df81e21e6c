//! A cover that is opened in mid-run, an emergency stop, modules that go: everything drops, no board is blamed, and each is looked at anew.

use super::{Hall, hall::Until};
use domain::{outcome::Outcome, record::BirthRecord, step::Step, text::FaultCode};
use std::time::Duration;
use tokio::time::sleep;

fn tripped(record: &BirthRecord, code: FaultCode) {
    let fault = record.fault.as_ref().unwrap();
    assert_eq!((record.outcome, fault.code), (Outcome::CollateralAbort, code), "{fault:?}");
    if let Some(torn) = &record.tear_down {
        // Nothing was put back on a board without its supply, and the record says so.
        assert_eq!(torn.fault.as_ref().map(|fault| fault.code), Some(code), "{torn:?}");
        assert_eq!((torn.lease_set, torn.output), (None, None));
    }
}

#[tokio::test(start_paused = true)]
async fn a_cover_opened_in_mid_run_drops_its_slot_alone_and_the_board_passes_once_it_is_closed() {
    for step in [Step::Flash, Step::Profile, Step::Calibrate, Step::Measure, Step::Verify] {
        let hall = Hall::new(2, |_| {});
        let open = async {
            hall.until_step(step).await;
            if step == Step::Calibrate {
                hall.until_loaded().await;
            }
            let opened = hall.slot_of_step(step);
            hall.bench().cover(Some(opened), false);
            hall.bench()
                .until(|seen| !seen.powered.contains(&opened) && !seen.loaded.contains(&opened))
                .await;
            sleep(Duration::from_secs(20)).await;
            let begun = hall.server.records().iter().filter(|one| u32::from(one.slot) == opened).count();
            assert_eq!(begun, 1, "{step:?}: nothing is begun under an open cover");
            hall.bench().cover(Some(opened), true);
            opened
        };
        let opened = hall.work_beside(open).await;
        let records = hall.server.records();
        let of =
            |slot: u32| records.iter().filter(move |one| u32::from(one.slot) == slot).collect::<Vec<_>>();
        tripped(of(opened)[0], FaultCode::CoverOpen);
        assert_eq!(of(opened)[0].fault.as_ref().unwrap().args["cover"], opened.to_string());
        assert_eq!(
            of(opened).last().unwrap().outcome,
            Outcome::Pass,
            "{step:?}: {:?}",
            of(opened).last().unwrap().fault
        );
        let other: Vec<Outcome> = of(3 - opened).iter().map(|record| record.outcome).collect();
        assert_eq!(other, [Outcome::Pass], "{step:?}: the other slot knew nothing of it");
        let seen = hall.bench().seen().borrow().clone();
        assert_eq!((seen.violations, seen.trips), (Vec::new(), 1), "{step:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_emergency_stop_ends_every_run_and_nothing_starts_before_the_button_is_pressed() {
    let hall = Hall::new(3, |_| {});
    let stop = async {
        hall.until_loaded().await;
        hall.bench().press_stop(true);
        hall.bench().until(|seen| seen.powered.is_empty() && seen.loaded.is_empty() && seen.tower[2]).await;
        sleep(Duration::from_secs(5)).await;
        hall.bench().press_stop(false);
        sleep(Duration::from_secs(20)).await;
        assert!(hall.bench().seen().borrow().powered.is_empty(), "it was only pulled out");
        assert_eq!(hall.server.records().len(), 3);
        hall.bench().press_reset(true);
        sleep(Duration::from_millis(300)).await;
        hall.bench().press_reset(false);
    };
    hall.work_beside(stop).await;
    let records = hall.server.records();
    for record in &records[..3] {
        tripped(record, FaultCode::EmergencyStop);
    }
    let outcomes: Vec<Outcome> = records[3..].iter().map(|record| record.outcome).collect();
    assert_eq!(outcomes, [Outcome::Pass; 3]);
    assert_eq!(hall.bench().seen().borrow().violations, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_module_that_started_anew_is_told_again_and_its_boards_are_not_blamed() {
    let hall = Hall::new(2, |_| {});
    let fall = async {
        hall.until_step(Step::Profile).await;
        hall.bench().brownout();
    };
    hall.work_beside(fall).await;
    let records = hall.server.records();
    assert!(records.iter().all(|record| record.outcome != Outcome::Fail), "{records:#?}");
    assert_eq!(records.iter().filter(|record| record.outcome == Outcome::Pass).count(), 2);
    let spoilt = records.iter().find(|record| record.outcome == Outcome::CollateralAbort).unwrap();
    let fault = spoilt.fault.as_ref().unwrap();
    assert_eq!(fault.code, FaultCode::FixtureSilent);
    assert!(fault.args["detail"].contains("reads off"), "{fault:?}");
}

#[tokio::test(start_paused = true)]
async fn a_line_to_the_modules_that_breaks_shuts_the_slots_and_they_are_looked_at_anew() {
    let hall = Hall::new(2, |_| {});
    let cut = async {
        hall.until_step(Step::Profile).await;
        hall.cut_io();
        hall.until_record(2).await;
    };
    hall.work_beside(cut).await;
    let records = hall.server.records();
    for record in &records[..2] {
        tripped_line(record);
    }
    let outcomes: Vec<Outcome> = records[2..].iter().map(|record| record.outcome).collect();
    assert_eq!(outcomes, [Outcome::Pass; 2]);
}

fn tripped_line(record: &BirthRecord) {
    let fault = record.fault.as_ref().unwrap();
    assert_eq!(
        (record.outcome, fault.code),
        (Outcome::CollateralAbort, FaultCode::FixtureSilent),
        "{fault:?}"
    );
}
