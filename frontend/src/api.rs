//! The JSON API as typed calls. Every fault a person sees keeps its code.

use domain::{
    api::{
        accounts::{Me, SignIn},
        batches::{BatchReport, BatchView, NewBatch},
        enrolment::{GiveCode, GivenCode},
        floor::{DelegateLead, FloorRow, HoldForm, JigAccess, NewPerson, NewPersonView, PersonRow},
        ingest::{QuarantineRow, QuarantineView, ResolveQuarantine},
        leases::{LeaseRow, SetLease},
        page::Page,
        problem::Problem,
        profiles::{ProfileRow, ProfileView},
        quota::{
            FreeNumber, FreedNumber, ImportNumbers, LedgerView, NumberCounts, ScrapNumber, ScrappedNumber,
            WriteOff,
        },
        references::{ConfirmReference, EndReference, NewReference, ReferenceCheckRow, ReferenceRow},
        releases::BundleView,
        stations::{Assign, LineView, ReplaceStation, ReplacedStation, StationView, UnfreezeStation},
        units::{NewUnitAct, RunView, UnitQuery, UnitRow, UnitView},
        wire_log::WireLogView,
    },
    ids::{
        AccountId, BatchId, ContentHash, FloorEventId, QuarantineId, ReferenceId, RunId, StationId, UnitId,
    },
    profile::OrderForm,
};
use gloo_net::http::{Method, RequestBuilder};
use serde::{Serialize, de::DeserializeOwned};
use std::{future::Future, pin::Pin};

/// Where live line views come from.
pub const LINE_EVENTS: &str = "/api/v1/line/events";

/// What came instead of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum ApiError {
    /// The server was not reached.
    Away,
    /// The server answered with a problem document.
    Problem(Problem),
    /// An answer that is not in the form agreed; the browser may hold an older page.
    Unreadable { status: u16, detail: String },
}

impl ApiError {
    /// Whether nobody is signed in (any more).
    pub fn is_signed_out(&self) -> bool {
        match self {
            Self::Problem(problem) => problem.status == 401,
            Self::Unreadable { status, .. } => *status == 401,
            Self::Away => false,
        }
    }
}

pub type Answer<T> = Result<T, ApiError>;

pub async fn me() -> Answer<Me> {
    get("/api/v1/session").await
}

pub async fn sign_in(who: SignIn) -> Answer<()> {
    send(Method::POST, "/api/v1/session", &who).await.map(drop)
}

pub async fn sign_out() -> Answer<()> {
    call(Method::DELETE, "/api/v1/session", None).await.map(drop)
}

pub async fn line() -> Answer<LineView> {
    get("/api/v1/line").await
}

pub async fn batches(after: Option<String>) -> Answer<Page<BatchView>> {
    get(&with_query("/api/v1/batches", &[("after", after)])).await
}

pub async fn make_batch(form: NewBatch) -> Answer<BatchView> {
    read(&send(Method::POST, "/api/v1/batches", &form).await?)
}

pub async fn bundles() -> Answer<Page<BundleView>> {
    get("/api/v1/bundles").await
}

/// What a bundle leaves to the orders of its batches.
pub async fn order_form(bundle: &ContentHash) -> Answer<OrderForm> {
    get(&format!("/api/v1/bundles/{bundle}/order")).await
}

pub async fn batch(id: BatchId) -> Answer<BatchView> {
    get(&format!("/api/v1/batches/{id}")).await
}

pub async fn batch_report(id: BatchId) -> Answer<BatchReport> {
    get(&format!("/api/v1/batches/{id}/report")).await
}

pub async fn hold_batch(id: BatchId, form: HoldForm) -> Answer<BatchView> {
    read(&send(Method::POST, &format!("/api/v1/batches/{id}/hold"), &form).await?)
}

pub async fn let_batch_go(id: BatchId, form: HoldForm) -> Answer<BatchView> {
    read(&send(Method::POST, &format!("/api/v1/batches/{id}/let-go"), &form).await?)
}

/// Change-overs to a batch, its first articles and stops.
pub async fn batch_floor(id: BatchId, after: Option<String>) -> Answer<Page<FloorRow>> {
    get(&with_query(&format!("/api/v1/batches/{id}/floor"), &[("after", after)])).await
}

/// What people did at a station.
pub async fn station_floor(id: StationId, after: Option<String>) -> Answer<Page<FloorRow>> {
    get(&with_query(&format!("/api/v1/stations/{id}/floor"), &[("after", after)])).await
}

pub async fn floor_event(id: FloorEventId) -> Answer<FloorRow> {
    get(&format!("/api/v1/floor-events/{id}")).await
}

pub async fn people() -> Answer<Page<PersonRow>> {
    get("/api/v1/people").await
}

pub async fn add_person(form: NewPerson) -> Answer<NewPersonView> {
    read(&send(Method::POST, "/api/v1/people", &form).await?)
}

pub async fn set_access(id: AccountId, form: JigAccess) -> Answer<PersonRow> {
    read(&send(Method::PUT, &format!("/api/v1/people/{id}/jig"), &form).await?)
}

pub async fn delegate_lead(id: AccountId, form: DelegateLead) -> Answer<PersonRow> {
    read(&send(Method::PUT, &format!("/api/v1/people/{id}/lead"), &form).await?)
}

pub async fn ledger(id: BatchId) -> Answer<LedgerView> {
    get(&format!("/api/v1/batches/{id}/ledger")).await
}

pub async fn write_off(id: BatchId, form: WriteOff) -> Answer<LedgerView> {
    read(&send(Method::POST, &format!("/api/v1/batches/{id}/write-offs"), &form).await?)
}

pub async fn scrap_number(serial: &str, form: ScrapNumber) -> Answer<ScrappedNumber> {
    read(&send(Method::POST, &format!("/api/v1/serials/{}/scrap", encode(serial)), &form).await?)
}

pub async fn free_number(serial: &str, form: FreeNumber) -> Answer<FreedNumber> {
    read(&send(Method::POST, &format!("/api/v1/serials/{}/free", encode(serial)), &form).await?)
}

pub async fn import_numbers(id: BatchId, form: ImportNumbers) -> Answer<NumberCounts> {
    read(&send(Method::PUT, &format!("/api/v1/batches/{id}/numbers"), &form).await?)
}

pub async fn units(query: UnitQuery) -> Answer<Page<UnitRow>> {
    get(&with_query("/api/v1/units", &unit_query(&query))).await
}

pub async fn unit(id: UnitId) -> Answer<UnitView> {
    get(&format!("/api/v1/units/{id}")).await
}

pub async fn decide_unit(id: UnitId, act: NewUnitAct) -> Answer<UnitView> {
    read(&send(Method::POST, &format!("/api/v1/units/{id}/acts"), &act).await?)
}

pub async fn run(id: RunId) -> Answer<RunView> {
    get(&run_address(id)).await
}

pub async fn wire_log(id: RunId) -> Answer<WireLogView> {
    get(&format!("{}/wire", run_address(id))).await
}

/// Has the run's station asked for its wire log.
pub async fn want_wire_log(id: RunId) -> Answer<WireLogView> {
    read(&call(Method::POST, &format!("{}/wire", run_address(id)), None).await?)
}

/// Address of a run's record as JSON.
pub fn run_address(id: RunId) -> String {
    format!("/api/v1/runs/{id}")
}

/// Address of an export of exactly what `query` filters; `form` is `csv` or `xlsx`. The key and length of a page are
/// left out: an export is the whole of it.
pub fn export_address(query: &UnitQuery, form: &str) -> String {
    let whole = UnitQuery { after: None, limit: None, ..query.clone() };
    with_query(&format!("/api/v1/units/export.{form}"), &unit_query(&whole))
}

pub async fn leases(after: Option<String>, q: Option<String>) -> Answer<Page<LeaseRow>> {
    get(&with_query("/api/v1/leases", &[("after", after), ("q", q)])).await
}

pub async fn set_lease(unit: UnitId, lease: SetLease) -> Answer<LeaseRow> {
    read(&send(Method::PUT, &format!("/api/v1/units/{unit}/lease"), &lease).await?)
}

pub async fn station(id: StationId) -> Answer<StationView> {
    get(&format!("/api/v1/stations/{id}")).await
}

pub async fn assign(id: StationId, form: Assign) -> Answer<()> {
    send(Method::PUT, &format!("/api/v1/stations/{id}/assignment"), &form).await.map(drop)
}

pub async fn unfreeze_station(id: StationId, note: String) -> Answer<()> {
    let body = UnfreezeStation { note };
    send(Method::POST, &format!("/api/v1/stations/{id}/unfreeze"), &body).await.map(drop)
}

pub async fn replace_station(id: StationId, note: String) -> Answer<ReplacedStation> {
    let body = ReplaceStation { note };
    read(&send(Method::POST, &format!("/api/v1/stations/{id}/replace"), &body).await?)
}

pub async fn give_code(form: GiveCode) -> Answer<GivenCode> {
    read(&send(Method::POST, "/api/v1/enrol-codes", &form).await?)
}

/// `resolved` is `true` for those that somebody has let out.
pub async fn quarantine(station: Option<String>, resolved: Option<String>) -> Answer<Page<QuarantineRow>> {
    get(&with_query("/api/v1/quarantine", &[("station", station), ("resolved", resolved)])).await
}

pub async fn quarantined(id: QuarantineId) -> Answer<QuarantineView> {
    get(&format!("/api/v1/quarantine/{id}")).await
}

pub async fn resolve_quarantine(id: QuarantineId, how: ResolveQuarantine) -> Answer<()> {
    send(Method::POST, &format!("/api/v1/quarantine/{id}/resolve"), &how).await.map(drop)
}

/// Those registered, and the last checks with them.
pub async fn references_and_checks() -> Answer<(Vec<ReferenceRow>, Vec<ReferenceCheckRow>)> {
    let all: Page<ReferenceRow> = get("/api/v1/references").await?;
    let checks: Page<ReferenceCheckRow> = get("/api/v1/reference-checks").await?;
    Ok((all.items, checks.items))
}

pub async fn register_reference(form: NewReference) -> Answer<ReferenceRow> {
    read(&send(Method::POST, "/api/v1/references", &form).await?)
}

pub async fn confirm_reference(id: ReferenceId, form: ConfirmReference) -> Answer<ReferenceRow> {
    read(&send(Method::POST, &format!("/api/v1/references/{id}/confirm"), &form).await?)
}

pub async fn end_reference(id: ReferenceId, reason: String) -> Answer<ReferenceRow> {
    read(&send(Method::POST, &format!("/api/v1/references/{id}/end"), &EndReference { reason }).await?)
}

pub async fn profiles() -> Answer<Page<ProfileRow>> {
    get("/api/v1/profiles").await
}

pub async fn profile(id: String, revision: u32) -> Answer<ProfileView> {
    get(&format!("/api/v1/profiles/{}/revisions/{revision}", encode(&id))).await
}

async fn get<T: DeserializeOwned>(address: &str) -> Answer<T> {
    read(&call(Method::GET, address, None).await?)
}

fn send<B: Serialize>(method: Method, address: &str, body: &B) -> Coming {
    match serde_json::to_string(body) {
        Ok(text) => call(method, address, Some(text)),
        Err(fault) => {
            let detail = fault.to_string();
            Box::pin(async move { Err(ApiError::Unreadable { status: 0, detail }) })
        }
    }
}

/// What the server said, as text.
struct Said {
    status: u16,
    text: String,
}

/// In a box: each call would carry all of this with it otherwise.
type Coming = Pin<Box<dyn Future<Output = Answer<Said>>>>;

fn call(method: Method, address: &str, body: Option<String>) -> Coming {
    Box::pin(exchange(method, address.to_owned(), body))
}

async fn exchange(method: Method, address: String, body: Option<String>) -> Answer<Said> {
    let builder = RequestBuilder::new(&address).method(method).header("accept", "application/json");
    let sent = match body {
        Some(text) => match builder.header("content-type", "application/json").body(text) {
            Ok(request) => request.send().await,
            Err(fault) => Err(fault),
        },
        None => builder.send().await,
    };
    let response = sent.map_err(|_| ApiError::Away)?;
    let (status, text) = (response.status(), response.text().await);
    if response.ok() {
        return Ok(Said { status, text: text.map_err(|_| ApiError::Away)? });
    }
    Err(match serde_json::from_str::<Problem>(&text.unwrap_or_default()) {
        Ok(problem) => ApiError::Problem(problem),
        Err(_) => ApiError::Unreadable { status, detail: response.status_text() },
    })
}

fn read<T: DeserializeOwned>(said: &Said) -> Answer<T> {
    let unreadable =
        |fault: serde_json::Error| ApiError::Unreadable { status: said.status, detail: fault.to_string() };
    serde_json::from_str(&said.text).map_err(unreadable)
}

fn unit_query(query: &UnitQuery) -> [(&'static str, Option<String>); 5] {
    [
        ("q", query.q.clone()),
        ("batch", query.batch.map(|id| id.to_string())),
        ("outcome", query.outcome.map(|outcome| outcome.as_str().to_owned())),
        ("after", query.after.clone()),
        ("limit", query.limit.map(|limit| limit.to_string())),
    ]
}

/// `path?name=value&…` with what there is; empty values are left out.
pub fn with_query(path: &str, fields: &[(&str, Option<String>)]) -> String {
    let mut address = path.to_owned();
    for (name, value) in fields.iter().filter_map(|(name, value)| value.as_deref().map(|value| (name, value)))
    {
        if !value.is_empty() {
            address.push(if address.contains('?') { '&' } else { '?' });
            address.push_str(&format!("{name}={}", encode(value)));
        }
    }
    address
}

/// Percent-encoding of all but the unreserved characters (RFC 3986, 2.3).
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::outcome::Outcome;

    #[test]
    fn an_export_asks_exactly_the_list_s_question_without_its_page() {
        let query = UnitQuery {
            q: Some("86:88 & 中".to_owned()),
            outcome: Some(Outcome::Fail),
            after: Some("key".to_owned()),
            limit: Some(50),
            ..UnitQuery::default()
        };
        assert_eq!(
            export_address(&query, "xlsx"),
            "/api/v1/units/export.xlsx?q=86%3A88%20%26%20%E4%B8%AD&outcome=fail"
        );
    }

    #[test]
    fn an_empty_question_leaves_no_mark_in_the_address() {
        assert_eq!(
            with_query("/api/v1/units", &[("q", Some(String::new())), ("after", None)]),
            "/api/v1/units"
        );
    }
}
