//! Reads and writes planned: which requests, in terms of the model's map, bring or carry these registers.

use super::{fault, map, registers::Write};
use domain::{
    model::{Access, Block, DeviceModel, Framing, Provenance, Register, RegisterKind},
    text::Fault,
};
use protocol::{
    modbus::{MAX_WRITE, Request},
    write_plan::{self, Field, Span, WriteLimits},
};
use std::{collections::BTreeMap, ops::RangeInclusive};

pub(super) fn is_readable(access: Access) -> bool {
    access != Access::WriteOnly
}

/// Reads that may be made in place of `request` by somebody who only wants an answer that can be told from others: fewer or more
/// registers from the same place on, or, where an answer names its field, other fields: those that need no open guard first, and the
/// guarded ones where a refusal names its field, too.
pub(super) fn others_to_read(model: &DeviceModel, request: &Request) -> Vec<Request> {
    let (address, quantity) = request.span();
    if map::is_field(model) {
        let fields = |locked: bool| {
            let is_one = move |register: &&Register| {
                let block = model.block(register);
                block.is_some_and(|block| is_readable(block.access) && block.locked_reads == locked)
            };
            model.registers.iter().filter(is_one).map(|register| map::place_of(model, register.address))
        };
        let mut places: Vec<u16> = fields(false).collect();
        if model.link.framing == Framing::Jbd {
            places.extend(fields(true));
        }
        places.dedup();
        return places.into_iter().map(|address| Request::ReadHolding { address, quantity: 1 }).collect();
    }
    let in_block = map::block_of(model, address, quantity)
        .and_then(|block| map::range(model, block))
        .map_or(quantity, |places| places.end().saturating_sub(address).saturating_add(1));
    let up_to = in_block.min(model.link.max_read).max(quantity);
    (1..=up_to).map(|quantity| Request::ReadHolding { address, quantity }).collect()
}

pub(super) fn plan_reads(model: &DeviceModel, registers: &[&Register]) -> Result<Vec<Request>, Fault> {
    let readable = readable(model);
    if map::is_field(model) {
        return plan_fields(model, registers, &readable);
    }
    let mut wanted: Vec<Span> = registers
        .iter()
        .map(|r| Span { address: map::place(model, r), quantity: map::places(model, r) })
        .collect();
    wanted.sort_unstable();
    wanted.dedup();
    let plan = write_plan::plan_reads(&wanted, &readable, model.link.max_read).map_err(fault::internal)?;
    Ok(plan
        .into_iter()
        .map(|span| Request::ReadHolding { address: span.address, quantity: span.quantity })
        .collect())
}

/// The places that one read may span: a block, and blocks that touch where a document prints both of them.
fn readable(model: &DeviceModel) -> Vec<RangeInclusive<u16>> {
    let is_printed = |block: &Block| block.provenance == Provenance::Published && !block.locked_reads;
    let mut blocks: Vec<&Block> = model.blocks.iter().filter(|block| is_readable(block.access)).collect();
    blocks.sort_by_key(|block| block.start);
    let mut spans: Vec<(RangeInclusive<u16>, bool, Option<u8>)> = Vec::with_capacity(blocks.len());
    for block in blocks {
        let Some(places) = map::range(model, block) else { continue };
        let (printed, function) = (is_printed(block), block.read_function);
        match spans.last_mut() {
            Some((span, true, by))
                if printed && *by == function && span.end().checked_add(1) == Some(*places.start()) =>
            {
                *span = *span.start()..=*places.end();
            }
            _ => spans.push((places, printed, function)),
        }
    }
    spans.into_iter().map(|(span, ..)| span).collect()
}

/// Each field is one read. Its quantity is the fewest bytes that hold what is wanted of it: a text may be of any length.
fn plan_fields(
    model: &DeviceModel,
    registers: &[&Register],
    readable: &[RangeInclusive<u16>],
) -> Result<Vec<Request>, Fault> {
    let mut wanted: BTreeMap<u16, u16> = BTreeMap::new();
    for register in registers {
        let place = map::place_of(model, register.address);
        if !readable.iter().any(|places| places.contains(&place)) {
            return Err(fault::internal(format_args!("{} cannot be read", register.name)));
        }
        let bytes = register.at + if is_text(register) { 1 } else { register.bytes() };
        let most = wanted.entry(place).or_default();
        *most = bytes.max(*most);
    }
    Ok(wanted.into_iter().map(|(address, quantity)| Request::ReadHolding { address, quantity }).collect())
}

pub(super) fn is_text(register: &Register) -> bool {
    use RegisterKind as K;
    matches!(register.kind, K::AsciiNul | K::AsciiSpace | K::AsciiLength)
}

pub(super) fn plan_writes(model: &DeviceModel, writes: &[Write<'_>]) -> Result<Vec<Request>, Fault> {
    let fields = [fields(model, writes), shared(model, writes)?].concat();
    write_plan::plan_writes(&fields, limits(model)).map_err(|plan_fault| cannot_be_written(model, plan_fault))
}

fn access(model: &DeviceModel, write: &Write<'_>) -> write_plan::Access {
    let is_blank = |raw: &Vec<u16>| raw.iter().all(|word| *word == 0);
    match model.block(write.register) {
        None => write_plan::Access::ReadOnly,
        Some(block) if block.access == Access::ReadOnly => write_plan::Access::ReadOnly,
        // Written once it stays; and what was not read may have been written.
        Some(block) if block.access == Access::WriteOnce && !write.current.as_ref().is_some_and(is_blank) => {
            write_plan::Access::ReadOnly
        }
        Some(block) if block.single_write_only => write_plan::Access::SingleOnly,
        Some(_) => write_plan::Access::Writable,
    }
}

/// The registers of their own among the writes as the planner knows them, in the order of the writes.
pub(super) fn fields(model: &DeviceModel, writes: &[Write<'_>]) -> Vec<Field> {
    let own = writes.iter().filter(|write| !model.shares_its_place(write.register));
    own.map(|write| {
        let wanted = map::carried(model, write.register, &write.wanted, &[]);
        let current = write.current.as_ref().map(|raw| map::carried(model, write.register, raw, &[]));
        Field {
            address: map::place(model, write.register),
            // A text of another length is another text.
            current: current.filter(|current| current.len() == wanted.len()),
            wanted,
            access: access(model, write),
        }
    })
    .collect()
}

/// The shared registers, put together where several are written: one planner's field a word, or a field of the board. (No rule
/// rests on such a register.)
fn shared(model: &DeviceModel, writes: &[Write<'_>]) -> Result<Vec<Field>, Fault> {
    let mut fields: BTreeMap<u16, Field> = BTreeMap::new();
    for write in writes.iter().filter(|write| model.shares_its_place(write.register)) {
        if write.around.is_empty() {
            return Err(fault::internal(format_args!(
                "{} is written only together with what lies beside it, and that was not read",
                write.register.name
            )));
        }
        let address = map::place_of(model, write.register.address);
        let field = fields.entry(address).or_insert_with(|| Field {
            address,
            current: write.current.as_ref().map(|_| write.around.clone()),
            wanted: write.around.clone(),
            access: access(model, write),
        });
        field.wanted = map::carried(model, write.register, &write.wanted, &field.wanted);
    }
    Ok(fields.into_values().collect())
}

pub(super) fn limits(model: &DeviceModel) -> WriteLimits {
    if map::is_field(model) {
        // A field is written whole, whatever its length.
        return WriteLimits { max_registers: MAX_WRITE, single_for_one: false };
    }
    WriteLimits { max_registers: model.link.max_write, single_for_one: model.link.write_single }
}

pub(super) fn cannot_be_written(model: &DeviceModel, plan_fault: impl std::fmt::Display) -> Fault {
    fault::internal(format_args!(
        "device model {} cannot be written as the profile asks: {plan_fault}",
        model.id
    ))
}
