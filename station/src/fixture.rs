//! The fixture: presence, load, supply and lamps of all slots, as lines of JSON over a stream. It may go and come back at any time.

use crate::runner::Lamp;
use domain::prompt::{Answer, AnswerSource, GivenAnswer, OpenPrompt};
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
    /// The line to the jig broke: from now on nobody knows what lies in the slots.
    Gone,
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
            FixtureCommand::PowerCycle { .. } => {}
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
            FixtureEvent::Load { slot, load_ma } => {
                let desired = self.desired.entry(slot).or_default();
                desired.unanswered = desired.unanswered.saturating_sub(1);
                if desired.unanswered > 0 {
                    return None;
                }
                FixtureNews::Load { slot, asked_ma: desired.load_ma.unwrap_or(0), load_ma }
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
mod tests {
    use super::*;

    #[test]
    fn the_lines_are_those_of_the_contract() {
        let line = |command| serde_json::to_string(&command).unwrap();
        assert_eq!(
            line(FixtureCommand::SetLoad { slot: 1, load_ma: 20_000 }),
            r#"{"command":"set_load","slot":1,"load_ma":20000}"#
        );
        assert_eq!(
            line(FixtureCommand::Lamp { slot: 2, lamp: Lamp::Attention }),
            r#"{"command":"lamp","slot":2,"lamp":"attention"}"#
        );
        assert_eq!(
            line(FixtureCommand::PowerCycle { slot: 1, off_ms: 500 }),
            r#"{"command":"power_cycle","slot":1,"off_ms":500}"#
        );
        let event: FixtureEvent =
            serde_json::from_str(r#"{"event":"presence","slot":1,"present":true}"#).unwrap();
        assert_eq!(event, FixtureEvent::Presence { slot: 1, present: true });
        let event: FixtureEvent =
            serde_json::from_str(r#"{"event":"load","slot":1,"load_ma":20000}"#).unwrap();
        assert_eq!(event, FixtureEvent::Load { slot: 1, load_ma: 20_000 });
        let line = r#"{"event":"answer","slot":1,"id":"7-1","answer":"H-1","by":"li"}"#;
        let event: FixtureEvent = serde_json::from_str(line).unwrap();
        let (id, answer, by) = ("7-1".to_owned(), Answer::Scan("H-1".to_owned()), Some("li".to_owned()));
        assert_eq!(event, FixtureEvent::Answer { slot: 1, id, answer, by });
        assert_eq!(
            line_of_prompt("7-1"),
            r#"{"command":"prompt","slot":1,"open":{"id":"7-1","prompt":{"name":"cable","question":{"en":"In?","zh":"好？"},"asks":{"kind":"confirm"}},"tries_left":0}}"#
        );
    }

    fn prompt(slot: u16, id: &str) -> FixtureCommand {
        let question = domain::model::Bilingual { en: "In?".to_owned(), zh: "好？".to_owned() };
        let asks = domain::prompt::Asks::Confirm;
        let prompt = domain::prompt::Prompt { name: "cable".to_owned(), question, asks };
        FixtureCommand::Prompt {
            slot,
            open: Box::new(OpenPrompt { id: id.to_owned(), prompt, tries_left: 0 }),
        }
    }

    fn line_of_prompt(id: &str) -> String {
        serde_json::to_string(&prompt(1, id)).unwrap()
    }

    #[tokio::test]
    async fn a_jig_that_comes_back_is_asked_again_what_is_still_open() {
        let (fixture, mut wire) = fixture();
        for command in [
            prompt(1, "7-1"),
            prompt(2, "8-1"),
            FixtureCommand::PromptOver { slot: 2, id: "8-1".to_owned() },
            FixtureCommand::PromptOver { slot: 1, id: "6-1".to_owned() },
        ] {
            fixture.commands.send(command).unwrap();
        }
        for _ in 0..2 {
            assert_eq!(heard_until(&mut wire, "prompt").await, [line_of_prompt("7-1")]);
        }
    }

    /// Connects a jig, and gives the lines it hears up to the one that holds `last`.
    async fn heard_until(wire: &mut FixtureWire, last: &str) -> Vec<String> {
        let (jig, station) = tokio::io::duplex(4096);
        let mut lines = BufReader::new(jig).lines();
        let jig = async {
            let mut heard = Vec::new();
            while heard.last().is_none_or(|line: &String| !line.contains(last)) {
                heard.push(lines.next_line().await.unwrap().unwrap());
            }
            drop(lines);
            heard
        };
        let (carried, heard) = tokio::join!(wire.carry(station), jig);
        assert_eq!(carried, Carried::JigGone);
        heard
    }

    #[tokio::test]
    async fn a_jig_that_comes_back_is_shown_no_verdict_and_told_its_loads() {
        let (mut fixture, mut wire) = fixture();
        let lamp = |slot, lamp| fixture.commands.send(FixtureCommand::Lamp { slot, lamp }).unwrap();
        fixture.commands.send(FixtureCommand::SetLoad { slot: 1, load_ma: 20_000 }).unwrap();
        lamp(1, Lamp::Busy);
        lamp(2, Lamp::Pass);
        heard_until(&mut wire, "\"slot\":2,\"lamp\"").await;
        assert_eq!(fixture.events.try_recv(), Ok(FixtureNews::Gone));
        // Said while nobody was there: the load off, a verdict, a supply to switch.
        fixture.commands.send(FixtureCommand::SetLoad { slot: 1, load_ma: 0 }).unwrap();
        fixture.commands.send(FixtureCommand::PowerCycle { slot: 1, off_ms: 300 }).unwrap();
        fixture.commands.send(FixtureCommand::Lamp { slot: 1, lamp: Lamp::Pass }).unwrap();
        let heard = heard_until(&mut wire, "\"slot\":2,\"lamp\"").await;
        assert_eq!(
            heard,
            [
                r#"{"command":"set_load","slot":1,"load_ma":0}"#,
                r#"{"command":"lamp","slot":1,"lamp":"idle"}"#,
                r#"{"command":"lamp","slot":2,"lamp":"idle"}"#
            ]
        );
    }

    #[tokio::test]
    async fn a_command_that_a_broken_line_swallows_is_told_again() {
        let (fixture, mut wire) = fixture();
        heard_nothing(&mut wire, &fixture).await;
        let heard = heard_until(&mut wire, "set_load").await;
        assert_eq!(heard, [r#"{"command":"set_load","slot":1,"load_ma":0}"#]);
    }

    /// The jig hangs up; the command behind that is taken from the channel and can't be sent.
    async fn heard_nothing(wire: &mut FixtureWire, fixture: &Fixture) {
        let (jig, station) = tokio::io::duplex(8);
        let mut carry = std::pin::pin!(wire.carry(station));
        assert!(futures_util::poll!(&mut carry).is_pending());
        // More than the line takes: the write waits, then fails.
        fixture.commands.send(FixtureCommand::SetLoad { slot: 1, load_ma: 0 }).unwrap();
        assert!(futures_util::poll!(&mut carry).is_pending());
        drop(jig);
        assert_eq!(carry.await, Carried::JigGone);
    }

    #[tokio::test]
    async fn a_late_reading_of_an_earlier_load_is_no_news() {
        let (mut fixture, mut wire) = fixture();
        fixture.commands.send(FixtureCommand::SetLoad { slot: 1, load_ma: 0 }).unwrap();
        heard_until(&mut wire, "set_load").await;
        assert_eq!(fixture.events.try_recv(), Ok(FixtureNews::Gone));
        fixture.commands.send(FixtureCommand::SetLoad { slot: 1, load_ma: 0 }).unwrap();
        let (jig, station) = tokio::io::duplex(4096);
        let mut carry = std::pin::pin!(wire.carry(station));
        assert!(futures_util::poll!(&mut carry).is_pending());
        fixture.commands.send(FixtureCommand::SetLoad { slot: 1, load_ma: 20_000 }).unwrap();
        assert!(futures_util::poll!(&mut carry).is_pending());
        let (_read, mut write) = tokio::io::split(jig);
        // The answer to 'off' comes late, then the one to the load.
        write.write_all(b"{\"event\":\"load\",\"slot\":1,\"load_ma\":3}\n").await.unwrap();
        write.write_all(b"{\"event\":\"load\",\"slot\":1,\"load_ma\":19990}\n").await.unwrap();
        assert!(futures_util::poll!(&mut carry).is_pending());
        let news = FixtureNews::Load { slot: 1, asked_ma: 20_000, load_ma: 19_990 };
        assert_eq!(fixture.events.try_recv(), Ok(news));
    }

    #[tokio::test]
    async fn the_last_commands_go_out_though_nobody_listens_any_more() {
        let (fixture, mut wire) = fixture();
        let Fixture { commands, events } = fixture;
        let (jig, station) = tokio::io::duplex(4096);
        let (read, mut write) = tokio::io::split(jig);
        write.write_all(b"{\"event\":\"power\",\"slot\":1,\"on\":true}\n").await.unwrap();
        let mut carry = std::pin::pin!(wire.carry(station));
        drop(events);
        assert!(futures_util::poll!(&mut carry).is_pending());
        commands.send(FixtureCommand::SetLoad { slot: 1, load_ma: 0 }).unwrap();
        drop(commands);
        assert_eq!(carry.await, Carried::StationGone);
        let line = BufReader::new(read).lines().next_line().await.unwrap().unwrap();
        assert_eq!(line, r#"{"command":"set_load","slot":1,"load_ma":0}"#);
    }

    #[tokio::test]
    async fn a_jig_that_comes_back_is_told_the_lamps_again() {
        let (fixture, mut wire) = fixture();
        fixture.commands.send(FixtureCommand::Lamp { slot: 3, lamp: Lamp::Busy }).unwrap();
        let (jig, station) = tokio::io::duplex(1024);
        let mut jig_lines = BufReader::new(jig).lines();
        let first = async {
            let line = jig_lines.next_line().await.unwrap().unwrap();
            drop(jig_lines);
            line
        };
        let (carried, line) = tokio::join!(wire.carry(station), first);
        assert_eq!(carried, Carried::JigGone);
        assert!(line.contains("busy"));
        let (jig, station) = tokio::io::duplex(1024);
        let mut jig_lines = BufReader::new(jig).lines();
        let again = async {
            let line = jig_lines.next_line().await.unwrap().unwrap();
            drop(jig_lines);
            line
        };
        let (_, line) = tokio::join!(wire.carry(station), again);
        assert_eq!(line, r#"{"command":"lamp","slot":3,"lamp":"busy"}"#);
    }
}
