//! `cargo xtask bench wire`: how near the station comes to what the wire allows. Ends with one line of JSON, and with failure where a
//! goal is missed.

use anyhow::Result;
use clap::Parser;
use jigline_tests::bench::{
    figures::Figures,
    models::MODELS,
    wire::{BAUD, Choice, in_virtual_time, on_pseudo_terminals},
};
use std::{collections::BTreeMap, process::ExitCode};

/// Takes a minute and a quarter at 9600 baud.
const SIZE: u32 = 64 * 1024;
/// With `--quick`, on the pseudo terminals.
const QUICK_SIZE: u32 = 8 * 1024;

/// Measures an image, a profile and an identity against the wire floor: bytes at ten bits, both ways, t3.5 for each Modbus frame, the
/// named delays of two frozen loaders. A profile of a device whose own papers ask for quiet between exchanges is judged against the
/// floor with that quiet; its ratio to the bare floor is shown beside.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask bench wire")]
struct Options {
    /// Bytes of the image. The goals are set for 65536: in a shorter one the loader's dialogue weighs more.
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
    for files in MODELS {
        if let Some(quiet) = files.quiet {
            let (model, ms) = (files.model, quiet.between.as_millis());
            say(format!(
                "{model}: {ms} ms of quiet between exchanges are part of its floor ({})",
                quiet.source
            ));
        }
    }
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
        "parameters": parameters()?,
        "named_quiet_ms": MODELS
            .iter()
            .filter_map(|files| Some((files.model, files.quiet?.between.as_millis() as u64)))
            .collect::<BTreeMap<_, _>>(),
        "pty_baud": (!options.skip_pty).then_some(options.pty_baud),
        "figures": figures.iter().collect::<BTreeMap<_, _>>(),
        "beside": figures.shown_beside().collect::<BTreeMap<_, _>>(),
    }));
    Ok(figures.all_met())
}

/// How many parameters each whole profile has.
fn parameters() -> Result<BTreeMap<&'static str, usize>> {
    MODELS.iter().map(|files| Ok((files.model, files.read(BAUD)?.profile.values.len()))).collect()
}

fn show(figures: &Figures) {
    for (name, figure) in figures.iter() {
        let verdict = if figure.met { "met" } else { "MISSED" };
        say(format!("{name:<32} {:>10.4}  at most {:>6}  {verdict}", figure.value, figure.goal));
    }
    for (name, value) in figures.shown_beside() {
        say(format!("{name:<32} {value:>10.4}  beside, no goal"));
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
