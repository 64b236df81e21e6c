//! The steps of a procedure, one after the other: what a station works down, and what a pass has in its record.

use super::{MeasureWhen, MeasurementSpec, Procedure};
use crate::{
    prompt::{PATIENCE_MS, Prompt},
    step::Step,
};

wire! {
    /// A kind of step: the word after `kind =` in a procedure's file.
    #[derive(Copy, Eq, Hash, PartialOrd, Ord, Default)]
    pub enum StepKind {
        /// Who it is, and whether it may be worked at all.
        #[default]
        Identify,
        /// The image and the start of it.
        Flash,
        /// The parameter password and the whole profile.
        Profile,
        /// Current calibration; its load stays on for the steps that look at the board under it.
        Calibrate,
        /// Readings against limits, and which paths conduct.
        Measure,
        /// A load of a known size, or none.
        Stimulate,
        /// A flag that comes or goes within a time.
        Expect,
        /// A command of the device model.
        Command,
        /// A pause.
        Wait,
        /// A question to a person.
        Prompt,
        Number,
        Name,
        /// Alarms and counters cleared, date and clock set.
        ShipState,
        Password,
        Lease,
        /// The supply off and on, or the board's own restart; the record says which.
        Restart,
        /// Everything read afresh.
        Verify,
        /// The very last: nobody speaks to the board behind it.
        Sleep,
    }
}

impl StepKind {
    /// The word in a procedure's file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Identify => "identify",
            Self::Flash => "flash",
            Self::Profile => "profile",
            Self::Calibrate => "calibrate",
            Self::Measure => "measure",
            Self::Stimulate => "stimulate",
            Self::Expect => "expect",
            Self::Command => "command",
            Self::Wait => "wait",
            Self::Prompt => "prompt",
            Self::Number => "number",
            Self::Name => "name",
            Self::ShipState => "ship_state",
            Self::Password => "password",
            Self::Lease => "lease",
            Self::Restart => "restart",
            Self::Verify => "verify",
            Self::Sleep => "sleep",
        }
    }

    /// Whether such a step may be done again after it failed: it looks, or writes what it would write anyway.
    #[must_use]
    pub fn may_repeat(self) -> bool {
        matches!(self, Self::Measure | Self::Name | Self::ShipState | Self::Prompt)
    }

    /// Whether a run may go on past a failure of such a step, to look at more of a board that fails at the end.
    #[must_use]
    pub fn may_be_gone_past(self) -> bool {
        matches!(self, Self::Calibrate | Self::Measure | Self::Expect | Self::Prompt)
    }

    /// Whether such a step only looks, so that it is worked on a board that has failed already.
    #[must_use]
    pub fn only_looks(self) -> bool {
        matches!(self, Self::Measure | Self::Expect | Self::Wait)
    }

    /// Whether a load that flows goes on flowing through such a step.
    #[must_use]
    pub fn keeps_load(self) -> bool {
        matches!(self, Self::Measure | Self::Expect | Self::Wait | Self::Stimulate | Self::Prompt)
    }
}

wire! {
    /// What a failure of a step does.
    #[derive(Copy, Eq, Default)]
    pub enum OnFailure {
        /// It ends the run.
        #[default]
        Stop,
        /// What only looks at the board is done all the same, and then the run fails.
        GoOn,
    }
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedStep {
    pub action: Action,
    /// How often it is done again after it failed.
    pub retry: u8,
    /// What one try of it may take, milliseconds; none: as long as its requests do.
    pub timeout_ms: Option<u32>,
    pub on_failure: OnFailure,
    /// Its line in the procedure's file, from 1; 0 in the short form.
    pub line: usize,
}

/// What a step does. The settings of what stands once in a procedure stand in the procedure itself.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    Identify,
    Flash,
    Profile,
    Calibrate,
    /// Names of the measurements that are read.
    Measure(Vec<String>),
    /// Milliamperes that the fixture's load draws from here on; 0: none.
    Stimulate(u32),
    Expect(Flag),
    /// The command's name in the device model.
    Command(String),
    /// Milliseconds.
    Wait(u32),
    Prompt(Box<Prompt>),
    Number,
    Name,
    ShipState,
    Password,
    Lease,
    Restart,
    /// Names of the measurements that are read beside everything else.
    Verify(Vec<String>),
    Sleep,
}

/// A bit that is to come or to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    pub register: String,
    pub bit: String,
    /// Whether it is to read 1.
    pub set: bool,
    /// How long that may take, milliseconds.
    pub within_ms: u32,
}

impl Action {
    #[must_use]
    pub fn kind(&self) -> StepKind {
        match self {
            Self::Identify => StepKind::Identify,
            Self::Flash => StepKind::Flash,
            Self::Profile => StepKind::Profile,
            Self::Calibrate => StepKind::Calibrate,
            Self::Measure(_) => StepKind::Measure,
            Self::Stimulate(_) => StepKind::Stimulate,
            Self::Expect(_) => StepKind::Expect,
            Self::Command(_) => StepKind::Command,
            Self::Wait(_) => StepKind::Wait,
            Self::Prompt(_) => StepKind::Prompt,
            Self::Number => StepKind::Number,
            Self::Name => StepKind::Name,
            Self::ShipState => StepKind::ShipState,
            Self::Password => StepKind::Password,
            Self::Lease => StepKind::Lease,
            Self::Restart => StepKind::Restart,
            Self::Verify(_) => StepKind::Verify,
            Self::Sleep => StepKind::Sleep,
        }
    }

    /// What it is in a record, in order.
    #[must_use]
    pub fn recorded(&self) -> &'static [Step] {
        match self {
            Self::Identify => &[Step::Probe, Step::Identify, Step::Admit],
            Self::Flash => &[Step::Flash, Step::Boot],
            Self::Profile => &[Step::Unlock, Step::Profile],
            Self::Calibrate => &[Step::Calibrate],
            Self::Measure(_) => &[Step::Measure],
            Self::Stimulate(_) => &[Step::Stimulate],
            Self::Expect(_) => &[Step::Expect],
            Self::Command(_) => &[Step::Command],
            Self::Wait(_) => &[Step::Wait],
            Self::Prompt(_) => &[Step::Prompt],
            Self::Number => &[Step::Number],
            Self::Name => &[Step::Name],
            Self::ShipState => &[Step::ShipState],
            Self::Password => &[Step::Password],
            Self::Lease => &[Step::Lease],
            Self::Restart => &[Step::Restart],
            Self::Verify(_) => &[Step::Verify, Step::SafeState],
            Self::Sleep => &[Step::Sleep],
        }
    }
}

impl PlannedStep {
    /// When one try of it is given up, milliseconds; none: when its requests are. Nobody is waited for without end.
    #[must_use]
    pub fn patience_ms(&self) -> Option<u32> {
        let of_kind = matches!(self.action, Action::Prompt(_)).then_some(PATIENCE_MS);
        self.timeout_ms.or(of_kind)
    }
}

impl From<Action> for PlannedStep {
    fn from(action: Action) -> Self {
        Self { action, retry: 0, timeout_ms: None, on_failure: OnFailure::Stop, line: 0 }
    }
}

impl Procedure {
    /// Its steps in their order; of the short form those that its sections stand for.
    #[must_use]
    pub fn plan(&self) -> Vec<PlannedStep> {
        if !self.steps.is_empty() {
            return self.steps.clone();
        }
        let names = |when| {
            let specs = self.measurements.iter().filter(move |spec| spec.when == when);
            specs.map(|spec| spec.name.clone()).collect()
        };
        let ordered = |is_ordered: bool, action| is_ordered.then_some(action);
        [
            Some(Action::Identify),
            ordered(self.flash.is_some(), Action::Flash),
            Some(Action::Profile),
            ordered(self.calibrate.is_some(), Action::Calibrate),
            Some(Action::Measure(names(MeasureWhen::UnderLoad))),
            Some(Action::Number),
            ordered(self.name.is_some(), Action::Name),
            ordered(self.ship_state.is_some(), Action::ShipState),
            ordered(self.password.is_some(), Action::Password),
            ordered(self.lease.is_some(), Action::Lease),
            Some(Action::Restart),
            Some(Action::Verify(names(MeasureWhen::AfterRestart))),
            ordered(self.sleep.is_some(), Action::Sleep),
        ]
        .into_iter()
        .flatten()
        .map(PlannedStep::from)
        .collect()
    }

    /// What its steps ask a person, in their order.
    pub fn prompts(&self) -> impl Iterator<Item = &Prompt> {
        self.steps.iter().filter_map(|step| match &step.action {
            Action::Prompt(prompt) => Some(&**prompt),
            _ => None,
        })
    }

    /// The greatest load that its steps ask the fixture for, milliamperes; 0: none.
    #[must_use]
    pub fn greatest_load_ma(&self) -> u32 {
        let of_steps = self.steps.iter().filter_map(|step| match step.action {
            Action::Stimulate(load_ma) => Some(load_ma),
            _ => None,
        });
        of_steps.chain(self.calibrate.map(|calibrate| calibrate.load_ma)).max().unwrap_or_default()
    }

    /// The measurements of these names, in the procedure's order.
    pub fn measurements_named<'p>(
        &'p self,
        names: &'p [String],
    ) -> impl Iterator<Item = &'p MeasurementSpec> {
        self.measurements.iter().filter(move |spec| names.contains(&spec.name))
    }
}
