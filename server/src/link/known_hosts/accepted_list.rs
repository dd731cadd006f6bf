//! What a person sees of the accepted host keys, and takes away again.

use std::path::Path;

use schema::control::AcceptedKey;
use storage::private_files::PrivateFileError;

use super::accepted::{change, lines, named_file, read};
use super::known_as::KnownAs;
use super::line::{Line, Marker};
use super::verdict::fingerprint;
use crate::link::address::Address;
use crate::words::one_line;

/// The lines of our own file that have a sound key, in its order. Blocking.
pub fn accepted_keys(path: &Path) -> Result<Vec<AcceptedKey>, PrivateFileError> {
    let text = read(path)?;
    let numbered = (1..).zip(lines(&text));
    Ok(numbered.filter_map(|(at, line)| row(at, line)).collect())
}

/// Takes the keys of the host `name` out of our own file, and tells which they
/// were. As `ssh-keygen -R` does, it leaves lines with a marker, and takes a
/// line with several names or a pattern that speaks of the host. Blocking.
pub fn forget_keys(path: &Path, name: &str) -> Result<Vec<AcceptedKey>, PrivateFileError> {
    let names = names(name);
    let is_of_host = |raw: &[u8]| {
        Line::parse(raw).is_some_and(|line| {
            line.marker == Marker::None && names.iter().any(|name| line.is_for(name))
        })
    };
    let mut gone = Vec::new();
    change(path, |text| {
        let mut kept: Vec<&[u8]> = Vec::new();
        for (at, raw) in (1..).zip(lines(text)) {
            match row(at, raw).filter(|_| is_of_host(raw)) {
                Some(row) => gone.push(row),
                None => kept.push(raw),
            }
        }
        (!gone.is_empty()).then(|| kept.join(&b'\n'))
    })?;
    Ok(gone)
}

/// How lines may name the host that a person calls `name`: `host`,
/// `[host]:port` or `host:port`, or an alias that reads like one of them.
fn names(name: &str) -> Vec<String> {
    let mut names = vec![name.to_ascii_lowercase()];
    if let Ok(address) = name.parse::<Address>() {
        names.push(KnownAs::new(&address, None).entry().to_owned());
    }
    names
}

fn row(at: usize, raw: &[u8]) -> Option<AcceptedKey> {
    let line = Line::parse(raw)?;
    let key = line.key()?.data;
    let text = |bytes: &[u8]| one_line(&String::from_utf8_lossy(bytes), bytes.len());
    let marker = match line.marker {
        Marker::None => "",
        Marker::Revoked => "@revoked ",
        Marker::CertAuthority => "@cert-authority ",
    };
    let (beside, note) = named_file(&line);
    let note = text(note);
    let (accepted_at, client) = when_and_who(&note);
    Some(AcceptedKey {
        line: at,
        host: format!("{marker}{}", text(line.hosts())),
        key_type: key.algorithm().as_str().to_owned(),
        fingerprint: fingerprint(&key),
        accepted_at,
        client,
        known_hosts_path: beside.map(|path| text(&path)),
    })
}

/// Of a note of ours, `accepted TIME for CLIENT`; of another comment, nothing
/// and all of it.
fn when_and_who(note: &str) -> (String, String) {
    let ours = note.strip_prefix("accepted ");
    let parts = ours.and_then(|rest| rest.split_once(" for "));
    let (at, who) = parts.unwrap_or(("", note));
    (at.to_owned(), who.to_owned())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

    fn with(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("known_hosts");
        std::fs::write(&path, text.replace("{KEY}", KEY)).unwrap();
        (folder, path)
    }

    #[test]
    fn a_line_is_shown_with_when_by_whom_and_beside_what() {
        let (_folder, path) = with(
            "# mine\n[web]:2222 {KEY} accepted 2026-01-02T03:04:05Z for a for b\n\
             db {KEY} known_hosts_path=/a%20b%25%1b accepted T for c\n\
             @revoked * {KEY} by \x1bhand\nweb ssh-ed25519 AAAA\n",
        );
        let shown = |key: &AcceptedKey| {
            format!(
                "{} {} {:?} {} {}",
                key.line, key.host, key.known_hosts_path, key.accepted_at, key.client
            )
        };
        let rows = accepted_keys(&path).unwrap();
        let wanted = [
            "2 [web]:2222 None 2026-01-02T03:04:05Z a for b",
            "3 db Some(\"/a b%\") T c",
            "4 @revoked * None  by  hand",
        ];
        assert_eq!(rows.iter().map(shown).collect::<Vec<_>>(), wanted);
        assert_eq!(rows[0].key_type, "ssh-ed25519");
        assert!(rows[0].fingerprint.starts_with("SHA256:"), "{rows:?}");
        let absent = path.with_file_name("absent");
        assert_eq!(accepted_keys(&absent).unwrap(), []);
    }

    #[test]
    fn a_host_is_forgotten_by_any_of_its_names_and_nothing_else_changes() {
        let text = "# mine\n[web]:2222 {KEY} a\nweb {KEY} b\r\n\
                    @revoked web {KEY}\n[web]:2222 ssh-ed25519 AAAA\nx,db\t{KEY} c";
        for (name, gone) in [
            ("[web]:2222", &[2][..]),
            ("WEB:2222", &[2]),
            ("web", &[3]),
            ("web:22", &[3]),
            ("[web]:22", &[3]),
            ("db", &[6]),
            ("web:2223", &[]),
            ("*", &[]),
            ("", &[]),
        ] {
            let (_folder, path) = with(text);
            let before = std::fs::read_to_string(&path).unwrap();
            let rows = forget_keys(&path, name).unwrap();
            assert_eq!(
                rows.iter().map(|row| row.line).collect::<Vec<_>>(),
                gone,
                "{name}"
            );
            let left = (1..).zip(before.split('\n'));
            let left: Vec<&str> = left
                .filter(|(at, _)| !gone.contains(at))
                .map(|(_, line)| line)
                .collect();
            let after = std::fs::read_to_string(&path).unwrap();
            assert_eq!(after, left.join("\n"), "{name}");
            assert_eq!(forget_keys(&path, name).unwrap(), []);
        }
    }
}
