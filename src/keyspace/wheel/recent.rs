//! Which keys were scheduled a moment ago: so that a key whose deadline goes back and forth, or that is deleted and made anew again and
//! again (a lock), needs no new entry each time.

use crate::data::table::Position;

/// How many keys are remembered.
const PLACES: usize = 16;

/// For some positions, a tick at which the wheel has an entry of it. A position has one place where it can stand, so a newer one displaces
/// an older.
#[derive(Debug)]
pub(super) struct Recent([(u64, u64); PLACES]);

impl Recent {
    pub(super) fn new() -> Self {
        // Tick 0 has passed always.
        Self([(0, 0); PLACES])
    }

    /// Whether the wheel, which may have yielded entries up to tick `reached`, still has one of this position at `tick` or before.
    #[inline]
    pub(super) fn covers(&self, position: Position, tick: u64, reached: u64) -> bool {
        let (known, at) = self.0[Self::place(position)];
        known == position.get() && at > reached && at <= tick
    }

    /// Notes that an entry was made. It must stay until the wheel has reached its tick.
    #[inline]
    pub(super) fn note(&mut self, position: Position, tick: u64) {
        self.0[Self::place(position)] = (position.get(), tick);
    }

    /// Where a position stands if it does.
    #[inline]
    pub(super) fn at(&self, position: Position) -> *const (u64, u64) {
        &raw const self.0[Self::place(position)]
    }

    #[inline]
    fn place(position: Position) -> usize {
        // The low bits are as good as random.
        position.get() as usize % PLACES
    }
}
