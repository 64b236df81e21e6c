//! How long a board takes over what is its own affair. Each board is a little different; a bench wants one that is not.

use core::time::Duration;

use protocol::timing;
use rand::{Rng as _, rngs::StdRng};

/// The times of one board without scatter: two boards of the same delays take the same time over the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delays {
    /// From reset to the loader's first letter.
    pub loader_start: Duration,
    /// From reset to an answering application.
    pub application_start: Duration,
    /// Erasing one page of flash.
    pub page_erase: Duration,
    /// Programming one KiB of flash.
    pub program_kib: Duration,
    /// What the application thinks beyond t3.5 before it answers.
    pub think: Duration,
}

/// Where a board has no delays of its own choosing, as they come from SMT.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    Frozen(Delays),
    /// This page erase, and everything else a little different each time.
    Scattered {
        page_erase: Duration,
    },
}

/// From reset to an answering application.
const APPLICATION_START: Duration = Duration::from_millis(250);
/// From reset to the loader's first letter.
const LOADER_START: Duration = Duration::from_millis(150);
/// Programming of one KiB: 512 half-words of some 52 µs.
const PROGRAM_KIB: Duration = Duration::from_millis(27);

impl Pace {
    pub(crate) fn new(frozen: Option<Delays>, chance: &mut StdRng) -> Self {
        let page_erase = Duration::from_micros(chance.random_range(20_000..25_000));
        frozen.map_or(Self::Scattered { page_erase }, Self::Frozen)
    }

    pub(crate) fn page_erase(self) -> Duration {
        match self {
            Self::Frozen(delays) => delays.page_erase,
            Self::Scattered { page_erase } => page_erase,
        }
    }

    /// For `bytes` of flash.
    pub(crate) fn program(self, bytes: usize) -> Duration {
        let kib = match self {
            Self::Frozen(delays) => delays.program_kib,
            Self::Scattered { .. } => PROGRAM_KIB,
        };
        kib * bytes as u32 / 1024
    }

    pub(crate) fn loader_start(self, chance: &mut StdRng) -> Duration {
        match self {
            Self::Frozen(delays) => delays.loader_start,
            Self::Scattered { .. } => LOADER_START + start_scatter(chance),
        }
    }

    pub(crate) fn application_start(self, chance: &mut StdRng) -> Duration {
        match self {
            Self::Frozen(delays) => delays.application_start,
            Self::Scattered { .. } => APPLICATION_START + start_scatter(chance),
        }
    }

    /// From the last byte of a request to the first of its answer.
    pub(crate) fn think(self, baud: u32, chance: &mut StdRng) -> Duration {
        timing::silence(baud)
            + match self {
                Self::Frozen(delays) => delays.think,
                Self::Scattered { .. } => Duration::from_micros(chance.random_range(1_500..8_000)),
            }
    }
}

fn start_scatter(chance: &mut StdRng) -> Duration {
    Duration::from_millis(chance.random_range(0..40))
}
