//! An uploaded file made into the image that goes to the boards, and judged against its model. Pure.

use domain::{
    model::{DeviceModel, ImageKind, ImageSettings},
    record::bare_version,
};
use protocol::image::{
    FlashLayout, ImageContent, ImageFault, check,
    file::{ImageFile, read_image},
};

/// The image that a file holds: an Intel `.hex` becomes the bytes of the application.
///
/// # Errors
/// What keeps a `.hex` from being one for `model`.
pub fn image_of(model: &DeviceModel, name: &str, file: Vec<u8>) -> Result<ImageFile, String> {
    match &model.firmware.image {
        Some(settings) => read_image(name, file, &layout(settings))
            .map_err(|fault| format!("{name} is no image for model {}: {fault}", model.id)),
        // Refused for that, whatever it is.
        None => Ok(ImageFile { bytes: file, from_hex: None }),
    }
}

fn layout(settings: &ImageSettings) -> FlashLayout {
    FlashLayout::with_application_at(settings.base_address, settings.flash_bytes, settings.boot_bytes)
}

/// Everything that is wrong with `image` for `model`; empty for a sound one.
#[must_use]
pub fn check_image(model: &DeviceModel, version: &str, image: &[u8]) -> Vec<String> {
    let Some(firmware) = &model.firmware.image else {
        return vec![format!(
            "of model {} no way to send an image is known: leave the firmware out",
            model.id
        )];
    };
    let content = match firmware.kind {
        ImageKind::Plain => ImageContent::Plain,
        ImageKind::Opaque => ImageContent::Opaque,
    };
    let found = check(image, &layout(firmware), content);
    let mut faults: Vec<String> = found.iter().map(|fault| sentence(model, firmware, fault)).collect();
    let is_text_or_nothing = matches!(found.first(), Some(ImageFault::Empty | ImageFault::IntelHex));
    if content == ImageContent::Plain && !is_text_or_nothing {
        check_version(firmware, version, image, &mut faults);
    }
    faults
}

fn sentence(model: &DeviceModel, firmware: &ImageSettings, fault: &ImageFault) -> String {
    match fault {
        ImageFault::Empty => "the image has 0 bytes; choose the built firmware file".to_owned(),
        ImageFault::TooLarge { .. } => format!(
            "{fault} on model {}: {} bytes less {} of boot loader; build it for this model, or choose the right file",
            model.id, firmware.flash_bytes, firmware.boot_bytes
        ),
        _ => fault.to_string(),
    }
}

fn check_version(settings: &ImageSettings, version: &str, image: &[u8], faults: &mut Vec<String>) {
    let start = settings.version_offset as usize;
    let Some(field) = version_field(settings, image) else {
        faults.push(format!("the image ends before its version text at offset 0x{start:X}"));
        return;
    };
    let found = version_text(field);
    // People write 1.9 for what boards print as V1.9.
    if bare_version(&found) != bare_version(version) {
        faults.push(format!(
            "the image says version {found:?} at offset 0x{start:X}, the submission says {version:?}"
        ));
    }
}

/// The version as the board will report it: the image's own text, else what was said.
#[must_use]
pub fn version_of(model: &DeviceModel, said: &str, image: &[u8]) -> String {
    let settings = model.firmware.image.as_ref().filter(|settings| settings.kind == ImageKind::Plain);
    let field = settings.and_then(|settings| version_field(settings, image));
    field.map_or_else(|| said.to_owned(), version_text)
}

fn version_field<'a>(settings: &ImageSettings, image: &'a [u8]) -> Option<&'a [u8]> {
    let start = settings.version_offset as usize;
    image.get(start..start + settings.version_bytes as usize)
}

fn version_text(field: &[u8]) -> String {
    let text: Vec<u8> = field.iter().copied().take_while(|byte| *byte != 0).collect();
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::model::parse_model;

    fn model(kind: &str) -> DeviceModel {
        let text = include_str!("../../profiles/models/topbms.toml");
        parse_model("topbms", &text.replace("kind = \"plain\"", &format!("kind = {kind:?}"))).unwrap()
    }

    #[test]
    fn intel_hex_named_as_binary_is_refused_for_images_that_nobody_can_look_into_too() {
        let text = b":020000040800F2\n:0820000000400020012200084D\n:00000001FF\n";
        for kind in ["plain", "opaque"] {
            let model = model(kind);
            let image = image_of(&model, "fw.bin", text.to_vec()).unwrap();
            let faults = check_image(&model, "1.9", &image.bytes);
            assert!(faults.len() == 1 && faults[0].contains("Intel HEX"), "{kind}: {faults:?}");
        }
        let opaque = model("opaque");
        let image = image_of(&opaque, "fw.hex", text.to_vec()).unwrap();
        assert_eq!(image.bytes, [0, 0x40, 0, 0x20, 1, 0x22, 0, 8]);
        assert_eq!(check_image(&opaque, "1.9", &image.bytes), Vec::<String>::new());
        assert_eq!(check_image(&opaque, "1.9", &[0xFF; 64]), Vec::<String>::new());
    }
}
