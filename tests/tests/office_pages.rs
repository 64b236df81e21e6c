//! Whoever looks after the line, at a real browser: stations, one station, the quarantine and a batch's ledger, with the real server. Each
//! page is looked at empty and with rows, light in English and dark in Chinese, 1280 wide.
//!
//! `JIGLINE_SCREENSHOTS=FOLDER` keeps the pictures.

#[path = "office_pages/office.rs"]
mod office;

use anyhow::{Context as _, ensure};
use office::Office;
use reqwest::Method;
use serde_json::json;
use std::io::Write as _;

/// Runs `work` and closes the browser, whatever came of it.
macro_rules! with_office {
    ($role:literal, $work:ident) => {{
        let office = Office::open($role).await?;
        let told = $work(&office).await;
        office.browser.close().await?;
        told
    }};
}

#[path = "office_pages/boards.rs"]
mod boards;
#[path = "office_pages/floor.rs"]
mod floor;
#[path = "office_pages/orders.rs"]
mod orders;
#[path = "office_pages/wire_log.rs"]
mod wire_log;

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_gives_out_a_code_on_the_stations_page() -> anyhow::Result<()> {
    with_office!("admin", stations)
}

async fn stations(office: &Office) -> anyhow::Result<()> {
    office.look("stations-empty", "/stations", ".empty").await?;
    office.goto("/stations").await?;
    office.click("[data-act=enrol]").await?;
    office.click("form button[type=submit]").await?;
    office.says("Give it a name.").await?;
    office.type_into("input[name=station]", "jig-1").await?;
    office.click("input[name=simulated]").await?;
    office.picture("stations-form-en").await?;
    office.click("form button[type=submit]").await?;
    let card = office.browser.shown("[data-new-code]").await?;
    let code = card.attr("data-new-code").await?.context("a card without its code")?;
    ensure!(code.len() == 14, "{code}");
    let told = card.text().await?;
    ensure!(told.contains(&format!("jigline-station enrol {} {code}", office.server.base_url)), "{told}");
    office.picture("stations-code-en").await?;
    office.browser.shown("tr[data-row='jig-1']").await?;
    office.says("waits for its machine").await?;
    // A machine enters it, as the program does.
    let form = json!({ "wire_version": 2, "program": "0.1.0", "code": code, "key_sha256": "ab".repeat(32) });
    let taken = office.server.send("nobody", Method::POST, "/api/v1/enrol", form).await?;
    ensure!(taken["name"] == "jig-1" && taken["simulated"] == true, "{taken}");
    office.click("[data-act=done]").await?;
    ensure!(!office.has("[data-new-code]").await?, "the code stands there still");

    let frozen = office.jig("jig-2").await?;
    office.check_in(&frozen, "22").await?;
    office.jig("jig-3").await?;
    office.server.send("admin", Method::POST, "/api/v1/enrol-codes", json!({ "name": "jig-4" })).await?;
    office.look("stations-rows", "/stations", "[data-lamp=frozen]").await?;
    let waiting = office.browser.shown("tr[data-row='jig-4']").await?.text().await?;
    ensure!(waiting.contains("等待电脑登记"), "{waiting}");
    let row = office.browser.shown("tr[data-row='jig-1']").await?.text().await?;
    ensure!(!row.contains("等待电脑登记"), "its machine is there: {row}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_station_is_freed_and_one_that_is_lost_is_replaced_by_a_code_shown_once()
-> anyhow::Result<()> {
    with_office!("admin", one_station)
}

async fn one_station(office: &Office) -> anyhow::Result<()> {
    let jig = office.jig("jig-1").await?;
    let batch = office.batch("B-2641", 24).await?;
    let serials = office.lend(&jig, batch, 4).await?;
    let path = format!("/stations/{}", jig.id);
    office.look("station-works", &path, "[data-act=replace]").await?;
    office.check_in(&jig, "22").await?;
    office.look("station-frozen", &path, "[data-frozen]").await?;
    office.goto(&path).await?;
    office.click("[data-act=unfreeze]").await?;
    office.click(".act button[type=submit]").await?;
    office.says("Say why; it is kept.").await?;
    office.type_into("input[name=note]", "the disk was cloned; the clone is gone").await?;
    office.picture("station-unfreeze-en").await?;
    office.click(".act button[type=submit]").await?;
    office.gone("[data-frozen]").await?;
    ensure!(!office.has("[data-act=unfreeze]").await?, "nothing is frozen any more");

    office.click("[data-act=replace]").await?;
    office.type_into("input[name=note]", "the PC died").await?;
    office.picture("station-replace-en").await?;
    office.click(".act button[type=submit]").await?;
    let card = office.browser.shown("[data-new-code]").await?;
    let code = card.attr("data-new-code").await?.context("a card without its code")?;
    let told = card.text().await?;
    ensure!(told.contains(&serials[0]), "what it was lent is named: {told}");
    office.picture("station-code-en").await?;
    office.says("waits for its machine").await?;
    // Whoever comes later does not see it.
    office.look("station-waits", &path, ".give-code button").await?;
    ensure!(!office.has("[data-new-code]").await?, "the code was shown a second time");
    let refused = office.server.ask(&jig.key, Method::GET, "/api/v1/station/assignment", None).await?;
    ensure!(refused.status == 401, "the old key still works");
    // It was lost on the way to the jig: another one, and the first is void.
    office.goto(&path).await?;
    office.click(".give-code button").await?;
    let second = office.browser.shown("[data-new-code]").await?.attr("data-new-code").await?;
    ensure!(second.as_ref() != Some(&code), "the same code again");
    let form = json!({ "wire_version": 2, "program": "0.1.0", "code": code, "key_sha256": "ab".repeat(32) });
    let void = office.server.ask("nobody", Method::POST, "/api/v1/enrol", Some(&form)).await?;
    ensure!(void.json()["code"] == "code_void", "{}", void.text());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn quality_lets_texts_out_of_the_quarantine_by_both_ways() -> anyhow::Result<()> {
    with_office!("quality", quarantine)
}

async fn quarantine(office: &Office) -> anyhow::Result<()> {
    office.look("quarantine-empty", "/quarantine", ".empty").await?;
    let jig = office.jig("jig-1").await?;
    let batch = office.batch("B-2641", 24).await?;
    let serials = office.lend(&jig, batch, 12).await?;
    office.check_in(&jig, "22").await?;
    // Eleven sound records of a station that is frozen, and a text that is none.
    let mut texts = vec!["no record, and 中文 in it".to_owned()];
    for (number, serial) in (1..).zip(serials.iter().take(11)) {
        texts.push(serde_json::to_string(&office.pass(&jig, batch, number, serial)?)?);
    }
    let states = office.send(&jig, &texts).await?;
    ensure!(states.iter().all(|state| state == "quarantined"), "{states:?}");
    office.look("quarantine-rows", "/quarantine", "tbody tr:nth-child(12)").await?;

    office.goto("/quarantine").await?;
    let sound = office.waiting("The station was frozen when it came.").await?;
    office.click(&format!("tr[data-row='{sound}'] [data-act=look]")).await?;
    office.browser.shown("pre.raw").await?;
    office.picture("quarantine-open-en").await?;
    office.click("[data-act=accept]").await?;
    office.type_into("input[name=note]", "the jig is the right one").await?;
    office.click(".inline-form button[type=submit]").await?;
    office.gone(&format!("tr[data-row='{sound}']")).await?;

    let none = office.waiting("this is no envelope").await?;
    office.click(&format!("tr[data-row='{none}'] [data-act=look]")).await?;
    office.click("[data-act=accept]").await?;
    office.type_into("input[name=note]", "perhaps it is one").await?;
    office.click(".inline-form button[type=submit]").await?;
    // Refused, with the reason, and it stays.
    office.browser.shown(".inline-form [role=alert]").await?;
    office.picture("quarantine-refused-en").await?;
    office.click(".inline-form [data-act=cancel]").await?;
    office.click("[data-act=set-aside]").await?;
    office.type_into("input[name=note]", "a test of the line").await?;
    office.click(".inline-form button[type=submit]").await?;
    office.gone(&format!("tr[data-row='{none}']")).await?;

    office.look("quarantine-resolved", "/quarantine?resolved=true", "tbody tr:nth-child(2)").await?;
    let told = office.browser.shown("main").await?.text().await?;
    ensure!(told.contains("a test of the line") && told.contains("the jig is the right one"), "{told}");
    let found = office.server.get("quality", &format!("/api/v1/units?batch={batch}")).await?;
    ensure!(
        found["items"].as_array().is_some_and(|units| units.len() == 1),
        "what was taken in is a unit: {found}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batchs_shares_are_written_off_and_its_numbers_scrapped_on_its_ledger() -> anyhow::Result<()> {
    with_office!("admin", ledger)
}

async fn ledger(office: &Office) -> anyhow::Result<()> {
    let batch = office.batch("B-2641", 24).await?;
    let path = format!("/batches/{batch}/ledger");
    office.look("ledger-empty", &path, ".upload").await?;
    let mut jigs = Vec::new();
    for number in 1..=10 {
        jigs.push(office.jig(&format!("jig-{number}")).await?);
    }
    let mut serials = Vec::new();
    for jig in &jigs {
        serials.extend(office.lend(jig, batch, 2).await?);
    }
    office.look("ledger-rows", &path, "tr[data-station='jig-10']").await?;
    ensure!(!office.has(".upload").await?, "numbers of the batch are lent: it takes no list");
    office.goto(&path).await?;
    office.click("tr[data-station='jig-10'] button[data-act=write-off]").await?;
    office.click(".inline-form button[type=submit]").await?;
    office.says("Say why, in a few words.").await?;
    office.type_into(".inline-form input[name=reason]", "the jig burnt down").await?;
    office.picture("ledger-write-off-en").await?;
    office.click(".inline-form button[type=submit]").await?;
    office.says("Written off · 2").await?;
    office.says("the jig burnt down").await?;

    office.click("[data-act=scrap]").await?;
    office.type_into(".numbers-card input[name=serial]", "TB-never").await?;
    office.type_into(".numbers-card input[name=reason]", "its label was printed askew").await?;
    office.click(".numbers-card button[type=submit]").await?;
    office.browser.shown(".numbers-card [role=alert]").await?;
    let field = office.browser.shown(".numbers-card input[name=serial]").await?;
    field.clear().await?;
    field.send_keys(&serials[0]).await?;
    office.picture("ledger-scrap-en").await?;
    office.click(".numbers-card button[type=submit]").await?;
    let scrapped = office.browser.shown("[data-scrapped]").await?.text().await?;
    ensure!(scrapped.contains(&serials[0]) && scrapped.contains("askew"), "{scrapped}");
    office.look("ledger-decided", &path, "[data-scrapped]").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customers_numbers_are_uploaded_and_one_that_was_given_up_is_lent_again() -> anyhow::Result<()> {
    with_office!("admin", own_numbers)
}

async fn own_numbers(office: &Office) -> anyhow::Result<()> {
    let other = office.batch("B-1", 1).await?;
    let taken = json!({ "text": "A-0009" });
    office.server.send("engineer", Method::PUT, &format!("/api/v1/batches/{other}/numbers"), taken).await?;
    let batch = office.batch("B-2641", 4).await?;
    let path = format!("/batches/{batch}/ledger");
    office.goto(&path).await?;

    // Pasted, with faults: each is named by its line, and nothing can be sent.
    office.type_into("textarea[name=numbers]", "A-0001\nA 0002\nA-0001\n").await?;
    let faults = office.browser.shown("[data-list=faulty]").await?.text().await?;
    ensure!(
        faults.contains("line 2") && faults.contains("line 3") && faults.contains("2 faults"),
        "{faults}"
    );
    office.picture("upload-faults-en").await?;
    ensure!(office.browser.shown(".upload button[type=submit]").await?.attr("disabled").await?.is_some());

    // A file as a spreadsheet of China writes it, one number of another list in it.
    let file = tempfile::Builder::new().suffix(".csv").tempfile()?;
    // 序列号 in GBK, which is no UTF-8.
    let heading = [0xD0, 0xF2, 0xC1, 0xD0, 0xBA, 0xC5];
    let write = |lines: &str| -> anyhow::Result<()> {
        let mut open = std::fs::File::create(file.path())?;
        open.write_all(&heading)?;
        Ok(open.write_all(lines.as_bytes())?)
    };
    write(",x\r\nA-0001,x\r\nA-0002,x\r\nA-0003,x\r\nA-0009,x\r\n")?;
    let name = file.path().to_string_lossy().into_owned();
    office.browser.client.find(fantoccini::Locator::Css("input[name=file]")).await?.send_keys(&name).await?;
    office.browser.shown("[data-list=sound]").await?;
    office.click(".upload button[type=submit]").await?;
    let faults = office.browser.shown("[data-list=faulty]").await?.text().await?;
    ensure!(
        faults.contains("line 5") && faults.contains("A-0009") && faults.contains("in the world already"),
        "{faults}"
    );
    let listed = office.server.get("admin", &format!("/api/v1/batches/{batch}/ledger")).await?;
    ensure!(listed.pointer("/numbers/listed").is_none(), "half of it was taken: {listed}");

    write("\r\nA-0001\r\nA-0002\r\nA-0003\r\nA-0004\r\n")?;
    office.browser.client.find(fantoccini::Locator::Css("input[name=file]")).await?.send_keys(&name).await?;
    office.says("4 numbers, from A-0001 to A-0004").await?;
    office.picture("upload-sound-en").await?;
    office.click(".upload button[type=submit]").await?;
    office.says("4 on the list").await?;
    ensure!(!office.has(".upload").await?, "a batch has one list");

    // A jig took two of them and is lost; its number may be lent again once it can't use it any more.
    let jig = office.jig("jig-1").await?;
    let lent = office.lend(&jig, batch, 2).await?;
    ensure!(lent == ["A-0001", "A-0002"], "{lent:?}");
    let free = format!("/api/v1/serials/{}/free", lent[0]);
    let early =
        office.server.ask("quality", Method::POST, &free, Some(&json!({ "reason": "too early" }))).await?;
    ensure!(early.status == 409 && early.json()["code"] == "in_hand", "{}", early.text());
    let replace = format!("/api/v1/stations/{}/replace", jig.id);
    office.server.send("admin", Method::POST, &replace, json!({ "note": "lost" })).await?;
    office.look("ledger-given-up", &path, "[data-given-up='A-0002']").await?;
    office.goto(&path).await?;
    office.click("[data-given-up='A-0002'] [data-act=free]").await?;
    office
        .type_into("[data-given-up='A-0002'] input[name=reason]", "the jig burnt before it was used")
        .await?;
    office.picture("ledger-free-en").await?;
    office.click("[data-given-up='A-0002'] button[type=submit]").await?;
    let freed = office.browser.shown("[data-freed]").await?.text().await?;
    ensure!(freed.contains("A-0002") && freed.contains("burnt"), "{freed}");
    let next = office.jig("jig-2").await?;
    let lent = office.lend(&next, batch, 2).await?;
    ensure!(lent == ["A-0002", "A-0003"], "{lent:?}");
    office.look("ledger-freed", &path, "[data-freed] .badge").await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engineer_gives_a_station_a_batch_and_two_of_its_slots_another() -> anyhow::Result<()> {
    with_office!("engineer", work_of_slots)
}

async fn work_of_slots(office: &Office) -> anyhow::Result<()> {
    let jig = office.jig("jig-1").await?;
    let first = office.batch("B-2641", 24).await?;
    let second = office.batch("B-2642 六合", 6).await?;
    let path = format!("/stations/{}", jig.id);
    office.goto(&path).await?;
    office.says("no batch assigned").await?;
    office.choose("select[name=batch]", &first.to_string()).await?;
    office.click("[data-work] button[type=submit]").await?;
    office.says("All slots: B-2641").await?;
    office.choose("select[name=batch]", &second.to_string()).await?;
    for slot in [3, 4] {
        office.click(&format!("input[name=slot][value='{slot}']")).await?;
    }
    office.says("For the ticked slots").await?;
    office.picture("station-work-en").await?;
    office.click("[data-work] button[type=submit]").await?;
    office.says("Slots 3–4: B-2642").await?;
    office.says("Other slots: B-2641").await?;
    office.look("station-work", &path, "[data-work]").await?;
    let told = office.server.ask(&jig.key, Method::GET, "/api/v1/station/work", None).await?.json();
    ensure!(told["all"]["batch_id"] == first.to_string(), "{told}");
    ensure!(
        told["slots"][1]["slot"] == 4 && told["slots"][1]["work"]["batch_id"] == second.to_string(),
        "{told}"
    );

    // What its slots show says whose board lies there.
    let slot = |slot: u16| {
        let batch = if (3..5).contains(&slot) { second } else { first };
        json!({ "slot": slot, "batch_id": batch, "state": { "kind": "empty" } })
    };
    let live = json!({
        "station_id": jig.id, "station_name": "jig-1", "at": server::clock::now(), "unsent_records": 0,
        "slots": (1..=8).map(slot).collect::<Vec<_>>(),
    });
    let said = office.server.ask(&jig.key, Method::POST, "/api/v1/station/live", Some(&live)).await?;
    ensure!(said.status == 204, "{}", said.text());
    office.look("line-of-two-batches", "/", "[data-slot='3']").await?;
    let card = office.browser.shown("[data-slot='3']").await?.text().await?;
    ensure!(card.contains("B-2642 六合"), "{card}");
    let card = office.browser.shown("[data-slot='2']").await?.text().await?;
    ensure!(card.contains("B-2641"), "{card}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_cannot_be_fetched_says_so_and_is_there_once_it_can() -> anyhow::Result<()> {
    with_office!("admin", parts)
}

/// What the browser gets of a part of the page, or of everything.
const NO_PART: &str = "const real = window.fetch; window.fetch = (what, how) => String(what.url ?? what).includes('/split_') \
                       ? Promise.resolve(new Response('no such file', { status: 404 })) : real(what, how); window.real = real;";
const NO_SERVER: &str = "window.fetch = () => Promise.reject(new TypeError('no network'));";

async fn parts(office: &Office) -> anyhow::Result<()> {
    let references = "nav a[href='/references']";
    // Another server stands there than the one whose page this is.
    for (language, theme) in [("zh", "dark"), ("en", "light")] {
        let line = format!("{}/line?lang={language}&theme={theme}", office.server.base_url);
        office.browser.client.goto(&line).await?;
        office.browser.shown(references).await?;
        office.browser.client.execute(NO_PART, Vec::new()).await?;
        office.click(references).await?;
        office.browser.shown("[data-act=reload]").await?;
        office.picture(&format!("part-missing-{language}")).await?;
    }
    office.says("part_missing").await?;
    office.click("[data-act=reload]").await?;
    office.browser.shown(".empty").await?;
    // The server is away: the same page can be asked for again, and what was opened before is there without it.
    office.goto("/line").await?;
    office.browser.shown(references).await?;
    office.browser.client.execute(NO_PART, Vec::new()).await?;
    office.browser.client.execute(NO_SERVER, Vec::new()).await?;
    office.click(references).await?;
    office.says("The server does not answer").await?;
    office.browser.client.execute("window.fetch = window.real;", Vec::new()).await?;
    office.click("[data-act=again]").await?;
    office.browser.shown(".empty").await?;
    Ok(())
}
