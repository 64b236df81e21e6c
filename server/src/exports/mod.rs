//! Exports: exactly what is filtered, all pages, as CSV for programs and as XLSX for people. What lives here: columns and
//! cells. What never does: the question (that is `db::units`, the same as the list's).

pub mod csv;
pub mod xlsx;

use chrono::{DateTime, Utc};
use domain::{api::units::UnitRow, lease::LeaseSync};

/// A typed cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Identifiers are texts, whatever their characters look like.
    Text(String),
    Number(f64),
    /// UTC.
    Time(DateTime<Utc>),
    Empty,
}

/// The columns, in order.
pub const COLUMNS: [&str; 16] = [
    "serial",
    "machine_code",
    "bluetooth_address",
    "bluetooth_name",
    "batch",
    "outcome",
    "marginal",
    "fault",
    "fault_step",
    "firmware_version",
    "bundle",
    "addresses",
    "station",
    "slot",
    "finished_at_utc",
    "lease",
];

/// A unit's cells, one a column.
#[must_use]
pub fn cells(row: UnitRow) -> [Cell; 16] {
    let text = |text: Option<String>| text.map_or(Cell::Empty, Cell::Text);
    let code = row.fault.as_ref().and_then(|fault| serde_json::to_value(fault.code).ok());
    let step = row.fault.as_ref().and_then(|fault| fault.step).map(|step| step.as_str().to_owned());
    [
        text(row.serial),
        text(row.machine_code),
        text(row.bluetooth_address),
        text(row.bluetooth_name),
        Cell::Text(row.batch_name),
        Cell::Text(row.outcome.as_str().to_owned()),
        Cell::Number(f64::from(row.marginal)),
        text(code.and_then(|code| code.as_str().map(ToOwned::to_owned))),
        text(step),
        Cell::Text(row.firmware_version),
        Cell::Text(row.bundle_label),
        // Not left empty where they are known: a column that is cut off must not read like one that is clean.
        Cell::Text(if row.assumed { "assumed" } else { "known" }.to_owned()),
        Cell::Text(row.station_name),
        Cell::Number(f64::from(row.slot)),
        Cell::Time(row.finished_at),
        Cell::Text(
            match row.lease {
                LeaseSync::OnTheBoard => "on_the_board",
                LeaseSync::NotYetOnTheBoard => "not_yet_on_the_board",
                LeaseSync::Unknown => "unknown",
            }
            .to_owned(),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::outcome::Outcome;

    #[test]
    fn a_row_says_whether_its_addresses_are_known_or_assumed() {
        let at = COLUMNS.iter().position(|column| *column == "addresses").unwrap();
        for (assumed, word) in [(true, "assumed"), (false, "known")] {
            let row = UnitRow {
                unit_id: uuid::Uuid::nil().into(),
                serial: None,
                machine_code: None,
                bluetooth_address: None,
                bluetooth_name: None,
                batch_id: uuid::Uuid::nil().into(),
                batch_name: "B-1".to_owned(),
                outcome: Outcome::Pass,
                marginal: 0,
                fault: None,
                firmware_version: String::new(),
                bundle_label: "p r1".to_owned(),
                assumed,
                station_name: "jig-1".to_owned(),
                slot: 1,
                finished_at: DateTime::UNIX_EPOCH,
                lease: LeaseSync::Unknown,
            };
            assert_eq!(cells(row)[at], Cell::Text(word.to_owned()));
        }
    }
}
