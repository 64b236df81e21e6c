//! Keeps the book of ports: who is shut, what the set-up page asks, what the slots hear while a port is proved.

use super::{Agent, Floor};
use crate::{
    ports::{Adapter, Devices, PortBook, PortCommand, PortDoor},
    shared::{PortSource, SlotInput},
    uplink::Server,
};
use domain::{api::setup::PortsView, gate::Keeper};
use std::collections::BTreeMap;
use tokio::sync::{mpsc, watch};

/// What the book is kept by.
pub(super) struct PortDesk {
    tree: watch::Receiver<Option<Vec<Adapter>>>,
    devices: Devices,
    /// As the settings name them.
    settings: BTreeMap<u16, String>,
    commands: mpsc::UnboundedReceiver<PortCommand>,
    shown: watch::Sender<PortsView>,
}

impl<S: Server, P: PortSource> Agent<S, P> {
    /// Watches which port is which slot's: `tree` is what is plugged in, `devices` the names that ports are opened by. Gives the set-up page's
    /// way there.
    pub fn watch_ports(&mut self, tree: watch::Receiver<Option<Vec<Adapter>>>, devices: Devices) -> PortDoor {
        let (commands, asked) = mpsc::unbounded_channel();
        let (shown, showing) = watch::channel(PortsView::default());
        let settings = devices.all();
        self.port_desk = Some(PortDesk { tree, devices, settings, commands: asked, shown });
        PortDoor { commands, shown: showing }
    }
}

impl<S: Server, P: PortSource> Floor<S, P> {
    /// The book, with what is plugged in now: before any slot begins a board.
    pub(super) fn open_book(&self, desk: &mut PortDesk) -> PortBook {
        let rows = self.shared.journal.port_rows().unwrap_or_else(|fault| {
            tracing::error!(%fault, "what was known of the ports can't be read; they count as they are named");
            Vec::new()
        });
        let mut book = PortBook::new(&desk.settings, rows);
        let tree = desk.tree.borrow_and_update().clone();
        if let Some(tree) = tree {
            book.plugged(self.shared.now().elapsed, tree);
        }
        self.follow(&book, desk);
        book
    }

    /// Until the program ends.
    pub(super) async fn keep_ports(
        &self,
        mut desk: PortDesk,
        mut book: PortBook,
        mut heard: mpsc::UnboundedReceiver<(u16, bool)>,
    ) {
        loop {
            tokio::select! {
                biased;
                looked = desk.tree.changed() => {
                    if looked.is_err() {
                        // Whoever looked is gone: what is known stands.
                        return std::future::pending().await;
                    }
                    let tree = desk.tree.borrow_and_update().clone().unwrap_or_default();
                    book.plugged(self.shared.now().elapsed, tree);
                }
                Some(command) = desk.commands.recv() => match command {
                    PortCommand::Prove(slot) => book.prove(slot),
                    PortCommand::Bind { slot, device } => {
                        tracing::info!(slot, device, "the port that was shown becomes the slot's");
                        book.bind(slot, &device);
                    }
                },
                Some((slot, is_there)) = heard.recv() => book.heard(slot, is_there),
            }
            self.follow(&book, &desk);
        }
    }

    /// What follows from the book for slots, disk and page.
    fn follow(&self, book: &PortBook, desk: &PortDesk) {
        for (slot, why) in book.shut() {
            let place = self.shared.slots.get(&slot);
            if let Some(place) = place {
                place.proving.send_if_modified(|before| {
                    let is_asked = book.is_asked(slot);
                    std::mem::replace(before, is_asked) != is_asked
                });
            }
            let is_another = book.device(slot).is_some_and(|device| desk.devices.bind(slot, device));
            if let Some(place) = place.filter(|_| is_another) {
                let _slot_may_have_ended = place.inputs.send(SlotInput::PortMoved);
            }
            self.shared.keep_shut(slot, Keeper::Port, why);
        }
        if let Err(fault) = self.shared.journal.keep_port_rows(&book.rows()) {
            tracing::error!(%fault, "what is known of the ports is not on disk; a start goes by what was kept before");
        }
        let view = book.view();
        desk.shown.send_if_modified(|before| {
            let is_another = *before != view;
            if is_another {
                *before = view;
            }
            is_another
        });
    }
}
