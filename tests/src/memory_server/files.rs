//! The files that its bundle is made of.

#![expect(clippy::panic, reason = "a tool of the tests: what is not there can't be tested")]

/// The files that a bundle is made of, as text.
#[derive(Debug, Clone)]
pub struct BundleFiles {
    pub model: String,
    pub profile: String,
    pub procedure: String,
    /// The template of its units' labels; empty: it has none.
    pub label: String,
}

impl BundleFiles {
    /// Those that are shipped for the titanate pack on a TOPBMS board.
    ///
    /// # Panics
    /// When one is not there: then nothing can be tested.
    #[must_use]
    pub fn shipped() -> Self {
        Self::of("topbms", "topbms-12s-lto-200a", "topbms-birth")
    }

    /// The shipped files of these names.
    ///
    /// # Panics
    /// When one is not there: then nothing can be tested.
    #[must_use]
    pub fn of(model: &str, profile: &str, procedure: &str) -> Self {
        let read = |path: &str| {
            let path = crate::demo::workspace_root().join("profiles").join(path);
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        Self {
            model: read(&format!("models/{model}.toml")),
            profile: read(&format!("parameters/{profile}.toml")),
            procedure: read(&format!("procedures/{procedure}.toml")),
            label: String::new(),
        }
    }
}
