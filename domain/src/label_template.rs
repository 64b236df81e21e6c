//! A label template: what a label shows and where, in millimetres. A TOML file under `profiles/labels/`, part of a released bundle.
//! What lives here: the template, its checks, its layout in a printer's dots, the two languages that label printers speak, and whether a
//! scan is that label's. What never does: fonts, printers, I/O.

mod check;
mod fields;
mod layout;
mod read_back;
#[cfg(test)]
mod tests;
mod tspl;
mod zpl;

pub use check::{LabelFault, parse_label_template};
pub use fields::{Field, LabelValues, Printed};
pub use layout::{DrawFault, Glyphs, Layout, Mark, NoGlyphs, Picture, draw};
pub use read_back::{ReadBack, read_back};
pub use tspl::{TsplStatus, decode_tspl_status, encode_tspl};
pub use zpl::{ZplStatus, decode_zpl_status, encode_zpl};

use crate::model::Bilingual;
use serde::Deserialize;

/// One revision of a template.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelTemplate {
    /// Short name, `[a-z0-9-]+`.
    pub id: String,
    /// Counts up from 1.
    pub revision: u32,
    pub title: Bilingual,
    /// Of the label itself, without its carrier.
    pub width_mm: f64,
    pub height_mm: f64,
    /// Between two labels on the roll; 0 for a roll without gaps.
    #[serde(default)]
    pub gap_mm: f64,
    #[serde(default)]
    pub text: Vec<TextItem>,
    #[serde(default)]
    pub code: Vec<CodeItem>,
    #[serde(default)]
    pub line: Vec<LineItem>,
}

/// A line of text. Places are of the upper left corner, from that of the label.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextItem {
    pub x_mm: f64,
    pub y_mm: f64,
    pub height_mm: f64,
    /// What it may take; up to the label's edge where nothing is said.
    #[serde(default)]
    pub width_mm: Option<f64>,
    pub text: Printed,
}

/// A code for a scanner.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeItem {
    pub kind: CodeKind,
    pub x_mm: f64,
    pub y_mm: f64,
    /// Of the narrowest bar, or of a square.
    pub module_mm: f64,
    /// Of the bars; none for a code of squares.
    #[serde(default)]
    pub height_mm: Option<f64>,
    pub text: Printed,
}

/// A rule, or a bar: filled.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineItem {
    pub x_mm: f64,
    pub y_mm: f64,
    pub width_mm: f64,
    pub height_mm: f64,
}

/// The codes that both languages know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeKind {
    #[serde(rename = "code_128")]
    Code128,
    /// ECC 200, square.
    DataMatrix,
    /// Model 2, error correction M.
    Qr,
}

/// What a label printer understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrinterLanguage {
    /// Zebra's.
    Zpl,
    /// TSC's, and that of many makers after it.
    Tspl,
}

/// The printer that a label is drawn for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrinterForm {
    pub language: PrinterLanguage,
    /// 6, 8, 12 or 24: 152, 203, 300 and 600 dpi.
    pub dots_per_mm: u32,
}

impl LabelTemplate {
    /// Whether `field` stands on it, in text or code.
    #[must_use]
    pub fn shows(&self, field: Field) -> bool {
        let texts = self.text.iter().map(|item| &item.text);
        texts.chain(self.code.iter().map(|item| &item.text)).any(|text| text.holds(field))
    }

    /// Whether one of its codes is the number and nothing else: a label that numbers a board before anything is known of it.
    #[must_use]
    pub fn has_bare_number(&self) -> bool {
        self.code.iter().any(|item| item.text.is_bare(Field::Serial))
    }

    /// Why it cannot be printed before its board was read; none: it can.
    #[must_use]
    pub fn unfit_before(&self) -> Option<String> {
        if let Some(field) = Field::ALL.into_iter().find(|field| field.is_of_board() && self.shows(*field)) {
            return Some(format!(
                "label {} shows {{{}}}, which nobody knows before the board was read",
                self.id,
                field.word()
            ));
        }
        (!self.has_bare_number()).then(|| {
            format!(
                "label {} has no code that is {{serial}} and nothing else, to be scanned to a slot",
                self.id
            )
        })
    }
}
