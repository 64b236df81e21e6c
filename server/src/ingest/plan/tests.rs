//! What becomes of a text, one rule after the other.

use super::*;
use crate::load::synthetic::{self, Work};
use chrono::DateTime;
use domain::{
    ids::{BatchId, ContentHash},
    labelling::LabelMode,
    profile::OrderValues,
};
use proptest::prelude::*;
use uuid::Uuid;

fn work() -> Work {
    synthetic::work(Uuid::nil().into(), BatchId(Uuid::from_u128(9)))
}

fn record(number: u32) -> BirthRecord {
    let at = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
    synthetic::envelope(&work(), Uuid::nil(), number, at, 1).record
}

fn rules() -> Rules {
    Rules { bundle_id: 1, released: true, expected: work().expected }
}

fn worked(bundle: &ContentHash) -> BatchWork {
    BatchWork {
        bundle: bundle.clone(),
        order_values: OrderValues::new(),
        labels: None,
        label_mode: LabelMode::None,
    }
}

fn judged(record: &BirthRecord) -> Judged {
    judge(record, Some(&worked(&record.bundle.hash)), Some(&rules())).unwrap()
}

#[test]
fn nothing_unreleased_is_a_record() {
    let sound = record(1);
    let hash = worked(&sound.bundle.hash);
    assert!(judge(&sound, None, None).is_err());
    assert!(judge(&sound, Some(&hash), None).is_err());
    let other = worked(&ContentHash::of(b"another"));
    let mut rules = rules();
    rules.released = false;
    assert!(judge(&sound, Some(&hash), Some(&rules)).is_err());
    rules.released = true;
    assert!(judge(&sound, Some(&other), Some(&rules)).is_err());
    assert_eq!(judge(&sound, Some(&hash), Some(&rules)).unwrap().outcome, Outcome::Pass);
    // Released, but its grade of firmware evidence is not accepted: held, and no pass.
    rules.expected.firmware.as_mut().unwrap().accepted.clear();
    assert_eq!(judge(&sound, Some(&hash), Some(&rules)).unwrap().outcome, Outcome::Error);
}

proptest! {
    /// Whatever the database knows: a pass gets a unit and a number that is this unit's own, or it is no pass.
    #[test]
    fn a_pass_always_has_a_unit_and_a_number_of_its_own(
        number in 1_u32..60,
        knows in proptest::collection::vec((0_u128..3, proptest::option::of(0_u32..3)), 0..3),
        lent in proptest::option::of((8_u128..10, proptest::option::of(0_u128..4), any::<bool>(), any::<bool>(), any::<bool>())),
    ) {
        let record = record(number);
        let judged = judged(&record);
        let known: Vec<KnownUnit> = knows
            .iter()
            .map(|(unit, serial)| KnownUnit {
                unit_id: UnitId(Uuid::from_u128(*unit)),
                serial: serial.map(|own| if own == 0 { synthetic::serial(number) } else { format!("other-{own}") }),
                barred: None,
                unique: Vec::new(),
            })
            .collect();
        let lent = lent.map(|(batch, unit, is_elsewhere, is_scrapped, is_freed)| LentNumber {
            batch_id: BatchId(Uuid::from_u128(batch)),
            unit_id: unit.map(|unit| UnitId(Uuid::from_u128(unit))),
            is_elsewhere,
            is_scrapped,
            is_freed,
        });
        let new_unit = UnitId(Uuid::from_u128(77));
        match place(&record, &judged, &known, lent, new_unit) {
            Ok(place) if judged.outcome == Outcome::Pass => {
                let unit = place.unit.unwrap();
                prop_assert!(place.binds_serial);
                prop_assert!(known.len() < 2);
                let lent = lent.unwrap();
                prop_assert!(lent.unit_id.is_none_or(|bound| bound == unit));
                prop_assert!(!lent.is_scrapped && !lent.is_freed && (lent.unit_id.is_some() || !lent.is_elsewhere));
                prop_assert!(known.iter().all(|known| known.serial.is_none() || known.serial == record.serial));
            }
            Ok(_) => {}
            Err(_) => prop_assert_eq!(judged.outcome, Outcome::Pass, "only a pass is objected to"),
        }
    }
}
