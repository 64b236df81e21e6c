//! What one seed stands for: which kind of board, what is wrong with it, which disturbances. Everything about a case follows from its seed and its
//! rough; nothing else is drawn anywhere.

use super::Rough;
use crate::memory_server::BundleFiles;
use anyhow::{Context as _, Result, anyhow};
use domain::model::{DeviceModel, parse_model};
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

/// Which board, and which way: each from 'present' to 'removed', as its procedure says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A TOPBMS board with ST's older loader.
    Spl,
    /// The same with the younger one.
    Hal,
    /// JK's PB series: no loader, no password, addresses that count bytes, quiet after every answer, restarted by its supply.
    JkPb,
    /// JBD: its own framing, factory mode, and no identity before it is numbered.
    Jbd,
}

impl Kind {
    pub const ALL: [Self; 4] = [Self::Spl, Self::Hal, Self::JkPb, Self::Jbd];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Spl => "spl",
            Self::Hal => "hal",
            Self::JkPb => "jk-pb",
            Self::Jbd => "jbd",
        }
    }

    /// Whether it is flashed on its way.
    #[must_use]
    pub fn has_loader(self) -> bool {
        matches!(self, Self::Spl | Self::Hal)
    }
}

/// A board and what is done to it.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    pub seed: u64,
    pub kind: Kind,
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
        // Where everybody has a fault, everybody goes the way on which each of them is seen.
        let kind = if fault.is_none() { kind_of(seed) } else { flashed(seed) };
        let fault = if kind.has_loader() { fault.or(drawn) } else { None };
        Self { seed, kind, fault, disturbances, server: ServerMemory::Keeps }
    }

    /// The same way without any disturbance: what the time is measured by.
    #[must_use]
    pub fn undisturbed(kind: Kind, fault: Option<Fault>) -> Self {
        let seed = u64::from(kind == Kind::Hal);
        let (disturbances, server) = (Disturbances::default(), ServerMemory::Keeps);
        Self { seed, kind, fault, disturbances, server }
    }

    /// Whether the board itself is sound: an interrupted flash is healed by flashing.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        matches!(self.fault, None | Some(Fault::InterruptedFlash))
    }
}

/// Every tenth is of each other maker, and none that is replayed because its number is round.
fn kind_of(seed: u64) -> Kind {
    match seed % 10 {
        3 => Kind::Jbd,
        7 => Kind::JkPb,
        _ => flashed(seed),
    }
}

fn flashed(seed: u64) -> Kind {
    if seed.is_multiple_of(2) { Kind::Spl } else { Kind::Hal }
}

/// What the boards of a kind are worked by.
#[derive(Debug, Clone)]
pub struct Worked {
    pub model: Arc<DeviceModel>,
    pub files: BundleFiles,
    /// What its cells rest at, millivolts; 0: titanate's.
    pub cell_rest_mv: u32,
}

/// Of every kind.
#[derive(Debug, Clone)]
pub struct Models([Worked; 4]);

impl Models {
    /// # Errors
    /// A shipped model does not parse, or does not name its loader as expected.
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
        let jk = BundleFiles::of("jk-pb", "jk-pb-16s-lifepo4-100a", "jk-pb-birth-16s-lifepo4");
        let jbd = BundleFiles::of("jbd", "jbd-8s-lto-100a", "jbd-birth-8s-lto");
        Ok(Self([parsed(shipped, 0)?, parsed(newer, 0)?, parsed(jk, LFP_MV)?, parsed(jbd, 0)?]))
    }

    #[must_use]
    pub fn of(&self, kind: Kind) -> &Worked {
        &self.0[kind as usize]
    }
}

/// Cells of iron phosphate at rest.
const LFP_MV: u32 = 3300;

fn parsed(files: BundleFiles, cell_rest_mv: u32) -> Result<Worked> {
    let model = parse_model("model", &files.model)
        .map_err(|faults| anyhow!("{faults:?}"))
        .context("a shipped model does not parse")?;
    Ok(Worked { model: Arc::new(model), files, cell_rest_mv })
}
