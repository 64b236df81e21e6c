//! A label printer in this process, and the hand that sticks what comes out of it: on a board that is told apart by its number alone, it
//! sticks the label that bears that number, and scans it.

use chrono::Offset as _;
use domain::{
    ids::RunId,
    label_template::{PrinterForm, PrinterLanguage},
    live::SlotState,
    prompt::AnswerSource,
};
use simulator::printer::{Label, Language, Printer, Troubles};
use station::{
    answer_door::AnswerDoor,
    label_font::LabelFont,
    labels::{
        Drawing,
        printer::{Connecting, Printer as Way, Wire},
    },
    progress::Progress,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream},
    time::sleep,
};

/// How long a label takes to come out.
const LABEL_TAKES: Duration = Duration::from_millis(700);
/// From the printer to the board, to the scanner.
pub const STICKING_TAKES: Duration = Duration::from_secs(4);

/// One printer; it may be copied, and is still one.
#[derive(Debug, Clone)]
pub struct MemoryPrinter {
    state: Arc<Mutex<State>>,
    language: PrinterLanguage,
}

#[derive(Debug)]
struct State {
    printer: Printer,
    is_gone: bool,
}

impl MemoryPrinter {
    #[must_use]
    pub fn new(language: PrinterLanguage) -> Self {
        let spoken = match language {
            PrinterLanguage::Zpl => Language::Zpl,
            PrinterLanguage::Tspl => Language::Tspl,
        };
        let state = State { printer: Printer::new(spoken, 8), is_gone: false };
        Self { state: Arc::new(Mutex::new(state)), language }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a station is set up with.
    #[must_use]
    pub fn set_up(&self) -> (Way, Drawing) {
        let this = self.clone();
        let connect = move || -> Connecting {
            let this = this.clone();
            Box::pin(async move {
                if this.state().is_gone {
                    return Err("connection refused".to_owned());
                }
                let (near, far) = tokio::io::duplex(64 * 1024);
                tokio::spawn(this.serve(far));
                Ok(Box::new(near) as Box<dyn Wire>)
            })
        };
        let form = PrinterForm { language: self.language, dots_per_mm: 8 };
        let zone = chrono::FixedOffset::east_opt(8 * 3600).unwrap_or(chrono::Utc.fix());
        (Way::Stream(Box::new(connect)), Drawing { form, font: LabelFont::find(), zone })
    }

    async fn serve(self, mut stream: DuplexStream) {
        let mut bytes = [0; 4096];
        while let Ok(count) = stream.read(&mut bytes).await {
            if count == 0 || self.state().is_gone {
                return;
            }
            let answer = self.state().printer.receive(&bytes[..count]);
            if stream.write_all(&answer).await.is_err() {
                return;
            }
        }
    }

    /// Prints, for ever.
    pub async fn print(&self) {
        loop {
            sleep(LABEL_TAKES).await;
            self.state().printer.print_next();
        }
    }

    pub fn trouble(&self, troubles: Troubles) {
        self.state().printer.troubles = troubles;
    }

    /// Its plug is pulled, or put back: what waited in it is gone.
    pub fn is_gone(&self, is_gone: bool) {
        let mut state = self.state();
        state.is_gone = is_gone;
        state.printer.power_cycle();
    }

    #[must_use]
    pub fn printed(&self) -> Vec<Label> {
        self.state().printer.printed().to_vec()
    }

    /// The codes of the last label that came out for that number.
    #[must_use]
    pub fn label_of(&self, serial: &str) -> Option<Vec<String>> {
        // Without its picture, which is large.
        let is_its = |label: &&Label| label.codes.iter().any(|code| code == serial);
        self.state().printer.printed().iter().rfind(is_its).map(|label| label.codes.clone())
    }
}

/// One pair of hands at a jig: sticks and scans, one label after the other, as its slots ask for them. Ends with the station.
pub async fn stick_labels(
    door: &AnswerDoor,
    printer: &MemoryPrinter,
    said: &mut tokio::sync::mpsc::UnboundedReceiver<Progress>,
) {
    let mut due: BTreeMap<u16, (RunId, String)> = BTreeMap::new();
    loop {
        while let Ok(progress) = said.try_recv() {
            if let Progress::Live { live } = progress {
                due = live.slots.iter().filter_map(|slot| Some((slot.slot, stuck(&slot.state)?))).collect();
            }
        }
        let next = due.iter().find_map(|(slot, (_, serial))| Some((*slot, printer.label_of(serial)?)));
        if let Some((slot, codes)) = next {
            sleep(STICKING_TAKES).await;
            if let Some(code) = codes.last() {
                let _slot_may_have_ended = door.scan(slot, code, Some("li"), AnswerSource::Page);
            }
            due.remove(&slot);
        }
        sleep(Duration::from_millis(200)).await;
        if said.is_closed() && said.is_empty() {
            return;
        }
    }
}

fn stuck(state: &SlotState) -> Option<(RunId, String)> {
    match state {
        SlotState::Unlabelled { run_id, board, printed: true, .. } => Some((*run_id, board.clone())),
        _ => None,
    }
}
