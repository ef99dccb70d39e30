//! When the keys of one table are due: a timing wheel, and what keeps it small and right.
//!
//! Invariant: every entry of the table with a deadline has been scheduled for that deadline or an earlier one, and what was scheduled has not been
//! yielded since. So an entry is needed only for a deadline that is *earlier* than the one before ([`Deadlines::schedule`]); one that moves later, as
//! those of limiters and sessions do all the time, costs nothing. The record remains the truth: who is yielded is looked up, and scheduled again if
//! his time has not come.
//!
//! Stale entries come from deadlines that were shortened, and from keys that were deleted or made persistent. Most vanish when they fire. So that
//! there are never many, the wheel is *renewed* when it has more than two entries per key that has a deadline (and some, see
//! `has_too_many`): a walk over the table, in slices, schedules what it finds on a new wheel. Until it has passed over all, the old
//! wheel yields as well. A mark in each record that counts its entries would save the walk, but every record would pay for it; the walk costs at most
//! four visits for each superfluous entry. A wheel is renewed as well when the clock was set back: it has turned too far then.

use super::wheel::Wheel;
use crate::base::clock::UnixMillis;
use crate::data::table::Position;

/// So many entries are never too many.
const ENTRIES_FLOOR: usize = 64;

/// The deadlines of one table.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    wheel: Wheel,
    renewal: Option<Box<Renewal>>,
}

/// The renewal of a wheel that is under way.
#[derive(Debug)]
struct Renewal {
    old: Wheel,
    /// Where the walk over the table goes on.
    walk: Position,
}

impl Deadlines {
    /// No deadlines.
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Has the key at `position` yielded once `deadline` has passed. Called whenever a key gets a deadline that is earlier than the one it
    /// had.
    #[inline]
    pub(super) fn schedule(&mut self, position: Position, deadline: UnixMillis, now: UnixMillis) {
        self.wheel.schedule(position, deadline, now);
    }

    /// Begins to load what [`Deadlines::schedule`] looks at first.
    #[inline]
    pub(super) fn prefetch(&self, position: Position) {
        self.wheel.prefetch(position);
    }

    /// One position that is due; see [`Wheel::pop`].
    pub(super) fn pop(&mut self, now: UnixMillis, work: &mut usize) -> Option<Position> {
        if let Some(renewal) = &mut self.renewal
            && let Some(position) = renewal.old.pop(now, work)
        {
            return Some(position);
        }
        self.wheel.pop(now, work)
    }

    /// Whether there is nothing to do, now or later.
    #[inline]
    pub(super) fn is_idle(&self) -> bool {
        self.renewal.is_none() && self.wheel.is_idle()
    }

    /// When there is something to do next; [`UnixMillis::MIN`] if there is something that does not wait for a time.
    pub(super) fn next(&self) -> Option<UnixMillis> {
        if self.renewal.is_some() { Some(UnixMillis::MIN) } else { self.wheel.next() }
    }

    /// How many entries there are, stale ones included.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.wheel.len() + self.renewal.as_ref().map_or(0, |renewal| renewal.old.len())
    }

    /// How many entries have been found due and were not yielded yet.
    pub(super) fn due_len(&self) -> usize {
        self.wheel.due_len() + self.renewal.as_ref().map_or(0, |renewal| renewal.old.due_len())
    }

    /// The bytes allocated. O(slots).
    #[cfg(test)]
    pub(super) fn allocated_bytes(&self) -> usize {
        self.wheel.allocated_bytes() + self.renewal.as_ref().map_or(0, |renewal| renewal.old.allocated_bytes())
    }

    /// Whether a table with so many keys, of which so many have a deadline, should not need so many entries. A quarter of all keys is
    /// always allowed, for they are what a renewal has to visit.
    #[inline]
    pub(super) fn has_too_many(&self, volatile: usize, keys: usize) -> bool {
        self.renewal.is_none() && self.wheel.len() > 2 * volatile + keys / 4 + ENTRIES_FLOOR
    }

    /// Begins a renewal where one is wanted, and says whether one is under way.
    pub(super) fn is_renewing(&mut self, volatile: usize, keys: usize, now: UnixMillis) -> bool {
        if self.has_too_many(volatile, keys) || (self.renewal.is_none() && self.wheel.is_astray(now)) {
            let old = std::mem::take(&mut self.wheel);
            self.renewal = Some(Box::new(Renewal { old, walk: Position::START }));
        }
        self.renewal.is_some()
    }

    /// Goes on with a renewal. `scan` visits some entries from a position on, and says where to go on, as [`crate::data::table::Table::scan`] does.
    pub(super) fn renew(
        &mut self,
        now: UnixMillis,
        scan: impl FnOnce(Position, &mut dyn FnMut(Position, UnixMillis)) -> Option<Position>,
    ) {
        let Some(renewal) = &mut self.renewal else { return };
        let wheel = &mut self.wheel;
        match scan(renewal.walk, &mut |position, deadline| wheel.schedule(position, deadline, now)) {
            Some(next) => renewal.walk = next,
            None => self.renewal = None,
        }
    }
}
