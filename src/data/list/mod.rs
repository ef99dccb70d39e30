//! Lists: elements in an order of their own, taken and given at both ends and found by index.
//!
//! A list starts *small*, one chunk: a block of bytes. Past the configured size it is *large*: a tree of such chunks ([`tree`]) that counts its
//! elements, so that an index anywhere costs O(log chunks) and a walk over one chunk. Once it has shrunk to one chunk of half the
//! size it is small again. The tree was taken instead of a deque of chunks because inserting in the middle, trimming and cloning
//! then cost the same few nodes however long the list is: nothing in it is proportional to the number of chunks. A push walks down two or
//! three levels, and its cost is that of the chunk.
//!
//! Clones of a large list cost O(1) and share nodes and chunks until one of the two changes. Of a small one, the block is copied.
//!
//! Not here: keys, replies, waiting for elements, and the rule that an empty list is no value at all.

mod chunk;
mod entry;
mod iter;
mod limits;
mod tree;

#[cfg(test)]
mod check;
#[cfg(test)]
mod naive;
#[cfg(test)]
mod tests;

pub use entry::{Element, Text, append_entry};
pub(in crate::data) use entry::{Encoded, Run};
pub use iter::Iter;
pub use limits::Limits;

use super::thin::{Either, Form};
use crate::base::prefetch::prefetch;
use chunk::Chunk;
use std::ops::Range;
use std::sync::Arc;
use tree::{Beside, Sub};

/// A list.
#[derive(Clone, Debug, Default)]
pub struct List(Either<Chunk, Sub>);

const _: () = assert!(size_of::<List>() == 8, "a record keeps a list in one word");

/// An end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The first element.
    Left,
    /// The last element.
    Right,
}

/// What was cut out of a large list. Dropping it costs O(chunks), so who holds a lock may have somebody else do it.
#[derive(Debug, Default)]
#[must_use]
pub struct Rest([Option<Sub>; 2]);

impl Rest {
    /// The pieces, each as a list.
    pub fn into_lists(self) -> impl Iterator<Item = List> {
        self.0.into_iter().flatten().map(|root| List(Either::large(root)))
    }
}

impl List {
    /// An empty list, which has allocated nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many elements it has.
    #[inline]
    pub fn len(&self) -> usize {
        match self.0.get() {
            Form::Small(chunk) => chunk.len(),
            Form::Large(root) => root.len,
        }
    }

    /// Whether it has no element.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Redis' name for how it is kept: always `quicklist`. (Servers since 7.2 call the small form `listpack`.)
    pub fn encoding(&self) -> &'static str {
        "quicklist"
    }

    /// Whether it is one block.
    pub fn is_small(&self) -> bool {
        matches!(self.0.get(), Form::Small(_))
    }

    /// Begins to load the block or the root.
    #[inline]
    pub fn prefetch(&self) {
        match self.0.get() {
            Form::Small(chunk) => chunk.prefetch(),
            Form::Large(root) => prefetch(root),
        }
    }

    /// The element at `index`. O(log chunks + chunk).
    #[inline]
    pub fn get(&self, index: usize) -> Option<Element<'_>> {
        if index >= self.len() {
            return None;
        }
        let (chunk, start) = self.chunk_at(index);
        Some(chunk.get(index - start))
    }

    /// The elements at `range` (cut to those that exist), from either end. O(log chunks + chunk) to start at an end, O(1)
    /// amortised per step.
    pub fn iter(&self, range: Range<usize>) -> Iter<'_> {
        Iter::new(self, self.cut(range))
    }

    /// The chunks in order: of each the number of its elements, and the entries of a listpack that they are. O(log chunks) per chunk.
    pub fn chunks(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let mut index = 0;
        std::iter::from_fn(move || {
            let (chunk, start) = if index < self.len() { self.chunk_at(index) } else { return None };
            index = start + chunk.len();
            Some((chunk.len(), chunk.entries()))
        })
    }

    /// The element at an end. O(log chunks).
    pub fn at_end(&self, end: End) -> Option<Element<'_>> {
        let last = self.len().checked_sub(1)?;
        self.get(if end == End::Left { 0 } else { last })
    }

    /// Removes the element at an end, if there is one. O(log chunks), and of one chunk what lies behind the element.
    pub fn pop(&mut self, end: End, limits: &Limits) {
        if let Some(last) = self.len().checked_sub(1) {
            let index = if end == End::Left { 0 } else { last };
            drop(self.remove(index..index + 1, limits));
        }
    }

    /// Adds an element at an end. O(log chunks), and of one chunk what lies behind the element.
    #[inline]
    pub fn push(&mut self, end: End, bytes: &[u8], limits: &Limits) {
        match self.0.get_mut() {
            Form::Large(root) => root.push(end, &Encoded::of(Element::of(bytes)), limits),
            Form::Small(chunk) => {
                let index = if end == End::Left { 0 } else { chunk.len() };
                self.insert(index, bytes, limits);
            }
        }
    }

    /// Puts an element before the one at `index`, or at the end. O(log chunks + chunk).
    ///
    /// # Panics
    /// If `index` is past the end.
    #[inline]
    pub fn insert(&mut self, index: usize, bytes: &[u8], limits: &Limits) {
        let entry = Encoded::of(Element::of(bytes));
        match self.0.get_mut() {
            Form::Small(chunk) if limits.fit(chunk.len() + 1, chunk.bytes_with(&entry)) => chunk.insert(index, &entry),
            Form::Small(_) => self.enlarge().insert(index, &entry, limits),
            Form::Large(root) => root.insert(index, &entry, limits),
        }
    }

    /// Gives the element at `index` another value. O(log chunks + chunk).
    ///
    /// # Panics
    /// If there is none at `index`.
    pub fn set(&mut self, index: usize, bytes: &[u8], limits: &Limits) {
        assert!(index < self.len(), "an element that is set is there");
        let entry = Encoded::of(Element::of(bytes));
        match self.0.get_mut() {
            Form::Small(chunk) if limits.fit(chunk.len(), chunk.bytes_with(&entry)) => {
                return chunk.replace(index, &entry);
            }
            Form::Small(_) => self.enlarge().replace(index, &entry, limits),
            Form::Large(root) => root.replace(index, &entry, limits),
        }
        self.settle(limits);
    }

    /// Removes the elements at `range` (cut to those that exist). O(log chunks + chunk), however many they are; what is left of a large
    /// list's stretch is given back.
    pub fn remove(&mut self, range: Range<usize>, limits: &Limits) -> Rest {
        let range = self.cut(range);
        if range.is_empty() {
            return Rest::default();
        }
        let whole = range.len() == self.len();
        match self.0.get_mut() {
            Form::Small(chunk) => {
                chunk.remove(range);
                Rest::default()
            }
            Form::Large(_) if whole => Rest([self.take_root(), None]),
            Form::Large(root) => {
                let mut rest = Rest::default();
                let popped = range.len() == 1
                    && (range.start == 0 && root.pop(End::Left, limits)
                        || range.end == root.len && root.pop(End::Right, limits));
                if !popped && !root.remove_within_chunk(&range, limits) {
                    let root = self.take_root().expect("a large list has a tree");
                    let (left, right) = tree::split(root, range.end, limits);
                    let left = left.expect("the range lies before its end");
                    let (left, middle) = tree::split(left, range.start, limits);
                    self.put_root(tree::join(left, right, limits));
                    rest = Rest([middle, None]);
                }
                self.settle(limits);
                rest
            }
        }
    }

    /// Removes all elements but those at `range` (cut to those that exist), as [`List::remove`] does.
    pub fn keep(&mut self, range: Range<usize>, limits: &Limits) -> Rest {
        let range = self.cut(range);
        let len = self.len();
        let Rest([after, _]) = self.remove(range.end..len, limits);
        let Rest([before, _]) = self.remove(0..range.start, limits);
        Rest([before, after])
    }

    /// Removes the elements equal to `bytes`, at most `most`, the nearest to `end` first; yields how many they were. O(n).
    pub fn remove_equal(&mut self, bytes: &[u8], most: usize, end: End, limits: &Limits) -> usize {
        let wanted = Element::of(bytes);
        let from_back = end == End::Right;
        let mut removed = 0;
        match self.0.get_mut() {
            Form::Small(chunk) => removed = chunk.remove_equal(wanted, most, from_back),
            Form::Large(root) => {
                // Elements before (from the back: from) `at` are still to be seen.
                let mut at = if from_back { root.len } else { 0 };
                while removed < most && (if from_back { at > 0 } else { at < root.len }) {
                    let (chunk, start) = root.chunk_at(if from_back { at - 1 } else { at });
                    let len = chunk.len();
                    let gone = if chunk.run(0..len).any(|element| element == wanted) {
                        root.edit(start, Beside::Right, limits, |chunk, _| {
                            let gone = if chunk.len() == 1 {
                                *chunk = Arc::default();
                                1
                            } else {
                                Arc::make_mut(chunk).remove_equal(wanted, most - removed, from_back)
                            };
                            (gone, Default::default())
                        })
                    } else {
                        0
                    };
                    removed += gone;
                    at = if from_back { start } else { start + len - gone };
                }
                self.settle(limits);
            }
        }
        removed
    }

    /// The bytes allocated for it beside itself. O(chunks).
    pub fn allocated_bytes(&self) -> usize {
        match self.0.get() {
            Form::Small(chunk) => chunk.allocated_bytes(),
            Form::Large(root) => size_of::<Sub>() + root.allocated_bytes(),
        }
    }

    /// The chunk that has the element at `index`, and the index of its first element.
    #[inline]
    fn chunk_at(&self, index: usize) -> (&Chunk, usize) {
        match self.0.get() {
            Form::Small(chunk) => (chunk, 0),
            Form::Large(root) => root.chunk_at(index),
        }
    }

    fn cut(&self, range: Range<usize>) -> Range<usize> {
        let end = range.end.min(self.len());
        range.start.min(end)..end
    }

    /// Makes a small list large, whatever its size.
    fn enlarge(&mut self) -> &mut Sub {
        if let Form::Small(chunk) = self.0.get_mut() {
            let chunk = std::mem::take(chunk);
            self.0.set_large(Sub::chunk(Arc::new(chunk)));
        }
        match self.0.get_mut() {
            Form::Large(root) => root,
            Form::Small(_) => unreachable!("the list was made large"),
        }
    }

    /// Takes the tree of a large list, which is then small and empty.
    fn take_root(&mut self) -> Option<Sub> {
        match std::mem::take(&mut self.0).into_form() {
            Form::Small(_) => None,
            Form::Large(root) => Some(root),
        }
    }

    fn put_root(&mut self, root: Option<Sub>) {
        if let Some(root) = root {
            self.0.set_large(root);
        }
    }

    /// Makes a large list small that has become so.
    fn settle(&mut self, limits: &Limits) {
        if let Form::Large(root) = self.0.get_mut()
            && let Some(chunk) = root.take_if_half(limits)
        {
            self.0.set_small(chunk);
        }
    }
}
