//! The wire campaign in small: a few seeds of each rough, each run twice. `cargo xtask test` runs more of them, and every sabotage.

use jigline_tests::campaign::{
    Case, Finding, Kind, Models, Options, Outcome, Rough, ServerMemory, judge, run, work,
};
use simulator::Fault;
use std::{path::Path, time::Duration};

fn options(seeds: u64) -> Options {
    Options {
        seeds,
        seed: 1,
        rough: Vec::new(),
        disturb: Vec::new(),
        fault: None,
        replay_every: 1,
        sabotage: None,
        prove: false,
        disk: None,
        verbose: false,
    }
}

#[test]
fn boards_on_disturbed_lines_end_verified_or_refused_and_every_seed_replays_to_the_byte() {
    let report = run(&options(8)).unwrap();
    assert!(report.missed.is_empty(), "{:?}\n{}", report.missed, report.lines.join("\n"));
    for rough in ["frames", "bytes"] {
        assert_eq!(report.json["runs"][rough]["boards"], 6);
        // The third and the seventh are other makers'.
        for kind in ["jk-pb", "jbd"] {
            assert_eq!(report.json["runs"][format!("{rough}_{kind}")]["boards"], 1);
        }
        let struck = report.json["runs"][rough]["struck"].as_object().unwrap();
        assert!(!struck.is_empty(), "nothing was disturbed in {rough}");
    }
}

#[test]
fn a_bad_board_is_refused_for_what_is_wrong_with_it_on_a_quiet_line() {
    for (fault, code) in [
        (Fault::WrongShunt, "ShuntOfAnotherVariant"),
        (Fault::StuckMosfet, "OutputWrong"),
        (Fault::DriftingCell, "OutsideLimits"),
        (Fault::IdentityChanges, "IdentityChanged"),
        (Fault::WriteProtected, "FirmwareCrcDiffers"),
        // The password is what is asked first after the restart.
        (Fault::KeepsNothing, "OldPasswordStillOpens"),
        (Fault::ClonedIdentity, "PassedAlready"),
    ] {
        let quiet = Options { rough: vec![Rough::None], fault: Some(fault), ..options(2) };
        let report = run(&quiet).unwrap();
        assert!(report.missed.is_empty(), "{fault:?}: {:?}\n{}", report.missed, report.lines.join("\n"));
        assert_eq!(report.json["runs"]["none"]["refused"][code]["all"], 2, "{fault:?}: {}", report.json);
    }
}

#[test]
fn a_copy_of_a_board_that_has_passed_is_not_touched_and_one_that_is_let_through_is_found() {
    let case = Case::undisturbed(Kind::Spl, Some(Fault::ClonedIdentity));
    let models = Models::load().unwrap();
    let disk = std::env::temp_dir();
    let look = |case: &Case| {
        let outcome = work(case, &models, Path::new(&disk), false).unwrap();
        let judgement = judge(case, &outcome, Duration::from_secs(600));
        let findings: Vec<Finding> = judgement.findings.iter().map(|(finding, _)| *finding).collect();
        (outcome, findings)
    };
    let (outcome, findings) = look(&case);
    assert_eq!(findings, []);
    assert!(outcome.records.is_empty() && outcome.server.records().len() == 1);
    assert_eq!(outcome.observed.unwrap().register_writes, 0);

    let (_, findings) = look(&Case { server: ServerMemory::Forgets, ..case });
    for finding in [Finding::VerifiedWrongly, Finding::WorkedOnClone] {
        assert!(findings.contains(&finding), "{finding:?} is not among {findings:?}");
    }
}

/// Parameters of which the judge says that the board keeps another value than the profile's.
fn others_kept(case: &Case, outcome: &Outcome) -> Vec<String> {
    let findings = judge(case, outcome, outcome.lasted).findings.into_iter();
    let of_a_pass = findings.filter(|(finding, _)| *finding == Finding::VerifiedWrongly);
    of_a_pass.map(|(_, said)| said).filter(|said| said.contains("the profile says")).collect()
}

#[test]
fn a_profile_that_the_board_does_not_keep_is_found_whatever_its_addresses_count() {
    let models = Models::load().unwrap();
    let disk = std::env::temp_dir();
    for kind in Kind::ALL {
        let case = Case::undisturbed(kind, None);
        let mut outcome = work(&case, &models, Path::new(&disk), false).unwrap();
        assert_eq!(judge(&case, &outcome, outcome.lasted).findings, [], "{}", kind.as_str());
        // Every place holds another value than was written.
        let observed = outcome.observed.as_mut().unwrap();
        observed.registers_kept.values_mut().for_each(|word| *word ^= 1);
        assert!(!others_kept(&case, &outcome).is_empty(), "{}", kind.as_str());
    }
}

#[test]
fn a_sabotage_is_in_no_build_that_did_not_ask_for_it() {
    if cfg!(feature = "sabotage") {
        return;
    }
    let spoilt = Options { sabotage: Some("skip_read_back".to_owned()), ..options(1) };
    let refusal = run(&spoilt).unwrap_err().to_string();
    assert!(refusal.contains("skip_read_back") && refusal.contains("cargo xtask campaign wire"), "{refusal}");
}

#[test]
fn a_seed_stands_for_one_case() {
    let case = |seed| format!("{:?}", Case::of(seed, Rough::Frames, &[], None));
    assert_eq!(case(7), case(7));
    assert_ne!(case(7), case(8));
}
