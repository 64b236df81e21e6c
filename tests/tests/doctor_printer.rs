//! What the doctor says of a label printer: the simulated one in each of its troubles, a device, and a port where nobody listens. Nothing ever
//! comes out of it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may end so")]

use domain::doctor::{Area, FindingCode as Code, FindingState};
use simulator::printer::{
    Language,
    serve::{Settings, read_printed, serve},
};
use station::{
    config::StationConfig,
    doctor::{LookOrder, System, look},
};
use std::{fs, path::Path, time::Duration};
use tempfile::TempDir;
use tokio::net::TcpListener;

/// What is said of the printer, without what is said of its font.
async fn said(folder: &Path, to: &str, language: &str) -> Vec<(Code, FindingState, Option<String>)> {
    let settings = folder.join("station.toml");
    let key = "11".repeat(32);
    let text = format!(
        "name = \"jig-1\"\ndata = {:?}\nserver = \"http://127.0.0.1:1\"\nstation_id = \"0190a000-0000-7000-8000-000000000001\"\n\
         key = \"none\"\nrelease_key = \"{key}\"\nsealing_key = \"{key}\"\nplaceholder_key = \"{key}\"\nfixture = \"127.0.0.1:1\"\n\
         [label_printer]\nto = {to:?}\nlanguage = {language:?}\ndpi = 203\n\
         [[slot]]\nnumber = 1\ndevice = \"tcp:127.0.0.1:1\"\n",
        folder.join("data"),
    );
    fs::write(&settings, text).unwrap();
    let order = LookOrder {
        config: StationConfig::load(&settings),
        settings,
        program: "0.1.0".to_owned(),
        now: "2026-11-28T12:00:00Z".parse().unwrap(),
        service: None,
        is_the_station: false,
    };
    let found = look(&order, &System::here()).await;
    let fonts = [Code::FontGood, Code::FontMissing, Code::FontWithoutChinese];
    let of_printer = |code: Code| code.area() == Area::Labels && !fonts.contains(&code);
    found
        .into_iter()
        .filter(|one| of_printer(one.code))
        .map(|one| (one.code, one.state(), one.args.get("detail").cloned()))
        .collect()
}

/// With the simulated printer, as it stands with a file called `trouble` in its folder.
async fn said_of(language: Language, trouble: Option<&str>) -> (Code, FindingState) {
    let folder = TempDir::new().unwrap();
    let printer = folder.path().join("printer");
    fs::create_dir(&printer).unwrap();
    if let Some(trouble) = trouble {
        fs::write(printer.join(trouble), "").unwrap();
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = format!("tcp:{}", listener.local_addr().unwrap());
    let settings =
        Settings { language, dots_per_mm: 8, label: Duration::from_millis(1), folder: printer.clone() };
    let word = match language {
        Language::Zpl => "zpl",
        Language::Tspl => "tspl",
    };
    let found = tokio::select! {
        ended = serve(listener, &settings) => panic!("the printer went: {ended:?}"),
        found = said(folder.path(), &to, word) => found,
    };
    assert_eq!(read_printed(&printer).unwrap(), [], "a look prints nothing");
    let [(code, state, _)] = found.as_slice() else { panic!("{found:?}") };
    (*code, *state)
}

#[tokio::test]
async fn a_printer_says_in_both_languages_what_it_lacks_and_prints_nothing() {
    let broken = FindingState::Broken;
    for language in [Language::Zpl, Language::Tspl] {
        assert_eq!(said_of(language, None).await, (Code::PrinterReady, FindingState::Good), "{language:?}");
        for (trouble, code) in [
            ("paper-out", Code::PrinterPaperOut),
            ("head-open", Code::PrinterHeadOpen),
            ("ribbon-out", Code::PrinterRibbonOut),
            ("paused", Code::PrinterPaused),
        ] {
            assert_eq!(said_of(language, Some(trouble)).await, (code, broken), "{language:?} {trouble}");
        }
    }
}

#[tokio::test]
async fn a_printer_that_says_nothing_of_itself_is_there_and_nobody_knows_how_it_stands() {
    let found = said_of(Language::Zpl, Some("mute")).await;
    assert_eq!(found, (Code::PrinterMute, FindingState::Unknown));
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_a_printer_that_can_t_be_reached() {
    let folder = TempDir::new().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let found = said(folder.path(), &format!("tcp:{address}"), "zpl").await;
    let [(Code::PrinterSilent, FindingState::Broken, Some(detail))] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert!(detail.contains(&address) && detail.contains("refused"), "{detail}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_device_is_there_or_not_and_nothing_is_written_to_it() {
    let folder = TempDir::new().unwrap();
    let device = folder.path().join("lp0");
    let to = format!("device:{}", device.display());
    let found = said(folder.path(), &to, "tspl").await;
    assert_eq!(found, [(Code::PrinterDeviceMissing, FindingState::Broken, None)]);
    fs::write(&device, "").unwrap();
    let found = said(folder.path(), &to, "tspl").await;
    assert_eq!(found, [(Code::PrinterDeviceGood, FindingState::Good, None)]);
    assert_eq!(fs::read(&device).unwrap(), b"");
}
