//! The same results as texts for a person.

use super::{Identity, Parameter, RegisterRead, Report, Scanned};
use domain::{
    evidence::FirmwareEvidence,
    model::{Provenance, Severity},
    record::FoundState,
    value::Value,
};

impl Report {
    /// For a person.
    pub(in super::super) fn lines(&self) -> Vec<String> {
        let line = match self {
            Self::Identity(identity) => return identity.lines(),
            Self::Sample(sample) => return sample.lines(),
            Self::Found { state, .. } => format!("found: {}", found_word(*state)),
            Self::Register(register) => register.line(),
            Self::Rule { rule, severity, message, left, right } => {
                let word = if *severity == Severity::Error { "broken already" } else { "warning" };
                format!(
                    "{word}: {message} ({rule}: {} against {})",
                    Value::Number(*left),
                    Value::Number(*right)
                )
            }
            Self::Parameter(parameter) => parameter.line(),
            Self::Flashed(flash) => format!(
                "flashed: {} ({} bytes, CRC-32 {}) in {} blocks, {} sent again; {}",
                flash.image,
                flash.image_bytes,
                flash.image_crc32,
                flash.blocks,
                flash.resent,
                match flash.evidence {
                    FirmwareEvidence::BoardCrc => "verified: the board computed the same CRC-32",
                    FirmwareEvidence::VersionOnly => "the board reports its version, nothing more",
                    _ => "nothing on the board confirms it",
                }
            ),
            Self::Name { read, evidence, .. } => format!("name: {read:?} ({})", evidence.as_str()),
            Self::Password { length, locked_first, old_refused, new_opened, evidence } => format!(
                "password of {length} characters: {} (locked after the restart: {}, old one refused: {}, new one opens: {})",
                evidence.as_str(),
                yes(*locked_first),
                yes(*old_refused),
                yes(*new_opened)
            ),
            Self::Calibrated { true_ma, before_ma, after_ma, evidence } => format!(
                "current: {before_ma} mA before, {after_ma} mA after, true {true_ma} mA ({})",
                evidence.as_str()
            ),
            Self::Lease { mode, raw_mode, expires_at, evidence } => format!(
                "lease: {}, {} ({})",
                mode.map_or_else(|| format!("unknown mode {raw_mode}"), |mode| mode.as_str().to_owned()),
                expires_at.map_or_else(|| "no term".to_owned(), |at| format!("until {}", at.to_rfc3339())),
                evidence.as_str()
            ),
            Self::Output { charge_on, discharge_on, .. } => {
                format!("output: charge {}, discharge {}", on(*charge_on), on(*discharge_on))
            }
            Self::Command { name, evidence, detail } => format!("{name}: {detail} ({})", evidence.as_str()),
            Self::Scanned(scanned) => return scanned.lines(),
            Self::Exchange(overheard) => overheard.line(),
            Self::Draft { file, device, blocks, registers } => format!(
                "draft: {file} ({blocks} blocks, {registers} registers of device {device}, all marked captured)"
            ),
            Self::Saved { file, parameters, left_out } if left_out.is_empty() => {
                format!("saved: {parameters} parameters in {file}")
            }
            Self::Saved { file, parameters, left_out } => format!(
                "saved: {parameters} parameters in {file}; as comments, for they cannot be written: {}",
                left_out.join(", ")
            ),
            Self::Fault { text, .. } => text.clone(),
        };
        vec![line]
    }
}

impl Identity {
    fn lines(&self) -> Vec<String> {
        let known = if self.is_model { "" } else { " (another model)" };
        let mut lines = vec![format!("model: {}{known}", self.model_value)];
        for identifier in &self.identifiers {
            let note = if identifier.unique { "" } else { " (not unique)" };
            lines.push(format!("{}: {}{note}", identifier.kind.as_str(), identifier.value));
        }
        lines.push(format!("firmware: {}", self.firmware_version));
        lines.extend(self.firmware_crc32.as_ref().map(|crc| format!("firmware CRC-32: {crc}")));
        lines
    }
}

impl RegisterRead {
    fn line(&self) -> String {
        let mut value = with_unit(&self.value, &self.unit);
        if let Some(set) = self.set_bits.as_ref().filter(|set| !set.is_empty()) {
            value = format!("{value} ({})", set.join(", "));
        }
        let assumed = if self.provenance == Some(Provenance::Assumed) { "  assumed" } else { "" };
        format!("{:<38} {value:<22} {} {}{assumed}", self.name, self.address, self.raw.join(" "))
    }
}

impl Parameter {
    fn line(&self) -> String {
        let change = if self.written {
            format!("{} -> {}", self.before, with_unit(&self.set, &self.unit))
        } else {
            format!("{} already", with_unit(&self.set, &self.unit))
        };
        let holds = if self.holds { "" } else { ", does NOT hold" };
        format!("{:<38} {change:<22} {} {}{holds}", self.name, self.evidence.as_str(), self.read)
    }
}

impl Scanned {
    fn lines(&self) -> Vec<String> {
        let mut line = format!("{}: {}", self.port, self.state);
        if let Some(model) = &self.model {
            line += &format!(", {model}");
        }
        if let Some(baud) = self.baud {
            line += &format!(" at {baud} baud");
        }
        if let Some(note) = &self.note {
            line += &format!(" ({note})");
        }
        let mut lines = vec![line];
        lines.extend(self.identity.iter().flat_map(Identity::lines).map(|line| format!("  {line}")));
        lines
    }
}

pub(in super::super) fn found_word(found: FoundState) -> &'static str {
    match found {
        FoundState::Application => "application",
        FoundState::Loader => "boot loader",
        FoundState::Silent => "silent",
    }
}

pub(in super::super) fn with_unit(value: &Value, unit: &str) -> String {
    if unit.is_empty() { value.to_string() } else { format!("{value} {unit}") }
}

fn yes(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}

fn on(is: bool) -> &'static str {
    if is { "on" } else { "off" }
}
