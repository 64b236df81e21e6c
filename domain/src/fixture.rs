//! A fixture: the bench around the boards as data. What hangs on which bus, what may be energised when, which instrument several slots
//! share. A TOML file under `profiles/fixtures/`; the instruments' dialects are files of their own under `profiles/instruments/`.
//!
//! What lives here: the description and its check, the interlock ([`interlock`]), the queue for what is shared ([`queue`]), what an
//! instrument's answer is worth ([`reading`]). What never does: ports, time, bytes of Modbus.
//!
//! This interlock is a program: it keeps honest hands and honest boards from harm, and is no safety function in the sense of ISO 13849.
//! Where voltages or currents can hurt, cover and emergency stop act on a contactor by wire, and the program reads what they did.

mod check;
mod instrument;
pub mod interlock;
pub mod queue;
pub mod reading;

pub use check::{FixtureFault, parse_dialect, parse_fixture};
pub use instrument::{Dialect, InstrumentKind, LISTENS_AT_MOST, RadioRows, Range, ScpiRows};

use crate::{
    model::Bilingual,
    record::InstrumentUsed,
    text::{Fault, FaultCode},
};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// Most slots of a station, and so of a fixture.
pub const MOST_SLOTS: u16 = 32;

/// One fixture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fixture {
    pub id: String,
    /// Counts from 1.
    pub revision: u32,
    /// The number on its plate: records name it.
    pub serial: String,
    pub title: Bilingual,
    /// Ids of the profiles whose boards fit into its nests; none: whatever is ordered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fits: Vec<String>,
    #[serde(rename = "bus")]
    pub buses: Vec<Bus>,
    /// None: nothing has to be closed.
    #[serde(default, rename = "cover", skip_serializing_if = "Vec::is_empty")]
    pub covers: Vec<Cover>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emergency_stop: Option<Input>,
    /// The button that is pressed once the emergency stop was pulled out again: nothing starts by itself after one (ISO 13850, 4.1.4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset: Option<Input>,
    #[serde(default)]
    pub tower: Tower,
    #[serde(default, rename = "instrument", skip_serializing_if = "Vec::is_empty")]
    pub instruments: Vec<Instrument>,
    #[serde(rename = "slot")]
    pub slots: Vec<FixtureSlot>,
}

/// A fixture as it is told from another: the number on its plate, and the products that fit into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixturePlate {
    pub serial: String,
    /// Ids of profiles; none: whatever is ordered.
    pub fits: Vec<String>,
}

impl FixturePlate {
    /// Why boards of that profile don't belong into it; none: they fit, as far as it says.
    #[must_use]
    pub fn unfit(&self, product: &str) -> Option<Fault> {
        let fits = self.fits.is_empty() || self.fits.iter().any(|one| one == product);
        (!fits).then(|| {
            Fault::new(FaultCode::FixtureUnfit).with("fixture", &self.serial).with("product", product)
        })
    }

    /// Whether a code that was scanned is its own.
    #[must_use]
    pub fn is(&self, code: &str) -> bool {
        self.serial.trim().eq_ignore_ascii_case(code.trim())
    }
}

/// A line to modules or to an instrument. Which port of a PC it is, that PC's own settings say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bus {
    pub name: String,
    pub speaks: Speaks,
    /// Bits per second of a serial port.
    #[serde(default = "usual_baud")]
    pub baud: u32,
    /// How long an answer may take, milliseconds.
    #[serde(default = "usual_timeout")]
    pub timeout_ms: u32,
    /// How often inputs are read, milliseconds.
    #[serde(default = "usual_poll")]
    pub poll_ms: u32,
}

/// What is spoken on a bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaks {
    /// Modbus with its TCP header.
    ModbusTcp,
    /// Modbus with address and check sum: on a serial port, or through a serial server.
    ModbusRtu,
    /// Lines of SCPI, on a serial port or a raw socket.
    Scpi,
}

impl Speaks {
    #[must_use]
    pub fn is_modbus(self) -> bool {
        matches!(self, Self::ModbusTcp | Self::ModbusRtu)
    }
}

/// One input of a module: function 02.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    pub bus: String,
    /// The module's Modbus address.
    pub unit: u8,
    /// Protocol address, from 0.
    pub input: u16,
    /// The level that says what the input is called after: cover closed, clamp closed, stop *pressed*, button pressed.
    #[serde(default)]
    pub active: Level,
    /// How long a new level must stand, milliseconds. What is dangerous (a cover open, a stop pressed) is believed at once.
    #[serde(default = "usual_debounce")]
    pub debounce_ms: u32,
}

/// A level of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    #[default]
    High,
    Low,
}

impl Level {
    /// Whether a bit that was read says it.
    #[must_use]
    pub fn is(self, bit: bool) -> bool {
        bit == (self == Self::High)
    }
}

/// One output of a module: functions 01 and 15.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    pub bus: String,
    pub unit: u8,
    /// Protocol address, from 0.
    pub coil: u16,
}

/// A cover and the slots that may be touched while it is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cover {
    pub name: String,
    /// Active: closed.
    pub closed: Input,
    /// None: all of the fixture.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slots: Vec<u16>,
}

/// The tower light; what it has not is not lit.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tower {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub green: Option<Output>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amber: Option<Output>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub red: Option<Output>,
}

/// An instrument of this fixture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instrument {
    /// What the people at the jig call it.
    pub id: String,
    /// Id of its dialect, a file of `profiles/instruments/`.
    pub dialect: String,
    pub bus: String,
    /// On its plate, and in its answer to `*IDN?`.
    pub serial: String,
    /// Its calibration holds up to this day.
    pub calibration_due: NaiveDate,
    /// How long a slot waits for it while others have it, seconds.
    #[serde(default = "usual_wait")]
    pub wait_s: u32,
    /// What a supply gives, millivolts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supply_mv: Option<u32>,
}

/// One slot of the fixture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FixtureSlot {
    /// From 1, as the station numbers its slots.
    pub number: u16,
    pub nest: Nest,
    /// Active: a board is clamped in.
    pub clamp: Input,
    /// The relay of its supply.
    pub power: Output,
    #[serde(default)]
    pub lamps: Lamps,
    /// The instruments that can be connected to it.
    #[serde(default, rename = "instrument", skip_serializing_if = "Vec::is_empty")]
    pub instruments: Vec<Connection>,
}

/// What wears out: the needles of one slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nest {
    /// On its plate.
    pub id: String,
    /// How many boards it may clamp before its needles are changed.
    pub contacts: u32,
}

/// The lamps of one slot; what it has not is not lit.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lamps {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub busy: Option<Output>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pass: Option<Output>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fail: Option<Output>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attention: Option<Output>,
}

/// An instrument at a slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    pub id: String,
    /// The relay between the two; none where they are wired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay: Option<Output>,
}

impl Fixture {
    /// What says whether it is the one that a product needs.
    #[must_use]
    pub fn plate(&self) -> FixturePlate {
        FixturePlate { serial: self.serial.clone(), fits: self.fits.clone() }
    }

    /// That slot.
    #[must_use]
    pub fn slot(&self, number: u16) -> Option<&FixtureSlot> {
        self.slots.iter().find(|slot| slot.number == number)
    }

    /// The covers over that slot, by their place in the file.
    pub fn covers_of(&self, slot: u16) -> impl Iterator<Item = (usize, &Cover)> {
        let is_over = move |cover: &Cover| cover.slots.is_empty() || cover.slots.contains(&slot);
        self.covers.iter().enumerate().filter(move |(_, cover)| is_over(cover))
    }

    /// An instrument by its id, with its place in the file.
    #[must_use]
    pub fn instrument(&self, id: &str) -> Option<(usize, &Instrument)> {
        self.instruments.iter().enumerate().find(|(_, one)| one.id == id)
    }

    /// The instruments at that slot, by their places in the file.
    #[must_use]
    pub fn instruments_of(&self, slot: u16) -> Vec<usize> {
        let of_slot = self.slot(slot).map(|slot| slot.instruments.as_slice()).unwrap_or_default();
        of_slot.iter().filter_map(|one| self.instrument(&one.id).map(|(place, _)| place)).collect()
    }

    /// A bus by its name, with its place in the file.
    #[must_use]
    pub fn bus(&self, name: &str) -> Option<(usize, &Bus)> {
        self.buses.iter().enumerate().find(|(_, bus)| bus.name == name)
    }
}

impl Instrument {
    /// As a record names it.
    #[must_use]
    pub fn used(&self) -> InstrumentUsed {
        let (id, serial) = (self.id.clone(), self.serial.clone());
        InstrumentUsed { id, serial, calibration_due: self.calibration_due }
    }

    /// Whether its calibration has run out on that day.
    #[must_use]
    pub fn is_due(&self, today: NaiveDate) -> bool {
        today > self.calibration_due
    }
}

fn usual_baud() -> u32 {
    9600
}

fn usual_timeout() -> u32 {
    500
}

fn usual_poll() -> u32 {
    20
}

fn usual_debounce() -> u32 {
    50
}

fn usual_wait() -> u32 {
    120
}

#[cfg(test)]
mod tests;
#[cfg(test)]
use tests as tests_support;
