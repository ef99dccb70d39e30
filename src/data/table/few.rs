//! Keys a few at a time: what the lookups of some need is loaded at once, while one by one each would wait for its own.

use super::{Item, Step, Table};
use smallvec::SmallVec;

/// So many keys at a time: as many loads as a processor has under way at once.
const FEW: usize = 16;

/// Some keys with their hashes.
pub(in crate::data) type Few<'k> = SmallVec<[(u64, &'k [u8]); FEW]>;

/// The next few of many; none at their end.
pub(in crate::data) fn next_few<'k>(keys: &mut impl Iterator<Item = (u64, &'k [u8])>) -> Few<'k> {
    keys.take(FEW).collect()
}

impl<T: Item> Table<T> {
    /// Begins to load what lookups of these will read.
    pub(in crate::data) fn prefetch_few(&self, few: &Few<'_>) {
        for step in [Step::Segment, Step::Item] {
            few.iter().for_each(|(hash, _)| self.prefetch(step, *hash));
        }
    }

    /// Removes the items with these keys, each with its hash, and yields how many there were. O(keys), amortised.
    pub fn remove_all<'k>(&mut self, mut keys: impl Iterator<Item = (u64, &'k [u8])>) -> usize {
        let mut removed = 0;
        loop {
            let few = next_few(&mut keys);
            if few.is_empty() {
                return removed;
            }
            self.prefetch_few(&few);
            removed += few.iter().filter(|(hash, key)| self.remove(*hash, key).is_some()).count();
        }
    }
}
