//! The application's side of the board: what it answers to a request, what its registers show, where its output conducts.

use core::time::Duration;

use domain::model::{PathField, Register, WordOrder};
use protocol::{
    Instant,
    modbus::{
        ExceptionCode, Request, Response,
        rtu::{Frame, encode_response},
    },
    timing,
};
use rand::Rng as _;

use super::{Afterwards, Board, Program, State};
use crate::{
    codec,
    disturbance::Disturbance,
    faults::Fault,
    knobs::is_turn,
    live::{Live, Measured},
    memory::Meaning,
    words::{self, laid},
};

/// Correction factors outside this are no calibration but a mistake.
const GAIN: core::ops::RangeInclusive<f64> = 0.8..=1.25;
/// Charge is positive.
const DISCHARGE_SIGN: f64 = -1.0;

impl Board {
    pub(super) fn answer_frames(&mut self, now: Instant) {
        loop {
            let State::Application(decoder) = &mut self.state else { return };
            let Some(frame) = decoder.poll_frame() else { return };
            self.answer(now, &frame);
        }
    }

    fn answer(&mut self, now: Instant, frame: &Frame) {
        let broadcast = frame.address == 0;
        if !broadcast && frame.address != self.model.link.address {
            return;
        }
        // Busy with the last request, with its store, or still speaking when this one began: a board has one ear.
        let began = now.saturating_sub(timing::wire_time(frame.pdu.len() + 3, self.model.link.baud));
        let speaks = began < self.speaks_until;
        if self.store_until.is_some() || !self.replies.is_empty() || self.afterwards.is_some() || speaks {
            self.ignored_frames += 1;
            return;
        }
        self.frames += 1;
        let mut effects = Effects::default();
        let function = frame.pdu.first().copied().unwrap_or_default();
        let response = match Request::decode(&frame.pdu) {
            Ok(request) => self.obey(now, &request, &mut effects),
            Err(_) if matches!(function, 3 | 4 | 6 | 16) => Err(ExceptionCode::IllegalDataValue),
            Err(_) => Err(ExceptionCode::IllegalFunction),
        };
        if self.memory.is_dirty() {
            self.changed_since_start = true;
            if self.mischief.strikes(Disturbance::RestartInWrite) {
                self.memory.commit_torn();
                self.memory.restart();
                self.begin(now, Program::Application);
                self.apply_load(now);
                return;
            }
        }
        let response = response.unwrap_or_else(|code| Response::Exception { function, code });
        let mut over = now + self.pace.think(self.model.link.baud, &mut self.chance);
        if !broadcast
            && effects.answered
            && let Ok(bytes) = encode_response(self.answering_address(), &response)
        {
            let length = bytes.len();
            over = self.send_answer(over, bytes) + timing::wire_time(length, self.model.link.baud);
            self.speaks_until = over;
        }
        if self.memory.is_dirty() {
            self.store_until = Some(over + Duration::from_millis(u64::from(self.model.link.store_ms)));
        }
        self.afterwards = effects.afterwards.map(|what| (over, what));
        self.apply_load(now);
    }

    fn answering_address(&mut self) -> u8 {
        let own = self.model.link.reply_address.unwrap_or(self.model.link.address);
        if !self.mischief.strikes(Disturbance::WrongAddress) {
            return own;
        }
        // One of 1 to 247, and not its own.
        1 + (usize::from(own) + self.mischief.below(246)) as u8 % 247
    }

    /// Sends the answer as the knobs let it; when it starts.
    fn send_answer(&mut self, due: Instant, mut bytes: Vec<u8>) -> Instant {
        let knobs = self.birth.knobs;
        if is_turn(self.frames, knobs.lose_answer_every) {
            return due;
        }
        if is_turn(self.frames, knobs.damage_answer_every) {
            let at = self.chance.random_range(0..bytes.len());
            bytes[at] ^= 1 << self.chance.random_range(0..8);
        }
        if knobs.babble != 0 {
            self.chance.fill(&mut bytes[..]);
        }
        let late = is_turn(self.frames, knobs.late_answer_every);
        let due = if late { due + Duration::from_millis(u64::from(knobs.late_answer_ms)) } else { due };
        self.replies.push_back((due, bytes));
        due
    }

    fn obey(
        &mut self,
        now: Instant,
        request: &Request,
        effects: &mut Effects,
    ) -> Result<Response, ExceptionCode> {
        let place = |address: u16| words::at(self.step, address).ok_or(ExceptionCode::IllegalDataAddress);
        let reads_inputs = self.model.link.read_function == 4;
        match request {
            Request::ReadHolding { .. } if reads_inputs => Err(ExceptionCode::IllegalFunction),
            Request::ReadInput { .. } if !reads_inputs => Err(ExceptionCode::IllegalFunction),
            Request::ReadHolding { address, quantity } | Request::ReadInput { address, quantity } => {
                let first = place(*address)?;
                self.memory.check_read(first, *quantity)?;
                self.read_since_start.extend((first..).take(usize::from(*quantity)));
                let words = self.read(now, first, *quantity);
                Ok(if reads_inputs { Response::ReadInput(words) } else { Response::ReadHolding(words) })
            }
            Request::WriteSingle { .. } if !self.model.link.write_single => {
                Err(ExceptionCode::IllegalFunction)
            }
            Request::WriteSingle { address, value } => {
                self.write(now, place(*address)?, &[*value], true, effects)?;
                Ok(Response::WriteSingle { address: *address, value: *value })
            }
            Request::WriteMultiple { address, values } => {
                self.write(now, place(*address)?, values, false, effects)?;
                Ok(Response::WriteMultiple { address: *address, quantity: values.len() as u16 })
            }
        }
    }

    fn write(
        &mut self,
        now: Instant,
        address: u16,
        values: &[u16],
        single: bool,
        effects: &mut Effects,
    ) -> Result<(), ExceptionCode> {
        for meaning in self.memory.write(address, values, single)? {
            match meaning {
                Meaning::Calibrate(true_a) => self.calibrate(now, true_a)?,
                Meaning::Command(name) => {
                    let model = self.model.clone();
                    let known = model.command(&name);
                    effects.answered &= known.is_none_or(|command| command.acknowledged);
                    match name.as_str() {
                        name if self.model.boot.as_ref().is_some_and(|boot| boot.enter_command == name) => {
                            effects.afterwards = Some(Afterwards::Restart(Program::Loader));
                        }
                        "restart" => effects.afterwards = Some(Afterwards::Restart(Program::Application)),
                        "reset" => self.memory.reset_parameters(&self.born),
                        "sleep" => effects.afterwards = Some(Afterwards::Sleep),
                        _ => {
                            if let Some(preset) = known {
                                self.memory.take_preset(preset);
                            }
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn calibrate(&mut self, now: Instant, true_a: f64) -> Result<(), ExceptionCode> {
        let least = self.model.calibration.as_ref().map_or(0.0, |calibration| calibration.min_a);
        let seen = self.pack.seen_a(now).abs();
        let gain = true_a.abs() / seen;
        // Without the current that is claimed to flow there is nothing to calibrate against.
        if true_a.abs() < least || !gain.is_finite() || !GAIN.contains(&gain) {
            return Err(ExceptionCode::DeviceFailure);
        }
        self.memory.set_gain(gain);
        Ok(())
    }

    fn read(&mut self, now: Instant, address: u16, quantity: u16) -> Vec<u16> {
        let mut words: Vec<u16> =
            (address..).take(usize::from(quantity)).map(|at| self.memory.word(at)).collect();
        let end = u32::from(address) + u32::from(quantity);
        for (register, live) in std::mem::take(&mut self.live) {
            let last = u32::from(register.address) + u32::from(register.width());
            if last > u32::from(address) && u32::from(register.address) < end {
                let shown = self.show(now, &register, live);
                let around =
                    register.address.checked_sub(address).and_then(|index| words.get(usize::from(index)));
                let shown = laid(&register, shown, around.copied().unwrap_or_default());
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
            Live::BalancerTemperature => balancer_c,
            Live::PowerTemperature => power_c,
            Live::Output => return self.show_output(register),
            Live::Alarms => return self.show_alarms(register),
            Live::UnlockState => f64::from(u8::from(self.memory.is_unlocked())),
            Live::Version => {
                let version = self.flash.version().unwrap_or_default();
                return codec::encode_text(register, &version).unwrap_or_default();
            }
            Live::ImageCrc => f64::from(self.flash.crc().unwrap_or_default()),
        };
        codec::encode_number(register, value)
    }

    fn cells(&mut self) -> Vec<f64> {
        (0..self.cell_count()).map(|index| self.pack.cell_mv(usize::from(index))).collect()
    }

    /// As many cells as the board is told to measure.
    fn cell_count(&self) -> u8 {
        let told = self
            .model
            .cells
            .count_register
            .as_ref()
            .and_then(|name| self.model.register(name))
            .and_then(|register| codec::decode_number(register, &self.memory.field(register)));
        told.map_or(self.model.cells.max, |count| (count as u8).min(self.model.cells.max))
    }

    pub(super) fn output(&self) -> Output {
        let running = matches!(self.state, State::Application(_));
        // "A new board with relay does not work until its current has been calibrated."
        let relay = running && self.memory.working().calibrated;
        let switches = self.switches();
        let locked = self.is_lease_locked();
        let knobs = self.birth.knobs;
        let stuck = self.birth.fault == Some(Fault::StuckMosfet);
        Output {
            charge: relay && switches.charge && !stuck && !(locked && knobs.lock_stops_charge != 0),
            discharge: relay && switches.discharge && (!locked || knobs.ignore_lock != 0),
        }
    }

    fn switches(&self) -> Output {
        let Some(safe) = &self.model.safe_state else { return Output { charge: true, discharge: true } };
        let is_on = |path: &PathField| {
            let Some(register) = self.model.register(&path.register) else { return true };
            let held = self.memory.field(register);
            match &path.bit {
                Some(bit) => {
                    let word = held.last().copied().unwrap_or_default();
                    let is_set =
                        register.bits.iter().any(|named| named.name == *bit && word >> named.bit & 1 == 1);
                    u8::from(is_set) == path.on
                }
                None => codec::decode_number(register, &held) == Some(f64::from(path.on)),
            }
        };
        Output { charge: is_on(&safe.charge), discharge: is_on(&safe.discharge) }
    }

    fn is_lease_locked(&self) -> bool {
        let Some(lease) = &self.model.lease else { return false };
        let mode = self.model.register(&lease.mode_register);
        mode.is_some_and(|register| codec::decode_text(register, &self.memory.field(register)) == "locked")
    }

    /// Bits whose name begins a parameter's name are set while that limit is passed.
    fn show_alarms(&mut self, register: &Register) -> Vec<u16> {
        let model = self.model.clone();
        let mut word = 0_u32;
        for bit in &register.bits {
            // A limit, and none of the delays and releases whose names begin like it.
            let limit = model.parameters().find(|p| {
                p.name.starts_with(bit.name.as_str()) && !p.name.contains("recovery") && p.unit != "s"
            });
            let Some(limit) = limit else { continue };
            let Some(value) = codec::decode_number(limit, &self.memory.field(limit)) else { continue };
            let (measured, above) = match Measured::of(&bit.name) {
                Some(Measured::HighestCell) => (self.cells().into_iter().fold(0.0, f64::max), true),
                Some(Measured::LowestCell) => {
                    (self.cells().into_iter().reduce(f64::min).unwrap_or(f64::MAX), false)
                }
                Some(Measured::CellSpread) => (self.cell_spread(), true),
                // Some models give a limit of discharge as the negative current that it is.
                Some(Measured::Discharge) => (self.pack.flowing_a() * value.signum(), value >= 0.0),
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
        let (high, low) = ((word >> 16) as u16, word as u16);
        match (register.width(), register.words) {
            (1, _) => vec![low],
            (_, WordOrder::HighFirst) => vec![high, low],
            (_, WordOrder::LowFirst) => vec![low, high],
        }
    }

    fn cell_spread(&mut self) -> f64 {
        let cells = self.cells();
        let lowest = cells.iter().copied().reduce(f64::min).unwrap_or_default();
        cells.into_iter().fold(0.0, f64::max) - lowest
    }

    /// Both paths, or the one, as this field shows them.
    fn show_output(&self, register: &Register) -> Vec<u16> {
        let Some(shown) = &self.model.output else { return vec![0; usize::from(register.width())] };
        let output = self.output();
        let mut word = 0;
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
        vec![word]
    }

    /// The load draws its current where there is a path. Before the first calibration the jig bridges the relay, so that
    /// there is a current to calibrate against; the shunt lies on the pack's side of it.
    pub(super) fn apply_load(&mut self, now: Instant) {
        let running = matches!(self.state, State::Application(_));
        let path = if self.memory.working().calibrated {
            self.output().discharge
        } else {
            running && self.switches().discharge && !self.is_lease_locked()
        };
        self.pack.set_current(now, if path { self.load_a } else { 0.0 });
    }
}

#[derive(Debug)]
struct Effects {
    answered: bool,
    afterwards: Option<Afterwards>,
}

impl Default for Effects {
    fn default() -> Self {
        Self { answered: true, afterwards: None }
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    pub(super) charge: bool,
    pub(super) discharge: bool,
}
