//! What goes to the station: answers and scans, and which slot a scan is for.

use crate::{detail::Look, feed::Feed, labels, words};
use domain::{
    api::operator::{AnswerForm, ReprintForm, ScanForm, SlotOnJig},
    labelling::ReprintReason,
    prompt::{Answer, Asks},
};
use gloo_net::http::Request;
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
}

/// Where a scan goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Goes {
    /// It is the code of a slot itself.
    Chooses(u16),
    /// It answers that slot's question.
    Answers { slot: u16, id: String },
    /// It announces the board in that slot, or is the label that its last one waits for.
    Announces(u16),
    /// It is the label of a unit whose board is in no slot any more.
    ByHand,
    /// Nobody can know for which slot it is.
    Nowhere,
    /// It names a slot that is not there.
    NoSlot,
}

/// Decides where a code goes, by what the slots ask and which one was chosen. `loose`: numbers of units that wait for their labels and are in
/// no slot.
pub fn route(code: &str, slots: &[SlotOnJig], chosen: Option<u16>, loose: &[String]) -> Goes {
    if let Some(number) = slot_code(code) {
        let is_there = slots.iter().any(|slot| slot.live.slot == number);
        return if is_there { Goes::Chooses(number) } else { Goes::NoSlot };
    }
    let asking: Vec<(u16, &str)> = slots.iter().filter_map(asks_for_scan).collect();
    if let Some(slot) = chosen {
        let asked = asking.iter().find(|(number, _)| *number == slot);
        return asked
            .map_or(Goes::Announces(slot), |(slot, id)| Goes::Answers { slot: *slot, id: (*id).to_owned() });
    }
    // Not by its number: which board a label was stuck on, only the slot says.
    let labels: Vec<u16> = slots
        .iter()
        .filter(|slot| labels::awaited(&slot.live.state).is_some())
        .map(|slot| slot.live.slot)
        .collect();
    match (asking.as_slice(), labels.as_slice(), slots) {
        ([(slot, id)], [], _) => Goes::Answers { slot: *slot, id: (*id).to_owned() },
        ([], [slot], _) => Goes::Announces(*slot),
        ([], [], _) if loose.iter().any(|serial| code.contains(serial.as_str())) => Goes::ByHand,
        ([], [], [only]) => Goes::Announces(only.live.slot),
        ([], [], _) if !loose.is_empty() => Goes::ByHand,
        _ => Goes::Nowhere,
    }
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

fn asks_for_scan(slot: &SlotOnJig) -> Option<(u16, &str)> {
    let open = slot.asks.as_ref()?;
    matches!(open.prompt.asks, Asks::Scan { .. }).then_some((slot.live.slot, open.id.as_str()))
}

/// A number may hold a slash.
fn encoded(serial: &str) -> String {
    serial.replace('%', "%25").replace('/', "%2F")
}

/// `SLOT-3`, `slot 3`, `SLOT03`.
fn slot_code(code: &str) -> Option<u16> {
    let rest = code.get(..4).filter(|word| word.eq_ignore_ascii_case("slot")).and_then(|_| code.get(4..))?;
    rest.trim_start_matches(['-', ' ', '_']).parse().ok()
}

impl Desk {
    pub fn new(feed: Feed) -> Self {
        Self { feed, chosen: RwSignal::new(None), line: RwSignal::new(None), look: Look::new() }
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

    pub fn scanned(self, code: &str) {
        let t = words::texts();
        let now = js_sys::Date::now();
        let chosen = untrack(|| self.chosen_now(now));
        let goes = self.feed.view.with_untracked(|view| {
            view.as_ref().map_or(Goes::Nowhere, |view| {
                let loose = view.labels.iter().flat_map(labels::loose);
                let loose: Vec<String> = loose.map(|unit| unit.serial.clone()).collect();
                route(code, &view.slots, chosen, &loose)
            })
        });
        match goes {
            Goes::Chooses(slot) => self.choose(slot),
            Goes::NoSlot => self.say(format!("{code}: {}", t.no_such_slot)),
            Goes::Nowhere => self.say(format!("{code}: {}", t.which_slot)),
            Goes::Answers { slot, id } => {
                self.chosen.set(None);
                self.say(format!("{} {slot}: {code} {}", t.slot, t.scanned));
                self.answer(slot, id, Answer::Scan(code.to_owned()));
            }
            Goes::ByHand => {
                self.say(format!("{code} {}", t.scanned));
                let form = serde_json::to_string(&ScanForm { code: code.to_owned() });
                self.post("/api/v1/operator/labels/scan".to_owned(), form);
            }
            Goes::Announces(slot) => {
                self.chosen.set(None);
                self.say(format!("{} {slot}: {code} {}", t.slot, t.scanned));
                let form = serde_json::to_string(&ScanForm { code: code.to_owned() });
                self.post(format!("/api/v1/operator/slots/{slot}/scan"), form);
            }
        }
    }

    pub fn label_again(self, serial: &str, reason: ReprintReason) {
        let form = serde_json::to_string(&ReprintForm { reason });
        self.post(format!("/api/v1/operator/labels/{}/again", encoded(serial)), form);
    }

    pub fn label_later(self, serial: &str) {
        self.post(format!("/api/v1/operator/labels/{}/later", encoded(serial)), Ok(String::new()));
    }

    pub fn answer(self, slot: u16, id: String, answer: Answer) {
        let form = serde_json::to_string(&AnswerForm { id, answer });
        self.post(format!("/api/v1/operator/slots/{slot}/answer"), form);
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

    fn say(self, line: String) {
        self.line.set(Some((line, js_sys::Date::now())));
    }

    fn post(self, path: String, form: Result<String, serde_json::Error>) {
        spawn_local(async move {
            let sent = async {
                let request = Request::post(&path).header("content-type", "application/json");
                let response = request.body(form.ok()?).ok()?.send().await.ok()?;
                response.ok().then_some(())
            };
            if sent.await.is_none() {
                self.say(words::texts().not_taken.to_owned());
            }
        });
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
    fn the_only_question_gets_the_scan() {
        let slots = [slot(1, None), slot(2, scan()), slot(3, Some(Asks::Confirm))];
        assert_eq!(route("LB001", &slots, None, &[]), Goes::Answers { slot: 2, id: "q2".to_owned() });
    }

    #[test]
    fn of_two_questions_the_chosen_slots_gets_it_and_else_nobodys() {
        let slots = [slot(1, scan()), slot(2, scan())];
        assert_eq!(route("LB001", &slots, None, &[]), Goes::Nowhere);
        assert_eq!(route("LB001", &slots, Some(2), &[]), Goes::Answers { slot: 2, id: "q2".to_owned() });
    }

    #[test]
    fn without_a_question_a_scan_announces_the_board_of_the_chosen_slot() {
        let slots = [slot(1, None), slot(2, None)];
        assert_eq!(route("LB001", &slots, Some(1), &[]), Goes::Announces(1));
        assert_eq!(route("LB001", &slots, None, &[]), Goes::Nowhere);
        assert_eq!(route("LB001", &slots[..1], None, &[]), Goes::Announces(1));
    }

    #[test]
    fn a_label_goes_to_the_only_slot_that_waits_for_one_and_of_two_to_the_chosen() {
        let waits = |number| {
            let mut slot = slot(number, None);
            slot.live.state = SlotState::Unlabelled {
                run_id: domain::ids::RunId(uuid::Uuid::nil()),
                board: format!("TB{number}"),
                printed: true,
                fault: None,
                started_at: chrono::DateTime::UNIX_EPOCH,
                finished_at: chrono::DateTime::UNIX_EPOCH,
            };
            slot
        };
        let loose = ["TB9".to_owned()];
        let one = [slot(1, None), waits(2)];
        assert_eq!(route("TB2", &one, None, &[]), Goes::Announces(2));
        // A wrong one is told there.
        assert_eq!(route("TB9", &one, None, &loose), Goes::Announces(2));
        let two = [waits(1), waits(2)];
        assert_eq!(route("TB2", &two, None, &[]), Goes::Nowhere, "on which board it sticks, nobody knows");
        assert_eq!(route("TB2", &two, Some(2), &[]), Goes::Announces(2));
        assert_eq!(route("TB2", &[waits(1), slot(2, scan())], None, &[]), Goes::Nowhere);
        // Whose board is out is told by its number.
        let free = [slot(1, None), slot(2, None)];
        assert_eq!(route("TB9;868835400068", &free, None, &loose), Goes::ByHand);
        assert_eq!(route("TB9", &free[..1], None, &loose), Goes::ByHand);
        assert_eq!(route("LB001", &free[..1], None, &loose), Goes::Announces(1));
        assert_eq!(route("LB001", &free, None, &loose), Goes::ByHand, "and told that it is nobody's");
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

    #[test]
    fn a_slots_own_code_chooses_it() {
        let slots = [slot(1, scan()), slot(12, None)];
        for code in ["SLOT-12", "slot 12", "SLOT12", "Slot_012"] {
            assert_eq!(route(code, &slots, None, &[]), Goes::Chooses(12), "{code}");
        }
        assert_eq!(route("SLOT-9", &slots, None, &[]), Goes::NoSlot);
        assert_eq!(route("SLOTH", &slots, None, &[]), Goes::Answers { slot: 1, id: "q1".to_owned() });
    }
}
