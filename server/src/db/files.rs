//! Models, profiles, procedures and labels: the exact texts by id and revision.

use super::{DbError, DbResult};
use chrono::{DateTime, Utc};
use domain::ids::ContentHash;
use sqlx::PgConnection;

/// What a source file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    Model,
    Profile,
    Procedure,
    Label,
}

impl SourceKind {
    /// The word in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Profile => "profile",
            Self::Procedure => "procedure",
            Self::Label => "label",
        }
    }
}

/// One stored file.
#[derive(Debug, Clone)]
pub struct SourceFile {
    pub id: String,
    pub revision: u32,
    pub sha256: ContentHash,
    pub content: String,
}

/// What became of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Imported {
    New,
    Known,
    /// This revision stands there with other content: a changed file needs a new revision.
    RevisionTaken,
}

/// Stores a file's text, once.
///
/// # Errors
/// What the database says; so everywhere below.
pub async fn import(
    db: &mut PgConnection,
    kind: SourceKind,
    file: &SourceFile,
    at: DateTime<Utc>,
) -> DbResult<Imported> {
    let inserted = sqlx::query!(
        "insert into source_file (sha256, kind, id, revision, content, imported_at) values ($1, $2, $3, $4, $5, $6)
         on conflict do nothing",
        file.sha256.as_str(),
        kind.as_str(),
        file.id,
        file.revision as i32,
        file.content,
        at
    )
    .execute(&mut *db)
    .await?
    .rows_affected();
    if inserted == 1 {
        return Ok(Imported::New);
    }
    let known = by_revision(db, kind, &file.id, file.revision).await?;
    Ok(if known.is_some_and(|known| known.sha256 == file.sha256) {
        Imported::Known
    } else {
        Imported::RevisionTaken
    })
}

struct Row {
    id: String,
    revision: i32,
    sha256: String,
    content: String,
}

impl TryFrom<Row> for SourceFile {
    type Error = DbError;
    fn try_from(row: Row) -> DbResult<Self> {
        Ok(Self {
            id: row.id,
            revision: row.revision as u32,
            sha256: row.sha256.try_into().map_err(super::inconsistent("source_file", "sha256"))?,
            content: row.content,
        })
    }
}

pub async fn by_revision(
    db: &mut PgConnection,
    kind: SourceKind,
    id: &str,
    revision: u32,
) -> DbResult<Option<SourceFile>> {
    sqlx::query_as!(
        Row,
        "select id, revision, sha256, content from source_file where kind = $1 and id = $2 and revision = $3",
        kind.as_str(),
        id,
        revision as i32
    )
    .fetch_optional(db)
    .await?
    .map(SourceFile::try_from)
    .transpose()
}

/// The newest revision of a file.
pub async fn newest(db: &mut PgConnection, kind: SourceKind, id: &str) -> DbResult<Option<SourceFile>> {
    sqlx::query_as!(
        Row,
        "select id, revision, sha256, content from source_file where kind = $1 and id = $2
         order by revision desc limit 1",
        kind.as_str(),
        id
    )
    .fetch_optional(db)
    .await?
    .map(SourceFile::try_from)
    .transpose()
}

/// The newest revision of every profile with whether a released bundle holds it.
pub async fn newest_profiles(db: &mut PgConnection) -> DbResult<Vec<(SourceFile, bool)>> {
    sqlx::query!(
        r#"select distinct on (id) id, revision, sha256, content,
            exists (select from bundle b join bundle_release using (bundle_id) where b.profile_sha256 = f.sha256) as "released!"
         from source_file f where kind = 'profile' order by id, revision desc"#
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| {
        let released = row.released;
        let row = Row { id: row.id, revision: row.revision, sha256: row.sha256, content: row.content };
        Ok((row.try_into()?, released))
    })
    .collect()
}

/// Revisions of a file, newest first.
pub async fn revisions(db: &mut PgConnection, kind: SourceKind, id: &str) -> DbResult<Vec<u32>> {
    let rows = sqlx::query_scalar!(
        "select revision from source_file where kind = $1 and id = $2 order by revision desc",
        kind.as_str(),
        id
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|revision| revision as u32).collect())
}

/// Whether a released bundle holds this text.
pub async fn is_released_profile(db: &mut PgConnection, sha256: &ContentHash) -> DbResult<bool> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select from bundle join bundle_release using (bundle_id) where profile_sha256 = $1) as "released!""#,
        sha256.as_str()
    )
    .fetch_one(db)
    .await?)
}

/// The newest revision of every procedure.
pub async fn newest_procedures(db: &mut PgConnection) -> DbResult<Vec<SourceFile>> {
    sqlx::query_as!(
        Row,
        "select distinct on (id) id, revision, sha256, content from source_file where kind = 'procedure'
         order by id, revision desc"
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(SourceFile::try_from)
    .collect()
}
