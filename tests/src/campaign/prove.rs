//! Whether the campaign bites: each sabotage of the station must miss the goal that it is for, and the unspoilt station must meet that
//! goal on the same boards.

use super::{Options, Rough, run};
use crate::report::{Proof, Report};
use anyhow::Result;
use simulator::Fault;
use station::sabotage::Sabotage;

/// A sabotage, the boards that show it, and the goal that must be missed.
struct Trial {
    sabotage: Sabotage,
    seeds: u64,
    rough: Rough,
    disturb: &'static str,
    fault: Option<Fault>,
    replay_every: u64,
    goal: &'static str,
}

impl Trial {
    const fn of(sabotage: Sabotage, seeds: u64, goal: &'static str) -> Self {
        Self { sabotage, seeds, rough: Rough::None, disturb: "", fault: None, replay_every: 0, goal }
    }

    const fn on(self, rough: Rough) -> Self {
        Self { rough, ..self }
    }

    const fn with(self, disturb: &'static str) -> Self {
        Self { disturb, ..self }
    }

    const fn every_board(self, fault: Fault) -> Self {
        Self { fault: Some(fault), ..self }
    }

    const fn replayed(self) -> Self {
        Self { replay_every: 1, ..self }
    }

    fn options(&self, sabotage: Option<Sabotage>, seed: u64) -> Options {
        Options {
            seeds: self.seeds,
            seed,
            rough: vec![self.rough],
            disturb: Some(self.disturb)
                .filter(|setting| !setting.is_empty())
                .map(str::to_owned)
                .into_iter()
                .collect(),
            fault: self.fault,
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
        Trial::of(S::SkipReadBack, 4, "verified_wrongly"),
        // Some boards forget what their measurements show as well: those are found without the register.
        Trial::of(S::VerifyFromWriteBuffer, 16, "verified_wrongly").every_board(Fault::RegisterDoesNotHold),
        Trial::of(S::AcceptLateAnswer, 80, "accused_wrongly").with("late=0.1"),
        Trial::of(S::SkipIdentityCheck, 4, "verified_wrongly").every_board(Fault::IdentityChanges),
        Trial::of(S::IgnoreCrcEvidence, 4, "verified_wrongly").every_board(Fault::WriteProtected),
        Trial::of(S::NoDrain, 24, "recoverable_verified_percent_none").with("late=0.05"),
        Trial::of(S::SkipRestart, 4, "accused_wrongly"),
        Trial::of(S::NeverRepeat, 16, "recoverable_verified_percent_frames").on(Rough::Frames),
        Trial::of(S::HideLoader, 4, "left_in_loader_unsaid").every_board(Fault::FlippedFlashByte),
        Trial::of(S::LoseRecord, 4, "without_verdict"),
        Trial::of(S::Dawdle, 4, "too_slow"),
        Trial::of(S::RealChance, 4, "not_replayed").replayed(),
    ]
};

/// The sabotages that this campaign is tried with.
#[must_use]
pub fn tried() -> Vec<Sabotage> {
    TRIALS.iter().map(|trial| trial.sabotage).collect()
}

/// Tries every sabotage of this campaign, from this seed on.
///
/// # Errors
/// The campaign itself cannot work.
pub fn prove(seed: u64) -> Result<Report> {
    let mut proof = Proof::default();
    for trial in TRIALS {
        let sound = run(&trial.options(None, seed))?;
        let spoilt = run(&trial.options(Some(trial.sabotage), seed))?;
        proof.add(trial.sabotage.as_str(), trial.goal, &sound, &spoilt);
    }
    Ok(proof.report("wire", seed))
}
