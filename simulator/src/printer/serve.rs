//! The printer on a port, as label printers listen on 9100. What comes out lies in a folder: `label-0001.png`, and a line about each in
//! `labels.jsonl`. A file in that folder called like a trouble (`paper-out`, `head-open`, `ribbon-out`, `paused`, `mute`, `gone`) is that trouble, for
//! as long as it lies there.

use super::{Language, Printer, Troubles};
use serde::{Deserialize, Serialize};
use std::{
    cell::RefCell,
    fs::{File, OpenOptions},
    io::{self, BufWriter, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::sleep,
};

/// How often the troubles are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Pixels of a dot, and white dots around the label.
const PIXELS: u32 = 2;
const MARGIN: u32 = 8;

/// How it is set up.
#[derive(Debug, Clone)]
pub struct Settings {
    pub language: Language,
    pub dots_per_mm: u32,
    /// How long a label takes.
    pub label: Duration,
    pub folder: PathBuf,
}

/// A line of `labels.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Printed {
    /// From 1.
    pub number: usize,
    /// The picture's file.
    pub png: String,
    pub codes: Vec<String>,
    pub texts: Vec<String>,
    pub complaints: Vec<String>,
}

/// Every label that lies in a folder, in order.
///
/// # Errors
/// The file can't be read, or is none of ours.
pub fn read_printed(folder: &Path) -> io::Result<Vec<Printed>> {
    let text = match std::fs::read_to_string(folder.join("labels.jsonl")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        text => text?,
    };
    text.lines().map(|line| serde_json::from_str(line).map_err(io::Error::other)).collect()
}

/// Listens and prints until it is dropped.
///
/// # Errors
/// The port can't be listened on, or the folder not be written to.
pub async fn serve(listener: TcpListener, settings: &Settings) -> io::Result<()> {
    std::fs::create_dir_all(&settings.folder)?;
    let address = listener.local_addr()?;
    let already = read_printed(&settings.folder)?.len();
    let printer = RefCell::new(Printer::new(settings.language, settings.dots_per_mm));
    let heard = tokio::sync::Notify::new();
    let printing = async {
        let mut number = already;
        loop {
            printer.borrow_mut().troubles = troubles(&settings.folder);
            let next = printer.borrow_mut().print_next().cloned();
            if let Some(label) = next {
                sleep(settings.label).await;
                number += 1;
                keep(&settings.folder, number, &label)?;
                continue;
            }
            tokio::select! {
                () = heard.notified() => {}
                () = sleep(LOOK_EVERY) => {}
            }
        }
    };
    tokio::select! {
        ended = printing => ended,
        ended = listen(listener, address, settings, &printer, &heard) => ended,
    }
}

async fn listen(
    listener: TcpListener,
    address: SocketAddr,
    settings: &Settings,
    printer: &RefCell<Printer>,
    heard: &tokio::sync::Notify,
) -> io::Result<()> {
    let gone = settings.folder.join("gone");
    let mut listener = Some(listener);
    loop {
        if gone.exists() {
            listener = None;
            printer.borrow_mut().power_cycle();
            sleep(LOOK_EVERY).await;
            continue;
        }
        let open = match listener.take() {
            Some(open) => open,
            None => TcpListener::bind(address).await?,
        };
        tokio::select! {
            client = open.accept() => {
                let (client, from) = client?;
                tracing::debug!(%from, "a client of the printer");
                if let Err(error) = carry(client, settings, printer, heard).await {
                    tracing::info!(%from, %error, "a client of the printer went");
                }
            }
            () = sleep(LOOK_EVERY) => {}
        }
        listener = Some(open);
    }
}

/// One client at a time, as such printers take them.
async fn carry(
    mut client: TcpStream,
    settings: &Settings,
    printer: &RefCell<Printer>,
    heard: &tokio::sync::Notify,
) -> io::Result<()> {
    let gone = settings.folder.join("gone");
    let mut bytes = [0; 4096];
    loop {
        let count = tokio::select! {
            count = client.read(&mut bytes) => count?,
            () = sleep(LOOK_EVERY) => {
                if gone.exists() {
                    return Ok(());
                }
                continue;
            }
        };
        if count == 0 {
            return Ok(());
        }
        printer.borrow_mut().troubles = troubles(&settings.folder);
        let answer = printer.borrow_mut().receive(&bytes[..count]);
        heard.notify_one();
        client.write_all(&answer).await?;
    }
}

fn troubles(folder: &Path) -> Troubles {
    let lies = |name: &str| folder.join(name).exists();
    Troubles {
        paper_out: lies("paper-out"),
        head_open: lies("head-open"),
        ribbon_out: lies("ribbon-out"),
        paused: lies("paused"),
        mute: lies("mute"),
    }
}

fn keep(folder: &Path, number: usize, label: &super::Label) -> io::Result<()> {
    let png = format!("label-{number:04}.png");
    label.picture.write_png(BufWriter::new(File::create(folder.join(&png))?), PIXELS, MARGIN)?;
    let (codes, texts) = (label.codes.clone(), label.texts.clone());
    let line = Printed { number, png, codes, texts, complaints: label.complaints.clone() };
    let text = serde_json::to_string(&line).map_err(io::Error::other)?;
    let mut lines = OpenOptions::new().create(true).append(true).open(folder.join("labels.jsonl"))?;
    writeln!(lines, "{text}")
}
