//! People from the command line: for an installation that nobody can sign in to yet.

use crate::{ask, end_of, program, serve, signal, start};
use nix::sys::signal::Signal;
use std::{io::Write as _, path::Path, process::Stdio};

/// What it prints, whether it ended well; `typed` stands on its standard input.
fn people(data: &Path, arguments: &[&str], typed: &str) -> (String, bool) {
    let mut command = program();
    command.arg("people").args(arguments).arg("--data").arg(data);
    let streams = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = streams.spawn().unwrap();
    child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (String::from_utf8(said).unwrap(), output.status.success())
}

#[test]
fn an_administrator_without_a_browser_makes_people_and_gives_them_badges_and_pins() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("plant");
    let (mut child, ready) = start(&mut serve(&data));
    let of = |arguments: &[&str], typed: &str| people(&data, arguments, typed);
    let (said, done) = of(&["add", "lin", "--name", "林伟", "--number", "0417", "--language", "zh"], "");
    assert!(done, "{said}");
    assert!(
        said.starts_with("lin · 林伟 · operator · number 0417 · Chinese\npassword for the office"),
        "{said}"
    );
    let (said, done) = of(&["badge", "lin"], "BADGE-0000482913\r\n");
    assert!(done && said.contains("badge") && !said.contains("482913"), "{said}");
    let (said, done) = of(&["pin", "lin"], "123456\n");
    assert!(!done && said.contains("pin: 6 to 12 digits") && !said.contains("123456"), "{said}");
    let (said, done) = of(&["pin", "lin"], "482915\n");
    assert!(done && said.contains("PIN") && !said.contains("482915"), "{said}");
    let (said, done) = of(&["lead", "lin", "--reason", "leads the early shift"], "");
    assert!(done && said.contains("lead"), "{said}");
    let (said, done) = of(&["lead", "nobody", "--reason", "x"], "");
    assert!(!done && said.contains("There is no person nobody"), "{said}");
    let (said, done) = of(&["add", "lin"], "");
    assert!(!done && said.contains("Somebody else has that name"), "{said}");
    let (said, done) = of(&["list"], "");
    assert!(
        done && said.contains("lin · 林伟 · operator · lead · number 0417 · Chinese · badge · PIN\n"),
        "{said}"
    );
    // Taken away by an empty line, and by nothing at all left as it is.
    assert!(!of(&["badge", "lin"], "").1);
    assert!(of(&["badge", "lin"], "\n").1);
    let acts = "select string_agg(action || ' ' || writer || ' ' || (detail ->> 'by'), ', ' order by audit_id) from audit where subject = 'lin'";
    let jig = "account.jig service command line";
    let expected =
        ["account.create service command line", jig, jig, jig, "account.lead service command line", jig];
    assert_eq!(ask(&ready, acts), expected.join(", "));
    signal(&child, Signal::SIGTERM);
    assert_eq!(end_of(&mut child), Some(0));
}
