//! `write`: parameters by name, judged before a byte is sent, read back after.

use super::{
    desk::Desk,
    fault::{ToolFault, ToolResult},
    judge::{Remark, Values, judge, parse_settings},
    password::PasswordSource,
    permit::{Permission, assumed_parts},
    report::{Parameter, Report},
    settings_file,
    target::{Session, Target, unexpected},
};
use crate::board::{BoardReply, BoardRequest, Reading};
use clap::Args;
use domain::{
    evidence::Evidence,
    model::DeviceModel,
    profile::{ProductRatings, parse_profile},
    rules::Ratings,
    text::{Fault, FaultCode},
};
use std::path::Path;

/// How a write is done.
#[derive(Debug, Args)]
pub struct Writing {
    #[command(flatten)]
    pub permission: Permission,
    #[command(flatten)]
    pub password: PasswordSource,
    /// Restart the board afterwards and read again: only that verifies
    #[arg(long)]
    pub restart: bool,
}

impl Writing {
    /// Whether these registers and commands may be written; what the writing itself needs is counted in.
    pub(super) fn permit(
        &self,
        model: &DeviceModel,
        port: &str,
        names: &[&str],
        desk: &mut Desk<'_>,
    ) -> ToolResult {
        let mut parts = names.to_vec();
        let locked = |name: &&str| {
            let address = model.register(name).map(|register| register.address);
            let address = address.or_else(|| model.command(name).map(|command| command.address));
            address.and_then(|address| model.block_of(address, 1)).is_some_and(|block| block.locked)
        };
        if let Some(password) = model.password.as_ref().filter(|_| names.iter().any(locked)) {
            parts.push(&password.unlock_register);
        }
        if self.restart {
            parts.push("restart");
        }
        self.permission.check(model, port, &assumed_parts(model, parts), desk)
    }
}

/// What the rules about currents are judged against.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rated<'a> {
    /// The product's profile.
    pub product: Option<&'a Path>,
    /// What a test load draws through the board here, amperes.
    pub test_current_a: Option<f64>,
}

pub(super) async fn write(
    target: &Target,
    settings: &[String],
    rated: Rated<'_>,
    writing: &Writing,
    desk: &mut Desk<'_>,
) -> ToolResult {
    let model = target.model()?;
    let (pairs, files): (Vec<String>, Vec<String>) =
        settings.iter().cloned().partition(|setting| setting.contains('='));
    let (mut wanted, mut of_file) = (Values::new(), None);
    for file in files {
        let (values, product) = settings_file::read(&model, Path::new(&file))?;
        wanted.extend(values);
        of_file = product.or(of_file);
    }
    // What is said on the command line goes over what stands in a file.
    wanted.extend(parse_settings(&model, &pairs)?);
    let product = rated.product.map(|file| product(&model, file)).transpose()?.or(of_file);
    let ratings = Ratings { product, jig_test_current_a: rated.test_current_a };
    // What can be known to kill without a look at the board never opens the port.
    judge(&model, &ratings, &Values::new(), &wanted)?;
    let names: Vec<&str> = wanted.keys().map(String::as_str).collect();
    writing.permit(&model, &target.port, &names, desk)?;
    let mut session = target.open(model)?;
    session.own_application(desk).await?;
    let on_board = session.parameters().await?;
    for remark in judge(&session.model, &ratings, &on_board, &wanted)? {
        desk.report(&remark.into())?;
    }
    session.write_values(wanted, ratings, writing, desk).await
}

/// The ratings of a product, from its profile.
fn product(model: &DeviceModel, file: &Path) -> ToolResult<ProductRatings> {
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file)
        .map_err(|error| ToolFault::usage(format!("cannot read the profile {name}: {error}")))?;
    let profile = parse_profile(&name, &text).map_err(|faults| {
        let lines: Vec<String> = faults.iter().map(|fault| format!("\n  {fault}")).collect();
        ToolFault::usage(format!("the profile cannot be used:{}", lines.concat()))
    })?;
    if profile.model == model.id {
        Ok(profile.product)
    } else {
        Err(ToolFault::usage(format!(
            "profile {} is for model {}, not for {}",
            profile.id, profile.model, model.id
        )))
    }
}

impl Session {
    /// What the board holds, by name; what makes no value is left out, and no rule can judge it.
    pub(super) async fn parameters(&mut self) -> ToolResult<Values> {
        let readings = self.readings(BoardRequest::ReadParameters).await?;
        Ok(readings.into_iter().map(|reading| (reading.name, reading.value)).collect())
    }

    /// Unlocks where needed, writes, reads back, restarts where asked, and says what holds.
    pub(super) async fn write_values(
        &mut self,
        values: Values,
        ratings: Ratings,
        writing: &Writing,
        desk: &mut Desk<'_>,
    ) -> ToolResult {
        let locked = values.keys().any(|name| self.is_locked(name));
        if locked {
            self.unlock(&writing.password, desk).await?;
        }
        let written = match self.ask(BoardRequest::WriteProfile { values, ratings }).await? {
            BoardReply::ProfileWritten(written) => written.parameters,
            other => return Err(unexpected(&other)),
        };
        let mut reports: Vec<Parameter> = written.iter().map(Parameter::of).collect();
        if writing.restart {
            self.restart(desk).await?;
            let names = written.iter().map(|parameter| parameter.name.clone()).collect();
            for reading in self.read(names).await? {
                let set = written.iter().find(|parameter| parameter.name == reading.name);
                let report = reports.iter_mut().find(|report| report.name == reading.name);
                if let (Some(set), Some(report)) = (set, report) {
                    report.holds = set.set.raw == reading.raw;
                    report.evidence = Evidence::Verified;
                    report.read = reading.value;
                }
            }
        }
        let lost = reports.iter().find(|report| !report.holds).map(|report| {
            Fault::new(FaultCode::RegisterDoesNotHold)
                .with("register", &report.name)
                .with("expected", &report.set)
                .with("found", &report.read)
        });
        for report in reports {
            desk.report(&Report::Parameter(report))?;
        }
        lost.map_or(Ok(()), |fault| Err(fault.into()))
    }

    pub(super) fn is_locked(&self, name: &str) -> bool {
        let register = self.model.register(name);
        let block = register.and_then(|register| self.model.block(register));
        block.is_some_and(|block| block.locked)
    }
}

/// Whether these readings are what was set, register for register; else the first that is not.
pub(super) fn first_difference<'r>(
    model: &DeviceModel,
    readings: &'r [Reading],
    wanted: &Values,
) -> Option<(&'r Reading, String)> {
    readings.iter().find_map(|reading| {
        let value = wanted.get(&reading.name)?;
        let words =
            model.register(&reading.name).and_then(|register| domain::codec::encode(register, value).ok());
        (words.as_ref() != Some(&reading.raw)).then(|| (reading, value.to_string()))
    })
}

impl From<Remark> for Report {
    fn from(remark: Remark) -> Self {
        let Remark { rule, severity, message, left, right } = remark;
        Self::Rule { rule, severity, message, left, right }
    }
}
