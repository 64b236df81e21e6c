//! What the station adds to what it was told of a reference: its own checks.

use super::{Bench, disk};
use crate::{shared::PortSource, uplink::Server};
use domain::{
    api::stations::Admission, identifier::Identifier, record::AdmittedBy, reference::Reference, text::Fault,
};

impl<S: Server, P: PortSource> Bench<'_, S, P> {
    /// A reference was used as often as was said, and by the checks here that whoever said it can't have counted.
    pub(super) fn with_own_checks(
        &self,
        mut admission: Admission,
        by: AdmittedBy,
        shown: &[Identifier],
    ) -> Result<Admission, Fault> {
        let Some(reference) = &mut admission.reference else { return Ok(admission) };
        for run in self.shared.book.borrow().checks_of(shown) {
            if by == AdmittedBy::Station || self.shared.journal.is_unsent(run).map_err(disk)? {
                reference.life.uses = reference.life.uses.saturating_add(1);
            }
        }
        Ok(admission)
    }
}

/// A reference by the answer that named this board one, else by the list, which comes every few seconds: that says how far it is used up.
pub(super) fn newest(learned: Option<Reference>, listed: Option<Reference>) -> Option<Reference> {
    match (learned, listed) {
        (Some(learned), Some(listed)) => Some(Reference { life: listed.life, ..learned }),
        (learned, listed) => learned.or(listed),
    }
}
