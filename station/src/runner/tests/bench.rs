//! A bench of paper: answers every question as a good board and a good house would, and can be told to spoil one of them.

use crate::{
    board::{
        AfreshReading, BoardAnswer, BoardIdentity, BoardReply, BoardRequest, FirmwareImage, Flashed,
        LeaseReading, OutputReading, ParameterWritten, PasswordProof, ProfileWritten, Reading, Secret,
        WireUse,
    },
    clock::Moment,
    fixture::described::RadioThere,
    order::WorkOrder,
    runner::{Admitted, Effect, Event, RadioHeard, Runner, Sealed, Start},
};
use chrono::{DateTime, NaiveDate};
use domain::{
    admission::{Admission, AdmissionVerdict, FAILS_ALLOWED},
    bundle::{BundleManifest, FileRef, FirmwareRef},
    codec::encode,
    fixture::reading::Heard,
    identifier::{Identifier, IdentifierKind},
    ids::{BatchId, ContentHash, RunId},
    label::ScannedLabel,
    lease::BirthLease,
    model::{DeviceModel, parse_model},
    procedure::{Procedure, parse_procedure},
    profile::{OrderValues, Profile, parse_profile},
    prompt::{Answer, AnswerSource, Asks, GivenAnswer},
    record::{AdmittedBy, BirthRecord, FoundState, InstrumentUsed, SecretRecord},
    reference::Reference,
    step::Step,
    text::Fault,
    value::Value,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
    time::Duration,
};
use uuid::Uuid;

pub const IMAGE_CRC: u32 = 0x1234_5678;

/// The shipped files: model, profile, procedure.
pub fn parts_texts() -> [&'static str; 3] {
    [
        include_str!("../../../../profiles/models/topbms.toml"),
        include_str!("../../../../profiles/parameters/topbms-12s-lto-200a.toml"),
        include_str!("../../../../profiles/procedures/topbms-birth.toml"),
    ]
}

/// The shipped files, parsed.
pub fn parts() -> (DeviceModel, Profile, Procedure) {
    let [model, profile, procedure] = parts_texts();
    (
        parse_model("m", model).unwrap(),
        parse_profile("p", profile).unwrap(),
        parse_procedure("q", procedure).unwrap(),
    )
}

pub fn order() -> Arc<WorkOrder> {
    let (model, profile, procedure) = parts();
    order_of(model, profile, procedure)
}

/// The work that these texts make: model, profile, procedure.
fn order_in([model, profile, procedure]: [&str; 3]) -> Arc<WorkOrder> {
    let (profile, procedure) =
        (parse_profile("p", profile).unwrap(), parse_procedure("q", procedure).unwrap());
    order_of(parse_model("m", model).unwrap(), profile, procedure)
}

/// The work that these parts make.
pub fn order_of(model: DeviceModel, profile: Profile, procedure: Procedure) -> Arc<WorkOrder> {
    let image = procedure.flash.is_some();
    let file = |id: &str| FileRef { id: id.to_owned(), revision: 1, sha256: ContentHash::of(id.as_bytes()) };
    let manifest = BundleManifest {
        model: file("topbms"),
        profile: file("profile"),
        procedure: file("procedure"),
        firmware: procedure.flash.as_ref().map(|_| FirmwareRef {
            version: "1.9".into(),
            bytes: 4,
            sha256: ContentHash::of(b"image"),
            crc32: IMAGE_CRC,
        }),
        label: None,
    };
    Arc::new(WorkOrder {
        batch_id: BatchId(Uuid::from_u128(1)),
        batch_name: "B-1".into(),
        quantity: 100,
        operator: "operator".into(),
        fails_allowed: FAILS_ALLOWED,
        order_values: OrderValues::new(),
        labels: None,
        label_mode: domain::labelling::LabelMode::None,
        customer: String::new(),
        floor: domain::floor::FloorRules::default(),
        hold: None,
        bundle: manifest.reference(),
        manifest,
        model: Arc::new(model),
        profile: Arc::new(profile),
        procedure: Arc::new(procedure),
        image: image.then(|| Arc::new(FirmwareImage { name: "i.bin".into(), bytes: vec![1, 2, 3, 4] })),
        label: None,
    })
}

pub fn identity() -> BoardIdentity {
    BoardIdentity {
        identifiers: vec![
            Identifier { kind: IdentifierKind::MachineCode, value: "342589975".into(), unique: true },
            Identifier { kind: IdentifierKind::BluetoothAddress, value: "868835400068".into(), unique: true },
        ],
        model_value: "TOPBMS".into(),
        is_model: true,
        firmware_version: "V1.8".into(),
        firmware_crc32: Some(1),
        cells: None,
    }
}

/// What a person says of a sound board.
fn right_answer(asks: &Asks) -> Answer {
    match asks {
        Asks::Confirm => Answer::Confirm(true),
        Asks::Scan { .. } => Answer::Scan("H-1234".into()),
        Asks::Number { limit, .. } => Answer::Number(limit.min.unwrap_or_default()),
    }
}

/// Answers questions and keeps what was done.
pub struct PaperBench {
    pub order: Arc<WorkOrder>,
    pub runner: Runner,
    pub found: FoundState,
    pub identity: BoardIdentity,
    pub admission: AdmissionVerdict,
    /// What it is told of the reference that its board is.
    pub reference: Option<Reference>,
    pub done: Vec<Effect>,
    pub closed: Vec<BirthRecord>,
    pub run_id: RunId,
    millis: u64,
    pub lease: BirthLease,
    /// The label that announced its board.
    pub label: Option<ScannedLabel>,
    /// Who works at its jig.
    pub operator: Option<String>,
    /// Why it works references alone.
    pub only_references: Option<Fault>,
    /// What comes of binding a label.
    pub binds: Result<Option<RunId>, Fault>,
    /// Whether its switches are on: charge, discharge.
    pub switches: (bool, bool),
    name: String,
    true_ma: u32,
    calibrated: bool,
    /// The register that holds its number, and the number.
    pub number: Option<(String, String)>,
    /// What was set beside the parameters.
    pub beside: BTreeMap<String, Value>,
    /// What each of its counters reads.
    pub counts: f64,
    /// What hears its radio.
    pub radio: Option<RadioThere>,
}

impl PaperBench {
    #[expect(clippy::new_without_default, reason = "a bench is set up, not defaulted")]
    pub fn new() -> Self {
        Self::with(order())
    }

    pub fn with(order: Arc<WorkOrder>) -> Self {
        Self {
            order,
            runner: Runner::new(1, "0.1.0"),
            found: FoundState::Application,
            identity: identity(),
            admission: AdmissionVerdict::Admit,
            reference: None,
            done: Vec::new(),
            closed: Vec::new(),
            run_id: RunId(Uuid::from_u128(7)),
            millis: 0,
            lease: BirthLease::Open,
            label: None,
            operator: None,
            only_references: None,
            binds: Ok(None),
            switches: (true, true),
            name: "BMS".into(),
            true_ma: 0,
            calibrated: false,
            number: None,
            beside: BTreeMap::new(),
            counts: 3.0,
            radio: None,
        }
    }

    /// A board of the JK PB series: no loader, name, password or lock, no restart command, and no field for a number.
    pub fn jk_pb() -> Self {
        static ORDER: OnceLock<Arc<WorkOrder>> = OnceLock::new();
        let mut bench = Self::of(ORDER.get_or_init(|| {
            order_in([
                include_str!("../../../../profiles/models/jk-pb.toml"),
                include_str!("../../../../profiles/parameters/jk-pb-16s-lifepo4-100a.toml"),
                include_str!("../../../../profiles/procedures/jk-pb-birth-16s-lifepo4.toml"),
            ])
        }));
        let own = Identifier { kind: IdentifierKind::MachineCode, value: "2071234".into(), unique: true };
        bench.identity.identifiers = vec![own];
        bench
    }

    /// A JBD board fresh from its maker: nothing tells it from the next one until it bears its number.
    pub fn jbd() -> Self {
        static ORDER: OnceLock<Arc<WorkOrder>> = OnceLock::new();
        let mut bench = Self::of(ORDER.get_or_init(|| {
            order_in([
                include_str!("../../../../profiles/models/jbd.toml"),
                include_str!("../../../../profiles/parameters/jbd-8s-lto-100a.toml"),
                include_str!("../../../../profiles/procedures/jbd-birth-8s-lto.toml"),
            ])
        }));
        bench.identity.identifiers = vec![
            Identifier { kind: IdentifierKind::PcbLabel, value: String::new(), unique: false },
            Identifier { kind: IdentifierKind::MachineCode, value: "0".into(), unique: false },
        ];
        bench
    }

    /// A bench for boards that report no CRC.
    fn of(order: &Arc<WorkOrder>) -> Self {
        let mut bench = Self::with(Arc::clone(order));
        bench.identity.firmware_crc32 = None;
        bench
    }

    /// The record of a board that passed.
    pub fn finished() -> BirthRecord {
        Self::new().work(|_, _, event| event).unwrap()
    }

    pub fn now(&mut self) -> Moment {
        self.millis += 10;
        let elapsed = Duration::from_millis(self.millis);
        Moment { at: DateTime::from_timestamp(1_900_000_000, 0).unwrap() + elapsed, elapsed }
    }

    /// Tells the runner, carries out, and gives the question that is left.
    pub fn tell(&mut self, event: Event) -> Option<Effect> {
        let now = self.now();
        let mut effects = self.runner.handle(now, event);
        let question = effects.pop_if(|effect| effect.is_question());
        assert!(!effects.iter().any(Effect::is_question), "a question must be the last effect: {effects:?}");
        for effect in &effects {
            if let Effect::CloseRun { record, .. } = effect {
                self.closed.push((**record).clone());
            }
        }
        self.done.extend(effects);
        self.done.extend(question.clone());
        question
    }

    pub fn start(&mut self) -> Option<Effect> {
        let start = Start {
            run_id: self.run_id,
            order: Arc::clone(&self.order),
            label: self.label.clone(),
            operator: self.operator.clone(),
            only_references: self.only_references.clone(),
            fixture: None,
            radio: self.radio,
        };
        self.tell(Event::Present(Box::new(start)))
    }

    /// Works to the end; `spoil` may put another answer in the place of the good one.
    pub fn work(&mut self, mut spoil: impl FnMut(usize, &Effect, Event) -> Event) -> Option<BirthRecord> {
        let mut question = self.start();
        for nth in 0..300 {
            let Some(asked) = question else { return self.closed.last().cloned() };
            let good = self.answer(&asked);
            let event = spoil(nth, &asked, good);
            question = self.tell(event);
        }
        panic!("the run does not end");
    }

    pub fn answer(&mut self, question: &Effect) -> Event {
        match question {
            Effect::Board(request) => {
                let wire = WireUse { sent: 10, received: 20, floor_us: 2604 };
                Event::Board(Ok(BoardAnswer { reply: self.reply(request), wire }))
            }
            Effect::ClaimIdentity(_) => Event::Claimed(Ok(())),
            Effect::AskAdmission { .. } => {
                let reference = self.reference.clone().map(Box::new);
                let admission =
                    Admission { verdict: self.admission, reference, ..Admission::of_a_stranger() };
                Event::Admitted(Ok(Admitted::alone(admission, AdmittedBy::Server)))
            }
            Effect::ReserveNumber { known, .. } => {
                Event::NumberReserved(Ok(known.clone().unwrap_or_else(|| "TB26470213X".into())))
            }
            Effect::SealSecret { length, .. } => Event::SecretSealed(Ok(Sealed {
                secret: Secret::new("918273"),
                record: SecretRecord {
                    length: *length,
                    keyed_hash: "00".into(),
                    sealed: "00".into(),
                    proved: false,
                },
            })),
            Effect::SetLoad(load_ma) => {
                self.true_ma = *load_ma;
                Event::LoadIs(Ok((*load_ma).into()))
            }
            Effect::PowerCycle => Event::PowerCycled(Ok(())),
            Effect::Hear => Event::Heard(Ok(self.near())),
            Effect::Wait(_) => Event::Waited,
            Effect::BindLabel { .. } => Event::LabelBound(self.binds.clone()),
            Effect::Ask(open, _) => Event::Answered(Box::new(GivenAnswer {
                id: open.id.clone(),
                answer: right_answer(&open.prompt.asks),
                by: Some("li".into()),
                source: AnswerSource::Fixture,
            })),
            effect => panic!("no question: {effect:?}"),
        }
    }

    /// Its own radio, and a telephone.
    fn near(&self) -> RadioHeard {
        let own = self.identity.identifiers.iter().find(|one| one.kind == IdentifierKind::BluetoothAddress);
        let own = own.map(|one| Heard { address: one.value.clone(), rssi_dbm: -55, name: self.name.clone() });
        let telephone = Heard { address: "5C0272001122".into(), rssi_dbm: -40, name: String::new() };
        let by = InstrumentUsed {
            id: "radio-1".into(),
            serial: "SR-1".into(),
            calibration_due: NaiveDate::from_ymd_opt(2030, 1, 1).unwrap(),
        };
        RadioHeard { radios: [telephone].into_iter().chain(own).collect(), by }
    }

    fn reply(&mut self, request: &BoardRequest) -> BoardReply {
        use BoardRequest as Q;
        match request {
            Q::LearnPace | Q::IsThere | Q::ReadThere { .. } => unreachable!("these are asked beside the run"),
            Q::Probe { .. } | Q::FindAgain { .. } => BoardReply::Found(self.found),
            Q::ReadIdentity => BoardReply::Identity(self.identity.clone()),
            Q::Flash { .. } => BoardReply::Flashed(Flashed { blocks: 1, resent: 0, confirmed: true }),
            Q::StartApplication => {
                self.identity.firmware_version = "V1.9".into();
                self.identity.firmware_crc32 = Some(IMAGE_CRC);
                BoardReply::Application { waited_ms: 300 }
            }
            Q::Restart | Q::AwaitApplication => BoardReply::Application { waited_ms: 300 },
            Q::Unlock { .. } => BoardReply::Unlocked { opened_by: Some(0) },
            Q::WriteProfile { values, .. } => BoardReply::ProfileWritten(ProfileWritten {
                parameters: values.iter().map(|(name, value)| self.written(name, value)).collect(),
                transactions: 3,
            }),
            Q::ReadRegisters { names } => {
                BoardReply::Registers(names.iter().map(|name| self.register(name)).collect())
            }
            Q::Calibrate { .. } => {
                self.calibrated = true;
                BoardReply::Calibrated { before_ma: 19_200, after_ma: 20_010 }
            }
            Q::ReadCurrent => BoardReply::Current { ma: 0 },
            Q::WriteName { name } => {
                self.name.clone_from(name);
                BoardReply::Name { read: name.clone() }
            }
            Q::WriteNumber { serial, register } => {
                self.number = Some((register.clone(), serial.clone()));
                if let Some(field) = self.order.model.identity_field(register) {
                    let known = self.identity.identifiers.iter_mut().find(|one| one.kind == field.kind);
                    if let Some(one) = known {
                        (one.value, one.unique) = (serial.clone(), field.unique);
                    }
                }
                BoardReply::Number { read: serial.clone() }
            }
            Q::SetPassword { .. } => BoardReply::Done,
            Q::Command { name } => {
                let clears = self.order.model.ship.iter().any(|ship| ship.clear.contains(name));
                self.counts = if clears { 0.0 } else { self.counts };
                BoardReply::Done
            }
            Q::Sleep => BoardReply::Asleep { proved: true },
            Q::SetRegisters { values } => {
                self.beside.extend(values.clone());
                BoardReply::Registers(values.iter().map(|(name, value)| self.reading(name, value)).collect())
            }
            Q::ProvePassword { .. } => BoardReply::PasswordProof(PasswordProof {
                locked_first: true,
                old_refused: true,
                new_opened: true,
            }),
            Q::ReadLease => BoardReply::Lease(self.lease()),
            Q::WriteLease { mode, .. } => {
                self.lease = *mode;
                BoardReply::Lease(self.lease())
            }
            Q::WriteSwitches { charge, discharge } => {
                self.switches = (*charge, *discharge);
                BoardReply::Output(self.output())
            }
            Q::ReadOutput => BoardReply::Output(self.output()),
            Q::ReadAll { registers } => {
                let parameters =
                    self.order.profile.values.iter().map(|(name, value)| self.reading(name, value)).collect();
                BoardReply::Afresh(Box::new(AfreshReading {
                    identity: self.identity.clone(),
                    parameters,
                    name: self.order.model.name.as_ref().map(|_| self.name.clone()),
                    lease: self.order.model.lease.as_ref().map(|_| self.lease()),
                    output: Some(self.output()),
                    registers: registers.iter().map(|name| self.register(name)).collect(),
                }))
            }
            Q::ReadParameters => BoardReply::Registers(Vec::new()),
        }
    }

    fn lease(&self) -> LeaseReading {
        LeaseReading { mode: Some(self.lease), raw_mode: 0, expires_s: None }
    }

    pub fn output_now(&self) -> OutputReading {
        self.output()
    }

    fn output(&self) -> OutputReading {
        let (charge_on, discharge) = self.switches;
        OutputReading { charge_on, discharge_on: discharge && self.lease != BirthLease::Locked, raw: 3 }
    }

    fn reading(&self, name: &str, value: &Value) -> Reading {
        let register = self.order.model.register(name).unwrap();
        let raw = encode(register, value).unwrap();
        Reading { name: name.to_owned(), raw, value: value.clone(), unit: register.unit.clone() }
    }

    fn written(&self, name: &str, value: &Value) -> ParameterWritten {
        let set = self.reading(name, value);
        ParameterWritten {
            name: name.to_owned(),
            unit: set.unit.clone(),
            before: set.clone(),
            read: set.clone(),
            set,
            written: true,
        }
    }

    /// A live register in the middle of what the procedure allows.
    fn register(&self, name: &str) -> Reading {
        let register = self.order.model.register(name).unwrap();
        if let Some((_, serial)) = self.number.as_ref().filter(|(held, _)| held == name) {
            return self.reading(name, &Value::from(serial.as_str()));
        }
        if let Some(value) = self.beside.get(name) {
            return self.reading(name, value);
        }
        if let Some(value) = self.order.profile.values.get(name) {
            return self.reading(name, value);
        }
        let value = match name {
            name if self.order.model.ship.iter().flat_map(|ship| ship.counters()).any(|one| one == name) => {
                Value::Number(self.counts)
            }
            "current_ma" => Value::Number(-f64::from(self.true_ma)),
            "alarms" => Value::from("0x0000"),
            name => {
                let is_cell =
                    name.starts_with("cell_") && name.ends_with("_mv") && !name.contains("difference");
                let asked = if is_cell { "cells" } else { name };
                let spec = self.order.procedure.measurements.iter().find(|spec| spec.register == asked);
                let limit = spec.map(|spec| spec.limit).unwrap_or_default();
                Value::Number((limit.min.unwrap_or(25.0) + limit.max.unwrap_or(25.0)) / 2.0)
            }
        };
        Reading { name: name.to_owned(), raw: vec![0], value, unit: register.unit.clone() }
    }
}

/// The step that the record ended in.
pub fn last_step(record: &BirthRecord) -> Option<Step> {
    record.steps.last().map(|entry| entry.step)
}
