//! Where a scanned code goes, by what the slots ask and which one was chosen. Pure.

use domain::{api::operator::SlotOnJig, live::SlotState, prompt::Asks};

/// Where a scan goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Goes {
    /// It answers that slot's question.
    Answers { slot: u16, id: String },
    /// It announces the board in that slot, or is the label that its last one waits for.
    Announces(u16),
    /// It is the label of a unit whose board is in no slot any more.
    ByHand,
    /// Nobody can know for which slot it is.
    Nowhere,
}

/// Decides it for a code that is no slot's, nobody's badge and no work order. `loose`: numbers of units that wait for their labels and are in
/// no slot.
#[must_use]
pub fn route(code: &str, slots: &[SlotOnJig], chosen: Option<u16>, loose: &[String]) -> Goes {
    let asking: Vec<(u16, &str)> = slots.iter().filter_map(asks_for_scan).collect();
    if let Some(slot) = chosen {
        let asked = asking.iter().find(|(number, _)| *number == slot);
        return asked
            .map_or(Goes::Announces(slot), |(slot, id)| Goes::Answers { slot: *slot, id: (*id).to_owned() });
    }
    // Not by its number: which board a label was stuck on, only the slot says.
    let is_due = |slot: &&SlotOnJig| matches!(slot.live.state, SlotState::Unlabelled { .. });
    let labels: Vec<u16> = slots.iter().filter(is_due).map(|slot| slot.live.slot).collect();
    match (asking.as_slice(), labels.as_slice(), slots) {
        ([(slot, id)], [], _) => Goes::Answers { slot: *slot, id: (*id).to_owned() },
        ([], [slot], _) => Goes::Announces(*slot),
        ([], [], _) if loose.iter().any(|serial| code.contains(serial.as_str())) => Goes::ByHand,
        ([], [], [only]) => Goes::Announces(only.live.slot),
        ([], [], _) if !loose.is_empty() => Goes::ByHand,
        _ => Goes::Nowhere,
    }
}

fn asks_for_scan(slot: &SlotOnJig) -> Option<(u16, &str)> {
    let open = slot.asks.as_ref()?;
    matches!(open.prompt.asks, Asks::Scan { .. }).then_some((slot.live.slot, open.id.as_str()))
}

/// The slot whose own code it is: `SLOT-3`, `slot 3`, `SLOT03`.
#[must_use]
pub fn slot_code(code: &str) -> Option<u16> {
    let rest = code.get(..4).filter(|word| word.eq_ignore_ascii_case("slot")).and_then(|_| code.get(4..))?;
    rest.trim_start_matches(['-', ' ', '_']).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{
        live::SlotLive,
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
    fn a_slots_own_code_is_read_however_it_is_written() {
        for code in ["SLOT-12", "slot 12", "SLOT12", "Slot_012"] {
            assert_eq!(slot_code(code), Some(12), "{code}");
        }
        for code in ["SLOTH", "SLOT-", "TB12", "slo"] {
            assert_eq!(slot_code(code), None, "{code}");
        }
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
}
