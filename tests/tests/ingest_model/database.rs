//! What the database holds of some stations, in the form that the model tells it in.

use chrono::NaiveDate;
use domain::{
    api::ingest::IngestState,
    identifier::Identifier,
    ids::{ContentHash, RunId, StationId},
    lease::BirthLease,
    record::RecordDoubt,
};
use jigline_tests::ingest_model::{Counts, Held, KeptRun, KeptText, KeptUnit, Tally};
use server::ingest::wire_text::expand;
use sqlx::{PgPool, types::Json};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// A word of the wire.
fn word<T: serde::de::DeserializeOwned>(word: &str) -> T {
    serde_json::from_value(word.into()).unwrap()
}

/// Of the text as it comes back; and that it is the one that was kept.
fn hash(content: &[u8], dictionary: Option<&[u8]>, sha256: &[u8]) -> ContentHash {
    let text = expand(content, dictionary).unwrap();
    let hash = ContentHash::of(text.as_bytes());
    assert_eq!(hash.as_str(), hex::encode(sha256), "a text does not come back as it was kept");
    hash
}

/// All that is held of these stations.
pub async fn held(pool: &PgPool, stations: &[StationId]) -> Held {
    let stations: Vec<Uuid> = stations.iter().map(|station| station.0).collect();
    let (runs, owners) = runs(pool, &stations).await;
    // A unit goes by its oldest run.
    let mut names: BTreeMap<Uuid, RunId> = BTreeMap::new();
    for (unit, run) in &owners {
        names.entry(*unit).and_modify(|name| *name = (*name).min(*run)).or_insert(*run);
    }
    Held {
        runs,
        set_aside: set_aside(pool, &stations).await,
        units: units(pool, &stations, &owners, &names).await,
        numbers: numbers(pool, &stations, &names).await,
        counts: counts(pool, &stations).await,
        tallies: tallies(pool, &stations).await,
    }
}

/// How often somebody was told of a text of these stations that was set aside.
pub async fn told(pool: &PgPool, stations: &[StationId]) -> i64 {
    let writers: Vec<String> = stations.iter().map(|station| format!("station:{station}")).collect();
    let asked = "select count(*) from audit where writer = any($1) and action in ('record.conflict', 'record.quarantine')";
    sqlx::query_scalar(asked).bind(writers).fetch_one(pool).await.unwrap()
}

/// The next running number behind a prefix.
pub async fn next_number(pool: &PgPool, prefix: &str) -> u32 {
    let asked = "select next from serial_sequence where prefix = $1";
    let next: Option<i64> = sqlx::query_scalar(asked).bind(prefix).fetch_optional(pool).await.unwrap();
    next.map_or(1, |next| u32::try_from(next).unwrap())
}

type RunRow = (
    (Uuid, Uuid, Uuid, Option<Uuid>, Option<Uuid>),
    (String, Option<String>, Option<String>, Option<Json<Vec<RecordDoubt>>>),
    (Vec<u8>, Option<Vec<u8>>, Vec<u8>),
);

async fn runs(pool: &PgPool, stations: &[Uuid]) -> (BTreeMap<RunId, KeptRun>, Vec<(Uuid, RunId)>) {
    let asked = "select r.run_id, r.station_id, r.batch_id, r.unit_id, r.resumes, r.outcome, r.claimed_outcome, r.serial,
            r.doubts, e.content, d.content, e.sha256
         from run r join envelope e using (run_id) left join text_dictionary d using (dictionary_id)
         where r.station_id = any($1)";
    let rows: Vec<RunRow> = sqlx::query(asked)
        .bind(stations)
        .fetch_all(pool)
        .await
        .unwrap()
        .iter()
        .map(|row| {
            use sqlx::Row as _;
            (
                (row.get(0), row.get(1), row.get(2), row.get(3), row.get(4)),
                (row.get(5), row.get(6), row.get(7), row.get(8)),
                (row.get(9), row.get(10), row.get(11)),
            )
        })
        .collect();
    let mut runs = BTreeMap::new();
    let mut owners = Vec::new();
    for (
        (run, station, batch, unit, resumes),
        (outcome, claimed, serial, doubts),
        (text, dictionary, sha256),
    ) in rows
    {
        owners.extend(unit.map(|unit| (unit, RunId(run))));
        let kept = KeptRun {
            text: hash(&text, dictionary.as_deref(), &sha256),
            station: station.into(),
            batch: batch.into(),
            outcome: outcome.parse().unwrap(),
            claimed: claimed.map(|claimed| claimed.parse().unwrap()),
            serial,
            resumes: resumes.map(Into::into),
            doubts: doubts.map(|doubts| doubts.0).unwrap_or_default(),
        };
        runs.insert(RunId(run), kept);
    }
    (runs, owners)
}

type AsideRow = (Uuid, Vec<u8>, String, Option<Uuid>, Vec<u8>);

async fn set_aside(pool: &PgPool, stations: &[Uuid]) -> BTreeMap<(StationId, ContentHash), KeptText> {
    let asked =
        "select station_id, sha256, state, run_id, content from quarantine where station_id = any($1)";
    let rows: Vec<AsideRow> = sqlx::query_as(asked).bind(stations).fetch_all(pool).await.unwrap();
    rows.into_iter()
        .map(|(station, sha256, state, run, content)| {
            let text = hash(&content, None, &sha256);
            let kept =
                KeptText { state: word::<IngestState>(&state), run: run.map(Into::into), text: text.clone() };
            ((station.into(), text), kept)
        })
        .collect()
}

type UnitRow = (Uuid, Uuid, Uuid, Uuid, i16, String, Option<Uuid>, Option<String>, Option<Uuid>);

async fn units(
    pool: &PgPool,
    stations: &[Uuid],
    owners: &[(Uuid, RunId)],
    names: &BTreeMap<Uuid, RunId>,
) -> BTreeMap<RunId, KeptUnit> {
    let asked = "select unit_id, latest_run_id, batch_id, station_id, slot, outcome, passed_run_id, reported_mode, reported_run_id
         from unit left join lease using (unit_id) where station_id = any($1)";
    let rows: Vec<UnitRow> = sqlx::query_as(asked).bind(stations).fetch_all(pool).await.unwrap();
    let asked = "select unit_id, kind, value, is_unique from identifier join unit using (unit_id) where station_id = any($1)";
    let shown: Vec<(Uuid, String, String, bool)> =
        sqlx::query_as(asked).bind(stations).fetch_all(pool).await.unwrap();
    let mut units = BTreeMap::new();
    for (unit, latest, batch, station, slot, outcome, passed, mode, read_in) in rows {
        let own: BTreeSet<RunId> =
            owners.iter().filter(|(owner, _)| *owner == unit).map(|(_, run)| *run).collect();
        let of_unit = shown.iter().filter(|(owner, ..)| *owner == unit);
        let identifiers = of_unit.map(|(_, kind, value, unique)| Identifier {
            kind: kind.parse().unwrap(),
            value: value.clone(),
            unique: *unique,
        });
        let kept = KeptUnit {
            identifiers: identifiers.collect(),
            runs: own,
            latest: latest.into(),
            batch: batch.into(),
            station: station.into(),
            slot: slot.try_into().unwrap(),
            outcome: outcome.parse().unwrap(),
            passed: passed.map(Into::into),
            lease: mode.zip(read_in).map(|(mode, run)| (word::<BirthLease>(&mode), run.into())),
        };
        // One that no run made is no unit of the model's.
        units.insert(names.get(&unit).copied().unwrap_or(RunId(unit)), kept);
    }
    units
}

async fn numbers(
    pool: &PgPool,
    stations: &[Uuid],
    names: &BTreeMap<Uuid, RunId>,
) -> BTreeMap<String, (domain::ids::SerialBlockId, usize, Option<RunId>)> {
    let asked = "select serial, serial_block_id, position, unit_id
         from serial_number join serial_block using (serial_block_id) where station_id = any($1)";
    let rows: Vec<(String, Uuid, i16, Option<Uuid>)> =
        sqlx::query_as(asked).bind(stations).fetch_all(pool).await.unwrap();
    rows.into_iter()
        .map(|(serial, block, place, unit)| {
            let unit = unit.map(|unit| names.get(&unit).copied().unwrap_or(RunId(unit)));
            (serial, (block.into(), usize::try_from(place).unwrap(), unit))
        })
        .collect()
}

type CountRow = ((Uuid, Uuid, NaiveDate), [i32; 9]);

async fn counts(
    pool: &PgPool,
    stations: &[Uuid],
) -> BTreeMap<(domain::ids::BatchId, StationId, NaiveDate), Counts> {
    let asked = "select batch_id, station_id, day, runs, pass, fail, error, aborted, interrupted, boards, first_pass, units_passed
         from day_count where station_id = any($1)";
    let rows = sqlx::query(asked).bind(stations).fetch_all(pool).await.unwrap();
    let rows = rows.iter().map(|row| -> CountRow {
        use sqlx::Row as _;
        ((row.get(0), row.get(1), row.get(2)), std::array::from_fn(|index| row.get(index + 3)))
    });
    rows.map(
        |(
            (batch, station, day),
            [all, pass, fail, error, aborted, interrupted, boards, first_pass, units_passed],
        )| {
            let runs = [pass, fail, error, aborted, interrupted];
            assert_eq!(all, runs.iter().sum::<i32>(), "the runs of a day are those of its outcomes");
            ((batch.into(), station.into(), day), Counts { runs, boards, first_pass, units_passed })
        },
    )
    .collect()
}

/// Of those that sent anything.
async fn tallies(pool: &PgPool, stations: &[Uuid]) -> BTreeMap<StationId, Tally> {
    let asked = "select station_id, records, quarantined from station_count
         where station_id = any($1) and records + quarantined > 0";
    let rows: Vec<(Uuid, i64, i64)> = sqlx::query_as(asked).bind(stations).fetch_all(pool).await.unwrap();
    rows.into_iter()
        .map(|(station, stored, set_aside)| (station.into(), Tally { stored, set_aside }))
        .collect()
}
