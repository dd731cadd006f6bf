//! The caller's own ids: of sessions, shells, forwards and Docker hosts.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::limits::ID_MAX_BYTES;

/// A name that a caller gave to a thing.
///
/// Invariant: 1 to [`ID_MAX_BYTES`] bytes of UTF-8 without control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Id(String);

/// Why a text is no [`Id`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Nothing was given.
    #[error("an id must not be empty")]
    Empty,
    /// More than [`ID_MAX_BYTES`].
    #[error("an id has at most {ID_MAX_BYTES} bytes, this one has {0}")]
    TooLong(usize),
    /// A control character, newlines and NUL included.
    #[error("an id has no control characters, this one has one at byte {0}")]
    Control(usize),
}

impl Id {
    /// Checks `text` and makes it an id.
    pub fn new(text: impl Into<String>) -> Result<Self, IdError> {
        Self::try_from(text.into())
    }

    /// The id as the caller wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Id {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        if text.is_empty() {
            return Err(IdError::Empty);
        }
        if text.len() > ID_MAX_BYTES {
            return Err(IdError::TooLong(text.len()));
        }
        if let Some((at, _)) = text.char_indices().find(|(_, c)| c.is_control()) {
            return Err(IdError::Control(at));
        }
        Ok(Self(text))
    }
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        id.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for Id {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl JsonSchema for Id {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Id".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_what_a_person_may_name_a_thing() {
        for good in ["web", "web 1", "Büro/2", &"x".repeat(128)] {
            assert_eq!(Id::new(good).unwrap().as_str(), good);
        }
    }

    #[test]
    fn an_id_is_neither_empty_nor_long_nor_has_control_characters() {
        assert_eq!(Id::new(""), Err(IdError::Empty));
        assert_eq!(Id::new("x".repeat(129)), Err(IdError::TooLong(129)));
        assert_eq!(Id::new("a\nb"), Err(IdError::Control(1)));
        assert_eq!(Id::new("a\u{85}b"), Err(IdError::Control(1)));
        assert!(serde_json::from_str::<Id>("\"\"").is_err());
    }
}
