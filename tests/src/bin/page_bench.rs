//! `cargo xtask bench page`: the operator's page in a real browser. Ends with one line of JSON, and with failure where a goal is missed.

use anyhow::Result;
use clap::Parser;
use jigline_tests::bench::page::{Choice, measure};
use std::process::ExitCode;

/// Works boards in all slots in real time, with the operator's page open in a headless Chromium: a verdict must stand on the screen within 100 ms
/// of its record's commit, and no frame may take longer than 50 ms. Keep the machine free of other work: what it does beside is measured too.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask bench page")]
struct Options {
    /// Slots that work at once, 1 to 32.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=32))]
    slots: u16,
    /// How long it is looked at.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Chooses the boards.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode> {
    let Options { slots, seconds, seed } = Options::parse();
    let figures = measure(Choice { slots, seconds, seed }, say).await?;
    let options = serde_json::json!({ "bench": "page", "slots": slots, "seconds": seconds, "seed": seed });
    Ok(figures.report(options).tell()?)
}

#[expect(clippy::print_stderr, reason = "a command line tool talks to its terminal")]
fn say(text: impl AsRef<str>) {
    eprintln!("{}", text.as_ref());
}
