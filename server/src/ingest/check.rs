//! A jig checked with a reference: held byte for byte like any record, and no run. It moves no unit, no count, no share.

use super::{Intake, plan::Judged};
use crate::db::{
    DbResult,
    reference_checks::{self, HeldCheck},
    references,
};
use domain::{outcome::Outcome, record::Envelope, reference::Reference};
use sqlx::PgConnection;

impl Intake {
    /// `claimed`: the reference as the station knew it. What the server knew of it when the check began counts before that.
    pub(super) async fn store_check(
        &mut self,
        db: &mut PgConnection,
        text: (&str, &[u8]),
        envelope: &Envelope,
        judged: &Judged,
        claimed: &Reference,
    ) -> DbResult<()> {
        let record = &envelope.record;
        let known = references::shown_by(db, &judged.identifiers, record.started_at).await?;
        let reference = known.as_ref().map_or(claimed, |(_, reference)| reference);
        let check = HeldCheck {
            record,
            station_id: self.station,
            reference_id: known.as_ref().map(|(id, _)| *id),
            reference,
            outcome: judged.outcome,
            result: reference.judge(judged.outcome, record.fault.as_ref()),
            doubts: &judged.doubts,
        };
        reference_checks::insert(db, &check).await?;
        // It becomes no dictionary: it is shorter than what others are to be told by.
        let dictionary = self.dictionary_of(db, judged.bundle_id, Outcome::Aborted, text.0).await?;
        self.insert_text(db, text, envelope, dictionary.as_ref()).await
    }
}
