//! `cargo xtask bench shift`: a scripted shift of one jig in virtual time. Ends with one line of JSON, and with failure where a goal is missed.

use anyhow::{Context as _, Result};
use clap::Parser;
use jigline_tests::bench::shift::{Choice, measure};
use std::{process::ExitCode, time::Duration};

/// Works a shift in virtual time: one pair of hands for all slots, some boards bad, a label for every unit from a printer that
/// jams, a change-over, the server away for an hour. At
/// least 95 in 100 of what start-on-load arithmetic allows must be made - slots over a board's time and its handling, or the hands alone, whichever is less -
/// and nothing lost.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask bench shift")]
struct Options {
    /// Boards of the shift.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(8..=5000))]
    boards: u32,
    /// Slots of the jig, 1 to 32.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=32))]
    slots: u16,
    /// Bad boards of a hundred.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=50))]
    bad: u32,
    /// Bytes of the image.
    #[arg(long, default_value_t = 64 * 1024)]
    size: u32,
    /// Seconds that the hands need for a board: its label, taking it out, and the next one in its place.
    #[arg(long, default_value_t = 6)]
    hands: u64,
    /// Minutes that the server is away.
    #[arg(long, default_value_t = 60)]
    away: u64,
    /// Minutes that the printer is jammed.
    #[arg(long, default_value_t = 10)]
    jammed: u64,
    /// Chooses the boards.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> Result<ExitCode> {
    let Options { boards, slots, bad, size, hands, away, jammed, seed } = Options::parse();
    let disk = tempfile::tempdir().context("no folder for the station")?;
    let choice = Choice {
        slots,
        boards,
        bad_of_hundred: bad,
        size,
        hands: Duration::from_secs(hands),
        away: Duration::from_secs(away * 60),
        jammed: Duration::from_secs(jammed * 60),
        seed,
    };
    let figures = measure(choice, disk.path(), say)?;
    let options = serde_json::json!({
        "bench": "shift", "boards": boards, "slots": slots, "bad": bad, "size": size, "hands": hands, "away": away,
        "jammed": jammed, "seed": seed,
    });
    Ok(figures.report(options).tell()?)
}

#[expect(clippy::print_stderr, reason = "a command line tool talks to its terminal")]
fn say(text: impl AsRef<str>) {
    eprintln!("{}", text.as_ref());
}
