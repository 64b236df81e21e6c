//! The factory campaign: the real programs, a real PostgreSQL and ptys in real time. Station and server are killed (SIGKILL) and held
//! (SIGSTOP) again and again while boards are worked; then it is calm, and what the boards are is held against what the database says.
//!
//! What lives here: the storm and its judgement. What never does: anything that the programs could lean on.

mod judge;

use crate::{
    demo::workspace_root,
    factory::{Floor, Plan, Server, Shift},
    report::{Figures, Report, hundredths},
};
use anyhow::{Context as _, Result};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use serde_json::json;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Of a board, with its image of 8 KiB at 115200 baud and the hands before and behind it; storms make it longer.
const A_BOARD: u64 = 9;
/// One board in this many is bad.
const BAD_ONE_IN: u32 = 10;
/// When it is calm again, what is under work and what was sent twice comes to its end within this.
const CALM_WITHIN: Duration = Duration::from_secs(180);
const BAUD: u32 = 115_200;

/// How long and how wild.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// How long it storms, in seconds.
    #[arg(long, default_value_t = 300)]
    pub seconds: u64,
    /// Draws what is hit, and when.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Slots of the one station.
    #[arg(long, default_value_t = 8)]
    pub slots: u16,
}

/// What was done to the programs.
#[derive(Debug, Default)]
struct Blows {
    station_killed: u64,
    server_killed: u64,
    held: u64,
}

/// Runs it.
///
/// # Errors
/// The campaign itself cannot work, or it does not get calm again.
pub fn run(options: &Options) -> Result<Report> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime")?;
    runtime.block_on(storm(options))
}

async fn storm(options: &Options) -> Result<Report> {
    let folder = tempfile::tempdir().context("no folder")?;
    let mut server = Server::start(folder.path(), &workspace_root().join("profiles")).await?;
    let boards =
        u32::try_from(u64::from(options.slots) * options.seconds / A_BOARD)?.max(options.slots.into());
    let plan = Plan { slots: options.slots, boards, faulty: boards / BAD_ONE_IN, baud: BAUD };
    let floor = Floor::prepare(&server, folder.path(), plan).await?;
    let mut shift = floor.start_station(&server.base_url)?;
    let mut chance = StdRng::seed_from_u64(options.seed);
    let (begun, mut blows) = (Instant::now(), Blows::default());
    while begun.elapsed() < Duration::from_secs(options.seconds) && !floor.is_empty() {
        let pause = Duration::from_millis(chance.random_range(2_000..9_000));
        let until = Instant::now() + pause;
        shift.until("the next blow", pause * 2, |_| Instant::now() >= until).await?;
        strike(&mut server, &floor, &mut shift, &mut chance, &mut blows).await?;
    }
    let stormed = begun.elapsed();
    shift.until("every board is out", CALM_WITHIN, |_| floor.is_empty()).await?;
    shift.until("every record is sent", CALM_WITHIN, |shift| shift.unsent == 0).await?;
    let seen = judge::Seen::gather(&server, &floor, folder.path()).await?;
    Ok(report(options, stormed, &blows, &judge::judge(&seen)))
}

/// One blow, and what it hit is up again.
async fn strike(
    server: &mut Server,
    floor: &Floor,
    shift: &mut Shift,
    chance: &mut StdRng,
    blows: &mut Blows,
) -> Result<()> {
    let for_a_while = Duration::from_millis(chance.random_range(0..4_000));
    match chance.random_range(0..8) {
        0..=3 => {
            shift.station.signal("KILL");
            shift.station.ended(Duration::from_secs(10))?;
            sleep(for_a_while).await;
            *shift = floor.start_station(&server.base_url)?;
            blows.station_killed += 1;
        }
        4 | 5 => {
            server.kill()?;
            sleep(for_a_while).await;
            server.come_back().await?;
            blows.server_killed += 1;
        }
        held => {
            let program = if held == 6 { &server.program } else { &shift.station };
            program.signal("STOP");
            sleep(for_a_while).await;
            program.signal("CONT");
            blows.held += 1;
        }
    }
    Ok(())
}

fn report(options: &Options, stormed: Duration, blows: &Blows, verdict: &judge::Verdict) -> Report {
    let mut figures = Figures::default();
    let mut lines = Vec::new();
    for (name, found) in &verdict.findings {
        figures.put(name, found.len(), 0, found.is_empty());
        lines.extend(found.iter().take(12).map(|what| format!("{name}: {what}")));
    }
    // A storm that hit nobody proves nothing.
    let hit = blows.station_killed > 0 && blows.server_killed > 0;
    if options.seconds >= 60 {
        figures.put("kills", blows.station_killed + blows.server_killed, 2, hit);
    }
    let json = json!({
        "campaign": "factory",
        "seed": options.seed,
        "stormed_s": hundredths(stormed.as_secs_f64()),
        "station_killed": blows.station_killed,
        "server_killed": blows.server_killed,
        "held": blows.held,
        "boards": verdict.boards,
        "sound": verdict.sound,
        "passed": verdict.passed,
        "records": verdict.records,
        "figures": figures.json,
    });
    Report { json, lines, missed: figures.missed }
}
