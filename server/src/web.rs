//! The page itself: the built files inside the binary (feature `embed-ui`), or one line that says how to build them.

use axum::{http::HeaderMap, response::Response};

/// Answers everything that is not the API.
#[cfg(not(feature = "embed-ui"))]
#[must_use]
pub fn page(_path: &str, _headers: &HeaderMap) -> Response {
    use axum::response::IntoResponse as _;
    let text = "This server was built without its page: `cargo xtask ui`, then build with `--features embed-ui`. The API is at /api/v1.\n";
    (axum::http::StatusCode::NOT_FOUND, text).into_response()
}

#[cfg(feature = "embed-ui")]
#[derive(rust_embed::RustEmbed)]
#[folder = "../frontend/dist/office"]
struct Files;

/// A file of the page.
#[cfg(feature = "embed-ui")]
#[must_use]
pub fn page(path: &str, headers: &HeaderMap) -> Response {
    web::page::<Files>(path, headers)
}
