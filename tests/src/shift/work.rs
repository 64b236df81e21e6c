//! One case: the real station in virtual time, life after life, at the witness's jig, with a server in memory behind.

use super::case::{Case, Kill, Trouble, Where};
use crate::{
    campaign::Models,
    memory_server::MemoryServer,
    memory_station,
    tap::{Ear, Tapped},
};
use anyhow::{Context as _, Result, bail};
use chrono::DateTime;
use domain::{ids::StationId, model::DeviceModel, text::Fault};
use rand::{SeedableRng as _, rngs::StdRng};
use simulator::{
    Board, Jig, JigSettings, Knobs, MemoryJig, Observation, Witnessed,
    firmware::build_image,
    jig::{Plan, plan_boards},
    slot::Mishap,
};
use station::{
    agent::{Agent, AgentConfig, AgentFault},
    clock::{Clock, ClockKnob},
    fixture::{Carried, FixtureWire, fixture},
    journal::{Commit, CommitWatch, Fate, JournalFault},
    link::Line,
};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    path::Path,
    pin::Pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep, sleep_until, timeout},
};
use uuid::Uuid;

const VERSION: &str = "V1.9";
const STATION: StationId = StationId(Uuid::from_u128(42));
/// What passwords are sealed for; the judge opens them.
pub const SEALING_KEY: [u8; 32] = [9; 32];
/// Virtual time in which every board must be out once nobody kills the program any more.
const WITHIN: Duration = Duration::from_secs(3600);
/// Virtual time for the last records' way to the server once it is back.
const UPLINK: Duration = Duration::from_secs(20);
/// A program that is to die at a commit and makes none dies all the same.
const NO_COMMIT: Duration = Duration::from_secs(60);
/// Whoever keeps the program running starts it again after this.
const START_AGAIN: Duration = Duration::from_secs(5);
/// What the shift's clock reads when it begins.
const BEGAN_AT: i64 = 1_795_000_000;

/// What came of a case: the witness's sight, and what the server holds.
pub struct Outcome {
    pub model: Arc<DeviceModel>,
    pub image: Vec<u8>,
    pub server: MemoryServer,
    pub boards: Vec<BoardSeen>,
    /// Changes of the journal that were made.
    pub commits: u64,
    pub kills: u64,
    /// Something that must not happen to a program: it stopped by itself, or could not start.
    pub stopped: Option<String>,
    pub lasted: Duration,
    pub digest: String,
    pub trace: String,
}

/// One board as the witness saw it.
pub struct BoardSeen {
    pub witnessed: Witnessed,
    /// As it was taken out, or lies there still; none where it was never put in.
    pub observed: Option<Observation>,
    /// Lives of the station in which something was written to it.
    pub touched: u64,
    /// It was taken out before its verdict.
    pub pulled: bool,
    /// It was moved or lost its supply.
    pub struck: bool,
}

/// Works it. `disk`: a folder for the station's journal; `tells`: keep the lines' bytes for a person.
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
    let image =
        model.loader().map(|_| build_image(model, VERSION, case.image_bytes, case.seed)).transpose()?;
    let image = image.unwrap_or_default();
    let server = MemoryServer::with_files(worked.files.clone(), STATION, &image, VERSION);
    let settings = JigSettings {
        slots: case.slots,
        boards: case.boards,
        faulty: case.faulty,
        fault: case.fault,
        knobs: Knobs { cell_rest_mv: worked.cell_rest_mv, ..Knobs::default() },
        ..JigSettings::one_board(Arc::clone(model), case.seed)
    };
    let plans = plan_boards(&settings)?;
    let hall = Hall {
        begun: Instant::now(),
        jig: MemoryJig::start(settings)?,
        server,
        folder: tempfile::tempdir_in(disk).context("no folder for the station")?,
        ear: Ear::new(tells),
        knob: ClockKnob::default(),
        cable: watch::Sender::new(Cable::In),
        disk_full: Rc::default(),
        commits: Rc::default(),
        blows: RefCell::default(),
    };
    let mut troubles = Box::pin(hall.trouble(case));
    let mut touches = Touches::new(model, &plans);
    let mut stopped = None;
    for (life, kill) in case.kills.iter().map(Some).chain([None]).enumerate() {
        let ended = hall.live(case, life as u64, kill, troubles.as_mut()).await;
        touches.look(&hall.jig.jig, Counted::ThisLife).await;
        if let Err(what) = ended {
            stopped = Some(format!("{what:#}"));
            break;
        }
        if let Some(kill) = kill {
            tokio::select! { biased; () = sleep(kill.off) => {}, () = &mut troubles => {} }
            // What was on its way when the program ended came in meanwhile.
            touches.look(&hall.jig.jig, Counted::Already).await;
        }
    }
    drop(troubles);
    let lasted = hall.begun.elapsed();
    let boards = hall.seen(&touches).await;
    let kills = if stopped.is_some() { 0 } else { case.kills.len() as u64 };
    for text in hall.server.texts() {
        hall.ear.add(&text);
    }
    for board in &boards {
        hall.ear.add(&format!("{:?} {:?}", board.witnessed, board.touched));
        if let Some(observed) = &board.observed {
            hall.ear.add(&format!("{:?} {:?}", observed.registers_kept, observed.password));
        }
    }
    let (digest, trace) = hall.ear.end();
    let (commits, model) = (hall.commits.get(), Arc::clone(model));
    Ok(Outcome { model, image, server: hall.server, boards, commits, kills, stopped, lasted, digest, trace })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cable {
    In,
    Out,
}

/// What stays while the station's program comes and goes.
struct Hall {
    begun: Instant,
    jig: MemoryJig,
    server: MemoryServer,
    folder: tempfile::TempDir,
    ear: Ear,
    knob: ClockKnob,
    cable: watch::Sender<Cable>,
    disk_full: Rc<Cell<bool>>,
    commits: Rc<Cell<u64>>,
    /// Boards that something happened to, by their index.
    blows: RefCell<BTreeMap<u32, Blow>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Blow {
    Struck,
    Pulled,
}

/// A program on its way to its end.
struct Life {
    /// What it is to die of at its next commit.
    dies: Cell<Option<Where>>,
    is_dead: Arc<AtomicBool>,
    died: Notify,
}

impl Life {
    fn end(&self, server: &MemoryServer) {
        self.is_dead.store(true, Ordering::SeqCst);
        server.0.unheard.set(true);
        self.died.notify_one();
    }

    /// The end of a program that is to die, as soon as it comes.
    async fn until_its_end(&self, kill: Option<&Kill>, server: &MemoryServer) {
        let Some(kill) = kill else { return std::future::pending().await };
        let _dead_before = timeout(kill.after, self.died.notified()).await;
        if self.is_dead.load(Ordering::SeqCst) {
            return;
        }
        if kill.at != Where::Wake {
            self.dies.set(Some(kill.at));
            let _without_a_commit = timeout(NO_COMMIT, self.died.notified()).await;
        }
        self.end(server);
    }
}

impl Hall {
    /// From one start of the station's program to its end: that of `kill`, or that of the shift.
    async fn live(
        &self,
        case: &Case,
        number: u64,
        kill: Option<&Kill>,
        mut troubles: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<()> {
        self.server.0.unheard.set(false);
        let life = Rc::new(Life { dies: Cell::new(None), is_dead: Arc::default(), died: Notify::new() });
        let mut end = Box::pin(life.until_its_end(kill, &self.server));
        let (agent, wire) = tokio::select! {
            biased;
            () = &mut end => return Ok(()),
            () = &mut troubles => bail!("the troubles have no end"),
            opened = self.start(case, number, &life) => match opened? {
                Some(opened) => opened,
                None => return Ok(()),
            },
        };
        let mut done = Box::pin(async {
            if kill.is_some() {
                return std::future::pending().await;
            }
            let mut seen = self.jig.jig.witnessed();
            // A board that is never taken out is a finding of the judge, not an error of the bench.
            let all_out = seen.wait_for(|list| list.iter().all(|board| board.removed));
            let _out_or_not = timeout(WITHIN, all_out).await.is_ok();
            sleep_until(self.begun + case.calm_at()).await;
            sleep(UPLINK).await;
        });
        tokio::select! {
            biased;
            () = &mut end => Ok(()),
            () = self.carry(wire) => bail!("the fixture's line broke"),
            () = &mut troubles => bail!("the troubles have no end"),
            () = agent.run(&mut done) => if kill.is_none() { Ok(()) } else { bail!("it stopped by itself") },
        }
    }

    /// Starts the program; again and again as long as it only says that its disk is full. None: it died of its kill.
    async fn start(
        &self,
        case: &Case,
        number: u64,
        life: &Rc<Life>,
    ) -> Result<Option<(Agent<MemoryServer, impl Fn(u16, u32) -> Result<Line, Fault> + use<>>, FixtureWire)>>
    {
        let slots = u16::try_from(case.slots).context("too many slots")?;
        let epoch = DateTime::from_timestamp(BEGAN_AT, 0).context("a time")? + self.begun.elapsed();
        let clock = Clock::set_by(self.knob.clone(), epoch);
        for start in 0.. {
            let (ends, wire) = fixture();
            let (ear, is_dead) = (self.ear.clone(), Arc::clone(&life.is_dead));
            let ports = memory_station::tapped_ports(self.jig.sockets().to_vec(), move |stream| {
                Tapped::new(stream, ear.clone()).muted_by(Arc::clone(&is_dead))
            });
            let config = AgentConfig {
                version: "campaign".to_owned(),
                sealing_key: hex::encode(crypto_box::SecretKey::from(SEALING_KEY).public_key().as_bytes()),
                commits: self.watch(life),
                ..memory_station::config(STATION, &self.server, self.folder.path(), slots)
            };
            let chance = StdRng::seed_from_u64(case.seed ^ number << 48 ^ start << 32);
            let (progress, _lines) = tokio::sync::mpsc::unbounded_channel();
            let server = self.server.clone();
            match Agent::open(config, server, ports, ends, clock.clone(), chance, progress) {
                Ok(agent) => return Ok(Some((agent, wire))),
                Err(_) if life.is_dead.load(Ordering::SeqCst) => return Ok(None),
                Err(AgentFault::Journal(JournalFault::NotWritten { .. })) if self.disk_full.get() => {
                    sleep(START_AGAIN).await;
                }
                Err(fault) => bail!("the station does not start: {fault}"),
            }
        }
        Ok(None)
    }

    /// Lets the program die where it is to, and the disk be full.
    fn watch(&self, life: &Rc<Life>) -> CommitWatch {
        let (life, server) = (Rc::clone(life), self.server.clone());
        let (disk_full, commits) = (Rc::clone(&self.disk_full), Rc::clone(&self.commits));
        CommitWatch::new(move |commit| {
            if life.is_dead.load(Ordering::SeqCst) {
                return Fate::Dies;
            }
            if commit == Commit::After {
                commits.set(commits.get() + 1);
            }
            let dies = match life.dies.get() {
                Some(Where::BeforeCommit) => commit == Commit::Before,
                Some(Where::AfterCommit) => commit == Commit::After,
                Some(Where::Wake) | None => false,
            };
            if dies {
                life.end(&server);
                return Fate::Dies;
            }
            if commit == Commit::Begins && disk_full.get() { Fate::DiskFull } else { Fate::Goes }
        })
    }

    /// The fixture's line, as long as its cable is in, and again when it is back.
    async fn carry(&self, mut wire: FixtureWire) {
        let mut cable = self.cable.subscribe();
        loop {
            // Cannot fail: the hall has the other end. What is seen is let go of, or nobody could pull the cable.
            let _is_in = cable.wait_for(|cable| *cable == Cable::In).await.is_ok();
            let (ours, theirs) = tokio::io::duplex(65_536);
            let door = self.jig.jig.door();
            let mut seen = self.cable.subscribe();
            let jig = async move {
                tokio::select! {
                    biased;
                    _ = async { seen.wait_for(|cable| *cable == Cable::Out).await.is_ok() } => {}
                    () = door.serve(ours) => {}
                }
            };
            if tokio::join!(wire.carry(theirs), jig).0 == Carried::StationGone {
                return;
            }
        }
    }

    /// Everything that happens beside the station, each at its time. Has no end.
    async fn trouble(&self, case: &Case) {
        let mut turns: Vec<(Duration, Turn, Trouble)> = Vec::new();
        for &(at, trouble) in &case.troubles {
            turns.push((at, Turn::Begins, trouble));
            turns.push((at + trouble.lasts(), Turn::Ends, trouble));
        }
        turns.sort_by_key(|(at, ..)| *at);
        for (at, turn, trouble) in turns {
            sleep_until(self.begun + at).await;
            self.turn(turn, trouble);
        }
        std::future::pending::<()>().await;
    }

    fn turn(&self, turn: Turn, trouble: Trouble) {
        let (server, is_on) = (&self.server.0, turn == Turn::Begins);
        match trouble {
            Trouble::ServerAway(_) => server.away.set(is_on),
            Trouble::AnswersLost(_) => server.deaf.set(is_on),
            Trouble::ServerSlow { delay, .. } => server.delay.set(if is_on { delay } else { Duration::ZERO }),
            Trouble::CableOut(_) => {
                self.cable.send_replace(if is_on { Cable::Out } else { Cable::In });
            }
            Trouble::DiskFull(_) => self.disk_full.set(is_on),
            Trouble::ClockSet(by) if is_on => self.knob.turn_ms(by),
            Trouble::Befalls { slot, mishap } if is_on => {
                let blow = if mishap == Mishap::Pulled { Blow::Pulled } else { Blow::Struck };
                self.note_blow(slot, blow);
                self.jig.jig.befall(slot, mishap);
            }
            Trouble::Swapped(slots) if is_on => {
                slots.into_iter().for_each(|slot| self.note_blow(slot, Blow::Struck));
                self.jig.jig.swap(slots);
            }
            Trouble::ClockSet(_) | Trouble::Befalls { .. } | Trouble::Swapped(_) => {}
        }
    }

    fn note_blow(&self, slot: u32, blow: Blow) {
        let seen = self.jig.jig.witnessed();
        let list = seen.borrow();
        let here = list.iter().find(|board| board.slot == Some(slot) && board.inserted && !board.removed);
        if let Some(board) = here {
            let mut blows = self.blows.borrow_mut();
            let known = blows.entry(board.index).or_insert(blow);
            *known = (*known).max(blow);
        }
    }

    async fn seen(&self, touches: &Touches) -> Vec<BoardSeen> {
        let list = self.jig.jig.witnessed().borrow().clone();
        let mut boards = Vec::new();
        for witnessed in list {
            let blow = self.blows.borrow().get(&witnessed.index).copied();
            boards.push(BoardSeen {
                observed: self.jig.jig.observe(witnessed.index).await,
                touched: touches.of(witnessed.index),
                pulled: blow == Some(Blow::Pulled),
                struck: blow.is_some(),
                witnessed,
            });
        }
        boards
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Begins,
    Ends,
}

/// Whether what has changed is a life's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counted {
    ThisLife,
    Already,
}

/// In how many lives of the station each board was changed: by the board's own count of writes together with what it keeps, and by its
/// flash. A write that changes nothing (into factory mode, to be identified) is none.
struct Touches {
    before: BTreeMap<u32, Kept>,
    lives: BTreeMap<u32, u64>,
}

/// What a board was when it was last looked at.
struct Kept {
    writes: u64,
    registers: BTreeMap<u16, u16>,
    password: String,
    image: Option<Vec<u8>>,
}

impl Kept {
    fn of(seen: Observation) -> Self {
        Self {
            writes: seen.register_writes,
            registers: seen.registers_kept,
            password: seen.password,
            image: seen.flash_image,
        }
    }

    fn became(&self, now: &Self) -> bool {
        // Some places show only once it runs.
        let is_kept = self.registers.iter().all(|(place, word)| now.registers.get(place) == Some(word));
        let is_other = !is_kept || self.password != now.password;
        now.writes > self.writes && is_other || self.image != now.image
    }
}

impl Touches {
    fn new(model: &Arc<DeviceModel>, plans: &[Plan]) -> Self {
        let born = |plan: &Plan| Kept::of(Board::new(Arc::clone(model), plan.birth.clone()).observe());
        let before = plans.iter().map(|plan| (plan.index, born(plan))).collect();
        Self { before, lives: BTreeMap::new() }
    }

    async fn look(&mut self, jig: &Jig, counted: Counted) {
        for (index, before) in &mut self.before {
            let Some(seen) = jig.observe(*index).await else { continue };
            let now = Kept::of(seen);
            if counted == Counted::ThisLife && before.became(&now) {
                *self.lives.entry(*index).or_default() += 1;
            }
            *before = now;
        }
    }

    fn of(&self, index: u32) -> u64 {
        self.lives.get(&index).copied().unwrap_or_default()
    }
}
