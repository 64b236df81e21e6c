//! `station.toml`: who this station is, where its server, its fixture and its ports are.

use crate::{
    journal::WireLogKeep,
    label_font::LabelFont,
    labels::{Drawing, printer::Printer},
    page::Access,
    shared::Presence,
};
use chrono::FixedOffset;
use domain::{
    api::stations::MOST_SHARES,
    ids::StationId,
    label_template::{PrinterForm, PrinterLanguage},
};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::{Path, PathBuf},
};

/// The file's content. Keys come from the enrolment.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StationConfig {
    /// Shown on the page: `jig-1`.
    pub name: String,
    /// Folder of the journal, the bundle cache and the station's own key.
    pub data: PathBuf,
    /// `http://host:port`.
    pub server: String,
    pub station_id: StationId,
    /// The station's bearer key.
    pub key: String,
    /// Ed25519 public key that releases are checked against, base16.
    pub release_key: String,
    /// X25519 public key that unit passwords are sealed to, base16.
    pub sealing_key: String,
    /// HMAC key of secret placeholders, base16.
    pub placeholder_key: String,
    /// Whether the boards are simulated; only then bundles with assumed parts are worked, and only at ports that no real board
    /// can be behind (`slot_port`).
    #[serde(default)]
    pub simulated: bool,
    /// Overrides the model's rates, application and loader alike.
    #[serde(default)]
    pub baud: Option<u32>,
    /// `host:port` of the fixture; none: whoever answers on a slot's line is in it, and no load is drawn.
    #[serde(default)]
    pub fixture: Option<String>,
    /// A fixture that files describe, instead of one at an address.
    #[serde(default)]
    pub bench: Option<BenchConfig>,
    /// How boards are noticed: `switch`, `bus` or `scan`; without it by the fixture's switches, or where there is none, on the bus.
    #[serde(default)]
    pub presence: Option<Presence>,
    /// How long the wire logs of the runs stay in the journal.
    #[serde(default)]
    pub wire_log: WireLogKeep,
    /// Boards that numbers and shares of the batch are kept in hand for, 1 to 1000: what a shift without the server takes. None: as goes with
    /// the number of slots.
    #[serde(default)]
    pub drawer: Option<u32>,
    /// Where the operator's page is served: `127.0.0.1:8470` where nothing is said; `off`: nowhere.
    #[serde(default = "default_page")]
    pub operator_page: String,
    /// Lets browsers of other machines in that bring it; needed where the page listens on more than this machine.
    #[serde(default)]
    pub operator_token: Option<String>,
    /// Where labels are printed; none: batches that want any are not worked here.
    #[serde(default)]
    pub label_printer: Option<PrinterConfig>,
    /// Whether boards are begun only while somebody is signed in on the operator's page, once the server knows of anybody who can; where
    /// that page is `off`, nobody need.
    #[serde(default = "yes")]
    pub sign_in: bool,
    #[serde(default, rename = "slot")]
    pub slots: Vec<SlotConfig>,
}

/// The label printer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrinterConfig {
    /// `tcp:HOST:PORT`, `device:PATH` or `spooler:QUEUE`.
    pub to: String,
    pub language: PrinterLanguage,
    /// 152, 203, 300 or 600.
    pub dpi: u32,
    /// The font of what the printer has no letters for; without it a well-known one of this machine.
    #[serde(default)]
    pub font: Option<PathBuf>,
}

impl PrinterConfig {
    /// The printer, and what is drawn for it. Dates are those of `zone`.
    ///
    /// # Errors
    /// The address, the density or the font is none.
    pub fn set_up(&self, zone: FixedOffset) -> Result<(Printer, Drawing), String> {
        let printer = Printer::parse(&self.to).map_err(|fault| format!("label_printer: to = {fault}"))?;
        let dots_per_mm = match self.dpi {
            152 => 6,
            203 => 8,
            300 => 12,
            600 => 24,
            dpi => return Err(format!("label_printer: dpi = {dpi} is none of 152, 203, 300 and 600")),
        };
        let font = match &self.font {
            Some(path) => {
                Some(LabelFont::read(path).map_err(|fault| format!("label_printer: font = {fault}"))?)
            }
            None => LabelFont::find(),
        };
        let form = PrinterForm { language: self.language, dots_per_mm };
        Ok((printer, Drawing { form, font, zone }))
    }
}

/// A fixture as data, and which ports of this PC its buses are.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BenchConfig {
    /// Its file.
    pub fixture: PathBuf,
    /// Folder of its instruments' dialects.
    pub instruments: PathBuf,
    /// Bus -> port: as a slot's device, or `bluetooth:hci0` for this PC's own adapter (Linux), `bluetooth:` where there is but one.
    pub ports: BTreeMap<String, String>,
}

/// One slot.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlotConfig {
    /// From 1.
    pub number: u16,
    /// Path or name of the serial port, or `tcp:HOST:PORT` for a port of a serial server, `rfc2217:HOST:PORT` where its
    /// rate can be set from here.
    pub device: String,
    /// The adapter hears itself: the echo of all that is sent is taken off.
    #[serde(default)]
    pub echo: bool,
}

/// Why the file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigFault {
    #[error("the station's settings {path} can't be read; check the path and its permissions")]
    NotRead { path: String, source: std::io::Error },
    #[error(
        "the station's settings {path} are not valid: {detail}; correct the file or enrol the station again"
    )]
    Invalid { path: String, detail: String },
}

impl ConfigFault {
    /// What is wrong, for a sentence that names the file already.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::NotRead { source, .. } => source.to_string(),
            Self::Invalid { detail, .. } => detail.clone(),
        }
    }
}

impl StationConfig {
    /// Reads and checks the file.
    ///
    /// # Errors
    /// The file can't be read, is no TOML, has an unknown key, no slot, a slot twice or one port in two slots.
    pub fn load(path: &Path) -> Result<Self, ConfigFault> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigFault::NotRead { path: path.display().to_string(), source })?;
        Self::parse(&text).map_err(|detail| ConfigFault::Invalid { path: path.display().to_string(), detail })
    }

    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let config: Self = toml::from_str(text).map_err(|error| located(text, &error))?;
        if config.slots.is_empty() {
            let fixture = match config.fixture {
                Some(_) => "",
                None => {
                    ", and no fixture (`fixture = \"HOST:PORT\"`; without one whoever answers on a slot's line lies in it)"
                }
            };
            return Err(format!("it names no [[slot]], of which a station has 1 to 32{fixture}"));
        }
        if config.slots.len() > 32 {
            return Err(format!("it names {} slots; a station has 1 to 32", config.slots.len()));
        }
        if let Some(drawer) = config.drawer.filter(|drawer| !(1..=MOST_SHARES).contains(drawer)) {
            return Err(format!("drawer = {drawer} is not between 1 and {MOST_SHARES} boards"));
        }
        config.operator_page()?;
        if let (Some(printer), Some(utc)) = (&config.label_printer, FixedOffset::east_opt(0)) {
            printer.set_up(utc)?;
        }
        if config.fixture.is_some() && config.bench.is_some() {
            return Err(
                "it names a fixture by its address and one by its files ([bench]): a jig has one".to_owned()
            );
        }
        if config.presence == Some(Presence::Switch) && !config.has_fixture() {
            return Err("presence = \"switch\", and it names no fixture that has any".to_owned());
        }
        let mut numbers = BTreeSet::new();
        let mut devices = BTreeSet::new();
        for slot in &config.slots {
            if slot.number == 0 {
                return Err("slot numbers count from 1".to_owned());
            }
            if !numbers.insert(slot.number) {
                return Err(format!("slot {} stands twice", slot.number));
            }
            if !devices.insert(&slot.device) {
                return Err(format!("port {} is bound to two slots", slot.device));
            }
        }
        Ok(config)
    }
}

impl StationConfig {
    /// Whether there is a fixture, of either kind.
    #[must_use]
    pub fn has_fixture(&self) -> bool {
        self.fixture.is_some() || self.bench.is_some()
    }

    /// How boards are noticed.
    #[must_use]
    pub fn presence(&self) -> Presence {
        let usual = if self.has_fixture() { Presence::Switch } else { Presence::Bus };
        self.presence.unwrap_or(usual)
    }

    /// Where the operator's page is served, and to whom; none: nowhere.
    ///
    /// # Errors
    /// The address is none, or lets in whom no token keeps out.
    pub fn operator_page(&self) -> Result<Option<(SocketAddr, Access)>, String> {
        if self.operator_page == "off" {
            return Ok(None);
        }
        let said = &self.operator_page;
        let listen: SocketAddr = said.parse().map_err(|_| {
            format!("operator_page = \"{said}\" is neither an address, like 127.0.0.1:8470, nor off")
        })?;
        let access = Access::of(listen, self.operator_token.as_deref()).map_err(|fault| fault.to_string())?;
        Ok(Some((listen, access)))
    }
}

fn yes() -> bool {
    true
}

fn default_page() -> String {
    "127.0.0.1:8470".to_owned()
}

/// A TOML error in one line, with its place.
fn located(text: &str, error: &toml::de::Error) -> String {
    let message = error.message().replace('\n', ", ");
    let before = error.span().and_then(|span| text.get(..span.start));
    before.map_or_else(
        || message.clone(),
        |before| format!("line {}: {message}", before.matches('\n').count() + 1),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(slots: &str) -> String {
        format!(
            "name = \"jig-1\"\ndata = \"d\"\nserver = \"http://127.0.0.1:1\"\nstation_id = \"00000000-0000-0000-0000-000000000001\"\n\
             key = \"k\"\nrelease_key = \"00\"\nsealing_key = \"00\"\nplaceholder_key = \"00\"\nsimulated = true\nfixture = \"127.0.0.1:2\"\n{slots}"
        )
    }

    #[test]
    fn the_example_beside_the_units_is_a_whole_file() {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/station.example.toml");
        let config = StationConfig::load(&example).unwrap_or_else(|fault| panic!("{fault}"));
        assert_eq!(config.slots.len(), 2);
        assert!(!config.simulated && config.baud.is_none());
        assert_eq!(config.wire_log, WireLogKeep::default());
    }

    #[test]
    fn boards_are_noticed_as_the_file_says_and_by_switches_only_where_there_are_some() {
        let slot = "[[slot]]\nnumber = 1\ndevice = \"a\"\n";
        let parsed = |text: &str| StationConfig::parse(text).map(|config| config.presence());
        let with = |line: &str| text(&format!("{line}{slot}"));
        let without = |line: &str| with(line).replace("fixture = ", "# fixture = ");
        assert_eq!(parsed(&with("")), Ok(Presence::Switch));
        assert_eq!(parsed(&without("")), Ok(Presence::Bus));
        assert_eq!(parsed(&with("presence = \"scan\"\n")), Ok(Presence::Scan));
        assert_eq!(parsed(&without("presence = \"scan\"\n")), Ok(Presence::Scan));
        assert_eq!(parsed(&with("presence = \"bus\"\n")), Ok(Presence::Bus));
        let fault = parsed(&without("presence = \"switch\"\n")).unwrap_err();
        assert!(fault.contains("no fixture"), "{fault}");
        assert!(parsed(&with("presence = \"eyes\"\n")).unwrap_err().contains("unknown variant"));
    }

    #[test]
    fn the_page_is_this_machines_alone_where_nothing_is_said() {
        let parsed = |lines: &str| {
            let config =
                StationConfig::parse(&text(&format!("{lines}[[slot]]\nnumber = 1\ndevice = \"a\"\n")))?;
            config.operator_page().map(|page| page.map(|(listen, _)| listen.to_string()))
        };
        assert_eq!(parsed(""), Ok(Some("127.0.0.1:8470".to_owned())));
        assert_eq!(parsed("operator_page = \"off\"\n"), Ok(None));
        let everywhere = "operator_page = \"0.0.0.0:8470\"\n";
        assert!(parsed(everywhere).unwrap_err().contains("operator_token is missing"));
        let token = "operator_token = \"0123456789abcdef\"\n";
        assert_eq!(parsed(&format!("{everywhere}{token}")), Ok(Some("0.0.0.0:8470".to_owned())));
        assert!(parsed("operator_page = \"here\"\n").unwrap_err().contains("neither an address"));
    }

    #[test]
    fn a_printer_that_is_none_is_told_when_the_file_is_read() {
        let parsed = |lines: &str| {
            let slot = "[[slot]]\nnumber = 1\ndevice = \"a\"\n";
            StationConfig::parse(&text(&format!("[label_printer]\n{lines}{slot}")))
                .map(|config| config.label_printer)
        };
        let sound = "to = \"tcp:127.0.0.1:9100\"\nlanguage = \"zpl\"\ndpi = 203\n";
        assert_eq!(parsed(sound).unwrap().unwrap().language, PrinterLanguage::Zpl);
        for (faulty, why) in [
            (sound.replace("tcp:", "udp:"), "none of tcp:HOST:PORT"),
            (sound.replace("203", "200"), "dpi = 200 is none of"),
            (format!("{sound}font = \"/nowhere/font.ttc\"\n"), "font = /nowhere/font.ttc"),
            (sound.replace("zpl", "epl"), "unknown variant"),
        ] {
            let fault = parsed(&faulty).unwrap_err();
            assert!(fault.contains(why), "{fault}");
        }
    }

    #[test]
    fn one_port_in_two_slots_is_named() {
        let good = text("[[slot]]\nnumber = 1\ndevice = \"a\"\n[[slot]]\nnumber = 2\ndevice = \"b\"\n");
        assert_eq!(StationConfig::parse(&good).unwrap().slots.len(), 2);
        let bad = text("[[slot]]\nnumber = 1\ndevice = \"a\"\n[[slot]]\nnumber = 2\ndevice = \"a\"\n");
        assert_eq!(StationConfig::parse(&bad).err().unwrap(), "port a is bound to two slots");
        assert!(StationConfig::parse(&text("")).err().unwrap().contains("no [[slot]]"));
        let without = good.replace("fixture = ", "# fixture = ");
        assert_eq!(StationConfig::parse(&without).unwrap().fixture, None);
        let fault = StationConfig::parse(&format!("{good}what = 1")).err().unwrap();
        assert!(fault.starts_with("line 17: unknown field `what`") && !fault.contains('\n'), "{fault}");
    }
}
