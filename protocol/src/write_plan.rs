//! Plans of register transactions: the fewest writes that make a board as wanted and touch nothing else, and the
//! fewest reads that cover a set of registers without touching a hole. Writes under rules are ordered by [`order_writes`].
//!
//! A write never covers a register that is unknown, read-only, locked or already right: boards wear out, and some
//! refuse a whole write for one such register.

mod detour;
mod order;
mod rules;

pub use rules::{Holds, Interim, OrderFault, OrderedWrites, Rule, order_writes};

use core::ops::RangeInclusive;

use crate::modbus::{MAX_READ, MAX_WRITE, Request};

/// How a field may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Writable,
    /// By function 06 only, register by register.
    SingleOnly,
    ReadOnly,
    /// Writable by its nature, but not now.
    Locked,
}

/// One value and the registers that hold it; never split over two writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    pub address: u16,
    /// What the board holds; `None` where it cannot be read (a password) or was not: it is written then.
    pub current: Option<Vec<u16>>,
    pub wanted: Vec<u16>,
    pub access: Access,
}

impl Field {
    fn is_right(&self) -> bool {
        self.current.as_ref() == Some(&self.wanted)
    }
}

/// What one write may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriteLimits {
    /// Most registers of one function 16 write, 1..=123.
    pub max_registers: u16,
    /// Whether a lone register goes by function 06.
    pub single_for_one: bool,
}

impl WriteLimits {
    fn check(self) -> Result<(), PlanFault> {
        let possible = (1..=MAX_WRITE).contains(&self.max_registers);
        if possible { Ok(()) } else { Err(PlanFault::Limit(self.max_registers)) }
    }
}

impl Default for WriteLimits {
    fn default() -> Self {
        Self { max_registers: MAX_WRITE, single_for_one: true }
    }
}

/// Neighbouring registers to be read together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    pub address: u16,
    pub quantity: u16,
}

impl Span {
    /// One register.
    #[must_use]
    pub fn one(address: u16) -> Self {
        Self { address, quantity: 1 }
    }

    fn end(self) -> u32 {
        u32::from(self.address) + u32::from(self.quantity)
    }
}

/// Why there is no plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlanFault {
    #[error("register {address} is read-only and holds another value than the one wanted")]
    ReadOnly { address: u16 },
    #[error("register {address} is locked and holds another value than the one wanted")]
    Locked { address: u16 },
    #[error("two fields claim register {address}")]
    Overlap { address: u16 },
    #[error("the field at register {address} has no registers")]
    NoRegisters { address: u16 },
    #[error(
        "the field at register {address} needs {quantity} registers in one transaction, allowed are {limit}"
    )]
    TooLong { address: u16, quantity: usize, limit: u16 },
    #[error("the field at register {address} reaches beyond register 65535")]
    BeyondLast { address: u16 },
    #[error("register {address} lies in no readable block")]
    Unreadable { address: u16 },
    #[error("a transaction of {0} registers is not possible")]
    Limit(u16),
}

/// The fewest writes, in order of address, that give every field its wanted value; where rules stand between the fields,
/// [`order_writes`] is to be asked.
///
/// # Errors
/// The first [`PlanFault`] found; nothing may be written then.
pub fn plan_writes(fields: &[Field], limits: WriteLimits) -> Result<Vec<Request>, PlanFault> {
    limits.check()?;
    let mut fields: Vec<&Field> = fields.iter().collect();
    fields.sort_by_key(|field| field.address);
    check_fields(fields.iter().copied())?;

    let mut plan: Vec<Request> = Vec::new();
    let mut run: Option<(u16, Vec<u16>)> = None;
    for field in fields.into_iter().filter(|field| !field.is_right()) {
        match field.access {
            Access::ReadOnly => return Err(PlanFault::ReadOnly { address: field.address }),
            Access::Locked => return Err(PlanFault::Locked { address: field.address }),
            Access::SingleOnly => {
                plan.extend(run.take().map(|run| write(run, limits)));
                plan.extend(single_writes(field));
            }
            Access::Writable => extend_run(&mut plan, &mut run, field, limits)?,
        }
    }
    plan.extend(run.map(|run| write(run, limits)));
    Ok(plan)
}

fn check_fields<'f>(sorted: impl Iterator<Item = &'f Field>) -> Result<(), PlanFault> {
    let mut next_free = 0_u32;
    for field in sorted {
        let address = field.address;
        if field.wanted.is_empty() {
            return Err(PlanFault::NoRegisters { address });
        }
        if u32::from(address) < next_free {
            return Err(PlanFault::Overlap { address });
        }
        next_free = u32::from(address) + field.wanted.len() as u32;
        if next_free > 0x1_0000 {
            return Err(PlanFault::BeyondLast { address });
        }
    }
    Ok(())
}

/// Appends a field to the run before it where it touches and fits. Taking as much as fits from the left gives the
/// fewest transactions, because a run can be cut anywhere between fields.
fn extend_run(
    plan: &mut Vec<Request>,
    run: &mut Option<(u16, Vec<u16>)>,
    field: &Field,
    limits: WriteLimits,
) -> Result<(), PlanFault> {
    let (address, quantity, limit) = (field.address, field.wanted.len(), limits.max_registers);
    if quantity > usize::from(limit) {
        return Err(PlanFault::TooLong { address, quantity, limit });
    }
    if let Some((start, values)) = run
        && usize::from(*start) + values.len() == usize::from(address)
        && values.len() + quantity <= usize::from(limit)
    {
        values.extend(&field.wanted);
        return Ok(());
    }
    plan.extend(run.replace((address, field.wanted.clone())).map(|run| write(run, limits)));
    Ok(())
}

fn write((address, values): (u16, Vec<u16>), limits: WriteLimits) -> Request {
    match values[..] {
        [value] if limits.single_for_one => Request::WriteSingle { address, value },
        _ => Request::WriteMultiple { address, values },
    }
}

/// The registers of a field that differ, one by one.
fn single_writes(field: &Field) -> impl Iterator<Item = Request> {
    field.wanted.iter().enumerate().filter_map(|(index, &value)| {
        let held = field.current.as_ref().and_then(|current| current.get(index));
        (held != Some(&value)).then(|| Request::WriteSingle { address: field.address + index as u16, value })
    })
}

/// The fewest reads, in order of address, that cover every span. A read stays inside one of the `readable` blocks
/// (and may cover registers of that block nobody asked for), and no span is split: a value read in two halves may be
/// torn.
///
/// # Errors
/// [`PlanFault::Unreadable`], [`PlanFault::TooLong`], [`PlanFault::NoRegisters`] or [`PlanFault::Limit`].
pub fn plan_reads(
    wanted: &[Span],
    readable: &[RangeInclusive<u16>],
    max_registers: u16,
) -> Result<Vec<Span>, PlanFault> {
    if max_registers == 0 || max_registers > MAX_READ {
        return Err(PlanFault::Limit(max_registers));
    }
    let mut spans = wanted.to_vec();
    spans.sort_unstable();
    spans.dedup();
    let mut plan: Vec<Span> = Vec::new();
    // Exclusive end of what the read being built may still cover.
    let mut reach = 0_u32;
    for span in spans {
        let Span { address, quantity } = span;
        if quantity == 0 {
            return Err(PlanFault::NoRegisters { address });
        }
        if quantity > max_registers {
            return Err(PlanFault::TooLong {
                address,
                quantity: usize::from(quantity),
                limit: max_registers,
            });
        }
        if let Some(last) = plan.last_mut()
            && span.end() <= reach
        {
            last.quantity = last.quantity.max((span.end() - u32::from(last.address)) as u16);
            continue;
        }
        let block_end = readable
            .iter()
            .filter(|block| block.contains(&address))
            .map(|block| u32::from(*block.end()) + 1)
            .max()
            .filter(|&end| span.end() <= end)
            .ok_or(PlanFault::Unreadable { address })?;
        reach = block_end.min(u32::from(address) + u32::from(max_registers));
        plan.push(span);
    }
    Ok(plan)
}

#[cfg(test)]
#[path = "write_plan_tests.rs"]
mod tests;

#[cfg(test)]
mod order_tests;
