//! Who the board is, and whether it is still the same one.

use super::{
    BoardLink,
    fault::BusFault,
    registers::{Unread, Words, named},
};
use crate::board::BoardIdentity;
use domain::{
    identifier::{Identifier, IdentifierKind, normalise_question},
    model::{DeviceModel, IdentityField, Register},
    text::{Fault, FaultCode},
    value::Value,
};
use std::sync::Arc;

impl BoardLink {
    /// Reads the identity and remembers it as the one that every later board on this line is compared with.
    pub(super) async fn identify(&mut self) -> Result<BoardIdentity, Fault> {
        self.back_to_application_rate().await?;
        self.wake().await?;
        let identity = self.read_identity(Extent::WithFirmware).await?;
        self.bus.confirm_identity();
        self.known = Some(identity.clone());
        Ok(identity)
    }

    /// Before any work: if something made the link doubt who answers, reads the identity and compares it.
    pub(super) async fn ensure_identified(&mut self) -> Result<(), Fault> {
        if self.bus.may_sleep() {
            self.back_to_application_rate().await?;
            self.wake().await?;
        }
        if !self.bus.must_identify() {
            return Ok(());
        }
        self.back_to_application_rate().await?;
        // What runs on it is no part of who it is.
        let extent = if self.known.is_some() { Extent::WhoAlone } else { Extent::WithFirmware };
        let identity = self.read_identity(extent).await?;
        match &self.known {
            #[cfg(feature = "sabotage")]
            _ if crate::sabotage::is(crate::sabotage::Sabotage::SkipIdentityCheck) => {}
            Some(known) if !known.is_same_board_but_for(self.renaming, &identity) => {
                let (before, after) = (known.describe(), identity.describe());
                return Err(Fault::new(FaultCode::IdentityChanged)
                    .with("before", before)
                    .with("after", after));
            }
            Some(_) => {}
            None => self.known = Some(identity),
        }
        self.bus.confirm_identity();
        Ok(())
    }

    async fn read_identity(&mut self, extent: Extent) -> Result<BoardIdentity, Fault> {
        let model = Arc::clone(&self.model);
        let mut registers = identity_registers(&model, extent)?;
        let model_register = named(&model, &model.identity.model_register)?;
        // The guard of a board is opened for the identity's sake only once it is known to be one of this model.
        self.guard_is_unknown();
        let mut known = None;
        if registers.iter().any(|register| self.is_guarded(register)) {
            let words = self.read_unidentified(&[model_register]).await?;
            if !is_model(&model, &words)? {
                return stranger(&model, &words);
            }
            // It said so just now, and is not asked twice.
            registers.retain(|register| register.address != model_register.address);
            known = Some(words);
        }
        match self.read_unidentified(&registers).await {
            Ok(mut words) => {
                words.extend(known);
                decode(&model, &words, extent)
            }
            Err(Unread::Failed(BusFault::Exception(code), asked)) => {
                // Another model has other holes: what its model register says is worth more than the refusal.
                match self.read_unidentified(&[model_register]).await {
                    Ok(words) if !is_model(&model, &words)? => stranger(&model, &words),
                    Ok(_) => Err(BusFault::Exception(code).of_read(&asked)),
                    Err(Unread::Failed(BusFault::Exception(_), _)) => Err(Fault::new(FaultCode::WrongModel)
                        .with("expected", model.identity.model_values.join(", "))
                        .with(
                            "found",
                            format_args!("a board that has no register {}", model.identity.model_register),
                        )),
                    Err(unread) => Err(unread.into()),
                }
            }
            Err(unread) => Err(unread.into()),
        }
    }

    /// The application speaks at its own rate, whatever was spoken last.
    pub(super) async fn back_to_application_rate(&mut self) -> Result<(), Fault> {
        self.bus.pace().await;
        let baud = self.application_baud;
        self.bus.line()?.set_baud(baud)
    }
}

/// How much of an identity is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// Who it is: enough to tell it from another.
    WhoAlone,
    /// And what runs on it, and on how many cells.
    WithFirmware,
}

/// Every register that tells who a board is, and what runs on it.
fn identity_registers(model: &DeviceModel, extent: Extent) -> Result<Vec<&Register>, Fault> {
    let firmware = Some(&model.firmware).filter(|_| extent == Extent::WithFirmware);
    let names = model
        .identity
        .fields
        .iter()
        .map(|field| &field.register)
        .chain([&model.identity.model_register])
        .chain(firmware.map(|firmware| &firmware.version_register))
        .chain(found_register(model, extent))
        .chain(firmware.and_then(|firmware| firmware.crc_register.as_ref()));
    names.map(|name| named(model, name)).collect()
}

/// Where it shows its cells, read with what runs on it; some models are known by it.
fn found_register(model: &DeviceModel, extent: Extent) -> Option<&String> {
    let found = model.cells.found_register.as_ref().filter(|_| extent == Extent::WithFirmware);
    found.filter(|name| **name != model.identity.model_register)
}

/// The registers that [`decode_identity`] wants, for a read of everything.
pub(super) fn wanted(model: &DeviceModel) -> Result<Vec<&Register>, Fault> {
    identity_registers(model, Extent::WithFirmware)
}

/// The identity out of registers that were read.
pub(super) fn decode_identity(model: &DeviceModel, words: &Words) -> Result<BoardIdentity, Fault> {
    decode(model, words, Extent::WithFirmware)
}

/// The same, without the firmware where that was not read.
fn decode(model: &DeviceModel, words: &Words, extent: Extent) -> Result<BoardIdentity, Fault> {
    let mut identifiers = Vec::with_capacity(model.identity.fields.len());
    for field in &model.identity.fields {
        let reading = words.reading(named(model, &field.register)?)?;
        identifiers.push(identifier(field, &reading.value.to_string()));
    }
    let firmware = Some(&model.firmware).filter(|_| extent == Extent::WithFirmware);
    let firmware_version = match firmware {
        None => String::new(),
        Some(firmware) => words.reading(named(model, &firmware.version_register)?)?.value.to_string(),
    };
    let firmware_crc32 = match firmware.and_then(|firmware| firmware.crc_register.as_ref()) {
        None => None,
        Some(name) => match words.reading(named(model, name)?)?.value {
            // A u32 register without scale: exact in an f64.
            Value::Number(number) => Some(number as u32),
            Value::Text(_) => None,
        },
    };
    let found = model.cells.found_register.as_ref().filter(|_| extent == Extent::WithFirmware);
    let cells = match found.map(|name| words.reading(named(model, name)?)).transpose()? {
        None => None,
        // What is no number of cells is none that anybody ordered.
        Some(reading) => Some(reading.value.as_number().map_or(0, |cells| cells as u8)),
    };
    Ok(BoardIdentity {
        identifiers,
        model_value: model_value(model, words)?,
        is_model: is_model(model, words)?,
        firmware_version,
        firmware_crc32,
        cells,
    })
}

/// A board of another model: nothing is known of it but that.
fn stranger(model: &DeviceModel, words: &Words) -> Result<BoardIdentity, Fault> {
    Ok(BoardIdentity {
        identifiers: Vec::new(),
        model_value: model_value(model, words)?,
        is_model: false,
        firmware_version: String::new(),
        firmware_crc32: None,
        cells: None,
    })
}

fn model_value(model: &DeviceModel, words: &Words) -> Result<String, Fault> {
    Ok(words.reading(named(model, &model.identity.model_register)?)?.value.to_string())
}

fn is_model(model: &DeviceModel, words: &Words) -> Result<bool, Fault> {
    let value = model_value(model, words)?;
    Ok(model.identity.names(&value))
}

fn identifier(field: &IdentityField, text: &str) -> Identifier {
    let value = normal_form(field.kind, text);
    let is_default =
        value.is_empty() || field.defaults.iter().any(|default| normal_form(field.kind, default) == value);
    Identifier { kind: field.kind, unique: field.unique && !is_default, value }
}

fn normal_form(kind: IdentifierKind, text: &str) -> String {
    let text = normalise_question(text);
    if kind == IdentifierKind::BluetoothAddress { text.to_ascii_uppercase() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::model::ValidFrom;

    #[test]
    fn a_known_default_is_never_unique() {
        let field = IdentityField {
            kind: IdentifierKind::BluetoothAddress,
            register: "bluetooth_address".to_owned(),
            unique: true,
            defaults: vec!["00:00:00:00:00:00".to_owned()],
            valid_from: ValidFrom::Birth,
        };
        assert!(!identifier(&field, "000000000000").unique);
        assert!(!identifier(&field, "").unique);
        let real = identifier(&field, "26:54:1c:98:06:8e");
        assert!(real.unique);
        assert_eq!(real.value, "26541C98068E");
    }
}
