//! What is to be printed, one label after the other, beside all slots. A label counts as printed once the printer has taken it and, where it
//! speaks of itself, has none left in it. One that was being printed when the program ended is printed again: the one too many is
//! told by its scan.

use super::{
    Shared,
    printer::{Printer, Wire, ask, send},
};
use domain::{
    label_template::{Layout, PrinterLanguage, encode_tspl, encode_zpl},
    labelling::PrinterState,
    text::{Fault, FaultCode},
};
use std::time::Duration;
use tokio::time::sleep;

/// How often a printer is asked that stands still, or prints.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// Labels that a mute printer may have in it: asked again whether it speaks after so many.
const MUTE_FOR: u32 = 20;

/// A label in dots and in whose language, or what is in its way.
type Drawn = Result<(Layout, PrinterLanguage), String>;

impl<S> Shared<S> {
    /// Prints what is wanted, for ever.
    pub async fn keep_printing(&self, printer: Option<Printer>) {
        let Some(printer) = printer else { return std::future::pending().await };
        let mut mute = 0;
        self.tell_labels();
        loop {
            let Some((serial, drawn)) = self.next_to_print() else {
                self.labels.wanted.notified().await;
                continue;
            };
            let (layout, language) = match drawn {
                Ok(drawn) => drawn,
                Err(detail) => {
                    self.cannot_draw(&serial, detail);
                    continue;
                }
            };
            let bytes = match language {
                PrinterLanguage::Zpl => encode_zpl(&layout),
                PrinterLanguage::Tspl => encode_tspl(&layout),
            };
            match self.print(&printer, language, bytes, &mut mute).await {
                Ok(()) => self.is_printed(&serial),
                Err(detail) => {
                    self.printer_is(PrinterState::Away { detail });
                    sleep(ASK_EVERY).await;
                }
            }
        }
    }

    /// The oldest label that is wanted and can be drawn, with its layout or what is in its way.
    fn next_to_print(&self) -> Option<(String, Drawn)> {
        let drawing = self.labels.drawing.borrow();
        let drawing = drawing.as_ref()?;
        let due = self.labels.due.borrow();
        let is_undrawn = |fault: &Fault| fault.code == FaultCode::LabelNotPrintable;
        let next = due.iter().find(|due| due.waits() && !due.fault.as_ref().is_some_and(is_undrawn))?;
        let template = next.template.as_ref().ok_or_else(|| "its template can't be read".to_owned());
        let drawn = template
            .and_then(|template| drawing.draw(template, &next.label).map_err(|fault| fault.to_string()));
        Some((next.label.serial.clone(), drawn.map(|layout| (layout, drawing.form.language))))
    }

    fn cannot_draw(&self, serial: &str, detail: String) {
        tracing::error!(serial, detail, "this unit's label can't be drawn; it stays unlabelled");
        let fault = Fault::new(FaultCode::LabelNotPrintable).with("detail", detail);
        self.labels.with(serial, |due| due.fault = Some(fault));
        self.let_go_of_unprintable();
        self.tell_labels();
    }

    /// Waits until the printer can, sends, and waits until it has.
    async fn print(
        &self,
        printer: &Printer,
        language: PrinterLanguage,
        bytes: Vec<u8>,
        mute: &mut u32,
    ) -> Result<(), String> {
        if !matches!(printer, Printer::Stream(_)) {
            printer.hand_over(bytes).await?;
            self.printer_is(PrinterState::Ready);
            return Ok(());
        }
        let mut wire = printer.connect().await?;
        let speaks = *mute == 0 && self.is_ready(&mut *wire, language).await?;
        *mute = if speaks { 0 } else { mute.checked_sub(1).unwrap_or(MUTE_FOR) };
        self.printer_is(PrinterState::Ready);
        send(&mut *wire, &bytes).await?;
        if speaks {
            self.has_printed(&mut *wire, language).await?;
        }
        self.printer_is(PrinterState::Ready);
        Ok(())
    }

    /// Waits until it can print. False: it says nothing of itself.
    async fn is_ready(&self, wire: &mut dyn Wire, language: PrinterLanguage) -> Result<bool, String> {
        loop {
            match ask(wire, language).await? {
                Some((state, _)) if state.is_in_trouble() => self.printer_is(state),
                Some(_) => return Ok(true),
                None => return Ok(false),
            }
            sleep(ASK_EVERY).await;
        }
    }

    /// Waits until nothing is left in it.
    async fn has_printed(&self, wire: &mut dyn Wire, language: PrinterLanguage) -> Result<(), String> {
        loop {
            match ask(wire, language).await? {
                Some((state, is_in_it)) if is_in_it || state.is_in_trouble() => self.printer_is(state),
                _ => return Ok(()),
            }
            sleep(ASK_EVERY / 4).await;
        }
    }

    fn is_printed(&self, serial: &str) {
        let is_kept = self.change_label(serial, |label| label.prints += 1);
        if !is_kept {
            // The disk refuses: it would be printed again and again. It counts as printed until the program ends.
            self.labels.with(serial, |due| due.label.prints += 1);
        }
        self.tell_labels();
    }

    fn printer_is(&self, state: PrinterState) {
        if *self.labels.printer.borrow() == state {
            return;
        }
        if state.is_in_trouble() {
            tracing::warn!(?state, "the label printer prints nothing now; the slots go on");
        } else {
            tracing::info!(?state, "the label printer");
        }
        self.labels.printer.replace(state);
        self.let_go_of_unprintable();
        self.tell_labels();
    }
}
