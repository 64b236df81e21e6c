//! Whether the campaign bites: each sabotage of the station must miss the goal that it is for, and the unspoilt station must meet that
//! goal on the same shifts and on more.

use super::{Options, run};
use crate::{
    campaign,
    report::{Proof, Report},
};
use anyhow::Result;
use simulator::Fault;
use station::sabotage::Sabotage;

/// Shifts of a spoilt station that are looked at together.
const A_FEW: u64 = 8;

/// A sabotage, the shifts that show it, and the goal that must be missed.
struct Trial {
    sabotage: Sabotage,
    seeds: u64,
    fault: Option<Fault>,
    quiet: bool,
    replay_every: u64,
    goal: &'static str,
}

impl Trial {
    const fn of(sabotage: Sabotage, seeds: u64, goal: &'static str) -> Self {
        Self { sabotage, seeds, fault: None, quiet: false, replay_every: 0, goal }
    }

    /// Whether the unspoilt station works the same shifts for both, but for their number.
    fn shares(&self, other: &Self) -> bool {
        (self.fault, self.quiet, self.replay_every) == (other.fault, other.quiet, other.replay_every)
    }

    /// What comes of the spoilt station: its shifts up to those that show it, a few at a time.
    fn spoilt(&self, seed: u64) -> Result<Report> {
        let end = seed.saturating_add(self.seeds);
        let mut next = seed;
        loop {
            let seeds = A_FEW.min(end - next);
            let report = run(&Options { seeds, ..self.options(Some(self.sabotage), next) })?;
            next += seeds;
            if next >= end || report.missed.iter().any(|missed| missed == self.goal) {
                return Ok(report);
            }
        }
    }

    fn options(&self, sabotage: Option<Sabotage>, seed: u64) -> Options {
        Options {
            seeds: self.seeds,
            seed,
            fault: self.fault,
            quiet: self.quiet,
            replay_every: self.replay_every,
            sabotage: sabotage.map(|one| one.as_str().to_owned()),
            prove: false,
            disk: None,
            verbose: false,
        }
    }
}

const TRIALS: &[Trial] = {
    use Sabotage as S;
    &[
        Trial::of(S::ForgetInterrupted, 8, "runs_lost"),
        Trial::of(S::OpenLate, 8, "runs_lost"),
        Trial { quiet: true, ..Trial::of(S::NumberAgain, 2, "numbers_twice") },
        Trial { quiet: true, ..Trial::of(S::AnyLabel, 48, "numbers_twice") },
        Trial { quiet: true, ..Trial::of(S::SealAnother, 2, "passwords_unknown") },
        Trial::of(S::TrustSilence, 48, "runs_lost"),
        Trial::of(S::SkipAdmission, 16, "runs_doubled"),
        Trial { quiet: true, fault: Some(Fault::StuckMosfet), ..Trial::of(S::LeaveLoad, 2, "load_left_on") },
        Trial {
            quiet: true,
            fault: Some(Fault::CellOutOfLimits),
            ..Trial::of(S::SkipTearDown, 2, "left_discharging")
        },
        Trial {
            quiet: true,
            fault: Some(Fault::RegisterDoesNotHold),
            ..Trial::of(S::VerifyFromWriteBuffer, 8, "bad_boards_passed")
        },
        Trial { quiet: true, ..Trial::of(S::SkipReadBack, 2, "passes_without_evidence") },
        Trial { quiet: true, ..Trial::of(S::SkipSleep, 2, "passes_without_evidence") },
        Trial { quiet: true, ..Trial::of(S::LoseRecord, 2, "runs_lost") },
        Trial { replay_every: 1, ..Trial::of(S::RealChance, 2, "not_replayed") },
        Trial::of(S::StartWithoutShare, 24, "quota_exceeded"),
        Trial::of(S::KeepNumbers, 160, "numbers_twice"),
        Trial::of(S::OneBatch, 12, "under_other_batch"),
        Trial { quiet: true, ..Trial::of(S::InventAnswers, 8, "passes_without_evidence") },
        Trial { quiet: true, ..Trial::of(S::WorkReference, 12, "references_worked") },
    ]
};

/// Tries every sabotage of this campaign, from this seed on; one that no campaign tries counts as not found.
///
/// # Errors
/// The campaign itself cannot work.
pub fn prove(seed: u64) -> Result<Report> {
    let mut proof = Proof::default();
    let mut sound: Vec<(&Trial, Report)> = Vec::new();
    for trial in TRIALS {
        // The unspoilt station works the longest of its kind once, for all of them.
        let at = match sound.iter().position(|(one, _)| one.shares(trial)) {
            Some(at) => at,
            None => {
                let alike = TRIALS.iter().filter(|one| one.shares(trial));
                let longest = alike.max_by_key(|one| one.seeds).unwrap_or(trial);
                sound.push((trial, run(&longest.options(None, seed))?));
                sound.len() - 1
            }
        };
        proof.add(trial.sabotage.as_str(), trial.goal, &sound[at].1, &trial.spoilt(seed)?);
    }
    let here = TRIALS.iter().map(|trial| trial.sabotage);
    let tried: Vec<Sabotage> = campaign::tried().into_iter().chain(here).collect();
    for untried in Sabotage::ALL.into_iter().filter(|one| !tried.contains(one)) {
        proof.miss(untried.as_str());
    }
    Ok(proof.report("station", seed))
}
