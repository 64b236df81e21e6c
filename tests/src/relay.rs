//! An adapter between station and jig that a test can pull out, and that can spoil what the board says.

use anyhow::Context as _;
use simulator::port::PtyPort;
use station::link::Line;
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    task::JoinHandle,
};

/// One line of the jig, led over a serial device of the test's own.
#[derive(Debug)]
pub struct Relay {
    /// Where the station finds it.
    pub device: PathBuf,
    jig: PathBuf,
    baud: u32,
    spoil: Arc<AtomicBool>,
    pump: Option<JoinHandle<()>>,
}

impl Relay {
    /// Puts a device at `device` that leads to the jig's line `jig`.
    ///
    /// # Errors
    /// When a pty can't be had.
    pub fn plug(device: &Path, jig: &Path, baud: u32) -> anyhow::Result<Self> {
        let spoil = Arc::new(AtomicBool::new(false));
        let mut relay = Self { device: device.to_owned(), jig: jig.to_owned(), baud, spoil, pump: None };
        relay.plug_again()?;
        Ok(relay)
    }

    /// Pulls it out: the device is gone, and whoever holds it finds that out.
    pub async fn unplug(&mut self) {
        if let Some(pump) = self.pump.take() {
            pump.abort();
            let _ = pump.await;
        }
    }

    /// Puts it in again, as another device under the same name.
    ///
    /// # Errors
    /// As [`Relay::plug`].
    pub fn plug_again(&mut self) -> anyhow::Result<()> {
        let mut station = PtyPort::open(self.baud)?;
        station.link(&self.device)?;
        let jig = Line::open(&self.jig.to_string_lossy(), self.baud)
            .map_err(|fault| anyhow::anyhow!("{fault:?}"))
            .context("the jig's line")?;
        self.pump = Some(tokio::spawn(pump(station, jig, Arc::clone(&self.spoil))));
        Ok(())
    }

    /// From now on every byte of the board comes as another.
    pub fn spoil(&self) {
        self.spoil.store(true, Ordering::SeqCst);
    }
}

async fn pump(mut station: PtyPort, mut jig: Line, spoil: Arc<AtomicBool>) {
    let (mut down, mut up) = ([0; 1024], [0; 1024]);
    loop {
        let carried = tokio::select! {
            count = station.read(&mut down) => match count {
                Ok(count) => jig.write_all(&down[..count]).await,
                Err(error) => Err(error),
            },
            count = jig.read(&mut up) => match count {
                Ok(count) => {
                    if spoil.load(Ordering::SeqCst) {
                        up[..count].iter_mut().for_each(|byte| *byte ^= 0x2A);
                    }
                    station.write_all(&up[..count]).await
                }
                Err(error) => Err(error),
            },
        };
        if carried.is_err() {
            return;
        }
    }
}
