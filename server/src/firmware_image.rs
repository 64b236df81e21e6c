//! An uploaded image judged against its model. Pure.

use domain::{
    model::{DeviceModel, ImageKind, ImageSettings},
    record::bare_version,
};
use protocol::image::{FlashLayout, ImageFault, check_size, check_vectors};

/// Everything that is wrong with `image` for `model`; empty for a sound one.
#[must_use]
pub fn check_image(model: &DeviceModel, version: &str, image: &[u8]) -> Vec<String> {
    let Some(firmware) = &model.firmware.image else {
        return vec![format!(
            "of model {} no way to send an image is known: leave the firmware out",
            model.id
        )];
    };
    let layout = FlashLayout {
        base: firmware.base_address.saturating_sub(firmware.boot_bytes),
        size: firmware.flash_bytes,
        boot_size: firmware.boot_bytes,
    };
    let mut faults = Vec::new();
    match check_size(image.len(), &layout) {
        Err(ImageFault::Empty) => {
            return vec!["the image has 0 bytes; choose the built firmware file".to_owned()];
        }
        Err(fault) => faults.push(format!(
            "{fault} on model {}: {} bytes less {} of boot loader; build it for this model, or choose the right file",
            model.id, firmware.flash_bytes, firmware.boot_bytes
        )),
        Ok(()) => {}
    }
    if firmware.kind == ImageKind::Opaque {
        return faults;
    }
    faults.extend(check_vectors(image, &layout).err().map(|fault| fault.to_string()));
    check_version(firmware, version, image, &mut faults);
    faults
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
