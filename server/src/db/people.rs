//! People as they sign in at jigs: names, numbers, languages, and the hashes of badges and PINs.

use super::{DbResult, from_json, inconsistent, to_json};
use domain::{api::floor::PersonRow, floor::JigPerson, ids::AccountId, text::Language};
use sqlx::PgConnection;

/// What becomes of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change<'a> {
    Stays,
    TakenAway,
    Becomes(&'a str),
}

impl<'a> Change<'a> {
    fn is_none(self) -> bool {
        self == Self::Stays
    }

    fn value(self) -> Option<&'a str> {
        if let Self::Becomes(value) = self { Some(value) } else { None }
    }
}

/// What changes of how somebody signs in at jigs.
#[derive(Debug, Clone, Copy)]
pub struct JigChange<'a> {
    pub number: Change<'a>,
    /// Of the badge's code, as [`JigPerson::badge`].
    pub badge_hash: Change<'a>,
    pub pin_hash: Change<'a>,
    /// None: it stays.
    pub language: Option<Language>,
}

/// Changes it; the constraints `account_personnel_number_key` and `account_badge_hash_key` refuse what somebody else has.
///
/// # Errors
/// What the database says; so everywhere below.
pub async fn change(db: &mut PgConnection, id: AccountId, change: &JigChange<'_>) -> DbResult<()> {
    sqlx::query!(
        "update account set
            personnel_number = case when $2 then personnel_number else $3 end,
            badge_hash = case when $4 then badge_hash else $5 end,
            pin_hash = case when $6 then pin_hash else $7 end,
            language = coalesce($8, language)
         where account_id = $1",
        id.0,
        change.number.is_none(),
        change.number.value(),
        change.badge_hash.is_none(),
        change.badge_hash.value(),
        change.pin_hash.is_none(),
        change.pin_hash.value(),
        change.language.map(word)
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn set_name(db: &mut PgConnection, id: AccountId, name: &str) -> DbResult<()> {
    sqlx::query!("update account set shown_name = $2 where account_id = $1", id.0, name).execute(db).await?;
    Ok(())
}

/// Gives whether it was otherwise.
pub async fn set_lead(db: &mut PgConnection, id: AccountId, lead: bool) -> DbResult<bool> {
    let changed =
        sqlx::query!("update account set lead = $2 where account_id = $1 and lead <> $2", id.0, lead)
            .execute(db)
            .await?;
    Ok(changed.rows_affected() == 1)
}

/// One of them, or all, by name.
pub async fn list(db: &mut PgConnection, only: Option<AccountId>) -> DbResult<Vec<PersonRow>> {
    sqlx::query!(
        r#"select account_id, username, coalesce(shown_name, username) as "name!", role, lead, personnel_number, language,
            badge_hash is not null as "has_badge!", pin_hash is not null as "has_pin!"
         from account where $1::uuid is null or account_id = $1 order by 3, username"#,
        only.map(|id| id.0)
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| {
        Ok(PersonRow {
            account_id: row.account_id.into(),
            username: row.username,
            name: row.name,
            role: row.role.parse().map_err(inconsistent("account", "role"))?,
            lead: row.lead,
            number: row.personnel_number,
            language: language(row.language)?,
            has_badge: row.has_badge,
            has_pin: row.has_pin,
        })
    })
    .collect()
}

/// Who may sign in at jigs: whoever has a badge or a PIN, and every operator, for whom a lead can vouch.
pub async fn of_jigs(db: &mut PgConnection) -> DbResult<Vec<JigPerson>> {
    sqlx::query!(
        r#"select username, coalesce(shown_name, username) as "name!", role, lead, personnel_number, language, badge_hash, pin_hash
         from account where badge_hash is not null or pin_hash is not null or role = 'operator' order by username"#
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| {
        Ok(JigPerson {
            username: row.username,
            name: row.name,
            role: row.role.parse().map_err(inconsistent("account", "role"))?,
            lead: row.lead,
            number: row.personnel_number,
            language: language(row.language)?,
            badge: row.badge_hash,
            pin: row.pin_hash,
        })
    })
    .collect()
}

/// The account of that name.
pub async fn named(db: &mut PgConnection, username: &str) -> DbResult<Option<AccountId>> {
    let id = sqlx::query_scalar!("select account_id from account where username = $1", username);
    Ok(id.fetch_optional(db).await?.map(Into::into))
}

/// The one salt of all badges: `drawn`, where there is none yet.
pub async fn badge_salt(db: &mut PgConnection, drawn: &[u8]) -> DbResult<Vec<u8>> {
    sqlx::query!("insert into badge_salt (salt) values ($1) on conflict do nothing", drawn)
        .execute(&mut *db)
        .await?;
    Ok(sqlx::query_scalar!("select salt from badge_salt").fetch_one(db).await?)
}

fn word(language: Language) -> String {
    to_json(&language).as_str().unwrap_or_default().to_owned()
}

fn language(word: Option<String>) -> DbResult<Option<Language>> {
    word.map(|word| from_json("account", "language", word.into())).transpose()
}
