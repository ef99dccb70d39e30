//! Where the keyspace tells eviction what happens to entries. Each is called under the shard's lock, in the midst of a command, so it takes a few
//! nanoseconds or says why not. Deadlines are noted by [`super::Keyspace::schedule`].

use super::evict::{Rules, Shelf};
use super::lock::Shard;
use super::{Database, Keyspace};
use crate::base::clock::UnixMillis;
use crate::base::sync::atomic::Ordering;
use crate::data::record::RecordRef;

/// What an access at one moment does to an entry.
#[derive(Clone, Copy)]
pub(super) struct Touch {
    rules: Rules,
    now: UnixMillis,
    chance: u64,
}

impl Keyspace {
    /// An access by the holder of `slot`.
    #[inline]
    pub(super) fn touch(&self, slot: usize, now: UnixMillis) -> Touch {
        // Each access changes one of these counts, so the sum is not the same twice.
        let counts = &self.counts[slot].0;
        let chance = counts.hits.load(Ordering::Relaxed).wrapping_add(counts.changes.load(Ordering::Relaxed));
        Touch { rules: self.eviction_rules(), now, chance: chance as u64 }
    }
}

impl Touch {
    /// The access bits of a new entry.
    #[inline]
    pub(super) fn fresh(self) -> u32 {
        self.rules.fresh(self.now)
    }

    /// Notes the access in the entry. Writes only what changes, so that reading a popular key dirties no memory.
    #[inline]
    pub(super) fn note(self, record: RecordRef<'_>) {
        let before = record.access();
        let after = self.rules.accessed(before, self.now, self.chance);
        if before != after {
            record.set_access(after);
        }
    }
}

impl Shard {
    /// An entry is about to come in. Under a policy with queues that is a lookup of its ghost, and sometimes of the oldest newcomer.
    #[inline]
    pub(super) fn on_insert(&mut self, keyspace: &Keyspace, db: usize, hash: u64, record: RecordRef<'_>) {
        let Database { table, volatile, memory, .. } = &mut self.databases[db];
        if keyspace.eviction_rules().queues() {
            memory.admit(Shelf { table, volatile: *volatile, shard_bits: keyspace.shard_bits }, hash, record);
        } else {
            memory.forget();
        }
    }
}
