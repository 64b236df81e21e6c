//! Labels that are printed before their boards are worked: which come out, what is scanned to a slot, and what is left over.

use super::*;
use domain::{
    labelling::LabelAhead,
    prompt::{Answer, GivenAnswer, OpenPrompt},
};
use jigline_tests::memory_server::BATCH;

impl Person {
    /// The question for the label of the board in the slot.
    async fn asks_label(&mut self, slot: u16) -> OpenPrompt {
        let mut asked = self.door.asked(slot).unwrap();
        let open = timeout(Duration::from_secs(1200), asked.wait_for(Option::is_some)).await;
        let open = open.unwrap_or_else(|_| panic!("nobody is asked for a label: {:?}", self.slots));
        open.expect("it lives").clone().unwrap()
    }

    fn answer(&self, slot: u16, open: &OpenPrompt, code: &str) {
        let given = GivenAnswer {
            id: open.id.clone(),
            answer: Answer::Scan(code.to_owned()),
            by: Some("li".to_owned()),
            source: AnswerSource::Page,
        };
        assert!(self.door.answer(slot, given));
    }

    /// Labels that came out and stick on no board.
    async fn ahead(&mut self, what: &str, is_so: impl Fn(&[LabelAhead]) -> bool) -> Vec<LabelAhead> {
        let ahead = |person: &Self| person.labels.as_ref().map_or(Vec::new(), |labels| labels.ahead.clone());
        self.see(what, |person| is_so(&ahead(person))).await;
        ahead(self)
    }
}

#[tokio::test(start_paused = true)]
async fn labels_come_out_ahead_and_each_board_passes_under_the_one_that_was_scanned_for_it() {
    for language in [PrinterLanguage::Zpl, PrinterLanguage::Tspl] {
        let mut hall = Hall::printing(LabelMode::Before, "number-40x10", (1, 3, language));
        let (printer, seen) = (hall.printer(), hall.jig.jig.witnessed());
        let hands = printer.clone();
        hall.work(async move |mut person: Person, _: &Jig| {
            // Whichever lies on top: they are not stuck on in the order in which they came out.
            let mut stuck: Vec<String> = Vec::new();
            for _ in 0..3 {
                let in_hand = |ahead: &[LabelAhead]| {
                    ahead.len() == 2
                        && ahead.iter().all(|label| label.prints == 1 && !stuck.contains(&label.serial))
                };
                let ahead = person.ahead("two labels in hand", in_hand).await;
                assert!(ahead.iter().all(|label| label.batch == "B-1" && !label.left_over), "{ahead:?}");
                let codes = hands.label_of(&ahead[1].serial).unwrap();
                stuck.push(ahead[1].serial.clone());
                let open = person.asks_label(1).await;
                person.answer(1, &open, &codes[0]);
                person
                    .see("work", |person| matches!(person.slots[0], SlotState::Working { asks: None, .. }))
                    .await;
                person
                    .see("the pass", |person| {
                        matches!(&person.slots[0], SlotState::Done { outcome: Outcome::Pass, .. })
                    })
                    .await;
            }
            all_out(seen).await;
            sleep(Duration::from_secs(20)).await;
        })
        .await;
        let records = hall.passed();
        let expected = hall.server.expected();
        let serials: std::collections::BTreeSet<_> =
            records.iter().map(|record| record.serial.clone()).collect();
        assert_eq!((records.len(), serials.len()), (3, 3));
        let told = hall.server.0.told_labels.borrow();
        for record in &records {
            assert_eq!(domain::record::judge_record(record, &expected), []);
            let serial = record.serial.as_ref().unwrap();
            assert_eq!(record.label.as_ref().map(|label| &label.text), Some(serial));
            let news = &told[serial];
            let matched = news.matched.as_ref().unwrap();
            assert_eq!((news.prints, matched.slot, matched.by.as_deref()), (1, Some(1), Some("li")));
        }
        let printed = printer.printed();
        assert!(printed.iter().all(|label| label.complaints.is_empty()), "{printed:?}");
        // No number on two labels.
        let mut codes: Vec<_> = printed.iter().map(|label| label.codes[0].clone()).collect();
        codes.sort();
        codes.dedup();
        assert_eq!(codes.len(), printed.len());
    }
}

#[tokio::test(start_paused = true)]
async fn a_label_that_was_not_printed_here_or_sticks_on_another_board_numbers_none() {
    let mut hall = Hall::printing(LabelMode::Before, "number-40x10", (2, 3, PrinterLanguage::Zpl));
    let server = hall.server.clone();
    hall.work(async move |mut person: Person, _: &Jig| {
        let refused = |slot: usize| {
            move |person: &Person| match person.slots.get(slot - 1) {
                Some(SlotState::Refused { fault, .. }) => Some(fault.code),
                _ => None,
            }
        };
        // What is no number at all is asked for again.
        let open = person.asks_label(1).await;
        person.answer(1, &open, "https://example.com/manual?x=1");
        let mut asked = person.door.asked(1).unwrap();
        let again = asked.wait_for(|now| now.as_ref().is_some_and(|now| now.id != open.id)).await;
        let again = again.unwrap().clone().unwrap();
        assert!(again.prompt.question.en.contains("is no label"), "{}", again.prompt.question.en);
        person.answer(1, &again, "TB99999999X");
        person.see("the refusal", |person| refused(1)(person) == Some(FaultCode::LabelNotPrinted)).await;
        assert!(server.records().is_empty(), "nothing was done");
        // The same label at two slots, one behind the other.
        let ahead = person.ahead("labels", |ahead| ahead.iter().any(|label| label.prints == 1)).await;
        let serial = &ahead.iter().find(|label| label.prints == 1).unwrap().serial;
        let open = person.asks_label(2).await;
        person.answer(2, &open, serial);
        person.see("work", |person| matches!(person.slots[1], SlotState::Working { asks: None, .. })).await;
        // The refused board was taken out, and the next one lies there.
        let open = person.asks_label(1).await;
        person.answer(1, &open, serial);
        person
            .see("another refusal", |person| {
                matches!(refused(1)(person), Some(FaultCode::LabelTaken | FaultCode::IdentityInTwoSlots))
            })
            .await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn labels_are_left_over_when_their_batch_is_and_are_named_until_they_are_destroyed() {
    let mut hall = Hall::printing(LabelMode::Before, "number-40x10", (1, 1, PrinterLanguage::Zpl));
    let (server, printer) = (hall.server.clone(), hall.printer());
    hall.work(async move |mut person: Person, _: &Jig| {
        let in_hand = |ahead: &[LabelAhead]| ahead.len() == 2 && ahead.iter().all(|label| label.prints == 1);
        let ahead = person.ahead("two labels in hand", in_hand).await;
        // One is smeared: the same number comes out once more.
        person.door.label_again(&ahead[0].serial, ReprintReason::Spoilt);
        person.ahead("once more", |ahead| ahead.iter().any(|label| label.prints == 2)).await;
        let is_its = |label: &&simulator::printer::Label| label.codes[0] == ahead[0].serial;
        assert_eq!(printer.printed().iter().filter(is_its).count(), 2);
        server.give_slots([1], 5);
        let over = |ahead: &[LabelAhead]| ahead.iter().filter(|label| label.left_over).count();
        let seen = person.ahead("left over", |ahead| over(ahead) == 2 && ahead.len() == 4).await;
        assert!(seen.iter().all(|label| label.left_over == (label.batch == "B-1")), "{seen:?}");
        for label in &ahead {
            person.door.label_destroyed(&label.serial);
        }
        // One of a batch that is worked is destroyed, too: another number comes out for it.
        let spoilt = seen.iter().find(|label| !label.left_over).unwrap().serial.clone();
        person.door.label_destroyed(&spoilt);
        let is_gone = |ahead: &[LabelAhead]| ahead.iter().all(|label| label.serial != spoilt);
        let left =
            person.ahead("two others", |ahead| over(ahead) == 0 && ahead.len() == 2 && is_gone(ahead)).await;
        assert!(left.iter().all(|label| label.batch != "B-1"), "{left:?}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn no_label_comes_out_ahead_while_quality_holds_the_batch() {
    let mut hall = Hall::printing(LabelMode::Before, "number-40x10", (1, 1, PrinterLanguage::Zpl));
    let (server, printer) = (hall.server.clone(), hall.printer());
    server.hold(BATCH, "cells of a bad lot");
    hall.work(async move |mut person: Person, _: &Jig| {
        sleep(Duration::from_secs(60)).await;
        assert_eq!(printer.printed().len(), 0);
        server.let_go(BATCH);
        person.ahead("two labels in hand", |ahead| ahead.len() == 2).await;
    })
    .await;
}
