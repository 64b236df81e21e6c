//! A history on a stage: every request goes to the model and to the server, every answer is compared, and at the end all that is held.

use super::{
    database,
    history::{Act, Batch, Board, Bundle, Change, Flaw, Form, Number, Operation, Piece, Run, Shows, Told},
    world::{Stage, World},
};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::{
    api::{
        ingest::{IngestResponse, IngestResult},
        stations::{Admission, AskAdmission, LeaseSerialBlock, SerialBlock},
    },
    evidence::{Evidence, FirmwareEvidence},
    identifier::{Identifier, IdentifierKind},
    ids::{BatchId, ContentHash, RunId, SerialBlockId, StationId},
    outcome::Outcome,
    record::Envelope,
    serial_number::Pattern,
    step::Step,
    text::{Fault, FaultCode},
};
use jigline_tests::ingest_model::{Held, IngestModel, Refused};
use serde_json::{Value, json};
use server::load::synthetic::{self, Work};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
};
use uuid::Uuid;

/// When the first run could have ended.
const BEGAN_AT: i64 = 1_795_000_000;

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

struct Play<'a> {
    world: &'a World,
    stage: Stage,
    model: IngestModel,
    day: NaiveDate,
    /// All that was sent, the oldest first.
    sent: Vec<String>,
    /// Every new run's id, whether it was stored or not.
    made: Vec<RunId>,
    addresses: u64,
    lent: Vec<(BatchId, String)>,
    own_numbers: BTreeMap<u8, String>,
}

impl<'a> Play<'a> {
    async fn begin(world: &'a World, day: NaiveDate) -> Self {
        let stage = world.stage().await;
        let mut model = IngestModel::default();
        for bundle in &world.released {
            let hash = model.release(bundle).unwrap();
            for (index, (batch, quantity)) in stage.batches.iter().enumerate() {
                if world.released[index / 2].manifest.hash() == hash {
                    model.open_batch(*batch, &hash, *quantity);
                }
            }
        }
        // What other histories took. Both bundles number alike.
        let procedure =
            domain::procedure::parse_procedure("procedure", &world.released[0].procedure_toml).unwrap();
        let prefix = Pattern::parse(&procedure.number.pattern).unwrap().number(0, day).unwrap();
        let next = database::next_number(&world.server.database.pool, &prefix).await;
        model.skip_numbers(&prefix, next - 1);
        let (sent, made, lent) = (Vec::new(), Vec::new(), Vec::new());
        Self { world, stage, model, day, sent, made, addresses: 0, lent, own_numbers: BTreeMap::new() }
    }

    async fn all(mut self, acts: &[Act], seen: &mut Seen) -> Result<(), String> {
        // Most histories are about records with numbers.
        let first = Act::Lend { station: 0, batch: Batch::Small, block: 0, count: 8 };
        for (place, act) in std::iter::once(&first).chain(acts).enumerate() {
            self.act(act, seen).await.map_err(|fault| format!("act {place}, {act:?}:\n{fault}"))?;
        }
        self.compare_what_is_held().await
    }

    async fn act(&mut self, act: &Act, seen: &mut Seen) -> Result<(), String> {
        match act {
            Act::Lend { station, batch, block, count } => {
                self.lend(*station, *batch, *block, *count, seen).await
            }
            Act::Ask { station, board, operation } => {
                let identifiers = self.shown(board);
                let batch_id = self.stage.batches[0].0;
                let operation = self.operation(*operation);
                self.ask(*station, AskAdmission { batch_id, operation, identifiers }, seen).await
            }
            Act::Send { station, pieces } => {
                let texts = pieces.iter().map(|piece| self.text_of(*station, piece)).collect();
                self.send(*station, texts, seen).await
            }
            Act::Flood { station } => self.send(*station, vec!["x".to_owned(); 101], seen).await,
        }
    }

    async fn lend(
        &mut self,
        station: u8,
        batch: Batch,
        block: u8,
        count: u32,
        seen: &mut Seen,
    ) -> Result<(), String> {
        let block = (u128::from(self.stage.number) << 16) | (u128::from(block) + 1);
        let batch_id = self.batch(batch);
        let ask = LeaseSerialBlock { batch_id, block_id: SerialBlockId(Uuid::from_u128(block)), count };
        let (station_id, key) = self.key(station);
        let said = self.model.serial_block(station_id, &ask, self.day);
        let answer = self.world.ask(&key, "serial-blocks", &json!(ask)).await;
        let answer: Result<SerialBlock, (u16, String)> = understood(answer)?;
        note(seen, "numbers", said.as_ref().err().map_or("lent", |refused| refused.code));
        if let Ok(block) = &said {
            let known: BTreeSet<String> = self.lent.iter().map(|(_, serial)| serial.clone()).collect();
            let new = block.serials.iter().filter(|serial| !known.contains(*serial));
            self.lent.extend(new.map(|serial| (batch_id, serial.clone())));
        }
        same(&said.map_err(told), &answer)
    }

    async fn ask(&self, station: u8, ask: AskAdmission, seen: &mut Seen) -> Result<(), String> {
        let (_, key) = self.key(station);
        let said: Admission = self.model.admission(&ask);
        let answer: Result<Admission, _> = understood(self.world.ask(&key, "admission", &json!(ask)).await)?;
        note(seen, "admission", &format!("{:?}", said.verdict));
        same(&Ok(said), &answer)
    }

    async fn send(&mut self, station: u8, texts: Vec<String>, seen: &mut Seen) -> Result<(), String> {
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
            for reason in reasons.split("; ") {
                note(seen, &format!("{:?}", said.state), reason);
            }
            agree(said, answer)
                .map_err(|fault| format!("text {place} of the request: {fault}\n{}", texts[place]))?;
        }
        Ok(())
    }

    fn key(&self, station: u8) -> (StationId, String) {
        let enrolled = &self.stage.stations[usize::from(station)].enrolled;
        (enrolled.station_id, enrolled.key.clone())
    }

    fn batch(&self, batch: Batch) -> BatchId {
        match batch {
            Batch::Small => self.stage.batches[0].0,
            Batch::Large => self.stage.batches[1].0,
            Batch::Other => self.stage.batches[2].0,
            Batch::Unknown => BatchId(Uuid::from_u128(u128::from(self.stage.number) << 64)),
        }
    }

    fn operation(&self, operation: Operation) -> String {
        let hash = self.world.released[0].manifest.hash();
        match operation {
            Operation::Own => self.model.expected(&hash).unwrap().operation.clone(),
            Operation::Another => "rework".to_owned(),
        }
    }

    fn text_of(&mut self, station: u8, piece: &Piece) -> String {
        let text = match piece {
            Piece::Run(run) => told_as_text(&self.envelope(station, run)),
            Piece::Readdressed { run, place } => {
                let mut envelope = self.envelope(station, run);
                if let Some(earlier) = self.earlier_envelope(*place) {
                    (envelope.outbox_id, envelope.number) = (earlier.outbox_id, earlier.number);
                }
                told_as_text(&envelope)
            }
            Piece::Again { place } => self.earlier(*place),
            Piece::Changed { place, how } => match (how, self.earlier_envelope(*place)) {
                (Change::Spaces, _) | (_, None) => format!(" {}", self.earlier(*place)),
                (Change::Operator, Some(mut envelope)) => {
                    envelope.record.operator.push('e');
                    told_as_text(&envelope)
                }
                (Change::Number, Some(mut envelope)) => {
                    envelope.number = envelope.number.wrapping_add(1000);
                    told_as_text(&envelope)
                }
            },
            Piece::Torn { place, percent } => {
                let text = self.earlier(*place);
                let end = text.len() * usize::from(*percent) / 100;
                text.get(..end).unwrap_or_default().to_owned()
            }
            Piece::Garbage { which } => {
                let garbage = ["", "null", "{}", "[]", "no JSON", "{\"record\":\"\\u0000\"}", "\0", "42"];
                garbage[usize::from(*which) % garbage.len()].to_owned()
            }
        };
        self.sent.push(text.clone());
        text
    }

    fn earlier(&self, place: u8) -> String {
        let place = usize::from(place).checked_rem(self.sent.len());
        place.map(|place| self.sent[place].clone()).unwrap_or_default()
    }

    fn earlier_envelope(&self, place: u8) -> Option<Envelope> {
        serde_json::from_str(&self.earlier(place)).ok()
    }

    /// What is read from a board.
    fn shown(&self, board: &Board) -> Vec<Identifier> {
        let one = |kind, value: String, unique| Identifier { kind, value, unique };
        let code = (u64::from(self.stage.number) * 100 + u64::from(board.board)).to_string();
        let module = board.module_of.unwrap_or(board.board);
        let address = format!("{:010X}{module:02X}", self.stage.number);
        let code = |unique| one(IdentifierKind::MachineCode, code.clone(), unique);
        let address = |unique| one(IdentifierKind::BluetoothAddress, address.clone(), unique);
        let own = |kind| {
            let number = self.own_numbers.get(&board.board);
            number.map(|number| one(kind, number.clone(), true))
        };
        let name = one(IdentifierKind::BluetoothName, format!("TB-{}", board.board), false);
        match board.shows {
            Shows::All => vec![code(true), address(true), name],
            Shows::MachineCode => vec![code(true), name],
            Shows::Module => vec![address(true)],
            Shows::Nothing => vec![],
            Shows::Defaults => vec![code(false), address(false)],
            Shows::EmptyModule => {
                vec![code(true), one(IdentifierKind::BluetoothAddress, String::new(), true)]
            }
            Shows::CodeTwice => vec![code(false), code(true), address(true)],
            Shows::NumberToo => {
                [code(true), address(true)].into_iter().chain(own(IdentifierKind::Serial)).collect()
            }
            Shows::NumberOnly => own(IdentifierKind::Serial).into_iter().collect(),
            Shows::Label => own(IdentifierKind::PcbLabel).into_iter().collect(),
        }
    }

    fn number(&mut self, run: &Run) -> Option<String> {
        let board = run.board.board;
        match run.number {
            Number::None => None,
            Number::NeverLent => Some("NEVER-LENT".to_owned()),
            Number::Lent(place) => {
                let place = usize::from(place).checked_rem(self.lent.len())?;
                Some(self.lent[place].1.clone())
            }
            Number::OfBoard(other) => self.own_numbers.get(&other).cloned(),
            Number::Own => {
                if !self.own_numbers.contains_key(&board) {
                    let batch = self.batch(run.batch);
                    let taken: BTreeSet<&String> = self.own_numbers.values().collect();
                    let free = self.lent.iter().find(|(of, serial)| *of == batch && !taken.contains(serial));
                    let serial = free?.1.clone();
                    self.own_numbers.insert(board, serial);
                }
                self.own_numbers.get(&board).cloned()
            }
        }
    }

    /// A new run's envelope.
    fn envelope(&mut self, station: u8, run: &Run) -> Envelope {
        self.addresses += 1;
        let keyed = &self.stage.stations[usize::from(station)];
        let (station_id, outbox) = (keyed.enrolled.station_id, keyed.outbox);
        let second = run.batch == Batch::Other;
        let bundle = match run.bundle {
            Bundle::OfTheBatch => usize::from(second),
            Bundle::First | Bundle::NeverReleased | Bundle::Unknown => 0,
            Bundle::Second => 1,
        };
        let expected = self.model.expected(&self.world.released[bundle].manifest.hash()).unwrap().clone();
        let work = Work { station_id, batch_id: self.batch(run.batch), expected };
        let ended =
            DateTime::<Utc>::from_timestamp(BEGAN_AT, 0).unwrap() + TimeDelta::minutes(run.minute.into());
        let started = ended - TimeDelta::seconds(30);
        // Its number and its board are put into it below: only what chance gives is taken.
        let mut envelope = synthetic::envelope(&work, outbox, 1, started, self.addresses);
        envelope.number = self.addresses;
        let record = &mut envelope.record;
        record.run_id = run_id(ended, self.stage.number, self.addresses);
        record.finished_at = ended;
        record.resumes = run.resumes.and_then(|place| self.made.get(usize::from(place)).copied());
        self.made.push(record.run_id);
        match run.bundle {
            Bundle::NeverReleased => record.bundle.hash = self.world.submitted.clone(),
            Bundle::Unknown => record.bundle.hash = ContentHash::of(b"unknown"),
            Bundle::OfTheBatch | Bundle::First | Bundle::Second => {}
        }
        record.outcome = run.outcome;
        record.serial = self.number(run);
        record.identifiers = self.shown(&run.board);
        let other = &self.stage.stations[usize::from(1 - station)];
        spoil(&mut envelope, run, other.enrolled.station_id);
        envelope
    }

    async fn compare_what_is_held(&self) -> Result<(), String> {
        let stations: Vec<StationId> =
            self.stage.stations.iter().map(|keyed| keyed.enrolled.station_id).collect();
        let pool = &self.world.server.database.pool;
        let (said, found) = (self.model.held(), database::held(pool, &stations).await);
        differences(&said, &found)?;
        let told = database::told(pool, &stations).await;
        same(&(said.set_aside.len() as i64), &told)
            .map_err(|fault| format!("told of texts set aside: {fault}"))
    }
}

/// Puts into a record what the run is to have.
fn spoil(envelope: &mut Envelope, run: &Run, other_station: StationId) {
    let record = &mut envelope.record;
    let says = match run.fault {
        Told::Fitting if run.outcome == Outcome::Pass => None,
        Told::Disagreeing if run.outcome != Outcome::Pass => None,
        Told::Fitting | Told::Disagreeing => Some(FaultCode::OutsideLimits),
        Told::Foreign(code) => Some(code),
    };
    record.fault = says.map(|code| Fault::new(code).at(Step::Measure));
    match run.flaw {
        None => {}
        Some(Flaw::WeakFirmware) => {
            record.firmware.as_mut().unwrap().evidence = FirmwareEvidence::VersionOnly;
        }
        Some(Flaw::UnreadParameter) => record.parameters[3].evidence = Evidence::Read,
        Some(Flaw::ReadingOutside) => record.measurements[0].value = 9999.0,
        Some(Flaw::MissingStep) => record.steps.retain(|step| step.step != Step::Verify),
        Some(Flaw::UnprovedPassword) => record.password.as_mut().unwrap().proved = false,
        Some(Flaw::ClaimedLease) => record.lease.as_mut().unwrap().evidence = Evidence::Claimed,
        Some(Flaw::ReversedTimes) => record.started_at = record.finished_at + TimeDelta::seconds(1),
    }
    match run.form {
        Form::Sound => {}
        Form::OfAnotherStation => envelope.station_id = other_station,
        Form::VersionNone => record.version = 0,
        Form::VersionNewer => record.version = 99,
        Form::NumberNone => envelope.number = 0,
        Form::NumberHuge => envelope.number = u64::MAX,
        Form::SlotNone => record.slot = 0,
        Form::SlotHuge => record.slot = 40_000,
        Form::Nul => record.operator = "a\0b".to_owned(),
        Form::AnotherOperation => record.operation = "rework".to_owned(),
    }
}

/// Of its moment, its stage and its place there.
fn run_id(at: DateTime<Utc>, stage: u32, place: u64) -> RunId {
    let mut tail = [0; 10];
    tail[2..6].copy_from_slice(&stage.to_be_bytes());
    tail[6..].copy_from_slice(&(place as u32).to_be_bytes());
    RunId(uuid::Builder::from_unix_timestamp_millis(at.timestamp_millis() as u64, &tail).into_uuid())
}

fn told_as_text(envelope: &Envelope) -> String {
    serde_json::to_string(envelope).unwrap()
}

fn told(refused: Refused) -> (u16, String) {
    (refused.status, refused.code.to_owned())
}

/// An answer, or the status and the code of a refusal.
fn understood<T: serde::de::DeserializeOwned>(
    (status, body): (reqwest::StatusCode, Value),
) -> Result<Result<T, (u16, String)>, String> {
    if status.is_success() {
        return serde_json::from_value(body).map(Ok).map_err(|fault| fault.to_string());
    }
    Ok(Err((status.as_u16(), body["code"].as_str().unwrap_or_default().to_owned())))
}

fn note(seen: &mut Seen, of: &str, what: &str) {
    *seen.entry(format!("{of}: {what}").trim_end_matches(": ").to_owned()).or_default() += 1;
}

fn same<T: PartialEq + Debug>(said: &T, found: &T) -> Result<(), String> {
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
