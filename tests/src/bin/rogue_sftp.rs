//! An SFTP server that lies: a folder whose names lead elsewhere, or a listing that
//! never ends, by its argument. It runs as sshd's subsystem.

use std::io::{Read, Write};

/// Names that a folder may not have, and one that it may.
const NAMES: [&[u8]; 9] = [
    b"..",
    b".",
    b"../outside",
    b"/tmp/rogue-outside",
    b"a/b",
    b"nul\0name",
    b"",
    b"odd\xff",
    b"good",
];

/// What every file has.
const CONTENT: &[u8] = b"from the rogue\n";

const FOLDER: u32 = 0o040_755;
const FILE: u32 = 0o104_777;

fn main() {
    let is_endless = std::env::args().nth(1).as_deref() == Some("endless");
    let (mut reading, mut listed) = (std::io::stdin().lock(), false);
    while let Some(packet) = next(&mut reading) {
        let (kind, number) = (packet[0], packet.get(1..5).unwrap_or_default().to_vec());
        let answer = match kind {
            1 => {
                send(&[&[2, 0, 0, 0, 3][..]].concat());
                continue;
            }
            // OPEN and OPENDIR; a handle says which.
            3 => [&[102][..], &number, &string(b"file")].concat(),
            11 => {
                listed = false;
                [&[102][..], &number, &string(b"folder")].concat()
            }
            5 => {
                let offset = packet.get(13..21).unwrap_or_default();
                if offset == [0; 8] {
                    [&[103][..], &number, &string(CONTENT)].concat()
                } else {
                    status(&number, 1)
                }
            }
            // LSTAT, STAT: a folder; FSTAT: a file.
            7 | 17 => [&[105][..], &number, &mode(FOLDER)].concat(),
            8 => [&[105][..], &number, &mode(FILE)].concat(),
            12 if listed && !is_endless => status(&number, 1),
            12 => {
                listed = true;
                names(&number, is_endless)
            }
            4 => status(&number, 0),
            _ => status(&number, 8),
        };
        send(&answer);
    }
}

/// One packet, without its length; none at the end.
fn next(reading: &mut impl Read) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    reading.read_exact(&mut length).ok()?;
    let length = usize::try_from(u32::from_be_bytes(length)).ok()?;
    let mut packet = vec![0; length];
    reading.read_exact(&mut packet).ok()?;
    (!packet.is_empty()).then_some(packet)
}

fn send(packet: &[u8]) {
    let mut writing = std::io::stdout().lock();
    let sent = writing
        .write_all(&string(packet))
        .and_then(|()| writing.flush());
    if sent.is_err() {
        std::process::exit(1);
    }
}

fn string(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("a short one");
    [&length.to_be_bytes()[..], bytes].concat()
}

/// Attributes that have a mode alone.
fn mode(mode: u32) -> Vec<u8> {
    [4_u32.to_be_bytes(), mode.to_be_bytes()].concat()
}

fn status(number: &[u8], code: u32) -> Vec<u8> {
    [
        &[101][..],
        number,
        &code.to_be_bytes(),
        &string(b""),
        &string(b""),
    ]
    .concat()
}

fn names(number: &[u8], is_endless: bool) -> Vec<u8> {
    let names: &[&[u8]] = if is_endless { &[b"."] } else { &NAMES };
    let count = u32::try_from(names.len()).expect("a few");
    let mut packet = [&[104][..], number, &count.to_be_bytes()].concat();
    for name in names {
        packet.extend(string(name));
        packet.extend(string(
            b"-rwsr-xr-x    1 root     root            15 a line for a person",
        ));
        packet.extend(mode(FILE));
    }
    packet
}
