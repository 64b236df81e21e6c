//! What a station works: one batch in all its slots, or some slots another; and the form that says so.

use crate::{api, i18n, numbers, query::query, session::session, ui};
use domain::{
    api::{
        batches::BatchView,
        page::Page,
        stations::{Assign, SlotBatch, StationRow},
    },
    ids::{BatchId, StationId},
    role::Permission,
};
use leptos::prelude::*;

/// What decides how the card looks; it is built anew only when that changes, and a half-made choice stays.
#[derive(Debug, Clone, PartialEq)]
pub struct Works {
    id: StationId,
    slots: u16,
    batch: Option<BatchId>,
    own: Vec<SlotBatch>,
}

impl Works {
    pub fn of(station: &StationRow) -> Self {
        Self {
            id: station.station_id,
            slots: station.slots,
            batch: station.batch_id,
            own: station.slot_batches.clone(),
        }
    }
}

/// The newest batches are there to choose from.
pub fn work(works: Memo<Option<Works>>, changed: Callback<()>) -> AnyView {
    let t = i18n::texts();
    let batches = query(|| None, api::batches);
    let card = move || {
        let (works, batches) = (works.get()?, batches.get()?);
        let may = session().may(Permission::ManageBatches);
        Some(view! {
            <section class="card" data-work="true">
                <h2>{t.work}</h2>
                {said(&works, &batches)}
                {may.then(|| form(&works, &batches, changed))}
            </section>
        })
    };
    card.into_any()
}

/// Slots by their batch: those with batches of their own, then the station's, without its slots.
fn by_batch(works: &Works) -> Vec<(Option<BatchId>, Vec<u16>)> {
    let mut all: Vec<(_, Vec<u16>)> = Vec::new();
    for slot in &works.own {
        match all.iter_mut().find(|(batch, _)| *batch == Some(slot.batch_id)) {
            Some((_, slots)) => slots.push(slot.slot),
            None => all.push((Some(slot.batch_id), vec![slot.slot])),
        }
    }
    if works.own.len() < usize::from(works.slots) {
        all.push((works.batch, Vec::new()));
    }
    all
}

fn said(works: &Works, batches: &Page<BatchView>) -> AnyView {
    let t = i18n::texts();
    let whole = works.own.is_empty();
    let line = |(batch, slots): (Option<BatchId>, Vec<u16>)| {
        let which = match (slots.is_empty(), whole) {
            (true, true) => t.all_slots.to_owned(),
            (true, false) => t.other_slots.to_owned(),
            (false, _) => i18n::slots(&numbers::ranges(&slots)),
        };
        let name = batch.map(|batch| {
            let known = batches.items.iter().find(|view| view.batch_id == batch);
            let name = known.map_or_else(|| t.batch.to_owned(), |view| view.name.clone());
            ui::link("strong", format!("/batches/{batch}"), name.into_any())
        });
        view! { <p><span class="quiet">{which}</span>" "{name.unwrap_or_else(|| t.no_batch.into_any())}</p> }
    };
    by_batch(works).into_iter().map(line).collect_view().into_any()
}

fn form(works: &Works, batches: &Page<BatchView>, changed: Callback<()>) -> AnyView {
    let t = i18n::texts();
    let id = works.id;
    let batch: RwSignal<Option<BatchId>> = RwSignal::new(works.batch);
    let chosen: RwSignal<Vec<u16>> = RwSignal::default();
    let act = move || -> Result<ui::Coming, &'static str> {
        let (batch_id, slots) = (batch.get_untracked(), chosen.get_untracked());
        let assign = Assign { batch_id, slots, operator: None };
        Ok(Box::pin(async move {
            api::assign(id, assign).await?;
            changed.run(());
            Ok(())
        }))
    };
    let none = (String::new(), t.no_batch.to_owned());
    let options = batches.items.iter().map(|view| (view.batch_id.to_string(), view.name.clone()));
    let options = std::iter::once(none).chain(options).collect();
    let now = works.batch.map(|batch| batch.to_string());
    let choose = Callback::new(move |id: String| batch.set(id.parse().ok()));
    let slot = |slot: u16| {
        let tick = Callback::new(move |is_ticked| {
            chosen.update(|chosen| {
                chosen.retain(|other| *other != slot);
                chosen.extend(Some(slot).filter(|_| is_ticked));
            });
        });
        ui::check_field(slot.to_string(), "slot", slot.to_string(), tick)
    };
    let slots: Vec<AnyView> = (1..=works.slots).map(slot).collect();
    let for_which = move || if chosen.read().is_empty() { t.for_whole_station } else { t.for_chosen_slots };
    let parts = vec![
        ui::choice_field(t.batch, "batch", options, now.as_deref(), choose),
        view! {
            <div class="field" role="group" aria-label=t.only_slots>
                {t.only_slots}
                <div class="row slot-choice">{slots}</div>
            </div>
        }
        .into_any(),
        view! { <p class="quiet small">{for_which}</p> }.into_any(),
    ];
    ui::form("note-form no-print", parts, t.assign, Box::new(act), None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn slots_are_named_as_short_as_they_can_be() {
        assert_eq!(numbers::ranges(&[1, 2, 3, 5]), "1–3, 5");
        assert_eq!((numbers::ranges(&[7]), numbers::ranges(&[])), ("7".to_owned(), String::new()));
    }

    #[test]
    fn the_stations_batch_is_named_while_a_slot_works_it() {
        let (first, second) = (BatchId(Uuid::from_u128(1)), BatchId(Uuid::from_u128(2)));
        let own = |slots: &[u16]| slots.iter().map(|&slot| SlotBatch { slot, batch_id: second }).collect();
        let works = |own| Works { id: StationId(Uuid::nil()), slots: 2, batch: Some(first), own };
        assert_eq!(by_batch(&works(own(&[]))), [(Some(first), vec![])]);
        assert_eq!(by_batch(&works(own(&[2]))), [(Some(second), vec![2]), (Some(first), vec![])]);
        assert_eq!(by_batch(&works(own(&[1, 2]))), [(Some(second), vec![1, 2])]);
    }
}
