//! A scripted board, a transfer, and what the log of them says.

mod described;

use crate::{
    board::{BoardReply, BoardRequest, FlashEntry, Secret},
    flash::tests::loader::{Setup, Trouble, connect, image},
    link::tests::peer::{self, Mischief, Peer, ask, read},
    wire::{
        Begin, ImageBlock, Recorder, What,
        form::decode,
        replay::{Exchange, Message, Said, fields::Reader, replay, sent_bytes},
        tests::traces_of,
    },
};
use chrono::DateTime;
use domain::model::{BootGeneration, DeviceModel, Framing};
use protocol::modbus::{Request, rtu as frames};
use std::{collections::BTreeMap, sync::Arc};

fn recorder() -> Recorder {
    let recorder = Recorder::default();
    recorder.begin(Begin { at: DateTime::from_timestamp(1_900_000_000, 0).unwrap(), slot: None });
    recorder
}

fn messages(recorder: &Recorder, image: Option<&[u8]>) -> Vec<Message> {
    let log = decode(&recorder.log(None).unwrap()).unwrap();
    assert_eq!(log.damage, None);
    replay(&log, Some(&peer::model()), image)
}

pub(super) fn exchanges(messages: &[Message]) -> Vec<&Exchange> {
    let exchange = |message: &'_ Message| matches!(message.said, Said::Request(_));
    let all = messages.iter().filter(|message| exchange(message));
    all.filter_map(|message| if let Said::Request(exchange) = &message.said { Some(exchange) } else { None })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn requests_are_paired_with_their_answers_and_registers_have_names_and_values() {
    let mut peer = Peer::new();
    peer.mischief.insert(1, Mischief::Nothing);
    peer.mischief.insert(4, Mischief::Exception(2));
    let recorder = recorder();
    let (link, _board) = peer.connect();
    let mut link = link.recorded_by(&recorder);
    ask(&mut link, BoardRequest::ReadIdentity).await.unwrap();
    assert_eq!(read(&mut link, &["charge_limit_mv"]).await.unwrap(), ["4200"]);
    assert!(read(&mut link, &["current"]).await.is_err());
    let values = BTreeMap::from([("charge_limit_mv".to_owned(), 4250.0.into())]);
    ask(&mut link, BoardRequest::WriteProfile { values, ratings: domain::rules::Ratings::default() })
        .await
        .unwrap();
    let messages = messages(&recorder, None);
    let exchanges = exchanges(&messages);
    let unanswered: Vec<_> = exchanges.iter().filter(|exchange| exchange.answer.is_none()).collect();
    assert_eq!(unanswered.len(), 1, "{messages:#?}");
    assert_eq!((unanswered[0].address, unanswered[0].count), (100, 1));
    let model_code = exchanges[0].values.iter().find(|shown| shown.name == "model_code").unwrap();
    assert_eq!((model_code.value.clone(), &model_code.raw), (7.0.into(), &vec![7]));
    assert!(
        exchanges
            .iter()
            .any(|e| e.answer.as_ref().is_some_and(|a| a.result == "refused: illegal data address (02h)"))
    );
    let written: Vec<_> = exchanges.iter().filter(|exchange| exchange.is_write()).collect();
    assert_eq!(written.len(), 1);
    let shown = &written[0].values[0];
    assert_eq!(
        (shown.name.as_str(), shown.value.clone(), shown.unit.as_str()),
        ("charge_limit_mv", 4250.0.into(), "mV")
    );
    let answer = written[0].answer.as_ref().unwrap();
    // The scripted board answers after the request's wire time and its own: two frames of eight bytes at 9600 baud.
    assert!(answer.result == "ok" && (16.0..19.0).contains(&answer.after_ms), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn passwords_tried_set_and_proved_stand_nowhere_in_the_log_of_a_board_that_echoes_and_falls_silent() {
    for mischief in [None, Some(Mischief::Nothing), Some(Mischief::Twice), Some(Mischief::TakenUnanswered)] {
        let mut peer = Peer::new();
        if let Some(mischief) = mischief {
            peer.mischief.insert(2, mischief);
        }
        let recorder = recorder();
        let (link, _board) = peer.connect();
        let mut link = link.recorded_by(&recorder);
        let secrets = ["999999", "123456", "271828"];
        let candidates = secrets[..2].iter().map(|secret| Secret::new(*secret)).collect();
        ask(&mut link, BoardRequest::Unlock { candidates }).await.unwrap();
        ask(&mut link, BoardRequest::SetPassword { new: Secret::new(secrets[2]) }).await.unwrap();
        let log = recorder.log(None).unwrap();
        for (secret, register) in [(secrets[0], 200), (secrets[1], 200), (secrets[2], 204)] {
            let values =
                secret.as_bytes().chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
            let frame =
                frames::encode_request(1, &Request::WriteMultiple { address: register, values }).unwrap();
            let found = traces_of(secret, &frame, &log);
            assert!(found.is_empty(), "{secret}: {found:?}");
        }
        let messages = messages(&recorder, None);
        let shown: Vec<_> =
            exchanges(&messages).into_iter().filter_map(|exchange| exchange.password.clone()).collect();
        let names: Vec<_> = shown.iter().map(|password| password.register.as_deref().unwrap()).collect();
        assert!(names.len() >= 3 && names.last() == Some(&"new_password"), "{names:?}");
        assert!(shown.iter().all(|password| password.length == 6 && password.keyed_hash.is_none()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_transfer_is_told_block_by_block_and_its_bytes_come_out_of_the_image_again() {
    for (generation, trouble) in
        [(BootGeneration::Spl, Trouble::Drop(5000)), (BootGeneration::Hal, Trouble::Flip(5000))]
    {
        let (link, seen) = connect(&Setup { generation, in_loader: false, trouble, obeys: true });
        let recorder = recorder();
        let mut link = link.recorded_by(&recorder);
        ask(&mut link, BoardRequest::ReadIdentity).await.unwrap();
        let request =
            BoardRequest::Flash { entry: FlashEntry::Application, image: Arc::new(image()), attempt: 1 };
        let BoardReply::Flashed(flashed) = ask(&mut link, request).await.unwrap() else { panic!() };
        assert_eq!(*seen.flash.lock().unwrap(), image().bytes);
        assert!(flashed.resent > 0);
        let log = decode(&recorder.log(None).unwrap()).unwrap();
        assert_eq!(log.head.images.len(), 1);
        assert_eq!(log.head.images[0].sha256, domain::ids::ContentHash::of(&image().bytes));
        let blocks: Vec<ImageBlock> = log
            .entries
            .iter()
            .filter_map(|entry| if let What::Block(block) = entry.what { Some(block) } else { None })
            .collect();
        assert!(blocks.len() as u32 > flashed.blocks, "{} blocks, one was sent again", blocks.len());
        // No piece of the image stands in the log, though all of the wire comes out of it.
        let bytes = recorder.log(None).unwrap();
        assert!(!image().bytes.windows(12).any(|piece| bytes.windows(12).any(|window| window == piece)));
        let wire = sent_bytes(&log, &image().bytes).unwrap();
        assert_eq!(wire.len() as u64, link.wire_use().sent);
        let last = blocks.last().unwrap().frame(&image().bytes).unwrap();
        assert!(wire.windows(last.len()).any(|window| window == last));
        let told = replay(&log, Some(&peer::model()), Some(&image().bytes));
        let text = format!("{told:?}");
        for part in [
            "EndMark",
            "Closing",
            "Header { name: \"image.bin\", size: 10300",
            "command: Some(\"enter_loader\")",
        ] {
            assert!(text.contains(part), "{part} is missing: {text}");
        }
        let acknowledged = told.iter().filter(
            |message| matches!(&message.said, Said::Block { reply: Some(reply), .. } if reply.said == "ACK"),
        );
        assert!(acknowledged.count() as u32 >= flashed.blocks - 1);
        assert!(
            told.iter()
                .any(|m| matches!(&m.said, Said::Heard { text } if text.contains("Programming Completed"))),
            "{text}"
        );
    }
}

pub(super) fn shipped(id: &str) -> DeviceModel {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../profiles/models/{id}.toml"));
    domain::model::parse_model(id, &std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Bytes as people print them.
pub(super) fn bytes(printed: &str) -> Vec<u8> {
    hex::decode(printed.replace([' ', '\n'], "")).unwrap()
}

/// A conversation of questions and answers, as the recorder keeps it and today's decoders tell it.
pub(super) fn told(id: &str, conversation: &[(&str, &str)]) -> Vec<Message> {
    let recorder = recorder();
    for (question, answer) in conversation {
        recorder.expect_frame(&bytes(question));
        recorder.sent(&bytes(question));
        recorder.received(&bytes(answer));
    }
    let log = decode(&recorder.log(None).unwrap()).unwrap();
    replay(&log, Some(&shipped(id)), None)
}

/// `cell_1_mv 3288`, `soc_percent 99`, ...
pub(super) fn values_of(exchange: &Exchange) -> Vec<String> {
    exchange.values.iter().map(|shown| format!("{} {}", shown.name, shown.value)).collect()
}

#[tokio::test(start_paused = true)]
async fn registers_of_a_board_that_counts_bytes_have_their_own_names() {
    // dnc392/rs485-bms-probe@5515808:protocols/jk_rs485_modbus.py, "hardware confirmed"; JK-PB BMS RS485 Protocol Reference.
    let told = told(
        "jk-pb",
        &[
            ("01 03 12 00 00 08 41 74", "01 03 10 0C D8 0C D7 0C D7 0C D7 0C D8 0C D7 0C D8 0C D8 72 06"),
            ("01 10 10 70 00 02 04 00 00 00 01 F8 8B", "01 10 10 70 00 02 44 D3"),
            ("01 03 12 A0 00 02 C1 51", "01 83 04 40 F3"),
        ],
    );
    let exchanges = exchanges(&told);
    let cells = [3288, 3287, 3287, 3287, 3288, 3287, 3288, 3288].into_iter().enumerate();
    let cells: Vec<String> = cells.map(|(cell, mv)| format!("cell_{}_mv {mv}", cell + 1)).collect();
    assert_eq!(values_of(exchanges[0]), cells);
    assert_eq!(values_of(exchanges[1]), ["charge_switch 1"]);
    assert_eq!(exchanges[1].answer.as_ref().unwrap().result, "ok");
    // This board's own meaning of a number that the standard gives another.
    let refused = exchanges[2].answer.as_ref().unwrap();
    assert_eq!(refused.result, "refused: The request was damaged (CRC) (04h)");
}

#[tokio::test(start_paused = true)]
async fn halves_of_a_register_are_two_fields_and_words_of_none_keep_the_address_that_the_board_has() {
    let model = shipped("jk-pb");
    let half = model.registers.iter().find(|r| r.kind == domain::model::RegisterKind::U8Low).unwrap();
    let mut reader = Reader::new(Some(&model), Framing::ModbusRtu);
    let shown = reader.values(half.address, &[7, 9]);
    assert_eq!((shown.len(), &shown[1].name, &shown[1].raw), (2, &half.name, &vec![9]), "{shown:?}");
    let shown = reader.values(0x0F00, &[0, 1, 0, 2, 0, 3]);
    let names: Vec<&str> = shown.iter().map(|shown| shown.name.as_str()).collect();
    assert_eq!(names, ["0x0F00", "0x0F02", "0x0F04"]);
}

#[tokio::test(start_paused = true)]
async fn answers_that_bear_another_address_are_found_through_the_model_alone() {
    let question = frames::encode_request(0x81, &Request::ReadHolding { address: 0, quantity: 1 }).unwrap();
    let response = protocol::modbus::Response::ReadHolding(vec![3300]);
    let answer = frames::encode_response(0x51, &response).unwrap();
    let recorder = recorder();
    recorder.sent(&question);
    recorder.received(&answer);
    let log = decode(&recorder.log(None).unwrap()).unwrap();
    let mut model = shipped("pace");
    model.link.address = 0x81;
    assert!(exchanges(&replay(&log, Some(&model), None))[0].answer.is_none());
    model.link.reply_address = Some(0x51);
    assert!(exchanges(&replay(&log, Some(&model), None))[0].answer.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_conversation_with_a_jbd_board_is_told_with_its_fields_and_without_its_password() {
    // ieb/N2KNMEA0183Wifi@8fd1863:lib/jdbbms/SnoopOnBTAdapter.md; the password frames by the map's rules.
    let secret = "DD 5A 06 07 06 04 08 01 05 01 06 FF D4 77";
    let told = told(
        "jbd",
        &[
            (
                "DD A5 03 00 FF FD 77",
                "DD 03 00 26 05 35 00 00 74 65 76 C0 00 04 2E A8 00 00 00 00 00 00 25 62 03 04 03 0B 5F 0B 4D
                 0B 4F 00 00 00 76 C0 74 65 00 00 F8 FB 77",
            ),
            (
                "DD A5 05 00 FF FB 77",
                "DD 05 00 15 4A 42 44 2D 53 50 30 34 53 30 36 30 2D 33 30 30 41 2D 4C 34 53 FA FD 77",
            ),
            ("DD A5 42 00 FF BE 77", "DD 42 80 00 FF 80 77"),
            (secret, "DD 06 83 00 FF 7D 77"),
            ("DD 5A E1 02 00 01 FF 1C 77 00 01", ""),
        ],
    );
    let exchanges = exchanges(&told);
    assert_eq!(exchanges.len(), 5, "{told:#?}");
    let basic = values_of(exchanges[0]);
    for part in ["pack_voltage_mv 13330", "nominal_mah 304000", "soc_percent 98", "firmware_version 2.5"] {
        assert!(basic.iter().any(|value| value == part), "{part} is missing: {basic:?}");
    }
    assert!(values_of(exchanges[1]).contains(&"hardware_version JBD-SP04S060-300A-L4S".to_owned()));
    assert!(exchanges[2].answer.as_ref().unwrap().result.starts_with("refused: "));
    let password = exchanges[3].password.as_ref().unwrap();
    assert_eq!((password.length, exchanges[3].values.len()), (6, 0));
    assert!(exchanges[3].answer.as_ref().unwrap().result.starts_with("refused: Wrong password"));
    assert_eq!(exchanges[4].command.as_deref(), Some("charge_off"));
    assert!(exchanges[4].answer.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_jbd_password_stands_nowhere_in_a_log_whole_in_pieces_or_as_an_echo() {
    let digits = [4, 8, 1, 5, 1, 6];
    for (register, data) in [
        (0x06, [&[6][..], &digits].concat()),
        (0x06, [&[6][..], b"481516"].concat()),
        (0x07, [&[12][..], b"123456", b"481516"].concat()),
        (0x09, [&[6][..], b"481516"].concat()),
    ] {
        let request = protocol::jbd::Request::Write { register, data };
        let frame = request.encode(&[]).unwrap();
        for piece in [1, 3, frame.len()] {
            for echo in [vec![], frame.clone(), frame[2..].to_vec()] {
                let recorder = recorder();
                recorder.expect_frame(&frame);
                frame.chunks(piece).for_each(|piece| recorder.sent(piece));
                recorder.received(&echo);
                recorder.expect_frame(b"next");
                recorder.sent(b"next");
                let log = recorder.log(None).unwrap();
                let has = |needle: &[u8]| log.windows(needle.len()).any(|window| window == needle);
                assert!(!has(b"481516") && !has(b"123456") && !has(&digits), "{frame:02X?}: {log:02X?}");
                assert!(!has(&frame[frame.len() - 3..frame.len() - 1]), "the check sum leaves few to try");
                let log = decode(&log).unwrap();
                let withheld = log.entries.iter().find_map(|entry| match &entry.what {
                    What::Withheld(withheld) => Some((withheld.bytes as usize, withheld.length)),
                    _ => None,
                });
                assert_eq!(withheld, Some((frame.len() - 4, 6)));
            }
        }
        // A frame that went out without a word before it tells itself.
        let recorder = recorder();
        recorder.sent(&frame);
        assert!(
            !recorder.log(None).unwrap().windows(6).any(|window| window == b"481516" || window == digits)
        );
    }
}
