//! What passed over the line in a run: fetched from its station, and looked at step by step beside the pictures.

use super::office::{Jig, Office};
use anyhow::{Context as _, ensure};
use domain::{
    record::{BirthRecord, StepOutcome},
    trace::{Quantity, Trace},
};
use protocol::modbus::{Request, Response, rtu};
use reqwest::Method;
use serde_json::json;
use station::wire::{Direction, Entry, Head, What, form, packed::pack};

#[tokio::test(flavor = "multi_thread")]
async fn quality_has_a_runs_wire_log_fetched_and_looks_at_it_step_by_step() -> anyhow::Result<()> {
    with_office!("quality", wire_log)
}

async fn wire_log(office: &Office) -> anyhow::Result<()> {
    let jig = office.jig("jig-1").await?;
    let batch = office.batch("B-2641", 24).await?;
    let serials = office.lend(&jig, batch, 2).await?;
    let mut pass = office.pass(&jig, batch, 1, &serials[0])?;
    pass.record.traces = traces(&pass.record);
    let mut fail = office.pass(&jig, batch, 7, "unused")?;
    (fail.record.serial, fail.number) = (None, 2);
    let texts = [serde_json::to_string(&pass)?, serde_json::to_string(&fail)?];
    let sent = office.send(&jig, &texts).await?;
    ensure!(sent == ["stored", "stored"], "{sent:?}");

    // Of a run that passed it is not there, and is fetched.
    let path = format!("/runs/{}", pass.record.run_id);
    office.goto(&path).await?;
    office.click("[data-act=show-line]").await?;
    office.click("[data-act=fetch-line]").await?;
    let waits = office.browser.shown("[data-waits='jig-1']").await?.text().await?;
    ensure!(waits.contains("which is away"), "this station says nothing every second: {waits}");
    picture(office, "wire-log-waits-en").await?;
    let work = office.server.ask(&jig.key, Method::GET, "/api/v1/station/work", None).await?.json();
    ensure!(work["wire_logs"] == json!([pass.record.run_id]), "{work}");
    let gone = format!("wire-logs/{}/gone", pass.record.run_id);
    tell(office, &jig, &gone, serde_json::to_vec(&json!({ "days": 30, "megabytes": 128 }))?).await?;
    // The page looks by itself.
    office.browser.shown("[data-gone='30']").await?;
    office.says("keeps logs for 30 days and 128 MB of them").await?;
    picture(office, "wire-log-gone-en").await?;
    office.click("[data-act=fetch-line]").await?;
    office.browser.shown("[data-waits]").await?;
    send(office, &jig, &pass.record).await?;
    office.browser.shown("[data-replay] .frames .here").await?;
    ensure!(frame(office).await? == 0, "it begins where the run began");

    // By keys, by steps, by touch; and the picture shows the same moment.
    let replay = office.browser.shown("[data-replay]").await?;
    for (keys, at) in [("j", 1), ("j", 2), ("k", 1)] {
        replay.send_keys(keys).await?;
        ensure!(frame(office).await? == at, "{keys}: {}", frame(office).await?);
    }
    let before = moment(office).await?;
    office.click(".line-steps [data-step=measure]").await?;
    let measured = frame(office).await?;
    ensure!(measured > 2 && moment(office).await? > before, "the picture stays where it was");
    office.click(&format!(".frames [data-frame='{}']", measured + 1)).await?;
    let told = office.browser.shown("[data-replay] .values").await?.text().await?;
    ensure!(told.contains("cell_1_mv = 3288 mV"), "the frame's meaning: {told}");
    for (language, theme) in [("en", "light"), ("zh", "dark")] {
        let address = format!("{}{path}?lang={language}&theme={theme}", office.server.base_url);
        office.browser.client.goto(&address).await?;
        office.click("[data-act=show-line]").await?;
        office.click(".line-steps [data-step=measure]").await?;
        picture(office, &format!("wire-log-{language}")).await?;
    }

    // Of a run that failed it stands there, where it failed.
    send(office, &jig, &fail.record).await?;
    office.goto(&format!("/runs/{}", fail.record.run_id)).await?;
    let here = office.browser.shown(".line-steps .here").await?.attr("data-step").await?;
    let failed = fail.record.steps.iter().find(|step| step.outcome == StepOutcome::Failed);
    let failed = failed.context("no step failed")?.step.as_str();
    ensure!(here.as_deref() == Some(failed), "{here:?} instead of {failed}");
    Ok(())
}

/// A sine for a voltage: something to see.
fn traces(record: &BirthRecord) -> Vec<Trace> {
    let points =
        record.steps.iter().map(|step| (step.started_ms, 27.0 + (step.started_ms as f64 / 9000.0).sin()));
    vec![Trace { quantity: Quantity::PackVoltage, points: points.collect() }]
}

/// Three questions in every step.
fn log(record: &BirthRecord) -> anyhow::Result<Vec<u8>> {
    let head = Head {
        began_at: record.started_at,
        run_id: Some(record.run_id),
        slot: Some(record.slot),
        device: "/dev/ttyUSB0".to_owned(),
        baud: 115_200,
        model: "topbms".to_owned(),
        model_revision: 1,
        program: "0.1.0".to_owned(),
        images: Vec::new(),
    };
    let question = rtu::encode_request(1, &Request::ReadHolding { address: 0x0100, quantity: 2 })?;
    let answer = rtu::encode_response(1, &Response::ReadHolding(vec![3288, 3291]))?;
    let mut log = form::begin(&head);
    let mut before_us = 0;
    for at_us in record.steps.iter().flat_map(|step| (0..3).map(|n| step.started_ms * 1000 + n * 20_000)) {
        for (late_us, direction, bytes) in
            [(0, Direction::Sent, &question), (4_000, Direction::Received, &answer)]
        {
            let entry = Entry { at_us: at_us + late_us, direction, what: What::Bytes(bytes.clone()) };
            form::code(&entry, &mut |coded| {
                coded.write(before_us, &mut log);
                before_us = coded.at_us;
            });
        }
    }
    form::end(&mut log);
    Ok(log)
}

async fn send(office: &Office, jig: &Jig, record: &BirthRecord) -> anyhow::Result<()> {
    tell(office, jig, &format!("wire-logs/{}", record.run_id), pack(&log(record)?)).await
}

async fn tell(office: &Office, jig: &Jig, path: &str, body: Vec<u8>) -> anyhow::Result<()> {
    let address = format!("{}/api/v1/station/{path}", office.server.base_url);
    let client = reqwest::Client::builder().no_proxy().build()?;
    let request = client.post(address).bearer_auth(&jig.key).header("content-type", "application/json");
    let answer = request.body(body).send().await?;
    ensure!(answer.status() == 204, "{path}: {}", answer.text().await?);
    Ok(())
}

/// The place of the frame that is looked at.
async fn frame(office: &Office) -> anyhow::Result<usize> {
    let here = office.browser.shown("[data-replay] .frames .here").await?.attr("data-frame").await?;
    Ok(here.context("a frame without its place")?.parse()?)
}

/// Where the moment that is looked at stands in the picture.
async fn moment(office: &Office) -> anyhow::Result<f64> {
    let line = "return Number(document.querySelector('.trace .moment').getAttribute('x1'))";
    let at = office.browser.client.execute(line, Vec::new()).await?;
    at.as_f64().context("no moment in the picture")
}

async fn picture(office: &Office, name: &str) -> anyhow::Result<()> {
    let card = "document.querySelector('#wire-log').scrollIntoView({ block: 'center' })";
    office.browser.client.execute(card, Vec::new()).await?;
    office.picture(name).await
}
