//! Questions to the station, and what it refuses, in the reader's words.

use crate::words;
use domain::api::{operator::FloorRefusal, problem::Problem};
use gloo_net::http::{Method, RequestBuilder};

const ROOT: &str = "/api/v1/operator";

/// Why nothing came of it, in one line.
pub type Refused = String;

/// Asks, with a form or without. The answer's text; empty where there is none.
pub async fn ask(method: Method, path: &str, form: Option<String>) -> Result<String, Refused> {
    let t = words::texts();
    let lost = || t.not_taken.to_owned();
    let request = RequestBuilder::new(&format!("{ROOT}{path}")).method(method);
    let request = match form {
        Some(form) => request.header("content-type", "application/json").body(form),
        None => request.build(),
    };
    let response = request.map_err(|_| lost())?.send().await.map_err(|_| lost())?;
    let text = response.text().await.map_err(|_| lost())?;
    if response.ok() {
        return Ok(text);
    }
    let problem: Option<Problem> = serde_json::from_str(&text).ok();
    let refusal = problem.as_ref().and_then(|problem| {
        serde_json::from_value::<FloorRefusal>(serde_json::Value::String(problem.code.clone())).ok()
    });
    Err(match (refusal, problem) {
        (Some(refusal), _) => t.refusal(refusal).to_owned(),
        (None, Some(problem)) => problem.detail,
        (None, None) => lost(),
    })
}
