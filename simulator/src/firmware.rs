//! Builds images that the simulated board starts: vector table, version text, incompressible body, checksum.

use domain::model::DeviceModel;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use crate::flash::hardware_crc32;

/// Why an image cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageRefusal {
    #[error(
        "an image of {asked} bytes is outside {least}..={most}, which model {model} takes; choose --size within that"
    )]
    Size { model: String, asked: u32, least: u32, most: u32 },
    #[error("the version {version:?} is not 1 to {most} printable ASCII characters; shorten --version")]
    Version { version: String, most: u32 },
    #[error("of model {model} no way to send an image is known, so there is none to build")]
    NoLoader { model: String },
}

/// An image of `size` bytes that says it is `version` (`V1.9`) and differs with `seed` everywhere but in its head.
///
/// # Errors
/// Where the model's flash or version field cannot hold it.
pub fn build_image(
    model: &DeviceModel,
    version: &str,
    size: u32,
    seed: u64,
) -> Result<Vec<u8>, ImageRefusal> {
    let Some(firmware) = &model.firmware.image else {
        return Err(ImageRefusal::NoLoader { model: model.id.clone() });
    };
    let least = (firmware.version_offset + firmware.version_bytes).max(8) + 8;
    let most = model.image_capacity();
    if !(least..=most).contains(&size) {
        return Err(ImageRefusal::Size { model: model.id.clone(), asked: size, least, most });
    }
    if version.is_empty()
        || version.len() > firmware.version_bytes as usize
        || !version.bytes().all(|b| b.is_ascii_graphic())
    {
        return Err(ImageRefusal::Version { version: version.to_owned(), most: firmware.version_bytes });
    }
    let mut image = vec![0; size as usize];
    StdRng::seed_from_u64(seed).fill(&mut image[..]);
    // The stack ends 16 KiB into RAM; the reset handler lies right behind the version field, as a thumb address.
    let reset =
        firmware.base_address + (firmware.version_offset + firmware.version_bytes).max(8).next_multiple_of(4);
    image[..4].copy_from_slice(&0x2000_4000_u32.to_le_bytes());
    image[4..8].copy_from_slice(&(reset | 1).to_le_bytes());
    let at = firmware.version_offset as usize;
    let field = &mut image[at..at + firmware.version_bytes as usize];
    field.fill(0);
    field[..version.len()].copy_from_slice(version.as_bytes());
    let end = image.len() - 4;
    let checksum = hardware_crc32(&image[..end]);
    image[end..].copy_from_slice(&checksum.to_le_bytes());
    Ok(image)
}

/// `1.9` and `V1.9` both mean `V1.9`, the way boards print it.
#[must_use]
pub fn version_text(version: &str) -> String {
    if version.starts_with(|c: char| c.is_ascii_digit()) { format!("V{version}") } else { version.to_owned() }
}
