//! A customer's own numbers: one a line, or the first column of a CSV file. Taken as a whole or not at all; every fault is named at
//! once, by its line.

use crate::serial_number::has_check_character;
use std::collections::HashMap;

/// Characters of a number: what labels and boards' fields take.
pub const LONGEST_NUMBER: usize = 32;
/// Numbers of a list.
pub const LONGEST_LIST: usize = 100_000;

/// What a list's numbers end with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListCheck {
    None,
    /// ISO 7064 MOD 37,36, as `{check}` of a pattern.
    Iso7064,
}

/// What is wrong with one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListFault {
    /// From 1; 0: the list as a whole.
    pub line: usize,
    pub what: ListProblem,
}

/// Why a line is no number of the list. [`crate::text::list_problem_text`] says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListProblem {
    Character {
        number: String,
        character: char,
    },
    Long {
        number: String,
        found: usize,
    },
    /// It does not end with its check character.
    Check {
        number: String,
    },
    Twice {
        number: String,
        first: usize,
    },
    /// It is on a board, at a station or on another list.
    Known {
        number: String,
    },
    TooMany {
        found: usize,
    },
    TooFew {
        found: usize,
        wanted: usize,
    },
}

/// Whether a number may hold it.
#[must_use]
pub fn is_number_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/')
}

/// The numbers in their order, each with its line.
///
/// # Errors
/// Every line that is none, or none of its own.
pub fn parse_number_list(text: &str, check: ListCheck) -> Result<Vec<(usize, String)>, Vec<ListFault>> {
    let mut faults = Vec::new();
    let mut seen: HashMap<&str, usize> = HashMap::new();
    let mut numbers = Vec::new();
    // Excel puts a byte order mark before everything.
    for (at, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let number = first_column(line);
        if number.is_empty() || at == 0 && is_heading(number) {
            continue;
        }
        let mut fault = |what: ListProblem| faults.push(ListFault { line: at + 1, what });
        if let Some(character) = number.chars().find(|c| !is_number_character(*c)) {
            fault(ListProblem::Character { number: number.to_owned(), character });
        } else if number.len() > LONGEST_NUMBER {
            fault(ListProblem::Long { number: number.to_owned(), found: number.len() });
        } else if check == ListCheck::Iso7064 && !has_check_character(number) {
            fault(ListProblem::Check { number: number.to_owned() });
        } else if let Some(first) = seen.insert(number, at + 1) {
            fault(ListProblem::Twice { number: number.to_owned(), first });
        } else {
            numbers.push((at + 1, number.to_owned()));
        }
    }
    if numbers.len() > LONGEST_LIST {
        faults.push(ListFault { line: 0, what: ListProblem::TooMany { found: numbers.len() } });
    }
    if faults.is_empty() { Ok(numbers) } else { Err(faults) }
}

fn first_column(line: &str) -> &str {
    let first = line.split([',', ';', '\t']).next().unwrap_or_default();
    first.trim().trim_matches('"').trim()
}

fn is_heading(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    matches!(
        text.as_str(),
        "serial" | "serial number" | "serial_number" | "sn" | "s/n" | "number" | "序列号" | "编号"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(text: &str) -> Vec<String> {
        parse_number_list(text, ListCheck::None).unwrap().into_iter().map(|(_, number)| number).collect()
    }

    #[test]
    fn a_list_is_one_a_line_or_the_first_column_with_a_heading_or_without() {
        assert_eq!(numbers("A1\nA2\r\n\nA3\n"), ["A1", "A2", "A3"]);
        assert_eq!(numbers("\u{feff}Serial number;model\n\"A-1\";x\nA-2 ;y"), ["A-1", "A-2"]);
        assert_eq!(numbers("序列号,备注\nA1,好\n"), ["A1"]);
        assert_eq!(numbers(""), Vec::<String>::new());
    }

    #[test]
    fn every_fault_is_named_by_its_line_and_nothing_is_taken() {
        let long = "X".repeat(33);
        let faults =
            parse_number_list(&format!("A1\nA 2\nA1\n{long}\nA3\nserial"), ListCheck::None).unwrap_err();
        let lines: Vec<_> = faults.iter().map(|fault| fault.line).collect();
        assert_eq!(lines, [2, 3, 4]);
        assert_eq!(faults[1].what, ListProblem::Twice { number: "A1".to_owned(), first: 1 });
    }

    #[test]
    fn a_wrong_check_character_is_found_where_numbers_have_one() {
        // The Global Release Identifier's own example (GRid standard).
        let list = "A12425GABC1234002M\nA12425GABC1234003M";
        assert_eq!(parse_number_list(list, ListCheck::None).unwrap().len(), 2);
        let faults = parse_number_list(list, ListCheck::Iso7064).unwrap_err();
        assert_eq!((faults.len(), faults[0].line), (1, 2));
    }
}
