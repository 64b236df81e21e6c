//! Who works here, and when the shift begins and ends.

use super::{LONGEST_SHIFT, Shift, ShiftBook, SignedIn, Stamp};
use domain::{
    api::operator::FloorRefusal,
    floor::{FloorAct, FloorEvent, JigPerson, ShiftFigures, SignInWay},
    ids::ShiftId,
};

impl ShiftBook {
    /// Somebody works here from now on; whoever did before is signed out by that. Running boards stay under whom they were begun by.
    ///
    /// # Errors
    /// Nobody here is called so, or who vouches may not.
    pub fn sign_in(
        &mut self,
        stamp: &mut Stamp<'_>,
        username: &str,
        way: SignInWay,
    ) -> Result<Vec<FloorEvent>, FloorRefusal> {
        let person = self.person(username)?.clone();
        let vouched_by = match &way {
            SignInWay::Vouch { lead } => Some(self.decider(lead)?.username.clone()),
            SignInWay::Badge | SignInWay::Pin => None,
        };
        let mut events = Vec::new();
        let is_over = |shift: &Shift| stamp.at - shift.begun_at >= LONGEST_SHIFT;
        if self.kept.shift.as_ref().is_none_or(is_over) {
            self.begin_shift(stamp);
            events.push(self.event(stamp, FloorAct::ShiftBegun { by: person.username.clone() }));
        }
        let signed =
            SignedIn { username: person.username, name: person.name, language: person.language, vouched_by };
        if self.kept.person.as_ref() == Some(&signed) {
            return Ok(events);
        }
        if let Some(before) = self.kept.person.take().filter(|before| before.username != signed.username) {
            events.push(self.event(stamp, FloorAct::SignedOut { who: before.username }));
        }
        events.push(self.event(stamp, FloorAct::SignedIn { who: signed.username.clone(), way }));
        self.kept.person = Some(signed);
        Ok(events)
    }

    /// Nobody works here from now on.
    pub fn sign_out(&mut self, stamp: &mut Stamp<'_>) -> Vec<FloorEvent> {
        let Some(person) = self.kept.person.take() else { return Vec::new() };
        vec![self.event(stamp, FloorAct::SignedOut { who: person.username })]
    }

    /// The shift ends; the next sign-in begins another one.
    ///
    /// # Errors
    /// Nobody is signed in who could hand it over.
    pub fn hand_over(
        &mut self,
        stamp: &mut Stamp<'_>,
        note: &str,
        figures: ShiftFigures,
    ) -> Result<Vec<FloorEvent>, FloorRefusal> {
        let by = self.signed_in()?;
        let act = FloorAct::HandedOver { by, note: note.trim().to_owned(), figures };
        let mut events = vec![self.event(stamp, act)];
        events.extend(self.sign_out(stamp));
        self.kept.shift = None;
        Ok(events)
    }

    fn begin_shift(&mut self, stamp: &mut Stamp<'_>) {
        self.kept.shift = Some(Shift { shift_id: ShiftId((stamp.fresh_id)()), begun_at: stamp.at });
        self.kept.figures = ShiftFigures { begun_at: Some(stamp.at), ..ShiftFigures::default() };
    }

    pub(super) fn person(&self, username: &str) -> Result<&JigPerson, FloorRefusal> {
        self.people.iter().find(|person| person.username == username).ok_or(FloorRefusal::NoSuchPerson)
    }

    pub(super) fn decider(&self, username: &str) -> Result<&JigPerson, FloorRefusal> {
        let person = self.person(username)?;
        if person.may_decide() { Ok(person) } else { Err(FloorRefusal::MayNotDecide) }
    }

    /// Who does what he does here; where nobody has to be signed in, whoever the orders say works here, as for the records.
    pub(super) fn signed_in(&self) -> Result<String, FloorRefusal> {
        let of_orders = || {
            let mut orders = self.orders.values().flatten();
            orders.next().map(|order| order.operator.clone()).filter(|_| !self.needs_person())
        };
        self.operator().map(str::to_owned).or_else(of_orders).ok_or(FloorRefusal::NobodySignedIn)
    }
}
