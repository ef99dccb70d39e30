//! What is asked of a tree: ranks, counts below a score, and the leaf at a rank.

use super::inner::Inner;
use super::leaf::Leaf;
use super::node::Node;
use super::{Entry, Tree, Walk};
use crate::data::zset::record::{Handle, Records};
use std::ops::Range;

impl Tree {
    /// The rank of a member that is there. O(log n).
    pub(in crate::data::zset) fn rank(&self, records: Records<'_>, entry: &Entry<'_>) -> usize {
        let (leaf, before) = self.descend(|inner| inner.child_of(records, entry));
        before + leaf.find(entry.score, entry.handle)
    }

    /// How many members have a lower score, or that score itself if `with_equal`. O(log n).
    pub(in crate::data::zset) fn count_below(&self, records: Records<'_>, score: f64, with_equal: bool) -> usize {
        let (leaf, before) = self.descend(|inner| inner.child_of_score(score, with_equal));
        before + leaf.place_of_score(records, score, with_equal)
    }

    /// How many distinct scores are lower, or up to that score itself if `with_equal`. O(log n).
    pub(in crate::data::zset) fn distinct_below(&self, records: Records<'_>, score: f64, with_equal: bool) -> usize {
        let (mut node, mut count, mut ties) = (&self.root, 0, 0);
        loop {
            match node {
                Node::Leaf(leaf) => {
                    let place = leaf.place_of_score(records, score, with_equal);
                    // A tie that was counted with the first member of this leaf is one only if that member is.
                    assert!(
                        place > 0 || count == 0,
                        "a way down leads to a member that is counted, but at the left end"
                    );
                    return count + place - ties - leaf.ties(records, 0..place);
                }
                Node::Inner(inner) => {
                    let child = inner.child_of_score(score, with_equal);
                    count += inner.count_before(child);
                    ties += inner.ties_before(child);
                    node = &inner.nodes[child];
                }
            }
        }
    }

    /// How many members are `before`, a property that none has after one that lacks it. O(log n).
    /// Where members are not in byte order, the answer is one of the ranks at which the property changes, or an end.
    pub(in crate::data::zset) fn partition_members(
        &self,
        records: Records<'_>,
        before: impl Fn(&[u8]) -> bool,
    ) -> usize {
        let is_before = |handle: Handle| before(records.bytes(handle));
        let (leaf, count) = self.descend(|inner| inner.child_by(is_before));
        count + leaf.handles().partition_point(|&handle| is_before(handle))
    }

    /// The members at `ranks`, which all exist.
    pub(in crate::data::zset) fn walk<'a>(&'a self, records: Records<'a>, ranks: Range<usize>) -> Walk<'a> {
        Walk::new(self, records, ranks)
    }

    /// Where the member at `rank`, which exists, is. O(log n).
    pub(in crate::data::zset) fn handle_at(&self, rank: usize) -> Handle {
        let (leaf, place) = self.leaf_at(rank);
        leaf.handles()[place]
    }

    /// The leaf that holds `rank`, which exists, and the place in it.
    pub(super) fn leaf_at(&self, mut rank: usize) -> (&Leaf, usize) {
        let (mut node, mut len) = (&self.root, self.len);
        loop {
            match node {
                Node::Leaf(leaf) => return (leaf, rank),
                Node::Inner(inner) => {
                    let child;
                    (child, rank, len) = inner.child_at(rank, len);
                    node = &inner.nodes[child];
                }
            }
        }
    }

    /// Begins to load the leaf that a member with this score is in, or the one before.
    pub(in crate::data::zset) fn prefetch_leaf(&self, score: f64) {
        let mut node = &self.root;
        loop {
            match node {
                Node::Leaf(leaf) => return leaf.prefetch(),
                Node::Inner(inner) => node = &inner.nodes[inner.child_of_score(score, false)],
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
                    node = &inner.nodes[child];
                }
            }
        }
    }
}
