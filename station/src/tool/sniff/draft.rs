//! What was seen of one device as blocks and registers of a device model, marked as captured. A start for whoever writes the model:
//! each register stands alone as an unsigned word, and nobody knows yet what it means. Pure.

use super::seen::{Seen, SeenRegister};
use domain::model::{Access, Bilingual, Block, DeviceModel, Provenance, Register, RegisterKind};
use serde::Serialize;
use std::fmt::Write as _;

/// The parts of a model that a bus shows.
#[derive(Debug, Serialize)]
pub(super) struct Draft {
    #[serde(rename = "block")]
    pub blocks: Vec<Block>,
    #[serde(rename = "register")]
    pub registers: Vec<Register>,
}

/// Blocks of neighbours that were used alike. Names of a model's password registers are left out, values and all.
pub(super) fn draft(seen: &Seen, device: u8, source: &str, model: Option<&DeviceModel>) -> Draft {
    let mut draft = Draft { blocks: Vec::new(), registers: Vec::new() };
    let mut last: Option<(u16, Use)> = None;
    for (address, register) in seen.of_device(device) {
        if super::names_of(model, address, 1).1 {
            last = None;
            continue;
        }
        let used = Use::of(&register);
        let neighbour = last.is_some_and(|(before, use_before)| before + 1 == address && use_before == used);
        match draft.blocks.last_mut().filter(|_| neighbour) {
            Some(block) => block.count += 1,
            None => draft.blocks.push(used.block(address, device, source)),
        }
        draft.registers.push(as_register(address, &register));
        last = Some((address, used));
    }
    draft
}

/// How a register was used; neighbours that were used alike are one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Use {
    access: Access,
    single_write_only: bool,
    by_input: bool,
}

impl Use {
    fn of(seen: &SeenRegister) -> Self {
        let access = match (seen.reads > 0, seen.writes > 0) {
            (true, true) => Access::ReadWrite,
            (false, true) => Access::WriteOnly,
            _ => Access::ReadOnly,
        };
        // What was never seen to be taken in numbers is not to be tried.
        let single_write_only = seen.writes > 0 && seen.single_writes == seen.writes;
        Self { access, single_write_only, by_input: seen.by_input }
    }

    fn block(self, start: u16, device: u8, source: &str) -> Block {
        let function = if self.by_input { ", read by function 04" } else { "" };
        Block {
            name: format!("captured_{start:04x}"),
            start,
            count: 1,
            access: self.access,
            // A bus does not show what a password guards.
            locked: false,
            locked_reads: false,
            single_write_only: self.single_write_only,
            provenance: Provenance::Captured,
            source: format!("{source}, device {device}{function}"),
        }
    }
}

fn as_register(address: u16, seen: &SeenRegister) -> Register {
    let range =
        if seen.min == seen.max { seen.min.to_string() } else { format!("{} to {}", seen.min, seen.max) };
    // What was seen is no limit: it stands in the title.
    Register {
        title: Bilingual {
            en: format!("0x{address:04X}: {range} in {} reads, {} writes", seen.reads, seen.writes),
            zh: format!("0x{address:04X}：读 {} 次，写 {} 次，值 {range}", seen.reads, seen.writes),
        },
        ..Register::new(&format!("register_{address:04x}"), address, RegisterKind::U16)
    }
}

impl Draft {
    /// As a file for a person to go on with.
    pub(super) fn text(&self, source: &str, device: u8, seen: &Seen) -> String {
        let mut text = format!(
            "# A draft, not a model: what device {device} showed while another master worked ({source}).\n\
             # Seen are addresses, ways of access and values, not meanings: types, scales, units and names are to be found out, and\n\
             # single words of longer values to be joined. What was not asked for does not stand here. If a password was sent\n\
             # meanwhile and no --model told which register takes it, it stands in a title below: take it out before this file travels.\n"
        );
        let others: Vec<String> = seen
            .devices()
            .into_iter()
            .filter(|other| *other != device)
            .map(|other| other.to_string())
            .collect();
        if !others.is_empty() {
            // Writing to a String does not fail.
            let _ = writeln!(text, "# Heard besides, and not drafted here: device {}.", others.join(", "));
        }
        text.push('\n');
        text + &toml::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::modbus::{
        Request, Response,
        sniffer::{Outcome, Sniffed},
    };
    use serde::Deserialize;
    use std::time::Duration;

    #[derive(Deserialize)]
    struct Parsed {
        block: Vec<Block>,
        register: Vec<Register>,
    }

    fn exchange(request: Request, response: Response) -> Sniffed {
        let outcome = Outcome::Answered { response, after: Duration::from_millis(9) };
        Sniffed::Exchange { at: Duration::ZERO, device: 1, request, outcome }
    }

    fn seen() -> Seen {
        let mut seen = Seen::default();
        let read = |address, quantity| Request::ReadHolding { address, quantity };
        seen.add(&exchange(read(0x0100, 3), Response::ReadHolding(vec![3300, 3310, 3290])));
        seen.add(&exchange(read(0x0100, 3), Response::ReadHolding(vec![3302, 3310, 3280])));
        seen.add(&exchange(read(0x0200, 2), Response::ReadHolding(vec![4200, 4300])));
        seen.add(&exchange(
            Request::WriteSingle { address: 0x0201, value: 4250 },
            Response::WriteSingle { address: 0x0201, value: 4250 },
        ));
        seen.add(&exchange(
            Request::WriteMultiple { address: 0x0500, values: vec![0x3132, 0x3334, 0x3536] },
            Response::WriteMultiple { address: 0x0500, quantity: 3 },
        ));
        seen
    }

    #[test]
    fn a_draft_is_parsed_as_blocks_and_registers_of_a_model() {
        let seen = seen();
        let draft = draft(&seen, 1, "captured on 2027-01-02 from /dev/ttyUSB0", None);
        let text = draft.text("captured on 2027-01-02 from /dev/ttyUSB0", 1, &seen);
        let parsed: Parsed = toml::from_str(&text).unwrap();
        assert_eq!((&parsed.block, &parsed.register), (&draft.blocks, &draft.registers));
        let told: Vec<_> =
            parsed.block.iter().map(|b| (b.start, b.count, b.access, b.single_write_only)).collect();
        assert_eq!(
            told,
            [
                (0x0100, 3, Access::ReadOnly, false),
                (0x0200, 1, Access::ReadOnly, false),
                (0x0201, 1, Access::ReadWrite, true),
                (0x0500, 3, Access::WriteOnly, false),
            ]
        );
        assert!(parsed.block.iter().all(|block| block.provenance == Provenance::Captured));
        assert_eq!(parsed.register[2].title.en, "0x0102: 3280 to 3290 in 2 reads, 0 writes");
    }

    #[test]
    fn a_model_with_a_drafts_blocks_in_place_of_its_own_has_no_fault_in_them() {
        // The check of a whole model is what a person's next step will be: so the draft's parts must pass it.
        let shipped = include_str!("../../../../profiles/models/topbms.toml");
        let seen = seen();
        let draft = draft(&seen, 1, "captured on 2027-01-02 from /dev/ttyUSB0", None);
        let shifted = Draft {
            blocks: draft.blocks.iter().cloned().map(|b| Block { start: b.start + 0x4000, ..b }).collect(),
            registers: draft
                .registers
                .iter()
                .cloned()
                .map(|r| Register { address: r.address + 0x4000, ..r })
                .collect(),
        };
        let text = format!("{shipped}\n{}", toml::to_string(&shifted).unwrap());
        domain::model::parse_model("draft.toml", &text).unwrap();
    }

    #[test]
    fn a_password_that_the_model_names_is_in_no_draft() {
        let model = domain::model::parse_model(
            "topbms.toml",
            include_str!("../../../../profiles/models/topbms.toml"),
        )
        .unwrap();
        let draft = draft(&seen(), 1, "captured", Some(&model));
        assert!(draft.registers.iter().all(|register| register.address < 0x0500));
    }
}
