//! The whole way of an image, under a paused clock: application at 9600 baud, loader at 19200.

pub(crate) mod loader;

use crate::{
    board::{BoardReply, BoardRequest, FlashEntry, Flashed},
    link::{BoardLink, tests::peer::ask},
};
use domain::{
    model::BootGeneration,
    record::FoundState,
    text::{Fault, FaultCode},
};
use loader::{Setup, Trouble, connect, image};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, timeout};

fn setup() -> Setup {
    Setup { generation: BootGeneration::Spl, in_loader: false, trouble: Trouble::None, obeys: true }
}

async fn flash(link: &mut BoardLink, entry: FlashEntry) -> Result<(Flashed, Vec<u8>), Fault> {
    let mut percents = Vec::new();
    let request = BoardRequest::Flash { entry, image: Arc::new(image()), attempt: 1 };
    match link.execute(request, &mut |percent| percents.push(percent)).await?.reply {
        BoardReply::Flashed(flashed) => Ok((flashed, percents)),
        other => panic!("{other:?}"),
    }
}

async fn crc(link: &mut BoardLink) -> Option<u32> {
    match ask(link, BoardRequest::ReadIdentity).await.unwrap() {
        BoardReply::Identity(identity) => identity.firmware_crc32,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_image_goes_from_a_running_application_through_either_loader_to_a_running_one() {
    for generation in [BootGeneration::Spl, BootGeneration::Hal] {
        let (mut link, seen) = connect(&Setup { generation, ..setup() });
        assert_eq!(crc(&mut link).await, Some(0xDEAD_BEEF));
        let started = Instant::now();
        let (flashed, percents) = flash(&mut link, FlashEntry::Application).await.unwrap();
        assert_eq!(flashed, Flashed { blocks: 11, resent: 0, confirmed: true }, "{generation:?}");
        assert!(percents.is_sorted() && percents.last() == Some(&100), "{percents:?}");
        assert_eq!(*seen.flash.lock().unwrap(), image().bytes);
        // 13 blocks of 1029 bytes are 7 s of wire; erase, menu and waits come on top.
        assert!(started.elapsed() < Duration::from_secs(13), "{:?}", started.elapsed());
        ask(&mut link, BoardRequest::StartApplication).await.unwrap();
        assert_eq!(crc(&mut link).await, Some(0x1234_5678), "the new application answers");
    }
}

#[tokio::test(start_paused = true)]
async fn a_board_found_in_its_loader_is_flashed_straight() {
    let (mut link, seen) = connect(&Setup { in_loader: true, ..setup() });
    let found = ask(&mut link, BoardRequest::Probe { silent_ms: 10_000 }).await.unwrap();
    assert_eq!(found, BoardReply::Found(FoundState::Loader));
    flash(&mut link, FlashEntry::Loader).await.unwrap();
    assert_eq!(*seen.flash.lock().unwrap(), image().bytes);
    ask(&mut link, BoardRequest::StartApplication).await.unwrap();
    assert_eq!(crc(&mut link).await, Some(0x1234_5678));
}

#[tokio::test(start_paused = true)]
async fn a_flipped_byte_that_the_loader_takes_keeps_the_application_from_starting() {
    let (mut link, seen) = connect(&Setup { trouble: Trouble::Flip(5000), ..setup() });
    let (flashed, _) = flash(&mut link, FlashEntry::Application).await.unwrap();
    assert_eq!(flashed.resent, 0, "AN2557 looks at no CRC");
    assert_ne!(*seen.flash.lock().unwrap(), image().bytes);
    let fault = ask(&mut link, BoardRequest::StartApplication).await.unwrap_err();
    assert_eq!(fault.code, FaultCode::ApplicationDidNotStart);
    assert_eq!(fault.args["found"], "loader");
    // Its menu came at once: nobody waits out the time that an application would have had.
    assert!(fault.args["seconds"].parse::<f64>().unwrap() < 1.5, "{fault:?}");
    // The board is where another attempt can begin.
    flash(&mut link, FlashEntry::Loader).await.unwrap();
    ask(&mut link, BoardRequest::StartApplication).await.unwrap();
    assert_eq!(crc(&mut link).await, Some(0x1234_5678));
}

#[tokio::test(start_paused = true)]
async fn a_disturbed_block_is_sent_again() {
    for (generation, trouble) in
        [(BootGeneration::Spl, Trouble::Drop(5000)), (BootGeneration::Hal, Trouble::Flip(5000))]
    {
        let (mut link, seen) = connect(&Setup { generation, trouble, ..setup() });
        let (flashed, _) = flash(&mut link, FlashEntry::Application).await.unwrap();
        assert!(flashed.resent >= 1, "{generation:?}");
        assert_eq!(*seen.flash.lock().unwrap(), image().bytes, "{generation:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_transfer_that_stops_says_where() {
    let (mut link, _seen) = connect(&Setup { trouble: Trouble::Cut(5000), ..setup() });
    let request =
        BoardRequest::Flash { entry: FlashEntry::Application, image: Arc::new(image()), attempt: 2 };
    let fault = ask(&mut link, request).await.unwrap_err();
    assert_eq!((fault.code, fault.args["attempts"].as_str()), (FaultCode::FlashFailed, "2"));
    assert!(fault.args["reason"].contains("block 4"), "{fault:?}");
}

#[tokio::test(start_paused = true)]
async fn a_board_that_does_not_enter_its_loader_is_named_so() {
    let (mut link, _seen) = connect(&Setup { obeys: false, ..setup() });
    let fault = flash(&mut link, FlashEntry::Application).await.unwrap_err();
    assert_eq!((fault.code, fault.args["menu_timeout_s"].as_str()), (FaultCode::LoaderSilent, "3"));
}

#[tokio::test(start_paused = true)]
async fn after_a_transfer_given_up_half_way_the_loader_is_found_and_flashed() {
    for generation in [BootGeneration::Spl, BootGeneration::Hal] {
        let (mut link, seen) = connect(&Setup { generation, ..setup() });
        assert!(timeout(Duration::from_secs(7), flash(&mut link, FlashEntry::Application)).await.is_err());
        let found = ask(&mut link, BoardRequest::Probe { silent_ms: 10_000 }).await.unwrap();
        assert_eq!(found, BoardReply::Found(FoundState::Loader), "{generation:?}");
        flash(&mut link, FlashEntry::Loader).await.unwrap();
        assert_eq!(*seen.flash.lock().unwrap(), image().bytes, "{generation:?}");
    }
}

#[test]
fn an_image_that_cannot_be_the_boards_is_refused() {
    for (bytes, words) in [(0, "0 bytes"), (1001, "1001 bytes, the board takes 1000")] {
        let fault = super::image("image.bin", vec![0; bytes], 1000).unwrap_err();
        assert_eq!(fault.code, FaultCode::BundleRefused);
        assert!(fault.args["detail"].contains(words), "{fault:?}");
    }
    assert_eq!(super::image("my image é.bin", vec![1], 1000).unwrap().name, "my_image__.bin");
}
