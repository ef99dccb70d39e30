//! A chunk: consecutive elements in one block of bytes.
//!
//! ```text
//! block   [number of elements: u16 LE] [entry] [entry] ...          an empty chunk has no block
//! ```
//! Entries are those of a listpack ([`super::entry`]). Finding one by its index steps from the nearer end.

use super::entry::{Element, Encoded, Run};
use super::limits::HEADER_BYTES;
use crate::base::prefetch::prefetch;
use crate::data::thin::{Bytes, small_form};
use std::ops::Range;

/// The number of elements in front.
const COUNT_BYTES: usize = 2;

/// A block grows by an eighth, but not past a multiple of this, for the limits are such multiples.
const PAGE_BYTES: usize = 4096;

small_form! {
    /// The block.
    pub(super) struct Chunk;
}

impl Chunk {
    pub(super) fn of(entry: &Encoded<'_>) -> Self {
        let mut chunk = Self::default();
        chunk.insert(0, entry);
        chunk
    }

    /// How many elements it has.
    #[inline]
    pub(super) fn len(&self) -> usize {
        match self.0.first_chunk() {
            Some(count) => usize::from(u16::from_le_bytes(*count)),
            None => 0,
        }
    }

    #[inline]
    pub(super) fn prefetch(&self) {
        prefetch(self.0.as_ptr());
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How long the block is.
    #[inline]
    pub(super) fn bytes(&self) -> usize {
        self.0.len()
    }

    /// Its entries, one after the other.
    pub(super) fn entries(&self) -> &[u8] {
        self.0.get(COUNT_BYTES..).unwrap_or_default()
    }

    /// How long the block will be with one more entry.
    #[inline]
    pub(super) fn bytes_with(&self, entry: &Encoded<'_>) -> usize {
        self.0.len().max(COUNT_BYTES) + entry.len()
    }

    /// How long the block will be with the entries of another.
    pub(super) fn bytes_with_all(&self, other: &Self) -> usize {
        self.bytes() + other.bytes() - COUNT_BYTES
    }

    /// The elements at `range`, which must lie inside.
    #[inline]
    pub(super) fn run(&self, range: Range<usize>) -> Run<'_> {
        if range.is_empty() {
            return Run::EMPTY;
        }
        let start = self.offset(range.start);
        let end = if range.end == range.start + 1 {
            start + Run::new(&self.0[start..]).skip_first()
        } else {
            self.offset(range.end)
        };
        Run::new(&self.0[start..end])
    }

    #[inline]
    pub(super) fn get(&self, index: usize) -> Element<'_> {
        self.run(index..index + 1).next().expect("an element that is asked for is there")
    }

    /// Puts an element before the one at `index`, or at the end.
    #[inline]
    pub(super) fn insert(&mut self, index: usize, entry: &Encoded<'_>) {
        let count = self.len();
        if count == 0 {
            self.0.extend_from_slice(&[0; COUNT_BYTES]);
        }
        self.reserve(entry.len());
        let at = self.offset(index);
        entry.write(self.0.insert_gap(at, entry.len()));
        self.set_len(count + 1);
    }

    /// Gives an element another value.
    pub(super) fn replace(&mut self, index: usize, entry: &Encoded<'_>) {
        let at = self.offset(index);
        let old = Run::new(&self.0[at..]).skip_first();
        let new = entry.len();
        if new > old {
            self.reserve(new - old);
            self.0.insert_gap(at, new - old);
        } else {
            self.cut(at..at + old - new);
        }
        entry.write(&mut self.0[at..at + new]);
    }

    /// Removes the elements at `range`, which must lie inside.
    pub(super) fn remove(&mut self, range: Range<usize>) {
        let count = self.len() - range.len();
        if count == 0 {
            *self = Self::default();
            return;
        }
        let (start, end) = (self.offset(range.start), self.offset(range.end));
        self.cut(start..end);
        self.set_len(count);
    }

    /// Removes the elements equal to `wanted`, at most so many, from the front or from the back; yields how many they were.
    pub(super) fn remove_equal(&mut self, wanted: Element<'_>, most: usize, from_back: bool) -> usize {
        let mut found: Vec<Range<usize>> = Vec::new();
        let mut run = Run::new(&self.0[COUNT_BYTES.min(self.0.len())..]);
        while found.len() < most {
            let before = run.bytes();
            let Some(element) = (if from_back { run.next_back() } else { run.next() }) else { break };
            if element == wanted {
                let start = if from_back { COUNT_BYTES + run.bytes() } else { self.0.len() - before };
                found.push(start..start + before - run.bytes());
            }
        }
        if found.is_empty() {
            return 0;
        }
        if found.len() == self.len() {
            *self = Self::default();
            return found.len();
        }
        if from_back {
            found.reverse();
        }
        // What stays moves down over what goes, once.
        let mut to = found[0].start;
        for (index, gone) in found.iter().enumerate() {
            let next = found.get(index + 1).map_or(self.0.len(), |next| next.start);
            self.0.copy_within(gone.end..next, to);
            to += next - gone.end;
        }
        let count = self.len() - found.len();
        self.0.truncate(to);
        self.0.shrink_if_sparse();
        self.set_len(count);
        found.len()
    }

    /// Takes the elements from `index` on, which lies inside.
    pub(super) fn split_off(&mut self, index: usize) -> Self {
        let (count, at) = (self.len(), self.offset(index));
        let mut right = Bytes::with_capacity(COUNT_BYTES + self.0.len() - at);
        right.extend_from_slice(&[0; COUNT_BYTES]);
        right.extend_from_slice(&self.0[at..]);
        let mut right = Self(right);
        right.set_len(count - index);
        self.0.truncate(at);
        self.0.shrink_if_sparse();
        self.set_len(index);
        right
    }

    /// Adds the elements of another chunk at the end.
    pub(super) fn append(&mut self, other: &Self) {
        let count = self.len() + other.len();
        self.0.extend_from_slice(&other.0[COUNT_BYTES..]);
        self.set_len(count);
    }

    pub(super) fn allocated_bytes(&self) -> usize {
        self.0.allocated_bytes()
    }

    /// Where the entry at `index` begins, or where the last ends.
    #[inline]
    fn offset(&self, index: usize) -> usize {
        let count = self.len();
        let entries = &self.0[COUNT_BYTES.min(self.0.len())..];
        let mut run = Run::new(entries);
        if index <= count / 2 {
            COUNT_BYTES + (0..index).map(|_| run.skip_first()).sum::<usize>()
        } else {
            self.0.len() - (index..count).map(|_| run.skip_last()).sum::<usize>()
        }
    }

    fn reserve(&mut self, added: usize) {
        let needed = self.0.len() + added;
        if needed > self.0.capacity() {
            let page_end = (needed + HEADER_BYTES).next_multiple_of(PAGE_BYTES) - HEADER_BYTES;
            self.0.reserve_exact((needed + needed / 8).min(page_end) - self.0.len());
        }
    }

    fn cut(&mut self, range: Range<usize>) {
        self.0.remove(range);
        self.0.shrink_if_sparse();
    }

    fn set_len(&mut self, count: usize) {
        let count = u16::try_from(count).expect("a chunk has at most 65,535 elements");
        self.0[..COUNT_BYTES].copy_from_slice(&count.to_le_bytes());
    }
}
