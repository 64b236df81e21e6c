//! Whom PostgreSQL runs as: it refuses root, so root steps down to `postgres` or `nobody` and opens the way to the folder.

use super::PostgresError;
use nix::unistd::{Gid, Uid, User, chown, geteuid};
use std::{
    fs,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::Path,
    process::Command,
};

/// The account that PostgreSQL runs as, where it is another than ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    step_down: Option<(Uid, Gid)>,
}

impl Account {
    /// Ours, or, for root, one that PostgreSQL accepts.
    ///
    /// # Errors
    /// [`PostgresError::NoAccount`] for root on a system without `postgres` and `nobody`.
    pub fn choose() -> Result<Self, PostgresError> {
        if !geteuid().is_root() {
            return Ok(Self { step_down: None });
        }
        for name in ["postgres", "nobody"] {
            if let Ok(Some(user)) = User::from_name(name) {
                return Ok(Self { step_down: Some((user.uid, user.gid)) });
            }
        }
        Err(PostgresError::NoAccount)
    }

    /// A command that runs as this account, away from our terminal's signals.
    #[must_use]
    pub fn command(self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(folder).process_group(0);
        if let Some((uid, gid)) = self.step_down {
            // The standard library drops the supplementary groups with a changed user.
            command.uid(uid.as_raw()).gid(gid.as_raw());
        }
        command
    }

    /// Makes `folder` the account's own, closed to others, and lets it pass through every folder above.
    ///
    /// # Errors
    /// Where a folder can't be made or changed.
    pub fn own_folder(self, folder: &Path) -> Result<(), PostgresError> {
        fs::create_dir_all(folder).map_err(PostgresError::io("can't make the folder", folder))?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
            .map_err(PostgresError::io("can't close to others", folder))?;
        let Some((uid, gid)) = self.step_down else { return Ok(()) };
        chown(folder, Some(uid), Some(gid))
            .map_err(|errno| PostgresError::io("can't hand over", folder)(errno.into()))?;
        for parent in folder.ancestors().skip(1).filter(|parent| !parent.as_os_str().is_empty()) {
            let Ok(metadata) = fs::metadata(parent) else { continue };
            let mode = metadata.permissions().mode();
            if mode & 0o001 == 0 {
                fs::set_permissions(parent, fs::Permissions::from_mode(mode | 0o001))
                    .map_err(PostgresError::io("can't let the database's account pass through", parent))?;
                tracing::info!(
                    folder = %parent.display(),
                    "opened the folder for passing through (o+x): PostgreSQL refuses root and runs as another account",
                );
            }
        }
        Ok(())
    }

    /// Hands a file over to the account.
    ///
    /// # Errors
    /// Where its owner can't be changed.
    pub fn own_file(self, file: &Path) -> Result<(), PostgresError> {
        let Some((uid, gid)) = self.step_down else { return Ok(()) };
        chown(file, Some(uid), Some(gid))
            .map_err(|errno| PostgresError::io("can't hand over", file)(errno.into()))
    }
}
