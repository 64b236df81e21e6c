//! What an enrolment tells whoever typed the code: what was done, and what comes next.

use super::Enrolment;
use std::time::Duration;

/// `ports`: the serial ports of this machine. No secret is in it.
#[must_use]
pub fn report(done: &Enrolment, ports: &[String], took: Duration) -> String {
    let (settings, data) = (done.settings.display(), done.data.display());
    let mut lines = vec![
        format!("{} is enrolled with {} ({:.1} s)", done.name, done.server, took.as_secs_f64()),
        format!("settings   {settings}   it holds the station's key: only this account may read it"),
        format!("journal    {data}"),
    ];
    if let Some(before) = &done.before {
        let before = before.display();
        lines.push(format!("before     {before}   what was there; slots and the like are taken over"));
    }
    if done.has_foreign_journal {
        lines.push(format!(
            "attention  {data} holds the journal of another station, which is not touched: name another folder under `data`"
        ));
    }
    lines.push("next".to_owned());
    let mut steps = vec![
        "jigline-station service install   it works the slots from now on, and after every start of this machine",
        "give the station a batch on the server's page",
    ];
    let lacking = done.lacks.as_ref().map(|lacks| format!("complete {settings}: {lacks}"));
    if let Some(lacking) = &lacking {
        steps.insert(0, lacking);
    }
    for (number, step) in (1..).zip(steps) {
        lines.push(format!("  {number}. {step}"));
        if number == 1 && lacking.is_some() {
            lines.extend(ports.iter().map(|port| format!("     a serial port of this machine: {port}")));
        }
    }
    lines.join("\n")
}
