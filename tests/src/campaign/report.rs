//! The figures of a campaign against their goals, and the seeds to look at.

use super::{Finding, IMAGE_BYTES, Judged, Kind, Options, Rough};
use crate::report::{Figures, Report, hundredths};
use serde_json::{Map, Value, json};
use simulator::{Disturbance, disturbance::Struck};
use std::{collections::BTreeMap, time::Duration};

/// Per cent of the recoverable boards that must end verified.
const LEAST_VERIFIED: f64 = 95.0;
/// Times the undisturbed time that no board may take.
const MOST_TIMES: f64 = 3.0;
/// With this many seeds every kind of disturbance must have struck at least once.
const SEEDS_FOR_ALL_KINDS: u64 = 500;
/// Seeds shown for each finding.
const SHOWN: usize = 12;

pub fn report(
    options: &Options,
    roughs: &[Rough],
    undisturbed: [(&str, Duration); 4],
    judged: &[Judged],
    took: Duration,
) -> Report {
    let mut figures = Figures::default();
    for finding in Finding::ALL {
        let count = judged.iter().filter(|judged| has(judged, finding)).count();
        figures.put(finding.as_str(), count, 0, count == 0);
    }
    let slowest = judged.iter().map(|judged| judged.ratio).fold(0.0, f64::max);
    figures.put("slowest_times", hundredths(slowest), MOST_TIMES, slowest <= MOST_TIMES);
    let mut runs = Map::new();
    for &rough in roughs {
        // Both loaders' boards are one model's.
        for kinds in [&[Kind::Spl, Kind::Hal][..], &[Kind::JkPb], &[Kind::Jbd]] {
            let is_own = |judged: &&Judged| judged.rough == rough && kinds.contains(&judged.kind);
            let own: Vec<&Judged> = judged.iter().filter(is_own).collect();
            if own.is_empty() {
                continue;
            }
            let name = match kinds {
                [kind] => format!("{}_{}", rough.as_str(), kind.as_str()),
                _ => rough.as_str().to_owned(),
            };
            let recoverable = own.iter().filter(|judged| judged.judgement.recoverable).count();
            let is_verified = |judged: &&&Judged| judged.judgement.recoverable && judged.judgement.verified;
            let verified = own.iter().filter(is_verified).count();
            let percent = 100.0 * verified as f64 / recoverable.max(1) as f64;
            // A campaign of bad boards alone has nobody to verify.
            let met = recoverable == 0 || percent >= LEAST_VERIFIED;
            let figure = format!("recoverable_verified_percent_{name}");
            figures.put(&figure, hundredths(percent), LEAST_VERIFIED, met);
            let struck = all_struck(&own);
            if kinds.len() > 1 && options.seeds >= SEEDS_FOR_ALL_KINDS {
                let set = |kind: &Disturbance| rough.disturbances().probability(*kind) > 0.0;
                let wanted = Disturbance::ALL.iter().filter(|kind| set(kind)).count();
                let kinds =
                    Disturbance::ALL.iter().filter(|kind| set(kind) && struck.contains_key(kind)).count();
                figures.put(&format!("kinds_struck_{name}"), kinds, wanted, kinds == wanted);
            }
            runs.insert(name, run_of(&own, recoverable, verified, &struck));
        }
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
    lines.extend(look_again(options, judged));
    let json = json!({
        "campaign": "wire",
        "seeds": options.seeds,
        "seed": options.seed,
        "sabotage": options.sabotage,
        "image_bytes": IMAGE_BYTES,
        "undisturbed_s": undisturbed
            .into_iter()
            .map(|(name, time)| (name, hundredths(time.as_secs_f64())))
            .collect::<BTreeMap<_, _>>(),
        "took_s": hundredths(took.as_secs_f64()),
        "runs": runs,
        "figures": figures.json,
    });
    Report { json, lines, missed: figures.missed }
}

fn has(judged: &Judged, finding: Finding) -> bool {
    judged.judgement.findings.iter().any(|(found, _)| *found == finding)
}

fn all_struck(judged: &[&Judged]) -> Struck {
    let mut all = Struck::new();
    for (kind, count) in judged.iter().flat_map(|judged| &judged.struck) {
        *all.entry(*kind).or_default() += count;
    }
    all
}

fn run_of(own: &[&Judged], recoverable: usize, verified: usize, struck: &Struck) -> Value {
    let mut reasons: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for judged in own {
        if let Some(code) = judged.judgement.reason {
            let count = reasons.entry(format!("{code:?}")).or_default();
            count.0 += 1;
            count.1 += u64::from(judged.judgement.recoverable);
        }
    }
    let reasons: Map<String, Value> = reasons
        .into_iter()
        .map(|(code, (all, recoverable))| (code, json!({ "all": all, "recoverable": recoverable })))
        .collect();
    let struck: Map<String, Value> =
        struck.iter().map(|(kind, count)| (kind.as_str().to_owned(), json!(count))).collect();
    let times: f64 = own.iter().map(|judged| judged.ratio).sum();
    json!({
        "boards": own.len(),
        "verified": own.iter().filter(|judged| judged.judgement.verified).count(),
        "recoverable": recoverable,
        "recoverable_verified": verified,
        "mean_times": hundredths(times / own.len().max(1) as f64),
        "slowest_times": hundredths(own.iter().map(|judged| judged.ratio).fold(0.0, f64::max)),
        "mean_requests": own.iter().map(|judged| judged.requests).sum::<u64>() / own.len().max(1) as u64,
        "refused": reasons,
        "struck": struck,
    })
}

fn shown(judged: &Judged) -> String {
    let struck: Vec<String> =
        judged.struck.iter().map(|(kind, count)| format!("{} {count}", kind.as_str())).collect();
    let end = match (judged.judgement.verified, judged.judgement.reason) {
        (true, _) => "verified".to_owned(),
        (false, Some(code)) => format!("refused: {code:?}"),
        (false, None) => "no verdict".to_owned(),
    };
    format!(
        "{} {} {} {:?}{}: {end}, {:.2} times, {} requests, {}",
        judged.rough.as_str(),
        judged.seed,
        judged.kind.as_str(),
        judged.fault,
        if judged.judgement.recoverable { " recoverable" } else { "" },
        judged.ratio,
        judged.requests,
        struck.join(", ")
    )
}

/// The seeds that missed a goal, and the command that shows one again.
fn look_again(options: &Options, judged: &[Judged]) -> Vec<String> {
    let mut lines = Vec::new();
    for finding in Finding::ALL {
        let found = judged.iter().filter(|judged| has(judged, finding));
        for judged in found.take(SHOWN) {
            let what = judged.judgement.findings.iter().find(|(found, _)| *found == finding);
            lines.push(format!(
                "{}: {} [{}]",
                finding.as_str(),
                what.map(|(_, what)| what.as_str()).unwrap_or_default(),
                command(options, judged)
            ));
        }
    }
    let lost = |judged: &&Judged| judged.judgement.recoverable && !judged.judgement.verified;
    for judged in judged.iter().filter(lost).take(SHOWN) {
        lines.push(format!("not verified: {:?} [{}]", judged.judgement.reason, command(options, judged)));
    }
    lines
}

fn command(options: &Options, judged: &Judged) -> String {
    let mut command = format!(
        "cargo xtask campaign wire --seed {} --seeds 1 --rough {} -v",
        judged.seed,
        judged.rough.as_str()
    );
    for setting in &options.disturb {
        command += &format!(" --disturb {setting}");
    }
    if let Some(fault) = options.fault.and_then(|fault| clap::ValueEnum::to_possible_value(&fault)) {
        command += &format!(" --fault {}", fault.get_name());
    }
    if let Some(sabotage) = &options.sabotage {
        command += &format!(" --sabotage {sabotage}");
    }
    command
}
