//! What the slots of one agent share: journal, server, clock, chance, who holds which identity, what each slot shows.
//! One thread works all of it, so nothing here is locked.

mod checks;

use crate::{
    agent::{WireLogDesk, drawer_of},
    answer_door::{AnswerDoor, Doorway},
    clock::{Clock, Moment},
    fixture::{FixtureAnswer, FixtureCommand, described::Description},
    floor_door::FloorShown,
    journal::{Beside, Journal, JournalFault, ShiftPage, UnitLabel, WireLogKeep, identity_key},
    labels::{LabelWish, Labels},
    link::{Line, LinkOptions},
    order::WorkOrder,
    progress::{Progress, ProgressSender},
    secrets::Sealer,
    shift::{ShiftBook, Stamp},
    wire::Recorder,
};
use chrono::{DateTime, Utc};
use domain::{
    api::{operator::TraceLimit, wire_log::StepMark},
    floor::FloorEvent,
    gate::{Gate, Keeper},
    identifier::Identifier,
    ids::{BatchId, ContentHash, RunId, SessionId, StationId},
    label::ScannedLabel,
    live::{JournalLive, SlotLive, SlotState, StationLive},
    model::DeviceModel,
    prompt::{GivenAnswer, OpenPrompt},
    record::BirthRecord,
    step::Step,
    text::{Fault, FaultCode},
    trace::Trace,
};
use rand::{RngCore as _, rngs::StdRng};
use serde::Deserialize;
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};
use tokio::{
    sync::{Notify, mpsc, watch},
    time::Instant,
};
use uuid::Uuid;

/// Opens the line of a slot at a rate: a serial port, or a stream in tests.
pub trait PortSource: Fn(u16, u32) -> Result<Line, Fault> {}

impl<T: Fn(u16, u32) -> Result<Line, Fault>> PortSource for T {}

/// How a station knows that a board lies in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// The fixture's switches say so.
    Switch,
    /// Whoever answers on the line is there.
    Bus,
    /// A code is scanned at the slot when a board was put in; one that answers no more has been taken out.
    Scan,
}

/// What a slot is told.
#[derive(Debug, Clone, PartialEq)]
pub enum SlotInput {
    Presence(bool),
    /// The line to the fixture broke: nobody knows what lies in the slot until the fixture says so again.
    PresenceUnknown,
    /// To this slot's own question.
    Fixture(FixtureAnswer),
    /// The fixture dropped all that was under voltage here.
    Tripped(Box<Fault>),
    /// A person's, to whatever question.
    Answer(Box<GivenAnswer>),
    /// A code that was scanned here, with no question.
    Scan(Box<ScannedLabel>),
    Contested {
        identity: String,
        other_slot: u16,
    },
    /// Whether a board may be begun here is to be looked at again.
    GateMoved,
    /// The slot's port is another one now.
    PortMoved,
    Stop,
    StopNow,
}

/// The work in force, or why there is none.
pub type OrderState = Result<Arc<WorkOrder>, Fault>;

/// Percent of a transfer; above 100: none runs.
pub const NO_TRANSFER: u8 = u8::MAX;

pub struct Shared<S> {
    pub station_id: StationId,
    /// This run of the program.
    pub session_id: SessionId,
    /// Which machine this is.
    pub machine: Option<ContentHash>,
    pub name: String,
    pub version: String,
    pub presence: Presence,
    /// Whether there is one that switches loads and supplies.
    pub has_fixture: bool,
    pub journal: Journal,
    pub clock: Clock,
    pub chance: RefCell<StdRng>,
    pub sealer: Sealer,
    pub server: S,
    pub link: LinkOptions,
    pub wire_log: WireLogKeep,
    pub wire_logs: WireLogDesk,
    /// Boards that numbers and shares are kept in hand for.
    pub drawer: u32,
    pub fixture: mpsc::UnboundedSender<FixtureCommand>,
    pub progress: ProgressSender,
    /// When the server last answered.
    pub heard: Cell<Instant>,
    /// Whether the server has answered a check-in of this session, whatever it said.
    pub checked_in: watch::Sender<bool>,
    /// A record waits for the uplink.
    pub record_closed: Notify,
    /// The live state is another.
    pub changed: Notify,
    /// A board is worked no more: what came of it is told at once.
    pub verdict: Notify,
    /// Whether somebody answers on a slot's line, while a port is proved.
    pub heard_on_line: mpsc::UnboundedSender<(u16, bool)>,
    /// Told when a number or a secret is bound to a board: the server hears at once how far the journal is, and knows an older copy of it.
    pub bound: Notify,
    pub slots: BTreeMap<u16, SlotDesk>,
    pub labels: Labels,
    /// What people ask of them; who asks keeps the other end.
    pub wishes: (mpsc::UnboundedSender<LabelWish>, Cell<Option<mpsc::UnboundedReceiver<LabelWish>>>),
    /// Who works here, and what waits for a person.
    pub book: RefCell<ShiftBook>,
    /// The same, as the page shows it.
    pub floor: watch::Sender<FloorShown>,
    /// Something was done at the jig that the server does not know yet.
    pub floor_event: Notify,
    /// The orders are to be asked for now.
    pub orders_due: Notify,
    /// The fixture, where a file describes it.
    pub described: Option<Description>,
    /// Identifier -> the slot whose board has it.
    claims: RefCell<BTreeMap<String, u16>>,
}

/// A run, as far as it has come: what is drawn of it.
#[derive(Debug, Clone, PartialEq)]
pub struct RunSeen {
    pub run_id: RunId,
    pub started_at: DateTime<Utc>,
    pub steps: Vec<StepMark>,
    pub traces: Vec<Trace>,
    /// What its measurements are held to.
    pub limits: Vec<TraceLimit>,
    pub model: Arc<DeviceModel>,
}

/// One slot's place among the shared things.
pub struct SlotDesk {
    pub inputs: mpsc::UnboundedSender<SlotInput>,
    /// What the next board will be worked by; none until it was asked for the first time.
    pub order: watch::Sender<Option<OrderState>>,
    pub shown: RefCell<SlotState>,
    /// What its board is worked under.
    pub batch: Cell<Option<BatchId>>,
    pub transfer: Arc<AtomicU8>,
    /// Whether a board may be begun.
    pub gate: RefCell<Gate>,
    /// Whether the line is asked who is there, for somebody who proves whose it is.
    pub proving: watch::Sender<bool>,
    /// What was seen of its run so far.
    pub seen: watch::Sender<Option<Arc<RunSeen>>>,
    /// What passed over its line in that run.
    pub recorder: Recorder,
    /// The question that is open.
    pub asked: watch::Sender<Option<OpenPrompt>>,
}

impl SlotDesk {
    #[must_use]
    pub fn new(inputs: mpsc::UnboundedSender<SlotInput>) -> Self {
        Self {
            inputs,
            order: watch::Sender::new(None),
            shown: RefCell::new(SlotState::Empty),
            batch: Cell::new(None),
            transfer: Arc::new(AtomicU8::new(NO_TRANSFER)),
            gate: RefCell::default(),
            proving: watch::Sender::new(false),
            seen: watch::Sender::new(None),
            recorder: Recorder::default(),
            asked: watch::Sender::new(None),
        }
    }

    /// What the next board will be worked by.
    #[must_use]
    pub fn next_order(&self) -> Option<Arc<WorkOrder>> {
        self.order.borrow().as_ref()?.as_ref().ok().cloned()
    }
}

/// What [`Shared::new`] is made of beside the parts that the caller fills in by name.
pub struct SharedParts<S> {
    pub station_id: StationId,
    pub session_id: SessionId,
    pub machine: Option<ContentHash>,
    pub name: String,
    pub version: String,
    pub presence: Presence,
    /// Whether there is one that switches loads and supplies.
    pub has_fixture: bool,
    pub journal: Journal,
    pub clock: Clock,
    pub chance: StdRng,
    pub sealer: Sealer,
    pub server: S,
    pub link: LinkOptions,
    pub fixture: mpsc::UnboundedSender<FixtureCommand>,
    pub progress: ProgressSender,
    pub heard_on_line: mpsc::UnboundedSender<(u16, bool)>,
    pub book: ShiftBook,
}

impl<S> Shared<S> {
    pub fn new(parts: SharedParts<S>, slots: BTreeMap<u16, SlotDesk>) -> Self {
        Self {
            station_id: parts.station_id,
            session_id: parts.session_id,
            machine: parts.machine,
            name: parts.name,
            version: parts.version,
            presence: parts.presence,
            has_fixture: parts.has_fixture,
            journal: parts.journal,
            clock: parts.clock,
            chance: RefCell::new(parts.chance),
            sealer: parts.sealer,
            server: parts.server,
            link: parts.link,
            wire_log: WireLogKeep::default(),
            wire_logs: WireLogDesk::default(),
            drawer: drawer_of(slots.len()),
            fixture: parts.fixture,
            progress: parts.progress,
            heard_on_line: parts.heard_on_line,
            heard: Cell::new(Instant::now()),
            checked_in: watch::Sender::new(false),
            record_closed: Notify::new(),
            changed: Notify::new(),
            verdict: Notify::new(),
            bound: Notify::new(),
            slots,
            labels: Labels::default(),
            wishes: wishes(),
            book: RefCell::new(parts.book),
            floor: watch::Sender::default(),
            floor_event: Notify::new(),
            orders_due: Notify::new(),
            described: None,
            claims: RefCell::new(BTreeMap::new()),
        }
    }

    pub fn now(&self) -> Moment {
        self.clock.now()
    }

    /// A UUIDv7 from the clock and the generator.
    pub fn fresh_id(&self) -> Uuid {
        fresh_id(self.now(), &mut self.chance.borrow_mut())
    }

    /// The way for people's answers.
    pub fn answers(&self) -> AnswerDoor {
        let doorway = |desk: &SlotDesk| Doorway {
            inputs: desk.inputs.clone(),
            asked: desk.asked.subscribe(),
            order: desk.order.subscribe(),
            seen: desk.seen.subscribe(),
            recorder: desk.recorder.clone(),
        };
        let slots = self.slots.iter().map(|(&slot, desk)| (slot, doorway(desk))).collect();
        AnswerDoor::new(slots, self.wishes.0.clone())
    }

    /// Tells the fixture; without one nothing happens, and what needed an answer runs into its time-out.
    pub fn tell_fixture(&self, command: FixtureCommand) {
        let _fixture_may_be_gone = self.fixture.send(command);
    }

    /// Closes a run, in the journal and in the shift book at once. Gives the record's number.
    ///
    /// # Errors
    /// The disk refuses; then neither holds it.
    pub fn close_run(
        &self,
        record: &BirthRecord,
        identity: Option<&str>,
        label: Option<&UnitLabel>,
    ) -> Result<u64, JournalFault> {
        let mut book = self.book.borrow().clone();
        let events = book.run_closed(&mut self.stamp(&mut || self.fresh_id()), record);
        let page = ShiftPage { kept: book.kept(), events: &events };
        let number = self.journal.close_run_beside(record, identity, Beside { label, page: Some(page) })?;
        self.take_book(book, &events);
        Ok(number)
    }

    /// Now, for the shift book.
    pub fn stamp<'a>(&self, fresh_id: &'a mut dyn FnMut() -> Uuid) -> Stamp<'a> {
        Stamp { at: self.now().at, fresh_id }
    }

    /// The book is another one, and on disk.
    pub fn take_book(&self, book: ShiftBook, events: &[FloorEvent]) {
        self.book.replace(book);
        self.shut_by_book();
        if !events.is_empty() {
            self.floor_event.notify_one();
        }
    }

    /// What the book keeps shut is shut, and the page shows it.
    pub fn shut_by_book(&self) {
        for &slot in self.slots.keys() {
            let gates = self.book.borrow().gates(slot);
            gates.into_iter().for_each(|(keeper, why)| self.keep_shut(slot, keeper, why));
        }
        self.show_floor();
    }

    /// The page shows who works here and what waits for a person.
    pub fn show_floor(&self) {
        let is_working = |slot: u16| {
            self.slots
                .get(&slot)
                .is_some_and(|desk| matches!(*desk.shown.borrow(), SlotState::Working { .. }))
        };
        let shown = FloorShown::of(&self.book.borrow(), self.now().at, is_working);
        self.floor.send_if_modified(|before| {
            let is_another = *before != shown;
            if is_another {
                *before = shown;
            }
            is_another
        });
    }

    /// Takes the identifiers for `slot`. Where another slot has one already, that slot is told and its number given.
    pub fn claim(&self, slot: u16, identifiers: &[Identifier]) -> Result<(), u16> {
        #[cfg(feature = "sabotage")]
        if crate::sabotage::is(crate::sabotage::Sabotage::AnyLabel)
            && identifiers.iter().all(|one| one.kind == domain::identifier::IdentifierKind::Serial)
        {
            return Ok(());
        }
        let mut claims = self.claims.borrow_mut();
        let keys: Vec<String> = identifiers.iter().map(identity_key).collect();
        let other = keys
            .iter()
            .find_map(|key| claims.get(key).filter(|holder| **holder != slot).map(|holder| (key, *holder)));
        if let Some((key, holder)) = other {
            if let Some(desk) = self.slots.get(&holder) {
                let told = SlotInput::Contested { identity: key.clone(), other_slot: slot };
                let _slot_may_have_ended = desk.inputs.send(told);
            }
            return Err(holder);
        }
        claims.extend(keys.into_iter().map(|key| (key, slot)));
        Ok(())
    }

    pub fn release(&self, slot: u16) {
        self.claims.borrow_mut().retain(|_, holder| *holder != slot);
    }

    /// `keeper` keeps the slot shut for `why`, or (none) lets go: no board is begun there meanwhile, one under work finishes.
    pub fn keep_shut(&self, slot: u16, keeper: Keeper, why: Option<Fault>) {
        let Some(desk) = self.slots.get(&slot) else { return };
        if desk.gate.borrow_mut().keep(keeper, why) {
            let _slot_may_have_ended = desk.inputs.send(SlotInput::GateMoved);
        }
    }

    /// What the slot shows from now on.
    pub fn show(&self, slot: u16, state: SlotState) {
        let Some(desk) = self.slots.get(&slot) else { return };
        if *desk.shown.borrow() != state {
            let is_verdict = !matches!(state, SlotState::Working { .. });
            let before = desk.shown.replace(state);
            self.changed.notify_one();
            if is_verdict && matches!(before, SlotState::Working { .. }) {
                self.verdict.notify_one();
            }
        }
    }

    /// Why an order can't be worked at this jig; none: it can.
    pub fn not_here(&self, order: &WorkOrder) -> Option<Fault> {
        let plate = self.described.as_ref().map(|described| described.fixture.plate());
        let unfit = plate.and_then(|plate| plate.unfit(&order.profile.id));
        unfit.or_else(|| self.labels.unprintable(order))
    }

    /// What the board in the slot is worked under; none: it is not worked.
    pub fn show_batch(&self, slot: u16, batch: Option<BatchId>) {
        let Some(desk) = self.slots.get(&slot) else { return };
        if desk.batch.replace(batch) != batch {
            self.changed.notify_one();
        }
    }

    /// All slots as they stand.
    pub fn live(&self) -> StationLive {
        let slot = |(&slot, desk): (&u16, &SlotDesk)| SlotLive {
            slot,
            batch_id: desk.batch.get().or_else(|| desk.next_order().map(|order| order.batch_id)),
            state: with_transfer(desk),
        };
        let slots: Vec<SlotLive> = self.slots.iter().map(slot).collect();
        let first = slots.first().and_then(|slot| slot.batch_id);
        StationLive {
            station_id: self.station_id,
            station_name: self.name.clone(),
            batch_id: first.filter(|_| slots.iter().all(|slot| slot.batch_id == first)),
            at: self.now().at,
            unsent_records: self.journal.held_counts().map_or(0, |counts| counts.unsent),
            journal: self.journal.last_closed().ok().map(|last| JournalLive {
                session_id: self.session_id,
                outbox_id: self.journal.outbox_id(),
                closed: last.map_or(0, |last| last.number),
                changes: self.journal.changes().ok(),
            }),
            slots,
        }
    }

    pub fn tell(&self, progress: Progress) {
        let _nobody_may_listen = self.progress.send(progress);
    }
}

fn wishes() -> (mpsc::UnboundedSender<LabelWish>, Cell<Option<mpsc::UnboundedReceiver<LabelWish>>>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (sender, Cell::new(Some(receiver)))
}

/// Why a present board waits where no batch is assigned.
pub fn no_work() -> Fault {
    Fault::new(FaultCode::NoBatch)
}

/// A UUIDv7.
pub fn fresh_id(now: Moment, chance: &mut StdRng) -> Uuid {
    let mut random = [0; 10];
    chance.fill_bytes(&mut random);
    #[cfg(feature = "sabotage")]
    if crate::sabotage::is(crate::sabotage::Sabotage::RealChance) {
        use std::hash::{BuildHasher as _, Hasher as _};
        let real = std::hash::RandomState::new().build_hasher().finish();
        random[..8].copy_from_slice(&real.to_le_bytes());
    }
    let millis = u64::try_from(now.at.timestamp_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

/// The transfer's own progress moves the whole run's.
fn with_transfer(desk: &SlotDesk) -> SlotState {
    let mut state = desk.shown.borrow().clone();
    let transfer = desk.transfer.load(Ordering::Relaxed);
    if let SlotState::Working { step: Step::Flash, percent, step_percent, .. } = &mut state
        && transfer <= 100
    {
        // The transfer takes the run from 3 to 68 per cent (see the runner).
        *percent += u8::try_from(u16::from(transfer) * 65 / 100).unwrap_or(0);
        *step_percent = Some(transfer);
    }
    state
}
