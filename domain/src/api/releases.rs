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
        /// Left out or empty, as `image_hex` is, where the procedure sends no image.
        #[serde(default)]
        pub firmware_version: String,
        /// The image, base16.
        #[serde(default)]
        pub image_hex: String,
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
    }
}
