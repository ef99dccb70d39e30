//! A counted B+tree of members in (score, member) order.
//!
//! Leaves hold the members; an inner node holds its children, how many members lie under each, and between each two
//! neighbours a separator, which is not above the first member of the right one and above the last of the left one.
//! Scores and members lie in separate arrays ([`run`]), so that a search touches members only among equal scores.
//!
//! Invariants: every node but the root is at least half full; an inner root has two children or more; a leaf that is not
//! the root is never empty; counts are true.
//! A member is looked for by its score, so whoever changes a score does it here ([`Tree::set_score`]).

mod node;
mod run;
mod walk;

#[cfg(test)]
mod check;

pub(super) use walk::Walk;

use super::Member;
use node::{Aim, Node};
use run::Run;
use std::ops::Range;

/// How much a node holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// The most members of a leaf; at least 2.
    pub(super) leaf: u16,
    /// The most children of an inner node; at least 4.
    pub(super) inner: u16,
}

impl Shape {
    /// The shape outside tests. A leaf that overflows holds 128 members before it is split, so its arrays take 1 KiB each.
    ///
    /// Leaves half as wide cost the same time per score change at a million members, and 2 bytes more per member.
    pub(super) const WIDE: Self = Self { leaf: 127, inner: 64 };
}

/// Members in order, counted.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    root: Node,
    len: usize,
    shape: Shape,
}

impl Tree {
    pub(super) fn new(shape: Shape) -> Self {
        assert!(shape.leaf >= 2 && shape.inner >= 4, "a node can be halved");
        Self { root: Node::Leaf(Run::default()), len: 0, shape }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn shape(&self) -> Shape {
        self.shape
    }

    /// Adds a member that is not there yet. O(log n).
    pub(super) fn insert(&mut self, member: Member) {
        if let Some((separator, right)) = self.root.insert(self.shape, member) {
            self.root.put_above(separator, right);
        }
        self.len += 1;
    }

    /// Removes the member, which is there with this score. O(log n).
    pub(super) fn remove(&mut self, member: &Member) {
        let aim = Aim::Member(member.score(), member);
        let removed = self.root.edit(self.shape, aim, |run, at| {
            run.assert_at(at, member);
            run.drain(at..at + 1, drop)
        });
        self.settle(removed);
    }

    /// Gives `item`, whose bytes are `member` and which is there, another score. O(log n).
    ///
    /// Leaderboards change scores by little: a new place in the same leaf costs one descent, another leaf two.
    pub(super) fn set_score(&mut self, item: &mut Member, member: &[u8], score: f64) {
        let removed = self.root.edit(self.shape, Aim::Member(item.score(), member), |run, at| {
            run.assert_at(at, item);
            let place = run.place(member, score);
            let place = if place > at { place - 1 } else { place };
            run.remove(at);
            // The index is now the only holder, unless a separator is another.
            item.set_score(score);
            // Strictly between two members of this leaf, no separator can lie between.
            if 0 < place && place < run.len() {
                run.insert(place, item.clone());
                0
            } else {
                1
            }
        });
        self.settle(removed);
        if removed > 0 {
            self.insert(item.clone());
        }
    }

    /// Removes the members at `ranks`, which all exist, and hands each to `sink`. O(log n) per leaf touched.
    pub(super) fn remove_ranks(&mut self, ranks: Range<usize>, mut sink: impl FnMut(Member)) {
        assert!(ranks.end <= self.len, "the ranks to remove exist");
        let mut left = ranks.len();
        while left > 0 {
            let removed = self
                .root
                .edit(self.shape, Aim::Rank(ranks.start), |run, at| run.drain(at..run.len().min(at + left), &mut sink));
            self.settle(removed);
            left -= removed;
        }
    }

    /// The rank of (score, member), whether it is there or not: how many lie below. O(log n).
    pub(super) fn rank(&self, member: &[u8], score: f64) -> usize {
        self.descend(|run| run.place_after(member, score), |run| run.place(member, score))
    }

    /// How many members have a score that is `before`, a property of every score below some point. O(log n).
    pub(super) fn partition_scores(&self, before: impl Fn(f64) -> bool) -> usize {
        self.descend(|run| run.partition_scores(&before), |run| run.partition_scores(&before))
    }

    /// How many members are `before`, a property that none has after one that lacks it. O(log n).
    /// Where members are not in byte order, the answer is one of the ranks at which the property changes, or an end.
    pub(super) fn partition_members(&self, before: impl Fn(&[u8]) -> bool) -> usize {
        self.descend(|run| run.partition_members(&before), |run| run.partition_members(&before))
    }

    /// The members at `ranks`, which all exist.
    pub(super) fn walk(&self, ranks: Range<usize>) -> Walk<'_> {
        Walk::new(self, ranks)
    }

    /// The bytes allocated for the nodes; members are not among them. O(nodes).
    pub(super) fn allocated_bytes(&self) -> usize {
        self.root.allocated_bytes()
    }

    /// Recounts every node and panics where one is not as the module's head says.
    #[cfg(test)]
    pub(super) fn check(&self) {
        check::check(self);
    }

    /// The leaf that holds `rank`, which exists, and the place in it.
    fn leaf_at(&self, mut rank: usize) -> (&Run, usize) {
        let mut node = &self.root;
        loop {
            match node {
                Node::Leaf(run) => return (run, rank),
                Node::Inner(inner) => {
                    let (child, rest) = inner.child_at(rank);
                    node = &inner.children[child];
                    rank = rest;
                }
            }
        }
    }

    /// Goes down by `child`, which chooses by the separators, to a leaf, and returns the rank of the place `at` there.
    fn descend(&self, child: impl Fn(&Run) -> usize, at: impl Fn(&Run) -> usize) -> usize {
        let (mut node, mut rank) = (&self.root, 0);
        loop {
            match node {
                Node::Leaf(run) => return rank + at(run),
                Node::Inner(inner) => {
                    let child = child(&inner.separators);
                    rank += inner.counts[..child].iter().sum::<usize>();
                    node = &inner.children[child];
                }
            }
        }
    }

    /// Takes note of a removal: an inner root with one child gives way to it.
    fn settle(&mut self, removed: usize) {
        self.len -= removed;
        self.root.shed();
    }
}
