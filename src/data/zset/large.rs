//! The large form: a tree in (score, member) order beside an index from member to score.
//!
//! Both hold the same [`Member`] records, so a member's bytes are stored once. The record of a member that changes its
//! score leaves the tree first; then the index is its only holder and changes it in place.

use super::tree::{Shape, Tree};
use super::{Change, Member};
use crate::base::hash::hash;
use crate::data::table::{Position, Table};
use std::ops::Range;

/// Members in order and by name.
#[derive(Clone, Debug)]
pub(super) struct Large {
    tree: Tree,
    index: Table<Member>,
}

impl Large {
    pub(super) fn new(shape: Shape) -> Self {
        Self { tree: Tree::new(shape), index: Table::new(0) }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.tree.len()
    }

    #[inline]
    pub(super) fn tree(&self) -> &Tree {
        &self.tree
    }

    #[inline]
    pub(super) fn score(&self, member: &[u8]) -> Option<f64> {
        self.index.find(hash(member), member).map(|record| record.score())
    }

    pub(super) fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        let score = self.score(member)?;
        Some((self.tree.rank(member, score), score))
    }

    /// Sets the score of `member`, adding it if it is new.
    pub(super) fn insert(&mut self, member: &[u8], score: f64) -> Change {
        self.update(member, |_| Some(score))
    }

    /// Sets the score of `member` to what `decide` makes of the one it has.
    pub(super) fn update(&mut self, member: &[u8], decide: impl FnOnce(Option<f64>) -> Option<f64>) -> Change {
        let hash = hash(member);
        if let Some(mut item) = self.index.find_mut(hash, member) {
            return match decide(Some(item.score())) {
                Some(score) if score != item.score() => {
                    self.tree.set_score(&mut item, member, score);
                    Change::Updated
                }
                _ => Change::Unchanged,
            };
        }
        let Some(score) = decide(None) else { return Change::Unchanged };
        let item = Member::new(member, score);
        self.tree.insert(item.clone());
        self.index.insert_new(hash, item);
        Change::Added
    }

    pub(super) fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let item = self.index.remove(hash(member), member)?;
        self.tree.remove(&item);
        Some(item.score())
    }

    /// Removes the members at `ranks`, which all exist.
    pub(super) fn remove_ranks(&mut self, ranks: Range<usize>) {
        if ranks.len() == self.len() {
            *self = Self::new(self.tree.shape());
            return;
        }
        let index = &mut self.index;
        self.tree.remove_ranks(ranks, |member| {
            index.remove(hash(&member), &member).expect("every member of the tree is in the index");
        });
    }

    /// Removes and returns the member at `rank`, which exists.
    pub(super) fn pop(&mut self, rank: usize) -> Member {
        let mut popped = None;
        self.tree.remove_ranks(rank..rank + 1, |member| popped = Some(member));
        let member = popped.expect("a rank below the length has a member");
        self.index.remove(hash(&member), &member).expect("every member of the tree is in the index");
        member
    }

    pub(super) fn scan<'a>(
        &'a self,
        from: Position,
        limit: usize,
        mut visit: impl FnMut(&'a [u8], f64),
    ) -> Option<Position> {
        self.index.scan(from, limit, |record| visit(record.member(), record.score()))
    }

    /// The bytes allocated for tree, index and members. O(n).
    pub(super) fn allocated_bytes(&self) -> usize {
        let members: usize = self.index.iter().map(|record| record.allocated_bytes()).sum();
        self.tree.allocated_bytes() + self.index.allocated_bytes() + members
    }

    /// Recounts the tree and compares it with the index.
    #[cfg(test)]
    pub(super) fn check(&self) {
        self.tree.check();
        assert_eq!(self.index.iter().count(), self.tree.len(), "index and tree hold equally many members");
        for (member, score) in self.tree.walk(0..self.tree.len()) {
            assert_eq!(self.score(member), Some(score), "index and tree agree on every score");
        }
    }
}
