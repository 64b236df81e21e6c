//! The boot menu's dialogue and Intel HEX.

use core::time::Duration;

use jigline_protocol::boot_menu::{BootMenu, BootMenuEvent, BootMenuOptions};
use jigline_protocol::image::intel_hex::{HexImage, parse_intel_hex};
use jigline_protocol::ymodem::Generation;

use super::{lumps, ms};

/// The menu's client: each command ends, whatever the loader says, and says one thing; lumps make no difference.
pub fn boot_menu(data: &[u8]) {
    let Some((&selector, stream)) = data.split_first() else { return };
    let pause = ms(u64::from(selector >> 4) * 8);
    let lumped = converse(selector, &lumps(stream), pause);
    if pause.is_zero() && !stream.is_empty() {
        assert_eq!(converse(selector, &[stream], pause), lumped);
    }
}

fn converse(selector: u8, parts: &[&[u8]], pause: Duration) -> Vec<BootMenuEvent> {
    let generation = [Generation::Standard, Generation::Spl, Generation::Hal][usize::from(selector % 3)];
    let mut now = ms(0);
    let mut menu = BootMenu::new(now, BootMenuOptions::new(generation, 9600));
    let mut outcomes = vec![];
    // Twice the same stream: what a command leaves behind must not spoil the next.
    for command in [selector / 3 % 4, 0] {
        match command {
            0 => menu.probe(now),
            1 => menu.start_download(now),
            2 => menu.await_result(now),
            _ => menu.execute(now),
        }
        let before = outcomes.len();
        for lump in parts {
            now += pause;
            menu.handle_bytes(now, lump);
            while let Some(key) = menu.poll_transmit(now) {
                assert_eq!(key.len(), 1, "menus read keys one by one");
            }
            outcomes.extend(menu.poll_event());
        }
        for _ in 0..64 {
            let Some(due) = menu.poll_timeout() else { break };
            now = now.max(due);
            menu.handle_timeout(now);
            while menu.poll_transmit(now).is_some() {}
            outcomes.extend(menu.poll_event());
        }
        assert_eq!(outcomes.len(), before + 1, "a command has one outcome");
        assert_eq!(menu.poll_timeout(), None, "and then it rests");
        assert!(menu.text().len() <= 4096);
    }
    outcomes
}

/// Intel HEX: what is understood, written again, reads the same.
pub fn intel_hex(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(image) = parse_intel_hex(&text, 0xFF) else { return };
    assert!(!image.bytes.is_empty());
    // Long gaps are filled; writing megabytes of them proves nothing more.
    if image.bytes.len() > 65_536 {
        return;
    }
    let mut again = String::new();
    for (index, byte) in image.bytes.iter().enumerate() {
        let address = u64::from(image.start) + index as u64;
        let [_, _, _, _, upper_high, upper_low, high, low] = address.to_be_bytes();
        if index == 0 || (high, low) == (0, 0) {
            again += &record(&[2, 0, 0, 4, upper_high, upper_low]);
        }
        again += &record(&[1, high, low, 0, *byte]);
    }
    again += &record(&[0, 0, 0, 1]);
    assert_eq!(parse_intel_hex(&again, 0x00), Ok(HexImage { filled: 0, ..image }), "and lacks nothing");
}

fn record(bytes: &[u8]) -> String {
    let sum = bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_sub(*byte));
    let digits: String = bytes.iter().chain([&sum]).map(|byte| format!("{byte:02X}")).collect();
    format!(":{digits}\n")
}
