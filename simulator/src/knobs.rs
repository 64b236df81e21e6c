//! Knobs by name: misbehaviour for tests, beyond the faults of a demo's batch. All off unless turned.

use serde::{Deserialize, Serialize};

/// What may be turned on a board. Numbers called `.._every` mean every n-th time, 0 never; switches are 0 or 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Knobs {
    /// An answer of the application never comes.
    pub lose_answer_every: u32,
    /// An answer comes with one bit wrong.
    pub damage_answer_every: u32,
    /// An answer comes `late_answer_ms` late: after the client has given up and asked something else.
    pub late_answer_every: u32,
    pub late_answer_ms: u32,
    /// Switch: instead of answers, rubbish of their length.
    pub babble: u32,
    /// An acknowledgement of the loader is lost on the way.
    pub lose_ack_every: u32,
    /// Switch: a new password works until the restart and is forgotten then.
    pub forget_password: u32,
    /// Switch: the command to restart is acknowledged and nothing happens; the way into the loader stays open.
    pub ignore_restart: u32,
    /// From reset to an answering application it takes so much longer, milliseconds.
    pub start_later_ms: u32,
    /// Switch: the rental lock says "locked" and discharges all the same.
    pub ignore_lock: u32,
    /// Switch: the rental lock stops charging too, which no lock may.
    pub lock_stops_charge: u32,
    /// Falls asleep when nothing came for so many seconds; 0 never. For models that say how a board is woken.
    pub sleep_after_s: u32,
    /// Switch: comes to the line asleep. For models that say how a board is woken.
    pub asleep: u32,
    /// How long the loader gives a whole block after its first byte, milliseconds; 0: it waits for each byte only. ST's HAL driver as
    /// it comes gives 1000, less than 1024 bytes take at 9600 baud.
    pub block_ms: u32,
    /// Switch: the relay of the slot's supply sticks: the fixture says off and on, and the board keeps its supply.
    pub stuck_supply: u32,
    /// About what the jig's cells read at rest, millivolts: 3300 for iron phosphate, 3680 for ternary. 0: titanate's 2315.
    pub cell_rest_mv: u32,
    /// Cells that hang on the board, where it counts them itself; 0: as many as it is told to have, or its model has room for.
    pub cells: u32,
}

/// Why a knob cannot be turned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KnobRefusal {
    #[error("{0:?} is no knob setting; say NAME=NUMBER, for example lose_answer_every=5")]
    Form(String),
    #[error("no knob is called {name:?}; there are {known}")]
    Unknown { name: String, known: String },
}

impl Knobs {
    /// Turns one knob: `lose_answer_every=5`.
    ///
    /// # Errors
    /// Where the text is no setting or names no knob.
    pub fn turn(&mut self, setting: &str) -> Result<(), KnobRefusal> {
        let (name, number) = setting.split_once('=').ok_or_else(|| KnobRefusal::Form(setting.to_owned()))?;
        let number: u32 = number.trim().parse().map_err(|_| KnobRefusal::Form(setting.to_owned()))?;
        let mut all = self.all();
        let known: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
        let known = known.join(", ");
        match all.iter_mut().find(|(known, _)| *known == name.trim()) {
            Some((_, knob)) => **knob = number,
            None => return Err(KnobRefusal::Unknown { name: name.trim().to_owned(), known }),
        }
        Ok(())
    }

    fn all(&mut self) -> [(&'static str, &mut u32); 17] {
        [
            ("lose_answer_every", &mut self.lose_answer_every),
            ("damage_answer_every", &mut self.damage_answer_every),
            ("late_answer_every", &mut self.late_answer_every),
            ("late_answer_ms", &mut self.late_answer_ms),
            ("babble", &mut self.babble),
            ("lose_ack_every", &mut self.lose_ack_every),
            ("forget_password", &mut self.forget_password),
            ("ignore_restart", &mut self.ignore_restart),
            ("start_later_ms", &mut self.start_later_ms),
            ("ignore_lock", &mut self.ignore_lock),
            ("lock_stops_charge", &mut self.lock_stops_charge),
            ("sleep_after_s", &mut self.sleep_after_s),
            ("asleep", &mut self.asleep),
            ("block_ms", &mut self.block_ms),
            ("stuck_supply", &mut self.stuck_supply),
            ("cell_rest_mv", &mut self.cell_rest_mv),
            ("cells", &mut self.cells),
        ]
    }
}

/// Whether the `count`-th time (from 1) is one of every `every`.
pub(crate) fn is_turn(count: u64, every: u32) -> bool {
    every != 0 && count.is_multiple_of(u64::from(every))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_knob_is_turned_by_its_name_and_an_unknown_one_is_named() {
        let mut knobs = Knobs::default();
        knobs.turn("lose_answer_every=5").unwrap();
        assert_eq!(knobs.lose_answer_every, 5);
        let refusal = knobs.turn("lose_anwser_every=5").unwrap_err().to_string();
        assert!(refusal.contains("lose_anwser_every") && refusal.contains("lose_answer_every"), "{refusal}");
        assert!(knobs.turn("babble").is_err() && knobs.turn("babble=yes").is_err());
    }
}
