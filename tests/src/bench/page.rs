//! The operator's page in a real browser: how soon a verdict stands on the screen after its record is on the disk, and whether the page keeps its
//! frames while every slot works.

use super::figures::Figures;
use crate::{
    at_page::{Setting, at_the_page},
    browser::Browser,
};
use anyhow::{Context as _, Result, ensure};
use domain::ids::RunId;
use serde_json::Value;
use station::{clock::Clock, progress::Progress};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::sleep;

/// What is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Choice {
    pub slots: u16,
    /// How long frames are counted.
    pub seconds: u64,
    pub seed: u64,
}

/// When each record was on the disk, milliseconds since 1970 by this machine's clock.
type Committed = Arc<Mutex<BTreeMap<RunId, f64>>>;

/// How long each frame took; when each verdict was painted, milliseconds since 1970; and of what the browser itself calls a long frame (its
/// work took more than 50 ms, whether or not a frame was dropped): when, how long, and how much of that were scripts and rendering.
type Seen = (Vec<f64>, BTreeMap<RunId, f64>, Vec<[f64; 4]>);

/// Keeps when each frame came, and when each verdict was painted: a message that a frame sends arrives when it has been laid out and painted.
const WATCH: &str = "window.frames_ = []; window.verdicts_ = {}; let before = performance.now(); \
    const painted = new MessageChannel(); painted.port1.onmessage = () => { \
      for (const card of document.querySelectorAll('[data-state=done][data-run]')) { const run = card.dataset.run; \
        if (!(run in window.verdicts_)) { window.verdicts_[run] = performance.timeOrigin + performance.now(); } } }; \
    const frame = now => { window.frames_.push(now - before); before = now; painted.port2.postMessage(0); \
      requestAnimationFrame(frame); }; requestAnimationFrame(frame); \
    window.long_ = []; const begun = performance.now(); \
    new PerformanceObserver(list => { for (const one of list.getEntries()) { const end = one.startTime + one.duration; \
      window.long_.push([one.startTime - begun, one.duration, one.scripts.reduce((sum, each) => sum + each.duration, 0), \
        one.renderStart ? end - one.renderStart : 0]); } }).observe({ type: 'long-animation-frame' });";

/// Works boards in all slots for so long, with the page open.
///
/// # Errors
/// No browser, or nothing came to a verdict.
pub async fn measure(choice: Choice, say: impl Fn(String)) -> Result<Figures> {
    let committed = Committed::default();
    let heard = Arc::clone(&committed);
    // The browser's clock is this machine's.
    let clock = Clock::machine();
    let listen = move |line: &Progress| {
        if let Progress::RunClosed { run_id, .. } = line {
            let now = clock.now().at.timestamp_micros() as f64 / 1000.0;
            heard.lock().unwrap_or_else(PoisonError::into_inner).insert(*run_id, now);
        }
    };
    let boards = u32::from(choice.slots) * 20;
    let setting = Setting { slots: choice.slots, boards, fault: None, size: 8 * 1024, seed: choice.seed };
    let seen: Arc<Mutex<Option<Seen>>> = Arc::default();
    let kept = Arc::clone(&seen);
    at_the_page(
        setting,
        |_| (),
        listen,
        async move |page: String, browser: Browser, _| {
            let looked = look(&page, &browser, choice.seconds).await;
            browser.close().await?;
            *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(looked?);
            Ok(())
        },
    )
    .await?;
    let (frames, painted, slow) =
        seen.lock().unwrap_or_else(PoisonError::into_inner).take().context("nothing was looked at")?;
    let committed = committed.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut delays: Vec<f64> =
        painted.iter().filter_map(|(run, at)| Some((at - committed.get(run)?).max(0.0))).collect();
    delays.sort_by(f64::total_cmp);
    ensure!(!delays.is_empty(), "no verdict came within {} s", choice.seconds);
    let at = |share: f64| delays[((delays.len() - 1) as f64 * share) as usize];
    let long = frames.iter().filter(|frame| **frame > 50.0).count();
    let longest = frames.iter().copied().fold(0.0, f64::max);
    for [at, took, scripts, rendering] in slow {
        let at = at / 1000.0;
        say(format!(
            "{at:.1} s after the first frame one took {took:.0} ms: scripts {scripts:.0}, rendering {rendering:.0}"
        ));
    }
    say(format!("{} verdicts, {} frames", delays.len(), frames.len()));
    let mut figures = Figures::default();
    figures.at_most("slowest verdict ms", at(1.0), 100.0);
    figures.at_most("frames over 50 ms", long as f64, 0.0);
    figures.beside("median verdict ms", at(0.5));
    figures.beside("verdicts", delays.len() as f64);
    figures.beside("frames", frames.len() as f64);
    figures.beside("longest frame ms", longest);
    Ok(figures)
}

async fn look(page: &str, browser: &Browser, seconds: u64) -> Result<Seen> {
    browser.client.goto(&format!("{page}/?lang=en&theme=light")).await?;
    browser.shown("[data-slot='1']").await?;
    // What a page does while it is set up is no steady state.
    sleep(Duration::from_secs(2)).await;
    browser.client.execute(WATCH, Vec::new()).await?;
    sleep(Duration::from_secs(seconds)).await;
    let told =
        browser.client.execute("return [window.frames_, window.verdicts_, window.long_]", Vec::new()).await?;
    let frames: Vec<f64> = serde_json::from_value(told[0].clone())?;
    let verdicts: BTreeMap<String, Value> = serde_json::from_value(told[1].clone())?;
    let slow = serde_json::from_value(told[2].clone())?;
    let painted =
        verdicts.into_iter().filter_map(|(run, at)| Some((run.parse().ok()?, at.as_f64()?))).collect();
    Ok((frames, painted, slow))
}
