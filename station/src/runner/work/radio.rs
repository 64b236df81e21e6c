//! The board's radio, heard by another one where the fixture has it: name, address and signal by a path that the board's own word does
//! not share. Without one they are the board's word.

use super::{Next, Phase, Work};
use crate::{
    board::BoardRequest,
    runner::{Effect, RadioHeard},
};
use domain::{
    identifier::IdentifierKind,
    record::RadioRecord,
    text::{Fault, FaultCode},
};

impl Work {
    /// A board that has no radio by its model is not listened for.
    pub(super) fn listen(&mut self) -> Next {
        if self.radio.is_some() && self.address().is_some() {
            self.phase = Phase::Radio;
            return Ok(vec![Effect::Hear]);
        }
        Ok(self.ask(Phase::IdentifyLast, BoardRequest::ReadIdentity))
    }

    fn address(&self) -> Option<String> {
        let identifiers = &self.identity.as_ref()?.identifiers;
        let radio = identifiers.iter().find(|one| one.kind == IdentifierKind::BluetoothAddress)?;
        Some(radio.value.clone())
    }

    /// The record first, then the verdict. A name that was not heard says nothing: radios tell it only when they are asked.
    pub(super) fn heard(&mut self, heard: RadioHeard) -> Next {
        let (Some(radio), Some(address)) = (self.radio, self.address()) else { return self.listen() };
        let Some(own) = heard.radios.into_iter().find(|one| one.address == address) else {
            let fault = Fault::new(FaultCode::RadioNotHeard).with("address", address);
            return Err(fault.with("seconds", radio.seconds).into());
        };
        let name = Some(own.name).filter(|name| !name.is_empty());
        let (rssi_dbm, by) = (own.rssi_dbm, heard.by);
        self.draft.used(Some(&by));
        self.draft.record.radio = Some(RadioRecord { address, name: name.clone(), rssi_dbm, by });
        if let (Some(expected), Some(found)) = (&self.name, &name)
            && expected != found
        {
            let fault = Fault::new(FaultCode::NameDoesNotHold).with("expected", expected);
            return Err(fault.with("found", found).into());
        }
        if rssi_dbm < radio.weakest_dbm {
            let fault = Fault::new(FaultCode::RadioWeak).with("found", rssi_dbm);
            return Err(fault.with("min", radio.weakest_dbm).into());
        }
        Ok(self.ask(Phase::IdentifyLast, BoardRequest::ReadIdentity))
    }
}
