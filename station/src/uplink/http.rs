//! The server over HTTP.

#[cfg(test)]
mod tests;

use super::{Server, ServerFault};
use domain::{
    api::{
        floor::{ChangeOver, FloorEvents},
        ingest::{IngestRequest, IngestResponse},
        problem::Problem,
        stations::{
            Admission, AskAdmission, CheckIn, CheckInAnswer, LeaseSerialBlock, ReturnShare, SerialBlock,
            ShareGrant, StationWork, TellLabels,
        },
        wire_log::WireLogGone,
    },
    bundle::BundleContent,
    ids::{ContentHash, RunId},
    live::StationLive,
};
use reqwest::{Method, RequestBuilder, Response, StatusCode, header::CONTENT_TYPE};
use serde::{Serialize, de::DeserializeOwned};
use std::time::Duration;

/// Longest wait for an answer; a bundle's image or fifty records fit well within.
const PATIENCE: Duration = Duration::from_secs(30);

/// A client with the station's bearer key.
pub struct HttpServer {
    client: reqwest::Client,
    base: String,
    key: String,
}

impl HttpServer {
    /// `base`: `http://host:port`.
    ///
    /// # Errors
    /// The client can't be set up.
    pub fn new(base: &str, key: &str) -> Result<Self, ServerFault> {
        Ok(Self {
            client: client().map_err(away)?,
            base: base.trim_end_matches('/').to_owned(),
            key: key.to_owned(),
        })
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}/api/v1/station/{path}", self.base)).bearer_auth(&self.key)
    }

    /// The work as a server of the version before says it.
    async fn one_assignment(&self) -> Result<StationWork, ServerFault> {
        let response = send(self.request(Method::GET, "assignment")).await?;
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(StationWork::default());
        }
        Ok(StationWork { all: Some(read(response).await?), ..StationWork::default() })
    }

    async fn post<Q: Serialize, A: DeserializeOwned>(
        &self,
        path: &str,
        question: &Q,
    ) -> Result<A, ServerFault> {
        read(send(self.request(Method::POST, path).json(question)).await?).await
    }

    /// What is answered with nothing.
    async fn tell<Q: Serialize>(&self, path: &str, said: &Q) -> Result<(), ServerFault> {
        send(self.request(Method::POST, path).json(said)).await.map(|_| ())
    }
}

impl Server for HttpServer {
    async fn check_in(&self, said: &CheckIn) -> Result<CheckInAnswer, ServerFault> {
        self.post("check-in", said).await
    }

    async fn work(&self) -> Result<StationWork, ServerFault> {
        match send(self.request(Method::GET, "work")).await {
            Ok(response) => read(response).await,
            Err(ServerFault::Refused { status: 404, .. }) => self.one_assignment().await,
            Err(fault) => Err(fault),
        }
    }

    async fn bundle(&self, hash: &ContentHash) -> Result<BundleContent, ServerFault> {
        read(send(self.request(Method::GET, &format!("bundles/{hash}"))).await?).await
    }

    async fn serial_block(&self, ask: &LeaseSerialBlock) -> Result<SerialBlock, ServerFault> {
        self.post("serial-blocks", ask).await
    }

    async fn return_share(&self, said: &ReturnShare) -> Result<ShareGrant, ServerFault> {
        self.post("serial-blocks/return", said).await
    }

    async fn admission(&self, ask: &AskAdmission) -> Result<Admission, ServerFault> {
        self.post("admission", ask).await
    }

    async fn ingest(&self, request: &IngestRequest) -> Result<IngestResponse, ServerFault> {
        self.post("ingest", request).await
    }

    async fn labels(&self, said: &TellLabels) -> Result<(), ServerFault> {
        send(self.request(Method::POST, "labels").json(said)).await.map(|_| ())
    }

    async fn live(&self, live: &StationLive) -> Result<(), ServerFault> {
        self.tell("live", live).await
    }

    async fn change_over(&self, to: &ChangeOver) -> Result<(), ServerFault> {
        self.tell("change-over", to).await
    }

    async fn floor_events(&self, done: &FloorEvents) -> Result<(), ServerFault> {
        self.tell("floor-events", done).await
    }

    async fn wire_log(&self, run: RunId, packed: &[u8]) -> Result<(), ServerFault> {
        let request = self.request(Method::POST, &format!("wire-logs/{run}"));
        send(request.header(CONTENT_TYPE, "application/gzip").body(packed.to_vec())).await.map(drop)
    }

    async fn wire_log_gone(&self, run: RunId, gone: &WireLogGone) -> Result<(), ServerFault> {
        self.tell(&format!("wire-logs/{run}/gone"), gone).await
    }
}

/// A client for the plant's network.
pub(super) fn client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(3))
        .timeout(PATIENCE)
        // The server stands in the plant; a proxy of the office would only be in the way.
        .no_proxy()
        .build()
}

/// Sends, and sorts what is no success: later again, or never.
pub(super) async fn send(request: RequestBuilder) -> Result<Response, ServerFault> {
    let response = request.send().await.map_err(away)?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = response.bytes().await.unwrap_or_default();
    let problem: Option<Problem> = serde_json::from_slice(&body).ok();
    if let Some(reason) = problem.as_ref().and_then(|problem| problem.reason.clone()) {
        return Err(ServerFault::Halted(Box::new(reason)));
    }
    let code = problem.as_ref().map_or_else(|| "no_code".to_owned(), |problem| problem.code.clone());
    let detail = problem.map_or_else(|| "no reason given".to_owned(), |problem| problem.detail);
    let comes_back = status.is_server_error()
        || matches!(
            status,
            StatusCode::UNAUTHORIZED
                | StatusCode::FORBIDDEN
                | StatusCode::REQUEST_TIMEOUT
                | StatusCode::TOO_MANY_REQUESTS
        );
    if comes_back {
        return Err(ServerFault::Away(format!("it answers {} {code}: {detail}", status.as_u16())));
    }
    Err(ServerFault::Refused { status: status.as_u16(), code, detail })
}

pub(super) async fn read<A: DeserializeOwned>(response: Response) -> Result<A, ServerFault> {
    let url = response.url().path().to_owned();
    let body = response.bytes().await.map_err(away)?;
    serde_json::from_slice(&body).map_err(|error| {
        let detail = format!(
            "its answer to {url} is not understood ({error}); is that address Jigline's server of this version?"
        );
        // A portal that answers everything with a page of its own is nobody; an answer of the right form and unknown words is
        // somebody's, and may say no.
        if serde_json::from_slice::<serde::de::IgnoredAny>(&body).is_ok() {
            ServerFault::NotUnderstood(detail)
        } else {
            ServerFault::Away(detail)
        }
    })
}

#[expect(clippy::needless_pass_by_value, reason = "stands in map_err")]
pub(super) fn away(error: reqwest::Error) -> ServerFault {
    ServerFault::Away(away_text(&error))
}

/// A transport error's whole chain: reqwest's own sentence says only 'error sending request'.
pub(super) fn away_text(error: &reqwest::Error) -> String {
    use std::{error::Error as _, fmt::Write as _};
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let _ = write!(text, ": {cause}");
        source = cause.source();
    }
    text
}
