//! The line, live: what a slot is doing now. Sent once a second and station, kept nowhere for long.

use crate::{
    ids::{BatchId, OutboxId, RunId, SessionId, StationId},
    model::Bilingual,
    outcome::Outcome,
    step::Step,
    text::Fault,
};
use chrono::{DateTime, Utc};

wire! {
    /// A station's slots and its outbox.
    pub struct StationLive {
        pub station_id: StationId,
        pub station_name: String,
        /// Where all slots work the same.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub batch_id: Option<BatchId>,
        pub at: DateTime<Utc>,
        /// Records on the station's disk that the server has not acknowledged.
        pub unsent_records: u64,
        /// None: a station of a wire version without a check-in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub journal: Option<JournalLive>,
        pub slots: Vec<SlotLive>,
    }
}

wire! {
    /// Who speaks for the station, and how far its journal has come.
    #[derive(Copy, Eq)]
    pub struct JournalLive {
        pub session_id: SessionId,
        pub outbox_id: OutboxId,
        /// Number of the last record closed in that outbox; 0 for none.
        pub closed: u64,
        /// How often the journal file was changed; none of a station of the version before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub changes: Option<u64>,
    }
}

wire! {
    /// One slot.
    pub struct SlotLive {
        /// From 1.
        pub slot: u16,
        /// What its board is worked under, or the next one will be; none where there is no work, and of a station of the version before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub batch_id: Option<BatchId>,
        pub state: SlotState,
    }
}

wire! {
    /// What a slot shows. `since`/`started_at` let the reader count the time.
    #[serde(tag = "kind", try_from = "SlotText")]
    pub enum SlotState {
        /// Put a board in.
        Empty,
        /// A board is being worked.
        Working {
            run_id: RunId,
            step: Step,
            /// Of the whole run, 0 to 100.
            percent: u8,
            /// Of the step where it is known (the image's transfer), 0 to 100.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            step_percent: Option<u8>,
            /// The best name the board has so far: serial, else machine code.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            board: Option<String>,
            /// What a person is asked, where the board waits for one.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            asks: Option<Bilingual>,
            started_at: DateTime<Utc>,
        },
        /// A verdict stands until the board is taken out.
        Done {
            run_id: RunId,
            outcome: Outcome,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            board: Option<String>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            fault: Option<Fault>,
            started_at: DateTime<Utc>,
            finished_at: DateTime<Utc>,
        },
        /// Passed; its label is to be stuck on it and scanned back. The slot begins no board before that.
        Unlabelled {
            run_id: RunId,
            /// Its number.
            board: String,
            /// Whether a printer took all labels that were asked for.
            printed: bool,
            /// What was wrong with the last scan, or why the label can't be printed.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            fault: Option<Fault>,
            started_at: DateTime<Utc>,
            finished_at: DateTime<Utc>,
        },
        /// Recognised and not worked: passed already, another model: take it out.
        Refused {
            fault: Fault,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            board: Option<String>,
        },
        /// The bench has a fault here; the other slots go on.
        Broken { fault: Fault },
    }
}

/// What the hand does next at a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hand<'a> {
    /// Takes the board out and puts the next one in.
    TakeOut,
    /// Takes it out, into the bin of those that failed.
    RedBin,
    /// Sticks that unit's label on it and scans it.
    Stick(&'a str),
    /// What that fault's own next step says.
    Mend(&'a Fault),
}

impl SlotState {
    /// None: nothing that a sentence could say.
    #[must_use]
    pub fn hand(&self) -> Option<Hand<'_>> {
        match self {
            Self::Done { outcome: Outcome::Fail, .. } => Some(Hand::RedBin),
            Self::Done { outcome: Outcome::Pass, .. } | Self::Done { fault: None, .. } => Some(Hand::TakeOut),
            Self::Done { fault: Some(fault), .. } | Self::Refused { fault, .. } | Self::Broken { fault } => {
                Some(Hand::Mend(fault))
            }
            Self::Unlabelled { fault: Some(fault), .. } => Some(Hand::Mend(fault)),
            Self::Unlabelled { board, fault: None, .. } => Some(Hand::Stick(board)),
            Self::Empty | Self::Working { .. } => None,
        }
    }
}

/// A slot's state as it comes: read flat, which takes a page a good deal less code than a state at a time.
#[derive(serde::Deserialize)]
struct SlotText {
    kind: SlotKind,
    run_id: Option<RunId>,
    step: Option<Step>,
    percent: Option<u8>,
    step_percent: Option<u8>,
    board: Option<String>,
    asks: Option<Bilingual>,
    printed: Option<bool>,
    outcome: Option<Outcome>,
    fault: Option<Fault>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum SlotKind {
    Empty,
    Working,
    Done,
    Unlabelled,
    Refused,
    Broken,
}

impl TryFrom<SlotText> for SlotState {
    type Error = &'static str;

    fn try_from(text: SlotText) -> Result<Self, Self::Error> {
        const LACKS: &str = "a slot's state lacks what its kind has";
        let SlotText { board, fault, step_percent, asks, .. } = text;
        Ok(match text.kind {
            SlotKind::Empty => Self::Empty,
            SlotKind::Working => Self::Working {
                run_id: text.run_id.ok_or(LACKS)?,
                step: text.step.ok_or(LACKS)?,
                percent: text.percent.ok_or(LACKS)?,
                step_percent,
                board,
                asks,
                started_at: text.started_at.ok_or(LACKS)?,
            },
            SlotKind::Done => Self::Done {
                run_id: text.run_id.ok_or(LACKS)?,
                outcome: text.outcome.ok_or(LACKS)?,
                board,
                fault,
                started_at: text.started_at.ok_or(LACKS)?,
                finished_at: text.finished_at.ok_or(LACKS)?,
            },
            SlotKind::Unlabelled => Self::Unlabelled {
                run_id: text.run_id.ok_or(LACKS)?,
                board: board.ok_or(LACKS)?,
                printed: text.printed.ok_or(LACKS)?,
                fault,
                started_at: text.started_at.ok_or(LACKS)?,
                finished_at: text.finished_at.ok_or(LACKS)?,
            },
            SlotKind::Refused => Self::Refused { fault: fault.ok_or(LACKS)?, board },
            SlotKind::Broken => Self::Broken { fault: fault.ok_or(LACKS)? },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::FaultCode;
    use uuid::Uuid;

    #[test]
    fn a_hand_is_told_what_it_does_by_the_verdict_and_else_by_the_fault() {
        let (run_id, at) = (RunId(Uuid::nil()), DateTime::UNIX_EPOCH);
        let fault = Fault::new(FaultCode::NoBatch);
        let done = |outcome, fault| SlotState::Done {
            run_id,
            outcome,
            board: None,
            fault,
            started_at: at,
            finished_at: at,
        };
        assert_eq!(done(Outcome::Pass, None).hand(), Some(Hand::TakeOut));
        assert_eq!(done(Outcome::Fail, Some(fault.clone())).hand(), Some(Hand::RedBin));
        assert_eq!(done(Outcome::Error, Some(fault.clone())).hand(), Some(Hand::Mend(&fault)));
        assert_eq!(done(Outcome::Aborted, None).hand(), Some(Hand::TakeOut));
        assert_eq!(SlotState::Broken { fault: fault.clone() }.hand(), Some(Hand::Mend(&fault)));
        assert_eq!(SlotState::Empty.hand(), None);
        let unlabelled = |fault| SlotState::Unlabelled {
            run_id,
            board: "TB1".to_owned(),
            printed: false,
            fault,
            started_at: at,
            finished_at: at,
        };
        assert_eq!(unlabelled(None).hand(), Some(Hand::Stick("TB1")));
        assert_eq!(unlabelled(Some(fault.clone())).hand(), Some(Hand::Mend(&fault)));
    }

    #[test]
    fn a_slots_state_is_read_as_it_is_written_and_lacks_nothing_of_its_kind() {
        let (run_id, at) = (RunId(Uuid::nil()), DateTime::UNIX_EPOCH);
        let fault = || Fault::new(FaultCode::NoBatch).at(Step::Prompt);
        let board = Some("TB1".to_owned());
        let asks = Some(Bilingual { en: "In?".to_owned(), zh: "好？".to_owned() });
        let working = |step_percent, board, asks| SlotState::Working {
            run_id,
            step: Step::Flash,
            percent: 9,
            step_percent,
            board,
            asks,
            started_at: at,
        };
        let (outcome, started_at, finished_at) = (Outcome::Fail, at, at);
        let unlabelled = |fault| SlotState::Unlabelled {
            run_id,
            board: "TB1".to_owned(),
            printed: true,
            fault,
            started_at,
            finished_at,
        };
        for state in [
            SlotState::Empty,
            working(None, None, None),
            working(Some(3), board.clone(), asks),
            SlotState::Done { run_id, outcome, board: None, fault: Some(fault()), started_at, finished_at },
            unlabelled(None),
            unlabelled(Some(fault())),
            SlotState::Refused { fault: fault(), board },
            SlotState::Broken { fault: fault() },
        ] {
            let text = serde_json::to_value(&state).unwrap();
            assert_eq!(serde_json::from_value::<SlotState>(text.clone()).unwrap(), state, "{text}");
            let Some(fields) = text.as_object() else { panic!("{text}") };
            let optional = ["step_percent", "board", "asks"];
            let has_its_fault = matches!(text["kind"].as_str(), Some("done" | "unlabelled"));
            let has_its_board = text["kind"] != "unlabelled";
            let optional = |name: &str| {
                optional.contains(&name) && (name != "board" || has_its_board)
                    || has_its_fault && name == "fault"
            };
            for name in fields.keys().filter(|name| !optional(name)) {
                let mut lacking = fields.clone();
                lacking.remove(name);
                let read = serde_json::from_value::<SlotState>(lacking.into());
                assert!(read.is_err(), "{text} without {name}");
            }
        }
    }
}
