//! Labels on a whole line under virtual time: a board passes, its label comes out of a printer that nobody here wrote for the station, is
//! stuck on it and scanned back; and whatever may happen on the way.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test: what fails here is the test's result")]

#[path = "labels_in_memory/ahead.rs"]
mod ahead;

use domain::{
    identifier::IdentifierKind,
    ids::StationId,
    label_template::PrinterLanguage,
    labelling::{LabelMode, LabelsOnJig, PrinterState, ReprintReason},
    live::{SlotState, StationLive},
    model::parse_model,
    outcome::Outcome,
    prompt::AnswerSource,
    record::BirthRecord,
    text::FaultCode,
};
use jigline_tests::{
    memory_printer::{MemoryPrinter, stick_labels},
    memory_server::{BundleFiles, MemoryServer},
    memory_station,
};
use rand::{SeedableRng as _, rngs::StdRng};
use simulator::{
    Jig, JigSettings, MemoryJig, firmware::build_image, operator::Answering, printer::Troubles, slot::Mishap,
};
use station::{agent::Agent, answer_door::AnswerDoor, clock::Clock, fixture::fixture, progress::Progress};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::mpsc::UnboundedReceiver,
    time::{sleep, timeout},
};
use uuid::Uuid;

const STATION: StationId = StationId(Uuid::from_u128(42));

struct Hall {
    jig: MemoryJig,
    server: MemoryServer,
    disk: tempfile::TempDir,
    printer: Option<MemoryPrinter>,
}

/// What a person at the jig has: the door, and what the station says of itself.
struct Person {
    door: AnswerDoor,
    lines: UnboundedReceiver<Progress>,
    labels: Option<LabelsOnJig>,
    slots: Vec<SlotState>,
}

impl Hall {
    /// So many slots and boards of a batch whose labels are printed after the pass.
    fn new(slots: u32, boards: u32, language: PrinterLanguage) -> Self {
        Self::printing(LabelMode::AfterPass, "unit-50x25", (slots, boards, language))
    }

    fn printing(
        mode: LabelMode,
        template: &str,
        (slots, boards, language): (u32, u32, PrinterLanguage),
    ) -> Self {
        let files = BundleFiles::shipped().with_label(template);
        let model = Arc::new(parse_model("model", &files.model).unwrap());
        let image = build_image(&model, "V1.9", 8 * 1024, 7).unwrap();
        let server = MemoryServer::with_files(files, STATION, &image, "V1.9");
        server.print_labels(mode);
        let mut settings = JigSettings { slots, boards, ..JigSettings::one_board(model, 7) };
        // Whoever is asked for a label that was printed ahead has it in his hand: the test scans it.
        settings.operator.answers = Answering::Never;
        Self {
            jig: MemoryJig::start(settings).unwrap(),
            server,
            disk: tempfile::tempdir().unwrap(),
            printer: Some(MemoryPrinter::new(language)),
        }
    }

    fn printer(&self) -> MemoryPrinter {
        self.printer.clone().unwrap()
    }

    /// Works from one start of the program until `script` is over.
    async fn work(&mut self, script: impl AsyncFnOnce(Person, &Jig)) {
        let stream = self.jig.fixture();
        let (ends, mut wire) = fixture();
        let slots = self.jig.sockets().len() as u16;
        let config = memory_station::config(STATION, &self.server, self.disk.path(), slots);
        let ports = memory_station::ports(self.jig.sockets().to_vec());
        let clock = Clock::starting_at(chrono::DateTime::from_timestamp(1_795_000_000, 0).unwrap());
        let (progress, lines) = tokio::sync::mpsc::unbounded_channel();
        let chance = StdRng::seed_from_u64(7);
        let agent = Agent::open(config, self.server.clone(), ports, ends, clock, chance, progress).unwrap();
        let agent = match &self.printer {
            Some(printer) => {
                let (way, drawing) = printer.set_up();
                agent.with_printer(way, drawing)
            }
            None => agent,
        };
        let person = Person { door: agent.answers(), lines, labels: None, slots: Vec::new() };
        let paper = async {
            match &self.printer {
                Some(printer) => printer.print().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            _ = wire.carry(stream) => panic!("the fixture's line broke"),
            () = paper => {}
            () = agent.run(script(person, &self.jig.jig)) => {}
        }
    }

    fn passed(&self) -> Vec<BirthRecord> {
        let records = self.server.records();
        assert!(records.iter().all(|record| record.outcome == Outcome::Pass), "{records:#?}");
        records
    }
}

impl Person {
    /// Until what is seen is so.
    async fn see(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let seen = async {
            while !is_so(self) {
                match self.lines.recv().await.expect("it lives") {
                    Progress::Live { live } => {
                        let StationLive { slots, .. } = *live;
                        self.slots = slots.into_iter().map(|slot| slot.state).collect();
                    }
                    Progress::Labels { labels } => self.labels = Some(*labels),
                    _ => {}
                }
            }
        };
        if timeout(Duration::from_secs(1200), seen).await.is_err() {
            panic!("{what}: never seen; {:?} {:?}", self.slots, self.labels);
        }
    }

    async fn due(&mut self, slot: usize) -> String {
        self.see("a printed label that is due", |person| {
            matches!(person.slots.get(slot - 1), Some(SlotState::Unlabelled { printed: true, .. }))
        })
        .await;
        self.board(slot)
    }

    fn board(&self, slot: usize) -> String {
        match &self.slots[slot - 1] {
            SlotState::Unlabelled { board, .. } => board.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn scan(&self, slot: u16, code: &str) {
        assert!(self.door.scan(slot, code, Some("li"), AnswerSource::Page));
    }

    /// What the slot says is wrong with the label that was scanned.
    async fn refused(&mut self, slot: usize) -> domain::text::Fault {
        let fault_of = |person: &Self| match person.slots.get(slot - 1) {
            Some(SlotState::Unlabelled { fault: Some(fault), .. }) => Some(fault.clone()),
            _ => None,
        };
        self.see("a refused scan", |person| fault_of(person).is_some()).await;
        fault_of(self).unwrap()
    }

    async fn printer_is(&mut self, is_it: impl Fn(&PrinterState) -> bool) {
        self.see("how the printer stands", |person| {
            person.labels.as_ref().and_then(|labels| labels.printer.as_ref()).is_some_and(&is_it)
        })
        .await;
    }

    fn count(&self) -> u32 {
        self.labels.as_ref().map_or(0, |labels| labels.count)
    }
}

async fn all_out(jig: tokio::sync::watch::Receiver<Vec<simulator::observe::Witnessed>>) {
    let mut seen = jig;
    let all = seen.wait_for(|list| list.iter().all(|board| board.removed));
    timeout(Duration::from_secs(3600), all).await.expect("a board stays").expect("the jig lives");
}

#[tokio::test(start_paused = true)]
async fn every_board_of_a_shift_gets_its_own_label_in_both_languages() {
    for language in [PrinterLanguage::Zpl, PrinterLanguage::Tspl] {
        let mut hall = Hall::new(2, 6, language);
        let (printer, seen) = (hall.printer(), hall.jig.jig.witnessed());
        let hands = printer.clone();
        hall.work(async move |mut person: Person, _: &Jig| {
            let Person { door, lines, .. } = &mut person;
            tokio::select! {
                () = stick_labels(door, &hands, lines) => panic!("the station ended"),
                () = all_out(seen) => {}
            }
            sleep(Duration::from_secs(20)).await;
        })
        .await;
        let records = hall.passed();
        assert_eq!(records.len(), 6);
        let printed = printer.printed();
        assert_eq!(printed.len(), 6, "one label a unit");
        let told = hall.server.0.told_labels.borrow();
        for record in &records {
            let serial = record.serial.as_ref().unwrap();
            let address =
                record.identifiers.iter().find(|one| one.kind == IdentifierKind::BluetoothAddress).unwrap();
            let label = printed.iter().find(|label| label.codes.contains(serial)).unwrap();
            assert_eq!(label.complaints, Vec::<String>::new());
            assert!(label.codes.contains(&format!("{serial};{}", address.value)), "{:?}", label.codes);
            // Eight hours east of London it is the next day already.
            assert!(label.texts.iter().any(|text| text == "B-1  2026-11-18"), "{:?}", label.texts);
            let news = &told[serial];
            assert_eq!((news.prints, news.reprints.len(), news.run_id), (1, 0, record.run_id));
            let matched = news.matched.as_ref().unwrap();
            assert_eq!((matched.slot, matched.by.as_deref()), (Some(record.slot), Some("li")));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_slot_begins_no_board_before_the_label_of_the_last_one_is_on_it_and_says_which_label_was_wrong() {
    let mut hall = Hall::new(1, 2, PrinterLanguage::Zpl);
    let server = hall.server.clone();
    hall.work(async move |mut person: Person, _: &Jig| {
        let serial = person.due(1).await;
        // The operator's hand leaves the board where it is: its lamp has not changed.
        sleep(Duration::from_secs(60)).await;
        assert_eq!(server.records().len(), 1);
        person.scan(1, "TB00000000X");
        let fault = person.refused(1).await;
        assert_eq!(fault.code, FaultCode::LabelOfAnother);
        assert_eq!((fault.args["found"].as_str(), &fault.args["serial"]), ("TB00000000X", &serial));
        // A piece of it, then another kind of code, then the right number with another radio's address.
        person.scan(1, &serial[..6]);
        person.scan(1, "https://example.com/manual");
        person.scan(1, &format!("{serial};00:11:22:33:44:55"));
        person.see("the address told", |person| {
            matches!(&person.slots[0], SlotState::Unlabelled { fault: Some(fault), .. } if fault.code == FaultCode::LabelAddressDiffers)
        })
        .await;
        let record = server.records()[0].clone();
        let address = record.identifiers.iter().find(|one| one.kind == IdentifierKind::BluetoothAddress).unwrap();
        let octets: Vec<String> =
            address.value.as_bytes().chunks(2).map(|octet| String::from_utf8_lossy(octet).to_lowercase()).collect();
        person.scan(1, &format!("{serial};{}\r", octets.join(":")));
        person.scan(1, &serial);
        person.see("the pass", |person| matches!(&person.slots[0], SlotState::Done { outcome: Outcome::Pass, .. })).await;
        // The green lamp lets the board go, and the next one is begun.
        let next = person.due(1).await;
        assert_ne!(next, serial);
        person.scan(1, &next);
        person.see("an empty slot", |person| person.slots[0] == SlotState::Empty).await;
    })
    .await;
    assert_eq!(hall.passed().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn out_of_paper_no_slot_waits_and_every_label_is_made_up_for() {
    let mut hall = Hall::new(1, 3, PrinterLanguage::Tspl);
    let (printer, server) = (hall.printer(), hall.server.clone());
    hall.work(async move |mut person: Person, _: &Jig| {
        printer.trouble(Troubles { paper_out: true, ..Troubles::default() });
        person.printer_is(|state| *state == PrinterState::PaperOut).await;
        // Each in its turn is let go: there is nothing to stick on it.
        let mut serials = Vec::new();
        for _ in 0..3 {
            person
                .see("a label that is due", |person| {
                    matches!(person.slots.first(), Some(SlotState::Unlabelled { .. }))
                })
                .await;
            let serial = person.board(1);
            person.door.label_later(&serial);
            person
                .see("a free slot", |person| !matches!(person.slots[0], SlotState::Unlabelled { .. }))
                .await;
            serials.push(serial);
        }
        person.see("three units without labels", |person| person.count() == 3).await;
        assert_eq!((server.records().len(), printer.printed().len()), (3, 0));
        printer.trouble(Troubles::default());
        person
            .see("all printed", |person| {
                person
                    .labels
                    .as_ref()
                    .unwrap()
                    .unlabelled
                    .iter()
                    .all(|unit| unit.prints == 1 && !unit.waiting)
            })
            .await;
        assert_eq!(printer.printed().len(), 3);
        // Whoever has them in hand scans what was stuck; what is nobody's is told.
        person.door.scan_by_hand("TB9", None, AnswerSource::Page);
        person
            .see("a label of nobody", |person| {
                person
                    .labels
                    .as_ref()
                    .unwrap()
                    .fault
                    .as_ref()
                    .is_some_and(|fault| fault.code == FaultCode::LabelNotAwaited)
            })
            .await;
        for serial in serials {
            person.door.scan_by_hand(&serial, Some("li"), AnswerSource::Page);
        }
        person.see("no unit without its label", |person| person.count() == 0).await;
        assert_eq!(person.labels.as_ref().unwrap().fault, None);
        sleep(Duration::from_secs(10)).await;
    })
    .await;
    let told = hall.server.0.told_labels.borrow();
    assert!(told.len() == 3 && told.values().all(|news| news.matched.as_ref().unwrap().slot.is_none()));
}

#[tokio::test(start_paused = true)]
async fn a_printer_that_is_gone_frees_a_slot_whose_board_was_taken_out_by_itself() {
    let mut hall = Hall::new(1, 2, PrinterLanguage::Zpl);
    let printer = hall.printer();
    printer.is_gone(true);
    hall.work(async move |mut person: Person, jig: &Jig| {
        person.printer_is(|state| matches!(state, PrinterState::Away { .. })).await;
        person
            .see("a label that is due", |person| {
                matches!(person.slots.first(), Some(SlotState::Unlabelled { printed: false, .. }))
            })
            .await;
        let first = person.board(1);
        jig.befall(1, Mishap::Pulled);
        person.see("the next board", |person| matches!(person.slots[0], SlotState::Working { .. })).await;
        assert_eq!(person.count(), 1, "it is remembered");
        printer.is_gone(false);
        person.printer_is(|state| *state == PrinterState::Ready).await;
        let second = person.due(1).await;
        person.scan(1, &second);
        person.door.scan_by_hand(&first, None, AnswerSource::Page);
        person.see("no unit without its label", |person| person.count() == 0).await;
        assert_eq!(printer.printed().len(), 2);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_was_to_be_printed_when_the_program_died_is_printed_by_the_next_one_without_a_server() {
    let mut hall = Hall::new(1, 1, PrinterLanguage::Zpl);
    let (printer, server) = (hall.printer(), hall.server.clone());
    printer.trouble(Troubles { head_open: true, ..Troubles::default() });
    let leave = server.clone();
    hall.work(async move |mut person: Person, _: &Jig| {
        person.printer_is(|state| *state == PrinterState::HeadOpen).await;
        leave.0.away.set(true);
    })
    .await;
    printer.trouble(Troubles::default());
    let (again, away) = (printer.clone(), server.clone());
    hall.work(async move |mut person: Person, _: &Jig| {
        let serial = person.due(1).await;
        assert_eq!(again.printed().len(), 1);
        // Torn: once more, and counted. What waits already is not asked for twice.
        person.door.label_again(&serial, ReprintReason::Spoilt);
        person.door.label_again(&serial, ReprintReason::Spoilt);
        person
            .see("printed again", |person| {
                person.labels.as_ref().unwrap().unlabelled.first().is_some_and(|unit| unit.prints == 2)
            })
            .await;
        person.scan(1, &serial);
        person.see("no unit without its label", |person| person.count() == 0).await;
        assert_eq!(away.0.told_labels.borrow().len(), 0, "nobody was there to be told");
        away.0.away.set(false);
        sleep(Duration::from_secs(60)).await;
    })
    .await;
    assert_eq!(printer.printed().len(), 2);
    let told = server.0.told_labels.borrow();
    let news = told.values().next().unwrap();
    assert_eq!((news.prints, news.reprints.len()), (2, 1));
    assert!(news.matched.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_wants_labels_is_not_begun_where_nothing_prints_them() {
    let mut hall = Hall::new(1, 1, PrinterLanguage::Zpl);
    hall.printer = None;
    hall.work(async move |mut person: Person, _: &Jig| {
        let not_here = |state: &SlotState| matches!(state, SlotState::Broken { fault } if fault.code == FaultCode::LabelNotPrintable);
        person.see("why", |person| person.slots.first().is_some_and(not_here)).await;
        sleep(Duration::from_secs(120)).await;
    })
    .await;
    assert_eq!(hall.server.records().len(), 0);
}
