//! One slot: carries the runner's effects out, in order, and brings back what came of them. Its troubles stay its own.

mod admission;
mod answers;
mod labelled;
mod look;
mod presence;
mod said;

use crate::{
    journal::JournalFault,
    order::WorkOrder,
    runner::{Effect, Event, Runner, Start},
    shared::{PortSource, Presence, Shared, SlotDesk, SlotInput},
    uplink::Server,
};
use answers::Bench;
use domain::{
    ids::RunId,
    label::{LabelRule, ScannedLabel},
    record::BirthRecord,
    text::Fault,
};
use presence::{BusPresence, Heard, ScanPresence, Seen};
use std::{collections::VecDeque, future::pending, pin::pin, sync::Arc, time::Duration};
use tokio::{sync::mpsc, time::sleep};

/// After which a present board that waits for the bench is tried again.
const RETRY: Duration = Duration::from_secs(2);

pub struct Slot<'a, S, P> {
    number: u16,
    shared: &'a Shared<S>,
    /// Its own place there.
    desk: &'a SlotDesk,
    inputs: mpsc::UnboundedReceiver<SlotInput>,
    runner: Runner,
    bench: Bench<'a, S, P>,
    present: bool,
    /// What the line shows, where no switch does.
    by_bus: Option<BusPresence>,
    /// The code that announced the board, where that is how boards are noticed.
    by_scan: Option<ScanPresence>,
    /// The fixture has not said (again) whether a board is there.
    unknown: bool,
    stopping: bool,
    /// A finished record that the disk did not take yet.
    unclosed: Option<Unclosed>,
    /// What the board of that record was worked by; it may be out by the time that the disk takes it.
    closing: Option<Arc<WorkOrder>>,
    /// The label of the board that passed here is due.
    held: bool,
    /// What the bench lacks, as it was last logged: a board that waits is tried again every two seconds.
    told: Option<Fault>,
}

/// A record in hand, and what follows once it is on disk.
struct Unclosed {
    identity: Option<String>,
    record: Box<BirthRecord>,
    then: VecDeque<Effect>,
    fault: Fault,
}

/// What ends a wait.
enum Woken {
    Event(Event),
    /// The line shows who came or went.
    Seen(Seen),
    /// A code was scanned while no board is worked.
    Scanned(Box<ScannedLabel>),
    /// A label was scanned back, or what its slot takes for one.
    Labelled(Box<ScannedLabel>),
    /// Time to look again: a board that waits, a record that is not on disk.
    LookAgain,
    /// Nobody speaks to this slot any more.
    Forsaken,
}

impl<'a, S: Server, P: PortSource> Slot<'a, S, P> {
    pub fn new(
        number: u16,
        shared: &'a Shared<S>,
        desk: &'a SlotDesk,
        ports: &'a P,
        inputs: mpsc::UnboundedReceiver<SlotInput>,
    ) -> Self {
        Self {
            number,
            shared,
            desk,
            inputs,
            runner: Runner::new(number, &shared.version),
            bench: Bench::new(number, shared, desk, ports),
            present: false,
            by_bus: (shared.presence != Presence::Switch).then(BusPresence::default),
            by_scan: (shared.presence == Presence::Scan).then(ScanPresence::default),
            unknown: shared.presence == Presence::Switch,
            stopping: false,
            unclosed: None,
            closing: None,
            held: false,
            told: None,
        }
    }

    /// Works until it is told to stop and no board is under work.
    pub async fn run(mut self) {
        let mut question = None;
        while !self.stopping || self.runner.is_working() {
            self.bench.let_go_where_moved();
            let effects = match self.wait(question.take()).await {
                Woken::Event(event) => {
                    self.by_bus_it_is_out(&event);
                    self.handle(event)
                }
                Woken::Seen(seen) => self.seen(seen),
                Woken::Scanned(code) => self.scanned(*code),
                Woken::Labelled(code) => self.labelled(&code),
                Woken::LookAgain => self.look_again(),
                Woken::Forsaken => return,
            };
            question = self.carry_out(effects.into());
            if self.unknown && self.present && !self.runner.is_working() {
                // The run came to its end while nobody saw the slot: whoever lies there later is somebody new.
                self.present = false;
                let effects = self.handle(Event::PresenceLost);
                question = self.carry_out(effects.into());
            }
            self.bench.settle_prompt(question.as_ref());
            let shown = self.shown();
            self.tell_trouble(&shown);
            self.shared.show_batch(self.number, self.runner.batch());
            self.shared.show(self.number, shown);
            self.show_run();
        }
        tracing::debug!(slot = self.number, "slot stopped");
    }

    /// What is drawn of the run; that of the last one stays until the next begins.
    fn show_run(&self) {
        let seen = self.runner.seen();
        if seen.is_some() {
            self.desk.seen.send_replace(seen.map(Arc::new));
        }
    }

    /// Waits for the answer to `question`, for an input that ends it, or for a reason to look again.
    async fn wait(&mut self, question: Option<Effect>) -> Woken {
        let waits = self.unclosed.is_some() || self.present && self.runner.is_idle();
        let looks = self.looks();
        let has_switch = self.by_bus.is_none();
        let Self {
            number,
            bench,
            inputs,
            runner,
            shared,
            desk,
            present,
            by_bus,
            by_scan,
            unknown,
            stopping,
            ..
        } = self;
        let mut order = desk.order.subscribe();
        let (ears, doubted) = (bench.ears.clone(), bench.doubted.clone());
        let moved = bench.moved.clone();
        let asked = question.is_some();
        let patience =
            runner.deadline().filter(|_| asked).map(|end| end.saturating_sub(shared.now().elapsed));
        let mut out_of_time = pin!(async {
            match patience {
                Some(patience) => sleep(patience).await,
                None => pending().await,
            }
        });
        let mut answer = pin!(async {
            match question {
                Some(question) => Woken::Event(bench.answer(question).await),
                None => tokio::select! {
                    biased;
                    () = sleep(RETRY), if waits => Woken::LookAgain,
                    // Cannot fail: the sender is shared with this very slot.
                    _ = order.changed() => Woken::LookAgain,
                    woken = look::between(bench, by_bus.as_mut().filter(|_| looks), desk) => woken,
                },
            }
        });
        loop {
            let input = tokio::select! {
                biased;
                input = inputs.recv() => input,
                woken = &mut answer => return woken,
                () = &mut out_of_time => return Woken::Event(Event::OutOfTime),
            };
            match input {
                None => return Woken::Forsaken,
                Some(SlotInput::Fixture(answer)) => ears.hear(answer),
                Some(SlotInput::Tripped(fault)) => return Woken::Event(Event::Tripped(*fault)),
                Some(SlotInput::Answer(given)) => {
                    if runner.open_prompt().is_some_and(|open| open.id == given.id) {
                        return Woken::Event(Event::Answered(given));
                    }
                    tracing::debug!(id = given.id, "an answer to nothing that is asked here now");
                }
                Some(SlotInput::Scan(code)) if shared.labels.holds(*number) => return Woken::Labelled(code),
                Some(SlotInput::Scan(code)) => {
                    if by_scan.is_some() && !runner.is_working() {
                        return Woken::Scanned(code);
                    }
                    tracing::debug!(code = code.text, "a code was scanned that announces no board here now");
                }
                // What the fixture's switches say, where they are not what counts.
                Some(SlotInput::PresenceUnknown | SlotInput::Presence(_)) if !has_switch => {}
                Some(SlotInput::PresenceUnknown) => {
                    *unknown = true;
                    if !runner.is_working() {
                        *present = false;
                        return Woken::Event(Event::PresenceLost);
                    }
                    if runner.needs_sight() {
                        return Woken::Event(Event::PresenceLost);
                    }
                    // The run goes on, with whoever still has its identity.
                    doubted.set(true);
                    let _no_effects = runner.handle(shared.now(), Event::PresenceLost);
                }
                Some(SlotInput::Presence(now)) if now == *present && !*unknown => {}
                Some(SlotInput::Presence(true)) => {
                    *unknown = false;
                    if runner.needs_sight() {
                        return Woken::Event(Event::PresenceLost);
                    }
                    if runner.is_working() {
                        doubted.set(true);
                        let _no_effects = runner.handle(shared.now(), Event::PresenceLost);
                        continue;
                    }
                    *present = true;
                    if !asked {
                        return Woken::LookAgain;
                    }
                }
                Some(SlotInput::Presence(false)) => {
                    *unknown = false;
                    *present = false;
                    return Woken::Event(Event::Removed);
                }
                Some(SlotInput::Contested { identity, other_slot }) => {
                    return Woken::Event(Event::Contested { identity, other_slot });
                }
                Some(SlotInput::GateMoved) if asked => {}
                Some(SlotInput::PortMoved) => {
                    moved.set(true);
                    if !asked {
                        return Woken::LookAgain;
                    }
                }
                Some(SlotInput::GateMoved) => return Woken::LookAgain,
                Some(SlotInput::Stop) => {
                    *stopping = true;
                    if runner.open_prompt().is_some() {
                        // Nothing is under way on the board, and the person may never come.
                        return Woken::Event(Event::StopNow);
                    }
                    let _no_effects = runner.handle(shared.now(), Event::Stop);
                    if !asked {
                        return Woken::LookAgain;
                    }
                }
                Some(SlotInput::StopNow) => return Woken::Event(Event::StopNow),
            }
        }
    }

    /// No switch tells of a board that was taken out while a person was asked: the line did.
    fn by_bus_it_is_out(&mut self, event: &Event) {
        if let (Event::Removed, Some(presence)) = (event, &mut self.by_bus) {
            *presence = BusPresence::default();
            self.present = false;
            self.by_scan = self.by_scan.take().map(|_| ScanPresence::default());
        }
    }

    fn handle(&mut self, event: Event) -> Vec<Effect> {
        let (is_gone, is_out) =
            (matches!(event, Event::Removed | Event::PresenceLost), matches!(event, Event::Removed));
        if is_gone && let Some(unclosed) = &mut self.unclosed {
            // Its lamp was for a board that is gone.
            unclosed.then.clear();
        }
        let effects = self.runner.handle(self.shared.now(), event);
        if is_gone && !self.runner.is_working() {
            self.bench.end_board();
        }
        if is_out {
            self.shared.board_left(self.number);
        }
        effects
    }

    /// The line shows who came or went.
    fn seen(&mut self, seen: Seen) -> Vec<Effect> {
        self.present = matches!(seen, Seen::PutIn | Seen::Another);
        if let Some(scans) = &mut self.by_scan
            && matches!(seen, Seen::TakenOut | Seen::Another)
        {
            // Whoever lies there now has to be scanned.
            (*scans, self.present) = (ScanPresence::default(), false);
            self.by_bus = Some(BusPresence::default());
            return self.handle(Event::Removed);
        }
        match seen {
            Seen::Nothing => Vec::new(),
            Seen::PutIn => self.look_again(),
            // The next one is begun when the slot is looked at again.
            Seen::TakenOut | Seen::Another => self.handle(Event::Removed),
        }
    }

    /// Whether the line is asked who is there, between two runs: of a board that was announced only whether it is there still, and only
    /// where that does not wake it.
    fn looks(&self) -> bool {
        let is_woken = || match &*self.desk.order.borrow() {
            Some(Ok(order)) => look::wakes(order),
            _ => false,
        };
        self.by_scan.is_none() || self.present && !is_woken()
    }

    /// A board is announced, or the next one where nobody saw the one before it taken out.
    fn scanned(&mut self, code: ScannedLabel) -> Vec<Effect> {
        let Some(scans) = &mut self.by_scan else { return Vec::new() };
        let refused = match &*self.desk.order.borrow() {
            Some(Ok(order)) => {
                let refusal = |rule: LabelRule| {
                    rule.refusal(&rule.read(code.clone()).text, &order.procedure, &order.model)
                };
                order.label_rule().and_then(refusal)
            }
            _ => None,
        };
        match (scans.hear(code, refused.is_none()), refused) {
            (Heard::NoLabel, Some(fault)) if !self.present => self.handle(Event::Waiting(fault)),
            (Heard::NoLabel | Heard::Again, _) => Vec::new(),
            (Heard::Board, _) => {
                let mut effects = if self.present { self.handle(Event::Removed) } else { Vec::new() };
                self.present = true;
                self.by_bus = Some(BusPresence::announced());
                effects.extend(self.look_again());
                effects
            }
        }
    }

    fn look_again(&mut self) -> Vec<Effect> {
        if let Some(unclosed) = self.unclosed.take() {
            let mut effects =
                VecDeque::from([Effect::CloseRun { identity: unclosed.identity, record: unclosed.record }]);
            effects.extend(unclosed.then);
            return effects.into();
        }
        if let Some(lamp) = self.let_go() {
            return vec![lamp];
        }
        if !self.present || self.stopping || self.runner.is_working() {
            return Vec::new();
        }
        if let Err(fault) = self.shared.now().require_sane() {
            return self.handle(Event::Waiting(fault));
        }
        let shut = self.desk.gate.borrow().shut_by().cloned();
        if let Some(fault) = shut {
            return self.handle(Event::Waiting(fault));
        }
        let order = match &*self.desk.order.borrow() {
            Some(Ok(order)) if self.by_bus.is_some() && self.by_scan.is_none() && look::wakes(order) => {
                Err(look::unseen_asleep(order))
            }
            Some(order) => order.clone(),
            // Not asked yet: the answer wakes this slot.
            None => return Vec::new(),
        };
        let event = match order {
            Ok(order) => {
                self.bench.begin_board(&order);
                let label = self.by_scan.as_ref().and_then(ScanPresence::code);
                let (fixture, radio) = self.shared.bench_of(self.number);
                let book = self.shared.book.borrow();
                Event::Present(Box::new(Start {
                    run_id: RunId(self.shared.fresh_id()),
                    order,
                    label,
                    fixture,
                    radio,
                    operator: book.operator().map(str::to_owned),
                    only_references: book.only_references(self.number, self.shared.now().at),
                }))
            }
            Err(fault) => Event::Waiting(fault),
        };
        self.handle(event)
    }

    /// Carries effects out, in order, up to the question that is left. One that the disk refuses ends the row.
    fn carry_out(&mut self, mut effects: VecDeque<Effect>) -> Option<Effect> {
        while let Some(effect) = effects.pop_front() {
            let written = match effect {
                Effect::OpenRun { identity, record } => {
                    match self.shared.journal.open_run(&record, identity.as_deref()) {
                        Err(fault @ JournalFault::NoShare { .. }) => {
                            effects = self.handle(Event::NotOpened(fault.to_fault())).into();
                            continue;
                        }
                        opened => opened,
                    }
                }
                Effect::Note { what, identity, record } => {
                    self.shared.journal.note(&what, self.shared.now().at, &record, identity.as_deref())
                }
                Effect::CloseRun { identity, record } => match self.close(&record, identity.as_deref()) {
                    Ok(()) => Ok(()),
                    Err(fault) => {
                        tracing::error!(slot = self.number, %fault, "a finished record is not on disk; it is kept in memory and tried again");
                        let fault = fault.to_fault();
                        self.closing = self.closing.take().or_else(|| self.bench.order.clone());
                        self.unclosed = Some(Unclosed { identity, record, then: effects, fault });
                        return None;
                    }
                },
                Effect::NoteRemoval => self.shared.journal.note_removal(self.number),
                effect if effect.is_question() => return Some(effect),
                effect => {
                    self.bench.carry_out(&self.until_labelled(effect));
                    Ok(())
                }
            };
            if let Err(fault) = written {
                tracing::error!(slot = self.number, %fault, "the run stops");
                effects = self.handle(Event::JournalFailed(fault.to_fault())).into();
            }
        }
        None
    }
}
