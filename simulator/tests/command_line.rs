//! What the program says to bad input: one sentence that names the thing and what to do, and no file half-made.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may end so")]

mod common;

use std::process::Command;

/// Runs `firmware` with these arguments; what it says on failure, nothing on success.
fn firmware(model: &std::path::Path, more: &[&str]) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("image.bin");
    let mut command = Command::new(env!("CARGO_BIN_EXE_jigline-simulator"));
    command
        .arg("firmware")
        .arg("--model")
        .arg(model)
        .arg("--out")
        .arg(&out)
        .args(more)
        .env("RUST_BACKTRACE", "1");
    let output = command.output().unwrap();
    assert_eq!(output.status.success(), out.exists(), "a file only where it is a good one");
    (!output.status.success()).then(|| String::from_utf8(output.stderr).unwrap())
}

#[test]
fn an_image_is_built_again_byte_for_byte() {
    let model = common::model_path();
    assert_eq!(firmware(&model, &["--version", "1.9", "--size", "65536"]), None);
    let build =
        |seed| jigline_simulator::firmware::build_image(&common::model(), "V1.9", 65_536, seed).unwrap();
    assert_eq!(build(3), build(3));
    assert_ne!(build(3), build(4));
}

#[test]
fn bad_input_gets_one_sentence() {
    let model = common::model_path();
    for (arguments, word) in [
        (vec!["--version", "1.9", "--size", "0"], "0 bytes"),
        (vec!["--version", "1.9", "--size", "122881"], "122881 bytes"),
        (vec!["--version", "a-very-long-version"], "a-very-long-version"),
    ] {
        let said = firmware(&model, &arguments).unwrap();
        assert!(said.contains(word) && said.lines().count() == 1, "{said}");
    }
    let missing = firmware(&model.with_file_name("missing.toml"), &["--version", "1.9"]).unwrap();
    assert!(missing.contains("missing.toml") && missing.lines().count() == 1, "{missing}");
}

#[test]
fn a_corrupt_model_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("half.toml");
    let text = std::fs::read_to_string(common::model_path()).unwrap();
    std::fs::write(&path, &text[..text.len() / 2]).unwrap();
    let said = firmware(&path, &["--version", "1.9"]).unwrap();
    assert!(said.contains("half.toml:"), "{said}");
    assert!(!said.contains("backtrace"), "{said}");
}

#[test]
fn a_fault_that_would_not_show_on_the_model_is_refused_before_a_port_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let device = folder.path().join("board");
    let output = Command::new(env!("CARGO_BIN_EXE_jigline-simulator"))
        .args(["board", "--fault", "flipped_flash_byte", "--model"])
        .arg(common::path_of("jbd"))
        .arg("--pty")
        .arg(&device)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && !device.exists());
    assert!(said.contains("jbd") && said.contains("would not show") && said.lines().count() == 1, "{said}");
}
