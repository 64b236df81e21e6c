//! The queue and the order book against a server that does as it is told.

mod wire_logs;

use super::*;
use crate::{
    journal::{HeldCounts, Journal},
    order::Boards,
    runner::tests_support::{PaperBench, parts_texts},
    uplink::records::{DoubtState, SendFault},
};
use chrono::DateTime;
use domain::{
    api::{
        ingest::{IngestResult, IngestState},
        stations::{Assignment, HeldNumbers, SlotWork},
    },
    bundle::{BundleManifest, FileRef, FirmwareRef, Release, SignedRelease},
    floor::{FloorEvent, JigPerson},
    ids::{BatchId, OutboxId, RunId, StationId},
    quota::{BatchLedger, Floor},
    reference::KnownReference,
    text::FaultCode,
};
use ed25519_dalek::{Signer as _, SigningKey};
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    path::Path,
};
use uuid::Uuid;
use wire_logs::WireLogShelf;

/// Answers from a script; without one, everything is held.
#[derive(Default)]
pub struct ScriptedServer {
    /// Texts held, in order.
    pub held: RefCell<Vec<String>>,
    /// How many envelopes each request had.
    pub requests: RefCell<Vec<usize>>,
    pub faults: RefCell<VecDeque<ServerFault>>,
    /// A text that holds this is refused, and every request with it.
    pub poison: RefCell<Option<String>>,
    pub state: Cell<Option<IngestState>>,
    pub misname: Cell<bool>,
    pub assignment: RefCell<Option<Assignment>>,
    pub of_slots: RefCell<Vec<SlotWork>>,
    pub references: RefCell<Vec<KnownReference>>,
    pub people: RefCell<Vec<JigPerson>>,
    pub content: RefCell<Option<BundleContent>>,
    pub bundles_asked: Cell<u32>,
    pub away: Cell<bool>,
    /// What was said at check-ins, and what is answered: where nothing is, all are accepted.
    pub check_ins: RefCell<Vec<CheckIn>>,
    pub answers: RefCell<VecDeque<Result<CheckInAnswer, ServerFault>>>,
    /// Why no board is started; check-ins are answered so, too.
    pub halted: RefCell<Option<Fault>>,
    /// Numbers lent so far; none while there is no batch.
    pub lent: Cell<u32>,
    /// None: a server of the version before, which knows no shares.
    pub ledger: RefCell<Option<BatchLedger>>,
    /// What it was told of change-overs and of what people did, in order.
    pub changed_over: RefCell<Vec<ChangeOver>>,
    pub floor_events: RefCell<Vec<FloorEvent>>,
    pub logs: WireLogShelf,
}

impl ScriptedServer {
    fn check(&self) -> Result<(), ServerFault> {
        if self.away.get() { Err(ServerFault::Away("no route".into())) } else { Ok(()) }
    }
}

impl Server for ScriptedServer {
    async fn check_in(&self, said: &CheckIn) -> Result<CheckInAnswer, ServerFault> {
        self.check()?;
        self.check_ins.borrow_mut().push(said.clone());
        if let Some(answer) = self.answers.borrow_mut().pop_front() {
            return answer;
        }
        let frozen = self.halted.borrow().clone().map(|reason| CheckInAnswer::Frozen { reason });
        Ok(frozen.unwrap_or_else(|| CheckInAnswer::Accepted { held: HeldNumbers::default() }))
    }
    async fn work(&self) -> Result<StationWork, ServerFault> {
        self.check()?;
        if let Some(reason) = self.halted.borrow().clone() {
            return Err(ServerFault::Halted(Box::new(reason)));
        }
        Ok(StationWork {
            all: self.assignment.borrow().clone(),
            slots: self.of_slots.borrow().clone(),
            references: self.references.borrow().clone(),
            people: self.people.borrow().clone(),
            wire_logs: self.logs.wanted.borrow().clone(),
            ..StationWork::default()
        })
    }
    async fn bundle(&self, _hash: &ContentHash) -> Result<BundleContent, ServerFault> {
        self.check()?;
        self.bundles_asked.set(self.bundles_asked.get() + 1);
        Ok(self.content.borrow().clone().unwrap())
    }
    async fn serial_block(&self, ask: &LeaseSerialBlock) -> Result<SerialBlock, ServerFault> {
        self.check()?;
        let first = self.lent.get();
        self.lent.set(first + ask.count);
        let serials = (first..self.lent.get()).map(|n| format!("TB{n:05}")).collect();
        let station = StationId(Uuid::from_u128(5));
        let share = match (&mut *self.ledger.borrow_mut(), &ask.share) {
            (Some(ledger), Some(said)) => {
                Some(ledger.lease(station, said, Floor { stations: 1, at_least: 1 }))
            }
            _ => None,
        };
        Ok(SerialBlock {
            block_id: ask.block_id,
            batch_id: ask.batch_id,
            serials,
            share,
            scrapped: Vec::new(),
        })
    }
    async fn return_share(&self, said: &ReturnShare) -> Result<ShareGrant, ServerFault> {
        self.check()?;
        let Some(ledger) = &mut *self.ledger.borrow_mut() else {
            let (code, detail) = ("not_found".into(), "no such route".into());
            return Err(ServerFault::Refused { status: 404, code, detail });
        };
        Ok(ledger.take_back(StationId(Uuid::from_u128(5)), &said.share))
    }
    async fn admission(&self, _ask: &AskAdmission) -> Result<Admission, ServerFault> {
        self.check()?;
        Ok(Admission::of_a_stranger())
    }
    async fn ingest(&self, request: &IngestRequest) -> Result<IngestResponse, ServerFault> {
        self.check()?;
        self.requests.borrow_mut().push(request.envelopes.len());
        if let Some(fault) = self.faults.borrow_mut().pop_front() {
            return Err(fault);
        }
        if let Some(poison) = &*self.poison.borrow()
            && request.envelopes.iter().any(|text| text.contains(poison))
        {
            return Err(ServerFault::Refused {
                status: 413,
                code: "too_large".into(),
                detail: "too large".into(),
            });
        }
        let mut results = Vec::new();
        for text in &request.envelopes {
            let is_new = !self.held.borrow().contains(text);
            if is_new {
                self.held.borrow_mut().push(text.clone());
            }
            let state =
                self.state.get().unwrap_or(if is_new { IngestState::Stored } else { IngestState::Duplicate });
            let named = if self.misname.get() { "another".as_bytes() } else { text.as_bytes() };
            results.push(IngestResult { sha256: ContentHash::of(named), state, reason: None });
        }
        Ok(IngestResponse { results })
    }
    async fn labels(&self, _said: &TellLabels) -> Result<(), ServerFault> {
        self.check()
    }
    async fn live(&self, _live: &StationLive) -> Result<(), ServerFault> {
        self.check()
    }
    async fn change_over(&self, to: &ChangeOver) -> Result<(), ServerFault> {
        self.check()?;
        self.faults.borrow_mut().pop_front().map_or(Ok(()), Err)?;
        self.changed_over.borrow_mut().push(to.clone());
        Ok(())
    }
    async fn floor_events(&self, done: &FloorEvents) -> Result<(), ServerFault> {
        self.check()?;
        self.faults.borrow_mut().pop_front().map_or(Ok(()), Err)?;
        self.floor_events.borrow_mut().extend(done.events.iter().cloned());
        Ok(())
    }
    async fn wire_log(&self, run: RunId, packed: &[u8]) -> Result<(), ServerFault> {
        self.check()?;
        self.logs.take(run, packed, self.held.borrow().len())
    }
    async fn wire_log_gone(&self, run: RunId, gone: &WireLogGone) -> Result<(), ServerFault> {
        self.check()?;
        self.logs.take_gone(run, *gone)
    }
}

fn journal(folder: &Path, records: u128) -> Journal {
    let at = DateTime::from_timestamp(1_900_000_000, 0).unwrap();
    let ids = (StationId(Uuid::from_u128(5)), OutboxId(Uuid::from_u128(6)));
    let journal = Journal::open(&folder.join("journal.sqlite"), ids.0, ids.1, at).unwrap();
    for run in 1..=records {
        let record =
            domain::record::BirthRecord { run_id: RunId(Uuid::from_u128(run)), ..PaperBench::finished() };
        journal.close_run(&record, None).unwrap();
    }
    journal
}

#[tokio::test]
async fn a_backlog_goes_oldest_first_in_few_requests() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, server) = (journal(folder.path(), 120), ScriptedServer::default());
    assert_eq!(send_records(&journal, &server, |_| {}).await.unwrap(), 120);
    assert_eq!(*server.requests.borrow(), [50, 50, 20]);
    let numbers: Vec<u64> = server
        .held
        .borrow()
        .iter()
        .map(|text| serde_json::from_str::<domain::record::Envelope>(text).unwrap().number)
        .collect();
    assert_eq!(numbers, (1..=120).collect::<Vec<u64>>());
}

#[tokio::test]
async fn a_server_that_is_away_stops_the_queue_and_nothing_is_pruned() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, server) = (journal(folder.path(), 3), ScriptedServer::default());
    server.faults.borrow_mut().push_back(ServerFault::Away("connection refused".into()));
    assert!(matches!(
        send_records(&journal, &server, |_| {}).await,
        Err(SendFault::Server(ServerFault::Away(_)))
    ));
    assert_eq!(journal.held_counts().unwrap(), HeldCounts { held: 0, unsent: 3, parked: 0 });
    assert_eq!(send_records(&journal, &server, |_| {}).await.unwrap(), 3);
}

#[tokio::test]
async fn an_answer_that_got_lost_makes_a_duplicate_and_no_second_record() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, server) = (journal(folder.path(), 2), ScriptedServer::default());
    for text in journal.unsent(10).unwrap() {
        server.held.borrow_mut().push(text.text);
    }
    assert_eq!(send_records(&journal, &server, |_| {}).await.unwrap(), 2);
    assert_eq!(server.held.borrow().len(), 2);
    assert_eq!(journal.held_counts().unwrap(), HeldCounts { held: 2, unsent: 0, parked: 0 });
}

#[tokio::test]
async fn a_record_that_the_server_refuses_by_itself_is_put_aside_and_stops_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let server = ScriptedServer::default();
    server.poison.replace(Some(format!("\"number\":{},", 7)));
    {
        let journal = journal(folder.path(), 10);
        let mut told = Vec::new();
        assert_eq!(send_records(&journal, &server, |doubt| told.push(doubt)).await.unwrap(), 9);
        let told: Vec<_> = told.iter().map(|doubt| (doubt.number, doubt.run_id, doubt.state)).collect();
        assert_eq!(told, [(7, Some(RunId(Uuid::from_u128(7))), DoubtState::Refused)]);
        let counts = HeldCounts { held: 9, unsent: 1, parked: 1 };
        assert_eq!(journal.held_counts().unwrap(), counts, "none is lost, and it counts as unsent");
        // Nor is it offered over and over.
        assert_eq!(send_records(&journal, &server, |_| {}).await.unwrap(), 0);
    }
    // A start later the server takes it.
    server.poison.replace(None);
    let journal = journal(folder.path(), 0);
    assert_eq!(send_records(&journal, &server, |_| {}).await.unwrap(), 1);
    assert_eq!(journal.held_counts().unwrap(), HeldCounts { held: 10, unsent: 0, parked: 0 });
}

#[tokio::test]
async fn conflict_and_quarantine_count_as_held_and_another_records_name_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, server) = (journal(folder.path(), 2), ScriptedServer::default());
    server.misname.set(true);
    assert!(matches!(send_records(&journal, &server, |_| {}).await, Err(SendFault::Misnamed { number: 1 })));
    assert_eq!(journal.held_counts().unwrap().unsent, 2);
    server.misname.set(false);
    server.state.set(Some(IngestState::Conflict));
    let mut told = Vec::new();
    assert_eq!(send_records(&journal, &server, |held| told.push(held)).await.unwrap(), 2);
    let told: Vec<_> = told.iter().map(|doubt| (doubt.number, doubt.run_id, doubt.state)).collect();
    let run = |n| Some(RunId(Uuid::from_u128(n)));
    let conflict = DoubtState::Conflict;
    assert_eq!(told, [(1, run(1), conflict), (2, run(2), conflict)], "somebody must look at both");
}

/// A stack in RAM, and a reset vector into the image where the shipped model's application lies.
const SOUND: [u8; 8] = [0x00, 0x40, 0x00, 0x20, 0x01, 0x22, 0x00, 0x08];

fn image_beginning(vectors: [u8; 8]) -> Vec<u8> {
    let mut image = vec![0x55; 4096];
    image[..8].copy_from_slice(&vectors);
    image
}

pub fn released() -> (Assignment, BundleContent, SigningKey) {
    let image = image_beginning(SOUND);
    let crc32 = protocol::crc::crc32(&image);
    released_with(&image, crc32, "plain")
}

/// Releases an image under a CRC, for the shipped model with images of that kind.
fn released_with(image: &[u8], crc32: u32, kind: &str) -> (Assignment, BundleContent, SigningKey) {
    let key = SigningKey::from_bytes(&[7; 32]);
    let [model_toml, profile_toml, procedure_toml] = parts_texts().map(str::to_owned);
    let model_toml = model_toml.replace("kind = \"plain\"", &format!("kind = {kind:?}"));
    let file = |id: &str, text: &str| FileRef {
        id: id.into(),
        revision: 1,
        sha256: ContentHash::of(text.as_bytes()),
    };
    let manifest = BundleManifest {
        model: file("topbms", &model_toml),
        profile: file("p", &profile_toml),
        procedure: file("q", &procedure_toml),
        firmware: Some(FirmwareRef {
            version: "1.9".into(),
            bytes: image.len() as u32,
            sha256: ContentHash::of(image),
            crc32,
        }),
        label: None,
    };
    let at = DateTime::from_timestamp(1_900_000_000, 0).unwrap();
    let release = Release {
        bundle: manifest.hash(),
        submitted_by: "engineer".into(),
        approved_by: "quality".into(),
        approved_at: at,
    };
    let assignment = Assignment {
        station_id: StationId(Uuid::from_u128(5)),
        station_name: "jig-1".into(),
        batch_id: BatchId(Uuid::from_u128(1)),
        batch_name: "B-1".into(),
        bundle: manifest.hash(),
        quantity: 24,
        operator: "operator".into(),
        fails_allowed: 3,
        order_values: domain::profile::OrderValues::new(),
        labels: None,
        label_mode: domain::labelling::LabelMode::None,
        customer: String::new(),
        floor: domain::floor::FloorRules::default(),
        hold: None,
    };
    let signature = hex::encode(key.sign(&release.bytes()).to_bytes());
    let release = SignedRelease { release, signature };
    let content = BundleContent {
        manifest,
        model_toml,
        profile_toml,
        procedure_toml,
        image_hex: hex::encode(image),
        release,
        label_toml: String::new(),
    };
    (assignment, content, key)
}

fn book(folder: &Path, key: &SigningKey, boards: Boards) -> OrderBook {
    OrderBook::open(folder, key.verifying_key(), boards).unwrap()
}

#[tokio::test]
async fn the_order_survives_a_restart_without_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let (assignment, content, key) = released();
    let server = ScriptedServer::default();
    server.assignment.replace(Some(assignment.clone()));
    server.content.replace(Some(content));
    let mut open = book(folder.path(), &key, Boards::Simulated);
    let order = open.refresh(&server).await.unwrap().of(1).unwrap();
    assert_eq!(order.batch_id, assignment.batch_id);
    let again = open.refresh(&server).await.unwrap().of(2).unwrap();
    assert!(std::sync::Arc::ptr_eq(&order, &again), "the same order stays the same, in every slot");
    server.away.set(true);
    assert!(open.refresh(&server).await.unwrap().of(1).is_ok(), "an order in force stays so");
    let mut later = book(folder.path(), &key, Boards::Simulated);
    assert_eq!(later.refresh(&server).await.unwrap().of(1).unwrap().bundle, order.bundle);
    assert_eq!(server.bundles_asked.get(), 1);
    server.away.set(false);
    server.assignment.replace(None);
    assert_eq!(later.refresh(&server).await.unwrap().of(1).unwrap_err().code, FaultCode::NoBatch);
    server.away.set(true);
    let withdrawn = book(folder.path(), &key, Boards::Simulated).refresh(&server).await.unwrap();
    assert_eq!(withdrawn.of(1).unwrap_err().code, FaultCode::NoBatch, "withdrawn stays withdrawn");
}

#[tokio::test]
async fn a_slot_with_a_batch_of_its_own_works_that_and_the_others_theirs() {
    let folder = tempfile::tempdir().unwrap();
    let (all, content, key) = released();
    let own = Assignment { batch_id: BatchId(Uuid::from_u128(2)), batch_name: "B-2".into(), ..all.clone() };
    let server = ScriptedServer::default();
    server.assignment.replace(Some(all.clone()));
    server.content.replace(Some(content));
    server.of_slots.replace(vec![SlotWork { slot: 2, work: own.clone() }]);
    let mut open = book(folder.path(), &key, Boards::Simulated);
    let work = open.refresh(&server).await.unwrap();
    let batch = |work: &Work, slot| work.of(slot).map(|order| order.batch_id).map_err(|fault| fault.code);
    assert_eq!((batch(&work, 1), batch(&work, 2)), (Ok(all.batch_id), Ok(own.batch_id)));
    assert_eq!(
        (work.batches([1, 2]).len(), work.batches([1]).len()),
        (2, 1),
        "a slot that is not there works nothing"
    );
    // The same without the server, behind a restart.
    server.away.set(true);
    let work = book(folder.path(), &key, Boards::Simulated).refresh(&server).await.unwrap();
    assert_eq!((batch(&work, 1), batch(&work, 2)), (Ok(all.batch_id), Ok(own.batch_id)));
    // A slot's bundle that does not hold is its own trouble, and what is assigned to nobody else stays assigned to nobody.
    server.away.set(false);
    let unknown = Assignment { bundle: ContentHash::of(b"another"), ..own };
    server.of_slots.replace(vec![SlotWork { slot: 2, work: unknown }]);
    let work = open.refresh(&server).await.unwrap();
    assert_eq!((batch(&work, 1), batch(&work, 2)), (Ok(all.batch_id), Err(FaultCode::BundleRefused)));
    server.assignment.replace(None);
    let work = open.refresh(&server).await.unwrap();
    assert_eq!((batch(&work, 1), batch(&work, 2)), (Err(FaultCode::NoBatch), Err(FaultCode::BundleRefused)));
}

#[tokio::test]
async fn what_the_version_before_kept_of_its_work_is_known_and_kept_no_longer() {
    let folder = tempfile::tempdir().unwrap();
    let (assignment, content, key) = released();
    let kept = folder.path().join("assignment.json");
    std::fs::write(&kept, serde_json::to_string(&Some(&assignment)).unwrap()).unwrap();
    let bundle = folder.path().join(format!("{}.json", assignment.bundle));
    std::fs::write(bundle, serde_json::to_string(&content).unwrap()).unwrap();
    let server = ScriptedServer::default();
    server.away.set(true);
    let mut open = book(folder.path(), &key, Boards::Simulated);
    assert_eq!(open.refresh(&server).await.unwrap().of(1).unwrap().batch_id, assignment.batch_id);
    server.away.set(false);
    open.refresh(&server).await.unwrap();
    assert!(!kept.exists(), "an older program would go by it");
}

#[tokio::test]
async fn nothing_unreleased_and_nothing_assumed_becomes_an_order() {
    let (assignment, content, key) = released();
    let detail = async |content: BundleContent, key: &SigningKey, boards| {
        let folder = tempfile::tempdir().unwrap();
        let server = ScriptedServer::default();
        server.assignment.replace(Some(assignment.clone()));
        server.content.replace(Some(content));
        let fault = book(folder.path(), key, boards).refresh(&server).await.unwrap().of(1).unwrap_err();
        assert_eq!(fault.code, FaultCode::BundleRefused);
        fault.args["detail"].clone()
    };
    let stranger = SigningKey::from_bytes(&[8; 32]);
    assert!(detail(content.clone(), &stranger, Boards::Simulated).await.contains("signature"));
    let real = detail(content.clone(), &key, Boards::Real).await;
    assert!(real.contains("topbms") && real.contains("simulators only"), "{real}");
    let changed = BundleContent { image_hex: hex::encode([0x56; 4096]), ..content.clone() };
    assert!(detail(changed, &key, Boards::Simulated).await.contains("image"));
    let changed =
        BundleContent { procedure_toml: content.procedure_toml.replace("20000", "20"), ..content.clone() };
    assert!(detail(changed, &key, Boards::Simulated).await.contains("procedure"));
    let folder = tempfile::tempdir().unwrap();
    let server = ScriptedServer::default();
    server.assignment.replace(Some(assignment.clone()));
    server.content.replace(Some(content.clone()));
    book(folder.path(), &key, Boards::Simulated).refresh(&server).await.unwrap();
    // A cached bundle that somebody changed is fetched anew, never worked.
    let cached = folder.path().join(format!("{}.json", assignment.bundle));
    let text = std::fs::read_to_string(&cached).unwrap().replace("20000", "20001");
    std::fs::write(&cached, text).unwrap();
    book(folder.path(), &key, Boards::Simulated).refresh(&server).await.unwrap();
    assert_eq!(server.bundles_asked.get(), 2);
}

#[tokio::test]
async fn an_image_that_the_server_would_not_take_becomes_no_order_at_the_jig_either() {
    let order = async |image: &[u8], crc32: u32, kind: &str| {
        let (assignment, content, key) = released_with(image, crc32, kind);
        let folder = tempfile::tempdir().unwrap();
        let server = ScriptedServer::default();
        server.assignment.replace(Some(assignment));
        server.content.replace(Some(content));
        let work = book(folder.path(), &key, Boards::Simulated).refresh(&server).await.unwrap();
        work.of(1).map(drop).map_err(|fault| fault.args["detail"].clone())
    };
    let crc32 = protocol::crc::crc32;
    let refused = async |image: &[u8], kind: &str, why: &str| {
        let detail = order(image, crc32(image), kind).await.unwrap_err();
        assert!(detail.contains(why), "{why}: {detail}");
    };
    let sound = image_beginning(SOUND);
    assert_eq!(order(&sound, crc32(&sound), "plain").await, Ok(()));
    let stackless = image_beginning([0x55; 8]);
    refused(&stackless, "plain", "no stack in RAM").await;
    assert_eq!(order(&stackless, crc32(&stackless), "opaque").await, Ok(()), "nobody sees into such a one");
    let elsewhere = image_beginning([0x00, 0x40, 0x00, 0x20, 0x01, 0x02, 0x00, 0x08]);
    refused(&elsewhere, "plain", "linked for another place").await;
    refused(&[], "plain", "empty").await;
    refused(&[SOUND.to_vec(), vec![0; 122_880]].concat(), "opaque", "room for 122880").await;
    let hex = b":020000040800F2\n:0820000000400020012200084D\n:00000001FF\n";
    refused(hex, "plain", "Intel HEX").await;
    refused(hex, "opaque", "Intel HEX").await;
    let detail = order(&sound, 1, "plain").await.unwrap_err();
    assert!(detail.contains("CRC-32") && detail.contains("00000001h"), "{detail}");
}
