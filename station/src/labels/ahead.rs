//! Labels that are printed before their boards are worked: as many as the slots are about to need, each with a number that is lent, and none
//! twice. A label becomes its board's where it is scanned at a slot; what is left over is named until somebody destroyed it.

use super::{Due, Labels, Shared, UnitLabel, fields};
use crate::order::WorkOrder;
use domain::{
    ids::BatchId,
    label::NumberSource,
    label_template::{Field, LabelTemplate},
    labelling::{LabelAhead, LabelMatch, LabelMode, MOST_SHOWN},
    record::BirthRecord,
};
use std::sync::Arc;

/// Labels in hand for each slot: one that is stuck on while the other is printed.
const FOR_EACH_SLOT: u32 = 2;

/// A batch for which labels are printed ahead.
#[derive(Debug)]
pub(super) struct Ahead {
    order: Arc<WorkOrder>,
    slots: u32,
}

impl Labels {
    pub(super) fn shown_ahead(&self, due: &[Due]) -> Vec<LabelAhead> {
        let worked: Vec<BatchId> = self.ahead.borrow().iter().map(|ahead| ahead.order.batch_id).collect();
        let ahead = due.iter().filter(|due| !due.is_of_unit()).take(MOST_SHOWN);
        ahead
            .map(|due| LabelAhead {
                serial: due.label.serial.clone(),
                batch: due.label.values.get(Field::Batch).unwrap_or_default().to_owned(),
                prints: due.label.prints,
                waiting: due.waits(),
                left_over: !worked.contains(&due.label.batch_id),
            })
            .collect()
    }
}

impl<S> Shared<S> {
    /// The slots work these orders now, each so many of them: labels come out for those that want them ahead.
    pub fn print_ahead(&self, orders: &[(Arc<WorkOrder>, u32)]) {
        let wanting = orders.iter().filter(|(order, _)| order.number_source() == NumberSource::Printed);
        let ahead = wanting.map(|(order, slots)| Ahead { order: Arc::clone(order), slots: *slots }).collect();
        let before = self.labels.ahead.replace(ahead);
        let batches = |all: &[Ahead]| all.iter().map(|one| one.order.batch_id).collect::<Vec<_>>();
        if batches(&before) != batches(&self.labels.ahead.borrow()) {
            self.tell_labels();
        }
        self.refill_ahead();
    }

    fn refill_ahead(&self) {
        let fresh: Vec<UnitLabel> =
            self.labels.ahead.borrow().iter().flat_map(|ahead| self.missing_ahead(ahead)).collect();
        if fresh.is_empty() {
            return;
        }
        for label in fresh {
            if let Err(fault) = self.journal.keep_label(&label) {
                tracing::error!(serial = label.serial, %fault, "a label that is to be printed ahead is not on disk");
                return;
            }
            self.labels.due.borrow_mut().push(Due::new(label));
        }
        self.labels.wanted.notify_one();
        self.tell_labels();
    }

    /// Labels of the batch that are to come out now, each with a number that stands on none.
    fn missing_ahead(&self, Ahead { order, slots }: &Ahead) -> Vec<UnitLabel> {
        // What no board is begun for now needs no label yet; those that are there stay its own.
        if order.held().is_some() || self.not_here(order).is_some() {
            return Vec::new();
        }
        let is_in_hand = |due: &&Due| !due.is_of_unit() && due.label.batch_id == order.batch_id;
        let in_hand = self.labels.due.borrow().iter().filter(is_in_hand).count() as u32;
        // A board that has its label has its share, too: what is free is for boards that have none.
        let shares = match self.journal.share(order.batch_id) {
            Ok(share) => u32::try_from(share.free()).unwrap_or(u32::MAX),
            Err(fault) => {
                tracing::error!(%fault, "no labels are printed ahead: what is left of the batch can't be read");
                return Vec::new();
            }
        };
        let missing = slots.saturating_mul(FOR_EACH_SLOT).min(shares).saturating_sub(in_hand);
        if missing == 0 {
            return Vec::new();
        }
        match self.journal.numbers_without_label(order.batch_id, missing) {
            Ok(serials) => serials.into_iter().filter_map(|serial| self.label_ahead(order, serial)).collect(),
            Err(fault) => {
                tracing::error!(%fault, "no labels are printed ahead: the numbers can't be read");
                Vec::new()
            }
        }
    }

    fn label_ahead(&self, order: &WorkOrder, serial: String) -> Option<UnitLabel> {
        let released = order.label.as_ref()?;
        let zone = self.labels.drawing.borrow().as_ref()?.zone;
        let now = self.now().at;
        Some(UnitLabel {
            values: fields::ahead(order, &serial, now, zone),
            serial,
            run_id: None,
            batch_id: order.batch_id,
            slot: None,
            template: name_of(&released.template),
            template_toml: released.text.clone(),
            started_at: now,
            due_at: now,
            wanted: 1,
            prints: 0,
            reprints: Vec::new(),
            matched: None,
        })
    }

    /// It was scanned and is a board's: another one comes out.
    pub fn label_is_on_board(&self, serial: &str) {
        let mut due = self.labels.due.borrow_mut();
        let before = due.len();
        due.retain(|due| due.is_of_unit() || due.label.serial != serial);
        let was_ahead = due.len() < before;
        drop(due);
        if was_ahead {
            self.refill_ahead();
            self.tell_labels();
        }
    }

    pub(super) fn label_is_destroyed(&self, serial: &str) {
        if self.labels.with(serial, |due| due.is_of_unit()) != Some(false) {
            return;
        }
        if let Err(fault) = self.journal.give_up_label(serial) {
            tracing::error!(serial, %fault, "that a label was destroyed is not on disk; it counts as there");
            return;
        }
        tracing::info!(serial, "a label that was printed ahead is destroyed; no board gets its number here");
        self.labels.due.borrow_mut().retain(|due| due.label.serial != serial);
        self.refill_ahead();
    }
}

/// As records and pages name a template: `unit-50x25 r1`.
pub(super) fn name_of(template: &LabelTemplate) -> String {
    format!("{} r{}", template.id, template.revision)
}

/// Of a unit whose label was scanned before it was worked: it sticks on its board.
pub(super) fn match_of(order: &WorkOrder, record: &BirthRecord) -> Option<LabelMatch> {
    let label = record.label.as_ref().filter(|_| order.label_mode == LabelMode::Before)?;
    Some(LabelMatch {
        at: record.started_at,
        by: label.by.clone(),
        source: label.source,
        slot: Some(record.slot),
        code: label.text.clone(),
    })
}
