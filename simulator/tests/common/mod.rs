//! A board on a bench without a line: bytes go in and come out in no time, the clock is a number.
#![expect(dead_code, reason = "each test file takes what it needs")]

pub mod program;

use std::{path::PathBuf, sync::Arc, time::Duration};

use domain::model::{BootGeneration, DeviceModel, parse_model};
use jigline_simulator::{Birth, Board, Fault, Knobs, firmware::build_image};
use protocol::modbus::{Request, Response, rtu};

pub const MS: Duration = Duration::from_millis(1);

pub fn model_path() -> PathBuf {
    path_of("topbms")
}

pub fn path_of(model: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../profiles/models/{model}.toml"))
}

pub fn model() -> Arc<DeviceModel> {
    shipped("topbms")
}

pub fn shipped(model: &str) -> Arc<DeviceModel> {
    let text = std::fs::read_to_string(path_of(model)).unwrap();
    Arc::new(parse_model(model, &text).unwrap())
}

/// The same boards with the younger loader.
pub fn hal_model() -> Arc<DeviceModel> {
    let mut model = (*model()).clone();
    let boot = model.boot.as_mut().unwrap();
    boot.generation = BootGeneration::Hal;
    boot.execute_key = b'3';
    Arc::new(model)
}

pub fn image(model: &DeviceModel, version: &str, seed: u64) -> Vec<u8> {
    build_image(model, version, 16 * 1024, seed).unwrap()
}

pub struct Bench {
    pub model: Arc<DeviceModel>,
    pub board: Board,
    pub now: Duration,
}

impl Bench {
    pub fn new(fault: Option<Fault>) -> Self {
        Self::with(model(), fault, Knobs::default())
    }

    /// A powered board, waited for.
    pub fn with(model: Arc<DeviceModel>, fault: Option<Fault>, knobs: Knobs) -> Self {
        let old = if model.loader().is_some() { image(&model, "V1.8", 1) } else { Vec::new() };
        let birth = Birth::new(7, 42, fault, old.into()).with_knobs(knobs);
        let mut bench = Self { board: Board::new(model.clone(), birth), model, now: Duration::from_secs(1) };
        bench.board.set_power(bench.now, true);
        bench.run(400 * MS);
        bench
    }

    /// Lets time pass; what the board says meanwhile.
    pub fn run(&mut self, time: Duration) -> Vec<u8> {
        let end = self.now + time;
        let mut said = Vec::new();
        loop {
            while let Some(bytes) = self.board.poll_transmit() {
                said.extend(bytes);
            }
            match self.board.poll_timeout().filter(|due| *due <= end) {
                Some(due) => {
                    self.now = self.now.max(due);
                    self.board.handle_timeout(self.now);
                }
                None => break,
            }
        }
        self.now = end;
        said
    }

    /// Says these bytes and listens for so long.
    pub fn say(&mut self, bytes: &[u8], listen: Duration) -> Vec<u8> {
        self.board.handle_bytes(self.now, bytes);
        self.run(listen)
    }

    /// Asks the application; none: it is silent. The store's pause is kept.
    pub fn ask(&mut self, request: &Request) -> Option<Response> {
        let frame = rtu::encode_request(self.model.link.address, request).unwrap();
        let said = self.say(&frame, 60 * MS);
        (!said.is_empty()).then(|| Response::decode(&rtu::decode_frame(&said).unwrap().pdu).unwrap())
    }

    pub fn read(&mut self, name: &str) -> Vec<u16> {
        let register = self.model.register(name).unwrap();
        let (address, quantity) = (register.address, register.width());
        match self.ask(&Request::ReadHolding { address, quantity }) {
            Some(Response::ReadHolding(words)) => words,
            other => panic!("{name}: {other:?}"),
        }
    }

    /// Writes a field whole; the exception's number, or 0.
    pub fn write(&mut self, name: &str, words: &[u16]) -> u8 {
        let address = self.model.register(name).unwrap().address;
        let request = match words {
            [value] => Request::WriteSingle { address, value: *value },
            _ => Request::WriteMultiple { address, values: words.to_vec() },
        };
        match self.ask(&request) {
            Some(Response::Exception { code, .. }) => code.number(),
            Some(_) => 0,
            None => panic!("{name}: no answer"),
        }
    }

    pub fn unlock(&mut self) {
        assert_eq!(self.write("password_unlock", &digits("123456")), 0);
        assert_eq!(self.read("password_state"), [1]);
    }

    pub fn command(&mut self, name: &str) {
        let command = self.model.command(name).unwrap().clone();
        let request = Request::WriteSingle { address: command.address, value: command.value };
        assert_eq!(
            self.ask(&request),
            Some(Response::WriteSingle { address: command.address, value: command.value })
        );
    }

    /// Restarts it and waits.
    pub fn restart(&mut self) {
        self.command("restart");
        self.run(500 * MS);
    }

    /// To the menu, its banner waited for.
    pub fn enter_loader(&mut self) -> String {
        self.command("enter_loader");
        let said = self.run(3_000 * MS);
        String::from_utf8(said).unwrap()
    }

    /// Sends an image the way the old public demo does; the loader's text afterwards.
    pub fn flash(&mut self, image: &[u8]) -> String {
        self.flash_with(image, |_, _| {})
    }

    /// The same, each frame passed through `spoil` on its way.
    pub fn flash_with(&mut self, image: &[u8], spoil: impl Fn(usize, &mut [u8])) -> String {
        let waiting = self.say(b"1", 100 * MS);
        assert!(waiting.starts_with(b"Waiting for the file"), "{:?}", String::from_utf8_lossy(&waiting));
        let polled = self.run(3_000 * MS);
        assert!(polled.iter().all(|byte| *byte == b'C') && !polled.is_empty(), "{polled:?}");
        let header = format!("image.bin\0{}", image.len());
        let taken = self.say(&block(0, header.as_bytes()), 4_000 * MS);
        assert!(taken.starts_with(&[6, b'C']), "{taken:?}");
        for (index, chunk) in image.chunks(1024).enumerate() {
            let mut frame = block((index + 1) as u8, chunk);
            spoil(index, &mut frame);
            let answer = self.say(&frame, 40 * MS);
            assert_eq!(answer, [6], "block {}", index + 1);
        }
        assert_eq!(self.say(&[4], 10 * MS), [6]);
        let said = self.say(&block(0, &[]), 10 * MS);
        assert_eq!(said[0], 6);
        let text = String::from_utf8_lossy(&said[1..]).into_owned();
        self.run(1_000 * MS);
        text
    }
}

pub fn digits(text: &str) -> Vec<u16> {
    text.as_bytes().chunks(2).map(|pair| u16::from(pair[0]) << 8 | u16::from(pair[1])).collect()
}

/// A frame of YMODEM as the standard has it, 1024 bytes, padded with zeros; CRC by the polynomial's definition.
pub fn block(number: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, number, !number];
    frame.extend(payload);
    frame.resize(3 + 1024, 0);
    let mut crc = 0_u16;
    for byte in &frame[3..] {
        crc ^= u16::from(*byte) << 8;
        for _ in 0..8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
        }
    }
    frame.extend(crc.to_be_bytes());
    frame
}
