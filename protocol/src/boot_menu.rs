//! The client's side of the boot loader's text menu (ST AN2557 and AN4657): find out who listens, get it to receive,
//! and start what was programmed.
//!
//! What makes this harder than it looks:
//! - The banner holds capital Cs ("(C)", "COPYRIGHT"): a 'C' in streaming text is not "ready". Ready is the line
//!   "Waiting for the file ..." followed by a 'C', or a 'C' after at least 100 ms of silence with nothing behind it.
//! - AN4657's loader throws away what it received while it printed its menu: a key is sent only after the line has
//!   been quiet, and again if nothing comes of it.
//! - 20h is a harmless question: an application is silent, the menu complains, a receiver answers 'C'.
//! - A receiver found in the middle of an old session answers NAK to a new header for ever: it is sent back to its
//!   menu first ('a' = abort).

use core::time::Duration;
use std::collections::VecDeque;

use crate::ymodem::{ABORT, CAN, CRC_REQUEST, Generation};
use crate::{Instant, timing};

/// Asks who is there; no menu knows it as a key.
pub const PROBE: u8 = 0x20;
/// Printed once the loader receives. No capital C follows it.
const WAITING: &str = "Waiting for the file";
/// A lone 'C' must stay alone for this long.
const ALONE: Duration = Duration::from_millis(20);
const SUCCESS: &str = "Programming Completed Successfully";
/// An outcome's text that was cut off by so many quiet times has no more to say.
const CUT_OFF: u32 = 5;
/// Most text kept of one answer.
const TEXT_LIMIT: usize = 4096;

/// How to talk to the menu.
#[derive(Debug, Clone, Copy)]
pub struct BootMenuOptions {
    pub baud: u32,
    /// Silence that separates text from signals, and ends an answer.
    pub quiet: Duration,
    /// How long a probe's answer may take.
    pub probe_timeout: Duration,
    /// How many probes without an answer mean silence.
    pub probes: u32,
    /// A line that never falls quiet is given up (as garbled) after this.
    pub drain_limit: Duration,
    /// How long after the download key a 'C' may take.
    pub ready_timeout: Duration,
    /// How often the download key is tried.
    pub download_tries: u32,
    /// How long the success text may take to come.
    pub result_timeout: Duration,
    /// What wakes the menu and is none of its keys.
    pub probe_byte: u8,
    pub download_key: u8,
    /// '2' in AN2557's menu, '3' in the F4 SPL's and AN4657's.
    pub execute_key: u8,
}

impl BootMenuOptions {
    /// The keys and waits of a generation's stock menu.
    #[must_use]
    pub fn new(generation: Generation, baud: u32) -> Self {
        Self {
            baud,
            quiet: Duration::from_millis(100),
            probe_timeout: Duration::from_millis(500),
            probes: 3,
            drain_limit: Duration::from_secs(5),
            ready_timeout: Duration::from_secs(4),
            download_tries: 3,
            result_timeout: Duration::from_secs(5),
            probe_byte: PROBE,
            download_key: b'1',
            execute_key: if generation == Generation::Hal { b'3' } else { b'2' },
        }
    }
}

/// Who answered the probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Nobody: the application runs, or the board is dead.
    Silent,
    Menu,
    /// Already waiting for a file, or in the middle of one.
    Receiving,
    /// Something talks, and it is none of the above: wrong baud rate, another device, a chattering line.
    Garbled,
}

/// What came of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BootMenuEvent {
    Found(Found),
    /// The loader waits for the header: hand the line to the sender, which may start at once.
    Ready,
    /// The loader says that it programmed the image.
    Programmed,
    /// The key that starts the application went out and the line is quiet.
    Executed,
    Failed(BootMenuFailure),
}

/// Why a command came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BootMenuFailure {
    #[error("the boot loader did not begin to receive; power the board off and on and try again")]
    NotReady,
    #[error("the boot loader refused the image: {0}")]
    Refused(Refusal),
    #[error("the boot loader did not say whether it programmed the image")]
    NoResult,
}

/// What the boot loader's text says went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    FailedToReceive,
    AbortedByUser,
    SizeLimit,
    VerificationFailed,
}

impl Refusal {
    const ALL: [Self; 4] =
        [Self::FailedToReceive, Self::AbortedByUser, Self::SizeLimit, Self::VerificationFailed];

    /// The words of both generations' menus.
    fn marker(self) -> &'static str {
        match self {
            Self::FailedToReceive => "Failed to receive the file",
            Self::AbortedByUser => "Aborted by user",
            Self::SizeLimit => "higher than the allowed space",
            Self::VerificationFailed => "Verification failed",
        }
    }
}

impl core::fmt::Display for Refusal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::FailedToReceive => "it could not receive the file",
            Self::AbortedByUser => "aborted",
            Self::SizeLimit => "the image is larger than its flash",
            Self::VerificationFailed => "its check of the flash failed",
        })
    }
}

/// What happens once the line is quiet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Probe { left: u32 },
    Download { left: u32 },
    Execute,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    /// Waiting for silence, then for `then`.
    Drain {
        since: Instant,
        then: Then,
    },
    /// A probe is out; probes `left`.
    Probed {
        until: Instant,
        left: u32,
    },
    /// The download key is out; tries `left`.
    Asked {
        until: Instant,
        left: u32,
    },
    /// Waiting for the outcome's text.
    Result {
        until: Instant,
    },
    /// The text came; waiting for the menu that follows it.
    Settle {
        event: BootMenuEvent,
        since: Instant,
    },
    /// The execute key is out.
    Started {
        until: Instant,
    },
}

/// The dialogue: one command at a time, each answered by one event.
#[derive(Debug)]
pub struct BootMenu {
    options: BootMenuOptions,
    state: State,
    /// When the last byte arrived (at the start: now, so that text already streaming is waited for).
    last_byte: Instant,
    /// When the last byte of what was sent is on the line.
    wire_end: Instant,
    /// The menu was seen and the line has been silent since, as far as anybody knows.
    settled: bool,
    found: Option<Found>,
    abort_first: bool,
    /// When a 'C' came out of a silence, with nothing after it so far.
    lone_request: Option<Instant>,
    text: Vec<u8>,
    transmit: Option<u8>,
    events: VecDeque<BootMenuEvent>,
}

impl BootMenu {
    #[must_use]
    pub fn new(now: Instant, options: BootMenuOptions) -> Self {
        Self {
            options,
            state: State::Idle,
            last_byte: now,
            wire_end: now,
            settled: false,
            found: None,
            abort_first: false,
            lone_request: None,
            text: Vec::new(),
            transmit: None,
            events: VecDeque::new(),
        }
    }

    /// A dialogue that goes on where another one ended: the loader is in its menu and said nothing since. So the next key
    /// waits for nothing, unless something still comes.
    #[must_use]
    pub fn settled(now: Instant, options: BootMenuOptions) -> Self {
        Self { settled: true, ..Self::new(now, options) }
    }

    /// Drains, asks by 20h, and says who is there.
    pub fn probe(&mut self, now: Instant) {
        self.text.clear();
        self.state = State::Drain { since: now, then: Then::Probe { left: self.options.probes } };
        self.settled = false;
        self.last_byte = now;
    }

    /// Gets the loader to receive. One that was found receiving is sent back to its menu first.
    pub fn start_download(&mut self, now: Instant) {
        self.text.clear();
        self.abort_first = self.found == Some(Found::Receiving);
        self.found = None;
        self.state = State::Drain { since: now, then: Then::Download { left: self.options.download_tries } };
    }

    /// Waits for the loader's own opinion of the transfer, and for its menu after it.
    pub fn await_result(&mut self, now: Instant) {
        self.text.clear();
        self.settled = false;
        self.last_byte = now;
        self.state = State::Result { until: now + self.options.result_timeout };
    }

    /// Starts the application, once the line is quiet.
    pub fn execute(&mut self, now: Instant) {
        self.text.clear();
        self.state = State::Drain { since: now, then: Then::Execute };
    }

    pub fn handle_bytes(&mut self, now: Instant, bytes: &[u8]) {
        if !bytes.is_empty() && core::mem::take(&mut self.settled) {
            // Not so silent after all: nothing is sent on the strength of it.
            self.last_byte = now;
        }
        self.handle_timeout(now);
        for &byte in bytes {
            self.handle_byte(now, byte);
        }
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        let quiet = self.quiet_at() <= now;
        match self.state {
            State::Drain { since, then } => {
                if quiet {
                    self.proceed(now, then);
                } else if since + self.options.drain_limit <= now {
                    self.give_up_draining(then);
                }
            }
            State::Probed { until, left } => self.probe_timeout(now, until, left),
            State::Asked { .. } if self.lone_request.is_some_and(|at| at + ALONE <= now) => {
                self.finish(BootMenuEvent::Ready);
            }
            State::Asked { until, left } if until <= now && quiet => self.download_again(now, left),
            State::Result { until } if quiet && (until <= now || self.is_cut_off(now)) => {
                self.finish(BootMenuEvent::Failed(BootMenuFailure::NoResult));
            }
            State::Settle { event, since } if quiet || since + self.options.drain_limit <= now => {
                self.finish(event);
            }
            State::Started { until } if until <= now => self.finish(BootMenuEvent::Executed),
            _ => {}
        }
    }

    /// The next byte for the line. Menus read keys one by one, so it is never more than one.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Vec<u8>> {
        let byte = self.transmit.take()?;
        self.wire_end = now + timing::wire_time(1, self.options.baud);
        Some(vec![byte])
    }

    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let quiet = self.quiet_at();
        match self.state {
            State::Idle => None,
            State::Drain { since, .. } | State::Settle { since, .. } => {
                Some(quiet.min(since + self.options.drain_limit))
            }
            State::Probed { until, .. } => {
                Some(if self.text.is_empty() { until } else { quiet.min(until + self.options.drain_limit) })
            }
            State::Asked { until, .. } => {
                let due = until.max(quiet);
                Some(self.lone_request.map_or(due, |at| due.min(at + ALONE)))
            }
            State::Result { until } if self.text.is_empty() => Some(until.max(quiet)),
            State::Result { until } => Some(quiet.max(until.min(self.cut_off_at()))),
            State::Started { until } => Some(until),
        }
    }

    pub fn poll_event(&mut self) -> Option<BootMenuEvent> {
        self.events.pop_front()
    }

    /// Whether the loader was heard since the last command, in its menu or on its way back to it with an image programmed,
    /// and then silence: see [`BootMenu::settled`]. The older loader prints its menu but once.
    #[must_use]
    pub fn stands(&self, now: Instant) -> bool {
        (self.classify() == Found::Menu || self.contains(SUCCESS)) && self.quiet_at() <= now
    }

    /// What the board said since the last command, at most 4 KiB: for the record.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    fn handle_byte(&mut self, now: Instant, byte: u8) {
        let silent_before = self.quiet_at() <= now;
        self.last_byte = now;
        // Text keeps its end: a chattering line must not hide the line that matters.
        if self.text.len() >= TEXT_LIMIT {
            self.text.drain(..TEXT_LIMIT / 2);
        }
        self.text.push(byte);
        match self.state {
            // After "Waiting ..." any capital C is the receiver's; without it only a lone one is.
            State::Asked { .. } if byte == CRC_REQUEST && self.contains(WAITING) => {
                self.finish(BootMenuEvent::Ready);
            }
            State::Asked { .. } => self.lone_request = (byte == CRC_REQUEST && silent_before).then_some(now),
            State::Result { .. } => self.look_for_result(now),
            _ => {}
        }
    }

    fn look_for_result(&mut self, now: Instant) {
        let refusal = Refusal::ALL.into_iter().find(|refusal| self.contains(refusal.marker()));
        let event = match refusal {
            Some(refusal) => BootMenuEvent::Failed(BootMenuFailure::Refused(refusal)),
            None if self.contains(SUCCESS) => BootMenuEvent::Programmed,
            None => return,
        };
        self.state = State::Settle { event, since: now };
    }

    fn proceed(&mut self, now: Instant, then: Then) {
        match then {
            // A menu that has just been printed needs no question.
            Then::Probe { .. } if self.classify() == Found::Menu => self.report(Found::Menu),
            Then::Probe { left } => {
                self.text.clear();
                self.send(now, self.options.probe_byte);
                self.state = State::Probed { until: self.wire_end + self.options.probe_timeout, left };
            }
            Then::Download { left } => {
                self.text.clear();
                if core::mem::take(&mut self.abort_first) {
                    self.send(now, ABORT);
                    // Its menu follows, or nothing: then the quiet time passes and the key goes out all the same.
                    self.last_byte = self.wire_end;
                    self.state = State::Drain { since: now, then };
                    return;
                }
                self.send(now, self.options.download_key);
                self.state = State::Asked { until: self.wire_end + self.options.ready_timeout, left };
            }
            Then::Execute => {
                self.text.clear();
                self.send(now, self.options.execute_key);
                self.state = State::Started { until: self.wire_end + self.options.quiet };
            }
        }
    }

    fn give_up_draining(&mut self, then: Then) {
        match then {
            Then::Probe { .. } => self.report(Found::Garbled),
            Then::Download { .. } => self.finish(BootMenuEvent::Failed(BootMenuFailure::NotReady)),
            Then::Execute => self.finish(BootMenuEvent::Failed(BootMenuFailure::NoResult)),
        }
    }

    fn probe_timeout(&mut self, now: Instant, until: Instant, left: u32) {
        if self.text.is_empty() {
            if until <= now && left > 1 {
                self.proceed(now, Then::Probe { left: left - 1 });
            } else if until <= now {
                self.report(Found::Silent);
            }
        } else if self.quiet_at() <= now || until + self.options.drain_limit <= now {
            match self.classify() {
                // A key pressed in the middle of something, a disturbed line: ask again.
                Found::Garbled if left > 1 => self.proceed(now, Then::Probe { left: left - 1 }),
                found => self.report(found),
            }
        }
    }

    fn download_again(&mut self, now: Instant, left: u32) {
        if left > 1 {
            self.proceed(now, Then::Download { left: left - 1 });
        } else {
            self.finish(BootMenuEvent::Failed(BootMenuFailure::NotReady));
        }
    }

    fn classify(&self) -> Found {
        let signals = |&byte: &u8| byte == CRC_REQUEST || byte == CAN;
        if self.contains("Invalid Number") || self.contains("Main Menu") {
            Found::Menu
        } else if self.contains(WAITING) || (!self.text.is_empty() && self.text.iter().all(signals)) {
            Found::Receiving
        } else {
            Found::Garbled
        }
    }

    fn contains(&self, words: &str) -> bool {
        self.text.windows(words.len()).any(|window| window == words.as_bytes())
    }

    /// The text came, its words were damaged, and nothing follows.
    fn is_cut_off(&self, now: Instant) -> bool {
        !self.text.is_empty() && self.cut_off_at() <= now
    }

    fn cut_off_at(&self) -> Instant {
        self.last_byte + self.options.quiet * CUT_OFF
    }

    /// When the line will have been quiet for long enough.
    fn quiet_at(&self) -> Instant {
        if self.settled {
            return Instant::ZERO;
        }
        self.last_byte.max(self.wire_end) + self.options.quiet
    }

    fn send(&mut self, now: Instant, byte: u8) {
        self.lone_request = None;
        self.settled = false;
        self.transmit = Some(byte);
        self.wire_end = now + timing::wire_time(1, self.options.baud);
    }

    fn report(&mut self, found: Found) {
        self.found = Some(found);
        self.finish(BootMenuEvent::Found(found));
    }

    fn finish(&mut self, event: BootMenuEvent) {
        self.state = State::Idle;
        self.events.push_back(event);
    }
}
