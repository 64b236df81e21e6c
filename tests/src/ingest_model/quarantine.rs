//! Texts that are held and are no records to go by, and their way out.

use super::{IngestModel, Refused, Way};
use domain::{
    api::ingest::{IngestState, WayOut},
    ids::{ContentHash, OutboxId, RunId, StationId},
    record::MOST_NUMBERED,
};
use serde_json::Value;

/// A text that is held and is no record to go by.
#[derive(Debug, Clone)]
pub(super) struct SetAside {
    /// Which of all it was.
    pub arrival: usize,
    pub state: IngestState,
    pub reason: String,
    pub run: Option<RunId>,
    /// Its address, where its text names one of this station.
    pub address: Option<(OutboxId, u64)>,
    pub text: String,
    pub resolved: Option<WayOut>,
}

impl SetAside {
    pub fn was_accepted(&self) -> bool {
        self.resolved == Some(WayOut::Accept)
    }
}

/// Why a text is set aside.
pub(super) struct Aside {
    pub state: IngestState,
    pub run: Option<RunId>,
    pub reason: String,
}

pub(super) fn quarantined(run: Option<RunId>, reason: impl Into<String>) -> Aside {
    Aside { state: IngestState::Quarantined, run, reason: reason.into() }
}

impl IngestModel {
    pub(super) fn put_aside(&mut self, station: StationId, sha256: &ContentHash, aside: Aside, text: &str) {
        let Aside { state, run, reason } = aside;
        let (address, arrival) = (address_in(text, station), self.set_aside.len());
        let text = text.to_owned();
        let kept = SetAside { arrival, state, reason, run, address, text, resolved: None };
        self.set_aside.insert((station, sha256.clone()), kept);
        let keeper = self.station_mut(station);
        keeper.tally.set_aside += 1;
        if let Some((outbox, number)) = address {
            keeper.known.hold(outbox, number);
        }
    }

    /// Somebody takes a text out of the quarantine: into the records, by the ordinary way, or to where nobody looks any more.
    ///
    /// # Errors
    /// It is not there, was taken out before, or is not taken for a record.
    pub fn resolve(&mut self, station: StationId, sha256: &ContentHash, way: WayOut) -> Result<(), Refused> {
        let key = (station, sha256.clone());
        let aside = self.set_aside.get(&key).ok_or(Refused::NOT_FOUND)?;
        if aside.resolved.is_some() {
            return Err(Refused::RESOLVED_ALREADY);
        }
        if way == WayOut::Accept {
            let text = aside.text.clone();
            let before = self.runs.len() + self.checks.len();
            // What is held against a record that is stored does not keep it out.
            let _stored = self.try_store(station, &text, Way::LetIn);
            if self.runs.len() + self.checks.len() == before {
                return Err(Refused::NOT_ACCEPTED);
            }
        }
        if let Some(aside) = self.set_aside.get_mut(&key) {
            aside.resolved = Some(way);
        }
        self.station_mut(station).tally.set_aside -= 1;
        Ok(())
    }

    /// Whether a text of the station that waits names the number.
    pub(super) fn is_waiting(&self, station: StationId, serial: &str) -> bool {
        let named = format!("\"{serial}\"");
        let mut of_station =
            self.set_aside.iter().filter(|((of, _), aside)| *of == station && aside.resolved.is_none());
        of_station.any(|(_, aside)| aside.text.contains(&named))
    }

    /// Every text that waits for somebody, with the reason, as they came.
    #[must_use]
    pub fn waiting(&self) -> Vec<(&str, &str)> {
        let mut waiting: Vec<&SetAside> =
            self.set_aside.values().filter(|aside| aside.resolved.is_none()).collect();
        waiting.sort_by_key(|aside| aside.arrival);
        waiting.into_iter().map(|aside| (aside.text.as_str(), aside.reason.as_str())).collect()
    }
}

/// Outbox and number, where the text names them and `station`, whatever else it is.
fn address_in(text: &str, station: StationId) -> Option<(OutboxId, u64)> {
    let named: Value = serde_json::from_str(text).ok()?;
    let id = |name: &str| named.get(name)?.as_str()?.parse::<uuid::Uuid>().ok();
    let number = named.get("number")?.as_u64().filter(|number| (1..=MOST_NUMBERED).contains(number))?;
    (id("station_id")? == station.0).then_some((id("outbox_id")?.into(), number))
}
