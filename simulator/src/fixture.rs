//! What the jig and the station say to each other beside the boards' lines: one JSON object a line, both ways.

use serde::{Deserialize, Serialize};

/// From the jig.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum FixtureEvent {
    /// A board lies in the slot, or none. All slots once after connecting, then on change.
    Presence { slot: u32, present: bool },
    /// The load's own, true reading, milliamperes; the answer to `set_load`.
    Load { slot: u32, load_ma: u32 },
    /// The supply of the slot.
    Power { slot: u32, on: bool },
    /// What the operator says to the question with that id: `true` or `false`, a number, or a text.
    Answer { slot: u32, id: String, answer: serde_json::Value },
    /// What the operator scans to announce the board in that slot, on a jig without switches.
    Scan { slot: u32, code: String },
}

/// To the jig.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum FixtureCommand {
    /// 0: off.
    SetLoad {
        slot: u32,
        load_ma: u32,
    },
    Lamp {
        slot: u32,
        lamp: Lamp,
    },
    /// Off, for so many milliseconds, and on again; answered by two `power` events.
    PowerCycle {
        slot: u32,
        #[serde(default = "power_off_ms")]
        off_ms: u32,
    },
    /// Ask the operator.
    Prompt {
        slot: u32,
        open: Box<OpenQuestion>,
    },
    /// That question is open no more.
    PromptOver {
        slot: u32,
        id: String,
    },
}

/// A question as the operator's display shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenQuestion {
    pub id: String,
    pub prompt: Question,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Question {
    pub name: String,
    pub asks: Asks,
}

/// And of which kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Asks {
    Confirm,
    Scan {
        #[serde(default)]
        pattern: Option<String>,
        #[serde(default)]
        length: Option<u8>,
    },
    Number {
        limit: Bounds,
    },
}

/// Either end may be open.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bounds {
    #[serde(default)]
    pub min: Option<f64>,
    #[serde(default)]
    pub max: Option<f64>,
}

/// Where nobody says for how long.
fn power_off_ms() -> u32 {
    300
}

impl FixtureCommand {
    /// The slot it is for, counted from 1.
    #[must_use]
    pub fn slot(&self) -> u32 {
        match self {
            Self::SetLoad { slot, .. }
            | Self::Lamp { slot, .. }
            | Self::PowerCycle { slot, .. }
            | Self::Prompt { slot, .. }
            | Self::PromptOver { slot, .. } => *slot,
        }
    }
}

/// What the operator sees above the slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lamp {
    Idle,
    Busy,
    Pass,
    Fail,
    Attention,
}

impl Lamp {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Busy => "busy",
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Attention => "attention",
        }
    }

    /// Whether the operator takes the board out.
    #[must_use]
    pub fn ends_the_work(self) -> bool {
        matches!(self, Self::Pass | Self::Fail | Self::Attention)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_are_those_of_the_contract() {
        let event = |e: FixtureEvent| serde_json::to_string(&e).unwrap();
        assert_eq!(
            event(FixtureEvent::Presence { slot: 1, present: true }),
            r#"{"event":"presence","slot":1,"present":true}"#
        );
        assert_eq!(
            event(FixtureEvent::Load { slot: 1, load_ma: 20_000 }),
            r#"{"event":"load","slot":1,"load_ma":20000}"#
        );
        assert_eq!(
            event(FixtureEvent::Power { slot: 1, on: true }),
            r#"{"event":"power","slot":1,"on":true}"#
        );
        let command = |line: &str| serde_json::from_str::<FixtureCommand>(line).unwrap();
        assert_eq!(
            command(r#"{"command":"set_load","slot":1,"load_ma":20000}"#),
            FixtureCommand::SetLoad { slot: 1, load_ma: 20_000 }
        );
        assert_eq!(
            command(r#"{"command":"lamp","slot":1,"lamp":"attention"}"#),
            FixtureCommand::Lamp { slot: 1, lamp: Lamp::Attention }
        );
        assert_eq!(
            command(r#"{"command":"power_cycle","slot":1}"#),
            FixtureCommand::PowerCycle { slot: 1, off_ms: 300 }
        );
        let asked = command(
            r#"{"command":"prompt","slot":1,"open":{"id":"7-1","prompt":{"name":"torque","question":{"en":"Torque","zh":"扭矩"},
            "asks":{"kind":"number","unit":"Nm","limit":{"min":1.5},"when":"at_rest"}},"tries_left":2}}"#,
        );
        let FixtureCommand::Prompt { slot: 1, open } = asked else { panic!("{asked:?}") };
        assert_eq!((open.id.as_str(), open.prompt.name.as_str()), ("7-1", "torque"));
        assert_eq!(open.prompt.asks, Asks::Number { limit: Bounds { min: Some(1.5), max: None } });
        assert_eq!(
            event(FixtureEvent::Answer { slot: 1, id: "7-1".to_owned(), answer: 1.75.into() }),
            r#"{"event":"answer","slot":1,"id":"7-1","answer":1.75}"#
        );
    }
}
