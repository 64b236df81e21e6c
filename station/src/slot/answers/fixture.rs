//! What the fixture does for a run: the load and the supply.

use super::Bench;
use crate::{
    board::{BoardReply, BoardRequest},
    fixture::{FixtureAnswer, FixtureCommand, LoadSeen},
    runner::{LoadRead, RadioHeard},
    shared::{PortSource, Presence},
    uplink::Server,
};
use domain::{
    record::FoundState,
    text::{Fault, FaultCode},
};
use std::time::Duration;
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout_at},
};

/// How long the fixture may take to switch a load or a supply.
const FIXTURE_PATIENCE: Duration = Duration::from_secs(5);

/// All slots of a fixture may want the one radio, and each listens for some seconds.
const RADIO_PATIENCE: Duration = Duration::from_secs(120);

/// A supply that was away for less is none to a board with full capacitors; and longer than this nobody waits.
const SHORTEST_OFF: Duration = Duration::from_millis(300);
const LONGEST_OFF: Duration = Duration::from_secs(3);
/// Before the board is asked again where nobody could be.
const LATER: Duration = Duration::from_millis(20);
/// Questions without an answer, one after the other, that show a board without its supply.
const QUESTIONS_OF_A_SILENCE: u32 = 2;

/// Where the fixture's answers to this slot's questions arrive.
#[derive(Debug, Clone)]
pub struct Ears {
    loads: watch::Sender<Option<LoadSeen>>,
    powers: watch::Sender<Power>,
    radios: watch::Sender<Option<Result<RadioHeard, Fault>>>,
}

impl Default for Ears {
    fn default() -> Self {
        let (loads, radios) = (watch::Sender::new(None), watch::Sender::new(None));
        Self { loads, powers: watch::Sender::new(Power::default()), radios }
    }
}

impl Ears {
    pub fn hear(&self, answer: FixtureAnswer) {
        match answer {
            FixtureAnswer::Load(seen) => drop(self.loads.send_replace(Some(seen))),
            FixtureAnswer::Power(on) => self.powers.send_modify(|seen| seen.count(on)),
            FixtureAnswer::Radios(heard) => drop(self.radios.send_replace(Some(*heard))),
        }
    }
}

/// The switchings of the supply seen so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Power {
    offs: u64,
    /// Switched on after it was off.
    cycles: u64,
}

impl Power {
    fn count(&mut self, on: bool) {
        if on {
            self.cycles = self.offs;
        } else {
            self.offs += 1;
        }
    }
}

impl<S: Server, P: PortSource> Bench<'_, S, P> {
    pub(super) async fn set_load(&self, load_ma: u32) -> Result<LoadRead, Fault> {
        self.require_fixture("switch a load")?;
        self.ears.loads.send_replace(None);
        let mut loads = self.ears.loads.subscribe();
        self.shared.tell_fixture(FixtureCommand::SetLoad { slot: self.slot, load_ma });
        let begun = Instant::now();
        let (mut end, mut waits) = (begun + FIXTURE_PATIENCE, false);
        while let Ok(Ok(())) = timeout_at(end, loads.changed()).await {
            let seen = loads.borrow_and_update().clone();
            match seen {
                Some(LoadSeen::Reads { asked_ma, load_ma: ma, by }) if asked_ma == load_ma => {
                    let waited = if waits { begun.elapsed() } else { Duration::ZERO };
                    return Ok(LoadRead { ma, by, waited });
                }
                Some(LoadSeen::Waits { seconds }) => {
                    waits = true;
                    end = Instant::now() + Duration::from_secs(seconds.into()) + FIXTURE_PATIENCE;
                }
                Some(LoadSeen::Failed(fault)) => return Err(*fault),
                Some(LoadSeen::Reads { .. }) | None => {}
            }
        }
        Err(fixture_silent(&format!("it did not answer to a load of {load_ma} mA")))
    }

    /// Which radios are near.
    pub(super) async fn hear(&self) -> Result<RadioHeard, Fault> {
        self.ears.radios.send_replace(None);
        let mut radios = self.ears.radios.subscribe();
        self.shared.tell_fixture(FixtureCommand::Hear { slot: self.slot });
        let heard = timeout_at(Instant::now() + RADIO_PATIENCE, radios.wait_for(Option::is_some)).await;
        let heard = heard.ok().and_then(Result::ok).and_then(|heard| heard.clone());
        heard.unwrap_or_else(|| Err(fixture_silent("its radio heard nothing and nobody")))
    }

    /// The supply off and on. That it really was off, the board shows: it is asked all the while, and a relay that sticks is a
    /// board that goes on answering.
    pub(super) async fn power_cycle(&mut self) -> Result<(), Fault> {
        #[cfg(feature = "sabotage")]
        if crate::sabotage::is(crate::sabotage::Sabotage::SkipRestart) {
            return Ok(());
        }
        self.require_fixture("switch the supply")?;
        let question = match self.ask_aside(BoardRequest::LearnPace).await {
            Some(BoardReply::Pace { question_ms }) => Duration::from_millis(question_ms.into()),
            _ => LONGEST_OFF,
        };
        // One question is on its way when the supply goes, and one may be heard in spite of all.
        let off = (question * (QUESTIONS_OF_A_SILENCE + 2)).clamp(SHORTEST_OFF, LONGEST_OFF);
        let before = self.ears.powers.borrow().offs;
        let off_ms = u32::try_from(off.as_millis()).unwrap_or(u32::MAX);
        self.shared.tell_fixture(FixtureCommand::PowerCycle { slot: self.slot, off_ms });
        let end = Instant::now() + FIXTURE_PATIENCE;
        let (mut unanswered, mut was_away) = (0, false);
        while self.ears.powers.borrow().cycles <= before {
            if Instant::now() >= end {
                return Err(fixture_silent("it did not switch the supply off and on"));
            }
            match self.ask_aside(BoardRequest::IsThere).await {
                Some(BoardReply::Found(FoundState::Silent)) => unanswered += 1,
                Some(_) => unanswered = 0,
                // Nobody can be asked, as long as the port is gone.
                None => sleep(LATER).await,
            }
            was_away |= unanswered >= QUESTIONS_OF_A_SILENCE;
        }
        if was_away {
            return Ok(());
        }
        Err(Fault::new(FaultCode::FixtureSilent)
            .with("detail", "it says that the supply was off and on, but the board went on answering"))
    }

    pub(super) fn require_fixture(&self, wanted: &str) -> Result<(), Fault> {
        if self.shared.has_fixture {
            return Ok(());
        }
        Err(lacking(format!("station.toml names none that could {wanted}, which this batch asks for")))
    }

    /// Nothing but a switch sees which board lies in a slot.
    pub(super) fn require_switch(&self, wanted: &str) -> Result<(), Fault> {
        self.require_fixture(wanted)?;
        if self.shared.presence == Presence::Switch {
            return Ok(());
        }
        Err(lacking(format!(
            "by station.toml it has no switches that could {wanted}, which this batch asks for"
        )))
    }

    /// Asks the board beside the run; what it cost the line, the run's next answer carries.
    async fn ask_aside(&mut self, request: BoardRequest) -> Option<BoardReply> {
        let (_, link) = self.link.as_mut()?;
        link.execute(request, &mut |_| {}).await.ok().map(|answer| answer.reply)
    }
}

fn lacking(detail: String) -> Fault {
    Fault::new(FaultCode::FixtureSilent).with("detail", detail)
}

fn fixture_silent(what: &str) -> Fault {
    Fault::new(FaultCode::FixtureSilent)
        .with("detail", format!("{what} within {} s", FIXTURE_PATIENCE.as_secs()))
}
