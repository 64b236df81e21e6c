//! A bundle: the model, the profile, the procedure, the image and the label that belong together, named by the hash of their manifest,
//! released by two people and signed by the server. The station checks all of it again.

use crate::ids::ContentHash;
use chrono::{DateTime, Utc};
use ed25519_dalek::{Signature, Verifier as _, VerifyingKey};

wire! {
    /// What a record says of its bundle.
    #[derive(Eq)]
    pub struct BundleRef {
        pub hash: ContentHash,
        /// `topbms-12s-lto-200a r3`.
        pub label: String,
        pub profile_id: String,
        pub profile_revision: u32,
        /// Empty: the bundle has no image.
        pub firmware_version: String,
    }
}

wire! {
    /// What is in a bundle. Its canonical JSON (as [`BundleManifest::bytes`] writes it) is what is hashed and signed.
    #[derive(Eq)]
    pub struct BundleManifest {
        pub model: FileRef,
        pub profile: FileRef,
        pub procedure: FileRef,
        /// None: its procedure sends no image.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub firmware: Option<FirmwareRef>,
        /// The template of its units' labels; none: no batch of it prints any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub label: Option<FileRef>,
    }
}

wire! {
    /// One file by id, revision and content.
    #[derive(Eq)]
    pub struct FileRef {
        pub id: String,
        pub revision: u32,
        pub sha256: ContentHash,
    }
}

wire! {
    /// The image.
    #[derive(Eq)]
    pub struct FirmwareRef {
        pub version: String,
        pub bytes: u32,
        pub sha256: ContentHash,
        /// CRC-32 (IEEE) over the image's bytes.
        pub crc32: u32,
    }
}

wire! {
    /// Who released it; signed together with the bundle's hash.
    #[derive(Eq)]
    pub struct Release {
        pub bundle: ContentHash,
        /// Account name of the submitting engineer.
        pub submitted_by: String,
        /// Account name of the approving quality engineer; another person.
        pub approved_by: String,
        pub approved_at: DateTime<Utc>,
    }
}

wire! {
    /// A release with the server's Ed25519 signature over [`Release::bytes`], base16.
    #[derive(Eq)]
    pub struct SignedRelease {
        pub release: Release,
        pub signature: String,
    }
}

wire! {
    /// `GET /api/v1/station/bundles/{hash}` (station key): a bundle as a station fetches it: the files' exact texts and, where its
    /// procedure sends one, the image as base16.
    pub struct BundleContent {
        pub manifest: BundleManifest,
        pub model_toml: String,
        pub profile_toml: String,
        pub procedure_toml: String,
        /// The image, base16; empty where the manifest names none.
        #[serde(default)]
        pub image_hex: String,
        /// The label's template; empty where the manifest names none.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        pub label_toml: String,
        pub release: SignedRelease,
    }
}

/// Why a bundle is not worked with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleFault {
    #[error("the {part} in the bundle has SHA-256 {found}, its manifest says {expected}")]
    ContentDiffers { part: &'static str, expected: ContentHash, found: ContentHash },
    #[error("the bundle's manifest has SHA-256 {found}, the assignment asks for {expected}")]
    HashDiffers { expected: ContentHash, found: ContentHash },
    #[error("the image in the bundle is not base16 text")]
    ImageNotHex,
    #[error("the bundle brings an image that its manifest does not name")]
    ImageNotNamed,
    #[error("the bundle brings a label that its manifest does not name")]
    LabelNotNamed,
    #[error("the release names bundle {0}, not this one")]
    ReleaseOfAnother(ContentHash),
    #[error("the bundle was submitted and approved by the same person ({0}); it takes two")]
    OnePerson(String),
    #[error(
        "the release's signature does not check against the server's key; enrol the station again if the server was replaced"
    )]
    BadSignature,
}

impl BundleManifest {
    /// The canonical bytes: JSON with the fields in the order of the type, no spaces.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        // A struct of strings and numbers always serialises.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The bundle's name.
    #[must_use]
    pub fn hash(&self) -> ContentHash {
        ContentHash::of(&self.bytes())
    }

    /// What a record says of it.
    #[must_use]
    pub fn reference(&self) -> BundleRef {
        BundleRef {
            hash: self.hash(),
            label: format!("{} r{}", self.profile.id, self.profile.revision),
            profile_id: self.profile.id.clone(),
            profile_revision: self.profile.revision,
            firmware_version: self.firmware.as_ref().map(|image| image.version.clone()).unwrap_or_default(),
        }
    }
}

impl Release {
    /// The canonical bytes that are signed.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl BundleContent {
    /// Checks every hash, the two people and the signature, and gives the image; none where the manifest names none.
    ///
    /// # Errors
    /// The first thing that does not agree; then nothing of the bundle is used.
    pub fn check(
        &self,
        expected: &ContentHash,
        server_key: &VerifyingKey,
    ) -> Result<Option<Vec<u8>>, BundleFault> {
        let found = self.manifest.hash();
        if found != *expected {
            return Err(BundleFault::HashDiffers { expected: expected.clone(), found });
        }
        let image = hex::decode(&self.image_hex).map_err(|_| BundleFault::ImageNotHex)?;
        if self.manifest.firmware.is_none() && !image.is_empty() {
            return Err(BundleFault::ImageNotNamed);
        }
        if self.manifest.label.is_none() && !self.label_toml.is_empty() {
            return Err(BundleFault::LabelNotNamed);
        }
        let texts: [(&'static str, &ContentHash, &[u8]); 3] = [
            ("device model", &self.manifest.model.sha256, self.model_toml.as_bytes()),
            ("profile", &self.manifest.profile.sha256, self.profile_toml.as_bytes()),
            ("procedure", &self.manifest.procedure.sha256, self.procedure_toml.as_bytes()),
        ];
        let named = self.manifest.firmware.as_ref().map(|firmware| ("image", &firmware.sha256, &image[..]));
        let label =
            self.manifest.label.as_ref().map(|label| ("label", &label.sha256, self.label_toml.as_bytes()));
        for (part, expected, bytes) in texts.into_iter().chain(named).chain(label) {
            let found = ContentHash::of(bytes);
            if found != *expected {
                return Err(BundleFault::ContentDiffers { part, expected: expected.clone(), found });
            }
        }
        self.release.check(expected, server_key)?;
        Ok(self.manifest.firmware.is_some().then_some(image))
    }
}

impl SignedRelease {
    /// Checks that it releases `bundle`, by two people, under the server's key.
    ///
    /// # Errors
    /// The first thing that does not agree.
    pub fn check(&self, bundle: &ContentHash, server_key: &VerifyingKey) -> Result<(), BundleFault> {
        if self.release.bundle != *bundle {
            return Err(BundleFault::ReleaseOfAnother(self.release.bundle.clone()));
        }
        if self.release.submitted_by == self.release.approved_by {
            return Err(BundleFault::OnePerson(self.release.submitted_by.clone()));
        }
        let signature = hex::decode(&self.signature)
            .ok()
            .and_then(|bytes| Signature::from_slice(&bytes).ok())
            .ok_or(BundleFault::BadSignature)?;
        server_key.verify(&self.release.bytes(), &signature).map_err(|_| BundleFault::BadSignature)
    }
}
