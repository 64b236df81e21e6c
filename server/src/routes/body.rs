//! What a request brings, in its body, path and query; what is wrong with one is a problem document.

use crate::error::{ApiError, ApiResult};
use axum::{
    Json,
    extract::{FromRequest, FromRequestParts, Request, rejection::JsonRejection},
    http::{StatusCode, request::Parts},
};
use serde::de::DeserializeOwned;

/// The parsed body.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(rejection) => Err(problem(&rejection)),
        }
    }
}

/// A parsed body that may hold a badge or a PIN: what is wrong with one is not told with its values.
#[derive(Debug)]
pub struct SecretBody<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for SecretBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let parsed = Body::<T>::from_request(request, state).await;
        let unnamed = |fault: ApiError| {
            let detail = "The body is not in the form agreed; see /api/openapi.json. It may hold a badge or a PIN and is not repeated.";
            ApiError::new(fault.status, fault.code, detail)
        };
        parsed.map(|Body(body)| Self(body)).map_err(unnamed)
    }
}

/// The parameters of the path.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(path)) => Ok(Self(path)),
            Err(rejection) => Err(ApiError::invalid_field("path", rejection.body_text())),
        }
    }
}

/// The query.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match axum::extract::Query::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(query)) => Ok(Self(query)),
            Err(rejection) => Err(ApiError::invalid_field("query", rejection.body_text())),
        }
    }
}

/// Most characters of what a person says of a decision.
pub const LONGEST_REASON: usize = 1000;

/// What a person says of a decision, in that field; it is kept for ever, so something must stand there, and it must fit.
///
/// # Errors
/// Nothing, more than [`LONGEST_REASON`] characters, or a NUL, which no database keeps.
pub fn reason<'a>(field: &str, text: &'a str) -> ApiResult<&'a str> {
    let reason = text.trim();
    if reason.is_empty() || !fits(reason, LONGEST_REASON) {
        let detail = format!("say why, in at most {LONGEST_REASON} characters; it is kept for ever");
        return Err(ApiError::invalid_field(field, detail));
    }
    Ok(reason)
}

/// Whether a text of at most so many characters can be kept.
pub fn fits(text: &str, most: usize) -> bool {
    !text.contains('\0') && text.chars().count() <= most
}

fn problem(rejection: &JsonRejection) -> ApiError {
    let status = rejection.status();
    let code = match status {
        StatusCode::PAYLOAD_TOO_LARGE => "too_large",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "not_json",
        _ => "invalid",
    };
    ApiError::new(status, code, rejection.body_text())
}
