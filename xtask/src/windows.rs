//! `cargo xtask check-windows`: the station must build for the PCs that stand at the jigs.

use crate::install;
use crate::say;
use crate::workspace::{Workspace, run};
use anyhow::{Context, Result};

const TARGET: &str = "x86_64-pc-windows-gnu";

/// # Errors
/// When the tools are missing, or the station does not compile for Windows.
pub fn check(workspace: &Workspace) -> Result<()> {
    install::target(workspace, TARGET)?;
    // SQLite's C code comes with the station, so checking alone needs the C compiler.
    install::tool(workspace, "x86_64-w64-mingw32-gcc", "gcc-mingw-w64-x86-64")?;
    run(workspace.cargo().args(["check", "--package", "jigline-station", "--target", TARGET]))
        .context("the station does not build for Windows")?;
    say::line(format!("   the station compiles for {TARGET}"));
    Ok(())
}
