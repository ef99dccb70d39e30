//! The small form: one sorted block of bytes.
//!
//! ```text
//! score x len (f64, little endian) | end x len (u32, little endian) | members, one after the other
//! ```
//! `end[i]` is where member i ends, counted from the start of the members; it starts where its predecessor ends. So any
//! rank is read in O(1), scores are searched without touching members, and 12 bytes are spent beside each member.
//! The block is exactly as long as its content.

use super::Change;
use std::ops::Range;

const SCORE_BYTES: usize = 8;
const END_BYTES: usize = 4;

/// A block never grows past this, whatever the limits say: each change copies it.
const BLOCK_BYTES_MAX: usize = 1024 * 1024;

/// Members in order, packed.
#[derive(Clone, Debug, Default)]
pub(super) struct Block {
    bytes: Box<[u8]>,
    len: u32,
}

impl Block {
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len as usize
    }

    pub(super) fn allocated_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The score at `rank`.
    #[inline]
    pub(super) fn score(&self, rank: usize) -> f64 {
        assert!(rank < self.len(), "a rank lies within the block");
        f64::from_le_bytes(array_at(&self.bytes, rank * SCORE_BYTES))
    }

    /// The member at `rank`.
    #[inline]
    pub(super) fn member(&self, rank: usize) -> &[u8] {
        let base = self.members_at();
        &self.bytes[base + self.start(rank)..base + self.end(rank)]
    }

    /// The rank of `member`. A walk over all members.
    pub(super) fn find(&self, member: &[u8]) -> Option<usize> {
        let (ends, members) = self.bytes.get(self.len() * SCORE_BYTES..)?.split_at(self.len() * END_BYTES);
        let mut start = 0;
        for (rank, end) in ends.chunks_exact(END_BYTES).enumerate() {
            let end = u32::from_le_bytes(array_at(end, 0)) as usize;
            if end - start == member.len() && members[start..end] == *member {
                return Some(rank);
            }
            start = end;
        }
        None
    }

    /// The first rank from `from` on that is not `before`; the length if there is none.
    pub(super) fn partition(&self, from: usize, before: impl Fn(usize) -> bool) -> usize {
        (from..self.len()).find(|&rank| !before(rank)).unwrap_or(self.len())
    }

    /// Whether `member` can be added without passing the size at which a block is no longer small.
    pub(super) fn has_room_for(&self, member: &[u8]) -> bool {
        self.bytes.len() + SCORE_BYTES + END_BYTES + member.len() <= BLOCK_BYTES_MAX
    }

    /// Adds `member`, which is not there yet.
    pub(super) fn insert(&mut self, member: &[u8], score: f64) {
        let rank = self.place(member, score);
        self.splice(rank..rank, Some((member, score)));
    }

    /// Removes the members at `ranks`.
    pub(super) fn remove(&mut self, ranks: Range<usize>) {
        self.splice(ranks, None);
    }

    /// Changes the score at `rank` and moves the member to its new place.
    pub(super) fn set_score(&mut self, rank: usize, score: f64) -> Change {
        if self.score(rank) == score {
            return Change::Unchanged;
        }
        let place = self.place(self.member(rank), score);
        let target = if place > rank { place - 1 } else { place };
        self.rotate(rank, target);
        self.bytes[target * SCORE_BYTES..][..SCORE_BYTES].copy_from_slice(&score.to_le_bytes());
        Change::Updated
    }

    /// Where (score, member) belongs: the number of pairs below it.
    fn place(&self, member: &[u8], score: f64) -> usize {
        self.partition(0, |rank| {
            let other = self.score(rank);
            other < score || (other == score && self.member(rank) < member)
        })
    }

    /// Moves the pair at `from` to `to`; those between move up by one.
    fn rotate(&mut self, from: usize, to: usize) {
        let (low, high) = (from.min(to), from.max(to));
        let (len, base) = (self.member(from).len(), self.members_at());
        let scores = low * SCORE_BYTES..(high + 1) * SCORE_BYTES;
        let members = base + self.start(low)..base + self.end(high);
        if from < to {
            self.bytes[scores].rotate_left(SCORE_BYTES);
            self.bytes[members].rotate_left(len);
            for rank in low..high {
                self.set_end(rank, self.end(rank + 1) - len);
            }
        } else {
            self.bytes[scores].rotate_right(SCORE_BYTES);
            self.bytes[members].rotate_right(len);
            for rank in (low..high).rev() {
                self.set_end(rank + 1, self.end(rank) + len);
            }
            self.set_end(low, self.start(low) + len);
        }
    }

    /// Builds the block anew with `new` in the place of the pairs at `gone`.
    fn splice(&mut self, gone: Range<usize>, new: Option<(&[u8], f64)>) {
        let (old_len, base) = (self.len(), self.members_at());
        let (gone_start, gone_end) = (self.start(gone.start), self.start(gone.end));
        let (new_count, new_bytes) = new.map_or((0, 0), |(member, _)| (1, member.len()));
        let len = old_len - gone.len() + new_count;
        let size = len * (SCORE_BYTES + END_BYTES) + self.bytes.len() - base - (gone_end - gone_start) + new_bytes;

        let mut bytes = Vec::with_capacity(size);
        bytes.extend_from_slice(&self.bytes[..gone.start * SCORE_BYTES]);
        if let Some((_, score)) = new {
            bytes.extend_from_slice(&score.to_le_bytes());
        }
        bytes.extend_from_slice(&self.bytes[gone.end * SCORE_BYTES..old_len * SCORE_BYTES]);
        bytes.extend_from_slice(&self.bytes[old_len * SCORE_BYTES..][..gone.start * END_BYTES]);
        if new.is_some() {
            bytes.extend_from_slice(&end_bytes(gone_start + new_bytes));
        }
        for rank in gone.end..old_len {
            bytes.extend_from_slice(&end_bytes(self.end(rank) - (gone_end - gone_start) + new_bytes));
        }
        bytes.extend_from_slice(&self.bytes[base..base + gone_start]);
        if let Some((member, _)) = new {
            bytes.extend_from_slice(member);
        }
        bytes.extend_from_slice(&self.bytes[base + gone_end..]);
        debug_assert_eq!(bytes.len(), size, "a block is exactly as long as its content");
        self.bytes = bytes.into_boxed_slice();
        self.len = u32::try_from(len).expect("a block holds at most its limit in bytes");
    }

    fn members_at(&self) -> usize {
        self.len() * (SCORE_BYTES + END_BYTES)
    }

    fn start(&self, rank: usize) -> usize {
        if rank == 0 { 0 } else { self.end(rank - 1) }
    }

    fn end(&self, rank: usize) -> usize {
        assert!(rank < self.len(), "a rank lies within the block");
        u32::from_le_bytes(array_at(&self.bytes, self.len() * SCORE_BYTES + rank * END_BYTES)) as usize
    }

    fn set_end(&mut self, rank: usize, end: usize) {
        let at = self.len() * SCORE_BYTES + rank * END_BYTES;
        self.bytes[at..at + END_BYTES].copy_from_slice(&end_bytes(end));
    }
}

fn end_bytes(end: usize) -> [u8; END_BYTES] {
    u32::try_from(end).expect("a block holds at most its limit in bytes").to_le_bytes()
}

#[inline]
fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("the slice was cut to the array's length")
}
