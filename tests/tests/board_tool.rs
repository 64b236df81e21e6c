//! The technician's tool against a simulated board on a pty, command by command. What the board holds is asked of the witness, and
//! what reached it is counted on its own end of the line.
#![expect(clippy::unwrap_used, reason = "a test: what fails here is the test's result")]

#[path = "board_tool/bench.rs"]
mod bench;

use bench::{BAUD, Bench, FACTORY, Said, shape};
use jigline_tests::demo::workspace_root;
use serde_json::{Value, json};
use simulator::Mode;
use std::{fs, time::Duration};

#[tokio::test(flavor = "multi_thread")]
async fn probe_read_and_dump_tell_who_and_what_and_write_nothing() {
    let bench = Bench::new().await;
    let probe = bench.tool(&["probe"]).await;
    assert_eq!((probe.code, probe.event("found")["state"].as_str()), (0, Some("application")));
    assert_eq!(probe.event("identity")["is_model"], true);
    let read = bench.tool(&["read", "capacity_mah", "switches"]).await;
    let registers: Vec<&Value> = read.events("register");
    assert_eq!(registers[1]["name"], "switches");
    assert_eq!(registers[1]["provenance"], "assumed", "{registers:?}");
    assert_eq!(registers[1]["address"], "0x030B");
    let dump = bench.tool(&["dump"]).await;
    assert_eq!(dump.events("register").len(), bench.model.parameters().count());
    let all = bench.tool(&["dump", "--all"]).await;
    assert!(all.events("register").len() > dump.events("register").len() + 40);
    assert_eq!(bench.tool(&["read", "no_such_register"]).await.code, 2);
    assert_eq!(bench.tool(&["read", "password_set"]).await.code, 2);
    assert_eq!(bench.observe().await.register_writes, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_is_written_read_back_and_verified_only_by_a_restart() {
    let bench = Bench::new().await;
    let set = ["write", "charge_protection_l1_mv=4180", "charge_delay_s=6", "--simulated"];
    let read = bench.tool(&set).await;
    assert_eq!(read.code, 0, "{read:?}");
    let parameters = read.events("parameter");
    assert_eq!(parameters.len(), 2);
    assert!(parameters.iter().all(|p| p["evidence"] == "read" && p["holds"] == true), "{parameters:?}");
    assert_eq!(parameters[0]["before"], 4200);
    assert_eq!(bench.observe().await.parameters["charge_protection_l1_mv"], "4180");
    let restarts = bench.observe().await.restarts;
    let again = bench.tool(&[&set[..], &["--restart"]].concat()).await;
    let parameters = again.events("parameter");
    assert!(parameters.iter().all(|p| p["evidence"] == "verified" && p["written"] == false));
    assert_eq!(bench.observe().await.restarts, restarts + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_are_saved_in_a_file_and_given_back_to_the_board() {
    let bench = Bench::new().await;
    let (file, profile) = (bench.folder().join("board.toml").display().to_string(), bench.profile());
    // A profile is such a file, with ratings of its own, and the command line goes over it.
    let tuned = ["write", &profile, "charge_delay_s=7", "--test-current-a", "0", "--simulated"];
    let tuned = bench.tool(&tuned).await;
    assert_eq!(tuned.code, 0, "{tuned:?}");
    let before = bench.observe().await.parameters;
    assert_eq!(
        (before["charge_protection_l1_mv"].as_str(), before["charge_delay_s"].as_str()),
        ("2800", "7")
    );
    let dump = bench.tool(&["dump", "--save", &file]).await;
    assert_eq!(dump.code, 0, "{dump:?}");
    assert_eq!(dump.event("saved")["parameters"], bench.model.parameters().count(), "{dump:?}");
    let write = ["write", "charge_protection_l1_mv=2790", "charge_delay_s=6", "--simulated"];
    assert_eq!(bench.tool(&write).await.code, 0);
    // Current limits are among them, and they are judged by the product alone.
    let unjudged = bench.tool(&["write", &file, "--simulated"]).await;
    assert_eq!(unjudged.event("fault")["code"], "needs_ratings");
    let again = ["write", &file, "--product", &profile, "--test-current-a", "0", "--simulated", "--restart"];
    let again = bench.tool(&again).await;
    assert_eq!(again.code, 0, "{again:?}");
    assert_eq!(again.events("parameter").iter().filter(|p| p["written"] == true).count(), 2);
    assert_eq!(bench.observe().await.parameters, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_register_that_does_not_hold_is_found_by_the_restart_and_by_nothing_else() {
    let bench = Bench::with(Some(simulator::Fault::RegisterDoesNotHold)).await;
    let set = ["write", "charge_protection_l1_mv=4180", "--simulated"];
    assert_eq!(bench.tool(&set).await.code, 0, "before the restart it reads as written");
    let verified = bench.tool(&[&set[..], &["--restart"]].concat()).await;
    assert_eq!(
        (verified.code, verified.event("fault")["code"].as_str()),
        (1, Some("register_does_not_hold"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_board_keeps_that_acknowledged_its_restart_and_went_on_is_not_called_verified() {
    let bench = Bench::with_knob("ignore_restart=1").await;
    let set = ["write", "charge_protection_l1_mv=4180", "--simulated", "--restart"];
    let said = bench.tool(&set).await;
    assert_eq!((said.code, said.event("fault")["code"].as_str()), (1, Some("write_refused")), "{said:?}");
    assert!(!said.out.contains("verified"), "{said:?}");
    let said = bench.tool(&["command", "restart", "--simulated"]).await;
    assert_eq!((said.code, said.event("fault")["code"].as_str()), (1, Some("write_refused")), "{said:?}");
    assert!(!said.out.contains("verified"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_kills_a_board_is_refused_before_a_byte_is_sent() {
    let bench = Bench::new().await;
    let profile = bench.profile();
    let deadly: [(&[&str], &str); 6] = [
        (&["write", "charge_protection_l1_mv=9000"], "deadly_value"),
        (&["write", "charge_protection_l1_mv=4200", "charge_recovery_mv=4300"], "deadly_value"),
        (&["write", "charge_current_limit_a=60"], "needs_ratings"),
        // The customer works with 100 A.
        (&["write", "charge_current_limit_a=60", "--product", &profile], "deadly_value"),
        (&["calibrate", "--current-ma", "100"], "deadly_value"),
        (&["lease", "--mode", "locked", "--until", "yesterday"], "usage"),
    ];
    for (arguments, code) in deadly {
        let refused = bench.tool(&[arguments, &["--simulated"]].concat()).await;
        assert_eq!(refused.event("fault")["code"], code, "{arguments:?}");
        assert_eq!(refused.code, if code == "usage" { 2 } else { 1 });
    }
    assert_eq!(bench.heard(), 0, "bytes that reached the board");
    assert_eq!(bench.observe().await.frames, 0);

    // What only the board's own values show to be deadly is read, and never written.
    let refused = bench.tool(&["write", "charge_recovery_mv=4250", "--simulated"]).await;
    assert_eq!(refused.event("fault")["code"], "deadly_value");
    let observed = bench.observe().await;
    assert_eq!(observed.register_writes, 0, "not even the password");
    assert!(observed.frames > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn assumed_addresses_are_written_on_a_simulator_or_by_an_engineer_only() {
    let bench = Bench::new().await;
    for arguments in [
        &["write", "charge_delay_s=6"][..],
        &["name", "TB-1"],
        &["password"],
        &["calibrate", "--current-ma", "20000"],
        &["lease", "--mode", "open"],
        &["command", "sleep"],
        &["command", "charge", "off"],
    ] {
        let refused = bench.tool(arguments).await;
        assert_eq!(refused.event("fault")["code"], "assumed_block", "{arguments:?}");
    }
    assert_eq!(bench.heard(), 0);
    let warned = bench.tool(&["write", "charge_delay_s=6", "--engineering"]).await;
    assert_eq!(warned.code, 0);
    assert_eq!(
        warned.notes.lines().filter(|line| line.starts_with("warning:")).count(),
        1,
        "{}",
        warned.notes
    );
    // A file is no pseudo terminal, so nothing that simulates is behind it.
    let file = bench.folder().join("no-pty");
    fs::write(&file, "").unwrap();
    let real = bench.tool_on(&file.display().to_string(), &["command", "sleep", "--simulated"]).await;
    assert_eq!(real.event("fault")["code"], "not_simulated");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_block_wants_the_password_and_a_wrong_one_opens_nothing() {
    let bench = Bench::new().await;
    let set = ["write", "charge_delay_s=6", "--simulated"];
    let none = bench.tool_with(None, None, &set).await;
    assert_eq!(none.event("fault")["code"], "no_password");
    let wrong = bench.tool_with(Some("000000"), None, &set).await;
    assert_eq!(wrong.event("fault")["code"], "password_refused");
    let file = bench.folder().join("password");
    fs::write(&file, format!("{FACTORY}\n")).unwrap();
    let path = file.display().to_string();
    let by_file = bench.tool_with(None, None, &[&set[..], &["--password-file", &path]].concat()).await;
    assert_eq!(by_file.code, 0);
    assert_eq!(bench.tool(&["command", "restart", "--simulated"]).await.code, 0);
    let factory = bench.tool_with(None, None, &[&set[..], &["--factory-password"]].concat()).await;
    assert_eq!(factory.code, 0, "{factory:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_is_proved_after_the_restart_and_shown_nowhere() {
    let bench = Bench::new().await;
    let said = bench.tool_with(Some(FACTORY), Some("918273"), &["password", "--simulated"]).await;
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(said.event("password")["evidence"], "verified");
    assert!(!said.out.contains("918273") && !said.notes.contains("918273"));
    assert_eq!(bench.observe().await.password, "918273");
    let forgetful = Bench::with_knob("forget_password=1").await;
    let said = forgetful.tool_with(Some(FACTORY), Some("918273"), &["password", "--simulated"]).await;
    assert_eq!((said.code, said.event("fault")["code"].as_str()), (1, Some("old_password_still_opens")));
}

#[tokio::test(flavor = "multi_thread")]
async fn name_lease_and_calibration_are_set_and_read() {
    let bench = Bench::new().await;
    let name = bench.tool(&["name", "TB-2647-7", "--simulated", "--restart"]).await;
    assert_eq!(name.event("name")["evidence"], "verified", "{name:?}");
    assert_eq!(bench.tool(&["name"]).await.event("name")["read"], "TB-2647-7");
    assert_eq!(bench.tool(&["name", "TB 1", "--simulated"]).await.code, 2);

    bench.load_ma(20_000);
    let calibrated = bench.tool(&["calibrate", "--current-ma", "20000", "--simulated"]).await;
    let report = calibrated.event("calibrated");
    let after = report["after_ma"].as_i64().unwrap().unsigned_abs();
    assert!(after.abs_diff(20_000) < 200, "{report}");
    assert!(bench.observe().await.calibrated);

    let lock = ["lease", "--mode", "locked", "--until", "2027-03-31", "--simulated", "--restart"];
    let lease = bench.tool(&lock).await;
    assert_eq!(lease.event("lease")["expires_at"], "2027-03-31T23:59:59Z");
    assert_eq!(lease.event("output")["discharge_on"], false, "{lease:?}");
    assert_eq!(lease.event("output")["charge_on"], true, "a lock stops discharge, never charge");
    assert_eq!(bench.observe().await.holds.lease_mode.as_deref(), Some("locked"));
    assert_eq!(bench.tool(&["lease"]).await.event("lease")["mode"], "locked");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_button_of_the_vendors_tool_is_a_command() {
    let bench = Bench::new().await;
    let press = async |arguments: &[&str]| {
        let said = bench.tool(&[&["command"], arguments, &["--simulated"]].concat()).await;
        assert_eq!(said.code, 0, "{arguments:?}: {said:?}");
        assert!(said.json.iter().all(|event| event["assumed"] == true), "{said:?}");
        assert!(said.notes.contains("assumed: a part of model topbms is not known"), "{said:?}");
        said
    };
    press(&["charge", "off"]).await;
    press(&["balancer", "off"]).await;
    press(&["special_charger", "on"]).await;
    press(&["heater_mode", "all"]).await;
    let held = bench.observe().await.parameters;
    assert_eq!((held["switches"].as_str(), held["heater_mode"].as_str()), ("0x000A", "all"));
    press(&["discharge", "off"]).await;
    let preset = press(&["preset_lto", "--restart"]).await;
    assert_eq!(preset.event("command")["evidence"], "verified");
    let held = bench.observe().await.parameters;
    assert_eq!((held["chemistry"].as_str(), held["charge_protection_l1_mv"].as_str()), ("lto", "2800"));
    assert_eq!(press(&["restart"]).await.event("command")["evidence"], "verified");
    let refused = bench.tool(&["command", "reset", "--simulated"]).await;
    assert_eq!(refused.event("fault")["code"], "unjudged", "what it sets nobody can judge");
    assert_eq!(press(&["reset", "--unjudged"]).await.event("command")["evidence"], "claimed");
    assert_eq!(bench.tool(&["read", "charge_protection_l1_mv"]).await.event("register")["value"], 4200);
    assert_eq!(bench.observe().await.parameters["charge_protection_l1_mv"], "4200");
    assert_eq!(press(&["sleep"]).await.event("command")["evidence"], "verified");
    let asleep = bench.tool(&["probe"]).await;
    assert_eq!(asleep.event("found")["state"], "silent");
    assert_eq!(bench.tool(&["command", "explode", "--simulated"]).await.code, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_checked_sent_and_compared_with_the_boards_own_sum() {
    let bench = Bench::new().await;
    let image = bench.image("V2.1");
    let path = bench.folder().join("new.bin");
    fs::write(&path, &image).unwrap();
    let path = path.display().to_string();
    let refused = bench.tool(&["flash", "--image", &path]).await;
    assert_eq!(refused.event("fault")["code"], "assumed_block");
    let wrong = bench.folder().join("wrong.bin");
    fs::write(&wrong, vec![0xFF; 4096]).unwrap();
    let wrong = bench.tool(&["flash", "--simulated", "--image", &wrong.display().to_string()]).await;
    assert_eq!(wrong.event("fault")["code"], "image_refused");
    assert_eq!(bench.heard(), 0);

    let flashed = bench.tool(&["flash", "--simulated", "--image", &path]).await;
    assert_eq!(flashed.code, 0, "{flashed:?}");
    assert_eq!(flashed.event("flashed")["evidence"], "board_crc");
    assert!(flashed.notes.lines().any(|line| line == "sent: 100 %"), "{}", flashed.notes);
    assert!(!flashed.out.contains("sent:"), "progress is for stderr");
    let observed = bench.observe().await;
    assert_eq!((observed.mode, observed.flash_image.as_deref()), (Mode::Application, Some(&image[..])));

    let hex = bench.folder().join("again.hex");
    fs::write(&hex, bench::intel_hex(0x0800_2000, &bench.image("V2.2"))).unwrap();
    let flashed = bench.tool(&["flash", "--simulated", "--image", &hex.display().to_string()]).await;
    assert_eq!(flashed.event("flashed")["firmware_version"], "V2.2", "{flashed:?}");
    fs::write(&hex, bench::intel_hex(0x0800_0000, &image)).unwrap();
    let elsewhere = bench.tool(&["flash", "--simulated", "--image", &hex.display().to_string()]).await;
    assert_eq!(elsewhere.event("fault")["code"], "image_refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_monitor_that_nobody_watches_tells_line_by_line() {
    let bench = Bench::new().await;
    bench.load_ma(20_000);
    let said = bench.tool(&["monitor", "--count", "3", "--interval-ms", "100"]).await;
    assert_eq!(said.code, 0, "{said:?}");
    let samples = said.events("sample");
    assert_eq!(samples.len(), 3);
    let cells = samples[2]["cells_mv"].as_array().unwrap();
    let truth = bench.observe().await.parameters["cell_count"].parse::<usize>().unwrap();
    assert_eq!(cells.len(), truth);
    let text = bench.text(&["monitor", "--count", "1"]).await;
    assert!(text.out.contains("alarms:") && text.out.contains("difference"), "{}", text.out);
    assert_eq!(bench.observe().await.register_writes, 0);
}

/// From the map of every shipped model, whatever its framing: fields are as long as a board has cells and sensors, and no longer.
#[tokio::test(flavor = "multi_thread")]
async fn a_board_of_any_shipped_model_is_probed_dumped_and_watched() {
    let mut files: Vec<String> = fs::read_dir(workspace_root().join("profiles/models"))
        .unwrap()
        .map(|entry| format!("profiles/models/{}", entry.unwrap().file_name().display()))
        .collect();
    files.sort();
    assert!(files.len() >= 12, "{files:?}");
    for file in files {
        let bench = Bench::of_model(&file).await;
        let before = bench.observe().await.parameters;
        let probed = bench.tool(&["probe"]).await;
        assert_eq!(probed.event("identity")["is_model"], true, "{file}: {probed:?}");
        let dumped = bench.tool(&["dump", "--all"]).await;
        assert_eq!(dumped.code, 0, "{file}: {dumped:?}");
        let watched = bench.tool(&["monitor", "--count", "1"]).await;
        assert_eq!(watched.code, 0, "{file}: {watched:?}");
        let sample = watched.event("sample");
        let cells: Vec<f64> =
            sample["cells_mv"].as_array().unwrap().iter().map(|mv| mv.as_f64().unwrap()).collect();
        let pack = sample["pack_voltage_v"].as_f64().unwrap();
        let sum: f64 = cells.iter().sum();
        assert!((sum / 1000.0 - pack).abs() < 0.2, "{file}: {pack} V of {cells:?}");
        assert!(cells.len() >= 10 && cells.iter().all(|mv| *mv > 1000.0), "{file}: {cells:?}");
        // Whoever needs its settings shown enters the board's factory mode, and nothing else is written.
        assert_eq!(bench.observe().await.parameters, before, "{file}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_finds_the_board_and_its_rate_and_writes_nothing() {
    let bench = Bench::new().await;
    let said = bench.scan(&[]).await;
    let found = said.event("scanned");
    assert_eq!((found["state"].as_str(), found["baud"].as_u64()), (Some("application"), Some(BAUD.into())));
    assert_eq!(found["identity"]["is_model"], true);
    assert_eq!(bench.observe().await.register_writes, 0);
    let missing = bench.scan(&["--port", "/dev/serial/by-path/no-such-port"]).await;
    assert_eq!(missing.events("scanned")[1]["state"], "not_opened");
    let nothing = bench.scan(&["--baud", "19200"]).await;
    assert_eq!((nothing.code, nothing.event("fault")["code"].as_str()), (1, Some("nothing_found")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shapes_that_scripts_rely_on_stay_as_they_are() {
    let bench = Bench::new().await;
    bench.load_ma(20_000);
    let image = bench.folder().join("new.bin");
    fs::write(&image, bench.image("V2.1")).unwrap();
    let image = image.display().to_string();
    let mut shapes = serde_json::Map::new();
    for arguments in [
        &["probe"][..],
        &["read", "switches"],
        &["write", "balance_start_mv=4250", "--simulated"],
        &["name"],
        &["calibrate", "--current-ma", "20000", "--simulated"],
        &["lease"],
        &["command", "restart", "--simulated"],
        &["monitor", "--count", "1"],
        &["flash", "--simulated", "--image", &image],
        &["write", "charge_protection_l1_mv=9000", "--simulated"],
        &["password", "--simulated"],
    ] {
        let said = bench.tool(arguments).await;
        let told: Vec<Value> = said.json.iter().map(shape).collect();
        let named = arguments[0].to_owned() + if said.code == 0 { "" } else { ", refused" };
        shapes.insert(named, json!(told));
    }
    let scanned = bench.scan(&[]).await;
    shapes.insert("scan".to_owned(), json!(scanned.json.iter().map(shape).collect::<Vec<_>>()));
    insta::assert_json_snapshot!(shapes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sniffer_pairs_what_our_own_tool_says_and_drafts_it() {
    let tap = bench::Tap::new().await;
    let draft = tap.folder().join("draft.toml");
    let draft = draft.display().to_string();
    let listen = ["--seconds", "6", "--draft", &draft];
    let (heard, worked) = tokio::join!(tap.sniff(&listen), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        tap.work(&["write", "charge_delay_s=6", "--simulated"]).await
    });
    assert_eq!((heard.code, worked.code), (0, 0), "{heard:?} {worked:?}");
    let exchanges = heard.events("exchange");
    assert!(exchanges.iter().all(|e| e["outcome"] == "answered"), "{exchanges:?}");
    let write = exchanges.iter().find(|e| e["address"] == "0x0203" && e["kind"] == "write").unwrap();
    assert_eq!((&write["words"], &write["registers"]), (&json!(["0x0006"]), &json!(["charge_delay_s"])));
    let shapes = [shape(write), shape(heard.event("draft"))];
    insta::assert_json_snapshot!(shapes);
    // The password went over the line; it is in nothing that was said.
    let unlock = exchanges.iter().find(|e| e["address"] == "0x0500").unwrap();
    assert!(unlock.get("words").is_none());
    let text = fs::read_to_string(&draft).unwrap();
    assert!(!text.contains("0x0500") && !heard.out.contains("0x3132"), "{text}");
    let parsed: bench::Draft = toml::from_str(&text).unwrap();
    assert!(parsed.block.iter().all(|b| b.provenance == domain::model::Provenance::Captured));
    let delay = parsed.block.iter().find(|b| b.start <= 0x0203 && 0x0203 < b.start + b.count).unwrap();
    assert_eq!(delay.access, domain::model::Access::ReadWrite);
    assert!(
        parsed
            .register
            .iter()
            .all(|r| parsed.block.iter().any(|b| b.start <= r.address && r.address < b.start + b.count))
    );
    assert_eq!(tap.bytes_from_listener(), 0, "a listener that speaks disturbs the bus");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sniffer_pairs_what_pymodbus_says_refusals_included() {
    let tap = bench::Tap::new().await;
    let (heard, ()) = tokio::join!(tap.sniff(&["--seconds", "8"]), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        tap.python(bench::MASTER).await;
    });
    let told: Vec<String> = heard
        .events("exchange")
        .iter()
        .map(|e| {
            let text = |key: &str| e[key].as_str().unwrap_or_default().to_owned();
            format!(
                "device {} {} {}h {} +{} {}",
                e["device"],
                text("kind"),
                e["function"],
                text("address"),
                e["quantity"],
                text("outcome")
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "device 1 read 3h 0x0100 +12 answered",
            "device 1 read 3h 0x0050 +1 refused",
            "device 1 write 6h 0x0200 +1 refused",
            "device 1 write 16h 0x0500 +3 answered",
            "device 1 write 6h 0x0203 +1 answered",
            "device 9 read 3h 0x0100 +2 unanswered",
            "device 1 read 3h 0x0203 +1 answered",
        ]
    );
}

/// So that a failing assertion shows all that was said.
impl std::fmt::Debug for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit code {}\n{}{}", self.code, self.out, self.notes)
    }
}
