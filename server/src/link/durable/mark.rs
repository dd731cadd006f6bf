//! The name of a durable job, which is its folder's name on the host and its
//! processes' marker.

use std::fmt;

use super::super::marker;

/// 16 hex digits in lower case, so that it can stand in a script as it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Mark(String);

impl Mark {
    /// One that no other job has.
    pub fn fresh() -> Self {
        Self(marker::new())
    }

    /// One that was written down.
    pub fn parse(text: &str) -> Option<Self> {
        let is_hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        (text.len() == 16 && text.bytes().all(is_hex)).then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_sixteen_hex_digits_and_nothing_else() {
        let mark = Mark::fresh();
        assert_eq!(Mark::parse(&mark.to_string()), Some(mark));
        for bad in [
            "",
            "0123456789abcde",
            "0123456789ABCDEF",
            "../../../../../x",
        ] {
            assert_eq!(Mark::parse(bad), None, "{bad}");
        }
    }
}
