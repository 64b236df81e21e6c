//! Errors as problem documents (RFC 9457), each with a stable code and one sentence that says what to do.

use crate::db::DbError;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{
    api::problem::{FieldFault, Problem},
    text::{Fault, Language, fault_next_step, fault_text},
};

/// What a request is answered with where it is not done.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{detail}")]
pub struct ApiError {
    pub status: StatusCode,
    /// Stable, for programs.
    pub code: &'static str,
    pub detail: String,
    pub faults: Vec<FieldFault>,
    /// What a station shows at its slots.
    pub reason: Option<Fault>,
}

/// What handlers give.
pub type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    /// An error without faults by field.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), faults: Vec::new(), reason: None }
    }

    /// 401: nobody, or nobody any more.
    #[must_use]
    pub fn not_signed_in() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "not_signed_in",
            "Nobody is signed in; sign in, or send a valid bearer token.",
        )
    }

    /// 403.
    #[must_use]
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// 403: the station is to start no board.
    #[must_use]
    pub fn station_frozen(reason: Fault) -> Self {
        Self::of_station(StatusCode::FORBIDDEN, "station_frozen", reason)
    }

    /// A refusal that a station shows at its slots.
    #[must_use]
    pub fn of_station(status: StatusCode, code: &'static str, reason: Fault) -> Self {
        let said = [fault_text(Language::En, &reason), fault_next_step(Language::En, &reason)];
        Self { reason: Some(reason), ..Self::new(status, code, said.join(" ")) }
    }

    /// 404 of a thing with a name.
    #[must_use]
    pub fn not_found(what: &str, name: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("There is no {what} {name}."))
    }

    /// 409.
    #[must_use]
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// 422 with every fault at once.
    #[must_use]
    pub fn invalid(faults: Vec<FieldFault>) -> Self {
        let detail = faults
            .iter()
            .map(|fault| format!("{}: {}", fault.field, fault.detail))
            .collect::<Vec<_>>()
            .join("; ");
        Self { faults, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail) }
    }

    /// 422 of one field.
    #[must_use]
    pub fn invalid_field(field: &str, detail: impl Into<String>) -> Self {
        Self::invalid(vec![FieldFault { field: field.to_owned(), detail: detail.into() }])
    }

    /// 500: logged here, once, with its whole chain; the answer says nothing of it.
    #[must_use]
    pub fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error = %chain(error), "a request failed inside the service");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "The service failed; try again, and look into its log if it stays so.",
        )
    }
}

/// An error with all its causes on one line.
#[must_use]
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}

impl From<DbError> for ApiError {
    fn from(error: DbError) -> Self {
        if error.is_about_the_data() {
            let detail = format!("A value of the request can't be held: {}.", error.said());
            return Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail);
        }
        Self::internal(&error)
    }
}

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        DbError::from(error).into()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let problem = Problem {
            kind: format!("urn:jigline:problem:{}", self.code),
            code: self.code.to_owned(),
            status: self.status.as_u16(),
            detail: self.detail,
            faults: self.faults,
            reason: self.reason,
        };
        let mut response = (self.status, axum::Json(problem)).into_response();
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response
    }
}
