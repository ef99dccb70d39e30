//! A counted B+tree of members in (score, member) order, whose clone costs nothing.
//!
//! Leaves hold the members; an inner node holds its children and what lies under each: the first member, the last score, how
//! many members and how many distinct scores. So a rank, plain or among distinct scores, is a sum on the way down.
//!
//! Nodes are shared by clones: a change copies the path to it where others have it too ([`shared`]), and is made in place where not.
//! Nodes point to records and own none (see `record.rs`), so whatever compares members is lent the right to read them.
//!
//! Invariants: counts are true; the first member and the last score of a child are those that are there, not ones that were. No node
//! is empty but a leaf that is the root. A node is at least three eighths full, unless it is the root, or an only child, or on
//! one of the tree's edges: those may have anything, so that what is loaded in order fills its leaves and what is taken from an end
//! moves nothing between leaves. A full node shares with a neighbour before it is split, and two are split into
//! three, so random insertion leaves nodes about four fifths full.

mod deal;
mod frame;
mod inner;
mod leaf;
mod node;
mod shared;
mod walk;

#[cfg(test)]
mod check;

pub(super) use inner::INNER_MAX;
pub(super) use leaf::LEAF_MAX;
pub(super) use walk::Walk;

use super::record::{Handle, Records};
use inner::Inner;
use leaf::Leaf;
use node::{Aim, Context, Edges, Effect, Node};
use shared::Shared;
use std::ops::Range;

/// How much a node holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// The most members of a leaf; at least 4.
    pub(super) leaf: u16,
    /// The most children of an inner node; at least 4.
    pub(super) inner: u16,
}

impl Shape {
    /// The shape outside tests: as much as there is room for.
    pub(super) const WIDE: Self = Self { leaf: LEAF_MAX as u16, inner: INNER_MAX as u16 };
}

/// A member beside its score and the handle of its record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'k> {
    pub(super) score: f64,
    pub(super) member: &'k [u8],
    pub(super) handle: Handle,
}

/// What a parent knows of a node.
#[derive(Clone, Copy, Debug)]
struct Summary {
    /// The first member's score.
    first: f64,
    /// The first member's record.
    handle: Handle,
    /// The last member's score.
    last: f64,
    /// How many members lie under it.
    count: usize,
    /// How many distinct scores those have.
    distinct: usize,
}

/// Members in order, counted.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    root: Node,
    len: usize,
    distinct: usize,
    shape: Shape,
}

impl Tree {
    pub(super) fn new(shape: Shape) -> Self {
        assert!(shape.leaf >= 4 && shape.inner >= 4, "two full nodes become three that are not");
        assert!(usize::from(shape.leaf) <= LEAF_MAX && usize::from(shape.inner) <= INNER_MAX, "a node has room");
        Self { root: Node::Leaf(Shared::new(Leaf::default())), len: 0, distinct: 0, shape }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// How many distinct scores there are.
    pub(super) fn distinct(&self) -> usize {
        self.distinct
    }

    pub(super) fn shape(&self) -> Shape {
        self.shape
    }

    /// Adds a member that is not there yet. O(log n).
    pub(super) fn insert(&mut self, records: Records<'_>, entry: &Entry<'_>) {
        let context = Context { records, shape: self.shape };
        if self.root.is_full(self.shape) && !self.root.takes_at_an_end(context, entry) {
            let old = std::mem::replace(&mut self.root, Node::Leaf(Shared::new(Leaf::default())));
            self.root = Node::Inner(Shared::new(Inner::above(old, records)));
        }
        let effect = self.root.insert(context, Edges::BOTH, entry);
        self.apply(effect);
    }

    /// Removes a member that is there. O(log n).
    pub(super) fn remove(&mut self, records: Records<'_>, entry: &Entry<'_>) {
        let context = Context { records, shape: self.shape };
        let effect = self
            .root
            .edit(context, Edges::BOTH, Aim::Entry(entry), |leaf, at| Effect::removing(records, leaf, at..at + 1));
        self.apply(effect);
    }

    /// Gives a member that is there another score. Between leaving its old place and taking the new one, `renew` changes the
    /// record and says where it is now. O(log n); one descent if the new place is in the same leaf.
    pub(super) fn set_score(
        &mut self,
        records: Records<'_>,
        old: &Entry<'_>,
        score: f64,
        renew: impl FnOnce() -> Handle,
    ) {
        let context = Context { records, shape: self.shape };
        let mut renew = Some(renew);
        let mut renewed = || renew.take().map(|renew| Entry { score, handle: renew(), ..*old });
        let mut moved = false;
        let effect = self.root.edit(context, Edges::BOTH, Aim::Entry(old), |leaf, at| {
            let place = leaf.place(records, score, old.member);
            let place = if place > at { place - 1 } else { place };
            let inside = 1..leaf.len() - 1;
            if !inside.contains(&at) || !inside.contains(&place) {
                return Effect::removing(records, leaf, at..at + 1);
            }
            let fewer = leaf.remove(records, at..at + 1);
            let new = renewed().expect("a record is renewed once");
            let more = leaf.insert(records, place, &new);
            moved = true;
            Effect { distinct: more as isize - fewer as isize, ..Effect::NONE }
        });
        self.apply(effect);
        if !moved {
            let new = renewed().expect("a record is renewed once");
            self.insert(records, &new);
        }
    }

    /// Removes the members at `ranks`, which all exist, and hands each to `sink`. O(log n) per leaf touched.
    pub(super) fn remove_ranks(&mut self, records: Records<'_>, ranks: Range<usize>, mut sink: impl FnMut(Handle)) {
        assert!(ranks.end <= self.len, "the ranks to remove exist");
        let context = Context { records, shape: self.shape };
        let (mut left, target) = (ranks.len(), self.len - ranks.len());
        while left > 0 {
            let effect = self.root.edit(context, Edges::BOTH, Aim::Rank(ranks.start), |leaf, at| {
                let end = leaf.len().min(at + left);
                leaf.handles()[at..end].iter().for_each(|&handle| sink(handle));
                Effect::removing(records, leaf, at..end)
            });
            self.apply(effect);
            left = self.len - target;
        }
    }

    /// The rank of a member that is there. O(log n).
    pub(super) fn rank(&self, records: Records<'_>, entry: &Entry<'_>) -> usize {
        let (leaf, before) = self.descend(|inner| inner.child_of(records, entry));
        before + leaf.find(entry.score, entry.handle)
    }

    /// How many members have a lower score, or that score itself if `with_equal`. O(log n).
    pub(super) fn count_below(&self, records: Records<'_>, score: f64, with_equal: bool) -> usize {
        let (leaf, before) = self.descend(|inner| inner.child_of_score(score, with_equal));
        before + leaf.place_of_score(records, score, with_equal)
    }

    /// How many distinct scores are lower, or up to that score itself if `with_equal`. O(log n).
    pub(super) fn distinct_below(&self, records: Records<'_>, score: f64, with_equal: bool) -> usize {
        let (mut node, mut before) = (&self.root, 0);
        loop {
            match node {
                Node::Leaf(leaf) => {
                    return before + leaf.distinct(records, leaf.place_of_score(records, score, with_equal));
                }
                Node::Inner(inner) => {
                    let child = inner.child_of_score(score, with_equal);
                    before += inner.distinct_before(child);
                    node = inner.child(child);
                }
            }
        }
    }

    /// How many members are `before`, a property that none has after one that lacks it. O(log n).
    /// Where members are not in byte order, the answer is one of the ranks at which the property changes, or an end.
    pub(super) fn partition_members(&self, records: Records<'_>, before: impl Fn(&[u8]) -> bool) -> usize {
        let is_before = |handle: Handle| before(records.bytes(handle));
        let (leaf, count) = self.descend(|inner| inner.child_by(is_before));
        count + leaf.handles().partition_point(|&handle| is_before(handle))
    }

    /// The members at `ranks`, which all exist.
    pub(super) fn walk<'a>(&'a self, records: Records<'a>, ranks: Range<usize>) -> Walk<'a> {
        Walk::new(self, records, ranks)
    }

    /// Begins to load the leaves in which members with these two scores would lie, so that what comes next waits once for both.
    #[inline]
    pub(super) fn prefetch(&self, scores: [f64; 2]) {
        let mut nodes = [&self.root, &self.root];
        while let [Node::Inner(a), Node::Inner(b)] = nodes {
            nodes = [a.child(a.child_of_score(scores[0], true)), b.child(b.child_of_score(scores[1], true))];
        }
        for node in nodes {
            if let Node::Leaf(leaf) = node {
                leaf.prefetch();
            }
        }
    }

    /// The bytes allocated for the nodes, those that others share among them. O(nodes).
    pub(super) fn allocated_bytes(&self) -> usize {
        self.root.allocated_bytes()
    }

    /// Recounts every node and panics where one is not as the module's head says.
    #[cfg(test)]
    pub(super) fn check(&self, records: Records<'_>) {
        check::check(self, records);
    }

    /// The leaf that holds `rank`, which exists, and the place in it.
    fn leaf_at(&self, mut rank: usize) -> (&Leaf, usize) {
        let mut node = &self.root;
        loop {
            match node {
                Node::Leaf(leaf) => return (leaf, rank),
                Node::Inner(inner) => {
                    let (child, rest) = inner.child_at(rank);
                    node = inner.child(child);
                    rank = rest;
                }
            }
        }
    }

    /// Goes down by `child`, which chooses, to a leaf; also says how many members lie before that.
    #[inline]
    fn descend(&self, child: impl Fn(&Inner) -> usize) -> (&Leaf, usize) {
        let (mut node, mut before) = (&self.root, 0);
        loop {
            match node {
                Node::Leaf(leaf) => return (leaf, before),
                Node::Inner(inner) => {
                    let child = child(inner);
                    before += inner.count_before(child);
                    node = inner.child(child);
                }
            }
        }
    }

    /// Takes note of a change: an inner root with one child gives way to it, one without to an empty leaf.
    fn apply(&mut self, effect: Effect) {
        self.len = self.len.strict_add_signed(effect.count);
        self.distinct = self.distinct.strict_add_signed(effect.distinct);
        while let Node::Inner(inner) = &self.root
            && inner.len() < 2
        {
            self.root =
                if inner.len() == 1 { inner.child(0).clone() } else { Node::Leaf(Shared::new(Leaf::default())) };
        }
    }
}
