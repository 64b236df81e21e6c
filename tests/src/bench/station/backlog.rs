//! A shift without the server, and its end: closed runs in the station's journal, and how fast the server takes them when it is back; beside
//! a plain insert of the very rows that they became.

use super::line::Line;
use crate::factory::{Server, Shift};
use anyhow::{Context as _, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    api::stations::{LeaseSerialBlock, MOST_SHARES, SerialBlock, ShareStatement},
    identifier::IdentifierKind,
    ids::{OutboxId, RunId, SerialBlockId},
    record::BirthRecord,
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use reqwest::Method;
use serde_json::json;
use station::journal::{self, Journal, identity_key};
use std::{
    process::Command,
    time::{Duration, Instant},
};
use uuid::Uuid;

/// Envelopes that a station puts into one request: so many runs a transaction on either side of the ratio.
const PER_REQUEST: u32 = 50;
const DRAINED_WITHIN: Duration = Duration::from_secs(300);
const LOOK: Duration = Duration::from_millis(5);

/// What was measured.
#[derive(Debug, Clone, Copy)]
pub struct Drained {
    /// From the first request's arrival until the last run was acknowledged.
    pub runs_a_second: f64,
    /// The same rows, as many a transaction, by plain SQL.
    pub raw_runs_a_second: f64,
    /// From the server's return until the station held nothing more; most of it is the station's pause between attempts.
    pub until_empty: Duration,
    /// Runs that the server does not hold as passes, and texts that it set aside.
    pub not_held: u32,
}

/// Lets `count` runs pile up while the server is away, and has them sent. The runs are like `passes`, of boards that nobody has seen.
///
/// # Errors
/// When a program does not do its part: with its log.
pub async fn drain(
    server: &mut Server,
    line: &Line,
    mut shift: Shift,
    passes: &[BirthRecord],
    count: u32,
    seed: u64,
) -> Result<Drained> {
    let block = lend(server, line, count, seed).await?;
    let sent_before = shift.held;
    server.kill()?;
    shift.station.stop();
    drop(shift);
    pile_up(line, passes, &block, count, seed)?;
    let mut shift = line.start_station()?;
    let waits = |shift: &Shift| shift.unsent == u64::from(count);
    shift.until("the station counts what waits", Duration::from_secs(60), waits).await?;
    server.come_back().await?;
    let back = Instant::now();
    let done = until_stored(server, count).await?;
    let none_left = |shift: &Shift| shift.unsent == 0 && shift.held == sent_before + u64::from(count);
    shift.until("nothing waits any more", Duration::from_secs(60), none_left).await?;
    let until_empty = back.elapsed();
    shift.station.stop();
    let took =
        (done - first_arrival(server, line, sent_before)?).to_std().context("it ended before it began")?;
    let runs_a_second = f64::from(count) / took.as_secs_f64();
    let not_held = not_held(server, line, sent_before, count)?;
    let raw_runs_a_second = f64::from(count) / raw_insert(server, line, sent_before, count)?.as_secs_f64();
    Ok(Drained { runs_a_second, raw_runs_a_second, until_empty, not_held })
}

/// Shares of the batch for so many runs, and the numbers for them that the station has not in its drawer already.
async fn lend(server: &Server, line: &Line, count: u32, seed: u64) -> Result<SerialBlock> {
    ensure!(count <= MOST_SHARES, "a station has at most {MOST_SHARES} shares in hand: so long is a backlog");
    let outbox_id = journal::show(&line.journal())?.outbox_id.parse()?;
    // What the station has stated itself is higher, and stands.
    let (started, consumed, released, returned, settled) = (0, 0, 0, 0, 0);
    let wanted = count;
    let share = ShareStatement { outbox_id, wanted, started, consumed, released, returned, settled };
    let block_id = SerialBlockId(Uuid::from_u128(StdRng::seed_from_u64(!seed).random()));
    let ask = LeaseSerialBlock { batch_id: line.batch_id, block_id, count, share: Some(share) };
    let block = server.send(&line.key, Method::POST, "/api/v1/station/serial-blocks", json!(ask)).await?;
    Ok(serde_json::from_value(block)?)
}

/// By the station's own journal: opened, numbered and closed, each on the disk before the next.
fn pile_up(line: &Line, passes: &[BirthRecord], block: &SerialBlock, count: u32, seed: u64) -> Result<()> {
    ensure!(!passes.is_empty(), "no run to make others like");
    let mut chance = StdRng::seed_from_u64(seed);
    let last = passes.iter().map(|pass| pass.finished_at).max().context("a run ended")?;
    // The file is there: its outbox stays.
    let outbox = OutboxId(Uuid::from_u128(chance.random()));
    let journal = Journal::open(&line.journal(), line.station_id, outbox, last)?;
    journal.store_block(block)?;
    for (number, like) in (1..=count).zip(passes.iter().cycle()) {
        let mut record = of_another_board(like, number, last, &mut chance);
        let identity = record.identifiers.iter().find(|one| one.unique && one.kind != IdentifierKind::Serial);
        let identity = identity.map(identity_key).context("a board of this model shows an identity")?;
        journal.open_run(&record, Some(&identity))?;
        let serial = journal.reserve_number(record.run_id, line.batch_id, &identity)?;
        give_number(&mut record, &serial.context("the station's numbers are used up")?);
        journal.close_run(&record, Some(&identity))?;
    }
    Ok(())
}

fn give_number(record: &mut BirthRecord, serial: &str) {
    record.serial = Some(serial.to_owned());
    for one in record.identifiers.iter_mut().filter(|one| one.kind == IdentifierKind::Serial) {
        one.value = serial.to_owned();
    }
}

/// A pass as `like`, of a board of its own, after all others; its number is still that one's.
fn of_another_board(
    like: &BirthRecord,
    number: u32,
    last: DateTime<Utc>,
    chance: &mut StdRng,
) -> BirthRecord {
    let mut record = like.clone();
    let took = like.finished_at - like.started_at;
    record.started_at = last + TimeDelta::milliseconds(i64::from(number) * 10);
    record.finished_at = record.started_at + took;
    let millis = record.started_at.timestamp_millis().unsigned_abs();
    record.run_id = RunId(uuid::Builder::from_unix_timestamp_millis(millis, &chance.random()).into_uuid());
    for one in &mut record.identifiers {
        match one.kind {
            IdentifierKind::MachineCode => one.value = (2_000_000_000 + number).to_string(),
            IdentifierKind::BluetoothAddress => one.value = format!("B0B0{number:08X}"),
            _ => {}
        }
    }
    if let Some(password) = &mut record.password {
        // Withheld where the record came from; nobody will open these.
        password.sealed =
            hex::encode(chance.random::<[u8; 32]>()) + &hex::encode(chance.random::<[u8; 22]>());
        password.keyed_hash = hex::encode(chance.random::<[u8; 16]>());
    }
    record
}

/// Waits until the server, since its start, has stored so many; gives the moment.
async fn until_stored(server: &Server, count: u32) -> Result<DateTime<Utc>> {
    let deadline = Instant::now() + DRAINED_WITHIN;
    let mut metrics = String::new();
    while Instant::now() < deadline {
        metrics = server.ask("admin", Method::GET, "/metrics", None).await?.text();
        let stored = metrics.lines().find_map(|line| {
            line.strip_prefix("jigline_ingest_envelopes_total{state=\"stored\"} ")?.parse::<f64>().ok()
        });
        if stored.is_some_and(|stored| stored >= f64::from(count)) {
            return Ok(now());
        }
        tokio::time::sleep(LOOK).await;
    }
    anyhow::bail!("{count} runs are not stored after {DRAINED_WITHIN:?}; the server counts\n{metrics}")
}

#[expect(clippy::disallowed_methods, reason = "a bench: what the server's clock said is compared with it")]
fn now() -> DateTime<Utc> {
    std::time::SystemTime::now().into()
}

/// When the first of them came to the server.
fn first_arrival(server: &Server, line: &Line, sent_before: u64) -> Result<DateTime<Utc>> {
    let arrival = one_line(server.sql(&format!(
        "select (extract(epoch from min(received_at)) * 1000000)::bigint from envelope {}",
        of_backlog(line, sent_before)
    ))?)?;
    DateTime::from_timestamp_micros(arrival.parse()?).context("no time")
}

fn of_backlog(line: &Line, sent_before: u64) -> String {
    format!(
        "join station_number using (run_id) where station_id = '{}' and number > {sent_before}",
        line.station_id
    )
}

fn one_line(lines: Vec<String>) -> Result<String> {
    lines.into_iter().next().context("the database told nothing")
}

fn not_held(server: &Server, line: &Line, sent_before: u64, count: u32) -> Result<u32> {
    let passed =
        "select count(*) from (select run_id from run where outcome = 'pass' and unit_id is not null) passed";
    let held: u32 = one_line(server.sql(&format!("{passed} {}", of_backlog(line, sent_before)))?)?.parse()?;
    let aside = format!("select count(*) from quarantine where station_id = '{}'", line.station_id);
    let aside: u32 = one_line(server.sql(&aside)?)?.parse()?;
    Ok(count.abs_diff(held) + aside)
}

/// Tables that a run goes into, by whose key, in the order in which they take it.
const TABLES: [(&str, &str); 10] = [
    ("unit", "unit_id"),
    ("identifier", "unit_id"),
    ("run", "run_id"),
    ("envelope", "run_id"),
    ("station_number", "run_id"),
    ("step", "run_id"),
    ("measurement", "run_id"),
    ("parameter", "run_id"),
    ("unit_secret", "run_id"),
    ("lease", "unit_id"),
];

/// Takes their rows out of the tables and puts them back from a copy, a request's worth a transaction; gives how long that took.
fn raw_insert(server: &Server, line: &Line, sent_before: u64, count: u32) -> Result<Duration> {
    let parts = count.div_ceil(PER_REQUEST);
    let mut script = format!(
        "create schema bench;
         create table bench.part as
            select run_id, unit_id, (row_number() over (order by number) - 1) / {PER_REQUEST} as part
            from run {};\n",
        of_backlog(line, sent_before).replace("station_id =", "station_number.station_id =")
    );
    for (table, key) in TABLES {
        script += &format!(
            "create table bench.{table} as select t.* from {table} t join bench.part p on p.{key} = t.{key};
             create index on bench.{table} ({key}); analyze bench.{table};\n"
        );
    }
    // The tables refuse to lose a row: not so to their owner, who says so.
    script += "set session_replication_role = replica;\n";
    for (table, key) in TABLES {
        script += &format!("delete from {table} where {key} in (select {key} from bench.part);\n");
    }
    script += "reset session_replication_role;\n";
    for (table, _) in TABLES {
        script += &format!("vacuum analyze {table};\n");
    }
    let time = "select (extract(epoch from clock_timestamp()) * 1000000)::bigint;\n";
    script += time;
    for part in 0..parts {
        script += "begin;\n";
        for (table, key) in TABLES {
            script += &format!(
                "insert into {table} select t.* from bench.{table} t join bench.part p on p.{key} = t.{key} where p.part = {part};\n"
            );
        }
        script += "commit;\n";
    }
    script += time;
    let lines = run_script(server, &script)?;
    let micros: Vec<u64> = lines.iter().map(|line| line.parse()).collect::<Result<_, _>>()?;
    let [begin, end] = micros.as_slice() else { anyhow::bail!("the script told {lines:?}") };
    ensure!(not_held(server, line, sent_before, count)? == 0, "the rows are not as they were");
    Ok(Duration::from_micros(end - begin))
}

fn run_script(server: &Server, script: &str) -> Result<Vec<String>> {
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), script)?;
    let mut psql = Command::new("psql");
    psql.args([&server.database_url, "-XAtq", "-v", "ON_ERROR_STOP=1", "-f"]).arg(file.path());
    let output =
        psql.output().context("psql can't be started; install Debian's package postgresql-client")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
}
