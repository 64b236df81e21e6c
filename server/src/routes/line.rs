//! The line now, and as it changes.

use crate::{auth::Signed, error::ApiResult, line, state::AppState};
use axum::{
    Json,
    extract::State,
    response::{
        Sse,
        sse::{Event, KeepAlive},
    },
};
use domain::{api::stations::LineView, role::Permission};
use futures_util::{Stream, StreamExt as _};
use std::convert::Infallible;
use tokio_stream::wrappers::WatchStream;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(now)).routes(routes!(events))
}

#[utoipa::path(get, path = "/api/v1/line", tag = "line", responses(
    (status = 200, description = "all stations with their slots", body = LineView)))]
async fn now(State(state): State<AppState>, signed: Signed) -> ApiResult<Json<LineView>> {
    signed.require(Permission::ReadProduction)?;
    let mut db = state.pool.acquire().await?;
    Ok(Json(line::view(&mut db).await?))
}

#[utoipa::path(get, path = "/api/v1/line/events", tag = "line", responses(
    (status = 200, description = "server-sent events `line`, data: LineView, at most one a second", body = String,
        content_type = "text/event-stream")))]
async fn events(
    State(state): State<AppState>,
    signed: Signed,
) -> ApiResult<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    signed.require(Permission::ReadProduction)?;
    let first = {
        let mut db = state.pool.acquire().await?;
        line::view(&mut db).await?
    };
    let later = WatchStream::from_changes(state.line.watch()).filter_map(|view| async move { view });
    let views = futures_util::stream::once(async move { std::sync::Arc::new(first) }).chain(later);
    let events = views
        .map(|view| Ok(Event::default().event("line").json_data(&*view).unwrap_or_default()))
        .take_until(state.stopping.clone().cancelled_owned());
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}
