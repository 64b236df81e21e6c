//! One case: the real station in virtual time, life after life, at the witness's jig, with a server in memory behind.

mod clone;
mod reference;
mod troubles;

use super::{
    case::{Case, Disk, Kill, Machine, Numbers, Trouble, Where},
    disk,
    life::Life,
    touches::{Counted, Touches},
};
use crate::{
    campaign::Models,
    memory_server::{BATCH, MemoryServer, OF_SLOTS},
    memory_station,
    questions::{CONFIRM, SCAN, TORQUE},
    tap::{Ear, Tapped},
};
use anyhow::{Context as _, Result, bail};
use chrono::DateTime;
use domain::{
    ids::{BatchId, StationId},
    label::LabelForm,
    model::DeviceModel,
    procedure::StepKind,
    text::Fault,
};
use rand::{SeedableRng as _, rngs::StdRng};
use simulator::{
    JigSettings, Knobs, MemoryJig, Observation, Witnessed,
    firmware::build_image,
    jig::{Plan, plan_boards},
    operator::Operator,
};
use station::{
    agent::{Agent, AgentConfig, AgentFault},
    clock::{Clock, ClockKnob},
    fixture::{Carried, FixtureWire, fixture},
    journal::{Commit, CommitWatch, Fate, JournalFault},
    link::Line,
    progress::Progress,
};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    path::Path,
    pin::{Pin, pin},
    rc::Rc,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::{
    sync::{Notify, mpsc, watch},
    time::{Instant, sleep, sleep_until, timeout},
};
use troubles::{Blow, Blows};
use uuid::Uuid;

const VERSION: &str = "V1.9";
const STATION: StationId = StationId(Uuid::from_u128(42));
/// What passwords are sealed for; the judge opens them.
pub const SEALING_KEY: [u8; 32] = [9; 32];
/// Virtual time in which every board must be out once nobody kills the program any more.
const WITHIN: Duration = Duration::from_secs(3600);
/// Virtual time for the last records' way to the server once it is back.
const UPLINK: Duration = Duration::from_secs(20);
/// On the wire, of a packet of a kibibyte at 9600 baud: 1029 bytes of ten bits, and what the board takes to write them.
const LONGEST_WRITE: Duration = Duration::from_millis(1500);
/// Whoever keeps the program running starts it again after this.
const START_AGAIN: Duration = Duration::from_secs(5);
/// In a batch that is spent the boards that are left wait for ever: how many times a shift's usual length somebody watches that.
const SHORT_SHIFTS: u32 = 8;
/// What labels look like, where boards have them.
const LABELS: &str = "LB-#####";
/// Where the boards in the jig of a copied station begin to be counted.
const OF_COPY: u32 = 1000;
/// What the shift's clock reads when it begins.
const BEGAN_AT: i64 = 1_795_000_000;

/// What came of a case: the witness's sight, and what the server holds.
pub struct Outcome {
    pub model: Arc<DeviceModel>,
    pub image: Vec<u8>,
    /// Who answered what was asked.
    pub operator: Operator,
    pub server: MemoryServer,
    pub boards: Vec<BoardSeen>,
    /// Units that each batch is for.
    pub quantities: BTreeMap<BatchId, u32>,
    /// One of them is for fewer than there are boards.
    pub is_short: bool,
    /// Since when each slot is to work the second batch, from the beginning of the shift on; those that are not never are.
    pub second_from: BTreeMap<u16, Duration>,

    /// Changes of the journal that were made.
    pub commits: u64,
    pub kills: u64,
    /// How often the server froze the station.
    pub freezes: u64,
    /// The station's disk went back to an earlier state, or is there twice: the server is told two things under one address.
    pub went_back: bool,
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
    /// The board whose identity it copies.
    pub copies: Option<u32>,
    /// Lives of the station in which something was written to it.
    pub touched: u64,
    /// Its label is on another board, too.
    pub printed_twice: bool,
    /// It is a reference.
    pub is_reference: bool,
    /// It was taken out before its verdict.
    pub pulled: bool,
    /// It was moved, lost its supply, or lay in its slot when the station's disk went.
    pub struck: bool,
    /// It lay in its slot when the fixture's cable came back: the station cannot know that it is the same one.
    pub out_of_sight: bool,
    /// How often its station lost what it knew of it.
    pub forgotten: u64,
    /// It lay in the jig of a copied station.
    pub of_copy: bool,
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
    let files = worked.files.clone();
    let files = if case.asks {
        files.asking(&[SCAN], StepKind::Profile).asking(&[CONFIRM, TORQUE], StepKind::Restart)
    } else {
        files
    };
    let server = MemoryServer::with_batch(files, case.quantity, STATION, &image, VERSION);
    let mut operator = Operator::default();
    if let Numbers::Labels { twice } = case.numbers {
        server.take_labels(LabelForm::Scan { pattern: Some(LABELS.to_owned()), length: None });
        operator.printed_twice.extend(twice.map(|[first, second]| (second, first)));
    }
    for (at, trouble) in &case.troubles {
        if let (&Duration::ZERO, Trouble::ChangedOver { from_slot }) = (at, trouble) {
            // Before the station asks for the first time.
            troubles::change_over(&server, case, *from_slot);
        }
    }
    let settings = JigSettings {
        operator,
        slots: case.slots,
        boards: case.boards,
        faulty: case.faulty,
        fault: case.fault,
        knobs: Knobs { cell_rest_mv: worked.cell_rest_mv, ..Knobs::default() },
        ..JigSettings::one_board(Arc::clone(model), case.seed)
    };
    let plans = plan_boards(&settings)?;
    let operator = settings.operator.clone();
    for plan in plans.iter().filter(|plan| Some(plan.index) == case.reference) {
        reference::register(&server, model, plan)?;
    }
    let bare = JigSettings { faulty: 0, fault: None, ..settings.clone() };
    let hall = Hall {
        begun: Instant::now(),
        jig: MemoryJig::start(settings)?,
        machine: Machine::Same,
        server,
        folder: tempfile::tempdir_in(disk).context("no folder for the station")?,
        ear: Ear::new(tells),
        knob: ClockKnob::default(),
        cable: watch::Sender::new(Cable::In),
        disk_full: Rc::default(),
        commits: Rc::default(),
        lines: RefCell::default(),
        freezes: Cell::default(),
        blows: RefCell::default(),
        looked: Notify::new(),
        cloned: RefCell::new(Ok(Vec::new())),
    };
    let mut troubles = Box::pin(hall.trouble(case, &bare, disk));
    let mut touches = Touches::new(model, &plans);
    let mut stopped = None;
    // Until when bytes of a program that is gone are still on the wire.
    let mut on_the_wire = hall.begun;
    for (life, kill) in case.kills.iter().map(Some).chain([None]).enumerate() {
        let ended = {
            let mut living = pin!(hall.live(case, life as u64, kill, troubles.as_mut()));
            tokio::select! {
                biased;
                ended = &mut living => ended,
                () = sleep_until(on_the_wire) => {
                    touches.look(&hall.jig.jig, Counted::Already).await;
                    living.await
                }
            }
        };
        on_the_wire = Instant::now() + LONGEST_WRITE;
        // Nothing is left of that program that could be heard.
        hall.server.0.unheard.set(false);
        touches.look(&hall.jig.jig, Counted::ThisLife).await;
        if let Err(what) = ended {
            stopped = Some(format!("{what:#}"));
            break;
        }
        if let Some(kill) = kill {
            if kill.disk != Disk::Kept {
                hall.note_blows(Blow::DiskGone);
                disk::befall(hall.folder.path(), kill.disk)?;
            }
            tokio::select! { biased; () = sleep(kill.off) => {}, () = &mut troubles => {} }
            touches.look(&hall.jig.jig, Counted::Already).await;
        }
    }
    drop(troubles);
    let lasted = hall.begun.elapsed();
    let mut boards = hall.seen(|index| touches.of(index), &plans).await;
    for board in &mut boards {
        board.printed_twice = case.is_printed_twice(board.witnessed.index);
        board.is_reference = case.reference == Some(board.witnessed.index);
    }
    match hall.cloned.replace(Ok(Vec::new())) {
        Ok(others) => boards.extend(others),
        Err(what) => stopped = stopped.or(Some(format!("the copied station: {what:#}"))),
    }
    let kills = if stopped.is_some() { 0 } else { case.kills.len() as u64 };
    let folder = hall.folder.path().display().to_string();
    for text in hall.server.texts().iter().chain(&hall.server.check_texts()) {
        // A fault of the disk names it, and each run has another.
        hall.ear.add(&text.replace(&folder, ""));
    }
    for board in &boards {
        hall.ear.add(&format!("{:?} {:?}", board.witnessed, board.touched));
        if let Some(observed) = &board.observed {
            hall.ear.add(&format!("{:?} {:?}", observed.registers_kept, observed.password));
        }
    }
    let (digest, mut trace) = hall.ear.end();
    if tells {
        trace += &hall.last_words();
    }
    let is_back = |kill: &Kill| matches!(kill.disk, Disk::Restored | Disk::TornTail(_));
    let is_twice = |(_, trouble): &(Duration, Trouble)| matches!(trouble, Trouble::Cloned { .. });
    let went_back = case.kills.iter().any(is_back) || case.troubles.iter().any(is_twice);
    let (commits, freezes, model) = (hall.commits.get(), hall.freezes.get(), Arc::clone(model));
    Ok(Outcome {
        model,
        image,
        operator,
        server: hall.server,
        boards,
        quantities: [(BATCH, case.quantity), (OF_SLOTS, case.second)].into(),
        second_from: (1..=case.slots)
            .filter_map(|slot| Some((u16::try_from(slot).ok()?, case.second_from(slot)?)))
            .collect(),
        is_short: case.is_short(),
        commits,
        kills,
        freezes,
        went_back,
        stopped,
        lasted,
        digest,
        trace,
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cable {
    In,
    Out,
}

/// What stays while a station's program comes and goes.
struct Hall {
    begun: Instant,
    jig: MemoryJig,
    machine: Machine,
    server: MemoryServer,
    folder: tempfile::TempDir,
    ear: Ear,
    knob: ClockKnob,
    cable: watch::Sender<Cable>,
    disk_full: Rc<Cell<bool>>,
    commits: Rc<Cell<u64>>,
    /// What the station's last program says of itself, for a person.
    lines: RefCell<Option<mpsc::UnboundedReceiver<Progress>>>,
    /// How often the administrator had to act.
    freezes: Cell<u64>,
    /// Boards that something happened to, by their index.
    blows: RefCell<BTreeMap<u32, Blows>>,
    /// Told when an administrator has found the station frozen.
    looked: Notify,
    /// The boards of a copied station, once it is off.
    cloned: RefCell<Result<Vec<BoardSeen>>>,
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
        let life = Rc::new(Life::new());
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
            let within = if case.is_short() { case.horizon() * SHORT_SHIFTS } else { WITHIN };
            let _out_or_not = timeout(within, all_out).await.is_ok();
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
                machine: Some(format!("{:?}", self.machine)),
                ..memory_station::config(STATION, &self.server, self.folder.path(), slots)
            };
            let chance = StdRng::seed_from_u64(case.seed ^ number << 48 ^ start << 32);
            let (progress, lines) = mpsc::unbounded_channel();
            self.lines.replace(Some(lines));
            let server = self.server.clone();
            match Agent::open(config, server, ports, ends, clock.clone(), chance, progress) {
                Ok(agent) => return Ok(Some((agent, wire))),
                Err(_) if life.is_dead.load(Ordering::SeqCst) => return Ok(None),
                Err(AgentFault::Journal(JournalFault::NotWritten { .. })) if self.disk_full.get() => {
                    sleep(START_AGAIN).await;
                }
                Err(AgentFault::Journal(JournalFault::Damaged { .. }))
                    if disk::is_garbled(self.folder.path()) =>
                {
                    // It says what to do, and somebody does it.
                    disk::move_aside(self.folder.path())?;
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

    /// What every slot showed last.
    fn last_words(&self) -> String {
        let mut last = None;
        while let Some(Ok(line)) = self.lines.borrow_mut().as_mut().map(mpsc::UnboundedReceiver::try_recv) {
            if let Progress::Live { live } = line {
                last = Some(live);
            }
        }
        format!("{last:#?}")
    }

    async fn seen(&self, touched: impl Fn(u32) -> u64, plans: &[Plan]) -> Vec<BoardSeen> {
        let list = self.jig.jig.witnessed().borrow().clone();
        let mut boards = Vec::new();
        for witnessed in list {
            let blow = self.blows.borrow().get(&witnessed.index).copied();
            boards.push(BoardSeen {
                observed: self.jig.jig.observe(witnessed.index).await,
                copies: plans
                    .iter()
                    .find(|plan| plan.index == witnessed.index)
                    .and_then(|plan| plan.original),
                touched: touched(witnessed.index),
                printed_twice: false,
                is_reference: false,
                pulled: blow.is_some_and(|blow| blow.pulled),
                forgotten: blow.map_or(0, |blow| blow.forgotten),
                struck: blow.is_some_and(|blow| blow.struck),
                out_of_sight: blow.is_some_and(|blow| blow.out_of_sight),
                of_copy: witnessed.index >= OF_COPY,
                witnessed,
            });
        }
        boards
    }
}
