//! The station bench, in real time: `jigline-station` alone in its process, the boards on pseudo terminals in another, a server with its
//! PostgreSQL, pages open. First one slot alone, then all of them; then a backlog. What is measured is what the programs say of themselves
//! to others: records at the server, and `/proc`.

mod backlog;
mod line;
mod pages;
mod process;

use super::figures::Figures;
use crate::{
    demo::workspace_root,
    factory::{self, Server, Shift, text},
};
use anyhow::{Context as _, Result, ensure};
use domain::record::BirthRecord;
use line::{Line, Pile, Reached, passes, reached};
use pages::Pages;
use reqwest::Method;
use serde_json::json;
use std::{
    collections::BTreeSet,
    path::Path,
    time::{Duration, Instant},
};

/// The rate at which the goals hold, bits per second.
pub const BAUD: u32 = 9600;
/// Most by which a slot among many may stay behind what one alone reaches, per cent.
const BEHIND_GOAL_PERCENT: f64 = 2.0;
/// Most of one core, per cent.
const CPU_GOAL_PERCENT: f64 = 10.0;
const MEMORY_GOAL_MIB: f64 = 100.0;
/// Boards of the slot that is alone, one after the other: the best of them is what it reaches.
const BOARDS_ALONE: u32 = 2;
/// Numbers of boards of the jig with one slot: far from those of the other.
const FIRST_BOARD_ALONE: u32 = 5000;
/// What a run takes beside its image, at most.
const RUN_WITHIN: Duration = Duration::from_secs(180);

/// What may be chosen. No goal, and nothing that a goal is measured by.
#[derive(Debug, Clone, Copy)]
pub struct Choice {
    pub slots: u16,
    /// Bytes of the image.
    pub size: u32,
    pub baud: u32,
    /// Runs that wait while the server is away.
    pub backlog: u32,
    /// Pages that show the line all the time.
    pub pages: u32,
    pub seed: u64,
}

impl Choice {
    /// Until a slot has surely worked so many boards.
    fn within(&self, boards: u32) -> Duration {
        let image = Duration::from_secs(u64::from(self.size) * 12 / u64::from(self.baud));
        (image + RUN_WITHIN) * boards
    }
}

/// What a shift was seen to need.
#[derive(Debug, Clone, Copy)]
struct Needed {
    cpu_percent: f64,
    memory_mib: f64,
    took: Duration,
}

/// All of it; `say` tells a person how far it is.
///
/// # Errors
/// When a program does not do its part, or a run does not pass: with the program's log.
pub async fn measure(choice: Choice, mut say: impl FnMut(String)) -> Result<Figures> {
    let folder = tempfile::Builder::new().prefix("jigline-bench-").tempdir()?;
    let folder = folder.path();
    let mut server = Server::start(folder, &workspace_root().join("profiles")).await?;
    let bundle = release(&server, folder, choice.size).await?;
    let mut figures = Figures::default();

    let pages = Pages::open(&server, choice.pages).await?;
    say(format!(
        "one slot alone: {BOARDS_ALONE} boards, an image of {} bytes at {} baud",
        choice.size, choice.baud
    ));
    let pile = Pile {
        slots: 1,
        boards: BOARDS_ALONE,
        first_board: FIRST_BOARD_ALONE,
        baud: choice.baud,
        seed: choice.seed,
    };
    let line = Line::prepare(&server, folder, "alone", &bundle, pile, BOARDS_ALONE).await?;
    let (shift, records, needed) = work(&server, &line, pile, choice.within(BOARDS_ALONE)).await?;
    drop((shift, line));
    let alone = all_reached(&records, choice.baud)?.into_iter().reduce(best).context("a slot worked")?;
    figures.beside("alone_flash_of_wire", alone.flash);
    figures.beside("alone_run_of_wire", alone.run);
    figures.beside("alone_cpu_percent", needed.cpu_percent);

    let each = needed.took.as_secs_f64() / f64::from(BOARDS_ALONE);
    say(format!("{} slots at once; one alone took {each:.0} s a board", choice.slots));
    let events_before = pages.events();
    let boards = u32::from(choice.slots);
    let pile = Pile { slots: choice.slots, boards, first_board: 0, ..pile };
    let line = Line::prepare(&server, folder, "bench", &bundle, pile, boards + choice.backlog).await?;
    let (shift, records, needed) = work(&server, &line, pile, choice.within(1)).await?;
    let events = (pages.events() - events_before) as f64 / f64::from(choice.pages.max(1));
    judge(&mut figures, alone, &all_reached(&records, choice.baud)?, needed);
    figures.beside("page_events_a_second", events / needed.took.as_secs_f64());
    drop(pages);

    say(format!(
        "{boards} boards in {:.0} s; a backlog of {} runs",
        needed.took.as_secs_f64(),
        choice.backlog
    ));
    let drained = backlog::drain(&mut server, &line, shift, &records, choice.backlog, choice.seed).await?;
    figures.at_most("backlog_not_held", f64::from(drained.not_held), 0.0);
    figures.beside("backlog_runs_a_second", drained.runs_a_second);
    figures.beside("backlog_raw_insert_runs_a_second", drained.raw_runs_a_second);
    figures.beside("backlog_of_raw_insert", drained.runs_a_second / drained.raw_runs_a_second);
    figures.beside("backlog_empty_after_s", drained.until_empty.as_secs_f64());
    Ok(figures)
}

async fn release(server: &Server, folder: &Path, size: u32) -> Result<String> {
    let form = factory::bundle(server, &factory::image_hex(folder, size)?).await?;
    let hash = text(&server.send("engineer", Method::POST, "/api/v1/bundles", form).await?, "/hash");
    server.send("quality", Method::POST, &format!("/api/v1/bundles/{hash}/release"), json!({})).await?;
    Ok(hash)
}

/// Has the station work all boards; it runs on.
async fn work(
    server: &Server,
    line: &Line,
    pile: Pile,
    within: Duration,
) -> Result<(Shift, Vec<BirthRecord>, Needed)> {
    let mut shift = line.start_station()?;
    let begins = |shift: &Shift| (1..=u64::from(pile.slots)).any(|slot| shift.kind(slot) == "working");
    shift.until("a board is worked", Duration::from_secs(60), begins).await?;
    let (began, cpu_before) = (Instant::now(), process::cpu_time(shift.station.pid())?);
    let all_closed = |shift: &Shift| shift.closed.len() == pile.boards as usize;
    shift.until("every board is worked", within, all_closed).await?;
    let took = began.elapsed();
    let cpu = process::cpu_time(shift.station.pid())? - cpu_before;
    let memory = process::most_memory(shift.station.pid())?;
    let held = |shift: &Shift| shift.unsent == 0 && shift.held == u64::from(pile.boards);
    shift.until("the server holds every run", Duration::from_secs(60), held).await?;
    let records = passes(server, &shift).await?;
    let slots: BTreeSet<u16> = records.iter().map(|record| record.slot).collect();
    ensure!(slots.len() == usize::from(pile.slots), "only {} slots had a board", slots.len());
    let needed = Needed {
        cpu_percent: 100.0 * cpu.as_secs_f64() / took.as_secs_f64(),
        memory_mib: memory as f64 / 1024.0 / 1024.0,
        took,
    };
    Ok((shift, records, needed))
}

fn all_reached(records: &[BirthRecord], baud: u32) -> Result<Vec<Reached>> {
    records.iter().map(|record| reached(record, baud)).collect()
}

fn best(a: Reached, b: Reached) -> Reached {
    Reached { flash: a.flash.max(b.flash), run: a.run.max(b.run) }
}

/// Each slot against the one that was alone: the worst counts.
fn judge(figures: &mut Figures, alone: Reached, slots: &[Reached], needed: Needed) {
    let behind = |of: fn(&Reached) -> f64| {
        let worst = slots.iter().map(of).fold(f64::INFINITY, f64::min);
        100.0 * (1.0 - worst / of(&alone))
    };
    figures.at_most("slot_flash_behind_percent", behind(|reached| reached.flash), BEHIND_GOAL_PERCENT);
    figures.at_most("slot_run_behind_percent", behind(|reached| reached.run), BEHIND_GOAL_PERCENT);
    figures.at_most("cpu_percent_of_a_core", needed.cpu_percent, CPU_GOAL_PERCENT);
    figures.at_most("memory_mib", needed.memory_mib, MEMORY_GOAL_MIB);
    figures.beside("busy_s", needed.took.as_secs_f64());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_slot_of_all_is_the_one_that_is_judged() {
        let reached = |flash, run| Reached { flash, run };
        let needed = Needed { cpu_percent: 9.0, memory_mib: 101.0, took: Duration::from_secs(60) };
        let mut figures = Figures::default();
        let slots = [reached(0.99, 0.5), reached(0.96, 0.496)];
        judge(&mut figures, reached(0.98, 0.5), &slots, needed);
        let met: Vec<(&str, bool)> = figures.iter().map(|(name, figure)| (name, figure.met)).collect();
        assert_eq!(
            met,
            [
                ("cpu_percent_of_a_core", true),
                ("memory_mib", false),
                ("slot_flash_behind_percent", false),
                ("slot_run_behind_percent", true)
            ]
        );
        // No slot, no proof.
        let mut figures = Figures::default();
        judge(&mut figures, reached(0.98, f64::NAN), &[reached(0.98, 0.5)], needed);
        assert!(figures.iter().any(|(name, figure)| name == "slot_run_behind_percent" && !figure.met));
    }
}
