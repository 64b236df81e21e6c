//! The texts of a history: what a station sends, sound or not.

use super::{
    history::{Batch, Board, Bundle, Change, Flaw, Form, Number, Piece, Run, Shows, Told},
    replay::Play,
    units::golden,
};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    evidence::{Evidence, FirmwareEvidence},
    identifier::{Identifier, IdentifierKind},
    ids::{ContentHash, RunId, StationId},
    label::ScannedLabel,
    outcome::Outcome,
    prompt::AnswerSource,
    record::{AdmissionRecord, AdmittedBy, BirthRecord, Envelope, OutputRecord},
    reference::REFERENCE_CHECK,
    step::Step,
    text::{Fault, FaultCode},
};
use server::load::synthetic::{self, Work};
use std::collections::BTreeSet;

pub const NEVER_LENT: &str = "NEVER-LENT";

impl Play<'_> {
    pub fn text_of(&mut self, station: u8, piece: &Piece) -> String {
        let text = match piece {
            Piece::Run(run) => {
                let envelope = self.envelope(station, run);
                let text = told_as_text(&envelope);
                self.desk_mut(station).close(run.outbox, ContentHash::of(text.as_bytes()));
                text
            }
            Piece::Readdressed { run, place } => {
                let mut envelope = self.envelope(station, run);
                if let Some(earlier) = self.earlier_envelope(*place) {
                    (envelope.outbox_id, envelope.number) = (earlier.outbox_id, earlier.number);
                }
                told_as_text(&envelope)
            }
            Piece::Again { place } => self.earlier(*place),
            Piece::Changed { place, how } => match (how, self.earlier_envelope(*place)) {
                (Change::Spaces, _) | (_, None) => format!(" {}", self.earlier(*place)),
                (Change::Operator, Some(mut envelope)) => {
                    envelope.record.operator.push('e');
                    told_as_text(&envelope)
                }
                (Change::Number, Some(mut envelope)) => {
                    envelope.number = envelope.number.wrapping_add(1000);
                    told_as_text(&envelope)
                }
            },
            Piece::Torn { place, percent } => {
                let text = self.earlier(*place);
                let end = text.len() * usize::from(*percent) / 100;
                text.get(..end).unwrap_or_default().to_owned()
            }
            Piece::Garbage { which } => {
                let garbage = ["", "null", "{}", "[]", "no JSON", "{\"record\":\"\\u0000\"}", "\0", "42"];
                garbage[usize::from(*which) % garbage.len()].to_owned()
            }
        };
        self.sent.push(text.clone());
        text
    }

    fn earlier(&self, place: u8) -> String {
        let place = usize::from(place).checked_rem(self.sent.len());
        place.map(|place| self.sent[place].clone()).unwrap_or_default()
    }

    fn earlier_envelope(&self, place: u8) -> Option<Envelope> {
        serde_json::from_str(&self.earlier(place)).ok()
    }

    /// What is read from a board.
    pub fn shown(&self, board: &Board) -> Vec<Identifier> {
        let one = |kind, value: String, unique| Identifier { kind, value, unique };
        let code = (u64::from(self.stage.number) * 100 + u64::from(board.board)).to_string();
        let module = board.module_of.unwrap_or(board.board);
        let address = format!("{:010X}{module:02X}", self.stage.number);
        let code = |unique| one(IdentifierKind::MachineCode, code.clone(), unique);
        let address = |unique| one(IdentifierKind::BluetoothAddress, address.clone(), unique);
        let own = |kind| {
            let number = self.own_numbers.get(&board.board);
            number.map(|number| one(kind, number.clone(), true))
        };
        let name = one(IdentifierKind::BluetoothName, format!("TB-{}", board.board), false);
        match board.shows {
            Shows::All => vec![code(true), address(true), name],
            Shows::MachineCode => vec![code(true), name],
            Shows::Module => vec![address(true)],
            Shows::Nothing => vec![],
            Shows::Defaults => vec![code(false), address(false)],
            Shows::EmptyModule => {
                vec![code(true), one(IdentifierKind::BluetoothAddress, String::new(), true)]
            }
            Shows::CodeTwice => vec![code(false), code(true), address(true)],
            Shows::NumberToo => {
                [code(true), address(true)].into_iter().chain(own(IdentifierKind::Serial)).collect()
            }
            Shows::NumberOnly => own(IdentifierKind::Serial).into_iter().collect(),
            Shows::Label => own(IdentifierKind::PcbLabel).into_iter().collect(),
        }
    }

    fn number(&mut self, station: u8, run: &Run) -> Option<String> {
        let board = run.board.board;
        match run.number {
            Number::None
            | Number::NeverLent
            | Number::Lent(_)
            | Number::Freed(_)
            | Number::OfBoard(_)
            | Number::OfList(_) => self.earlier_number(run.number),
            Number::Own if run.batch == Batch::Labelled => {
                let label = format!("L-{}-{board}", self.stage.number);
                Some(self.own_numbers.entry(board).or_insert(label).clone())
            }
            Number::Own => {
                if !self.own_numbers.contains_key(&board) {
                    let batch = self.batch(run.batch);
                    let taken: BTreeSet<&String> = self.own_numbers.values().collect();
                    let free = self.lent.iter().find(|lent| {
                        lent.batch == batch && lent.station == station && !taken.contains(&lent.serial)
                    });
                    let serial = free?.serial.clone();
                    self.own_numbers.insert(board, serial);
                }
                self.own_numbers.get(&board).cloned()
            }
        }
    }

    /// One that is somebody's or nobody's already.
    pub fn earlier_number(&self, number: Number) -> Option<String> {
        match number {
            Number::None | Number::Own => None,
            Number::NeverLent => Some(NEVER_LENT.to_owned()),
            Number::Lent(place) => {
                let place = usize::from(place).checked_rem(self.lent.len())?;
                Some(self.lent[place].serial.clone())
            }
            Number::Freed(place) => {
                let freed = self.model.freed();
                freed.get(usize::from(place).checked_rem(freed.len())?).cloned()
            }
            Number::OfBoard(board) => self.own_numbers.get(&board).cloned(),
            Number::OfList(place) => Some(format!("C-{}-{place}", self.stage.number)),
        }
    }

    /// A new run's envelope.
    fn envelope(&mut self, station: u8, run: &Run) -> Envelope {
        self.addresses += 1;
        let keyed = &self.stage.stations[usize::from(station)];
        let station_id = keyed.enrolled.station_id;
        let (outbox, number) = (self.outbox(station, run.outbox), self.desk(station).next(run.outbox));
        let second = run.batch == Batch::Other;
        let bundle = match run.bundle {
            Bundle::OfTheBatch => usize::from(second),
            Bundle::First | Bundle::NeverReleased | Bundle::Unknown => 0,
            Bundle::Second => 1,
        };
        let expected = self.model.expected(&self.world.released[bundle].manifest.hash()).unwrap().clone();
        let work = Work { station_id, batch_id: self.batch(run.batch), expected };
        let ended = self.first_end + TimeDelta::minutes(run.minute.into());
        let started = ended - TimeDelta::seconds(30);
        // Its number and its board are put into it below: only what chance gives is taken.
        let mut envelope = synthetic::envelope(&work, outbox.0, 1, started, self.addresses);
        envelope.number = number;
        let record = &mut envelope.record;
        record.run_id = run_id(ended, self.stage.number, self.addresses);
        record.finished_at = ended;
        record.resumes = run.resumes.and_then(|place| self.made.get(usize::from(place)).copied());
        let orders = self.model.open_orders();
        let order = run.order.and_then(|place| orders.get(usize::from(place).checked_rem(orders.len())?));
        record.admission = order.map(|order| AdmissionRecord {
            by: AdmittedBy::Server,
            rerun: Some(*order),
            counts_already: false,
        });
        self.made.push(record.run_id);
        match run.bundle {
            Bundle::NeverReleased => record.bundle.hash = self.world.submitted.clone(),
            Bundle::Unknown => record.bundle.hash = ContentHash::of(b"unknown"),
            Bundle::OfTheBatch | Bundle::First | Bundle::Second => {}
        }
        // Of the runs that the bench spoilt, half were the fixture's fault.
        record.outcome = match run.outcome {
            Outcome::Error if run.minute % 2 == 1 => Outcome::CollateralAbort,
            outcome => outcome,
        };
        record.serial = self.number(station, run);
        // Most that are of labels say so, and few others.
        let says_so = if run.batch == Batch::Labelled {
            !run.minute.is_multiple_of(16)
        } else {
            run.minute.is_multiple_of(64)
        };
        let source = AnswerSource::Fixture;
        let scanned = |text| ScannedLabel { text, address: None, by: None, source, after_ms: 1 };
        record.label = record.serial.clone().filter(|_| says_so).map(scanned);
        record.identifiers = self.shown(&run.board);
        let other = &self.stage.stations[usize::from(1 - station)];
        spoil(&mut envelope, run, other.enrolled.station_id);
        envelope
    }
}

/// Puts into a record what the run is to have.
fn spoil(envelope: &mut Envelope, run: &Run, other_station: StationId) {
    let record = &mut envelope.record;
    let says = match run.fault {
        Told::Fitting if run.outcome == Outcome::Pass => None,
        Told::Disagreeing if run.outcome != Outcome::Pass => None,
        Told::Fitting | Told::Disagreeing => Some(FaultCode::OutsideLimits),
        Told::Foreign(code) => Some(code),
    };
    record.fault = says.map(|code| Fault::new(code).at(Step::Measure));
    match run.flaw {
        None => {}
        Some(Flaw::WeakFirmware) => {
            record.firmware.as_mut().unwrap().evidence = FirmwareEvidence::VersionOnly;
        }
        Some(Flaw::UnreadParameter) => record.parameters[3].evidence = Evidence::Read,
        Some(Flaw::ReadingOutside) => record.measurements[0].value = 9999.0,
        Some(Flaw::MissingStep) => record.steps.retain(|step| step.step != Step::Verify),
        Some(Flaw::UnprovedPassword) => record.password.as_mut().unwrap().proved = false,
        Some(Flaw::ClaimedLease) => record.lease.as_mut().unwrap().evidence = Evidence::Claimed,
        Some(Flaw::OtherBoard) => "TBA-40S".clone_into(&mut record.shows.as_mut().unwrap().model),
        Some(Flaw::ReversedTimes) => record.started_at = record.finished_at + TimeDelta::seconds(1),
    }
    match run.form {
        Form::Sound => {}
        Form::OfAnotherStation => envelope.station_id = other_station,
        Form::VersionNone => record.version = 0,
        Form::VersionNewer => record.version = 99,
        Form::NumberNone => envelope.number = 0,
        Form::NumberHuge => envelope.number = u64::MAX,
        Form::SlotNone => record.slot = 0,
        Form::SlotHuge => record.slot = 40_000,
        Form::Nul => record.operator = "a\0b".to_owned(),
        Form::AnotherOperation => record.operation = "rework".to_owned(),
        Form::Check => check(record),
        Form::CheckThatWrote => {
            check(record);
            record.output = Some(OutputRecord { charge_on: true, discharge_on: true });
        }
        Form::CheckOfNothing => record.operation = REFERENCE_CHECK.to_owned(),
    }
}

fn check(record: &mut BirthRecord) {
    synthetic::into_check(record, golden("As the station knows it"));
}

/// Of its moment, its stage and its place there.
fn run_id(at: DateTime<Utc>, stage: u32, place: u64) -> RunId {
    let mut tail = [0; 10];
    tail[2..6].copy_from_slice(&stage.to_be_bytes());
    tail[6..].copy_from_slice(&(place as u32).to_be_bytes());
    RunId(uuid::Builder::from_unix_timestamp_millis(at.timestamp_millis() as u64, &tail).into_uuid())
}

fn told_as_text(envelope: &Envelope) -> String {
    serde_json::to_string(envelope).unwrap()
}
