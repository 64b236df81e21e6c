//! Where PostgreSQL's programs are.

use super::PostgresError;
use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
};

/// A folder with `initdb`, `postgres` and `pg_ctl`, and its major version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    pub folder: PathBuf,
    /// `15`, `18`.
    pub major: String,
}

/// Finds the programs: the named folder, else Debian's (the version that made the data, else the newest), else an unpacked
/// folder beside the data, else along `search_path` (the value of PATH).
///
/// # Errors
/// Where there are none, or the named folder holds none.
pub fn find_programs(
    named: Option<&Path>,
    made_by: Option<&str>,
    unpacked: &Path,
    search_path: Option<&OsStr>,
) -> Result<Programs, PostgresError> {
    if let Some(folder) = named {
        return holds_programs(folder)
            .then(|| describe(folder))
            .flatten()
            .ok_or_else(|| PostgresError::NotAProgramFolder { folder: folder.to_owned() });
    }
    let mut found: Vec<Programs> = candidates(unpacked, search_path)
        .into_iter()
        .filter(|folder| holds_programs(folder))
        .filter_map(|folder| describe(&folder))
        .collect();
    // A stable sort: among equal versions the order of the search stands.
    found.sort_by_key(|programs| {
        let matches = made_by.is_some_and(|major| major == programs.major);
        (!matches, std::cmp::Reverse(programs.major.parse::<u32>().unwrap_or(0)))
    });
    found.into_iter().next().ok_or_else(|| PostgresError::NoPrograms {
        looked: format!("/usr/lib/postgresql/*/bin, {}, PATH", unpacked.display()),
    })
}

fn candidates(unpacked: &Path, search_path: Option<&OsStr>) -> Vec<PathBuf> {
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = debian.map(|entry| entry.path().join("bin")).collect();
    folders.push(unpacked.to_owned());
    folders.push(unpacked.join("bin"));
    folders.extend(search_path.into_iter().flat_map(std::env::split_paths));
    folders
}

fn holds_programs(folder: &Path) -> bool {
    ["initdb", "postgres", "pg_ctl"].iter().all(|program| folder.join(program).is_file())
}

fn describe(folder: &Path) -> Option<Programs> {
    let output = Command::new(folder.join("postgres")).arg("--version").output().ok()?;
    let major = parse_major(&String::from_utf8_lossy(&output.stdout))?;
    Some(Programs { folder: folder.to_owned(), major })
}

/// `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)` -> `15`.
fn parse_major(text: &str) -> Option<String> {
    let version = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let major: String = version.chars().take_while(char::is_ascii_digit).collect();
    Some(major)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_what_the_program_says() {
        assert_eq!(
            parse_major("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n").as_deref(),
            Some("15")
        );
        assert_eq!(parse_major("postgres (PostgreSQL) 18beta1\n").as_deref(), Some("18"));
        assert_eq!(parse_major("nonsense"), None);
    }

    #[test]
    fn a_folder_without_programs_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = find_programs(Some(folder.path()), None, folder.path(), None).unwrap_err();
        assert!(error.to_string().contains(&folder.path().display().to_string()), "{error}");
    }
}
