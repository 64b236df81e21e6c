//! Records from stations: every authentic envelope is held byte for byte, and becomes a run, goes to quarantine or is a
//! conflict. What lives here: the order in which that is decided and written. What never does: SQL, HTTP.
//!
//! Only transport, authentication or a broken database stops a station's queue; whatever a text says, it is held.

mod barred;
mod check;
mod outbox;
mod pack;
pub mod plan;
mod share;
pub mod wire_text;

pub use outbox::{Accepted, accept, tell_frozen};

use crate::{
    clock,
    db::{
        self, DbError, DbResult, audit,
        check_ins::{self, Gain},
        facts::{self, Dictionary, ParameterList},
        ingest as rows, quarantine,
    },
    metrics::Metrics,
};
use chrono::{DateTime, Utc};
use domain::{
    api::ingest::{IngestResult, IngestState},
    check_in::Known,
    ids::{BatchId, ContentHash, OutboxId, RunId, StationId, UnitId},
    outcome::Outcome,
    record::{Envelope, MeasurementRecord, ParameterRecord},
};
use plan::{Place, Refusal, Rules};
use sha2::{Digest as _, Sha256};
use sqlx::{Connection as _, PgConnection, PgPool};
use std::collections::HashMap;

/// Characters of a reason.
const LONGEST_REASON: usize = 1000;

/// Holds all `texts` of a station in one transaction and says of each what it became.
///
/// # Errors
/// What the database says: then nothing was held and the station sends again.
pub async fn hold_all(
    pool: &PgPool,
    metrics: &Metrics,
    station: StationId,
    texts: &[String],
) -> DbResult<Vec<IngestResult>> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        match hold_once(pool, station, texts).await {
            Ok(results) => {
                metrics.count_ingest(&results);
                return Ok(results);
            }
            // Two stations in each other's way: one was chosen to begin again.
            Err(error) if error.is_worth_repeating() && attempt < 4 => {
                tracing::debug!(station.id = %station, attempt, "records are held again from the start after a deadlock");
            }
            Err(error) => return Err(error),
        }
    }
}

async fn hold_once(pool: &PgPool, station: StationId, texts: &[String]) -> DbResult<Vec<IngestResult>> {
    let mut transaction = pool.begin().await?;
    rows::lock_station(&mut transaction, station).await?;
    let known = check_ins::of_station(&mut transaction, station).await?;
    let mut intake = Intake::new(station, clock::now(), Some(known));
    let mut results = Vec::with_capacity(texts.len());
    for text in texts {
        results.push(intake.hold(&mut transaction, text).await?);
    }
    intake.count(&mut transaction).await?;
    transaction.commit().await?;
    Ok(results)
}

/// One request's work: the station, the hour and what was looked up already.
struct Intake {
    station: StationId,
    at: DateTime<Utc>,
    /// Of the station and those of its outboxes that were looked up. None: somebody has looked at the text and lets it in.
    known: Option<Known>,
    gains: HashMap<OutboxId, Gain>,
    rules: HashMap<ContentHash, Option<Rules>>,
    works: HashMap<BatchId, Option<rows::BatchWork>>,
    definitions: HashMap<String, i32>,
    parameter_lists: HashMap<Vec<u8>, ParameterList>,
    dictionaries: HashMap<i32, Dictionary>,
    stored: i64,
    refused: i64,
}

impl Intake {
    fn new(station: StationId, at: DateTime<Utc>, known: Option<Known>) -> Self {
        Self {
            station,
            at,
            known,
            gains: HashMap::new(),
            rules: HashMap::new(),
            works: HashMap::new(),
            definitions: HashMap::new(),
            parameter_lists: HashMap::new(),
            dictionaries: HashMap::new(),
            stored: 0,
            refused: 0,
        }
    }

    async fn hold(&mut self, db: &mut PgConnection, text: &str) -> DbResult<IngestResult> {
        let sha256 = Sha256::digest(text.as_bytes()).to_vec();
        let (state, reason) = self.decide(db, text, &sha256).await?;
        Ok(IngestResult { sha256: ContentHash::of(text.as_bytes()), state, reason })
    }

    async fn decide(
        &mut self,
        db: &mut PgConnection,
        text: &str,
        sha256: &[u8],
    ) -> DbResult<(IngestState, Option<String>)> {
        // The same text again gets the same answer, a second conflict is not counted twice.
        if self.known.is_some()
            && let Some((state, reason)) = quarantine::find(db, self.station, sha256).await?
        {
            return Ok((state, Some(reason)));
        }
        let envelope = match plan::parse_envelope(text, self.station) {
            Ok(envelope) => envelope,
            Err(refusal) => return self.refuse(db, text, sha256, refusal).await,
        };
        let record = &envelope.record;
        let address = (self.station, envelope.outbox_id, envelope.number as i64);
        let taken = rows::taken(db, record.run_id, address).await?;
        if taken.run.as_deref() == Some(sha256) {
            return Ok((IngestState::Duplicate, None));
        }
        if let Some(refusal) = plan::conflict(&envelope, &taken) {
            if taken.run.is_none() {
                self.two_copies(db, envelope.number).await?;
            }
            return self.refuse(db, text, sha256, refusal).await;
        }
        if let Some(refusal) = self.refused_for_its_station(db, &envelope).await? {
            return self.refuse(db, text, sha256, refusal).await;
        }
        // A record that breaks a constraint nobody foresaw is held as well, and the others of the request go on.
        for attempt in 1.. {
            let mut savepoint = db.begin().await?;
            match self.store(&mut savepoint, text, sha256, &envelope).await {
                Ok(Ok(doubt)) => {
                    savepoint.commit().await?;
                    self.stored += 1;
                    self.gain(envelope.outbox_id, address.2, !taken.quarantined);
                    return match doubt {
                        None => Ok((IngestState::Stored, None)),
                        Some(reason) => self.flag(db, text, sha256, &envelope, reason).await,
                    };
                }
                Ok(Err(refusal)) => {
                    savepoint.rollback().await?;
                    self.forget();
                    return self.refuse(db, text, sha256, refusal).await;
                }
                Err(error) => {
                    savepoint.rollback().await?;
                    self.forget();
                    // Another station made the same unit at the same moment: now it is found.
                    if error.constraint() == Some("identifier_kind_value_key") && attempt == 1 {
                        continue;
                    }
                    // What can't be written would stop the queue for ever: it is held, and somebody looks.
                    if error.is_about_the_data() {
                        let reason = format!("the database can't hold this record: {}", error.said());
                        let refusal = Refusal::quarantined(Some(record.run_id), reason);
                        return self.refuse(db, text, sha256, refusal).await;
                    }
                    return Err(error);
                }
            }
        }
        Err(DbError::Inconsistent {
            table: "identifier",
            column: "value",
            found: "a race without end".to_owned(),
        })
    }

    /// What was made inside a savepoint is gone with it.
    fn forget(&mut self) {
        self.definitions.clear();
        self.parameter_lists.clear();
        self.dictionaries.clear();
    }

    /// Stores a run with its facts and moves the projections. Gives the reason where the server does not believe the
    /// outcome, or a refusal where it becomes no run.
    async fn store(
        &mut self,
        db: &mut PgConnection,
        text: &str,
        sha256: &[u8],
        envelope: &Envelope,
    ) -> DbResult<Result<Option<String>, Refusal>> {
        let record = &envelope.record;
        let work = self.work_of(db, record.batch_id).await?;
        let rules = self.rules_of(db, &record.bundle.hash).await?;
        let mut judged = match plan::judge(record, work.as_ref(), rules.as_ref()) {
            Ok(judged) => judged,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if let Some(claimed) = &record.reference {
            self.store_check(db, (text, sha256), envelope, &judged, claimed).await?;
            return Ok(Ok(judged.disbelief));
        }
        let known = db::units::by_identifiers(db, &judged.identifiers, record.started_at).await?;
        let mut lent = match &record.serial {
            Some(serial) => rows::lent_number(db, serial, self.station).await?,
            None => None,
        };
        let is_new_label = lent.is_none() && judged.has_label;
        if let Some(serial) = record.serial.as_ref().filter(|_| is_new_label) {
            lent = plan::new_label(record, &judged, rows::listed_in(db, serial).await?);
        }
        let reference = db::references::shown_by(db, &judged.identifiers, record.started_at).await?;
        let new_unit = UnitId(clock::new_id());
        let place = match &reference {
            Some((_, one)) => barred::beside_all(&judged, &one.name),
            None => plan::place(record, &judged, &known, lent, new_unit),
        };
        let place = place.unwrap_or_else(|objection| {
            judged.object(objection);
            Place::alone()
        });
        if let Some(objection) = place.objection.clone() {
            judged.object(objection);
        }
        if let Some(unit) = place.unit.filter(|unit| *unit != new_unit && judged.outcome == Outcome::Pass) {
            let others = rows::verdicts(db, unit, &record.operation).await?;
            if let Some(remark) = barred::second_pass(record, &others) {
                judged.remark(remark);
            }
        }
        let run = rows::HeldRun {
            record,
            station_id: self.station,
            unit_id: place.unit,
            bundle_id: judged.bundle_id,
            outcome: judged.outcome,
            doubts: &judged.doubts,
        };
        let before = match place.unit {
            Some(unit) => Some(rows::before_in_batch(db, unit, record.batch_id).await?),
            None => None,
        };
        if record.outcome == Outcome::Pass {
            let counts = judged.outcome == Outcome::Pass && before.is_some_and(|before| !before.passed);
            if let Some(refusal) = share::take(db, self.station, envelope, counts).await? {
                return Ok(Err(refusal));
            }
        }
        if let Some(unit) = place.unit {
            if unit == new_unit {
                rows::insert_unit(db, unit, &run, self.at).await?;
            } else {
                rows::move_unit(db, unit, &run).await?;
            }
            rows::add_identifiers(db, unit, &place.identifiers, self.at).await?;
            if let Some(serial) = record.serial.as_ref().filter(|_| place.binds_serial) {
                if is_new_label {
                    rows::insert_label(db, serial, record.batch_id, unit).await?;
                } else {
                    rows::bind_number(db, serial, unit).await?;
                }
            }
        }
        rows::insert_run(db, &run).await?;
        self.insert_facts(db, text, sha256, envelope, &run).await?;
        if let (Some(unit), Some(mode)) = (place.unit, judged.reported_lease) {
            rows::report_lease(db, unit, mode, record.finished_at, record.run_id).await?;
        }
        let count = plan::count(record, judged.outcome, before, reference.is_some());
        rows::count(db, self.station, record.batch_id, count).await?;
        Ok(Ok(judged.disbelief))
    }

    async fn insert_facts(
        &mut self,
        db: &mut PgConnection,
        text: &str,
        sha256: &[u8],
        envelope: &Envelope,
        held: &rows::HeldRun<'_>,
    ) -> DbResult<()> {
        let record = &envelope.record;
        let dictionary = self.dictionary_of(db, held.bundle_id, held.outcome, text).await?;
        self.insert_text(db, (text, sha256), envelope, dictionary.as_ref()).await?;
        facts::insert_steps(db, record).await?;
        if !record.measurements.is_empty() {
            let mut definitions = Vec::with_capacity(record.measurements.len());
            for measurement in &record.measurements {
                definitions.push(self.definition_of(db, measurement).await?);
            }
            facts::insert_measurements(db, record, &definitions).await?;
        }
        if !record.parameters.is_empty() {
            let list = self.parameter_list_of(db, &record.parameters).await?;
            let before = pack::unusual(&record.parameters, &list.entries);
            let deviations = pack::deviations(&record.parameters);
            let id = list.parameter_list_id;
            facts::insert_parameters(db, record.run_id, id, before.as_ref(), deviations.as_ref()).await?;
        }
        if let Some(secret) = &record.password {
            let sealed = hex::decode(&secret.sealed).unwrap_or_default();
            facts::insert_secret(db, record.run_id, secret, &sealed).await?;
        }
        Ok(())
    }

    /// The exact text under its address.
    async fn insert_text(
        &self,
        db: &mut PgConnection,
        (text, sha256): (&str, &[u8]),
        envelope: &Envelope,
        dictionary: Option<&Dictionary>,
    ) -> DbResult<()> {
        let arrival = rows::Arrival {
            run_id: envelope.record.run_id,
            address: (self.station, envelope.outbox_id, envelope.number as i64),
            sha256,
            dictionary_id: dictionary.map(|dictionary| dictionary.dictionary_id),
            content: &wire_text::compress(text, dictionary.map(|dictionary| dictionary.content.as_slice())),
            at: self.at,
        };
        rows::insert_envelope(db, &arrival).await
    }

    /// The bundle's dictionary; its first pass becomes one.
    async fn dictionary_of(
        &mut self,
        db: &mut PgConnection,
        bundle_id: i32,
        outcome: Outcome,
        text: &str,
    ) -> DbResult<Option<Dictionary>> {
        if let Some(known) = self.dictionaries.get(&bundle_id) {
            return Ok(Some(known.clone()));
        }
        let mut found = facts::dictionary(db, bundle_id).await?;
        if found.is_none() && outcome == Outcome::Pass {
            facts::insert_dictionary(db, bundle_id, text.as_bytes()).await?;
            found = facts::dictionary(db, bundle_id).await?;
        }
        if let Some(dictionary) = &found {
            self.dictionaries.insert(bundle_id, dictionary.clone());
        }
        Ok(found)
    }

    async fn parameter_list_of(
        &mut self,
        db: &mut PgConnection,
        parameters: &[ParameterRecord],
    ) -> DbResult<ParameterList> {
        let sha256 = pack::list_hash(parameters);
        if let Some(list) = self.parameter_lists.get(&sha256) {
            return Ok(list.clone());
        }
        let list = facts::parameter_list(db, &sha256, &pack::list_entries(parameters)).await?;
        self.parameter_lists.insert(sha256, list.clone());
        Ok(list)
    }

    async fn definition_of(
        &mut self,
        db: &mut PgConnection,
        measurement: &MeasurementRecord,
    ) -> DbResult<i32> {
        let key = plan::definition_key(measurement);
        if let Some(id) = self.definitions.get(&key) {
            return Ok(*id);
        }
        let id = facts::definition_id(db, measurement).await?;
        self.definitions.insert(key, id);
        Ok(id)
    }

    async fn work_of(&mut self, db: &mut PgConnection, batch: BatchId) -> DbResult<Option<rows::BatchWork>> {
        if let Some(known) = self.works.get(&batch) {
            return Ok(known.clone());
        }
        let found = rows::work_of(db, batch).await?;
        self.works.insert(batch, found.clone());
        Ok(found)
    }

    async fn rules_of(&mut self, db: &mut PgConnection, bundle: &ContentHash) -> DbResult<Option<Rules>> {
        if let Some(known) = self.rules.get(bundle) {
            return Ok(known.clone());
        }
        let found = db::bundles::texts(db, bundle).await?.and_then(|texts| Rules::of(&texts));
        self.rules.insert(bundle.clone(), found.clone());
        Ok(found)
    }

    /// Stored, and not believed: a run that is no pass, and a row for somebody to look at.
    async fn flag(
        &mut self,
        db: &mut PgConnection,
        text: &str,
        sha256: &[u8],
        envelope: &Envelope,
        reason: String,
    ) -> DbResult<(IngestState, Option<String>)> {
        let refusal = Refusal::quarantined(Some(envelope.record.run_id), reason);
        self.refuse(db, text, sha256, refusal).await
    }

    async fn refuse(
        &mut self,
        db: &mut PgConnection,
        text: &str,
        sha256: &[u8],
        mut refusal: Refusal,
    ) -> DbResult<(IngestState, Option<String>)> {
        // The reason may quote the text, and a database text holds no NUL.
        refusal.reason = refusal.reason.replace('\0', "\u{FFFD}").chars().take(LONGEST_REASON).collect();
        let address = outbox::address_of(text, self.station);
        let is_new = match address {
            Some((outbox, number)) => !check_ins::holds(db, (self.station, outbox, number)).await?,
            None => false,
        };
        let held = quarantine::Held {
            quarantine_id: clock::new_id(),
            station_id: self.station,
            state: refusal.state,
            reason: &refusal.reason,
            sha256,
            run_id: refusal.run_id,
            address,
            at: self.at,
            content: &wire_text::compress(text, None),
        };
        if quarantine::hold(db, &held).await? {
            self.refused += 1;
            if let Some((outbox, number)) = address {
                self.gain(outbox, number, is_new);
            }
            self.tell(db, sha256, &refusal).await?;
        }
        Ok((refusal.state, Some(refusal.reason)))
    }

    /// Loud: somebody must look.
    async fn tell(&self, db: &mut PgConnection, sha256: &[u8], refusal: &Refusal) -> DbResult<()> {
        let run = refusal.run_id.map(|id: RunId| id.to_string()).unwrap_or_default();
        let sha256 = hex::encode(sha256);
        if refusal.state == IngestState::Conflict {
            tracing::error!(station.id = %self.station, run.id = run, sha256, reason = refusal.reason,
                "a second, different record came under a used id: both are kept, somebody must look");
        } else {
            tracing::warn!(station.id = %self.station, run.id = run, sha256, reason = refusal.reason,
                "a record is held in quarantine");
        }
        let writer = format!("station:{}", self.station);
        let action = match refusal.state {
            IngestState::Conflict => "record.conflict",
            _ => "record.quarantine",
        };
        let detail = serde_json::json!({ "sha256": sha256, "reason": refusal.reason });
        audit::append(db, &audit::Entry { writer: &writer, at: self.at, action, subject: &run, detail }).await
    }
}
