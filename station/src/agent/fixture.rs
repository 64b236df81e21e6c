//! What the fixture says, handed to the slots.

use super::Floor;
use crate::{
    fixture::{FixtureAnswer, FixtureNews, LoadSeen, described::RadioThere},
    progress::Progress,
    runner::RadioHeard,
    shared::{PortSource, Shared, SlotInput},
    uplink::Server,
};
use chrono::NaiveDate;
use domain::{
    api::bench::{BenchOnJig, NestOnJig},
    fixture::{Fixture, FixtureSlot, Instrument},
    gate::Keeper,
    prompt::AnswerSource,
    record::FixtureRecord,
    text::{Fault, FaultCode},
};
use std::collections::BTreeMap;
use tokio::sync::mpsc;

fn load(seen: LoadSeen) -> SlotInput {
    SlotInput::Fixture(FixtureAnswer::Load(seen))
}

type Troubles = BTreeMap<u16, Option<Fault>>;

impl<S: Server, P: PortSource> Floor<S, P> {
    pub(super) async fn route_fixture(&self, mut events: mpsc::UnboundedReceiver<FixtureNews>) {
        let answers = self.shared.answers();
        // What is wrong with the instruments of each slot.
        let mut troubles = Troubles::new();
        self.tell_bench();
        while let Some(event) = events.recv().await {
            let (slot, input) = match event {
                FixtureNews::Answer { slot, given } => {
                    if !answers.answer(slot, *given) {
                        tracing::debug!(slot, "the fixture answers for a slot that this station has not");
                    }
                    continue;
                }
                FixtureNews::Scan { slot, code, by } => {
                    if !answers.scan(slot, &code, by.as_deref(), AnswerSource::Fixture) {
                        tracing::debug!(slot, "a code was scanned at a slot that this station has not");
                    }
                    continue;
                }
                FixtureNews::Gone => {
                    self.tell_slots(&SlotInput::PresenceUnknown);
                    continue;
                }
                FixtureNews::Shut { slot, why } => {
                    self.shut(slot, why);
                    continue;
                }
                FixtureNews::Instruments { slot, why } => {
                    troubles.insert(slot, why);
                    self.judge_bench(slot, &troubles);
                    continue;
                }
                FixtureNews::Presence { slot, present } => {
                    self.note_clamp(slot, present);
                    self.judge_bench(slot, &troubles);
                    (slot, SlotInput::Presence(present))
                }
                FixtureNews::Unseen { slot } => (slot, SlotInput::PresenceUnknown),
                FixtureNews::Load { slot, asked_ma, load_ma, by } => {
                    (slot, load(LoadSeen::Reads { asked_ma, load_ma, by }))
                }
                FixtureNews::LoadWaits { slot, seconds } => (slot, load(LoadSeen::Waits { seconds })),
                FixtureNews::LoadFailed { slot, fault } => (slot, load(LoadSeen::Failed(fault))),
                FixtureNews::Heard { slot, by, result } => {
                    let heard = result.map(|radios| RadioHeard { radios, by });
                    (slot, SlotInput::Fixture(FixtureAnswer::Radios(Box::new(heard))))
                }
                FixtureNews::Power { slot, on } => (slot, SlotInput::Fixture(FixtureAnswer::Power(on))),
            };
            match self.shared.slots.get(&slot) {
                Some(desk) => {
                    let _slot_may_have_ended = desk.inputs.send(input);
                }
                None => tracing::debug!(slot, "the fixture speaks of a slot that this station has not"),
            }
        }
        std::future::pending::<()>().await;
    }

    /// A nest wears out by being used. Where the disk refuses to count, boards matter more.
    fn note_clamp(&self, slot: u16, clamped: bool) {
        let Some(nest) = self.shared.described.as_ref().and_then(|described| described.fixture.slot(slot))
        else {
            return;
        };
        if let Err(fault) = self.shared.journal.note_clamp(&nest.nest.id, clamped) {
            tracing::warn!(slot, %fault, "the nest's count stays behind");
        }
        self.tell_bench();
    }

    fn tell_bench(&self) {
        let Some(fixture) = self.shared.described.as_ref().map(|described| &described.fixture) else {
            return;
        };
        let nest = |slot: &FixtureSlot| NestOnJig {
            slot: slot.number,
            nest: slot.nest.id.clone(),
            contacts: self.shared.journal.contacts(&slot.nest.id).unwrap_or_default(),
            limit: slot.nest.contacts,
        };
        let ours = fixture.slots.iter().filter(|slot| self.shared.slots.contains_key(&slot.number));
        let bench = BenchOnJig {
            serial: fixture.serial.clone(),
            nests: ours.map(nest).collect(),
            instruments: fixture.instruments.iter().map(Instrument::used).collect(),
        };
        self.shared.tell(Progress::Bench { bench: Box::new(bench) });
    }

    /// Whether everything around that slot may be used: told before the board that was just put in is begun.
    fn judge_bench(&self, slot: u16, troubles: &Troubles) {
        let Some(fixture) = self.shared.described.as_ref().map(|described| &described.fixture) else {
            return;
        };
        let contacts = |nest: &str| self.shared.journal.contacts(nest).unwrap_or_default();
        let today = self.shared.now().at.date_naive();
        let trouble = troubles.get(&slot).cloned().flatten();
        let why = trouble.or_else(|| worn_or_due(fixture, slot, today, contacts));
        self.shared.keep_shut(slot, Keeper::Fixture, why);
    }

    /// A run there is over, and none is begun: told first, so that whoever looks again finds the gate shut.
    fn shut(&self, slot: u16, why: Option<Fault>) {
        self.shared.keep_shut(slot, Keeper::Safety, why.clone());
        if let (Some(fault), Some(desk)) = (why, self.shared.slots.get(&slot)) {
            let _slot_may_have_ended = desk.inputs.send(SlotInput::Tripped(Box::new(fault)));
        }
    }
}

impl<S> Shared<S> {
    /// What a board in that slot lies in, and what hears its radio, where the fixture's file says so.
    pub fn bench_of(&self, slot: u16) -> (Option<FixtureRecord>, Option<RadioThere>) {
        let radio = self.described.as_ref().and_then(|described| described.radio_at(slot));
        (self.nest_of(slot), radio)
    }

    /// What a board in that slot lies in, where the fixture's file says so.
    fn nest_of(&self, slot: u16) -> Option<FixtureRecord> {
        let fixture = &self.described.as_ref()?.fixture;
        let nest = &fixture.slot(slot)?.nest;
        Some(FixtureRecord {
            id: fixture.id.clone(),
            serial: fixture.serial.clone(),
            nest: nest.id.clone(),
            contacts: self.journal.contacts(&nest.id).unwrap_or_default(),
            instruments: Vec::new(),
        })
    }
}

/// What at that slot is not to be used any more; none: nothing. A nest is worn once it has clamped as many boards as it may: the last of them
/// is worked.
fn worn_or_due(
    fixture: &Fixture,
    slot: u16,
    today: NaiveDate,
    contacts: impl Fn(&str) -> u64,
) -> Option<Fault> {
    let due = fixture.instruments_of(slot).into_iter().map(|place| &fixture.instruments[place]);
    let mut due = due.filter(|one| one.is_due(today)).map(|one| {
        let fault = Fault::new(FaultCode::InstrumentDue).with("instrument", &one.id);
        fault.with("due", one.calibration_due)
    });
    due.next().or_else(|| {
        let nest = &fixture.slot(slot)?.nest;
        let clamped = contacts(&nest.id);
        (clamped > nest.contacts.into()).then(|| {
            let fault = Fault::new(FaultCode::NestWorn).with("nest", &nest.id);
            fault.with("contacts", clamped).with("limit", nest.contacts)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::fixture::{parse_dialect, parse_fixture};

    fn shipped() -> Fixture {
        let dialects = [
            include_str!("../../../profiles/instruments/sim-load.toml"),
            include_str!("../../../profiles/instruments/sim-meter.toml"),
            include_str!("../../../profiles/instruments/sim-supply.toml"),
            include_str!("../../../profiles/instruments/sim-radio.toml"),
        ]
        .map(|text| parse_dialect("dialect", text).unwrap());
        parse_fixture("sim-8", include_str!("../../../profiles/fixtures/sim-8.toml"), &dialects).unwrap()
    }

    #[test]
    fn a_nest_may_clamp_as_many_boards_as_it_is_good_for_and_an_instrument_be_used_on_its_last_day() {
        let fixture = shipped();
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let code = |today: &str, contacts: u64| {
            worn_or_due(&fixture, 1, day(today), |_| contacts).map(|fault| fault.code)
        };
        assert_eq!(code("2099-12-31", 50_000), None);
        assert_eq!(code("2100-01-01", 0), Some(FaultCode::InstrumentDue));
        assert_eq!(code("2099-12-31", 50_001), Some(FaultCode::NestWorn));
    }
}
