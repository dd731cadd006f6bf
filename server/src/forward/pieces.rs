//! Bytes that wait in memory, in pieces as they came. Small ones are joined, so that
//! what they cost is known.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};

/// What a piece costs beside its bytes, in bytes: its place in the queue, and what the
/// allocator and the library keep for it.
const PIECE_COST: usize = 128;

/// What is shorter is joined with others, in bytes.
const SMALL: usize = 4 << 10;

/// Joined, at most, in bytes.
const JOINED_MAX: usize = 32 << 10;

/// The pieces, oldest first.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    whole: VecDeque<Bytes>,
    /// Small ones that came after those.
    joined: BytesMut,
    bytes: usize,
}

impl Pieces {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// How many bytes wait.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What they cost in memory, in bytes.
    pub(super) fn cost(&self) -> usize {
        let count = self.whole.len() + usize::from(!self.joined.is_empty());
        self.bytes + count * PIECE_COST
    }

    /// What `data` would cost here beside that, in bytes.
    pub(super) fn cost_of(&self, data: &Bytes) -> usize {
        let is_joined = data.len() < SMALL && self.can_join(data.len());
        data.len() + if is_joined { 0 } else { PIECE_COST }
    }

    /// Takes `data`, which is not empty.
    pub(super) fn push(&mut self, data: Bytes) {
        let is_first = self.is_empty();
        self.bytes += data.len();
        let is_small = data.len() < SMALL;
        let goes_on = is_small && self.can_join(data.len());
        if !goes_on && !self.joined.is_empty() {
            let full = std::mem::take(&mut self.joined);
            self.whole.push_back(full.freeze());
        }
        // The only one needs no copy.
        if is_small && !is_first {
            self.joined.extend_from_slice(&data);
        } else {
            self.whole.push_back(data);
        }
    }

    /// The first of them, so many at most.
    pub(super) fn slices(&self, most: usize) -> Vec<IoSlice<'_>> {
        let joined = (!self.joined.is_empty()).then_some(&self.joined[..]);
        let whole = self.whole.iter().map(|piece| &piece[..]);
        let all = whole.chain(joined).take(most);
        all.map(IoSlice::new).collect()
    }

    /// Gives up so many bytes from the front; there are as many.
    pub(super) fn advance(&mut self, mut bytes: usize) {
        self.bytes -= bytes;
        while let Some(piece) = self.whole.front_mut() {
            if bytes < piece.len() {
                piece.advance(bytes);
                return;
            }
            bytes -= piece.len();
            self.whole.pop_front();
        }
        self.joined.advance(bytes);
        if self.joined.is_empty() {
            self.joined = BytesMut::new();
        }
    }

    /// All of them as one.
    pub(super) fn into_one(mut self) -> Bytes {
        if self.joined.is_empty()
            && self.whole.len() == 1
            && let Some(only) = self.whole.pop_front()
        {
            return only;
        }
        let mut one = BytesMut::with_capacity(self.bytes);
        for piece in &self.whole {
            one.extend_from_slice(piece);
        }
        one.extend_from_slice(&self.joined);
        one.freeze()
    }

    fn can_join(&self, bytes: usize) -> bool {
        !self.joined.is_empty() && self.joined.len() + bytes <= JOINED_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_pieces_are_joined_and_all_come_in_their_order() {
        let lengths = [1, 5_000, 10, 10, 4_095, 70_000, 3, 3].repeat(200);
        let (mut pieces, mut expected) = (Pieces::default(), Vec::new());
        for (number, length) in lengths.iter().enumerate() {
            let data = Bytes::from(vec![u8::try_from(number % 251).unwrap(); *length]);
            expected.extend_from_slice(&data);
            let before = pieces.cost();
            let cost = pieces.cost_of(&data);
            pieces.push(data);
            assert_eq!(pieces.cost(), before + cost);
        }
        assert_eq!(pieces.bytes(), expected.len());
        let mut seen = Vec::new();
        while pieces.bytes() > expected.len() / 2 {
            let first = pieces.slices(1)[0].to_vec();
            let taken = first.len().min(3_001);
            seen.extend_from_slice(&first[..taken]);
            pieces.advance(taken);
        }
        seen.extend_from_slice(&pieces.into_one());
        assert!(seen == expected, "bytes are missing or out of order");
    }

    #[test]
    fn a_stream_of_single_bytes_costs_little_more_than_its_bytes() {
        let mut pieces = Pieces::default();
        for _ in 0..1_000_000 {
            pieces.push(Bytes::from_static(b"x"));
        }
        assert_eq!(pieces.bytes(), 1_000_000);
        assert!(pieces.cost() < 1_010_000, "{}", pieces.cost());
        assert!(pieces.slices(usize::MAX).len() < 40);
        pieces.advance(1_000_000);
        assert_eq!((pieces.cost(), pieces.is_empty()), (0, true));
    }
}
