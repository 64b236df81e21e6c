//! Whether a scanned label may be this board's: by the journal, by the server where it is there; then it is bound, on disk.

use super::{Bench, disk};
use crate::{
    journal::{LabelBinding, label_identifier, label_key},
    runner::Board,
    shared::PortSource,
    uplink::Server,
};
use domain::{
    admission::AdmissionVerdict,
    api::stations::AskAdmission,
    ids::RunId,
    label::{NumberSource, label_differs},
    text::{Fault, FaultCode},
};

impl<S: Server, P: PortSource> Bench<'_, S, P> {
    /// `question`: what the board shows, its label not among it.
    pub(super) async fn bind_label(
        &self,
        run: RunId,
        board: &Board,
        mut question: AskAdmission,
        (label, numbers): (&str, NumberSource),
    ) -> Result<Option<RunId>, Fault> {
        let (journal, batch) = (&self.shared.journal, question.batch_id);
        let mut printed_for = (numbers == NumberSource::Printed).then_some(batch);
        let identity = match board {
            Board::Known(identity) => Some(identity.as_str()),
            Board::Numbered { number, .. } if number != label => return Err(label_differs(number, label)),
            Board::Numbered { identity, .. } => Some(identity.as_str()),
            Board::Labelled(_) | Board::New(_) => None,
        };
        let bearer = journal.bearer_of(label).map_err(disk)?;
        if let (Board::New(_), Some(bearer)) = (board, &bearer)
            && *bearer != label_key(label)
        {
            // A board bears it already, and this one is blank.
            return Err(taken(label, bearer));
        }
        let stands = journal.label_stands(identity, label, printed_for).map_err(disk)?;
        if stands != LabelBinding::NotPrinted {
            self.refuse(stands, label)?;
        }
        // What the server knows of a board that only its label names was asked before.
        let mut is_known = false;
        if !matches!(board, Board::Labelled(_)) {
            question.identifiers.retain(|one| *one != label_identifier(label));
            question.identifiers.push(label_identifier(label));
            is_known = self.ask_whose(&question, label).await?;
        }
        if is_known {
            // It was printed for this board, wherever that was.
            printed_for = None;
        }
        if bearer.is_none() {
            self.require_unhalted()?;
        }
        self.refuse(journal.bind_label(run, batch, identity, label, printed_for).map_err(disk)?, label)?;
        self.shared.label_is_on_board(label);
        // It died in its flash, and shows by now who it is.
        let unnamed = journal.interrupted_run(&label_key(label)).map_err(disk)?;
        Ok(unnamed.filter(|_| matches!(board, Board::Known(_))))
    }

    /// Another station's board may have it. Where the server is away nobody here can know, and it finds out when the records come. Gives
    /// whether the server knows it as this board's.
    async fn ask_whose(&self, question: &AskAdmission, label: &str) -> Result<bool, Fault> {
        #[cfg(feature = "sabotage")]
        if crate::sabotage::is(crate::sabotage::Sabotage::AnyLabel) {
            return Ok(false);
        }
        let Some(said) = self.ask_server(question).await? else { return Ok(false) };
        if let Some(own) = said.serial.as_ref().filter(|own| *own != label) {
            return Err(label_differs(own, label));
        }
        match said.verdict {
            AdmissionVerdict::Admit => Ok(said.serial.is_some()),
            AdmissionVerdict::IdentityConflict => {
                Err(taken(label, "a board that the server knows by another identity"))
            }
            _ => Err(said.refusal(label).unwrap_or_else(|| taken(label, "a board that the server knows"))),
        }
    }

    fn refuse(&self, stands: LabelBinding, label: &str) -> Result<(), Fault> {
        match stands {
            LabelBinding::Its => Ok(()),
            LabelBinding::OfAnother(bearer) => Err(taken(label, &bearer)),
            LabelBinding::Lent => Err(taken(label, "the next one that is lent this number")),
            LabelBinding::HasAnother(own) => Err(label_differs(&own, label)),
            LabelBinding::NotPrinted => {
                let batch = self.order.as_ref().map(|order| order.batch_name.clone()).unwrap_or_default();
                Err(Fault::new(FaultCode::LabelNotPrinted).with("label", label).with("batch", batch))
            }
        }
    }
}

fn taken(label: &str, holder: &str) -> Fault {
    Fault::new(FaultCode::LabelTaken).with("label", label).with("holder", holder)
}
