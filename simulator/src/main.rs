//! `jigline-simulator`: builds firmware images, runs a jig full of simulated boards, or one board for hand tests.

use std::{
    collections::BTreeMap,
    io::{IsTerminal as _, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context as _, Result, bail};
use clap::{Parser, Subcommand};
use domain::model::{DeviceModel, parse_model};
use jigline_simulator::{
    Birth, Disturbances, Fault, Jig, JigSettings, Knobs,
    bench::{BenchDoor, IoFraming},
    firmware::{build_image, version_text},
    observe::{read_observer, read_remembered, write_remembered},
    operator::{Answering, Operator},
    port::{MemoryPort, Port, PtyPort},
    printer, serial_server,
    slot::{Slot, SlotOrder},
};
use serde_json::json;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    task::JoinSet,
};

/// In the jig's folder: what the boards in the slots kept when it stopped.
const REMEMBERED: &str = "boards.json";

#[derive(Parser)]
#[command(
    name = "jigline-simulator",
    version,
    about = "Simulated boards that speak real bytes at a real line rate"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build a firmware image that a simulated board starts.
    Firmware {
        /// The device model's file.
        #[arg(long)]
        model: PathBuf,
        /// Version text, at most as long as the model's field; 1.9 becomes V1.9.
        #[arg(long)]
        version: String,
        /// Bytes of the image.
        #[arg(long, default_value_t = 65_536)]
        size: u32,
        /// Another seed, another image.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        #[arg(long)]
        out: PathBuf,
    },
    /// A jig: slots as serial devices, a fixture over TCP, an operator who puts one board in after the other.
    Jig {
        /// Where slot-1, slot-2, … and observer.json come to lie.
        #[arg(long)]
        data: PathBuf,
        #[arg(long)]
        model: PathBuf,
        #[arg(long, default_value_t = 8)]
        slots: u32,
        #[arg(long, default_value_t = 24)]
        boards: u32,
        /// Number of the first board; boards of other numbers are other boards.
        #[arg(long, default_value_t = 0)]
        first_board: u32,
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Bits per second of application and loader alike; without it the model's.
        #[arg(long)]
        baud: Option<u32>,
        /// How many boards are bad, in turn: silent, interrupted flash, flipped flash byte, cell out of limits, register that does
        /// not hold, wrong model, cloned identity; what would not show on the model is left out.
        #[arg(long, default_value_t = 0)]
        faulty: u32,
        /// Turn a knob on every board: NAME=NUMBER, again and again (a wrong name lists them all).
        #[arg(long = "knob")]
        knobs: Vec<String>,
        /// Disturb every board and its line: NAME=PROBABILITY, again and again (a wrong name lists them all).
        #[arg(long = "disturb", value_name = "NAME=P")]
        disturbances: Vec<String>,
        #[arg(long, default_value = "127.0.0.1:0")]
        fixture_listen: SocketAddr,
        /// Serve the slots' lines over TCP, as a serial server does, and not as devices: slot 1 on this port, each other one port
        /// further.
        #[arg(long, value_name = "HOST:PORT")]
        tcp: Option<SocketAddr>,
        /// Play the bench around the boards, too: relay and input modules on Modbus TCP, loads, meters and a supply that speak SCPI, as
        /// profiles/fixtures/sim-8.toml describes them. Boards then have the supply that the relays give.
        #[arg(long, conflicts_with = "scans")]
        bench: bool,
        /// The jig has no switches: the operator scans a label of this form (`TB-######`) at the slot of each board.
        #[arg(long, value_name = "FORM")]
        scans: Option<String>,
        /// How the operator answers what the station asks: `never` leaves it to whoever answers elsewhere.
        #[arg(long, value_enum, default_value = "well")]
        answers: Answering,
        /// Go on with an earlier jig's pile: read DIR/observer.json and leave out the boards that are done; those that lay in the
        /// slots when it was stopped by SIGTERM hold what they held then.
        #[arg(long)]
        skip_done: bool,
        /// For tests: write what the password of each board really is, once it was taken out, so that a judge can look for it in
        /// places where it must not stand.
        #[arg(long, value_name = "FILE")]
        reveal_passwords: Option<PathBuf>,
    },
    /// A label printer: what it is sent lies in a folder as PNGs, with a line about each in labels.jsonl. A file there called paper-out,
    /// head-open, ribbon-out, paused, mute or gone is that trouble, for as long as it lies there.
    Printer {
        #[arg(long, default_value = "127.0.0.1:9100")]
        listen: SocketAddr,
        #[arg(long)]
        png_dir: PathBuf,
        #[arg(long, value_enum, default_value = "zpl")]
        language: printer::Language,
        #[arg(long, default_value_t = 8)]
        dots_per_mm: u32,
        /// How long a label takes, milliseconds.
        #[arg(long, default_value_t = 700)]
        label_ms: u64,
    },
    /// One board for hand tests, powered, without a jig.
    Board {
        #[arg(long)]
        model: PathBuf,
        /// Put a link to the board's serial device here.
        #[arg(long, conflicts_with = "tcp", required_unless_present = "tcp")]
        pty: Option<PathBuf>,
        /// Or serve the line's raw bytes over TCP.
        #[arg(long)]
        tcp: Option<SocketAddr>,
        #[arg(long, default_value_t = 1)]
        seed: u64,
        #[arg(long)]
        baud: Option<u32>,
        /// What is wrong with it.
        #[arg(long)]
        fault: Option<Fault>,
        /// Turn a knob: NAME=NUMBER.
        #[arg(long = "knob")]
        knobs: Vec<String>,
        /// Disturb it and its line: NAME=PROBABILITY.
        #[arg(long = "disturb", value_name = "NAME=P")]
        disturbances: Vec<String>,
    },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One sentence, whatever RUST_BACKTRACE says.
            let _nobody_reads = writeln!(std::io::stderr(), "jigline-simulator: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    tracing_subscriber::fmt()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .with_env_filter(
            tracing_subscriber::EnvFilter::builder()
                .with_default_directive(tracing::Level::INFO.into())
                .from_env_lossy(),
        )
        .init();
    match Cli::parse().command {
        Command::Firmware { model, version, size, seed, out } => {
            let model = load_model(&model, None)?;
            let image = build_image(&model, &version_text(&version), size, seed)?;
            std::fs::write(&out, image)
                .with_context(|| format!("cannot write the image to {}", out.display()))
        }
        Command::Jig {
            data,
            model,
            slots,
            boards,
            first_board,
            seed,
            baud,
            faulty,
            knobs,
            disturbances,
            fixture_listen,
            tcp,
            skip_done,
            answers,
            reveal_passwords,
            bench,
            scans,
        } => {
            std::fs::create_dir_all(&data)
                .with_context(|| format!("cannot make the folder {}", data.display()))?;
            let observer = data.join("observer.json");
            let kept = data.join(REMEMBERED);
            let earlier = if skip_done && observer.exists() {
                read_observer(&observer)
                    .with_context(|| format!("{} is no list of boards; remove it", observer.display()))?
            } else {
                Vec::new()
            };
            let remembered = if skip_done {
                read_remembered(&kept).with_context(|| format!("{} is damaged; remove it", kept.display()))?
            } else {
                Vec::new()
            };
            let model = load_model(&model, baud)?;
            let observer = Some(observer);
            let knobs = turned(&knobs)?;
            let settings = JigSettings {
                model,
                slots,
                boards,
                first_board,
                seed,
                faulty,
                fault: None,
                knobs,
                disturbances: disturbed(&disturbances)?,
                observer,
                earlier,
                remembered,
                operator: Operator { scans, answers, ..Operator::default() },
                bench,
            };
            let place = JigPlace { data, fixture_listen, tcp, passwords: reveal_passwords };
            run_jig(settings, &place).await
        }
        Command::Printer { listen, png_dir, language, dots_per_mm, label_ms } => {
            let listener =
                TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
            say(&json!({ "ready": true, "printer": listener.local_addr()?.to_string() }))?;
            let label = std::time::Duration::from_millis(label_ms);
            let settings = printer::serve::Settings { language, dots_per_mm, label, folder: png_dir };
            tokio::select! {
                ended = printer::serve::serve(listener, &settings) => ended.context("the printer stopped"),
                asked = asked_to_stop() => asked,
            }
        }
        Command::Board { model, pty, tcp, seed, baud, fault, knobs, disturbances } => {
            let model = load_model(&model, baud)?;
            if let Some(fault) = fault.filter(|fault| !fault.shows_on(&model)) {
                bail!(
                    "on model {} the fault {fault:?} would not show; leave --fault out or name another",
                    model.id
                );
            }
            let size = model.image_capacity().min(24 * 1024);
            // Of many models no way to send an image is known: their boards come with none.
            let image = match model.loader() {
                Some(_) => build_image(&model, "V1.8", size, seed)?,
                None => Vec::new(),
            };
            let birth = Birth::new(0, seed, fault, image.into())
                .with_knobs(turned(&knobs)?)
                .with_disturbances(disturbed(&disturbances)?);
            match (pty, tcp) {
                (Some(link), _) => {
                    let mut port = PtyPort::open(model.link.baud).context("cannot open a pseudo terminal")?;
                    port.link(&link).with_context(|| format!("cannot link {}", link.display()))?;
                    say(&json!({ "device": link }))?;
                    run_board(model, birth, port).await
                }
                (None, Some(address)) => {
                    let (port, socket) = MemoryPort::new(model.link.baud);
                    let listener = listen(address).await?;
                    say(&json!({ "listening": listener.local_addr()?.to_string() }))?;
                    tokio::select! {
                        outcome = run_board(model, birth, port) => outcome,
                        outcome = serial_server::serve(listener, socket) => {
                            outcome.context("cannot take another connection")
                        }
                    }
                }
                (None, None) => bail!("say --pty LINK or --tcp ADDRESS"),
            }
        }
    }
}

fn load_model(path: &Path, baud: Option<u32>) -> Result<Arc<DeviceModel>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the device model {}", path.display()))?;
    let mut model = parse_model(&path.display().to_string(), &text).map_err(|faults| {
        let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("the device model has faults:\n{}", lines.join("\n"))
    })?;
    if let Some(baud) = baud {
        if baud < 50 {
            bail!("a line of {baud} bits per second is too slow; use 9600 to 115200");
        }
        model.link.baud = baud;
        if let Some(boot) = &mut model.boot {
            boot.baud = baud;
        }
    }
    Ok(Arc::new(model))
}

fn turned(settings: &[String]) -> Result<Knobs> {
    let mut knobs = Knobs::default();
    for setting in settings {
        knobs.turn(setting)?;
    }
    Ok(knobs)
}

fn disturbed(settings: &[String]) -> Result<Disturbances> {
    let mut disturbances = Disturbances::default();
    for setting in settings {
        disturbances.set(setting)?;
    }
    Ok(disturbances)
}

/// Where a jig is reached.
struct JigPlace {
    data: PathBuf,
    fixture_listen: SocketAddr,
    /// Of the first slot's line; none: lines are devices below `data`.
    tcp: Option<SocketAddr>,
    /// Where passwords are revealed.
    passwords: Option<PathBuf>,
}

async fn run_jig(settings: JigSettings, place: &JigPlace) -> Result<()> {
    let baud = settings.model.link.baud;
    let mut devices = Vec::new();
    let Some(first) = place.tcp else {
        let mut ports = Vec::new();
        for number in 1..=settings.slots {
            let mut port = PtyPort::open(baud).context("cannot open a pseudo terminal")?;
            let link = place.data.join(format!("slot-{number}"));
            port.link(&link).with_context(|| format!("cannot link {}", link.display()))?;
            devices.push(link.display().to_string());
            ports.push(port);
        }
        return run_jig_on(settings, ports, &devices, place).await;
    };
    let mut ports = Vec::new();
    let mut servers = JoinSet::new();
    for number in 1..=settings.slots {
        let listener = serial_server::listen(first, u16::try_from(number)?).await.with_context(|| {
            format!("cannot listen for slot {number}; is its port taken? name another first one than {first}")
        })?;
        let (port, socket) = MemoryPort::new(baud);
        devices.push(format!("tcp:{}", listener.local_addr()?));
        ports.push(port);
        servers.spawn(serial_server::serve(listener, socket));
    }
    tokio::select! {
        outcome = run_jig_on(settings, ports, &devices, place) => outcome,
        Some(ended) = servers.join_next() => ended?.context("cannot take another connection to a slot"),
    }
}

async fn run_jig_on<P: Port + 'static>(
    settings: JigSettings,
    ports: Vec<P>,
    devices: &[String],
    place: &JigPlace,
) -> Result<()> {
    let (data, passwords) = (&place.data, place.passwords.as_deref());
    let listener = listen(place.fixture_listen).await?;
    let address = listener.local_addr()?;
    let jig = Jig::start(settings, ports)?;
    let bench = match jig.bench() {
        Some(bench) => serve_bench(&bench.door()).await?,
        None => json!({}),
    };
    say(&json!({ "fixture": address.to_string(), "slots": devices, "bench": bench }))?;
    let door = jig.door();
    let accept = async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let door = door.clone();
                    tokio::spawn(async move { door.serve(stream).await });
                }
                Err(error) => tracing::warn!(%error, "a client of the fixture did not get in"),
            }
        }
    };
    let reveal = async {
        match passwords {
            Some(path) => reveal_passwords(&jig, path).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = accept => Ok(()),
        outcome = reveal => outcome,
        outcome = asked_to_stop() => {
            outcome?;
            let kept = data.join(REMEMBERED);
            write_remembered(&kept, &jig.remember().await)
                .with_context(|| format!("cannot write down what the boards keep to {}", kept.display()))
        }
    }
}

/// Opens a port of its own for the modules and each instrument: bus -> port.
async fn serve_bench(door: &BenchDoor) -> Result<serde_json::Value> {
    let mut ports = serde_json::Map::new();
    for name in ["io"].into_iter().chain(BenchDoor::instruments()) {
        let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        ports.insert(name.to_owned(), format!("tcp:{}", listener.local_addr()?).into());
        let door = door.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _a_line_must_not_wait = stream.set_nodelay(true);
                let door = door.clone();
                tokio::spawn(async move {
                    match name {
                        "io" => door.serve_io(stream, IoFraming::Tcp).await,
                        instrument => door.serve_scpi(instrument, stream).await,
                    }
                });
            }
        });
    }
    Ok(ports.into())
}

/// Keeps the file a list of the boards that were taken out and their passwords.
async fn reveal_passwords(jig: &Jig, path: &Path) -> Result<()> {
    let mut seen = jig.witnessed();
    let mut revealed = BTreeMap::new();
    loop {
        let out: Vec<u32> =
            seen.borrow_and_update().iter().filter(|board| board.removed).map(|board| board.index).collect();
        for index in out {
            if !revealed.contains_key(&index)
                && let Some(observation) = jig.observe(index).await
            {
                revealed.insert(index, json!({ "index": index, "password": observation.password }));
                let fresh = path.with_extension("new");
                let list: Vec<&serde_json::Value> = revealed.values().collect();
                std::fs::write(&fresh, serde_json::to_vec(&list)?)
                    .and_then(|()| std::fs::rename(&fresh, path))
                    .with_context(|| format!("cannot write the passwords to {}", path.display()))?;
            }
        }
        seen.changed().await.context("the jig has ended")?;
    }
}

async fn run_board<P: Port + 'static>(model: Arc<DeviceModel>, birth: Birth, port: P) -> Result<()> {
    let (orders, inbox) = mpsc::unbounded_channel();
    let (news, mut heard) = mpsc::unbounded_channel();
    orders.send(SlotOrder::Insert { index: 0, birth: Box::new(birth) }).context("the slot is gone")?;
    let slot =
        Slot { number: 1, model, port, orders: inbox, news, operator: Operator::default(), supplied: true };
    tokio::select! {
        outcome = slot.run() => outcome.context("the line failed"),
        outcome = asked_to_stop() => outcome,
        () = async { while heard.recv().await.is_some() {} } => Ok(()),
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}; is the port taken? name another one"))
}

async fn asked_to_stop() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    }
}

/// One line of JSON on the standard output.
fn say(what: &serde_json::Value) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{what}").context("nobody reads the standard output")?;
    out.flush().context("nobody reads the standard output")
}
