//! What whoever sits at the server's own machine does from the command line while the service runs: the same acts as on the pages, for
//! an installation that nobody can sign in to yet, and for scripts.

use crate::{
    clock,
    db::{self, enrol_codes, stations},
    embedded_postgres::Cluster,
    enrolment::{self, Decider},
    error::ApiError,
    people,
};
use anyhow::Context as _;
use domain::{
    api::{
        enrolment::{GiveCode, GivenCode},
        floor::{DelegateLead, JigAccess, NewPerson, PersonRow},
    },
    text::Language,
};
use sqlx::PgPool;
use std::path::PathBuf;

/// Which database: the service's.
#[derive(Debug, Clone)]
pub struct DeskSettings {
    /// The service's data folder.
    pub data: Option<PathBuf>,
    pub database_url: Option<String>,
}

/// Gives out a code of enrolment; gives what to print.
///
/// # Errors
/// A sentence for each thing that can be wrong.
pub async fn give_code(at: &DeskSettings, form: GiveCode) -> anyhow::Result<String> {
    let mut db = open(at).await?.begin().await?;
    let given = enrolment::give_code(&mut db, &form, decider()).await?;
    db.commit().await?;
    Ok(format!("{}: code {}", given.name, terms(&given)))
}

/// Lets another machine take a station's place; gives what to print.
///
/// # Errors
/// As [`give_code`].
pub async fn replace(at: &DeskSettings, name: &str, reason: &str) -> anyhow::Result<String> {
    let note = reason.trim();
    anyhow::ensure!(
        !note.is_empty() && note.chars().count() <= 1000,
        "--reason: say why, in at most 1000 characters; it is kept"
    );
    let mut db = open(at).await?.begin().await?;
    enrol_codes::take_turn(&mut db).await?;
    let known = stations::locked_by_name(&mut db, name.trim()).await?;
    let (id, _) = known.ok_or_else(|| ApiError::not_found("station", name.trim()))?;
    let replaced = enrolment::replace(&mut db, id, note, decider()).await?;
    db.commit().await?;
    let mut text = format!(
        "{}: its old key has stopped; for the machine that comes, code {}",
        replaced.code.name,
        terms(&replaced.code)
    );
    if !replaced.unused_numbers.is_empty() {
        text.push_str("\nlent to it and on no board that the server knows of: ");
        text.push_str(&replaced.unused_numbers.join(" "));
    }
    Ok(text)
}

/// Makes an account; gives what to print, its password among it.
///
/// # Errors
/// As [`give_code`].
pub async fn add_person(at: &DeskSettings, form: NewPerson) -> anyhow::Result<String> {
    let mut db = open(at).await?.begin().await?;
    let added = people::add(&mut db, &form, decider()).await?;
    db.commit().await?;
    let row = said_of(&added.person);
    Ok(format!("{row}\npassword for the office, shown this once: {}", added.password))
}

/// Changes how somebody signs in at jigs; gives what to print.
///
/// # Errors
/// As [`give_code`].
pub async fn set_access(at: &DeskSettings, username: &str, form: JigAccess) -> anyhow::Result<String> {
    let mut db = open(at).await?.begin().await?;
    let id = people::named(&mut db, username).await?;
    let person = people::set_access(&mut db, id, &form, decider()).await?;
    db.commit().await?;
    Ok(said_of(&person))
}

/// Makes somebody a lead, or takes that back; gives what to print.
///
/// # Errors
/// As [`give_code`].
pub async fn delegate(at: &DeskSettings, username: &str, form: DelegateLead) -> anyhow::Result<String> {
    let mut db = open(at).await?.begin().await?;
    let id = people::named(&mut db, username).await?;
    let person = people::delegate(&mut db, id, &form, decider()).await?;
    db.commit().await?;
    Ok(said_of(&person))
}

/// Everybody, a line each.
///
/// # Errors
/// As [`give_code`].
pub async fn list_people(at: &DeskSettings) -> anyhow::Result<String> {
    let mut db = open(at).await?.acquire().await?;
    let rows = db::people::list(&mut db, None).await?;
    Ok(rows.iter().map(said_of).collect::<Vec<_>>().join("\n"))
}

fn said_of(person: &PersonRow) -> String {
    let mut parts = vec![person.username.clone(), person.name.clone(), person.role.as_str().to_owned()];
    parts.extend(person.lead.then(|| "lead".to_owned()));
    parts.extend(person.number.as_ref().map(|number| format!("number {number}")));
    parts.extend(person.language.map(|language| match language {
        Language::En => "English".to_owned(),
        Language::Zh => "Chinese".to_owned(),
    }));
    parts.extend(person.has_badge.then(|| "badge".to_owned()));
    parts.extend(person.has_pin.then(|| "PIN".to_owned()));
    parts.join(" · ")
}

fn terms(given: &GivenCode) -> String {
    format!(
        "{code}, once, until {until}\non the PC at the jig: jigline-station enrol http://THIS-SERVER:PORT {code}",
        code = given.code,
        until = given.expires_at.format("%Y-%m-%d %H:%M UTC")
    )
}

fn decider() -> Decider<'static> {
    Decider { writer: "service", name: "command line", at: clock::now() }
}

async fn open(settings: &DeskSettings) -> anyhow::Result<PgPool> {
    let url = match (&settings.database_url, &settings.data) {
        (Some(url), _) if !url.is_empty() => url.clone(),
        (_, Some(data)) => Cluster::running_url(&data.join("postgres"), "jigline")?.with_context(|| {
            format!(
                "no jigline-server works in {} with a database of its own; start it first, or name its folder with --data",
                data.display()
            )
        })?,
        _ => anyhow::bail!("name the service's folder with --data, or its database with --database-url"),
    };
    db::connect(&url, 1).await.context("can't connect to the service's database")
}
