//! `cargo xtask test`: every test, with what they need installed and started first.

use crate::campaign;
use crate::demo;
use crate::install;
use crate::postgres;
use crate::process::{Running, Stop, Stopped};
use crate::say;
use crate::workspace::{Workspace, run as run_to_end};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A tool that tests start, and Debian's package that brings it.
const TOOLS: [(&str, &str); 8] = [
    ("chromium", "chromium"),
    ("chromedriver", "chromium-driver"),
    ("dbus-daemon", "dbus"),
    ("rb", "lrzsz"),
    ("sb", "lrzsz"),
    ("zbarimg", "zbar-tools"),
    ("psql", "postgresql-client"),
    ("pg_dump", "postgresql-client"),
];

/// initdb and the first start.
const DATABASE_READY_WITHIN: Duration = Duration::from_secs(60);

/// The server is built as the demo has it, so that the browser finds the page in it.
const FEATURES: [&str; 2] = ["--features", "jigline-server/embed-ui,jigline-station/embed-ui"];

#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Run only tests whose name contains one of these, and neither doc tests, the campaigns nor the rough demo.
    #[arg(value_name = "NAME")]
    only: Vec<String>,
    /// Boards of the rough demo.
    #[arg(long, default_value_t = 24)]
    boards: u32,
}

/// # Errors
/// When something is missing and cannot be installed, or any test fails.
pub fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let stop = Stop::on_signals()?;
    let tools_at = say::stage("tools", || tools(workspace))?;
    demo::build(workspace)?;
    // One failure hides no other: every stage has its turn.
    let mut outcomes =
        vec![say::stage("tests", || unit_and_cross_tests(workspace, options, &stop, &tools_at))];
    if options.only.is_empty() && !stop.asked() {
        outcomes.push(say::stage("doc tests", || {
            let mut doc = workspace.cargo();
            run_to_end(doc.args(["test", "--quiet", "--doc", "--workspace"]).args(FEATURES))
        }));
        outcomes.push(say::stage("the campaigns", || campaign::prove(workspace)));
        outcomes.push(say::stage("the rough demo", || rough_demo(workspace, options)));
    }
    if stop.asked() {
        return Err(Stopped.into());
    }
    let faults: Vec<String> =
        outcomes.into_iter().filter_map(Result::err).map(|fault| format!("{fault:#}")).collect();
    if !faults.is_empty() {
        bail!("{}", faults.join("; "));
    }
    say::result("every test passed");
    Ok(())
}

/// Where the tests find what they start.
struct ToolsAt {
    postgres: PathBuf,
    python: PathBuf,
}

/// Everything that is missing is found first, so that one line names all of it.
fn tools(workspace: &Workspace) -> Result<ToolsAt> {
    let unpacked = workspace.target.join("postgres");
    let mut packages = missing(workspace, postgres::find(workspace, Some(&unpacked)).as_deref());
    if !install::has_python(workspace) {
        packages.extend(["python3", "python3-venv"]);
    }
    if !packages.is_empty() {
        install::apt(workspace, &packages)?;
    }
    let postgres = postgres::find_or_install(workspace, &unpacked)?;
    let still = missing(workspace, Some(&postgres));
    if !still.is_empty() {
        bail!("{} was installed, and what it brings is still not on PATH", still.join(", "));
    }
    Ok(ToolsAt { postgres, python: install::python(workspace)? })
}

/// Debian's packages of what is nowhere here. PostgreSQL comes as a wheel where packages can't be installed and Python is
/// there.
fn missing(workspace: &Workspace, postgres: Option<&Path>) -> Vec<&'static str> {
    let by_wheel = !install::can_apt(workspace) && workspace.tool("python3").is_some();
    let mut packages = match postgres {
        None if !by_wheel => vec!["postgresql"],
        _ => Vec::new(),
    };
    let beside = |tool: &str| postgres.is_some_and(|bin| bin.join(tool).is_file());
    packages.extend(
        TOOLS
            .iter()
            .filter(|(tool, _)| workspace.tool(tool).is_none() && !beside(tool))
            .map(|(_, package)| *package),
    );
    if !install::has_chinese_font() {
        packages.push(install::CHINESE_FONT);
    }
    if !install::has_dbusmock() {
        packages.push(install::DBUSMOCK);
    }
    packages.dedup();
    packages
}

/// One cluster for all tests that ask for one: each makes databases of its own in it.
fn start_database(workspace: &Workspace, place: &Path, postgres_bin: &Path) -> Result<Running> {
    let mut postgres = Command::new(workspace.program("jigline-server"));
    postgres.current_dir(&workspace.root).env_remove("DATABASE_URL");
    postgres.arg("postgres").arg("--data").arg(place.join("database")).arg("--throw-away");
    postgres.arg("--postgres-bin").arg(postgres_bin);
    Running::start("postgres", postgres, place)
}

fn unit_and_cross_tests(workspace: &Workspace, options: &Options, stop: &Stop, at: &ToolsAt) -> Result<()> {
    let place = tempfile::Builder::new().prefix("jigline-test-").tempdir()?;
    let mut database = start_database(workspace, place.path(), &at.postgres)?;
    let said = database.ready(DATABASE_READY_WITHIN, stop)?;
    let url = said.get("database_url").and_then(serde_json::Value::as_str);
    let url = url.context("the throw-away PostgreSQL did not say where it is")?;
    let nextest = workspace.tool("cargo-nextest").is_some();
    let mut tests = workspace.cargo();
    tests.args(if nextest { &["nextest", "run"][..] } else { &["test", "--lib", "--bins", "--tests"][..] });
    tests.arg("--workspace").args(FEATURES);
    if !nextest {
        // One failure hides no other, as with nextest.
        tests.arg("--no-fail-fast");
        // It knows no groups: tests in real time would fight for the machine.
        tests.env("RUST_TEST_THREADS", "1");
    }
    tests.args(&options.only).env("JIGLINE_TEST_DATABASE_URL", url);
    tests.env("PATH", workspace.path_after(&[&at.python, &at.postgres])?);
    run_to_end(&mut tests)
}

fn rough_demo(workspace: &Workspace, options: &Options) -> Result<()> {
    let place = tempfile::Builder::new().prefix("jigline-rough-").tempdir()?;
    let demo = demo::Options {
        once: true,
        rough: true,
        faulty: options.boards.min(7),
        slots: 8,
        boards: options.boards,
        baud: 115_200,
        port: 0,
        operator_port: None,
        data: place.path().join("demo"),
        resume: false,
        seed: 1,
    };
    let outcome = demo::run(workspace, &demo);
    if outcome.is_err() {
        // What is left of it is the evidence.
        say::line(format!("   kept for a look: {}", place.keep().display()));
    }
    outcome
}
