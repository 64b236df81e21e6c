//! The figures of the station campaign against their goals, and the seeds to look at.

use super::{Finding, Judged, Options};
use crate::report::{Figures, Report, hundredths};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

/// Per cent of the sound boards that nothing happened to that must pass, whatever happened to the station.
const LEAST_PASSED: f64 = 95.0;
/// Seeds shown for each finding.
const SHOWN: usize = 12;

pub(super) fn report(options: &Options, judged: &[Judged], took: Duration) -> Report {
    let mut figures = Figures::default();
    let has = |judged: &Judged, finding| judged.judgement.findings.iter().any(|(found, _)| *found == finding);
    for finding in Finding::ALL {
        let count = judged.iter().filter(|judged| has(judged, finding)).count();
        figures.put(finding.as_str(), count, 0, count == 0);
    }
    let sum = |of: fn(&Judged) -> u64| judged.iter().map(of).sum::<u64>();
    let (sound, sound_passed) = (sum(|one| one.judgement.sound), sum(|one| one.judgement.sound_passed));
    let percent = 100.0 * sound_passed as f64 / sound.max(1) as f64;
    // A campaign of bad boards alone has nobody to pass.
    let met = sound == 0 || percent >= LEAST_PASSED;
    figures.put("sound_boards_passed_percent", hundredths(percent), LEAST_PASSED, met);
    let mut not_passed: BTreeMap<&str, u64> = BTreeMap::new();
    for (why, boards) in judged.iter().flat_map(|one| &one.judgement.not_passed) {
        *not_passed.entry(why).or_default() += boards;
    }
    let mut lines = Vec::new();
    for judged in judged {
        if options.verbose {
            lines.push(shown(judged));
        }
        if !judged.told.is_empty() {
            lines.push(judged.told.clone());
        }
    }
    for finding in Finding::ALL {
        for judged in judged.iter().filter(|judged| has(judged, finding)).take(SHOWN) {
            let what = judged.judgement.findings.iter().find(|(found, _)| *found == finding);
            let what = what.map(|(_, what)| what.as_str()).unwrap_or_default();
            lines.push(format!("{}: {what} [{}]", finding.as_str(), command(options, judged.seed)));
        }
    }
    let json = json!({
        "campaign": "station",
        "seeds": options.seeds,
        "seed": options.seed,
        "sabotage": options.sabotage,
        "took_s": hundredths(took.as_secs_f64()),
        "labelled": judged.iter().filter(|one| one.labelled).count(),
        "asking": judged.iter().filter(|one| one.asking).count(),
        "with_reference": judged.iter().filter(|one| one.with_reference).count(),
        "boards": sum(|one| one.boards),
        "passed": sum(|one| one.judgement.passed),
        "sound": sound,
        "sound_not_passed": not_passed,
        "records": sum(|one| one.records),
        "kills": sum(|one| one.kills),
        "freezes": sum(|one| one.freezes),
        "troubles": sum(|one| one.troubles),
        "commits": sum(|one| one.commits),
        "virtual_hours": hundredths(judged.iter().map(|one| one.lasted.as_secs_f64()).sum::<f64>() / 3600.0),
        "figures": figures.json,
    });
    Report { json, lines, missed: figures.missed }
}

fn shown(judged: &Judged) -> String {
    format!(
        "{} {}{}: {} of {} boards passed, {} records, {} kills, {:.0} s{}{}",
        judged.seed,
        judged.kind,
        if judged.labelled { ", labels" } else { "" },
        judged.judgement.passed,
        judged.boards,
        judged.records,
        judged.kills,
        judged.lasted.as_secs_f64(),
        judged
            .judgement
            .not_passed
            .iter()
            .map(|(why, boards)| format!(", {boards} {why}"))
            .collect::<String>(),
        judged.judgement.findings.iter().map(|found| format!(", {found:?}")).collect::<String>()
    )
}

fn command(options: &Options, seed: u64) -> Value {
    let mut command = format!("cargo xtask campaign station --seed {seed} --seeds 1 -v");
    if let Some(fault) = options.fault.and_then(|fault| clap::ValueEnum::to_possible_value(&fault)) {
        command += &format!(" --fault {}", fault.get_name());
    }
    if options.quiet {
        command += " --quiet";
    }
    if let Some(sabotage) = &options.sabotage {
        command += &format!(" --sabotage {sabotage}");
    }
    command.into()
}
