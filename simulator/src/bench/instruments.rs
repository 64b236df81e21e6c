//! Loads, meters and the supply: what each says to a line, and what it does.

use core::time::Duration;
use std::collections::BTreeMap;

/// How an instrument misbehaves; all off unless turned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InstrumentKnobs {
    /// Every n-th reading is none: overload, another unit, an error's text, a figure far away, in turn. 0 never.
    pub nonsense_every: u32,
    /// It says nothing at all.
    pub silent: bool,
    /// It says that it is another one.
    pub other_identity: bool,
    /// It thinks so long about a question, milliseconds.
    pub slow_ms: u32,
    /// It stays on when it is switched off, and says so.
    pub sticks_on: bool,
    /// Its reading is so many thousandths too high.
    pub reads_high_permille: u32,
    /// A radio hears nobody.
    pub deaf: bool,
    /// A radio hears everybody as from far away.
    pub far: bool,
}

pub(super) struct Instruments(BTreeMap<&'static str, Instrument>);

struct Instrument {
    kind: Kind,
    serial: &'static str,
    /// What its reading is off, in millionths: its own, always the same.
    off_ppm: i64,
    set_ma: u32,
    set_mv: u32,
    is_on: bool,
    errors: Vec<&'static str>,
    knobs: InstrumentKnobs,
    readings: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Load,
    Meter,
    Supply,
    Radio,
}

/// How long it waits with what it says; none: it never says anything.
pub(super) type Said = Option<(Duration, Option<String>)>;

const UNDEFINED_HEADER: &str = "-113,\"Undefined header\"";
const OUT_OF_RANGE: &str = "-222,\"Data out of range\"";
/// What the load and the supply can do.
const MOST_MA: u32 = 250_000;
const MOST_MV: u32 = 150_000;

impl Instruments {
    pub fn new(seed: u64) -> Self {
        let all = [
            ("load-1", Kind::Load, "SL-1"),
            ("load-2", Kind::Load, "SL-2"),
            ("meter-1", Kind::Meter, "SM-1"),
            ("meter-2", Kind::Meter, "SM-2"),
            ("supply-1", Kind::Supply, "SP-1"),
            ("radio-1", Kind::Radio, "SR-1"),
        ];
        let instrument = |place: u64, kind: Kind, serial| Instrument {
            kind,
            serial,
            off_ppm: {
                let most = if kind == Kind::Meter { 100 } else { 1000 };
                (seed.wrapping_mul(7919).wrapping_add(place * 104_729) % (2 * most + 1)) as i64 - most as i64
            },
            set_ma: 0,
            set_mv: 0,
            is_on: false,
            errors: Vec::new(),
            knobs: InstrumentKnobs::default(),
            readings: 0,
        };
        let placed = (0_u64..).zip(all);
        Self(placed.map(|(place, (name, kind, serial))| (name, instrument(place, kind, serial))).collect())
    }

    pub fn names() -> [&'static str; 6] {
        ["load-1", "load-2", "meter-1", "meter-2", "supply-1", "radio-1"]
    }

    pub fn turn(&mut self, name: &str, knobs: InstrumentKnobs) {
        if let Some(one) = self.0.get_mut(name) {
            one.knobs = knobs;
        }
    }

    pub fn reads_current(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|one| matches!(one.kind, Kind::Load | Kind::Meter))
    }

    /// What a load draws where its relay is closed.
    pub fn drawn_ma(&self, name: &str) -> u32 {
        self.0.get(name).filter(|one| one.is_on).map_or(0, |one| one.set_ma)
    }

    /// Whether there is anything behind the slots' relays.
    pub fn supply_gives(&self) -> bool {
        self.0.get("supply-1").is_some_and(|one| one.is_on && one.set_mv > 0)
    }

    /// How long a radio is told to listen by a line; none: it is no such line, or it does not hear it.
    pub fn listens(&self, name: &str, line: &str) -> Option<Duration> {
        let radio = self.0.get(name).filter(|one| one.kind == Kind::Radio && !one.knobs.silent)?;
        let seconds: u64 = line.trim().strip_prefix("AT+SCAN=")?.parse().ok()?;
        Some(Duration::from_secs(seconds) + Duration::from_millis(radio.knobs.slow_ms.into()))
    }

    /// What a radio says of those that it heard.
    pub fn hears(&self, name: &str, near: &[(u32, String, String)]) -> String {
        let knobs = self.0.get(name).map(|one| one.knobs).unwrap_or_default();
        let far = if knobs.far { 45 } else { 0 };
        let mut lines: Vec<String> = near
            .iter()
            .filter(|_| !knobs.deaf)
            .map(|(slot, address, name)| {
                let octets: Vec<&str> = (0..6).filter_map(|at| address.get(2 * at..2 * at + 2)).collect();
                format!("+SCAN:{},-{},{name}", octets.join(":"), 48 + slot % 7 + far)
            })
            .collect();
        // Somebody's telephone.
        lines.push("+SCAN:5C:02:72:00:11:22,-71,".to_owned());
        lines.push("OK".to_owned());
        lines.join("\n")
    }

    /// What it says to a line. `flowing_ma`: through its path, now.
    pub fn say(&mut self, name: &str, line: &str, flowing_ma: u32) -> Said {
        let one = self.0.get_mut(name)?;
        if one.knobs.silent {
            return None;
        }
        let said = one.obey(&line.trim().to_ascii_uppercase(), flowing_ma);
        let wait = if said.is_some() { one.knobs.slow_ms } else { 0 };
        Some((Duration::from_millis(wait.into()), said))
    }
}

impl Instrument {
    fn obey(&mut self, line: &str, flowing_ma: u32) -> Option<String> {
        let (word, value) = line.split_once(' ').unwrap_or((line, ""));
        let is_switched = matches!(self.kind, Kind::Load | Kind::Supply);
        match (word, value) {
            ("*IDN?", "") => {
                let serial = if self.knobs.other_identity { "X-99" } else { self.serial };
                Some(format!("JIGLINE,SIM-{},{serial},1.0", self.name()))
            }
            ("*CLS", "") => {
                self.errors.clear();
                None
            }
            ("SYST:ERR?", "") => {
                let first = (!self.errors.is_empty()).then(|| self.errors.remove(0));
                Some(first.unwrap_or("0,\"No error\"").to_owned())
            }
            ("FUNC", "CURR") if self.kind == Kind::Load => None,
            ("CURR", value) if is_switched => {
                if let Some(ma) = self.figure(value, MOST_MA) {
                    self.set_ma = ma;
                }
                None
            }
            ("VOLT", value) if self.kind == Kind::Supply => {
                if let Some(mv) = self.figure(value, MOST_MV) {
                    self.set_mv = mv;
                }
                None
            }
            ("INP", "ON" | "OFF") if self.kind == Kind::Load => self.switch(value == "ON"),
            ("OUTP", "ON" | "OFF") if self.kind == Kind::Supply => self.switch(value == "ON"),
            ("INP?", "") if self.kind == Kind::Load => Some(u8::from(self.is_on).to_string()),
            ("OUTP?", "") if self.kind == Kind::Supply => Some(u8::from(self.is_on).to_string()),
            ("MEAS:CURR?", "") if is_switched => Some(self.reading(flowing_ma)),
            ("MEAS:CURR:DC?", "") if self.kind == Kind::Meter => Some(self.reading(flowing_ma)),
            ("MEAS:VOLT?", "") if self.kind == Kind::Supply => {
                let mv = if self.is_on { self.set_mv } else { 0 };
                Some(self.reading(mv))
            }
            _ => {
                self.errors.push(UNDEFINED_HEADER);
                None
            }
        }
    }

    fn name(&self) -> &'static str {
        match self.kind {
            Kind::Load => "LOAD",
            Kind::Meter => "METER",
            Kind::Supply => "SUPPLY",
            Kind::Radio => "RADIO",
        }
    }

    fn switch(&mut self, on: bool) -> Option<String> {
        self.is_on = on || self.is_on && self.knobs.sticks_on;
        None
    }

    fn figure(&mut self, value: &str, most: u32) -> Option<u32> {
        match value.parse::<f64>() {
            Ok(figure) if (0.0..=f64::from(most) / 1000.0).contains(&figure) => {
                Some((figure * 1000.0).round() as u32)
            }
            _ => {
                self.errors.push(OUT_OF_RANGE);
                None
            }
        }
    }

    fn reading(&mut self, thousandths: u32) -> String {
        self.readings += 1;
        if self.knobs.nonsense_every > 0 && self.readings.is_multiple_of(self.knobs.nonsense_every) {
            let nonsense = ["9.91E37", "20.003 V", "-113,\"Undefined header\"", "4.2E+03", "", "JIGLINE"];
            return nonsense[(self.readings / self.knobs.nonsense_every) as usize % nonsense.len()]
                .to_owned();
        }
        let off = self.off_ppm + i64::from(self.knobs.reads_high_permille) * 1000;
        let value = f64::from(thousandths) / 1000.0 * (1.0 + off as f64 / 1e6);
        format!("{value:.4}")
    }
}
