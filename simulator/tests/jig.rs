//! The jig in memory, under a paused clock: hours pass in milliseconds, and always the same way.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may end so")]

mod common;

use std::{sync::Arc, time::Duration};

use jigline_simulator::{
    Expected, Fault, JigSettings, Knobs, MemoryJig, Witnessed,
    fixture::{FixtureCommand, FixtureEvent, Lamp},
    jig::plan_boards,
    observe::{read_observer, read_remembered, write_observer, write_remembered},
};
use protocol::{
    modbus::{Request, Response, rtu},
    timing::wire_time,
};
use tokio::{
    io::{
        AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, Lines,
        ReadHalf, WriteHalf,
    },
    time,
};

fn settings(slots: u32, boards: u32, faulty: u32) -> JigSettings {
    JigSettings {
        model: common::model(),
        slots,
        boards,
        first_board: 0,
        seed: 5,
        faulty,
        fault: None,
        disturbances: Default::default(),
        knobs: Knobs::default(),
        observer: None,
        earlier: Vec::new(),
        remembered: Vec::new(),
        operator: Default::default(),
        bench: false,
    }
}

struct Fixture {
    lines: Lines<BufReader<ReadHalf<DuplexStream>>>,
    out: WriteHalf<DuplexStream>,
}

impl Fixture {
    fn new(stream: DuplexStream) -> Self {
        let (reader, out) = tokio::io::split(stream);
        Self { lines: BufReader::new(reader).lines(), out }
    }

    async fn event(&mut self) -> FixtureEvent {
        let line =
            time::timeout(Duration::from_secs(30), self.lines.next_line()).await.unwrap().unwrap().unwrap();
        serde_json::from_str(&line).unwrap()
    }

    /// Waits until this event comes.
    async fn until(&mut self, wanted: FixtureEvent) {
        while self.event().await != wanted {}
    }

    async fn command(&mut self, command: FixtureCommand) {
        let mut line = serde_json::to_string(&command).unwrap();
        line.push('\n');
        self.out.write_all(line.as_bytes()).await.unwrap();
    }

    async fn lamp(&mut self, slot: u32, lamp: Lamp) {
        self.command(FixtureCommand::Lamp { slot, lamp }).await;
    }
}

/// One exchange; the answer and how long it took. None: silent for two seconds.
async fn ask(stream: &mut DuplexStream, request: &Request) -> Option<(Response, Duration)> {
    let started = time::Instant::now();
    stream.write_all(&rtu::encode_request(1, request).unwrap()).await.unwrap();
    let length = rtu::response_frame_length(request);
    let mut frame = vec![0; length];
    time::timeout(Duration::from_secs(2), stream.read_exact(&mut frame)).await.ok()?.unwrap();
    Some((Response::decode(&rtu::decode_frame(&frame).unwrap().pdu).unwrap(), started.elapsed()))
}

async fn witnessed(jig: &MemoryJig, ready: impl Fn(&[Witnessed]) -> bool) -> Vec<Witnessed> {
    let mut list = jig.jig.witnessed();
    let wait = list.wait_for(|list| ready(list));
    time::timeout(Duration::from_secs(60), wait).await.unwrap().unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn an_exchange_takes_its_wire_time_both_ways() {
    let mut jig = MemoryJig::start(settings(1, 1, 0)).unwrap();
    let mut fixture = Fixture::new(jig.fixture());
    fixture.until(FixtureEvent::Presence { slot: 1, present: true }).await;
    time::sleep(Duration::from_millis(400)).await;
    let mut line = jig.line(1).unwrap();
    let request = Request::ReadHolding { address: 0x0100, quantity: 40 };
    let (_, took) = ask(&mut line.stream, &request).await.unwrap();
    let wire = wire_time(8, 9600) + wire_time(85, 9600);
    // t3.5 and 1.5 to 8 ms of thinking, a millisecond for each timer.
    let over = took.checked_sub(wire).unwrap();
    assert!(
        over > Duration::from_millis(5) && over < Duration::from_millis(18),
        "{over:?} over the wire's {wire:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_line_at_the_wrong_rate_is_answered_by_nobody() {
    let mut jig = MemoryJig::start(settings(1, 1, 0)).unwrap();
    let mut fixture = Fixture::new(jig.fixture());
    fixture.until(FixtureEvent::Presence { slot: 1, present: true }).await;
    time::sleep(Duration::from_millis(400)).await;
    let mut line = jig.line(1).unwrap();
    let request = Request::ReadHolding { address: 0, quantity: 2 };
    line.set_baud(115_200);
    assert!(ask(&mut line.stream, &request).await.is_none());
    line.set_baud(9600);
    assert!(ask(&mut line.stream, &request).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_station_that_starts_anew_finds_line_and_fixture_again() {
    let mut jig = MemoryJig::start(settings(1, 1, 0)).unwrap();
    time::sleep(Duration::from_millis(500)).await;
    let request = Request::ReadHolding { address: 0, quantity: 2 };
    for _ in 0..3 {
        let mut fixture = Fixture::new(jig.fixture());
        assert_eq!(fixture.event().await, FixtureEvent::Presence { slot: 1, present: true });
        let mut line = jig.line(1).unwrap();
        assert!(ask(&mut line.stream, &request).await.is_some());
        // Killed in the middle of a frame.
        line.stream.write_all(&[1, 3, 0]).await.unwrap();
        time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_operator_works_the_pile_down_by_the_lamps() {
    let mut jig = MemoryJig::start(settings(2, 5, 0)).unwrap();
    let mut fixture = Fixture::new(jig.fixture());
    let mut taken_out = 0;
    let mut seen = std::collections::BTreeSet::new();
    while taken_out < 5 {
        match fixture.event().await {
            FixtureEvent::Presence { slot, present: true } => {
                seen.insert(slot);
                fixture.lamp(slot, Lamp::Busy).await;
                fixture.lamp(slot, [Lamp::Pass, Lamp::Fail, Lamp::Attention][taken_out % 3]).await;
            }
            // Slots that were empty when we connected say so too.
            FixtureEvent::Presence { slot, present: false } => taken_out += usize::from(seen.contains(&slot)),
            other => panic!("{other:?}"),
        }
    }
    let list = witnessed(&jig, |list| list.iter().all(|board| board.removed)).await;
    assert_eq!(list.len(), 5);
    assert!(list.iter().all(|board| board.lamp.as_deref() != Some("busy")), "{list:?}");
}

#[tokio::test(start_paused = true)]
async fn a_clone_is_put_in_only_after_the_board_whose_identity_it_has() {
    // Seven faults of eight boards: the last but one position is the clone's, and slots wait for boards.
    let settings = settings(8, 8, 7);
    let plans = plan_boards(&settings).unwrap();
    let clone = plans.iter().find(|plan| plan.birth.fault == Some(Fault::ClonedIdentity)).unwrap();
    let original = plans.iter().find(|plan| Some(plan.index) == clone.original).unwrap();
    assert_eq!(clone.birth.machine_code, original.birth.machine_code);
    assert_eq!(clone.birth.bluetooth_address, original.birth.bluetooth_address);
    assert!(original.index < clone.index);
    assert_eq!(Expected::of(clone.birth.fault), Expected::Refused);

    let mut jig = MemoryJig::start(settings.clone()).unwrap();
    let mut fixture = Fixture::new(jig.fixture());
    let is_in = |list: &[Witnessed], index| list.iter().any(|board| board.index == index && board.inserted);
    let list = witnessed(&jig, |list| list.iter().filter(|board| board.inserted).count() == 7).await;
    assert!(!is_in(&list, clone.index));
    time::sleep(Duration::from_secs(20)).await;
    assert!(!is_in(&jig.jig.witnessed().borrow(), clone.index));
    let slot = list.iter().find(|board| board.index == original.index).unwrap().slot.unwrap();
    fixture.lamp(slot, Lamp::Pass).await;
    witnessed(&jig, |list| is_in(list, clone.index)).await;
}

#[tokio::test(start_paused = true)]
async fn the_load_tells_what_it_really_draws_and_a_power_cycle_is_told_twice() {
    let mut jig = MemoryJig::start(settings(1, 1, 0)).unwrap();
    let mut fixture = Fixture::new(jig.fixture());
    fixture.until(FixtureEvent::Presence { slot: 1, present: true }).await;
    time::sleep(Duration::from_millis(400)).await;
    fixture.command(FixtureCommand::SetLoad { slot: 1, load_ma: 20_000 }).await;
    let FixtureEvent::Load { slot: 1, load_ma } = fixture.event().await else { panic!() };
    assert!((19_900..=20_100).contains(&load_ma), "{load_ma}");
    fixture.command(FixtureCommand::PowerCycle { slot: 1, off_ms: 300 }).await;
    assert_eq!(fixture.event().await, FixtureEvent::Power { slot: 1, on: false });
    fixture.command(FixtureCommand::SetLoad { slot: 1, load_ma: 20_000 }).await;
    assert_eq!(fixture.event().await, FixtureEvent::Load { slot: 1, load_ma: 0 }, "no power, no current");
    assert_eq!(fixture.event().await, FixtureEvent::Power { slot: 1, on: true });
    // A command for a slot that is not there harms nobody.
    fixture.command(FixtureCommand::PowerCycle { slot: 9, off_ms: 300 }).await;
    fixture.command(FixtureCommand::PowerCycle { slot: 0, off_ms: 300 }).await;
    fixture.command(FixtureCommand::SetLoad { slot: 1, load_ma: 0 }).await;
    assert_eq!(fixture.event().await, FixtureEvent::Load { slot: 1, load_ma: 0 });
}

#[tokio::test(start_paused = true)]
async fn the_observers_file_is_kept_and_a_resumed_jig_leaves_out_what_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("observer.json");
    let mut first = settings(1, 3, 0);
    first.observer = Some(path.clone());
    let mut jig = MemoryJig::start(first.clone()).unwrap();
    let mut fixture = Fixture::new(jig.fixture());
    fixture.until(FixtureEvent::Presence { slot: 1, present: true }).await;
    fixture.lamp(1, Lamp::Pass).await;
    witnessed(&jig, |list| list.iter().filter(|board| board.removed).count() == 1).await;
    time::sleep(Duration::from_millis(100)).await;
    // The second board was renamed before the jig was stopped.
    fixture.until(FixtureEvent::Presence { slot: 1, present: true }).await;
    time::sleep(Duration::from_millis(400)).await;
    let mut line = jig.line(1).unwrap();
    let unlock = Request::WriteMultiple { address: 0x0500, values: common::digits("123456") };
    ask(&mut line.stream, &unlock).await.unwrap();
    let rename = Request::WriteMultiple { address: 0x0400, values: common::digits("TB-00042") };
    ask(&mut line.stream, &rename).await.unwrap();
    time::sleep(Duration::from_millis(100)).await;
    let kept = folder.path().join("boards.json");
    write_remembered(&kept, &jig.jig.remember().await).unwrap();
    let held = jig.jig.observe(1).await.unwrap();
    drop(jig);

    assert!(!std::fs::read_to_string(&kept).unwrap().contains("123456"), "a password in plain text");
    let remembered = read_remembered(&kept).unwrap();
    assert_eq!(remembered.len(), 1);
    let earlier = read_observer(&path).unwrap();
    assert_eq!(earlier.len(), 3);
    assert!(earlier[0].removed && earlier[0].lamp.as_deref() == Some("pass"));
    let second = JigSettings { earlier, remembered, ..first };
    let jig = MemoryJig::start(second).unwrap();
    let list = witnessed(&jig, |list| list.iter().filter(|board| board.inserted).count() == 2).await;
    assert!(list[0].removed && list[0].lamp.as_deref() == Some("pass"));
    assert!(list[1].inserted && !list[1].removed);
    let again = jig.jig.observe(1).await.unwrap();
    assert_eq!(again.holds.name.as_deref(), Some("TB-00042"));
    assert_eq!((again.registers_kept, again.flash_image), (held.registers_kept, held.flash_image));
}

#[tokio::test(start_paused = true)]
async fn an_observer_sees_the_board_in_the_slot_and_the_one_that_was_taken_out() {
    let mut jig = MemoryJig::start(settings(1, 2, 0)).unwrap();
    let mut fixture = Fixture::new(jig.fixture());
    fixture.until(FixtureEvent::Presence { slot: 1, present: true }).await;
    assert!(jig.jig.observe(0).await.unwrap().boots);
    assert!(jig.jig.observe(1).await.is_none());
    fixture.lamp(1, Lamp::Fail).await;
    fixture.until(FixtureEvent::Presence { slot: 1, present: false }).await;
    assert_eq!(jig.jig.observe(0).await.unwrap().password, "123456");
    fixture.until(FixtureEvent::Presence { slot: 1, present: true }).await;
    assert!(jig.jig.observe(1).await.is_some());
}

#[test]
fn the_list_is_replaced_at_one_stroke() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("observer.json");
    write_observer(&path, &[]).unwrap();
    assert_eq!(read_observer(&path).unwrap(), []);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing half-written is left");
}

#[test]
fn a_second_batch_is_of_other_boards() {
    let first = plan_boards(&settings(8, 24, 7)).unwrap();
    let mut later = settings(8, 24, 7);
    later.first_board = 24;
    let second = plan_boards(&later).unwrap();
    let codes = |plans: &[jigline_simulator::jig::Plan]| -> std::collections::BTreeSet<u32> {
        plans.iter().map(|plan| plan.birth.machine_code).collect()
    };
    assert!(codes(&first).is_disjoint(&codes(&second)));
    let image: Arc<[u8]> = first[0].birth.image.clone();
    assert!(first.iter().all(|plan| Arc::ptr_eq(&plan.birth.image, &image)), "one image in memory for all");
}
