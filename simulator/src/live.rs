//! Which registers show what: found by the roles that the model file gives them, else by their well-known names.
//! No address stands in the code.

use domain::model::{Access, DeviceModel, Register};

use crate::board::{FIRST_SENSOR, STORED};

/// What a register shows afresh whenever it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Live {
    /// Cell, counted from 0.
    Cell(u8),
    CellMax,
    CellMin,
    CellSpread,
    PackVoltage,
    Current,
    Soc,
    CellTemperature,
    BalancerTemperature,
    PowerTemperature,
    Output,
    Alarms,
    /// Temperature sensor, counted from 0, where the board is told how many it has.
    Sensor(u8),
    SensorCount,
    CellCount,
    /// What another register, a setting, holds.
    Setting,
    UnlockState,
    Version,
    ImageCrc,
}

/// The live registers of a model.
#[must_use]
pub fn live_registers(model: &DeviceModel) -> Vec<(Register, Live)> {
    model
        .registers
        .iter()
        .filter_map(|register| Some((register.clone(), live_of(model, register)?)))
        .collect()
}

fn live_of(model: &DeviceModel, register: &Register) -> Option<Live> {
    let name = register.name.as_str();
    let is_order = model.block_of(register.address, 1).is_some_and(|block| block.access == Access::WriteOnly);
    if register.parameter || is_order {
        return None;
    }
    // Where the version tells the model too, the board shows what it was born with.
    if name == model.firmware.version_register && name != model.identity.model_register {
        // A program that nobody sends has the version that it came with.
        return model.firmware.image.is_some().then_some(Live::Version);
    }
    if model.register(&format!("{STORED}{name}")).is_some() {
        return Some(Live::Setting);
    }
    if model.firmware.crc_register.as_deref() == Some(name) {
        return Some(Live::ImageCrc);
    }
    if model.password.as_ref().is_some_and(|password| password.state_register.as_deref() == Some(name)) {
        return Some(Live::UnlockState);
    }
    if model
        .output
        .as_ref()
        .is_some_and(|output| [&output.charge, &output.discharge].iter().any(|path| path.register == name))
    {
        return Some(Live::Output);
    }
    if model.calibration.as_ref().is_some_and(|calibration| calibration.current_register == name) {
        return Some(Live::Current);
    }
    if model.calibration.as_ref().is_some_and(|calibration| calibration.register == name) {
        return None;
    }
    if name == "alarms" {
        return Some(Live::Alarms);
    }
    if name == "outputs" && ["charge", "discharge"].iter().all(|path| has_bit(register, path)) {
        return Some(Live::Output);
    }
    if model.cells.found_register.as_deref() == Some(name) || matches!(name, "cell_count" | "cells_found") {
        return Some(Live::CellCount);
    }
    let sensors_are_told = model.parameters().any(|setting| has_bit(setting, FIRST_SENSOR));
    if name == "sensor_count" || name == "temperature_count" && sensors_are_told {
        return Some(Live::SensorCount);
    }
    let sensor = name.strip_prefix("temperature_").and_then(|rest| rest.strip_suffix("_c"));
    if let Some(sensor) = sensor.and_then(|number| number.parse::<u8>().ok())
        && sensors_are_told
    {
        return sensor.checked_sub(1).map(Live::Sensor);
    }
    let cell = name
        .strip_prefix(model.cells.register_prefix.as_str())
        .and_then(|rest| rest.strip_suffix(model.cells.register_suffix.as_str()))
        .and_then(|number| number.parse::<u8>().ok());
    if let Some(cell) = cell {
        return cell.checked_sub(1).map(Live::Cell);
    }
    let has = |part: &str| name.contains(part);
    match register.unit.as_str() {
        "°C" if has("power") || has("mos") => Some(Live::PowerTemperature),
        "°C" if has("balanc") => Some(Live::BalancerTemperature),
        "°C" => Some(Live::CellTemperature),
        "mV" | "V" if has("pack") || has("battery") || has("total") => Some(Live::PackVoltage),
        "mV" | "V" if has("max") => Some(Live::CellMax),
        "mV" | "V" if has("min") => Some(Live::CellMin),
        "mV" | "V" if has("diff") || has("spread") => Some(Live::CellSpread),
        "%" if has("soc") => Some(Live::Soc),
        "mA" | "A" if has("current") => Some(Live::Current),
        _ => None,
    }
}

fn has_bit(register: &Register, name: &str) -> bool {
    register.bits.iter().any(|bit| bit.name == name)
}

/// What an alarm bit watches, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measured {
    HighestCell,
    LowestCell,
    CellSpread,
    PackHigh,
    PackLow,
    Discharge,
    CellHeat,
    CellCold,
    BalancerHeat,
    PowerHeat,
}

impl Measured {
    /// None: a name that this board has no measurement for.
    #[must_use]
    pub fn of(alarm: &str) -> Option<Self> {
        let has = |part: &str| alarm.contains(part);
        match () {
            () if has("temperature") && has("power") => Some(Self::PowerHeat),
            () if has("temperature") && has("balanc") => Some(Self::BalancerHeat),
            () if has("temperature") && has("low") => Some(Self::CellCold),
            () if has("temperature") => Some(Self::CellHeat),
            () if has("pack") && has("over_voltage") => Some(Self::PackHigh),
            () if has("pack") && has("under_voltage") => Some(Self::PackLow),
            () if has("over_voltage") => Some(Self::HighestCell),
            () if has("under_voltage") => Some(Self::LowestCell),
            () if has("difference") => Some(Self::CellSpread),
            () if has("discharge") && has("current") => Some(Self::Discharge),
            () if has("current") => None,
            () if has("discharge") => Some(Self::LowestCell),
            () if has("charge") => Some(Self::HighestCell),
            () => None,
        }
    }
}
