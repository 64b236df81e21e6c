//! What the station tells whoever started it: one JSON object a line.

use crate::uplink::{DoubtState, InDoubt};
use chrono::{DateTime, Utc};
use domain::{
    api::bench::BenchOnJig,
    ids::{BatchId, RunId},
    labelling::LabelsOnJig,
    live::StationLive,
    outcome::Outcome,
    record::BirthRecord,
    text::{Fault, Language, fault_next_step, fault_text},
};
use serde::Serialize;
use std::io::Write;
use tokio::sync::mpsc;

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Progress {
    /// All slots as they stand.
    Live { live: Box<StationLive> },
    /// A record is on the disk.
    RunClosed {
        number: u64,
        run_id: RunId,
        slot: u16,
        outcome: Outcome,
        #[serde(skip_serializing_if = "Option::is_none")]
        fault: Option<Fault>,
        #[serde(skip_serializing_if = "Option::is_none")]
        serial: Option<String>,
        /// What the reference is called that was checked.
        #[serde(skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
        batch_id: BatchId,
        at: DateTime<Utc>,
        duration_ms: u64,
        wire_floor_ms: u64,
    },
    /// How the labels of units stand that passed here.
    Labels { labels: Box<LabelsOnJig> },
    /// The bench around the boards, where a file describes it.
    Bench { bench: Box<BenchOnJig> },
    /// Where the operator's page is.
    Page { address: String },
    /// Whether the server answers.
    Server { away: bool },
    /// The server does not accept this record: somebody must look.
    InDoubt {
        number: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        run_id: Option<RunId>,
        state: DoubtState,
        reason: String,
    },
    /// How many records the server holds of this outbox, and how many it does not.
    Uplink { held: u64, unsent: u64 },
}

/// Where lines go; nobody waits for whoever reads them.
pub type ProgressSender = mpsc::UnboundedSender<Progress>;

/// How a line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ProgressForm {
    /// One JSON object a line.
    Json,
    /// A sentence a closed run.
    Plain,
    None,
}

impl Progress {
    /// The line of a closed run.
    #[must_use]
    pub fn closed(number: u64, record: &BirthRecord) -> Self {
        let duration = record.finished_at.signed_duration_since(record.started_at).num_milliseconds();
        Self::RunClosed {
            number,
            run_id: record.run_id,
            slot: record.slot,
            outcome: record.outcome,
            fault: record.fault.clone(),
            serial: record.serial.clone(),
            reference: record.reference.as_ref().map(|reference| reference.name.clone()),
            batch_id: record.batch_id,
            at: record.finished_at,
            duration_ms: u64::try_from(duration).unwrap_or(0),
            wire_floor_ms: record.wire_floor_ms,
        }
    }

    /// The line of a record that the server does not accept.
    #[must_use]
    pub fn in_doubt(doubt: InDoubt) -> Self {
        let InDoubt { number, run_id, state, reason } = doubt;
        Self::InDoubt { number, run_id, state, reason }
    }

    fn line(&self, form: ProgressForm) -> Option<String> {
        match (form, self) {
            (ProgressForm::Plain, Self::Page { address }) => Some(format!("the operator's page: {address}")),
            (ProgressForm::None, _)
            | (
                ProgressForm::Plain,
                Self::Live { .. }
                | Self::Labels { .. }
                | Self::Uplink { .. }
                | Self::Server { .. }
                | Self::Bench { .. },
            ) => None,
            (ProgressForm::Json, _) => serde_json::to_string(self).ok(),
            (ProgressForm::Plain, Self::InDoubt { number, state: DoubtState::Refused, reason, .. }) => {
                Some(format!(
                    "record {number}: the server refuses it ({reason}); it is on this disk alone: keep the journal and ask for help"
                ))
            }
            (ProgressForm::Plain, Self::InDoubt { number, reason, .. }) => {
                Some(format!("record {number}: the server holds it and does not accept it: {reason}"))
            }
            (
                ProgressForm::Plain,
                Self::RunClosed { number, slot, outcome, fault, serial, reference, duration_ms, .. },
            ) => {
                let checked = reference.as_ref().map(|name| format!("check of reference {name}"));
                let board = checked.as_deref().or(serial.as_deref()).unwrap_or("no number");
                let why = fault.as_ref().map(|fault| format!(": {}", describe(fault))).unwrap_or_default();
                Some(format!(
                    "record {number}: slot {slot} {} {board} in {} s{why}",
                    outcome.as_str(),
                    duration_ms / 1000
                ))
            }
        }
    }
}

/// A fault for a log line: what is wrong and what to do about it, as the page says it, with code and step to search by.
#[must_use]
pub fn describe(fault: &Fault) -> String {
    let code =
        serde_json::to_value(fault.code).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
    let step = fault.step.map(|step| format!(" at {}", step.as_str())).unwrap_or_default();
    let (what, next) = (fault_text(Language::En, fault), fault_next_step(Language::En, fault));
    format!("{what} {next} [{code}{step}]")
}

/// Writes lines until every sender is gone. A reader that went away ends nothing: boards matter more. It blocks where the
/// reader stands still (a console with a selection in it, a full pipe), so it has a thread of its own, and the slots go on.
pub fn write_lines(mut lines: mpsc::UnboundedReceiver<Progress>, form: ProgressForm, mut out: impl Write) {
    while let Some(progress) = lines.blocking_recv() {
        if let Some(line) = progress.line(form) {
            let _reader_may_be_gone = writeln!(out, "{line}").and_then(|()| out.flush());
        }
    }
}
