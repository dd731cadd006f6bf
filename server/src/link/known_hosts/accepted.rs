//! Our own file of accepted host keys: one line a key, with when and by whom.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use storage::private_files::{self, PrivateFileError};

use super::known_as::KnownAs;
use super::line::Line;
use crate::link::error::LinkError;
use crate::words::one_line;

/// The daemon is the only writer of the file; its writers take turns, so that
/// two first connects at once leave one entry (FAULTS 44).
static TURN: Mutex<()> = Mutex::new(());

/// A longer file was not written by us.
const FILE_MAX_BYTES: u64 = 16 << 20;

/// Begins the comment of a line that counts beside one named file alone.
const SCOPE_WORD: &str = "known_hosts_path=";

/// Our own file, and which of its lines count for a link.
///
/// A spec with `known_hosts_path` trusts that file instead of ours. A key that
/// it accepts is remembered all the same, or `accept-new` would take another
/// key at each dial; the line then names the spec's file and counts for specs
/// that name it too, and for no other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedKeys {
    /// The file, never one below `~/.ssh`.
    pub path: PathBuf,
    /// The spec's `known_hosts_path`.
    pub beside: Option<PathBuf>,
}

impl AcceptedKeys {
    /// Whether a line of the file counts.
    pub(super) fn counts(&self, line: &Line<'_>) -> bool {
        scope_of(line) == self.scope().as_deref().map(str::as_bytes)
    }

    /// Adds a key unless it stands there already. `note` says when and by whom.
    /// Blocking; one short write.
    pub(crate) fn remember(
        &self,
        known_as: &KnownAs,
        key_type: &str,
        key: &str,
        note: &str,
    ) -> Result<(), LinkError> {
        let scope = self.scope().map_or_else(String::new, |scope| scope + " ");
        let entry = format!("{} {key_type} {key} ", known_as.entry());
        let line = format!("{entry}{scope}{}\n", one_line(note, note.len()));
        let is_there = |there: &[u8]| {
            there.starts_with(entry.as_bytes())
                && Line::parse(there).is_some_and(|l| self.counts(&l))
        };
        change(&self.path, |text| {
            if lines(text).any(is_there) {
                return None;
            }
            let mut text = text.to_vec();
            // Whoever else wrote last may have left the line unfinished.
            if !text.is_empty() && !text.ends_with(b"\n") {
                text.push(b'\n');
            }
            text.extend_from_slice(line.as_bytes());
            Some(text)
        })
        .map_err(LinkError::AcceptedKeys)
    }

    /// The first word of the comments of lines that count; none where they are
    /// those without such a word.
    fn scope(&self) -> Option<String> {
        let path = self.beside.as_ref()?;
        let bytes = path.as_os_str().as_bytes();
        let encoded: String = bytes.iter().copied().map(encoded).collect();
        Some(format!("{SCOPE_WORD}{encoded}"))
    }
}

/// A byte of a path as a part of one word.
fn encoded(byte: u8) -> String {
    match byte {
        b'%' | 0..=b' ' | 0x7f.. => format!("%{byte:02X}"),
        plain => char::from(plain).to_string(),
    }
}

/// The bytes of which [`encoded`] made the word.
fn decoded(word: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(word.len());
    let mut left = word;
    while let Some((byte, rest)) = left.split_first() {
        let digits = rest.split_first_chunk::<2>().filter(|_| *byte == b'%');
        let number = digits.and_then(|(digits, after)| {
            let digits = str::from_utf8(digits).ok()?;
            Some((u8::from_str_radix(digits, 16).ok()?, after))
        });
        let (byte, rest) = number.unwrap_or((*byte, rest));
        bytes.push(byte);
        left = rest;
    }
    bytes
}

/// Puts what `make` makes of the file's text in its place, in one step; nothing
/// where it makes nothing. The file is 0600, and neither a link nor a pipe.
pub(super) fn change(
    path: &Path,
    make: impl FnOnce(&[u8]) -> Option<Vec<u8>>,
) -> Result<(), PrivateFileError> {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(text) = make(&read(path)?) else {
        return Ok(());
    };
    if let Some(folder) = path.parent() {
        private_files::make_folder(folder)?;
    }
    private_files::replace(path, &text)
}

/// The file's text; a missing one is an empty one.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, PrivateFileError> {
    match private_files::read(path, FILE_MAX_BYTES) {
        Err(error) if error.is_not_found() => Ok(Vec::new()),
        read => read,
    }
}

/// The lines of a text, each without its newline.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n')
}

/// Beside which file a line counts, where it says so, and the rest of its
/// comment.
pub(super) fn named_file<'a>(line: &Line<'a>) -> (Option<Vec<u8>>, &'a [u8]) {
    let comment = line.comment();
    let Some(word) = scope_of(line) else {
        return (None, comment);
    };
    let (_, path) = word.split_at(SCOPE_WORD.len());
    (Some(decoded(path)), comment.split_at(word.len()).1)
}

/// The word that says beside which file a line counts.
fn scope_of<'a>(line: &Line<'a>) -> Option<&'a [u8]> {
    let first = line.comment().split(u8::is_ascii_whitespace).next()?;
    first.starts_with(SCOPE_WORD.as_bytes()).then_some(first)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn own(path: &Path) -> AcceptedKeys {
        AcceptedKeys {
            path: path.to_owned(),
            beside: None,
        }
    }

    fn web() -> KnownAs {
        KnownAs::new(&"Web:2222".parse().unwrap(), None)
    }

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_key_is_remembered_once_however_many_connect_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("none/yet/known_hosts");
        let keys = own(&path);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                let note = "by a\nb\u{202e}c";
                scope.spawn(|| keys.remember(&web(), "ssh-ed25519", "KEY", note).unwrap());
            }
        });
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "[web]:2222 ssh-ed25519 KEY by a b c\n");
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        let beside = std::fs::read_dir(path.parent().unwrap()).unwrap().count();
        assert_eq!(beside, 1, "nothing is left beside it");
    }

    #[test]
    fn an_unfinished_line_and_bytes_that_are_no_text_stay_apart_from_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("known_hosts");
        std::fs::write(&path, b"db ssh-ed25519 AB\xff").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o666)).unwrap();
        own(&path)
            .remember(&web(), "ssh-ed25519", "KEY", "n")
            .unwrap();
        let text = std::fs::read(&path).unwrap();
        assert_eq!(
            text,
            b"db ssh-ed25519 AB\xff\n[web]:2222 ssh-ed25519 KEY n\n"
        );
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn a_link_a_folder_and_a_file_in_the_folders_place_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("target"), "mine\n").unwrap();
        symlink(at("target"), at("link")).unwrap();
        symlink(at("absent"), at("dangling")).unwrap();
        std::fs::create_dir(at("folder")).unwrap();
        for path in [at("link"), at("dangling"), at("folder"), at("target/x")] {
            let refused = own(&path).remember(&web(), "ssh-ed25519", "KEY", "n");
            let error = refused.unwrap_err();
            let words = schema::Fault::chain(&error);
            assert!(words.contains(folder.path().to_str().unwrap()), "{words}");
            assert!(!error.next_step().is_empty());
        }
        assert_eq!(std::fs::read_to_string(at("target")).unwrap(), "mine\n");
        assert!(!at("absent").exists());
    }

    #[test]
    fn a_line_counts_beside_the_file_it_names_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("known_hosts");
        let beside = |named: &str| AcceptedKeys {
            path: path.clone(),
            beside: Some(named.into()),
        };
        let all = [own(&path), beside("/a b"), beside("/a"), beside("/a%20b")];
        for (written, keys) in all.iter().enumerate() {
            for _again in 0..2 {
                // No client's name passes for such a word.
                let note = "accepted now for known_hosts_path=/a x";
                keys.remember(&web(), "ssh-ed25519", "KEY", note).unwrap();
            }
            let text = std::fs::read(&path).unwrap();
            assert_eq!(
                lines(&text).filter(|line| !line.is_empty()).count(),
                written + 1
            );
            for (other, keys) in all.iter().enumerate() {
                let parsed = lines(&text).filter_map(Line::parse);
                let counted = parsed.filter(|line| keys.counts(line)).count();
                assert_eq!(counted, usize::from(other <= written), "{written} {other}");
            }
        }
    }
}
