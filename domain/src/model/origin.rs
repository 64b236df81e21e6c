//! Where what a model says of a register comes from, and which of its parts nobody knows.

use super::{DeviceModel, Provenance, Register};

impl DeviceModel {
    /// Where the address of a register comes from, and the source in words: its block's.
    #[must_use]
    pub fn origin(&self, register: &Register) -> (Provenance, &str) {
        let block = self.block(register);
        block.map_or((self.provenance, self.source.as_str()), |block| {
            (block.provenance, block.source.as_str())
        })
    }

    /// The source of a register whose address is assumed; none where it is known.
    #[must_use]
    pub fn assumed_source(&self, register: &Register) -> Option<&str> {
        let (provenance, source) = self.origin(register);
        (provenance == Provenance::Assumed).then_some(source)
    }
}
