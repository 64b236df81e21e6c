//! What is to be thought of an outcome. What the board is and holds comes from the witness; what the station says of it, from the
//! record; and the record is never believed where the witness can be asked.

use super::{case::Case, work::Outcome};
use crate::evidence::{Claim, Since, wrong_pass};
use domain::{
    outcome::Outcome as RunOutcome,
    step::Step,
    text::{Fault, FaultCode},
};
use simulator::{Mode, observe::Observation};
use std::time::Duration;

/// A fault of the station, by the goal that it misses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Finding {
    /// Passed, and the board is not what a pass says.
    VerifiedWrongly,
    /// A sound board was refused for something that it did not do.
    AccusedWrongly,
    /// It has the identity of another board that has passed, and was worked on.
    WorkedOnClone,
    /// It lies in its loader, and the record does not say so.
    LeftInLoader,
    /// No record with a reason, or no lamp that fits it.
    NoVerdict,
    /// It took more than three times the undisturbed time.
    TooSlow,
    /// The second run of the same seed went otherwise.
    NotReplayed,
}

impl Finding {
    pub const ALL: [Self; 7] = [
        Self::VerifiedWrongly,
        Self::AccusedWrongly,
        Self::WorkedOnClone,
        Self::LeftInLoader,
        Self::NoVerdict,
        Self::TooSlow,
        Self::NotReplayed,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::VerifiedWrongly => "verified_wrongly",
            Self::AccusedWrongly => "accused_wrongly",
            Self::WorkedOnClone => "worked_on_a_clone",
            Self::LeftInLoader => "left_in_loader_unsaid",
            Self::NoVerdict => "without_verdict",
            Self::TooSlow => "too_slow",
            Self::NotReplayed => "not_replayed",
        }
    }
}

/// How a case ended.
#[derive(Debug, Clone)]
pub struct Judgement {
    pub verified: bool,
    /// The reason of a board that was not verified.
    pub reason: Option<FaultCode>,
    /// Nothing but bytes on the wire suffered: it should have been verified.
    pub recoverable: bool,
    pub findings: Vec<(Finding, String)>,
}

/// Judges it. `undisturbed`: what such a board takes on a quiet line.
#[must_use]
pub fn judge(case: &Case, outcome: &Outcome, undisturbed: Duration) -> Judgement {
    let pass = outcome.records.iter().find(|record| record.outcome == RunOutcome::Pass);
    let last = outcome.records.last();
    // A board that is refused without a run leaves no record: its slot says why.
    let reason = last.and_then(|record| record.fault.as_ref()).or(outcome.refused.as_ref());
    let on_wire_only =
        outcome.observed.as_ref().is_some_and(|board| board.struck.keys().all(|kind| kind.is_on_the_wire()));
    let recoverable = case.is_sound() && on_wire_only;
    let mut findings = Vec::new();
    let mut found = |finding, what: String| findings.push((finding, what));
    let lamp = outcome.witnessed.lamp.as_deref();
    match (pass, &outcome.observed) {
        (_, None) => found(Finding::NoVerdict, "the board was never put in".to_owned()),
        (Some(record), Some(board)) => {
            if !case.is_sound() {
                found(Finding::VerifiedWrongly, format!("a board that is {:?} passed", case.fault));
            }
            let claim = Claim {
                model: &outcome.model,
                image: &outcome.image,
                server: &outcome.server,
                record,
                board,
                holds: &outcome.witnessed.holds,
                since: Since::Untouched,
            };
            found_all(&mut found, Finding::VerifiedWrongly, wrong_pass(&claim));
            if outcome.records.len() > 1 || lamp != Some("pass") {
                let count = outcome.records.len();
                found(Finding::NoVerdict, format!("{count} records beside a pass, the lamp says {lamp:?}"));
            }
        }
        (None, Some(board)) => {
            match reason {
                None => found(Finding::NoVerdict, "no record says why it was refused".to_owned()),
                Some(_) if !matches!(lamp, Some("fail" | "attention")) => {
                    found(Finding::NoVerdict, format!("refused, and the lamp says {lamp:?}"));
                }
                Some(fault) if recoverable && !is_of_the_line(fault, outcome, board) => {
                    found(Finding::AccusedWrongly, format!("{fault:?}"));
                }
                Some(_) => {}
            }
            if board.left_in == Mode::Loader && !reason.is_some_and(says_loader) {
                found(Finding::LeftInLoader, format!("it lies in its loader, the record says {reason:?}"));
            }
        }
    }
    if case.fault == Some(simulator::Fault::ClonedIdentity)
        && let Some(board) = &outcome.observed
    {
        for (finding, what) in wrong_of_clone(outcome, board, reason) {
            found(finding, what);
        }
    }
    for run in &outcome.lost_before {
        found(Finding::VerifiedWrongly, format!("the server no longer holds what it held of {run:?}"));
    }
    let most = undisturbed * 3;
    if outcome.lasted > most {
        let (took, most) = (outcome.lasted.as_secs_f64(), most.as_secs_f64());
        found(Finding::TooSlow, format!("{took:.1} s, at most {most:.1} s"));
    }
    let verified = pass.is_some();
    let reason = reason.filter(|_| !verified).map(|fault| fault.code);
    Judgement { verified, reason, recoverable, findings }
}

/// What must not come of a board that has the identity of one that has passed: any work on it, or another reason than that
/// identity or the line. (That it passed is said by [`wrong_pass`].)
fn wrong_of_clone(outcome: &Outcome, board: &Observation, reason: Option<&Fault>) -> Vec<(Finding, String)> {
    let mut wrong = Vec::new();
    let (writes, flashed) = (board.register_writes, board.flash_image.as_deref() == Some(&outcome.image[..]));
    if writes > 0 || flashed || !outcome.witnessed.holds.password_is_factory {
        wrong.push((Finding::WorkedOnClone, format!("{writes} registers written, flashed: {flashed}")));
    }
    let is_of_identity = |code| matches!(code, FaultCode::PassedAlready | FaultCode::IdentityOfAnotherUnit);
    if let Some(fault) = reason
        && !is_of_identity(fault.code)
        && !is_of_the_line(fault, outcome, board)
    {
        wrong.push((Finding::AccusedWrongly, format!("{fault:?}, and it is a copy")));
    }
    wrong
}

fn found_all(found: &mut impl FnMut(Finding, String), finding: Finding, what: Vec<String>) {
    for what in what {
        found(finding, what);
    }
}

/// Whether the reason speaks of the line, or says of the board what the witness confirms.
fn is_of_the_line(fault: &Fault, outcome: &Outcome, board: &Observation) -> bool {
    use FaultCode as C;
    match fault.code {
        C::BoardSilent
        | C::BoardStoppedAnswering
        | C::BoardAnswersGarbage
        | C::LoaderSilent
        | C::FlashFailed
        | C::ApplicationDidNotStart => true,
        C::FirmwareCrcDiffers | C::FirmwareVersionDiffers => {
            board.flash_image.as_deref() != Some(&outcome.image[..])
        }
        _ => false,
    }
}

/// Whether a person who reads the reason knows that the board may lie in its loader.
fn says_loader(fault: &Fault) -> bool {
    matches!(fault.code, FaultCode::FlashFailed | FaultCode::LoaderSilent | FaultCode::ApplicationDidNotStart)
        || matches!(fault.step, Some(Step::Flash | Step::Boot))
}
