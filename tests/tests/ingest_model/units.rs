//! What people decide about units.

use super::{
    database,
    history::{Board, Bundle, Decision, Form, Number, Operation, Outbox, Piece, Run, Shows, Told},
    replay::{NOW, Play, Seen, note, same, told},
};
use chrono::{DateTime, Utc};
use domain::{
    admission::UnitActKind,
    api::{references::ReferenceRow, stations::AskAdmission, units::UnitView},
    ids::{RunId, UnitActId},
    outcome::Outcome,
    reference::{MustFail, Reference, ReferenceKind, ReferenceLife},
    role::Role,
};
use reqwest::Method;
use serde_json::json;

/// A golden board for whatever a jig works.
pub fn golden(name: &str) -> Reference {
    Reference {
        name: name.to_owned(),
        kind: ReferenceKind::Golden,
        must_fail: None,
        profile: None,
        life: ReferenceLife::default(),
    }
}

/// The oldest run of a unit that is none.
const NOBODY: RunId = RunId(uuid::Uuid::nil());

impl Play<'_> {
    pub async fn fail_thrice(&mut self, station: u8, run: &Run, seen: &mut Seen) -> Result<(), String> {
        let fails = Run { outcome: Outcome::Fail, ..run.clone() };
        let texts = (0..3).map(|_| self.text_of(station, &Piece::Run(fails.clone()))).collect();
        self.send(station, texts, seen).await?;
        self.ask_for(station, run, seen).await
    }

    pub async fn pass_and_decide(
        &mut self,
        station: u8,
        run: &Run,
        decision: Decision,
        seen: &mut Seen,
    ) -> Result<(), String> {
        let before = i64::from(run.minute) % NOW;
        let mut pass = Run {
            board: Board { module_of: None, shows: Shows::All, ..run.board.clone() },
            outbox: Outbox::Current,
            bundle: Bundle::OfTheBatch,
            number: Number::Own,
            outcome: Outcome::Pass,
            fault: Told::Fitting,
            flaw: None,
            form: Form::Sound,
            minute: u16::try_from(before).unwrap(),
            ..run.clone()
        };
        let text = self.text_of(station, &Piece::Run(pass.clone()));
        self.send(station, vec![text], seen).await?;
        let made = self.made.last().copied();
        let units = self.model.held().units;
        let of = units.iter().find(|(_, unit)| made.is_some_and(|made| unit.runs.contains(&made)));
        let unit = of.map_or(NOBODY, |(oldest, _)| *oldest);
        self.decide_about(unit, decision, seen).await?;
        self.decide_about(unit, decision, seen).await?;
        self.ask_for(station, &pass, seen).await?;
        pass.minute += u16::try_from(NOW).unwrap();
        if run.minute.is_multiple_of(4) {
            // Somebody gives it another number.
            pass.number = Number::Lent(u8::try_from(run.minute / 4 % 40).unwrap());
        }
        let text = self.text_of(station, &Piece::Run(pass.clone()));
        self.send(station, vec![text], seen).await?;
        self.ask_for(station, &pass, seen).await
    }

    pub async fn register(&mut self, station: u8, run: &Run, seen: &mut Seen) -> Result<(), String> {
        let board = Board { module_of: None, shows: Shows::All, ..run.board.clone() };
        // The second time it is one already.
        self.register_board(&board, seen).await?;
        self.register_board(&board, seen).await?;
        let minute = run.minute % 1000 + u16::try_from(NOW).unwrap() + 1;
        let worked = Run { board, minute, ..run.clone() };
        self.ask_for(station, &worked, seen).await?;
        let text = self.text_of(station, &Piece::Run(worked.clone()));
        self.send(station, vec![text], seen).await?;
        let fault = if worked.outcome == Outcome::Pass { Told::Fitting } else { worked.fault };
        let bundle = Bundle::OfTheBatch;
        let check = Run { form: Form::Check, outbox: Outbox::Current, fault, bundle, ..worked };
        let text = self.text_of(station, &Piece::Run(check));
        self.send(station, vec![text], seen).await
    }

    async fn register_board(&mut self, board: &Board, seen: &mut Seen) -> Result<(), String> {
        let shown = self.shown(board);
        // The machine code of an even board, the module of an odd one.
        let one = &shown[usize::from(board.board % 2)];
        // One board is known bad, for what a run that fitted failed by.
        let what = if board.board == 2 {
            let must_fail = Some(MustFail::ALL[0]);
            Reference { kind: ReferenceKind::KnownBad, must_fail, ..golden("B") }
        } else {
            golden("G")
        };
        let body = json!({
            "kind": what.kind, "name": what.name, "must_fail": what.must_fail, "reason": "checks the jig",
            "identifier_kind": one.kind, "identifier_value": one.value,
        });
        let answer = self.decide(Role::Quality, Method::POST, "references", body).await;
        let row: Result<ReferenceRow, _> = answer.map(|body| serde_json::from_value(body).unwrap());
        let at = row.as_ref().map_or_else(|_| server::clock::now(), |row| row.at);
        let said = self.model.register((one.kind, one.value.clone()), what, at);
        self.references.extend(row.as_ref().ok().map(|row| row.reference_id.0));
        self.registered.extend(row.as_ref().ok().map(|row| row.identifier_value.clone()));
        note(seen, "reference", said.err().map_or("registered", |refused| refused.code));
        same(&said.map_err(told), &row.map(drop))
    }

    pub async fn end_reference(&mut self, place: Option<usize>, seen: &mut Seen) -> Result<(), String> {
        let id = place.map_or(uuid::Uuid::nil(), |place| self.references[place]);
        let body = json!({ "reason": "worn out" });
        let answer = self.decide(Role::Quality, Method::POST, &format!("references/{id}/end"), body).await;
        let row: Result<ReferenceRow, _> = answer.map(|body| serde_json::from_value(body).unwrap());
        let at = row
            .as_ref()
            .ok()
            .and_then(|row| row.ended.as_ref())
            .map_or_else(server::clock::now, |end| end.at);
        let said = self.model.end_reference(place.unwrap_or(usize::MAX), at);
        note(seen, "reference", said.err().map_or("put away", |refused| refused.code));
        same(&said.map_err(told), &row.map(drop))
    }

    pub async fn ask_for(&self, station: u8, run: &Run, seen: &mut Seen) -> Result<(), String> {
        let (identifiers, batch_id) = (self.shown(&run.board), self.batch(run.batch));
        let operation = self.operation(Operation::Own);
        self.ask(station, AskAdmission { batch_id, operation, identifiers }, seen).await
    }

    /// About the unit with this oldest run.
    pub async fn decide_about(
        &mut self,
        unit: RunId,
        decision: Decision,
        seen: &mut Seen,
    ) -> Result<(), String> {
        let id = match unit {
            NOBODY => uuid::Uuid::nil(),
            oldest => database::unit_of(&self.world.server.database.pool, oldest).await,
        };
        match decision {
            Decision::Act(act) => self.decide_act(unit, &format!("units/{id}/acts"), act, seen).await,
            Decision::Term => self.set_term(unit, &format!("units/{id}/lease"), seen).await,
        }
    }

    async fn decide_act(
        &mut self,
        unit: RunId,
        path: &str,
        act: UnitActKind,
        seen: &mut Seen,
    ) -> Result<(), String> {
        let found = (act == UnitActKind::Rework).then_some("a cold joint");
        let body = json!({ "act": act, "reason": "looked at it", "found": found });
        let answer = self.decide(Role::Quality, Method::POST, path, body).await;
        let view: Result<UnitView, _> = answer.map(|body| serde_json::from_value(body).unwrap());
        let kept = view.as_ref().ok().and_then(|view| view.acts.first());
        let named = kept.map(|act| (act.unit_act_id, act.at));
        let named = named.unwrap_or((UnitActId(uuid::Uuid::nil()), DateTime::UNIX_EPOCH));
        let said = self.model.act(unit, act, "looked at it", named);
        let word = said.err().map_or("done", |refused| refused.code);
        note(seen, "decided", &format!("{}, {word}", act.as_str()));
        same(&said.map_err(told), &view.map(drop))
    }

    async fn set_term(&mut self, unit: RunId, path: &str, seen: &mut Seen) -> Result<(), String> {
        let until = DateTime::<Utc>::from_timestamp(4_000_000_000, 0).unwrap();
        let said = self.model.set_term(unit, until);
        let body = json!({ "mode": "armed", "expires_at": until, "reason": "a contract" });
        let answer = self.decide(Role::Sales, Method::PUT, path, body).await;
        note(seen, "term", said.err().map_or("set", |refused| refused.code));
        same(&said.map_err(told), &answer.map(drop))
    }

    /// One of all units, or one that is none.
    pub fn some_unit(&self, place: u8) -> RunId {
        let units: Vec<RunId> = self.model.held().units.into_keys().collect();
        let place = usize::from(place).checked_rem(units.len() + 1);
        place.and_then(|place| units.get(place)).copied().unwrap_or(NOBODY)
    }
}
