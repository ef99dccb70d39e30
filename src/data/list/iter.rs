//! Reading a stretch of a list, from either end.

use super::List;
use super::entry::{Element, Run};
use std::ops::Range;

/// The elements of a stretch of a list. Each end reads a chunk at a time and finds the next by its index.
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    list: &'a List,
    /// How many elements are left.
    left: usize,
    front: Run<'a>,
    back: Run<'a>,
    /// The first element behind `front`.
    front_end: usize,
    /// The first element of `back`.
    back_start: usize,
}

impl<'a> Iter<'a> {
    /// `range` lies within the list.
    pub(super) fn new(list: &'a List, range: Range<usize>) -> Self {
        let (front_end, back_start) = (range.start, range.end);
        Self { list, left: range.len(), front: Run::EMPTY, back: Run::EMPTY, front_end, back_start }
    }

    #[cold]
    fn load_front(&mut self) {
        let (chunk, start) = self.list.chunk_at(self.front_end);
        let len = chunk.len();
        self.front = chunk.run(self.front_end - start..len);
        self.front_end = start + len;
    }

    #[cold]
    fn load_back(&mut self) {
        let (chunk, start) = self.list.chunk_at(self.back_start - 1);
        self.back = chunk.run(0..self.back_start - start);
        self.back_start = start;
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        self.left = self.left.checked_sub(1)?;
        if self.front.bytes() == 0 {
            self.load_front();
        }
        self.front.next()
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        if self.back.bytes() == 0 {
            self.load_back();
        }
        self.back.next_back()
    }
}

impl ExactSizeIterator for Iter<'_> {}
