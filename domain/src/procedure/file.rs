//! A procedure as its file holds it: in the short form a section for each part, else one `[[step]]` after the other, each with its
//! own settings.

mod asked;
mod written;

use super::{
    Action, CalibrateStep, Flag, FlashStep, LeaseStep, MeasureWhen, MeasurementSource, MeasurementSpec,
    NameStep, NumberStep, OnFailure, PasswordKind, PasswordStep, PlannedStep, ProbeStep, Procedure, Section,
    ShipStateStep, SleepStep, StepKind,
};
use crate::{
    evidence::FirmwareEvidence, lease::BirthLease, limit::Limit, model::Bilingual, prompt::PromptKind,
    source::At,
};
use std::collections::BTreeMap;

/// The longest that a step waits for nothing but time, milliseconds.
const MOST_PATIENCE_MS: u32 = 600_000;

wire! {
    /// The file's text as TOML reads and writes it.
    #[serde(deny_unknown_fields)]
    pub struct ProcedureFile {
        id: String,
        revision: u32,
        title: Bilingual,
        model: String,
        profiles: Vec<String>,
        operation: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        leaves_out: Vec<Section>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        probe: Option<ProbeStep>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        flash: Option<FlashStep>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        calibrate: Option<CalibrateStep>,
        #[serde(default, rename = "measure", skip_serializing_if = "Option::is_none")]
        measurements: Option<Vec<MeasurementSpec>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        number: Option<NumberStep>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<NameStep>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        password: Option<PasswordStep>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lease: Option<LeaseStep>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ship_state: Option<ShipStateStep>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sleep: Option<SleepStep>,
        #[serde(default, rename = "step", skip_serializing_if = "Vec::is_empty")]
        steps: Vec<StepFile>,
    }
}

wire! {
    /// One `[[step]]`: its kind and the settings of that kind. Flat, so that whatever is wrong with it has a line.
    #[derive(Default)]
    #[serde(deny_unknown_fields)]
    struct StepFile {
        kind: StepKind,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry: Option<u8>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout_ms: Option<u32>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        on_failure: Option<OnFailure>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        silent_ms: Option<u32>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        accepted_evidence: Option<Vec<FirmwareEvidence>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        skip_if_proved: Option<Vec<FirmwareEvidence>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        attempts: Option<u8>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        load_ma: Option<u32>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tolerance_ma: Option<u32>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_correction_percent: Option<f64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        picture: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pattern: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        register: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        template: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        draws: Option<PasswordKind>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        birth: Option<BirthLease>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        clear: Option<bool>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        date: Option<bool>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        clock: Option<bool>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bit: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        set: Option<bool>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        within_ms: Option<u32>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        command: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        wait_ms: Option<u32>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        asks: Option<PromptKind>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        length: Option<u8>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unit: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        question: Option<Bilingual>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<Limit>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        marginal: Option<Limit>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reading: Option<Vec<ReadingFile>>,
    }
}

wire! {
    /// One `[[step.reading]]`: a measurement; when it is read, its step says.
    #[serde(deny_unknown_fields)]
    struct ReadingFile {
        name: String,
        title: Bilingual,
        register: String,
        unit: String,
        limit: Limit,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        marginal: Option<Limit>,
        source: MeasurementSource,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        forbidden_bits: Vec<String>,
    }
}

/// Where in the file the settings of a procedure stand.
pub(super) struct Places {
    /// The first step of each kind; none in the short form.
    steps: Option<BTreeMap<StepKind, usize>>,
    /// Of each measurement its step, and which of that step's readings it is.
    readings: Vec<(usize, usize)>,
}

impl Places {
    /// A setting of the one step of that kind.
    pub(super) fn setting(&self, kind: StepKind, key: &'static str) -> Vec<At<'static>> {
        match &self.steps {
            None => vec![At::Key(section(kind)), At::Key(key)],
            Some(steps) => {
                let index = steps.get(&kind).copied().unwrap_or_default();
                vec![At::Key("step"), At::Index(index), At::Key(key)]
            }
        }
    }

    /// A setting of the measurement with this index.
    pub(super) fn measurement(&self, index: usize, key: &'static str) -> Vec<At<'static>> {
        match (&self.steps, self.readings.get(index)) {
            (Some(_), Some(&(step, reading))) => {
                let place = [At::Key("step"), At::Index(step), At::Key("reading"), At::Index(reading)];
                [&place[..], &[At::Key(key)]].concat()
            }
            _ => vec![At::Key("measure"), At::Index(index), At::Key(key)],
        }
    }
}

/// The section of the short form that holds the settings of such a step.
fn section(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Identify => "probe",
        kind => kind.as_str(),
    }
}

/// The settings that a step of that kind has: (those that it needs, those that it may have).
fn settings(kind: StepKind) -> (&'static [&'static str], &'static [&'static str]) {
    match kind {
        StepKind::Identify => (&["silent_ms"], &[]),
        StepKind::Flash => (&["accepted_evidence", "attempts"], &["skip_if_proved"]),
        StepKind::Calibrate => (&["load_ma", "tolerance_ma", "max_correction_percent"], &[]),
        StepKind::Measure | StepKind::Verify => (&[], &["reading"]),
        StepKind::Stimulate => (&["load_ma"], &[]),
        StepKind::Expect => (&["register", "bit", "set", "within_ms"], &[]),
        StepKind::Command => (&["command"], &[]),
        StepKind::Wait => (&["wait_ms"], &[]),
        StepKind::Prompt => asked::SETTINGS,
        StepKind::Number => (&["pattern"], &["register"]),
        StepKind::Name => (&["template"], &[]),
        StepKind::Password => (&["draws"], &[]),
        StepKind::Lease => (&["birth"], &[]),
        StepKind::ShipState => (&["clear", "date", "clock"], &[]),
        StepKind::Profile | StepKind::Restart | StepKind::Sleep => (&[], &[]),
    }
}

impl StepFile {
    /// The names of the settings that are given.
    fn given(&self) -> Vec<&'static str> {
        [
            ("silent_ms", self.silent_ms.is_some()),
            ("accepted_evidence", self.accepted_evidence.is_some()),
            ("skip_if_proved", self.skip_if_proved.is_some()),
            ("attempts", self.attempts.is_some()),
            ("load_ma", self.load_ma.is_some()),
            ("tolerance_ma", self.tolerance_ma.is_some()),
            ("max_correction_percent", self.max_correction_percent.is_some()),
            ("picture", self.picture.is_some()),
            ("pattern", self.pattern.is_some()),
            ("register", self.register.is_some()),
            ("template", self.template.is_some()),
            ("draws", self.draws.is_some()),
            ("birth", self.birth.is_some()),
            ("clear", self.clear.is_some()),
            ("date", self.date.is_some()),
            ("clock", self.clock.is_some()),
            ("bit", self.bit.is_some()),
            ("set", self.set.is_some()),
            ("within_ms", self.within_ms.is_some()),
            ("command", self.command.is_some()),
            ("wait_ms", self.wait_ms.is_some()),
            ("name", self.name.is_some()),
            ("asks", self.asks.is_some()),
            ("length", self.length.is_some()),
            ("unit", self.unit.is_some()),
            ("question", self.question.is_some()),
            ("limit", self.limit.is_some()),
            ("marginal", self.marginal.is_some()),
            ("reading", self.reading.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, is_given)| is_given.then_some(name))
        .collect()
    }

    /// What it lacks, and what it has that its kind does not take.
    fn check(&self, index: usize, report: &mut impl FnMut(&[At<'_>], String)) {
        let (needed, others) = settings(self.kind);
        let (kind, given) = (self.kind.as_str(), self.given());
        for name in needed.iter().filter(|name| !given.contains(name)) {
            report(
                &[At::Key("step"), At::Index(index), At::Key("kind")],
                format!("step {} ({kind}) lacks its `{name}`", index + 1),
            );
        }
        for name in given.iter().filter(|name| !needed.contains(name) && !others.contains(name)) {
            report(
                &[At::Key("step"), At::Index(index), At::Key(name)],
                format!("step {} ({kind}) has no `{name}`: that belongs to another kind of step", index + 1),
            );
        }
        self.check_failure(index, report);
        self.check_asked(index, report);
    }

    /// What it says of its own failure.
    fn check_failure(&self, index: usize, report: &mut impl FnMut(&[At<'_>], String)) {
        let kind = self.kind.as_str();
        let mut told = |key: &'static str, reason: String| {
            report(
                &[At::Key("step"), At::Index(index), At::Key(key)],
                format!("step {} ({kind}): {reason}", index + 1),
            );
        };
        match self.retry {
            Some(1..) if !self.kind.may_repeat() => {
                told("retry", "such a step is not done again: only what is safe to repeat is".to_owned());
            }
            Some(retry @ 6..) => told("retry", format!("retry is {retry}; it lies in 0..5")),
            _ => {}
        }
        for (name, time) in [("wait_ms", self.wait_ms), ("within_ms", self.within_ms)] {
            if let Some(milliseconds) = time.filter(|time| !(1..=MOST_PATIENCE_MS).contains(time)) {
                told(name, format!("{name} is {milliseconds}; it lies in 1..{MOST_PATIENCE_MS}"));
            }
        }
        match self.timeout_ms {
            Some(_) if matches!(self.kind, StepKind::Identify | StepKind::Expect | StepKind::Wait) => {
                told("timeout_ms", "how long it may take is said by its own setting".to_owned());
            }
            Some(timeout_ms @ ..100) => {
                told("timeout_ms", format!("timeout_ms is {timeout_ms}: every board would be too slow"));
            }
            _ => {}
        }
        if self.on_failure == Some(OnFailure::GoOn) && !self.kind.may_be_gone_past() {
            told("on_failure", "no run goes on past a failure of such a step".to_owned());
        }
    }
}

impl ReadingFile {
    fn read(self, when: MeasureWhen) -> MeasurementSpec {
        let Self { name, title, register, unit, limit, marginal, source, forbidden_bits } = self;
        MeasurementSpec { name, title, register, unit, limit, marginal, when, source, forbidden_bits }
    }

    fn of(spec: &MeasurementSpec) -> Self {
        let MeasurementSpec { name, title, register, unit, limit, marginal, source, forbidden_bits, .. } =
            spec.clone();
        Self { name, title, register, unit, limit, marginal, source, forbidden_bits }
    }
}

/// The procedure that a file is, as far as it is one; what keeps it from being one is reported. `line`: of what stands at a path.
pub(super) fn compose(
    file: ProcedureFile,
    line: impl Fn(&[At<'_>]) -> usize,
    report: &mut impl FnMut(&[At<'_>], String),
) -> (Procedure, Places) {
    let is_short = file.steps.is_empty();
    if is_short {
        for (name, is_there) in [
            ("probe", file.probe.is_some()),
            ("measure", file.measurements.is_some()),
            ("number", file.number.is_some()),
        ] {
            if !is_there {
                report(&[], format!("missing field `{name}`"));
            }
        }
    } else {
        for name in sections_of(&file) {
            let reason = format!("[{name}] beside [[step]]: a procedure has sections or steps, not both");
            report(&[At::Key(name)], reason);
        }
    }
    let mut procedure = Procedure {
        id: file.id,
        revision: file.revision,
        title: file.title,
        model: file.model,
        profiles: file.profiles,
        operation: file.operation,
        leaves_out: file.leaves_out,
        // Where nothing is ordered, that was reported.
        probe: file.probe.unwrap_or(ProbeStep { silent_ms: 1 }),
        flash: file.flash,
        calibrate: file.calibrate,
        measurements: file.measurements.unwrap_or_default(),
        number: file.number.unwrap_or(NumberStep { pattern: "{seq:1}".to_owned(), register: None }),
        name: file.name,
        password: file.password,
        lease: file.lease,
        ship_state: file.ship_state,
        sleep: file.sleep,
        steps: Vec::new(),
    };
    let mut places = Places { steps: None, readings: Vec::new() };
    if is_short {
        return (procedure, places);
    }
    let (mut first, mut under_load) = (BTreeMap::new(), false);
    for (index, step) in file.steps.into_iter().enumerate() {
        step.check(index, report);
        first.entry(step.kind).or_insert(index);
        let line = line(&[At::Key("step"), At::Index(index), At::Key("kind")]);
        under_load = match step.kind {
            StepKind::Calibrate => true,
            StepKind::Stimulate => step.load_ma.is_some_and(|load_ma| load_ma > 0),
            kind => under_load && kind.keeps_load(),
        };
        let when = match step.kind {
            StepKind::Verify => MeasureWhen::AfterRestart,
            _ if under_load => MeasureWhen::UnderLoad,
            _ => MeasureWhen::AtRest,
        };
        let (retry, timeout_ms) = (step.retry.unwrap_or_default(), step.timeout_ms);
        let on_failure = step.on_failure.unwrap_or_default();
        let action = take(step, when, &mut procedure, |procedure, readings| {
            let names = readings.iter().map(|reading| reading.name.clone()).collect();
            places.readings.extend((0..readings.len()).map(|reading| (index, reading)));
            procedure.measurements.extend(readings.into_iter().map(|reading| reading.read(when)));
            names
        });
        procedure.steps.push(PlannedStep { action, retry, timeout_ms, on_failure, line });
    }
    places.steps = Some(first);
    (procedure, places)
}

/// Puts a step's settings where the procedure holds them, and gives what it does.
fn take(
    step: StepFile,
    when: MeasureWhen,
    procedure: &mut Procedure,
    mut readings: impl FnMut(&mut Procedure, Vec<ReadingFile>) -> Vec<String>,
) -> Action {
    match step.kind {
        StepKind::Identify => {
            procedure.probe = ProbeStep { silent_ms: step.silent_ms.unwrap_or(1) };
            Action::Identify
        }
        StepKind::Flash => {
            procedure.flash = Some(FlashStep {
                accepted_evidence: step.accepted_evidence.unwrap_or_default(),
                skip_if_proved: step.skip_if_proved.unwrap_or_default(),
                attempts: step.attempts.unwrap_or(1),
            });
            Action::Flash
        }
        StepKind::Profile => Action::Profile,
        StepKind::Calibrate => {
            procedure.calibrate = Some(CalibrateStep {
                load_ma: step.load_ma.unwrap_or_default(),
                tolerance_ma: step.tolerance_ma.unwrap_or_default(),
                max_correction_percent: step.max_correction_percent.unwrap_or_default(),
            });
            Action::Calibrate
        }
        StepKind::Measure => Action::Measure(readings(procedure, step.reading.unwrap_or_default())),
        StepKind::Stimulate => Action::Stimulate(step.load_ma.unwrap_or_default()),
        StepKind::Expect => Action::Expect(Flag {
            register: step.register.unwrap_or_default(),
            bit: step.bit.unwrap_or_default(),
            set: step.set.unwrap_or_default(),
            within_ms: step.within_ms.unwrap_or(1),
        }),
        StepKind::Command => Action::Command(step.command.unwrap_or_default()),
        StepKind::Wait => Action::Wait(step.wait_ms.unwrap_or(1)),
        StepKind::Prompt => Action::Prompt(Box::new(step.into_prompt(when))),
        StepKind::Number => {
            procedure.number =
                NumberStep { pattern: step.pattern.unwrap_or_default(), register: step.register };
            Action::Number
        }
        StepKind::Name => {
            procedure.name = Some(NameStep { template: step.template.unwrap_or_default() });
            Action::Name
        }
        StepKind::Password => {
            procedure.password =
                Some(PasswordStep { kind: step.draws.unwrap_or(PasswordKind::RandomDigits) });
            Action::Password
        }
        StepKind::Lease => {
            procedure.lease = Some(LeaseStep { birth: step.birth.unwrap_or(BirthLease::Locked) });
            Action::Lease
        }
        StepKind::ShipState => {
            procedure.ship_state = Some(ShipStateStep {
                clear: step.clear.unwrap_or_default(),
                date: step.date.unwrap_or_default(),
                clock: step.clock.unwrap_or_default(),
            });
            Action::ShipState
        }
        StepKind::Restart => Action::Restart,
        StepKind::Sleep => {
            procedure.sleep = Some(SleepStep {});
            Action::Sleep
        }
        StepKind::Verify => Action::Verify(readings(procedure, step.reading.unwrap_or_default())),
    }
}

fn sections_of(file: &ProcedureFile) -> Vec<&'static str> {
    [
        ("probe", file.probe.is_some()),
        ("flash", file.flash.is_some()),
        ("calibrate", file.calibrate.is_some()),
        ("measure", file.measurements.is_some()),
        ("number", file.number.is_some()),
        ("name", file.name.is_some()),
        ("password", file.password.is_some()),
        ("lease", file.lease.is_some()),
        ("ship_state", file.ship_state.is_some()),
        ("sleep", file.sleep.is_some()),
    ]
    .into_iter()
    .filter_map(|(name, is_there)| is_there.then_some(name))
    .collect()
}
