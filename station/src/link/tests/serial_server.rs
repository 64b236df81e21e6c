//! A port of a serial server: over real sockets, so in real time and short.

use super::peer::{Peer, ask, model, read};
use crate::{
    board::{BoardReply, BoardRequest},
    link::{BoardLink, Line, LinkOptions},
};
use domain::{record::FoundState, text::FaultCode};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};

const ONE_RATE: LinkOptions = LinkOptions { baud: Some(9600), unexpected_limit: 8 };

/// Its port, and what is behind it until it is told to close.
struct SerialServer {
    device: String,
    close: oneshot::Sender<()>,
    accepted: JoinHandle<Option<TcpStream>>,
}

impl SerialServer {
    async fn start(peer: Peer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let device = format!("tcp:{}", listener.local_addr().unwrap());
        let (close, closed) = oneshot::channel::<()>();
        let accepted = tokio::spawn(async move {
            let (near, far) = tokio::io::duplex(4096);
            let _board = tokio::spawn(peer.serve(far));
            let mut near = near;
            let serve = async {
                let (mut stream, _) = listener.accept().await.unwrap();
                let _ended = copy_bidirectional(&mut stream, &mut near).await;
                stream
            };
            tokio::select! { stream = serve => Some(stream), _ = closed => None }
        });
        Self { device, close, accepted }
    }

    fn link(&self, options: LinkOptions) -> BoardLink {
        BoardLink::new(Line::open(&self.device, 9600).unwrap(), model(), options)
    }
}

#[tokio::test]
async fn a_board_behind_a_serial_server_is_worked_like_any_other_until_the_server_closes() {
    let server = SerialServer::start(Peer::new()).await;
    let mut link = server.link(ONE_RATE);
    let found = ask(&mut link, BoardRequest::Probe { silent_ms: 5000 }).await.unwrap();
    assert_eq!(found, BoardReply::Found(FoundState::Application));
    ask(&mut link, BoardRequest::ReadIdentity).await.unwrap();
    assert_eq!(read(&mut link, &["charge_limit_mv", "current"]).await.unwrap(), ["4200", "19.9"]);
    assert_eq!(link.unexpected_frames(), 0);
    server.close.send(()).unwrap();
    server.accepted.await.unwrap();
    let fault = read(&mut link, &["current"]).await.unwrap_err();
    assert_eq!((fault.code, &fault.args["device"]), (FaultCode::PortVanished, &server.device));
    assert!(fault.args["detail"].contains("check"), "what to do is not said: {fault:?}");
    assert!(link.is_lost());
}

#[tokio::test]
async fn a_board_that_needs_two_rates_is_refused_behind_a_serial_server_before_a_byte_is_sent() {
    let server = SerialServer::start(Peer::new()).await;
    // The model: 9600 for the application, 19200 for the loader.
    let mut link = server.link(LinkOptions::default());
    for request in [BoardRequest::Probe { silent_ms: 5000 }, BoardRequest::ReadIdentity] {
        let fault = ask(&mut link, request).await.unwrap_err();
        assert_eq!(fault.code, FaultCode::PortRateFixed);
        assert_eq!(fault.args["device"], server.device);
        assert_eq!(
            (fault.args["application_baud"].as_str(), fault.args["loader_baud"].as_str()),
            ("9600", "19200")
        );
    }
    assert_eq!(link.wire_use().bytes(), 0);
    assert!(!server.accepted.is_finished(), "somebody connected");
}

#[tokio::test]
async fn a_serial_server_that_is_not_there_or_not_named_is_said_with_what_to_do() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let device = format!("tcp:{}", closed.local_addr().unwrap());
    drop(closed);
    let mut link = BoardLink::new(Line::open(&device, 9600).unwrap(), model(), ONE_RATE);
    let fault = ask(&mut link, BoardRequest::Probe { silent_ms: 5000 }).await.unwrap_err();
    assert_eq!((fault.code, &fault.args["device"]), (FaultCode::PortNotOpened, &device));
    assert!(
        fault.args["detail"].contains("cannot be reached") && fault.args["detail"].contains("check"),
        "{fault:?}"
    );
    for nameless in ["tcp:", "tcp:10.0.0.7", "tcp::4001", "tcp:10.0.0.7:port"] {
        let fault = Line::open(nameless, 9600).unwrap_err();
        assert!(fault.args["detail"].contains("tcp:HOST:PORT"), "{fault:?}");
    }
}
