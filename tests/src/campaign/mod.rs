//! The wire campaign: thousands of boards on disturbed lines, each the whole way through the real station in virtual time, each from
//! its own seed and exactly so again. Judged by what the witness's boards are and hold. One board in ten is JK's, and one JBD's.
//!
//! What lives here: cases from seeds, their work, their judgement, the figures. What never does: anything that a station could
//! lean on; a campaign only watches.

mod case;
mod judge;
#[cfg(feature = "sabotage")]
mod prove;
mod report;
mod work;

pub use case::{Case, FAULTS, IMAGE_BYTES, Kind, Models, ServerMemory};
pub use judge::{Finding, Judgement, judge};
#[cfg(feature = "sabotage")]
pub use prove::{prove, tried};
pub use work::{Outcome, work};

use crate::{report::Report, sabotage, seeds::on_every_core};
use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use simulator::{Disturbance, Disturbances, Fault, Observation, disturbance::Struck};
use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// What the line suffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Rough {
    /// Nothing but what `--disturb` adds.
    None,
    /// Every frame: each kind with one per cent.
    Frames,
    /// Every byte: flipped or lost with one in ten thousand.
    Bytes,
}

impl Rough {
    #[must_use]
    pub fn disturbances(self) -> Disturbances {
        let each = |kinds: &[Disturbance], probability| {
            kinds.iter().fold(Disturbances::default(), |all, kind| all.with(*kind, probability))
        };
        match self {
            Self::None => Disturbances::default(),
            Self::Frames => {
                let per_byte = [Disturbance::FlipByte, Disturbance::LoseByte];
                let all: Vec<_> =
                    Disturbance::ALL.into_iter().filter(|kind| !per_byte.contains(kind)).collect();
                each(&all, 0.01)
            }
            Self::Bytes => each(&[Disturbance::FlipByte, Disturbance::LoseByte], 1e-4),
        }
    }

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Frames => "frames",
            Self::Bytes => "bytes",
        }
    }
}

/// What a campaign works on.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// How many seeds; each is one board for each rough.
    #[arg(long, default_value_t = 60)]
    pub seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// What the line suffers; without it frames, then bytes.
    #[arg(long, value_enum)]
    pub rough: Vec<Rough>,
    /// On top of that: NAME=PROBABILITY, again and again (a wrong name lists them all).
    #[arg(long = "disturb", value_name = "NAME=P")]
    pub disturb: Vec<String>,
    /// Every board has this fault (without it one in eight has one).
    #[arg(long, value_enum)]
    pub fault: Option<Fault>,
    /// Every so many seeds one is run twice and compared to the byte; 0: none.
    #[arg(long, default_value_t = 20)]
    pub replay_every: u64,
    /// Spoils the station in this way: the campaign must find it. Only where that is compiled in.
    #[arg(long)]
    pub sabotage: Option<String>,
    /// Tries every sabotage on a few boards and demands that each is found. Only where they are compiled in.
    #[arg(long, conflicts_with_all = ["sabotage", "rough", "fault", "disturb"])]
    pub prove: bool,
    /// Where the stations' journals lie; a memory disk is kind to the real one.
    #[arg(long)]
    pub disk: Option<PathBuf>,
    /// Tells of every seed; of a single one, every byte and the record too.
    #[arg(short, long)]
    pub verbose: bool,
}

/// One case that was worked and judged.
#[derive(Debug)]
pub struct Judged {
    pub seed: u64,
    pub rough: Rough,
    pub kind: Kind,
    pub fault: Option<Fault>,
    pub judgement: Judgement,
    /// Time against the undisturbed one.
    pub ratio: f64,
    pub struck: Struck,
    /// Requests that the witness heard.
    pub requests: u64,
    pub digest: String,
    /// For a person, where it was asked for.
    pub told: String,
}

/// What a board takes on a quiet line: of each kind a sound one, and the bad ones.
#[derive(Debug, Default)]
struct Undisturbed([(Duration, BTreeMap<Fault, Duration>); 4]);

impl Undisturbed {
    fn of_sound(&self, kind: Kind) -> Duration {
        self.0[kind as usize].0
    }

    /// What a board is measured by: a sound board's time, or the own time of a bad one that takes longer on a quiet line too (three
    /// transfers that its flash does not keep).
    fn of(&self, case: &Case) -> Duration {
        let (sound, bad) = &self.0[case.kind as usize];
        case.fault.and_then(|fault| bad.get(&fault)).copied().unwrap_or_default().max(*sound)
    }
}

/// Everything that the threads of a campaign share.
struct Campaign<'a> {
    options: &'a Options,
    extra: Vec<(Disturbance, f64)>,
    models: Models,
    disk: PathBuf,
    undisturbed: Undisturbed,
    /// Keep the line's bytes and the records for a person.
    tells: bool,
}

/// Runs it on every core.
///
/// # Errors
/// The campaign itself cannot work; what it finds stands in the report.
pub fn run(options: &Options) -> Result<Report> {
    let begun = Instant::now();
    let mut extra = Vec::new();
    for setting in &options.disturb {
        let mut one = Disturbances::default();
        one.set(setting)?;
        extra.extend(
            Disturbance::ALL.map(|kind| (kind, one.probability(kind))).into_iter().filter(|(_, p)| *p > 0.0),
        );
    }
    let models = Models::load()?;
    let memory = Path::new("/dev/shm");
    let disk = options
        .disk
        .clone()
        .unwrap_or_else(|| if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() });
    let roughs =
        if options.rough.is_empty() { vec![Rough::Frames, Rough::Bytes] } else { options.rough.clone() };
    let tells = options.verbose && options.seeds == 1;
    let mut campaign = Campaign { options, extra, models, disk, undisturbed: Undisturbed::default(), tells };
    // What is measured is the way, not the sabotage.
    sabotage::choose("wire", None)?;
    campaign.measure()?;
    sabotage::choose("wire", options.sabotage.as_deref())?;
    let jobs: Vec<(Rough, u64)> = roughs
        .iter()
        .flat_map(|rough| {
            (options.seed..options.seed.saturating_add(options.seeds)).map(|seed| (*rough, seed))
        })
        .collect();
    let judged = campaign.work_all(&jobs)?;
    let undisturbed = Kind::ALL.map(|kind| (kind.as_str(), campaign.undisturbed.of_sound(kind)));
    Ok(report::report(options, &roughs, undisturbed, &judged, begun.elapsed()))
}

impl Campaign<'_> {
    /// What each kind's way takes undisturbed. The station must pass a sound board, or there is nothing to measure by.
    fn measure(&mut self) -> Result<()> {
        for kind in Kind::ALL {
            let outcome = work(&Case::undisturbed(kind, None), &self.models, &self.disk, false)?;
            if !outcome.records.iter().any(|record| record.outcome == domain::outcome::Outcome::Pass) {
                bail!("an undisturbed {} board does not pass: {:?}", kind.as_str(), outcome.records);
            }
            self.undisturbed.0[kind as usize].0 = outcome.lasted;
            for fault in FAULTS.into_iter().filter(|_| kind.has_loader()) {
                let outcome = work(&Case::undisturbed(kind, Some(fault)), &self.models, &self.disk, false)?;
                self.undisturbed.0[kind as usize].1.insert(fault, outcome.lasted);
            }
        }
        Ok(())
    }

    fn work_all(&self, jobs: &[(Rough, u64)]) -> Result<Vec<Judged>> {
        let mut judged = on_every_core(jobs, |(rough, seed)| self.work_one(*rough, *seed))?;
        judged.sort_by_key(|judged: &Judged| (judged.rough, judged.seed));
        Ok(judged)
    }

    fn work_one(&self, rough: Rough, seed: u64) -> Result<Judged> {
        let case = Case::of(seed, rough, &self.extra, self.options.fault);
        let undisturbed = self.undisturbed.of(&case);
        let look = |tells| self.look(&case, rough, undisturbed, tells);
        let mut judged = match catch_unwind(AssertUnwindSafe(|| look(self.tells))) {
            Ok(judged) => judged.with_context(|| format!("seed {seed}"))?,
            Err(_) => panicked(&case, rough),
        };
        let again = self.options.replay_every;
        if again > 0 && seed.is_multiple_of(again) && !judged.digest.is_empty() {
            let replayed = look(false)?;
            if replayed.digest != judged.digest {
                let what = "the same seed ran otherwise the second time".to_owned();
                judged.judgement.findings.push((Finding::NotReplayed, what));
            }
        }
        Ok(judged)
    }

    fn look(&self, case: &Case, rough: Rough, undisturbed: Duration, tells: bool) -> Result<Judged> {
        let outcome = work(case, &self.models, &self.disk, tells)?;
        let times = (outcome.lasted, undisturbed);
        let judgement = judge(case, &outcome, undisturbed);
        let judged = judged(case, rough, judgement, outcome.observed.as_ref(), times);
        let told = if tells { format!("{}\n{:#?}", outcome.trace, outcome.records) } else { String::new() };
        Ok(Judged { digest: outcome.digest, told, ..judged })
    }
}

/// A case that was worked: what the witness counted, what was heard of it.
fn judged(
    case: &Case,
    rough: Rough,
    judgement: Judgement,
    observed: Option<&Observation>,
    times: (Duration, Duration),
) -> Judged {
    let (lasted, undisturbed) = times;
    Judged {
        seed: case.seed,
        rough,
        kind: case.kind,
        fault: case.fault,
        judgement,
        ratio: lasted.as_secs_f64() / undisturbed.as_secs_f64().max(0.001),
        struck: observed.map(|board| board.struck.clone()).unwrap_or_default(),
        requests: observed.map_or(0, |board| board.frames + board.ignored_frames),
        digest: String::new(),
        told: String::new(),
    }
}

fn panicked(case: &Case, rough: Rough) -> Judged {
    let findings = vec![(Finding::NoVerdict, "the station panicked".to_owned())];
    Judged {
        seed: case.seed,
        rough,
        kind: case.kind,
        fault: case.fault,
        judgement: Judgement { verified: false, reason: None, recoverable: case.is_sound(), findings },
        ratio: 0.0,
        struck: Struck::new(),
        requests: 0,
        digest: String::new(),
        told: String::new(),
    }
}
