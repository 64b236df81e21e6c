//! All SQL of the service. What lives here: one file an aggregate, functions that take a connection and give domain
//! types. What never does: rules, HTTP, a clock.

pub mod accounts;
pub mod audit;
pub mod batches;
pub mod bundles;
pub mod check_ins;
pub mod enrol_codes;
pub mod facts;
pub mod files;
pub mod floor_events;
pub mod freed;
pub mod holds;
pub mod ingest;
pub mod labels;
pub mod leases;
pub mod open_orders;
pub mod people;
pub mod quarantine;
pub mod quota;
pub mod reference_checks;
pub mod references;
pub mod runs;
pub mod serials;
pub mod size;
pub mod stations;
pub mod unit_acts;
pub mod units;
pub mod wire_logs;

use chrono::{Datelike as _, NaiveDate};
use sqlx::{
    ConnectOptions as _, Connection as _, PgPool,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::{str::FromStr as _, time::Duration};

/// The schema, forward only.
pub static MIGRATOR: Migrator = sqlx::migrate!("../migrations");

/// What the database answered, or what it holds and should not.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    #[error("the database did not do as asked")]
    Driver(#[from] sqlx::Error),
    #[error("{table}.{column} holds {found}")]
    Inconsistent { table: &'static str, column: &'static str, found: String },
}

/// What every function here gives.
pub type DbResult<T> = Result<T, DbError>;

impl DbError {
    /// The constraint that refused, where one did.
    #[must_use]
    pub fn constraint(&self) -> Option<&str> {
        match self {
            Self::Driver(error) => error.as_database_error().and_then(sqlx::error::DatabaseError::constraint),
            Self::Inconsistent { .. } => None,
        }
    }

    /// Whether the database can't hold what it was given (a NUL in a text, a year beyond its calendar, a value too long for
    /// an index, a broken constraint): the same again would fail again.
    #[must_use]
    pub fn is_about_the_data(&self) -> bool {
        let Self::Driver(error) = self else { return false };
        let code = error.as_database_error().and_then(|error| error.code());
        // SQLSTATE classes: data exception, integrity constraint violation, program limit exceeded.
        code.is_some_and(|code| ["22", "23", "54"].iter().any(|class| code.starts_with(class)))
    }

    /// What the database said, on one line.
    #[must_use]
    pub fn said(&self) -> String {
        match self {
            Self::Driver(error) => error
                .as_database_error()
                .map_or_else(|| error.to_string(), |error| error.message().to_owned()),
            Self::Inconsistent { .. } => self.to_string(),
        }
    }

    /// Whether two transactions stood in each other's way and one was chosen to begin again.
    #[must_use]
    pub fn is_worth_repeating(&self) -> bool {
        let Self::Driver(error) = self else { return false };
        let code = error.as_database_error().and_then(|error| error.code());
        matches!(code.as_deref(), Some("40001" | "40P01"))
    }
}

/// Something in the database that a domain type does not accept.
fn inconsistent<E: std::fmt::Display>(
    table: &'static str,
    column: &'static str,
) -> impl FnOnce(E) -> DbError {
    move |error| DbError::Inconsistent { table, column, found: error.to_string() }
}

/// A domain value out of JSON that we wrote ourselves.
fn from_json<T: serde::de::DeserializeOwned>(
    table: &'static str,
    column: &'static str,
    value: serde_json::Value,
) -> DbResult<T> {
    serde_json::from_value(value).map_err(inconsistent(table, column))
}

fn to_json<T: serde::Serialize>(value: &T) -> serde_json::Value {
    // Our types are structs of strings, numbers and lists: they always serialise.
    serde_json::to_value(value).unwrap_or_default()
}

/// Brings the schema of the database at `url` to this build's.
///
/// # Errors
/// Where it can't be reached or a migration fails.
pub async fn migrate(url: &str) -> Result<(), sqlx::Error> {
    let options = PgConnectOptions::from_str(url)?.log_statements(tracing::log::LevelFilter::Off);
    let mut connection = sqlx::PgConnection::connect_with(&options).await?;
    MIGRATOR.run(&mut connection).await?;
    connection.close().await
}

/// Makes the database `name` in the cluster at `url` if it is not there.
///
/// # Errors
/// What the database says.
pub async fn ensure_database(url: &str, name: &str) -> Result<(), sqlx::Error> {
    let mut connection = sqlx::PgConnection::connect(url).await?;
    let known = sqlx::query_scalar!("select 1 as one from pg_database where datname = $1", name)
        .fetch_optional(&mut connection)
        .await?;
    if known.is_none() {
        // A name can't be an argument; quoted, whatever it holds is a name.
        let quoted = name.replace('"', "\"\"");
        let sql = format!("create database \"{quoted}\"");
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await?;
    }
    connection.close().await
}

/// A pool whose connections work as `jigline_app`, which owns no table.
///
/// # Errors
/// Where the database can't be reached.
pub async fn connect(url: &str, connections: u32) -> Result<PgPool, sqlx::Error> {
    let options = PgConnectOptions::from_str(url)?
        .application_name("jigline-server")
        // Optional filters make one plan for all a bad plan for most.
        .options([("role", "jigline_app"), ("plan_cache_mode", "force_custom_plan"), ("timezone", "UTC")])
        .log_slow_statements(tracing::log::LevelFilter::Warn, Duration::from_secs(1));
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(15))
        .connect_with(options)
        .await
}

/// Makes the partitions of this month and the next two.
///
/// # Errors
/// What the database says.
pub async fn ensure_partitions(pool: &PgPool, today: NaiveDate) -> DbResult<()> {
    let mut month = today.with_day(1).unwrap_or(today);
    for _ in 0..3 {
        sqlx::query!("select ensure_month($1)", month).execute(pool).await?;
        month = month.checked_add_months(chrono::Months::new(1)).unwrap_or(month);
    }
    Ok(())
}

/// Whether something in the database rests on the service's keys: a station was enrolled or a bundle released.
///
/// # Errors
/// What the database says.
pub async fn is_used(pool: &PgPool) -> DbResult<bool> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select from station) or exists (select from bundle_release) as "used!""#
    )
    .fetch_one(pool)
    .await?)
}

/// Whether the database answers.
///
/// # Errors
/// What the database says.
pub async fn ping(pool: &PgPool) -> DbResult<()> {
    sqlx::query!("select 1 as one").fetch_one(pool).await?;
    Ok(())
}

/// `%text%`, with what LIKE takes for patterns escaped.
fn any_part(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_never_a_pattern() {
        assert_eq!(any_part("TB_26%"), "%TB\\_26\\%%");
    }
}
