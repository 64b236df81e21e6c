//! `campaign`: thousands of cases in virtual time, and the real programs in a storm, judged by the witness. `cargo xtask campaign
//! wire|station|factory` builds and runs it.

use clap::Parser as _;
use jigline_tests::{campaign, report::Report, shift, storm};
use std::{
    io::{self, Write as _},
    process::ExitCode,
};

#[derive(Debug, clap::Parser)]
#[command(name = "campaign", about = "Boards and stations in trouble, judged by what the boards hold")]
struct Cli {
    #[command(subcommand)]
    campaign: Campaign,
}

#[derive(Debug, clap::Subcommand)]
enum Campaign {
    /// Boards on disturbed lines.
    Wire(campaign::Options),
    /// Stations that die, lose their server and their fixture, with boards that are swapped, pulled and power-cut.
    Station(shift::Options),
    /// The real programs in real time, killed and held while they work.
    Factory(storm::Options),
}

fn main() -> ExitCode {
    let report = match &Cli::parse().campaign {
        Campaign::Wire(options) if options.prove => prove_wire(options.seed),
        Campaign::Wire(options) => campaign::run(options),
        Campaign::Station(options) if options.prove => prove_station(options.seed),
        Campaign::Station(options) => shift::run(options),
        Campaign::Factory(options) => storm::run(options),
    };
    match report.and_then(|report| Ok(report.tell()?)) {
        Ok(code) => code,
        Err(error) => {
            let _nobody_reads = writeln!(io::stderr(), "campaign: {error:#}");
            ExitCode::from(2)
        }
    }
}

#[cfg(feature = "sabotage")]
fn prove_wire(seed: u64) -> anyhow::Result<Report> {
    campaign::prove(seed)
}

#[cfg(feature = "sabotage")]
fn prove_station(seed: u64) -> anyhow::Result<Report> {
    shift::prove(seed)
}

#[cfg(not(feature = "sabotage"))]
fn prove_wire(_: u64) -> anyhow::Result<Report> {
    anyhow::bail!("no sabotage is in this program; `cargo xtask campaign wire --prove` builds one with them")
}

#[cfg(not(feature = "sabotage"))]
fn prove_station(_: u64) -> anyhow::Result<Report> {
    anyhow::bail!(
        "no sabotage is in this program; `cargo xtask campaign station --prove` builds one with them"
    )
}
