//! What people did at jigs, as stations tell it. Kept for ever, each event once.

use super::{DbResult, inconsistent};
use crate::page::PageKey;
use chrono::{DateTime, Utc};
use domain::{
    api::floor::FloorRow,
    floor::FloorEvent,
    ids::{BatchId, ContentHash, FloorEventId, StationId},
};
use sqlx::PgConnection;

/// An event to be kept.
#[derive(Debug, Clone, Copy)]
pub struct EventToKeep<'a> {
    pub station: StationId,
    pub event: &'a FloorEvent,
    /// The same as JSON.
    pub text: &'a str,
    pub received_at: DateTime<Utc>,
}

/// Keeps an event; one under an id that is kept already changes nothing. Gives whether it is new.
///
/// # Errors
/// What the database says; so everywhere below.
pub async fn insert(db: &mut PgConnection, new: &EventToKeep<'_>) -> DbResult<bool> {
    let inserted = sqlx::query!(
        "insert into floor_event (event_id, station_id, at, received_at, batch_id, event) values ($1, $2, $3, $4, $5, $6)
         on conflict (event_id) do nothing",
        new.event.event_id.0,
        new.station.0,
        new.event.at,
        new.received_at,
        new.event.act.batch().map(|batch| batch.0),
        new.text
    )
    .execute(db)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Keeps an event beside the one whose id it has. Gives whether it is new.
pub async fn set_aside(db: &mut PgConnection, odd: &EventToKeep<'_>) -> DbResult<bool> {
    let sha256 = ContentHash::of(odd.text.as_bytes());
    let inserted = sqlx::query!(
        "insert into floor_event_at_odds (event_id, sha256, station_id, received_at, event) values ($1, $2, $3, $4, $5)
         on conflict do nothing",
        odd.event.event_id.0,
        sha256.as_str(),
        odd.station.0,
        odd.received_at,
        odd.text
    )
    .execute(db)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Which events are asked for.
#[derive(Debug, Clone, Copy)]
pub enum Of {
    Station(StationId),
    Batch(BatchId),
    One(FloorEventId),
}

/// A page of them, newest first.
pub async fn page(
    db: &mut PgConnection,
    of: Of,
    after: Option<PageKey>,
    limit: i64,
) -> DbResult<Vec<FloorRow>> {
    let (station, batch, one) = match of {
        Of::Station(id) => (Some(id.0), None, None),
        Of::Batch(id) => (None, Some(id.0), None),
        Of::One(id) => (None, None, Some(id.0)),
    };
    sqlx::query!(
        r#"select e.station_id, s.name as station_name, e.received_at, b.name as "batch_name?", e.event
         from floor_event e join station s using (station_id) left join batch b on b.batch_id = e.batch_id
         where ($1::uuid is null or e.station_id = $1) and ($2::uuid is null or e.batch_id = $2) and ($3::uuid is null or e.event_id = $3)
           and ($4::timestamptz is null or (e.at, e.event_id) < ($4, $5))
         order by e.at desc, e.event_id desc limit $6"#,
        station,
        batch,
        one,
        after.map(|key| key.at),
        after.map(|key| key.id),
        limit
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| {
        Ok(FloorRow {
            station_id: row.station_id.into(),
            station_name: row.station_name,
            received_at: row.received_at,
            batch_name: row.batch_name,
            event: serde_json::from_str(&row.event).map_err(inconsistent("floor_event", "event"))?,
        })
    })
    .collect()
}
