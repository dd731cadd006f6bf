//! Pieces of a text: what it begins with, and what is left of it.

/// The characters at its beginning that belong.
pub(super) fn leading(text: &str, belongs: impl Fn(char) -> bool) -> &str {
    let end = text.find(|c| !belongs(c)).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// What is left behind so many bytes.
pub(super) fn after(text: &str, bytes: usize) -> &str {
    text.get(bytes..).unwrap_or_default()
}

/// What of `text` stands before `rest`, its end.
pub(super) fn up_to<'a>(text: &'a str, rest: &str) -> &'a str {
    let bytes = text.len().saturating_sub(rest.len());
    text.get(..bytes).unwrap_or_default()
}
