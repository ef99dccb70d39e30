//! Reading a sorted set in order, from either end.

use super::block::Block;
use super::tree::Walk;
use std::iter::FusedIterator;
use std::ops::Range;

/// Members with their scores in ascending order; `rev()` reads them descending.
#[derive(Clone, Debug)]
pub struct Iter<'a>(Source<'a>);

#[derive(Clone, Debug)]
enum Source<'a> {
    Small(&'a Block, Range<usize>),
    Large(Walk<'a>),
}

impl<'a> Iter<'a> {
    pub(super) fn small(block: &'a Block, ranks: Range<usize>) -> Self {
        Self(Source::Small(block, ranks))
    }

    pub(super) fn large(walk: Walk<'a>) -> Self {
        Self(Source::Large(walk))
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a [u8], f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Source::Small(block, ranks) => ranks.next().map(|rank| (block.member(rank), block.score(rank))),
            Source::Large(walk) => walk.next(),
        }
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = match &self.0 {
            Source::Small(_, ranks) => ranks.len(),
            Source::Large(walk) => walk.len(),
        };
        (len, Some(len))
    }

    #[inline]
    fn fold<B, F: FnMut(B, Self::Item) -> B>(self, so_far: B, visit: F) -> B {
        match self.0 {
            Source::Small(block, ranks) => {
                ranks.map(|rank| (block.member(rank), block.score(rank))).fold(so_far, visit)
            }
            Source::Large(walk) => walk.fold(so_far, visit),
        }
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Source::Small(block, ranks) => ranks.next_back().map(|rank| (block.member(rank), block.score(rank))),
            Source::Large(walk) => walk.next_back(),
        }
    }

    #[inline]
    fn rfold<B, F: FnMut(B, Self::Item) -> B>(self, so_far: B, visit: F) -> B {
        match self.0 {
            Source::Small(block, ranks) => {
                ranks.map(|rank| (block.member(rank), block.score(rank))).rfold(so_far, visit)
            }
            Source::Large(walk) => walk.rfold(so_far, visit),
        }
    }
}

impl ExactSizeIterator for Iter<'_> {}
impl FusedIterator for Iter<'_> {}
