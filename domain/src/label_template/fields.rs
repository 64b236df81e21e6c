//! What of a unit stands on its label, and texts with places for it: `SN {serial}`.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a label can show, by its name in a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// The unit's number: ours, the customer's or its first label's.
    Serial,
    /// Its Bluetooth name.
    Name,
    /// Its Bluetooth address, twelve digits.
    Bluetooth,
    MachineCode,
    /// What the profile is called.
    ProductEn,
    ProductZh,
    Batch,
    Customer,
    /// Of the pass, in the station's zone: `2026-11-28`; of the print where the label comes before the board.
    Date,
    /// The version that the bundle brings.
    Firmware,
    Profile,
    /// Of the profile.
    Revision,
}

impl Field {
    pub const ALL: [Self; 12] = [
        Self::Serial,
        Self::Name,
        Self::Bluetooth,
        Self::MachineCode,
        Self::ProductEn,
        Self::ProductZh,
        Self::Batch,
        Self::Customer,
        Self::Date,
        Self::Firmware,
        Self::Profile,
        Self::Revision,
    ];

    /// Its name in a template.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Serial => "serial",
            Self::Name => "name",
            Self::Bluetooth => "bluetooth",
            Self::MachineCode => "machine_code",
            Self::ProductEn => "product_en",
            Self::ProductZh => "product_zh",
            Self::Batch => "batch",
            Self::Customer => "customer",
            Self::Date => "date",
            Self::Firmware => "firmware",
            Self::Profile => "profile",
            Self::Revision => "revision",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.word() == word)
    }

    /// Whether it is read from the board.
    #[must_use]
    pub fn is_of_board(self) -> bool {
        matches!(self, Self::Name | Self::Bluetooth | Self::MachineCode)
    }
}

/// What one label shows. A field that is not here has no text.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LabelValues(BTreeMap<Field, String>);

impl LabelValues {
    #[must_use]
    pub fn with(mut self, field: Field, text: impl Into<String>) -> Self {
        self.0.insert(field, text.into());
        self
    }

    #[must_use]
    pub fn get(&self, field: Field) -> Option<&str> {
        self.0.get(&field).map(String::as_str)
    }
}

/// A text with places for fields. A brace stands for itself where it is doubled.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Printed {
    pub(super) pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Literal(String),
    Field(Field),
}

impl TryFrom<String> for Printed {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let mut pieces: Vec<Piece> = Vec::new();
        let mut literal = String::new();
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '{' | '}' if rest.peek() == Some(&c) => {
                    rest.next();
                    literal.push(c);
                }
                '{' => {
                    let name: String = rest.by_ref().take_while(|c| *c != '}').collect();
                    let field = Field::parse(&name).ok_or_else(|| {
                        let known: Vec<&str> = Field::ALL.into_iter().map(Field::word).collect();
                        format!("{{{name}}} is none of {}", known.join(", "))
                    })?;
                    if !literal.is_empty() {
                        pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                    }
                    pieces.push(Piece::Field(field));
                }
                '}' => return Err(format!("{text:?} has a brace without its partner")),
                c if c.is_control() => return Err("a control character can't be printed".to_owned()),
                c => literal.push(c),
            }
        }
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        if pieces.is_empty() { Err("an empty text prints nothing".to_owned()) } else { Ok(Self { pieces }) }
    }
}

impl Printed {
    #[must_use]
    pub fn holds(&self, field: Field) -> bool {
        self.pieces.contains(&Piece::Field(field))
    }

    /// Whether it is that field and nothing else.
    #[must_use]
    pub fn is_bare(&self, field: Field) -> bool {
        self.pieces == [Piece::Field(field)]
    }

    /// Its text for one label. Control characters, which no printer prints and every printer's language is made of, become spaces.
    ///
    /// # Errors
    /// The field that has no text.
    pub fn filled(&self, values: &LabelValues) -> Result<String, Field> {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Field(field) => text.push_str(values.get(*field).ok_or(*field)?),
            }
        }
        Ok(text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect())
    }
}
