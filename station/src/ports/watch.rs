//! The thread that looks at what is plugged in, and the names by which slots' ports are opened.

use super::Adapter;
use crate::doctor::System;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::watch as channel;

/// Windows is asked by programs that take a moment.
const EVERY: Duration = Duration::from_secs(if cfg!(windows) { 3 } else { 1 });

/// Looks now, and again and again on a thread of its own for as long as somebody listens.
///
/// # Errors
/// There is no thread for it.
pub fn watch() -> std::io::Result<channel::Receiver<Option<Vec<Adapter>>>> {
    let system = System::here();
    let (seen, looking) = channel::channel(Some(system.adapters()));
    let look = move || {
        while !seen.is_closed() {
            std::thread::sleep(EVERY);
            let tree = system.adapters();
            seen.send_if_modified(|before| {
                let is_another = before.as_ref() != Some(&tree);
                if is_another {
                    *before = Some(tree);
                }
                is_another
            });
        }
    };
    std::thread::Builder::new().name("ports".to_owned()).spawn(look)?;
    Ok(looking)
}

/// Each slot's port by the name under which it is opened now.
#[derive(Debug, Clone, Default)]
pub struct Devices(Arc<Mutex<BTreeMap<u16, String>>>);

impl Devices {
    #[must_use]
    pub fn new(named: BTreeMap<u16, String>) -> Self {
        Self(Arc::new(Mutex::new(named)))
    }

    #[must_use]
    pub fn of(&self, slot: u16) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&slot).cloned()
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> BTreeMap<u16, String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether that is another than before.
    pub fn bind(&self, slot: u16, device: &str) -> bool {
        let mut devices = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        devices.insert(slot, device.to_owned()).as_deref() != Some(device)
    }
}
