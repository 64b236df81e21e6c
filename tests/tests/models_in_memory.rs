//! Boards of every model on the line, under virtual time: the station's link speaks to the simulator's board, which knows only the
//! parsed file. Judged by what the board keeps, in its own encoding.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test: what fails here is the test's result")]

use domain::{
    model::{DeviceModel, Framing, parse_model},
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
        if model.parameters().next().is_none() {
            continue;
        }
        let read = bench.parameters().await;
        let least = if model.link.framing == Framing::Described { 2 } else { 20 };
        assert!(read.len() >= least, "{} has {} parameters", model.id, read.len());
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
        let restart = model.command("restart").and_then(|restart| model.block_of(restart.address, 1));
        let opened: &[bool] = match (model.password.is_some(), restart.is_some_and(|block| block.locked)) {
            (true, false) => &[false, true],
            (true, true) => &[true],
            (false, _) => &[false],
        };
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

fn model_of(id: &str) -> Arc<DeviceModel> {
    models().into_iter().find(|model| model.id == id).unwrap()
}

/// Every register of the model that can be read, as the station reads it over the wire.
async fn all_readable(bench: &mut Bench, model: &DeviceModel) -> BTreeMap<String, Value> {
    let cells = f64::from(model.cells.max);
    let is_readable = |register: &&domain::model::Register| {
        model.block(register).is_some_and(|block| block.access != domain::model::Access::WriteOnly)
    };
    let mut read = BTreeMap::new();
    assert!(cells > 0.0);
    for register in model.registers.iter().filter(is_readable) {
        // A field is as long as the board has cells and sensors.
        let request = BoardRequest::ReadRegisters { names: vec![register.name.clone()] };
        if let Ok(outcome) = bench.link.execute(request, &mut |_| {}).await
            && let BoardReply::Registers(readings) = outcome.reply
        {
            read.extend(readings.into_iter().map(|reading| (reading.name, reading.value)));
        } else {
            bench.ask(BoardRequest::FindAgain { silent_ms: 10_000 }).await;
            bench.ask(BoardRequest::ReadIdentity).await;
        }
    }
    read
}

/// Framings that have no code of their own: the model's file says what a frame looks like, to the station and to the board apart.
#[tokio::test(start_paused = true)]
async fn a_board_whose_frames_its_model_describes_is_identified_and_read_whole() {
    let described: Vec<_> =
        models().into_iter().filter(|model| model.link.framing == Framing::Described).collect();
    assert!(described.len() >= 3, "{} models", described.len());
    for model in described {
        let mut bench = Bench::of(&model);
        bench.found().await;
        let BoardReply::Identity(identity) = bench.ask(BoardRequest::ReadIdentity).await else { panic!() };
        assert!(identity.is_model, "{}: {identity:?}", model.id);
        let read = all_readable(&mut bench, &model).await;
        let number = |name: &str| read.get(name).and_then(Value::as_number);
        let cells: Vec<f64> = (1..=model.cells.max)
            .map_while(|cell| number(&model.cell(cell)?.name).filter(|mv| *mv > 0.0))
            .collect();
        assert!(cells.len() >= 4, "{}: {read:#?}", model.id);
        let pack = number("pack_voltage_mv").or_else(|| Some(number("pack_voltage_v")? * 1000.0)).unwrap();
        let sum: f64 = cells.iter().sum();
        assert!((pack - sum).abs() < 100.0, "{}: {pack} mV of {sum}", model.id);
        assert!(cells.iter().all(|mv| (1500.0..4300.0).contains(mv)), "{}: {cells:?}", model.id);
        let observed = bench.observe().await;
        assert_eq!((observed.ignored_frames, observed.register_writes), (0, 0), "{}", model.id);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_described_frame_writes_the_board_keeps_and_what_it_refuses_is_told() {
    let model = model_of("tinybms");
    let mut bench = Bench::of(&model);
    bench.found().await;
    bench.ask(BoardRequest::ReadIdentity).await;
    let values = BTreeMap::from([("balance_start_mv".to_owned(), Value::Number(3456.0))]);
    bench.ask(BoardRequest::WriteProfile { values, ratings: Ratings::default() }).await;
    let kept = bench.observe().await.parameters;
    assert_eq!(kept.get("balance_start_mv").map(String::as_str), Some("3456"));
    // A register that its board does not have: this one's error frame begins with nought, and is a refusal all the same.
    let mut other = DeviceModel::clone(&model);
    other.blocks.iter_mut().find(|block| block.name == "settings").unwrap().count = 20;
    let mut far =
        other.registers.iter().find(|register| register.name == "balance_start_mv").unwrap().clone();
    (far.address, far.name) = (315, "over_voltage_mv".to_owned());
    other.registers.push(far);
    let socket = bench.jig.socket(1).unwrap().connect();
    let line = memory_station::line("memory", socket, model.link.baud, |stream| stream);
    bench.link = BoardLink::new(line, Arc::new(other), LinkOptions::default());
    bench.found().await;
    bench.ask(BoardRequest::ReadIdentity).await;
    let request = BoardRequest::ReadRegisters { names: vec!["over_voltage_mv".to_owned()] };
    let fault = bench.link.execute(request, &mut |_| {}).await.expect_err("there is none");
    assert!(format!("{fault:?}").contains("The command is wrong"), "{fault:?}");
}

#[tokio::test(start_paused = true)]
async fn a_daly_boards_paths_are_switched_and_seen_through_frames_of_thirteen_bytes() {
    let model = model_of("daly-a5");
    let mut bench = Bench::of(&model);
    bench.found().await;
    bench.ask(BoardRequest::ReadIdentity).await;
    for (command, field) in [("discharge_off", 0xD9), ("charge_off", 0xDA), ("charge_on", 0xDA)] {
        let before = bench.observe().await.register_writes;
        bench.ask(BoardRequest::Command { name: command.to_owned() }).await;
        assert!(bench.observe().await.register_writes > before, "{command} at {field:02X}h");
    }
    // Sixteen frames of three cells, whole.
    let names = ["cell_1_mv", "cell_14_mv", "cell_48_mv", "cell_count"].map(str::to_owned).to_vec();
    let BoardReply::Registers(readings) = bench.ask(BoardRequest::ReadRegisters { names }).await else {
        panic!()
    };
    let values: Vec<f64> = readings.iter().filter_map(|reading| reading.value.as_number()).collect();
    assert!(values[..3].iter().all(|mv| (1500.0..4300.0).contains(mv)), "{values:?}");
    assert_eq!(values[3], 48.0);
}

#[tokio::test(start_paused = true)]
async fn a_jk_board_takes_a_write_right_after_its_password_frame_only() {
    let model = model_of("jk-nw");
    let mut bench = Bench::of(&model);
    bench.found().await;
    bench.ask(BoardRequest::ReadIdentity).await;
    let candidates = vec![Secret::new("123456")];
    bench.ask(BoardRequest::Unlock { candidates }).await;
    let output = bench.ask(BoardRequest::WriteSwitches { charge: true, discharge: false }).await;
    let BoardReply::Output(output) = output else { panic!("{output:?}") };
    assert_eq!((output.charge_on, output.discharge_on), (true, false));
    let observed = bench.observe().await;
    assert_eq!(observed.text(&model, "discharge_switch").as_deref(), Some("0"));
    assert_eq!(observed.text(&model, "charge_switch").as_deref(), Some("1"));
}
