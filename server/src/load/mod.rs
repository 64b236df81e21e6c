//! `jigline-server load`: runs that never were, through the real ingest, and what they weigh and how long questions take.

pub mod synthetic;

use crate::{
    clock,
    db::{
        self, bundles,
        files::{self, SourceKind},
        serials, size, stations,
    },
    embedded_postgres::{Cluster, ClusterSettings, Durability},
    import::import,
    ingest,
    keys::Keys,
    metrics::Metrics,
};
use anyhow::Context as _;
use chrono::TimeDelta;
use domain::{
    api::ingest::IngestState,
    bundle::{BundleManifest, FileRef, FirmwareRef, Release, SignedRelease},
    ids::{BatchId, ContentHash, SerialBlockId, StationId},
    procedure::{ProcedureFile, Section, check_pairing, parse_procedure},
    profile::{Profile, parse_profile},
    record::Expected,
};
use serde_json::{Map, Value, json};
use sqlx::{Connection as _, PgConnection, PgPool};
use std::{path::PathBuf, time::Instant};
use synthetic::Work;

/// What to load and where.
#[derive(Debug, Clone, clap::Args)]
pub struct LoadSettings {
    /// Runs to load.
    #[arg(long, default_value_t = 20_000)]
    pub runs: u32,
    /// Rows a run: identifiers, steps, parameters and measurements together.
    #[arg(long, default_value_t = 150)]
    pub rows: u32,
    /// Where chance begins.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The database; without it a throw-away cluster is made and removed.
    #[arg(long)]
    pub database_url: Option<String>,
    /// Folder with models, parameters and procedures.
    #[arg(long, default_value = "profiles")]
    pub profiles: PathBuf,
    /// Folder with PostgreSQL's programs.
    #[arg(long)]
    pub postgres_bin: Option<PathBuf>,
}

/// Bytes a run may take, indexes included, the exact texts left out.
const GOAL_BYTES: f64 = 10.0 * 1024.0;
/// How long a question may take, milliseconds.
const GOAL_QUESTION_MS: f64 = 1000.0;
/// Runs a day of the imagined factory.
const RUNS_A_DAY: i64 = 1000;

/// Loads, measures and tells; gives the line of figures and whether every goal was met.
///
/// # Errors
/// Whatever keeps it from measuring.
pub async fn load(
    settings: &LoadSettings,
    mut say: impl FnMut(&str) -> anyhow::Result<()>,
) -> anyhow::Result<(String, bool)> {
    let (cluster, url) = database(settings).await?;
    let measured = measure(settings, &url, &mut say).await;
    if let Some((cluster, mut watcher)) = cluster {
        tokio::task::spawn_blocking(move || {
            let stopped = cluster.stop();
            drop(watcher.stdin.take());
            let _ = watcher.wait();
            stopped
        })
        .await??;
    }
    measured
}

async fn database(
    settings: &LoadSettings,
) -> anyhow::Result<(Option<(Cluster, std::process::Child)>, String)> {
    if let Some(url) = &settings.database_url {
        return Ok((None, url.clone()));
    }
    let cluster_settings = ClusterSettings {
        folder: tempfile::Builder::new().prefix("jigline-load-").tempdir()?.keep(),
        programs: settings.postgres_bin.clone(),
        search_path: None,
        durability: Durability::ThrowAway,
    };
    let cluster = tokio::task::spawn_blocking(move || Cluster::start(&cluster_settings)).await??;
    let watcher = cluster.remove_after_us()?;
    db::ensure_database(&cluster.url("postgres"), "load").await?;
    let url = cluster.url("load");
    Ok((Some((cluster, watcher)), url))
}

async fn measure(
    settings: &LoadSettings,
    url: &str,
    say: &mut impl FnMut(&str) -> anyhow::Result<()>,
) -> anyhow::Result<(String, bool)> {
    db::migrate(url).await.context("can't migrate the database")?;
    let pool = db::connect(url, 4).await.context("can't connect to the database")?;
    let days = i64::from(settings.runs) / RUNS_A_DAY + 1;
    let first = clock::now() - TimeDelta::days(days);
    db::ensure_partitions(&pool, first.date_naive()).await?;
    let before = total(&pool).await?;
    let work = prepare(&pool, settings).await?;
    let started = Instant::now();
    send(&pool, settings, &work, first).await?;
    let seconds = started.elapsed().as_secs_f64();
    let mut owner = PgConnection::connect(url).await?;
    size::settle(&mut owner).await?;
    let runs = f64::from(settings.runs.max(1));
    say(&format!(
        "{} runs of {} rows in {seconds:.1} s: {:.0} runs/s through ingest, 100 a transaction",
        settings.runs,
        settings.rows,
        runs / seconds
    ))?;
    let mut figures = Map::new();
    weigh(&mut owner, runs, before, &mut figures, say).await?;
    ask(&mut owner, &mut figures, say).await?;
    figure(&mut figures, "ingest_runs_per_s", runs / seconds, None);
    pool.close().await;
    let met = figures.values().all(|figure| figure["met"] != json!(false));
    Ok((Value::Object(figures).to_string(), met))
}

fn figure(figures: &mut Map<String, Value>, name: &str, value: f64, goal: Option<f64>) {
    let value = (value * 100.0).round() / 100.0;
    let mut figure = json!({ "value": value });
    if let Some(goal) = goal {
        figure["goal"] = json!(goal);
        figure["met"] = json!(value <= goal);
    }
    figures.insert(name.to_owned(), figure);
}

/// Heap and index bytes of all tables, and those of the exact texts.
async fn total(pool: &PgPool) -> anyhow::Result<(i64, i64)> {
    let mut db = pool.acquire().await?;
    Ok(sums(&size::tables(&mut db).await?))
}

fn sums(tables: &[size::TableSize]) -> (i64, i64) {
    let weight =
        |table: &size::TableSize| table.heap + table.indexes.iter().map(|(_, bytes)| bytes).sum::<i64>();
    let texts = tables.iter().filter(|table| table.table == "envelope").map(weight).sum();
    (tables.iter().map(weight).sum(), texts)
}

async fn weigh(
    db: &mut PgConnection,
    runs: f64,
    before: (i64, i64),
    figures: &mut Map<String, Value>,
    say: &mut impl FnMut(&str) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let tables = size::tables(db).await?;
    say("bytes a run:   heap  indexes  table")?;
    for table in tables.iter().filter(|table| table.heap as f64 >= runs) {
        let indexes: i64 = table.indexes.iter().map(|(_, bytes)| bytes).sum();
        say(&format!(
            "          {:>9.1} {:>8.1}  {}",
            table.heap as f64 / runs,
            indexes as f64 / runs,
            table.table
        ))?;
        for (index, bytes) in &table.indexes {
            say(&format!("                    {:>8.1}    {index}", *bytes as f64 / runs))?;
        }
    }
    let (all, texts) = sums(&tables);
    let (all, texts) = ((all - before.0) as f64 / runs, (texts - before.1) as f64 / runs);
    figure(figures, "bytes_per_run_without_exact_texts", all - texts, Some(GOAL_BYTES));
    figure(figures, "bytes_per_run_with_exact_texts", all, Some(GOAL_BYTES));
    Ok(())
}

async fn ask(
    db: &mut PgConnection,
    figures: &mut Map<String, Value>,
    say: &mut impl FnMut(&str) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let sample = size::sample(db).await?.context("nothing was loaded")?;
    let part = sample.serial.get(3..).unwrap_or(&sample.serial);
    let between = (sample.value, sample.value);
    for (name, sql) in size::questions(part, sample.unit_id, &sample.measurement, between) {
        let (plan, time) = size::explain(db, &sql).await?;
        say(&format!("\n-- {name}: {}", sql.split_whitespace().collect::<Vec<_>>().join(" ")))?;
        for line in plan {
            say(&line)?;
        }
        figure(figures, &format!("{name}_ms"), time, Some(GOAL_QUESTION_MS));
    }
    Ok(())
}

/// A released bundle, a batch, a station and its numbers, as the routes make them.
async fn prepare(pool: &PgPool, settings: &LoadSettings) -> anyhow::Result<Work> {
    import(pool, &settings.profiles).await?;
    let mut db = pool.begin().await?;
    let (manifest, expected) = manifest_of(&mut db, settings).await?;
    let keys = Keys::ephemeral();
    let now = clock::now();
    let image = [0; 16];
    let bundle = bundles::NewBundle {
        manifest: &manifest,
        image: &image,
        simulator_only: true,
        submitted_by: "load-engineer",
        at: now,
    };
    bundles::insert(&mut db, &bundle).await?;
    let release = Release {
        bundle: manifest.hash(),
        submitted_by: "load-engineer".to_owned(),
        approved_by: "load-quality".to_owned(),
        approved_at: now,
    };
    let signature = keys.sign_release(&release.bytes());
    bundles::insert_release(&mut db, &SignedRelease { release, signature }).await?;
    let batch_id = BatchId(clock::new_id());
    let batch = db::batches::BatchToKeep {
        batch_id,
        name: &format!("load-{batch_id}"),
        customer: "Load",
        bundle: &manifest.hash(),
        quantity: settings.runs.max(1),
        fails_allowed: domain::admission::FAILS_ALLOWED,
        order_values: &domain::profile::OrderValues::new(),
        labels: None,
        floor: domain::floor::FloorRules::default(),
        label_mode: domain::labelling::LabelMode::None,
        created_by: "load-quality",
        at: now,
    };
    db::batches::insert(&mut db, &batch).await?;
    let station_id = StationId(clock::new_id());
    let station =
        stations::Station { station_id, name: format!("load-{station_id}"), simulated: true, frozen: None };
    let key_hash = station_id.0.as_bytes().to_vec();
    let holder = stations::Holder::Somebody;
    let new = stations::NewStation { station: &station, slots: 8, key_hash: &key_hash, at: now, holder };
    stations::insert(&mut db, &new).await?;
    db.commit().await?;
    Ok(Work { station_id, batch_id, expected })
}

/// A bundle of the first shipped model whose profile and procedure have as many rows as asked.
async fn manifest_of(
    db: &mut PgConnection,
    settings: &LoadSettings,
) -> anyhow::Result<(BundleManifest, Expected)> {
    let none = || format!("{} holds no sound profile and procedure", settings.profiles.display());
    let profiles = files::newest_profiles(db).await?;
    let profiles: Vec<Profile> =
        profiles.iter().filter_map(|(file, _)| parse_profile(&file.id, &file.content).ok()).collect();
    let procedures = files::newest_procedures(db).await?;
    let pair = procedures.iter().find_map(|file| {
        let procedure = parse_procedure(&file.id, &file.content).ok()?;
        // Records with everything that one can hold, as the synthetic ones are.
        if !Section::ALL.into_iter().all(|section| procedure.orders(section))
            || procedure.number.register.is_some()
        {
            return None;
        }
        let profile = profiles.iter().find(|profile| check_pairing(&procedure, profile).is_none())?;
        Some((profile, procedure))
    });
    let (profile, procedure) = pair.with_context(none)?;
    let model = files::newest(db, SourceKind::Model, &profile.model).await?.with_context(none)?;
    let (profile, procedure) = synthetic::of_rows(settings.rows, profile, &procedure);
    let manifest = BundleManifest {
        model: FileRef { id: model.id, revision: model.revision, sha256: model.sha256 },
        profile: keep(db, SourceKind::Profile, &profile.id, profile.revision, toml::to_string(&profile)?)
            .await?,
        procedure: keep(
            db,
            SourceKind::Procedure,
            &procedure.id,
            procedure.revision,
            toml::to_string(&ProcedureFile::of(&procedure))?,
        )
        .await?,
        firmware: Some(FirmwareRef {
            version: "V1.9".to_owned(),
            bytes: 16,
            sha256: ContentHash::of(&[0; 16]),
            crc32: 0,
        }),
        label: None,
    };
    let expected = Expected::of(&profile, &procedure, &manifest);
    Ok((manifest, expected))
}

async fn keep(
    db: &mut PgConnection,
    kind: SourceKind,
    id: &str,
    revision: u32,
    content: String,
) -> anyhow::Result<FileRef> {
    let sha256 = ContentHash::of(content.as_bytes());
    let file = files::SourceFile { id: id.to_owned(), revision, sha256: sha256.clone(), content };
    files::import(db, kind, &file, clock::now()).await?;
    Ok(FileRef { id: file.id, revision, sha256 })
}

async fn send(
    pool: &PgPool,
    settings: &LoadSettings,
    work: &Work,
    first: chrono::DateTime<chrono::Utc>,
) -> anyhow::Result<()> {
    let outbox = clock::new_id();
    let metrics = Metrics::default();
    let step = TimeDelta::milliseconds(24 * 3600 * 1000 / RUNS_A_DAY);
    let mut number = 0;
    while number < settings.runs {
        let chunk = 100.min(settings.runs - number);
        let numbers: Vec<u32> = (number + 1..=number + chunk).collect();
        lend(pool, work, &numbers).await?;
        let texts: Vec<String> = numbers
            .iter()
            .map(|&n| {
                let at = first + step * n as i32;
                let envelope = synthetic::envelope(work, outbox, n, at, settings.seed);
                serde_json::to_string(&envelope).unwrap_or_default()
            })
            .collect();
        let results = ingest::hold_all(pool, &metrics, work.station_id, &texts).await?;
        if let Some(wrong) = results.iter().find(|result| result.state != IngestState::Stored) {
            anyhow::bail!("a synthetic run was not stored: {wrong:?}");
        }
        number += chunk;
    }
    Ok(())
}

async fn lend(pool: &PgPool, work: &Work, numbers: &[u32]) -> anyhow::Result<()> {
    let mut db = pool.begin().await?;
    let block = SerialBlockId(clock::new_id());
    serials::insert_block(&mut db, block, work.batch_id, work.station_id, None, clock::now()).await?;
    let texts: Vec<String> = numbers.iter().map(|number| synthetic::serial(*number)).collect();
    serials::insert_numbers(&mut db, block, 0, &texts).await?;
    db.commit().await?;
    Ok(())
}
