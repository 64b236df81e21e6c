//! Answers to the runner's questions: from the board, the journal, the server, the fixture.

mod fixture;
mod label;
mod person;
mod reference;

use super::admission::{Here, decide};
use crate::{
    board::{BoardAnswer, BoardRequest, WireUse},
    fixture::FixtureCommand,
    journal::{EarlierPass, JournalFault, LogIsSent, identity_key, label_key},
    link::BoardLink,
    order::WorkOrder,
    runner::{Admitted, Board, Effect, Event, Lamp, Sealed},
    secrets::{SealFault, Sealer},
    shared::{NO_TRANSFER, PortSource, Shared, SlotDesk},
    uplink::{Server, ServerFault},
    wire::{Begin, Recorder},
};
use domain::{
    admission::{Asked, FAILS_ALLOWED},
    api::stations::{Admission, AdmissionVerdict, AskAdmission},
    identifier::Identifier,
    ids::{BatchId, RunId},
    label::NumberSource,
    model::DeviceModel,
    outcome::Outcome,
    record::{AdmittedBy, BirthRecord},
    text::{Fault, FaultCode},
};
pub use fixture::Ears;
use std::{
    cell::Cell,
    rc::Rc,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::time::{sleep, timeout};

/// How long the server may take to say whether a board may be worked; then the station's own knowledge decides.
const ADMISSION_PATIENCE: Duration = Duration::from_secs(2);

pub struct Bench<'a, S, P> {
    slot: u16,
    shared: &'a Shared<S>,
    desk: &'a SlotDesk,
    ports: &'a P,
    /// What the present board was begun under: another one that is assigned meanwhile is not its.
    pub order: Option<Arc<WorkOrder>>,
    link: Option<(Arc<DeviceModel>, BoardLink)>,
    recorder: Recorder,
    /// What of the link's bytes stands in answers already.
    told: WireUse,
    /// What the fixture says to this slot's questions.
    pub ears: Ears,
    /// The board may be another one: its identity is read before the next request.
    pub doubted: Rc<Cell<bool>>,
    /// The port is another one: the line is opened anew before the next request.
    pub moved: Rc<Cell<bool>>,
    /// The question that the fixture shows.
    asked: Option<String>,
}

impl<'a, S: Server, P: PortSource> Bench<'a, S, P> {
    pub fn new(slot: u16, shared: &'a Shared<S>, desk: &'a SlotDesk, ports: &'a P) -> Self {
        Self {
            slot,
            shared,
            desk,
            ports,
            order: None,
            link: None,
            recorder: desk.recorder.clone(),
            told: WireUse::default(),
            ears: Ears::default(),
            doubted: Rc::default(),
            moved: Rc::default(),
            asked: None,
        }
    }

    /// A new board: what the last one cost the line is not this one's.
    pub fn begin_board(&mut self, order: &Arc<WorkOrder>) {
        self.order = Some(Arc::clone(order));
        self.doubted.set(false);
        self.recorder.begin(Begin { at: self.shared.now().at, slot: Some(self.slot) });
        self.told = self.link.as_ref().map(|(_, link)| link.wire_use()).unwrap_or_default();
    }

    /// Another slot may have this port now.
    pub fn let_go_where_moved(&mut self) {
        if self.moved.take() {
            self.link = None;
        }
    }

    /// The slot is empty, or nobody knows who lies there.
    pub fn end_board(&mut self) {
        self.order = None;
    }

    /// Keeps what passed over the line in a run that is closed. It is no part of the record, and a disk that refuses it stops nobody.
    pub fn keep_log(&self, record: &BirthRecord) {
        let run = record.run_id;
        let Some(log) = self.recorder.log(Some(run)) else { return };
        let (journal, keep) = (&self.shared.journal, self.shared.wire_log);
        // Whoever looks into a run that did not pass wants to see why.
        let sent = if record.outcome == Outcome::Pass { LogIsSent::WhenAsked } else { LogIsSent::Unasked };
        if let Err(fault) = journal.keep_wire_log(run, self.shared.now().at, &log, keep, sent) {
            tracing::warn!(slot = self.slot, %run, %fault, "the wire log of this run is lost");
        }
    }

    /// An effect that nobody waits for.
    pub fn carry_out(&mut self, effect: &Effect) {
        match effect {
            Effect::LoadOff => {
                self.shared.tell_fixture(FixtureCommand::SetLoad { slot: self.slot, load_ma: 0 });
            }
            Effect::ReleaseIdentity => self.shared.release(self.slot),
            Effect::Lamp(lamp) => self.lamp(*lamp),
            _ => {}
        }
    }

    fn lamp(&self, lamp: Lamp) {
        self.shared.tell_fixture(FixtureCommand::Lamp { slot: self.slot, lamp });
    }

    /// The answer to a question. Dropping the future is safe.
    pub async fn answer(&mut self, question: Effect) -> Event {
        match question {
            Effect::Board(request) => Event::Board(self.ask_board(request).await),
            Effect::ClaimIdentity(identifiers) => Event::Claimed(self.shared.claim(self.slot, &identifiers)),
            Effect::BindLabel { run_id, batch_id, operation, board, identifiers, label, numbers } => {
                let question = AskAdmission { batch_id, operation, identifiers };
                let bound = self.bind_label(run_id, &board, question, (&label, numbers)).await;
                self.shared.bound.notify_one();
                Event::LabelBound(bound)
            }
            Effect::AskAdmission { batch_id, operation, board, identifiers, numbers } => {
                if let Board::Known(identity) | Board::Numbered { identity, .. } = &board {
                    self.recorder.name_secrets(self.shared.sealer.placeholder(identity));
                }
                let question = AskAdmission { batch_id, operation, identifiers };
                let admitted = self.admit(question, &board, numbers).await;
                let is_reference = |one: &Admitted| one.admission.verdict == AdmissionVerdict::Reference;
                if admitted.as_ref().is_ok_and(is_reference)
                    && let Some((_, link)) = &mut self.link
                {
                    link.only_read();
                }
                Event::Admitted(admitted)
            }
            Effect::ReserveNumber { run_id, batch_id, board, known } => {
                let reserved = self.reserve(run_id, batch_id, &board, known.as_deref());
                self.shared.bound.notify_one();
                Event::NumberReserved(reserved)
            }
            Effect::SealSecret { run_id, identity, length, factory } => {
                let sealed = self.seal(run_id, &identity, length, &factory);
                self.shared.bound.notify_one();
                Event::SecretSealed(sealed)
            }
            Effect::SetLoad(load_ma) => Event::LoadIs(self.set_load(load_ma).await),
            Effect::Hear => Event::Heard(self.hear().await),
            Effect::PowerCycle => Event::PowerCycled(self.power_cycle().await),
            Effect::Wait(milliseconds) => {
                sleep(Duration::from_millis(milliseconds.into())).await;
                Event::Waited
            }
            Effect::Ask(open, look) => self.ask_person(open, look).await,
            // Not questions: the slot never brings them here.
            Effect::OpenRun { .. }
            | Effect::Note { .. }
            | Effect::CloseRun { .. }
            | Effect::NoteRemoval
            | Effect::LoadOff
            | Effect::ReleaseIdentity
            | Effect::Lamp(_) => Event::Waited,
        }
    }

    pub(super) async fn ask_board(&mut self, request: BoardRequest) -> Result<BoardAnswer, Fault> {
        let order = self.order.clone().or_else(|| self.desk.next_order());
        let is_probe = matches!(request, BoardRequest::Probe { .. });
        let transfer = Arc::clone(&self.desk.transfer);
        let begins = if matches!(request, BoardRequest::Flash { .. }) { 0 } else { NO_TRANSFER };
        transfer.store(begins, Ordering::Relaxed);
        let doubted = self.doubted.take();
        let link = self.link_for(order.as_deref().filter(|_| is_probe))?;
        if doubted {
            link.distrust();
        }
        let mut progress = |percent: u8| transfer.store(percent, Ordering::Relaxed);
        let mut answer = link.execute(request, &mut progress).await;
        let total = link.wire_use();
        transfer.store(NO_TRANSFER, Ordering::Relaxed);
        if let Ok(answer) = &mut answer {
            // A request that failed or was dropped cost the line its bytes, too: the next answer carries them.
            answer.wire = total.since(self.told);
            self.told = total;
        }
        let is_gone = |fault: &Fault| {
            use FaultCode as C;
            matches!(fault.code, C::PortVanished | C::PortNotOpened | C::LineCollision)
        };
        if answer.as_ref().is_err_and(is_gone) {
            self.link = None;
        }
        answer
    }

    /// The link, made anew where it is missing or a new board (`order` given) has another model.
    fn link_for(&mut self, order: Option<&WorkOrder>) -> Result<&mut BoardLink, Fault> {
        let fits = match (&self.link, order) {
            (Some((model, _)), Some(order)) => *model == order.model,
            (Some(_), None) => true,
            (None, _) => false,
        };
        if !fits {
            let order = order.ok_or_else(|| {
                Fault::new(FaultCode::PortVanished)
                    .with("device", format!("slot {}", self.slot))
                    .with("detail", "the port was lost in mid-run")
            })?;
            // The old one holds the port: it goes before the new one asks for it.
            self.link = None;
            let line = (self.ports)(self.slot, self.shared.link.application_baud(&order.model))?;
            let link = BoardLink::new(line, Arc::clone(&order.model), self.shared.link);
            let link = link.recorded_by(&self.recorder);
            self.link = Some((Arc::clone(&order.model), link));
            self.told = WireUse::default();
        }
        let none = || Fault::new(FaultCode::Internal).with("detail", "the slot has no link");
        self.link.as_mut().map(|(_, link)| link).ok_or_else(none)
    }

    async fn admit(
        &self,
        question: AskAdmission,
        board: &Board,
        numbers: NumberSource,
    ) -> Result<Admitted, Fault> {
        let journal = &self.shared.journal;
        let AskAdmission { batch_id, operation, identifiers } = &question;
        let batch_id = *batch_id;
        #[cfg(feature = "sabotage")]
        if crate::sabotage::is(crate::sabotage::Sabotage::SkipAdmission) {
            return Ok(Admitted::alone(Admission::of_a_stranger(), AdmittedBy::Server));
        }
        let labelled;
        let identity = match board {
            Board::Known(identity) | Board::Numbered { identity, .. } => Some(identity.as_str()),
            // Whoever was worked with it before; a board in its loader shows nothing else.
            Board::Labelled(label) => {
                labelled = journal.bearer_of(label).map_err(disk)?.unwrap_or_else(|| label_key(label));
                Some(labelled.as_str())
            }
            // It has no past that anybody could find.
            Board::New(_) => {
                self.require_switch("tell one board from the next before it has a number")?;
                None
            }
        };
        let passed = match journal.passed(identifiers, operation).map_err(disk)? {
            Some(EarlierPass::OfAnother(serial)) => {
                let conflict = Admission {
                    verdict: AdmissionVerdict::IdentityConflict,
                    serial: Some(serial),
                    ..Admission::of_a_stranger()
                };
                return Ok(Admitted::alone(conflict, AdmittedBy::Station));
            }
            Some(EarlierPass::OfThis(serial)) => Some(serial),
            None => None,
        };
        if let (Some(serial), Some(identity)) = (&passed, identity)
            && let Some(pass) = journal.standing_pass(self.slot, identity, operation).map_err(disk)?
        {
            let standing = Admission {
                verdict: AdmissionVerdict::PassedAlready,
                serial: Some(serial.clone()),
                ..Admission::of_a_stranger()
            };
            let refused = Admitted::alone(standing, AdmittedBy::Station);
            return Ok(Admitted { standing: Some(pass), ..refused });
        }
        let said = self.ask_server(&question).await?;
        let here = self.know_here(identity, passed, &question, said.as_ref())?;
        let is_reference = match &said {
            Some(said) => said.verdict == AdmissionVerdict::Reference,
            None => here.reference.is_some(),
        };
        // Nobody gives a reference another number, whoever gave it the one that it bears.
        if let Board::Numbered { number, .. } = board
            && !is_reference
        {
            self.know_number(number, said.as_ref())?;
        }
        let fails_allowed = self.fails_allowed();
        let asked = Asked { batch_id, fails_allowed, now: self.shared.now().at };
        let (admission, by) = decide(said, &here, &asked);
        #[cfg(feature = "sabotage")]
        let admission = if crate::sabotage::is(crate::sabotage::Sabotage::WorkReference) && is_reference {
            Admission::of_a_stranger()
        } else {
            admission
        };
        let is_let_in = admission.verdict == AdmissionVerdict::Admit;
        let Some(identity) = identity else {
            if numbers != NumberSource::Label && journal.free_numbers(batch_id).map_err(disk)? == 0 {
                return Err(no_numbers());
            }
            return Ok(Admitted::alone(admission, by));
        };
        if by == AdmittedBy::Server {
            self.learn(identity, &question, &admission)?;
        }
        let admission = self.with_own_checks(admission, by, &question.identifiers)?;
        let secret = match journal.secret_of(identity).map_err(disk)? {
            Some(sealed) => match self.shared.sealer.open(&sealed, identity) {
                Ok(secret) => Some(secret),
                Err(fault) => {
                    tracing::error!(slot = self.slot, %fault, "an earlier password of this board is lost to the station");
                    None
                }
            },
            None => None,
        };
        let resumes = journal.interrupted_run(identity).map_err(disk)?;
        let lock = resumes.map(|run| journal.lock_found_by(run)).transpose().map_err(disk)?.flatten();
        let needs_number = is_let_in
            && numbers != NumberSource::Label
            && admission.serial.is_none()
            && !matches!(board, Board::Numbered { .. })
            && journal.number_of(identity).map_err(disk)?.is_none();
        if needs_number && journal.free_numbers(batch_id).map_err(disk)? == 0 {
            return Err(no_numbers());
        }
        Ok(Admitted { resumes, lock, secret, ..Admitted::alone(admission, by) })
    }

    /// What the server knows of the board; none where it is away.
    async fn ask_server(&self, question: &AskAdmission) -> Result<Option<Admission>, Fault> {
        match timeout(ADMISSION_PATIENCE, self.shared.server.admission(question)).await {
            Ok(Ok(said)) => Ok(Some(said)),
            // It is there and does not let the board in: nothing is written to it.
            Ok(Err(fault @ (ServerFault::Refused { .. } | ServerFault::NotUnderstood(_)))) => {
                Err(Fault::new(FaultCode::AdmissionRefused).with("detail", fault))
            }
            Ok(Err(ServerFault::Halted(reason))) => Err(*reason),
            Ok(Err(fault @ ServerFault::Away(_))) => {
                tracing::debug!(slot = self.slot, %fault, "admitted by the station's own knowledge");
                Ok(None)
            }
            Err(_) => Ok(None),
        }
    }

    fn know_here(
        &self,
        identity: Option<&str>,
        passed: Option<String>,
        question: &AskAdmission,
        said: Option<&Admission>,
    ) -> Result<Here, Fault> {
        let Some(identity) = identity else { return Ok(Here::default()) };
        let journal = &self.shared.journal;
        let (learned, listed) =
            (journal.reference(identity).map_err(disk)?, self.shared.reference(&question.identifiers));
        let order = said.and_then(|said| said.rerun);
        Ok(Here {
            reference: reference::newest(learned, listed),
            passed,
            all: journal.worked(identity, &question.operation).map_err(disk)?,
            unsent: journal.worked_unsent(identity, &question.operation).map_err(disk)?,
            has_used_order: match order {
                Some(order) => journal.has_used(order).map_err(disk)?,
                None => false,
            },
        })
    }

    /// What the server said is kept for when it is away.
    fn learn(&self, identity: &str, question: &AskAdmission, said: &Admission) -> Result<(), Fault> {
        let journal = &self.shared.journal;
        journal.learn_reference(identity, said.reference.as_deref()).map_err(disk)?;
        if said.verdict == AdmissionVerdict::Admit {
            let AskAdmission { operation, identifiers, .. } = question;
            journal.learn(identity, operation, identifiers, said).map_err(disk)?;
        }
        Ok(())
    }

    fn fails_allowed(&self) -> u8 {
        self.order.as_ref().map_or(FAILS_ALLOWED, |order| order.fails_allowed)
    }

    /// A board that bears a number already bears one that this line gave: the server's word for it, or the journal's. Whatever
    /// else stands there is somebody's, and is not written over.
    fn know_number(&self, number: &str, server: Option<&Admission>) -> Result<(), Fault> {
        let not_ours = || Err(Fault::new(FaultCode::NumberNotOurs).with("found", number));
        let by_server = server.and_then(|known| known.serial.as_deref());
        let by_journal = self.shared.journal.knows_number(number).map_err(disk)?;
        match (by_server, by_journal) {
            (Some(serial), _) if serial == number => Ok(()),
            (Some(_), _) => not_ours(),
            (None, true) => Ok(()),
            (None, false) if server.is_some() => not_ours(),
            (None, false) => Err(Fault::new(FaultCode::ServerAway)
                .with("detail", format!("the board bears number {number}, which only the server can know"))),
        }
    }

    fn reserve(
        &self,
        run: RunId,
        batch: BatchId,
        board: &Board,
        known: Option<&str>,
    ) -> Result<String, Fault> {
        let journal = &self.shared.journal;
        let (identity, known) = match board {
            Board::Known(identity) => (identity, known),
            Board::Labelled(_) => {
                return Err(Fault::new(FaultCode::Internal).with("detail", "it was never identified"));
            }
            Board::Numbered { identity, number } => (identity, Some(number.as_str())),
            Board::New(kind) => {
                if let Some(label) = known {
                    let own = Identifier { kind: *kind, value: label.to_owned(), unique: true };
                    if !journal.label_becomes_identity(label, *kind).map_err(disk)? {
                        let taken = Fault::new(FaultCode::LabelTaken).with("label", label);
                        return Err(taken.with("holder", identity_key(&own)));
                    }
                    self.recorder.name_secrets(self.shared.sealer.placeholder(&identity_key(&own)));
                    return Ok(label.to_owned());
                }
                self.require_unhalted()?;
                let serial =
                    journal.reserve_number_of_new(run, batch, *kind).map_err(disk)?.ok_or_else(no_numbers)?;
                let own = Identifier { kind: *kind, value: serial.clone(), unique: true };
                self.recorder.name_secrets(self.shared.sealer.placeholder(&identity_key(&own)));
                return Ok(serial);
            }
        };
        if let Some(serial) = known {
            if journal.bind_number(run, batch, identity, serial).map_err(disk)? {
                return Ok(serial.to_owned());
            }
            return Err(Fault::new(FaultCode::IdentityOfAnotherUnit)
                .with("identity", identity)
                .with("serial", serial));
        }
        if journal.number_of(identity).map_err(disk)?.is_none() {
            self.require_unhalted()?;
        }
        journal.reserve_number(run, batch, identity).map_err(disk)?.ok_or_else(no_numbers)
    }

    /// Before a number leaves the drawer: a copy of this station may have it in its own, and may be the one that goes on.
    fn require_unhalted(&self) -> Result<(), Fault> {
        match &*self.desk.order.borrow() {
            Some(Err(reason)) if reason.code.halts_station() => Err(reason.clone()),
            _ => Ok(()),
        }
    }

    fn seal(&self, run: RunId, identity: &str, length: u8, factory: &str) -> Result<Sealed, Fault> {
        let (journal, sealer) = (&self.shared.journal, &self.shared.sealer);
        let fault = |fault: SealFault| Fault::new(FaultCode::Internal).with("detail", fault);
        let mut chance = self.shared.chance.borrow_mut();
        let fresh = Sealer::draw(length, factory, &mut chance);
        let sealed = sealer.seal(&fresh, identity, &mut chance).map_err(fault)?;
        // The one that stands may be an earlier run's: the board may hold it already.
        let standing = journal.keep_secret(run, identity, &sealed).map_err(disk)?;
        let secret = sealer.open(&standing, identity).map_err(fault)?;
        #[cfg(feature = "sabotage")]
        let secret = if crate::sabotage::is(crate::sabotage::Sabotage::SealAnother) {
            Sealer::draw(length, secret.expose(), &mut chance)
        } else {
            secret
        };
        Ok(Sealed { secret, record: standing.record })
    }
}

fn no_numbers() -> Fault {
    Fault::new(FaultCode::NoSerialNumbers)
        .with("detail", "no number of this batch is free on this station; the server lends more, unless the batch's quantity is spent")
}

#[expect(clippy::needless_pass_by_value, reason = "stands in map_err")]
fn disk(fault: JournalFault) -> Fault {
    fault.to_fault()
}
