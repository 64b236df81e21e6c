//! What the tool says: each result once, as a text for a person and as one JSON object a line for a script. `event` tells which.
//! docs/board-tool.md describes the shapes.

mod text;

pub(super) use text::{found_word, with_unit};

use super::{monitor::Sample, sniff::Overheard};
use crate::board::{BoardIdentity, LeaseReading, OutputReading, ParameterWritten, PasswordProof, Reading};
use chrono::{DateTime, Utc};
use domain::{
    evidence::{Evidence, FirmwareEvidence},
    identifier::Identifier,
    lease::BirthLease,
    model::{DeviceModel, Provenance, Severity},
    record::FoundState,
    value::Value,
};
use serde::Serialize;
use std::collections::BTreeMap;

/// One result.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Report {
    /// In which state the board is.
    Found {
        port: String,
        model: String,
        state: FoundState,
    },
    Identity(Identity),
    Register(RegisterRead),
    /// A rule of the model that the values break; `error` only where the board broke it before.
    Rule {
        rule: String,
        severity: Severity,
        message: String,
        left: f64,
        right: f64,
    },
    Parameter(Parameter),
    Flashed(Flash),
    Name {
        read: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        set: Option<String>,
        evidence: Evidence,
    },
    /// A new password; itself never.
    Password {
        length: usize,
        locked_first: bool,
        old_refused: bool,
        new_opened: bool,
        evidence: Evidence,
    },
    Calibrated {
        true_ma: u32,
        before_ma: i64,
        after_ma: i64,
        evidence: Evidence,
    },
    Lease {
        mode: Option<BirthLease>,
        raw_mode: u16,
        expires_at: Option<DateTime<Utc>>,
        evidence: Evidence,
    },
    Output {
        charge_on: bool,
        discharge_on: bool,
        raw: String,
    },
    /// A command was obeyed as far as `evidence` goes; `detail` says what showed it.
    Command {
        name: String,
        evidence: Evidence,
        detail: String,
    },
    Scanned(Scanned),
    Sample(Sample),
    Exchange(Overheard),
    Draft {
        file: String,
        device: u8,
        blocks: usize,
        registers: usize,
    },
    /// Parameters in a file; those that no board would take again are left out.
    Saved {
        file: String,
        parameters: usize,
        left_out: Vec<String>,
    },
    /// How a command ended that did not end well.
    Fault {
        code: String,
        text: String,
    },
}

/// Who a board is.
#[derive(Debug, Serialize)]
pub struct Identity {
    pub model_value: String,
    pub is_model: bool,
    pub identifiers: Vec<Identifier>,
    pub firmware_version: String,
    /// Eight hex digits, computed by the board over its flash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub firmware_crc32: Option<String>,
}

/// One register as read.
#[derive(Debug, Serialize)]
pub struct RegisterRead {
    pub name: String,
    pub value: Value,
    pub unit: String,
    /// Its words, `0x1068`.
    pub raw: Vec<String>,
    /// `0x0200`.
    pub address: String,
    /// How its address is known.
    pub provenance: Option<Provenance>,
    /// The names of the bits that are set, for a bit field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set_bits: Option<Vec<String>>,
}

/// One parameter written.
#[derive(Debug, Serialize)]
pub struct Parameter {
    pub name: String,
    pub unit: String,
    pub before: Value,
    pub set: Value,
    pub read: Value,
    /// Whether it differed and so was written.
    pub written: bool,
    /// Whether it holds, register for register.
    pub holds: bool,
    /// `read`: before a restart; `verified`: after one.
    pub evidence: Evidence,
}

/// An image on the board.
#[derive(Debug, Serialize)]
pub struct Flash {
    pub image: String,
    pub image_bytes: usize,
    pub image_crc32: String,
    pub blocks: u32,
    pub resent: u32,
    pub confirmed: bool,
    pub firmware_version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub firmware_crc32: Option<String>,
    pub evidence: FirmwareEvidence,
}

/// What answers on a port.
#[derive(Debug, Serialize)]
pub struct Scanned {
    pub port: String,
    /// `application`, `loader`, `silent`, `noise`, `held` or `not_opened`.
    pub state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baud: Option<u32>,
    /// The model file's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Identity {
    pub(super) fn of(identity: &BoardIdentity) -> Self {
        Self {
            model_value: identity.model_value.clone(),
            is_model: identity.is_model,
            identifiers: identity.identifiers.clone(),
            firmware_version: identity.firmware_version.clone(),
            firmware_crc32: identity.firmware_crc32.map(crc_text),
        }
    }
}

impl RegisterRead {
    pub(super) fn of(model: &DeviceModel, reading: Reading) -> Self {
        let register = model.register(&reading.name);
        let address = register.map_or(0, |register| register.address);
        let block = register.and_then(|register| model.block(register));
        let word = bits_of(&reading.value);
        let set_bits = register.filter(|register| !register.bits.is_empty()).map(|register| {
            let is_set = |bit: u8| word.checked_shr(bit.into()).is_some_and(|rest| rest & 1 == 1);
            let set = register.bits.iter().filter(|bit| is_set(bit.bit));
            set.map(|bit| bit.name.clone()).collect()
        });
        Self {
            name: reading.name,
            value: reading.value,
            unit: reading.unit,
            raw: reading.raw.iter().map(|word| hex_word(*word)).collect(),
            address: hex_word(address),
            provenance: block.map(|block| block.provenance),
            set_bits,
        }
    }
}

impl Parameter {
    pub(super) fn of(written: &ParameterWritten) -> Self {
        Self {
            name: written.name.clone(),
            unit: written.unit.clone(),
            before: written.before.value.clone(),
            set: written.set.value.clone(),
            read: written.read.value.clone(),
            written: written.written,
            holds: written.holds(),
            evidence: Evidence::Read,
        }
    }
}

impl Report {
    pub(super) fn password(length: usize, proof: PasswordProof) -> Self {
        let PasswordProof { locked_first, old_refused, new_opened } = proof;
        let evidence = if proof.is_proved() { Evidence::Verified } else { Evidence::Claimed };
        Self::Password { length, locked_first, old_refused, new_opened, evidence }
    }

    pub(super) fn lease(lease: &LeaseReading, evidence: Evidence) -> Self {
        let expires_at = lease.expires_s.and_then(|seconds| DateTime::from_timestamp(i64::from(seconds), 0));
        Self::Lease { mode: lease.mode, raw_mode: lease.raw_mode, expires_at, evidence }
    }

    pub(super) fn output(output: &OutputReading) -> Self {
        Self::Output {
            charge_on: output.charge_on,
            discharge_on: output.discharge_on,
            raw: hex_word(output.raw),
        }
    }
}

/// The bits of a bit field of 16 or 32, whichever of its words comes first: its value shows them as one number.
pub(super) fn bits_of(value: &Value) -> u32 {
    match value {
        Value::Text(text) => u32::from_str_radix(text.trim_start_matches("0x"), 16).unwrap_or_default(),
        Value::Number(_) => 0,
    }
}

/// `0x1068`.
pub(super) fn hex_word(word: u16) -> String {
    format!("0x{word:04X}")
}

pub(super) fn crc_text(crc: u32) -> String {
    format!("{crc:08X}")
}

/// Named values in a fixed order.
pub(super) type Named<T> = BTreeMap<String, T>;
