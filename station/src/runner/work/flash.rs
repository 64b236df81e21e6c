//! The image and the first start of it.

use super::{Next, Phase, Work};
use crate::{
    board::{BoardIdentity, BoardRequest, FlashEntry, Flashed},
    clock::Moment,
    runner::{Effect, judge},
};
use domain::{
    evidence::FirmwareEvidence,
    record::{FirmwareRecord, FoundState, StepOutcome},
    step::Step,
    text::{Fault, FaultCode},
};
use std::sync::Arc;

impl Work {
    pub(super) fn is_flashed_already(&self) -> bool {
        let proved_by = &self.order.procedure.flash.skip_if_proved;
        let crc = self.identity.as_ref().and_then(|identity| identity.firmware_crc32);
        proved_by.contains(&FirmwareEvidence::BoardCrc) && crc == Some(self.order.manifest.firmware.crc32)
    }

    pub(super) fn begin_flash(&mut self, now: Moment, entry: FlashEntry) -> Vec<Effect> {
        let mut effects = self.draft.begin(now, Step::Flash);
        effects.extend(self.transfer(entry));
        effects
    }

    pub(super) fn transfer(&mut self, entry: FlashEntry) -> Vec<Effect> {
        self.attempt += 1;
        let image = Arc::clone(&self.order.image);
        self.ask(Phase::Flash, BoardRequest::Flash { entry, image, attempt: self.attempt })
    }

    pub(super) fn found_again(&mut self, now: Moment, found: FoundState) -> Next {
        let mut effects =
            if self.draft.step() == Step::Flash { Vec::new() } else { self.draft.begin(now, Step::Flash) };
        effects.extend(match found {
            FoundState::Loader => self.transfer(FlashEntry::Loader),
            FoundState::Application => self.transfer(FlashEntry::Application),
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
        let released = &self.order.manifest.firmware;
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
        if let Err(fault) = self.same_board(&identity) {
            return Err(fault.into());
        }
        match judge::judge_firmware(&identity, &self.order) {
            Ok(evidence) => self.grade(evidence),
            Err(fault) => return self.board_failed_after_boot(now, fault),
        }
        if self.identity.is_some() {
            return Ok(self.unlock(now));
        }
        let mut effects = self.draft.begin(now, Step::Identify);
        effects.extend(self.take_identity(identity)?);
        Ok(effects)
    }

    /// The application runs and reports another image than the one sent: sent again while attempts are left.
    pub(super) fn board_failed_after_boot(&mut self, now: Moment, fault: Fault) -> Next {
        if self.attempt >= self.order.procedure.flash.attempts {
            return Err(fault.into());
        }
        self.draft.retry();
        self.draft.finish_step(now, StepOutcome::Failed, Some(fault));
        Ok(self.begin_flash(now, FlashEntry::Application))
    }

    pub(super) fn grade(&mut self, evidence: FirmwareEvidence) {
        if let Some(firmware) = &mut self.draft.record.firmware {
            firmware.evidence = evidence;
        }
    }
}
