//! What stations say of themselves, and what people decide about them, their texts and their numbers.

use super::{
    database,
    history::{
        And, Batch, Board, Bundle, Form, Freed, Last, Machine, Misfit, Number, Outbox, Piece, Run, Says,
        Session, Shows, Told, Which,
    },
    replay::{Play, Seen, note, same, told, understood},
    texts::NEVER_LENT,
};
use chrono::TimeDelta;
use domain::{
    api::{
        ingest::WayOut,
        stations::{CheckIn, CheckInAnswer, LeaseSerialBlock},
    },
    ids::{ContentHash, SessionId, StationId},
    live::{JournalLive, StationLive},
    outcome::Outcome,
    record::Envelope,
    role::Role,
    text::Fault,
};
use reqwest::Method;
use serde_json::{Value, json};

/// Why a sound record waits for somebody.
const HELD_BACK: [&str; 4] = ["station_frozen", "outbox_ended", "share_written_off", "quota_exceeded"];

impl Play<'_> {
    pub fn wait(&mut self) {
        self.now += TimeDelta::seconds(10);
    }

    /// The model's time, for the server.
    async fn set_clock(&self, station: StationId) {
        let session = self.model.known(station).and_then(|known| known.session);
        if let Some(session) = session {
            let age = self.now - session.since;
            database::set_session_age(&self.world.server.database.pool, station, age).await;
        }
    }

    pub async fn check_in(&mut self, station: u8, says: &Says, seen: &mut Seen) -> Result<(), String> {
        let (station_id, key) = self.key(station);
        let session = self.desk_mut(station).session(says.session);
        let machine = match says.machine {
            Machine::Own => Some(ContentHash::of(&[station])),
            Machine::Another => Some(ContentHash::of(b"another")),
            Machine::Unnamed => None,
        };
        let mut said = CheckIn {
            wire_version: 2,
            program: "1.0".to_owned(),
            session_id: SessionId(self.id(4, station, session)),
            outbox_id: self.outbox(station, says.outbox),
            last: self.desk(station).last(says.outbox, says.last),
            changes: says.changes.map(u64::from),
            unsent: 0,
            machine,
            slots: says.slots,
        };
        match says.flaw {
            None => {}
            Some(Misfit::Version) => said.wire_version = 1,
            Some(Misfit::NoSlots) => said.slots = 0,
            Some(Misfit::TooManySlots) => said.slots = 1001,
            Some(Misfit::NoProgram) => said.program.clear(),
            Some(Misfit::NumberNone) => said.last.iter_mut().for_each(|last| last.number = 0),
            Some(Misfit::NumberHuge) => said.last.iter_mut().for_each(|last| last.number = u64::MAX),
        }
        self.set_clock(station_id).await;
        let verdict = self.model.check_in(station_id, &said, self.now);
        let answer: Result<CheckInAnswer, _> =
            understood(self.world.ask(&key, "check-in", &json!(said)).await)?;
        match &verdict {
            Ok(CheckInAnswer::Accepted { held }) => {
                note(seen, "check-in", if held.missing > 0 { "accepted with gaps" } else { "accepted" });
            }
            Ok(CheckInAnswer::BeginOutbox) => {
                note(seen, "check-in", "begin outbox");
                if matches!(says.outbox, Outbox::Current) {
                    self.desk_mut(station).begin_outbox();
                }
            }
            Ok(CheckInAnswer::Frozen { reason }) => note(seen, "check-in", &code(reason)),
            Err(refused) => note(seen, "check-in", refused.code),
        }
        same(&verdict.map_err(told), &answer)
    }

    pub async fn live(
        &mut self,
        station: u8,
        session: Session,
        ahead: u8,
        seen: &mut Seen,
    ) -> Result<(), String> {
        let (station_id, key) = self.key(station);
        let session = self.desk_mut(station).session(session);
        let last = self.desk(station).last(Outbox::Current, Last::WithoutHash);
        let journal = JournalLive {
            session_id: SessionId(self.id(4, station, session)),
            outbox_id: self.outbox(station, Outbox::Current),
            closed: last.map_or(0, |last| last.number) + u64::from(ahead),
            // Now and then it says nothing of that.
            changes: (ahead % 4 != 3).then(|| u64::from(ahead)),
        };
        let live = StationLive {
            station_id,
            station_name: String::new(),
            batch_id: None,
            at: self.now,
            unsent_records: 0,
            journal: Some(journal),
            slots: Vec::new(),
        };
        self.set_clock(station_id).await;
        let was_frozen = self.is_frozen(station_id);
        self.model.hear(station_id, &journal, self.now);
        if !was_frozen && self.is_frozen(station_id) {
            note(seen, "live", "froze the station");
        }
        let answer = self.world.ask(&key, "live", &json!(live)).await;
        if answer.0.is_success() { Ok(()) } else { Err(format!("a live message was refused: {answer:?}")) }
    }

    pub fn is_frozen(&self, station: StationId) -> bool {
        self.model.known(station).is_some_and(|known| known.frozen.is_some())
    }

    pub async fn unfreeze(&mut self, station: u8, seen: &mut Seen) -> Result<(), String> {
        let (mut station_id, other) = (self.key(station).0, self.key(1 - station).0);
        if !self.is_frozen(station_id) && self.is_frozen(other) {
            station_id = other;
        }
        let said = self.model.unfreeze(station_id);
        let path = format!("stations/{station_id}/unfreeze");
        let answer = self.decide(Role::Admin, Method::POST, &path, json!({ "note": "found out" })).await;
        note(seen, "unfreeze", said.err().map_or("done", |refused| refused.code));
        same(&said.map_err(told), &answer.map(drop))
    }

    pub async fn replace(&mut self, station: u8) -> Result<(), String> {
        let (station_id, _) = self.key(station);
        self.model.replace(station_id);
        let path = format!("stations/{station_id}/replace");
        let answer = self.decide(Role::Admin, Method::POST, &path, json!({ "note": "a new disk" })).await;
        let replaced = answer.map_err(|refused| format!("a station was not replaced: {refused:?}"))?;
        // The machine that comes has made itself a key.
        let key = server::clock::random_token();
        let form = json!({
            "wire_version": 2, "program": "1.0", "code": replaced["code"]["code"], "key_sha256": ContentHash::of(key.as_bytes()),
        });
        let taken = self.decide(Role::Admin, Method::POST, "enrol", form).await;
        taken.map_err(|refused| format!("the machine that comes is not taken: {refused:?}"))?;
        self.stage.stations[usize::from(station)].enrolled.key = key;
        Ok(())
    }

    pub async fn assign(
        &mut self,
        station: u8,
        slot: Option<u16>,
        batch: Option<Batch>,
        seen: &mut Seen,
    ) -> Result<(), String> {
        // Nobody can give a station what is not there.
        let batch = batch.filter(|batch| *batch != Batch::Unknown).map(|batch| self.batch(batch));
        let (station_id, _) = self.key(station);
        let said = match slot {
            None => {
                self.model.assign(station_id, batch);
                Ok(())
            }
            Some(slot) => self.model.assign_slot(station_id, slot, batch),
        };
        let path = format!("stations/{station_id}/assignment");
        let body = json!({ "batch_id": batch, "slots": Vec::from_iter(slot) });
        let answer = self.decide(Role::Engineer, Method::PUT, &path, body).await;
        let whose = if slot.is_some() { "a slot's" } else { "a station's" };
        note(seen, "assign", said.err().map_or(whose, |refused| refused.code));
        same(&said.map_err(told), &answer.map(drop))?;
        self.told_of_work(station).await
    }

    pub async fn write_off(&mut self, place: Option<u8>, seen: &mut Seen) -> Result<(), String> {
        let accounts: Vec<_> = self.model.held().accounts.into_keys().collect();
        let place = place.and_then(|place| usize::from(place).checked_rem(accounts.len()));
        let nobodys = || (self.batch(Batch::Small), self.key(0).0, self.outbox(0, Outbox::Never));
        let (batch, station_id, outbox) = place.map_or_else(nobodys, |place| accounts[place]);
        let said = self.model.write_off(batch, station_id, outbox);
        let body = json!({ "station_id": station_id, "outbox_id": outbox, "reason": "lost" });
        let answer =
            self.decide(Role::Admin, Method::POST, &format!("batches/{batch}/write-offs"), body).await;
        note(seen, "write-off", said.as_ref().err().map_or("done", |refused| refused.code));
        let shares = answer.map(|view| view["write_offs"][0]["shares"].as_u64().unwrap());
        same(&said.map_err(told), &shares)
    }

    pub async fn scrap(&mut self, number: Number, seen: &mut Seen) -> Result<(), String> {
        let lent = |place| self.earlier_number(Number::Lent(place));
        let serial = match number {
            // Of a board that has none yet: one that it may get.
            Number::OfBoard(board) => self.earlier_number(number).or_else(|| lent(board)),
            _ => self.earlier_number(number),
        };
        self.scrap_it(&serial.unwrap_or_else(|| NEVER_LENT.to_owned()), seen).await
    }

    async fn scrap_it(&mut self, serial: &str, seen: &mut Seen) -> Result<(), String> {
        let said = self.model.scrap(serial);
        let path = format!("serials/{serial}/scrap");
        let answer =
            self.decide(Role::Quality, Method::POST, &path, json!({ "reason": "printed askew" })).await;
        note(seen, "scrap", said.err().map_or("done", |refused| refused.code));
        same(&said.map_err(told), &answer.map(drop))
    }

    /// A number of the customer's list that was lent.
    fn listed(&self, place: u8) -> Option<String> {
        let listed = self.batch(Batch::Listed);
        let of_list: Vec<&String> =
            self.lent.iter().filter(|lent| lent.batch == listed).map(|lent| &lent.serial).collect();
        of_list.get(usize::from(place).checked_rem(of_list.len())?).map(|serial| (*serial).clone())
    }

    pub async fn free(&mut self, which: Freed, seen: &mut Seen) -> Result<(), String> {
        let serial = match which {
            Freed::Listed(place) => self.listed(place),
            Freed::Lent(place) => self.earlier_number(Number::Lent(place)),
            Freed::NeverLent => None,
        };
        self.free_it(&serial.unwrap_or_else(|| NEVER_LENT.to_owned()), seen).await
    }

    async fn free_it(&mut self, serial: &str, seen: &mut Seen) -> Result<(), String> {
        let said = self.model.free(serial);
        let body = json!({ "reason": "its jig is gone" });
        let answer = self.decide(Role::Quality, Method::POST, &format!("serials/{serial}/free"), body).await;
        note(seen, "free", said.err().map_or("done", |refused| refused.code));
        same(&said.map_err(told), &answer.map(drop))
    }

    pub async fn give_up(&mut self, place: u8, and: And, seen: &mut Seen) -> Result<(), String> {
        self.replace(0).await?;
        let Some(serial) = self.listed(place) else { return Ok(()) };
        if matches!(and, And::Scrapped) {
            self.scrap_it(&serial, seen).await?;
        }
        self.free_it(&serial, seen).await?;
        match and {
            And::Nothing | And::Scrapped => Ok(()),
            And::Again => self.free_it(&serial, seen).await,
            And::ToldOf => {
                let run = Run {
                    board: Board { board: 4, module_of: None, shows: Shows::All },
                    outbox: Outbox::Never,
                    batch: Batch::Listed,
                    bundle: Bundle::OfTheBatch,
                    number: Number::Freed(0),
                    outcome: Outcome::Pass,
                    fault: Told::Fitting,
                    flaw: None,
                    form: Form::Sound,
                    resumes: None,
                    order: None,
                    minute: 0,
                };
                let text = self.text_of(0, &Piece::Run(run));
                self.send(0, vec![text], seen).await
            }
            And::LentAgain => {
                let (batch_id, block_id) = (self.batch(Batch::Listed), self.block(9));
                self.lend(1, LeaseSerialBlock { batch_id, block_id, count: 12, share: None }, seen).await
            }
        }
    }

    pub async fn resolve(
        &mut self,
        place: u8,
        which: Which,
        way: WayOut,
        seen: &mut Seen,
    ) -> Result<(), String> {
        let mut aside = self.set_aside(which);
        if aside.is_empty() {
            aside = self.set_aside(Which::Any);
        }
        let Some(place) = usize::from(place).checked_rem(aside.len()) else { return Ok(()) };
        let (station, sha256) = &aside[place];
        let id = database::quarantine_id(&self.world.server.database.pool, *station, sha256).await;
        let said = self.model.resolve(*station, sha256, way);
        let path = format!("quarantine/{id}/resolve");
        let body = json!({ "way": way, "note": "looked at it" });
        let answer = self.decide(Role::Quality, Method::POST, &path, body).await;
        note(seen, &format!("{way:?}"), said.err().map_or("done", |refused| refused.code));
        same(&said.map_err(told), &answer.map(drop))?;
        // What was on its way meanwhile comes a second time.
        let again = self.sent.iter().find(|text| ContentHash::of(text.as_bytes()) == *sha256).cloned();
        let of = (0..2).find(|of| self.key(*of).0 == *station);
        let (Some(again), Some(of)) = (again, of) else { return Ok(()) };
        self.send(of, vec![again], seen).await
    }

    fn set_aside(&self, which: Which) -> Vec<(StationId, ContentHash)> {
        match which {
            Which::Any => self.model.held().set_aside.into_keys().collect(),
            Which::Resolved => {
                let all = self.model.held().set_aside.into_iter();
                all.filter(|(_, aside)| aside.resolved.is_some()).map(|(key, _)| key).collect()
            }
            Which::HeldBack => {
                let waiting = self.model.waiting().into_iter();
                let held_back = waiting.filter(|(_, reason)| HELD_BACK.contains(reason));
                let key = |(text, _): (&str, &str)| {
                    let envelope: Envelope = serde_json::from_str(text).unwrap();
                    (envelope.station_id, ContentHash::of(text.as_bytes()))
                };
                held_back.map(key).collect()
            }
        }
    }

    /// Somebody's act; the answer, or the status and the code of a refusal.
    pub async fn decide(
        &self,
        role: Role,
        method: Method,
        path: &str,
        body: Value,
    ) -> Result<Value, (u16, String)> {
        let (status, body) = self.world.decide(role, method, path, &body).await;
        if status.is_success() {
            return Ok(body);
        }
        Err((status.as_u16(), body["code"].as_str().unwrap_or_default().to_owned()))
    }
}

fn code(reason: &Fault) -> String {
    json!(reason.code).as_str().unwrap_or_default().to_owned()
}
