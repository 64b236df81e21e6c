//! Whether what was scanned is the label that was printed for a unit.

use super::{
    LabelTemplate, LabelValues,
    fields::{Field, Piece, Printed},
};
use crate::identifier::normalise_address;

/// What a scan shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadBack {
    /// It is this unit's: its number, and its address where the code holds one.
    Matches,
    /// The code of the address alone, and it is this board's: that of the number is still to be scanned.
    AddressOnly,
    /// Another unit's label, or no label at all.
    Other { found: String },
    /// Its number is right, and the address that is printed beside it is not that of the board in the slot.
    AddressDiffers { printed: String, read: String },
}

/// Holds a scan against the codes of a label that was printed with `values`. What else stands in a code (a date, a batch) may differ: a
/// label that was printed again is the same label.
#[must_use]
pub fn read_back(template: &LabelTemplate, values: &LabelValues, scan: &str) -> ReadBack {
    let own = values.get(Field::Serial).unwrap_or_default();
    let address = values.get(Field::Bluetooth).and_then(normalise_address);
    let mut other = None;
    for item in &template.code {
        let Some(found) = parse(&item.text, scan) else { continue };
        let printed = found.get(Field::Bluetooth).map(|text| (text, normalise_address(text)));
        match (found.get(Field::Serial), printed) {
            (Some(number), None) if number == own => return ReadBack::Matches,
            (Some(number), Some((text, printed))) if number == own => {
                if printed.is_some() && printed == address {
                    return ReadBack::Matches;
                }
                let (printed, read) = (text.to_owned(), address.clone().unwrap_or_default());
                return ReadBack::AddressDiffers { printed, read };
            }
            (None, Some((_, printed))) if printed.is_some() && printed == address => {
                return ReadBack::AddressOnly;
            }
            (Some(number), _) => other = other.or_else(|| Some(number.to_owned())),
            (None, _) => {}
        }
    }
    ReadBack::Other { found: other.unwrap_or_else(|| scan.to_owned()) }
}

/// What stands at the places of a code; none: it is no such code.
fn parse(code: &Printed, scan: &str) -> Option<LabelValues> {
    let (mut values, mut rest) = (LabelValues::default(), scan);
    for (place, piece) in code.pieces.iter().enumerate() {
        match piece {
            Piece::Literal(literal) => rest = rest.strip_prefix(literal.as_str())?,
            Piece::Field(field) => {
                // No two fields stand side by side.
                let end = match code.pieces.get(place + 1) {
                    Some(Piece::Literal(next)) => rest.find(next.as_str())?,
                    _ => rest.len(),
                };
                let (text, behind) = rest.split_at(end);
                (values, rest) = (values.with(*field, text), behind);
            }
        }
    }
    rest.is_empty().then_some(values)
}
