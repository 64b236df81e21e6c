//! The device models that the wire bench measures, each with a shipped profile.

use crate::demo::workspace_root;
use anyhow::{Context as _, Result, anyhow};
use domain::{
    codec,
    model::{DeviceModel, Register, RegisterKind, parse_model},
    profile::{Profile, parse_profile},
    value::Value,
};
use std::{collections::BTreeMap, fmt::Display, path::Path, sync::Arc};

/// What is measured. One line a model.
pub const MODELS: &[ModelFiles] = &[ModelFiles { model: "topbms", profile: "topbms-16s-lifepo4-100a" }];

/// A model and a profile by the names of their files.
#[derive(Debug, Clone, Copy)]
pub struct ModelFiles {
    pub model: &'static str,
    pub profile: &'static str,
}

/// Both, read and checked.
#[derive(Debug, Clone)]
pub struct Measured {
    /// At the bench's rate in application and loader.
    pub model: Arc<DeviceModel>,
    pub profile: Profile,
}

impl ModelFiles {
    /// Reads them; the model speaks at `baud` bits per second, whatever its file says.
    ///
    /// # Errors
    /// Every fault in either file.
    pub fn read(self, baud: u32) -> Result<Measured> {
        let folder = workspace_root().join("profiles");
        let read = |path: &Path| {
            std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
        };
        let (file, profile_file) = (format!("{}.toml", self.model), format!("{}.toml", self.profile));
        let text = read(&folder.join("models").join(&file))?;
        let mut model = parse_model(&file, &text).map_err(|faults| listed(&faults))?;
        let text = read(&folder.join("parameters").join(&profile_file))?;
        let profile = parse_profile(&profile_file, &text).map_err(|faults| listed(&faults))?;
        model.link.baud = baud;
        if let Some(boot) = &mut model.boot {
            boot.baud = baud;
        }
        Ok(Measured { model: Arc::new(model), profile })
    }
}

fn listed<F: Display>(faults: &[F]) -> anyhow::Error {
    anyhow!(faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}

/// The time after a quiet spell, and for each answer, that the model says its board takes. A model that states neither gets
/// none.
#[must_use]
pub fn stated_wake_and_latency_ms(_model: &DeviceModel) -> f64 {
    // No model file can state either today.
    0.0
}

impl Measured {
    /// The profile's parameters, in order of address.
    ///
    /// # Errors
    /// A value of the profile that the model has no register for.
    pub fn parameters(&self) -> Result<Vec<&Register>> {
        let mut registers = self
            .profile
            .values
            .keys()
            .map(|name| self.model.register(name).with_context(|| format!("no register {name}")))
            .collect::<Result<Vec<&Register>>>()?;
        registers.sort_by_key(|register| register.address);
        Ok(registers)
    }

    /// The profile with every value another one, as if the board had been another customer's: then writing the profile writes
    /// all of it.
    ///
    /// # Errors
    /// A parameter that has no other value.
    pub fn another_profile(&self) -> Result<BTreeMap<String, Value>> {
        self.profile
            .values
            .iter()
            .map(|(name, value)| {
                let register = self.model.register(name).with_context(|| format!("no register {name}"))?;
                Ok((name.clone(), another_value(register, value)?))
            })
            .collect()
    }
}

/// A value of that register whose every word differs or, in a wider one, at least the last.
fn another_value(register: &Register, value: &Value) -> Result<Value> {
    let raw = codec::encode(register, value)?;
    let one_step = |up: bool| {
        let mut other = raw.clone();
        let word = match register.words {
            domain::model::WordOrder::LowFirst => other.first_mut(),
            domain::model::WordOrder::HighFirst => other.last_mut(),
        }?;
        *word = if up { word.wrapping_add(1) } else { word.wrapping_sub(1) };
        let other = codec::decode(register, &other).ok()?;
        is_in_range(register, &other).then_some(other)
    };
    let other = match register.kind {
        RegisterKind::Enum => {
            let option = register.options.iter().find(|option| vec![option.raw] != raw);
            option.map(|option| Value::from(option.name.as_str()))
        }
        _ => one_step(true).or_else(|| one_step(false)),
    };
    other.with_context(|| format!("{} has no value but {value}", register.name))
}

fn is_in_range(register: &Register, value: &Value) -> bool {
    value.as_number().is_none_or(|number| {
        register.min.is_none_or(|min| number >= min) && register.max.is_none_or(|max| number <= max)
    })
}
