//! A server in memory for a line in one process: it hands out one released bundle, numbers and admissions, and keeps
//! every envelope. What a record is worth is judged by the tests, with `domain`'s own rules.

#![expect(clippy::expect_used, reason = "a tool of the tests: what can't be made here can't be tested")]

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    api::{
        ingest::{IngestRequest, IngestResponse, IngestResult, IngestState},
        stations::{
            Admission, AdmissionVerdict, AskAdmission, Assignment, CheckIn, CheckInAnswer, LeaseSerialBlock,
            ReturnShare, SerialBlock, ShareGrant,
        },
    },
    bundle::{BundleContent, BundleManifest, FileRef, FirmwareRef, Release, SignedRelease},
    check_in::{Known, Verdict, held_numbers},
    ids::{BatchId, ContentHash, OutboxId, RunId, SerialBlockId, StationId},
    live::StationLive,
    model::parse_model,
    outcome::Outcome,
    procedure::parse_procedure,
    profile::parse_profile,
    quota::{BatchLedger, Floor},
    record::{BirthRecord, Envelope, Expected},
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

/// Units of its one batch.
const QUANTITY: u64 = 100;

/// What the server holds.
pub struct Held {
    pub bundle: BundleContent,
    pub release_key: String,
    pattern: Pattern,
    station_id: StationId,
    envelopes: RefCell<BTreeMap<RunId, (String, BirthRecord)>>,
    /// What it knows of the station, as the real one does, and what it holds by address.
    pub known: RefCell<Known>,
    addresses: RefCell<BTreeMap<(OutboxId, u64), ContentHash>>,
    /// Texts that it holds and does not take for records, with the reason.
    pub quarantine: RefCell<Vec<(String, String)>>,
    began: OnceCell<Instant>,
    pub conflicts: Cell<u32>,
    pub duplicates: Cell<u32>,
    blocks: RefCell<BTreeMap<SerialBlockId, Vec<String>>>,
    next_number: Cell<u32>,
    ledger: RefCell<BatchLedger>,
    /// While set, nothing gets through.
    pub away: Cell<bool>,
    /// While set, what is asked for is done but the answer is lost on the way.
    pub deaf: Cell<bool>,
    /// How long every answer takes.
    pub delay: Cell<Duration>,
    /// Set once the station that asks is no more: what it still says is not heard.
    pub unheard: Cell<bool>,
}

impl Held {
    /// As if so many numbers had been lent to others before.
    pub fn skip_numbers(&self, count: u32) {
        self.next_number.set(self.next_number.get() + count);
    }
}

/// The files that a bundle is made of, as text.
#[derive(Debug, Clone)]
pub struct BundleFiles {
    pub model: String,
    pub profile: String,
    pub procedure: String,
}

impl BundleFiles {
    /// Those that are shipped for the titanate pack on a TOPBMS board.
    ///
    /// # Panics
    /// When one is not there: then nothing can be tested.
    #[must_use]
    pub fn shipped() -> Self {
        Self::of("topbms", "topbms-12s-lto-200a", "topbms-birth")
    }

    /// The shipped files of these names.
    ///
    /// # Panics
    /// When one is not there: then nothing can be tested.
    #[must_use]
    pub fn of(model: &str, profile: &str, procedure: &str) -> Self {
        let read = |path: &str| {
            let path = crate::demo::workspace_root().join("profiles").join(path);
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        Self {
            model: read(&format!("models/{model}.toml")),
            profile: read(&format!("parameters/{profile}.toml")),
            procedure: read(&format!("procedures/{procedure}.toml")),
        }
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
        let BundleFiles { model: model_toml, profile: profile_toml, procedure: procedure_toml } = files;
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
        };
        Self(Rc::new(Held {
            bundle,
            release_key: hex::encode(key.verifying_key().as_bytes()),
            pattern: Pattern::parse(&procedure.number.pattern).expect("the shipped pattern parses"),
            station_id,
            envelopes: RefCell::default(),
            known: RefCell::default(),
            addresses: RefCell::default(),
            quarantine: RefCell::default(),
            began: OnceCell::new(),
            conflicts: Cell::new(0),
            duplicates: Cell::new(0),
            blocks: RefCell::default(),
            next_number: Cell::new(1),
            ledger: RefCell::new(BatchLedger::new(QUANTITY)),
            away: Cell::new(false),
            deaf: Cell::new(false),
            delay: Cell::default(),
            unheard: Cell::default(),
        }))
    }

    /// What a pass under its bundle must hold.
    ///
    /// # Panics
    /// When a shipped file does not parse; [`MemoryServer::new`] has parsed them already.
    #[must_use]
    pub fn expected(&self) -> Expected {
        let bundle = &self.0.bundle;
        let profile = parse_profile("profile", &bundle.profile_toml).expect("the shipped profile parses");
        let procedure =
            parse_procedure("procedure", &bundle.procedure_toml).expect("the shipped procedure parses");
        Expected::of(&profile, &procedure, &bundle.manifest)
    }

    /// Every record it holds, in the order of their runs' ids.
    #[must_use]
    pub fn records(&self) -> Vec<BirthRecord> {
        self.0.envelopes.borrow().values().map(|(_, record)| record.clone()).collect()
    }

    /// Every envelope it holds, byte for byte, in the order of their runs' ids.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        self.0.envelopes.borrow().values().map(|(text, _)| text.clone()).collect()
    }

    /// Every envelope it holds, byte for byte, by its run.
    #[must_use]
    pub fn held(&self) -> BTreeMap<RunId, String> {
        self.0.envelopes.borrow().iter().map(|(id, (text, _))| (*id, text.clone())).collect()
    }

    /// Takes everything away that it holds, as a server would that forgot.
    pub fn forget(&self) {
        self.0.envelopes.borrow_mut().clear();
    }

    /// The time by tokio's clock, virtual or not.
    fn now(&self) -> DateTime<Utc> {
        let elapsed = self.0.began.get_or_init(Instant::now).elapsed();
        DateTime::UNIX_EPOCH + TimeDelta::from_std(elapsed).expect("less than an age")
    }

    fn require_unfrozen(&self) -> Result<(), ServerFault> {
        let reason = self.0.known.borrow().frozen.clone();
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

    fn keep(&self, text: &str) -> IngestResult {
        let sha256 = ContentHash::of(text.as_bytes());
        let Ok(envelope) = serde_json::from_str::<Envelope>(text) else {
            return IngestResult {
                sha256,
                state: IngestState::Quarantined,
                reason: Some("no envelope".to_owned()),
            };
        };
        let mut known = self.0.known.borrow_mut();
        let refused = known.refuses(envelope.outbox_id, envelope.record.outcome);
        known.hold(envelope.outbox_id, envelope.number);
        let mut envelopes = self.0.envelopes.borrow_mut();
        let is_new = !envelopes.contains_key(&envelope.record.run_id);
        let mut addresses = self.0.addresses.borrow_mut();
        let held = addresses.entry((envelope.outbox_id, envelope.number)).or_insert_with(|| sha256.clone());
        if *held != sha256 && is_new {
            let _freezes = known.two_copies(envelope.number);
        }
        if let Some(refusal) = refused.filter(|_| is_new) {
            let (text, reason) = (text.to_owned(), refusal.as_str().to_owned());
            let mut quarantine = self.0.quarantine.borrow_mut();
            if !quarantine.iter().any(|(held, _)| *held == text) {
                quarantine.push((text, reason.clone()));
            }
            return IngestResult { sha256, state: IngestState::Quarantined, reason: Some(reason) };
        }
        let state = match envelopes.get(&envelope.record.run_id) {
            Some((known, _)) if known == text => {
                self.0.duplicates.set(self.0.duplicates.get() + 1);
                IngestState::Duplicate
            }
            Some(_) => {
                self.0.conflicts.set(self.0.conflicts.get() + 1);
                IngestState::Conflict
            }
            None => {
                let record = &envelope.record;
                if record.outcome == Outcome::Pass {
                    let is_new = |(_, known): &(String, BirthRecord)| {
                        known.outcome != Outcome::Pass || known.serial != record.serial
                    };
                    let is_new_unit = envelopes.values().all(is_new);
                    let mut ledger = self.0.ledger.borrow_mut();
                    if let Err(refusal) = ledger.pass(envelope.station_id, envelope.outbox_id, is_new_unit) {
                        let reason = Some(refusal.as_str().to_owned());
                        return IngestResult { sha256, state: IngestState::Quarantined, reason };
                    }
                }
                envelopes.insert(envelope.record.run_id, (text.to_owned(), envelope.record));
                IngestState::Stored
            }
        };
        IngestResult { sha256, state, reason: None }
    }
}

impl Server for MemoryServer {
    async fn check_in(&self, said: &CheckIn) -> Result<CheckInAnswer, ServerFault> {
        self.reach().await?;
        let addresses = self.0.addresses.borrow();
        let last = said.last.as_ref().map(|last| (said.outbox_id, last.number));
        let held_sha256 = last.and_then(|address| addresses.get(&address));
        let mut known = self.0.known.borrow_mut();
        self.answer(match known.check_in(said, held_sha256, self.now()) {
            Verdict::Accepted => {
                let outbox = &known.outboxes[&said.outbox_id];
                let held = addresses.keys().filter(|(outbox, _)| *outbox == said.outbox_id);
                let highest = outbox.said.max(outbox.held);
                CheckInAnswer::Accepted { held: held_numbers(held.map(|(_, number)| *number), highest) }
            }
            Verdict::BeginOutbox => CheckInAnswer::BeginOutbox,
            Verdict::Frozen(reason) => CheckInAnswer::Frozen { reason },
        })
    }

    async fn assignment(&self) -> Result<Option<Assignment>, ServerFault> {
        self.reach().await?;
        self.require_unfrozen()?;
        Ok(Some(Assignment {
            station_id: self.0.station_id,
            station_name: "memory".to_owned(),
            batch_id: BatchId(Uuid::from_u128(1)),
            batch_name: "B-1".to_owned(),
            bundle: self.0.bundle.manifest.hash(),
            quantity: u32::try_from(QUANTITY).expect("a batch is small"),
            operator: "operator".to_owned(),
        }))
    }

    async fn bundle(&self, _hash: &ContentHash) -> Result<BundleContent, ServerFault> {
        self.reach().await?;
        Ok(self.0.bundle.clone())
    }

    async fn serial_block(&self, ask: &LeaseSerialBlock) -> Result<SerialBlock, ServerFault> {
        self.reach().await?;
        self.require_unfrozen()?;
        let day = chrono::NaiveDate::from_ymd_opt(2026, 11, 23).expect("a day");
        let mut blocks = self.0.blocks.borrow_mut();
        let serials = blocks.entry(ask.block_id).or_insert_with(|| {
            let first = self.0.next_number.get();
            self.0.next_number.set(first + ask.count);
            (first..first + ask.count).map(|n| self.0.pattern.number(n, day).expect("a number")).collect()
        });
        let share = ask.share.as_ref().map(|said| {
            self.0.ledger.borrow_mut().lease(self.0.station_id, said, Floor { stations: 1, at_least: 1 })
        });
        self.answer(SerialBlock {
            block_id: ask.block_id,
            batch_id: ask.batch_id,
            serials: serials.clone(),
            share,
            scrapped: Vec::new(),
        })
    }

    async fn return_share(&self, said: &ReturnShare) -> Result<ShareGrant, ServerFault> {
        self.reach().await?;
        self.answer(self.0.ledger.borrow_mut().take_back(self.0.station_id, &said.share))
    }

    async fn admission(&self, ask: &AskAdmission) -> Result<Admission, ServerFault> {
        self.reach().await?;
        self.require_unfrozen()?;
        let known = self.records();
        let same = |record: &&BirthRecord| {
            record
                .identifiers
                .iter()
                .any(|held| held.unique && ask.identifiers.iter().any(|asked| asked == held))
        };
        let passed = known.iter().filter(same).find(|record| record.outcome == Outcome::Pass);
        let serial = known.iter().filter(same).find_map(|record| record.serial.clone());
        let verdict =
            if passed.is_some() { AdmissionVerdict::PassedAlready } else { AdmissionVerdict::Admit };
        self.answer(Admission { verdict, serial })
    }

    async fn ingest(&self, request: &IngestRequest) -> Result<IngestResponse, ServerFault> {
        self.reach().await?;
        let results = request.envelopes.iter().map(|text| self.keep(text)).collect();
        self.answer(IngestResponse { results })
    }

    async fn live(&self, live: &StationLive) -> Result<(), ServerFault> {
        self.reach().await?;
        if let Some(journal) = &live.journal {
            let _freezes = self.0.known.borrow_mut().hear(journal, self.now());
        }
        Ok(())
    }
}
