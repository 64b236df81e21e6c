//! `cargo xtask demo`: the factory on a laptop, from nothing.

mod api;
mod batch;
mod floor;
mod hand;
mod people;
mod relay;
mod rough;
mod setup;
mod state;
mod verdict;
mod watch;
mod witness;

use crate::install;
use crate::postgres;
use crate::process::{Stop, Stopped, stop_leftovers, write_private};
use crate::say;
use crate::ui;
use crate::workspace::{Workspace, run as run_to_end};
use anyhow::{Context, Result, bail};
use api::Api;
use batch::Work;
use floor::{Addresses, Floor, KeepDone};
use hand::Hand;
use relay::Relay;
use state::{Batch, DemoFile, Folder, State};
use std::net::ToSocketAddrs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How often the children are looked after while nothing happens.
const LOOK_AFTER: Duration = Duration::from_millis(500);

#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// End after the batch: 0 only if every record is on the server with the right outcome.
    #[arg(long)]
    pub once: bool,
    /// Kill server and station once each in mid-batch, send a record twice and a changed one under its id (implies --once).
    #[arg(long)]
    pub rough: bool,
    /// How many boards of the batch misbehave, cycling through seven faults.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub faulty: u32,
    /// Slots of the jig.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=32))]
    pub slots: u16,
    /// Boards of the batch.
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub boards: u32,
    /// Line rate of application and loader alike; 9600 is the real thing.
    #[arg(long, default_value_t = 115_200, value_parser = clap::value_parser!(u32).range(1200..=921_600))]
    pub baud: u32,
    /// Port of the server on 127.0.0.1; 0 takes any that is free.
    #[arg(long, default_value_t = 8480)]
    pub port: u16,
    /// Port of the operator's page on 127.0.0.1 [default: 8470; any that is free where --port is 0].
    #[arg(long)]
    pub operator_port: Option<u16>,
    /// Where everything is kept; a second start on the same folder goes on with its data, accounts and passwords.
    #[arg(long, value_name = "DIR", default_value = "demo")]
    pub data: PathBuf,
    /// Go on with the batch of the last start, with the boards that remain.
    #[arg(long, conflicts_with_all = ["slots", "boards", "faulty", "baud", "seed"])]
    pub resume: bool,
    /// Decides everything that is random about boards and image.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// # Errors
/// When something is missing or taken, or with `--once` and `--rough` when anything is not as it should be.
pub fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let begun = Instant::now();
    if options.faulty > options.boards {
        bail!("--faulty {} is more than --boards {}", options.faulty, options.boards);
    }
    let stop = Stop::on_signals()?;
    let folder = Folder::open(&options.data)?;
    stop_leftovers(&folder.root);
    // Whoever waits for this file waits for this start.
    let _ = std::fs::remove_file(folder.at("demo.json"));
    floor::port_is_free(options.port)?;
    let postgres_bin = say::stage("tools", || {
        install::chinese_font(workspace);
        postgres::find_or_install(workspace, &folder.at("pg"))
    })?;
    build(workspace)?;
    let mut floor = Floor::new(workspace, &folder, &stop, postgres_bin);
    let outcome = work(workspace, options, &folder, &stop, &mut floor, begun);
    let once = options.once || options.rough;
    // Whoever looks at the pages goes on looking, whatever came of the batch.
    let outcome = match outcome {
        Ok(()) if !once => serve(&mut floor, &stop),
        Err(fault) if !once && !fault.is::<Stopped>() && floor.serves() => {
            say::fault(&fault);
            serve(&mut floor, &stop).and(Err(fault))
        }
        other => other,
    };
    say::line("   stopping");
    // Nothing answers there any more.
    let _ = std::fs::remove_file(folder.at("demo.json"));
    floor.stop();
    match outcome {
        Err(fault) if fault.is::<Stopped>() && !once => Ok(()),
        other => other,
    }
}

/// The page and the three programs. The dev profile: what matters for speed in it is built optimised (Cargo.toml).
///
/// # Errors
/// When something does not build.
pub fn build(workspace: &Workspace) -> Result<()> {
    say::stage("page", || ui::build(workspace, &ui::Options::default()))?;
    say::stage("programs", || {
        run_to_end(workspace.cargo().args([
            "build",
            "--quiet",
            "--bins",
            "--package",
            "jigline-server",
            "--package",
            "jigline-station",
            "--package",
            "jigline-simulator",
            "--features",
            "jigline-server/embed-ui,jigline-station/embed-ui",
        ]))
    })
}

fn work(
    workspace: &Workspace,
    options: &Options,
    folder: &Folder,
    stop: &Stop,
    floor: &mut Floor<'_>,
    begun: Instant,
) -> Result<()> {
    let mut state = State::load(folder)?;
    let addresses = say::stage("server", || floor.start_server(options.port))?;
    let api = Api::new(&addresses.base_url)?;
    let accounts = state::read_accounts(&folder.at("accounts.json"))?;
    setup::tokens(&api, &accounts, &mut state)?;
    people::people(&api, &state)?;
    state.save(folder)?;
    let image = setup::image(workspace, folder, options.seed)?;
    setup::bundle(workspace, folder, &api, &mut state, &image)?;
    state.save(folder)?;
    let batch = choose_batch(workspace, &api, &mut state, options)?;
    let station = setup::station(&api, &mut state, batch.slots)?;
    state.save(folder)?;
    setup::assign(&api, &state, &station, &batch)?;
    let keep_done = if options.resume { KeepDone::Yes } else { KeepDone::No };
    let jig = floor.start_jig(&batch, keep_done)?;
    let printer = if batch.labels { Some(floor.start_printer()?) } else { None };
    let relay = if options.rough { Some(Relay::start(address_of(&addresses)?)?) } else { None };
    let server =
        relay.as_ref().map_or(addresses.base_url.clone(), |relay| format!("http://{}", relay.address));
    let config = folder.at("station").join(format!("{}.toml", station.name));
    std::fs::create_dir_all(folder.at("station").join(&station.name))?;
    let data = folder.at("station").join(&station.name);
    write_private(
        &config,
        setup::station_config(
            &station,
            &server,
            &data,
            (batch.baud, operator_port(options)),
            (&jig, printer.as_deref()),
        )?
        .as_bytes(),
    )?;
    tell(folder, &addresses, &accounts, &state)?;
    say::line(format!(
        "ready after {:.1} s: {}  (accounts and tokens in {})",
        begun.elapsed().as_secs_f64(),
        addresses.base_url,
        folder.at("demo.json").display()
    ));
    floor.start_station(&config)?;
    let port = address_of(&addresses)?.port();
    let work =
        Work { folder, stop, api: &api, state: &state, station: &station, batch: &batch, image: &image };
    let hand = Hand::new(printer.map(|_| folder.at("labels")))?;
    work.run(floor, (relay.as_ref(), hand), port, &config)
}

fn operator_port(options: &Options) -> u16 {
    options.operator_port.unwrap_or(if options.port == 0 { 0 } else { 8470 })
}

/// A new batch, or with `--resume` the one of the last start.
fn choose_batch(workspace: &Workspace, api: &Api, state: &mut State, options: &Options) -> Result<Batch> {
    if options.resume {
        let batch = state.batch.clone();
        let batch = batch.context("--resume: this folder has no batch yet; start without it")?;
        say::line(format!("   resuming batch {} of {} boards", batch.name, batch.boards));
        return Ok(batch);
    }
    let batch = setup::batch(workspace, api, state, options)?;
    say::line(format!("   batch {}: {} boards, {} of them faulty", batch.name, batch.boards, batch.faulty));
    Ok(batch)
}

fn tell(
    folder: &Folder,
    addresses: &Addresses,
    accounts: &std::collections::BTreeMap<String, state::Account>,
    state: &State,
) -> Result<()> {
    let file = DemoFile {
        base_url: &addresses.base_url,
        database_url: &addresses.database_url,
        accounts,
        tokens: &state.tokens,
    };
    write_private(&folder.at("demo.json"), &serde_json::to_vec_pretty(&file)?)
}

fn address_of(addresses: &Addresses) -> Result<std::net::SocketAddr> {
    let place = addresses.base_url.trim_start_matches("http://").trim_end_matches('/');
    let mut found = place.to_socket_addrs().with_context(|| format!("`{place}` is no address"))?;
    found.next().with_context(|| format!("`{place}` is no address"))
}

/// Goes on until Ctrl-C, or until the server itself ends; a jig or station that ends is named, and the pages stay.
fn serve(floor: &mut Floor<'_>, stop: &Stop) -> Result<()> {
    say::line("the server goes on; Ctrl-C stops everything");
    while !stop.asked() {
        let ended = floor.take_ended()?;
        if !floor.serves() {
            bail!("{}", ended.join("; "));
        }
        for ended in ended {
            say::line(format!("error: {ended}; the server goes on"));
        }
        match &floor.station {
            // Read on, or the station would stand still with its pipe full.
            Some(station) => drop(station.next_line(LOOK_AFTER)),
            None => std::thread::sleep(LOOK_AFTER),
        }
    }
    Ok(())
}
