//! What a look at a station's PC finds: `jigline-station doctor` and the set-up page say the same of it. A finding is a code with figures;
//! its sentence, in words that a technician can act on, and its next step are in the catalogue beside.
//!
//! What never lives here: how something is found out (the station's `doctor`).

mod catalogue;

pub use catalogue::FindingCode;

use crate::text::{Language, filled};
use std::collections::BTreeMap;

wire! {
    /// One thing that was looked at, and how it stands.
    #[derive(Eq)]
    pub struct Finding {
        pub code: FindingCode,
        /// The slot that it is about; none: the machine.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub slot: Option<u16>,
        /// Named figures: `device`, `program`, `path`, ...
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        pub args: BTreeMap<String, String>,
    }
}

wire! {
    /// How a thing stands, the worst last.
    #[derive(Copy, Eq, PartialOrd, Ord)]
    pub enum FindingState {
        /// As it should be.
        Good,
        /// Nobody could find out.
        Unknown,
        /// It works, and will be trouble.
        Attention,
        /// It does not work.
        Broken,
    }
}

wire! {
    /// Where to look, in the order in which a technician does.
    #[derive(Copy, Eq, PartialOrd, Ord)]
    pub enum Area {
        Settings,
        Service,
        Ports,
        Power,
        Clock,
        Disk,
        Journal,
        Server,
        Fixture,
        Labels,
        Versions,
    }
}

impl Finding {
    /// Of the machine.
    #[must_use]
    pub fn new(code: FindingCode) -> Self {
        Self { code, slot: None, args: BTreeMap::new() }
    }

    /// Of that slot.
    #[must_use]
    pub fn at(mut self, slot: u16) -> Self {
        self.slot = Some(slot);
        self
    }

    /// With that figure.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "callers hand over figures and texts alike")]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.args.insert(name.to_owned(), value.to_string());
        self
    }

    #[must_use]
    pub fn state(&self) -> FindingState {
        self.code.state()
    }

    /// What was found, in one sentence; a figure that it does not carry shows as `?`.
    #[must_use]
    pub fn what(&self, language: Language) -> String {
        let (en, zh) = self.code.what();
        filled(language, language.pick(en, zh), &self.args)
    }

    /// What to do about it; empty where nothing is to be done.
    #[must_use]
    pub fn next_step(&self, language: Language) -> String {
        let (en, zh) = self.code.next_step();
        filled(language, language.pick(en, zh), &self.args)
    }
}

/// The worst of them.
#[must_use]
pub fn worst(findings: &[Finding]) -> FindingState {
    findings.iter().map(Finding::state).max().unwrap_or(FindingState::Good)
}

impl Area {
    #[must_use]
    pub fn title(self, language: Language) -> &'static str {
        let (en, zh) = match self {
            Self::Settings => ("Settings", "设置"),
            Self::Service => ("Service", "服务"),
            Self::Ports => ("Ports", "端口"),
            Self::Power => ("Sleep and energy saving", "休眠与节能"),
            Self::Clock => ("Clock", "时钟"),
            Self::Disk => ("Disk", "磁盘"),
            Self::Journal => ("Journal", "日志库"),
            Self::Server => ("Server", "服务器"),
            Self::Fixture => ("Fixture", "治具"),
            Self::Labels => ("Label printer", "标签打印机"),
            Self::Versions => ("Versions", "版本"),
        };
        language.pick(en, zh)
    }
}

impl FindingState {
    #[must_use]
    pub fn title(self, language: Language) -> &'static str {
        let (en, zh) = match self {
            Self::Good => ("in order", "正常"),
            Self::Unknown => ("not known", "未知"),
            Self::Attention => ("attention", "注意"),
            Self::Broken => ("broken", "故障"),
        };
        language.pick(en, zh)
    }

    /// What stands for it where nobody sees its colour.
    #[must_use]
    pub fn shape(self) -> &'static str {
        match self {
            Self::Good => "✔",
            Self::Unknown => "?",
            Self::Attention => "▲",
            Self::Broken => "✖",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_is_what_does_not_work_and_of_nothing_all_is_good() {
        use FindingCode as C;
        let found = |codes: &[C]| codes.iter().map(|code| Finding::new(*code)).collect::<Vec<_>>();
        assert_eq!(worst(&[]), FindingState::Good);
        assert_eq!(worst(&found(&[C::SettingsRead, C::SleepUnknown])), FindingState::Unknown);
        assert_eq!(worst(&found(&[C::SleepUnknown, C::PortMissing, C::SleepAllowed])), FindingState::Broken);
    }

    #[test]
    fn whoever_is_told_of_trouble_is_told_what_to_do_and_in_both_languages() {
        for code in FindingCode::ALL {
            let ((en, zh), (next_en, next_zh)) = (code.what(), code.next_step());
            let is_chinese = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
            assert!(!en.is_empty() && !is_chinese(en) && is_chinese(zh), "{code:?}");
            let has_next = !next_en.is_empty() && !is_chinese(next_en) && is_chinese(next_zh);
            assert_eq!(has_next, code.state() != FindingState::Good, "{code:?}");
        }
    }

    #[test]
    fn both_languages_name_the_same_figures() {
        let figures = |text: &str| {
            let mut names: Vec<String> =
                text.split('{').skip(1).filter_map(|part| Some(part.split_once('}')?.0.to_owned())).collect();
            names.sort();
            names.dedup();
            names
        };
        for code in FindingCode::ALL {
            for (en, zh) in [code.what(), code.next_step()] {
                assert_eq!(figures(en), figures(zh), "{code:?}");
            }
        }
    }
}
