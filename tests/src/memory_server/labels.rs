//! Labels that are printed for the units of its batches.

use super::{BATCH, BundleFiles, MemoryServer};
use crate::demo::workspace_root;
use domain::labelling::LabelMode;

impl BundleFiles {
    /// With the label of that name.
    ///
    /// # Panics
    /// When it is not there: then nothing can be tested.
    #[must_use]
    pub fn with_label(mut self, label: &str) -> Self {
        let path = workspace_root().join("profiles/labels").join(format!("{label}.toml"));
        self.label =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        self
    }
}

impl MemoryServer {
    /// Labels of its batches are printed; before a station asks, and of files that have one.
    pub fn print_labels(&self, mode: LabelMode) {
        self.0.label_mode.set(mode);
        self.0.model.borrow_mut().print_labels(BATCH, mode);
    }
}
