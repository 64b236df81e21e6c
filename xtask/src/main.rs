//! `cargo xtask`: starts things. It builds and spawns the programs and talks HTTP to them; it uses no crate of ours,
//! so that it stays right when they are wrong. The environment is read here and nowhere else.

mod bench;
mod campaign;
mod demo;
mod install;
mod postgres;
mod process;
mod say;
mod sqlx_prepare;
mod test;
mod tidy;
mod ui;
mod windows;
mod workspace;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::process::ExitCode;
use workspace::{Surroundings, Workspace};

/// Runs, proves and packs Jigline.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Options {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Runs the factory on this machine: server, station and a jig of simulated boards. At the jig's page sign in with the badge
    /// DEMO-OPERATOR (or 101 and 482915), as lead with DEMO-LEAD (or 102 and 730164).
    Demo(demo::Options),
    /// Runs every test, and installs what it can of what they need.
    Test(test::Options),
    /// Measures against goals; fails where one is missed.
    Bench(bench::Options),
    /// Works thousands of boards under faults and judges them; fails where a goal is missed.
    Campaign(campaign::Options),
    /// Builds the pages to WebAssembly: the office's and the operator's, into frontend/dist.
    Ui(ui::Options),
    /// Checks the layout: arrows between crates, where SQL, ports and the environment may stand, file lengths.
    Tidy,
    /// Cross-checks the station for Windows.
    CheckWindows,
    /// Writes the checked queries to .sqlx/, from a throw-away PostgreSQL and migrations/.
    SqlxPrepare(sqlx_prepare::Options),
}

fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            say::fault(&fault);
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    let workspace = Workspace::find(Surroundings {
        cargo: std::env::var_os("CARGO"),
        path: std::env::var_os("PATH"),
        postgres_bin: std::env::var_os("JIGLINE_POSTGRES_BIN"),
    })?;
    match &options.task {
        Task::Demo(options) => demo::run(&workspace, options),
        Task::Test(options) => test::run(&workspace, options),
        Task::Bench(options) => bench::run(&workspace, options),
        Task::Campaign(options) => campaign::run(&workspace, options),
        Task::Ui(options) => ui::build(&workspace, options),
        Task::Tidy => tidy::check(&workspace),
        Task::CheckWindows => windows::check(&workspace),
        Task::SqlxPrepare(options) => sqlx_prepare::prepare(&workspace, options),
    }
}
