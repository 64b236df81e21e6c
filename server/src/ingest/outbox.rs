//! A text and the outbox that it comes from: its address, whether the outbox and its station are in force, how far the outbox is
//! held, and the way of a text out of the quarantine.

use super::{Intake, Refusal};
use crate::{
    clock,
    db::{DbResult, audit, check_ins, ingest as rows},
};
use chrono::{DateTime, Utc};
use domain::{
    check_in::RecordRefusal,
    ids::{OutboxId, StationId},
    record::{BirthRecord, Envelope, MOST_NUMBERED},
    text::{Fault, Language, fault_text},
};
use sqlx::PgConnection;
use std::collections::btree_map::Entry;

/// What became of a text out of the quarantine.
#[derive(Debug)]
pub enum Accepted {
    /// It is a record now; with what the server holds against it, where it does.
    Stored(Option<String>),
    /// It stays where it is.
    Refused(String),
}

/// Takes a text out of the quarantine by the ordinary way, whatever state its station or outbox is in. The caller's transaction
/// ends it either way.
///
/// # Errors
/// What the database says.
pub async fn accept(db: &mut PgConnection, station: StationId, text: &str) -> DbResult<Accepted> {
    rows::lock_station(db, station).await?;
    let mut intake = Intake::new(station, clock::now(), None);
    let result = intake.hold(db, text).await?;
    if intake.stored == 0 {
        let stored = || "it is a record already, and what the server holds against it stands".to_owned();
        return Ok(Accepted::Refused(result.reason.unwrap_or_else(stored)));
    }
    intake.count(db).await?;
    Ok(Accepted::Stored(result.reason))
}

impl Intake {
    /// Why the record is not taken in though it is sound: for what its station or its outbox is.
    pub(super) async fn refused_for_its_station(
        &mut self,
        db: &mut PgConnection,
        envelope: &Envelope,
    ) -> DbResult<Option<Refusal>> {
        let Some(known) = &mut self.known else { return Ok(None) };
        let outbox = envelope.outbox_id;
        if let Entry::Vacant(place) = known.outboxes.entry(outbox) {
            place.insert(check_ins::outbox(db, self.station, outbox).await?.unwrap_or_default());
        }
        let refusal = known.refuses(outbox, envelope.record.outcome_of_unit());
        Ok(refusal.map(|refusal| refusal_of(&envelope.record, refusal)))
    }

    /// Another run under an address that is held: the station is worked with from two copies of its journal.
    pub(super) async fn two_copies(&mut self, db: &mut PgConnection, number: u64) -> DbResult<()> {
        let reason = self.known.as_mut().and_then(|known| known.two_copies(number));
        if let Some(reason) = reason
            && check_ins::freeze(db, self.station, &reason, self.at).await?
        {
            tell_frozen(db, self.station, &reason, self.at).await?;
        }
        Ok(())
    }

    pub(super) fn gain(&mut self, outbox: OutboxId, number: i64, is_new: bool) {
        let gain = self.gains.entry(outbox).or_default();
        gain.highest = gain.highest.max(number);
        gain.new += i64::from(is_new);
    }

    /// Moves the station's counts.
    pub(super) async fn count(&self, db: &mut PgConnection) -> DbResult<()> {
        for (outbox, gain) in &self.gains {
            check_ins::add(db, self.station, *outbox, *gain, self.at).await?;
        }
        rows::count_station(db, self.station, self.stored, self.refused, self.at).await
    }
}

/// Loud, and kept in the audit: somebody must look.
///
/// # Errors
/// What the database says.
pub async fn tell_frozen(
    db: &mut PgConnection,
    station: StationId,
    reason: &Fault,
    at: DateTime<Utc>,
) -> DbResult<()> {
    tracing::error!(station.id = %station, reason = fault_text(Language::En, reason),
        "the station is frozen; an administrator frees it on its page");
    let writer = format!("station:{station}");
    let subject = station.to_string();
    let detail = serde_json::json!({ "reason": reason });
    let entry = audit::Entry { writer: &writer, at, action: "station.freeze", subject: &subject, detail };
    audit::append(db, &entry).await
}

/// The address that a text of `station` names, whatever else it holds.
pub(super) fn address_of(text: &str, station: StationId) -> Option<(OutboxId, i64)> {
    #[derive(serde::Deserialize)]
    struct Addressed {
        station_id: StationId,
        outbox_id: OutboxId,
        number: u64,
    }
    let named: Addressed = serde_json::from_str(text).ok()?;
    let is_address = named.station_id == station && (1..=MOST_NUMBERED).contains(&named.number);
    is_address.then_some((named.outbox_id, named.number as i64))
}

/// Why a sound record is held in quarantine for what its station or outbox is.
fn refusal_of(record: &BirthRecord, refusal: RecordRefusal) -> Refusal {
    let why = match refusal {
        RecordRefusal::StationFrozen => {
            "the station is frozen; when it is freed, quality accepts the record or sets it aside"
        }
        RecordRefusal::OutboxEnded => {
            "an administrator has freed or replaced the station since, and its numbers were settled without this pass"
        }
    };
    Refusal::quarantined(Some(record.run_id), format!("{}: {why}", refusal.as_str()))
}
