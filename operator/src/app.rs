//! The whole page: what is made, how it stands, and all slots at once.

use crate::{
    bench,
    card::{Beside, card, grid, shape},
    choices::Choices,
    desk::Desk,
    feed::{self, Feed},
    labels, later,
    panel::Panel,
    references, said,
    sound::{Sound, Speaker},
    wedge::{Heard, OVER_MS, Wedge},
    words,
};
use domain::{
    api::operator::{BatchOnJig, MeasurementTitle, OperatorView},
    ids::{BatchId, RunId},
    live::SlotState,
    outcome::Outcome,
};
use leptos::prelude::*;
use std::{collections::HashMap, sync::Arc, time::Duration};
use wasm_bindgen::JsCast as _;
use web_sys::HtmlInputElement;

/// What each batch's measurements are called.
type Titles = Vec<(BatchId, Arc<[MeasurementTitle]>)>;

#[component]
pub fn App() -> impl IntoView {
    let choices = Choices::load();
    let feed = feed::listen();
    let (desk, speaker) = (Desk::new(feed), Speaker::new());
    let now = ticking();
    listen_to_keys(desk, speaker);
    sound_of_changes(feed, speaker);
    speak_the_persons_language(feed, choices);
    // Anew with the language: every word on it is another.
    move || {
        choices.language.get();
        page(choices, desk, speaker, now)
    }
}

fn ticking() -> RwSignal<f64> {
    let now = RwSignal::new(js_sys::Date::now());
    set_interval(move || now.set(js_sys::Date::now()), Duration::from_millis(500));
    now
}

fn page(choices: Choices, desk: Desk, speaker: Speaker, now: RwSignal<f64>) -> AnyView {
    let t = words::texts();
    let feed = desk.feed;
    let numbers = Memo::new(move |_| {
        feed.view.read().iter().flat_map(|view| &view.slots).map(|slot| slot.live.slot).collect::<Vec<u16>>()
    });
    let titles = Memo::new(move |_| {
        let of = |batch: &BatchOnJig| (batch.batch_id, Arc::from(batch.measurements.as_slice()));
        feed.view.read().iter().flat_map(|view| &view.batches).map(of).collect::<Titles>()
    });
    view! {
        <div class="page" on:pointerdown=move |_| speaker.wake()>
            <header class="top">
                {move || feed.view.read().as_ref().map(head)}
                <span class="grow"></span>
                {move || feed.view.read().as_ref().map(lamp)}
                {person(desk)}
                <button type="button" class="plain" title=t.sound_on data-sound=move || if speaker.is_on.get() { "on" } else { "off" } on:click=move |_| speaker.wake()>
                    {move || if speaker.is_on.get() { "♪" } else { t.sound_off }}
                </button>
                <a class="plain" href="/setup" title=t.set_up aria-label=t.set_up>"⚙"</a>
                <button type="button" class="plain" title=t.theme on:click=move |_| choices.next_theme()>"◐"</button>
                <button type="button" class="plain" data-language="other" on:click=move |_| choices.other_language()>{t.other_language}</button>
            </header>
            {move || feed.lost.get().then(|| {
                let age = (now.get() - feed.received_ms.get()).max(0.0) / 1000.0;
                view! { <p class="notice" role="status">{format!("{} ({age:.0} {})", t.lost, t.for_seconds)}</p> }
            })}
            {move || feed.view.read().as_ref().and_then(|view| labels::line(desk, view))}
            <div class="floor">
            <main class="slots" style=move || {
                let (columns, rows) = grid(numbers.read().len());
                format!("grid-template-columns: repeat({columns}, minmax(0, 1fr)); grid-template-rows: repeat({rows}, minmax(0, 1fr))")
            } data-dense=move || (numbers.read().len() > 8).then_some("1")>
                <For each=move || numbers.get() key=|number| *number children=move |number| slot(desk, number, now, titles)/>
                {move || feed.view.read().is_none().then(|| view! { <p class="invite">{t.no_picture}</p> })}
            </main>
            {later::look(desk)}
            </div>
            {later::people(desk)}
            <footer>
                <p class="line" role="status">{move || desk.line_now(now.get())}</p>
                {move || feed.view.read().as_ref().map(fails)}
                {move || feed.view.read().as_ref().and_then(|view| references::line(&view.floor.references_ending))}
                {move || feed.view.read().as_ref().and_then(|view| view.bench.as_ref()).map(bench::line)}
            </footer>
        </div>
    }
    .into_any()
}

fn slot(desk: Desk, number: u16, now: RwSignal<f64>, titles: Memo<Titles>) -> AnyView {
    let feed = desk.feed;
    let slot = Memo::new(move |_| feed.cards.read().shown(number).cloned());
    let batch_id = Memo::new(move |_| slot.read().as_ref().and_then(|slot| slot.live.batch_id));
    let batch = Memo::new(move |_| {
        let view = feed.view.read();
        let view = view.as_ref().filter(|view| view.batches.len() > 1)?;
        find(view, batch_id.get()).map(|batch| batch.name.clone())
    });
    let titles = Memo::new(move |_| {
        let (titles, batch_id) = (titles.read(), batch_id.get());
        titles
            .iter()
            .find(|(batch, _)| Some(*batch) == batch_id)
            .map(|(_, titles)| Arc::clone(titles))
            .unwrap_or_default()
    });
    let elapsed = Memo::new(move |_| {
        let view = feed.view.read();
        let (view, slot) = (view.as_ref()?, slot.read());
        let SlotState::Working { started_at, .. } = slot.as_ref()?.live.state else { return None };
        // By the station's own clock up to its last word, by ours since: two clocks that differ don't show.
        let known = (view.at - started_at).num_milliseconds().max(0) as u64;
        let since = (now.get() - feed.received_ms.get()).max(0.0) as u64;
        Some(said::clock((known + since) / 1000))
    });
    let article = Memo::new(move |_| {
        let view = feed.view.read();
        view.as_ref()?.floor.articles.iter().find(|article| article.slot == number).copied()
    });
    card(desk, number, Beside { slot, batch, titles, elapsed, article })
}

fn find(view: &OperatorView, batch: Option<BatchId>) -> Option<&BatchOnJig> {
    view.batches.iter().find(|known| Some(known.batch_id) == batch)
}

/// What is made here, and how it goes.
fn head(view: &OperatorView) -> AnyView {
    let t = words::texts();
    let name = view.station_name.clone();
    let made = match view.batches.as_slice() {
        [] => view! { <span class="quiet">{t.no_batch}</span> }.into_any(),
        [batch] => view! {
            <b>{format!("{} {}", t.batch, batch.name)}</b>
            <span class="product">{words::pick(&batch.product)}</span>
            <span class="bundle">{batch.bundle.clone()}{(!batch.firmware.is_empty()).then(|| format!(" · {} {}", t.firmware, batch.firmware))}</span>
        }
        .into_any(),
        several => view! { <b>{format!("{} {}", several.len(), t.batches)}</b> }.into_any(),
    };
    let sum = |of: fn(&BatchOnJig) -> u32| view.batches.iter().map(of).sum::<u32>();
    let (passed, failed, quantity) = (sum(|one| one.passed), sum(|one| one.failed), sum(|one| one.quantity));
    view! {
        <span class="station">{name}</span>
        {made}
        <span class="figures" title=t.on_this_jig>
            <span><b data-figure="passed">{passed}</b>" / "{quantity}</span>
            {said::percent(passed, passed + failed).map(|percent| view! { <span>{t.yield_word}" "<b>{percent}</b>" %"</span> })}
            {view.pace.map(|pace| view! {
                <span title=t.pace_hint><b data-figure="an-hour">{pace.made}</b>{t.an_hour}" "<span class="quiet">{format!("({} {} · {} {})", t.pace_hands, pace.without_waiting, t.pace_wire, pace.wire)}</span></span>
            })}
        </span>
    }
    .into_any()
}

/// Who works here; touched, what his shift made.
fn person(desk: Desk) -> AnyView {
    let t = words::texts();
    let shown = Memo::new(move |_| {
        let view = desk.feed.view.read();
        view.as_ref().map(|view| (view.floor.person.clone(), view.floor.needs_sign_in))
    });
    (move || {
        let (person, needed) = shown.get()?;
        let (state, name, opens) = match person {
            Some(person) => ("in", person.name, Panel::Shift),
            None if needed => ("nobody", t.sign_in.to_owned(), Panel::SignIn),
            None => ("none", t.shift.to_owned(), Panel::Shift),
        };
        Some(view! {
            <button type="button" class="plain person" data-person=state on:click=move |_| desk.open(Some(opens))>{name}</button>
        })
    })
    .into_any()
}

/// Everybody reads his own language.
fn speak_the_persons_language(feed: Feed, choices: Choices) {
    let person = Memo::new(move |_| {
        let view = feed.view.read();
        view.as_ref().and_then(|view| {
            view.floor.person.as_ref().map(|person| (person.username.clone(), person.language))
        })
    });
    Effect::new(move |_| {
        if let Some((_, Some(language))) = person.get() {
            choices.speak(language);
        }
    });
}

/// Whether everything is on the server.
fn lamp(view: &OperatorView) -> AnyView {
    let t = words::texts();
    let count = view.unsent_records;
    let (state, text) = match (view.server_away, count) {
        (true, 0) => ("away", t.server_away.to_owned()),
        (true, _) => ("away", format!("{} · {count} {}", t.server_away, t.waiting_records)),
        (false, 0) => ("green", t.all_on_server.to_owned()),
        (false, _) => ("waiting", format!("{count} {}", t.waiting_records)),
    };
    view! { <span class="lamp" data-lamp=state>{text}</span> }.into_any()
}

/// The last boards that did not pass.
fn fails(view: &OperatorView) -> AnyView {
    let t = words::texts();
    let titles: Vec<_> = view.batches.iter().flat_map(|batch| batch.measurements.clone()).collect();
    let rows: Vec<AnyView> = view
        .fails
        .iter()
        .map(|fail| {
            let why = fail.fault.as_ref().map(|fault| said::why(fault, &titles));
            view! {
                <li class=format!("o-{}", fail.outcome.as_str())>
                    <span class="shape" aria-hidden="true">{shape(fail.outcome)}</span>
                    {format!("{} {}", t.slot, fail.slot)}" "
                    <span class="mono">{fail.board.clone()}</span>" "{why}
                </li>
            }
            .into_any()
        })
        .collect();
    let none = rows.is_empty().then(|| view! { <span class="quiet">{t.none_failed}</span> });
    view! { <span class="quiet">{t.last_fails}": "</span>{none}<ol class="fails">{rows}</ol> }.into_any()
}

/// Verdicts and questions are heard, each once.
fn sound_of_changes(feed: Feed, speaker: Speaker) {
    Effect::new(move |before: Option<Option<Standing>>| {
        let view = feed.view.read();
        let now = Standing::of(view.as_ref()?);
        if let Some(before) = before.flatten() {
            now.new_since(&before).into_iter().for_each(|sound| speaker.play(sound));
        }
        Some(now)
    });
}

/// What may be heard: verdicts and questions that stand.
#[derive(Debug, Default, PartialEq, Eq)]
struct Standing {
    verdicts: HashMap<u16, (RunId, Outcome)>,
    questions: HashMap<u16, String>,
}

impl Standing {
    fn of(view: &OperatorView) -> Self {
        let mut heard = Self::default();
        for slot in &view.slots {
            match &slot.live.state {
                SlotState::Done { run_id, outcome, .. } => {
                    heard.verdicts.insert(slot.live.slot, (*run_id, *outcome));
                }
                // It has passed; scanned back, it is heard no second time.
                SlotState::Unlabelled { run_id, .. } => {
                    heard.verdicts.insert(slot.live.slot, (*run_id, Outcome::Pass));
                }
                _ => {}
            }
            if let Some(open) = &slot.asks {
                heard.questions.insert(slot.live.slot, open.id.clone());
            }
        }
        heard
    }

    /// One sound of each kind: two boards that pass at once are heard once.
    fn new_since(&self, before: &Self) -> Vec<Sound> {
        let fresh = self.verdicts.iter().filter(|(slot, now)| before.verdicts.get(slot) != Some(now));
        let outcomes: Vec<Outcome> = fresh.map(|(_, (_, outcome))| *outcome).collect();
        let asks = self.questions.iter().any(|(slot, id)| before.questions.get(slot) != Some(id));
        let mut sounds = Vec::new();
        if outcomes.iter().any(|outcome| *outcome != Outcome::Pass) {
            sounds.push(Sound::Fail);
        }
        if outcomes.contains(&Outcome::Pass) {
            sounds.push(Sound::Pass);
        }
        if asks {
            sounds.push(Sound::Ask);
        }
        sounds
    }
}

/// A scanner is heard wherever the cursor stands; a pedal's keys answer yes and no.
fn listen_to_keys(desk: Desk, speaker: Speaker) {
    let wedge = StoredValue::new_local(Wedge::default());
    // What stood in the field when a burst began: a scan's first keys pass for a hand's.
    let field: StoredValue<Option<(HtmlInputElement, String)>, LocalStorage> = StoredValue::new_local(None);
    let pause = move || {
        let code = wedge.try_update_value(|wedge| wedge.pause(js_sys::Date::now())).flatten();
        if let Some(code) = code {
            desk.scanned(&code);
        }
    };
    let _for_ever = window_event_listener(leptos::ev::keydown, move |event| {
        speaker.wake();
        if event.ctrl_key() || event.alt_key() || event.meta_key() {
            return;
        }
        let key = event.key();
        if let "F9" | "F10" = key.as_str() {
            event.prevent_default();
            if !event.repeat() {
                desk.pedal(key == "F9");
            }
            return;
        }
        let now = js_sys::Date::now();
        let begins = wedge.with_value(|wedge| wedge.begins(now));
        if begins {
            let input = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok());
            field.set_value(input.map(|input| {
                let text = input.value();
                (input, text)
            }));
        }
        let heard = wedge.try_update_value(|wedge| wedge.key(now, &key)).unwrap_or(Heard::Hand);
        if heard == Heard::Hand {
            return;
        }
        event.prevent_default();
        event.stop_propagation();
        field.with_value(|field| {
            if let Some((input, text)) = field {
                input.set_value(text);
            }
        });
        match heard {
            Heard::Code(Some(code)) => desk.scanned(&code),
            Heard::Scanner => set_timeout(pause, Duration::from_millis(OVER_MS as u64 + 20)),
            Heard::Code(None) | Heard::Hand => {}
        }
    });
}
