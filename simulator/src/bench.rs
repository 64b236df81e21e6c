//! The bench around the boards as a fixture's file describes it: relay and input modules on Modbus, loads, meters and a supply that speak SCPI.
//! It is wired to the jig's boards: a load sinks what the board's output lets through, a meter reads what really flows, and a board whose
//! relay is open has no supply.
//!
//! It is a witness: it decodes what it is sent by itself, and writes down whatever was under voltage when it must not be.

mod doors;
mod instruments;
mod modbus;
mod wiring;

pub use doors::{BenchDoor, IoFraming};
pub use instruments::InstrumentKnobs;

use crate::{
    fixture::{FixtureCommand, FixtureEvent, Lamp},
    jig::JigEvent,
};
use core::time::Duration;
use instruments::Instruments;
use modbus::Answered;
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, sleep_until},
};
use wiring::{Coil, Input};

/// A hand closes the lid after it has put a board in.
const LID_CLOSES: Duration = Duration::from_millis(300);
/// What is under voltage so long after a cover was opened, nobody has switched off.
const DROPS_WITHIN: Duration = Duration::from_millis(400);

/// What the witness saw.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct BenchSeen {
    /// What was under voltage when it must not be, and relays that opened under current.
    pub violations: Vec<String>,
    /// How often each slot was connected to a load.
    pub connections: BTreeMap<u32, u32>,
    /// How often a cover was opened or a stop pressed while something was under voltage.
    pub trips: u32,
    /// The lights of the tower.
    pub tower: [bool; 3],
    /// The slots whose supply is on, and those whose load relay is closed.
    pub powered: BTreeSet<u32>,
    pub loaded: BTreeSet<u32>,
}

/// To the bench.
#[derive(Debug)]
pub(crate) enum BenchEvent {
    /// From the jig's slots.
    Jig(FixtureEvent),
    /// A frame for a module, and its answer; none: no such module.
    Frame {
        unit: u8,
        pdu: Vec<u8>,
        answer: oneshot::Sender<Option<Vec<u8>>>,
    },
    /// A line for an instrument, and its answer where it gives one.
    Line {
        instrument: String,
        line: String,
        answer: oneshot::Sender<Option<String>>,
    },
    /// A hand at the covers; none: all of them.
    Cover {
        slot: Option<u32>,
        closed: bool,
    },
    Stop {
        pressed: bool,
    },
    Reset {
        pressed: bool,
    },
    Turn {
        instrument: String,
        knobs: InstrumentKnobs,
    },
    /// The module loses its supply for a moment: all coils fall.
    Brownout,
}

/// A running bench; it ends with its jig.
#[derive(Debug, Clone)]
pub struct Bench {
    events: mpsc::UnboundedSender<BenchEvent>,
    seen: watch::Receiver<BenchSeen>,
}

impl Bench {
    pub(crate) fn start(
        slots: u32,
        jig: mpsc::UnboundedSender<JigEvent>,
        seed: u64,
        file: Option<PathBuf>,
    ) -> (Self, impl Future<Output = ()>) {
        let (events, inbox) = mpsc::unbounded_channel();
        let (publish, seen) = watch::channel(BenchSeen::default());
        let work = Work {
            slots,
            jig,
            clamped: BTreeSet::new(),
            lids: (1..=slots).collect(),
            opened: BTreeSet::new(),
            closing: BTreeMap::new(),
            stop: false,
            reset: false,
            coils: BTreeSet::new(),
            instruments: Instruments::new(seed),
            told: BTreeMap::new(),
            lamps: BTreeMap::new(),
            loads: BTreeMap::new(),
            unsafe_since: BTreeMap::new(),
            publish,
            file,
        };
        (Self { events, seen }, work.run(inbox))
    }

    pub(crate) fn listener(&self) -> mpsc::UnboundedSender<BenchEvent> {
        self.events.clone()
    }

    /// A way to modules and instruments.
    #[must_use]
    pub fn door(&self) -> BenchDoor {
        BenchDoor::new(self.events.clone())
    }

    /// A hand opens or closes the lid of a slot; none: all of them.
    pub fn cover(&self, slot: Option<u32>, closed: bool) {
        self.tell(BenchEvent::Cover { slot, closed });
    }

    pub fn press_stop(&self, pressed: bool) {
        self.tell(BenchEvent::Stop { pressed });
    }

    pub fn press_reset(&self, pressed: bool) {
        self.tell(BenchEvent::Reset { pressed });
    }

    /// Has an instrument (`load-1`) misbehave.
    pub fn turn(&self, instrument: &str, knobs: InstrumentKnobs) {
        self.tell(BenchEvent::Turn { instrument: instrument.to_owned(), knobs });
    }

    /// The relay module loses its supply for a moment.
    pub fn brownout(&self) {
        self.tell(BenchEvent::Brownout);
    }

    /// What the witness saw, as it grows.
    #[must_use]
    pub fn seen(&self) -> watch::Receiver<BenchSeen> {
        self.seen.clone()
    }

    fn tell(&self, event: BenchEvent) {
        let _jig_is_gone = self.events.send(event);
    }
}

struct Work {
    slots: u32,
    jig: mpsc::UnboundedSender<JigEvent>,
    clamped: BTreeSet<u32>,
    /// Closed by whoever puts boards in.
    lids: BTreeSet<u32>,
    /// Held open by another hand.
    opened: BTreeSet<u32>,
    closing: BTreeMap<u32, Instant>,
    stop: bool,
    reset: bool,
    coils: BTreeSet<u16>,
    instruments: Instruments,
    /// What each slot's supply was last, and its lamp, and its load.
    told: BTreeMap<u32, bool>,
    lamps: BTreeMap<u32, Lamp>,
    loads: BTreeMap<u32, u32>,
    /// Slots under voltage that must not be, and since when.
    unsafe_since: BTreeMap<u32, Instant>,
    publish: watch::Sender<BenchSeen>,
    file: Option<PathBuf>,
}

impl Work {
    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<BenchEvent>) {
        loop {
            let watched = self.unsafe_since.values().map(|since| *since + DROPS_WITHIN);
            let due = self.closing.values().copied().chain(watched).min();
            tokio::select! {
                biased;
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
                event = inbox.recv() => match event {
                    Some(event) => self.handle(event).await,
                    None => return,
                },
            }
            let now = Instant::now();
            let closed: Vec<u32> =
                self.closing.iter().filter(|(_, at)| **at <= now).map(|(slot, _)| *slot).collect();
            for slot in closed {
                self.closing.remove(&slot);
                self.lids.insert(slot);
            }
            self.settle(now);
        }
    }

    async fn handle(&mut self, event: BenchEvent) {
        match event {
            BenchEvent::Jig(FixtureEvent::Presence { slot, present: true }) => {
                self.clamped.insert(slot);
                self.closing.insert(slot, Instant::now() + LID_CLOSES);
            }
            BenchEvent::Jig(FixtureEvent::Presence { slot, present: false }) => {
                self.clamped.remove(&slot);
                self.closing.remove(&slot);
                self.lids.remove(&slot);
            }
            BenchEvent::Jig(_) => {}
            BenchEvent::Frame { unit, pdu, answer } => {
                let answered = (unit == wiring::UNIT).then(|| self.answer_frame(&pdu));
                let _asker_is_gone = answer.send(answered);
            }
            BenchEvent::Line { instrument, line, answer } => {
                self.answer_line(&instrument, &line, answer).await;
            }
            BenchEvent::Cover { slot, closed } => {
                let slots: Vec<u32> = slot.map_or_else(|| (1..=self.slots).collect(), |slot| vec![slot]);
                if closed {
                    self.opened.retain(|slot| !slots.contains(slot));
                } else {
                    let live = slots.iter().any(|slot| self.is_energised(*slot));
                    self.note(|seen| seen.trips += u32::from(live));
                    self.opened.extend(slots);
                }
            }
            BenchEvent::Stop { pressed } => {
                let live = pressed && (1..=self.slots).any(|slot| self.is_energised(slot));
                self.note(|seen| seen.trips += u32::from(live));
                self.stop = pressed;
            }
            BenchEvent::Reset { pressed } => self.reset = pressed,
            BenchEvent::Turn { instrument, knobs } => self.instruments.turn(&instrument, knobs),
            BenchEvent::Brownout => self.coils.clear(),
        }
    }

    // --- modules ---

    fn answer_frame(&mut self, pdu: &[u8]) -> Vec<u8> {
        let input = |address: u16| match wiring::input(address) {
            // The stop's chain is closed as long as nobody presses it.
            Some(Input::StopChain) => !self.stop,
            Some(Input::Reset) => self.reset,
            Some(Input::Clamp(slot)) => self.clamped.contains(&slot),
            Some(Input::Lid(slot)) => self.is_closed(slot),
            None => false,
        };
        match modbus::answer(pdu, input, |coil| self.coils.contains(&coil)) {
            Answered::Read(answer) => answer,
            Answered::Write { answer, coils } => {
                for (coil, on) in coils {
                    self.write_coil(coil, on);
                }
                answer
            }
        }
    }

    fn write_coil(&mut self, coil: u16, on: bool) {
        let was = self.coils.contains(&coil);
        if on {
            self.coils.insert(coil);
        } else {
            self.coils.remove(&coil);
        }
        match wiring::coil(coil) {
            Some(Coil::Power(slot) | Coil::Load(slot)) if on && !was && !self.is_safe(slot) => {
                self.violation(format!("slot {slot}: coil {coil} was switched on while it must not be"));
            }
            Some(Coil::Load(slot)) if on && !was => {
                self.note(|seen| *seen.connections.entry(slot).or_default() += 1);
                let load = wiring::load_of(slot);
                let others = (1..=self.slots)
                    .filter(|other| *other != slot && wiring::load_of(*other) == load)
                    .filter(|other| self.coils.contains(&wiring::load_coil(*other)));
                for other in others.collect::<Vec<_>>() {
                    self.violation(format!("slots {slot} and {other} are joined through {load}"));
                }
                if self.draws(slot) {
                    self.violation(format!("slot {slot}: its relay closed onto {load}, which draws"));
                }
            }
            // In an emergency a relay is not spared.
            Some(Coil::Load(slot)) if was && !on && self.is_safe(slot) && self.draws(slot) => {
                self.violation(format!("slot {slot}: its relay opened under current"));
            }
            _ => {}
        }
    }

    /// Whether the load that the slot shares is told to draw.
    fn draws(&self, slot: u32) -> bool {
        self.instruments.drawn_ma(wiring::load_of(slot)) > 0
    }

    // --- instruments ---

    async fn answer_line(&mut self, name: &str, line: &str, answer: oneshot::Sender<Option<String>>) {
        if let Some(wait) = self.instruments.listens(name, line) {
            let near = self.near().await;
            let said = self.instruments.hears(name, &near);
            tokio::spawn(async move {
                tokio::time::sleep(wait).await;
                let _asker_is_gone = answer.send(Some(said));
            });
            return;
        }
        let flowing_ma = if self.instruments.reads_current(name) { self.flowing_ma(name).await } else { 0 };
        let said = self.instruments.say(name, line, flowing_ma);
        let Some(said) = said else { return };
        let (wait, said) = said;
        if wait.is_zero() {
            let _asker_is_gone = answer.send(said);
            return;
        }
        tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            let _asker_is_gone = answer.send(said);
        });
    }

    /// The radios of the boards that are awake: slot, address, name.
    async fn near(&self) -> Vec<(u32, String, String)> {
        let mut near = Vec::new();
        for slot in 1..=self.slots {
            let (answer, answered) = oneshot::channel();
            self.send(JigEvent::Advertises { slot, answer });
            if let Ok(Some((address, name))) = answered.await {
                near.push((slot, address, name));
            }
        }
        near
    }

    /// What really flows through a path: asked of the boards behind its closed relays.
    async fn flowing_ma(&mut self, instrument: &str) -> u32 {
        self.settle(Instant::now());
        let mut sum = 0;
        for slot in 1..=self.slots {
            let is_here = wiring::load_of(slot) == instrument || wiring::meter_of(slot) == instrument;
            if is_here && self.coils.contains(&wiring::load_coil(slot)) {
                let (answer, answered) = oneshot::channel();
                let _jig_is_gone = self.jig.send(JigEvent::Flowing { slot, answer });
                sum += answered.await.unwrap_or_default();
            }
        }
        sum
    }

    // --- what follows ---

    fn is_closed(&self, slot: u32) -> bool {
        self.lids.contains(&slot) && !self.opened.contains(&slot)
    }

    fn is_safe(&self, slot: u32) -> bool {
        self.is_closed(slot) && !self.stop
    }

    fn is_energised(&self, slot: u32) -> bool {
        self.coils.contains(&wiring::power_coil(slot)) || self.coils.contains(&wiring::load_coil(slot))
    }

    /// Brings boards, loads and lamps to what coils and instruments say.
    fn settle(&mut self, now: Instant) {
        let gives = self.instruments.supply_gives();
        for slot in 1..=self.slots {
            let powered = gives && self.coils.contains(&wiring::power_coil(slot));
            if self.told.insert(slot, powered) != Some(powered) {
                self.send(JigEvent::Supply { slot, on: powered });
            }
            let is_loaded = self.coils.contains(&wiring::load_coil(slot));
            let load_ma = if is_loaded { self.instruments.drawn_ma(wiring::load_of(slot)) } else { 0 };
            if self.loads.insert(slot, load_ma).unwrap_or_default() != load_ma {
                self.send(JigEvent::Command(FixtureCommand::SetLoad { slot, load_ma }));
            }
            let lamp = wiring::lamp(slot, |coil| self.coils.contains(&coil));
            if self.lamps.insert(slot, lamp).unwrap_or(Lamp::Idle) != lamp {
                self.send(JigEvent::Command(FixtureCommand::Lamp { slot, lamp }));
            }
            if self.is_safe(slot) || !self.is_energised(slot) {
                self.unsafe_since.remove(&slot);
                continue;
            }
            let since = *self.unsafe_since.entry(slot).or_insert(now);
            if now >= since + DROPS_WITHIN {
                self.violation(format!(
                    "slot {slot} is still under voltage {DROPS_WITHIN:?} after it must not be"
                ));
                self.unsafe_since.insert(slot, now);
            }
        }
        let lit = [0, 1, 2].map(|coil| self.coils.contains(&coil));
        let with = |coil: fn(u32) -> u16| {
            (1..=self.slots).filter(|slot| self.coils.contains(&coil(*slot))).collect::<BTreeSet<u32>>()
        };
        let (powered, loaded) = (with(wiring::power_coil), with(wiring::load_coil));
        let is_new = {
            let seen = self.publish.borrow();
            seen.tower != lit || seen.powered != powered || seen.loaded != loaded
        };
        if is_new {
            self.publish.send_modify(|seen| (seen.tower, seen.powered, seen.loaded) = (lit, powered, loaded));
        }
    }

    fn send(&self, event: JigEvent) {
        let _jig_is_gone = self.jig.send(event);
    }

    fn violation(&self, what: String) {
        tracing::error!(what, "the bench was not safe");
        self.note(|seen| seen.violations.push(what));
    }

    fn note(&self, change: impl FnOnce(&mut BenchSeen)) {
        self.publish.send_modify(change);
        let Some(path) = &self.file else { return };
        let text = serde_json::to_vec_pretty(&*self.publish.borrow());
        if let Err(error) = text.map_err(std::io::Error::other).and_then(|text| std::fs::write(path, text)) {
            tracing::error!(path = %path.display(), %error, "cannot write what the bench saw; is the disk full?");
        }
    }
}
