//! The wire floor: the least time in which a session's bytes can go over a line, from sizes alone. Nothing here asks the station or the
//! simulator; a test counts the bytes on a line and compares.
//!
//! Floor = every byte of the complete session at ten bits, both ways, one after the other
//! + t3.5 for each Modbus frame, request or answer: no frame is over, and nobody else may speak, before that silence has passed
//! + the named delays of the frozen loader, in a session that has one.

use super::loaders::{DELAYS, Erases, FrozenLoader, PAGE_BYTES};
use anyhow::{Context as _, Result};
use domain::model::{Block, DeviceModel, Register};
use std::time::Duration;

/// Start, eight data bits, stop.
const BITS: u64 = 10;
/// 3.5 characters of eleven bits (Modbus over Serial Line V1.02), in tenths of a bit.
const SILENCE_TENTH_BITS: u64 = 385;
/// Header and closing block, data block: 1024 bytes and start, number, complement, two bytes of CRC.
const BLOCK: usize = 1024 + 5;
/// Function 06 and its echo; any read's request.
const SHORT_FRAME: usize = 8;

/// Bytes, turns and delays of one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Floor {
    /// Bytes to the board.
    pub sent: usize,
    /// Bytes from the board.
    pub received: usize,
    /// Modbus frames.
    pub frames: usize,
    /// The board's own named time.
    pub delays: Duration,
}

impl Floor {
    /// At `baud` bits per second.
    #[must_use]
    pub fn time(&self, baud: u32) -> Duration {
        let tenths = (self.sent + self.received) as u64 * BITS * 10 + self.frames as u64 * SILENCE_TENTH_BITS;
        self.delays + Duration::from_nanos(tenths * 100_000_000 / u64::from(baud))
    }

    fn exchange(&mut self, sent: usize, received: usize) {
        self.sent += sent;
        self.received += received;
        self.frames += 2;
    }

    /// One read of so many registers.
    fn read(&mut self, registers: usize) {
        self.exchange(SHORT_FRAME, 5 + 2 * registers);
    }

    /// One write of so many registers; a lone one goes by function 06.
    fn write(&mut self, registers: usize) {
        let sent = if registers == 1 { SHORT_FRAME } else { 9 + 2 * registers };
        self.exchange(sent, SHORT_FRAME);
    }

    /// Exchanges of one request and one answer.
    #[must_use]
    pub fn exchanges(&self) -> usize {
        self.frames / 2
    }
}

/// An image of `size` bytes under a name of `name` letters: from the first byte of the command that restarts the application
/// into its loader to the first answer of the new application, a read of `asked` registers.
#[must_use]
pub fn flash(loader: &FrozenLoader, model: &DeviceModel, size: usize, name: usize, asked: u16) -> Floor {
    let blocks = size.div_ceil(1024);
    let pages = match loader.erases {
        Erases::Image => (size as u32).div_ceil(PAGE_BYTES),
        Erases::Everything => model.image_capacity().div_ceil(PAGE_BYTES),
    };
    // The older receiver stops at the image's last word, the younger programs the padding too.
    let programmed = match loader.erases {
        Erases::Image => size.next_multiple_of(4),
        Erases::Everything => blocks * 1024,
    };
    let mut floor = Floor {
        // Two keys, header, data, the end mark, the closing block.
        sent: 1 + BLOCK + blocks * BLOCK + 1 + BLOCK + 1,
        // A request, an acknowledgement and a request for the header, then one byte for each block and for both ends.
        received: loader.welcome
            + loader.waiting
            + 1
            + 2
            + blocks
            + 2
            + loader.success
            + name
            + size.to_string().len()
            + loader.farewell,
        frames: 0,
        delays: DELAYS.loader_start
            + loader.first_request
            + DELAYS.page_erase * pages
            + DELAYS.program_kib * programmed as u32 / 1024
            + DELAYS.application_start,
    };
    floor.exchange(SHORT_FRAME, SHORT_FRAME);
    floor.read(asked.into());
    floor
}

/// Parameters, none of them right, read, written and read back: runs of neighbours within a block, as long as one
/// transaction may be.
///
/// # Errors
/// A parameter that lies in no block.
pub fn profile(model: &DeviceModel, parameters: &[&Register]) -> Result<Floor> {
    let mut floor = Floor::default();
    for registers in runs(model, parameters, Gaps::Read, model.link.max_read)? {
        // Before and after.
        floor.read(registers);
        floor.read(registers);
    }
    for registers in runs(model, parameters, Gaps::Leave, model.link.max_write)? {
        floor.write(registers);
    }
    Ok(floor)
}

/// What becomes of registers that nobody asked for between two that are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gaps {
    /// Read along where that takes less time than a read of its own.
    Read,
    /// Never written.
    Leave,
}

/// Lengths of the transactions. `parameters` in order of address.
fn runs(model: &DeviceModel, parameters: &[&Register], gaps: Gaps, limit: u16) -> Result<Vec<usize>> {
    // A read of its own: 13 bytes and two silences of 3.85 bytes, against two bytes a register.
    let widest_gap = if gaps == Gaps::Read { (13 + 7) / 2 } else { 0 };
    let mut runs: Vec<(u16, u16, &Block)> = Vec::new();
    for register in parameters {
        let (start, width) = (register.address, register.width());
        let block =
            model.block_of(start, width).with_context(|| format!("{} lies in no block", register.name))?;
        if gaps == Gaps::Leave && block.single_write_only {
            runs.extend((start..).take(width.into()).map(|start| (start, start + 1, block)));
            continue;
        }
        match runs.last_mut() {
            Some((first, end, last))
                if last.start == block.start
                    && start - *end <= widest_gap
                    && start + width - *first <= limit =>
            {
                *end = start + width;
            }
            _ => runs.push((start, start + width, block)),
        }
    }
    Ok(runs.into_iter().map(|(start, end, _)| usize::from(end - start)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_of_ten_registers_at_9600_takes_33_bytes_and_two_silences() {
        let mut floor = Floor::default();
        floor.read(10);
        assert_eq!((floor.sent, floor.received, floor.exchanges()), (8, 25, 1));
        // 34.375 ms of bytes and twice 4.0104 ms.
        assert_eq!(floor.time(9600).as_micros(), 42_395);
    }

    #[test]
    fn delays_come_on_top() {
        let floor = Floor { sent: 960, delays: Duration::from_secs(2), ..Floor::default() };
        assert_eq!(floor.time(9600), Duration::from_secs(3));
    }
}
