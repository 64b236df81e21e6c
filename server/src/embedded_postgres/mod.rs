//! A private PostgreSQL cluster: the default where nobody names a database.
//!
//! What lives here: finding the programs, making the cluster, starting, adopting and stopping it, all with a folder of our
//! own, a random password and the loopback address only. What never does: SQL beyond 'is it there', migrations.

mod account;
mod cluster;
mod lock;
mod programs;

pub use cluster::{Cluster, ClusterSettings, Durability};

use std::path::PathBuf;

/// Why there is no database. Each sentence says what to do.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    #[error(
        "no PostgreSQL programs found (looked in {looked}); install PostgreSQL 15 or newer (Debian: `apt-get install postgresql`), \
         name its folder with --postgres-bin or JIGLINE_POSTGRES_BIN, or set DATABASE_URL to a server of your own"
    )]
    NoPrograms { looked: String },
    #[error(
        "{folder} holds no `initdb` and `postgres`; --postgres-bin must name the folder with PostgreSQL's programs"
    )]
    NotAProgramFolder { folder: PathBuf },
    #[error(
        "the database in {folder} was made by PostgreSQL {found}, the programs in {programs} are version {version}; install \
         PostgreSQL {found} or name its folder with --postgres-bin, the data was not touched"
    )]
    OtherVersion { folder: PathBuf, found: String, programs: PathBuf, version: String },
    #[error(
        "PostgreSQL refuses to run as root, and there is neither a user `postgres` nor `nobody` to run it as; make one"
    )]
    NoAccount,
    #[error(
        "the database's password file {path} can't be read ({cause}), though its data is in {folder}; put the file back from your backup"
    )]
    NoPassword { path: PathBuf, folder: PathBuf, cause: std::io::Error },
    #[error("{program} failed: {output}")]
    Program { program: String, output: String },
    #[error("PostgreSQL did not start in {folder}; the end of its log {log}: {tail}")]
    DidNotStart { folder: PathBuf, log: PathBuf, tail: String },
    #[error("{doing} {path}: {cause}")]
    Io { doing: &'static str, path: PathBuf, cause: std::io::Error },
}

impl PostgresError {
    pub(crate) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |cause| Self::Io { doing, path, cause }
    }
}
