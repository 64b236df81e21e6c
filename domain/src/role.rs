//! Roles and what each may do. The server asks here before it acts; the page asks here before it shows.

wire! {
    /// A person's job.
    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    pub enum Role {
        Operator,
        Engineer,
        Quality,
        Sales,
        Admin,
    }
}

wire! {
    /// Something that not everybody may do.
    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    pub enum Permission {
        /// See the line, batches, units and profiles.
        ReadProduction,
        /// Start and change batches.
        ManageBatches,
        /// Submit a bundle for release.
        SubmitRelease,
        /// Release a submitted bundle; never one's own.
        ApproveRelease,
        /// Read leases.
        ReadLeases,
        /// Set a lease's desired state.
        ManageLeases,
        /// Enrol stations and see their keys' state.
        ManageStations,
        /// Scrap a serial number, or let one be lent again that was given up.
        ScrapNumbers,
        /// Accounts, roles, and how people sign in at jigs.
        ManageAccounts,
        /// See who there is and how each signs in at jigs.
        ReadPeople,
        /// Let somebody judge first articles and let stopped slots go on, or take that back.
        DelegateLead,
        /// Hold a batch, so that no jig begins a board of it, and let it go again.
        HoldBatches,
        /// Look into the quarantine, and let its texts out.
        ReviewQuarantine,
        /// Put a unit on hold and release it, order it to be worked once more, let it go from its batch.
        DecideUnits,
        /// Enter what was found on a unit and done to it.
        EnterRework,
        /// Mark a unit shipped, or taken back.
        ShipUnits,
        /// Have a station send what passed over the line in a run (audited).
        FetchWireLogs,
        /// Read a unit's own password at the rework bench (audited).
        RevealSecret,
    }
}

impl Role {
    /// The five roles.
    pub const ALL: [Self; 5] = [Self::Operator, Self::Engineer, Self::Quality, Self::Sales, Self::Admin];

    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Engineer => "engineer",
            Self::Quality => "quality",
            Self::Sales => "sales",
            Self::Admin => "admin",
        }
    }

    /// Whether this role may.
    #[must_use]
    pub fn may(self, permission: Permission) -> bool {
        use Permission as P;
        match self {
            Self::Operator => matches!(permission, P::ReadProduction),
            Self::Engineer => matches!(
                permission,
                P::ReadProduction
                    | P::ManageBatches
                    | P::SubmitRelease
                    | P::ReadLeases
                    | P::RevealSecret
                    | P::EnterRework
                    | P::FetchWireLogs
            ),
            Self::Quality => matches!(
                permission,
                P::ReadProduction
                    | P::ManageBatches
                    | P::ApproveRelease
                    | P::ReadLeases
                    | P::ReviewQuarantine
                    | P::RevealSecret
                    | P::ScrapNumbers
                    | P::DecideUnits
                    | P::EnterRework
                    | P::ShipUnits
                    | P::ReadPeople
                    | P::DelegateLead
                    | P::HoldBatches
                    | P::FetchWireLogs
            ),
            Self::Sales => {
                matches!(permission, P::ReadProduction | P::ReadLeases | P::ManageLeases | P::ShipUnits)
            }
            // An administrator runs the installation and releases nothing: releases take an engineer and a quality engineer.
            Self::Admin => matches!(
                permission,
                P::ReadProduction
                    | P::ManageBatches
                    | P::ReadLeases
                    | P::ManageStations
                    | P::ReadPeople
                    | P::ManageAccounts
                    | P::ReviewQuarantine
                    | P::ScrapNumbers
                    | P::ShipUnits
                    | P::FetchWireLogs
            ),
        }
    }
}

impl std::str::FromStr for Role {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or_else(|| {
            format!("no role is called {text:?}; roles are operator, engineer, quality, sales, admin")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_may_both_submit_and_approve_a_release() {
        for role in Role::ALL {
            assert!(
                !(role.may(Permission::SubmitRelease) && role.may(Permission::ApproveRelease)),
                "{}",
                role.as_str()
            );
        }
    }
}
