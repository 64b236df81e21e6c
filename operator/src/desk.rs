//! What goes to the station: answers and scans, and what came of them in one line.

use crate::{detail::Look, feed::Feed, panel::Panel, post::ask, words};
use domain::{
    api::operator::{AnswerForm, OperatorView, ReprintForm, ScanForm, ScanReply, SlotOnJig},
    labelling::ReprintReason,
    prompt::{Answer, Asks},
};
use gloo_net::http::Method;
use leptos::{prelude::*, task::spawn_local};

/// How long a chosen slot waits for its scan, and a line for its reader, milliseconds.
const WAITS_MS: f64 = 10_000.0;

/// The page's hands.
#[derive(Clone, Copy)]
pub struct Desk {
    pub feed: Feed,
    /// The slot that the next scan is for.
    pub chosen: RwSignal<Option<(u16, f64)>>,
    /// What came of the last one, in one line, and since when it stands.
    pub line: RwSignal<Option<(String, f64)>>,
    /// The slot that is looked at in detail.
    pub look: Look,
    /// What is open at the foot of the page.
    pub panel: RwSignal<Option<Panel>>,
    /// A code that was scanned for it.
    pub badge: RwSignal<Option<String>>,
    /// The fixture's code, for a change-over.
    pub fixture: RwSignal<String>,
}

/// Several slots ask, and none was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeveralAsk;

/// Whose question a pedal answers, with the question's id; none: nobody asks for yes or no.
fn pedal_for(slots: &[SlotOnJig], chosen: Option<u16>) -> Option<Result<(u16, String), SeveralAsk>> {
    let asked = |slot: &SlotOnJig| {
        let open = slot.asks.as_ref().filter(|open| open.prompt.asks == Asks::Confirm)?;
        Some((slot.live.slot, open.id.clone()))
    };
    let asking: Vec<(u16, String)> = slots.iter().filter_map(asked).collect();
    let of_chosen = asking.iter().find(|(slot, _)| Some(*slot) == chosen);
    match (of_chosen, asking.as_slice()) {
        (Some(one), _) | (None, [one]) => Some(Ok(one.clone())),
        (None, []) => None,
        (None, _) => Some(Err(SeveralAsk)),
    }
}

/// A number may hold a slash.
fn encoded(serial: &str) -> String {
    serial.replace('%', "%25").replace('/', "%2F")
}

impl Desk {
    pub fn new(feed: Feed) -> Self {
        Self {
            feed,
            chosen: RwSignal::new(None),
            line: RwSignal::new(None),
            panel: RwSignal::new(None),
            badge: RwSignal::new(None),
            fixture: RwSignal::new(String::new()),
            look: Look::new(),
        }
    }

    /// The slot that was chosen not too long ago.
    pub fn chosen_now(self, now_ms: f64) -> Option<u16> {
        self.chosen.get().filter(|(_, at)| now_ms - at < WAITS_MS).map(|(slot, _)| slot)
    }

    /// The line, while it stands.
    pub fn line_now(self, now_ms: f64) -> Option<String> {
        self.line.get().filter(|(_, at)| now_ms - at < WAITS_MS).map(|(line, _)| line)
    }

    pub fn choose(self, slot: u16) {
        self.chosen.set(Some((slot, js_sys::Date::now())));
        let t = words::texts();
        self.say(format!("{} {slot}: {}", t.slot, t.chosen));
    }

    /// A code goes to the station, which knows badges and orders; into what is open here, if that waits for it.
    pub fn scanned(self, code: &str) {
        if self.panel.get_untracked().is_some_and(Panel::takes_badge) {
            self.badge.set(Some(code.to_owned()));
            return;
        }
        if self.wants_fixture() {
            self.fixture.set(code.to_owned());
            return;
        }
        let slot = untrack(|| self.chosen_now(js_sys::Date::now()));
        let form = serde_json::to_string(&ScanForm { code: code.to_owned(), slot }).ok();
        let code = code.to_owned();
        spawn_local(async move {
            match ask(Method::POST, "/scan", form).await {
                Ok(reply) => self.say_reply(&reply, &code),
                Err(refused) => self.say(format!("{code}: {refused}")),
            }
        });
    }

    /// A change-over waits for the fixture's code, and nobody else for a scan.
    fn wants_fixture(self) -> bool {
        let is_asked = |view: &OperatorView| view.slots.iter().any(|slot| slot.asks.is_some());
        self.fixture.with_untracked(String::is_empty)
            && self.feed.view.with_untracked(|view| {
                view.as_ref().is_some_and(|view| view.floor.change_over.is_some() && !is_asked(view))
            })
    }

    /// What the station made of a code, in one line.
    pub fn say_reply(self, reply: &str, code: &str) {
        let t = words::texts();
        let Ok(reply) = serde_json::from_str::<ScanReply>(reply) else { return };
        let taken = |slot: u16| {
            self.chosen.set(None);
            format!("{} {slot}: {code} {}", t.slot, t.scanned)
        };
        let line = match reply {
            ScanReply::Chooses { slot } => return self.choose(slot),
            ScanReply::SignedIn { name } => {
                if self.panel.get_untracked() == Some(Panel::SignIn) {
                    self.open(None);
                }
                format!("{name} {}", t.works_here)
            }
            ScanReply::ChangedOver { batch } => format!("{} {batch}", t.changed_over),
            ScanReply::ChangeOverOpen { batch } => format!("{batch}: {}", t.count_first),
            ScanReply::Answers { slot } | ScanReply::Announces { slot } => taken(slot),
            ScanReply::ByHand => format!("{code} {}", t.scanned),
            ScanReply::Nowhere => format!("{code}: {}", t.which_slot),
            ScanReply::NoSlot => format!("{code}: {}", t.no_such_slot),
        };
        self.say(line);
    }

    /// Opens something at the foot of the page, or shuts it.
    pub fn open(self, panel: Option<Panel>) {
        self.badge.set(None);
        self.panel.set(panel);
    }

    pub fn label_again(self, serial: &str, reason: ReprintReason) {
        self.tell(
            format!("/labels/{}/again", encoded(serial)),
            serde_json::to_string(&ReprintForm { reason }).ok(),
        );
    }

    pub fn label_later(self, serial: &str) {
        self.tell(format!("/labels/{}/later", encoded(serial)), None);
    }

    pub fn label_destroyed(self, serial: &str) {
        self.tell(format!("/labels/{}/destroyed", encoded(serial)), None);
    }

    pub fn answer(self, slot: u16, id: String, answer: Answer) {
        self.tell(format!("/slots/{slot}/answer"), serde_json::to_string(&AnswerForm { id, answer }).ok());
    }

    /// Something that is answered with nothing.
    fn tell(self, path: String, form: Option<String>) {
        spawn_local(async move {
            if let Err(refused) = ask(Method::POST, &path, form).await {
                self.say(refused);
            }
        });
    }

    /// The only question with yes or no gets this answer, or the chosen slot's; of two nobody knows which was meant.
    pub fn pedal(self, yes: bool) {
        let chosen = untrack(|| self.chosen_now(js_sys::Date::now()));
        let open = self.feed.view.with_untracked(|view| pedal_for(view.as_ref()?.slots.as_slice(), chosen));
        match open {
            Some(Ok((slot, id))) => {
                self.chosen.set(None);
                self.answer(slot, id, Answer::Confirm(yes));
            }
            Some(Err(SeveralAsk)) => self.say(words::texts().which_slot.to_owned()),
            None => {}
        }
    }

    pub fn say(self, line: String) {
        self.line.set(Some((line, js_sys::Date::now())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{
        live::{SlotLive, SlotState},
        model::Bilingual,
        prompt::{OpenPrompt, Prompt},
    };

    fn slot(number: u16, asks: Option<Asks>) -> SlotOnJig {
        let text = || Bilingual { en: "?".to_owned(), zh: "？".to_owned() };
        let open = asks.map(|asks| OpenPrompt {
            id: format!("q{number}"),
            prompt: Prompt { name: "p".to_owned(), question: text(), asks, picture: None },
            tries_left: 0,
        });
        SlotOnJig {
            live: SlotLive { slot: number, batch_id: None, state: SlotState::Empty },
            asks: open,
            picture: None,
        }
    }

    fn scan() -> Option<Asks> {
        Some(Asks::Scan { pattern: None, length: None })
    }

    #[test]
    fn a_pedal_answers_the_only_question_or_the_chosen_slots_and_of_two_none() {
        let confirm = |number| slot(number, Some(Asks::Confirm));
        let answers = |number: u16| Some(Ok((number, format!("q{number}"))));
        assert_eq!(pedal_for(&[slot(1, scan()), slot(2, None)], Some(1)), None);
        assert_eq!(pedal_for(&[slot(1, scan()), confirm(2)], None), answers(2));
        assert_eq!(pedal_for(&[confirm(1), confirm(2)], None), Some(Err(SeveralAsk)));
        assert_eq!(pedal_for(&[confirm(1), confirm(2)], Some(2)), answers(2));
        assert_eq!(pedal_for(&[confirm(1), confirm(2)], Some(3)), Some(Err(SeveralAsk)));
    }
}
