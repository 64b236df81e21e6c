//! A server in memory for a line in one process: one released bundle, one batch, one station's key. What it answers and holds, the model
//! of ingest says, which is held equal to the real server.

#![expect(clippy::expect_used, reason = "a tool of the tests: what can't be made here can't be tested")]

mod files;
mod floor;
mod labels;
mod wire_logs;

pub use files::BundleFiles;

use crate::ingest_model::{IngestModel, Refused};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::{
    admission::FAILS_ALLOWED,
    api::{
        floor::{ChangeOver, FloorEvents},
        ingest::{IngestRequest, IngestResponse, IngestState},
        stations::{
            Admission, AskAdmission, Assignment, CheckIn, CheckInAnswer, LeaseSerialBlock, ReturnShare,
            SerialBlock, ShareGrant, SlotWork, StationWork, TellLabels,
        },
        wire_log::WireLogGone,
    },
    bundle::{BundleContent, BundleManifest, FileRef, FirmwareRef, Release, SignedRelease},
    check_in::Known,
    identifier::IdentifierKind,
    ids::{BatchId, ContentHash, OutboxId, RunId, StationId},
    label::LabelForm,
    labelling::{LabelMode, LabelNews},
    live::StationLive,
    model::parse_model,
    procedure::parse_procedure,
    profile::{OrderValues, parse_profile},
    record::{BirthRecord, Envelope, Expected},
    reference::Reference,
    serial_number::Pattern,
};
use ed25519_dalek::{Signer as _, SigningKey};
use station::uplink::{Server, ServerFault};
use std::{
    cell::{Cell, OnceCell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    time::Duration,
};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// What its station works.
pub const BATCH: BatchId = BatchId(Uuid::from_u128(1));
/// What some slots work of their own, where [`MemoryServer::give_slots`] said so.
pub const OF_SLOTS: BatchId = BatchId(Uuid::from_u128(2));
const QUANTITY: u32 = 100;
/// More than any test puts boards into.
const MOST_SLOTS: u16 = 32;
/// The day of all its numbers.
const DAY: NaiveDate = NaiveDate::from_ymd_opt(2026, 11, 23).expect("a day");

/// What the server holds.
pub struct Held {
    pub bundle: BundleContent,
    pub release_key: String,
    pattern: Pattern,
    /// Units that each batch is for.
    quantities: RefCell<BTreeMap<BatchId, u32>>,
    station_id: StationId,
    /// What it knows and holds.
    pub model: RefCell<IngestModel>,
    began: OnceCell<Instant>,
    pub conflicts: Cell<u32>,
    pub duplicates: Cell<u32>,
    /// The outbox that checked in last.
    outbox: Cell<Option<OutboxId>>,
    /// While set, nothing gets through.
    pub away: Cell<bool>,
    /// While set, what is asked for is done but the answer is lost on the way.
    pub deaf: Cell<bool>,
    /// How long every answer takes.
    pub delay: Cell<Duration>,
    /// Set once the station that asks is no more: what it still says is not heard.
    pub unheard: Cell<bool>,
    /// What its batch's order says of parameters.
    order_values: RefCell<OrderValues>,
    /// The form of its batch's labels, where those are the numbers.
    labels: RefCell<Option<LabelForm>>,
    /// When labels of its batch are printed.
    label_mode: Cell<LabelMode>,
    /// What it was told of labels, by number.
    pub told_labels: RefCell<BTreeMap<String, LabelNews>>,
    floor: floor::Floor,
    wire_logs: wire_logs::WireLogs,
}

impl Held {
    /// As if so many numbers had been lent to others before.
    pub fn skip_numbers(&self, count: u32) {
        let prefix = self.pattern.number(0, DAY).expect("0 fits every pattern");
        self.model.borrow_mut().skip_numbers(&prefix, count);
    }
}

/// A handle; the tests keep another.
#[derive(Clone)]
pub struct MemoryServer(pub Rc<Held>);

impl MemoryServer {
    /// With the shipped files and this image, released by two people.
    ///
    /// # Panics
    /// When a shipped file does not parse: then nothing can be tested.
    #[must_use]
    pub fn new(station_id: StationId, image: &[u8], version: &str) -> Self {
        Self::with_files(BundleFiles::shipped(), station_id, image, version)
    }

    /// With these files, released by two people, and with this image where the procedure sends one.
    ///
    /// # Panics
    /// When a file does not parse: then nothing can be tested.
    #[must_use]
    pub fn with_files(files: BundleFiles, station_id: StationId, image: &[u8], version: &str) -> Self {
        Self::with_batch(files, QUANTITY, station_id, image, version)
    }

    /// With these files and a batch of so many units.
    ///
    /// # Panics
    /// When a file does not parse: then nothing can be tested.
    #[must_use]
    pub fn with_batch(
        files: BundleFiles,
        quantity: u32,
        station_id: StationId,
        image: &[u8],
        version: &str,
    ) -> Self {
        let BundleFiles {
            model: model_toml,
            profile: profile_toml,
            procedure: procedure_toml,
            label: label_toml,
        } = files;
        let model = parse_model("model", &model_toml).expect("the shipped model parses");
        let profile = parse_profile("profile", &profile_toml).expect("the shipped profile parses");
        let procedure = parse_procedure("procedure", &procedure_toml).expect("the shipped procedure parses");
        let file = |id: &str, revision, text: &str| FileRef {
            id: id.to_owned(),
            revision,
            sha256: ContentHash::of(text.as_bytes()),
        };
        let manifest = BundleManifest {
            model: file(&model.id, model.revision, &model_toml),
            profile: file(&profile.id, profile.revision, &profile_toml),
            procedure: file(&procedure.id, procedure.revision, &procedure_toml),
            firmware: procedure.flash.as_ref().map(|_| FirmwareRef {
                version: version.to_owned(),
                bytes: u32::try_from(image.len()).expect("an image is small"),
                sha256: ContentHash::of(image),
                crc32: protocol::crc::crc32(image),
            }),
            label: (!label_toml.is_empty()).then(|| file("label", 1, &label_toml)),
        };
        let image_hex = manifest.firmware.as_ref().map(|_| hex::encode(image)).unwrap_or_default();
        let key = SigningKey::from_bytes(&[7; 32]);
        let release = Release {
            bundle: manifest.hash(),
            submitted_by: "engineer".to_owned(),
            approved_by: "quality".to_owned(),
            approved_at: DateTime::UNIX_EPOCH,
        };
        let signature = hex::encode(key.sign(&release.bytes()).to_bytes());
        let bundle = BundleContent {
            manifest,
            model_toml,
            profile_toml,
            procedure_toml,
            image_hex,
            release: SignedRelease { release, signature },
            label_toml,
        };
        let mut ingest = IngestModel::default();
        let hash = ingest.release(&bundle).expect("its files parsed above");
        ingest.open_batch(BATCH, "B-1", &hash, quantity, Vec::new());
        ingest.enrol(station_id, MOST_SLOTS);
        ingest.assign(station_id, Some(BATCH));
        Self(Rc::new(Held {
            bundle,
            release_key: hex::encode(key.verifying_key().as_bytes()),
            pattern: Pattern::parse(&procedure.number.pattern).expect("the shipped pattern parses"),
            quantities: RefCell::new([(BATCH, quantity)].into()),
            station_id,
            model: RefCell::new(ingest),
            began: OnceCell::new(),
            conflicts: Cell::new(0),
            duplicates: Cell::new(0),
            outbox: Cell::default(),
            away: Cell::new(false),
            deaf: Cell::new(false),
            delay: Cell::default(),
            unheard: Cell::default(),
            order_values: RefCell::default(),
            labels: RefCell::default(),
            label_mode: Cell::default(),
            told_labels: RefCell::default(),
            floor: floor::Floor::default(),
            wire_logs: wire_logs::WireLogs::default(),
        }))
    }

    /// These slots work a batch of their own, of so many units and the same bundle; those that the station said at its last check-in
    /// it has not are refused, as ever.
    pub fn give_slots(&self, slots: impl IntoIterator<Item = u16>, quantity: u32) {
        self.open_second(quantity);
        let mut model = self.0.model.borrow_mut();
        for slot in slots {
            let _a_copy_may_have_fewer = model.assign_slot(self.0.station_id, slot, Some(OF_SLOTS));
        }
    }

    fn assignment(&self, batch: BatchId) -> Assignment {
        let (floor, hold) = self.rules_and_hold(batch);
        Assignment {
            station_id: self.0.station_id,
            station_name: "memory".to_owned(),
            batch_id: batch,
            batch_name: Self::name_of(batch).to_owned(),
            bundle: self.0.bundle.manifest.hash(),
            quantity: self.0.quantities.borrow().get(&batch).copied().unwrap_or_default(),
            operator: "operator".to_owned(),
            fails_allowed: FAILS_ALLOWED,
            order_values: self.0.order_values.borrow().clone(),
            labels: self.0.labels.borrow().clone(),
            label_mode: self.0.label_mode.get(),
            customer: "Customer".to_owned(),
            floor,
            hold,
        }
    }

    /// What a pass under its bundle must hold.
    ///
    /// # Panics
    /// Never: [`MemoryServer::new`] has released it.
    #[must_use]
    pub fn expected(&self) -> Expected {
        let hash = self.0.bundle.manifest.hash();
        let expected = self.0.model.borrow().expected(&hash).expect("released at the start").clone();
        let labels = self.0.label_mode.get().scanned(self.0.labels.borrow().as_ref());
        expected.with_order(&self.0.order_values.borrow()).with_labels(labels.as_ref())
    }

    /// Its batch's order says this of parameters; before a station asks.
    pub fn say_order(&self, values: OrderValues) {
        self.0.model.borrow_mut().order(BATCH, values.clone());
        self.0.order_values.replace(values);
    }

    /// The boards of its batches bring their numbers on such labels; before a station asks.
    pub fn take_labels(&self, form: LabelForm) {
        self.0.model.borrow_mut().label(BATCH, form.clone());
        self.0.labels.replace(Some(form));
    }

    /// Every record it stored, in the order of their runs' ids.
    #[must_use]
    pub fn records(&self) -> Vec<BirthRecord> {
        self.0.model.borrow().texts().map(|(_, _, record)| record.clone()).collect()
    }

    /// Every envelope it stored, byte for byte, in the order of their runs' ids.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        self.0.model.borrow().texts().map(|(_, text, _)| text.to_owned()).collect()
    }

    /// Every envelope it stored, byte for byte, by its run.
    #[must_use]
    pub fn held(&self) -> BTreeMap<RunId, String> {
        self.0.model.borrow().texts().map(|(id, text, _)| (id, text.to_owned())).collect()
    }

    /// Every check with a reference that it stored, in the order of their runs' ids.
    ///
    /// # Panics
    /// Never: what it stored is an envelope.
    #[must_use]
    pub fn checks(&self) -> Vec<BirthRecord> {
        let record = |text: &String| serde_json::from_str::<Envelope>(text).expect("it was stored").record;
        self.check_texts().iter().map(record).collect()
    }

    /// Their envelopes, byte for byte.
    #[must_use]
    pub fn check_texts(&self) -> Vec<String> {
        self.0.model.borrow().checks().map(|(_, text, _)| text.to_owned()).collect()
    }

    /// The board with this identifier is a reference from the beginning on.
    ///
    /// # Panics
    /// There is one with it.
    pub fn register(&self, identifier: (IdentifierKind, String), what: Reference) {
        let registered = self.0.model.borrow_mut().register(identifier, what, DateTime::UNIX_EPOCH);
        registered.expect("one reference is registered once");
    }

    /// Every text that waits in the quarantine, with the reason, as they came.
    #[must_use]
    pub fn quarantine(&self) -> Vec<(String, String)> {
        let model = self.0.model.borrow();
        model.waiting().into_iter().map(|(text, reason)| (text.to_owned(), reason.to_owned())).collect()
    }

    /// What it knows of the station.
    #[must_use]
    pub fn known(&self) -> Known {
        self.0.model.borrow().known(self.0.station_id).cloned().unwrap_or_default()
    }

    /// Takes everything away that it holds, as a server would that forgot.
    pub fn forget(&self) {
        self.0.model.borrow_mut().forget();
    }

    /// What an administrator does who looks at the stations: a frozen one is freed, and of a station that began a fresh outbox the
    /// shares of those before are written off. Gives whether there was a freeze.
    pub fn administer(&self) -> bool {
        let mut model = self.0.model.borrow_mut();
        let known = model.known(self.0.station_id).cloned().unwrap_or_default();
        let was_frozen = model.unfreeze(self.0.station_id).is_ok();
        let current = self.0.outbox.get().filter(|_| !was_frozen);
        for outbox in known.outboxes.keys().filter(|outbox| Some(**outbox) != current) {
            for batch in self.0.quantities.borrow().keys() {
                // One that has no share to write off is refused.
                let _has_none = model.write_off(*batch, self.0.station_id, *outbox);
            }
        }
        was_frozen
    }

    /// The time by tokio's clock, virtual or not.
    fn now(&self) -> DateTime<Utc> {
        let elapsed = self.0.began.get_or_init(Instant::now).elapsed();
        DateTime::UNIX_EPOCH + TimeDelta::from_std(elapsed).expect("less than an age")
    }

    fn require_unfrozen(&self) -> Result<(), ServerFault> {
        let reason = self.known().frozen;
        reason.map_or(Ok(()), |reason| Err(ServerFault::Halted(Box::new(reason))))
    }

    async fn reach(&self) -> Result<(), ServerFault> {
        let delay = self.0.delay.get();
        if !delay.is_zero() {
            sleep(delay).await;
        }
        if self.0.away.get() || self.0.unheard.get() {
            return Err(ServerFault::Away("the wire is cut".to_owned()));
        }
        Ok(())
    }

    fn answer<T>(&self, answer: T) -> Result<T, ServerFault> {
        if self.0.deaf.get() { Err(ServerFault::Away("the answer was lost".to_owned())) } else { Ok(answer) }
    }
}

fn refused(by: Refused) -> ServerFault {
    ServerFault::Refused { status: by.status, code: by.code.to_owned(), detail: String::new() }
}

impl Server for MemoryServer {
    async fn check_in(&self, said: &CheckIn) -> Result<CheckInAnswer, ServerFault> {
        self.reach().await?;
        let answer = self.0.model.borrow_mut().check_in(self.0.station_id, said, self.now());
        if matches!(answer, Ok(CheckInAnswer::Accepted { .. })) {
            self.0.outbox.set(Some(said.outbox_id));
        }
        self.answer(answer)?.map_err(refused)
    }

    async fn work(&self) -> Result<StationWork, ServerFault> {
        self.reach().await?;
        self.require_unfrozen()?;
        let (all, slots) = self.0.model.borrow().work(self.0.station_id);
        let own = |(slot, batch)| SlotWork { slot, work: self.assignment(batch) };
        Ok(StationWork {
            all: all.map(|batch| self.assignment(batch)),
            slots: slots.into_iter().map(own).collect(),
            references: self.0.model.borrow().references(self.now()),
            people: self.people(),
            open: self.open(),
            wire_logs: self.wanted_wire_logs(),
        })
    }

    async fn bundle(&self, _hash: &ContentHash) -> Result<BundleContent, ServerFault> {
        self.reach().await?;
        Ok(self.0.bundle.clone())
    }

    async fn serial_block(&self, ask: &LeaseSerialBlock) -> Result<SerialBlock, ServerFault> {
        self.reach().await?;
        self.require_unfrozen()?;
        let lent = self.0.model.borrow_mut().serial_block(self.0.station_id, ask, DAY);
        self.answer(lent)?.map_err(refused)
    }

    async fn return_share(&self, said: &ReturnShare) -> Result<ShareGrant, ServerFault> {
        self.reach().await?;
        let returned = self.0.model.borrow_mut().return_share(self.0.station_id, said);
        self.answer(returned)?.map_err(refused)
    }

    async fn admission(&self, ask: &AskAdmission) -> Result<Admission, ServerFault> {
        self.reach().await?;
        self.require_unfrozen()?;
        let said = self.0.model.borrow().admission(self.0.station_id, ask, self.now());
        self.answer(said)?.map_err(refused)
    }

    async fn ingest(&self, request: &IngestRequest) -> Result<IngestResponse, ServerFault> {
        self.reach().await?;
        let held = self.0.model.borrow_mut().take_in(self.0.station_id, &request.envelopes);
        let results = held.map_err(refused)?;
        let of = |state| results.iter().filter(|result| result.state == state).count() as u32;
        self.0.conflicts.set(self.0.conflicts.get() + of(IngestState::Conflict));
        self.0.duplicates.set(self.0.duplicates.get() + of(IngestState::Duplicate));
        self.answer(IngestResponse { results })
    }

    async fn labels(&self, said: &TellLabels) -> Result<(), ServerFault> {
        self.reach().await?;
        let mut known = self.0.told_labels.borrow_mut();
        known.extend(said.labels.iter().map(|news| (news.serial.clone(), news.clone())));
        drop(known);
        self.answer(())
    }

    async fn live(&self, live: &StationLive) -> Result<(), ServerFault> {
        self.reach().await?;
        if let Some(journal) = &live.journal {
            self.0.model.borrow_mut().hear(self.0.station_id, journal, self.now());
        }
        Ok(())
    }
    async fn change_over(&self, to: &ChangeOver) -> Result<(), ServerFault> {
        self.reach().await?;
        self.require_unfrozen()?;
        let done = self.take_change_over(to);
        self.answer(())?;
        done
    }

    async fn floor_events(&self, done: &FloorEvents) -> Result<(), ServerFault> {
        self.reach().await?;
        self.take_floor_events(done)?;
        self.answer(())
    }

    async fn wire_log(&self, run: RunId, packed: &[u8]) -> Result<(), ServerFault> {
        self.reach().await?;
        let taken = self.take_wire_log(run, packed);
        self.answer(taken)?
    }

    async fn wire_log_gone(&self, run: RunId, gone: &WireLogGone) -> Result<(), ServerFault> {
        self.reach().await?;
        let taken = self.take_wire_log_gone(run, *gone);
        self.answer(taken)?
    }
}
