//! Questions to a person. Nothing is asked of the board meanwhile, and no other slot waits.

use super::{Next, Phase, Work, internal};
use crate::{board::BoardRequest, clock::Moment, runner::Effect};
use domain::{
    procedure::{Action, PlannedStep},
    prompt::{AnswerRecord, GivenAnswer, OpenPrompt, Prompt},
    step::Step,
    text::Fault,
};

impl Work {
    fn prompt(&self) -> Result<&Prompt, Fault> {
        match self.action() {
            Some(Action::Prompt(prompt)) => Ok(prompt),
            _ => Err(internal("nobody is asked anything")),
        }
    }

    /// What is open now.
    pub fn open_prompt(&self) -> Option<OpenPrompt> {
        if self.phase == Phase::Label && !self.is_tearing_down() {
            return Some(self.label_prompt());
        }
        let prompt = self.prompt().ok().filter(|_| self.phase == Phase::Asked && !self.is_tearing_down())?;
        let retry = self.plan.get(self.at).map_or(0, |step: &PlannedStep| step.retry);
        Some(OpenPrompt {
            id: self.question_id(),
            prompt: prompt.clone(),
            tries_left: retry.saturating_sub(self.tries),
        })
    }

    /// No other question of any run has it.
    pub(super) fn question_id(&self) -> String {
        format!("{}-{}", self.draft.record.run_id, self.questions)
    }

    pub(super) fn begin_prompt(&mut self, now: Moment) -> Next {
        let mut effects = self.draft.begin(now, Step::Prompt);
        #[cfg(feature = "sabotage")]
        if let Some(invented) = crate::sabotage::invent_answer(&self.prompt()?.asks) {
            self.questions += 1;
            let (id, source) = (self.question_id(), domain::prompt::AnswerSource::Fixture);
            let given = GivenAnswer { id, answer: invented, by: None, source };
            effects.extend(self.prompt_answered(now, &given)?);
            return Ok(effects);
        }
        effects.extend(self.ask_again()?);
        Ok(effects)
    }

    /// A question of its own, though it be the same one: an answer to the one before it comes too late.
    pub(super) fn ask_again(&mut self) -> Next {
        self.questions += 1;
        self.phase = Phase::Asked;
        self.put()
    }

    /// The question, open as before.
    pub(super) fn put(&self) -> Next {
        let open = self.open_prompt().ok_or_else(|| internal("nothing is asked"))?;
        // A board in its loader has no identity to be read.
        let silent_ms = self.order.procedure.probe.silent_ms;
        let is_known = self.identity.is_some();
        let look = if is_known { BoardRequest::ReadIdentity } else { BoardRequest::Probe { silent_ms } };
        Ok(vec![Effect::Ask(Box::new(open), look)])
    }

    /// What is no answer to this question (of another one, of another kind, empty) leaves it open, and its time runs on.
    pub(super) fn prompt_answered(&mut self, now: Moment, given: &GivenAnswer) -> Next {
        let prompt = self.prompt()?.clone();
        if given.id != self.question_id() {
            return self.put();
        }
        let Some(answer) = prompt.hear(given.answer.clone()) else { return self.put() };
        let refusal = prompt.refusal(&answer);
        self.draft.record.measurements.extend(prompt.measurement(&answer));
        // The last one is the answer; how often it was asked again, its step says.
        self.draft.record.answers.retain(|earlier| earlier.prompt != prompt.name);
        self.draft.record.answers.push(AnswerRecord {
            prompt: prompt.name,
            answer: answer.to_value(),
            passed: refusal.is_none(),
            by: given.by_whom(),
            source: given.source,
            after_ms: now.millis_since(&self.step_since),
        });
        match refusal {
            Some(fault) => Err(fault.into()),
            None => self.next(now),
        }
    }
}
