//! Bad input, with the real programs: each thing ends in one clear sentence that names it, its place and what to do; the other
//! slots go on; no record is lost or written twice.

use anyhow::{Context as _, ensure};
use jigline_tests::{
    demo::workspace_root,
    factory::{Floor, Plan, Server, bundle, image_hex, text},
    programs::{Program, program},
    relay::Relay,
};
use reqwest::Method;
use serde_json::Value;
use std::{fs, path::Path, time::Duration};

/// What ends at once, on a machine that is busy.
const AT_ONCE: Duration = Duration::from_secs(20);
const SOON: Duration = Duration::from_secs(60);

/// The last line of a program that refused to start: one sentence, with everything in it that a person needs.
fn refusal(program: &mut Program, needs: &[&str]) -> anyhow::Result<()> {
    let status = program.ended(AT_ONCE)?;
    let log = program.log();
    let last = log.lines().last().unwrap_or_default();
    ensure!(status.code() == Some(1), "ended with {status}: {log}");
    ensure!(last.starts_with("jigline-"), "the last line is no refusal: {log}");
    for need in needs {
        ensure!(last.contains(need), "{need:?} is not in: {last}");
    }
    Ok(())
}

#[test]
fn a_folder_without_database_programs_is_named_with_what_to_do() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let empty = folder.path().join("empty");
    fs::create_dir(&empty)?;
    let mut serve = program("jigline-server")?;
    serve.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(folder.path().join("server"));
    let mut server = Program::start(
        "server",
        {
            serve.arg("--postgres-bin").arg(&empty);
            serve
        },
        folder.path(),
    )?;
    refusal(&mut server, &[&empty.display().to_string(), "initdb", "--postgres-bin"])
}

#[test]
fn a_taken_port_is_named_with_what_to_do_before_anything_is_made() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?;
    let mut serve = program("jigline-server")?;
    serve.args(["serve", "--listen", &address.to_string(), "--data"]).arg(folder.path().join("server"));
    let mut server = Program::start("server", serve, folder.path())?;
    refusal(&mut server, &[&address.port().to_string(), "127.0.0.1", "taken", "--listen"])?;
    ensure!(!folder.path().join("server").exists(), "a server that cannot listen made a folder");

    let mut jig = program("jigline-simulator")?;
    jig.args(["jig", "--slots", "1", "--boards", "1", "--model", jigline_tests::factory::MODEL]);
    jig.args(["--fixture-listen", &address.to_string(), "--data"]).arg(folder.path().join("jig"));
    let mut jig = Program::start("jig", jig, folder.path())?;
    ensure!(!jig.ended(AT_ONCE)?.success());
    ensure!(jig.log().contains(&address.to_string()), "{}", jig.log());
    Ok(())
}

#[test]
fn a_stations_settings_that_are_wrong_are_named_with_their_line() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("station.toml");
    let start = |content: &str| {
        fs::write(&config, content)?;
        let mut run = program("jigline-station")?;
        run.args(["run", "--config"]).arg(&config);
        Program::start("station", run, folder.path())
    };
    let path = config.display().to_string();
    let mut station = start("name = \"jig-1\"\nserver = http\n")?;
    ensure!(!station.ended(AT_ONCE)?.success());
    let log = station.log();
    ensure!(log.contains(&path) && log.contains("line 2") && log.contains("correct the file"), "{log}");
    fs::remove_file(folder.path().join("station.log"))?;
    fs::remove_file(&config)?;
    let mut run = program("jigline-station")?;
    run.args(["run", "--config"]).arg(&config);
    let mut station = Program::start("station", run, folder.path())?;
    refusal(&mut station, &[&path, "can't be read", "check the path"])
}

/// The shipped profiles, and four files that each are corrupt in their own way: (file, line).
fn corrupt_profiles(folder: &Path) -> anyhow::Result<Vec<(String, usize)>> {
    let shipped = workspace_root().join("profiles");
    for kind in ["models", "parameters", "procedures"] {
        fs::create_dir_all(folder.join(kind))?;
        for file in fs::read_dir(shipped.join(kind))? {
            let file = file?;
            fs::copy(file.path(), folder.join(kind).join(file.file_name()))?;
        }
    }
    let sound = fs::read_to_string(shipped.join("parameters/topbms-16s-lifepo4-100a.toml"))?;
    let line_of =
        |text: &str, what: &str| text.lines().position(|line| line.starts_with(what)).map(|place| place + 1);
    let (key, value) = ("charge_protection_l1_mv", "charge_protection_l1_mv = 3650");
    let broken: [(&str, Vec<u8>, usize); 5] = [
        ("models/cut-off.toml", b"id = \"other\"\nrevision = 1\ntitle = { en = \"Oth".to_vec(), 3),
        (
            "parameters/out-of-range.toml",
            sound.replace(value, "charge_protection_l1_mv = 99999").into_bytes(),
            line_of(&sound, key).context("the shipped profile has changed")?,
        ),
        ("parameters/latin1.toml", b"id = \"x\"\n# 16 s\xE9ries\n".to_vec(), 2),
        (
            "parameters/of-no-model.toml",
            sound.replace("model = \"topbms\"", "model = \"nobodys\"").into_bytes(),
            line_of(&sound, "model").context("the shipped profile has changed")?,
        ),
        ("procedures/unknown-key.toml", b"id = \"x\"\nrevision = 1\nwhat = 5\n".to_vec(), 3),
    ];
    let mut places = Vec::new();
    for (name, content, line) in broken {
        fs::write(folder.join(name), content)?;
        places.push((folder.join(name).display().to_string(), line));
    }
    Ok(places)
}

#[tokio::test(flavor = "multi_thread")]
async fn corrupt_profiles_are_named_by_line_and_images_that_cannot_be_are_refused() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let profiles = folder.path().join("profiles");
    let places = corrupt_profiles(&profiles)?;
    let server = Server::start(folder.path(), &profiles).await?;
    let log = server.program.log();
    for (file, line) in &places {
        let place = format!("{file}:{line}: ");
        let said: Vec<&str> = log.lines().filter(|said| said.contains(file)).collect();
        ensure!(!said.is_empty(), "nothing is said of {file}:\n{log}");
        ensure!(said.iter().any(|said| said.contains(&place)), "not {place} but {said:?}");
        ensure!(said.iter().all(|said| said.contains("correct it")), "not what to do: {said:?}");
    }
    let known = server.get("operator", "/api/v1/profiles").await?;
    let known = known.pointer("/items").and_then(Value::as_array).map_or(0, Vec::len);
    let sound = fs::read_dir(workspace_root().join("profiles/parameters"))?.count();
    ensure!(known == sound, "{known} profiles were imported, {sound} are sound");

    // The same server, images that no board could take.
    let capacity = 131_072 - 8192;
    let sound = image_hex(folder.path(), 16 * 1024)?;
    let too_large = format!("{sound}{}", "00".repeat(capacity + 1 - 16 * 1024));
    let capacity = capacity.to_string();
    for (image, needs) in [
        (String::new(), vec!["0 bytes", "choose"]),
        (too_large, vec!["122881 bytes", "topbms", &capacity]),
        ("zz".to_owned(), vec!["base16"]),
        // No vector table at all.
        ("00".repeat(16 * 1024), vec!["stack"]),
    ] {
        let answer = server
            .ask("engineer", Method::POST, "/api/v1/bundles", Some(&bundle(&server, &image).await?))
            .await?;
        let problem = answer.text();
        ensure!(answer.status == 422, "{} {problem}", answer.status);
        ensure!(answer.mime.starts_with("application/problem+json"), "{}", answer.mime);
        let faults = answer.json().pointer("/faults").and_then(Value::as_array).cloned().unwrap_or_default();
        ensure!(
            faults.iter().any(|fault| text(fault, "/field") == "image_hex"),
            "no fault of the image: {problem}"
        );
        for need in needs {
            ensure!(problem.contains(need), "{need:?} is not in {problem}");
        }
    }
    // More than any request may be.
    let huge = bundle(&server, &"00".repeat(20 * 1024 * 1024)).await?;
    if let Ok(answer) = server.ask("engineer", Method::POST, "/api/v1/bundles", Some(&huge)).await {
        ensure!(answer.status == 413, "{} {}", answer.status, answer.text());
        ensure!(answer.mime.starts_with("application/problem+json"), "{}", answer.mime);
    }
    ensure!(server.sql("select count(*) from bundle")? == ["0"], "a refused image became a bundle");
    Ok(())
}

/// Every record of the station is on the server once, and nothing else is.
fn all_records_once(server: &Server, closed: usize) -> anyhow::Result<()> {
    let found = server.sql(
        "select count(*), count(distinct run_id), coalesce(min(number), 0), coalesce(max(number), 0) from station_number",
    )?;
    ensure!(
        found == [format!("{closed}|{closed}|1|{closed}")],
        "{closed} runs were closed, the server has {found:?}"
    );
    ensure!(server.sql("select count(*) from run")? == [closed.to_string()], "runs and records differ");
    ensure!(server.sql("select count(*) from quarantine")? == ["0"], "something stands in quarantine");
    Ok(())
}

/// One line of the log that holds all of it.
fn says(log: &str, needs: &[&str]) -> anyhow::Result<()> {
    let found = log.lines().any(|line| needs.iter().all(|need| line.contains(need)));
    ensure!(found, "no line says all of {needs:?}:\n{log}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_vanishes_a_board_of_garbage_and_a_server_away_stop_nobody_else() -> anyhow::Result<()>
{
    let folder = tempfile::tempdir()?;
    let mut server = Server::start(folder.path(), &workspace_root().join("profiles")).await?;
    let plan = Plan { slots: 3, boards: 5, faulty: 0, baud: 115_200 };
    let mut floor = Floor::prepare(&server, folder.path(), plan.clone()).await?;
    let jig = floor.devices.clone();
    floor.devices[1] = folder.path().join("usb-2");
    floor.devices[2] = folder.path().join("usb-3");
    let device = floor.devices[1].display().to_string();
    // The adapters come later than the station, which says so; and a pty that was open before would be inherited by it.
    let mut shift = floor.start_station(&server.base_url)?;
    shift.until("slot 2 has no device", AT_ONCE, |shift| shift.kind(2) == "broken").await?;
    let garbled = Relay::plug(&floor.devices[2], &jig[2], plan.baud)?;
    garbled.spoil();
    let mut adapter = Relay::plug(&floor.devices[1], &jig[1], plan.baud)?;

    // Slot 2 loses its device in mid-flash: it says so, with the device's place, on the station and on the page.
    let flashing = |state: &Value| {
        text(state, "/step") == "flash" && state.get("step_percent").and_then(Value::as_u64) > Some(20)
    };
    shift.until("slot 2 flashes", SOON, |shift| shift.slots.get(&2).is_some_and(flashing)).await?;
    adapter.unplug().await;
    shift.until("slot 2 is broken", SOON, |shift| shift.kind(2) == "broken").await?;
    let fault = shift.slots.get(&2).and_then(|state| state.pointer("/fault")).cloned().unwrap_or_default();
    ensure!(text(&fault, "/code").starts_with("port_") && text(&fault, "/args/device") == device, "{fault}");
    let page_says = async || -> anyhow::Result<bool> {
        let line = server.get("operator", "/api/v1/line").await?;
        Ok(text(&line, "/stations/0/live/slots/1/state/kind") == "broken"
            && text(&line, "/stations/0/live/slots/1/state/fault/args/device") == device)
    };
    let deadline = tokio::time::Instant::now() + AT_ONCE;
    while !page_says().await? {
        ensure!(tokio::time::Instant::now() < deadline, "the server never shows slot 2 as broken");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    // Then the server goes away too: the other slots go on, and what they prove waits on the station's disk.
    server.kill()?;
    let passed = shift.ended(1, "pass");
    shift.until("slot 1 passes a board meanwhile", SOON, |shift| shift.ended(1, "pass") > passed).await?;
    ensure!(
        shift.kind(2) == "broken" || shift.kind(2) == "working",
        "slot 2 shows {:?}",
        shift.slots.get(&2)
    );
    ensure!(shift.ended(2, "pass") == 0 && shift.ended(2, "error") == 1, "{:#?}", shift.closed);

    // The device comes back, and the slot with it, on the board that lies there half flashed.
    adapter.plug_again()?;
    shift.until("slot 2 passes its board", SOON, |shift| shift.ended(2, "pass") > 0).await?;
    // The station tells of its outbox once a second.
    shift.until("two records wait for the server", AT_ONCE, |shift| shift.unsent >= 2).await?;
    server.come_back().await?;
    shift.until("every board is out", SOON, |_| floor.is_empty()).await?;
    shift
        .until("every record is sent", SOON, |shift| {
            shift.unsent == 0 && shift.held == shift.closed.len() as u64
        })
        .await?;

    all_records_once(&server, shift.closed.len())?;
    let by_slot = server
        .sql("select slot, outcome, fault_code, count(*) from run group by 1, 2, 3 order by 1, 2, 3")?;
    println!("slot|outcome|fault|runs {by_slot:#?}");
    ensure!(
        by_slot.iter().all(|row| !row.starts_with("3|pass")),
        "a board that spoke garbage passed: {by_slot:?}"
    );
    ensure!(by_slot.iter().any(|row| row.starts_with("3|fail|board_answers_garbage|")), "{by_slot:?}");
    ensure!(by_slot.contains(&"2|error|port_vanished|1".to_owned()), "{by_slot:?}");
    // Nobody passed twice, and every board of the sound slots passed.
    ensure!(
        server
            .sql("select serial from run where outcome = 'pass' group by 1 having count(*) > 1")?
            .is_empty()
    );
    for board in floor.observed() {
        let sound = board.get("slot").and_then(Value::as_u64) != Some(3);
        let lamp = text(&board, "/lamp");
        ensure!((lamp == "pass") == sound, "{board}");
    }
    let log = shift.station.log();
    says(&log, &["slot=2", &device, "cannot be opened", "adapter is plugged in", "other slots go on"])?;
    says(&log, &["slot=2", "has vanished", &device, "Plug its adapter in again", "other slots go on"])?;
    says(&log, &["slot=3", "garbage", "Check how it sits and the wire"])?;
    says(
        &log,
        &["the server is away", &server.base_url, "check the server and the network", "records wait on"],
    )?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_station_that_never_met_its_server_says_so_and_touches_no_board() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let plan = Plan { slots: 1, boards: 1, faulty: 0, baud: 115_200 };
    let floor = Floor::without_server(folder.path(), plan).await?;
    // tcpmux: nobody listens there.
    let nowhere = "http://127.0.0.1:1";
    let mut shift = floor.start_station(nowhere)?;
    shift.until("the slot waits for the server", AT_ONCE, |shift| shift.kind(1) == "broken").await?;
    let fault = shift.slots.get(&1).and_then(|state| state.pointer("/fault")).cloned().unwrap_or_default();
    ensure!(text(&fault, "/code") == "server_away", "{fault}");
    says(&shift.station.log(), &["server is away", nowhere, "Check the server and the network"])?;
    let board = floor.observed().into_iter().next().context("no board is observed")?;
    ensure!(board.get("frames").and_then(Value::as_u64) == Some(0), "{board}");
    Ok(())
}
