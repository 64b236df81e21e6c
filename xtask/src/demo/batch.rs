//! One batch from the first board to the verdict.

use super::api::{Api, text_of};
use super::floor::{BENCH_SLOTS, Floor};
use super::hand::Hand;
use super::people;
use super::relay::Relay;
use super::rough::{self, Rough};
use super::state::{Batch, Folder, State, Station};
use super::verdict;
use super::watch::{Change, Line, Screen, seconds};
use super::witness::{self, Board};
use crate::process::Stop;
use crate::say;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

/// Nothing at all moved for so long: something hangs. A silent board takes 10 s, a transfer at 9600 baud moves its
/// percents every second.
const STALLED_AFTER: Duration = Duration::from_secs(120);
/// How often the jig's observer is read.
const OBSERVE_EVERY: Duration = Duration::from_millis(250);
/// The last records are on their way when the last board is out.
const RECORDS_WITHIN: Duration = Duration::from_secs(60);

/// What a batch needs.
#[derive(Debug)]
pub struct Work<'a> {
    pub folder: &'a Folder,
    pub stop: &'a Stop,
    pub api: &'a Api,
    pub state: &'a State,
    pub station: &'a Station,
    pub batch: &'a Batch,
    pub image: &'a Path,
}

impl Work<'_> {
    /// Watches the batch to its end, says how it went and judges it.
    ///
    /// # Errors
    /// When something hangs or ends, or anything is not as it should be.
    pub fn run(
        &self,
        floor: &mut Floor<'_>,
        (relay, mut hand): (Option<&Relay>, Hand),
        port: u16,
        config: &Path,
    ) -> Result<()> {
        let begun = Instant::now();
        let mut rough = relay.map(|_| Rough::new(port, config.to_path_buf()));
        let screen = Screen::new(self.batch.slots, self.batch.boards, &self.batch.name);
        let watched = self.watch(floor, rough.as_mut(), &mut hand, &screen);
        screen.finish();
        let line = watched?;
        let elapsed = begun.elapsed();
        let records = self.records(&line)?;
        let report = self.report()?;
        let rows = rows_of(&report)?;
        self.summary(&line, &rows, elapsed, records);
        let boards = witness::read_witness(&self.observer())?;
        let image = std::fs::read(self.image)?;
        let mut wrong = verdict::judge(&boards, &rows, &self.batch.asked, verdict::crc32(&image));
        if records.0 != records.1 {
            let (closed, held) = records;
            wrong.push(format!("the station closed {closed} records, and the server holds {held}"));
        }
        wrong.extend(verdict::judge_counts(&report, &rows));
        wrong.extend(hand.judge(self.api, self.token("engineer"), self.stop, &rows)?);
        if boards.len() != self.batch.boards as usize {
            wrong.push(format!("the jig knows {} boards, the batch has {}", boards.len(), self.batch.boards));
        }
        if self.batch.slots <= BENCH_SLOTS {
            let seen = witness::read_bench(&self.observer().with_file_name("bench.json"))?;
            wrong.extend(seen.into_iter().map(|what| format!("the bench was not safe: {what}")));
        }
        if line.unsent > 0 {
            wrong.push(format!("{} records are still on the station only", line.unsent));
        }
        if let (Some(rough), Some(relay)) = (&rough, relay) {
            wrong.extend(rough.left_out());
            wrong.extend(rough::send_again(self.api, self.state, self.station, relay)?);
            if self.report()? != report {
                wrong.push("sending records again changed the batch's report".to_owned());
            }
        }
        for sentence in &wrong {
            say::line(format!("WRONG: {sentence}"));
        }
        if !wrong.is_empty() {
            bail!(
                "{} things are not as they should be (above); logs: {}",
                wrong.len(),
                self.folder.at("logs").display()
            );
        }
        let again =
            if rough.is_some() { "; killed twice, sent twice: one conflict, nothing lost" } else { "" };
        say::result(format!("all {} boards as expected, every record on the server{again}", boards.len()));
        Ok(())
    }

    /// Until every board is out of the jig and every record is acknowledged.
    fn watch(
        &self,
        floor: &mut Floor<'_>,
        mut rough: Option<&mut Rough>,
        hand: &mut Hand,
        screen: &Screen,
    ) -> Result<Line> {
        let mut line = Line::default();
        let mut boards_done = 0;
        let mut last_move = Instant::now();
        let mut last_look = Instant::now() - OBSERVE_EVERY;
        loop {
            if self.stop.asked() {
                return Err(crate::process::Stopped.into());
            }
            let said = floor.station.as_ref().and_then(|station| station.next_line(OBSERVE_EVERY));
            if let Some(said) = &said {
                hand.see(said);
            }
            hand.work();
            match said.map(|said| line.apply(&said)) {
                Some(Change::Closed(closed)) => {
                    screen.closed(&closed);
                    last_move = Instant::now();
                }
                Some(Change::Moved) => last_move = Instant::now(),
                Some(Change::Page(address)) => people::sign_in(address),
                Some(Change::None) | None => {}
            }
            if let Some(rough) = rough.as_deref_mut() {
                rough.strike(floor, &line, self.batch.boards, screen)?;
            }
            if last_look.elapsed() < OBSERVE_EVERY {
                continue;
            }
            last_look = Instant::now();
            floor.check_all_run()?;
            let boards = witness::read_observer(&self.observer())?;
            let done = boards.iter().filter(|board| board.removed).count();
            if done != boards_done {
                boards_done = done;
                last_move = Instant::now();
            }
            screen.draw(&line, u32::try_from(done).unwrap_or(u32::MAX));
            if done >= self.batch.boards as usize && line.unsent == 0 && line.working() == 0 {
                return Ok(line);
            }
            if last_move.elapsed() > STALLED_AFTER {
                bail!("{}", self.stalled(&line, &boards));
            }
        }
    }

    fn stalled(&self, line: &Line, boards: &[Board]) -> String {
        let inside: Vec<String> = boards
            .iter()
            .filter(|board| board.inserted && !board.removed)
            .map(|board| format!("{} ({})", board.index, board.fault.as_deref().unwrap_or("good")))
            .collect();
        format!(
            "nothing moved for {} s: boards in the jig: {}; {} records unsent; see {}",
            STALLED_AFTER.as_secs(),
            if inside.is_empty() { "none".to_owned() } else { inside.join(", ") },
            line.unsent,
            self.folder.at("logs").display()
        )
    }

    fn observer(&self) -> std::path::PathBuf {
        self.folder.at("jig").join("observer.json")
    }

    /// Records of this station on the server, once they are all there: (closed by the station, held by the server).
    fn records(&self, line: &Line) -> Result<(u64, u64)> {
        let token = self.token("admin");
        let mut held = 0;
        let waited = self.stop.wait(
            RECORDS_WITHIN,
            || {
                let stations = self.api.get_all(token, "/api/v1/stations")?;
                let own = stations
                    .iter()
                    .find(|row| row.get("station_id") == Some(&self.station.station_id.clone().into()));
                held = own.and_then(|row| row.get("records")).and_then(Value::as_u64).unwrap_or(0);
                Ok((held >= line.numbered).then_some(()))
            },
            String::new,
        );
        match waited {
            Err(fault) if fault.to_string().is_empty() => {
                bail!("the station closed {} records, the server holds {held} of them", line.numbered)
            }
            other => other.map(|()| (line.numbered, held)),
        }
    }

    fn report(&self) -> Result<Value> {
        self.api.get(self.token("engineer"), &format!("/api/v1/batches/{}/report", self.batch.batch_id))
    }

    fn token(&self, role: &str) -> &str {
        self.state.tokens.get(role).map(String::as_str).unwrap_or_default()
    }

    fn summary(&self, line: &Line, rows: &[Value], elapsed: Duration, (closed, held): (u64, u64)) {
        for sentence in summary(line, rows, elapsed) {
            say::line(sentence);
        }
        say::line(format!(
            "records       {closed} closed by the station, {held} on the server (all its batches)"
        ));
    }
}

/// The lines of a batch's report: one a unit, or a run that became none.
fn rows_of(report: &Value) -> Result<Vec<Value>> {
    report.get("units").and_then(Value::as_array).cloned().context("the batch's report has no `units`")
}

/// How the batch went, a line each.
fn summary(line: &Line, rows: &[Value], elapsed: Duration) -> Vec<String> {
    let count = |outcome: &str| rows.iter().filter(|row| row.get("outcome") == Some(&outcome.into())).count();
    let mut faults: BTreeMap<String, usize> = BTreeMap::new();
    // A run that was broken off says nothing of its board: another run took it up.
    let broken_off = |row: &&Value| matches!(text_of(row, "outcome"), "interrupted" | "aborted");
    for row in rows.iter().filter(|row| !broken_off(row)) {
        let code = super::watch::fault_code(row.get("fault"));
        if !code.is_empty() {
            *faults.entry(code).or_default() += 1;
        }
    }
    let why: Vec<String> = faults.iter().map(|(code, times)| format!("{times} {code}")).collect();
    let passed = count("pass");
    let anew = rows.iter().filter(broken_off).count();
    let failed = rows.len() - passed - anew;
    let hours = elapsed.as_secs_f64() / 3600.0;
    // Those of this start: with --resume the report has more.
    let passes: Vec<_> = line.closed.values().filter(|closed| closed.outcome == "pass").collect();
    #[expect(clippy::cast_precision_loss, reason = "a batch has few boards")]
    let rate = passes.len() as f64 / hours.max(f64::EPSILON);
    let total = |of: fn(&super::watch::Closed) -> u64| passes.iter().map(|closed| of(closed)).sum::<u64>();
    let (taken, floor) = (total(|closed| closed.duration_ms), total(|closed| closed.wire_floor_ms));
    let each = u64::try_from(passes.len().max(1)).unwrap_or(1);
    let mut said = vec![
        String::new(),
        format!("passed        {passed}"),
        format!("failed        {failed}{}{}", if why.is_empty() { "" } else { ": " }, why.join(", ")),
        format!("pace          {rate:.0} units an hour, {:.1} s for the batch", elapsed.as_secs_f64()),
    ];
    if !line.refused.is_empty() {
        let why: BTreeSet<&str> = line.refused.values().map(String::as_str).collect();
        let why = why.into_iter().collect::<Vec<_>>().join(", ");
        said.insert(3, format!("not worked    {}: {why}", line.refused.len()));
    }
    if anew > 0 {
        said.push(format!("broken off    {anew} runs whose board could not be told; it was worked anew"));
    }
    if floor > 0 {
        said.push(format!(
            "a pass took   {:.1} s, of which the wire needs {:.1} s (x {:.2})",
            seconds(taken / each),
            seconds(floor / each),
            seconds(taken) / seconds(floor)
        ));
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_summary_counts_and_compares_with_the_wire() {
        let mut line = Line::default();
        for number in 0..2 {
            let event = json!({ "event": "run_closed", "run_id": format!("r{number}"), "number": number, "slot": 1,
                "outcome": "pass", "duration_ms": 12_000, "wire_floor_ms": 8_000 });
            line.apply(&event.to_string());
        }
        let refused = json!({ "slot": 3, "state": { "kind": "refused", "board": "TB1", "fault": { "code": "passed_already" } } });
        for _ in 0..2 {
            line.apply(&json!({ "event": "live", "live": { "slots": [refused] } }).to_string());
        }
        let rows = [
            json!({ "outcome": "pass" }),
            json!({ "outcome": "pass" }),
            json!({ "outcome": "fail", "fault": { "code": "outside_limits" } }),
            json!({ "outcome": "interrupted", "fault": { "code": "station_stopped" } }),
        ];
        let said = summary(&line, &rows, Duration::from_secs(36)).join("\n");
        for expected in [
            "passed        2",
            "failed        1: 1 outside_limits",
            "not worked    1: passed_already",
            "broken off    1 ",
            "200 units an hour",
            "12.0 s",
            "8.0 s (x 1.50)",
        ] {
            assert!(said.contains(expected), "{expected} is not in:\n{said}");
        }
    }
}
