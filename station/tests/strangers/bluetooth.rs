//! The PC's own adapter against BlueZ's interface as python-dbusmock has it, on a real D-Bus.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "what stands around a test may end it")]

use jigline_station::{bluetooth, link::Line};
use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};
use tokio::time::Instant;

struct Bluez {
    child: Child,
    commands: ChildStdin,
    said: BufReader<ChildStdout>,
    address: String,
}

impl Bluez {
    fn start() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/strangers/bluez.py");
        // Debian's own Python: what it needs comes as Debian's package.
        let mut child = Command::new("/usr/bin/python3")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 is needed, with python3-dbusmock and dbus-daemon (apt-get install python3-dbusmock dbus)");
        let commands = child.stdin.take().unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        let mut bluez = Self { child, commands, said, address: String::new() };
        bluez.address = bluez.line();
        assert_eq!(
            bluez.line(),
            "ready",
            "python3-dbusmock and dbus are needed (apt-get install python3-dbusmock dbus)"
        );
        bluez
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    fn does(&mut self, command: &str) {
        writeln!(self.commands, "{command}").unwrap();
        assert_eq!(self.line(), "done");
    }
}

impl Drop for Bluez {
    fn drop(&mut self) {
        // It ends what it started when nobody speaks to it any more.
        let _gone = writeln!(self.commands);
        let _ended = self.child.wait();
    }
}

/// What a question is answered with, up to its last line.
async fn ask(line: &mut Line, question: &str, last: &str) -> Result<Vec<String>, String> {
    line.send(format!("{question}\n").as_bytes()).await.unwrap();
    let (deadline, mut came, mut buffer) =
        (Instant::now() + Duration::from_secs(10), String::new(), [0; 512]);
    while !came.lines().any(|line| line.starts_with(last)) || !came.ends_with('\n') {
        match line.receive(&mut buffer, deadline).await {
            Ok(Some(count)) => came.push_str(&String::from_utf8_lossy(&buffer[..count])),
            Ok(None) => panic!("{question} was not answered: {came:?}"),
            Err(fault) => return Err(fault.args["detail"].clone()),
        }
    }
    Ok(came.lines().map(str::to_owned).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_heard_now_is_near_and_whom_bluez_remembers_is_not() {
    let mut bluez = Bluez::start();
    let open = |adapter: &str, address: &str| bluetooth::line(adapter, Some(address)).unwrap();
    let mut line = open("hci0", &bluez.address);
    assert_eq!(ask(&mut line, "*IDN?", "PC").await.unwrap(), ["PC,BLUETOOTH,000102030405"]);
    // The strongest of three; the name that it says now; the one that is new; nothing of the one that is only remembered.
    let heard = ask(&mut line, "SCAN 2", "END").await.unwrap();
    assert_eq!(heard, ["HEARD:868835400004,-52,TB-00042", "HEARD:86883540000A,-79,TB-00043", "END"]);
    bluez.does("next");
    let heard = ask(&mut line, "SCAN 1", "END").await.unwrap();
    assert_eq!(heard, ["HEARD:86883540000A,-90,TB-00043", "END"], "whoever was near is no longer");
    assert_eq!(ask(&mut line, "*RST", "ERROR").await.unwrap(), ["ERROR unknown *RST"]);

    let told = ask(&mut open("hci7", &bluez.address), "*IDN?", "PC").await.unwrap_err();
    assert!(told.contains("no such Bluetooth adapter: there is hci0 here"), "{told}");
    assert!(ask(&mut open("", &bluez.address), "*IDN?", "PC").await.is_ok(), "there is but one");
    bluez.does("two");
    let told = ask(&mut open("", &bluez.address), "*IDN?", "PC").await.unwrap_err();
    assert!(told.contains("there are hci0, hci1: name one, as bluetooth:hci0"), "{told}");
    bluez.does("off");
    let told = ask(&mut line, "SCAN 1", "END").await.unwrap_err();
    assert!(told.contains("hci0 is switched off"), "{told}");
    let told = ask(&mut open("hci0", "unix:path=/nowhere"), "*IDN?", "PC").await.unwrap_err();
    assert!(told.contains("no D-Bus here"), "{told}");
}
