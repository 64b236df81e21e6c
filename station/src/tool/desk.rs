//! The technician's desk: where results and notes go, whether somebody watches, and where passwords come from.

use super::{
    fault::{ToolFault, ToolResult},
    report::Report,
};
use crate::{board::Secret, clock::Clock};
use domain::model::DeviceModel;
use std::io::{self, Write};

/// Asks the person at the terminal; none: nobody is there.
pub type Prompt<'a> = Box<dyn FnMut(&str) -> io::Result<Option<Secret>> + Send + 'a>;

/// Everything around the tool that is no board.
pub struct Desk<'a> {
    /// Results: text, or one JSON object a line.
    pub out: &'a mut (dyn Write + Send),
    /// Progress and warnings.
    pub notes: &'a mut (dyn Write + Send),
    /// Whether a person watches `out`: the monitor draws there instead of writing line after line.
    pub watched: bool,
    /// Columns and rows of that screen.
    pub size: fn() -> (usize, usize),
    /// Colours are wanted.
    pub colour: bool,
    /// Whether a person watches `notes`: a transfer shows a bar there.
    pub notes_watched: bool,
    /// `JIGLINE_BOARD_PASSWORD`.
    pub board_password: Option<Secret>,
    /// `JIGLINE_BOARD_NEW_PASSWORD`.
    pub new_password: Option<Secret>,
    /// Asks for a password without an echo.
    pub prompt: Prompt<'a>,
    pub clock: Clock,
    /// JSON rather than text.
    pub json: bool,
    /// Results rest on a model of which a part is assumed: every object says so, and a person is told once.
    pub assumed: bool,
}

impl<'a> Desk<'a> {
    /// A desk that nobody sits at: plain text, no screen, nobody to ask.
    #[must_use]
    pub fn unattended(out: &'a mut (dyn Write + Send), notes: &'a mut (dyn Write + Send)) -> Self {
        Self {
            out,
            notes,
            watched: false,
            size: || (100, 40),
            colour: false,
            notes_watched: false,
            board_password: None,
            new_password: None,
            prompt: Box::new(|_| Ok(None)),
            clock: Clock::machine(),
            json: false,
            assumed: false,
        }
    }
}

impl Desk<'_> {
    /// One result.
    pub(super) fn report(&mut self, report: &Report) -> ToolResult {
        if self.json {
            let mut line = serde_json::to_string(report).map_err(io::Error::other)?;
            // Every event is an object with at least its name in it.
            if self.assumed && line.pop() == Some('}') {
                line.push_str(",\"assumed\":true}");
            }
            writeln!(self.out, "{line}")?;
        } else {
            for line in report.lines() {
                writeln!(self.out, "{line}")?;
            }
        }
        Ok(self.out.flush()?)
    }

    /// From now on results are of boards of this model.
    pub(super) fn of_model(&mut self, model: &DeviceModel) {
        if model.has_assumed_parts() && !self.assumed {
            self.assumed = true;
            self.note(format_args!(
                "assumed: a part of model {} is not known; what follows is right of a simulated board, and proves nothing of a real one",
                model.id
            ));
        }
    }

    /// A line beside the results; whoever does not read it changes nothing.
    pub(super) fn note(&mut self, line: impl std::fmt::Display) {
        let _nobody_reads = writeln!(self.notes, "{line}");
    }

    /// Asks without an echo.
    pub(super) fn ask(&mut self, question: &str) -> ToolResult<Secret> {
        (self.prompt)(question)?.ok_or_else(|| {
            ToolFault::refused(
                "no_password",
                "The board is locked and no password was given; set JIGLINE_BOARD_PASSWORD, name a file by --password-file, \
                 or start the tool on a terminal, where it asks.",
            )
        })
    }
}
