//! One case, taken the whole way by the real station in virtual time: agent, link and journal on one side, the witness's jig on the
//! other, a server in memory behind.

use super::{
    case::{Case, IMAGE_BYTES, Models},
    tap::{Ear, Tapped},
};
use crate::memory_server::MemoryServer;
use anyhow::{Context as _, Result, anyhow};
use domain::{ids::StationId, model::DeviceModel, record::BirthRecord};
use rand::{SeedableRng as _, rngs::StdRng};
use simulator::{
    firmware::build_image,
    jig::{JigSettings, MemoryJig},
    observe::{Observation, Witnessed},
};
use station::{
    agent::{Agent, AgentConfig},
    clock::Clock,
    fixture::fixture,
    link::{Line, LinkOptions},
    order::Boards,
};
use std::{
    path::Path,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use uuid::Uuid;

const VERSION: &str = "V1.9";
/// Virtual time in which a board must have its verdict and be out; far beyond what the campaign calls too slow.
const WITHIN: Duration = Duration::from_secs(1800);
/// Virtual time for the last record's way to the server.
const UPLINK: Duration = Duration::from_secs(2);
const BEGAN_AT: i64 = 1_795_000_000;

/// What came of a case: the witness's sight and the station's word, side by side.
pub struct Outcome {
    pub model: Arc<DeviceModel>,
    pub image: Vec<u8>,
    pub server: MemoryServer,
    pub records: Vec<BirthRecord>,
    pub witnessed: Witnessed,
    /// The board as it was taken out (or lies there still); none where it was never put in.
    pub observed: Option<Observation>,
    /// From the jig's start to the last record's end.
    pub lasted: Duration,
    pub digest: String,
    /// The line's bytes for a person, where they were asked for.
    pub trace: String,
}

/// Works it. `disk`: a folder for the station's journal; `tells`: keep the line's bytes for a person.
///
/// # Errors
/// The bench of the campaign itself failed: no disk, a file that does not parse.
pub fn work(case: &Case, models: &Models, disk: &Path, tells: bool) -> Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .context("no runtime")?;
    runtime.block_on(work_now(case, models, disk, tells))
}

async fn work_now(case: &Case, models: &Models, disk: &Path, tells: bool) -> Result<Outcome> {
    let (model, files) = models.of(case.loader);
    let image = build_image(model, VERSION, IMAGE_BYTES, case.seed)?;
    let station_id = StationId(Uuid::from_u128(42));
    let server = MemoryServer::with_files(files.clone(), station_id, &image, VERSION);
    let ear = Ear::new(tells);
    let begun = tokio::time::Instant::now();
    let settings = JigSettings {
        model: Arc::clone(model),
        slots: 1,
        boards: 1,
        first_board: 1,
        seed: case.seed,
        faulty: u32::from(case.fault.is_some()),
        fault: case.fault,
        knobs: Default::default(),
        disturbances: case.disturbances,
        observer: None,
        earlier: Vec::new(),
        remembered: Vec::new(),
    };
    let mut jig = MemoryJig::start(settings)?;
    let (ends, mut wire) = fixture();
    let stream = jig.fixture();
    let socket = jig.socket(1).context("the jig has a slot")?.clone();
    let ears = ear.clone();
    let ports = move |_slot: u16, baud: u32| {
        let line = socket.connect();
        line.set_baud(baud);
        let rate = line.baud_handle();
        let hook = Box::new(move |baud| rate.store(baud, Ordering::SeqCst));
        let tapped = Tapped { stream: line.stream, ear: ears.clone() };
        Ok(Line::from_stream("memory", tapped, baud).with_baud_hook(hook))
    };
    let folder = tempfile::tempdir_in(disk).context("no folder for the station")?;
    let config = AgentConfig {
        station_id,
        name: "memory".to_owned(),
        version: "campaign".to_owned(),
        data: folder.path().to_owned(),
        release_key: server.0.release_key.clone(),
        sealing_key: "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a".to_owned(),
        placeholder_key: "11".repeat(32),
        boards: Boards::Simulated,
        link: LinkOptions::default(),
        slots: vec![1],
    };
    let epoch = chrono::DateTime::from_timestamp(BEGAN_AT, 0).context("a time")?;
    let (progress, _lines) = tokio::sync::mpsc::unbounded_channel();
    let chance = StdRng::seed_from_u64(case.seed);
    let clock = Clock::starting_at(epoch);
    let agent = Agent::open(config, server.clone(), ports, ends, clock, chance, progress)?;
    let mut seen = jig.jig.witnessed();
    let done = async {
        // A board that is never taken out is a finding of the judge, not an error of the bench.
        let all_out = seen.wait_for(|list| list.iter().all(|board| board.removed));
        let _out_or_not = tokio::time::timeout(WITHIN, all_out).await;
        tokio::time::sleep(UPLINK).await;
    };
    tokio::select! {
        biased;
        _ = wire.carry(stream) => return Err(anyhow!("the fixture's line broke")),
        () = agent.run(done) => {}
    }
    let witnessed = jig.jig.witnessed().borrow().first().cloned().context("the jig has a board")?;
    let observed = jig.jig.observe(witnessed.index).await;
    let records = server.records();
    let last = records.iter().map(|record| record.finished_at).max();
    let lasted = last.and_then(|end| (end - epoch).to_std().ok()).unwrap_or_else(|| begun.elapsed());
    for text in server.texts() {
        ear.add(&text);
    }
    ear.add(&format!("{witnessed:?}"));
    if let Some(observed) = &observed {
        ear.add(&format!("{:?} {:?} {:?}", observed.registers_kept, observed.password, observed.struck));
    }
    let (digest, trace) = ear.end();
    let model = Arc::clone(model);
    Ok(Outcome { model, image, server, records, witnessed, observed, lasted, digest, trace })
}
