//! Every decoder and machine of the crate under arbitrary bytes.

#![expect(clippy::expect_used, reason = "a missing corpus must fail its test")]

mod bodies;
mod corpus;

use bodies::BODIES;
use proptest::prelude::*;

/// Bytes that are none of ours, and bytes that look a little like everything we know.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let marks: &[&[u8]] = &[
        &[0xDD],
        &[0x77],
        &[0xDD, 0xA5],
        &[0xDD, 0x5A],
        &[0xDD, 0x03, 0x00],
        &[0, 0],
        &[0x55, 0xAA, 0xEB, 0x90],
        &[1, 3],
        &[1, 4, 2],
        &[1, 6],
        &[1, 0x10],
        &[1, 0x83],
        &[0x51, 3],
        &[0xA5, 0x01],
        b"~21",
        &[1, 0x78],
        &[0x43],
        &[0x06],
        &[0x15],
        &[0x18, 0x18],
        &[0x01, 0x00, 0xFF],
        &[0x02, 0x01, 0xFE],
        &[0x04],
        b"Waiting for the file",
        b"Invalid Number",
        b"Programming Completed Successfully",
        b":00000001FF\n",
        b":0100000001FE\n",
        b":02000004",
    ];
    let piece = prop_oneof![
        3 => proptest::collection::vec(any::<u8>(), 1..4),
        2 => (0..marks.len()).prop_map(move |index| marks[index].to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 100..300),
    ];
    proptest::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

/// What happens in a conversation, step by step.
fn script() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..120)
}

macro_rules! bears_noise {
    ($cases:literal times: $($test:ident: $body:ident <- $bytes:expr;)*) => {
        proptest! {
            #![proptest_config(ProptestConfig::with_cases($cases))]
            $(#[test]
            fn $test(bytes in $bytes) {
                bodies::$body(&bytes);
            })*
        }
    };
}

bears_noise! {
    256 times:
    the_boot_menus_client_bears_noise: boot_menu <- noise();
    intel_hex_bears_noise: intel_hex <- noise();
    a_described_framing_bears_noise: described <- noise();
    a_jbd_boards_decoder_bears_noise: jbd_board <- noise();
    a_jbd_hosts_decoder_and_client_bear_noise: jbd_host <- noise();
    the_modbus_client_bears_noise: modbus_client <- noise();
    the_modbus_servers_decoder_bears_noise: modbus_server <- noise();
    both_sniffers_bear_noise: sniffers <- noise();
    a_ymodem_receiver_bears_noise: ymodem_receiver <- noise();
    the_ymodem_sender_bears_noise: ymodem_sender <- noise();
}

// What spoils a talk is a rare order of events: many talks, and cheap ones.
bears_noise! {
    8192 times:
    a_believed_answer_is_that_to_the_last_question_whatever_happens: guard_conversation <- script();
}

#[test]
fn every_body_bears_nothing_at_all_and_every_single_byte() {
    for (_, body) in BODIES {
        body(&[]);
        for byte in 0..=u8::MAX {
            body(&[byte]);
        }
    }
}
