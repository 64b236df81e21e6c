//! What Linux shows of a PC in /sys, /proc, /dev and /etc, read by a root that tests replace. Nothing is opened but files that say
//! something: no port is touched.

mod usb;

use super::picture::{
    Access, AgentSeen, ClockSeen, DiskKind, Holder, Keeper, MachineSeen, PortSeen, SleepSeen,
};
use crate::{
    link::network_address,
    ports::Adapter,
    service::NAME,
    slot_port::is_pseudo_terminal,
    tool::holder::{self, holds, processes},
};
use chrono::{DateTime, Utc};
use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

/// Programs that open every new serial port: one looks for modems, the other for braille displays.
const MEDDLERS: [&str; 2] = ["ModemManager", "brltty"];
/// Programs that keep a clock right, as the kernel cuts their names.
const KEEPERS: [(&str, &str); 5] = [
    ("systemd-timesyn", "systemd-timesyncd"),
    ("chronyd", "chronyd"),
    ("ntpd", "ntpd"),
    ("ntpsec-ntpd", "ntpsec"),
    ("openntpd", "openntpd"),
];
/// Where systemd puts the settings for its service alone.
const CREDENTIALS: &str = "/run/credentials/";

/// A PC.
pub struct System {
    root: PathBuf,
}

/// Whom the station works as.
struct Account {
    name: String,
    uid: u32,
    groups: Vec<u32>,
}

impl System {
    #[must_use]
    pub fn here() -> Self {
        Self::at("/")
    }

    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    fn text(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.path(path)).ok().map(|text| text.trim().to_owned())
    }

    /// The station that works with these settings.
    pub fn agent(&self, settings: &Path) -> Option<AgentSeen> {
        let wanted = fs::canonicalize(settings).ok();
        let is_ours = |file: &Path| {
            file.starts_with(CREDENTIALS) || wanted.is_some() && fs::canonicalize(file).ok() == wanted
        };
        processes(&self.path("proc")).find_map(|(pid, folder)| {
            let one = holder::process(pid, &folder);
            let works = one.is_agent() && one.settings(&folder).is_some_and(|file| is_ours(&file));
            works.then(|| AgentSeen { pid, is_replaced: is_replaced(&folder) })
        })
    }

    /// What the slot's port name leads to.
    pub fn port(&self, device: &str, agent: Option<&AgentSeen>) -> PortSeen {
        if network_address(device).is_some() {
            return PortSeen::InNetwork;
        }
        if is_pseudo_terminal(device) {
            return PortSeen::Simulated;
        }
        let Ok(device) = fs::canonicalize(self.path(device)) else { return PortSeen::Missing };
        let is_other = |pid: u32| pid != std::process::id() && agent.is_none_or(|agent| agent.pid != pid);
        let holders = processes(&self.path("proc"))
            .filter(|(pid, folder)| is_other(*pid) && holds(folder, &device))
            .map(|(pid, folder)| Holder { program: holder::process(pid, &folder).program().to_owned(), pid });
        PortSeen::There {
            access: self.access(&device, &self.account(agent)),
            holders: holders.collect(),
            node: self.shown(&device),
        }
    }

    /// Whether the station may write to a device; none: it is not there.
    pub fn device(&self, path: &Path, agent: Option<&AgentSeen>) -> Option<Access> {
        let device = fs::canonicalize(self.path(&path.display().to_string())).ok()?;
        Some(self.access(&device, &self.account(agent)))
    }

    /// As it is called without the root that tests have.
    fn shown(&self, path: &Path) -> String {
        let below = path.strip_prefix(&self.root).map(|rest| Path::new("/").join(rest));
        below.unwrap_or_else(|_| path.to_owned()).display().to_string()
    }

    pub fn machine(&self, now: DateTime<Utc>) -> MachineSeen {
        let running = self.running();
        let runs = |name: &str| running.iter().any(|one| one == name);
        let keeper = KEEPERS.iter().find(|(comm, _)| runs(comm));
        MachineSeen {
            adapters: self.adapters(),
            meddlers: MEDDLERS.iter().filter(|name| runs(name)).map(|name| (*name).to_owned()).collect(),
            sleep: self.sleep(),
            clock: ClockSeen {
                now,
                keeper: keeper.map_or(Keeper::Nobody, |(_, name)| Keeper::Runs((*name).to_owned())),
                mainboard_off: self.mainboard_off(now),
            },
            reverting: None,
        }
    }

    fn running(&self) -> Vec<String> {
        let names = processes(&self.path("proc"))
            .filter_map(|(_, folder)| Some(fs::read_to_string(folder.join("comm")).ok()?.trim().to_owned()));
        names.collect()
    }

    /// systemd-sleep(8): a unit that is masked leads to /dev/null.
    fn sleep(&self) -> SleepSeen {
        // Without any state that it could sleep in.
        if self.text("sys/power/state").is_none_or(|states| states.is_empty()) {
            return SleepSeen::Never;
        }
        let is_masked = |unit: &str| {
            let unit = self.path("etc/systemd/system").join(unit);
            fs::read_link(unit).is_ok_and(|target| target == Path::new("/dev/null"))
        };
        if is_masked("sleep.target") || is_masked("suspend.target") {
            return SleepSeen::Never;
        }
        let forbids = |line: &str| line.replace(' ', "").eq_ignore_ascii_case("AllowSuspend=no");
        let conf = self.text("etc/systemd/sleep.conf").unwrap_or_default();
        if conf.lines().any(forbids) {
            return SleepSeen::Never;
        }
        if self.path("run/systemd/system").is_dir() {
            SleepSeen::Allowed("suspend.target".to_owned())
        } else {
            SleepSeen::Unknown
        }
    }

    fn mainboard_off(&self, now: DateTime<Utc>) -> Option<Duration> {
        // adjtime(5): a clock that shows the zone's time is off by that, and right.
        if self.text("etc/adjtime").is_some_and(|text| text.lines().nth(2) == Some("LOCAL")) {
            return None;
        }
        let shows: i64 = self.text("sys/class/rtc/rtc0/since_epoch")?.parse().ok()?;
        Some(Duration::from_secs(now.timestamp().abs_diff(shows)))
    }

    /// proc_pid_mountinfo(5): the mount with the longest path that the folder is below.
    pub fn disk_kind(&self, folder: &Path) -> DiskKind {
        let mounts = self.text("proc/self/mountinfo").unwrap_or_default();
        let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        let mount = |line: &str| {
            let (before, after) = line.split_once(" - ")?;
            let mut fields = before.split(' ').skip(4);
            let point = fields.next()?.replace("\\040", " ");
            let is_read_only = fields.next()?.split(',').any(|option| option == "ro");
            let kind = after.split(' ').next()?.to_owned();
            folder.starts_with(&point).then_some((point.len(), is_read_only, kind))
        };
        // Of two on one point the later lies on top.
        let Some((_, is_read_only, kind)) =
            mounts.lines().filter_map(mount).max_by_key(|(length, ..)| *length)
        else {
            return DiskKind::Lasting;
        };
        match kind.as_str() {
            "tmpfs" | "ramfs" | "overlay" | "aufs" | "unionfs" => DiskKind::Forgetting(kind),
            "nfs" | "nfs4" | "cifs" | "smb3" | "fuse.sshfs" | "9p" => DiskKind::InNetwork(kind),
            _ if is_read_only => DiskKind::ReadOnly,
            _ => DiskKind::Lasting,
        }
    }

    /// Whether others than its owner may read the file.
    pub fn is_open_to_others(&self, path: &Path) -> bool {
        fs::metadata(path).is_ok_and(|file| file.mode() & 0o007 != 0)
    }

    /// The service's, where there is one; else ours.
    fn account(&self, agent: Option<&AgentSeen>) -> Account {
        let pid = agent.map_or_else(|| "self".to_owned(), |agent| agent.pid.to_string());
        let of_service = || {
            let unit = self.text("etc/systemd/system/jigline-station.service")?;
            let value = |key: &str| unit.lines().find_map(|line| line.strip_prefix(key)).map(str::to_owned);
            let name = value("User=")?;
            let uid = self.number_of("etc/passwd", &name)?;
            let own = self.groups_of(&name);
            let given = value("SupplementaryGroups=")
                .into_iter()
                .flat_map(|names| names.split(' ').map(str::to_owned).collect::<Vec<_>>())
                .filter_map(|group| self.number_of("etc/group", &group));
            Some(Account { name, uid, groups: own.into_iter().chain(given).collect() })
        };
        if agent.is_none()
            && let Some(account) = of_service()
        {
            return account;
        }
        let status = self.text(&format!("proc/{pid}/status")).unwrap_or_default();
        let numbers = |key: &str| -> Vec<u32> {
            let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
            line.split_whitespace().filter_map(|number| number.parse().ok()).collect()
        };
        let uid = numbers("Uid:").get(1).copied().unwrap_or(u32::MAX);
        let groups = numbers("Gid:").get(1).copied().into_iter().chain(numbers("Groups:")).collect();
        let name = self.name_of("etc/passwd", uid).unwrap_or_else(|| NAME.to_owned());
        Account { name, uid, groups }
    }

    fn access(&self, device: &Path, account: &Account) -> Access {
        let Ok(file) = fs::metadata(device) else { return Access::Unknown };
        let mode = file.mode();
        let both = |bits: u32| mode & bits == bits;
        let may = match () {
            () if account.uid == 0 => true,
            () if account.uid == file.uid() => both(0o600),
            () if account.groups.contains(&file.gid()) => both(0o060),
            () => both(0o006),
        };
        if may {
            return Access::Granted;
        }
        let group = self.name_of("etc/group", file.gid()).unwrap_or_else(|| file.gid().to_string());
        Access::Denied { account: account.name.clone(), group }
    }

    /// passwd(5) and group(5) have name and number in the same places.
    fn name_of(&self, list: &str, number: u32) -> Option<String> {
        let list = self.text(list)?;
        let is_it = |line: &&str| line.split(':').nth(2) == Some(&*number.to_string());
        list.lines().find(is_it)?.split(':').next().map(str::to_owned)
    }

    fn number_of(&self, list: &str, name: &str) -> Option<u32> {
        let list = self.text(list)?;
        list.lines().find(|line| line.split(':').next() == Some(name))?.split(':').nth(2)?.parse().ok()
    }

    fn groups_of(&self, account: &str) -> Vec<u32> {
        let list = self.text("etc/group").unwrap_or_default();
        let is_member = |line: &&str| {
            line.split(':').nth(3).is_some_and(|names| names.split(',').any(|name| name == account))
        };
        list.lines().filter(is_member).filter_map(|line| line.split(':').nth(2)?.parse().ok()).collect()
    }

    /// Every serial adapter that is plugged in.
    pub fn adapters(&self) -> Vec<Adapter> {
        usb::adapters(&self.root)
    }
}

/// The kernel marks a program whose file was replaced.
fn is_replaced(process: &Path) -> bool {
    fs::read_link(process.join("exe")).is_ok_and(|file| file.to_string_lossy().ends_with(" (deleted)"))
}
