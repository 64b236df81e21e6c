//! Factory mode: some boards show and take their settings in it only, and keep what was written when it is left the right way.
//!
//! It is entered when the first request needs it and left when the board's request is done: kept where all of it went well,
//! forgotten where it did not.

use super::{BoardLink, fault::BusFault, map, plan::others_to_read, registers::Write};
use domain::{
    model::{FactoryModeSettings, MagicWrite, Register},
    text::Fault,
};
use protocol::{guard::Purpose, modbus::Request};
use std::slice;

/// What the link knows of the mode.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct FactoryMode {
    /// The board acknowledged that it entered, and nothing happened since that could have ended it.
    entered: bool,
    /// Something was written that the board forgets unless it is told to keep it.
    unsaved: bool,
    /// The mode was entered again after that: what ended it may have been a restart, and what was written before it is forgotten.
    doubtful: bool,
}

/// What became of what was written in factory mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// All of it is stored, as the board says.
    Surely,
    /// What stood there when the mode was left is stored. A restart may have taken some of it before.
    Perhaps,
}

impl BoardLink {
    /// Whether a register is read in factory mode only.
    pub(super) fn is_guarded(&self, register: &Register) -> bool {
        self.model.factory_mode.is_some()
            && self.model.block(register).is_some_and(|block| block.locked_reads)
    }

    /// Whoever is there may be in factory mode or not: it is entered anew before it is needed.
    pub(super) fn guard_is_unknown(&mut self) {
        self.factory.entered = false;
    }

    /// A new board, or one that started anew: there is nothing to keep.
    pub(super) fn guard_is_closed(&mut self) {
        self.factory = FactoryMode::default();
    }

    /// Enters factory mode where `request` is one that needs it.
    pub(super) async fn open_for(&mut self, purpose: Purpose, request: &Request) -> Result<(), BusFault> {
        let Some(settings) = self.model.factory_mode.clone() else { return Ok(()) };
        let (place, count) = request.span();
        let needed = map::block_of(&self.model, place, count)
            .is_some_and(|block| if request.is_write() { block.locked } else { block.locked_reads });
        if !needed || self.factory.entered {
            return Ok(());
        }
        let enter = magic(self, settings.enter);
        // Where an earlier try was not answered, its answer may still come, and this one's would look the same.
        let others = others_to_read(&self.model, &enter);
        self.bus.synchronise(&enter, &others).await?;
        self.bus.exchange(purpose, &enter).await?;
        self.entered();
        Ok(())
    }

    fn entered(&mut self) {
        self.factory.entered = true;
        self.factory.doubtful |= self.factory.unsaved;
    }

    /// A write was taken.
    pub(super) fn wrote(&mut self, request: &Request) {
        if self.factory.entered && !map::stores(&self.model, request) {
            self.factory.unsaved = true;
        }
    }

    /// Writes, and has the board keep it; once more where the board may have forgotten it in between.
    pub(super) async fn write_to_keep(&mut self, write: &Write<'_>) -> Result<(), Fault> {
        let mut tries_left = self.tries();
        loop {
            self.write(slice::from_ref(write)).await?;
            if self.keep().await? == Kept::Surely || tries_left == 0 {
                return Ok(());
            }
            tries_left -= 1;
        }
    }

    /// Leaves factory mode so that the board keeps what was written, if anything was.
    pub(super) async fn keep(&mut self) -> Result<Kept, Fault> {
        let Some(settings) = self.model.factory_mode.clone() else { return Ok(Kept::Surely) };
        if !self.factory.unsaved {
            return Ok(Kept::Surely);
        }
        // Left twice is as if left once: where the answer was lost, it is entered and left again.
        let request = magic(self, settings.leave_and_save);
        let asked = self.bus.asked(&request)?;
        let mut tries_left = self.tries();
        loop {
            let outcome = match self.enter_again(&settings).await? {
                Ok(()) => self.bus.exchange(Purpose::Work, &request).await,
                Err(failure) => Err(failure),
            };
            match outcome {
                Ok(_) => {
                    let kept = if self.factory.doubtful { Kept::Perhaps } else { Kept::Surely };
                    self.guard_is_closed();
                    return Ok(kept);
                }
                Err(failure) if failure.is_transient() && tries_left > 0 => {
                    tracing::warn!(request = %asked, ?failure, tries_left, "left factory mode again");
                    self.guard_is_unknown();
                    tries_left -= 1;
                }
                Err(failure) => return Err(failure.of_write(&asked, "factory mode (leave and save)")),
            }
        }
    }

    /// Leaves factory mode without a word of what was written; where the board does not answer, a restart does the same.
    pub(super) async fn leave(&mut self) {
        let Some(settings) = self.model.factory_mode.clone() else { return };
        let entered = std::mem::take(&mut self.factory).entered;
        let Some(leave) = settings.leave.filter(|_| entered && !self.bus.must_identify()) else { return };
        if let Err(failure) = self.bus.exchange(Purpose::Work, &magic(self, leave)).await {
            tracing::warn!(?failure, "the board may still be in factory mode");
        }
    }

    async fn enter_again(&mut self, settings: &FactoryModeSettings) -> Result<Result<(), BusFault>, Fault> {
        self.ensure_identified().await?;
        if self.factory.entered {
            return Ok(Ok(()));
        }
        let entered = self.bus.exchange(Purpose::Work, &magic(self, settings.enter)).await;
        Ok(entered.map(|_| self.entered()))
    }
}

fn magic(link: &BoardLink, write: MagicWrite) -> Request {
    Request::WriteSingle { address: map::place_of(&link.model, write.address), value: write.value }
}
