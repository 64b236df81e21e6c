//! Enrolment over HTTP: asked once, by a machine that has no key yet.

use super::http::{away_text, client};
use domain::{
    api::{
        enrolment::{Enrol, Enrolled},
        problem::Problem,
    },
    text::{Fault, FaultCode, Language, fault_next_step, fault_text},
};
use reqwest::{StatusCode, Url};
use std::fmt;

/// What every problem document of Jigline's is called.
const PROBLEMS: &str = "urn:jigline:problem:";

/// A server's address as somebody types it, or copies it from the browser: what follows the port is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerAddress(String);

/// A text that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no address of a server; one looks like http://10.0.0.5:8480")]
pub struct NoAddress(String);

impl ServerAddress {
    /// `10.0.0.5:8480` means `http://10.0.0.5:8480`.
    ///
    /// # Errors
    /// No host, or another scheme than http.
    pub fn parse(text: &str) -> Result<Self, NoAddress> {
        let bad = || NoAddress(text.to_owned());
        let trimmed = text.trim();
        let whole = if trimmed.contains("://") { trimmed.to_owned() } else { format!("http://{trimmed}") };
        let url = Url::parse(&whole).map_err(|_| bad())?;
        let is_plain = url.scheme() == "http" && url.username().is_empty() && url.password().is_none();
        let host = url.host_str().filter(|host| is_plain && !host.is_empty()).ok_or_else(bad)?;
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        Ok(Self(format!("http://{host}{port}")))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why this machine is no station yet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnrolRefusal {
    #[error(
        "{server} does not answer ({detail}); check the address, the cable, and that the server runs, then enter the same code again"
    )]
    Away { server: ServerAddress, detail: String },
    #[error(
        "{server} answers, but not as a Jigline server of this version does ({detail}); check the address. The code is not used up"
    )]
    NotJigline { server: ServerAddress, detail: String },
    #[error("{0} The code is not used up")]
    OtherVersion(String),
    /// In the server's own words.
    #[error("{detail}")]
    Refused { code: String, detail: String },
}

/// Asks the server to take this machine for the station that the code is for.
///
/// # Errors
/// Nobody there, somebody else, or a refusal.
pub async fn ask_to_enrol(server: &ServerAddress, form: &Enrol) -> Result<Enrolled, EnrolRefusal> {
    let away = |detail| EnrolRefusal::Away { server: server.clone(), detail };
    let client = client().map_err(|error| away(away_text(&error)))?;
    let answer = client.post(format!("{server}/api/v1/enrol")).json(form).send().await;
    let answer = answer.map_err(|error| away(away_text(&error)))?;
    let status = answer.status();
    let body = answer.bytes().await.map_err(|error| away(away_text(&error)))?;
    understood(server, status, &body)
}

fn understood(server: &ServerAddress, status: StatusCode, body: &[u8]) -> Result<Enrolled, EnrolRefusal> {
    let strange = |detail: String| EnrolRefusal::NotJigline { server: server.clone(), detail };
    if status.is_success() {
        return serde_json::from_slice(body).map_err(|error| strange(format!("its answer: {error}")));
    }
    let problem: Option<Problem> = serde_json::from_slice(body).ok();
    let Some(problem) = problem.filter(|problem| problem.kind.starts_with(PROBLEMS)) else {
        return Err(strange(format!("it says {status}")));
    };
    if let Some(reason) = problem.reason.filter(|reason| reason.code == FaultCode::WireVersionDiffers) {
        return Err(EnrolRefusal::OtherVersion(sentence(&reason)));
    }
    if problem.code == "not_found" {
        return Err(strange("a server from before there were codes: it is to be updated".to_owned()));
    }
    if status.is_server_error() {
        let detail = format!("it says {status}: {}", problem.detail);
        return Err(EnrolRefusal::Away { server: server.clone(), detail });
    }
    Err(EnrolRefusal::Refused { code: problem.code, detail: problem.detail })
}

fn sentence(reason: &Fault) -> String {
    format!("{} {}", fault_text(Language::En, reason), fault_next_step(Language::En, reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::check_in::wire_fault;
    use serde_json::{Value, json};

    fn server() -> ServerAddress {
        ServerAddress::parse("10.0.0.5:8480").unwrap()
    }

    #[test]
    fn an_address_is_taken_as_it_is_typed_or_copied_from_the_browser() {
        let read = |text| ServerAddress::parse(text).map(|address| address.to_string());
        for text in ["10.0.0.5:8480", "http://10.0.0.5:8480/", " http://10.0.0.5:8480/stations?x=1#y "] {
            assert_eq!(read(text).as_deref(), Ok("http://10.0.0.5:8480"), "{text}");
        }
        assert_eq!(read("http://jigline.plant").as_deref(), Ok("http://jigline.plant"));
        assert_eq!(read("[fe80::1]:8480").as_deref(), Ok("http://[fe80::1]:8480"));
        for text in ["", "http://", "ftp://10.0.0.5", "http://me:secret@10.0.0.5", "10.0.0.5:port"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    fn said(status: u16, body: &Value) -> EnrolRefusal {
        let status = StatusCode::from_u16(status).unwrap();
        understood(&server(), status, body.to_string().as_bytes()).unwrap_err()
    }

    fn problem(status: u16, code: &str, reason: Option<Fault>) -> Value {
        let kind = format!("urn:jigline:problem:{code}");
        json!(Problem {
            kind,
            code: code.to_owned(),
            status,
            detail: "Why.".to_owned(),
            faults: Vec::new(),
            reason
        })
    }

    #[test]
    fn a_refusal_is_told_from_a_stranger_and_from_another_version() {
        let refused = said(410, &problem(410, "code_expired", None));
        assert_eq!(refused.to_string(), "Why.");
        let other = said(409, &problem(409, "wire_version", wire_fault(7))).to_string();
        assert!(other.contains("version 7") && other.ends_with("not used up"), "{other}");
        let before = said(404, &problem(404, "not_found", None)).to_string();
        assert!(before.contains("updated"), "{before}");
        for stranger in
            [said(404, &json!("nothing here")), said(200, &json!({ "ok": true })), said(502, &json!([]))]
        {
            assert!(matches!(stranger, EnrolRefusal::NotJigline { .. }), "{stranger}");
        }
        let ill = said(500, &problem(500, "internal", None));
        assert!(matches!(ill, EnrolRefusal::Away { .. }), "{ill}");
    }
}
