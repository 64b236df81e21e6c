//! Stations: enrolment, keys, assignment, live.

use super::{DbResult, from_json, to_json};
use chrono::{DateTime, Utc};
use domain::{
    api::{
        enrolment::Awaited,
        stations::{Assignment, Frozen, SlotWork, StationRow, StationWork},
    },
    enrol_code,
    floor::FloorRules,
    ids::{BatchId, StationId},
    live::StationLive,
    text::Fault,
};
use sqlx::PgConnection;

/// As the constraint `station_slots_check` has it.
pub const MAX_SLOTS: u16 = 32;

/// A station as its key names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Station {
    pub station_id: StationId,
    pub name: String,
    pub simulated: bool,
    /// Why it is to start no board.
    pub frozen: Option<Fault>,
}

/// A station to be enrolled.
#[derive(Debug)]
pub struct NewStation<'a> {
    pub station: &'a Station,
    pub slots: u16,
    pub key_hash: &'a [u8],
    pub at: DateTime<Utc>,
    /// Whether that key is anybody's.
    pub holder: Holder,
}

/// Who has a station's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    Somebody,
    /// The station waits for its machine.
    Nobody,
}

/// Enrols a station; the constraint `station_name_key` refuses a name in use.
///
/// # Errors
/// What the database says; so everywhere below.
pub async fn insert(db: &mut PgConnection, new: &NewStation<'_>) -> DbResult<()> {
    let station = new.station;
    sqlx::query!(
        "insert into station (station_id, name, slots, simulated, key_hash, enrolled_at, awaited_since) values ($1, $2, $3, $4, $5, $6, $7)",
        station.station_id.0,
        station.name,
        i32::from(new.slots),
        station.simulated,
        new.key_hash,
        new.at,
        (new.holder == Holder::Nobody).then_some(new.at)
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!("insert into station_count (station_id) values ($1)", station.station_id.0)
        .execute(db)
        .await?;
    Ok(())
}

/// Whose key has this hash.
pub async fn by_key(db: &mut PgConnection, key_hash: &[u8]) -> DbResult<Option<Station>> {
    let row =
        sqlx::query!("select station_id, name, simulated, frozen from station where key_hash = $1", key_hash)
            .fetch_optional(db)
            .await?;
    row.map(|row| {
        Ok(Station {
            station_id: row.station_id.into(),
            name: row.name,
            simulated: row.simulated,
            frozen: row.frozen.map(|fault| from_json("station", "frozen", fault)).transpose()?,
        })
    })
    .transpose()
}

/// A station's name; whoever asks holds its row until the end of the transaction.
pub async fn locked_name(db: &mut PgConnection, id: StationId) -> DbResult<Option<String>> {
    Ok(sqlx::query_scalar!("select name from station where station_id = $1 for no key update", id.0)
        .fetch_optional(db)
        .await?)
}

/// A station by its name: who it is, and whether a machine has its key. Whoever asks holds its row until the end of the transaction.
pub async fn locked_by_name(db: &mut PgConnection, name: &str) -> DbResult<Option<(StationId, Holder)>> {
    let row =
        sqlx::query!("select station_id, awaited_since from station where name = $1 for no key update", name)
            .fetch_optional(db)
            .await?;
    let holder = |since: Option<_>| if since.is_some() { Holder::Nobody } else { Holder::Somebody };
    Ok(row.map(|row| (row.station_id.into(), holder(row.awaited_since))))
}

/// Takes the key from whoever has it: the hash is of a key that nobody knows. What the station said last is forgotten.
pub async fn take_key(
    db: &mut PgConnection,
    id: StationId,
    nobodys: &[u8],
    at: DateTime<Utc>,
) -> DbResult<()> {
    sqlx::query!(
        "update station set key_hash = $2, awaited_since = $3 where station_id = $1",
        id.0,
        nobodys,
        at
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!("delete from station_live where station_id = $1", id.0).execute(db).await?;
    Ok(())
}

/// A machine has the station's key from now on; the constraint `station_key_hash_key` refuses another station's.
pub async fn give_key(db: &mut PgConnection, id: StationId, key_hash: &[u8]) -> DbResult<()> {
    sqlx::query!(
        "update station set key_hash = $2, awaited_since = null where station_id = $1",
        id.0,
        key_hash
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A station with the hash of its key.
pub async fn with_key(db: &mut PgConnection, id: StationId) -> DbResult<Option<(Station, Vec<u8>)>> {
    let row = sqlx::query!(
        "select station_id, name, simulated, key_hash from station where station_id = $1 for no key update",
        id.0
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| {
        let (station_id, name) = (row.station_id.into(), row.name);
        (Station { station_id, name, simulated: row.simulated, frozen: None }, row.key_hash)
    }))
}

/// Numbers lent to the station that no board has, in order.
pub async fn unused_numbers(db: &mut PgConnection, id: StationId, limit: i64) -> DbResult<Vec<String>> {
    Ok(sqlx::query_scalar!(
        "select serial from serial_number join serial_block using (serial_block_id)
         where station_id = $1 and unit_id is null and freed_at is null order by serial limit $2",
        id.0,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// All stations by name, each with its last live message.
pub async fn list(db: &mut PgConnection) -> DbResult<Vec<(StationRow, Option<StationLive>)>> {
    rows(db, None).await
}

/// One station, with its last live message.
pub async fn by_id(
    db: &mut PgConnection,
    id: StationId,
) -> DbResult<Option<(StationRow, Option<StationLive>)>> {
    Ok(rows(db, Some(id)).await?.pop())
}

async fn rows(
    db: &mut PgConnection,
    only: Option<StationId>,
) -> DbResult<Vec<(StationRow, Option<StationLive>)>> {
    sqlx::query!(
        r#"select s.station_id, s.name, s.slots, s.simulated, s.program, s.frozen, s.frozen_at, c.records, c.quarantined,
            c.last_record_at, l.received_at as "received_at?", l.live as "live?", a.batch_id as "batch_id?",
            (select coalesce(jsonb_agg(jsonb_build_object('slot', o.slot, 'batch_id', o.batch_id) order by o.slot), '[]')
             from slot_assignment o where o.station_id = s.station_id) as "slot_batches!",
            (select coalesce(sum(greatest(said, held) - held_count), 0)::bigint from station_outbox o
             where o.station_id = s.station_id and ended_at is null) as "missing!",
            s.awaited_since,
            (select max(expires_at) from enrol_code e where e.station_id = s.station_id and used_at is null and void_at is null
                and wrong_guesses < $2 and expires_at > now()) as "code_until?"
         from station s join station_count c using (station_id)
         left join station_live l using (station_id)
         left join assignment a using (station_id)
         where $1::uuid is null or s.station_id = $1
         order by s.name"#,
        only.map(|id| id.0),
        enrol_code::GUESSES as i32
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| {
        let frozen = row.frozen.zip(row.frozen_at).map(|(reason, at)| {
            from_json("station", "frozen", reason).map(|reason| Frozen { reason, at })
        });
        let station = StationRow {
            station_id: row.station_id.into(),
            name: row.name,
            slots: row.slots as u16,
            simulated: row.simulated,
            last_seen_at: row.received_at.max(row.last_record_at),
            last_record_at: row.last_record_at,
            records: row.records as u64,
            quarantined: row.quarantined as u64,
            batch_id: row.batch_id.map(BatchId::from),
            slot_batches: from_json("slot_assignment", "slot", row.slot_batches)?,
            program: row.program,
            frozen: frozen.transpose()?,
            missing: row.missing.max(0) as u64,
            awaited: row.awaited_since.map(|since| Awaited { since, code_until: row.code_until }),
        };
        // A message of another version of the station says nothing, and must not keep the other stations from being seen.
        let live = row.live.and_then(|live| match from_json("station_live", "live", live) {
            Ok(live) => Some(live),
            Err(error) => {
                tracing::warn!(station = station.name, %error, "the station's last live message can't be read");
                None
            }
        });
        Ok((station, live))
    })
    .collect()
}

/// Work for a station, or for some of its slots, or none.
pub struct NewWork<'a> {
    pub station: StationId,
    pub batch: Option<BatchId>,
    pub operator: Option<&'a str>,
    pub by: &'a str,
    pub at: DateTime<Utc>,
}

/// Gives a whole station work, or none; slots with batches of their own lose them. What is so already is not written again; gives
/// whether something changed.
pub async fn assign(db: &mut PgConnection, new: &NewWork<'_>) -> DbResult<bool> {
    let own = sqlx::query!("delete from slot_assignment where station_id = $1", new.station.0);
    let own = own.execute(&mut *db).await?.rows_affected();
    let changed = sqlx::query!(
        "insert into assignment as a (station_id, batch_id, assigned_by, assigned_at, operator) values ($1, $2, $3, $4, $5)
         on conflict (station_id) do update set batch_id = $2, assigned_by = $3, assigned_at = $4, operator = $5
         where (a.batch_id, a.operator) is distinct from ($2, $5)",
        new.station.0,
        new.batch.map(|batch| batch.0),
        new.by,
        new.at,
        new.operator
    )
    .execute(db)
    .await?;
    Ok(own > 0 || changed.rows_affected() == 1)
}

/// Gives slots a batch of their own, or the station's again. Gives whether something changed.
pub async fn assign_slots(db: &mut PgConnection, new: &NewWork<'_>, slots: &[u16]) -> DbResult<bool> {
    let slots: Vec<i16> = slots.iter().map(|slot| *slot as i16).collect();
    let changed = match new.batch {
        None => {
            sqlx::query!(
                "delete from slot_assignment where station_id = $1 and slot = any($2)",
                new.station.0,
                &slots
            )
            .execute(db)
            .await?
        }
        Some(batch) => {
            sqlx::query!(
                "insert into slot_assignment as a (station_id, slot, batch_id, assigned_by, assigned_at, operator)
                 select distinct $1::uuid, slot, $3::uuid, $4::text, $5::timestamptz, $6::text from unnest($2::smallint[]) as slot
                 on conflict (station_id, slot) do update set batch_id = $3, assigned_by = $4, assigned_at = $5, operator = $6
                 where (a.batch_id, a.operator) is distinct from ($3, $6)",
                new.station.0,
                &slots,
                batch.0,
                new.by,
                new.at,
                new.operator
            )
            .execute(db)
            .await?
        }
    };
    Ok(changed.rows_affected() > 0)
}

/// What each slot of a station works.
pub async fn work(db: &mut PgConnection, station: StationId) -> DbResult<StationWork> {
    let rows = sqlx::query!(
        r#"select a.slot, s.station_id, s.name as station_name, b.batch_id, b.name, b.quantity, b.fails_allowed, b.order_values, b.labels, b.label_mode, b.customer, u.hash,
            b.first_article, b.stop_after, b.wants_references, h.reason as "hold_reason?", h.held_by as "held_by?", h.held_at as "held_at?",
            a.operator as "operator!"
         from (select null::smallint as slot, station_id, batch_id, coalesce(operator, assigned_by) as operator from assignment
               union all
               select slot, station_id, batch_id, coalesce(operator, assigned_by) from slot_assignment) a
         join station s using (station_id) join batch b using (batch_id) join bundle u using (bundle_id)
         left join lateral (select * from batch_hold h where h.batch_id = b.batch_id
            and not exists (select from batch_hold_end e where (e.batch_id, e.place) = (h.batch_id, h.place))) h on true
         where a.station_id = $1 order by a.slot"#,
        station.0
    )
    .fetch_all(&mut *db)
    .await?;
    let mut work = StationWork::default();
    for row in rows {
        let assignment = Assignment {
            station_id: row.station_id.into(),
            station_name: row.station_name,
            batch_id: row.batch_id.into(),
            batch_name: row.name,
            bundle: row.hash.try_into().map_err(super::inconsistent("bundle", "hash"))?,
            quantity: row.quantity as u32,
            operator: row.operator,
            fails_allowed: row.fails_allowed as u8,
            order_values: from_json("batch", "order_values", row.order_values)?,
            labels: row.labels.map(|labels| from_json("batch", "labels", labels)).transpose()?,
            floor: FloorRules {
                first_article: row.first_article as u8,
                stop_after: row.stop_after as u8,
                references: row.wants_references,
            },
            hold: super::batches::hold(row.hold_reason, row.held_by, row.held_at),
            label_mode: super::batches::label_mode(row.label_mode)?,
            customer: row.customer,
        };
        match row.slot {
            None => work.all = Some(assignment),
            Some(slot) => work.slots.push(SlotWork { slot: slot as u16, work: assignment }),
        }
    }
    work.references = super::references::in_use(&mut *db, crate::clock::now()).await?;
    work.people = super::people::of_jigs(&mut *db).await?;
    work.open = super::open_orders::of_station(&mut *db, station).await?;
    work.wire_logs = super::wire_logs::wanted_of(db, station).await?;
    Ok(work)
}

/// Keeps the last live message.
pub async fn set_live(
    db: &mut PgConnection,
    station: StationId,
    live: &StationLive,
    at: DateTime<Utc>,
) -> DbResult<()> {
    sqlx::query!(
        "insert into station_live (station_id, received_at, live) values ($1, $2, $3)
         on conflict (station_id) do update set received_at = $2, live = $3",
        station.0,
        at,
        to_json(live)
    )
    .execute(db)
    .await?;
    Ok(())
}
