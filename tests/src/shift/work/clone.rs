//! A station that is there twice.

use super::{BoardSeen, Cable, Hall, OF_COPY, troubles::Blow};
use crate::shift::{
    case::{Case, Trouble},
    disk,
    touches::{Counted, Touches},
};
use anyhow::{Context as _, Result};
use simulator::{JigSettings, MemoryJig, jig::plan_boards};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    path::Path,
    pin::pin,
    rc::Rc,
    time::Duration,
};
use tokio::{
    sync::{Notify, watch},
    time::{sleep, sleep_until},
};

/// Behind the lives of the first one.
const LIFE: u64 = 1000;
/// How long whoever is to switch a station off waits for the records of the boards that are out.
pub(super) const SENT: Duration = Duration::from_secs(5);

impl Hall {
    /// A copy of the station at a jig of its own, until an administrator finds the station frozen and has it switched off; or until
    /// whoever made it is done. What it had not sent by then is gone with its disk. None: nobody copies it.
    pub(super) async fn clone_works(
        &self,
        case: &Case,
        bare: &JigSettings,
        disk: &Path,
    ) -> Option<Result<Vec<BoardSeen>>> {
        let (at, lasts, slots, machine) = case.troubles.iter().find_map(|(at, trouble)| match trouble {
            Trouble::Cloned { lasts, slots, machine } => Some((*at, *lasts, *slots, *machine)),
            _ => None,
        })?;
        sleep_until(self.begun + at).await;
        let (seed, boards) = (!case.seed, slots * 2);
        let settings = JigSettings { slots, boards, seed, first_board: OF_COPY, ..bare.clone() };
        let case = Case { slots, boards, seed, kills: Vec::new(), troubles: Vec::new(), ..case.clone() };
        let works = async {
            let plans = plan_boards(&settings)?;
            let folder = tempfile::tempdir_in(disk).context("no folder for the copy")?;
            disk::copy(self.folder.path(), folder.path())?;
            // What the first one gives to these from now on, the copy may give to others while the first one is off.
            self.note_blows(Blow::DiskGone);
            let twin = Self {
                begun: self.begun,
                jig: MemoryJig::start(settings)?,
                machine,
                server: self.server.clone(),
                folder,
                ear: self.ear.clone(),
                knob: self.knob.clone(),
                cable: watch::Sender::new(Cable::In),
                disk_full: Rc::default(),
                commits: Rc::clone(&self.commits),
                lines: RefCell::default(),
                freezes: Cell::default(),
                blows: RefCell::default(),
                looked: Notify::new(),
                cloned: RefCell::new(Ok(Vec::new())),
            };
            let mut touches = Touches::new(&bare.model, &plans);
            let out = RefCell::new(BTreeSet::new());
            let ends = async {
                tokio::select! { biased; () = self.looked.notified() => {}, () = sleep(lasts) => {} }
                out.replace(twin.taken_out());
                sleep(SENT).await;
            };
            let nothing = pin!(std::future::pending());
            tokio::select! {
                biased;
                () = ends => {}
                ended = twin.live(&case, LIFE, None, nothing) => ended?,
            }
            touches.look(&twin.jig.jig, Counted::ThisLife).await;
            twin.note(Blow::DiskGone, |board| !out.borrow().contains(&board.index));
            Ok(twin.seen(|index| touches.of(index), &plans).await)
        };
        Some(works.await)
    }

    fn taken_out(&self) -> BTreeSet<u32> {
        let seen = self.jig.jig.witnessed();
        seen.borrow().iter().filter(|board| board.removed).map(|board| board.index).collect()
    }
}
