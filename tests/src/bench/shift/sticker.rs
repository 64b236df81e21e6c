//! The hand that labels units, the same that takes boards out: what comes out of the printer is stuck on its board and scanned there; while nothing
//! comes out, boards go on, and their labels are stuck on when there are any.

use crate::memory_printer::MemoryPrinter;
use domain::{
    labelling::{LabelsOnJig, PrinterState},
    live::SlotState,
    prompt::AnswerSource,
};
use simulator::operator::Hands;
use station::{answer_door::AnswerDoor, progress::Progress};
use std::{collections::BTreeMap, time::Duration};
use tokio::{
    sync::mpsc::UnboundedReceiver,
    time::{Instant, sleep},
};

/// How often the hand looks at slots and printer.
const LOOKS: Duration = Duration::from_millis(200);

/// What the hand has.
pub struct Sticker {
    pub door: AnswerDoor,
    pub printer: MemoryPrinter,
    pub hands: Hands,
    /// What it needs for a label.
    pub sticking: Duration,
    /// When the jig began, by whose time the hands are shared out.
    pub begun: Instant,
}

/// What it sees.
#[derive(Default)]
struct Sight {
    /// Slot -> the number whose label it waits for.
    due: BTreeMap<u16, String>,
    labels: Option<LabelsOnJig>,
}

impl Sticker {
    /// Works until the station is gone.
    pub async fn work(self, mut said: UnboundedReceiver<Progress>) {
        let mut sight = Sight::default();
        loop {
            while let Ok(progress) = said.try_recv() {
                sight.see(progress);
            }
            if said.is_closed() {
                return;
            }
            self.look(&mut sight).await;
            sleep(LOOKS).await;
        }
    }

    async fn look(&self, sight: &mut Sight) {
        let codes = |serial: &str| self.printer.label_of(serial)?.pop();
        let in_slot =
            sight.due.iter().find_map(|(slot, serial)| Some((Some(*slot), serial.clone(), codes(serial)?)));
        let loose = || sight.loose().find_map(|serial| Some((None, serial.to_owned(), codes(serial)?)));
        if let Some((slot, serial, code)) = in_slot.or_else(loose) {
            self.take_time().await;
            match slot {
                Some(slot) => {
                    let _slot_may_have_ended = self.door.scan(slot, &code, Some("lin"), AnswerSource::Page);
                }
                None => self.door.scan_by_hand(&code, Some("lin"), AnswerSource::Page),
            }
            sight.done(&serial);
            return;
        }
        if sight.is_printer_in_trouble() {
            // Nobody waits for paper: the board goes on, its label later.
            sight.due.values().for_each(|serial| self.door.label_later(serial));
            sight.due.clear();
        }
    }

    /// One thing at a time is in these hands.
    async fn take_time(&self) {
        let now = self.begun.elapsed();
        let comes = self.hands.take(now, self.sticking);
        sleep((comes + self.sticking).saturating_sub(now)).await;
    }
}

impl Sight {
    fn see(&mut self, progress: Progress) {
        match progress {
            Progress::Live { live } => {
                let due = live.slots.into_iter().filter_map(|slot| match slot.state {
                    SlotState::Unlabelled { board, .. } => Some((slot.slot, board)),
                    _ => None,
                });
                self.due = due.collect();
            }
            Progress::Labels { labels } => self.labels = Some(*labels),
            _ => {}
        }
    }

    /// Units whose boards are in no slot any more.
    fn loose(&self) -> impl Iterator<Item = &str> {
        let units = self.labels.iter().flat_map(|labels| &labels.unlabelled);
        units.filter(|unit| unit.slot.is_none()).map(|unit| unit.serial.as_str())
    }

    fn is_printer_in_trouble(&self) -> bool {
        let printer = self.labels.as_ref().and_then(|labels| labels.printer.as_ref());
        printer.is_some_and(PrinterState::is_in_trouble)
    }

    /// Until the station says otherwise.
    fn done(&mut self, serial: &str) {
        self.due.retain(|_, known| known != serial);
        if let Some(labels) = &mut self.labels {
            labels.unlabelled.retain(|unit| unit.serial != serial);
        }
    }
}
