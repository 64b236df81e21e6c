//! Which registers show what: found by the roles that the model file gives them, else by their well-known names.
//! No address stands in the code.

use domain::model::{DeviceModel, Register};

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
    if register.parameter {
        return None;
    }
    // Where the version tells the model too, the board shows what it was born with.
    if name == model.firmware.version_register && name != model.identity.model_register {
        return Some(Live::Version);
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

/// What an alarm bit watches, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measured {
    HighestCell,
    LowestCell,
    CellSpread,
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
            () if has("difference") => Some(Self::CellSpread),
            () if has("discharge") && has("current") => Some(Self::Discharge),
            () if has("current") => None,
            () if has("discharge") => Some(Self::LowestCell),
            () if has("charge") => Some(Self::HighestCell),
            () => None,
        }
    }
}
