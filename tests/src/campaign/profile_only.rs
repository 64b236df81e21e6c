//! A board of which no loader and no procedure is known: the real link finds it on the disturbed line, reads who it is, writes a whole
//! profile and reads it afresh. No agent, no journal, no restart: what is judged is that values are never taken for held that are not.

use super::{
    Finding, Judgement,
    case::Case,
    tap::{Ear, Tapped},
};
use crate::{
    bench::models::{MODELS, Measured},
    kept::kept_raw,
    memory_station,
};
use anyhow::{Context as _, Result};
use domain::{
    codec,
    record::FoundState,
    text::{Fault, FaultCode},
    value::Value,
};
use simulator::{
    Observation, codec as own_codec,
    jig::{JigSettings, MemoryJig},
};
use station::{
    board::{BoardReply, BoardRequest},
    link::{BoardLink, LinkOptions},
};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};

/// The model that is worked so: its addresses count bytes, its values take two registers, and it wants quiet after every answer.
pub const MODEL: &str = "jk-pb";
/// The rate that its maker gives it, bits per second.
const BAUD: u32 = 115_200;
/// What one disturbance may cost the link: the time-out, draining for as long again, an answer that is late by a second, the
/// identity and the question anew.
const ACCIDENT: Duration = Duration::from_millis(2_500);
/// Longer than any board of it stores.
const STORED: Duration = Duration::from_secs(1);

/// The board's model and the profile that it gets.
///
/// # Errors
/// Where the shipped files do not parse.
pub fn measured() -> Result<Measured> {
    let files = MODELS.iter().find(|files| files.model == MODEL).context("the bench knows the model")?;
    files.read(BAUD)
}

/// What came of it: the link's word and the witness's sight.
#[derive(Debug)]
pub struct Outcome {
    pub told: Result<(), Fault>,
    pub observed: Option<Observation>,
    /// From the first question to the last answer.
    pub lasted: Duration,
    pub digest: String,
    /// The line's bytes for a person, where they were asked for.
    pub trace: String,
}

/// Works it.
///
/// # Errors
/// The bench of the campaign itself failed.
pub fn work(case: &Case, measured: &Measured, tells: bool) -> Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .context("no runtime")?;
    runtime.block_on(work_now(case, measured, tells))
}

async fn work_now(case: &Case, measured: &Measured, tells: bool) -> Result<Outcome> {
    let model = &measured.model;
    let settings = JigSettings {
        disturbances: case.disturbances,
        ..JigSettings::one_board(Arc::clone(model), case.seed)
    };
    let jig = MemoryJig::start(settings)?;
    let socket = jig.socket(1).context("the jig has a slot")?.connect();
    let ear = Ear::new(tells);
    let tap = |stream| Tapped { stream, ear: ear.clone() };
    let line = memory_station::line("memory", socket, model.link.baud, tap);
    let mut link = BoardLink::new(line, Arc::clone(model), LinkOptions::default());
    let begun = Instant::now();
    let told = way(&mut link, measured).await;
    let lasted = begun.elapsed();
    sleep(STORED).await;
    let observed = jig.jig.observe(1).await;
    ear.add(&format!("{told:?} {lasted:?}"));
    if let Some(board) = &observed {
        ear.add(&format!("{:?} {:?}", board.registers_kept, board.struck));
    }
    let (digest, trace) = ear.end();
    Ok(Outcome { told, observed, lasted, digest, trace })
}

/// The whole way of such a board; done when every value was read back afresh as it should be.
async fn way(link: &mut BoardLink, measured: &Measured) -> Result<(), Fault> {
    let mut ask = async |request| link.execute(request, &mut |_| {}).await.map(|answer| answer.reply);
    if ask(BoardRequest::Probe { silent_ms: 10_000 }).await? != BoardReply::Found(FoundState::Application) {
        return Err(Fault::new(FaultCode::BoardSilent).with("seconds", 10));
    }
    match ask(BoardRequest::ReadIdentity).await? {
        BoardReply::Identity(board) if board.is_model => {}
        other => return Err(unexpected(&other)),
    }
    let values = measured.profile.values.clone();
    let reply = ask(BoardRequest::WriteProfile { values, ratings: measured.ratings() }).await?;
    let BoardReply::ProfileWritten(written) = reply else { return Err(unexpected(&reply)) };
    if let Some(parameter) = written.parameters.iter().find(|parameter| !parameter.holds()) {
        return Err(does_not_hold(&parameter.name));
    }
    sleep(STORED).await;
    let reply = ask(BoardRequest::ReadParameters).await?;
    let BoardReply::Registers(afresh) = reply else { return Err(unexpected(&reply)) };
    for (name, value) in &measured.profile.values {
        let wanted = measured.model.register(name).and_then(|register| codec::encode(register, value).ok());
        let read = afresh.iter().find(|reading| reading.name == *name).map(|reading| &reading.raw);
        if wanted.is_none() || wanted.as_ref() != read {
            return Err(does_not_hold(name));
        }
    }
    Ok(())
}

fn does_not_hold(name: &str) -> Fault {
    Fault::new(FaultCode::RegisterDoesNotHold).with("register", name)
}

fn unexpected(reply: &BoardReply) -> Fault {
    Fault::new(FaultCode::Internal).with("detail", format!("{reply:?}"))
}

/// Judges it, as [`super::judge()`] does the whole way, but for the time that it may take.
#[must_use]
pub fn judge(measured: &Measured, outcome: &Outcome, undisturbed: Duration) -> Judgement {
    let mut findings = Vec::new();
    let mut found = |finding, what: String| findings.push((finding, what));
    let recoverable =
        outcome.observed.as_ref().is_some_and(|board| board.struck.keys().all(|kind| kind.is_on_the_wire()));
    match (&outcome.told, &outcome.observed) {
        (_, None) => found(Finding::NoVerdict, "the board was never put in".to_owned()),
        (Ok(()), Some(board)) => {
            for what in kept_otherwise(measured, board) {
                found(Finding::VerifiedWrongly, what);
            }
        }
        (Err(fault), Some(_)) if recoverable && !is_of_the_line(fault) => {
            found(Finding::AccusedWrongly, format!("{fault:?}"));
        }
        (Err(_), Some(_)) => {}
    }
    // Three times the undisturbed time is meant for a board's whole way, most of which is its image. Here every accident costs ten
    // exchanges' time, so a board that has a dozen of them may take as long as those.
    let struck: u64 = outcome.observed.iter().flat_map(|board| board.struck.values()).sum();
    let most = (undisturbed * 3).max(undisturbed + ACCIDENT * u32::try_from(struck).unwrap_or(u32::MAX));
    if outcome.lasted > most {
        let (took, most) = (outcome.lasted.as_secs_f64(), most.as_secs_f64());
        found(Finding::TooSlow, format!("{took:.1} s, at most {most:.1} s"));
    }
    let reason = outcome.told.as_ref().err().map(|fault| fault.code);
    Judgement { verified: reason.is_none(), reason, recoverable, findings }
}

/// What the board keeps otherwise than the profile says, by the witness's own arithmetic.
fn kept_otherwise(measured: &Measured, board: &Observation) -> Vec<String> {
    let mut otherwise = Vec::new();
    for (name, value) in &measured.profile.values {
        let Some(register) = measured.model.register(name) else { continue };
        let wanted = match value {
            Value::Number(number) => own_codec::encode_number(register, *number),
            Value::Text(text) => own_codec::encode_text(register, text).unwrap_or_default(),
        };
        let kept = kept_raw(&measured.model, board, register);
        if kept != wanted {
            otherwise.push(format!("it keeps {kept:?} for {name}, the profile says {wanted:?}"));
        }
    }
    otherwise
}

fn is_of_the_line(fault: &Fault) -> bool {
    use FaultCode as C;
    matches!(fault.code, C::BoardSilent | C::BoardStoppedAnswering | C::BoardAnswersGarbage)
}
