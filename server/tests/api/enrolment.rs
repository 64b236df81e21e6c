use crate::factory::{enrolment, service};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    api::{
        enrolment::{Enrolled, GivenCode},
        stations::{ReplacedStation, StationView},
    },
    enrol_code::{EnrolCode, GUESSES},
    role::Role,
};
use jigline_server::{clock, db::audit, testing::TestServer};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::{collections::BTreeMap, net::IpAddr};

const ENROL: &str = "/api/v1/enrol";
const CODES: &str = "/api/v1/enrol-codes";

struct Desk {
    server: TestServer,
    tokens: BTreeMap<Role, String>,
    http: Client,
}

impl Desk {
    async fn open() -> Self {
        let (server, tokens) = service().await;
        Self { server, tokens, http: Client::builder().no_proxy().build().unwrap() }
    }

    async fn ask(&self, who: Role, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let request = self.http.request(method, format!("{}{path}", self.server.base_url));
        said(request.bearer_auth(&self.tokens[&who]).json(body)).await
    }

    async fn give(&self, name: &str) -> GivenCode {
        let body = json!({ "name": name, "simulated": true });
        let (status, answer) = self.ask(Role::Admin, Method::POST, CODES, &body).await;
        assert_eq!(status, 201, "{answer}");
        serde_json::from_value(answer).unwrap()
    }

    /// A machine enters a code; each has an address of its own, so that one's slips are not another's.
    async fn enter(&self, machine: u8, code: &str, key: &str) -> (u16, Value) {
        let from =
            Client::builder().no_proxy().local_address(IpAddr::from([127, 0, 9, machine])).build().unwrap();
        said(from.post(format!("{}{ENROL}", self.server.base_url)).json(&enrolment(code, key))).await
    }

    async fn knows(&self, key: &str) -> bool {
        let request = self.http.get(format!("{}/api/v1/station/assignment", self.server.base_url));
        said(request.bearer_auth(key)).await.0 == 204
    }

    async fn view(&self, code: &GivenCode) -> StationView {
        let path = format!("/api/v1/stations/{}", code.station_id);
        serde_json::from_value(self.ask(Role::Quality, Method::GET, &path, &json!({})).await.1).unwrap()
    }

    async fn set(&self, code: &GivenCode, expires_at: DateTime<Utc>) {
        let name = EnrolCode::parse(&code.code).unwrap().name().to_owned();
        let moved =
            sqlx::query("update enrol_code set expires_at = $2 where name = $1").bind(name).bind(expires_at);
        assert_eq!(moved.execute(&self.server.database.pool).await.unwrap().rows_affected(), 1);
    }

    async fn audited(&self) -> Vec<String> {
        let mut db = self.server.database.pool.acquire().await.unwrap();
        assert_eq!(audit::verify(&mut db).await.unwrap(), Vec::<i64>::new());
        sqlx::query_scalar("select action from audit where action like 'station.%' order by audit_id")
            .fetch_all(&mut *db)
            .await
            .unwrap()
    }
}

async fn said(request: reqwest::RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
    (status, if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() })
}

/// The same code with another character in its secret and a check character that fits.
fn guess(code: &GivenCode, nth: u8) -> String {
    let text = code.code.replace('-', "");
    let known = EnrolCode::parse(&text).unwrap();
    let others = (0..=u8::MAX).flat_map(|a| (0..=u8::MAX).map(move |b| (a, b)));
    let mut wrong = others.filter_map(|(a, b)| {
        let digit = |byte: u8| char::from(b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"[usize::from(byte % 32)]);
        let text = format!("{}{}{}{}", known.name(), digit(a), &known.secret()[1..7], digit(b));
        EnrolCode::parse(&text).ok().filter(|guess| *guess != known)
    });
    wrong.nth(nth.into()).unwrap().to_string()
}

#[tokio::test]
async fn a_code_makes_one_machine_a_station_and_is_kept_as_a_hash() {
    let desk = Desk::open().await;
    let code = desk.give("jig-1").await;
    let awaited = desk.view(&code).await.station.awaited.unwrap();
    assert_eq!(awaited.code_until, Some(code.expires_at));
    let key = clock::random_token();
    assert!(!desk.knows(&key).await);
    // Small letters, no groups, as hands type it.
    let (status, answer) = desk.enter(1, &code.code.to_lowercase().replace('-', " "), &key).await;
    assert_eq!(status, 200, "{answer}");
    assert!(!answer.to_string().contains(&key));
    let enrolled: Enrolled = serde_json::from_value(answer.clone()).unwrap();
    assert_eq!(
        (enrolled.station_id, enrolled.name.as_str(), enrolled.simulated),
        (code.station_id, "jig-1", true)
    );
    assert_eq!(enrolled.placeholder_key, desk.server.state.keys.placeholder_of(code.station_id));
    assert!(desk.knows(&key).await);
    assert_eq!(desk.view(&code).await.station.awaited, None);
    // Its answer was lost: the same machine asks again. Another one may not.
    assert_eq!(desk.enter(1, &code.code, &key).await, (200, answer));
    let (status, refused) = desk.enter(2, &code.code, &clock::random_token()).await;
    assert_eq!((status, &refused["code"]), (409, &json!("code_used")));
    assert!(refused["detail"].as_str().unwrap().contains("administrator"), "{refused}");
    assert!(desk.knows(&key).await);
    assert_eq!(desk.audited().await, ["station.enrol_code", "station.enrol"]);
    let secret = EnrolCode::parse(&code.code).unwrap().secret().to_owned();
    let kept: String = sqlx::query_scalar(
        "select row_to_json(e)::text || (select json_agg(a)::text from audit a) from enrol_code e",
    )
    .fetch_one(&desk.server.database.pool)
    .await
    .unwrap();
    assert!(kept.contains("$argon2id$") && !kept.contains(&secret) && !kept.contains(&key), "{kept}");
    // The station has its machine: a code for it is a replacement.
    let (status, refused) = desk.ask(Role::Admin, Method::POST, CODES, &json!({ "name": "jig-1" })).await;
    assert_eq!((status, &refused["code"]), (409, &json!("enrolled")));
}

#[tokio::test]
async fn a_code_that_is_too_old_or_void_says_so_to_whoever_has_it_and_only_to_them() {
    let desk = Desk::open().await;
    let first = desk.give("jig-1").await;
    let second = desk.give("jig-1").await;
    assert_eq!(first.station_id, second.station_id, "it still waits for its machine");
    let key = clock::random_token();
    let (status, refused) = desk.enter(1, &first.code, &key).await;
    assert_eq!((status, &refused["code"]), (409, &json!("code_void")));
    let until = second.expires_at;
    assert!((until - clock::now() - TimeDelta::minutes(30)).abs() < TimeDelta::minutes(1), "{until}");
    desk.set(&second, clock::now() - TimeDelta::seconds(1)).await;
    let (status, refused) = desk.enter(1, &second.code, &key).await;
    assert_eq!((status, &refused["code"]), (410, &json!("code_expired")));
    assert!(!desk.knows(&key).await);
    assert_eq!(desk.view(&second).await.station.awaited.unwrap().code_until, None);
    // Nothing of it is a stranger's to know.
    let (status, refused) = desk.enter(2, &guess(&second, 0), &key).await;
    assert_eq!((status, &refused["code"]), (404, &json!("code_wrong")));
    let nobodys = EnrolCode::from_random([9; 11]).to_string();
    let (status, stranger) = desk.enter(3, &nobodys, &key).await;
    assert_eq!((status, &stranger), (404, &refused));
    desk.set(&second, until).await;
    assert_eq!(desk.enter(4, &second.code, &key).await.0, 200);
}

#[tokio::test]
async fn guesses_are_few_for_a_code_and_slow_for_a_source() {
    let desk = Desk::open().await;
    let (code, key) = (desk.give("jig-1").await, clock::random_token());
    for nth in 0..GUESSES as u8 {
        let (status, refused) = desk.enter(nth + 1, &guess(&code, nth), &key).await;
        assert_eq!((status, &refused["code"]), (404, &json!("code_wrong")));
    }
    let (status, refused) = desk.enter(10, &code.code, &key).await;
    assert_eq!((status, &refused["code"]), (409, &json!("code_void")));
    assert_eq!(desk.view(&code).await.station.awaited.unwrap().code_until, None);
    assert_eq!(desk.audited().await.iter().filter(|action| *action == "station.enrol_guess").count(), 5);
    let next = desk.give("jig-1").await;
    // A slip of the hand is no guess; what is no form is none either.
    for _ in 0..8 {
        let (status, refused) = desk.enter(20, "K7QM-2XRD-9FHA", &key).await;
        assert_eq!((status, &refused["code"]), (422, &json!("invalid")), "{refused}");
    }
    for nth in 0..5 {
        let nobodys = EnrolCode::from_random([nth; 11]).to_string();
        assert_eq!(desk.enter(20, &nobodys, &key).await.0, 404);
    }
    let (status, refused) = desk.enter(20, &next.code, &key).await;
    assert_eq!((status, &refused["code"]), (429, &json!("too_many_tries")));
    assert_eq!(desk.enter(21, &next.code, &key).await.0, 200, "another machine is not in the way");
}

#[tokio::test]
async fn a_machine_of_another_version_uses_no_code_up() {
    let desk = Desk::open().await;
    let (code, key) = (desk.give("jig-1").await, clock::random_token());
    for version in [json!(1), json!(7)] {
        let mut form = enrolment(&code.code, &key);
        form["wire_version"] = version;
        form["what"] = json!("of another form");
        let (status, refused) =
            said(desk.http.post(format!("{}{ENROL}", desk.server.base_url)).json(&form)).await;
        assert_eq!((status, &refused["reason"]["code"]), (409, &json!("wire_version_differs")));
    }
    assert_eq!(desk.enter(1, &code.code, &key).await.0, 200);
}

#[tokio::test]
async fn whoever_takes_a_stations_place_enters_the_code_that_the_replacement_gives_out() {
    let desk = Desk::open().await;
    let (code, first) = (desk.give("jig-1").await, clock::random_token());
    desk.enter(1, &code.code, &first).await;
    let path = format!("/api/v1/stations/{}/replace", code.station_id);
    let (status, answer) =
        desk.ask(Role::Admin, Method::POST, &path, &json!({ "note": "the PC died" })).await;
    assert_eq!(status, 200, "{answer}");
    let replaced: ReplacedStation = serde_json::from_value(answer).unwrap();
    assert!(!desk.knows(&first).await, "the old machine stops at once");
    assert!(desk.view(&code).await.station.awaited.is_some());
    let (status, refused) = desk.enter(1, &code.code, &first).await;
    assert_eq!((status, &refused["code"]), (409, &json!("code_used")), "the old code brings it not back");
    let second = clock::random_token();
    let (status, answer) = desk.enter(2, &replaced.code.code, &second).await;
    assert_eq!((status, &answer["station_id"]), (200, &json!(code.station_id)));
    assert!(desk.knows(&second).await);
    // A key belongs to one station.
    let other = desk.give("jig-2").await;
    let (status, refused) = desk.enter(3, &other.code, &second).await;
    assert_eq!((status, &refused["code"]), (409, &json!("conflict")));
    assert_eq!(
        desk.enter(3, &other.code, &clock::random_token()).await.0,
        200,
        "the code is not used up by that"
    );
}

#[tokio::test]
async fn codes_are_an_administrators_to_give() {
    let desk = Desk::open().await;
    for role in [Role::Operator, Role::Engineer, Role::Quality, Role::Sales] {
        assert_eq!(desk.ask(role, Method::POST, CODES, &json!({ "name": "jig-1" })).await.0, 403);
    }
    for body in
        [json!({ "name": " " }), json!({ "name": "x", "minutes": 0 }), json!({ "name": "x", "minutes": 481 })]
    {
        assert_eq!(desk.ask(Role::Admin, Method::POST, CODES, &body).await.0, 422, "{body}");
    }
}
