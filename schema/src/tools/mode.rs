//! A file's permission bits as a caller writes them.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Permission bits: `"0755"`, `"755"` or `"0o755"`.
///
/// Invariant: at most `0o7777`. An integer is refused, for nobody knows
/// whether 755 was meant as octal or as decimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mode(u32);

/// A text or number that is no [`Mode`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no file mode; write octal digits as a string, like \"0755\"")]
pub struct ModeError(String);

impl Mode {
    /// The bits as `chmod(2)` takes them.
    pub const fn bits(self) -> u32 {
        self.0
    }
}

impl FromStr for Mode {
    type Err = ModeError;

    fn from_str(text: &str) -> Result<Self, ModeError> {
        let digits = text.strip_prefix("0o").unwrap_or(text);
        let octal = (1..=5).contains(&digits.len())
            && digits.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
        u32::from_str_radix(digits, 8)
            .ok()
            .filter(|bits| octal && *bits <= 0o7777)
            .map(Self)
            .ok_or_else(|| ModeError(text.to_owned()))
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

impl Serialize for Mode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Mode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Mode;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("octal digits as a string, like \"0755\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Mode, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Mode, E> {
                let written = number.to_string();
                let meant = match written.parse::<Mode>() {
                    Ok(mode) => mode.to_string(),
                    Err(_not_octal) => format!("{number:04o}"),
                };
                Err(E::custom(format_args!(
                    "the integer {number} may be octal or decimal; write the mode as a string, like \"{meant}\""
                )))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Mode {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Mode".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "hint": "octal: \"0755\"" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_octal_digits_with_or_without_a_prefix() {
        for text in ["0755", "755", "0o755"] {
            assert_eq!(text.parse::<Mode>().unwrap().bits(), 0o755, "{text}");
        }
        assert_eq!("4755".parse::<Mode>().unwrap().to_string(), "4755");
        for bad in ["", "8", "+755", "-rwx", "77777", "0x1ff"] {
            assert!(bad.parse::<Mode>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_integer_is_refused_with_the_string_to_write() {
        for number in ["755", "493"] {
            let error = serde_json::from_str::<Mode>(number).unwrap_err();
            assert!(error.to_string().contains("\"0755\""), "{error}");
        }
    }
}
