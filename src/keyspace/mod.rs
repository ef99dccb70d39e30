//! The keyspace: every key of every database, shared by all threads.
//!
//! ```text
//! Keyspace ─ gates    one per thread, held while it executes a batch; all of them = the whole keyspace is owned
//!          └ shards   by the top bits of a key's hash; each is a lock and, per database, a table of entries
//! ```
//! A thread enters by its own gate ([`Keyspace::enter`]), locks what a command declared ([`Pass::lock`]) and lends it to the handler as
//! [`Keys`]. Invariants:
//! - A shard is touched only by a thread that holds its own gate, or all gates.
//! - Nobody waits for a shard while holding another, but for the one holder of the late-lock token ([`Held::extend`]).
//! - Every wait is bounded by [`WAIT_MS`]; past it the thread gives everything back and reports [`Busy`].
//! - Bookkeeping of a change (an emptied key goes, watchers are told) happens here when an edit ends, never in a handler.
//!
//! Not here: commands, replies, sessions. Expired keys are found by those who ask for them, and by timing wheels ([`expire`]).

mod alarm;
mod change;
mod database;
mod deadlines;
mod discard;
mod effects;
mod entry;
mod events;
pub mod evict;
pub mod expire;
mod freeze;
mod gates;
mod hooks;
mod keys;
mod lend;
mod load;
mod lock;
mod replacement;
mod unsynced;
mod waiting;
mod watch;
mod wheel;
mod whole;

#[cfg(test)]
mod tests;

pub use database::Database;
pub use discard::{GarbageCounts, QUEUE_MAX as DISCARD_QUEUE_MAX};
pub use effects::EffectLog;
pub use entry::{Entry, EntryRef, Kind, NO_DEADLINE, TABLE_BYTES_PER_ENTRY, Value, ValueRef, WHEEL_BYTES_PER_ENTRY};
pub use events::{Event, Listener};
pub use freeze::{Bin, FROZEN_MAX, Frozen, FrozenEntry};
pub use gates::{Busy, Parking, Pass, Patience, WAIT_MS};
pub use keys::{Edit, Edited, Keys, Missing, WrongType};
pub use load::{Arrivals, Duplicate, Twice};
pub use lock::{Extent, Held, Plan, ShardIndex};
pub use waiting::{Awaited, Waiter, Waits};
pub use watch::WatchTicket;

use crate::base::event::Classes;
use crate::base::hash;
use crate::base::limits::DATABASES_MAX;
use crate::base::sync::Mutex;
use crate::base::sync::atomic::{AtomicI64, Ordering};
use alarm::Alarms;
use discard::Discard;
use effects::Journal;
use events::Events;
use evict::Eviction;
use freeze::FrozenCount;
use gates::{Gates, Parked};
use lock::Shard;

/// Enough shards that workers seldom meet, few enough that a shard's directory stays small.
const SHARDS_MIN: usize = 256;
const SHARDS_MAX: usize = 1024;
const SHARDS_PER_THREAD: usize = 32;

/// All keys, their locks, and the counts that can be read without them.
pub struct Keyspace {
    shards: Box<[Padded<Mutex<Shard>>]>,
    shard_bits: u32,
    databases: usize,
    gates: Gates,
    parked: Parked,
    alarms: Alarms,
    /// The right to wait for one more shard while holding others.
    late_lock: Mutex<()>,
    counts: Box<[Padded<SlotCounts>]>,
    /// What the totals were at the last reset.
    baseline: Mutex<KeyspaceTotals>,
    discard: Discard,
    frozen: FrozenCount,
    events: Events,
    journal: Journal,
    eviction: Eviction,
    /// By slot: the keys that somebody waits for and that were made.
    ready: Box<[Padded<waiting::Ready>]>,
    waiting: std::sync::Arc<waiting::Counts>,
}

/// Keeps neighbours off one cache line.
#[repr(align(128))]
#[derive(Debug, Default)]
pub(crate) struct Padded<T>(pub T);

/// What one thread has added to the counts; the sum over threads is the truth. Written only by the thread that holds the slot's gate.
#[derive(Debug)]
pub(crate) struct SlotCounts {
    keys: [AtomicI64; DATABASES_MAX],
    volatile: [AtomicI64; DATABASES_MAX],
    expired: AtomicI64,
    expire_nanos: AtomicI64,
    expire_capped: AtomicI64,
    hits: AtomicI64,
    misses: AtomicI64,
    changes: AtomicI64,
}

impl SlotCounts {
    fn new() -> Self {
        Self {
            keys: std::array::from_fn(|_| AtomicI64::new(0)),
            volatile: std::array::from_fn(|_| AtomicI64::new(0)),
            expired: AtomicI64::new(0),
            expire_nanos: AtomicI64::new(0),
            expire_capped: AtomicI64::new(0),
            hits: AtomicI64::new(0),
            misses: AtomicI64::new(0),
            changes: AtomicI64::new(0),
        }
    }
}

/// Adds without a locked instruction: each counter has one writer at a time, the holder of its slot's gate.
#[inline]
fn add(counter: &AtomicI64, delta: i64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(delta), Ordering::Relaxed);
}

/// Counts since the start, summed over all threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyspaceTotals {
    /// Keys that were removed because their deadline passed.
    pub expired: u64,
    /// Nanoseconds that workers spent on looking for such keys.
    pub expire_nanos: u64,
    /// Turns of that work that ended because they took their time.
    pub expire_capped: u64,
    /// Lookups that found their key.
    pub hits: u64,
    /// Lookups that did not.
    pub misses: u64,
    /// Changes of any kind.
    pub changes: u64,
}

impl Keyspace {
    /// An empty keyspace for `slots` threads, of which `workers` execute commands most of the time.
    ///
    /// # Panics
    /// If `databases` or `slots` is 0, or `databases` is more than [`DATABASES_MAX`].
    pub fn new(databases: usize, slots: usize, workers: usize) -> Self {
        let count = (SHARDS_PER_THREAD * workers).next_power_of_two().clamp(SHARDS_MIN, SHARDS_MAX);
        Self::with_shards(count, databases, slots, workers)
    }

    fn with_shards(count: usize, databases: usize, slots: usize, workers: usize) -> Self {
        assert!((1..=DATABASES_MAX).contains(&databases), "the number of databases was checked by the settings");
        assert!(slots > 0, "a keyspace is used by somebody");
        let shard_bits = count.trailing_zeros();
        Self {
            shards: (0..count).map(|_| Padded(Mutex::new(Shard::new(databases, shard_bits as u8)))).collect(),
            shard_bits,
            databases,
            gates: Gates::new(slots),
            parked: Parked::default(),
            alarms: Alarms::new(count, workers),
            late_lock: Mutex::new(()),
            counts: (0..slots).map(|_| Padded(SlotCounts::new())).collect(),
            baseline: Mutex::new(KeyspaceTotals::default()),
            discard: Discard::default(),
            frozen: FrozenCount::default(),
            events: Events::default(),
            journal: Journal::new(slots),
            eviction: Eviction::default(),
            ready: (0..slots).map(|_| Padded(waiting::Ready::default())).collect(),
            waiting: Default::default(),
        }
    }

    /// Has large values freed by a thread of their own from now on. It ends when the keyspace is dropped.
    ///
    /// # Errors
    /// If the system has no thread to give. Everything is freed where it is dropped then.
    pub fn free_in_background(&self) -> std::io::Result<()> {
        self.discard.start()
    }

    /// What waits to be freed in the background, and what was.
    pub fn garbage(&self) -> GarbageCounts {
        self.discard.counts()
    }

    /// Has `listener` told what happens to keys from now on, as far as it is wanted. False if somebody listens already.
    pub fn listen(&self, listener: Listener) -> bool {
        self.events.listen(listener)
    }

    /// Says of which events the listener is told; of none at first.
    pub fn want_events(&self, classes: Classes) {
        self.events.want(classes);
    }

    /// How many databases there are.
    pub fn databases(&self) -> usize {
        self.databases
    }

    /// How many shards there are; a power of two.
    pub fn shards(&self) -> usize {
        self.shards.len()
    }

    /// The shard of a key.
    #[inline]
    pub fn shard_of(&self, key: &[u8]) -> ShardIndex {
        self.shard_of_hash(hash::hash(key))
    }

    #[inline]
    pub(crate) fn shard_of_hash(&self, hash: u64) -> ShardIndex {
        (hash >> (64 - self.shard_bits)) as ShardIndex
    }

    /// Keys in a database, expired ones that nobody has met yet included. Exact for who owns all gates, else a moment's sum. O(threads).
    pub fn len(&self, db: usize) -> usize {
        self.sum(|counts| &counts.keys[db])
    }

    /// Whether a database has no key; see [`Keyspace::len`].
    pub fn is_empty(&self, db: usize) -> bool {
        self.len(db) == 0
    }

    /// Keys with a deadline in a database; see [`Keyspace::len`].
    pub fn volatile(&self, db: usize) -> usize {
        self.sum(|counts| &counts.volatile[db])
    }

    /// The counts since the start.
    pub fn totals(&self) -> KeyspaceTotals {
        KeyspaceTotals {
            expired: self.sum(|counts| &counts.expired) as u64,
            expire_nanos: self.sum(|counts| &counts.expire_nanos) as u64,
            expire_capped: self.sum(|counts| &counts.expire_capped) as u64,
            hits: self.sum(|counts| &counts.hits) as u64,
            misses: self.sum(|counts| &counts.misses) as u64,
            changes: self.sum(|counts| &counts.changes) as u64,
        }
    }

    /// The counts since the last [`Keyspace::reset_totals`], as INFO tells them.
    pub fn totals_since_reset(&self) -> KeyspaceTotals {
        let (now, then) = (self.totals(), *self.baseline.lock());
        KeyspaceTotals {
            expired: now.expired.saturating_sub(then.expired),
            expire_nanos: now.expire_nanos.saturating_sub(then.expire_nanos),
            expire_capped: now.expire_capped.saturating_sub(then.expire_capped),
            hits: now.hits.saturating_sub(then.hits),
            misses: now.misses.saturating_sub(then.misses),
            changes: now.changes.saturating_sub(then.changes),
        }
    }

    /// Has [`Keyspace::totals_since_reset`] begin again at zero, as CONFIG RESETSTAT does.
    pub fn reset_totals(&self) {
        *self.baseline.lock() = self.totals();
    }

    fn sum(&self, pick: impl Fn(&SlotCounts) -> &AtomicI64) -> usize {
        let total = self.counts.iter().fold(0i64, |sum, slot| sum.wrapping_add(pick(&slot.0).load(Ordering::Relaxed)));
        usize::try_from(total).unwrap_or(0)
    }
}

impl std::fmt::Debug for Keyspace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyspace").field("shards", &self.shards.len()).field("databases", &self.databases).finish()
    }
}
