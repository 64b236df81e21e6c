//! What the database holds of some stations, in the form that the model tells it in.

use chrono::{NaiveDate, TimeDelta};
use domain::{
    api::ingest::{IngestState, WayOut},
    check_in::KnownOutbox,
    identifier::Identifier,
    ids::{BatchId, ContentHash, OutboxId, RunId, SerialBlockId, StationId},
    lease::BirthLease,
    quota::GivenShare,
    record::RecordDoubt,
    text::Fault,
};
use jigline_tests::ingest_model::{
    Counts, Held, KeptCheck, KeptNumber, KeptOutbox, KeptRun, KeptStation, KeptText, KeptUnit, Tally,
};
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

/// All that is held of these stations and batches.
pub async fn held(pool: &PgPool, stations: &[StationId], batches: &[BatchId]) -> Held {
    let batches: Vec<Uuid> = batches.iter().map(|batch| batch.0).collect();
    let stations: Vec<Uuid> = stations.iter().map(|station| station.0).collect();
    let (runs, owners) = runs(pool, &stations).await;
    // A unit goes by its oldest run.
    let mut names: BTreeMap<Uuid, RunId> = BTreeMap::new();
    for (unit, run) in &owners {
        names.entry(*unit).and_modify(|name| *name = (*name).min(*run)).or_insert(*run);
    }
    Held {
        runs,
        checks: checks(pool, &stations).await,
        set_aside: set_aside(pool, &stations).await,
        units: units(pool, &stations, &owners, &names).await,
        numbers: numbers(pool, &batches, &names).await,
        accounts: accounts(pool, &batches).await,
        passed: passed(pool, &batches).await,
        stations: known_stations(pool, &stations).await,
        outboxes: outboxes(pool, &stations).await,
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

/// Leaves so many running numbers behind a prefix out, and those that others took; gives the next.
pub async fn pass_over_numbers(pool: &PgPool, prefix: &str, count: i64) -> u32 {
    let asked = "insert into serial_sequence as s (prefix, next) values ($1, 1 + $2)
         on conflict (prefix) do update set next = s.next + $2 returning next";
    let next: i64 = sqlx::query_scalar(asked).bind(prefix).bind(count).fetch_one(pool).await.unwrap();
    u32::try_from(next).unwrap()
}

/// Makes it so long ago that the station's program checked in first; far from what the server's own pace could blur.
pub async fn set_session_age(pool: &PgPool, station: StationId, age: TimeDelta) {
    let age = if age > domain::check_in::IN_FLIGHT { age } else { TimeDelta::hours(-1) };
    let said = "update station set session_since = now() - make_interval(secs => $2)
         where station_id = $1 and session_since is not null";
    sqlx::query(said).bind(station.0).bind(age.num_seconds() as f64).execute(pool).await.unwrap();
}

/// Under which id the unit is held whose run this is.
pub async fn unit_of(pool: &PgPool, run: RunId) -> Uuid {
    let asked = "select unit_id from run where run_id = $1";
    sqlx::query_scalar::<_, Option<Uuid>>(asked)
        .bind(run.0)
        .fetch_one(pool)
        .await
        .unwrap()
        .unwrap_or_default()
}

/// Under which id a text is in the quarantine.
pub async fn quarantine_id(pool: &PgPool, station: StationId, sha256: &ContentHash) -> Uuid {
    let asked = "select quarantine_id from quarantine where station_id = $1 and sha256 = $2";
    let sha256 = hex::decode(sha256.as_str()).unwrap();
    let found = sqlx::query_scalar(asked).bind(station.0).bind(sha256).fetch_optional(pool).await.unwrap();
    found.unwrap_or_default()
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

async fn checks(pool: &PgPool, stations: &[Uuid]) -> BTreeMap<RunId, KeptCheck> {
    let asked = "select c.run_id, c.station_id, c.slot, c.outcome, c.result, c.name, c.reference_id, c.doubts,
            e.content, d.content, e.sha256
         from reference_check c join envelope e using (run_id) left join text_dictionary d using (dictionary_id)
         where c.station_id = any($1)";
    let rows = sqlx::query(asked).bind(stations).fetch_all(pool).await.unwrap();
    rows.iter()
        .map(|row| {
            use sqlx::Row as _;
            let doubts: Option<Json<Vec<RecordDoubt>>> = row.get(7);
            let kept = KeptCheck {
                text: hash(row.get(8), row.get(9), row.get(10)),
                station: row.get::<Uuid, _>(1).into(),
                slot: row.get::<i16, _>(2).try_into().unwrap(),
                outcome: row.get::<&str, _>(3).parse().unwrap(),
                result: row.get::<&str, _>(4).parse().unwrap(),
                name: row.get(5),
                known: row.get::<Option<Uuid>, _>(6).is_some(),
                doubts: doubts.map(|doubts| doubts.0).unwrap_or_default(),
            };
            (row.get::<Uuid, _>(0).into(), kept)
        })
        .collect()
}

async fn set_aside(pool: &PgPool, stations: &[Uuid]) -> BTreeMap<(StationId, ContentHash), KeptText> {
    let asked = "select station_id, sha256, state, run_id, content, outbox_id, number, way
         from quarantine left join quarantine_resolution using (quarantine_id) where station_id = any($1)";
    let rows = sqlx::query(asked).bind(stations).fetch_all(pool).await.unwrap();
    rows.iter()
        .map(|row| {
            use sqlx::Row as _;
            let text = hash(row.get(4), None, row.get(1));
            let address = row.get::<Option<Uuid>, _>(5).zip(row.get::<Option<i64>, _>(6));
            let kept = KeptText {
                state: word::<IngestState>(row.get(2)),
                run: row.get::<Option<Uuid>, _>(3).map(Into::into),
                text: text.clone(),
                address: address.map(|(outbox, number)| (outbox.into(), number.try_into().unwrap())),
                resolved: row.get::<Option<&str>, _>(7).map(word::<WayOut>),
            };
            ((row.get::<Uuid, _>(0).into(), text), kept)
        })
        .collect()
}

type UnitRow = (Uuid, Uuid, Uuid, Uuid, i16, String, Option<Uuid>, Option<String>, Option<Uuid>, i16);

async fn units(
    pool: &PgPool,
    stations: &[Uuid],
    owners: &[(Uuid, RunId)],
    names: &BTreeMap<Uuid, RunId>,
) -> BTreeMap<RunId, KeptUnit> {
    let asked = "select unit_id, latest_run_id, batch_id, station_id, slot, outcome, passed_run_id, reported_mode, reported_run_id, marginal
         from unit left join lease using (unit_id) where station_id = any($1)";
    let rows: Vec<UnitRow> = sqlx::query_as(asked).bind(stations).fetch_all(pool).await.unwrap();
    let asked = "select unit_id, kind, value, is_unique from identifier join unit using (unit_id) where station_id = any($1)";
    let shown: Vec<(Uuid, String, String, bool)> =
        sqlx::query_as(asked).bind(stations).fetch_all(pool).await.unwrap();
    let asked = "select unit_id, act from unit_act join unit using (unit_id) where station_id = any($1) order by place";
    let acts: Vec<(Uuid, String)> = sqlx::query_as(asked).bind(stations).fetch_all(pool).await.unwrap();
    let mut units = BTreeMap::new();
    for (unit, latest, batch, station, slot, outcome, passed, mode, read_in, marginal) in rows {
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
            marginal: marginal.try_into().unwrap(),
            passed: passed.map(Into::into),
            lease: mode.zip(read_in).map(|(mode, run)| (word::<BirthLease>(&mode), run.into())),
            acts: acts
                .iter()
                .filter(|(owner, _)| *owner == unit)
                .map(|(_, act)| act.parse().unwrap())
                .collect(),
        };
        // One that no run made is no unit of the model's.
        units.insert(names.get(&unit).copied().unwrap_or(RunId(unit)), kept);
    }
    units
}

/// A number: block, batch, place, unit, whether it was scrapped, whether it was freed.
type Numbered = (String, Option<Uuid>, Uuid, i64, Option<Uuid>, bool, bool);

async fn numbers(
    pool: &PgPool,
    batches: &[Uuid],
    names: &BTreeMap<Uuid, RunId>,
) -> BTreeMap<String, KeptNumber> {
    // Its place among the numbers of its block, wherever they were skipped; no two have one.
    let asked = "select serial, serial_block_id, coalesce(n.batch_id, b.batch_id),
            case when serial_block_id is null then 0 else rank() over (partition by serial_block_id order by position) - 1 end, unit_id,
            exists (select from serial_scrap x where x.serial = n.serial), freed_at is not null
         from serial_number n left join serial_block b using (serial_block_id) where coalesce(n.batch_id, b.batch_id) = any($1)";
    let rows: Vec<Numbered> = sqlx::query_as(asked).bind(batches).fetch_all(pool).await.unwrap();
    rows.into_iter()
        .map(|(serial, block, batch, place, unit, scrapped, freed)| {
            let unit = unit.map(|unit| names.get(&unit).copied().unwrap_or(RunId(unit)));
            let (block, place) = (block.map(SerialBlockId::from), usize::try_from(place).unwrap());
            (serial, KeptNumber { block, batch: batch.into(), place, unit, scrapped, freed })
        })
        .collect()
}

type Counted = (i64, i64, i64, i64, Option<i64>);

async fn accounts(pool: &PgPool, batches: &[Uuid]) -> BTreeMap<(BatchId, StationId, OutboxId), GivenShare> {
    let asked = "select batch_id, station_id, outbox_id, granted, returned, passed, set_aside, written_off
         from quota_share where batch_id = any($1)";
    let rows = sqlx::query(asked).bind(batches).fetch_all(pool).await.unwrap();
    let rows = rows.iter().map(|row| -> ((Uuid, Uuid, Uuid), Counted) {
        use sqlx::Row as _;
        ((row.get(0), row.get(1), row.get(2)), (row.get(3), row.get(4), row.get(5), row.get(6), row.get(7)))
    });
    let count = |count: i64| u64::try_from(count).unwrap();
    rows.map(|((batch, station, outbox), (granted, returned, passed, set_aside, written_off))| {
        let share = GivenShare {
            granted: count(granted),
            returned: count(returned),
            passed: count(passed),
            set_aside: count(set_aside),
            written_off: written_off.map(count),
        };
        ((batch.into(), station.into(), outbox.into()), share)
    })
    .collect()
}

async fn passed(pool: &PgPool, batches: &[Uuid]) -> BTreeMap<BatchId, u64> {
    let asked = "select batch_id, (select coalesce(sum(units_passed), 0)::bigint from day_count d where d.batch_id = b.batch_id)
         from batch b where batch_id = any($1)";
    let rows: Vec<(Uuid, i64)> = sqlx::query_as(asked).bind(batches).fetch_all(pool).await.unwrap();
    rows.into_iter().map(|(batch, passed)| (batch.into(), passed.try_into().unwrap())).collect()
}

async fn known_stations(pool: &PgPool, stations: &[Uuid]) -> BTreeMap<StationId, KeptStation> {
    let asked =
        "select station_id, machine, session_id, superseded_session_id, frozen, slots, outbox_id from station
         where station_id = any($1)";
    let rows = sqlx::query(asked).bind(stations).fetch_all(pool).await.unwrap();
    rows.iter()
        .map(|row| {
            use sqlx::Row as _;
            let kept = KeptStation {
                machine: row.get::<Option<String>, _>(1).map(|machine| machine.try_into().unwrap()),
                session: row.get::<Option<Uuid>, _>(2).map(Into::into),
                superseded: row.get::<Option<Uuid>, _>(3).map(Into::into),
                outbox: row.get::<Option<Uuid>, _>(6).map(Into::into),
                frozen: row.get::<Option<Json<Fault>>, _>(4).map(|frozen| frozen.0),
                slots: u16::try_from(row.get::<i32, _>(5)).unwrap(),
            };
            (row.get::<Uuid, _>(0).into(), kept)
        })
        .collect()
}

type OutboxRow = (Uuid, Uuid, i64, Option<String>, i64, bool, i64, i64);

async fn outboxes(pool: &PgPool, stations: &[Uuid]) -> BTreeMap<(StationId, OutboxId), KeptOutbox> {
    let asked = "select station_id, outbox_id, said, said_sha256, held, ended_at is not null, held_count, changes from station_outbox
         where station_id = any($1)";
    let rows: Vec<OutboxRow> = sqlx::query_as(asked).bind(stations).fetch_all(pool).await.unwrap();
    rows.into_iter()
        .map(|(station, outbox, said, said_sha256, held, ended, numbers, changes)| {
            let known = KnownOutbox {
                said: said.try_into().unwrap(),
                said_sha256: said_sha256.map(|sha256| sha256.try_into().unwrap()),
                held: held.try_into().unwrap(),
                changes: changes.try_into().unwrap(),
                ended,
            };
            ((station.into(), outbox.into()), KeptOutbox { known, numbers: numbers.try_into().unwrap() })
        })
        .collect()
}

type CountRow = ((Uuid, Uuid, NaiveDate), [i32; 10], i64);

async fn counts(pool: &PgPool, stations: &[Uuid]) -> BTreeMap<(BatchId, StationId, NaiveDate), Counts> {
    let asked = "select batch_id, station_id, day, runs, pass, fail, error, aborted, interrupted, collateral_abort, boards, first_pass,
            units_passed, lost_ms
         from day_count where station_id = any($1)";
    let rows = sqlx::query(asked).bind(stations).fetch_all(pool).await.unwrap();
    let rows = rows.iter().map(|row| -> CountRow {
        use sqlx::Row as _;
        let counts = std::array::from_fn(|index| row.get(index + 3));
        ((row.get(0), row.get(1), row.get(2)), counts, row.get(13))
    });
    rows.map(
        |(
            (batch, station, day),
            [all, pass, fail, error, aborted, interrupted, collateral, boards, first_pass, units_passed],
            lost_ms,
        )| {
            let runs = [pass, fail, error, aborted, interrupted, collateral];
            assert_eq!(all, runs.iter().sum::<i32>(), "the runs of a day are those of its outcomes");
            ((batch.into(), station.into(), day), Counts { runs, boards, first_pass, units_passed, lost_ms })
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
