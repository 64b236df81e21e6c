//! A simulated board behind a serial server: real sockets in real time, the board's bytes in memory. The technician's tool and a link
//! of the station speak to it as to any other.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test: what fails here is the test's result")]

use clap::Parser;
use domain::{model::parse_model, record::FoundState, text::FaultCode};
use jigline_tests::demo::workspace_root;
use simulator::{
    Birth, Observation,
    firmware::build_image,
    jig::{JigSettings, MemoryJig},
    port::PtyPort,
    slot::{Slot, SlotNews, SlotOrder},
};
use station::{
    board::{BoardReply, BoardRequest},
    link::{BoardLink, Line, LinkOptions},
    tool::{self, BoardArgs, Desk},
};
use std::{
    io,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

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
        "topbms revision 4",
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

/// pyserial's own server of COM port control, over a serial device: one client at a time, its bytes and its commands.
const RFC2217_SERVER: &str = r#"
import socket, sys, threading
import serial, serial.rfc2217
class Port(serial.Serial):
    # A pseudo terminal has no modem lines to look at.
    cts = dsr = ri = cd = property(lambda self: False)
port = Port(sys.argv[1], 57600, timeout=0.005)
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    client, _ = listener.accept()
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    class Connection:
        def write(self, data): client.sendall(data)
    manager = serial.rfc2217.PortManager(port, Connection())
    gone = threading.Event()
    def from_port():
        while not gone.is_set():
            data = port.read(port.in_waiting or 1)
            if data:
                try: client.sendall(b"".join(manager.escape(data)))
                except OSError: return
    reader = threading.Thread(target=from_port, daemon=True)
    reader.start()
    while True:
        try: data = client.recv(1024)
        except OSError: break
        if not data: break
        port.write(b"".join(manager.filter(data)))
    gone.set()
    reader.join()
    client.close()
"#;

/// A board on a pty whose loader speaks at another rate than its application, and pyserial's server before it.
struct RateSet {
    device: String,
    model: PathBuf,
    folder: TempDir,
    orders: mpsc::UnboundedSender<SlotOrder>,
    _news: mpsc::UnboundedReceiver<SlotNews>,
    _server: Child,
    slot: JoinHandle<()>,
}

impl RateSet {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = std::fs::read_to_string(workspace_root().join(MODEL)).unwrap();
        let (line, boot) = text.split_once("[boot]").unwrap();
        let text = format!(
            "{}[boot]{}",
            line.replacen("baud = 9600", "baud = 57600", 1),
            boot.replacen("baud = 9600", "baud = 115200", 1)
        );
        let file = folder.path().join("topbms.toml");
        std::fs::write(&file, &text).unwrap();
        let model = Arc::new(parse_model(MODEL, &text).unwrap());
        assert_eq!((model.link.baud, model.boot.as_ref().unwrap().baud), (57_600, 115_200));
        let port = PtyPort::open(57_600).unwrap();
        let pty = port.device().unwrap();
        let (orders, inbox) = mpsc::unbounded_channel();
        let (news, heard) = mpsc::unbounded_channel();
        let image = build_image(&model, "V1.8", 16 * 1024, 1).unwrap();
        let birth = Birth::new(0, 42, None, image.into());
        orders.send(SlotOrder::Insert { index: 0, birth: Box::new(birth) }).unwrap();
        let operator = simulator::operator::Operator::default();
        let slot = Slot {
            number: 1,
            model: Arc::clone(&model),
            port,
            orders: inbox,
            news,
            operator,
            supplied: true,
        };
        let slot = tokio::spawn(async move { slot.run().await.unwrap() });
        let mut server = Command::new("python3")
            .args(["-c", RFC2217_SERVER])
            .arg(&pty)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut said = BufReader::new(server.stdout.take().unwrap()).lines();
        let number = said.next_line().await.unwrap();
        let number = number.expect("python3 with pyserial is needed (pip install pyserial==3.5)");
        let device = format!("rfc2217:127.0.0.1:{number}");
        Self { device, model: file, folder, orders, _news: heard, _server: server, slot }
    }

    async fn observe(&self) -> Observation {
        let (answer, seen) = oneshot::channel();
        self.orders.send(SlotOrder::Observe(answer)).unwrap();
        seen.await.unwrap().unwrap()
    }
}

impl Drop for RateSet {
    fn drop(&mut self) {
        self.slot.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_board_of_two_rates_is_flashed_through_a_stranger_s_server_of_com_port_control()
-> anyhow::Result<()> {
    let bench = RateSet::start().await;
    let text = std::fs::read_to_string(&bench.model)?;
    let image = build_image(&parse_model(MODEL, &text).unwrap(), "V1.9", 12 * 1024, 7).unwrap();
    let file = bench.folder.path().join("image.bin");
    std::fs::write(&file, &image)?;
    let target = ["--port", &bench.device, "--model", shown(&bench.model)];
    let probe = board(&[&["probe"][..], &target].concat()).await?;
    assert!(probe.contains("application") && probe.contains("V1.8"), "{probe}");
    let flash = ["flash", "--engineering", "--image", shown(&file)];
    let flashed = board(&[&flash[..], &target].concat()).await?;
    assert!(flashed.contains("V1.9"), "{flashed}");
    let observed = bench.observe().await;
    assert_eq!((observed.mode, observed.restarts > 0), (simulator::Mode::Application, true));
    // The same port over a plain connection keeps its rate: such a board is refused before a byte is sent.
    let plain = bench.device.replace("rfc2217:", "tcp:");
    let refused = board(&["probe", "--port", &plain, "--model", shown(&bench.model)]).await.unwrap_err();
    assert!(refused.to_string().contains("cannot change its rate"), "{refused}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_port_without_com_port_control_is_named_with_what_to_set() {
    let (device, _server, _jig) = serial_server().await;
    let device = device.replace("tcp:", "rfc2217:");
    let probe =
        ["probe", "--port", &device, "--model", shown(&workspace_root().join(MODEL))].map(str::to_owned);
    let words: Vec<&str> = probe.iter().map(String::as_str).collect();
    let refused = board(&words).await.unwrap_err().to_string();
    for part in [device.as_str(), "did not give its consent", "RFC 2217", "tcp:HOST:PORT"] {
        assert!(refused.contains(part), "{part} is missing: {refused}");
    }
    let nameless = Line::open("rfc2217:10.0.0.7", 9600).unwrap_err();
    assert!(nameless.args["detail"].contains("rfc2217:HOST:PORT"), "{nameless:?}");
}
