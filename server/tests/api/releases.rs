use crate::factory::{Factory, image, model, submission};
use domain::{
    api::releases::{BundleState, BundleView},
    bundle::BundleContent,
    role::Role,
};
use ed25519_dalek::VerifyingKey;
use jigline_server::testing::TestServer;
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn every_fault_of_an_image_is_named_at_once() {
    let factory = Factory::start().await;
    let model = model();
    let engineer = &factory.tokens[&Role::Engineer];
    let mut bad = image(&model, "V1.8", model.image_capacity() as usize + 1);
    bad[0..8].fill(0xFF);
    let (status, answer) =
        factory.ask(Method::POST, "/api/v1/bundles", engineer, Some(submission(&bad))).await;
    assert_eq!(status, 422);
    let detail = answer["detail"].as_str().unwrap();
    for part in ["122881 bytes", "no stack in RAM", "\"V1.8\""] {
        assert!(detail.contains(part), "{part}: {detail}");
    }
    let (status, answer) =
        factory.ask(Method::POST, "/api/v1/bundles", engineer, Some(submission(&[]))).await;
    assert_eq!((status.as_u16(), answer["detail"].as_str().unwrap().contains("0 bytes")), (422, true));
    let mut unknown = submission(&image(&model, "V1.9", 4096));
    unknown["profile_revision"] = json!(99);
    let (status, _) = factory.ask(Method::POST, "/api/v1/bundles", engineer, Some(unknown)).await;
    assert_eq!(status, 422);
}

#[tokio::test]
async fn a_bundle_takes_two_people_and_the_right_roles() {
    let factory = Factory::start().await;
    let body = submission(&image(&model(), "V1.9", 8192));
    for role in [Role::Operator, Role::Quality, Role::Sales, Role::Admin] {
        let refused = factory.refused(role, Method::POST, "/api/v1/bundles", Some(body.clone())).await;
        assert_eq!(refused, (403, "forbidden".to_owned()), "{role:?}");
    }
    let (status, answer) =
        factory.ask(Method::POST, "/api/v1/bundles", &factory.tokens[&Role::Engineer], Some(body)).await;
    assert_eq!(status, 201);
    let bundle: BundleView = serde_json::from_value(answer).unwrap();
    assert_eq!(bundle.state, BundleState::Submitted);
    let release = format!("/api/v1/bundles/{}/release", bundle.hash);
    for role in [Role::Operator, Role::Engineer, Role::Sales, Role::Admin] {
        assert_eq!(factory.refused(role, Method::POST, &release, None).await.0, 403, "{role:?}");
    }
    // A station gets nothing that is not released, a batch neither.
    let content = format!("/api/v1/station/bundles/{}", bundle.hash);
    assert_eq!(factory.ask(Method::GET, &content, &factory.station.key, None).await.0, 404);
    let batch = json!({ "name": "B-1", "customer": "x", "bundle": bundle.hash, "quantity": 1 });
    let refused = factory.refused(Role::Engineer, Method::POST, "/api/v1/batches", Some(batch)).await;
    assert_eq!(refused, (409, "not_released".to_owned()));
    let released: BundleView = {
        let (status, answer) =
            factory.ask(Method::POST, &release, &factory.tokens[&Role::Quality], None).await;
        assert_eq!(status, 200);
        serde_json::from_value(answer).unwrap()
    };
    assert_eq!(released.state, BundleState::Released);
    assert!(released.simulator_only, "the shipped model holds assumed parts");
}

#[tokio::test]
async fn a_station_can_check_what_it_fetches_to_the_last_byte() {
    let factory = Factory::start().await;
    let content = format!("/api/v1/station/bundles/{}", factory.bundle.hash);
    let (status, answer) = factory.ask(Method::GET, &content, &factory.station.key, None).await;
    assert_eq!(status, 200);
    let content: BundleContent = serde_json::from_value(answer).unwrap();
    let key: [u8; 32] = hex::decode(&factory.station.release_key).unwrap().try_into().unwrap();
    let image = content.check(&factory.bundle.hash, &VerifyingKey::from_bytes(&key).unwrap()).unwrap();
    assert_eq!(image.unwrap().len(), 4096);
    assert_eq!(content.manifest.firmware.unwrap().version, "V1.9");
}

/// Boards of this model come with their firmware: their bundle has no image, and is one for real boards all the same.
#[tokio::test]
async fn a_procedure_that_sends_no_image_makes_a_whole_bundle_without_one() {
    let factory = Factory::start().await;
    let engineer = &factory.tokens[&Role::Engineer];
    let body = json!({
        "model_id": "jbd", "profile_id": "jbd-16s-lifepo4-100a", "profile_revision": 1,
        "procedure_id": "jbd-birth-16s-lifepo4",
    });
    // An image that nobody would send is refused, and so is its version alone.
    for (field, text) in [("image_hex", "00"), ("firmware_version", "1.9")] {
        let mut spoilt = body.clone();
        spoilt[field] = json!(text);
        let (status, answer) = factory.ask(Method::POST, "/api/v1/bundles", engineer, Some(spoilt)).await;
        let detail = answer["detail"].as_str().unwrap();
        assert!(status == 422 && detail.contains(field) && detail.contains("sends no image"), "{answer}");
    }
    let (status, answer) = factory.ask(Method::POST, "/api/v1/bundles", engineer, Some(body)).await;
    assert_eq!(status, 201, "{answer}");
    let bundle: BundleView = serde_json::from_value(answer).unwrap();
    assert!(bundle.manifest.firmware.is_none() && !bundle.simulator_only);
    let release = format!("/api/v1/bundles/{}/release", bundle.hash);
    let (status, _) = factory.ask(Method::POST, &release, &factory.tokens[&Role::Quality], None).await;
    assert_eq!(status, 200);
    let batch = json!({ "name": "B-JBD", "customer": "x", "bundle": bundle.hash, "quantity": 4 });
    let (status, batch) = factory.ask(Method::POST, "/api/v1/batches", engineer, Some(batch)).await;
    assert_eq!((status.as_u16(), batch["firmware_version"].as_str()), (201, Some("")));
    let content = format!("/api/v1/station/bundles/{}", bundle.hash);
    let (_, answer) = factory.ask(Method::GET, &content, &factory.station.key, None).await;
    let content: BundleContent = serde_json::from_value(answer).unwrap();
    let key: [u8; 32] = hex::decode(&factory.station.release_key).unwrap().try_into().unwrap();
    let image = content.check(&bundle.hash, &VerifyingKey::from_bytes(&key).unwrap()).unwrap();
    assert_eq!(image, None);
    // And a procedure that sends one has none without it.
    let mut missing = submission(&[]);
    missing.as_object_mut().unwrap().remove("image_hex");
    let (status, answer) = factory.ask(Method::POST, "/api/v1/bundles", engineer, Some(missing)).await;
    assert!(status == 422 && answer["detail"].as_str().unwrap().contains("0 bytes"), "{answer}");
}

#[tokio::test]
async fn profiles_come_with_ranges_and_rules() {
    let factory = Factory::start().await;
    let list: Value = factory.get(Role::Operator, "/api/v1/profiles").await;
    let row =
        list["items"].as_array().unwrap().iter().find(|row| row["id"] == "topbms-12s-lto-200a").unwrap();
    assert_eq!((row["revision"].as_u64(), row["released"].as_bool()), (Some(3), Some(true)));
    let view: Value = factory.get(Role::Operator, "/api/v1/profiles/topbms-12s-lto-200a/revisions/3").await;
    assert!(view["values"].as_array().unwrap().len() > 20);
    for rule in view["rules"].as_array().unwrap() {
        // A profile by itself knows no jig, and says so.
        let asks_the_jig = rule["rule"]["right"] == "jig.test_current_a";
        let standing = if asks_the_jig { "not_judged" } else { "holds" };
        assert_eq!(rule["standing"], standing, "{rule}");
    }
    let missing =
        factory.refused(Role::Operator, Method::GET, "/api/v1/profiles/none/revisions/1", None).await;
    assert_eq!(missing, (404, "not_found".to_owned()));
}

#[tokio::test]
async fn faulty_files_are_all_named_and_the_sound_ones_go_in() {
    let server = TestServer::start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut sound = 0;
    for part in ["models", "parameters", "procedures", "labels"] {
        std::fs::create_dir(folder.path().join(part)).unwrap();
        for entry in std::fs::read_dir(crate::factory::profiles().join(part)).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), folder.path().join(part).join(entry.file_name())).unwrap();
            sound += 1;
        }
    }
    std::fs::write(folder.path().join("parameters/torn.toml"), "id = \"torn\"\nrevision = ").unwrap();
    std::fs::write(folder.path().join("parameters/binary.toml"), [0xFF, 0xFE, 0x00]).unwrap();
    std::fs::write(folder.path().join("labels/blank.toml"), "id = \"blank\"\nrevision = 1\n").unwrap();
    let report = server.import(folder.path()).await;
    let of_label = report.faults.iter().filter(|fault| fault.contains("labels/blank.toml:")).count();
    assert!(of_label > 0, "{:?}", report.faults);
    assert_eq!(report.faults.len(), 2 + of_label, "{:?}", report.faults);
    assert!(
        report.faults.iter().any(|fault| fault.contains("parameters/torn.toml:2: ")),
        "{:?}",
        report.faults
    );
    assert_eq!(report.imported, sound);

    // The same revision with other content is refused; the stored one stays.
    let changed = folder.path().join("procedures/topbms-birth.toml");
    let text = std::fs::read_to_string(&changed).unwrap();
    std::fs::write(&changed, format!("{text}\n# another\n")).unwrap();
    let report = server.import(folder.path()).await;
    assert_eq!((report.imported, report.known), (0, sound - 1));
    assert!(report.faults.iter().any(|fault| fault.contains("needs a new revision")), "{:?}", report.faults);
}

#[tokio::test]
async fn a_label_is_released_with_its_bundle_and_reaches_the_station_as_it_was_released() {
    let factory = Factory::start().await;
    let engineer = &factory.tokens[&Role::Engineer];
    let mut body = submission(&image(&model(), "V1.9", 4096));
    body["label_id"] = json!("moonlight");
    let (status, answer) = factory.ask(Method::POST, "/api/v1/bundles", engineer, Some(body.clone())).await;
    assert_eq!((status.as_u16(), &answer["faults"][0]["field"]), (422, &json!("label_id")), "{answer}");
    body["label_id"] = json!("unit-50x25");
    let (status, answer) = factory.ask(Method::POST, "/api/v1/bundles", engineer, Some(body)).await;
    assert_eq!(status, 201, "{answer}");
    assert_ne!(answer["hash"], json!(factory.bundle.hash), "with a label it is another bundle");
    assert_eq!(answer["manifest"]["label"]["id"], "unit-50x25");
    let release = format!("/api/v1/bundles/{}/release", answer["hash"].as_str().unwrap());
    let quality = &factory.tokens[&Role::Quality];
    let (status, released) = factory.ask(Method::POST, &release, quality, None).await;
    assert_eq!(status, 200, "{released}");
    let fetched = format!("/api/v1/station/bundles/{}", released["hash"].as_str().unwrap());
    let (status, content) = factory.ask(Method::GET, &fetched, &factory.station.key, None).await;
    assert_eq!(status, 200, "{content}");
    let content: BundleContent = serde_json::from_value(content).unwrap();
    let file = crate::factory::profiles().join("labels/unit-50x25.toml");
    assert_eq!(content.label_toml, std::fs::read_to_string(file).unwrap());
    let hash = content.manifest.hash();
    let key: [u8; 32] = hex::decode(&factory.station.release_key).unwrap().try_into().unwrap();
    let key = VerifyingKey::from_bytes(&key).unwrap();
    assert!(content.check(&hash, &key).is_ok());
    let mut other = content.clone();
    other.label_toml.push('\n');
    assert!(other.check(&hash, &key).is_err());
}

/// An Intel HEX record by record, sixteen bytes each, all in the page of 0800_0000h.
fn intel_hex(start: u16, bytes: &[u8]) -> String {
    let record = |address: u16, kind: u8, data: &[u8]| {
        let [high, low] = address.to_be_bytes();
        let mut record = vec![data.len() as u8, high, low, kind];
        record.extend(data);
        let sum = record.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
        record.push(sum.wrapping_neg());
        format!(":{}\r\n", hex::encode_upper(record))
    };
    let mut text = record(0, 4, &[0x08, 0x00]);
    for (at, data) in (start..).step_by(16).zip(bytes.chunks(16)) {
        text += &record(at, 0, data);
    }
    text + &record(0, 1, &[])
}

#[tokio::test]
async fn an_intel_hex_becomes_the_bytes_of_the_binary_and_the_answer_says_so() {
    let factory = Factory::start().await;
    let engineer = &factory.tokens[&Role::Engineer];
    let binary = image(&model(), "V1.9", 4096);
    let submit = async |name: &str, file: &[u8]| {
        let mut body = submission(file);
        body["image_name"] = json!(name);
        factory.ask(Method::POST, "/api/v1/bundles", engineer, Some(body)).await
    };
    let text = intel_hex(0x2000, &binary);
    let (status, answer) = submit("fw-1.9.HEX", text.as_bytes()).await;
    assert_eq!(status, 201, "{answer}");
    // The same bundle as that of the .bin: hash, length and CRC are those of the bytes that go to the board.
    assert_eq!(answer["hash"], json!(factory.bundle.hash));
    assert_eq!(answer["manifest"]["firmware"]["bytes"], 4096);
    let made = json!({
        "file": "fw-1.9.HEX", "file_bytes": text.len(), "start_address": 0x0800_2000, "filled_bytes": 0,
    });
    assert_eq!(answer["converted"], made);
    let (status, answer) = submit("fw-1.9.bin", &binary).await;
    assert_eq!((status.as_u16(), answer.get("converted")), (201, None));
    for (name, file, why) in [
        ("fw-1.9.bin", text.as_bytes(), "Intel HEX"),
        ("", text.as_bytes(), "Intel HEX"),
        ("fw-1.9.hex", intel_hex(0x3000, &binary).as_bytes(), "08003000h"),
        ("fw-1.9.hex", &binary, "line 1"),
        ("fw-1.9.hex", text.replacen(":10", ":11", 1).as_bytes(), "line 2"),
    ] {
        let (status, answer) = submit(name, file).await;
        assert_eq!(status, 422, "{name}: {answer}");
        assert_eq!(answer["faults"][0]["field"], "image_hex");
        assert!(answer["faults"][0]["detail"].as_str().unwrap().contains(why), "{why}: {answer}");
    }
}
