//! How findings are told: for a person, and for a script.

use domain::{
    doctor::{Area, Finding, FindingState, worst},
    text::Language,
};
use std::fmt::Write as _;

/// What a script goes by: 0 nothing is to be done, 3 something wants attention, 4 something does not work. 1 and 2 are the program's own.
#[must_use]
pub fn exit_code(findings: &[Finding]) -> u8 {
    match worst(findings) {
        FindingState::Good | FindingState::Unknown => 0,
        FindingState::Attention => 3,
        FindingState::Broken => 4,
    }
}

/// Area by area, each finding with its next step.
#[must_use]
pub fn text(findings: &[Finding], language: Language) -> String {
    let mut text = summary(findings, language);
    let mut area: Option<Area> = None;
    for finding in findings {
        let of = finding.code.area();
        if area.replace(of) != Some(of) {
            let _ = write!(text, "\n\n{}", of.title(language));
        }
        let state = finding.state();
        let slot = finding.slot.map(|slot| match language {
            Language::En => format!("slot {slot}: "),
            Language::Zh => format!("插槽 {slot}："),
        });
        let word = if state == FindingState::Good { "" } else { state.title(language) };
        let colon = match (word, language) {
            ("", _) => "",
            (_, Language::En) => ": ",
            (_, Language::Zh) => "：",
        };
        let what = finding.what(language);
        let _ = write!(text, "\n  {} {word}{colon}{}{what}", state.shape(), slot.unwrap_or_default());
        let next = finding.next_step(language);
        if !next.is_empty() {
            let _ = write!(text, "\n      → {next}");
        }
    }
    text
}

fn summary(findings: &[Finding], language: Language) -> String {
    let count = |state| findings.iter().filter(|finding| finding.state() == state).count();
    let counts = [FindingState::Broken, FindingState::Attention, FindingState::Unknown]
        .map(|state| (state, count(state)))
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(state, count)| format!("{} {} {count}", state.shape(), state.title(language)))
        .collect::<Vec<_>>();
    if counts.is_empty() {
        return match language {
            Language::En => format!("All {} things looked at are in order.", findings.len()),
            Language::Zh => format!("所检查的 {} 项全部正常。", findings.len()),
        };
    }
    counts.join("   ")
}

/// One object: the worst state, and every finding with what a person would read.
#[must_use]
pub fn json(findings: &[Finding], language: Language) -> serde_json::Value {
    let one = |finding: &Finding| {
        serde_json::json!({
            "area": finding.code.area(),
            "code": finding.code,
            "state": finding.state(),
            "slot": finding.slot,
            "args": finding.args,
            "what": finding.what(language),
            "next": finding.next_step(language),
        })
    };
    serde_json::json!({ "state": worst(findings), "findings": findings.iter().map(one).collect::<Vec<_>>() })
}
