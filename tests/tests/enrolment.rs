//! A PC becomes a station, with the real programs: as an administrator and whoever stands at the jig do it, and what they are told when
//! something is wrong.

use anyhow::{Context as _, ensure};
use jigline_tests::{
    demo::workspace_root,
    factory::{Server, text},
    programs::{Program, program},
};
use serde_json::Value;
use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Output,
    time::{Duration, Instant},
};

/// From the moment that an administrator asks for a code to a station that the server lets work.
const ENROLLED_WITHIN: Duration = Duration::from_secs(120);
const SOON: Duration = Duration::from_secs(30);

/// One PC: its settings and its journal.
struct Machine {
    folder: PathBuf,
}

impl Machine {
    fn new(folder: &Path, name: &str) -> Self {
        Self { folder: folder.join(name) }
    }

    fn settings(&self) -> PathBuf {
        self.folder.join("etc/station.toml")
    }

    /// What a person types; the slot's port and the fixture come later.
    fn enrol(&self, server: &str, code: &str, more: &[&str]) -> anyhow::Result<Output> {
        let mut enrol = program("jigline-station")?;
        enrol
            .args(["enrol", server, code, "--fixture", "127.0.0.1:9", "--slot"])
            .arg(self.folder.join("slot-1"));
        enrol.arg("--config").arg(self.settings()).arg("--data").arg(self.folder.join("journal")).args(more);
        Ok(enrol.output()?)
    }

    fn start(&self) -> anyhow::Result<Program> {
        let mut run = program("jigline-station")?;
        run.args(["run", "--progress", "json", "--config"]).arg(self.settings());
        Program::start("station", run, &self.folder)
    }
}

/// At the server's own machine.
fn desk(server: &Path, arguments: &[&str]) -> anyhow::Result<Output> {
    Ok(program("jigline-server")?.arg("station").args(arguments).arg("--data").arg(server).output()?)
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// The code in what was printed.
fn code_in(output: &Output) -> anyhow::Result<String> {
    let said = printed(output);
    ensure!(output.status.success(), "{said}");
    let code = said.split_once("code ").and_then(|(_, rest)| rest.split(',').next());
    code.map(str::to_owned).with_context(|| format!("no code in: {said}"))
}

/// One sentence, and nothing that looks like settings.
fn refused(machine: &Machine, output: &Output, needs: &[&str]) -> anyhow::Result<()> {
    let said = printed(output);
    ensure!(output.status.code() == Some(1) && said.lines().count() == 1, "{said}");
    for need in needs {
        ensure!(said.contains(need), "{need:?} is not in: {said}");
    }
    ensure!(!machine.settings().exists(), "settings were written: {said}");
    Ok(())
}

async fn station(server: &Server) -> anyhow::Result<Value> {
    let list = server.get("quality", "/api/v1/stations").await?;
    let id = text(&list, "/items/0/station_id");
    server.get("quality", &format!("/api/v1/stations/{id}")).await
}

/// Waits until the server has let it work.
async fn checked_in(server: &Server, program: &mut Program) -> anyhow::Result<()> {
    let deadline = Instant::now() + SOON;
    while Instant::now() < deadline {
        let view = station(server).await?;
        if view.pointer("/checked_in_at").is_some() && view.pointer("/station/awaited").is_none() {
            return Ok(());
        }
        program.next_line(Duration::from_millis(100)).await;
    }
    anyhow::bail!("it never checked in; its log:\n{}", program.log())
}

/// Answers one request with that, whatever was asked; its address.
fn stranger(answer: &'static str) -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    std::thread::spawn(move || {
        let Ok((mut asker, _)) = listener.accept() else { return };
        let mut heard = Vec::new();
        let mut part = [0; 4096];
        // The form ends with its last brace.
        while !heard.ends_with(b"}") {
            match asker.read(&mut part) {
                Ok(0) | Err(_) => return,
                Ok(length) => heard.extend_from_slice(&part[..length]),
            }
        }
        let _asker_may_be_gone = asker.write_all(answer.as_bytes());
    });
    Ok(address)
}

const PORTAL: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 20\r\nconnection: close\r\n\r\n<h1>Guest Wi-Fi</h1>";
const YOUNGER: &str = "HTTP/1.1 409 Conflict\r\ncontent-type: application/problem+json\r\nconnection: close\r\n\r\n{\"type\":\
    \"urn:jigline:problem:wire_version\",\"code\":\"wire_version\",\"status\":409,\"detail\":\"x\",\"faults\":[],\"reason\":{\"code\":\
    \"wire_version_differs\",\"args\":{\"station\":\"2\",\"server\":\"9\"}}}";

#[tokio::test]
async fn a_pc_is_a_working_station_in_under_two_minutes_and_every_slip_is_one_clear_sentence()
-> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path(), &workspace_root().join("profiles")).await?;
    let data = folder.path().join("server");
    let (first, second) = (Machine::new(folder.path(), "pc-1"), Machine::new(folder.path(), "pc-2"));
    let begun = Instant::now();
    let code = code_in(&desk(&data, &["enrol-code", "jig-1", "--simulated"])?)?;

    // What goes wrong on the way, and loses nothing.
    let slip = format!("{}{}", &code[..13], if code.ends_with('7') { '8' } else { '7' });
    refused(&first, &first.enrol(&server.base_url, &slip, &[])?, &["check character", "Nobody was asked"])?;
    refused(
        &first,
        &first.enrol("127.0.0.1:1", &code, &[])?,
        &["127.0.0.1:1", "does not answer", "same code again"],
    )?;
    refused(
        &first,
        &first.enrol(&stranger(PORTAL)?, &code, &[])?,
        &["not as a Jigline server", "not used up"],
    )?;
    refused(
        &first,
        &first.enrol(&stranger(YOUNGER)?, &code, &[])?,
        &["version 2", "version 9", "not used up"],
    )?;
    let wrong = "0000-0000-0000";
    refused(&first, &first.enrol(&server.base_url, wrong, &[])?, &["No code is this one", "administrator"])?;

    // As the browser shows the address.
    let done = first.enrol(&format!("{}/stations", server.base_url), &code.to_lowercase(), &[])?;
    let said = printed(&done);
    ensure!(
        done.status.success() && said.contains("jig-1 is enrolled") && said.contains("service install"),
        "{said}"
    );
    let settings = fs::read_to_string(first.settings())?;
    ensure!(fs::metadata(first.settings())?.permissions().mode() & 0o777 == 0o600);
    for key in ["key", "placeholder_key"] {
        let line = settings.lines().find_map(|line| line.strip_prefix(&format!("{key} = "))).context(key)?;
        ensure!(!said.contains(line.trim_matches('"')), "{key} was printed: {said}");
    }
    let mut station_1 = first.start()?;
    checked_in(&server, &mut station_1).await?;
    let took = begun.elapsed();
    ensure!(took < ENROLLED_WITHIN, "it took {took:?}");

    // The code has had its day, and settings that are there stay.
    refused(&second, &second.enrol(&server.base_url, &code, &[])?, &["was used at", "administrator"])?;
    let again = first.enrol(&server.base_url, &code, &[])?;
    ensure!(printed(&again).contains("--renew") && again.status.code() == Some(1), "{}", printed(&again));
    ensure!(fs::read_to_string(first.settings())? == settings);
    let there = desk(&data, &["enrol-code", "jig-1"])?;
    ensure!(
        printed(&there).contains("replace the station") && !there.status.success(),
        "{}",
        printed(&there)
    );

    // Another machine takes its place: the same command there, the old one starts no board any more.
    let code = code_in(&desk(&data, &["replace", "jig-1", "--reason", "the PC died"])?)?;
    let expire = "update enrol_code set expires_at = now() where used_at is null returning 1";
    ensure!(server.sql(expire)?.first().is_some_and(|one| one == "1"));
    refused(
        &second,
        &second.enrol(&server.base_url, &code, &[])?,
        &["could be used until", "administrator"],
    )?;
    let code = code_in(&desk(&data, &["enrol-code", "jig-1"])?)?;
    let done = second.enrol(&server.base_url, &code, &[])?;
    ensure!(done.status.success(), "{}", printed(&done));
    let mut station_2 = second.start()?;
    checked_in(&server, &mut station_2).await?;
    let deadline = Instant::now() + SOON;
    while !station_1.log().contains("knows no station with this key") {
        ensure!(Instant::now() < deadline, "the old machine was not told:\n{}", station_1.log());
        station_1.next_line(Duration::from_millis(100)).await;
    }
    let nobody = desk(&data, &["replace", "jig-7", "--reason", "x"])?;
    ensure!(
        printed(&nobody).contains("no station jig-7") && !nobody.status.success(),
        "{}",
        printed(&nobody)
    );
    Ok(())
}

#[test]
fn the_desk_says_where_no_server_works() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let said = printed(&desk(folder.path(), &["enrol-code", "jig-1"])?);
    ensure!(said.contains("no jigline-server works in") && said.contains("--data"), "{said}");
    Ok(())
}
