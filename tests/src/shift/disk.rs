//! What happens to a station's folder while its program is down: copied, put back, torn, garbled, gone.

use super::case::Disk;
use anyhow::{Context as _, Result};
use std::{
    fs::{self, File},
    io::{Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

/// What a backup of a station takes: its journal with what was not folded into it yet, and its key.
const FILES: [&str; 3] = ["journal.sqlite", "journal.sqlite-wal", "station.key"];
/// The index of the write-ahead file, made anew from it.
const INDEX: &str = "journal.sqlite-shm";
const MARK: &[u8] = b"a page that is none";
/// Behind the first pages.
const MIDDLE: u64 = 8192;

fn backup(folder: &Path) -> PathBuf {
    folder.join("backup")
}

/// Copies the folder as it is now, between two changes.
///
/// # Errors
/// What the disk says.
pub fn back_up(folder: &Path) -> Result<()> {
    let backup = backup(folder);
    fs::create_dir_all(&backup)?;
    copy(folder, &backup)
}

/// Puts what a station has on its disk into another folder.
///
/// # Errors
/// What the disk says.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    for name in FILES {
        match fs::copy(from.join(name), to.join(name)) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let _was_not_there = fs::remove_file(to.join(name));
            }
            Err(error) => return Err(error).context(name),
        }
    }
    Ok(())
}

/// Does it.
///
/// # Errors
/// What the disk says.
pub fn befall(folder: &Path, disk: Disk) -> Result<()> {
    match disk {
        Disk::Kept => Ok(()),
        Disk::Restored => {
            remove(folder);
            if backup(folder).is_dir() { copy(&backup(folder), folder) } else { Ok(()) }
        }
        Disk::TornTail(bytes) => {
            let path = folder.join("journal.sqlite-wal");
            let Ok(meta) = fs::metadata(&path) else { return Ok(()) };
            let _made_anew = fs::remove_file(folder.join(INDEX));
            Ok(File::options().write(true).open(&path)?.set_len(meta.len().saturating_sub(bytes))?)
        }
        Disk::Garbled => {
            let path = folder.join("journal.sqlite");
            let Ok(meta) = fs::metadata(&path) else { return Ok(()) };
            let mut file = File::options().write(true).open(&path)?;
            file.seek(SeekFrom::Start(MIDDLE.min(meta.len() / 2)))?;
            for _ in 0..2048 {
                file.write_all(MARK)?;
            }
            // What stands in the write-ahead file would mend it.
            for name in ["journal.sqlite-wal", INDEX] {
                let _was_not_there = fs::remove_file(folder.join(name));
            }
            Ok(())
        }
        Disk::Lost => {
            remove(folder);
            Ok(())
        }
    }
}

fn remove(folder: &Path) {
    for name in FILES.into_iter().chain([INDEX]) {
        let _was_not_there = fs::remove_file(folder.join(name));
    }
}

/// Whether the journal is what [`Disk::Garbled`] made of it.
#[must_use]
pub fn is_garbled(folder: &Path) -> bool {
    let bytes = fs::read(folder.join("journal.sqlite")).unwrap_or_default();
    bytes.windows(MARK.len()).any(|window| window == MARK)
}

/// As the station asks whoever reads its last words: the file is kept, elsewhere.
///
/// # Errors
/// What the disk says.
pub fn move_aside(folder: &Path) -> Result<()> {
    fs::rename(folder.join("journal.sqlite"), folder.join("journal.damaged"))?;
    for name in ["journal.sqlite-wal", INDEX] {
        let _was_not_there = fs::remove_file(folder.join(name));
    }
    Ok(())
}
