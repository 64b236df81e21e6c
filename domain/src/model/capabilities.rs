//! What a model's boards can do beside keeping parameters: cells, password, name, lease lock, calibration, output, safe state.

use super::{Origin, Register};

wire! {
    /// Where the cells are.
    #[serde(deny_unknown_fields)]
    pub struct CellSettings {
        /// Name prefix of the cell voltage registers: `cell_` with `cell_1_mv` and on.
        pub register_prefix: String,
        pub register_suffix: String,
        /// Most cells in series.
        pub max: u8,
        /// The parameter that holds the number of cells; none where a board counts them itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub count_register: Option<String>,
        /// Where the board shows how many cells it finds or is built for by itself, whatever a line writes; none where it shows none, or
        /// only repeats `count_register`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub found_register: Option<String>,
    }
}

wire! {
    /// The parameters in amperes or milliamperes, by what they limit. A limit below the real current kills the board, so every one
    /// of them must be held by rules against the product's ratings and the jig's test current; a current that nobody sorted
    /// in here is refused, so that none is forgotten.
    #[derive(Eq, Default)]
    #[serde(deny_unknown_fields)]
    pub struct CurrentLimits {
        /// Above them the board stops charging.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub charge: Vec<String>,
        /// Above them the board stops discharging.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub discharge: Vec<String>,
        /// As `discharge`, but meant to lie above the product's peak: nothing holds them from above.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub short_circuit: Vec<String>,
        /// They stop nothing: alarms, what a balancer draws, what is asked of a charger.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub harmless: Vec<String>,
    }
}

wire! {
    /// Factory mode: locked blocks take writes in it only, and what was written is kept when it is left.
    #[serde(deny_unknown_fields)]
    pub struct FactoryModeSettings {
        pub enter: MagicWrite,
        /// Leaves it and keeps what was written.
        pub leave_and_save: MagicWrite,
        /// Leaves it and forgets what was written.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub leave: Option<MagicWrite>,
        /// Where these facts come from; none: as the model's head says, which must be `assumed` then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub origin: Option<Origin>,
    }
}

wire! {
    /// A constant written to an address.
    #[derive(Copy, Eq)]
    #[serde(deny_unknown_fields)]
    pub struct MagicWrite {
        pub address: u16,
        pub value: u16,
    }
}

wire! {
    /// What the hardware bears, whatever the profile says.
    #[serde(deny_unknown_fields)]
    pub struct Ratings {
        /// Fewest cells in series.
        pub min_cells: u8,
        pub source: String,
    }
}

wire! {
    /// The parameter password.
    #[serde(deny_unknown_fields)]
    pub struct PasswordSettings {
        /// ASCII field that opens the locked blocks when the right password is written.
        pub unlock_register: String,
        /// ASCII field that takes a new password while open; none where it can't be changed this way.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub set_register: Option<String>,
        /// Register that reads 0 while locked and 1 while open; none where only a refused write shows it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub state_register: Option<String>,
        /// Length in characters.
        pub length: u8,
        /// What the factory sets.
        pub factory: String,
        /// Pause after the password is written before the next frame, milliseconds (JK NW: 150).
        #[serde(default)]
        pub pause_ms: u32,
        /// Whether it opens for one write only and must be written before each (JK NW).
        #[serde(default)]
        pub each_write: bool,
        /// Where these facts come from; none: as the model's head says, which must be `assumed` then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub origin: Option<Origin>,
    }
}

wire! {
    /// The Bluetooth name.
    #[serde(deny_unknown_fields)]
    pub struct NameSettings {
        pub register: String,
        /// Most characters.
        pub max_length: u8,
        /// The characters it may hold.
        pub charset: String,
        /// Where these facts come from; none: as the model's head says, which must be `assumed` then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub origin: Option<Origin>,
    }
}

wire! {
    /// The rental lock. It stops discharge, never charge.
    #[serde(deny_unknown_fields)]
    pub struct LeaseSettings {
        /// Enum register: `open`, `armed`, `locked`.
        pub mode_register: String,
        /// u32 seconds since 1970-01-01 UTC; 0: no term.
        pub expiry_register: String,
        /// Where these facts come from; none: as the model's head says, which must be `assumed` then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub origin: Option<Origin>,
    }
}

wire! {
    /// Current calibration under a known load.
    #[serde(deny_unknown_fields)]
    pub struct CalibrationSettings {
        /// Takes the true current; acts at once.
        pub register: String,
        /// Reads the current as the board sees it.
        pub current_register: String,
        /// Smallest current that calibrates, amperes.
        pub min_a: f64,
        /// Time until the reading has settled, milliseconds.
        pub settle_ms: u32,
        /// Where these facts come from; none: as the model's head says, which must be `assumed` then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub origin: Option<Origin>,
    }
}

wire! {
    /// Where one of the two paths is switched or seen: a bit of a field, or a number field of its own.
    #[serde(deny_unknown_fields)]
    pub struct PathField {
        pub register: String,
        /// The bit of it; none: the whole field says it, as a number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub bit: Option<String>,
        /// What bit or number is while the path is on: 1, or 0 where setting it switches off (JBD). Off is the other of the two.
        #[serde(default = "set")]
        pub on: u8,
    }
}

wire! {
    /// Where it is seen which paths really conduct, after a lock or a protection has acted.
    #[serde(deny_unknown_fields)]
    pub struct OutputSettings {
        pub charge: PathField,
        pub discharge: PathField,
    }
}

wire! {
    /// The switches that the safe state sets: charge path on, discharge as the lease says.
    #[serde(deny_unknown_fields)]
    pub struct SafeStateSettings {
        pub charge: PathField,
        pub discharge: PathField,
    }
}

fn set() -> u8 {
    1
}

impl PathField {
    /// What bit or number holds for a path that is on or off.
    #[must_use]
    pub fn value(&self, is_on: bool) -> u8 {
        if is_on { self.on } else { 1 - self.on.min(1) }
    }

    /// Whether a path is on whose number field reads `value`: what is neither on nor off is not on.
    #[must_use]
    pub fn is_on(&self, value: f64) -> bool {
        value == f64::from(self.on)
    }

    /// Whether a path is on whose field of named bits holds `word`; none where the field does not name the bit.
    #[must_use]
    pub fn is_on_in(&self, register: &Register, word: u16) -> Option<bool> {
        Some(word & self.mask(register)? != 0).map(|is_set| is_set == (self.on == 1))
    }

    /// The path's bit as a mask of its field of named bits; none where it has none or the field does not name it.
    #[must_use]
    pub fn mask(&self, register: &Register) -> Option<u16> {
        let name = self.bit.as_ref()?;
        let bit = register.bits.iter().find(|bit| bit.name == *name)?.bit;
        1_u16.checked_shl(bit.into())
    }
}

impl PasswordSettings {
    /// The registers that hold a password while it is written: never read, never shown.
    pub fn secret_registers(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.unlock_register).chain(&self.set_register)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Bilingual, NamedBit, RegisterKind};

    fn path(bit: Option<&str>, on: u8) -> PathField {
        PathField { register: "r".to_owned(), bit: bit.map(str::to_owned), on }
    }

    #[test]
    fn a_switch_that_is_set_to_switch_off_is_on_while_it_is_clear() {
        let title = Bilingual { en: String::new(), zh: String::new() };
        let bits = vec![NamedBit { bit: 9, name: "discharge".to_owned(), title }];
        let register = Register { bits, ..Register::new("r", 0, RegisterKind::Bits) };
        for (on, word, is_on) in
            [(1, 0x0200, true), (1, 0xFDFF, false), (0, 0x0200, false), (0, 0xFDFF, true)]
        {
            let path = path(Some("discharge"), on);
            assert_eq!(path.is_on_in(&register, word), Some(is_on), "{on} {word:04x}");
            // What is written for a state reads as that state.
            let written = if path.value(is_on) == 1 { 0x0200 } else { 0 };
            assert_eq!(path.is_on_in(&register, written), Some(is_on));
        }
        assert_eq!(path(Some("charge"), 1).is_on_in(&register, 0), None, "a bit that nobody named");
        assert_eq!(path(None, 1).mask(&register), None);
        assert_eq!((path(None, 0).value(true), path(None, 0).value(false)), (0, 1));
    }

    #[test]
    fn a_number_that_is_neither_on_nor_off_is_not_on() {
        for value in [0.0, 2.0, 255.0, -1.0, 0.5, f64::NAN] {
            assert!(!path(None, 1).is_on(value), "{value}");
        }
        assert!(path(None, 1).is_on(1.0) && path(None, 0).is_on(0.0) && !path(None, 0).is_on(1.0));
    }
}
