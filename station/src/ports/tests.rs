//! The book of ports under everything that people do to cables.

use super::{Adapter, PortBook, PortRow, RowStanding, UsbPart};
use domain::{
    api::setup::{PortDoubt, PortStanding, ProofState},
    text::FaultCode,
};
use proptest::prelude::*;
use std::{collections::BTreeMap, time::Duration};

const NONE: [u16; 0] = [];

fn place(socket: u16) -> String {
    format!("/dev/serial/by-path/pci-0000:00:14.0-usb-0:1.{socket}:1.0-port0")
}

/// An adapter without a serial number at that socket of the hub.
fn adapter(socket: u16, kind: &str) -> Adapter {
    let part =
        |at: &str, kind: &str| UsbPart { at: at.to_owned(), kind: kind.to_owned(), ..UsbPart::default() };
    Adapter {
        node: format!("/dev/ttyUSB{socket}"),
        place: Some(place(socket)),
        title: kind.to_owned(),
        chain: vec![
            part("0000:00:14.0", "1d6b:0002"),
            part("1", "05e3:0608"),
            part(&format!("1.{socket}"), kind),
        ],
    }
}

fn tree(sockets: &[u16]) -> Vec<Adapter> {
    sockets.iter().map(|socket| adapter(*socket, "1a86:7523")).collect()
}

fn settings(slots: u16) -> BTreeMap<u16, String> {
    (1..=slots).map(|slot| (slot, place(slot))).collect()
}

/// A jig of so many slots, all plugged in.
fn jig(slots: u16) -> PortBook {
    let mut book = PortBook::new(&settings(slots), Vec::new());
    book.plugged(at(0), tree(&(1..=slots).collect::<Vec<_>>()));
    book
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn shut(book: &PortBook) -> Vec<u16> {
    book.shut().filter(|(_, why)| why.is_some()).map(|(slot, _)| slot).collect()
}

fn standing(book: &PortBook, slot: u16) -> PortStanding {
    book.view().slots[usize::from(slot) - 1].standing
}

fn again(book: &PortBook, slots: u16) -> PortBook {
    PortBook::new(&settings(slots), book.rows())
}

#[test]
fn a_new_station_works_at_the_ports_that_its_settings_name_and_says_that_nobody_has_shown_them() {
    let book = jig(2);
    assert_eq!(shut(&book), NONE);
    assert_eq!(standing(&book, 1), PortStanding::Named);
}

#[test]
fn another_adapter_at_a_place_shuts_the_slot_and_it_stays_shut_over_a_restart() {
    let mut book = again(&jig(2), 2);
    let mut now = tree(&[1, 2]);
    now[1] = adapter(2, "0403:6001");
    book.plugged(at(0), now.clone());
    assert_eq!(shut(&book), [2]);
    let why = book.shut().find_map(|(_, why)| why).unwrap();
    assert_eq!(why.code, FaultCode::PortToBeProved);
    assert_eq!(why.args["change"], "0403:6001 (1.2) is where 1a86:7523 (1.2) was");
    let mut book = again(&book, 2);
    assert_eq!(shut(&book), [2], "before anybody looked");
    book.plugged(at(0), tree(&[1, 2]));
    assert_eq!(shut(&book), [2], "what was changed once is shown again by a person, not by changing it back");
}

#[test]
fn another_hub_on_the_way_shuts_every_slot_behind_it() {
    let mut book = again(&jig(3), 3);
    let mut now = tree(&[1, 2, 3]);
    for one in &mut now[..2] {
        one.chain[1].kind = "2109:2817".to_owned();
    }
    book.plugged(at(0), now);
    assert_eq!(shut(&book), [1, 2]);
}

#[test]
fn one_adapter_that_was_unplugged_alone_is_the_same_when_it_is_back() {
    let mut book = jig(3);
    book.plugged(at(10), tree(&[1, 3]));
    assert_eq!((standing(&book, 2), shut(&book)), (PortStanding::Missing, vec![]));
    book.plugged(at(60), tree(&[1, 2, 3]));
    assert_eq!((standing(&book, 2), shut(&book)), (PortStanding::Named, vec![]));
}

#[test]
fn two_that_look_alike_and_were_away_together_may_have_changed_places() {
    let mut book = jig(3);
    book.plugged(at(10), tree(&[1, 3]));
    book.plugged(at(11), tree(&[3]));
    book.plugged(at(20), tree(&[1, 3]));
    book.plugged(at(21), tree(&[1, 2, 3]));
    assert_eq!(shut(&book), [1, 2]);
    assert_eq!(book.view().slots[0].doubt, Some(PortDoubt::AwayTogether { slots: vec![1, 2] }));
}

#[test]
fn a_hub_that_starts_anew_by_itself_shuts_nothing_for_no_hand_is_that_quick() {
    let mut book = jig(8);
    book.plugged(at(10), Vec::new());
    book.plugged(at(12), tree(&(1..=8).collect::<Vec<_>>()));
    assert_eq!(shut(&book), NONE);
    book.plugged(at(20), Vec::new());
    book.plugged(at(23), tree(&(1..=8).collect::<Vec<_>>()));
    assert_eq!(shut(&book).len(), 8);
}

#[test]
fn adapters_with_numbers_of_their_own_are_known_wherever_they_were() {
    let own = |socket: u16| {
        let mut one = adapter(socket, "0403:6001");
        one.chain[2].serial = Some(format!("A{socket}"));
        one
    };
    let mut book = PortBook::new(&settings(2), Vec::new());
    book.plugged(at(0), vec![own(1), own(2)]);
    book.plugged(at(10), Vec::new());
    book.plugged(at(60), vec![own(1), own(2)]);
    assert_eq!(shut(&book), NONE);
    let mut swapped = vec![own(2), own(1)];
    (swapped[0].place, swapped[1].place) = (Some(place(1)), Some(place(2)));
    for (one, socket) in swapped.iter_mut().zip([1, 2]) {
        one.chain[2].at = format!("1.{socket}");
    }
    book.plugged(at(70), Vec::new());
    book.plugged(at(80), swapped);
    assert_eq!(shut(&book), [1, 2]);
}

fn doubted(slots: u16) -> PortBook {
    let mut book = jig(slots);
    book.plugged(at(10), Vec::new());
    book.plugged(at(20), tree(&(1..=slots).collect::<Vec<_>>()));
    assert_eq!(shut(&book).len(), usize::from(slots));
    book
}

/// A board that is switched off and on on that slot's port.
fn switched(book: &mut PortBook, slot: u16, others: &[u16]) {
    for is_there in [true, false, false, true] {
        book.heard(slot, is_there);
        for other in others {
            book.heard(*other, true);
        }
    }
}

#[test]
fn a_board_that_is_switched_off_and_on_opens_its_slot_and_that_is_remembered() {
    let mut book = doubted(3);
    book.prove(Some(2));
    assert!(book.is_asked(1) && book.is_asked(2));
    switched(&mut book, 2, &[1, 3]);
    assert_eq!(
        (shut(&book), standing(&book, 2), book.view().proof),
        (vec![1, 3], PortStanding::Proved, None)
    );
    assert!(!book.is_asked(1));
    let mut book = again(&book, 3);
    book.plugged(at(0), tree(&[1, 2, 3]));
    assert_eq!((shut(&book), standing(&book, 2)), (vec![1, 3], PortStanding::Proved));
}

#[test]
fn an_adapter_that_is_unplugged_and_plugged_in_again_shows_its_slot() {
    let mut book = doubted(3);
    book.prove(Some(3));
    book.plugged(at(30), tree(&[1, 2]));
    let ProofState::Waiting { away, .. } = book.view().proof.unwrap().state else { panic!() };
    assert_eq!(away, [place(3)]);
    book.plugged(at(33), tree(&[1, 2, 3]));
    assert_eq!((shut(&book), book.view().proof), (vec![1, 2], None));
}

#[test]
fn a_port_that_was_changed_is_bound_by_what_was_shown_and_by_nothing_else() {
    let mut book = doubted(2);
    book.prove(Some(1));
    book.bind(1, &place(2));
    assert_eq!(book.device(1), Some(&*place(1)), "nothing was shown yet");
    switched(&mut book, 2, &[1]);
    let proof = book.view().proof.unwrap();
    assert_eq!(proof.state, ProofState::Shown { device: place(2), slot: Some(2) });
    book.bind(1, &place(7));
    assert_eq!(book.device(1), Some(&*place(1)), "that was not shown");
    book.bind(1, &place(2));
    assert_eq!((book.device(1), book.device(2)), (Some(&*place(2)), Some(&*place(1))));
    assert_eq!(shut(&book), [2]);
    assert_eq!(book.view().slots[1].doubt, Some(PortDoubt::GivenAway { slot: 1 }));
    // The settings still name the old ones: what was shown goes before them, until somebody changes them.
    let restarted = again(&book, 2);
    assert_eq!(restarted.device(1), Some(&*place(2)));
    let mut other = settings(2);
    other.insert(1, place(5));
    let changed = PortBook::new(&other, book.rows());
    assert_eq!((changed.device(1), changed.device(2)), (Some(&*place(5)), Some(&*place(1))));
}

#[test]
fn an_adapter_that_sits_in_another_socket_now_is_bound_where_it_is_plugged_in() {
    let mut book = jig(2);
    book.plugged(at(10), tree(&[1]));
    book.prove(Some(2));
    book.plugged(at(20), tree(&[1, 6]));
    let proof = book.view().proof.unwrap();
    assert_eq!(proof.state, ProofState::Shown { device: place(6), slot: None });
    book.bind(2, &place(6));
    assert_eq!((standing(&book, 2), shut(&book)), (PortStanding::Proved, vec![]));
    assert_eq!(book.view().free, []);
}

#[test]
fn of_two_boards_that_go_off_together_none_shows_anything() {
    let mut book = doubted(3);
    book.prove(Some(2));
    for is_there in [true, false, false] {
        book.heard(2, is_there);
        book.heard(3, is_there);
    }
    assert!(matches!(book.view().proof.unwrap().state, ProofState::Several { .. }));
    book.heard(2, true);
    book.heard(3, true);
    assert_eq!(shut(&book), [1, 2, 3]);
    switched(&mut book, 2, &[1, 3]);
    assert_eq!(shut(&book), [1, 3], "once more, one alone");
}

#[test]
fn one_lost_answer_is_no_board_that_was_switched_off_and_a_board_put_in_shows_nothing() {
    let mut book = doubted(2);
    book.prove(Some(1));
    for is_there in [true, false, true, false, true] {
        book.heard(1, is_there);
    }
    assert_eq!(shut(&book), [1, 2]);
    for is_there in [false, false, false, true] {
        book.heard(2, is_there);
    }
    assert_eq!(shut(&book), [1, 2], "it was not there before");
}

#[test]
fn a_slot_is_shut_while_somebody_proves_it_and_open_when_he_gives_it_up() {
    let mut book = jig(2);
    book.prove(Some(1));
    assert_eq!(shut(&book), [1]);
    book.prove(None);
    assert_eq!(shut(&book), NONE);
    book.prove(Some(9));
    assert_eq!(book.view().proof, None, "there is no such slot");
}

#[test]
fn ports_in_the_network_and_simulated_ones_are_nobodys_to_plug_elsewhere() {
    let named = BTreeMap::from([(1, "tcp:10.0.0.7:4001".to_owned()), (2, "/tmp/board".to_owned())]);
    let mut book = PortBook::new(&named, Vec::new());
    book.plugged(at(0), tree(&[1]));
    assert_eq!((standing(&book, 1), standing(&book, 2)), (PortStanding::Fixed, PortStanding::Fixed));
    assert_eq!((shut(&book), book.rows(), book.view().free.len()), (vec![], Vec::<PortRow>::new(), 1));
    book.prove(Some(2));
    switched(&mut book, 2, &[1]);
    assert_eq!(book.view().proof, None, "it can be shown all the same");
    assert_eq!(book.rows()[0].standing, RowStanding::Proved);
}

proptest! {
    /// Whatever is plugged where: no two slots ever have one port, and a doubted slot opens by a proof alone.
    #[test]
    fn no_port_is_ever_two_slots_and_doubt_ends_by_proof_alone(
        moves in prop::collection::vec((0u8..6, 1u16..6, 1u16..6, any::<bool>()), 1..60)
    ) {
        let mut book = jig(4);
        let mut sockets = vec![1, 2, 3, 4];
        let mut clock = 0;
        for (what, slot, socket, flag) in moves {
            let before = shut(&book);
            let asked = book.view().proof.map(|proof| proof.slot);
            clock += 5;
            match what {
                0 => book.prove(Some(slot)),
                1 => book.prove(None),
                2 => book.heard(slot.min(4), flag),
                3 => if let Some(proof) = book.view().proof && let ProofState::Shown { device, .. } = proof.state {
                    book.bind(proof.slot, &device);
                },
                _ => {
                    if !sockets.contains(&socket) { sockets.push(socket) } else { sockets.retain(|one| *one != socket) }
                    book.plugged(at(clock), tree(&sockets));
                }
            }
            let devices: Vec<_> = (1..=4).filter_map(|slot| book.device(slot)).collect();
            let mut distinct = devices.clone();
            distinct.sort_unstable();
            distinct.dedup();
            prop_assert_eq!(devices.len(), distinct.len());
            for slot in before {
                if !shut(&book).contains(&slot) {
                    prop_assert_eq!(Some(slot), asked, "{:?}", book);
                }
            }
        }
    }
}
