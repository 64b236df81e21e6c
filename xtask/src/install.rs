//! What a bare machine lacks, and how it gets here: Debian's packages when we are root, rustup's targets, and for
//! PostgreSQL the wheel from Python's index. Where that does not work, one line says what to install by hand.

use crate::say;
use crate::workspace::{Workspace, output, run};
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::Command;

/// Adds a target of rustc where it is missing.
///
/// # Errors
/// When rustup is missing or cannot fetch it.
pub fn target(workspace: &Workspace, triple: &str) -> Result<()> {
    let mut query = Command::new("rustc");
    query.current_dir(&workspace.root).args(["--print", "target-libdir", "--target", triple]);
    if output(&mut query).is_ok_and(|folder| PathBuf::from(folder.trim()).is_dir()) {
        return Ok(());
    }
    say::line(format!("   adding the {triple} target of Rust"));
    run(Command::new("rustup").current_dir(&workspace.root).args(["target", "add", triple])).with_context(|| {
        format!("Rust's {triple} target is missing and `rustup target add {triple}` did not bring it; run it by hand")
    })
}

/// True when Debian's packages can be installed here and now.
pub fn can_apt(workspace: &Workspace) -> bool {
    nix::unistd::geteuid().is_root() && workspace.tool("apt-get").is_some()
}

/// Installs Debian packages.
///
/// # Errors
/// When we are not root, there is no apt, or it fails: the sentence is the line to type.
pub fn apt(workspace: &Workspace, packages: &[&str]) -> Result<()> {
    let line = format!("apt-get install -y --no-install-recommends {}", packages.join(" "));
    if !can_apt(workspace) {
        bail!("missing here: {}; install with `{line}` as root (or your system's like)", packages.join(", "));
    }
    say::line(format!("   installing {} (apt)", packages.join(", ")));
    let install = || {
        output(
            Command::new("apt-get")
                .env("DEBIAN_FRONTEND", "noninteractive")
                .args(["install", "-y", "--no-install-recommends", "-q"])
                .args(packages),
        )
    };
    // A bare image has no package lists yet; a machine that has them need not wait for an update.
    if install().is_ok() {
        return Ok(());
    }
    output(Command::new("apt-get").args(["update", "-q"])).context("fetching Debian's package lists")?;
    install().with_context(|| format!("could not install; try `{line}`"))?;
    Ok(())
}

/// Sees to it that a tool is on PATH, from Debian's package if need be.
///
/// # Errors
/// When it is missing and cannot be installed.
pub fn tool(workspace: &Workspace, name: &str, package: &str) -> Result<PathBuf> {
    if let Some(path) = workspace.tool(name) {
        return Ok(path);
    }
    apt(workspace, &[package])?;
    workspace.tool(name).with_context(|| format!("{name} is still not on PATH after installing {package}"))
}

/// Debian's package of the font with which labels are drawn in Chinese.
pub const CHINESE_FONT: &str = "fonts-wqy-microhei";

/// Whether one of the fonts is here that the station knows by itself.
pub fn has_chinese_font() -> bool {
    const KNOWN: [&str; 5] = [
        "truetype/wqy/wqy-microhei.ttc",
        "truetype/wqy/wqy-zenhei.ttc",
        "opentype/noto/NotoSansCJK-Regular.ttc",
        "noto-cjk/NotoSansCJK-Regular.ttc",
        "google-noto-cjk/NotoSansCJK-Regular.ttc",
    ];
    KNOWN.iter().any(|font| std::path::Path::new("/usr/share/fonts").join(font).is_file())
}

/// Brings the font with which labels are drawn, where that can be done by itself. Without it there are no labels, and whoever wants them
/// is told what to install.
pub fn chinese_font(workspace: &Workspace) {
    if !has_chinese_font()
        && can_apt(workspace)
        && let Err(fault) = apt(workspace, &[CHINESE_FONT])
    {
        say::fault(&fault);
    }
}

/// Strangers that tests talk to, from Python's index: a Modbus peer, tools that set JBD's and Daly's boards, a reader of
/// spreadsheets, and one of codes on labels.
const PYTHON_PACKAGES: [&str; 7] = [
    "pymodbus==3.16.1",
    "pyserial==3.5",
    "bmstools==1.2.0",
    "dalybms==0.5.0",
    "openpyxl==3.1.5",
    "zxing-cpp==3.1.1",
    "pillow==13.0.0",
];

/// Debian's package of BlueZ's interface on a D-Bus, for tests: it hangs on Debian's own Python.
pub const DBUSMOCK: &str = "python3-dbusmock";

/// Whether Debian's own Python has it.
pub fn has_dbusmock() -> bool {
    output(Command::new("/usr/bin/python3").args(["-c", "import dbus, dbusmock"])).is_ok()
}

/// Whether there is a Python that can make environments, or one was made.
pub fn has_python(workspace: &Workspace) -> bool {
    let made = workspace.target.join("python/bin/python3").is_file();
    // Debian parts python3 from its environments; `venv` alone is there without what it needs.
    made || output(Command::new("python3").args(["-c", "import venv, ensurepip"])).is_ok()
}

/// A folder with a `python3` that has [`PYTHON_PACKAGES`], to stand first on PATH: an environment of its own below `target`, so that
/// neither Debian's nor anybody's own Python is touched.
///
/// # Errors
/// When there is no python3, or the packages can't be fetched: with the line to type.
pub fn python(workspace: &Workspace) -> Result<PathBuf> {
    let home = workspace.target.join("python");
    let bin = home.join("bin");
    let has_all = || {
        let mut ask = Command::new(bin.join("python3"));
        bin.join("python3").is_file()
            && output(ask.args(["-c", "import pymodbus, serial, bmstools, dalybms, openpyxl, zxingcpp, PIL"]))
                .is_ok()
    };
    if has_all() {
        return Ok(bin);
    }
    output(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&home))
        .context("making a Python environment below target/ (Debian: python3-venv)")?;
    say::line(format!("   installing {} (pip)", PYTHON_PACKAGES.join(", ")));
    let line = format!("{} -m pip install {}", bin.join("python3").display(), PYTHON_PACKAGES.join(" "));
    output(Command::new(bin.join("python3")).args(["-m", "pip", "install", "--quiet"]).args(PYTHON_PACKAGES))
        .with_context(|| format!("could not install Python packages that tests need; try `{line}`"))?;
    Ok(bin)
}
