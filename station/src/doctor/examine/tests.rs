//! What single things of a picture mean.

use super::{examine, *};
use crate::{
    doctor::picture::{
        Access, FontSeen, JournalSeen, PortSeen, PrinterFound, PrinterSeen, QueueSeen, SlotSeen, StationSeen,
    },
    journal::JournalHealth,
    ports::{Adapter, RowStanding, UsbPart},
    uplink::{ServerFault, ServerLook},
};
use domain::{
    api::stations::{StationStanding, WIRE_VERSION},
    doctor::{FindingState, worst},
    ids::OutboxId,
    label_template::PrinterLanguage,
    labelling::PrinterState,
    text::{Fault, FaultCode},
};
use uuid::Uuid;

fn noon() -> DateTime<Utc> {
    "2026-11-28T12:00:00Z".parse().unwrap()
}

fn adapter(number: u16) -> Adapter {
    let part = UsbPart { at: format!("1-{number}"), kind: "1a86:7523".to_owned(), ..UsbPart::default() };
    Adapter {
        node: format!("/dev/ttyUSB{number}"),
        place: Some(format!("/dev/serial/by-path/{number}")),
        title: "CH340".to_owned(),
        chain: vec![part],
    }
}

fn slot(number: u16) -> SlotSeen {
    let port = PortSeen::There {
        node: format!("/dev/ttyUSB{number}"),
        access: Access::Granted,
        holders: Vec::new(),
    };
    SlotSeen {
        slot: number,
        device: format!("/dev/serial/by-path/{number}"),
        port,
        known: Some(RowStanding::Proved),
    }
}

fn standing() -> StationStanding {
    StationStanding {
        name: "jig-1".to_owned(),
        at: noon(),
        program: "0.1.0".to_owned(),
        wire_version: WIRE_VERSION,
        frozen: None,
        said: 7,
        changes: 100,
    }
}

fn printer(found: PrinterFound) -> PrinterSeen {
    let to = "tcp:10.0.0.9:9100".to_owned();
    PrinterSeen { to, language: PrinterLanguage::Zpl, found, font: FontSeen::DrawsChinese }
}

/// Everything as it should be.
fn sound() -> Picture {
    let health = JournalHealth {
        outbox_id: OutboxId(Uuid::from_u128(1)),
        closed: 7,
        unsent: 0,
        parked: 0,
        changes: 100,
        frozen: None,
    };
    Picture {
        program: "0.1.0".to_owned(),
        settings: SettingsSeen::Read { path: "station.toml".to_owned(), is_open_to_others: false },
        station: Some(StationSeen {
            name: "jig-1".to_owned(),
            server: "http://10.0.0.5:8480".to_owned(),
            slots: vec![slot(1), slot(2)],
            disk: DiskSeen { path: "data".to_owned(), free: Ok(100 * LOW), kind: DiskKind::Lasting },
            journal: ("data/journal.sqlite".to_owned(), JournalSeen::Whole(health)),
            look: Some(ServerLook { at: Some(noon()), answer: Ok(standing()) }),
            fixture: FixtureSeen::AtWork("10.0.0.9:4020".to_owned()),
            printer: Some(printer(PrinterFound::Says(Some(PrinterState::Ready)))),
        }),
        service: Some(ServiceState::Running),
        agent: None,
        machine: MachineSeen {
            adapters: vec![adapter(1), adapter(2)],
            meddlers: Vec::new(),
            sleep: SleepSeen::Never,
            clock: ClockSeen { now: noon(), keeper: Keeper::Runs("chronyd".to_owned()), mainboard_off: None },
            reverting: None,
        },
    }
}

fn with(change: impl FnOnce(&mut Picture, &mut StationSeen)) -> Vec<Finding> {
    let mut picture = sound();
    let mut station = picture.station.take().unwrap();
    change(&mut picture, &mut station);
    picture.station = Some(station);
    examine(&picture)
}

/// What is not as it should be.
fn trouble(found: &[Finding]) -> Vec<Code> {
    let bad = |finding: &&Finding| finding.state() != FindingState::Good;
    found.iter().filter(bad).map(|finding| finding.code).collect()
}

fn health(station: &mut StationSeen) -> &mut JournalHealth {
    match &mut station.journal.1 {
        JournalSeen::Whole(health) => health,
        other => panic!("{other:?}"),
    }
}

fn known(station: &mut StationSeen) -> &mut StationStanding {
    station.look.as_mut().unwrap().answer.as_mut().unwrap()
}

#[test]
fn a_sound_pc_has_nothing_to_do_and_every_area_is_spoken_of_in_order() {
    let found = examine(&sound());
    assert_eq!(worst(&found), FindingState::Good, "{found:#?}");
    let areas: Vec<_> = found.iter().map(|finding| finding.code.area()).collect();
    let mut sorted = areas.clone();
    sorted.sort_unstable();
    assert_eq!(areas, sorted);
    sorted.dedup();
    assert_eq!(sorted.len(), 11);
}

#[test]
fn a_port_that_is_gone_is_shown_beside_those_that_belong_to_nobody() {
    let gone = |picture: &mut Picture, station: &mut StationSeen| {
        station.slots[1].port = PortSeen::Missing;
        picture.machine.adapters[1] = adapter(3);
    };
    let found = with(gone);
    assert_eq!(trouble(&found), [Code::PortMissingOthersFree]);
    let finding = found.iter().find(|finding| finding.code == Code::PortMissingOthersFree).unwrap();
    assert_eq!((finding.slot, &*finding.args["free"]), (Some(2), "/dev/serial/by-path/3"));
    let none_is_free = |picture: &mut Picture, station: &mut StationSeen| {
        station.slots[1].port = PortSeen::Missing;
        picture.machine.adapters.truncate(1);
    };
    assert_eq!(trouble(&with(none_is_free)), [Code::PortMissing]);
}

#[test]
fn two_slots_at_one_adapter_are_both_told() {
    let found = with(|_, station| {
        station.slots[1].port = station.slots[0].port.clone();
        station.slots[1].device = "/dev/ttyUSB1".to_owned();
    });
    assert_eq!(trouble(&found), [Code::PortTwice, Code::PortTwice, Code::PortByNumber]);
}

#[test]
fn a_port_that_nobody_has_shown_is_told_and_a_doubted_one_shuts_its_slot() {
    let doubt = domain::api::setup::PortDoubt::AwayTogether { slots: vec![1, 2] };
    for (known, code) in
        [(RowStanding::Seen, Code::PortUnproved), (RowStanding::Doubted(doubt), Code::PortDoubted)]
    {
        assert_eq!(trouble(&with(|_, station| station.slots[0].known = Some(known))), [code]);
    }
}

#[test]
fn an_adapter_that_may_sleep_is_told_and_its_hub_is_not() {
    let hub = UsbPart { at: "1-0".to_owned(), may_sleep: true, ..UsbPart::default() };
    let found = with(|picture, _| picture.machine.adapters[0].chain.insert(0, hub));
    assert_eq!(trouble(&found), []);
    let found = with(|picture, _| picture.machine.adapters[0].chain[0].may_sleep = true);
    assert_eq!(trouble(&found), [Code::PortSleeps]);
}

#[test]
fn a_clock_is_judged_by_the_servers_and_where_that_is_away_by_what_could_be() {
    let at = |seconds: i64| {
        with(move |picture, _| picture.machine.clock.now += chrono::TimeDelta::seconds(seconds))
    };
    for (seconds, expected) in [
        (0, None),
        (-29, None),
        (30, Some(Code::ClockOff)),
        (-1799, Some(Code::ClockOff)),
        (1800, Some(Code::ClockFarOff)),
        (-400 * 86_400, Some(Code::ClockWrong)),
    ] {
        assert_eq!(trouble(&at(seconds)).into_iter().next(), expected, "{seconds}");
    }
    let away = ServerLook { at: None, answer: Err(ServerFault::Away("no route".to_owned())) };
    let found = with(|_, station| station.look = Some(away));
    assert_eq!(trouble(&found), [Code::ClockNotCompared, Code::ServerAway, Code::VersionAlone]);
}

#[test]
fn a_disk_that_goes_back_is_known_by_what_the_server_heard() {
    let found = with(|_, station| known(station).changes = 101);
    assert_eq!(trouble(&found), [Code::JournalWentBack]);
    let found = with(|_, station| known(station).said = 8);
    assert_eq!(trouble(&found), [Code::JournalWentBack]);
    let found = with(|_, station| health(station).changes = 120);
    assert_eq!(trouble(&found), [], "it went on since the server was asked");
}

#[test]
fn a_frozen_station_says_so_by_the_servers_word_and_off_line_by_the_last_one() {
    let reason = || Some(Fault::new(FaultCode::MachineChanged).with("before", "a").with("found", "b"));
    let found = with(|_, station| known(station).frozen = reason());
    assert_eq!(trouble(&found), [Code::JournalFrozen]);
    let said = found.iter().find(|finding| finding.code == Code::JournalFrozen).unwrap();
    assert_ne!(said.what(domain::text::Language::En), said.what(domain::text::Language::Zh));
    let found = with(|_, station| health(station).frozen = reason());
    assert_eq!(trouble(&found), [], "it was freed meanwhile");
    let found = with(|_, station| {
        health(station).frozen = reason();
        station.look = Some(ServerLook { at: None, answer: Err(ServerFault::Away(String::new())) });
    });
    assert!(trouble(&found).contains(&Code::JournalFrozen));
}

#[test]
fn records_that_wait_are_trouble_only_where_nobody_sends_them() {
    let waiting = |works: bool| {
        with(move |picture, station| {
            health(station).unsent = 3;
            picture.agent = works.then_some(crate::doctor::picture::AgentSeen { pid: 1, is_replaced: false });
        })
    };
    assert_eq!(trouble(&waiting(false)), [Code::RecordsWait]);
    assert_eq!(trouble(&waiting(true)), []);
    let found = with(|_, station| (health(station).unsent, health(station).parked) = (3, 3));
    assert_eq!(trouble(&found), [Code::RecordsParked]);
}

#[test]
fn a_server_is_told_by_how_it_answers() {
    let answers = |answer: ServerFault| {
        with(|_, station| station.look = Some(ServerLook { at: Some(noon()), answer: Err(answer) }))
    };
    let refused =
        |code: &str| ServerFault::Refused { status: 404, code: code.to_owned(), detail: String::new() };
    let unknown = ServerFault::Halted(Box::new(Fault::new(FaultCode::KeyUnknown)));
    for (answer, code) in [
        (unknown, Some(Code::ServerKnowsNot)),
        (refused("no_code"), Some(Code::ServerStrange)),
        (refused("not_found"), None),
        (ServerFault::NotUnderstood("html".to_owned()), Some(Code::ServerStrange)),
    ] {
        let found = trouble(&answers(answer));
        assert_eq!(found.iter().find(|one| **one != Code::VersionAlone).copied(), code, "{found:?}");
    }
    let found = with(|_, station| (station.server, station.look) = ("https://plant".to_owned(), None));
    assert!(trouble(&found).contains(&Code::ServerByCertificate), "{found:?}");
    assert_eq!(
        trouble(&with(|_, station| known(station).program = "0.2.0".to_owned())),
        [Code::VersionsDiffer]
    );
    assert_eq!(trouble(&with(|_, station| known(station).wire_version += 1)), [Code::WireDiffers]);
}

#[test]
fn room_on_the_disk_and_what_becomes_of_it_are_told() {
    for (free, code) in [(FULL - 1, Code::DiskFull), (LOW - 1, Code::DiskLow)] {
        assert_eq!(trouble(&with(|_, station| station.disk.free = Ok(free))), [code]);
    }
    let found = with(|_, station| station.disk.kind = DiskKind::Forgetting("memory".to_owned()));
    assert_eq!(trouble(&found), [Code::DiskForgets]);
    let found = with(|picture, _| picture.machine.reverting = Some("Deep Freeze".to_owned()));
    assert_eq!(trouble(&found), [Code::DiskReverts]);
    assert_eq!((size(LOW), size(FULL)), ("2 GB".to_owned(), "64 MB".to_owned()));
}

#[test]
fn a_service_is_told_as_it_stands_and_a_station_by_hand_works_all_the_same() {
    let agent = crate::doctor::picture::AgentSeen { pid: 9, is_replaced: true };
    for (state, works, expected) in [
        (Some(ServiceState::Stopped), false, Some(Code::ServiceStopped)),
        (Some(ServiceState::Failed), false, Some(Code::ServiceFailed)),
        (Some(ServiceState::NotInstalled), false, Some(Code::ServiceMissing)),
        (None, false, Some(Code::ServiceMissing)),
        (None, true, Some(Code::StationByHand)),
        (Some(ServiceState::Running), true, None),
    ] {
        let found = with(|picture, _| {
            picture.service = state;
            picture.agent = works.then(|| agent.clone());
        });
        let mut found = trouble(&found);
        assert_eq!(works, found.last() == Some(&Code::ProgramReplaced));
        found.retain(|code| *code != Code::ProgramReplaced);
        assert_eq!(found.first().copied(), expected, "{state:?} {works}");
    }
}

#[test]
fn a_pc_that_is_no_station_yet_is_told_what_comes_first() {
    let mut picture = sound();
    picture.station = None;
    picture.settings = SettingsSeen::Fault { path: "station.toml".to_owned(), detail: "missing".to_owned() };
    let found = examine(&picture);
    assert_eq!(trouble(&found), [Code::SettingsNotRead, Code::ClockNotCompared]);
    assert_eq!(found.iter().filter(|finding| finding.code == Code::PortFree).count(), 2);
}

#[test]
fn what_a_label_printer_lacks_is_said_and_no_printer_is_no_trouble() {
    use PrinterState as P;
    let of = |found| trouble(&with(|_, station| station.printer = Some(printer(found))));
    let says = |state| of(PrinterFound::Says(Some(state)));
    assert_eq!(says(P::PaperOut), [Code::PrinterPaperOut]);
    assert_eq!(says(P::HeadOpen), [Code::PrinterHeadOpen]);
    assert_eq!(says(P::RibbonOut), [Code::PrinterRibbonOut]);
    assert_eq!(says(P::Paused), [Code::PrinterPaused]);
    assert_eq!(says(P::Jammed), [Code::PrinterJammed]);
    assert_eq!(of(PrinterFound::Says(None)), [Code::PrinterMute]);
    assert_eq!(of(PrinterFound::Silent("refused".to_owned())), [Code::PrinterSilent]);
    assert_eq!(of(PrinterFound::Device(None)), [Code::PrinterDeviceMissing]);
    let denied = Access::Denied { account: "jig".to_owned(), group: "lp".to_owned() };
    assert_eq!(of(PrinterFound::Device(Some(denied))), [Code::PrinterDeviceForbidden]);
    assert_eq!(of(PrinterFound::Device(Some(Access::Granted))), []);
    assert_eq!(of(PrinterFound::Queue(QueueSeen::TakesJobs)), []);
    assert_eq!(of(PrinterFound::Queue(QueueSeen::Missing)), [Code::PrinterQueueMissing]);
    assert_eq!(of(PrinterFound::Queue(QueueSeen::Stopped("paused".to_owned()))), [Code::PrinterQueueStopped]);
    assert_eq!(
        of(PrinterFound::Queue(QueueSeen::Unknown("no lpstat".to_owned()))),
        [Code::PrinterNotLookedAt]
    );
    assert_eq!(trouble(&with(|_, station| station.printer = None)), []);
}

#[test]
fn a_pc_that_can_draw_no_chinese_is_told_of_beside_its_printer() {
    let of = |font| trouble(&with(|_, station| station.printer.as_mut().unwrap().font = font));
    assert_eq!(of(FontSeen::Missing), [Code::FontMissing]);
    assert_eq!(of(FontSeen::Lacks("DejaVu.ttf".to_owned())), [Code::FontWithoutChinese]);
}
