//! The agent: all slots of a station, its fixture, its way to the server. One thread, no locks; every slot is a future of its own.

mod check_in;
mod drawer;
mod fixture;
mod floor;
mod labels;
mod orders;
mod ports;
#[cfg(test)]
mod tests;
mod wire_logs;

pub use drawer::drawer_of;
pub use wire_logs::WireLogDesk;

use crate::{
    answer_door::AnswerDoor,
    clock::Clock,
    fixture::{Fixture, FixtureCommand, FixtureNews, described::Description},
    floor_door::{FloorDoor, FloorQuestion},
    journal::{CommitWatch, Journal, JournalFault, WireLogKeep},
    labels::{Drawing, printer::Printer},
    link::LinkOptions,
    order::Boards,
    private,
    progress::{Progress, ProgressSender},
    runner::Lamp,
    secrets::{SealFault, Sealer, own_key_of_new_station, read_own_key},
    shared::{PortSource, Presence, Shared, SharedParts, SlotDesk, SlotInput, fresh_id},
    shift::ShiftBook,
    slot::Slot,
    uplink::{OrderBook, SendFault, Server, send_records},
};
use domain::{
    ids::{OutboxId, SessionId, StationId},
    live::SlotState,
    text::{Fault, FaultCode},
};
use ed25519_dalek::VerifyingKey;
use futures_util::{FutureExt as _, future::join_all};
use rand::rngs::StdRng;
use std::{
    collections::BTreeMap, future::Future, io, panic::AssertUnwindSafe, path::PathBuf, time::Duration,
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout},
};

/// How often the assignment is asked for.
const ORDER_INTERVAL: Duration = Duration::from_secs(2);
/// How long boards may take to a safe place after a stop, of the ten seconds that whoever stops us waits.
const STOP_PATIENCE: Duration = Duration::from_secs(6);
/// How long the last records may take to the server at a stop; they are on disk anyway.
const LAST_RECORDS: Duration = Duration::from_secs(2);
/// Shortest and longest pause of a queue that stands.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));
/// Pause before shares and numbers are asked for again that the server had none of.
const REFUSED_PAUSE: Duration = Duration::from_secs(30);
/// Lines of live state: at most so often. A verdict waits for none: it is in sight within a tenth of a second.
const LIVE_INTERVAL: Duration = Duration::from_millis(80);
/// Verdicts that follow one another so soon are told together.
const LIVE_APART: Duration = Duration::from_millis(30);
/// And so often while an image is sent, whose percent is nobody's hurry.
const LIVE_IN_TRANSFER: Duration = Duration::from_millis(250);
/// A server that did not answer for so long is away.
const SERVER_AWAY: Duration = Duration::from_secs(4);
/// Live state for the server.
const LIVE_TO_SERVER: Duration = Duration::from_secs(1);

/// Who the station is.
#[derive(Debug, Clone)]
pub struct AgentConfig {
    pub station_id: StationId,
    pub name: String,
    /// Version of the program, for the records.
    pub version: String,
    /// Folder of journal, bundles and own key.
    pub data: PathBuf,
    /// Base16, as the enrolment gave them.
    pub release_key: String,
    pub sealing_key: String,
    pub placeholder_key: String,
    pub boards: Boards,
    /// What the operating system calls this machine; the server is told its hash.
    pub machine: Option<String>,
    pub link: LinkOptions,
    pub presence: Presence,
    /// Whether there is a fixture.
    pub has_fixture: bool,
    /// Slot numbers.
    pub slots: Vec<u16>,
    /// Whether boards are begun only while somebody is signed in.
    pub needs_sign_in: bool,
    /// Who watches the journal's changes; in use nobody.
    pub commits: CommitWatch,
}

/// Why a station can't start.
#[derive(Debug, thiserror::Error)]
pub enum AgentFault {
    #[error(transparent)]
    Journal(#[from] JournalFault),
    #[error(transparent)]
    Keys(#[from] SealFault),
    #[error("release_key in the station's settings is no Ed25519 public key; enrol the station again")]
    ReleaseKey,
    #[error("the folder {path} can't be used; check its permissions")]
    Folder { path: String, source: io::Error },
}

/// A station, ready to work.
pub struct Agent<S, P> {
    shared: Shared<S>,
    ports: P,
    inputs: BTreeMap<u16, mpsc::UnboundedReceiver<SlotInput>>,
    fixture_events: mpsc::UnboundedReceiver<FixtureNews>,
    orders: OrderBook,
    port_desk: Option<ports::PortDesk>,
    heard_on_line: mpsc::UnboundedReceiver<(u16, bool)>,
    printer: Option<Printer>,
    floor: FloorDoor,
    asks: mpsc::UnboundedReceiver<FloorQuestion>,
}

impl<S: Server, P: PortSource> Agent<S, P> {
    /// Opens the journal, finishes what a crash left open, and takes everything in hand. Nothing is done to a board yet.
    ///
    /// # Errors
    /// The journal, a key or a folder can't be used.
    pub fn open(
        config: AgentConfig,
        server: S,
        ports: P,
        fixture: Fixture,
        clock: Clock,
        mut chance: StdRng,
        progress: ProgressSender,
    ) -> Result<Self, AgentFault> {
        let folder = |path: &PathBuf, source| AgentFault::Folder { path: path.display().to_string(), source };
        private::create_folder(&config.data).map_err(|source| folder(&config.data, source))?;
        let now = clock.now();
        let fresh_outbox = OutboxId(fresh_id(now, &mut chance));
        let session_id = SessionId(fresh_id(now, &mut chance));
        let (journal, own_key) = (config.data.join("journal.sqlite"), config.data.join("station.key"));
        // Before the journal: a start that dies between the two leaves a key without a journal, not the reverse.
        let own = if journal.exists() {
            read_own_key(&own_key)?
        } else {
            own_key_of_new_station(&own_key, &mut chance)?
        };
        let commits = config.commits.clone();
        let journal = Journal::open_watched(&journal, config.station_id, fresh_outbox, now.at, commits)?;
        let kept = journal.shift_book()?.unwrap_or_default();
        let sealer = Sealer::new(&own, &config.sealing_key, &config.placeholder_key)?;
        let bundles = config.data.join("bundles");
        let release_key = release_key(&config.release_key).ok_or(AgentFault::ReleaseKey)?;
        let orders = OrderBook::open(&bundles, release_key, config.boards)
            .map_err(|source| folder(&bundles, source))?;
        let (mut desks, mut inputs) = (BTreeMap::new(), BTreeMap::new());
        for &number in &config.slots {
            let (sender, receiver) = mpsc::unbounded_channel();
            desks.insert(number, SlotDesk::new(sender));
            inputs.insert(number, receiver);
        }
        let (heard, heard_on_line) = mpsc::unbounded_channel();
        let parts = SharedParts {
            station_id: config.station_id,
            session_id,
            machine: check_in::fingerprint(&config),
            name: config.name,
            version: config.version,
            presence: config.presence,
            has_fixture: config.has_fixture,
            journal,
            clock,
            chance,
            sealer,
            server,
            link: config.link,
            fixture: fixture.commands,
            progress,
            heard_on_line: heard,
            book: ShiftBook::open(kept, config.slots.iter().copied(), config.needs_sign_in),
        };
        let shared = Shared::new(parts, desks);
        shared.shut_by_book();
        let interrupted = shared.journal.finish_interrupted()?;
        shared.note_checks(&interrupted);
        for record in interrupted {
            tracing::warn!(slot = record.slot, run = %record.run_id, "a run was found open and is closed as interrupted");
        }
        let fixture_events = fixture.events;
        shared.remember_labels()?;
        let (asked, asks) = mpsc::unbounded_channel();
        let floor = FloorDoor::new(asked, shared.floor.subscribe());
        Ok(Self {
            shared,
            ports,
            inputs,
            fixture_events,
            orders,
            port_desk: None,
            heard_on_line,
            printer: None,
            floor,
            asks,
        })
    }

    /// Keeps the wire logs of runs as `keep` says instead of by default.
    #[must_use]
    pub fn with_wire_log(mut self, keep: WireLogKeep) -> Self {
        self.shared.wire_log = keep;
        self
    }

    /// Keeps numbers and shares for so many boards in hand; none: as [`drawer_of`] its slots has it.
    #[must_use]
    pub fn with_drawer(mut self, boards: Option<u32>) -> Self {
        self.shared.drawer = boards.unwrap_or(self.shared.drawer);
        self
    }

    /// Prints the labels of batches that want any.
    #[must_use]
    pub fn with_printer(mut self, printer: Printer, drawing: Drawing) -> Self {
        self.printer = Some(printer);
        self.shared.labels.set_up(drawing);
        self
    }

    /// At a fixture that a file describes: records name it and its nests.
    #[must_use]
    pub fn with_described_fixture(mut self, fixture: Option<Description>) -> Self {
        let plate = fixture.as_ref().map(|described| described.fixture.plate());
        self.shared.book.borrow_mut().lie_in(plate);
        self.shared.described = fixture;
        self
    }

    /// The way for people's answers, for whoever shows the questions.
    #[must_use]
    pub fn answers(&self) -> AnswerDoor {
        self.shared.answers()
    }

    /// The way for what people do at the jig beside its boards.
    #[must_use]
    pub fn floor(&self) -> FloorDoor {
        self.floor.clone()
    }

    /// Works until `stop` comes; then every board is brought to a safe place and its run closed.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let Self {
            shared,
            ports,
            inputs,
            fixture_events,
            orders,
            port_desk,
            heard_on_line,
            printer,
            asks,
            floor: _,
        } = self;
        let this = &Floor { shared, ports };
        this.make_safe();
        // Before any slot begins a board.
        let port_book = port_desk.map(|mut desk| (this.open_book(&mut desk), desk));
        let slots = join_all(inputs.into_iter().map(|(number, inputs)| this.work_slot(number, inputs)));
        let ports = async {
            match port_book {
                Some((book, desk)) => this.keep_ports(desk, book, heard_on_line).await,
                None => std::future::pending().await,
            }
        };
        let background = async {
            tokio::join!(
                this.route_fixture(fixture_events),
                this.keep_orders(orders),
                this.keep_sending(),
                this.shared.keep_printing(printer),
                this.keep_labels(),
                this.keep_telling_labels(),
                this.tell_live(),
                this.keep_floor(asks),
                this.keep_telling_floor(),
                this.keep_sending_wire_logs(),
                this.tell_server_live(),
                ports
            );
        };
        let stopping = async {
            stop.await;
            tracing::info!("stopping: no new boards");
            this.tell_slots(&SlotInput::Stop);
            sleep(STOP_PATIENCE).await;
            this.tell_slots(&SlotInput::StopNow);
            std::future::pending::<()>().await;
        };
        tokio::select! {
            biased;
            _ = slots => {}
            () = background => {}
            () = stopping => {}
        }
        match timeout(LAST_RECORDS, this.send_when_checked_in()).await {
            Ok(Ok(_)) => {}
            _ => tracing::info!("the last records stay in the journal until the next start"),
        }
        this.tell_counts();
    }
}

/// What the futures of a running agent share.
struct Floor<S, P> {
    shared: Shared<S>,
    ports: P,
}

impl<S: Server, P: PortSource> Floor<S, P> {
    /// What a crash may have left on: every load off, every lamp dark.
    fn make_safe(&self) {
        for &slot in self.shared.slots.keys() {
            self.shared.tell_fixture(FixtureCommand::SetLoad { slot, load_ma: 0 });
            self.shared.tell_fixture(FixtureCommand::Lamp { slot, lamp: Lamp::Idle });
        }
    }

    /// A slot that panics is shut; its run is closed as interrupted at the next start, the others go on.
    async fn work_slot(&self, number: u16, inputs: mpsc::UnboundedReceiver<SlotInput>) {
        let Some(desk) = self.shared.slots.get(&number) else { return };
        let slot = Slot::new(number, &self.shared, desk, &self.ports, inputs);
        if AssertUnwindSafe(slot.run()).catch_unwind().await.is_err() {
            tracing::error!(
                slot = number,
                "this slot met a fault of the program and is shut until the station is started again"
            );
            // Its board may be carried to another slot.
            self.shared.release(number);
            // Nobody else would: its run may have died under load.
            self.shared.tell_fixture(FixtureCommand::SetLoad { slot: number, load_ma: 0 });
            self.shared.tell_fixture(FixtureCommand::Lamp { slot: number, lamp: Lamp::Attention });
            let detail = "the slot met a fault of the program; start the station again and report it";
            self.shared.show(
                number,
                SlotState::Broken { fault: Fault::new(FaultCode::Internal).with("detail", detail) },
            );
        }
    }

    fn tell_slots(&self, input: &SlotInput) {
        for desk in self.shared.slots.values() {
            let _slot_may_have_ended = desk.inputs.send(input.clone());
        }
    }

    async fn send(&self) -> Result<u64, SendFault> {
        let tell = |doubt| self.shared.tell(Progress::in_doubt(doubt));
        send_records(&self.shared.journal, &self.shared.server, tell).await
    }

    /// Nothing is sent before the server knows where this session began: what it holds by then is no more than the journal says.
    async fn send_when_checked_in(&self) -> Result<u64, SendFault> {
        let mut checked_in = self.shared.checked_in.subscribe();
        // Cannot fail: the sender is shared with this very future.
        // What is seen is let go of at once: whoever holds it while a record is on its way stops the next check-in, and all slots.
        let _yes = checked_in.wait_for(|is_so| *is_so).await.is_ok();
        self.send().await
    }

    async fn keep_sending(&self) {
        let mut pause = BACKOFF.0;
        // Each reason is said once: a shift without the server must not fill the disk with one sentence.
        let mut said: Option<String> = None;
        self.tell_counts();
        loop {
            match self.send_when_checked_in().await {
                Ok(sent) => {
                    pause = BACKOFF.0;
                    if said.take().is_some() {
                        tracing::info!(sent, "the records that waited on this disk are on the server");
                    }
                    if sent > 0 {
                        self.shared.wire_logs.records_went();
                        self.tell_counts();
                    }
                    self.shared.record_closed.notified().await;
                    self.tell_counts();
                }
                Err(fault) => {
                    let reason = fault.to_string();
                    if said.as_ref() != Some(&reason) {
                        tracing::warn!(
                            fault = reason,
                            "no record gets to the server; check the server and the network. The slots go on; the records wait on \
                             this disk and are sent when it is back"
                        );
                        said = Some(reason);
                    }
                    self.tell_counts();
                    sleep(pause).await;
                    pause = (pause * 2).min(BACKOFF.1);
                }
            }
        }
    }

    fn tell_counts(&self) {
        if let Ok(counts) = self.shared.journal.held_counts() {
            self.shared.tell(Progress::Uplink { held: counts.held, unsent: counts.unsent });
            self.shared.changed.notify_one();
        }
    }

    async fn tell_live(&self) {
        loop {
            self.shared.show_floor();
            self.shared.tell(Progress::Live { live: Box::new(self.shared.live()) });
            sleep(LIVE_APART).await;
            // A verdict waits for no interval; the change that it is, is told with it.
            drop(timeout(LIVE_INTERVAL - LIVE_APART, self.shared.verdict.notified()).await);
            let changed = self.shared.changed.notified();
            if self.is_transferring() {
                // A change of state comes sooner, or the time is up: both are told.
                drop(timeout(LIVE_IN_TRANSFER - LIVE_INTERVAL, changed).await);
            } else {
                changed.await;
            }
        }
    }

    fn is_transferring(&self) -> bool {
        self.shared.slots.values().any(|desk| desk.transfer.load(std::sync::atomic::Ordering::Relaxed) <= 100)
    }

    async fn tell_server_live(&self) {
        let mut said = None;
        loop {
            // A lost second of live state is no loss.
            let live = self.shared.live();
            if let Ok(Ok(())) = timeout(LIVE_TO_SERVER, self.shared.server.live(&live)).await {
                self.shared.heard.set(Instant::now());
            }
            let away = self.shared.heard.get().elapsed() > SERVER_AWAY;
            if said.replace(away) != Some(away) {
                self.shared.tell(Progress::Server { away });
            }
            tokio::select! {
                biased;
                () = self.shared.bound.notified() => {}
                () = sleep(LIVE_TO_SERVER) => {}
            }
        }
    }
}

fn release_key(text: &str) -> Option<VerifyingKey> {
    let bytes: [u8; 32] = hex::decode(text).ok()?.try_into().ok()?;
    VerifyingKey::from_bytes(&bytes).ok()
}
