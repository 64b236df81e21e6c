//! A template's text parsed and checked: every fault by file and line.

use super::{
    CodeItem, CodeKind, LabelTemplate,
    fields::{Field, Piece},
    layout::code_takes,
};
use crate::{
    model::is_short_name,
    source::{At, Source},
};
use std::fmt;

/// What is wrong with a template, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelFault {
    pub file: String,
    /// From 1.
    pub line: usize,
    pub reason: String,
}

impl fmt::Display for LabelFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.reason)
    }
}

impl std::error::Error for LabelFault {}

/// Sides of a label and of what stands on it, mm.
const SIDES: (f64, f64) = (5.0, 200.0);
const LARGEST_GAP: f64 = 20.0;
const TEXT_HEIGHTS: (f64, f64) = (1.0, 50.0);
/// Below a fifth of a millimetre a hand scanner reads no code off a thermal label.
const MODULES: (f64, f64) = (0.2, 2.0);
const BAR_HEIGHTS: (f64, f64) = (3.0, 100.0);
/// Items of a label.
const MOST_ITEMS: usize = 100;

/// Parses a template.
///
/// # Errors
/// Every syntax error with its line; else every key that is unknown, missing or of the wrong type, every place outside the label, every
/// text that cannot be filled, and that no code leads back to the unit.
pub fn parse_label_template(file: &str, text: &str) -> Result<LabelTemplate, Vec<LabelFault>> {
    let fault = |line, reason| LabelFault { file: file.to_owned(), line, reason };
    let (template, source) = Source::read::<LabelTemplate>(text)
        .map_err(|faults| faults.into_iter().map(|f| fault(f.line, f.reason)).collect::<Vec<_>>())?;
    let mut faults: Vec<_> = source.faults().iter().map(|f| fault(f.line, f.reason.clone())).collect();
    let mut check = Check { template: &template, source: &source, found: Vec::new() };
    check.head();
    check.texts();
    check.codes();
    check.lines();
    // What was made up bears line 0, or stands in a table that is told of already.
    let found = check.found.into_iter().filter(|(line, _)| *line > 0 && source.is_all_whole());
    faults.extend(found.map(|(line, reason)| fault(line, reason)));
    faults.retain(|fault| fault.line > 0);
    faults.sort_by_key(|fault| fault.line);
    if faults.is_empty() { Ok(template) } else { Err(faults) }
}

struct Check<'a> {
    template: &'a LabelTemplate,
    source: &'a Source<'a>,
    found: Vec<(usize, String)>,
}

impl Check<'_> {
    fn at(&mut self, path: &[At<'_>], reason: String) {
        self.found.push((self.source.line(path), reason));
    }

    fn item(&mut self, list: &str, place: usize, key: &str, reason: String) {
        self.at(&[At::Key(list), At::Index(place), At::Key(key)], reason);
    }

    fn head(&mut self) {
        let template = self.template;
        if !is_short_name(&template.id) {
            self.at(&[At::Key("id")], format!("id {:?} is not of a-z, 0-9 and '-'", template.id));
        }
        if template.revision == 0 {
            self.at(&[At::Key("revision")], "revision counts from 1".to_owned());
        }
        for (key, side) in [("width_mm", template.width_mm), ("height_mm", template.height_mm)] {
            if !is_within(side, SIDES) {
                self.at(&[At::Key(key)], not_within(key, side, SIDES));
            }
        }
        let gaps = (0.0, LARGEST_GAP);
        if !is_within(template.gap_mm, gaps) {
            self.at(&[At::Key("gap_mm")], not_within("gap_mm", template.gap_mm, gaps));
        }
        let items = template.text.len() + template.code.len() + template.line.len();
        if items > MOST_ITEMS {
            self.at(&[At::Key("id")], format!("it has {items} items, of which a label holds {MOST_ITEMS}"));
        }
        let leads_back = |code: &CodeItem| code.text.holds(Field::Serial);
        if !template.code.iter().any(leads_back) {
            let reason = "no code holds {serial}, by which the label is scanned back";
            self.at(&[At::Key("id")], reason.to_owned());
        }
    }

    fn texts(&mut self) {
        for (place, item) in self.template.text.iter().enumerate() {
            if !is_within(item.height_mm, TEXT_HEIGHTS) {
                let reason = not_within("height_mm", item.height_mm, TEXT_HEIGHTS);
                self.item("text", place, "height_mm", reason);
            }
            let width = item.width_mm.unwrap_or(0.1);
            self.inside("text", place, (item.x_mm, item.y_mm), (width, item.height_mm));
        }
    }

    fn codes(&mut self) {
        for (place, item) in self.template.code.iter().enumerate() {
            if !is_within(item.module_mm, MODULES) {
                self.item("code", place, "module_mm", not_within("module_mm", item.module_mm, MODULES));
            }
            match (item.kind, item.height_mm) {
                (CodeKind::Code128, None) => {
                    let reason = "a code_128 says how high its bars are: height_mm";
                    self.item("code", place, "kind", reason.to_owned());
                }
                (CodeKind::Code128, Some(height)) if !is_within(height, BAR_HEIGHTS) => {
                    let reason = not_within("height_mm", height, BAR_HEIGHTS);
                    self.item("code", place, "height_mm", reason);
                }
                (CodeKind::DataMatrix | CodeKind::Qr, Some(_)) => {
                    let reason = "a code of squares is as high as its text makes it: leave height_mm out";
                    self.item("code", place, "height_mm", reason.to_owned());
                }
                _ => {}
            }
            self.inside("code", place, (item.x_mm, item.y_mm), (0.1, item.height_mm.unwrap_or(0.1)));
            self.code_text(place, item);
        }
    }

    fn code_text(&mut self, place: usize, item: &CodeItem) {
        let pieces = &item.text.pieces;
        if pieces.iter().any(|piece| matches!(piece, Piece::Field(Field::ProductZh))) {
            let reason = "a code holds no Chinese: {product_zh} is for texts";
            self.item("code", place, "text", reason.to_owned());
        }
        let is_unfit = |c: &char| !code_takes(*c);
        let literals = pieces.iter().filter_map(|piece| match piece {
            Piece::Literal(literal) => Some(literal),
            Piece::Field(_) => None,
        });
        if let Some(unfit) = literals.flat_map(|literal| literal.chars()).find(is_unfit) {
            self.item("code", place, "text", format!("a code does not hold {unfit:?}"));
        }
        if pieces.windows(2).any(|two| matches!(two, [Piece::Field(_), Piece::Field(_)])) {
            let reason = "two fields of a code need something between them, or nobody knows where one ends";
            self.item("code", place, "text", reason.to_owned());
        }
    }

    fn lines(&mut self) {
        for (place, item) in self.template.line.iter().enumerate() {
            for (key, side) in [("width_mm", item.width_mm), ("height_mm", item.height_mm)] {
                if !is_within(side, (0.1, SIDES.1)) {
                    self.item("line", place, key, not_within(key, side, (0.1, SIDES.1)));
                }
            }
            self.inside("line", place, (item.x_mm, item.y_mm), (item.width_mm, item.height_mm));
        }
    }

    fn inside(&mut self, list: &str, place: usize, (x, y): (f64, f64), (width, height): (f64, f64)) {
        let (across, down) = (self.template.width_mm, self.template.height_mm);
        if !(x >= 0.0 && x + width <= across) {
            let reason = format!("it reaches from {x} to {} mm across a label of {across} mm", x + width);
            self.item(list, place, "x_mm", reason);
        }
        if !(y >= 0.0 && y + height <= down) {
            let reason = format!("it reaches from {y} to {} mm down a label of {down} mm", y + height);
            self.item(list, place, "y_mm", reason);
        }
    }
}

fn is_within(value: f64, (least, most): (f64, f64)) -> bool {
    (least..=most).contains(&value)
}

fn not_within(key: &str, value: f64, (least, most): (f64, f64)) -> String {
    format!("{key} is {value}; it is between {least} and {most}")
}
