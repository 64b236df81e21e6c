//! Labels in the journal: one board's for ever, whatever becomes of the program.

use super::{Desk, batch};
use crate::journal::{LabelBinding, label_key};
use domain::{
    identifier::IdentifierKind,
    ids::{BatchId, RunId},
};
use uuid::Uuid;

const RUN: RunId = RunId(Uuid::from_u128(1));
const ONE: &str = "machine_code:1";
const OTHER: &str = "machine_code:2";

fn bind(desk: &Desk, identity: Option<&str>, label: &str) -> LabelBinding {
    desk.journal().bind_label(RUN, batch(), identity, label).unwrap()
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
