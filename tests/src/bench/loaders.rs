//! Two loaders, frozen: the lengths of their texts and the times of a board that carries them. Constants of the bench, so that a ratio
//! of today and one of next year divide by the same. A change here is a change of what is measured: say so in the changelog.

use domain::model::{BootGeneration, DeviceModel};
use simulator::Delays;
use std::time::Duration;

/// Times of every board that a bench measures; what varies from board to board is none of the station's.
pub const DELAYS: Delays = Delays {
    loader_start: Duration::from_millis(150),
    application_start: Duration::from_millis(250),
    page_erase: Duration::from_micros(22_500),
    program_kib: Duration::from_millis(27),
    think: Duration::ZERO,
};

/// One generation of ST's menu loader, as its texts go over the line.
#[derive(Debug, Clone, Copy)]
pub struct FrozenLoader {
    pub name: &'static str,
    pub generation: BootGeneration,
    /// Starts the application.
    pub execute_key: u8,
    /// Bytes of banner and menu, printed once it runs.
    pub welcome: usize,
    /// Bytes of "Waiting for the file ...".
    pub waiting: usize,
    /// Silence between that text's end and the first 'C'.
    pub first_request: Duration,
    /// Bytes of the success text, without the image's name and the digits of its size, and of what is printed after it.
    pub success: usize,
    /// Bytes printed after the execute key.
    pub farewell: usize,
    pub erases: Erases,
}

/// What is erased before an image is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Erases {
    /// As many pages as the image has.
    Image,
    /// The application's whole part of the flash.
    Everything,
}

/// AN2557, firmware of 2009.
pub const SPL: FrozenLoader = FrozenLoader {
    name: "spl",
    generation: BootGeneration::Spl,
    execute_key: b'2',
    welcome: 508 + 225,
    waiting: 58,
    first_request: Duration::from_secs(1),
    success: 119 + 3,
    farewell: 0,
    erases: Erases::Image,
};

/// AN4657, firmware of 2015.
pub const HAL: FrozenLoader = FrozenLoader {
    name: "hal",
    generation: BootGeneration::Hal,
    execute_key: b'3',
    welcome: 508 + 368,
    waiting: 58,
    first_request: Duration::from_secs(1),
    success: 119 + 368,
    farewell: 32,
    erases: Erases::Everything,
};

/// Both.
pub const LOADERS: [FrozenLoader; 2] = [SPL, HAL];

/// Pages of flash that a loader erases one by one, bytes.
pub const PAGE_BYTES: u32 = 1024;

impl FrozenLoader {
    /// The model with this loader on its boards.
    #[must_use]
    pub fn on(&self, model: &DeviceModel) -> DeviceModel {
        let mut model = model.clone();
        if let Some(boot) = &mut model.boot {
            boot.generation = self.generation;
            boot.execute_key = self.execute_key;
        }
        model
    }
}
