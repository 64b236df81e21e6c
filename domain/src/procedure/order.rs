//! What the order of a procedure's steps may not be: the way of a board leaves some of it free, and none of this.

use super::{PlannedStep, StepKind as K};

/// What is wrong with the order, and at which step (its index); none: with the list as a whole.
pub(super) type OrderFault = (Option<usize>, String);

/// Stands exactly once: a plan without it proves nothing, and twice it would undo what came between.
const ONCE: [K; 5] = [K::Identify, K::Profile, K::Number, K::Restart, K::Verify];
/// Stands once or not at all.
const AT_MOST_ONCE: [K; 7] = [K::Flash, K::Calibrate, K::Name, K::ShipState, K::Password, K::Lease, K::Sleep];

/// The first of each pair stands before the second, wherever both do. With the reason that a person is told.
const BEFORE: &[(K, K, &str)] = &[
    (K::Flash, K::Profile, "an image that is sent later may reset what the profile set"),
    (K::Profile, K::Calibrate, "a board is calibrated with the settings that it will have"),
    (K::Profile, K::Measure, "a board without its profile is not loaded or switched on"),
    (K::Profile, K::Number, "a board is numbered with its profile on it"),
    (K::Calibrate, K::Number, "the load is off before a board gets anything of its own"),
    (K::Number, K::Name, "its template holds the number"),
    (K::Number, K::Password, "the password is sealed for the number's board"),
    (K::Number, K::Lease, "the password and the lock are the last writes"),
    (K::Name, K::Password, "the password and the lock are the last writes"),
    (K::Name, K::Lease, "the password and the lock are the last writes"),
    (
        K::Measure,
        K::Password,
        "a board is measured before it is locked, and the measurement switches its paths",
    ),
    (K::Measure, K::Lease, "a board is measured before it is locked, and the measurement switches its paths"),
    (K::Password, K::Lease, "the lock is the last write"),
    (K::Profile, K::Stimulate, "a board without its profile is not loaded or switched on"),
    (K::Profile, K::Expect, "a board without its profile is not loaded or switched on"),
    (K::Profile, K::Command, "a command is given to a board that stands open and has its settings"),
    (K::Command, K::Calibrate, "a command may change what a calibration or a measurement goes by"),
    (K::Command, K::Measure, "a command may change what a calibration or a measurement goes by"),
    (K::Command, K::Number, "a command comes before what a board gets of its own"),
    (K::Stimulate, K::Number, "the load is off before a board gets anything of its own"),
    (K::Expect, K::Number, "a board is tested before it gets anything of its own"),
    (K::Number, K::ShipState, "what the test left on the board is cleared once it is tested and numbered"),
    (K::ShipState, K::Password, "the password and the lock are the last writes"),
    (K::ShipState, K::Lease, "the password and the lock are the last writes"),
    (K::Restart, K::Verify, "what was written is proved by what is read after a restart"),
];

/// Everything that keeps these steps from being a way of a board, in the order of the steps.
pub(super) fn check_order(plan: &[PlannedStep]) -> Vec<OrderFault> {
    let kinds: Vec<K> = plan.iter().map(|step| step.action.kind()).collect();
    let mut faults: Vec<OrderFault> = Vec::new();
    let at = |kind: K| kinds.iter().enumerate().filter(move |(_, one)| **one == kind).map(|(index, _)| index);
    for kind in ONCE.into_iter().chain([K::Measure]).filter(|kind| !kinds.contains(kind)) {
        faults.push((None, format!("no step of kind {}: nothing would be proved without it", kind.as_str())));
    }
    for kind in ONCE.into_iter().chain(AT_MOST_ONCE) {
        for index in at(kind).skip(1) {
            faults.push((Some(index), format!("a second step of kind {}: it stands once", kind.as_str())));
        }
    }
    if let Some(index) = at(K::Identify).next().filter(|index| *index > 0) {
        let reason =
            "identify is the first step: nothing is done to a board that was not identified and admitted";
        faults.push((Some(index), reason.to_owned()));
    }
    for &(earlier, later, why) in BEFORE {
        let Some(last) = at(earlier).next_back() else { continue };
        for index in at(later).take_while(|index| *index < last) {
            let (earlier, later) = (earlier.as_str(), later.as_str());
            faults.push((Some(index), format!("{later} stands before {earlier}: {why}")));
        }
    }
    // Whatever is written is read after the restart, and nothing comes between that and the reading.
    if let (Some(restart), Some(verify)) = (at(K::Restart).next(), at(K::Verify).next_back()) {
        for (index, kind) in kinds
            .iter()
            .enumerate()
            .skip(restart + 1)
            .filter(|(_, kind)| **kind != K::Verify)
            // Asleep it keeps what was proved, and that it sleeps is the last thing that anybody hears of it.
            .filter(|(index, kind)| **kind != K::Sleep || *index < verify)
        {
            let reason = if index < verify {
                format!("{} stands between restart and verify: nothing comes between them", kind.as_str())
            } else {
                format!("{} stands behind verify: what is done there, nobody proves", kind.as_str())
            };
            // Said once already.
            let is_told = faults.iter().any(|(at, _)| *at == Some(index));
            if !is_told {
                faults.push((Some(index), reason));
            }
        }
    }
    if let Some(index) = at(K::Sleep).find(|index| index + 1 < kinds.len()) {
        let reason = "sleep is the very last step: whoever speaks to the board behind it wakes it";
        let is_told = faults.iter().any(|(at, _)| *at == Some(index));
        if !is_told {
            faults.push((Some(index), reason.to_owned()));
        }
    }
    faults.sort_by_key(|(index, _)| index.map_or(0, |index| index + 1));
    faults
}
