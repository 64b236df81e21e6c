//! Files and folders that only the station's own account may read, where the system knows modes. Journal, bundles and keys are such.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    path::Path,
};

/// Makes the folder and those above it, where they are missing. One that is there stays as it is: it may be somebody else's.
///
/// # Errors
/// The disk refuses.
pub fn create_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Opens the file for writing as it stands, or makes an empty one.
///
/// # Errors
/// The disk refuses.
pub fn open_to_keep(path: &Path) -> io::Result<File> {
    let file = options().create(true).truncate(false).open(path)?;
    // An earlier program may have made it for all to read.
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(file)
}

/// Makes the file, which must not be there, and brings its content to the disk.
///
/// # Errors
/// It is there, or the disk refuses.
pub fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = options().create_new(true).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Whole or not at all.
///
/// # Errors
/// The disk refuses.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = options().create(true).truncate(true).open(&beside)?;
    file.write_all(content)?;
    // Without it a power cut may leave the new name on an empty file.
    file.sync_all()?;
    std::fs::rename(beside, path)
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Takes the file or folder from everybody but administrators, the system and the account that services run as; by their well-known ids,
/// for their names are another in each language.
///
/// # Errors
/// Windows refuses.
#[cfg(windows)]
pub fn keep_to_service(path: &Path) -> io::Result<()> {
    let rights = if path.is_dir() { FOLDER_RIGHTS } else { FILE_RIGHTS };
    let said = std::process::Command::new("icacls")
        .arg(path)
        .args(["/inheritance:r", "/grant:r"])
        .args(rights)
        .output()?;
    if said.status.success() {
        return Ok(());
    }
    Err(io::Error::other(String::from_utf8_lossy(&said.stderr).trim().to_owned()))
}

/// The system, administrators, LocalService.
#[cfg(windows)]
const FOLDER_RIGHTS: [&str; 3] = ["*S-1-5-18:(OI)(CI)F", "*S-1-5-32-544:(OI)(CI)F", "*S-1-5-19:(OI)(CI)M"];
#[cfg(windows)]
const FILE_RIGHTS: [&str; 3] = ["*S-1-5-18:F", "*S-1-5-32-544:F", "*S-1-5-19:R"];
