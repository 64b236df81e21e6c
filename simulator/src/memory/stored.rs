//! What a board holds in its registers, and what that means by its own encoding.

use std::{borrow::Cow, collections::BTreeMap};

use domain::model::{DeviceModel, Register};
use serde::{Deserialize, Serialize};

use crate::{codec, places::Place};

/// What survives a restart once it is stored. `own` is the board's own model everywhere here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stored {
    /// By place.
    pub words: BTreeMap<u16, u16>,
    pub password: String,
    /// The current's correction; 1 from birth.
    pub gain: f64,
    pub calibrated: bool,
}

impl Stored {
    /// What one place holds; 0 where nothing was ever put.
    #[must_use]
    pub fn at(&self, place: u16) -> u16 {
        self.words.get(&place).copied().unwrap_or_default()
    }

    /// A register's raw value.
    #[must_use]
    pub fn raw(&self, own: &DeviceModel, register: &Register) -> Vec<u16> {
        let place = Place::of(own);
        place.raw(register, place.all(register).map(|at| self.at(at)).collect())
    }

    /// Takes a register's raw value.
    pub fn put(&mut self, own: &DeviceModel, register: &Register, raw: Vec<u16>) {
        let place = Place::of(own);
        let held = place.laid(register, raw, self.at(register.address));
        self.words.extend(place.all(register).zip(held));
    }

    /// A register's engineering value; none for texts.
    #[must_use]
    pub fn number(&self, own: &DeviceModel, register: &Register) -> Option<f64> {
        codec::decode_number(&self.scaled(own, register), &self.raw(own, register))
    }

    /// A register's value as text.
    #[must_use]
    pub fn text(&self, own: &DeviceModel, register: &Register) -> String {
        codec::decode_text(&self.scaled(own, register), &self.raw(own, register))
    }

    /// The register with the scale that holds now.
    #[must_use]
    pub fn scaled<'a>(&self, own: &DeviceModel, register: &'a Register) -> Cow<'a, Register> {
        let is_other = register.scale_when.as_ref().is_some_and(|when| {
            own.register(&when.register).is_some_and(|switch| self.is_set(own, switch, &when.bit))
        });
        match &register.scale_when {
            Some(when) if is_other => Cow::Owned(Register { scale: when.scale, ..register.clone() }),
            _ => Cow::Borrowed(register),
        }
    }

    /// Whether a bit is set. What is only shown follows the setting that has a bit of the same name.
    #[must_use]
    pub fn is_set(&self, own: &DeviceModel, register: &Register, bit: &str) -> bool {
        let has = |candidate: &&Register| candidate.bits.iter().any(|named| named.name == bit);
        let setting = if register.parameter { Some(register) } else { own.parameters().find(has) };
        setting.is_some_and(|setting| {
            let word = self.raw(own, setting).first().copied().unwrap_or_default();
            setting.bits.iter().any(|named| named.name == bit && word & (1 << named.bit) != 0)
        })
    }
}
