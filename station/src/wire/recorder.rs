//! Watches one line for one run.
//!
//! Two fences keep secrets out. The sender of a frame tells what it is before its first byte goes out
//! ([`Recorder::expect_secret`]): then its words and its check sum are left out, and so is all that comes back until the next frame,
//! unless it is the plain acknowledgement. And a burst in which the bytes of any password of this run turn up is left out whole.

use super::{
    Direction, Entry, Head, ImageBlock, LoggedImage, What, Withheld,
    secret::{Needles, SecretFrame, jbd_text},
    store::Store,
};
use crate::secrets::Placeholder;
use chrono::{DateTime, Utc};
use domain::{
    ids::{ContentHash, RunId},
    model::DeviceModel,
};
use protocol::{
    jbd::{EmptyAnswers, Reply},
    modbus::{Request, rtu},
    ymodem::{self, BlockSize},
};
use std::{
    borrow::Cow,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// Bytes that come within so long of each other are one burst: USB adapters hand them over in pieces.
const BURST_GAP: Duration = Duration::from_millis(20);
/// A board that talks without an end is written down so many bytes at a time.
const LONGEST_TURN: usize = 4 * 1024;
/// Of which so many stay, in case a secret lies across the cut.
const OVERLAP: usize = 64;
/// Images and characters that a log's head names; a run sends one image.
const MOST_IMAGES: usize = 3;
const LONGEST_NAME: usize = 100;

/// Watches a line; cheap to clone, all clones are one. Until a run is begun it keeps nothing.
#[derive(Debug, Clone, Default)]
// The line goes from hand to hand (lent to the Modbus client, and lost with a port), its owner reads the log: never at once.
pub struct Recorder(Arc<Mutex<Tape>>);

/// What a log is of.
#[derive(Debug, Clone)]
pub struct Begin {
    pub at: DateTime<Utc>,
    pub slot: Option<u16>,
}

#[derive(Debug, Default)]
struct Tape {
    /// None: nothing is kept.
    run: Option<(Begin, Instant)>,
    device: String,
    /// Id and revision.
    model: (String, u32),
    baud: u32,
    first_baud: u32,
    images: Vec<LoggedImage>,
    placeholder: Option<Placeholder>,
    needles: Needles,
    /// What the next bytes sent are.
    coming: Option<Coming>,
    /// The secret frame whose answer is on its way.
    guarded: Option<SecretFrame>,
    /// A secret frame went out, and since then nothing came that was beyond doubt.
    is_wary: bool,
    sending: Option<Burst>,
    /// Since the last byte sent.
    turn: Vec<Burst>,
    store: Store,
}

#[derive(Debug)]
struct Burst {
    at_us: u64,
    last_us: u64,
    bytes: Vec<u8>,
}

/// A frame that the sender has told about: so many bytes as they are, then so many in whose stead `what` is kept.
#[derive(Debug)]
struct Coming {
    open: usize,
    hidden: usize,
    passed: usize,
    at_us: Option<u64>,
    what: What,
}

impl Recorder {
    /// Begins a new run: what was kept of the last one is gone.
    pub fn begin(&self, begin: Begin) {
        let mut tape = self.tape();
        let (device, model) = (std::mem::take(&mut tape.device), std::mem::take(&mut tape.model));
        let (run, baud) = (Some((begin, Instant::now())), tape.baud);
        *tape = Tape { run, device, model, baud, first_baud: baud, ..Tape::default() };
    }

    /// How passwords of this run's board are named in its record.
    pub fn name_secrets(&self, placeholder: Placeholder) {
        self.tape().placeholder = Some(placeholder);
    }

    /// The log so far; none where no run was begun.
    #[must_use]
    pub fn log(&self, run_id: Option<RunId>) -> Option<Vec<u8>> {
        let mut tape = self.tape();
        let (begin, _) = tape.run.clone()?;
        tape.flush_sending();
        tape.judge_turn(0);
        let head = Head {
            began_at: begin.at,
            run_id,
            slot: begin.slot,
            device: tape.device.clone(),
            baud: tape.first_baud,
            model: tape.model.0.clone(),
            model_revision: tape.model.1,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            images: tape.images.clone(),
        };
        Some(tape.store.log(&head))
    }

    /// The boards on this line are of that model, in this run and the next ones.
    pub(crate) fn of_model(&self, model: &DeviceModel) {
        self.tape().model = (last_of(&model.id), model.revision);
    }

    /// A line shows itself.
    pub(crate) fn attach(&self, device: &str, baud: u32) {
        let mut tape = self.tape();
        tape.device = last_of(device);
        tape.baud = baud;
        if tape.first_baud == 0 {
            tape.first_baud = baud;
        } else if tape.run.is_some() {
            tape.push_rate(baud);
        }
    }

    pub(crate) fn rate(&self, baud: u32) {
        let mut tape = self.tape();
        tape.baud = baud;
        if tape.run.is_some() {
            tape.push_rate(baud);
        }
    }

    /// The next bytes sent are no secret.
    pub(crate) fn expect_plain(&self) {
        let mut tape = self.tape();
        if tape.run.is_some() {
            tape.expect(None, None);
        }
    }

    /// The next bytes sent are this frame, of whatever framing: no secret, unless it tells itself that it is one.
    pub(crate) fn expect_frame(&self, frame: &[u8]) {
        let mut tape = self.tape();
        if tape.run.is_some() {
            tape.expect(None, None);
            tape.expect_secret_of_jbd(frame);
        }
    }

    /// The next frame sent is this request, which touches a field that holds passwords: `secret`, where it is known.
    pub(crate) fn expect_secret(&self, address: u8, request: &Request, secret: Option<&str>) {
        self.tape().expect_secret(SecretFrame::of(address, request), secret.unwrap_or_default());
    }

    /// The same for a frame of a described framing: `open` bytes before the password, and the frame that says no more than that it
    /// was taken.
    pub(crate) fn expect_described_secret(
        &self,
        frame: &[u8],
        open: usize,
        taken: Vec<u8>,
        secret: Option<&str>,
    ) {
        let secret = secret.unwrap_or_default();
        let mut tape = self.tape();
        // Framings of text carry it in digits.
        if !secret.is_empty() {
            tape.needles.add_bytes(hex::encode_upper(secret).into_bytes());
        }
        tape.expect_secret(SecretFrame::of_described(frame, open, taken), secret);
    }

    /// An image is about to be sent; its index for [`Recorder::expect_block`].
    pub(crate) fn image(&self, name: &str, bytes: &[u8]) -> Option<u8> {
        let mut tape = self.tape();
        tape.run.as_ref()?;
        let sha256 = ContentHash::of(bytes);
        let known = tape.images.iter().position(|image| image.sha256 == sha256);
        let index = known.or_else(|| {
            let index = tape.images.len();
            (index < MOST_IMAGES).then(|| {
                let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
                tape.images.push(LoggedImage { name: last_of(name), sha256, bytes: size });
                index
            })
        });
        index.and_then(|index| u8::try_from(index).ok())
    }

    /// The next bytes sent are `frame`, which carries that part of the image. A frame that would not come out of the image
    /// again to the byte is kept as it is.
    pub(crate) fn expect_block(&self, image: Option<u8>, bytes: &[u8], span: Range<usize>, frame: &[u8]) {
        let mut tape = self.tape();
        if tape.run.is_none() {
            return;
        }
        let block = image.and_then(|image| block_of(image, &span, frame));
        let block = block.filter(|block| block.frame(bytes).as_deref() == Some(frame));
        let coming = block.map(|block| Coming {
            open: 0,
            hidden: frame.len(),
            passed: 0,
            at_us: None,
            what: What::Block(block),
        });
        tape.expect(coming, None);
    }

    pub(crate) fn sent(&self, bytes: &[u8]) {
        let mut tape = self.tape();
        if let Some(now_us) = tape.now_us() {
            tape.sent(now_us, bytes);
        }
    }

    pub(crate) fn received(&self, bytes: &[u8]) {
        let mut tape = self.tape();
        if let Some(now_us) = tape.now_us() {
            tape.received(now_us, bytes);
        }
    }

    fn tape(&self) -> MutexGuard<'_, Tape> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tape {
    fn now_us(&self) -> Option<u64> {
        let (_, started) = self.run.as_ref()?;
        Some(u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    fn push_rate(&mut self, baud: u32) {
        self.flush_sending();
        self.judge_turn(0);
        let at_us = self.now_us().unwrap_or_default();
        self.store.push(&Entry { at_us, direction: Direction::Sent, what: What::Rate(baud) });
    }

    /// A new frame begins: what came before is judged by what went before.
    fn expect(&mut self, coming: Option<Coming>, guarded: Option<SecretFrame>) {
        self.flush_sending();
        self.judge_turn(0);
        self.coming = coming;
        self.is_wary |= guarded.is_some();
        self.guarded = guarded;
    }

    fn expect_secret(&mut self, frame: SecretFrame, secret: &str) {
        if self.run.is_none() {
            return;
        }
        self.needles.add(secret);
        let keyed_hash = match &self.placeholder {
            Some(placeholder) if !secret.is_empty() => placeholder.of(secret),
            _ => None,
        };
        let length = u8::try_from(secret.chars().count()).unwrap_or(u8::MAX);
        let what = What::Withheld(Withheld { bytes: 0, length, keyed_hash });
        let coming = Coming { open: frame.open, hidden: frame.hidden, passed: 0, at_us: None, what };
        self.expect(Some(coming), Some(frame));
    }

    fn sent(&mut self, now_us: u64, mut bytes: &[u8]) {
        self.judge_turn(0);
        if self.coming.is_none() {
            self.expect_secret_of_jbd(bytes);
        }
        if let Some(mut coming) = self.coming.take() {
            let at_us = *coming.at_us.get_or_insert(now_us);
            let (open, rest) = bytes.split_at(coming.open.min(bytes.len()));
            if !open.is_empty() {
                coming.open -= open.len();
                self.add_sent(at_us, now_us, open);
            }
            let (hidden, rest) = rest.split_at(coming.hidden.min(rest.len()));
            coming.hidden -= hidden.len();
            coming.passed += hidden.len();
            bytes = rest;
            self.coming = Some(coming);
            if self.coming.as_ref().is_some_and(|coming| coming.open == 0 && coming.hidden == 0) {
                self.flush_sending();
                self.coming = None;
            }
        }
        if !bytes.is_empty() {
            self.add_sent(now_us, now_us, bytes);
        }
    }

    /// A password in the JBD framing tells itself.
    fn expect_secret_of_jbd(&mut self, bytes: &[u8]) {
        let Some((frame, secrets)) = SecretFrame::of_jbd(bytes) else { return };
        // The new one is what the board will have.
        let secret = secrets.last().and_then(|secret| jbd_text(secret)).unwrap_or_default();
        let keyed_hash = self.placeholder.as_ref().filter(|_| !secret.is_empty());
        let keyed_hash = keyed_hash.and_then(|placeholder| placeholder.of(&secret));
        for secret in secrets {
            self.needles.add(&jbd_text(&secret).unwrap_or_default());
            self.needles.add_bytes(secret);
        }
        let length = u8::try_from(secret.chars().count()).unwrap_or(u8::MAX);
        let what = What::Withheld(Withheld { bytes: 0, length, keyed_hash });
        let coming = Coming { open: frame.open, hidden: frame.hidden, passed: 0, at_us: None, what };
        self.expect(Some(coming), Some(frame));
    }

    fn add_sent(&mut self, at_us: u64, now_us: u64, bytes: &[u8]) {
        let gap = BURST_GAP.as_micros() as u64;
        match &mut self.sending {
            Some(burst) if now_us.saturating_sub(burst.last_us) <= gap => burst.add(now_us, bytes),
            _ => {
                self.flush_burst();
                self.sending = Some(Burst { at_us, last_us: now_us, bytes: bytes.to_vec() });
            }
        }
    }

    /// Writes down what was sent so far, whole or not.
    fn flush_sending(&mut self) {
        self.flush_burst();
        let Some(coming) = &mut self.coming else { return };
        if coming.passed == 0 {
            return;
        }
        let mut what = coming.what.clone();
        match &mut what {
            What::Withheld(withheld) => withheld.bytes = u32::try_from(coming.passed).unwrap_or(u32::MAX),
            What::Block(block) => block.sent = u16::try_from(coming.passed).unwrap_or(u16::MAX),
            What::Bytes(_) | What::Rate(_) | What::Dropped { .. } => {}
        }
        coming.passed = 0;
        let at_us = coming.at_us.unwrap_or_default();
        self.store.push(&Entry { at_us, direction: Direction::Sent, what });
    }

    fn flush_burst(&mut self) {
        if let Some(burst) = self.sending.take() {
            self.push(Direction::Sent, burst);
        }
    }

    fn received(&mut self, now_us: u64, bytes: &[u8]) {
        self.flush_sending();
        let gap = BURST_GAP.as_micros() as u64;
        match self.turn.last_mut() {
            Some(burst) if now_us.saturating_sub(burst.last_us) <= gap => burst.add(now_us, bytes),
            _ => self.turn.push(Burst { at_us: now_us, last_us: now_us, bytes: bytes.to_vec() }),
        }
        if self.turn.iter().map(|burst| burst.bytes.len()).sum::<usize>() > LONGEST_TURN {
            self.judge_turn(OVERLAP);
        }
    }

    /// Writes down what came since the last byte sent, but for its last `keep` bytes; or that it is not kept.
    fn judge_turn(&mut self, keep: usize) {
        let mut turn = std::mem::take(&mut self.turn);
        if turn.is_empty() {
            return;
        }
        let all: Cow<'_, [u8]> = match turn.as_slice() {
            [one] => Cow::Borrowed(&one.bytes),
            several => several.iter().flat_map(|burst| burst.bytes.iter().copied()).collect(),
        };
        let is_kept = match &self.guarded {
            Some(frame) => frame.is_harmless(&all),
            // Of a frame that nobody acknowledged something may come late.
            None => {
                let is_frame =
                    || rtu::decode_frame(&all).is_ok() || Reply::decode(&all, EmptyAnswers::Summed).is_ok();
                !self.is_wary || is_frame()
            }
        };
        let is_kept = is_kept && !self.needles.are_in(&all);
        self.is_wary &= !is_kept;
        if !is_kept {
            let bytes = u32::try_from(all.len()).unwrap_or(u32::MAX);
            let what = What::Withheld(Withheld { bytes, length: 0, keyed_hash: None });
            self.store.push(&Entry { at_us: turn[0].at_us, direction: Direction::Received, what });
            return;
        }
        if let Some(last) = turn.last_mut() {
            let cut = last.bytes.len().saturating_sub(keep);
            let kept = last.bytes.split_off(cut);
            if !kept.is_empty() {
                self.turn.push(Burst { at_us: last.last_us, last_us: last.last_us, bytes: kept });
            }
        }
        for burst in turn.into_iter().filter(|burst| !burst.bytes.is_empty()) {
            self.push(Direction::Received, burst);
        }
    }

    fn push(&mut self, direction: Direction, burst: Burst) {
        let what = if self.needles.are_in(&burst.bytes) {
            let bytes = u32::try_from(burst.bytes.len()).unwrap_or(u32::MAX);
            What::Withheld(Withheld { bytes, length: 0, keyed_hash: None })
        } else {
            What::Bytes(burst.bytes)
        };
        self.store.push(&Entry { at_us: burst.at_us, direction, what });
    }
}

impl Burst {
    fn add(&mut self, now_us: u64, bytes: &[u8]) {
        self.last_us = now_us;
        self.bytes.extend(bytes);
    }
}

fn block_of(image: u8, span: &Range<usize>, frame: &[u8]) -> Option<ImageBlock> {
    let size = BlockSize::from_start_byte(*frame.first()?)?;
    let length = span.len().min(size.bytes());
    let pad = if length < size.bytes() { *frame.get(3 + length)? } else { 0 };
    Some(ImageBlock {
        image,
        size,
        number: *frame.get(1)?,
        offset: u32::try_from(span.start).ok()?,
        length: u16::try_from(length).ok()?,
        pad,
        sent: u16::try_from(size.bytes() + ymodem::FRAME_OVERHEAD).ok()?,
    })
}

/// The end of a name says the most; a long one must not fill the log.
fn last_of(name: &str) -> String {
    let characters = name.chars().count();
    name.chars().skip(characters.saturating_sub(LONGEST_NAME)).collect()
}
