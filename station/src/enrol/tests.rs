use super::*;
use rand::SeedableRng as _;
use std::{cell::RefCell, fs, time::Duration};

const STATION: &str = "0190a000-0000-7000-8000-000000000001";

fn enrolled() -> Enrolled {
    Enrolled {
        station_id: STATION.parse().unwrap(),
        name: "jig \"1\"".to_owned(),
        simulated: true,
        release_key: "11".repeat(32),
        sealing_key: "22".repeat(32),
        placeholder_key: "33".repeat(32),
    }
}

struct Desk {
    folder: tempfile::TempDir,
    order: EnrolOrder,
    /// What the server was asked.
    asked: RefCell<Vec<Enrol>>,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let order = EnrolOrder {
            server: "10.0.0.5:8480".to_owned(),
            code: EnrolCode::from_random([7; 11]).to_string(),
            settings: folder.path().join("etc/station.toml"),
            data: None,
            usual_data: folder.path().join("journal"),
            fixture: Some("127.0.0.1:4020".to_owned()),
            slots: vec!["/dev/a".to_owned(), "/dev/b".to_owned()],
            there: SettingsThere::Refuse,
        };
        Self { folder, order, asked: RefCell::default() }
    }

    fn enrol(&self, answer: Result<Enrolled, EnrolRefusal>) -> Result<Enrolment, EnrolFault> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        // Each time another machine's chance: a key that comes a second time was kept.
        let mut chance = StdRng::seed_from_u64(self.asked.borrow().len() as u64);
        let ask = async |_: &ServerAddress, form: &Enrol| {
            self.asked.borrow_mut().push(form.clone());
            answer
        };
        runtime.block_on(enrol(&self.order, ask, "0.1.0", &mut chance))
    }

    fn settings(&self) -> String {
        fs::read_to_string(&self.order.settings).unwrap()
    }

    /// What lies beside the settings.
    fn files(&self) -> Vec<String> {
        let folder = self.order.settings.parent().unwrap();
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn away(desk: &Desk) -> EnrolRefusal {
    let server = ServerAddress::parse(&desk.order.server).unwrap();
    EnrolRefusal::Away { server, detail: "connection refused".to_owned() }
}

#[test]
fn a_machine_becomes_a_station_whose_key_only_it_knows() {
    let desk = Desk::new();
    let done = desk.enrol(Ok(enrolled())).unwrap();
    assert_eq!((done.name.as_str(), &done.lacks, &done.before), ("jig \"1\"", &None, &None));
    let config = StationConfig::load(&desk.order.settings).unwrap();
    assert_eq!((config.name.as_str(), config.server.as_str()), ("jig \"1\"", "http://10.0.0.5:8480"));
    assert_eq!((config.station_id.to_string(), config.simulated), (STATION.to_owned(), true));
    assert_eq!(config.data, desk.folder.path().join("journal"));
    assert!(config.data.is_dir());
    let devices: Vec<_> = config.slots.iter().map(|slot| (slot.number, slot.device.as_str())).collect();
    assert_eq!(devices, [(1, "/dev/a"), (2, "/dev/b")]);
    let asked = desk.asked.borrow();
    assert_eq!(asked[0].key_sha256, ContentHash::of(config.key.as_bytes()));
    assert!(config.key.len() == 64 && !serde_json::to_string(&asked[0]).unwrap().contains(&config.key));
    assert_eq!(desk.files(), ["station.toml"]);
    let told = report(&done, &[], Duration::from_millis(400));
    for secret in [&config.key, &config.placeholder_key] {
        assert!(!told.contains(secret.as_str()), "{told}");
    }
    assert!(told.contains("service install"), "{told}");
    #[cfg(unix)]
    for (path, mode) in [(&desk.order.settings, 0o600), (&config.data, 0o700)] {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, mode, "{}", path.display());
    }
}

#[test]
fn an_answer_that_was_lost_is_asked_for_again_with_the_same_key() {
    let desk = Desk::new();
    desk.enrol(Err(away(&desk))).unwrap_err();
    assert_eq!(desk.files(), ["station.toml.enrolling"], "nothing looks like settings");
    desk.enrol(Ok(enrolled())).unwrap();
    let asked = desk.asked.borrow();
    assert_eq!(asked[0], asked[1]);
    assert!(desk.settings().contains("[[slot]]"));
    assert_eq!(desk.files(), ["station.toml"]);
}

#[test]
fn another_code_gets_another_key() {
    let mut desk = Desk::new();
    desk.enrol(Err(away(&desk))).unwrap_err();
    desk.order.code = EnrolCode::from_random([8; 11]).to_string();
    desk.enrol(Err(away(&desk))).unwrap_err();
    let asked = desk.asked.borrow();
    assert_ne!(asked[0].key_sha256, asked[1].key_sha256);
}

#[test]
fn settings_that_are_there_are_never_written_over() {
    let mut desk = Desk::new();
    desk.enrol(Ok(enrolled())).unwrap();
    let first = desk.settings().replace("simulated = true", "simulated = true\nbaud = 9600 # by hand")
        + "\n[wire_log]\ndays = 3\nmegabytes = 5\n";
    fs::write(&desk.order.settings, &first).unwrap();
    let said = desk.enrol(Ok(enrolled())).unwrap_err().to_string();
    assert!(said.contains("--renew") && said.contains("station.toml"), "{said}");
    assert_eq!((desk.settings(), desk.asked.borrow().len()), (first.clone(), 1), "nobody was asked");

    desk.order.there = SettingsThere::Renew;
    (desk.order.fixture, desk.order.slots) = (None, Vec::new());
    for before in ["station.toml.before", "station.toml.before-2"] {
        let stood = desk.settings();
        let done = desk.enrol(Ok(enrolled())).unwrap();
        assert_eq!(done.before.as_ref().and_then(|path| path.file_name()), Some(before.as_ref()));
        assert_eq!(fs::read_to_string(done.before.unwrap()).unwrap(), stood);
    }
    let (old, new) =
        (StationConfig::parse(&first).unwrap(), StationConfig::load(&desk.order.settings).unwrap());
    assert_ne!(old.key, new.key);
    assert_eq!((new.baud, new.wire_log.days, new.fixture), (Some(9600), 3, old.fixture));
    assert_eq!((new.slots.len(), new.data), (2, old.data));

    fs::write(&desk.order.settings, "name = ").unwrap();
    let said = desk.enrol(Ok(enrolled())).unwrap_err().to_string();
    assert!(said.contains("can't be taken over"), "{said}");
    assert_eq!(desk.settings(), "name = ");
}

#[test]
fn what_the_settings_lack_is_said_with_the_ports_that_are_there() {
    let mut desk = Desk::new();
    (desk.order.fixture, desk.order.slots) = (None, Vec::new());
    let done = desk.enrol(Ok(enrolled())).unwrap();
    let lacks = done.lacks.clone().unwrap();
    assert!(lacks.contains("fixture"), "{lacks}");
    let told = report(&done, &["/dev/serial/by-path/x".to_owned()], Duration::ZERO);
    assert!(told.contains("/dev/serial/by-path/x") && told.contains(&lacks), "{told}");
    let whole = desk.settings().replace("# fixture", "fixture").replace("# [[slot]]", "[[slot]]");
    let whole = whole.replace("# number = 1", "number = 1").replace("# device = \"\"", "device = \"COM5\"");
    let config = StationConfig::parse(&whole).unwrap_or_else(|fault| panic!("{fault}: {whole}"));
    assert_eq!(config.slots[0].device, "COM5");
}

#[test]
fn a_slip_of_the_hand_asks_nobody_and_a_folder_that_refuses_uses_no_code_up() {
    let mut desk = Desk::new();
    desk.order.code = desk.order.code.replace('7', "8");
    let said = desk.enrol(Ok(enrolled())).unwrap_err().to_string();
    assert!(said.contains("check character") && said.contains("Nobody was asked"), "{said}");
    let mut desk = Desk::new();
    fs::write(desk.folder.path().join("etc"), "in the way").unwrap();
    let said = desk.enrol(Ok(enrolled())).unwrap_err().to_string();
    assert!(said.contains("etc") && said.contains("not used up"), "{said}");
    desk.order.server = "ftp://x".to_owned();
    let said = desk.enrol(Ok(enrolled())).unwrap_err().to_string();
    assert!(said.contains("http://10.0.0.5:8480"), "{said}");
    assert!(desk.asked.borrow().is_empty());
}

#[test]
fn the_journal_of_another_station_is_named_and_left_alone() {
    let desk = Desk::new();
    fs::create_dir(&desk.order.usual_data).unwrap();
    let path = desk.order.usual_data.join("journal.sqlite");
    let other = "0190a000-0000-7000-8000-000000000002".parse().unwrap();
    let at = chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    drop(journal::Journal::open(&path, other, domain::ids::OutboxId(uuid::Uuid::from_u128(9)), at).unwrap());
    let done = desk.enrol(Ok(enrolled())).unwrap();
    assert!(done.has_foreign_journal);
    assert!(report(&done, &[], Duration::ZERO).contains("another station"));
    assert_eq!(journal::show(&path).unwrap().station_id, other.to_string());
}
