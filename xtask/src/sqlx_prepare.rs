//! `cargo xtask sqlx-prepare`: writes the checked queries to .sqlx/ so that everybody else builds without a database.
//!
//! The macros of sqlx 0.9 write their findings into SQLX_OFFLINE_DIR whenever they have checked a query against a live
//! database, so a plain `cargo check` is enough and no further tool is needed. The migrations are applied by `psql` and
//! not by our server, because the server does not compile while a new query is not in .sqlx/ yet.

use crate::postgres::{self, ThrowAway};
use crate::say;
use crate::workspace::{Workspace, output, run};
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(Debug, clap::Args)]
pub struct Options {
    /// Use this running cluster (as a user who may create databases) instead of a throw-away one.
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// Write nothing; fail when .sqlx/ is not what the queries give now.
    #[arg(long)]
    check: bool,
}

/// # Errors
/// When a migration or a query does not hold, or with `--check` when .sqlx/ is stale.
pub fn prepare(workspace: &Workspace, options: &Options) -> Result<()> {
    let bin = postgres::find_or_install(workspace, &workspace.target.join("postgres"))?;
    let psql = Some(bin.join("psql"))
        .filter(|path| path.is_file())
        .or_else(|| workspace.tool("psql"))
        .context("psql is missing: install Debian's postgresql-client (or your system's like)")?;
    let cluster = match &options.database_url {
        None => Some(ThrowAway::start(&bin)?),
        Some(_) => None,
    };
    let base = match (&cluster, &options.database_url) {
        (_, Some(url)) => url.clone(),
        (Some(cluster), None) => cluster.url("postgres"),
        (None, None) => bail!("no cluster"),
    };
    let database = format!("jigline_prepare_{}", std::process::id());
    output(sql(&psql, &base).args(["-c", &format!("create database {database}")]))?;
    let url = with_database(&base, &database)?;
    let outcome = migrate(workspace, &psql, &url).and_then(|()| {
        let found = check_queries(workspace, &url)?;
        if options.check { compare(workspace, &found) } else { replace(workspace, &found) }
    });
    if cluster.is_none() {
        output(sql(&psql, &base).args(["-c", &format!("drop database if exists {database} with (force)")]))?;
    }
    outcome
}

fn sql(psql: &Path, url: &str) -> Command {
    let mut command = Command::new(psql);
    command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url]);
    command
}

/// The same address with another database in it.
fn with_database(url: &str, database: &str) -> Result<String> {
    let mut parsed =
        reqwest::Url::parse(url).with_context(|| format!("`{url}` is not a database address"))?;
    parsed.set_path(database);
    Ok(parsed.into())
}

fn migrate(workspace: &Workspace, psql: &Path, url: &str) -> Result<()> {
    for file in migrations(&workspace.root.join("migrations"))? {
        output(sql(psql, url).arg("-1").arg("-f").arg(&file))
            .with_context(|| format!("migration {}", file.display()))?;
    }
    Ok(())
}

fn migrations(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .with_context(|| format!("reading {}", folder.display()))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .filter(|path| !path.to_string_lossy().ends_with(".down.sql"))
        .collect();
    files.sort();
    if files.is_empty() {
        bail!("{} holds no .sql file", folder.display());
    }
    Ok(files)
}

/// Name and content of every query's file.
fn check_queries(workspace: &Workspace, url: &str) -> Result<BTreeMap<String, Vec<u8>>> {
    // Twice: another cargo may have compiled the crate between our touch and our turn, and then nothing is checked.
    for _ in 0..2 {
        let folder = tempfile::tempdir()?;
        touch(&workspace.root.join("server/src/lib.rs"))?;
        run(workspace
            .cargo()
            .args(["check", "--package", "jigline-server", "--all-targets"])
            .env("DATABASE_URL", url)
            .env("SQLX_OFFLINE", "false")
            .env("SQLX_OFFLINE_DIR", folder.path()))?;
        let found = read_queries(folder.path())?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    bail!("the server compiled, but no query was checked: does server/src/db hold any `query!`?");
}

fn touch(file: &Path) -> Result<()> {
    let opened = std::fs::File::options().append(true).open(file);
    let opened = opened.with_context(|| format!("opening {}", file.display()))?;
    #[expect(clippy::disallowed_methods, reason = "a file's time is the real time")]
    opened.set_modified(std::time::SystemTime::now())?;
    Ok(())
}

fn read_queries(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut found = BTreeMap::new();
    if !folder.is_dir() {
        return Ok(found);
    }
    for entry in std::fs::read_dir(folder)?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("query-") && name.ends_with(".json") {
            found.insert(name, std::fs::read(entry.path())?);
        }
    }
    Ok(found)
}

fn replace(workspace: &Workspace, found: &BTreeMap<String, Vec<u8>>) -> Result<()> {
    let folder = workspace.root.join(".sqlx");
    std::fs::create_dir_all(&folder)?;
    let held = read_queries(&folder)?;
    let mut changed = 0;
    for (name, content) in found {
        if held.get(name) != Some(content) {
            std::fs::write(folder.join(name), content)?;
            changed += 1;
        }
    }
    let stale: Vec<&String> = held.keys().filter(|name| !found.contains_key(*name)).collect();
    for name in &stale {
        std::fs::remove_file(folder.join(name))?;
    }
    say::line(format!(
        ".sqlx: {} queries, {changed} written, {} stale ones removed",
        found.len(),
        stale.len()
    ));
    Ok(())
}

fn compare(workspace: &Workspace, found: &BTreeMap<String, Vec<u8>>) -> Result<()> {
    if read_queries(&workspace.root.join(".sqlx"))? == *found {
        say::line(format!(".sqlx: {} queries, all as they are in the source", found.len()));
        return Ok(());
    }
    bail!(
        ".sqlx/ is not what the queries in server/src/db give: run `cargo xtask sqlx-prepare` and commit .sqlx/"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_is_changed_and_the_socket_kept() {
        let url = with_database("postgres://jigline@localhost/postgres?host=/tmp/x", "other").unwrap();
        assert_eq!(url, "postgres://jigline@localhost/other?host=/tmp/x");
    }

    #[test]
    fn migrations_come_in_the_order_of_their_names() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["0002_more.sql", "0001_first.sql", "0001_first.down.sql", "README.md"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let files = migrations(folder.path()).unwrap();
        let names: Vec<_> = files.iter().map(|file| file.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["0001_first.sql", "0002_more.sql"]);
    }
}
