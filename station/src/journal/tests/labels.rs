//! Labels in the journal: one board's for ever, whatever becomes of the program.

use super::{Desk, batch};
use crate::journal::{LabelBinding, UnitLabel, label_key};
use domain::{
    api::stations::SerialBlock,
    identifier::IdentifierKind,
    ids::{BatchId, RunId, SerialBlockId},
    label_template::LabelValues,
};
use uuid::Uuid;

const RUN: RunId = RunId(Uuid::from_u128(1));
const ONE: &str = "machine_code:1";
const OTHER: &str = "machine_code:2";

fn bind(desk: &Desk, identity: Option<&str>, label: &str) -> LabelBinding {
    desk.journal().bind_label(RUN, batch(), identity, label, None).unwrap()
}

#[test]
fn a_label_is_its_boards_for_ever_and_a_board_has_one() {
    use LabelBinding as B;
    let mut desk = Desk::new();
    assert_eq!(bind(&desk, Some(ONE), "L-1"), B::Its);
    desk.reopen();
    assert_eq!(bind(&desk, Some(ONE), "L-1"), B::Its, "the same board again");
    assert_eq!(bind(&desk, Some(OTHER), "L-1"), B::OfAnother(ONE.to_owned()));
    assert_eq!(bind(&desk, Some(ONE), "L-2"), B::HasAnother("L-1".to_owned()));
    assert_eq!(desk.journal().number_of(ONE).unwrap().as_deref(), Some("L-1"));
    assert_eq!(desk.journal().number_of(OTHER).unwrap(), None);
    assert_eq!(desk.journal().bearer_of("L-2").unwrap(), None, "what is refused is not bound");
    // It is what the run writes, and nobody is lent it.
    assert!(desk.journal().bind_number(RUN, batch(), ONE, "L-1").unwrap());
    assert_eq!(desk.journal().free_numbers(batch()).unwrap(), 0);
}

#[test]
fn a_board_that_only_its_label_names_is_whoever_it_turns_out_to_be() {
    use LabelBinding as B;
    let mut desk = Desk::new();
    assert_eq!(bind(&desk, None, "L-1"), B::Its);
    assert_eq!(desk.journal().bearer_of("L-1").unwrap(), Some(label_key("L-1")));
    desk.reopen();
    assert_eq!(bind(&desk, None, "L-1"), B::Its, "it died in its flash and comes again");
    assert_eq!(bind(&desk, Some(ONE), "L-1"), B::Its);
    assert_eq!(bind(&desk, Some(OTHER), "L-1"), B::OfAnother(ONE.to_owned()));
    // In its loader again nothing but the label names it: it stays who it was.
    assert_eq!(bind(&desk, None, "L-1"), B::Its);
    assert_eq!(desk.journal().bearer_of("L-1").unwrap().as_deref(), Some(ONE));
}

#[test]
fn a_blank_board_keeps_the_way_to_its_label_until_its_number_may_stand_on_it() {
    let desk = Desk::new();
    let kind = IdentifierKind::PcbLabel;
    bind(&desk, None, "L-1");
    assert!(desk.journal().label_becomes_identity("L-1", kind).unwrap());
    assert_eq!(desk.journal().bearer_of("L-1").unwrap().as_deref(), Some("pcb_label:L-1"));
    assert!(!desk.journal().label_becomes_identity("L-1", kind).unwrap(), "it may be on a board already");
}

#[test]
fn a_number_that_was_lent_is_no_label() {
    let desk = Desk::new().with_numbers(1);
    let lent = desk.journal().reserve_number(RUN, batch(), OTHER).unwrap().unwrap();
    assert_eq!(bind(&desk, Some(ONE), &lent), LabelBinding::OfAnother(OTHER.to_owned()));
    let desk = Desk::new().with_numbers(1);
    assert_eq!(bind(&desk, Some(ONE), &lent), LabelBinding::Lent);
    let other = BatchId(Uuid::from_u128(99));
    assert_eq!(desk.journal().free_numbers(other).unwrap(), 0);
    assert_eq!(desk.journal().free_numbers(batch()).unwrap(), 1, "it stays to be given");
}

/// Three numbers that were lent for the batch, and a label with the first one.
fn printed(desk: &Desk, prints: u32) -> UnitLabel {
    let serials = ["N-1", "N-2", "N-3"].map(str::to_owned).to_vec();
    let block = SerialBlock {
        block_id: SerialBlockId(Uuid::from_u128(9)),
        batch_id: batch(),
        serials,
        share: None,
        scrapped: Vec::new(),
    };
    desk.journal().store_block(&block).unwrap();
    let at = chrono::DateTime::from_timestamp(1_795_000_000, 0).unwrap();
    let label = UnitLabel {
        serial: "N-1".to_owned(),
        run_id: None,
        batch_id: batch(),
        slot: None,
        template: "number-40x10 r1".to_owned(),
        template_toml: String::new(),
        values: LabelValues::default(),
        started_at: at,
        due_at: at,
        wanted: 1,
        prints,
        reprints: Vec::new(),
        matched: None,
    };
    desk.journal().keep_label(&label).unwrap();
    label
}

#[test]
fn only_a_label_that_was_printed_for_the_batch_numbers_a_board_of_it() {
    use LabelBinding as B;
    let mut desk = Desk::new();
    let bind = |desk: &Desk, identity: &str, label: &str, batch: BatchId| {
        desk.journal().bind_label(RUN, batch, Some(identity), label, Some(batch)).unwrap()
    };
    let label = printed(&desk, 0);
    assert_eq!(bind(&desk, ONE, "N-1", batch()), B::NotPrinted, "it did not come out yet");
    desk.journal().keep_label(&UnitLabel { prints: 1, ..label }).unwrap();
    assert_eq!(bind(&desk, ONE, "N-2", batch()), B::NotPrinted, "a number without a label");
    assert_eq!(bind(&desk, ONE, "N-9", batch()), B::NotPrinted, "nobody's number");
    assert_eq!(bind(&desk, ONE, "N-1", BatchId(Uuid::from_u128(77))), B::NotPrinted, "another batch's");
    assert_eq!(desk.journal().unlabelled().unwrap().len(), 1);
    assert_eq!(bind(&desk, ONE, "N-1", batch()), B::Its);
    desk.reopen();
    assert_eq!(bind(&desk, ONE, "N-1", batch()), B::Its, "the same board again");
    assert_eq!(bind(&desk, OTHER, "N-1", batch()), B::OfAnother(ONE.to_owned()));
    assert_eq!(desk.journal().number_of(ONE).unwrap().as_deref(), Some("N-1"));
    assert_eq!(desk.journal().free_numbers(batch()).unwrap(), 2);
    // It is on its board: nobody waits for it any more, and the server hears of it with its pass.
    assert_eq!(desk.journal().unlabelled().unwrap(), []);
    assert_eq!(desk.journal().untold_labels(10).unwrap(), []);
}

#[test]
fn numbers_are_printed_once_and_those_of_destroyed_labels_go_to_no_board() {
    let desk = Desk::new();
    printed(&desk, 1);
    let without = || desk.journal().numbers_without_label(batch(), 5).unwrap();
    assert_eq!(without(), ["N-2", "N-3"]);
    assert_eq!(desk.journal().numbers_without_label(batch(), 1).unwrap(), ["N-2"]);
    desk.journal().give_up_label("N-1").unwrap();
    desk.journal().give_up_label("N-1").unwrap();
    assert_eq!((without().len(), desk.journal().unlabelled().unwrap().len()), (2, 0));
    let stands = desk.journal().label_stands(Some(ONE), "N-1", Some(batch())).unwrap();
    assert!(matches!(stands, LabelBinding::OfAnother(_)), "{stands:?}");
    assert_eq!(desk.journal().free_numbers(batch()).unwrap(), 2);
}
