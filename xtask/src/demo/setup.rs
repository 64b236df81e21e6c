//! From an empty server to a line that may work: tokens, image, bundle, release, batch, station, assignment. Every step
//! is asked of the server's API as the role that may do it; what an earlier start did is kept.

use super::Options;
use super::api::{Api, is_refused, required, text_of};
use super::state::{Account, Asked, Batch, Bundle, Folder, ROLES, State, Station};
use crate::install;
use crate::say;
use crate::workspace::{Workspace, output};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The model of the demo's boards, under profiles/models/.
pub const MODEL_FILE: &str = "profiles/models/topbms.toml";
/// The demo's jig holds titanate cells.
const PROCEDURE_FILE: &str = "profiles/procedures/topbms-birth.toml";
/// The fixture that the jig plays, and how its instruments are spoken to.
const FIXTURE_FILE: &str = "profiles/fixtures/sim-8.toml";
const INSTRUMENTS: &str = "profiles/instruments";
const FIRMWARE_VERSION: &str = "1.9";
/// What is printed for a unit that has passed.
const LABEL: &str = "unit-50x25";
/// Bytes; a real image of this family is about that large. A body of 64 KiB, and before it vectors and version block.
const FIRMWARE_SIZE: u32 = 66_560;
/// How many names are tried before something else must be wrong.
const NAMES_TRIED: u32 = 50;

/// A token for each role; those of an earlier start are kept while the server takes them.
pub fn tokens(api: &Api, accounts: &BTreeMap<String, Account>, state: &mut State) -> Result<()> {
    for role in ROLES {
        let held = state.tokens.get(role);
        if held.is_some_and(|token| api.get(token, "/api/v1/session").is_ok()) {
            continue;
        }
        let account = accounts.get(role).with_context(|| format!("no account for the role {role}"))?;
        let token = api.token(&account.username, &account.password, "demo")?;
        state.tokens.insert(role.to_owned(), token);
    }
    Ok(())
}

/// The firmware image; built once, it stays.
pub fn image(workspace: &Workspace, folder: &Folder, seed: u64) -> Result<PathBuf> {
    let path = folder.at("firmware").join(format!("topbms-{FIRMWARE_VERSION}.bin"));
    if path.is_file() {
        return Ok(path);
    }
    std::fs::create_dir_all(folder.at("firmware"))?;
    let mut build = Command::new(workspace.program("jigline-simulator"));
    build.current_dir(&workspace.root).args([
        "firmware",
        "--model",
        MODEL_FILE,
        "--version",
        FIRMWARE_VERSION,
    ]);
    build.args(["--size", &FIRMWARE_SIZE.to_string(), "--seed", &seed.to_string(), "--out"]).arg(&path);
    output(&mut build).context("building the firmware image")?;
    Ok(path)
}

/// The bundle: submitted by the engineer, released by quality. Made anew when a file of it has changed.
pub fn bundle(
    workspace: &Workspace,
    folder: &Folder,
    api: &Api,
    state: &mut State,
    image: &Path,
) -> Result<()> {
    let image = std::fs::read(image).with_context(|| format!("reading {}", image.display()))?;
    let made_of = fingerprint(&workspace.root.join("profiles"), &image)?;
    if state.bundle.as_ref().is_some_and(|bundle| bundle.made_of == made_of) {
        return Ok(());
    }
    let token = |role: &str| state.tokens.get(role).cloned().unwrap_or_default();
    let model_id = id_in(&workspace.root.join(MODEL_FILE))?;
    let (procedure, profile) = procedure_in(&workspace.root.join(PROCEDURE_FILE), &model_id)?;
    let known = api.get_all(&token("engineer"), "/api/v1/profiles")?;
    let revision = revision_of(&workspace.root.join("profiles/parameters"), &profile, &known)
        .with_context(|| refused_files(&folder.at("logs").join("server.log")))?;
    let submit = json!({
        "model_id": model_id,
        "profile_id": profile,
        "profile_revision": revision,
        "procedure_id": procedure,
        "firmware_version": FIRMWARE_VERSION,
        "image_hex": hex_of(&image),
        "label_id": LABEL,
    });
    let hash = match api.post(&token("engineer"), "/api/v1/bundles", &submit) {
        Ok(bundle) => required(&bundle, "hash")?,
        Err(fault) if is_refused(&fault, 409) => {
            submitted_before(api, &token("engineer"), &submit, &image)
                .context("the server holds such a bundle already, but does not list it")?
        }
        Err(fault) => return Err(fault).context("submitting the bundle"),
    };
    let path = format!("/api/v1/bundles/{hash}");
    if text_of(&api.get(&token("quality"), &path)?, "state") != "released" {
        api.post(&token("quality"), &format!("{path}/release"), &json!({}))
            .context("releasing the bundle")?;
    }
    say::line(format!("   bundle {} released", hash.get(..12).unwrap_or(&hash)));
    state.bundle = Some(Bundle { made_of, hash });
    Ok(())
}

/// A bundle of the same content, when the demo has forgotten what the server has not.
fn submitted_before(api: &Api, token: &str, submit: &Value, image: &[u8]) -> Option<String> {
    let sha256 = hex_of(&Sha256::digest(image));
    let bundles = api.get_all(token, "/api/v1/bundles").ok()?;
    let same = bundles.iter().find(|bundle| {
        let at = |path: &str| bundle.pointer(path).cloned().unwrap_or_default();
        at("/manifest/firmware/sha256") == json!(sha256)
            && Some(&at("/manifest/profile/id")) == submit.get("profile_id")
            && Some(&at("/manifest/profile/revision")) == submit.get("profile_revision")
            && Some(&at("/manifest/procedure/id")) == submit.get("procedure_id")
            && Some(&at("/manifest/label/id")) == submit.get("label_id")
    });
    same.map(|bundle| text_of(bundle, "hash").to_owned())
}

/// The station of a jig with so many slots; enrolled once.
pub fn station(api: &Api, state: &mut State, slots: u16) -> Result<Station> {
    if let Some(known) = state.stations.iter().find(|station| station.slots == slots) {
        return Ok(known.clone());
    }
    let token = state.tokens.get("admin").cloned().unwrap_or_default();
    let first = u32::try_from(state.stations.len()).unwrap_or(0) + 1;
    for number in first..first + NAMES_TRIED {
        let name = format!("jig-{number}");
        let body = json!({ "name": name, "slots": slots, "simulated": true });
        match api.post(&token, "/api/v1/stations", &body) {
            Ok(answer) => {
                let station = Station {
                    name,
                    slots,
                    station_id: required(&answer, "station_id")?,
                    key: required(&answer, "key")?,
                    release_key: required(&answer, "release_key")?,
                    sealing_key: required(&answer, "sealing_key")?,
                    placeholder_key: required(&answer, "placeholder_key")?,
                };
                state.stations.push(station.clone());
                return Ok(station);
            }
            Err(fault) if is_refused(&fault, 409) => {}
            Err(fault) => return Err(fault).context("enrolling the station"),
        }
    }
    bail!("the names jig-{first} and the {NAMES_TRIED} after it are all taken: begin anew in another folder")
}

/// A new batch of new boards.
pub fn batch(workspace: &Workspace, api: &Api, state: &mut State, options: &Options) -> Result<Batch> {
    let token = state.tokens.get("engineer").cloned().unwrap_or_default();
    let bundle = state.bundle.as_ref().map(|bundle| bundle.hash.clone()).context("no bundle was released")?;
    let asked = asked(workspace)?;
    let labels = install::has_chinese_font();
    if !labels {
        say::line(format!(
            "   no labels: there is no font for Chinese here (Debian: {})",
            install::CHINESE_FONT
        ));
    }
    for _ in 0..NAMES_TRIED {
        state.batches += 1;
        let name = format!("B-{:04}", state.batches);
        let body = json!({ "name": name, "customer": "Demo", "bundle": bundle, "quantity": options.boards,
            "label_mode": if labels { "after_pass" } else { "none" } });
        match api.post(&token, "/api/v1/batches", &body) {
            Ok(answer) => {
                let batch = Batch {
                    batch_id: required(&answer, "batch_id")?,
                    name,
                    first_board: state.next_board,
                    boards: options.boards,
                    faulty: options.faulty,
                    slots: options.slots,
                    baud: options.baud,
                    seed: options.seed,
                    asked: asked.clone(),
                    labels,
                };
                state.next_board += options.boards;
                state.batch = Some(batch.clone());
                return Ok(batch);
            }
            Err(fault) if is_refused(&fault, 409) => {}
            Err(fault) => return Err(fault).context("creating the batch"),
        }
    }
    bail!("the server has {NAMES_TRIED} batches that the demo does not know: begin anew in another folder")
}

/// What the demo's procedure and profile ask of a board.
fn asked(workspace: &Workspace) -> Result<Asked> {
    let profiles = workspace.root.join("profiles");
    let model = id_in(&workspace.root.join(MODEL_FILE))?;
    let path = workspace.root.join(PROCEDURE_FILE);
    let (_, profile) = procedure_in(&path, &model)?;
    let procedure = read_toml(&path)?;
    let profile = read_toml(&profiles.join("parameters").join(format!("{profile}.toml")))?;
    let number = |name: &str| {
        let value = procedure.get("calibrate").and_then(|calibrate| calibrate.get(name));
        let value =
            value.and_then(|value| value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64)));
        value.with_context(|| format!("the procedure has no calibrate.{name}"))
    };
    let lease = procedure.get("lease").and_then(|lease| lease.get("birth")).and_then(toml::Value::as_str);
    let values =
        profile.get("values").and_then(toml::Value::as_table).context("the profile has no values")?;
    Ok(Asked {
        values: values
            .iter()
            .map(|(name, value)| Ok((name.clone(), serde_json::to_value(value)?)))
            .collect::<Result<_>>()?,
        lease: lease.context("the procedure has no lease.birth")?.to_owned(),
        current_tolerance_percent: 100.0 * number("tolerance_ma")? / number("load_ma")?,
    })
}

/// Tells the station what to work on.
pub fn assign(api: &Api, state: &State, station: &Station, batch: &Batch) -> Result<()> {
    let token = state.tokens.get("engineer").cloned().unwrap_or_default();
    let path = format!("/api/v1/stations/{}/assignment", station.station_id);
    api.put(&token, &path, &json!({ "batch_id": batch.batch_id, "operator": "operator" }))
        .context("assigning the batch to the station")?;
    Ok(())
}

/// station.toml, as the station's own documentation has it.
pub fn station_config(
    station: &Station,
    server: &str,
    data: &Path,
    (baud, operator_port): (u32, u16),
    (jig, printer): (&Value, Option<&str>),
) -> Result<String> {
    let mut config = toml::Table::new();
    let mut put = |name: &str, value: toml::Value| config.insert(name.to_owned(), value);
    put("name", station.name.clone().into());
    put("data", data.to_string_lossy().into_owned().into());
    put("server", server.into());
    put("station_id", station.station_id.clone().into());
    put("key", station.key.clone().into());
    put("release_key", station.release_key.clone().into());
    put("sealing_key", station.sealing_key.clone().into());
    put("placeholder_key", station.placeholder_key.clone().into());
    put("simulated", true.into());
    put("baud", i64::from(baud).into());
    put("operator_page", format!("127.0.0.1:{operator_port}").into());
    if let Some(address) = printer {
        let mut printer = toml::Table::new();
        printer.insert("to".to_owned(), format!("tcp:{address}").into());
        printer.insert("language".to_owned(), "zpl".into());
        printer.insert("dpi".to_owned(), 203.into());
        put("label_printer", printer.into());
    }
    match jig.get("bench").and_then(Value::as_object).filter(|ports| !ports.is_empty()) {
        Some(ports) => {
            let port =
                |(bus, port): (&String, &Value)| (bus.clone(), port.as_str().unwrap_or_default().into());
            let mut bench = toml::Table::new();
            bench.insert("fixture".to_owned(), FIXTURE_FILE.into());
            bench.insert("instruments".to_owned(), INSTRUMENTS.into());
            bench.insert("ports".to_owned(), ports.iter().map(port).collect::<toml::Table>().into());
            put("bench", bench.into());
        }
        None => drop(put("fixture", required(jig, "fixture")?.into())),
    }
    let devices = jig.get("slots").and_then(Value::as_array).context("the jig named no slots")?;
    let slots: Vec<toml::Value> = devices
        .iter()
        .zip(1_i64..)
        .map(|(device, number)| {
            let mut slot = toml::Table::new();
            slot.insert("number".to_owned(), number.into());
            slot.insert("device".to_owned(), device.as_str().unwrap_or_default().into());
            slot.into()
        })
        .collect();
    put("slot", slots.into());
    Ok(toml::to_string(&config)?)
}

/// The `id` of a model, profile or procedure file.
fn id_in(path: &Path) -> Result<String> {
    let table = read_toml(path)?;
    let id = table.get("id").and_then(toml::Value::as_str);
    id.map(str::to_owned).with_context(|| format!("{} has no `id`", path.display()))
}

/// The id of a procedure for that model, and the first profile that its limits are for.
fn procedure_in(path: &Path, model_id: &str) -> Result<(String, String)> {
    let table = read_toml(path)?;
    if table.get("model").and_then(toml::Value::as_str) != Some(model_id) {
        bail!("{} is no procedure for the model {model_id}", path.display());
    }
    let profiles = table.get("profiles").and_then(toml::Value::as_array);
    let profile = profiles.and_then(|profiles| profiles.first()).and_then(toml::Value::as_str);
    let profile = profile.with_context(|| format!("{} names no `profiles`", path.display()))?;
    Ok((id_in(path)?, profile.to_owned()))
}

/// The revision in the profile's own file, which the server must have taken in: an older one in its database, or another
/// profile, is not what was asked for.
fn revision_of(folder: &Path, id: &str, known: &[Value]) -> Result<u64> {
    let path = folder.join(format!("{id}.toml"));
    let table = read_toml(&path)?;
    let revision = table.get("revision").and_then(toml::Value::as_integer);
    let revision = revision.and_then(|revision| u64::try_from(revision).ok());
    let revision = revision.with_context(|| format!("{} has no `revision`", path.display()))?;
    let taken = known
        .iter()
        .any(|row| text_of(row, "id") == id && row.get("revision").and_then(Value::as_u64) == Some(revision));
    if !taken {
        bail!("the server did not take {} (revision {revision}) in", path.display());
    }
    Ok(revision)
}

/// What the server said of the files that it refused.
fn refused_files(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let mut faults: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("is not imported"))
        .filter_map(|line| line.split_once("fault=").map(|(_, fault)| fault))
        .collect();
    faults.dedup();
    match faults.as_slice() {
        [] => format!("the demo's profile can't be used; the server's log may say why: {}", log.display()),
        faults => {
            format!("the demo's profile can't be used; correct this and start again: {}", faults.join("; "))
        }
    }
}

fn read_toml(path: &Path) -> Result<toml::Table> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    text.parse().with_context(|| format!("{} is no TOML", path.display()))
}

fn toml_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort();
    Ok(files)
}

fn fingerprint(profiles: &Path, image: &[u8]) -> Result<String> {
    let mut hash = Sha256::new();
    for kind in ["models", "parameters", "procedures", "labels"] {
        for path in toml_files(&profiles.join(kind))? {
            hash.update(path.file_name().unwrap_or_default().as_encoded_bytes());
            hash.update(std::fs::read(&path)?);
        }
    }
    hash.update(image);
    Ok(hex_of(&hash.finalize()))
}

fn hex_of(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stations_file_names_every_slot_and_key() {
        let station = Station {
            name: "jig-1".to_owned(),
            slots: 2,
            station_id: "id".to_owned(),
            key: "k".to_owned(),
            release_key: "aa".to_owned(),
            sealing_key: "bb".to_owned(),
            placeholder_key: "cc".to_owned(),
        };
        let jig = json!({ "fixture": "127.0.0.1:4000", "slots": ["/d/slot-1", "/d/slot-2"] });
        let text =
            station_config(&station, "http://127.0.0.1:1", Path::new("/d/station"), (9600, 0), (&jig, None))
                .unwrap();
        let table: toml::Table = text.parse().unwrap();
        assert_eq!(table["baud"].as_integer(), Some(9600));
        assert_eq!(table["slot"][1]["device"].as_str(), Some("/d/slot-2"));
        assert_eq!(table["slot"][1]["number"].as_integer(), Some(2));
        assert_eq!(table["fixture"].as_str(), Some("127.0.0.1:4000"));
        let bench = json!({ "io": "tcp:127.0.0.1:1" });
        let jig = json!({ "fixture": "127.0.0.1:4000", "slots": ["/d/slot-1"], "bench": bench });
        let text =
            station_config(&station, "http://127.0.0.1:1", Path::new("/d/station"), (9600, 0), (&jig, None))
                .unwrap();
        let table: toml::Table = text.parse().unwrap();
        assert_eq!(table["bench"]["ports"]["io"].as_str(), Some("tcp:127.0.0.1:1"));
        assert!(table.get("fixture").is_none(), "a jig has one");
    }

    #[test]
    fn the_demos_procedure_names_its_profile_and_is_for_its_model() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.toml");
        let text = "id = \"topbms-eol\"\nmodel = \"topbms\"\nprofiles = [\"lto\", \"other\"]\n";
        std::fs::write(&path, text).unwrap();
        let found = procedure_in(&path, "topbms").unwrap();
        assert_eq!(found, ("topbms-eol".to_owned(), "lto".to_owned()));
        assert!(procedure_in(&path, "none").unwrap_err().to_string().contains("none"));
    }
    #[test]
    fn a_profile_that_the_server_refused_is_never_replaced_by_another() {
        let folder = tempfile::tempdir().unwrap();
        let known = [json!({ "id": "lto", "revision": 2 }), json!({ "id": "other", "revision": 3 })];
        let path = folder.path().join("lto.toml");
        std::fs::write(&path, "id = \"lto\"\nrevision = 2\n").unwrap();
        assert_eq!(revision_of(folder.path(), "lto", &known).unwrap(), 2);
        std::fs::write(&path, "id = \"lto\"\nrevision = 3\n").unwrap();
        assert!(revision_of(folder.path(), "lto", &known).unwrap_err().to_string().contains("did not take"));
        std::fs::write(&path, "id = \"lto\nrevision = ").unwrap();
        assert!(revision_of(folder.path(), "lto", &known).unwrap_err().to_string().contains("lto.toml"));
        let log = folder.path().join("server.log");
        std::fs::write(
            &log,
            "E a file under profiles is not imported; correct it fault=\"lto.toml:2: torn\"\n",
        )
        .unwrap();
        assert!(refused_files(&log).contains("lto.toml:2: torn"));
    }
}
