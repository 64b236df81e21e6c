//! A board of the pile as the observer's list begins with it.

use super::Plan;
use crate::{
    faults::Expected,
    observe::{Holds, Witnessed},
};

pub(super) fn has_verdict(board: &Witnessed) -> bool {
    matches!(board.lamp.as_deref(), Some("pass" | "fail"))
}

pub(super) fn witness(plan: &Plan, earlier: &[Witnessed]) -> Witnessed {
    // A board that had its verdict was on its way out.
    let is_done = |board: &&Witnessed| board.index == plan.index && (board.removed || has_verdict(board));
    if let Some(done) = earlier.iter().find(is_done) {
        return Witnessed { removed: true, ..done.clone() };
    }
    Witnessed {
        index: plan.index,
        fault: plan.birth.fault,
        machine_code: plan.birth.machine_code.to_string(),
        bluetooth_address: plan.birth.bluetooth_address.clone(),
        expected: Expected::of(plan.birth.fault),
        slot: None,
        inserted: false,
        removed: false,
        lamp: None,
        holds: Holds::default(),
        frames: 0,
        ignored_frames: 0,
        load_ma: 0,
    }
}
