//! Changes of one database in a locked shard: what each of them means for counts, the log, watchers, events and deadlines.

use super::entry::NO_DEADLINE;
use super::lock::Shard;
use super::{Event, Keyspace, add};
use crate::base::clock::UnixMillis;
use crate::data::record::Record;
use crate::data::stream::Stream;

/// With the counts of the caller's slot. What watchers are told is the caller's business, but for
/// [`Keyspace::expire`].
impl Keyspace {
    /// Removes an entry whose deadline has passed.
    #[cold]
    pub(super) fn expire(&self, slot: usize, shard: &mut Shard, db: usize, hash: u64, key: &[u8]) {
        shard.watched.touch(db, key);
        if let Some(record) = self.take(slot, shard, db, hash, key) {
            self.count_expired(slot, db, record);
        }
    }

    /// Counts and tells that an entry's time had come, and drops it.
    pub(super) fn count_expired(&self, slot: usize, db: usize, record: Record) {
        add(&self.counts[slot].0.expired, 1);
        self.journal.removed(slot, db, record.lend().key());
        self.events.tell(Event::EXPIRED, db, record.lend().key());
        self.discard.record(record);
    }

    /// What every change of a key's value or deadline comes to.
    #[inline]
    pub(super) fn changed(&self, slot: usize, shard: &mut Shard, event: Event, db: usize, (hash, key): (u64, &[u8])) {
        shard.watched.touch(db, key);
        self.journal.wrote(shard, hash);
        add(&self.counts[slot].0.changes, 1);
        self.events.tell(event, db, key);
    }

    /// Removes an entry that became nothing.
    pub(super) fn delete(&self, slot: usize, shard: &mut Shard, db: usize, hash: u64, key: &[u8]) {
        if let Some(record) = self.take(slot, shard, db, hash, key) {
            self.events.tell(Event::DELETED, db, key);
            self.discard.record(record);
        }
    }

    /// Takes an entry out.
    pub(super) fn take(&self, slot: usize, shard: &mut Shard, db: usize, hash: u64, key: &[u8]) -> Option<Record> {
        let record = shard.databases[db].take(hash, key)?;
        if shard.waiting.any() && record.lend().collection::<Stream>().is_some() {
            self.note_ready(slot, shard, db, key);
        }
        let counts = &self.counts[slot].0;
        add(&counts.keys[db], -1);
        add(&counts.volatile[db], -i64::from(record.lend().is_volatile()));
        Some(record)
    }

    /// Puts an entry in whose key is not there.
    pub(super) fn insert(
        &self,
        (slot, now): (usize, UnixMillis),
        shard: &mut Shard,
        db: usize,
        hash: u64,
        record: Record,
    ) {
        let counts = &self.counts[slot].0;
        let deadline = record.lend().deadline();
        add(&counts.keys[db], 1);
        add(&counts.volatile[db], i64::from(deadline != NO_DEADLINE));
        shard.on_insert(self, db, hash, record.lend());
        self.events.tell(Event::NEW, db, record.lend().key());
        self.made(slot, shard, db, record.lend());
        shard.databases[db].put(hash, record);
        if deadline != NO_DEADLINE {
            self.schedule(&mut shard.databases[db], hash, deadline, now);
        }
    }
}
