//! Walks that are left and gone on with later: one that never ends, round and round, and one through a table that does not change.
#![expect(unsafe_code, reason = "lends items from the slots of segments, whose invariants stand in segment.rs")]

use std::ops::ControlFlow;

use super::{Item, Table};
use crate::base::prefetch::prefetch;

/// Where a walk through a table that does not change goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// A hash of the segment.
    hash: u64,
    slot: usize,
}

/// The lowest bits of a place are a slot of the segment that the others choose.
const SLOT_MASK: u64 = 0xFF;
/// So many slots ahead, items begin to be loaded.
const AHEAD: usize = 4;

impl<T: Item> Table<T> {
    /// Visits items from `place` on, in the order of [`Table::iter`], until `visit` breaks, and yields where to go on then; `None` after the last.
    /// Who begins at the default place and goes on in the same table, or a clone of it that has not changed, comes by each item exactly once.
    pub fn walk<'a>(&'a self, place: Place, mut visit: impl FnMut(T::Ref<'a>) -> ControlFlow<()>) -> Option<Place> {
        let mut first = place.slot;
        for (least, segment) in self.segments_from(place.hash) {
            for slot in first..segment.slots() {
                // SAFETY: the table is borrowed, so the segment and its items are alive and unchanged; slots that are looked at hold an item.
                unsafe {
                    if slot + AHEAD < segment.slots() && segment.holds(slot + AHEAD) {
                        prefetch(segment.item(slot + AHEAD).as_ptr());
                    }
                    if segment.holds(slot) && visit(T::lend(segment.item(slot))).is_break() {
                        return Some(Place { hash: least, slot: slot + 1 });
                    }
                }
            }
            first = 0;
        }
        None
    }

    /// Visits items from `place` on, in the order of their segments' hashes, until `visit` breaks or `visits` were visited, and yields the place behind
    /// the last. After the last item comes the first. Any number is a place, so a random one begins at a random item, roughly.
    ///
    /// Who goes on from what was yielded comes by each item once a round, but for a few when their segment splits, merges or fills a gap. That is what it is cheaper by
    /// than [`Table::scan`], which promises more. O(visits), unless the table is sparse.
    pub fn sweep<'a>(&'a self, place: u64, visits: usize, mut visit: impl FnMut(T::Ref<'a>) -> ControlFlow<()>) -> u64 {
        let mut left = visits;
        let mut first = (place & SLOT_MASK) as usize;
        let mut from = place & !SLOT_MASK;
        while left > 0 && !self.is_empty() {
            for (least, segment) in self.segments_from(from) {
                for slot in first..segment.slots() {
                    // SAFETY: the table is borrowed, so the segment and its items are alive and unchanged; slots that are looked at hold an item.
                    unsafe {
                        if slot + AHEAD < segment.slots() && segment.holds(slot + AHEAD) {
                            prefetch(segment.item(slot + AHEAD).as_ptr());
                        }
                        if !segment.holds(slot) {
                            continue;
                        }
                        left -= 1;
                        if visit(T::lend(segment.item(slot))).is_break() || left == 0 {
                            return match slot as u64 + 1 {
                                next @ ..=SLOT_MASK => least & !SLOT_MASK | next,
                                // A segment that large has hashes that no directory tells apart. Its other slots are passed over.
                                _ => (least | u64::MAX >> segment.depth()).wrapping_add(1),
                            };
                        }
                    }
                }
                first = 0;
            }
            from = 0;
            first = 0;
        }
        place
    }
}
