//! The rules that look into one file.

use super::source::{self, Source};
use super::{Finding, finding};

/// The longest file a person reads in one go, in lines.
const LONGEST_FILE: usize = 500;
/// The longest page of the frontend, in lines.
const LONGEST_PAGE: usize = 300;

/// Where machines of ours keep their files: no path of one machine belongs in the tree.
const MACHINE_PATH: &str = concat!("/wo", "rk/");

/// Roots of workspaces, which name versions themselves. `fuzz/` is one because it needs a nightly compiler.
const OWN_WORKSPACES: [&str; 2] = ["Cargo.toml", "fuzz/Cargo.toml"];

/// What opens a serial port.
const OPENS_PORT: [&str; 5] =
    ["tokio_serial::new(", "serialport::new(", "SerialStream::open(", "open_native_async(", "open_native("];

/// What runs a statement on a database.
const ASKS_DATABASE: [&str; 6] =
    ["query!(", "query_as!(", "query_scalar!(", "query_file!(", "sqlx::query", "QueryBuilder::new("];

/// What leaves something for later where nobody sees it.
const LEFT_UNDONE: [(&str, &str); 4] = [
    ("todo!(", "write it, or return an error that says what is missing"),
    ("unimplemented!(", "write it, or return an error that says what is missing"),
    ("dbg!(", "take it out"),
    ("#[ignore", "a test runs or is gone"),
];

/// Everything wrong with one file, `file` relative to the root.
pub fn check(file: &str, text: &str) -> Vec<Finding> {
    let mut findings = machine_paths(file, text);
    findings.extend(merge_marks(file, text));
    if file.ends_with("Cargo.toml") && !OWN_WORKSPACES.contains(&file) {
        findings.extend(manifest(file, text));
    }
    if file.ends_with(".rs") {
        findings.extend(length(file, text));
        let source = source::read(text);
        findings.extend(undone(file, &source));
        findings.extend(environment(file, &source));
        findings.extend(ports(file, &source));
        findings.extend(sql(file, &source));
    }
    findings
}

fn machine_paths(file: &str, text: &str) -> Vec<Finding> {
    let lines = text.lines().enumerate().filter(|(_, line)| line.contains(MACHINE_PATH));
    lines
        .map(|(index, _)| finding(file, index + 1, "a path of one machine: make it relative, or an option"))
        .collect()
}

fn merge_marks(file: &str, text: &str) -> Vec<Finding> {
    let is_mark = |line: &str| {
        ['<', '>'].iter().any(|sign| line.starts_with(&format!("{} ", sign.to_string().repeat(7))))
    };
    lines_where(text, is_mark)
        .map(|line| finding(file, line, "a mark of a merge: keep one side, or both"))
        .collect()
}

/// Third-party versions stand once, in the root manifest; lints hold for every crate.
fn manifest(file: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut section = "";
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('[') {
            section = line;
        } else if section.ends_with("dependencies]")
            && line.contains('=')
            && !line.starts_with('#')
            && !line.contains("workspace = true")
        {
            let advice = "name the version in the root Cargo.toml and write `workspace = true` here";
            findings.push(finding(file, index + 1, advice));
        }
    }
    if !text.contains("[lints]\nworkspace = true") {
        findings.push(finding(
            file,
            1,
            "the workspace's lints are not taken over: add `[lints] workspace = true`",
        ));
    }
    findings
}

fn length(file: &str, text: &str) -> Option<Finding> {
    let limit = if file.starts_with("frontend/src/pages") { LONGEST_PAGE } else { LONGEST_FILE };
    let lines = text.lines().count();
    (lines > limit).then(|| {
        finding(file, limit + 1, format!("{lines} lines, at most {limit}: split it by what it does"))
    })
}

fn undone(file: &str, source: &Source) -> Vec<Finding> {
    LEFT_UNDONE
        .iter()
        .flat_map(|(pattern, advice)| {
            lines_with(&source.code, pattern)
                .map(move |line| finding(file, line, format!("`{pattern}`: {advice}")))
        })
        .collect()
}

fn environment(file: &str, source: &Source) -> Vec<Finding> {
    // Tests have a door of their own: `cargo xtask test` tells them where the throw-away PostgreSQL is.
    let test = file.contains("/tests/") || file.ends_with("/tests.rs") || file.ends_with("/testing.rs");
    let test = test || file.starts_with("tests/");
    let allowed = test || file.ends_with("/main.rs") || file.ends_with("build.rs");
    if allowed {
        return Vec::new();
    }
    let reads = ["env::var(", "env::var_os(", "env::vars(", "env::vars_os("];
    let named = lines_where(production_code(&source.code), |line| {
        reads.iter().any(|read| line.contains(read))
            || (line.trim_start().starts_with("#[arg(") || line.trim_start().starts_with("#[clap("))
                && (line.contains("env = ") || line.contains(" env)") || line.contains(" env,"))
    });
    named
        .map(|line| {
            finding(file, line, "the environment is read in main.rs only: take the value as an argument")
        })
        .collect()
}

fn ports(file: &str, source: &Source) -> Vec<Finding> {
    let own = ["station/src/link/", "station/src/link.rs", "simulator/", "tests/"];
    if own.iter().any(|place| file.starts_with(place)) {
        return Vec::new();
    }
    let code = production_code(&source.code);
    let opened = lines_where(code, |line| OPENS_PORT.iter().any(|open| line.contains(open)));
    opened.map(|line| finding(file, line, "ports are opened in station/src/link only")).collect()
}

fn sql(file: &str, source: &Source) -> Vec<Finding> {
    let own = ["server/src/db/", "server/src/db.rs", "station/src/journal/", "station/src/journal.rs"];
    let inside = file.contains("/src/") && !file.starts_with("tests/") && !file.starts_with("xtask/");
    let test_only = file.ends_with("/tests.rs") || file.contains("/src/tests/");
    if !inside || test_only || own.iter().any(|place| file.starts_with(place)) {
        return Vec::new();
    }
    let code = production_code(&source.code);
    let last_line = code.lines().count();
    let asked = lines_where(code, |line| ASKS_DATABASE.iter().any(|ask| line.contains(ask)));
    let literals = source.literals.iter().filter(|(line, text)| *line <= last_line && is_statement(text));
    let mut lines: Vec<usize> = asked.chain(literals.map(|(line, _)| *line)).collect();
    lines.sort_unstable();
    lines.dedup();
    let advice = "SQL stands in server/src/db and station/src/journal only: give it a function there";
    lines.into_iter().map(|line| finding(file, line, advice)).collect()
}

/// A file's code before its unit tests.
fn production_code(code: &str) -> &str {
    code.find("#[cfg(test)]\nmod ").map_or(code, |start| code.get(..start).unwrap_or(code))
}

/// True for text that a database would run. English that begins alike ("Select a batch") is none.
fn is_statement(text: &str) -> bool {
    let words: Vec<String> = text.replace("\\n", " ").split_whitespace().map(str::to_lowercase).collect();
    let has = |word: &str| words.iter().any(|other| other == word);
    let begins = |first: &str, second: &str| {
        words.first().is_some_and(|word| word == first) && words.get(1).is_some_and(|word| word == second)
    };
    let one_case = text.split_whitespace().next().is_some_and(|word| {
        word.chars().all(|letter| letter.is_lowercase()) || word.chars().all(|letter| letter.is_uppercase())
    });
    let first = words.first().map(String::as_str);
    one_case
        && (first == Some("select") && has("from")
            || first == Some("update") && has("set")
            || first == Some("with") && has("select")
            || begins("insert", "into")
            || begins("delete", "from")
            || begins("create", "table")
            || begins("alter", "table"))
}

fn lines_with<'a>(code: &'a str, pattern: &'a str) -> impl Iterator<Item = usize> + 'a {
    lines_where(code, move |line| line.contains(pattern))
}

fn lines_where<'a>(code: &'a str, holds: impl Fn(&str) -> bool + 'a) -> impl Iterator<Item = usize> + 'a {
    code.lines().enumerate().filter(move |(_, line)| holds(line)).map(|(index, _)| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOWHERE: [usize; 0] = [];

    fn lines(file: &str, text: &str) -> Vec<usize> {
        check(file, text).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn sql_outside_its_place_is_found() {
        let text = "fn f() {\n    sqlx::query!(\n        \"select id from unit\"\n    );\n}\n";
        assert_eq!(lines("server/src/routes/unit.rs", text), [2, 3]);
        assert_eq!(lines("server/src/db/unit.rs", text), NOWHERE);
        let multi = "const Q: &str = \"\n  UPDATE unit\n  SET name = $1\";\n";
        assert_eq!(lines("station/src/runner.rs", multi), [1]);
        assert_eq!(lines("station/src/journal/write.rs", multi), NOWHERE);
    }

    #[test]
    fn english_is_not_taken_for_sql() {
        let text =
            "const A: &str = \"Select a batch from the list\";\nconst B: &str = \"update the profile\";\n";
        assert_eq!(lines("server/src/text.rs", text), NOWHERE);
    }

    #[test]
    fn sql_in_comments_and_in_unit_tests_is_no_finding() {
        let text = "// sqlx::query!(\"select a from b\")\n#[cfg(test)]\nmod tests {\n    const Q: &str = \"select a from b\";\n}\n";
        assert_eq!(lines("server/src/ingest.rs", text), NOWHERE);
    }

    #[test]
    fn a_port_opened_elsewhere_is_found() {
        let text = "fn f() {\n    let port = tokio_serial::new(path, 115_200).open_native_async();\n}\n";
        assert_eq!(lines("station/src/flash.rs", text), [2]);
        assert_eq!(lines("station/src/link/open.rs", text), NOWHERE);
    }

    #[test]
    fn the_environment_read_outside_main_is_found() {
        let text = "fn f() {\n    std::env::var(\"HOME\")\n}\nstruct O {\n    #[arg(long, env = \"X\")]\n    x: u8,\n}\n";
        assert_eq!(lines("server/src/config.rs", text), [2, 5]);
        assert_eq!(lines("server/src/main.rs", text), NOWHERE);
        assert_eq!(lines("server/tests/ingest.rs", text), NOWHERE);
        assert_eq!(lines("domain/src/lib.rs", "const V: &str = env!(\"CARGO_PKG_VERSION\");\n"), NOWHERE);
    }

    #[test]
    fn what_is_left_undone_is_found_in_code_only() {
        assert_eq!(lines("domain/src/a.rs", "fn f() {\n    todo!()\n}\n"), [2]);
        assert_eq!(lines("domain/src/a.rs", "#[ignore = \"slow\"]\n#[test]\nfn f() {}\n"), [1]);
        assert_eq!(
            lines("domain/src/a.rs", "// todo!() is refused\nconst A: &str = \"todo!()\";\n"),
            NOWHERE
        );
    }

    #[test]
    fn a_file_too_long_is_found_and_a_page_sooner() {
        let text = "\n".repeat(400);
        assert_eq!(lines("server/src/a.rs", &text), NOWHERE);
        assert_eq!(lines("frontend/src/pages/a.rs", &text), [LONGEST_PAGE + 1]);
        assert_eq!(lines("server/src/a.rs", &"\n".repeat(501)), [LONGEST_FILE + 1]);
    }

    #[test]
    fn a_path_of_one_machine_is_found() {
        let text = format!("see {MACHINE_PATH}main\n");
        assert_eq!(lines("docs/a.md", &text), [1]);
    }

    #[test]
    fn what_a_merge_left_behind_is_found() {
        let text = ["<".repeat(7) + " ours", "=".repeat(7), ">".repeat(7) + " theirs"].join("\n");
        assert_eq!(lines("CHANGELOG.md", &text), [1, 3]);
    }

    #[test]
    fn a_version_named_outside_the_root_is_found() {
        let lints = "[lints]\nworkspace = true\n";
        let text = format!(
            "{lints}[dependencies]\nserde.workspace = true\nuuid = {{ workspace = true }}\ntokio = \"1\"\n"
        );
        assert_eq!(lines("server/Cargo.toml", &text), [6]);
        assert_eq!(lines("server/Cargo.toml", "[dependencies]\n"), [1]);
        assert!(lines("fuzz/Cargo.toml", &text).is_empty());
    }
}
