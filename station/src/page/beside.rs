//! The page beside a station that works: served where it can be, told what everybody is told.

use super::{Access, PageOrder, Setup, serve};
use crate::{answer_door::AnswerDoor, floor_door::FloorDoor, progress::Progress};
use std::net::{SocketAddr, TcpListener};
use tokio::sync::mpsc;

/// Serves the operator's page, and gives the way by which it hears of the station. Where that can't be, boards matter more: somebody is told, and the slots work.
pub fn serve_beside(
    (listen, access): (SocketAddr, Access),
    (door, floor): (AnswerDoor, FloorDoor),
    setup: Setup,
    lines: &mpsc::UnboundedSender<Progress>,
) -> Option<mpsc::UnboundedSender<Progress>> {
    let (said, progress) = mpsc::unbounded_channel();
    let served = TcpListener::bind(listen).and_then(|listener| {
        let at = listener.local_addr()?;
        serve(PageOrder { listener, access, door, floor, setup, progress }).map(|()| at)
    });
    match served {
        Ok(at) => {
            let address = format!("http://{at}");
            tracing::info!(%address, "the operator's page");
            let _nobody_may_read = lines.send(Progress::Page { address });
            Some(said)
        }
        Err(fault) => {
            tracing::error!(
                %listen, %fault,
                "the operator's page can't be served; the slots work without it. Choose another address (operator_page in the station's settings)"
            );
            None
        }
    }
}

/// Tells everybody what the station says, until it says no more.
pub async fn hand_on(
    mut said: mpsc::UnboundedReceiver<Progress>,
    lines: mpsc::UnboundedSender<Progress>,
    page: Option<mpsc::UnboundedSender<Progress>>,
) {
    while let Some(progress) = said.recv().await {
        if let Some(page) = &page {
            let _it_may_be_gone = page.send(progress.clone());
        }
        let _nobody_may_read = lines.send(progress);
    }
}
