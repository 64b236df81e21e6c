//! The wire bench's sessions: an image, a whole profile, an identity; each in virtual time against its floor, and on a pseudo terminal
//! in real time against the virtual figure. A session counts only when the board really holds what it should.

use super::{
    figures::Figures,
    floor::{self, Floor},
    loaders::{FrozenLoader, LOADERS},
    models::{MODELS, Measured, stated_wake_ms},
    rig::{Medium, Rig},
    tap::Passed,
};
use crate::kept::kept_raw;
use anyhow::{Context as _, Result, bail, ensure};
use domain::{codec, model::DeviceModel, record::FoundState};
use simulator::{Mode, firmware::build_image};
use station::board::{BoardReply, BoardRequest, FirmwareImage, FlashEntry, Secret};
use std::{future::Future, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};

/// The rate at which the goals hold, bits per second.
pub const BAUD: u32 = 9600;
/// Most that an image may take, as a ratio to its floor.
const FLASH_GOAL: f64 = 1.01;
/// Most that a whole profile may take, read, written and read back, as a ratio to its floor; where a device's own papers ask for
/// quiet between exchanges, to the floor with that quiet, and the ratio to the bare one is shown beside.
const PROFILE_GOAL: f64 = 1.10;
/// Most that finding a board and reading who it is may take, milliseconds beyond what its model says a board needs to wake.
const IDENTITY_GOAL_MS: f64 = 300.0;
/// Most by which an image on a pseudo terminal may differ from the virtual figure, per cent of it.
const PTY_FLASH_GOAL_PERCENT: f64 = 2.0;
/// Most that one exchange on a pseudo terminal may take beyond the virtual figure, milliseconds.
const PTY_EXCHANGE_GOAL_MS: f64 = 15.0;

const IMAGE_NAME: &str = "bench.bin";
const VERSION: &str = "V1.9";

/// What may be chosen. No goal, and nothing that a goal is measured by.
#[derive(Debug, Clone, Copy)]
pub struct Choice {
    /// Bytes of the image.
    pub size: u32,
    pub seed: u64,
}

/// What a session took.
#[derive(Debug, Clone, Copy)]
pub struct Taken {
    /// First byte out to last byte in.
    pub span: Duration,
    /// From the call to its return.
    pub call: Duration,
    pub passed: Passed,
}

/// Every session in virtual time, against its floor.
///
/// # Errors
/// When a session fails, or leaves the board with anything but what was sent.
pub fn in_virtual_time(choice: Choice) -> Result<Figures> {
    let mut figures = Figures::default();
    for files in MODELS {
        let measured = files.read(BAUD)?;
        let model = &measured.model;
        let taken = virtually(profile(Medium::Memory, &measured, choice.seed))?;
        let floor = floor::profile(model, &measured.parameters()?)?;
        let least = floor.time_with_quiet(BAUD, measured.quiet);
        figures.at_most(format!("profile_{}", model.id), ratio(taken.span, least), PROFILE_GOAL);
        if files.quiet.is_some() {
            figures.beside(format!("profile_{}_bare", model.id), ratio(taken.span, floor.time(BAUD)));
        }
        let taken = virtually(identity(Medium::Memory, model, choice.seed))?;
        let beyond = milliseconds(taken.call) - stated_wake_ms(model);
        figures.at_most(format!("identity_{}_ms", model.id), beyond, IDENTITY_GOAL_MS);
        figures.beside(format!("identity_{}_whole_ms", model.id), milliseconds(taken.call));
    }
    for loader in LOADERS {
        let model = flashed_model(&loader, BAUD)?;
        let taken = virtually(flash(Medium::Memory, &model, choice))?;
        let ratio = ratio(taken.span, flash_floor(&loader, &model, choice).time(BAUD));
        figures.at_most(format!("flash_{}", loader.name), ratio, FLASH_GOAL);
    }
    Ok(figures)
}

/// The same sessions on pseudo terminals at `baud`, against the virtual figures of the same bytes. The images go at the same time,
/// each on a line of its own.
///
/// # Errors
/// As [`in_virtual_time`]; also where the system gives no pseudo terminal.
pub fn on_pseudo_terminals(choice: Choice, baud: u32) -> Result<Figures> {
    let mut figures = Figures::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for files in MODELS {
        let measured = files.read(baud)?;
        let model = &measured.model;
        let ideal = virtually(profile(Medium::Memory, &measured, choice.seed))?;
        let real = runtime.block_on(profile(Medium::Pty, &measured, choice.seed))?;
        let exchanges = floor::profile(model, &measured.parameters()?)?.exchanges() as f64;
        let each = (milliseconds(real.span) - milliseconds(ideal.span)) / exchanges;
        figures.at_most(format!("pty_profile_{}_ms_each", model.id), each, PTY_EXCHANGE_GOAL_MS);
        let ideal = virtually(identity(Medium::Memory, model, choice.seed))?;
        let real = runtime.block_on(identity(Medium::Pty, model, choice.seed))?;
        let exchanges = floor::identity(model, &measured.identity()?)?.exchanges() as f64;
        let each = (milliseconds(real.call) - milliseconds(ideal.call)) / exchanges;
        figures.at_most(format!("pty_identity_{}_ms_each", model.id), each, PTY_EXCHANGE_GOAL_MS);
    }
    let models = LOADERS.iter().map(|loader| flashed_model(loader, baud)).collect::<Result<Vec<_>>>()?;
    let real = runtime.block_on(async {
        let [spl, hal] = models.as_slice() else { bail!("the bench knows two loaders") };
        let both = tokio::join!(flash(Medium::Pty, spl, choice), flash(Medium::Pty, hal, choice));
        Ok([both.0?, both.1?])
    })?;
    for ((loader, model), real) in LOADERS.iter().zip(&models).zip(real) {
        let ideal = virtually(flash(Medium::Memory, model, choice))?;
        let apart = 100.0 * (ratio(real.span, ideal.span) - 1.0).abs();
        figures.at_most(format!("pty_flash_{}_percent", loader.name), apart, PTY_FLASH_GOAL_PERCENT);
    }
    Ok(figures)
}

/// A paused clock that jumps to the next thing that is due.
///
/// # Errors
/// Those of `work`.
pub fn virtually<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?;
    runtime.block_on(work)
}

/// The model that the images are measured on, with that loader.
///
/// # Errors
/// Where its files cannot be read.
pub fn flashed_model(loader: &FrozenLoader, baud: u32) -> Result<Arc<DeviceModel>> {
    let files = MODELS.first().context("no model is measured")?;
    Ok(Arc::new(loader.on(&files.read(baud)?.model)))
}

/// The floor of [`flash`].
#[must_use]
pub fn flash_floor(loader: &FrozenLoader, model: &DeviceModel, choice: Choice) -> Floor {
    // The least that says which board answers.
    let asked = model.register(&model.identity.model_register).map_or(1, |register| register.width());
    floor::flash(loader, model, choice.size as usize, IMAGE_NAME.len(), asked)
}

/// From the running application through the loader to the running new application.
///
/// # Errors
/// As [`in_virtual_time`].
pub async fn flash(medium: Medium, model: &Arc<DeviceModel>, choice: Choice) -> Result<Taken> {
    let bytes = build_image(model, VERSION, choice.size, choice.seed)?;
    let image = Arc::new(FirmwareImage { name: IMAGE_NAME.to_owned(), bytes });
    let mut rig = Rig::new(medium, model, choice.seed).await?;
    known(&mut rig).await?;
    let request =
        BoardRequest::Flash { entry: FlashEntry::Application, image: Arc::clone(&image), attempt: 1 };
    let begun = Instant::now();
    rig.tally.take();
    let BoardReply::Flashed(flashed) = rig.ask(request).await? else { bail!("no transfer") };
    rig.ask(BoardRequest::StartApplication).await?;
    let taken = taken(&rig, begun)?;
    ensure!(flashed.confirmed && flashed.resent == 0, "the transfer was disturbed: {flashed:?}");
    let board = rig.observe().await?;
    ensure!(board.mode == Mode::Application, "the board is in {:?}", board.mode);
    ensure!(board.flash_image.as_ref() == Some(&image.bytes), "the flash holds something else");
    Ok(taken)
}

/// Reads, writes and reads back every parameter of the profile, on a board where each has another value.
///
/// # Errors
/// As [`in_virtual_time`].
pub async fn profile(medium: Medium, measured: &Measured, seed: u64) -> Result<Taken> {
    let model = &measured.model;
    let mut rig = Rig::new(medium, model, seed).await?;
    known(&mut rig).await?;
    let candidates = model.password.iter().map(|password| Secret::new(&*password.factory)).collect();
    rig.ask(BoardRequest::Unlock { candidates }).await?;
    rig.ask(BoardRequest::WriteProfile {
        values: measured.another_profile()?,
        ratings: measured.wide_ratings(),
    })
    .await?;
    // The board's pause after a write is over, and the line free.
    sleep(Duration::from_secs(1)).await;
    let values = measured.profile.values.clone();
    let begun = Instant::now();
    rig.tally.take();
    let reply = rig.ask(BoardRequest::WriteProfile { values, ratings: measured.ratings() }).await?;
    let taken = taken(&rig, begun)?;
    let BoardReply::ProfileWritten(written) = reply else { bail!("no profile") };
    let unwritten = written.parameters.iter().find(|parameter| !parameter.written || !parameter.holds());
    ensure!(unwritten.is_none(), "not written, or not held: {unwritten:?}");
    sleep(Duration::from_secs(1)).await;
    let board = rig.observe().await?;
    for register in measured.parameters()? {
        let wanted = codec::encode(register, &measured.profile.values[&register.name])?;
        let kept = kept_raw(model, &board, register);
        ensure!(kept == wanted, "{} keeps {kept:?}, wanted {wanted:?}", register.name);
    }
    Ok(taken)
}

/// Who is there, and who is it: a running application that nobody has spoken to.
///
/// # Errors
/// As [`in_virtual_time`].
pub async fn identity(medium: Medium, model: &Arc<DeviceModel>, seed: u64) -> Result<Taken> {
    let mut rig = Rig::new(medium, model, seed).await?;
    let begun = Instant::now();
    rig.tally.take();
    known(&mut rig).await?;
    taken(&rig, begun)
}

async fn known(rig: &mut Rig) -> Result<()> {
    let found = rig.ask(BoardRequest::Probe { silent_ms: 10_000 }).await?;
    ensure!(found == BoardReply::Found(FoundState::Application), "found {found:?}");
    let identity = rig.ask(BoardRequest::ReadIdentity).await?;
    ensure!(matches!(&identity, BoardReply::Identity(board) if board.is_model), "it is {identity:?}");
    Ok(())
}

fn taken(rig: &Rig, begun: Instant) -> Result<Taken> {
    let call = begun.elapsed();
    let passed = rig.tally.take();
    Ok(Taken { span: passed.span().context("nothing went over the line")?, call, passed })
}

fn ratio(time: Duration, to: Duration) -> f64 {
    time.as_secs_f64() / to.as_secs_f64()
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
