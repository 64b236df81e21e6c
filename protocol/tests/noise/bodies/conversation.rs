//! A whole conversation with a board that answers in order, but late, disturbed, with a refusal, or not at all. Whatever happens,
//! an answer that the client believes is the one to the question it asked last.

use core::{ops::RangeInclusive, time::Duration};
use std::{collections::VecDeque, sync::Arc};

use jigline_protocol::client::Pace;
use jigline_protocol::described::{self as described_client, Described, DescribedClient, Frames, Way};
use jigline_protocol::guard::{LinkState, OWED_FOR, Purpose, Shaped as _};
use jigline_protocol::jbd::client as jbd_client;
use jigline_protocol::jbd::client::JbdClient;
use jigline_protocol::jbd::{self, Reply, Status};
use jigline_protocol::modbus::client::{ClientEvent, ClientOptions, RtuClient};
use jigline_protocol::modbus::question::Question;
use jigline_protocol::modbus::{ExceptionCode, Request, Response, rtu};
use jigline_protocol::row::Fields;

use super::{described, jbd::telling_register, ms};

/// A client under test, whatever its framing. Every question has a number, and the board's answer is made to tell it.
trait Client {
    /// What an honest board answers; `None` where the client would not ask. `kind` selects the question.
    fn ask(&mut self, now: Duration, purpose: Purpose, kind: u8, number: u16) -> Option<Vec<u8>>;
    /// A refusal of the question that this answers.
    fn refusal(answer: &[u8]) -> Vec<u8>;
    /// The byte of an answer that no checksum covers.
    const UNCOVERED: Option<usize>;
    fn transmit(&mut self) -> bool;
    fn feed(&mut self, now: Duration, bytes: &[u8]);
    fn tick(&mut self, now: Duration);
    fn due(&self) -> Option<Duration>;
    fn cancel(&mut self, now: Duration);
    fn confirm(&mut self);
    fn state(&self) -> LinkState;
    /// The next event: the number in an answer that was believed, 0 where it carries none.
    fn heard(&mut self) -> Option<Option<u16>>;
}

/// What the board owes: the question's number and the answer.
struct Owed {
    number: u16,
    asked: Duration,
    answer: Vec<u8>,
}

struct Talk<C> {
    client: C,
    now: Duration,
    number: u16,
    /// The answer to the question asked last: each copy sent brings one.
    current: Vec<u8>,
    board: VecDeque<Owed>,
    /// Whose answers the client was given since it last began to ask.
    given: Vec<u16>,
}

/// The first byte selects the framing; then each byte is something that happens, its upper half says how much of it.
pub fn guard_conversation(data: &[u8]) {
    let Some((&selector, script)) = data.split_first() else { return };
    // A long talk proves no more than a short one.
    let script = &script[..script.len().min(400)];
    match selector & 3 {
        0 => talk(RtuClient::new(ClientOptions::new(9600, 1)), script),
        1 => talk(JbdClient::new(jbd_client::ClientOptions::new(9600)), script),
        2 => talk(Describer::new(described::fixed()), script),
        _ => talk(Describer::new(described::text()), script),
    }
}

fn talk<C: Client>(client: C, script: &[u8]) {
    let mut talk =
        Talk { client, now: ms(0), number: 0, current: vec![], board: VecDeque::new(), given: vec![] };
    for &step in script {
        talk.step(step & 0x0F, step >> 4);
        while talk.client.transmit() {
            let (number, asked, answer) = (talk.number, talk.now, talk.current.clone());
            talk.board.push_back(Owed { number, asked, answer });
        }
        while let Some(event) = talk.client.heard() {
            if let Some(told) = event {
                assert!(told == talk.number || told == 0, "question {} got answer {told}", talk.number);
                assert_eq!(
                    talk.given.last(),
                    Some(&talk.number),
                    "an answer to another question was believed"
                );
            }
        }
    }
}

impl<C: Client> Talk<C> {
    fn step(&mut self, what: u8, much: u8) {
        match what {
            0..=2 => {
                let purpose = match self.client.state() {
                    LinkState::MustIdentify => Purpose::Identify,
                    _ => Purpose::Work,
                };
                if let Some(answer) = self.client.ask(self.now, purpose, much, self.number + 1) {
                    self.number += 1;
                    self.current = answer;
                    self.given.clear();
                }
            }
            3..=6 => {
                if let Some(owed) = self.oldest() {
                    self.give(owed.number, &owed.answer);
                }
            }
            7 => drop(self.oldest()),
            8 => {
                if let Some(mut owed) = self.oldest() {
                    let at = usize::from(much) % owed.answer.len();
                    if Some(at) != C::UNCOVERED {
                        owed.answer[at] ^= 1 << (much % 8);
                        self.give(owed.number, &owed.answer);
                    }
                }
            }
            9 => {
                if let Some(owed) = self.oldest() {
                    self.give(owed.number, &C::refusal(&owed.answer));
                }
            }
            10 | 11 => self.pass(ms(u64::from(much) * 10)),
            12 | 13 => {
                let due = self.client.due().unwrap_or(self.now);
                self.pass(due.saturating_sub(self.now));
            }
            14 => self.client.confirm(),
            _ if much == 0 => self.client.cancel(self.now),
            _ => self.pass(ms(u64::from(much) * 1000)),
        }
    }

    fn oldest(&mut self) -> Option<Owed> {
        let now = self.now;
        // The guard's one assumption: nothing comes later than that.
        self.board.retain(|owed| now < owed.asked + OWED_FOR);
        self.board.pop_front()
    }

    fn give(&mut self, number: u16, bytes: &[u8]) {
        self.given.push(number);
        self.client.feed(self.now, bytes);
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.client.tick(self.now);
    }
}

impl Client for RtuClient {
    const UNCOVERED: Option<usize> = None;

    fn ask(&mut self, now: Duration, purpose: Purpose, kind: u8, number: u16) -> Option<Vec<u8>> {
        let quantity = u16::from(kind % 3) + 1;
        let request = match kind / 3 {
            0 => Request::ReadHolding { address: number, quantity },
            1 => Request::ReadInput { address: number, quantity },
            2 => Request::WriteSingle { address: 1, value: number },
            3 => Request::WriteMultiple { address: number, values: vec![number; usize::from(quantity)] },
            _ => {
                let candidates: Vec<Question> = (1..=6)
                    .map(|quantity| Request::ReadHolding { address: number, quantity }.into())
                    .collect();
                let candidates: Vec<&Question> = candidates.iter().collect();
                self.guard_mut().telling(now, &candidates, |one| one.shape()).ok()?.request().clone()
            }
        };
        self.begin(now, purpose, request.clone()).ok()?;
        let response = match request {
            Request::ReadHolding { quantity, .. } => {
                Response::ReadHolding(vec![number; usize::from(quantity)])
            }
            Request::ReadInput { quantity, .. } => Response::ReadInput(vec![number; usize::from(quantity)]),
            Request::WriteSingle { address, value } => Response::WriteSingle { address, value },
            Request::WriteMultiple { address, values } => {
                Response::WriteMultiple { address, quantity: values.len() as u16 }
            }
            Request::ReadCoils { quantity, .. } => {
                Response::ReadCoils((0..8 * quantity.div_ceil(8)).map(|bit| bit < quantity).collect())
            }
            Request::WriteCoils { address, values } => {
                Response::WriteCoils { address, quantity: values.len() as u16 }
            }
        };
        Some(rtu::encode_response(1, &response).unwrap())
    }

    fn refusal(answer: &[u8]) -> Vec<u8> {
        let response = Response::Exception { function: answer[1], code: ExceptionCode::DeviceBusy };
        rtu::encode_response(1, &response).unwrap()
    }

    fn transmit(&mut self) -> bool {
        self.poll_transmit().is_some()
    }

    fn feed(&mut self, now: Duration, bytes: &[u8]) {
        self.handle_bytes(now, bytes);
    }

    fn tick(&mut self, now: Duration) {
        self.handle_timeout(now);
    }

    fn due(&self) -> Option<Duration> {
        self.poll_timeout()
    }

    fn cancel(&mut self, now: Duration) {
        Self::cancel(self, now);
    }

    fn confirm(&mut self) {
        self.confirm_identity();
    }

    fn state(&self) -> LinkState {
        self.guard().state()
    }

    fn heard(&mut self) -> Option<Option<u16>> {
        use jigline_protocol::guard::Checked;
        Some(match self.poll_event()? {
            ClientEvent::Answered(Checked::Registers(values)) => Some(values[0]),
            ClientEvent::Answered(Checked::Written) => Some(0),
            ClientEvent::Failed(_) | ClientEvent::Quiet => None,
        })
    }
}

impl Client for JbdClient {
    /// The register: the sum of an answer begins behind it.
    const UNCOVERED: Option<usize> = Some(1);

    fn ask(&mut self, now: Duration, purpose: Purpose, kind: u8, number: u16) -> Option<Vec<u8>> {
        let told = number.to_be_bytes();
        let register = 0x10 + kind % 3;
        let read = jbd_client::Question::read_exactly(register, 2);
        let (register, data) = match kind / 3 {
            0 => {
                self.begin(now, purpose, read).ok()?;
                (register, told.to_vec())
            }
            1 => {
                self.begin_waking(now, purpose, read).ok()?;
                (register, told.to_vec())
            }
            2 => {
                self.begin(now, purpose, jbd::Request::Write { register, data: told.to_vec() }).ok()?;
                (register, vec![])
            }
            3 => {
                let start = u16::from(kind % 3);
                self.begin(now, purpose, jbd::Request::ReadBlock { start, count: 1 }).ok()?;
                (jbd::BLOCK, [&[0, kind % 3, 1][..], &told].concat())
            }
            _ => {
                let register = telling_register(self, now, &[0x10, 0x11, 0x12, 0x13]).ok()?;
                self.begin(now, purpose, jbd_client::Question::read_exactly(register, 2)).ok()?;
                (register, told.to_vec())
            }
        };
        Some(Reply { register, status: Status::Done, data }.encode(&[]).unwrap())
    }

    fn refusal(answer: &[u8]) -> Vec<u8> {
        Reply { register: answer[1], status: Status::InvalidOperation, data: vec![] }.encode(&[]).unwrap()
    }

    fn transmit(&mut self) -> bool {
        self.poll_transmit().is_some()
    }

    fn feed(&mut self, now: Duration, bytes: &[u8]) {
        self.handle_bytes(now, bytes);
    }

    fn tick(&mut self, now: Duration) {
        self.handle_timeout(now);
    }

    fn due(&self) -> Option<Duration> {
        self.poll_timeout()
    }

    fn cancel(&mut self, now: Duration) {
        Self::cancel(self, now);
    }

    fn confirm(&mut self) {
        self.confirm_identity();
    }

    fn state(&self) -> LinkState {
        self.guard().state()
    }

    fn heard(&mut self) -> Option<Option<u16>> {
        use jigline_protocol::jbd::client::{Checked, ClientEvent};
        Some(match self.poll_event()? {
            ClientEvent::Answered(Checked::Data(data)) => Some(u16::from_be_bytes([data[0], data[1]])),
            ClientEvent::Answered(Checked::Registers(values)) => Some(values[0]),
            ClientEvent::Answered(Checked::Written) => Some(0),
            ClientEvent::Failed(_) | ClientEvent::Quiet => None,
        })
    }
}

/// One whose framing is described: answers that name their register, and answers that name nothing.
struct Describer {
    client: DescribedClient,
    frames: Arc<Frames>,
}

impl Describer {
    fn new(frames: Arc<Frames>) -> Self {
        let client = DescribedClient::speaking(Described::new(Arc::clone(&frames)), Pace::new(9600));
        Self { client, frames }
    }

    fn question(
        &self,
        way: Way,
        register: u16,
        data: Vec<u8>,
        answer: RangeInclusive<u16>,
    ) -> described_client::Question {
        let fields = Fields { address: Some(1), register: Some(register), data, ..Fields::default() };
        self.frames.ask(way, fields, answer, 1, 1)
    }
}

impl Client for Describer {
    const UNCOVERED: Option<usize> = None;

    fn ask(&mut self, now: Duration, purpose: Purpose, kind: u8, number: u16) -> Option<Vec<u8>> {
        let told = number.to_be_bytes().to_vec();
        let mut register = 0x90 + u16::from(kind % 3);
        let data = match kind / 3 {
            0 => {
                self.client.begin(now, purpose, self.question(Way::Read, register, vec![], 2..=8)).ok()?;
                told
            }
            1 => {
                let question = self.question(Way::Read, register, vec![], 2..=8);
                self.client.begin_waking(now, purpose, question).ok()?;
                told
            }
            2 | 3 => {
                let question = self.question(Way::Write, register, told, 0..=8);
                self.client.begin(now, purpose, question).ok()?;
                vec![]
            }
            _ => {
                let candidates: Vec<_> =
                    (0x90..0x94).map(|one| self.question(Way::Read, one, vec![], 2..=8)).collect();
                let candidates: Vec<&described_client::Question> = candidates.iter().collect();
                let question =
                    self.client.guard_mut().telling(now, &candidates, |one| one.shape()).ok()?.clone();
                register = question.fields.register?;
                self.client.begin(now, purpose, question).ok()?;
                told
            }
        };
        let fields =
            Fields { address: Some(1), register: Some(register), status: Some(0), data, ..Fields::default() };
        Some(self.frames.read_answer.encode(&fields).unwrap())
    }

    /// Where nothing refuses, an answer about another register.
    fn refusal(answer: &[u8]) -> Vec<u8> {
        let text = described::text();
        let Some(fields) = text.read_answer.decode(answer) else {
            let fixed = described::fixed();
            let fields = fixed.read_answer.decode(answer).unwrap();
            let register = fields.register.map(|register| register ^ 0x40);
            return fixed.read_answer.encode(&Fields { register, ..fields }).unwrap();
        };
        text.read_answer.encode(&Fields { status: Some(4), data: vec![], ..fields }).unwrap()
    }

    fn transmit(&mut self) -> bool {
        self.client.poll_transmit().is_some()
    }

    fn feed(&mut self, now: Duration, bytes: &[u8]) {
        self.client.handle_bytes(now, bytes);
    }

    fn tick(&mut self, now: Duration) {
        self.client.handle_timeout(now);
    }

    fn due(&self) -> Option<Duration> {
        self.client.poll_timeout()
    }

    fn cancel(&mut self, now: Duration) {
        self.client.cancel(now);
    }

    fn confirm(&mut self) {
        self.client.confirm_identity();
    }

    fn state(&self) -> LinkState {
        self.client.guard().state()
    }

    fn heard(&mut self) -> Option<Option<u16>> {
        use described_client::Checked;
        use jigline_protocol::client::ClientEvent as Event;
        Some(match self.client.poll_event()? {
            Event::Answered(Checked::Data(data)) => Some(u16::from_be_bytes([data[0], data[1]])),
            Event::Answered(Checked::Written) => Some(0),
            Event::Failed(_) | Event::Quiet => None,
        })
    }
}
