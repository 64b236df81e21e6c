//! The program as its owner meets it: started, killed, started again, stopped.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod people;

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use sqlx::Connection as _;
use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    time::{Duration, Instant},
};

fn profiles() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../profiles")
}

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jigline-server"));
    command.env_remove("DATABASE_URL").env_remove("JIGLINE_DATA").stdin(Stdio::null());
    command
}

fn serve(data: &Path) -> Command {
    let mut command = program();
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data).arg("--profiles").arg(profiles());
    command
}

/// Starts it and reads its one line.
fn start(command: &mut Command) -> (Child, Value) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    if line.is_empty() {
        let mut log = String::new();
        child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        panic!("nothing was said: {log}");
    }
    (child, serde_json::from_str(&line).unwrap())
}

fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id() as i32), signal).unwrap();
}

/// Waits for the end with a bound.
fn end_of(child: &mut Child) -> Option<i32> {
    let deadline = Instant::now() + Duration::from_secs(30);
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("the program did not end");
}

fn lock_of(data: &Path) -> PathBuf {
    data.join("postgres/data/postmaster.pid")
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_killed_service_finds_its_database_again_and_a_stopped_one_leaves_nothing_running() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("plant");
    let (mut child, ready) = start(&mut serve(&data));
    let url = ready["database_url"].as_str().unwrap().to_owned();
    let accounts = data.join("accounts.json");
    let first = std::fs::read_to_string(&accounts).unwrap();
    assert_eq!(std::fs::metadata(&accounts).unwrap().permissions().mode() & 0o777, 0o600);
    let parsed: Value = serde_json::from_str(&first).unwrap();
    for role in ["operator", "engineer", "quality", "sales", "admin"] {
        assert_eq!(parsed[role]["username"], role);
        assert!(parsed[role]["password"].as_str().unwrap().len() >= 16);
    }
    signal(&child, Signal::SIGKILL);
    end_of(&mut child);
    assert!(lock_of(&data).exists(), "PostgreSQL outlives a killed service");

    // Adopted: the same postmaster, the same accounts, within seconds.
    let started = Instant::now();
    let (mut child, ready) = start(&mut serve(&data));
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert_eq!(ready["database_url"].as_str(), Some(url.as_str()));
    assert_eq!(std::fs::read_to_string(&accounts).unwrap(), first);
    let said = refusal(&mut serve(&data));
    assert!(said.contains("another jigline-server works in") && said.contains("--data"), "{said}");
    signal(&child, Signal::SIGTERM);
    assert_eq!(end_of(&mut child), Some(0));
    assert!(!lock_of(&data).exists(), "a stopped service stops its PostgreSQL");

    // A power cut: the lock is there, its process is not.
    std::fs::write(lock_of(&data), "4194000\n/x\n1\n5432\n\n127.0.0.1\n").unwrap();
    let (mut child, _) = start(&mut serve(&data));
    signal(&child, Signal::SIGINT);
    assert_eq!(end_of(&mut child), Some(0));
}

/// Asks the database one thing, as the owner of its tables.
fn ask(ready: &Value, sql: &'static str) -> String {
    let url = ready["database_url"].as_str().unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let mut database = sqlx::PgConnection::connect(url).await.unwrap();
        sqlx::query_scalar::<_, String>(sql).fetch_one(&mut database).await.unwrap()
    })
}

#[test]
fn a_lost_key_is_named_and_what_is_to_last_is_checked_page_by_page() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("plant");
    let (mut child, ready) = start(&mut serve(&data));
    assert_eq!(ask(&ready, "show data_checksums"), "on");
    let stop = |child: &mut Child| {
        signal(child, Signal::SIGTERM);
        assert_eq!(end_of(child), Some(0));
    };
    stop(&mut child);
    // Nothing rests on the keys of a new database.
    std::fs::remove_file(data.join("keys/sealing.key")).unwrap();
    let (mut child, ready) = start(&mut serve(&data));
    let enrolled = "insert into station (station_id, name, slots, simulated, key_hash, enrolled_at)
        values (gen_random_uuid(), 'jig-1', 1, true, '\\x00', now()) returning name";
    assert_eq!(ask(&ready, enrolled), "jig-1");
    stop(&mut child);
    std::fs::remove_file(data.join("keys/sealing.key")).unwrap();
    let said = refusal(&mut serve(&data));
    assert!(said.contains("keys/sealing.key") && said.contains("backup"), "{said}");
    assert!(!data.join("keys/sealing.key").exists());
}

fn refusal(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let log = String::from_utf8_lossy(&output.stderr);
    log.lines().last().unwrap_or_default().to_owned()
}

#[test]
fn what_is_wrong_at_the_start_is_one_sentence_that_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut command = program();
    command.args(["serve", "--data"]).arg(folder.path()).args(["--listen", &format!("127.0.0.1:{port}")]);
    let said = refusal(&mut command);
    assert!(said.contains(&format!("port {port}")) && said.contains("--listen"), "{said}");
    assert!(!folder.path().join("postgres").exists(), "nothing was made for a service that can't listen");

    let said = refusal(serve(folder.path()).arg("--postgres-bin").arg(folder.path()));
    assert!(said.contains("--postgres-bin must name"), "{said}");

    let other = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(other.path().join("postgres/data")).unwrap();
    std::fs::write(other.path().join("postgres/data/PG_VERSION"), "9\n").unwrap();
    let said = refusal(&mut serve(other.path()));
    assert!(said.contains("made by PostgreSQL 9") && said.contains("not touched"), "{said}");
}

#[test]
fn a_throw_away_cluster_is_gone_when_whoever_asked_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str| -> (Child, PathBuf, Option<ChildStdin>) {
        let data = folder.path().join(name);
        let mut command = program();
        command.args(["postgres", "--throw-away", "--data"]).arg(&data).stdin(Stdio::piped());
        let (mut child, ready) = start(&mut command);
        assert!(ready["database_url"].as_str().unwrap().starts_with("postgres://"));
        let input = child.stdin.take();
        (child, data, input)
    };
    let (mut child, data, input) = run("closed");
    drop(input);
    assert_eq!(end_of(&mut child), Some(0));
    until("the folder stays", || !data.exists());
    let (mut child, data, _input) = run("killed");
    signal(&child, Signal::SIGKILL);
    end_of(&mut child);
    until("the folder stays after a kill", || !data.exists());
}
