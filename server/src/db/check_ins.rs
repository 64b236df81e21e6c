//! What the service knows of a station's program, machine and journal files, and what it holds of them.

use super::{DbResult, from_json, inconsistent, to_json};
use chrono::{DateTime, Utc};
use domain::{
    api::stations::{CheckIn, HeldNumbers, MAX_GAPS, NumberRange, OutboxView},
    check_in::{Known, KnownOutbox, Session},
    ids::{ContentHash, OutboxId, StationId},
    text::Fault,
};
use serde_json::Value;
use sqlx::PgConnection;
use std::collections::BTreeMap;
use uuid::Uuid;

/// What is known of the station and of this one outbox; others of its outboxes are left out. Whoever asks holds the station's row
/// until the end of the transaction.
///
/// # Errors
/// What the database says; so everywhere below.
pub async fn known(db: &mut PgConnection, station: StationId, outbox: OutboxId) -> DbResult<Known> {
    let row = sqlx::query_as!(
        Row,
        "select machine, session_id, session_since, superseded_session_id, outbox_id, frozen from station
         where station_id = $1 for no key update",
        station.0
    )
    .fetch_one(&mut *db)
    .await?;
    let of_this = self::outbox(db, station, outbox).await?.map(|known| (outbox, known));
    Ok(Known { outboxes: of_this.into_iter().collect(), ..row.view()? })
}

/// What is known of the station, without its outboxes; as it stands, whoever changes it meanwhile.
pub async fn of_station(db: &mut PgConnection, station: StationId) -> DbResult<Known> {
    sqlx::query_as!(
        Row,
        "select machine, session_id, session_since, superseded_session_id, outbox_id, frozen from station where station_id = $1",
        station.0
    )
    .fetch_one(db)
    .await?
    .view()
}

struct Row {
    machine: Option<String>,
    session_id: Option<Uuid>,
    session_since: Option<DateTime<Utc>>,
    superseded_session_id: Option<Uuid>,
    outbox_id: Option<Uuid>,
    frozen: Option<Value>,
}

impl Row {
    fn view(self) -> DbResult<Known> {
        let session = self.session_id.zip(self.session_since);
        Ok(Known {
            machine: self.machine.map(hash("station", "machine")).transpose()?,
            session: session.map(|(id, since)| Session { session_id: id.into(), since }),
            superseded: self.superseded_session_id.map(Into::into),
            outbox: self.outbox_id.map(Into::into),
            frozen: self.frozen.map(|fault| from_json("station", "frozen", fault)).transpose()?,
            outboxes: BTreeMap::new(),
        })
    }
}

/// What is known of one outbox.
pub async fn outbox(
    db: &mut PgConnection,
    station: StationId,
    outbox: OutboxId,
) -> DbResult<Option<KnownOutbox>> {
    let row = sqlx::query!(
        r#"select said, said_sha256, held, changes, ended_at is not null as "ended!" from station_outbox
         where station_id = $1 and outbox_id = $2"#,
        station.0,
        outbox.0
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        Ok(KnownOutbox {
            said: row.said as u64,
            said_sha256: row.said_sha256.map(hash("station_outbox", "said_sha256")).transpose()?,
            held: row.held as u64,
            changes: row.changes as u64,
            ended: row.ended,
        })
    })
    .transpose()
}

fn hash(table: &'static str, column: &'static str) -> impl FnOnce(String) -> DbResult<ContentHash> {
    move |text| text.try_into().map_err(inconsistent(table, column))
}

/// Freezes the station; gives whether it was not before.
pub async fn freeze(
    db: &mut PgConnection,
    station: StationId,
    reason: &Fault,
    at: DateTime<Utc>,
) -> DbResult<bool> {
    let frozen = sqlx::query!(
        "update station set frozen = $2, frozen_at = $3 where station_id = $1 and frozen is null",
        station.0,
        to_json(reason),
        at
    )
    .execute(db)
    .await?;
    Ok(frozen.rows_affected() == 1)
}

/// Which machine checked in last, and when.
#[derive(Debug)]
pub struct Machine {
    pub fingerprint: Option<ContentHash>,
    pub checked_in_at: Option<DateTime<Utc>>,
}

pub async fn machine(db: &mut PgConnection, station: StationId) -> DbResult<Machine> {
    let row = sqlx::query!("select machine, checked_in_at from station where station_id = $1", station.0)
        .fetch_one(db)
        .await?;
    Ok(Machine {
        fingerprint: row.machine.map(hash("station", "machine")).transpose()?,
        checked_in_at: row.checked_in_at,
    })
}

/// Keeps what is known now.
pub async fn keep(
    db: &mut PgConnection,
    station: StationId,
    known: &Known,
    at: DateTime<Utc>,
) -> DbResult<()> {
    sqlx::query!(
        "update station set machine = $2, session_id = $3, session_since = $4, superseded_session_id = $5, outbox_id = $6, frozen = $7,
            frozen_at = case when $7::jsonb is null then null else coalesce(frozen_at, $8) end
         where station_id = $1",
        station.0,
        known.machine.as_ref().map(ContentHash::as_str),
        known.session.map(|session| session.session_id.0),
        known.session.map(|session| session.since),
        known.superseded.map(|session| session.0),
        known.outbox.map(|outbox| outbox.0),
        known.frozen.as_ref().map(to_json),
        at
    )
    .execute(&mut *db)
    .await?;
    for (outbox, known) in &known.outboxes {
        sqlx::query!(
            "insert into station_outbox as o (station_id, outbox_id, first_seen_at, said, said_sha256, changes)
             values ($1, $2, $3, $4, $5, $6)
             on conflict (station_id, outbox_id) do update set said = $4, said_sha256 = $5, changes = $6
                where (o.said, o.said_sha256, o.changes) is distinct from ($4, $5, $6)",
            station.0,
            outbox.0,
            at,
            known.said as i64,
            known.said_sha256.as_ref().map(ContentHash::as_str),
            known.changes as i64
        )
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

/// Keeps what an accepted station said of its program.
pub async fn keep_program(
    db: &mut PgConnection,
    station: StationId,
    said: &CheckIn,
    at: DateTime<Utc>,
) -> DbResult<()> {
    sqlx::query!(
        "update station set program = $2, checked_in_at = $3, slots = $4 where station_id = $1",
        station.0,
        said.program,
        at,
        i32::from(said.slots)
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Frees the station, as [`Known::release`] says, and ends all its outboxes.
pub async fn release(db: &mut PgConnection, station: StationId, at: DateTime<Utc>) -> DbResult<()> {
    keep(db, station, &Known::default(), at).await?;
    sqlx::query!("update station set released_at = $2 where station_id = $1", station.0, at)
        .execute(&mut *db)
        .await?;
    sqlx::query!(
        "update station_outbox set ended_at = $2 where station_id = $1 and ended_at is null",
        station.0,
        at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Whether some text is held under this address already.
pub async fn holds(
    db: &mut PgConnection,
    (station, outbox, number): (StationId, OutboxId, i64),
) -> DbResult<bool> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select from station_number where station_id = $1 and outbox_id = $2 and number = $3)
            or exists (select from quarantine where station_id = $1 and outbox_id = $2 and number = $3) as "held!""#,
        station.0,
        outbox.0,
        number
    )
    .fetch_one(db)
    .await?)
}

/// SHA-256 of what is held under this address: the record, else what came first into the quarantine.
pub async fn held_sha256(
    db: &mut PgConnection,
    station: StationId,
    outbox: OutboxId,
    number: i64,
) -> DbResult<Option<ContentHash>> {
    let sha256 = sqlx::query_scalar!(
        "select coalesce(
            (select e.sha256 from station_number n join envelope e using (run_id)
             where n.station_id = $1 and n.outbox_id = $2 and n.number = $3),
            (select sha256 from quarantine where station_id = $1 and outbox_id = $2 and number = $3
             order by received_at, quarantine_id limit 1))",
        station.0,
        outbox.0,
        number
    )
    .fetch_one(db)
    .await?;
    sha256.map(|bytes| hash("envelope", "sha256")(hex::encode(bytes))).transpose()
}

/// What a request added to an outbox.
#[derive(Debug, Clone, Copy, Default)]
pub struct Gain {
    /// The highest number among it.
    pub highest: i64,
    /// Numbers that were not held before.
    pub new: i64,
}

pub async fn add(
    db: &mut PgConnection,
    station: StationId,
    outbox: OutboxId,
    gain: Gain,
    at: DateTime<Utc>,
) -> DbResult<()> {
    sqlx::query!(
        "insert into station_outbox as o (station_id, outbox_id, first_seen_at, last_record_at, held, held_count)
         values ($1, $2, $3, $3, $4, $5)
         on conflict (station_id, outbox_id) do update
            set held = greatest(o.held, $4), held_count = o.held_count + $5, last_record_at = $3",
        station.0,
        outbox.0,
        at,
        gain.highest,
        gain.new
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What is held of one outbox.
pub async fn held(db: &mut PgConnection, station: StationId, outbox: OutboxId) -> DbResult<HeldNumbers> {
    let row = sqlx::query!(
        r#"select held, held_count, greatest(said, held) as "known!" from station_outbox
         where station_id = $1 and outbox_id = $2"#,
        station.0,
        outbox.0
    )
    .fetch_optional(&mut *db)
    .await?;
    let Some(row) = row else { return Ok(HeldNumbers::default()) };
    let missing = (row.known - row.held_count).max(0) as u64;
    let gaps = if missing == 0 { Vec::new() } else { gaps(db, station, outbox, row.known).await? };
    Ok(HeldNumbers { highest: row.held as u64, missing, gaps })
}

async fn gaps(
    db: &mut PgConnection,
    station: StationId,
    outbox: OutboxId,
    known: i64,
) -> DbResult<Vec<NumberRange>> {
    let rows = sqlx::query!(
        r#"with held as (
            select 0::bigint as number
            union select number from station_number where station_id = $1 and outbox_id = $2
            union select number from quarantine where station_id = $1 and outbox_id = $2 and number is not null
         )
         select number + 1 as "first!", next - 1 as "last!"
         from (select number, coalesce(lead(number) over (order by number), $3::bigint + 1) as next from held) pair
         where next > number + 1 order by number limit $4"#,
        station.0,
        outbox.0,
        known,
        MAX_GAPS as i64
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| NumberRange { first: row.first as u64, last: row.last as u64 }).collect())
}

/// The station's outboxes, newest first.
pub async fn outboxes(db: &mut PgConnection, station: StationId) -> DbResult<Vec<OutboxView>> {
    let rows = sqlx::query!(
        r#"select o.outbox_id, o.first_seen_at, o.last_record_at, o.said, o.ended_at,
            coalesce(o.outbox_id = s.outbox_id, false) as "current!"
         from station_outbox o join station s using (station_id)
         where station_id = $1 order by o.first_seen_at desc, o.outbox_id desc limit 100"#,
        station.0
    )
    .fetch_all(&mut *db)
    .await?;
    let mut views = Vec::with_capacity(rows.len());
    for row in rows {
        let outbox_id = OutboxId(row.outbox_id);
        views.push(OutboxView {
            outbox_id,
            first_seen_at: row.first_seen_at,
            last_record_at: row.last_record_at,
            said: row.said as u64,
            held: held(db, station, outbox_id).await?,
            ended_at: row.ended_at,
            current: row.current,
        });
    }
    Ok(views)
}
