//! The figures of a line.

use std::time::Duration;

/// USB adapters hold bytes back for up to 16 ms each way before they tell.
const ADAPTER_SLACK: Duration = Duration::from_millis(32);

/// The figures of a line, from the model.
#[derive(Debug, Clone, Copy)]
pub(super) struct BusSettings {
    /// Modbus device address.
    pub address: u8,
    /// Address that its answers bear.
    pub reply_address: u8,
    /// How long the board may think.
    pub timeout: Duration,
    /// Quiet between exchanges.
    pub gap: Duration,
    /// Pause after a write.
    pub store: Duration,
    /// Unexpected frames that a run bears.
    pub unexpected_limit: u32,
    /// Bits per second of the application.
    pub baud: u32,
    /// Pause after a frame that may only have woken the board; none where boards do not sleep.
    pub wake: Option<Duration>,
}

impl BusSettings {
    /// From the last byte of a request to the first of its answer, as the system shows it.
    pub(super) fn patience(&self) -> Duration {
        self.timeout + ADAPTER_SLACK
    }

    /// How long nothing may come before the line counts as drained: longer than any pause within a burst. An answer that is later
    /// than that is told by its shape ([`LinkGuard`](protocol::guard::LinkGuard)), and costs another drain.
    pub(super) fn quiet(&self) -> Duration {
        (self.timeout / 4).clamp(Duration::from_millis(50), Duration::from_millis(250))
    }
}
