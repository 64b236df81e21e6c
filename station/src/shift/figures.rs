//! What a shift made, and what a board's end means for everything else in the book.

use super::{ShiftBook, Stamp};
use domain::{
    api::operator::MOST_FAILS,
    floor::{FloorEvent, ShiftBatch, ShiftFail, ShiftFigures},
    outcome::Outcome,
    record::BirthRecord,
    reference::{CheckResult, ReferenceKind},
};

impl ShiftBook {
    /// A run has come to its end.
    pub fn run_closed(&mut self, stamp: &mut Stamp<'_>, record: &BirthRecord) -> Vec<FloorEvent> {
        if let Some(reference) = &record.reference {
            self.note_check(record);
            let proves = reference.life.worth(record.started_at).proves();
            let at = match reference.judge(record.outcome, record.fault.as_ref()) {
                // Past its end it clears no bench; that it did so before still stands.
                CheckResult::AsExpected if !proves => return Vec::new(),
                CheckResult::AsExpected => Some(record.finished_at),
                // A bench that was in order and is not.
                CheckResult::NotAsExpected => None,
                CheckResult::CutOff => return Vec::new(),
            };
            match reference.kind {
                ReferenceKind::Golden => self.kept.golden_at = at,
                ReferenceKind::KnownBad => self.kept.known_bad_at = at,
            }
            return Vec::new();
        }
        self.count(record);
        if matches!(record.outcome, Outcome::Pass | Outcome::Fail) {
            self.count_article(record);
        }
        self.count_fail(stamp, record).into_iter().collect()
    }

    fn count(&mut self, record: &BirthRecord) {
        let name = self.names.get(&record.batch_id).cloned();
        let figures = &mut self.kept.figures;
        let known = figures.batches.iter().position(|batch| batch.batch_id == record.batch_id);
        let index = known.unwrap_or_else(|| {
            let batch_id = record.batch_id;
            let name = name.unwrap_or_default();
            figures.batches.push(ShiftBatch { batch_id, name, passed: 0, failed: 0, other: 0 });
            figures.batches.len() - 1
        });
        if let Some(batch) = figures.batches.get_mut(index) {
            match record.outcome {
                Outcome::Pass => batch.passed += 1,
                Outcome::Fail => batch.failed += 1,
                Outcome::Error | Outcome::Aborted | Outcome::Interrupted | Outcome::CollateralAbort => {
                    batch.other += 1;
                }
            }
        }
        if record.outcome != Outcome::Pass {
            figures.fails.insert(
                0,
                ShiftFail {
                    run_id: record.run_id,
                    slot: record.slot,
                    board: record.serial.clone(),
                    outcome: record.outcome,
                    step: record.fault.as_ref().and_then(|fault| fault.step),
                    fault: record.fault.clone(),
                    at: record.finished_at,
                },
            );
            figures.fails.truncate(MOST_FAILS);
        }
    }

    /// What was made since the shift began.
    #[must_use]
    pub fn figures(&self) -> &ShiftFigures {
        &self.kept.figures
    }
}
