//! A value in engineering units: what a person reads in a table. What decides a verdict is compared as raw registers.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A number (whole numbers are written without a point) or a text.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// In the parameter's own unit.
    Number(f64),
    /// ASCII fields, dates as `YYYY-MM-DD`, enum names, `0x`-prefixed bit fields.
    Text(String),
}

impl Value {
    /// The number, where it is one.
    #[must_use]
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(_) => None,
        }
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Scales are powers of ten at or above 1e-4: four places show every value exactly.
            Self::Number(number) => {
                let text = format!("{number:.4}");
                f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
            }
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            // 2^53: beyond it an f64 no longer holds every whole number.
            Self::Number(n) if n.fract() == 0.0 && n.abs() < 9_007_199_254_740_992.0 => {
                serializer.serialize_i64(*n as i64)
            }
            Self::Number(n) => serializer.serialize_f64(*n),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Wire {
            Number(f64),
            Text(String),
        }
        Ok(match Wire::deserialize(deserializer)? {
            Wire::Number(number) => Self::Number(number),
            Wire::Text(text) => Self::Text(text),
        })
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for Value {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Type};
        let number = ObjectBuilder::new().schema_type(Type::Number);
        let text = ObjectBuilder::new().schema_type(Type::String);
        OneOfBuilder::new().item(number).item(text).into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for Value {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_travel_without_a_point_and_come_back_equal() {
        for value in [Value::Number(4200.0), Value::Number(-0.5), Value::from("868835400068")] {
            let json = serde_json::to_string(&value).unwrap();
            assert!(!json.contains(".0"), "{json}");
            assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), value);
        }
    }

    #[test]
    fn a_number_is_shown_with_the_places_it_has() {
        assert_eq!(Value::Number(3.65).to_string(), "3.65");
        assert_eq!(Value::Number(4200.0).to_string(), "4200");
        assert_eq!(Value::Number(-30.0).to_string(), "-30");
        assert_eq!(Value::Number(0.0).to_string(), "0");
    }
}
