//! Bundles, their images and their releases.

use super::{DbResult, inconsistent};
use chrono::{DateTime, Utc};
use domain::{
    api::releases::{BundleState, BundleView},
    bundle::{BundleContent, BundleManifest, SignedRelease},
    ids::ContentHash,
};
use sqlx::PgConnection;

/// A bundle to be kept.
#[derive(Debug)]
pub struct NewBundle<'a> {
    pub manifest: &'a BundleManifest,
    /// Kept where the manifest names one.
    pub image: &'a [u8],
    pub simulator_only: bool,
    pub submitted_by: &'a str,
    pub at: DateTime<Utc>,
}

/// Keeps a bundle; the same one a second time changes nothing. Gives whether it is new.
///
/// # Errors
/// What the database says; so everywhere below.
pub async fn insert(db: &mut PgConnection, bundle: &NewBundle<'_>) -> DbResult<bool> {
    let manifest = bundle.manifest;
    let image_sha256 = manifest.firmware.as_ref().map(|firmware| firmware.sha256.as_str());
    if let Some(sha256) = image_sha256 {
        sqlx::query!(
            "insert into firmware_image (sha256, content, uploaded_at) values ($1, $2, $3) on conflict do nothing",
            sha256,
            bundle.image,
            bundle.at
        )
        .execute(&mut *db)
        .await?;
    }
    let reference = manifest.reference();
    let canonical = text_of(manifest.bytes());
    let inserted = sqlx::query!(
        "insert into bundle (hash, label, firmware_version, manifest, model_sha256, profile_sha256, procedure_sha256,
            image_sha256, label_sha256, simulator_only, submitted_by, submitted_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) on conflict (hash) do nothing",
        reference.hash.as_str(),
        reference.label,
        reference.firmware_version,
        canonical,
        manifest.model.sha256.as_str(),
        manifest.profile.sha256.as_str(),
        manifest.procedure.sha256.as_str(),
        image_sha256,
        manifest.label.as_ref().map(|label| label.sha256.as_str()),
        bundle.simulator_only,
        bundle.submitted_by,
        bundle.at
    )
    .execute(db)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Canonical JSON is UTF-8.
fn text_of(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_default()
}

struct Row {
    hash: String,
    label: String,
    manifest: String,
    simulator_only: bool,
    submitted_by: String,
    submitted_at: DateTime<Utc>,
    release: Option<String>,
    signature: Option<String>,
}

impl Row {
    fn release(&self) -> DbResult<Option<SignedRelease>> {
        let (Some(release), Some(signature)) = (&self.release, &self.signature) else { return Ok(None) };
        let release = serde_json::from_str(release).map_err(inconsistent("bundle_release", "release"))?;
        Ok(Some(SignedRelease { release, signature: signature.clone() }))
    }

    fn manifest(&self) -> DbResult<BundleManifest> {
        serde_json::from_str(&self.manifest).map_err(inconsistent("bundle", "manifest"))
    }

    fn view(self) -> DbResult<BundleView> {
        let release = self.release()?;
        Ok(BundleView {
            manifest: self.manifest()?,
            hash: self.hash.try_into().map_err(inconsistent("bundle", "hash"))?,
            label: self.label,
            state: if release.is_some() { BundleState::Released } else { BundleState::Submitted },
            submitted_by: self.submitted_by,
            submitted_at: self.submitted_at,
            release,
            simulator_only: self.simulator_only,
            converted: None,
        })
    }
}

/// All bundles, newest first.
pub async fn list(db: &mut PgConnection) -> DbResult<Vec<BundleView>> {
    sqlx::query_as!(
        Row,
        r#"select hash, label, manifest, simulator_only, b.submitted_by, submitted_at, release as "release?", signature as "signature?"
         from bundle b left join bundle_release using (bundle_id) order by bundle_id desc"#
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(Row::view)
    .collect()
}

pub async fn by_hash(db: &mut PgConnection, hash: &ContentHash) -> DbResult<Option<BundleView>> {
    sqlx::query_as!(
        Row,
        r#"select hash, label, manifest, simulator_only, b.submitted_by, submitted_at, release as "release?", signature as "signature?"
         from bundle b left join bundle_release using (bundle_id) where hash = $1"#,
        hash.as_str()
    )
    .fetch_optional(db)
    .await?
    .map(Row::view)
    .transpose()
}

/// Keeps a release; a bundle is released once.
pub async fn insert_release(db: &mut PgConnection, signed: &SignedRelease) -> DbResult<bool> {
    let release = &signed.release;
    let canonical = text_of(release.bytes());
    let inserted = sqlx::query!(
        "insert into bundle_release (bundle_id, release, signature, submitted_by, approved_by, approved_at)
         select bundle_id, $2, $3, $4, $5, $6 from bundle where hash = $1 on conflict do nothing",
        release.bundle.as_str(),
        canonical,
        signed.signature,
        release.submitted_by,
        release.approved_by,
        release.approved_at
    )
    .execute(db)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// A released bundle with all its texts, as a station fetches it.
pub async fn content(db: &mut PgConnection, hash: &ContentHash) -> DbResult<Option<BundleContent>> {
    let row = sqlx::query!(
        r#"select manifest, release, signature, m.content as model, p.content as profile, q.content as procedure,
            i.content as "image?", l.content as "label?"
         from bundle b join bundle_release using (bundle_id)
         join source_file m on m.sha256 = b.model_sha256
         join source_file p on p.sha256 = b.profile_sha256
         join source_file q on q.sha256 = b.procedure_sha256
         left join firmware_image i on i.sha256 = b.image_sha256
         left join source_file l on l.sha256 = b.label_sha256
         where b.hash = $1"#,
        hash.as_str()
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        Ok(BundleContent {
            manifest: serde_json::from_str(&row.manifest).map_err(inconsistent("bundle", "manifest"))?,
            model_toml: row.model,
            profile_toml: row.profile,
            procedure_toml: row.procedure,
            image_hex: row.image.map(hex::encode).unwrap_or_default(),
            label_toml: row.label.unwrap_or_default(),
            release: SignedRelease {
                release: serde_json::from_str(&row.release)
                    .map_err(inconsistent("bundle_release", "release"))?,
                signature: row.signature,
            },
        })
    })
    .transpose()
}

/// A bundle's texts and manifest.
#[derive(Debug, Clone)]
pub struct BundleTexts {
    pub bundle_id: i32,
    pub model: String,
    pub profile: String,
    pub procedure: String,
    /// None: its batches print none.
    pub label: Option<String>,
    /// Canonical JSON.
    pub manifest: String,
    pub simulator_only: bool,
    pub released: bool,
}

pub async fn texts(db: &mut PgConnection, hash: &ContentHash) -> DbResult<Option<BundleTexts>> {
    Ok(sqlx::query_as!(
        BundleTexts,
        r#"select b.bundle_id, m.content as model, p.content as profile, q.content as procedure, l.content as "label?", b.manifest, b.simulator_only,
            r.bundle_id is not null as "released!"
         from bundle b left join bundle_release r using (bundle_id)
         join source_file m on m.sha256 = b.model_sha256
         join source_file p on p.sha256 = b.profile_sha256
         join source_file q on q.sha256 = b.procedure_sha256
         left join source_file l on l.sha256 = b.label_sha256
         where b.hash = $1"#,
        hash.as_str()
    )
    .fetch_optional(db)
    .await?)
}
