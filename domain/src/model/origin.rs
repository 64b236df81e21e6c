//! Where the sections' facts come from. Blocks and the boot loader's dialogue say it key by key; every other section that tells a
//! board something bears an [`Origin`], or is as the model's head says.

use super::{DeviceModel, Provenance, Register};

wire! {
    /// Where a section's facts come from: `[link.origin]` and the like.
    #[serde(deny_unknown_fields)]
    #[derive(Eq)]
    pub struct Origin {
        pub provenance: Provenance,
        /// The document and its section.
        pub source: String,
        /// Keys of the section that are not known but assumed, where the rest is known: `"timeout_ms"`, `"wake.pause_ms"`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub assumed: Vec<String>,
    }
}

impl Origin {
    /// Whether it rests on a guess that could harm a board; see [`is_harmless`].
    fn is_assumed(&self) -> bool {
        self.provenance == Provenance::Assumed || self.assumed.iter().any(|key| !is_harmless(key))
    }
}

/// Whether a wrong guess of that key kills no board and locks none: how long we wait (`_ms`), how often and how much we ask at a
/// time, from what current on we calibrate. A board that is asked too fast or too much answers late, with an exception or
/// not at all; whatever it took is read back, and a calibration is judged by what the board shows then. Everything else is an
/// address, a constant, a key or a password, and a wrong one of those may do anything.
pub(super) fn is_harmless(key: &str) -> bool {
    key.ends_with("_ms")
        || matches!(key, "retries" | "max_read" | "max_write" | "wake" | "wake.frames" | "min_a")
}

impl DeviceModel {
    /// The sections that are there and bear an origin, by their path in the file, with the one that they say. None: as the head.
    pub(super) fn origins(&self) -> impl Iterator<Item = (&'static [&'static str], Option<&Origin>)> {
        fn of<'m, S>(
            path: &'static [&'static str],
            section: Option<&'m S>,
            origin: impl Fn(&'m S) -> &'m Option<Origin>,
        ) -> Option<(&'static [&'static str], Option<&'m Origin>)> {
            section.map(|section| (path, origin(section).as_ref()))
        }
        [
            of(&["link"], Some(&self.link), |link| &link.origin),
            of(&["frame"], self.frame.as_ref(), |frame| &frame.origin),
            of(&["firmware", "image"], self.firmware.image.as_ref(), |image| &image.origin),
            of(&["password"], self.password.as_ref(), |password| &password.origin),
            of(&["factory_mode"], self.factory_mode.as_ref(), |factory| &factory.origin),
            of(&["name"], self.name.as_ref(), |name| &name.origin),
            of(&["lease"], self.lease.as_ref(), |lease| &lease.origin),
            of(&["calibration"], self.calibration.as_ref(), |calibration| &calibration.origin),
            of(&["ship"], self.ship.as_ref(), |ship| &ship.origin),
        ]
        .into_iter()
        .flatten()
    }

    /// Whether a part of the model that could harm a board is not known but assumed: such a model is for simulators only.
    ///
    /// The head's word holds for the sections without an origin of their own. A guessed time-out, pause or length of a request
    /// does not count, though the model marks it: it makes a board silent or slow, which the line sees, and kills none. A guessed
    /// address, command, constant, key or password counts.
    #[must_use]
    pub fn has_assumed_parts(&self) -> bool {
        let assumed = |provenance| provenance == Provenance::Assumed;
        assumed(self.provenance)
            || self.boot.as_ref().is_some_and(|boot| assumed(boot.provenance))
            || self.blocks.iter().any(|block| assumed(block.provenance))
            || self.origins().any(|(_, origin)| origin.is_some_and(Origin::is_assumed))
    }

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
