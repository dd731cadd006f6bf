//! Paths on a host: bytes to SFTP, text to a caller.

use super::error::FileError;
use crate::words::harmless;

/// A path, in bytes: Linux's own limit.
const PATH_MAX_BYTES: usize = 4096;

/// A path on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemotePath(Vec<u8>);

impl RemotePath {
    /// What a caller wrote. A leading `~/`, and a path that is relative, is in the
    /// login folder.
    pub fn new(text: &str) -> Result<Self, FileError> {
        let below = match text {
            "~" | "~/" => ".",
            text => text.strip_prefix("~/").unwrap_or(text),
        };
        if below.is_empty() || below.contains('\0') || below.len() > PATH_MAX_BYTES {
            return Err(FileError::Path {
                text: text.escape_debug().to_string(),
            });
        }
        Ok(Self(below.as_bytes().to_vec()))
    }

    /// One that a server named.
    pub(super) fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// Whether it begins at the root.
    pub(super) fn is_absolute(&self) -> bool {
        self.0.first() == Some(&b'/')
    }

    /// The same path, which is relative, in `folder`.
    pub(super) fn below(&self, folder: &[u8]) -> Self {
        let folder = Self::from_bytes(folder);
        match &self.0[..] {
            b"." => folder,
            below => folder.join(below),
        }
    }

    /// As SFTP takes it.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Of an entry `name` in this folder.
    pub(super) fn join(&self, name: &[u8]) -> Self {
        let mut path = self.0.clone();
        if path.last() != Some(&b'/') {
            path.push(b'/');
        }
        path.extend_from_slice(name);
        Self(path)
    }

    /// The folder and the last name of it; none of `/` and what ends in a slash or a
    /// dot.
    pub(super) fn split(&self) -> Option<(Self, &[u8])> {
        let at = self.0.iter().rposition(|byte| *byte == b'/');
        let (folder, name) = match at {
            Some(0) => (&b"/"[..], self.0.get(1..)?),
            Some(at) => (self.0.get(..at)?, self.0.get(at + 1..)?),
            None => (&b"."[..], &self.0[..]),
        };
        let is_name = !name.is_empty() && name != b"." && name != b"..";
        is_name.then(|| (Self::from_bytes(folder), name))
    }
}

impl std::fmt::Display for RemotePath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&shown(&self.0))
    }
}

/// A name or path as text: what is not UTF-8, and control characters, as `\x..`.
pub fn shown(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            if !harmless(letter) || letter.is_control() {
                text.extend(letter.escape_unicode());
            } else {
                text.push(letter);
            }
        }
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_login_folder_is_where_relative_paths_begin() {
        for (text, path) in [
            ("~/a b", "a b"),
            ("~", "."),
            ("~/", "."),
            ("/etc/x", "/etc/x"),
            ("x", "x"),
            ("~x", "~x"),
        ] {
            assert_eq!(RemotePath::new(text).unwrap().bytes(), path.as_bytes());
        }
        for (text, path) in [("~", "/home/ann"), ("x/y", "/home/ann/x/y")] {
            let path = RemotePath::from_bytes(path.as_bytes());
            assert_eq!(RemotePath::new(text).unwrap().below(b"/home/ann"), path);
        }
        for odd in ["", "a\0b"] {
            assert!(RemotePath::new(odd).is_err());
        }
    }

    #[test]
    fn a_path_is_a_folder_and_a_name() {
        for (path, folder, name) in [
            ("/a/b", "/a", "b"),
            ("/a", "/", "a"),
            ("a", ".", "a"),
            ("a/b", "a", "b"),
        ] {
            let path = RemotePath::from_bytes(path.as_bytes());
            let (in_folder, last) = path.split().unwrap();
            assert_eq!(
                (in_folder.bytes(), last),
                (folder.as_bytes(), name.as_bytes())
            );
            assert_eq!(
                path.bytes(),
                RemotePath::from_bytes(folder.as_bytes())
                    .join(last)
                    .bytes()
                    .strip_prefix(if folder == "." { &b"./"[..] } else { b"" })
                    .unwrap()
            );
        }
        for none in ["/", "/a/", "/a/..", "."] {
            assert!(
                RemotePath::from_bytes(none.as_bytes()).split().is_none(),
                "{none}"
            );
        }
    }

    #[test]
    fn odd_names_are_shown_whole_and_harmless() {
        assert_eq!(shown("ä b".as_bytes()), "ä b");
        assert_eq!(shown(b"\xff\n\x1b[2J"), "\\xff\\u{a}\\u{1b}[2J");
        assert_eq!(shown("a\u{202e}b".as_bytes()), "a\\u{202e}b");
    }
}
