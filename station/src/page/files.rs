//! The page's files inside the program.

use axum::{http::HeaderMap, response::Response};

#[derive(rust_embed::RustEmbed)]
#[folder = "../frontend/dist/operator"]
struct Files;

/// A file of the page.
pub fn page(path: &str, headers: &HeaderMap) -> Response {
    web::page::<Files>(path, headers)
}
