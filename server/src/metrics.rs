//! Counters for `/metrics`, in the text form that Prometheus reads.

use domain::api::ingest::{IngestResult, IngestState};
use std::{
    fmt::Write as _,
    sync::atomic::{AtomicU64, Ordering},
};

/// What is counted since the start of this process.
#[derive(Debug, Default)]
pub struct Metrics {
    pub requests: AtomicU64,
    pub server_errors: AtomicU64,
    pub sign_ins_refused: AtomicU64,
    stored: AtomicU64,
    duplicate: AtomicU64,
    conflict: AtomicU64,
    quarantined: AtomicU64,
}

impl Metrics {
    /// Counts what became of a request's envelopes.
    pub fn count_ingest(&self, results: &[IngestResult]) {
        for result in results {
            let counter = match result.state {
                IngestState::Stored => &self.stored,
                IngestState::Duplicate => &self.duplicate,
                IngestState::Conflict => &self.conflict,
                IngestState::Quarantined => &self.quarantined,
            };
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// One line a counter.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        let plain = [
            ("jigline_http_requests_total", &self.requests),
            ("jigline_http_server_errors_total", &self.server_errors),
            ("jigline_sign_ins_refused_total", &self.sign_ins_refused),
        ];
        for (name, counter) in plain {
            let _ = writeln!(text, "# TYPE {name} counter\n{name} {}", counter.load(Ordering::Relaxed));
        }
        let _ = writeln!(text, "# TYPE jigline_ingest_envelopes_total counter");
        let states = [
            ("stored", &self.stored),
            ("duplicate", &self.duplicate),
            ("conflict", &self.conflict),
            ("quarantined", &self.quarantined),
        ];
        for (state, counter) in states {
            let value = counter.load(Ordering::Relaxed);
            let _ = writeln!(text, "jigline_ingest_envelopes_total{{state=\"{state}\"}} {value}");
        }
        text
    }
}
