//! What can be wrong with a board, by name. The first seven are those of the demo's `--faulty N`, in its order; what disturbs a
//! board that is sound stands in [`crate::disturbance`].

use domain::model::{DeviceModel, ValidFrom};
use serde::{Deserialize, Serialize};

/// One way of being a bad board.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum Fault {
    /// Never says a byte.
    Silent,
    /// Lies in its loader with half an image: somebody pulled it out last shift. Not broken: flashing heals it.
    InterruptedFlash,
    /// A weak flash cell: one bit of every image programmed into it changes after the loader has verified it.
    FlippedFlashByte,
    /// One cell 60 mV below the others.
    CellOutOfLimits,
    /// One parameter takes a write, reads back right and has its old value after the restart.
    RegisterDoesNotHold,
    /// Another kind of board that answers at the same address.
    WrongModel,
    /// Says it is a board of the same batch that was there before it.
    ClonedIdentity,
    /// The shunt is another than the drawing's: every current is shown some 15 % wrong, more than a calibration should correct.
    WrongShunt,
    /// A MOSFET that does not follow its switch: the charge path never closes.
    StuckMosfet,
    /// The other way round: the discharge path's MOSFET is shorted and conducts whatever its switch and the rental lock say.
    ShortedMosfet,
    /// A cell that loses voltage all the time, and with it one limit after the other.
    DriftingCell,
    /// A weak identity store: from its second supply on it says another machine code.
    IdentityChanges,
    /// Its flash is write-protected: the loader says that it programmed, and the old image stays and starts.
    WriteProtected,
    /// Its store is broken: whatever is written works and reads back, and after a restart or without power all of it is as it was.
    KeepsNothing,
}

impl Fault {
    /// Those of a batch, in the order in which its faulty boards get them.
    pub const ALL: [Self; 7] = [
        Self::Silent,
        Self::InterruptedFlash,
        Self::FlippedFlashByte,
        Self::CellOutOfLimits,
        Self::RegisterDoesNotHold,
        Self::WrongModel,
        Self::ClonedIdentity,
    ];

    /// Whether boards of that model can be bad in this way so that it shows.
    #[must_use]
    pub fn shows_on(self, model: &DeviceModel) -> bool {
        match self {
            Self::InterruptedFlash | Self::FlippedFlashByte | Self::WriteProtected => {
                model.loader().is_some()
            }
            // Before it is numbered such a board has no identity to copy.
            Self::ClonedIdentity => model
                .identity
                .fields
                .iter()
                .any(|field| field.unique && field.valid_from != ValidFrom::Numbering),
            Self::WrongShunt => model.calibration.is_some(),
            _ => true,
        }
    }
}

/// What an honest station must make of a board.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expected {
    Pass,
    Fail,
    /// Never worked on, never passed: another board has its identity.
    Refused,
}

impl Expected {
    /// What a board with that fault, or with none, must come to.
    ///
    /// Of [`Fault::ShortedMosfet`]: a fail, with the discharge path as its reason. Only a run that switches discharge off, or locks it,
    /// and looks can know it; a procedure whose boards end armed or open does neither, and passes such a board. So no batch and no
    /// campaign draws this fault: it is ordered by name, for procedures that end with a locked lease.
    #[must_use]
    pub fn of(fault: Option<Fault>) -> Self {
        match fault {
            None | Some(Fault::InterruptedFlash) => Self::Pass,
            Some(Fault::ClonedIdentity) => Self::Refused,
            Some(_) => Self::Fail,
        }
    }
}

/// Which boards of a batch of `boards` are bad when `faulty` of them are: spread evenly, `names` in turn.
#[must_use]
pub fn assign(boards: u32, faulty: u32, names: &[Fault]) -> Vec<Option<Fault>> {
    let mut faults = vec![None; boards as usize];
    let faulty = if names.is_empty() { 0 } else { u64::from(faulty.min(boards)) };
    for turn in 0..faulty {
        let at = (2 * turn + 1) * u64::from(boards) / (2 * faulty);
        faults[at as usize] = Some(names[turn as usize % names.len()]);
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seven_bad_boards_of_twenty_four_are_the_seven_faults_each_once() {
        let faults = assign(24, 7, &Fault::ALL);
        let named: Vec<Fault> = faults.iter().flatten().copied().collect();
        assert_eq!(named, Fault::ALL);
        assert_eq!(faults.len(), 24);
        assert!(faults[0].is_none());
    }

    #[test]
    fn a_fault_that_not_every_procedure_can_find_is_in_no_batch_and_fails_all_the_same() {
        assert!(!Fault::ALL.contains(&Fault::ShortedMosfet));
        assert_eq!(Expected::of(Some(Fault::ShortedMosfet)), Expected::Fail);
    }

    #[test]
    fn as_many_bad_boards_as_asked_for_whatever_the_batch() {
        for boards in 0..40 {
            for faulty in 0..50 {
                let count = assign(boards, faulty, &Fault::ALL).iter().flatten().count() as u32;
                assert_eq!(count, faulty.min(boards), "{boards} boards, {faulty} faulty");
            }
        }
    }
}
