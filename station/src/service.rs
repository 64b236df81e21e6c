//! The station as a service of its machine: what starts it, watches it and stops it, systemd or Windows, behind one trait.
//!
//! What lives here: putting the service there and away, and what the two sides tell each other while it runs. What never does: anything of
//! boards; the work is handed in.

#[cfg(unix)]
mod systemd;
#[cfg(unix)]
mod unit;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use systemd::Systemd as Host;
#[cfg(unix)]
pub use unit::UnitPlan;
#[cfg(windows)]
pub use windows::WindowsServices as Host;

use std::{io, path::PathBuf, sync::Arc, time::Duration};
use tokio::sync::oneshot;

/// What both know the service by.
pub const NAME: &str = "jigline-station";

/// Whoever runs services on this machine.
pub trait ServiceHost {
    /// Puts the service there and starts it; one that is there is brought up to date. Gives what was done, a line each.
    ///
    /// # Errors
    /// A right is missing, or the host refuses.
    fn install(&self, order: &InstallOrder) -> Result<Vec<String>, ServiceFault>;

    /// Stops the service and takes it away; settings and journal stay. Gives what was done.
    ///
    /// # Errors
    /// As [`ServiceHost::install`].
    fn uninstall(&self) -> Result<Vec<String>, ServiceFault>;

    /// How it stands.
    ///
    /// # Errors
    /// The host can't be asked.
    fn status(&self) -> Result<Standing, ServiceFault>;

    /// Does the work as the service: called by the host alone.
    ///
    /// # Errors
    /// What the work says; or nobody called who may.
    fn run(&self, work: Work) -> anyhow::Result<()>;
}

/// What a service is to do, until its supervisor says stop.
pub type Work = Box<dyn FnOnce(Supervisor) -> anyhow::Result<()> + Send>;

/// A service to be installed.
#[derive(Debug, Clone)]
pub struct InstallOrder {
    /// This program.
    pub program: PathBuf,
    pub settings: PathBuf,
    /// Folder of the journal, as the settings name it.
    pub data: PathBuf,
}

/// How a service stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub state: ServiceState,
    /// In the host's own words.
    pub detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceState {
    NotInstalled,
    Stopped,
    /// On its way to one or the other.
    Changing,
    Running,
    /// It ended by itself, and not in order.
    Failed,
}

impl ServiceState {
    /// In a word or two.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotInstalled => "not installed",
            Self::Stopped => "stopped",
            Self::Changing => "starting or stopping",
            Self::Running => "running",
            Self::Failed => "failed",
        }
    }
}

/// Why the host did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum ServiceFault {
    #[error(
        "this machine is not run by systemd; let whatever starts its programs start `jigline-station run`"
    )]
    NoHost,
    #[error("{path} can't be written; start this as administrator (root)")]
    NotWritten { path: PathBuf, source: io::Error },
    #[error("{command} can't be started")]
    NotStarted { command: String, source: io::Error },
    #[error("{command} says: {said}")]
    Refused { command: String, said: String },
    #[error("the service manager refuses; start this as administrator")]
    Manager(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What a service tells its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// It works.
    Ready,
    /// It still does.
    Alive,
    /// It was told to stop, and ends what is under work.
    Stopping,
}

/// Whoever started the work, and may end it.
pub struct Supervisor {
    tell: Option<Arc<dyn Fn(News) + Send + Sync>>,
    stop: Option<oneshot::Receiver<()>>,
    /// How long it may stay silent before it is taken for dead.
    patience: Option<Duration>,
}

impl Supervisor {
    /// A person at a terminal, or whatever starts programs: nobody to tell.
    #[must_use]
    pub fn nobody() -> Self {
        Self { tell: None, stop: None, patience: None }
    }

    #[cfg(any(unix, windows))]
    fn new(
        tell: impl Fn(News) + Send + Sync + 'static,
        stop: Option<oneshot::Receiver<()>>,
        patience: Option<Duration>,
    ) -> Self {
        Self { tell: Some(Arc::new(tell)), stop, patience }
    }

    pub fn tell(&self, news: News) {
        if let Some(tell) = &self.tell {
            tell(news);
        }
    }

    /// Comes when the supervisor says stop; never where it does so by a signal.
    pub fn stopped(&mut self) -> impl Future<Output = ()> + use<> {
        let stop = self.stop.take();
        async move {
            match stop {
                // Gone without a word: it is the same.
                Some(stop) => drop(stop.await),
                None => std::future::pending().await,
            }
        }
    }

    /// Says again and again that the program lives; to be polled by the thread that does the work.
    pub async fn keep_alive(&self) {
        let Some(patience) = self.patience else { return std::future::pending().await };
        loop {
            tokio::time::sleep(patience / 3).await;
            self.tell(News::Alive);
        }
    }
}
