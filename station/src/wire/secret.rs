//! What must not be recorded, and how it is recognised: by the frame that carries it, and by its bytes wherever else they turn up.

use protocol::modbus::{EXCEPTION_BIT, Request, Response, rtu};

/// Address, function, register: what of a frame with a secret is no secret.
const OPEN_OF_SINGLE: usize = 4;
/// And the count of registers and bytes.
const OPEN_OF_MULTIPLE: usize = 7;

/// Which bytes of a frame are kept, and what may be kept of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SecretFrame {
    /// Bytes from the frame's begin that are no secret.
    pub open: usize,
    /// Bytes behind them, to the frame's end, that are none of the log's business: the words and the check sum over them.
    pub hidden: usize,
    address: u8,
    function: u8,
    /// The one answer that says no more than that it was taken; a single write is answered with its value.
    acknowledgement: Option<Vec<u8>>,
}

impl SecretFrame {
    pub fn of(address: u8, request: &Request) -> Self {
        let length = rtu::request_frame_length(request);
        let open = match request {
            Request::ReadHolding { .. } | Request::ReadInput { .. } => length,
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
        Self { open, hidden: length - open, address, function: request.function(), acknowledgement }
    }

    /// Whether this, all that came since the frame went out, is an answer without the secret in it. Everything else is not kept: an
    /// adapter's echo, whole or in pieces, is the frame itself.
    pub fn is_harmless(&self, heard: &[u8]) -> bool {
        self.acknowledgement.as_deref() == Some(heard)
            || heard.len() == rtu::EXCEPTION_FRAME
                && rtu::decode_frame(heard).is_ok_and(|frame| {
                    frame.address == self.address
                        && frame.pdu.first() == Some(&(self.function | EXCEPTION_BIT))
                })
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

    pub fn are_in(&self, bytes: &[u8]) -> bool {
        self.0.iter().any(|needle| bytes.windows(needle.len()).any(|window| window == needle))
    }
}
