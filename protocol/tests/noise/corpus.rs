//! The corpora of `fuzz/`, replayed on stable through the same bodies.

use std::path::{Path, PathBuf};

use super::bodies::BODIES;

fn corpora() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus")
}

/// The files of one target, in order of their names.
fn files(target: &str) -> Vec<PathBuf> {
    let folder = corpora().join(target);
    let entries = std::fs::read_dir(&folder).expect("a corpus folder is missing: fuzz/corpus/TARGET");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("a corpus entry").path()).collect();
    files.sort();
    files
}

#[test]
fn every_file_of_every_corpus_is_borne() {
    for (target, body) in BODIES {
        let files = files(target);
        assert!(!files.is_empty(), "the corpus of {target} is empty");
        for file in files {
            let bytes = std::fs::read(&file).expect("a corpus file");
            let outcome = std::panic::catch_unwind(|| body(&bytes));
            assert!(outcome.is_ok(), "{} is not borne", file.display());
        }
    }
}

#[test]
fn every_body_has_a_target_and_a_corpus_and_every_corpus_a_body() {
    let mut known: Vec<String> = BODIES.iter().map(|(target, _)| (*target).to_owned()).collect();
    known.sort();
    let entries = std::fs::read_dir(corpora()).expect("fuzz/corpus");
    let mut found: Vec<String> = entries
        .map(|entry| entry.expect("a corpus folder").file_name().to_string_lossy().into_owned())
        .collect();
    found.sort();
    assert_eq!(found, known);
    for target in known {
        let source = corpora().join("../fuzz_targets").join(&target).with_extension("rs");
        let text = std::fs::read_to_string(&source).expect("a fuzz target: fuzz/fuzz_targets/TARGET.rs");
        assert!(text.contains(&format!("bodies::{target}(")), "{target} does not run its body");
    }
}

#[test]
fn a_corpus_file_has_a_name_in_hexadecimal_and_is_small() {
    for (target, _) in BODIES {
        for file in files(target) {
            let name = file.file_name().expect("a name").to_string_lossy().into_owned();
            assert!(name.bytes().all(|byte| byte.is_ascii_hexdigit()), "{target}/{name}");
            let length = std::fs::metadata(&file).expect("a corpus file").len();
            assert!(length <= 4096, "{target}/{name} has {length} bytes");
        }
    }
}
