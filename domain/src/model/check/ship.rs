//! What a model says of the state in which its boards are shipped.

use super::{
    Report,
    names::{NUMBER, Need, need},
};
use crate::{
    model::{DeviceModel, ParameterChange, RegisterKind, ShipSettings, WakesBy},
    source::At,
};

pub(super) fn check_ship(model: &DeviceModel, report: &mut Report<'_>) {
    let Some(ship) = &model.ship else { return };
    if !ship.prepares() && ship.sleep.is_none() {
        report.at(&[At::Key("ship")], "there is a [ship] and nothing in it that could be done");
    }
    if !ship.cleared.is_empty() && !ship.clears() {
        report.at(
            &[At::Key("ship"), At::Key("cleared")],
            "there is nothing under clear or zeroed that would clear them",
        );
    }
    if ship.clears() && ship.counters().next().is_none() {
        report.at(
            &[At::Key("ship"), At::Key("clear")],
            "no register under zeroed or cleared shows that it did",
        );
    }
    check_commands(model, ship, report);
    check_registers(model, ship, report);
    if let Some(sleep) = &ship.sleep
        && sleep.wakes == WakesBy::Frame
        && model.link.wake.is_none()
    {
        let path = [At::Key("ship"), At::Key("sleep"), At::Key("wakes")];
        report.at(&path, "it wakes by a frame, and [link.wake] does not say how");
    }
}

fn check_commands(model: &DeviceModel, ship: &ShipSettings, report: &mut Report<'_>) {
    let mut check = |path: &[At<'_>], name: &str| {
        match model.command(name) {
            None => report.at(path, format!("there is no command {name:?}")),
            // What the profile set would not stand.
            Some(command) if command.parameter_change() != ParameterChange::Nothing => {
                report.at(path, format!("command {name:?} changes parameters"));
            }
            Some(_) => {}
        }
    };
    for (index, name) in ship.clear.iter().enumerate() {
        check(&[At::Key("ship"), At::Key("clear"), At::Index(index)], name);
    }
    if let Some(sleep) = &ship.sleep {
        check(&[At::Key("ship"), At::Key("sleep"), At::Key("command")], &sleep.command);
    }
}

fn check_registers(model: &DeviceModel, ship: &ShipSettings, report: &mut Report<'_>) {
    let bits = [RegisterKind::Bits, RegisterKind::Bits32];
    for (key, names, kinds, access) in [
        ("zeroed", &ship.zeroed, NUMBER.to_vec(), Need::ReadAndWrite),
        ("cleared", &ship.cleared, [&NUMBER[..], &bits].concat(), Need::Read),
    ] {
        for (index, name) in names.iter().enumerate() {
            let path = [At::Key("ship"), At::Key(key), At::Index(index)];
            settable(model, &path, name, &kinds, access, report);
        }
    }
    if let Some(date) = &ship.date {
        let path = [At::Key("ship"), At::Key("date")];
        settable(model, &path, date, &[RegisterKind::DatePacked], Need::ReadAndWrite, report);
    }
    if let Some(clock) = &ship.clock {
        let path = [At::Key("ship"), At::Key("clock"), At::Key("register")];
        settable(model, &path, &clock.register, &[RegisterKind::U32], Need::Write, report);
    }
}

/// There, as needed, and no parameter: those are the profile's.
fn settable(
    model: &DeviceModel,
    path: &[At<'_>],
    name: &str,
    kinds: &[RegisterKind],
    access: Need,
    report: &mut Report<'_>,
) {
    if need(model, path, name, kinds, access, report).is_some_and(|register| register.parameter) {
        report.at(path, format!("register {name:?} is a parameter, and the profile sets it"));
    }
}
