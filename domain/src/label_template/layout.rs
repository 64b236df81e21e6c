//! A label in a printer's dots: filled, measured, and each text either the printer's to draw or a picture.

use super::{
    CodeItem, CodeKind, Field, LabelTemplate, LabelValues, PrinterForm, PrinterLanguage, TextItem, tspl,
};

/// A label as one printer draws it. Places and sizes are dots.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    pub width_mm: f64,
    pub height_mm: f64,
    pub gap_mm: f64,
    pub width: u32,
    pub height: u32,
    pub marks: Vec<Mark>,
}

/// One thing on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// Printable ASCII, in the printer's own letters.
    Text {
        x: u32,
        y: u32,
        height: u32,
        text: String,
    },
    Picture {
        x: u32,
        y: u32,
        picture: Picture,
    },
    /// `height` of the bars; 0 for a code of squares.
    Code {
        x: u32,
        y: u32,
        kind: CodeKind,
        module: u32,
        height: u32,
        text: String,
    },
    Bar {
        x: u32,
        y: u32,
        width: u32,
        height: u32,
    },
}

/// Dots, row by row, each row in whole bytes, the leftmost dot in the highest bit; a set bit is black.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    width: u32,
    bits: Vec<u8>,
}

impl Picture {
    /// `is_black(x, y)` says it of every dot.
    #[must_use]
    pub fn new(width: u32, height: u32, is_black: impl Fn(u32, u32) -> bool) -> Self {
        let across = width.div_ceil(8);
        let mut bits = Vec::with_capacity((across * height) as usize);
        for y in 0..height {
            for byte in 0..across {
                let set = |bit: &u32| byte * 8 + bit < width && is_black(byte * 8 + bit, y);
                bits.push((0..8).filter(set).fold(0_u8, |sum, bit| sum | 0x80 >> bit));
            }
        }
        Self { width, bits }
    }

    #[must_use]
    pub fn width(&self) -> u32 {
        self.width
    }

    #[must_use]
    pub fn bytes_across(&self) -> u32 {
        self.width.div_ceil(8)
    }

    #[must_use]
    pub fn height(&self) -> u32 {
        (self.bits.len() as u32).checked_div(self.bytes_across()).unwrap_or(0)
    }

    #[must_use]
    pub fn bits(&self) -> &[u8] {
        &self.bits
    }
}

/// Draws text that no printer has letters for.
pub trait Glyphs {
    /// The text in one line, `height` dots high; none: there is no font, or it lacks one of the characters.
    fn picture(&self, text: &str, height: u32) -> Option<Picture>;
}

/// No font at all.
#[derive(Debug, Clone, Copy)]
pub struct NoGlyphs;

impl Glyphs for NoGlyphs {
    fn picture(&self, _text: &str, _height: u32) -> Option<Picture> {
        None
    }
}

/// Why a label can't be drawn.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DrawFault {
    #[error("its {{{}}} is not known", .0.word())]
    NoValue(Field),
    #[error("no font here has every character of {0:?}; name one in label_font")]
    NoGlyph(String),
    #[error("a code does not hold {character:?}, and {text:?} has it")]
    CodeCharacter { text: String, character: char },
    #[error("{text:?} needs {needs_mm:.1} mm and has {has_mm:.1} mm")]
    TooWide { text: String, needs_mm: f64, has_mm: f64 },
    #[error("the code of {text:?} needs {needs_mm:.1} mm down and has {has_mm:.1} mm")]
    TooHigh { text: String, needs_mm: f64, has_mm: f64 },
    #[error("{text:?} has {characters} characters, and a code at most {MOST_IN_CODE}")]
    TooLong { text: String, characters: usize },
}

/// Characters in a code: what the tables below know of.
const MOST_IN_CODE: usize = 100;

/// Whether a code may hold it: printable ASCII, without what one of the printers' languages gives a meaning to inside a field.
pub(super) fn code_takes(c: char) -> bool {
    matches!(c, ' '..='~') && !matches!(c, '^' | '~' | '"' | '\\' | '>')
}

/// Fills and measures a label.
///
/// # Errors
/// The first thing on it that can't be drawn.
pub fn draw(
    template: &LabelTemplate,
    values: &LabelValues,
    printer: PrinterForm,
    glyphs: &dyn Glyphs,
) -> Result<Layout, DrawFault> {
    let pen = Pen { template, values, printer, glyphs };
    let mut marks = Vec::new();
    for item in &template.line {
        let (width, height) = (pen.dots(item.width_mm).max(1), pen.dots(item.height_mm).max(1));
        marks.push(Mark::Bar { x: pen.dots(item.x_mm), y: pen.dots(item.y_mm), width, height });
    }
    for item in &template.text {
        marks.push(pen.text(item)?);
    }
    for item in &template.code {
        marks.push(pen.code(item)?);
    }
    Ok(Layout {
        width_mm: template.width_mm,
        height_mm: template.height_mm,
        gap_mm: template.gap_mm,
        width: pen.dots(template.width_mm),
        height: pen.dots(template.height_mm),
        marks,
    })
}

struct Pen<'a> {
    template: &'a LabelTemplate,
    values: &'a LabelValues,
    printer: PrinterForm,
    glyphs: &'a dyn Glyphs,
}

impl Pen<'_> {
    /// Templates hold 0 to 200 mm.
    fn dots(&self, mm: f64) -> u32 {
        (mm * f64::from(self.printer.dots_per_mm)).round() as u32
    }

    fn mm(&self, dots: u32) -> f64 {
        f64::from(dots) / f64::from(self.printer.dots_per_mm)
    }

    fn text(&self, item: &TextItem) -> Result<Mark, DrawFault> {
        let text = item.text.filled(self.values).map_err(DrawFault::NoValue)?;
        let (x, y, height) = (self.dots(item.x_mm), self.dots(item.y_mm), self.dots(item.height_mm));
        let room = item.width_mm.unwrap_or(self.template.width_mm - item.x_mm);
        let (mark, width) = if is_printers(&text, self.printer.language) {
            let width = match self.printer.language {
                // Font 0 is condensed: its widest capitals apart, a letter takes little more than half its height.
                PrinterLanguage::Zpl => (text.len() as u32 * height * 11).div_ceil(20),
                PrinterLanguage::Tspl => tspl::font(height).width(&text),
            };
            (Mark::Text { x, y, height, text: text.clone() }, width)
        } else {
            let picture =
                self.glyphs.picture(&text, height).ok_or_else(|| DrawFault::NoGlyph(text.clone()))?;
            let width = picture.width();
            (Mark::Picture { x, y, picture }, width)
        };
        let needs_mm = self.mm(width);
        if needs_mm > room { Err(DrawFault::TooWide { text, needs_mm, has_mm: room }) } else { Ok(mark) }
    }

    fn code(&self, item: &CodeItem) -> Result<Mark, DrawFault> {
        let text = item.text.filled(self.values).map_err(DrawFault::NoValue)?;
        if let Some(character) = text.chars().find(|c| !code_takes(*c)) {
            return Err(DrawFault::CodeCharacter { text, character });
        }
        let module = self.dots(item.module_mm).max(1);
        let Some(modules) = modules_across(item.kind, text.len()) else {
            return Err(DrawFault::TooLong { characters: text.len(), text });
        };
        let needs_mm = self.mm(modules * module);
        let (across, down) = (self.template.width_mm - item.x_mm, self.template.height_mm - item.y_mm);
        if needs_mm > across {
            return Err(DrawFault::TooWide { text, needs_mm, has_mm: across });
        }
        if item.kind != CodeKind::Code128 && needs_mm > down {
            return Err(DrawFault::TooHigh { text, needs_mm, has_mm: down });
        }
        let height = self.dots(item.height_mm.unwrap_or(0.0));
        Ok(Mark::Code {
            x: self.dots(item.x_mm),
            y: self.dots(item.y_mm),
            kind: item.kind,
            module,
            height,
            text,
        })
    }
}

/// Whether the printer has letters for it, and its language no other meaning.
fn is_printers(text: &str, language: PrinterLanguage) -> bool {
    let has_meaning = |c| language == PrinterLanguage::Tspl && matches!(c, '"' | '\\');
    text.chars().all(|c| matches!(c, ' '..='~') && !has_meaning(c))
}

/// What a code of so many characters takes at most, its quiet zone aside; none: more than the tables know.
fn modules_across(kind: CodeKind, characters: usize) -> Option<u32> {
    // ISO/IEC 16022, table 7: code words of a square symbol, and its side. A character is one code word at most.
    const DATA_MATRIX: [(usize, u32); 14] = [
        (3, 10),
        (5, 12),
        (8, 14),
        (12, 16),
        (18, 18),
        (22, 20),
        (30, 22),
        (36, 24),
        (44, 26),
        (62, 32),
        (86, 36),
        (114, 40),
        (144, 44),
        (174, 48),
    ];
    // ISO/IEC 18004, table 7: bytes at correction M, by version.
    const QR: [(usize, u32); 6] = [(14, 21), (26, 25), (42, 29), (62, 33), (84, 37), (106, 41)];
    let side =
        |table: &[(usize, u32)]| table.iter().find(|(most, _)| characters <= *most).map(|(_, side)| *side);
    match kind {
        _ if characters > MOST_IN_CODE => None,
        // Start, check and stop beside eleven modules a character: ISO/IEC 15417.
        CodeKind::Code128 => Some(11 * characters as u32 + 35),
        CodeKind::DataMatrix => side(&DATA_MATRIX),
        CodeKind::Qr => side(&QR),
    }
}
