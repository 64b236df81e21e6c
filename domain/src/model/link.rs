//! How a model's boards are spoken to: framing, addresses, time-outs, limits.

use super::{Bilingual, Origin};

wire! {
    /// The line and its limits.
    #[serde(deny_unknown_fields)]
    pub struct LinkSettings {
        pub framing: Framing,
        /// Bits per second, 8N1.
        pub baud: u32,
        /// Device address, 1..=247; where the frames bear none (JBD) it is 1.
        pub address: u8,
        /// Address that answers bear where it is another one (Daly H/K/M/S: 0x80 + n is asked, 0x50 + n answers).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub reply_address: Option<u8>,
        /// The function that reads: 3 or 4 (Seplos V3); with a described framing any.
        #[serde(default = "three")]
        pub read_function: u8,
        /// Whether function 06 is there for a single register (JK PB has 03 and 16 only).
        #[serde(default = "yes")]
        pub write_single: bool,
        /// What an address counts.
        #[serde(default)]
        pub address_step: AddressStep,
        /// What the quantity of a request counts.
        #[serde(default)]
        pub quantity: Quantity,
        /// How long the board may think after the last byte of a request, milliseconds.
        pub timeout_ms: u32,
        /// Quiet that the board wants between exchanges, milliseconds.
        pub gap_ms: u32,
        /// How often a read is repeated after a time-out.
        pub retries: u8,
        /// Registers per read, 1..=125.
        pub max_read: u16,
        /// Registers per write, 1..=123.
        pub max_write: u16,
        /// Pause that the board needs after a write before it answers again, milliseconds.
        #[serde(default)]
        pub store_ms: u32,
        /// Longest time from a restart or from 'execute' to an answering application, milliseconds.
        pub start_timeout_ms: u32,
        /// How a sleeping board is woken.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub wake: Option<WakeSettings>,
        /// What this board's exceptions mean where it differs from the standard.
        #[serde(default, rename = "exception", skip_serializing_if = "Vec::is_empty")]
        pub exceptions: Vec<ExceptionMeaning>,
        /// Where these facts come from; none: as the model's head says, which must be `assumed` then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub origin: Option<Origin>,
    }
}

wire! {
    /// What an address counts.
    #[derive(Copy, Eq, Default)]
    pub enum AddressStep {
        /// 16-bit registers, as Modbus has it.
        #[default]
        Register,
        /// Bytes: a u32 takes four addresses and two registers, and neighbours are read without gaps (JK PB).
        Byte,
        /// Whole fields: whatever its length, a field has one address (JBD); several registers of the model may lie in one.
        Field,
    }
}

wire! {
    /// What the quantity of a Modbus request counts.
    #[derive(Copy, Eq, Default)]
    pub enum Quantity {
        #[default]
        Registers,
        /// The span of addresses, though the answer holds only the registers in it.
        Addresses,
    }
}

wire! {
    /// The first frames to a sleeping board are lost: they wake it.
    #[serde(deny_unknown_fields)]
    pub struct WakeSettings {
        /// Frames that may be lost.
        pub frames: u8,
        /// Pause after each of them, milliseconds.
        pub pause_ms: u32,
    }
}

wire! {
    /// What a number in an exception (or status) answer means.
    #[serde(deny_unknown_fields)]
    pub struct ExceptionMeaning {
        pub code: u8,
        pub title: Bilingual,
        /// Whether the same question may be asked again: busy, a damaged request.
        #[serde(default)]
        pub transient: bool,
    }
}

wire! {
    /// How bytes become frames.
    #[derive(Copy, Eq)]
    pub enum Framing {
        ModbusRtu,
        /// `DD A5|5A register length data check 77` (JBD, Xiaoxiang, Overkill).
        Jbd,
        /// As `[frame]` describes it.
        Described,
    }
}

fn three() -> u8 {
    3
}

fn yes() -> bool {
    true
}
