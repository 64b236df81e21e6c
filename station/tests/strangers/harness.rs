//! Ptys, a relay at a line's speed, and children that end.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "what stands around a test may end it")]

use domain::model::DeviceModel;
use std::{
    fs::{File, OpenOptions},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf},
    task::JoinHandle,
    time::sleep_until,
};
use tokio_serial::{SerialPort as _, SerialStream};

pub fn model() -> Arc<DeviceModel> {
    Arc::new(toml::from_str(include_str!("../../src/link/tests/model.toml")).unwrap())
}

/// Two ptys and a pump between them that takes ten bits of time for each byte.
pub struct Relay {
    /// Path of the station's end.
    pub near: String,
    /// Path of the stranger's end.
    pub far: String,
    pumps: [JoinHandle<()>; 2],
    /// Without a holder a pty's end hangs up before its program has opened it.
    _slaves: [SerialStream; 2],
}

impl Relay {
    pub fn start(baud: u32) -> Self {
        let (near, near_slave) = SerialStream::pair().unwrap();
        let (far, far_slave) = SerialStream::pair().unwrap();
        let (near_path, far_path) = (near_slave.name().unwrap(), far_slave.name().unwrap());
        let (near_read, near_write) = tokio::io::split(near);
        let (far_read, far_write) = tokio::io::split(far);
        let pumps =
            [tokio::spawn(pump(near_read, far_write, baud)), tokio::spawn(pump(far_read, near_write, baud))];
        Self { near: near_path, far: far_path, pumps, _slaves: [near_slave, far_slave] }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        for pump in &self.pumps {
            pump.abort();
        }
    }
}

/// On an absolute schedule, so that timer slack does not add up.
async fn pump(mut from: ReadHalf<SerialStream>, mut to: WriteHalf<SerialStream>, baud: u32) {
    let mut buffer = [0; 64];
    let mut free_at = tokio::time::Instant::now();
    while let Ok(count) = from.read(&mut buffer).await {
        free_at = free_at.max(tokio::time::Instant::now()) + Duration::from_secs(10) * count as u32 / baud;
        sleep_until(free_at).await;
        if count == 0 || to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}

/// A child that does not outlive its test. (Where the test itself is killed, its end of the pty hangs up.)
pub struct Child(std::process::Child);

impl Child {
    pub fn python(script: &str, arguments: &[&str]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(script);
        let child = Command::new("python3")
            .arg(script)
            .args(arguments)
            .stdin(Stdio::null())
            .spawn()
            .expect("python3 is needed: install it, and pymodbus 3.16 (pip install pymodbus==3.16.1)");
        Self(child)
    }

    /// lrzsz's receiver on that terminal, writing into `folder`.
    pub fn receiver(device: &str, folder: &Path) -> Self {
        let (input, output) = (terminal(device), terminal(device));
        let child = Command::new("rb")
            .args(["--ymodem", "--binary"])
            .current_dir(folder)
            .stdin(input)
            .stdout(output)
            .stderr(Stdio::null())
            .spawn()
            .expect("lrzsz is needed: apt-get install lrzsz");
        Self(child)
    }

    /// Waits for its end; after `limit` it is killed. How it ended says little: its last flush may eat its own answer.
    pub fn end_within(&mut self, limit: Duration) {
        let end = Instant::now() + limit;
        while Instant::now() < end {
            if matches!(self.0.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.0.kill();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn terminal(device: &str) -> File {
    OpenOptions::new().read(true).write(true).open(PathBuf::from(device)).unwrap()
}
