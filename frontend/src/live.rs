//! The line, live, by server-sent events; where the stream breaks the page says how old its picture is and tries again.

use crate::{
    api::{self, ApiError, LINE_EVENTS},
    clock,
    session::session,
};
use domain::api::stations::LineView;
use leptos::{prelude::*, task::spawn_local};
use std::time::Duration;
use wasm_bindgen::{JsCast as _, closure::Closure};
use web_sys::{Event, EventSource, MessageEvent};

/// The latest picture.
#[derive(Clone, Copy)]
pub struct LineFeed {
    pub view: RwSignal<Option<LineView>>,
    /// When it came, milliseconds since 1970 by this browser.
    pub received_ms: RwSignal<f64>,
    /// Whether the stream is broken now.
    pub lost: RwSignal<bool>,
    /// Why there is no first picture.
    pub fault: RwSignal<Option<ApiError>>,
}

/// An open stream with its listeners; closed when dropped.
struct Stream {
    source: EventSource,
    _heard: Closure<dyn FnMut(MessageEvent)>,
    _opened: Closure<dyn FnMut(Event)>,
    _broken: Closure<dyn FnMut(Event)>,
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.source.set_onerror(None);
        self.source.close();
    }
}

/// Time between two tries where the browser has given up, milliseconds.
const TRY_AGAIN: Duration = Duration::from_secs(2);

/// Listens for as long as the page stands.
pub fn line_feed() -> LineFeed {
    let feed = LineFeed {
        view: RwSignal::new(None),
        received_ms: RwSignal::new(clock::now_ms()),
        lost: RwSignal::new(false),
        fault: RwSignal::new(None),
    };
    let stream: StoredValue<Option<Stream>, LocalStorage> = StoredValue::new_local(None);
    let session = session();
    // Asked plainly first: the page paints before a stream is up, and an ended session is told from a server that is away.
    let look = move || {
        spawn_local(async move {
            match api::line().await {
                Ok(view) => {
                    feed.take(view);
                    if stream.try_with_value(Option::is_none).unwrap_or(false) {
                        stream.try_update_value(|stream| *stream = open(feed));
                    }
                }
                Err(fault) if fault.is_signed_out() => session.ended(),
                Err(fault) => {
                    let _ = feed.fault.try_set(Some(fault));
                    let _ = feed.lost.try_set(true);
                }
            }
        });
    };
    look();
    let watch = set_interval_with_handle(
        move || {
            let closed = stream.try_with_value(|stream| {
                stream.as_ref().is_none_or(|stream| stream.source.ready_state() == EventSource::CLOSED)
            });
            if closed == Some(true) {
                stream.try_update_value(|stream| *stream = None);
                look();
            }
        },
        TRY_AGAIN,
    );
    on_cleanup(move || {
        if let Ok(watch) = watch {
            watch.clear();
        }
        stream.try_update_value(|stream| *stream = None);
    });
    feed
}

impl LineFeed {
    fn take(self, view: LineView) {
        let _ = self.received_ms.try_set(clock::now_ms());
        let _ = self.lost.try_set(false);
        let _ = self.fault.try_set(None);
        let _ = self.view.try_set(Some(view));
    }
}

fn open(feed: LineFeed) -> Option<Stream> {
    let source = EventSource::new(LINE_EVENTS).ok()?;
    let heard = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        // A picture that is not understood is left out: the next one comes within a second or the age shows.
        if let Some(view) = event.data().as_string().and_then(|text| serde_json::from_str(&text).ok()) {
            feed.take(view);
        }
    });
    let opened = Closure::<dyn FnMut(Event)>::new(move |_| {
        let _ = feed.lost.try_set(false);
    });
    let broken = Closure::<dyn FnMut(Event)>::new(move |_| {
        let _ = feed.lost.try_set(true);
    });
    source.add_event_listener_with_callback("line", heard.as_ref().unchecked_ref()).ok()?;
    source.set_onopen(Some(opened.as_ref().unchecked_ref()));
    source.set_onerror(Some(broken.as_ref().unchecked_ref()));
    Some(Stream { source, _heard: heard, _opened: opened, _broken: broken })
}
