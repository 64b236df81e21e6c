//! A small factory of real programs: server with its private PostgreSQL, jig, station, and the API as a script uses it.

use crate::{
    demo::Account,
    memory_station::SEALING_KEY,
    programs::{Program, program},
};
use anyhow::{Context as _, bail, ensure};
use ed25519_dalek::SigningKey;
use reqwest::{Method, header};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};
use tokio::time::Instant;

/// initdb, migrations, import.
const SERVER_WITHIN: Duration = Duration::from_secs(90);
const JIG_WITHIN: Duration = Duration::from_secs(30);
/// No test has a page open for longer.
const STREAMS_AT_MOST: Duration = Duration::from_secs(24 * 3600);
pub const MODEL: &str = "profiles/models/topbms.toml";
pub const PROFILE: &str = "topbms-12s-lto-200a";
pub const VERSION: &str = "1.9";

/// What the server answered.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub mime: String,
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON; null where it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A server with an account's token for each role.
#[derive(Debug)]
pub struct Server {
    pub program: Program,
    pub base_url: String,
    pub database_url: String,
    client: reqwest::Client,
    tokens: BTreeMap<String, String>,
    folder: PathBuf,
    profiles: PathBuf,
}

/// `jigline-server serve`, and its first line.
async fn serve(folder: &Path, profiles: &Path, listen: &str) -> anyhow::Result<(Program, Value)> {
    let mut command = program("jigline-server")?;
    command.args(["serve", "--listen", listen, "--data"]).arg(folder.join("server"));
    command.arg("--profiles").arg(profiles).arg("--bootstrap-accounts").arg(folder.join("accounts.json"));
    let mut program = Program::start("server", command, folder)?;
    let said = program.ready(SERVER_WITHIN).await?;
    Ok((program, said))
}

impl Server {
    /// Starts one on FOLDER/server with these profiles and signs everybody in.
    ///
    /// # Errors
    /// When it is not ready: with its log.
    pub async fn start(folder: &Path, profiles: &Path) -> anyhow::Result<Self> {
        let accounts_file = folder.join("accounts.json");
        let (program, said) = serve(folder, profiles, "127.0.0.1:0").await?;
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build()?;
        let (base_url, database_url) = (text(&said, "/base_url"), text(&said, "/database_url"));
        let (folder, profiles) = (folder.to_owned(), profiles.to_owned());
        let tokens = BTreeMap::new();
        let mut server = Self { program, base_url, database_url, client, tokens, folder, profiles };
        let accounts: BTreeMap<String, Account> = serde_json::from_slice(&std::fs::read(&accounts_file)?)?;
        for (role, account) in accounts {
            let token = server.sign_in(&account).await?;
            server.tokens.insert(role, token);
        }
        Ok(server)
    }

    /// SIGKILL; its PostgreSQL lives on.
    ///
    /// # Errors
    /// When it does not end by that.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.program.signal("KILL");
        self.program.ended(Duration::from_secs(10)).map(|_| ())
    }

    /// Starts it again where it was.
    ///
    /// # Errors
    /// When it is not ready: with its log.
    pub async fn come_back(&mut self) -> anyhow::Result<()> {
        let listen = self.base_url.trim_start_matches("http://").to_owned();
        self.program = serve(&self.folder, &self.profiles, &listen).await?.0;
        Ok(())
    }

    async fn sign_in(&self, account: &Account) -> anyhow::Result<String> {
        let form = json!({ "username": account.username, "password": account.password });
        let answer = self.client.post(format!("{}/api/v1/session", self.base_url)).json(&form).send().await?;
        let cookie = answer.headers().get(header::SET_COOKIE).context("signed in without a cookie")?;
        let cookie = cookie.to_str()?.split(';').next().unwrap_or_default().to_owned();
        let request = self.client.post(format!("{}/api/v1/tokens", self.base_url));
        let answer = request.header(header::COOKIE, cookie).json(&json!({ "label": "test" })).send().await?;
        Ok(text(&answer.json().await?, "/token"))
    }

    /// Asks as that role, or with a bearer key of one's own.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn ask(
        &self,
        who: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Answer> {
        let token = self.tokens.get(who).map_or(who, String::as_str);
        let mut request = self.client.request(method, format!("{}{path}", self.base_url)).bearer_auth(token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await?;
        let mime = answer.headers().get(header::CONTENT_TYPE).and_then(|mime| mime.to_str().ok());
        let (status, mime) = (answer.status().as_u16(), mime.unwrap_or_default().to_owned());
        Ok(Answer { status, mime, body: answer.bytes().await?.into() })
    }

    /// Opens a stream that goes on until somebody drops it.
    ///
    /// # Errors
    /// When the server does not answer, or refuses.
    pub async fn open_stream(&self, who: &str, path: &str) -> anyhow::Result<reqwest::Response> {
        let token = self.tokens.get(who).map_or(who, String::as_str);
        let request = self.client.get(format!("{}{path}", self.base_url)).bearer_auth(token);
        Ok(request.timeout(STREAMS_AT_MOST).send().await?.error_for_status()?)
    }

    /// # Errors
    /// As [`Server::ask`], or it refuses.
    pub async fn get(&self, who: &str, path: &str) -> anyhow::Result<Value> {
        let answer = self.ask(who, Method::GET, path, None).await?;
        ensure!(answer.status < 300, "GET {path}: {} {}", answer.status, answer.text());
        Ok(answer.json())
    }

    /// # Errors
    /// As [`Server::get`].
    pub async fn send(&self, who: &str, method: Method, path: &str, body: Value) -> anyhow::Result<Value> {
        let answer = self.ask(who, method, path, Some(&body)).await?;
        ensure!(answer.status < 300, "{path}: {} {}", answer.status, answer.text());
        Ok(answer.json())
    }

    /// What the database itself says, one line a row, columns parted by `|`.
    ///
    /// # Errors
    /// When psql is missing or the question is wrong.
    pub fn sql(&self, question: &str) -> anyhow::Result<Vec<String>> {
        let psql = Command::new("psql").args([&self.database_url, "-XAtc", question]).output();
        let output = psql.context("psql can't be started; install Debian's package postgresql-client")?;
        ensure!(output.status.success(), "{question}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
    }
}

impl Drop for Server {
    /// A server that was killed and did not come back has left its PostgreSQL behind.
    fn drop(&mut self) {
        self.program.stop();
        let cluster = self.folder.join("server/postgres/data");
        let lock = std::fs::read_to_string(cluster.join("postmaster.pid"));
        if let Some(pid) = lock.ok().and_then(|lock| lock.lines().next().map(str::to_owned)) {
            // A pid may have passed to another process: ours has our cluster for its working directory.
            let at = std::fs::read_link(format!("/proc/{pid}/cwd"));
            if matches!((at, cluster.canonicalize()), (Ok(at), Ok(cluster)) if at == cluster) {
                let _ = Command::new("kill").args(["-INT", &pid]).status();
            }
        }
    }
}

/// A text in an answer; empty where it is missing.
#[must_use]
pub fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A firmware image of `bytes`, base16.
///
/// # Errors
/// When the simulator does not build one.
pub fn image_hex(folder: &Path, bytes: u32) -> anyhow::Result<String> {
    let path = folder.join("image.bin");
    let mut command = program("jigline-simulator")?;
    command.args(["firmware", "--model", MODEL, "--version", VERSION, "--size", &bytes.to_string(), "--out"]);
    let output = command.arg(&path).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(hex::encode(std::fs::read(path)?))
}

/// The form of a bundle for the boards of the jig.
///
/// # Errors
/// When the server knows no profile for them.
pub async fn bundle(server: &Server, image_hex: &str) -> anyhow::Result<Value> {
    let known = server.get("engineer", "/api/v1/profiles").await?;
    let known = known.pointer("/items").and_then(Value::as_array).cloned().unwrap_or_default();
    let profile = known.iter().find(|profile| text(profile, "/id") == PROFILE);
    let revision =
        profile.and_then(|profile| profile.get("revision")).context("the profile is not imported")?;
    Ok(json!({
        "model_id": "topbms", "profile_id": PROFILE, "profile_revision": revision,
        "procedure_id": "topbms-birth", "firmware_version": VERSION, "image_hex": image_hex,
    }))
}

/// What a line is to be.
#[derive(Debug, Clone)]
pub struct Plan {
    pub slots: u16,
    pub boards: u32,
    pub faulty: u32,
    pub baud: u32,
}

/// A jig and what the server knows of it; no station runs yet.
#[derive(Debug)]
pub struct Floor {
    pub jig: Program,
    /// Its slots' devices; replace what the station is to find elsewhere.
    pub devices: Vec<PathBuf>,
    pub station_key: String,
    pub batch_id: String,
    enrolled: Value,
    fixture: String,
    plan: Plan,
    folder: PathBuf,
}

impl Floor {
    /// Releases a bundle, makes a batch, enrols a station and starts the jig.
    ///
    /// # Errors
    /// When anything of it is refused.
    pub async fn prepare(server: &Server, folder: &Path, plan: Plan) -> anyhow::Result<Self> {
        let form = bundle(server, &image_hex(folder, 8 * 1024)?).await?;
        let hash = text(&server.send("engineer", Method::POST, "/api/v1/bundles", form).await?, "/hash");
        server.send("quality", Method::POST, &format!("/api/v1/bundles/{hash}/release"), json!({})).await?;
        let form = json!({ "name": "B-1", "customer": "Test", "bundle": hash, "quantity": plan.boards * 2 });
        let batch_id =
            text(&server.send("engineer", Method::POST, "/api/v1/batches", form).await?, "/batch_id");
        let form = json!({ "name": "jig-1", "slots": plan.slots, "simulated": true });
        let enrolled = server.send("admin", Method::POST, "/api/v1/stations", form).await?;
        let path = format!("/api/v1/stations/{}/assignment", text(&enrolled, "/station_id"));
        server.send("engineer", Method::PUT, &path, json!({ "batch_id": batch_id })).await?;
        Self::with_jig(folder, plan, enrolled, batch_id, &[]).await
    }

    /// The same jig, whose operator answers nothing: somebody at a page does.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn with_silent_operator(self) -> anyhow::Result<Self> {
        let Self { jig, enrolled, batch_id, plan, folder, .. } = self;
        drop(jig);
        Self::with_jig(&folder, plan, enrolled, batch_id, &["--answers", "never"]).await
    }

    /// A jig for a station that was enrolled with a server that nobody can reach.
    ///
    /// # Errors
    /// When the jig does not start.
    pub async fn without_server(folder: &Path, plan: Plan) -> anyhow::Result<Self> {
        let release_key = hex::encode(SigningKey::from_bytes(&[7; 32]).verifying_key().as_bytes());
        let enrolled = json!({
            "station_id": "0190a000-0000-7000-8000-000000000001", "key": "none", "release_key": release_key,
            "sealing_key": SEALING_KEY,
            "placeholder_key": "11".repeat(32),
        });
        Self::with_jig(folder, plan, enrolled, String::new(), &[]).await
    }

    async fn with_jig(
        folder: &Path,
        plan: Plan,
        enrolled: Value,
        batch_id: String,
        more: &[&str],
    ) -> anyhow::Result<Self> {
        let mut command = program("jigline-simulator")?;
        command.args(["jig", "--model", MODEL, "--data"]).arg(folder.join("jig"));
        command.arg("--reveal-passwords").arg(folder.join("passwords.json"));
        for (option, value) in [
            ("--slots", u32::from(plan.slots)),
            ("--boards", plan.boards),
            ("--faulty", plan.faulty),
            ("--baud", plan.baud),
        ] {
            command.args([option, &value.to_string()]);
        }
        command.args(more);
        let mut jig = Program::start("jig", command, folder)?;
        let said = jig.ready(JIG_WITHIN).await?;
        let devices = said.get("slots").and_then(Value::as_array).context("the jig names no slots")?;
        let devices = devices.iter().filter_map(Value::as_str).map(PathBuf::from).collect();
        Ok(Self {
            jig,
            devices,
            station_key: text(&enrolled, "/key"),
            batch_id,
            enrolled,
            fixture: text(&said, "/fixture"),
            plan,
            folder: folder.to_owned(),
        })
    }

    /// Starts the station; it finds its server at `base_url`.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_station(&self, base_url: &str) -> anyhow::Result<Shift> {
        let mut config = format!(
            "name = \"jig-1\"\ndata = {:?}\nserver = {base_url:?}\nsimulated = true\noperator_page = \"127.0.0.1:0\"\nbaud = {}\nfixture = {:?}\n",
            self.folder.join("station"),
            self.plan.baud,
            self.fixture
        );
        for key in ["station_id", "key", "release_key", "sealing_key", "placeholder_key"] {
            config += &format!("{key} = {:?}\n", text(&self.enrolled, &format!("/{key}")));
        }
        for (number, device) in (1..).zip(&self.devices) {
            config += &format!("[[slot]]\nnumber = {number}\ndevice = {device:?}\n");
        }
        let path = self.folder.join("station.toml");
        std::fs::write(&path, config)?;
        let mut command = program("jigline-station")?;
        command.args(["run", "--progress", "json", "--config"]).arg(path);
        // All that a person can switch on at the jig: the search for passwords reads it.
        command.env("JIGLINE_LOG", "debug");
        let station = Program::start("station", command, &self.folder)?;
        Ok(Shift { station, slots: BTreeMap::new(), closed: Vec::new(), unsent: 0, held: 0, page: None })
    }

    /// What the jig's observer knows of each board.
    #[must_use]
    pub fn observed(&self) -> Vec<Value> {
        let read = std::fs::read(self.folder.join("jig/observer.json")).unwrap_or_default();
        serde_json::from_slice(&read).unwrap_or_default()
    }

    /// Whether every board is out of the jig.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let boards = self.observed();
        !boards.is_empty() && boards.iter().all(|board| board.get("removed") == Some(&Value::Bool(true)))
    }
}

/// A station at work, and what it has told.
#[derive(Debug)]
pub struct Shift {
    pub station: Program,
    /// What each slot shows.
    pub slots: BTreeMap<u64, Value>,
    /// Every line of a closed run.
    pub closed: Vec<Value>,
    pub unsent: u64,
    pub held: u64,
    /// Where the operator's page is, once it said so.
    pub page: Option<String>,
}

impl Shift {
    /// Reads what the station tells until `is_so`.
    ///
    /// # Errors
    /// When it is not within `within`: with what stood last, and the log.
    pub async fn until(
        &mut self,
        what: &str,
        within: Duration,
        mut is_so: impl FnMut(&Self) -> bool,
    ) -> anyhow::Result<()> {
        let deadline = Instant::now() + within;
        loop {
            if is_so(self) {
                return Ok(());
            }
            if Instant::now() >= deadline {
                bail!(
                    "not within {within:?}: {what}\nslots: {:#?}\nclosed: {:#?}\nunsent {}, held {}\n{}",
                    self.slots,
                    self.closed,
                    self.unsent,
                    self.held,
                    self.station.log()
                );
            }
            if let Some(line) = self.station.next_line(Duration::from_millis(100)).await {
                self.hear(&serde_json::from_str(&line).with_context(|| format!("no JSON: {line}"))?);
            }
        }
    }

    fn hear(&mut self, said: &Value) {
        match text(said, "/event").as_str() {
            "live" => {
                for slot in said.pointer("/live/slots").and_then(Value::as_array).into_iter().flatten() {
                    let number = slot.get("slot").and_then(Value::as_u64).unwrap_or_default();
                    self.slots.insert(number, slot.get("state").cloned().unwrap_or_default());
                }
            }
            "run_closed" => self.closed.push(said.clone()),
            "page" => self.page = Some(text(said, "/address")),
            "uplink" => {
                self.unsent = said.get("unsent").and_then(Value::as_u64).unwrap_or_default();
                self.held = said.get("held").and_then(Value::as_u64).unwrap_or_default();
            }
            _ => {}
        }
    }

    /// What a slot shows: `working`, `broken`, ...
    #[must_use]
    pub fn kind(&self, slot: u64) -> String {
        self.slots.get(&slot).map(|state| text(state, "/kind")).unwrap_or_default()
    }

    /// Runs of a slot that ended so.
    #[must_use]
    pub fn ended(&self, slot: u64, outcome: &str) -> usize {
        let is_it = |run: &&Value| {
            run.get("slot").and_then(Value::as_u64) == Some(slot) && text(run, "/outcome") == outcome
        };
        self.closed.iter().filter(is_it).count()
    }
}
