//! What a station of a history has on its disk: its journal files, how far each has come, and which program works with them.

use super::history::{Last, Outbox, Session};
use domain::{api::stations::LastRecord, ids::ContentHash};

/// One station's.
#[derive(Debug, Default)]
pub struct Desk {
    /// What was closed in each file, the oldest file first.
    files: Vec<Vec<ContentHash>>,
    session: u8,
    /// Which file it works with.
    current: u8,
}

impl Desk {
    /// Which file that is.
    pub fn place(&self, outbox: Outbox) -> u8 {
        match outbox {
            Outbox::Current => self.current,
            Outbox::Before => self.current.saturating_sub(1),
            Outbox::Never => u8::MAX,
        }
    }

    /// The number of the next record there.
    pub fn next(&self, outbox: Outbox) -> u64 {
        self.closed(outbox).len() as u64 + 1
    }

    fn closed(&self, outbox: Outbox) -> &[ContentHash] {
        self.files.get(usize::from(self.place(outbox))).map(Vec::as_slice).unwrap_or_default()
    }

    /// A record is closed.
    pub fn close(&mut self, outbox: Outbox, sha256: ContentHash) {
        let place = usize::from(self.place(outbox));
        if self.files.len() <= place {
            self.files.resize_with(place + 1, Vec::new);
        }
        self.files[place].push(sha256);
    }

    pub fn begin_outbox(&mut self) {
        self.current = (self.current + 1).min(u8::MAX - 1);
    }

    /// Which program speaks.
    pub fn session(&mut self, session: Session) -> u8 {
        match session {
            Session::Same => {}
            Session::New => self.session = self.session.saturating_add(1),
            Session::Before => return self.session.saturating_sub(1),
        }
        self.session
    }

    /// What it says of its last record.
    pub fn last(&self, outbox: Outbox, says: Last) -> Option<LastRecord> {
        let closed = self.closed(outbox);
        let number = closed.len() as u64;
        let record = |number: u64, sha256| (number > 0).then_some(LastRecord { number, sha256 });
        match says {
            Last::AsItIs => record(number, closed.last().cloned()),
            Last::WithoutHash => record(number, None),
            Last::Back(by) => {
                let number = number.saturating_sub(by.into());
                record(number, closed.get((number as usize).wrapping_sub(1)).cloned())
            }
            Last::Ahead(by) => record(number + u64::from(by), Some(ContentHash::of(b"not sent yet"))),
            Last::Differs => record(number, Some(ContentHash::of(b"another"))),
            Last::Nothing => None,
        }
    }
}
