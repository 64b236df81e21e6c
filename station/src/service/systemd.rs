//! systemd: the service is a unit file and a user of its own; it tells the manager that it is ready, alive and stopping by sd_notify(3).

use super::{
    InstallOrder, NAME, News, ServiceFault, ServiceHost, ServiceState, Standing, Supervisor, UnitPlan, Work,
};
use sd_notify::NotifyState;
use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::mpsc,
    time::Duration,
};

const UNIT: &str = "etc/systemd/system/jigline-station.service";
const PROGRAM: &str = "usr/local/bin/jigline-station";
/// Groups that serial ports belong to: Debian and its kin; Arch and its.
const SERIAL_GROUPS: [&str; 2] = ["dialout", "uucp"];

/// How long the last word to the manager may take.
const LAST_WORD: Duration = Duration::from_secs(1);

/// systemd of a machine.
pub struct Systemd {
    /// `/`; tests have another.
    root: PathBuf,
    run: fn(&[&str]) -> io::Result<Output>,
}

impl Default for Systemd {
    fn default() -> Self {
        Self { root: PathBuf::from("/"), run }
    }
}

impl ServiceHost for Systemd {
    fn install(&self, order: &InstallOrder) -> Result<Vec<String>, ServiceFault> {
        self.require()?;
        let mut done = Vec::new();
        if self.put_program(&order.program)? {
            done.push(format!("the program is {}", self.at(PROGRAM).display()));
        }
        if !self.says_yes(&["id", "-u", NAME])? {
            let home = order.data.display().to_string();
            self.ask(&[
                "useradd",
                "--system",
                "--no-create-home",
                "--home-dir",
                &home,
                "--shell",
                "/usr/sbin/nologin",
                NAME,
            ])?;
            done.push(format!("the user {NAME} was made"));
        }
        // An enrolment that root did has made it root's.
        let (owner, data) = (format!("{NAME}:"), order.data.display().to_string());
        self.ask(&["chown", "--recursive", &owner, &data])?;
        let plan = UnitPlan {
            settings: order.settings.clone(),
            data: order.data.clone(),
            group: self.serial_group()?.to_owned(),
        };
        self.write(UNIT, plan.text().as_bytes(), 0o644)?;
        done.push(format!("the unit is {}", self.at(UNIT).display()));
        self.ask(&["systemctl", "daemon-reload"])?;
        self.ask(&["systemctl", "enable", NAME])?;
        // Starts it, too; and one that runs gets what is new.
        self.ask(&["systemctl", "restart", NAME])?;
        done.push("it runs, and starts with this machine; its log: journalctl -u jigline-station".to_owned());
        Ok(done)
    }

    fn uninstall(&self) -> Result<Vec<String>, ServiceFault> {
        self.require()?;
        if !self.at(UNIT).exists() {
            return Ok(vec!["it was not installed".to_owned()]);
        }
        self.ask(&["systemctl", "disable", "--now", NAME])?;
        let path = self.at(UNIT);
        fs::remove_file(&path).map_err(|source| ServiceFault::NotWritten { path, source })?;
        self.ask(&["systemctl", "daemon-reload"])?;
        Ok(vec![format!(
            "it was stopped and taken away; settings, journal, the program and the user {NAME} stay"
        )])
    }

    fn status(&self) -> Result<Standing, ServiceFault> {
        self.require()?;
        let said = self.ask(&[
            "systemctl",
            "show",
            NAME,
            "--property=LoadState,ActiveState,SubState,Result,StatusText",
        ])?;
        Ok(standing(&said))
    }

    fn run(&self, work: Work) -> anyhow::Result<()> {
        // A thread of its own: a manager that hears nothing must not hold up the one that works the slots.
        let (news, heard) = mpsc::channel();
        let (done, told) = mpsc::channel();
        let mouth = move || {
            heard.into_iter().for_each(tell);
            let _nobody_waits_any_more = done.send(());
        };
        std::thread::Builder::new().name("notify".to_owned()).spawn(mouth)?;
        let say = move |one| {
            let _it_was_no_use = news.send(one);
        };
        let supervisor = Supervisor::new(say, None, sd_notify::watchdog_enabled());
        let worked = work(supervisor);
        let _it_was_no_use = told.recv_timeout(LAST_WORD);
        worked
    }
}

impl Systemd {
    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// As sd_booted(3).
    fn require(&self) -> Result<(), ServiceFault> {
        if self.at("run/systemd/system").is_dir() { Ok(()) } else { Err(ServiceFault::NoHost) }
    }

    /// Puts this program where the unit finds it; gives whether it was another.
    fn put_program(&self, program: &Path) -> Result<bool, ServiceFault> {
        let place = self.at(PROGRAM);
        let unread = |source| ServiceFault::NotWritten { path: program.to_owned(), source };
        if program.canonicalize().ok() == place.canonicalize().ok() {
            return Ok(false);
        }
        let content = fs::read(program).map_err(unread)?;
        self.write(PROGRAM, &content, 0o755)?;
        Ok(true)
    }

    /// Whole or not at all: a program that runs is not written into.
    fn write(&self, to: &str, content: &[u8], mode: u32) -> Result<(), ServiceFault> {
        let path = self.at(to);
        let beside = path.with_extension("new");
        let write = || {
            fs::write(&beside, content)?;
            fs::set_permissions(&beside, fs::Permissions::from_mode(mode))?;
            fs::File::open(&beside)?.sync_all()?;
            fs::rename(&beside, &path)
        };
        write().map_err(|source| ServiceFault::NotWritten { path: path.clone(), source })
    }

    fn serial_group(&self) -> Result<&'static str, ServiceFault> {
        for group in SERIAL_GROUPS {
            if self.says_yes(&["getent", "group", group])? {
                return Ok(group);
            }
        }
        Ok(SERIAL_GROUPS[0])
    }

    fn says_yes(&self, command: &[&str]) -> Result<bool, ServiceFault> {
        Ok(self.output(command)?.status.success())
    }

    fn ask(&self, command: &[&str]) -> Result<String, ServiceFault> {
        let output = self.output(command)?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ");
        Err(ServiceFault::Refused { command: command.join(" "), said })
    }

    fn output(&self, command: &[&str]) -> Result<Output, ServiceFault> {
        (self.run)(command).map_err(|source| ServiceFault::NotStarted { command: command.join(" "), source })
    }
}

fn run(command: &[&str]) -> io::Result<Output> {
    let (program, arguments) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    Command::new(program).args(arguments).output()
}

fn tell(news: News) {
    let state = match news {
        News::Ready => NotifyState::Ready,
        News::Alive => NotifyState::Watchdog,
        News::Stopping => NotifyState::Stopping,
    };
    if let Err(fault) = sd_notify::notify(&[state]) {
        tracing::warn!(%fault, "the service manager was not told");
    }
}

/// What `systemctl show` prints: `ActiveState=active` and the like, a line each.
fn standing(said: &str) -> Standing {
    let of = |name: &str| {
        said.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).unwrap_or_default()
    };
    let state = match (of("LoadState"), of("ActiveState")) {
        ("not-found", _) => ServiceState::NotInstalled,
        (_, "active") => ServiceState::Running,
        (_, "activating" | "deactivating" | "reloading") => ServiceState::Changing,
        (_, "failed") => ServiceState::Failed,
        _ => ServiceState::Stopped,
    };
    let words = [of("SubState"), of("Result"), of("StatusText")];
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty() && *word != "success").collect();
    Standing { state, detail: words.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{cell::RefCell, os::unix::process::ExitStatusExt as _, process::ExitStatus};

    thread_local! {
        static ASKED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    }

    /// Notes what is asked; nobody called jigline-station is there yet, and serial ports are uucp's.
    fn noted(command: &[&str]) -> io::Result<Output> {
        let line = command.join(" ");
        let code = if line.starts_with("id ") || line.ends_with("dialout") { 1 } else { 0 };
        let stderr = if line.ends_with("daemon-reload")
            && ASKED.with_borrow(|asked| asked.contains(&"refuse".to_owned()))
        {
            b"Access denied\n".to_vec()
        } else {
            Vec::new()
        };
        let code = if stderr.is_empty() { code } else { 1 };
        ASKED.with_borrow_mut(|asked| asked.push(line));
        Ok(Output { status: ExitStatus::from_raw(code << 8), stdout: Vec::new(), stderr })
    }

    fn machine() -> (tempfile::TempDir, Systemd) {
        let folder = tempfile::tempdir().unwrap();
        for path in ["run/systemd/system", "etc/systemd/system", "usr/local/bin"] {
            fs::create_dir_all(folder.path().join(path)).unwrap();
        }
        let host = Systemd { root: folder.path().to_owned(), run: noted };
        (folder, host)
    }

    fn order(folder: &Path) -> InstallOrder {
        let program = folder.join("download");
        fs::write(&program, "the program").unwrap();
        InstallOrder {
            program,
            settings: "/etc/jigline/station.toml".into(),
            data: "/var/lib/jigline-station".into(),
        }
    }

    #[test]
    fn an_install_makes_user_program_and_unit_and_can_be_done_again() {
        let (folder, host) = machine();
        let order = order(folder.path());
        let done = host.install(&order).unwrap();
        let unit = fs::read_to_string(folder.path().join(UNIT)).unwrap();
        assert!(unit.contains("SupplementaryGroups=uucp"), "{unit}");
        let program = folder.path().join(PROGRAM);
        assert_eq!(fs::read_to_string(&program).unwrap(), "the program");
        assert_eq!(fs::metadata(&program).unwrap().permissions().mode() & 0o777, 0o755);
        let asked = ASKED.take();
        assert_eq!(
            asked,
            [
                "id -u jigline-station",
                "useradd --system --no-create-home --home-dir /var/lib/jigline-station --shell /usr/sbin/nologin jigline-station",
                "chown --recursive jigline-station: /var/lib/jigline-station",
                "getent group dialout",
                "getent group uucp",
                "systemctl daemon-reload",
                "systemctl enable jigline-station",
                "systemctl restart jigline-station",
            ]
        );
        assert_eq!(done.len(), 4);
        let again = InstallOrder { program, ..order };
        assert_eq!(host.install(&again).unwrap().len(), 3, "the program is in its place");
        ASKED.take();
        host.uninstall().unwrap();
        assert_eq!(ASKED.take(), ["systemctl disable --now jigline-station", "systemctl daemon-reload"]);
        assert!(!folder.path().join(UNIT).exists());
        assert_eq!(host.uninstall().unwrap(), ["it was not installed"]);
    }

    #[test]
    fn who_refuses_is_named_with_the_words() {
        let (folder, host) = machine();
        ASKED.with_borrow_mut(|asked| asked.push("refuse".to_owned()));
        let said = host.install(&order(folder.path())).unwrap_err().to_string();
        assert_eq!(said, "systemctl daemon-reload says: Access denied");
        fs::remove_dir(folder.path().join("run/systemd/system")).unwrap();
        assert!(matches!(host.status(), Err(ServiceFault::NoHost)));
    }

    #[test]
    fn what_systemd_says_is_understood() {
        let cases = [
            (
                "LoadState=not-found\nActiveState=inactive\nSubState=dead\nResult=success\n",
                ServiceState::NotInstalled,
                "dead",
            ),
            (
                "LoadState=loaded\nActiveState=active\nSubState=running\nResult=success\nStatusText=\n",
                ServiceState::Running,
                "running",
            ),
            (
                "LoadState=loaded\nActiveState=activating\nSubState=auto-restart\nResult=exit-code\n",
                ServiceState::Changing,
                "auto-restart, exit-code",
            ),
            (
                "LoadState=loaded\nActiveState=failed\nSubState=failed\nResult=watchdog\n",
                ServiceState::Failed,
                "failed, watchdog",
            ),
            (
                "LoadState=loaded\nActiveState=inactive\nSubState=dead\nResult=success\n",
                ServiceState::Stopped,
                "dead",
            ),
        ];
        for (said, state, detail) in cases {
            assert_eq!(standing(said), Standing { state, detail: detail.to_owned() }, "{said}");
        }
    }
}
