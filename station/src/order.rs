//! A work order: an assignment with its bundle, checked and parsed. The only way from a bundle to a board.

use crate::{board::FirmwareImage, flash};
use domain::{
    api::stations::Assignment,
    bundle::{BundleContent, BundleManifest, BundleRef},
    floor::{BatchHold, FloorRules},
    ids::BatchId,
    label::{LabelForm, LabelRule, NumberSource, check_label_form},
    label_template::{LabelTemplate, parse_label_template},
    labelling::LabelMode,
    model::{DeviceModel, Severity, parse_model},
    procedure::{Procedure, check_pairing, check_procedure, parse_procedure},
    profile::{OrderValues, Profile, check_profile, parse_profile},
    record::Expected,
    rules::{Ratings, test_current_a},
    text::{Fault, FaultCode},
};
use ed25519_dalek::VerifyingKey;
use std::sync::Arc;

/// What a slot works by.
#[derive(Debug, Clone)]
pub struct WorkOrder {
    pub batch_id: BatchId,
    pub batch_name: String,
    /// Units that the batch is for.
    pub quantity: u32,
    pub operator: String,
    /// Fails in a row behind which a board waits for a rework entry.
    pub fails_allowed: u8,
    /// What the batch's order says of parameters; the profile holds it.
    pub order_values: OrderValues,
    /// The form of the labels that stick on its boards, each its number; none: nobody scans one before a board is worked.
    pub labels: Option<LabelForm>,
    /// When its units' labels are printed.
    pub label_mode: LabelMode,
    /// Who ordered it.
    pub customer: String,
    /// What its batch asks of the jig beyond its boards.
    pub floor: FloorRules,
    /// Quality holds its batch.
    pub hold: Option<BatchHold>,
    pub bundle: BundleRef,
    pub manifest: BundleManifest,
    pub model: Arc<DeviceModel>,
    pub profile: Arc<Profile>,
    pub procedure: Arc<Procedure>,
    /// None: the procedure sends none.
    pub image: Option<Arc<FirmwareImage>>,
    /// What is printed for its units; none: nothing.
    pub label: Option<Arc<ReleasedLabel>>,
}

/// A template, and its text as it was released.
#[derive(Debug, Clone, PartialEq)]
pub struct ReleasedLabel {
    pub template: LabelTemplate,
    pub text: String,
}

impl WorkOrder {
    /// Checks hashes, signature, the two people, and every part's own rules.
    ///
    /// # Errors
    /// `BundleRefused` with the first thing that does not hold; then nothing of the bundle reaches a board.
    pub fn check(
        assignment: &Assignment,
        content: &BundleContent,
        release_key: &VerifyingKey,
        boards: Boards,
    ) -> Result<Self, Fault> {
        let image = content.check(&assignment.bundle, release_key).map_err(refused)?;
        let manifest = &content.manifest;
        let model = parse_model(&manifest.model.id, &content.model_toml).map_err(first)?;
        // What the order says counts as if it had stood there, for the rules and for every write.
        let profile = parse_profile(&manifest.profile.id, &content.profile_toml).map_err(first)?;
        let profile = profile.ordered(&assignment.order_values).map_err(first)?;
        let procedure = parse_procedure(&manifest.procedure.id, &content.procedure_toml).map_err(first)?;
        let label = manifest.label.as_ref().map(|file| parse_label_template(&file.id, &content.label_toml));
        let label = label.transpose().map_err(first)?;
        let label = label.map(|template| ReleasedLabel { template, text: content.label_toml.clone() });
        check_parts(&model, &profile, &procedure, manifest, image.as_deref())?;
        if let Some(why) =
            assignment.labels.as_ref().and_then(|form| check_label_form(form, &procedure, &model))
        {
            return Err(refused(format!("the labels of its batch: {why}")));
        }
        if boards == Boards::Real && model.has_assumed_parts() {
            return Err(refused(format!(
                "device model {} r{} rests on assumed facts and is for simulators only, and this station works real boards; \
                 put the vendor's map in and release it anew",
                model.id, model.revision
            )));
        }
        let version = content.manifest.firmware.as_ref().map(|firmware| firmware.version.as_str());
        let name = format!("{}-{}.bin", model.id, version.unwrap_or_default());
        let image = image.map(|bytes| Arc::new(FirmwareImage { name: file_name(&name), bytes }));
        Ok(Self {
            batch_id: assignment.batch_id,
            batch_name: assignment.batch_name.clone(),
            quantity: assignment.quantity,
            operator: assignment.operator.clone(),
            fails_allowed: assignment.fails_allowed,
            order_values: assignment.order_values.clone(),
            labels: assignment.label_mode.scanned(assignment.labels.as_ref()),
            label_mode: assignment.label_mode,
            customer: assignment.customer.clone(),
            floor: assignment.floor,
            hold: assignment.hold.clone(),
            bundle: content.manifest.reference(),
            manifest: content.manifest.clone(),
            model: Arc::new(model),
            profile: Arc::new(profile),
            procedure: Arc::new(procedure),
            image,
            label: label.map(Arc::new),
        })
    }
}

impl WorkOrder {
    /// What the rules over the profile's parameters may ask for.
    #[must_use]
    pub fn ratings(&self) -> Ratings {
        Ratings::on_jig(&self.profile, &self.procedure)
    }

    /// What the record of a pass must hold.
    #[must_use]
    pub fn expected(&self) -> Expected {
        Expected::of(&self.profile, &self.procedure, &self.manifest)
            .on_boards_of(&self.model, &self.profile)
            .with_order(&self.order_values)
            .with_labels(self.labels.as_ref())
    }

    /// Why no board of it is begun, where quality holds it.
    #[must_use]
    pub fn held(&self) -> Option<Fault> {
        let BatchHold { reason, by, .. } = self.hold.as_ref()?;
        Some(
            Fault::new(FaultCode::BatchHeld)
                .with("batch", &self.batch_name)
                .with("reason", reason)
                .with("by", by),
        )
    }

    /// Where its numbers come from.
    #[must_use]
    pub fn number_source(&self) -> NumberSource {
        match (self.label_mode, &self.labels) {
            (LabelMode::Before, _) => NumberSource::Printed,
            (_, Some(_)) => NumberSource::Label,
            (_, None) => NumberSource::Lent,
        }
    }

    /// Which texts are labels of its boards; none: nobody scans one.
    #[must_use]
    pub fn label_rule(&self) -> Option<LabelRule> {
        self.labels.clone().map(|form| LabelRule::new(form, &self.procedure.number.pattern))
    }
}

/// What stands in the slots of a station.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boards {
    Real,
    Simulated,
}

fn check_parts(
    model: &DeviceModel,
    profile: &Profile,
    procedure: &Procedure,
    manifest: &BundleManifest,
    image: Option<&[u8]>,
) -> Result<(), Fault> {
    match (&procedure.flash, image) {
        (Some(_), None) => return Err(refused("its procedure sends an image, and it has none")),
        (None, Some(_)) => return Err(refused("it has an image that its procedure does not send")),
        (Some(_), Some(image)) => check_image(model, manifest, image)?,
        (None, None) => {}
    }
    let found = check_profile(profile, model, Some(test_current_a(procedure)));
    none_of(found.into_iter().filter(|fault| fault.severity == Severity::Error).collect())?;
    none_of(check_pairing(procedure, profile).into_iter().collect())?;
    none_of(check_procedure(procedure, model))
}

/// The image as the server looked at it, and against what the manifest says of it: the board's own CRC is held against the
/// manifest's, so a wrong one there would fail every board, or pass one with another image.
fn check_image(model: &DeviceModel, manifest: &BundleManifest, image: &[u8]) -> Result<(), Fault> {
    // A procedure that sends an image to boards that take none is refused by its own check.
    if let Some(settings) = &model.firmware.image {
        flash::check_image(settings, image)
            .map_err(|fault| refused(format!("{fault}; it is for model {}", model.id)))?;
    }
    let Some(named) = &manifest.firmware else {
        return Err(refused("it has an image that its manifest does not name"));
    };
    let (bytes, crc32) = (image.len(), protocol::crc::crc32(image));
    if u64::from(named.bytes) != bytes as u64 || named.crc32 != crc32 {
        return Err(refused(format!(
            "its image has {bytes} bytes and CRC-32 {crc32:08X}h, its manifest says {} bytes and {:08X}h; release it anew",
            named.bytes, named.crc32
        )));
    }
    Ok(())
}

fn none_of<F: ToString>(faults: Vec<F>) -> Result<(), Fault> {
    if faults.is_empty() { Ok(()) } else { Err(first(faults)) }
}

/// YMODEM's block 0 takes printable ASCII without spaces, 1 to 63 characters.
fn file_name(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_graphic() { c } else { '-' }).take(63).collect()
}

/// The first fault, and how many stand behind it.
#[expect(clippy::needless_pass_by_value, reason = "stands in map_err")]
fn first<F: ToString>(faults: Vec<F>) -> Fault {
    let more = faults.len().saturating_sub(1);
    let text = faults.first().map(ToString::to_string).unwrap_or_default();
    refused(if more == 0 { text } else { format!("{text} (and {more} more)") })
}

#[expect(clippy::needless_pass_by_value, reason = "stands in map_err")]
fn refused(detail: impl ToString) -> Fault {
    Fault::new(FaultCode::BundleRefused).with("detail", detail.to_string())
}
