//! A label printer: it understands what it is sent with code of its own, and what it prints is a picture that a test can look at. Pure;
//! `serve` listens.
//!
//! Nothing here is shared with whoever encodes labels: commands are read as the makers' manuals say, and codes are drawn bar by bar, so that
//! a reader of codes that nobody here wrote can read them back.

mod canvas;
mod codes;
mod letters;
pub mod serve;
#[cfg(test)]
mod tests;
mod tspl;
mod zpl;

pub use canvas::Canvas;

use std::collections::VecDeque;

/// What it understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Language {
    Zpl,
    Tspl,
}

/// What is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Troubles {
    pub paper_out: bool,
    pub head_open: bool,
    pub ribbon_out: bool,
    pub paused: bool,
    /// It answers no question about itself, as many do not.
    pub mute: bool,
}

impl Troubles {
    fn stops(self) -> bool {
        self.paper_out || self.head_open || self.ribbon_out || self.paused
    }
}

/// One label, as it came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    pub picture: Canvas,
    /// What stands in its codes.
    pub codes: Vec<String>,
    /// What stands on it in the printer's own letters.
    pub texts: Vec<String>,
    /// What the printer did not understand, or could not draw within the label.
    pub complaints: Vec<String>,
}

/// The printer.
#[derive(Debug)]
pub struct Printer {
    language: Language,
    dots_per_mm: u32,
    pub troubles: Troubles,
    buffer: Vec<u8>,
    /// Understood, and not printed yet.
    waiting: VecDeque<Label>,
    printed: Vec<Label>,
    tspl: tspl::Sheet,
}

impl Printer {
    #[must_use]
    pub fn new(language: Language, dots_per_mm: u32) -> Self {
        Self {
            language,
            dots_per_mm,
            troubles: Troubles::default(),
            buffer: Vec::new(),
            waiting: VecDeque::new(),
            printed: Vec::new(),
            tspl: tspl::Sheet::default(),
        }
    }

    /// Takes bytes as they come, in whatever pieces; gives what it answers.
    pub fn receive(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.buffer.extend_from_slice(bytes);
        let mut answer = Vec::new();
        loop {
            let (used, heard) = match self.language {
                Language::Zpl => zpl::hear(&self.buffer),
                Language::Tspl => tspl::hear(&self.buffer, &mut self.tspl, self.dots_per_mm),
            };
            if used == 0 {
                break;
            }
            self.buffer.drain(..used);
            match heard {
                Heard::Nothing => {}
                Heard::Labels(label, copies) => {
                    self.waiting.extend(std::iter::repeat_n(*label, copies as usize));
                }
                Heard::AsksStatus if self.troubles.mute => {}
                Heard::AsksStatus => answer.extend(self.status()),
            }
        }
        answer
    }

    /// Prints the next label, where nothing is in its way.
    pub fn print_next(&mut self) -> Option<&Label> {
        if self.troubles.stops() {
            return None;
        }
        let label = self.waiting.pop_front()?;
        self.printed.push(label);
        self.printed.last()
    }

    /// All that came out, in order.
    #[must_use]
    pub fn printed(&self) -> &[Label] {
        &self.printed
    }

    /// Labels that it holds and has not printed.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Switched off and on: what waited in it is gone.
    pub fn power_cycle(&mut self) {
        self.buffer.clear();
        self.waiting.clear();
    }

    fn status(&self) -> Vec<u8> {
        let now = self.troubles;
        match self.language {
            Language::Zpl => zpl::status(now, self.waiting.len()),
            Language::Tspl => vec![tspl::status(now, self.waiting.len())],
        }
    }
}

/// What the next bytes were.
enum Heard {
    /// Nothing that matters alone.
    Nothing,
    Labels(Box<Label>, u32),
    AsksStatus,
}
