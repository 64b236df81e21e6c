//! Which slots' cards change in which frame: many that end at once would make one long frame, so they take turns.

use domain::{api::operator::SlotOnJig, live::SlotState};

/// Cards that a hand waits for, built anew in one frame: where all 32 slots end at once, the last verdict is a frame behind the first.
const MOST_A_FRAME: usize = 16;
/// With those that nobody waits for, a step that follows another.
const MOST_AT_WORK: usize = 8;

/// Slots as their cards show them, and what waits for its turn.
#[derive(Debug, Default)]
pub struct Turns(Vec<Card>);

#[derive(Debug)]
struct Card {
    number: u16,
    shown: Option<SlotOnJig>,
    waiting: Option<SlotOnJig>,
}

impl Turns {
    /// Hears the latest picture. Figures that run within a step are shown at once, anything else with [`Self::turn`].
    pub fn hear(&mut self, slots: &[SlotOnJig]) {
        self.0.retain(|card| slots.iter().any(|slot| slot.live.slot == card.number));
        for slot in slots {
            let number = slot.live.slot;
            match self.0.iter_mut().find(|card| card.number == number) {
                Some(card) => card.hear(slot),
                None => self.0.push(Card { number, shown: None, waiting: Some(slot.clone()) }),
            }
        }
    }

    /// Shows the next few that wait: those first that stand still and are waited for by a hand.
    pub fn turn(&mut self) {
        let mut turned = 0;
        for (is_first, most) in [(true, MOST_A_FRAME), (false, MOST_AT_WORK)] {
            let its_turn =
                |card: &&mut Card| card.waiting.as_ref().is_some_and(|slot| !is_first || !is_at_work(slot));
            for card in self.0.iter_mut().filter(its_turn).take(most.saturating_sub(turned)) {
                card.shown = card.waiting.take();
                turned += 1;
            }
        }
    }

    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.0.iter().any(|card| card.waiting.is_some())
    }

    #[must_use]
    pub fn shown(&self, number: u16) -> Option<&SlotOnJig> {
        self.0.iter().find(|card| card.number == number)?.shown.as_ref()
    }
}

impl Card {
    fn hear(&mut self, slot: &SlotOnJig) {
        match &mut self.shown {
            Some(shown) if looks_alike(shown, slot) => {
                shown.live.state = slot.live.state.clone();
                self.waiting = None;
            }
            _ => self.waiting = Some(slot.clone()),
        }
    }
}

/// Nobody waits for it.
fn is_at_work(slot: &SlotOnJig) -> bool {
    slot.asks.is_none() && matches!(slot.live.state, SlotState::Working { .. } | SlotState::Empty)
}

/// The same card, but for figures that flow into it.
fn looks_alike(one: &SlotOnJig, other: &SlotOnJig) -> bool {
    one.asks == other.asks
        && one.picture == other.picture
        && one.live.batch_id == other.live.batch_id
        && without_figures(one.live.state.clone()) == without_figures(other.live.state.clone())
}

/// A state without what runs within a step.
#[must_use]
pub fn without_figures(mut state: SlotState) -> SlotState {
    if let SlotState::Working { percent, step_percent, .. } = &mut state {
        *percent = 0;
        *step_percent = None;
    }
    state
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use domain::{ids::RunId, live::SlotLive, outcome::Outcome, step::Step};
    use uuid::Uuid;

    fn slot(number: u16, state: SlotState) -> SlotOnJig {
        SlotOnJig { live: SlotLive { slot: number, batch_id: None, state }, asks: None, picture: None }
    }

    fn working(number: u16, percent: u8) -> SlotOnJig {
        let state = SlotState::Working {
            run_id: RunId(Uuid::nil()),
            step: Step::Flash,
            percent,
            step_percent: None,
            board: None,
            asks: None,
            started_at: DateTime::UNIX_EPOCH,
        };
        slot(number, state)
    }

    fn done(number: u16) -> SlotOnJig {
        let (started_at, finished_at) = (DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH);
        let (run_id, outcome) = (RunId(Uuid::nil()), Outcome::Pass);
        slot(number, SlotState::Done { run_id, outcome, board: None, fault: None, started_at, finished_at })
    }

    fn all(of: impl Fn(u16) -> SlotOnJig) -> Vec<SlotOnJig> {
        (1..=32).map(of).collect()
    }

    /// Hears them, and lets them all have their turns; how many frames that took.
    fn settle(turns: &mut Turns, slots: &[SlotOnJig]) -> usize {
        turns.hear(slots);
        let mut frames = 0;
        while turns.is_waiting() {
            turns.turn();
            frames += 1;
        }
        assert!(slots.iter().all(|slot| turns.shown(slot.live.slot) == Some(slot)));
        frames
    }

    #[test]
    fn thirty_two_that_end_at_once_stand_within_two_frames() {
        let mut turns = Turns::default();
        settle(&mut turns, &all(|number| working(number, 90)));
        assert_eq!(settle(&mut turns, &all(done)), 2);
        assert_eq!(settle(&mut turns, &all(done)), 0);
    }

    #[test]
    fn figures_wait_for_nothing() {
        let mut turns = Turns::default();
        settle(&mut turns, &all(|number| working(number, 10)));
        turns.hear(&all(|number| working(number, 11)));
        assert!(!turns.is_waiting());
        assert_eq!(turns.shown(32), Some(&working(32, 11)));
    }

    #[test]
    fn a_verdict_comes_before_boards_that_are_begun() {
        let mut turns = Turns::default();
        settle(&mut turns, &all(|number| slot(number, SlotState::Empty)));
        turns.hear(&all(|number| if number > 28 { done(number) } else { working(number, 0) }));
        turns.turn();
        assert!((29..=32).all(|number| turns.shown(number) == Some(&done(number))));
        assert_eq!(turns.shown(5), Some(&slot(5, SlotState::Empty)));
    }

    #[test]
    fn what_is_overtaken_while_it_waits_is_never_shown() {
        let mut turns = Turns::default();
        settle(&mut turns, &all(done));
        turns.hear(&all(|number| slot(number, SlotState::Empty)));
        turns.hear(&all(done));
        assert!(!turns.is_waiting());
        turns.hear(&all(|number| slot(number, SlotState::Empty)));
        turns.turn();
        turns.hear(&all(|number| working(number, 1)));
        assert_eq!(settle(&mut turns, &all(|number| working(number, 2))), 4);
        // A slot that is gone has no turn.
        turns.hear(&[done(1)]);
        turns.turn();
        assert!(turns.shown(2).is_none() && !turns.is_waiting());
    }
}
