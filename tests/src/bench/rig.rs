//! A powered board at the end of a line, in memory or on a pseudo terminal, and the station's own link to it.

use super::{
    loaders::DELAYS,
    tap::{Tally, Tap},
};
use crate::memory_station;
use anyhow::{Context as _, Result, anyhow, bail};
use domain::model::DeviceModel;
use simulator::{
    Birth, Observation,
    firmware::build_image,
    operator::Operator,
    port::{MemoryPort, Port, PtyPort},
    slot::{Slot, SlotOrder},
};
use station::{
    board::{BoardReply, BoardRequest},
    link::{BoardLink, Line, LinkOptions},
};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::sleep,
};

/// A board that was given power is measured when it has long been awake.
const AWAKE_AFTER: Duration = Duration::from_secs(1);
/// The image that boards come with.
const OLD_IMAGE_BYTES: u32 = 4096;

/// What the line is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Medium {
    /// A stream under the runtime's clock, which may be paused.
    Memory,
    /// A pseudo terminal: real time only.
    Pty,
}

/// One board and the link to it; both end when this is dropped.
#[derive(Debug)]
pub struct Rig {
    link: BoardLink,
    pub tally: Tally,
    orders: mpsc::UnboundedSender<SlotOrder>,
    slot: JoinHandle<()>,
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.slot.abort();
    }
}

impl Rig {
    /// Puts a board with the bench's frozen times on a line, waits until it is awake.
    ///
    /// # Errors
    /// Where the model's flash takes no image, or the system gives no pseudo terminal.
    pub async fn new(medium: Medium, model: &Arc<DeviceModel>, seed: u64) -> Result<Self> {
        // Of a board without a known loader nothing is known of its flash either.
        let old = match model.loader() {
            Some(_) => build_image(model, "V1.8", OLD_IMAGE_BYTES, seed ^ 0x006f_6c64)?,
            None => Vec::new(),
        };
        let birth = Birth::new(1, seed, None, old.into()).with_delays(DELAYS);
        let tally = Tally::default();
        let baud = model.link.baud;
        let (line, orders, slot) = match medium {
            Medium::Memory => {
                let (port, socket) = MemoryPort::new(baud);
                let (orders, slot) = put_in(port, model, birth)?;
                let tap = |stream| Tap::new(stream, tally.clone());
                (memory_station::line("memory", socket.connect(), baud, tap), orders, slot)
            }
            Medium::Pty => {
                let port = PtyPort::open(baud).context("opening a pseudo terminal")?;
                let device = port.device()?.to_string_lossy().into_owned();
                let (orders, slot) = put_in(port, model, birth)?;
                let line = Line::open(&device, baud).map_err(|fault| anyhow!("{fault:?}"))?;
                (Line::from_stream(&device, Tap::new(line, tally.clone()), baud), orders, slot)
            }
        };
        sleep(AWAKE_AFTER).await;
        let link = BoardLink::new(line, Arc::clone(model), LinkOptions::default());
        Ok(Self { link, tally, orders, slot })
    }

    /// One request of the station's to the board.
    ///
    /// # Errors
    /// The fault that ended it: a bench has healthy boards only.
    pub async fn ask(&mut self, request: BoardRequest) -> Result<BoardReply> {
        let shown = format!("{request:?}");
        let name = shown.split([' ', '(', '{']).next().unwrap_or_default();
        let answer = self.link.execute(request, &mut |_| {}).await;
        answer.map(|answer| answer.reply).map_err(|fault| anyhow!("{name}: {fault:?}"))
    }

    /// What the board really is and holds now.
    ///
    /// # Errors
    /// When the slot died.
    pub async fn observe(&self) -> Result<Observation> {
        let (answer, answered) = oneshot::channel();
        if self.orders.send(SlotOrder::Observe(answer)).is_err() {
            bail!("the slot is gone");
        }
        answered.await?.context("no board lies in the slot")
    }
}

fn put_in<P: Port + 'static>(
    port: P,
    model: &Arc<DeviceModel>,
    birth: Birth,
) -> Result<(mpsc::UnboundedSender<SlotOrder>, JoinHandle<()>)> {
    let (orders, inbox) = mpsc::unbounded_channel();
    // Nobody listens to the fixture.
    let (news, _) = mpsc::unbounded_channel();
    let slot = Slot {
        number: 1,
        model: Arc::clone(model),
        port,
        orders: inbox,
        news,
        operator: Operator::default(),
        supplied: true,
    };
    let running = tokio::spawn(async move {
        // A port that fails is seen at its other end.
        let _ended = slot.run().await;
    });
    orders
        .send(SlotOrder::Insert { index: 1, birth: Box::new(birth) })
        .map_err(|_| anyhow!("the slot takes no board"))?;
    Ok((orders, running))
}
