//! A relay between station and server for the rough demo: it passes bytes on and keeps a copy of every request that
//! uploads records, so that the very same bytes can be sent a second time.

use anyhow::{Context, Result};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long the server may take to accept before the station is told that nobody is there.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// Runs until the process ends; each connection has two threads that end with it.
#[derive(Debug)]
pub struct Relay {
    pub address: SocketAddr,
    envelopes: Arc<Mutex<Vec<String>>>,
}

impl Relay {
    /// # Errors
    /// When loopback has no free port.
    pub fn start(server: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("listening for the station")?;
        let address = listener.local_addr()?;
        let envelopes = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&envelopes);
        std::thread::spawn(move || {
            for station in listener.incoming().flatten() {
                // Where the server is away, dropping the connection tells the station so.
                let Ok(server) = TcpStream::connect_timeout(&server, CONNECT_WITHIN) else { continue };
                let (Ok(station_out), Ok(server_out)) = (station.try_clone(), server.try_clone()) else {
                    continue;
                };
                let mut watch = Watch { seen: Vec::new(), kept: Arc::clone(&kept) };
                std::thread::spawn(move || pump(station, server_out, |bytes| watch.take(bytes)));
                std::thread::spawn(move || pump(server, station_out, |_| {}));
            }
        });
        Ok(Self { address, envelopes })
    }

    /// The texts of all records that went by, oldest first.
    pub fn envelopes(&self) -> Vec<String> {
        self.envelopes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream, mut seen: impl FnMut(&[u8])) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length) = from.read(&mut buffer) {
        let Some(bytes) = buffer.get(..length).filter(|bytes| !bytes.is_empty()) else { break };
        seen(bytes);
        if to.write_all(bytes).is_err() {
            break;
        }
    }
    // Both ways at once: half-open connections are of no use to HTTP and would keep the other thread waiting.
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}

/// Reads the requests that go by.
struct Watch {
    seen: Vec<u8>,
    kept: Arc<Mutex<Vec<String>>>,
}

impl Watch {
    fn take(&mut self, bytes: &[u8]) {
        self.seen.extend_from_slice(bytes);
        while let Some((head, body, length)) = first_request(&self.seen) {
            if head.starts_with("POST /api/v1/station/ingest ") {
                let envelopes = envelopes_in(&body);
                self.kept.lock().unwrap_or_else(PoisonError::into_inner).extend(envelopes);
            }
            self.seen.drain(..length);
        }
    }
}

/// Head, body and whole length of the first request in `seen`, once it is complete.
fn first_request(seen: &[u8]) -> Option<(String, Vec<u8>, usize)> {
    let end = seen.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(seen.get(..end)?).into_owned();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let whole = end + length.unwrap_or(0);
    Some((head, seen.get(end..whole)?.to_vec(), whole))
}

fn envelopes_in(body: &[u8]) -> Vec<String> {
    let request: Value = serde_json::from_slice(body).unwrap_or_default();
    let texts = request.get("envelopes").and_then(Value::as_array).into_iter().flatten();
    texts.filter_map(|text| text.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_kept_however_the_bytes_are_cut() {
        let body = r#"{"envelopes":["{\"number\":1}","{\"number\":2}"]}"#;
        let requests = format!(
            "GET /api/v1/station/assignment HTTP/1.1\r\nHost: x\r\n\r\n\
             POST /api/v1/station/ingest HTTP/1.1\r\ncontent-length: {}\r\n\r\n{body}\
             POST /api/v1/station/live HTTP/1.1\r\nContent-Length: 2\r\n\r\n{{}}",
            body.len()
        );
        for cut in 1..requests.len() {
            let kept = Arc::new(Mutex::new(Vec::new()));
            let mut watch = Watch { seen: Vec::new(), kept: Arc::clone(&kept) };
            let (first, second) = requests.as_bytes().split_at(cut);
            watch.take(first);
            watch.take(second);
            assert_eq!(*kept.lock().unwrap(), ["{\"number\":1}", "{\"number\":2}"], "cut at {cut}");
            assert!(watch.seen.is_empty());
        }
    }

    #[test]
    fn bytes_go_both_ways() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let relay = Relay::start(server.local_addr().unwrap()).unwrap();
        let mut station = TcpStream::connect(relay.address).unwrap();
        let (mut accepted, _) = server.accept().unwrap();
        let request =
            b"POST /api/v1/station/ingest HTTP/1.1\r\ncontent-length: 19\r\n\r\n{\"envelopes\":[\"a\"]}";
        station.write_all(request).unwrap();
        let mut arrived = vec![0; request.len()];
        accepted.read_exact(&mut arrived).unwrap();
        assert_eq!(arrived, request);
        accepted.write_all(b"answer").unwrap();
        let mut answer = [0; 6];
        station.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"answer");
        assert_eq!(relay.envelopes(), ["a"]);
    }
}
