//! `cargo xtask campaign`: builds a campaign of the tests crate and runs it. What it does and what its goals are, stands there; here
//! stands that a sabotage is compiled in only when it is asked for, and into nothing but the campaign.

use crate::{
    postgres,
    workspace::{Workspace, run as run_to_end},
};
use anyhow::Result;
use std::process::Command;

#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    #[command(subcommand)]
    campaign: Campaign,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Campaign {
    /// Thousands of boards on disturbed lines, in virtual time, judged by what they hold.
    #[command(disable_help_flag = true)]
    Wire(Passed),
    /// Thousands of shifts in virtual time: stations that die, lose their server, fixture and disk, with boards that are swapped.
    #[command(disable_help_flag = true)]
    Station(Passed),
    /// The real programs with a real PostgreSQL on ptys, killed and held for five minutes while they work.
    #[command(disable_help_flag = true)]
    Factory(Passed),
}

/// The program knows its own options; `--help` lists them.
#[derive(Debug, Clone, clap::Args)]
struct Passed {
    #[arg(value_name = "OPTION", trailing_var_arg = true, allow_hyphen_values = true)]
    options: Vec<String>,
}

/// The campaigns that stand among the tests, and how many seeds each of them works there.
const AMONG_TESTS: [(&str, &str); 2] = [("wire", "60"), ("station", "20")];

/// What asks for a build with sabotages.
const SPOILS: [&str; 2] = ["--sabotage", "--prove"];

/// # Errors
/// When it does not build, fails, or misses a goal.
pub fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let (name, passed) = match &options.campaign {
        Campaign::Wire(passed) => ("wire", passed),
        Campaign::Station(passed) => ("station", passed),
        Campaign::Factory(passed) => return factory(workspace, passed),
    };
    let spoils = passed.options.iter().any(|option| {
        let name = option.split('=').next().unwrap_or_default();
        SPOILS.contains(&name)
    });
    let mut program = program(workspace, if spoils { Build::WithSabotages } else { Build::AsUsed });
    // Thousands of boards are worth an optimised build.
    program.args(["--profile", "campaign", "--", name]);
    run_to_end(program.args(&passed.options))
}

/// In real time: what is worked on is what is used, and it needs a database.
fn factory(workspace: &Workspace, passed: &Passed) -> Result<()> {
    let postgres = postgres::find_or_install(workspace, &workspace.target.join("postgres"))?;
    let mut program = program(workspace, Build::AsUsed);
    program.args(["--", "factory"]).env("PATH", workspace.path_after(&[&postgres])?);
    run_to_end(program.args(&passed.options))
}

/// Small campaigns, and that they bite: every sabotage must be found.
///
/// # Errors
/// When a goal is missed or a sabotage is not found.
pub fn prove(workspace: &Workspace) -> Result<()> {
    for (name, seeds) in AMONG_TESTS {
        run_to_end(program(workspace, Build::AsUsed).args(["--", name, "--seeds", seeds]))?;
    }
    for (name, _) in AMONG_TESTS {
        run_to_end(program(workspace, Build::WithSabotages).args(["--", name, "--prove"]))?;
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Build {
    /// The station as it is built for use.
    AsUsed,
    WithSabotages,
}

fn program(workspace: &Workspace, build: Build) -> Command {
    let mut program = workspace.cargo();
    program.args(["run", "--quiet", "--package", "jigline-tests", "--bin", "campaign"]);
    if build == Build::WithSabotages {
        program.args(["--features", "sabotage"]);
    }
    program
}
