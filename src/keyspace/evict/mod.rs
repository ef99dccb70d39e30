//! Eviction: which entry goes when memory is short.
//!
//! ```text
//! rules     the settings, as one word that every access reads
//! access    what the 24 access bits of an entry mean, by policy
//! entries   what is asked of a table: a walk, a lookup by hash, access bits
//! choose    names a victim: by samples and a pool (LRU, LFU, TTL), by chance, by queues
//! queues    S3-FIFO: a small queue, a clock, and ghosts
//! shelf     the keyspace's tables as entries
//! room      goes round the shards and evicts
//! pressure  how memory stands
//! ```
//! Choosing knows neither locks nor keys, so that `examples/eviction.rs` can run it on traces.

mod access;
mod bell;
mod choose;
mod entries;
mod ghosts;
mod pressure;
mod queues;
mod room;
mod rules;
mod shelf;
#[cfg(test)]
mod tests;

pub use access::{idle_seconds, idle_since};
pub use choose::{Chooser, Part, Victim};
pub use entries::{Entries, Hand, Seen};
pub use pressure::Pressure;
pub use queues::Queues;
pub use room::{Evictor, Room};
pub use rules::{Meaning, Rules, SharedRules};
pub(super) use shelf::{Memory, Shelf};

use super::Keyspace;
use crate::base::clock::UnixMillis;
use crate::data::record::Record;

/// A collection of more elements is freed in the background even if evicted entries are not.
const ELEMENTS_INLINE_MAX: usize = 100_000;

/// What the keyspace keeps about eviction, beside the tables.
#[derive(Debug, Default)]
pub(super) struct Eviction {
    pub(super) rules: SharedRules,
    pub(super) pressure: Pressure,
    bell: bell::Bell,
}

impl Keyspace {
    /// What decides which entry goes when memory is short.
    #[inline]
    pub fn eviction_rules(&self) -> Rules {
        self.eviction.rules.get()
    }

    /// Changes that, and has everybody told who waits for it ([`Keyspace::poll_eviction`]).
    pub fn set_eviction_rules(&self, rules: Rules) {
        self.eviction.rules.set(rules);
        self.eviction.bell.ring();
    }

    /// Ready with the number of changes of the rules, once it is not `known` any more.
    pub fn poll_eviction(&self, known: u64, context: &mut std::task::Context<'_>) -> std::task::Poll<u64> {
        self.eviction.bell.poll(known, context)
    }

    /// How memory stands.
    pub fn pressure(&self) -> &Pressure {
        &self.eviction.pressure
    }

    /// Bytes in use that eviction must not count, for evicting more would not free them.
    pub fn not_counted_for_eviction(&self, now: UnixMillis) -> usize {
        self.eviction.pressure.retained(self.frozen.is_any(), now)
    }

    /// Whether so much is being freed in the background that it is better to wait than to evict.
    pub fn is_freeing(&self) -> bool {
        self.discard.is_freeing()
    }

    /// Whether there is an entry that may go.
    fn may_evict(&self, rules: Rules) -> bool {
        let eligible = |db| if rules.volatile_only() { self.volatile(db) } else { self.len(db) };
        rules.policy != crate::config::EvictionPolicy::NoEviction && (0..self.databases).any(|db| eligible(db) > 0)
    }

    /// Frees what was evicted: here, so that memory is short no longer, unless it is to be freed in the background.
    fn free_evicted(&self, record: Record, rules: Rules, now: UnixMillis) {
        if !record.is_unique() {
            self.eviction.pressure.retain(record.lend().allocated_bytes(), now);
        }
        if rules.lazy || record.lend().value().elements() > ELEMENTS_INLINE_MAX {
            self.discard.record(record);
        }
    }
}
