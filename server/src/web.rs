//! The page itself: the built files inside the binary (feature `embed-ui`), or one line that says how to build them.

use axum::{
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};

/// Answers everything that is not the API.
#[cfg(not(feature = "embed-ui"))]
#[must_use]
pub fn page(_path: &str, _headers: &HeaderMap) -> Response {
    let text = "This server was built without its page: `cargo xtask ui`, then build with `--features embed-ui`. The API is at /api/v1.\n";
    (StatusCode::NOT_FOUND, text).into_response()
}

#[cfg(feature = "embed-ui")]
pub use embedded::page;

#[cfg(feature = "embed-ui")]
mod embedded {
    use super::*;
    use axum::http::{HeaderValue, header};
    use rust_embed::{EmbeddedFile, RustEmbed};

    #[derive(RustEmbed)]
    #[folder = "../frontend/dist/office"]
    struct Files;

    /// A file of the page; unknown paths are the page's own routes and get `index.html`.
    #[must_use]
    pub fn page(path: &str, headers: &HeaderMap) -> Response {
        let wanted = path.trim_start_matches('/');
        let is_file = !wanted.is_empty() && Files::get(wanted).is_some();
        // A missing script answered with a page would be a riddle in the browser's console.
        if !is_file && wanted.rsplit('/').next().is_some_and(|name| name.contains('.')) {
            return (StatusCode::NOT_FOUND, "no such file\n").into_response();
        }
        let name = if is_file { wanted } else { "index.html" };
        let Some((file, encoding)) = best(name, headers) else {
            return (StatusCode::NOT_FOUND, "the page was embedded without index.html\n").into_response();
        };
        answer(name, &file, encoding, headers)
    }

    /// The smallest form that the browser takes.
    fn best(name: &str, headers: &HeaderMap) -> Option<(EmbeddedFile, Option<&'static str>)> {
        let accepted =
            headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let takes = |encoding: &str| {
            accepted.split(',').any(|part| {
                let mut words = part.trim().split(';');
                let refused = part.replace(' ', "").contains(";q=0") && !part.contains("q=0.");
                words.next().is_some_and(|word| word.trim() == encoding) && !refused
            })
        };
        for (encoding, suffix) in [("br", "br"), ("gzip", "gz")] {
            if takes(encoding)
                && let Some(file) = Files::get(&format!("{name}.{suffix}"))
            {
                return Some((file, Some(encoding)));
            }
        }
        Files::get(name).map(|file| (file, None))
    }

    fn answer(
        name: &str,
        file: &EmbeddedFile,
        encoding: Option<&'static str>,
        headers: &HeaderMap,
    ) -> Response {
        let tag = format!("\"{}\"", hex::encode(&file.metadata.sha256_hash()[..16]));
        let mut response =
            if headers.get(header::IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == tag.as_bytes()) {
                StatusCode::NOT_MODIFIED.into_response()
            } else {
                file.data.clone().into_owned().into_response()
            };
        let set = response.headers_mut();
        let mime = mime_guess::from_path(name).first_or_octet_stream();
        let mut put = |name, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                set.insert(name, value);
            }
        };
        let text = mime.type_() == "text" || mime.subtype() == "javascript";
        put(header::CONTENT_TYPE, &if text { format!("{mime}; charset=utf-8") } else { mime.to_string() });
        put(header::ETAG, &tag);
        put(header::VARY, "accept-encoding");
        // Names under assets hold their content's hash.
        let lasting = name.starts_with("assets/");
        put(header::CACHE_CONTROL, if lasting { "public, max-age=31536000, immutable" } else { "no-cache" });
        if let Some(encoding) = encoding {
            put(header::CONTENT_ENCODING, encoding);
        }
        response
    }
}
