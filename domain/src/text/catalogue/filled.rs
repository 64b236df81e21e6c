//! A sentence with a fault's arguments in their places.

use super::Language;
use std::collections::BTreeMap;

/// Puts the arguments for `{name}`, once: what an argument itself holds is never read as a place. What a procedure says in both
/// languages has its Chinese one as `name_zh`.
pub(crate) fn filled(language: Language, template: &str, args: &BTreeMap<String, String>) -> String {
    let mut text = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some((before, tail)) = rest.split_once('{') {
        text.push_str(before);
        let (name, tail) = tail.split_once('}').unwrap_or((tail, ""));
        let chinese = args.get(&format!("{name}_zh")).filter(|_| language == Language::Zh);
        match chinese.or_else(|| args.get(name)).map_or("?", String::as_str) {
            // A count has no unit, and needs no room for one.
            "" if name == "unit" => text.truncate(text.trim_end().len()),
            // A limit of one side, an answer that never came.
            "" => text.push('…'),
            said => text.push_str(said),
        }
        rest = tail;
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{Fault, FaultCode, fault_text};

    #[test]
    fn what_has_no_unit_or_no_limit_on_one_side_reads_as_a_sentence() {
        let fault = |min: &str, max: &str, unit: &str| {
            let fault =
                Fault::new(FaultCode::OutsideLimits).with("measurement", "Alarms").with("found", "21");
            fault.with("min", min).with("max", max).with("unit", unit)
        };
        let said = |fault| fault_text(Language::En, &fault);
        assert_eq!(said(fault("0", "0", "")), "Alarms is 21, outside 0 to 0.");
        assert_eq!(said(fault("", "20", "A")), "Alarms is 21 A, outside … to 20.");
        assert_eq!(fault_text(Language::Zh, &fault("0", "0", "")), "Alarms 为 21，超出 0 至 0。");
    }
}
