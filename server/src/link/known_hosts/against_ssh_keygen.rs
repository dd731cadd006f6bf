//! The reader against `ssh-keygen -l -F NAME -f FILE`, on generated files.
//!
//! With `-l` ssh-keygen reads the keys as ssh(1) does and lists the lines that
//! ssh(1) would take. Without it, it lists lines with broken keys too. Where
//! the two programs differ, ssh(1) is followed:
//! - ssh-keygen hashes the name as it was typed, ssh(1) in lower case. The
//!   names asked for here are in lower case, as `KnownAs` makes them.
//!
//! Four things are left out on purpose. When the host column ends in a NUL or
//! at the end of a file without newline, OpenSSH reads on behind the line's
//! end; there such a line is bad. `ssh-dss` is a key to older releases alone. Of
//! a certificate that stands in a file only the key is read here. And that a point lies on its curve is not checked here: a point that does
//! not is no server's key, and so it can at most make a key a changed one.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fastrand::Rng;
use hmac::{Hmac, KeyInit, Mac};

use super::files::Known;
use super::known_as::KnownAs;
use super::line::Marker;
use super::verdict::fingerprint;

/// One a file.
const SEEDS: std::ops::Range<u64> = 0..500;
const LINES_MAX: usize = 40;

/// Names that are asked for: address, alias.
const ASKED: [(&str, Option<&str>); 7] = [
    ("web", None),
    ("db.Example.com", None),
    ("10.0.0.7", None),
    ("web:2222", None),
    ("[fe80::1]:2222", None),
    ("::1", None),
    ("elsewhere:7", Some("Prod_1")),
];

/// A found line: number, marker, fingerprint.
type Found = (usize, String, String);

#[test]
fn the_reader_finds_the_lines_that_ssh_keygen_finds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("known_hosts");
    let keys = keys(folder.path());
    let mut seen = [0; 3];
    for seed in SEEDS {
        let mut rng = Rng::with_seed(seed);
        let (address, alias) = ASKED[rng.usize(..ASKED.len())];
        let name = KnownAs::new(&address.parse().unwrap(), alias);
        let text = file(&mut rng, &keys);
        std::fs::write(&path, &text).unwrap();
        let expected = ssh_keygen(name.entry(), &path);
        let found = ours(name.clone(), &text, &path);
        assert!(
            found == expected,
            "seed {seed}, {}: ours and ssh-keygen's differ in\n{}",
            name.entry(),
            difference(&text, &found, &expected)
        );
        for (_, marker, _) in found {
            seen[["", "REVOKED", "CA"]
                .iter()
                .position(|m| *m == marker)
                .unwrap()] += 1;
        }
    }
    assert!(seen.iter().all(|count| *count > 50), "too tame: {seen:?}");
}

/// The lines that only one of the two has.
fn difference(text: &[u8], ours: &[Found], theirs: &[Found]) -> String {
    let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    let show = |who: &str, found: &Found| {
        let line = lines[found.0 - 1].escape_ascii().to_string();
        format!("{who} alone: line {} {} `{line}`\n", found.0, found.1)
    };
    let only = |who, these: &[Found], those: &[Found]| -> String {
        let odd = these.iter().filter(|found| !those.contains(found));
        odd.map(|found| show(who, found)).collect()
    };
    only("ours", ours, theirs) + &only("ssh-keygen's", theirs, ours)
}

fn ours(name: KnownAs, text: &[u8], path: &Path) -> Vec<Found> {
    let mut known = Known::new(name);
    known.add(text, path);
    let found = known.entries.iter().map(|entry| {
        let marker = match entry.marker {
            Marker::None => "",
            Marker::Revoked => "REVOKED",
            Marker::CertAuthority => "CA",
        };
        let print = fingerprint(&entry.key.data);
        (entry.place.line, marker.to_owned(), print)
    });
    found.collect()
}

/// Each find is `# Host NAME found: line N MARKER` and `NAME TYPE SHA256:...`.
fn ssh_keygen(name: &str, path: &Path) -> Vec<Found> {
    let output = tests::programs::command("ssh_keygen")
        .args(["-l", "-F", name, "-f"])
        .arg(path)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    let pairs = lines.chunks(2).map(|pair| {
        let head = pair[0].strip_prefix(&format!("# Host {name} found: line "));
        let (line, marker) = head.unwrap().split_once(' ').unwrap();
        let print = pair[1].split(' ').nth(2).unwrap();
        (line.parse().unwrap(), marker.to_owned(), print.to_owned())
    });
    pairs.collect()
}

/// Keys as `TYPE BASE64`.
fn keys(folder: &Path) -> Vec<String> {
    let mut keys = vec![
        plain(&[b"ssh-ed25519", &[1; 32]]),
        plain(&[b"ssh-ed25519", &[2; 32]]),
        plain(&[b"ssh-rsa", &[1, 0, 1], &[0x7f; 256]]),
        plain(&[
            b"ssh-rsa",
            &[1, 0, 1],
            &[[0].as_slice(), &[0x80; 128]].concat(),
        ]),
        plain(&[b"sk-ssh-ed25519@openssh.com", &[3; 32], b"ssh:"]),
    ];
    let path = folder.join("key");
    let made = |args: &[&str]| {
        let mut keygen = tests::programs::command("ssh_keygen");
        let output = keygen
            .arg("-q")
            .args(args)
            .current_dir(folder)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    let read = |name: &str| {
        let line = std::fs::read_to_string(folder.join(name)).unwrap();
        line.split(' ').take(2).collect::<Vec<_>>().join(" ")
    };
    for bits in ["256", "384", "521"] {
        let _gone = std::fs::remove_file(&path);
        made(&["-t", "ecdsa", "-b", bits, "-N", "", "-f", "key"]);
        keys.push(read("key.pub"));
    }
    made(&["-t", "ed25519", "-N", "", "-f", "ca"]);
    made(&["-s", "ca", "-h", "-I", "id", "-n", "web", "key.pub"]);
    keys.push(read("key-cert.pub"));
    keys
}

/// Keys that are none: too small, cut, too long, of another type inside.
fn broken(rng: &mut Rng) -> String {
    let choices = [
        plain(&[b"ssh-rsa", &[1, 0, 1], &[0x7f; 128]]),
        plain(&[b"ssh-rsa", &[1, 0, 1], &[0xff; 128]]),
        plain(&[b"ssh-rsa", &[1, 0, 1]]),
        plain(&[b"ssh-ed25519", &[1; 31]]),
        plain(&[b"ssh-ed25519", &[1; 33]]),
        plain(&[b"ssh-ed25519", &[1; 32], b""]),
        plain(&[b"ssh-ed25519"]),
        plain(&[b"no-such-type", &[1; 32]]),
        plain(&[b"ecdsa-sha2-nistp256", b"nistp256", &[4; 64]]),
        plain(&[b"ecdsa-sha2-nistp256", b"nistp256", &[2; 33]]),
        plain(&[b"ssh-ed25519-cert-v01@openssh.com", b"nonce"]),
        plain(&[b"ssh-ed25519", &[1; 32]]).replace("ed25519 ", "rsa "),
        plain(&[b"ssh-ed25519", &[1; 32]]).replace("ssh-ed25519 ", "SSH-ED25519 "),
        plain(&[b"ssh-rsa", &[1, 0, 1], &[0x7f; 256]]).replace("ssh-rsa ", "ssh-rsa2 "),
        "ssh-ed25519".to_owned(),
        "ssh-ed25519 ".to_owned(),
        "ssh-ed25519 #".to_owned(),
        "ssh-ed25519 AAAA".to_owned(),
        "1024 65537 1234567890".to_owned(),
        "# comment".to_owned(),
        String::new(),
    ];
    rng.choice(choices).unwrap()
}

fn plain(parts: &[&[u8]]) -> String {
    let mut blob = Vec::new();
    for part in parts {
        blob.extend(u32::try_from(part.len()).unwrap().to_be_bytes());
        blob.extend(*part);
    }
    let name = String::from_utf8_lossy(parts[0]);
    format!("{name} {}", STANDARD.encode(blob))
}

fn file(rng: &mut Rng, keys: &[String]) -> Vec<u8> {
    let mut text = Vec::new();
    for _ in 0..rng.usize(1..LINES_MAX) {
        let line = match rng.u8(..20) {
            0 => Vec::new(),
            1 => b"# web ssh-ed25519 AAAA".to_vec(),
            2 => (0..rng.usize(..60)).map(|_| rng.u8(1..=255)).collect(),
            _ => line(rng, keys),
        };
        // What is random may have a newline inside; then it is two lines.
        text.extend(line);
        text.extend(if rng.u8(..10) == 0 {
            &b"\r\n"[..]
        } else {
            b"\n"
        });
    }
    if rng.bool() {
        text.pop();
        text.push(b' ');
    }
    text
}

fn line(rng: &mut Rng, keys: &[String]) -> Vec<u8> {
    let lead = pick(rng, &["", "", "", "", " ", "\t", " \t "]);
    let marker = match rng.u8(..10) {
        0 | 1 => "@revoked ",
        2 | 3 => "@cert-authority ",
        4 => pick(
            rng,
            &[
                "@revoked\t",
                "@revoked \t",
                "@cert-authority\t ",
                "@other ",
                "@REVOKED ",
                "@ ",
                "@",
                "@revoked",
                "@revoked @revoked ",
                "@revoked @cert-authority ",
                "@a-marker-that-is-longer-than-it-may-be ",
            ],
        ),
        _ => "",
    };
    let gap = pick(rng, &[" ", " ", " ", "\t", "  ", " \t"]);
    let key = key(rng, keys);
    let mut line = format!("{lead}{marker}{}{gap}{key}", hosts(rng)).into_bytes();
    if rng.u8(..10) == 0 {
        line = line
            .iter()
            .map(|b| if *b == b' ' { b'\t' } else { *b })
            .collect();
    }
    line.extend(match rng.u8(..12) {
        0 => b" a comment".to_vec(),
        1 => b"\ta comment # more".to_vec(),
        2 => b" \xff\xfe\x80 bytes".to_vec(),
        3 => b" zero \0 behind".to_vec(),
        4 => b"\0 behind".to_vec(),
        5 => [b" ", "x".repeat(20_000).as_bytes()].concat(),
        6 => b" \r".to_vec(),
        _ => Vec::new(),
    });
    line
}

fn key(rng: &mut Rng, keys: &[String]) -> String {
    let mut key = rng.choice(keys).unwrap().clone();
    let damage = rng.u8(..24);
    if key.contains("-cert-") && damage > 4 {
        return key;
    }
    match damage {
        0..4 => broken(rng),
        4 => key.replacen(' ', "  \t", 1),
        5 => key.replace("ssh-rsa ", pick(rng, &["rsa-sha2-256 ", "rsa-sha2-512 "])),
        6 => key + pick(rng, &["=", "==", "A", "AAAA", "-", ",", "\u{e4}"]),
        7 => key.trim_end_matches('=').to_owned(),
        8 => {
            // White space that is no end of a word, somewhere in the base64.
            key.insert_str(
                key.len() - rng.usize(..20),
                pick(rng, &["\r", "\x0b", "\x0c"]),
            );
            key
        }
        9 => {
            key.truncate(key.len() - rng.usize(1..20));
            key
        }
        10 => {
            key.insert(
                rng.usize(..key.len()),
                pick(rng, &["\0", "!", "=", " "]).as_bytes()[0].into(),
            );
            key
        }
        _ => key,
    }
}

/// The host column.
fn hosts(rng: &mut Rng) -> String {
    if rng.u8(..4) == 0 {
        return hashed(rng);
    }
    let count = rng.usize(1..5);
    let hosts: Vec<String> = (0..count).map(|_| host(rng)).collect();
    let ending = pick(rng, &["", "", "", "", "", ",", ",,", "!", ",!"]);
    hosts.join(",") + ending
}

fn host(rng: &mut Rng) -> String {
    let host = match rng.u8(..8) {
        0..4 => asked(rng),
        4..6 => {
            // A wildcard instead of some of a name.
            let name = asked(rng);
            let from = rng.usize(..=name.len());
            let to = rng.usize(from..=name.len());
            let (start, end) = (name.split_at(from).0, name.split_at(to).1);
            format!(
                "{start}{}{end}",
                pick(rng, &["*", "?", "??", "**", "*?", "?*", ""])
            )
        }
        6 => pick(
            rng,
            &[
                "*",
                "?*",
                "other",
                "*.example.com",
                "10.0.0.?",
                "[*]:2222",
                "[web]:22",
            ],
        )
        .to_owned(),
        _ => {
            let length = rng.usize(1021..1026);
            let start = pick(rng, &["", "*"]);
            start.to_owned() + &"w".repeat(length)
        }
    };
    let host = if rng.u8(..5) == 0 {
        host.to_uppercase()
    } else {
        host
    };
    let negation = pick(rng, &["", "", "", "", "", "", "!", "!", "!!"]);
    format!("{negation}{host}")
}

fn asked(rng: &mut Rng) -> String {
    let (address, alias) = ASKED[rng.usize(..ASKED.len())];
    KnownAs::new(&address.parse().unwrap(), alias)
        .entry()
        .to_owned()
}

/// A hashed name, sometimes with something wrong about it.
fn hashed(rng: &mut Rng) -> String {
    let name = asked(rng);
    let salt: Vec<u8> = (0..if rng.u8(..8) == 0 {
        rng.usize(..40)
    } else {
        20
    })
        .map(|_| rng.u8(..))
        .collect();
    let mut mac = <Hmac<sha1::Sha1> as KeyInit>::new_from_slice(&salt).unwrap();
    mac.update(name.as_bytes());
    let hash = STANDARD.encode(mac.finalize().into_bytes());
    let salt = STANDARD.encode(salt);
    match rng.u8(..24) {
        0 => format!("|1|{salt}|{hash},other"),
        1 => format!("{name},|1|{salt}|{hash}"),
        2 => format!("!|1|{salt}|{hash}"),
        3 => format!("|2|{salt}|{hash}"),
        4 => format!("|1|{salt}|{hash}|"),
        5 => format!("|1|{salt}{hash}"),
        6 => format!("|1|{salt}|{}", hash.trim_end_matches('=')),
        7 => format!("|1|{}|{hash}", salt.trim_end_matches('=')),
        8 => format!("|1|{salt}|{}", hash.to_lowercase()),
        9 => "|1|".to_owned(),
        10 => "|".to_owned(),
        11 => format!("|,{name}"),
        _ => format!("|1|{salt}|{hash}"),
    }
}

fn pick(rng: &mut Rng, choices: &[&'static str]) -> &'static str {
    choices[rng.usize(..choices.len())]
}
