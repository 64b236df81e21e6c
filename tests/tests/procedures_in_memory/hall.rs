//! One hall: a jig with its boards, the server behind the station, and the station's disk.

use super::*;

const VERSION: &str = "V1.9";
const WITHIN: Duration = Duration::from_secs(3600);

/// A jig, the server behind the station, and the station's disk.
pub struct Hall {
    pub jig: MemoryJig,
    pub server: MemoryServer,
    pub model: Arc<DeviceModel>,
    slots: u16,
    pub disk: tempfile::TempDir,
}

impl Hall {
    /// As many slots as boards, whose cells rest at `cell_mv` (0: titanate's).
    pub fn new(files: BundleFiles, boards: u16, cell_mv: u32) -> Self {
        Self::with(files, boards, cell_mv, |_| {})
    }

    pub fn with(files: BundleFiles, boards: u16, cell_mv: u32, turn: impl FnOnce(&mut JigSettings)) -> Self {
        let model = Arc::new(parse_model("model", &files.model).unwrap());
        let image = model.loader().map(|_| build_image(&model, VERSION, 8 * 1024, 7).unwrap());
        let image = image.unwrap_or_default();
        let server = MemoryServer::with_files(files, StationId(Uuid::from_u128(42)), &image, VERSION);
        let mut settings = JigSettings {
            slots: boards.into(),
            boards: boards.into(),
            knobs: Knobs { cell_rest_mv: cell_mv, ..Knobs::default() },
            ..JigSettings::one_board(Arc::clone(&model), 7)
        };
        turn(&mut settings);
        let jig = MemoryJig::start(settings).unwrap();
        Self { jig, server, model, slots: boards, disk: tempfile::tempdir().unwrap() }
    }

    /// A station on the disk at `data`.
    pub fn agent(
        &self,
        data: &Path,
        ends: Fixture,
    ) -> Agent<MemoryServer, impl Fn(u16, u32) -> Result<Line, domain::text::Fault> + use<>> {
        let ports = memory_station::ports(self.jig.sockets().to_vec());
        let config = memory_station::config(StationId(Uuid::from_u128(42)), &self.server, data, self.slots);
        let clock = Clock::starting_at(chrono::DateTime::from_timestamp(1_795_000_000, 0).unwrap());
        let (progress, _lines) = tokio::sync::mpsc::unbounded_channel();
        let chance = StdRng::seed_from_u64(7);
        Agent::open(config, self.server.clone(), ports, ends, clock, chance, progress).unwrap()
    }

    pub async fn until(&self, is_it: impl Fn(&Witnessed) -> bool) {
        let mut seen = self.jig.jig.witnessed();
        let all = seen.wait_for(|list| list.iter().all(&is_it));
        timeout(WITHIN, all).await.expect("that never comes").expect("the jig lives");
    }

    /// Works every board to its removal.
    pub async fn work(&mut self) {
        let stream = self.jig.fixture();
        self.work_through(stream).await;
    }

    /// The same with a supply that cannot be switched: the jig never hears the order.
    pub async fn work_on_a_fixed_supply(&mut self) {
        let (ours, theirs) = tokio::io::duplex(65_536);
        let jig = self.jig.fixture();
        tokio::select! {
            // Nobody switches the supply.
            () = carry(jig, ours, |line| !line.contains("power_cycle")) => panic!("the fixture's line broke"),
            () = self.work_through(theirs) => {}
        }
    }

    pub async fn work_through(&self, stream: DuplexStream) {
        let (ends, mut wire) = fixture();
        let agent = self.agent(self.disk.path(), ends);
        let done = async {
            self.until(|board| board.removed).await;
            sleep(Duration::from_secs(60)).await;
        };
        tokio::select! {
            biased;
            _ = wire.carry(stream) => panic!("the fixture's line broke"),
            () = agent.run(done) => {}
        }
    }

    /// Works until board 1 is as wanted, and dies there.
    pub async fn work_until_it_dies(&mut self, is_it: impl Fn(&Observation) -> bool) {
        let (ends, mut wire) = fixture();
        let agent = self.agent(self.disk.path(), ends);
        let stream = self.jig.fixture();
        let seen = async {
            for _ in 0..100_000 {
                if self.jig.jig.observe(1).await.is_some_and(|board| is_it(&board)) {
                    return;
                }
                sleep(Duration::from_millis(10)).await;
            }
            panic!("that never comes");
        };
        tokio::select! {
            biased;
            _ = wire.carry(stream) => panic!("the fixture's line broke"),
            () = agent.run(std::future::pending()) => panic!("the station stopped"),
            () = seen => {}
        }
    }

    /// The one record of the one board, which passed; judged by rules that know nothing of the station.
    pub fn pass(&self) -> BirthRecord {
        let records = self.server.records();
        assert_eq!(records.len(), 1, "{records:#?}");
        let record = records.into_iter().next().unwrap();
        assert_eq!(record.outcome, Outcome::Pass, "{:?}", record.fault);
        assert_eq!(judge_record(&record, &self.server.expected()), []);
        record
    }

    /// What board `index` keeps in that register, in the witness's own decoding.
    pub async fn kept(&self, index: u32, name: &str) -> String {
        let observed = self.jig.jig.observe(index).await.unwrap();
        kept(&self.model, &observed, name)
    }

    /// Every value of the profile is on the board, as it would be after the next restart.
    pub async fn assert_keeps_profile(&self) {
        let observed = self.jig.jig.observe(1).await.unwrap();
        let profile = parse_profile("profile", &self.server.0.bundle.profile_toml).unwrap();
        for (name, value) in &profile.values {
            let kept = &observed.parameters[name];
            let same = match value {
                Value::Number(number) => kept.parse::<f64>().is_ok_and(|kept| (kept - number).abs() < 1e-6),
                Value::Text(text) => text == kept,
            };
            assert!(same, "{name}: {value} in the profile, {kept} on the board");
        }
        assert!(observed.calibrated && observed.current_error_percent.abs() < 1.5);
        // As it lay in the slot: taken out it has no power.
        let lay = self.jig.jig.witnessed().borrow()[0].clone();
        assert!(lay.holds.charge_on && lay.holds.discharge_on);
    }
}

/// Carries lines both ways between a jig and a station, of the station's those that `passes` lets, until one side goes.
pub async fn carry(jig: DuplexStream, station: DuplexStream, mut passes: impl FnMut(&str) -> bool) {
    let (from_jig, mut to_jig) = tokio::io::split(jig);
    let (from_station, mut to_station) = tokio::io::split(station);
    let (mut up, mut down) = (BufReader::new(from_jig).lines(), BufReader::new(from_station).lines());
    let ups = async {
        while let Ok(Some(line)) = up.next_line().await {
            to_station.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        }
    };
    let downs = async {
        while let Ok(Some(line)) = down.next_line().await {
            if passes(&line) {
                to_jig.write_all(format!("{line}\n").as_bytes()).await.unwrap();
            }
        }
    };
    tokio::select! {
        () = ups => {}
        () = downs => {}
    }
}

/// What an observed board keeps in that register.
pub fn kept(model: &DeviceModel, observed: &Observation, name: &str) -> String {
    observed.text(model, name).unwrap()
}
