//! Identifiers of a unit: any number of them, each unique in its own scope where its model says so.

wire! {
    /// What kind of identifier a text is.
    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    pub enum IdentifierKind {
        /// The number we gave it.
        Serial,
        /// The MCU's machine code, decimal.
        MachineCode,
        /// The Bluetooth address, 12 upper-case hex digits without separators.
        BluetoothAddress,
        /// The Bluetooth name on the air.
        BluetoothName,
        /// The label on the PCB.
        PcbLabel,
        /// The customer's own number.
        CustomerSerial,
        /// The pack it was built into.
        PackSerial,
    }
}

impl IdentifierKind {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::Serial,
        Self::MachineCode,
        Self::BluetoothAddress,
        Self::BluetoothName,
        Self::PcbLabel,
        Self::CustomerSerial,
        Self::PackSerial,
    ];

    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Serial => "serial",
            Self::MachineCode => "machine_code",
            Self::BluetoothAddress => "bluetooth_address",
            Self::BluetoothName => "bluetooth_name",
            Self::PcbLabel => "pcb_label",
            Self::CustomerSerial => "customer_serial",
            Self::PackSerial => "pack_serial",
        }
    }
}

impl std::str::FromStr for IdentifierKind {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| format!("no identifier kind is called {text:?}"))
    }
}

wire! {
    /// One identifier as it stood on the board or the label.
    #[derive(Eq, Hash, PartialOrd, Ord)]
    pub struct Identifier {
        pub kind: IdentifierKind,
        /// Normal form: see [`IdentifierKind`].
        pub value: String,
        /// Whether the model says that no two boards share it; a known default is never unique.
        pub unique: bool,
    }
}

/// The first of the identifiers `shown` by a board that the unit with the unique identifiers `own` can't have: it is unique,
/// and the unit has others of that kind only. One identifier in common is no identity where another contradicts it. A serial
/// number is given, not found, and contradicts nothing.
#[must_use]
pub fn contradiction<'a>(own: &[Identifier], shown: &'a [Identifier]) -> Option<&'a Identifier> {
    shown.iter().filter(|one| one.unique && one.kind != IdentifierKind::Serial).find(|one| {
        let mut same_kind = own.iter().filter(|own| own.kind == one.kind).peekable();
        same_kind.peek().is_some() && same_kind.all(|own| own.value != one.value)
    })
}

/// Normal form of what a person types or scans: trimmed, and a Bluetooth address without its separators.
#[must_use]
pub fn normalise_question(text: &str) -> String {
    let text = text.trim();
    let address = text.len() == 17
        && text
            .bytes()
            .enumerate()
            .all(|(i, b)| if i % 3 == 2 { matches!(b, b':' | b'-') } else { b.is_ascii_hexdigit() });
    if address {
        text.chars().filter(char::is_ascii_hexdigit).collect::<String>().to_ascii_uppercase()
    } else {
        text.to_owned()
    }
}

/// A Bluetooth address as labels print it, its octets parted by anything or nothing, in the form that is kept: twelve upper-case digits.
/// None: it is no address.
#[must_use]
pub fn normalise_address(text: &str) -> Option<String> {
    let is_separator = |c: char| matches!(c, ':' | '-' | '.' | ' ');
    let digits: String = text.chars().filter(|c| !is_separator(*c)).collect();
    let is_address = digits.len() == 12 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_address.then(|| digits.to_ascii_uppercase())
}

/// Some octets of a Bluetooth address with their separators, as a page shows and a person copies them, in the form that
/// is kept: upper-case digits only. None: it is no such part.
#[must_use]
pub fn address_part(text: &str) -> Option<String> {
    let text = text.trim();
    let is_separator = |c: char| matches!(c, ':' | '-');
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    let is_part = text.contains(is_separator)
        && !digits.is_empty()
        && text.chars().all(|c| c.is_ascii_hexdigit() || is_separator(c));
    is_part.then(|| digits.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_an_address_is_found_as_it_is_shown() {
        assert_eq!(address_part(" 35:40:00 ").as_deref(), Some("354000"));
        assert_eq!(address_part("6a-").as_deref(), Some("6A"));
        assert_eq!(address_part(":0:6").as_deref(), Some("06"));
        for other in ["354000", "TB-26-47", "::", "", "35 40"] {
            assert_eq!(address_part(other), None, "{other:?}");
        }
    }

    #[test]
    fn one_copied_identifier_makes_no_unit_where_another_contradicts_it() {
        let of = |kind, value: &str, unique| Identifier { kind, value: value.to_owned(), unique };
        let code = |value| of(IdentifierKind::MachineCode, value, true);
        let address = |value, unique| of(IdentifierKind::BluetoothAddress, value, unique);
        let own = [code("7"), address("A", true), address("B", true)];
        for same in
            [vec![code("7")], vec![code("7"), address("B", true)], vec![code("7"), address("C", false)]]
        {
            assert_eq!(contradiction(&own, &same), None, "{same:?}");
        }
        let copied = [code("7"), address("C", true)];
        assert_eq!(contradiction(&own, &copied), Some(&copied[1]));
        let numbered = [code("7"), of(IdentifierKind::Serial, "TB1", true)];
        assert_eq!(contradiction(&[code("7"), of(IdentifierKind::Serial, "TB2", true)], &numbered), None);
    }

    #[test]
    fn an_address_is_found_however_its_octets_are_parted() {
        assert_eq!(normalise_question(" 86:88:35:40:00:6a "), "86883540006A");
        assert_eq!(normalise_question("TB-26-47"), "TB-26-47");
    }
}
