//! Durations in Go's syntax: `"1h30m"`, `"1.5s"`, `"300us"`, or bare integers
//! of nanoseconds, as users of the Go program have them in scripts.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A length of time, written and read as Go's `time.Duration` does.
///
/// Source of the grammar: the documentation of Go's `time.ParseDuration`.
/// Negative durations mean nothing here and are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct GoDuration(pub Duration);

/// Why a text is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Not of the grammar.
    #[error("`{0}` is no duration; write it like \"15s\", \"1m30s\" or \"500ms\"")]
    Syntax(String),
    /// A number without its unit.
    #[error("`{0}` has no unit; write it like \"{0}s\"")]
    NoUnit(String),
    /// Below zero.
    #[error("`{0}` is negative")]
    Negative(String),
    /// More than fits in 64 bits of nanoseconds (292 years).
    #[error("`{0}` is too long")]
    TooLong(String),
}

/// Nanoseconds in each unit, longest first.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

impl GoDuration {
    /// A duration of whole seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
}

impl FromStr for GoDuration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        let syntax = || DurationError::Syntax(text.to_owned());
        let unsigned = text.strip_prefix('+').unwrap_or(text);
        if unsigned.starts_with('-') {
            return Err(DurationError::Negative(text.to_owned()));
        }
        if unsigned == "0" {
            return Ok(Self::default());
        }
        let mut rest = unsigned;
        let mut total: u128 = 0;
        if rest.is_empty() {
            return Err(syntax());
        }
        while !rest.is_empty() {
            let number = leading(rest, |c| c.is_ascii_digit() || c == '.');
            rest = rest.strip_prefix(number).unwrap_or_default();
            let unit = leading(rest, |c| !c.is_ascii_digit() && c != '.');
            rest = rest.strip_prefix(unit).unwrap_or_default();
            if unit.is_empty() {
                return Err(DurationError::NoUnit(text.to_owned()));
            }
            let scale = UNITS
                .iter()
                .find(|(name, _)| *name == unit)
                .map(|(_, nanos)| *nanos)
                .ok_or_else(syntax)?;
            total = decimal(number, scale)
                .and_then(|nanos| total.checked_add(nanos))
                .ok_or_else(syntax)?;
        }
        u64::try_from(total)
            .ok()
            .filter(|nanos| i64::try_from(*nanos).is_ok())
            .map(|nanos| Self(Duration::from_nanos(nanos)))
            .ok_or_else(|| DurationError::TooLong(text.to_owned()))
    }
}

/// The longest prefix whose characters all satisfy `keep`.
fn leading(text: &str, keep: impl Fn(char) -> bool) -> &str {
    let end = text.find(|c| !keep(c)).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// `number` (digits with at most one point) times `scale`, in nanoseconds.
fn decimal(number: &str, scale: u64) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let whole: u128 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let mut nanos = whole.checked_mul(u128::from(scale))?;
    let mut place = u128::from(scale);
    for digit in fraction.chars() {
        place /= 10;
        nanos = nanos.checked_add(u128::from(digit.to_digit(10)?) * place)?;
    }
    Some(nanos)
}

impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        let (unit, scale) = match nanos {
            0 => return f.write_str("0s"),
            1..1_000 => ("ns", 1),
            1_000..1_000_000 => ("\u{b5}s", 1_000),
            1_000_000..1_000_000_000 => ("ms", 1_000_000),
            _ => return self.fmt_seconds(f),
        };
        write_decimal(f, nanos, scale)?;
        f.write_str(unit)
    }
}

impl GoDuration {
    /// One second and more: `1h0m5s`, as Go writes it.
    fn fmt_seconds(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        let (hours, minutes) = (nanos / 3_600_000_000_000, nanos / 60_000_000_000 % 60);
        if hours > 0 {
            write!(f, "{hours}h")?;
        }
        if hours > 0 || minutes > 0 {
            write!(f, "{minutes}m")?;
        }
        write_decimal(f, nanos % 60_000_000_000, 1_000_000_000)?;
        f.write_str("s")
    }
}

/// Writes `nanos / scale` without trailing zeros.
fn write_decimal(f: &mut fmt::Formatter<'_>, nanos: u128, scale: u128) -> fmt::Result {
    write!(f, "{}", nanos / scale)?;
    let fraction = nanos % scale;
    if fraction > 0 {
        let digits = scale.ilog10() as usize;
        let text = format!("{fraction:0digits$}");
        write!(f, ".{}", text.trim_end_matches('0'))?;
    }
    Ok(())
}

impl Serialize for GoDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for GoDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = GoDuration;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration like \"15s\", or an integer of nanoseconds")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<GoDuration, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_u64<E: de::Error>(self, nanos: u64) -> Result<GoDuration, E> {
                Ok(GoDuration(Duration::from_nanos(nanos)))
            }

            fn visit_i64<E: de::Error>(self, nanos: i64) -> Result<GoDuration, E> {
                u64::try_from(nanos)
                    .map(|nanos| GoDuration(Duration::from_nanos(nanos)))
                    .map_err(|_out_of_range| E::custom(DurationError::Negative(nanos.to_string())))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for GoDuration {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "GoDuration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_write_as_gos_do() {
        for (text, nanos, written) in [
            ("0", 0, "0s"),
            ("0s", 0, "0s"),
            ("15s", 15_000_000_000, "15s"),
            ("1h30m", 5_400_000_000_000, "1h30m0s"),
            ("1.5s", 1_500_000_000, "1.5s"),
            ("300us", 300_000, "300\u{b5}s"),
            ("300\u{b5}s", 300_000, "300\u{b5}s"),
            ("2ns", 2, "2ns"),
            (".5m", 30_000_000_000, "30s"),
            ("1.s", 1_000_000_000, "1s"),
            ("+1m1ms", 60_001_000_000, "1m0.001s"),
            ("100ms", 100_000_000, "100ms"),
        ] {
            let duration: GoDuration = text.parse().unwrap();
            assert_eq!(duration.0, Duration::from_nanos(nanos), "{text}");
            assert_eq!(duration.to_string(), written, "{text}");
            assert_eq!(written.parse::<GoDuration>().unwrap(), duration);
        }
    }

    #[test]
    fn what_is_no_duration_says_how_to_write_one() {
        for bad in ["", "s", "1x", ".s", "1..5s", "1 s"] {
            assert!(
                matches!(bad.parse::<GoDuration>(), Err(DurationError::Syntax(_))),
                "{bad}"
            );
        }
        assert!(matches!(
            "15".parse::<GoDuration>(),
            Err(DurationError::NoUnit(_))
        ));
        assert!(matches!(
            "-1s".parse::<GoDuration>(),
            Err(DurationError::Negative(_))
        ));
        assert!(matches!(
            "9999999h".parse::<GoDuration>(),
            Err(DurationError::TooLong(_))
        ));
    }

    #[test]
    fn a_bare_integer_is_nanoseconds() {
        let duration: GoDuration = serde_json::from_str("1500000000").unwrap();
        assert_eq!(serde_json::to_string(&duration).unwrap(), "\"1.5s\"");
        assert!(serde_json::from_str::<GoDuration>("-1").is_err());
    }
}
