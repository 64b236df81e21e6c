//! `cargo xtask bench`: builds a bench program of the tests crate and runs it. What it measures and what its goals are, stands there.

use crate::{
    ui,
    workspace::{Workspace, run as run_to_end},
};
use anyhow::Result;

#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Bench {
    /// How near the station comes to what the wire allows, in virtual time and on pseudo terminals.
    #[command(disable_help_flag = true)]
    Wire(Passed),
    /// The operator's page in a real browser: verdicts and frames.
    #[command(disable_help_flag = true)]
    Page(Passed),
    /// A shift of three hundred boards at eight slots with one pair of hands, in virtual time.
    #[command(disable_help_flag = true)]
    Shift(Passed),
    /// All slots of a station at once, in real time, and a backlog of runs.
    #[command(disable_help_flag = true)]
    Station(Passed),
}

/// The program knows its own options; `--help` lists them.
#[derive(Debug, Clone, clap::Args)]
struct Passed {
    #[arg(value_name = "OPTION", trailing_var_arg = true, allow_hyphen_values = true)]
    options: Vec<String>,
}

/// # Errors
/// When it does not build, fails, or misses a goal.
pub fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let (program, profile, passed) = match &options.bench {
        Bench::Wire(passed) => ("wire_bench", "dev", passed),
        Bench::Page(passed) => {
            ui::build(workspace, &ui::Options::default())?;
            ("page_bench", "release", passed)
        }
        // Its time is virtual; ours is not.
        Bench::Shift(passed) => ("shift_bench", "release", passed),
        // What is measured is what is used: it builds the programs in its own profile.
        Bench::Station(passed) => ("station_bench", "release", passed),
    };
    let mut bench = workspace.cargo();
    bench.args(["run", "--quiet", "--package", "jigline-tests", "--bin", program, "--profile", profile]);
    if program == "page_bench" {
        bench.args(["--features", "embed-ui"]);
    }
    bench.arg("--");
    run_to_end(bench.args(&passed.options))
}
