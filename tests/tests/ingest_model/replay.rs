//! A history on a stage: every request goes to the model and to the server, every answer is compared, and at the end all that is held.

use super::{
    database,
    desk::Desk,
    history::{Account, Act, Batch, Last, Machine, Miscount, Operation, Outbox, Pace, Says, Session},
    world::{LABELLED, LISTED, Stage, World, labels},
};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::{
    api::{
        ingest::{IngestResponse, IngestResult},
        stations::{
            Admission, AskAdmission, LeaseSerialBlock, ReturnShare, SerialBlock, ShareGrant, ShareStatement,
        },
    },
    ids::{BatchId, OutboxId, RunId, SerialBlockId, StationId},
    record::Envelope,
    serial_number::Pattern,
};
use jigline_tests::ingest_model::{Held, IngestModel, Refused};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
};
use uuid::Uuid;

/// By the model's clock, of the first act.
const BEGAN_AT: i64 = 1_795_000_000;
/// Minutes between when the first run could have ended and when the history is played. What people decide has the time of the playing:
/// runs begin a good while before it or behind it.
pub const NOW: i64 = 2000;

/// What was answered at all, by name: a rule that no history meets is not compared.
pub type Seen = BTreeMap<String, u32>;

/// Plays a history; gives what the server did otherwise than the model.
pub async fn play(world: &World, acts: &[Act], seen: &mut Seen) -> Result<(), String> {
    loop {
        let today = || server::clock::now().date_naive();
        let day = today();
        let played = Play::begin(world, day).await.all(acts, seen).await;
        // Numbers bear their day: a history over midnight says nothing.
        if day == today() {
            return played;
        }
    }
}

pub struct Play<'a> {
    pub world: &'a World,
    pub stage: Stage,
    pub model: IngestModel,
    day: NaiveDate,
    /// By the model's clock.
    pub now: DateTime<Utc>,
    /// When the first run could have ended.
    pub first_end: DateTime<Utc>,
    desks: [Desk; 2],
    /// All that was sent, the oldest first.
    pub sent: Vec<String>,
    /// Every new run's id, whether it was stored or not.
    pub made: Vec<RunId>,
    pub addresses: u64,
    pub lent: Vec<Lent>,
    pub own_numbers: BTreeMap<u8, String>,
    /// By the server's ids, the oldest first.
    pub references: Vec<Uuid>,
    /// What they show.
    pub registered: BTreeSet<String>,
}

/// A number that a station got.
pub struct Lent {
    pub batch: BatchId,
    pub station: u8,
    pub serial: String,
}

impl<'a> Play<'a> {
    async fn begin(world: &'a World, day: NaiveDate) -> Self {
        let stage = world.stage().await;
        let pool = &world.server.database.pool;
        // What other histories took. All bundles number alike.
        let procedure =
            domain::procedure::parse_procedure("procedure", &world.released[0].procedure_toml).unwrap();
        let pattern = Pattern::parse(&procedure.number.pattern).unwrap();
        let prefix = pattern.number(0, day).unwrap();
        let next = database::pass_over_numbers(pool, &prefix, 10).await;
        // Of the customer's numbers some look like ours.
        let of_pattern = |ahead| pattern.number(next + ahead, day).unwrap();
        let own = |place| format!("C-{}-{place}", stage.number);
        let list = vec![own(1), of_pattern(2), own(2), of_pattern(3), of_pattern(5)];
        world.give_list(stage.batches[LISTED].0, &list).await;
        let mut model = IngestModel::default();
        model.skip_numbers(&prefix, next - 1);
        for bundle in &world.released {
            let hash = model.release(bundle).unwrap();
            for (index, (batch, bundle, quantity)) in stage.batches.iter().enumerate() {
                if *bundle == hash {
                    let list = if index == LISTED { list.clone() } else { Vec::new() };
                    let name = format!("B-{}-{index}", stage.number);
                    model.open_batch(*batch, &name, &hash, *quantity, list);
                    if index == LABELLED {
                        model.label(*batch, labels());
                    }
                }
            }
        }
        for keyed in &stage.stations {
            model.enrol(keyed.enrolled.station_id, super::world::SLOTS);
        }
        Self {
            world,
            stage,
            model,
            day,
            now: DateTime::from_timestamp(BEGAN_AT, 0).unwrap(),
            first_end: server::clock::now() - TimeDelta::minutes(NOW),
            desks: Default::default(),
            sent: Vec::new(),
            made: Vec::new(),
            addresses: 0,
            lent: Vec::new(),
            own_numbers: BTreeMap::new(),
            references: Vec::new(),
            registered: BTreeSet::new(),
        }
    }

    async fn all(mut self, acts: &[Act], seen: &mut Seen) -> Result<(), String> {
        // Most histories are about records with numbers.
        let lend = |(station, batch, block)| Act::Lend { station, batch, block, count: 6, account: None };
        let first = [(0, Batch::Small, 0), (1, Batch::Small, 1), (0, Batch::Large, 2), (0, Batch::Listed, 3)];
        let first = first.map(lend);
        for (place, act) in first.iter().chain(acts).enumerate() {
            Box::pin(self.act(act, seen)).await.map_err(|fault| format!("act {place}, {act:?}:\n{fault}"))?;
        }
        self.compare_what_is_held().await
    }

    async fn act(&mut self, act: &Act, seen: &mut Seen) -> Result<(), String> {
        match act {
            Act::Lend { station, batch, block, count, account } => {
                let share = account.as_ref().map(|account| self.statement(*station, account));
                let (batch_id, block_id) = (self.batch(*batch), self.block(*block));
                let ask = LeaseSerialBlock { batch_id, block_id, count: *count, share };
                self.lend(*station, ask, seen).await
            }
            Act::Return { station, batch, account } => {
                let (batch_id, share) = (self.batch(*batch), self.statement(*station, account));
                self.give_back(*station, ReturnShare { batch_id, share }, seen).await
            }
            Act::Ask { station, board, batch, operation } => {
                let identifiers = self.shown(board);
                let batch_id = self.batch(*batch);
                let operation = self.operation(*operation);
                self.ask(*station, AskAdmission { batch_id, operation, identifiers }, seen).await
            }
            Act::Send { station, pieces } => {
                let texts = pieces.iter().map(|piece| self.text_of(*station, piece)).collect();
                self.send(*station, texts, seen).await
            }
            Act::FailThrice { station, run } => self.fail_thrice(*station, run, seen).await,
            Act::PassAndDecide { station, run, decision } => {
                self.pass_and_decide(*station, run, *decision, seen).await
            }
            Act::Register { station, run, put_away } => {
                self.register(*station, run, seen).await?;
                if !put_away {
                    return Ok(());
                }
                for _ in 0..2 {
                    self.end_reference(self.references.len().checked_sub(1), seen).await?;
                }
                self.ask_for(*station, run, seen).await
            }
            Act::EndReference { place } => {
                let place = place.and_then(|place| usize::from(place).checked_rem(self.references.len()));
                self.end_reference(place, seen).await
            }
            Act::Decide { place, decision } => {
                let unit = self.some_unit(*place);
                self.decide_about(unit, *decision, seen).await
            }
            Act::Flood { station } => self.send(*station, vec!["x".to_owned(); 101], seen).await,
            Act::CheckIn { station, says } => self.check_in(*station, says, seen).await,
            Act::Live { station, session, ahead } => self.live(*station, *session, *ahead, seen).await,
            Act::TwoPrograms { station, pace } => {
                let says = |session| Says {
                    session,
                    machine: Machine::Own,
                    outbox: Outbox::Current,
                    last: Last::AsItIs,
                    changes: None,
                    slots: 2,
                    flaw: None,
                };
                self.check_in(*station, &says(Session::New), seen).await?;
                self.check_in(*station, &says(Session::New), seen).await?;
                if matches!(pace, Pace::Later) {
                    self.wait();
                }
                self.live(*station, Session::Before, 0, seen).await
            }
            Act::Wait => {
                self.wait();
                Ok(())
            }
            Act::Unfreeze { station } => self.unfreeze(*station, seen).await,
            Act::Replace { station } => self.replace(*station).await,
            Act::Assign { station, slot, batch } => self.assign(*station, *slot, *batch, seen).await,
            Act::ChangeOver { station, slots, batch } => {
                self.change_over(*station, slots, *batch, seen).await
            }
            Act::Hold { batch, way } => self.hold(*batch, *way, seen).await,
            Act::WriteOff { place } => self.write_off(*place, seen).await,
            Act::Scrap { number } => self.scrap(*number, seen).await,
            Act::Free { which } => self.free(*which, seen).await,
            Act::GiveUp { place, and } => self.give_up(*place, *and, seen).await,
            Act::Resolve { place, which, way } => self.resolve(*place, *which, *way, seen).await,
        }
    }

    pub async fn lend(&mut self, station: u8, ask: LeaseSerialBlock, seen: &mut Seen) -> Result<(), String> {
        let (station_id, key) = self.key(station);
        let freed = self.model.freed();
        let said = self.model.serial_block(station_id, &ask, self.day);
        let answer = self.world.ask(&key, "serial-blocks", &json!(ask)).await;
        let answer: Result<SerialBlock, (u16, String)> = understood(answer)?;
        note(seen, "numbers", said.as_ref().err().map_or("lent", |refused| refused.code));
        if let Ok(block) = &said {
            if !block.scrapped.is_empty() {
                note(seen, "numbers", "told of scrapped ones");
            }
            if block.serials.iter().any(|serial| freed.contains(serial)) {
                note(seen, "numbers", "lent one that was freed");
            }
            if block.share.as_ref().is_some_and(|share| share.written_off) {
                note(seen, "numbers", "told of a written-off share");
            }
            let known: BTreeSet<String> = self.lent.iter().map(|lent| lent.serial.clone()).collect();
            let new = block.serials.iter().filter(|serial| !known.contains(*serial));
            let lent = |serial: &String| Lent { batch: ask.batch_id, station, serial: serial.clone() };
            self.lent.extend(new.map(lent));
        }
        same(&said.map_err(told), &answer)
    }

    async fn give_back(&mut self, station: u8, said: ReturnShare, seen: &mut Seen) -> Result<(), String> {
        let (station_id, key) = self.key(station);
        let heard = self.model.return_share(station_id, &said);
        let answer = self.world.ask(&key, "serial-blocks/return", &json!(said)).await;
        let answer: Result<ShareGrant, _> = understood(answer)?;
        note(seen, "return", heard.as_ref().err().map_or("heard", |refused| refused.code));
        same(&heard.map_err(told), &answer)
    }

    pub async fn ask(&self, station: u8, ask: AskAdmission, seen: &mut Seen) -> Result<(), String> {
        let (station_id, key) = self.key(station);
        let said = self.model.admission(station_id, &ask, server::clock::now());
        let answer: Result<Admission, _> = understood(self.world.ask(&key, "admission", &json!(ask)).await)?;
        match &said {
            Ok(said) => {
                note(seen, "admission", &format!("{:?}", said.verdict));
                if said.rerun.is_some() {
                    note(seen, "admission", "by an order");
                }
                if said.failed_since_pass {
                    note(seen, "admission", "told of a fail since its pass");
                }
            }
            Err(refused) => note(seen, "admission", refused.code),
        }
        same(&said.map_err(told), &answer)
    }

    pub async fn send(&mut self, station: u8, texts: Vec<String>, seen: &mut Seen) -> Result<(), String> {
        let (station_id, key) = self.key(station);
        let said = self.model.take_in(station_id, &texts);
        let answer = self.world.ask(&key, "ingest", &json!({ "envelopes": texts })).await;
        let answer: Result<IngestResponse, _> = understood(answer)?;
        let (said, answered) = match (said, answer) {
            (Ok(said), Ok(answer)) => (said, answer.results),
            (said, answer) => {
                note(seen, "request", said.as_ref().err().map_or("held", |refused| refused.code));
                return same(&said.map_err(told), &answer.map(|answer| answer.results));
            }
        };
        if said.len() != answered.len() {
            return Err(format!("{} answers to {} texts", answered.len(), said.len()));
        }
        for (place, (said, answer)) in said.iter().zip(&answered).enumerate() {
            let reasons = said.reason.as_deref().unwrap_or_default();
            let is_labelled = self.is_labelled(&texts[place]);
            for reason in reasons.split("; ") {
                note(seen, &format!("{:?}", said.state), reason);
                if is_labelled {
                    note(seen, "label", if reason.is_empty() { "stored" } else { reason });
                }
            }
            agree(said, answer)
                .map_err(|fault| format!("text {place} of the request: {fault}\n{}", texts[place]))?;
        }
        Ok(())
    }

    /// Whether it tells of a board that brought its number.
    fn is_labelled(&self, text: &str) -> bool {
        let envelope: Option<Envelope> = serde_json::from_str(text).ok();
        envelope.is_some_and(|envelope| envelope.record.batch_id == self.batch(Batch::Labelled))
    }

    pub fn key(&self, station: u8) -> (StationId, String) {
        let enrolled = &self.stage.stations[usize::from(station)].enrolled;
        (enrolled.station_id, enrolled.key.clone())
    }

    pub fn desk(&self, station: u8) -> &Desk {
        &self.desks[usize::from(station)]
    }

    pub fn desk_mut(&mut self, station: u8) -> &mut Desk {
        &mut self.desks[usize::from(station)]
    }

    pub fn outbox(&self, station: u8, outbox: Outbox) -> OutboxId {
        OutboxId(self.id(1, station, self.desk(station).place(outbox)))
    }

    /// Of what kind, whose and which.
    pub fn id(&self, kind: u8, station: u8, which: u8) -> Uuid {
        Uuid::from_u128(
            u128::from(self.stage.number) << 64
                | u128::from_be_bytes({
                    let mut bytes = [0; 16];
                    bytes[13..].copy_from_slice(&[kind, station, which]);
                    bytes
                }),
        )
    }

    pub fn block(&self, block: u8) -> SerialBlockId {
        SerialBlockId(self.id(2, 0, block))
    }

    pub fn batch(&self, batch: Batch) -> BatchId {
        match batch {
            Batch::Small => self.stage.batches[0].0,
            Batch::Large => self.stage.batches[1].0,
            Batch::Other => self.stage.batches[2].0,
            Batch::Listed => self.stage.batches[LISTED].0,
            Batch::Labelled => self.stage.batches[LABELLED].0,
            Batch::Unknown => BatchId(self.id(3, 0, 0)),
        }
    }

    fn statement(&self, station: u8, account: &Account) -> ShareStatement {
        let mut said = ShareStatement {
            outbox_id: self.outbox(station, account.outbox),
            wanted: account.wanted,
            started: account.open + account.consumed + account.released,
            consumed: account.consumed,
            released: account.released,
            returned: account.returned,
            settled: account.settled,
        };
        match account.flaw {
            None => {}
            Some(Miscount::EndedMoreThanStarted) => said.released = said.started + 1,
            Some(Miscount::SettledMoreThanPassed) => said.settled = said.consumed + 1,
            Some(Miscount::WantsTooMany) => said.wanted = 1001,
            Some(Miscount::ReturnedTooMany) => said.returned = u64::MAX >> 1,
        }
        said
    }

    pub fn operation(&self, operation: Operation) -> String {
        let hash = self.world.released[0].manifest.hash();
        match operation {
            Operation::Own => self.model.expected(&hash).unwrap().operation.clone(),
            Operation::Another => "rework".to_owned(),
        }
    }

    async fn compare_what_is_held(&self) -> Result<(), String> {
        let stations: Vec<StationId> =
            self.stage.stations.iter().map(|keyed| keyed.enrolled.station_id).collect();
        let batches: Vec<BatchId> = self.stage.batches.iter().map(|(batch, ..)| *batch).collect();
        let pool = &self.world.server.database.pool;
        let (said, found) = (self.model.held(), database::held(pool, &stations, &batches).await);
        differences(&said, &found)?;
        let told = database::told(pool, &stations).await;
        same(&(said.set_aside.len() as i64), &told)
            .map_err(|fault| format!("told of texts set aside: {fault}"))
    }
}

pub fn told(refused: Refused) -> (u16, String) {
    (refused.status, refused.code.to_owned())
}

/// An answer, or the status and the code of a refusal.
pub fn understood<T: serde::de::DeserializeOwned>(
    (status, body): (reqwest::StatusCode, Value),
) -> Result<Result<T, (u16, String)>, String> {
    if status.is_success() {
        return serde_json::from_value(body).map(Ok).map_err(|fault| fault.to_string());
    }
    Ok(Err((status.as_u16(), body["code"].as_str().unwrap_or_default().to_owned())))
}

pub fn note(seen: &mut Seen, of: &str, what: &str) {
    *seen.entry(format!("{of}: {what}").trim_end_matches(": ").to_owned()).or_default() += 1;
}

pub fn same<T: PartialEq + Debug>(said: &T, found: &T) -> Result<(), String> {
    if said == found { Ok(()) } else { Err(format!("the model says  {said:?}\nthe server says {found:?}")) }
}

/// The same state of the same text, and every reason of the model's in the server's words.
fn agree(said: &IngestResult, answer: &IngestResult) -> Result<(), String> {
    let reason = answer.reason.as_deref();
    let same_reason = match &said.reason {
        None => reason.is_none(),
        Some(phrases) => {
            reason.is_some_and(|reason| phrases.split("; ").all(|phrase| reason.contains(phrase)))
        }
    };
    let is_same = said.sha256 == answer.sha256 && said.state == answer.state && same_reason;
    if is_same { Ok(()) } else { same(said, answer) }
}

/// The first entries that are not the same on both sides, all kinds.
fn differences(said: &Held, found: &Held) -> Result<(), String> {
    let mut lines = Vec::new();
    compare("run", &said.runs, &found.runs, &mut lines);
    compare("text set aside", &said.set_aside, &found.set_aside, &mut lines);
    compare("unit", &said.units, &found.units, &mut lines);
    compare("number", &said.numbers, &found.numbers, &mut lines);
    compare("counts", &said.counts, &found.counts, &mut lines);
    compare("account", &said.accounts, &found.accounts, &mut lines);
    compare("passed", &said.passed, &found.passed, &mut lines);
    compare("station", &said.stations, &found.stations, &mut lines);
    compare("outbox", &said.outboxes, &found.outboxes, &mut lines);
    compare("tally", &said.tallies, &found.tallies, &mut lines);
    // Whoever adds to what is held and not to this list is told.
    if lines.is_empty() && said != found {
        lines.push(format!("what is held differs: {said:?}\n{found:?}"));
    }
    if lines.is_empty() { Ok(()) } else { Err(lines.join("\n")) }
}

fn compare<K: Ord + Debug, V: PartialEq + Debug>(
    what: &str,
    said: &BTreeMap<K, V>,
    found: &BTreeMap<K, V>,
    lines: &mut Vec<String>,
) {
    let keys: BTreeSet<&K> = said.keys().chain(found.keys()).collect();
    let differ = keys.into_iter().filter(|key| said.get(key) != found.get(key));
    lines.extend(differ.take(3).map(|key| {
        format!("{what} {key:?}\nthe model holds  {:?}\nthe server holds {:?}", said.get(key), found.get(key))
    }));
}
