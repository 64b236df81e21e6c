//! A scripted board on a duplex stream: answers by a register map, at the line's rate, with the mischief the test asks for.

use super::super::{BoardLink, Line, LinkOptions};
use crate::board::{BoardReply, BoardRequest};
use domain::{
    model::{DeviceModel, Quantity},
    text::Fault,
};
use protocol::{
    modbus::{ExceptionCode, Request, Response, rtu, server::RtuServerDecoder},
    timing::wire_time,
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    task::JoinHandle,
    time::{Instant, sleep, sleep_until, timeout_at},
};

pub const BAUD: u32 = 9600;

/// Who asks on a standard board.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Asker {
    ReadyMade,
    Ours,
}

pub const ASKERS: [Asker; 2] = [Asker::ReadyMade, Asker::Ours];

/// What the board does to one answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Mischief {
    /// Answers so late.
    Late(Duration),
    /// Answers nothing.
    Nothing,
    /// Never hears the request.
    Unheard,
    /// Sends these bytes instead.
    Bytes(Vec<u8>),
    /// Sends these bytes after the answer, in one piece with it.
    Trailer(Vec<u8>),
    /// Sends these bytes so long after the answer.
    Afterwards(Duration, Vec<u8>),
    /// Sends the answer twice.
    Twice,
    /// Answers as this device address.
    Address(u8),
    /// Gives this answer.
    Response(Response),
    /// Refuses.
    Exception(u8),
    /// Hangs up.
    Vanish,
    /// Obeys, but answers nothing.
    TakenUnanswered,
    /// Falls silent for so long after the answer, and forgets its unlock.
    RestartAfter(Duration),
}

/// The test's board: registers, a password, and what it will do wrong.
pub struct Peer {
    pub registers: BTreeMap<u16, u16>,
    pub password: String,
    /// Mischief by the number of the request, counted from 0.
    pub mischief: BTreeMap<usize, Mischief>,
    /// Mischief by the address asked for, always.
    pub always: BTreeMap<u16, Mischief>,
    /// Writes that are acknowledged and not kept.
    pub deaf: Vec<u16>,
    /// How long it thinks about every answer.
    pub thinks: Duration,
    pub seen: Vec<Request>,
}

impl Peer {
    pub fn new() -> Self {
        let mut registers = BTreeMap::new();
        for range in [0..20_u16, 100..130, 300..310] {
            registers.extend(range.map(|address| (address, 0)));
        }
        let mut peer = Self {
            registers,
            password: "123456".to_owned(),
            mischief: BTreeMap::new(),
            always: BTreeMap::new(),
            deaf: Vec::new(),
            thinks: Duration::ZERO,
            seen: Vec::new(),
        };
        peer.set(0, &[7, 0x146B, 0xC9B7]);
        peer.set_text(3, "26541C98068E");
        peer.set_text(9, "V1.8");
        peer.set(13, &[0xDEAD, 0xBEEF]);
        peer.set(100, &[4200, 2750, 0xFFE2]);
        peer.set(301, &[1990, 3, 2310]);
        peer
    }

    pub fn set(&mut self, address: u16, words: &[u16]) {
        self.registers.extend((address..).zip(words.iter().copied()));
    }

    pub fn set_text(&mut self, address: u16, text: &str) {
        let words: Vec<u16> = text
            .as_bytes()
            .chunks(2)
            .map(|c| u16::from_be_bytes([c[0], c.get(1).copied().unwrap_or(0)]))
            .collect();
        self.set(address, &words);
    }

    /// Puts it on a line; the handle gives it back when the line is closed.
    pub fn connect(self) -> (BoardLink, JoinHandle<Peer>) {
        self.connect_with(LinkOptions::default())
    }

    pub fn connect_with(self, options: LinkOptions) -> (BoardLink, JoinHandle<Peer>) {
        self.connect_as(model(), options)
    }

    /// To be asked by that client.
    pub fn connect_by(self, asker: Asker) -> (BoardLink, JoinHandle<Peer>) {
        self.connect_by_with(asker, LinkOptions::default())
    }

    pub fn connect_by_with(self, asker: Asker, options: LinkOptions) -> (BoardLink, JoinHandle<Peer>) {
        let mut model = DeviceModel::clone(&model());
        if asker == Asker::Ours {
            // What this model's quantities count is the same either way, but the ready-made client does not know that.
            model.link.quantity = Quantity::Addresses;
        }
        self.connect_as(Arc::new(model), options)
    }

    /// As a board of that model.
    pub fn connect_as(self, model: Arc<DeviceModel>, options: LinkOptions) -> (BoardLink, JoinHandle<Peer>) {
        let (near, far) = duplex(4096);
        let line = Line::from_stream("test-line", near, BAUD);
        (BoardLink::new(line, model, options), tokio::spawn(self.serve(far)))
    }

    pub async fn serve(mut self, mut stream: DuplexStream) -> Self {
        let epoch = Instant::now();
        let mut decoder = RtuServerDecoder::new(BAUD);
        let mut buffer = [0; 512];
        loop {
            while let Some(frame) = decoder.poll_frame() {
                if !self.answer(&mut stream, frame).await {
                    return self;
                }
            }
            let wake = decoder
                .poll_timeout()
                .map_or_else(|| Instant::now() + Duration::from_secs(3600), |t| epoch + t);
            match timeout_at(wake, stream.read(&mut buffer)).await {
                Ok(Ok(0) | Err(_)) => return self,
                Ok(Ok(count)) => decoder.handle_bytes(epoch.elapsed(), &buffer[..count]),
                Err(_) => decoder.handle_timeout(epoch.elapsed()),
            }
        }
    }

    async fn answer(&mut self, stream: &mut DuplexStream, frame: rtu::Frame) -> bool {
        let Ok(request) = Request::decode(&frame.pdu) else { return true };
        sleep(wire_time(rtu::request_frame_length(&request), BAUD) + self.thinks).await;
        let number = self.seen.len();
        self.seen.push(request.clone());
        let mischief = self.mischief.remove(&number).or_else(|| self.always.get(&request.span().0).cloned());
        if mischief == Some(Mischief::Unheard) {
            return true;
        }
        let response = match &mischief {
            Some(Mischief::Exception(code)) => refuse(&request, *code),
            Some(Mischief::Response(response)) => response.clone(),
            _ => self.obey(&request),
        };
        let mut bytes = rtu::encode_response(1, &response).unwrap();
        match mischief {
            Some(Mischief::Late(by)) => sleep(by).await,
            Some(Mischief::Nothing | Mischief::TakenUnanswered) => return true,
            Some(Mischief::Bytes(other)) => bytes = other,
            Some(Mischief::Trailer(more)) => bytes.extend(more),
            Some(Mischief::Twice) => bytes.extend(bytes.clone()),
            Some(Mischief::Address(address)) => bytes = rtu::encode_response(address, &response).unwrap(),
            Some(Mischief::Vanish) => return false,
            Some(Mischief::Afterwards(pause, more)) => {
                self.send(stream, &bytes).await;
                sleep(pause).await;
                let _ = stream.write_all(&more).await;
                return true;
            }
            Some(Mischief::RestartAfter(silence)) => {
                self.send(stream, &bytes).await;
                let end = Instant::now() + silence;
                sleep_until(end).await;
                self.set(300, &[0]);
                // What came in the meantime was never heard.
                let mut lost = [0; 4096];
                let _ = timeout_at(Instant::now(), stream.read(&mut lost)).await;
                return true;
            }
            Some(Mischief::Exception(_) | Mischief::Response(_) | Mischief::Unheard) | None => {}
        }
        self.send(stream, &bytes).await;
        true
    }

    async fn send(&self, stream: &mut DuplexStream, bytes: &[u8]) {
        sleep(wire_time(bytes.len(), BAUD)).await;
        let _ = stream.write_all(bytes).await;
    }

    pub fn obey(&mut self, request: &Request) -> Response {
        let (address, quantity) = request.span();
        match request {
            Request::ReadHolding { .. } => {
                let values: Option<Vec<u16>> =
                    (address..address + quantity).map(|a| self.registers.get(&a).copied()).collect();
                values.map_or_else(|| refuse(request, 2), Response::ReadHolding)
            }
            Request::ReadInput { .. } | Request::ReadCoils { .. } | Request::WriteCoils { .. } => {
                refuse(request, 1)
            }
            Request::WriteSingle { value, .. } => {
                self.take(address, &[*value]);
                Response::WriteSingle { address, value: *value }
            }
            Request::WriteMultiple { values, .. } => {
                if address == 200 {
                    if text(values) != self.password {
                        return refuse(request, 3);
                    }
                    self.set(300, &[1]);
                } else if address == 204 {
                    self.password = text(values);
                } else {
                    self.take(address, values);
                }
                Response::WriteMultiple { address, quantity }
            }
        }
    }

    fn take(&mut self, address: u16, values: &[u16]) {
        for (address, value) in (address..).zip(values) {
            if !self.deaf.contains(&address) {
                self.registers.insert(address, *value);
            }
        }
    }
}

fn text(words: &[u16]) -> String {
    let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_be_bytes()).take_while(|b| *b != 0).collect();
    String::from_utf8(bytes).unwrap()
}

fn refuse(request: &Request, code: u8) -> Response {
    Response::Exception { function: request.function(), code: ExceptionCode::from(code) }
}

pub fn model() -> Arc<DeviceModel> {
    Arc::new(toml::from_str(include_str!("model.toml")).unwrap())
}

pub async fn ask(link: &mut BoardLink, request: BoardRequest) -> Result<BoardReply, Fault> {
    link.execute(request, &mut |_| {}).await.map(|answer| answer.reply)
}

pub async fn read(link: &mut BoardLink, names: &[&str]) -> Result<Vec<String>, Fault> {
    let names = names.iter().map(|n| (*n).to_owned()).collect();
    match ask(link, BoardRequest::ReadRegisters { names }).await? {
        BoardReply::Registers(readings) => Ok(readings.into_iter().map(|r| r.value.to_string()).collect()),
        other => panic!("{other:?}"),
    }
}
