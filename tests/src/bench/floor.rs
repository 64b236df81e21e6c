//! The wire floor: the least time in which a session's bytes can go over a line, from sizes alone. Nothing here asks the station or the
//! simulator; a test counts the bytes on a line and compares.
//!
//! Floor = every byte of the complete session at ten bits, both ways, one after the other
//! + t3.5 for each Modbus frame, request or answer: no frame is over, and nobody else may speak, before that silence has passed
//! + the named delays of the frozen loader, in a session that has one.
//!
//! Where a device's own papers ask for more quiet between exchanges than t3.5 ([`super::models::DeviceQuiet`]), no program that obeys them
//! reaches this floor, so a second one stands beside it: the same with that quiet in place of t3.5 between an answer and the next
//! request.

use super::loaders::{DELAYS, Erases, FrozenLoader, PAGE_BYTES};
use anyhow::{Context as _, Result, bail};
use domain::model::{AddressStep, Block, DeviceModel, Provenance, Register};
use protocol::timing::silence;
use std::time::Duration;

/// Start, eight data bits, stop.
const BITS: u64 = 10;
/// 3.5 characters of eleven bits (Modbus over Serial Line V1.02), in tenths of a bit.
const SILENCE_TENTH_BITS: u64 = 385;
/// Header and closing block, data block: 1024 bytes and start, number, complement, two bytes of CRC.
const BLOCK: usize = 1024 + 5;
/// Function 06 and its echo; any read's request; the answer of function 16.
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

    /// The same on a device that wants so much `quiet` after each answer before it is asked again; t3.5 is part of it.
    #[must_use]
    pub fn time_with_quiet(&self, baud: u32, quiet: Duration) -> Duration {
        let pauses = u32::try_from(self.exchanges().saturating_sub(1)).unwrap_or(u32::MAX);
        self.time(baud) + quiet.saturating_sub(silence(baud)) * pauses
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

    /// One write of so many registers; a lone one goes by function 06 where the board has it.
    fn write(&mut self, model: &DeviceModel, registers: usize) {
        let is_single = registers == 1 && model.link.write_single;
        self.exchange(if is_single { SHORT_FRAME } else { 9 + 2 * registers }, SHORT_FRAME);
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
        floor.write(model, registers);
    }
    Ok(floor)
}

/// Who is there (one read of the register that names the model), and who is it: `identity` read in runs as of [`profile`].
///
/// # Errors
/// A register that lies in no block.
pub fn identity(model: &DeviceModel, identity: &[&Register]) -> Result<Floor> {
    let mut floor = Floor::default();
    let asked = model.register(&model.identity.model_register).context("no register names the model")?;
    floor.read(asked.width().into());
    for registers in runs(model, identity, Gaps::Read, model.link.max_read)? {
        floor.read(registers);
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

/// Lengths of the transactions, in registers. `parameters` in order of address.
fn runs(model: &DeviceModel, parameters: &[&Register], gaps: Gaps, limit: u16) -> Result<Vec<usize>> {
    // A read of its own: 13 bytes and two silences of 3.85 bytes, against two bytes a register.
    let widest_gap = if gaps == Gaps::Read { (13 + 7) / 2 } else { 0 };
    let addresses_each = match model.link.address_step {
        AddressStep::Register => 1,
        AddressStep::Byte => 2,
        AddressStep::Field => bail!("{}: its fields travel in no Modbus registers", model.id),
    };
    let mut runs: Vec<(u16, u16, &Block)> = Vec::new();
    for register in parameters {
        let (start, width) = (register.address / addresses_each, register.width());
        let block = model.block(register).with_context(|| format!("{} lies in no block", register.name))?;
        if gaps == Gaps::Leave && block.single_write_only {
            runs.extend((start..).take(width.into()).map(|start| (start, start + 1, block)));
            continue;
        }
        match runs.last_mut() {
            Some((first, end, last))
                if (last.start == block.start || gaps == Gaps::Read && touch(last, block))
                    // Two halves of one register travel together.
                    && start.saturating_sub(*end) <= widest_gap
                    && start + width - *first <= limit =>
            {
                (*end, *last) = (start + width, block);
            }
            _ => runs.push((start, start + width, block)),
        }
    }
    Ok(runs.into_iter().map(|(start, end, _)| usize::from(end - start)).collect())
}

/// Whether one read may span both: a document prints both, and nothing lies between.
fn touch(block: &Block, next: &Block) -> bool {
    let printed = |block: &Block| block.provenance == Provenance::Published;
    printed(block) && printed(next) && block.start.checked_add(block.count) == Some(next.start)
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

    /// The floor of a few named parameters of a shipped model.
    fn profile_of(model: &str, names: &[&str]) -> Floor {
        let files = super::super::models::MODELS.iter().find(|files| files.model == model).unwrap();
        let measured = files.read(9600).unwrap();
        let registers: Vec<&Register> =
            names.iter().map(|name| measured.model.register(name).unwrap()).collect();
        profile(&measured.model, &registers).unwrap()
    }

    #[test]
    fn neighbours_that_are_bytes_apart_are_read_together_and_written_one_by_one() {
        // Three values of two registers each, four addresses apart: a read of six registers before and after, three writes.
        let names = ["smart_sleep_mv", "cell_under_voltage_mv", "cell_under_voltage_recovery_mv"];
        let floor = profile_of("jk-pb", &names);
        assert_eq!((floor.sent, floor.received), (2 * 8 + 3 * 13, 2 * 17 + 3 * 8));
        assert_eq!(floor.exchanges(), 5);
    }

    #[test]
    fn halves_of_one_register_go_once_and_by_function_16_where_there_is_no_06() {
        let floor = profile_of("jk-pb", &["charge_voltage_h", "float_voltage_h"]);
        assert_eq!((floor.sent, floor.received, floor.exchanges()), (8 + 11 + 8, 7 + 8 + 7, 3));
        let floor = profile_of("topbms", &["board_address"]);
        assert_eq!((floor.sent, floor.received, floor.exchanges()), (8 + 8 + 8, 7 + 8 + 7, 3));
    }

    #[test]
    fn a_named_quiet_stands_between_exchanges_in_place_of_one_silence() {
        let mut floor = Floor::default();
        floor.read(1);
        let quiet = Duration::from_millis(120);
        assert_eq!(floor.time_with_quiet(9600, quiet), floor.time(9600));
        floor.read(1);
        floor.read(1);
        let more = floor.time_with_quiet(9600, quiet).saturating_sub(floor.time(9600));
        assert_eq!(more, 2 * (quiet - silence(9600)));
        assert_eq!(floor.time_with_quiet(9600, Duration::ZERO), floor.time(9600));
    }

    #[test]
    fn delays_come_on_top() {
        let floor = Floor { sent: 960, delays: Duration::from_secs(2), ..Floor::default() };
        assert_eq!(floor.time(9600), Duration::from_secs(3));
    }
}
