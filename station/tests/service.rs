//! The program as its service manager meets it: what systemd hears over the socket that it names, and whether it takes our unit.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

use jigline_station::service::UnitPlan;
use std::{
    fs,
    os::unix::net::UnixDatagram,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_jigline-station");
const SOON: Duration = Duration::from_secs(20);

/// A station whose server and fixture are not there: it works all the same.
fn settings(folder: &Path) -> String {
    let key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    format!(
        "name = \"jig-1\"\ndata = {:?}\nserver = \"http://127.0.0.1:1\"\nstation_id = \"0190a000-0000-7000-8000-000000000001\"\n\
         key = \"none\"\nrelease_key = \"{key}\"\nsealing_key = \"{key}\"\nplaceholder_key = \"{}\"\nsimulated = true\n\
         fixture = \"127.0.0.1:9\"\n[[slot]]\nnumber = 1\ndevice = {:?}\n",
        folder.join("data"),
        "11".repeat(32),
        folder.join("slot-1"),
    )
}

struct Manager {
    folder: tempfile::TempDir,
    socket: UnixDatagram,
}

impl Manager {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(SOON)).unwrap();
        Self { folder, socket }
    }

    fn start(&self, settings: &str) -> Child {
        let path = self.folder.path().join("station.toml");
        fs::write(&path, settings).unwrap();
        let mut command = Command::new(PROGRAM);
        command.args(["service", "run", "--config"]).arg(path);
        command.env("NOTIFY_SOCKET", self.folder.path().join("notify")).env("WATCHDOG_USEC", "300000");
        command.env_remove("WATCHDOG_PID").env_remove("JIGLINE_LOG");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    fn hears(&self) -> String {
        let mut heard = [0; 512];
        let length = self.socket.recv(&mut heard).unwrap();
        String::from_utf8_lossy(&heard[..length]).trim().to_owned()
    }
}

fn ended(child: &mut Child) -> Option<i32> {
    let deadline = Instant::now() + SOON;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("the service did not end");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn systemd_hears_that_it_is_ready_alive_and_stopping() {
    let manager = Manager::new();
    let mut child = manager.start(&settings(manager.folder.path()));
    assert_eq!(manager.hears(), "READY=1");
    assert!(manager.folder.path().join("data/journal.sqlite").exists(), "ready is who has its journal open");
    let since = Instant::now();
    for _ in 0..3 {
        assert_eq!(manager.hears(), "WATCHDOG=1");
    }
    assert!(since.elapsed() < Duration::from_secs(3), "{:?}", since.elapsed());
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    loop {
        match manager.hears().as_str() {
            "WATCHDOG=1" => {}
            heard => break assert_eq!(heard, "STOPPING=1"),
        }
    }
    assert_eq!(ended(&mut child), Some(0));
}

#[test]
fn a_station_that_can_not_work_is_never_ready() {
    let manager = Manager::new();
    let mut child = manager.start(&settings(manager.folder.path()).replace("fixture", "fixtur"));
    assert_eq!(ended(&mut child), Some(1));
    manager.socket.set_nonblocking(true).unwrap();
    assert!(manager.socket.recv(&mut [0; 8]).is_err(), "it said something");
}

/// Where systemd is, it reads the unit as we would have it read.
#[test]
fn systemd_takes_the_unit() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = UnitPlan {
        settings: "/srv/100%/station.toml".into(),
        data: "/srv/journal".into(),
        group: "uucp".to_owned(),
    };
    let shipped =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/jigline-station.service"))
            .unwrap();
    for (name, text) in
        [("jigline-station.service", shipped), ("jigline-elsewhere.service", elsewhere.text())]
    {
        let path = folder.path().join(name);
        fs::write(&path, text.replace("/usr/local/bin/jigline-station", PROGRAM)).unwrap();
        let verified = match Command::new("systemd-analyze").arg("verify").arg(&path).output() {
            Ok(verified) => verified,
            Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => return,
            Err(fault) => panic!("{fault}"),
        };
        let said = String::from_utf8_lossy(&verified.stderr);
        let about_it: Vec<&str> = said.lines().filter(|line| line.contains(name)).collect();
        assert!(verified.status.success() && about_it.is_empty(), "{said}");
    }
}
