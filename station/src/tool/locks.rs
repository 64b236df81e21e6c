//! `name`, `password`, `calibrate` and `lease`: what a board is given one by one.

use super::{
    desk::Desk,
    fault::{ToolFault, ToolResult},
    password::secret_of_file,
    report::Report,
    target::{Session, Target, unexpected},
    write::Writing,
};
use crate::board::{BoardReply, BoardRequest, LeaseReading, Secret};
use chrono::{DateTime, NaiveDate, Utc};
use domain::{
    evidence::Evidence,
    lease::BirthLease,
    model::DeviceModel,
    text::{Fault, FaultCode},
};
use std::path::Path;

/// How far a calibrated board may still be off, per mille of the true current: what the shipped procedures allow.
const TOLERANCE_PER_MILLE: u64 = 15;

fn lacks(model: &DeviceModel, what: &str) -> ToolFault {
    ToolFault::usage(format!("model {} has no {what}", model.id))
}

/// Shows the Bluetooth name, or sets it.
pub(super) async fn name(
    target: &Target,
    new: Option<&str>,
    writing: &Writing,
    desk: &mut Desk<'_>,
) -> ToolResult {
    let model = target.model()?;
    let settings = model.name.as_ref().ok_or_else(|| lacks(&model, "Bluetooth name"))?;
    let register = settings.register.clone();
    let Some(new) = new else {
        let mut session = target.open(model)?;
        session.application(desk).await?;
        let read = session.one(&register).await?;
        return desk.report(&Report::Name { read, set: None, evidence: Evidence::Read });
    };
    if let Some(stranger) = new.chars().find(|c| !settings.charset.contains(*c)) {
        return Err(ToolFault::usage(format!("{stranger:?} cannot stand in a name of model {}", model.id)));
    }
    if new.is_empty() || new.chars().count() > usize::from(settings.max_length) {
        return Err(ToolFault::usage(format!("a name has 1 to {} characters", settings.max_length)));
    }
    writing.permit(&model, &target.port, &[&register], desk)?;
    let mut session = target.open(model)?;
    session.own_application(desk).await?;
    if session.is_locked(&register) {
        session.unlock(&writing.password, desk).await?;
    }
    let mut read = match session.ask(BoardRequest::WriteName { name: new.to_owned() }).await? {
        BoardReply::Name { read } => read,
        other => return Err(unexpected(&other)),
    };
    let mut evidence = Evidence::Read;
    if writing.restart {
        session.restart(desk).await?;
        read = session.one(&register).await?;
        evidence = Evidence::Verified;
    }
    let holds = read == new;
    desk.report(&Report::Name { read: read.clone(), set: Some(new.to_owned()), evidence })?;
    if holds {
        return Ok(());
    }
    Err(Fault::new(FaultCode::NameDoesNotHold).with("expected", new).with("found", read).into())
}

/// Sets a new password and proves it: after a restart the old one is refused and the new one opens.
pub(super) async fn password(
    target: &Target,
    new_file: Option<&Path>,
    writing: &Writing,
    desk: &mut Desk<'_>,
) -> ToolResult {
    let model = target.model()?;
    let settings = model.password.as_ref().ok_or_else(|| lacks(&model, "password"))?;
    let (length, register) = (
        usize::from(settings.length),
        settings.set_register.clone().ok_or_else(|| lacks(&model, "field for a new password"))?,
    );
    writing.permit(&model, &target.port, &[&register, "restart"], desk)?;
    let new = new_password(new_file, desk)?;
    if new.length() != length || !new.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ToolFault::usage(format!(
            "a password of model {} has {length} printable ASCII characters without a space",
            model.id
        )));
    }
    let mut session = target.open(std::sync::Arc::clone(&model))?;
    session.own_application(desk).await?;
    // Known even where the board stands open: it must be refused in the end.
    let old = writing.password.password(&session, desk)?;
    if old == new {
        return Err(ToolFault::usage("the new password is the old one; nothing was written"));
    }
    if old.length() != length {
        return Err(ToolFault::usage(format!(
            "the old password has {length} characters on model {}; what was given has {} and was not tried",
            model.id,
            old.length()
        )));
    }
    if !opened_by(&mut session, &old).await? {
        // Whoever opened it may have known another password than the one given: closed, it shows.
        desk.note("the board stands open; it is restarted so that the old password can be tried");
        session.restart(desk).await?;
        if !opened_by(&mut session, &old).await? {
            return Err(ToolFault::refused(
                "stands_open",
                "The board stands open even after a restart: no password guards it, and none can be proved. Nothing was written.",
            ));
        }
    }
    session.ask(BoardRequest::SetPassword { new: new.clone() }).await?;
    session.restart(desk).await?;
    let proof = match session.ask(BoardRequest::ProvePassword { new: new.clone(), old }).await? {
        BoardReply::PasswordProof(proof) => proof,
        other => return Err(unexpected(&other)),
    };
    desk.report(&Report::password(new.length(), proof))?;
    if proof.is_proved() {
        return Ok(());
    }
    let code =
        if proof.old_refused { FaultCode::NewPasswordRefused } else { FaultCode::OldPasswordStillOpens };
    Err(Fault::new(code).into())
}

/// Whether this password opened the board; no: it stood open already.
async fn opened_by(session: &mut Session, password: &Secret) -> ToolResult<bool> {
    match session.ask(BoardRequest::Unlock { candidates: vec![password.clone()] }).await? {
        BoardReply::Unlocked { opened_by } => Ok(opened_by.is_some()),
        other => Err(unexpected(&other)),
    }
}

fn new_password(file: Option<&Path>, desk: &mut Desk<'_>) -> ToolResult<Secret> {
    if let Some(file) = file {
        return secret_of_file(file);
    }
    if let Some(secret) = desk.new_password.clone() {
        return Ok(secret);
    }
    let new = desk.ask("New password: ")?;
    if desk.ask("The same again: ")? == new {
        Ok(new)
    } else {
        Err(ToolFault::usage("the two are not the same; nothing was written"))
    }
}

/// Tells the board the true current and shows what it reads before and after.
pub(super) async fn calibrate(
    target: &Target,
    true_ma: u32,
    max_correction_percent: f64,
    writing: &Writing,
    desk: &mut Desk<'_>,
) -> ToolResult {
    if !(max_correction_percent > 0.0 && max_correction_percent <= 50.0) {
        return Err(ToolFault::usage("--max-correction lies above 0 and up to 50 per cent"));
    }
    let model = target.model()?;
    let settings = model.calibration.as_ref().ok_or_else(|| lacks(&model, "current calibration"))?;
    if f64::from(true_ma) < settings.min_a * 1000.0 {
        return Err(ToolFault::refused(
            "deadly_value",
            format!(
                "{true_ma} mA is too little to calibrate with: model {} wants {} A or more. Nothing was sent.",
                model.id, settings.min_a
            ),
        ));
    }
    let register = settings.register.clone();
    let settle = std::time::Duration::from_millis(settings.settle_ms.into());
    writing.permit(&model, &target.port, &[&register], desk)?;
    let mut session = target.open(model)?;
    session.own_application(desk).await?;
    if session.is_locked(&register) {
        session.unlock(&writing.password, desk).await?;
    }
    // Whoever has just switched the load on is faster than the board's reading.
    tokio::time::sleep(settle).await;
    let within_ma = (f64::from(true_ma) * max_correction_percent / 100.0).ceil() as u32;
    let calibrated = session.ask(BoardRequest::Calibrate { true_ma, within_ma }).await.map_err(|fault| match fault {
        ToolFault::Board(fault) if fault.code == FaultCode::WriteRefused => ToolFault::refused(
            "calibration_refused",
            format!(
                "The board does not take the calibration ({}). It does so only while current flows: switch the load on, see by \
                 `board monitor` that the board shows a current, and start this again.",
                fault.args.get("exception").map_or("refused", String::as_str)
            ),
        ),
        other => other,
    })?;
    let (before_ma, mut after_ma) = match calibrated {
        BoardReply::Calibrated { before_ma, after_ma } => (before_ma, after_ma),
        other => return Err(unexpected(&other)),
    };
    let off_by = |reading: i64| reading.unsigned_abs().abs_diff(true_ma.into());
    if off_by(before_ma) > within_ma.into() {
        return Err(ToolFault::refused(
            "correction_too_large",
            format!(
                "The board reads {before_ma} mA where {true_ma} mA are said to flow: more than {max_correction_percent} % apart. \
                 Told so, it would protect at another current. Check the instrument, the load and the shunt; --max-correction \
                 allows more. Nothing was written."
            ),
        ));
    }
    let mut evidence = Evidence::Read;
    if writing.restart {
        session.restart(desk).await?;
        after_ma = match session.ask(BoardRequest::ReadCurrent).await? {
            BoardReply::Current { ma } => ma,
            other => return Err(unexpected(&other)),
        };
        evidence = Evidence::Verified;
    }
    desk.report(&Report::Calibrated { true_ma, before_ma, after_ma, evidence })?;
    let tolerance = u64::from(true_ma) * TOLERANCE_PER_MILLE / 1000;
    if off_by(after_ma) > tolerance {
        return Err(Fault::new(FaultCode::CalibrationOff)
            .with("expected", true_ma)
            .with("found", after_ma)
            .with("tolerance", tolerance)
            .into());
    }
    Ok(())
}

/// Shows the rental lock, or sets it.
pub(super) async fn lease(
    target: &Target,
    mode: Option<BirthLease>,
    until: Option<&str>,
    writing: &Writing,
    desk: &mut Desk<'_>,
) -> ToolResult {
    let model = target.model()?;
    let settings = model.lease.as_ref().ok_or_else(|| lacks(&model, "lease lock"))?;
    let registers = [settings.mode_register.clone(), settings.expiry_register.clone()];
    let expires_s = until.map(parse_term).transpose()?;
    let Some(mode) = mode else {
        let mut session = target.open(model)?;
        session.application(desk).await?;
        return session.show_lease(Evidence::Read, desk).await.map(drop);
    };
    writing.permit(&model, &target.port, &[&registers[0], &registers[1]], desk)?;
    let mut session = target.open(model)?;
    session.own_application(desk).await?;
    if registers.iter().any(|register| session.is_locked(register)) {
        session.unlock(&writing.password, desk).await?;
    }
    session.ask(BoardRequest::WriteLease { mode, expires_s }).await?;
    let mut evidence = Evidence::Read;
    if writing.restart {
        session.restart(desk).await?;
        evidence = Evidence::Verified;
    }
    let lease = session.show_lease(evidence, desk).await?;
    if lease.mode == Some(mode) && lease.expires_s == expires_s {
        return Ok(());
    }
    let said = |mode: Option<BirthLease>, expires: Option<u32>| {
        let mode = mode.map_or("unknown", BirthLease::as_str);
        expires.map_or_else(|| mode.to_owned(), |seconds| format!("{mode} until {seconds}"))
    };
    Err(Fault::new(FaultCode::LeaseDoesNotHold)
        .with("expected", said(Some(mode), expires_s))
        .with("found", said(lease.mode, lease.expires_s))
        .into())
}

/// A day (its end, UTC) or an instant with its zone.
fn parse_term(text: &str) -> ToolResult<u32> {
    let instant = DateTime::parse_from_rfc3339(text).map(|at| at.with_timezone(&Utc)).ok();
    let day = || {
        let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
        Some(day.and_hms_opt(23, 59, 59)?.and_utc())
    };
    let seconds = instant.or_else(day).and_then(|at| u32::try_from(at.timestamp()).ok()).filter(|s| *s > 0);
    seconds.ok_or_else(|| {
        ToolFault::usage(format!(
            "{text:?} is no end of a term: write 2027-03-31 (its end in UTC) or 2027-03-31T18:00:00+08:00"
        ))
    })
}

impl Session {
    /// One register's value as text.
    pub(super) async fn one(&mut self, name: &str) -> ToolResult<String> {
        let readings = self.read(vec![name.to_owned()]).await?;
        Ok(readings.first().map(|reading| reading.value.to_string()).unwrap_or_default())
    }

    /// Reads the lock and the output afresh.
    async fn show_lease(&mut self, evidence: Evidence, desk: &mut Desk<'_>) -> ToolResult<LeaseReading> {
        match self.ask(BoardRequest::ReadAll { registers: Vec::new() }).await? {
            BoardReply::Afresh(afresh) => {
                let lease = afresh.lease.ok_or_else(|| lacks(&self.model, "lease lock"))?;
                desk.report(&Report::lease(&lease, evidence))?;
                if let Some(output) = &afresh.output {
                    desk.report(&Report::output(output))?;
                }
                Ok(lease)
            }
            other => Err(unexpected(&other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_is_the_end_of_a_day_or_an_instant() {
        assert_eq!(parse_term("1970-01-01").unwrap(), 86_399);
        assert_eq!(parse_term("2027-03-31T18:00:00+08:00").unwrap(), 1_806_487_200);
        for wrong in ["", "tomorrow", "1969-12-31", "2200-01-01", "2027-02-30"] {
            assert_eq!(parse_term(wrong).unwrap_err().exit_code(), 2, "{wrong}");
        }
    }
}
