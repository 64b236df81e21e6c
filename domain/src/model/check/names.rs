//! References: whatever the model names must exist and be of the kind that the use needs.

use super::{Report, registers::is_snake_case};
use crate::{
    codec,
    lease::BirthLease,
    model::{Access, AddressStep, DeviceModel, Framing, PathField, Register, RegisterKind},
    rules::is_rating,
    source::At,
};
use std::collections::BTreeSet;

pub(super) fn check_references(model: &DeviceModel, report: &mut Report<'_>) {
    check_identity(model, report);
    check_firmware(model, report);
    check_commands(model, report);
    check_cells(model, report);
    check_password(model, report);
    check_name(model, report);
    check_lease(model, report);
    check_calibration(model, report);
    check_output(model, report);
    check_safe_state(model, report);
    check_factory_mode(model, report);
    check_scale_switches(model, report);
    check_ratings(model, report);
}

const ASCII: [RegisterKind; 3] =
    [RegisterKind::AsciiNul, RegisterKind::AsciiSpace, RegisterKind::AsciiLength];
pub(super) const NUMBER: [RegisterKind; 6] = [
    RegisterKind::U8High,
    RegisterKind::U8Low,
    RegisterKind::U16,
    RegisterKind::I16,
    RegisterKind::U32,
    RegisterKind::I32,
];

/// Whether it holds a number.
pub(super) fn is_number(register: &Register) -> bool {
    NUMBER.contains(&register.kind) || register.kind == RegisterKind::F32
}

/// The register that `path` names, of one of these kinds and readable or writable as needed; else a fault and none.
pub(super) fn need<'a>(
    model: &'a DeviceModel,
    path: &[At<'_>],
    name: &str,
    kinds: &[RegisterKind],
    need: Need,
    report: &mut Report<'_>,
) -> Option<&'a Register> {
    let Some(register) = model.register(name) else {
        report.at(path, format!("there is no register {name:?}"));
        return None;
    };
    if !kinds.is_empty() && !kinds.contains(&register.kind) {
        report.at(path, format!("register {name:?} is of the wrong kind for this use"));
        return None;
    }
    let access = model.block(register).map(|block| block.access);
    let refused = match need {
        Need::Read => access == Some(Access::WriteOnly),
        Need::Write => access == Some(Access::ReadOnly),
        Need::ReadAndWrite => !matches!(access, Some(Access::ReadWrite | Access::WriteOnce) | None),
    };
    if refused {
        let word = match need {
            Need::Read => "read",
            Need::Write => "written",
            Need::ReadAndWrite => "both read and written",
        };
        report.at(path, format!("register {name:?} cannot be {word}: its block does not allow it"));
    }
    Some(register)
}

#[derive(Clone, Copy)]
pub(super) enum Need {
    Read,
    Write,
    ReadAndWrite,
}

fn need_bit(register: Option<&Register>, path: &[At<'_>], bit: &str, report: &mut Report<'_>) {
    if let Some(register) = register.filter(|register| !register.bits.iter().any(|named| named.name == bit)) {
        report.at(path, format!("register {:?} names no bit {bit:?}", register.name));
    }
}

fn check_identity(model: &DeviceModel, report: &mut Report<'_>) {
    let identity = &model.identity;
    if !identity.fields.iter().any(|field| field.unique) {
        report.key("identity", "field", "no identity field is unique: boards could not be told apart");
    }
    let mut kinds = BTreeSet::new();
    for (index, field) in identity.fields.iter().enumerate() {
        let at = |key| [At::Key("identity"), At::Key("field"), At::Index(index), At::Key(key)];
        need(model, &at("register"), &field.register, &[], Need::Read, report);
        if !kinds.insert(field.kind) {
            report.at(&at("kind"), format!("identity field {:?} stands twice", field.kind.as_str()));
        }
    }
    let path = [At::Key("identity"), At::Key("model_register")];
    need(model, &path, &identity.model_register, &[], Need::Read, report);
    if identity.model_values.is_empty() {
        report.key("identity", "model_values", "model_values is empty: no board would be of this model");
    }
}

fn check_firmware(model: &DeviceModel, report: &mut Report<'_>) {
    let at = |key| [At::Key("firmware"), At::Key(key)];
    let kinds = [&ASCII[..], &[RegisterKind::Version, RegisterKind::Hex]].concat();
    need(model, &at("version_register"), &model.firmware.version_register, &kinds, Need::Read, report);
    if let Some(name) = &model.firmware.crc_register {
        need(model, &at("crc_register"), name, &[RegisterKind::U32], Need::Read, report);
    }
}

fn check_commands(model: &DeviceModel, report: &mut Report<'_>) {
    let mut names = BTreeSet::new();
    for (index, command) in model.commands.iter().enumerate() {
        let name = &command.name;
        if !is_snake_case(name) {
            report.row("command", index, "name", format!("command name {name:?} is not of a-z, 0-9 and '_'"));
        }
        if !names.insert(name) {
            report.row("command", index, "name", format!("command {name:?} stands twice"));
        }
        match model.block_of(command.address, 1) {
            None => {
                let reason = format!("command {name:?} (0x{:04X}) lies in no block", command.address);
                report.row("command", index, "address", reason);
            }
            Some(block) if block.access == Access::ReadOnly => {
                report.row(
                    "command",
                    index,
                    "address",
                    format!("command {name:?} stands in read-only block {:?}", block.name),
                );
            }
            Some(_) => {}
        }
        let is_field = model.link.address_step == AddressStep::Field;
        let fits = match command.bytes {
            None | Some(2) => true,
            Some(1) => command.value <= 0xFF,
            Some(_) => false,
        };
        if command.bytes.is_some() && !(is_field && fits) {
            let reason = format!(
                "command {name:?}: bytes is 1 or 2, room for its value, where an address is a whole field"
            );
            report.row("command", index, "bytes", reason);
        }
        if command.preamble && (!command.acknowledged || model.link.framing != Framing::ModbusRtu) {
            let reason = format!(
                "command {name:?} has a preamble: that comes before a Modbus answer, and there is none"
            );
            report.row("command", index, "preamble", reason);
        }
        if puts_parameters_back(name) && !command.changes_parameters() {
            let reason = format!(
                "command {name:?} changes parameters and does not say so: name them in sets, or say resets_parameters = true \
                 where their values are not known"
            );
            report.row("command", index, "name", reason);
        }
        for (set, value) in &command.sets {
            let fault = match model.register(set).filter(|register| register.parameter) {
                None => Some(format!("command {name:?} sets {set:?}, which is no parameter")),
                Some(register) => codec::encode(register, value)
                    .err()
                    .map(|fault| format!("command {name:?} sets what does not go in: {fault}")),
            };
            if let Some(reason) = fault {
                report.row("command", index, "sets", reason);
            }
        }
    }
    if let Some(boot) = model.boot.as_ref().filter(|boot| model.command(&boot.enter_command).is_none()) {
        report.key("boot", "enter_command", format!("there is no command {:?}", boot.enter_command));
    }
}

/// Whether a command of that name changes parameters on every board that has it: the vendor's defaults, or a chemistry's.
fn puts_parameters_back(name: &str) -> bool {
    matches!(name, "reset" | "reset_parameters" | "factory_reset" | "restore_defaults" | "defaults")
        || name.starts_with("preset")
}

fn check_cells(model: &DeviceModel, report: &mut Report<'_>) {
    let cells = &model.cells;
    if cells.max == 0 {
        report.key("cells", "max", "max is 0: a battery has cells");
    }
    if let Some(missing) = (1..=cells.max).find(|index| model.cell(*index).is_none()) {
        let name = format!("{}{missing}{}", cells.register_prefix, cells.register_suffix);
        report.key(
            "cells",
            "max",
            format!("there is no register {name:?} for cell {missing} of {}", cells.max),
        );
    }
    if let Some(name) = &cells.found_register {
        let path = [At::Key("cells"), At::Key("found_register")];
        let found = need(model, &path, name, &NUMBER, Need::Read, report);
        let is_written = |register: &&Register| {
            register.parameter || model.block(register).is_some_and(|block| block.access != Access::ReadOnly)
        };
        if let Some(register) = found.filter(is_written) {
            report.at(
                &path,
                format!("register {:?} can be written: it is no count of the board's own", register.name),
            );
        }
    }
    let Some(name) = &cells.count_register else { return };
    let path = [At::Key("cells"), At::Key("count_register")];
    let count = need(model, &path, name, &NUMBER, Need::ReadAndWrite, report);
    if count.is_some_and(|count| !count.parameter) {
        report.at(&path, format!("register {name:?} is no parameter"));
    }
}

fn check_password(model: &DeviceModel, report: &mut Report<'_>) {
    let Some(password) = &model.password else {
        if model.factory_mode.is_none()
            && let Some(index) = model.blocks.iter().position(|block| block.locked)
        {
            let reason = "a block is locked, but there is neither [password] nor [factory_mode] to open it";
            report.row("block", index, "locked", reason);
        }
        return;
    };
    if model.link.framing == Framing::Jbd {
        let reason =
            "the JBD framing has password frames of its own, which no link sends yet: leave [password] out";
        report.at(&[At::Key("password")], reason);
    }
    let at = |key| [At::Key("password"), At::Key(key)];
    let unlock = Some(("unlock_register", &password.unlock_register));
    let set = password.set_register.as_ref().map(|name| ("set_register", name));
    for (key, name) in unlock.into_iter().chain(set) {
        let register = need(model, &at(key), name, &ASCII, Need::Write, report);
        if let Some(register) = register.filter(|register| u16::from(password.length) > register.bytes()) {
            report.at(
                &at(key),
                format!("a password of {} does not fit register {:?}", password.length, register.name),
            );
        }
    }
    if let Some(name) = &password.state_register {
        need(model, &at("state_register"), name, &[], Need::Read, report);
    }
    if !(4..=32).contains(&password.length) {
        report.at(&at("length"), format!("length {} is outside 4..32", password.length));
    }
    if password.factory.chars().count() != usize::from(password.length) {
        report.at(&at("factory"), format!("the factory's password has not {} characters", password.length));
    }
}

fn check_name(model: &DeviceModel, report: &mut Report<'_>) {
    let Some(name) = &model.name else { return };
    let path = [At::Key("name"), At::Key("register")];
    let register = need(model, &path, &name.register, &ASCII, Need::ReadAndWrite, report);
    let room = register.map_or(usize::MAX, |register| {
        usize::from(register.bytes()) - usize::from(register.kind == RegisterKind::AsciiLength)
    });
    if name.max_length == 0 || usize::from(name.max_length) > room {
        report.key(
            "name",
            "max_length",
            format!("max_length {} is 0 or more than its register holds", name.max_length),
        );
    }
    if name.charset.is_empty() || !name.charset.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        report.key("name", "charset", "charset is empty or holds more than printable ASCII");
    }
}

fn check_lease(model: &DeviceModel, report: &mut Report<'_>) {
    let Some(lease) = &model.lease else { return };
    let at = |key| [At::Key("lease"), At::Key(key)];
    let mode = need(
        model,
        &at("mode_register"),
        &lease.mode_register,
        &[RegisterKind::Enum],
        Need::ReadAndWrite,
        report,
    );
    for state in [BirthLease::Open, BirthLease::Armed, BirthLease::Locked] {
        if let Some(mode) =
            mode.filter(|mode| !mode.options.iter().any(|option| option.name == state.as_str()))
        {
            report.at(
                &at("mode_register"),
                format!("register {:?} has no option {:?}", mode.name, state.as_str()),
            );
        }
    }
    need(
        model,
        &at("expiry_register"),
        &lease.expiry_register,
        &[RegisterKind::U32],
        Need::ReadAndWrite,
        report,
    );
    if model.output.is_none() {
        report.at(&[At::Key("lease")], "there is a lease, and no [output] that shows whether its lock acts");
    }
}

fn check_calibration(model: &DeviceModel, report: &mut Report<'_>) {
    let Some(calibration) = &model.calibration else { return };
    let at = |key| [At::Key("calibration"), At::Key(key)];
    need(model, &at("register"), &calibration.register, &NUMBER, Need::Write, report);
    let current = &calibration.current_register;
    need(model, &at("current_register"), current, &NUMBER, Need::Read, report);
    if !(calibration.min_a.is_finite() && calibration.min_a > 0.0) {
        report
            .at(&at("min_a"), format!("min_a is {}; it is a positive number of amperes", calibration.min_a));
    }
}

fn check_output(model: &DeviceModel, report: &mut Report<'_>) {
    let Some(output) = &model.output else { return };
    for (key, path) in [("charge", &output.charge), ("discharge", &output.discharge)] {
        check_path(model, ("output", key), path, Need::Read, report);
    }
}

fn check_safe_state(model: &DeviceModel, report: &mut Report<'_>) {
    let Some(safe) = &model.safe_state else { return };
    let paths = [("charge", &safe.charge), ("discharge", &safe.discharge)];
    for (key, path) in paths {
        let register = check_path(model, ("safe_state", key), path, Need::Write, report);
        let is_blind = |register: &&Register| {
            model.block(register).is_some_and(|block| block.access == Access::WriteOnly)
        };
        let Some(register) = register.filter(is_blind) else { continue };
        let mine = |bit: &str| paths.iter().any(|(_, path)| path.bit.as_deref() == Some(bit));
        if let Some(other) = register.bits.iter().find(|bit| !mine(&bit.name)) {
            let reason = format!(
                "register {:?} can't be read, so nobody knows what its bit {:?} is while {key} is switched",
                register.name, other.name
            );
            report.key("safe_state", key, reason);
        }
    }
    if model.output.is_none() {
        report.at(&[At::Key("safe_state")], "paths are switched, and no [output] shows what came of it");
    }
}

/// One path's field: a bit of named bits, or a plain number.
fn check_path<'a>(
    model: &'a DeviceModel,
    (table, key): (&str, &str),
    path: &PathField,
    access: Need,
    report: &mut Report<'_>,
) -> Option<&'a Register> {
    let at = [At::Key(table), At::Key(key)];
    let kinds: &[RegisterKind] = if path.bit.is_some() { &[RegisterKind::Bits] } else { &NUMBER };
    let register = need(model, &at, &path.register, kinds, access, report);
    if let Some(bit) = &path.bit {
        need_bit(register, &at, bit, report);
    }
    if register.is_some_and(|register| register.scale != 1.0 || register.offset != 0.0) {
        report.at(&at, format!("register {:?} is scaled: a switch is 0 or 1", path.register));
    }
    if path.on > 1 {
        report.at(&at, format!("on is {}; a path is on at 1, or at 0", path.on));
    }
    register
}

fn check_factory_mode(model: &DeviceModel, report: &mut Report<'_>) {
    let Some(factory) = &model.factory_mode else { return };
    let writes = [
        ("enter", Some(factory.enter)),
        ("leave_and_save", Some(factory.leave_and_save)),
        ("leave", factory.leave),
    ];
    for (key, write) in writes.into_iter().filter_map(|(key, write)| Some((key, write?))) {
        let path = [At::Key("factory_mode"), At::Key(key)];
        match model.block_of(write.address, 1) {
            None => report.at(&path, format!("{key} (0x{:04X}) lies in no block", write.address)),
            Some(block) if block.access == Access::ReadOnly => {
                report.at(&path, format!("{key} stands in read-only block {:?}", block.name));
            }
            Some(block) if block.locked => {
                report.at(&path, format!("{key} stands in block {:?}, which it is to open", block.name));
            }
            Some(_) => {}
        }
    }
}

fn check_scale_switches(model: &DeviceModel, report: &mut Report<'_>) {
    for (index, register) in model.registers.iter().enumerate() {
        let Some(when) = &register.scale_when else { continue };
        let path = [At::Key("register"), At::Index(index), At::Key("scale_when")];
        let kinds = [RegisterKind::Bits];
        let switch = need(model, &path, &when.register, &kinds, Need::Read, report);
        need_bit(switch, &path, &when.bit, report);
    }
}

fn check_ratings(model: &DeviceModel, report: &mut Report<'_>) {
    let Some(ratings) = &model.ratings else { return };
    if ratings.min_cells == 0 || ratings.min_cells > model.cells.max {
        let reason = format!("min_cells {} is outside 1..{}, cells.max", ratings.min_cells, model.cells.max);
        report.key("ratings", "min_cells", reason);
    }
}

pub(super) fn check_rules(model: &DeviceModel, report: &mut Report<'_>) {
    let mut ids = BTreeSet::new();
    for (index, rule) in model.rules.iter().enumerate() {
        if !ids.insert(&rule.id) {
            report.row("rule", index, "id", format!("rule {:?} stands twice", rule.id));
        }
        if !rule.factor.is_finite() {
            report.row("rule", index, "factor", format!("the factor of rule {:?} is no number", rule.id));
        }
        let is_rating = is_rating(&rule.right);
        let sides = [("left", &rule.left), ("right", &rule.right)];
        for (key, name) in sides.into_iter().filter(|(key, _)| *key == "left" || !is_rating) {
            match model.register(name) {
                None => report.row(
                    "rule",
                    index,
                    key,
                    format!("rule {:?} names {name:?}, which is no parameter", rule.id),
                ),
                Some(register) if !register.parameter || !is_number(register) => {
                    report.row(
                        "rule",
                        index,
                        key,
                        format!("rule {:?} names {name:?}, which is no number parameter", rule.id),
                    );
                }
                Some(register) if model.shares_its_place(register) => {
                    let reason = format!(
                        "rule {:?} names {name:?}, which shares its place with something else: no order of writes keeps it",
                        rule.id
                    );
                    report.row("rule", index, key, reason);
                }
                Some(_) => {}
            }
        }
    }
}
