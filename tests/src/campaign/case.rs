//! What one seed stands for: which loader, which board, which disturbances. Everything about a case follows from its seed and its
//! rough; nothing else is drawn anywhere.

use super::{Rough, profile_only};
use crate::{bench::models::Measured, memory_server::BundleFiles};
use anyhow::{Context as _, Result, anyhow};
use domain::model::{BootGeneration, DeviceModel, parse_model};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use simulator::{Disturbance, Disturbances, Fault};
use std::sync::Arc;

/// Bytes of the image: small, so that a case is cheap; flips that an old loader does not see leave a few transfers whole.
pub const IMAGE_BYTES: u32 = 2 * 1024;

/// One board in this many is bad.
const BAD_ONE_IN: u32 = 8;

/// What may be wrong with it. Not among them: a shorted discharge path, which the campaign's procedure cannot see.
pub const FAULTS: [Fault; 13] = [
    Fault::Silent,
    Fault::InterruptedFlash,
    Fault::FlippedFlashByte,
    Fault::CellOutOfLimits,
    Fault::RegisterDoesNotHold,
    Fault::WrongModel,
    Fault::WrongShunt,
    Fault::StuckMosfet,
    Fault::DriftingCell,
    Fault::IdentityChanges,
    Fault::WriteProtected,
    Fault::KeepsNothing,
    // Another board with its identity has passed elsewhere.
    Fault::ClonedIdentity,
];

/// What the server remembers of the board that a copy copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerMemory {
    Keeps,
    /// A server that lets every copy pass, so that a test sees the judge find it.
    Forgets,
}

/// How far a board is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// A TOPBMS board from 'present' to 'removed'.
    Whole,
    /// A JK PB board, found and given a profile.
    ProfileOnly,
}

/// A board and what is done to it.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    pub seed: u64,
    pub way: Way,
    /// Of a board that goes the whole way.
    pub loader: BootGeneration,
    pub fault: Option<Fault>,
    pub disturbances: Disturbances,
    pub server: ServerMemory,
}

impl Case {
    /// The case of a seed. `extra` is set on top of what the rough brings; `fault` is everybody's where it is given.
    #[must_use]
    pub fn of(seed: u64, rough: Rough, extra: &[(Disturbance, f64)], fault: Option<Fault>) -> Self {
        let mut chance = StdRng::seed_from_u64(seed ^ 0x6361_7365);
        let drawn = chance.random_ratio(1, BAD_ONE_IN).then(|| FAULTS[chance.random_range(0..FAULTS.len())]);
        let disturbances = extra.iter().fold(rough.disturbances(), |all, (kind, p)| all.with(*kind, *p));
        let (loader, server) = (loader_of(seed), ServerMemory::Keeps);
        // Where everybody has a fault, everybody goes the way on which it is seen.
        let way = if fault.is_none() { way_of(seed) } else { Way::Whole };
        let fault = if way == Way::Whole { fault.or(drawn) } else { None };
        Self { seed, way, loader, fault, disturbances, server }
    }

    /// The same way without any disturbance: what the time is measured by.
    #[must_use]
    pub fn undisturbed(loader: BootGeneration, fault: Option<Fault>) -> Self {
        let seed = u64::from(loader == BootGeneration::Hal);
        let (disturbances, server) = (Disturbances::default(), ServerMemory::Keeps);
        Self { seed, way: Way::Whole, loader, fault, disturbances, server }
    }

    /// Whether the board itself is sound: an interrupted flash is healed by flashing.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        matches!(self.fault, None | Some(Fault::InterruptedFlash))
    }
}

/// Every tenth, and none that is replayed because its number is round.
fn way_of(seed: u64) -> Way {
    if seed % 10 == 7 { Way::ProfileOnly } else { Way::Whole }
}

fn loader_of(seed: u64) -> BootGeneration {
    if seed.is_multiple_of(2) { BootGeneration::Spl } else { BootGeneration::Hal }
}

/// The shipped model with either loader, and the one that only gets a profile.
#[derive(Debug, Clone)]
pub struct Models {
    pub profile_only: Measured,
    spl: (Arc<DeviceModel>, BundleFiles),
    hal: (Arc<DeviceModel>, BundleFiles),
}

impl Models {
    /// # Errors
    /// The shipped model does not parse, or does not name its loader as expected.
    pub fn load() -> Result<Self> {
        let shipped = BundleFiles::shipped();
        let mut newer = shipped.clone();
        for (old, new) in
            [("generation = \"spl\"", "generation = \"hal\""), ("execute_key = 0x32", "execute_key = 0x33")]
        {
            if !newer.model.contains(old) {
                return Err(anyhow!(
                    "the shipped model no longer says {old}: tell the campaign how to change its loader"
                ));
            }
            newer.model = newer.model.replacen(old, new, 1);
        }
        Ok(Self { profile_only: profile_only::measured()?, spl: parsed(shipped)?, hal: parsed(newer)? })
    }

    #[must_use]
    pub fn of(&self, loader: BootGeneration) -> &(Arc<DeviceModel>, BundleFiles) {
        if loader == BootGeneration::Hal { &self.hal } else { &self.spl }
    }
}

fn parsed(files: BundleFiles) -> Result<(Arc<DeviceModel>, BundleFiles)> {
    let model = parse_model("topbms.toml", &files.model)
        .map_err(|faults| anyhow!("{faults:?}"))
        .context("the shipped model does not parse")?;
    Ok((Arc::new(model), files))
}
