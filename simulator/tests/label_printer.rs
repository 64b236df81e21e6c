//! The printer as a program: what is sent to its port comes out as a picture in its folder, and its troubles are files there.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may end so")]

use jigline_simulator::printer::{
    Language,
    serve::{Settings, read_printed, serve},
};
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};

const FORMAT: &[u8] = b"^XA^PW300^LL120^FO20,60^BY2^BCN,40,N,N,N,A^FDAB-1^FS^XZ";

/// Until it is so; a bound, and no pause that a slow machine could miss.
async fn until(is_so: impl Fn() -> bool) {
    let waited = async {
        while !is_so() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(20), waited).await.unwrap();
}

async fn script(address: SocketAddr, folder: &std::path::Path) {
    let printed = || read_printed(folder).unwrap();
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(FORMAT).await.unwrap();
    until(|| printed().len() == 1).await;
    assert_eq!(
        (printed()[0].codes.as_slice(), printed()[0].png.as_str()),
        (&["AB-1".to_owned()][..], "label-0001.png")
    );
    let png = std::fs::read(folder.join("label-0001.png")).unwrap();
    assert!(png.starts_with(b"\x89PNG"));
    // Out of paper it says so, and prints when there is some again.
    std::fs::write(folder.join("paper-out"), "").unwrap();
    client.write_all(b"^XA^FO1,1^GB9,9,9^FS^XZ~HS").await.unwrap();
    let mut answer = [0; 6];
    timeout(Duration::from_secs(20), client.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(&answer, b"\x02030,1");
    assert_eq!(printed().len(), 1);
    std::fs::remove_file(folder.join("paper-out")).unwrap();
    until(|| printed().len() == 2).await;
    drop(client);
    // Its plug is pulled: nobody gets in, and then somebody does.
    std::fs::write(folder.join("gone"), "").unwrap();
    until(|| std::net::TcpStream::connect(address).is_err()).await;
    std::fs::remove_file(folder.join("gone")).unwrap();
    until(|| std::net::TcpStream::connect(address).is_ok()).await;
}

#[tokio::test]
async fn a_printer_on_a_port_prints_into_its_folder_and_its_troubles_are_files() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let settings = Settings {
        language: Language::Zpl,
        dots_per_mm: 8,
        label: Duration::from_millis(5),
        folder: folder.path().to_owned(),
    };
    tokio::select! {
        ended = serve(listener, &settings) => panic!("{ended:?}"),
        () = script(address, folder.path()) => {}
    }
}
