//! The way back: a procedure's file with its steps one by one.

use super::{ProcedureFile, ReadingFile, StepFile};
use crate::procedure::{Action, Flag, NumberStep, OnFailure, PlannedStep, Procedure};

impl ProcedureFile {
    /// The file of a procedure, with its steps one by one.
    #[must_use]
    pub fn of(procedure: &Procedure) -> Self {
        let head = procedure.clone();
        let steps = procedure.plan().into_iter().map(|step| written(step, procedure)).collect();
        Self {
            id: head.id,
            revision: head.revision,
            title: head.title,
            model: head.model,
            profiles: head.profiles,
            operation: head.operation,
            leaves_out: head.leaves_out,
            probe: None,
            flash: None,
            calibrate: None,
            measurements: None,
            number: None,
            name: None,
            password: None,
            lease: None,
            ship_state: None,
            sleep: None,
            steps,
        }
    }
}

fn written(step: PlannedStep, procedure: &Procedure) -> StepFile {
    let plain = StepFile {
        kind: step.action.kind(),
        retry: Some(step.retry).filter(|retry| *retry > 0),
        timeout_ms: step.timeout_ms,
        on_failure: Some(step.on_failure).filter(|then| *then != OnFailure::Stop),
        ..StepFile::default()
    };
    match step.action {
        Action::Identify => StepFile { silent_ms: Some(procedure.probe.silent_ms), ..plain },
        Action::Flash => {
            let flash = procedure.flash.clone();
            let skips = flash.as_ref().map(|flash| flash.skip_if_proved.clone());
            StepFile {
                attempts: flash.as_ref().map(|flash| flash.attempts),
                accepted_evidence: flash.map(|flash| flash.accepted_evidence),
                skip_if_proved: skips.filter(|grades| !grades.is_empty()),
                ..plain
            }
        }
        Action::Calibrate => StepFile {
            load_ma: procedure.calibrate.map(|calibrate| calibrate.load_ma),
            tolerance_ma: procedure.calibrate.map(|calibrate| calibrate.tolerance_ma),
            max_correction_percent: procedure.calibrate.map(|calibrate| calibrate.max_correction_percent),
            ..plain
        },
        Action::Measure(names) | Action::Verify(names) => {
            let readings: Vec<_> = procedure.measurements_named(&names).map(ReadingFile::of).collect();
            StepFile { reading: Some(readings).filter(|readings| !readings.is_empty()), ..plain }
        }
        Action::Stimulate(load_ma) => StepFile { load_ma: Some(load_ma), ..plain },
        Action::Expect(Flag { register, bit, set, within_ms }) => StepFile {
            register: Some(register),
            bit: Some(bit),
            set: Some(set),
            within_ms: Some(within_ms),
            ..plain
        },
        Action::Command(name) => StepFile { command: Some(name), ..plain },
        Action::Wait(wait_ms) => StepFile { wait_ms: Some(wait_ms), ..plain },
        Action::Prompt(prompt) => plain.asking(*prompt),
        Action::Number => {
            let NumberStep { pattern, register } = procedure.number.clone();
            StepFile { pattern: Some(pattern), register, ..plain }
        }
        Action::Name => {
            StepFile { template: procedure.name.as_ref().map(|name| name.template.clone()), ..plain }
        }
        Action::Password => {
            StepFile { draws: procedure.password.as_ref().map(|password| password.kind), ..plain }
        }
        Action::Lease => StepFile { birth: procedure.lease.as_ref().map(|lease| lease.birth), ..plain },
        Action::ShipState => StepFile {
            clear: procedure.ship_state.map(|ship| ship.clear),
            date: procedure.ship_state.map(|ship| ship.date),
            clock: procedure.ship_state.map(|ship| ship.clock),
            ..plain
        },
        Action::Profile | Action::Restart | Action::Sleep => plain,
    }
}
