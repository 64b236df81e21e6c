//! What rests on addresses that nobody knows says so wherever it shows, and what is known does not.

use crate::factory::Factory;
use domain::role::Role;
use serde_json::Value;

#[tokio::test]
async fn a_profile_marks_each_parameter_by_its_own_block_and_itself_by_any_part_of_its_model() {
    let factory = Factory::start().await;
    let list: Value = factory.get(Role::Operator, "/api/v1/profiles").await;
    let rests_on_assumptions = |id: &str| {
        let row = list["items"].as_array().unwrap().iter().find(|row| row["id"] == id).unwrap();
        row["assumed"].as_bool().unwrap()
    };
    assert!(rests_on_assumptions("topbms-12s-lto-200a"));
    // Published at its head, with three blocks that nobody has seen.
    assert!(rests_on_assumptions("jk-pb-16s-lifepo4-100a"));
    assert!(!rests_on_assumptions("jbd-16s-lifepo4-100a"));

    let profile =
        async |path: &str| factory.get::<Value>(Role::Operator, &format!("/api/v1/profiles/{path}")).await;
    let topbms = profile("topbms-12s-lto-200a/revisions/3").await;
    assert_eq!(topbms["assumed"], true);
    let value = &topbms["values"][0];
    assert_eq!(value["provenance"], "assumed");
    assert!(!value["source"].as_str().unwrap().is_empty(), "{value}");
    let jk = profile("jk-pb-16s-lifepo4-100a/revisions/1").await;
    assert_eq!((jk["assumed"].as_bool(), jk["model_provenance"].as_str()), (Some(true), Some("published")));
    let values = jk["values"].as_array().unwrap();
    assert!(values.len() > 10 && values.iter().all(|value| value["provenance"] == "published"));
    assert_eq!(profile("jbd-16s-lifepo4-100a/revisions/1").await["assumed"], false);
}

#[tokio::test]
async fn a_record_made_with_assumed_addresses_says_so_on_every_way_to_it() {
    let factory = Factory::start().await;
    let serial = factory.serials(1).await.remove(0);
    let envelope = factory.envelope(1, Some(&serial));
    factory.send(&[&envelope]).await;
    let get = async |path: &str| factory.get::<Value>(Role::Operator, path).await;
    let units = get("/api/v1/units").await;
    assert_eq!(units["items"][0]["assumed"], true);
    let unit = get(&format!("/api/v1/units/{}", units["items"][0]["unit_id"].as_str().unwrap())).await;
    assert_eq!(unit["runs"][0]["assumed"], true);
    assert_eq!(get("/api/v1/batches").await["items"][0]["assumed"], true);

    let run = get(&format!("/api/v1/runs/{}", envelope.record.run_id)).await;
    assert_eq!(run["assumed"], true);
    let sources = run["assumed_sources"].as_object().unwrap();
    let record = &envelope.record;
    let parameters = record.parameters.iter().map(|parameter| &parameter.name);
    let measurements = record.measurements.iter().map(|measurement| &measurement.name);
    // Nobody knows an address of this model: cells and what the calibration read are no exception.
    for name in parameters.chain(measurements) {
        let source = sources.get(name).and_then(Value::as_str).unwrap_or_default();
        assert!(!source.is_empty(), "{name}: {sources:?}");
    }
    assert!(sources.contains_key("calibrated_current"), "{sources:?}");
    assert!(sources.keys().any(|name| name.starts_with("cell_")), "{sources:?}");
}
