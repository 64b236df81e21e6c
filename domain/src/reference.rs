//! Reference boards: what a jig is told of one, how its check there is recorded, and what came of it for the bench. A reference is never
//! worked: a check only reads.
//!
//! What lives here: kinds, what must come of a check, the verdict on the bench. What never does: how a board is recognised, I/O.

use crate::{
    identifier::{Identifier, IdentifierKind},
    outcome::Outcome,
    step::Step,
    text::{Fault, FaultCode},
};

/// The operation of a check's record, which no procedure may have.
pub const REFERENCE_CHECK: &str = "reference_check";

wire! {
    /// What a reference shows.
    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    pub enum ReferenceKind {
        /// It must pass.
        Golden,
        /// It must fail, for a reason that is known.
        KnownBad,
    }
}

impl ReferenceKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Golden, Self::KnownBad];

    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Golden => "golden",
            Self::KnownBad => "known_bad",
        }
    }
}

impl std::str::FromStr for ReferenceKind {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        named.ok_or_else(|| format!("no kind of reference is called {text:?}"))
    }
}

wire! {
    /// For what a known-bad board must fail: the fault, and the step that finds it.
    #[derive(Copy, Eq, Hash)]
    pub struct MustFail {
        pub code: FaultCode,
        pub step: Step,
    }
}

impl MustFail {
    /// All that a check can find.
    pub const ALL: [Self; 3] = [
        Self { code: FaultCode::OutsideLimits, step: Step::Measure },
        Self { code: FaultCode::BoardAnswersGarbage, step: Step::Measure },
        Self { code: FaultCode::RegisterDoesNotHold, step: Step::Verify },
    ];

    /// Whether this is it.
    #[must_use]
    pub fn is(self, fault: &Fault) -> bool {
        (fault.code, fault.step) == (self.code, Some(self.step))
    }
}

wire! {
    /// A reference as a jig knows it.
    #[derive(Eq)]
    pub struct Reference {
        /// What the people at the jig call it.
        pub name: String,
        pub kind: ReferenceKind,
        /// Of a known-bad one; none where nobody stated it, and then no check of it is as expected.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub must_fail: Option<MustFail>,
        /// The profile whose parameters and limits it is made for: it checks no jig that works another. None: whatever the jig works.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub profile: Option<String>,
    }
}

wire! {
    /// A reference, and what it is known by.
    #[derive(Eq)]
    pub struct KnownReference {
        pub kind: IdentifierKind,
        /// Normal form: see [`IdentifierKind`].
        pub value: String,
        pub reference: Reference,
    }
}

impl KnownReference {
    /// Whether a board that shows these identifiers is this one. A default that many boards have is nobody's.
    #[must_use]
    pub fn is_shown_by(&self, shown: &[Identifier]) -> bool {
        shown.iter().any(|one| one.unique && (one.kind, &one.value) == (self.kind, &self.value))
    }
}

wire! {
    /// What a check says of the bench.
    #[derive(Copy, Eq, Hash)]
    pub enum CheckResult {
        /// The golden board passed, or the known-bad one failed for its reason.
        AsExpected,
        /// The bench is not to be trusted.
        NotAsExpected,
        /// A hand or the bench's own fault ended it before it came to anything.
        CutOff,
    }
}

impl CheckResult {
    pub const ALL: [Self; 3] = [Self::AsExpected, Self::NotAsExpected, Self::CutOff];

    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AsExpected => "as_expected",
            Self::NotAsExpected => "not_as_expected",
            Self::CutOff => "cut_off",
        }
    }
}

impl std::str::FromStr for CheckResult {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|result| result.as_str() == text);
        named.ok_or_else(|| format!("no result of a check is called {text:?}"))
    }
}

impl Reference {
    /// What it says of the bench that the check of this board ended so.
    #[must_use]
    pub fn judge(&self, outcome: Outcome, fault: Option<&Fault>) -> CheckResult {
        let is_as_expected = match (self.kind, outcome) {
            (_, outcome) if !outcome.is_finished() => return CheckResult::CutOff,
            (ReferenceKind::Golden, outcome) => outcome == Outcome::Pass,
            (ReferenceKind::KnownBad, outcome) => {
                outcome == Outcome::Fail
                    && fault.zip(self.must_fail).is_some_and(|(fault, must)| must.is(fault))
            }
        };
        if is_as_expected { CheckResult::AsExpected } else { CheckResult::NotAsExpected }
    }

    /// What the slot shows for that; none where the check was cut off, which its own fault says.
    #[must_use]
    pub fn shown(&self, result: CheckResult, fault: Option<&Fault>) -> Option<Fault> {
        match result {
            CheckResult::AsExpected => {
                Some(Fault::new(FaultCode::ReferenceAsExpected).with("name", &self.name))
            }
            CheckResult::NotAsExpected => Some(
                Fault::new(FaultCode::ReferenceNotAsExpected)
                    .with("name", &self.name)
                    .with("expected", self.expected())
                    .with("found", fault.map_or_else(|| Outcome::Pass.as_str().to_owned(), in_words)),
            ),
            CheckResult::CutOff => None,
        }
    }

    fn expected(&self) -> String {
        match (self.kind, self.must_fail) {
            (ReferenceKind::Golden, _) => Outcome::Pass.as_str().to_owned(),
            (ReferenceKind::KnownBad, Some(must)) => in_words(&Fault::new(must.code).at(must.step)),
            (ReferenceKind::KnownBad, None) => Outcome::Fail.as_str().to_owned(),
        }
    }
}

/// The fault by its code, which is the same in every language, with what it is about: `outside_limits, measure, cell_7, 2.214`.
fn in_words(fault: &Fault) -> String {
    let mut words = vec![fault.code.word()];
    words.extend(fault.step.map(|step| step.as_str().to_owned()));
    let about = ["measurement", "register", "request", "found"];
    words.extend(about.iter().filter_map(|name| fault.args.get(*name).cloned()));
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(kind: ReferenceKind, must_fail: Option<MustFail>) -> Reference {
        Reference { name: "R 1".into(), kind, must_fail, profile: None }
    }

    fn low_cell() -> Fault {
        Fault::new(FaultCode::OutsideLimits)
            .at(Step::Measure)
            .with("measurement", "cell_7")
            .with("found", "2.214")
    }

    #[test]
    fn a_golden_board_must_pass() {
        let golden = reference(ReferenceKind::Golden, None);
        assert_eq!(golden.judge(Outcome::Pass, None), CheckResult::AsExpected);
        assert_eq!(golden.judge(Outcome::Fail, Some(&low_cell())), CheckResult::NotAsExpected);
        let shown = golden.shown(CheckResult::NotAsExpected, Some(&low_cell())).unwrap();
        assert_eq!(shown.code, FaultCode::ReferenceNotAsExpected);
        assert_eq!(
            (shown.args["expected"].as_str(), shown.args["found"].as_str()),
            ("pass", "outside_limits, measure, cell_7, 2.214")
        );
    }

    #[test]
    fn a_known_bad_board_must_fail_for_its_reason_in_its_step_and_for_no_other() {
        let bad = reference(ReferenceKind::KnownBad, Some(MustFail::ALL[0]));
        assert_eq!(bad.judge(Outcome::Fail, Some(&low_cell())), CheckResult::AsExpected);
        let elsewhere = low_cell().at(Step::Verify);
        let other = Fault::new(FaultCode::RegisterDoesNotHold).at(Step::Measure);
        let wrong = CheckResult::NotAsExpected;
        assert_eq!(bad.judge(Outcome::Fail, Some(&elsewhere)), wrong);
        assert_eq!(bad.judge(Outcome::Fail, Some(&other)), wrong);
        assert_eq!(bad.judge(Outcome::Fail, None), wrong);
        assert_eq!(bad.judge(Outcome::Pass, None), wrong, "a bench that passes everything");
        let unstated = reference(ReferenceKind::KnownBad, None);
        assert_eq!(
            unstated.judge(Outcome::Fail, Some(&low_cell())),
            wrong,
            "for what it must fail nobody said"
        );
    }

    #[test]
    fn a_check_that_was_cut_off_says_nothing() {
        let ends = [Outcome::Error, Outcome::Aborted, Outcome::Interrupted, Outcome::CollateralAbort];
        for kind in ReferenceKind::ALL {
            let reference = reference(kind, Some(MustFail::ALL[0]));
            for outcome in ends {
                assert_eq!(reference.judge(outcome, Some(&low_cell())), CheckResult::CutOff);
            }
            assert_eq!(reference.shown(CheckResult::CutOff, None), None);
        }
    }
}
