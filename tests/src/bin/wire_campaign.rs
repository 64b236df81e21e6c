//! `wire-campaign`: see `jigline_tests::campaign`. `cargo xtask campaign wire` builds and runs it.

use clap::Parser as _;
use jigline_tests::campaign::{self, Options};
use std::{
    io::{self, Write as _},
    process::ExitCode,
};

#[derive(Debug, clap::Parser)]
#[command(name = "wire-campaign", about = "Boards on disturbed lines, judged by what they hold")]
struct Cli {
    #[command(flatten)]
    options: Options,
}

fn main() -> ExitCode {
    match tell(&Cli::parse().options) {
        Ok(code) => code,
        Err(error) => {
            let _nobody_reads = writeln!(io::stderr(), "wire-campaign: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Lines for a person on the standard error, the one line of JSON on the standard output.
fn tell(options: &Options) -> anyhow::Result<ExitCode> {
    let report = campaign::run(options)?;
    let mut error = io::stderr().lock();
    for line in &report.lines {
        writeln!(error, "{line}")?;
    }
    if !report.missed.is_empty() {
        writeln!(error, "missed: {}", report.missed.join(", "))?;
    }
    writeln!(io::stdout(), "{}", report.json)?;
    Ok(if report.missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
