//! The encoding of packets: RFC 4251 section 5.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// A packet that ends before what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server's SFTP packet is cut short")]
pub(super) struct Short;

/// Reads a packet's fields, each of which may be missing.
#[derive(Debug)]
pub(super) struct Fields(Bytes);

impl Fields {
    pub(super) fn new(packet: Bytes) -> Self {
        Self(packet)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn u8(&mut self) -> Result<u8, Short> {
        self.0.try_get_u8().map_err(|_short| Short)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Short> {
        self.0.try_get_u32().map_err(|_short| Short)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Short> {
        self.0.try_get_u64().map_err(|_short| Short)
    }

    pub(super) fn string(&mut self) -> Result<Bytes, Short> {
        let length = usize::try_from(self.u32()?).map_err(|_large| Short)?;
        if length > self.0.len() {
            return Err(Short);
        }
        Ok(self.0.split_to(length))
    }

    /// All that is left.
    pub(super) fn rest(self) -> Bytes {
        self.0
    }
}

/// Makes a packet: its length, its type, the request's number, and fields.
#[derive(Debug)]
pub(super) struct Packet(BytesMut);

impl Packet {
    /// `room` is for the fields, in bytes.
    pub(super) fn new(kind: u8, number: u32, room: usize) -> Self {
        let mut bytes = BytesMut::with_capacity(room + 9);
        bytes.put_u32(0);
        bytes.put_u8(kind);
        bytes.put_u32(number);
        Self(bytes)
    }

    pub(super) fn u32(mut self, value: u32) -> Self {
        self.0.put_u32(value);
        self
    }

    pub(super) fn u64(mut self, value: u64) -> Self {
        self.0.put_u64(value);
        self
    }

    /// A string; those of a packet fit it, see [`super::frames::PACKET_MAX_BYTES`].
    pub(super) fn string(mut self, value: &[u8]) -> Self {
        self.0
            .put_u32(u32::try_from(value.len()).unwrap_or(u32::MAX));
        self.0.put_slice(value);
        self
    }

    /// The packet, with its length.
    pub(super) fn done(mut self) -> Bytes {
        let length = u32::try_from(self.0.len() - 4).unwrap_or(u32::MAX);
        if let Some(place) = self.0.get_mut(..4) {
            place.copy_from_slice(&length.to_be_bytes());
        }
        self.0.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_no_field_is_taken_from_beyond_the_end() {
        let packet = Packet::new(9, 7, 0).u32(1).u64(2).string(b"three").done();
        assert_eq!(packet[..4], 26_u32.to_be_bytes());
        for cut in 0..packet.len() - 4 {
            let mut fields = Fields::new(packet.slice(4..4 + cut));
            let mut read = || {
                fields.u8()?;
                fields.u32()?;
                fields.u32()?;
                fields.u64()?;
                fields.string()
            };
            assert_eq!(read(), Err(Short), "{cut}");
        }
        let mut fields = Fields::new(packet.slice(4..));
        assert_eq!((fields.u8(), fields.u32()), (Ok(9), Ok(7)));
        assert_eq!((fields.u32(), fields.u64()), (Ok(1), Ok(2)));
        assert_eq!(fields.string().unwrap(), "three");
        assert!(fields.is_empty());
        // A length that no packet has.
        let mut fields = Fields::new(Bytes::from_static(&[0xff; 8]));
        assert_eq!(fields.string(), Err(Short));
    }
}
