//! A person is asked: the fixture shows the question, and whoever has the answer brings it by the slot's own inputs.

use super::Bench;
use crate::{
    board::{BoardReply, BoardRequest},
    fixture::FixtureCommand,
    runner::{Effect, Event},
    shared::{PortSource, Presence},
    uplink::Server,
};
use domain::{prompt::OpenPrompt, record::FoundState, text::FaultCode};
use std::{future::pending, time::Duration};
use tokio::time::sleep;

/// How often the line is asked who is there, where no switch tells.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Looks in a row that nobody answers, after which the board is out: as between two runs.
const SILENT_LOOKS: u8 = 3;

impl<S: Server, P: PortSource> Bench<'_, S, P> {
    /// Ends by itself only where no switch tells what hands do to the board: with its identity, read anew, or with its removal. The answer
    /// is one of the slot's inputs.
    pub(super) async fn ask_person(&mut self, open: Box<OpenPrompt>, look: BoardRequest) -> Event {
        if self.asked.as_ref() != Some(&open.id) {
            self.asked = Some(open.id.clone());
            self.show_question(Some(*open.clone()));
            // It has a display of words.
            let open = Box::new(open.without_picture());
            self.shared.tell_fixture(FixtureCommand::Prompt { slot: self.slot, open });
        }
        if self.shared.presence == Presence::Switch {
            return pending().await;
        }
        for _ in 0..SILENT_LOOKS {
            sleep(LOOK_EVERY).await;
            match self.ask_board(look.clone()).await {
                Err(fault) if fault.code == FaultCode::BoardStoppedAnswering => {}
                Ok(answer) if answer.reply == BoardReply::Found(FoundState::Silent) => {}
                looked => return Event::Board(looked),
            }
        }
        Event::Removed
    }

    /// A question that is open no more is taken off the fixture's display.
    pub fn settle_prompt(&mut self, next: Option<&Effect>) {
        let is_open = |id: &String| matches!(next, Some(Effect::Ask(open, _)) if open.id == *id);
        if let Some(id) = self.asked.take_if(|id| !is_open(id)) {
            self.show_question(None);
            self.shared.tell_fixture(FixtureCommand::PromptOver { slot: self.slot, id });
        }
    }

    /// Tells whoever proves ports.
    pub fn tell_heard(&self, is_there: bool) {
        let _nobody_may_prove = self.shared.heard_on_line.send((self.slot, is_there));
    }

    fn show_question(&self, open: Option<OpenPrompt>) {
        if let Some(desk) = self.shared.slots.get(&self.slot) {
            desk.asked.send_replace(open);
        }
    }
}
