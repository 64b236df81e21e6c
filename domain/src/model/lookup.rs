//! Finding things in a model by name and by address.

use super::{Block, Command, DeviceModel, Provenance, Register, RegisterKind};

impl Register {
    /// Registers it takes.
    #[must_use]
    pub fn width(&self) -> u16 {
        match self.kind {
            RegisterKind::U32 | RegisterKind::I32 | RegisterKind::F32 => 2,
            RegisterKind::AsciiNul | RegisterKind::AsciiSpace | RegisterKind::AsciiLength => {
                self.count.unwrap_or(1)
            }
            _ => 1,
        }
    }
}

impl DeviceModel {
    /// The register of that name.
    #[must_use]
    pub fn register(&self, name: &str) -> Option<&Register> {
        self.registers.iter().find(|register| register.name == name)
    }

    /// The command of that name.
    #[must_use]
    pub fn command(&self, name: &str) -> Option<&Command> {
        self.commands.iter().find(|command| command.name == name)
    }

    /// Whether a part of the model is not known but assumed: such a model is for simulators only.
    #[must_use]
    pub fn has_assumed_parts(&self) -> bool {
        let assumed = |provenance| provenance == Provenance::Assumed;
        assumed(self.provenance)
            || assumed(self.boot.provenance)
            || self.blocks.iter().any(|block| assumed(block.provenance))
    }

    /// The block that holds all of `count` registers from `address`.
    #[must_use]
    pub fn block_of(&self, address: u16, count: u16) -> Option<&Block> {
        let end = u32::from(address) + u32::from(count);
        self.blocks.iter().find(|b| b.start <= address && end <= u32::from(b.start) + u32::from(b.count))
    }

    /// The parameters, in file order.
    pub fn parameters(&self) -> impl Iterator<Item = &Register> {
        self.registers.iter().filter(|register| register.parameter)
    }

    /// Register of cell `index`'s voltage, counted from 1.
    #[must_use]
    pub fn cell(&self, index: u8) -> Option<&Register> {
        self.register(&format!("{}{index}{}", self.cells.register_prefix, self.cells.register_suffix))
    }

    /// Largest image, bytes.
    #[must_use]
    pub fn image_capacity(&self) -> u32 {
        self.firmware.flash_bytes.saturating_sub(self.firmware.boot_bytes)
    }
}
