//! `cargo xtask campaign`: builds a campaign of the tests crate and runs it. What it does and what its goals are, stands there; here
//! stands that a sabotage is compiled in only when it is asked for, and into nothing but the campaign.

use crate::workspace::{Workspace, run as run_to_end};
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
}

/// The program knows its own options; `--help` lists them.
#[derive(Debug, Clone, clap::Args)]
struct Passed {
    #[arg(value_name = "OPTION", trailing_var_arg = true, allow_hyphen_values = true)]
    options: Vec<String>,
}

/// Boards of the campaign that stands among the tests: each of its two runs has so many.
const SEEDS_AMONG_TESTS: &str = "60";

/// What asks for a build with sabotages.
const SPOILS: [&str; 2] = ["--sabotage", "--prove"];

/// # Errors
/// When it does not build, fails, or misses a goal.
pub fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let Campaign::Wire(passed) = &options.campaign;
    let spoils = passed.options.iter().any(|option| {
        let name = option.split('=').next().unwrap_or_default();
        SPOILS.contains(&name)
    });
    let mut campaign = wire(workspace, if spoils { Build::WithSabotages } else { Build::AsUsed });
    // Thousands of boards are worth an optimised build.
    campaign.args(["--profile", "campaign", "--"]);
    run_to_end(campaign.args(&passed.options))
}

/// A small campaign, and that it bites: every sabotage must be found.
///
/// # Errors
/// When a goal is missed or a sabotage is not found.
pub fn prove(workspace: &Workspace) -> Result<()> {
    run_to_end(wire(workspace, Build::AsUsed).args(["--", "--seeds", SEEDS_AMONG_TESTS]))?;
    run_to_end(wire(workspace, Build::WithSabotages).args(["--", "--prove"]))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Build {
    /// The station as it is built for use.
    AsUsed,
    WithSabotages,
}

fn wire(workspace: &Workspace, build: Build) -> Command {
    let mut campaign = workspace.cargo();
    campaign.args(["run", "--quiet", "--package", "jigline-tests", "--bin", "wire_campaign"]);
    if build == Build::WithSabotages {
        campaign.args(["--features", "sabotage"]);
    }
    campaign
}
