//! What must not be recorded, and how it is recognised: by the frame that carries it, and by its bytes wherever else they turn up.

use protocol::{
    jbd::{self, EmptyAnswers, MAX_CALLBACK, Reply},
    modbus::{EXCEPTION_BIT, Request, Response, rtu},
};

/// Address, function, register: what of a frame with a secret is no secret.
const OPEN_OF_SINGLE: usize = 4;
/// And the count of registers and bytes.
const OPEN_OF_MULTIPLE: usize = 7;
/// Marks, register and length of a frame in the JBD framing.
const OPEN_OF_JBD: usize = 4;
/// Characters of a JBD password.
const JBD_PASSWORD: usize = 6;
const JBD_WRITE: u8 = 0x5A;

/// Which bytes of a frame are kept, and what may be kept of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SecretFrame {
    /// Bytes from the frame's begin that are no secret.
    pub open: usize,
    /// Bytes behind them, to the frame's end, that are none of the log's business: the words and the check sum over them.
    pub hidden: usize,
    answers: Answers,
}

/// How what comes back is known to be harmless.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Answers {
    Modbus {
        address: u8,
        function: u8,
        /// The one answer that says no more than that it was taken; a single write is answered with its value.
        acknowledgement: Option<Vec<u8>>,
    },
    /// About this register, without data.
    Jbd { register: u8 },
    /// Just these bytes: that it was taken.
    Taken(Vec<u8>),
}

impl SecretFrame {
    pub fn of(address: u8, request: &Request) -> Self {
        let length = rtu::request_frame_length(request);
        let open = match request {
            Request::ReadHolding { .. }
            | Request::ReadInput { .. }
            | Request::ReadCoils { .. }
            | Request::WriteCoils { .. } => length,
            Request::WriteSingle { .. } => OPEN_OF_SINGLE,
            Request::WriteMultiple { .. } => OPEN_OF_MULTIPLE,
        };
        let acknowledgement = match request {
            Request::WriteMultiple { address: register, values } => {
                let quantity = u16::try_from(values.len()).unwrap_or(u16::MAX);
                let taken = Response::WriteMultiple { address: *register, quantity };
                rtu::encode_response(address, &taken).ok()
            }
            _ => None,
        };
        let answers = Answers::Modbus { address, function: request.function(), acknowledgement };
        Self { open, hidden: length - open, answers }
    }

    /// A frame of a described framing whose secret begins behind `open` bytes; `taken` is the frame that says no more than that it was
    /// taken.
    pub fn of_described(frame: &[u8], open: usize, taken: Vec<u8>) -> Self {
        let open = open.min(frame.len());
        Self { open, hidden: frame.len() - open, answers: Answers::Taken(taken) }
    }

    /// A frame in the JBD framing that carries a password, or a word that opens the board; it is known by its register, and so needs
    /// nobody to tell of it. Also one that is cut off behind its length.
    pub fn of_jbd(bytes: &[u8]) -> Option<(Self, Vec<Vec<u8>>)> {
        let [jbd::START, _, register, length, rest @ ..] = bytes else { return None };
        let data = rest.get(..usize::from(*length)).unwrap_or(rest);
        let is_secret = bytes[1] == JBD_WRITE
            && jbd::Request::Write { register: *register, data: data.to_vec() }.is_secret();
        if !is_secret {
            return None;
        }
        // A password stands behind its length; a change has two.
        let secrets = match data.split_first() {
            Some((_, words)) if words.len() >= JBD_PASSWORD => {
                words.chunks_exact(JBD_PASSWORD).map(<[u8]>::to_vec).collect()
            }
            _ => Vec::new(),
        };
        let whole = OPEN_OF_JBD + usize::from(*length) + 3;
        // Up to four bytes may follow the end; they are no frame, and what is not known is not kept.
        let callback = bytes.len().saturating_sub(whole).min(MAX_CALLBACK);
        let hidden = whole - OPEN_OF_JBD + callback;
        let answers = Answers::Jbd { register: *register };
        Some((Self { open: OPEN_OF_JBD, hidden, answers }, secrets))
    }

    /// Whether this, all that came since the frame went out, is an answer without the secret in it. Everything else is not kept: an
    /// adapter's echo, whole or in pieces, is the frame itself.
    pub fn is_harmless(&self, heard: &[u8]) -> bool {
        match &self.answers {
            Answers::Modbus { address, function, acknowledgement } => {
                acknowledgement.as_deref() == Some(heard)
                    || heard.len() == rtu::EXCEPTION_FRAME
                        && rtu::decode_frame(heard).is_ok_and(|frame| {
                            frame.address == *address
                                && frame.pdu.first() == Some(&(function | EXCEPTION_BIT))
                        })
            }
            Answers::Taken(taken) => !taken.is_empty() && heard == taken,
            Answers::Jbd { register } => Reply::decode(heard, EmptyAnswers::Summed)
                .is_ok_and(|reply| reply.register == *register && reply.data.is_empty()),
        }
    }
}

/// The secrets of one run as they look on a wire.
#[derive(Debug, Default)]
pub(super) struct Needles(Vec<Vec<u8>>);

impl Needles {
    pub fn add(&mut self, secret: &str) {
        let plain = secret.as_bytes();
        if plain.len() < 2 {
            // One character stands everywhere; no board has such a password.
            return;
        }
        // Low byte first, as another word order would have it.
        let swapped = plain.chunks(2).flat_map(|pair| pair.iter().rev().copied()).collect();
        for needle in [plain.to_vec(), swapped] {
            if !self.0.contains(&needle) {
                self.0.push(needle);
            }
        }
    }

    /// Bytes that are a secret as they are.
    pub fn add_bytes(&mut self, secret: Vec<u8>) {
        if !self.0.contains(&secret) {
            self.0.push(secret);
        }
    }

    pub fn are_in(&self, bytes: &[u8]) -> bool {
        self.0.iter().any(|needle| bytes.windows(needle.len()).any(|window| window == needle))
    }
}

/// A JBD password as a person writes it: digits may go as the bytes 0 to 9.
pub(super) fn jbd_text(secret: &[u8]) -> Option<String> {
    let digits = secret.iter().all(|byte| *byte <= 9);
    let characters = secret.iter().map(|byte| if digits { byte + b'0' } else { *byte });
    let text: Vec<u8> = characters.collect();
    text.iter().all(u8::is_ascii_graphic).then(|| String::from_utf8_lossy(&text).into_owned())
}
