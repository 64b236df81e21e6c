//! Where in a TOML file a thing stands, so that a fault names its line, and all that is wrong with a file's shape at once.
//! Knows lines and paths; never what a file means.

mod recovery;

use std::collections::BTreeSet;
use toml::de::{DeTable, DeValue};

/// A step of a path into a document: a key, or the place in an array of tables.
#[derive(Debug, Clone, Copy)]
pub(crate) enum At<'a> {
    Key(&'a str),
    Index(usize),
}

/// A fault at a line, before it belongs to a kind of file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LineFault {
    /// From 1; 0 for what the file does not say and the reading made up, so it is no fault of the file's.
    pub line: usize,
    pub reason: String,
}

/// A document that was parsed once more for the places of its keys.
pub(crate) struct Source<'a> {
    text: &'a str,
    document: DeTable<'a>,
    /// Unknown, missing and mistaken keys: the parsed thing is without the former and has something made up for the latter.
    faults: Vec<LineFault>,
    /// The tables (and keys of the head) in which something was made up.
    made_up: BTreeSet<String>,
}

impl<'a> Source<'a> {
    /// Reads `text` as `T`. Where the source [has faults](Self::faults), the `T` is for the checks alone: it holds what is sound of
    /// the file, so that those say what else is wrong.
    ///
    /// # Errors
    /// Every syntax error of the file at once. Else, for a `T` that nothing can be made of, every key that it does not
    /// know, misses or cannot hold.
    pub(crate) fn read<T: serde::de::DeserializeOwned>(text: &'a str) -> Result<(T, Self), Vec<LineFault>> {
        let (document, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            return Err(errors.iter().map(|error| line_fault(text, error)).collect());
        }
        let read = recovery::read(text, document);
        match read.parsed {
            Some(parsed) => {
                let (document, faults, made_up) = (read.document.into_inner(), read.faults, read.made_up);
                Ok((parsed, Self { text, document, faults, made_up }))
            }
            None => Err(read.faults),
        }
    }

    /// What is wrong with the shape of the file.
    pub(crate) fn faults(&self) -> &[LineFault] {
        &self.faults
    }

    /// Whether all that stands in these tables was read and nothing made up: what is found wrong there is the file's.
    pub(crate) fn is_whole(&self, tables: &[&str]) -> bool {
        tables.iter().all(|table| !self.made_up.contains(*table))
    }

    /// Whether the parsed thing holds what the file says and nothing made up.
    pub(crate) fn is_all_whole(&self) -> bool {
        self.made_up.is_empty()
    }

    /// The line of what stands at `path`, counted from 1; of its nearest parent where it does not stand there; 0 where it was
    /// made up.
    pub(crate) fn line(&self, path: &[At<'_>]) -> usize {
        let offset = self.places(path).last().unwrap_or(0);
        if offset > self.text.len() { 0 } else { line_at(self.text, offset) }
    }

    /// Whether anything stands at `path`.
    pub(crate) fn stands(&self, path: &[At<'_>]) -> bool {
        self.places(path).count() == path.len()
    }

    /// Where in the text each step of a path stands, as far as they do.
    fn places(&self, path: &[At<'_>]) -> impl Iterator<Item = usize> {
        let mut value: Option<&DeValue<'_>> = None;
        path.iter().map_while(move |at| {
            let next = match (*at, value) {
                (At::Key(key), None) => self.document.get(key),
                (At::Key(key), Some(DeValue::Table(table))) => table.get(key),
                (At::Index(index), Some(DeValue::Array(array))) => array.get(index),
                _ => None,
            }?;
            value = Some(next.get_ref());
            Some(next.span().start)
        })
    }
}

fn line_fault(text: &str, error: &toml::de::Error) -> LineFault {
    let line = error.span().map_or(1, |span| line_at(text, span.start));
    LineFault { line, reason: error.message().trim().replace('\n', "; ") }
}

fn line_at(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}
