//! `flash`: an image checked, sent, started, and compared with what the board says it is.

use super::{
    desk::Desk,
    fault::{ToolFault, ToolResult},
    permit::{Permission, assumed_parts},
    report::{self, Identity, Report, crc_text},
    target::{Target, unexpected},
};
use crate::{
    board::{BoardIdentity, BoardReply, BoardRequest, FirmwareImage, FlashEntry},
    flash,
};
use domain::{
    evidence::FirmwareEvidence,
    model::{DeviceModel, ImageKind, ImageSettings, Provenance},
    record::{FoundState, bare_version},
    text::{Fault, FaultCode},
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use protocol::{crc::crc32, image::file::read_image};
use std::{io::Write, path::Path, sync::Arc};

pub(super) async fn flash(
    target: &Target,
    path: &Path,
    permission: Permission,
    desk: &mut Desk<'_>,
) -> ToolResult {
    let model = target.model()?;
    let Some((settings, boot)) = model.loader() else {
        return Err(ToolFault::refused(
            "no_loader",
            format!("Of model {} no way to send an image is known; use its maker's own tool.", model.id),
        ));
    };
    let image = load_image(path, &model, settings)?;
    let mut assumed = assumed_parts(&model, [boot.enter_command.as_str()]);
    if boot.provenance == Provenance::Assumed {
        assumed.insert("the boot loader's dialogue".to_owned());
    }
    permission.check(&model, &target.port, &assumed, desk)?;
    desk.of_model(&model);
    let mut session = target.open(Arc::clone(&model))?;
    let state = session.probe().await?;
    let (port, id) = (session.port.clone(), model.id.clone());
    desk.report(&Report::Found { port, model: id, state })?;
    let mut before = None;
    let entry = match state {
        FoundState::Application => {
            let identity = session.identify().await?;
            desk.report(&Report::Identity(Identity::of(&identity)))?;
            before = Some(of_model(identity, &model)?);
            FlashEntry::Application
        }
        FoundState::Loader => FlashEntry::Loader,
        FoundState::Silent => return Err(Fault::new(FaultCode::BoardSilent).with("seconds", 10).into()),
    };
    let image = Arc::new(image);
    let mut bar = Progress::new(desk, image.bytes.len());
    let request = BoardRequest::Flash { entry, image: Arc::clone(&image), attempt: 1 };
    let answer = session.link.execute(request, &mut |percent| bar.show(percent)).await;
    bar.end();
    let flashed = match answer?.reply {
        BoardReply::Flashed(flashed) => flashed,
        other => return Err(unexpected(&other)),
    };
    session.ask(BoardRequest::StartApplication).await?;
    let identity = session.identify().await?;
    desk.report(&Report::Identity(Identity::of(&identity)))?;
    // Nobody knew who was in the loader; and between the transfer and its start boards can be changed.
    let identity = of_model(identity, &model)?;
    if let Some(before) = before.filter(|before| !before.is_same_board(&identity)) {
        return Err(Fault::new(FaultCode::IdentityChanged)
            .with("before", before.describe())
            .with("after", identity.describe())
            .into());
    }
    let expected = crc32(&image.bytes);
    let version = version_in(settings, &image.bytes);
    let evidence = match identity.firmware_crc32 {
        Some(found) if found == expected => FirmwareEvidence::BoardCrc,
        Some(found) => {
            return Err(Fault::new(FaultCode::FirmwareCrcDiffers)
                .with("found", crc_text(found))
                .with("expected", crc_text(expected))
                .into());
        }
        None if version.is_some() => FirmwareEvidence::VersionOnly,
        None => FirmwareEvidence::TransferOnly,
    };
    if let Some(version) = version.filter(|v| bare_version(v) != bare_version(&identity.firmware_version)) {
        return Err(Fault::new(FaultCode::FirmwareVersionDiffers)
            .with("found", &identity.firmware_version)
            .with("expected", version)
            .into());
    }
    desk.report(&Report::Flashed(report::Flash {
        image: image.name.clone(),
        image_bytes: image.bytes.len(),
        image_crc32: crc_text(expected),
        blocks: flashed.blocks,
        resent: flashed.resent,
        confirmed: flashed.confirmed,
        firmware_version: identity.firmware_version,
        firmware_crc32: identity.firmware_crc32.map(crc_text),
        evidence,
    }))
}

/// Only a board of the model that was named.
fn of_model(identity: BoardIdentity, model: &DeviceModel) -> ToolResult<BoardIdentity> {
    if identity.is_model {
        return Ok(identity);
    }
    Err(Fault::new(FaultCode::WrongModel)
        .with("found", &identity.model_value)
        .with("expected", model.identity.model_values.join(", "))
        .into())
}

/// A .bin as it is, or an Intel .hex that begins where the model's application does; both checked like a release's.
fn load_image(path: &Path, model: &DeviceModel, settings: &ImageSettings) -> ToolResult<FirmwareImage> {
    let unreadable = |error: &dyn std::fmt::Display| {
        ToolFault::usage(format!("cannot read the image {}: {error}", path.display()))
    };
    let refused = |reason: &dyn std::fmt::Display| {
        ToolFault::refused("image_refused", format!("{}: {reason}. Nothing was sent.", path.display()))
    };
    let file = std::fs::read(path).map_err(|error| unreadable(&error))?;
    let mut name =
        path.file_name().map_or_else(|| "image.bin".to_owned(), |name| name.to_string_lossy().into_owned());
    let image = read_image(&name, file, &flash::layout(settings)).map_err(|fault| refused(&fault))?;
    if image.from_hex.is_some() {
        // The loader is sent a flat image.
        name = format!("{}.bin", name.get(..name.len().saturating_sub(".hex".len())).unwrap_or("image"));
    }
    flash::check_image(settings, &image.bytes).map_err(|fault| refused(&fault))?;
    Ok(flash::image(&name, image.bytes, model.image_capacity())?)
}

/// The image's own version text, where its kind shows one.
fn version_in(settings: &ImageSettings, image: &[u8]) -> Option<String> {
    let start = settings.version_offset as usize;
    let field = image.get(start..start + settings.version_bytes as usize)?;
    let text: Vec<u8> = field.iter().copied().take_while(|byte| *byte != 0).collect();
    let plain = settings.kind == ImageKind::Plain && !text.is_empty();
    plain.then(|| String::from_utf8_lossy(&text).into_owned())
}

/// A bar for a person at a terminal, a line every ten per cent else.
enum Progress<'d> {
    Bar(ProgressBar),
    Lines { notes: &'d mut (dyn Write + Send), tenths: u8 },
}

impl<'d> Progress<'d> {
    fn new(desk: &'d mut Desk<'_>, bytes: usize) -> Self {
        if !desk.notes_watched {
            return Self::Lines { notes: &mut *desk.notes, tenths: 0 };
        }
        let style =
            ProgressStyle::with_template("{prefix} {bar:40} {pos:>3} %  {elapsed} of about {duration}")
                .unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(Some(100), ProgressDrawTarget::stderr_with_hz(8))
            .with_style(style.progress_chars("█▌ "));
        bar.set_prefix(format!("{} KiB", bytes.div_ceil(1024)));
        Self::Bar(bar)
    }

    fn show(&mut self, percent: u8) {
        match self {
            Self::Bar(bar) => {
                // What came before the first block says nothing of how long the blocks take.
                if bar.position() == 0 {
                    bar.reset_elapsed();
                }
                bar.set_position(percent.into());
            }
            Self::Lines { notes, tenths } => {
                if percent / 10 > *tenths {
                    *tenths = percent / 10;
                    // A closed pipe must not stop a transfer half way.
                    let _nobody_reads = writeln!(notes, "sent: {percent} %");
                }
            }
        }
    }

    fn end(self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
