//! What happens beside the station: to its server, its fixture, its disk, its clock and its boards; and who looks after it.

use super::{Cable, Hall, clone::SENT};
use crate::{
    memory_server::MemoryServer,
    shift::{
        case::{Case, Trouble},
        disk,
    },
};
use simulator::{JigSettings, Witnessed, slot::Mishap};
use std::{path::Path, time::Duration};
use tokio::time::{sleep, sleep_until};

/// How often an administrator looks at the stations.
const ADMINISTRATOR: Duration = Duration::from_secs(15);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blow {
    Struck,
    Pulled,
    DiskGone,
    OutOfSight,
}

/// What has happened to a board.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Blows {
    /// More than being out of sight.
    pub struck: bool,
    /// It lay there while its fixture could not be seen.
    pub out_of_sight: bool,
    pub pulled: bool,
    pub forgotten: u64,
}

impl Hall {
    /// Everything that happens beside the station, each at its time. Has no end.
    pub(super) async fn trouble(&self, case: &Case, bare: &JigSettings, disk: &Path) {
        let mut turns: Vec<(Duration, Turn, Trouble)> = Vec::new();
        for &(at, trouble) in &case.troubles {
            turns.push((at, Turn::Begins, trouble));
            turns.push((at + trouble.lasts(), Turn::Ends, trouble));
        }
        turns.sort_by_key(|(at, ..)| *at);
        let happening = async {
            for (at, turn, trouble) in turns {
                sleep_until(self.begun + at).await;
                self.turn(case, turn, trouble);
            }
        };
        let cloned = async {
            if let Some(outcome) = self.clone_works(case, bare, disk).await {
                *self.cloned.borrow_mut() = outcome;
            }
            std::future::pending::<()>().await;
        };
        tokio::join!(happening, self.administer(), cloned);
    }

    fn turn(&self, case: &Case, turn: Turn, trouble: Trouble) {
        let (server, is_on) = (&self.server.0, turn == Turn::Begins);
        match trouble {
            Trouble::ServerAway(_) => server.away.set(is_on),
            Trouble::AnswersLost(_) => server.deaf.set(is_on),
            Trouble::ServerSlow { delay, .. } => server.delay.set(if is_on { delay } else { Duration::ZERO }),
            Trouble::CableOut(_) => {
                self.cable.send_replace(if is_on { Cable::Out } else { Cable::In });
                if !is_on {
                    self.note(Blow::OutOfSight, |board| !board.removed);
                }
            }
            Trouble::DiskFull(_) => self.disk_full.set(is_on),
            Trouble::ClockSet(by) if is_on => self.knob.turn_ms(by),
            Trouble::Befalls { slot, mishap } if is_on => {
                let blow = if mishap == Mishap::Pulled { Blow::Pulled } else { Blow::Struck };
                self.note_blow(slot, blow);
                self.jig.jig.befall(slot, mishap);
            }
            Trouble::Swapped(slots) if is_on => {
                slots.into_iter().for_each(|slot| self.note_blow(slot, Blow::Struck));
                self.jig.jig.swap(slots);
            }
            Trouble::ChangedOver { from_slot } if is_on => change_over(&self.server, case, from_slot),
            // Without a journal there is nothing to copy yet.
            Trouble::BackedUp if is_on => drop(disk::back_up(self.folder.path())),
            Trouble::ClockSet(_)
            | Trouble::Befalls { .. }
            | Trouble::Swapped(_)
            | Trouble::ChangedOver { .. }
            | Trouble::BackedUp
            | Trouble::Cloned { .. } => {}
        }
    }

    fn note_blow(&self, slot: u32, blow: Blow) {
        self.note(blow, |board| board.slot == Some(slot) && !board.removed);
    }

    /// To every board that lies in a slot, and to those that were pulled: the record of that may not have been sent.
    pub(super) fn note_blows(&self, blow: Blow) {
        let pulled: Vec<u32> =
            self.blows.borrow().iter().filter(|(_, blows)| blows.pulled).map(|(index, _)| *index).collect();
        self.note(blow, |board| !board.removed || pulled.contains(&board.index));
    }

    pub(super) fn note(&self, blow: Blow, is_it: impl Fn(&Witnessed) -> bool) {
        let seen = self.jig.jig.witnessed();
        let list = seen.borrow();
        for board in list.iter().filter(|board| board.inserted && is_it(board)) {
            let mut blows = self.blows.borrow_mut();
            let known = blows.entry(board.index).or_default();
            known.struck |= blow != Blow::OutOfSight;
            known.out_of_sight |= blow == Blow::OutOfSight;
            known.pulled |= blow == Blow::Pulled;
            known.forgotten += u64::from(blow == Blow::DiskGone);
        }
    }

    /// An administrator who looks now and then.
    async fn administer(&self) {
        loop {
            sleep(ADMINISTRATOR).await;
            if self.server.known().frozen.is_some() {
                // Whoever looks finds the second one, and has it switched off before the first goes on.
                self.looked.notify_waiters();
                sleep(SENT + Duration::from_secs(1)).await;
            }
            self.freezes.set(self.freezes.get() + u64::from(self.server.administer()));
        }
    }
}

/// Gives the slots from this one on the second batch.
pub(super) fn change_over(server: &MemoryServer, case: &Case, from_slot: u32) {
    let slots = (from_slot..=case.slots).filter_map(|slot| u16::try_from(slot).ok());
    server.give_slots(slots, case.second);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Begins,
    Ends,
}
