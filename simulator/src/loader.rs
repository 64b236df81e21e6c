//! The boot loader's menu, as ST's two generations of it behave (AN2557 of 2009, AN4657 of 2015): a banner full of capital
//! C's, a menu that loses what is typed while it prints, "Invalid Number" for whatever it does not know, YMODEM into flash.

use core::time::Duration;
use std::collections::VecDeque;

use domain::model::{BootGeneration, BootSettings};
use protocol::{
    Instant,
    timing::wire_time,
    ymodem::{
        Generation,
        receiver::{AbortReason, Programming, Receiver, ReceiverEvent, ReceiverOptions},
    },
};

use crate::{delays::Pace, flash::Flash};

/// The menu and what goes on in it. The flash is the board's and is lent to each call.
#[derive(Debug)]
pub struct Loader {
    boot: BootSettings,
    /// Of the whole chip, bytes: what the older receivers compare an image with.
    flash_bytes: u32,
    pace: Pace,
    state: State,
    /// Until then the last text is still on its way out.
    printing_until: Instant,
    /// The one byte that the AN2557 loader's receive register keeps while it prints.
    held: Option<u8>,
    out: VecDeque<Vec<u8>>,
    execute: bool,
    /// Programming of a block began, not told yet.
    block_begun: bool,
    /// The byte of each image that changes once its block was verified; of a shorter image its last.
    flip_at: Option<u32>,
    /// Bytes of the image that is coming.
    announced: u32,
    /// The longest that a whole block may take.
    block_time: Option<Duration>,
}

#[derive(Debug)]
enum State {
    Menu,
    Receiving { receiver: Box<Receiver>, job: Job },
}

#[derive(Debug)]
enum Job {
    None,
    Erase { until: Instant, pages: u32, size: u32 },
    Program { until: Instant, offset: u32, bytes: Vec<u8> },
}

impl Loader {
    /// Comes up and prints. `pace`: its times; `flip_at`: see [`crate::faults::Fault::FlippedFlashByte`]; `block_time`: the longest that
    /// a whole block may take.
    #[must_use]
    pub(crate) fn new(
        now: Instant,
        boot: BootSettings,
        flash_bytes: u32,
        pace: Pace,
        flip_at: Option<u32>,
        block_time: Option<Duration>,
    ) -> Self {
        let mut loader = Self {
            boot,
            flash_bytes,
            pace,
            state: State::Menu,
            printing_until: now,
            held: None,
            out: VecDeque::new(),
            execute: false,
            block_begun: false,
            flip_at,
            announced: 0,
            block_time,
        };
        loader.print(now, &loader.banner());
        loader.print(now, loader.menu());
        loader
    }

    /// Bytes from the line.
    pub fn handle_bytes(&mut self, now: Instant, bytes: &[u8], flash: &mut Flash) {
        self.handle_timeout(now, flash);
        match &mut self.state {
            State::Receiving { receiver, .. } => {
                receiver.handle_bytes(now, bytes);
                self.drive(now, flash);
            }
            State::Menu => self.keys(now, bytes, flash),
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant, flash: &mut Flash) {
        if matches!(self.state, State::Menu) {
            if self.printing_until <= now
                && let Some(key) = self.held.take()
            {
                self.key(now, key, flash);
            }
            return;
        }
        let State::Receiving { receiver, job } = &mut self.state else { return };
        match job {
            Job::Erase { until, pages, size } if *until <= now => {
                flash.erase(*pages);
                flash.announce(*size);
                *job = Job::None;
                receiver.erase_done(now);
            }
            Job::Program { until, offset, bytes } if *until <= now => {
                let verified = flash.program(*offset, bytes);
                let weak = self.flip_at.map(|at| at.min(self.announced.saturating_sub(1)));
                let end = offset.saturating_add(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
                if let Some(at) = weak.filter(|at| (*offset..end).contains(at)) {
                    flash.flip(at);
                }
                *job = Job::None;
                receiver.programmed(now, if verified { Programming::Verified } else { Programming::Failed });
            }
            _ => {}
        }
        if receiver.poll_timeout().is_some_and(|due| due <= now) {
            receiver.handle_timeout(now);
        }
        self.drive(now, flash);
    }

    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Menu => self.held.map(|_| self.printing_until),
            State::Receiving { receiver, job } => match job {
                Job::Erase { until, .. } | Job::Program { until, .. } => Some(*until),
                Job::None => receiver.poll_timeout(),
            },
        }
    }

    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.out.pop_front()
    }

    /// Whether the application is to be started; said once.
    pub fn take_execute(&mut self) -> bool {
        std::mem::take(&mut self.execute)
    }

    /// Whether programming of a block has begun; said once a block.
    pub fn take_block_begun(&mut self) -> bool {
        std::mem::take(&mut self.block_begun)
    }

    /// The supply fails: of a block that is being programmed the first half is in the flash.
    pub fn lose_power(&mut self, flash: &mut Flash) {
        if let State::Receiving { job: Job::Program { offset, bytes, .. }, .. } = &self.state {
            let _fits = flash.program(*offset, &bytes[..bytes.len() / 2]);
        }
    }

    /// Whether a transfer is going on.
    #[must_use]
    pub fn is_receiving(&self) -> bool {
        matches!(self.state, State::Receiving { .. })
    }

    fn keys(&mut self, now: Instant, bytes: &[u8], flash: &mut Flash) {
        for (index, byte) in bytes.iter().enumerate() {
            if self.printing_until > now {
                match self.generation() {
                    // One receive register, no interrupt: the first byte stays in it, an overrun loses the others.
                    BootGeneration::Spl => {
                        self.held.get_or_insert(*byte);
                    }
                    // Flushes its receiver after the menu.
                    BootGeneration::Hal => {}
                }
                continue;
            }
            self.key(now, *byte, flash);
            if self.execute {
                return;
            }
            if let State::Receiving { receiver, .. } = &mut self.state {
                receiver.handle_bytes(now, &bytes[index + 1..]);
                self.drive(now, flash);
                return;
            }
        }
    }

    fn key(&mut self, now: Instant, key: u8, flash: &mut Flash) {
        if key == self.boot.download_key {
            self.print(now, "Waiting for the file to be sent ... (press 'a' to abort)\n\r");
            let (generation, size) = match self.generation() {
                BootGeneration::Spl => (Generation::Spl, self.flash_bytes),
                BootGeneration::Hal => (Generation::Hal, self.flash_bytes),
            };
            // The receiver's first time-out runs from the end of the text.
            let options =
                ReceiverOptions { block_time: self.block_time, ..ReceiverOptions::new(generation, size) };
            let receiver = Receiver::new(self.printing_until, options);
            self.state = State::Receiving { receiver: Box::new(receiver), job: Job::None };
        } else if key == self.boot.execute_key {
            if self.generation() == BootGeneration::Hal {
                self.print(now, "Start program execution......\r\n\n");
            }
            if flash.boots().is_ok() {
                self.execute = true;
            } else {
                self.print(now, self.menu());
            }
        } else {
            match self.generation() {
                BootGeneration::Spl => {
                    self.print(now, "Invalid Number ! ==> The number should be either 1 or 2\r");
                }
                BootGeneration::Hal => {
                    self.print(now, "Invalid Number ! ==> The number should be either 1, 2, 3 or 4\r");
                    self.print(now, self.menu());
                }
            }
        }
    }

    /// Carries what the receiver wants to the line and to the flash.
    fn drive(&mut self, now: Instant, flash: &mut Flash) {
        loop {
            let State::Receiving { receiver, job } = &mut self.state else { return };
            while let Some(bytes) = receiver.poll_transmit() {
                self.out.push_back(bytes);
            }
            let Some(event) = receiver.poll_event() else { return };
            match event {
                ReceiverEvent::Header { size, .. } => {
                    self.announced = size;
                    let pages = match self.boot.generation {
                        BootGeneration::Spl => Flash::pages(size.min(flash.capacity())),
                        BootGeneration::Hal => Flash::pages(flash.capacity()),
                    };
                    *job = Job::Erase { until: now + self.pace.page_erase() * pages, pages, size };
                }
                ReceiverEvent::Data { offset, bytes } => {
                    let until = now + self.pace.program(bytes.len());
                    *job = Job::Program { until, offset, bytes };
                    self.block_begun = true;
                }
                ReceiverEvent::Finished { name, size } => {
                    let text = self.success(&name, size);
                    self.back_to_menu(now, &text, flash);
                }
                ReceiverEvent::Aborted(reason) => {
                    let text = aborted(reason, self.generation());
                    self.back_to_menu(now, text, flash);
                }
            }
        }
    }

    fn back_to_menu(&mut self, now: Instant, text: &str, flash: &mut Flash) {
        let State::Receiving { receiver, .. } = &mut self.state else { return };
        let unread = receiver.take_unread();
        self.state = State::Menu;
        self.print(now, text);
        if self.generation() == BootGeneration::Hal {
            self.print(now, self.menu());
        }
        self.keys(now, &unread, flash);
    }

    fn print(&mut self, now: Instant, text: &str) {
        self.printing_until = self.printing_until.max(now) + wire_time(text.len(), self.boot.baud);
        self.out.push_back(text.as_bytes().to_vec());
    }

    fn generation(&self) -> BootGeneration {
        self.boot.generation
    }

    fn banner(&self) -> String {
        let (year, version) = match self.generation() {
            BootGeneration::Spl => (2009, "Version 3.1.0"),
            BootGeneration::Hal => (2016, "Version 1.7.0"),
        };
        let rule = "=".repeat(70);
        let line = |text: &str| format!("={text:^68}=\r\n");
        format!(
            "\r\n{rule}\r\n{}{}{}{}{}{rule}\r\n\r\n",
            line(&format!("(C) COPYRIGHT {year} Simulated Board")),
            line(""),
            line("In-Application Programming of the MCU"),
            line(&format!("({version})")),
            line("By the Circuit's own MCD menu loader"),
        )
    }

    fn menu(&self) -> &'static str {
        match self.generation() {
            BootGeneration::Spl => {
                "\r\n================== Main Menu ============================\r\n\n\
                 \x20 Download Image To the internal Flash ------- 1\r\n\n\
                 \x20 Execute The New Program -------------------- 2\r\n\n\
                 ==========================================================\r\n\n"
            }
            BootGeneration::Hal => {
                "\r\n=================== Main Menu ============================\r\n\n\
                 \x20 Download image to the internal Flash ----------------- 1\r\n\n\
                 \x20 Upload image from the internal Flash ----------------- 2\r\n\n\
                 \x20 Execute the loaded application ----------------------- 3\r\n\n\
                 \x20 Enable the write protection -------------------------- 4\r\n\n\
                 ==========================================================\r\n\n"
            }
        }
    }

    fn success(&self, name: &str, size: u32) -> String {
        // Version 3.1.0 does not end the size's digits: what lay on the stack comes along.
        let junk = match self.generation() {
            BootGeneration::Spl => "\u{1}P4",
            BootGeneration::Hal => "",
        };
        format!(
            "\n\n\r Programming Completed Successfully!\n\r--------------------------------\r\n \
             Name: {name}\n\r Size: {size}{junk} Bytes\r\n-------------------\n"
        )
    }
}

/// The younger loader takes a sender that gives up for a user who does.
fn aborted(reason: AbortReason, generation: BootGeneration) -> &'static str {
    match reason {
        AbortReason::BySender if generation == BootGeneration::Hal => "\r\n\nAborted by user.\n\r",
        AbortReason::ByUser => "\r\n\nAborted by user.\n\r",
        AbortReason::BySender | AbortReason::TooManyErrors => "\n\rFailed to receive the file!\n\r",
        AbortReason::SizeLimit => "\n\n\rThe image size is higher than the allowed space memory!\n\r",
        AbortReason::FlashFault => "\n\n\rVerification failed!\n\r",
    }
}
