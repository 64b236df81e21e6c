//! A page out of the program that serves it: the files that `cargo xtask ui` built, each in the smallest form that the browser takes.
//!
//! What lives here: paths, forms, how long a browser may keep them. What never does: who may look, and any route of an API.

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use rust_embed::{EmbeddedFile, RustEmbed};

/// A file of the page; unknown paths are the page's own routes and get `index.html`.
#[must_use]
pub fn page<F: RustEmbed>(path: &str, headers: &HeaderMap) -> Response {
    let wanted = path.trim_start_matches('/');
    let is_file = !wanted.is_empty() && F::get(wanted).is_some();
    // A missing script answered with a page would be a riddle in the browser's console.
    if !is_file && wanted.rsplit('/').next().is_some_and(|name| name.contains('.')) {
        return (StatusCode::NOT_FOUND, "no such file\n").into_response();
    }
    let name = if is_file { wanted } else { "index.html" };
    let Some((file, encoding)) = best::<F>(name, headers) else {
        return (StatusCode::NOT_FOUND, "the page was embedded without index.html\n").into_response();
    };
    answer(name, &file, encoding, headers)
}

/// The smallest form that the browser takes.
fn best<F: RustEmbed>(name: &str, headers: &HeaderMap) -> Option<(EmbeddedFile, Option<&'static str>)> {
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
            && let Some(file) = F::get(&format!("{name}.{suffix}"))
        {
            return Some((file, Some(encoding)));
        }
    }
    F::get(name).map(|file| (file, None))
}

fn answer(name: &str, file: &EmbeddedFile, encoding: Option<&'static str>, headers: &HeaderMap) -> Response {
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
