//! Boards of every model on the line, under virtual time: the station's link speaks to the simulator's board, which knows only the
//! parsed file. Judged by what the board keeps, in its own encoding.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test: what fails here is the test's result")]

use domain::{
    model::{DeviceModel, parse_model},
    profile::parse_profile,
    record::FoundState,
    rules::Ratings,
    text::FaultCode,
    value::Value,
};
use jigline_tests::{demo::workspace_root, memory_station};
use simulator::{
    jig::{JigSettings, MemoryJig},
    observe::Observation,
};
use station::{
    board::{BoardReply, BoardRequest, Reading, Secret},
    link::{BoardLink, LinkOptions},
};
use std::{collections::BTreeMap, sync::Arc};

fn models() -> Vec<Arc<DeviceModel>> {
    let folder = workspace_root().join("profiles/models");
    let mut models: Vec<Arc<DeviceModel>> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| Arc::new(parse_model("model", &std::fs::read_to_string(path).unwrap()).unwrap()))
        .collect();
    models.sort_by(|a, b| a.id.cmp(&b.id));
    models
}

struct Bench {
    jig: MemoryJig,
    link: BoardLink,
}

impl Bench {
    fn of(model: &Arc<DeviceModel>) -> Self {
        Self::with(model, JigSettings::one_board(Arc::clone(model), 5))
    }

    fn with(model: &Arc<DeviceModel>, settings: JigSettings) -> Self {
        let jig = MemoryJig::start(settings).unwrap();
        let socket = jig.socket(1).unwrap().connect();
        let line = memory_station::line("memory", socket, model.link.baud, |stream| stream);
        Self { jig, link: BoardLink::new(line, Arc::clone(model), LinkOptions::default()) }
    }

    async fn ask(&mut self, request: BoardRequest) -> BoardReply {
        self.link.execute(request, &mut |_| {}).await.expect("the board answers").reply
    }

    async fn found(&mut self) {
        let found = self.ask(BoardRequest::Probe { silent_ms: 10_000 }).await;
        assert_eq!(found, BoardReply::Found(FoundState::Application));
    }

    async fn parameters(&mut self) -> Vec<Reading> {
        match self.ask(BoardRequest::ReadParameters).await {
            BoardReply::Registers(readings) => readings,
            other => panic!("{other:?}"),
        }
    }

    async fn observe(&self) -> Observation {
        self.jig.jig.observe(1).await.expect("the board lies there")
    }
}

/// The same value, spelt by two programs: numbers as numbers.
fn same(read: &Value, kept: &str) -> bool {
    match read.as_number() {
        Some(number) => {
            kept.parse::<f64>().is_ok_and(|kept| (kept - number).abs() < 1e-6 * number.abs().max(1.0))
        }
        // A date that was never set is shown as none by one and as zeros by the other.
        None => read.to_string() == kept || read.to_string().is_empty() && kept.ends_with("00-00"),
    }
}

#[tokio::test(start_paused = true)]
async fn every_parameter_is_read_as_the_board_itself_shows_it() {
    let models = models();
    assert!(models.len() >= 6, "{} models", models.len());
    for model in models {
        let mut bench = Bench::of(&model);
        bench.found().await;
        let identity = bench.ask(BoardRequest::ReadIdentity).await;
        let BoardReply::Identity(identity) = identity else { panic!("{identity:?}") };
        assert!(identity.is_model, "{}: {identity:?}", model.id);
        let read = bench.parameters().await;
        assert!(read.len() >= 20, "{} has {} parameters", model.id, read.len());
        let kept = bench.observe().await.parameters;
        for reading in read {
            let own = kept.get(&reading.name).unwrap();
            assert!(
                same(&reading.value, own),
                "{} {}: read {}, kept {own}",
                model.id,
                reading.name,
                reading.value
            );
        }
    }
}

/// Writes a shipped profile and looks at what the board stored; and whoever was not asked stays as it was.
async fn takes_profile(model: &Arc<DeviceModel>, file: &str) -> BTreeMap<String, String> {
    let path = workspace_root().join(format!("profiles/parameters/{file}.toml"));
    let profile = parse_profile(file, &std::fs::read_to_string(path).unwrap()).unwrap();
    let mut bench = Bench::of(model);
    bench.found().await;
    let before = bench.observe().await.parameters;
    let ratings = Ratings { jig_test_current_a: Some(20.0), ..Ratings::of_product(&profile) };
    let request = BoardRequest::WriteProfile { values: profile.values.clone(), ratings };
    let BoardReply::ProfileWritten(written) = bench.ask(request).await else { panic!("no profile") };
    assert!(written.parameters.iter().all(|parameter| parameter.holds()), "{file}: {written:#?}");
    let changed = written.parameters.iter().filter(|parameter| parameter.written).count();
    let transactions = written.transactions as usize;
    assert!(changed >= 20 && transactions <= changed, "{file}: {changed}, {transactions}");
    // Its pause to store is over.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let kept = bench.observe().await.parameters;
    for (name, value) in &profile.values {
        assert!(same(value, &kept[name]), "{file} {name}: {value}, kept {}", kept[name]);
    }
    let others = |all: &BTreeMap<String, String>| -> BTreeMap<String, String> {
        all.iter()
            .filter(|(name, _)| !profile.values.contains_key(*name))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect()
    };
    assert_eq!(others(&kept), others(&before), "{file}");
    assert_eq!(bench.link.unexpected_frames(), 0, "{file}");
    kept
}

#[tokio::test(start_paused = true)]
async fn a_profile_goes_into_a_board_that_counts_bytes_and_keeps_halves_of_registers() {
    let models = models();
    let model = models.iter().find(|model| model.id == "jk-pb").unwrap();
    for file in ["jk-pb-14s-li-ion-100a", "jk-pb-16s-lto-100a", "jk-pb-16s-lifepo4-100a"] {
        let kept = takes_profile(model, file).await;
        assert_eq!(kept["charge_voltage_h"], "1");
    }
}

#[tokio::test(start_paused = true)]
async fn a_profile_goes_into_a_board_of_another_framing_that_takes_it_in_factory_mode_only() {
    let models = models();
    let model = models.iter().find(|model| model.id == "jbd").unwrap();
    for file in ["jbd-14s-li-ion-60a", "jbd-16s-lifepo4-100a", "jbd-8s-lto-100a"] {
        takes_profile(model, file).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_board_that_sleeps_is_woken_before_it_is_asked_and_again_after_it_was_left_alone() {
    let models = models();
    let model = models.iter().find(|model| model.id == "jbd").unwrap();
    let mut settings = JigSettings::one_board(Arc::clone(model), 5);
    (settings.knobs.asleep, settings.knobs.sleep_after_s) = (1, 6);
    let mut bench = Bench::with(model, settings);
    // Nobody probed: the first thing it hears is the identity's read.
    for _ in 0..3 {
        let identity = bench.ask(BoardRequest::ReadIdentity).await;
        assert!(matches!(&identity, BoardReply::Identity(identity) if identity.is_model), "{identity:?}");
        tokio::time::sleep(std::time::Duration::from_secs(30)).await;
    }
    assert_eq!(bench.link.unexpected_frames(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_board_that_answers_from_another_address_is_understood_and_a_stranger_on_the_bus_is_not() {
    // Daly's H, K, M and S boards are asked at 0x80 + n and answer from 0x50 + n.
    let models = models();
    let mut asked = DeviceModel::clone(models.iter().find(|model| model.id == "pace").unwrap());
    (asked.link.address, asked.link.reply_address) = (0x81, Some(0x51));
    let asked = Arc::new(asked);
    let mut bench = Bench::of(&asked);
    bench.found().await;
    let read = bench.parameters().await;
    let kept = bench.observe().await.parameters;
    assert!(!read.is_empty() && read.iter().all(|reading| same(&reading.value, &kept[&reading.name])));
    let values = BTreeMap::from([("balance_difference_mv".to_owned(), Value::Number(33.0))]);
    let ratings = Ratings::default();
    let written = bench.ask(BoardRequest::WriteProfile { values, ratings }).await;
    assert!(matches!(written, BoardReply::ProfileWritten(_)), "{written:?}");
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(bench.observe().await.parameters["balance_difference_mv"], "33");

    // The same board, and a link that waits for answers from elsewhere: nothing that comes is believed.
    let mut elsewhere = DeviceModel::clone(&asked);
    elsewhere.link.reply_address = Some(0x52);
    let socket = bench.jig.socket(1).unwrap().connect();
    let line = memory_station::line("memory", socket, elsewhere.link.baud, |stream| stream);
    let mut link = BoardLink::new(line, Arc::new(elsewhere), LinkOptions::default());
    let found = link.execute(BoardRequest::ReadIdentity, &mut |_| {}).await;
    assert!(found.is_err(), "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn the_frame_that_comes_before_an_answer_is_told_from_it() {
    let models = models();
    let model = models.iter().find(|model| model.id == "jk-pb").unwrap();
    let mut bench = Bench::of(model);
    bench.found().await;
    for name in ["send_information_frame", "send_settings_frame", "send_live_frame"] {
        let answer = bench.ask(BoardRequest::Command { name: name.to_owned() }).await;
        assert_eq!(answer, BoardReply::Done, "{name}");
        assert!(!bench.parameters().await.is_empty());
    }
    assert_eq!(bench.link.unexpected_frames(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_board_that_acknowledges_its_restart_and_goes_on_is_not_taken_for_one_that_restarted() {
    let models: Vec<_> = models().into_iter().filter(|model| model.command("restart").is_some()).collect();
    assert!(models.len() >= 4, "{} models", models.len());
    for model in models {
        // An unlock that falls is one proof, a silence is the other.
        let opened: &[bool] = if model.password.is_some() { &[false, true] } else { &[false] };
        for (is_open, ignores) in opened.iter().flat_map(|open| [(*open, 0), (*open, 1)]) {
            let mut settings = JigSettings::one_board(Arc::clone(&model), 5);
            settings.knobs.ignore_restart = ignores;
            // One that is back within a few answers' time cannot show by its silence that it was away.
            settings.knobs.start_later_ms = 1000;
            let mut bench = Bench::with(&model, settings);
            bench.found().await;
            if let Some(password) = model.password.as_ref().filter(|_| is_open) {
                let candidates = vec![Secret::new(&password.factory)];
                bench.ask(BoardRequest::Unlock { candidates }).await;
            }
            let before = bench.observe().await.restarts;
            let answer = bench.link.execute(BoardRequest::Restart, &mut |_| {}).await;
            let restarts = bench.observe().await.restarts - before;
            if ignores == 0 {
                let reply = answer.expect("it restarts").reply;
                assert!(matches!(reply, BoardReply::Application { .. }), "{}: {reply:?}", model.id);
                assert_eq!(restarts, 1, "{}", model.id);
            } else {
                let fault = answer.expect_err("nothing happened");
                assert_eq!(fault.code, FaultCode::WriteRefused, "{} open {is_open}: {fault:?}", model.id);
                assert_eq!(restarts, 0, "{}", model.id);
            }
        }
    }
}
