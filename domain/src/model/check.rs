//! A model's text parsed and judged: every fault at once, each with its line.

use super::DeviceModel;
use crate::source::Source;

/// What is wrong with a model, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {reason}")]
pub struct ModelFault {
    /// The file as it was named.
    pub file: String,
    /// From 1.
    pub line: usize,
    pub reason: String,
}

/// Parses the text of a device model and checks it whole.
///
/// # Errors
/// Every syntax error with its line, or the first key that is unknown, missing or of the wrong type; else everything that
/// the model contradicts itself in.
pub fn parse_model(file: &str, text: &str) -> Result<DeviceModel, Vec<ModelFault>> {
    let fault = |line, reason| ModelFault { file: file.to_owned(), line, reason };
    let (model, _source) = Source::read::<DeviceModel>(text)
        .map_err(|faults| faults.into_iter().map(|f| fault(f.line, f.reason)).collect::<Vec<_>>())?;
    Ok(model)
}

/// Whether `text` may be an id in files: `[a-z0-9-]+`.
pub(crate) fn is_short_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}
