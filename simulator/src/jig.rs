//! The jig: slots, the fixture's inputs and outputs, the operator's pile of boards, and the observer's list.

mod memory;
mod plan;
mod witness;

pub use memory::MemoryJig;
pub use plan::{Plan, plan_boards};

use std::{collections::BTreeMap, io, path::PathBuf, sync::Arc, time::Duration};

use domain::model::DeviceModel;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader},
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
    time,
};
use witness::{has_verdict, witness};

use crate::{
    bench::{Bench, BenchEvent},
    disturbance::Disturbances,
    faults::Fault,
    firmware::ImageRefusal,
    fixture::{FixtureCommand, FixtureEvent},
    knobs::Knobs,
    observe::{Kept, Observation, Remembered, Witnessed, write_kept, write_observer},
    operator::Operator,
    port::Port,
    slot::{Mishap, Sight, Slot, SlotNews, SlotOrder},
};

/// Changes are gathered this long before the observer's file is written.
const OBSERVER_DELAY: Duration = Duration::from_millis(40);

/// What a jig works on.
#[derive(Debug, Clone)]
pub struct JigSettings {
    pub model: Arc<DeviceModel>,
    pub slots: u32,
    pub boards: u32,
    /// Number of the first board: another batch begins where the last one ended.
    pub first_board: u32,
    pub seed: u64,
    /// How many of the boards are bad.
    pub faulty: u32,
    /// What is wrong with the bad ones; none: each of [`Fault::ALL`] in turn.
    pub fault: Option<Fault>,
    /// Turned on every board.
    pub knobs: Knobs,
    /// What disturbs every board and its line.
    pub disturbances: Disturbances,
    /// Where the observer's list is kept, if anywhere.
    pub observer: Option<PathBuf>,
    /// The list of an earlier jig: boards that it saw removed are not put in again.
    pub earlier: Vec<Witnessed>,
    /// What the boards keep that lay in its slots when it stopped.
    pub remembered: Vec<Remembered>,
    pub operator: Operator,
    /// There is a bench of modules and instruments: boards have the supply that its relays give.
    pub bench: bool,
}

impl JigSettings {
    /// One sound board, number 1, in one slot: nothing turned, nothing written down.
    #[must_use]
    pub fn one_board(model: Arc<DeviceModel>, seed: u64) -> Self {
        Self {
            model,
            slots: 1,
            boards: 1,
            first_board: 1,
            seed,
            faulty: 0,
            fault: None,
            disturbances: Disturbances::default(),
            knobs: Knobs::default(),
            observer: None,
            earlier: Vec::new(),
            remembered: Vec::new(),
            operator: Operator::default(),
            bench: false,
        }
    }
}

/// A running jig; it ends when this is dropped.
#[derive(Debug)]
pub struct Jig {
    events: mpsc::UnboundedSender<JigEvent>,
    witnessed: watch::Receiver<Vec<Witnessed>>,
    bench: Option<Bench>,
    tasks: JoinSet<()>,
}

#[derive(Debug)]
pub(crate) enum JigEvent {
    Slot(SlotNews),
    /// The relay of a slot's supply.
    Supply {
        slot: u32,
        on: bool,
    },
    /// What flows out of the board of a slot now, milliamperes?
    Flowing {
        slot: u32,
        answer: oneshot::Sender<u32>,
    },
    /// What does the radio of the board of a slot say to everybody?
    Advertises {
        slot: u32,
        answer: oneshot::Sender<Option<(String, String)>>,
    },
    Connected(mpsc::UnboundedSender<String>),
    Command(FixtureCommand),
    Observe {
        index: u32,
        answer: oneshot::Sender<Option<Observation>>,
    },
    Befall {
        slot: u32,
        mishap: Mishap,
    },
    Swap {
        slots: [u32; 2],
    },
}

impl Jig {
    /// Puts the first boards in. One port for each slot, in order.
    ///
    /// # Errors
    /// See [`plan_boards`].
    pub fn start<P: Port + 'static>(settings: JigSettings, ports: Vec<P>) -> Result<Self, ImageRefusal> {
        let plans = plan_boards(&settings)?;
        let (events, inbox) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        let mut slots = Vec::new();
        let (news, mut heard) = mpsc::unbounded_channel();
        let bench = settings.bench.then(|| {
            let file = settings.observer.as_ref().map(|path| path.with_file_name("bench.json"));
            let (bench, work) = Bench::start(settings.slots, events.clone(), settings.seed, file);
            tasks.spawn(work);
            bench
        });
        for (number, port) in (1..).zip(ports) {
            let (orders, inbox) = mpsc::unbounded_channel();
            slots.push(orders);
            let slot = Slot {
                number,
                model: settings.model.clone(),
                port,
                orders: inbox,
                news: news.clone(),
                operator: settings.operator.clone(),
                supplied: bench.is_none(),
            };
            tasks.spawn(async move {
                if let Err(error) = slot.run().await {
                    tracing::error!(slot = number, %error, "the slot's port failed; restart the jig");
                }
            });
        }
        let forward = events.clone();
        tasks.spawn(async move {
            while let Some(news) = heard.recv().await {
                if forward.send(JigEvent::Slot(news)).is_err() {
                    return;
                }
            }
        });
        let list: Vec<Witnessed> = plans.iter().map(|plan| witness(plan, &settings.earlier)).collect();
        let (publish, witnessed) = watch::channel(list);
        let floor = Floor {
            present: vec![false; slots.len()],
            slots,
            plans,
            waiting: Vec::new(),
            connections: Vec::new(),
            last_seen: BTreeMap::new(),
            carried: BTreeMap::new(),
            publish,
            observer: settings.observer,
            has_switches: settings.operator.scans.is_none(),
            bench: bench.as_ref().map(Bench::listener),
        };
        tasks.spawn(floor.run(inbox));
        Ok(Self { events, witnessed, bench, tasks })
    }

    /// A line of the fixture: JSON lines both ways, as over TCP.
    pub fn connect_fixture<S>(&mut self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let door = self.door();
        self.tasks.spawn(async move { door.serve(stream).await });
    }

    /// A way to the fixture for a listener.
    #[must_use]
    pub fn door(&self) -> FixtureDoor {
        FixtureDoor(self.events.clone())
    }

    /// The bench around the boards, where there is one.
    #[must_use]
    pub fn bench(&self) -> Option<&Bench> {
        self.bench.as_ref()
    }

    /// The observer's list as it changes.
    #[must_use]
    pub fn witnessed(&self) -> watch::Receiver<Vec<Witnessed>> {
        self.witnessed.clone()
    }

    /// What the boards without a verdict keep when the power goes: those in the slots, and those that were taken out because
    /// the station, told to stop, asked for attention.
    pub async fn remember(&self) -> Vec<Remembered> {
        let list = self.witnessed.borrow().clone();
        let mut kept = Vec::new();
        for board in list.iter().filter(|board| board.inserted && !has_verdict(board)) {
            let seen = self.observe(board.index).await;
            kept.extend(seen.map(|observation| Remembered::of(board.index, &observation)));
        }
        kept
    }

    /// Everything about a board: as it lies in its slot now, or as it was taken out. None: it was never put in.
    pub async fn observe(&self, index: u32) -> Option<Observation> {
        let (answer, answered) = oneshot::channel();
        self.events.send(JigEvent::Observe { index, answer }).ok()?;
        answered.await.ok()?
    }

    /// What happens to the board in that slot now, if there is one.
    pub fn befall(&self, slot: u32, mishap: Mishap) {
        let _jig_is_gone = self.events.send(JigEvent::Befall { slot, mishap });
    }

    /// A person takes the boards of two slots out and puts each into the other's.
    pub fn swap(&self, slots: [u32; 2]) {
        let _jig_is_gone = self.events.send(JigEvent::Swap { slots });
    }
}

/// Lets fixtures' clients in.
#[derive(Debug, Clone)]
pub struct FixtureDoor(mpsc::UnboundedSender<JigEvent>);

impl FixtureDoor {
    /// Serves one client until it goes.
    pub async fn serve<S: AsyncRead + AsyncWrite>(&self, stream: S) {
        let (reader, mut writer) = tokio::io::split(stream);
        let mut lines = BufReader::new(reader).lines();
        let (out, mut outbox) = mpsc::unbounded_channel::<String>();
        if self.0.send(JigEvent::Connected(out)).is_err() {
            return;
        }
        loop {
            tokio::select! {
                biased;
                line = outbox.recv() => {
                    let Some(mut line) = line else { return };
                    line.push('\n');
                    if writer.write_all(line.as_bytes()).await.is_err() || writer.flush().await.is_err() {
                        return;
                    }
                }
                line = lines.next_line() => {
                    let Ok(Some(line)) = line else { return };
                    match serde_json::from_str(&line) {
                        Ok(command) => {
                            if self.0.send(JigEvent::Command(command)).is_err() {
                                return;
                            }
                        }
                        Err(error) => tracing::warn!(%line, %error, "the fixture does not know this command"),
                    }
                }
            }
        }
    }
}

/// The actor that holds all of it together.
struct Floor {
    slots: Vec<mpsc::UnboundedSender<SlotOrder>>,
    present: Vec<bool>,
    plans: Vec<Plan>,
    /// Slots that wait for a board.
    waiting: Vec<u32>,
    connections: Vec<mpsc::UnboundedSender<String>>,
    last_seen: BTreeMap<u32, Observation>,
    /// Slots whose boards are on their way, each with the slot that its board goes to.
    carried: BTreeMap<u32, u32>,
    publish: watch::Sender<Vec<Witnessed>>,
    observer: Option<PathBuf>,
    /// Else boards are scanned.
    has_switches: bool,
    bench: Option<mpsc::UnboundedSender<BenchEvent>>,
}

impl Floor {
    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<JigEvent>) {
        self.write_observer();
        let mut changed: Option<time::Instant> = None;
        loop {
            tokio::select! {
                biased;
                () = time::sleep_until(changed.unwrap_or_else(time::Instant::now)), if changed.is_some() => {
                    changed = None;
                    self.write_observer();
                }
                event = inbox.recv() => {
                    let Some(event) = event else { return };
                    if self.handle(event) {
                        changed.get_or_insert_with(|| time::Instant::now() + OBSERVER_DELAY);
                    }
                }
            }
        }
    }

    /// Whether the observer's list has changed.
    fn handle(&mut self, event: JigEvent) -> bool {
        match event {
            JigEvent::Slot(SlotNews::Wants { slot }) => {
                self.waiting.push(slot);
                self.hand_out()
            }
            JigEvent::Slot(SlotNews::Fixture(event)) => {
                if let FixtureEvent::Presence { slot, present } = &event
                    && let Some(place) = self.present.get_mut(*slot as usize - 1)
                {
                    *place = *present;
                }
                self.broadcast(&event);
                if let Some(bench) = &self.bench {
                    let _bench_is_gone = bench.send(BenchEvent::Jig(event));
                }
                false
            }
            JigEvent::Supply { slot, on } => {
                self.order(slot, SlotOrder::Supply(on));
                false
            }
            JigEvent::Advertises { slot, answer } => {
                self.order(slot, SlotOrder::Advertises(answer));
                false
            }
            JigEvent::Flowing { slot, answer } => {
                self.order(slot, SlotOrder::Flowing(answer));
                false
            }
            JigEvent::Slot(SlotNews::Seen(sight)) => {
                self.see(*sight);
                self.hand_out();
                true
            }
            JigEvent::Connected(connection) => {
                for (slot, present) in (1..).zip(&self.present).filter(|_| self.has_switches) {
                    let line = serde_json::to_string(&FixtureEvent::Presence { slot, present: *present });
                    let _gone_already = line.map(|line| connection.send(line));
                }
                self.connections.push(connection);
                false
            }
            JigEvent::Command(command) => {
                match self.slots.get((command.slot() as usize).wrapping_sub(1)) {
                    Some(slot) => {
                        let _slot_is_gone = slot.send(SlotOrder::Fixture(command));
                    }
                    None => tracing::warn!(
                        slot = command.slot(),
                        "a fixture command names a slot that is not there"
                    ),
                }
                false
            }
            JigEvent::Observe { index, answer } => {
                let is_here = |board: &&Witnessed| board.index == index && board.inserted && !board.removed;
                let here = self.publish.borrow().iter().find(is_here).and_then(|board| board.slot);
                match here.and_then(|slot| self.slots.get(slot as usize - 1)) {
                    Some(slot) => {
                        let _slot_is_gone = slot.send(SlotOrder::Observe(answer));
                    }
                    None => {
                        let _asker_is_gone = answer.send(self.last_seen.get(&index).cloned());
                    }
                }
                false
            }
            JigEvent::Befall { slot, mishap } => {
                self.order(slot, SlotOrder::Befall(mishap));
                false
            }
            JigEvent::Swap { slots: [one, other] } => {
                for (from, to) in [(one, other), (other, one)] {
                    self.carried.insert(from, to);
                    self.order(from, SlotOrder::TakeOut);
                }
                false
            }
            JigEvent::Slot(SlotNews::TakenOut { slot, seat }) => {
                let Some(to) = self.carried.remove(&slot) else { return false };
                let waits = self.waiting.contains(&to);
                if seat.is_some() {
                    self.waiting.retain(|waiting| *waiting != to);
                }
                if seat.is_some() || !waits {
                    self.order(to, SlotOrder::PutIn(seat));
                }
                false
            }
        }
    }

    fn order(&self, slot: u32, order: SlotOrder) {
        if let Some(orders) = self.slots.get((slot as usize).wrapping_sub(1)) {
            let _slot_is_gone = orders.send(order);
        }
    }

    /// Gives waiting slots their next boards. Whether any got one.
    fn hand_out(&mut self) -> bool {
        let mut any = false;
        while let Some(slot) = self.waiting.first().copied() {
            let Some(plan) = self.next_board() else { break };
            self.waiting.remove(0);
            self.publish.send_modify(|list| {
                if let Some(board) = list.iter_mut().find(|board| board.index == plan.index) {
                    board.inserted = true;
                    board.slot = Some(slot);
                }
            });
            if let Some(orders) = self.slots.get(slot as usize - 1) {
                let order = SlotOrder::Insert { index: plan.index, birth: Box::new(plan.birth) };
                let _slot_is_gone = orders.send(order);
            }
            any = true;
        }
        any
    }

    fn next_board(&self) -> Option<Plan> {
        let list = self.publish.borrow();
        let is_removed = |index| list.iter().any(|board| board.index == index && board.removed);
        let ready = |plan: &&Plan| {
            let waits = list.iter().any(|board| board.index == plan.index && !board.inserted);
            waits && plan.original.is_none_or(is_removed)
        };
        self.plans.iter().find(ready).cloned()
    }

    fn see(&mut self, sight: Sight) {
        self.publish.send_modify(|list| {
            let Some(board) = list.iter_mut().find(|board| board.index == sight.index) else { return };
            board.slot = Some(sight.slot);
            board.removed = sight.removed;
            board.load_ma = sight.load_ma;
            board.lamp = sight.lamp.map(|lamp| lamp.as_str().to_owned()).or(board.lamp.take());
            board.frames = sight.observation.frames;
            board.ignored_frames = sight.observation.ignored_frames;
            if sight.removed {
                // Without power no path is closed; what counts is how it left the line.
                let was = (board.holds.charge_on, board.holds.discharge_on);
                board.holds = sight.observation.holds.clone();
                (board.holds.charge_on, board.holds.discharge_on) = was;
            } else {
                board.holds = sight.observation.holds.clone();
            }
        });
        if sight.removed
            && let Some(path) = &self.observer
            && let Err(error) = write_kept(path, sight.index, &Kept::of(&sight.observation))
        {
            tracing::error!(board = sight.index, %error, "cannot write what the board holds; is the disk full?");
        }
        self.last_seen.insert(sight.index, sight.observation);
    }

    fn broadcast(&mut self, event: &FixtureEvent) {
        if let Ok(line) = serde_json::to_string(event) {
            self.connections.retain(|connection| connection.send(line.clone()).is_ok());
        }
    }

    fn write_observer(&self) {
        let Some(path) = &self.observer else { return };
        let outcome: io::Result<()> = write_observer(path, &self.publish.borrow());
        if let Err(error) = outcome {
            tracing::error!(path = %path.display(), %error, "cannot write what the boards hold; is the disk full?");
        }
    }
}
