//! A jig without switches, whose boards are announced by scanning them: a code puts a board in, three silences or the next code take it out.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test: what fails here is the test's result")]

use domain::{
    ids::StationId,
    label::LabelForm,
    live::{SlotState, StationLive},
    model::parse_model,
    outcome::Outcome,
    prompt::AnswerSource,
    record::{BirthRecord, judge_record},
    text::FaultCode,
};
use jigline_tests::{
    memory_server::{BundleFiles, MemoryServer},
    memory_station,
};
use rand::{SeedableRng as _, rngs::StdRng};
use simulator::{
    JigSettings, MemoryJig, firmware::build_image, observe::Witnessed, operator::Operator, slot::Mishap,
};
use station::{
    Presence,
    agent::{Agent, AgentConfig},
    answer_door::AnswerDoor,
    clock::Clock,
    fixture::{Fixture, fixture},
    link::Line,
    progress::Progress,
};
use std::{future::Future, sync::Arc, time::Duration};
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
}

impl Hall {
    /// One slot and so many boards; `scans`: what the operator announces each with.
    fn new(boards: u32, scans: Option<&str>) -> Self {
        let files = BundleFiles::shipped();
        let model = Arc::new(parse_model("model", &files.model).unwrap());
        let image = build_image(&model, "V1.9", 8 * 1024, 7).unwrap();
        let server = MemoryServer::with_files(files, STATION, &image, "V1.9");
        // Where nobody scans, nobody says anything: the switches' words are not listened to.
        let operator = Operator { scans: scans.map(str::to_owned), ..Operator::default() };
        let settings = JigSettings { boards, operator, ..JigSettings::one_board(model, 7) };
        Self { jig: MemoryJig::start(settings).unwrap(), server, disk: tempfile::tempdir().unwrap() }
    }

    /// The same for a batch whose numbers are those labels.
    fn of_labels(boards: u32, scans: Option<&str>) -> Self {
        let hall = Self::new(boards, scans);
        hall.server.take_labels(LabelForm::Scan { pattern: Some("L-####".to_owned()), length: None });
        hall
    }

    #[expect(clippy::type_complexity, reason = "an agent and what it tells")]
    fn agent(
        &self,
        ends: Fixture,
    ) -> (
        Agent<MemoryServer, impl Fn(u16, u32) -> Result<Line, domain::text::Fault> + use<>>,
        UnboundedReceiver<Progress>,
    ) {
        let config = AgentConfig {
            presence: Presence::Scan,
            ..memory_station::config(STATION, &self.server, self.disk.path(), 1)
        };
        let ports = memory_station::ports(self.jig.sockets().to_vec());
        let clock = Clock::starting_at(chrono::DateTime::from_timestamp(1_795_000_000, 0).unwrap());
        let (progress, lines) = tokio::sync::mpsc::unbounded_channel();
        let chance = StdRng::seed_from_u64(7);
        (Agent::open(config, self.server.clone(), ports, ends, clock, chance, progress).unwrap(), lines)
    }

    /// Works while `script` does, which is given the door and what the station tells.
    async fn work<F: Future<Output = ()>>(
        &mut self,
        script: impl FnOnce(AnswerDoor, UnboundedReceiver<Progress>) -> F,
    ) {
        let stream = self.jig.fixture();
        let (ends, mut wire) = fixture();
        let (agent, lines) = self.agent(ends);
        let done = script(agent.answers(), lines);
        tokio::select! {
            biased;
            _ = wire.carry(stream) => panic!("the fixture's line broke"),
            () = agent.run(done) => {}
        }
    }
}

async fn all_out(mut seen: tokio::sync::watch::Receiver<Vec<Witnessed>>) {
    let all = seen.wait_for(|list| list.iter().all(|board| board.removed));
    timeout(Duration::from_secs(3600), all).await.expect("a board stays").expect("the jig lives");
    sleep(Duration::from_secs(30)).await;
}

async fn shows(lines: &mut UnboundedReceiver<Progress>, is_it: impl Fn(&SlotState) -> bool) -> SlotState {
    let seen = async {
        loop {
            if let Progress::Live { live } = lines.recv().await.expect("it lives") {
                let StationLive { slots, .. } = *live;
                if is_it(&slots[0].state) {
                    return slots[0].state.clone();
                }
            }
        }
    };
    timeout(Duration::from_secs(600), seen).await.expect("never shown")
}

fn scan(door: &AnswerDoor, code: &str) {
    assert!(door.scan(1, code, Some("li"), AnswerSource::Page));
}

fn passed(records: &[BirthRecord]) -> Vec<String> {
    assert!(records.iter().all(|record| record.outcome == Outcome::Pass), "{records:#?}");
    records.iter().map(|record| record.serial.clone().unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn the_scan_that_announces_a_board_is_its_label() {
    let mut hall = Hall::of_labels(3, Some("L-####"));
    let seen = hall.jig.jig.witnessed();
    hall.work(|_, _| all_out(seen)).await;
    let records = hall.server.records();
    assert_eq!(passed(&records), ["L-0001", "L-0002", "L-0003"]);
    for record in &records {
        assert_eq!(judge_record(record, &hall.server.expected()), []);
        let label = record.label.as_ref().unwrap();
        assert_eq!(
            (label.after_ms, label.source),
            (0, AnswerSource::Fixture),
            "it is not asked for a second time"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn any_code_announces_a_board_whose_number_is_lent() {
    let mut hall = Hall::new(2, Some("X#"));
    let seen = hall.jig.jig.witnessed();
    hall.work(|_, _| all_out(seen)).await;
    let records = hall.server.records();
    assert!(passed(&records).iter().all(|serial| serial.starts_with("TB26")));
    assert!(records.len() == 2 && records.iter().all(|record| record.label.is_none()));
}

#[tokio::test(start_paused = true)]
async fn a_board_is_there_when_it_is_scanned_and_out_after_three_silences() {
    let mut hall = Hall::of_labels(3, None);
    let server = hall.server.clone();
    let script = |door: AnswerDoor, mut lines: UnboundedReceiver<Progress>| async move {
        // It lies there and nobody has said so.
        shows(&mut lines, |state| *state == SlotState::Empty).await;
        sleep(Duration::from_secs(60)).await;
        assert_eq!(server.records().len(), 0);
        // A code of another form announces nothing, and is told.
        scan(&door, "X-1");
        let told = shows(&mut lines, |state| matches!(state, SlotState::Broken { .. })).await;
        assert!(
            matches!(&told, SlotState::Broken { fault } if fault.code == FaultCode::LabelNotOfForm),
            "{told:?}"
        );
        scan(&door, "L-4711\r");
        shows(&mut lines, |state| matches!(state, SlotState::Working { .. })).await;
        // While it is worked no code says anything, and the same one never does.
        scan(&door, "L-4712");
        scan(&door, "L-4711");
        shows(&mut lines, |state| matches!(state, SlotState::Done { outcome: Outcome::Pass, .. })).await;
        scan(&door, "L-4711");
        // The operator takes it out by its lamp; nobody scans the next one.
        shows(&mut lines, |state| *state == SlotState::Empty).await;
        sleep(Duration::from_secs(30)).await;
        assert_eq!(server.records().len(), 1);
        // Out it was, and the same code announces whoever lies there now: that one has another's label.
        scan(&door, "L-4711");
        let told = shows(&mut lines, |state| matches!(state, SlotState::Refused { .. })).await;
        assert!(
            matches!(&told, SlotState::Refused { fault, .. } if fault.code == FaultCode::LabelTaken),
            "{told:?}"
        );
        // The next code takes it for out at once.
        scan(&door, "L-4712");
        shows(&mut lines, |state| matches!(state, SlotState::Done { outcome: Outcome::Pass, .. })).await;
    };
    hall.work(script).await;
    assert_eq!(passed(&hall.server.records()), ["L-4711", "L-4712"]);
}

#[tokio::test(start_paused = true)]
async fn a_board_that_is_pulled_out_of_its_run_is_missed_by_its_silence() {
    let mut hall = Hall::of_labels(1, Some("L-####"));
    let stream = hall.jig.fixture();
    let (ends, mut wire) = fixture();
    let (agent, mut lines) = hall.agent(ends);
    let script = async {
        shows(&mut lines, |state| matches!(state, SlotState::Working { .. })).await;
        sleep(Duration::from_secs(10)).await;
        hall.jig.jig.befall(1, Mishap::Pulled);
        shows(&mut lines, |state| matches!(state, SlotState::Done { .. } | SlotState::Broken { .. })).await;
        shows(&mut lines, |state| *state == SlotState::Empty).await;
        sleep(Duration::from_secs(30)).await;
    };
    tokio::select! {
        biased;
        _ = wire.carry(stream) => panic!("the fixture's line broke"),
        () = agent.run(script) => {}
    }
    let records = hall.server.records();
    assert!(records.len() == 1 && records[0].outcome != Outcome::Pass, "{records:#?}");
    assert_eq!(records[0].serial.as_deref(), Some("L-0001"));
}
