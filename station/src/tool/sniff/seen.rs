//! Every register that was overheard: how often it was read and written, and between which values it lay. Pure.

use super::{
    listener::{Heard, Kind, Outcome, Way},
    names_of,
};
use crate::wire::replay::fields::Reader;
use domain::model::AddressStep;
use std::collections::BTreeMap;

/// One register of one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SeenRegister {
    pub reads: u64,
    pub writes: u64,
    /// Writes by function 06.
    pub single_writes: u64,
    pub min: u16,
    pub max: u16,
    pub last: u16,
    /// By function 04; the others by 03.
    pub by_input: bool,
    /// A single byte: the last of a field of an odd length.
    pub is_byte: bool,
}

/// Where a register is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// 1 in the JBD framing, which has none.
    pub device: u8,
    pub address: u16,
    /// Bytes into the field at `address`, where an address is a whole field.
    pub at: u16,
}

/// A run that was asked for, and how it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Asked {
    answered: u64,
    refused: u64,
    unanswered: u64,
}

/// Everything that was overheard.
#[derive(Debug, Default)]
pub(super) struct Seen {
    registers: BTreeMap<Place, SeenRegister>,
    /// By device, function, first register and count.
    asked: BTreeMap<(u8, u8, u16, Option<u16>), Asked>,
}

/// Device of a line whose framing knows none.
const ONLY: u8 = 1;
/// Access to parameters by number: what comes is no field of a register.
const JBD_BLOCK: u16 = 0xFA;

/// The places of what came from `address` on, and what is there.
fn placed(step: AddressStep, device: u8, address: u16, bytes: &[u8]) -> Vec<(Place, u16, bool)> {
    let place = |number: usize| {
        let number = number as u16;
        let (address, at) = match step {
            AddressStep::Register => (address.saturating_add(number), 0),
            AddressStep::Byte => (address.saturating_add(number.saturating_mul(2)), 0),
            AddressStep::Field => (address, number.saturating_mul(2)),
        };
        Place { device, address, at }
    };
    let word = |pair: &[u8]| pair.iter().fold(0_u16, |word, byte| word << 8 | u16::from(*byte));
    bytes.chunks(2).enumerate().map(|(number, pair)| (place(number), word(pair), pair.len() == 1)).collect()
}

impl Seen {
    pub(super) fn add(&mut self, heard: &Heard, step: AddressStep) {
        let Some(address) = heard.address.filter(|_| heard.kind != Kind::Other) else { return };
        let device = heard.device.unwrap_or(ONLY);
        let asked = self.asked.entry((device, heard.function, address, heard.quantity)).or_default();
        match heard.outcome {
            Outcome::Answered | Outcome::Broadcast => asked.answered += 1,
            Outcome::Refused => asked.refused += 1,
            Outcome::Unanswered => asked.unanswered += 1,
            Outcome::Stray | Outcome::Foreign => {}
        }
        // Only what a device acknowledged is known to be there.
        if heard.outcome != Outcome::Answered || step == AddressStep::Field && address == JBD_BLOCK {
            return;
        }
        let bytes = heard.bytes.as_deref().unwrap_or_default();
        for (place, word, is_byte) in placed(step, device, address, bytes) {
            let seen = self.registers.entry(place).or_insert(SeenRegister {
                reads: 0,
                writes: 0,
                single_writes: 0,
                min: word,
                max: word,
                last: word,
                by_input: false,
                is_byte,
            });
            seen.reads += u64::from(heard.kind == Kind::Read);
            seen.writes += u64::from(heard.kind == Kind::Write);
            seen.single_writes += u64::from(heard.way == Way::SingleRegister);
            seen.by_input |= heard.way == Way::InputRegisters;
            (seen.min, seen.max, seen.last) = (seen.min.min(word), seen.max.max(word), word);
        }
    }

    /// Registers of one device, in the order of their addresses.
    pub(super) fn of_device(&self, device: u8) -> impl Iterator<Item = (Place, SeenRegister)> {
        let all = self.registers.iter().filter(move |(place, _)| place.device == device);
        all.map(|(place, seen)| (*place, *seen))
    }

    /// Every device that showed a register.
    pub(super) fn devices(&self) -> Vec<u8> {
        let mut devices: Vec<u8> = self.registers.keys().map(|place| place.device).collect();
        devices.dedup();
        devices
    }

    /// The device of which most was seen.
    pub(super) fn loudest(&self) -> Option<u8> {
        let count =
            |device: &u8| self.of_device(*device).map(|(_, seen)| seen.reads + seen.writes).sum::<u64>();
        self.devices().into_iter().max_by_key(count)
    }

    /// A line a run that was asked for.
    pub(super) fn table(&self, reader: &Reader<'_>, step: AddressStep) -> Vec<String> {
        let mut lines =
            vec!["device  function  registers          answered  refused  silent  last values".to_owned()];
        for ((device, function, address, quantity), asked) in &self.asked {
            let length = quantity.map_or(1, |quantity| 2 * usize::from(quantity));
            let (names, secret) = names_of(reader, *address, length);
            let asked_for = placed(step, *device, *address, &vec![0; length.max(16)]);
            let places = asked_for.iter().map(|(place, ..)| place).take(quantity.map_or(8, usize::from));
            let last: Vec<String> = places
                .filter_map(|place| self.registers.get(place))
                .take(8)
                .map(|seen| match (secret, seen.is_byte) {
                    (true, _) => "****".to_owned(),
                    (false, true) => format!("{:02X}", seen.last),
                    (false, false) => format!("{:04X}", seen.last),
                })
                .collect();
            let span = match quantity {
                None => format!("0x{address:02X}"),
                Some(0 | 1) => format!("0x{address:04X}"),
                Some(quantity) => {
                    let end = asked_for.get(usize::from(*quantity) - 1).map_or(*address, |end| end.0.address);
                    format!("0x{address:04X} to 0x{end:04X}")
                }
            };
            let Asked { answered, refused, unanswered } = asked;
            let mut line = format!(
                "{device:>6}  {function:>7}h  {span:<17}  {answered:>8}  {refused:>7}  {unanswered:>6}  {}",
                last.join(" "),
                function = format!("{function:02X}")
            );
            if let Some(first) = names.first() {
                line += &format!("  {first}{}", if names.len() > 1 { ", …" } else { "" });
            }
            lines.push(line);
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::listener::{of_jbd, of_modbus},
        *,
    };
    use domain::model::Framing;
    use protocol::{
        jbd,
        modbus::{
            ExceptionCode, Request, Response,
            sniffer::{Outcome, Sniffed},
        },
    };
    use std::time::Duration;

    #[test]
    fn the_table_shows_what_was_asked_and_how_it_went_and_no_password() {
        let model = domain::model::parse_model(
            "topbms.toml",
            include_str!("../../../../profiles/models/topbms.toml"),
        )
        .unwrap();
        let mut seen = Seen::default();
        let mut add = |device, request: Request, outcome| {
            let sniffed = Sniffed::Exchange { at: Duration::ZERO, device, request, outcome };
            seen.add(&of_modbus(sniffed), AddressStep::Register);
        };
        let after = Duration::from_millis(12);
        let cells = Request::ReadHolding { address: 0x0100, quantity: 12 };
        let answered = |values| Outcome::Answered { response: Response::ReadHolding(values), after };
        add(1, cells.clone(), answered(vec![3300; 12]));
        add(1, cells, answered(vec![3301; 12]));
        let password = vec![0x3132, 0x3334, 0x3536];
        let response = Response::WriteMultiple { address: 0x0500, quantity: 3 };
        add(
            1,
            Request::WriteMultiple { address: 0x0500, values: password },
            Outcome::Answered { response, after },
        );
        let code = ExceptionCode::IllegalDataAddress;
        add(1, Request::ReadHolding { address: 0x0050, quantity: 1 }, Outcome::Refused { code, after });
        add(9, Request::WriteSingle { address: 0x0203, value: 6 }, Outcome::Unanswered);
        let reader = Reader::new(Some(&model), Framing::ModbusRtu);
        insta::assert_snapshot!(seen.table(&reader, AddressStep::Register).join("\n"));
        assert_eq!((seen.devices(), seen.loudest()), (vec![1], Some(1)));
    }

    #[test]
    fn a_read_of_a_board_that_counts_bytes_and_a_field_of_a_jbd_board_lie_where_the_board_has_them() {
        let mut seen = Seen::default();
        let request = Request::ReadHolding { address: 0x1200, quantity: 3 };
        let response = Response::ReadHolding(vec![3288, 3287, 3286]);
        let outcome = Outcome::Answered { response, after: Duration::ZERO };
        let sniffed = Sniffed::Exchange { at: Duration::ZERO, device: 1, request, outcome };
        seen.add(&of_modbus(sniffed), AddressStep::Byte);
        let told: Vec<_> =
            seen.of_device(1).map(|(place, seen)| (place.address, place.at, seen.last)).collect();
        assert_eq!(told, [(0x1200, 0, 3288), (0x1202, 0, 3287), (0x1204, 0, 3286)]);

        let mut seen = Seen::default();
        let reply =
            jbd::Reply { register: 4, status: jbd::Status::Done, data: vec![0x0D, 0x66, 0x0D, 0x61, 7] };
        let outcome = jbd::sniffer::Outcome::Answered { reply, after: Duration::ZERO };
        let request = jbd::Request::Read { register: 4 };
        let sniffed = jbd::sniffer::Sniffed::Exchange { at: Duration::ZERO, request, outcome };
        seen.add(&of_jbd(sniffed), AddressStep::Field);
        let told: Vec<_> =
            seen.of_device(1).map(|(place, seen)| (place.at, seen.last, seen.is_byte)).collect();
        assert_eq!(told, [(0, 3430, false), (2, 3425, false), (4, 7, true)]);
        let table = seen.table(&Reader::new(None, Framing::Jbd), AddressStep::Field).join("\n");
        assert!(table.contains("0x04") && table.contains("0D66 0D61 07"), "{table}");
    }
}
