//! The labels of units that passed at this jig: which are due, which slot waits for which, what a scan says, what is printed again.
//! Every change is on disk before it shows. What never lives here: SQL (`journal`), the way to the printer (`printer`).

mod ahead;
mod fields;
pub mod printer;
mod queue;
#[cfg(test)]
mod tests;

use crate::{
    journal::{JournalFault, UnitLabel},
    label_font::LabelFont,
    order::WorkOrder,
    progress::Progress,
    shared::{Shared, SlotInput},
};
use ahead::Ahead;
use chrono::FixedOffset;
use domain::{
    gate::Keeper,
    ids::{BatchId, ContentHash},
    label::ScannedLabel,
    label_template::{
        DrawFault, Glyphs, LabelTemplate, Layout, NoGlyphs, PrinterForm, ReadBack, draw,
        parse_label_template, read_back,
    },
    labelling::{LabelMatch, LabelsOnJig, MOST_SHOWN, PrinterState, Reprint, ReprintReason, UnlabelledUnit},
    live::SlotState,
    outcome::Outcome,
    record::BirthRecord,
    text::{Fault, FaultCode},
};
use std::cell::RefCell;
use tokio::sync::Notify;

/// How labels are drawn here.
#[derive(Debug)]
pub struct Drawing {
    pub form: PrinterForm,
    /// None: there is none, and labels with Chinese can't be printed.
    pub font: Option<LabelFont>,
    /// The site's zone: a label's date is that of its wall.
    pub zone: FixedOffset,
}

impl Drawing {
    fn draw(&self, template: &LabelTemplate, label: &UnitLabel) -> Result<Layout, DrawFault> {
        draw(template, &label.values, self.form, self.glyphs())
    }

    fn glyphs(&self) -> &dyn Glyphs {
        self.font.as_ref().map_or(&NoGlyphs, |font| font)
    }
}

/// What a person asks of the labels, beside what is scanned at a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelWish {
    /// A label that was scanned by hand, of a board that is in no slot any more.
    ByHand(Box<ScannedLabel>),
    /// Once more, please.
    Again { serial: String, reason: ReprintReason },
    /// The slot is to go on; the unit stays unlabelled.
    Later { serial: String },
    /// A label that was printed ahead is no more.
    Destroyed { serial: String },
}

/// A label that was not scanned back yet.
#[derive(Debug)]
struct Due {
    label: UnitLabel,
    template: Option<LabelTemplate>,
    /// Its board was taken out.
    is_out: bool,
    /// What was wrong with its last scan, or why it can't be drawn.
    fault: Option<Fault>,
}

impl Due {
    fn new(label: UnitLabel) -> Self {
        // It was checked when it was released; a journal from elsewhere shows that it can't be drawn.
        let template = parse_label_template(&label.template, &label.template_toml).ok();
        Self { label, template, is_out: false, fault: None }
    }

    fn waits(&self) -> bool {
        self.label.prints < self.label.wanted
    }

    /// What its slot shows; none: it was printed ahead, and no slot waits for it.
    fn state(&self) -> Option<SlotState> {
        Some(SlotState::Unlabelled {
            run_id: self.label.run_id?,
            board: self.label.serial.clone(),
            printed: !self.waits(),
            fault: self.fault.clone(),
            started_at: self.label.started_at,
            finished_at: self.label.due_at,
        })
    }

    /// Whether a unit passed that has it not yet.
    fn is_of_unit(&self) -> bool {
        self.label.run_id.is_some()
    }

    fn shown(&self) -> UnlabelledUnit {
        UnlabelledUnit {
            serial: self.label.serial.clone(),
            slot: self.label.slot,
            due_at: self.label.due_at,
            prints: self.label.prints,
            waiting: self.waits(),
            reprints: self.label.reprints.len() as u32,
            fault: self.fault.clone(),
        }
    }
}

/// The labels of one station.
pub struct Labels {
    /// None: it has no printer.
    drawing: RefCell<Option<Drawing>>,
    due: RefCell<Vec<Due>>,
    /// For which batches labels are printed ahead.
    ahead: RefCell<Vec<Ahead>>,
    printer: RefCell<PrinterState>,
    by_hand: RefCell<Option<Fault>>,
    /// What was said of an order last: it is asked again and again.
    judged: RefCell<Option<(ContentHash, BatchId, Option<Fault>)>>,
    /// There is something to print.
    pub wanted: Notify,
    /// There is something to tell the server.
    pub changed: Notify,
}

impl Default for Labels {
    fn default() -> Self {
        Self {
            drawing: RefCell::default(),
            due: RefCell::default(),
            ahead: RefCell::default(),
            printer: RefCell::new(PrinterState::Unknown),
            by_hand: RefCell::default(),
            judged: RefCell::default(),
            wanted: Notify::new(),
            changed: Notify::new(),
        }
    }
}

impl Labels {
    pub fn set_up(&self, drawing: Drawing) {
        self.drawing.replace(Some(drawing));
    }

    /// Whether the slot waits for a label.
    pub fn holds(&self, slot: u16) -> bool {
        self.due.borrow().iter().any(|due| due.label.slot == Some(slot))
    }

    /// What a slot shows that waits for a label.
    pub fn shown(&self, slot: u16) -> Option<SlotState> {
        self.due.borrow().iter().find(|due| due.label.slot == Some(slot)).and_then(Due::state)
    }

    /// Why the labels of an order can't be printed here; none: they can, or it has none.
    pub fn unprintable(&self, order: &WorkOrder) -> Option<Fault> {
        if order.label_mode.is_none() {
            return None;
        }
        let mut judged = self.judged.borrow_mut();
        if let Some((bundle, batch, fault)) = &*judged
            && (bundle, batch) == (&order.bundle.hash, &order.batch_id)
        {
            return fault.clone();
        }
        let why = self.judge(order).err();
        let fault = why.map(|why| Fault::new(FaultCode::LabelNotPrintable).with("detail", why));
        *judged = Some((order.bundle.hash.clone(), order.batch_id, fault.clone()));
        fault
    }

    fn judge(&self, order: &WorkOrder) -> Result<(), String> {
        let drawing = self.drawing.borrow();
        let drawing = drawing.as_ref().ok_or("station.toml names no label_printer")?;
        let label = order.label.as_ref().ok_or("its bundle has no label")?;
        let values = fields::sample(order, drawing.zone);
        let drawn = draw(&label.template, &values, drawing.form, drawing.glyphs());
        drawn.map(drop).map_err(|fault| format!("{}: {fault}", label.template.id))
    }

    /// For the page; none: this station has nothing to do with labels.
    pub fn on_jig(&self) -> Option<LabelsOnJig> {
        let due = self.due.borrow();
        let has_printer = self.drawing.borrow().is_some();
        let of_units = || due.iter().filter(|due| due.is_of_unit());
        (has_printer || !due.is_empty()).then(|| LabelsOnJig {
            printer: has_printer.then(|| self.printer.borrow().clone()),
            unlabelled: of_units().take(MOST_SHOWN).map(Due::shown).collect(),
            count: of_units().count() as u32,
            ahead: self.shown_ahead(&due),
            fault: self.by_hand.borrow().clone(),
        })
    }

    fn with<T>(&self, serial: &str, act: impl FnOnce(&mut Due) -> T) -> Option<T> {
        self.due.borrow_mut().iter_mut().find(|due| due.label.serial == serial).map(act)
    }
}

impl<S> Shared<S> {
    /// What the journal says of labels; nothing is printed yet.
    ///
    /// # Errors
    /// It can't be read.
    pub fn remember_labels(&self) -> Result<(), JournalFault> {
        for mut label in self.journal.unlabelled()? {
            // A slot that the station had before.
            label.slot = label.slot.filter(|slot| self.slots.contains_key(slot));
            self.hold_for(&label);
            self.labels.due.borrow_mut().push(Due::new(label));
        }
        Ok(())
    }

    /// The label that is due with the pass that a record is; none: nobody prints one for it.
    pub fn label_of(&self, record: &BirthRecord, order: Option<&WorkOrder>) -> Option<UnitLabel> {
        let order = order.filter(|order| !order.label_mode.is_none())?;
        let (released, serial) = (order.label.as_ref()?, record.serial.clone()?);
        if record.outcome_of_unit() != Outcome::Pass {
            return None;
        }
        let known = self.journal.unit_label(&serial).ok().flatten();
        if known.as_ref().is_some_and(|known| known.matched.is_some()) {
            // It sticks on the board already.
            return None;
        }
        let zone = self.labels.drawing.borrow().as_ref().map(|drawing| drawing.zone);
        let (prints, reprints) = known.map_or((0, Vec::new()), |known| (known.prints, known.reprints));
        let matched = ahead::match_of(order, record);
        Some(UnitLabel {
            values: fields::values(order, record, zone.or(FixedOffset::east_opt(0))?),
            serial,
            run_id: Some(record.run_id),
            batch_id: record.batch_id,
            slot: matched.is_none().then_some(record.slot),
            template: ahead::name_of(&released.template),
            template_toml: released.text.clone(),
            started_at: record.started_at,
            due_at: record.finished_at,
            wanted: prints + u32::from(matched.is_none()),
            prints,
            reprints,
            matched,
        })
    }

    /// It is on disk: the slot waits for it, and the printer is told; or it sticks on its board already.
    pub fn label_is_due(&self, label: UnitLabel) {
        self.hold_for(&label);
        let mut due = self.labels.due.borrow_mut();
        due.retain(|known| known.label.serial != label.serial);
        if label.matched.is_none() {
            due.push(Due::new(label));
            self.labels.wanted.notify_one();
        } else {
            self.labels.changed.notify_one();
        }
        drop(due);
        self.tell_labels();
    }

    fn hold_for(&self, label: &UnitLabel) {
        let why = Fault::new(FaultCode::LabelDue).with("serial", &label.serial);
        if let Some(slot) = label.slot {
            self.keep_shut(slot, Keeper::Label, Some(why));
        }
    }

    /// A label is scanned at a slot that waits for one. Whether it is that one.
    pub fn label_scanned(&self, slot: u16, scan: &ScannedLabel) -> bool {
        let found = self.labels.due.borrow().iter().find(|due| due.label.slot == Some(slot)).map(|due| {
            let Due { label, template, .. } = due;
            let said = template.as_ref().map(|template| read_back(template, &label.values, &scan.text));
            (label.serial.clone(), said)
        });
        let Some((serial, Some(said))) = found else { return false };
        let fault = match said {
            ReadBack::Matches => return self.match_label(&serial, scan, Some(slot)),
            ReadBack::AddressOnly => Fault::new(FaultCode::LabelNumberToo),
            ReadBack::Other { found } => Fault::new(FaultCode::LabelOfAnother).with("found", found),
            ReadBack::AddressDiffers { printed, read } => {
                Fault::new(FaultCode::LabelAddressDiffers).with("printed", printed).with("read", read)
            }
        };
        tracing::warn!(slot, serial, scan = scan.text, "another label was scanned than the one that is due");
        self.labels.with(&serial, |due| due.fault = Some(fault.with("serial", &serial)));
        self.tell_labels();
        false
    }

    fn match_label(&self, serial: &str, scan: &ScannedLabel, slot: Option<u16>) -> bool {
        let matched = LabelMatch {
            at: self.now().at,
            by: scan.by.clone(),
            source: scan.source,
            slot,
            code: scan.text.clone(),
        };
        if !self.change_label(serial, |label| label.matched = Some(matched)) {
            return false;
        }
        self.labels.due.borrow_mut().retain(|due| due.label.serial != serial);
        if let Some(slot) = slot {
            self.keep_shut(slot, Keeper::Label, None);
        }
        tracing::info!(serial, slot, "the label is on its board");
        self.tell_labels();
        true
    }

    /// Carries a wish out.
    pub fn wish_for_label(&self, wish: LabelWish) {
        match wish {
            LabelWish::ByHand(scan) => self.label_by_hand(&scan),
            LabelWish::Again { serial, reason } => {
                let reprint = Reprint { reason, at: self.now().at };
                let again = |label: &mut UnitLabel| {
                    label.wanted = label.wanted.max(label.prints) + 1;
                    label.reprints.push(reprint);
                };
                // What waits for the printer comes out anyway.
                let waits = self.labels.with(&serial, |due| due.waits());
                if waits == Some(false) && self.change_label(&serial, again) {
                    self.labels.wanted.notify_one();
                }
            }
            LabelWish::Later { serial } => self.let_go(&serial),
            LabelWish::Destroyed { serial } => self.label_is_destroyed(&serial),
        }
        self.tell_labels();
    }

    fn label_by_hand(&self, scan: &ScannedLabel) {
        let own = self.labels.due.borrow().iter().find_map(|due| {
            let is_own = |template| read_back(template, &due.label.values, &scan.text) == ReadBack::Matches;
            let is_free = due.label.slot.is_none() && due.is_of_unit();
            (is_free && due.template.as_ref().is_some_and(is_own)).then(|| due.label.serial.clone())
        });
        let is_matched = own.is_some_and(|serial| self.match_label(&serial, scan, None));
        let fault = (!is_matched).then(|| Fault::new(FaultCode::LabelNotAwaited).with("found", &scan.text));
        self.labels.by_hand.replace(fault);
    }

    /// The board is out of the slot. A label that can't be printed keeps no slot waiting.
    pub fn board_left(&self, slot: u16) {
        if let Some(due) = self.labels.due.borrow_mut().iter_mut().find(|due| due.label.slot == Some(slot)) {
            due.is_out = true;
        }
        self.let_go_of_unprintable();
    }

    fn let_go_of_unprintable(&self) {
        let is_in_trouble = self.labels.printer.borrow().is_in_trouble();
        let is_stuck = |due: &&Due| {
            let is_undrawn =
                due.fault.as_ref().is_some_and(|fault| fault.code == FaultCode::LabelNotPrintable);
            due.label.slot.is_some() && due.is_out && due.waits() && (is_in_trouble || is_undrawn)
        };
        let stuck: Vec<String> =
            self.labels.due.borrow().iter().filter(is_stuck).map(|due| due.label.serial.clone()).collect();
        for serial in stuck {
            self.let_go(&serial);
        }
    }

    fn let_go(&self, serial: &str) {
        let slot = self.labels.with(serial, |due| due.label.slot).flatten();
        let Some(slot) = slot.filter(|_| self.change_label(serial, |label| label.slot = None)) else {
            return;
        };
        tracing::warn!(slot, serial, "the unit stays unlabelled for now, and its slot goes on");
        self.keep_shut(slot, Keeper::Label, None);
        if let Some(desk) = self.slots.get(&slot) {
            // Whoever else keeps it shut, its lamp is another.
            let _slot_may_have_ended = desk.inputs.send(SlotInput::GateMoved);
        }
        self.tell_labels();
    }

    /// On disk first, then here. False: the disk refuses, or there is no such label.
    fn change_label(&self, serial: &str, change: impl FnOnce(&mut UnitLabel)) -> bool {
        let Some(mut label) = self.labels.with(serial, |due| due.label.clone()) else { return false };
        change(&mut label);
        if let Err(fault) = self.journal.keep_label(&label) {
            tracing::error!(serial, %fault, "what became of a label is not on disk; it is as it was");
            return false;
        }
        self.labels.with(serial, |due| due.label = label);
        self.labels.changed.notify_one();
        true
    }

    /// For page and slots: something is another.
    pub fn tell_labels(&self) {
        if let Some(labels) = self.labels.on_jig() {
            self.tell(Progress::Labels { labels: Box::new(labels) });
        }
        for due in &*self.labels.due.borrow() {
            if let (Some(slot), Some(state)) = (due.label.slot, due.state()) {
                self.show(slot, state);
            }
        }
    }
}
