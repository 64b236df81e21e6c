//! What a board holds when it comes from SMT: its identity, the sheet's values for Li-ion cells, the factory's password,
//! the name "BMS", a default date.

use std::{collections::BTreeMap, sync::Arc};

use domain::model::{DeviceModel, Register, RegisterKind, ValidFrom};

use crate::{
    codec::{encode_number, encode_text, is_acceptable},
    delays::Delays,
    disturbance::Disturbances,
    faults::Fault,
    knobs::Knobs,
    memory::Stored,
    observe::Remembered,
    places::Place,
};

/// Everything that makes one board another than the next.
#[derive(Debug, Clone)]
pub struct Birth {
    /// Drives cells, shunt, think times.
    pub seed: u64,
    pub machine_code: u32,
    /// Twelve hex digits.
    pub bluetooth_address: String,
    pub fault: Option<Fault>,
    pub knobs: Knobs,
    /// Its times to the microsecond; none: as boards are, each a little different.
    pub delays: Option<Delays>,
    /// What disturbs it and its line.
    pub disturbances: Disturbances,
    /// What it held when an earlier jig let go of it; none: it is fresh.
    pub remembered: Option<Arc<Remembered>>,
    /// The image in its flash when it comes to the line.
    pub image: Arc<[u8]>,
}

impl Birth {
    /// Board number `index` of the factory that `seed` stands for. No two indexes share an identity.
    #[must_use]
    pub fn new(index: u32, seed: u64, fault: Option<Fault>, image: Arc<[u8]>) -> Self {
        let mixed = mix(seed ^ (u64::from(index) << 32) ^ 0x006a_6967);
        // The low half counts, the high half scatters: unique for 65,536 boards, and never a small number.
        let high = 0x1000 + (mixed % 0x5000) as u32;
        Self {
            seed: mixed,
            machine_code: high << 16 | ((index & 0xFFFF) ^ (mix(seed) as u32 & 0xFFFF)),
            bluetooth_address: format!(
                "868835{:06}",
                (u64::from(index) + mix(seed ^ 1) % 500_000 + 1) % 1_000_000
            ),
            fault,
            knobs: Knobs::default(),
            delays: None,
            disturbances: Disturbances::default(),
            remembered: None,
            image,
        }
    }

    /// With its knobs turned.
    #[must_use]
    pub fn with_knobs(mut self, knobs: Knobs) -> Self {
        self.knobs = knobs;
        self
    }

    /// With these times and no scatter, for a bench.
    #[must_use]
    pub fn with_delays(mut self, delays: Delays) -> Self {
        self.delays = Some(delays);
        self
    }

    /// With what disturbs it.
    #[must_use]
    pub fn with_disturbances(mut self, disturbances: Disturbances) -> Self {
        self.disturbances = disturbances;
        self
    }

    /// As an earlier jig left it.
    #[must_use]
    pub fn with_memory_of(mut self, remembered: Option<Arc<Remembered>>) -> Self {
        self.remembered = remembered;
        self
    }

    /// Takes the identity of another board.
    #[must_use]
    pub fn with_identity_of(mut self, other: &Self) -> Self {
        self.machine_code = other.machine_code;
        self.bluetooth_address = other.bluetooth_address.clone();
        self
    }
}

/// The registers and secrets of a board fresh from SMT.
#[must_use]
pub fn stored_at_birth(model: &DeviceModel, birth: &Birth) -> Stored {
    let mut words = BTreeMap::new();
    let place = Place::of(model);
    let mut put = |register: &Register, raw: Vec<u16>| {
        let around = words.get(&register.address).copied().unwrap_or_default();
        words.extend(place.all(register).zip(place.laid(register, raw, around)));
    };
    for register in &model.registers {
        if let Some(raw) = birth_value(register) {
            put(register, raw);
        }
    }
    // Before the identity: some models keep both in one field.
    if let Some(name) = &model.name
        && let Some(register) = model.register(&name.register)
        && let Some(raw) = encode_text(register, "BMS")
    {
        put(register, raw);
    }
    // What a field has room for: of 16 bits the low half, which counts.
    let number_text = |register: &Register| match register.bytes() {
        2 => (birth.machine_code & 0xFFFF).to_string(),
        _ => birth.machine_code.to_string(),
    };
    for field in &model.identity.fields {
        // What the line writes when it numbers a board is not there before.
        if field.valid_from == ValidFrom::Numbering {
            continue;
        }
        let text = match field.kind.as_str() {
            "machine_code" => model.register(&field.register).map_or_else(String::new, number_text),
            "bluetooth_address" => birth.bluetooth_address.clone(),
            // A number of the maker's own, as wide as any field for one; the pack's is written by who builds the pack.
            "pack_serial" => continue,
            // And so is what is no identity before the board is numbered, where the model knows it empty.
            _ if field.valid_from == ValidFrom::Numbering && field.defaults.iter().any(String::is_empty) => {
                continue;
            }
            _ => format!("SIM{:08X}", birth.machine_code),
        };
        if let Some(register) = model.register(&field.register)
            && let Some(raw) = encode_text(register, &text)
                .or_else(|| encode_text(register, &number_text(register)))
                .or_else(|| {
                    let is_hex = register.kind == RegisterKind::Hex;
                    is_hex.then(|| encode_number(register, f64::from(birth.machine_code)))
                })
        {
            put(register, raw);
        }
    }
    if let Some(register) = model.register(&model.identity.model_register) {
        put(register, hardware_model(model, register, birth.fault == Some(Fault::WrongModel)));
    }
    // A program that nobody sends: the version it came with.
    if model.firmware.image.is_none()
        && model.firmware.version_register != model.identity.model_register
        && let Some(register) = model.register(&model.firmware.version_register)
        && let Some(raw) = ["V1.8", "2.5", "0C04"].iter().find_map(|version| encode_text(register, version))
    {
        put(register, raw);
    }
    if let Some(lease) = &model.lease
        && let Some(register) = model.register(&lease.mode_register)
        && let Some(raw) = encode_text(register, "open")
    {
        put(register, raw);
    }
    if let Some(safe) = &model.safe_state {
        let paths = [&safe.charge, &safe.discharge];
        for path in paths {
            let Some(register) = model.register(&path.register) else { continue };
            if path.bit.is_none() {
                put(register, encode_number(register, f64::from(path.on)));
                continue;
            }
            // Both on: the bits that are set for it.
            let set = paths.iter().filter(|path| path.register == register.name && path.on == 1);
            let bits = set
                .flat_map(|path| register.bits.iter().filter(|named| Some(&named.name) == path.bit.as_ref()));
            put(register, vec![bits.fold(0, |word, named| word | 1 << named.bit)]);
        }
    }
    let password = model.password.as_ref().map(|password| password.factory.clone()).unwrap_or_default();
    Stored { words, password, gain: 1.0, calibrated: model.calibration.is_none() }
}

fn hardware_model(model: &DeviceModel, register: &Register, wrong: bool) -> Vec<u16> {
    let known = &model.identity.model_values;
    let own: Vec<Vec<u16>> = known.iter().filter_map(|value| encode_text(register, value)).collect();
    let right = own.first().cloned().unwrap_or_else(|| vec![0; usize::from(register.width())]);
    if !wrong {
        return right;
    }
    let other_option = register.options.iter().map(|option| vec![option.raw]).find(|raw| !own.contains(raw));
    other_option.unwrap_or_else(|| {
        // The last word counted up until it is none of the model's own.
        let mut other = right;
        while own.contains(&other) {
            if let Some(last) = other.iter_mut().rfind(|word| **word != 0 && **word != 0x2020) {
                *last = last.wrapping_add(0x0100);
            } else {
                other = vec![1; usize::from(register.width())];
            }
        }
        other
    })
}

fn birth_value(register: &Register) -> Option<Vec<u16>> {
    if register.name.contains("date") && register.kind == RegisterKind::DatePacked {
        return encode_text(register, "2012-12-31");
    }
    if !register.parameter {
        return None;
    }
    let sheet = SHEET.iter().find(|(parts, _)| parts.iter().all(|part| register.name.contains(part)));
    // A board that counts discharge negative has its limit so too.
    let sign = if register.max.is_some_and(|max| max <= 0.0) { -1.0 } else { 1.0 };
    let wanted = sheet
        .map(|(_, value)| encode_number(register, sign * value))
        .filter(|raw| is_acceptable(register, raw));
    let least = || {
        let option = register.options.first().map(|option| vec![option.raw]);
        option.unwrap_or_else(|| encode_number(register, register.min.unwrap_or(0.0)))
    };
    match register.kind {
        RegisterKind::AsciiNul | RegisterKind::AsciiSpace | RegisterKind::AsciiLength | RegisterKind::Hex => {
            None
        }
        RegisterKind::Bits => {
            let sensors = register.bits.iter().filter(|bit| SENSORS.contains(&bit.name.as_str()));
            Some(vec![sensors.fold(0, |word, bit| word | 1 << bit.bit)])
        }
        _ => Some(wanted.unwrap_or_else(least)),
    }
}

/// Temperature sensors that a board comes with, as bits of the setting that switches them on.
const SENSORS: [&str; 3] = ["sensor_1", "sensor_2", "sensor_3"];

/// The vendor's sheet, column Li-ion 3.7 V, and its screens; the first line whose parts all stand in the name counts.
/// Where none does, a parameter starts at the low end of its range.
const SHEET: [(&[&str], f64); 44] = [
    (&["discharge", "protection", "l1"], 2750.0),
    (&["discharge", "protection", "l2"], 2500.0),
    (&["discharge", "recovery"], 3100.0),
    (&["charge", "protection", "l1"], 4200.0),
    (&["charge", "protection", "l2"], 4300.0),
    (&["charge", "recovery"], 4100.0),
    (&["delay"], 5.0),
    (&["balance", "start"], 4100.0),
    (&["balance", "diff"], 20.0),
    (&["balance", "accuracy"], 20.0),
    (&["difference", "protection"], 800.0),
    (&["discharge", "over"], 200.0),
    (&["discharge", "peak"], 200.0),
    (&["discharge", "current"], 70.0),
    (&["charger", "current"], 12.0),
    (&["charge", "current"], 30.0),
    (&["power", "recovery"], 85.0),
    (&["power", "temperature"], 90.0),
    (&["balanc", "recovery"], 65.0),
    (&["balanc", "temperature"], 70.0),
    (&["high", "recovery"], 60.0),
    (&["high", "temperature"], 65.0),
    (&["low", "recovery"], -25.0),
    (&["low", "temperature"], -30.0),
    (&["heat", "off"], 10.0),
    (&["heat", "on"], 0.0),
    (&["current", "percent"], 50.0),
    (&["low", "capacity"], 0.0),
    (&["calibration", "capacity"], 0.0),
    (&["capacity"], 20.0),
    (&["cell", "count"], 10.0),
    (&["address"], 1.0),
    (&["baud"], 9600.0),
    (&["cycle"], 0.0),
    // By the names of other vendors; packs of ten cells.
    (&["pack", "over_voltage", "recovery"], 41_000.0),
    (&["pack", "over_voltage"], 42_000.0),
    (&["pack", "under_voltage", "recovery"], 31_000.0),
    (&["pack", "under_voltage"], 27_500.0),
    (&["over_voltage", "recovery"], 4100.0),
    (&["over_voltage", "high"], 4300.0),
    (&["over_voltage"], 4200.0),
    (&["under_voltage", "recovery"], 3100.0),
    (&["under_voltage", "high"], 2500.0),
    (&["under_voltage"], 2750.0),
];

/// splitmix64's finaliser: scatters neighbouring numbers.
fn mix(value: u64) -> u64 {
    let mut mixed = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ten_thousand_boards_have_ten_thousand_identities() {
        let image: Arc<[u8]> = Arc::new([]);
        for seed in [0, 1, 77] {
            let boards: Vec<Birth> =
                (0..10_000).map(|index| Birth::new(index, seed, None, image.clone())).collect();
            let codes: BTreeSet<u32> = boards.iter().map(|birth| birth.machine_code).collect();
            let addresses: BTreeSet<&String> = boards.iter().map(|birth| &birth.bluetooth_address).collect();
            assert_eq!((codes.len(), addresses.len()), (10_000, 10_000), "seed {seed}");
            assert!(addresses.iter().all(|address| address.len() == 12));
        }
    }
}
