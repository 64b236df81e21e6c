//! What became of a reference.

use super::{BoardSeen, Finding, Found, Outcome, is_of};
use domain::record::BirthRecord;

/// It is looked at, and a record of that is there.
pub(super) fn judge_reference(
    outcome: &Outcome,
    board: &BoardSeen,
    records: &[BirthRecord],
    found: &mut Found<'_>,
) {
    let index = board.witnessed.index;
    // A check that a disk that went back ended otherwise is held apart with the others.
    let is_work = |record: &&BirthRecord| record.reference.is_none();
    if board.touched > 0 || records.iter().filter(is_work).any(|record| is_of(outcome, board, record)) {
        found.add(Finding::ReferenceWorked, format!("board {index} is a reference, and was worked"));
    }
    let is_checked = outcome.server.checks().iter().any(|record| is_of(outcome, board, record));
    // One that was put in while the fixture could not be seen may lie under the lamp of the board before it.
    let was_seen = !board.struck && !board.out_of_sight;
    if board.witnessed.removed && was_seen && !is_checked {
        found.add(
            Finding::RunLost,
            format!(
                "no record says what reference {index} showed, which lay under {:?}",
                board.witnessed.lamp
            ),
        );
    }
    if board.witnessed.removed && board.witnessed.load_ma > 0 && !board.pulled {
        found.add(Finding::LoadLeftOn, format!("reference {index} was taken out under a load"));
    }
}
