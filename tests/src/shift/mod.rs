//! The station campaign: thousands of shifts, each with two to eight slots and their boards, at the real station in virtual time, each
//! from its own seed and exactly so again. The program is killed at its commits and between them, its server, fixture and disk come
//! and go, its clock is set, its boards are swapped, pulled and cut off. Judged by what the boards are and what the server holds.
//!
//! What lives here: cases from seeds, their work, their judgement, the figures. What never does: anything that a station could
//! lean on; a campaign only watches.

mod case;
mod disk;
mod judge;
mod life;
#[cfg(feature = "sabotage")]
mod prove;
mod report;
mod touches;
mod work;

pub use case::{Case, Disk, Kill, Leaning, Machine, Numbers, PLENTY, Trouble, Where};
pub use judge::{Finding, Judgement, judge};
#[cfg(feature = "sabotage")]
pub use prove::prove;
pub use work::{Outcome, work};

use crate::{campaign::Models, report::Report, sabotage, seeds::on_every_core};
use anyhow::{Context as _, Result};
use simulator::Fault;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// What a campaign works on.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// How many seeds; each is one shift.
    #[arg(long, default_value_t = 20)]
    pub seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Every board has this fault (without it one shift in three has a bad board or two).
    #[arg(long, value_enum)]
    pub fault: Option<Fault>,
    /// Nothing happens but work: no kill, no trouble.
    #[arg(long)]
    pub quiet: bool,
    /// Every so many seeds one is run twice and compared to the byte; 0: none.
    #[arg(long, default_value_t = 20)]
    pub replay_every: u64,
    /// Spoils the station in this way: the campaign must find it. Only where that is compiled in.
    #[arg(long)]
    pub sabotage: Option<String>,
    /// Tries every sabotage of this campaign on a few shifts and demands that each is found. Only where they are compiled in.
    #[arg(long, conflicts_with_all = ["sabotage", "fault", "quiet"])]
    pub prove: bool,
    /// Where the stations' journals lie; a memory disk is kind to the real one.
    #[arg(long)]
    pub disk: Option<PathBuf>,
    /// Tells of every seed; of a single one, every byte and the records too.
    #[arg(short, long)]
    pub verbose: bool,
}

/// One case that was worked and judged.
#[derive(Debug)]
struct Judged {
    seed: u64,
    kind: &'static str,
    /// Its boards bring their numbers.
    labelled: bool,
    /// Its operator is asked.
    asking: bool,
    /// One of its boards is a reference.
    with_reference: bool,
    boards: u64,
    records: u64,
    kills: u64,
    freezes: u64,
    troubles: u64,
    commits: u64,
    lasted: Duration,
    judgement: Judgement,
    digest: String,
    /// For a person, where it was asked for.
    told: String,
}

/// Runs it on every core.
///
/// # Errors
/// The campaign itself cannot work; what it finds stands in the report.
pub fn run(options: &Options) -> Result<Report> {
    let begun = Instant::now();
    let models = Models::load()?;
    let memory = Path::new("/dev/shm");
    let disk = options
        .disk
        .clone()
        .unwrap_or_else(|| if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() });
    sabotage::choose("station", options.sabotage.as_deref())?;
    let seeds: Vec<u64> = (options.seed..options.seed.saturating_add(options.seeds)).collect();
    let judged = on_every_core(&seeds, |seed| work_one(options, &models, &disk, *seed))?;
    Ok(report::report(options, &judged, begun.elapsed()))
}

fn work_one(options: &Options, models: &Models, disk: &Path, seed: u64) -> Result<Judged> {
    let case = Case::of(seed, Leaning { fault: options.fault, quiet: options.quiet });
    let tells = options.verbose && options.seeds == 1;
    let look = |tells| look(&case, models, disk, tells);
    let mut judged = match catch_unwind(AssertUnwindSafe(|| look(tells))) {
        Ok(judged) => judged.with_context(|| format!("seed {seed}"))?,
        Err(_) => panicked(&case),
    };
    let again = options.replay_every;
    if again > 0
        && seed.is_multiple_of(again)
        && !judged.digest.is_empty()
        && look(false)?.digest != judged.digest
    {
        let what = "the same seed ran otherwise the second time".to_owned();
        judged.judgement.findings.push((Finding::NotReplayed, what));
    }
    Ok(judged)
}

fn look(case: &Case, models: &Models, disk: &Path, tells: bool) -> Result<Judged> {
    let outcome = work(case, models, disk, tells)?;
    let records = outcome.server.records();
    let told = if tells {
        format!(
            "{case:#?}\n{}\n{:#?}\n{:#?}\n{records:#?}",
            outcome.trace,
            outcome.server.quarantine(),
            outcome.server.check_texts()
        )
    } else {
        String::new()
    };
    Ok(Judged {
        seed: case.seed,
        kind: case.kind.as_str(),
        labelled: case.numbers != Numbers::Lent,
        asking: case.asks,
        with_reference: case.reference.is_some(),
        boards: outcome.boards.len() as u64,
        records: records.len() as u64,
        kills: outcome.kills,
        freezes: outcome.freezes,
        troubles: case.troubles.len() as u64,
        commits: outcome.commits,
        lasted: outcome.lasted,
        judgement: judge(&outcome),
        digest: outcome.digest,
        told,
    })
}

fn panicked(case: &Case) -> Judged {
    let findings = vec![(Finding::Stopped, "the station panicked".to_owned())];
    Judged {
        seed: case.seed,
        kind: case.kind.as_str(),
        labelled: case.numbers != Numbers::Lent,
        asking: case.asks,
        with_reference: case.reference.is_some(),
        boards: case.boards.into(),
        records: 0,
        kills: 0,
        freezes: 0,
        troubles: 0,
        commits: 0,
        lasted: Duration::ZERO,
        judgement: Judgement { findings, ..Judgement::default() },
        digest: String::new(),
        told: String::new(),
    }
}
