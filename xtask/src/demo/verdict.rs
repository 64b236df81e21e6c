//! Was it right? What the jig knows of every board (it holds them) against what the server says of them. The station is
//! not asked.

use super::api::text_of;
use super::state::Asked;
use super::watch::fault_code;
use super::witness::Board;
use serde_json::Value;
use std::collections::BTreeMap;

/// Everything that is not as it should be, one sentence each; empty when all is right.
///
/// `rows` are the lines of the batch's report: one a unit, or a run that became none.
pub fn judge(boards: &[Board], rows: &[Value], asked: &Asked, image_crc32: u32) -> Vec<String> {
    let mut wrong = Vec::new();
    let passes =
        |code: &str| rows.iter().filter(|row| is_pass(row) && text_of(row, "machine_code") == code).count();
    for board in boards {
        let code = board.machine_code.as_deref().unwrap_or_default();
        let named = format!("board {} ({code}, {})", board.index, board.fault.as_deref().unwrap_or("good"));
        if !board.removed {
            wrong.push(format!("{named} was not taken out of the jig"));
        }
        // Who is refused is neither good nor bad: somebody must look.
        let due = if board.expected == "refused" { "attention" } else { board.expected.as_str() };
        if board.lamp.as_deref() != Some(due) {
            let lamp = board.lamp.as_deref().unwrap_or("no lamp");
            wrong.push(format!("{named} was shown \"{lamp}\" and is expected to \"{}\"", board.expected));
        }
        // A copied identity passes once, with the board that it was copied from.
        let is_copy = board.fault.as_deref() == Some("cloned_identity");
        wrong.extend(match (board.expected.as_str(), passes(code)) {
            ("pass", 1) => judge_passed(board, &named, rows, asked, image_crc32),
            ("pass", 0) => {
                vec![format!("{named} should have passed; the server says: {}", said_of(rows, code))]
            }
            ("pass", many) => vec![format!("{named} has {many} passes on the server, not one")],
            ("fail" | "refused", 0) => Vec::new(),
            ("fail" | "refused", 1) if is_copy => Vec::new(),
            ("fail" | "refused", _) => vec![format!("{named} must never pass, and is shown as passed")],
            (other, _) => vec![format!("{named} is expected to \"{other}\", which the demo does not know")],
        });
    }
    wrong.extend(judge_failures(boards, rows));
    wrong.extend(serials_twice(rows));
    wrong
}

/// The batch's own counts, kept apart from the records by the server, must say what the records say: a record counted twice
/// shows here.
pub fn judge_counts(report: &Value, rows: &[Value]) -> Vec<String> {
    let count = |name: &str| report.pointer(&format!("/batch/progress/{name}")).and_then(Value::as_u64);
    let passes = rows.iter().filter(|row| is_pass(row)).count() as u64;
    let mut wrong = Vec::new();
    for name in ["units_passed", "pass"] {
        if count(name) != Some(passes) {
            let said = count(name).map_or("nothing".to_owned(), |count| count.to_string());
            wrong.push(format!("the server's report shows {passes} passes, its count `{name}` says {said}"));
        }
    }
    wrong
}

/// With which codes a board that was made wrong so may fail; none for one that leaves no record.
fn codes_of(fault: &str) -> &'static [&'static str] {
    match fault {
        "silent" => &["board_silent"],
        // The image in its flash fails the loader's own test, or the board reports another CRC.
        "flipped_flash_byte" => &["application_did_not_start", "firmware_crc_differs", "flash_failed"],
        "cell_out_of_limits" => &["outside_limits"],
        "register_does_not_hold" => &["register_does_not_hold"],
        "wrong_model" => &["wrong_model"],
        _ => &[],
    }
}

/// Every board that must fail has exactly the record that it must have, and no record is about nothing.
fn judge_failures(boards: &[Board], rows: &[Value]) -> Vec<String> {
    let mut wrong = Vec::new();
    // A run that was cut off, and whose board was worked again, stands beside the board's own line only without an identity.
    let broken_off = |row: &Value| {
        text_of(row, "outcome") == "interrupted"
            || text_of(row, "outcome") == "aborted"
                && text_of(row, "machine_code").is_empty()
                && fault_code(row.get("fault")) == "station_stopped"
    };
    let mut failures: Vec<&Value> =
        rows.iter().filter(|row| text_of(row, "outcome") != "pass" && !broken_off(row)).collect();
    for board in boards.iter().filter(|board| board.expected == "fail") {
        let (fault, code) = (board.fault.as_deref().unwrap_or("good"), board.machine_code.as_deref());
        let is_its = |row: &&Value| {
            // A board that shows no identity, or another kind's, is no unit.
            let anonymous = text_of(row, "machine_code").is_empty();
            (anonymous || Some(text_of(row, "machine_code")) == code)
                && text_of(row, "outcome") == "fail"
                && codes_of(fault).contains(&fault_code(row.get("fault")).as_str())
        };
        match failures.iter().position(is_its) {
            Some(place) => drop(failures.swap_remove(place)),
            None => wrong.push(format!(
                "board {} ({}, {fault}) must have a record that failed with {}; the server says: {}",
                board.index,
                code.unwrap_or_default(),
                codes_of(fault).join(" or "),
                said_of(rows, code.unwrap_or_default())
            )),
        }
        if fault == "silent" && rows.iter().any(|row| Some(text_of(row, "machine_code")) == code) {
            wrong.push(format!("board {} never said a byte, and is a unit on the server", board.index));
        }
    }
    wrong.extend(failures.iter().map(|row| {
        let (code, outcome) = (text_of(row, "machine_code"), text_of(row, "outcome"));
        format!(
            "the server holds a record that no board accounts for: {code} {outcome} {}",
            fault_code(row.get("fault"))
        )
    }));
    wrong
}

/// The board itself must hold what its record claims; a witness that says nothing clears nobody.
fn judge_passed(board: &Board, named: &str, rows: &[Value], asked: &Asked, image_crc32: u32) -> Vec<String> {
    let holds = &board.holds;
    let mut wrong = Vec::new();
    let mut unless = |right: bool, what: &str| {
        if !right {
            wrong.push(format!("{named} passed {what}"));
        }
    };
    unless(holds.firmware_crc32 == Some(image_crc32), "with another image in its flash, or nobody looked");
    unless(holds.charge_on == Some(true), "with its charge path off, or nobody looked");
    unless(
        holds.discharge_on == Some(asked.lease != "locked"),
        "with its discharge path as its lease does not say, or nobody looked",
    );
    unless(
        holds.lease_mode.as_deref() == Some(asked.lease.as_str()),
        &format!("with the lease {:?} and not {:?}", holds.lease_mode, asked.lease),
    );
    match &board.kept {
        None => unless(false, "and nobody looked what it keeps"),
        Some(kept) => {
            unless(
                kept.calibrated && kept.current_error_percent.abs() <= asked.current_tolerance_percent,
                &format!("with a current that is {:.2} % off", kept.current_error_percent),
            );
            unless(!asked.values.is_empty(), "and nobody knows with what profile");
            for (name, value) in &asked.values {
                let held = kept.parameters.get(name).map(String::as_str);
                unless(
                    held.is_some_and(|held| is_that(held, value)),
                    &format!("with {name} at {} and not {value}", held.unwrap_or("nothing")),
                );
            }
        }
    }
    unless(holds.password_is_factory == Some(false), "with the factory's password, or nobody looked");
    let own = rows
        .iter()
        .find(|row| is_pass(row) && Some(text_of(row, "machine_code")) == board.machine_code.as_deref());
    let serial = own.map(|row| text_of(row, "serial")).unwrap_or_default();
    let tail = serial.get(serial.len().saturating_sub(5)..).unwrap_or_default();
    let named_so = holds.name.as_deref().is_some_and(|name| !tail.is_empty() && name.ends_with(tail));
    unless(
        named_so,
        &format!("as {serial} and calls itself {:?}", holds.name.as_deref().unwrap_or_default()),
    );
    wrong
}

/// Numbers as numbers, to the last step of any field (the finest has six digits); the rest as the text that it is.
fn is_that(held: &str, asked: &Value) -> bool {
    match asked.as_f64() {
        Some(asked) => held.parse::<f64>().is_ok_and(|held| (held - asked).abs() <= 1e-7 * asked.abs()),
        None => asked.as_str() == Some(held),
    }
}

fn serials_twice(rows: &[Value]) -> Vec<String> {
    let mut owners: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for row in rows.iter().filter(|row| is_pass(row)) {
        owners.entry(text_of(row, "serial")).or_default().push(text_of(row, "machine_code"));
    }
    let twice = owners.iter().filter(|(serial, boards)| serial.is_empty() || boards.len() > 1);
    twice
        .map(|(serial, boards)| match *serial {
            "" => format!("passed without a serial number: {}", boards.join(", ")),
            _ => format!("the serial number {serial} was given to {}", boards.join(" and ")),
        })
        .collect()
}

fn is_pass(row: &Value) -> bool {
    text_of(row, "outcome") == "pass"
}

fn said_of(rows: &[Value], code: &str) -> String {
    let of_it = rows.iter().filter(|row| !code.is_empty() && text_of(row, "machine_code") == code);
    let said: Vec<String> = of_it
        .map(|row| format!("{} {}", text_of(row, "outcome"), fault_code(row.get("fault"))).trim().to_owned())
        .collect();
    if said.is_empty() { "nothing".to_owned() } else { said.join(", ") }
}

/// CRC-32 (IEEE, reflected) as the image carries it; a few lines of our own, so that two programs agree on it.
pub fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & 0u32.wrapping_sub(crc & 1)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::witness::{Holds, Kept};
    use serde_json::json;

    fn board(index: u32, fault: Option<&str>, expected: &str) -> Board {
        Board {
            index,
            fault: fault.map(str::to_owned),
            machine_code: Some(format!("M{index}")),
            expected: expected.to_owned(),
            inserted: true,
            removed: true,
            lamp: Some(if expected == "refused" { "attention" } else { expected }.to_owned()),
            holds: Holds {
                name: Some(format!("TB-0000{index}")),
                firmware_crc32: Some(7),
                lease_mode: Some("armed".to_owned()),
                charge_on: Some(true),
                discharge_on: Some(true),
                password_is_factory: Some(false),
            },
            kept: Some(Kept {
                parameters: [("cell_count", "12"), ("chemistry", "lto")]
                    .map(|(name, held)| (name.to_owned(), held.to_owned()))
                    .into(),
                calibrated: true,
                current_error_percent: 0.4,
            }),
        }
    }

    fn asked() -> Asked {
        Asked {
            values: [("cell_count", json!(12)), ("chemistry", json!("lto"))]
                .map(|(name, value)| (name.to_owned(), value))
                .into(),
            lease: "armed".to_owned(),
            current_tolerance_percent: 1.5,
        }
    }

    /// The serial of board 1 is S00001, as its name ends.
    fn row(code: &str, outcome: &str, serial: &str) -> Value {
        let serial = serial.replace('S', "S0000");
        json!({ "machine_code": code, "outcome": outcome, "serial": serial })
    }

    fn failed(code: Option<&str>, fault: &str) -> Value {
        json!({ "machine_code": code, "outcome": "fail", "fault": { "code": fault } })
    }

    /// A batch with every fault, and what the server must say of it.
    fn whole() -> (Vec<Board>, Vec<Value>) {
        let mut boards = vec![
            board(1, None, "pass"),
            board(2, Some("wrong_model"), "fail"),
            board(3, Some("silent"), "fail"),
            board(4, Some("cell_out_of_limits"), "fail"),
            board(5, Some("cloned_identity"), "refused"),
        ];
        boards[4].machine_code = Some("M1".to_owned());
        let rows = vec![
            row("M1", "pass", "S1"),
            failed(None, "wrong_model"),
            failed(None, "board_silent"),
            failed(Some("M4"), "outside_limits"),
            json!({ "outcome": "interrupted", "fault": { "code": "station_stopped" } }),
        ];
        (boards, rows)
    }

    #[test]
    fn a_batch_as_it_should_be_has_nothing_wrong() {
        let (boards, rows) = whole();
        assert_eq!(judge(&boards, &rows, &asked(), 7), Vec::<String>::new());
    }

    #[test]
    fn every_bad_board_has_its_record_and_the_right_reason() {
        let (boards, rows) = whole();
        for lost in 1..4 {
            let mut rows = rows.clone();
            rows.remove(lost);
            assert_eq!(judge(&boards, &rows, &asked(), 7).len(), 1, "{lost}");
        }
        let mut other = rows.clone();
        other[3] = failed(Some("M4"), "board_silent");
        let wrong = judge(&boards, &other, &asked(), 7);
        assert!(wrong.iter().any(|said| said.contains("outside_limits")), "{wrong:?}");
        // Ctrl-C ended the run of a board that had shown no identity yet; it was worked again.
        let stopped = |code: Option<&str>| {
            let mut row = failed(code, "station_stopped");
            row["outcome"] = "aborted".into();
            row
        };
        let with = |row| rows.iter().cloned().chain([row]).collect::<Vec<_>>();
        assert_eq!(judge(&boards, &with(stopped(None)), &asked(), 7), Vec::<String>::new());
        assert!(judge(&boards, &with(stopped(Some("M1"))), &asked(), 7)[0].contains("no board accounts for"));
        for surplus in
            [failed(None, "board_silent"), failed(None, "identity_in_two_slots"), failed(Some("M1"), "x")]
        {
            let mut rows = rows.clone();
            rows.push(surplus);
            let wrong = judge(&boards, &rows, &asked(), 7);
            assert!(wrong.iter().any(|said| said.contains("no board accounts for")), "{wrong:?}");
        }
        let mut shown = boards.clone();
        shown[4].lamp = Some("fail".to_owned());
        assert!(judge(&shown, &rows, &asked(), 7)[0].contains("was shown"));
    }

    #[test]
    fn a_witness_that_says_nothing_clears_nobody() {
        let (mut boards, rows) = whole();
        boards[0].holds = Holds::default();
        boards[0].kept = None;
        assert_eq!(judge(&boards, &rows, &asked(), 7).len(), 7);
        boards[0].kept = board(1, None, "pass").kept;
        boards[0].holds = Holds { name: Some("TB-00009".to_owned()), ..board(1, None, "pass").holds };
        assert!(judge(&boards, &rows, &asked(), 7)[0].contains("calls itself"));
    }

    #[test]
    fn a_false_pass_is_found() {
        let wrong =
            judge(&[board(1, Some("cell_out_of_limits"), "fail")], &[row("M1", "pass", "S1")], &asked(), 7);
        assert!(wrong[0].contains("must never pass"), "{wrong:?}");
    }

    #[test]
    fn a_false_lamp_is_found() {
        let mut bad = board(1, Some("flipped_flash_byte"), "fail");
        bad.lamp = Some("pass".to_owned());
        let wrong = judge(&[bad], &[failed(Some("M1"), "firmware_crc_differs")], &asked(), 7);
        assert_eq!(wrong.len(), 1, "{wrong:?}");
        assert!(wrong[0].contains("was shown"));
    }

    #[test]
    fn a_lost_record_is_found() {
        let wrong = judge(&[board(1, None, "pass"), board(2, Some("silent"), "fail")], &[], &asked(), 7);
        assert_eq!(wrong.len(), 2, "{wrong:?}");
    }

    #[test]
    fn a_record_kept_twice_and_a_number_given_twice_are_found() {
        let boards = [board(1, None, "pass"), board(2, None, "pass")];
        let twice = [row("M1", "pass", "S1"), row("M1", "pass", "S3"), row("M2", "pass", "S2")];
        assert!(judge(&boards, &twice, &asked(), 7)[0].contains("2 passes"));
        let same = [row("M1", "pass", "S1"), row("M2", "pass", "S1")];
        let wrong = judge(&boards, &same, &asked(), 7);
        assert!(wrong.iter().any(|said| said.contains("S00001 was given to M1 and M2")), "{wrong:?}");
    }

    #[test]
    fn a_pass_that_the_board_itself_denies_is_found() {
        let mut liar = board(1, None, "pass");
        liar.holds = Holds {
            firmware_crc32: Some(8),
            lease_mode: Some("locked".to_owned()),
            charge_on: Some(false),
            discharge_on: Some(false),
            password_is_factory: Some(true),
            name: None,
        };
        assert_eq!(judge(&[liar], &[row("M1", "pass", "S1")], &asked(), 7).len(), 6);
        for spoil in [
            (|kept: &mut Kept| drop(kept.parameters.insert("cell_count".to_owned(), "13".to_owned())))
                as fn(&mut Kept),
            |kept| drop(kept.parameters.insert("chemistry".to_owned(), "lfp".to_owned())),
            |kept| drop(kept.parameters.remove("chemistry")),
            |kept| kept.calibrated = false,
            |kept| kept.current_error_percent = -1.6,
        ] {
            let mut liar = board(1, None, "pass");
            spoil(liar.kept.as_mut().unwrap());
            assert_eq!(judge(&[liar], &[row("M1", "pass", "S1")], &asked(), 7).len(), 1);
        }
        let nothing_asked = Asked { values: BTreeMap::new(), ..asked() };
        assert_eq!(judge(&[board(1, None, "pass")], &[row("M1", "pass", "S1")], &nothing_asked, 7).len(), 1);
    }

    #[test]
    fn a_copied_identity_passes_once_and_not_twice() {
        let mut copy = board(2, Some("cloned_identity"), "refused");
        copy.machine_code = Some("M1".to_owned());
        let boards = [board(1, None, "pass"), copy];
        assert_eq!(judge(&boards, &[row("M1", "pass", "S1")], &asked(), 7), Vec::<String>::new());
        assert_eq!(judge(&boards, &[row("M1", "pass", "S1"), row("M1", "pass", "S2")], &asked(), 7).len(), 2);
    }

    #[test]
    fn a_record_that_was_counted_twice_is_found() {
        let (_, rows) = whole();
        let report = |pass: u32| json!({ "batch": { "progress": { "pass": pass, "units_passed": 1 } } });
        assert_eq!(judge_counts(&report(1), &rows), Vec::<String>::new());
        assert_eq!(judge_counts(&report(2), &rows).len(), 1);
        assert_eq!(judge_counts(&json!({}), &rows).len(), 2);
    }

    #[test]
    fn the_crc_is_the_published_one() {
        // The check value of CRC-32/ISO-HDLC in every catalogue.
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }
}
