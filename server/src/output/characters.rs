//! Where a piece of a stream may end without cutting a character in two.

/// How much of `bytes` ends with a whole character, as UTF-8 has them (RFC
/// 3629): all of it, unless its last three bytes begin one that is not ended.
pub fn whole_characters(bytes: &[u8]) -> usize {
    let last = bytes.len().saturating_sub(3);
    let end = bytes.get(last..).unwrap_or_default();
    let begun = end.iter().rposition(|byte| *byte >= 0xC0);
    match begun.and_then(|at| Some((at, end.get(at..)?))) {
        Some((at, &[first, ref rest @ ..])) if rest.len() < more_bytes(first) => last + at,
        _ => bytes.len(),
    }
}

/// How many bytes follow the first of a character.
fn more_bytes(first: u8) -> usize {
    match first {
        0xC2..=0xDF => 1,
        0xE0..=0xEF => 2,
        0xF0..=0xF4 => 3,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_that_has_only_begun_is_left_for_later() {
        for text in ["a", "ä", "aä", "x€", "🦀"] {
            let bytes = text.as_bytes();
            assert_eq!(whole_characters(bytes), bytes.len(), "{text}");
            let start = bytes.len() - text.chars().last().unwrap().len_utf8();
            for cut in start + 1..bytes.len() {
                assert_eq!(whole_characters(&bytes[..cut]), start, "{text} {cut}");
            }
        }
        assert_eq!(whole_characters(b""), 0);
        assert_eq!(whole_characters(&[0x80, 0xFF, 0xBF]), 3, "no text at all");
    }
}
