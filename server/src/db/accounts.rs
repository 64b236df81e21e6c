//! Accounts, sessions and tokens. Tokens come here as their SHA-256 only.

use super::{DbResult, inconsistent};
use chrono::{DateTime, Utc};
use domain::{ids::AccountId, role::Role};
use sqlx::PgConnection;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub account_id: AccountId,
    pub username: String,
    pub role: Role,
}

/// How many accounts there are.
///
/// # Errors
/// What the database says; so everywhere below.
pub async fn count(db: &mut PgConnection) -> DbResult<i64> {
    Ok(sqlx::query_scalar!(r#"select count(*) as "count!" from account"#).fetch_one(db).await?)
}

pub async fn insert(
    db: &mut PgConnection,
    person: &Person,
    password_hash: &str,
    at: DateTime<Utc>,
) -> DbResult<()> {
    sqlx::query!(
        "insert into account (account_id, username, role, password_hash, created_at) values ($1, $2, $3, $4, $5)",
        person.account_id.0,
        person.username,
        person.role.as_str(),
        password_hash,
        at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The account of that name with its password hash.
pub async fn by_username(db: &mut PgConnection, username: &str) -> DbResult<Option<(Person, String)>> {
    let row = sqlx::query!(
        "select account_id, username, role, password_hash from account where username = $1",
        username
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        Ok((
            Person {
                account_id: row.account_id.into(),
                username: row.username,
                role: row.role.parse().map_err(inconsistent("account", "role"))?,
            },
            row.password_hash,
        ))
    })
    .transpose()
}

pub async fn insert_session(
    db: &mut PgConnection,
    token_hash: &[u8],
    account: AccountId,
    at: DateTime<Utc>,
    until: DateTime<Utc>,
) -> DbResult<()> {
    sqlx::query!("delete from session where expires_at < $1", at).execute(&mut *db).await?;
    sqlx::query!(
        "insert into session (token_hash, account_id, created_at, expires_at) values ($1, $2, $3, $4)",
        token_hash,
        account.0,
        at,
        until
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn delete_session(db: &mut PgConnection, token_hash: &[u8]) -> DbResult<()> {
    sqlx::query!("delete from session where token_hash = $1", token_hash).execute(db).await?;
    Ok(())
}

/// Whose session or token this is, if it still holds.
pub async fn by_token(
    db: &mut PgConnection,
    token_hash: &[u8],
    now: DateTime<Utc>,
) -> DbResult<Option<Person>> {
    let row = sqlx::query!(
        "select a.account_id, a.username, a.role from account a where a.account_id in (
            select account_id from session where token_hash = $1 and expires_at > $2
            union all select account_id from api_token where token_hash = $1 and revoked_at is null)",
        token_hash,
        now
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        Ok(Person {
            account_id: row.account_id.into(),
            username: row.username,
            role: row.role.parse().map_err(inconsistent("account", "role"))?,
        })
    })
    .transpose()
}

pub async fn insert_token(
    db: &mut PgConnection,
    token_hash: &[u8],
    account: AccountId,
    label: &str,
    at: DateTime<Utc>,
) -> DbResult<()> {
    sqlx::query!(
        "insert into api_token (token_hash, account_id, label, created_at) values ($1, $2, $3, $4)",
        token_hash,
        account.0,
        label,
        at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Lets whoever makes the first accounts wait for each other.
pub async fn lock(db: &mut PgConnection) -> DbResult<()> {
    sqlx::query!("select pg_advisory_xact_lock(7240002)").execute(db).await?;
    Ok(())
}
