//! Making, starting, adopting and stopping the cluster.

use super::{
    PostgresError,
    account::Account,
    lock::{Lock, read_lock},
    programs::{Programs, find_programs},
};
use crate::clock;
use std::{
    ffi::OsString,
    fs,
    net::{Ipv4Addr, TcpListener},
    os::unix::{
        fs::{OpenOptionsExt as _, PermissionsExt as _},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

const OWNER: &str = "jigline";

/// Whether what is committed survives a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    Durable,
    /// For tests: no fsync.
    ThrowAway,
}

/// Where and how.
#[derive(Debug, Clone)]
pub struct ClusterSettings {
    /// The folder of the cluster: `data`, `log` and `password` come into it.
    pub folder: PathBuf,
    /// PostgreSQL's programs, where somebody named them.
    pub programs: Option<PathBuf>,
    /// The value of PATH.
    pub search_path: Option<OsString>,
    pub durability: Durability,
}

/// A running cluster. It goes on running when this is dropped: a service that was killed finds it again.
#[derive(Debug)]
pub struct Cluster {
    programs: Programs,
    account: Account,
    data: PathBuf,
    password: String,
    port: u16,
    adopted: bool,
}

impl Cluster {
    /// Makes the cluster if there is none and starts it if it does not run.
    ///
    /// # Errors
    /// Every way in which that fails, each with what to do.
    pub fn start(settings: &ClusterSettings) -> Result<Self, PostgresError> {
        let account = Account::choose()?;
        fs::create_dir_all(&settings.folder)
            .map_err(PostgresError::io("can't make the folder", &settings.folder))?;
        let folder = settings
            .folder
            .canonicalize()
            .map_err(PostgresError::io("can't find the folder", &settings.folder))?;
        let data = folder.join("data");
        let made_by = fs::read_to_string(data.join("PG_VERSION")).ok().map(|text| text.trim().to_owned());
        let programs = find_programs(
            settings.programs.as_deref(),
            made_by.as_deref(),
            &folder.join("programs"),
            settings.search_path.as_deref(),
        )?;
        if let Some(found) = made_by.clone().filter(|found| *found != programs.major) {
            return Err(PostgresError::OtherVersion {
                folder: data,
                found,
                programs: programs.folder,
                version: programs.major,
            });
        }
        account.own_folder(&folder)?;
        let password_file = folder.join("password");
        if made_by.is_none() {
            make(&programs, account, &folder, &password_file, settings.durability)?;
        }
        let password = fs::read_to_string(&password_file)
            .map_err(|cause| PostgresError::NoPassword { path: password_file, folder: data.clone(), cause })?
            .trim()
            .to_owned();
        let mut cluster = Self { programs, account, data, password, port: 0, adopted: false };
        match read_lock(&cluster.data) {
            Lock::Living { pid, port } => {
                tracing::info!(pid, port, folder = %cluster.data.display(), "PostgreSQL runs already on this folder: adopted");
                cluster.port = port;
                cluster.adopted = true;
                return Ok(cluster);
            }
            Lock::Stale { pid } => {
                let lock = cluster.data.join("postmaster.pid");
                tracing::warn!(pid, path = %lock.display(), "removed a lock left behind by a PostgreSQL that is gone");
                fs::remove_file(&lock).map_err(PostgresError::io("can't remove the stale lock", lock))?;
            }
            Lock::Free => {}
        }
        cluster.launch(settings.durability)?;
        Ok(cluster)
    }

    /// `postgres://..` of a database in the cluster that runs in `folder`; nothing is started. None: none runs there.
    ///
    /// # Errors
    /// It runs, and its password can't be read.
    pub fn running_url(folder: &Path, database: &str) -> Result<Option<String>, PostgresError> {
        let Ok(folder) = folder.canonicalize() else { return Ok(None) };
        let data = folder.join("data");
        let Lock::Living { port, .. } = read_lock(&data) else { return Ok(None) };
        let path = folder.join("password");
        let password = fs::read_to_string(&path).map_err(|cause| PostgresError::NoPassword {
            path,
            folder: data,
            cause,
        })?;
        Ok(Some(format!("postgres://{OWNER}:{}@127.0.0.1:{port}/{database}", password.trim())))
    }

    /// `postgres://..` of a database in it.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{OWNER}:{}@127.0.0.1:{}/{database}", self.password, self.port)
    }

    /// Whether it ran before us.
    #[must_use]
    pub fn was_adopted(&self) -> bool {
        self.adopted
    }

    /// Stops it: sessions are ended, everything committed is on disk.
    ///
    /// # Errors
    /// Where `pg_ctl` says so.
    pub fn stop(&self) -> Result<(), PostgresError> {
        let mut command = self.account.command(&self.programs.folder.join("pg_ctl"), &self.data);
        command.arg("-D").arg(&self.data).args(["-m", "fast", "-w", "-t", "60", "stop"]);
        run("pg_ctl stop", command)
    }

    /// Watches over a throw-away cluster: when this process ends, however it ends, the cluster is stopped and its folder
    /// removed. The returned child holds the other end of a pipe.
    ///
    /// # Errors
    /// Where no shell can be started.
    pub fn remove_after_us(&self) -> Result<Child, PostgresError> {
        // SIGQUIT is PostgreSQL's immediate stop. As ourselves, not as its account: that may not remove the folder.
        let script = "read _; pid=$(head -n 1 \"$1/postmaster.pid\" 2>/dev/null); \
             if [ -n \"$pid\" ]; then kill -QUIT \"$pid\"; while kill -0 \"$pid\" 2>/dev/null; do sleep 0.05; done; fi; \
             cd /; rm -rf \"$2\"";
        let folder = self.data.parent().unwrap_or(&self.data);
        let mut command = Command::new("/bin/sh");
        command.process_group(0).args(["-c", script, "sh"]).arg(&self.data).arg(folder);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().map_err(PostgresError::io("can't start", "/bin/sh"))
    }

    fn launch(&mut self, durability: Durability) -> Result<(), PostgresError> {
        let log = self.data.with_file_name("log");
        let mut tail = String::new();
        // Between finding a free port and taking it another program may be quicker.
        for _ in 0..3 {
            self.port = free_port().map_err(PostgresError::io("no free port on", "127.0.0.1"))?;
            let mut options = format!(
                "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=200",
                self.port
            );
            if durability == Durability::ThrowAway {
                options.push_str(
                    " -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_wal_size=4GB",
                );
            }
            // pg_ctl starts the postmaster in a session of its own: Ctrl-C in our terminal never reaches it.
            let mut command = self.account.command(&self.programs.folder.join("pg_ctl"), &self.data);
            command
                .arg("-D")
                .arg(&self.data)
                .arg("-l")
                .arg(&log)
                .args(["-w", "-t", "60", "-o", &options, "start"]);
            match run("pg_ctl start", command) {
                Ok(()) => return Ok(()),
                Err(_) => tail = log_tail(&log),
            }
        }
        Err(PostgresError::DidNotStart { folder: self.data.clone(), log, tail })
    }
}

fn make(
    programs: &Programs,
    account: Account,
    folder: &Path,
    password_file: &Path,
    durability: Durability,
) -> Result<(), PostgresError> {
    // Made beside its place and renamed: a start cut short leaves nothing that looks like a cluster.
    let half = folder.join("data.half-made");
    if half.exists() {
        fs::remove_dir_all(&half).map_err(PostgresError::io("can't remove", &half))?;
    }
    let empty = folder.join("data");
    if empty.is_dir() {
        // Only an empty one goes: whatever else it is, it is not ours to remove.
        fs::remove_dir(&empty).map_err(PostgresError::io("not a database and not empty:", &empty))?;
    }
    let _ = fs::remove_file(password_file);
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(password_file)
        .map_err(PostgresError::io("can't write", password_file))?;
    std::io::Write::write_all(&mut file, clock::random_token().as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(PostgresError::io("can't write", password_file))?;
    account.own_file(password_file)?;
    let mut command = account.command(&programs.folder.join("initdb"), folder);
    command
        .arg("-D")
        .arg(&half)
        .args(["-U", OWNER, "-A", "scram-sha-256", "-E", "UTF8", "--locale=C"])
        // A page that rots on the disk is told as such, and never read as a record.
        .arg(match durability {
            Durability::Durable => "--data-checksums",
            Durability::ThrowAway => "--no-sync",
        })
        .arg("--pwfile")
        .arg(password_file);
    run("initdb", command)?;
    fs::set_permissions(&half, fs::Permissions::from_mode(0o700))
        .map_err(PostgresError::io("can't close to others", &half))?;
    fs::rename(&half, folder.join("data")).map_err(PostgresError::io("can't rename", &half))?;
    tracing::info!(folder = %folder.display(), version = %programs.major, "made a PostgreSQL cluster");
    Ok(())
}

fn run(program: &str, mut command: Command) -> Result<(), PostgresError> {
    // The postmaster inherits what pg_ctl has open: pipes of ours would never end.
    let mut output = tempfile::tempfile().map_err(PostgresError::io("can't make a file in", "/tmp"))?;
    let (stdout, stderr) = output
        .try_clone()
        .and_then(|first| Ok((first, output.try_clone()?)))
        .map_err(PostgresError::io("can't open", "output"))?;
    let status = command
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr)
        .status()
        .map_err(PostgresError::io("can't run", command.get_program()))?;
    if status.success() {
        return Ok(());
    }
    let mut text = String::new();
    let _ = std::io::Seek::rewind(&mut output);
    let _ = std::io::Read::read_to_string(&mut output, &mut text);
    Err(PostgresError::Program { program: program.to_owned(), output: text.trim().replace('\n', "; ") })
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn log_tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(5).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("; ")
}
