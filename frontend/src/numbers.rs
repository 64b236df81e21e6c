//! Numbers as a person reads them. Pure.

/// `8,412`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Per cent with one place, cut off and never rounded up: 100 stands only where all of them are meant. None of nothing.
pub fn percent(part: u32, whole: u32) -> Option<String> {
    if whole == 0 {
        return None;
    }
    let tenths = u64::from(part) * 1000 / u64::from(whole);
    Some(if tenths.is_multiple_of(1000) {
        (tenths / 10).to_string()
    } else {
        format!("{}.{}", tenths / 10, tenths % 10)
    })
}

/// Whole per cent for the width of a bar, 0 to 100.
pub fn share(part: u32, whole: u32) -> u32 {
    if whole == 0 { 0 } else { (u64::from(part) * 100 / u64::from(whole)).min(100) as u32 }
}

/// `1:32`, `1:02:03`.
pub fn clock(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// Seconds with as many places as tell something: `70.4`, `0.31`.
pub fn seconds(milliseconds: u64) -> String {
    let seconds = milliseconds as f64 / 1000.0;
    if milliseconds < 1000 { format!("{seconds:.2}") } else { format!("{seconds:.1}") }
}

/// A reading as the record holds it, without a float's tail.
pub fn reading(number: f64) -> String {
    domain::value::Value::Number(number).to_string()
}

/// The first digits of a hash, enough to tell two apart by eye.
pub fn short_hash(hash: &str) -> String {
    match (hash.get(..6), hash.get(hash.len().saturating_sub(4)..)) {
        (Some(head), Some(tail)) if hash.len() > 12 => format!("{head}…{tail}"),
        _ => hash.to_owned(),
    }
}

/// `86:88:35:40:00:68` from its twelve digits; anything else as it is.
pub fn bluetooth(address: &str) -> String {
    if address.len() != 12 || !address.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return address.to_owned();
    }
    let mut text = String::with_capacity(17);
    for (at, digit) in address.chars().enumerate() {
        if at > 0 && at % 2 == 0 {
            text.push(':');
        }
        text.push(digit);
    }
    text
}

/// The least that each step took on the wire, milliseconds: the run's floor shared out by the bytes each step moved.
/// One line rate serves a whole run, so the share is exact up to rounding.
pub fn wire_floors(run_floor_ms: u64, wire_bytes: &[u64]) -> Vec<u64> {
    let total: u64 = wire_bytes.iter().sum();
    wire_bytes.iter().map(|bytes| (run_floor_ms * bytes).checked_div(total).unwrap_or(0)).collect()
}

/// Numbers in their order: `1–3, 5`.
pub fn ranges(slots: &[u16]) -> String {
    let mut texts: Vec<(u16, u16)> = Vec::new();
    for &slot in slots {
        match texts.last_mut() {
            Some((_, last)) if *last + 1 == slot => *last = slot,
            _ => texts.push((slot, slot)),
        }
    }
    let one = |(first, last): (u16, u16)| {
        if first == last { first.to_string() } else { format!("{first}–{last}") }
    };
    texts.into_iter().map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_per_cent_stands_only_where_all_are_meant() {
        assert_eq!(percent(499, 500).as_deref(), Some("99.8"));
        assert_eq!(percent(9_999_999, 10_000_000).as_deref(), Some("99.9"));
        assert_eq!(percent(500, 500).as_deref(), Some("100"));
        assert_eq!(percent(0, 7).as_deref(), Some("0"));
        assert_eq!(percent(0, 0), None);
        assert_eq!(share(7, 0), 0);
        assert_eq!(share(24, 24), 100);
    }

    #[test]
    fn numbers_read_as_a_person_writes_them() {
        assert_eq!(count(8412), "8,412");
        assert_eq!(count(100), "100");
        assert_eq!(count(1_000_000), "1,000,000");
        assert_eq!(clock(92), "1:32");
        assert_eq!(clock(3723), "1:02:03");
        assert_eq!(seconds(70_432), "70.4");
        assert_eq!(seconds(310), "0.31");
        assert_eq!(reading(2318.0), "2318");
        assert_eq!(bluetooth("868835400068"), "86:88:35:40:00:68");
        assert_eq!(bluetooth("BMS"), "BMS");
        assert_eq!(short_hash(&"ab".repeat(32)), "ababab…abab");
        assert_eq!(short_hash("short"), "short");
    }

    #[test]
    fn the_floors_of_the_steps_are_the_floor_of_the_run() {
        assert_eq!(wire_floors(1000, &[900, 100, 0]), [900, 100, 0]);
        assert_eq!(wire_floors(1000, &[0, 0]), [0, 0]);
        assert!(wire_floors(6123, &[1, 2, 3]).iter().sum::<u64>() <= 6123);
    }
}
