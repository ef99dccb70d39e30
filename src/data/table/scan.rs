//! Walking a table in pieces, in hash order, and looking at one place in it.
#![expect(unsafe_code, reason = "lends items from the slots of segments, whose invariants stand in segment.rs")]

use std::cmp::Ordering;

use super::segment::Segment;
use super::{Item, Table};

/// A place in the hash space: the top 48 bits of a hash, so that a cursor made of it is exact in a double (2^53), as clients need
/// that keep cursors in JavaScript or Lua numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(u64);

impl Position {
    /// The bits of a position.
    pub const BITS: u32 = 48;
    /// Where a scan begins.
    pub const START: Self = Self(0);

    /// The position with this number, which is below 2^48; `None` if it is not.
    pub const fn new(number: u64) -> Option<Self> {
        if number >> Self::BITS == 0 { Some(Self(number)) } else { None }
    }

    /// The position of items with this hash.
    #[inline]
    pub const fn of(hash: u64) -> Self {
        Self(hash >> (64 - Self::BITS))
    }

    /// Its number, below 2^48.
    #[inline]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The least hash at this position.
    pub const fn least_hash(self) -> u64 {
        self.0 << (64 - Self::BITS)
    }
}

impl<T: Item> Table<T> {
    /// Visits items in hash order, from position `from` on: at least `limit` of them (and at least one) if so many are left, and a run of
    /// equal positions always to its end. Yields where to go on, or `None` when nothing is left.
    ///
    /// Promise: who begins at [`Position::START`] and goes on until `None` visits every item that was in the table throughout exactly
    /// once, whatever was inserted, removed, split or merged between the calls. For an item's position never changes, and
    /// each call visits all items of one range of positions.
    ///
    /// Loads a few items more than it visits, and otherwise costs O(segments visited).
    pub fn scan<'a>(&'a self, from: Position, limit: usize, mut visit: impl FnMut(T::Ref<'a>)) -> Option<Position> {
        let mut left = limit.max(1);
        // The top bits that all items of this table share; a scan over several tables may begin below or beyond them.
        let shared_mask = !(u64::MAX >> self.skip_bits);
        let shared = T::key_hash(self.iter().next()?) & shared_mask;
        let from_hash = from.least_hash();
        let first = match (from_hash & shared_mask).cmp(&shared) {
            Ordering::Less => shared,
            Ordering::Equal => from_hash,
            Ordering::Greater => return None,
        };
        let from = from.max(Position::of(first));
        for (least, segment) in self.segments_from(first) {
            if left == 0 {
                return Some(Position::of(least));
            }
            let next = self.scan_segment(segment, from, &mut left, &mut visit);
            if next.is_some() {
                return next;
            }
        }
        None
    }

    /// Visits the next `left` items of a segment from position `from` on, and yields the position of the first that it left out.
    fn scan_segment<'a>(
        &'a self,
        segment: Segment,
        from: Position,
        left: &mut usize,
        visit: &mut impl FnMut(T::Ref<'a>),
    ) -> Option<Position> {
        // The windows are in the order of the positions, so that only what is near the visited needs to be loaded for its hash.
        let mut windows: Vec<(u32, u32)> = Vec::with_capacity(segment.slots());
        // SAFETY: the table is borrowed, so the segment and its items are alive and unchanged.
        unsafe {
            segment.for_each(|index, _| windows.push((segment.window(index), index as u32)));
        }
        // A segment may begin at `from` or beyond; then none of its windows lies before.
        let from_window = if self.is_within(segment, from) { segment.window_for(from.least_hash()) } else { 0 };
        windows.retain(|(window, _)| *window >= from_window);
        windows.sort_unstable();
        let mut run: Vec<(Position, T::Ref<'a>)> = Vec::new();
        for same in windows.chunk_by(|a, b| a.0 == b.0) {
            run.clear();
            run.extend(same.iter().map(|(_, index)| {
                // SAFETY: as above; the slot holds an item.
                let item = unsafe { T::lend(segment.item(*index as usize)) };
                (Position::of(T::key_hash(item)), item)
            }));
            run.retain(|(position, _)| *position >= from);
            run.sort_by_key(|(position, _)| *position);
            for equal in run.chunk_by(|a, b| a.0 == b.0) {
                if *left == 0 {
                    return Some(equal[0].0);
                }
                *left = left.saturating_sub(equal.len());
                equal.iter().for_each(|(_, item)| visit(*item));
            }
        }
        None
    }

    /// Whether a position is in the range of a segment, all of whose items agree with it in the bits that the segment fixes.
    fn is_within(&self, segment: Segment, position: Position) -> bool {
        match self.segment(position.least_hash()) {
            Some(found) => found.base() == segment.base(),
            None => false,
        }
    }

    /// Visits the items at one position: nearly always one at most.
    pub fn at_position<'a>(&'a self, position: Position, mut visit: impl FnMut(T::Ref<'a>)) {
        let hash = position.least_hash();
        let Some(segment) = self.segment(hash) else { return };
        // Window and tag are parts of a position.
        // SAFETY: the table is borrowed, so the segment and its items are alive and unchanged.
        unsafe {
            segment.find(hash, |pointer| {
                let item = T::lend(pointer);
                if Position::of(T::key_hash(item)) == position {
                    visit(item);
                }
                false
            });
        }
    }
}
