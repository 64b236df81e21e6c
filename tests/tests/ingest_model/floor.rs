//! Batches that quality holds, slots that people at the jig change over, and what a station is told of its work.

use super::{
    history::{Batch, Way},
    replay::{Play, Seen, note, same, told, understood},
};
use domain::{
    api::{floor::ChangeOver, stations::StationWork},
    ids::BatchId,
    role::Role,
};
use reqwest::Method;
use serde_json::{Value, json};

impl Play<'_> {
    pub async fn hold(&mut self, batch: Batch, way: Way, seen: &mut Seen) -> Result<(), String> {
        match way {
            Way::Hold => self.hold_once(batch, true, seen).await,
            Way::LetGo => self.hold_once(batch, false, seen).await,
            Way::HoldAndScan(station) => {
                self.hold_once(batch, true, seen).await?;
                self.hold_once(batch, true, seen).await?;
                self.change_over(station, &[1], batch, seen).await
            }
        }
    }

    async fn hold_once(&mut self, batch: Batch, held: bool, seen: &mut Seen) -> Result<(), String> {
        let id = self.batch(batch);
        let (said, path) =
            if held { (self.model.hold_batch(id), "hold") } else { (self.model.let_go(id), "let-go") };
        let path = format!("batches/{id}/{path}");
        let answer = self.decide(Role::Quality, Method::POST, &path, json!({ "reason": "a question" })).await;
        note(seen, "hold", said.err().map_or("done", |refused| refused.code));
        same(&said.map_err(told), &answer.map(drop))
    }

    pub async fn change_over(
        &mut self,
        station: u8,
        slots: &[u16],
        batch: Batch,
        seen: &mut Seen,
    ) -> Result<(), String> {
        let (station_id, key) = self.key(station);
        let to = ChangeOver { batch_id: self.batch(batch), slots: slots.to_vec(), by: "engineer".to_owned() };
        let said = self.model.change_over(station_id, &to);
        let answer: Result<Value, _> = understood(self.world.ask(&key, "change-over", &json!(to)).await)?;
        note(seen, "change-over", said.err().map_or("done", |refused| refused.code));
        same(&said.map_err(told), &answer.map(drop))?;
        self.told_of_work(station).await
    }

    /// What each slot works, which of that is held, what else is open, and the references.
    pub async fn told_of_work(&self, station: u8) -> Result<(), String> {
        let (station_id, key) = self.key(station);
        if self.is_frozen(station_id) {
            return Ok(());
        }
        let text = self.world.told(&key, "work").await;
        let work: StationWork = serde_json::from_value(text).map_err(|error| error.to_string())?;
        let (all, slots) = self.model.work(station_id);
        let each = work.all.iter().chain(work.slots.iter().map(|own| &own.work));
        for assignment in each {
            let is_held = self.model.is_held(assignment.batch_id);
            if assignment.hold.is_some() != is_held {
                return Err(format!("the station is told of a hold: {:?}", assignment.hold));
            }
        }
        let own: Vec<BatchId> = self.stage.batches.iter().map(|(batch, ..)| *batch).collect();
        let (mut open, mut said): (Vec<BatchId>, Vec<BatchId>) = (
            work.open.iter().map(|order| order.batch_id).filter(|id| own.contains(id)).collect(),
            own.iter().copied().filter(|id| self.model.is_open(*id)).collect(),
        );
        open.sort_unstable();
        said.sort_unstable();
        same(&said, &open).map_err(|fault| format!("open orders: {fault}"))?;
        let is = (
            work.all.as_ref().map(|work| work.batch_id),
            work.slots.iter().map(|own| (own.slot, own.work.batch_id)).collect(),
        );
        // Those of other histories are in the same database.
        let mut told = work.references;
        told.retain(|one| self.registered.contains(&one.value));
        if told != self.model.references(server::clock::now()) {
            return Err(format!("the station is told of the references {told:?}"));
        }
        if is == (all, slots) { Ok(()) } else { Err(format!("the station is told to work {is:?}")) }
    }
}
