//! Every file under `profiles/` is read and judged against its model, as the server does at its start.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use jigline_domain::{
    fixture::{parse_dialect, parse_fixture},
    model::{DeviceModel, Provenance, parse_model},
    procedure::{check_pairing, check_procedure, parse_procedure},
    profile::{Chemistry, check_profile, parse_profile},
};
use std::{fmt::Display, fs, path::PathBuf};

/// `(path, text)` of every TOML file in a folder of `profiles/`; never none.
fn files(folder: &str) -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../profiles").join(folder);
    let mut paths: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    assert!(!paths.is_empty(), "{} holds no TOML file", folder.display());
    paths.into_iter().map(|path| (path.display().to_string(), fs::read_to_string(&path).unwrap())).collect()
}

fn lines(faults: &[impl Display]) -> String {
    faults.iter().map(|fault| format!("\n{fault}")).collect()
}

fn models() -> Vec<DeviceModel> {
    files("models")
        .iter()
        .map(|(file, text)| parse_model(file, text).unwrap_or_else(|f| panic!("{}", lines(&f))))
        .collect()
}

fn model(id: &str) -> DeviceModel {
    models().into_iter().find(|model| model.id == id).unwrap_or_else(|| panic!("there is no model {id}"))
}

#[test]
fn every_shipped_model_is_sound() {
    assert!(!models().is_empty());
}

#[test]
fn every_shipped_profile_suits_its_model_without_a_warning() {
    for (file, text) in files("parameters") {
        let profile = parse_profile(&file, &text).unwrap_or_else(|faults| panic!("{}", lines(&faults)));
        assert!(file.ends_with(&format!("{}.toml", profile.id)), "{file} holds profile {}", profile.id);
        let faults = check_profile(&profile, &model(&profile.model), Some(20.0));
        let faults: Vec<_> = faults.into_iter().map(|fault| fault.located(&file, &text)).collect();
        assert!(faults.is_empty(), "{}", lines(&faults));
    }
}

#[test]
fn every_shipped_procedure_suits_its_model() {
    for (file, text) in files("procedures") {
        let procedure = parse_procedure(&file, &text).unwrap_or_else(|faults| panic!("{}", lines(&faults)));
        let faults = check_procedure(&procedure, &model(&procedure.model));
        assert!(faults.is_empty(), "{file}: {}", lines(&faults));
        // It is worked with the profiles that it names, and with no other.
        for (path, text) in files("parameters") {
            let profile = parse_profile(&path, &text).unwrap();
            let refused = check_pairing(&procedure, &profile);
            assert_eq!(refused.is_none(), procedure.profiles.contains(&profile.id), "{file} with {path}");
        }
        for id in &procedure.profiles {
            assert!(
                files("parameters").iter().any(|(path, _)| path.ends_with(&format!("{id}.toml"))),
                "{id}"
            );
        }
    }
}

#[test]
fn every_shipped_fixture_is_sound_and_speaks_shipped_dialects() {
    let dialects: Vec<_> = files("instruments")
        .iter()
        .map(|(file, text)| {
            let dialect = parse_dialect(file, text).unwrap_or_else(|faults| panic!("{}", lines(&faults)));
            assert!(file.ends_with(&format!("{}.toml", dialect.id)), "{file} holds dialect {}", dialect.id);
            dialect
        })
        .collect();
    for (file, text) in files("fixtures") {
        let fixture =
            parse_fixture(&file, &text, &dialects).unwrap_or_else(|faults| panic!("{}", lines(&faults)));
        assert!(file.ends_with(&format!("{}.toml", fixture.id)), "{file} holds fixture {}", fixture.id);
    }
}

/// One read of the live block and one of each locked block: the whole profile travels in few transactions.
#[test]
fn the_blocks_of_the_shipped_model_fit_one_read_each() {
    let model = model("topbms");
    for block in &model.blocks {
        assert!(block.count <= model.link.max_read, "{}", block.name);
    }
    assert_eq!(model.parameters().count(), 36);
}

/// A model that is shipped in full has a profile for every chemistry.
#[test]
fn the_full_models_have_a_profile_of_every_chemistry() {
    let profiles: Vec<_> = files("parameters")
        .iter()
        .map(|(path, text)| parse_profile(path, text).unwrap_or_else(|faults| panic!("{}", lines(&faults))))
        .collect();
    for id in FULL {
        for chemistry in [Chemistry::LiIon, Chemistry::LiFePo4, Chemistry::Lto] {
            let found = profiles.iter().any(|profile| profile.model == id && profile.chemistry == chemistry);
            assert!(found, "{id} has no profile for {}", chemistry.as_str());
        }
    }
}

/// The models that are shipped with all they need; of the others a profile is for the bench.
const FULL: [&str; 3] = ["topbms", "jk-pb", "jbd"];

/// And each of them is worked by exactly one procedure, whose cell limits lie between the profile's own protections.
#[test]
fn every_profile_of_a_full_model_has_its_one_procedure_within_its_protections() {
    let procedures: Vec<_> =
        files("procedures").iter().map(|(path, text)| parse_procedure(path, text).unwrap()).collect();
    let mut worked = 0;
    for (path, text) in files("parameters") {
        let profile = parse_profile(&path, &text).unwrap();
        if !FULL.contains(&profile.model.as_str()) {
            continue;
        }
        let own: Vec<_> = procedures.iter().filter(|p| p.profiles.contains(&profile.id)).collect();
        assert_eq!(own.len(), 1, "{}: {own:?}", profile.id);
        let (low, high) = match profile.model.as_str() {
            "topbms" => ("discharge_protection_l1_mv", "charge_protection_l1_mv"),
            _ => ("cell_under_voltage_mv", "cell_over_voltage_mv"),
        };
        let value = |name: &str| profile.values[name].as_number().unwrap();
        let cells: Vec<_> = own[0].measurements.iter().filter(|m| m.register == "cells").collect();
        assert_eq!(cells.len(), 2, "{}", profile.id);
        let pack: Vec<_> =
            own[0].measurements.iter().filter(|m| m.register.starts_with("pack_voltage")).collect();
        assert_eq!(pack.len(), 2, "{}", profile.id);
        for cell in cells {
            let (min, max) = (cell.limit.min.unwrap(), cell.limit.max.unwrap());
            assert!(value(low) < min && max < value(high), "{}: {min} to {max}", profile.id);
            let nominal = match profile.chemistry {
                Chemistry::Lto => 2320.0,
                Chemistry::LiFePo4 => 3300.0,
                Chemistry::LiIon => 3680.0,
            };
            assert!((min..=max).contains(&nominal), "{}: {min} to {max}", profile.id);
            // The pack is its cells.
            for whole in &pack {
                let to_mv = if whole.unit == "V" { 1000.0 } else { 1.0 };
                let (least, most) = (whole.limit.min.unwrap() * to_mv, whole.limit.max.unwrap() * to_mv);
                let cells = f64::from(profile.product.cells);
                assert!(min * cells <= least + 100.0 && most <= max * cells + 100.0, "{}", profile.id);
            }
        }
        worked += 1;
    }
    assert_eq!((worked, procedures.len()), (9, 9));
}

/// What nobody has published drives simulators only; it is told block by block.
#[test]
fn what_is_assumed_of_a_published_model_is_marked_block_by_block() {
    let assumed = |id: &str| -> Vec<String> {
        let blocks = model(id).blocks.into_iter().filter(|block| block.provenance == Provenance::Assumed);
        blocks.map(|block| block.name).collect()
    };
    assert_eq!(assumed("jk-pb"), ["serial", "shutdown", "presets"]);
    for id in ["jbd", "daly-d2", "pace", "seplos-v3"] {
        assert!(!model(id).has_assumed_parts(), "{id}: {:?}", assumed(id));
    }
}

/// A passcode that a board gives away in the clear is not read: no block covers it.
#[test]
fn passcodes_lie_in_holes() {
    let jk = model("jk-pb");
    for address in (0x1438..0x1448).chain(0x145B..0x1460).chain(0x1470..0x1480) {
        assert!(jk.block_of(address, 1).is_none(), "0x{address:04X}");
    }
    for address in 0x00C9..0x00CC {
        assert!(model("daly-d2").block_of(address, 1).is_none(), "0x{address:04X}");
    }
    for address in [0x06, 0x07, 0x09] {
        assert!(model("jbd").block_of(address, 1).is_none(), "0x{address:02X}");
    }
}

/// What a board counts by itself no line writes: only such a count tells one variant from another before the first write.
#[test]
fn a_count_of_cells_that_a_line_can_write_is_none_of_the_boards_own() {
    let mut counting: Vec<String> =
        models().into_iter().filter(|one| one.cells.found_register.is_some()).map(|one| one.id).collect();
    counting.sort();
    assert_eq!(counting, ["daly-a5", "jbd-up", "jk-nw", "tian-power", "tinybms", "topbms-storage"]);
    let (file, text) = files("models").into_iter().find(|(file, _)| file.ends_with("/topbms.toml")).unwrap();
    for (register, reason) in [
        ("cell_count", "can be written"),
        ("lease_expiry_s", "can be written"),
        ("alarms", "of the wrong kind"),
        ("cells_found", "no register"),
    ] {
        let line = format!("count_register = \"cell_count\"\nfound_register = {register:?}");
        let faults =
            parse_model(&file, &text.replacen("count_register = \"cell_count\"", &line, 1)).unwrap_err();
        assert!(faults.len() == 1 && faults[0].reason.contains(reason), "{register}: {}", lines(&faults));
    }
}
