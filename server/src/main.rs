//! `jigline-server`: the command line and the environment, nothing else.

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use domain::{
    api::{
        enrolment::GiveCode,
        floor::{DelegateLead, JigAccess, NewPerson},
    },
    enrol_code::MINUTES,
    role::Role,
    text::Language,
};
use jigline_server::{
    ServeSettings,
    desk::{self, DeskSettings},
    document,
    embedded_postgres::{Cluster, ClusterSettings, Durability},
    load, migrate, serve,
};
use std::{
    fs::OpenOptions,
    io::{IsTerminal as _, Write as _},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
};
use tokio::{
    io::AsyncReadExt as _,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

/// The service of Jigline: releases, records, units, leases, exports, pages.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Also write the log to this file.
    #[arg(long, global = true)]
    log_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves API and pages; without DATABASE_URL with a private PostgreSQL in the data folder.
    Serve(Serve),
    /// Runs a private PostgreSQL until the standard input ends.
    Postgres(Postgres),
    /// Brings a database's schema up to date.
    Migrate {
        #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
        database_url: String,
    },
    /// Prints the API's document.
    Openapi,
    /// Stations, from the command line of the server's own machine; the service runs meanwhile.
    #[command(subcommand)]
    Station(StationAct),
    /// People and how they sign in at jigs, from the command line of the server's own machine; the service runs meanwhile.
    #[command(subcommand)]
    People(PeopleAct),
    /// Loads runs that never were and measures what they take.
    Load(load::LoadSettings),
}

#[derive(Debug, clap::Args)]
struct Serve {
    /// Keys, and the private PostgreSQL.
    #[arg(long, env = "JIGLINE_DATA")]
    data: PathBuf,
    #[arg(long, env = "JIGLINE_LISTEN", default_value = "127.0.0.1:8480")]
    listen: SocketAddr,
    /// Folder with models, parameters and procedures.
    #[arg(long, env = "JIGLINE_PROFILES", default_value = "profiles")]
    profiles: PathBuf,
    /// Where the first accounts' passwords are written [default: DATA/accounts.json].
    #[arg(long)]
    bootstrap_accounts: Option<PathBuf>,
    /// Folder with PostgreSQL's programs.
    #[arg(long, env = "JIGLINE_POSTGRES_BIN")]
    postgres_bin: Option<PathBuf>,
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
}

#[derive(Debug, clap::Args)]
struct Postgres {
    #[arg(long, env = "JIGLINE_DATA")]
    data: PathBuf,
    /// No fsync, and the folder is removed at the end.
    #[arg(long)]
    throw_away: bool,
    #[arg(long, env = "JIGLINE_POSTGRES_BIN")]
    postgres_bin: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum StationAct {
    /// Gives out a one-time code, for `jigline-station enrol` on the PC at the jig.
    EnrolCode {
        /// The station's name; one of that name that still waits for its machine gets a new code.
        name: String,
        /// Its slots will hold simulated boards.
        #[arg(long)]
        simulated: bool,
        /// How long the code may be used.
        #[arg(long, default_value_t = MINUTES)]
        minutes: u32,
        #[command(flatten)]
        at: Desk,
    },
    /// Lets another machine take a station's place: the old one stops at once, the new one enrols with the code that is given out.
    Replace {
        /// The station's name.
        name: String,
        /// Why; kept in the audit.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        at: Desk,
    },
}

#[derive(Debug, Subcommand)]
enum PeopleAct {
    /// Makes an account; its password for the office is printed once.
    Add {
        /// The account's name: letters, digits, dots, dashes.
        username: String,
        /// What pages call him [default: the account's name].
        #[arg(long)]
        name: Option<String>,
        /// operator, engineer, quality, sales or admin.
        #[arg(long, default_value = "operator")]
        role: Role,
        /// What he types before his PIN.
        #[arg(long)]
        number: Option<String>,
        /// en or zh.
        #[arg(long, value_parser = language)]
        language: Option<Language>,
        #[command(flatten)]
        at: Desk,
    },
    /// Reads a badge's code from the standard input (scan it); an empty line takes the badge away.
    Badge {
        username: String,
        #[command(flatten)]
        at: Desk,
    },
    /// Reads a PIN from the standard input; an empty line takes it away.
    Pin {
        username: String,
        #[command(flatten)]
        at: Desk,
    },
    /// Lets somebody judge first articles and let stopped slots go on.
    Lead {
        username: String,
        /// Why; kept in the audit.
        #[arg(long)]
        reason: String,
        /// Takes it back.
        #[arg(long)]
        take_back: bool,
        #[command(flatten)]
        at: Desk,
    },
    /// Prints everybody; no badge and no PIN.
    List {
        #[command(flatten)]
        at: Desk,
    },
}

fn language(text: &str) -> Result<Language, String> {
    match text {
        "en" => Ok(Language::En),
        "zh" => Ok(Language::Zh),
        other => Err(format!("no language is called {other:?}; there are en and zh")),
    }
}

#[derive(Debug, clap::Args)]
struct Desk {
    /// The service's data folder: its private PostgreSQL runs while the service does.
    #[arg(long, env = "JIGLINE_DATA")]
    data: Option<PathBuf>,
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
}

impl Desk {
    fn settings(self) -> DeskSettings {
        DeskSettings { data: self.data, database_url: self.database_url }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match start_log(cli.log_file.as_deref()) {
        Ok(()) => run(cli.command).await,
        Err(error) => Err(error),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "jigline-server: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(arguments) => {
            let settings = ServeSettings {
                bootstrap_accounts: arguments
                    .bootstrap_accounts
                    .unwrap_or_else(|| arguments.data.join("accounts.json")),
                data: arguments.data,
                listen: arguments.listen,
                profiles: arguments.profiles,
                postgres_programs: arguments.postgres_bin,
                database_url: arguments.database_url.filter(|url| !url.is_empty()),
                search_path: std::env::var_os("PATH"),
            };
            let stopping = stop_on_signal()?;
            serve(settings, stopping, |ready| say(&serde_json::to_string(ready)?)).await?;
        }
        Command::Postgres(arguments) => postgres(arguments).await?,
        Command::Migrate { database_url } => {
            migrate(&database_url).await.context("can't bring the schema up to date")?;
        }
        Command::Station(act) => say(&station(act).await?)?,
        Command::People(act) => say(&people(act).await?)?,
        Command::Openapi => say(&document().to_pretty_json()?)?,
        Command::Load(settings) => {
            let (report, met) = load::load(&settings, say).await?;
            say(&report)?;
            return Ok(if met { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn station(act: StationAct) -> anyhow::Result<String> {
    match act {
        StationAct::EnrolCode { name, simulated, minutes, at } => {
            desk::give_code(&at.settings(), GiveCode { name, simulated, minutes: Some(minutes) }).await
        }
        StationAct::Replace { name, reason, at } => desk::replace(&at.settings(), &name, &reason).await,
    }
}

async fn people(act: PeopleAct) -> anyhow::Result<String> {
    match act {
        PeopleAct::Add { username, name, role, number, language, at } => {
            let jig = JigAccess { number, language, ..JigAccess::default() };
            let name = name.unwrap_or_else(|| username.clone());
            desk::add_person(&at.settings(), NewPerson { username, name, role, jig }).await
        }
        PeopleAct::Badge { username, at } => {
            let badge = Some(secret("the badge's code")?);
            desk::set_access(&at.settings(), &username, JigAccess { badge, ..JigAccess::default() }).await
        }
        PeopleAct::Pin { username, at } => {
            let pin = Some(secret("the PIN")?);
            desk::set_access(&at.settings(), &username, JigAccess { pin, ..JigAccess::default() }).await
        }
        PeopleAct::Lead { username, reason, take_back, at } => {
            desk::delegate(&at.settings(), &username, DelegateLead { lead: !take_back, reason }).await
        }
        PeopleAct::List { at } => desk::list_people(&at.settings()).await,
    }
}

/// A line of the standard input: an argument would stand in the list of processes and in the shell's history.
fn secret(what: &str) -> anyhow::Result<String> {
    if std::io::stdin().is_terminal() {
        let _ = writeln!(std::io::stderr(), "{what}, then Enter; nothing takes it away:");
    }
    let mut line = String::new();
    let read = std::io::stdin().read_line(&mut line).context("can't read the standard input")?;
    anyhow::ensure!(read > 0, "nothing stands on the standard input; give {what}, or an empty line");
    Ok(line.trim().to_owned())
}

async fn postgres(arguments: Postgres) -> anyhow::Result<()> {
    let settings = ClusterSettings {
        folder: arguments.data.clone(),
        programs: arguments.postgres_bin,
        search_path: std::env::var_os("PATH"),
        durability: if arguments.throw_away { Durability::ThrowAway } else { Durability::Durable },
    };
    let stopping = stop_on_signal()?;
    let cluster = tokio::task::spawn_blocking(move || Cluster::start(&settings)).await??;
    // Held until the end: if we are killed, the watcher stops the cluster and removes its folder.
    let watcher = if arguments.throw_away { Some(cluster.remove_after_us()?) } else { None };
    say(&serde_json::json!({ "database_url": cluster.url("postgres") }).to_string())?;
    let mut input = tokio::io::stdin();
    let mut buffer = [0; 64];
    loop {
        tokio::select! {
            () = stopping.cancelled() => break,
            read = input.read(&mut buffer) => if matches!(read, Ok(0) | Err(_)) { break },
        }
    }
    tokio::task::spawn_blocking(move || cluster.stop()).await??;
    if let Some(mut watcher) = watcher {
        drop(watcher.stdin.take());
        tokio::task::spawn_blocking(move || watcher.wait()).await??;
    }
    // The blocked read of the standard input would keep the runtime waiting.
    std::process::exit(0)
}

/// Cancelled by SIGTERM or SIGINT.
fn stop_on_signal() -> anyhow::Result<CancellationToken> {
    let stopping = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate()).context("can't listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("can't listen for SIGINT")?;
    let stop = stopping.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.cancel();
    });
    Ok(stopping)
}

fn say(line: &str) -> anyhow::Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{line}").and_then(|()| output.flush()).context("can't write to the standard output")
}

fn start_log(file: Option<&std::path::Path>) -> anyhow::Result<()> {
    use tracing_subscriber::{
        EnvFilter, Layer as _, layer::SubscriberExt as _, util::SubscriberInitExt as _,
    };
    let filter =
        || EnvFilter::try_from_env("JIGLINE_LOG").unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    let terminal = tracing_subscriber::fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .with_filter(filter());
    let file = match file {
        None => None,
        Some(path) => {
            let open = OpenOptions::new().create(true).append(true).open(path);
            let open = open.with_context(|| format!("can't write the log {}", path.display()))?;
            Some(tracing_subscriber::fmt::layer().with_ansi(false).with_writer(open).with_filter(filter()))
        }
    };
    tracing_subscriber::registry().with(terminal).with(file).init();
    Ok(())
}
