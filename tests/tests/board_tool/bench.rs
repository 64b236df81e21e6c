//! A board on a pty, the tool beside it, and an ear on the wire between.

use clap::Parser;
use domain::model::{Block, DeviceModel, Register, parse_model};
use jigline_tests::demo::workspace_root;
use serde::Deserialize;
use serde_json::{Value, json};
use simulator::{
    Birth, Fault, Knobs, Observation,
    firmware::build_image,
    fixture::FixtureCommand,
    port::{MemoryPort, Port, PtyPort},
    slot::{Slot, SlotNews, SlotOrder},
};
use station::{
    board::Secret,
    tool::{self, BoardArgs, Desk},
};
use std::{
    io,
    path::{Path, PathBuf},
    pin::Pin,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    sync::{mpsc, oneshot},
};

pub const BAUD: u32 = 115_200;
pub const FACTORY: &str = "123456";
const MODEL: &str = "profiles/models/topbms.toml";

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    board: BoardArgs,
}

/// What a draft holds.
#[derive(Deserialize)]
pub struct Draft {
    pub block: Vec<Block>,
    pub register: Vec<Register>,
}

/// What the tool said.
pub struct Said {
    pub code: u8,
    pub out: String,
    pub notes: String,
    /// The lines of `out`, where it was asked for JSON.
    pub json: Vec<Value>,
}

impl Said {
    /// The first of that kind.
    pub fn event(&self, kind: &str) -> &Value {
        self.events(kind).first().copied().unwrap_or_else(|| panic!("no {kind} was said:\n{self:?}"))
    }

    pub fn events(&self, kind: &str) -> Vec<&Value> {
        self.json.iter().filter(|line| line["event"] == kind).collect()
    }
}

/// Runs the tool as its program does, without a terminal.
async fn run(arguments: Vec<String>, password: Option<&str>, new: Option<&str>) -> Said {
    let json = arguments.iter().any(|argument| argument == "--json");
    let (mut out, mut notes) = (Vec::new(), Vec::new());
    let cli = match Cli::try_parse_from([&["board".to_owned()], &arguments[..]].concat()) {
        Ok(cli) => cli,
        Err(error) => panic!("{error}"),
    };
    let mut desk = Desk {
        board_password: password.map(Secret::new),
        new_password: new.map(Secret::new),
        ..Desk::unattended(&mut out, &mut notes)
    };
    let code = tool::run(cli.board, &mut desk).await.map_or_else(|fault| fault.exit_code(), |()| 0);
    drop(desk);
    let out = String::from_utf8(out).unwrap();
    let lines = out.lines().filter(|_| json).map(|line| serde_json::from_str(line).unwrap()).collect();
    Said { code, out, notes: String::from_utf8(notes).unwrap(), json: lines }
}

fn model(file: &str) -> Arc<DeviceModel> {
    let text = std::fs::read_to_string(workspace_root().join(file)).unwrap();
    let mut model = parse_model(file, &text).unwrap();
    model.link.baud = BAUD;
    if let Some(boot) = &mut model.boot {
        boot.baud = BAUD;
    }
    Arc::new(model)
}

/// One powered board in a slot.
struct Board {
    orders: mpsc::UnboundedSender<SlotOrder>,
    slot: tokio::task::JoinHandle<()>,
    _news: mpsc::UnboundedReceiver<SlotNews>,
}

impl Board {
    async fn start(
        model: Arc<DeviceModel>,
        port: impl Port + 'static,
        fault: Option<Fault>,
        knobs: Knobs,
    ) -> Self {
        let image = model.loader().map(|_| build_image(&model, "V1.8", 16 * 1024, 1).unwrap());
        let image = image.unwrap_or_default();
        let birth = Birth::new(0, 42, fault, image.into()).with_knobs(knobs);
        let (orders, inbox) = mpsc::unbounded_channel();
        let (news, heard) = mpsc::unbounded_channel();
        orders.send(SlotOrder::Insert { index: 0, birth: Box::new(birth) }).unwrap();
        let operator = simulator::operator::Operator::default();
        let slot = Slot { number: 1, model, port, orders: inbox, news, operator, supplied: true };
        let slot = tokio::spawn(async move { slot.run().await.unwrap() });
        let board = Self { orders, slot, _news: heard };
        while board.observe().await.mode != simulator::Mode::Application {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        board
    }

    async fn observe(&self) -> Observation {
        let (answer, seen) = oneshot::channel();
        self.orders.send(SlotOrder::Observe(answer)).unwrap();
        seen.await.unwrap().unwrap()
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        self.slot.abort();
    }
}

/// Counts what the client says.
struct Counted<P> {
    port: P,
    heard: Arc<AtomicU64>,
}

impl<P: Port> Port for Counted<P> {
    fn client_baud(&self) -> u32 {
        self.port.client_baud()
    }

    fn look_after(&mut self) {
        self.port.look_after();
    }
}

impl<P: Port> AsyncRead for Counted<P> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let outcome = ready!(Pin::new(&mut self.port).poll_read(cx, buf));
        self.heard.fetch_add((buf.filled().len() - before) as u64, Ordering::SeqCst);
        Poll::Ready(outcome)
    }
}

impl<P: Port> AsyncWrite for Counted<P> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.port).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.port).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.port).poll_shutdown(cx)
    }
}

/// A board on a pty and a counter of the bytes that reach it.
pub struct Bench {
    pub model: Arc<DeviceModel>,
    file: String,
    folder: TempDir,
    port: String,
    board: Board,
    heard: Arc<AtomicU64>,
}

impl Bench {
    pub async fn new() -> Self {
        Self::build(MODEL, None, Knobs::default()).await
    }

    /// A board of another model. Where no setting counts its cells, and the model is not for one number of them, they are fourteen.
    pub async fn of_model(file: &str) -> Self {
        let known = model(file);
        let is_for_one = known.ratings.as_ref().is_some_and(|own| own.min_cells == known.cells.max);
        let cells = if is_for_one { 0 } else { 14 };
        Self::build(file, None, Knobs { cells, ..Knobs::default() }).await
    }

    pub async fn with(fault: Option<Fault>) -> Self {
        Self::build(MODEL, fault, Knobs::default()).await
    }

    pub async fn with_knob(setting: &str) -> Self {
        let mut knobs = Knobs::default();
        knobs.turn(setting).unwrap();
        Self::build(MODEL, None, knobs).await
    }

    async fn build(file: &str, fault: Option<Fault>, knobs: Knobs) -> Self {
        let (model, folder) = (model(file), tempfile::tempdir().unwrap());
        let mut pty = PtyPort::open(BAUD).unwrap();
        let device = folder.path().join("board");
        pty.link(&device).unwrap();
        let heard = Arc::new(AtomicU64::new(0));
        let port = Counted { port: pty, heard: Arc::clone(&heard) };
        let board = Board::start(Arc::clone(&model), port, fault, knobs).await;
        let file = file.to_owned();
        Self { model, file, folder, port: device.display().to_string(), board, heard }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn profile(&self) -> String {
        workspace_root().join("profiles/parameters/topbms-12s-lto-200a.toml").display().to_string()
    }

    pub fn image(&self, version: &str) -> Vec<u8> {
        build_image(&self.model, version, 12 * 1024, 7).unwrap()
    }

    /// Bytes that reached the board.
    pub fn heard(&self) -> u64 {
        self.heard.load(Ordering::SeqCst)
    }

    pub async fn observe(&self) -> Observation {
        self.board.observe().await
    }

    pub fn load_ma(&self, load_ma: u32) {
        let order = SlotOrder::Fixture(FixtureCommand::SetLoad { slot: 1, load_ma });
        self.board.orders.send(order).unwrap();
    }

    /// With the factory's password at hand and a new one.
    pub async fn tool(&self, arguments: &[&str]) -> Said {
        self.tool_with(Some(FACTORY), Some("135790"), arguments).await
    }

    pub async fn tool_with(&self, password: Option<&str>, new: Option<&str>, arguments: &[&str]) -> Said {
        run(arguments_for(&self.file, &self.port, arguments, true), password, new).await
    }

    pub async fn tool_on(&self, port: &str, arguments: &[&str]) -> Said {
        run(arguments_for(&self.file, port, arguments, true), Some(FACTORY), None).await
    }

    pub async fn text(&self, arguments: &[&str]) -> Said {
        run(arguments_for(&self.file, &self.port, arguments, false), Some(FACTORY), None).await
    }

    pub async fn scan(&self, arguments: &[&str]) -> Said {
        let models = workspace_root().join(MODEL).display().to_string();
        let scan = ["scan", "--json", "--models", &models, "--port", &self.port];
        run([&scan[..], arguments].concat().into_iter().map(str::to_owned).collect(), None, None).await
    }
}

fn arguments_for(file: &str, port: &str, arguments: &[&str], json: bool) -> Vec<String> {
    let model = workspace_root().join(file).display().to_string();
    let baud = BAUD.to_string();
    let more = ["--port", port, "--model", &model, "--baud", &baud];
    let json = if json { &["--json"][..] } else { &[] };
    [arguments, &more, json].concat().into_iter().map(str::to_owned).collect()
}

/// A board on a bus with two sockets: one for a master, one for somebody who listens.
pub struct Tap {
    folder: TempDir,
    master: PathBuf,
    listener: PathBuf,
    _board: Board,
    pump: tokio::task::JoinHandle<()>,
    spoken: Arc<AtomicU64>,
}

impl Tap {
    pub async fn new() -> Self {
        let (model, folder) = (model(MODEL), tempfile::tempdir().unwrap());
        let (port, socket) = MemoryPort::new(BAUD);
        let board = Board::start(model, port, None, Knobs::default()).await;
        let (mut near, mut ear) = (PtyPort::open(BAUD).unwrap(), PtyPort::open(BAUD).unwrap());
        let (master, listener) = (folder.path().join("master"), folder.path().join("listener"));
        near.link(&master).unwrap();
        ear.link(&listener).unwrap();
        let spoken = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&spoken);
        let pump = tokio::spawn(async move {
            let mut board = socket.connect().stream;
            let (mut asked, mut answered, mut said) = ([0; 512], [0; 512], [0; 512]);
            loop {
                tokio::select! {
                    Ok(count) = near.read(&mut asked) => {
                        ear.write_all(&asked[..count]).await.unwrap();
                        board.write_all(&asked[..count]).await.unwrap();
                    }
                    Ok(count) = board.read(&mut answered) => {
                        ear.write_all(&answered[..count]).await.unwrap();
                        near.write_all(&answered[..count]).await.unwrap();
                    }
                    Ok(bytes) = ear.read(&mut said) => {
                        count.fetch_add(bytes as u64, Ordering::SeqCst);
                    }
                }
            }
        });
        Self { folder, master, listener, _board: board, pump, spoken }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Bytes that the listener put on the bus.
    pub fn bytes_from_listener(&self) -> u64 {
        self.spoken.load(Ordering::SeqCst)
    }

    pub async fn sniff(&self, arguments: &[&str]) -> Said {
        let (port, baud) = (self.listener.display().to_string(), BAUD.to_string());
        let model = workspace_root().join(MODEL).display().to_string();
        let sniff = ["sniff", "--json", "--port", &port, "--baud", &baud, "--model", &model];
        run([&sniff[..], arguments].concat().into_iter().map(str::to_owned).collect(), None, None).await
    }

    pub async fn work(&self, arguments: &[&str]) -> Said {
        run(arguments_for(MODEL, &self.master.display().to_string(), arguments, true), Some(FACTORY), None)
            .await
    }

    /// A stranger's master.
    pub async fn python(&self, script: &str) {
        let child = tokio::process::Command::new("python3")
            .arg("-c")
            .arg(script)
            .arg(&self.master)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .output();
        let output = child.await.unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "python3 with pymodbus and pyserial is needed (pip install pymodbus==3.16.1 pyserial==3.5):\n{errors}"
        );
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

/// Reads cells, asks for a hole, writes without a password, opens, writes, asks a device that is not there.
pub const MASTER: &str = r#"
import sys, time
from pymodbus.client import ModbusSerialClient
client = ModbusSerialClient(sys.argv[1], baudrate=115200, timeout=1.5, retries=0)
assert client.connect()
time.sleep(0.3)
assert len(client.read_holding_registers(0x0100, count=12, device_id=1).registers) == 12
assert client.read_holding_registers(0x0050, count=1, device_id=1).exception_code == 2
assert client.write_register(0x0200, 4100, device_id=1).exception_code == 4
assert not client.write_registers(0x0500, [0x3132, 0x3334, 0x3536], device_id=1).isError()
assert not client.write_register(0x0203, 6, device_id=1).isError()
time.sleep(0.1)
try:
    client.read_holding_registers(0x0100, count=2, device_id=9)
except Exception:
    pass
if not client.connected:
    assert client.connect()
assert client.read_holding_registers(0x0203, count=1, device_id=1).registers == [6]
"#;

/// The kinds of values in the place of the values; a map of many names shows one of them.
pub fn shape(value: &Value) -> Value {
    match value {
        Value::Object(map) if map.contains_key("event") => map
            .iter()
            .map(|(key, value)| (key.clone(), if key == "event" { value.clone() } else { shape(value) }))
            .collect(),
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), shape(value))).collect(),
        Value::Array(items) => json!(items.first().map(shape).into_iter().collect::<Vec<_>>()),
        Value::String(_) => json!("text"),
        Value::Number(_) => json!("number"),
        Value::Bool(_) => json!("yes or no"),
        Value::Null => json!("none"),
    }
}

/// Records of sixteen bytes, as a linker writes them.
pub fn intel_hex(start: u32, bytes: &[u8]) -> String {
    let record = |address: u16, kind: u8, data: &[u8]| {
        let [high, low] = address.to_be_bytes();
        let mut record = vec![data.len() as u8, high, low, kind];
        record.extend(data);
        let sum = record.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
        record.push(sum.wrapping_neg());
        format!(":{}\n", hex::encode_upper(record))
    };
    let mut text = String::new();
    let mut page = None;
    for (at, data) in (start..).step_by(16).zip(bytes.chunks(16)) {
        if page != Some(at >> 16) {
            page = Some(at >> 16);
            text += &record(0, 4, &((at >> 16) as u16).to_be_bytes());
        }
        text += &record(at as u16, 0, data);
    }
    text + &record(0, 1, &[])
}
