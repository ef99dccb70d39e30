//! A leaf: up to 156 members in order, each a mark of two bytes (see `frame.rs`) and a handle of six.
//!
//! Marks and handles lie in separate arrays. A search compares all marks, five cache lines that are fetched at once, and
//! reads records only among equal marks.

use super::frame::{Frame, Mark, order};
use super::node::End;
use super::{Entry, Summary};
use crate::base::prefetch::prefetch;
use crate::data::zset::record::{Handle, Records};
use std::ops::Range;

/// The most members of a leaf: with the count of its owners it takes 1,280 bytes.
/// No segment of a large table has that size: segments come and go, and would leave holes between leaves, which stay. (With leaves of 124 in 1 KiB it was 2.5 bytes more for each member.)
pub(in crate::data::zset) const LEAF_MAX: usize = 156;
/// Their marks are compared eight at a time.
const MARKS: usize = LEAF_MAX.next_multiple_of(8);
/// The mark in the places that no member has.
const NO_MARK: u16 = u16::MAX;
/// A leaf made of others reads its records' scores, for a narrower frame, if more than one in so many shares its neighbour's mark.
const SHARED_MARKS: usize = 16;
/// So many members ahead of a reader their records are loaded.
pub(in crate::data::zset) const AHEAD: usize = 8;
const LINE_MARKS: usize = 32;
const LINE_HANDLES: usize = 10;

/// Members in order.
///
/// Invariants: the frame (`base` and `shift`, which take less room apart) marks every member's score, and `marks` are those; past `len` there are [`NO_MARK`]s.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    base: u64,
    shift: u8,
    len: u8,
    /// Whether so many marks are shared that they ought to be made anew of the scores in the records.
    is_coarse: bool,
    marks: [u16; MARKS],
    handles: [Handle; LEAF_MAX],
}

/// A member taken out of a leaf: a step of its score, by the size that all the steps beside it have, and its handle.
pub(super) type Cell = (u64, Handle);

const _: () = assert!(super::shared::Shared::<Leaf>::BYTES == 1280, "a leaf fills a block of the allocator");

impl Default for Leaf {
    fn default() -> Self {
        Self { base: 0, shift: 0, len: 0, is_coarse: false, marks: [NO_MARK; MARKS], handles: [Handle::NONE; LEAF_MAX] }
    }
}

impl Leaf {
    #[inline]
    pub(super) fn len(&self) -> usize {
        usize::from(self.len)
    }

    #[inline]
    fn frame(&self) -> Frame {
        Frame { base: self.base, shift: self.shift }
    }

    fn set_frame(&mut self, frame: Frame) {
        Frame { base: self.base, shift: self.shift } = frame;
    }

    #[inline]
    pub(super) fn handle(&self, at: usize) -> Handle {
        self.handles[..self.len()][at]
    }

    pub(super) fn handles(&self) -> &[Handle] {
        &self.handles[..self.len()]
    }

    /// Begins to load what a search compares.
    #[inline]
    pub(super) fn prefetch(&self) {
        self.marks.chunks(LINE_MARKS).for_each(|line| prefetch(line));
        self.handles.chunks(LINE_HANDLES).for_each(|line| prefetch(line));
    }

    /// How many lie below the pair of `score` and `member`.
    #[inline]
    pub(super) fn place(&self, records: Records<'_>, score: f64, member: &[u8]) -> usize {
        let alike = self.alike(order(score));
        if alike.is_empty() {
            return alike.start;
        }
        let exact = self.frame().is_exact();
        alike.start
            + self.handles[alike].partition_point(|&other| {
                let other_score = if exact { score } else { records.score(other) };
                other_score < score || (other_score == score && records.bytes(other) < member)
            })
    }

    /// How many have a lower score, or that score itself if `with_equal`.
    pub(super) fn place_of_score(&self, records: Records<'_>, score: f64, with_equal: bool) -> usize {
        let alike = self.alike(order(score));
        if self.frame().is_exact() {
            return if with_equal { alike.end } else { alike.start };
        }
        let before = |other: f64| other < score || (with_equal && other == score);
        alike.start + self.handles[alike].partition_point(|&other| before(records.score(other)))
    }

    /// Where the member with this score and handle is.
    ///
    /// # Panics
    /// If it is not here.
    #[inline]
    pub(super) fn find(&self, score: f64, handle: Handle) -> usize {
        let alike = self.alike(order(score));
        let at = self.handles[alike.clone()].iter().position(|other| *other == handle);
        alike.start + at.expect("a member of the index is in the tree at its score")
    }

    /// The places of the scores that have the mark of this one; where it would go, if none has.
    #[inline]
    fn alike(&self, order: u64) -> Range<usize> {
        match self.frame().mark(order) {
            Mark::Below => 0..0,
            Mark::Above => self.len()..self.len(),
            Mark::At(mark) => {
                let start = self.count_marks(|other| other < mark);
                // Most marks are alone.
                let is_at = |at: usize| at < self.len() && self.marks[at] == mark;
                let end = match (is_at(start), is_at(start + 1)) {
                    (false, _) => start,
                    (true, false) => start + 1,
                    (true, true) => self.count_marks(|other| other <= mark).min(self.len()),
                };
                start..end
            }
        }
    }

    #[inline(always)]
    fn count_marks(&self, is_counted: impl Fn(u16) -> bool) -> usize {
        self.marks.iter().fold(0u16, |count, &mark| count + u16::from(is_counted(mark))).into()
    }

    /// Whether the scores at two places are equal.
    #[inline]
    fn is_tie(&self, records: Records<'_>, a: usize, b: usize) -> bool {
        self.marks[a] == self.marks[b]
            && (self.frame().is_exact() || records.score(self.handles[a]) == records.score(self.handles[b]))
    }

    /// How many members at `range` have the score of the one before. O(members).
    pub(super) fn ties(&self, records: Records<'_>, range: Range<usize>) -> usize {
        range.filter(|&at| at > 0 && self.is_tie(records, at - 1, at)).count()
    }

    /// Puts a member at `at`, its place, and says whether its score was there. The leaf is not full.
    #[inline]
    pub(super) fn insert(&mut self, records: Records<'_>, at: usize, entry: &Entry<'_>) -> bool {
        let mark = self.mark_for_new(order(entry.score));
        let len = self.len();
        self.marks.copy_within(at..len, at + 1);
        self.handles.copy_within(at..len, at + 1);
        self.marks[at] = mark;
        self.handles[at] = entry.handle;
        self.len += 1;
        (at > 0 && self.is_tie(records, at - 1, at)) || (at < len && self.is_tie(records, at, at + 1))
    }

    /// Removes the members at `range`, and says by how much the number of those fell that have the score of the one before.
    #[inline]
    pub(super) fn remove(&mut self, records: Records<'_>, range: Range<usize>) -> usize {
        let (Range { start, end }, len) = (range, self.len());
        // The next one gets another before it.
        let mut fewer = self.ties(records, start..len.min(end + 1));
        fewer -= usize::from(start > 0 && end < len && self.is_tie(records, start - 1, end));
        self.marks.copy_within(end..len, start);
        self.handles.copy_within(end..len, start);
        self.marks[len - (end - start)..len].fill(NO_MARK);
        self.len -= (end - start) as u8;
        fewer
    }

    /// Takes out the member at an end, and says whether it had its neighbour's score. There are two members or more.
    #[inline]
    pub(super) fn pop(&mut self, records: Records<'_>, end: End) -> (Handle, bool) {
        let last = self.len() - 1;
        let (at, is_tie) = match end {
            End::Left => (0, self.is_tie(records, 0, 1)),
            End::Right => (last, self.is_tie(records, last - 1, last)),
        };
        let handle = self.handles[at];
        self.marks.copy_within(at + 1..=last, at);
        self.handles.copy_within(at + 1..=last, at);
        self.marks[last] = NO_MARK;
        self.len -= 1;
        (handle, is_tie)
    }

    /// The mark for a score of this order, for which the frame is made wider where it must be.
    #[inline]
    fn mark_for_new(&mut self, order: u64) -> u16 {
        match self.frame().mark(order) {
            Mark::At(mark) => mark,
            _ => self.widen(order),
        }
    }

    #[cold]
    #[inline(never)]
    fn widen(&mut self, order: u64) -> u16 {
        let (old, len) = (self.frame(), self.len());
        let step = order >> old.shift;
        let (mut low, mut high) = (step, step);
        if len > 0 {
            low = low.min(old.step(self.marks[0]));
            high = high.max(old.step(self.marks[len - 1]));
        }
        let new = Frame::around(low, high, old.shift);
        self.set_frame(new);
        for mark in &mut self.marks[..len] {
            *mark = new.mark_of_step(old.step(*mark), old.shift);
        }
        new.mark_of_step(step, old.shift)
    }

    /// What a parent keeps of the leaf, which is not empty.
    pub(super) fn summary(&self, records: Records<'_>) -> Summary {
        let (first, last) = (self.handle(0), self.handle(self.len() - 1));
        Summary {
            first: records.score(first),
            handle: first,
            last: records.score(last),
            count: self.len(),
            ties: self.ties(records, 0..self.len()),
        }
    }

    /// Makes the marks of the scores in the records, if they are too coarse. Who deals leaves out leaves this to the next change: either takes some microseconds, for
    /// what they read lies anywhere in memory.
    #[inline]
    pub(super) fn refine(&mut self, records: Records<'_>) {
        if self.is_coarse {
            self.refine_coarse(records);
        }
    }

    #[cold]
    #[inline(never)]
    fn refine_coarse(&mut self, records: Records<'_>) {
        self.handles().iter().for_each(|handle| handle.prefetch());
        let mut orders = [0; LEAF_MAX];
        orders.iter_mut().zip(self.handles()).for_each(|(to, &handle)| *to = order(records.score(handle)));
        self.mark_all(orders[..self.len()].iter().copied(), 0);
        self.is_coarse = false;
    }

    /// All members of several leaves, which are in order, as cells with one size of step, and its exponent.
    pub(super) fn cells<'l>(leaves: impl Iterator<Item = &'l Leaf> + Clone) -> (Vec<Cell>, u8) {
        let filled = leaves.filter(|leaf| leaf.len > 0);
        let shift = filled.clone().map(|leaf| leaf.shift).max().unwrap_or(0);
        let mut cells = Vec::with_capacity(filled.clone().map(Leaf::len).sum());
        for leaf in filled {
            let more = shift - leaf.shift;
            let steps = leaf.marks[..leaf.len()].iter().map(|&mark| leaf.frame().step(mark) >> more);
            cells.extend(steps.zip(leaf.handles().iter().copied()));
        }
        (cells, shift)
    }

    /// A leaf of some cells, at most as many as one holds, whose marks may turn out too coarse (see [`Leaf::refine`]). Begins to load what a summary of it reads.
    pub(super) fn from_cells(cells: &[Cell], shift: u8) -> Self {
        let mut leaf = Self { len: cells.len() as u8, ..Self::default() };
        leaf.handles.iter_mut().zip(cells).for_each(|(handle, cell)| *handle = cell.1);
        leaf.mark_all(cells.iter().map(|cell| cell.0), shift);
        let shared = leaf.marks[..leaf.len()].windows(2).filter(|pair| pair[0] == pair[1]).count();
        leaf.is_coarse = !leaf.frame().is_exact() && shared * SHARED_MARKS > cells.len();
        leaf.prefetch_for_summary();
        leaf
    }

    /// Begins to load the records that [`Leaf::summary`] reads.
    fn prefetch_for_summary(&self) {
        let handles = self.handles();
        handles.first().into_iter().chain(handles.last()).for_each(|handle| handle.prefetch());
        if !self.frame().is_exact() {
            let equal = (1..handles.len()).filter(|&at| self.marks[at - 1] == self.marks[at]);
            equal.flat_map(|at| [handles[at - 1], handles[at]]).for_each(|handle| handle.prefetch());
        }
    }

    /// Gives the members the marks of `steps`, in a frame for just those.
    fn mark_all(&mut self, steps: impl Iterator<Item = u64> + Clone, shift: u8) {
        let (Some(low), Some(high)) = (steps.clone().next(), steps.clone().last()) else { return };
        let new = Frame::around(low, high, shift);
        self.set_frame(new);
        self.marks.iter_mut().zip(steps).for_each(|(mark, step)| *mark = new.mark_of_step(step, shift));
    }

    /// Panics unless frame and marks are as they ought to be.
    #[cfg(test)]
    pub(super) fn check(&self, records: Records<'_>) {
        for (mark, &handle) in self.marks.iter().zip(self.handles()) {
            assert_eq!(Mark::At(*mark), self.frame().mark(order(records.score(handle))), "a mark is that of the score");
        }
        assert!(self.marks[self.len()..].iter().all(|&mark| mark == NO_MARK), "unused places have no mark");
        let keys = self.handles().iter().map(|&handle| (records.score(handle), records.bytes(handle)));
        assert!(keys.is_sorted_by(|a, b| a < b), "members are unique and in order");
    }
}
