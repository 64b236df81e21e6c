//! First articles: the first boards of a slot wait for somebody's judgement, whenever something is not as it was.

use super::{ShiftBook, SlotKept, Stamp};
use domain::{
    api::operator::{ArticleBoard, ArticleFigure, ArticleOnJig, FloorRefusal},
    floor::{ArticleWhy, FloorAct, FloorEvent},
    ids::{BatchId, ContentHash, RunId, ShiftId},
    record::BirthRecord,
    text::{Fault, FaultCode},
};
use serde::{Deserialize, Serialize};

/// What first boards are the first of. While it stays the same, once accepted is accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArticleKey {
    pub shift_id: Option<ShiftId>,
    pub batch_id: BatchId,
    pub bundle: ContentHash,
    /// How often the slot's fixture was repaired.
    pub repairs: u32,
}

impl ArticleKey {
    /// What is another than `accepted`, the gravest first.
    fn why(&self, accepted: Option<&Self>) -> Option<ArticleWhy> {
        let Some(accepted) = accepted else { return Some(ArticleWhy::ShiftStart) };
        if self.repairs != accepted.repairs {
            Some(ArticleWhy::Repair)
        } else if self.batch_id != accepted.batch_id {
            Some(ArticleWhy::ChangeOver)
        } else if self.bundle != accepted.bundle {
            Some(ArticleWhy::NewBundle)
        } else {
            (self.shift_id != accepted.shift_id).then_some(ArticleWhy::ShiftStart)
        }
    }
}

/// First boards that are not judged yet.
struct Due<'a> {
    why: ArticleWhy,
    wanted: u8,
    made: &'a [ArticleBoard],
}

impl ShiftBook {
    fn article_key(&self, slot: u16) -> Option<ArticleKey> {
        let order = self.order(slot)?;
        Some(ArticleKey {
            shift_id: self.kept.shift.as_ref().map(|shift| shift.shift_id),
            batch_id: order.batch_id,
            bundle: order.bundle.clone(),
            repairs: self.slot(slot).map_or(0, |kept| kept.repairs),
        })
    }

    fn article_due(&self, slot: u16) -> Option<Due<'_>> {
        let wanted = self.order(slot)?.rules.first_article;
        let key = self.article_key(slot)?;
        let kept = self.slot(slot);
        let why = key.why(kept.and_then(|kept| kept.accepted.as_ref())).filter(|_| wanted > 0)?;
        let made = kept.filter(|kept| kept.made_for.as_ref() == Some(&key)).map(|kept| kept.made.as_slice());
        Some(Due { why, wanted, made: made.unwrap_or_default() })
    }

    /// Why the slot begins no board: as many are made as were wanted.
    pub(super) fn article_waits(&self, slot: u16) -> Option<Fault> {
        let due = self.article_due(slot).filter(|due| due.made.len() >= usize::from(due.wanted))?;
        Some(Fault::new(FaultCode::FirstArticleDue).with("boards", due.made.len()))
    }

    pub(super) fn articles(&self) -> Vec<ArticleOnJig> {
        let of = |&slot: &u16| {
            let Due { why, wanted, made } = self.article_due(slot)?;
            Some(ArticleOnJig { slot, why, wanted, made: u8::try_from(made.len()).unwrap_or(u8::MAX) })
        };
        self.orders.keys().filter_map(of).collect()
    }

    /// The boards that wait to be judged, and why they are wanted.
    #[must_use]
    pub fn article(&self, slot: u16) -> Option<(ArticleWhy, u8, Vec<ArticleBoard>)> {
        let due = self.article_due(slot)?;
        Some((due.why, due.wanted, due.made.to_vec()))
    }

    /// A board that came to its end may be one of the first.
    pub(super) fn count_article(&mut self, record: &BirthRecord) {
        let Some(key) = self.article_key(record.slot) else { return };
        // A board that was begun before a change-over is none of what follows it.
        let is_its = key.batch_id == record.batch_id && key.bundle == record.bundle.hash;
        if !is_its || self.article_due(record.slot).is_none() {
            return;
        }
        let kept = self.slot_mut(record.slot);
        if kept.made_for.as_ref() != Some(&key) {
            (kept.made_for, kept.made) = (Some(key), Vec::new());
        }
        kept.made.push(board(record));
    }

    /// Quality or a delegated lead says what the first boards are worth. `runs`: those on the sheet that he saw.
    ///
    /// # Errors
    /// He may not, or there are none, or others than he saw; a refusal needs a note.
    pub fn judge_article(
        &mut self,
        stamp: &mut Stamp<'_>,
        slot: u16,
        by: &str,
        accepted: bool,
        note: &str,
        runs: &[RunId],
    ) -> Result<Vec<FloorEvent>, FloorRefusal> {
        let by = self.decider(by)?.username.clone();
        let (Some(key), Some(due)) = (self.article_key(slot), self.article_due(slot)) else {
            return Err(FloorRefusal::NotTheSheet);
        };
        let made: Vec<RunId> = due.made.iter().map(|board| board.run_id).collect();
        if made.is_empty() || made != runs {
            return Err(FloorRefusal::NotTheSheet);
        }
        let note = note.trim().to_owned();
        if !accepted && note.is_empty() {
            return Err(FloorRefusal::ReasonMissing);
        }
        let why = due.why;
        let batch_id = key.batch_id;
        let kept: &mut SlotKept = self.slot_mut(slot);
        kept.made.clear();
        if accepted {
            kept.accepted = Some(key);
        }
        Ok(vec![
            self.event(
                stamp,
                FloorAct::ArticleJudged { slot, batch_id, why, accepted, by, note, runs: made },
            ),
        ])
    }

    /// Something of these slots' fixture is another than it was: what they make next are first boards.
    ///
    /// # Errors
    /// Nobody is signed in, nothing is said of it, or there is no such slot.
    pub fn repaired(
        &mut self,
        stamp: &mut Stamp<'_>,
        slots: &[u16],
        note: &str,
    ) -> Result<Vec<FloorEvent>, FloorRefusal> {
        let by = self.signed_in()?;
        if !self.has_slots(slots) {
            return Err(FloorRefusal::NoSlot);
        }
        if note.trim().is_empty() {
            return Err(FloorRefusal::ReasonMissing);
        }
        slots.iter().for_each(|slot| self.slot_mut(*slot).repairs += 1);
        let act = FloorAct::Repaired { slots: slots.to_vec(), by, note: note.trim().to_owned() };
        Ok(vec![self.event(stamp, act)])
    }
}

fn board(record: &BirthRecord) -> ArticleBoard {
    let held = record.parameters.iter().filter(|parameter| parameter.holds).count();
    ArticleBoard {
        run_id: record.run_id,
        serial: record.serial.clone(),
        outcome: record.outcome,
        fault: record.fault.clone(),
        finished_at: record.finished_at,
        firmware: record.firmware.as_ref().map(|firmware| firmware.version.clone()),
        parameters: record.parameters.len() as u32,
        held: held as u32,
        measurements: record
            .measurements
            .iter()
            .map(|one| ArticleFigure {
                name: one.name.clone(),
                value: one.value,
                unit: one.unit.clone(),
                limit: one.limit,
                passed: one.passed,
            })
            .collect(),
    }
}
