//! What a record says that the operator answered.

use super::{BoardSeen, Finding, Found, Outcome};
use domain::record::BirthRecord;
use simulator::{fixture::Question, operator::answer};

/// What was asked about the board was answered, and the record says what the operator did.
pub(super) fn judge_answers(
    outcome: &Outcome,
    board: &BoardSeen,
    record: &BirthRecord,
    found: &mut Found<'_>,
) {
    for prompt in &outcome.server.expected().prompts {
        let asked = serde_json::to_value(prompt).and_then(serde_json::from_value::<Question>);
        let of = outcome.operator.labelled(board.witnessed.index);
        let said = asked.ok().and_then(|asked| answer(&asked.asks, of, outcome.operator.answers));
        let said = said.map(|(_, said)| match said {
            serde_json::Value::Bool(yes) => if yes { "yes" } else { "no" }.into(),
            said => said,
        });
        let kept = record.answers.iter().find(|one| one.prompt == prompt.name);
        let kept = kept.and_then(|one| serde_json::to_value(&one.answer).ok());
        if said != kept {
            let what = format!(
                "board {}: {} was answered {said:?}, its record says {kept:?}",
                board.witnessed.index, prompt.name
            );
            found.add(Finding::PassWithoutEvidence, what);
        }
    }
}
