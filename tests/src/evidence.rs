//! What a pass says, held against the board: by the witness's own memory, ear and arithmetic, never by the station's.

use crate::memory_server::MemoryServer;
use domain::{
    model::DeviceModel,
    profile::parse_profile,
    record::{BirthRecord, StepRecord, judge_record},
    step::Step,
    value::Value,
};
use simulator::{
    Mode, codec,
    observe::{Holds, Observation},
};

/// What happened to the board since its verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    Untouched,
    /// A program that was started anew, or whose fixture was out of its sight, may have woken it by its supply, to be asked who it is,
    /// and put it to sleep again.
    Woken,
    /// It lost its supply: what somebody had read of it, it no longer knows, and perhaps it had none when it was taken out.
    Restarted,
}

/// A record that says 'pass', and the board that it speaks of.
#[derive(Clone, Copy)]
pub struct Claim<'a> {
    pub model: &'a DeviceModel,
    pub image: &'a [u8],
    /// Whose bundle was worked.
    pub server: &'a MemoryServer,
    pub record: &'a BirthRecord,
    pub board: &'a Observation,
    pub holds: &'a Holds,
    pub since: Since,
}

/// Everything that a pass says and the witness contradicts.
#[must_use]
pub fn wrong_pass(claim: &Claim<'_>) -> Vec<String> {
    let Claim { model, image, record, board, holds, .. } = *claim;
    let mut wrong = Vec::new();
    let mut must = |holds: bool, what: String| {
        if !holds {
            wrong.push(what);
        }
    };
    let doubts = judge_record(record, &claim.server.expected());
    must(doubts.is_empty(), format!("its record does not support a pass: {doubts:?}"));
    for what in other_parameters(claim) {
        must(false, what);
    }
    if model.loader().is_some() {
        let is_ours = board.flash_image.as_deref() == Some(image);
        must(is_ours, "its flash holds another image".to_owned());
        must(board.boots, "its image does not start".to_owned());
    }
    if let Some(settings) = &model.lease {
        let lease = board.text(model, &settings.mode_register);
        must(lease.as_deref() == Some("armed"), format!("its lock is {lease:?}"));
    }
    if model.password.is_some() {
        must(!holds.password_is_factory, "it keeps the factory's password".to_owned());
    }
    if let Some(settings) = &model.name {
        let name = board.text(model, &settings.register);
        let is_named = name
            .as_ref()
            .zip(record.serial.as_ref())
            .is_some_and(|(name, serial)| name.len() >= 8 && serial.ends_with(&name[name.len() - 8..]));
        must(is_named, format!("its name {name:?} is not that of {:?}", record.serial));
    }
    for counter in record.ship.iter().flat_map(|ship| &ship.counters) {
        let held = board.text(model, &counter.register);
        must(held.as_deref() == Some("0"), format!("{} counts {held:?}", counter.register));
    }
    if let Some(date) = record.ship.as_ref().and_then(|ship| ship.date.as_ref()) {
        let held = board.text(model, &date.register);
        must(held == Some(date.set.to_string()), format!("it is dated {held:?}"));
    }
    must(board.calibrated, "its current was never calibrated".to_owned());
    let off = board.current_error_percent;
    must(off.abs() <= 1.5, format!("its current is shown {off:.2} % wrong"));
    for field in model.identity.fields.iter().filter(|field| field.unique) {
        let held = board.text(model, &field.register).unwrap_or_default();
        let said = record.identifiers.iter().any(|identifier| {
            identifier.kind == field.kind && identifier.value.eq_ignore_ascii_case(held.trim())
        });
        must(said, format!("the record is not that of {:?} {held}", field.kind));
    }
    if claim.since == Since::Restarted {
        return wrong;
    }
    let asleep = record.ship.as_ref().is_some_and(|ship| ship.asleep.is_some());
    let mode = if asleep { Mode::Asleep } else { Mode::Application };
    must(board.left_in == mode, format!("it was left in {:?}", board.left_in));
    must(holds.charge_on && holds.discharge_on, format!("its paths: {holds:?}"));
    // Woken by its supply, to be asked who it is before it sleeps again: what was proved was proved before.
    let is_woken = |step: &StepRecord| step.step == Step::Sleep && step.restart.is_some();
    if claim.since == Since::Woken || record.steps.iter().any(is_woken) {
        return wrong;
    }
    // By the witness's own ear: nobody can have read what was not asked for.
    must(!board.changed_since_start, "something was written to it after its last restart".to_owned());
    for register in model.parameters().filter(|register| !is_secret(model, &register.name)) {
        let read = board.was_read(model, &register.name);
        must(read == Some(true), format!("nobody read {} after the last restart", register.name));
    }
    wrong
}

/// Parameters that the board keeps otherwise than the profile says, by the witness's own arithmetic.
fn other_parameters(claim: &Claim<'_>) -> Vec<String> {
    let Ok(profile) = parse_profile("profile", &claim.server.0.bundle.profile_toml) else {
        return vec!["the profile does not parse".to_owned()];
    };
    let mut other = Vec::new();
    for (name, value) in &profile.values {
        let Some(register) = claim.model.register(name) else { continue };
        let wanted = match value {
            Value::Number(number) => codec::encode_number(register, *number),
            Value::Text(text) => codec::encode_text(register, text).unwrap_or_default(),
        };
        let held = claim.board.raw(claim.model, name).unwrap_or_default();
        if held != wanted {
            other.push(format!("it keeps {held:?} for {name}, the profile says {wanted:?}"));
        }
    }
    other
}

fn is_secret(model: &DeviceModel, name: &str) -> bool {
    model.password.as_ref().is_some_and(|password| password.secret_registers().any(|own| own == name))
}
