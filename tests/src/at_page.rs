//! The operator's page with everything real behind it and no other program: page, station and browser; the jig, its boards and the server are in
//! this process.

use crate::{
    browser::Browser,
    memory_server::{BundleFiles, MemoryServer},
    memory_station,
};
use anyhow::Result;
use domain::{api::setup::PortsView, ids::StationId, model::parse_model};
use rand::{SeedableRng as _, rngs::StdRng};
use simulator::{JigSettings, MemoryJig, faults::Fault, firmware::build_image};
use station::{
    agent::{Agent, AgentConfig},
    clock::Clock,
    fixture::fixture,
    link::LinkOptions,
    page::{Access, Looker, PageOrder, Setup, serve},
    ports::PortDoor,
    progress::Progress,
};
use std::{future::Future, net::TcpListener, sync::Arc};
use tokio::sync::mpsc::UnboundedReceiver;
use uuid::Uuid;

const STATION: StationId = StationId(Uuid::from_u128(42));
/// Bits per second: what a test has the time for.
const BAUD: u32 = 115_200;

/// What is worked.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    pub slots: u16,
    pub boards: u32,
    /// What all boards have, if they are bad.
    pub fault: Option<Fault>,
    /// Bytes of the image.
    pub size: u32,
    pub seed: u64,
}

/// Works the boards while `script` is at the page, which is at the address that it is given. `listen`: hears all that the station says, and hands
/// it on to the page.
///
/// # Errors
/// What the script ends with; no browser, no disk.
pub async fn at_the_page<F: Future<Output = Result<()>>>(
    setting: Setting,
    prepare: impl FnOnce(&MemoryServer),
    mut listen: impl FnMut(&Progress) + Send + 'static,
    script: impl FnOnce(String, Browser, MemoryServer) -> F,
) -> Result<()> {
    let Setting { slots, boards, fault, size, seed } = setting;
    let files = BundleFiles::shipped();
    let mut model = parse_model("model", &files.model).map_err(|faults| anyhow::anyhow!("{faults:?}"))?;
    model.link.baud = BAUD;
    if let Some(boot) = &mut model.boot {
        boot.baud = BAUD;
    }
    let image = build_image(&model, "V1.9", size, seed)?;
    let server = MemoryServer::with_batch(files, boards.max(1), STATION, &image, "V1.9");
    prepare(&server);
    let settings = JigSettings {
        boards,
        slots: u32::from(slots),
        faulty: if fault.is_some() { boards } else { 0 },
        fault,
        ..JigSettings::one_board(Arc::new(model), seed)
    };
    let mut jig = MemoryJig::start(settings)?;
    let disk = tempfile::tempdir()?;
    let config = AgentConfig {
        link: LinkOptions { baud: Some(BAUD), ..LinkOptions::default() },
        ..memory_station::config(STATION, &server, disk.path(), slots)
    };
    let ports = memory_station::ports(jig.sockets().to_vec());
    let (said, mut lines): (_, UnboundedReceiver<Progress>) = tokio::sync::mpsc::unbounded_channel();
    let (ends, mut wire) = fixture();
    let stream = jig.fixture();
    let (clock, chance) = (Clock::machine(), StdRng::seed_from_u64(seed));
    let agent = Agent::open(config, server.clone(), ports, ends, clock, chance, said)?;
    let (to_page, progress) = tokio::sync::mpsc::unbounded_channel();
    let handed_on = tokio::spawn(async move {
        while let Some(line) = lines.recv().await {
            listen(&line);
            if to_page.send(line).is_err() {
                return;
            }
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let access = Access::of(address, None)?;
    // No ports of this machine are in it, and nothing is found on it.
    let (commands, _nobody_proves_a_port) = tokio::sync::mpsc::unbounded_channel();
    let (_ports, shown) = tokio::sync::watch::channel(PortsView::default());
    let now = Clock::machine();
    let look: Looker = Arc::new(move || {
        let at = now.now().at;
        Box::pin(async move { (at, Vec::new()) })
    });
    let setup = Setup { station_name: "memory".to_owned(), ports: PortDoor { commands, shown }, look };
    serve(PageOrder { listener, access, door: agent.answers(), floor: agent.floor(), setup, progress })?;
    let browser = Browser::open(1280, 800).await?;
    let mut done = Ok(());
    let work = async { done = script(format!("http://{address}"), browser, server.clone()).await };
    tokio::select! {
        biased;
        _ = wire.carry(stream) => anyhow::bail!("the fixture's line broke"),
        () = agent.run(work) => {}
    }
    handed_on.abort();
    done
}
