//! Disturbances by name, by probability and by seed: what a bad line, a neighbour on the bus and a shaky supply do to a board that
//! is sound. What is wrong with a board itself stands in [`crate::faults`]; what comes every n-th time in [`crate::knobs`].
//!
//! Here they are named, drawn and counted; [`crate::line`] and [`crate::board`] let them happen. The same seed disturbs the same
//! bytes at the same moments again. The witness stays honest: what it observes is never disturbed.

use core::time::Duration;
use std::collections::BTreeMap;

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use serde::{Deserialize, Serialize};

/// One way of disturbing. `Flip` to `Late` strike a burst of bytes (a frame, a block, a text), `FlipByte` and `LoseByte` each byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disturbance {
    /// One byte arrives with some bits wrong.
    Flip,
    /// One byte does not arrive.
    Lose,
    /// One byte arrives twice.
    Duplicate,
    /// The line pauses in the midst of a burst.
    Stall,
    /// What the board says is held back: mostly until the client has given up.
    Late,
    /// Each byte, both ways: bits wrong.
    FlipByte,
    /// Each byte, both ways: gone.
    LoseByte,
    /// An answer bears another device's address (in a framing without one, another register), and its check sum is right.
    WrongAddress,
    /// The board restarts while it stores what was just written: a part of it is kept, no answer comes.
    RestartInWrite,
    /// The supply fails while the loader programs a block, and comes back.
    PowerLossInFlash,
}

impl Disturbance {
    pub const ALL: [Self; 10] = [
        Self::Flip,
        Self::Lose,
        Self::Duplicate,
        Self::Stall,
        Self::Late,
        Self::FlipByte,
        Self::LoseByte,
        Self::WrongAddress,
        Self::RestartInWrite,
        Self::PowerLossInFlash,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Flip => "flip",
            Self::Lose => "lose",
            Self::Duplicate => "duplicate",
            Self::Stall => "stall",
            Self::Late => "late",
            Self::FlipByte => "flip_byte",
            Self::LoseByte => "lose_byte",
            Self::WrongAddress => "wrong_address",
            Self::RestartInWrite => "restart_in_write",
            Self::PowerLossInFlash => "power_loss_in_flash",
        }
    }

    /// Whether only bytes on the wire suffer: the board itself neither restarts nor loses anything.
    #[must_use]
    pub fn is_on_the_wire(self) -> bool {
        !matches!(self, Self::RestartInWrite | Self::PowerLossInFlash)
    }
}

/// The probability of each. All nought unless set.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Disturbances([f64; Disturbance::ALL.len()]);

/// Why a disturbance cannot be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DisturbanceRefusal {
    #[error("{0:?} sets no disturbance; say NAME=PROBABILITY with 0 to 1, for example flip=0.01")]
    Form(String),
    #[error("no disturbance is called {name:?}; there are {known}")]
    Unknown { name: String, known: String },
}

impl Disturbances {
    /// Sets one: `flip=0.01`.
    ///
    /// # Errors
    /// Where the text is no setting, names no disturbance, or its number is no probability.
    pub fn set(&mut self, setting: &str) -> Result<(), DisturbanceRefusal> {
        let form = || DisturbanceRefusal::Form(setting.to_owned());
        let (name, number) = setting.split_once('=').ok_or_else(form)?;
        let probability: f64 = number.trim().parse().map_err(|_| form())?;
        if !(0.0..=1.0).contains(&probability) {
            return Err(form());
        }
        let kind = Disturbance::ALL.into_iter().find(|kind| kind.as_str() == name.trim());
        let kind = kind.ok_or_else(|| DisturbanceRefusal::Unknown {
            name: name.trim().to_owned(),
            known: Disturbance::ALL.map(Disturbance::as_str).join(", "),
        })?;
        *self = self.with(kind, probability);
        Ok(())
    }

    /// With this probability (0 to 1) of `kind`.
    #[must_use]
    pub fn with(mut self, kind: Disturbance, probability: f64) -> Self {
        self.0[kind as usize] = probability.clamp(0.0, 1.0);
        self
    }

    #[must_use]
    pub fn probability(&self, kind: Disturbance) -> f64 {
        self.0[kind as usize]
    }
}

/// How often each struck.
pub type Struck = BTreeMap<Disturbance, u64>;

/// Draws for one board or one direction of its line, and counts what struck.
#[derive(Debug, Clone)]
pub struct Chance {
    disturbances: Disturbances,
    chance: StdRng,
    struck: Struck,
}

impl Chance {
    /// `of_whom` tells the draws of one seed apart: board, line to it, line from it.
    #[must_use]
    pub fn new(disturbances: Disturbances, seed: u64, of_whom: &str) -> Self {
        let salt = of_whom.bytes().fold(0x6469_7374, |salt: u64, byte| (salt << 7) ^ u64::from(byte));
        Self { disturbances, chance: StdRng::seed_from_u64(seed ^ salt), struck: Struck::new() }
    }

    /// Whether `kind` strikes now; counted where it does.
    pub fn strikes(&mut self, kind: Disturbance) -> bool {
        let strikes = self.draws(kind);
        if strikes {
            self.count(kind);
        }
        strikes
    }

    /// A number below `most`; 0 where `most` is.
    pub fn below(&mut self, most: usize) -> usize {
        if most == 0 { 0 } else { self.chance.random_range(0..most) }
    }

    #[must_use]
    pub fn struck(&self) -> &Struck {
        &self.struck
    }

    fn draws(&mut self, kind: Disturbance) -> bool {
        let probability = self.disturbances.probability(kind);
        // Nothing is drawn for what never strikes: one disturbance turned off leaves the others' draws alone.
        probability > 0.0 && self.chance.random_bool(probability)
    }

    fn count(&mut self, kind: Disturbance) {
        *self.struck.entry(kind).or_default() += 1;
    }

    fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(self.chance.random_range(from..to))
    }
}

/// A run of bytes that arrives in one piece, `pause` later than the wire time alone would have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub pause: Duration,
    pub bytes: Vec<u8>,
}

/// One direction of a line. A strike on a burst is drawn when the burst begins and falls some bytes further on, in a later burst
/// where this one is shorter: so the share of bursts is right and every place of a long block is met.
#[derive(Debug, Clone)]
pub struct Wire {
    chance: Chance,
    /// Strikes that are due after so many more bytes.
    armed: Vec<(usize, Disturbance)>,
}

/// What strikes one byte of a burst.
const ON_A_BYTE: [Disturbance; 4] =
    [Disturbance::Flip, Disturbance::Lose, Disturbance::Duplicate, Disturbance::Stall];
/// Within a request or an answer, and within a whole block of YMODEM: each is meant as often as the other.
const REACHES: [usize; 2] = [32, 1029];

impl Wire {
    #[must_use]
    pub fn new(disturbances: Disturbances, seed: u64, direction: &str) -> Self {
        Self { chance: Chance::new(disturbances, seed, direction), armed: Vec::new() }
    }

    #[must_use]
    pub fn struck(&self) -> &Struck {
        self.chance.struck()
    }

    /// A burst begins: draws what strikes it.
    pub fn begin_burst(&mut self) {
        for kind in ON_A_BYTE {
            if self.chance.draws(kind) {
                let reach = REACHES[self.chance.below(REACHES.len())];
                self.armed.push((self.chance.below(reach), kind));
            }
        }
    }

    /// How long the burst that begins is held back.
    pub fn hold(&mut self) -> Duration {
        if !self.chance.strikes(Disturbance::Late) {
            return Duration::ZERO;
        }
        match self.chance.below(8) {
            0 => self.chance.millis(1_500, 2_500),
            _ => self.chance.millis(200, 1_500),
        }
    }

    /// What becomes of these bytes: one piece, or more where the line stalls in their midst.
    pub fn disturb(&mut self, bytes: &[u8]) -> Vec<Piece> {
        let mut pieces = vec![Piece { pause: Duration::ZERO, bytes: Vec::with_capacity(bytes.len()) }];
        for &byte in bytes {
            self.disturb_byte(byte, &mut pieces);
        }
        pieces
    }

    fn disturb_byte(&mut self, byte: u8, pieces: &mut Vec<Piece>) {
        let mut copies = 1;
        let mut byte = byte;
        for kind in self.due() {
            self.chance.count(kind);
            match kind {
                Disturbance::Lose => copies = 0,
                Disturbance::Duplicate => copies *= 2,
                Disturbance::Stall => {
                    let pause = self.chance.millis(20, 400);
                    pieces.push(Piece { pause, bytes: Vec::new() });
                }
                _ => byte = self.flipped(byte),
            }
        }
        if self.chance.strikes(Disturbance::FlipByte) {
            byte = self.flipped(byte);
        }
        if self.chance.strikes(Disturbance::LoseByte) {
            copies = 0;
        }
        if let Some(piece) = pieces.last_mut() {
            piece.bytes.extend(core::iter::repeat_n(byte, copies));
        }
    }

    /// The strikes that fall on this byte; the others come one byte nearer.
    fn due(&mut self) -> Vec<Disturbance> {
        if self.armed.is_empty() {
            return Vec::new();
        }
        let due = self.armed.iter().filter(|(after, _)| *after == 0).map(|(_, kind)| *kind).collect();
        self.armed.retain(|(after, _)| *after > 0);
        for (after, _) in &mut self.armed {
            *after -= 1;
        }
        due
    }

    fn flipped(&mut self, byte: u8) -> u8 {
        byte ^ (1 + self.chance.below(255) as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(wire: &mut Wire, bursts: usize, burst: &[u8]) -> Vec<Piece> {
        (0..bursts)
            .flat_map(|_| {
                wire.begin_burst();
                wire.disturb(burst)
            })
            .collect()
    }

    #[test]
    fn a_disturbance_is_set_by_its_name_and_an_unknown_one_is_named() {
        let mut disturbances = Disturbances::default();
        disturbances.set("flip=0.25").unwrap();
        assert!((disturbances.probability(Disturbance::Flip) - 0.25).abs() < 1e-12);
        let refusal = disturbances.set("flop=0.1").unwrap_err().to_string();
        assert!(refusal.contains("flop") && refusal.contains("power_loss_in_flash"), "{refusal}");
        for bad in ["flip", "flip=2", "flip=-0.1", "flip=often", "flip=NaN"] {
            assert!(disturbances.set(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn without_a_disturbance_every_byte_arrives_as_it_was_sent() {
        let mut wire = Wire::new(Disturbances::default(), 1, "out");
        let pieces = sent(&mut wire, 50, &[1, 2, 3]);
        assert!(pieces.iter().all(|piece| piece.bytes == [1, 2, 3] && piece.pause.is_zero()));
        assert!(wire.struck().is_empty() && wire.hold().is_zero());
    }

    #[test]
    fn each_kind_strikes_as_often_as_it_is_told_and_does_what_it_says() {
        for kind in ON_A_BYTE {
            let mut wire = Wire::new(Disturbances::default().with(kind, 0.1), 7, "in");
            let pieces = sent(&mut wire, 10_000, &[0x55; 40]);
            let struck = wire.struck()[&kind];
            assert!((900..1100).contains(&struck), "{kind:?}: {struck} of 10,000 bursts");
            let arrived: usize = pieces.iter().map(|piece| piece.bytes.len()).sum();
            let wrong = pieces.iter().flat_map(|piece| &piece.bytes).filter(|byte| **byte != 0x55).count();
            let paused = pieces.iter().filter(|piece| !piece.pause.is_zero()).count() as u64;
            let all = 400_000;
            match kind {
                Disturbance::Flip => assert!(arrived == all && wrong as u64 >= struck - 20),
                Disturbance::Lose => assert_eq!(all - arrived, struck as usize),
                Disturbance::Duplicate => assert_eq!(arrived - all, struck as usize),
                _ => assert!(arrived == all && paused == struck),
            }
        }
    }

    #[test]
    fn the_same_seed_disturbs_the_same_bytes_and_another_seed_others() {
        let all =
            Disturbance::ALL.into_iter().fold(Disturbances::default(), |all, kind| all.with(kind, 0.05));
        let run = |seed| sent(&mut Wire::new(all, seed, "in"), 200, &[9; 60]);
        assert_eq!(run(3), run(3));
        assert_ne!(run(3), run(4));
    }
}
