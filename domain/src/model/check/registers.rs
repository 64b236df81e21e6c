//! Blocks and registers: what exists, where, and whether a value can live in it.

use super::Report;
use crate::{
    codec::ten_thousandths,
    model::{Access, AddressStep, Block, ByteOrder, DeviceModel, Framing, Register, RegisterKind},
    source::At,
};
use std::collections::{BTreeMap, BTreeSet};

/// One past the last address.
fn end(start: u16, count: u16) -> u32 {
    u32::from(start) + u32::from(count)
}

pub(super) fn check_blocks(model: &DeviceModel, report: &mut Report<'_>) {
    let mut names = BTreeSet::new();
    for (index, block) in model.blocks.iter().enumerate() {
        let name = &block.name;
        if !names.insert(name) {
            report.row("block", index, "name", format!("block {name:?} stands twice"));
        }
        if block.count == 0 {
            report.row("block", index, "count", format!("block {name:?} is empty"));
        }
        if end(block.start, block.count) > 0x1_0000 {
            report.row("block", index, "count", format!("block {name:?} ends beyond address 0xFFFF"));
        }
        let earlier = model.blocks.iter().take(index);
        if let Some(other) = earlier.rev().find(|other| overlap(other, block)) {
            let (start, other) = (block.start, &other.name);
            report.row(
                "block",
                index,
                "start",
                format!("block {name:?} at 0x{start:04X} overlaps block {other:?}"),
            );
        }
        if model.link.address_step == AddressStep::Byte && (block.start % 2, block.count % 2) != (0, 0) {
            let reason =
                format!("block {name:?} begins or ends within a register: addresses count bytes here");
            report.row("block", index, "start", reason);
        }
        if block.locked && block.access == Access::ReadOnly {
            report.row("block", index, "locked", format!("block {name:?} is read-only: nothing opens it"));
        }
        if block.locked_reads && !block.locked {
            let reason = format!("block {name:?} is locked for reads and open for writes: say locked too");
            report.row("block", index, "locked_reads", reason);
        }
        if block.source.trim().is_empty() {
            report.row(
                "block",
                index,
                "source",
                format!("block {name:?} does not say where its facts come from"),
            );
        }
    }
}

fn overlap(a: &Block, b: &Block) -> bool {
    u32::from(a.start) < end(b.start, b.count) && u32::from(b.start) < end(a.start, a.count)
}

pub(super) fn check_registers(model: &DeviceModel, report: &mut Report<'_>) {
    let mut names = BTreeSet::new();
    // First byte -> (one past the last, name): the only neighbour that can overlap is the one before.
    let mut places: BTreeMap<u32, (u32, &str)> = BTreeMap::new();
    for (index, register) in model.registers.iter().enumerate() {
        let name = &register.name;
        if !is_snake_case(name) {
            report.row(
                "register",
                index,
                "name",
                format!("register name {name:?} is not of a-z, 0-9 and '_'"),
            );
        }
        if !names.insert(name.as_str()) {
            report.row("register", index, "name", format!("register {name:?} stands twice"));
        }
        check_place(model, index, register, report);
        check_overlap(model, &mut places, index, register, report);
        check_kind(model, index, register, report);
        check_numbers(index, register, report);
    }
}

pub(super) fn is_snake_case(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

fn check_place(model: &DeviceModel, index: usize, register: &Register, report: &mut Report<'_>) {
    let (name, address, width) = (&register.name, register.address, register.width());
    let Some(block) = model.block(register) else {
        let reason =
            format!("register {name:?} (0x{address:04X}, {width} wide) lies in no block, or leaves its own");
        report.row("register", index, "address", reason);
        return;
    };
    if width > model.link.max_read && block.access != Access::WriteOnly {
        let reason = format!("register {name:?} is {width} wide, link.max_read is {}", model.link.max_read);
        report.row("register", index, "address", reason);
    }
    if width > model.link.max_write && block.access != Access::ReadOnly {
        let reason = format!("register {name:?} is {width} wide, link.max_write is {}", model.link.max_write);
        report.row("register", index, "address", reason);
    }
    if block.single_write_only && width > 1 && block.access != Access::ReadOnly {
        let reason =
            format!("register {name:?} is {width} wide, but block {:?} takes one a write", block.name);
        report.row("register", index, "address", reason);
    }
    if register.parameter && block.access != Access::ReadWrite {
        let reason = format!("parameter {name:?} stands in block {:?}, which is not read_write", block.name);
        report.row("register", index, "parameter", reason);
    }
}

fn check_overlap<'a>(
    model: &DeviceModel,
    places: &mut BTreeMap<u32, (u32, &'a str)>,
    index: usize,
    register: &'a Register,
    report: &mut Report<'_>,
) {
    let (name, address) = (register.name.as_str(), register.address);
    let first = model.position(register);
    let last = first + u32::from(register.bytes());
    let before = places.range(..=first).next_back().filter(|(_, (end, _))| *end > first);
    let after = places.range(first..).next().filter(|(start, _)| **start < last);
    if let Some((_, (_, other))) = before.or(after) {
        let reason = format!("register {name:?} at 0x{address:04X} overlaps register {other:?}");
        report.row("register", index, "address", reason);
    }
    places.insert(first, (last, name));
}

fn check_kind(model: &DeviceModel, index: usize, register: &Register, report: &mut Report<'_>) {
    use RegisterKind as K;
    let name = &register.name;
    let ascii = matches!(register.kind, K::AsciiNul | K::AsciiSpace | K::AsciiLength | K::Hex);
    let is_field = model.link.address_step == AddressStep::Field;
    if model.link.address_step == AddressStep::Byte && !register.address.is_multiple_of(2) {
        let reason = format!(
            "register {name:?} begins within a register: say the even address, and u8_low for its second byte"
        );
        report.row("register", index, "address", reason);
    }
    if register.at != 0 && !is_field {
        let reason =
            format!("register {name:?} is at {} of its address, which is no whole field", register.at);
        report.row("register", index, "at", reason);
    }
    if u32::from(register.at) + u32::from(register.bytes()) > 256 && is_field {
        report.row("register", index, "at", format!("register {name:?} ends beyond a field's 256 bytes"));
    }
    if register.kind == K::U8High && is_field {
        report.row(
            "register",
            index,
            "kind",
            format!("register {name:?} is a byte of a field: say u8_low and at"),
        );
    }
    if register.kind == K::Version && !is_field {
        let reason = format!("register {name:?}: a version of one byte lies in a field, at its place");
        report.row("register", index, "kind", reason);
    }
    if register.bytes.is_some() && (!ascii || register.count.is_some() || register.bytes == Some(0)) {
        let reason =
            format!("register {name:?}: bytes is for ASCII and hex fields, in place of count, and not 0");
        report.row("register", index, "bytes", reason);
    }
    if register.bytes() % 2 == 1 && register.byte_order == ByteOrder::LowFirst {
        let reason = format!("register {name:?} has no pairs of bytes to swap");
        report.row("register", index, "byte_order", reason);
    }
    for (key, given) in
        [("negative_above", register.negative_above), ("negative_from", register.negative_from)]
    {
        if given.is_some() && !matches!(register.kind, K::U8High | K::U8Low | K::U16) {
            report.row("register", index, key, format!("register {name:?}: {key} is for u8 and u16"));
        }
    }
    if register.negative_above.is_some() && register.negative_from.is_some() {
        let reason = format!("register {name:?}: negative_above or negative_from, not both");
        report.row("register", index, "negative_from", reason);
    }
    match register.count {
        None if ascii && register.bytes.is_none() => {
            report.row(
                "register",
                index,
                "kind",
                format!("register {name:?} needs its count: its kind says not how wide it is"),
            );
        }
        Some(0) => report.row("register", index, "count", format!("register {name:?} has count 0")),
        Some(_) if !ascii => {
            report.row(
                "register",
                index,
                "count",
                format!("register {name:?} has a count, but its kind says how wide it is"),
            );
        }
        _ => {}
    }
    match (register.kind == K::Enum, register.options.is_empty()) {
        (true, true) => {
            report.row("register", index, "kind", format!("enum register {name:?} has no options"));
        }
        (false, false) => {
            report.row(
                "register",
                index,
                "options",
                format!("register {name:?} has options, but is no enum"),
            );
        }
        _ => {}
    }
    let listed = |key, place| [At::Key("register"), At::Index(index), At::Key(key), At::Index(place)];
    let (mut raws, mut names) = (BTreeSet::new(), BTreeSet::new());
    for (place, option) in register.options.iter().enumerate() {
        if !raws.insert(option.raw) || !names.insert(&option.name) {
            let reason =
                format!("option {:?} = {} of register {name:?} stands twice", option.name, option.raw);
            report.at(&listed("options", place), reason);
        }
    }
    let last_bit = match register.kind {
        K::Bits32 => 31,
        K::Coils => 7,
        _ => 15,
    };
    let in_bits = model.block_of(register.address, 1).is_some_and(|block| block.read_function == Some(1));
    let is_one_bit =
        matches!(register.kind, K::U16 | K::Enum) && register.scale == 1.0 && register.offset == 0.0;
    let is_wrong = if in_bits { register.kind != K::Coils && !is_one_bit } else { register.kind == K::Coils };
    if is_wrong && model.link.framing == Framing::ModbusRtu {
        let reason = format!(
            "register {name:?}: coils, and u16 or enum for a single one, go with a block that is read by function 1"
        );
        report.row("register", index, "kind", reason);
    }
    match (matches!(register.kind, K::Bits | K::Bits32 | K::Coils), register.bits.is_empty()) {
        (true, true) => report.row("register", index, "kind", format!("bit field {name:?} names no bits")),
        (false, false) => report.row(
            "register",
            index,
            "bits",
            format!("register {name:?} names bits, but is no bit field"),
        ),
        _ => {}
    }
    let (mut bits, mut names) = (BTreeSet::new(), BTreeSet::new());
    for (place, bit) in register.bits.iter().enumerate() {
        if bit.bit > last_bit {
            let reason = format!("bit {} of register {name:?} is beyond {last_bit}", bit.bit);
            report.at(&listed("bits", place), reason);
        }
        if !bits.insert(bit.bit) || !names.insert(&bit.name) {
            let reason = format!("bit {:?} = {} of register {name:?} stands twice", bit.name, bit.bit);
            report.at(&listed("bits", place), reason);
        }
    }
}

fn check_numbers(index: usize, register: &Register, report: &mut Report<'_>) {
    use RegisterKind as K;
    let name = &register.name;
    let number = matches!(register.kind, K::U8High | K::U8Low | K::U16 | K::I16 | K::U32 | K::I32 | K::F32);
    let plain = register.scale == 1.0 && register.offset == 0.0;
    if (!number || register.kind == K::F32) && !plain {
        report.row(
            "register",
            index,
            "scale",
            format!("register {name:?} is no whole number: it has no scale or offset"),
        );
    }
    if !number && (register.min.is_some() || register.max.is_some()) {
        report.row(
            "register",
            index,
            "min",
            format!("register {name:?} holds no number: it has no min or max"),
        );
        return;
    }
    // Values are reckoned in whole ten-thousandths, so that what is set and what is read are the same number.
    for (key, value) in [
        ("scale", Some(register.scale)),
        ("scale_when", register.scale_when.as_ref().map(|when| when.scale)),
        ("offset", Some(register.offset)),
        ("min", register.min),
        ("max", register.max),
    ] {
        if value.is_some_and(|value| ten_thousandths(value).is_none()) {
            report.row(
                "register",
                index,
                key,
                format!("{key} of register {name:?} has more than four decimal places"),
            );
        }
    }
    if register.scale == 0.0 {
        report.row("register", index, "scale", format!("register {name:?} has scale 0"));
    }
    if let (Some(min), Some(max)) = (register.min, register.max)
        && min > max
    {
        report.row("register", index, "min", format!("register {name:?} has min {min} above max {max}"));
    }
    check_span(index, register, report);
}

/// A bound beyond what the raw type can hold is a scale or a type that was mistaken.
fn check_span(index: usize, register: &Register, report: &mut Report<'_>) {
    let (low, high) = match register.kind {
        RegisterKind::U8High | RegisterKind::U8Low => (0.0, f64::from(u8::MAX)),
        RegisterKind::U16 => (0.0, f64::from(u16::MAX)),
        RegisterKind::I16 => (f64::from(i16::MIN), f64::from(i16::MAX)),
        RegisterKind::U32 => (0.0, f64::from(u32::MAX)),
        RegisterKind::I32 => (f64::from(i32::MIN), f64::from(i32::MAX)),
        _ => return,
    };
    let zero = register.negative_above.or(register.negative_from);
    let low = zero.map_or(low, |zero| f64::from(zero) - high);
    let ends = [low, high].map(|raw| raw * register.scale + register.offset);
    let (low, high) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
    for (key, bound) in [("min", register.min), ("max", register.max)] {
        // A millionth of slack: the ends above are rounded, the mistakes meant here are not small.
        if let Some(bound) = bound.filter(|bound| *bound < low - 1e-6 || *bound > high + 1e-6) {
            let reason = format!(
                "{key} {bound} of register {:?} lies beyond what its raw type holds ({low}..{high})",
                register.name
            );
            report.row("register", index, key, reason);
        }
    }
}
