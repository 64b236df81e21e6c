//! Bundles: submitted by an engineer, released by quality.

use crate::{
    bundle::{BundleManifest, SignedRelease},
    ids::ContentHash,
};
use chrono::{DateTime, Utc};

wire! {
    /// `POST /api/v1/bundles` (engineer). Model, profile and procedure must have been imported. 201 [`BundleView`];
    /// 422 `invalid` names every fault of the image (0 bytes, larger than the model's flash, bad vector table, version differs; one too
    /// many or too few for the procedure).
    pub struct SubmitBundle {
        pub model_id: String,
        pub profile_id: String,
        pub profile_revision: u32,
        pub procedure_id: String,
        /// The template of its units' labels, as imported; left out where none are printed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub label_id: Option<String>,
        /// Left out or empty, as `image_hex` is, where the procedure sends no image.
        #[serde(default)]
        pub firmware_version: String,
        /// The file of the image, base16.
        #[serde(default)]
        pub image_hex: String,
        /// The file's name. One that ends in `.hex` is read as Intel HEX: it has to begin where the model's application does, and the
        /// bytes that it stands for are what is kept, hashed and sent to boards. Any other is taken byte by byte, and refused where it
        /// is Intel HEX all the same.
        #[serde(default)]
        pub image_name: String,
    }
}

wire! {
    /// What was made of an Intel HEX file; the bundle's `manifest.firmware` has length, SHA-256 and CRC-32 of the bytes that came of it.
    #[derive(Eq)]
    pub struct ConvertedImage {
        /// The file's name.
        pub file: String,
        /// Bytes of the file itself.
        pub file_bytes: u32,
        /// Address of the image's first byte.
        pub start_address: u32,
        /// Bytes within the image that the file does not give; they are FFh, as erased flash is.
        pub filled_bytes: u32,
    }
}

wire! {
    #[derive(Copy, Eq, Hash)]
    pub enum BundleState {
        Submitted,
        Released,
    }
}

wire! {
    /// `GET /api/v1/bundles`, `GET /api/v1/bundles/{hash}`. `POST /api/v1/bundles/{hash}/release` (quality, another person; empty body).
    pub struct BundleView {
        pub hash: ContentHash,
        pub label: String,
        pub manifest: BundleManifest,
        pub state: BundleState,
        pub submitted_by: String,
        pub submitted_at: DateTime<Utc>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub release: Option<SignedRelease>,
        /// Whether a part of it is `assumed`: then it is for simulators only.
        pub simulator_only: bool,
        /// In the answer to a submission alone: what was made of an Intel HEX file.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub converted: Option<ConvertedImage>,
    }
}
