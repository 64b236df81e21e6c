//! `probe`, `read` and `dump`: nothing is written.

use super::{
    desk::Desk,
    fault::{ToolFault, ToolResult},
    report::{Identity, RegisterRead, Report},
    settings_file,
    target::Target,
};
use crate::board::{BoardRequest, Reading};
use domain::{model::DeviceModel, record::FoundState};
use std::path::Path;

pub(super) async fn probe(target: &Target, desk: &mut Desk<'_>) -> ToolResult {
    let mut session = target.open(target.model()?)?;
    let state = session.probe().await?;
    let (port, model) = (session.port.clone(), session.model.id.clone());
    desk.report(&Report::Found { port, model, state })?;
    if state == FoundState::Application {
        let identity = session.identify().await?;
        desk.report(&Report::Identity(Identity::of(&identity)))?;
    }
    Ok(())
}

pub(super) async fn read(target: &Target, registers: &[String], desk: &mut Desk<'_>) -> ToolResult {
    let model = target.model()?;
    for name in registers {
        check_readable(&model, name)?;
    }
    let mut session = target.open(model)?;
    session.application(desk).await?;
    let readings = session.read_there(registers.to_vec()).await?;
    let missing: Vec<&str> = registers
        .iter()
        .filter(|name| readings.iter().all(|reading| reading.name != **name))
        .map(String::as_str)
        .collect();
    for reading in readings {
        desk.report(&Report::Register(RegisterRead::of(&session.model, reading)))?;
    }
    if missing.is_empty() {
        return Ok(());
    }
    let reason = format!("This board has no {}: it shows fewer cells or sensors.", missing.join(", "));
    Err(ToolFault::refused("not_there", &reason))
}

pub(super) async fn dump(target: &Target, all: bool, file: Option<&Path>, desk: &mut Desk<'_>) -> ToolResult {
    let mut session = target.open(target.model()?)?;
    let identity = match file {
        // Another model's registers would be taken for this one's.
        Some(_) => session.own_application(desk).await?,
        None => session.application(desk).await?,
    };
    let readings = if all {
        let model = &session.model;
        let readable = model.registers.iter().filter(|register| is_readable(model, &register.name));
        let names = readable.map(|register| register.name.clone()).collect();
        session.read_there(names).await?
    } else {
        session.readings(BoardRequest::ReadParameters).await?
    };
    let saved = match file {
        Some(file) => {
            let parameters: Vec<Reading> = readings
                .iter()
                .filter(|reading| {
                    session.model.register(&reading.name).is_some_and(|register| register.parameter)
                })
                .cloned()
                .collect();
            let at = desk.clock.now().at;
            Some((file, settings_file::save(file, &session.model, &identity, at, &parameters)?))
        }
        None => None,
    };
    for reading in readings {
        desk.report(&Report::Register(RegisterRead::of(&session.model, reading)))?;
    }
    if let Some((file, (parameters, left_out))) = saved {
        desk.report(&Report::Saved { file: file.display().to_string(), parameters, left_out })?;
    }
    Ok(())
}

/// Whether the map lets it be read. A password is not read even where a board would show it.
pub(super) fn is_readable(model: &DeviceModel, name: &str) -> bool {
    let secret = model.password.as_ref().is_some_and(|p| p.secret_registers().any(|secret| secret == name));
    if secret {
        return false;
    }
    model.register(name).is_some_and(|register| model.can_read(register))
}

fn check_readable(model: &DeviceModel, name: &str) -> ToolResult {
    if model.register(name).is_none() {
        let names = model.registers.iter().map(|register| register.name.as_str());
        let hint = near(names, name).unwrap_or_else(|| "`board dump --all` lists what it has".to_owned());
        return Err(ToolFault::usage(format!("model {} has no register {name:?}; {hint}", model.id)));
    }
    if is_readable(model, name) {
        Ok(())
    } else {
        Err(ToolFault::usage(format!("{name} of model {} is never read", model.id)))
    }
}

/// The names that look like this one, as a question.
pub(super) fn near<'n>(names: impl Iterator<Item = &'n str>, name: &str) -> Option<String> {
    let parts: Vec<&str> = name.split('_').filter(|part| part.len() > 2).collect();
    let mut alike: Vec<(usize, &str)> = names
        .map(|known| {
            let whole = known.contains(name) || name.contains(known);
            let shared = known.split('_').filter(|part| parts.contains(part)).count();
            (if whole { usize::MAX } else { shared }, known)
        })
        .filter(|(shared, _)| *shared > 0 && shared.saturating_mul(2) >= parts.len())
        .collect();
    alike.sort_by_key(|(shared, _)| std::cmp::Reverse(*shared));
    let alike: Vec<&str> = alike.into_iter().map(|(_, known)| known).take(8).collect();
    (!alike.is_empty()).then(|| format!("did you mean {}?", alike.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_nearly_right_is_asked_back() {
        let names = ["charge_delay_s", "discharge_delay_s", "cell_1_mv", "soc_percent"];
        let asked = |name| near(names.into_iter(), name);
        assert_eq!(asked("charge_delay").as_deref(), Some("did you mean charge_delay_s, discharge_delay_s?"));
        assert_eq!(asked("delay_charge").as_deref(), Some("did you mean charge_delay_s, discharge_delay_s?"));
        assert_eq!(asked("nonsense"), None);
    }
}
