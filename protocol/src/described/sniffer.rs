//! Listens to both ways of a line in a described framing: pairs requests with their answers, and sends nothing.

use core::time::Duration;
use std::{collections::VecDeque, sync::Arc};

use super::{Frames, Request, Way};
use crate::Instant;
use crate::framing::Line;
use crate::overheard::{Look, Overheard, Reading, look};
use crate::row::{Fields, MAX_FRAME, Row};

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The frames of its answer, in the order in which they came, the first so long after it.
    Answered {
        frames: Vec<Fields>,
        after: Duration,
    },
    Refused {
        status: u8,
        after: Duration,
    },
    Unanswered,
}

/// One thing overheard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sniffed {
    Exchange {
        at: Instant,
        request: Request,
        outcome: Outcome,
    },
    /// An answer that nobody was heard to ask for.
    Stray {
        at: Instant,
        fields: Fields,
    },
}

#[derive(Debug)]
struct Pending {
    at: Instant,
    request: Request,
    answers: Vec<Fields>,
    after: Duration,
}

enum Found {
    Request(Request),
    Answer(Fields),
}

/// Both ways of one line.
#[derive(Debug)]
pub struct Sniffer {
    frames: Arc<Frames>,
    line: Overheard,
    answer_timeout: Duration,
    pending: Option<Pending>,
    heard: VecDeque<Sniffed>,
    dropped: u64,
}

impl Sniffer {
    /// On a line at `baud` bits a second; a request counts as unanswered after `answer_timeout`.
    #[must_use]
    pub fn new(frames: Arc<Frames>, baud: u32, answer_timeout: Duration) -> Self {
        Self {
            frames,
            line: Overheard::new(baud, MAX_FRAME),
            answer_timeout,
            pending: None,
            heard: VecDeque::new(),
            dropped: 0,
        }
    }

    pub fn handle_bytes(&mut self, now: Instant, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.handle_timeout(now);
        for &byte in bytes {
            self.line.push(now, byte);
            self.take_frames(Line::Busy);
            self.dropped += u64::from(self.line.forgets_one());
        }
    }

    /// Ends a gap or a wait that has lasted long enough; before that it does nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.line.gap_ends().is_some_and(|due| due <= now) {
            self.take_frames(Line::Silent);
            self.dropped += self.line.take_rest().len() as u64;
        }
        // Bytes that are on their way may still be the answer.
        if self.line.is_empty() && self.answer_due().is_some_and(|due| due <= now) {
            self.end_exchange();
        }
    }

    /// When [`Self::handle_timeout`] has something to do.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.line.gap_ends().or_else(|| self.answer_due())
    }

    /// The next thing overheard, in the order of the line.
    pub fn poll_event(&mut self) -> Option<Sniffed> {
        self.heard.pop_front()
    }

    /// Nothing more comes.
    pub fn finish(&mut self) {
        self.take_frames(Line::Silent);
        self.dropped += self.line.take_rest().len() as u64;
        self.end_exchange();
    }

    /// Bytes that belonged to no frame, since the beginning.
    #[must_use]
    pub fn dropped_bytes(&self) -> u64 {
        self.dropped
    }

    /// An answer may come in several frames: the last of them is known by the silence behind it.
    fn answer_due(&self) -> Option<Instant> {
        self.pending.as_ref().map(|pending| self.line.last_byte().max(pending.at) + self.answer_timeout)
    }

    fn take_frames(&mut self, line: Line) {
        loop {
            let asked = self.pending.as_ref().map(|pending| pending.request.way);
            let frames = Arc::clone(&self.frames);
            let Some((before, found)) = self.line.take(|bytes| look_for(&frames, asked, bytes, line)) else {
                return;
            };
            self.dropped += before.len() as u64;
            match found {
                Found::Request(request) => self.begin(request),
                Found::Answer(fields) => self.add(fields),
            }
        }
    }

    fn begin(&mut self, request: Request) {
        self.end_exchange();
        let at = self.line.last_byte();
        self.pending = Some(Pending { at, request, answers: Vec::new(), after: Duration::ZERO });
    }

    fn add(&mut self, fields: Fields) {
        let at = self.line.last_byte();
        let fits = |pending: &&mut Pending| {
            let asked = pending.request.fields.register.zip(fields.register);
            asked.is_none_or(|(asked, got)| asked == got)
        };
        let Some(pending) = self.pending.as_mut().filter(fits) else {
            self.heard.push_back(Sniffed::Stray { at, fields });
            return;
        };
        if pending.answers.is_empty() {
            pending.after = at.saturating_sub(pending.at);
        }
        let refused = fields.status.is_some_and(|status| status != self.frames.done);
        pending.answers.push(fields);
        if refused {
            self.end_exchange();
        }
    }

    /// What was asked last has all the answer that it will have.
    fn end_exchange(&mut self) {
        let Some(Pending { at, request, answers, after }) = self.pending.take() else { return };
        let refusal =
            answers.iter().filter_map(|fields| fields.status).find(|status| *status != self.frames.done);
        let outcome = match (refusal, answers.is_empty()) {
            (Some(status), _) => Outcome::Refused { status, after },
            (None, true) => Outcome::Unanswered,
            (None, false) => Outcome::Answered { frames: answers, after },
        };
        self.heard.push_back(Sniffed::Exchange { at, request, outcome });
    }
}

/// A place that may be an answer to what was asked, then a request, then an answer to nobody knows what.
fn look_for(frames: &Frames, asked: Option<Option<Way>>, bytes: &[u8], line: Line) -> Look<Found> {
    let rows: Vec<&Row> = [frames.answer(Way::Read), frames.answer(Way::Write), frames.refusal.as_ref()]
        .into_iter()
        .flatten()
        .collect();
    let requests: Vec<&Row> =
        [frames.request(Way::Read), frames.request(Way::Write)].into_iter().flatten().collect();
    let as_request = |bytes: &[u8]| frames.decode_request(bytes).map(Found::Request);
    let as_answer = |bytes: &[u8]| rows.iter().find_map(|row| row.decode(bytes)).map(Found::Answer);
    let mut answers: Vec<Reading<'_, Found>> = Vec::new();
    for row in &rows {
        answers.push((row.announced(bytes), &as_answer));
    }
    let mut asking: Vec<Reading<'_, Found>> = Vec::new();
    for row in &requests {
        asking.push((row.announced(bytes), &as_request));
    }
    // Frames that look the same both ways are answers where one is due.
    let readings = if asked.is_some() { [answers, asking] } else { [asking, answers] }.concat();
    look(bytes, line, &readings)
}
