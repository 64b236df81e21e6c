//! The check of the bench with a reference board: the profile's parameters and the measurements that need no load, read and compared. Not
//! a byte is written to it, no load is switched, and it takes no number and no share.
//!
//! All of it is read before the verdict, and stands in the record.

use super::{Ended, Next, Phase, Work};
use crate::{
    board::{BoardIdentity, BoardRequest, Reading},
    clock::Moment,
    runner::{
        Effect,
        judge::{self, does_not_hold, first_outside},
    },
};
use domain::{
    evidence::Evidence,
    record::{AdmissionRecord, AdmittedBy, ParameterRecord, StepOutcome},
    reference::{REFERENCE_CHECK, Reference},
    step::Step,
    text::{Fault, FaultCode},
};

impl Work {
    /// The board is a reference: it is checked, where it is made for what this jig works.
    pub(super) fn check_reference(&mut self, now: Moment, reference: Reference, by: AdmittedBy) -> Next {
        let own = &self.order.profile.id;
        if self.is_opened() || reference.profile.as_ref().is_some_and(|profile| profile != own) {
            return Err(Ended::Refused(
                Fault::new(FaultCode::BoardIsReference).with("name", &reference.name),
            ));
        }
        let record = &mut self.draft.record;
        REFERENCE_CHECK.clone_into(&mut record.operation);
        record.admission = Some(AdmissionRecord { by, rerun: None, counts_already: false });
        record.reference = Some(reference);
        let mut effects = vec![self.draft.open(now)];
        let names = self.order.profile.values.keys().cloned().collect();
        let question = Effect::Board(BoardRequest::ReadRegisters { names });
        effects.extend(self.step(now, Step::Verify, Phase::CheckParameters, question));
        Ok(effects)
    }

    pub fn is_reference_check(&self) -> bool {
        self.draft.record.reference.is_some()
    }

    pub(super) fn parameters_compared(&mut self, now: Moment, readings: &[Reading]) -> Next {
        let mut first = None;
        for (name, set) in &self.order.profile.values {
            let reading = readings.iter().find(|reading| reading.name == *name);
            let reading = reading.ok_or_else(|| judge::garbage(name, "was not answered"))?;
            let holds = reading.value == *set;
            if !holds {
                first.get_or_insert(does_not_hold(name, set, &reading.value));
            }
            self.draft.record.parameters.push(ParameterRecord {
                before: None,
                set: set.clone(),
                read: Some(reading.value.clone()),
                after_restart: None,
                unit: reading.unit.clone(),
                evidence: Evidence::Read,
                holds,
                written: false,
                from_order: self.order.order_values.contains_key(name),
                name: name.clone(),
            });
        }
        if let Some(fault) = first {
            self.found_on_reference(now, fault);
        }
        self.measure_reference(now)
    }

    fn measurements_to_read(&self) -> Vec<String> {
        let expected = self.order.expected();
        let specs = self.order.procedure.measurements.iter();
        // A measurement of the cells is one for each of them.
        let is_only_read = |name: &str| {
            let of_cells = expected.measurements.get(&format!("{name}_1"));
            expected.measurements.get(name).or(of_cells).is_some_and(|one| one.is_only_read())
        };
        specs.map(|spec| &spec.name).filter(|name| is_only_read(name)).cloned().collect()
    }

    fn measure_reference(&mut self, now: Moment) -> Next {
        let names = judge::registers_of(&self.order, &self.measurements_to_read());
        if names.is_empty() {
            return Ok(self.ask(Phase::CheckIdentity, BoardRequest::ReadIdentity));
        }
        let question = Effect::Board(BoardRequest::ReadRegisters { names });
        Ok(self.step(now, Step::Measure, Phase::CheckMeasurements, question))
    }

    pub(super) fn reference_measured(&mut self, now: Moment, readings: &[Reading]) -> Next {
        let find = |name: &str| readings.iter().find(|reading| reading.name == name);
        let records = judge::judge_measurements(&self.order, &self.measurements_to_read(), None, find)?;
        let fault = first_outside(&records);
        self.draft.record.measurements.extend(records);
        if let Some(fault) = fault {
            self.found_on_reference(now, fault);
        }
        Ok(self.ask(Phase::CheckIdentity, BoardRequest::ReadIdentity))
    }

    /// What it fails by is known, and the check goes on. A known-bad board fails by what it is known for, where that is found, whatever
    /// else is: one that failed at a jig was left with its discharge off.
    fn found_on_reference(&mut self, now: Moment, fault: Fault) {
        let fault = fault.at(self.draft.step());
        self.draft.finish_step(now, StepOutcome::Failed, Some(fault.clone()));
        let must_fail = self.draft.record.reference.as_ref().and_then(|reference| reference.must_fail);
        if self.failed_by.is_none() || must_fail.is_some_and(|must| must.is(&fault)) {
            self.failed_by = Some(fault);
        }
    }

    /// It lay there all the time: only then is what was read its own.
    pub(super) fn reference_is_still_there(&mut self, now: Moment, found: &BoardIdentity) -> Next {
        self.same_board(found)?;
        if std::mem::take(&mut self.doubted) {
            // The answer may be older than the doubt.
            return Ok(self.ask(Phase::CheckIdentity, BoardRequest::ReadIdentity));
        }
        self.draft.finish_step(now, StepOutcome::Passed, None);
        // Whatever ends a check before this ends it by itself.
        Err(self.failed_by.take().map_or(Ended::Complete, Ended::Fault))
    }
}
