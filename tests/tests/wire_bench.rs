//! The wire bench's virtual half on every test run, so that waste on the wire turns it red; and its floor against bytes counted on a line.

use std::time::Duration;

use jigline_tests::bench::{
    floor,
    loaders::LOADERS,
    models::MODELS,
    rig::Medium,
    wire::{BAUD, Choice, flash, flash_floor, flashed_model, identity, in_virtual_time, profile, virtually},
};

#[test]
fn every_session_keeps_within_its_goal_of_the_wire_floor() {
    let figures = in_virtual_time(Choice { size: 64 * 1024, seed: 7 }).unwrap();
    let judged: Vec<&str> = figures.iter().map(|(name, _)| name).collect();
    let expected = [
        "flash_hal",
        "flash_spl",
        "identity_jk-pb_ms",
        "identity_pace_ms",
        "identity_topbms_ms",
        "profile_jk-pb",
        "profile_pace",
        "profile_topbms",
    ];
    assert_eq!(judged, expected);
    let missed: Vec<_> = figures.iter().filter(|(_, figure)| !figure.met).collect();
    assert!(missed.is_empty(), "{missed:?}");
    // The quiet that a device wants is kept: whoever is much below such a floor did not wait.
    for (name, figure) in figures.iter().filter(|(name, _)| name.starts_with("profile_")) {
        assert!(figure.value > 0.98, "{name} is {figure:?}: some quiet was not kept");
    }
    // And a ratio to such a floor never stands without the one to the bare floor.
    for files in MODELS {
        let bare = format!("profile_{}_bare", files.model);
        let shown = figures.shown_beside().find(|(name, _)| *name == bare);
        assert_eq!(shown.is_some(), files.quiet.is_some(), "{bare}");
    }
}

#[test]
fn a_board_that_is_awake_is_known_in_time_without_its_wake() {
    for files in MODELS {
        let measured = files.read(BAUD).unwrap();
        let taken = virtually(identity(Medium::Memory, &measured.model, 3)).unwrap();
        let beyond = taken.call.saturating_sub(measured.quiet);
        assert!(beyond <= Duration::from_millis(300), "{} took {:?}", files.model, taken.call);
    }
}

#[test]
fn the_floor_of_an_image_is_what_goes_over_the_line_and_no_byte_more() {
    // Neither a whole block nor a whole word.
    for (size, seed) in [(2 * 1024, 1), (5 * 1024 + 333, 2), (12_345, 3)] {
        let choice = Choice { size, seed };
        for loader in LOADERS {
            let model = flashed_model(&loader, BAUD).unwrap();
            let floor = flash_floor(&loader, &model, choice);
            let taken = virtually(flash(Medium::Memory, &model, choice)).unwrap();
            assert_eq!(taken.passed.received, floor.received, "{} {size}", loader.name);
            // On top: a question into a board that restarts, and pings into one that starts.
            let on_top = taken.passed.sent - floor.sent;
            assert!(on_top <= 1 + 3 * 8, "{} {size}: {on_top} bytes on top", loader.name);
            assert!(taken.span >= floor.time(BAUD), "{} {size}: below its floor", loader.name);
        }
    }
}

#[test]
fn the_floor_of_a_profile_is_what_goes_over_the_line_to_the_byte() {
    for files in MODELS {
        let measured = files.read(BAUD).unwrap();
        let floor = floor::profile(&measured.model, &measured.parameters().unwrap()).unwrap();
        let taken = virtually(profile(Medium::Memory, &measured, 1)).unwrap();
        let counted = (taken.passed.sent, taken.passed.received);
        assert_eq!(counted, (floor.sent, floor.received), "{}", files.model);
    }
}

#[test]
fn the_floor_of_an_identity_is_what_goes_over_the_line_to_the_byte() {
    for files in MODELS {
        let measured = files.read(BAUD).unwrap();
        let floor = floor::identity(&measured.model, &measured.identity().unwrap()).unwrap();
        let taken = virtually(identity(Medium::Memory, &measured.model, 1)).unwrap();
        let counted = (taken.passed.sent, taken.passed.received);
        assert_eq!(counted, (floor.sent, floor.received), "{}", files.model);
    }
}
