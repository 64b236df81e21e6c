//! The label that sticks on a board and becomes its number: asked for where the board has been let in and before anything is done to it,
//! of one in its loader before it is flashed, where nothing else says who it is.

use super::{Ended, Next, Phase, Work, internal};
use crate::{
    clock::Moment,
    journal::{label_identifier, label_key},
    runner::{Admitted, Board, Effect, Start},
};
use domain::{
    admission::AdmissionVerdict,
    ids::RunId,
    label::{LabelRule, ScannedLabel, address_differs, label_differs},
    prompt::{Answer, GivenAnswer, OpenPrompt, PATIENCE_MS, WITHOUT_END, printable},
    record::AdmissionRecord,
    text::{Fault, FaultCode},
};
use std::time::Duration;

/// What is known of it.
#[derive(Debug, Default)]
pub(super) struct Label {
    scanned: Option<ScannedLabel>,
    /// Why the scan before is none.
    refused: Option<Fault>,
    asked_at: Option<Moment>,
}

impl Label {
    pub fn new(start: &Start) -> Self {
        let order = &start.order;
        let scanned = order.label_rule().zip(start.label.clone()).and_then(|(rule, scan)| {
            let label = rule.read(scan);
            rule.refusal(&label.text, &order.procedure, &order.model).is_none().then_some(label)
        });
        Self { scanned, ..Self::default() }
    }
}

impl Work {
    /// Its label, once it is its number.
    pub(super) fn label_text(&self) -> Option<String> {
        self.draft.record.label.as_ref().map(|label| label.text.clone())
    }

    /// The label that was scanned already, or the question for it.
    pub(super) fn take_label(&mut self, now: Moment) -> Next {
        match &self.label.scanned {
            Some(label) => {
                let own = self.known_serial.as_ref().filter(|own| **own != label.text);
                if let Some(own) = own {
                    return Err(self.not_with(label_differs(own, &label.text)));
                }
                if let Some(fault) = address_differs(label, &self.draft.record.identifiers) {
                    return Err(self.not_with(fault));
                }
                self.phase = Phase::ClaimLabel;
                Ok(vec![Effect::ClaimIdentity(vec![label_identifier(&label.text)])])
            }
            None => self.ask_label(now),
        }
    }

    fn ask_label(&mut self, now: Moment) -> Next {
        self.label.asked_at.get_or_insert(now);
        self.questions += 1;
        self.phase = Phase::Label;
        self.put()
    }

    fn label_rule(&self) -> LabelRule {
        let rule = self.order.label_rule();
        // Nobody is asked where numbers are lent.
        rule.unwrap_or_else(|| LabelRule::new(domain::label::LabelForm::Number, ""))
    }

    pub(super) fn label_prompt(&self) -> OpenPrompt {
        let prompt = self.label_rule().prompt(self.label.refused.as_ref());
        OpenPrompt { id: self.question_id(), prompt, tries_left: WITHOUT_END }
    }

    /// When the board is looked at anew, whoever is to scan being away.
    pub(super) fn label_ends(&self) -> Option<Duration> {
        let asked_at = self.label.asked_at.as_ref().filter(|_| self.phase == Phase::Label)?;
        Some(asked_at.elapsed + Duration::from_millis(PATIENCE_MS.into()))
    }

    pub(super) fn no_label(&self) -> Ended {
        self.label_prompt().prompt.unanswered(PATIENCE_MS).into()
    }

    /// A scan of another form is told and asked for again: nothing speaks against the board.
    pub(super) fn label_answered(&mut self, now: Moment, given: &GivenAnswer) -> Next {
        let Answer::Scan(text) = &given.answer else { return self.put() };
        let text = printable(text);
        if given.id != self.question_id() || text.is_empty() {
            return self.put();
        }
        let after_ms = self.label.asked_at.as_ref().map_or(0, |asked| now.millis_since(asked));
        let rule = self.label_rule();
        let (by, source) = (given.by_whom(), given.source);
        let label = rule.read(ScannedLabel { text, address: None, by, source, after_ms });
        let refused = rule.refusal(&label.text, &self.order.procedure, &self.order.model);
        if refused.is_some() {
            (self.label.refused, self.label.asked_at) = (refused, Some(now));
            return self.ask_label(now);
        }
        self.label.scanned = Some(label);
        self.take_label(now)
    }

    pub(super) fn label_claimed(&mut self, now: Moment, answer: Result<(), u16>) -> Next {
        let label = self.scanned()?.text.clone();
        if let Err(other_slot) = answer {
            let fault = Fault::new(FaultCode::IdentityInTwoSlots).with("identity", label);
            return Err(self.not_with(fault.with("other_slot", other_slot)));
        }
        if self.identity.is_none() {
            // Nothing else names a board in its loader: what is known of the label is known of it.
            let question = Effect::AskAdmission {
                batch_id: self.order.batch_id,
                operation: self.draft.record.operation.clone(),
                identifiers: vec![label_identifier(&label)],
                board: Board::Labelled(label),
                numbers: self.order.number_source(),
            };
            return Ok(self.step(now, domain::step::Step::Admit, Phase::AdmitLabelled, question));
        }
        let board = self.subject()?;
        self.bind_label(board)
    }

    pub(super) fn admitted_by_label(&mut self, answer: Admitted) -> Next {
        let Admitted { admission, by, resumes, lock, secret, .. } = answer;
        let label = self.scanned()?.text.clone();
        if admission.verdict != AdmissionVerdict::Admit {
            let fault = admission.refusal(&label).unwrap_or_else(|| internal("refused for nothing"));
            return Err(Ended::Refused(fault));
        }
        let (rerun, counts_already) = (admission.rerun, admission.counts_already);
        self.draft.record.admission = Some(AdmissionRecord { by, rerun, counts_already });
        self.draft.record.resumes = resumes;
        (self.lease_found, self.draft.record.lock_found) = (lock, lock);
        self.earlier_secret = secret;
        self.bind_label(Board::Labelled(label))
    }

    fn bind_label(&mut self, board: Board) -> Next {
        self.phase = Phase::BindLabel;
        Ok(vec![Effect::BindLabel {
            run_id: self.draft.record.run_id,
            batch_id: self.order.batch_id,
            operation: self.draft.record.operation.clone(),
            board,
            identifiers: self.draft.record.identifiers.clone(),
            label: self.scanned()?.text.clone(),
            numbers: self.order.number_source(),
        }])
    }

    /// It is on disk as this board's: now the run may be opened.
    pub(super) fn label_bound(&mut self, now: Moment, answer: Result<Option<RunId>, Fault>) -> Next {
        let resumes = match answer {
            Ok(resumes) => resumes,
            Err(fault) if fault.code.is_of_another() => return Err(self.not_with(fault)),
            Err(fault) => return Err(fault.into()),
        };
        self.draft.record.resumes = self.draft.record.resumes.or(resumes);
        let label = self.scanned()?.clone();
        self.push_serial(&label.text);
        self.draft.record.serial = Some(label.text.clone());
        self.draft.record.label = Some(label.clone());
        if self.identity.is_some() {
            return self.let_in(now);
        }
        self.draft.identity_key = Some(label_key(&label.text));
        let mut effects = vec![self.draft.open(now)];
        effects.extend(self.begin_flash(now, crate::board::FlashEntry::Loader)?);
        Ok(effects)
    }

    /// This board is not to be worked with that label. Before the run was opened nothing is recorded: nothing was done.
    pub(super) fn not_with(&self, fault: Fault) -> Ended {
        if self.is_opened() { Ended::Fault(fault) } else { Ended::Refused(fault) }
    }

    fn scanned(&self) -> Result<&ScannedLabel, Fault> {
        self.label.scanned.as_ref().ok_or_else(|| internal("no label was scanned"))
    }
}
