//! People, holds, and what was done at a jig, up to the sheet that a shift is handed over with.

use super::office::{Jig, Office};
use anyhow::{Context as _, ensure};
use domain::ids::BatchId;
use fantoccini::Locator;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

const BADGE: &str = "BADGE-0000482913";

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_gives_somebody_a_badge_with_the_scanner_and_sees_the_password_once()
-> anyhow::Result<()> {
    with_office!("admin", people)
}

async fn people(office: &Office) -> anyhow::Result<()> {
    office.goto("/people").await?;
    office.click("[data-act=add]").await?;
    office.type_into("input[name=username]", "lin wei").await?;
    office.type_into("input[name=shown]", "林伟").await?;
    office.click("form button[type=submit]").await?;
    office.says("letters, digits, dots, dashes").await?;
    office.browser.shown("input[name=username]").await?.clear().await?;
    office.type_into("input[name=username]", "lin.wei").await?;
    office.type_into("input[name=number]", "0417").await?;
    office.choose("select[name=language]", "中文").await?;
    office.type_into("input[name=pin]", "123456").await?;
    office.click("form button[type=submit]").await?;
    office.says("not in a row").await?;
    office.browser.shown("input[name=pin]").await?.clear().await?;
    office.type_into("input[name=pin]", "482915").await?;
    // A wedge scanner ends with Enter: the form is not sent by it.
    office.type_into("input[name=badge]", &format!("{BADGE}\u{e007}")).await?;
    ensure!(office.has("input[name=badge]").await?, "the scanner's Enter sent the form");
    ensure!(!office.has("[data-new-person]").await?, "the scanner's Enter sent the form");
    office.picture("people-form-en").await?;
    office.click("form button[type=submit]").await?;
    let card = office.browser.shown("[data-new-person='lin.wei']").await?.text().await?;
    ensure!(card.contains("林伟") && card.contains("shown this once"), "{card}");
    office.picture("people-password-en").await?;
    office.click("[data-act=done]").await?;
    office.gone("[data-new-person]").await?;
    office.look("people", "/people", "[data-act=access]").await?;
    let told = office.browser.shown("main").await?.text().await?;
    ensure!(told.contains("0417") && told.contains("已设置"), "{told}");
    ensure!(!told.contains("482913") && !told.contains("482915"), "a badge or PIN stands on the page");
    ensure!(!office.has("[data-act=lead]").await?, "an administrator makes no leads");

    // The same badge is nobody else's.
    office.goto("/people").await?;
    office.click("[data-act=add]").await?;
    office.type_into("input[name=username]", "wei").await?;
    office.type_into("input[name=shown]", "Wei").await?;
    office.type_into("input[name=badge]", BADGE).await?;
    office.click("form button[type=submit]").await?;
    office.says("Somebody else has that name, number or badge").await?;
    // And it is taken back.
    office.goto("/people").await?;
    let row = "//main//tr[contains(., 'lin.wei')]";
    let open = format!("{row}//button[@data-act='access']");
    office.browser.shown_at(Locator::XPath(&open)).await?.click().await?;
    office.picture("people-access-en").await?;
    office.says("take the number away").await?;
    office.click("input[name=no_badge]").await?;
    office.click(".inline-form button[type=submit]").await?;
    office.gone(".inline-form").await?;
    let all = office.server.get("admin", "/api/v1/people").await?;
    let lin = all["items"].as_array().into_iter().flatten().find(|one| one["username"] == "lin.wei");
    let lin = lin.context("he is not there")?;
    ensure!(lin["has_badge"] == false && lin["has_pin"] == true && lin["number"] == "0417", "{lin}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn quality_makes_leads_and_holds_a_batch_until_it_lets_it_go() -> anyhow::Result<()> {
    with_office!("quality", holds)
}

async fn holds(office: &Office) -> anyhow::Result<()> {
    office.goto("/people").await?;
    let lead = "//main//tr[contains(., 'operator')]//button[@data-act='lead']";
    ensure!(
        !office.has("[data-act=access]").await? && !office.has("[data-act=add]").await?,
        "quality gives no badges"
    );
    office.browser.shown_at(Locator::XPath(lead)).await?.click().await?;
    office.click(".inline-form button[type=submit]").await?;
    office.says("Say why; it is kept.").await?;
    office.type_into("input[name=note]", "leads the early shift").await?;
    office.picture("people-lead-en").await?;
    office.click(".inline-form button[type=submit]").await?;
    office
        .browser
        .shown_at(Locator::XPath("//main//tr[contains(., 'operator')]//*[contains(@class, 'badge')]"))
        .await?;

    let batch = office.batch("B-2641", 24).await?;
    let jig = office.jig("jig-1").await?;
    let assign = json!({ "batch_id": batch });
    let path = format!("/api/v1/stations/{}/assignment", jig.id);
    office.server.send("engineer", Method::PUT, &path, assign).await?;
    let path = format!("/batches/{batch}");
    office.goto(&path).await?;
    office.click("[data-act=hold]").await?;
    office.type_into("input[name=note]", "cells of lot 7 in question").await?;
    office.picture("batch-hold-form-en").await?;
    office.click("form button[type=submit]").await?;
    office.browser.shown(".notice[data-held]").await?;
    office.says("On hold by quality: cells of lot 7 in question").await?;
    office.look("batch-held", &path, ".notice[data-held]").await?;
    office.look("batches-held", "/batches", "[data-held]").await?;
    office.look("line-held", "/line", "[data-held]").await?;
    office.goto(&path).await?;
    office.click("[data-act=let-go]").await?;
    office.type_into("input[name=note]", "lot 7 was measured").await?;
    office.click("form button[type=submit]").await?;
    office.gone("[data-held]").await?;
    office.browser.shown("[data-act=hold]").await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_at_a_jig_is_read_there_and_a_shift_is_handed_over_on_a_sheet() -> anyhow::Result<()> {
    with_office!("engineer", floor)
}

async fn floor(office: &Office) -> anyhow::Result<()> {
    let batch = office.batch("B-2641", 24).await?;
    let jig = office.jig("jig-1").await?;
    let station = format!("/stations/{}", jig.id);
    office.goto(&station).await?;
    office.says("Nobody has signed in here").await?;
    let sheet = tell(office, &jig, batch).await?;
    office.look("station-floor", &station, "[data-floor] tbody tr:nth-child(20)").await?;
    office.goto(&station).await?;
    office.says("lin rejected the first article of slot 3 (change-over): solder bridge").await?;
    office.says("218 in, 213 pass, 3 fail, 1 rework, 0 scrap – 1 missing").await?;
    office.says("wei vouching").await?;
    office.click("[data-act=older]").await?;
    office.says("lin signed in with a badge").await?;
    office.browser.shown("[data-act=newest]").await?;

    let path = format!("/batches/{batch}");
    office.look("batch-floor", &path, "[data-floor] tbody tr:nth-child(3)").await?;
    let told = office.browser.shown("[data-floor]").await?.text().await?;
    ensure!(told.contains("停线") && told.contains("jig-1") && !told.contains("登录"), "{told}");

    office.goto(&station).await?;
    office.click(&format!("a[href='/shifts/{sheet}']")).await?;
    office.says("pin 4 of nest 2 is worn").await?;
    let path = format!("/shifts/{sheet}");
    office.look("handover", &path, "[data-handover]").await?;
    let told = office.browser.shown("main").await?.text().await?;
    for part in ["B-2641", "213", "98", "TB2641-00007", "jig-1"] {
        ensure!(told.contains(part), "{part} does not stand on the sheet: {told}");
    }
    Ok(())
}

/// More than a page of events, the newest of them a hand-over, whose id this gives.
async fn tell(office: &Office, jig: &Jig, batch: BatchId) -> anyhow::Result<Uuid> {
    let mut acts: Vec<Value> = (0..40)
        .flat_map(|_| {
            let way = json!({ "by": "badge" });
            [
                json!({ "kind": "signed_in", "who": "lin", "way": way }),
                json!({ "kind": "signed_out", "who": "lin" }),
            ]
        })
        .collect();
    let run = Uuid::from_u128(7);
    acts.extend([
        json!({ "kind": "shift_begun", "by": "lin" }),
        json!({ "kind": "signed_in", "who": "lin", "way": { "by": "vouch", "lead": "wei" } }),
        json!({ "kind": "changed_over", "slots": [1, 2, 3], "to": batch, "by": "lin", "fixture": "F-2",
            "clearance": { "came_in": 218, "pass": 213, "fail": 3, "rework": 1, "scrap": 0 } }),
        json!({ "kind": "article_judged", "slot": 3, "batch_id": batch, "why": "change_over", "accepted": false, "by": "lin",
            "note": "solder bridge", "runs": [run] }),
        json!({ "kind": "stopped", "slots": [2], "batch_id": batch, "step": "measure", "fails": 3 }),
        json!({ "kind": "repaired", "slots": [2], "by": "lin", "note": "pin 4 straightened" }),
        json!({ "kind": "let_go", "slots": [2], "by": "wei", "reason": "pin 4 was bent" }),
        json!({ "kind": "handed_over", "by": "lin", "note": "pin 4 of nest 2 is worn; order another", "figures": {
            "begun_at": "2026-11-27T06:00:00Z",
            "batches": [
                { "batch_id": batch, "name": "B-2641", "passed": 213, "failed": 4, "other": 1 },
                { "batch_id": Uuid::from_u128(9), "name": "B-2642", "passed": 12, "failed": 0, "other": 0 },
            ],
            "fails": [
                { "run_id": run, "slot": 2, "board": "TB2641-00007", "outcome": "fail", "step": "measure",
                    "fault": { "code": "outside_limits", "args": { "measurement": "pack_voltage", "found": "27.1", "min": "27.4", "max": "27.8", "unit": "V" } },
                    "at": "2026-11-27T13:12:00Z" },
                { "run_id": Uuid::from_u128(8), "slot": 5, "outcome": "error", "at": "2026-11-27T12:01:00Z" },
            ],
            "unsent": 2,
            "shut": [{ "slot": 2, "why": { "code": "number_not_ours", "args": { "found": "TB-1" } } }],
        } }),
    ]);
    let mut events = Vec::new();
    let mut last = Uuid::nil();
    for (place, act) in acts.into_iter().enumerate() {
        last = server::clock::new_id();
        let at = format!("2026-11-27T{:02}:{:02}:00Z", 6 + place / 12, place % 12 * 5);
        events.push(json!({ "event_id": last, "at": at, "act": act }));
    }
    office.as_station(jig, "floor-events", json!({ "events": events })).await?;
    Ok(last)
}
