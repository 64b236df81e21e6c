//! What the page weighs as a browser fetches it: at the first visit, which is held to a limit, and each part that may follow.

use super::{Page, files_below, parts, with_added};
use crate::say;
use anyhow::{Result, bail};
use std::path::Path;

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Weight {
    pub first: u64,
    /// By name.
    pub later: Vec<(String, u64)>,
}

/// Of the built page in that folder: of each file its brotli twin where it has one.
///
/// # Errors
/// When the folder can't be read.
pub fn of(office: &Path) -> Result<Weight> {
    let mut weight = Weight::default();
    for file in files_below(office)? {
        if file.extension().is_some_and(|extension| extension == "br" || extension == "gz") {
            continue;
        }
        let brotli = with_added(&file, "br");
        let bytes = std::fs::metadata(if brotli.is_file() { &brotli } else { &file })?.len();
        match parts::name_of(&file) {
            Some(part) => weight.later.push((part, bytes)),
            None => weight.first += bytes,
        }
    }
    Ok(weight)
}

impl Weight {
    pub fn say(&self, page: &Page) {
        say::line(format!(
            "   the {} page: {} kB compressed at the first visit, of {} kB",
            page.name,
            self.first / 1000,
            page.limit / 1000
        ));
        let later: Vec<_> =
            self.later.iter().map(|(part, bytes)| format!("{part} {} kB", bytes.div_ceil(1000))).collect();
        if !later.is_empty() {
            say::line(format!("   later, when first opened: {}", later.join(", ")));
        }
    }

    /// # Errors
    /// When more travels at the first visit than may.
    pub fn hold(&self, page: &Page) -> Result<()> {
        if self.first > page.limit {
            bail!(
                "the {} page is {} bytes compressed at the first visit, the limit is {}: look for a new dependency in its Cargo.toml or a \
                 large file beside it; one of the office may come later (frontend/src/pages/later.rs)",
                page.name,
                self.first,
                page.limit
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::{Effort, compress};

    #[test]
    fn only_the_brotli_twin_counts_as_travelling_and_a_part_comes_later() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, content: &str| std::fs::write(folder.path().join(name), content).unwrap();
        put("a.css", &"a {} ".repeat(1000));
        put("tiny", "x");
        put("split_care.wasm", "xyz");
        compress(folder.path(), Effort::Best).unwrap();
        let brotli = std::fs::metadata(folder.path().join("a.css.br")).unwrap().len();
        assert!(brotli < 100);
        assert!(folder.path().join("a.css.gz").is_file());
        assert!(!folder.path().join("tiny.br").exists(), "a twin larger than its file helps nobody");
        let weight = of(folder.path()).unwrap();
        assert_eq!(weight, Weight { first: brotli + 1, later: vec![("care".to_owned(), 3)] });
    }

    #[test]
    fn the_first_visit_is_held_to_its_limit_and_the_parts_are_not() {
        for page in [&crate::ui::OFFICE, &crate::ui::OPERATOR] {
            let later = vec![("care".to_owned(), page.limit)];
            assert!(Weight { first: page.limit, later }.hold(page).is_ok());
            assert!(Weight { first: page.limit + 1, later: Vec::new() }.hold(page).is_err());
        }
    }
}
