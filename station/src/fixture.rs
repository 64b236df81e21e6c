//! The fixture: presence, load, supply and lamps of all slots. Either whatever stands behind an address and speaks lines of JSON, here; or
//! modules and instruments that a file describes ([`described`]). It may go and come back at any time.

pub mod described;

use crate::runner::{Lamp, RadioHeard};
use domain::{
    fixture::reading::Heard,
    prompt::{Answer, AnswerSource, GivenAnswer, OpenPrompt},
    record::InstrumentUsed,
    text::Fault,
};
use serde::{Deserialize, Serialize};
use socket2::{SockRef, TcpKeepalive};
use std::{collections::BTreeMap, time::Duration};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    sync::mpsc,
    time::{Instant, sleep},
};

/// How long an instrument may take to answer; a command older than this is not waited for any more.
const ANSWER_PATIENCE: Duration = Duration::from_secs(5);

/// How often a silent fixture is asked for a sign of life.
const KEEPALIVE: Duration = Duration::from_secs(2);

/// From the jig.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum FixtureEvent {
    Presence {
        slot: u16,
        present: bool,
    },
    /// The instrument's true reading, milliamperes.
    Load {
        slot: u16,
        load_ma: u32,
    },
    Power {
        slot: u16,
        on: bool,
    },
    /// A person's, by scanner, keys or display of the jig.
    Answer {
        slot: u16,
        /// Of the question that it is the answer to.
        id: String,
        /// `true` or `false`, a number, or a text.
        answer: Answer,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// A code that was scanned at the slot to announce its board, on a jig without switches.
    Scan {
        slot: u16,
        code: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
}

/// To the jig.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum FixtureCommand {
    /// 0: off.
    SetLoad {
        slot: u16,
        load_ma: u32,
    },
    Lamp {
        slot: u16,
        lamp: Lamp,
    },
    /// Off for at least so long, milliseconds, and on again.
    PowerCycle {
        slot: u16,
        off_ms: u32,
    },
    /// Ask a person. Said again after a reconnection.
    Prompt {
        slot: u16,
        open: Box<OpenPrompt>,
    },
    /// That question is open no more, whoever answered it. All are over where the line ends.
    PromptOver {
        slot: u16,
        id: String,
    },
    /// Which radios are near? Only of a fixture whose file says that it hears them.
    Hear {
        slot: u16,
    },
}

/// What the station hears of the jig.
#[derive(Debug, Clone, PartialEq)]
pub enum FixtureNews {
    Presence {
        slot: u16,
        present: bool,
    },
    /// The instrument's true reading under the newest load asked for, both milliamperes. An answer to an earlier command is no news.
    Load {
        slot: u16,
        asked_ma: u32,
        load_ma: u32,
        /// What read it, where the fixture's file says so.
        by: Option<InstrumentUsed>,
    },
    /// Other slots have the instruments: it waits for its turn, at most so long.
    LoadWaits {
        slot: u16,
        seconds: u32,
    },
    /// There will be no reading.
    LoadFailed {
        slot: u16,
        fault: Box<Fault>,
    },
    /// Nothing may be under voltage at the slot, and why; none: it may again.
    Shut {
        slot: u16,
        why: Option<Fault>,
    },
    /// What is wrong with the instruments of the slot; none: nothing.
    Instruments {
        slot: u16,
        why: Option<Fault>,
    },
    /// The radios that are near, and who heard them.
    Heard {
        slot: u16,
        by: InstrumentUsed,
        result: Result<Vec<Heard>, Fault>,
    },
    /// Nobody knows what lies in that slot.
    Unseen {
        slot: u16,
    },
    Power {
        slot: u16,
        on: bool,
    },
    /// A person's answer, to whatever question.
    Answer {
        slot: u16,
        given: Box<GivenAnswer>,
    },
    /// A code that announces a board.
    Scan {
        slot: u16,
        code: String,
        by: Option<String>,
    },
    /// The line to the jig broke: from now on nobody knows what lies in the slots.
    Gone,
}

/// What it answers to one slot's question.
#[derive(Debug, Clone, PartialEq)]
pub enum FixtureAnswer {
    Load(LoadSeen),
    Power(bool),
    Radios(Box<Result<RadioHeard, Fault>>),
}

/// What came of a load that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum LoadSeen {
    /// Both milliamperes: what was asked for, and what flows.
    Reads { asked_ma: u32, load_ma: u32, by: Option<InstrumentUsed> },
    /// Other slots have the instruments: at most so long.
    Waits { seconds: u32 },
    /// There will be no reading.
    Failed(Box<Fault>),
}

/// The station's end.
#[derive(Debug)]
pub struct Fixture {
    pub commands: mpsc::UnboundedSender<FixtureCommand>,
    pub events: mpsc::UnboundedReceiver<FixtureNews>,
}

/// The other end: whoever carries lines between station and jig.
#[derive(Debug)]
pub struct FixtureWire {
    commands: mpsc::UnboundedReceiver<FixtureCommand>,
    events: mpsc::UnboundedSender<FixtureNews>,
    /// How each slot is to be, told again after a reconnection.
    desired: BTreeMap<u16, Desired>,
}

#[derive(Debug, Default)]
struct Desired {
    load_ma: Option<u32>,
    lamp: Option<Lamp>,
    prompt: Option<Box<OpenPrompt>>,
    /// Loads asked for over this connection whose readings have not come.
    unanswered: u32,
    asked_at: Option<Instant>,
}

/// Both ends.
#[must_use]
pub fn fixture() -> (Fixture, FixtureWire) {
    let (commands, command_ends) = mpsc::unbounded_channel();
    let (event_ends, events) = mpsc::unbounded_channel();
    (
        Fixture { commands, events },
        FixtureWire { commands: command_ends, events: event_ends, desired: BTreeMap::new() },
    )
}

/// Keeps a connection to `address`, for ever. Ends when the station's end is gone.
pub async fn keep_connected(mut wire: FixtureWire, address: String) {
    let mut was_away = false;
    loop {
        match TcpStream::connect(&address).await {
            Ok(stream) => {
                // A lamp must not wait for Nagle.
                let _ = stream.set_nodelay(true);
                // A jig that lost its power says no goodbye, and while no board comes nothing is sent to it that could fail.
                let alive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE);
                if let Err(error) = SockRef::from(&stream).set_tcp_keepalive(&alive) {
                    tracing::warn!(%error, "a fixture that goes without a word will not be noticed");
                }
                tracing::info!(address, "fixture connected");
                was_away = false;
                if wire.carry(stream).await == Carried::StationGone {
                    return;
                }
                tracing::warn!(address, "the fixture went away; trying again");
            }
            Err(error) if !was_away => {
                was_away = true;
                tracing::warn!(address, %error, "the fixture does not answer; check its cable and its address in the station's settings. Trying again");
            }
            Err(_) => {}
        }
        sleep(Duration::from_millis(500)).await;
        if wire.events.is_closed() {
            tracing::warn!(
                address,
                "the station stops while the fixture is away; check that its loads are off"
            );
            return;
        }
    }
}

/// How carrying ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carried {
    /// The stream ended.
    JigGone,
    /// The station's end was dropped.
    StationGone,
}

impl FixtureWire {
    /// Carries lines over `stream` until one side goes.
    pub async fn carry(&mut self, stream: impl AsyncRead + AsyncWrite) -> Carried {
        let carried = self.carry_lines(stream).await;
        if carried == Carried::JigGone {
            let _station_may_be_gone = self.events.send(FixtureNews::Gone);
        }
        carried
    }

    async fn carry_lines(&mut self, stream: impl AsyncRead + AsyncWrite) -> Carried {
        let (read, mut write) = tokio::io::split(stream);
        let mut lines = BufReader::new(read).lines();
        for command in self.catch_up() {
            if send(&mut write, &command).await.is_err() {
                return Carried::JigGone;
            }
        }
        loop {
            tokio::select! {
                biased;
                line = lines.next_line() => match line {
                    Ok(Some(line)) => match serde_json::from_str::<FixtureEvent>(&line) {
                        // Where nobody listens any more, the last commands still go out.
                        Ok(event) => if let Some(news) = self.news(event) { let _stopping = self.events.send(news); },
                        Err(error) => tracing::warn!(line, %error, "the fixture says something that is not understood"),
                    },
                    Ok(None) | Err(_) => return Carried::JigGone,
                },
                command = self.commands.recv() => {
                    let Some(command) = command else {
                        let _jig_may_be_gone = write.shutdown().await;
                        return Carried::StationGone;
                    };
                    // Kept before it is sent: what a broken line swallows is told again.
                    self.keep(&command);
                    if send(&mut write, &command).await.is_err() {
                        return Carried::JigGone;
                    }
                }
            }
        }
    }

    /// What a jig that has come (back) must be told: each load, then each lamp. Nobody saw the slots meanwhile, so no verdict is
    /// among the lamps; and a supply is not switched late, under a board that nobody asked about.
    fn catch_up(&mut self) -> Vec<FixtureCommand> {
        while let Ok(command) = self.commands.try_recv() {
            self.keep(&command);
        }
        let mut commands = Vec::new();
        for (&slot, desired) in &mut self.desired {
            desired.unanswered = 0;
            if let Some(load_ma) = desired.load_ma {
                desired.unanswered = 1;
                desired.asked_at = Some(Instant::now());
                commands.push(FixtureCommand::SetLoad { slot, load_ma });
            }
        }
        for (&slot, desired) in &mut self.desired {
            if let Some(lamp) = &mut desired.lamp {
                if *lamp != Lamp::Busy {
                    *lamp = Lamp::Idle;
                }
                commands.push(FixtureCommand::Lamp { slot, lamp: *lamp });
            }
        }
        let asked = self.desired.iter().filter_map(|(slot, desired)| Some((*slot, desired.prompt.clone()?)));
        commands.extend(asked.map(|(slot, open)| FixtureCommand::Prompt { slot, open }));
        commands
    }

    fn keep(&mut self, command: &FixtureCommand) {
        match command {
            &FixtureCommand::SetLoad { slot, load_ma } => {
                let desired = self.desired.entry(slot).or_default();
                desired.load_ma = Some(load_ma);
                // An answer that never came is given up, or no later one would ever count.
                let still_waits = desired.asked_at.is_some_and(|at| at.elapsed() < ANSWER_PATIENCE);
                desired.unanswered = if still_waits { desired.unanswered + 1 } else { 1 };
                desired.asked_at = Some(Instant::now());
            }
            &FixtureCommand::Lamp { slot, lamp } => self.desired.entry(slot).or_default().lamp = Some(lamp),
            FixtureCommand::PowerCycle { .. } | FixtureCommand::Hear { .. } => {}
            FixtureCommand::Prompt { slot, open } => {
                self.desired.entry(*slot).or_default().prompt = Some(open.clone());
            }
            FixtureCommand::PromptOver { slot, id } => {
                let desired = self.desired.entry(*slot).or_default();
                desired.prompt = desired.prompt.take().filter(|open| open.id != *id);
            }
        }
    }

    fn news(&mut self, event: FixtureEvent) -> Option<FixtureNews> {
        Some(match event {
            FixtureEvent::Presence { slot, present } => FixtureNews::Presence { slot, present },
            FixtureEvent::Power { slot, on } => FixtureNews::Power { slot, on },
            FixtureEvent::Answer { slot, id, answer, by } => {
                let given = GivenAnswer { id, answer, by, source: AnswerSource::Fixture };
                FixtureNews::Answer { slot, given: Box::new(given) }
            }
            FixtureEvent::Scan { slot, code, by } => FixtureNews::Scan { slot, code, by },
            FixtureEvent::Load { slot, load_ma } => {
                let desired = self.desired.entry(slot).or_default();
                desired.unanswered = desired.unanswered.saturating_sub(1);
                if desired.unanswered > 0 {
                    return None;
                }
                FixtureNews::Load { slot, asked_ma: desired.load_ma.unwrap_or(0), load_ma, by: None }
            }
        })
    }
}

async fn send(write: &mut (impl AsyncWrite + Unpin), command: &FixtureCommand) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(command)?;
    line.push(b'\n');
    write.write_all(&line).await
}

#[cfg(test)]
mod tests;
