use crate::factory::Factory;
use domain::{
    api::{
        page::Page,
        units::{UnitRow, UnitView},
    },
    identifier::IdentifierKind,
    outcome::Outcome,
    role::Role,
};
use reqwest::Method;

#[tokio::test]
async fn a_unit_is_found_by_any_part_of_what_it_shows() {
    let factory = Factory::start().await;
    let serials = factory.serials(6).await;
    let envelopes: Vec<_> =
        (1..=6).map(|number| factory.envelope(number, Some(&serials[number as usize - 1]))).collect();
    factory.send(&envelopes.iter().collect::<Vec<_>>()).await;
    let third = &envelopes[2].record;
    let value = |kind| third.identifiers.iter().find(|i| i.kind == kind).unwrap().value.clone();
    let address = value(IdentifierKind::BluetoothAddress);
    let parted: Vec<&str> = (0..6).map(|octet| &address[octet * 2..octet * 2 + 2]).collect();
    let questions = [
        serials[2].clone(),
        serials[2].to_lowercase(),
        serials[2][serials[2].len() - 4..].to_owned(),
        value(IdentifierKind::MachineCode),
        address[2..].to_owned(),
        parted.join(":"),
        parted[2..].join(":").to_lowercase(),
        parted[3..].join("-"),
        value(IdentifierKind::BluetoothName),
        format!("  {}  ", value(IdentifierKind::BluetoothName).to_lowercase()),
    ];
    for question in questions {
        let query = [("q", question.as_str())];
        let url = reqwest::Url::parse_with_params("http://x/api/v1/units", query).unwrap();
        let path = format!("{}?{}", url.path(), url.query().unwrap());
        let page: Page<UnitRow> = factory.get(Role::Operator, &path).await;
        assert_eq!(page.items.len(), 1, "{question}");
        assert_eq!(page.items[0].serial.as_deref(), Some(serials[2].as_str()));
    }
    let wild: Page<UnitRow> = factory.get(Role::Operator, "/api/v1/units?q=%25").await;
    assert_eq!(wild.items, vec![], "a question is never a pattern");
    let empty: Page<UnitRow> = factory.get(Role::Operator, "/api/v1/units?q=&batch=&outcome=").await;
    assert_eq!(empty.items.len(), 6);
}

#[tokio::test]
async fn pages_are_newest_first_and_filters_are_checked() {
    let factory = Factory::start().await;
    let serials = factory.serials(6).await;
    for number in 1..=6 {
        factory.send(&[&factory.envelope(number, Some(&serials[number as usize - 1]))]).await;
    }
    let first: Page<UnitRow> = factory.get(Role::Operator, "/api/v1/units?limit=4").await;
    let rest: Page<UnitRow> =
        factory.get(Role::Operator, &format!("/api/v1/units?limit=4&after={}", first.next.unwrap())).await;
    let mut found: Vec<String> =
        first.items.into_iter().chain(rest.items).filter_map(|unit| unit.serial).collect();
    assert_eq!(rest.next, None);
    found.reverse();
    assert_eq!(found, serials);
    for bad in ["outcome=green", "limit=0", "limit=201", "after=x", "colour=red", "batch=7"] {
        let refused =
            factory.refused(Role::Operator, Method::GET, &format!("/api/v1/units?{bad}"), None).await;
        assert_eq!(refused, (422, "invalid".to_owned()), "{bad}");
    }
}

#[tokio::test]
async fn what_an_address_lacks_is_a_problem_document_too() {
    let factory = Factory::start().await;
    for path in
        ["units/7", "runs/7", "batches/7", "batches?limit=a", "leases?limit=a", "profiles/x/revisions/y"]
    {
        let refused = factory.refused(Role::Quality, Method::GET, &format!("/api/v1/{path}"), None).await;
        assert_eq!(refused, (422, "invalid".to_owned()), "{path}");
    }
    let refused = factory.refused(Role::Quality, Method::DELETE, "/api/v1/units", None).await;
    assert_eq!(refused, (405, "method_not_allowed".to_owned()));
}

#[tokio::test]
async fn a_re_test_keeps_the_unit_and_an_old_record_that_comes_late_changes_no_status() {
    let factory = Factory::start().await;
    let serials = factory.serials(1).await;
    let late = factory.envelope(7, None);
    let mut pass = factory.envelope(8, Some(&serials[0]));
    pass.record.identifiers = late.record.identifiers.clone();
    factory.send(&[&pass]).await;
    factory.send(&[&late]).await;
    let page: Page<UnitRow> = factory.get(Role::Operator, "/api/v1/units").await;
    assert_eq!(page.items.len(), 1);
    let unit: UnitView =
        factory.get(Role::Operator, &format!("/api/v1/units/{}", page.items[0].unit_id)).await;
    assert_eq!((unit.outcome, unit.runs.len()), (Outcome::Pass, 2));
    assert_eq!(unit.serial.as_deref(), Some(serials[0].as_str()));
    assert_eq!(unit.runs[0].run_id, pass.record.run_id);
    assert!(unit.lease.reported.is_some());
}
