//! Whose run it is: which unit's, with which number, and what speaks against it.

use super::{Comes, IngestModel, UnitKey};
use domain::{
    admission::AdmissionVerdict,
    identifier::{Identifier, IdentifierKind},
    ids::{BatchId, StationId},
    outcome::Outcome,
    record::{BirthRecord, RecordDoubt},
    text::FaultCode,
};
use std::collections::BTreeSet;

/// A run's unit, before it is settled.
#[derive(Debug, Default)]
pub(super) struct Belonging {
    unit: Whose,
    /// What the run adds to its unit.
    identifiers: Vec<Identifier>,
    /// Whether the record's number is the unit's.
    is_numbered: bool,
    /// A doubt, and what the server says of it.
    pub objection: Option<(RecordDoubt, &'static str)>,
}

impl Belonging {
    /// The unit, where it was one before.
    pub fn known(&self) -> Option<UnitKey> {
        match self.unit {
            Whose::Known(key) => Some(key),
            Whose::New | Whose::Nobodys => None,
        }
    }

    /// A run on a reference board is nobody's.
    pub fn of_reference(passes: bool) -> Self {
        let doubt = RecordDoubt::NotToBeWorked { verdict: AdmissionVerdict::Reference };
        let objection = passes.then_some((doubt, "the board was reference"));
        Self { objection, ..Self::default() }
    }
}

#[derive(Debug, Default, Clone, Copy, PartialEq)]
enum Whose {
    #[default]
    Nobodys,
    New,
    Known(UnitKey),
}

/// The identifiers that say something, each once.
pub(super) fn shown(identifiers: &[Identifier]) -> Vec<Identifier> {
    let mut seen = BTreeSet::new();
    let mut shown = identifiers.to_vec();
    shown.retain(|one| !one.value.is_empty() && seen.insert((one.kind, one.value.clone())));
    shown
}

impl IngestModel {
    /// The units that one of these unique identifiers belongs to.
    pub(super) fn owners(&self, shown: &[Identifier]) -> Vec<UnitKey> {
        let owns =
            |key: &UnitKey| shown.iter().any(|one| one.unique && self.units[*key].identifiers.contains(one));
        (0..self.units.len()).filter(owns).collect()
    }

    /// Whether what a board shows contradicts this unit: something found on it is unique, and the unit has others of that kind.
    pub(super) fn is_another(&self, unit: UnitKey, shown: &[Identifier]) -> bool {
        let own = |kind| {
            let unique =
                self.units[unit].identifiers.iter().filter(move |own| own.unique && own.kind == kind);
            unique.map(|own| own.value.as_str()).collect::<Vec<_>>()
        };
        shown.iter().any(|one| {
            let own = own(one.kind);
            let was_found = one.unique && one.kind != IdentifierKind::Serial;
            was_found && !own.is_empty() && !own.contains(&one.value.as_str())
        })
    }

    pub(super) fn belonging(&self, comes: Comes, record: &BirthRecord, passes: bool) -> Belonging {
        let shown = shown(&record.identifiers);
        // Refused for an identity that is not its own, or without any: a run that must not touch a unit's record.
        if record.fault.as_ref().is_some_and(|fault| speaks_of_another(fault.code))
            || shown.iter().all(|one| !one.unique)
        {
            return Belonging::default();
        }
        let found: Vec<Identifier> =
            shown.iter().filter(|one| one.kind != IdentifierKind::Serial).cloned().collect();
        let unit = match self.owners(&shown).as_slice() {
            [] => Whose::New,
            [one] if self.is_another(*one, &shown) => return self.beside(*one, comes, record, found),
            [one] => Whose::Known(*one),
            _ => {
                let objection =
                    (RecordDoubt::IdentityOfAnotherUnit, "its identifiers belong to different units");
                return Belonging { objection: passes.then_some(objection), ..Belonging::default() };
            }
        };
        let barred = match unit {
            Whose::Known(key) if passes => self.barred(key, record),
            _ => None,
        };
        let barred = barred.map(|(verdict, why)| (RecordDoubt::NotToBeWorked { verdict }, why));
        match self.may_have(unit, comes, record) {
            // Somebody gives the number of a barred board away by its pass all the same: it is on the board.
            Ok(is_numbered) => Belonging { unit, identifiers: found, is_numbered, objection: barred },
            // The board keeps its record and gets no number by it.
            Err(_) if !passes => Belonging { unit, identifiers: found, is_numbered: false, objection: None },
            Err(objection) => Belonging { objection: Some(objection), ..Belonging::default() },
        }
    }

    /// A board with a part of unit `other`: a unit of its own, of what it does not share with that.
    fn beside(
        &self,
        other: UnitKey,
        comes: Comes,
        record: &BirthRecord,
        mut found: Vec<Identifier>,
    ) -> Belonging {
        found.retain(|one| !self.units[other].identifiers.iter().any(|own| own.unique && own == one));
        let is_free = |serial: &String| {
            let Some(number) = self.numbers.get(serial) else {
                return comes.from_label && !self.is_listed(serial);
            };
            let is_own = number.batch == record.batch_id && number.station == comes.station;
            is_own && number.unit.is_none() && !number.scrapped && !number.freed
        };
        Belonging {
            unit: Whose::New,
            identifiers: found,
            is_numbered: record.serial.as_ref().is_some_and(is_free),
            objection: Some((RecordDoubt::IdentityOfAnotherUnit, "it shows an identifier of unit")),
        }
    }

    /// Whether the record names a number and the unit may have it.
    fn may_have(
        &self,
        unit: Whose,
        comes: Comes,
        record: &BirthRecord,
    ) -> Result<bool, (RecordDoubt, &'static str)> {
        use RecordDoubt::{IdentityOfAnotherUnit, NoSerial};
        let Some(serial) = &record.serial else { return Ok(false) };
        let Some(number) = self.numbers.get(serial) else {
            return match comes.from_label {
                false => Err((NoSerial, "was never lent")),
                true if self.is_listed(serial) => Err((NoSerial, "was lent to another batch")),
                true => self.has_no_other(unit, serial),
            };
        };
        if number.scrapped {
            return Err((NoSerial, "was scrapped"));
        }
        if number.freed {
            return Err((NoSerial, "was given up"));
        }
        match number.unit {
            Some(owner) if unit != Whose::Known(owner) => {
                return Err((IdentityOfAnotherUnit, "belongs to another unit"));
            }
            None if number.batch != record.batch_id => return Err((NoSerial, "was lent to another batch")),
            // Where nobody has told of the board, only its own station can know the number.
            None if number.station != comes.station => return Err((NoSerial, "was lent to another station")),
            _ => {}
        }
        self.has_no_other(unit, serial)
    }

    fn has_no_other(&self, unit: Whose, serial: &str) -> Result<bool, (RecordDoubt, &'static str)> {
        let Whose::Known(unit) = unit else { return Ok(true) };
        match &self.units[unit].serial {
            Some(own) if own != serial => Err((RecordDoubt::IdentityOfAnotherUnit, "this board is unit")),
            _ => Ok(true),
        }
    }

    /// Whether it stands on a customer's list.
    fn is_listed(&self, serial: &str) -> bool {
        self.batches.values().any(|batch| batch.list.iter().any(|one| one == serial))
    }

    /// Whether a pass of this board is one of a unit that has none in the batch.
    pub(super) fn makes_a_unit_pass(&self, belonging: &Belonging, batch: BatchId) -> bool {
        match belonging.unit {
            Whose::Nobodys => false,
            Whose::New => true,
            Whose::Known(unit) => {
                !self.runs_of(unit).any(|run| run.record.batch_id == batch && run.outcome == Outcome::Pass)
            }
        }
    }

    /// Makes it so; gives the run's unit.
    pub(super) fn settle(
        &mut self,
        station: StationId,
        record: &BirthRecord,
        belonging: Belonging,
    ) -> Option<UnitKey> {
        let key = match belonging.unit {
            Whose::Nobodys => return None,
            Whose::Known(key) => key,
            Whose::New => {
                self.units.push(super::Unit::default());
                self.units.len() - 1
            }
        };
        let serial = record.serial.clone().filter(|_| belonging.is_numbered);
        let given = serial.iter().map(|serial| Identifier {
            kind: IdentifierKind::Serial,
            value: serial.clone(),
            unique: true,
        });
        let unit = &mut self.units[key];
        for one in belonging.identifiers.into_iter().chain(given) {
            if !unit.identifiers.iter().any(|own| own.kind == one.kind && own.value == one.value) {
                unit.identifiers.push(one);
            }
        }
        if let Some(serial) = serial {
            // One that nobody was lent was scanned.
            let label = self.new_label(station, record.batch_id);
            self.numbers.entry(serial.clone()).or_insert(label).unit = Some(key);
            self.units[key].serial = Some(serial);
        }
        Some(key)
    }
}

/// Faults of a board that is not what it shows, or not of this line.
fn speaks_of_another(code: FaultCode) -> bool {
    use FaultCode as F;
    [
        F::WrongModel,
        F::BoardOfAnotherVariant,
        F::CellCountDiffers,
        F::PassedAlready,
        F::IdentityInTwoSlots,
        F::IdentityOfAnotherUnit,
        F::IdentityIsDefault,
        F::NumberNotOurs,
        F::LabelTaken,
        F::LabelDiffers,
        F::IdentityChanged,
        F::BoardIsReference,
        F::BoardShipped,
        F::BoardOnHold,
        F::BoardLeased,
        F::BoardOfAnotherBatch,
        F::TooManyFails,
    ]
    .contains(&code)
}
