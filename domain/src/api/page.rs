//! Keyset pages.

use serde::{Deserialize, Serialize};

// Written out: the schema's derive does not find a type parameter through a macro.
/// One page of a list. `next` is an opaque key; none on the last page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Page<T> {
    pub items: Vec<T>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
