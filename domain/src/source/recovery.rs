//! Reading on after an error: serde stops at the first key that a type does not know, misses or cannot hold. Here such a key is
//! noted and taken out, or something is made up in its place, and the document is read again, until it goes through.

use super::{LineFault, line_fault};
use std::{borrow::Cow, collections::BTreeSet, ops::Range};
use toml::{
    Spanned,
    de::{DeArray, DeTable, DeValue},
};

/// What came of a document.
pub(super) struct Read<'a, T> {
    /// None where nothing can be made of it.
    pub parsed: Option<T>,
    /// As it was read last: without unknown keys, with what was made up.
    pub document: Spanned<DeTable<'a>>,
    pub faults: Vec<LineFault>,
    /// The keys of the head at or under which something was made up or left out.
    pub made_up: BTreeSet<String>,
}

/// A file with more faults is no such file at all: the first ones say so.
const MOST_FAULTS: usize = 100;
/// How often something is made up for one fault: what it is, then what must be in it.
const MOST_TRIES: usize = 40;

pub(super) fn read<'a, T: serde::de::DeserializeOwned>(
    text: &'a str,
    document: Spanned<DeTable<'a>>,
) -> Read<'a, T> {
    let mut read = Read { parsed: None, document, faults: Vec::new(), made_up: BTreeSet::new() };
    let mut last: Option<toml::de::Error> = None;
    // What is made up bears a place behind the text, each its own.
    let (mut behind, mut tries) = (text.len() + 1, 0);
    while read.faults.len() < MOST_FAULTS && tries < MOST_TRIES {
        let error = match T::deserialize(toml::de::Deserializer::from(read.document.clone())) {
            Ok(parsed) => {
                read.parsed = Some(parsed);
                break;
            }
            Err(error) => error,
        };
        if last.as_ref() == Some(&error) {
            break;
        }
        if error.span().is_some_and(|span| span.start > text.len()) {
            tries += 1;
        } else {
            tries = 0;
            read.faults.push(line_fault(text, &error));
        }
        if !mend(&mut read.document, &mut read.made_up, &error, behind) {
            break;
        }
        (last, behind) = (Some(error), behind + 1);
    }
    read.faults.sort_by_key(|fault| fault.line);
    read
}

/// A step of a path to a place in a document.
enum Step {
    Key(String),
    Index(usize),
}

/// Takes out or makes up what `error` is about; no where that cannot be done.
fn mend(
    document: &mut Spanned<DeTable<'_>>,
    made_up: &mut BTreeSet<String>,
    error: &toml::de::Error,
    behind: usize,
) -> bool {
    let Some(span) = error.span() else { return false };
    let root = document.span();
    let document = document.get_mut();
    let message = error.message();
    if quoted_after(message, "unknown field ").is_some() {
        let path = path_in(document, &|key, _| key.is_some_and(|key| key == span));
        return path.is_some_and(|path| take_out(document, &path));
    }
    let stand_in = |value| Spanned::new(behind..behind + 1, value);
    if let Some(name) = quoted_after(message, "missing field ") {
        let lacks = |value: &Spanned<DeValue<'_>>| {
            value.get_ref().as_table().is_some_and(|table| !table.contains_key(name))
        };
        let path = path_in(document, &|_, value| value.span() == span && lacks(value));
        let Some(mut path) = path.or_else(|| (span == root).then(Vec::new)) else { return false };
        path.push(Step::Key(name.to_owned()));
        note(&path, made_up);
        // What it should be, the next error tells where it is no number.
        return put(document, &path, stand_in(one()));
    }
    let Some(mut path) = path_in(document, &|_, value| value.span() == span) else { return false };
    note(&path, made_up);
    if let Some(value) = value_for(message) {
        return put(document, &path, stand_in(value));
    }
    // A text that is no such name or number: what is listed is left out whole.
    while path.pop_if(|step| matches!(step, Step::Key(_))).is_some() {}
    take_out(document, &path)
}

/// The value that an error asks for; none where it does not say.
fn value_for(message: &str) -> Option<DeValue<'static>> {
    if message.starts_with("unknown variant ") {
        let (_, options) = message.split_once("expected ")?;
        let first = options.split('`').nth(1)?;
        return Some(DeValue::String(Cow::Owned(first.to_owned())));
    }
    if message.starts_with("wanted string or table") {
        return Some(DeValue::String(Cow::Borrowed("")));
    }
    if message.starts_with("data did not match any variant") {
        return Some(one());
    }
    let (_, expected) = message.split_once(", expected ")?;
    Some(match expected {
        _ if expected.starts_with("struct") || expected.starts_with("a map") => {
            DeValue::Table(DeTable::new())
        }
        _ if expected.starts_with("a sequence") => DeValue::Array(DeArray::new()),
        _ if expected.starts_with("a boolean") => DeValue::Boolean(false),
        _ if expected.contains("string") => DeValue::String(Cow::Borrowed("")),
        _ => one(),
    })
}

fn one() -> DeValue<'static> {
    // 1 is TOML.
    DeValue::parse("1").map_or(DeValue::Boolean(false), Spanned::into_inner)
}

/// The name in backquotes behind `words` at the message's start.
fn quoted_after<'m>(message: &'m str, words: &str) -> Option<&'m str> {
    message.strip_prefix(words)?.split('`').nth(1)
}

/// Notes under which key of the head the parsed thing is not the file's.
fn note(path: &[Step], made_up: &mut BTreeSet<String>) {
    if let Some(Step::Key(key)) = path.first() {
        made_up.insert(key.clone());
    }
}

/// Whether a place is the one that is looked for: by the place of its key, where it has one, and by its value.
trait IsIt: Fn(Option<Range<usize>>, &Spanned<DeValue<'_>>) -> bool {}
impl<F: Fn(Option<Range<usize>>, &Spanned<DeValue<'_>>) -> bool> IsIt for F {}

/// The path to the innermost place that it is.
fn path_in(table: &DeTable<'_>, is_it: &impl IsIt) -> Option<Vec<Step>> {
    let mut path = Vec::new();
    seek_in_table(table, &mut path, is_it).then_some(path)
}

fn seek_in_table(table: &DeTable<'_>, path: &mut Vec<Step>, is_it: &impl IsIt) -> bool {
    table.iter().any(|(key, value)| {
        let step = Step::Key(key.get_ref().to_string());
        seek(step, Some(key.span()), value, path, is_it)
    })
}

fn seek(
    step: Step,
    key: Option<Range<usize>>,
    value: &Spanned<DeValue<'_>>,
    path: &mut Vec<Step>,
    is_it: &impl IsIt,
) -> bool {
    path.push(step);
    let is_within = match value.get_ref() {
        DeValue::Table(table) => seek_in_table(table, path, is_it),
        DeValue::Array(array) => array
            .iter()
            .enumerate()
            .any(|(index, element)| seek(Step::Index(index), None, element, path, is_it)),
        _ => false,
    };
    let found = is_within || is_it(key, value);
    if !found {
        path.pop();
    }
    found
}

/// What holds the last step of a path.
enum Holder<'d, 'a> {
    Table(&'d mut DeTable<'a>),
    Array(&'d mut DeArray<'a>),
}

fn holder<'d, 'a>(document: &'d mut DeTable<'a>, path: &[Step]) -> Option<Holder<'d, 'a>> {
    let mut holder = Holder::Table(document);
    for step in path.get(..path.len().checked_sub(1)?)? {
        let value = match (holder, step) {
            (Holder::Table(table), Step::Key(key)) => table.get_mut(key.as_str())?,
            (Holder::Array(array), Step::Index(index)) => array.get_mut(*index)?,
            _ => return None,
        };
        holder = match value.get_mut() {
            DeValue::Table(table) => Holder::Table(table),
            DeValue::Array(array) => Holder::Array(array),
            _ => return None,
        };
    }
    Some(holder)
}

/// Takes out what stands at `path`; no where nothing does.
fn take_out(document: &mut DeTable<'_>, path: &[Step]) -> bool {
    match (holder(document, path), path.last()) {
        (Some(Holder::Table(table)), Some(Step::Key(key))) => table.remove(key.as_str()).is_some(),
        (Some(Holder::Array(array)), Some(Step::Index(index))) => {
            let before = array.len();
            let elements = std::mem::replace(array, DeArray::new()).into_iter().enumerate();
            *array = elements.filter(|(place, _)| place != index).map(|(_, element)| element).collect();
            array.len() < before
        }
        _ => false,
    }
}

/// Puts `value` at `path`, in the place of what stands there; no where there is no such place.
fn put<'a>(document: &mut DeTable<'a>, path: &[Step], value: Spanned<DeValue<'a>>) -> bool {
    match (holder(document, path), path.last()) {
        (Some(Holder::Table(table)), Some(Step::Key(key))) => {
            if let Some(old) = table.get_mut(key.as_str()) {
                *old = value;
            } else {
                table.insert(Spanned::new(value.span(), Cow::Owned(key.clone())), value);
            }
            true
        }
        (Some(Holder::Array(array)), Some(Step::Index(index))) => {
            array.get_mut(*index).map(|old| *old = value).is_some()
        }
        _ => false,
    }
}
