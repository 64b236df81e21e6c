//! `command NAME`: the model's commands, and its switches and modes by their own names.

use super::{
    desk::Desk,
    fault::{ToolFault, ToolResult},
    judge::{Values, check_value, judge},
    report::{Report, hex_word},
    target::{Session, Target},
    write::{Writing, first_difference},
};
use crate::board::{BoardReply, BoardRequest};
use domain::{
    evidence::Evidence,
    model::{Command, DeviceModel, ParameterChange, Register, RegisterKind},
    record::FoundState,
    rules::Ratings,
    text::{Fault, FaultCode},
    value::Value,
};

/// How long a board that was put to sleep is listened for, milliseconds.
const ASLEEP_MS: u32 = 1_000;

/// What a name means for a model.
#[derive(Debug, PartialEq)]
enum Meaning {
    Command(Command),
    /// One bit of a parameter.
    Switch {
        register: String,
        bit: u8,
        on: bool,
    },
    /// One option of a parameter, or 1 and 0 of one that is a switch.
    Mode {
        register: String,
        option: Value,
    },
}

/// What was asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub name: &'a str,
    pub value: Option<&'a str>,
    /// Whether parameters may become what nobody can judge beforehand.
    pub unjudged: bool,
}

pub(super) async fn command(
    target: &Target,
    asked: Asked<'_>,
    writing: &Writing,
    desk: &mut Desk<'_>,
) -> ToolResult {
    let model = target.model()?;
    let name = asked.name;
    match meaning(&model, name, asked.value)? {
        Meaning::Command(command) => {
            if command.parameter_change() == ParameterChange::Unknown && !asked.unjudged {
                return Err(ToolFault::refused(
                    "unjudged",
                    format!(
                        "What {name} puts into the parameters is known nowhere, so no rule can be judged: limits may end below what \
                         the product draws, or above what its cells bear. Nothing was sent. For a board without a pack: say \
                         --unjudged, and write its profile afterwards (`board write FILE`)."
                    ),
                ));
            }
            judge(&model, &Ratings::default(), &Values::new(), &command.sets)?;
            writing.permit(&model, &target.port, &[name], desk)?;
            let mut session = target.open(model)?;
            session.own_application(desk).await?;
            session.press(&command, writing, desk).await
        }
        Meaning::Switch { register, bit, on } => {
            writing.permit(&model, &target.port, &[&register], desk)?;
            let mut session = target.open(model)?;
            session.own_application(desk).await?;
            let readings = session.read(vec![register.clone()]).await?;
            let word = readings.first().and_then(|reading| reading.raw.last()).copied().unwrap_or_default();
            let wanted = if on { word | 1 << bit } else { word & !(1 << bit) };
            let values = Values::from([(register, Value::Text(hex_word(wanted)))]);
            session.write_values(values, Ratings::default(), writing, desk).await?;
            session.show_output(desk).await
        }
        Meaning::Mode { register, option } => {
            let wanted = Values::from([(register.clone(), option)]);
            writing.permit(&model, &target.port, &[&register], desk)?;
            let mut session = target.open(model)?;
            session.own_application(desk).await?;
            session.write_values(wanted, Ratings::default(), writing, desk).await
        }
    }
}

/// What `name` (and `value`) mean; else everything that the model knows.
fn meaning(model: &DeviceModel, name: &str, value: Option<&str>) -> ToolResult<Meaning> {
    if let Some(command) = model.command(name) {
        return match value {
            None => Ok(Meaning::Command(command.clone())),
            Some(value) => Err(ToolFault::usage(format!("command {name} takes no value, not {value:?}"))),
        };
    }
    for register in model.parameters() {
        if let Some(bit) = register.bits.iter().find(|bit| bit.name == name) {
            let on = switched(name, value)?;
            return Ok(Meaning::Switch { register: register.name.clone(), bit: bit.bit & 15, on });
        }
        if register.kind == RegisterKind::Enum && register.name == name {
            let options: Vec<&str> = register.options.iter().map(|option| option.name.as_str()).collect();
            let Some(option) = value else {
                return Err(ToolFault::usage(format!("{name} is one of {}: say which", options.join(", "))));
            };
            check_value(register, &Value::from(option))?;
            return Ok(Meaning::Mode { register: name.to_owned(), option: Value::from(option) });
        }
        if is_switch(register) && register.name == name {
            let option = Value::Number(if switched(name, value)? { 1.0 } else { 0.0 });
            return Ok(Meaning::Mode { register: name.to_owned(), option });
        }
    }
    Err(ToolFault::usage(format!(
        "model {} has no command {name:?}; it has {}",
        model.id,
        known(model).join(", ")
    )))
}

fn switched(name: &str, value: Option<&str>) -> ToolResult<bool> {
    match value {
        Some("on") => Ok(true),
        Some("off") => Ok(false),
        _ => Err(ToolFault::usage(format!("{name} is a switch: say {name} on, or {name} off"))),
    }
}

/// Whether a parameter is a number that is 0 or 1 and nothing else.
fn is_switch(register: &Register) -> bool {
    let is_plain = register.scale == 1.0 && register.offset == 0.0;
    is_plain && register.unit.is_empty() && (register.min, register.max) == (Some(0.0), Some(1.0))
}

/// Every name that `command` takes for a model.
fn known(model: &DeviceModel) -> Vec<String> {
    let commands = model.commands.iter().map(|command| command.name.clone());
    let switches = model.parameters().flat_map(|register| &register.bits);
    let switches = switches.map(|bit| format!("{} on|off", bit.name));
    let modes = model.parameters().filter(|register| register.kind == RegisterKind::Enum).map(|register| {
        let options: Vec<&str> = register.options.iter().map(|option| option.name.as_str()).collect();
        format!("{} {}", register.name, options.join("|"))
    });
    let numbers = model.parameters().filter(|register| is_switch(register));
    let numbers = numbers.map(|register| format!("{} on|off", register.name));
    commands.chain(switches).chain(numbers).chain(modes).collect()
}

impl Session {
    /// Gives a command and looks at the board for whether it was obeyed.
    async fn press(&mut self, command: &Command, writing: &Writing, desk: &mut Desk<'_>) -> ToolResult {
        let name = command.name.clone();
        let report = |evidence, detail: &str| Report::Command {
            name: name.clone(),
            evidence,
            detail: detail.to_owned(),
        };
        if !command.sets.is_empty() {
            let on_board = self.parameters().await?;
            for remark in judge(&self.model, &Ratings::default(), &on_board, &command.sets)? {
                desk.report(&remark.into())?;
            }
        }
        let block = self.model.block_of(command.address, 1);
        if block.is_some_and(|block| block.locked) {
            self.unlock(&writing.password, desk).await?;
        }
        if name == "restart" {
            self.ask(BoardRequest::Restart).await?;
            return desk.report(&report(Evidence::Verified, "the board restarted and answers"));
        }
        self.ask(BoardRequest::Command { name: name.clone() }).await?;
        if let Some(boot) = self.model.boot.as_ref().filter(|boot| boot.enter_command == name) {
            let menu_timeout_ms = boot.menu_timeout_ms;
            return match self.find_again(menu_timeout_ms).await? {
                FoundState::Loader => desk.report(&report(Evidence::Verified, "the boot loader answers")),
                found => Err(not_obeyed(&name, super::report::found_word(found))),
            };
        }
        if name == "sleep" {
            return match self.find_again(ASLEEP_MS).await? {
                FoundState::Silent => {
                    desk.report(&report(Evidence::Verified, "the board fell silent; power wakes it"))
                }
                found => Err(not_obeyed(&name, super::report::found_word(found))),
            };
        }
        if command.sets.is_empty() {
            if writing.restart {
                self.restart(desk).await?;
            }
            if command.changes_parameters() {
                desk.note(
                    "its parameters are other ones now: write the profile before the board sees a pack",
                );
            }
            return desk
                .report(&report(Evidence::Claimed, "acknowledged; the board shows nothing that proves it"));
        }
        let mut evidence = Evidence::Read;
        if writing.restart {
            self.restart(desk).await?;
            evidence = Evidence::Verified;
        }
        let readings = self.read(command.sets.keys().cloned().collect()).await?;
        if let Some((reading, expected)) = first_difference(&self.model, &readings, &command.sets) {
            return Err(Fault::new(FaultCode::RegisterDoesNotHold)
                .with("register", &reading.name)
                .with("expected", expected)
                .with("found", &reading.value)
                .into());
        }
        desk.report(&report(evidence, &format!("{} parameters are as it sets them", readings.len())))
    }

    /// Which paths conduct, where the model shows it.
    async fn show_output(&mut self, desk: &mut Desk<'_>) -> ToolResult {
        if self.model.output.is_none() {
            return Ok(());
        }
        match self.ask(BoardRequest::ReadOutput).await? {
            BoardReply::Output(output) => desk.report(&Report::output(&output)),
            other => Err(super::target::unexpected(&other)),
        }
    }
}

fn not_obeyed(name: &str, found: &str) -> ToolFault {
    let detail = format!("acknowledged, but afterwards the board is found: {found}");
    Fault::new(FaultCode::WriteRefused).with("register", name).with("exception", detail).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> DeviceModel {
        let text = include_str!("../../../profiles/models/topbms.toml");
        domain::model::parse_model("topbms.toml", text).unwrap()
    }

    #[test]
    fn everything_the_vendors_buttons_do_has_a_name() {
        let known = known(&model()).join("\n");
        insta::assert_snapshot!(known);
    }

    #[test]
    fn names_mean_commands_switches_and_modes() {
        let model = model();
        assert!(matches!(meaning(&model, "sleep", None), Ok(Meaning::Command(_))));
        assert_eq!(
            meaning(&model, "balancer", Some("off")).unwrap(),
            Meaning::Switch { register: "switches".to_owned(), bit: 2, on: false }
        );
        assert_eq!(
            meaning(&model, "heater_mode", Some("all")).unwrap(),
            Meaning::Mode { register: "heater_mode".to_owned(), option: Value::from("all") }
        );
        let jk = include_str!("../../../profiles/models/jk-pb.toml");
        let jk = domain::model::parse_model("jk-pb.toml", jk).unwrap();
        assert_eq!(
            meaning(&jk, "charge_switch", Some("off")).unwrap(),
            Meaning::Mode { register: "charge_switch".to_owned(), option: Value::Number(0.0) }
        );
        assert!(known(&jk).contains(&"balance_switch on|off".to_owned()), "{:?}", known(&jk));
        for (name, value) in
            [("sleep", Some("on")), ("balancer", None), ("heater_mode", Some("hot")), ("explode", None)]
        {
            assert_eq!(meaning(&model, name, value).unwrap_err().exit_code(), 2, "{name}");
        }
    }
}
