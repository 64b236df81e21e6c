//! What the database itself holds us to.

use crate::factory::Factory;
use domain::{api::units::RunView, record::StepOutcome, role::Role, step::Step};
use jigline_server::{db, ingest::wire_text};
use reqwest::Method;
use sqlx::{Connection as _, PgConnection};
use std::process::Command;

async fn one_run() -> (Factory, domain::record::Envelope) {
    let factory = Factory::start().await;
    let serials = factory.serials(2).await;
    let envelope = factory.envelope(1, Some(&serials[0]));
    let mut failed = factory.envelope(7, None);
    failed.record.parameters[2].holds = false;
    failed.record.parameters[2].after_restart = None;
    failed.record.steps[0].retries = 2;
    factory.send(&[&envelope, &failed]).await;
    (factory, failed)
}

#[tokio::test]
async fn facts_are_append_only_even_for_the_owner() {
    let (factory, _) = one_run().await;
    let mut owner = PgConnection::connect(&factory.server.database.url).await.unwrap();
    for table in
        ["run", "envelope", "step", "measurement", "parameter", "audit", "station_number", "bundle_release"]
    {
        let update = format!("update {table} set {}", assignment(table));
        for sql in [format!("delete from {table}"), update, format!("truncate {table} cascade")] {
            let error =
                sqlx::raw_sql(sqlx::AssertSqlSafe(sql.clone())).execute(&mut owner).await.unwrap_err();
            assert!(error.to_string().contains("append-only"), "{sql}: {error}");
        }
    }
    let months: Vec<String> = sqlx::query_scalar(
        "select inhrelid::regclass::text from pg_inherits where inhparent = 'run'::regclass",
    )
    .fetch_all(&mut owner)
    .await
    .unwrap();
    assert!(months.len() > 1, "the default partition and months of their own: {months:?}");
    for month in months {
        let sql = sqlx::AssertSqlSafe(format!("truncate {month}"));
        let error = sqlx::raw_sql(sql).execute(&mut owner).await.unwrap_err();
        assert!(error.to_string().contains("append-only"), "{month}: {error}");
    }
    // The service's own role is not even asked that far.
    for sql in ["delete from run", "update measurement set value = 0", "truncate envelope", "drop table run"]
    {
        let error = sqlx::raw_sql(sql).execute(&factory.server.database.pool).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains("permission denied") || text.contains("must be owner"), "{sql}: {text}");
    }
}

fn assignment(table: &str) -> &'static str {
    match table {
        "audit" => "action = action",
        "bundle_release" => "signature = signature",
        _ => "run_id = run_id",
    }
}

#[tokio::test]
async fn the_views_tell_every_value_of_a_record_again() {
    let (factory, failed) = one_run().await;
    let record = failed.record;
    let pool = &factory.server.database.pool;
    let parameters: Vec<(String, serde_json::Value, Option<serde_json::Value>, bool, bool)> = sqlx::query_as(
        "select name, before, after_restart, holds, written from parameter_value where run_id = $1",
    )
    .bind(record.run_id.0)
    .fetch_all(pool)
    .await
    .unwrap();
    assert_eq!(parameters.len(), record.parameters.len());
    for (row, sent) in parameters.iter().zip(&record.parameters) {
        let after = row.2.clone().filter(|value| !value.is_null());
        let sent_after = sent.after_restart.as_ref().map(|value| serde_json::to_value(value).unwrap());
        assert_eq!((&row.0, after, row.3, row.4), (&sent.name, sent_after, sent.holds, sent.written));
        assert_eq!(row.1, serde_json::to_value(&sent.before).unwrap());
    }
    let readings: i64 =
        sqlx::query_scalar("select count(*) from measurement_reading where run_id = $1 and not passed")
            .bind(record.run_id.0)
            .fetch_one(pool)
            .await
            .unwrap();
    assert_eq!(readings, 1);
    let steps: Vec<(String, i32, i32, String)> = sqlx::query_as(
        "select step, started_ms, retries::int, outcome from step_time where run_id = $1 order by started_ms",
    )
    .bind(record.run_id.0)
    .fetch_all(pool)
    .await
    .unwrap();
    assert_eq!(steps.len(), record.steps.len());
    for (row, sent) in steps.iter().zip(&record.steps) {
        let sent = (
            sent.step.as_str().to_owned(),
            sent.started_ms as i32,
            sent.retries as i32,
            sent.outcome.as_str().to_owned(),
        );
        assert_eq!(*row, sent);
    }
    assert_eq!(record.steps.last().unwrap().outcome, StepOutcome::Failed);
}

#[tokio::test]
async fn the_database_calls_the_steps_as_we_do() {
    let (server, _) = crate::factory::service().await;
    let mut connection = server.database.pool.acquire().await.unwrap();
    let names = db::facts::step_names(&mut connection).await.unwrap();
    assert_eq!(names, Step::ALL.map(Step::as_str));
}

#[tokio::test]
async fn the_audit_is_one_unbroken_chain_a_writer() {
    let (factory, _) = one_run().await;
    let mut connection = factory.server.database.pool.acquire().await.unwrap();
    assert_eq!(db::audit::verify(&mut connection).await.unwrap(), Vec::<i64>::new());
    let mut owner = PgConnection::connect(&factory.server.database.url).await.unwrap();
    sqlx::raw_sql("alter table audit disable trigger user; update audit set subject = 'forged' where audit_id = (select min(audit_id) from audit)")
        .execute(&mut owner)
        .await
        .unwrap();
    assert_ne!(db::audit::verify(&mut connection).await.unwrap(), Vec::<i64>::new());
}

/// Every text that is held compressed, and every one that others are compressed with.
async fn held_texts(factory: &Factory) -> Vec<String> {
    let sql = "select e.content, d.content from envelope e left join text_dictionary d using (dictionary_id)
        union all select content, null from quarantine";
    let rows: Vec<(Vec<u8>, Option<Vec<u8>>)> =
        sqlx::query_as(sql).fetch_all(&factory.server.database.pool).await.unwrap();
    let dictionaries =
        rows.iter().filter_map(|row| row.1.clone()).map(|text| String::from_utf8(text).unwrap());
    let expanded = rows.iter().map(|row| wire_text::expand(&row.0, row.1.as_deref()).unwrap());
    expanded.chain(dictionaries).collect()
}

/// Tokens, keys and passwords in a dump of everything, compressed texts opened: only their hashes are there, and of a
/// unit's password only what is sealed.
#[tokio::test]
async fn no_secret_stands_in_the_database() {
    let (factory, _) = one_run().await;
    // Longer than a real one, so that no other figure is taken for it.
    let password = "918273-the-units-own-password";
    let serials = factory.serials(3).await;
    let mut believed = factory.envelope(2, Some(&serials[0]));
    believed.record.password = Some(factory.sealed(password));
    let mut doubted = factory.envelope(3, Some(&serials[1]));
    doubted.record.password = Some(factory.sealed(password));
    doubted.record.measurements.clear();
    factory.send(&[&believed, &doubted]).await;
    // Said in plain once, at the rework bench: what is kept of that has it not either.
    let run: RunView = factory.get(Role::Quality, &format!("/api/v1/runs/{}", believed.record.run_id)).await;
    let path = format!("/api/v1/units/{}/password", run.unit_id.unwrap());
    let why = Some(serde_json::json!({ "reason": "a test" }));
    let (_, answer) = factory.ask(Method::POST, &path, &factory.tokens[&Role::Quality], why).await;
    assert_eq!(answer["passwords"][0]["password"], password);
    let texts = held_texts(&factory).await;
    for envelope in [&believed, &doubted] {
        let sealed = &envelope.record.password.as_ref().unwrap().sealed;
        assert!(
            texts.iter().any(|text| text.contains(sealed.as_str())),
            "the search sees what is compressed"
        );
    }
    assert!(texts.iter().all(|text| !text.contains(password)));

    let folders = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let dump = folders.map(|entry| entry.path().join("bin/pg_dump")).find(|path| path.is_file());
    let program = dump.unwrap_or_else(|| "pg_dump".into());
    let Ok(output) = Command::new(program).arg(&factory.server.database.url).output() else {
        panic!("pg_dump is missing: install PostgreSQL's client programs");
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let dump = String::from_utf8_lossy(&output.stdout);
    assert!(dump.contains("B-2641"), "the dump holds the data");
    for secret in factory.tokens.values().chain([&factory.station.key, &factory.station.placeholder_key]) {
        assert!(!dump.contains(secret.as_str()));
    }
    // Bytes stand in a dump as base16; a dictionary is text as it is.
    assert!(dump.contains(&hex::encode("\"operation\":\"birth\"")), "the search sees bytes");
    assert!(!dump.contains(password) && !dump.contains(&hex::encode(password)));
}

/// Whatever order records come in, what the pages show is what the runs say.
#[tokio::test]
async fn the_projections_are_what_the_runs_say() {
    let factory = Factory::start().await;
    let serials = factory.serials(12).await;
    let mut envelopes: Vec<_> =
        (1..=12).map(|number| factory.envelope(number, Some(&serials[number as usize - 1]))).collect();
    envelopes[6].record.serial = None;
    envelopes[3].record.firmware = None;
    let mut again = factory.envelope(13, Some(&serials[6]));
    again.record.identifiers = envelopes[6].record.identifiers.clone();
    envelopes.push(again);
    envelopes.reverse();
    factory.send(&envelopes.iter().collect::<Vec<_>>()).await;
    let pool = &factory.server.database.pool;
    let units: i64 = sqlx::query_scalar(
        "select count(*) from unit u where (u.latest_run_id, u.outcome, u.finished_at) is distinct from (
            select (r.run_id, r.outcome, r.finished_at) from run r where r.unit_id = u.unit_id
            order by r.finished_at desc, r.run_id desc limit 1)",
    )
    .fetch_one(pool)
    .await
    .unwrap();
    assert_eq!(units, 0);
    let days: i64 = sqlx::query_scalar(
        "select count(*) from (
            select day, station_id, batch_id, runs, pass, fail, error, aborted, interrupted from day_count) c
         full join (
            select (finished_at at time zone 'UTC')::date as day, station_id, batch_id, count(*)::int as runs,
                count(*) filter (where outcome = 'pass')::int as pass, count(*) filter (where outcome = 'fail')::int as fail,
                count(*) filter (where outcome = 'error')::int as error,
                count(*) filter (where outcome = 'aborted')::int as aborted,
                count(*) filter (where outcome = 'interrupted')::int as interrupted
            from run group by 1, 2, 3) r using (day, station_id, batch_id, runs, pass, fail, error, aborted, interrupted)
         where c.day is null or r.day is null",
    )
    .fetch_one(pool)
    .await
    .unwrap();
    assert_eq!(days, 0);
    let sums: (i64, i64, i64) =
        sqlx::query_as("select sum(boards), sum(first_pass), sum(units_passed) from day_count")
            .fetch_one(pool)
            .await
            .unwrap();
    // Twelve boards; one did not prove its pass, which is an error and in no yield; board 7's pass came first here, so its failure
    // counts as a re-test.
    assert_eq!(sums, (11, 11, 11));
}
