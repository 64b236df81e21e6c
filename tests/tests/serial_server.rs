//! A simulated board behind a serial server: real sockets in real time, the board's bytes in memory. The technician's tool and a link
//! of the station speak to it as to any other.

#![expect(clippy::unwrap_used, reason = "a test: what fails here is the test's result")]

use clap::Parser;
use domain::{model::parse_model, record::FoundState, text::FaultCode};
use jigline_tests::demo::workspace_root;
use simulator::jig::{JigSettings, MemoryJig};
use station::{
    board::{BoardReply, BoardRequest},
    link::{BoardLink, Line, LinkOptions},
    tool::{self, BoardArgs, Desk},
};
use std::{io, path::Path, sync::Arc};
use tokio::task::JoinHandle;

const MODEL: &str = "profiles/models/topbms.toml";

/// A port of a serial server with a board on it: one client at a time, as such servers are.
async fn serial_server() -> (String, JoinHandle<io::Result<()>>, MemoryJig) {
    server_of(MODEL).await
}

async fn server_of(file: &str) -> (String, JoinHandle<io::Result<()>>, MemoryJig) {
    let text = std::fs::read_to_string(workspace_root().join(file)).unwrap();
    let settings = JigSettings::one_board(Arc::new(parse_model(file, &text).unwrap()), 5);
    let jig = MemoryJig::start(settings).unwrap();
    let socket = jig.socket(1).unwrap().clone();
    let listener = simulator::serial_server::listen(([127, 0, 0, 1], 0).into(), 1).await.unwrap();
    let device = format!("tcp:{}", listener.local_addr().unwrap());
    let server = tokio::spawn(simulator::serial_server::serve(listener, socket));
    (device, server, jig)
}

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    board: BoardArgs,
}

async fn board(words: &[&str]) -> anyhow::Result<String> {
    let cli = Cli::try_parse_from(["board"].iter().chain(words))?;
    let (mut out, mut notes) = (Vec::new(), Vec::new());
    tool::run(cli.board, &mut Desk::unattended(&mut out, &mut notes)).await?;
    Ok(String::from_utf8(out)?)
}

fn shown(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test]
async fn the_tool_reads_a_board_behind_a_serial_server_and_replays_what_it_recorded() -> anyhow::Result<()> {
    let (device, _server, _jig) = serial_server().await;
    let folder = tempfile::tempdir()?;
    let (model, log) = (workspace_root().join(MODEL), folder.path().join("probe.wire"));
    let found =
        board(&["probe", "--port", &device, "--model", shown(&model), "--record", shown(&log)]).await?;
    assert!(found.contains("application") && found.contains("firmware: V1.8"), "{found}");
    // The server takes the next client when the first one has left.
    let read = board(&["read", "--port", &device, "--model", shown(&model), "cell_count"]).await?;
    assert!(read.contains("\ncell_count "), "{read}");
    let told = board(&["replay", shown(&log), "--model", shown(&model)]).await?;
    for part in [
        device.as_str(),
        "topbms revision 3",
        "hardware_model = TBA-32S-R2",
        "firmware_version = V1.8",
        "; ok after",
    ] {
        assert!(told.contains(part), "{part} is missing:\n{told}");
    }
    // A command that fails leaves its log as well.
    let failed = folder.path().join("failed.wire");
    // The board is locked, and nobody gives its password.
    let (port, record) = (["--port", &device, "--model", shown(&model)], ["--record", shown(&failed)]);
    let ask = [&["write", "charge_delay_s=6", "--engineering"][..], &port, &record].concat();
    assert!(board(&ask).await.is_err());
    assert!(board(&["replay", shown(&failed)]).await?.contains("requests"));
    Ok(())
}

#[tokio::test]
async fn a_board_that_counts_addresses_in_bytes_is_read_behind_a_serial_server() -> anyhow::Result<()> {
    let model = workspace_root().join("profiles/models/jk-pb.toml");
    let (device, _server, jig) = server_of("profiles/models/jk-pb.toml").await;
    let read = board(&["read", "--port", &device, "--model", shown(&model), "cell_over_voltage_mv"]).await?;
    let kept = jig.jig.observe(1).await.unwrap().parameters;
    assert!(
        read.contains("\ncell_over_voltage_mv ") && read.contains(&kept["cell_over_voltage_mv"]),
        "{read}"
    );
    Ok(())
}

#[tokio::test]
async fn a_serial_server_that_restarts_is_named_and_its_board_is_not_reached_on_a_new_line_until_it_is_back()
{
    let (device, server, _jig) = serial_server().await;
    let text = std::fs::read_to_string(workspace_root().join(MODEL)).unwrap();
    let model = Arc::new(parse_model(MODEL, &text).unwrap());
    let open = || {
        BoardLink::new(
            Line::open(&device, model.link.baud).unwrap(),
            Arc::clone(&model),
            LinkOptions::default(),
        )
    };
    let probe = BoardRequest::Probe { silent_ms: 5000 };
    let mut link = open();
    let found = link.execute(probe.clone(), &mut |_| {}).await.unwrap();
    assert_eq!(found.reply, BoardReply::Found(FoundState::Application));
    server.abort();
    assert!(server.await.is_err());
    let fault = link.execute(BoardRequest::ReadIdentity, &mut |_| {}).await.unwrap_err();
    assert_eq!((fault.code, &fault.args["device"]), (FaultCode::PortVanished, &device));
    // Nobody listens there now.
    let fault = open().execute(probe, &mut |_| {}).await.unwrap_err();
    assert_eq!(fault.code, FaultCode::PortNotOpened, "{fault:?}");
}
