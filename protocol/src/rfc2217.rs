//! The client's side of Telnet's COM port control (RFC 2217): a serial server's port whose rate can be set from here.
//!
//! [`Client`] turns the bytes of the connection into those of the port and back, agrees on the options that must stand (eight bits
//! both ways, RFC 856, and the control itself), and sets 8N1 without flow control at the rate that is wanted. Nothing counts as set
//! before the server said so, with the value it set: whoever owns the connection sends no byte of data while [`Client::is_settled`]
//! says no, and gives up after a time of its own.
//!
//! Sources: RFC 854 (commands), 855 (options), 856 (binary), 858 (suppress go ahead), 2217.

use std::collections::VecDeque;

const IAC: u8 = 255;
const DONT: u8 = 254;
const DO: u8 = 253;
const WONT: u8 = 252;
const WILL: u8 = 251;
const SB: u8 = 250;
const SE: u8 = 240;

const BINARY: u8 = 0;
const SUPPRESS_GO_AHEAD: u8 = 3;
const COM_PORT: u8 = 44;

const SET_BAUDRATE: u8 = 1;
const SET_DATASIZE: u8 = 2;
const SET_PARITY: u8 = 3;
const SET_STOPSIZE: u8 = 4;
const SET_CONTROL: u8 = 5;
const SUSPEND: u8 = 8;
const RESUME: u8 = 9;
const SET_LINESTATE_MASK: u8 = 10;
const SET_MODEMSTATE_MASK: u8 = 11;
const PURGE: u8 = 12;
/// What a server's commands have more than a client's.
const FROM_SERVER: u8 = 100;

const EIGHT_BITS: u8 = 8;
const NO_PARITY: u8 = 1;
const ONE_STOP_BIT: u8 = 1;
const NO_FLOW_CONTROL: u8 = 1;
const PURGE_OUTPUT: u8 = 2;
const PURGE_BOTH: u8 = 3;

/// The longest answer that means anything here; of a longer one (a signature) the rest is let go.
const LONGEST_COMMAND: usize = 64;

/// Why the port cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    #[error("it has no COM port control (RFC 2217) on this port")]
    NoControl,
    #[error("it does not pass all bytes as they are (binary transmission refused)")]
    NotBinary,
    #[error("it was asked for {asked} baud and has set {set}")]
    Baud { asked: u32, set: u32 },
    #[error("it does not set its port to 8N1 without flow control ({0} refused)")]
    Setting(&'static str),
}

/// One connection to one port.
#[derive(Debug)]
pub struct Client {
    baud: u32,
    /// We will send eight bits; they will; the control. In the order of [`MUST`].
    agreed: [bool; MUST.len()],
    parser: Parser,
    /// Settings whose confirmation is due, with the value that was asked for.
    due: VecDeque<(u8, u32)>,
    transmit: Vec<u8>,
    is_suspended: bool,
    failure: Option<Failure>,
}

/// What must stand: the answer that makes it stand, the one that refuses it, and the option.
const MUST: [(u8, u8, u8); 3] = [(DO, DONT, BINARY), (WILL, WONT, BINARY), (DO, DONT, COM_PORT)];

#[derive(Debug, Clone, PartialEq, Eq)]
enum Parser {
    Data,
    /// IAC came.
    Command,
    /// And one of the four verbs.
    Option(u8),
    /// Within a subnegotiation.
    Sub(Vec<u8>),
    /// And IAC in it.
    SubCommand(Vec<u8>),
}

impl Client {
    /// A port that is to have `baud` bits per second.
    #[must_use]
    pub fn new(baud: u32) -> Self {
        let mut transmit = Vec::new();
        for (verb, option) in [
            (WILL, BINARY),
            (DO, BINARY),
            (WILL, SUPPRESS_GO_AHEAD),
            (DO, SUPPRESS_GO_AHEAD),
            (WILL, COM_PORT),
        ] {
            transmit.extend([IAC, verb, option]);
        }
        Self {
            baud,
            agreed: [false; MUST.len()],
            parser: Parser::Data,
            due: VecDeque::new(),
            transmit,
            is_suspended: false,
            failure: None,
        }
    }

    /// Asks for another rate. What is sent as data afterwards goes out at that rate.
    pub fn set_baud(&mut self, baud: u32) {
        self.baud = baud;
        // Before the agreement nothing is set; then this rate is.
        if self.is_agreed() {
            self.set(SET_BAUDRATE, baud);
        }
    }

    /// Has the server throw away what it has not sent yet.
    pub fn purge_output(&mut self) {
        if self.is_agreed() {
            self.command(PURGE, &[PURGE_OUTPUT]);
        }
    }

    /// Data as it goes over the connection.
    #[must_use]
    pub fn encode(&self, data: &[u8]) -> Vec<u8> {
        escaped(data)
    }

    /// What came over the connection; returns the bytes of the port.
    pub fn handle_bytes(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut data = Vec::new();
        for &byte in bytes {
            self.parser = match (std::mem::replace(&mut self.parser, Parser::Data), byte) {
                (Parser::Data, IAC) => Parser::Command,
                (Parser::Data, byte) | (Parser::Command, byte @ IAC) => {
                    data.push(byte);
                    Parser::Data
                }
                (Parser::Command, verb @ (DO | DONT | WILL | WONT)) => Parser::Option(verb),
                (Parser::Command, SB) => Parser::Sub(Vec::new()),
                // No other command means anything to a port.
                (Parser::Command, _) => Parser::Data,
                (Parser::Option(verb), option) => {
                    self.negotiate(verb, option);
                    Parser::Data
                }
                (Parser::Sub(held), IAC) => Parser::SubCommand(held),
                (Parser::Sub(held), byte) | (Parser::SubCommand(held), byte @ IAC) => {
                    Parser::Sub(with(held, byte))
                }
                (Parser::SubCommand(held), SE) => {
                    self.hear(&held);
                    Parser::Data
                }
                // A subnegotiation that another command breaks off.
                (Parser::SubCommand(_), verb @ (DO | DONT | WILL | WONT)) => Parser::Option(verb),
                (Parser::SubCommand(_), _) => Parser::Data,
            };
        }
        data
    }

    /// What is to be sent before any more data.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        (!self.transmit.is_empty()).then(|| std::mem::take(&mut self.transmit))
    }

    /// Whether data may be sent: all is agreed and set, and the server did not ask for a pause.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.is_agreed() && self.due.is_empty() && !self.is_suspended && self.failure.is_none()
    }

    /// Why nothing can come of it any more.
    #[must_use]
    pub fn failure(&self) -> Option<Failure> {
        self.failure
    }

    /// What is waited for, for a person.
    #[must_use]
    pub fn waits_for(&self) -> &'static str {
        match (self.agreed, self.due.front()) {
            ([_, _, false], _) => "its consent to COM port control (RFC 2217)",
            ([false, ..] | [_, false, _], _) => "its consent to binary transmission",
            (_, Some((SET_BAUDRATE, _))) => "the confirmation of the rate",
            (_, Some(_)) => "the confirmation of the port's settings",
            (_, None) => "the end of the pause it asked for",
        }
    }

    fn is_agreed(&self) -> bool {
        self.agreed.iter().all(|agreed| *agreed)
    }

    fn negotiate(&mut self, verb: u8, option: u8) {
        for (index, (yes, no, must)) in MUST.into_iter().enumerate() {
            if option != must || verb != yes && verb != no {
                continue;
            }
            if verb == no {
                // Also a consent that is taken back.
                self.failure.get_or_insert(if must == COM_PORT {
                    Failure::NoControl
                } else {
                    Failure::NotBinary
                });
                return;
            }
            let was_agreed = self.is_agreed();
            self.agreed[index] = true;
            if self.is_agreed() && !was_agreed {
                self.set_port();
            }
            return;
        }
        // We asked for it ourselves; a refusal changes nothing. Nothing else is wanted, and a refusal is never answered.
        match verb {
            DO if option != SUPPRESS_GO_AHEAD => self.transmit.extend([IAC, WONT, option]),
            WILL if option != SUPPRESS_GO_AHEAD => self.transmit.extend([IAC, DONT, option]),
            _ => {}
        }
    }

    fn set_port(&mut self) {
        // No word of modem lines unasked.
        self.command(SET_LINESTATE_MASK, &[0]);
        self.command(SET_MODEMSTATE_MASK, &[0]);
        self.set(SET_BAUDRATE, self.baud);
        for (command, value) in [
            (SET_DATASIZE, EIGHT_BITS),
            (SET_PARITY, NO_PARITY),
            (SET_STOPSIZE, ONE_STOP_BIT),
            (SET_CONTROL, NO_FLOW_CONTROL),
        ] {
            self.set(command, value.into());
        }
        // What the last board said before we came is not for us.
        self.command(PURGE, &[PURGE_BOTH]);
    }

    fn set(&mut self, command: u8, value: u32) {
        let bytes = value.to_be_bytes();
        self.command(command, if command == SET_BAUDRATE { &bytes } else { &bytes[3..] });
        self.due.push_back((command, value));
    }

    fn command(&mut self, command: u8, value: &[u8]) {
        self.transmit.extend([IAC, SB, COM_PORT, command]);
        self.transmit.extend(escaped(value));
        self.transmit.extend([IAC, SE]);
    }

    /// A whole subnegotiation.
    fn hear(&mut self, said: &[u8]) {
        let [COM_PORT, command, value @ ..] = said else { return };
        match command.checked_sub(FROM_SERVER) {
            Some(SUSPEND) => self.is_suspended = true,
            Some(RESUME) => self.is_suspended = false,
            Some(command) => self.confirm(command, value),
            None => {}
        }
    }

    fn confirm(&mut self, command: u8, value: &[u8]) {
        let set = match value {
            [a, b, c, d] => u32::from_be_bytes([*a, *b, *c, *d]),
            [value] => (*value).into(),
            _ => return,
        };
        // The oldest of its kind: a server answers in order, but for what it does not answer at all.
        let Some(index) = self.due.iter().position(|(due, _)| *due == command) else { return };
        let Some((_, asked)) = self.due.remove(index) else { return };
        if set == asked {
            return;
        }
        let failure = match command {
            SET_BAUDRATE => Failure::Baud { asked, set },
            SET_DATASIZE => Failure::Setting("8 data bits"),
            SET_PARITY => Failure::Setting("no parity"),
            SET_STOPSIZE => Failure::Setting("one stop bit"),
            _ => Failure::Setting("no flow control"),
        };
        self.failure.get_or_insert(failure);
    }
}

/// Every byte that begins a command stands twice.
fn escaped(data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(data.len() + 8);
    for &byte in data {
        bytes.push(byte);
        if byte == IAC {
            bytes.push(IAC);
        }
    }
    bytes
}

fn with(mut held: Vec<u8>, byte: u8) -> Vec<u8> {
    if held.len() < LONGEST_COMMAND {
        held.push(byte);
    }
    held
}

#[cfg(test)]
#[path = "rfc2217_tests.rs"]
mod tests;
