//! Where in a TOML file a thing stands, so that a fault names its line. Knows lines and paths; never what a file means.

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
    pub line: usize,
    pub reason: String,
}

/// A document that was parsed once more for the places of its keys.
pub(crate) struct Source<'a> {
    text: &'a str,
    document: DeTable<'a>,
}

impl<'a> Source<'a> {
    /// Reads `text` as `T`.
    ///
    /// # Errors
    /// Every syntax error of the file at once; else the first key that `T` does not know, misses or cannot hold.
    pub(crate) fn read<T: serde::de::DeserializeOwned>(text: &'a str) -> Result<(T, Self), Vec<LineFault>> {
        let (document, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            return Err(errors.iter().map(|error| line_fault(text, error)).collect());
        }
        match toml::from_str(text) {
            Ok(parsed) => Ok((parsed, Self { text, document: document.into_inner() })),
            Err(error) => Err(vec![line_fault(text, &error)]),
        }
    }

    /// The line of what stands at `path`, counted from 1; of its nearest parent where it does not stand there.
    pub(crate) fn line(&self, path: &[At<'_>]) -> usize {
        let mut offset = 0;
        let mut value: Option<&DeValue<'_>> = None;
        for (depth, at) in path.iter().enumerate() {
            let next = match (*at, value) {
                (At::Key(key), None) if depth == 0 => self.document.get(key),
                (At::Key(key), Some(DeValue::Table(table))) => table.get(key),
                (At::Index(index), Some(DeValue::Array(array))) => array.get(index),
                _ => None,
            };
            let Some(next) = next else { break };
            offset = next.span().start;
            value = Some(next.get_ref());
        }
        line_at(self.text, offset)
    }
}

fn line_fault(text: &str, error: &toml::de::Error) -> LineFault {
    let line = error.span().map_or(1, |span| line_at(text, span.start));
    LineFault { line, reason: error.message().trim().replace('\n', "; ") }
}

fn line_at(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}
