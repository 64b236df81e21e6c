//! Judgements of readings, and what a fault says of the board.

use crate::board::{BoardIdentity, LeaseReading, OutputReading, ParameterWritten, Reading};
use crate::order::WorkOrder;
use domain::{
    evidence::{Evidence, FirmwareEvidence},
    lease::BirthLease,
    limit::Limit,
    model::WordOrder,
    outcome::Outcome,
    procedure::{CalibrateStep, MeasureWhen, MeasurementSource, MeasurementSpec},
    profile::Profile,
    record::{
        CALIBRATED_CURRENT, CALIBRATION_CORRECTION, InstrumentUsed, MeasurementRecord, ParameterRecord,
        ShownBoard, bare_version,
    },
    text::{Fault, FaultCode},
    value::Value,
};

/// How a run ends that ends by this fault.
pub fn outcome_of(code: FaultCode) -> Outcome {
    use FaultCode as C;
    match code {
        C::BoardTakenOut
        | C::PromptUnanswered
        | C::IdentityChanged
        | C::StationStopped
        | C::PassedAlready
        | C::BoardOfAnotherVariant
        | C::CellCountDiffers
        | C::NumberNotOurs
        | C::LabelNotOfForm
        | C::LabelTaken
        | C::LabelDiffers
        | C::LabelNotPrinted
        | C::BoardIsReference
        | C::ReferenceAsExpected
        | C::ReferenceOverdue
        | C::ReferenceWornOut
        | C::BoardShipped
        | C::BoardOnHold
        | C::BoardLeased
        | C::BoardOfAnotherBatch
        | C::TooManyFails
        | C::PortToBeProved
        | C::NobodySignedIn
        | C::ChangeOverOpen
        | C::ReferencesDue
        | C::FirstArticleDue
        | C::LineStopped
        | C::BatchHeld
        | C::LabelNotPrintable
        | C::LabelDue
        | C::LabelOfAnother
        | C::LabelAddressDiffers
        | C::LabelNumberToo
        | C::LabelNotAwaited => Outcome::Aborted,
        C::FixtureSilent
        | C::FixtureUnfit
        | C::CoverOpen
        | C::EmergencyStop
        | C::ResetNeeded
        | C::InstrumentSilent
        | C::InstrumentNonsense
        | C::InstrumentDiffers
        | C::InstrumentBusy
        | C::InstrumentDue
        | C::NestWorn => Outcome::CollateralAbort,
        C::LineCollision
        | C::PortVanished
        | C::PortNotOpened
        | C::PortRateFixed
        | C::ClockWrong
        | C::JournalNotWritten
        | C::NoSerialNumbers
        | C::NoShare
        | C::ShareWrittenOff
        | C::NoBatch
        | C::ServerAway
        | C::AdmissionRefused
        | C::JournalWentBack
        | C::JournalOlder
        | C::JournalDiffers
        | C::MachineChanged
        | C::StationTwiceAlive
        | C::OutboxEnded
        | C::KeyUnknown
        | C::WireVersionDiffers
        | C::BundleRefused
        | C::ReferenceNotAsExpected
        | C::PassNotHeld
        | C::NameNotPossible
        | C::DeadlyValue
        | C::RuleNotJudged
        | C::OtherVariant
        | C::Internal => Outcome::Error,
        C::BoardSilent
        | C::WrongModel
        | C::IdentityInTwoSlots
        | C::IdentityOfAnotherUnit
        | C::IdentityIsDefault
        | C::FlashFailed
        | C::FirmwareCrcDiffers
        | C::FirmwareVersionDiffers
        | C::FirmwareEvidenceTooWeak
        | C::LoaderSilent
        | C::ApplicationDidNotStart
        | C::PasswordRefused
        | C::RegisterDoesNotHold
        | C::WriteRefused
        | C::NoSafeOrder
        | C::CalibrationOff
        | C::ShuntOfAnotherVariant
        | C::OutsideLimits
        | C::RadioNotHeard
        | C::RadioWeak
        | C::NameDoesNotHold
        | C::NewPasswordRefused
        | C::OldPasswordStillOpens
        | C::LeaseDoesNotHold
        | C::OutputWrong
        | C::BoardAnswersGarbage
        | C::BoardStoppedAnswering
        | C::StepTimedOut
        | C::FlagNotSeen
        | C::PromptDenied
        | C::ScanDiffers => Outcome::Fail,
    }
}

/// A board of the right model that its batch's profile is not made for.
pub fn another_variant(profile: &Profile, shows: &ShownBoard) -> Option<Fault> {
    if !profile.is_for(shows) {
        let fault = Fault::new(FaultCode::BoardOfAnotherVariant).with("found", &shows.model);
        return Some(fault.with("expected", profile.boards.join(" or ")));
    }
    let wanted = profile.product.cells;
    let found = shows.cells.filter(|found| *found != wanted)?;
    Some(Fault::new(FaultCode::CellCountDiffers).with("found", found).with("expected", wanted))
}

/// Whether the board reports the lock that was set, without a term.
pub fn judge_lease(lease: LeaseReading, set: BirthLease) -> Result<(), Fault> {
    if lease.mode == Some(set) && lease.expires_s.is_none() {
        return Ok(());
    }
    let found =
        lease.mode.map_or_else(|| format!("0x{:04x}", lease.raw_mode), |mode| mode.as_str().to_owned());
    let term = lease.expires_s.map(|s| format!(" until {s} s")).unwrap_or_default();
    Err(Fault::new(FaultCode::LeaseDoesNotHold)
        .with("expected", set.as_str())
        .with("found", format!("{found}{term}")))
}

/// Whether charging conducts, and discharging as the lock says.
pub fn judge_output(output: OutputReading, discharge: bool) -> Result<(), Fault> {
    let shown = |on: bool| if on { "on" } else { "off" };
    let wrong = |path: &str, expected: bool, found: bool| {
        Err(Fault::new(FaultCode::OutputWrong)
            .with("path", path)
            .with("expected", shown(expected))
            .with("found", shown(found)))
    };
    if !output.charge_on {
        return wrong("charge", true, false);
    }
    if output.discharge_on != discharge {
        return wrong("discharge", discharge, output.discharge_on);
    }
    Ok(())
}

/// Whether the bench may come back by itself, so that the same board is worth another run.
pub fn may_pass_by_itself(code: FaultCode) -> bool {
    use FaultCode as C;
    code.halts_station()
        || matches!(
            code,
            C::PortVanished
                | C::PortNotOpened
                | C::PortRateFixed
                | C::FixtureSilent
                | C::CoverOpen
                | C::EmergencyStop
                | C::ResetNeeded
                | C::InstrumentSilent
                | C::InstrumentNonsense
                | C::InstrumentDiffers
                | C::InstrumentBusy
                | C::InstrumentDue
                | C::NestWorn
                | C::ClockWrong
                | C::JournalNotWritten
                | C::NoSerialNumbers
                | C::NoShare
                | C::ShareWrittenOff
        )
}

/// The grade that the board's own report gives its firmware.
///
/// # Errors
/// The report contradicts the released image.
pub fn judge_firmware(identity: &BoardIdentity, order: &WorkOrder) -> Result<FirmwareEvidence, Fault> {
    #[cfg(feature = "sabotage")]
    if crate::sabotage::is(crate::sabotage::Sabotage::IgnoreCrcEvidence) {
        return Ok(FirmwareEvidence::BoardCrc);
    }
    let Some(released) = &order.manifest.firmware else {
        return Err(
            Fault::new(FaultCode::BundleRefused).with("detail", "it has no image to judge a board's by")
        );
    };
    if let Some(crc) = identity.firmware_crc32
        && crc != released.crc32
    {
        return Err(Fault::new(FaultCode::FirmwareCrcDiffers)
            .with("expected", format!("{:08x}", released.crc32))
            .with("found", format!("{crc:08x}")));
    }
    if bare_version(&identity.firmware_version) != bare_version(&released.version) {
        return Err(Fault::new(FaultCode::FirmwareVersionDiffers)
            .with("expected", &released.version)
            .with("found", &identity.firmware_version));
    }
    let graded = identity.firmware_crc32.map(|_| FirmwareEvidence::BoardCrc);
    Ok(graded.unwrap_or(FirmwareEvidence::VersionOnly))
}

/// A parameter as written and read back, before the restart.
pub fn parameter_record(written: &ParameterWritten) -> ParameterRecord {
    ParameterRecord {
        name: written.name.clone(),
        before: Some(written.before.value.clone()),
        set: written.set.value.clone(),
        read: Some(written.read.value.clone()),
        after_restart: None,
        unit: written.unit.clone(),
        evidence: Evidence::Read,
        holds: written.holds(),
        written: written.written,
        from_order: false,
    }
}

/// A register that reads otherwise than it was set.
pub fn does_not_hold(name: &str, set: &Value, found: &Value) -> Fault {
    Fault::new(FaultCode::RegisterDoesNotHold)
        .with("register", name)
        .with("expected", set)
        .with("found", found)
}

/// The registers that these measurements need, `cells` spelt out.
pub fn registers_of(order: &WorkOrder, measurements: &[String]) -> Vec<String> {
    let mut names = Vec::new();
    for spec in order.procedure.measurements_named(measurements) {
        for (_, register) in readings_of(spec, order) {
            if !names.contains(&register) {
                names.push(register);
            }
        }
    }
    names
}

/// A current that flows, milliamperes, and what read it.
#[derive(Debug, Clone)]
pub struct Known {
    pub ma: u32,
    pub by: Option<InstrumentUsed>,
}

/// Judges each of these measurements. `known`: the current that flows.
///
/// # Errors
/// A register is missing or holds no number: the board's answer is not one.
pub fn judge_measurements<'a>(
    order: &WorkOrder,
    measurements: &[String],
    known: Option<&Known>,
    find: impl Fn(&str) -> Option<&'a Reading>,
) -> Result<Vec<MeasurementRecord>, Fault> {
    let mut records = Vec::new();
    for spec in order.procedure.measurements_named(measurements) {
        for (name, register) in readings_of(spec, order) {
            let reading = find(&register).ok_or_else(|| garbage(&register, "was not answered"))?;
            records.push(judge_one(spec, name, reading, order, known)?);
        }
    }
    Ok(records)
}

/// The first measurement outside its limits, as a fault.
pub fn first_outside(records: &[MeasurementRecord]) -> Option<Fault> {
    let shown = |bound: Option<f64>| bound.map(|bound| Value::Number(bound).to_string()).unwrap_or_default();
    records.iter().find(|record| !record.passed).map(|record| {
        Fault::new(FaultCode::OutsideLimits)
            .with("measurement", &record.name)
            .with("found", Value::Number(record.value))
            .with("min", shown(record.limit.min))
            .with("max", shown(record.limit.max))
            .with("unit", &record.unit)
    })
}

/// The known load against what the board reads after its calibration, and how far it had to be corrected. Which sign a
/// discharge has is the model's affair: the procedure's own limits on the current under load check it.
pub fn judge_calibration(
    known: &Known,
    before_ma: i64,
    after_ma: i64,
    step: CalibrateStep,
) -> (Vec<MeasurementRecord>, Option<Fault>) {
    let true_ma = known.ma;
    let truth = f64::from(true_ma);
    let (before_ma, after_ma) = (before_ma.abs(), after_ma.abs());
    let correction = (truth - before_ma as f64) / truth * 100.0;
    let bound = step.max_correction_percent;
    let tolerance = f64::from(step.tolerance_ma);
    let record = |name: &str, value: f64, unit: &str, limit: Limit, stimulus| MeasurementRecord {
        name: name.to_owned(),
        value,
        unit: unit.to_owned(),
        passed: limit.holds(value),
        limit,
        marginal: None,
        when: MeasureWhen::UnderLoad,
        source: MeasurementSource::BoardKnownStimulus,
        stimulus,
        instrument: known.by.clone(),
    };
    let records = vec![
        // Hundredths of a per cent are below what the current register resolves.
        record(
            CALIBRATION_CORRECTION,
            (correction * 100.0).round() / 100.0,
            "%",
            Limit { min: Some(-bound), max: Some(bound) },
            None,
        ),
        record(
            CALIBRATED_CURRENT,
            after_ma as f64,
            "mA",
            Limit { min: Some(truth - tolerance), max: Some(truth + tolerance) },
            Some(truth),
        ),
    ];
    let off = |expected: u32, found: i64| {
        Fault::new(FaultCode::CalibrationOff)
            .with("expected", expected)
            .with("found", found)
            .with("tolerance", step.tolerance_ma)
    };
    let fault = match (records[0].passed, records[1].passed) {
        // No calibration makes another shunt out of it, whatever the board reads afterwards.
        (false, _) => Some(
            Fault::new(FaultCode::ShuntOfAnotherVariant)
                .with("expected", true_ma)
                .with("found", before_ma)
                .with("correction_percent", Value::Number(records[0].value))
                .with("max_correction_percent", bound),
        ),
        (_, false) => Some(off(true_ma, after_ma)),
        _ => None,
    };
    (records, fault)
}

fn readings_of(spec: &MeasurementSpec, order: &WorkOrder) -> Vec<(String, String)> {
    if spec.register != "cells" {
        return vec![(spec.name.clone(), spec.register.clone())];
    }
    let cells = &order.model.cells;
    (1..=order.profile.product.cells)
        .map(|cell| {
            (
                format!("{}_{cell}", spec.name),
                format!("{}{cell}{}", cells.register_prefix, cells.register_suffix),
            )
        })
        .collect()
}

fn judge_one(
    spec: &MeasurementSpec,
    name: String,
    reading: &Reading,
    order: &WorkOrder,
    known: Option<&Known>,
) -> Result<MeasurementRecord, Fault> {
    let (value, limit) = if spec.forbidden_bits.is_empty() {
        let number = reading.value.as_number().ok_or_else(|| garbage(&reading.name, "holds no number"))?;
        (number * factor(&reading.unit, &spec.unit), spec.limit)
    } else {
        let mask = forbidden_mask(spec, &reading.name, order)?;
        let raw = bits_of(reading, order).ok_or_else(|| garbage(&reading.name, "is no bit field"))?;
        (f64::from(raw & mask), Limit { min: Some(0.0), max: Some(0.0) })
    };
    let is_current = order.model.calibration.as_ref().is_some_and(|c| c.current_register == reading.name);
    // The instrument knows no sign, the board's reading does.
    let known = known.filter(|_| is_current);
    let stimulus = known.map(|known| {
        let truth = f64::from(known.ma) * factor("mA", &spec.unit);
        if value < 0.0 && truth > 0.0 { -truth } else { truth }
    });
    Ok(MeasurementRecord {
        name,
        value,
        unit: spec.unit.clone(),
        passed: limit.holds(value),
        limit,
        marginal: spec.marginal,
        when: spec.when,
        source: spec.source,
        stimulus,
        instrument: known.and_then(|known| known.by.clone()),
    })
}

/// The 16 or 32 bits of a field as one number.
pub fn bits_of(reading: &Reading, order: &WorkOrder) -> Option<u32> {
    match *reading.raw.as_slice() {
        [word] => Some(word.into()),
        [first, second] => {
            let (high, low) = match order.model.register(&reading.name)?.words {
                WordOrder::HighFirst => (first, second),
                WordOrder::LowFirst => (second, first),
            };
            Some(u32::from(high) << 16 | u32::from(low))
        }
        _ => None,
    }
}

/// Whether that bit of a bit field reads 1; none where the reading or the model has no such bit.
pub fn is_bit_set(reading: &Reading, bit: &str, order: &WorkOrder) -> Option<bool> {
    let known = order.model.register(&reading.name)?.bits.iter().find(|known| known.name == bit)?;
    let mask = 1u32.checked_shl(u32::from(known.bit))?;
    Some(bits_of(reading, order)? & mask != 0)
}

fn forbidden_mask(spec: &MeasurementSpec, register: &str, order: &WorkOrder) -> Result<u32, Fault> {
    let bits = order.model.register(register).map(|register| register.bits.as_slice()).unwrap_or_default();
    let mut mask = 0;
    for name in &spec.forbidden_bits {
        let bit = bits.iter().find(|bit| bit.name == *name).ok_or_else(|| {
            Fault::new(FaultCode::BundleRefused).with(
                "detail",
                format!("measurement {} forbids bit {name}, which {register} has not", spec.name),
            )
        })?;
        mask |= 1u32.checked_shl(u32::from(bit.bit)).unwrap_or(0);
    }
    Ok(mask)
}

/// From the register's unit to the measurement's.
fn factor(from: &str, to: &str) -> f64 {
    match (from, to) {
        ("mV", "V") | ("mA", "A") => 0.001,
        ("V", "mV") | ("A", "mA") => 1000.0,
        _ => 1.0,
    }
}

pub fn garbage(register: &str, what: &str) -> Fault {
    Fault::new(FaultCode::BoardAnswersGarbage).with("request", register).with("detail", what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::tests_support::{identity, order_of, parts};

    /// A grade beyond those that a procedure is checked against, or one of them that is never given, and a released line stands still.
    #[test]
    fn a_sound_board_is_graded_as_its_model_says_that_it_can_be() {
        let (with_crc, profile, procedure) = parts();
        let mut without = with_crc.clone();
        without.firmware.crc_register = None;
        for model in [with_crc, without] {
            let awarded = model.firmware.awarded_grades();
            let reports_crc = model.firmware.crc_register.is_some();
            let order = order_of(model, profile.clone(), procedure.clone());
            let released = order.manifest.firmware.as_ref().unwrap();
            let board = BoardIdentity {
                firmware_version: released.version.clone(),
                firmware_crc32: reports_crc.then_some(released.crc32),
                ..identity()
            };
            assert_eq!(judge_firmware(&board, &order).map(|grade| vec![grade]), Ok(awarded.to_vec()));
        }
    }
}
