//! What a fault says, with its measurement called as the procedure calls it.

use crate::words;
use domain::{
    api::operator::MeasurementTitle,
    record::{CALIBRATED_CURRENT, CALIBRATION_CORRECTION},
    text::{Fault, fault_next_step, fault_text},
};

/// What is wrong.
pub fn why(fault: &Fault, titles: &[MeasurementTitle]) -> String {
    let name = fault.args.get("measurement");
    let named = name.map(|name| fault.clone().with("measurement", title(name, titles)));
    fault_text(words::language(), named.as_ref().unwrap_or(fault))
}

/// What to do about it; empty: nothing that a sentence could say.
pub fn next_step(fault: &Fault) -> String {
    fault_next_step(words::language(), fault)
}

/// What a measurement is called: `cell_7` by the title of `cell`, where nothing is called so itself.
pub fn title(name: &str, titles: &[MeasurementTitle]) -> String {
    let of =
        |name: &str| titles.iter().find(|known| known.name == name).map(|known| words::pick(&known.title));
    let of_cell = || {
        let (base, number) = name.rsplit_once('_')?;
        number.parse::<u8>().ok()?;
        Some(format!("{} {number}", of(base)?))
    };
    // What the line itself adds to a procedure.
    let t = words::texts();
    let added = || match name {
        CALIBRATION_CORRECTION => Some(t.calibration_correction.to_owned()),
        CALIBRATED_CURRENT => Some(t.calibrated_current.to_owned()),
        _ => None,
    };
    of(name).or_else(of_cell).or_else(added).unwrap_or_else(|| name.to_owned())
}

/// `1:32`.
pub fn clock(seconds: u64) -> String {
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// Per cent with one place, cut off and never rounded up; none of nothing.
pub fn percent(part: u32, whole: u32) -> Option<String> {
    let tenths = (u64::from(part) * 1000).checked_div(u64::from(whole))?;
    Some(if tenths.is_multiple_of(10) {
        (tenths / 10).to_string()
    } else {
        format!("{}.{}", tenths / 10, tenths % 10)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{model::Bilingual, text::FaultCode};

    #[test]
    fn a_cell_is_called_by_the_title_of_all_and_its_number() {
        let cell = Bilingual { en: "Cell".to_owned(), zh: "单体电压".to_owned() };
        let titles = [MeasurementTitle { name: "cell".to_owned(), title: cell }];
        assert_eq!(title("cell_7", &titles), "Cell 7");
        assert_eq!(title("alarms", &titles), "alarms");
        assert_eq!(title("calibrated_current", &titles), words::texts().calibrated_current);
        let fault = Fault::new(FaultCode::OutsideLimits).with("measurement", "cell_7").with("value", "2214");
        assert!(why(&fault, &titles).contains("Cell 7"), "{}", why(&fault, &titles));
    }

    #[test]
    fn figures_are_cut_off_and_never_rounded_up() {
        assert_eq!(percent(999, 1000).as_deref(), Some("99.9"));
        assert_eq!(percent(9999, 10_000).as_deref(), Some("99.9"));
        assert_eq!(percent(7, 7).as_deref(), Some("100"));
        assert_eq!(percent(0, 0), None);
        assert_eq!(clock(92), "1:32");
    }
}
