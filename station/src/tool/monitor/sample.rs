//! What is watched of a board, by its model, and one reading of all of it. Pure.

use super::super::{
    read::is_readable,
    report::{Named, bits_of, with_unit},
};
use crate::board::Reading;
use chrono::{DateTime, Utc};
use domain::{
    model::{DeviceModel, NamedBit, Register, RegisterKind},
    value::Value,
};
use serde::Serialize;
use std::collections::BTreeMap;

/// One reading of everything that a board measures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sample {
    /// Counted from 1.
    pub number: u64,
    pub at: DateTime<Utc>,
    /// Volts: as the board adds them up, else the sum of its cells.
    pub pack_voltage_v: f64,
    /// Amperes, as the board counts them; none: the model names no current.
    pub current_a: Option<f64>,
    /// In series, millivolts.
    pub cells_mv: Vec<f64>,
    /// Of the cells above.
    pub cell_min_mv: f64,
    pub cell_max_mv: f64,
    pub cell_difference_mv: f64,
    /// °C by register.
    pub temperatures: Named<f64>,
    /// The alarms that are set, by name.
    pub alarms: Vec<String>,
    /// What conducts.
    pub outputs: Named<bool>,
    /// What is switched on.
    pub switches: Named<bool>,
    /// Every other live value, by register.
    pub values: Named<Value>,
    #[serde(skip)]
    pub(super) words: Words,
}

/// The same for a person: titles in the place of names.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Words {
    pub temperatures: Vec<(String, f64)>,
    pub alarms: Vec<String>,
    pub outputs: Vec<(String, bool)>,
    pub switches: Vec<(String, bool)>,
    pub values: Vec<(String, String)>,
}

/// Which register is what.
#[derive(Debug)]
pub(super) struct Watched {
    cells: Vec<Register>,
    count: Option<String>,
    pack: Option<Register>,
    current: Option<Register>,
    temperatures: Vec<Register>,
    alarms: Vec<Register>,
    outputs: Option<Register>,
    switches: Option<Register>,
    others: Vec<Register>,
}

impl Watched {
    /// Everything readable that is no parameter and tells of the battery, not of the board.
    pub(super) fn of(model: &DeviceModel) -> Self {
        let cells: Vec<Register> =
            (1..=model.cells.max).filter_map(|index| model.cell(index)).cloned().collect();
        let named = |name: Option<&String>| name.and_then(|name| model.register(name)).cloned();
        let calibrated = model.calibration.as_ref().map(|calibration| &calibration.current_register);
        let current = named(calibrated).or_else(|| {
            ["current_ma", "current_a"].into_iter().find_map(|name| model.register(name)).cloned()
        });
        // A path that is a number of its own is shown among the others, and a switch that can't be read is not shown.
        let lamps =
            |register: &Register| register.kind == RegisterKind::Bits && is_readable(model, &register.name);
        let outputs = named(model.output.as_ref().map(|output| &output.charge.register)).filter(lamps);
        let switches = named(model.safe_state.as_ref().map(|safe| &safe.charge.register)).filter(lamps);
        let mut mine: Vec<&str> = vec![&model.identity.model_register, &model.firmware.version_register];
        mine.extend(model.identity.fields.iter().map(|field| field.register.as_str()));
        mine.extend(model.firmware.crc_register.as_deref());
        mine.extend(model.password.iter().filter_map(|password| password.state_register.as_deref()));
        mine.extend(model.name.iter().map(|name| name.register.as_str()));
        mine.extend(model.lease.iter().map(|lease| lease.expiry_register.as_str()));
        mine.extend(cells.iter().map(|cell| cell.name.as_str()));
        mine.extend(
            [&current, &outputs, &switches].into_iter().flatten().map(|register| register.name.as_str()),
        );
        let text = [
            RegisterKind::AsciiNul,
            RegisterKind::AsciiSpace,
            RegisterKind::AsciiLength,
            RegisterKind::Hex,
            RegisterKind::DatePacked,
            RegisterKind::DateBytes,
        ];
        let live = model.registers.iter().filter(|register| {
            !register.parameter
                && !text.contains(&register.kind)
                && !mine.contains(&register.name.as_str())
                && is_readable(model, &register.name)
        });
        let own_pack = |register: &&Register| register.name.starts_with("pack_voltage");
        let mut pack = live.clone().find(own_pack).cloned();
        let (mut temperatures, mut alarms, mut others) = (Vec::new(), Vec::new(), Vec::new());
        let prefix = model.cells.register_prefix.as_str();
        for register in live.cloned() {
            let voltage = matches!(register.unit.as_str(), "V" | "mV");
            if register.unit == "°C" {
                temperatures.push(register);
            } else if tells_alarms(&register) {
                alarms.push(register);
            } else if pack.is_none() && voltage && !register.name.starts_with(prefix) {
                pack = Some(register);
            } else if !voltage && !register.unit.contains('Ω') {
                // Highest, lowest and spread of the cells are reckoned from the cells; what wires resist hardly changes.
                others.push(register);
            }
        }
        let count = model.cells.count_register.clone();
        Self { cells, count, pack, current, temperatures, alarms, outputs, switches, others }
    }

    /// What is asked for each time.
    pub(super) fn names(&self) -> Vec<String> {
        let singles = [&self.pack, &self.current, &self.outputs, &self.switches].into_iter().flatten();
        let registers = self.cells.iter().chain(&self.temperatures).chain(&self.alarms).chain(&self.others);
        let names = registers.chain(singles).map(|register| register.name.clone());
        names.chain(self.count.clone()).collect()
    }

    /// What it brought.
    pub(super) fn sample(&self, number: u64, at: DateTime<Utc>, readings: Vec<Reading>) -> Sample {
        let read: BTreeMap<String, Reading> =
            readings.into_iter().map(|reading| (reading.name.clone(), reading)).collect();
        let value = |register: &Register| read.get(&register.name).map(|reading| reading.value.clone());
        let number_of = |register: &Register| value(register).and_then(|value| value.as_number());
        let count =
            self.count.as_ref().and_then(|name| read.get(name)).and_then(|reading| reading.value.as_number());
        let count = count.map_or(self.cells.len(), |count| count as usize);
        let cells_mv: Vec<f64> = self
            .cells
            .iter()
            .take(count)
            .filter_map(|cell| Some(milli(number_of(cell)?, &cell.unit, "V")))
            .collect();
        // Where nobody tells how many there are, a board may fill the rest with nought.
        let filled = cells_mv.iter().rposition(|mv| *mv > 0.0).map_or(0, |last| last + 1);
        let cells_mv = if self.count.is_none() { cells_mv[..filled].to_vec() } else { cells_mv };
        let cell_min_mv = cells_mv.iter().copied().reduce(f64::min).unwrap_or_default();
        let cell_max_mv = cells_mv.iter().copied().reduce(f64::max).unwrap_or_default();
        let pack =
            self.pack.as_ref().and_then(|pack| Some(milli(number_of(pack)?, &pack.unit, "V") / 1000.0));
        let current = self.current.as_ref();
        let bits = |register: &Register| {
            let word = read.get(&register.name).map(|reading| bits_of(&reading.value)).unwrap_or_default();
            let state =
                move |bit: &NamedBit| word.checked_shr(bit.bit.into()).is_some_and(|rest| rest & 1 == 1);
            register.bits.iter().map(move |bit| (bit.clone(), state(bit))).collect::<Vec<_>>()
        };
        let outputs: Vec<_> = self.outputs.iter().flat_map(bits).collect();
        let switches: Vec<_> = self.switches.iter().flat_map(bits).collect();
        let alarms: Vec<_> = self.alarms.iter().flat_map(bits).filter(|(_, set)| *set).collect();
        let temperatures: Vec<(&Register, f64)> =
            self.temperatures.iter().filter_map(|register| Some((register, number_of(register)?))).collect();
        let others: Vec<(&Register, Value)> =
            self.others.iter().filter_map(|register| Some((register, value(register)?))).collect();
        let named =
            |bits: &[(NamedBit, bool)]| bits.iter().map(|(bit, on)| (bit.name.clone(), *on)).collect();
        let titled =
            |bits: &[(NamedBit, bool)]| bits.iter().map(|(bit, on)| (bit.title.en.clone(), *on)).collect();
        Sample {
            number,
            at,
            pack_voltage_v: pack.unwrap_or_else(|| cells_mv.iter().sum::<f64>() / 1000.0),
            current_a: current
                .and_then(|current| Some(milli(number_of(current)?, &current.unit, "A") / 1000.0)),
            cell_min_mv,
            cell_max_mv,
            cell_difference_mv: cell_max_mv - cell_min_mv,
            cells_mv,
            temperatures: temperatures
                .iter()
                .map(|(register, value)| (register.name.clone(), *value))
                .collect(),
            alarms: alarms.iter().map(|(bit, _)| bit.name.clone()).collect(),
            outputs: named(&outputs),
            switches: named(&switches),
            values: others.iter().map(|(register, value)| (register.name.clone(), value.clone())).collect(),
            words: Words {
                temperatures: temperatures.iter().map(|(r, value)| (r.title.en.clone(), *value)).collect(),
                alarms: alarms.iter().map(|(bit, _)| bit.title.en.clone()).collect(),
                outputs: titled(&outputs),
                switches: titled(&switches),
                values: others
                    .iter()
                    .map(|(register, value)| (register.title.en.clone(), worded(register, value)))
                    .collect(),
            },
        }
    }
}

/// Bit fields tell alarms, or which paths conduct, which cells are there: only their names say which.
fn tells_alarms(register: &Register) -> bool {
    matches!(register.kind, RegisterKind::Bits | RegisterKind::Bits32 | RegisterKind::Coils)
        && ["alarm", "warning", "fault", "protection"].iter().any(|word| register.name.contains(word))
}

/// For a person: of a bit field what is set.
fn worded(register: &Register, value: &Value) -> String {
    if register.bits.is_empty() {
        return with_unit(value, &register.unit);
    }
    let word = bits_of(value);
    let is_set = |bit: &&NamedBit| word.checked_shr(bit.bit.into()).is_some_and(|rest| rest & 1 == 1);
    let set: Vec<&str> = register.bits.iter().filter(is_set).map(|bit| bit.title.en.as_str()).collect();
    if set.is_empty() { "none".to_owned() } else { set.join(", ") }
}

/// Thousandths of `whole`, which the value is in, or which it is in thousandths of already.
fn milli(value: f64, unit: &str, whole: &str) -> f64 {
    if unit == whole { value * 1000.0 } else { value }
}

impl Sample {
    /// A paragraph where nothing can be drawn.
    pub(in super::super) fn lines(&self) -> Vec<String> {
        let mut head = format!("{}  {:.2} V", self.at.format("%H:%M:%S"), self.pack_voltage_v);
        if let Some(current) = self.current_a {
            head += &format!("  {current:.2} A");
        }
        for (title, value) in &self.words.values {
            head += &format!("  {title} {value}");
        }
        let mut cells = format!(
            "  cells {:.3} to {:.3} V, difference {:.0} mV:",
            self.cell_min_mv / 1000.0,
            self.cell_max_mv / 1000.0,
            self.cell_difference_mv
        );
        for cell in &self.cells_mv {
            cells += &format!(" {:.3}", cell / 1000.0);
        }
        let temperatures: Vec<String> =
            self.words.temperatures.iter().map(|(title, value)| format!("{title} {value:.1} °C")).collect();
        let alarms =
            if self.words.alarms.is_empty() { "none".to_owned() } else { self.words.alarms.join("; ") };
        let outputs: Vec<String> = self
            .words
            .outputs
            .iter()
            .map(|(title, on)| {
                format!("{} {}", title.trim_end_matches(" on"), if *on { "on" } else { "off" })
            })
            .collect();
        let mut lines = vec![head, cells];
        let parts = [temperatures, outputs].into_iter().filter(|parts| !parts.is_empty());
        lines.extend(parts.map(|parts| format!("  {}", parts.join(", "))));
        lines.push(format!("  alarms: {alarms}"));
        lines
    }
}
