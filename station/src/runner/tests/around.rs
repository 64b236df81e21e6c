//! The bench around the board: a fixture that drops everything, and a radio that listens.

use super::*;
use crate::{fixture::described::RadioThere, runner::RadioHeard};
use domain::identifier::IdentifierKind;

const THERE: RadioThere = RadioThere { seconds: 2, weakest_dbm: -80 };

/// Wherever a run is: the fixture drops the board's supply, and from then on nobody asks that board anything.
#[test]
fn a_trip_ends_the_run_wherever_it_is_and_nothing_more_is_asked_of_the_board() {
    let whole = {
        let mut bench = PaperBench::new();
        bench.work(good).unwrap();
        bench.done.iter().filter(|effect| effect.is_question()).count()
    };
    for nth in 1..whole {
        let mut bench = PaperBench::new();
        let record = bench.work(|at, _, event| {
            if at == nth {
                Event::Tripped(Fault::new(FaultCode::CoverOpen).with("cover", "1"))
            } else {
                event
            }
        });
        let asked = bench.done.iter().filter(|effect| effect.is_question()).count();
        assert_eq!(asked, nth + 1, "nothing is asked after the trip");
        let SlotState::Broken { fault } = bench.runner.live() else {
            panic!("{nth}: it waits: {:?}", bench.runner.live())
        };
        assert_eq!(fault.code, FaultCode::CoverOpen);
        let Some(record) = record else { continue };
        assert_eq!(
            (record.outcome, code(&record)),
            (Outcome::CollateralAbort, FaultCode::CoverOpen),
            "{nth}"
        );
        let torn = record.tear_down.as_ref();
        assert!(
            torn.is_none_or(|torn| torn.fault.as_ref().is_some_and(|fault| fault.code.is_trip())),
            "{torn:?}"
        );
        // A load that was on is off, whoever drew it.
        let loads: Vec<&Effect> = bench
            .done
            .iter()
            .filter(|effect| matches!(effect, Effect::SetLoad(_) | Effect::LoadOff))
            .collect();
        assert!(!matches!(loads.last(), Some(Effect::SetLoad(1..))), "{nth}: {loads:?}");
    }
}

#[test]
fn covers_that_are_opened_again_and_again_use_up_no_tries() {
    let mut bench = PaperBench::new();
    for _ in 0..6 {
        bench.work(
            |at, _, event| {
                if at == 4 { Event::Tripped(Fault::new(FaultCode::EmergencyStop)) } else { event }
            },
        );
        assert!(bench.runner.is_idle(), "{:?}", bench.runner.live());
    }
    assert_eq!(bench.work(good).unwrap().outcome, Outcome::Pass);
}

#[test]
fn a_radio_that_listens_hears_name_address_and_signal_and_without_one_nobody_claims_so() {
    let mut bench = PaperBench::new();
    assert_eq!(bench.work(good).unwrap().radio, None);
    let mut bench = PaperBench::new();
    bench.radio = Some(THERE);
    let record = bench.work(good).unwrap();
    assert_eq!(record.outcome, Outcome::Pass, "{:?}", record.fault);
    let radio = record.radio.expect("it was heard");
    let address = record.identifiers.iter().find(|one| one.kind == IdentifierKind::BluetoothAddress).unwrap();
    assert_eq!((radio.address.as_str(), radio.rssi_dbm), (address.value.as_str(), -55));
    assert!(radio.name.is_some_and(|name| name.starts_with("TB-")) && radio.by.id == "radio-1");
}

#[test]
fn a_board_that_is_not_heard_or_weak_or_by_another_name_fails_and_a_silent_listener_blames_nobody() {
    let spoilt = |spoil: &dyn Fn(&mut RadioHeard)| {
        let mut bench = PaperBench::new();
        bench.radio = Some(THERE);
        let record = bench.work(|_, _, event| match event {
            Event::Heard(Ok(mut heard)) => {
                spoil(&mut heard);
                Event::Heard(Ok(heard))
            }
            event => event,
        });
        let record = record.unwrap();
        (record.outcome, code(&record))
    };
    let own = |heard: &mut RadioHeard| heard.radios.len() - 1;
    assert_eq!(spoilt(&|heard| heard.radios.truncate(1)), (Outcome::Fail, FaultCode::RadioNotHeard));
    let weak = spoilt(&|heard| {
        let own = own(heard);
        heard.radios[own].rssi_dbm = -81;
    });
    assert_eq!(weak, (Outcome::Fail, FaultCode::RadioWeak));
    let named = spoilt(&|heard| {
        let own = own(heard);
        heard.radios[own].name = "BMS".into();
    });
    assert_eq!(named, (Outcome::Fail, FaultCode::NameDoesNotHold));
    let mut bench = PaperBench::new();
    bench.radio = Some(THERE);
    let record = bench.work(|_, asked, event| match asked {
        Effect::Hear => {
            Event::Heard(Err(Fault::new(FaultCode::InstrumentSilent).with("instrument", "radio-1")))
        }
        _ => event,
    });
    let record = record.unwrap();
    assert_eq!((record.outcome, code(&record)), (Outcome::CollateralAbort, FaultCode::InstrumentSilent));
    assert_eq!(record.radio, None::<domain::record::RadioRecord>);
}
