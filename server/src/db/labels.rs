//! How the labels of units stand, as the stations say it.

use super::{DbResult, from_json, to_json};
use chrono::{DateTime, Utc};
use domain::{api::units::UnitLabelView, ids::StationId, labelling::LabelNews};
use sqlx::PgConnection;

/// Whether a station's word tells anything new, and if so, whether that is the match of its label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    Nothing,
    News,
    Match,
}

/// Keeps what a station says of one label. What is older than what is known changes nothing.
///
/// # Errors
/// What the database says; so everywhere below. The constraint `unit_label_batch_id_fkey` refuses a batch that is not there.
pub async fn hear(
    db: &mut PgConnection,
    station: StationId,
    news: &LabelNews,
    at: DateTime<Utc>,
) -> DbResult<Heard> {
    let known = sqlx::query!(
        r#"select matched is not null as "matched!" from unit_label where serial = $1 and station_id = $2"#,
        news.serial,
        station.0
    )
    .fetch_optional(&mut *db)
    .await?;
    let written = sqlx::query!(
        "insert into unit_label (serial, station_id, run_id, batch_id, template, due_at, prints, reprints, matched, heard_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         on conflict (serial, station_id) do update set run_id = excluded.run_id, batch_id = excluded.batch_id,
            template = excluded.template, due_at = excluded.due_at, prints = excluded.prints, reprints = excluded.reprints,
            matched = excluded.matched, heard_at = excluded.heard_at
         where excluded.prints >= unit_label.prints
           and jsonb_array_length(excluded.reprints) >= jsonb_array_length(unit_label.reprints)
           and (unit_label.matched is null or unit_label.matched = excluded.matched)",
        news.serial,
        station.0,
        news.run_id.0,
        news.batch_id.0,
        news.template,
        news.due_at,
        news.prints as i32,
        to_json(&news.reprints),
        news.matched.as_ref().map(to_json),
        at
    )
    .execute(db)
    .await?;
    let was_matched = known.is_some_and(|known| known.matched);
    Ok(match (written.rows_affected(), &news.matched) {
        (0, _) => Heard::Nothing,
        (_, Some(_)) if !was_matched => Heard::Match,
        _ => Heard::News,
    })
}

/// The label of the unit with that number; the one that was scanned back, where there is more than one. None: nobody has said anything.
pub async fn of_unit(db: &mut PgConnection, serial: &str) -> DbResult<Option<UnitLabelView>> {
    let row = sqlx::query!(
        "select s.name, template, due_at, prints, reprints, matched from unit_label join station s using (station_id)
         where serial = $1 order by matched is null, due_at desc limit 1",
        serial
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        Ok(UnitLabelView {
            station_name: Some(row.name),
            template: Some(row.template),
            due_at: Some(row.due_at),
            prints: row.prints as u32,
            reprints: from_json("unit_label", "reprints", row.reprints)?,
            matched: row.matched.map(|matched| from_json("unit_label", "matched", matched)).transpose()?,
        })
    })
    .transpose()
}
