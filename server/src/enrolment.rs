//! Enrolment: a one-time code for a station, and what a machine gets for it. Used by the routes and by the command line.
//!
//! The machine makes its own key and says the SHA-256 of it: no answer holds a key, and an answer that was lost can be asked for again.

use crate::{
    auth::{password, token_hash},
    clock,
    db::{
        audit, check_ins, enrol_codes,
        enrol_codes::{KeptCode, NewCode},
        stations,
        stations::Holder,
    },
    error::{ApiError, ApiResult},
    keys::Keys,
};
use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    api::{
        enrolment::{Enrol, Enrolled, GiveCode, GivenCode},
        stations::ReplacedStation,
    },
    enrol_code::{EnrolCode, GUESSES, MINUTES, MOST_MINUTES},
    ids::StationId,
};
use sqlx::PgConnection;

/// Numbers named when a station is replaced.
const NAMED: i64 = 1000;
/// Of some million names one is taken now and then.
const NAME_TRIES: u32 = 20;

/// Who decides, and when.
#[derive(Debug, Clone, Copy)]
pub struct Decider<'a> {
    /// Its chain in the audit.
    pub writer: &'a str,
    /// As people read it.
    pub name: &'a str,
    pub at: DateTime<Utc>,
}

/// A station's name.
///
/// # Errors
/// None, or one that is too long.
pub fn station_name(text: &str) -> ApiResult<String> {
    let name = text.trim();
    if name.is_empty() || name.len() > 100 {
        return Err(ApiError::invalid_field("name", "a station has a name of 1 to 100 characters"));
    }
    Ok(name.to_owned())
}

/// Gives out a code for a station that no machine has the key of; makes the station where there is none of that name.
///
/// # Errors
/// A machine has its key; a name or a time that can't be.
pub async fn give_code(db: &mut PgConnection, form: &GiveCode, by: Decider<'_>) -> ApiResult<GivenCode> {
    let name = station_name(&form.name)?;
    let minutes = form.minutes.unwrap_or(MINUTES);
    if !(1..=MOST_MINUTES).contains(&minutes) {
        let detail = format!("a code may be used for 1 to {MOST_MINUTES} minutes");
        return Err(ApiError::invalid_field("minutes", detail));
    }
    enrol_codes::take_turn(db).await?;
    let station = match stations::locked_by_name(db, &name).await? {
        Some((id, Holder::Nobody)) => id,
        Some((_, Holder::Somebody)) => {
            let detail = format!(
                "There is a station {name} already, and a machine has its key. Take another name, or replace the station: then \
                 that machine stops, and the code is for the one that takes its place."
            );
            return Err(ApiError::conflict("enrolled", detail));
        }
        None => new_station(db, &name, form.simulated, by.at).await?,
    };
    new_code(db, station, &name, minutes, by).await
}

async fn new_station(
    db: &mut PgConnection,
    name: &str,
    simulated: bool,
    at: DateTime<Utc>,
) -> ApiResult<StationId> {
    let station_id = StationId(clock::new_id());
    let station = stations::Station { station_id, name: name.to_owned(), simulated, frozen: None };
    // Its check-in says how many slots it has.
    let (nobodys, holder) = (nobodys_key(), Holder::Nobody);
    let new = stations::NewStation { station: &station, slots: 1, key_hash: &nobodys, at, holder };
    stations::insert(db, &new).await?;
    Ok(station_id)
}

/// The hash of a key that nobody has.
fn nobodys_key() -> Vec<u8> {
    token_hash(&clock::random_token())
}

async fn new_code(
    db: &mut PgConnection,
    station_id: StationId,
    station: &str,
    minutes: u32,
    by: Decider<'_>,
) -> ApiResult<GivenCode> {
    enrol_codes::void_open(db, station_id, by.at).await?;
    let expires_at = by.at + TimeDelta::minutes(minutes.into());
    for _ in 0..NAME_TRIES {
        let code = EnrolCode::from_random(clock::random_bytes());
        let secret_hash = password::hash(code.secret().to_owned())
            .await
            .map_err(|error| ApiError::internal(error.as_ref()))?;
        let new = NewCode {
            name: code.name(),
            station_id,
            secret_hash: &secret_hash,
            made_by: by.name,
            made_at: by.at,
            expires_at,
        };
        if !enrol_codes::insert(db, &new).await? {
            continue;
        }
        let entry = audit::Entry {
            writer: by.writer,
            at: by.at,
            action: "station.enrol_code",
            subject: station,
            detail: serde_json::json!({
                "station_id": station_id, "code": code.name(), "expires_at": expires_at, "by": by.name,
            }),
        };
        audit::append(db, &entry).await?;
        return Ok(GivenCode { station_id, name: station.to_owned(), code: code.to_string(), expires_at });
    }
    Err(ApiError::conflict("conflict", "No name of a code is free; ask again."))
}

/// Another machine takes a station's place: the old key stops at once, and a code is given out for the machine that comes.
///
/// # Errors
/// There is no such station.
pub async fn replace(
    db: &mut PgConnection,
    id: StationId,
    note: &str,
    by: Decider<'_>,
) -> ApiResult<ReplacedStation> {
    enrol_codes::take_turn(db).await?;
    let name = stations::locked_name(db, id).await?.ok_or_else(|| ApiError::not_found("station", id))?;
    let reason = check_ins::of_station(db, id).await?.frozen;
    stations::take_key(db, id, &nobodys_key(), by.at).await?;
    check_ins::release(db, id, by.at).await?;
    let unused_numbers = stations::unused_numbers(db, id, NAMED).await?;
    let subject = id.to_string();
    let entry = audit::Entry {
        writer: by.writer,
        at: by.at,
        action: "station.replace",
        subject: &subject,
        detail: serde_json::json!({
            "name": name, "frozen": reason, "note": note, "unused_numbers": unused_numbers.len(), "by": by.name,
        }),
    };
    audit::append(db, &entry).await?;
    let code = new_code(db, id, &name, MINUTES, by).await?;
    Ok(ReplacedStation { code, unused_numbers })
}

/// What became of an attempt. Whoever asks commits either way: a wrong guess counts.
#[derive(Debug)]
pub enum Attempt {
    Enrolled(Enrolled),
    /// The code was not known: a guess.
    Guessed(ApiError),
    /// Its holder had the code, but it may not be used.
    Refused(ApiError),
}

/// Turns a code into a station's key.
///
/// # Errors
/// What the database says; or another station has a key with this hash.
pub async fn enrol(
    db: &mut PgConnection,
    keys: &Keys,
    form: &Enrol,
    code: &EnrolCode,
    source: &str,
    at: DateTime<Utc>,
) -> ApiResult<Attempt> {
    enrol_codes::take_turn(db).await?;
    let kept = enrol_codes::by_name(db, code.name()).await?;
    let stored = kept.as_ref().map(|kept| kept.secret_hash.clone());
    let right = password::verify(code.secret().to_owned(), stored).await;
    let Some(kept) = kept else { return Ok(Attempt::Guessed(wrong())) };
    if !right {
        // Of one that can't be used any more nothing is counted: the audit must not grow by a stranger's patience.
        if kept.used.is_none() && kept.wrong_guesses < GUESSES {
            enrol_codes::count_wrong_guess(db, code.name()).await?;
            let detail = serde_json::json!({ "source": source, "guess": kept.wrong_guesses + 1 });
            tell(db, code, "station.enrol_guess", detail, at).await?;
        }
        return Ok(Attempt::Guessed(wrong()));
    }
    let key_hash = hex::decode(form.key_sha256.as_str()).unwrap_or_default();
    let Some((station, held)) = stations::with_key(db, kept.station_id).await? else {
        return Ok(Attempt::Guessed(wrong()));
    };
    let is_again = kept.used.as_ref().is_some_and(|(_, used)| *used == key_hash && held == key_hash);
    if !(is_again && at < kept.expires_at)
        && let Some(refusal) = objection(&kept, at)
    {
        return Ok(Attempt::Refused(refusal));
    }
    if !is_again {
        match stations::give_key(db, station.station_id, &key_hash).await {
            Ok(()) => {}
            Err(error) if error.constraint() == Some("station_key_hash_key") => {
                return Err(ApiError::conflict(
                    "conflict",
                    "Another station has this key; make a fresh one.",
                ));
            }
            Err(error) => return Err(error.into()),
        }
        enrol_codes::use_up(db, code.name(), &key_hash, at).await?;
        let detail = serde_json::json!({
            "name": station.name, "station_id": station.station_id, "program": form.program, "source": source,
        });
        tell(db, code, "station.enrol", detail, at).await?;
    }
    Ok(Attempt::Enrolled(Enrolled {
        station_id: station.station_id,
        placeholder_key: keys.placeholder_of(station.station_id),
        name: station.name,
        simulated: station.simulated,
        release_key: keys.release_public(),
        sealing_key: keys.sealing_public(),
    }))
}

async fn tell(
    db: &mut PgConnection,
    code: &EnrolCode,
    action: &'static str,
    detail: serde_json::Value,
    at: DateTime<Utc>,
) -> ApiResult<()> {
    let entry = audit::Entry { writer: "service", at, action, subject: code.name(), detail };
    Ok(audit::append(db, &entry).await?)
}

/// Why a code that is right may not be used.
fn objection(kept: &KeptCode, at: DateTime<Utc>) -> Option<ApiError> {
    let moment = |at: DateTime<Utc>| at.format("%Y-%m-%d %H:%M UTC");
    let ask = "ask the administrator for a new one";
    let refuse = |status, code, detail| Some(ApiError::new(status, code, detail));
    if let Some((used_at, _)) = &kept.used {
        let detail = format!("This code was used at {}; a code enrols one machine: {ask}.", moment(*used_at));
        return refuse(StatusCode::CONFLICT, "code_used", detail);
    }
    if kept.is_void {
        let detail =
            format!("A younger code of this station has taken the place of this one: use that, or {ask}.");
        return refuse(StatusCode::CONFLICT, "code_void", detail);
    }
    if kept.wrong_guesses >= GUESSES {
        let detail = format!("This code was guessed at {GUESSES} times and is void: {ask}.");
        return refuse(StatusCode::CONFLICT, "code_void", detail);
    }
    if at >= kept.expires_at {
        let detail = format!("This code could be used until {}: {ask}.", moment(kept.expires_at));
        return refuse(StatusCode::GONE, "code_expired", detail);
    }
    None
}

/// Whether there is a code of that name is nobody's to know.
fn wrong() -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        "code_wrong",
        "No code is this one: compare it letter by letter with what the stations page showed, or ask the administrator for a new one.",
    )
}
