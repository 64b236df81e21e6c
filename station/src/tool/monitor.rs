//! `monitor`: what a board measures, again and again: drawn on a terminal, else a paragraph or a JSON object each time.

mod sample;
mod screen;

pub use sample::Sample;

use super::{
    desk::Desk,
    fault::{ToolFault, ToolResult},
    report::{Identity, Report},
    target::{Session, Target},
};
use clap::Args;
use domain::text::FaultCode;
use sample::Watched;
use screen::{Curves, Screen};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// The alternate screen with a hidden cursor, and back.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";

/// How long and how often.
#[derive(Debug, Args)]
pub struct Watch {
    /// End after so many readings; without it Ctrl-C ends it
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Milliseconds from one reading to the next
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(50..=3_600_000))]
    interval_ms: u64,
}

pub(super) async fn monitor(target: &Target, watch: &Watch, desk: &mut Desk<'_>) -> ToolResult {
    let mut session = target.open(target.model()?)?;
    let identity = session.application(desk).await?;
    let watched = Watched::of(&session.model);
    if desk.watched && !desk.json {
        let screen = Screen {
            title: session.model.title.en.clone(),
            port: session.port.clone(),
            board: format!("{}  firmware {}", identity.describe(), identity.firmware_version),
            is_model: Identity::of(&identity).is_model,
            colour: desk.colour,
        };
        write!(desk.out, "{ENTER}")?;
        let outcome = draw(&mut session, &watched, watch, &screen, desk).await;
        write!(desk.out, "{LEAVE}")?;
        // What was seen last stays readable in the terminal.
        for line in outcome? {
            writeln!(desk.out, "{line}")?;
        }
        return Ok(desk.out.flush()?);
    }
    let stop = tokio::signal::ctrl_c();
    tokio::select! {
        outcome = list(&mut session, &watched, watch, desk) => outcome,
        _ = stop => Ok(()),
    }
}

/// One report after the other.
async fn list(session: &mut Session, watched: &Watched, watch: &Watch, desk: &mut Desk<'_>) -> ToolResult {
    let mut ticks = ticks(watch);
    for number in 1..=watch.count.unwrap_or(u64::MAX) {
        ticks.tick().await;
        let readings = session.read_there(watched.names()).await?;
        let sample = watched.sample(number, desk.clock.now().at, readings);
        desk.report(&Report::Sample(sample))?;
    }
    Ok(())
}

/// Redraws until it is stopped; the last frame.
async fn draw(
    session: &mut Session,
    watched: &Watched,
    watch: &Watch,
    screen: &Screen,
    desk: &mut Desk<'_>,
) -> ToolResult<Vec<String>> {
    let mut ticks = ticks(watch);
    let mut curves = Curves::default();
    let mut last: Option<Sample> = None;
    let mut frame = Vec::new();
    let mut answered_at = Instant::now();
    let stop = tokio::signal::ctrl_c();
    tokio::pin!(stop);
    for number in 1..=watch.count.unwrap_or(u64::MAX) {
        let outcome = tokio::select! {
            outcome = async { ticks.tick().await; session.read_there(watched.names()).await } => outcome,
            _ = &mut stop => break,
        };
        let trouble = match outcome {
            Ok(readings) => {
                answered_at = Instant::now();
                let sample = watched.sample(number, desk.clock.now().at, readings);
                curves.push(&sample);
                last = Some(sample);
                None
            }
            // A board that is switched off comes back; a port that is gone, or another board, does not.
            Err(ToolFault::Board(fault))
                if matches!(
                    fault.code,
                    FaultCode::BoardStoppedAnswering | FaultCode::BoardAnswersGarbage
                ) =>
            {
                Some(format!("no answer for {} s; what stands here is old", answered_at.elapsed().as_secs()))
            }
            Err(fault) => return Err(fault),
        };
        let (columns, rows) = (desk.size)();
        frame = screen.frame(last.as_ref(), &curves, trouble.as_deref(), columns);
        let shown = frame.len().min(rows.saturating_sub(1));
        let mut text = String::from("\x1b[H");
        for line in &frame[..shown] {
            text += line;
            text += "\x1b[K\r\n";
        }
        text += "\x1b[J";
        desk.out.write_all(text.as_bytes())?;
        desk.out.flush()?;
    }
    Ok(frame)
}

fn ticks(watch: &Watch) -> tokio::time::Interval {
    let mut ticks = interval(Duration::from_millis(watch.interval_ms));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
