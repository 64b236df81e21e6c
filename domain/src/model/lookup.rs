//! Finding things in a model by name and by address.

use super::{
    Access, AddressStep, Block, BootSettings, Command, DeviceModel, IdentityField, IdentitySettings,
    ImageSettings, Register, RegisterKind, ValidFrom,
};

impl Command {
    /// Its value as bytes, high first: one where the model says so, or two.
    #[must_use]
    pub fn value_bytes(&self) -> Vec<u8> {
        match (self.bytes, self.value.to_be_bytes()) {
            (Some(1), [_, low]) => vec![low],
            (_, both) => both.to_vec(),
        }
    }
}

impl Register {
    /// Bytes of its value.
    #[must_use]
    pub fn bytes(&self) -> u16 {
        use RegisterKind as K;
        match self.kind {
            K::U8High | K::U8Low | K::Version => 1,
            K::U16 | K::I16 | K::Bits | K::Enum | K::DatePacked => 2,
            K::U32 | K::I32 | K::F32 | K::Bits32 | K::DateBytes => 4,
            // A word for each.
            K::Coils => 16,
            K::AsciiNul | K::AsciiSpace | K::AsciiLength | K::Hex => {
                self.bytes.unwrap_or_else(|| self.count.unwrap_or(1).saturating_mul(2))
            }
        }
    }

    /// 16-bit words of its raw value: what the codec takes and gives. A single byte is one word.
    #[must_use]
    pub fn width(&self) -> u16 {
        self.bytes().div_ceil(2)
    }

    /// With the scale that holds while the bit of its `scale_when` is set.
    #[must_use]
    pub fn rescaled(&self) -> Self {
        let mut other = self.clone();
        if let Some(when) = &self.scale_when {
            other.scale = when.scale;
        }
        other
    }
}

impl IdentitySettings {
    /// Whether a board whose model register reads `value` is of this model.
    #[must_use]
    pub fn names(&self, value: &str) -> bool {
        self.model_values.iter().any(|own| {
            own == value || self.model_prefix && !own.is_empty() && value.starts_with(own.as_str())
        })
    }
}

impl DeviceModel {
    /// Whether that register can be read: its block does not only take writes.
    #[must_use]
    pub fn can_read(&self, register: &Register) -> bool {
        self.block(register).is_some_and(|block| block.access != Access::WriteOnly)
    }

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

    /// Addresses that a register takes.
    #[must_use]
    pub fn span(&self, register: &Register) -> u16 {
        match self.link.address_step {
            AddressStep::Register => register.width(),
            AddressStep::Byte => register.width().saturating_mul(2),
            AddressStep::Field => 1,
        }
    }

    /// Whether whoever writes it writes something else too: half a word, or a part of a field. The planner of writes orders whole
    /// places, so no rule rests on such a register.
    #[must_use]
    pub fn shares_its_place(&self, register: &Register) -> bool {
        match self.link.address_step {
            AddressStep::Register | AddressStep::Byte => {
                matches!(register.kind, RegisterKind::U8High | RegisterKind::U8Low)
            }
            AddressStep::Field => {
                let beside =
                    |other: &Register| other.address == register.address && other.name != register.name;
                register.at != 0 || self.registers.iter().any(beside)
            }
        }
    }

    /// Where a register's first byte lies, counted through the whole map in bytes as they come on the wire.
    #[must_use]
    pub fn position(&self, register: &Register) -> u32 {
        let low = u32::from(register.kind == RegisterKind::U8Low);
        self.position_of(register.address)
            + match self.link.address_step {
                AddressStep::Register | AddressStep::Byte => low,
                AddressStep::Field => u32::from(register.at),
            }
    }

    /// Where the first byte of an address lies. A field has room for 256.
    #[must_use]
    pub fn position_of(&self, address: u16) -> u32 {
        u32::from(address)
            * match self.link.address_step {
                AddressStep::Register => 2,
                AddressStep::Byte => 1,
                AddressStep::Field => 256,
            }
    }

    /// What an image must be and how it is sent; none where no way is known.
    #[must_use]
    pub fn loader(&self) -> Option<(&ImageSettings, &BootSettings)> {
        self.firmware.image.as_ref().zip(self.boot.as_ref())
    }

    /// Whether a board fresh from its maker is told from the next one by nothing: every unique identity field is written by
    /// the line when it numbers the board.
    #[must_use]
    pub fn is_born_without_identity(&self) -> bool {
        let mut unique = self.identity.fields.iter().filter(|field| field.unique);
        unique.all(|field| field.valid_from == ValidFrom::Numbering)
    }

    /// The identity field that lives in that register.
    #[must_use]
    pub fn identity_field(&self, register: &str) -> Option<&IdentityField> {
        self.identity.fields.iter().find(|field| field.register == register)
    }

    /// The block that holds a register.
    #[must_use]
    pub fn block(&self, register: &Register) -> Option<&Block> {
        self.block_of(register.address, self.span(register))
    }

    /// The block that holds all of `count` addresses from `address`.
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

    /// Largest image, bytes; 0 where none can be sent.
    #[must_use]
    pub fn image_capacity(&self) -> u32 {
        self.firmware.image.as_ref().map_or(0, ImageSettings::capacity)
    }
}
