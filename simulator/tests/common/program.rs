//! The program as others meet it, and the strangers' programs that meet it.

use std::{
    ffi::OsStr,
    io::{BufRead as _, BufReader},
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use super::path_of;

/// A program that is killed when the test is through with it.
pub struct Killed(pub Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _gone_already = self.0.kill();
        let _reaped = self.0.wait();
    }
}

impl Killed {
    /// Waits for its end; kills it after `limit`.
    pub fn finish(mut self, limit: Duration) -> Output {
        let end = Instant::now() + limit;
        // Output is small: it fits the pipes.
        while self.0.try_wait().unwrap().is_none() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
        }
        self.0.kill().ok();
        let read = |pipe: Option<&mut dyn std::io::Read>| {
            let mut bytes = Vec::new();
            pipe.map(|pipe| pipe.read_to_end(&mut bytes));
            bytes
        };
        let stdout = read(self.0.stdout.as_mut().map(|pipe| pipe as &mut dyn std::io::Read));
        let stderr = read(self.0.stderr.as_mut().map(|pipe| pipe as &mut dyn std::io::Read));
        let status = self.0.wait().unwrap();
        Output { status, stdout, stderr }
    }
}

/// Starts the program; it, and the line with which it says that it is ready.
pub fn started(arguments: &[&OsStr]) -> (Killed, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_jigline-simulator"))
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    (Killed(child), ready)
}

/// A board of that shipped model on a pseudo terminal, and its device.
pub fn board_of(model: &str, folder: &Path, more: &[&str]) -> (Killed, PathBuf) {
    let (device, model) = (folder.join("board"), path_of(model));
    let head = ["board", "--seed", "42", "--model"].map(OsStr::new);
    let rest = [model.as_os_str(), OsStr::new("--pty"), device.as_os_str()];
    let more: Vec<&OsStr> = more.iter().map(OsStr::new).collect();
    let (board, ready) = started(&[&head[..], &rest, &more].concat());
    assert!(ready.contains("device"), "{ready}");
    (board, device)
}

pub fn python(script: &str, arguments: &[&OsStr], limit: Duration) -> String {
    let child = Command::new("python3")
        .arg("-c")
        .arg(script)
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{error}; is python3 installed? apt-get install python3"));
    let output = Killed(child).finish(limit);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !errors.contains("No module named") && !errors.contains("requires pyserial"),
        "a Python module is missing: python3 -m pip install pymodbus==3.16.1 pyserial==3.5 bmstools==1.2.0 dalybms==0.5.0\n{errors}"
    );
    assert!(output.status.success(), "{:?} signal {:?}\n{errors}", output.status, output.status.signal());
    String::from_utf8(output.stdout).unwrap()
}
