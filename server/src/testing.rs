//! For tests: a database of one's own, and a service on it.
#![doc(hidden)]
#![expect(clippy::unwrap_used, reason = "a harness that can't do its work fails the test")]

use crate::{
    AppState, app,
    auth::token_hash,
    clock, connect,
    db::{self, accounts, accounts::Person},
    embedded_postgres::{Cluster, ClusterSettings, Durability},
    keys::Keys,
    migrate,
};
use domain::{ids::AccountId, role::Role};
use sqlx::PgPool;
use std::{net::SocketAddr, process::Child, time::Duration};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

/// The process's throw-away cluster and its watcher, which removes it when the process ends, however it ends.
static CLUSTER: OnceCell<(Cluster, Child)> = OnceCell::const_new();

/// An empty database with the newest schema.
#[derive(Debug, Clone)]
pub struct TestDatabase {
    /// As the owner of the tables.
    pub url: String,
    /// As the service works: `jigline_app`.
    pub pool: PgPool,
}

impl TestDatabase {
    /// In the cluster that `JIGLINE_TEST_DATABASE_URL` names, else in a throw-away one of this process.
    pub async fn new() -> Self {
        let base = match std::env::var("JIGLINE_TEST_DATABASE_URL") {
            Ok(url) if !url.is_empty() => url,
            _ => CLUSTER.get_or_init(start_cluster).await.0.url("postgres"),
        };
        let name = format!("test_{}", clock::new_id().simple());
        db::ensure_database(&base, &name).await.unwrap();
        let url = with_database(&base, &name);
        migrate(&url).await.unwrap();
        let pool = connect(&url, 8).await.unwrap();
        db::ensure_partitions(&pool, clock::now().date_naive()).await.unwrap();
        Self { url, pool }
    }
}

async fn start_cluster() -> (Cluster, Child) {
    let folder = tempfile::Builder::new().prefix("jigline-test-").tempdir().unwrap().keep();
    let settings = ClusterSettings {
        folder,
        programs: std::env::var_os("JIGLINE_POSTGRES_BIN").map(Into::into),
        search_path: std::env::var_os("PATH"),
        durability: Durability::ThrowAway,
    };
    let cluster = tokio::task::spawn_blocking(move || Cluster::start(&settings)).await.unwrap().unwrap();
    let watcher = cluster.remove_after_us().unwrap();
    (cluster, watcher)
}

/// The same cluster, another database.
fn with_database(url: &str, name: &str) -> String {
    let (head, query) = url.split_once('?').map_or((url, None), |(head, query)| (head, Some(query)));
    let slash = head.rfind('/').unwrap();
    let head = &head[..slash];
    query.map_or_else(|| format!("{head}/{name}"), |query| format!("{head}/{name}?{query}"))
}

/// A service on a port of its own, with one account a role.
#[derive(Debug)]
pub struct TestServer {
    pub base_url: String,
    pub database: TestDatabase,
    pub state: AppState,
}

impl TestServer {
    /// Serves until it is dropped.
    pub async fn start() -> Self {
        let database = TestDatabase::new().await;
        let state = AppState::new(database.pool.clone(), Keys::ephemeral(), CancellationToken::new());
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let stop = state.stopping.clone();
        let router = app(state.clone()).into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(crate::line::run(state.clone()));
        tokio::spawn(async move {
            axum::serve(listener, router).with_graceful_shutdown(async move { stop.cancelled().await }).await
        });
        Self { base_url, database, state }
    }

    /// A bearer token of a new account of this role, named after it unless that is taken.
    pub async fn token(&self, role: Role) -> String {
        let mut db = self.database.pool.acquire().await.unwrap();
        let account_id = AccountId(clock::new_id());
        let taken = accounts::by_username(&mut db, role.as_str()).await.unwrap().is_some();
        let username =
            if taken { format!("{}-{account_id}", role.as_str()) } else { role.as_str().to_owned() };
        let person = Person { account_id, username, role };
        accounts::insert(&mut db, &person, "no password", clock::now()).await.unwrap();
        let token = clock::random_token();
        accounts::insert_token(&mut db, &token_hash(&token), account_id, "test", clock::now()).await.unwrap();
        token
    }

    /// Imports a folder of profiles.
    pub async fn import(&self, folder: &std::path::Path) -> crate::ImportReport {
        crate::import(&self.database.pool, folder).await.unwrap()
    }

    /// Stops it and waits a moment for open requests.
    pub async fn stop(&self) {
        self.state.stopping.cancel();
        let _ = tokio::time::timeout(Duration::from_secs(5), self.database.pool.close()).await;
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.state.stopping.cancel();
    }
}
