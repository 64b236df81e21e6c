//! What is heard on a line, of whichever framing it is: one form for all. Which framing it is, the frames that check out decide,
//! unless somebody knew. Pure.

use domain::model::{DeviceModel, Framing};
use protocol::{described, jbd, modbus};
use std::{collections::VecDeque, sync::Arc, time::Duration};
use wirelog::model_frames::{frames, joined, way_of};

/// An exchange that was answered says this much for a framing, a frame alone says one.
const ANSWERED: u32 = 3;
/// So much more must one framing have said than the other.
const MARGIN: u32 = 3;

/// A request with what became of it, or half of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Heard {
    /// Since the listening began.
    pub at: Duration,
    /// None in the JBD framing, which has none.
    pub device: Option<u8>,
    pub function: u8,
    pub kind: Kind,
    pub outcome: Outcome,
    /// First register; none: not known.
    pub address: Option<u16>,
    /// Registers asked for; none where that is not said.
    pub quantity: Option<u16>,
    /// What was read, or was written and taken, as it came. Never of a frame that tells that it is a secret.
    pub bytes: Option<Vec<u8>>,
    pub after: Option<Duration>,
    pub refusal: Option<Refusal>,
    /// By function 04; or by 06.
    pub way: Way,
}

impl Heard {
    /// Bytes that were asked for, as far as that is said.
    pub fn length(&self) -> usize {
        self.quantity.map_or(1, |quantity| 2 * usize::from(quantity))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Read,
    Write,
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Answered,
    Refused,
    Unanswered,
    Broadcast,
    /// An answer without its request.
    Stray,
    /// A frame of another function.
    Foreign,
}

/// Which of two functions that do the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Usual,
    InputRegisters,
    SingleRegister,
}

/// The number of a refusal, and what the protocol's own document says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub code: u8,
    pub standard: String,
}

/// Hears the framings that have names until one is sure, or the one that a model describes.
#[derive(Debug)]
pub(super) struct Listener {
    modbus: Option<Ear<modbus::sniffer::Sniffer>>,
    jbd: Option<Ear<jbd::sniffer::Sniffer>>,
    described: Option<(Ear<described::sniffer::Sniffer>, Arc<DeviceModel>)>,
}

#[derive(Debug)]
struct Ear<S> {
    sniffer: S,
    heard: VecDeque<Heard>,
    score: u32,
}

impl<S> Ear<S> {
    fn new(sniffer: S) -> Self {
        Self { sniffer, heard: VecDeque::new(), score: 0 }
    }

    fn hear(&mut self, heard: Heard) {
        let is_exchange = matches!(heard.outcome, Outcome::Answered | Outcome::Refused);
        self.score = self.score.saturating_add(if is_exchange { ANSWERED } else { 1 });
        self.heard.push_back(heard);
    }
}

impl Listener {
    /// On a line at `baud`; `framing` where it is known, `model` where there is one.
    pub fn new(
        baud: u32,
        patience: Duration,
        framing: Option<Framing>,
        model: Option<Arc<DeviceModel>>,
    ) -> Self {
        let is_or_may_be = |one: Framing| framing.is_none_or(|framing| framing == one);
        let mut modbus = modbus::sniffer::Sniffer::new(baud, patience);
        let link = model.as_ref().map(|model| &model.link);
        if let Some((asked, answers)) = link.and_then(|link| Some((link.address, link.reply_address?))) {
            modbus = modbus.with_reply_address(asked, answers);
        }
        let described = model.filter(|_| framing == Some(Framing::Described)).and_then(|model| {
            let sniffer = described::sniffer::Sniffer::new(frames(&model)?, baud, patience);
            Some((Ear::new(sniffer), model))
        });
        Self {
            modbus: is_or_may_be(Framing::ModbusRtu).then(|| Ear::new(modbus)),
            jbd: is_or_may_be(Framing::Jbd).then(|| Ear::new(jbd::sniffer::Sniffer::new(baud, patience))),
            described,
        }
    }

    /// Which it is, once that is sure.
    pub fn framing(&self) -> Option<Framing> {
        match (&self.modbus, &self.jbd) {
            _ if self.described.is_some() => Some(Framing::Described),
            (Some(_), None) => Some(Framing::ModbusRtu),
            (None, Some(_)) => Some(Framing::Jbd),
            _ => None,
        }
    }

    pub fn handle_bytes(&mut self, now: Duration, bytes: &[u8]) {
        if let Some(ear) = &mut self.modbus {
            ear.sniffer.handle_bytes(now, bytes);
        }
        if let Some(ear) = &mut self.jbd {
            ear.sniffer.handle_bytes(now, bytes);
        }
        if let Some((ear, _)) = &mut self.described {
            ear.sniffer.handle_bytes(now, bytes);
        }
        self.collect();
    }

    pub fn handle_timeout(&mut self, now: Duration) {
        if let Some(ear) = &mut self.modbus {
            ear.sniffer.handle_timeout(now);
        }
        if let Some(ear) = &mut self.jbd {
            ear.sniffer.handle_timeout(now);
        }
        if let Some((ear, _)) = &mut self.described {
            ear.sniffer.handle_timeout(now);
        }
        self.collect();
    }

    pub fn poll_timeout(&self) -> Option<Duration> {
        let modbus = self.modbus.as_ref().and_then(|ear| ear.sniffer.poll_timeout());
        let jbd = self.jbd.as_ref().and_then(|ear| ear.sniffer.poll_timeout());
        let described = self.described.as_ref().and_then(|(ear, _)| ear.sniffer.poll_timeout());
        modbus.into_iter().chain(jbd).chain(described).min()
    }

    /// The next thing heard, once it is sure in which framing.
    pub fn poll_event(&mut self) -> Option<Heard> {
        match (&mut self.modbus, &mut self.jbd, &mut self.described) {
            (Some(ear), None, None) => ear.heard.pop_front(),
            (None, Some(ear), None) => ear.heard.pop_front(),
            (None, None, Some((ear, _))) => ear.heard.pop_front(),
            _ => None,
        }
    }

    /// Nothing more comes: what was heard the more of is it.
    pub fn finish(&mut self) {
        if let Some((ear, _)) = &mut self.described {
            ear.sniffer.finish();
        }
        self.collect();
        if let (Some(modbus), Some(jbd)) = (&self.modbus, &self.jbd) {
            if jbd.score > modbus.score {
                self.modbus = None;
            } else if modbus.score > 0 {
                self.jbd = None;
            }
        }
    }

    /// Bytes that made no frame; of a line whose framing nobody knows, by the best of them.
    pub fn dropped_bytes(&self) -> u64 {
        let modbus = self.modbus.as_ref().map(|ear| ear.sniffer.dropped_bytes());
        let jbd = self.jbd.as_ref().map(|ear| ear.sniffer.dropped_bytes());
        let described = self.described.as_ref().map(|(ear, _)| ear.sniffer.dropped_bytes());
        modbus.into_iter().chain(jbd).chain(described).min().unwrap_or_default()
    }

    fn collect(&mut self) {
        if let Some((ear, model)) = &mut self.described {
            while let Some(sniffed) = ear.sniffer.poll_event() {
                ear.hear(of_described(sniffed, model));
            }
        }
        if let Some(ear) = &mut self.modbus {
            while let Some(sniffed) = ear.sniffer.poll_event() {
                ear.hear(of_modbus(sniffed));
            }
        }
        if let Some(ear) = &mut self.jbd {
            while let Some(sniffed) = ear.sniffer.poll_event() {
                ear.hear(of_jbd(sniffed));
            }
        }
        if let (Some(modbus), Some(jbd)) = (&self.modbus, &self.jbd) {
            if modbus.score >= jbd.score + MARGIN {
                self.jbd = None;
            } else if jbd.score >= modbus.score + MARGIN {
                self.modbus = None;
            }
        }
    }
}

fn bare(at: Duration, device: Option<u8>, function: u8, kind: Kind, outcome: Outcome) -> Heard {
    Heard {
        at,
        device,
        function,
        kind,
        outcome,
        address: None,
        quantity: None,
        bytes: None,
        after: None,
        refusal: None,
        way: Way::Usual,
    }
}

pub(super) fn of_modbus(sniffed: modbus::sniffer::Sniffed) -> Heard {
    use modbus::{
        Request, Response,
        sniffer::{Outcome as Modbus, Sniffed},
    };
    let big_endian = |words: &[u16]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
    match sniffed {
        Sniffed::Exchange { at, device, request, outcome } => {
            let (address, quantity) = request.span();
            let written = match &request {
                Request::WriteSingle { value, .. } => Some(big_endian(&[*value])),
                Request::WriteMultiple { values, .. } => Some(big_endian(values)),
                // Each bit is told as the register of its address.
                Request::WriteCoils { values, .. } => {
                    Some(big_endian(&values.iter().map(|bit| u16::from(*bit)).collect::<Vec<u16>>()))
                }
                Request::ReadHolding { .. } | Request::ReadInput { .. } | Request::ReadCoils { .. } => None,
            };
            let (outcome, bytes, after, refusal) = match outcome {
                Modbus::Answered {
                    response: Response::ReadHolding(words) | Response::ReadInput(words),
                    after,
                } => (Outcome::Answered, Some(big_endian(&words)), Some(after), None),
                Modbus::Answered { response: Response::ReadCoils(bits), after } => {
                    let asked = bits.into_iter().take(quantity.into()).map(u16::from).collect::<Vec<u16>>();
                    (Outcome::Answered, Some(big_endian(&asked)), Some(after), None)
                }
                Modbus::Answered { after, .. } => (Outcome::Answered, written, Some(after), None),
                Modbus::Broadcast => (Outcome::Broadcast, written, None, None),
                Modbus::Unanswered => (Outcome::Unanswered, None, None, None),
                Modbus::Refused { code, after } => {
                    let refusal = Refusal { code: code.number(), standard: code.to_string() };
                    (Outcome::Refused, None, Some(after), Some(refusal))
                }
            };
            let way = match &request {
                Request::ReadInput { .. } => Way::InputRegisters,
                Request::WriteSingle { .. } => Way::SingleRegister,
                _ => Way::Usual,
            };
            let kind = if request.is_write() { Kind::Write } else { Kind::Read };
            Heard {
                address: Some(address),
                quantity: Some(quantity),
                bytes,
                after,
                refusal,
                way,
                ..bare(at, Some(device), request.function(), kind, outcome)
            }
        }
        Sniffed::Stray { at, device, response } => {
            let kind = match &response {
                Response::WriteSingle { .. }
                | Response::WriteMultiple { .. }
                | Response::WriteCoils { .. } => Kind::Write,
                Response::ReadHolding(_) | Response::ReadInput(_) | Response::ReadCoils(_) => Kind::Read,
                Response::Exception { .. } => Kind::Other,
            };
            bare(at, Some(device), response.function(), kind, Outcome::Stray)
        }
        Sniffed::Foreign { at, frame } => {
            let function = frame.pdu.first().copied().unwrap_or_default();
            bare(at, Some(frame.address), function, Kind::Other, Outcome::Foreign)
        }
    }
}

pub(super) fn of_jbd(sniffed: jbd::sniffer::Sniffed) -> Heard {
    use jbd::{
        Request,
        sniffer::{Outcome as Jbd, Sniffed},
    };
    let address = |register: u8| Some(u16::from(register));
    match sniffed {
        Sniffed::Exchange { at, request, outcome } => {
            let written = match &request {
                Request::Write { data, .. } if !request.is_secret() => Some(data.clone()),
                _ => None,
            };
            let is_write = request.is_write();
            let (outcome, bytes, after, refusal) = match outcome {
                Jbd::Answered { after, .. } if is_write => (Outcome::Answered, written, Some(after), None),
                Jbd::Answered { reply, after } => (Outcome::Answered, Some(reply.data), Some(after), None),
                Jbd::Unanswered => (Outcome::Unanswered, None, None, None),
                Jbd::Refused { status, after } => {
                    let refusal = Refusal { code: status.number(), standard: status.to_string() };
                    (Outcome::Refused, None, Some(after), Some(refusal))
                }
            };
            let (kind, function) = if is_write { (Kind::Write, 0x5A) } else { (Kind::Read, 0xA5) };
            Heard {
                address: address(request.register()),
                bytes,
                after,
                refusal,
                ..bare(at, None, function, kind, outcome)
            }
        }
        Sniffed::Stray { at, reply } => Heard {
            address: address(reply.register),
            ..bare(at, None, jbd::START, Kind::Other, Outcome::Stray)
        },
    }
}

fn of_described(sniffed: described::sniffer::Sniffed, model: &DeviceModel) -> Heard {
    use described::{
        Way as Direction,
        sniffer::{Outcome as Told, Sniffed},
    };
    match sniffed {
        Sniffed::Exchange { at, request, outcome } => {
            let register = request.fields.register;
            let kind = match way_of(model, &request) {
                Direction::Read => Kind::Read,
                Direction::Write => Kind::Write,
            };
            let (outcome, bytes, after, refusal) = match outcome {
                Told::Answered { after, .. } if kind == Kind::Write => {
                    (Outcome::Answered, Some(request.fields.data.clone()), Some(after), None)
                }
                Told::Answered { frames, after } => {
                    let data = joined(model, register.unwrap_or_default(), &frames);
                    (Outcome::Answered, Some(data), Some(after), None)
                }
                Told::Unanswered => (Outcome::Unanswered, None, None, None),
                Told::Refused { status, after } => {
                    let refusal = Refusal { code: status, standard: format!("status {status:02X}h") };
                    (Outcome::Refused, None, Some(after), Some(refusal))
                }
            };
            let function = request.fields.function.unwrap_or_default();
            Heard {
                address: register,
                quantity: request.fields.count,
                bytes,
                after,
                refusal,
                ..bare(at, request.fields.address, function, kind, outcome)
            }
        }
        Sniffed::Stray { at, fields } => Heard {
            address: fields.register,
            ..bare(at, fields.address, fields.function.unwrap_or_default(), Kind::Other, Outcome::Stray)
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_millis(500);

    fn ms(value: u64) -> Duration {
        Duration::from_millis(value)
    }

    fn jbd_talk() -> Vec<u8> {
        let asked = jbd::Request::Read { register: 4 }.encode(&[]).unwrap();
        let reply = jbd::Reply { register: 4, status: jbd::Status::Done, data: vec![0x0D, 0x66, 0x0D, 0x61] };
        [asked, reply.encode(&[]).unwrap()].concat()
    }

    fn modbus_talk() -> Vec<u8> {
        // dnc392/rs485-bms-probe@5515808:protocols/jk_rs485_modbus.py.
        hex::decode("01031200000181720103020CD8BD1E").unwrap()
    }

    fn listen(framing: Option<Framing>, talk: &[u8]) -> (Listener, Vec<Heard>) {
        let mut listener = Listener::new(9600, PATIENCE, framing, None);
        listener.handle_bytes(ms(10), b"\x00\xDD\x01\x03");
        listener.handle_timeout(ms(100));
        listener.handle_bytes(ms(200), talk);
        listener.handle_timeout(ms(2000));
        let heard = std::iter::from_fn(|| listener.poll_event()).collect();
        (listener, heard)
    }

    #[test]
    fn frames_that_check_out_decide_which_framing_is_on_the_line() {
        let (listener, heard) = listen(None, &modbus_talk());
        assert_eq!((listener.framing(), heard.len()), (Some(Framing::ModbusRtu), 1));
        assert_eq!((heard[0].device, heard[0].address, heard[0].quantity), (Some(1), Some(0x1200), Some(1)));
        let (listener, heard) = listen(None, &jbd_talk());
        assert_eq!((listener.framing(), heard.len()), (Some(Framing::Jbd), 1));
        assert_eq!(
            (heard[0].device, heard[0].address, &heard[0].bytes),
            (None, Some(4), &Some(vec![0x0D, 0x66, 0x0D, 0x61]))
        );
        let (listener, heard) = listen(None, b"nothing of either");
        assert_eq!((listener.framing(), heard.len()), (None, 0));
    }

    #[test]
    fn of_a_master_that_nobody_answers_the_end_tells_the_framing() {
        let lonely = jbd::Request::Read { register: 4 }.encode(&[]).unwrap();
        let (mut listener, heard) = listen(None, &lonely);
        assert_eq!((listener.framing(), heard.len()), (None, 0));
        listener.finish();
        assert_eq!(listener.framing(), Some(Framing::Jbd));
        assert_eq!(listener.poll_event().map(|heard| heard.outcome), Some(Outcome::Unanswered));
    }

    #[test]
    fn a_framing_that_was_named_stands_and_a_password_frame_has_no_bytes() {
        let (listener, heard) = listen(Some(Framing::ModbusRtu), &jbd_talk());
        assert_eq!((listener.framing(), heard.len()), (Some(Framing::ModbusRtu), 0));
        let password =
            jbd::password::Password::parse("481516", jbd::password::PasswordCoding::Ascii).unwrap();
        let asked = jbd::Request::use_password(&password).encode(&[]).unwrap();
        let reply = jbd::Reply { register: 6, status: jbd::Status::Done, data: vec![] };
        let talk = [asked, reply.encode(&[]).unwrap()].concat();
        let (_, heard) = listen(None, &talk);
        assert_eq!(
            (heard[0].outcome, heard[0].address, &heard[0].bytes),
            (Outcome::Answered, Some(6), &None)
        );
    }
}
