//! A person at a real browser: signs in, watches a board pass and finds it by its serial number.
//! Server, station, jig and PostgreSQL are the real ones, started as a newcomer starts them.

use anyhow::{Context as _, ensure};
use fantoccini::Locator;
use jigline_tests::{browser::Browser, demo::Demo};
use std::time::Duration;

/// A run at 115200 baud takes some twenty seconds; a busy machine is given room.
const PASSED_WITHIN: Duration = Duration::from_secs(180);

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_watches_a_board_pass_and_finds_it_by_its_serial_number() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let demo = Demo::start(folder.path(), &["--slots", "2", "--boards", "4", "--port", "0"])?;
    let browser = Browser::open(1280, 900).await?;
    let told =
        watch_and_find(&browser, &demo).await.with_context(|| format!("the demo printed:\n{}", demo.tail()));
    browser.close().await?;
    told
}

async fn watch_and_find(browser: &Browser, demo: &Demo) -> anyhow::Result<()> {
    let quality = demo.file.accounts.get("quality").context("demo.json has no account for quality")?;
    browser.client.goto(&demo.file.base_url).await?;
    browser.shown("input[name=username]").await?.send_keys(&quality.username).await?;
    browser.shown("input[name=password]").await?.send_keys("wrong").await?;
    browser.shown("button[type=submit]").await?.click().await?;
    // A wrong password is said, and nothing else is shown.
    browser.shown("form [role=alert]").await?;
    ensure!(
        browser.client.find_all(Locator::Css("nav")).await?.is_empty(),
        "a wrong password opened the page"
    );
    let password = browser.shown("input[name=password]").await?;
    password.clear().await?;
    password.send_keys(&quality.password).await?;
    browser.shown("button[type=submit]").await?.click().await?;
    browser.shown("nav").await?;

    browser.client.goto(&format!("{}/line", demo.file.base_url)).await?;
    browser.shown("[data-slot='1']").await?;
    browser.shown("[data-slot='2']").await?;
    let passed = browser
        .client
        .wait()
        .at_most(PASSED_WITHIN)
        .for_element(Locator::Css("[data-state=done][data-outcome=pass] .board"))
        .await
        .context("no slot ever showed a pass")?;
    let serial = passed.text().await?;
    ensure!(serial.starts_with("TB"), "a passed slot shows {serial:?}, not a serial number");

    // The record travels after the verdict: the question is asked again until it is there, within the bound of `shown`.
    let tail = &serial[serial.len() - 6..];
    browser.client.goto(&format!("{}/units?q={tail}", demo.file.base_url)).await?;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    let row = loop {
        let rows = browser.client.find_all(Locator::Css("main table tbody tr")).await?;
        let mut found = None;
        for row in rows {
            if row.text().await.unwrap_or_default().contains(&serial) {
                found = Some(row);
            }
        }
        if let Some(row) = found {
            break row;
        }
        ensure!(tokio::time::Instant::now() < deadline, "{serial} is not found by its part {tail}");
        tokio::time::sleep(Duration::from_millis(500)).await;
        browser.client.refresh().await?;
        browser.shown("main").await?;
    };
    row.find(Locator::Css("a")).await?.click().await?;

    // The unit page: its number, its verdict, and every parameter read after the restart.
    browser.shown("main h1").await?;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        let text = browser.shown("main").await?.text().await?;
        let missing: Vec<&str> = [serial.as_str(), "Charge protection, level 1", "machine code"]
            .into_iter()
            .filter(|word| !text.to_lowercase().contains(&word.to_lowercase()))
            .collect();
        if missing.is_empty() {
            break;
        }
        ensure!(tokio::time::Instant::now() < deadline, "the unit page lacks {missing:?}; it reads:\n{text}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    stop_and_release(browser, &demo.file.base_url).await
}

/// Quality stops the unit and lets it go again; state, reason and next step stand on its page, in both languages.
async fn stop_and_release(browser: &Browser, base_url: &str) -> anyhow::Result<()> {
    browser.shown("[data-standing=passed]").await?;
    browser.shown("button[data-act=hold]").await?.click().await?;
    browser.shown("#standing form button[type=submit]").await?.click().await?;
    // Nothing is decided without a reason.
    browser.shown("#standing form .is-fail").await?;
    browser.shown("#standing input[name=reason]").await?.send_keys("cracked shunt").await?;
    let said = browser.shown("#standing .preview").await?.text().await?;
    ensure!(said.contains("passed") && said.contains("on hold"), "before and after are not shown: {said:?}");
    browser.shown("#standing form button[type=submit]").await?.click().await?;
    let stopped = browser.shown("[data-standing=on_hold]").await?.text().await?;
    for word in ["on hold", "cracked shunt", "quality"] {
        ensure!(stopped.contains(word), "the unit's state lacks {word:?}; it reads:\n{stopped}");
    }
    browser.shown(".topbar button[title='中文']").await?.click().await?;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        let chinese = browser.shown("[data-standing=on_hold]").await?.text().await?;
        if chinese.contains("已停用") {
            break;
        }
        ensure!(tokio::time::Instant::now() < deadline, "not in Chinese: {chinese}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    browser.shown("button[data-act=release]").await?.click().await?;
    browser.shown("#standing input[name=reason]").await?.send_keys("looked at it").await?;
    browser.shown("#standing form button[type=submit]").await?.click().await?;
    browser.shown("[data-standing=passed]").await?;
    let acts = browser.client.find_all(Locator::Css("#standing .acts li")).await?;
    ensure!(acts.len() == 2, "{} acts instead of two", acts.len());
    browser.client.goto(&format!("{base_url}/references")).await?;
    browser.shown("main .empty").await?;
    Ok(())
}
