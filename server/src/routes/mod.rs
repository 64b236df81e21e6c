//! The HTTP API, one file a resource; a write with rules has its own. Each file exports `router()`; this one merges them.

mod batches;
mod body;
mod bundles;
mod change_over;
mod check_in;
mod confirm_reference;
mod end_reference;
mod enrol;
mod exports;
mod floor_events;
mod free_serial;
mod health;
mod hold_batch;
mod import_numbers;
mod leases;
mod ledger;
mod line;
mod people;
mod profiles;
mod quarantine;
mod reference_checks;
mod references;
mod register_reference;
mod release_bundle;
mod replace_station;
mod resolve_quarantine;
mod runs;
mod scrap_serial;
mod serial_blocks;
mod session;
mod set_lease;
mod station;
mod station_labels;
mod station_wire_logs;
mod stations;
mod submit_bundle;
mod tokens;
mod unfreeze_station;
mod unit_acts;
mod unit_password;
mod units;
mod wire_log;

use crate::{error::ApiError, state::AppState, web};
use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderValue, Uri, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::get,
};
pub(crate) use body::reason;
use body::{Body, Path, Query};
use std::sync::atomic::Ordering;
use tower_http::{catch_panic::CatchPanicLayer, set_header::SetResponseHeaderLayer};
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;

/// The largest request: a hundred envelopes, or an image of two megabytes as base16.
const BODY_LIMIT: usize = 16 * 1024 * 1024;

/// The page's own rules: nothing from elsewhere, WebAssembly allowed to compile, no framing.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'";

#[derive(utoipa::OpenApi)]
#[openapi(info(
    title = "Jigline",
    description = "Factory provisioning of battery-management boards. Errors are RFC 9457 problem documents with stable codes."
))]
struct Document;

fn api() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Document::openapi())
        .merge(session::router())
        .merge(tokens::router())
        .merge(people::router())
        .merge(profiles::router())
        .merge(bundles::router())
        .merge(submit_bundle::router())
        .merge(release_bundle::router())
        .merge(batches::router())
        .merge(hold_batch::router())
        .merge(ledger::router())
        .merge(scrap_serial::router())
        .merge(free_serial::router())
        .merge(import_numbers::router())
        .merge(stations::router())
        .merge(enrol::router())
        .merge(replace_station::router())
        .merge(unfreeze_station::router())
        .merge(station::router())
        .merge(station_labels::router())
        .merge(station_wire_logs::router())
        .merge(check_in::router())
        .merge(change_over::router())
        .merge(floor_events::router())
        .merge(serial_blocks::router())
        .merge(line::router())
        .merge(units::router())
        .merge(unit_acts::router())
        .merge(unit_password::router())
        .merge(exports::router())
        .merge(runs::router())
        .merge(wire_log::router())
        .merge(leases::router())
        .merge(set_lease::router())
        .merge(references::router())
        .merge(confirm_reference::router())
        .merge(reference_checks::router())
        .merge(register_reference::router())
        .merge(end_reference::router())
        .merge(quarantine::router())
        .merge(resolve_quarantine::router())
}

/// The API's document, OpenAPI 3.1.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    api().split_for_parts().1
}

/// The whole service.
pub fn app(state: AppState) -> Router {
    let (routes, document) = api().split_for_parts();
    let document = axum::Json(document);
    routes
        .route("/api/openapi.json", get(move || async move { document }))
        .merge(health::router())
        .fallback(elsewhere)
        .method_not_allowed_fallback(not_allowed)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::from_fn_with_state(state.clone(), count))
        .layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| {
            tracing::error!("a handler panicked; the other requests go on");
            ApiError::new(
                axum::http::StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "The service failed; look into its log.",
            )
            .into_response()
        }))
        .layer(fixed(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .layer(fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(fixed(header::REFERRER_POLICY, "no-referrer"))
        .with_state(state)
}

fn fixed(name: header::HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

async fn count(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = next.run(request).await;
    state.metrics.requests.fetch_add(1, Ordering::Relaxed);
    if response.status().is_server_error() {
        state.metrics.server_errors.fetch_add(1, Ordering::Relaxed);
    }
    tracing::debug!(%method, path, status = response.status().as_u16(), "answered");
    response
}

async fn not_allowed(method: axum::http::Method, uri: Uri) -> ApiError {
    let detail = format!("{} can't be asked with {method}; see /api/openapi.json.", uri.path());
    ApiError::new(axum::http::StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
}

/// Unknown paths: a problem document under `/api`, the page everywhere else.
async fn elsewhere(uri: Uri, headers: axum::http::HeaderMap) -> Response {
    if uri.path().starts_with("/api/") {
        return ApiError::not_found("route", uri.path()).into_response();
    }
    web::page(uri.path(), &headers)
}
