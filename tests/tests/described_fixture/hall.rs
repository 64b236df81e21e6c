//! A jig in memory with its bench, a station at it, and a server behind.

use chrono::DateTime;
use domain::{
    fixture::{Bus, parse_dialect, parse_fixture},
    ids::StationId,
    live::SlotState,
    step::Step,
};
use jigline_tests::{
    memory_server::{BundleFiles, MemoryServer},
    memory_station,
};
use rand::{SeedableRng as _, rngs::StdRng};
pub use simulator::bench::IoFraming;
use simulator::{
    JigSettings, MemoryJig, Witnessed,
    bench::{Bench, BenchSeen},
    firmware::build_image,
};
use station::{
    agent::Agent,
    clock::Clock,
    fixture::{
        described::{Description, OpenBus, drive},
        fixture,
    },
    link::Line,
    progress::Progress,
};
use std::{cell::RefCell, collections::BTreeMap, fs, path::PathBuf, pin::pin, sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use uuid::Uuid;

const VERSION: &str = "V1.9";
const WITHIN: Duration = Duration::from_secs(3600);

pub struct Hall {
    pub jig: MemoryJig,
    pub server: MemoryServer,
    slots: u16,
    framing: IoFraming,
    /// What is changed in the shipped description.
    changes: Vec<(&'static str, &'static str)>,
    disk: tempfile::TempDir,
    /// Told when the line to the modules breaks.
    cut: watch::Sender<u32>,
    steps: watch::Sender<BTreeMap<u16, Step>>,
    shown: RefCell<BTreeMap<u16, Step>>,
}

/// Waits for something that the witness sees.
pub trait Until {
    async fn until(&self, is_it: impl Fn(&BenchSeen) -> bool);
}

impl Until for Bench {
    async fn until(&self, is_it: impl Fn(&BenchSeen) -> bool) {
        let mut seen = self.seen();
        timeout(WITHIN, seen.wait_for(|seen| is_it(seen)))
            .await
            .expect("that never comes")
            .expect("the jig lives");
    }
}

impl Hall {
    /// As many slots as boards.
    pub fn new(boards: u16, turn: impl FnOnce(&mut JigSettings)) -> Self {
        let files = BundleFiles::shipped();
        let model = Arc::new(domain::model::parse_model("model", &files.model).unwrap());
        let image = build_image(&model, VERSION, 8 * 1024, 7).unwrap();
        let server = MemoryServer::with_files(files, StationId(Uuid::from_u128(42)), &image, VERSION);
        let mut settings = JigSettings {
            slots: boards.into(),
            boards: boards.into(),
            bench: true,
            ..JigSettings::one_board(Arc::clone(&model), 7)
        };
        turn(&mut settings);
        let jig = MemoryJig::start(settings).unwrap();
        Self {
            jig,
            server,
            slots: boards,
            framing: IoFraming::Tcp,
            changes: Vec::new(),
            disk: tempfile::tempdir().unwrap(),
            cut: watch::Sender::new(0),
            steps: watch::Sender::new(BTreeMap::new()),
            shown: RefCell::default(),
        }
    }

    pub fn with_framing(mut self, framing: IoFraming) -> Self {
        self.framing = framing;
        self
    }

    /// With that in the shipped description in place of this.
    pub fn with_change(mut self, from: &'static str, to: &'static str) -> Self {
        self.changes.push((from, to));
        self
    }

    pub fn bench(&self) -> &Bench {
        self.jig.jig.bench().expect("it has a bench")
    }

    /// Works every board to its removal.
    pub async fn work(&self) {
        self.work_beside(async {}).await;
    }

    /// The same while `beside` happens, to its end.
    pub async fn work_beside<T>(&self, beside: impl Future<Output = T>) -> T {
        self.station(beside, |list| list.iter().all(|board| board.removed)).await
    }

    /// Works until the jig is as wanted, and for a minute more.
    pub async fn work_until(&self, is_it: impl Fn(&[Witnessed]) -> bool) {
        self.station(async {}, is_it).await;
    }

    async fn station<T>(&self, beside: impl Future<Output = T>, is_it: impl Fn(&[Witnessed]) -> bool) -> T {
        let description = self.description();
        let (ends, wire) = fixture();
        let (progress, mut lines) = tokio::sync::mpsc::unbounded_channel();
        let ports = memory_station::ports(self.jig.sockets().to_vec());
        let config = memory_station::config(
            StationId(Uuid::from_u128(42)),
            &self.server,
            self.disk.path(),
            self.slots,
        );
        let clock = Clock::starting_at(DateTime::from_timestamp(1_795_000_000, 0).unwrap());
        let chance = StdRng::seed_from_u64(7);
        let agent = Agent::open(config, self.server.clone(), ports, ends, clock, chance, progress).unwrap();
        let agent = agent.with_described_fixture(Some(description.clone()));
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let driver = drive(wire, description, self.opener());
        let station = async {
            tokio::join!(driver, agent.run(async { drop(stopped.await) }));
        };
        let watch = async {
            while let Some(said) = lines.recv().await {
                if let Progress::Live { live } = said {
                    let step = |state: &SlotState| match state {
                        SlotState::Working { step, .. } => Some(*step),
                        _ => None,
                    };
                    let steps = live.slots.iter().filter_map(|slot| Some((slot.slot, step(&slot.state)?)));
                    self.steps.send_replace(steps.collect());
                }
            }
            std::future::pending::<()>().await;
        };
        let story = async {
            let told = beside.await;
            let mut seen = self.jig.jig.witnessed();
            let all = seen.wait_for(|list| is_it(list));
            timeout(WITHIN, all).await.expect("they never come out").expect("the jig lives");
            sleep(Duration::from_secs(60)).await;
            drop(stop);
            told
        };
        let mut both = pin!(async { tokio::join!(story, station).0 });
        tokio::select! {
            biased;
            told = &mut both => told,
            () = watch => unreachable!("it waits for ever"),
        }
    }

    /// Until a slot is at that step.
    pub async fn until_step(&self, step: Step) {
        let mut steps = self.steps.subscribe();
        let there = steps.wait_for(|steps| steps.values().any(|at| *at == step));
        let there = timeout(WITHIN, there).await.expect("that step never comes").unwrap().clone();
        self.shown.replace(there);
    }

    /// The slot that was at that step when it was last waited for.
    pub fn slot_of_step(&self, step: Step) -> u32 {
        if step == Step::Calibrate
            && let Some(slot) = self.bench().seen().borrow().loaded.first()
        {
            return *slot;
        }
        self.shown.borrow().iter().find(|(_, at)| **at == step).map(|(slot, _)| u32::from(*slot)).unwrap()
    }

    pub async fn until_loaded(&self) {
        self.bench().until(|seen| !seen.loaded.is_empty()).await;
        // The relay is closed; the load comes a moment later.
        sleep(Duration::from_millis(300)).await;
    }

    pub async fn until_record(&self, count: usize) {
        for _ in 0..36_000 {
            if self.server.records().len() >= count {
                return;
            }
            sleep(Duration::from_millis(100)).await;
        }
        panic!("record {count} never comes");
    }

    /// The line to the modules breaks, and can be opened again.
    pub fn cut_io(&self) {
        self.cut.send_modify(|cuts| *cuts += 1);
    }

    fn description(&self) -> Description {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../profiles");
        let text = |path: PathBuf| fs::read_to_string(path).unwrap();
        let dialects: Vec<_> = ["sim-load", "sim-meter", "sim-supply", "sim-radio"]
            .iter()
            .map(|name| parse_dialect(name, &text(root.join(format!("instruments/{name}.toml")))).unwrap())
            .collect();
        let mut file = text(root.join("fixtures/sim-8.toml"));
        if self.framing == IoFraming::Rtu {
            file = file.replace("speaks = \"modbus_tcp\"", "speaks = \"modbus_rtu\"");
        }
        for (from, to) in &self.changes {
            assert!(file.contains(from), "{from}");
            file = file.replace(from, to);
        }
        let fixture = parse_fixture("sim-8.toml", &file, &dialects).unwrap();
        Description { fixture, dialects }
    }

    fn opener(&self) -> OpenBus {
        let (door, framing, cut) = (self.bench().door(), self.framing, self.cut.clone());
        Arc::new(move |bus: &Bus| {
            let (ours, theirs) = tokio::io::duplex(4096);
            let (door, name, mut cuts) = (door.clone(), bus.name.clone(), cut.subscribe());
            tokio::spawn(async move {
                let serve = async {
                    match name.as_str() {
                        "io" => door.serve_io(theirs, framing).await,
                        instrument => door.serve_scpi(instrument, theirs).await,
                    }
                };
                tokio::select! {
                    () = serve => {}
                    _ = cuts.changed(), if name == "io" => {}
                }
            });
            Ok(Line::from_stream(&bus.name, ours, bus.baud))
        })
    }
}
