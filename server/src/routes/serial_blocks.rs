//! `POST /api/v1/station/serial-blocks`: lends numbers of the batch's pattern to a station.

use super::Body;
use crate::{
    auth::SignedStation,
    clock,
    db::{
        batches, bundles, ingest,
        serials::{self, LentBlock},
        stations::Station,
    },
    error::{ApiError, ApiResult},
    state::AppState,
};
use axum::{Json, extract::State};
use chrono::NaiveDate;
use domain::{
    api::{
        problem::Problem,
        stations::{LeaseSerialBlock, SerialBlock},
    },
    procedure::parse_procedure,
    serial_number::Pattern,
};
use sqlx::PgConnection;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(lend))
}

#[utoipa::path(post, path = "/api/v1/station/serial-blocks", tag = "station", request_body = LeaseSerialBlock, responses(
    (status = 200, description = "the block; asking again for the same id gives the same one", body = SerialBlock),
    (status = 403, description = "station_frozen: no board is started until an administrator acts", body = Problem),
    (status = 404, description = "not_found", body = Problem),
    (status = 409, description = "quota_spent, or conflict for an id that another station used", body = Problem),
    (status = 422, description = "invalid", body = Problem)))]
async fn lend(
    State(state): State<AppState>,
    station: SignedStation,
    Body(form): Body<LeaseSerialBlock>,
) -> ApiResult<Json<SerialBlock>> {
    station.require_unfrozen()?;
    if form.count == 0 || form.count > 1000 {
        return Err(ApiError::invalid_field("count", format!("{} is not between 1 and 1000", form.count)));
    }
    let mut db = state.pool.begin().await?;
    // The same block asked for twice at once is lent once.
    ingest::lock_station(&mut db, station.0.station_id).await?;
    let serials = match serials::block(&mut db, form.block_id).await? {
        Some(block) => same(block, &form, &station.0)?,
        None => lend_new(&mut db, &form, &station.0).await?,
    };
    db.commit().await?;
    Ok(Json(SerialBlock { block_id: form.block_id, batch_id: form.batch_id, serials }))
}

fn same(block: LentBlock, form: &LeaseSerialBlock, station: &Station) -> ApiResult<Vec<String>> {
    if block.batch_id == form.batch_id && block.station_id == station.station_id {
        return Ok(block.serials);
    }
    Err(ApiError::conflict(
        "conflict",
        "This block was lent to another station or batch; ask again under a new block id.",
    ))
}

/// How many numbers are lent: what the batch still needs twice over and sixteen more, for boards that fail after they got
/// theirs, but never for a full batch.
#[must_use]
pub fn share(wanted: u32, quantity: u32, passed: u32) -> u32 {
    let open = quantity.saturating_sub(passed);
    if open == 0 { 0 } else { wanted.min(open.saturating_mul(2).saturating_add(16)) }
}

async fn lend_new(
    db: &mut PgConnection,
    form: &LeaseSerialBlock,
    station: &Station,
) -> ApiResult<Vec<String>> {
    let batch = batches::by_id(db, form.batch_id)
        .await?
        .ok_or_else(|| ApiError::not_found("batch", form.batch_id))?;
    let count = share(form.count, batch.quantity, batch.progress.units_passed);
    if count == 0 {
        let detail = format!(
            "Batch {} has all its {} units; give the station other work.",
            batch.name, batch.quantity
        );
        return Err(ApiError::conflict("quota_spent", detail));
    }
    let pattern = pattern_of(db, &batch.bundle).await?;
    let now = clock::now();
    serials::insert_block(db, form.block_id, form.batch_id, station.station_id, now).await?;
    take(db, form, &pattern, now.date_naive(), count).await
}

async fn pattern_of(db: &mut PgConnection, bundle: &domain::ids::ContentHash) -> ApiResult<Pattern> {
    let texts = bundles::texts(db, bundle).await?.ok_or_else(|| ApiError::not_found("bundle", bundle))?;
    // A released procedure was checked; a pattern that no longer parses is named all the same.
    let broken =
        |why: String| ApiError::conflict("pattern", format!("The procedure's number pattern: {why}"));
    let procedure = parse_procedure("procedure", &texts.procedure)
        .map_err(|faults| broken(faults.first().map(ToString::to_string).unwrap_or_default()))?;
    Pattern::parse(&procedure.number.pattern).map_err(|fault| broken(fault.to_string()))
}

/// Takes running numbers until `count` new ones are kept: two patterns can make the same text, and it is lent once.
async fn take(
    db: &mut PgConnection,
    form: &LeaseSerialBlock,
    pattern: &Pattern,
    day: NaiveDate,
    count: u32,
) -> ApiResult<Vec<String>> {
    let spent = |fault: domain::serial_number::PatternFault| ApiError::conflict("pattern", fault.to_string());
    let prefix = pattern.number(0, day).map_err(spent)?;
    let mut lent = Vec::new();
    while lent.len() < count as usize {
        let missing = count as usize - lent.len();
        let first = serials::take_sequence(db, &prefix, missing as i64).await?;
        let numbers = (first..first + missing as i64)
            .map(|sequence| pattern.number(u32::try_from(sequence).unwrap_or(u32::MAX), day))
            .collect::<Result<Vec<_>, _>>()
            .map_err(spent)?;
        let position = lent.len() as i16;
        let kept = serials::insert_numbers(db, form.block_id, position, &numbers).await?;
        lent.extend(numbers.into_iter().filter(|number| kept.contains(number)));
    }
    Ok(lent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_batch_lends_nothing_and_an_open_one_generously() {
        assert_eq!(share(50, 24, 24), 0);
        assert_eq!(share(50, 24, 30), 0);
        assert_eq!(share(50, 24, 23), 18);
        assert_eq!(share(50, 24, 0), 50);
        assert_eq!(share(8, 24, 0), 8);
    }
}
