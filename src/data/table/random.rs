//! Choices among the items of a table: a fair one, and a cheap one of several.
#![expect(unsafe_code, reason = "lends items from the slots of segments, whose invariants stand in segment.rs")]

use super::group::WIDTH;
use super::segment::GROUPS_MAX;
use super::{Item, Table};
use crate::base::rng::Rng;

/// So many random slots are tried before the items are counted off. In a table that grew, one try in two to four hits.
const TRIES_MAX: usize = 64;
/// The slots of the largest segment that has not overflowed.
const SLOTS_MAX: usize = GROUPS_MAX * WIDTH;

impl<T: Item> Table<T> {
    /// One of the items, each as likely as any other. O(1) expected; O(segments) at worst.
    pub fn at_random(&self, rng: &mut Rng) -> Option<T::Ref<'_>> {
        if self.is_empty() {
            return None;
        }
        // A segment with more slots than the rest would get less than its share.
        let tries = if self.has_overflowed { 0 } else { TRIES_MAX };
        // Each try picks every slot of every segment with the same probability, so what it hits is fair; so is the count.
        (0..tries).find_map(|_| self.random_try(rng)).or_else(|| self.nth(rng.below(self.len())))
    }

    /// Picks a part of the hash space that is as small as the smallest segment's, and a slot that a segment there might have. A segment k bits less deep
    /// is met 2^k times as often, and is asked for one of 2^k times as many slots.
    fn random_try(&self, rng: &mut Rng) -> Option<T::Ref<'_>> {
        let segment = self.segment(rng.next_u64())?;
        let slot = rng.below(SLOTS_MAX << (u32::from(self.depth_max) - segment.depth()));
        // SAFETY: the table is borrowed, so the segment and its items are alive and unchanged; the slot exists and holds an item.
        unsafe { (slot < segment.slots() && segment.holds(slot)).then(|| T::lend(segment.item(slot))) }
    }

    /// The item number `index` in the order of [`Table::iter`]. O(segments).
    fn nth(&self, index: usize) -> Option<T::Ref<'_>> {
        let mut left = index;
        for (_, segment) in self.segments_from(0) {
            // SAFETY: the table is borrowed, so the segment and its items are alive and unchanged; slots that hold an item are lent.
            unsafe {
                if left < segment.len() {
                    let mut full = (0..segment.slots()).filter(|&slot| segment.holds(slot));
                    return full.nth(left).map(|slot| T::lend(segment.item(slot)));
                }
                left -= segment.len();
            }
        }
        None
    }

    /// Visits `count` items that lie together at a random place, or all if there are no more; each at most once. Items of sparse segments are a little
    /// likelier than others. Cheap: a lookup, and then one item after the other.
    pub fn sample<'a>(&'a self, rng: &mut Rng, count: usize, mut visit: impl FnMut(T::Ref<'a>)) {
        let mut left = count.min(self.len());
        if left == 0 {
            return;
        }
        let start = rng.next_u64();
        let begins_at = self.segment(start).map(|segment| rng.below(segment.slots()));
        // From the random slot to the end of the hash space, then from its beginning to the random slot.
        let wrapped = self.segments_from(0).map(|(_, segment)| (segment, None));
        let ahead = self.segments_from(start).map(|(_, segment)| (segment, Some(segment)));
        let mut first = self.segment(start).zip(begins_at);
        for (segment, is_ahead) in ahead.chain(wrapped) {
            let slots = match (first, is_ahead) {
                (Some((begun, slot)), Some(_)) if begun.base() == segment.base() => slot..segment.slots(),
                (Some((begun, slot)), None) if begun.base() == segment.base() => {
                    first = None;
                    0..slot
                }
                _ => 0..segment.slots(),
            };
            for slot in slots {
                // SAFETY: the table is borrowed, so the segment and its items are alive and unchanged; the slot holds an item.
                unsafe {
                    if segment.holds(slot) {
                        visit(T::lend(segment.item(slot)));
                        left -= 1;
                    }
                }
                if left == 0 {
                    return;
                }
            }
        }
    }
}
