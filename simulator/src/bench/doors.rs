//! The lines to modules and instruments: frames and lines found in streams, of TCP or in memory.

use super::{BenchEvent, instruments::Instruments};
use protocol::crc::crc16_modbus;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader},
    sync::{mpsc, oneshot},
};

/// How a module's frames are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IoFraming {
    Tcp,
    Rtu,
}

/// Lets clients in.
#[derive(Debug, Clone)]
pub struct BenchDoor(mpsc::UnboundedSender<BenchEvent>);

impl BenchDoor {
    pub(super) fn new(events: mpsc::UnboundedSender<BenchEvent>) -> Self {
        Self(events)
    }

    /// The instruments of this bench.
    #[must_use]
    pub fn instruments() -> [&'static str; 6] {
        Instruments::names()
    }

    /// Serves one client of the module until it goes.
    pub async fn serve_io<S: AsyncRead + AsyncWrite>(&self, stream: S, framing: IoFraming) {
        let (mut reader, mut writer) = tokio::io::split(stream);
        let (mut heard, mut buffer) = (Vec::new(), [0_u8; 512]);
        while let Ok(count @ 1..) = reader.read(&mut buffer).await {
            heard.extend(&buffer[..count]);
            while let Some(asked) = take_frame(&mut heard, framing) {
                let (answer, answered) = oneshot::channel();
                if self.0.send(BenchEvent::Frame { unit: asked.unit, pdu: asked.pdu, answer }).is_err() {
                    return;
                }
                // A module of another address says nothing.
                let Ok(Some(pdu)) = answered.await else { continue };
                let frame = framed(asked.unit, asked.transaction, &pdu, framing);
                if writer.write_all(&frame).await.is_err() {
                    return;
                }
            }
        }
    }

    /// Serves one client of an instrument until it goes.
    pub async fn serve_scpi<S: AsyncRead + AsyncWrite>(&self, instrument: &str, stream: S) {
        let (reader, mut writer) = tokio::io::split(stream);
        let mut lines = BufReader::new(reader).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let (answer, answered) = oneshot::channel();
            let event = BenchEvent::Line { instrument: instrument.to_owned(), line, answer };
            if self.0.send(event).is_err() {
                return;
            }
            if let Ok(Some(said)) = answered.await
                && writer.write_all(format!("{said}\n").as_bytes()).await.is_err()
            {
                return;
            }
        }
    }
}

struct Asked {
    unit: u8,
    transaction: [u8; 2],
    pdu: Vec<u8>,
}

/// The first whole frame; what can be none is thrown away.
fn take_frame(heard: &mut Vec<u8>, framing: IoFraming) -> Option<Asked> {
    match framing {
        IoFraming::Tcp => {
            let length = usize::from(u16::from_be_bytes([*heard.get(4)?, *heard.get(5)?]));
            if heard.get(2..4) != Some(&[0, 0]) || !(2..=254).contains(&length) {
                heard.clear();
                return None;
            }
            if heard.len() < 6 + length {
                return None;
            }
            let frame: Vec<u8> = heard.drain(..6 + length).collect();
            Some(Asked { unit: frame[6], transaction: [frame[0], frame[1]], pdu: frame[7..].to_vec() })
        }
        IoFraming::Rtu => {
            let length = match *heard.get(1)? {
                15 => 9 + usize::from(*heard.get(6)?),
                _ => 8,
            };
            if heard.len() < length {
                return None;
            }
            let frame: Vec<u8> = heard.drain(..length).collect();
            let (body, sum) = frame.split_at(length - 2);
            if crc16_modbus(body).to_le_bytes() != sum {
                heard.clear();
                return None;
            }
            Some(Asked { unit: body[0], transaction: [0; 2], pdu: body[1..].to_vec() })
        }
    }
}

fn framed(unit: u8, transaction: [u8; 2], pdu: &[u8], framing: IoFraming) -> Vec<u8> {
    let mut frame = Vec::new();
    match framing {
        IoFraming::Tcp => {
            frame.extend(transaction);
            frame.extend([0, 0]);
            frame.extend((pdu.len() as u16 + 1).to_be_bytes());
            frame.push(unit);
            frame.extend(pdu);
        }
        IoFraming::Rtu => {
            frame.push(unit);
            frame.extend(pdu);
            frame.extend(crc16_modbus(&frame).to_le_bytes());
        }
    }
    frame
}
