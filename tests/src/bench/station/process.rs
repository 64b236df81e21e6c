//! What Linux tells of a process below `/proc`.

use anyhow::{Context as _, Result};
use std::time::Duration;

/// Ticks of `/proc/PID/stat` a second: Linux shows them in hundredths on every machine that we build for (proc(5), USER_HZ).
const TICKS: u64 = 100;

/// Processor time that it has used, all threads, own and the kernel's for it.
///
/// # Errors
/// There is no such process.
pub fn cpu_time(pid: u32) -> Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let text = std::fs::read_to_string(&path).with_context(|| format!("{path} can't be read"))?;
    parse_cpu_time(&text).with_context(|| format!("{path} is not understood: {text}"))
}

/// The most memory that it has had at once, bytes.
///
/// # Errors
/// There is no such process.
pub fn most_memory(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    let text = std::fs::read_to_string(&path).with_context(|| format!("{path} can't be read"))?;
    parse_most_memory(&text).with_context(|| format!("{path} names no VmHWM"))
}

/// Fields 14 and 15. The second, the program's name, may hold anything but is in brackets.
fn parse_cpu_time(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis((user + system) * 1000 / TICKS))
}

fn parse_most_memory(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_programs_name_with_spaces_and_brackets_moves_no_field() {
        let stat = "42 (a (b) c) S 1 42 42 0 -1 4194304 100 0 0 0 250 50 7 8 20 0 1 0 1 1 1";
        assert_eq!(parse_cpu_time(stat), Some(Duration::from_secs(3)));
        assert_eq!(parse_cpu_time("42 (a) S 1"), None);
    }

    #[test]
    fn the_most_memory_is_read_in_bytes() {
        assert_eq!(
            parse_most_memory("VmPeak:\t  10 kB\nVmHWM:\t    20 kB\nVmRSS:\t 5 kB\n"),
            Some(20 * 1024)
        );
        assert_eq!(parse_most_memory("VmRSS:\t 5 kB\n"), None);
    }

    #[test]
    fn this_process_has_used_some_of_both() {
        let pid = std::process::id();
        assert!(most_memory(pid).unwrap() > 100_000);
        let before = cpu_time(pid).unwrap();
        let began = std::time::Instant::now();
        while cpu_time(pid).unwrap() == before {
            assert!(began.elapsed() < Duration::from_secs(60), "no tick in a minute of work");
        }
    }
}
