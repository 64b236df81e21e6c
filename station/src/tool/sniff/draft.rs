//! What was seen of one device as blocks and registers of a device model, marked as captured. A start for whoever writes the model:
//! each register stands alone as an unsigned word, and nobody knows yet what it means. Pure.

use super::seen::{Place, Seen, SeenRegister};
use crate::wire::replay::fields::Reader;
use domain::model::{Access, AddressStep, Bilingual, Block, Provenance, Register, RegisterKind};
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
pub(super) fn draft(seen: &Seen, device: u8, source: &str, reader: &Reader<'_>, step: AddressStep) -> Draft {
    let mut draft = Draft { blocks: Vec::new(), registers: Vec::new() };
    let mut last: Option<(u16, Use)> = None;
    // Addresses that a register takes.
    let taken = if step == AddressStep::Byte { 2 } else { 1 };
    for (place, register) in seen.of_device(device) {
        let bytes = if step == AddressStep::Field { usize::from(place.at) + 2 } else { 2 };
        if super::names_of(reader, place.address, bytes).1 {
            last = None;
            continue;
        }
        let used = Use::of(&register);
        let follows = |before: u16| match step {
            AddressStep::Field => before == place.address,
            AddressStep::Register | AddressStep::Byte => before.checked_add(taken) == Some(place.address),
        };
        let is_neighbour = last.is_some_and(|(before, use_before)| {
            // A field is one block, however its words were used.
            follows(before) && (use_before == used || step == AddressStep::Field)
        });
        match draft.blocks.last_mut().filter(|_| is_neighbour) {
            Some(_) if step == AddressStep::Field => {}
            Some(block) => block.count += taken,
            None => draft.blocks.push(Block { count: taken, ..used.block(place.address, device, source) }),
        }
        draft.registers.push(as_register(place, &register));
        last = Some((place.address, used));
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
            read_function: None,
            write_function: None,
            argument: None,
            frames: None,
            provenance: Provenance::Captured,
            source: format!("{source}, device {device}{function}"),
        }
    }
}

fn as_register(place: Place, seen: &SeenRegister) -> Register {
    let Place { address, at, .. } = place;
    let range =
        if seen.min == seen.max { seen.min.to_string() } else { format!("{} to {}", seen.min, seen.max) };
    let (name, shown) = match at {
        0 => (format!("register_{address:04x}"), format!("0x{address:04X}")),
        at => (format!("register_{address:04x}_{at}"), format!("0x{address:04X} byte {at}")),
    };
    let kind = if seen.is_byte { RegisterKind::U8Low } else { RegisterKind::U16 };
    // What was seen is no limit: it stands in the title.
    Register {
        at,
        title: Bilingual {
            en: format!("{shown}: {range} in {} reads, {} writes", seen.reads, seen.writes),
            zh: format!("{shown}：读 {} 次，写 {} 次，值 {range}", seen.reads, seen.writes),
        },
        ..Register::new(&name, address, kind)
    }
}

impl Draft {
    /// As a file for a person to go on with.
    pub(super) fn text(&self, source: &str, device: u8, seen: &Seen, step: AddressStep) -> String {
        let mut text = format!(
            "# A draft, not a model: what device {device} showed while another master worked ({source}).\n\
             # Seen are addresses, ways of access and values, not meanings: types, scales, units and names are to be found out, and\n\
             # single words of longer values to be joined. What was not asked for does not stand here. If a password was sent\n\
             # meanwhile and no --model told which register takes it, it stands in a title below: take it out before this file travels.\n"
        );
        let link = match step {
            AddressStep::Register => "",
            AddressStep::Byte => "# [link] of this model: address_step = \"byte\".\n",
            AddressStep::Field => "# [link] of this model: framing = \"jbd\", address_step = \"field\".\n",
        };
        text += link;
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
    use super::{
        super::listener::{Heard, of_jbd, of_modbus},
        *,
    };
    use domain::model::{DeviceModel, Framing};
    use protocol::jbd;
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

    fn exchange(request: Request, response: Response) -> Heard {
        let outcome = Outcome::Answered { response, after: Duration::from_millis(9) };
        of_modbus(Sniffed::Exchange { at: Duration::ZERO, device: 1, request, outcome })
    }

    fn unknown() -> Reader<'static> {
        Reader::new(None, Framing::ModbusRtu)
    }

    fn seen() -> Seen {
        let mut seen = Seen::default();
        let mut add = |heard: Heard| seen.add(&heard, AddressStep::Register);
        let read = |address, quantity| Request::ReadHolding { address, quantity };
        add(exchange(read(0x0100, 3), Response::ReadHolding(vec![3300, 3310, 3290])));
        add(exchange(read(0x0100, 3), Response::ReadHolding(vec![3302, 3310, 3280])));
        add(exchange(read(0x0200, 2), Response::ReadHolding(vec![4200, 4300])));
        add(exchange(
            Request::WriteSingle { address: 0x0201, value: 4250 },
            Response::WriteSingle { address: 0x0201, value: 4250 },
        ));
        add(exchange(
            Request::WriteMultiple { address: 0x0500, values: vec![0x3132, 0x3334, 0x3536] },
            Response::WriteMultiple { address: 0x0500, quantity: 3 },
        ));
        seen
    }

    #[test]
    fn a_draft_is_parsed_as_blocks_and_registers_of_a_model() {
        let seen = seen();
        let draft =
            draft(&seen, 1, "captured on 2027-01-02 from /dev/ttyUSB0", &unknown(), AddressStep::Register);
        let text = draft.text("captured on 2027-01-02 from /dev/ttyUSB0", 1, &seen, AddressStep::Register);
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
        let draft =
            draft(&seen, 1, "captured on 2027-01-02 from /dev/ttyUSB0", &unknown(), AddressStep::Register);
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
        let draft = draft(
            &seen(),
            1,
            "captured",
            &Reader::new(Some(&model), Framing::ModbusRtu),
            AddressStep::Register,
        );
        assert!(draft.registers.iter().all(|register| register.address < 0x0500));
    }

    #[test]
    fn drafts_of_boards_that_count_bytes_or_fields_are_parsed_in_models_of_their_kind() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../profiles/models");
        let shipped = |id: &str| std::fs::read_to_string(folder.join(format!("{id}.toml"))).unwrap();
        let parsed = |id: &str, draft: &Draft| -> DeviceModel {
            let text = format!("{}\n{}", shipped(id), toml::to_string(draft).unwrap());
            domain::model::parse_model("draft.toml", &text)
                .unwrap_or_else(|faults| panic!("{id}: {faults:?}"))
        };
        let mut seen = Seen::default();
        let read = Request::ReadHolding { address: 0x4000, quantity: 3 };
        let response = Response::ReadHolding(vec![3288, 3287, 3286]);
        seen.add(&exchange(read, response), AddressStep::Byte);
        let bytes = draft(&seen, 1, "captured", &unknown(), AddressStep::Byte);
        assert_eq!((bytes.blocks.len(), bytes.blocks[0].count, bytes.registers.len()), (1, 6, 3));
        parsed("jk-pb", &bytes);

        let mut seen = Seen::default();
        let mut add = |register, data: Vec<u8>| {
            let reply = jbd::Reply { register, status: jbd::Status::Done, data };
            let outcome = jbd::sniffer::Outcome::Answered { reply, after: Duration::ZERO };
            let request = jbd::Request::Read { register };
            let sniffed = jbd::sniffer::Sniffed::Exchange { at: Duration::ZERO, request, outcome };
            seen.add(&of_jbd(sniffed), AddressStep::Field);
        };
        // Registers that the shipped map does not have.
        add(0x70, vec![0x0D, 0x66, 0x0D, 0x61, 7]);
        add(0x71, vec![0x00, 0x01]);
        let reader = Reader::new(None, Framing::Jbd);
        let fields = draft(&seen, 1, "captured", &reader, AddressStep::Field);
        assert_eq!((fields.blocks.len(), fields.registers.len()), (2, 4));
        let model = parsed("jbd", &fields);
        assert_eq!(model.register("register_0070_4").map(|register| register.at), Some(4));
        let text = fields.text("captured", 1, &seen, AddressStep::Field);
        assert!(text.contains("framing = \"jbd\""), "{text}");
    }
}
