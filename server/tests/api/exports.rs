use crate::factory::Factory;
use domain::{identifier::IdentifierKind, role::Role};
use std::process::Command;

async fn filled() -> (Factory, Vec<String>) {
    let factory = Factory::start().await;
    let serials = factory.serials(8).await;
    let mut envelopes: Vec<_> =
        (1..=7).map(|number| factory.envelope(number, Some(&serials[number as usize - 1]))).collect();
    envelopes[6].record.serial = None;
    // What a spreadsheet would take for a formula, and an address that looks like a number.
    for identifier in &mut envelopes[0].record.identifiers {
        match identifier.kind {
            IdentifierKind::BluetoothName => identifier.value = "=cmd|' /C calc'!A0".to_owned(),
            IdentifierKind::BluetoothAddress => identifier.value = "868835400068".to_owned(),
            _ => {}
        }
    }
    factory.send(&envelopes.iter().collect::<Vec<_>>()).await;
    (factory, serials)
}

#[tokio::test]
async fn an_export_holds_exactly_what_is_filtered() {
    let (factory, serials) = filled().await;
    let (headers, all) = factory.bytes(Role::Operator, "/api/v1/units/export.csv").await;
    assert_eq!(headers["content-type"], "text/csv; charset=utf-8");
    let text = String::from_utf8(all).unwrap();
    assert_eq!(text.lines().count(), 8);
    let (_, failed) = factory.bytes(Role::Operator, "/api/v1/units/export.csv?outcome=fail").await;
    assert_eq!(String::from_utf8(failed).unwrap().lines().count(), 2);
    let path = format!("/api/v1/units/export.csv?q={}", serials[0]);
    let (_, one) = factory.bytes(Role::Operator, &path).await;
    let one = String::from_utf8(one).unwrap();
    let stable = without_the_day(&one, &serials[0]);
    insta::assert_snapshot!(stable, @r"
    serial,machine_code,bluetooth_address,bluetooth_name,batch,outcome,marginal,fault,fault_step,firmware_version,bundle,addresses,station,slot,finished_at_utc,lease
    SERIAL,300000001,868835400068,'=cmd|' /C calc'!A0,B-2641,pass,0,,,V1.9,topbms-12s-lto-200a r3,assumed,jig-1,2,TIME,on_the_board
    ");
}

/// The text without what differs from day to day.
fn without_the_day(text: &str, serial: &str) -> String {
    let text = text.replace(serial, "SERIAL").replace('\r', "");
    let words = text.split(',').map(|word| {
        let time = word.len() == 20 && word.ends_with('Z') && word.starts_with("20");
        if time { "TIME" } else { word }
    });
    words.collect::<Vec<_>>().join(",")
}

/// Read by a stranger: Python's openpyxl.
#[tokio::test]
async fn a_workbook_has_typed_cells_for_a_stranger() {
    let (factory, _) = filled().await;
    let (_, bytes) = factory.bytes(Role::Operator, "/api/v1/units/export.xlsx").await;
    assert!(bytes.starts_with(b"PK"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("units.xlsx");
    std::fs::write(&file, &bytes).unwrap();
    let script = r#"
import sys, datetime, openpyxl
rows = list(openpyxl.load_workbook(sys.argv[1]).active.iter_rows(values_only=True))
head, body = rows[0], rows[1:]
assert len(body) == 7, len(body)
at = {name: index for index, name in enumerate(head)}
for row in body:
    assert isinstance(row[at["bluetooth_address"]], str), row
    assert isinstance(row[at["machine_code"]], str), row
    assert isinstance(row[at["slot"]], int), row
    assert isinstance(row[at["finished_at_utc"]], datetime.datetime), row
addresses = [row[at["bluetooth_address"]] for row in body]
assert "868835400068" in addresses, addresses
names = [row[at["bluetooth_name"]] for row in body]
assert "=cmd|' /C calc'!A0" in names, names
print("typed")
"#;
    let output = Command::new("python3").args(["-c", script]).arg(&file).output();
    let output = output.expect("python3 reads the workbook: install python3, and openpyxl by pip");
    let said = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.trim() == "typed",
        "`cargo xtask test` brings openpyxl: {stderr}"
    );
}
