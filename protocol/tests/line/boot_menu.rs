//! The boot-menu dialogue against a board that prints as ST's loaders do, at line rate, and bears their quirks.

use core::time::Duration;

use jigline_protocol::Instant;
use jigline_protocol::boot_menu::{
    BootMenu, BootMenuEvent, BootMenuFailure, BootMenuOptions, Found, PROBE, Refusal,
};
use jigline_protocol::ymodem::Generation;

use crate::support::{Wire, ms};

const BANNER: &str = "\r\n=====================================\r\n=  (C) COPYRIGHT Some Maker, MCD Application Team  =\r\n\
                      =  In-Application Programming  =\r\n\r\n";
const MENU: &str = "\r\n=================== Main Menu ============================\r\n\n  \
                    Download image to the internal Flash ----------------- 1\r\n\n  \
                    Execute the loaded application ----------------------- 3\r\n\n";
const WAITING: &str = "Waiting for the file to be sent ... (press 'a' to abort)\n\r";
const INVALID: &str = "Invalid Number ! ==> The number should be either 1, 2, 3 or 4\r";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Where {
    Silent,
    Menu,
    Receiving,
    Application,
}

/// Just enough of a loader to talk to. It does not hear keys while it prints.
struct Loader {
    place: Where,
    poll_at: Option<Instant>,
    announces: bool,
    deaf_keys: u32,
    keys: Vec<u8>,
}

struct Rig {
    now: Instant,
    menu: BootMenu,
    loader: Loader,
    down: Wire,
    up: Wire,
}

impl Rig {
    fn new(place: Where, baud: u32) -> Self {
        Self {
            now: ms(1000),
            menu: BootMenu::new(ms(1000), BootMenuOptions::new(Generation::Hal, baud)),
            loader: Loader {
                place,
                poll_at: (place == Where::Receiving).then_some(ms(1500)),
                announces: true,
                deaf_keys: 0,
                keys: vec![],
            },
            down: Wire::new(baud),
            up: Wire::new(baud),
        }
    }

    fn print(&mut self, text: &str) {
        self.up.write(self.now, text.as_bytes(), Some);
    }

    fn hear(&mut self, key: u8) {
        self.loader.keys.push(key);
        if self.up.next_at().is_some() {
            self.loader.deaf_keys += 1;
            return;
        }
        match (self.loader.place, key) {
            (Where::Menu, b'1') => {
                if self.loader.announces {
                    self.print(WAITING);
                }
                self.loader.place = Where::Receiving;
                self.loader.poll_at = Some(self.now + ms(1000));
            }
            (Where::Menu, b'3') => {
                self.print("Start program execution......\r\n\n");
                self.loader.place = Where::Application;
            }
            (Where::Menu, _) => self.print(&format!("{INVALID}{MENU}")),
            (Where::Receiving, b'a') => {
                self.print(&format!("\x18\x18\r\n\nAborted by user.\n\r{MENU}"));
                self.loader.place = Where::Menu;
                self.loader.poll_at = None;
            }
            (Where::Receiving, _) => self.print("C"),
            (Where::Silent | Where::Application, _) => {}
        }
    }

    /// Runs until the dialogue says something.
    fn event(&mut self) -> BootMenuEvent {
        let limit = self.now + Duration::from_secs(60);
        loop {
            while let Some(byte) = self.up.read(self.now) {
                self.menu.handle_bytes(self.now, &[byte]);
            }
            while let Some(key) = self.down.read(self.now) {
                self.hear(key);
            }
            if let Some(at) = self.loader.poll_at.take_if(|at| *at <= self.now) {
                self.print("C");
                self.loader.poll_at = Some(at + ms(1000));
            }
            self.menu.handle_timeout(self.now);
            while let Some(bytes) = self.menu.poll_transmit(self.now) {
                self.down.write(self.now, &bytes, Some);
            }
            if let Some(event) = self.menu.poll_event() {
                return event;
            }
            let next =
                [self.up.next_at(), self.down.next_at(), self.menu.poll_timeout(), self.loader.poll_at];
            self.now = next.into_iter().flatten().min().unwrap().max(self.now);
            assert!(self.now < limit, "the dialogue hangs");
        }
    }

    fn probe(&mut self) -> BootMenuEvent {
        self.menu.probe(self.now);
        self.event()
    }

    fn download(&mut self) -> BootMenuEvent {
        self.menu.start_download(self.now);
        self.event()
    }
}

#[test]
fn an_application_or_a_dead_board_is_silent_and_known_so_within_two_seconds() {
    let mut rig = Rig::new(Where::Silent, 9600);
    let before = rig.now;
    assert_eq!(rig.probe(), BootMenuEvent::Found(Found::Silent));
    assert!(rig.now - before < ms(2000));
    assert_eq!(rig.loader.keys, [PROBE; 3]);
}

#[test]
fn a_menu_a_receiver_and_a_chatterer_are_told_apart() {
    for baud in [9600, 115_200] {
        assert_eq!(Rig::new(Where::Menu, baud).probe(), BootMenuEvent::Found(Found::Menu));
        assert_eq!(Rig::new(Where::Receiving, baud).probe(), BootMenuEvent::Found(Found::Receiving));
        let mut rig = Rig::new(Where::Silent, baud);
        rig.print(&"~?".repeat(baud as usize / 2));
        assert_eq!(rig.probe(), BootMenuEvent::Found(Found::Garbled));
    }
}

#[test]
fn a_banner_that_is_still_streaming_is_waited_for_before_any_key_is_sent() {
    let mut rig = Rig::new(Where::Menu, 9600);
    rig.print(&format!("{BANNER}{MENU}"));
    assert_eq!(rig.probe(), BootMenuEvent::Found(Found::Menu));
    assert_eq!(rig.loader.keys, [], "the menu needed no question");
    assert_eq!(rig.download(), BootMenuEvent::Ready);
    assert_eq!((rig.loader.deaf_keys, rig.loader.keys), (0, vec![b'1']));
}

#[test]
fn a_c_in_banner_text_is_never_taken_for_ready() {
    for baud in [1200, 9600, 115_200] {
        let mut menu = BootMenu::new(ms(0), BootMenuOptions::new(Generation::Hal, baud));
        menu.start_download(ms(0));
        menu.handle_timeout(ms(100));
        assert_eq!(menu.poll_transmit(ms(100)), Some(vec![b'1']));
        // The board restarts instead and prints its banner after a silence.
        let mut wire = Wire::new(baud);
        wire.write(ms(500), format!("{BANNER}{MENU}").as_bytes(), Some);
        while let Some(at) = wire.next_at() {
            while menu.poll_timeout().is_some_and(|due| due < at) {
                menu.handle_timeout(menu.poll_timeout().unwrap());
            }
            let byte = wire.read(at).unwrap();
            menu.handle_bytes(at, &[byte]);
            assert_eq!(menu.poll_event(), None, "at {baud} baud, {:?}", char::from(byte));
        }
    }
}

#[test]
fn a_c_out_of_a_silence_is_ready_even_without_the_announcing_line_but_not_if_text_follows_it() {
    let mut rig = Rig::new(Where::Menu, 9600);
    rig.loader.announces = false;
    assert_eq!(rig.download(), BootMenuEvent::Ready);

    let mut menu = BootMenu::new(ms(0), BootMenuOptions::new(Generation::Hal, 9600));
    menu.start_download(ms(0));
    menu.handle_timeout(ms(100));
    menu.poll_transmit(ms(100)).unwrap();
    menu.handle_bytes(ms(400), b"C");
    menu.handle_bytes(ms(401), b"opyright");
    menu.handle_timeout(ms(600));
    assert_eq!(menu.poll_event(), None);
    menu.handle_bytes(ms(700), b"made by MCDC");
    menu.handle_timeout(ms(800));
    assert_eq!(menu.poll_event(), None, "nor if text leads to it");
}

#[test]
fn a_key_lost_while_the_menu_was_printing_is_sent_again() {
    let mut rig = Rig::new(Where::Menu, 9600);
    rig.menu.start_download(rig.now);
    // Nothing has come for 100 ms; the menu is printed just as the key goes out.
    rig.now += ms(100);
    rig.menu.handle_timeout(rig.now);
    rig.print(MENU);
    assert_eq!(rig.event(), BootMenuEvent::Ready);
    assert_eq!((rig.loader.deaf_keys, rig.loader.keys.len()), (1, 2));
}

#[test]
fn a_receiver_in_the_middle_of_an_old_session_is_sent_back_to_its_menu_first() {
    let mut rig = Rig::new(Where::Receiving, 115_200);
    assert_eq!(rig.probe(), BootMenuEvent::Found(Found::Receiving));
    assert_eq!(rig.download(), BootMenuEvent::Ready);
    assert_eq!(rig.loader.keys, [PROBE, b'a', b'1']);
}

#[test]
fn a_board_that_does_not_begin_to_receive_is_given_up() {
    let mut rig = Rig::new(Where::Application, 115_200);
    assert_eq!(rig.download(), BootMenuEvent::Failed(BootMenuFailure::NotReady));
    assert_eq!(rig.loader.keys, [b'1'; 3]);
}

#[test]
fn the_success_text_is_recognised_and_the_menu_after_it_waited_for() {
    let mut rig = Rig::new(Where::Menu, 9600);
    rig.print(&format!(
        "\n\n\r Programming Completed Successfully!\n\r--\r\n Name: a.bin\n\r Size: 12\u{1} Bytes\r\n{MENU}"
    ));
    rig.menu.await_result(rig.now);
    assert_eq!(rig.event(), BootMenuEvent::Programmed);
    assert_eq!(rig.up.next_at(), None, "all of the text has arrived");
    rig.menu.execute(rig.now);
    assert_eq!(rig.event(), BootMenuEvent::Executed);
    assert_eq!((rig.loader.place, rig.loader.deaf_keys), (Where::Application, 0));
}

#[test]
fn every_refusal_of_the_loader_has_a_name() {
    let texts = [
        ("\n\rFailed to receive the file!\n\r", Refusal::FailedToReceive),
        ("\r\n\nAborted by user.\n\r", Refusal::AbortedByUser),
        ("\n\n\rThe image size is higher than the allowed space memory!\n\r", Refusal::SizeLimit),
        ("\n\n\rVerification failed!\n\r", Refusal::VerificationFailed),
    ];
    for (text, refusal) in texts {
        let mut rig = Rig::new(Where::Menu, 9600);
        rig.print(&format!("{text}{MENU}"));
        rig.menu.await_result(rig.now);
        assert_eq!(rig.event(), BootMenuEvent::Failed(BootMenuFailure::Refused(refusal)));
    }
}

#[test]
fn a_loader_that_says_nothing_about_the_outcome_is_not_believed() {
    let mut rig = Rig::new(Where::Silent, 9600);
    rig.menu.await_result(rig.now);
    assert_eq!(rig.event(), BootMenuEvent::Failed(BootMenuFailure::NoResult));
}

#[test]
fn a_key_to_a_menu_that_stands_waits_for_nothing() {
    let mut menu = BootMenu::settled(ms(0), BootMenuOptions::new(Generation::Spl, 9600));
    menu.start_download(ms(0));
    menu.handle_timeout(ms(0));
    assert_eq!(menu.poll_transmit(ms(0)).as_deref(), Some(&b"1"[..]));
}

#[test]
fn a_byte_that_still_comes_makes_even_that_key_wait_for_silence() {
    let mut menu = BootMenu::settled(ms(0), BootMenuOptions::new(Generation::Hal, 9600));
    menu.execute(ms(0));
    menu.handle_bytes(ms(0), b"=");
    for now in [0, 50, 99] {
        menu.handle_timeout(ms(now));
        assert_eq!(menu.poll_transmit(ms(now)), None, "{now} ms");
    }
    menu.handle_timeout(ms(100));
    assert_eq!(menu.poll_transmit(ms(100)).as_deref(), Some(&b"3"[..]));
}

#[test]
fn a_menu_stands_once_it_was_heard_and_the_line_is_quiet() {
    let mut menu = BootMenu::new(ms(0), BootMenuOptions::new(Generation::Hal, 9600));
    menu.probe(ms(0));
    assert!(!menu.stands(ms(500)), "nobody said a word");
    menu.handle_bytes(ms(500), BANNER.as_bytes());
    assert!(!menu.stands(ms(700)), "a banner is no menu");
    menu.handle_bytes(ms(700), MENU.as_bytes());
    assert!(!menu.stands(ms(799)) && menu.stands(ms(810)));
}
