//! The book of ports. Pure: what is plugged in, what was heard and what somebody asks go in; what is shut, shown and to be kept comes out.

use super::{Adapter, UsbPart, proof::Proof};
use crate::link::network_address;
use domain::{
    api::setup::{FreePort, PortDoubt, PortStanding, PortsView, ProofView, SlotPort},
    text::{Fault, FaultCode, Language},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// Adapters that are away together for less than this were not carried anywhere: a hub that starts anew takes a second, a hand more.
const CARRIED: Duration = Duration::from_secs(3);

/// A port as the journal keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortRow {
    pub slot: u16,
    /// What the settings named then: where they name another now, the row is none.
    pub settings: String,
    pub device: String,
    pub chain: Vec<UsbPart>,
    pub standing: RowStanding,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowStanding {
    /// It was there when the station first looked.
    Seen,
    Proved,
    Doubted(PortDoubt),
}

/// All slots' ports.
#[derive(Debug)]
pub struct PortBook {
    ports: BTreeMap<u16, Port>,
    /// None before somebody looked.
    tree: Option<Vec<Adapter>>,
    proof: Option<Proof>,
}

#[derive(Debug)]
struct Port {
    settings: String,
    device: String,
    /// None until its adapter was there for the first time.
    known: Option<Known>,
    away: Option<Away>,
}

#[derive(Debug, Clone)]
struct Known {
    chain: Vec<UsbPart>,
    standing: RowStanding,
}

/// Its adapter is not there.
#[derive(Debug)]
struct Away {
    since: Duration,
    /// Adapters that look like it and were away at the same time.
    with: BTreeSet<u16>,
}

impl PortBook {
    /// `settings`: each slot's port as the settings name it.
    #[must_use]
    pub fn new(settings: &BTreeMap<u16, String>, rows: Vec<PortRow>) -> Self {
        let mut rows: BTreeMap<u16, PortRow> = rows.into_iter().map(|row| (row.slot, row)).collect();
        let port = |(&slot, named): (&u16, &String)| {
            let row = rows.remove(&slot).filter(|row| row.settings == *named);
            let device = row.as_ref().map_or_else(|| named.clone(), |row| row.device.clone());
            let known = row.map(|row| Known { chain: row.chain, standing: row.standing });
            (slot, Port { settings: named.clone(), device, known, away: None })
        };
        Self { ports: settings.iter().map(port).collect(), tree: None, proof: None }
    }

    /// The port that the slot is worked at.
    #[must_use]
    pub fn device(&self, slot: u16) -> Option<&str> {
        self.ports.get(&slot).map(|port| port.device.as_str())
    }

    /// What is plugged in now, by a clock that never goes back.
    pub fn plugged(&mut self, now: Duration, tree: Vec<Adapter>) {
        self.note_who_is_away(now, &tree);
        for (slot, port) in &mut self.ports {
            let Some(adapter) = tree.iter().find(|one| one.is(&port.device)) else { continue };
            let away = port.away.take();
            let Some(known) = &mut port.known else {
                port.known = Some(Known { chain: bare(&adapter.chain), standing: RowStanding::Seen });
                continue;
            };
            if matches!(known.standing, RowStanding::Doubted(_)) {
                continue;
            }
            if let Some((before, now)) = difference(&known.chain, &adapter.chain) {
                known.standing = RowStanding::Doubted(PortDoubt::OtherParts { before, now });
            } else if let Some(away) =
                away.filter(|away| !away.with.is_empty() && now - away.since >= CARRIED)
            {
                let slots = away.with.into_iter().chain([*slot]).collect::<BTreeSet<_>>();
                let slots = slots.into_iter().collect();
                known.standing = RowStanding::Doubted(PortDoubt::AwayTogether { slots });
            }
        }
        if let (Some(proof), Some(before)) = (&mut self.proof, &self.tree) {
            proof.plugged(before, &tree);
        }
        self.tree = Some(tree);
        self.settle();
    }

    fn note_who_is_away(&mut self, now: Duration, tree: &[Adapter]) {
        let is_there = |port: &Port| tree.iter().any(|one| one.is(&port.device));
        for port in self.ports.values_mut() {
            let was_there =
                self.tree.as_ref().is_some_and(|tree| tree.iter().any(|one| one.is(&port.device)));
            if was_there && !is_there(port) {
                port.away = Some(Away { since: now, with: BTreeSet::new() });
            }
        }
        let away: Vec<(u16, String)> = self
            .ports
            .iter()
            .filter(|(_, port)| port.away.is_some())
            .filter_map(|(slot, port)| Some((*slot, looks(&port.known.as_ref()?.chain)?)))
            .collect();
        for (slot, look) in &away {
            let others = away.iter().filter(|(other, like)| other != slot && like == look);
            let others: Vec<u16> = others.map(|(other, _)| *other).collect();
            if let Some(away) = self.ports.get_mut(slot).and_then(|port| port.away.as_mut()) {
                away.with.extend(others);
            }
        }
    }

    /// Somebody wants to show whose port is whose; none: no more.
    pub fn prove(&mut self, slot: Option<u16>) {
        self.proof = slot.filter(|slot| self.ports.contains_key(slot)).map(Proof::new);
    }

    /// Whether the slot's line is to be asked who is there: those that begin no board, while a proof runs.
    #[must_use]
    pub fn is_asked(&self, slot: u16) -> bool {
        self.proof.as_ref().is_some_and(|proof| proof.slot() == slot || self.doubt(slot).is_some())
    }

    /// Whether somebody answers on that slot's port.
    pub fn heard(&mut self, slot: u16, is_there: bool) {
        let device = self.ports.get(&slot).map(|port| {
            let adapter = self.tree.iter().flatten().find(|one| one.is(&port.device));
            adapter.map_or(port.device.as_str(), Adapter::name).to_owned()
        });
        if let (Some(proof), Some(device)) = (&mut self.proof, device) {
            proof.heard(slot, &device, is_there);
        }
        self.settle();
    }

    /// The port that was shown becomes that slot's; whose it was gets the other one, and has to be shown. What was not shown is not bound.
    pub fn bind(&mut self, slot: u16, device: &str) {
        let is_shown =
            self.proof.as_ref().is_some_and(|proof| proof.slot() == slot && proof.shown() == Some(device));
        let Some(before) = self.device(slot).map(str::to_owned).filter(|_| is_shown) else { return };
        let other = self.slot_at(device).filter(|other| *other != slot);
        if let Some(port) = other.and_then(|other| self.ports.get_mut(&other)) {
            port.device = before.clone();
            let chain = chain_of(self.tree.as_deref(), &before);
            port.known = Some(Known { chain, standing: RowStanding::Doubted(PortDoubt::GivenAway { slot }) });
        }
        let chain = chain_of(self.tree.as_deref(), device);
        if let Some(port) = self.ports.get_mut(&slot) {
            port.device = device.to_owned();
            (port.known, port.away) = (Some(Known { chain, standing: RowStanding::Proved }), None);
        }
        self.proof = None;
    }

    /// A proof that shows the slot's own port is over.
    fn settle(&mut self) {
        let Some(proof) = &self.proof else { return };
        let (slot, shown) = (proof.slot(), proof.shown().map(str::to_owned));
        let Some(shown) = shown else { return };
        let is_own = self.ports.get(&slot).is_some_and(|port| port.device == shown)
            || self
                .tree
                .iter()
                .flatten()
                .any(|one| one.is(&shown) && self.device(slot).is_some_and(|own| one.is(own)));
        if !is_own {
            return;
        }
        let own = self.device(slot).unwrap_or_default().to_owned();
        let chain = chain_of(self.tree.as_deref(), &own);
        if let Some(port) = self.ports.get_mut(&slot) {
            port.known = Some(Known { chain, standing: RowStanding::Proved });
        }
        self.proof = None;
    }

    fn slot_at(&self, device: &str) -> Option<u16> {
        let adapter = self.tree.iter().flatten().find(|one| one.is(device));
        let is_it = |port: &Port| port.device == device || adapter.is_some_and(|one| one.is(&port.device));
        self.ports.iter().find(|(_, port)| is_it(port)).map(|(slot, _)| *slot)
    }

    fn doubt(&self, slot: u16) -> Option<&PortDoubt> {
        match &self.ports.get(&slot)?.known.as_ref()?.standing {
            RowStanding::Doubted(doubt) => Some(doubt),
            RowStanding::Seen | RowStanding::Proved => None,
        }
    }

    /// Why each slot begins no board; none: it may.
    pub fn shut(&self) -> impl Iterator<Item = (u16, Option<Fault>)> {
        self.ports.iter().map(|(&slot, port)| {
            let fault = |change: &str, change_zh: &str| {
                Fault::new(FaultCode::PortToBeProved)
                    .with("device", &port.device)
                    .with("change", change)
                    .with("change_zh", change_zh)
            };
            let doubt =
                self.doubt(slot).map(|doubt| fault(&doubt.text(Language::En), &doubt.text(Language::Zh)));
            let is_proved = self.proof.as_ref().is_some_and(|proof| proof.slot() == slot);
            let proving = || is_proved.then(|| fault("somebody proves it at this moment", "正在验证"));
            (slot, doubt.or_else(proving))
        })
    }

    /// What is to be kept.
    #[must_use]
    pub fn rows(&self) -> Vec<PortRow> {
        let row = |(&slot, port): (&u16, &Port)| {
            let known = port.known.clone()?;
            let (settings, device) = (port.settings.clone(), port.device.clone());
            Some(PortRow { slot, settings, device, chain: known.chain, standing: known.standing })
        };
        self.ports.iter().filter_map(row).collect()
    }

    /// What the page shows.
    #[must_use]
    pub fn view(&self) -> PortsView {
        let tree = self.tree.as_deref().unwrap_or_default();
        let slot = |(&slot, port): (&u16, &Port)| {
            let standing = port.known.as_ref().map(|known| &known.standing);
            SlotPort {
                slot,
                device: port.device.clone(),
                standing: match standing {
                    Some(RowStanding::Doubted(_)) => PortStanding::Doubted,
                    Some(RowStanding::Proved) if is_there(port, tree) => PortStanding::Proved,
                    _ if is_fixed(&port.device) => PortStanding::Fixed,
                    // A port of the mainboard has such a name, too, and is on no list of adapters.
                    None if port.device.starts_with("COM") => PortStanding::Fixed,
                    Some(RowStanding::Seen) if is_there(port, tree) => PortStanding::Named,
                    _ => PortStanding::Missing,
                },
                doubt: self.doubt(slot).cloned(),
            }
        };
        let is_free = |one: &&Adapter| !self.ports.values().any(|port| one.is(&port.device));
        let free = |one: &Adapter| FreePort { device: one.name().to_owned(), title: one.title.clone() };
        PortsView {
            slots: self.ports.iter().map(slot).collect(),
            free: tree.iter().filter(is_free).map(free).collect(),
            proof: self.proof.as_ref().map(|proof| ProofView {
                slot: proof.slot(),
                state: proof.state(|device| self.slot_at(device)),
            }),
        }
    }
}

/// Nobody can plug it elsewhere unseen.
fn is_fixed(device: &str) -> bool {
    network_address(device).is_some() || !is_usb(device)
}

/// A name that an adapter of USB has.
fn is_usb(device: &str) -> bool {
    ["/dev/serial/", "/dev/ttyUSB", "/dev/ttyACM", "COM"].iter().any(|start| device.starts_with(start))
}

fn is_there(port: &Port, tree: &[Adapter]) -> bool {
    is_fixed(&port.device) || tree.iter().any(|one| one.is(&port.device))
}

fn chain_of(tree: Option<&[Adapter]>, device: &str) -> Vec<UsbPart> {
    tree.into_iter().flatten().find(|one| one.is(device)).map(|one| bare(&one.chain)).unwrap_or_default()
}

/// What tells one from another: whether it may sleep does not.
fn bare(chain: &[UsbPart]) -> Vec<UsbPart> {
    chain.iter().map(|part| UsbPart { may_sleep: false, ..part.clone() }).collect()
}

/// What an adapter that nothing tells from others looks like; none: it has a number of its own, and is known wherever it is.
fn looks(chain: &[UsbPart]) -> Option<String> {
    chain.last().filter(|part| part.serial.is_none()).map(|part| part.kind.clone())
}

/// The first part that is another: before, and now.
fn difference(before: &[UsbPart], now: &[UsbPart]) -> Option<(String, String)> {
    let said = |part: Option<&UsbPart>| {
        part.map_or_else(
            || "-".to_owned(),
            |part| {
                let serial = part.serial.as_ref().map(|serial| format!(" {serial}")).unwrap_or_default();
                format!("{}{serial} ({})", part.kind, part.at)
            },
        )
    };
    let is_same = |a: &UsbPart, b: &UsbPart| a.at == b.at && a.kind == b.kind && a.serial == b.serial;
    (0..before.len().max(now.len())).find_map(|at| match (before.get(at), now.get(at)) {
        (Some(a), Some(b)) if is_same(a, b) => None,
        (a, b) => Some((said(a), said(b))),
    })
}
