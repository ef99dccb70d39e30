//! Reading the tree in order, from either end.
//!
//! A walk holds the leaf it stands in at each end and goes down from the root by rank for the next one. So leaves need
//! no links to their neighbours, and a step costs O(1) amortised over a leaf. Records lie anywhere in memory: those of the next
//! members are loaded while one is read.

use super::Tree;
use super::leaf::{AHEAD, Leaf};
use crate::data::zset::record::Records;
use std::iter::FusedIterator;
use std::ops::Range;

/// Members with their scores in ascending order, from either end.
#[derive(Clone, Debug)]
pub(in crate::data::zset) struct Walk<'a> {
    tree: &'a Tree,
    records: Records<'a>,
    /// The ranks still to come.
    ranks: Range<usize>,
    /// The leaf of the last member read from the front, and the place after it.
    front: Option<(&'a Leaf, usize)>,
    /// The leaf of the last member read from the back, and its place.
    back: Option<(&'a Leaf, usize)>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(tree: &'a Tree, records: Records<'a>, ranks: Range<usize>) -> Self {
        assert!(ranks.end <= tree.len(), "the ranks to walk exist");
        Self { tree, records, ranks, front: None, back: None }
    }

    #[cold]
    fn enter_front(&self, rank: usize) -> (&'a Leaf, usize) {
        let (leaf, at) = self.tree.leaf_at(rank);
        let left = self.ranks.len().min(AHEAD);
        leaf.handles()[at..].iter().take(left + 1).for_each(|handle| handle.prefetch());
        (leaf, at)
    }

    #[cold]
    fn enter_back(&self, rank: usize) -> (&'a Leaf, usize) {
        let (leaf, at) = self.tree.leaf_at(rank);
        let left = self.ranks.len().min(AHEAD);
        leaf.handles()[..=at].iter().rev().take(left + 1).for_each(|handle| handle.prefetch());
        (leaf, at)
    }

    #[inline]
    fn read(&self, leaf: &Leaf, at: usize) -> (&'a [u8], f64) {
        let handle = leaf.handle(at);
        (self.records.bytes(handle), self.records.score(handle))
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = (&'a [u8], f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let rank = self.ranks.next()?;
        let (leaf, at) = match self.front {
            Some((leaf, at)) if at < leaf.len() => (leaf, at),
            _ => self.enter_front(rank),
        };
        if self.ranks.len() >= AHEAD
            && let Some(handle) = leaf.handles().get(at + AHEAD)
        {
            handle.prefetch();
        }
        self.front = Some((leaf, at + 1));
        Some(self.read(leaf, at))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.ranks.size_hint()
    }

    /// Leaf by leaf, so that a step asks for nothing but whether the leaf has more.
    #[inline]
    fn fold<B, F: FnMut(B, Self::Item) -> B>(mut self, mut so_far: B, mut visit: F) -> B {
        while !self.ranks.is_empty() {
            let (leaf, at) = match self.front.take() {
                Some((leaf, at)) if at < leaf.len() => (leaf, at),
                _ => self.enter_front(self.ranks.start),
            };
            let handles = &leaf.handles()[at..];
            let handles = &handles[..handles.len().min(self.ranks.len())];
            for (place, &handle) in handles.iter().enumerate() {
                if let Some(later) = handles.get(place + AHEAD) {
                    later.prefetch();
                }
                so_far = visit(so_far, (self.records.bytes(handle), self.records.score(handle)));
            }
            self.ranks.start += handles.len();
        }
        so_far
    }
}

impl DoubleEndedIterator for Walk<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        let rank = self.ranks.next_back()?;
        let (leaf, at) = match self.back {
            Some((leaf, at)) if at > 0 => (leaf, at - 1),
            _ => self.enter_back(rank),
        };
        if self.ranks.len() >= AHEAD && at >= AHEAD {
            leaf.handle(at - AHEAD).prefetch();
        }
        self.back = Some((leaf, at));
        Some(self.read(leaf, at))
    }

    /// See [`Walk::fold`].
    #[inline]
    fn rfold<B, F: FnMut(B, Self::Item) -> B>(mut self, mut so_far: B, mut visit: F) -> B {
        while !self.ranks.is_empty() {
            let (leaf, end) = match self.back.take() {
                Some((leaf, at)) if at > 0 => (leaf, at),
                _ => {
                    let (leaf, at) = self.enter_back(self.ranks.end - 1);
                    (leaf, at + 1)
                }
            };
            let handles = &leaf.handles()[..end];
            let handles = &handles[end - end.min(self.ranks.len())..];
            for (place, &handle) in handles.iter().enumerate().rev() {
                if place >= AHEAD {
                    handles[place - AHEAD].prefetch();
                }
                so_far = visit(so_far, (self.records.bytes(handle), self.records.score(handle)));
            }
            self.ranks.end -= handles.len();
        }
        so_far
    }
}

impl ExactSizeIterator for Walk<'_> {}
impl FusedIterator for Walk<'_> {}
