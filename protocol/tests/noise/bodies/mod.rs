//! What every decoder and machine must bear, whatever bytes it is given: one body each. Random bytes run through them in the
//! property tests, the kept corpora in `corpus.rs`, and libFuzzer's findings in `fuzz/`.

#![expect(clippy::unwrap_used, reason = "a body that cannot go on is a finding")]

mod boot;
mod conversation;
mod described;
mod jbd;
mod modbus;
mod sniffers;
mod ymodem;

use core::time::Duration;

pub use boot::{boot_menu, intel_hex};
pub use conversation::guard_conversation;
pub use described::described;
pub use jbd::{jbd_board, jbd_host};
pub use modbus::{modbus_client, modbus_server};
pub use sniffers::sniffers;
pub use ymodem::{ymodem_receiver, ymodem_sender};

/// Takes arbitrary bytes and panics where a promise is broken.
pub type Body = fn(&[u8]);

/// Every body, under the name of its fuzz target and its corpus.
pub const BODIES: [(&str, Body); 11] = [
    ("boot_menu", boot_menu),
    ("described", described),
    ("guard_conversation", guard_conversation),
    ("intel_hex", intel_hex),
    ("jbd_board", jbd_board),
    ("jbd_host", jbd_host),
    ("modbus_client", modbus_client),
    ("modbus_server", modbus_server),
    ("sniffers", sniffers),
    ("ymodem_receiver", ymodem_receiver),
    ("ymodem_sender", ymodem_sender),
];

fn ms(value: u64) -> Duration {
    Duration::from_millis(value)
}

/// Cuts a stream into lumps that follow from its content: the same input is always cut the same way.
fn lumps(stream: &[u8]) -> Vec<&[u8]> {
    let mut state = stream.iter().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3)
    });
    let (mut rest, mut lumps) = (stream, Vec::new());
    while !rest.is_empty() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (lump, later) = rest.split_at(rest.len().min(1 + (state >> 59) as usize));
        lumps.push(lump);
        rest = later;
    }
    lumps
}
