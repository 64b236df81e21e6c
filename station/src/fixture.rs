//! The fixture: presence, load, supply and lamps of all slots, as lines of JSON over a stream. It may go and come back at any time.

use crate::runner::Lamp;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    sync::mpsc,
    time::sleep,
};

/// From the jig.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
}

/// To the jig.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
    PowerCycle {
        slot: u16,
    },
}

/// The station's end.
#[derive(Debug)]
pub struct Fixture {
    pub commands: mpsc::UnboundedSender<FixtureCommand>,
    pub events: mpsc::UnboundedReceiver<FixtureEvent>,
}

/// The other end: whoever carries lines between station and jig.
#[derive(Debug)]
pub struct FixtureWire {
    commands: mpsc::UnboundedReceiver<FixtureCommand>,
    events: mpsc::UnboundedSender<FixtureEvent>,
    /// What each lamp shows, told again after a reconnection.
    lamps: BTreeMap<u16, Lamp>,
}

/// Both ends.
#[must_use]
pub fn fixture() -> (Fixture, FixtureWire) {
    let (commands, command_ends) = mpsc::unbounded_channel();
    let (event_ends, events) = mpsc::unbounded_channel();
    (
        Fixture { commands, events },
        FixtureWire { commands: command_ends, events: event_ends, lamps: BTreeMap::new() },
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
        let (read, mut write) = tokio::io::split(stream);
        let mut lines = BufReader::new(read).lines();
        for (&slot, &lamp) in &self.lamps {
            if send(&mut write, FixtureCommand::Lamp { slot, lamp }).await.is_err() {
                return Carried::JigGone;
            }
        }
        loop {
            tokio::select! {
                biased;
                line = lines.next_line() => match line {
                    Ok(Some(line)) => match serde_json::from_str::<FixtureEvent>(&line) {
                        Ok(event) => if self.events.send(event).is_err() { return Carried::StationGone },
                        Err(error) => tracing::warn!(line, %error, "the fixture says something that is not understood"),
                    },
                    Ok(None) | Err(_) => return Carried::JigGone,
                },
                command = self.commands.recv() => {
                    let Some(command) = command else { return Carried::StationGone };
                    if let FixtureCommand::Lamp { slot, lamp } = command {
                        self.lamps.insert(slot, lamp);
                    }
                    if send(&mut write, command).await.is_err() {
                        return Carried::JigGone;
                    }
                }
            }
        }
    }
}

async fn send(write: &mut (impl AsyncWrite + Unpin), command: FixtureCommand) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(&command)?;
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
        assert_eq!(line(FixtureCommand::PowerCycle { slot: 1 }), r#"{"command":"power_cycle","slot":1}"#);
        let event: FixtureEvent =
            serde_json::from_str(r#"{"event":"presence","slot":1,"present":true}"#).unwrap();
        assert_eq!(event, FixtureEvent::Presence { slot: 1, present: true });
        let event: FixtureEvent =
            serde_json::from_str(r#"{"event":"load","slot":1,"load_ma":20000}"#).unwrap();
        assert_eq!(event, FixtureEvent::Load { slot: 1, load_ma: 20_000 });
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
