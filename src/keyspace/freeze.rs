//! Frozen clones: a database, or all of them, as they are at one moment, for who reads longer than anybody may hold locks.
//!
//! A clone takes one root of each shard's table and copies nothing; that is a few microseconds behind all gates, at any size. From then on writers copy what they
//! touch for the first time, a segment at a time, and whoever has the clone reads it on any thread without a lock. What writers replaced lives as long
//! as the clone does, which is then freed in the background.

use super::discard::Queue;
use super::entry::{EntryRef, Kind, Value};
use super::keys::Keys;
use super::lock::{Extent, Held};
use super::{Busy, Keyspace, Pass, Patience, Plan, ShardIndex};
use crate::base::hash;
use crate::data::record::Record;
use crate::data::table::Table;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The most frozen clones at a time, of everything or of one entry. Each has at most one reference to a record, and a record can count 60,000; those that wait to be freed come on top.
pub const FROZEN_MAX: usize = 1_000;

const _: () = assert!(
    FROZEN_MAX + super::DISCARD_QUEUE_MAX < crate::data::record::REFERENCES_MAX as usize / 2,
    "a record can count the clones that hold it"
);

/// How many frozen clones there are.
#[derive(Clone, Debug, Default)]
pub(super) struct FrozenCount(Arc<AtomicUsize>);

impl FrozenCount {
    /// Whether there is any.
    pub(super) fn is_any(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0
    }

    fn add(&self) -> Result<(), Busy> {
        let one_more = |count| (count < FROZEN_MAX).then_some(count + 1);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).map(drop).map_err(|_| Busy)
    }
}

/// Databases as they were at one moment. Entries that had expired by then but were not removed yet are among them.
pub struct Frozen {
    /// For each database its tables in hash order; none for one that is empty or was not asked for.
    databases: Box<[Vec<Table<Record>>]>,
    shard_bits: u32,
    count: FrozenCount,
    queue: Queue,
}

const _: () = {
    const fn may_go_to_any_thread<T: Send + Sync>() {}
    may_go_to_any_thread::<Frozen>();
    may_go_to_any_thread::<FrozenEntry>();
};

impl Frozen {
    /// How many databases there are.
    pub fn databases(&self) -> usize {
        self.databases.len()
    }

    /// How many keys a database had. O(shards).
    pub fn len(&self, db: usize) -> usize {
        self.databases[db].iter().map(Table::len).sum()
    }

    /// Whether a database had no key.
    pub fn is_empty(&self, db: usize) -> bool {
        self.databases[db].iter().all(Table::is_empty)
    }

    /// An entry of a database, whether it had expired or not.
    pub fn get(&self, db: usize, key: &[u8]) -> Option<EntryRef<'_>> {
        let hash = hash::hash(key);
        // A single shard has no bits of its own.
        let shard = hash.checked_shr(64 - self.shard_bits).unwrap_or(0) as usize;
        self.databases[db].get(shard)?.find(hash, key).map(EntryRef)
    }

    /// Every entry of a database, one shard and one segment after another in the order of their hashes.
    pub fn iter(&self, db: usize) -> impl Iterator<Item = EntryRef<'_>> {
        self.databases[db].iter().flat_map(|table| table.iter().map(EntryRef))
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        let items = (0..self.databases()).map(|db| self.len(db)).sum();
        self.queue.tables(self.databases.iter_mut().flat_map(std::mem::take).collect(), items);
        self.count.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl std::fmt::Debug for Frozen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Frozen").field("keys", &(0..self.databases()).map(|db| self.len(db)).sum::<usize>()).finish()
    }
}

/// One entry as it was at one moment.
#[derive(Debug)]
pub struct FrozenEntry {
    /// Taken at the drop.
    record: Option<Record>,
    count: FrozenCount,
    queue: Queue,
}

impl FrozenEntry {
    /// The entry, to be read.
    pub fn lend(&self) -> EntryRef<'_> {
        EntryRef(self.record.as_ref().expect("it is there until the drop").lend())
    }

    /// Its value.
    ///
    /// # Panics
    /// If it is not of type `T`.
    pub fn get<T: Kind>(&self) -> T::Ref<'_> {
        T::of(self.lend().0).expect("who froze an entry knows its type, which does not change")
    }
}

impl Drop for FrozenEntry {
    fn drop(&mut self) {
        if let Some(record) = self.record.take() {
            self.queue.record(record);
        }
        self.count.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Keyspace {
    /// An entry as it is at this moment.
    ///
    /// # Errors
    /// [`Busy`] if there are [`FROZEN_MAX`] clones.
    pub fn freeze_entry(&self, entry: EntryRef<'_>) -> Result<FrozenEntry, Busy> {
        self.frozen.add()?;
        Ok(FrozenEntry { record: Some(entry.0.share()), count: self.frozen.clone(), queue: self.discard.queue() })
    }

    /// Where what is large and was made of clones goes to be freed.
    pub fn bin(&self) -> Bin {
        Bin(self.discard.queue())
    }
}

/// Frees values in the background, for those who may outlive the keyspace.
#[derive(Clone, Debug)]
pub struct Bin(Queue);

impl Bin {
    /// Frees a value: in the background if it is large.
    pub fn discard(&self, value: Value) {
        self.0.value(value);
    }
}

impl Held<'_> {
    /// Clones some databases. Needs the whole keyspace, and then takes O(shards).
    ///
    /// # Errors
    /// [`Busy`] if there are [`FROZEN_MAX`] clones.
    fn freeze(&mut self, wanted: Range<usize>) -> Result<Frozen, Busy> {
        assert!(self.extent() == Extent::Whole, "only who owns everything sees one moment of it");
        let keyspace = self.keyspace();
        keyspace.frozen.add()?;
        let mut databases: Box<[Vec<Table<Record>>]> = (0..keyspace.databases()).map(|_| Vec::new()).collect();
        let wanted: Vec<usize> = wanted.filter(|db| !keyspace.is_empty(*db)).collect();
        wanted.iter().for_each(|db| databases[*db].reserve_exact(keyspace.shards()));
        for index in 0..keyspace.shards() {
            let shard = self.shard(index as ShardIndex);
            wanted.iter().for_each(|db| databases[*db].push(shard.databases[*db].table.clone()));
        }
        let queue = keyspace.discard.queue();
        Ok(Frozen { databases, shard_bits: keyspace.shard_bits, count: keyspace.frozen.clone(), queue })
    }
}

impl Pass<'_> {
    /// All databases as they are at this moment. O(shards), while nobody else is inside.
    ///
    /// # Errors
    /// [`Busy`] if the whole keyspace cannot be had, or there are [`FROZEN_MAX`] clones.
    pub fn freeze(&mut self, patience: Patience) -> Result<Frozen, Busy> {
        self.freeze_and(patience, |_| ()).map(|(frozen, ())| frozen)
    }

    /// The same, with what `act` does at that moment.
    ///
    /// # Errors
    /// As [`Pass::freeze`]; `act` did not run then.
    pub fn freeze_and<R>(&mut self, patience: Patience, act: impl FnOnce(&Held<'_>) -> R) -> Result<(Frozen, R), Busy> {
        let mut held = self.lock(&Plan::Whole, patience)?;
        let frozen = held.freeze(0..self.keyspace().databases());
        let frozen = frozen.map(|frozen| (frozen, act(&held)));
        self.unlock(held);
        frozen
    }
}

impl Keys<'_, '_> {
    /// This database as it is at this moment. Needs the whole keyspace.
    ///
    /// # Errors
    /// [`Busy`] if there are [`FROZEN_MAX`] clones.
    pub fn freeze(&mut self) -> Result<Frozen, Busy> {
        let db = self.db();
        self.held().note_read_of_all();
        self.held().freeze(db..db + 1)
    }

    /// All databases as they are at this moment. Needs the whole keyspace.
    ///
    /// # Errors
    /// [`Busy`] if there are [`FROZEN_MAX`] clones.
    pub fn freeze_all(&mut self) -> Result<Frozen, Busy> {
        let databases = self.databases();
        self.held().note_read_of_all();
        self.held().freeze(0..databases)
    }

    /// Gives back what a command that runs by itself holds. It touches no key after this.
    pub fn leave(&mut self) {
        self.release();
    }

    /// The same for a command that runs by itself, which then touches no key any more: it gives back what it holds.
    ///
    /// # Errors
    /// [`Busy`] if there are [`FROZEN_MAX`] clones; nothing was given back then.
    pub fn freeze_and_leave(&mut self) -> Result<Frozen, Busy> {
        let frozen = self.freeze()?;
        self.release();
        Ok(frozen)
    }
}
