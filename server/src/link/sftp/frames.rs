//! Cuts what comes into packets.

use bytes::{Bytes, BytesMut};

use super::error::SftpError;

/// A packet from a server, in bytes. OpenSSH's are 256 KiB at most.
pub(super) const PACKET_MAX_BYTES: usize = (256 << 10) + 1024;

/// The packets of one stream.
#[derive(Debug, Default)]
pub(super) struct Frames {
    waiting: BytesMut,
}

impl Frames {
    /// Takes what came.
    pub(super) fn add(&mut self, data: &[u8]) {
        self.waiting.extend_from_slice(data);
    }

    /// The next packet, without its length, once it is whole.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>, SftpError> {
        let Some(length) = self.waiting.first_chunk::<4>() else {
            return Ok(None);
        };
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        if length > PACKET_MAX_BYTES {
            return Err(SftpError::Protocol(format!("a packet of {length} bytes")));
        }
        if self.waiting.len() < 4 + length {
            self.waiting.reserve(4 + length - self.waiting.len());
            return Ok(None);
        }
        let mut packet = self.waiting.split_to(4 + length);
        Ok(Some(packet.split_off(4).freeze()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_come_whole_in_whatever_pieces_and_a_huge_one_is_refused() {
        let wire = b"\0\0\0\x03abc\0\0\0\0\0\0\0\x01d";
        for at_once in 1..wire.len() {
            let (mut frames, mut seen) = (Frames::default(), Vec::new());
            for piece in wire.chunks(at_once) {
                frames.add(piece);
                while let Some(packet) = frames.next().unwrap() {
                    seen.push(packet);
                }
            }
            assert_eq!(seen, ["abc", "", "d"]);
        }
        let mut frames = Frames::default();
        frames.add(&[0xff; 4]);
        assert!(frames.next().is_err());
    }
}
