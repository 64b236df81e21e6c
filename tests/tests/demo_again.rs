//! The demo stopped in mid-batch, resumed, and started once more on the same folder.

use anyhow::{Context as _, ensure};
use jigline_tests::demo::{Demo, run_to_end};
use serde_json::Value;
use std::{
    path::Path,
    time::{Duration, Instant},
};

/// The second board's flash begins within seconds of the first one's.
const IN_TRANSFER_WITHIN: Duration = Duration::from_secs(120);
/// "Ready within seconds": a second start makes no cluster, no account and no bundle. A busy machine is given room.
const READY_AGAIN_WITHIN_S: f64 = 20.0;

#[tokio::test]
async fn a_batch_stopped_in_mid_transfer_is_resumed_and_the_next_start_keeps_everything() -> anyhow::Result<()>
{
    let folder = tempfile::tempdir()?;
    let data = folder.path();
    let demo =
        Demo::start(data, &["--slots", "2", "--boards", "4", "--faulty", "2", "--seed", "7", "--port", "0"])?;
    let accounts = std::fs::read(data.join("accounts.json"))?;
    let told = in_transfer(&demo, data).await;
    told.with_context(|| format!("the demo printed:\n{}", demo.tail()))?;
    let (status, said) = demo.stop()?;
    ensure!(status.success(), "Ctrl-C is no fault, and the demo ended with {status}:\n{said}");
    ensure!(!data.join("demo.json").exists(), "demo.json stays and nobody answers any more");
    let running = still_running(data)?;
    ensure!(running.is_empty(), "still running after Ctrl-C: {running:?}");
    let witness: Vec<Value> = serde_json::from_slice(&std::fs::read(data.join("jig/observer.json"))?)?;
    let undecided = witness.iter().filter(|board| board["lamp"] != "pass" && board["lamp"] != "fail").count();
    ensure!(undecided > 0, "the batch was over before it was stopped:\n{said}");

    let (status, said) = run_to_end(data, &["--resume", "--boards", "9"])?;
    ensure!(status.code() == Some(2) && said.contains("--boards"), "{status}:\n{said}");
    let (status, said) = run_to_end(data, &["--resume", "--once", "--port", "0"])?;
    ensure!(status.success(), "resumed: {status}\n{said}");
    ensure!(said.contains("all 4 boards as expected, every record on the server"), "{said}");

    let (status, said) = run_to_end(data, &["--slots", "2", "--boards", "2", "--once", "--port", "0"])?;
    ensure!(status.success(), "the next batch: {status}\n{said}");
    ensure!(said.contains("all 2 boards as expected") && said.contains("batch B-0002"), "{said}");
    ensure!(std::fs::read(data.join("accounts.json"))? == accounts, "accounts or passwords have changed");
    let ready = said.lines().find_map(|line| line.trim().strip_prefix("ready after ")?.split_once(" s"));
    let ready: f64 = ready.context("it never said that it is ready")?.0.parse()?;
    ensure!(ready < READY_AGAIN_WITHIN_S, "ready only after {ready} s on a folder that has everything");
    Ok(())
}

/// Until an image is halfway on its way to a board.
async fn in_transfer(demo: &Demo, data: &Path) -> anyhow::Result<()> {
    let client = reqwest::Client::new();
    let token = demo.file.tokens.get("engineer").context("no token for the engineer")?;
    let deadline = Instant::now() + IN_TRANSFER_WITHIN;
    loop {
        let line =
            client.get(format!("{}/api/v1/line", demo.file.base_url)).bearer_auth(token).send().await?;
        let line: Value = line.json().await?;
        let live = line["stations"].as_array().into_iter().flatten().map(|station| &station["live"]["slots"]);
        let moving = live.filter_map(Value::as_array).flatten().any(|slot| {
            slot["state"]["step"] == "flash"
                && slot["state"]["step_percent"].as_u64().is_some_and(|at| at > 20)
        });
        // The board that came with half an image is the hard one: it has shown no identity yet.
        let boards: Vec<Value> = serde_json::from_slice(&std::fs::read(data.join("jig/observer.json"))?)?;
        let in_loader = boards.iter().any(|board| {
            board["fault"] == "interrupted_flash" && board["inserted"] == true && board["removed"] == false
        });
        if moving && in_loader {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "no transfer to the board in its loader was ever seen: {line}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The command lines of what still works in the folder.
fn still_running(data: &Path) -> anyhow::Result<Vec<String>> {
    let data = data.canonicalize()?.to_string_lossy().into_owned();
    let mut found = Vec::new();
    for process in std::fs::read_dir("/proc")?.flatten() {
        let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        let at = std::fs::read_link(process.path().join("cwd")).unwrap_or_default();
        if line.contains(&data) || at.starts_with(&data) {
            found.push(line);
        }
    }
    Ok(found)
}
