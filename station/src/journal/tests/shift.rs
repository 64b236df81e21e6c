//! The shift book in the journal: with the run's end or not at all, and each event once until the server has it.

use super::{Desk, at};
use crate::{
    journal::{Beside, ShiftPage},
    runner::tests_support::PaperBench,
    shift::{Kept, Shift},
};
use domain::{
    floor::{FloorAct, FloorEvent},
    ids::{FloorEventId, ShiftId},
};
use uuid::Uuid;

fn book(shift: u128) -> Kept {
    let shift = Shift { shift_id: ShiftId(Uuid::from_u128(shift)), begun_at: at(0) };
    let mut kept = Kept::default();
    kept.shift = Some(shift);
    kept
}

fn event(id: u128) -> FloorEvent {
    let act = FloorAct::SignedOut { who: "lin".to_owned() };
    FloorEvent { event_id: FloorEventId(Uuid::from_u128(id)), at: at(1), shift_id: None, act }
}

#[test]
fn what_was_done_is_there_after_a_power_cut_and_goes_once_the_server_has_it() {
    let mut desk = Desk::new();
    assert_eq!(desk.journal().shift_book().unwrap(), None);
    let (one, events) = (book(1), [event(1), event(2)]);
    desk.journal().keep_shift(ShiftPage { kept: &one, events: &events }).unwrap();
    desk.journal().keep_shift(ShiftPage { kept: &book(2), events: &[event(3)] }).unwrap();
    desk.reopen();
    assert_eq!(desk.journal().shift_book().unwrap(), Some(book(2)));
    let unsent = desk.journal().unsent_floor_events(2).unwrap();
    assert_eq!(unsent.iter().map(|(_, event)| event.clone()).collect::<Vec<_>>(), events);
    desk.journal().floor_events_held(unsent[1].0).unwrap();
    desk.reopen();
    let left = desk.journal().unsent_floor_events(9).unwrap();
    assert_eq!(left.into_iter().map(|(_, event)| event).collect::<Vec<_>>(), [event(3)]);
}

#[test]
fn a_run_that_is_closed_again_brings_the_book_up_to_date_and_its_events_no_second_time() {
    let mut desk = Desk::new();
    let record = PaperBench::new().work(|_, _, good| good).unwrap();
    let close = |desk: &Desk, kept: &Kept, events: &[FloorEvent]| {
        let beside = Beside { label: None, page: Some(ShiftPage { kept, events }) };
        desk.journal().close_run_beside(&record, None, beside).unwrap()
    };
    let number = close(&desk, &book(1), &[event(1)]);
    // Another slot, which had not heard that the disk had taken it after all.
    desk.journal().keep_shift(ShiftPage { kept: &book(2), events: &[] }).unwrap();
    assert_eq!(close(&desk, &book(3), &[event(4)]), number);
    desk.reopen();
    assert_eq!(desk.journal().shift_book().unwrap(), Some(book(3)));
    let unsent = desk.journal().unsent_floor_events(9).unwrap();
    assert_eq!(unsent.into_iter().map(|(_, event)| event).collect::<Vec<_>>(), [event(1)]);
}
