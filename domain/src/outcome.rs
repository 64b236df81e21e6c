//! How a run ended. A failing board is a value; a broken bench is an error; the two are never mixed.

wire! {
    /// The outcome of a run.
    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    pub enum Outcome {
        /// Every step passed and everything was read afresh after the restart.
        Pass,
        /// The board failed a step.
        Fail,
        /// The bench failed (a port vanished, the journal's disk is full): says nothing about the board.
        Error,
        /// The board was taken out, changed, or the order was withdrawn.
        Aborted,
        /// Found open at a start of the station; a later run on the same identity resumes it.
        Interrupted,
        /// The fixture failed in mid-run (its load, its supply, its line): the board did nothing wrong and nothing was learnt of it. Out
        /// of the yield, counted as lost time.
        CollateralAbort,
    }
}

impl Outcome {
    /// The outcomes, in the order tables show them.
    pub const ALL: [Self; 6] =
        [Self::Pass, Self::Fail, Self::Error, Self::Aborted, Self::Interrupted, Self::CollateralAbort];

    /// Whether a run that ended so counts as a finished run of its board: one that was cut off, or that bench, fixture or a hand ended,
    /// says nothing of the board, and is in no yield.
    #[must_use]
    pub fn is_finished(self) -> bool {
        matches!(self, Self::Pass | Self::Fail)
    }

    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Error => "error",
            Self::Aborted => "aborted",
            Self::Interrupted => "interrupted",
            Self::CollateralAbort => "collateral_abort",
        }
    }
}

impl std::str::FromStr for Outcome {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|outcome| outcome.as_str() == text)
            .ok_or_else(|| format!("no outcome is called {text:?}"))
    }
}
