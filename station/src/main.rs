//! `jigline-station`: works the slots of one jig, reads its journal, or handles one board by hand.

#[cfg(feature = "sabotage")]
compile_error!(
    "a station for use is never built with sabotages: they are a campaign's, which takes the library"
);

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use domain::{fixture::Bus, ids::RunId, text::Language};
use jigline_station::{
    agent::{Agent, AgentConfig},
    bench_files,
    board::Secret,
    clock::Clock,
    config::{SlotConfig, StationConfig},
    doctor::{self, LookOrder},
    enrol::{self, EnrolOrder, SettingsThere},
    fixture::{described, fixture, keep_connected},
    journal,
    link::{Line, LinkOptions},
    machine::machine_name,
    order::Boards,
    page,
    ports::{self, Devices},
    progress::{ProgressForm, write_lines},
    service::{self, InstallOrder, News, ServiceHost as _, ServiceState, Supervisor},
    slot_port,
    tool::{self, BoardArgs, Desk, ToolFault},
    uplink::{HttpServer, ask_to_enrol},
};
use rand::{SeedableRng as _, rngs::StdRng};
use std::{
    collections::BTreeMap,
    io::{IsTerminal as _, Write as _},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};
use tokio::sync::mpsc;

#[derive(Parser)]
#[command(name = "jigline-station", version, about = "The agent at a production jig")]
struct Cli {
    /// Which lines of the log are written to stderr, like `info` or `station=debug`; without it `info`, for `board` `warn`
    #[arg(long, env = "JIGLINE_LOG", global = true)]
    log: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Work the boards in all slots until told to stop
    Run {
        /// The station's settings, as the enrolment gave them
        #[arg(long, env = "JIGLINE_STATION_CONFIG", default_value_os_t = usual_folder().join("station.toml"))]
        config: PathBuf,
        /// What is written to stdout
        #[arg(long, value_enum, default_value = "plain")]
        progress: ProgressForm,
    },
    /// Make this PC a station, with the one-time code that the administrator gives out
    Enrol {
        /// The server, as http://10.0.0.5:8480
        server: String,
        /// The code, as the stations page or `jigline-server station enrol-code` shows it
        code: String,
        /// Where the station's settings go
        #[arg(long, env = "JIGLINE_STATION_CONFIG", default_value_os_t = usual_folder().join("station.toml"))]
        config: PathBuf,
        /// Folder of the journal [default: that of the settings that are there, else /var/lib/jigline-station; on Windows
        /// %ProgramData%\Jigline\station]
        #[arg(long)]
        data: Option<PathBuf>,
        /// HOST:PORT of the fixture
        #[arg(long)]
        fixture: Option<String>,
        /// A slot's port, slot 1 first; once for each slot
        #[arg(long = "slot", value_name = "PORT")]
        slots: Vec<String>,
        /// This PC is a station already: become another, or the same with a fresh key; the settings there are kept beside the new ones
        #[arg(long)]
        renew: bool,
    },
    /// The station as a service of this machine: systemd's, or Windows'
    #[command(subcommand)]
    Service(ServiceTool),
    /// One board on one port, by hand; exit code 0: done and read back, 1: not, 2: the command line asks for what cannot be
    Board(BoardArgs),
    /// The journal on this disk
    #[command(subcommand)]
    Journal(JournalTool),
    /// Looks at everything on this PC that a station needs, and says what to do; exit code 0: nothing, 3: something wants attention,
    /// 4: something does not work
    Doctor {
        /// The station's settings, as the enrolment gave them
        #[arg(long, env = "JIGLINE_STATION_CONFIG", default_value_os_t = usual_folder().join("station.toml"))]
        config: PathBuf,
        /// One JSON object for a script
        #[arg(long)]
        json: bool,
        /// The language of its sentences [default: the system's]
        #[arg(long, value_enum)]
        language: Option<Words>,
    },
}

/// A language.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Words {
    En,
    Zh,
}

#[derive(Subcommand)]
enum ServiceTool {
    /// Puts it there and starts it, now and with the machine; one that is there is brought up to date
    Install {
        /// The station's settings, as the enrolment gave them
        #[arg(long, env = "JIGLINE_STATION_CONFIG", default_value_os_t = usual_folder().join("station.toml"))]
        config: PathBuf,
    },
    /// Stops it and takes it away; settings and journal stay
    Uninstall,
    /// How it stands; exit code 0 while it runs
    Status,
    /// What the service manager starts
    Run {
        /// The station's settings
        #[arg(long, env = "JIGLINE_STATION_CONFIG", default_value_os_t = usual_folder().join("station.toml"))]
        config: PathBuf,
    },
}

#[derive(Subcommand)]
enum JournalTool {
    /// What is in it
    Show {
        /// journal.sqlite, or the folder it is in
        path: PathBuf,
    },
    /// The wire logs of its runs: lists them, or takes one out for `board replay`
    Wire {
        /// journal.sqlite, or the folder it is in
        path: PathBuf,
        /// The run whose log is taken
        #[arg(requires = "out")]
        run_id: Option<RunId>,
        /// The file that it is written to
        #[arg(long, requires = "run_id")]
        out: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let usual = match &cli.command {
        Command::Board(board) if board.redraws() && std::io::stdout().is_terminal() => "error",
        Command::Doctor { .. } => "error",
        Command::Board(_) => "warn",
        _ => "info",
    };
    let filter = tracing_subscriber::EnvFilter::try_new(cli.log.as_deref().unwrap_or(usual))
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(usual));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter);
    // Not `init`: that would also take what libraries give to `log`, and the Modbus client gives it every request it sends,
    // the words of a password among them.
    let _is_the_first = match log_file(&cli.command) {
        Some(file) => {
            let subscriber = subscriber.with_ansi(false).with_writer(std::sync::Mutex::new(file)).finish();
            tracing::subscriber::set_global_default(subscriber)
        }
        None => {
            let subscriber =
                subscriber.with_ansi(std::io::stderr().is_terminal()).with_writer(std::io::stderr);
            tracing::subscriber::set_global_default(subscriber.finish())
        }
    };
    match work(cli.command) {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "jigline-station: {error:#}");
            error.downcast_ref::<ToolFault>().map_or(ExitCode::FAILURE, |fault| fault.exit_code().into())
        }
    }
}

/// A service of Windows has nobody who reads what it writes to stderr: its log is a file beside its settings.
#[cfg(windows)]
fn log_file(command: &Command) -> Option<std::fs::File> {
    const LONGEST: u64 = 8 * 1024 * 1024;
    let Command::Service(ServiceTool::Run { config }) = command else { return None };
    let path =
        StationConfig::load(config).map_or_else(|_| config.clone(), |config| config.data.join("station"));
    let path = path.with_extension("log");
    if std::fs::metadata(&path).is_ok_and(|file| file.len() > LONGEST) {
        let _stays_as_it_is = std::fs::rename(&path, path.with_extension("log.before"));
    }
    std::fs::OpenOptions::new().create(true).append(true).open(path).ok()
}

#[cfg(not(windows))]
fn log_file(_: &Command) -> Option<std::fs::File> {
    None
}

/// One thread: slots share the journal without locks, and a run can be replayed.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")
}

fn work(command: Command) -> anyhow::Result<ExitCode> {
    let runtime = runtime()?;
    match command {
        Command::Service(tool) => return service(tool),
        Command::Doctor { config, json, language } => {
            return runtime.block_on(doctor(config, json, language.unwrap_or_else(words_of_system)));
        }
        Command::Run { config, progress } => {
            let order = RunOrder { config: StationConfig::load(&config)?, settings: config, form: progress };
            runtime.block_on(run(order, Supervisor::nobody()))
        }
        Command::Enrol { server, code, config, data, fixture, slots, renew } => {
            let there = if renew { SettingsThere::Renew } else { SettingsThere::Refuse };
            let usual_data = usual_data();
            let order =
                EnrolOrder { server, code, settings: config, data, usual_data, fixture, slots, there };
            runtime.block_on(enrol(&order))
        }
        Command::Board(arguments) => runtime.block_on(board(arguments)),
        Command::Journal(JournalTool::Wire { path, run_id, out }) => {
            tool::take_wire_log(&journal_in(path), run_id.zip(out), &mut std::io::stdout())
        }
        Command::Journal(JournalTool::Show { path }) => {
            let view = serde_json::to_string_pretty(&journal::show(&journal_in(path))?)?;
            writeln!(std::io::stdout(), "{view}")?;
            Ok(())
        }
    }
    .map(|()| ExitCode::SUCCESS)
}

fn service(tool: ServiceTool) -> anyhow::Result<ExitCode> {
    let host = service::Host::default();
    let lines = match tool {
        ServiceTool::Install { config } => {
            let settings = std::path::absolute(&config).context("no working folder")?;
            let data = StationConfig::load(&settings)?.data;
            let program = std::env::current_exe().context("this program does not find itself")?;
            host.install(&InstallOrder { program, settings, data })?
        }
        ServiceTool::Uninstall => host.uninstall()?,
        ServiceTool::Status => {
            let standing = host.status()?;
            writeln!(std::io::stdout(), "{} ({})", standing.state.as_str(), standing.detail)?;
            let runs = standing.state == ServiceState::Running;
            return Ok(if runs { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        ServiceTool::Run { config } => {
            let order = RunOrder {
                config: StationConfig::load(&config)?,
                settings: config,
                form: ProgressForm::Plain,
            };
            let work = move |supervisor| runtime()?.block_on(run(order, supervisor));
            host.run(Box::new(work))?;
            Vec::new()
        }
    };
    for line in lines {
        writeln!(std::io::stdout(), "{line}")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Of whoever started this, by POSIX' variables, the strongest first.
fn words_of_system() -> Words {
    let said = ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(|name| std::env::var(name).ok());
    if said.is_some_and(|said| said.starts_with("zh")) { Words::Zh } else { Words::En }
}

async fn doctor(settings: PathBuf, json: bool, words: Words) -> anyhow::Result<ExitCode> {
    let language = match words {
        Words::En => Language::En,
        Words::Zh => Language::Zh,
    };
    let order = LookOrder {
        config: StationConfig::load(&settings),
        settings,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        now: Clock::machine().now().at,
        service: service::Host::default().status().ok().map(|standing| standing.state),
        is_the_station: false,
    };
    let findings = doctor::look(&order, &doctor::System::here()).await;
    let said = match json {
        true => serde_json::to_string_pretty(&doctor::json(&findings, language))?,
        false => doctor::text(&findings, language),
    };
    writeln!(std::io::stdout(), "{said}")?;
    Ok(doctor::exit_code(&findings).into())
}

fn journal_in(path: PathBuf) -> PathBuf {
    if path.is_dir() { path.join("journal.sqlite") } else { path }
}

/// Where the settings are when nobody says otherwise.
#[cfg(not(windows))]
fn usual_folder() -> PathBuf {
    PathBuf::from("/etc/jigline")
}

#[cfg(windows)]
fn usual_folder() -> PathBuf {
    std::env::var_os("ProgramData")
        .map_or_else(|| PathBuf::from(r"C:\ProgramData"), PathBuf::from)
        .join("Jigline")
}

/// Where the journal is when nobody says otherwise.
fn usual_data() -> PathBuf {
    if cfg!(windows) { usual_folder().join("station") } else { PathBuf::from("/var/lib/jigline-station") }
}

async fn enrol(order: &EnrolOrder) -> anyhow::Result<()> {
    let begun = std::time::Instant::now();
    let ask = async |server: &_, form: &_| ask_to_enrol(server, form).await;
    let done = enrol::enrol(order, ask, env!("CARGO_PKG_VERSION"), &mut StdRng::from_os_rng()).await?;
    writeln!(std::io::stdout(), "{}", enrol::report(&done, &tool::serial_ports(), begun.elapsed()))?;
    Ok(())
}

async fn board(arguments: BoardArgs) -> anyhow::Result<()> {
    let secret = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty()).map(Secret::new);
    let (board_password, new_password) =
        (secret("JIGLINE_BOARD_PASSWORD"), secret("JIGLINE_BOARD_NEW_PASSWORD"));
    let mut desk = Desk {
        out: &mut std::io::stdout(),
        notes: &mut std::io::stderr(),
        watched: std::io::stdout().is_terminal(),
        size: || {
            let (rows, columns) = console::Term::stdout().size();
            (columns.into(), rows.into())
        },
        colour: console::colors_enabled(),
        notes_watched: std::io::stderr().is_terminal(),
        board_password,
        new_password,
        prompt: Box::new(|question| {
            if !std::io::stdin().is_terminal() {
                return Ok(None);
            }
            rpassword::prompt_password(question).map(|text| Some(Secret::new(text)))
        }),
        clock: Clock::machine(),
        json: false,
        assumed: false,
    };
    Ok(tool::run(arguments, &mut desk).await?)
}

/// What to work, and by which file.
struct RunOrder {
    config: StationConfig,
    settings: PathBuf,
    form: ProgressForm,
}

async fn run(order: RunOrder, mut supervisor: Supervisor) -> anyhow::Result<()> {
    let RunOrder { config, settings, form } = order;
    slot_port::check_slots(&config)?;
    let (signalled, told) = (stop_signal()?, supervisor.stopped());
    let server = HttpServer::new(&config.server, &config.key)?;
    let slots: BTreeMap<u16, SlotConfig> =
        config.slots.iter().map(|slot| (slot.number, slot.clone())).collect();
    let boards = if config.simulated { Boards::Simulated } else { Boards::Real };
    let devices = Devices::new(slots.values().map(|slot| (slot.number, slot.device.clone())).collect());
    let bound = devices.clone();
    let ports = move |number: u16, baud: u32| match slots.get(&number) {
        Some(slot) => {
            let device = bound.of(number).unwrap_or_else(|| slot.device.clone());
            slot_port::open(&SlotConfig { device, ..slot.clone() }, boards, baud)
        }
        None => Line::open("", baud),
    };
    let bench = bench_files::read(&config)?;
    let has_fixture = config.has_fixture();
    let presence = config.presence();
    let zone = Clock::machine().now().at.with_timezone(&chrono::Local).fixed_offset();
    let printer = config.label_printer.as_ref().map(|printer| printer.set_up(*zone.offset()));
    let printer = printer.transpose().map_err(anyhow::Error::msg)?;
    let operator_page = config.operator_page().map_err(anyhow::Error::msg)?;
    let looker = doctor::looker(config.clone(), settings, env!("CARGO_PKG_VERSION"));
    let (fixture, wire) = fixture();
    let (progress, said) = mpsc::unbounded_channel();
    let station_name = config.name.clone();
    let agent = Agent::open(
        AgentConfig {
            station_id: config.station_id,
            name: config.name,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            data: config.data,
            release_key: config.release_key,
            sealing_key: config.sealing_key,
            placeholder_key: config.placeholder_key,
            boards,
            machine: machine_name(),
            link: LinkOptions { baud: config.baud, ..LinkOptions::default() },
            presence,
            has_fixture,
            slots: config.slots.iter().map(|slot| slot.number).collect(),
            needs_sign_in: config.sign_in && operator_page.is_some(),
            commits: journal::CommitWatch::default(),
        },
        server,
        ports,
        fixture,
        Clock::machine(),
        StdRng::from_os_rng(),
        progress,
    )?
    .with_wire_log(config.wire_log)
    .with_drawer(config.drawer);
    let agent = match printer {
        Some((printer, drawing)) => agent.with_printer(printer, drawing),
        None => agent,
    };
    let mut agent = agent.with_described_fixture(bench.clone());
    let (to_lines, lines) = mpsc::unbounded_channel();
    let plugged_in = ports::watch().context("no thread that looks at the ports")?;
    let setup = page::Setup { station_name, ports: agent.watch_ports(plugged_in, devices), look: looker };
    let page = operator_page
        .and_then(|page| page::serve_beside(page, (agent.answers(), agent.floor()), setup, &to_lines));
    tokio::spawn(page::hand_on(said, to_lines, page));
    let fixture = match (config.fixture, config.bench.zip(bench)) {
        (Some(address), _) => Some(tokio::spawn(keep_connected(wire, address))),
        (None, Some((bench, description))) => {
            let open = Arc::new(move |bus: &Bus| bench_files::open(&bench, bus));
            Some(tokio::spawn(described::drive(wire, description, open)))
        }
        (None, None) => None,
    };
    let (out, written) = tokio::sync::oneshot::channel();
    let write = move || {
        write_lines(lines, form, std::io::stdout());
        let _nobody_waits_any_more = out.send(());
    };
    std::thread::Builder::new().name("progress".to_owned()).spawn(write).context("no thread for stdout")?;
    supervisor.tell(News::Ready);
    let stop = async {
        tokio::select! { () = signalled => {}, () = told => {} }
        supervisor.tell(News::Stopping);
    };
    tokio::select! {
        biased;
        () = agent.run(stop) => {}
        // Never ends: it is polled by the thread that does the work, so that its word is worth something.
        () = supervisor.keep_alive() => {}
    }
    // The last commands switch loads off: they go out before the program does.
    if let Some(fixture) = fixture
        && tokio::time::timeout(Duration::from_secs(1), fixture).await.is_err()
    {
        tracing::warn!("the fixture did not take the last commands; check that its loads are off");
    }
    // Every sender went with the agent: the writer ends when the last line is out.
    if tokio::time::timeout(Duration::from_secs(1), written).await.is_err() {
        tracing::warn!("whoever reads the progress stands still; its last lines are lost");
    }
    Ok(())
}

/// Comes with SIGTERM or Ctrl-C.
#[cfg(unix)]
fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM can't be listened for")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT can't be listened for")?;
    Ok(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
    })
}

/// Comes with Ctrl-C.
#[cfg(not(unix))]
fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    Ok(async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::error!(%error, "Ctrl-C can't be listened for");
            std::future::pending::<()>().await;
        }
    })
}
