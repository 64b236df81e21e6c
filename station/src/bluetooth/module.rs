//! The questions that are asked on the adapter's line, and how they are answered.

use super::bluez::Adapter;
use domain::fixture::{LISTENS_AT_MOST, reading::Heard};
use std::{fmt::Write as _, io};
use tokio::sync::mpsc;

/// Answers one question after the other, for as long as the line is held.
pub(super) async fn serve(
    adapter: String,
    bus: Option<String>,
    mut questions: mpsc::UnboundedReceiver<String>,
    answers: mpsc::UnboundedSender<io::Result<String>>,
) {
    while let Some(question) = questions.recv().await {
        let found = || Adapter::find(&adapter, bus.as_deref());
        let answer = match Question::parse(&question) {
            Some(Question::Identity) => {
                found().await.map(|adapter| format!("PC,BLUETOOTH,{}\n", adapter.address()))
            }
            Some(Question::Scan(seconds)) => match found().await {
                Ok(adapter) => adapter.listen(seconds).await.map(|heard| told(&heard)),
                Err(error) => Err(error),
            },
            None => Ok(format!("ERROR unknown {question}\n")),
        };
        if answers.send(answer).is_err() {
            return;
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Question {
    /// Who it is.
    Identity,
    /// Who is near, listened for so many seconds.
    Scan(u32),
}

impl Question {
    fn parse(text: &str) -> Option<Self> {
        match text.trim() {
            "*IDN?" => Some(Self::Identity),
            text => text
                .strip_prefix("SCAN ")
                .and_then(|seconds| seconds.parse().ok())
                .filter(|seconds| (1..=LISTENS_AT_MOST).contains(seconds))
                .map(Self::Scan),
        }
    }
}

/// A line for each that was heard, and the last one.
fn told(heard: &[Heard]) -> String {
    let mut lines = String::new();
    for one in heard {
        let name: String = one.name.chars().filter(|letter| !letter.is_control()).collect();
        let _infallible = writeln!(lines, "HEARD:{},{},{name}", one.address, one.rssi_dbm);
    }
    lines.push_str("END\n");
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::fixture::{InstrumentKind, parse_dialect, reading::parse_heard};

    #[test]
    fn the_dialect_says_what_is_understood_and_reads_what_is_told() {
        let text = include_str!("../../../profiles/instruments/pc-bluetooth.toml");
        let dialect = parse_dialect("pc-bluetooth.toml", text).unwrap();
        assert_eq!(dialect.kind, InstrumentKind::Radio);
        assert_eq!((&*dialect.maker, &*dialect.model), ("PC", "BLUETOOTH"));
        assert_eq!(Question::parse(&dialect.scpi.identity), Some(Question::Identity));
        let radio = dialect.radio.unwrap();
        let question = radio.hear.replace("{s}", &radio.seconds.to_string());
        assert_eq!(Question::parse(&question), Some(Question::Scan(radio.seconds)));

        let one =
            |name: &str| Heard { address: "868835400004".to_owned(), rssi_dbm: -61, name: name.to_owned() };
        let said = told(&[one("TB-00042, new"), one(""), one("two\nlines")]);
        let lines: Vec<&str> = said.lines().collect();
        let heard: Vec<Option<Heard>> =
            lines[..3].iter().map(|line| parse_heard(line, &radio.heard)).collect();
        assert_eq!(heard, [Some(one("TB-00042, new")), Some(one("")), Some(one("twolines"))]);
        assert_eq!(lines[3..], [radio.end.as_str()]);
    }

    #[test]
    fn nothing_else_is_understood() {
        for text in ["", "SCAN", "SCAN 0", "SCAN 31", "SCAN -1", "SCAN 1 s", "scan 1", "*RST"] {
            assert_eq!(Question::parse(text), None, "{text:?}");
        }
    }
}
