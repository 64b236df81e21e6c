//! Batches that a slot may be changed over to by scanning the order at the jig.

use super::DbResult;
use domain::{floor::OpenOrder, ids::StationId, model::Bilingual, profile::parse_profile};
use sqlx::PgConnection;
use std::collections::BTreeMap;

/// Batches looked at, the newest: stations ask every other second, and what is older than so many batches is assigned in the office.
const NEWEST: i64 = 500;
/// Orders told to a station.
const MOST: i64 = 200;

/// Those with units left to make that are not held, whose boards this station may work; the newest first.
///
/// # Errors
/// What the database says.
pub async fn of_station(db: &mut PgConnection, station: StationId) -> DbResult<Vec<OpenOrder>> {
    let rows = sqlx::query!(
        r#"select b.batch_id, b.name, b.quantity, u.profile_sha256
         from (select * from batch order by created_at desc, batch_id desc limit $2) b join bundle u using (bundle_id)
         where (not u.simulator_only or exists (select from station s where s.station_id = $1 and s.simulated))
            and (select count(*) from batch_hold h where h.batch_id = b.batch_id)
                = (select count(*) from batch_hold_end e where e.batch_id = b.batch_id)
            and (select coalesce(sum(units_passed), 0) from day_count d where d.batch_id = b.batch_id) < b.quantity
         order by b.created_at desc, b.batch_id desc limit $3"#,
        station.0,
        NEWEST,
        MOST
    )
    .fetch_all(&mut *db)
    .await?;
    let wanted: Vec<String> = rows.iter().map(|row| row.profile_sha256.clone()).collect();
    let products = products(db, &wanted).await?;
    let orders = rows.into_iter().filter_map(|row| {
        // A profile that this build does not read: no station of it does either.
        let (product, title) = products.get(&row.profile_sha256)?.clone();
        let (batch_id, quantity) = (row.batch_id.into(), row.quantity as u32);
        Some(OpenOrder { batch_id, name: row.name, product, title, quantity })
    });
    Ok(orders.collect())
}

/// Profiles' ids and titles, by the hashes of their texts.
async fn products(
    db: &mut PgConnection,
    wanted: &[String],
) -> DbResult<BTreeMap<String, (String, Bilingual)>> {
    let files = sqlx::query!("select sha256, content from source_file where sha256 = any($1)", wanted)
        .fetch_all(db)
        .await?;
    let product = |sha256: String, content: &str| {
        let profile = parse_profile("profile.toml", content).ok()?;
        Some((sha256, (profile.id, profile.title)))
    };
    Ok(files.into_iter().filter_map(|file| product(file.sha256, &file.content)).collect())
}
