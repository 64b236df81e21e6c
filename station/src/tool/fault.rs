//! How a tool's work ends badly: for a person one sentence with what to do next, for a script a code and an exit code.

use domain::text::{Fault, Language, fault_next_step, fault_text};
use std::{fmt, io};

/// The result of a part of a command.
pub type ToolResult<T = ()> = Result<T, ToolFault>;

/// Why a command did not end well.
#[derive(Debug)]
pub enum ToolFault {
    /// The command line asks for what cannot be: exit code 2.
    Usage(String),
    /// The board, the line or the port: exit code 1.
    Board(Fault),
    /// Something of ours refused it: exit code 1.
    Refused { code: &'static str, sentence: String },
    /// A file, or an output that nobody reads any more: exit code 1.
    Io(io::Error),
}

impl ToolFault {
    pub(super) fn usage(sentence: impl Into<String>) -> Self {
        Self::Usage(sentence.into())
    }

    pub(super) fn refused(code: &'static str, sentence: impl Into<String>) -> Self {
        Self::Refused { code, sentence: sentence.into() }
    }

    /// What the program's exit code is.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Board(_) | Self::Refused { .. } | Self::Io(_) => 1,
        }
    }

    /// The code that a script looks at.
    #[must_use]
    pub fn code(&self) -> String {
        match self {
            Self::Usage(_) => "usage".to_owned(),
            Self::Board(fault) => serde_json::to_value(fault.code)
                .ok()
                .and_then(|code| code.as_str().map(str::to_owned))
                .unwrap_or_default(),
            Self::Refused { code, .. } => (*code).to_owned(),
            Self::Io(_) => "io".to_owned(),
        }
    }
}

impl fmt::Display for ToolFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(sentence) | Self::Refused { sentence, .. } => f.write_str(sentence),
            Self::Board(fault) => {
                let language = Language::En;
                write!(f, "{} {}", fault_text(language, fault), fault_next_step(language, fault))
            }
            Self::Io(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for ToolFault {}

impl From<Fault> for ToolFault {
    fn from(fault: Fault) -> Self {
        Self::Board(fault)
    }
}

impl From<io::Error> for ToolFault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
