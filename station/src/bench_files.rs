//! The files of a fixture as data, read and checked against the station's own settings before anything is switched.

use crate::{
    bluetooth,
    config::{BenchConfig, StationConfig},
    link::Line,
};
use domain::{
    fixture::{Bus, Dialect, Fixture, FixtureFault, parse_dialect, parse_fixture},
    text::Fault,
};
use std::{fmt::Write as _, fs, io, path::Path};

pub use crate::fixture::described::Description;

/// Why a fixture can't be driven.
#[derive(Debug, thiserror::Error)]
pub enum BenchFault {
    #[error("{path} can't be read; check [bench] in the station's settings")]
    NotRead { path: String, source: io::Error },
    #[error("the fixture's files have faults; correct them:{0}")]
    Faults(String),
    #[error("[bench] in the station's settings: {0}")]
    Settings(String),
}

/// Reads what `config` names, and holds it against the station's slots.
///
/// # Errors
/// A file can't be read or has faults; a bus has no port, a port no bus; a slot of the station is none of the fixture's.
pub fn read(config: &StationConfig) -> Result<Option<Description>, BenchFault> {
    let Some(bench) = &config.bench else { return Ok(None) };
    let description = read_files(bench)?;
    let fixture = &description.fixture;
    if let Some(bus) = fixture.buses.iter().find(|bus| !bench.ports.contains_key(&bus.name)) {
        return Err(BenchFault::Settings(format!("bus {} of {} has no port", bus.name, fixture.id)));
    }
    if let Some(name) = bench.ports.keys().find(|name| fixture.bus(name).is_none()) {
        return Err(BenchFault::Settings(format!("{} has no bus {name}", fixture.id)));
    }
    if let Some(slot) = config.slots.iter().find(|slot| fixture.slot(slot.number).is_none()) {
        return Err(BenchFault::Settings(format!("{} has no slot {}", fixture.id, slot.number)));
    }
    let is_a_slots = |port: &&String| config.slots.iter().any(|slot| slot.device == **port);
    if let Some(port) = bench.ports.values().find(is_a_slots) {
        return Err(BenchFault::Settings(format!("port {port} is a slot's already")));
    }
    Ok(Some(description))
}

/// Opens the port that a bus is here: a slot's kinds of ports, or this PC's own Bluetooth adapter.
///
/// # Errors
/// `PortNotOpened`, with the port and the system's reason.
pub fn open(bench: &BenchConfig, bus: &Bus) -> Result<Line, Fault> {
    let port = bench.ports.get(&bus.name).map_or("", String::as_str);
    match port.strip_prefix(bluetooth::PREFIX) {
        Some(adapter) => bluetooth::line(adapter, None),
        None => Line::open(port, bus.baud),
    }
}

fn read_files(bench: &BenchConfig) -> Result<Description, BenchFault> {
    let mut dialects = Vec::new();
    let mut paths: Vec<_> = fs::read_dir(&bench.instruments)
        .and_then(|entries| {
            entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()
        })
        .map_err(|source| not_read(&bench.instruments, source))?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    for path in paths {
        let dialect: Dialect =
            parse_dialect(&path.display().to_string(), &text(&path)?).map_err(|f| faults(&f))?;
        dialects.push(dialect);
    }
    let name = bench.fixture.display().to_string();
    let fixture: Fixture = parse_fixture(&name, &text(&bench.fixture)?, &dialects).map_err(|f| faults(&f))?;
    Ok(Description { fixture, dialects })
}

fn text(path: &Path) -> Result<String, BenchFault> {
    fs::read_to_string(path).map_err(|source| not_read(path, source))
}

fn not_read(path: &Path, source: io::Error) -> BenchFault {
    BenchFault::NotRead { path: path.display().to_string(), source }
}

fn faults(found: &[FixtureFault]) -> BenchFault {
    BenchFault::Faults(found.iter().fold(String::new(), |mut lines, fault| {
        let _infallible = write!(lines, "\n{fault}");
        lines
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(ports: &str, slots: &str) -> StationConfig {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../profiles");
        let text = format!(
            "name = \"jig-1\"\ndata = \"/tmp/jig-1\"\nserver = \"http://127.0.0.1:1\"\n\
             station_id = \"00000000-0000-0000-0000-000000000001\"\nkey = \"k\"\nrelease_key = \"aa\"\n\
             sealing_key = \"bb\"\nplaceholder_key = \"cc\"\n{slots}\n[bench]\n\
             fixture = \"{root}/fixtures/sim-8.toml\"\ninstruments = \"{root}/instruments\"\n[bench.ports]\n{ports}"
        );
        StationConfig::parse(&text).unwrap()
    }

    const PORTS: &str = "io = \"tcp:a:502\"\nload-1 = \"tcp:a:1\"\nload-2 = \"tcp:a:2\"\nmeter-1 = \"tcp:a:3\"\n\
                         meter-2 = \"tcp:a:4\"\nsupply-1 = \"tcp:a:5\"\nradio-1 = \"tcp:a:6\"\n";
    const SLOT: &str = "[[slot]]\nnumber = 1\ndevice = \"a\"\n";

    fn fault(ports: &str, slots: &str) -> String {
        read(&settings(ports, slots)).map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn the_files_are_held_against_the_stations_own_settings() {
        let config = settings(PORTS, SLOT);
        assert!(config.has_fixture());
        let description = read(&config).unwrap().expect("it names a bench");
        assert_eq!((description.fixture.id.as_str(), description.dialects.len()), ("sim-8", 5));
        assert!(
            fault(&PORTS.replace("io = \"tcp:a:502\"\n", ""), SLOT).contains("bus io of sim-8 has no port")
        );
        assert!(fault(&format!("{PORTS}more = \"x\"\n"), SLOT).contains("sim-8 has no bus more"));
        assert!(fault(PORTS, &SLOT.replace('1', "9")).contains("sim-8 has no slot 9"));
        assert!(fault(&PORTS.replace("tcp:a:502", "a"), SLOT).contains("port a is a slot's already"));
    }

    #[test]
    fn a_file_with_faults_is_told_with_its_lines_and_one_that_is_not_there_by_its_path() {
        let mut config = settings(PORTS, SLOT);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ours.toml");
        fs::write(&path, "id = \"ours\"\nrevision = 0\n").unwrap();
        if let Some(bench) = &mut config.bench {
            bench.fixture = path.clone();
        }
        let told = read(&config).map(|_| ()).unwrap_err().to_string();
        assert!(told.contains("ours.toml:1: missing field"), "{told}");
        fs::remove_file(&path).unwrap();
        let told = read(&config).map(|_| ()).unwrap_err().to_string();
        assert!(told.contains("ours.toml can't be read"), "{told}");
    }
}
