//! The tool as a program: exit codes, who holds a port, and what its help says.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may end so")]

use std::{
    io::Read as _,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::Path,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};
use tokio_serial::{SerialPort as _, SerialStream};

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../profiles/models/topbms.toml");
const NOWHERE: &str = "/dev/serial/by-path/no-such-port";

fn board(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jigline-station"));
    command.arg("board").args(arguments).stdin(Stdio::null());
    for name in ["JIGLINE_BOARD_PASSWORD", "JIGLINE_BOARD_NEW_PASSWORD", "JIGLINE_LOG"] {
        command.env_remove(name);
    }
    command
}

fn said(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn on(port: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let more = ["--port", port, "--model", MODEL];
    said(&board(&[arguments, &more].concat()).output().unwrap())
}

#[test]
fn exit_codes_tell_a_slip_of_the_pen_from_a_refusal_and_from_a_missing_port() {
    assert_eq!(on(NOWHERE, &["write"]).0, Some(2), "clap's own");
    assert_eq!(on(NOWHERE, &["write", "no_such_thing=1"]).0, Some(2));
    assert_eq!(on(NOWHERE, &["command", "charge", "maybe"]).0, Some(2));
    assert_eq!(on(NOWHERE, &["lease", "--until", "2027-03-31"]).0, Some(2), "a term wants a mode");
    // The port is not there: so a deadly value was refused before anybody looked for it.
    let (code, text) = on(NOWHERE, &["write", "charge_protection_l1_mv=9000", "--engineering"]);
    assert_eq!(code, Some(1));
    assert!(text.contains("outside 1500..4500 mV") && text.contains("nothing was sent"), "{text}");
    let (code, text) = on(NOWHERE, &["probe"]);
    assert_eq!(code, Some(1));
    assert!(text.contains(NOWHERE), "{text}");
}

#[test]
fn a_password_on_the_command_line_is_no_option() {
    let (code, text) = on(NOWHERE, &["write", "charge_delay_s=6", "--engineering", "--password", "123456"]);
    assert_eq!(code, Some(2));
    assert!(!text.contains("123456"), "{text}");
}

#[test]
fn a_fault_is_an_object_on_stdout_for_scripts_and_a_sentence_on_stderr() {
    let output = board(&["probe", "--json", "--port", NOWHERE, "--model", MODEL]).output().unwrap();
    let line: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((line["event"].as_str(), line["code"].as_str()), (Some("fault"), Some("port_not_opened")));
    assert!(said(&output).1.starts_with("jigline-station: "), "{}", said(&output).1);
}

#[cfg(target_os = "linux")]
#[test]
fn whoever_holds_the_port_is_named() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _entered = runtime.enter();
    let (_near, far) = SerialStream::pair().unwrap();
    let port = far.name().unwrap();
    // This process has it open too; the name that counts is of the one that keeps others out.
    let mut first =
        board(&["sniff", "--port", &port, "--seconds", "60"]).stderr(Stdio::piped()).spawn().unwrap();
    let mut heard = [0; 9];
    first.stderr.as_mut().unwrap().read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"listening");
    let (code, text) = on(&port, &["probe"]);
    first.kill().unwrap();
    let pid = first.id();
    first.wait().unwrap();
    assert_eq!(code, Some(1));
    assert!(
        text.contains(&format!(
            "{port} is held by another board tool (jigline-station board, process {pid})"
        )),
        "{text}"
    );
}

/// This process and the tool itself have it open, and so has every shell: that is not why it is no port.
#[cfg(target_os = "linux")]
#[test]
fn a_device_that_is_no_port_is_told_by_the_systems_reason_and_nobody_is_blamed() {
    let _held = std::fs::File::open("/dev/null").unwrap();
    let (code, text) = on("/dev/null", &["probe"]);
    assert_eq!(code, Some(1));
    assert!(!text.contains("is held by") && text.contains("/dev/null cannot be opened: "), "{text}");
    assert!(text.contains("typewriter") || text.contains("ioctl"), "the system's reason: {text}");
}

#[cfg(target_os = "linux")]
#[test]
fn the_agent_is_named_as_what_it_is() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _entered = runtime.enter();
    let (_near, far) = SerialStream::pair().unwrap();
    let port = far.name().unwrap();
    // A real agent opens its ports when a batch is there. This one only bears its name and keeps others out as it would.
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("run");
    std::fs::write(&script, "#!/bin/sh\necho ready\nexec cat\n").unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut agent = Command::new("flock")
        .arg0("jigline-station")
        .args(["--close", &port, "run"])
        .env("PATH", format!("{}:/usr/bin:/bin", folder.path().display()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = [0; 5];
    agent.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
    let (code, text) = on(&port, &["probe"]);
    drop(agent.stdin.take());
    agent.wait().unwrap();
    assert_eq!(code, Some(1));
    assert!(text.contains("is held by the station agent (jigline-station run, process"), "{text}");
    assert!(text.contains("stop the agent"), "{text}");
}

#[test]
fn the_help_lists_every_command() {
    let output = board(&["--help"]).output().unwrap();
    insta::assert_snapshot!(String::from_utf8(output.stdout).unwrap());
}

#[test]
fn a_listener_ends_on_an_interrupt() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _entered = runtime.enter();
    let (_near, far) = SerialStream::pair().unwrap();
    let port = far.name().unwrap();
    let mut listener =
        board(&["sniff", "--port", &port]).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut heard = [0; 9];
    listener.stderr.as_mut().unwrap().read_exact(&mut heard).unwrap();
    // It says so before it waits for the signal: so ask until it has gone.
    let end = Instant::now() + Duration::from_secs(10);
    let status = loop {
        Command::new("kill").args(["-INT", &listener.id().to_string()]).status().unwrap();
        if let Some(status) = listener.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < end, "it does not end");
        std::thread::sleep(Duration::from_millis(50));
    };
    // By its own end, or by the signal where that came before it listened; never by a panic.
    assert!(status.code().is_none_or(|code| code == 1), "nothing was heard: {status:?}");
    assert!(Path::new(&port).exists());
}
