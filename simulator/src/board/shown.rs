//! What the board's registers show, and where its output conducts.

use domain::model::{Framing, PathField, Register, WordOrder};
use protocol::Instant;

use super::{Board, Mode, State};
use crate::{
    codec,
    faults::Fault,
    live::{Live, Measured},
    places::Place,
};

/// The bit of a setting that switches the first temperature sensor on.
pub(crate) const FIRST_SENSOR: &str = "sensor_1";
/// How the name of a setting begins that another register shows.
pub(crate) const STORED: &str = "stored_";
/// Charge is positive.
const DISCHARGE_SIGN: f64 = -1.0;

impl Board {
    /// What `quantity` places from `address` on hold, the live ones as they are now.
    pub(super) fn read(&mut self, now: Instant, address: u16, quantity: u16) -> Vec<u16> {
        let place = Place::of(&self.model);
        let mut words: Vec<u16> =
            (address..).take(usize::from(quantity)).map(|at| self.memory.word(at)).collect();
        let end = u32::from(address) + u32::from(quantity);
        for (register, live) in std::mem::take(&mut self.live) {
            if place.end(&register) > u32::from(address) && u32::from(register.address) < end {
                let shown = self.show(now, &register, live);
                let around =
                    register.address.checked_sub(address).and_then(|index| words.get(usize::from(index)));
                let shown = place.laid(&register, shown, around.copied().unwrap_or_default());
                for (at, word) in (register.address..).zip(shown) {
                    if let Some(slot) =
                        at.checked_sub(address).and_then(|index| words.get_mut(usize::from(index)))
                    {
                        *slot = word;
                    }
                }
            }
            self.live.push((register, live));
        }
        words
    }

    fn show(&mut self, now: Instant, register: &Register, live: Live) -> Vec<u16> {
        let volts = |millivolts: f64| if register.unit == "V" { millivolts / 1000.0 } else { millivolts };
        self.pack.look(now);
        let [cell_c, balancer_c, power_c] = self.pack.temperatures_c();
        let value = match live {
            Live::Cell(index) if index < self.cell_count() => volts(self.pack.cell_mv(usize::from(index))),
            Live::Cell(_) => return vec![0; usize::from(register.width())],
            Live::CellMax => volts(self.cells().into_iter().fold(0.0, f64::max)),
            Live::CellMin => volts(self.cells().into_iter().reduce(f64::min).unwrap_or_default()),
            Live::CellSpread => volts(self.cell_spread()),
            Live::PackVoltage => volts(self.cells().into_iter().sum()),
            Live::Current => {
                let milli = if register.unit == "mA" { 1000.0 } else { 1.0 };
                self.pack.shown_a(now, self.memory.working().gain) * DISCHARGE_SIGN * milli
            }
            Live::Soc => self.pack.soc_percent(),
            Live::CellTemperature => cell_c,
            Live::Sensor(index) if index < self.sensor_count() => cell_c,
            Live::Sensor(_) => return vec![0; usize::from(register.width())],
            Live::SensorCount => f64::from(self.sensor_count()),
            Live::CellCount => f64::from(self.cells_found()),
            Live::BalancerTemperature => balancer_c,
            Live::PowerTemperature => power_c,
            Live::Output => return self.show_output(register),
            Live::Alarms => return self.show_alarms(register),
            Live::Setting => {
                return self.setting_of(register).map_or_else(Vec::new, |setting| self.memory.field(setting));
            }
            Live::UnlockState => f64::from(u8::from(self.memory.is_unlocked())),
            Live::Version => {
                let version = self.flash.version().unwrap_or_default();
                return codec::encode_text(register, &version).unwrap_or_default();
            }
            Live::ImageCrc => f64::from(self.flash.crc().unwrap_or_default()),
        };
        codec::encode_number(&self.memory.working().scaled(&self.model, register), value)
    }

    /// Registers that only repeat a setting are named as it is without `stored_`.
    fn setting_of(&self, register: &Register) -> Option<&Register> {
        self.model.register(&format!("{STORED}{}", register.name))
    }

    fn cells(&mut self) -> Vec<f64> {
        (0..self.cell_count()).map(|index| self.pack.cell_mv(usize::from(index))).collect()
    }

    /// As many cells as the board is told to measure.
    pub(super) fn cell_count(&self) -> u8 {
        let count = self.model.cells.count_register.as_ref().and_then(|name| self.model.register(name));
        let told = count.and_then(|register| self.memory.number(register));
        let most = self.model.cells.max;
        told.map_or(self.cells_by_knob().unwrap_or(most), |count| count as u8).min(most)
    }

    /// As many as hang on it, whatever it is told, where the jig says how many those are.
    fn cells_found(&self) -> u8 {
        let most = self.model.cells.max;
        self.cells_by_knob().map_or_else(|| self.cell_count(), |cells| cells.min(most))
    }

    fn cells_by_knob(&self) -> Option<u8> {
        u8::try_from(self.birth.knobs.cells).ok().filter(|cells| *cells > 0)
    }

    /// As many temperature sensors as it is told to use.
    pub(super) fn sensor_count(&self) -> u8 {
        let switches = self.model.parameters().find(|p| p.bits.iter().any(|bit| bit.name == FIRST_SENSOR));
        // A board that nobody tells has those that its map shows.
        let shown = self.model.registers.iter().filter(|register| is_sensor(&register.name));
        switches.map_or(shown.count() as u8, |switches| {
            let word = self.memory.field(switches).first().copied().unwrap_or_default();
            switches.bits.iter().filter(|bit| word & (1 << bit.bit) != 0).count() as u8
        })
    }

    /// Whether switching the slot's supply off does nothing.
    #[must_use]
    pub fn is_supply_stuck(&self) -> bool {
        self.birth.knobs.stuck_supply != 0
    }

    pub(super) fn output(&self) -> Output {
        let running = matches!(self.mode(), Mode::Application | Mode::Asleep);
        // "A new board with relay does not work until its current has been calibrated": known of those with a rental lock.
        let has_relay = self.model.lease.is_some();
        let relay = running && (self.memory.working().calibrated || !has_relay);
        let switches = self.switches();
        let locked = self.is_lease_locked();
        let knobs = self.birth.knobs;
        let stuck = self.birth.fault == Some(Fault::StuckMosfet);
        Output {
            charge: relay && switches.charge && !stuck && !(locked && knobs.lock_stops_charge != 0),
            discharge: self.is_shorted()
                || relay && switches.discharge && (!locked || knobs.ignore_lock != 0),
        }
    }

    /// Whether the discharge path conducts past every switch, whatever program runs. Without a supply there is no pack either.
    fn is_shorted(&self) -> bool {
        self.birth.fault == Some(Fault::ShortedMosfet) && !matches!(self.state, State::Off)
    }

    fn switches(&self) -> Output {
        let Some(safe) = &self.model.safe_state else { return Output { charge: true, discharge: true } };
        let is_on = |path: &PathField| {
            let Some(register) = self.model.register(&path.register) else { return true };
            match &path.bit {
                Some(bit) => {
                    let word = self.memory.field(register).last().copied().unwrap_or_default();
                    let is_set =
                        register.bits.iter().any(|named| named.name == *bit && word >> named.bit & 1 == 1);
                    u8::from(is_set) == path.on
                }
                None => self.memory.number(register) == Some(f64::from(path.on)),
            }
        };
        Output { charge: is_on(&safe.charge), discharge: is_on(&safe.discharge) }
    }

    fn is_lease_locked(&self) -> bool {
        let Some(lease) = &self.model.lease else { return false };
        let mode = self.model.register(&lease.mode_register);
        mode.is_some_and(|register| self.memory.working().text(&self.model, register) == "locked")
    }

    /// Bits whose name begins a parameter's name are set while that limit is passed.
    pub(super) fn alarm_bits(&mut self, register: &Register) -> u32 {
        let model = self.model.clone();
        let mut word = 0_u32;
        for bit in &register.bits {
            // A limit, and none of the delays and releases whose names begin like it.
            let limit = model.parameters().find(|p| {
                p.name.starts_with(bit.name.as_str()) && !p.name.contains("recovery") && p.unit != "s"
            });
            let Some(limit) = limit else { continue };
            let Some(value) = self.memory.number(limit) else { continue };
            let value = in_base_unit(limit, value);
            let (measured, above) = match Measured::of(&bit.name) {
                Some(Measured::HighestCell) => (self.cells().into_iter().fold(0.0, f64::max), true),
                Some(Measured::LowestCell) => {
                    (self.cells().into_iter().reduce(f64::min).unwrap_or(f64::MAX), false)
                }
                Some(Measured::CellSpread) => (self.cell_spread(), true),
                Some(Measured::PackHigh) => (self.cells().into_iter().sum(), true),
                Some(Measured::PackLow) => (self.cells().into_iter().sum(), false),
                Some(Measured::Discharge) => (self.pack.flowing_a(), true),
                Some(Measured::CellHeat) => (self.pack.temperatures_c()[0], true),
                Some(Measured::CellCold) => (self.pack.temperatures_c()[0], false),
                Some(Measured::BalancerHeat) => (self.pack.temperatures_c()[1], true),
                Some(Measured::PowerHeat) => (self.pack.temperatures_c()[2], true),
                None => continue,
            };
            if (above && measured > value) || (!above && measured < value) {
                word |= 1 << bit.bit;
            }
        }
        word
    }

    fn cell_spread(&mut self) -> f64 {
        let cells = self.cells();
        let lowest = cells.iter().copied().reduce(f64::min).unwrap_or_default();
        cells.into_iter().fold(0.0, f64::max) - lowest
    }

    fn show_alarms(&mut self, register: &Register) -> Vec<u16> {
        let bits = self.alarm_bits(register);
        let (high, low) = ((bits >> 16) as u16, bits as u16);
        match (register.width(), register.words) {
            (1, _) => vec![low],
            (_, WordOrder::HighFirst) => vec![high, low],
            (_, WordOrder::LowFirst) => vec![low, high],
        }
    }

    /// Both paths, or the one, as this field shows them, and what else its bits say.
    fn show_output(&self, register: &Register) -> Vec<u16> {
        let output = self.output();
        let mut word = 0;
        if let Some(shown) = &self.model.output {
            for (path, conducts) in [(&shown.charge, output.charge), (&shown.discharge, output.discharge)] {
                if path.register != register.name {
                    continue;
                }
                let is_set = conducts == (path.on == 1);
                let Some(bit) = &path.bit else {
                    return codec::encode_number(register, f64::from(u8::from(is_set)));
                };
                let named = register.bits.iter().find(|named| named.name == *bit && is_set);
                word |= named.map_or(0, |named| 1 << named.bit);
            }
        }
        // A bit that another register's scale hangs on.
        let switches = |bit: &str| {
            let mut whens = self.model.registers.iter().filter_map(|scaled| scaled.scale_when.as_ref());
            whens.any(|when| when.register == register.name && when.bit == bit)
        };
        let set = register.bits.iter().filter(|bit| {
            switches(&bit.name) && self.memory.working().is_set(&self.model, register, &bit.name)
        });
        word |= set.fold(0, |word, bit| word | 1 << bit.bit);
        // JBD's two bytes: the state of the paths, and the number of cells, which no bit names.
        let has_cells =
            self.model.link.framing == Framing::Jbd && register.bits.iter().all(|bit| bit.bit >= 8);
        vec![word | if has_cells { u16::from(self.cell_count()) } else { 0 }]
    }

    /// The load draws its current where there is a path. Before the first calibration the jig bridges the relay, so that
    /// there is a current to calibrate against; the shunt lies on the pack's side of it.
    pub(super) fn apply_load(&mut self, now: Instant) {
        let running = matches!(self.state, State::Application(_));
        let path = if self.memory.working().calibrated {
            self.output().discharge
        } else {
            self.is_shorted() || running && self.switches().discharge && !self.is_lease_locked()
        };
        self.pack.set_current(now, if path { self.load_a } else { 0.0 });
    }
}

/// `temperature_1_c` and on.
fn is_sensor(name: &str) -> bool {
    let number = name.strip_prefix("temperature_").and_then(|rest| rest.strip_suffix("_c"));
    number.is_some_and(|number| number.parse::<u8>().is_ok())
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    pub(super) charge: bool,
    pub(super) discharge: bool,
}

/// Millivolts and amperes; a limit for a discharge is an amount, whatever its sign.
fn in_base_unit(limit: &Register, value: f64) -> f64 {
    match limit.unit.as_str() {
        "V" => value * 1000.0,
        "mA" => value.abs() / 1000.0,
        "A" => value.abs(),
        _ => value,
    }
}
