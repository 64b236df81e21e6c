//! One slot in detail, beside the others and over none of them: voltage and current of its run, and what passed over its line, frame by frame.

mod chart;
mod line;
mod words;

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
    /// The frame that is looked at; none: the newest, whichever that is.
    at: RwSignal<Option<usize>>,
}

impl Look {
    pub fn new() -> Self {
        let look = Self { slot: RwSignal::new(None), seen: RwSignal::new(None), at: RwSignal::new(None) };
        set_interval(move || look.ask(), EVERY);
        look
    }

    /// Opens the slot's detail, or closes it where it is open.
    pub fn toggle(self, slot: u16) {
        let opens = self.slot.get_untracked() != Some(slot);
        self.seen.set(None);
        self.at.set(None);
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
            if is_news && self.slot.get_untracked() == Some(slot) {
                self.seen.set(seen);
            }
        });
    }

    fn frames(self) -> usize {
        self.seen.with(|seen| seen.as_ref().map_or(0, |seen| seen.frames.len()))
    }

    /// The frame that is shown.
    fn shown(self) -> Option<usize> {
        let last = self.frames().checked_sub(1)?;
        Some(self.at.get().unwrap_or(last).min(last))
    }

    fn go(self, to: usize) {
        let last = untrack(|| self.frames()).saturating_sub(1);
        self.at.set(Some(to.min(last)).filter(|to| *to < last));
    }

    fn by(self, frames: isize) {
        let at = untrack(|| self.shown()).unwrap_or_default();
        self.go(at.saturating_add_signed(frames));
    }

    /// To the first frame of the step before or behind the one that is shown.
    fn step(self, forward: bool) {
        let to = self.seen.with_untracked(|seen| {
            let seen = seen.as_ref()?;
            let at = untrack(|| self.shown())?;
            line::step_of(seen, at, forward)
        });
        if let Some(to) = to {
            self.go(to);
        }
    }

    fn key(self, key: &str) -> bool {
        match key {
            "ArrowUp" | "ArrowLeft" => self.by(-1),
            "ArrowDown" | "ArrowRight" => self.by(1),
            "PageUp" => self.step(false),
            "PageDown" => self.step(true),
            "Home" => self.go(0),
            "End" => self.at.set(None),
            "Escape" => self.slot.set(None),
            _ => return false,
        }
        true
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
                            Some(run) => chart::charts(run),
                            None => view! { <p class="quiet">{t.no_run}</p> }.into_any(),
                        },
                    })}
                    {line::replay(look)}
                </aside>
            }
            .into_any(),
        )
    }
}
