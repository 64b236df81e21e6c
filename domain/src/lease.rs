//! Leases: what is desired on a page and what a board has reported are two things.

use chrono::{DateTime, Utc};

wire! {
    /// The state in which a board leaves the line.
    #[derive(Copy, Eq, Hash)]
    pub enum BirthLease {
        /// No lock.
        Open,
        /// An assembly allowance: discharges, no term running.
        Armed,
        /// Discharge stopped until a term is set.
        Locked,
    }
}

impl BirthLease {
    /// The word on the wire and the name of the mode register's value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Armed => "armed",
            Self::Locked => "locked",
        }
    }
}

wire! {
    /// A rental lock as it was read on a board.
    #[derive(Copy, Eq)]
    pub struct LeaseReading {
        /// None: the mode register holds no known mode.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub mode: Option<BirthLease>,
        /// The mode register.
        pub raw_mode: u16,
        /// Seconds since 1970-01-01 UTC; none: no term.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub expires_s: Option<u32>,
    }
}

wire! {
    /// What somebody wants on the board.
    #[derive(Eq)]
    pub struct DesiredLease {
        pub mode: BirthLease,
        /// End of the term; none: no term.
        pub expires_at: Option<DateTime<Utc>>,
    }
}

wire! {
    /// What a board was read to hold, and when.
    #[derive(Eq)]
    pub struct ReportedLease {
        pub mode: BirthLease,
        pub expires_at: Option<DateTime<Utc>>,
        pub read_at: DateTime<Utc>,
    }
}

wire! {
    /// How far the desire has come.
    #[derive(Copy, Eq, Hash)]
    pub enum LeaseSync {
        /// Nothing is desired beyond what the board reported.
        OnTheBoard,
        /// Desired, not yet on the board.
        NotYetOnTheBoard,
        /// The board was never read.
        Unknown,
    }
}

/// Compares a desire with a report: only a read-back makes it true.
#[must_use]
pub fn judge_sync(desired: Option<&DesiredLease>, reported: Option<&ReportedLease>) -> LeaseSync {
    match (desired, reported) {
        (None, Some(_)) => LeaseSync::OnTheBoard,
        (None, None) => LeaseSync::Unknown,
        (Some(_), None) => LeaseSync::NotYetOnTheBoard,
        (Some(desired), Some(reported))
            if desired.mode == reported.mode && desired.expires_at == reported.expires_at =>
        {
            LeaseSync::OnTheBoard
        }
        (Some(_), Some(_)) => LeaseSync::NotYetOnTheBoard,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_matching_read_back_puts_a_term_on_the_board() {
        let at = |s| DateTime::from_timestamp(s, 0).unwrap();
        let desired = DesiredLease { mode: BirthLease::Armed, expires_at: Some(at(2_000_000_000)) };
        let mut reported =
            ReportedLease { mode: BirthLease::Locked, expires_at: None, read_at: at(1_900_000_000) };
        assert_eq!(judge_sync(Some(&desired), None), LeaseSync::NotYetOnTheBoard);
        assert_eq!(judge_sync(Some(&desired), Some(&reported)), LeaseSync::NotYetOnTheBoard);
        reported.mode = BirthLease::Armed;
        reported.expires_at = desired.expires_at;
        assert_eq!(judge_sync(Some(&desired), Some(&reported)), LeaseSync::OnTheBoard);
    }
}
