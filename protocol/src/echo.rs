//! The echo of half-duplex adapters: what was sent comes back before the answer does.
//!
//! Some RS485 adapters keep their receiver on while they send. [`EchoFilter`] knows what was sent and takes exactly that off what
//! comes back. Whether an adapter echoes is found out on the first exchange; an adapter that was known to echo and
//! brings something else had a collision on its line, and that is said.
//!
//! The first exchange must be one whose answer cannot look like its question. A read is: its answer has an odd number of bytes in
//! Modbus, and begins otherwise in the JBD framing. A Modbus write is not: its answer may be the very bytes of the request, and an
//! echo taken for it would be an acknowledgement that no board ever gave.

/// Whether the adapter echoes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Echoing {
    /// Not known yet.
    Unknown,
    Yes,
    No,
}

/// Whether the answer to what is sent may be the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    Differs,
    /// A write confirmed by repeating it.
    MayRepeat,
}

/// What was found of an echo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EchoEvent {
    /// The first exchange told.
    Detected(Echoing),
    /// The adapter echoes, and what came back differs from what was sent, first at byte `at`: somebody else spoke at the same
    /// time, or the line is disturbed. What came is passed on as it came.
    NotAnEcho { at: usize, sent: u8, got: u8 },
    /// The adapter echoes, and of the `sent` bytes only `got` came back. What came is passed on as it came.
    CutShort { got: usize, sent: usize },
}

/// Why something may not be sent yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("whether the adapter echoes is not known yet: read something before the first write")]
pub struct EchoUnknown;

/// Takes the echo off. Between a client and the line: everything sent and everything received goes through it.
#[derive(Debug, Clone)]
pub struct EchoFilter {
    echoing: Echoing,
    /// What was sent and has not come back yet.
    sent: Vec<u8>,
    /// How much of it has.
    matched: usize,
    /// So much of it, from its begin, may not all have gone out.
    open_end: usize,
    event: Option<EchoEvent>,
}

impl EchoFilter {
    #[must_use]
    pub fn new(echoing: Echoing) -> Self {
        Self { echoing, sent: Vec::new(), matched: 0, open_end: 0, event: None }
    }

    /// These bytes are about to be sent. An echo that is still owed for earlier ones is given up, and that is told.
    ///
    /// # Errors
    /// [`EchoUnknown`]: send nothing.
    pub fn handle_sent(&mut self, bytes: &[u8], answer: Answer) -> Result<(), EchoUnknown> {
        if self.echoing == Echoing::Unknown && answer == Answer::MayRepeat {
            return Err(EchoUnknown);
        }
        if self.echoing == Echoing::Yes && self.is_missing() {
            self.event = Some(EchoEvent::CutShort { got: self.matched, sent: self.sent.len() });
        }
        self.forget();
        self.handle_more(bytes);
        Ok(())
    }

    /// These bytes follow the last ones without a pause: a frame that is handed over in pieces.
    pub fn handle_more(&mut self, bytes: &[u8]) {
        if self.echoing != Echoing::No {
            self.sent.extend(bytes);
        }
    }

    /// Of what was handed over not all may go out: the echo may end anywhere, and that is no collision.
    pub fn handle_discarded(&mut self) {
        self.open_end = self.sent.len();
    }

    /// What of these bytes is no echo.
    pub fn handle_bytes(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut passed = Vec::new();
        for &byte in bytes {
            if self.matched < self.open_end && self.sent[self.matched] != byte {
                // Here the discarded bytes end; what follows is the echo of what was sent since.
                self.sent.drain(..self.open_end);
                (self.matched, self.open_end) = (0, 0);
            }
            match self.sent.get(self.matched) {
                None => passed.push(byte),
                Some(&sent) if sent == byte => self.matched_one(),
                Some(&sent) => {
                    let event = match self.echoing {
                        Echoing::Yes => EchoEvent::NotAnEcho { at: self.matched, sent, got: byte },
                        Echoing::Unknown | Echoing::No => {
                            self.echoing = Echoing::No;
                            EchoEvent::Detected(Echoing::No)
                        }
                    };
                    self.event = Some(event);
                    passed.extend(self.release());
                    passed.push(byte);
                }
            }
        }
        passed
    }

    /// Nothing more comes of this exchange: its time is over. Returns what was held back as a possible echo and is none.
    pub fn handle_silence(&mut self) -> Vec<u8> {
        if self.echoing == Echoing::Yes && self.is_missing() {
            self.event = Some(EchoEvent::CutShort { got: self.matched, sent: self.sent.len() });
        }
        if self.echoing == Echoing::Yes && !self.is_missing() {
            self.forget();
        }
        // Silence alone says nothing of the adapter: not even an echo came, or only a part of one.
        self.release()
    }

    /// What the last bytes told, once.
    pub fn poll_event(&mut self) -> Option<EchoEvent> {
        self.event.take()
    }

    #[must_use]
    pub fn echoing(&self) -> Echoing {
        self.echoing
    }

    /// Bytes of the echo that have not come back yet.
    #[must_use]
    pub fn owed(&self) -> usize {
        self.sent.len() - self.matched
    }

    fn matched_one(&mut self) {
        self.matched += 1;
        if self.matched < self.sent.len() {
            return;
        }
        if self.echoing == Echoing::Unknown {
            self.echoing = Echoing::Yes;
            self.event = Some(EchoEvent::Detected(Echoing::Yes));
        }
        self.forget();
    }

    /// Whether an echo is owed that must come.
    fn is_missing(&self) -> bool {
        self.sent.len() > self.open_end
    }

    fn release(&mut self) -> Vec<u8> {
        let mut held = core::mem::take(&mut self.sent);
        held.truncate(self.matched);
        self.forget();
        held
    }

    fn forget(&mut self) {
        self.sent.clear();
        self.matched = 0;
        self.open_end = 0;
    }
}

#[cfg(test)]
#[path = "echo_tests.rs"]
mod tests;
