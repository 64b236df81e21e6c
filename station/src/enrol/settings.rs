//! The text of `station.toml` as an enrolment writes it: for people to go on with, so each setting says what it is.

use domain::api::enrolment::Enrolled;
use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

/// What says who the station is: never taken over.
const IDENTITY: [&str; 9] = [
    "name",
    "data",
    "server",
    "station_id",
    "key",
    "release_key",
    "sealing_key",
    "placeholder_key",
    "simulated",
];

/// Settings that were there.
#[derive(Debug)]
pub(super) struct Before {
    pub data: Option<PathBuf>,
    /// All but who the station is.
    rest: toml::Table,
}

impl Before {
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut rest: toml::Table = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        let data = rest.get("data").and_then(toml::Value::as_str).map(PathBuf::from);
        for name in IDENTITY {
            rest.remove(name);
        }
        Ok(Self { data, rest })
    }
}

pub(super) struct Parts<'a> {
    pub enrolled: &'a Enrolled,
    pub key: &'a str,
    pub server: &'a str,
    pub data: &'a Path,
    pub fixture: Option<&'a str>,
    pub slots: &'a [String],
    pub before: Option<&'a Before>,
}

pub(super) fn text(parts: &Parts<'_>) -> String {
    let Enrolled { station_id, name, simulated, release_key, sealing_key, placeholder_key } = parts.enrolled;
    let quoted = |text: &str| toml::Value::from(text).to_string();
    let mut text = format!(
        "# Who this station is, as its enrolment gave it. The file holds the station's key: only its own account may read it.\n\n\
         name = {}\ndata = {}   # journal, bundles and the station's own key; back it up, never copy it to another machine\n\
         server = {}\nstation_id = \"{station_id}\"\nkey = {}\nrelease_key = {}\nsealing_key = {}\nplaceholder_key = {}\n\
         simulated = {simulated}\n\n",
        quoted(name),
        quoted(&parts.data.display().to_string()),
        quoted(parts.server),
        quoted(parts.key),
        quoted(release_key),
        quoted(sealing_key),
        quoted(placeholder_key),
    );
    let mut rest = parts.before.map(|before| before.rest.clone()).unwrap_or_default();
    if let Some(fixture) = parts.fixture {
        rest.insert("fixture".to_owned(), fixture.into());
        // A jig has one.
        rest.remove("bench");
    }
    if !parts.slots.is_empty() {
        let slots = (1..).zip(parts.slots).map(|(number, device)| {
            toml::Value::from(toml::Table::from_iter([
                ("number".to_owned(), toml::Value::Integer(number)),
                ("device".to_owned(), device.as_str().into()),
            ]))
        });
        rest.insert("slot".to_owned(), toml::Value::Array(slots.collect()));
    }
    if !rest.contains_key("fixture") && !rest.contains_key("bench") {
        text.push_str(
            "# Without it whoever answers on a slot's line lies in it, and nothing that draws a load can be worked.\n\
             # fixture = \"127.0.0.1:4020\"   # host:port of the fixture's presence switches, load and lamps\n",
        );
    }
    let has_slots = rest.contains_key("slot");
    // Plain settings first, then tables: what follows a table's head belongs to it.
    let _always = write!(text, "{rest}");
    if !has_slots {
        text.push_str(
            "\n# One for each slot, 1 to 32, each with a port of its own: /dev/serial/by-path/..., COM5, tcp:HOST:PORT or rfc2217:HOST:PORT.\n\
             # [[slot]]\n# number = 1\n# device = \"\"\n",
        );
    }
    text
}
