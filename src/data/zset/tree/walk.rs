//! Reading the tree in order, from either end.
//!
//! A walk holds the leaf it stands in at each end and goes down from the root by rank for the next one. So leaves need
//! no links to their neighbours, and a step costs O(1) amortised over a leaf.

use super::Tree;
use super::run::Run;
use std::iter::FusedIterator;
use std::ops::Range;

/// Members with their scores in ascending order, from either end.
#[derive(Clone, Debug)]
pub(in super::super) struct Walk<'a> {
    tree: &'a Tree,
    /// The ranks still to come.
    ranks: Range<usize>,
    /// The leaf of the last member read from the front, and the place after it.
    front: Option<(&'a Run, usize)>,
    /// The leaf of the last member read from the back, and its place.
    back: Option<(&'a Run, usize)>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(tree: &'a Tree, ranks: Range<usize>) -> Self {
        assert!(ranks.end <= tree.len(), "the ranks to walk exist");
        Self { tree, ranks, front: None, back: None }
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = (&'a [u8], f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let rank = self.ranks.next()?;
        let (run, at) = match self.front {
            Some((run, at)) if at < run.len() => (run, at),
            _ => self.tree.leaf_at(rank),
        };
        self.front = Some((run, at + 1));
        Some((run.member(at), run.score(at)))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.ranks.size_hint()
    }
}

impl DoubleEndedIterator for Walk<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        let rank = self.ranks.next_back()?;
        let (run, at) = match self.back {
            Some((run, at)) if at > 0 => (run, at - 1),
            _ => self.tree.leaf_at(rank),
        };
        self.back = Some((run, at));
        Some((run.member(at), run.score(at)))
    }
}

impl ExactSizeIterator for Walk<'_> {}
impl FusedIterator for Walk<'_> {}
