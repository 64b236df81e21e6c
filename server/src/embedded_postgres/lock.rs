//! `postmaster.pid`: whether somebody works on our folder already.

use nix::{sys::signal::kill, unistd::Pid};
use std::{fs, path::Path};

/// What the lock file says and what is true.
#[derive(Debug, PartialEq, Eq)]
pub enum Lock {
    /// No file.
    Free,
    /// A postmaster lives on this folder and listens on this port.
    Living { pid: i32, port: u16 },
    /// The process is gone, or its number went to a stranger.
    Stale { pid: i32 },
}

/// Reads the lock of the cluster in `data`.
#[must_use]
pub fn read_lock(data: &Path) -> Lock {
    let Ok(text) = fs::read_to_string(data.join("postmaster.pid")) else { return Lock::Free };
    let Some((pid, port)) = parse_lock(&text) else { return Lock::Free };
    match port {
        Some(port) if is_postmaster(pid, data) => Lock::Living { pid, port },
        _ => Lock::Stale { pid },
    }
}

/// Line 1 is the process, line 4 the port (missing while it starts).
fn parse_lock(text: &str) -> Option<(i32, Option<u16>)> {
    let mut lines = text.lines();
    let pid = lines.next()?.trim().parse().ok()?;
    let port = lines.nth(2).and_then(|line| line.trim().parse().ok());
    Some((pid, port))
}

fn is_postmaster(pid: i32, data: &Path) -> bool {
    // EPERM would still mean that it lives; as its parent or root we may signal it.
    if kill(Pid::from_raw(pid), None) == Err(nix::errno::Errno::ESRCH) {
        return false;
    }
    // The number may have gone to a stranger after a power cut: a postmaster's command line names its folder.
    match fs::read(format!("/proc/{pid}/cmdline")) {
        Ok(line) => {
            let line = String::from_utf8_lossy(&line);
            line.contains("postgres") && line.contains(&data.display().to_string())
        }
        Err(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_left_by_a_dead_process_is_stale_and_a_strangers_number_too() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read_lock(folder.path()), Lock::Free);
        let write = |pid: u32| {
            fs::write(folder.path().join("postmaster.pid"), format!("{pid}\n/x\n1\n5432\n\nlocalhost\n"))
                .unwrap();
        };
        write(4_194_000);
        assert_eq!(read_lock(folder.path()), Lock::Stale { pid: 4_194_000 });
        // This test lives, and is no postmaster.
        write(std::process::id());
        assert!(matches!(read_lock(folder.path()), Lock::Stale { .. }));
    }
}
