//! A PC made of folders, and what the doctor says of it.

#![cfg(target_os = "linux")]

use super::{
    LookOrder, System, exit_code, json, look,
    picture::{Access, AgentSeen, DiskKind, Holder, Keeper, PortSeen, SleepSeen},
    text,
};
use crate::{clock::Clock, config::StationConfig, journal::Journal};
use chrono::{DateTime, Utc};
use domain::{
    doctor::{Finding, FindingCode as Code},
    ids::{OutboxId, StationId},
    text::Language,
};
use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
};
use uuid::Uuid;

const PLACE: &str = "/dev/serial/by-path/pci-0000:00:14.0-usb-0:1.1:1.0-port0";
const OTHER_PLACE: &str = "/dev/serial/by-path/pci-0000:00:14.0-usb-0:1.2:1.0-port0";

/// Folders as a jig PC with two adapters on one hub has them.
struct Pc {
    folder: tempfile::TempDir,
}

impl Pc {
    fn new() -> Self {
        let pc = Self { folder: tempfile::tempdir().unwrap() };
        let bus = "sys/devices/pci0000:00/0000:00:14.0/usb1";
        pc.usb(bus, "1d6b:0002", "auto");
        pc.usb(&format!("{bus}/1-1"), "05e3:0608", "auto");
        for (number, socket) in [(0, 1), (1, 2)] {
            let device = format!("{bus}/1-1/1-1.{socket}");
            pc.usb(&device, "1a86:7523", "on");
            pc.write(&format!("{device}/product"), "USB Serial\n");
            let tty = format!("{device}/1-1.{socket}:1.0/ttyUSB{number}/tty/ttyUSB{number}");
            fs::create_dir_all(pc.at(&tty)).unwrap();
            pc.link(&format!("sys/class/tty/ttyUSB{number}"), &format!("../../../{tty}"));
            pc.write(&format!("dev/ttyUSB{number}"), "");
            fs::set_permissions(pc.at(&format!("dev/ttyUSB{number}")), fs::Permissions::from_mode(0o660))
                .unwrap();
            let place = format!("dev/serial/by-path/pci-0000:00:14.0-usb-0:1.{socket}:1.0-port0");
            pc.link(&place, &format!("../../ttyUSB{number}"));
        }
        pc.write("proc/self/mountinfo", "22 1 259:2 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw\n");
        pc.write("proc/self/status", "Name:\tstation\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nGroups:\t\n");
        pc.write("etc/group", "root:x:0:\ndialout:x:20:\n");
        pc.write("sys/power/state", "freeze mem disk\n");
        fs::create_dir_all(pc.at("run/systemd/system")).unwrap();
        pc.process(200, "chronyd", &["/usr/sbin/chronyd"]);
        pc
    }

    fn at(&self, path: &str) -> std::path::PathBuf {
        self.folder.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        fs::write(self.at(path), text).unwrap();
    }

    fn link(&self, path: &str, target: &str) {
        fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        symlink(target, self.at(path)).unwrap();
    }

    fn usb(&self, folder: &str, kind: &str, control: &str) {
        let (vendor, product) = kind.split_once(':').unwrap();
        self.write(&format!("{folder}/idVendor"), &format!("{vendor}\n"));
        self.write(&format!("{folder}/idProduct"), &format!("{product}\n"));
        self.write(&format!("{folder}/power/control"), &format!("{control}\n"));
        self.write(&format!("{folder}/power/autosuspend_delay_ms"), "2000\n");
    }

    fn process(&self, pid: u32, comm: &str, arguments: &[&str]) {
        self.write(&format!("proc/{pid}/comm"), &format!("{comm}\n"));
        self.write(&format!("proc/{pid}/cmdline"), &arguments.join("\0"));
    }

    fn system(&self) -> System {
        System::at(self.folder.path())
    }

    fn port(&self, device: &str, agent: Option<&AgentSeen>) -> PortSeen {
        self.system().port(device, agent)
    }

    fn settings(&self) -> String {
        let key = "11".repeat(32);
        format!(
            "name = \"jig-1\"\ndata = {:?}\nserver = \"http://127.0.0.1:1\"\nstation_id = \"0190a000-0000-7000-8000-000000000001\"\n\
             key = \"none\"\nrelease_key = \"{key}\"\nsealing_key = \"{key}\"\nplaceholder_key = \"{key}\"\nfixture = \"127.0.0.1:1\"\n\
             [[slot]]\nnumber = 1\ndevice = {PLACE:?}\n[[slot]]\nnumber = 2\ndevice = {OTHER_PLACE:?}\n",
            self.at("data"),
        )
    }

    async fn findings(&self) -> Vec<Finding> {
        let settings = self.at("station.toml");
        fs::write(&settings, self.settings()).unwrap();
        fs::set_permissions(&settings, fs::Permissions::from_mode(0o600)).unwrap();
        let order = LookOrder {
            config: StationConfig::load(&settings),
            settings,
            program: "0.1.0".to_owned(),
            now: noon(),
            service: None,
            is_the_station: false,
        };
        look(&order, &self.system()).await
    }

    /// With paths and figures that are this machine's made the same everywhere.
    fn told(&self, findings: &[Finding], language: Language) -> String {
        let told = text(findings, language).replace(self.folder.path().to_str().unwrap(), "PC");
        told.replace(" (os error 111)", "")
    }
}

fn noon() -> DateTime<Utc> {
    "2026-11-28T12:00:00Z".parse().unwrap()
}

fn codes(findings: &[Finding]) -> Vec<Code> {
    findings.iter().map(|finding| finding.code).collect()
}

#[test]
fn a_port_is_followed_from_its_place_through_its_hub_to_the_machine() {
    let pc = Pc::new();
    let found = pc.system().adapters();
    let chain: Vec<_> = found[0].chain.iter().map(|part| (&*part.at, &*part.kind, part.may_sleep)).collect();
    assert_eq!(
        chain,
        [("0000:00:14.0", "1d6b:0002", true), ("1", "05e3:0608", true), ("1.1", "1a86:7523", false)]
    );
    assert_eq!((&*found[0].node, found[0].place.as_deref()), ("/dev/ttyUSB0", Some(PLACE)));
    assert_eq!((&*found[1].title, found[1].place.as_deref()), ("USB Serial, 1a86:7523", Some(OTHER_PLACE)));
    let PortSeen::There { node, .. } = pc.port(OTHER_PLACE, None) else { panic!() };
    assert_eq!(node, "/dev/ttyUSB1");
    fs::remove_file(pc.at("dev/ttyUSB1")).unwrap();
    assert_eq!(pc.port(OTHER_PLACE, None), PortSeen::Missing);
    assert_eq!(pc.port("tcp:10.0.0.7:4001", None), PortSeen::InNetwork);
}

#[test]
fn whoever_has_a_port_open_is_named_and_the_station_itself_is_not() {
    let pc = Pc::new();
    pc.process(31, "minicom", &["/usr/bin/minicom", "-D", "/dev/ttyUSB0"]);
    pc.process(32, "jigline-station", &["/usr/bin/jigline-station", "run", "--config", "x.toml"]);
    for pid in [31, 32] {
        pc.link(&format!("proc/{pid}/fd/4"), pc.at("dev/ttyUSB0").to_str().unwrap());
    }
    let agent = AgentSeen { pid: 32, is_replaced: false };
    let PortSeen::There { holders, .. } = pc.port(PLACE, Some(&agent)) else { panic!() };
    assert_eq!(holders, [Holder { program: "minicom".to_owned(), pid: 31 }]);
    let PortSeen::There { holders, .. } = pc.port(OTHER_PLACE, Some(&agent)) else { panic!() };
    assert_eq!(holders, []);
}

#[test]
fn rights_are_those_of_whoever_works_the_port() {
    let pc = Pc::new();
    let access = |agent: Option<&AgentSeen>| {
        let PortSeen::There { access, .. } = pc.port(PLACE, agent) else { panic!() };
        access
    };
    assert_eq!(access(None), Access::Granted, "this account's");
    // Whose files these are depends on who runs the test.
    let group = std::os::unix::fs::MetadataExt::gid(&fs::metadata(pc.at("dev/ttyUSB0")).unwrap());
    pc.write("etc/group", &format!("ports:x:{group}:\nother:x:4242:\n"));
    pc.write("etc/passwd", "jigline-station:x:998:998::/nonexistent:/usr/sbin/nologin\n");
    let unit = |groups: &str| {
        let text = format!("[Service]\nUser=jigline-station\nSupplementaryGroups={groups}\n");
        pc.write("etc/systemd/system/jigline-station.service", &text);
    };
    unit("other");
    let denied = Access::Denied { account: "jigline-station".to_owned(), group: "ports".to_owned() };
    assert_eq!(access(None), denied, "the service's, which is not there yet");
    unit("other ports");
    assert_eq!(access(None), Access::Granted);
    let agent = AgentSeen { pid: 77, is_replaced: false };
    pc.write("proc/77/status", "Uid:\t998\t998\t998\t998\nGid:\t998\t998\t998\t998\nGroups:\t4242 \n");
    assert_eq!(access(Some(&agent)), denied, "it was started before it was in the group");
    pc.write(
        "proc/77/status",
        &format!("Uid:\t998\t998\t998\t998\nGid:\t998\t998\t998\t998\nGroups:\t{group} \n"),
    );
    assert_eq!(access(Some(&agent)), Access::Granted);
}

#[test]
fn a_pc_that_may_sleep_is_told_from_one_that_never_does() {
    let pc = Pc::new();
    let sleep = || pc.system().machine(noon()).sleep;
    assert_eq!(sleep(), SleepSeen::Allowed("suspend.target".to_owned()));
    pc.link("etc/systemd/system/sleep.target", "/dev/null");
    assert_eq!(sleep(), SleepSeen::Never);
    fs::remove_file(pc.at("etc/systemd/system/sleep.target")).unwrap();
    pc.write("etc/systemd/sleep.conf", "[Sleep]\nAllowSuspend = no\n");
    assert_eq!(sleep(), SleepSeen::Never);
    pc.write("etc/systemd/sleep.conf", "[Sleep]\n#AllowSuspend=no\n");
    assert_eq!(sleep(), SleepSeen::Allowed("suspend.target".to_owned()));
    pc.write("sys/power/state", "\n");
    assert_eq!(sleep(), SleepSeen::Never, "it knows no state to sleep in");
}

#[test]
fn a_disk_is_known_by_the_mount_that_lies_on_top_of_the_folder() {
    let pc = Pc::new();
    let root = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n";
    for (mounts, kind) in [
        (String::new(), DiskKind::Lasting),
        (root.replace("rw -", "ro -"), DiskKind::ReadOnly),
        (root.replace("ext4", "overlay"), DiskKind::Forgetting("overlay".to_owned())),
        (
            format!("{root}30 22 0:5 / /srv/my\\040jig rw - tmpfs tmpfs rw\n"),
            DiskKind::Forgetting("tmpfs".to_owned()),
        ),
        (format!("{root}30 22 0:5 / /srv rw - nfs4 nas:/x rw\n"), DiskKind::InNetwork("nfs4".to_owned())),
        (
            format!("{root}30 22 0:5 / /srv rw - nfs4 nas:/x rw\n31 30 8:2 / /srv rw - ext4 /dev/sdb1 rw\n"),
            DiskKind::Lasting,
        ),
        (format!("{root}30 22 0:5 / /srvother rw - tmpfs tmpfs rw\n"), DiskKind::Lasting),
    ] {
        pc.write("proc/self/mountinfo", &mounts);
        assert_eq!(pc.system().disk_kind(Path::new("/srv/my jig/data")), kind, "{mounts}");
    }
}

#[test]
fn the_clock_is_compared_with_the_mainboards_and_whoever_keeps_it_is_named() {
    let pc = Pc::new();
    let seen = || pc.system().machine(noon()).clock;
    assert_eq!((seen().keeper, seen().mainboard_off), (Keeper::Runs("chronyd".to_owned()), None));
    pc.write("sys/class/rtc/rtc0/since_epoch", &format!("{}\n", noon().timestamp() - 7200));
    assert_eq!(seen().mainboard_off.map(|off| off.as_secs()), Some(7200));
    pc.write("etc/adjtime", "0.0 0 0.0\n0\nLOCAL\n");
    assert_eq!(seen().mainboard_off, None, "it shows the zone's time, and is right");
    fs::remove_dir_all(pc.at("proc/200")).unwrap();
    assert_eq!(seen().keeper, Keeper::Nobody);
}

#[test]
fn a_station_is_found_by_its_settings_and_one_whose_program_was_replaced_is_known() {
    let pc = Pc::new();
    pc.write("station.toml", "");
    let settings = pc.at("station.toml");
    let run =
        |config: &str| pc.process(41, "jigline-station", &["jigline-station", "run", "--config", config]);
    run("/elsewhere/station.toml");
    assert_eq!(pc.system().agent(&settings), None);
    run(settings.to_str().unwrap());
    pc.link("proc/41/exe", "/usr/local/bin/jigline-station");
    assert_eq!(pc.system().agent(&settings), Some(AgentSeen { pid: 41, is_replaced: false }));
    fs::remove_file(pc.at("proc/41/exe")).unwrap();
    pc.link("proc/41/exe", "/usr/local/bin/jigline-station (deleted)");
    run("/run/credentials/jigline-station.service/station.toml");
    assert_eq!(pc.system().agent(&settings), Some(AgentSeen { pid: 41, is_replaced: true }));
}

#[tokio::test]
async fn a_pc_in_trouble_is_told_of_in_both_languages() {
    let pc = Pc::new();
    pc.process(31, "ModemManager", &["/usr/sbin/ModemManager"]);
    pc.link("proc/31/fd/9", pc.at("dev/ttyUSB0").to_str().unwrap());
    let second = "sys/devices/pci0000:00/0000:00:14.0/usb1/1-1/1-1.2";
    pc.usb(second, "1a86:7523", "auto");
    pc.write("proc/self/mountinfo", "22 1 0:5 / / rw - overlay overlay rw\n");
    let findings = pc.findings().await;
    insta::assert_snapshot!("trouble_en", pc.told(&findings, Language::En));
    insta::assert_snapshot!("trouble_zh", pc.told(&findings, Language::Zh));
    assert_eq!(exit_code(&findings), 4);
    let said = json(&findings, Language::En);
    assert_eq!(
        (&said["state"], said["findings"].as_array().unwrap().len()),
        (&"broken".into(), findings.len())
    );
}

#[tokio::test]
async fn a_journal_is_read_beside_the_station_that_writes_it() {
    let pc = Pc::new();
    let path = pc.at("data/journal.sqlite");
    let station: StationId = "0190a000-0000-7000-8000-000000000001".parse().unwrap();
    let outbox = OutboxId(Uuid::from_u128(5));
    let journal = Journal::open(&path, station, outbox, Clock::machine().now().at).unwrap();
    let found = codes(&pc.findings().await);
    assert!(found.contains(&Code::JournalGood) && found.contains(&Code::RecordsSent), "{found:?}");
    drop(journal);
    fs::write(&path, "no journal at all, and long enough to be looked at".repeat(100)).unwrap();
    let _none_are_there = fs::remove_file(path.with_extension("sqlite-wal"));
    let found = codes(&pc.findings().await);
    assert!(found.contains(&Code::JournalDamaged), "{found:?}");
}
