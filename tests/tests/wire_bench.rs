//! The wire bench's virtual half on every test run, so that waste on the wire turns it red; and its floor against bytes counted on a line.

use jigline_tests::bench::{
    floor,
    loaders::LOADERS,
    models::MODELS,
    rig::Medium,
    wire::{BAUD, Choice, flash, flash_floor, flashed_model, in_virtual_time, profile, virtually},
};

#[test]
fn every_session_keeps_within_its_goal_of_the_wire_floor() {
    let figures = in_virtual_time(Choice { size: 64 * 1024, seed: 7 }).unwrap();
    let missed: Vec<_> = figures.iter().filter(|(_, figure)| !figure.met).collect();
    assert!(missed.is_empty(), "{missed:?}");
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
