//! A model says where its facts come from, section by section; what could harm a board and is guessed bars it from real ones.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use jigline_domain::model::{DeviceModel, Origin, Provenance, parse_model};
use std::fs;

fn text(id: &str) -> String {
    fs::read_to_string(format!("{}/../profiles/models/{id}.toml", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[track_caller]
fn spoilt(id: &str, old: &str, new: &str) -> String {
    let text = text(id);
    assert!(text.contains(old), "{id} has no {old:?}");
    text.replacen(old, new, 1)
}

fn said(text: &str) -> Vec<String> {
    parse_model("m", text).err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

fn model(text: &str) -> DeviceModel {
    parse_model("m", text).unwrap()
}

/// The shipped text without one origin: its header and the lines up to the next empty one.
fn without_origin(id: &str, section: &str) -> String {
    let text = text(id);
    let from = text
        .find(&format!("[{section}.origin]\n"))
        .unwrap_or_else(|| panic!("{id} has no [{section}.origin]"));
    let to = from + text[from..].find("\n\n").unwrap() + 2;
    format!("{}{}", &text[..from], &text[to..])
}

#[test]
fn a_section_of_a_published_model_says_its_own_origin() {
    for (id, section) in [
        ("jbd", "link"),
        ("jbd", "factory_mode"),
        ("jbd", "calibration"),
        ("jk-pb", "link"),
        ("jk-pb", "calibration"),
        ("pace", "link"),
        ("daly-d2", "link"),
        ("seplos-v3", "link"),
        ("seplos-v3", "calibration"),
    ] {
        let text = without_origin(id, section);
        let line = text.lines().position(|line| line == format!("[{section}]")).unwrap() + 1;
        let found = said(&text);
        let wanted = format!("m:{line}: [{section}] does not say where its facts come from");
        assert!(found.len() == 1 && found[0].starts_with(&wanted), "{id} {section}: {found:?}");
    }
    // What a model assumes of all of itself is said once, in its head; and every section of a published one is asked.
    assert_eq!(said(&text("topbms")), Vec::<String>::new());
    let published = spoilt("topbms", "provenance = \"assumed\"", "provenance = \"published\"");
    let found = said(&published);
    for section in ["link", "firmware.image", "password", "name", "lease", "calibration", "ship"] {
        assert!(
            found.iter().any(|said| said.contains(&format!("[{section}] does not say"))),
            "{section}: {found:#?}"
        );
    }
    assert_eq!(found.len(), 7, "{found:#?}");
}

#[test]
fn an_origin_has_a_source_and_names_keys_that_are_there() {
    let source = "source = \"syssi/esphome-pace-bms@db83caa:docs/PACE-BMS-Modbus-Protocol-for-RS485-V1.3-20170627.pdf chapters 2 and 3\"";
    let found = said(&spoilt("pace", source, "source = \" \""));
    assert!(found.len() == 1 && found[0].contains("source of [link] is empty"), "{found:?}");
    let assumed = "assumed = [\"store_ms\", \"start_timeout_ms\"]";
    for key in ["stor_ms", "wake", "baud.rate", "origin", ""] {
        let text = spoilt("pace", assumed, &format!("assumed = [\"store_ms\",\n\"{key}\"]"));
        let line = text.lines().position(|line| line == format!("\"{key}\"]")).unwrap() + 1;
        let found = said(&text);
        let wanted = format!("m:{line}: assumed names {key:?}");
        assert!(found.len() == 1 && found[0].starts_with(&wanted), "{key}: {found:?}");
    }
}

#[test]
fn a_guessed_pace_bars_no_board_and_a_guessed_constant_every_one() {
    let assumed = "assumed = [\"store_ms\", \"start_timeout_ms\"]";
    let bars = |id: &str, old: &str, new: &str| model(&spoilt(id, old, new)).has_assumed_parts();
    for harmless in ["timeout_ms", "gap_ms", "retries", "max_read", "max_write"] {
        assert!(!bars("pace", assumed, &format!("assumed = [\"{harmless}\"]")), "{harmless}");
    }
    for harmful in ["address", "baud", "framing", "write_single"] {
        assert!(bars("pace", assumed, &format!("assumed = [\"{harmful}\"]")), "{harmful}");
    }
    // Of one section as of all: each bars the model by itself.
    let jbd = model(&text("jbd"));
    assert!(!jbd.has_assumed_parts());
    let guessed = |guess: &dyn Fn(&mut DeviceModel)| {
        let mut guessed = jbd.clone();
        guess(&mut guessed);
        guessed.has_assumed_parts()
    };
    let factory =
        |model: &mut DeviceModel| model.factory_mode.as_mut().and_then(|mode| mode.origin.clone()).unwrap();
    assert!(guessed(&|model| model.link.origin.as_mut().unwrap().provenance = Provenance::Assumed));
    assert!(guessed(&|model| {
        let assumed = Origin { provenance: Provenance::Assumed, ..factory(model) };
        model.factory_mode.as_mut().unwrap().origin = Some(assumed);
    }));
    assert!(guessed(&|model| {
        let origin = model.calibration.as_mut().unwrap().origin.as_mut().unwrap();
        origin.assumed.push("register".to_owned());
    }));
    assert!(!guessed(&|_| {}));
}
