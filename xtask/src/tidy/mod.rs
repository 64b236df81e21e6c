//! `cargo xtask tidy`: the layout, held by a program. Each finding is one line: file, line, what to do.

mod arrows;
mod rules;
mod source;

use crate::say;
use crate::workspace::{Workspace, output};
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::Command;

/// Nothing larger than this is kept in git: it is built or fetched instead. Bytes.
const LARGEST_FILE: u64 = 1024 * 1024;

/// What every reader looks for first.
const EXPECTED: [&str; 5] =
    ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", ".ci/run", "rust-toolchain.toml"];

/// Something out of its place.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    pub file: String,
    pub line: usize,
    pub advice: String,
}

/// # Errors
/// When anything was found.
pub fn check(workspace: &Workspace) -> Result<()> {
    let files = listed(workspace)?;
    let mut findings = arrows::check(workspace)?;
    for file in &files {
        let path = workspace.root.join(file);
        let Ok(size) = std::fs::metadata(&path).map(|about| about.len()) else {
            continue; // deleted, not yet committed
        };
        if size > LARGEST_FILE {
            findings.push(finding(
                file,
                1,
                format!("{size} bytes: build or fetch it instead of keeping it in git"),
            ));
            continue;
        }
        if let Ok(text) = std::fs::read_to_string(&path) {
            findings.extend(rules::check(file, &text));
        }
    }
    findings.extend(missing(&workspace.root, &files));
    findings.sort();
    for found in &findings {
        say::result(format!("{}:{}: {}", found.file, found.line, found.advice));
    }
    if !findings.is_empty() {
        bail!("{} findings of tidy above", findings.len());
    }
    say::line(format!("   tidy: {} files, nothing out of place", files.len()));
    Ok(())
}

fn finding(file: &str, line: usize, advice: impl Into<String>) -> Finding {
    Finding { file: file.to_owned(), line, advice: advice.into() }
}

/// What is in git or would be by the next `git add`, relative to the root.
fn listed(workspace: &Workspace) -> Result<Vec<String>> {
    let mut list = Command::new("git");
    list.current_dir(&workspace.root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let names = output(&mut list).context("tidy asks git which files are ours")?;
    Ok(names.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

fn missing(root: &Path, files: &[String]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = EXPECTED
        .iter()
        .filter(|name| !root.join(name).is_file())
        .map(|name| finding(name, 1, "is missing: write it"))
        .collect();
    let asks = files.iter().any(|file| {
        file.starts_with("server/src/db")
            && std::fs::read_to_string(root.join(file)).is_ok_and(|text| text.contains("query!("))
    });
    if asks && !files.iter().any(|file| file.starts_with(".sqlx/query-")) {
        findings.push(finding(".sqlx", 1, "holds no query: run `cargo xtask sqlx-prepare` and commit it"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_query_cache_is_found() {
        let root = tempfile::tempdir().unwrap();
        for name in EXPECTED {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        std::fs::create_dir_all(root.path().join("server/src/db")).unwrap();
        std::fs::write(root.path().join("server/src/db/unit.rs"), "query!(\"select 1\")").unwrap();
        let with = |more: &[&str]| {
            let mut files = vec!["server/src/db/unit.rs".to_owned()];
            files.extend(more.iter().map(|&file| file.to_owned()));
            missing(root.path(), &files)
        };
        assert_eq!(with(&[]).len(), 1);
        assert_eq!(with(&[".sqlx/query-1.json"]), []);
    }

    #[test]
    fn a_missing_architecture_page_is_found() {
        let root = tempfile::tempdir().unwrap();
        let names: Vec<String> = missing(root.path(), &[]).into_iter().map(|finding| finding.file).collect();
        assert!(names.contains(&"ARCHITECTURE.md".to_owned()));
    }
}
