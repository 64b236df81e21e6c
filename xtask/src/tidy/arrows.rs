//! Who may use whom. Read from `cargo metadata`, so that a renamed or a dev-dependency counts as much as any.

use super::{Finding, finding};
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use cargo_metadata::{Metadata, MetadataCommand, Package};

/// Each crate of ours, those of ours it may use, and third-party crates that have no place in it.
const ARROWS: [(&str, &[&str], &[&str]); 12] = [
    ("jigline-domain", &[], &["tokio", "reqwest", "sqlx", "rusqlite", "rand"]),
    ("jigline-protocol", &[], &["tokio", "tokio-serial", "tokio-modbus", "serde", "chrono"]),
    // What a wire log's bytes meant asks both the model and the protocols, and the server reads logs as the station does.
    (
        "jigline-wirelog",
        &["jigline-domain", "jigline-protocol"],
        &["tokio", "sqlx", "rusqlite", "reqwest", "rand"],
    ),
    ("jigline-simulator", &["jigline-domain", "jigline-protocol"], &["sqlx", "rusqlite", "tokio-modbus"]),
    ("jigline-web", &[], &["tokio", "sqlx", "rusqlite"]),
    ("jigline-station", &["jigline-domain", "jigline-protocol", "jigline-web", "jigline-wirelog"], &["sqlx"]),
    (
        "jigline-server",
        &["jigline-domain", "jigline-protocol", "jigline-web", "jigline-wirelog"],
        &["tokio-serial", "tokio-modbus", "rusqlite"],
    ),
    ("jigline-browser", &["jigline-domain"], &["tokio", "sqlx", "reqwest"]),
    (
        "jigline-frontend",
        &["jigline-browser", "jigline-domain", "jigline-protocol"],
        &["tokio", "sqlx", "reqwest"],
    ),
    ("jigline-operator", &["jigline-browser", "jigline-domain"], &["tokio", "sqlx", "reqwest"]),
    (
        "jigline-tests",
        &[
            "jigline-domain",
            "jigline-protocol",
            "jigline-simulator",
            "jigline-station",
            "jigline-server",
            "jigline-wirelog",
        ],
        &[],
    ),
    ("xtask", &[], &["sqlx", "tokio"]),
];

pub fn check(workspace: &Workspace) -> Result<Vec<Finding>> {
    let metadata = MetadataCommand::new()
        .manifest_path(workspace.root.join("Cargo.toml"))
        .no_deps()
        .exec()
        .context("asking cargo about the crates")?;
    Ok(find(&metadata))
}

fn find(metadata: &Metadata) -> Vec<Finding> {
    let ours: Vec<&str> = metadata.packages.iter().map(|package| package.name.as_str()).collect();
    metadata.packages.iter().flat_map(|package| find_in(package, &ours, metadata)).collect()
}

fn find_in(package: &Package, ours: &[&str], metadata: &Metadata) -> Vec<Finding> {
    let manifest = package.manifest_path.as_str();
    let file =
        manifest.strip_prefix(metadata.workspace_root.as_str()).unwrap_or(manifest).trim_start_matches('/');
    let text = std::fs::read_to_string(&package.manifest_path).unwrap_or_default();
    let Some((_, may_use, no_place)) = ARROWS.iter().find(|(name, ..)| *name == package.name.as_str()) else {
        return vec![finding(
            file,
            1,
            "a new crate: give it its arrows in xtask/src/tidy/arrows.rs, with a reason",
        )];
    };
    let mut findings = Vec::new();
    for dependency in &package.dependencies {
        let name = dependency.name.as_str();
        let line = line_of(&text, dependency.rename.as_deref().unwrap_or(name));
        if ours.contains(&name) && !may_use.contains(&name) {
            findings.push(finding(
                file,
                line,
                format!(
                    "{} must not use {name}: the arrows go one way, move what both need down",
                    package.name
                ),
            ));
        }
        if no_place.contains(&name) {
            findings.push(finding(
                file,
                line,
                format!("{name} has no place in {}: take it out", package.name),
            ));
        }
    }
    findings
}

/// The line of a manifest where a dependency is named; ours are named by their folder.
fn line_of(manifest: &str, dependency: &str) -> usize {
    let short = dependency.strip_prefix("jigline-").unwrap_or(dependency);
    let names = |line: &str| {
        line.split(['.', ' ', '=']).next().is_some_and(|word| word == short || word == dependency)
    };
    manifest.lines().position(names).map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// A workspace of empty crates, each with the `[dependencies]` given.
    fn planted(crates: &[(&str, &str)]) -> (tempfile::TempDir, Metadata) {
        let root = tempfile::tempdir().unwrap();
        let folders: Vec<String> =
            crates.iter().map(|(name, _)| format!("\"{}\"", folder_of(name))).collect();
        let write = |path: &Path, text: String| {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write(
            &root.path().join("Cargo.toml"),
            format!("[workspace]\nresolver = \"3\"\nmembers = [{}]\n", folders.join(", ")),
        );
        for (name, dependencies) in crates {
            let folder = root.path().join(folder_of(name));
            let manifest = format!("[package]\nname = \"{name}\"\nedition = \"2024\"\n\n{dependencies}");
            write(&folder.join("Cargo.toml"), manifest);
            write(&folder.join("src/lib.rs"), String::new());
        }
        let metadata =
            MetadataCommand::new().manifest_path(root.path().join("Cargo.toml")).no_deps().exec().unwrap();
        (root, metadata)
    }

    fn folder_of(name: &str) -> &str {
        name.strip_prefix("jigline-").unwrap_or(name)
    }

    #[test]
    fn an_arrow_that_goes_up_is_found_with_its_line() {
        let up = "[dev-dependencies]\nserver = { path = \"../server\", package = \"jigline-server\" }\n";
        let (_root, metadata) = planted(&[("jigline-domain", up), ("jigline-server", "")]);
        let findings = find(&metadata);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!((findings[0].file.as_str(), findings[0].line), ("domain/Cargo.toml", 6));
        assert!(findings[0].advice.contains("jigline-domain must not use jigline-server"));
    }

    #[test]
    fn a_runtime_in_a_pure_crate_is_found() {
        let (_root, metadata) = planted(&[("jigline-protocol", "[dependencies]\ntokio = \"1\"\n")]);
        let findings = find(&metadata);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!((findings[0].file.as_str(), findings[0].line), ("protocol/Cargo.toml", 6));
    }

    #[test]
    fn a_crate_without_arrows_is_found() {
        let (_root, metadata) = planted(&[("jigline-common", "")]);
        assert_eq!(find(&metadata).len(), 1);
    }

    #[test]
    fn an_arrow_that_goes_down_is_right() {
        let down = "[dependencies]\ndomain = { path = \"../domain\", package = \"jigline-domain\" }\n";
        let (_root, metadata) = planted(&[("jigline-domain", ""), ("jigline-server", down)]);
        assert_eq!(find(&metadata), []);
    }
}
