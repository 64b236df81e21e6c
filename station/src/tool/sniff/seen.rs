//! Every register that was overheard: how often it was read and written, and between which values it lay. Pure.

use super::{super::report::hex_word, names_of};
use domain::model::DeviceModel;
use protocol::modbus::{
    Request, Response, WRITE_SINGLE,
    sniffer::{Outcome, Sniffed},
};
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
    registers: BTreeMap<(u8, u16), SeenRegister>,
    /// By device, function, first register and count.
    asked: BTreeMap<(u8, u8, u16, u16), Asked>,
}

/// What an exchange tells of its registers: the answer of a read, what an acknowledged write held.
pub(super) fn words_of(request: &Request, outcome: &Outcome) -> Option<Vec<u16>> {
    match (request, outcome) {
        (
            _,
            Outcome::Answered {
                response: Response::ReadHolding(values) | Response::ReadInput(values), ..
            },
        ) => Some(values.clone()),
        (Request::WriteSingle { value, .. }, Outcome::Answered { .. } | Outcome::Broadcast) => {
            Some(vec![*value])
        }
        (Request::WriteMultiple { values, .. }, Outcome::Answered { .. } | Outcome::Broadcast) => {
            Some(values.clone())
        }
        _ => None,
    }
}

impl Seen {
    pub(super) fn add(&mut self, event: &Sniffed) {
        let Sniffed::Exchange { device, request, outcome, .. } = event else { return };
        let (address, quantity) = request.span();
        let asked = self.asked.entry((*device, request.function(), address, quantity)).or_default();
        match outcome {
            Outcome::Answered { .. } | Outcome::Broadcast => asked.answered += 1,
            Outcome::Refused { .. } => asked.refused += 1,
            Outcome::Unanswered => asked.unanswered += 1,
        }
        // Only what a device acknowledged is known to be there.
        if *outcome == Outcome::Broadcast {
            return;
        }
        for (at, word) in (address..=u16::MAX).zip(words_of(request, outcome).unwrap_or_default()) {
            let seen = self.registers.entry((*device, at)).or_insert(SeenRegister {
                reads: 0,
                writes: 0,
                single_writes: 0,
                min: word,
                max: word,
                last: word,
                by_input: false,
            });
            seen.reads += u64::from(!request.is_write());
            seen.writes += u64::from(request.is_write());
            seen.single_writes += u64::from(request.function() == WRITE_SINGLE);
            seen.by_input |= matches!(request, Request::ReadInput { .. });
            (seen.min, seen.max, seen.last) = (seen.min.min(word), seen.max.max(word), word);
        }
    }

    /// Registers of one device, in the order of their addresses.
    pub(super) fn of_device(&self, device: u8) -> impl Iterator<Item = (u16, SeenRegister)> {
        self.registers.range((device, 0)..=(device, u16::MAX)).map(|((_, at), seen)| (*at, *seen))
    }

    /// Every device that showed a register.
    pub(super) fn devices(&self) -> Vec<u8> {
        let mut devices: Vec<u8> = self.registers.keys().map(|(device, _)| *device).collect();
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
    pub(super) fn table(&self, model: Option<&DeviceModel>) -> Vec<String> {
        let mut lines =
            vec!["device  function  registers          answered  refused  silent  last values".to_owned()];
        for ((device, function, address, quantity), asked) in &self.asked {
            let end = address.saturating_add(quantity.saturating_sub(1));
            let (names, secret) = names_of(model, *address, *quantity);
            let last: Vec<String> = (*address..=end)
                .filter_map(|at| self.registers.get(&(*device, at)))
                .take(8)
                .map(|seen| if secret { "****".to_owned() } else { format!("{:04X}", seen.last) })
                .collect();
            let span = if *quantity == 1 {
                hex_word(*address)
            } else {
                format!("{} to {}", hex_word(*address), hex_word(end))
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
    use super::*;
    use protocol::modbus::ExceptionCode;
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
            seen.add(&Sniffed::Exchange { at: Duration::ZERO, device, request, outcome });
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
        insta::assert_snapshot!(seen.table(Some(&model)).join("\n"));
        assert_eq!((seen.devices(), seen.loudest()), (vec![1], Some(1)));
    }
}
