//! A procedure's text parsed and judged against its model.

use super::{MeasurementSource, Procedure};
use crate::{
    evidence::FirmwareEvidence,
    model::{DeviceModel, RegisterKind, is_short_name},
    profile::Profile,
    serial_number::{Pattern, render_name},
    source::{At, Source},
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
/// Every syntax error with its line, or the first key that is unknown, missing or of the wrong type; else all that is wrong
/// with its contents.
pub fn parse_procedure(file: &str, text: &str) -> Result<Procedure, Vec<ProcedureFault>> {
    let fault = |line, reason| ProcedureFault { file: file.to_owned(), line, reason };
    let (procedure, source) = Source::read::<Procedure>(text)
        .map_err(|faults| faults.into_iter().map(|f| fault(f.line, f.reason)).collect::<Vec<_>>())?;
    let mut faults = Vec::new();
    let mut report = |path: &[At<'_>], reason: String| faults.push(fault(source.line(path), reason));
    check_head(&procedure, &mut report);
    check_flash(&procedure, &mut report);
    check_measurements(&procedure, &mut report);
    if faults.is_empty() { Ok(procedure) } else { Err(faults) }
}

fn check_head(procedure: &Procedure, report: &mut impl FnMut(&[At<'_>], String)) {
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
            &[At::Key("probe"), At::Key("silent_ms")],
            "silent_ms is 0: every board would be silent".to_owned(),
        );
    }
    let calibrate = &procedure.calibrate;
    let at = |key| [At::Key("calibrate"), At::Key(key)];
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
    if let Err(fault) = Pattern::parse(&procedure.number.pattern) {
        report(&[At::Key("number"), At::Key("pattern")], fault.to_string());
    }
}

fn check_flash(procedure: &Procedure, report: &mut impl FnMut(&[At<'_>], String)) {
    let flash = &procedure.flash;
    if flash.accepted_evidence.is_empty() {
        let reason = "accepted_evidence is empty: no board could ever pass".to_owned();
        report(&[At::Key("flash"), At::Key("accepted_evidence")], reason);
    }
    for (index, grade) in flash.skip_if_proved.iter().enumerate() {
        let at = [At::Key("flash"), At::Key("skip_if_proved"), At::Index(index)];
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
        report(
            &[At::Key("flash"), At::Key("attempts")],
            format!("attempts is {}; it lies in 1..10", flash.attempts),
        );
    }
}

fn check_measurements(procedure: &Procedure, report: &mut impl FnMut(&[At<'_>], String)) {
    let mut names = BTreeSet::new();
    for (index, m) in procedure.measurements.iter().enumerate() {
        let at = |key| [At::Key("measure"), At::Index(index), At::Key(key)];
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
        if m.limit.min.is_none() && m.limit.max.is_none() && m.forbidden_bits.is_empty() {
            report(
                &at("limit"),
                format!("measurement {:?} has neither a limit nor forbidden bits: it could not fail", m.name),
            );
        }
    }
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
    for m in &procedure.measurements {
        check_measurement(m, model, &mut report);
    }
    let grades = &procedure.flash.accepted_evidence;
    if *grades == [FirmwareEvidence::BoardCrc] && model.firmware.crc_register.is_none() {
        report(format!(
            "only board_crc is accepted, but model {} reports no CRC: no board could ever pass",
            model.id
        ));
    }
    if model.loader().is_none() {
        report(format!("the procedure flashes, but of model {} no way to send an image is known", model.id));
    }
    if model.command("restart").is_none() {
        let reason = "has no command \"restart\": what a board keeps is proved after one";
        report(format!("model {} {reason}", model.id));
    }
    match &model.calibration {
        None => report(format!("the procedure calibrates, but model {} has no calibration", model.id)),
        Some(calibration) if f64::from(procedure.calibrate.load_ma) < calibration.min_a * 1000.0 => {
            report(format!(
                "load_ma is {}; model {} calibrates from {} A",
                procedure.calibrate.load_ma, model.id, calibration.min_a
            ));
        }
        Some(_) => {}
    }
    let parts = [
        ("a password", model.password.is_some()),
        ("a lease", model.lease.is_some()),
        ("a safe state", model.safe_state.is_some()),
    ];
    for (part, _) in parts.iter().filter(|(_, present)| !present) {
        report(format!("the procedure sets {part}, but model {} has none", model.id));
    }
    check_name(procedure, model, &mut report);
    faults
}

fn check_measurement(m: &super::MeasurementSpec, model: &DeviceModel, report: &mut impl FnMut(String)) {
    // Nothing but the board's own registers is read so far: its word must not go into a record as an instrument's.
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
    if register.kind == RegisterKind::Bits {
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

fn check_name(procedure: &Procedure, model: &DeviceModel, report: &mut impl FnMut(String)) {
    let Some(settings) = &model.name else {
        report(format!("the procedure sets a name, but model {} has none", model.id));
        return;
    };
    let example = Pattern::parse(&procedure.number.pattern)
        .ok()
        .and_then(|pattern| pattern.number(1, chrono::NaiveDate::from_ymd_opt(2026, 1, 5)?).ok());
    if let Some(Err(fault)) = example.map(|serial| render_name(&procedure.name.template, &serial, settings)) {
        report(fault.to_string());
    }
}
