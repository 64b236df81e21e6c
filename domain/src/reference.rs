//! Reference boards: what a jig is told of one, how its check there is recorded, and what came of it for the bench. A reference is never
//! worked: a check only reads.
//!
//! What lives here: kinds, what must come of a check, the verdict on the bench, how long a reference is good for. What never does: how a board
//! is recognised, I/O.

use crate::{
    identifier::{Identifier, IdentifierKind},
    outcome::Outcome,
    step::Step,
    text::{Fault, FaultCode},
};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

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
        /// How long it is good for, as the server said with it; a server of a version before says nothing.
        #[serde(default, skip_serializing_if = "ReferenceLife::is_unbounded_and_unused")]
        pub life: ReferenceLife,
    }
}

wire! {
    /// How long a reference is good for, and how much of that is used up.
    #[derive(Copy, Default, Eq)]
    pub struct ReferenceLife {
        /// The last day (UTC) on which a check with it proves something: its values are to be confirmed by then. None: nobody set one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub due: Option<NaiveDate>,
        /// Checks that it is good for: contacts and connectors wear. None: nobody set a bound.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub most_uses: Option<u32>,
        /// Checks with it so far, at all stations, whatever they came to.
        #[serde(default)]
        pub uses: u32,
    }
}

/// Days before a reference's due date from which pages say that it comes.
pub const NEAR_DAYS: i64 = 14;
/// Of this many uses the last one is near the end of them.
pub const NEAR_USES: u32 = 10;

wire! {
    /// What a check with a reference is worth.
    #[derive(Copy, Eq)]
    pub enum Worth {
        Good,
        /// Good, and due within [`NEAR_DAYS`] days or with one in [`NEAR_USES`] of its uses left.
        NearEnd,
        /// Nothing: nobody confirmed its values in time.
        Overdue,
        /// Nothing: it was used as often as it is good for.
        WornOut,
    }
}

impl Worth {
    /// Whether a check with it says something of a bench.
    #[must_use]
    pub fn proves(self) -> bool {
        matches!(self, Self::Good | Self::NearEnd)
    }
}

impl ReferenceLife {
    /// What a check that begins then is worth; those that are counted came before it.
    #[must_use]
    pub fn worth(&self, at: DateTime<Utc>) -> Worth {
        let today = at.date_naive();
        if self.due.is_some_and(|due| due < today) {
            return Worth::Overdue;
        }
        if self.most_uses.is_some_and(|most| self.uses >= most) {
            return Worth::WornOut;
        }
        let is_due_soon = self.due.is_some_and(|due| due - today <= TimeDelta::days(NEAR_DAYS));
        let is_near = |most: u32| u64::from(most - self.uses) * u64::from(NEAR_USES) <= u64::from(most);
        if is_due_soon || self.most_uses.is_some_and(is_near) { Worth::NearEnd } else { Worth::Good }
    }

    /// As it is where nobody says anything of it.
    #[must_use]
    pub fn is_unbounded_and_unused(&self) -> bool {
        *self == Self::default()
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

    /// What the slot shows for that, of a check that began then; none where it was cut off, which its own fault says.
    #[must_use]
    pub fn shown(&self, result: CheckResult, fault: Option<&Fault>, begun: DateTime<Utc>) -> Option<Fault> {
        match result {
            CheckResult::AsExpected => Some(self.as_expected(begun)),
            CheckResult::NotAsExpected => Some(
                Fault::new(FaultCode::ReferenceNotAsExpected)
                    .with("name", &self.name)
                    .with("expected", self.expected())
                    .with("found", fault.map_or_else(|| Outcome::Pass.as_str().to_owned(), in_words)),
            ),
            CheckResult::CutOff => None,
        }
    }

    /// A bench that is in order, or (where it is past its end) that nobody knows more of than before.
    fn as_expected(&self, begun: DateTime<Utc>) -> Fault {
        let ReferenceLife { due, most_uses, uses } = self.life;
        let fault = match self.life.worth(begun) {
            Worth::Good | Worth::NearEnd => Fault::new(FaultCode::ReferenceAsExpected),
            Worth::Overdue => Fault::new(FaultCode::ReferenceOverdue)
                .with("due", due.map(|due| due.to_string()).unwrap_or_default()),
            Worth::WornOut => Fault::new(FaultCode::ReferenceWornOut)
                .with("uses", uses)
                .with("most", most_uses.unwrap_or_default()),
        };
        fault.with("name", &self.name)
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
        Reference { name: "R 1".into(), kind, must_fail, profile: None, life: ReferenceLife::default() }
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    /// The last second of that day.
    fn at(text: &str) -> DateTime<Utc> {
        day(text).and_hms_opt(23, 59, 59).unwrap().and_utc()
    }

    fn life(due: Option<&str>, most_uses: Option<u32>, uses: u32) -> ReferenceLife {
        ReferenceLife { due: due.map(day), most_uses, uses }
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
        let shown = golden.shown(CheckResult::NotAsExpected, Some(&low_cell()), at("2027-03-31")).unwrap();
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
            assert_eq!(reference.shown(CheckResult::CutOff, None, at("2027-03-31")), None);
        }
    }

    #[test]
    fn a_reference_is_good_through_the_day_on_which_it_is_due_and_two_weeks_before_it_says_so() {
        let due = life(Some("2027-03-31"), None, 7);
        assert_eq!(due.worth(at("2027-03-16")), Worth::Good);
        assert_eq!(due.worth(at("2027-03-17")), Worth::NearEnd);
        assert_eq!(due.worth(at("2027-03-31")), Worth::NearEnd);
        assert_eq!(due.worth(at("2027-04-01")), Worth::Overdue);
        assert_eq!(life(None, None, u32::MAX).worth(at("2027-04-01")), Worth::Good, "nobody set an end");
    }

    #[test]
    fn a_reference_is_good_for_as_many_uses_as_it_was_given_and_says_when_a_tenth_is_left() {
        let on = at("2027-03-31");
        let worth = |most, uses| life(None, Some(most), uses).worth(on);
        assert_eq!((worth(200, 179), worth(200, 180)), (Worth::Good, Worth::NearEnd));
        assert_eq!((worth(200, 199), worth(200, 200)), (Worth::NearEnd, Worth::WornOut));
        assert_eq!((worth(5, 4), worth(5, 5), worth(1, 0)), (Worth::Good, Worth::WornOut, Worth::Good));
        assert_eq!((worth(0, 0), worth(u32::MAX, 0)), (Worth::WornOut, Worth::Good));
        let both = life(Some("2027-03-30"), Some(2), 2);
        assert_eq!(both.worth(on), Worth::Overdue, "what a confirmation cures is said first");
    }

    #[test]
    fn past_its_end_a_reference_blames_a_bench_and_clears_none() {
        let mut golden = reference(ReferenceKind::Golden, None);
        golden.life = life(Some("2027-03-31"), Some(40), 40);
        let shown =
            |golden: &Reference, result, day| golden.shown(result, Some(&low_cell()), at(day)).unwrap();
        let overdue = shown(&golden, CheckResult::AsExpected, "2027-04-01");
        assert_eq!((overdue.code, overdue.args["due"].as_str()), (FaultCode::ReferenceOverdue, "2027-03-31"));
        let worn = shown(&golden, CheckResult::AsExpected, "2027-03-31");
        assert_eq!(
            (worn.code, worn.args["uses"].as_str(), worn.args["most"].as_str()),
            (FaultCode::ReferenceWornOut, "40", "40")
        );
        let blamed = shown(&golden, CheckResult::NotAsExpected, "2027-04-01");
        assert_eq!(blamed.code, FaultCode::ReferenceNotAsExpected);
    }

    #[test]
    fn what_a_server_of_the_version_before_says_of_a_reference_is_read_and_has_no_end() {
        let text = r#"{"name":"R 1","kind":"golden"}"#;
        let read: Reference = serde_json::from_str(text).unwrap();
        assert_eq!(read, reference(ReferenceKind::Golden, None));
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
        let ends = Reference { life: life(Some("2027-03-31"), None, 3), ..read };
        let text = serde_json::to_string(&ends).unwrap();
        assert!(text.ends_with(r#""life":{"due":"2027-03-31","uses":3}}"#), "{text}");
    }
}
