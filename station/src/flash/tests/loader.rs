//! A board with an application and a menu loader on a duplex stream, for the station's own end: who receives is protocol's receiver.

use crate::{
    board::FirmwareImage,
    link::{BoardLink, Line, LinkOptions, tests::peer},
};
use domain::model::{BootGeneration, DeviceModel};
use protocol::{
    modbus::{Request, rtu, server::RtuServerDecoder},
    timing::wire_time,
    ymodem::{
        Generation,
        receiver::{Programming, Receiver, ReceiverEvent, ReceiverOptions},
    },
};
use std::{
    sync::{Arc, Mutex, atomic::AtomicU32, atomic::Ordering::Relaxed},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    time::{Instant, sleep, timeout_at},
};

const MENU: &str = "\r\n================== Main Menu ============================\r\n\n  Download Image To the STM32F10x Internal Flash ------- 1\r\n\n  Execute The New Program ------------------------------ 2\r\n\n  ==========================================================\r\n\n";
const INVALID: &str = "Invalid Number ! ==> The number should be either 1 or 2\r";
const WAITING: &str = "Waiting for the file to be sent ... (press 'a' to abort)\n\r";
const SUCCESS: &str = "\n\n\r Programming Completed Successfully!\n\r--------------------------------\r\n Name: image.bin\n\r Size: 65536 Bytes\r\n-------------------\n";
const FAILED: &str = "\n\rFailed to receive the file!\n\r";

/// What goes wrong with the bytes that reach the loader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    None,
    /// The byte of that number within the session arrives flipped, once.
    Flip(usize),
    /// It does not arrive, once.
    Drop(usize),
    /// From that byte on nothing arrives any more.
    Cut(usize),
}

/// What the test can see of the board from outside.
#[derive(Debug)]
pub struct Seen {
    pub baud: AtomicU32,
    pub flash: Mutex<Vec<u8>>,
}

struct Board {
    stream: DuplexStream,
    generation: Generation,
    application: peer::Peer,
    /// Only this image starts.
    good: Vec<u8>,
    trouble: Trouble,
    obeys: bool,
    seen: Arc<Seen>,
}

pub struct Setup {
    pub generation: BootGeneration,
    pub in_loader: bool,
    pub trouble: Trouble,
    /// Whether it obeys the command to enter its loader.
    pub obeys: bool,
}

pub fn image() -> FirmwareImage {
    let bytes = (0..10_300_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    FirmwareImage { name: "image.bin".to_owned(), bytes }
}

pub fn connect(setup: &Setup) -> (BoardLink, Arc<Seen>) {
    connect_by(setup, |near| Line::from_stream("test-line", near, peer::model().link.baud))
}

/// On the line that `line` makes of the stream to the board.
pub fn connect_by(setup: &Setup, line: impl FnOnce(DuplexStream) -> Line) -> (BoardLink, Arc<Seen>) {
    let mut model = DeviceModel::clone(&peer::model());
    model.boot.as_mut().unwrap().generation = setup.generation;
    let (near, far) = duplex(4096);
    let seen = Arc::new(Seen { baud: AtomicU32::new(model.link.baud), flash: Mutex::new(Vec::new()) });
    let hook = Arc::clone(&seen);
    let line = line(near).with_baud_hook(Box::new(move |baud| hook.baud.store(baud, Relaxed)));
    let board = Board {
        stream: far,
        generation: if setup.generation == BootGeneration::Hal { Generation::Hal } else { Generation::Spl },
        application: peer::Peer::new(),
        good: image().bytes,
        trouble: setup.trouble,
        obeys: setup.obeys,
        seen: Arc::clone(&seen),
    };
    tokio::spawn(board.live(setup.in_loader));
    (BoardLink::new(line, Arc::new(model), LinkOptions::default()), seen)
}

impl Board {
    async fn live(mut self, in_loader: bool) -> Option<()> {
        if !in_loader {
            self.application().await?;
        }
        loop {
            self.loader().await?;
            self.application.set(13, &[0x1234, 0x5678]);
            self.application().await?;
        }
    }

    /// Bytes at the rate this side speaks; at another rate they are noise.
    async fn read(&mut self, baud: u32, until: Instant) -> Option<Vec<u8>> {
        let mut buffer = [0; 2048];
        match timeout_at(until, self.stream.read(&mut buffer)).await {
            Err(_) => Some(Vec::new()),
            Ok(Ok(0) | Err(_)) => None,
            Ok(Ok(count)) => {
                sleep(wire_time(count, baud)).await;
                let same_rate = self.seen.baud.load(Relaxed) == baud;
                Some(if same_rate { buffer[..count].to_vec() } else { vec![0xF8; count / 2 + 1] })
            }
        }
    }

    async fn write(&mut self, baud: u32, bytes: &[u8]) -> Option<()> {
        sleep(wire_time(bytes.len(), baud)).await;
        let same_rate = self.seen.baud.load(Relaxed) == baud;
        let noise = vec![0xE0; bytes.len() / 2];
        self.stream.write_all(if same_rate { bytes } else { &noise }).await.ok()
    }

    /// Until the loader is asked for.
    async fn application(&mut self) -> Option<()> {
        let baud = peer::BAUD;
        let epoch = Instant::now();
        let mut decoder = RtuServerDecoder::new(baud);
        loop {
            while let Some(frame) = decoder.poll_frame() {
                let Ok(request) = Request::decode(&frame.pdu) else { continue };
                let response = self.application.obey(&request);
                self.write(baud, &rtu::encode_response(1, &response).ok()?).await?;
                if self.obeys && matches!(request, Request::WriteSingle { address: 401, .. }) {
                    sleep(Duration::from_millis(250)).await;
                    return Some(());
                }
            }
            let wake = decoder.poll_timeout().map_or_else(far_future, |time| epoch + time);
            let bytes = self.read(baud, wake).await?;
            if bytes.is_empty() {
                decoder.handle_timeout(epoch.elapsed());
            } else {
                decoder.handle_bytes(epoch.elapsed(), &bytes);
            }
        }
    }

    /// Until a good image is started.
    async fn loader(&mut self) -> Option<()> {
        let baud = 19_200;
        self.write(baud, MENU.as_bytes()).await?;
        loop {
            for key in self.read(baud, far_future()).await? {
                match key {
                    b'1' => {
                        self.write(baud, WAITING.as_bytes()).await?;
                        let text = if self.receive(baud).await? { SUCCESS } else { FAILED };
                        self.write(baud, text.as_bytes()).await?;
                        self.write(baud, MENU.as_bytes()).await?;
                    }
                    b'2' => {
                        if *self.seen.flash.lock().unwrap() == self.good {
                            sleep(Duration::from_millis(200)).await;
                            return Some(());
                        }
                        self.write(baud, MENU.as_bytes()).await?;
                    }
                    _ => self.write(baud, INVALID.as_bytes()).await?,
                }
            }
        }
    }

    async fn receive(&mut self, baud: u32) -> Option<bool> {
        let epoch = Instant::now();
        let mut receiver = Receiver::new(epoch.elapsed(), ReceiverOptions::new(self.generation, 114_688));
        let mut count = 0;
        let mut good = false;
        loop {
            while let Some(event) = receiver.poll_event() {
                match event {
                    ReceiverEvent::Header { size, .. } => {
                        sleep(Duration::from_millis(800)).await;
                        *self.seen.flash.lock().unwrap() = vec![0xFF; size as usize];
                        receiver.erase_done(epoch.elapsed());
                    }
                    ReceiverEvent::Data { offset, bytes } => {
                        let mut flash = self.seen.flash.lock().unwrap();
                        let room = flash.len().saturating_sub(offset as usize).min(bytes.len());
                        flash[offset as usize..][..room].copy_from_slice(&bytes[..room]);
                        receiver.programmed(epoch.elapsed(), Programming::Verified);
                    }
                    ReceiverEvent::Finished { .. } => good = true,
                    ReceiverEvent::Aborted(_) => {}
                }
            }
            while let Some(bytes) = receiver.poll_transmit() {
                self.write(baud, &bytes).await?;
            }
            if receiver.is_ended() {
                return Some(good);
            }
            let wake = receiver.poll_timeout().map_or_else(far_future, |time| epoch + time);
            let mut bytes = self.read(baud, wake).await?;
            if bytes.is_empty() {
                receiver.handle_timeout(epoch.elapsed());
                continue;
            }
            let arrived = bytes.len();
            self.disturb(&mut bytes, count);
            count += arrived;
            receiver.handle_bytes(epoch.elapsed(), &bytes);
        }
    }

    fn disturb(&mut self, bytes: &mut Vec<u8>, before: usize) {
        let here = |at: usize| at.checked_sub(before).filter(|index| *index < bytes.len());
        match self.trouble {
            Trouble::None => {}
            Trouble::Flip(at) => {
                if let Some(index) = here(at) {
                    bytes[index] ^= 0x10;
                    self.trouble = Trouble::None;
                }
            }
            Trouble::Drop(at) => {
                if let Some(index) = here(at) {
                    bytes.remove(index);
                    self.trouble = Trouble::None;
                }
            }
            Trouble::Cut(at) => bytes.truncate(at.saturating_sub(before)),
        }
    }
}

fn far_future() -> Instant {
    Instant::now() + Duration::from_secs(3600)
}
