//! A profile's text parsed and judged against its model.

use super::{Chemistry, Profile, order::check_bounds};
use crate::{
    codec,
    model::{DeviceModel, RegisterKind, Severity},
    rules::{Judgement, Ratings, is_rating, judge_rules},
    source::{At, Source},
    value::Value,
};
use std::fmt;

/// What is wrong with a profile, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileFault {
    /// The file as it was named; the profile's id where no file is known.
    pub file: String,
    /// From 1; 0 where no file is known.
    pub line: usize,
    /// An error keeps the profile from being released; a warning is for the releasing people to weigh.
    pub severity: Severity,
    /// The parameter it is about, where it is about one.
    pub parameter: Option<String>,
    pub reason: String,
}

impl fmt::Display for ProfileFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        write!(f, ": {}", self.reason)
    }
}

impl std::error::Error for ProfileFault {}

impl ProfileFault {
    /// The same fault with its place in the file it came from.
    #[must_use]
    pub fn located(mut self, file: &str, text: &str) -> Self {
        if let Ok((_, source)) = Source::read::<Profile>(text) {
            self.line = match &self.parameter {
                Some(parameter) => source.line(&[At::Key("values"), At::Key(parameter)]),
                None => 1,
            };
        }
        file.clone_into(&mut self.file);
        self
    }
}

/// Parses the text of a profile; what it means for its model is [`check_profile`]'s.
///
/// # Errors
/// Every syntax error with its line; else every key that is unknown, missing or of the wrong type, an id or revision that is
/// none, a rating that is no positive number.
pub fn parse_profile(file: &str, text: &str) -> Result<Profile, Vec<ProfileFault>> {
    let fault = |line, reason| ProfileFault {
        file: file.to_owned(),
        line,
        severity: Severity::Error,
        parameter: None,
        reason,
    };
    let (profile, source) = Source::read::<Profile>(text)
        .map_err(|faults| faults.into_iter().map(|f| fault(f.line, f.reason)).collect::<Vec<_>>())?;
    let mut faults: Vec<_> = source.faults().iter().map(|f| fault(f.line, f.reason.clone())).collect();
    if !crate::model::is_short_name(&profile.id) {
        let reason = format!("id {:?} is not of a-z, 0-9 and '-'", profile.id);
        faults.push(fault(source.line(&[At::Key("id")]), reason));
    }
    if profile.revision == 0 {
        faults.push(fault(source.line(&[At::Key("revision")]), "revision counts from 1".to_owned()));
    }
    for (key, rating) in ratings(&profile) {
        if !(rating.is_finite() && rating > 0.0) {
            let reason = format!("product.{key} is {rating}; it is a positive number of amperes");
            faults.push(fault(source.line(&[At::Key("product"), At::Key(key)]), reason));
        }
    }
    // Line 0 is what the reading made up.
    faults.retain(|fault| fault.line > 0);
    faults.sort_by_key(|fault| fault.line);
    if faults.is_empty() { Ok(profile) } else { Err(faults) }
}

fn ratings(profile: &Profile) -> [(&'static str, f64); 5] {
    let product = &profile.product;
    [
        ("rated_charge_a", product.rated_charge_a),
        ("rated_discharge_a", product.rated_discharge_a),
        ("peak_a", product.peak_a),
        ("working_charge_a", product.working_charge_a),
        ("working_discharge_a", product.working_discharge_a),
    ]
}

/// Everything that is wrong with `profile` on a board of `model`: errors and warnings, parameters in the model's order, then
/// the rules. Empty for a profile that may be released as it is. Files and lines are added by [`ProfileFault::located`].
///
/// `jig_test_current_a`: what the procedure's load draws ([`crate::rules::test_current_a`]), amperes. Without one the rules
/// that ask for it are not judged, and each says so as a warning: they are judged when profile and procedure meet in a bundle.
#[must_use]
pub fn check_profile(
    profile: &Profile,
    model: &DeviceModel,
    jig_test_current_a: Option<f64>,
) -> Vec<ProfileFault> {
    let mut faults = Vec::new();
    let mut report = |severity, parameter: Option<&str>, reason: String| {
        let (file, parameter) = (profile.id.clone(), parameter.map(str::to_owned));
        faults.push(ProfileFault { file, line: 0, severity, parameter, reason });
    };
    let error = Severity::Error;
    if profile.model != model.id {
        report(error, None, format!("the profile is for model {:?}, not for {:?}", profile.model, model.id));
    }
    for name in profile.values.keys() {
        match model.register(name) {
            None => report(error, Some(name), format!("model {} has no parameter {name:?}", model.id)),
            Some(register) if !register.parameter => {
                report(
                    error,
                    Some(name),
                    format!("{name} is a register of model {}, but no parameter of it", model.id),
                );
            }
            Some(_) => {}
        }
    }
    for register in model.parameters() {
        let name = Some(register.name.as_str());
        let Some(value) = profile.values.get(&register.name) else {
            report(error, name, format!("parameter {} of model {} is missing", register.name, model.id));
            continue;
        };
        if let Err(fault) = codec::encode(register, value) {
            report(error, name, fault.to_string());
        }
    }
    if let Some(name) = &model.cells.count_register
        && profile
            .values
            .get(name)
            .is_some_and(|cells| *cells != Value::Number(f64::from(profile.product.cells)))
    {
        let reason = format!("{name} differs from product.cells = {}", profile.product.cells);
        report(error, Some(name), reason);
    }
    check_boards(profile, model, &mut report);
    let fewest = model.ratings.as_ref().map_or(1, |ratings| ratings.min_cells);
    if !(fewest..=model.cells.max).contains(&profile.product.cells) {
        let reason = format!(
            "product.cells is {}; model {} has {fewest} to {}",
            profile.product.cells, model.id, model.cells.max
        );
        report(error, None, reason);
    }
    check_chemistry(profile, model, &mut report);
    check_bounds(profile, model, &mut report);
    let ratings = Ratings { jig_test_current_a, ..Ratings::of_product(profile) };
    for finding in judge_rules(model, &ratings, &profile.values) {
        let rule = finding.rule;
        match finding.judgement {
            Judgement::Broken { left, right } => {
                let (found, bound) = (Value::Number(left), Value::Number(right));
                let message = &rule.message.en;
                let reason = format!("rule {}: {message} (found {found}, against {bound})", rule.id);
                report(rule.severity, Some(&rule.left), reason);
            }
            Judgement::NotJudged { missing } if is_rating(&missing) => {
                let reason =
                    format!("rule {} is not judged: {missing} is known only with a procedure", rule.id);
                report(Severity::Warning, Some(&rule.left), reason);
            }
            // A parameter that is missing or of the wrong type is named above by itself.
            Judgement::NotJudged { .. } | Judgement::Holds => {}
        }
    }
    faults
}

/// A board that no board of the model can show would refuse all of them.
fn check_boards(
    profile: &Profile,
    model: &DeviceModel,
    report: &mut impl FnMut(Severity, Option<&str>, String),
) {
    let identity = &model.identity;
    let may_be = |board: &str| {
        let of = |own: &str| own.starts_with(board) || identity.model_prefix && board.starts_with(own);
        !board.is_empty() && identity.model_values.iter().any(|own| of(own))
    };
    for board in profile.boards.iter().filter(|board| !may_be(board)) {
        let (says, own) = (if identity.model_prefix { "begin with" } else { "show" }, &identity.model_values);
        let reason =
            format!("boards names {board:?}, and boards of model {} {says} {}", model.id, own.join(" or "));
        report(Severity::Error, None, reason);
    }
}

/// A profile says its chemistry twice where the board has a register for it; the two must agree.
fn check_chemistry(
    profile: &Profile,
    model: &DeviceModel,
    report: &mut impl FnMut(Severity, Option<&str>, String),
) {
    let Some(register) = model.register("chemistry").filter(|r| r.parameter && r.kind == RegisterKind::Enum)
    else {
        return;
    };
    let expected = profile.chemistry.as_str();
    let known = register.options.iter().any(|option| option.name == expected);
    if known && profile.values.get("chemistry").is_some_and(|value| *value != Value::from(expected)) {
        report(
            Severity::Error,
            Some("chemistry"),
            format!("chemistry differs from the profile's own, {expected:?}"),
        );
    }
}

impl Chemistry {
    /// The word on the wire, in files and in the models' chemistry registers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LiIon => "li_ion",
            Self::LiFePo4 => "li_fe_po4",
            Self::Lto => "lto",
        }
    }
}
