//! A station without a fixture: a cable, a slot, and nobody who says when a board is put in or taken out.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test: what fails here is the test's result")]

use domain::{
    ids::StationId,
    model::parse_model,
    outcome::Outcome,
    procedure::{ProcedureFile, parse_procedure},
    step::Step,
    text::{Fault, FaultCode},
};
use jigline_tests::{
    memory_server::{BundleFiles, MemoryServer},
    memory_station,
};
use rand::{SeedableRng as _, rngs::StdRng};
use simulator::{JigSettings, MemoryJig, firmware::build_image, slot::Mishap};
use station::{
    Presence,
    agent::{Agent, AgentConfig},
    clock::Clock,
    fixture::fixture,
    link::Line,
};
use std::{sync::Arc, time::Duration};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

const STATION: StationId = StationId(Uuid::from_u128(42));

/// The shipped procedure without what needs a load.
fn without_a_load(mut files: BundleFiles) -> BundleFiles {
    let mut parts = files.procedure.split("[[measure]]");
    let head = parts.next().unwrap();
    let calibrate = head.find("[calibrate]").unwrap();
    let number = head.find("[number]").unwrap();
    let mut text = format!("{}{}", &head[..calibrate], &head[number..]).replacen(
        "operation = \"birth\"\n",
        "operation = \"birth\"\nleaves_out = [\"calibrate\"]\n",
        1,
    );
    for part in parts.filter(|part| !part.contains("under_load") && !part.contains("known_stimulus")) {
        text += "[[measure]]";
        text += part;
    }
    files.procedure = text;
    files
}

struct Bench {
    jig: MemoryJig,
    server: MemoryServer,
    disk: tempfile::TempDir,
}

impl Bench {
    fn new(files: BundleFiles, boards: u32) -> Self {
        let model = Arc::new(parse_model("model", &files.model).unwrap());
        let image =
            model.loader().map(|_| build_image(&model, "V1.9", 8 * 1024, 7).unwrap()).unwrap_or_default();
        let server = MemoryServer::with_files(files, STATION, &image, "V1.9");
        let jig = MemoryJig::start(JigSettings { boards, ..JigSettings::one_board(model, 7) }).unwrap();
        Self { jig, server, disk: tempfile::tempdir().unwrap() }
    }

    fn agent(&self) -> Agent<MemoryServer, impl Fn(u16, u32) -> Result<Line, Fault> + use<>> {
        let config = AgentConfig {
            presence: Presence::Bus,
            has_fixture: false,
            ..memory_station::config(STATION, &self.server, self.disk.path(), 1)
        };
        let ports = memory_station::ports(self.jig.sockets().to_vec());
        let clock = Clock::starting_at(chrono::DateTime::from_timestamp(1_795_000_000, 0).unwrap());
        let (progress, _lines) = tokio::sync::mpsc::unbounded_channel();
        let chance = StdRng::seed_from_u64(7);
        Agent::open(config, self.server.clone(), ports, fixture().0, clock, chance, progress).unwrap()
    }

    /// Waits until the server holds so many records.
    async fn records(&self, count: usize) {
        let there = async {
            while self.server.records().len() < count {
                sleep(Duration::from_millis(100)).await;
            }
        };
        timeout(Duration::from_secs(600), there).await.expect("no such record comes");
    }
}

#[tokio::test(start_paused = true)]
async fn boards_are_noticed_worked_and_missed_by_their_answers_alone() {
    let bench = Bench::new(without_a_load(BundleFiles::shipped()), 2);
    let told = async {
        bench.records(1).await;
        // It stays where it is: nothing begins anew.
        sleep(Duration::from_secs(60)).await;
        assert_eq!(bench.server.records().len(), 1);
        // The next one lies there before anybody looks.
        bench.jig.jig.befall(1, Mishap::Pulled);
        bench.records(2).await;
        bench.jig.jig.befall(1, Mishap::Pulled);
        sleep(Duration::from_secs(60)).await;
    };
    bench.agent().run(told).await;
    let records = bench.server.records();
    assert_eq!(records.len(), 2);
    for record in &records {
        // A new board of this family keeps its paths off until it was calibrated, which takes a load: each got its own verdict.
        let fault = record.fault.as_ref().unwrap();
        assert_eq!((record.outcome, fault.code), (Outcome::Fail, FaultCode::OutputWrong), "{fault:?}");
    }
    assert_ne!(records[0].identifiers, records[1].identifiers);
    let list = bench.jig.jig.witnessed().borrow().clone();
    assert!(list.iter().all(|board| board.removed));
}

#[tokio::test(start_paused = true)]
async fn a_procedure_that_draws_a_load_says_at_once_that_there_is_none() {
    let bench = Bench::new(BundleFiles::shipped(), 1);
    bench.agent().run(bench.records(1)).await;
    let record = bench.server.records().remove(0);
    assert_eq!(record.outcome, Outcome::CollateralAbort);
    let fault = record.fault.unwrap();
    assert_eq!(fault.code, FaultCode::FixtureSilent);
    assert!(fault.args["detail"].contains("station.toml names none that could switch a load"), "{fault:?}");
}

#[tokio::test(start_paused = true)]
async fn boards_that_nothing_tells_apart_are_not_begun_where_nobody_sees_the_hand() {
    let bench = Bench::new(BundleFiles::of("jbd", "jbd-8s-lto-100a", "jbd-birth-8s-lto"), 1);
    sleep(Duration::from_secs(1)).await;
    let born = bench.jig.jig.observe(1).await.unwrap();
    bench.agent().run(sleep(Duration::from_secs(60))).await;
    assert_eq!(bench.server.records(), []);
    // To be identified it goes into factory mode, which changes nothing.
    let now = bench.jig.jig.observe(1).await.unwrap();
    assert!(now.register_writes > 0);
    assert_eq!(now.parameters, born.parameters);
}

#[tokio::test(start_paused = true)]
async fn a_board_that_is_taken_out_while_a_person_is_asked_is_missed_by_its_answers_alone() {
    let mut files = without_a_load(BundleFiles::shipped());
    let text = toml::to_string(&ProcedureFile::of(&parse_procedure("b", &files.procedure).unwrap())).unwrap();
    let question = "[[step]]\nkind = \"prompt\"\nname = \"cable\"\nasks = \"confirm\"\ntimeout_ms = 600000\n\
        question = { en = \"Is the cable in?\", zh = \"线缆是否插好？\" }\n\n[[step]]\nkind = \"profile\"";
    files.procedure = text.replacen("[[step]]\nkind = \"profile\"", question, 1);
    let bench = Bench::new(files, 2);
    let agent = bench.agent();
    let told = async {
        for done in 0..2 {
            // Long after it has come to the question, which stays open while its board is there.
            sleep(Duration::from_secs(200)).await;
            assert_eq!(bench.server.records().len(), done);
            bench.jig.jig.befall(1, Mishap::Pulled);
            bench.records(done + 1).await;
        }
    };
    agent.run(told).await;
    // The hand that took the first one out put the second one in before anybody looked.
    for (record, code) in
        bench.server.records().into_iter().zip([FaultCode::IdentityChanged, FaultCode::BoardTakenOut])
    {
        let fault = record.fault.unwrap();
        assert_eq!((record.outcome, fault.code, fault.step), (Outcome::Aborted, code, Some(Step::Prompt)));
    }
}
