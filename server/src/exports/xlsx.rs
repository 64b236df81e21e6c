//! XLSX with typed cells: identifiers are text, numbers are numbers, times are times.

use super::{COLUMNS, Cell, cells};
use domain::api::units::UnitRow;
use rust_xlsxwriter::{Format, Workbook, XlsxError};

/// Rows of a sheet, the header among them.
const ROWS: u32 = 1_048_576;

/// Why there is no workbook.
#[derive(Debug, thiserror::Error)]
pub enum XlsxFault {
    #[error("more than {} units; narrow the filter or take the CSV", ROWS - 1)]
    TooManyRows,
    #[error("the workbook can't be written")]
    Writer(#[from] XlsxError),
}

/// Builds the workbook from rows as they come.
///
/// # Errors
/// More rows than a sheet holds, or what the writer says.
pub fn workbook(rows: impl Iterator<Item = UnitRow>) -> Result<Vec<u8>, XlsxFault> {
    let mut workbook = Workbook::new();
    let bold = Format::new().set_bold();
    // `@` keeps a text a text when somebody edits the cell.
    let text_format = Format::new().set_num_format("@");
    let time_format = Format::new().set_num_format("yyyy-mm-dd hh:mm:ss");
    let sheet = workbook.add_worksheet();
    sheet.set_name("units")?.set_freeze_panes(1, 0)?;
    for (column, name) in COLUMNS.iter().enumerate() {
        sheet.set_column_width(column as u16, 20)?.write_string_with_format(
            0,
            column as u16,
            *name,
            &bold,
        )?;
    }
    let mut last = 0;
    for unit in rows {
        last += 1;
        if last >= ROWS {
            return Err(XlsxFault::TooManyRows);
        }
        for (column, cell) in cells(unit).into_iter().enumerate() {
            let column = column as u16;
            match cell {
                Cell::Text(text) => sheet.write_string_with_format(last, column, text, &text_format)?,
                Cell::Number(number) => sheet.write_number(last, column, number)?,
                Cell::Time(at) => {
                    // A sheet knows milliseconds and no zone: the column's name says UTC.
                    sheet.write_datetime_with_format(last, column, at.naive_utc(), &time_format)?
                }
                Cell::Empty => sheet,
            };
        }
    }
    sheet.autofilter(0, 0, last, COLUMNS.len() as u16 - 1)?;
    Ok(workbook.save_to_buffer()?)
}
