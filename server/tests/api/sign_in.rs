use crate::factory::service;
use domain::role::Role;
use jigline_server::{
    auth::password,
    clock,
    db::accounts::{self, Person},
};
use serde_json::{Value, json};

#[tokio::test]
async fn a_person_signs_in_with_a_cookie_that_scripts_cannot_read_and_out_again() {
    let (server, _) = service().await;
    let hash = password::hash("right-password".to_owned()).await.unwrap();
    let person = Person { account_id: clock::new_id().into(), username: "li".to_owned(), role: Role::Sales };
    let mut db = server.database.pool.acquire().await.unwrap();
    accounts::insert(&mut db, &person, &hash, clock::now()).await.unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/api/v1/session", server.base_url);

    let wrong = http.post(&url).json(&json!({ "username": "li", "password": "wrong" })).send().await.unwrap();
    assert_eq!(wrong.status(), 401);
    assert_eq!(wrong.json::<Value>().await.unwrap()["code"], "wrong_credentials");

    let right = json!({ "username": "li", "password": "right-password" });
    let signed = http.post(&url).json(&right).send().await.unwrap();
    assert_eq!(signed.status(), 200);
    let cookie = signed.headers()["set-cookie"].to_str().unwrap().to_owned();
    for part in ["jigline_session=", "HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert_eq!(signed.json::<Value>().await.unwrap(), json!({ "username": "li", "role": "sales" }));

    let cookie = cookie.split(';').next().unwrap().to_owned();
    let me = http.get(&url).header("cookie", &cookie).send().await.unwrap();
    assert_eq!(me.status(), 200);
    let out = http.delete(&url).header("cookie", &cookie).send().await.unwrap();
    assert_eq!(out.status(), 204);
    let me = http.get(&url).header("cookie", &cookie).send().await.unwrap();
    assert_eq!(me.status(), 401);
    assert_eq!(me.json::<Value>().await.unwrap()["code"], "not_signed_in");
}

#[tokio::test]
async fn guessing_is_slowed_down() {
    let (server, _) = service().await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/api/v1/session", server.base_url);
    let mut last = 0;
    for _ in 0..6 {
        let guess = json!({ "username": "quality", "password": "123456" });
        last = http.post(&url).json(&guess).send().await.unwrap().status().as_u16();
    }
    assert_eq!(last, 429);
}

/// Every route of the document but signing in and enrolment refuses a stranger: a new one that forgets to ask fails here.
#[tokio::test]
async fn no_route_answers_a_stranger() {
    let (server, _) = service().await;
    let document = serde_json::to_value(jigline_server::document()).unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let id = "0193f4a0-0000-7000-8000-000000000000";
    let mut asked = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let is_a_door = path == "/api/v1/session" && method != "get" || path == "/api/v1/enrol";
            if is_a_door {
                continue;
            }
            let filled = path
                .replace("{hash}", &"0".repeat(64))
                .replace("{id}", id)
                .replace("{run_id}", id)
                .replace("{revision}", "1");
            let method = method.to_uppercase().parse().unwrap();
            let request = http.request(method, format!("{}{filled}", server.base_url));
            let answer = request.json(&json!({})).send().await.unwrap();
            assert_eq!(answer.status(), 401, "{path}");
            asked += 1;
        }
    }
    assert!(asked >= 25, "{asked}");
}

#[test]
fn the_document_stands_as_it_is_committed() {
    let found = jigline_server::document().to_pretty_json().unwrap() + "\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(found.contains("\"openapi\": \"3.1.0\""));
    assert!(
        found == committed,
        "the API changed: `cargo run -p jigline-server -- openapi > docs/openapi.json` and look at the difference"
    );
}
