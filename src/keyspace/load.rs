//! Many entries put in at once, as a snapshot is loaded: a shard after the other, each locked once.

use super::entry::{Value, kept};
use super::lock::Held;
use super::{Extent, Keyspace, NO_DEADLINE, add};
use crate::base::clock::UnixMillis;
use crate::base::hash;
use crate::data::record::Record;

/// Entries of one database that wait to be put in together.
#[derive(Debug, Default)]
pub struct Arrivals {
    items: Vec<(u64, Record)>,
}

/// What becomes of a key that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Twice {
    /// It is an error.
    Refuse,
    /// What is there goes.
    Replace,
}

/// A key that was there already. It may be any of those that were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicate(pub Box<[u8]>);

impl Arrivals {
    /// Adds a string. `access` are the bits that eviction keeps.
    #[inline]
    pub fn push_string(&mut self, key: &[u8], bytes: &[u8], deadline: Option<UnixMillis>, access: u32) {
        self.items.push((hash::hash(key), Record::with_string(key, bytes, kept(deadline), access)));
    }

    /// Adds any value.
    pub fn push(&mut self, key: &[u8], value: Value, deadline: Option<UnixMillis>, access: u32) {
        self.items.push((hash::hash(key), Record::new(key, value, kept(deadline), access)));
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

impl Held<'_> {
    /// Puts entries into a database, and leaves none waiting. Nobody is told of them. Needs a walk over the keyspace, or all of it.
    ///
    /// # Errors
    /// [`Duplicate`] if a key was there; some of the entries were put in then.
    pub fn load(&mut self, db: usize, now: UnixMillis, arrivals: &mut Arrivals, twice: Twice) -> Result<(), Duplicate> {
        assert!(self.extent() != Extent::Shards, "who loads may touch any shard");
        let keyspace = self.keyspace();
        arrivals.items.sort_unstable_by_key(|(hash, _)| *hash);
        let mut items = std::mem::take(&mut arrivals.items).into_iter();
        while let Some((first, _)) = items.as_slice().first() {
            let shard = keyspace.shard_of_hash(*first);
            let group = items.as_slice().iter().take_while(|(hash, _)| keyspace.shard_of_hash(*hash) == shard);
            let count = group.clone().count();
            // Others hold a shard for one entry or for one group like this, so this ends.
            while self.walk_to(shard).is_err() {}
            self.shard(shard);
            group.clone().for_each(|(hash, _)| self.prefetch_segment(db, *hash));
            group.for_each(|(hash, _)| self.prefetch_entry(db, *hash));
            for (hash, record) in items.by_ref().take(count) {
                keyspace.arrive(self, (db, now), hash, record, twice)?;
            }
        }
        Ok(())
    }
}

impl Keyspace {
    #[inline]
    fn arrive(
        &self,
        held: &mut Held<'_>,
        (db, now): (usize, UnixMillis),
        hash: u64,
        record: Record,
        twice: Twice,
    ) -> Result<(), Duplicate> {
        let slot = held.slot;
        let shard = held.shard(self.shard_of_hash(hash));
        let key = record.lend().key();
        if shard.databases[db].table.find(hash, key).is_some() {
            if twice == Twice::Refuse {
                return Err(Duplicate(key.into()));
            }
            if let Some(old) = self.take(slot, shard, db, hash, key) {
                self.discard.record(old);
            }
        }
        let counts = &self.counts[slot].0;
        let deadline = record.lend().deadline();
        add(&counts.keys[db], 1);
        add(&counts.volatile[db], i64::from(deadline != NO_DEADLINE));
        shard.on_insert(self, db, hash, record.lend());
        shard.databases[db].put(hash, record);
        if deadline != NO_DEADLINE {
            self.schedule(&mut shard.databases[db], hash, deadline, now);
        }
        Ok(())
    }
}
