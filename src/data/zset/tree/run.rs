//! A sorted run of members: what a leaf holds, and the separators of an inner node.
//!
//! Two arrays of one length: the scores, close together for the search, and the members. `scores[i]` is the score in
//! the record of `members[i]` (see `member.rs`).

use super::Member;
use std::ops::Range;

/// The scores in a cache line.
const LINE: usize = 8;

/// Members in order with their scores.
#[derive(Clone, Debug, Default)]
pub(super) struct Run {
    scores: Vec<f64>,
    members: Vec<Member>,
}

impl Run {
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.scores.len()
    }

    pub(super) fn allocated_bytes(&self) -> usize {
        self.scores.capacity() * size_of::<f64>() + self.members.capacity() * size_of::<Member>()
    }

    #[inline]
    pub(super) fn score(&self, at: usize) -> f64 {
        self.scores[at]
    }

    #[inline]
    pub(super) fn member(&self, at: usize) -> &Member {
        &self.members[at]
    }

    /// How many lie below (score, member).
    #[inline]
    pub(super) fn place(&self, member: &[u8], score: f64) -> usize {
        self.place_by(score, |other| other < member)
    }

    /// How many lie below (score, member) or are it.
    #[inline]
    pub(super) fn place_after(&self, member: &[u8], score: f64) -> usize {
        self.place_by(score, |other| other <= member)
    }

    /// How many have a lower score, or the same and are `before`.
    #[inline]
    fn place_by(&self, score: f64, before: impl Fn(&[u8]) -> bool) -> usize {
        let low = self.below(score);
        match self.scores[low..] {
            // Most scores are alone; only where two are equal are the members of all equal ones searched.
            [first, second, ..] if first == score && second == score => {
                let ties = self.scores[low..].partition_point(|&other| other == score);
                low + self.members[low..low + ties].partition_point(|other| before(other))
            }
            [first, ..] if first == score => low + usize::from(before(&self.members[low])),
            _ => low,
        }
    }

    /// How many have a lower score.
    ///
    /// Compares the first score of each cache line, then those of one line. A leaf is rarely in the cache: the lines of a
    /// binary search would be fetched one after the other, these are fetched at once.
    #[inline]
    fn below(&self, score: f64) -> usize {
        // What is appended in order need not search.
        if self.scores.last().is_none_or(|&last| last < score) {
            return self.len();
        }
        let lines = self.scores.chunks(LINE).filter(|line| line[0] < score).count();
        let start = lines.saturating_sub(1) * LINE;
        start + self.scores[start..].iter().take(LINE).filter(|&&other| other < score).count()
    }

    /// How many from the first on have a score that is `before`.
    #[inline]
    pub(super) fn partition_scores(&self, before: impl Fn(f64) -> bool) -> usize {
        self.scores.partition_point(|&score| before(score))
    }

    /// How many from the first on are `before`.
    #[inline]
    pub(super) fn partition_members(&self, before: impl Fn(&[u8]) -> bool) -> usize {
        self.members.partition_point(|member| before(member))
    }

    /// Panics unless `member` is the one at `at`.
    #[inline]
    pub(super) fn assert_at(&self, at: usize, member: &Member) {
        let found = self.members.get(at).is_some_and(|other| other.is(member));
        assert!(found, "a member of the index is in the tree at its score");
    }

    pub(super) fn insert(&mut self, at: usize, member: Member) {
        self.scores.insert(at, member.score());
        self.members.insert(at, member);
    }

    /// Puts `member` in the place of the one at `at`.
    pub(super) fn replace(&mut self, at: usize, member: Member) {
        self.scores[at] = member.score();
        self.members[at] = member;
    }

    pub(super) fn remove(&mut self, at: usize) -> Member {
        self.scores.remove(at);
        self.members.remove(at)
    }

    /// Removes those at `range`, hands each to `sink` and returns how many they were.
    pub(super) fn drain(&mut self, range: Range<usize>, sink: impl FnMut(Member)) -> usize {
        let count = range.len();
        self.scores.drain(range.clone());
        self.members.drain(range).for_each(sink);
        count
    }

    /// Cuts off those from `at` on. Both halves have the room that this had, since both are to grow again.
    pub(super) fn split_off(&mut self, at: usize) -> Self {
        let room = self.scores.capacity();
        let mut right = Self { scores: Vec::with_capacity(room), members: Vec::with_capacity(room) };
        right.scores.extend(self.scores.drain(at..));
        right.members.extend(self.members.drain(at..));
        right
    }

    /// Adds those of `right`, which all lie above.
    pub(super) fn append(&mut self, mut right: Self) {
        self.scores.append(&mut right.scores);
        self.members.append(&mut right.members);
    }

    /// Shares evenly with `right`, whose members all lie above. Neither outgrows the room it has.
    pub(super) fn share(&mut self, right: &mut Self) {
        let half = (self.len() + right.len()) / 2;
        if self.len() < half {
            let more = half - self.len();
            self.scores.extend(right.scores.drain(..more));
            self.members.extend(right.members.drain(..more));
        } else {
            right.scores.splice(..0, self.scores.drain(half..));
            right.members.splice(..0, self.members.drain(half..));
        }
    }
}
