//! `probe`, `read` and `dump`: nothing is written.

use super::{
    desk::Desk,
    fault::{ToolFault, ToolResult},
    report::{Identity, RegisterRead, Report},
    settings_file,
    target::Target,
};
use crate::board::{BoardRequest, Reading};
use domain::{
    model::{Access, DeviceModel},
    record::FoundState,
};
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
    for reading in session.read(registers.to_vec()).await? {
        desk.report(&Report::Register(RegisterRead::of(&session.model, reading)))?;
    }
    Ok(())
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
        session.read(names).await?
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
    let block = model.register(name).and_then(|register| model.block(register));
    block.is_some_and(|block| block.access != Access::WriteOnly)
}

fn check_readable(model: &DeviceModel, name: &str) -> ToolResult {
    if model.register(name).is_none() {
        let near: Vec<&str> = model
            .registers
            .iter()
            .map(|register| register.name.as_str())
            .filter(|known| known.contains(name) || name.contains(known))
            .take(8)
            .collect();
        let hint = if near.is_empty() {
            "`board dump --all` lists what it has".to_owned()
        } else {
            format!("did you mean {}?", near.join(", "))
        };
        return Err(ToolFault::usage(format!("model {} has no register {name:?}; {hint}", model.id)));
    }
    if is_readable(model, name) {
        Ok(())
    } else {
        Err(ToolFault::usage(format!("{name} of model {} is never read", model.id)))
    }
}
