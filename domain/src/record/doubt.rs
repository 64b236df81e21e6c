//! Why a record does not support what it says.

use crate::{admission::AdmissionVerdict, ids::RunId, step::Step};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, MapAccess, Visitor},
};
use std::fmt;

/// Why a record does not support what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RecordDoubt {
    /// Says 'pass' and names a fault, or does not pass and names none.
    FaultAndOutcomeDisagree,
    /// A pass in which a step failed or is missing.
    StepNotPassed { step: Step },
    /// A pass in which a measurement lies outside its limits, or says 'passed' against them.
    MeasurementOutsideLimits { name: String },
    /// A pass in which a parameter was not read back after the restart or does not hold.
    ParameterNotVerified { name: String },
    /// A pass without firmware, or with a grade that the procedure does not accept.
    FirmwareNotProved,
    /// A pass without a serial number.
    NoSerial,
    /// A pass of a board that is none of those that the profile is made for, or does not say which it is.
    BoardOfAnotherVariant,
    /// A pass without an identity of the board's own; the number that it was given is none.
    NoIdentity,
    /// A pass whose password was not proved.
    PasswordNotProved,
    /// A pass whose lock was not read back as set, or whose paths are not as the lock says (charge always on).
    LeaseNotProved,
    /// Ends before it starts.
    TimesReversed,
    /// A pass that names another bundle or operation than the one it was worked with.
    BundleDiffers,
    /// A pass without a parameter of the profile.
    ParameterMissing { name: String },
    /// A pass with a parameter that the profile does not have, or has once only.
    ParameterNotInProfile { name: String },
    /// A pass whose parameter was set to something else than the profile's value, or the order's, or says the wrong one of the two.
    ParameterDiffersFromProfile { name: String },
    /// A pass without a measurement of the procedure.
    MeasurementMissing { name: String },
    /// A pass with a measurement that the procedure does not have, or has once only.
    MeasurementNotInProcedure { name: String },
    /// A pass whose measurement has other limits, another unit, time or source than the procedure's.
    MeasurementDiffersFromProcedure { name: String },
    /// A pass whose measurement rests on a known stimulus and does not say it.
    StimulusMissing { name: String },
    /// A pass without the answer to a question of the procedure, with one that the question does not take or that is not the
    /// measurement that it is said to be, or with one that nobody asked for there.
    AnswerNotProved { name: String },
    /// A pass with another image or version than the bundle's.
    FirmwareDiffersFromBundle,
    /// A pass that left the board in another state than the procedure's.
    LeaseDiffersFromProcedure,
    /// A unique identifier of it belongs to another unit. The server alone can know.
    IdentityOfAnotherUnit,
    /// A pass of a board that was not to be worked when the run began: it was on hold, had left the factory, or was a reference. The server alone can
    /// know.
    NotToBeWorked { verdict: AdmissionVerdict },
    /// A pass of a unit that has another one in this operation, and of the two the later was begun by no order to work it once more: a
    /// station off line could not know. What was done was done, and it stays a pass. The server alone can know.
    PassedAlready { run_id: RunId },
    /// A pass that claims what its procedure does not order: this step, or what it would have brought.
    NotOrdered { step: Step },
    /// A pass whose number was not read from the board after the restart, where the procedure writes it there.
    NumberNotProved,
    /// A pass whose image is said to have been found on the board though it was sent, or by evidence that does not spare the
    /// transfer; or to have been sent in a step that was skipped.
    FoundWithoutProof { step: Step },
    /// A pass without a lock whose paths were not both read on.
    OutputNotProved,
    /// A pass whose steps were not done in the procedure's order.
    StepsOutOfOrder,
    /// A pass whose board was changed after its proof, as that of a run that failed is.
    TornDown,
    /// A pass whose board is not shown to be in the state in which its procedure ships it.
    ShipStateNotProved,
    /// A pass of a batch of scanned labels whose number was not scanned or has not their form; or one whose number is said to be scanned
    /// where numbers are lent.
    LabelNotProved,
}

/// What a doubt is about; each has one of them at most.
#[derive(Default, Deserialize)]
#[serde(default)]
struct About {
    name: Option<String>,
    step: Option<Step>,
    run_id: Option<RunId>,
    verdict: Option<AdmissionVerdict>,
}

impl RecordDoubt {
    /// As it is written; none: there is no such doubt, or what it is about is missing.
    fn read(kind: &str, about: About) -> Option<Self> {
        Some(match kind {
            "fault_and_outcome_disagree" => Self::FaultAndOutcomeDisagree,
            "step_not_passed" => Self::StepNotPassed { step: about.step? },
            "measurement_outside_limits" => Self::MeasurementOutsideLimits { name: about.name? },
            "parameter_not_verified" => Self::ParameterNotVerified { name: about.name? },
            "firmware_not_proved" => Self::FirmwareNotProved,
            "no_serial" => Self::NoSerial,
            "board_of_another_variant" => Self::BoardOfAnotherVariant,
            "no_identity" => Self::NoIdentity,
            "password_not_proved" => Self::PasswordNotProved,
            "lease_not_proved" => Self::LeaseNotProved,
            "times_reversed" => Self::TimesReversed,
            "bundle_differs" => Self::BundleDiffers,
            "parameter_missing" => Self::ParameterMissing { name: about.name? },
            "parameter_not_in_profile" => Self::ParameterNotInProfile { name: about.name? },
            "parameter_differs_from_profile" => Self::ParameterDiffersFromProfile { name: about.name? },
            "measurement_missing" => Self::MeasurementMissing { name: about.name? },
            "measurement_not_in_procedure" => Self::MeasurementNotInProcedure { name: about.name? },
            "measurement_differs_from_procedure" => {
                Self::MeasurementDiffersFromProcedure { name: about.name? }
            }
            "stimulus_missing" => Self::StimulusMissing { name: about.name? },
            "answer_not_proved" => Self::AnswerNotProved { name: about.name? },
            "firmware_differs_from_bundle" => Self::FirmwareDiffersFromBundle,
            "lease_differs_from_procedure" => Self::LeaseDiffersFromProcedure,
            "identity_of_another_unit" => Self::IdentityOfAnotherUnit,
            "not_to_be_worked" => Self::NotToBeWorked { verdict: about.verdict? },
            "passed_already" => Self::PassedAlready { run_id: about.run_id? },
            "not_ordered" => Self::NotOrdered { step: about.step? },
            "number_not_proved" => Self::NumberNotProved,
            "found_without_proof" => Self::FoundWithoutProof { step: about.step? },
            "output_not_proved" => Self::OutputNotProved,
            "steps_out_of_order" => Self::StepsOutOfOrder,
            "torn_down" => Self::TornDown,
            "ship_state_not_proved" => Self::ShipStateNotProved,
            "label_not_proved" => Self::LabelNotProved,
            _ => return None,
        })
    }
}

/// Read by hand, all kinds alike: what serde would make of it weighs as much in a browser as a page.
impl<'de> Deserialize<'de> for RecordDoubt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Doubt;
        impl<'de> Visitor<'de> for Doubt {
            type Value = RecordDoubt;

            fn expecting(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
                text.write_str("a doubt of a record")
            }

            fn visit_str<E: Error>(self, kind: &str) -> Result<RecordDoubt, E> {
                RecordDoubt::read(kind, About::default()).ok_or_else(|| unknown(kind))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RecordDoubt, A::Error> {
                let Some((kind, about)) = map.next_entry::<String, About>()? else {
                    return Err(unknown(""));
                };
                RecordDoubt::read(&kind, about).ok_or_else(|| unknown(&kind))
            }
        }
        deserializer.deserialize_any(Doubt)
    }
}

fn unknown<E: Error>(kind: &str) -> E {
    E::custom(format_args!("no doubt is called {kind:?}, or what it is about is missing"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_doubt_is_read_as_it_is_written() {
        use RecordDoubt as D;
        let name = || "cell_count".to_owned();
        let all = [
            RecordDoubt::FaultAndOutcomeDisagree,
            RecordDoubt::StepNotPassed { step: Step::Verify },
            RecordDoubt::MeasurementOutsideLimits { name: name() },
            RecordDoubt::ParameterNotVerified { name: name() },
            RecordDoubt::FirmwareNotProved,
            RecordDoubt::NoSerial,
            RecordDoubt::BoardOfAnotherVariant,
            RecordDoubt::NoIdentity,
            RecordDoubt::PasswordNotProved,
            RecordDoubt::LeaseNotProved,
            RecordDoubt::TimesReversed,
            RecordDoubt::BundleDiffers,
            RecordDoubt::ParameterMissing { name: name() },
            RecordDoubt::ParameterNotInProfile { name: name() },
            RecordDoubt::ParameterDiffersFromProfile { name: name() },
            RecordDoubt::MeasurementMissing { name: name() },
            RecordDoubt::MeasurementNotInProcedure { name: name() },
            RecordDoubt::MeasurementDiffersFromProcedure { name: name() },
            RecordDoubt::StimulusMissing { name: name() },
            RecordDoubt::AnswerNotProved { name: name() },
            RecordDoubt::FirmwareDiffersFromBundle,
            RecordDoubt::LeaseDiffersFromProcedure,
            RecordDoubt::IdentityOfAnotherUnit,
            RecordDoubt::NotToBeWorked { verdict: AdmissionVerdict::OnHold },
            RecordDoubt::PassedAlready { run_id: RunId(uuid::Uuid::from_u128(7)) },
            RecordDoubt::NotOrdered { step: Step::Verify },
            RecordDoubt::NumberNotProved,
            RecordDoubt::FoundWithoutProof { step: Step::Verify },
            RecordDoubt::OutputNotProved,
            RecordDoubt::StepsOutOfOrder,
            RecordDoubt::TornDown,
            RecordDoubt::ShipStateNotProved,
            RecordDoubt::LabelNotProved,
        ];
        // One that is new does not compile until it stands here, and is not found until it stands above.
        let place = |doubt: &RecordDoubt| match doubt {
            D::FaultAndOutcomeDisagree => 0,
            D::StepNotPassed { .. } => 1,
            D::MeasurementOutsideLimits { .. } => 2,
            D::ParameterNotVerified { .. } => 3,
            D::FirmwareNotProved => 4,
            D::NoSerial => 5,
            D::BoardOfAnotherVariant => 6,
            D::NoIdentity => 7,
            D::PasswordNotProved => 8,
            D::LeaseNotProved => 9,
            D::TimesReversed => 10,
            D::BundleDiffers => 11,
            D::ParameterMissing { .. } => 12,
            D::ParameterNotInProfile { .. } => 13,
            D::ParameterDiffersFromProfile { .. } => 14,
            D::MeasurementMissing { .. } => 15,
            D::MeasurementNotInProcedure { .. } => 16,
            D::MeasurementDiffersFromProcedure { .. } => 17,
            D::StimulusMissing { .. } => 18,
            D::AnswerNotProved { .. } => 19,
            D::FirmwareDiffersFromBundle => 20,
            D::LeaseDiffersFromProcedure => 21,
            D::IdentityOfAnotherUnit => 22,
            D::NotToBeWorked { .. } => 23,
            D::PassedAlready { .. } => 24,
            D::NotOrdered { .. } => 25,
            D::NumberNotProved => 26,
            D::FoundWithoutProof { .. } => 27,
            D::OutputNotProved => 28,
            D::StepsOutOfOrder => 29,
            D::TornDown => 30,
            D::ShipStateNotProved => 31,
            D::LabelNotProved => 32,
        };
        let places: Vec<i32> = all.iter().map(place).collect();
        assert_eq!(places, (0..33).collect::<Vec<_>>());
        for doubt in all {
            let text = serde_json::to_string(&doubt).unwrap();
            assert_eq!(serde_json::from_str::<RecordDoubt>(&text).unwrap(), doubt, "{text}");
        }
    }

    #[test]
    fn a_doubt_that_nobody_knows_or_that_is_about_nothing_is_none() {
        for text in
            [r#""moonlight""#, r#""step_not_passed""#, r#"{"step_not_passed":{"name":"x"}}"#, "{}", "7"]
        {
            assert!(serde_json::from_str::<RecordDoubt>(text).is_err(), "{text}");
        }
    }
}
