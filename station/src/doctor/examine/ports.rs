//! The slots' ports, and what else is plugged in.

use crate::{
    doctor::picture::{Access, MachineSeen, PortSeen, SlotSeen},
    ports::{Adapter, RowStanding},
};
use domain::{
    doctor::{Finding, FindingCode as Code},
    text::Language,
};

pub fn examine(slots: &[SlotSeen], machine: &MachineSeen) -> Vec<Finding> {
    let free: Vec<&Adapter> = machine.adapters.iter().filter(|one| slot_of(one, slots).is_none()).collect();
    let mut found: Vec<Finding> =
        slots.iter().flat_map(|slot| of_slot(slot, slots, machine, &free)).collect();
    found.extend(
        free.iter()
            .map(|one| Finding::new(Code::PortFree).with("port", one.name()).with("adapter", &one.title)),
    );
    found.extend(
        machine.meddlers.iter().map(|program| Finding::new(Code::PortMeddler).with("program", program)),
    );
    found
}

fn slot_of(adapter: &Adapter, slots: &[SlotSeen]) -> Option<u16> {
    let is_it =
        |slot: &&SlotSeen| matches!(&slot.port, PortSeen::There { node, .. } if *node == adapter.node);
    slots.iter().find(is_it).map(|slot| slot.slot)
}

fn of_slot(slot: &SlotSeen, slots: &[SlotSeen], machine: &MachineSeen, free: &[&Adapter]) -> Vec<Finding> {
    let of = |code| Finding::new(code).at(slot.slot).with("device", &slot.device);
    let (node, access, holders) = match &slot.port {
        PortSeen::InNetwork => return vec![of(Code::PortInNetwork)],
        PortSeen::Simulated => return vec![of(Code::PortSimulated)],
        PortSeen::Missing => {
            let others: Vec<&str> = free.iter().map(|one| one.name()).collect();
            return vec![if others.is_empty() {
                of(Code::PortMissing)
            } else {
                of(Code::PortMissingOthersFree).with("free", others.join(", "))
            }];
        }
        PortSeen::There { node, access, holders } => (node, access, holders),
    };
    let adapter = machine.adapters.iter().find(|one| one.node == *node);
    let mut found = Vec::new();
    let same = |other: &&SlotSeen| {
        other.slot != slot.slot && matches!(&other.port, PortSeen::There { node: there, .. } if there == node)
    };
    if let Some(other) = slots.iter().find(same) {
        found.push(of(Code::PortTwice).with("other", other.slot));
    }
    if let Access::Denied { account, group } = access {
        found.push(of(Code::PortForbidden).with("account", account).with("group", group));
    }
    for holder in holders {
        found.push(of(Code::PortHeld).with("program", &holder.program).with("pid", holder.pid));
    }
    if let Some(adapter) = adapter {
        found.extend(of_adapter(slot, adapter));
    }
    match &slot.known {
        Some(RowStanding::Doubted(doubt)) => found.push(
            of(Code::PortDoubted)
                .with("change", doubt.text(Language::En))
                .with("change_zh", doubt.text(Language::Zh)),
        ),
        Some(RowStanding::Seen) if adapter.is_some() => found.push(of(Code::PortUnproved)),
        Some(RowStanding::Seen | RowStanding::Proved) | None => {}
    }
    if found.is_empty() {
        let title = adapter.map_or_else(|| node.as_str(), |adapter| adapter.title.as_str());
        found.push(of(Code::PortGood).with("node", node).with("adapter", title));
    }
    found
}

fn of_adapter(slot: &SlotSeen, adapter: &Adapter) -> Vec<Finding> {
    let of = |code| Finding::new(code).at(slot.slot).with("device", &slot.device);
    let mut found = Vec::new();
    if let Some(place) =
        adapter.place.as_ref().filter(|_| slot.device == adapter.node && slot.device.starts_with('/'))
    {
        found.push(of(Code::PortByNumber).with("place", place));
    }
    // A hub sleeps only when everything behind it does.
    if let Some(part) = adapter.chain.last().filter(|part| part.may_sleep) {
        found.push(of(Code::PortSleeps).with("part", format!("{} {}", part.at, part.kind)));
    }
    found
}
