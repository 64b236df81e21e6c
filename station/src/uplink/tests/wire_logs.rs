//! Wire logs at the server that does as it is told.

use super::*;
use crate::wire::packed::unpack;
use tokio::sync::Notify;

#[derive(Default)]
pub struct WireLogShelf {
    pub wanted: RefCell<Vec<RunId>>,
    /// In order, with how many records were held by then.
    pub received: RefCell<Vec<(RunId, Vec<u8>, usize)>>,
    pub gone: RefCell<Vec<(RunId, WireLogGone)>>,
    pub faults: RefCell<VecDeque<ServerFault>>,
    /// How often it was asked, whatever the answer was.
    pub offers: Cell<usize>,
    pub heard: Notify,
}

impl WireLogShelf {
    pub fn take(&self, run: RunId, packed: &[u8], records: usize) -> Result<(), ServerFault> {
        self.hear()?;
        self.received.borrow_mut().push((run, unpack(packed).unwrap(), records));
        self.wanted.borrow_mut().retain(|wanted| *wanted != run);
        Ok(())
    }

    pub fn take_gone(&self, run: RunId, gone: WireLogGone) -> Result<(), ServerFault> {
        self.hear()?;
        self.gone.borrow_mut().push((run, gone));
        self.wanted.borrow_mut().retain(|wanted| *wanted != run);
        Ok(())
    }

    fn hear(&self) -> Result<(), ServerFault> {
        self.offers.set(self.offers.get() + 1);
        self.heard.notify_one();
        self.faults.borrow_mut().pop_front().map_or(Ok(()), Err)
    }
}
