//! CSV (RFC 4180), UTF-8 without a byte order mark: for programs. Texts stand as they are, so a reader that guesses types
//! (Excel, WPS) would turn an address into a number: people take the XLSX, whose cells are typed.

use super::{COLUMNS, Cell, cells};
use domain::api::units::UnitRow;

/// The header line.
#[must_use]
pub fn header() -> Vec<u8> {
    line(COLUMNS.iter().map(|column| (*column).to_owned()))
}

/// One unit's line.
#[must_use]
pub fn row(unit: UnitRow) -> Vec<u8> {
    line(cells(unit).into_iter().map(|cell| match cell {
        Cell::Text(text) => guarded(text),
        Cell::Number(number) => number.to_string(),
        Cell::Time(at) => at.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        Cell::Empty => String::new(),
    }))
}

/// What a spreadsheet would take for a formula gets an apostrophe in front (OWASP, 'CSV injection'); a plain negative number
/// is none.
fn guarded(text: String) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']) && text.parse::<f64>().is_err();
    if formula { format!("'{text}") } else { text }
}

fn line(fields: impl Iterator<Item = String>) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let fields: Vec<String> = fields.collect();
    // A vector takes every byte.
    let _ = writer.write_record(fields);
    writer.into_inner().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_is_disarmed_and_digits_stay_as_they_are() {
        assert_eq!(guarded("=1+1".to_owned()), "'=1+1");
        assert_eq!(guarded("@name".to_owned()), "'@name");
        assert_eq!(guarded("-12.5".to_owned()), "-12.5");
        assert_eq!(guarded("868835400068".to_owned()), "868835400068");
        assert_eq!(line(["a,b".to_owned(), "c\"d".to_owned()].into_iter()), b"\"a,b\",\"c\"\"d\"\r\n");
    }
}
