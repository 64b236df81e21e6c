//! Sleep: a board that has nothing to do, or is told to, stops listening. The first frames wake it and are lost.

use core::time::Duration;

use protocol::Instant;

use super::{Board, State};

/// The silence that parts one frame from the next.
const GAP: Duration = Duration::from_millis(20);

/// What a sleeping board has heard and lost.
#[derive(Debug, Default)]
pub(super) struct Doze {
    /// A program that runs sleeps; else there is none.
    pub(super) of_application: bool,
    frames: u8,
    last_byte: Option<Instant>,
}

impl Board {
    pub(super) fn fall_asleep(&mut self) {
        self.memory.commit();
        self.memory.restart();
        self.state = State::Asleep(Doze { of_application: true, ..Doze::default() });
    }

    /// Bytes arrive at a board that sleeps; whether it is awake and hears them. Where the model knows no waking, only the supply
    /// brings it back.
    pub(super) fn rouse(&mut self, now: Instant) -> bool {
        let State::Asleep(doze) = &mut self.state else { return true };
        let Some(wake) = &self.model.link.wake else { return false };
        let begins = doze.last_byte.is_none_or(|last| now.saturating_sub(last) > GAP);
        doze.last_byte = Some(now);
        if !begins {
            return false;
        }
        if doze.frames < wake.frames {
            doze.frames += 1;
            return false;
        }
        self.listen(now);
        true
    }

    /// When it falls asleep if nothing comes.
    pub(super) fn sleeps_at(&self) -> Option<Instant> {
        let after = Duration::from_secs(u64::from(self.birth.knobs.sleep_after_s));
        let is_idle = matches!(self.state, State::Application(_))
            && self.store_until.is_none()
            && self.replies.is_empty()
            && self.afterwards.is_none();
        let may_sleep = !after.is_zero() && self.model.link.wake.is_some();
        (is_idle && may_sleep).then(|| self.idle_since + after)
    }

    /// Whether it comes to the line asleep.
    pub(super) fn is_born_asleep(&self) -> bool {
        self.birth.knobs.asleep != 0 && self.restarts == 1 && self.model.link.wake.is_some()
    }
}
