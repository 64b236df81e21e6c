//! The host's machine for one JBD board: [`crate::client`] with JBD's frames.
//!
//! An answer of this framing names its register, so a late one is taken for another only where the same register is asked
//! again. Boards of V3 and later send up to four bytes behind a request's end back behind their answer: there each question
//! gets a number of its own, and a late answer is told whatever it is.

use core::time::Duration;

use super::decoder::{ReceivedReply, ReplyDecoder};
pub use super::question::{Checked, Misfit, Question, check};
use super::{BLOCK, EmptyAnswers, FrameError, OVERHEAD, Status, question};
use crate::Instant;
use crate::client::{self, Client, Dialect, Ear, Pace};
use crate::guard::{Judgement, Shape};

/// Whether questions carry a number behind their end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Numbering {
    /// For boards before V3 of the protocol, and where nothing is known.
    None,
    /// Four bytes, which the answer must repeat.
    Callback,
}

/// How to talk to one model.
#[derive(Debug, Clone, Copy)]
pub struct ClientOptions {
    pub pace: Pace,
    pub empty: EmptyAnswers,
    pub numbering: Numbering,
}

impl ClientOptions {
    /// The usual [`Pace`], every answer summed, no numbers.
    #[must_use]
    pub fn new(baud: u32) -> Self {
        Self { pace: Pace::new(baud), empty: EmptyAnswers::Summed, numbering: Numbering::None }
    }
}

/// JBD's frames, as a host speaks them.
#[derive(Debug, Clone, Copy)]
pub struct Jbd {
    empty: EmptyAnswers,
    numbering: Numbering,
}

/// One request at a time to one JBD board.
pub type JbdClient = Client<Jbd>;
/// Why a request was not sent.
pub type ClientRefusal = client::ClientRefusal<FrameError>;
/// Why a request has no answer that may be believed.
pub type ClientFault = client::ClientFault<Misfit>;
/// What came of it.
pub type ClientEvent = client::ClientEvent<Checked, Misfit>;

impl Client<Jbd> {
    #[must_use]
    pub fn new(options: ClientOptions) -> Self {
        Self::speaking(Jbd { empty: options.empty, numbering: options.numbering }, options.pace)
    }
}

impl Dialect for Jbd {
    type Question = Question;
    type Answer = ReceivedReply;
    type Checked = Checked;
    type FrameError = FrameError;
    type Misfit = Misfit;
    type Ear = ReplyDecoder;

    fn is_write(&self, question: &Question) -> bool {
        question.request().is_write()
    }

    fn encode(&self, question: Question, number: u32) -> Result<(Question, Vec<u8>), FrameError> {
        let question = match self.numbering {
            Numbering::None => question,
            // Three bytes of counter: the first is never DD, which would begin a frame.
            Numbering::Callback => question.numbered(number & 0x00FF_FFFF),
        };
        let frame = question.request().encode(question.callback())?;
        Ok((question, frame))
    }

    fn likely_answer(&self, question: &Question) -> usize {
        OVERHEAD + usize::from(question.likely()) + question.callback().len()
    }

    fn longest_answer(&self, question: &Question) -> usize {
        OVERHEAD + usize::from(question.longest()) + question.callback().len()
    }

    /// Without a gap: an answer that comes through a radio has pauses in it. The deadline ends what is incomplete.
    fn listen(&self, question: &Question) -> ReplyDecoder {
        ReplyDecoder::new(Duration::MAX, self.empty, question.callback().len())
    }

    fn is_marked(&self, question: &Question, answer: &ReceivedReply) -> bool {
        answer.callback == question.callback()
    }

    fn shape_of(&self, answer: &ReceivedReply) -> Option<Shape> {
        let reply = &answer.reply;
        // A refusal does not say whether something was to be read or written, a block's answer is told by more than its register, and
        // one with a number is owed by nobody.
        let is_plain = reply.status == Status::Done && reply.register != BLOCK && answer.callback.is_empty();
        is_plain.then(|| question::shape_of(reply.register, reply.data.is_empty()))
    }

    fn check(&self, question: &Question, answer: &ReceivedReply) -> Result<Checked, (Misfit, Judgement)> {
        check(question, &answer.reply).map_err(|misfit| (misfit, misfit.judgement()))
    }
}

impl Ear<ReceivedReply> for ReplyDecoder {
    fn handle_bytes(&mut self, now: Instant, bytes: &[u8]) {
        Self::handle_bytes(self, now, bytes);
    }

    fn poll_answer(&mut self) -> Option<ReceivedReply> {
        self.poll_frame()
    }

    fn dropped_bytes(&self) -> u64 {
        Self::dropped_bytes(self)
    }

    fn held_bytes(&self) -> usize {
        Self::held_bytes(self)
    }

    fn is_hopeless(&self) -> bool {
        Self::is_hopeless(self)
    }
}
