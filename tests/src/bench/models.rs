//! The device models that the wire bench measures, each with a shipped profile.

use crate::demo::workspace_root;
use anyhow::{Context as _, Result, anyhow};
use domain::{
    codec,
    model::{DeviceModel, Register, RegisterKind, parse_model},
    profile::{Profile, parse_profile},
    rules::Ratings,
    value::Value,
};
use std::{collections::BTreeMap, fmt::Display, path::Path, sync::Arc, time::Duration};

/// What is measured: whole profiles, so as many parameters as the model has. topbms has 36, for its vendor's listing shows no more.
pub const MODELS: &[ModelFiles] = &[
    ModelFiles { model: "topbms", profile: "topbms-16s-lifepo4-100a", quiet: None },
    ModelFiles {
        model: "jk-pb",
        profile: "jk-pb-16s-lifepo4-100a",
        quiet: Some(DeviceQuiet {
            between: Duration::from_millis(120),
            source: "mr-manuel/venus-os_dbus-serialbattery, jkbms_pb.py: COMMAND_GAP, measured on a bus of four boards",
        }),
    },
    ModelFiles {
        model: "pace",
        profile: "pace-16s-lifepo4-100a",
        quiet: Some(DeviceQuiet {
            between: Duration::from_millis(100),
            source: "PACE BMS Modbus Protocol for RS485 V1.3, chapter 2: interval time of the frame > 100 ms",
        }),
    },
];

/// A model and a profile by the names of their files.
#[derive(Debug, Clone, Copy)]
pub struct ModelFiles {
    pub model: &'static str,
    pub profile: &'static str,
    /// Only what somebody else has published or measured: what a model file of ours assumes is no floor but our own time, and
    /// counts against us.
    pub quiet: Option<DeviceQuiet>,
}

/// The quiet that a device wants between the end of an answer and the next request: no program that obeys it can be
/// faster. Frozen as the loaders are: a model file that asks for more comes out slower, not with a longer floor.
#[derive(Debug, Clone, Copy)]
pub struct DeviceQuiet {
    pub between: Duration,
    /// Who says so.
    pub source: &'static str,
}

/// Both, read and checked.
#[derive(Debug, Clone)]
pub struct Measured {
    /// At the bench's rate in application and loader.
    pub model: Arc<DeviceModel>,
    pub profile: Profile,
    /// Between two exchanges; nothing where nobody has named one.
    pub quiet: Duration,
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
        let quiet = self.quiet.map_or(Duration::ZERO, |quiet| quiet.between);
        Ok(Measured { model: Arc::new(model), profile, quiet })
    }
}

fn listed<F: Display>(faults: &[F]) -> anyhow::Error {
    anyhow!(faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}

/// The time that the model says its boards take to wake, milliseconds. No model can state how long a board thinks before it
/// answers: `timeout_ms` is only the longest that is waited for, so nothing is allowed for that.
#[must_use]
pub fn stated_wake_ms(model: &DeviceModel) -> f64 {
    model.link.wake.as_ref().map_or(0.0, |wake| f64::from(wake.frames) * f64::from(wake.pause_ms))
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

    /// What tells who a board is, in order of address: its model, the fields of its identity, what runs on it.
    ///
    /// # Errors
    /// A name that the model has no register for.
    pub fn identity(&self) -> Result<Vec<&Register>> {
        let (identity, firmware) = (&self.model.identity, &self.model.firmware);
        let mut registers = identity
            .fields
            .iter()
            .map(|field| &field.register)
            .chain([&identity.model_register, &firmware.version_register])
            .chain(&firmware.crc_register)
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

    /// As [`Self::ratings`] with room for one step more: what the profile of the other values is judged against.
    #[must_use]
    pub fn wide_ratings(&self) -> Ratings {
        let mut ratings = self.ratings();
        if let Some(product) = &mut ratings.product {
            for limit in [&mut product.rated_charge_a, &mut product.rated_discharge_a, &mut product.peak_a] {
                *limit += 1.0;
            }
        }
        ratings
    }

    /// What the rules about currents are judged against: the profile's own product, on the jig of the demo (20 A).
    #[must_use]
    pub fn ratings(&self) -> Ratings {
        Ratings { jig_test_current_a: Some(20.0), ..Ratings::of_product(&self.profile) }
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
