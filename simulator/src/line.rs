//! A serial line that takes its time: ten bits a byte, both ways, on an absolute schedule, so that what a late timer loses on
//! one slice the next one makes good. A byte sent at a rate at which nobody listens arrives as rubbish.
//!
//! Pure; [`crate::slot`] drives it. Bytes travel in slices of some milliseconds, not one by one: eight lines at 115200 in
//! one process must leave the processor to the others.

use core::time::Duration;
use std::collections::VecDeque;

use protocol::{Instant, timing::wire_time};

use crate::disturbance::{Disturbances, Struck, Wire};

/// Length of a slice on the wire.
const SLICE: Duration = Duration::from_millis(8);
/// A transmitter that had more to send is not asked whether it paused for less than this.
const LATENESS: Duration = Duration::from_millis(25);

/// Both directions of one line.
#[derive(Debug, Default)]
pub struct Line {
    inbound: VecDeque<Slice>,
    inbound_free: Instant,
    /// The last slice was full: the client's transmitter very likely did not pause.
    inbound_streams: bool,
    outbound: VecDeque<Outbound>,
    outbound_free: Instant,
    outbound_due: Option<Instant>,
    /// What disturbs it, to the board and from the board.
    disturbed: Option<(Wire, Wire)>,
}

/// What the board has yet to send, from a pause on.
#[derive(Debug)]
struct Outbound {
    pause: Duration,
    bytes: VecDeque<u8>,
}

#[derive(Debug)]
struct Slice {
    due: Instant,
    bytes: Vec<u8>,
}

impl Line {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on the line is disturbed as `seed` has it, for a new board from the beginning.
    pub fn disturb(&mut self, disturbances: Disturbances, seed: u64) {
        self.disturbed = (disturbances != Disturbances::default())
            .then(|| (Wire::new(disturbances, seed, "to"), Wire::new(disturbances, seed, "from")));
    }

    /// How often what struck the line since [`Line::disturb`].
    #[must_use]
    pub fn struck(&self) -> Struck {
        let mut all = Struck::new();
        for wire in self.disturbed.iter().flat_map(|(to, from)| [to, from]) {
            for (kind, count) in wire.struck() {
                *all.entry(*kind).or_default() += count;
            }
        }
        all
    }

    /// How many bytes to take from the client now; none while a slice is on the wire.
    #[must_use]
    pub fn room(&self, client_baud: u32) -> Option<usize> {
        self.inbound.is_empty().then(|| slice_bytes(client_baud))
    }

    /// The client has sent these bytes (at most [`Line::room`]) at its rate, while the board listens at its own.
    pub fn put_inbound(&mut self, now: Instant, bytes: &[u8], client_baud: u32, board_baud: u32) {
        let streams = self.inbound_streams && now.saturating_sub(self.inbound_free) < LATENESS;
        let start = if streams { self.inbound_free } else { self.inbound_free.max(now) };
        self.inbound_free = start + wire_time(bytes.len(), client_baud);
        self.inbound_streams = bytes.len() >= slice_bytes(client_baud);
        let bytes = at_rates(bytes, client_baud, board_baud);
        let Some((wire, _)) = &mut self.disturbed else {
            self.inbound.push_back(Slice { due: self.inbound_free, bytes });
            return;
        };
        if !streams {
            wire.begin_burst();
        }
        for piece in wire.disturb(&bytes) {
            // What comes before a pause arrives a little late, with the slice; what comes after it, later by the pause.
            self.inbound_free += piece.pause;
            self.inbound.push_back(Slice { due: self.inbound_free, bytes: piece.bytes });
        }
    }

    /// What has arrived at the board by `now`.
    pub fn take_inbound(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.inbound.pop_front_if(|slice| slice.due <= now).map(|slice| slice.bytes)
    }

    /// The board starts to send; behind what it is still sending.
    pub fn put_outbound(&mut self, now: Instant, bytes: &[u8], board_baud: u32) {
        // What follows without a pause is still the same burst, however many pieces it is handed over in.
        let begins = self.outbound.is_empty() && now >= self.outbound_free + SLICE;
        if self.outbound.is_empty() {
            self.outbound_free = self.outbound_free.max(now);
        }
        let whole = |bytes: &[u8], pause| Outbound { pause, bytes: bytes.iter().copied().collect() };
        match &mut self.disturbed {
            None => match self.outbound.back_mut() {
                Some(last) => last.bytes.extend(bytes),
                None => self.outbound.push_back(whole(bytes, Duration::ZERO)),
            },
            Some((_, wire)) => {
                let mut held = Duration::ZERO;
                if begins {
                    wire.begin_burst();
                    held = wire.hold();
                }
                let pieces = wire.disturb(bytes);
                let first = pieces.first().map_or(Duration::ZERO, |piece| piece.pause);
                let pauses =
                    core::iter::once(first + held).chain(pieces.iter().skip(1).map(|piece| piece.pause));
                self.outbound.extend(pauses.zip(&pieces).map(|(pause, piece)| whole(&piece.bytes, pause)));
            }
        }
        self.plan_outbound(board_baud);
    }

    /// What has arrived at the client by `now`.
    pub fn take_outbound(&mut self, now: Instant, client_baud: u32, board_baud: u32) -> Option<Vec<u8>> {
        let due = self.outbound_due.filter(|due| *due <= now)?;
        let front = self.outbound.front_mut()?;
        let count = slice_bytes(board_baud).min(front.bytes.len());
        let bytes: Vec<u8> = front.bytes.drain(..count).collect();
        // Who hears an answer has sent all it had to send, however full its last slice was.
        self.inbound_streams &= !self.inbound.is_empty();
        // The pause is over with the first bytes behind it.
        front.pause = Duration::ZERO;
        if front.bytes.is_empty() {
            self.outbound.pop_front();
        }
        self.outbound_free = due;
        self.outbound_due = None;
        self.plan_outbound(board_baud);
        Some(at_rates(&bytes, board_baud, client_baud))
    }

    /// The board was cut off: what it had not sent is gone.
    pub fn cut(&mut self) {
        self.outbound.clear();
        self.outbound_due = None;
    }

    /// When something arrives next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let inbound = self.inbound.front().map(|slice| slice.due);
        [inbound, self.outbound_due].into_iter().flatten().min()
    }

    fn plan_outbound(&mut self, baud: u32) {
        if self.outbound_due.is_none()
            && let Some(front) = self.outbound.front()
        {
            let count = slice_bytes(baud).min(front.bytes.len());
            self.outbound_due = Some(self.outbound_free + front.pause + wire_time(count, baud));
        }
    }
}

fn slice_bytes(baud: u32) -> usize {
    (SLICE.as_secs_f64() * f64::from(baud) / 10.0).max(1.0) as usize
}

/// A receiver at another rate samples at the wrong moments. What comes out has its top bit set, as after a framing error:
/// never a key of the loader's menu by accident.
fn at_rates(bytes: &[u8], sent_at: u32, heard_at: u32) -> Vec<u8> {
    let apart = sent_at.abs_diff(heard_at);
    // UARTs forgive some two percent.
    if apart * 50 <= heard_at.max(1) {
        bytes.to_vec()
    } else {
        bytes.iter().map(|b| 0x80 | (b >> 1 ^ 0x35)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_kibibyte_takes_its_wire_time_even_when_every_timer_is_late() {
        let mut line = Line::new();
        let mut now = Instant::ZERO;
        let mut left = 1029;
        while left > 0 {
            if let Some(room) = line.room(115_200) {
                let count = room.min(left);
                line.put_inbound(now, &vec![7; count], 115_200, 115_200);
            }
            // Each timer fires up to two milliseconds late.
            now = line.poll_timeout().unwrap() + 2 * MS;
            left -= line.take_inbound(now).unwrap().len();
        }
        let exact = wire_time(1029, 115_200);
        assert!(now >= exact && now <= exact + 3 * MS, "{now:?} against {exact:?}");
    }

    #[test]
    fn a_request_that_fills_its_slice_is_over_when_the_answer_comes() {
        let mut line = Line::new();
        let (slice, at) = (slice_bytes(9600), Duration::from_secs(1));
        line.put_inbound(at, &vec![7; slice], 9600, 9600);
        let heard = line.poll_timeout().unwrap();
        line.take_inbound(heard).unwrap();
        line.put_outbound(heard, &[1, 2], 9600);
        let answered = line.poll_timeout().unwrap();
        line.take_outbound(answered, 9600, 9600).unwrap();
        // The next one, sent at once, takes its own time from then on.
        line.put_inbound(answered, &vec![7; slice], 9600, 9600);
        assert_eq!(line.poll_timeout(), Some(answered + wire_time(slice, 9600)));
    }

    #[test]
    fn both_ways_are_paced() {
        let mut line = Line::new();
        line.put_outbound(Duration::from_secs(1), &[1; 960], 9600);
        let mut now = Duration::from_secs(1);
        let mut got = 0;
        while let Some(due) = line.poll_timeout() {
            now = due + MS;
            got += line.take_outbound(now, 9600, 9600).unwrap().len();
        }
        assert_eq!(got, 960);
        assert!((Duration::from_millis(2000)..Duration::from_millis(2003)).contains(&now), "{now:?}");
    }

    #[test]
    fn bytes_at_the_wrong_rate_arrive_as_rubbish_and_never_as_a_key() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(at_rates(&all, 9600, 9600), all);
        assert!(at_rates(&all, 9600, 115_200).iter().all(|byte| byte & 0x80 != 0));
    }
}
