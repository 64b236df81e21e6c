//! Moves bytes between a line and a pure machine until the machine has something to say.

use crate::{board::FirmwareImage, link::Line};
use domain::text::Fault;
use protocol::{
    boot_menu::{BootMenu, BootMenuEvent},
    ymodem::sender::{Completion, Sender, SenderEvent, SenderFailure},
};
use std::time::Duration;
use tokio::time::Instant;

/// The machines' time: since the dialogue began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock(Instant);

/// Where a machine names no time: no machine is silent for so long while it has work.
const IDLE: Duration = Duration::from_secs(60);

impl Clock {
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    pub(super) fn now(self) -> protocol::Instant {
        self.0.elapsed()
    }

    fn at(self, time: Option<protocol::Instant>) -> Instant {
        time.map_or_else(|| Instant::now() + IDLE, |time| self.0 + time)
    }
}

/// Until the menu answers the command that was given.
pub(super) async fn drive_menu(
    line: &mut Line,
    clock: Clock,
    menu: &mut BootMenu,
) -> Result<BootMenuEvent, Fault> {
    let mut buffer = [0; 1024];
    loop {
        if let Some(event) = menu.poll_event() {
            return Ok(event);
        }
        while let Some(bytes) = menu.poll_transmit(clock.now()) {
            line.send(&bytes).await?;
        }
        match line.receive(&mut buffer, clock.at(menu.poll_timeout())).await? {
            Some(count) => menu.handle_bytes(clock.now(), &buffer[..count]),
            None => menu.handle_timeout(clock.now()),
        }
    }
}

/// Until the transfer is done or failed. Per cent of the image goes to `progress` whenever it changes.
pub(super) async fn drive_sender(
    line: &mut Line,
    clock: Clock,
    sender: &mut Sender,
    image: &FirmwareImage,
    progress: &mut (dyn FnMut(u8) + Send),
) -> Result<Result<Completion, SenderFailure>, Fault> {
    let mut buffer = [0; 1024];
    let mut shown = None;
    let recorder = line.recorder().clone();
    let logged = recorder.image(&image.name, &image.bytes);
    loop {
        while let Some(event) = sender.poll_event() {
            match event {
                SenderEvent::Progress { block, blocks, .. } => {
                    let percent = (u64::from(block) * 100 / u64::from(blocks.max(1))).min(100) as u8;
                    if shown != Some(percent) {
                        shown = Some(percent);
                        progress(percent);
                    }
                }
                SenderEvent::DiscardOutput => line.discard_output(),
                SenderEvent::Done(completion) => return Ok(Ok(completion)),
                SenderEvent::Failed(failure) => return Ok(Err(failure)),
            }
        }
        while let Some(transmit) = sender.poll_transmit(clock.now(), &image.bytes) {
            match transmit.of_image {
                Some(span) => {
                    recorder.expect_block(logged, &image.bytes, span, &transmit.bytes);
                    line.send_expected(&transmit.bytes).await?;
                }
                None => line.send(&transmit.bytes).await?,
            }
        }
        match line.receive(&mut buffer, clock.at(sender.poll_timeout())).await? {
            Some(count) => sender.handle_bytes(clock.now(), &buffer[..count]),
            None => sender.handle_timeout(clock.now()),
        }
    }
}
