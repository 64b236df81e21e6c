//! What can be told of a firmware image before it reaches a board, and the files that one comes in. The server that takes a bundle,
//! the station that works it and the tool of the bench all ask here, so that none lets pass what another refuses.
//!
//! The jump test is the one of ST's loaders (AN2557, AN4657): the first word is the initial stack pointer and must lie
//! in RAM. An image that fails it is programmed and then never started.

pub mod file;
pub mod intel_hex;

/// Where the application lies in the chip's flash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlashLayout {
    /// First address of the flash; 0800_0000h on STM32.
    pub base: u32,
    /// Bytes of flash, the boot loader's included.
    pub size: u32,
    /// Bytes the boot loader keeps at the beginning.
    pub boot_size: u32,
}

/// What is inside an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageContent {
    /// The chip's own code, beginning with its vector table.
    Plain,
    /// Encrypted or packed: only the board's loader can tell.
    Opaque,
}

impl FlashLayout {
    /// A flash of `size` bytes whose application runs at `start`, behind `boot_size` bytes of boot loader.
    #[must_use]
    pub fn with_application_at(start: u32, size: u32, boot_size: u32) -> Self {
        Self { base: start.saturating_sub(boot_size), size, boot_size }
    }

    /// Bytes left for the application.
    #[must_use]
    pub fn application_size(&self) -> u32 {
        self.size.saturating_sub(self.boot_size)
    }

    /// First address of the application.
    #[must_use]
    pub fn application_start(&self) -> u32 {
        self.base.saturating_add(self.boot_size)
    }
}

/// The first two words of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vectors {
    /// Initial stack pointer.
    pub stack: u32,
    /// Reset vector, bit 0 set (Thumb).
    pub reset: u32,
}

/// Why an image must not be flashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ImageFault {
    #[error("the image is empty")]
    Empty,
    #[error("the image has {length} bytes, the flash has room for {room}")]
    TooLarge { length: usize, room: u32 },
    #[error(
        "the image is the text of an Intel HEX file, not the bytes that go to a board; name the file .hex, so that it is read as one"
    )]
    IntelHex,
    #[error("the image has {0} bytes and therefore no vector table (8 bytes)")]
    NoVectors(usize),
    #[error("the image begins with {0:08X}h, which is no stack in RAM: the boot loader would never start it")]
    Stack(u32),
    #[error(
        "the image's reset vector {0:08X}h has bit 0 clear: the processor would fault at its first instruction"
    )]
    NotThumb(u32),
    #[error(
        "the image's reset vector {reset:08X}h lies outside the image at {start:08X}h..{end:08X}h: linked for another place"
    )]
    ResetOutside { reset: u32, start: u32, end: u32 },
}

/// Everything that is wrong with an image, the gravest first; empty for one that may be sent.
#[must_use]
pub fn check(image: &[u8], layout: &FlashLayout, content: ImageContent) -> Vec<ImageFault> {
    if file::looks_like_intel_hex(image) {
        return vec![ImageFault::IntelHex];
    }
    let size = check_size(image.len(), layout).err();
    if size == Some(ImageFault::Empty) {
        return vec![ImageFault::Empty];
    }
    let vectors = match content {
        ImageContent::Plain => check_vectors(image, layout).err(),
        ImageContent::Opaque => None,
    };
    size.into_iter().chain(vectors).collect()
}

/// Whether an image of `length` bytes fits behind the boot loader. The loaders themselves do not check this rightly.
///
/// # Errors
/// [`ImageFault::Empty`] or [`ImageFault::TooLarge`].
pub fn check_size(length: usize, layout: &FlashLayout) -> Result<(), ImageFault> {
    let room = layout.application_size();
    match length {
        0 => Err(ImageFault::Empty),
        _ if length as u64 > u64::from(room) => Err(ImageFault::TooLarge { length, room }),
        _ => Ok(()),
    }
}

/// Whether the image's vector table makes sense where it will lie.
///
/// # Errors
/// [`ImageFault`]; size is not looked at here.
pub fn check_vectors(image: &[u8], layout: &FlashLayout) -> Result<Vectors, ImageFault> {
    let (Some(stack), Some(reset)) = (word(image, 0), word(image, 4)) else {
        return Err(ImageFault::NoVectors(image.len()));
    };
    if !stack_is_in_ram(stack) {
        return Err(ImageFault::Stack(stack));
    }
    if reset & 1 == 0 {
        return Err(ImageFault::NotThumb(reset));
    }
    let start = layout.application_start();
    let end = start.saturating_add(u32::try_from(image.len()).unwrap_or(u32::MAX));
    if !(start..end).contains(&(reset & !1)) {
        return Err(ImageFault::ResetOutside { reset, start, end });
    }
    Ok(Vectors { stack, reset })
}

/// The loader's own jump test, no more: what a loader does with an image.
#[must_use]
pub fn boots(image: &[u8]) -> bool {
    word(image, 0).is_some_and(stack_is_in_ram)
}

/// `(sp & 2FFE0000h) == 20000000h`, as in both application notes: a stack in the first 128 KiB of RAM.
fn stack_is_in_ram(stack: u32) -> bool {
    stack & 0x2FFE_0000 == 0x2000_0000
}

fn word(image: &[u8], at: usize) -> Option<u32> {
    image.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUT: FlashLayout = FlashLayout { base: 0x0800_0000, size: 0x2_0000, boot_size: 0x3000 };

    fn image(stack: u32, reset: u32) -> Vec<u8> {
        let mut image = [stack.to_le_bytes(), reset.to_le_bytes()].concat();
        image.resize(4096, 0xA5);
        image
    }

    #[test]
    fn a_proper_image_passes() {
        let good = image(0x2000_5000, 0x0800_3101);
        assert_eq!(check_vectors(&good, &LAYOUT), Ok(Vectors { stack: 0x2000_5000, reset: 0x0800_3101 }));
        assert!(boots(&good));
        assert_eq!(check_size(good.len(), &LAYOUT), Ok(()));
    }

    #[test]
    fn an_image_larger_than_the_room_behind_the_boot_loader_is_refused() {
        assert_eq!(check_size(0x1_D000, &LAYOUT), Ok(()));
        assert_eq!(
            check_size(0x1_D001, &LAYOUT),
            Err(ImageFault::TooLarge { length: 0x1_D001, room: 0x1_D000 })
        );
        assert_eq!(check_size(0, &LAYOUT), Err(ImageFault::Empty));
    }

    #[test]
    fn an_image_whose_first_word_is_no_stack_is_refused() {
        let bad = image(0xFFFF_FFFF, 0x0800_3101);
        assert_eq!(check_vectors(&bad, &LAYOUT), Err(ImageFault::Stack(0xFFFF_FFFF)));
        assert!(!boots(&bad));
        assert!(!boots(&[0, 0, 0]));
        assert_eq!(check_vectors(&[0; 7], &LAYOUT), Err(ImageFault::NoVectors(7)));
    }

    #[test]
    fn text_of_intel_hex_is_no_image_of_any_kind() {
        let text = b":020000040800F2\n:023000000102CB\n:00000001FF\n";
        for content in [ImageContent::Plain, ImageContent::Opaque] {
            assert_eq!(check(text, &LAYOUT, content), [ImageFault::IntelHex], "{content:?}");
        }
    }

    #[test]
    fn every_fault_of_an_image_is_told_and_an_opaque_one_is_not_asked_for_vectors() {
        let mut bad = image(0xFFFF_FFFF, 0x0800_3101);
        bad.resize(0x1_D001, 0);
        let too_large = ImageFault::TooLarge { length: 0x1_D001, room: 0x1_D000 };
        assert_eq!(check(&bad, &LAYOUT, ImageContent::Plain), [too_large, ImageFault::Stack(0xFFFF_FFFF)]);
        assert_eq!(check(&bad, &LAYOUT, ImageContent::Opaque), [too_large]);
        assert_eq!(check(&[], &LAYOUT, ImageContent::Plain), [ImageFault::Empty]);
        assert_eq!(check(&[], &LAYOUT, ImageContent::Opaque), [ImageFault::Empty]);
        assert_eq!(check(&image(0x2000_5000, 0x0800_3101), &LAYOUT, ImageContent::Plain), []);
    }

    #[test]
    fn an_image_linked_for_another_place_is_refused() {
        let bad = image(0x2000_5000, 0x0800_0101);
        assert!(matches!(check_vectors(&bad, &LAYOUT), Err(ImageFault::ResetOutside { .. })));
        assert_eq!(
            check_vectors(&image(0x2000_5000, 0x0800_3100), &LAYOUT),
            Err(ImageFault::NotThumb(0x0800_3100))
        );
    }
}
