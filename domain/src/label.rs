//! Labels that stick on boards before anybody works them: scanned, one becomes its unit's number. What lives here: the form of a batch's
//! labels and whether a scan is one. What never does: whose label it is, who is asked for it, I/O.

use crate::{
    codec,
    identifier::{Identifier, IdentifierKind, normalise_address},
    model::{Bilingual, DeviceModel},
    number_list::{LONGEST_NUMBER, is_number_character},
    procedure::Procedure,
    prompt::{AnswerSource, Asks, MOST_CHARACTERS, Prompt, matches, name_of, printable},
    serial_number::{Pattern, render_name},
    text::{Fault, FaultCode, Language, fault_text},
    value::Value,
};

/// The name of the question for a label; no prompt of a procedure stands beside it.
pub const LABEL_PROMPT: &str = "label";

wire! {
    /// The form of a batch's labels.
    #[derive(Eq)]
    #[serde(tag = "kind", from = "LabelText")]
    pub enum LabelForm {
        /// That of the procedure's number pattern, its check character right where it has one.
        Number,
        /// As a procedure asks for a scan.
        Scan {
            /// `#` a digit, `@` a capital letter, `?` any one character, `*` any number of them; all else stands for itself.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pattern: Option<String>,
            /// Characters.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            length: Option<u8>,
        },
    }
}

/// A form as it comes: read flat, as [`crate::live::SlotState`] is.
#[derive(serde::Deserialize)]
struct LabelText {
    kind: LabelKind,
    pattern: Option<String>,
    length: Option<u8>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum LabelKind {
    Number,
    Scan,
}

impl From<LabelText> for LabelForm {
    fn from(text: LabelText) -> Self {
        match text.kind {
            LabelKind::Number => Self::Number,
            LabelKind::Scan => Self::Scan { pattern: text.pattern, length: text.length },
        }
    }
}

wire! {
    /// Where the numbers of a batch come from.
    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    pub enum NumberSource {
        /// The server lends them to stations: of a pattern, or of a customer's list.
        Lent,
        /// They are scanned from the labels that the boards bring.
        Label,
        /// They are lent, printed on labels, and scanned from the boards that those are stuck on.
        Printed,
    }
}

wire! {
    /// A label that was scanned at a slot.
    #[derive(Eq)]
    pub struct ScannedLabel {
        pub text: String,
        /// The Bluetooth address that stood beside the number in the same code, twelve digits; held against the board's own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub address: Option<String>,
        /// Who, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub by: Option<String>,
        pub source: AnswerSource,
        /// How long the slot waited for it, milliseconds; 0 where it announced the board.
        pub after_ms: u64,
    }
}

impl ScannedLabel {
    /// A scan that announces a board; none: nothing, or a novel.
    #[must_use]
    pub fn announcing(code: &str, by: Option<&str>, source: AnswerSource) -> Option<Self> {
        let text = printable(code);
        let is_one = (1..=MOST_CHARACTERS).contains(&text.chars().count());
        is_one.then(|| Self { text, address: None, by: by.and_then(name_of), source, after_ms: 0 })
    }
}

impl LabelForm {
    /// Whatever can be a number.
    #[must_use]
    pub fn any() -> Self {
        Self::Scan { pattern: Some("*".to_owned()), length: None }
    }
}

/// The board has a number, and the label that was scanned is another one.
#[must_use]
pub fn label_differs(serial: &str, label: &str) -> Fault {
    Fault::new(FaultCode::LabelDiffers).with("serial", serial).with("label", label)
}

/// The label says another Bluetooth address than the board; none: it says its own, or one of the two says none.
#[must_use]
pub fn address_differs(label: &ScannedLabel, shown: &[Identifier]) -> Option<Fault> {
    let printed = label.address.as_deref()?;
    let read = shown.iter().find(|one| one.kind == IdentifierKind::BluetoothAddress)?;
    let own = normalise_address(&read.value);
    (own.as_deref() != Some(printed)).then(|| {
        Fault::new(FaultCode::LabelAddressDiffers)
            .with("serial", &label.text)
            .with("printed", printed)
            .with("read", own.as_ref().unwrap_or(&read.value))
    })
}

/// Which texts are labels of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelRule {
    form: LabelForm,
    /// The procedure's own, for [`LabelForm::Number`]; without it no text is a label.
    numbers: Option<Pattern>,
}

impl LabelRule {
    #[must_use]
    pub fn new(form: LabelForm, number_pattern: &str) -> Self {
        Self { form, numbers: Pattern::parse(number_pattern).ok() }
    }

    /// Whether `text` is a label of the batch: of its form, and of what numbers are made of.
    #[must_use]
    pub fn holds(&self, text: &str) -> bool {
        let is_number = (1..=LONGEST_NUMBER).contains(&text.len()) && text.chars().all(is_number_character);
        is_number
            && match &self.form {
                LabelForm::Number => self.numbers.as_ref().is_some_and(|pattern| pattern.verify_check(text)),
                LabelForm::Scan { pattern, length } => {
                    pattern.as_deref().is_none_or(|pattern| matches(pattern, text))
                        && length.is_none_or(|length| text.len() == usize::from(length))
                }
            }
    }

    /// Why `text` is none; none: it is one that a board of this model can bear.
    #[must_use]
    pub fn refusal(&self, text: &str, procedure: &Procedure, model: &DeviceModel) -> Option<Fault> {
        let expected = match unfit(text, procedure, model) {
            _ if !self.holds(text) => self.shown(),
            Some(why) => why,
            None => return None,
        };
        Some(Fault::new(FaultCode::LabelNotOfForm).with("found", text).with("expected", expected))
    }

    /// The scan as number and, where its code holds one beside it, Bluetooth address. What is no label stays as it was scanned.
    #[must_use]
    pub fn read(&self, scan: ScannedLabel) -> ScannedLabel {
        if self.holds(&scan.text) {
            return scan;
        }
        let mut pieces = scan.text.split([';', ',', '|', ' ', '\t']).filter(|piece| !piece.is_empty());
        let (Some(first), Some(second), None) = (pieces.next(), pieces.next(), pieces.next()) else {
            return scan;
        };
        let told = [(first, second), (second, first)].into_iter().find_map(|(number, address)| {
            let address = normalise_address(address).filter(|_| self.holds(number))?;
            Some((number.to_owned(), address))
        });
        match told {
            Some((text, address)) => ScannedLabel { text, address: Some(address), ..scan },
            None => scan,
        }
    }

    /// The form as a person reads it.
    #[must_use]
    pub fn shown(&self) -> String {
        let Asks::Scan { pattern, length } = self.asks() else { return String::new() };
        let length = length.filter(|_| pattern.is_none()).map(|length| "?".repeat(length.into()));
        pattern.or(length).unwrap_or_default()
    }

    /// The question for a label. `before`: what was wrong with the scan before it.
    #[must_use]
    pub fn prompt(&self, before: Option<&Fault>) -> Prompt {
        let why = |language| before.map(|fault| fault_text(language, fault) + " ").unwrap_or_default();
        let question = Bilingual {
            en: why(Language::En) + "Scan the label of this board",
            zh: why(Language::Zh) + "请扫描本板标签",
        };
        Prompt { name: LABEL_PROMPT.to_owned(), question, asks: self.asks(), picture: None }
    }

    fn asks(&self) -> Asks {
        match &self.form {
            LabelForm::Number => {
                Asks::Scan { pattern: self.numbers.as_ref().map(Pattern::as_form), length: None }
            }
            LabelForm::Scan { pattern, length } => Asks::Scan { pattern: pattern.clone(), length: *length },
        }
    }
}

/// Why no label of this form can number a board of this batch; none: one can.
#[must_use]
pub fn check_label_form(form: &LabelForm, procedure: &Procedure, model: &DeviceModel) -> Option<String> {
    // A pattern's own numbers were checked when the bundle was submitted.
    let LabelForm::Scan { pattern, length } = form else { return None };
    let is_possible = |c: char| is_number_character(c) || matches!(c, '#' | '@' | '?' | '*');
    let varies = |pattern: &str| pattern.contains(['#', '@', '?', '*']);
    match (pattern, length) {
        (None, None) => {
            return Some("say what the labels look like: a pattern, a length, or both".to_owned());
        }
        (Some(pattern), _) if !pattern.chars().all(is_possible) => {
            return Some("a label holds letters, digits, '-', '_', '.' and '/'".to_owned());
        }
        (Some(pattern), _) if !varies(pattern) => {
            return Some("every label would be the same: put #, @, ? or * where they differ".to_owned());
        }
        _ => {}
    }
    let example = example(pattern.as_deref().unwrap_or("*"), length.map(usize::from));
    if !LabelRule::new(form.clone(), &procedure.number.pattern).holds(&example) {
        return Some(format!("no label of 1 to {LONGEST_NUMBER} characters has this form"));
    }
    unfit(&example, procedure, model)
}

/// The shortest label of this pattern, or the one of that length.
fn example(pattern: &str, length: Option<usize>) -> String {
    let fixed = pattern.chars().filter(|c| *c != '*').count();
    let mut fill = length.unwrap_or(fixed.max(1)).saturating_sub(fixed);
    let mut text = String::new();
    for form in pattern.chars() {
        match form {
            '*' => text.extend(std::iter::repeat_n('0', std::mem::take(&mut fill))),
            '#' | '?' => text.push('0'),
            '@' => text.push('A'),
            form => text.push(form),
        }
    }
    text
}

/// Why a board of this model can't bear that number: its field does not take it, or no name comes of it.
fn unfit(number: &str, procedure: &Procedure, model: &DeviceModel) -> Option<String> {
    let register = procedure.number.register.as_ref().and_then(|name| model.register(name));
    if let Some(Err(fault)) = register.map(|register| codec::encode(register, &Value::from(number))) {
        return Some(fault.to_string());
    }
    let (step, settings) = (procedure.name.as_ref()?, model.name.as_ref()?);
    render_name(&step.template, number, settings).err().map(|fault| fault.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBERS: &str = "TB{yy}{ww}{seq:5}{check}";

    fn scan(pattern: Option<&str>, length: Option<u8>) -> LabelForm {
        LabelForm::Scan { pattern: pattern.map(str::to_owned), length }
    }

    fn shipped() -> (Procedure, DeviceModel) {
        let text = |name: &str| {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../profiles/");
            std::fs::read_to_string(format!("{folder}{name}")).unwrap()
        };
        let procedure = text("procedures/topbms-birth.toml");
        let procedure = crate::procedure::parse_procedure("procedure", &procedure).unwrap();
        (procedure, crate::model::parse_model("model", &text("models/topbms.toml")).unwrap())
    }

    #[test]
    fn a_form_is_read_as_it_is_written() {
        for form in
            [LabelForm::Number, scan(None, Some(4)), scan(Some("L-##"), None), scan(Some("L*"), Some(9))]
        {
            let text = serde_json::to_string(&form).unwrap();
            assert_eq!(serde_json::from_str::<LabelForm>(&text).unwrap(), form, "{text}");
        }
        assert!(serde_json::from_str::<LabelForm>(r#"{"kind":"moonlight"}"#).is_err());
    }

    fn scanned(text: &str) -> ScannedLabel {
        ScannedLabel {
            text: text.to_owned(),
            address: None,
            by: None,
            source: AnswerSource::Page,
            after_ms: 0,
        }
    }

    #[test]
    fn an_address_beside_the_number_is_told_from_it_however_it_is_written() {
        let rule = LabelRule::new(scan(Some("L-####"), None), NUMBERS);
        for text in [
            "L-0001;A4:C1:38:00:11:22",
            "a4c138001122 L-0001",
            "L-0001|a4-c1-38-00-11-22",
            "L-0001,A4C1.3800.1122",
        ] {
            let read = rule.read(scanned(text));
            assert_eq!((&*read.text, read.address.as_deref()), ("L-0001", Some("A4C138001122")), "{text}");
        }
        for text in [
            "L-0001",
            "L-0001;",
            "L-0001;A4:C1:38:00:11",
            "L-001;A4:C1:38:00:11:22",
            "L-0001;A4C138001122;x",
            "",
        ] {
            assert_eq!(rule.read(scanned(text)), scanned(text), "{text}");
        }
    }

    #[test]
    fn a_label_with_another_boards_address_is_told_and_one_without_is_not() {
        let shows = |kind, value: &str| Identifier { kind, value: value.to_owned(), unique: true };
        let board = [
            shows(IdentifierKind::MachineCode, "7"),
            shows(IdentifierKind::BluetoothAddress, "a4:c1:38:00:11:22"),
        ];
        let with = |address: &str| ScannedLabel { address: Some(address.to_owned()), ..scanned("L-0001") };
        assert_eq!(address_differs(&with("A4C138001122"), &board), None);
        assert_eq!(address_differs(&scanned("L-0001"), &board), None);
        assert_eq!(address_differs(&with("A4C138001123"), &board[..1]), None, "the board says none");
        let fault = address_differs(&with("A4C138001123"), &board).unwrap();
        assert_eq!(fault.code, FaultCode::LabelAddressDiffers);
        let said = [&fault.args["serial"], &fault.args["printed"], &fault.args["read"]];
        assert_eq!(said, ["L-0001", "A4C138001123", "A4C138001122"]);
    }

    #[test]
    fn a_label_of_the_pattern_has_its_form_and_its_check_character() {
        let rule = LabelRule::new(LabelForm::Number, NUMBERS);
        let number = Pattern::parse(NUMBERS).unwrap().number(7, "2026-11-23".parse().unwrap()).unwrap();
        assert!(rule.holds(&number));
        assert_eq!(rule.shown(), "TB#########?");
        let wrong = number.replacen("264", "265", 1);
        assert!(!rule.holds(&wrong) && !rule.holds("") && !rule.holds(&format!("{number}0")));
        assert!(!LabelRule::new(LabelForm::Number, "no pattern").holds(&number));
    }

    #[test]
    fn a_label_of_a_form_is_whole_and_of_what_numbers_are_made_of() {
        let rule = |form| LabelRule::new(form, NUMBERS);
        let short = rule(scan(Some("L-##"), None));
        assert!(short.holds("L-07"));
        for text in ["", "L-7", "L-077", "l-07", " L-07", "L-０7"] {
            assert!(!short.holds(text), "{text:?}");
        }
        let long = rule(scan(None, Some(4)));
        assert!(long.holds("a/.1") && !long.holds("a/.") && !long.holds("a 1b") && !long.holds("板1"));
        assert_eq!((long.shown().as_str(), short.shown().as_str()), ("????", "L-##"));
        let any = rule(scan(Some("L*"), None));
        assert!(any.holds(&format!("L{}", "0".repeat(31))) && !any.holds(&format!("L{}", "0".repeat(32))));
    }

    #[test]
    fn a_form_that_is_no_batchs_says_why() {
        let (procedure, model) = shipped();
        let fault = |form| check_label_form(&form, &procedure, &model).unwrap_or_default();
        assert_eq!(fault(LabelForm::Number), "");
        assert_eq!(fault(scan(Some("TB-#####"), Some(8))), "");
        assert_eq!(fault(scan(Some("TB*"), None)), "");
        assert_eq!(fault(scan(None, Some(12))), "");
        assert!(fault(scan(None, None)).contains("a pattern, a length"));
        assert!(fault(scan(Some("TB 26"), None)).contains("letters, digits"));
        assert!(fault(scan(Some("TB26"), None)).contains("would be the same"));
        assert!(fault(scan(Some("TB###"), Some(4))).contains("no label"));
        assert!(fault(scan(Some("*"), Some(33))).contains("no label"));
        assert!(fault(scan(None, Some(0))).contains("no label"));
        let name = fault(scan(Some("TB.###"), None));
        assert!(name.contains("does not take"), "{name}");
    }

    #[test]
    fn a_scan_that_is_no_label_is_told_with_the_form_or_with_what_the_board_does_not_take() {
        let (procedure, model) = shipped();
        let rule = LabelRule::new(scan(Some("TB*"), None), NUMBERS);
        let told = |text| rule.refusal(text, &procedure, &model).map(|fault| fault.args["expected"].clone());
        assert_eq!(told("TB2601"), None);
        assert_eq!(told("XB2601").as_deref(), Some("TB*"));
        assert!(told("TB.x").unwrap().contains("does not take"));
        let fault = rule.refusal("XB2601", &procedure, &model).unwrap();
        let asked = rule.prompt(Some(&fault)).question.en;
        assert!(asked.contains("XB2601") && asked.ends_with("Scan the label of this board"), "{asked}");
    }
}
