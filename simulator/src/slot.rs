//! One slot of the jig: a line in real (or paused) time, the board on it, the load, and the operator's hands.

use core::time::Duration;
use std::{io, pin::Pin, sync::Arc, task::Poll};

use domain::model::DeviceModel;
use protocol::Instant;
use tokio::{
    io::AsyncReadExt as _,
    sync::{mpsc, oneshot},
    time,
};

use crate::{
    birth::Birth,
    board::{Board, Mode},
    fixture::{FixtureCommand, FixtureEvent, Lamp},
    line::Line,
    observe::Observation,
    operator::{Operator, SCAN_AFTER, answer},
    port::Port,
};

/// The operator sees the lamp and takes the board out.
const REMOVE_AFTER: Duration = Duration::from_millis(1500);
/// And puts the next one in.
const INSERT_AFTER: Duration = Duration::from_millis(200);
/// Longer than this no fixture keeps a supply away.
const LONGEST_OFF: Duration = Duration::from_secs(60);
/// How often what a board holds is looked at while it works.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// To the slot.
#[derive(Debug)]
pub enum SlotOrder {
    /// Put this board in and give it power.
    Insert {
        index: u32,
        birth: Box<Birth>,
    },
    Fixture(FixtureCommand),
    /// Look at the board that lies here now.
    Observe(oneshot::Sender<Option<Observation>>),
    Befall(Mishap),
    /// The relay of the supply, on a jig that has one.
    Supply(bool),
    /// What flows out of the board now, milliamperes?
    Flowing(oneshot::Sender<u32>),
    /// What its radio says to everybody: address and name; none: it is silent.
    Advertises(oneshot::Sender<Option<(String, String)>>),
    /// The board is taken out and handed over, with whatever state it keeps.
    TakeOut,
    /// The board of another slot is put in and gets power; none: there was none, and the slot takes the next one of the pile.
    PutIn(Option<Box<Seat>>),
}

/// What happens to a board that nobody planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    /// Taken out before its verdict; it does not come back, the next one is put in.
    Pulled,
    /// Taken out and put in again at once.
    PutBack,
    /// Its supply fails for so long. The fixture knows nothing of it.
    PowerCut(Duration),
}

/// From the slot.
#[derive(Debug)]
pub enum SlotNews {
    /// Empty and ready for the next board.
    Wants {
        slot: u32,
    },
    Fixture(FixtureEvent),
    Seen(Box<Sight>),
    /// What was taken out, for another slot.
    TakenOut {
        slot: u32,
        seat: Option<Box<Seat>>,
    },
}

/// A look at the board of a slot.
#[derive(Debug)]
pub struct Sight {
    pub slot: u32,
    pub index: u32,
    pub removed: bool,
    pub lamp: Option<Lamp>,
    /// On the slot, milliamperes.
    pub load_ma: u32,
    pub observation: Observation,
}

/// One slot on its port.
#[derive(Debug)]
pub struct Slot<P> {
    /// Counted from 1.
    pub number: u32,
    pub model: Arc<DeviceModel>,
    pub port: P,
    pub orders: mpsc::UnboundedReceiver<SlotOrder>,
    pub news: mpsc::UnboundedSender<SlotNews>,
    pub operator: Operator,
    /// A board has its supply as soon as it lies there.
    pub supplied: bool,
}

/// A board with the operator's knowledge of it.
#[derive(Debug)]
pub struct Seat {
    index: u32,
    board: Board,
    lamp: Option<Lamp>,
    seen_frames: u64,
}

#[derive(Debug, Clone, Copy)]
enum Hand {
    Remove,
    Ask,
}

/// Who switched the supply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Supply {
    ByFixture,
    /// It failed, and nobody is told.
    ByItself,
}

struct Work<P> {
    slot: Slot<P>,
    line: Line,
    seat: Option<Seat>,
    hand: Option<(Instant, Hand)>,
    /// What the operator has on the tongue.
    said: Option<(Instant, FixtureEvent)>,
    /// When the label of the board that lies here is scanned, to announce it.
    scans: Option<Instant>,
    power_back: Option<(Instant, Supply)>,
    look_at: Instant,
    load_ma: u32,
    /// The moment up to which everything is done.
    reached: Instant,
    started: time::Instant,
}

impl<P: Port> Slot<P> {
    /// Works until nobody gives orders any more.
    ///
    /// # Errors
    /// Where the port fails; a client that comes and goes is no failure.
    pub async fn run(self) -> io::Result<()> {
        // The first boards are put in one behind the other, too.
        let hands = self.operator.hands.as_ref();
        let first = hands.map_or(Instant::ZERO, |hands| hands.take(Instant::ZERO, hands.per_board() / 2));
        let work = Work {
            slot: self,
            line: Line::new(),
            seat: None,
            hand: Some((first, Hand::Ask)),
            said: None,
            scans: None,
            power_back: None,
            look_at: Instant::ZERO,
            load_ma: 0,
            reached: Instant::ZERO,
            started: time::Instant::now(),
        };
        work.run().await
    }
}

impl<P: Port> Work<P> {
    async fn run(mut self) -> io::Result<()> {
        let mut buffer = [0_u8; 4096];
        loop {
            self.catch_up(self.now());
            let due = self.poll_timeout().map(|due| self.started + due);
            let room = self.line.room(self.client_baud()).map(|room| room.min(buffer.len()));
            tokio::select! {
                biased;
                order = self.slot.orders.recv() => match order {
                    Some(order) => self.obey(order),
                    None => return Ok(()),
                },
                count = self.slot.port.read(&mut buffer[..room.unwrap_or(1)]), if room.is_some() => {
                    self.hear(&buffer[..count?]);
                }
                () = time::sleep_until(due.unwrap_or(self.started)), if due.is_some() => {}
            }
        }
    }

    fn now(&self) -> Instant {
        self.started.elapsed()
    }

    fn client_baud(&self) -> u32 {
        self.slot.port.client_baud().max(50)
    }

    fn board_baud(&self) -> u32 {
        self.seat.as_ref().map_or(self.slot.model.link.baud, |seat| seat.board.baud())
    }

    fn hear(&mut self, bytes: &[u8]) {
        let (now, client, board) = (self.now(), self.client_baud(), self.board_baud());
        self.line.put_inbound(now, bytes, client, board);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let board = self.seat.as_ref().and_then(|seat| seat.board.poll_timeout());
        let hand = self.hand.map(|(due, _)| due);
        let power = self.power_back.map(|(due, _)| due);
        let said = self.said.as_ref().map(|(due, _)| *due);
        [self.line.poll_timeout(), board, Some(self.look_at), hand, said, self.scans, power]
            .into_iter()
            .flatten()
            .min()
    }

    /// Timers fire up to a millisecond late, and later on a busy machine. What was due is done as at the moment at which it was
    /// due, so that a board's times and a line's do not grow by it.
    fn catch_up(&mut self, now: Instant) {
        let mut last = None;
        while let Some(due) = self.poll_timeout().filter(|due| *due < now && last != Some(*due)) {
            last = Some(due);
            self.reached = self.reached.max(due);
            self.do_what_is_due(self.reached);
        }
        self.reached = now;
        self.do_what_is_due(now);
    }

    fn do_what_is_due(&mut self, now: Instant) {
        if let Some((due, hand)) = self.hand
            && due <= now
        {
            self.hand = None;
            self.use_hand(now, hand);
        }
        if let Some((_, event)) = self.said.take_if(|(due, _)| *due <= now) {
            self.tell(SlotNews::Fixture(event));
        }
        if self.scans.take_if(|due| *due <= now).is_some()
            && let Some(code) = self.seat.as_ref().and_then(|seat| self.slot.operator.announces(seat.index))
        {
            self.tell(SlotNews::Fixture(FixtureEvent::Scan { slot: self.slot.number, code }));
        }
        if let Some((due, supply)) = self.power_back
            && due <= now
        {
            self.power_back = None;
            if let Some(seat) = &mut self.seat {
                seat.board.set_power(now, self.slot.supplied);
            }
            if supply == Supply::ByFixture {
                self.tell(SlotNews::Fixture(FixtureEvent::Power { slot: self.slot.number, on: true }));
            }
        }
        let arrived = self.line.take_inbound(now);
        if let Some(seat) = &mut self.seat {
            match arrived {
                Some(bytes) => seat.board.handle_bytes(now, &bytes),
                None => seat.board.handle_timeout(now),
            }
            while let Some(bytes) = seat.board.poll_transmit() {
                self.line.put_outbound(now, &bytes, seat.board.baud());
            }
        }
        let (client, board) = (self.client_baud(), self.board_baud());
        while let Some(bytes) = self.line.take_outbound(now, client, board) {
            self.send(&bytes);
        }
        if self.look_at <= now {
            self.look_at = now + LOOK_EVERY;
            self.slot.port.look_after();
            if self.seat.as_ref().is_some_and(|seat| seat.seen_frames != seat.board.requests()) {
                self.tell_sight(false);
            }
        }
    }

    /// To the client, as far as it has room; a wire waits for nobody.
    fn send(&mut self, mut bytes: &[u8]) {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        while !bytes.is_empty() {
            match Pin::new(&mut self.slot.port).poll_write(&mut context, bytes) {
                Poll::Ready(Ok(count)) if count > 0 => bytes = &bytes[count.min(bytes.len())..],
                _ => {
                    tracing::debug!(slot = self.slot.number, lost = bytes.len(), "the client does not read");
                    return;
                }
            }
        }
    }

    fn use_hand(&mut self, now: Instant, hand: Hand) {
        match hand {
            Hand::Ask => self.tell(SlotNews::Wants { slot: self.slot.number }),
            Hand::Remove => {
                if let Some(seat) = &mut self.seat {
                    seat.board.set_power(now, false);
                }
                self.tell_sight(true);
                (self.seat, self.said, self.scans) = (None, None, None);
                self.line.cut();
                self.tell_presence(false);
                self.hand = Some((now + self.insert_after(), Hand::Ask));
            }
        }
    }

    /// Between a board that is out and the next one in its place.
    fn insert_after(&self) -> Duration {
        self.slot.operator.hands.as_ref().map_or(INSERT_AFTER, |hands| hands.per_board() / 2)
    }

    /// When the hand that a lamp calls takes the board out.
    fn removes_at(&self, now: Instant) -> Instant {
        match &self.slot.operator.hands {
            Some(hands) => hands.take(now, hands.per_board()) + hands.per_board() / 2,
            None => now + REMOVE_AFTER,
        }
    }

    /// By its switch, or by what the operator scans then.
    fn tell_presence(&mut self, present: bool) {
        if self.slot.operator.scans.is_some() {
            self.scans = present.then(|| self.now() + SCAN_AFTER);
            return;
        }
        self.tell(SlotNews::Fixture(FixtureEvent::Presence { slot: self.slot.number, present }));
    }

    fn befall(&mut self, now: Instant, mishap: Mishap) {
        if self.seat.is_none() {
            return;
        }
        match mishap {
            Mishap::Pulled => self.use_hand(now, Hand::Remove),
            Mishap::PutBack => {
                if let Some(seat) = self.take_out(now) {
                    self.put_in(now, seat);
                }
            }
            Mishap::PowerCut(off) => {
                if let Some(seat) = &mut self.seat {
                    seat.board.set_power(now, false);
                }
                self.line.cut();
                let supply = self.power_back.map_or(Supply::ByItself, |(_, supply)| supply);
                self.power_back = Some((now + off.min(LONGEST_OFF), supply));
            }
        }
    }

    /// Without power and off the line. A hand that was on its way to it stops.
    fn take_out(&mut self, now: Instant) -> Option<Box<Seat>> {
        let mut seat = self.seat.take()?;
        seat.board.set_power(now, false);
        self.line.cut();
        (self.hand, self.said, self.scans, self.power_back) = (None, None, None, None);
        self.tell_presence(false);
        Some(Box::new(seat))
    }

    fn put_in(&mut self, now: Instant, mut seat: Box<Seat>) {
        self.line.disturb(seat.board.birth().disturbances, seat.board.birth().seed);
        seat.board.set_load_ma(now, self.load_ma);
        seat.board.set_power(now, self.slot.supplied);
        seat.lamp = None;
        self.hand = None;
        self.seat = Some(*seat);
        self.tell_sight(false);
        self.tell_presence(true);
    }

    fn obey(&mut self, order: SlotOrder) {
        let now = self.now();
        match order {
            SlotOrder::Insert { index, birth } => {
                let board = Board::new(self.slot.model.clone(), *birth);
                self.put_in(now, Box::new(Seat { index, board, lamp: None, seen_frames: 0 }));
            }
            SlotOrder::Befall(mishap) => self.befall(now, mishap),
            SlotOrder::Supply(on) => {
                self.slot.supplied = on;
                if let Some(seat) = self.seat.as_mut().filter(|seat| on || !seat.board.is_supply_stuck()) {
                    seat.board.set_power(now, on);
                    if !on {
                        self.line.cut();
                    }
                }
            }
            SlotOrder::Advertises(answer) => {
                let awake = self.seat.as_ref().filter(|seat| seat.board.mode() == Mode::Application);
                let said = awake.map(|seat| {
                    let name = seat.board.observe().holds.name.unwrap_or_default();
                    (seat.board.birth().bluetooth_address.clone(), name)
                });
                let _asker_is_gone = answer.send(said);
            }
            SlotOrder::Flowing(answer) => {
                let flowing_ma = self.seat.as_ref().map_or(0, |seat| seat.board.flowing_ma());
                let _asker_is_gone = answer.send(flowing_ma);
            }
            SlotOrder::TakeOut => {
                let seat = self.take_out(now);
                self.tell(SlotNews::TakenOut { slot: self.slot.number, seat });
            }
            SlotOrder::PutIn(Some(seat)) => self.put_in(now, seat),
            SlotOrder::PutIn(None) => self.hand = Some((now + INSERT_AFTER, Hand::Ask)),
            SlotOrder::Observe(answer) => {
                let _asker_is_gone = answer.send(self.seat.as_ref().map(|seat| self.look(seat)));
            }
            SlotOrder::Fixture(FixtureCommand::SetLoad { load_ma, .. }) => {
                self.load_ma = self.really_drawn(load_ma);
                let mut flowing = 0;
                if let Some(seat) = &mut self.seat {
                    seat.board.set_load_ma(now, self.load_ma);
                    flowing = seat.board.flowing_ma();
                }
                self.tell(SlotNews::Fixture(FixtureEvent::Load { slot: self.slot.number, load_ma: flowing }));
            }
            SlotOrder::Fixture(FixtureCommand::PowerCycle { off_ms, .. }) => {
                match &mut self.seat {
                    Some(seat) if seat.board.is_supply_stuck() => {}
                    Some(seat) => {
                        seat.board.set_power(now, false);
                        self.line.cut();
                    }
                    None => self.line.cut(),
                }
                self.tell(SlotNews::Fixture(FixtureEvent::Power { slot: self.slot.number, on: false }));
                let off = Duration::from_millis(off_ms.into()).min(LONGEST_OFF);
                self.power_back = Some((now + off, Supply::ByFixture));
            }
            SlotOrder::Fixture(FixtureCommand::Prompt { slot, open }) => {
                let Some(seat) = &self.seat else { return };
                let operator = &self.slot.operator;
                let said = answer(&open.prompt.asks, operator.labelled(seat.index), operator.answers);
                self.said = said.map(|(after, answer)| {
                    (now + after, FixtureEvent::Answer { slot, id: open.id.clone(), answer })
                });
            }
            SlotOrder::Fixture(FixtureCommand::PromptOver { id, .. }) => {
                let is_it =
                    |event: &FixtureEvent| matches!(event, FixtureEvent::Answer { id: of, .. } if *of == id);
                self.said.take_if(|(_, event)| is_it(event));
            }
            SlotOrder::Fixture(FixtureCommand::Lamp { lamp, .. }) => {
                let Some(seat) = &mut self.seat else { return };
                seat.lamp = Some(lamp);
                if lamp == Lamp::Idle {
                    // A board lies there, and the station knows nothing of it.
                    self.scans = self.slot.operator.scans.as_ref().map(|_| now + SCAN_AFTER);
                }
                self.tell_sight(false);
                // A hand on its way stops where the lamp goes dark before it is there.
                self.hand = lamp.ends_the_work().then(|| (self.removes_at(now), Hand::Remove));
            }
        }
    }

    /// No load draws quite what it is told to; the instrument's own reading says what it does draw.
    fn really_drawn(&self, asked_ma: u32) -> u32 {
        // Up to 0.35 %, another for each slot, always the same.
        let per_mille_tenths = i64::from(self.slot.number * 17 % 8) - 4;
        (i64::from(asked_ma) + i64::from(asked_ma) * per_mille_tenths * 9 / 10_000).max(0) as u32
    }

    fn tell_sight(&mut self, removed: bool) {
        let slot = self.slot.number;
        let Some(seat) = &mut self.seat else { return };
        seat.seen_frames = seat.board.requests();
        let Some(seat) = &self.seat else { return };
        let observation = self.look(seat);
        let (index, lamp, load_ma) = (seat.index, seat.lamp, self.load_ma);
        let sight = Sight { slot, index, removed, lamp, load_ma, observation };
        self.tell(SlotNews::Seen(Box::new(sight)));
    }

    /// The board as it is, and what struck its line.
    fn look(&self, seat: &Seat) -> Observation {
        let mut observation = seat.board.observe();
        for (kind, count) in self.line.struck() {
            *observation.struck.entry(kind).or_default() += count;
        }
        observation
    }

    fn tell(&self, news: SlotNews) {
        // Where nobody listens any more the jig is on its way down.
        let _jig_is_gone = self.slot.news.send(news);
    }
}
