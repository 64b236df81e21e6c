//! The image and the first start of it.

use super::{Next, Phase, Work, internal};
use crate::{
    board::{BoardIdentity, BoardRequest, FlashEntry, Flashed},
    clock::Moment,
    runner::{Effect, judge},
};
use domain::{
    evidence::FirmwareEvidence,
    outcome::Outcome,
    record::{FirmwareRecord, FoundState, StepOutcome},
    step::Step,
    text::{Fault, FaultCode},
};
use protocol::ymodem::{
    Generation,
    sender::{SenderOptions, wire_floor},
};
use std::{sync::Arc, time::Duration};

/// What a transfer and the first start take beside the image's time on the wire: the menu, the first 'C', the erase, the start.
const BESIDE_THE_WIRE: Duration = Duration::from_secs(7);

impl Work {
    /// The image of an admitted board. One that was found in its loader has it already, and one that proves it is left alone.
    pub(super) fn flash(&mut self, now: Moment) -> Next {
        if self.attempt > 0 {
            return self.next(now);
        }
        if self.is_flashed_already() {
            self.draft.skip(now, Step::Flash);
            self.draft.skip(now, Step::Boot);
            self.note_firmware(None, FirmwareEvidence::BoardCrc);
            return self.next(now);
        }
        self.begin_flash(now, FlashEntry::Application)
    }

    fn is_flashed_already(&self) -> bool {
        let (Some(flash), Some(released)) = (&self.order.procedure.flash, &self.order.manifest.firmware)
        else {
            return false;
        };
        let crc = self.identity.as_ref().and_then(|identity| identity.firmware_crc32);
        flash.skip_if_proved.contains(&FirmwareEvidence::BoardCrc) && crc == Some(released.crc32)
    }

    pub(super) fn begin_flash(&mut self, now: Moment, entry: FlashEntry) -> Next {
        self.flash_began.get_or_insert(now);
        let mut effects = self.draft.begin(now, Step::Flash);
        effects.extend(self.transfer(entry)?);
        Ok(effects)
    }

    /// Whether a transfer that came to nothing is tried again: as often as the procedure says, and only within the time that the
    /// ones before would have taken on a quiet line. On a line so disturbed another one only holds the slot up.
    pub(super) fn may_transfer_again(&self, now: Moment) -> bool {
        let (Some(flash), Some(image)) = (&self.order.procedure.flash, &self.order.image) else {
            return false;
        };
        let attempts = flash.attempts;
        let baud = self.order.model.boot.as_ref().map_or(self.order.model.link.baud, |boot| boot.baud);
        let floor = wire_floor(image.bytes.len(), &SenderOptions::new(Generation::Spl, baud));
        let most = (floor + BESIDE_THE_WIRE) * u32::from(attempts.saturating_sub(1));
        let took = self.flash_began.map_or(0, |began| now.millis_since(&began));
        self.attempt < attempts && u128::from(took) <= most.as_millis()
    }

    pub(super) fn transfer(&mut self, entry: FlashEntry) -> Next {
        let image =
            self.order.image.as_ref().map(Arc::clone).ok_or_else(|| internal("there is no image to send"))?;
        self.attempt += 1;
        Ok(self.ask(Phase::Flash, BoardRequest::Flash { entry, image, attempt: self.attempt }))
    }

    pub(super) fn found_again(&mut self, now: Moment, found: FoundState) -> Next {
        let mut effects =
            if self.draft.step() == Step::Flash { Vec::new() } else { self.draft.begin(now, Step::Flash) };
        effects.extend(match found {
            FoundState::Loader => self.transfer(FlashEntry::Loader)?,
            FoundState::Application => self.transfer(FlashEntry::Application)?,
            FoundState::Silent => {
                return Err(Fault::new(FaultCode::FlashFailed)
                    .with("attempts", self.attempt)
                    .with("reason", "the board is silent after the transfer")
                    .into());
            }
        });
        Ok(effects)
    }

    pub(super) fn flashed(&mut self, now: Moment, flashed: Flashed) -> Vec<Effect> {
        self.note_firmware(Some(flashed), FirmwareEvidence::TransferOnly);
        self.step(now, Step::Boot, Phase::StartApplication, Effect::Board(BoardRequest::StartApplication))
    }

    pub(super) fn note_firmware(&mut self, flashed: Option<Flashed>, evidence: FirmwareEvidence) {
        let Some(released) = &self.order.manifest.firmware else { return };
        let resent_before = self.draft.record.firmware.as_ref().map_or(0, |firmware| firmware.resent_blocks);
        self.draft.record.firmware = Some(FirmwareRecord {
            before: self.version_before.clone(),
            version: released.version.clone(),
            image_sha256: released.sha256.clone(),
            image_bytes: released.bytes,
            transferred: flashed.is_some(),
            evidence,
            resent_blocks: resent_before + flashed.map_or(0, |flashed| flashed.resent),
        });
    }

    pub(super) fn booted(&mut self, now: Moment, identity: BoardIdentity) -> Next {
        self.same_board_flashed(&identity)?;
        match judge::judge_firmware(&identity, &self.order) {
            Ok(evidence) => self.grade(evidence),
            Err(fault) => return self.board_failed_after_boot(now, fault),
        }
        if self.identity.is_some() {
            return self.next(now);
        }
        let mut effects = self.draft.begin(now, Step::Identify);
        effects.extend(self.take_identity(now, identity)?);
        Ok(effects)
    }

    /// The application runs and reports another image than the one sent: sent again while attempts are left.
    pub(super) fn board_failed_after_boot(&mut self, now: Moment, fault: Fault) -> Next {
        if !self.may_transfer_again(now) {
            return Err(fault.into());
        }
        self.draft.retry();
        self.draft.finish_step(now, StepOutcome::Failed, Some(fault));
        self.begin_flash(now, FlashEntry::Application)
    }

    pub(super) fn grade(&mut self, evidence: FirmwareEvidence) {
        if let Some(firmware) = &mut self.draft.record.firmware {
            firmware.evidence = evidence;
        }
    }

    /// A request that the board did not answer properly: only a transfer is tried again, and a board that did not go to sleep.
    pub(super) fn board_failed(&mut self, now: Moment, fault: Fault) -> Next {
        let may_repeat = judge::outcome_of(fault.code) == Outcome::Fail && self.may_transfer_again(now);
        let in_loader = fault.code == FaultCode::ApplicationDidNotStart
            && fault.args.get("found").is_some_and(|found| found == "loader");
        match self.phase {
            // Its loader was heard just now: nobody need look for it.
            Phase::StartApplication if may_repeat && in_loader => {
                self.draft.retry();
                let mut effects = vec![self.draft.note(now, format!("transfer {} failed", self.attempt))];
                effects.extend(self.begin_flash(now, FlashEntry::Loader)?);
                Ok(effects)
            }
            Phase::Flash | Phase::StartApplication if may_repeat => {
                self.draft.retry();
                let silent_ms = self.order.procedure.probe.silent_ms;
                let mut effects = vec![self.draft.note(now, format!("transfer {} failed", self.attempt))];
                effects.extend(self.ask(Phase::FindAgain, BoardRequest::FindAgain { silent_ms }));
                Ok(effects)
            }
            Phase::Sleep | Phase::RouseApplication | Phase::Roused => self.did_not_sleep(fault),
            Phase::ShipCommand => self.did_not_clear(fault),
            _ => Err(fault.into()),
        }
    }
}
