//! The agent as a program: what it will not start with.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may end so")]

use std::process::{Command, Stdio};

/// What the agent says and how it ends with slot 1 at a simulator's port and slot 2 at `device`; nothing listens at its server.
fn start(simulated: bool, device: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("station.toml");
    let key = "00".repeat(31);
    let text = format!(
        "name = \"jig-1\"\ndata = {:?}\nserver = \"http://127.0.0.1:9\"\nstation_id = \"00000000-0000-0000-0000-000000000001\"\n\
         key = \"k\"\nrelease_key = \"{key}\"\nsealing_key = \"00\"\nplaceholder_key = \"00\"\nsimulated = {simulated}\n\
         fixture = \"127.0.0.1:9\"\n[[slot]]\nnumber = 1\ndevice = \"tcp:127.0.0.1:9\"\n[[slot]]\nnumber = 2\ndevice = {device:?}\n",
        folder.path().join("data")
    );
    std::fs::write(&settings, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_jigline-station"));
    command.args(["run", "--config"]).arg(&settings).stdin(Stdio::null()).env_remove("JIGLINE_LOG");
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The key in the settings is too short, so an agent that gets beyond its ports ends there, and this test needs no signal.
#[test]
fn a_station_that_says_simulated_does_not_start_where_a_board_may_be_real() {
    for device in ["/dev/zero", "tcp:10.0.0.9:4009", "rfc2217:10.0.0.9:4009"] {
        let (code, text) = start(true, device);
        assert_eq!(code, Some(1), "{text}");
        assert!(
            text.contains(&format!("slot 2 is at {device}")) && text.contains("simulated = false"),
            "{text}"
        );
        let (code, text) = start(false, device);
        assert_eq!(code, Some(1), "{text}");
        assert!(!text.contains("slot 2"), "a station for real boards asks nothing of its ports: {text}");
    }
    // This machine's, and a device that may come later: it is looked at when it does.
    for device in ["tcp:127.0.0.1:10", "/dev/serial/by-path/no-port-of-an-agent"] {
        let (_, text) = start(true, device);
        assert!(!text.contains("slot 2"), "{text}");
    }
}
