//! Boards that stay with the jigs, and the page of one unit.

use super::office::Office;
use anyhow::{Context as _, ensure};
use chrono::TimeDelta;
use domain::reference::{Reference, ReferenceKind, ReferenceLife};
use jigline_tests::factory::PROFILE;
use reqwest::Method;
use serde_json::json;
use server::{clock, load::synthetic};

#[tokio::test(flavor = "multi_thread")]
async fn quality_registers_reference_boards_and_says_for_which_profile() -> anyhow::Result<()> {
    with_office!("quality", references)
}

async fn references(office: &Office) -> anyhow::Result<()> {
    office.look("references-empty", "/references", ".empty").await?;
    for (language, theme) in [("zh", "dark"), ("en", "light")] {
        let address = format!("{}/references?lang={language}&theme={theme}", office.server.base_url);
        office.browser.client.goto(&address).await?;
        office.click("[data-act=register]").await?;
        office.browser.shown("select[name=profile] option:nth-child(2)").await?;
        office.picture(&format!("references-form-{language}")).await?;
    }
    office.choose("select[name=kind]", "0").await?;
    register(office, "BAD-1", "300000900").await?;
    office.click("[data-act=register]").await?;
    office.browser.shown("select[name=profile] option:nth-child(2)").await?;
    office.choose("select[name=profile]", PROFILE).await?;
    set_day(office, "2031-03-31").await?;
    office.type_into("input[name=most_uses]", "2").await?;
    register(office, "GOLD-1", "300000001").await?;
    let gold = "//main//tr[@data-row][contains(., 'GOLD-1')]";
    let row = office.browser.shown_at(fantoccini::Locator::XPath(gold)).await?;
    let told = row.text().await?;
    ensure!(told.contains(PROFILE) && told.contains("0 / 2") && told.contains("2031-03-31"), "{told}");
    let id = row.attr("data-row").await?.context("a row without its id")?;

    let jig = office.jig("jig-1").await?;
    let batch = office.batch("B-2641", 24).await?;
    let shown = office.pass(&jig, batch, 1, "unused")?.record.identifiers;
    for number in 1..=3 {
        let mut check = office.pass(&jig, batch, number, "unused")?;
        check.record.identifiers.clone_from(&shown);
        let reference = Reference {
            name: "GOLD-1".to_owned(),
            kind: ReferenceKind::Golden,
            must_fail: None,
            profile: Some(PROFILE.to_owned()),
            life: ReferenceLife::default(),
        };
        synthetic::into_check(&mut check.record, reference);
        // Since it was registered.
        check.record.started_at = clock::now();
        check.record.finished_at = check.record.started_at + TimeDelta::seconds(1);
        let sent = office.send(&jig, &[serde_json::to_string(&check)?]).await?;
        ensure!(sent == ["stored"], "{sent:?}");
    }
    office.look("references-rows", "/references", "h2.over").await?;
    office.goto("/references").await?;
    office.says("3 / 2").await?;
    office.click(&format!("tr[data-row='{id}'] [data-act=confirm]")).await?;
    office.type_into("input[name=most_uses]", "40").await?;
    office.type_into("input[name=reason]", "contacts cleaned, sheet 17").await?;
    office.picture("references-confirm").await?;
    office.click(".inline-form button[type=submit]").await?;
    office.says("3 / 40").await?;
    office.says("sheet 17").await?;
    office.look("references-confirmed", "/references", "h2.over").await?;
    office.goto("/references").await?;
    office.click(&format!("tr[data-row='{id}'] [data-act=end]")).await?;
    office.browser.shown("input[name=note]").await?;
    office.picture("references-end-en").await?;
    office.type_into("input[name=note]", "its shunt drifted").await?;
    office.click(".inline-form button[type=submit]").await?;
    office.says("its shunt drifted").await?;
    office.look("references-ended", "/references", "h2.over").await
}

/// As the browser's own input for a day does, whatever order of figures its locale has.
async fn set_day(office: &Office, day: &str) -> anyhow::Result<()> {
    let set = "const field = document.querySelector('input[name=due]'); field.value = arguments[0]; \
               field.dispatchEvent(new Event('input', { bubbles: true }))";
    office.browser.client.execute(set, vec![day.into()]).await?;
    Ok(())
}

/// Fills in what every reference has, and sends it.
async fn register(office: &Office, name: &str, machine_code: &str) -> anyhow::Result<()> {
    office.type_into("input[name=name]", name).await?;
    office.type_into("input[name=identifier_value]", machine_code).await?;
    office.type_into("input[name=reason]", "checks every jig at the beginning of a shift").await?;
    office.click("form button[type=submit]").await?;
    office.says(name).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_units_page_shows_its_life_and_what_was_decided_about_it() -> anyhow::Result<()> {
    with_office!("quality", unit)
}

async fn unit(office: &Office) -> anyhow::Result<()> {
    office.look("units-empty", "/units", ".empty").await?;
    let jig = office.jig("jig-1").await?;
    let batch = office.batch("B-2641", 24).await?;
    let serials = office.lend(&jig, batch, 2).await?;
    let pass = office.pass(&jig, batch, 1, &serials[0])?;
    let sent = office.send(&jig, &[serde_json::to_string(&pass)?]).await?;
    ensure!(sent == ["stored"], "{sent:?}");
    office.goto("/units").await?;
    office.says(&serials[0]).await?;
    office.click("main table a.row-link").await?;
    office.browser.shown("[data-standing=passed]").await?;
    let path = office.browser.client.current_url().await?.path().to_owned();
    office.look("unit-passed", &path, "[data-standing=passed]").await?;
    for (language, theme) in [("en", "light"), ("zh", "dark")] {
        let address = format!("{}{path}?lang={language}&theme={theme}", office.server.base_url);
        office.browser.client.goto(&address).await?;
        office.browser.shown("[data-measurements]").await?;
        office.browser.client.execute("scrollTo(0, document.body.scrollHeight)", Vec::new()).await?;
        office.picture(&format!("unit-passed-end-{language}")).await?;
    }
    let act = json!({ "act": "hold", "reason": "cracked shunt" });
    office.server.send("quality", Method::POST, &format!("/api/v1{path}/acts"), act).await?;
    office.look("unit-held", &path, "[data-standing=on_hold]").await?;
    // The seventh of them fails at a cell.
    let mut fail = office.pass(&jig, batch, 7, "unused")?;
    (fail.record.serial, fail.number) = (None, 2);
    let sent = office.send(&jig, &[serde_json::to_string(&fail)?]).await?;
    ensure!(sent == ["stored"], "{sent:?}");
    office.goto("/units?outcome=fail").await?;
    office.click("main table a.row-link").await?;
    let told = office.browser.shown(".card.error").await?.text().await?;
    ensure!(told.contains("outside_limits") && told.contains("Alarms is 21, outside 0 to 0."), "{told}");
    let path = office.browser.client.current_url().await?.path().to_owned();
    office.look("unit-failed", &path, ".card.error").await
}
