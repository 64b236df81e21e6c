//! What a handler takes to know who asks.

use super::token_hash;
use crate::{
    clock,
    db::{accounts, accounts::Person, stations, stations::Station},
    error::ApiError,
    state::AppState,
};
use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use domain::{
    role::Permission,
    text::{Fault, FaultCode},
};
use std::{
    convert::Infallible,
    net::{IpAddr, Ipv6Addr, SocketAddr},
};

/// The session cookie's name.
pub const SESSION_COOKIE: &str = "jigline_session";

/// A person, or a program with a person's token.
#[derive(Debug, Clone)]
pub struct Signed(pub Person);

impl Signed {
    /// Whether this person may; asked first thing in every handler.
    ///
    /// # Errors
    /// 403 that names the role.
    pub fn require(&self, permission: Permission) -> Result<(), ApiError> {
        if self.0.role.may(permission) {
            return Ok(());
        }
        Err(ApiError::forbidden(format!(
            "{} is signed in as {}, whose role may not do this; ask somebody whose role may.",
            self.0.username,
            self.0.role.as_str()
        )))
    }

    /// Its chain in the audit.
    #[must_use]
    pub fn writer(&self) -> String {
        format!("account:{}", self.0.username)
    }
}

impl FromRequestParts<AppState> for Signed {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let token = bearer(&parts.headers)
            .or_else(|| session_token(&parts.headers))
            .ok_or_else(ApiError::not_signed_in)?;
        let mut db = state.pool.acquire().await?;
        let person = accounts::by_token(&mut db, &token_hash(token), clock::now()).await?;
        person.map(Signed).ok_or_else(ApiError::not_signed_in)
    }
}

/// A station, by its key.
#[derive(Debug, Clone)]
pub struct SignedStation(pub Station);

impl SignedStation {
    /// Its chain in the audit.
    #[must_use]
    pub fn writer(&self) -> String {
        format!("station:{}", self.0.station_id)
    }

    /// Whether this station may begin anything; what it has done already is always taken.
    ///
    /// # Errors
    /// 403 `station_frozen` with the reason, for the station to show.
    pub fn require_unfrozen(&self) -> Result<(), ApiError> {
        self.0.frozen.clone().map_or(Ok(()), |reason| Err(ApiError::station_frozen(reason)))
    }
}

impl FromRequestParts<AppState> for SignedStation {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let unknown = || {
            let reason = Fault::new(FaultCode::KeyUnknown);
            ApiError::of_station(StatusCode::UNAUTHORIZED, "unknown_station", reason)
        };
        let key = bearer(&parts.headers).ok_or_else(unknown)?;
        let mut db = state.pool.acquire().await?;
        stations::by_key(&mut db, &token_hash(key)).await?.map(SignedStation).ok_or_else(unknown)
    }
}

/// Where a request comes from, as far as the socket tells: behind a proxy that is the proxy. Of IPv6 the network, for whoever has one
/// address there has them all.
#[derive(Debug, Clone)]
pub struct Source(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Source {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let address =
            parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
        Ok(Self(match address {
            Some(IpAddr::V4(address)) => address.to_string(),
            Some(IpAddr::V6(address)) => {
                let [a, b, c, d, ..] = address.segments();
                format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
            None => "unknown".to_owned(),
        }))
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ").map(str::trim)
}

/// The session's token in the cookies.
#[must_use]
pub fn session_token(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find_map(|(name, value)| (name == SESSION_COOKIE).then_some(value))
}
