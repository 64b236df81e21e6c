//! The steps of 'the way of a board', in their one order, and what a procedure may put into it.

wire! {
    /// A step of a run. The order of the variants is the order on the jig, and the one in which the database numbers them.
    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    pub enum Step {
        /// Which state the board was found in: application, loader or silent.
        Probe,
        /// Who it is: model, machine code, Bluetooth address.
        Identify,
        /// Whether this board may be worked at all.
        Admit,
        /// The image through the menu loader.
        Flash,
        /// The first restart, into the new firmware.
        Boot,
        /// The parameter password.
        Unlock,
        /// The whole profile, written and read.
        Profile,
        /// Current calibration under a known load.
        Calibrate,
        /// Measurements against limits, and the output.
        Measure,
        /// The serial number, reserved and bound to the identity.
        Number,
        /// The Bluetooth name.
        Name,
        /// The unit's own password.
        Password,
        /// The lease lock, the last write.
        Lease,
        /// The second restart: what follows is proof.
        Restart,
        /// Everything read afresh.
        Verify,
        /// Charge path on, discharge as the lease says.
        SafeState,
        // --- where a procedure has them ---
        /// A pause.
        Wait,
        /// A command of the device model.
        Command,
        /// A load of a known size, or none.
        Stimulate,
        /// A flag that comes or goes within a time.
        Expect,
        /// The state in which a board is shipped: alarms and counters cleared, date and clock set.
        ShipState,
        /// Asleep: the very last.
        Sleep,
        /// A question to a person; anywhere before the restart.
        Prompt,
    }
}

impl Step {
    /// The way of a board, in order.
    pub const WAY: [Self; 16] = [
        Self::Probe,
        Self::Identify,
        Self::Admit,
        Self::Flash,
        Self::Boot,
        Self::Unlock,
        Self::Profile,
        Self::Calibrate,
        Self::Measure,
        Self::Number,
        Self::Name,
        Self::Password,
        Self::Lease,
        Self::Restart,
        Self::Verify,
        Self::SafeState,
    ];

    /// All steps: the way, and what a procedure may put into it.
    pub const ALL: [Self; 23] = {
        let mut all = [Self::Probe; 23];
        let mut index = 0;
        while index < Self::WAY.len() {
            all[index] = Self::WAY[index];
            index += 1;
        }
        (all[16], all[17], all[18], all[19]) = (Self::Wait, Self::Command, Self::Stimulate, Self::Expect);
        (all[20], all[21], all[22]) = (Self::ShipState, Self::Sleep, Self::Prompt);
        all
    };

    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Probe => "probe",
            Self::Identify => "identify",
            Self::Admit => "admit",
            Self::Flash => "flash",
            Self::Boot => "boot",
            Self::Unlock => "unlock",
            Self::Profile => "profile",
            Self::Calibrate => "calibrate",
            Self::Measure => "measure",
            Self::Number => "number",
            Self::Name => "name",
            Self::Password => "password",
            Self::Lease => "lease",
            Self::Restart => "restart",
            Self::Verify => "verify",
            Self::SafeState => "safe_state",
            Self::Wait => "wait",
            Self::Command => "command",
            Self::Stimulate => "stimulate",
            Self::Expect => "expect",
            Self::ShipState => "ship_state",
            Self::Sleep => "sleep",
            Self::Prompt => "prompt",
        }
    }
}

impl std::str::FromStr for Step {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|step| step.as_str() == text)
            .ok_or_else(|| format!("no step is called {text:?}"))
    }
}
