//! What a server answers: sections 6 and 7 of the draft.

use bytes::Bytes;

use super::attributes::Attributes;
use super::error::{SftpError, StatusCode};
use super::wire::Fields;
use crate::words::one_line;

const STATUS: u8 = 101;
const HANDLE: u8 = 102;
const DATA: u8 = 103;
const NAME: u8 = 104;
const ATTRS: u8 = 105;
const EXTENDED_REPLY: u8 = 201;

/// Of a server's words, for a person, in characters.
const WORDS_MAX: usize = 200;

/// A name or path, in bytes: Linux's own limit.
const NAME_MAX_BYTES: usize = 4096;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    Status { code: StatusCode, words: String },
    Handle(Bytes),
    Data(Bytes),
    Names(Vec<Named>),
    Attributes(Attributes),
    Extended(Bytes),
}

/// A name with what is known of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Any bytes at all: a server may send `..`, slashes and NULs.
    pub name: Bytes,
    /// Of the name itself, not of what a link leads to.
    pub attributes: Attributes,
    /// How many names the file has, where the server's line for a person says so: no
    /// field of the protocol does.
    pub links: Option<u64>,
}

impl Reply {
    /// Reads a packet without its length; gives the request's number too.
    pub(super) fn read(packet: Bytes) -> Result<(u32, Self), SftpError> {
        let mut fields = Fields::new(packet);
        let (kind, number) = (fields.u8()?, fields.u32()?);
        let reply = match kind {
            STATUS => {
                let code = fields.u32()?.into();
                // Servers of version 2 say no more.
                let words = if fields.is_empty() {
                    Bytes::new()
                } else {
                    fields.string()?
                };
                let words = String::from_utf8_lossy(&words);
                Self::Status {
                    code,
                    words: one_line(&words, WORDS_MAX),
                }
            }
            HANDLE => Self::Handle(fields.string()?),
            DATA => Self::Data(fields.string()?),
            NAME => Self::Names(names(&mut fields)?),
            ATTRS => Self::Attributes(Attributes::read(&mut fields)?),
            EXTENDED_REPLY => Self::Extended(fields.rest()),
            other => {
                return Err(SftpError::Protocol(format!("an answer of type {other}")));
            }
        };
        Ok((number, reply))
    }
}

fn names(fields: &mut Fields) -> Result<Vec<Named>, SftpError> {
    let count = fields.u32()?;
    // The count is the server's; what is there is what counts.
    let mut names = Vec::new();
    for _ in 0..count {
        let name = fields.string()?;
        if name.len() > NAME_MAX_BYTES {
            return Err(SftpError::wrong("a name that no file system has"));
        }
        // A copy: the packet goes, however long the server's line for a person is.
        let name = Bytes::copy_from_slice(&name);
        let links = links(&fields.string()?);
        let attributes = Attributes::read(fields)?;
        names.push(Named {
            name,
            attributes,
            links,
        });
    }
    Ok(names)
}

/// The second column of `ls -l`.
fn links(line: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(line.get(..40).unwrap_or(line)).ok()?;
    text.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::wire::Packet;
    use super::*;

    fn read(packet: Packet) -> Result<(u32, Reply), SftpError> {
        Reply::read(packet.done().slice(4..))
    }

    #[test]
    fn answers_are_read_and_a_count_that_lies_is_refused() {
        let status = Packet::new(STATUS, 7, 0)
            .u32(2)
            .string(b"No \x1b[2Jfile")
            .string(b"");
        let words = "No  [2Jfile".to_owned();
        let code = StatusCode::NoSuchFile;
        assert_eq!(read(status).unwrap(), (7, Reply::Status { code, words }));
        let bare = Packet::new(STATUS, 8, 0).u32(0);
        assert!(matches!(
            read(bare).unwrap(),
            (
                8,
                Reply::Status {
                    code: StatusCode::Ok,
                    ..
                }
            )
        ));
        let names = Packet::new(NAME, 9, 0)
            .u32(1)
            .string(b"\xff\0/")
            .string(b"ls")
            .u32(0);
        let (_, Reply::Names(names)) = read(names).unwrap() else {
            panic!("names");
        };
        assert_eq!(names[0].name, &b"\xff\0/"[..]);
        assert_eq!(names[0].links, None);
        assert_eq!(
            links(b"-rw-r--r--    2 root     root          5 Nov 26 14:00 a"),
            Some(2)
        );
        let lying = Packet::new(NAME, 9, 0)
            .u32(u32::MAX)
            .string(b"a")
            .string(b"ls")
            .u32(0);
        assert!(read(lying).is_err());
        assert!(read(Packet::new(99, 1, 0)).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_of_a_server_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200), kind in 100_u8..107) {
            let mut packet = vec![kind, 0, 0, 0, 1];
            packet.extend(bytes);
            drop(Reply::read(packet.into()));
        }
    }
}
