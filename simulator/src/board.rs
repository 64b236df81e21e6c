//! One board, as a function of its inputs: bytes, time, power and load go in, bytes come out. No I/O, no clock.
//!
//! It is a witness: it holds raw registers and flash and shares nothing with the station but the parsed model file.

use core::time::Duration;
use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

mod application;
mod counters;
mod described;
mod ear;
mod fields;
mod jbd;
mod modbus;
mod preamble;
mod shown;
mod sleep;

use domain::model::{AddressStep, DeviceModel, Register};
use protocol::{Instant, ymodem};
use rand::{SeedableRng as _, rngs::StdRng};

use crate::{
    birth::{Birth, stored_at_birth},
    delays::Pace,
    disturbance::{Chance, Disturbance},
    faults::Fault,
    flash::Flash,
    knobs::is_turn,
    live::{Live, live_registers},
    loader::Loader,
    memory::{Memory, Stored},
    observe::{Holds, Observation},
    pack::Pack,
    places,
};

pub(crate) use shown::{FIRST_SENSOR, STORED};

use self::{
    counters::{Counter, counters},
    ear::Ear,
    sleep::Doze,
};

/// How long the supply is away in [`Disturbance::PowerLossInFlash`].
const POWER_LOSS: Duration = Duration::from_millis(300);

/// A board in a slot or in a hand.
#[derive(Debug)]
pub struct Board {
    /// What an address of a master's counts; the model here has places.
    step: AddressStep,
    model: Arc<DeviceModel>,
    birth: Birth,
    born: Stored,
    live: Vec<(Register, Live)>,
    counters: Vec<Counter>,
    /// The alarms when it was looked last.
    alarms_seen: u32,
    memory: Memory,
    flash: Flash,
    pack: Pack,
    chance: StdRng,
    /// Draws what disturbs it; a generator of its own, so that a disturbance changes nothing but itself.
    mischief: Chance,
    state: State,
    load_a: f64,
    /// While it stores, it does not listen; then what was written is kept.
    store_until: Option<Instant>,
    replies: VecDeque<(Instant, Vec<u8>)>,
    /// End of its own answer on the wire: one pair of wires, and who speaks does not hear.
    speaks_until: Instant,
    /// Since when nothing came.
    idle_since: Instant,
    /// What happens once the last reply is out.
    afterwards: Option<(Instant, Afterwards)>,
    out: VecDeque<Vec<u8>>,
    pace: Pace,
    frames: u64,
    ignored_frames: u64,
    restarts: u64,
    acknowledgements: u64,
    /// What answered last.
    left_in: Mode,
    read_since_start: BTreeSet<u16>,
    changed_since_start: bool,
}

#[derive(Debug)]
enum State {
    Off,
    Starting {
        at: Instant,
        into: Program,
    },
    Application(Box<Ear>),
    Loader(Box<Loader>),
    /// Until it is woken, or until the power comes back where the model knows no waking.
    Asleep(Doze),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Program {
    Application,
    Loader,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Afterwards {
    Restart(Program),
    Sleep,
}

/// Which program answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Nothing,
    Application,
    Loader,
    /// The application, asleep: its paths stay as they are.
    Asleep,
}

impl Board {
    /// A board without power.
    #[must_use]
    pub fn new(model: Arc<DeviceModel>, birth: Birth) -> Self {
        let step = model.link.address_step;
        let model = places::in_places(model);
        let mut chance = StdRng::seed_from_u64(birth.seed);
        let born = stored_at_birth(&model, &birth);
        let mischief = Chance::new(birth.disturbances, birth.seed, "board");
        let mut flash = Flash::new(&model);
        let kept = birth.remembered.as_ref().map_or_else(|| born.clone(), |earlier| earlier.stored());
        let image =
            birth.remembered.as_ref().map_or_else(|| Some(birth.image.to_vec()), |earlier| earlier.image());
        let image = image.unwrap_or_default();
        if !image.is_empty() {
            flash.announce(image.len() as u32);
        }
        // Somebody pulled it out in mid-transfer: the loader knows the length, the second half never came.
        let is_half = birth.fault == Some(Fault::InterruptedFlash) && birth.remembered.is_none();
        let there = if is_half { image.len() / 2 } else { image.len() };
        let _fits = flash.program(0, image.get(..there).unwrap_or_default());
        if birth.fault == Some(Fault::WriteProtected) {
            flash.protect();
        }
        let live = live_registers(&model);
        let settle_ms = model.calibration.as_ref().map_or(0, |calibration| calibration.settle_ms);
        let pack = Pack::new(model.cells.max, settle_ms, birth.seed, birth.fault);
        let pack = match birth.knobs.cell_rest_mv {
            0 => pack,
            rest_mv => pack.resting_at(rest_mv.into()),
        };
        Self {
            step,
            counters: counters(&model, &live),
            live,
            alarms_seen: 0,
            memory: Memory::new(
                model.clone(),
                kept,
                birth.fault,
                birth.seed,
                birth.knobs.forget_password != 0,
            ),
            pack,
            pace: Pace::new(birth.delays, &mut chance),
            model,
            birth,
            born,
            flash,
            chance,
            mischief,
            state: State::Off,
            load_a: 0.0,
            store_until: None,
            replies: VecDeque::new(),
            speaks_until: Instant::ZERO,
            idle_since: Instant::ZERO,
            afterwards: None,
            out: VecDeque::new(),
            frames: 0,
            ignored_frames: 0,
            restarts: 0,
            acknowledgements: 0,
            left_in: Mode::Nothing,
            read_since_start: BTreeSet::new(),
            changed_since_start: false,
        }
    }

    /// Bits per second at which it listens and speaks now.
    #[must_use]
    pub fn baud(&self) -> u32 {
        match &self.state {
            State::Loader(_) | State::Starting { into: Program::Loader, .. } => {
                self.model.boot.as_ref().map_or(self.model.link.baud, |boot| boot.baud)
            }
            _ => self.model.link.baud,
        }
    }

    /// Which program answers now.
    #[must_use]
    pub fn mode(&self) -> Mode {
        match &self.state {
            State::Application(_) => Mode::Application,
            State::Loader(_) => Mode::Loader,
            State::Asleep(doze) if doze.of_application => Mode::Asleep,
            _ => Mode::Nothing,
        }
    }

    /// Supply on or off. What was not stored when it goes off is lost; an erase or a transfer stops where it is.
    pub fn set_power(&mut self, now: Instant, on: bool) {
        self.settle(now);
        match (on, matches!(self.state, State::Off)) {
            (true, true) if self.birth.fault != Some(Fault::Silent) => {
                if self.birth.fault == Some(Fault::IdentityChanges) && self.restarts > 0 {
                    self.change_identity();
                }
                self.begin(now, self.program_after_reset());
            }
            (false, false) => {
                self.left_in = self.mode();
                self.memory.restart();
                self.forget_line();
                self.out.clear();
                self.state = State::Off;
            }
            _ => {}
        }
        self.apply_load(now);
    }

    /// The jig's load draws this much whenever a path is closed, milliamperes.
    pub fn set_load_ma(&mut self, now: Instant, load_ma: u32) {
        self.settle(now);
        self.load_a = f64::from(load_ma) / 1000.0;
        self.apply_load(now);
    }

    /// What really flows, milliamperes: what an instrument beside the board reads.
    #[must_use]
    pub fn flowing_ma(&self) -> u32 {
        (self.pack.flowing_a() * 1000.0).round() as u32
    }

    /// Bytes that have arrived by `now`, sent at [`Board::baud`].
    pub fn handle_bytes(&mut self, now: Instant, bytes: &[u8]) {
        self.handle_timeout(now);
        if !self.rouse(now) {
            return;
        }
        match &mut self.state {
            State::Application(ear) => {
                self.idle_since = now;
                ear.handle_bytes(now, bytes);
                self.answer_frames(now);
            }
            State::Loader(loader) => {
                loader.handle_bytes(now, bytes, &mut self.flash);
                self.carry_loader(now);
            }
            _ => {}
        }
    }

    /// Does everything that is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.settle(now);
        while self.replies.front().is_some_and(|(due, _)| *due <= now) {
            self.out.extend(self.replies.pop_front().map(|(_, bytes)| bytes));
        }
        if let Some((due, what)) = self.afterwards
            && due <= now
        {
            self.afterwards = None;
            // An ordered restart waits for the store.
            self.memory.commit();
            self.memory.restart();
            match what {
                Afterwards::Restart(program) => self.begin(now, program),
                Afterwards::Sleep => self.fall_asleep(),
            }
            self.apply_load(now);
        }
        if let State::Starting { at, into } = self.state
            && at <= now
        {
            match into {
                Program::Application if self.is_born_asleep() => self.fall_asleep(),
                Program::Application => self.listen(now),
                Program::Loader => self.start_loader(now),
            }
            self.apply_load(now);
        }
        if self.sleeps_at().is_some_and(|due| due <= now) {
            self.fall_asleep();
            self.apply_load(now);
        }
        match &mut self.state {
            State::Application(ear) => {
                ear.handle_timeout(now);
                self.answer_frames(now);
            }
            State::Loader(loader) => {
                loader.handle_timeout(now, &mut self.flash);
                self.carry_loader(now);
            }
            _ => {}
        }
    }

    /// When [`Board::handle_timeout`] wants to be called next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let state = match &self.state {
            State::Starting { at, .. } => Some(*at),
            State::Application(ear) => ear.poll_timeout(),
            State::Loader(loader) => loader.poll_timeout(),
            _ => None,
        };
        let reply = self.replies.front().map(|(due, _)| *due);
        let afterwards = self.afterwards.map(|(due, _)| due);
        [state, reply, afterwards, self.store_until, self.sleeps_at()].into_iter().flatten().min()
    }

    /// The next bytes for the line, whole, to be sent at [`Board::baud`].
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.out.pop_front()
    }

    /// What the board really is and holds, past every protocol.
    #[must_use]
    pub fn observe(&self) -> Observation {
        let kept = self.memory.kept();
        let now = self.memory.working();
        let field = |name: &str| self.model.register(name).map(|register| now.text(&self.model, register));
        let output = self.output();
        let version = self.flash.boots().ok().and_then(|()| match &self.model.firmware.image {
            Some(_) => self.flash.version(),
            None => field(&self.model.firmware.version_register),
        });
        let parameters = self.model.parameters();
        Observation {
            parameters: parameters
                .map(|register| (register.name.clone(), kept.text(&self.model, register)))
                .collect(),
            current_error_percent: self.pack.current_error_percent(kept.gain),
            mode: self.mode(),
            left_in: if matches!(self.state, State::Off) { self.left_in } else { self.mode() },
            registers: self.memory.working().words.clone(),
            registers_kept: self.memory.kept().words.clone(),
            password: self.memory.kept().password.clone(),
            gain: self.memory.kept().gain,
            calibrated: self.memory.kept().calibrated,
            flash_image: self.flash.image().map(<[u8]>::to_vec),
            boots: self.flash.boots().is_ok(),
            frames: self.frames,
            ignored_frames: self.ignored_frames,
            register_writes: self.memory.writes(),
            restarts: self.restarts,
            read_since_start: self.read_since_start.clone(),
            changed_since_start: self.changed_since_start,
            struck: self.mischief.struck().clone(),
            holds: Holds {
                name: self.model.name.as_ref().and_then(|name| field(&name.register)),
                firmware_version: version,
                firmware_crc32: self.flash.boots().ok().and_then(|()| self.flash.crc()),
                lease_mode: self.model.lease.as_ref().and_then(|lease| field(&lease.mode_register)),
                charge_on: output.charge,
                discharge_on: output.discharge,
                password_is_factory: self
                    .model
                    .password
                    .as_ref()
                    .is_some_and(|password| password.factory == self.memory.kept().password),
            },
        }
    }

    /// Requests heard so far, answered or not.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.frames + self.ignored_frames + self.restarts
    }

    /// Who it is.
    #[must_use]
    pub fn birth(&self) -> &Birth {
        &self.birth
    }

    /// The application answers from now on.
    fn listen(&mut self, now: Instant) {
        self.idle_since = now;
        self.state = State::Application(Box::new(Ear::new(&self.model)));
    }

    fn start_loader(&mut self, now: Instant) {
        self.state = match self.model.loader() {
            Some((image, boot)) => State::Loader(Box::new(Loader::new(
                now,
                boot.clone(),
                image.flash_bytes,
                self.pace,
                (self.birth.fault == Some(Fault::FlippedFlashByte)).then(|| self.flip_at()),
                block_time(self.birth.knobs.block_ms),
            ))),
            None => State::Asleep(Doze::default()),
        };
    }

    fn flip_at(&self) -> u32 {
        // Inside any image worth the name, behind its head.
        let image = self.model.firmware.image.as_ref();
        let head = image.map_or(0, |image| image.version_offset + image.version_bytes);
        head + 64 + (self.birth.seed % 4096) as u32
    }

    fn program_after_reset(&self) -> Program {
        if self.flash.boots().is_ok() { Program::Application } else { Program::Loader }
    }

    fn begin(&mut self, now: Instant, program: Program) {
        self.restarts += 1;
        self.alarms_seen = 0;
        self.read_since_start.clear();
        self.changed_since_start = false;
        self.forget_line();
        let program = if program == Program::Application { self.program_after_reset() } else { program };
        let start = match program {
            Program::Application => {
                let later = Duration::from_millis(self.birth.knobs.start_later_ms.into());
                self.pace.application_start(&mut self.chance) + later
            }
            Program::Loader => self.pace.loader_start(&mut self.chance),
        };
        self.state = State::Starting { at: now + start, into: program };
    }

    /// What already stands in `out` was sent before.
    fn forget_line(&mut self) {
        self.replies.clear();
        self.speaks_until = Instant::ZERO;
        self.afterwards = None;
        self.store_until = None;
    }

    /// Ends the store pause.
    fn settle(&mut self, now: Instant) {
        if self.store_until.is_some_and(|until| until <= now) {
            self.store_until = None;
            self.memory.commit();
        }
    }

    fn carry_loader(&mut self, now: Instant) {
        let State::Loader(loader) = &mut self.state else { return };
        while let Some(bytes) = loader.poll_transmit() {
            if bytes.first() == Some(&ymodem::ACK) {
                self.acknowledgements += 1;
                if is_turn(self.acknowledgements, self.birth.knobs.lose_ack_every) {
                    continue;
                }
            }
            self.out.push_back(bytes);
        }
        if loader.take_block_begun() && self.mischief.strikes(Disturbance::PowerLossInFlash) {
            loader.lose_power(&mut self.flash);
            self.out.clear();
            self.memory.restart();
            self.begin(now + POWER_LOSS, Program::Application);
        } else if loader.take_execute() {
            self.begin(now, Program::Application);
        }
    }

    fn change_identity(&mut self) {
        let fields = &self.model.identity.fields;
        let own =
            fields.iter().find(|field| field.unique).and_then(|field| self.model.register(&field.register));
        if let Some(register) = own {
            self.memory.corrupt(register);
        }
    }
}

/// 0: no limit.
fn block_time(ms: u32) -> Option<Duration> {
    (ms != 0).then(|| Duration::from_millis(ms.into()))
}
