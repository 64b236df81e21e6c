//! The application's side of the board: it hears, obeys and answers, whatever its framing.

use core::time::Duration;

use protocol::{
    Instant,
    jbd::{Reply, Status},
    modbus::{Response, rtu::encode_response},
    timing,
};
use rand::Rng as _;

use super::{Afterwards, Board, Program, State, ear::Heard, preamble::FILL};
use crate::{
    disturbance::Disturbance,
    knobs::is_turn,
    memory::{Meaning, Refusal},
};

/// Correction factors outside this are no calibration but a mistake.
const GAIN: core::ops::RangeInclusive<f64> = 0.8..=1.25;

impl Board {
    pub(super) fn answer_frames(&mut self, now: Instant) {
        loop {
            let State::Application(ear) = &mut self.state else { return };
            let Some(heard) = ear.poll_heard() else { return };
            self.answer(now, &heard);
        }
    }

    fn answer(&mut self, now: Instant, heard: &Heard) {
        let asked = match heard {
            Heard::Modbus(frame) => Some(frame.address),
            Heard::Jbd(_) | Heard::JbdDamaged { .. } | Heard::Described(_) => None,
        };
        let broadcast = asked == Some(0);
        if asked.is_some_and(|address| address != 0 && address != self.model.link.address) {
            return;
        }
        // Busy with the last request, with its store, or still speaking when this one began: a board has one ear.
        let began = now.saturating_sub(timing::wire_time(heard.bytes(), self.model.link.baud));
        let speaks = began < self.speaks_until;
        if self.store_until.is_some() || !self.replies.is_empty() || self.afterwards.is_some() || speaks {
            self.ignored_frames += 1;
            return;
        }
        self.frames += 1;
        self.count_alarms();
        let mut effects = Effects::default();
        let answer = match heard {
            Heard::Described(request) => Answer::Bytes(self.obey_described(now, request, &mut effects)),
            Heard::Modbus(frame) => Answer::Modbus(self.obey_modbus(now, frame, &mut effects)),
            Heard::Jbd(request) => Answer::Jbd(self.obey_jbd(now, request, &mut effects)),
            Heard::JbdDamaged { register, .. } => {
                Answer::Jbd(Reply { register: *register, status: Status::Checksum, data: Vec::new() })
            }
        };
        if self.memory.is_dirty() {
            // That it is to sleep changes nothing that it keeps.
            self.changed_since_start |= effects.afterwards != Some(Afterwards::Sleep);
            // Going to sleep stores nothing.
            let stores = effects.afterwards != Some(Afterwards::Sleep);
            if stores && self.mischief.strikes(Disturbance::RestartInWrite) {
                self.memory.commit_torn();
                self.memory.restart();
                self.begin(now, Program::Application);
                self.apply_load(now);
                return;
            }
        }
        let mut over = now + self.pace.think(self.model.link.baud, &mut self.chance);
        if !broadcast
            && effects.answered
            && let Some(bytes) = self.encoded(answer)
        {
            let fill: &[u8] = if effects.preamble.is_empty() { &[] } else { &[FILL] };
            let bytes = [&effects.preamble, bytes.as_slice(), fill].concat();
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

    /// The answer's bytes; none where it fits no frame.
    fn encoded(&mut self, answer: Answer) -> Option<Vec<u8>> {
        match answer {
            Answer::Bytes(bytes) => bytes,
            Answer::Modbus(response) => encode_response(self.answering_address(), &response).ok(),
            Answer::Jbd(mut reply) => {
                if self.mischief.strikes(Disturbance::WrongAddress) {
                    reply.register = reply.register.wrapping_add(1 + self.mischief.below(255) as u8);
                }
                reply.encode(&[]).ok()
            }
        }
    }

    pub(super) fn answering_address(&mut self) -> u8 {
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

    pub(super) fn write(
        &mut self,
        now: Instant,
        address: u16,
        values: &[u16],
        single: bool,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        for meaning in self.memory.write(address, values, single)? {
            match meaning {
                Meaning::Calibrate(true_a) => self.calibrate(now, true_a)?,
                Meaning::Saved => self.clear_counters(),
                Meaning::Command(name) => {
                    let model = self.model.clone();
                    let known = model.command(&name);
                    effects.answered &= known.is_none_or(|command| command.acknowledged);
                    if let Some(command) = known.filter(|command| command.preamble) {
                        effects.preamble = self.preamble(now, command);
                    }
                    match name.as_str() {
                        name if self.model.boot.as_ref().is_some_and(|boot| boot.enter_command == name) => {
                            effects.afterwards = Some(Afterwards::Restart(Program::Loader));
                        }
                        "restart" if self.birth.knobs.ignore_restart != 0 => {}
                        "restart" => effects.afterwards = Some(Afterwards::Restart(Program::Application)),
                        "reset" => self.memory.reset_parameters(&self.born),
                        "sleep" => effects.afterwards = Some(Afterwards::Sleep),
                        "clear_history" => self.clear_counters(),
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

    fn calibrate(&mut self, now: Instant, true_a: f64) -> Result<(), Refusal> {
        let least = self.model.calibration.as_ref().map_or(0.0, |calibration| calibration.min_a);
        let seen = self.pack.seen_a(now).abs();
        let gain = true_a.abs() / seen;
        // Without the current that is claimed to flow there is nothing to calibrate against.
        if true_a.abs() < least || !gain.is_finite() || !GAIN.contains(&gain) {
            return Err(Refusal::Denied);
        }
        self.memory.set_gain(gain);
        Ok(())
    }
}

/// An answer in its framing, not yet bytes.
#[derive(Debug)]
enum Answer {
    Modbus(Response),
    Jbd(Reply),
    /// None: the board is silent.
    Bytes(Option<Vec<u8>>),
}

/// What a request leads to beside its answer.
#[derive(Debug)]
pub(super) struct Effects {
    answered: bool,
    /// What is sent right before the answer.
    preamble: Vec<u8>,
    afterwards: Option<Afterwards>,
}

impl Default for Effects {
    fn default() -> Self {
        Self { answered: true, preamble: Vec::new(), afterwards: None }
    }
}
