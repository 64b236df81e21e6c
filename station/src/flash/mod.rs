//! The boot loader's dialogue and the transfer of an image, on a line that the link lends. Which machine says what when is protocol's affair
//! ([`protocol::boot_menu`], [`protocol::ymodem`]); here its bytes are moved and its ends become faults.

mod drive;
#[cfg(test)]
pub(crate) mod tests;

use crate::{
    board::{FirmwareImage, Flashed},
    link::{Line, fault},
};
use domain::{
    model::{BootGeneration, BootSettings, ImageKind, ImageSettings},
    text::{Fault, FaultCode},
};
use drive::{Clock, drive_menu, drive_sender};
use protocol::{
    boot_menu::{BootMenu, BootMenuEvent, BootMenuFailure, BootMenuOptions, Found},
    image::{self, FlashLayout, ImageContent, ImageFault},
    ymodem::{
        BlockSize, Generation, SizeEnding,
        sender::{Completion, Sender, SenderFailure, SenderOptions, SenderRefusal, Start},
    },
};
use std::time::Duration;

/// How to talk to a board's loader.
#[derive(Debug, Clone, Copy)]
pub struct Loader {
    menu: BootMenuOptions,
    sender: SenderOptions,
    baud: u32,
    start_timeout: Duration,
}

impl Loader {
    /// From the model, at `baud` bits per second; `start_timeout`: from 'execute' to an answering application.
    #[must_use]
    pub fn new(boot: &BootSettings, baud: u32, start_timeout: Duration) -> Self {
        let generation = match boot.generation {
            BootGeneration::Spl => Generation::Spl,
            BootGeneration::Hal => Generation::Hal,
        };
        let block = |bytes| if bytes == 128 { BlockSize::Small } else { BlockSize::Large };
        let mut menu = BootMenuOptions::new(generation, baud);
        menu.probe_byte = boot.probe_byte;
        menu.download_key = boot.download_key;
        menu.execute_key = boot.execute_key;
        let mut sender = SenderOptions::new(generation, baud);
        sender.header_block = block(boot.header_block_bytes);
        sender.data_block = block(boot.data_block_bytes);
        sender.size_ending = if boot.size_ends_with_space { SizeEnding::Space } else { SizeEnding::Nul };
        sender.pad = boot.pad_byte;
        sender.start = Start::Ready;
        sender.header_timeout = Duration::from_millis(boot.erase_timeout_ms.into());
        Self { menu, sender, baud, start_timeout }
    }

    fn dialogue(&self, clock: Clock, standing: Standing) -> BootMenu {
        match standing {
            Standing::Unknown => BootMenu::new(clock.now(), self.menu),
            Standing::Menu => BootMenu::settled(clock.now(), self.menu),
        }
    }
}

/// How long to listen for a loader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// A menu answers a key at once.
    Short,
    /// A receiver in the middle of an old session says 'C' once a second.
    Long,
}

/// What is known of the loader when its dialogue begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is to be found out who is there.
    Unknown,
    /// The loader was heard to go to its menu, with silence after it, and nothing was asked since.
    Menu,
}

/// Who answers at the loader's rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    Nothing,
    Loader(Standing),
    /// Somebody who is no loader.
    Noise,
}

/// Looks for the loader.
///
/// # Errors
/// `PortVanished`.
pub async fn find(line: &mut Line, loader: &Loader, patience: Patience) -> Result<Heard, Fault> {
    line.set_baud(loader.baud)?;
    let clock = Clock::start();
    let mut options = loader.menu;
    options.probes = 1;
    options.probe_timeout = match patience {
        Patience::Short => Duration::from_millis(200),
        Patience::Long => Duration::from_millis(1200),
    };
    let mut menu = BootMenu::new(clock.now(), options);
    menu.probe(clock.now());
    Ok(match drive_menu(line, clock, &mut menu).await? {
        BootMenuEvent::Found(Found::Menu | Found::Receiving) => Heard::Loader(standing_of(&menu, clock)),
        BootMenuEvent::Found(Found::Silent) => Heard::Nothing,
        _ => Heard::Noise,
    })
}

/// Sends the image to a board whose loader answers, until the loader says that it is programmed. `attempt` counts from 1.
/// A loader whose menu stands is asked nothing before the download key. Says how it left the loader.
///
/// # Errors
/// `PortVanished`; `LoaderSilent`; `FlashFailed` with the reason for everything that the loader or the line did wrong.
pub async fn transfer(
    line: &mut Line,
    loader: &Loader,
    standing: Standing,
    image: &FirmwareImage,
    attempt: u8,
    progress: &mut (dyn FnMut(u8) + Send),
) -> Result<(Flashed, Standing), Fault> {
    let failed = |reason: &dyn std::fmt::Display| {
        Fault::new(FaultCode::FlashFailed).with("attempts", attempt).with("reason", reason)
    };
    line.set_baud(loader.baud)?;
    let clock = Clock::start();
    let mut menu = loader.dialogue(clock, standing);
    if standing == Standing::Unknown {
        menu.probe(clock.now());
        match drive_menu(line, clock, &mut menu).await? {
            BootMenuEvent::Found(Found::Menu | Found::Receiving) => {}
            BootMenuEvent::Found(Found::Garbled) => {
                return Err(failed(&"the boot loader answers garbage; check the rate and the cable"));
            }
            _ => return Err(Fault::new(FaultCode::LoaderSilent).with("menu_timeout_s", menu_seconds(loader))),
        }
        tracing::debug!(device = line.device(), "the loader answers");
    }
    menu.start_download(clock.now());
    match drive_menu(line, clock, &mut menu).await? {
        BootMenuEvent::Ready => {}
        BootMenuEvent::Failed(failure) => return Err(failed(&failure)),
        _ => return Err(failed(&BootMenuFailure::NotReady)),
    }
    tracing::debug!(device = line.device(), after = ?clock.now(), "the loader receives");
    let sent = send(line, loader.sender, image, progress).await?.map_err(|failure| failed(&failure))?;
    tracing::debug!(device = line.device(), after = ?clock.now(), completion = ?sent.completion, "the image is sent");
    menu.await_result(clock.now());
    // The loader's text may have come in one piece with its last acknowledgement.
    menu.handle_bytes(clock.now(), &sent.unread);
    let confirmed = match drive_menu(line, clock, &mut menu).await? {
        BootMenuEvent::Programmed => true,
        // Every block was acknowledged: whether the image is whole, the board's own check of it will show.
        BootMenuEvent::Failed(BootMenuFailure::NoResult) => false,
        BootMenuEvent::Failed(failure) => return Err(failed(&failure)),
        _ => false,
    };
    tracing::info!(device = line.device(), after = ?clock.now(), blocks = sent.blocks, resent = sent.completion.retransmitted, confirmed, "image transferred");
    let flashed = Flashed { blocks: sent.blocks, resent: sent.completion.retransmitted, confirmed };
    Ok((flashed, standing_of(&menu, clock)))
}

/// A transfer that the receiver acknowledged to its end.
#[derive(Debug, Clone)]
pub struct Sent {
    pub blocks: u32,
    pub completion: Completion,
    /// What the receiver said after its last acknowledgement.
    pub unread: Vec<u8>,
}

fn standing_of(menu: &BootMenu, clock: Clock) -> Standing {
    if menu.stands(clock.now()) { Standing::Menu } else { Standing::Unknown }
}

/// Why nothing, or not everything, was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    #[error(transparent)]
    Refused(#[from] SenderRefusal),
    #[error(transparent)]
    Failed(#[from] SenderFailure),
}

/// Sends the image by YMODEM to whatever receives on the line, at the line's rate: no menu before and none after.
///
/// # Errors
/// `PortVanished`; inside, why the transfer did not begin or end.
pub async fn send(
    line: &mut Line,
    options: SenderOptions,
    image: &FirmwareImage,
    progress: &mut (dyn FnMut(u8) + Send),
) -> Result<Result<Sent, NotSent>, Fault> {
    let clock = Clock::start();
    let mut sender = match Sender::new(clock.now(), &image.name, image.bytes.len(), options) {
        Ok(sender) => sender,
        Err(refusal) => return Ok(Err(refusal.into())),
    };
    let blocks = sender.blocks();
    Ok(match drive_sender(line, clock, &mut sender, image, progress).await? {
        Ok(completion) => Ok(Sent { blocks, completion, unread: sender.take_unread() }),
        Err(failure) => Err(failure.into()),
    })
}

/// Presses the key that starts the application. Whether it starts, only the application's answer shows.
///
/// # Errors
/// `PortVanished`; `LoaderSilent` where the line never fell quiet.
pub async fn execute(line: &mut Line, loader: &Loader, standing: Standing) -> Result<(), Fault> {
    line.set_baud(loader.baud)?;
    let clock = Clock::start();
    let mut menu = loader.dialogue(clock, standing);
    menu.execute(clock.now());
    match drive_menu(line, clock, &mut menu).await? {
        BootMenuEvent::Executed => Ok(()),
        _ => Err(Fault::new(FaultCode::LoaderSilent).with("menu_timeout_s", loader.start_timeout.as_secs())),
    }
}

/// What is wrong with an image for boards of which `settings` tells: size, and vector table where one can be seen.
///
/// # Errors
/// The gravest fault.
pub fn check_image(settings: &ImageSettings, image: &[u8]) -> Result<(), ImageFault> {
    let content = match settings.kind {
        ImageKind::Plain => ImageContent::Plain,
        ImageKind::Opaque => ImageContent::Opaque,
    };
    image::check(image, &layout(settings), content).into_iter().next().map_or(Ok(()), Err)
}

/// Where an image lies on such boards.
#[must_use]
pub fn layout(settings: &ImageSettings) -> FlashLayout {
    FlashLayout::with_application_at(settings.base_address, settings.flash_bytes, settings.boot_bytes)
}

/// An image from a file, named for block 0.
///
/// # Errors
/// `BundleRefused` for an image that is empty or larger than the model's flash.
pub fn image(name: &str, bytes: Vec<u8>, capacity: u32) -> Result<FirmwareImage, Fault> {
    let refused = |detail: String| Fault::new(FaultCode::BundleRefused).with("detail", detail);
    if bytes.is_empty() {
        return Err(refused(format!("the image {name} has 0 bytes")));
    }
    if bytes.len() as u64 > u64::from(capacity) {
        return Err(refused(format!(
            "the image {name} has {} bytes, the board takes {capacity}",
            bytes.len()
        )));
    }
    let name: String = name.chars().map(|c| if c.is_ascii_graphic() { c } else { '_' }).take(63).collect();
    if name.is_empty() {
        return Err(fault::internal("an image needs a name"));
    }
    Ok(FirmwareImage { name, bytes })
}

fn menu_seconds(loader: &Loader) -> u64 {
    (loader.menu.probe_timeout * loader.menu.probes).as_secs()
}
