//! A framing that a device model describes, row by row, as a host speaks it: [`crate::client`] with the rows' frames.
//!
//! Where an answer names its register, a late one is taken for another only where the same register is asked again; where it does
//! not (YD/T 1363.3 answers with a status alone), any two answers look alike, and the guard lets nothing pass after a
//! time-out before the late one came or is past all waiting.

pub mod sniffer;

use std::{collections::VecDeque, sync::Arc};

use crate::Instant;
use crate::client::{Client, Dialect, Ear};
use crate::framing::{Announced, Finder, Framing};
use crate::guard::{Judgement, Shape, Shaped};
use crate::row::{Fields, MAX_FRAME, Part, Row, RowError};
use core::{ops::RangeInclusive, time::Duration};

/// The frames of one framing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frames {
    pub read: Row,
    pub read_answer: Row,
    /// None: nothing can be written.
    pub write: Option<WriteFrames>,
    /// What a board answers that refuses, where it is another frame than the answer.
    pub refusal: Option<Row>,
    /// The status that says "done".
    pub done: u8,
}

/// A write and what confirms it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteFrames {
    pub request: Row,
    pub answer: Row,
}

/// So long after a frame of an answer of many no further one comes: they follow each other without a pause (captures of Daly's), and
/// an adapter holds bytes back for 16 ms.
const LAST_FRAME: Duration = Duration::from_millis(60);

/// Which way data goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Way {
    Read,
    Write,
}

/// What a host asks, and what the answer must look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub way: Way,
    /// What the request holds: register and data, address and function where the rows have them.
    pub fields: Fields,
    /// Bytes of data that a faultless answer holds.
    pub answer: RangeInclusive<u16>,
    /// Most frames that the answer comes in. Where there may be several, the first byte of each one's data is its number, from 1,
    /// and a silence ends fewer.
    pub frames: u8,
    /// Bytes of data that the answer is expected to hold.
    pub likely: u16,
    /// Address that the answer bears, where the row has one.
    pub answer_address: u8,
    /// What the answer tells of the question.
    shape: Shape,
}

/// An answer that fits its question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    Data(Vec<u8>),
    Written,
}

/// How an answer fails to fit its question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    #[error("address {got} answered where {want} was due")]
    Address { want: u8, got: u8 },
    #[error("asked for function {asked:02X}h, the board answered {got:02X}h")]
    Function { asked: u8, got: u8 },
    #[error("asked for register {asked:02X}h, the board answered for {got:02X}h")]
    Register { asked: u16, got: u16 },
    #[error("asked for {asked} registers, the board answered for {got}")]
    Count { asked: u16, got: u16 },
    #[error("the answer holds {got} bytes, it should hold {least} to {most}")]
    Length { got: usize, least: u16, most: u16 },
    #[error("frame {got} of the answer came where frame {want} was due")]
    Frame { want: u8, got: u8 },
    #[error("the board refused: {status:02X}h")]
    Refused { status: u8 },
}

/// What came: the frames of one answer, or the one that refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    frames: Vec<Fields>,
}

/// A request on the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// None: a read and a write look the same in this framing.
    pub way: Option<Way>,
    pub fields: Fields,
}

impl Frames {
    /// The row of a request; none where the framing has no write.
    #[must_use]
    pub fn request(&self, way: Way) -> Option<&Row> {
        match way {
            Way::Read => Some(&self.read),
            Way::Write => self.write.as_ref().map(|write| &write.request),
        }
    }

    /// The row of an answer; none where the framing has no write.
    #[must_use]
    pub fn answer(&self, way: Way) -> Option<&Row> {
        match way {
            Way::Read => Some(&self.read_answer),
            Way::Write => self.write.as_ref().map(|write| &write.answer),
        }
    }

    /// A question: `fields` is what the request holds, `answer` how many bytes of data its answer may have, in `frames` frames.
    /// `answer_address` is the address that answers bear.
    #[must_use]
    pub fn ask(
        &self,
        way: Way,
        fields: Fields,
        answer: RangeInclusive<u16>,
        frames: u8,
        answer_address: u8,
    ) -> Question {
        let row = self.answer(way);
        let is_told_by = |is_it: fn(&Part) -> bool| row.is_some_and(|row| row.has(is_it));
        let register = fields.register.filter(|_| is_told_by(|part| matches!(part, Part::Register(_))));
        let function = fields.function.filter(|_| is_told_by(|part| matches!(part, Part::Function)));
        // Read and written answers that are the same row are told apart by nothing.
        let is_write = way == Way::Write && self.answer(Way::Read) != row;
        let shape = Shape {
            code: register.unwrap_or_default(),
            place: u16::from(function.unwrap_or_default()) << 8 | u16::from(is_write),
            length: 0,
        };
        let likely = *answer.end();
        Question { way, fields, answer, likely, frames: frames.max(1), answer_address, shape }
    }

    /// Bytes on the wire of the answer to this with so many bytes of data.
    #[must_use]
    pub fn answer_length(&self, question: &Question, data: usize) -> usize {
        let row = self.answer(question.way);
        row.map_or(0, |row| match usize::from(question.frames) {
            1 => row.wire_length(data),
            frames => frames * row.wire_length(data.div_ceil(frames) + 1),
        })
    }

    /// Whether an answer to this stands anywhere in these bytes: the first frame of it, or a refusal.
    #[must_use]
    pub fn is_answered_in(&self, question: &Question, heard: &[u8]) -> bool {
        let rows = Rows(self.answers(question.way));
        (0..heard.len()).map(|from| &heard[from..]).any(|bytes| match rows.announced(bytes) {
            Announced::Length(length) => {
                let frame = bytes.get(..length).and_then(|frame| rows.decode(frame));
                frame.is_some_and(|fields| is_about(question, &fields).is_ok())
            }
            Announced::NeedMore | Announced::Unknown => false,
        })
    }

    /// Every answer to a read or a write among these bytes, up to the first bytes that are none: where it begins and ends, and what it
    /// holds.
    #[must_use]
    pub fn decode_answers(&self, way: Way, heard: &[u8]) -> Vec<(usize, usize, Fields)> {
        let rows = Rows(self.answers(way));
        let at = |from: usize| match rows.announced(&heard[from..]) {
            Announced::Length(length) => {
                let to = from + length;
                rows.decode(heard.get(from..to)?).map(|fields| (from, to, fields))
            }
            Announced::NeedMore | Announced::Unknown => None,
        };
        let first = (0..heard.len()).find_map(at);
        core::iter::successors(first, |(_, to, _)| at(*to)).collect()
    }

    /// The request that these bytes are, exactly.
    #[must_use]
    pub fn decode_request(&self, bytes: &[u8]) -> Option<Request> {
        let read = self.read.decode(bytes);
        let write = self.write.as_ref().and_then(|write| write.request.decode(bytes));
        match (read, write) {
            (Some(fields), Some(_)) => Some(Request { way: None, fields }),
            (Some(fields), None) => Some(Request { way: Some(Way::Read), fields }),
            (None, Some(fields)) => Some(Request { way: Some(Way::Write), fields }),
            (None, None) => None,
        }
    }

    /// Rows that may answer such a question.
    fn answers(&self, way: Way) -> Vec<Row> {
        self.answer(way).into_iter().chain(&self.refusal).cloned().collect()
    }

    fn is_refusal(&self, fields: &Fields) -> bool {
        fields.status.is_some_and(|status| status != self.done)
    }
}

impl Shaped for Question {
    fn shape(&self) -> Option<Shape> {
        Some(self.shape)
    }
}

/// A described framing, as a host speaks it.
#[derive(Debug, Clone)]
pub struct Described {
    frames: Arc<Frames>,
}

/// One request at a time to one board whose framing its model describes.
pub type DescribedClient = Client<Described>;

impl Described {
    #[must_use]
    pub fn new(frames: Arc<Frames>) -> Self {
        Self { frames }
    }
}

impl Dialect for Described {
    type Question = Question;
    type Answer = Answer;
    type Checked = Checked;
    type FrameError = RowError;
    type Misfit = Misfit;
    type Ear = AnswerEar;

    fn is_write(&self, question: &Question) -> bool {
        question.way == Way::Write
    }

    fn encode(&self, question: Question, _number: u32) -> Result<(Question, Vec<u8>), RowError> {
        let frame = self.frames.request(question.way).ok_or(RowError::Missing)?.encode(&question.fields)?;
        Ok((question, frame))
    }

    fn likely_answer(&self, question: &Question) -> usize {
        self.frames.answer_length(question, usize::from(question.likely))
    }

    fn longest_answer(&self, question: &Question) -> usize {
        self.frames.answer_length(question, usize::from(*question.answer.end()))
    }

    fn listen(&self, question: &Question) -> AnswerEar {
        AnswerEar::new(Arc::clone(&self.frames), question)
    }

    /// Nothing marks a question in a described framing.
    fn is_marked(&self, _question: &Question, _answer: &Answer) -> bool {
        true
    }

    /// What its rows say of a question is not said by all of them.
    fn shape_of(&self, _answer: &Answer) -> Option<Shape> {
        None
    }

    fn check(&self, question: &Question, answer: &Answer) -> Result<Checked, (Misfit, Judgement)> {
        check(&self.frames, question, answer).map_err(|misfit| (misfit, misfit.judgement()))
    }
}

impl Misfit {
    #[must_use]
    pub fn judgement(&self) -> Judgement {
        if matches!(self, Self::Refused { .. }) { Judgement::Refused } else { Judgement::Misfit }
    }
}

/// Compares all that an answer says with its question.
///
/// # Errors
/// The first [`Misfit`] found.
pub fn check(frames: &Frames, question: &Question, answer: &Answer) -> Result<Checked, Misfit> {
    let mut data = Vec::new();
    for (fields, due) in answer.frames.iter().zip(1_u8..) {
        is_about(question, fields)?;
        if let Some(status) = fields.status.filter(|_| frames.is_refusal(fields)) {
            return Err(Misfit::Refused { status });
        }
        match (question.frames, fields.data.split_first()) {
            (1, _) => data.extend(&fields.data),
            (_, Some((number, own))) if *number == due => data.extend(own),
            (_, number) => {
                let got = number.map_or(0, |(number, _)| *number);
                return Err(Misfit::Frame { want: due, got });
            }
        }
    }
    let fits = u16::try_from(data.len()).is_ok_and(|length| question.answer.contains(&length));
    if !fits {
        let (least, most) = (*question.answer.start(), *question.answer.end());
        return Err(Misfit::Length { got: data.len(), least, most });
    }
    Ok(match question.way {
        Way::Read => Checked::Data(data),
        Way::Write => Checked::Written,
    })
}

/// Whether what a frame says of whom and what it is about is what was asked.
fn is_about(question: &Question, fields: &Fields) -> Result<(), Misfit> {
    let asked = &question.fields;
    let differs = |asked: Option<u16>, got: Option<u16>| asked.zip(got).filter(|(asked, got)| asked != got);
    if let Some(got) = fields.address.filter(|got| *got != question.answer_address) {
        return Err(Misfit::Address { want: question.answer_address, got });
    }
    if let Some((asked, got)) = asked.function.zip(fields.function).filter(|(asked, got)| asked != got) {
        return Err(Misfit::Function { asked, got });
    }
    if let Some((asked, got)) = differs(asked.register, fields.register) {
        return Err(Misfit::Register { asked, got });
    }
    if let Some((asked, got)) = differs(asked.count, fields.count).or(differs(asked.end, fields.end)) {
        return Err(Misfit::Count { asked, got });
    }
    Ok(())
}

/// Finds the frames of one answer.
#[derive(Debug)]
pub struct AnswerEar {
    finder: Finder<Rows>,
    frames: Arc<Frames>,
    question: Question,
    /// What came of an answer of several frames.
    open: Vec<Fields>,
    open_bytes: usize,
    last_byte: Instant,
    ready: VecDeque<Answer>,
}

impl AnswerEar {
    fn new(frames: Arc<Frames>, question: &Question) -> Self {
        let rows = Rows(frames.answers(question.way));
        Self {
            // Without a gap: the deadline ends what is incomplete.
            finder: Finder::new(rows, Duration::MAX),
            frames,
            question: question.clone(),
            open: Vec::new(),
            open_bytes: 0,
            last_byte: Instant::ZERO,
            ready: VecDeque::new(),
        }
    }

    fn end_answer(&mut self) {
        self.ready.push_back(Answer { frames: core::mem::take(&mut self.open) });
        self.open_bytes = 0;
    }
}

impl Ear<Answer> for AnswerEar {
    fn handle_bytes(&mut self, now: Instant, bytes: &[u8]) {
        self.open_bytes += bytes.len();
        self.last_byte = now;
        self.finder.handle_bytes(now, bytes);
        while let Some(fields) = self.finder.poll_frame() {
            // What does not belong to the answer, or ends it early, is told at once.
            let ends = is_about(&self.question, &fields).is_err() || self.frames.is_refusal(&fields);
            self.open.push(fields);
            if ends || self.open.len() == usize::from(self.question.frames) {
                self.end_answer();
            }
        }
    }

    fn poll_answer(&mut self) -> Option<Answer> {
        self.ready.pop_front()
    }

    fn dropped_bytes(&self) -> u64 {
        self.finder.dropped_bytes()
    }

    fn held_bytes(&self) -> usize {
        self.finder.held_bytes().max(self.open_bytes)
    }

    fn is_hopeless(&self) -> bool {
        self.finder.is_hopeless()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let is_between_frames = !self.open.is_empty() && self.finder.held_bytes() == 0;
        is_between_frames.then(|| self.last_byte.saturating_add(LAST_FRAME))
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_some_and(|due| due <= now) {
            self.end_answer();
        }
    }
}

/// Frames of which any may come.
#[derive(Debug, Clone)]
struct Rows(Vec<Row>);

impl Framing for Rows {
    type Frame = Fields;
    const LONGEST: usize = MAX_FRAME;

    fn announced(&self, bytes: &[u8]) -> Announced {
        let mut more = Announced::Unknown;
        for row in &self.0 {
            match row.announced(bytes) {
                Announced::Length(length) if length <= bytes.len() => {
                    if row.decode(&bytes[..length]).is_some() {
                        return Announced::Length(length);
                    }
                }
                Announced::Unknown => {}
                Announced::NeedMore | Announced::Length(_) => more = Announced::NeedMore,
            }
        }
        more
    }

    fn decode(&self, bytes: &[u8]) -> Option<Fields> {
        self.0.iter().find_map(|row| row.decode(bytes))
    }
}

#[cfg(test)]
#[path = "described/tests.rs"]
mod tests;
