//! The steps of a list against the device model: what they name, it has, and what they order, it stands.

use super::{Action, Procedure, ProcedureFault};
use crate::model::{DeviceModel, ParameterChange, RegisterKind};

/// Commands that take the board out of the run's hands; for two of them there are steps.
const NOT_BY_COMMAND: [&str; 3] = ["restart", "enter_loader", "sleep"];

/// Everything in the steps that boards of `model` do not have or do not stand, each with its line.
pub(super) fn check_steps(procedure: &Procedure, model: &DeviceModel) -> Vec<ProcedureFault> {
    let steps = procedure.steps.iter().enumerate();
    steps
        .filter_map(|(index, step)| {
            let reason = match &step.action {
                Action::Command(name) => wrong_command(name, model),
                Action::Expect(flag) => wrong_flag(&flag.register, &flag.bit, model),
                _ => None,
            }?;
            let kind = step.action.kind().as_str();
            let reason = format!("step {} ({kind}): {reason}", index + 1);
            Some(ProcedureFault { file: procedure.id.clone(), line: step.line, reason })
        })
        .collect()
}

fn wrong_command(name: &str, model: &DeviceModel) -> Option<String> {
    let Some(command) = model.command(name) else {
        return Some(format!("model {} has no command {name:?}", model.id));
    };
    if NOT_BY_COMMAND.contains(&name) {
        return Some(format!("command {name} takes the board out of the run's hands"));
    }
    (command.parameter_change() != ParameterChange::Nothing)
        .then(|| format!("command {name} changes parameters, and the profile has set them"))
}

fn wrong_flag(register: &str, bit: &str, model: &DeviceModel) -> Option<String> {
    let Some(register) = model.register(register) else {
        return Some(format!("model {} has no register {register:?}", model.id));
    };
    if !matches!(register.kind, RegisterKind::Bits | RegisterKind::Bits32 | RegisterKind::Coils) {
        return Some(format!("{} is no bit field", register.name));
    }
    if !model.can_read(register) {
        return Some(format!("{} can't be read", register.name));
    }
    let is_named = register.bits.iter().any(|known| known.name == bit);
    (!is_named).then(|| format!("{} has no bit {bit:?}", register.name))
}
