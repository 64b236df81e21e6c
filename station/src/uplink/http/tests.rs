//! What the client makes of answers, against a server that speaks lines typed in here.

use super::*;
use chrono::DateTime;
use domain::{
    floor::{FloorAct, FloorEvent},
    ids::{BatchId, FloorEventId, SerialBlockId},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use uuid::Uuid;

/// Answers one request with `status` and `body`, and gives the request's text.
async fn answer_once(listener: TcpListener, status: &str, body: &str) -> String {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer).await.unwrap();
        request.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&request);
        if let Some((head, sent)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| {
                    line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned)
                })
                .map_or(0, |length| length.parse().unwrap());
            if sent.len() >= length {
                break;
            }
        }
    }
    let answer =
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    stream.write_all(answer.as_bytes()).await.unwrap();
    String::from_utf8(request).unwrap()
}

async fn ask(status: &str, body: &str) -> (Result<SerialBlock, ServerFault>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = HttpServer::new(&format!("http://{}/", listener.local_addr().unwrap()), "the-key").unwrap();
    let question = LeaseSerialBlock {
        batch_id: BatchId(Uuid::from_u128(1)),
        block_id: SerialBlockId(Uuid::from_u128(2)),
        count: 16,
        share: None,
    };
    tokio::join!(server.serial_block(&question), answer_once(listener, status, body))
}

#[tokio::test]
async fn the_key_goes_along_and_the_answer_is_read() {
    let block = r#"{"block_id":"00000000-0000-0000-0000-000000000002","batch_id":"00000000-0000-0000-0000-000000000001","serials":["A"]}"#;
    let (answer, request) = ask("200 OK", block).await;
    assert_eq!(answer.unwrap().serials, ["A"]);
    assert!(request.starts_with("POST /api/v1/station/serial-blocks HTTP/1.1"), "{request}");
    assert!(request.contains("authorization: Bearer the-key"), "{request}");
}

#[tokio::test]
async fn what_may_come_right_later_is_away_and_what_never_will_is_refused() {
    let problem = r#"{"type":"urn:jigline:problem:quota_spent","code":"quota_spent","status":409,"detail":"the batch is full"}"#;
    let (refused, _) = ask("409 Conflict", problem).await;
    let expected =
        ServerFault::Refused { status: 409, code: "quota_spent".into(), detail: "the batch is full".into() };
    assert_eq!(refused.unwrap_err(), expected);
    assert!(matches!(
        ask("422 Unprocessable Content", "").await.0,
        Err(ServerFault::Refused { status: 422, .. })
    ));
    for status in [
        "500 Internal Server Error",
        "503 Service Unavailable",
        "401 Unauthorized",
        "403 Forbidden",
        "429 Too Many Requests",
        "408 Request Timeout",
    ] {
        assert!(matches!(ask(status, "").await.0, Err(ServerFault::Away(_))), "{status}");
    }
    // A portal that answers everything with a page of its own.
    let (garbage, _) = ask("200 OK", "<html>sign in</html>").await;
    assert!(matches!(garbage, Err(ServerFault::Away(detail)) if detail.contains("not understood")));
    // A server that has learnt words since: what it says may be a no.
    let (unknown, _) = ask("200 OK", r#"{"bundle":"word of another version"}"#).await;
    assert!(matches!(unknown, Err(ServerFault::NotUnderstood(detail)) if detail.contains("this version")));
}

#[tokio::test]
async fn a_change_over_and_what_people_did_are_told_with_the_key() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = HttpServer::new(&format!("http://{}/", listener.local_addr().unwrap()), "the-key").unwrap();
    let to = ChangeOver { batch_id: BatchId(Uuid::from_u128(1)), slots: vec![2, 3], by: "lin".into() };
    let (done, request) = tokio::join!(server.change_over(&to), answer_once(listener, "204 No Content", ""));
    done.unwrap();
    assert!(request.starts_with("POST /api/v1/station/change-over HTTP/1.1"), "{request}");
    assert!(request.contains("authorization: Bearer the-key"), "{request}");
    assert!(request.contains(r#""slots":[2,3],"by":"lin""#), "{request}");

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = HttpServer::new(&format!("http://{}/", listener.local_addr().unwrap()), "the-key").unwrap();
    let (event_id, at) = (FloorEventId(Uuid::from_u128(2)), DateTime::UNIX_EPOCH);
    let act = FloorAct::SignedOut { who: "lin".into() };
    let done = FloorEvents { events: vec![FloorEvent { event_id, at, shift_id: None, act }] };
    let (done, request) =
        tokio::join!(server.floor_events(&done), answer_once(listener, "204 No Content", ""));
    done.unwrap();
    assert!(request.starts_with("POST /api/v1/station/floor-events HTTP/1.1"), "{request}");
    assert!(request.contains(r#""kind":"signed_out","who":"lin""#), "{request}");
}

#[tokio::test]
async fn nobody_there_is_away_with_the_reason() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let server = HttpServer::new(&format!("http://{free}"), "k").unwrap();
    let fault = server.work().await.unwrap_err();
    assert!(fault.to_string().contains("refused"), "{fault}");
}
