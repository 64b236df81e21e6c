//! The jig, live, by server-sent events. Where the stream breaks the page says so, and tries again for ever.

use crate::turns::Turns;
use domain::api::operator::OperatorView;
use leptos::prelude::*;
use std::time::Duration;
use wasm_bindgen::{JsCast as _, closure::Closure};
use web_sys::{Event, EventSource, MessageEvent};

const EVENTS: &str = "/api/v1/operator/events";
/// Time between two tries where the browser has given up.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// The latest picture.
#[derive(Clone, Copy)]
pub struct Feed {
    pub view: RwSignal<Option<OperatorView>>,
    /// Its slots, as their cards show them: some frames behind where many change at once.
    pub cards: RwSignal<Turns>,
    /// The last picture that came, until it is looked at.
    heard: StoredValue<Option<String>>,
    has_frame: StoredValue<bool>,
    /// When it came, milliseconds since 1970 by this browser.
    pub received_ms: RwSignal<f64>,
    pub lost: RwSignal<bool>,
}

impl Feed {
    /// A picture is looked at in the next frame, and only the last one that came before it: where the PC was busy several come at once. A page
    /// that nobody sees has no frames; its sounds are heard all the same.
    fn hear(self, text: String) {
        self.heard.set_value(Some(text));
        if document().hidden() {
            self.look();
        }
        // One is asked for at a time, and comes when the page is seen again.
        if !self.has_frame.get_value() {
            self.has_frame.set_value(true);
            request_animation_frame(move || self.frame());
        }
    }

    /// A picture that is not understood is left out, and none came: another program is being started, and the page with it.
    fn look(self) {
        let text = self.heard.try_update_value(Option::take).flatten();
        let view: Option<OperatorView> = text.and_then(|text| serde_json::from_str(&text).ok());
        if let Some(view) = view {
            self.received_ms.set(js_sys::Date::now());
            self.lost.set(false);
            self.cards.update(|cards| cards.hear(&view.slots));
            self.view.set(Some(view));
        }
    }

    fn frame(self) {
        self.look();
        let is_due = self.cards.with_untracked(Turns::is_waiting);
        self.has_frame.set_value(is_due);
        if is_due {
            self.cards.update(Turns::turn);
            request_animation_frame(move || self.frame());
        }
    }
}

/// An open stream with its listeners; closed when dropped.
struct Stream {
    source: EventSource,
    _heard: Closure<dyn FnMut(MessageEvent)>,
    _broken: Closure<dyn FnMut(Event)>,
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.source.set_onerror(None);
        self.source.close();
    }
}

/// Listens for as long as the page stands.
pub fn listen() -> Feed {
    let feed = Feed {
        view: RwSignal::new(None),
        cards: RwSignal::default(),
        heard: StoredValue::new(None),
        has_frame: StoredValue::new(false),
        received_ms: RwSignal::new(js_sys::Date::now()),
        lost: RwSignal::new(false),
    };
    let stream = StoredValue::new_local(open(feed));
    set_interval(
        move || {
            let is_closed = stream.with_value(|stream| {
                stream.as_ref().is_none_or(|stream| stream.source.ready_state() == EventSource::CLOSED)
            });
            if is_closed {
                stream.set_value(open(feed));
            }
        },
        TRY_AGAIN,
    );
    feed
}

fn open(feed: Feed) -> Option<Stream> {
    let source = EventSource::new(EVENTS).ok()?;
    let heard = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        if let Some(text) = event.data().as_string() {
            feed.hear(text);
        }
    });
    let broken = Closure::<dyn FnMut(Event)>::new(move |_| feed.lost.set(true));
    source.add_event_listener_with_callback("view", heard.as_ref().unchecked_ref()).ok()?;
    source.set_onerror(Some(broken.as_ref().unchecked_ref()));
    Some(Stream { source, _heard: heard, _broken: broken })
}
