//! The real server on a real PostgreSQL, and a stage on it for each history: stations, batches and identities that no other has.

use domain::{
    api::{batches::BatchView, releases::BundleView, stations::EnrolledStation},
    bundle::BundleContent,
    ids::{BatchId, ContentHash},
    label::LabelForm,
    model::parse_model,
    role::Role,
};
use jigline_tests::demo::workspace_root;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use server::testing::TestServer;
use simulator::firmware::build_image;
use std::{cell::Cell, collections::BTreeMap};

/// A server with two released bundles, and a third that was only submitted.
pub struct World {
    pub server: TestServer,
    pub released: [BundleContent; 2],
    pub submitted: ContentHash,
    tokens: BTreeMap<Role, String>,
    http: reqwest::Client,
    stages: Cell<u32>,
}

/// Slots of a station that never checked in.
pub const SLOTS: u16 = 8;
/// Which of a stage's batches has numbers of its own.
pub const LISTED: usize = 3;
/// Which of them takes the numbers of its boards' labels.
pub const LABELLED: usize = 4;

/// What those labels look like: a customer's own numbers do, too.
pub fn labels() -> LabelForm {
    LabelForm::Scan { pattern: Some("?-*".to_owned()), length: None }
}

/// A station's key and id.
pub struct Keyed {
    pub enrolled: EnrolledStation,
}

/// What one history works with.
pub struct Stage {
    /// Tells its boards from those of all others.
    pub number: u32,
    pub stations: [Keyed; 2],
    /// The small one, the large one, the one of the second bundle, the one with a list and the one of scanned labels; with bundle and
    /// quantity.
    pub batches: [(BatchId, ContentHash, u32); 5],
}

impl World {
    pub async fn start() -> Self {
        let server = TestServer::start().await;
        let profiles = profiles();
        assert_eq!(server.import(profiles.path()).await.faults, Vec::<String>::new());
        let mut tokens = BTreeMap::new();
        for role in [Role::Engineer, Role::Quality, Role::Admin, Role::Sales] {
            tokens.insert(role, server.token(role).await);
        }
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut world = Asker { http: &http, base: &server.base_url, tokens: &tokens };
        let mut hashes = Vec::new();
        for version in ["1.9", "2.0", "2.1"] {
            hashes.push(world.submit(version).await);
        }
        let [first, second, submitted] = <[ContentHash; 3]>::try_from(hashes).unwrap();
        let station = world.enrol("reader").await;
        let released = [world.release(&station, &first).await, world.release(&station, &second).await];
        Self { released, submitted, http, server, tokens, stages: Cell::new(0) }
    }

    /// A new stage.
    pub async fn stage(&self) -> Stage {
        let number = self.stages.get() + 1;
        self.stages.set(number);
        let mut ask = Asker { http: &self.http, base: &self.server.base_url, tokens: &self.tokens };
        let mut keyed = Vec::new();
        for station in 1..=2 {
            let enrolled = ask.enrol(&format!("jig-{number}-{station}")).await;
            keyed.push(Keyed { enrolled });
        }
        let mut batches = Vec::new();
        for (index, (bundle, quantity)) in [(0, 1), (0, 24), (1, 24), (0, 3), (0, 24)].into_iter().enumerate()
        {
            let bundle = self.released[bundle].manifest.hash();
            let name = format!("B-{number}-{index}");
            let labels = (index == LABELLED).then(labels);
            let body = json!({
                "name": name, "customer": "Test", "bundle": bundle, "quantity": quantity, "labels": labels,
            });
            let batch: BatchView = ask.ok(Role::Engineer, Method::POST, "/api/v1/batches", Some(body)).await;
            batches.push((batch.batch_id, bundle, quantity));
        }
        let stations = keyed.try_into().unwrap_or_else(|_| unreachable!("two were enrolled"));
        Stage { number, stations, batches: batches.try_into().unwrap() }
    }

    /// Asks with a station's key.
    /// What a station is told that asks nothing but who it is.
    pub async fn told(&self, key: &str, path: &str) -> Value {
        let url = format!("{}/api/v1/station/{path}", self.server.base_url);
        self.http.get(url).bearer_auth(key).send().await.unwrap().json().await.unwrap()
    }

    pub async fn ask(&self, key: &str, path: &str, body: &Value) -> (StatusCode, Value) {
        let url = format!("{}/api/v1/station/{path}", self.server.base_url);
        let answer = self.http.post(url).bearer_auth(key).json(body).send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        (status, if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() })
    }
}

/// The shipped files, with a profile for boards of one kind only.
fn profiles() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for path in ["models/topbms.toml", "parameters/topbms-12s-lto-200a.toml", "procedures/topbms-birth.toml"]
    {
        let text = std::fs::read_to_string(workspace_root().join("profiles").join(path)).unwrap();
        let text = text.replacen("\n[product]", "\nboards = [\"TBA-32S-R2\"]\n[product]", 1);
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

impl World {
    /// Gives a batch numbers of the customer's.
    pub async fn give_list(&self, batch: BatchId, list: &[String]) {
        let body = json!({ "text": list.join("\n") });
        let (status, said) =
            self.decide(Role::Engineer, Method::PUT, &format!("batches/{batch}/numbers"), &body).await;
        assert!(status.is_success(), "the list was refused: {status} {said}");
    }

    /// Asks as somebody with that role; what has no body is null.
    pub async fn decide(&self, role: Role, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
        let url = format!("{}/api/v1/{path}", self.server.base_url);
        let request = self.http.request(method, url).bearer_auth(&self.tokens[&role]).json(body);
        let answer = request.send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        (status, if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() })
    }
}

struct Asker<'a> {
    http: &'a reqwest::Client,
    base: &'a str,
    tokens: &'a BTreeMap<Role, String>,
}

impl Asker<'_> {
    async fn submit(&mut self, version: &str) -> ContentHash {
        let text = std::fs::read_to_string(workspace_root().join("profiles/models/topbms.toml")).unwrap();
        let image = build_image(&parse_model("topbms.toml", &text).unwrap(), version, 4096, 1).unwrap();
        let body = json!({
            "model_id": "topbms", "profile_id": "topbms-12s-lto-200a", "profile_revision": 3,
            "procedure_id": "topbms-birth", "firmware_version": version, "image_hex": hex::encode(image),
        });
        let view: BundleView = self.ok(Role::Engineer, Method::POST, "/api/v1/bundles", Some(body)).await;
        view.hash
    }

    async fn release(&mut self, station: &EnrolledStation, hash: &ContentHash) -> BundleContent {
        let path = format!("/api/v1/bundles/{hash}/release");
        let _: Value = self.ok(Role::Quality, Method::POST, &path, None).await;
        let url = format!("{}/api/v1/station/bundles/{hash}", self.base);
        self.http.get(url).bearer_auth(&station.key).send().await.unwrap().json().await.unwrap()
    }

    async fn enrol(&mut self, name: &str) -> EnrolledStation {
        let body = json!({ "name": name, "slots": SLOTS, "simulated": true });
        self.ok(Role::Admin, Method::POST, "/api/v1/stations", Some(body)).await
    }

    async fn ok<T: serde::de::DeserializeOwned>(
        &mut self,
        role: Role,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> T {
        let mut request =
            self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.tokens[&role]);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }
}
