//! Replacing exact text in a file.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use similar::TextDiff;
use tokio::time::Instant;

use super::content::Content;
use super::error::FileError;
use super::known::Known;
use super::path::RemotePath;
use super::read::read;
use super::write::{How, write_resolved};
use crate::link::Sftp;

/// A file that is edited, in bytes: it is in memory a few times meanwhile.
const FILE_MAX_BYTES: u64 = 16 << 20;

/// Of a diff, in bytes; what is longer is cut.
const DIFF_MAX_BYTES: usize = 16 << 10;

/// How long a diff may be thought about.
const DIFF_WAIT: Duration = Duration::from_millis(500);

/// Lines that are named where `old` is there too often.
const LINES_NAMED: usize = 10;

/// What is to be replaced by what.
#[derive(Debug, Clone)]
pub struct Edit {
    /// Exactly this.
    pub old: String,
    /// What comes in its place.
    pub new: String,
    /// Every place, not the only one.
    pub all: bool,
    /// Of what the caller knows, hex.
    pub expect_sha256: Option<String>,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// Places that changed.
    pub replacements: usize,
    /// Of the file now, hex.
    pub sha256: String,
    /// A unified diff.
    pub diff: String,
    /// Nobody could have seen half of it.
    pub is_atomic: bool,
}

/// Edits the file `path`, links resolved. It is to be run to its end; `how.cancelled` makes that
/// soon.
pub async fn edit(
    sftp: &Sftp,
    path: &RemotePath,
    edit: &Edit,
    how: How,
) -> Result<Edited, FileError> {
    let piece = read(sftp, path, 0, FILE_MAX_BYTES).await?;
    if !piece.is_end {
        return Err(FileError::TooLarge {
            path: path.to_string(),
            bytes: piece.attributes.size.unwrap_or(FILE_MAX_BYTES),
            max: FILE_MAX_BYTES,
        });
    }
    let read_at = Instant::now();
    let before = sum(&piece.bytes);
    if let Some(expected) = &edit.expect_sha256
        && !expected.eq_ignore_ascii_case(&before)
    {
        return Err(FileError::Changed {
            path: path.to_string(),
            sha256: before,
        });
    }
    let text = String::from_utf8(piece.bytes).map_err(|error| FileError::NotText {
        path: path.to_string(),
        at: error.utf8_error().valid_up_to() as u64,
    })?;
    let replacements = text.matches(&edit.old).count();
    if replacements == 0 || (replacements > 1 && !edit.all) {
        return Err(FileError::Matches {
            path: path.to_string(),
            count: replacements,
            lines: lines_of(&text, &edit.old),
        });
    }
    let grown = edit.new.len().saturating_sub(edit.old.len());
    let size = text.len() as u64 + (grown as u64).saturating_mul(replacements as u64);
    if size > FILE_MAX_BYTES {
        return Err(FileError::TooLarge {
            path: path.to_string(),
            bytes: size,
            max: FILE_MAX_BYTES,
        });
    }
    let changed = text.replace(&edit.old, &edit.new);
    let known = Known {
        bytes: Bytes::copy_from_slice(text.as_bytes()),
        attributes: piece.attributes,
        read_at,
    };
    let how = How {
        expected: Some(known),
        ..how
    };
    let content = Content::Bytes(changed.clone().into());
    let written = write_resolved(sftp, path, &content, &how).await?;
    let sha256 = sum(changed.as_bytes());
    let shown = path.to_string();
    let thinking = tokio::task::spawn_blocking(move || diff(&shown, &text, &changed));
    Ok(Edited {
        replacements,
        sha256,
        diff: thinking.await.unwrap_or_default(),
        is_atomic: written.is_atomic,
    })
}

fn sum(bytes: &[u8]) -> String {
    let sum = Sha256::digest(bytes);
    sum.iter().fold(String::new(), |mut text, byte| {
        let _never_fails = write!(text, "{byte:02x}");
        text
    })
}

/// Where `old` is, in words.
fn lines_of(text: &str, old: &str) -> String {
    let lines: Vec<String> = text
        .match_indices(old)
        .take(LINES_NAMED)
        .map(|(at, _)| {
            let before = text.get(..at).unwrap_or_default();
            (1 + before.matches('\n').count()).to_string()
        })
        .collect();
    if lines.is_empty() {
        return String::new();
    }
    format!(", on the lines {}", lines.join(", "))
}

fn diff(path: &str, before: &str, after: &str) -> String {
    let diff = TextDiff::configure()
        .timeout(DIFF_WAIT)
        .diff_lines(before, after);
    let mut text = diff.unified_diff().header(path, path).to_string();
    if text.len() > DIFF_MAX_BYTES {
        let left = text.len() - DIFF_MAX_BYTES;
        text.truncate(text.floor_char_boundary(DIFF_MAX_BYTES));
        let _never_fails = write!(text, "\n[... {left} bytes of the diff left out ...]\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_text_is_too_often_is_told_by_line() {
        assert_eq!(lines_of("a\nb a\n\na", "a"), ", on the lines 1, 2, 4");
        assert_eq!(lines_of("a", "b"), "");
    }

    #[test]
    fn a_diff_is_unified_and_has_an_end() {
        let shown = diff("/etc/x", "one\ntwo\n", "one\n2\n");
        assert_eq!(
            shown,
            "--- /etc/x\n+++ /etc/x\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n"
        );
        let long = "ä line\n".repeat(10_000);
        let shown = diff("x", &long, "");
        assert!(shown.len() < DIFF_MAX_BYTES + 100 && shown.contains("left out"));
    }
}
