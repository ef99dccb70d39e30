//! Taking members from an end: what nothing has to be searched for, and what comes soon after.

use super::Tree;
use super::inner::Inner;
use super::node::{End, Node};
use crate::data::zset::record::{Handle, Records};
use std::ops::Range;

/// A member that left an end, and what is outermost there now.
struct Popped {
    handle: Handle,
    is_tie: bool,
    next: Handle,
    score: f64,
}

impl Tree {
    /// Removes the member at an end of the tree, which has one. O(height): on an edge of the tree nothing is filled up, so what changes beside the leaf is the counts, and
    /// the end that its ancestors know.
    #[inline]
    pub(in crate::data::zset) fn pop(&mut self, records: Records<'_>, end: End) -> Handle {
        if self.root.outermost_leaf(end).len() < 2 {
            return self.pop_with_leaf(records, end);
        }
        let popped = pop_under(&mut self.root, records, end);
        self.len -= 1;
        self.ties -= usize::from(popped.is_tie);
        popped.handle
    }

    /// The same for a member that is the last of its leaf, which goes as well.
    #[cold]
    #[inline(never)]
    fn pop_with_leaf(&mut self, records: Records<'_>, end: End) -> Handle {
        let (rank, mut popped) = (end.place(self.len), None);
        self.remove_ranks(records, rank..rank + 1, |handle| popped = Some(handle));
        popped.expect("a rank below the length has a member")
    }

    /// The members that lie so many places from an end, as far as they exist.
    #[inline]
    pub(in crate::data::zset) fn near(&self, end: End, distances: Range<usize>) -> impl Iterator<Item = Handle> {
        let leaf = self.root.outermost_leaf(end);
        distances.take_while(|distance| *distance < self.len).map(move |distance| {
            let from = |len: usize| match end {
                End::Left => distance,
                End::Right => len - 1 - distance,
            };
            if distance < leaf.len() { leaf.handle(from(leaf.len())) } else { self.handle_at(from(self.len)) }
        })
    }
}

fn pop_under(node: &mut Node, records: Records<'_>, end: End) -> Popped {
    match node {
        Node::Leaf(leaf) => {
            let leaf = leaf.make_mut();
            let (handle, is_tie) = leaf.pop(records, end);
            let next = leaf.handle(end.place(leaf.len()));
            Popped { handle, is_tie, next, score: records.score(next) }
        }
        Node::Inner(inner) => {
            let inner = inner.make_mut();
            let at = end.place(inner.len());
            let popped = pop_under(&mut inner.nodes[at], records, end);
            inner.note_pop(at, end, &popped);
            popped
        }
    }
}

impl Inner {
    /// Takes note that child `at`, the one at that end, has lost the member there, and has others.
    #[inline]
    fn note_pop(&mut self, at: usize, end: End, popped: &Popped) {
        self.counts[at] -= 1;
        let child = &mut self.details[at];
        child.ties -= usize::from(popped.is_tie);
        match end {
            End::Left => {
                child.handle = popped.next;
                self.firsts[at] = popped.score;
            }
            End::Right => child.last = popped.score,
        }
    }
}
