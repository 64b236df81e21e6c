//! `POST /api/v1/station/serial-blocks` lends numbers to a station and grants it shares of the batch's quantity; what it does not use
//! comes back by `POST /api/v1/station/serial-blocks/return`.

use super::Body;
use crate::{
    auth::SignedStation,
    clock,
    db::{
        batches, bundles, ingest,
        quota::{self, Key},
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
        stations::{LeaseSerialBlock, MOST_SHARES, ReturnShare, SerialBlock, ShareGrant, ShareStatement},
    },
    ids::BatchId,
    procedure::parse_procedure,
    quota::{Floor, GivenShare, fair_part},
    record::MOST_NUMBERED,
    serial_number::Pattern,
};
use sqlx::PgConnection;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(lend)).routes(routes!(take_back))
}

#[utoipa::path(post, path = "/api/v1/station/serial-blocks", tag = "station", request_body = LeaseSerialBlock, responses(
    (status = 200, description = "the block, and the station's share of the batch; asking again for the same id gives the same numbers, and what the share lacks", body = SerialBlock),
    (status = 403, description = "station_frozen: no board is started until an administrator acts", body = Problem),
    (status = 404, description = "not_found", body = Problem),
    (status = 409, description = "quota_spent, conflict for an id that another station used, or scanned: the batch's numbers are scanned from labels and the station states no account", body = Problem),
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
    let share = match &form.share {
        Some(said) => Some(share_out(&mut db, form.batch_id, &station.0, said).await?),
        None => None,
    };
    let serials = match serials::block(&mut db, form.block_id).await? {
        Some(block) => same(block, &form, &station.0)?,
        None => lend_new(&mut db, &form, &station.0, share.as_ref()).await?,
    };
    let scrapped = serials::scrapped_unbound(&mut db, form.batch_id, station.0.station_id).await?;
    db.commit().await?;
    let share = share.map(|share| share.answer());
    Ok(Json(SerialBlock { block_id: form.block_id, batch_id: form.batch_id, serials, share, scrapped }))
}

#[utoipa::path(post, path = "/api/v1/station/serial-blocks/return", tag = "station", request_body = ReturnShare, responses(
    (status = 200, description = "the server's account; saying it again changes nothing", body = ShareGrant),
    (status = 404, description = "not_found", body = Problem),
    (status = 422, description = "invalid", body = Problem)))]
async fn take_back(
    State(state): State<AppState>,
    station: SignedStation,
    Body(form): Body<ReturnShare>,
) -> ApiResult<Json<ShareGrant>> {
    let mut db = state.pool.begin().await?;
    ingest::lock_station(&mut db, station.0.station_id).await?;
    quota::deal(&mut db, form.batch_id).await?.ok_or_else(|| ApiError::not_found("batch", form.batch_id))?;
    let share = hear(&mut db, form.batch_id, &station.0, &form.share).await?;
    db.commit().await?;
    Ok(Json(share.answer()))
}

/// Takes in what the station says of its account.
async fn hear(
    db: &mut PgConnection,
    batch: BatchId,
    station: &Station,
    said: &ShareStatement,
) -> ApiResult<GivenShare> {
    let fault = |detail: String| Err(ApiError::invalid_field("share", detail));
    let highest = said.started.max(said.returned).max(said.settled);
    if said.started < said.consumed.saturating_add(said.released) || said.consumed < said.settled {
        return fault("more ended than was started, or more was settled than passed".to_owned());
    }
    if highest > MOST_NUMBERED || said.wanted > MOST_SHARES {
        return fault(format!("no batch is that large; at most {MOST_SHARES} shares are held at once"));
    }
    let key = Key { batch, station: station.station_id, outbox: said.outbox_id };
    let mut share = quota::share(db, key).await?.unwrap_or_default();
    share.hear(said);
    quota::keep(db, key, &share).await?;
    quota::keep_said(db, key, said, clock::now()).await?;
    Ok(share)
}

/// Takes in what the station says, and grants what it lacks of what it wants, as far as its part of the batch goes.
async fn share_out(
    db: &mut PgConnection,
    batch: BatchId,
    station: &Station,
    said: &ShareStatement,
) -> ApiResult<GivenShare> {
    quota::deal(db, batch).await?.ok_or_else(|| ApiError::not_found("batch", batch))?;
    let mut share = hear(db, batch, station, said).await?;
    quota::lock_batch(db, batch).await?;
    let deal = quota::deal(db, batch).await?.ok_or_else(|| ApiError::not_found("batch", batch))?;
    let at_least = 2 * quota::slots(db, station.station_id).await?;
    let floor = Floor { stations: deal.stations, at_least };
    let room = fair_part(deal.room(), deal.outstanding, share.outstanding(), floor);
    if share.grant(said, room) > 0 {
        let key = Key { batch, station: station.station_id, outbox: said.outbox_id };
        quota::keep(db, key, &share).await?;
    }
    Ok(share)
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

/// How many numbers are lent for so many boards to be worked: twice as many and sixteen more, for boards that fail after they got
/// theirs, but none for none.
#[must_use]
pub fn numbers_for(boards: u64) -> u64 {
    if boards == 0 { 0 } else { boards.saturating_mul(2).saturating_add(16) }
}

/// `share`: the station's, where it states its account: then it has never more numbers without a board than that takes. One that
/// states none gets numbers while something is left of the batch.
async fn lend_new(
    db: &mut PgConnection,
    form: &LeaseSerialBlock,
    station: &Station,
    share: Option<&GivenShare>,
) -> ApiResult<Vec<String>> {
    let batch = batches::by_id(db, form.batch_id)
        .await?
        .ok_or_else(|| ApiError::not_found("batch", form.batch_id))?;
    if batch.labels.is_some() {
        return match share {
            Some(_) => Ok(Vec::new()),
            None => Err(ApiError::conflict(
                "scanned",
                format!(
                    "The boards of batch {} bring their numbers on their labels; update the station, which knows no labels.",
                    batch.name
                ),
            )),
        };
    }
    // Nobody gives the batch a list meanwhile, and of a list two stations take the next numbers each for itself.
    quota::lock_batch(db, form.batch_id).await?;
    let is_listed = serials::counts(db, form.batch_id).await?.listed.is_some();
    let boards = match share {
        Some(share) => share.outstanding(),
        None => quota::deal(db, form.batch_id).await?.map_or(0, |deal| deal.room()),
    };
    let outbox = form.share.as_ref().map(|said| said.outbox_id);
    // Numbers of a list are few: one a board.
    let enough = if is_listed { boards } else { numbers_for(boards) };
    let unbound = match share {
        None if !is_listed => 0,
        _ => serials::unbound_at(db, form.batch_id, station.station_id, outbox).await?,
    };
    let count = enough.saturating_sub(unbound).min(u64::from(form.count)) as u32;
    if count == 0 && share.is_some() {
        return Ok(Vec::new());
    }
    if count == 0 {
        let detail = format!(
            "All {} units of batch {} have passed or are promised to other stations; give the station other work.",
            batch.quantity, batch.name
        );
        return Err(ApiError::conflict("quota_spent", detail));
    }
    let now = clock::now();
    if is_listed {
        let next = serials::listed_free(db, form.batch_id, u64::from(count)).await?;
        if !next.is_empty() {
            serials::insert_block(db, form.block_id, form.batch_id, station.station_id, outbox, now).await?;
            serials::insert_numbers(db, form.block_id, 0, &next).await?;
        }
        return Ok(next);
    }
    let pattern = pattern_of(db, &batch.bundle).await?;
    serials::insert_block(db, form.block_id, form.batch_id, station.station_id, outbox, now).await?;
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
    let mut position = 0_i16;
    while lent.len() < count as usize {
        let missing = count as usize - lent.len();
        let first = serials::take_sequence(db, &prefix, missing as i64).await?;
        let numbers = (first..first + missing as i64)
            .map(|sequence| pattern.number(u32::try_from(sequence).unwrap_or(u32::MAX), day))
            .collect::<Result<Vec<_>, _>>()
            .map_err(spent)?;
        let kept = serials::insert_numbers(db, form.block_id, position, &numbers).await?;
        // A block has its order by these: the next ones stand behind the last that was kept, wherever numbers between were not.
        let last = numbers.iter().rposition(|number| kept.contains(number));
        position += last.map_or(0, |last| last as i16 + 1);
        lent.extend(numbers.into_iter().filter(|number| kept.contains(number)));
    }
    Ok(lent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_batch_lends_nothing_and_an_open_one_generously() {
        assert_eq!((numbers_for(0), numbers_for(1), numbers_for(24)), (0, 18, 64));
    }
}
