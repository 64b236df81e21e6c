//! People, and how they sign in at jigs.

use crate::factory::Factory;
use domain::{
    api::{
        floor::{NewPersonView, PersonRow},
        page::Page,
        stations::StationWork,
    },
    floor::JigPerson,
    ids::AccountId,
    role::Role,
    text::Language,
};
use jigline_server::{auth::password, db::audit};
use reqwest::Method;
use serde_json::{Value, json};

const PATH: &str = "/api/v1/people";
const BADGE: &str = "BADGE-0000482913";
const PIN: &str = "482915";

async fn add(factory: &Factory, body: Value) -> NewPersonView {
    let (status, answer) = factory.ask(Method::POST, PATH, &factory.tokens[&Role::Admin], Some(body)).await;
    assert_eq!(status, 201, "{answer}");
    serde_json::from_value(answer).unwrap()
}

fn lin() -> Value {
    json!({ "username": "lin", "name": "林伟", "role": "operator", "number": "0417", "badge": BADGE, "pin": PIN, "language": "zh" })
}

async fn put(factory: &Factory, role: Role, id: AccountId, what: &str, body: Value) -> (u16, Value) {
    let path = format!("{PATH}/{id}/{what}");
    let (status, answer) = factory.ask(Method::PUT, &path, &factory.tokens[&role], Some(body)).await;
    (status.as_u16(), answer)
}

async fn of_jig(factory: &Factory) -> Vec<JigPerson> {
    let (status, work) = factory.ask(Method::GET, "/api/v1/station/work", &factory.station.key, None).await;
    assert_eq!(status, 200, "{work}");
    serde_json::from_value::<StationWork>(work).unwrap().people
}

/// Every row of every table that could tell a secret, as text.
async fn whole_database(factory: &Factory) -> String {
    let query = "select coalesce(string_agg(t, e'\\n'), '') from (
        select a::text as t from account a union all select u::text from audit u union all select s::text from badge_salt s) all_rows";
    sqlx::query_scalar(query).fetch_one(&factory.server.database.pool).await.unwrap()
}

#[tokio::test]
async fn somebody_new_is_known_at_every_jig_by_hashes_and_signs_in_at_the_office() {
    let factory = Factory::start().await;
    let added = add(&factory, lin()).await;
    let person = &added.person;
    assert_eq!((person.username.as_str(), person.name.as_str(), person.lead), ("lin", "林伟", false));
    assert!(person.has_badge && person.has_pin);

    let people = of_jig(&factory).await;
    let lin = people.iter().find(|person| person.username == "lin").unwrap();
    assert_eq!((lin.number.as_deref(), lin.language), (Some("0417"), Some(Language::Zh)));
    assert!(password::verify(BADGE.to_owned(), lin.badge.clone()).await);
    assert!(password::verify(PIN.to_owned(), lin.pin.clone()).await);
    assert!(!password::verify("482916".to_owned(), lin.pin.clone()).await);
    // Operators may be vouched for; whoever works in the office alone is not told to jigs.
    let names: Vec<&str> = people.iter().map(|person| person.username.as_str()).collect();
    assert_eq!(names, ["lin", "operator"]);

    let sign_in = json!({ "username": "lin", "password": added.password });
    let url = format!("{}/api/v1/session", factory.server.base_url);
    let signed =
        reqwest::Client::builder().no_proxy().build().unwrap().post(&url).json(&sign_in).send().await;
    assert_eq!(signed.unwrap().status(), 200);

    let text = whole_database(&factory).await;
    assert!(text.contains("林伟"), "{text}");
    assert!(!text.contains("482913") && !text.contains(PIN), "a badge or a PIN stands in the database");
    let mut db = factory.server.database.pool.acquire().await.unwrap();
    assert_eq!(audit::verify(&mut db).await.unwrap(), Vec::<i64>::new());
}

#[tokio::test]
async fn a_badge_is_one_persons_and_every_fault_is_told_by_its_field() {
    let factory = Factory::start().await;
    add(&factory, lin()).await;
    let other = |field: &str, value: Value| {
        let mut body = json!({ "username": "wei", "name": "Wei", "role": "operator", "number": "0418", "badge": "777777777" });
        body[field] = value;
        body
    };
    for (field, value) in
        [("username", json!("lin")), ("number", json!("0417")), ("badge", json!(format!(" {BADGE}\r")))]
    {
        let refused = factory.refused(Role::Admin, Method::POST, PATH, Some(other(field, value))).await;
        assert_eq!(refused, (409, "conflict".to_owned()), "{field}");
    }
    let bad = json!({ "username": "l in", "name": "", "role": "operator", "number": "四", "badge": "12345", "pin": "123456" });
    let (status, answer) = factory.ask(Method::POST, PATH, &factory.tokens[&Role::Admin], Some(bad)).await;
    assert_eq!(status, 422);
    let fields: Vec<&str> =
        answer["faults"].as_array().unwrap().iter().map(|fault| fault["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["username", "name", "number", "badge", "pin"]);
    assert!(!answer.to_string().contains("12345"), "{answer}");
    // A body of another form is not repeated either.
    let number = json!({ "username": "wei", "name": "Wei", "role": "operator", "pin": 482_915 });
    let (status, answer) = factory.ask(Method::POST, PATH, &factory.tokens[&Role::Admin], Some(number)).await;
    assert_eq!(status, 422, "{answer}");
    assert!(!answer.to_string().contains(PIN), "{answer}");
    // Nothing of it was kept.
    let all: Page<PersonRow> = factory.get(Role::Admin, PATH).await;
    assert!(!all.items.iter().any(|person| person.username == "wei"));
}

#[tokio::test]
async fn what_is_not_named_stays_and_an_empty_text_takes_away() {
    let factory = Factory::start().await;
    let id = add(&factory, lin()).await.person.account_id;
    let before = of_jig(&factory).await;
    let (status, answer) =
        put(&factory, Role::Admin, id, "jig", json!({ "language": "en", "pin": "" })).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!((answer["has_badge"].as_bool(), answer["has_pin"].as_bool()), (Some(true), Some(false)));
    let after = of_jig(&factory).await;
    let of = |people: &[JigPerson]| people.iter().find(|person| person.username == "lin").unwrap().clone();
    let expected = JigPerson { language: Some(Language::En), pin: None, ..of(&before) };
    assert_eq!(of(&after), expected);
    let nobody = AccountId(uuid::Uuid::from_u128(1));
    assert_eq!(put(&factory, Role::Admin, nobody, "jig", json!({})).await.0, 404);
}

#[tokio::test]
async fn only_quality_makes_leads_only_administrators_give_badges_and_both_are_audited() {
    let factory = Factory::start().await;
    let id = add(&factory, lin()).await.person.account_id;
    let lead = json!({ "lead": true, "reason": "leads the early shift" });
    for role in [Role::Admin, Role::Engineer, Role::Operator, Role::Sales] {
        assert_eq!(put(&factory, role, id, "lead", lead.clone()).await.0, 403, "{}", role.as_str());
    }
    for role in [Role::Quality, Role::Engineer, Role::Operator, Role::Sales] {
        assert_eq!(put(&factory, role, id, "jig", json!({})).await.0, 403, "{}", role.as_str());
        let refused = factory.refused(role, Method::POST, PATH, Some(lin())).await;
        assert_eq!(refused.0, 403, "{}", role.as_str());
    }
    for role in [Role::Engineer, Role::Operator, Role::Sales] {
        assert_eq!(factory.refused(role, Method::GET, PATH, None).await.0, 403, "{}", role.as_str());
    }
    let quality: Page<PersonRow> = factory.get(Role::Quality, PATH).await;
    assert!(quality.items.iter().any(|person| person.username == "lin"));

    assert_eq!(put(&factory, Role::Quality, id, "lead", json!({ "lead": true, "reason": " " })).await.0, 422);
    let (status, answer) = put(&factory, Role::Quality, id, "lead", lead.clone()).await;
    assert_eq!((status, answer["lead"].as_bool()), (200, Some(true)));
    assert!(of_jig(&factory).await.iter().any(|person| person.username == "lin" && person.may_decide()));
    // A second time changes nothing and is no act.
    assert_eq!(put(&factory, Role::Quality, id, "lead", lead).await.0, 200);
    let told: Vec<(String, Value)> = sqlx::query_as(
        "select writer || ' ' || action, detail from audit where subject = 'lin' and action like 'account.%' order by audit_id",
    )
    .fetch_all(&factory.server.database.pool)
    .await
    .unwrap();
    let acts: Vec<&str> = told.iter().map(|(act, _)| act.as_str()).collect();
    assert_eq!(
        acts,
        ["account:admin account.create", "account:admin account.jig", "account:quality account.lead"]
    );
    assert_eq!(told[2].1["reason"], "leads the early shift");
    assert_eq!((told[1].1["badge"].as_str(), told[1].1["pin"].as_str()), (Some("set"), Some("set")));
}
