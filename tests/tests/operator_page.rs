//! The operator at a real browser: the page that the station serves, with real boards' bytes behind it, and the server gone.

use anyhow::{Context as _, ensure};
use domain::{api::units::RunView, procedure::StepKind, prompt::AnswerSource};
use fantoccini::{Locator, key::Key};
use jigline_tests::{
    browser::Browser,
    demo::workspace_root,
    factory::{Floor, Plan, Server, Shift, text},
    memory_server::BundleFiles,
    questions::{CONFIRM, SCAN, TORQUE},
};
use serde_json::Value;
use std::{path::Path, time::Duration};

/// A run at 115200 baud takes some twenty seconds; a busy machine is given room.
const WITHIN: Duration = Duration::from_secs(180);

/// The shipped profiles, with a birth that asks for a scan, a number, and yes or no.
fn asking_profiles(folder: &Path) -> anyhow::Result<std::path::PathBuf> {
    let profiles = folder.join("profiles");
    for kind in ["models", "parameters", "procedures"] {
        std::fs::create_dir_all(profiles.join(kind))?;
        for file in std::fs::read_dir(workspace_root().join("profiles").join(kind))? {
            let file = file?;
            std::fs::copy(file.path(), profiles.join(kind).join(file.file_name()))?;
        }
    }
    let files = BundleFiles::shipped().asking(&[SCAN], StepKind::Profile);
    let files = files.asking(&[TORQUE, CONFIRM], StepKind::Restart);
    std::fs::write(profiles.join("procedures/topbms-birth.toml"), files.procedure)?;
    Ok(profiles)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_answers_by_scanner_hand_and_pedal_and_sees_the_verdict_with_the_server_gone()
-> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let mut server = Server::start(folder.path(), &asking_profiles(folder.path())?).await?;
    let plan = Plan { slots: 2, boards: 2, faulty: 0, baud: 115_200 };
    let floor = Floor::prepare(&server, folder.path(), plan).await?.with_silent_operator().await?;
    let mut shift = floor.start_station(&server.base_url)?;
    shift.until("the page is served", WITHIN, |shift| shift.page.is_some()).await?;
    let page = shift.page.clone().context("it was waited for")?;
    let browser = Browser::open(1280, 800).await?;
    let told = work(&browser, &page, &mut server, &mut shift).await;
    let told = told.with_context(|| format!("the station said:\n{}", shift.station.log()));
    browser.close().await?;
    told
}

async fn work(browser: &Browser, page: &str, server: &mut Server, shift: &mut Shift) -> anyhow::Result<()> {
    browser.client.goto(&format!("{page}/?lang=en&theme=light")).await?;
    let asks = |shift: &Shift| {
        (1..=2).all(|slot| shift.slots.get(&slot).is_some_and(|state| state.get("asks").is_some()))
    };
    shift.until("both slots ask for their housing", WITHIN, asks).await?;
    browser.shown("[data-slot='1'][data-state=asks] .do-it").await?;
    browser.shown("[data-slot='2'][data-state=asks] .do-it").await?;
    browser.picture("operator-asks-en").await?;

    // Two ask: nobody can know whose housing it is, and nothing is guessed.
    browser.type_quickly("H-0001").await?;
    let line = browser.shown("footer .line:not(:empty)").await?.text().await?;
    ensure!(line.contains("which slot?"), "{line}");
    // A slot's own code says it, then each scan is answered.
    browser.type_quickly("SLOT-2").await?;
    browser.type_quickly("H-0002").await?;
    until(browser, "[data-slot='2']:not(:has(.do-it))").await?;
    // From here on the network is down.
    server.kill()?;
    browser.type_quickly("H-0001").await?;
    until(browser, "[data-slot='1']:not(:has(.do-it))").await?;

    // A number by hand, in the middle of which somebody scans: what he typed stays, and the scan's Enter sends nothing.
    let field =
        browser.client.wait().at_most(WITHIN).for_element(Locator::Css("[data-slot='1'] input")).await?;
    browser.picture("operator-number-en").await?;
    field.click().await?;
    type_by_hand(browser, &["1"]).await?;
    browser.type_quickly("H-9999").await?;
    ensure!(field.prop("value").await?.as_deref() == Some("1"), "{:?}", field.prop("value").await?);
    type_by_hand(browser, &[".", "3"]).await?;
    browser.shown("[data-slot='1'] button[type=submit]").await?.click().await?;
    // The other slot waited alone.
    let other =
        browser.client.wait().at_most(WITHIN).for_element(Locator::Css("[data-slot='2'] input")).await?;
    other.click().await?;
    type_by_hand(browser, &["1", ".", "2"]).await?;
    other.send_keys(&Key::Enter.to_string()).await?;

    // Yes by touch, and by the pedal; with the picture of what is asked.
    browser.shown("[data-slot='1'] [data-answer=yes]").await?;
    until_drawn(browser, "[data-slot='1'] .picture").await?;
    browser.picture("operator-picture-en").await?;
    browser.shown("[data-slot='1'] [data-answer=yes]").await?.click().await?;
    until(browser, "[data-slot='1']:not(:has([data-answer]))").await?;
    browser.shown("[data-slot='2'] [data-answer=yes]").await?;
    press(browser, "F9").await?;
    until(browser, "[data-state=done][data-outcome=pass] .verdict").await?;
    browser.picture("operator-passed-en").await?;
    shift.until("both passed", WITHIN, |shift| shift.closed.len() == 2).await?;
    until(browser, ".figures [data-figure=passed]").await?;
    let lamp = browser.shown("[data-lamp=away]").await?.text().await?;
    ensure!(lamp.contains("records kept here") && lamp.contains("work on"), "{lamp}");
    browser.shown("[data-language=other]").await?.click().await?;
    browser.client.goto(&format!("{page}/?lang=zh&theme=dark")).await?;
    let lamp = browser.shown("[data-lamp=away]").await?.text().await?;
    ensure!(lamp.contains("服务器离线"), "{lamp}");
    server.come_back().await?;
    until(browser, "[data-lamp=green]").await?;
    browser.picture("operator-after-zh").await?;

    // What the server holds is what was said here.
    for run in &shift.closed {
        let (slot, outcome) = (run["slot"].as_u64().unwrap_or_default(), text(run, "/outcome"));
        ensure!(outcome == "pass", "{run}");
        let view = server.get("quality", &format!("/api/v1/runs/{}", text(run, "/run_id"))).await?;
        let view: RunView = serde_json::from_value(view)?;
        ensure!(view.doubts.is_empty(), "{:?}", view.doubts);
        let said: Vec<_> = view
            .record
            .answers
            .iter()
            .map(|answer| (answer.prompt.as_str(), answer.answer.to_string(), answer.source))
            .collect();
        let torque = if slot == 1 { "1.3" } else { "1.2" };
        let page = AnswerSource::Page;
        let expected = [
            ("housing", format!("H-000{slot}"), page),
            ("torque", torque.to_owned(), page),
            ("cable", "yes".to_owned(), page),
        ];
        ensure!(said == expected, "slot {slot}: {said:?}");
    }
    Ok(())
}

async fn press(browser: &Browser, key: &str) -> anyhow::Result<()> {
    let script = "document.body.dispatchEvent(new KeyboardEvent('keydown', { key: arguments[0], bubbles: true, cancelable: true }))";
    browser.client.execute(script, vec![Value::from(key)]).await?;
    Ok(())
}

/// A hand types into the field that has the cursor: no two keys are a scanner's.
async fn type_by_hand(browser: &Browser, keys: &[&str]) -> anyhow::Result<()> {
    let script = "const [keys, done] = arguments; let at = 0; const next = () => { if (at == keys.length) { setTimeout(done, 120); return; } \
        const target = document.activeElement; const event = new KeyboardEvent('keydown', { key: keys[at++], bubbles: true, cancelable: true }); \
        if (target.dispatchEvent(event)) { target.value += event.key; } setTimeout(next, 120); }; setTimeout(next, 120);";
    browser.client.execute_async(script, vec![Value::from(keys)]).await?;
    Ok(())
}

/// Until the browser has an image and has drawn it.
async fn until_drawn(browser: &Browser, css: &str) -> anyhow::Result<()> {
    let script = "const [css, done] = arguments; const look = () => { const drawn = document.querySelector(css); \
        if (drawn && drawn.complete && drawn.naturalWidth > 0) { done(true); } else { setTimeout(look, 50); } }; look();";
    let drawn = browser.client.execute_async(script, vec![Value::from(css)]).await;
    drawn.map(drop).with_context(|| format!("{css} is never drawn"))
}

async fn until(browser: &Browser, css: &str) -> anyhow::Result<()> {
    browser
        .client
        .wait()
        .at_most(WITHIN)
        .for_element(Locator::Css(css))
        .await
        .with_context(|| css.to_owned())?;
    Ok(())
}
