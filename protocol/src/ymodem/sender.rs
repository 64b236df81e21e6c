//! The sending end, made for receivers that misbehave in known ways.
//!
//! What it knows about ST's receivers (AN2557 and AN4657; read and driven):
//! - 'C' after a data block means "send it again" (AN4657 answers so to a wrong CRC, both do to a damaged frame).
//! - A repeated block whose acknowledgement was lost is answered NAK for ever. So NAK after a repetition of block N
//!   means "N was taken": go on with N+1, but never twice without an ACK in between.
//! - After CA CA the older loader is back in its menu, where the rest of a block is read as keys, and the key for
//!   'execute' may be among them: stop at once, throw away what the driver still holds, drain.
//! - The acknowledgement of the header waits for the erase, which may take more than ten seconds.
//! - The first EOT is acknowledged at once; other receivers answer it NAK and want a second one.
//! - The ACK of EOT is the success: the image is whole by then, even if the closing block is never acknowledged.
//! - A closing block that was damaged on its way leaves the newer loader asking for it for ever, deaf to its menu's keys: it is
//!   sent again, but only for a 'C' that stands alone, for the text that follows its ACK is full of them.
//!
//! - A receiver that hears anything but the start of a block asks by 'C' for each byte of it: the block is repeated when it has
//!   fallen quiet, or its head is lost again.
//! - A board that restarted in mid-transfer is back in its menu and answers each block with text: whoever talks is no receiver.
//!
//! And about lrzsz: it flushes its input just after each ACK and 'C', so an answer within some 100 microseconds
//! loses its head: hence the turnaround.

use core::{ops::Range, time::Duration};
use std::collections::VecDeque;

use super::{ACK, CAN, CRC_REQUEST, EOT, Generation, NAK, encode_block, header_payload};
use crate::{Instant, timing};

mod terms;

pub use terms::{
    Completion, Phase, SenderEvent, SenderFailure, SenderOptions, SenderRefusal, Start, Transmit, wire_floor,
};

/// Longest text kept of what a receiver says after CA CA.
const DRAINED_LIMIT: usize = 2048;
/// A line that never falls quiet is given up after this many times the quiet time.
const DRAIN_FACTOR: u32 = 30;
/// A 'C' with nothing behind it for so long is no letter of a text.
const ALONE: Duration = Duration::from_millis(20);
/// More than so many bytes that are no signal, in answer to one block, are text.
const STRAY_LIMIT: u32 = 24;
/// Who says nothing to so many transmissions in a row is not there any more: a receiver that lives asks every second.
const SILENCE_LIMIT: u32 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Waiting for 'C'.
    Idle {
        until: Instant,
    },
    /// `phase` is to be sent once `not_before` has come.
    Pending {
        phase: Phase,
        not_before: Instant,
    },
    /// `phase` is on its way or at the receiver; `wire_end` is when its last byte is on the line.
    Sent {
        phase: Phase,
        wire_end: Instant,
        until: Instant,
    },
    /// The header is taken; 'C' must follow.
    AwaitC {
        phase: Phase,
        until: Instant,
    },
    Draining {
        quiet_from: Instant,
        since: Instant,
        failure: SenderFailure,
    },
    Over,
}

/// One transfer of one image.
#[derive(Debug)]
pub struct Sender {
    name: String,
    length: usize,
    blocks: u32,
    options: SenderOptions,
    state: State,
    /// How often the current phase was sent.
    sent: u32,
    /// The block before the current one counts as taken without an ACK.
    assumed: bool,
    /// Answers to earlier copies of the block before the current one that may still be on their way.
    stale_replies: u32,
    last_was_can: bool,
    /// When a receiver seemed to ask for the closing block once more.
    closing_asked: Option<Instant>,
    /// Bytes that are no signal since the phase was last sent.
    strays: u32,
    /// Transmissions in a row to which nothing at all was said.
    unanswered: u32,
    cancel_pending: bool,
    retransmitted: u32,
    assumed_taken: u32,
    drained: Vec<u8>,
    unread: Vec<u8>,
    events: VecDeque<SenderEvent>,
}

impl Sender {
    /// Plans the transfer of `length` bytes under `name`.
    ///
    /// # Errors
    /// [`SenderRefusal`]: the receiver's block counter is checked here, before a byte is erased.
    pub fn new(
        now: Instant,
        name: &str,
        length: usize,
        options: SenderOptions,
    ) -> Result<Self, SenderRefusal> {
        if length == 0 {
            return Err(SenderRefusal::Empty);
        }
        if name.is_empty() || name.len() > 63 || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(SenderRefusal::BadName);
        }
        let blocks = u32::try_from(length.div_ceil(options.data_block.bytes())).unwrap_or(u32::MAX);
        if let Some(limit) = options.receiver.block_limit()
            && blocks > limit
        {
            return Err(SenderRefusal::TooManyBlocks { blocks, limit });
        }
        let state = match options.start {
            Start::WaitForC => State::Idle { until: now + options.ready_timeout },
            Start::Ready => State::Pending { phase: Phase::Header, not_before: now + options.turnaround },
        };
        Ok(Self {
            name: name.to_owned(),
            length,
            blocks,
            options,
            state,
            sent: 0,
            assumed: false,
            stale_replies: 0,
            last_was_can: false,
            closing_asked: None,
            strays: 0,
            unanswered: 0,
            cancel_pending: false,
            retransmitted: 0,
            assumed_taken: 0,
            drained: Vec::new(),
            unread: Vec::new(),
            events: VecDeque::new(),
        })
    }

    pub fn handle_bytes(&mut self, now: Instant, bytes: &[u8]) {
        for &byte in bytes {
            self.handle_byte(now, byte);
        }
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        match self.state {
            State::Idle { until } if until <= now => self.end(SenderEvent::Failed(SenderFailure::NoReceiver)),
            State::Sent { phase: Phase::Close, .. }
                if self.closing_asked.is_some_and(|asked| asked + ALONE <= now) =>
            {
                self.asked_again(now, Phase::Close);
            }
            State::Sent { phase: Phase::Close, until, .. } if until <= now => {
                self.complete(Closing::Unconfirmed);
            }
            State::Sent { phase, until, .. } if until <= now => {
                self.unanswered += 1;
                if self.sent > self.options.retransmissions || self.unanswered >= SILENCE_LIMIT {
                    self.end(SenderEvent::Failed(SenderFailure::NoReply { phase }));
                } else {
                    self.pending(now, phase);
                }
            }
            // The 'C' got lost, or this receiver does not send one: what must follow was acknowledged, so go on.
            State::AwaitC { phase, until } if until <= now => self.pending(now, phase),
            State::Draining { quiet_from, since, failure } => {
                let limit = since + self.options.quiet * DRAIN_FACTOR;
                if quiet_from + self.options.quiet <= now || limit <= now {
                    self.end(SenderEvent::Failed(failure));
                }
            }
            _ => {}
        }
    }

    /// The next bytes for the line, once their time has come. `image` is always the whole image; bytes beyond the
    /// length given at the start are ignored, missing ones are padding.
    pub fn poll_transmit(&mut self, now: Instant, image: &[u8]) -> Option<Transmit> {
        if self.cancel_pending {
            self.cancel_pending = false;
            return Some(Transmit { bytes: vec![CAN, CAN], of_image: None });
        }
        let State::Pending { phase, not_before } = self.state else { return None };
        if now < not_before {
            return None;
        }
        let bytes = self.encode(phase, image);
        let wire_end = now + timing::wire_time(bytes.len(), self.options.baud);
        let patience = match phase {
            Phase::Start | Phase::Header => self.options.header_timeout,
            Phase::Block(_) | Phase::End => self.options.reply_timeout,
            Phase::Close => self.options.close_timeout,
        };
        if self.sent > 0 {
            self.retransmitted += 1;
        }
        self.sent += 1;
        self.closing_asked = None;
        self.strays = 0;
        self.state = State::Sent { phase, wire_end, until: wire_end + patience };
        Some(Transmit { bytes, of_image: self.span(phase, image) })
    }

    /// When to call [`Sender::handle_timeout`] and [`Sender::poll_transmit`] again if nothing arrives.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Sent { until, .. } => {
                Some(self.closing_asked.map_or(until, |asked| until.min(asked + ALONE)))
            }
            State::Idle { until } | State::AwaitC { until, .. } => Some(until),
            State::Pending { not_before, .. } => Some(not_before),
            State::Draining { quiet_from, since, .. } => {
                Some((quiet_from + self.options.quiet).min(since + self.options.quiet * DRAIN_FACTOR))
            }
            State::Over => None,
        }
    }

    pub fn poll_event(&mut self) -> Option<SenderEvent> {
        self.events.pop_front()
    }

    /// Stops from this side: CA CA, drain, then [`SenderFailure::Cancelled`].
    pub fn cancel(&mut self, now: Instant) {
        if !matches!(self.state, State::Over | State::Draining { .. }) {
            self.events.push_back(SenderEvent::DiscardOutput);
            self.cancel_pending = true;
            self.state = State::Draining { quiet_from: now, since: now, failure: SenderFailure::Cancelled };
        }
    }

    /// Data blocks of the transfer.
    #[must_use]
    pub fn blocks(&self) -> u32 {
        self.blocks
    }

    /// What the receiver said after it stopped the transfer, at most 2 KiB.
    #[must_use]
    pub fn drained(&self) -> &[u8] {
        &self.drained
    }

    /// What arrived after the image was whole and was no answer: the loader's text, for the boot-menu dialogue.
    pub fn take_unread(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.unread)
    }

    #[must_use]
    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    fn handle_byte(&mut self, now: Instant, byte: u8) {
        self.unanswered = 0;
        if let State::Draining { since, failure, .. } = self.state {
            self.state = State::Draining { quiet_from: now, since, failure };
            if self.drained.len() < DRAINED_LIMIT {
                self.drained.push(byte);
            }
            return;
        }
        if self.state == State::Over {
            self.unread.push(byte);
            return;
        }
        if byte == CAN {
            if core::mem::replace(&mut self.last_was_can, true) {
                self.handle_cancel(now);
            }
            return;
        }
        self.last_was_can = false;
        match self.state {
            State::Idle { .. } if byte == CRC_REQUEST => self.pending(now, Phase::Header),
            State::AwaitC { phase, .. } if byte == CRC_REQUEST => self.pending(now, phase),
            State::Sent { phase, wire_end, .. } => self.handle_reply(now, phase, wire_end, byte),
            // The answer came after all, just before the repetition went out.
            State::Pending { phase, .. } if byte == ACK && self.sent > 0 => {
                self.taken(now, phase, Taken::Acknowledged);
            }
            // It asks for each byte of something that it did not understand: let it finish.
            State::Pending { phase, .. } if byte == CRC_REQUEST && self.sent > 0 => {
                self.state = State::Pending { phase, not_before: now + ALONE };
            }
            _ => {}
        }
    }

    fn handle_cancel(&mut self, now: Instant) {
        let phase = match self.state {
            State::Over => return,
            // The end mark was acknowledged: the image is whole, whatever the loader says now.
            State::Pending { phase: Phase::Close, .. }
            | State::Sent { phase: Phase::Close, .. }
            | State::AwaitC { phase: Phase::Close, .. } => {
                self.events.push_back(SenderEvent::DiscardOutput);
                return self.complete(Closing::Unconfirmed);
            }
            State::Pending { phase, .. } | State::Sent { phase, .. } | State::AwaitC { phase, .. } => phase,
            State::Idle { .. } | State::Draining { .. } => Phase::Start,
        };
        self.events.push_back(SenderEvent::DiscardOutput);
        let failure = SenderFailure::ReceiverCancelled { phase };
        self.state = State::Draining { quiet_from: now, since: now, failure };
    }

    fn handle_reply(&mut self, now: Instant, phase: Phase, wire_end: Instant, byte: u8) {
        // ST's loaders go straight on to text, in which any letter stands: only an ACK before the first of it counts, and
        // only a 'C' that nothing follows asks for the closing block again.
        let st = self.options.receiver != Generation::Standard;
        if phase == Phase::Close && st && (byte != ACK || !self.unread.is_empty()) {
            self.closing_asked = None;
            if byte != CRC_REQUEST || !self.unread.is_empty() {
                self.unread.push(byte);
            } else if now >= wire_end {
                self.closing_asked = Some(now);
            }
            return;
        }
        // An answer to a repetition of the block before this one, whose first answer came late after all. Only
        // believed to be that while this block is still on the line; a line faster than said costs one repetition.
        if matches!(byte, ACK | NAK) && now < wire_end && self.stale_replies > 0 {
            self.stale_replies -= 1;
            return;
        }
        match byte {
            ACK => self.taken(now, phase, Taken::Acknowledged),
            // A 'C' that comes before the block's last byte is on the line was meant for something earlier.
            CRC_REQUEST if now >= wire_end => self.asked_again(now, phase),
            NAK => self.refused(now, phase),
            CRC_REQUEST => {}
            _ => {
                self.strays += 1;
                if self.strays > STRAY_LIMIT {
                    self.events.push_back(SenderEvent::DiscardOutput);
                    let failure = SenderFailure::ReceiverLeft { phase };
                    self.state = State::Draining { quiet_from: now, since: now, failure };
                }
            }
        }
    }

    fn refused(&mut self, now: Instant, phase: Phase) {
        let knows_no_repeats = self.options.receiver != Generation::Standard;
        match phase {
            Phase::Header | Phase::Block(_) if knows_no_repeats && self.sent > 1 => {
                self.taken(now, phase, Taken::Assumed);
            }
            Phase::Block(block) if self.assumed => self.cancel_with(now, SenderFailure::OutOfStep { block }),
            _ => self.asked_again(now, phase),
        }
    }

    fn asked_again(&mut self, now: Instant, phase: Phase) {
        if self.sent <= self.options.retransmissions {
            self.pending(now, phase);
        } else if phase == Phase::Close {
            self.complete(Closing::Unconfirmed);
        } else {
            self.cancel_with(now, SenderFailure::TooManyRetransmissions { phase });
        }
    }

    fn taken(&mut self, now: Instant, phase: Phase, how: Taken) {
        if how == Taken::Assumed {
            if self.assumed {
                let block = if let Phase::Block(block) = phase { block } else { 0 };
                return self.cancel_with(now, SenderFailure::OutOfStep { block });
            }
            self.assumed_taken += 1;
        }
        self.assumed = how == Taken::Assumed;
        self.stale_replies = self.sent.saturating_sub(if self.assumed { 2 } else { 1 });
        self.sent = 0;
        match phase {
            Phase::Start | Phase::Header => match how {
                Taken::Acknowledged => self.await_c(now, Phase::Block(1)),
                // Its 'C' was lost with its ACK.
                Taken::Assumed => self.pending(now, Phase::Block(1)),
            },
            Phase::Block(block) => {
                let bytes = self.length.min(block as usize * self.options.data_block.bytes()) as u64;
                self.events.push_back(SenderEvent::Progress { block, blocks: self.blocks, bytes });
                let next = if block < self.blocks { Phase::Block(block + 1) } else { Phase::End };
                self.pending(now, next);
            }
            Phase::End => match self.options.receiver {
                Generation::Standard => self.await_c(now, Phase::Close),
                // ST's receivers ask only after their next time-out.
                Generation::Spl | Generation::Hal => self.pending(now, Phase::Close),
            },
            Phase::Close => self.complete(Closing::Confirmed),
        }
    }

    fn cancel_with(&mut self, now: Instant, failure: SenderFailure) {
        self.events.push_back(SenderEvent::DiscardOutput);
        self.cancel_pending = true;
        self.state = State::Draining { quiet_from: now, since: now, failure };
    }

    fn await_c(&mut self, now: Instant, phase: Phase) {
        self.state = State::AwaitC { phase, until: now + self.options.reply_timeout };
    }

    fn pending(&mut self, now: Instant, phase: Phase) {
        self.state = State::Pending { phase, not_before: now + self.options.turnaround };
    }

    fn complete(&mut self, closing: Closing) {
        self.end(SenderEvent::Done(Completion {
            closed: closing == Closing::Confirmed,
            retransmitted: self.retransmitted,
            assumed_taken: self.assumed_taken,
        }));
    }

    fn end(&mut self, event: SenderEvent) {
        self.state = State::Over;
        self.events.push_back(event);
    }

    /// What of the image a phase carries.
    fn span(&self, phase: Phase, image: &[u8]) -> Option<Range<usize>> {
        let Phase::Block(block) = phase else { return None };
        let size = self.options.data_block.bytes();
        let end = image.len().min(self.length);
        let from = ((block as usize - 1) * size).min(end);
        Some(from..(from + size).min(end))
    }

    fn encode(&self, phase: Phase, image: &[u8]) -> Vec<u8> {
        let header = self.options.header_block;
        match phase {
            Phase::Start | Phase::Header => {
                let payload = header_payload(&self.name, self.length, self.options.size_ending);
                encode_block(header, 0, &payload, 0)
            }
            Phase::Block(block) => {
                let span = self.span(phase, image).unwrap_or_default();
                // The number on the wire is the low byte; receivers that cannot bear the wrap were refused in `new`.
                encode_block(self.options.data_block, block as u8, &image[span], self.options.pad)
            }
            Phase::End => vec![EOT],
            Phase::Close => encode_block(header, 0, &[], 0),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    Acknowledged,
    Assumed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closing {
    Confirmed,
    Unconfirmed,
}
