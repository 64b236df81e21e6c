//! A look at the server for whoever looks after this PC: nothing is changed by it, and a station that works asks it beside.

use super::{
    ServerFault,
    http::{away, client, read, send},
};
use chrono::{DateTime, Utc};
use domain::{api::stations::StationStanding, ids::OutboxId};
use reqwest::header;
use std::time::Duration;

/// Somebody waits for the answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerLook {
    /// The server's clock, as far as it was heard.
    pub at: Option<DateTime<Utc>>,
    pub answer: Result<StationStanding, ServerFault>,
}

/// Asks the server how this station stands. `base`: `http://host:port`.
pub async fn ask_standing(base: &str, key: &str, outbox: Option<OutboxId>) -> ServerLook {
    let mut at = None;
    let answer = async {
        let address = format!("{}/api/v1/station/standing", base.trim_end_matches('/'));
        let mut request = client().map_err(away)?.get(address).bearer_auth(key).timeout(PATIENCE);
        if let Some(outbox) = outbox {
            request = request.query(&[("outbox_id", outbox.to_string())]);
        }
        let response = send(request).await?;
        at = response.headers().get(header::DATE).and_then(|date| parse_date(date.to_str().ok()?));
        read(response).await
    }
    .await;
    // Its own answer is as good to a millisecond.
    let at = answer.as_ref().map_or(at, |standing: &StationStanding| Some(standing.at));
    ServerLook { at, answer }
}

/// As RFC 9110 says, 5.6.7.
fn parse_date(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(text).ok().map(|at| at.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_date_is_read() {
        let at = parse_date("Sat, 28 Nov 2026 12:00:07 GMT").unwrap();
        assert_eq!(at.to_rfc3339(), "2026-11-28T12:00:07+00:00");
        assert_eq!(parse_date("soon"), None);
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_away() {
        let look = ask_standing("http://127.0.0.1:1/", "key", None).await;
        assert!(matches!(look.answer, Err(ServerFault::Away(_))) && look.at.is_none(), "{look:?}");
    }
}
