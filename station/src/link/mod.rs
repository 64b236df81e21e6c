//! The link to the board in one slot: runs the runner's requests as bytes on a line. Here ports are opened, frames are exchanged,
//! time-outs and repeats are decided. What a verdict is, which step comes next, what is recorded: never here.
//!
//! - [`Line`]: the port, or a stream in its stead; counts bytes and shows them to the wire recorder.
//! - `transport`: what a line runs over: serial port, serial server, memory.
//! - `bus`: one exchange at a time, guarded; `asked`: the request in its model's framing; `client`, `ready_made`: who speaks it.
//! - `factory`: factory mode, entered where a request needs it.
//! - `registers`, `identity`, `parameters`, `locks`: the requests in terms of the model's map.
//! - `wait`: probing and waiting for an application.
//! - `crate::flash`: the loader's dialogue and the transfer, on the same line.

mod asked;
mod bus;
mod client;
mod factory;
pub(crate) mod fault;
mod identity;
mod lent;
mod line;
mod locks;
mod map;
mod parameters;
mod plan;
mod ready_made;
mod registers;
mod rules;
mod secrets;
mod settings;
#[cfg(test)]
pub(crate) mod tests;
mod thinking;
mod transport;
mod wait;

pub use line::{BaudHook, ByteStream, Line};
pub(crate) use transport::network_address;

use crate::{
    board::{BoardAnswer, BoardIdentity, BoardReply, BoardRequest, FlashEntry, Secret, WireUse},
    flash::{self, Heard, Loader, Standing},
    wire::Recorder,
};
use bus::Bus;
use domain::{identifier::IdentifierKind, model::DeviceModel, record::FoundState, text::Fault};
use factory::FactoryMode;
use settings::BusSettings;
use std::{fmt, sync::Arc, time::Duration};

/// How a link differs from what its model says.
#[derive(Debug, Clone, Copy)]
pub struct LinkOptions {
    /// Bits per second for application and loader alike, in place of the model's two rates.
    pub baud: Option<u32>,
    /// Frames (or bursts of bytes) that nobody asked for which one board's run bears; one more voids it.
    pub unexpected_limit: u32,
}

impl Default for LinkOptions {
    fn default() -> Self {
        Self { baud: None, unexpected_limit: 16 }
    }
}

impl LinkOptions {
    /// The rate of the application: open the line with it.
    #[must_use]
    pub fn application_baud(&self, model: &DeviceModel) -> u32 {
        self.baud.unwrap_or(model.link.baud)
    }

    /// The rate of the loader; the application's where the model knows of no loader.
    #[must_use]
    pub fn loader_baud(&self, model: &DeviceModel) -> u32 {
        self.baud.unwrap_or_else(|| model.boot.as_ref().map_or(model.link.baud, |boot| boot.baud))
    }
}

/// The link of one slot: owns its line for as long as the line works.
pub struct BoardLink {
    bus: Bus,
    model: Arc<DeviceModel>,
    application_baud: u32,
    loader_baud: u32,
    /// Who was there when the identity was last read by request.
    known: Option<BoardIdentity>,
    #[cfg(feature = "sabotage")]
    shadow: crate::sabotage::Shadow,
    /// How the last request left the loader.
    standing: Standing,
    factory: FactoryMode,
    /// What opened the board, where it must be said before each write.
    key: Option<Secret>,
    /// An answer that takes longer than this is none: the model's time-out before anybody measured.
    pace: Duration,
    /// The identifier that is being written, so that it may be the old one or the new.
    renaming: Option<IdentifierKind>,
}

impl fmt::Debug for BoardLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoardLink")
            .field("bus", &self.bus)
            .field("model", &self.model.id)
            .finish_non_exhaustive()
    }
}

impl BoardLink {
    /// Takes the line for boards of this model.
    #[must_use]
    pub fn new(line: Line, model: Arc<DeviceModel>, options: LinkOptions) -> Self {
        let settings = BusSettings {
            address: model.link.address,
            reply_address: model.link.reply_address.unwrap_or(model.link.address),
            timeout: Duration::from_millis(model.link.timeout_ms.into()),
            gap: Duration::from_millis(model.link.gap_ms.into()),
            store: Duration::from_millis(model.link.store_ms.into()),
            unexpected_limit: options.unexpected_limit,
            baud: options.application_baud(&model),
            wake: model.link.wake.as_ref().map(|wake| Duration::from_millis(wake.pause_ms.into())),
        };
        Self {
            bus: Bus::new(line, Arc::clone(&model), settings),
            application_baud: options.application_baud(&model),
            loader_baud: options.loader_baud(&model),
            model,
            known: None,
            #[cfg(feature = "sabotage")]
            shadow: Default::default(),
            standing: Standing::Unknown,
            factory: FactoryMode::default(),
            key: None,
            pace: settings.timeout,
            renaming: None,
        }
    }

    /// Has `recorder` see all that passes over the line from now on.
    #[must_use]
    pub fn recorded_by(mut self, recorder: &Recorder) -> Self {
        recorder.of_model(&self.model);
        // A line that is lost already has nothing to show.
        if let Ok(line) = self.bus.line() {
            line.record(recorder.clone());
        }
        self
    }

    /// Everything that went over the line so far, failed and dropped requests included.
    #[must_use]
    pub fn wire_use(&self) -> WireUse {
        self.bus.wire_use()
    }

    /// Frames nobody asked for since the last [`BoardRequest::Probe`].
    #[must_use]
    pub fn unexpected_frames(&self) -> u32 {
        self.bus.unexpected_frames()
    }

    /// Whether the port is gone: open it again and make a new link.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.bus.is_lost()
    }

    /// The board may be another one: its identity is read before the next request and compared.
    pub fn distrust(&mut self) {
        self.bus.distrust();
    }

    /// From now on nothing is written to the board and nothing is sent to a loader, whatever is asked, until the next
    /// [`BoardRequest::Probe`] begins another board.
    pub fn only_read(&mut self) {
        self.bus.only_read();
    }

    /// Does one request. `progress` hears per cent, 0 to 100, of what takes long (the transfer).
    ///
    /// Dropping the future is safe at any point: the next request brings the line home, drains it and identifies the board again.
    ///
    /// # Errors
    /// The fault that ended it, without a step; `PortRateFixed`, before a byte is sent, where the board needs two rates and the line
    /// has but one. After `PortVanished` or `PortNotOpened` this link is dead: make a new one on a new [`Line`].
    pub async fn execute(
        &mut self,
        request: BoardRequest,
        progress: &mut (dyn FnMut(u8) + Send),
    ) -> Result<BoardAnswer, Fault> {
        if self.application_baud != self.loader_baud && self.bus.has_fixed_rate() {
            return Err(fault::rate_fixed(self.bus.device(), self.application_baud, self.loader_baud));
        }
        if !matches!(request, BoardRequest::Probe { .. }) && !request.only_reads() && !self.bus.may_write() {
            return Err(fault::internal("this board is only read; nothing was sent"));
        }
        let before = self.wire_use();
        // What a request that was dropped may have left behind is not this one's to keep.
        self.guard_is_closed();
        let reply = match self.reply(request, progress).await {
            Ok(reply) => self.keep().await.map(|_| reply),
            Err(fault) => Err(fault),
        };
        self.leave().await;
        let reply = reply?;
        Ok(BoardAnswer { reply, wire: self.wire_use().since(before) })
    }

    async fn reply(
        &mut self,
        request: BoardRequest,
        progress: &mut (dyn FnMut(u8) + Send),
    ) -> Result<BoardReply, Fault> {
        // What the last request knew of the loader holds for the very next one only.
        let standing = std::mem::replace(&mut self.standing, Standing::Unknown);
        match request {
            BoardRequest::Probe { silent_ms } => {
                self.bus.forget_board();
                self.known = None;
                self.key = None;
                #[cfg(feature = "sabotage")]
                {
                    self.shadow = Default::default();
                }
                Ok(BoardReply::Found(self.probe(Duration::from_millis(silent_ms.into())).await?))
            }
            BoardRequest::FindAgain { silent_ms } => {
                Ok(BoardReply::Found(self.probe(Duration::from_millis(silent_ms.into())).await?))
            }
            BoardRequest::ReadIdentity => Ok(BoardReply::Identity(self.identify().await?)),
            BoardRequest::Flash { entry, image, attempt } => {
                let standing = match entry {
                    FlashEntry::Application => self.enter_loader().await?,
                    FlashEntry::Loader => Standing::Unknown,
                };
                let loader = self.need_loader()?;
                let line = self.bus.line()?;
                let flashed = flash::transfer(line, &loader, standing, &image, attempt, progress).await;
                self.bus.distrust();
                let (flashed, standing) = flashed?;
                self.standing = standing;
                Ok(BoardReply::Flashed(flashed))
            }
            BoardRequest::StartApplication => self.start_application(standing).await,
            BoardRequest::Restart => self.restart().await,
            BoardRequest::LearnPace => {
                self.pace = self.answers_within().await?;
                let question = self.question_time()?;
                Ok(BoardReply::Pace { question_ms: u32::try_from(question.as_millis()).unwrap_or(u32::MAX) })
            }
            BoardRequest::IsThere => Ok(BoardReply::Found(self.is_there().await?)),
            BoardRequest::AwaitApplication => self.await_application().await,
            BoardRequest::Unlock { candidates } => self.unlock(&candidates).await,
            BoardRequest::ReadParameters => Ok(BoardReply::Registers(self.read_parameters().await?)),
            BoardRequest::WriteProfile { values, ratings } => self.write_profile(&values, &ratings).await,
            BoardRequest::ReadRegisters { names } => {
                Ok(BoardReply::Registers(self.read_named(&names).await?))
            }
            BoardRequest::ReadThere { names } => Ok(BoardReply::Registers(self.read_there(&names).await?)),
            BoardRequest::Calibrate { true_ma, within_ma } => self.calibrate(true_ma, within_ma).await,
            BoardRequest::ReadCurrent => Ok(BoardReply::Current { ma: self.read_current().await? }),
            BoardRequest::WriteName { name } => self.write_name(&name).await,
            BoardRequest::WriteNumber { register, serial } => self.write_number(&register, &serial).await,
            BoardRequest::SetPassword { new } => self.set_password(&new).await,
            BoardRequest::ProvePassword { new, old } => self.prove_password(&new, &old).await,
            BoardRequest::ReadLease => self.read_lease().await,
            BoardRequest::WriteLease { mode, expires_s } => self.write_lease(mode, expires_s).await,
            BoardRequest::WriteSwitches { charge, discharge } => self.write_switches(charge, discharge).await,
            BoardRequest::ReadOutput => Ok(BoardReply::Output(self.read_output().await?)),
            BoardRequest::ReadAll { registers } => self.read_all(&registers).await,
            BoardRequest::SetRegisters { values } => {
                Ok(BoardReply::Registers(self.set_registers(&values).await?))
            }
            BoardRequest::Sleep => self.sleep().await,
            BoardRequest::Command { name } => {
                self.command(&name).await?;
                Ok(BoardReply::Done)
            }
        }
    }

    /// The loader of this model at the rate in force; none where nobody knows of one.
    fn loader(&self) -> Option<Loader> {
        let start_timeout = self.start_timeout();
        self.model.boot.as_ref().map(|boot| Loader::new(boot, self.loader_baud, start_timeout))
    }

    fn need_loader(&self) -> Result<Loader, Fault> {
        self.loader().ok_or_else(|| {
            fault::internal(format_args!("of device model {} no boot loader is known", self.model.id))
        })
    }

    async fn start_application(&mut self, standing: Standing) -> Result<BoardReply, Fault> {
        let loader = self.need_loader()?;
        flash::execute(self.bus.line()?, &loader, standing).await?;
        self.await_application().await
    }

    fn start_timeout(&self) -> Duration {
        Duration::from_millis(self.model.link.start_timeout_ms.into())
    }

    /// Who answers at the loader's rate, after the application did not.
    async fn look_for_loader(&mut self) -> Result<FoundState, Fault> {
        let Some(loader) = self.loader() else { return Ok(FoundState::Silent) };
        let found = flash::find(self.bus.line()?, &loader, flash::Patience::Long).await?;
        Ok(if let Heard::Loader(_) = found { FoundState::Loader } else { FoundState::Silent })
    }
}
