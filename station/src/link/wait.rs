//! Who is there? Probing a new board, and waiting for an application that is about to start.
//!
//! These are the only Modbus bytes that do not go through the bus: nobody may have been identified yet, and whoever answers may be a
//! loader that prints text. Nothing heard here decides more than that somebody is there; who it is, is read through the bus.

use super::{BoardLink, asked::Asked, fault, map, registers};
use crate::{
    board::BoardReply,
    flash::{self, Heard, Patience, Standing},
};
use domain::{
    model::{DeviceModel, Register, WakesBy},
    record::FoundState,
    text::{Fault, FaultCode},
};
use protocol::{modbus::Request, timing::wire_time};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// The first pings expect an application that is awake; a slower one is caught by the later ones.
const FIRST_PING: Duration = Duration::from_millis(100);
/// After pings that nobody answered, what may still come of them.
const LATE_PING: Duration = Duration::from_millis(20);
const DRAIN_LIMIT: Duration = Duration::from_secs(2);
/// A board that goes on answering this long after its restart command was acknowledged did not restart.
const MUST_HAVE_RESTARTED: Duration = Duration::from_secs(2);
/// Pings without an answer, one after the other, each waited for twice as long as the board is wont to take: it was not there. One
/// lost frame, or an answer that took its time, is no restart; three in a row a line that loses one in a hundred brings about
/// once in a million.
const PINGS_OF_A_SILENCE: u32 = 3;
/// Answers by which a board's pace is known; odd, for the middle one of them counts.
const ANSWERS_OF_A_PACE: usize = 3;

/// What a ping brought.
#[derive(Debug, PartialEq, Eq)]
enum Ping {
    Silence,
    /// A proper frame of the board's address and the ping's function.
    Answer,
    /// Bytes that are none.
    Noise,
}

/// What came of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Acknowledged {
    Yes,
    No,
}

impl BoardLink {
    pub(super) async fn probe(&mut self, silent: Duration) -> Result<FoundState, Fault> {
        let end = Instant::now() + silent;
        let request = ping_request(&self.model, Length::Whole)?;
        let mut noise = false;
        let mut patience = Patience::Short;
        // The line may still hold what the last board said.
        self.bus.line()?.drain(LATE_PING, DRAIN_LIMIT).await?;
        while Instant::now() < end {
            let answered = match patience {
                Patience::Short => self.ping_until(&request, &[FIRST_PING, FIRST_PING * 2], end).await?,
                Patience::Long => self.ping_until(&request, &[FIRST_PING, self.ping_timeout()], end).await?,
            };
            match answered {
                Ping::Answer => {
                    self.bus.distrust();
                    return Ok(FoundState::Application);
                }
                Ping::Noise => noise = true,
                Ping::Silence => {}
            }
            if let Some(loader) = self.loader() {
                match flash::find(self.bus.line()?, &loader, patience).await? {
                    Heard::Loader(_) => return Ok(FoundState::Loader),
                    Heard::Noise => noise = true,
                    Heard::Nothing => {}
                }
            }
            patience = Patience::Long;
        }
        if noise {
            return Err(fault::garbage(
                &request,
                "it talks, but neither as an application nor as a boot loader; check its model and rate",
            ));
        }
        Ok(FoundState::Silent)
    }

    pub(super) async fn await_application(&mut self) -> Result<BoardReply, Fault> {
        #[cfg(feature = "sabotage")]
        if crate::sabotage::is(crate::sabotage::Sabotage::Dawdle) {
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        let started = Instant::now();
        let timeout = self.start_timeout();
        let request = ping_request(&self.model, Length::Whole)?;
        loop {
            let end = started + timeout;
            match self.ping_until(&request, &[FIRST_PING, FIRST_PING * 2, self.ping_timeout()], end).await? {
                Ping::Answer => {
                    self.bus.distrust();
                    return Ok(application(started));
                }
                Ping::Silence if Instant::now() < end => {}
                // A loader that did not let the image start prints its menu at once: no need to wait for the application.
                Ping::Noise if Instant::now() < end => {
                    if let Some(loader) = self.loader()
                        && let Heard::Loader(_) =
                            flash::find(self.bus.line()?, &loader, Patience::Short).await?
                    {
                        return Err(did_not_start(started.elapsed(), FoundState::Loader));
                    }
                }
                _ => return Err(self.nobody_started(timeout).await?),
            }
        }
    }

    pub(super) async fn restart(&mut self) -> Result<BoardReply, Fault> {
        let model = Arc::clone(&self.model);
        let was_open = match &model.password {
            Some(password) if password.state_register.is_some() => self.is_open(password).await?,
            _ => false,
        };
        // As short as can be: the more of them fit into the time that it is away.
        let request = ping_request(&model, Length::Least)?;
        let window = self.answers_within().await?;
        self.command_perhaps_unanswered("restart").await?;
        let started = Instant::now();
        self.bus.distrust();
        self.guard_is_closed();
        let (mut unanswered, mut was_away) = (0, false);
        loop {
            match self.ping_until(&request, &[window], started + self.start_timeout()).await? {
                Ping::Silence => unanswered += 1,
                Ping::Noise => unanswered = 0,
                Ping::Answer => {
                    self.bus.distrust();
                    // An unlock does not outlive a restart: where one was open, its fall is the proof.
                    let restarted = match &model.password {
                        Some(password) if was_open => !self.is_open(password).await?,
                        _ => was_away,
                    };
                    if restarted {
                        self.bus.distrust();
                        return Ok(application(started));
                    }
                    if started.elapsed() >= MUST_HAVE_RESTARTED {
                        return Err(fault::write_refused(
                            "restart",
                            "acknowledged, but nothing shows that the board restarted: it went on answering",
                        ));
                    }
                    unanswered = 0;
                }
            }
            was_away |= unanswered >= PINGS_OF_A_SILENCE;
            if started.elapsed() >= self.start_timeout() {
                return Err(self.nobody_started(self.start_timeout()).await?);
            }
        }
    }

    /// Tells the application to restart into its loader. Whether it did, the loader's answer shows; an application that still
    /// answers did not hear the command and is told again.
    pub(super) async fn enter_loader(&mut self) -> Result<Standing, Fault> {
        let loader = self.need_loader()?;
        let (name, timeout_ms) = match &self.model.boot {
            Some(boot) => (boot.enter_command.clone(), boot.menu_timeout_ms),
            None => return Err(fault::internal("a loader without a [boot]")),
        };
        let request = ping_request(&self.model, Length::Whole)?;
        let timeout = Duration::from_millis(timeout_ms.into());
        let mut tries_left = self.tries();
        loop {
            let heard = self.command_perhaps_unanswered(&name).await?;
            self.bus.distrust();
            let end = Instant::now() + timeout;
            let mut stays = false;
            while Instant::now() < end && !stays {
                if let Heard::Loader(standing) =
                    flash::find(self.bus.line()?, &loader, Patience::Short).await?
                {
                    tracing::debug!(after = ?(timeout - (end - Instant::now())), ?standing, "the board is in its loader");
                    return Ok(standing);
                }
                // One that acknowledged is on its way.
                stays = heard == Acknowledged::No
                    && self.ping_until(&request, &[FIRST_PING], end).await? == Ping::Answer;
            }
            let silent = || Fault::new(FaultCode::LoaderSilent).with("menu_timeout_s", seconds(timeout));
            if !stays
                && self.ping_until(&request, &[FIRST_PING, self.ping_timeout()], end).await? != Ping::Answer
            {
                return Err(silent());
            }
            if tries_left == 0 {
                return Err(silent());
            }
            tracing::warn!(name, tries_left, "the application goes on; the command is given again");
            tries_left -= 1;
        }
    }

    /// How this board answers while it is there: twice as slow as the middle one of three answers, the wire's time aside, is silent. One
    /// that was lost, disturbed or held up on its way says nothing of the board. The model's time-out where too few came.
    pub(super) async fn answers_within(&mut self) -> Result<Duration, Fault> {
        let request = ping_request(&self.model, Length::Least)?;
        self.back_to_application_rate().await?;
        let sent = request.frame(self.model.link.address)?.len();
        let wire = wire_time(sent + request.answer_length(), self.application_baud);
        let mut answers = Vec::with_capacity(ANSWERS_OF_A_PACE);
        for _ in 0..2 * ANSWERS_OF_A_PACE {
            self.bus.pace().await;
            let asked = Instant::now();
            if self.ping(&request, self.ping_timeout()).await? == Ping::Answer {
                answers.push(asked.elapsed().saturating_sub(wire));
            }
            if answers.len() == ANSWERS_OF_A_PACE {
                break;
            }
        }
        answers.sort_unstable();
        let middle = (answers.len() == ANSWERS_OF_A_PACE).then(|| answers[ANSWERS_OF_A_PACE / 2]);
        Ok(middle.map_or(self.ping_timeout(), |middle| (middle * 2 + LATE_PING).min(self.ping_timeout())))
    }

    /// What one question costs whose answer does not come, at the pace that this board was seen to have.
    pub(super) fn question_time(&self) -> Result<Duration, Fault> {
        let request = ping_request(&self.model, Length::Least)?;
        let sent = request.frame(self.model.link.address)?.len();
        let gap = Duration::from_millis(self.model.link.gap_ms.into());
        Ok(self.pace + gap + wire_time(sent + request.answer_length(), self.application_baud))
    }

    /// Whether somebody answers one short question at the pace that this board was seen to have.
    pub(super) async fn is_there(&mut self) -> Result<FoundState, Fault> {
        let request = ping_request(&self.model, Length::Least)?;
        self.back_to_application_rate().await?;
        let heard = self.ping(&request, self.pace).await?;
        self.bus.distrust();
        Ok(if heard == Ping::Silence { FoundState::Silent } else { FoundState::Application })
    }

    /// Wakes a board that may sleep: its first frames are lost. Whatever is not answered is remembered as owed.
    pub(super) async fn wake(&mut self) -> Result<(), Fault> {
        let Some(wake) = self.model.link.wake.clone().filter(|_| self.bus.may_sleep()) else { return Ok(()) };
        let request = ping_request(&self.model, Length::Whole)?;
        let pause = Duration::from_millis(wake.pause_ms.into());
        for _ in 0..wake.frames {
            self.bus.pace().await;
            if self.ping(&request, pause).await? != Ping::Silence {
                break;
            }
        }
        self.bus.woke();
        Ok(())
    }

    /// Puts the board to sleep. Whether one sleeps that any frame wakes, nobody can ask.
    pub(super) async fn sleep(&mut self) -> Result<BoardReply, Fault> {
        #[cfg(feature = "sabotage")]
        if crate::sabotage::is(crate::sabotage::Sabotage::SkipSleep) {
            return Ok(BoardReply::Asleep { proved: true });
        }
        let model = Arc::clone(&self.model);
        let settings = model.ship.as_ref().and_then(|ship| ship.sleep.as_ref());
        let settings = settings.ok_or_else(|| {
            fault::internal(format_args!("of device model {} no way to sleep is known", model.id))
        })?;
        if settings.wakes == WakesBy::Frame {
            self.command(&settings.command).await?;
            self.bus.distrust();
            self.bus.fell_asleep();
            return Ok(BoardReply::Asleep { proved: false });
        }
        let request = ping_request(&model, Length::Least)?;
        let window = self.answers_within().await?;
        let mut tries_left = self.tries();
        let mut was_silent = false;
        loop {
            match self.fell_silent(&settings.command, &request, window).await? {
                Some(Acknowledged::Yes) => break,
                // The command may be lost like what was asked after it: it is given once more, to a silence as long again.
                Some(Acknowledged::No) if was_silent => break,
                Some(Acknowledged::No) => was_silent = true,
                None if tries_left == 0 => {
                    let detail = "nothing shows that the board sleeps: it went on answering";
                    return Err(fault::write_refused(&settings.command, detail));
                }
                None => {
                    was_silent = false;
                    tries_left -= 1;
                }
            }
        }
        Ok(BoardReply::Asleep { proved: true })
    }

    /// Gives the command once, and listens. Where it was not acknowledged, the board may not have heard it and be busy with
    /// something else: only a silence as long as its model's time-out counts, and any sign of life is an answer.
    /// None: it went on answering.
    async fn fell_silent(
        &mut self,
        command: &str,
        request: &Asked,
        window: Duration,
    ) -> Result<Option<Acknowledged>, Fault> {
        let heard = self.command_perhaps_unanswered(command).await?;
        let window = if heard == Acknowledged::Yes { window } else { self.ping_timeout() };
        let started = Instant::now();
        self.bus.distrust();
        self.guard_is_closed();
        let mut unanswered = 0;
        while unanswered < PINGS_OF_A_SILENCE {
            match self.ping_until(request, &[window], started + self.start_timeout()).await? {
                Ping::Silence => unanswered += 1,
                Ping::Noise | Ping::Answer if heard == Acknowledged::No => return Ok(None),
                Ping::Noise | Ping::Answer if started.elapsed() >= MUST_HAVE_RESTARTED => return Ok(None),
                Ping::Noise | Ping::Answer => unanswered = 0,
            }
        }
        Ok(Some(heard))
    }

    /// A command after which the board may be gone before its answer is out.
    async fn command_perhaps_unanswered(&mut self, name: &str) -> Result<Acknowledged, Fault> {
        match self.command(name).await {
            Err(fault)
                if matches!(
                    fault.code,
                    FaultCode::BoardStoppedAnswering | FaultCode::BoardAnswersGarbage
                ) =>
            {
                tracing::warn!(name, ?fault, "the command was not acknowledged; the board itself will show");
                Ok(Acknowledged::No)
            }
            other => other.map(|()| Acknowledged::Yes),
        }
    }

    /// The application is not there; says who is instead.
    async fn nobody_started(&mut self, timeout: Duration) -> Result<Fault, Fault> {
        Ok(did_not_start(timeout, self.look_for_loader().await?))
    }

    fn ping_timeout(&self) -> Duration {
        Duration::from_millis(self.model.link.timeout_ms.into()).max(FIRST_PING)
    }

    /// Pings with these time-outs in turn, until one is answered or `end` comes. At the application's rate.
    async fn ping_until(
        &mut self,
        request: &Asked,
        timeouts: &[Duration],
        end: Instant,
    ) -> Result<Ping, Fault> {
        self.back_to_application_rate().await?;
        for (sent, timeout) in timeouts.iter().enumerate() {
            match self.ping(request, *timeout).await? {
                Ping::Answer => {
                    // The answers of earlier pings are mostly here by now; the guard knows that they are owed.
                    if sent > 0 {
                        self.bus.line()?.drain(LATE_PING, DRAIN_LIMIT).await?;
                    }
                    return Ok(Ping::Answer);
                }
                // Whoever talks is not asked the same again: the caller finds out who it is.
                Ping::Noise => return Ok(Ping::Noise),
                Ping::Silence => {}
            }
            if Instant::now() >= end {
                break;
            }
        }
        Ok(Ping::Silence)
    }

    async fn ping(&mut self, request: &Asked, timeout: Duration) -> Result<Ping, Fault> {
        let address = self.model.link.address;
        let answers = self.model.link.reply_address.unwrap_or(address);
        let frame = request.frame(address)?;
        let line = self.bus.line()?;
        let baud = line.baud();
        line.send(&frame).await?;
        let answer_time = wire_time(frame.len() + request.answer_length(), baud);
        let deadline = Instant::now() + answer_time + timeout;
        let mut heard = Vec::new();
        let mut buffer = [0; 256];
        let answered = loop {
            let Some(count) = line.receive(&mut buffer, deadline).await? else {
                break false;
            };
            heard.extend_from_slice(&buffer[..count]);
            if request.is_answered_in(&heard, answers) {
                break true;
            }
            if heard.len() > 4096 {
                break false;
            }
        };
        self.bus.rest(false, baud);
        if answered {
            self.bus.woke();
        } else {
            self.bus.unanswered(request);
        }
        Ok(match (answered, heard.is_empty()) {
            (true, _) => Ping::Answer,
            (false, true) => Ping::Silence,
            (false, false) => Ping::Noise,
        })
    }
}

fn did_not_start(waited: Duration, found: FoundState) -> Fault {
    let found = match found {
        FoundState::Loader => "loader",
        FoundState::Application | FoundState::Silent => "silent",
    };
    Fault::new(FaultCode::ApplicationDidNotStart).with("seconds", seconds(waited)).with("found", found)
}

fn application(since: Instant) -> BoardReply {
    BoardReply::Application { waited_ms: u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX) }
}

fn seconds(time: Duration) -> String {
    let tenths = (time.as_millis() + 50) / 100;
    if tenths.is_multiple_of(10) {
        (tenths / 10).to_string()
    } else {
        format!("{}.{}", tenths / 10, tenths % 10)
    }
}

/// How much a ping asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    /// The whole register that names the model.
    Whole,
    /// One word of it.
    Least,
}

/// A read that any board of this model answers, and whose bytes are no keys of the loader's menu: a loader that hears it must not
/// start a download or whatever lies in its flash.
fn ping_request(model: &DeviceModel, length: Length) -> Result<Asked, Fault> {
    let register = registers::named(model, &model.identity.model_register)?;
    let fields = model.identity.fields.iter().filter_map(|field| model.register(&field.register));
    let version = model.register(&model.firmware.version_register);
    // Nothing that is read in factory mode only: an answer that refuses is an answer too, but says less.
    let open = |register: &&Register| !model.block(register).is_some_and(|block| block.locked_reads);
    let registers = std::iter::once(register).chain(fields).chain(version).filter(open);
    // The same place in another length has another check sum.
    let candidates = registers.flat_map(|register| {
        let address = map::place_of(model, register.address);
        let most = if map::is_field(model) { 1 } else { register.width() };
        (1..=most).map(move |step| {
            let quantity = if length == Length::Least { step } else { most + 1 - step };
            Asked::of(model, &Request::ReadHolding { address, quantity })
        })
    });
    for request in candidates {
        let request = request?;
        let frame = request.frame(model.link.address)?;
        let is_key =
            |byte| model.boot.as_ref().is_some_and(|b| [b.download_key, b.execute_key].contains(byte));
        if !frame.iter().any(is_key) {
            return Ok(request);
        }
    }
    Err(fault::internal(format_args!(
        "of device model {} every question that tells who is there holds a key of its loader's menu",
        model.id
    )))
}
