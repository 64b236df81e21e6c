//! The way to a label printer: over TCP, to a device, to a spooler's queue. Whoever sends waits for none of them longer than the times here,
//! and no slot waits at all.

use domain::{
    label_template::{PrinterLanguage, decode_tspl_status, decode_zpl_status},
    labelling::PrinterState,
};
use std::{fmt, fs::OpenOptions, future::Future, io::Write as _, path::PathBuf, pin::Pin, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

const CONNECT_PATIENCE: Duration = Duration::from_secs(3);
const SEND_PATIENCE: Duration = Duration::from_secs(10);
/// A printer that answers at all answers at once.
const ANSWER_PATIENCE: Duration = Duration::from_secs(2);
/// A device without paper takes nothing for as long as it has none.
const DEVICE_PATIENCE: Duration = Duration::from_secs(10);

/// Both ways at once.
pub trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

/// Until it is connected to.
pub type Connecting = Pin<Box<dyn Future<Output = Result<Box<dyn Wire>, String>> + Send>>;

/// Where it is.
pub enum Printer {
    /// Connected to anew for each label: such printers have one client at a time.
    Stream(Box<dyn Fn() -> Connecting + Send + Sync>),
    /// Takes bytes and answers nothing.
    Device(PathBuf),
    Spooler(String),
}

impl fmt::Debug for Printer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stream(_) => f.write_str("Printer::Stream"),
            Self::Device(path) => write!(f, "Printer::Device({})", path.display()),
            Self::Spooler(queue) => write!(f, "Printer::Spooler({queue})"),
        }
    }
}

impl Printer {
    /// `tcp:HOST:PORT`, `device:PATH`, `spooler:QUEUE`.
    ///
    /// # Errors
    /// It is none of them.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("tcp", address))
                if address
                    .rsplit_once(':')
                    .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok()) =>
            {
                let address = address.to_owned();
                Ok(Self::Stream(Box::new(move || {
                    let address = address.clone();
                    Box::pin(async move {
                        let stream = TcpStream::connect(&address)
                            .await
                            .map_err(|error| format!("{address}: {error}"))?;
                        Ok(Box::new(stream) as Box<dyn Wire>)
                    })
                })))
            }
            Some(("device", path)) if !path.is_empty() => Ok(Self::Device(PathBuf::from(path))),
            Some(("spooler", queue)) if !queue.is_empty() => Ok(Self::Spooler(queue.to_owned())),
            _ => Err(format!("{text:?} is none of tcp:HOST:PORT, device:PATH, spooler:QUEUE")),
        }
    }

    /// How it stands by its own word; nothing is printed. None: it says nothing of itself.
    ///
    /// # Errors
    /// It can't be reached, or the connection broke.
    pub async fn standing(&self, language: PrinterLanguage) -> Result<Option<PrinterState>, String> {
        let mut wire = self.connect().await?;
        Ok(ask(&mut *wire, language).await?.map(|(state, _)| state))
    }

    pub(super) async fn connect(&self) -> Result<Box<dyn Wire>, String> {
        match self {
            Self::Stream(connect) => timeout(CONNECT_PATIENCE, connect())
                .await
                .unwrap_or_else(|_| Err(late("connect", CONNECT_PATIENCE))),
            Self::Device(_) | Self::Spooler(_) => Err("it has no connection".to_owned()),
        }
    }

    /// Hands a label to a device or a queue; what answers nothing has taken it when it is written.
    pub(super) async fn hand_over(&self, bytes: Vec<u8>) -> Result<(), String> {
        let work: Box<dyn FnOnce() -> Result<(), String> + Send> = match self {
            Self::Device(path) => {
                let path = path.clone();
                Box::new(move || write_to(&path, &bytes))
            }
            Self::Spooler(queue) => {
                let queue = queue.clone();
                Box::new(move || spool(&queue, &bytes))
            }
            Self::Stream(_) => return Err("it is a connection".to_owned()),
        };
        match timeout(DEVICE_PATIENCE, tokio::task::spawn_blocking(work)).await {
            Ok(Ok(written)) => written,
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(late("take a label", DEVICE_PATIENCE)),
        }
    }
}

fn write_to(path: &std::path::Path, bytes: &[u8]) -> Result<(), String> {
    let shown = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut device = OpenOptions::new().write(true).open(path).map_err(shown)?;
    device.write_all(bytes).and_then(|()| device.flush()).map_err(shown)
}

/// CUPS, raw: the queue must not make pages of it.
#[cfg(not(windows))]
fn spool(queue: &str, bytes: &[u8]) -> Result<(), String> {
    use std::process::{Command, Stdio};
    let shown = |error: std::io::Error| format!("lp -d {queue}: {error}");
    let mut lp = Command::new("lp")
        .args(["-d", queue, "-o", "raw", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(shown)?;
    if let Some(mut stdin) = lp.stdin.take() {
        stdin.write_all(bytes).map_err(shown)?;
    }
    let ended = lp.wait_with_output().map_err(shown)?;
    if ended.status.success() {
        return Ok(());
    }
    Err(format!("lp -d {queue}: {}", String::from_utf8_lossy(&ended.stderr).trim()))
}

/// Windows' spooler takes raw bytes at a printer that is shared, by its share's name on this machine.
#[cfg(windows)]
fn spool(queue: &str, bytes: &[u8]) -> Result<(), String> {
    write_to(std::path::Path::new(&format!(r"\\localhost\{queue}")), bytes)
}

/// Sends all of it.
pub(super) async fn send(wire: &mut dyn Wire, bytes: &[u8]) -> Result<(), String> {
    let sent = async {
        wire.write_all(bytes).await?;
        wire.flush().await
    };
    match timeout(SEND_PATIENCE, sent).await {
        Ok(sent) => sent.map_err(|error| error.to_string()),
        Err(_) => Err(late("take a label", SEND_PATIENCE)),
    }
}

/// How a printer stands, by its own word, and whether labels are still in it; none: it says nothing of itself.
///
/// # Errors
/// The connection broke.
pub(super) async fn ask(
    wire: &mut dyn Wire,
    language: PrinterLanguage,
) -> Result<Option<(PrinterState, bool)>, String> {
    let question: &[u8] = match language {
        PrinterLanguage::Zpl => b"~HS",
        PrinterLanguage::Tspl => b"\x1b!?",
    };
    send(wire, question).await?;
    let answered = async {
        let (mut answer, mut bytes) = (Vec::new(), [0; 256]);
        loop {
            let count = wire.read(&mut bytes).await?;
            if count == 0 {
                return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof));
            }
            answer.extend_from_slice(&bytes[..count]);
            if let Some(status) = status_in(&answer, language) {
                return Ok(status);
            }
        }
    };
    match timeout(ANSWER_PATIENCE, answered).await {
        Ok(Ok(status)) => Ok(Some(status)),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Ok(None),
    }
}

fn status_in(answer: &[u8], language: PrinterLanguage) -> Option<(PrinterState, bool)> {
    use PrinterState as P;
    match language {
        PrinterLanguage::Zpl => {
            let said = decode_zpl_status(answer)?;
            let states = [
                (said.head_open, P::HeadOpen),
                (said.paper_out, P::PaperOut),
                (said.ribbon_out, P::RibbonOut),
                (said.paused, P::Paused),
            ];
            Some((first(states), said.to_print > 0))
        }
        PrinterLanguage::Tspl => {
            let said = decode_tspl_status(*answer.first()?);
            let states = [
                (said.head_open, P::HeadOpen),
                (said.paper_jam, P::Jammed),
                (said.paper_out, P::PaperOut),
                (said.ribbon_out, P::RibbonOut),
                (said.paused, P::Paused),
            ];
            Some((first(states), said.printing))
        }
    }
}

fn first<const N: usize>(states: [(bool, PrinterState); N]) -> PrinterState {
    states.into_iter().find(|(is_so, _)| *is_so).map_or(PrinterState::Ready, |(_, state)| state)
}

fn late(what: &str, patience: Duration) -> String {
    format!("it did not {what} within {} s", patience.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printer_is_named_in_one_of_three_ways() {
        assert!(matches!(Printer::parse("tcp:10.0.0.9:9100"), Ok(Printer::Stream(_))));
        assert!(matches!(Printer::parse("device:/dev/usb/lp0"), Ok(Printer::Device(_))));
        assert!(matches!(Printer::parse("spooler:Zebra"), Ok(Printer::Spooler(_))));
        for none in ["", "tcp:", "tcp:host", "tcp::9100", "tcp:host:port", "device:", "spooler:", "usb:1"] {
            assert!(Printer::parse(none).unwrap_err().contains("none of tcp:HOST:PORT"), "{none}");
        }
    }

    #[tokio::test]
    async fn a_device_gets_the_bytes_and_one_that_is_not_there_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let printer = Printer::Device(file.path().to_owned());
        printer.hand_over(b"^XA^XZ".to_vec()).await.unwrap();
        assert_eq!(std::fs::read(file.path()).unwrap(), b"^XA^XZ");
        let fault = Printer::Device("/nowhere/lp0".into()).hand_over(Vec::new()).await.unwrap_err();
        assert!(fault.starts_with("/nowhere/lp0: "), "{fault}");
    }
}
