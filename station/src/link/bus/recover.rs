//! After an accident: the line brought home and quiet, and what may still come told from what is asked next.

use super::{Bus, Port, gone};
use crate::link::{asked::Asked, fault::BusFault};
use domain::text::Fault;
use futures_util::FutureExt as _;
use protocol::{
    guard::{LinkState, Purpose, Shaped as _},
    modbus::Request,
};
use std::time::Duration;
use tokio::{io::AsyncReadExt as _, time::Instant};

/// A line that talks longer than this without a pause is not drained but broken.
const DRAIN_LIMIT: Duration = Duration::from_secs(5);

impl Bus {
    /// After an accident, before a read whose answer could be mistaken for one that never came: asks the first of `others` whose
    /// answer cannot.
    pub(in crate::link) async fn synchronise(
        &mut self,
        request: &Request,
        others: &[Request],
    ) -> Result<(), BusFault> {
        self.settle().await?;
        let asked = self.asked(request).map_err(BusFault::Port)?;
        if !self.guard().is_ambiguous(&asked) {
            return Ok(());
        }
        let mut candidates = Vec::with_capacity(others.len());
        for other in others {
            candidates.push((other, self.asked(other).map_err(BusFault::Port)?));
        }
        let candidates: Vec<&(&Request, Asked)> = candidates.iter().collect();
        let told = loop {
            let now = self.now();
            match self.guard_mut().telling(now, &candidates, |(_, asked)| asked.shape()) {
                Ok((told, _)) => break *told,
                Err(until) => self.listen_until(self.epoch + until).await?,
            }
        };
        match self.exchange(Purpose::Identify, told).await {
            // No is an answer, too, where it is known to what.
            Err(BusFault::Exception(_)) if !self.guard().is_ambiguous(&asked) => Ok(()),
            answer => answer.map(drop),
        }
    }

    /// Waits for that moment, or for something that may be what is owed.
    async fn listen_until(&mut self, until: Instant) -> Result<(), BusFault> {
        let mut buffer = [0; 256];
        let (quiet, epoch) = (self.settings.quiet(), self.epoch);
        self.line().map_err(BusFault::Port)?;
        let Self { client, port: Port::Home(line), .. } = self else {
            return Err(BusFault::Port(gone(&self.device, "it was lost earlier and must be opened again")));
        };
        let mut hear = |bytes: &[u8]| client.overhear(epoch.elapsed(), bytes);
        if let Some(count) = line.receive(&mut buffer, until).await.map_err(BusFault::Port)? {
            hear(&buffer[..count]);
            line.drain_to(quiet, DRAIN_LIMIT, hear).await.map_err(BusFault::Port)?;
        }
        Ok(())
    }

    /// Brings the line home and quiet, if anything was left open.
    pub(in crate::link) async fn settle(&mut self) -> Result<(), BusFault> {
        self.reclaim();
        if let LinkState::Waiting { .. } = self.guard().state() {
            let now = self.now();
            // The future of the last call was dropped: its answer may still come.
            self.client.cancel(now);
        }
        let LinkState::MustDrain { .. } = self.guard().state() else {
            self.line().map_err(BusFault::Port)?;
            return Ok(());
        };
        #[cfg(feature = "sabotage")]
        if crate::sabotage::is(crate::sabotage::Sabotage::NoDrain) {
            let now = self.now();
            self.guard_mut().handle_drained(now);
            return Ok(());
        }
        self.line().map_err(BusFault::Port)?;
        let (quiet, epoch) = (self.settings.quiet(), self.epoch);
        let Self { client, port: Port::Home(line), .. } = self else {
            return Err(BusFault::Port(gone(&self.device, "it was lost earlier and must be opened again")));
        };
        let hear = |bytes: &[u8]| client.overhear(epoch.elapsed(), bytes);
        let drained = line.drain_to(quiet, DRAIN_LIMIT, hear).await.map_err(BusFault::Port)?;
        match drained {
            Some(bytes) => {
                tracing::debug!(device = %self.device, bytes, "line drained");
                let now = self.now();
                self.guard_mut().handle_drained(now);
                Ok(())
            }
            None => {
                Err(BusFault::Garbage(format!("the line was not quiet within {} s", DRAIN_LIMIT.as_secs())))
            }
        }
    }

    /// Bytes that wait on the line already.
    pub(super) fn stray(&mut self) -> Result<Option<usize>, Fault> {
        let line = self.line()?;
        let mut buffer = [0; 256];
        match line.read(&mut buffer).now_or_never() {
            None => Ok(None),
            Some(Ok(count)) => Ok(Some(count)),
            Some(Err(error)) => {
                let fault = line.failed(&error);
                self.port = Port::Gone;
                Err(fault)
            }
        }
    }
}
