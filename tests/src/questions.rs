//! Procedures that ask people: the shipped ones with questions put into them.

#![expect(clippy::expect_used, reason = "a tool of the tests: what can't be made here can't be tested")]

use crate::memory_server::BundleFiles;
use domain::procedure::{ProcedureFile, StepKind, parse_procedure};

/// Answered with yes or no, by a picture of what is asked.
pub const CONFIRM: &str = "[[step]]\nkind = \"prompt\"\nname = \"cable\"\nasks = \"confirm\"\n\
    picture = '<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 160 60\"><g fill=\"none\" stroke=\"#1b1c1e\" stroke-width=\"3\">\
    <rect x=\"70\" y=\"8\" width=\"82\" height=\"44\" rx=\"4\"/><rect x=\"62\" y=\"22\" width=\"16\" height=\"16\"/></g>\
    <path d=\"M 4 30 H 46 M 38 22 L 46 30 L 38 38\" fill=\"none\" stroke=\"#2f5fd0\" stroke-width=\"5\"/>\
    <text x=\"96\" y=\"35\" font-size=\"15\" fill=\"#1b1c1e\">CN1</text></svg>'\n\
    question = { en = \"Is the cable in?\", zh = \"线缆是否插好？\" }\n";
/// Answered with a label, another of each board.
pub const SCAN: &str = "[[step]]\nkind = \"prompt\"\nname = \"housing\"\nasks = \"scan\"\npattern = \"H-####\"\nretry = 2\n\
    question = { en = \"Scan the housing\", zh = \"扫描外壳标签\" }\n";
/// Answered with a number, which becomes a measurement.
pub const TORQUE: &str = "[[step]]\nkind = \"prompt\"\nname = \"torque\"\nasks = \"number\"\nunit = \"Nm\"\n\
    limit = { min = 1.1, max = 1.5 }\nquestion = { en = \"Torque\", zh = \"扭矩\" }\n";

impl BundleFiles {
    /// With its procedure step by step, and these questions before the first step of that kind.
    ///
    /// # Panics
    /// The procedure does not parse, or has no such step: then nothing can be tested.
    #[must_use]
    pub fn asking(mut self, questions: &[&str], before: StepKind) -> Self {
        let birth = parse_procedure("procedure", &self.procedure).expect("the procedure parses");
        let at = birth.plan().iter().position(|step| step.action.kind() == before);
        let at = at.unwrap_or_else(|| panic!("{} has no step {before:?}", birth.id));
        let text = toml::to_string(&ProcedureFile::of(&birth)).expect("what was parsed can be written");
        let mut blocks: Vec<String> = text.split("[[step]]\n").map(str::to_owned).collect();
        blocks.iter_mut().skip(1).for_each(|block| *block = format!("[[step]]\n{block}"));
        blocks.splice(at + 1..=at, questions.iter().map(|text| (*text).to_owned()));
        self.procedure = blocks.concat();
        self
    }
}
