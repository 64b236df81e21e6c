//! Whether a slot may begin a board now, and if not, who keeps it shut and why. One gate a slot; whoever has a reason holds it shut by his
//! own name and lets go of it alone. A board that is under work is nobody's business here: it finishes.
//!
//! What lives here: the keepers and whose reason is told first. What never does: the reasons' own rules, clock, I/O.

use crate::text::Fault;
use std::collections::BTreeMap;

/// Who may keep a slot shut, in the order in which a person is told: first what hurts somebody, then what makes every board wrong, then
/// what somebody has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Keeper {
    /// Cover, emergency stop, inputs that nobody reads.
    Safety,
    /// The port is not known to be this slot's.
    Port,
    /// An instrument, a nest or a fixture that is away, worn or due.
    Fixture,
    /// Quality holds the batch.
    Hold,
    /// The same step failed too often in a row.
    Stop,
    /// Somebody changes the slot over.
    ChangeOver,
    /// Nobody is signed in.
    Person,
    /// The first boards wait for somebody to judge them.
    FirstArticle,
    /// The label of the board before is not on it yet.
    Label,
}

/// One slot's gate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gate(BTreeMap<Keeper, Fault>);

impl Gate {
    /// `keeper` holds it shut for `why`, or (none) lets go. Whether a person is told something else now.
    pub fn keep(&mut self, keeper: Keeper, why: Option<Fault>) -> bool {
        let before = self.shut_by().cloned();
        match why {
            Some(why) => drop(self.0.insert(keeper, why)),
            None => drop(self.0.remove(&keeper)),
        }
        self.shut_by() != before.as_ref()
    }

    /// Why no board is begun; none: the gate is open.
    #[must_use]
    pub fn shut_by(&self) -> Option<&Fault> {
        self.0.values().next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::FaultCode;

    #[test]
    fn a_gate_opens_when_the_last_keeper_lets_go_and_tells_the_gravest_reason_meanwhile() {
        let (person, stop) = (Fault::new(FaultCode::NobodySignedIn), Fault::new(FaultCode::LineStopped));
        let mut gate = Gate::default();
        assert!(gate.keep(Keeper::Person, Some(person.clone())));
        assert!(gate.keep(Keeper::Stop, Some(stop.clone())));
        assert_eq!(gate.shut_by(), Some(&stop));
        assert!(!gate.keep(Keeper::Person, Some(person.clone())), "nothing else is told");
        assert!(gate.keep(Keeper::Stop, None));
        assert_eq!(gate.shut_by(), Some(&person));
        assert!(gate.keep(Keeper::Person, None));
        assert_eq!(gate.shut_by(), None);
    }
}
