//! `wire_campaign`: see `jigline_tests::campaign`. `cargo xtask campaign wire` builds and runs it.

use clap::Parser as _;
use jigline_tests::campaign::{self, Options};
use std::{
    io::{self, Write as _},
    process::ExitCode,
};

#[derive(Debug, clap::Parser)]
#[command(name = "wire_campaign", about = "Boards on disturbed lines, judged by what they hold")]
struct Cli {
    #[command(flatten)]
    options: Options,
}

fn main() -> ExitCode {
    match tell(&Cli::parse().options) {
        Ok(code) => code,
        Err(error) => {
            let _nobody_reads = writeln!(io::stderr(), "wire_campaign: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Lines for a person on the standard error, the one line of JSON on the standard output.
fn tell(options: &Options) -> anyhow::Result<ExitCode> {
    if options.prove {
        return prove(options);
    }
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

#[cfg(feature = "sabotage")]
fn prove(options: &Options) -> anyhow::Result<ExitCode> {
    let proof = campaign::prove(options.seed)?;
    let mut error = io::stderr().lock();
    for line in &proof.lines {
        writeln!(error, "{line}")?;
    }
    let met = proof.toothless.is_empty();
    let figure = serde_json::json!({ "value": proof.toothless.len(), "goal": 0, "met": met });
    let json = serde_json::json!({
        "campaign": "wire",
        "seed": options.seed,
        "tried": proof.lines.len(),
        "toothless": proof.toothless,
        "figures": { "sabotages_not_found": figure },
    });
    writeln!(io::stdout(), "{json}")?;
    Ok(if met { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(not(feature = "sabotage"))]
fn prove(_: &Options) -> anyhow::Result<ExitCode> {
    anyhow::bail!("no sabotage is in this program; `cargo xtask campaign wire --prove` builds one with them")
}
