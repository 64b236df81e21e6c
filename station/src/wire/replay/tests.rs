//! A scripted board, a transfer, and what the log of them says.

use super::*;
use crate::{
    board::{BoardReply, BoardRequest, FlashEntry, Secret},
    flash::tests::loader::{Setup, Trouble, connect, image},
    link::tests::peer::{self, Mischief, Peer, ask, read},
    wire::{Begin, Recorder, form::decode, tests::traces_of},
};
use chrono::DateTime;
use domain::model::BootGeneration;
use protocol::modbus::rtu as frames;
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

fn exchanges(messages: &[Message]) -> Vec<&Exchange> {
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
