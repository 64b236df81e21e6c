//! One case, taken the whole way by the real station in virtual time: agent, link and journal on one side, the witness's jig on the
//! other, a server in memory behind.

use super::case::{Case, IMAGE_BYTES, Models, ServerMemory, Worked};
use crate::{
    memory_server::MemoryServer,
    memory_station,
    tap::{Ear, Tapped},
};
use anyhow::{Context as _, Result, anyhow};
use chrono::{DateTime, Utc};
use domain::{
    ids::{RunId, StationId},
    live::SlotState,
    model::DeviceModel,
    record::BirthRecord,
    text::Fault,
};
use rand::{SeedableRng as _, rngs::StdRng};
use simulator::{
    firmware::build_image,
    jig::{JigSettings, MemoryJig},
    knobs::Knobs,
    observe::{Observation, Witnessed},
};
use station::{
    agent::{Agent, AgentConfig},
    clock::Clock,
    fixture::fixture,
    progress::Progress,
};
use std::{path::Path, sync::Arc, time::Duration};
use uuid::Uuid;

const VERSION: &str = "V1.9";
const STATION: StationId = StationId(Uuid::from_u128(42));
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
    /// Of this board; what the server knew before it came is not among them.
    pub records: Vec<BirthRecord>,
    /// Why it was refused without a run, as the slot last said.
    pub refused: Option<Fault>,
    /// What the server held before this board came, and holds no more, or otherwise.
    pub lost_before: Vec<RunId>,
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
    let worked = models.of(case.kind);
    let model = &worked.model;
    let image = model.loader().map(|_| build_image(model, VERSION, IMAGE_BYTES, case.seed)).transpose()?;
    let image = image.unwrap_or_default();
    let server = MemoryServer::with_files(worked.files.clone(), STATION, &image, VERSION);
    if case.fault == Some(simulator::Fault::ClonedIdentity) {
        pass_the_original(case, worked, &server, disk).await?;
        if case.server == ServerMemory::Forgets {
            server.forget();
        }
    }
    let before = server.held();
    let ear = Ear::new(tells);
    let epoch = DateTime::from_timestamp(BEGAN_AT, 0).context("a time")?;
    let chance = StdRng::seed_from_u64(case.seed);
    let Shift { witnessed, observed, refused, took } =
        shift(case, worked, &server, &ear, disk, (epoch, chance)).await?;
    let now = server.held();
    let lost_before =
        before.iter().filter(|(id, text)| now.get(id) != Some(text)).map(|(id, _)| *id).collect();
    let mut records = server.records();
    records.retain(|record| !before.contains_key(&record.run_id));
    let last = records.iter().map(|record| record.finished_at).max();
    let lasted = last.and_then(|end| (end - epoch).to_std().ok()).unwrap_or(took);
    for text in server.texts() {
        ear.add(&text);
    }
    ear.add(&format!("{witnessed:?} {refused:?}"));
    if let Some(observed) = &observed {
        ear.add(&format!("{:?} {:?} {:?}", observed.registers_kept, observed.password, observed.struck));
    }
    let (digest, trace) = ear.end();
    let model = Arc::clone(model);
    Ok(Outcome {
        model,
        image,
        server,
        records,
        refused,
        lost_before,
        witnessed,
        observed,
        lasted,
        digest,
        trace,
    })
}

/// The board whose identity the case's has: the same number of the same factory, at another station, a day before, undisturbed.
async fn pass_the_original(case: &Case, worked: &Worked, server: &MemoryServer, disk: &Path) -> Result<()> {
    let original = Case { fault: None, disturbances: Default::default(), ..*case };
    let epoch = DateTime::from_timestamp(BEGAN_AT - 86_400, 0).context("a time")?;
    let chance = StdRng::seed_from_u64(case.seed ^ 0x006f_7269_6769_6e61);
    shift(&original, worked, server, &Ear::new(false), disk, (epoch, chance)).await?;
    let records = server.records();
    if !records.iter().any(|record| record.outcome == domain::outcome::Outcome::Pass) {
        return Err(anyhow!("the board that is to be copied did not pass: {records:?}"));
    }
    Ok(())
}

/// What was seen of one board at one station.
struct Shift {
    witnessed: Witnessed,
    observed: Option<Observation>,
    refused: Option<Fault>,
    /// From the jig's start to its end.
    took: Duration,
}

/// One board at a station that has never seen another. `begins`: its clock and its chance.
async fn shift(
    case: &Case,
    worked: &Worked,
    server: &MemoryServer,
    ear: &Ear,
    disk: &Path,
    begins: (DateTime<Utc>, StdRng),
) -> Result<Shift> {
    let begun = tokio::time::Instant::now();
    let settings = JigSettings {
        faulty: u32::from(case.fault.is_some()),
        fault: case.fault,
        disturbances: case.disturbances,
        knobs: Knobs { cell_rest_mv: worked.cell_rest_mv, ..Knobs::default() },
        ..JigSettings::one_board(Arc::clone(&worked.model), case.seed)
    };
    let mut jig = MemoryJig::start(settings)?;
    let (ends, mut wire) = fixture();
    let stream = jig.fixture();
    let ears = ear.clone();
    let ports =
        memory_station::tapped_ports(jig.sockets().to_vec(), move |stream| Tapped::new(stream, ears.clone()));
    let folder = tempfile::tempdir_in(disk).context("no folder for the station")?;
    let config = AgentConfig {
        version: "campaign".to_owned(),
        ..memory_station::config(STATION, server, folder.path(), 1)
    };
    let (epoch, chance) = begins;
    let (progress, mut lines) = tokio::sync::mpsc::unbounded_channel();
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
    let mut refused = None;
    while let Ok(line) = lines.try_recv() {
        if let Progress::Live { live } = line {
            refused = live.slots.into_iter().find_map(|slot| refusal(slot.state)).or(refused);
        }
    }
    Ok(Shift { witnessed, observed, refused, took: begun.elapsed() })
}

fn refusal(state: SlotState) -> Option<Fault> {
    if let SlotState::Refused { fault, .. } = state { Some(fault) } else { None }
}
