//! What a pass under a bundle holds, to the last name and limit. It comes from the released texts, never from a record.

use crate::{
    bundle::{BundleManifest, BundleRef, FirmwareRef},
    evidence::FirmwareEvidence,
    label::{LabelForm, LabelRule},
    lease::BirthLease,
    limit::Limit,
    model::DeviceModel,
    procedure::{MeasureWhen, MeasurementSource, MeasurementSpec, Procedure},
    profile::{OrderBounds, OrderValues, Profile, is_one_of},
    prompt::{Asks, Prompt},
    record::ShownBoard,
    step::Step,
    value::Value,
};
use std::collections::{BTreeMap, BTreeSet};

/// The measurement with which a calibration says how far it had to correct, per cent.
pub const CALIBRATION_CORRECTION: &str = "calibration_correction";
/// The board's reading after its calibration, milliamperes without a sign.
pub const CALIBRATED_CURRENT: &str = "calibrated_current";

/// What the record of a pass must hold: nothing missing, nothing else. What the procedure does not order is none here.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    pub bundle: BundleRef,
    pub operation: String,
    /// How the boards begin that the profile is made for; empty: all of its model.
    pub boards: Vec<String>,
    /// The product's cells, where boards of the model show by themselves how many they have.
    pub cells: Option<u8>,
    /// The steps of the procedure's plan as a record holds them, in order.
    pub steps: Vec<Step>,
    pub firmware: Option<ExpectedFirmware>,
    /// The profile's values, in their parameters' units.
    pub parameters: BTreeMap<String, Value>,
    /// What the profile leaves to the order, and between what.
    pub left_to_order: BTreeMap<String, OrderBounds>,
    /// Which parameters the order has set.
    pub from_order: BTreeSet<String>,
    /// By name, cells spelt out.
    pub measurements: BTreeMap<String, ExpectedMeasurement>,
    /// What a person was asked, in order.
    pub prompts: Vec<Prompt>,
    pub calibrates: bool,
    /// The procedure's pattern of numbers.
    pub number_pattern: String,
    /// Which numbers a pass has, where they are scanned from labels.
    pub labels: Option<LabelRule>,
    /// The field of the board that holds its number.
    pub number_register: Option<String>,
    pub names: bool,
    pub sets_password: bool,
    pub lease: Option<BirthLease>,
    pub ship: ExpectedShip,
}

/// What of the state for shipping a pass shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExpectedShip {
    pub clear: bool,
    pub date: bool,
    pub clock: bool,
    pub sleep: bool,
}

/// The image that a pass proves on its board.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpectedFirmware {
    /// None: the procedure sends an image and the bundle has none; nothing passes under such a bundle.
    pub released: Option<FirmwareRef>,
    /// Grades of firmware evidence with which a run may pass.
    pub accepted: Vec<FirmwareEvidence>,
    /// Grades with which an image that was found on the board spares its transfer.
    pub spares: Vec<FirmwareEvidence>,
}

/// One measurement as the procedure orders it.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpectedMeasurement {
    pub unit: String,
    pub limit: ExpectedLimit,
    pub marginal: Option<Limit>,
    pub when: MeasureWhen,
    pub source: MeasurementSource,
    /// Whether the record must say what the stimulus was.
    pub stimulus: bool,
}

/// Where the limits come from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ExpectedLimit {
    /// They stand in the procedure.
    Fixed(Limit),
    /// So far to either side of the known stimulus, in the measurement's unit.
    AroundStimulus(f64),
}

impl ExpectedMeasurement {
    /// Whether it is read without a load: all that the check of a reference measures.
    #[must_use]
    pub fn is_only_read(&self) -> bool {
        self.when != MeasureWhen::UnderLoad && !self.stimulus
    }

    /// The limits for this stimulus; none where they follow from a stimulus that is not known or is not above 0.
    #[must_use]
    pub fn limit_for(&self, stimulus: Option<f64>) -> Option<Limit> {
        match (self.limit, stimulus) {
            (ExpectedLimit::Fixed(limit), _) => Some(limit),
            (ExpectedLimit::AroundStimulus(tolerance), Some(truth)) if truth.is_finite() && truth > 0.0 => {
                Some(Limit { min: Some(truth - tolerance), max: Some(truth + tolerance) })
            }
            (ExpectedLimit::AroundStimulus(_), _) => None,
        }
    }
}

impl Expected {
    /// What the released parts of a bundle ask of a pass.
    #[must_use]
    pub fn of(profile: &Profile, procedure: &Procedure, manifest: &BundleManifest) -> Self {
        let mut measurements = calibration(procedure);
        for spec in &procedure.measurements {
            let expected = measurement(spec);
            if spec.register == "cells" {
                let cells = 1..=profile.product.cells;
                measurements.extend(cells.map(|cell| (format!("{}_{cell}", spec.name), expected.clone())));
            } else {
                measurements.insert(spec.name.clone(), expected);
            }
        }
        measurements
            .extend(procedure.prompts().filter_map(|prompt| Some((prompt.name.clone(), asked(prompt)?))));
        Self {
            bundle: manifest.reference(),
            operation: procedure.operation.clone(),
            boards: profile.boards.clone(),
            cells: None,
            steps: procedure.plan().iter().flat_map(|step| step.action.recorded()).copied().collect(),
            firmware: procedure.flash.as_ref().map(|flash| ExpectedFirmware {
                released: manifest.firmware.clone(),
                accepted: flash.accepted_evidence.clone(),
                spares: flash.skip_if_proved.clone(),
            }),
            parameters: profile.values.clone(),
            left_to_order: profile.from_order.clone(),
            from_order: BTreeSet::new(),
            measurements,
            prompts: procedure.prompts().cloned().collect(),
            calibrates: procedure.calibrate.is_some(),
            number_pattern: procedure.number.pattern.clone(),
            labels: None,
            number_register: procedure.number.register.clone(),
            names: procedure.name.is_some(),
            sets_password: procedure.password.is_some(),
            lease: procedure.lease.as_ref().map(|lease| lease.birth),
            ship: ExpectedShip {
                clear: procedure.ship_state.is_some_and(|ship| ship.clear),
                date: procedure.ship_state.is_some_and(|ship| ship.date),
                clock: procedure.ship_state.is_some_and(|ship| ship.clock),
                sleep: procedure.sleep.is_some(),
            },
        }
    }

    /// The same on boards of the bundle's model, where those show how many cells they have.
    #[must_use]
    pub fn on_boards_of(self, model: &DeviceModel, profile: &Profile) -> Self {
        Self { cells: model.cells.found_register.as_ref().map(|_| profile.product.cells), ..self }
    }

    /// The same for a batch whose order says this. A value that was not left to it, or lies beyond its bounds, is none: a record that
    /// holds it is not believed.
    #[must_use]
    pub fn with_order(mut self, order: &OrderValues) -> Self {
        for (name, &value) in order {
            if self.left_to_order.get(name).is_some_and(|bounds| bounds.holds(value)) {
                self.parameters.insert(name.clone(), Value::Number(value));
                self.from_order.insert(name.clone());
            }
        }
        self
    }

    /// Whether a board that shows this is one that the bundle is made for; where all of its model are, it need not say which it is.
    #[must_use]
    pub fn is_for(&self, shown: Option<&ShownBoard>) -> bool {
        let names = self.boards.is_empty() || shown.is_some_and(|shown| is_one_of(&self.boards, shown));
        names && (self.cells.is_none() || shown.is_some_and(|shown| shown.cells == self.cells))
    }

    /// The same for a batch whose numbers are scanned from labels of this form.
    #[must_use]
    pub fn with_labels(mut self, form: Option<&LabelForm>) -> Self {
        self.labels = form.map(|form| LabelRule::new(form.clone(), &self.number_pattern));
        self
    }

    /// Whether a pass has this step.
    #[must_use]
    pub fn orders(&self, step: Step) -> bool {
        self.steps.contains(&step)
    }
}

fn measurement(spec: &MeasurementSpec) -> ExpectedMeasurement {
    // A reading of forbidden bits is the register masked by them: only 0 is right, whatever the text says.
    let limit =
        if spec.forbidden_bits.is_empty() { spec.limit } else { Limit { min: Some(0.0), max: Some(0.0) } };
    ExpectedMeasurement {
        unit: spec.unit.clone(),
        limit: ExpectedLimit::Fixed(limit),
        marginal: spec.marginal,
        when: spec.when,
        source: spec.source,
        stimulus: spec.source == MeasurementSource::BoardKnownStimulus,
    }
}

/// The measurement that a person is asked for.
fn asked(prompt: &Prompt) -> Option<ExpectedMeasurement> {
    let Asks::Number { unit, limit, marginal, when } = &prompt.asks else { return None };
    Some(ExpectedMeasurement {
        unit: unit.clone(),
        limit: ExpectedLimit::Fixed(*limit),
        marginal: *marginal,
        when: *when,
        source: MeasurementSource::Operator,
        stimulus: false,
    })
}

/// A calibration is measured in two figures.
fn calibration(procedure: &Procedure) -> BTreeMap<String, ExpectedMeasurement> {
    let Some(step) = &procedure.calibrate else { return BTreeMap::new() };
    let bound = step.max_correction_percent;
    let one = |unit: &str, limit, stimulus| ExpectedMeasurement {
        unit: unit.to_owned(),
        limit,
        marginal: None,
        when: MeasureWhen::UnderLoad,
        source: MeasurementSource::BoardKnownStimulus,
        stimulus,
    };
    let correction = ExpectedLimit::Fixed(Limit { min: Some(-bound), max: Some(bound) });
    let current = ExpectedLimit::AroundStimulus(f64::from(step.tolerance_ma));
    BTreeMap::from([
        (CALIBRATION_CORRECTION.to_owned(), one("%", correction, false)),
        (CALIBRATED_CURRENT.to_owned(), one("mA", current, true)),
    ])
}
