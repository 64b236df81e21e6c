//! A look at the label printer: it is asked how it stands, and nothing is printed.

use super::{
    System,
    picture::{AgentSeen, FontSeen, PrinterFound, PrinterSeen, QueueSeen},
};
use crate::{config::PrinterConfig, label_font::LabelFont, labels::printer::Printer};
use domain::label_template::Glyphs as _;
use std::time::Duration;
use tokio::{task::spawn_blocking, time::timeout};

/// How long a spooler may take to say what it has.
const SPOOLER_PATIENCE: Duration = Duration::from_secs(3);
/// Letters that a label in Chinese begins with, and how high they are to be drawn.
const CHINESE: (&str, u32) = ("序列号", 24);

pub(super) async fn look(config: &PrinterConfig, system: &System, agent: Option<&AgentSeen>) -> PrinterSeen {
    let found = match Printer::parse(&config.to) {
        Ok(printer @ Printer::Stream(_)) => match printer.standing(config.language).await {
            Ok(said) => PrinterFound::Says(said),
            Err(detail) => PrinterFound::Silent(detail),
        },
        Ok(Printer::Device(path)) => PrinterFound::Device(system.device(&path, agent)),
        Ok(Printer::Spooler(queue)) => PrinterFound::Queue(ask_spooler(queue).await),
        // Settings like that are not read.
        Err(detail) => PrinterFound::Silent(detail),
    };
    PrinterSeen { to: config.to.clone(), language: config.language, found, font: font(config) }
}

fn font(config: &PrinterConfig) -> FontSeen {
    let font = match &config.font {
        Some(path) => LabelFont::read(path).ok(),
        None => LabelFont::find(),
    };
    let draws = font.is_some_and(|font| font.picture(CHINESE.0, CHINESE.1).is_some());
    match (draws, &config.font) {
        (true, _) => FontSeen::DrawsChinese,
        (false, Some(path)) => FontSeen::Lacks(path.display().to_string()),
        (false, None) => FontSeen::Missing,
    }
}

async fn ask_spooler(queue: String) -> QueueSeen {
    match timeout(SPOOLER_PATIENCE, spawn_blocking(move || super::spooler::queue(&queue))).await {
        Ok(Ok(seen)) => seen,
        Ok(Err(error)) => QueueSeen::Unknown(error.to_string()),
        Err(_) => QueueSeen::Unknown(format!("no answer within {} s", SPOOLER_PATIENCE.as_secs())),
    }
}
