//! The server's JSON API as a stranger's script would use it: no type of ours, so that what the demo proves holds for
//! everybody.

use anyhow::{Context, Result, bail};
use reqwest::Method;
use reqwest::blocking::{Client, RequestBuilder, Response};
use reqwest::header::{COOKIE, SET_COOKIE};
use serde_json::{Value, json};
use std::time::Duration;

/// Longer than any single question may take.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Clone)]
pub struct Api {
    base_url: String,
    client: Client,
}

/// The server answered, and said no.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused {
    pub status: u16,
    pub code: String,
    detail: String,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "the server refused ({} {}): {}", self.status, self.code, self.detail)
    }
}

impl std::error::Error for Refused {}

impl Api {
    /// # Errors
    /// When no client can be made.
    pub fn new(base_url: &str) -> Result<Self> {
        // A proxy named in the shell has no business with our own machine.
        let client =
            Client::builder().no_proxy().timeout(PATIENCE).build().context("making an HTTP client")?;
        Ok(Self { base_url: base_url.trim_end_matches('/').to_owned(), client })
    }

    /// True when the server says that it can work.
    pub fn is_ready(&self) -> bool {
        self.client
            .get(format!("{}/readyz", self.base_url))
            .send()
            .is_ok_and(|answer| answer.status().is_success())
    }

    /// # Errors
    /// [`Refused`], or when the server does not answer.
    pub fn get(&self, token: &str, path: &str) -> Result<Value> {
        self.ask(Method::GET, token, path, None)
    }

    /// # Errors
    /// As [`Api::get`].
    pub fn post(&self, token: &str, path: &str, body: &Value) -> Result<Value> {
        self.ask(Method::POST, token, path, Some(body))
    }

    /// # Errors
    /// As [`Api::get`].
    pub fn put(&self, token: &str, path: &str, body: &Value) -> Result<Value> {
        self.ask(Method::PUT, token, path, Some(body))
    }

    /// Every item of a list that comes in pages.
    ///
    /// # Errors
    /// As [`Api::get`]; when the list has no end.
    pub fn get_all(&self, token: &str, path: &str) -> Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut after: Option<String> = None;
        for _ in 0..1000 {
            let separator = if path.contains('?') { '&' } else { '?' };
            let page = match &after {
                None => self.get(token, path)?,
                Some(key) => self.get(token, &format!("{path}{separator}after={key}"))?,
            };
            match page {
                Value::Array(all) => return Ok(all),
                Value::Object(mut page) => {
                    if let Some(Value::Array(more)) = page.remove("items") {
                        items.extend(more);
                    }
                    match page.get("next").and_then(Value::as_str) {
                        Some(next) => after = Some(next.to_owned()),
                        None => return Ok(items),
                    }
                }
                other => bail!("GET {path} is no list but {other}"),
            }
        }
        bail!("GET {path} has no last page")
    }

    /// Signs in and gives a token for programs.
    ///
    /// # Errors
    /// When the password is wrong, or the server gives no session.
    pub fn token(&self, username: &str, password: &str, label: &str) -> Result<String> {
        let sign_in = json!({ "username": username, "password": password });
        let answer = self.client.post(self.url("/api/v1/session")).json(&sign_in).send();
        let answer = answer.context("signing in")?;
        let cookie = answer
            .headers()
            .get_all(SET_COOKIE)
            .iter()
            .filter_map(|header| header.to_str().ok()?.split(';').next().map(str::to_owned))
            .find(|pair| pair.starts_with("jigline_session="));
        read("POST", "/api/v1/session", answer).with_context(|| format!("signing in as {username}"))?;
        let cookie = cookie.context("the server signed us in but set no cookie jigline_session")?;
        let request = self.client.post(self.url("/api/v1/tokens")).header(COOKIE, cookie);
        let answer = request.json(&json!({ "label": label })).send().context("asking for a token")?;
        let answer = read("POST", "/api/v1/tokens", answer)?;
        let token = answer.get("token").and_then(Value::as_str).context("the answer holds no token")?;
        Ok(token.to_owned())
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    fn ask(&self, method: Method, token: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let shown = method.to_string();
        let request = self.client.request(method, self.url(path)).bearer_auth(token);
        let request: RequestBuilder = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let answer = request.send().with_context(|| format!("{shown} {path}"))?;
        read(&shown, path, answer)
    }
}

fn read(method: &str, path: &str, answer: Response) -> Result<Value> {
    let status = answer.status();
    let text = answer.text().with_context(|| format!("{method} {path}"))?;
    if status.is_success() {
        if text.is_empty() {
            return Ok(Value::Null);
        }
        return serde_json::from_str(&text)
            .with_context(|| format!("{method} {path} did not answer JSON: {text}"));
    }
    Err(refused(status.as_u16(), &text)).with_context(|| format!("{method} {path}"))
}

fn refused(status: u16, text: &str) -> Refused {
    let problem: Value = serde_json::from_str(text).unwrap_or_default();
    let word = |name: &str| problem.get(name).and_then(Value::as_str).map(str::to_owned);
    let faults: Vec<String> = problem
        .get("faults")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|fault| format!("{}: {}", text_of(fault, "field"), text_of(fault, "detail")))
        .collect();
    let mut detail = word("detail").unwrap_or_else(|| text.trim().chars().take(300).collect());
    if !faults.is_empty() {
        detail = format!("{detail} [{}]", faults.join("; "));
    }
    Refused { status, code: word("code").unwrap_or_default(), detail }
}

/// A text field of an object; empty where there is none.
pub fn text_of<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// A text field that must be there.
///
/// # Errors
/// When it is missing, with the whole answer.
pub fn required(value: &Value, field: &str) -> Result<String> {
    let text = value.get(field).and_then(Value::as_str);
    text.map(str::to_owned).with_context(|| format!("the answer has no `{field}`: {value}"))
}

/// True when the server itself said no with this status.
pub fn is_refused(fault: &anyhow::Error, status: u16) -> bool {
    fault.downcast_ref::<Refused>().is_some_and(|refused| refused.status == status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_read_with_all_its_faults() {
        let text = r#"{"type":"urn:jigline:problem:invalid","code":"invalid","status":422,"detail":"the image does not fit",
                       "faults":[{"field":"image_hex","detail":"0 bytes"}]}"#;
        let refused = refused(422, text);
        assert_eq!(
            refused.to_string(),
            "the server refused (422 invalid): the image does not fit [image_hex: 0 bytes]"
        );
        assert!(is_refused(&anyhow::Error::new(refused).context("POST /api/v1/bundles"), 422));
    }

    #[test]
    fn an_answer_that_is_no_problem_is_shown_as_it_is() {
        assert_eq!(refused(502, "Bad Gateway\n").to_string(), "the server refused (502 ): Bad Gateway");
    }
}
