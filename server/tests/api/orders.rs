//! What a batch's order says of parameters: within the released bounds or not at all, told to its stations, and held against every
//! record; and for which boards its profile is.

use crate::factory::{Factory, image, model, profiles, submission};
use domain::{
    api::{batches::BatchView, ingest::IngestState, releases::BundleView},
    model::parse_model,
    procedure::parse_procedure,
    profile::{OrderForm, OrderValues, parse_profile},
    record::{Expected, ShownBoard},
    role::Role,
};
use reqwest::Method;
use serde_json::{Value, json};

const LIMIT: &str = "charge_current_limit_a";

const LEFT: &str = "\n[from_order]\ncharge_current_limit_a = { min = 60, max = 120 }\n";

/// The factory with one more released bundle, whose profile leaves the charge current's limit to the order; with what a pass under it
/// holds where no order says anything.
async fn left_to_order() -> (Factory, BundleView, Expected) {
    released_with(|profile| profile + LEFT, |model| model).await
}

/// The same with a profile and a model that say something else than the shipped ones.
async fn released_with(
    edit: impl FnOnce(String) -> String,
    edit_model: impl FnOnce(String) -> String,
) -> (Factory, BundleView, Expected) {
    let factory = Factory::start().await;
    let text = |name: &str| std::fs::read_to_string(profiles().join(name)).unwrap();
    let shipped = text("parameters/topbms-12s-lto-200a.toml");
    let profile = edit(shipped.replacen("revision = 3", "revision = 4", 1));
    let model_text = edit_model(text("models/topbms.toml"));
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in [
        ("models/topbms.toml", model_text.clone()),
        ("parameters/topbms-12s-lto-200a.toml", profile.clone()),
        ("procedures/topbms-birth.toml", text("procedures/topbms-birth.toml")),
    ] {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let report = factory.server.import(folder.path()).await;
    assert_eq!(report.faults, Vec::<String>::new());
    let mut form = submission(&image(&model(), "V1.9", 4096));
    form["profile_revision"] = json!(4);
    let engineer = &factory.tokens[&Role::Engineer];
    let (status, bundle) = factory.ask(Method::POST, "/api/v1/bundles", engineer, Some(form)).await;
    assert!(status.is_success(), "{bundle}");
    let path = format!("/api/v1/bundles/{}/release", bundle["hash"].as_str().unwrap());
    let (status, bundle) = factory.ask(Method::POST, &path, &factory.tokens[&Role::Quality], None).await;
    assert!(status.is_success(), "{bundle}");
    let bundle: BundleView = serde_json::from_value(bundle).unwrap();
    let profile = parse_profile("profile", &profile).unwrap();
    let procedure = parse_procedure("procedure", &text("procedures/topbms-birth.toml")).unwrap();
    let model = parse_model("model", &model_text).unwrap();
    let expected = Expected::of(&profile, &procedure, &bundle.manifest).on_boards_of(&model, &profile);
    (factory, bundle, expected)
}

fn batch(name: &str, bundle: &BundleView, order: &Value) -> Value {
    json!({ "name": name, "customer": "C", "bundle": bundle.hash, "quantity": 5, "order_values": order })
}

#[tokio::test]
async fn an_order_beyond_the_released_bounds_or_against_a_rule_makes_no_batch() {
    let (factory, bundle, _) = left_to_order().await;
    let engineer = &factory.tokens[&Role::Engineer];
    for (order, about) in [
        (json!({ LIMIT: 121 }), "leaves it to the order from 60 to 120"),
        (json!({ LIMIT: 59.9 }), "leaves it to the order from 60 to 120"),
        (json!({ LIMIT: 110 }), "rule charge-limit-within-rating"),
        (json!({ LIMIT: 90.5 }), "whole number of its steps"),
        (json!({ "cell_count": 12 }), "does not leave cell_count to the order"),
        (json!({ "\u{0}x": 12 }), "to the order"),
    ] {
        let form = batch("B-9", &bundle, &order);
        let (status, answer) = factory.ask(Method::POST, "/api/v1/batches", engineer, Some(form)).await;
        assert_eq!((status.as_u16(), answer["code"].as_str()), (422, Some("invalid")), "{order}: {answer}");
        assert!(answer.to_string().contains(about), "{order}: {answer}");
    }
    for order in [json!({ LIMIT: "90" }), json!([90]), json!({ LIMIT: null })] {
        let form = batch("B-9", &bundle, &order);
        let (status, _) = factory.ask(Method::POST, "/api/v1/batches", engineer, Some(form)).await;
        assert!(status.is_client_error(), "{order}");
    }
    // Nor of a bundle whose profile leaves nothing to it.
    let form = batch("B-9", &factory.bundle, &json!({ LIMIT: 90 }));
    let answer = factory.refused(Role::Engineer, Method::POST, "/api/v1/batches", Some(form)).await;
    assert_eq!(answer, (422, "invalid".to_owned()));
}

#[tokio::test]
async fn whoever_makes_a_batch_is_told_what_its_bundle_leaves_to_the_order() {
    let (factory, bundle, _) = left_to_order().await;
    let ask = |hash: String| format!("/api/v1/bundles/{hash}/order");
    let form: OrderForm = factory.get(Role::Operator, &ask(bundle.hash.to_string())).await;
    let [left] = form.parameters.as_slice() else { panic!("{form:#?}") };
    assert_eq!((left.name.as_str(), left.unit.as_str(), left.value), (LIMIT, "A", 100.0));
    assert_eq!((left.bounds.min, left.bounds.max, left.step), (60.0, 120.0, Some(1.0)));
    // The jig's own current is known with the procedure.
    assert_eq!(form.figures["product.rated_charge_a"], 100.0);
    let told = |value: f64| form.problems(&OrderValues::from([(LIMIT.to_owned(), value)])).len();
    assert_eq!((told(90.0), told(121.0), told(110.0), told(90.5)), (0, 1, 1, 1));
    let none: OrderForm = factory.get(Role::Operator, &ask(factory.bundle.hash.to_string())).await;
    assert_eq!(none, OrderForm::default());
    let unknown = domain::ids::ContentHash::of(b"none").to_string();
    let refused = factory.refused(Role::Operator, Method::GET, &ask(unknown), None).await;
    assert_eq!(refused, (404, "not_found".to_owned()));
}

#[tokio::test]
async fn an_orders_values_go_to_the_station_and_a_pass_that_was_worked_by_others_is_not_believed() {
    let (mut factory, bundle, expected) = left_to_order().await;
    let engineer = factory.tokens[&Role::Engineer].clone();
    let form = batch("B-9", &bundle, &json!({ LIMIT: 90 }));
    let (status, made) = factory.ask(Method::POST, "/api/v1/batches", &engineer, Some(form)).await;
    assert_eq!(status.as_u16(), 201, "{made}");
    let made: BatchView = serde_json::from_value(made).unwrap();
    let order = OrderValues::from([(LIMIT.to_owned(), 90.0)]);
    assert_eq!(made.order_values, order);
    let path = format!("/api/v1/batches/{}", made.batch_id);
    assert_eq!(factory.get::<BatchView>(Role::Operator, &path).await.order_values, order);
    let path = format!("/api/v1/stations/{}/assignment", factory.station.station_id);
    let assign = json!({ "batch_id": made.batch_id });
    let (status, _) = factory.ask(Method::PUT, &path, &engineer, Some(assign)).await;
    assert!(status.is_success());
    let (_, assignment) =
        factory.ask(Method::GET, "/api/v1/station/assignment", &factory.station.key, None).await;
    assert_eq!(assignment["order_values"], json!({ LIMIT: 90.0 }));

    (factory.batch, factory.work.batch_id) = (made.clone(), made.batch_id);
    let serials = factory.serials(2).await;
    let mut states = Vec::new();
    for (number, expected) in [(1, expected.clone().with_order(&order)), (2, expected)] {
        factory.work.expected = expected;
        let envelope = factory.envelope(number, Some(&serials[number as usize - 1]));
        let result = factory.send(&[&envelope]).await.remove(0);
        states.push((result.state, result.reason));
    }
    assert_eq!(states[0], (IngestState::Stored, None));
    let reason = states[1].1.clone().unwrap_or_default();
    assert_ne!(states[1].0, IngestState::Stored);
    assert!(reason.contains("claims a pass that it does not prove") && reason.contains(LIMIT), "{reason}");
}

#[tokio::test]
async fn a_pass_of_a_board_that_the_profile_is_not_made_for_is_not_believed() {
    let only = |profile: String| profile.replacen("chemistry =", "boards = [\"TBA-32S-R2\"]\nchemistry =", 1);
    // And counts its cells.
    let counting = |model: String| {
        let model = model.replacen("revision = 4", "revision = 5", 1);
        let found = "count_register = \"cell_count\"\nfound_register = \"cycles\"";
        model.replacen("count_register = \"cell_count\"", found, 1)
    };
    let (mut factory, bundle, expected) = released_with(only, counting).await;
    assert_eq!(expected.cells, Some(12));
    let form = batch("B-9", &bundle, &json!({}));
    let engineer = factory.tokens[&Role::Engineer].clone();
    let (status, made) = factory.ask(Method::POST, "/api/v1/batches", &engineer, Some(form)).await;
    assert_eq!(status.as_u16(), 201, "{made}");
    factory.batch = serde_json::from_value(made).unwrap();
    factory.work.batch_id = factory.batch.batch_id;
    factory.work.expected = expected;
    let serials = factory.serials(5).await;
    let shown = |model: &str, cells| Some(ShownBoard { model: model.to_owned(), cells });
    for (number, shows, stored) in [
        (1, shown("TBA-32S-R2", Some(12)), true),
        (2, shown("TBA-32S-R1", Some(12)), false),
        (3, shown("TBA-32S-R2", Some(11)), false),
        (4, shown("TBA-32S-R2", None), false),
        (5, None, false),
    ] {
        let mut envelope = factory.envelope(number, Some(&serials[number as usize - 1]));
        envelope.record.shows = shows;
        let result = factory.send(&[&envelope]).await.remove(0);
        assert_eq!(result.state == IngestState::Stored, stored, "{number}: {result:?}");
        let reason = result.reason.unwrap_or_default();
        assert!(stored || reason.contains("a board that the profile is for"), "{reason}");
    }
}
