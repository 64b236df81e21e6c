//! A small factory: a service with a released bundle, a batch and a station at work.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    api::{
        batches::BatchView,
        ingest::{IngestResponse, IngestResult},
        releases::BundleView,
        stations::{EnrolledStation, SerialBlock, WIRE_VERSION},
    },
    ids::ContentHash,
    model::{DeviceModel, parse_model},
    procedure::parse_procedure,
    profile::parse_profile,
    record::{Envelope, Expected, SecretRecord},
    role::Role,
};
use jigline_server::{
    clock,
    load::synthetic::{self, Work},
    testing::TestServer,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::PathBuf};
use uuid::Uuid;

/// The folder that the product ships.
pub fn profiles() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../profiles")
}

pub struct Factory {
    pub server: TestServer,
    pub tokens: BTreeMap<Role, String>,
    pub bundle: BundleView,
    pub batch: BatchView,
    pub station: EnrolledStation,
    pub work: Work,
    pub outbox: Uuid,
    http: reqwest::Client,
}

/// A service with one token a role and the shipped profiles, nothing else.
pub async fn service() -> (TestServer, BTreeMap<Role, String>) {
    let server = TestServer::start().await;
    let report = server.import(&profiles()).await;
    assert_eq!(report.faults, Vec::<String>::new());
    let mut tokens = BTreeMap::new();
    for role in Role::ALL {
        tokens.insert(role, server.token(role).await);
    }
    (server, tokens)
}

/// An image that the shipped model takes.
pub fn image(model: &DeviceModel, version: &str, bytes: usize) -> Vec<u8> {
    let settings = model.firmware.image.as_ref().unwrap();
    let mut image = vec![0x5A; bytes];
    image[0..4].copy_from_slice(&0x2000_4000_u32.to_le_bytes());
    image[4..8].copy_from_slice(&(settings.base_address + 0x201).to_le_bytes());
    let at = settings.version_offset as usize;
    let field = &mut image[at..at + settings.version_bytes as usize];
    field.fill(0);
    field[..version.len()].copy_from_slice(version.as_bytes());
    image
}

pub fn model() -> DeviceModel {
    let text = std::fs::read_to_string(profiles().join("models/topbms.toml")).unwrap();
    parse_model("topbms.toml", &text).unwrap()
}

/// What the shipped profile and procedure ask of a pass under this bundle.
fn expected_of(bundle: &BundleView) -> Expected {
    let text = |name: &str| std::fs::read_to_string(profiles().join(name)).unwrap();
    let profile = parse_profile("profile", &text("parameters/topbms-12s-lto-200a.toml")).unwrap();
    let procedure = parse_procedure("procedure", &text("procedures/topbms-birth.toml")).unwrap();
    Expected::of(&profile, &procedure, &bundle.manifest)
}

/// What a machine says that made itself this key.
pub fn enrolment(code: &str, key: &str) -> Value {
    json!({ "wire_version": WIRE_VERSION, "program": "0.1.0", "code": code, "key_sha256": ContentHash::of(key.as_bytes()) })
}

pub fn submission(image: &[u8]) -> Value {
    json!({
        "model_id": "topbms", "profile_id": "topbms-12s-lto-200a", "profile_revision": 3, "procedure_id": "topbms-birth",
        "firmware_version": "1.9", "image_hex": hex::encode(image),
    })
}

impl Factory {
    pub async fn start() -> Self {
        let (server, tokens) = service().await;
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let ask = Asker { http: &http, base: &server.base_url };
        let body = submission(&image(&model(), "V1.9", 4096));
        let bundle: BundleView =
            ask.ok(Method::POST, "/api/v1/bundles", &tokens[&Role::Engineer], Some(body)).await;
        let release = format!("/api/v1/bundles/{}/release", bundle.hash);
        let bundle: BundleView = ask.ok(Method::POST, &release, &tokens[&Role::Quality], None).await;
        let body =
            json!({ "name": "B-2641", "customer": "Liùhé 六合", "bundle": bundle.hash, "quantity": 24 });
        let batch: BatchView =
            ask.ok(Method::POST, "/api/v1/batches", &tokens[&Role::Engineer], Some(body)).await;
        let body = json!({ "name": "jig-1", "slots": 8, "simulated": true });
        let station: EnrolledStation =
            ask.ok(Method::POST, "/api/v1/stations", &tokens[&Role::Admin], Some(body)).await;
        let work =
            Work { station_id: station.station_id, batch_id: batch.batch_id, expected: expected_of(&bundle) };
        Self { server, tokens, bundle, batch, station, work, outbox: clock::new_id(), http }
    }

    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        Asker { http: &self.http, base: &self.server.base_url }.ask(method, path, token, body).await
    }

    pub async fn get<T: serde::de::DeserializeOwned>(&self, role: Role, path: &str) -> T {
        let asker = Asker { http: &self.http, base: &self.server.base_url };
        asker.ok(Method::GET, path, &self.tokens[&role], None).await
    }

    /// The status and code of a refusal.
    pub async fn refused(
        &self,
        role: Role,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (u16, String) {
        let (status, answer) = self.ask(method, path, &self.tokens[&role], body).await;
        (status.as_u16(), answer["code"].as_str().unwrap_or_default().to_owned())
    }

    pub async fn bytes(&self, role: Role, path: &str) -> (reqwest::header::HeaderMap, Vec<u8>) {
        let url = format!("{}{path}", self.server.base_url);
        let response = self.http.get(url).bearer_auth(&self.tokens[&role]).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        (response.headers().clone(), response.bytes().await.unwrap().to_vec())
    }

    /// A machine enters a code; its key.
    pub async fn enrol(&self, code: &str) -> String {
        let key = clock::random_token();
        let form = enrolment(code, &key);
        let (status, answer) = self.ask(Method::POST, "/api/v1/enrol", "nobody", Some(form)).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        key
    }

    pub async fn serials(&self, count: u32) -> Vec<String> {
        let body = json!({ "batch_id": self.batch.batch_id, "block_id": clock::new_id(), "count": count });
        let (status, answer) =
            self.ask(Method::POST, "/api/v1/station/serial-blocks", &self.station.key, Some(body)).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        serde_json::from_value::<SerialBlock>(answer).unwrap().serials
    }

    /// The `number`th record of the outbox: a pass with this serial, or, for 7 and 27, a failure at a measurement.
    pub fn envelope(&self, number: u32, serial: Option<&str>) -> Envelope {
        let at: DateTime<Utc> = clock::now() - TimeDelta::hours(2) + TimeDelta::minutes(i64::from(number));
        let mut envelope = synthetic::envelope(&self.work, self.outbox, number, at, 7);
        envelope.record.serial = serial.map(ToOwned::to_owned);
        envelope
    }

    /// A password as a station puts it into a record, proved on the board.
    pub fn sealed(&self, plain: &str) -> SecretRecord {
        let key: [u8; 32] = hex::decode(&self.station.sealing_key).unwrap().try_into().unwrap();
        let sealed = crypto_box::PublicKey::from(key).seal(&mut crypto_box::aead::OsRng, plain.as_bytes());
        let (keyed_hash, sealed) = ("ab".repeat(16), hex::encode(sealed.unwrap()));
        SecretRecord { length: 6, keyed_hash, sealed, proved: true }
    }

    pub async fn send(&self, envelopes: &[&Envelope]) -> Vec<IngestResult> {
        let texts =
            envelopes.iter().map(|envelope| serde_json::to_string(envelope).unwrap()).collect::<Vec<_>>();
        self.send_texts(&texts).await
    }

    pub async fn send_texts(&self, texts: &[String]) -> Vec<IngestResult> {
        let body = json!({ "envelopes": texts });
        let (status, answer) =
            self.ask(Method::POST, "/api/v1/station/ingest", &self.station.key, Some(body)).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let results = serde_json::from_value::<IngestResponse>(answer).unwrap().results;
        for (text, result) in texts.iter().zip(&results) {
            assert_eq!(result.sha256, ContentHash::of(text.as_bytes()));
        }
        results
    }
}

struct Asker<'a> {
    http: &'a reqwest::Client,
    base: &'a str,
}

impl Asker<'_> {
    async fn ask(&self, method: Method, path: &str, token: &str, body: Option<Value>) -> (StatusCode, Value) {
        let mut request = self.http.request(method, format!("{}{path}", self.base)).bearer_auth(token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let status = response.status();
        if !status.is_success() {
            assert_eq!(response.headers()["content-type"], "application/problem+json", "{path}");
        }
        let text = response.text().await.unwrap();
        (status, if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() })
    }

    async fn ok<T: serde::de::DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Option<Value>,
    ) -> T {
        let (status, answer) = self.ask(method, path, token, body).await;
        assert!(status.is_success(), "{path}: {status} {answer}");
        serde_json::from_value(answer).unwrap()
    }
}
