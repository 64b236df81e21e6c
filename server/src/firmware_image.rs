//! An uploaded image judged against its model. Pure.

use domain::model::{DeviceModel, ImageKind};

/// Everything that is wrong with `image` for `model`; empty for a sound one.
#[must_use]
pub fn check_image(model: &DeviceModel, version: &str, image: &[u8]) -> Vec<String> {
    if image.is_empty() {
        return vec!["the image has 0 bytes; choose the built firmware file".to_owned()];
    }
    let mut faults = Vec::new();
    let capacity = model.image_capacity();
    if image.len() > capacity as usize {
        faults.push(format!(
            "the image has {} bytes, model {} takes at most {capacity} ({} bytes of flash less {} of boot loader)",
            image.len(),
            model.id,
            model.firmware.flash_bytes,
            model.firmware.boot_bytes
        ));
    }
    if model.firmware.image_kind == ImageKind::Opaque {
        return faults;
    }
    check_vectors(model, image, &mut faults);
    check_version(model, version, image, &mut faults);
    faults
}

fn word(image: &[u8], at: usize) -> Option<u32> {
    image.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_le_bytes)
}

/// A Cortex-M image begins with its stack pointer (in RAM) and its reset handler (in itself, Thumb bit set).
fn check_vectors(model: &DeviceModel, image: &[u8], faults: &mut Vec<String>) {
    let (Some(stack), Some(reset)) = (word(image, 0), word(image, 4)) else {
        faults.push("the image is too short for a vector table".to_owned());
        return;
    };
    // What ST's loaders test before they jump (AN2557, AN4657).
    if stack & 0x2FFE_0000 != 0x2000_0000 {
        faults.push(format!(
            "the vector table's stack pointer 0x{stack:08X} does not lie in RAM (0x2000_0000..0x2001_FFFF)"
        ));
    }
    let base = model.firmware.base_address;
    let end = u64::from(base) + image.len() as u64;
    let inside = u64::from(reset & !1) >= u64::from(base) && u64::from(reset & !1) < end;
    if reset & 1 == 0 || !inside {
        faults.push(format!(
            "the vector table's reset handler 0x{reset:08X} is no Thumb address within the image at 0x{base:08X}; was it built for another address?"
        ));
    }
}

fn check_version(model: &DeviceModel, version: &str, image: &[u8], faults: &mut Vec<String>) {
    let start = model.firmware.version_offset as usize;
    let Some(field) = image.get(start..start + model.firmware.version_bytes as usize) else {
        faults.push(format!("the image ends before its version text at offset 0x{start:X}"));
        return;
    };
    let found = version_text(field);
    // People write 1.9 for what boards print as V1.9.
    let plain = |text: &str| text.trim_start_matches(['V', 'v']).to_owned();
    if plain(&found) != plain(version) {
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
