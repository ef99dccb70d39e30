//! Sorted sets: unique members, each with a score, in (score, member bytes) order.
//!
//! A set starts *small*, one sorted byte block scanned in order (`block.rs`), and turns *large* for good past the
//! configured size (`large.rs`): a counted B+tree in order, beside a table from member to score. The value itself is one pointer; a clone of a
//! large set is O(1) and shares everything that neither side changes.
//!
//! Ranks are ascending and start at 0; every range of members is a range of ranks first, so that counting, reading in
//! either direction and removing share one way to find the ends.
//!
//! # The leaves' layout
//!
//! A leaf has, for each member, a *mark* (where its score lies within the range of the leaf's scores, see `tree/frame.rs`; it decides nearly every comparison) and a handle of 6 bytes to the
//! record that index and tree share. Compared with other layouts, as bytes per 20-byte member of 1 M (allocated, after every score was changed) and ns per operation:
//!
//! | for each member | members in a leaf | bytes | change a score | rank |
//! |---|---|---|---|---|
//! | 2-byte mark, handle | 60 | 55.5 | 986 | 936 |
//! | 2-byte mark, handle | 124 | 54.5 | 1,051 | 963 |
//! | 2-byte mark, handle | 252 | 54.1 | 1,114 | 815 |
//! | 4-byte mark, handle | 100 | 57.7 | 1,076 | 841 |
//! | whole score, handle | 71 | 63.5 | 1,502 | 1,690 |
//! | whole score, handle | 142 | 63.0 | 2,102 | 1,806 |
//! | handle only | 166 | 51.3 | 3,271 | 2,592 |
//!
//! (Virtual machine of 2 cores, one run of a random load each; the differences of bytes are exact, those of time about a tenth uncertain.)
//! So a mark of 2 bytes and a handle. A leaf has 156 of them: 124, as in the first form, made it as large as a segment of the table beside it, and blocks of one size lie in the same pages, so that segments that went left holes
//! between leaves, 2.5 resident bytes for each member. Changes and ranks take as long as with 124 (requests by turns: ZADD 2,557 and 2,679 ns, ZREVRANK 2,059 and 2,196).
//!
//! Invariants: the two views of a large set hold the same pairs. A score is never NaN and never -0.0.
//! Not here: keys, expiry, replies, and how a bound is written in a request. The oracle for every operation is `naive`.

pub mod algebra;

mod block;
mod bound;
mod builder;
mod iter;
mod large;
mod rank;
mod record;
mod tree;

#[cfg(test)]
mod naive;
#[cfg(test)]
mod tests;

pub use bound::{MemberBound, ScoreBound};
pub use builder::Builder;
pub use iter::Iter;
pub use rank::{Best, Ties};
pub use record::Member;

use crate::base::rng::Rng;
use crate::data::table::{Position, Step};
use crate::data::thin::{Either, Form};
use block::Block;
use large::Large;
use std::ops::Range;
use tree::{End, Shape};

/// How far a set stays small: `zset-max-listpack-entries` and `zset-max-listpack-value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most members.
    pub entries: usize,
    /// The longest member, in bytes.
    pub value_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { entries: 128, value_bytes: 64 }
    }
}

/// What an insertion did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The member is new.
    Added,
    /// The member was there with another score.
    Updated,
    /// The member was there with this score.
    Unchanged,
}

/// A sorted set, of one pointer.
#[derive(Clone, Debug, Default)]
pub struct ZSet {
    form: Either<Block, Large>,
}

const _: () = assert!(size_of::<ZSet>() == 8, "a record holds a sorted set as one pointer");

impl ZSet {
    /// Begins to load what a look at a member of this hash needs, if the set is large. What the set points to is loaded already.
    #[inline]
    pub fn prefetch_member(&self, step: Step, hash: u64) {
        if let Form::Large(large) = self.form.get() {
            large.prefetch_member(step, hash);
        }
    }

    /// An empty set in its small form. Allocates nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of members.
    #[inline]
    pub fn len(&self) -> usize {
        match self.form.get() {
            Form::Small(block) => block.len(),
            Form::Large(large) => large.len(),
        }
    }

    /// Whether there is no member.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name that OBJECT ENCODING gives the form.
    pub fn encoding(&self) -> &'static str {
        match self.form.get() {
            Form::Small(_) => "listpack",
            Form::Large(_) => "skiplist",
        }
    }

    /// The member's score. O(1) when large.
    #[inline]
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        match self.form.get() {
            Form::Small(block) => block.find(member).map(|rank| block.score(rank)),
            Form::Large(large) => large.score(member),
        }
    }

    /// Sets the member's score, adding the member if it is new. A score of -0.0 becomes 0.0. O(log n).
    ///
    /// # Panics
    /// If the score is NaN.
    #[inline]
    pub fn insert(&mut self, member: &[u8], score: f64, limits: &Limits) -> Change {
        self.update(member, limits, |_| Some(score))
    }

    /// Sets the member's score to what `decide` makes of the one it has, `None` being a member not there yet; nothing changes
    /// where it decides `None`. A score of -0.0 becomes 0.0. One search for the member. O(log n).
    ///
    /// # Panics
    /// If the decided score is NaN.
    pub fn update(
        &mut self,
        member: &[u8],
        limits: &Limits,
        decide: impl FnOnce(Option<f64>) -> Option<f64>,
    ) -> Change {
        match self.form.get_mut() {
            Form::Small(block) => {
                if let Some(rank) = block.find(member) {
                    let Some(score) = decide(Some(block.score(rank))) else { return Change::Unchanged };
                    return block.set_score(rank, folded(score));
                }
                let Some(score) = decide(None).map(folded) else { return Change::Unchanged };
                if block.len() < limits.entries && member.len() <= limits.value_bytes && block.has_room_for(member) {
                    block.insert(member, score);
                    return Change::Added;
                }
                self.grow().insert(member, score)
            }
            Form::Large(large) => large.update(member, |score| decide(score).map(folded)),
        }
    }

    /// Removes the member and returns the score it had. O(log n).
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        match self.form.get_mut() {
            Form::Small(block) => {
                let rank = block.find(member)?;
                let score = block.score(rank);
                block.remove(rank..rank + 1);
                Some(score)
            }
            Form::Large(large) => large.remove(member),
        }
    }

    /// Removes these members and returns how many there were. O(log n) for each, but for less time than one by one.
    pub fn remove_all<'m>(&mut self, members: impl Iterator<Item = &'m [u8]>) -> usize {
        match self.form.get_mut() {
            Form::Small(_) => members.filter(|member| self.remove(member).is_some()).count(),
            Form::Large(large) => large.remove_all(members),
        }
    }

    /// The member's rank and score. O(log n).
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        match self.form.get() {
            Form::Small(block) => block.find(member).map(|rank| (rank, block.score(rank))),
            Form::Large(large) => large.rank(member),
        }
    }

    /// The ranks of the scores from `min` to `max`; empty if none lies between. O(log n).
    pub fn ranks_by_score(&self, min: ScoreBound, max: ScoreBound) -> Range<usize> {
        let start = self.count_below(min.value + 0.0, min.exclusive);
        let end = self.count_below(max.value + 0.0, !max.exclusive);
        start..end.max(start)
    }

    /// The ranks of the members from `min` to `max` in byte order. O(log n). Means something when all scores are equal.
    ///
    /// With unequal scores the answer is as arbitrary as Redis' is, by the same rules: nothing if the last member of the
    /// set lies below `min` or its first above `max`; else from the first member found not below `min` to the last before
    /// one above `max`. The small form finds them by a walk from the front, exactly as a listpack does; the large form by
    /// binary search, as a skip list does, which depends on how the tree lies.
    pub fn ranks_by_member(&self, min: &MemberBound<'_>, max: &MemberBound<'_>) -> Range<usize> {
        let mut ends = self.iter(0..self.len());
        let Some((first, _)) = ends.next() else { return 0..0 };
        let last = ends.next_back().map_or(first, |(member, _)| member);
        if !min.admits_from_below(last) || !max.admits_from_above(first) {
            return 0..0;
        }
        match self.form.get() {
            Form::Small(block) => {
                let start = block.partition(0, |rank| !min.admits_from_below(block.member(rank)));
                start..block.partition(start, |rank| max.admits_from_above(block.member(rank)))
            }
            Form::Large(large) => {
                let start = large.partition_members(|member| !min.admits_from_below(member));
                let end = large.partition_members(|member| max.admits_from_above(member));
                start..end.max(start)
            }
        }
    }

    /// The members at `ranks` (cut to those that exist) with their scores, from either end.
    /// O(log n) to start at an end, O(1) amortised per step.
    pub fn iter(&self, ranks: Range<usize>) -> Iter<'_> {
        let ranks = self.cut(ranks);
        match self.form.get() {
            Form::Small(block) => Iter::small(block, ranks),
            Form::Large(large) => Iter::large(large.walk(ranks)),
        }
    }

    /// Removes the members at `ranks` (cut to those that exist) and returns how many they were.
    /// The tree is visited once per leaf, the index once per member.
    pub fn remove_ranks(&mut self, ranks: Range<usize>) -> usize {
        let ranks = self.cut(ranks);
        let count = ranks.len();
        if count > 0 {
            match self.form.get_mut() {
                Form::Small(block) => block.remove(ranks),
                Form::Large(large) => large.remove_ranks(ranks),
            }
        }
        count
    }

    /// Shows the first member to `give` and removes it. O(log n), without a search.
    #[inline]
    pub fn pop_first<R>(&mut self, give: impl FnOnce(&[u8], f64) -> R) -> Option<R> {
        self.pop(End::Left, give)
    }

    /// Shows the last member to `give` and removes it. O(log n), without a search.
    #[inline]
    pub fn pop_last<R>(&mut self, give: impl FnOnce(&[u8], f64) -> R) -> Option<R> {
        self.pop(End::Right, give)
    }

    /// Visits at least `limit` members from a position on, as `Table::scan` does and with its promise: a member that is
    /// there from the first call to the last is visited exactly once. The small form is visited as a whole.
    pub fn scan<'a>(&'a self, from: Position, limit: usize, mut visit: impl FnMut(&'a [u8], f64)) -> Option<Position> {
        match self.form.get() {
            Form::Small(block) => {
                for (member, score) in Iter::small(block, 0..block.len()) {
                    visit(member, score);
                }
                None
            }
            Form::Large(large) => large.scan(from, limit, visit),
        }
    }

    /// A member chosen by `rng`, each as likely as any other. O(log n).
    pub fn at_random(&self, rng: &mut Rng) -> Option<(&[u8], f64)> {
        if self.is_empty() {
            return None;
        }
        let rank = rng.below(self.len());
        self.iter(rank..rank + 1).next()
    }

    /// The bytes allocated for it beside itself. O(n) when large.
    pub fn allocated_bytes(&self) -> usize {
        self.estimated_bytes(usize::MAX)
    }

    /// The same, if the members are like the first `samples` of them. O(samples), and O(nodes) of tree and table.
    pub fn estimated_bytes(&self, samples: usize) -> usize {
        match self.form.get() {
            Form::Small(block) => block.allocated_bytes(),
            Form::Large(large) => size_of_val(large) + large.estimated_bytes(samples),
        }
    }

    /// Whether it is large and would be if it were built anew under these limits.
    fn is_large_under(&self, limits: &Limits) -> bool {
        matches!(self.form.get(), Form::Large(_)) && self.len() > limits.entries
    }

    fn cut(&self, ranks: Range<usize>) -> Range<usize> {
        let end = ranks.end.min(self.len());
        ranks.start.min(end)..end
    }

    #[inline]
    fn pop<R>(&mut self, end: End, give: impl FnOnce(&[u8], f64) -> R) -> Option<R> {
        if self.is_empty() {
            return None;
        }
        Some(match self.form.get_mut() {
            Form::Small(block) => {
                let rank = end.place(block.len());
                let given = give(block.member(rank), block.score(rank));
                block.remove(rank..rank + 1);
                given
            }
            Form::Large(large) => {
                let member = large.pop(end);
                give(&member, member.score())
            }
        })
    }

    /// Turns the small form into the large one.
    fn grow(&mut self) -> &mut Large {
        let mut large = Large::new(Shape::WIDE);
        for (member, score) in self.iter(0..self.len()) {
            large.insert(member, score);
        }
        self.form.set_large(large)
    }
}

/// The score as it is kept: -0.0 + 0.0 is 0.0; every other score stays as it is.
#[inline]
fn folded(score: f64) -> f64 {
    assert!(!score.is_nan(), "a score is never NaN");
    score + 0.0
}
