//! What a picture of a station's PC means. Pure.

mod ports;
mod printer;
mod records;
#[cfg(test)]
mod tests;

use super::picture::{
    ClockSeen, DiskKind, DiskSeen, FixtureSeen, Keeper, MachineSeen, Picture, SettingsSeen, SleepSeen,
};
use crate::{clock::Moment, service::ServiceState};
use chrono::{DateTime, Utc};
use domain::doctor::{Finding, FindingCode as Code};
use std::time::Duration;

/// By so much a clock may differ before anybody is told, seconds.
const CLOCK_MAY: i64 = 30;
/// By so much records would say another hour.
const CLOCK_FAR: i64 = 1800;
/// Of the clock on the mainboard.
const MAINBOARD_MAY: Duration = Duration::from_secs(300);
/// A shift's records and wire logs fit within.
const LOW: u64 = 2 * 1024 * 1024 * 1024;
/// SQLite needs room for its own log.
const FULL: u64 = 64 * 1024 * 1024;

/// Everything that the picture shows, in the order in which a technician looks.
#[must_use]
pub fn examine(picture: &Picture) -> Vec<Finding> {
    let mut found = vec![settings(picture)];
    if let SettingsSeen::Read { path, is_open_to_others: true } = &picture.settings {
        found.push(Finding::new(Code::SettingsOpen).with("path", path));
    }
    found.push(service(picture));
    let slots = picture.station.as_ref().map(|station| station.slots.as_slice()).unwrap_or_default();
    found.extend(ports::examine(slots, &picture.machine));
    found.push(sleep(&picture.machine.sleep));
    let look = picture.station.as_ref().and_then(|station| station.look.as_ref());
    found.extend(clock(&picture.machine.clock, look.and_then(|look| look.at)));
    if let Some(station) = &picture.station {
        found.extend(disk(&station.disk, &picture.machine));
        found.extend(records::journal(&station.journal, look, picture.agent.is_some()));
        found.extend(records::server(station));
        found.push(fixture(&station.fixture));
        found.extend(printer::printer(station.printer.as_ref()));
    }
    found.extend(records::versions(&picture.program, picture.station.is_some(), look));
    if let Some(agent) = picture.agent.as_ref().filter(|agent| agent.is_replaced) {
        found.push(Finding::new(Code::ProgramReplaced).with("pid", agent.pid));
    }
    found.sort_by_key(|finding| finding.code.area());
    found
}

fn settings(picture: &Picture) -> Finding {
    match &picture.settings {
        SettingsSeen::Read { path, .. } => {
            let name = picture.station.as_ref().map_or("?", |station| &station.name);
            Finding::new(Code::SettingsRead).with("path", path).with("station", name)
        }
        SettingsSeen::Fault { path, detail } => {
            Finding::new(Code::SettingsNotRead).with("path", path).with("detail", detail)
        }
    }
}

fn service(picture: &Picture) -> Finding {
    let by_hand = |pid: u32| Finding::new(Code::StationByHand).with("pid", pid);
    match (picture.service, &picture.agent) {
        (Some(ServiceState::Running | ServiceState::Changing), _) => Finding::new(Code::ServiceRuns),
        (_, Some(agent)) => by_hand(agent.pid),
        (Some(ServiceState::Failed), None) => Finding::new(Code::ServiceFailed),
        (Some(ServiceState::Stopped), None) => Finding::new(Code::ServiceStopped),
        (Some(ServiceState::NotInstalled) | None, None) => Finding::new(Code::ServiceMissing),
    }
}

fn sleep(seen: &SleepSeen) -> Finding {
    match seen {
        SleepSeen::Never => Finding::new(Code::SleepOff),
        SleepSeen::Allowed(how) => Finding::new(Code::SleepAllowed).with("how", how),
        SleepSeen::Unknown => Finding::new(Code::SleepUnknown),
    }
}

fn clock(seen: &ClockSeen, server: Option<DateTime<Utc>>) -> Vec<Finding> {
    let shows = seen.now.format("%Y-%m-%d %H:%M UTC").to_string();
    let is_sane = Moment { at: seen.now, elapsed: Duration::ZERO }.require_sane().is_ok();
    let mut found = vec![match server.map(|at| (seen.now - at).num_seconds().abs()) {
        _ if !is_sane => Finding::new(Code::ClockWrong).with("shows", shows),
        None => Finding::new(Code::ClockNotCompared).with("shows", shows),
        Some(off) => {
            let code = match off {
                CLOCK_FAR.. => Code::ClockFarOff,
                CLOCK_MAY.. => Code::ClockOff,
                _ => Code::ClockGood,
            };
            Finding::new(code).with("seconds", off)
        }
    }];
    found.extend(match &seen.keeper {
        Keeper::Runs(program) => Some(Finding::new(Code::ClockKept).with("program", program)),
        Keeper::Nobody => Some(Finding::new(Code::ClockNotKept)),
        Keeper::Unknown => None,
    });
    found.extend(
        seen.mainboard_off
            .filter(|off| *off > MAINBOARD_MAY)
            .map(|off| Finding::new(Code::ClockBattery).with("seconds", off.as_secs())),
    );
    found
}

fn disk(disk: &DiskSeen, machine: &MachineSeen) -> Vec<Finding> {
    let of = |code, kind: &str| Finding::new(code).with("path", &disk.path).with("kind", kind);
    let mut found = Vec::new();
    match &disk.kind {
        DiskKind::Lasting => {}
        DiskKind::Forgetting(kind) => found.push(of(Code::DiskForgets, kind)),
        DiskKind::InNetwork(kind) => found.push(of(Code::DiskInNetwork, kind)),
        DiskKind::ReadOnly => {
            found.push(Finding::new(Code::DiskReadOnly).with("path", &disk.path));
        }
    }
    if let Some(product) = &machine.reverting {
        found.push(Finding::new(Code::DiskReverts).with("product", product));
    }
    let is_lasting = found.is_empty();
    let room = |code, free: u64| Finding::new(code).with("path", &disk.path).with("free", size(free));
    match &disk.free {
        Ok(free) if *free < FULL => found.push(room(Code::DiskFull, *free)),
        Ok(free) if *free < LOW => found.push(room(Code::DiskLow, *free)),
        Ok(free) if is_lasting => found.push(room(Code::DiskGood, *free)),
        Ok(_) => {}
        Err(detail) => {
            found.push(Finding::new(Code::DiskUnknown).with("path", &disk.path).with("detail", detail));
        }
    }
    found
}

/// In the unit that a person would say.
fn size(bytes: u64) -> String {
    const MIB: u64 = 1024 * 1024;
    if bytes >= 1024 * MIB { format!("{} GB", bytes / (1024 * MIB)) } else { format!("{} MB", bytes / MIB) }
}

fn fixture(seen: &FixtureSeen) -> Finding {
    match seen {
        FixtureSeen::None => Finding::new(Code::FixtureNone),
        FixtureSeen::AtWork(address) => Finding::new(Code::FixtureAtWork).with("address", address),
        FixtureSeen::Reached(address) => Finding::new(Code::FixtureAnswers).with("address", address),
        FixtureSeen::Silent(address, detail) => {
            Finding::new(Code::FixtureSilent).with("address", address).with("detail", detail)
        }
    }
}
