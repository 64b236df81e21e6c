//! An uploaded image judged against its model. Pure.

use domain::{
    model::{DeviceModel, ImageKind},
    record::bare_version,
};
use protocol::image::{FlashLayout, ImageFault, check_size, check_vectors};

/// Everything that is wrong with `image` for `model`; empty for a sound one.
#[must_use]
pub fn check_image(model: &DeviceModel, version: &str, image: &[u8]) -> Vec<String> {
    let firmware = &model.firmware;
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
    if firmware.image_kind == ImageKind::Opaque {
        return faults;
    }
    faults.extend(check_vectors(image, &layout).err().map(|fault| fault.to_string()));
    check_version(model, version, image, &mut faults);
    faults
}

fn check_version(model: &DeviceModel, version: &str, image: &[u8], faults: &mut Vec<String>) {
    let start = model.firmware.version_offset as usize;
    let Some(field) = image.get(start..start + model.firmware.version_bytes as usize) else {
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
    let start = model.firmware.version_offset as usize;
    match image.get(start..start + model.firmware.version_bytes as usize) {
        Some(field) if model.firmware.image_kind == ImageKind::Plain => version_text(field),
        _ => said.to_owned(),
    }
}

fn version_text(field: &[u8]) -> String {
    let text: Vec<u8> = field.iter().copied().take_while(|byte| *byte != 0).collect();
    String::from_utf8_lossy(&text).into_owned()
}
