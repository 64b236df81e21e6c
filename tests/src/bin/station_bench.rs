//! `cargo xtask bench station`: many slots at once against one alone, what the station needs of the machine, and how fast a backlog goes.
//! Ends with one line of JSON, and with failure where a goal is missed.

use anyhow::Result;
use clap::Parser;
use jigline_tests::bench::{
    figures::Figures,
    station::{BAUD, Choice, measure},
};
use std::{collections::BTreeMap, process::ExitCode};

/// Works boards in real time: the station alone in its process, the boards on pseudo terminals in another, a server with its PostgreSQL,
/// and pages that show the line. Each slot may stay two per cent behind what one slot alone reaches of its wire; the station may take a
/// tenth of one core and 100 MiB. Then runs that waited for a server that was away, beside a plain insert of the same rows. Keep the
/// machine free of other work: what it does beside is measured too.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask bench station")]
struct Options {
    /// Slots that work at once, 1 to 32.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=32))]
    slots: u16,
    /// Bytes of the image. With 65536 the bench takes five minutes once it is built, with 24576 half of that.
    #[arg(long, default_value_t = 64 * 1024)]
    size: u32,
    /// Rate of the lines, bits per second. The goals are set for 9600.
    #[arg(long, default_value_t = BAUD)]
    baud: u32,
    /// Runs that wait while the server is away.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=1000))]
    backlog: u32,
    /// Pages that are open.
    #[arg(long, default_value_t = 4)]
    pages: u32,
    /// Chooses the boards.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Options::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(fault) => {
            say(format!("error: {fault:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Result<bool> {
    let Options { slots, size, baud, backlog, pages, seed } = *options;
    let figures = measure(Choice { slots, size, baud, backlog, pages, seed }, say).await?;
    show(&figures);
    tell(&serde_json::json!({
        "bench": "station",
        "slots": slots,
        "size": size,
        "baud": baud,
        "backlog": backlog,
        "pages": pages,
        "seed": seed,
        "figures": figures.iter().collect::<BTreeMap<_, _>>(),
        "beside": figures.shown_beside().collect::<BTreeMap<_, _>>(),
    }));
    Ok(figures.all_met())
}

fn show(figures: &Figures) {
    for (name, figure) in figures.iter() {
        let verdict = if figure.met { "met" } else { "MISSED" };
        say(format!("{name:<34} {:>10.4}  at most {:>6}  {verdict}", figure.value, figure.goal));
    }
    for (name, value) in figures.shown_beside() {
        say(format!("{name:<34} {value:>10.4}  beside, no goal"));
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
