//! How this bench is wired: which input and coil is what. `profiles/fixtures/sim-8.toml` says the same to the station; nothing here reads it.

use crate::fixture::Lamp;

/// The one module.
pub(super) const UNIT: u8 = 1;

const CLAMPS: u16 = 10;
const LIDS: u16 = 50;
const POWER: u16 = 10;
const LOAD: u16 = 50;
const LAMPS: u16 = 100;
const MOST_SLOTS: u16 = 32;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    StopChain,
    Reset,
    Clamp(u32),
    Lid(u32),
}

pub(super) fn input(address: u16) -> Option<Input> {
    let slot =
        |first: u16| (first..first + MOST_SLOTS).contains(&address).then(|| u32::from(address - first) + 1);
    match address {
        0 => Some(Input::StopChain),
        1 => Some(Input::Reset),
        _ => slot(CLAMPS).map(Input::Clamp).or_else(|| slot(LIDS).map(Input::Lid)),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coil {
    Power(u32),
    Load(u32),
}

pub(super) fn coil(address: u16) -> Option<Coil> {
    let slot =
        |first: u16| (first..first + MOST_SLOTS).contains(&address).then(|| u32::from(address - first) + 1);
    slot(POWER).map(Coil::Power).or_else(|| slot(LOAD).map(Coil::Load))
}

pub(super) fn power_coil(slot: u32) -> u16 {
    POWER + slot as u16 - 1
}

pub(super) fn load_coil(slot: u32) -> u16 {
    LOAD + slot as u16 - 1
}

/// Four slots share a load and the meter in its path.
pub(super) fn load_of(slot: u32) -> &'static str {
    if slot <= 4 { "load-1" } else { "load-2" }
}

pub(super) fn meter_of(slot: u32) -> &'static str {
    if slot <= 4 { "meter-1" } else { "meter-2" }
}

pub(super) fn lamp(slot: u32, is_on: impl Fn(u16) -> bool) -> Lamp {
    let first = LAMPS + 4 * (slot as u16 - 1);
    let lamps = [Lamp::Busy, Lamp::Pass, Lamp::Fail, Lamp::Attention];
    lamps.into_iter().zip(first..).find(|(_, coil)| is_on(*coil)).map_or(Lamp::Idle, |(lamp, _)| lamp)
}
