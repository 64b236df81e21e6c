//! One port, one request at a time, nothing believed that was not asked for.
//!
//! Standard boards are asked by tokio-modbus ([`super::ready_made`]), others by protocol's own clients ([`super::client`]), all
//! under the same rules: before each request the line must have nothing to say; each answer must be exactly what the question
//! wants; and after a time-out, a cancelled call or a wrong answer the line is drained until it is quiet and the identity
//! is read again before anything else ([`protocol::guard::LinkGuard`]).

mod recover;

use super::{
    asked::{Asked, EXCEPTION_FRAME},
    client::{Client, MAY_SLEEP_AFTER, Told, Unsent},
    fault::{BusFault, internal},
    line::{Line, Meter},
    map,
    ready_made::{self, Called},
    secrets::SecretFields,
    settings::BusSettings,
    thinking::{Kind, Thinking},
};
use crate::board::WireUse;
use domain::{
    model::DeviceModel,
    text::{Fault, FaultCode},
};
use protocol::{
    guard::{self, Checked, LinkGuard, LinkState, Purpose},
    modbus::{ExceptionCode, Request, Response, exceptions::ExceptionTable},
    timing::{silence, wire_time},
};
use std::{io, sync::Arc, time::Duration};
use tokio::{
    sync::oneshot,
    time::{Instant, sleep_until},
};

#[derive(Debug)]
enum Port {
    Home(Line),
    /// A call holds it, or held it when its future was dropped.
    Lent(oneshot::Receiver<Line>),
    Gone,
}

#[derive(Debug)]
pub(super) struct Bus {
    model: Arc<DeviceModel>,
    device: Arc<str>,
    port: Port,
    meter: Arc<Meter>,
    client: Client,
    settings: BusSettings,
    secrets: SecretFields,
    exceptions: ExceptionTable,
    epoch: Instant,
    /// Before this moment the board wants quiet.
    free_at: Instant,
    /// When the board last answered.
    heard_at: Option<Instant>,
    thinking: Thinking,
    /// A reference lies there: no frame that writes is sent.
    only_reads: bool,
}

impl Bus {
    pub(super) fn new(line: Line, model: Arc<DeviceModel>, settings: BusSettings) -> Self {
        let now = Instant::now();
        let secrets = SecretFields::of(&model);
        let exceptions = map::exceptions(&model);
        Self {
            client: Client::of(&model, &settings),
            model,
            device: line.shared_device(),
            meter: line.meter(),
            port: Port::Home(line),
            settings,
            secrets,
            exceptions,
            epoch: now,
            free_at: now,
            heard_at: None,
            thinking: Thinking::default(),
            only_reads: false,
        }
    }

    /// A new board is on the line: the count of unexpected frames begins anew, and nobody is identified.
    pub(super) fn forget_board(&mut self) {
        self.client = Client::of(&self.model, &self.settings);
        self.heard_at = None;
        self.thinking.forget();
        self.only_reads = false;
    }

    /// From now on no frame that writes is sent, until another board is on the line.
    pub(super) fn only_read(&mut self) {
        self.only_reads = true;
    }

    pub(super) fn may_write(&self) -> bool {
        !self.only_reads
    }

    /// Who is only read may enter factory mode, where some show who they are, and leave it without having anything kept.
    fn permit(&self, asked: &Asked, request: &Request) -> Result<(), Fault> {
        let factory = self.model.factory_mode.as_ref();
        let of_factory = factory.into_iter().flat_map(|mode| [Some(mode.enter), mode.leave]).flatten();
        let (place, _) = request.span();
        let changes_nothing = |magic: domain::model::MagicWrite| {
            matches!(request, Request::WriteSingle { value, .. } if *value == magic.value)
                && map::place_of(&self.model, magic.address) == place
        };
        if asked.is_write() && self.only_reads && !of_factory.into_iter().any(changes_nothing) {
            return Err(internal("this board is only read; the frame was not sent"));
        }
        Ok(())
    }

    pub(super) fn wire_use(&self) -> WireUse {
        self.meter.wire_use()
    }

    pub(super) fn unexpected_frames(&self) -> u32 {
        self.guard().unexpected_frames()
    }

    pub(super) fn device(&self) -> &str {
        &self.device
    }

    /// Whether the line is there and keeps its one rate.
    pub(super) fn has_fixed_rate(&mut self) -> bool {
        self.line().is_ok_and(|line| !line.sets_baud())
    }

    pub(super) fn is_lost(&self) -> bool {
        matches!(self.port, Port::Gone)
    }

    /// Whether the identity must be read (again) before any work.
    pub(super) fn must_identify(&self) -> bool {
        self.guard().state() != LinkState::Ready
    }

    pub(super) fn confirm_identity(&mut self) {
        self.guard_mut().confirm_identity();
    }

    /// Whether the board was left alone long enough to fall asleep, and its client does not wake it by itself.
    pub(super) fn may_sleep(&self) -> bool {
        self.settings.wake.is_some() && !self.is_awake() && !self.client.wakes()
    }

    /// The board was woken, or heard, just now.
    pub(super) fn woke(&mut self) {
        self.heard_at = Some(Instant::now());
    }

    /// It was told to sleep: the next request wakes it first.
    pub(super) fn fell_asleep(&mut self) {
        self.heard_at = None;
    }

    fn is_awake(&self) -> bool {
        self.heard_at.is_some_and(|heard| heard.elapsed() < MAY_SLEEP_AFTER)
    }

    /// Who answers is to be read anew: the board restarted, or bytes went over the line that the guard did not see.
    pub(super) fn distrust(&mut self) {
        let now = self.now();
        self.guard_mut().distrust(now);
    }

    /// A request of the map as the board is asked it.
    ///
    /// # Errors
    /// The model's file asks for what its framing cannot say.
    pub(super) fn asked(&self, request: &Request) -> Result<Asked, Fault> {
        Asked::of(&self.model, request)
    }

    /// This was asked on [`Bus::line`] and nobody answered: its answer may still come.
    pub(super) fn unanswered(&mut self, asked: &Asked) {
        let now = self.now();
        self.guard_mut().handle_unanswered(asked, now);
    }

    /// Sends a request and expects nothing back.
    pub(super) async fn tell(&mut self, request: &Request) -> Result<(), Fault> {
        self.pace().await;
        let asked = self.asked(request)?;
        self.permit(&asked, request)?;
        let frame = asked.frame(self.settings.address)?;
        let line = self.line()?;
        let baud = line.baud();
        let recorder = line.recorder().clone();
        self.secrets.announce(&recorder, self.settings.address, &asked);
        self.line()?.send_expected(&frame).await?;
        tokio::time::sleep(wire_time(frame.len(), baud)).await;
        self.rest(true, baud);
        Ok(())
    }

    /// The line itself, for what is no Modbus: probing, the loader's dialogue. Afterwards call [`Bus::distrust`].
    pub(super) fn line(&mut self) -> Result<&mut Line, Fault> {
        self.reclaim();
        match &mut self.port {
            Port::Home(line) => Ok(line),
            Port::Lent(_) | Port::Gone => {
                Err(gone(&self.device, "it was lost earlier and must be opened again"))
            }
        }
    }

    /// Waits until the board may be spoken to.
    pub(super) async fn pace(&self) {
        sleep_until(self.free_at).await;
    }

    /// Quiet from now on: what the model wants between exchanges, at least t3.5, and the storing pause after a write.
    pub(super) fn rest(&mut self, after_write: bool, baud: u32) {
        let pause = self.settings.gap.max(silence(baud)).max(if after_write {
            self.settings.store
        } else {
            Duration::ZERO
        });
        self.free_at = Instant::now() + pause;
    }

    /// One request of the map and its answer, checked. Never repeated here, but for a read that wakes a sleeping board.
    pub(super) async fn exchange(
        &mut self,
        purpose: Purpose,
        request: &Request,
    ) -> Result<Checked, BusFault> {
        let asked = self.asked(request).map_err(BusFault::Port)?;
        self.permit(&asked, request).map_err(BusFault::Port)?;
        self.settle().await?;
        self.pace().await;
        if minds_late_answers()
            && let Some(count) = self.stray().map_err(BusFault::Port)?
        {
            tracing::warn!(device = %self.device, bytes = count, "bytes came that nobody asked for; the line is drained");
            let now = self.now();
            self.guard_mut().handle_stray(now);
            return Err(BusFault::Garbage(format!("{count} bytes came before the request was sent")));
        }
        let baud = self.line().map_err(BusFault::Port)?.baud();
        let kind = match (asked.is_write(), map::stores(&self.model, request)) {
            (false, _) => Kind::Read,
            (true, false) => Kind::Write,
            (true, true) => Kind::Store,
        };
        let patience = self.thinking.patience(kind, self.settings.patience());
        let (begun, received) = (Instant::now(), self.meter.received());
        let answer = match (&self.client, &asked) {
            (Client::ReadyMade(_), Asked::Modbus(question)) => {
                let request = question.request().clone();
                self.exchange_ready_made(purpose, &request, &asked, (baud, patience)).await
            }
            _ => self.exchange_ourselves(purpose, &asked, patience).await,
        };
        self.rest(kind == Kind::Store, baud);
        let received = usize::try_from(self.meter.received() - received).unwrap_or_default();
        let sent = asked.frame(self.settings.address).map_or(0, |frame| frame.len());
        match &answer {
            Ok(_) => {
                let after = begun.elapsed().saturating_sub(wire_time(sent + received, baud));
                self.thinking.answered(kind, after);
            }
            Err(BusFault::Exception(_)) => {}
            Err(_) => self.thinking.failed(kind),
        }
        if answer.is_ok() {
            self.heard_at = Some(Instant::now());
        }
        answer
    }

    async fn exchange_ready_made(
        &mut self,
        purpose: Purpose,
        request: &Request,
        asked: &Asked,
        (baud, patience): (u32, Duration),
    ) -> Result<Checked, BusFault> {
        let frame = asked.frame(self.settings.address).map_err(BusFault::Port)?;
        let due = patience + wire_time(frame.len() + asked.answer_length(), baud);
        let (now, deadline) = (self.now(), self.now() + due);
        self.guard_mut().begin(now, purpose, asked, deadline).map_err(BusFault::Void)?;
        let received = self.meter.received();
        let answer = self.call(asked, request, Instant::now() + due).await;
        let received = self.meter.received() - received;
        self.reclaim();
        let now = self.now();
        match answer {
            Called::Answered(response) => {
                let expected = match &response {
                    Response::Exception { .. } => EXCEPTION_FRAME,
                    _ => asked.answer_length(),
                } as u64;
                let checked = guard::check(request, &response);
                let fits = checked.as_ref().err().is_none_or(guard::GuardFault::is_exception);
                if fits && received != expected && minds_late_answers() {
                    // An answer with company may be the wrong one of two.
                    self.guard_mut().handle_stray(now);
                    return Err(BusFault::Garbage(format!(
                        "{received} bytes came, the answer has {expected}"
                    )));
                }
                self.guard_mut().handle_answer(checked.as_ref().err(), now);
                checked.map_err(|fault| match fault {
                    guard::GuardFault::Exception { code, .. } => {
                        BusFault::Exception(self.exceptions.meaning(code))
                    }
                    misfit => BusFault::Garbage(misfit.to_string()),
                })
            }
            Called::Silent if !minds_late_answers() => {
                self.guard_mut().handle_answer(None, now);
                Err(BusFault::Silent)
            }
            Called::Silent => {
                self.guard_mut().handle_cancelled(now);
                Err(if received == 0 {
                    BusFault::Silent
                } else {
                    self.guard_mut().handle_stray(now);
                    BusFault::Garbage(format!("{received} bytes came that make no whole answer"))
                })
            }
            Called::Garbage(detail) => {
                self.guard_mut().handle_stray(now);
                Err(BusFault::Garbage(detail))
            }
            Called::Port(error) => Err(self.lost(&error)),
        }
    }

    /// By one of protocol's clients, which guards itself.
    async fn exchange_ourselves(
        &mut self,
        purpose: Purpose,
        asked: &Asked,
        patience: Duration,
    ) -> Result<Checked, BusFault> {
        let waking = self.settings.wake.is_some() && !self.is_awake();
        let recorder = self.line().map_err(BusFault::Port)?.recorder().clone();
        self.secrets.announce(&recorder, self.settings.address, asked);
        let (now, epoch) = (self.now(), self.epoch);
        let Self { client, port: Port::Home(line), exceptions, .. } = self else {
            return Err(BusFault::Port(internal("nobody speaks this framing")));
        };
        client.begin(now, purpose, asked, (waking, patience)).map_err(|unsent| match unsent {
            Unsent::Link(refusal) => BusFault::Void(refusal),
            Unsent::Impossible(detail) => BusFault::Port(internal(detail)),
        })?;
        let mut buffer = [0; 512];
        let told = loop {
            if let Some(told) = client.poll_told() {
                break Ok(told);
            }
            if let Some(frame) = client.poll_transmit()
                && let Err(fault) = line.send_expected(&frame).await
            {
                break Err(fault);
            }
            let until = client.poll_timeout().unwrap_or_default();
            match line.receive(&mut buffer, epoch + until).await {
                Ok(Some(count)) => client.handle_bytes(epoch.elapsed(), &buffer[..count]),
                Ok(None) => client.handle_timeout(epoch.elapsed()),
                Err(fault) => break Err(fault),
            }
        };
        match told {
            // Bytes that came in one piece behind it: an answer with company may be the wrong one of two.
            Ok(Told::Answered(_) | Told::Refused(_))
                if matches!(client.guard().state(), LinkState::MustDrain { .. }) =>
            {
                Err(BusFault::Garbage("more bytes came than the answer has".to_owned()))
            }
            Ok(Told::Answered(checked)) => Ok(checked),
            Ok(Told::Refused(number)) => {
                Err(BusFault::Exception(exceptions.meaning(ExceptionCode::from(number))))
            }
            Ok(Told::Silent) => Err(BusFault::Silent),
            Ok(Told::Garbage(detail)) => Err(BusFault::Garbage(detail)),
            Err(fault) => {
                self.port = Port::Gone;
                Err(BusFault::Port(fault))
            }
        }
    }

    async fn call(&mut self, asked: &Asked, request: &Request, deadline: Instant) -> Called {
        let Port::Home(line) = std::mem::replace(&mut self.port, Port::Gone) else {
            return Called::Port(io::Error::from(io::ErrorKind::NotConnected));
        };
        self.secrets.announce(line.recorder(), self.settings.address, asked);
        let (called, back) = ready_made::call(line, self.settings.address, request, deadline);
        self.port = Port::Lent(back);
        called.await
    }

    fn lost(&mut self, error: &io::Error) -> BusFault {
        let fault = match &self.port {
            Port::Home(line) => line.failed(error),
            Port::Lent(_) | Port::Gone => gone(&self.device, &error.to_string()),
        };
        self.port = Port::Gone;
        BusFault::Port(fault)
    }

    fn guard(&self) -> &LinkGuard {
        self.client.guard()
    }

    fn guard_mut(&mut self) -> &mut LinkGuard {
        self.client.guard_mut()
    }

    fn reclaim(&mut self) {
        if let Port::Lent(back) = &mut self.port {
            self.port = back.try_recv().map_or(Port::Gone, Port::Home);
        }
    }

    fn now(&self) -> protocol::Instant {
        self.epoch.elapsed()
    }
}

/// Always, but for a campaign's spoilt station.
fn minds_late_answers() -> bool {
    #[cfg(feature = "sabotage")]
    if crate::sabotage::is(crate::sabotage::Sabotage::AcceptLateAnswer) {
        return false;
    }
    true
}

fn gone(device: &str, detail: &str) -> Fault {
    Fault::new(FaultCode::PortVanished).with("device", device).with("detail", detail)
}
