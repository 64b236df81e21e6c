//! How a board is made ready for its journey: cleared, dated, its clock set; and, when everything is proved, put to sleep.

use super::{Ended, Next, Phase, Work, internal};
use crate::{
    board::{AfreshReading, BoardIdentity, BoardRequest, Reading},
    clock::Moment,
    journal::StandingPass,
    runner::{
        Effect,
        judge::{self, does_not_hold},
    },
};
use chrono::{DateTime, NaiveTime, Utc};
use domain::{
    evidence::Evidence,
    model::{ClockSettings, DeviceModel, ShipSettings, WakesBy},
    outcome::Outcome,
    procedure::ShipStateStep,
    record::{ClockRecord, CounterRecord, DateRecord, FoundState, ShipRecord},
    step::Step,
    text::{Fault, FaultCode},
    value::Value,
};
use std::collections::BTreeMap;

/// How often a board is put to sleep that did not go, or was not seen meanwhile.
const TRIES: u8 = 3;

impl Work {
    fn ship_order(&self) -> Result<(ShipStateStep, ShipSettings), Fault> {
        let step = self.order.procedure.ship_state;
        step.zip(self.order.model.ship.clone()).ok_or_else(|| internal("no state for shipping is ordered"))
    }

    fn ship_record(&mut self) -> &mut ShipRecord {
        self.draft.record.ship.get_or_insert_default()
    }

    pub(super) fn ship(&mut self, now: Moment) -> Next {
        let mut effects = self.draft.begin(now, Step::ShipState);
        effects.extend(self.ask_ship(now)?);
        Ok(effects)
    }

    /// From the beginning, also where it is done again.
    pub(super) fn ask_ship(&mut self, now: Moment) -> Next {
        let (step, ship) = self.ship_order()?;
        self.draft.record.ship = Some(ShipRecord::default());
        self.told = 0;
        if !step.clear {
            return self.set_ship(now);
        }
        let names = ship.counters().cloned().collect();
        Ok(self.ask(Phase::ShipCounters, BoardRequest::ReadRegisters { names }))
    }

    pub(super) fn counters_read(&mut self, now: Moment, readings: &[Reading]) -> Next {
        let (_, ship) = self.ship_order()?;
        for register in ship.counters() {
            let before = readings.iter().find(|reading| reading.name == *register);
            let before = before.map(|reading| count_of(reading, self)).transpose()?;
            self.ship_record().counters.push(CounterRecord {
                register: register.clone(),
                before,
                after_restart: None,
            });
        }
        self.clear_next(now)
    }

    fn clear_next(&mut self, now: Moment) -> Next {
        let (_, ship) = self.ship_order()?;
        let given = self.ship_record().commands.len();
        match ship.clear.get(given) {
            Some(name) => Ok(self.ask(Phase::ShipCommand, BoardRequest::Command { name: name.clone() })),
            None => self.set_ship(now),
        }
    }

    pub(super) fn cleared(&mut self, now: Moment) -> Next {
        let (_, ship) = self.ship_order()?;
        let given = self.ship_record().commands.len();
        let name = ship.clear.get(given).ok_or_else(|| internal("no command was given"))?;
        self.ship_record().commands.push(name.clone());
        self.told = 0;
        self.clear_next(now)
    }

    /// Cleared twice is cleared: where the answer was lost, the command is given again.
    pub(super) fn did_not_clear(&mut self, fault: Fault) -> Next {
        let (_, ship) = self.ship_order()?;
        let given = self.ship_record().commands.len();
        self.told += 1;
        match ship.clear.get(given) {
            Some(name) if judge::outcome_of(fault.code) == Outcome::Fail && self.told < TRIES => {
                self.draft.retry();
                Ok(self.ask(Phase::ShipCommand, BoardRequest::Command { name: name.clone() }))
            }
            _ => Err(fault.into()),
        }
    }

    fn set_ship(&mut self, now: Moment) -> Next {
        let (step, ship) = self.ship_order()?;
        let mut values = BTreeMap::new();
        if step.clear {
            values.extend(ship.zeroed.into_iter().map(|name| (name, Value::Number(0.0))));
        }
        if let Some(register) = ship.date.filter(|_| step.date) {
            let set = self.draft.time(now).date_naive();
            values.insert(register.clone(), Value::Text(set.to_string()));
            self.ship_record().date = Some(DateRecord { register, set, after_restart: None });
        }
        if let Some(clock) = ship.clock.filter(|_| step.clock) {
            values.insert(
                clock.register.clone(),
                Value::Number(seconds_since(&clock, self.draft.time(now)) as f64),
            );
            let record = ClockRecord {
                register: clock.register,
                set: self.draft.time(now),
                ahead_s: None,
                evidence: Evidence::Claimed,
            };
            self.ship_record().clock = Some(record);
        }
        if values.is_empty() {
            return self.next(now);
        }
        Ok(self.ask(Phase::ShipSet, BoardRequest::SetRegisters { values }))
    }

    /// What goes on counting is compared after the restart.
    pub(super) fn ship_set(&mut self, now: Moment, readings: &[Reading]) -> Next {
        let ship = self.ship_record();
        let clock = ship.clock.as_ref().map(|clock| clock.register.clone());
        let date = ship.date.as_ref().map(|date| (date.register.clone(), date.set.to_string()));
        for reading in readings.iter().filter(|reading| Some(&reading.name) != clock.as_ref()) {
            let set = match &date {
                Some((register, set)) if *register == reading.name => Value::Text(set.clone()),
                _ => Value::Number(0.0),
            };
            if reading.value != set {
                return Err(does_not_hold(&reading.name, &set, &reading.value).into());
            }
        }
        self.next(now)
    }

    /// What of it is read after the restart.
    pub(super) fn ship_registers(&self) -> Vec<String> {
        let Some(ship) = &self.draft.record.ship else { return Vec::new() };
        let clock = ship.clock.as_ref().map(|clock| &clock.register);
        let clock = clock.filter(|register| is_readable(&self.order.model, register));
        let date = ship.date.as_ref().map(|date| &date.register);
        ship.counters.iter().map(|one| &one.register).chain(date).chain(clock).cloned().collect()
    }

    pub(super) fn verify_ship(&mut self, now: Moment, afresh: &AfreshReading) -> Result<(), Fault> {
        let Some(mut ship) = self.draft.record.ship.take() else { return Ok(()) };
        let time = self.draft.time(now);
        let model = self.order.model.clone();
        let clock = model.ship.as_ref().and_then(|settings| settings.clock.as_ref());
        let read = |name: &str| {
            afresh.reading(name).ok_or_else(|| internal(format!("{name} was not read after the restart")))
        };
        let mut judge = || -> Result<(), Fault> {
            for counter in &mut ship.counters {
                let reading = read(&counter.register)?;
                counter.after_restart = Some(count_of(reading, self)?);
            }
            if let Some(date) = &mut ship.date {
                date.after_restart = Some(read(&date.register)?.value.to_string());
            }
            if let (Some(record), Some(clock)) = (&mut ship.clock, clock)
                && is_readable(&model, &record.register)
            {
                let shown = read(&record.register)?.value.as_number().unwrap_or_default() as i64;
                record.ahead_s = Some(shown - seconds_since(clock, time));
                record.evidence = Evidence::Verified;
            }
            first_amiss(&ship)
        };
        let judged = judge();
        self.draft.record.ship = Some(ship);
        judged
    }

    // --- sleep ---

    fn wakes_by(&self) -> Result<WakesBy, Fault> {
        let sleep = self.order.model.ship.as_ref().and_then(|ship| ship.sleep.as_ref());
        sleep.map(|sleep| sleep.wakes).ok_or_else(|| internal("no way to sleep is known"))
    }

    pub(super) fn sleep(&mut self, now: Moment) -> Next {
        self.told = 0;
        let mut effects = self.draft.begin(now, Step::Sleep);
        effects.extend(self.ask_sleep());
        Ok(effects)
    }

    fn ask_sleep(&mut self) -> Vec<Effect> {
        self.told += 1;
        self.ask(Phase::Sleep, BoardRequest::Sleep)
    }

    /// Whoever could be another board by now is asked once more who it is, and for that it is woken.
    pub(super) fn sleeps(&mut self, now: Moment, proved: bool) -> Next {
        if std::mem::take(&mut self.doubted) {
            if self.told < TRIES {
                return self.rouse();
            }
            let detail = "its line broke again and again while the board was put to sleep, so nobody knows which one sleeps there";
            return Err(Fault::new(FaultCode::FixtureSilent).with("detail", detail).into());
        }
        if let Some(pass) = self.stands.take() {
            return Err(Ended::StandsAlready(pass));
        }
        let evidence = if proved { Evidence::Verified } else { Evidence::Claimed };
        self.ship_record().asleep = Some(evidence);
        self.next(now)
    }

    /// It may not have heard the command, or its answer was lost: it is looked for, and told again.
    pub(super) fn did_not_sleep(&mut self, fault: Fault) -> Next {
        if judge::outcome_of(fault.code) != Outcome::Fail || self.told >= TRIES {
            return match self.stands.take() {
                // Its pass stands, asleep or not.
                Some(pass) => Err(Ended::StandsAlready(pass)),
                None => Err(fault.into()),
            };
        }
        self.draft.retry();
        self.rouse()
    }

    fn rouse(&mut self) -> Next {
        if self.wakes_by()? == WakesBy::Supply {
            self.phase = Phase::RouseBySupply;
            return Ok(vec![Effect::PowerCycle]);
        }
        Ok(self.ask(Phase::Roused, BoardRequest::ReadIdentity))
    }

    pub(super) fn roused(&mut self, identity: &BoardIdentity) -> Next {
        self.same_board(identity)?;
        Ok(self.ask_sleep())
    }

    /// One that a run left asleep, and whose pass is shown again, was woken to be asked who it is.
    pub(super) fn stands(&mut self, now: Moment, pass: StandingPass) -> Next {
        if self.order.procedure.sleep.is_none() {
            return Err(Ended::StandsAlready(pass));
        }
        self.stands = Some(pass);
        self.sleep(now)
    }

    /// A board that only its supply wakes and that says nothing may be asleep: once, the supply goes off and on.
    pub(super) fn silent(&mut self) -> Next {
        let may_sleep = self.wakes_by() == Ok(WakesBy::Supply);
        if may_sleep && !self.was_woken {
            self.was_woken = true;
            self.phase = Phase::WakeBySupply;
            return Ok(vec![Effect::PowerCycle]);
        }
        Err(self.board_silent().into())
    }

    pub(super) fn woken(&mut self, answer: Result<(), Fault>) -> Next {
        if let Err(fault) = answer {
            tracing::debug!(?fault, "nobody can switch its supply");
            return Err(self.board_silent().into());
        }
        let silent_ms = self.order.procedure.probe.silent_ms;
        Ok(self.ask(Phase::Probe, BoardRequest::Probe { silent_ms }))
    }

    fn board_silent(&mut self) -> Fault {
        self.draft.record.found = Some(FoundState::Silent);
        let seconds = f64::from(self.order.procedure.probe.silent_ms) / 1000.0;
        Fault::new(FaultCode::BoardSilent).with("seconds", seconds)
    }
}

fn is_readable(model: &DeviceModel, register: &str) -> bool {
    model.register(register).is_some_and(|register| model.can_read(register))
}

/// A counter's number, or the word of a bit field.
fn count_of(reading: &Reading, work: &Work) -> Result<u32, Fault> {
    let number = reading.value.as_number().filter(|number| *number >= 0.0).map(|number| number as u32);
    let count = number.or_else(|| judge::bits_of(reading, &work.order));
    count.ok_or_else(|| does_not_hold(&reading.name, &Value::Number(0.0), &reading.value))
}

/// Seconds on a board's clock.
fn seconds_since(clock: &ClockSettings, at: DateTime<Utc>) -> i64 {
    at.signed_duration_since(clock.since.and_time(NaiveTime::MIN).and_utc()).num_seconds()
}

fn first_amiss(ship: &ShipRecord) -> Result<(), Fault> {
    let zero = Value::Number(0.0);
    if let Some(counter) = ship.counters.iter().find(|counter| counter.after_restart != Some(0)) {
        let found = counter.after_restart.map_or(f64::NAN, f64::from);
        return Err(does_not_hold(&counter.register, &zero, &Value::Number(found)));
    }
    if let Some(date) = ship.date.as_ref().filter(|date| !date.holds()) {
        let found = Value::Text(date.after_restart.clone().unwrap_or_default());
        return Err(does_not_hold(&date.register, &Value::Text(date.set.to_string()), &found));
    }
    if let Some(clock) = ship.clock.as_ref().filter(|clock| !clock.holds()) {
        let off = format!("{} s ahead", clock.ahead_s.unwrap_or_default());
        return Err(does_not_hold(&clock.register, &Value::Text(clock.set.to_rfc3339()), &Value::Text(off)));
    }
    Ok(())
}
