//! How neighbours even out: what a full child does before it is split, and a sparse one before it is merged.

use super::inner::Inner;
use super::leaf::Leaf;
use super::node::{Context, Node};
use super::shared::Shared;
use smallvec::SmallVec;
use std::ops::Range;

impl Inner {
    /// Makes room in child `at`, which is full: by sharing with a neighbour, or else by splitting two into three. This node
    /// has room for one more child.
    #[cold]
    #[inline(never)]
    pub(super) fn make_room(&mut self, context: Context<'_>, at: usize) {
        let width_max = self.nodes[at].width_max(context.shape);
        // Less room would be used up before it has paid for the sharing.
        let room = (width_max / 8).max(2);
        match self.narrower_neighbour(at) {
            Some(other) if self.width_of(other) + room <= width_max => {
                let first = at.min(other);
                self.deal(context, first..first + 2, 2);
            }
            Some(_) if at + 1 < self.len() => self.deal(context, at..at + 2, 3),
            Some(_) => self.deal(context, at - 1..at + 1, 3),
            None => self.deal(context, at..at + 1, 2),
        }
    }

    /// Fills child `at` up if it is too sparse: it and the narrower neighbour become one, or, if that would be too wide, share evenly.
    /// Says whether they did.
    pub(super) fn refill(&mut self, context: Context<'_>, at: usize) -> bool {
        if self.width_of(at) >= self.nodes[at].width_min(context.shape) {
            return false;
        }
        let width_max = self.nodes[at].width_max(context.shape);
        let other = self.narrower_neighbour(at);
        if let Some(other) = other {
            let first = at.min(other);
            let both = self.width_of(at) + self.width_of(other);
            self.deal(context, first..first + 2, if both <= width_max * 7 / 8 { 1 } else { 2 });
        }
        other.is_some()
    }

    fn narrower_neighbour(&self, at: usize) -> Option<usize> {
        let left = at.checked_sub(1);
        let right = Some(at + 1).filter(|&right| right < self.len());
        left.into_iter().chain(right).min_by_key(|&other| self.width_of(other))
    }

    /// Deals what the children at `range` have out evenly to `parts` children. What lies under this node stays the same.
    #[cold]
    #[inline(never)]
    fn deal(&mut self, context: Context<'_>, range: Range<usize>, parts: usize) {
        let old: SmallVec<[Node; 3]> = range.clone().map(|_| self.take(range.start)).collect();
        let new = match &old[0] {
            Node::Leaf(_) => deal_leaves(old, parts),
            Node::Inner(_) => deal_inner(old, parts),
        };
        for (place, node) in new.into_iter().enumerate() {
            self.put(range.start + place, node.summary(context.records), node);
        }
    }
}

/// The new leaves take the old ones' allocations over where they can.
fn deal_leaves(old: SmallVec<[Node; 3]>, parts: usize) -> SmallVec<[Node; 3]> {
    let mut old: SmallVec<[Shared<Leaf>; 3]> = old.into_iter().filter_map(Node::into_leaf).collect();
    old.iter().for_each(|leaf| leaf.prefetch());
    let (cells, shift) = Leaf::cells(old.iter().map(|leaf| &**leaf));
    old.truncate(parts);
    let mut old = old.into_iter();
    let parts = even_parts(cells.len(), parts).map(|range| {
        let part = Leaf::from_cells(&cells[range], shift);
        Node::Leaf(match old.next() {
            Some(leaf) => leaf.replaced(part),
            None => Shared::new(part),
        })
    });
    parts.collect()
}

/// The same for inner nodes. Their children move: a share more and a share less of each would be a wait for memory each.
fn deal_inner(old: SmallVec<[Node; 3]>, parts: usize) -> SmallVec<[Node; 3]> {
    let mut old: SmallVec<[Shared<Inner>; 3]> = old.into_iter().filter_map(Node::into_inner).collect();
    let len = old.iter().map(|inner| inner.len()).sum();
    let (mut firsts, mut counts) = (Vec::with_capacity(len), Vec::with_capacity(len));
    let (mut nodes, mut details) = (Vec::with_capacity(len), Vec::with_capacity(len));
    for inner in &mut old {
        let inner = inner.make_mut();
        firsts.extend(inner.firsts.drain(..));
        counts.extend(inner.counts.drain(..));
        nodes.extend(inner.nodes.drain(..));
        details.extend(inner.details.drain(..));
    }
    old.truncate(parts);
    let (mut old, mut nodes) = (old.into_iter(), nodes.into_iter());
    let parts = even_parts(len, parts).map(|range| {
        let part = Inner {
            firsts: SmallVec::from_slice(&firsts[range.clone()]),
            counts: SmallVec::from_slice(&counts[range.clone()]),
            nodes: nodes.by_ref().take(range.len()).collect(),
            details: SmallVec::from_slice(&details[range]),
        };
        Node::Inner(match old.next() {
            Some(inner) => inner.replaced(part),
            None => Shared::new(part),
        })
    });
    parts.collect()
}

/// `len` places cut into `parts` of nearly one size.
fn even_parts(len: usize, parts: usize) -> impl Iterator<Item = Range<usize>> {
    (0..parts).map(move |part| len * part / parts..len * (part + 1) / parts)
}
