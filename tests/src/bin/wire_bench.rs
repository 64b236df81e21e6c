//! `cargo xtask bench wire`: how near the station comes to what the wire allows. Ends with one line of JSON, and with failure where a
//! goal is missed.

use anyhow::Result;
use clap::Parser;
use jigline_tests::bench::{
    figures::Figures,
    wire::{BAUD, Choice, in_virtual_time, on_pseudo_terminals},
};
use std::process::ExitCode;

/// Images at 9600 baud that take this many bytes take a minute and a quarter.
const SIZE: u32 = 64 * 1024;
/// With `--quick`, on the pseudo terminals.
const QUICK_SIZE: u32 = 8 * 1024;

/// Measures an image, a profile and an identity against the wire floor.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask bench wire")]
struct Options {
    /// Bytes of the image.
    #[arg(long, default_value_t = SIZE)]
    size: u32,
    /// Chooses the image and the boards.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Virtual time only.
    #[arg(long)]
    skip_pty: bool,
    /// An image of 8 KiB on the pseudo terminals: ten seconds in place of a minute and a quarter.
    #[arg(long)]
    quick: bool,
    /// Rate of the pseudo terminals, bits per second. The virtual figures that have a floor stay at 9600.
    #[arg(long, default_value_t = BAUD)]
    pty_baud: u32,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(fault) => {
            say(format!("error: {fault:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<bool> {
    let choice = Choice { size: options.size, seed: options.seed };
    let mut figures = in_virtual_time(choice)?;
    show(&figures);
    if !options.skip_pty {
        let size = if options.quick { QUICK_SIZE.min(options.size) } else { options.size };
        say(format!("on pseudo terminals at {} baud, an image of {size} bytes", options.pty_baud));
        let real = on_pseudo_terminals(Choice { size, ..choice }, options.pty_baud)?;
        show(&real);
        figures.extend(real);
    }
    tell(&serde_json::json!({
        "bench": "wire",
        "size": options.size,
        "seed": options.seed,
        "baud": BAUD,
        "pty_baud": (!options.skip_pty).then_some(options.pty_baud),
        "figures": figures,
    }));
    Ok(figures.all_met())
}

fn show(figures: &Figures) {
    for (name, figure) in figures.iter() {
        let verdict = if figure.met { "met" } else { "MISSED" };
        say(format!("{name:<32} {:>10.4}  at most {:>6}  {verdict}", figure.value, figure.goal));
    }
}

#[expect(clippy::print_stderr, reason = "a command line tool talks to its terminal")]
fn say(text: impl AsRef<str>) {
    eprintln!("{}", text.as_ref());
}

#[expect(clippy::print_stdout, reason = "a bench's result")]
fn tell(result: &serde_json::Value) {
    println!("{result}");
}
