//! A procedure's text parsed and judged against its model.

mod asked;

use super::{
    MeasureWhen, MeasurementSource, MeasurementSpec, Procedure, ProcedureFile, Section, StepKind,
    file::{Places, compose},
    order::check_order,
    suits::check_steps,
};
use crate::{
    codec,
    evidence::FirmwareEvidence,
    limit::Limit,
    model::{Access, DeviceModel, RegisterKind, ShipSettings, ValidFrom, is_short_name},
    profile::Profile,
    serial_number::{Pattern, render_name},
    source::{At, Source},
    value::Value,
};
use std::{collections::BTreeSet, fmt};

/// What is wrong with a procedure, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcedureFault {
    /// The file as it was named; the procedure's id where no file is known.
    pub file: String,
    /// From 1; 0 where no file is known.
    pub line: usize,
    pub reason: String,
}

impl fmt::Display for ProcedureFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        write!(f, ": {}", self.reason)
    }
}

impl std::error::Error for ProcedureFault {}

/// Parses the text of a procedure and checks what needs no model.
///
/// # Errors
/// Every syntax error with its line; else every key that is unknown, missing or of the wrong type, and all that is wrong with
/// its contents as far as those let it be told.
pub fn parse_procedure(file: &str, text: &str) -> Result<Procedure, Vec<ProcedureFault>> {
    let fault = |line, reason| ProcedureFault { file: file.to_owned(), line, reason };
    let (file, source) = Source::read::<ProcedureFile>(text)
        .map_err(|faults| faults.into_iter().map(|f| fault(f.line, f.reason)).collect::<Vec<_>>())?;
    let mut faults: Vec<_> = source.faults().iter().map(|f| fault(f.line, f.reason.clone())).collect();
    let mut report = |path: &[At<'_>], reason: String| faults.push(fault(source.line(path), reason));
    let (procedure, places) =
        compose(file, |path| source.line(path), &mut |path: &[At<'_>], reason: String| {
            // Of steps that were not all read nobody can say what they lack.
            if source.is_whole(&["step"]) {
                report(path, reason);
            }
        });
    check_head(&procedure, &places, &mut report);
    // They look at several sections at once.
    if source.is_all_whole() {
        for (step, reason) in check_order(&procedure.plan()) {
            let index = step.unwrap_or_default();
            report(&[At::Key("step"), At::Index(index), At::Key("kind")], reason);
        }
        check_flash(&procedure, &places, &mut report);
        check_calibrate(&procedure, &places, &mut report);
        check_measurements(&procedure, &places, &mut report);
        asked::check_prompts(&procedure, &mut report);
    }
    // Line 0 is what the reading made up.
    faults.retain(|fault| fault.line > 0);
    faults.sort_by_key(|fault| fault.line);
    if faults.is_empty() { Ok(procedure) } else { Err(faults) }
}

fn check_head(procedure: &Procedure, places: &Places, report: &mut impl FnMut(&[At<'_>], String)) {
    if !is_short_name(&procedure.id) {
        report(&[At::Key("id")], format!("id {:?} is not of a-z, 0-9 and '-'", procedure.id));
    }
    if procedure.revision == 0 {
        report(&[At::Key("revision")], "revision counts from 1".to_owned());
    }
    if procedure.profiles.is_empty() {
        let reason = "profiles is empty: name the profiles whose limits these are".to_owned();
        report(&[At::Key("profiles")], reason);
    }
    for (index, id) in procedure.profiles.iter().enumerate().filter(|(_, id)| !is_short_name(id)) {
        let reason = format!("profile {id:?} is not of a-z, 0-9 and '-'");
        report(&[At::Key("profiles"), At::Index(index)], reason);
    }
    if procedure.operation != "birth" {
        report(
            &[At::Key("operation")],
            format!("operation {:?} is not known; the one operation is \"birth\"", procedure.operation),
        );
    }
    if procedure.probe.silent_ms == 0 {
        report(
            &places.setting(StepKind::Identify, "silent_ms"),
            "silent_ms is 0: every board would be silent".to_owned(),
        );
    }
    if let Err(fault) = Pattern::parse(&procedure.number.pattern) {
        report(&places.setting(StepKind::Number, "pattern"), fault.to_string());
    }
    for (index, section) in procedure.leaves_out.iter().enumerate().filter(|(_, s)| procedure.orders(**s)) {
        let reason = format!("{} is left out, and ordered as well: say one of the two", section.as_str());
        report(&[At::Key("leaves_out"), At::Index(index)], reason);
    }
}

fn check_calibrate(procedure: &Procedure, places: &Places, report: &mut impl FnMut(&[At<'_>], String)) {
    let Some(calibrate) = &procedure.calibrate else { return };
    let at = |key| places.setting(StepKind::Calibrate, key);
    if calibrate.load_ma == 0 {
        report(&at("load_ma"), "load_ma is 0: nothing can be calibrated without a load".to_owned());
    }
    if calibrate.tolerance_ma == 0 || calibrate.tolerance_ma >= calibrate.load_ma.max(1) {
        report(
            &at("tolerance_ma"),
            format!("tolerance_ma is {}; it lies above 0 and below load_ma", calibrate.tolerance_ma),
        );
    }
    if !(calibrate.max_correction_percent > 0.0 && calibrate.max_correction_percent <= 50.0) {
        let reason = format!(
            "max_correction_percent is {}; it lies above 0 and up to 50",
            calibrate.max_correction_percent
        );
        report(&at("max_correction_percent"), reason);
    }
}

fn check_flash(procedure: &Procedure, places: &Places, report: &mut impl FnMut(&[At<'_>], String)) {
    let Some(flash) = &procedure.flash else { return };
    let at = |key| places.setting(StepKind::Flash, key);
    if flash.accepted_evidence.is_empty() {
        let reason = "accepted_evidence is empty: no board could ever pass".to_owned();
        report(&at("accepted_evidence"), reason);
    }
    for (index, grade) in flash.skip_if_proved.iter().enumerate() {
        let at = [&at("skip_if_proved")[..], &[At::Index(index)]].concat();
        if matches!(grade, FirmwareEvidence::VersionOnly | FirmwareEvidence::TransferOnly) {
            report(
                &at,
                format!("{} proves no image on a board that was not flashed in this run", grade.as_str()),
            );
        } else if !flash.accepted_evidence.contains(grade) {
            report(
                &at,
                format!(
                    "{} is not among accepted_evidence, so it may not spare the transfer",
                    grade.as_str()
                ),
            );
        }
    }
    if !(1..=10).contains(&flash.attempts) {
        report(&at("attempts"), format!("attempts is {}; it lies in 1..10", flash.attempts));
    }
}

fn check_measurements(procedure: &Procedure, places: &Places, report: &mut impl FnMut(&[At<'_>], String)) {
    let mut names = BTreeSet::new();
    for (index, m) in procedure.measurements.iter().enumerate() {
        let at = |key| places.measurement(index, key);
        if !names.insert(m.name.as_str()) {
            report(&at("name"), format!("measurement {:?} stands twice", m.name));
        }
        let finite = |bound: Option<f64>| bound.is_none_or(f64::is_finite);
        if !finite(m.limit.min) || !finite(m.limit.max) {
            report(&at("limit"), format!("measurement {:?} has a limit that is no number", m.name));
        }
        if let (Some(min), Some(max)) = (m.limit.min, m.limit.max)
            && min > max
        {
            report(&at("limit"), format!("measurement {:?} has min {min} above max {max}", m.name));
        }
        let has_bits = !m.forbidden_bits.is_empty();
        if let Some(reason) = m.marginal.and_then(|marginal| wrong_marginal(&marginal, &m.limit, has_bits)) {
            report(&at("marginal"), format!("measurement {:?} {reason}", m.name));
        }
        if m.limit.min.is_none() && m.limit.max.is_none() && m.forbidden_bits.is_empty() {
            report(
                &at("limit"),
                format!("measurement {:?} has neither a limit nor forbidden bits: it could not fail", m.name),
            );
        }
        if procedure.steps.is_empty() && m.when == MeasureWhen::AtRest {
            let reason =
                "when is \"at_rest\": the sections have no such moment, a list of steps has".to_owned();
            report(&at("when"), reason);
        }
        // The known load is the calibration's.
        let needs_load =
            m.when == MeasureWhen::UnderLoad || m.source == MeasurementSource::BoardKnownStimulus;
        if needs_load && procedure.greatest_load_ma() == 0 {
            let key = if m.when == MeasureWhen::UnderLoad { "when" } else { "source" };
            let reason = format!(
                "measurement {:?} needs a known load, and there is no [calibrate] that sets one",
                m.name
            );
            report(&at(key), reason);
        } else if m.when == MeasureWhen::AtRest && m.source == MeasurementSource::BoardKnownStimulus {
            let reason =
                format!("measurement {:?} has a known stimulus, and nothing is set when it is read", m.name);
            report(&at("source"), reason);
        }
    }
}

/// What is wrong with marginal limits: they lie within the limits and leave some room to both.
fn wrong_marginal(marginal: &Limit, limit: &Limit, has_bits: bool) -> Option<String> {
    let Limit { min, max } = *marginal;
    if has_bits {
        return Some("has marginal limits, and bits that read 0 or do not".to_owned());
    }
    if [min, max].into_iter().flatten().any(|bound| !bound.is_finite()) || min.is_none() && max.is_none() {
        return Some("has marginal limits that are no numbers".to_owned());
    }
    if let (Some(min), Some(max)) = (min, max)
        && min > max
    {
        return Some(format!("has marginal min {min} above marginal max {max}"));
    }
    // Where the limit itself stands, or beyond, nothing would ever be marked.
    let is_within = min.is_none_or(|bound| limit.holds(bound) && limit.min.is_none_or(|least| bound > least))
        && max.is_none_or(|bound| limit.holds(bound) && limit.max.is_none_or(|most| bound < most));
    (!is_within).then(|| "has marginal limits that do not lie within its limits".to_owned())
}

/// What keeps `procedure` from being worked with `profile`: its limits are those of other cells.
#[must_use]
pub fn check_pairing(procedure: &Procedure, profile: &Profile) -> Option<ProcedureFault> {
    (!procedure.profiles.contains(&profile.id)).then(|| ProcedureFault {
        file: procedure.id.clone(),
        line: 0,
        reason: format!(
            "the procedure's limits are for {}, not for profile {}; choose one that names this profile under \"profiles\"",
            procedure.profiles.join(", "),
            profile.id
        ),
    })
}

/// Everything that keeps `procedure` from being worked on boards of `model`; empty where nothing does.
#[must_use]
pub fn check_procedure(procedure: &Procedure, model: &DeviceModel) -> Vec<ProcedureFault> {
    let mut faults = Vec::new();
    let mut report =
        |reason: String| faults.push(ProcedureFault { file: procedure.id.clone(), line: 0, reason });
    if procedure.model != model.id {
        report(format!("the procedure is for model {:?}, not for {:?}", procedure.model, model.id));
    }
    for (step, reason) in check_order(&procedure.plan()) {
        report(step.map_or_else(|| reason.clone(), |index| format!("step {}: {reason}", index + 1)));
    }
    for m in &procedure.measurements {
        check_measurement(m, model, &mut report);
    }
    check_sections(procedure, model, &mut report);
    faults.extend(check_steps(procedure, model));
    let mut report =
        |reason: String| faults.push(ProcedureFault { file: procedure.id.clone(), line: 0, reason });
    // What a board keeps is proved after a restart: the fixture switches the supply, or a command does. Without the command a
    // run needs a fixture that can, and ends where it does not.
    for (part, is_there) in
        [("a safe state", model.safe_state.is_some()), ("an output", model.output.is_some())]
    {
        if !is_there {
            report(format!(
                "the paths of a board are tested and left on, but model {} has not {part}",
                model.id
            ));
        }
    }
    check_number(procedure, model, &mut report);
    faults
}

/// Each section against what the model can do.
fn check_sections(procedure: &Procedure, model: &DeviceModel, report: &mut impl FnMut(String)) {
    let able = [
        (Section::Flash, model.loader().is_some(), "sends an image", "no way to send one is known"),
        (Section::Calibrate, model.calibration.is_some(), "calibrates", "it has no calibration"),
        (Section::Name, model.name.is_some(), "sets a name", "it has none"),
        (
            Section::Password,
            model.password.as_ref().is_some_and(|password| password.set_register.is_some()),
            "sets a password",
            "it has none that can be set",
        ),
        (Section::Lease, model.lease.is_some(), "sets a lease", "it has none"),
        (
            Section::ShipState,
            model.ship.as_ref().is_some_and(ShipSettings::prepares),
            "sets the state for shipping",
            "no way to it is known",
        ),
        (
            Section::Sleep,
            model.ship.as_ref().is_some_and(|ship| ship.sleep.is_some()),
            "puts a board to sleep",
            "no way to it is known",
        ),
    ];
    for (section, can, does, lacks) in able {
        match (procedure.orders(section), can) {
            (true, false) => report(format!("the procedure {does}, but of model {}: {lacks}", model.id)),
            // Forgotten, a unit would leave with the factory's password or without its lock, and every record would be in order.
            (false, true) if !procedure.leaves_out.contains(&section) => report(format!(
                "model {} can do it, and the procedure does not order [{}]: name it under leaves_out if that is meant",
                model.id,
                section.as_str()
            )),
            _ => {}
        }
    }
    check_ship_state(procedure, model, report);
    check_evidence(procedure, model, report);
    if let (Some(calibrate), Some(calibration)) = (&procedure.calibrate, &model.calibration)
        && f64::from(calibrate.load_ma) < calibration.min_a * 1000.0
    {
        report(format!(
            "load_ma is {}; model {} calibrates from {} A",
            calibrate.load_ma, model.id, calibration.min_a
        ));
    }
    if let (Some(step), Some(settings)) = (&procedure.name, &model.name)
        && let Some(Err(fault)) =
            example(procedure).map(|serial| render_name(&step.template, &serial, settings))
    {
        report(fault.to_string());
    }
}

/// What is to be done for shipping, and the model knows no way to; and whether there is anything.
fn check_ship_state(procedure: &Procedure, model: &DeviceModel, report: &mut impl FnMut(String)) {
    let (Some(step), Some(ship)) = (&procedure.ship_state, &model.ship) else { return };
    for (name, is_ordered, can) in [
        ("clear", step.clear, ship.clears()),
        ("date", step.date, ship.date.is_some()),
        ("clock", step.clock, ship.clock.is_some()),
    ] {
        if is_ordered && !can {
            report(format!("ship_state has `{name}`, and of model {} no way to that is known", model.id));
        }
    }
    if !step.clear && !step.date && !step.clock {
        report("ship_state orders nothing: leave it out, and say so under leaves_out".to_owned());
    }
}

/// A grade that the station never comes to is accepted in vain: with such grades alone every board would fail after its transfer.
fn check_evidence(procedure: &Procedure, model: &DeviceModel, report: &mut impl FnMut(String)) {
    let Some(flash) = &procedure.flash else { return };
    let awarded = model.firmware.awarded_grades();
    if flash.accepted_evidence.iter().any(|grade| awarded.contains(grade)) {
        return;
    }
    let names = |grades: &[FirmwareEvidence]| {
        grades.iter().map(|grade| grade.as_str()).collect::<Vec<_>>().join(", ")
    };
    report(format!(
        "no board could ever pass: accepted_evidence is {}, and on boards of model {}, which report {} CRC, a station proves {}; accept that, \
         or leave [flash] out",
        names(&flash.accepted_evidence),
        model.id,
        if model.firmware.crc_register.is_some() { "a" } else { "no" },
        names(awarded)
    ));
}

/// A number as the pattern makes it; none where the pattern is none.
fn example(procedure: &Procedure) -> Option<String> {
    let pattern = Pattern::parse(&procedure.number.pattern).ok()?;
    pattern.number(1, chrono::NaiveDate::from_ymd_opt(2026, 1, 5)?).ok()
}

/// The field that takes the number: there, writable and readable, wide enough; and the one identity of boards without another.
fn check_number(procedure: &Procedure, model: &DeviceModel, report: &mut impl FnMut(String)) {
    let name = procedure.number.register.as_deref();
    let becomes_identity = name
        .and_then(|name| model.identity_field(name))
        .is_some_and(|field| field.unique && field.valid_from == ValidFrom::Numbering);
    if model.is_born_without_identity() && !becomes_identity {
        report(format!(
            "boards of model {} have no identity before they are numbered: name one of their identity fields under number.register",
            model.id
        ));
    }
    let Some(name) = name else { return };
    let Some(register) = model.register(name) else {
        report(format!("the number is written to register {name:?}, which model {} does not have", model.id));
        return;
    };
    let is_text = matches!(
        register.kind,
        RegisterKind::AsciiNul | RegisterKind::AsciiSpace | RegisterKind::AsciiLength
    );
    let access = model.block(register).map(|block| block.access);
    let is_secret =
        model.password.iter().flat_map(|password| password.secret_registers()).any(|secret| secret == name);
    if !is_text || is_secret || !matches!(access, Some(Access::ReadWrite | Access::WriteOnce)) {
        report(format!(
            "the number can't be written to register {name:?} and read back: it is no text, or its block does not allow it"
        ));
    } else if let Some(Err(fault)) =
        example(procedure).map(|serial| codec::encode(register, &Value::from(serial.as_str())))
    {
        report(format!("a number of this pattern does not go into register {name:?}: {fault}"));
    }
}

fn check_measurement(m: &MeasurementSpec, model: &DeviceModel, report: &mut impl FnMut(String)) {
    // Nothing but the board's own registers is read so far: its word must not go into a record as an instrument's.
    if m.source == MeasurementSource::Operator {
        report(format!(
            "measurement {:?} has source \"operator\": a person is asked by a step of kind prompt, and reads no register",
            m.name
        ));
    }
    if m.source == MeasurementSource::Instrument {
        report(format!(
            "measurement {:?} has source \"instrument\", but no fixture reads one yet; take \"board\", which says what it is",
            m.name
        ));
    }
    let register = if m.register == "cells" { model.cell(1) } else { model.register(&m.register) };
    let Some(register) = register else {
        report(format!(
            "measurement {:?} reads register {:?}, which model {} does not have",
            m.name, m.register, model.id
        ));
        return;
    };
    // A model without a calibration is told of once, not at each of its measurements.
    if let Some(calibration) = &model.calibration
        && m.source == MeasurementSource::BoardKnownStimulus
        && m.register != calibration.current_register
    {
        report(format!(
            "measurement {:?} has source \"board_known_stimulus\", but the fixture's known stimulus is the current ({}) alone",
            m.name, calibration.current_register
        ));
    }
    if register.unit != m.unit {
        report(format!(
            "measurement {:?} is in {:?}, its register {} in {:?}",
            m.name, m.unit, register.name, register.unit
        ));
    }
    if matches!(register.kind, RegisterKind::Bits | RegisterKind::Bits32 | RegisterKind::Coils) {
        for name in m.forbidden_bits.iter().filter(|name| !register.bits.iter().any(|bit| bit.name == **name))
        {
            report(format!(
                "measurement {:?} forbids bit {name:?}, which register {} does not name",
                m.name, register.name
            ));
        }
        // The reading is the register masked by these bits: without any it is always 0, and a limit beyond 0 lets one pass.
        if m.forbidden_bits.is_empty() {
            report(format!(
                "measurement {:?} reads bit field {} and forbids none of its bits",
                m.name, register.name
            ));
        }
        if m.limit.max != Some(0.0) {
            report(format!("measurement {:?} reads forbidden bits: its limit has max = 0", m.name));
        }
        return;
    }
    if !m.forbidden_bits.is_empty() {
        report(format!("measurement {:?} forbids bits of {}, which is no bit field", m.name, register.name));
    }
    if matches!(register.kind, RegisterKind::AsciiNul | RegisterKind::AsciiSpace | RegisterKind::AsciiLength)
        || matches!(register.kind, RegisterKind::Enum | RegisterKind::DatePacked | RegisterKind::DateBytes)
        || register.kind == RegisterKind::Version
    {
        report(format!("measurement {:?} reads {}, which holds no number", m.name, register.name));
    }
}
