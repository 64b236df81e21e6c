//! The PC's own Bluetooth adapter as a radio of the fixture: to the fixture it is a module on a line that says who is near, in the words of
//! `profiles/instruments/pc-bluetooth.toml`, so that it is queued, identified and recorded like any other instrument.
//!
//! What lives here: its line, and the few questions that are asked on it. What never does: what a board's signal is worth (the runner), how the
//! system is asked ([`bluez`]).

#[cfg(target_os = "linux")]
mod bluez;
mod port;

use crate::link::{Line, fault};
use domain::{fixture::reading::Heard, text::Fault};
use port::AdapterPort;
use std::{fmt::Write as _, io};
use tokio::sync::mpsc;

/// What a port of `[bench.ports]` begins with that is this PC's own adapter: `bluetooth:hci0`, `bluetooth:` where there is but one.
pub const PREFIX: &str = "bluetooth:";
/// A line has no rate where there is no wire.
const NO_RATE: u32 = 115_200;
/// The longest that an adapter is told to listen, seconds.
const LONGEST: u32 = 30;

/// Which adapter, and where its system is asked.
#[derive(Debug)]
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "nobody is asked there"))]
struct Place {
    /// As the system calls it; empty: the only one.
    adapter: String,
    /// Address of a D-Bus; none: the system's.
    bus: Option<String>,
}

/// A line to the adapter of that name; nothing is asked of it yet. `bus`: the address of another D-Bus than the system's.
///
/// # Errors
/// `PortNotOpened` on a system whose adapters are not spoken to.
pub fn line(adapter: &str, bus: Option<&str>) -> Result<Line, Fault> {
    let device = format!("{PREFIX}{adapter}");
    if cfg!(not(target_os = "linux")) {
        let error = io::Error::new(
            io::ErrorKind::Unsupported,
            "this system's own adapter is not spoken to; a module on a line of its own is (profiles/instruments)",
        );
        return Err(fault::port_not_opened(&device, &error));
    }
    let (port, questions, answers) = AdapterPort::new();
    let place = Place { adapter: adapter.to_owned(), bus: bus.map(str::to_owned) };
    tokio::spawn(serve(place, questions, answers));
    Ok(Line::from_stream(&device, port, NO_RATE))
}

/// Answers one question after the other, for as long as the line is held.
async fn serve(
    place: Place,
    mut questions: mpsc::UnboundedReceiver<String>,
    answers: mpsc::UnboundedSender<io::Result<String>>,
) {
    while let Some(question) = questions.recv().await {
        let answer = match Question::parse(&question) {
            Some(Question::Identity) => {
                address(&place).await.map(|address| format!("PC,BLUETOOTH,{address}\n"))
            }
            Some(Question::Scan(seconds)) => listen(&place, seconds).await.map(|heard| told(&heard)),
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
                .filter(|seconds| (1..=LONGEST).contains(seconds))
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

#[cfg(target_os = "linux")]
async fn address(place: &Place) -> io::Result<String> {
    Ok(bluez::Adapter::find(&place.adapter, place.bus.as_deref()).await?.address().to_owned())
}

#[cfg(target_os = "linux")]
async fn listen(place: &Place, seconds: u32) -> io::Result<Vec<Heard>> {
    bluez::Adapter::find(&place.adapter, place.bus.as_deref()).await?.listen(seconds).await
}

#[cfg(not(target_os = "linux"))]
async fn address(_place: &Place) -> io::Result<String> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(target_os = "linux"))]
async fn listen(_place: &Place, _seconds: u32) -> io::Result<Vec<Heard>> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::fixture::{InstrumentKind, parse_dialect, reading::parse_heard};

    #[test]
    fn the_dialect_says_what_is_understood_and_reads_what_is_told() {
        let text = include_str!("../../profiles/instruments/pc-bluetooth.toml");
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
