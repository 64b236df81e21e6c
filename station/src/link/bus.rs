//! One port, one request at a time, nothing believed that was not asked for.
//!
//! tokio-modbus is the client, called by [`Client::call`] in exactly one function, on a line lent for that one exchange. It hands a late
//! answer to the next request, so: before each request the line must have nothing to say; each answer must be exactly as long as
//! the question wants; and after a time-out, a cancelled call or a wrong answer the line is drained until it is quiet and the identity
//! is read again before anything else ([`protocol::guard::LinkGuard`]).

use super::{
    fault::{BusFault, internal},
    lent,
    line::{Line, Meter},
    map,
    registers::SecretFields,
};
use crate::board::WireUse;
use domain::{
    model::DeviceModel,
    text::{Fault, FaultCode},
};
use futures_util::FutureExt as _;
use protocol::{
    guard::{self, Checked, LinkGuard, LinkState, Purpose},
    modbus::{EXCEPTION_BIT, ExceptionCode, Request, Response, exceptions::ExceptionTable, rtu},
    timing::{silence, wire_time},
};
use std::{borrow::Cow, io, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::oneshot,
    time::{Instant, sleep_until, timeout_at},
};
use tokio_modbus::{ProtocolError, Slave, client::Client as _, client::rtu::attach_slave};

/// USB adapters hold bytes back for up to 16 ms each way before they tell.
const ADAPTER_SLACK: Duration = Duration::from_millis(32);
/// A line that talks longer than this without a pause is not drained but broken.
const DRAIN_LIMIT: Duration = Duration::from_secs(5);

/// The figures of a line, from the model.
#[derive(Debug, Clone, Copy)]
pub(super) struct BusSettings {
    /// Modbus device address.
    pub address: u8,
    /// Address that its answers bear.
    pub reply_address: u8,
    /// How long the board may think.
    pub timeout: Duration,
    /// Quiet between exchanges.
    pub gap: Duration,
    /// Pause after a write.
    pub store: Duration,
    /// Unexpected frames that a run bears.
    pub unexpected_limit: u32,
}

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
    guard: LinkGuard,
    settings: BusSettings,
    secrets: SecretFields,
    exceptions: ExceptionTable,
    epoch: Instant,
    /// Before this moment the board wants quiet.
    free_at: Instant,
}

impl Bus {
    pub(super) fn new(line: Line, model: Arc<DeviceModel>, settings: BusSettings) -> Self {
        let now = Instant::now();
        let secrets = SecretFields::of(&model);
        let exceptions = map::exceptions(&model);
        Self {
            model,
            device: line.shared_device(),
            meter: line.meter(),
            guard: new_guard(&settings),
            port: Port::Home(line),
            settings,
            secrets,
            exceptions,
            epoch: now,
            free_at: now,
        }
    }

    /// A new board is on the line: the count of unexpected frames begins anew, and nobody is identified.
    pub(super) fn forget_board(&mut self) {
        self.guard = new_guard(&self.settings);
    }

    pub(super) fn wire_use(&self) -> WireUse {
        self.meter.wire_use()
    }

    pub(super) fn unexpected_frames(&self) -> u32 {
        self.guard.unexpected_frames()
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
        self.guard.state() != LinkState::Ready
    }

    pub(super) fn confirm_identity(&mut self) {
        self.guard.confirm_identity();
    }

    /// Who answers is to be read anew: the board restarted, or bytes went over the line that the guard did not see.
    pub(super) fn distrust(&mut self) {
        let now = self.now();
        self.guard.distrust(now);
    }

    /// A request of the map as the board is asked it.
    pub(super) fn on_wire(&self, request: &Request) -> Request {
        map::on_wire(&self.model, request)
    }

    /// This was asked on [`Bus::line`] and nobody answered: its answer may still come.
    pub(super) fn unanswered(&mut self, request: &Request) {
        let now = self.now();
        self.guard.handle_unanswered(request, now);
    }

    /// After an accident, before a read whose answer could be mistaken for one that never came: reads another number of
    /// registers from the same address, `up_to` at most, whose answer cannot.
    pub(super) async fn synchronise(&mut self, request: &Request, up_to: u16) -> Result<(), BusFault> {
        self.settle().await?;
        let asked = self.on_wire(request);
        if !self.guard.is_ambiguous(&asked) {
            return Ok(());
        }
        let quantity = loop {
            let now = self.now();
            match self.guard.telling_quantity(now, &asked, up_to) {
                Ok(quantity) => break quantity,
                Err(until) => sleep_until(self.epoch + until).await,
            }
        };
        let (address, _) = request.span();
        self.exchange(Purpose::Identify, &Request::ReadHolding { address, quantity }).await.map(drop)
    }

    /// Sends a request and expects nothing back.
    pub(super) async fn tell(&mut self, request: &Request) -> Result<(), Fault> {
        self.pace().await;
        let request = &self.on_wire(request);
        let frame = rtu::encode_request(self.settings.address, request).map_err(internal)?;
        let line = self.line()?;
        let baud = line.baud();
        let recorder = line.recorder().clone();
        self.secrets.announce(&recorder, self.settings.address, request);
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

    /// One request of the map and its answer, checked. Never repeated here.
    pub(super) async fn exchange(
        &mut self,
        purpose: Purpose,
        request: &Request,
    ) -> Result<Checked, BusFault> {
        let request = &self.on_wire(request);
        self.settle().await?;
        self.pace().await;
        if minds_late_answers()
            && let Some(count) = self.stray().map_err(BusFault::Port)?
        {
            tracing::warn!(device = %self.device, bytes = count, "bytes came that nobody asked for; the line is drained");
            let now = self.now();
            self.guard.handle_stray(now);
            return Err(BusFault::Garbage(format!("{count} bytes came before the request was sent")));
        }
        let baud = self.line().map_err(BusFault::Port)?.baud();
        let due = self.settings.timeout + self.wire_time_of(request, baud) + ADAPTER_SLACK;
        let (now, deadline) = (self.now(), self.now() + due);
        self.guard.begin(now, purpose, request, deadline).map_err(BusFault::Void)?;
        let received = self.meter.received();
        let answer = self.call(request, Instant::now() + due).await;
        let received = self.meter.received() - received;
        self.reclaim();
        self.rest(request.is_write(), baud);
        let now = self.now();
        match answer {
            Called::Answered(response) => {
                let expected = match &response {
                    Response::Exception { .. } => EXCEPTION_FRAME,
                    _ => rtu::response_frame_length(request) as u64,
                };
                let checked = guard::check(request, &response);
                let fits = checked.as_ref().err().is_none_or(guard::GuardFault::is_exception);
                if fits && received != expected && minds_late_answers() {
                    // An answer with company may be the wrong one of two.
                    self.guard.handle_stray(now);
                    return Err(BusFault::Garbage(format!(
                        "{received} bytes came, the answer has {expected}"
                    )));
                }
                self.guard.handle_answer(checked.as_ref().err(), now);
                checked.map_err(|fault| match fault {
                    guard::GuardFault::Exception { code, .. } => {
                        BusFault::Exception(self.exceptions.meaning(code))
                    }
                    misfit => BusFault::Garbage(misfit.to_string()),
                })
            }
            Called::Silent if !minds_late_answers() => {
                self.guard.handle_answer(None, now);
                Err(BusFault::Silent)
            }
            Called::Silent => {
                self.guard.handle_cancelled(now);
                Err(if received == 0 {
                    BusFault::Silent
                } else {
                    self.guard.handle_stray(now);
                    BusFault::Garbage(format!("{received} bytes came that make no whole answer"))
                })
            }
            Called::Garbage(detail) => {
                self.guard.handle_stray(now);
                Err(BusFault::Garbage(detail))
            }
            Called::Port(error) => {
                let fault = match &self.port {
                    Port::Home(line) => line.failed(&error),
                    Port::Lent(_) | Port::Gone => gone(&self.device, &error.to_string()),
                };
                self.port = Port::Gone;
                Err(BusFault::Port(fault))
            }
        }
    }

    /// Brings the line home and quiet, if anything was left open.
    pub(super) async fn settle(&mut self) -> Result<(), BusFault> {
        self.reclaim();
        if let LinkState::Waiting { .. } = self.guard.state() {
            let now = self.now();
            // The future of the last call was dropped: its answer may still come.
            self.guard.handle_cancelled(now);
        }
        let LinkState::MustDrain { .. } = self.guard.state() else {
            self.line().map_err(BusFault::Port)?;
            return Ok(());
        };
        #[cfg(feature = "sabotage")]
        if crate::sabotage::is(crate::sabotage::Sabotage::NoDrain) {
            let now = self.now();
            self.guard.handle_drained(now);
            return Ok(());
        }
        let quiet = self.quiet();
        let drained =
            self.line().map_err(BusFault::Port)?.drain(quiet, DRAIN_LIMIT).await.map_err(BusFault::Port)?;
        match drained {
            Some(bytes) => {
                tracing::debug!(device = %self.device, bytes, "line drained");
                let now = self.now();
                self.guard.handle_drained(now);
                Ok(())
            }
            None => {
                Err(BusFault::Garbage(format!("the line was not quiet within {} s", DRAIN_LIMIT.as_secs())))
            }
        }
    }

    /// How long nothing may come before the line counts as drained: an answer late by the board's whole thinking time is still caught.
    fn quiet(&self) -> Duration {
        quiet(&self.settings)
    }

    fn wire_time_of(&self, request: &Request, baud: u32) -> Duration {
        wire_time(rtu::request_frame_length(request) + rtu::response_frame_length(request), baud)
    }

    /// Bytes that wait on the line already.
    fn stray(&mut self) -> Result<Option<usize>, Fault> {
        let line = self.line()?;
        let mut buffer = [0; 256];
        match line.read(&mut buffer).now_or_never() {
            None => Ok(None),
            Some(Ok(count)) => Ok(Some(count)),
            Some(Err(error)) => {
                let fault = line.failed(&error);
                self.port = Port::Gone;
                Err(fault)
            }
        }
    }

    /// The one place where tokio-modbus is called and timed out.
    async fn call(&mut self, request: &Request, deadline: Instant) -> Called {
        let Port::Home(line) = std::mem::replace(&mut self.port, Port::Gone) else {
            return Called::Port(io::Error::from(io::ErrorKind::NotConnected));
        };
        self.secrets.announce(line.recorder(), self.settings.address, request);
        if self.settings.reply_address != self.settings.address {
            self.port = Port::Home(line);
            return self.call_ourselves(request, deadline).await;
        }
        let (lent, back) = lent::lend(line);
        self.port = Port::Lent(back);
        let mut client = attach_slave(lent, Slave(self.settings.address));
        match timeout_at(deadline, client.call(to_client(request))).await {
            Err(_) => Called::Silent,
            Ok(Ok(Ok(response))) => match from_client(response) {
                Some(response) => Called::Answered(response),
                None => Called::Garbage("the answer is of another function".to_owned()),
            },
            Ok(Ok(Err(code))) => Called::Answered(Response::Exception {
                function: request.function(),
                code: ExceptionCode::from(u8::from(code)),
            }),
            Ok(Err(tokio_modbus::Error::Protocol(error))) => Called::Garbage(match error {
                ProtocolError::HeaderMismatch { .. } => "the answer bears another device address".to_owned(),
                ProtocolError::FunctionCodeMismatch { .. } => "the answer is of another function".to_owned(),
            }),
            Ok(Err(tokio_modbus::Error::Transport(error))) if error.kind() == io::ErrorKind::InvalidData => {
                Called::Garbage(
                    "the bytes make no frame (wrong check sum, noise, or another rate)".to_owned(),
                )
            }
            Ok(Err(tokio_modbus::Error::Transport(error))) => Called::Port(error),
        }
    }

    /// As [`Self::call`], for boards whose answers bear another address than the question: the ready-made client refuses them.
    async fn call_ourselves(&mut self, request: &Request, deadline: Instant) -> Called {
        let (asked, answers) = (self.settings.address, self.settings.reply_address);
        let Ok(frame) = rtu::encode_request(asked, request) else {
            return Called::Garbage("the request makes no frame".to_owned());
        };
        let Port::Home(line) = &mut self.port else {
            return Called::Port(io::Error::from(io::ErrorKind::NotConnected));
        };
        if let Err(error) = line.write_all(&frame).await {
            return Called::Port(error);
        }
        let (mut heard, mut buffer) = (Vec::new(), [0; 256]);
        loop {
            match timeout_at(deadline, line.read(&mut buffer)).await {
                Err(_) => return Called::Silent,
                Ok(Err(error)) => return Called::Port(error),
                Ok(Ok(0)) => return Called::Port(io::Error::from(io::ErrorKind::UnexpectedEof)),
                Ok(Ok(count)) => heard.extend_from_slice(&buffer[..count]),
            }
            let whole = rtu::response_frame_length(request);
            let is_refusal = heard.get(1) == Some(&(request.function() | EXCEPTION_BIT));
            let due = if is_refusal { EXCEPTION_FRAME as usize } else { whole };
            if heard.len() < due {
                continue;
            }
            return match rtu::decode_frame(&heard) {
                Ok(frame) if frame.address != answers => {
                    Called::Garbage("the answer bears another device address".to_owned())
                }
                Ok(frame) => match Response::decode(&frame.pdu) {
                    Ok(response) if response.function() == request.function() => Called::Answered(response),
                    Ok(_) => Called::Garbage("the answer is of another function".to_owned()),
                    Err(error) => Called::Garbage(error.to_string()),
                },
                Err(_) => Called::Garbage(
                    "the bytes make no frame (wrong check sum, noise, or another rate)".to_owned(),
                ),
            };
        }
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

/// Address, function, code, check sum.
const EXCEPTION_FRAME: u64 = 5;

enum Called {
    Answered(Response),
    Silent,
    Garbage(String),
    Port(io::Error),
}

fn gone(device: &str, detail: &str) -> Fault {
    Fault::new(FaultCode::PortVanished).with("device", device).with("detail", detail)
}

fn new_guard(settings: &BusSettings) -> LinkGuard {
    LinkGuard::new(quiet(settings), settings.unexpected_limit)
}

fn quiet(settings: &BusSettings) -> Duration {
    settings.timeout.max(Duration::from_millis(50))
}

fn to_client(request: &Request) -> tokio_modbus::Request<'_> {
    match request {
        Request::ReadHolding { address, quantity } => {
            tokio_modbus::Request::ReadHoldingRegisters(*address, *quantity)
        }
        Request::ReadInput { address, quantity } => {
            tokio_modbus::Request::ReadInputRegisters(*address, *quantity)
        }
        Request::WriteSingle { address, value } => {
            tokio_modbus::Request::WriteSingleRegister(*address, *value)
        }
        Request::WriteMultiple { address, values } => {
            tokio_modbus::Request::WriteMultipleRegisters(*address, Cow::Borrowed(values))
        }
    }
}

fn from_client(response: tokio_modbus::Response) -> Option<Response> {
    Some(match response {
        tokio_modbus::Response::ReadHoldingRegisters(values) => Response::ReadHolding(values),
        tokio_modbus::Response::ReadInputRegisters(values) => Response::ReadInput(values),
        tokio_modbus::Response::WriteSingleRegister(address, value) => {
            Response::WriteSingle { address, value }
        }
        tokio_modbus::Response::WriteMultipleRegisters(address, quantity) => {
            Response::WriteMultiple { address, quantity }
        }
        _ => return None,
    })
}
