//! The small form: one sorted block of bytes.
//!
//! ```text
//! widths u8 | len u24 | score x len | end x len | members, one after the other
//! ```
//! `end[i]` is where member i ends, counted from the start of the members; it starts where its predecessor ends. So any
//! rank is read in O(1), and scores are searched without touching members.
//! Scores are integers of 1, 2 or 4 bytes where all of them fit, else doubles of 8. Ends take 1, 2 or 4 bytes. So a member costs
//! 2 to 12 bytes beside its own, usually 2 to 4 on a board of small counts and 9 or 10 with fractions.
//! A block becomes wider with the first score or member that needs it, and narrower when it is emptied.

use super::Change;
use crate::data::thin::small_form;
use std::ops::Range;

const HEAD_BYTES: usize = 4;

/// A block never grows past this, whatever the limits say: each change moves half of it.
const BLOCK_BYTES_MAX: usize = 1024 * 1024;

small_form! {
    /// Members in order, packed. Empty, it has no bytes at all.
    pub(super) struct Block;
}

/// The bytes that each score and each end takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Widths {
    score: usize,
    end: usize,
}

impl Widths {
    const NARROWEST: Self = Self { score: 1, end: 1 };

    #[inline]
    fn of_head(byte: u8) -> Self {
        Self { score: 1 << (byte & 3), end: 1 << (byte >> 2) }
    }

    fn head(self) -> u8 {
        (self.score.trailing_zeros() | self.end.trailing_zeros() << 2) as u8
    }

    /// What this score, and members of so many bytes together, need, but nothing less than this.
    fn widened(self, score: f64, members_len: usize) -> Self {
        let score_width = match score {
            _ if f64::from(score as i8) == score => 1,
            _ if f64::from(score as i16) == score => 2,
            _ if f64::from(score as i32) == score => 4,
            _ => 8,
        };
        let end_width = match members_len {
            0..=0xFF => 1,
            0x100..=0xFFFF => 2,
            _ => 4,
        };
        Self { score: self.score.max(score_width), end: self.end.max(end_width) }
    }

    fn both(self) -> usize {
        self.score + self.end
    }
}

impl Block {
    #[inline]
    pub(super) fn len(&self) -> usize {
        match self.0.get(..HEAD_BYTES) {
            None => 0,
            Some(head) => (u32::from_le_bytes(array_at(head, 0)) >> 8) as usize,
        }
    }

    #[inline]
    fn widths(&self) -> Widths {
        self.0.first().map_or(Widths::NARROWEST, |&byte| Widths::of_head(byte))
    }

    pub(super) fn allocated_bytes(&self) -> usize {
        self.0.allocated_bytes()
    }

    /// The score at `rank`.
    #[inline]
    pub(super) fn score(&self, rank: usize) -> f64 {
        assert!(rank < self.len(), "a rank lies within the block");
        let width = self.widths().score;
        let at = HEAD_BYTES + rank * width;
        match width {
            1 => f64::from(self.0[at] as i8),
            2 => f64::from(i16::from_le_bytes(array_at(&self.0, at))),
            4 => f64::from(i32::from_le_bytes(array_at(&self.0, at))),
            _ => f64::from_le_bytes(array_at(&self.0, at)),
        }
    }

    /// The member at `rank`.
    #[inline]
    pub(super) fn member(&self, rank: usize) -> &[u8] {
        let base = self.members_at();
        &self.0[base + self.start(rank)..base + self.end(rank)]
    }

    /// The rank of `member`. A walk over all members.
    pub(super) fn find(&self, member: &[u8]) -> Option<usize> {
        match self.widths().end {
            1 => self.find_by::<1>(member),
            2 => self.find_by::<2>(member),
            _ => self.find_by::<4>(member),
        }
    }

    #[inline]
    fn find_by<const END: usize>(&self, member: &[u8]) -> Option<usize> {
        let ends = self.0.get(self.ends_at()..)?;
        let (ends, members) = ends.split_at(self.len() * END);
        let mut start = 0;
        for (rank, end) in ends.chunks_exact(END).enumerate() {
            let end = read_end(end);
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

    /// How many distinct scores the first `count` members have.
    pub(super) fn distinct(&self, count: usize) -> usize {
        (0..count).filter(|&rank| rank == 0 || self.score(rank - 1) != self.score(rank)).count()
    }

    /// Whether `member` can be added without passing the size at which a block is no longer small.
    pub(super) fn has_room_for(&self, member: &[u8]) -> bool {
        // As wide as it may become.
        HEAD_BYTES + (self.len() + 1) * 12 + self.members_len() + member.len() <= BLOCK_BYTES_MAX
    }

    /// Adds `member`, which is not there yet.
    pub(super) fn insert(&mut self, member: &[u8], score: f64) {
        self.widen(score, self.members_len() + member.len());
        let (rank, len, widths) = (self.place(member, score), self.len(), self.widths());
        let (start, added) = (self.start(rank), member.len());
        let (ends_at, members_at, old_size) = (self.ends_at(), self.members_at(), self.0.len());
        self.0.resize(old_size + widths.both() + added, 0);
        // From the back: what lies behind the new member, its end and its score moves by all three, then by two, then by one.
        self.0.copy_within(members_at + start..old_size, members_at + start + widths.both() + added);
        self.0
            .copy_within(ends_at + rank * widths.end..members_at + start, ends_at + rank * widths.end + widths.both());
        let score_at = HEAD_BYTES + rank * widths.score;
        self.0.copy_within(score_at..ends_at + rank * widths.end, score_at + widths.score);
        self.set_len(len + 1);
        let member_at = self.members_at() + start;
        self.0[member_at..member_at + added].copy_from_slice(member);
        self.set_score_at(rank, score);
        self.set_end(rank, start + added);
        for later in rank + 1..=len {
            self.set_end(later, self.end(later) + added);
        }
    }

    /// Removes the members at `ranks`.
    pub(super) fn remove(&mut self, ranks: Range<usize>) {
        let (len, widths) = (self.len(), self.widths());
        if ranks.len() == len {
            *self = Self::default();
            return;
        }
        let (ends_at, members_at, size) = (self.ends_at(), self.members_at(), self.0.len());
        let (start, end) = (self.start(ranks.start), self.start(ranks.end));
        for later in ranks.end..len {
            self.set_end(later, self.end(later) - (end - start));
        }
        let kept = [
            HEAD_BYTES + ranks.end * widths.score..ends_at + ranks.start * widths.end,
            ends_at + ranks.end * widths.end..members_at + start,
            members_at + end..size,
        ];
        let mut to = HEAD_BYTES + ranks.start * widths.score;
        for part in kept {
            let part_len = part.len();
            self.0.copy_within(part, to);
            to += part_len;
        }
        self.0.truncate(to);
        self.set_len(len - ranks.len());
        self.0.shrink_if_sparse();
    }

    /// Changes the score at `rank` and moves the member to its new place.
    pub(super) fn set_score(&mut self, rank: usize, score: f64) -> Change {
        if self.score(rank) == score {
            return Change::Unchanged;
        }
        self.widen(score, 0);
        let place = self.place(self.member(rank), score);
        let target = if place > rank { place - 1 } else { place };
        self.rotate(rank, target);
        self.set_score_at(target, score);
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
        let (low, high, width) = (from.min(to), from.max(to), self.widths().score);
        let (len, base) = (self.member(from).len(), self.members_at());
        let scores = HEAD_BYTES + low * width..HEAD_BYTES + (high + 1) * width;
        let members = base + self.start(low)..base + self.end(high);
        if from < to {
            self.0[scores].rotate_left(width);
            self.0[members].rotate_left(len);
            for rank in low..high {
                self.set_end(rank, self.end(rank + 1) - len);
            }
        } else {
            self.0[scores].rotate_right(width);
            self.0[members].rotate_right(len);
            for rank in (low..high).rev() {
                self.set_end(rank + 1, self.end(rank) + len);
            }
            self.set_end(low, self.start(low) + len);
        }
    }

    /// Makes scores and ends as wide as this score, and members of so many bytes together, need. Gives an empty block its head.
    fn widen(&mut self, score: f64, members_len: usize) {
        let (old, len) = (self.widths(), self.len());
        let new = old.widened(score, members_len);
        if new == old && !self.0.is_empty() {
            return;
        }
        let mut wider = Self::default();
        let members = self.0.get(self.members_at()..).unwrap_or_default();
        wider.0.reserve_exact(HEAD_BYTES + len * new.both() + members.len());
        wider.0.push(new.head());
        wider.0.resize(HEAD_BYTES + len * new.both(), 0);
        wider.set_len(len);
        for rank in 0..len {
            wider.set_score_at(rank, self.score(rank));
            wider.set_end(rank, self.end(rank));
        }
        wider.0.extend_from_slice(members);
        *self = wider;
    }

    fn set_len(&mut self, len: usize) {
        let [a, b, c, d] = u32::try_from(len).expect("a block holds at most its limit in bytes").to_le_bytes();
        assert!(d == 0, "a block holds at most its limit in bytes");
        self.0[1..HEAD_BYTES].copy_from_slice(&[a, b, c]);
    }

    fn set_score_at(&mut self, rank: usize, score: f64) {
        let width = self.widths().score;
        let to = &mut self.0[HEAD_BYTES + rank * width..][..width];
        match width {
            1 => to.copy_from_slice(&(score as i8).to_le_bytes()),
            2 => to.copy_from_slice(&(score as i16).to_le_bytes()),
            4 => to.copy_from_slice(&(score as i32).to_le_bytes()),
            _ => to.copy_from_slice(&score.to_le_bytes()),
        }
    }

    #[inline]
    fn ends_at(&self) -> usize {
        HEAD_BYTES + self.len() * self.widths().score
    }

    #[inline]
    fn members_at(&self) -> usize {
        HEAD_BYTES + self.len() * self.widths().both()
    }

    /// The bytes of all members together.
    fn members_len(&self) -> usize {
        self.0.len().saturating_sub(self.members_at())
    }

    #[inline]
    fn start(&self, rank: usize) -> usize {
        if rank == 0 { 0 } else { self.end(rank - 1) }
    }

    #[inline]
    fn end(&self, rank: usize) -> usize {
        assert!(rank < self.len(), "a rank lies within the block");
        let width = self.widths().end;
        read_end(&self.0[self.ends_at() + rank * width..][..width])
    }

    fn set_end(&mut self, rank: usize, end: usize) {
        let width = self.widths().end;
        let at = self.ends_at() + rank * width;
        self.0[at..at + width].copy_from_slice(&end.to_le_bytes()[..width]);
    }
}

#[inline]
fn read_end(bytes: &[u8]) -> usize {
    match *bytes {
        [a] => usize::from(a),
        [a, b] => usize::from(u16::from_le_bytes([a, b])),
        _ => u32::from_le_bytes(array_at(bytes, 0)) as usize,
    }
}

#[inline]
fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("the slice was cut to the array's length")
}
