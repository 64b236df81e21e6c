//! The board's password on its way from a person to the board: from a file, the environment or a terminal without echo, never from
//! the command line, which every user of the machine can read.

use super::{
    desk::Desk,
    fault::{ToolFault, ToolResult},
    target::{Session, unexpected},
};
use crate::board::{BoardReply, BoardRequest, Secret};
use clap::Args;
use domain::text::FaultCode;
use std::path::{Path, PathBuf};

/// Where the password that opens the board comes from; without either: JIGLINE_BOARD_PASSWORD, or the terminal asks.
#[derive(Debug, Args)]
pub struct PasswordSource {
    /// File whose first line is the board's password
    #[arg(long, value_name = "FILE", conflicts_with = "factory_password")]
    password_file: Option<PathBuf>,
    /// The password that the factory sets, as the model names it
    #[arg(long)]
    factory_password: bool,
}

impl PasswordSource {
    /// The password, from the first source that has one.
    pub(super) fn password(&self, session: &Session, desk: &mut Desk<'_>) -> ToolResult<Secret> {
        if let Some(path) = &self.password_file {
            return secret_of_file(path);
        }
        if self.factory_password {
            let factory = session.model.password.as_ref().map(|password| Secret::new(&password.factory));
            return factory
                .ok_or_else(|| ToolFault::usage(format!("model {} has no password", session.model.id)));
        }
        match desk.board_password.clone() {
            Some(secret) => Ok(secret),
            None => desk.ask("Password of the board: "),
        }
    }
}

/// The first line of a file.
pub(super) fn secret_of_file(path: &Path) -> ToolResult<Secret> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        ToolFault::usage(format!("cannot read the password file {}: {error}", path.display()))
    })?;
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(Secret::new(line)),
        _ => Err(ToolFault::usage(format!("the first line of {} holds no password", path.display()))),
    }
}

impl Session {
    /// Opens the locked blocks; asks for a password only if they are closed.
    pub(super) async fn unlock(&mut self, source: &PasswordSource, desk: &mut Desk<'_>) -> ToolResult {
        if self.model.password.is_none() {
            return Ok(());
        }
        match self.ask(BoardRequest::Unlock { candidates: Vec::new() }).await {
            Err(ToolFault::Board(fault)) if fault.code == FaultCode::PasswordRefused => {}
            Err(fault) => return Err(fault),
            Ok(_) => return Ok(()),
        }
        let candidates = vec![source.password(self, desk)?];
        match self.ask(BoardRequest::Unlock { candidates }).await? {
            BoardReply::Unlocked { .. } => Ok(()),
            other => Err(unexpected(&other)),
        }
    }
}
