//! The directory: which segment owns which part of the hash space.
//!
//! A slot per value of the top `depth` bits of the hash (below the skipped ones), holding the number of a segment. A segment that needs
//! only `depth - k` of those bits owns an aligned run of 2^k slots. A lookup loads a slot (4 bytes), then the segment's header, and
//! does not branch on how long the run is: it could not be predicted.

use super::Keyed;
use super::segment::{self, Segment};

/// The most bits of the hash that a directory uses.
const DEPTH_MAX: u32 = 24;
/// A directory has no more slots than one per so many items. Random hashes stay far below. Without it, a few hundred items with the
/// same leading bits could ask for a directory of any size; with it, their segment grows past its size instead.
const ITEMS_PER_SLOT_MIN: usize = 16;
/// A directory of so few items may have that many slots all the same.
const SMALL_LEN: usize = 256;

/// Two or more slots, a power of two, and their segments.
#[derive(Clone)]
pub(super) struct Directory<T> {
    /// For each slot, the number of its segment.
    slots: Box<[u32]>,
    /// The segments, in no order.
    segments: Vec<Segment<T>>,
    /// The items in all segments.
    len: usize,
    upkeep: Box<Upkeep>,
    /// The distance of the directory's bits from the bottom of the hash.
    shift: u8,
}

/// What a lookup does not need.
#[derive(Clone)]
struct Upkeep {
    /// For each segment, the slots that it owns.
    runs: Vec<Run>,
    /// How many segments own a run of one slot. When none is left, the directory can halve.
    deepest: u32,
    /// Whether a segment has ever been allowed to grow past its size.
    has_overflowed: bool,
}

/// 2^k slots from `first` on.
#[derive(Clone, Copy)]
struct Run {
    first: u32,
    k: u32,
}

impl Run {
    fn slots(self) -> std::ops::Range<usize> {
        let first = self.first as usize;
        first..first + (1 << self.k)
    }
}

impl<T> Directory<T> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The bytes allocated beside the segments' own.
    pub(super) fn allocated_bytes(&self) -> usize {
        size_of_val(&*self.slots)
            + self.segments.capacity() * size_of::<Segment<T>>()
            + size_of::<Upkeep>()
            + self.upkeep.runs.capacity() * size_of::<Run>()
    }

    pub(super) fn has_overflowed(&self) -> bool {
        self.upkeep.has_overflowed
    }

    /// The segments, in no order.
    pub(super) fn segments(&self) -> &[Segment<T>] {
        &self.segments
    }

    /// The segments in hash order from that of `hash` on, each with the least hash of its range, without the skipped bits.
    pub(super) fn segments_from(&self, hash: u64) -> impl Iterator<Item = (u64, &Segment<T>)> {
        let mut slot = self.upkeep.runs[self.index(hash)].first as usize;
        std::iter::from_fn(move || {
            let index = *self.slots.get(slot)? as usize;
            let least = (slot as u64) << self.shift;
            slot = self.upkeep.runs[index].slots().end;
            Some((least, &self.segments[index]))
        })
    }

    #[inline]
    pub(super) fn segment(&self, hash: u64) -> &Segment<T> {
        &self.segments[self.index(hash)]
    }

    #[inline]
    pub(super) fn segment_mut(&mut self, hash: u64) -> &mut Segment<T> {
        let index = self.index(hash);
        &mut self.segments[index]
    }

    /// The segment of `hash`, to which the caller adds one item.
    #[inline]
    pub(super) fn segment_for_new(&mut self, hash: u64) -> &mut Segment<T> {
        self.len += 1;
        self.segment_mut(hash)
    }

    /// Gives up the last segment, when there is only one.
    pub(super) fn take_only_segment(&mut self) -> Option<Segment<T>> {
        if self.segments.len() == 1 { self.segments.pop() } else { None }
    }

    #[inline]
    fn slot(&self, hash: u64) -> usize {
        (hash >> self.shift) as usize & (self.slots.len() - 1)
    }

    #[inline]
    fn index(&self, hash: u64) -> usize {
        self.slots[self.slot(hash)] as usize
    }

    /// Gives a segment a run of slots.
    fn assign(&mut self, index: usize, run: Run) {
        self.upkeep.runs[index] = run;
        self.slots[run.slots()].fill(index as u32);
    }

    /// One bit more for every slot. O(slots).
    fn double(&mut self) {
        self.slots = self.slots.iter().flat_map(|&index| [index, index]).collect();
        for run in &mut self.upkeep.runs {
            *run = Run { first: 2 * run.first, k: run.k + 1 };
        }
        self.shift -= 1;
        self.upkeep.deepest = 0;
    }

    /// One bit less for every slot, as often as no segment needs the last one. O(slots).
    fn halve_while_possible(&mut self) {
        while self.upkeep.deepest == 0 && self.slots.len() > 1 {
            self.slots = self.slots.iter().copied().step_by(2).collect();
            for run in &mut self.upkeep.runs {
                *run = Run { first: run.first / 2, k: run.k - 1 };
                self.upkeep.deepest += u32::from(run.k == 0);
            }
            self.shift += 1;
        }
    }

    fn can_double(&self) -> bool {
        let slots = 2 * self.slots.len();
        slots <= 1 << DEPTH_MAX && slots * ITEMS_PER_SLOT_MIN <= self.len.max(SMALL_LEN)
    }
}

impl<T: Keyed> Directory<T> {
    /// The directory of two halves of a full segment.
    pub(super) fn split_from(full: Segment<T>, skip_bits: u8) -> Self {
        let shift = 63 - skip_bits;
        let len = full.len();
        let (lower, upper) = segment::split(full, |hash| hash >> shift & 1 == 1);
        let runs = vec![Run { first: 0, k: 0 }, Run { first: 1, k: 0 }];
        let upkeep = Box::new(Upkeep { runs, deepest: 2, has_overflowed: false });
        Self { slots: Box::new([0, 1]), segments: vec![lower, upper], len, upkeep, shift }
    }

    /// Sees to it that the segment of `hash` can take one more item. If hashes have too much in common to be split, lets it grow.
    pub(super) fn make_room(&mut self, hash: u64) {
        loop {
            let index = self.index(hash);
            let segment = &mut self.segments[index];
            if !segment::is_full(segment) || segment::make_room_within(segment) {
                return;
            }
            if self.upkeep.runs[index].k > 0 {
                self.split(index);
            } else if self.can_double() {
                self.double();
            } else {
                self.upkeep.has_overflowed = true;
                return;
            }
        }
    }

    /// Removes the item with this key, then what memory it made needless.
    pub(super) fn remove(&mut self, hash: u64, key: &[u8]) -> Option<T> {
        let index = self.index(hash);
        let segment = &mut self.segments[index];
        let item = segment::remove(segment, hash, key)?;
        let is_small = segment.len() <= segment::MERGE_ITEMS_MAX / 2;
        self.len -= 1;
        if is_small {
            self.settle(index);
            self.halve_while_possible();
        }
        Some(item)
    }

    /// Removes every item of which `keep` says false, then what memory they made needless.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&mut T) -> bool) {
        for segment in &mut self.segments {
            segment.retain(&mut keep);
        }
        self.len = self.segments.iter().map(Segment::len).sum();
        let mut slot = 0;
        while slot < self.slots.len() {
            let index = self.settle(self.slots[slot] as usize);
            slot = self.upkeep.runs[index].slots().end;
        }
        self.halve_while_possible();
    }

    /// Splits a segment, whose run is two slots or longer, in the middle of its run.
    fn split(&mut self, index: usize) {
        let Run { first, k } = self.upkeep.runs[index];
        let half = k - 1;
        let middle = first + (1 << half);
        let full = std::mem::take(&mut self.segments[index]);
        let (lower, upper) = segment::split(full, |hash| self.slot(hash) >= middle as usize);
        self.segments[index] = lower;
        self.upkeep.runs[index] = Run { first, k: half };
        self.segments.push(upper);
        self.upkeep.runs.push(Run { first: middle, k: half });
        self.assign(self.segments.len() - 1, Run { first: middle, k: half });
        if half == 0 {
            self.upkeep.deepest += 2;
        }
    }

    /// Merges a segment with its neighbour as often as both are sparse, or shrinks it. Yields the number that it has then.
    fn settle(&mut self, index: usize) -> usize {
        let mut index = index;
        while let Some(other) = self.mergeable_with(index) {
            index = self.merge(index, other);
        }
        segment::shrink_if_sparse(&mut self.segments[index]);
        index
    }

    /// The segment of the other half of the next larger run, if the two fit well into one.
    fn mergeable_with(&self, index: usize) -> Option<usize> {
        let Run { first, k } = self.upkeep.runs[index];
        let other = *self.slots.get(first as usize ^ (1 << k))? as usize;
        let is_whole = self.upkeep.runs[other].k == k;
        let len = self.segments[index].len() + self.segments[other].len();
        (is_whole && len <= segment::MERGE_ITEMS_MAX).then_some(other)
    }

    /// Merges two segments and yields the number of the result.
    fn merge(&mut self, index: usize, other: usize) -> usize {
        let Run { first, k } = self.upkeep.runs[index];
        let upper = std::mem::take(&mut self.segments[other]);
        let lower = std::mem::take(&mut self.segments[index]);
        self.segments[index] = segment::merge(lower, upper);
        self.assign(index, Run { first: first & !(1 << k), k: k + 1 });
        if k == 0 {
            self.upkeep.deepest -= 2;
        }
        // The last segment takes the number that became free.
        let last = self.segments.len() - 1;
        self.segments.swap_remove(other);
        self.upkeep.runs.swap_remove(other);
        if other < last {
            self.assign(other, self.upkeep.runs[other]);
        }
        if self.segments.capacity() > 4 * self.segments.len() {
            self.segments.shrink_to(2 * last);
            self.upkeep.runs.shrink_to(2 * last);
        }
        if index == last { other } else { index }
    }
}

#[cfg(test)]
impl<T: Keyed> Directory<T> {
    pub(super) fn slot_count(&self) -> usize {
        self.slots.len()
    }

    /// Panics unless every invariant of the directory holds.
    pub(super) fn check(&self) {
        assert!(self.slots.len().is_power_of_two() && self.segments.len() >= 2, "a directory has 2^depth slots");
        assert_eq!(self.segments.len(), self.upkeep.runs.len(), "each segment has a run");
        let (mut covered, mut len, mut deepest) = (0, 0, 0);
        for (index, (segment, run)) in self.segments.iter().zip(&self.upkeep.runs).enumerate() {
            assert!(run.first.is_multiple_of(1 << run.k), "a run is aligned");
            assert!(self.slots[run.slots()].iter().all(|&slot| slot as usize == index), "a run is marked throughout");
            assert!(
                segment.iter().all(|item| self.index(item.key_hash()) == index),
                "an item lives in the run of its hash"
            );
            let buckets_max = if self.has_overflowed() { usize::MAX } else { segment::BUCKETS_MAX };
            assert!(segment.num_buckets() <= buckets_max, "a segment stays small");
            covered += run.slots().len();
            len += segment.len();
            deepest += u32::from(run.k == 0);
        }
        assert_eq!(covered, self.slots.len(), "every slot is in one run");
        assert_eq!((len, deepest), (self.len, self.upkeep.deepest), "the counts are right");
        assert!(deepest > 0, "the directory is no deeper than needed");
    }
}
