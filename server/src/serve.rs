//! The service from start to stop: database, keys, accounts, files, socket, and all of it back again in order.

use crate::{
    bootstrap, clock,
    db::{
        self,
        wire_logs::{self, Bound},
    },
    embedded_postgres::{Cluster, ClusterSettings, Durability},
    error::chain,
    import::import,
    keys::{Keys, Missing},
    line,
    routes::app,
    state::AppState,
};
use anyhow::Context as _;
use chrono::TimeDelta;
use std::{
    ffi::OsString,
    fs::{File, TryLockError},
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// What `jigline-server serve` was told.
#[derive(Debug)]
pub struct ServeSettings {
    pub data: PathBuf,
    pub listen: SocketAddr,
    pub profiles: PathBuf,
    pub bootstrap_accounts: PathBuf,
    pub postgres_programs: Option<PathBuf>,
    /// A database of somebody's own; without it a private cluster is run.
    pub database_url: Option<String>,
    /// The value of PATH.
    pub search_path: Option<OsString>,
}

/// What whoever started us reads on the standard output.
#[derive(Debug, serde::Serialize)]
pub struct Ready {
    pub base_url: String,
    /// The private cluster's. Whoever named a database of their own knows where it is, and its password stays out of their log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_url: Option<String>,
}

/// Connections of the pool: the embedded cluster allows 200, and two services may share one database.
const CONNECTIONS: u32 = 24;
/// How long wire logs of runs are kept, and how many bytes of all of them, packed.
const WIRE_LOG_DAYS: TimeDelta = TimeDelta::days(90);
const WIRE_LOG_BYTES: u64 = 1024 * 1024 * 1024;
/// How long open requests may take at the end.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves until `stopping` is cancelled; `ready` is called once when the first request would be answered.
///
/// # Errors
/// One clear sentence for each thing that can be missing.
pub async fn serve(
    settings: ServeSettings,
    stopping: CancellationToken,
    ready: impl FnOnce(&Ready) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    // First, because it is cheap and its failure is somebody else's server.
    let listener = bind(settings.listen).await?;
    // Held to the end: a second service on the same folder would stop the first one's database.
    let _lock = lock(&settings.data)?;
    let (cluster, url) = database(&settings).await?;
    let served = serve_on(&settings, listener, &url, &stopping, ready).await;
    if let Some(cluster) = cluster {
        let stopped = tokio::task::spawn_blocking(move || cluster.stop()).await?;
        match stopped {
            Ok(()) => tracing::info!("PostgreSQL stopped"),
            Err(error) => {
                tracing::warn!(error = %chain(&error), "PostgreSQL did not stop in order; the next start finds it");
            }
        }
    }
    served
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        if error.kind() == std::io::ErrorKind::AddrInUse {
            anyhow::anyhow!(
                "port {} on {} is taken by another program; stop it or choose another port with --listen",
                address.port(),
                address.ip()
            )
        } else {
            anyhow::anyhow!("can't listen on {address}: {error}; choose another address with --listen")
        }
    })
}

/// The folder is one service's. The lock goes with the process, however that ends.
fn lock(data: &Path) -> anyhow::Result<File> {
    std::fs::create_dir_all(data)
        .with_context(|| format!("can't make the data folder {}", data.display()))?;
    let path = data.join("server.lock");
    let file = File::create(&path).with_context(|| format!("can't write {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => anyhow::bail!(
            "another jigline-server works in {}; stop it, or name another folder with --data",
            data.display()
        ),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("can't lock {}", path.display()))
        }
    }
}

/// The named database, or the private cluster's.
async fn database(settings: &ServeSettings) -> anyhow::Result<(Option<Cluster>, String)> {
    if let Some(url) = &settings.database_url {
        return Ok((None, url.clone()));
    }
    let cluster_settings = ClusterSettings {
        folder: settings.data.join("postgres"),
        programs: settings.postgres_programs.clone(),
        search_path: settings.search_path.clone(),
        durability: Durability::Durable,
    };
    let cluster = tokio::task::spawn_blocking(move || Cluster::start(&cluster_settings)).await??;
    db::ensure_database(&cluster.url("postgres"), "jigline")
        .await
        .context("can't make the database in the private cluster")?;
    let url = cluster.url("jigline");
    Ok((Some(cluster), url))
}

async fn serve_on(
    settings: &ServeSettings,
    listener: TcpListener,
    url: &str,
    stopping: &CancellationToken,
    ready: impl FnOnce(&Ready) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    db::migrate(url).await.context("can't bring the database's schema up to date; is DATABASE_URL right?")?;
    let pool = db::connect(url, CONNECTIONS)
        .await
        .context("can't connect to the database; is DATABASE_URL right?")?;
    let used = db::is_used(&pool).await.context("can't ask the database whether it was worked with")?;
    let missing = if used { Missing::Refuse } else { Missing::Make };
    let keys = Keys::open(&settings.data.join("keys"), missing)?;
    let now = clock::now();
    db::ensure_partitions(&pool, now.date_naive()).await.context("can't make this month's partitions")?;
    bootstrap::make_first_accounts(&pool, &settings.bootstrap_accounts).await?;
    import(&pool, &settings.profiles).await.context("can't import the profiles")?;
    let state = AppState::new(pool.clone(), keys, stopping.clone());
    let jobs = [
        tokio::spawn(line::run(state.clone())),
        tokio::spawn(daily(state.clone())),
        tokio::spawn(hourly(state.clone())),
    ];
    let address = listener.local_addr()?;
    let own = settings.database_url.is_none().then(|| url.to_owned());
    ready(&Ready { base_url: format!("http://{address}"), database_url: own })?;
    tracing::info!(%address, "serving");
    let stop = stopping.clone();
    let service = app(state).into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(listener, service).with_graceful_shutdown(async move { stop.cancelled().await });
    let mut server = tokio::spawn(server.into_future());
    stopping.cancelled().await;
    match tokio::time::timeout(PATIENCE, &mut server).await {
        Ok(ended) => ended?.context("the server's socket failed")?,
        Err(_) => {
            server.abort();
            tracing::warn!(seconds = PATIENCE.as_secs(), "some requests did not end in time and were cut");
        }
    }
    for job in jobs {
        let _ = job.await;
    }
    // A reader that fell asleep in a download holds its connection: PostgreSQL ends that one itself when it stops.
    if tokio::time::timeout(PATIENCE, pool.close()).await.is_err() {
        tracing::warn!("some database connections were still in use and were cut");
    }
    Ok(())
}

/// Keeps a month's partitions ahead of the clock.
async fn daily(state: AppState) {
    let mut tick = tokio::time::interval(Duration::from_secs(24 * 3600));
    loop {
        tokio::select! {
            () = state.stopping.cancelled() => return,
            _ = tick.tick() => {}
        }
        if let Err(error) = db::ensure_partitions(&state.pool, clock::now().date_naive()).await {
            tracing::error!(error = %chain(&error), "can't make the next months' partitions; runs go into the default one");
        }
    }
}

/// Lets go of wire logs beyond what is kept of them. Two services on one database may do so at once: what one deleted the other does not find.
async fn hourly(state: AppState) {
    let mut tick = tokio::time::interval(Duration::from_secs(3600));
    loop {
        tokio::select! {
            () = state.stopping.cancelled() => return,
            _ = tick.tick() => {}
        }
        let bound = Bound { before: clock::now() - WIRE_LOG_DAYS, bytes: WIRE_LOG_BYTES };
        let pruned = async { wire_logs::prune(&mut *state.pool.acquire().await?, bound).await };
        match pruned.await {
            Ok(0) => {}
            Ok(logs) => tracing::info!(logs, "wire logs that were too old, or too many, are let go"),
            Err(error) => {
                tracing::error!(error = %chain(&error), "can't let go of old wire logs; they fill the disk");
            }
        }
    }
}
