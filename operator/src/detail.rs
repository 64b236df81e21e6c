//! One slot in detail, beside the others and over none of them: voltage and current of its run, and what passed over its line, frame by frame.

mod chart;
mod words;

use browser::replay::{Line, Replay, Room};
use domain::api::operator::SlotDetail;
use gloo_net::http::Request;
use leptos::{html::Aside, prelude::*, task::spawn_local};
use std::time::Duration;

const EVERY: Duration = Duration::from_secs(1);

/// The slot that is looked at.
#[derive(Clone, Copy)]
pub struct Look {
    pub slot: RwSignal<Option<u16>>,
    seen: RwSignal<Option<SlotDetail>>,
    replay: Replay,
}

impl Look {
    pub fn new() -> Self {
        let look = Self { slot: RwSignal::new(None), seen: RwSignal::new(None), replay: Replay::default() };
        set_interval(move || look.ask(), EVERY);
        look
    }

    /// Opens the slot's detail, or closes it where it is open.
    pub fn toggle(self, slot: u16) {
        let opens = self.slot.get_untracked() != Some(slot);
        self.seen.set(None);
        self.replay.clear();
        self.slot.set(opens.then_some(slot));
        self.ask();
    }

    fn ask(self) {
        let Some(slot) = self.slot.get_untracked() else { return };
        spawn_local(async move {
            let path = format!("/api/v1/operator/slots/{slot}/detail");
            let asked = async {
                let answer = Request::get(&path).send().await.ok().filter(|answer| answer.ok())?;
                serde_json::from_str::<SlotDetail>(&answer.text().await.ok()?).ok()
            };
            let seen = asked.await;
            let is_news = seen.is_some() && self.seen.with_untracked(|before| *before != seen);
            if let Some(seen) = seen.filter(|_| is_news && self.slot.get_untracked() == Some(slot)) {
                let steps = seen.run.as_ref().map(|run| run.steps.clone()).unwrap_or_default();
                self.replay.show(Line { frames: seen.frames.clone(), before: seen.before, steps });
                self.seen.set(Some(seen));
            }
        });
    }

    fn key(self, key: &str) -> bool {
        if key == "Escape" {
            self.slot.set(None);
            return true;
        }
        self.replay.key(key)
    }
}

/// The panel, while a slot is looked at.
pub fn panel(look: Look) -> AnyView {
    move_on_open(look).into_any()
}

fn move_on_open(look: Look) -> impl IntoView {
    let node = NodeRef::<Aside>::new();
    Effect::new(move |_| {
        // Its keys work at once.
        if look.slot.get().is_some()
            && let Some(aside) = node.get()
        {
            let _it_may_be_gone = aside.focus();
        }
    });
    move || {
        let slot = look.slot.get()?;
        let t = words::texts();
        let pressed = move |event: leptos::ev::KeyboardEvent| {
            if look.key(&event.key()) {
                event.prevent_default();
                event.stop_propagation();
            }
        };
        Some(
            view! {
                <aside class="detail" tabindex="0" node_ref=node data-detail=slot.to_string() on:keydown=pressed>
                    <header><b>{format!("{} {slot}", t.slot)}</b><span class="grow"></span>
                        <button type="button" class="plain" data-close="detail" on:click=move |_| look.slot.set(None)>{t.close}</button>
                    </header>
                    {move || look.seen.with(|seen| match seen {
                        None => view! { <p class="quiet">{t.looking}</p> }.into_any(),
                        Some(seen) => match &seen.run {
                            Some(run) => chart::charts(run, look.replay),
                            None => view! { <p class="quiet">{t.no_run}</p> }.into_any(),
                        },
                    })}
                    <section class="line">
                        <h3>{t.line}</h3>
                        {look.replay.view(Room::Narrow)}
                        <p class="quiet small">{t.keys}</p>
                    </section>
                </aside>
            }
            .into_any(),
        )
    }
}
