//! Exports of exactly what the list's filter finds, all pages, in one query.

use super::units::Asked;
use crate::{
    auth::Signed,
    clock,
    db::units::{self, Question},
    error::{ApiError, ApiResult, chain},
    exports::{csv, xlsx},
    state::AppState,
};
use axum::{
    body::Body,
    extract::State,
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use domain::{
    api::{problem::Problem, units::UnitRow},
    role::Permission,
};
use futures_util::StreamExt as _;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Bytes of CSV sent at once.
const CHUNK: usize = 64 * 1024;

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(as_csv)).routes(routes!(as_xlsx))
}

#[utoipa::path(get, path = "/api/v1/units/export.csv", tag = "units", params(
    ("q" = Option<String>, Query,), ("batch" = Option<String>, Query,), ("outcome" = Option<String>, Query,)), responses(
    (status = 200, description = "RFC 4180, UTF-8 without a byte order mark", body = String, content_type = "text/csv"),
    (status = 422, description = "invalid", body = Problem)))]
async fn as_csv(State(state): State<AppState>, signed: Signed, asked: Asked) -> ApiResult<Response> {
    signed.require(Permission::ReadProduction)?;
    let (sender, receiver) = mpsc::channel::<std::io::Result<Vec<u8>>>(4);
    tokio::spawn(send_csv(state, asked.question(), sender));
    let body = Body::from_stream(ReceiverStream::new(receiver));
    Ok((disposition("text/csv; charset=utf-8", "csv"), body).into_response())
}

fn disposition(mime: &'static str, extension: &str) -> [(HeaderName, String); 2] {
    let day = clock::now().format("%Y-%m-%d");
    let name = format!("attachment; filename=\"jigline-units-{day}.{extension}\"");
    [(header::CONTENT_TYPE, mime.to_owned()), (header::CONTENT_DISPOSITION, name)]
}

/// Ends the body with an error where the database does: a file cut short must not look whole.
async fn send_csv(state: AppState, question: Question, sender: mpsc::Sender<std::io::Result<Vec<u8>>>) {
    if let Err(error) = write_csv(&state, &question, &sender).await {
        tracing::error!(error = %chain(error.as_ref()), "a CSV export was cut");
        let _ = sender.send(Err(std::io::Error::other("the export was cut"))).await;
    }
}

async fn write_csv(
    state: &AppState,
    question: &Question,
    sender: &mpsc::Sender<std::io::Result<Vec<u8>>>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut db = state.pool.acquire().await?;
    let mut rows = std::pin::pin!(units::stream(&mut db, question, None, None));
    let mut chunk = csv::header();
    while let Some(row) = rows.next().await {
        chunk.extend(csv::row(row?));
        if chunk.len() >= CHUNK && sender.send(Ok(std::mem::take(&mut chunk))).await.is_err() {
            // Whoever asked went away.
            return Ok(());
        }
    }
    let _ = sender.send(Ok(chunk)).await;
    Ok(())
}

#[utoipa::path(get, path = "/api/v1/units/export.xlsx", tag = "units", params(
    ("q" = Option<String>, Query,), ("batch" = Option<String>, Query,), ("outcome" = Option<String>, Query,)), responses(
    (status = 200, description = "one sheet, typed cells", body = Vec<u8>,
        content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    (status = 413, description = "too_large: more rows than a sheet holds", body = Problem),
    (status = 422, description = "invalid", body = Problem)))]
async fn as_xlsx(State(state): State<AppState>, signed: Signed, asked: Asked) -> ApiResult<Response> {
    signed.require(Permission::ReadProduction)?;
    let question = asked.question();
    // Rows go straight from the query into the sheet, which is built on a thread of its own.
    let (sender, mut receiver) = mpsc::channel::<UnitRow>(256);
    let building =
        tokio::task::spawn_blocking(move || xlsx::workbook(std::iter::from_fn(|| receiver.blocking_recv())));
    {
        let mut db = state.pool.acquire().await?;
        let mut rows = std::pin::pin!(units::stream(&mut db, &question, None, None));
        while let Some(row) = rows.next().await {
            if sender.send(row?).await.is_err() {
                break;
            }
        }
    }
    drop(sender);
    let bytes = match building.await.map_err(|error| ApiError::internal(&error))? {
        Ok(bytes) => bytes,
        Err(fault @ xlsx::XlsxFault::TooManyRows) => {
            return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", fault.to_string()));
        }
        Err(error) => return Err(ApiError::internal(&error)),
    };
    let mime = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    Ok((disposition(mime, "xlsx"), bytes).into_response())
}
