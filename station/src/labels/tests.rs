//! Labels in the journal: what must be printed and what was scanned, whatever becomes of the program.

use super::printer::{Wire, ask, send};
use crate::journal::{Journal, UnitLabel};
use chrono::DateTime;
use domain::{
    ids::{BatchId, OutboxId, RunId, StationId},
    label_template::{Field, LabelValues, PrinterLanguage},
    labelling::{LabelMatch, PrinterState, Reprint, ReprintReason},
    prompt::AnswerSource,
};
use std::path::Path;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
use uuid::Uuid;

fn journal(folder: &Path) -> Journal {
    let (station, outbox) = (StationId(Uuid::from_u128(1)), OutboxId(Uuid::from_u128(2)));
    Journal::open(&folder.join("journal.sqlite"), station, outbox, DateTime::UNIX_EPOCH).unwrap()
}

fn label(serial: &str, minute: i64) -> UnitLabel {
    UnitLabel {
        serial: serial.to_owned(),
        run_id: Some(RunId(Uuid::from_u128(3))),
        batch_id: BatchId(Uuid::from_u128(4)),
        slot: Some(1),
        template: "unit-50x25 r1".to_owned(),
        template_toml: "…".to_owned(),
        values: LabelValues::default().with(Field::Serial, serial).with(Field::ProductZh, "钛酸锂"),
        started_at: DateTime::UNIX_EPOCH,
        due_at: DateTime::from_timestamp(60 * minute, 0).unwrap(),
        wanted: 1,
        prints: 0,
        reprints: Vec::new(),
        matched: None,
    }
}

fn matched() -> LabelMatch {
    LabelMatch {
        at: DateTime::UNIX_EPOCH,
        by: Some("li".to_owned()),
        source: AnswerSource::Page,
        slot: Some(1),
        code: "TB1".to_owned(),
    }
}

#[test]
fn what_is_due_is_due_until_it_was_scanned_and_the_server_is_told_of_every_change() {
    let folder = tempfile::tempdir().unwrap();
    let desk = journal(folder.path());
    let (first, mut second) = (label("TB1", 1), label("TB2", 2));
    desk.keep_label(&second).unwrap();
    desk.keep_label(&first).unwrap();
    drop(desk);
    let desk = journal(folder.path());
    assert_eq!(desk.unlabelled().unwrap(), [first.clone(), second.clone()], "the oldest first");
    let told = desk.untold_labels(10).unwrap();
    assert_eq!(told.iter().map(|one| one.news.serial.as_str()).collect::<Vec<_>>(), ["TB1", "TB2"]);
    // Changed while the server is being told: that is told, too.
    second.reprints.push(Reprint { reason: ReprintReason::Spoilt, at: DateTime::UNIX_EPOCH });
    second.wanted = 2;
    desk.keep_label(&second).unwrap();
    desk.labels_told(&told).unwrap();
    let told = desk.untold_labels(10).unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].news.reprints.len(), 1);
    desk.labels_told(&told).unwrap();
    assert_eq!(desk.untold_labels(10).unwrap(), []);
    second.matched = Some(matched());
    desk.keep_label(&second).unwrap();
    assert_eq!(desk.unlabelled().unwrap(), [first]);
    assert_eq!(desk.unit_label("TB2").unwrap(), Some(second), "it may be torn off later");
    assert_eq!(desk.untold_labels(10).unwrap()[0].news.matched, Some(matched()));
    assert_eq!(desk.unit_label("TB9").unwrap(), None);
}

/// Asks, the other end answering with `bytes` once it was asked.
async fn answered(language: PrinterLanguage, bytes: &[u8]) -> Result<Option<(PrinterState, bool)>, String> {
    let (near, mut far) = duplex(1024);
    let mut near: Box<dyn Wire> = Box::new(near);
    let other = async {
        let mut question = [0; 3];
        far.read_exact(&mut question).await.unwrap();
        let expected: &[u8] = if language == PrinterLanguage::Zpl { b"~HS" } else { b"\x1b!?" };
        assert_eq!(question, expected);
        far.write_all(bytes).await.unwrap();
        far
    };
    tokio::join!(ask(&mut *near, language), other).0
}

#[tokio::test(start_paused = true)]
async fn a_printer_says_in_its_language_what_keeps_it_from_printing() {
    use PrinterLanguage as L;
    use PrinterState as P;
    for (byte, state) in [
        (0x00, P::Ready),
        (0x01, P::HeadOpen),
        (0x02, P::Jammed),
        (0x04, P::PaperOut),
        (0x08, P::RibbonOut),
        (0x10, P::Paused),
    ] {
        assert_eq!(answered(L::Tspl, &[byte]).await, Ok(Some((state, false))), "{byte:02X}h");
    }
    assert_eq!(answered(L::Tspl, &[0x20]).await, Ok(Some((P::Ready, true))), "it prints");
    let out = b"\x02030,1,0,1245,000,0,0,0,000,0,0,0\x03\r\n\x02000,0,0,0,0,2,4,0,00000001,1,000\x03\r\n\x021234,0\x03\r\n";
    assert_eq!(answered(L::Zpl, out).await, Ok(Some((P::PaperOut, true))));
    // One that answers nothing, or half of it, says nothing of itself: labels are sent to it all the same.
    assert_eq!(answered(L::Zpl, b"").await, Ok(None));
    assert_eq!(answered(L::Zpl, &out[..40]).await, Ok(None));
}

#[tokio::test(start_paused = true)]
async fn a_printer_that_takes_no_more_bytes_keeps_nobody_waiting_for_ever() {
    let (near, _far) = duplex(16);
    let mut near: Box<dyn Wire> = Box::new(near);
    let begun = tokio::time::Instant::now();
    let fault = send(&mut *near, &[0; 4096]).await.unwrap_err();
    assert_eq!((fault.as_str(), begun.elapsed().as_secs()), ("it did not take a label within 10 s", 10));
    let (near, far) = duplex(16);
    drop(far);
    let mut near: Box<dyn Wire> = Box::new(near);
    assert!(ask(&mut *near, PrinterLanguage::Zpl).await.is_err(), "it is gone");
}
