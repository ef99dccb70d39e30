//! Work on many keys at once: walks, flushes, swaps. Each says how much of the keyspace its caller must hold.

use super::entry::EntryRef;
use super::keys::Keys;
use super::{Busy, Database, add};
use crate::base::rng::Rng;
use crate::base::sync::atomic::Ordering;
use crate::data::table::Position;

/// The most entries that a scan visits before it lets others have the shard.
const SCAN_ENTRIES_MAX: usize = 1_000;
/// How often an expired key is drawn before the live ones are counted off.
const RANDOM_DRAWS_MAX: usize = 32;

impl Keys<'_, '_> {
    /// Visits live entries in hash order from `cursor` on, at least `count` of them unless the database ends, and returns the cursor to go on with; 0
    /// at the end. Every key that is there from the first call to the last is visited exactly once. Needs a walk or the whole keyspace.
    ///
    /// # Errors
    /// [`Busy`] if somebody holds a shard on the way; not if the caller owns the whole keyspace.
    pub fn scan(&mut self, cursor: u64, count: usize, mut visit: impl FnMut(EntryRef<'_>)) -> Result<u64, Busy> {
        let (db, now) = (self.db(), self.judged_at());
        let keyspace = self.held().keyspace();
        let shard_shift = Position::BITS - keyspace.shards().trailing_zeros();
        let Some(mut position) = Position::new(cursor) else { return Ok(0) };
        let mut left = count.max(1);
        loop {
            let index = (position.get() >> shard_shift) as usize;
            // Each time anew, so that others may have the shard between.
            self.held().walk_to(index as super::ShardIndex)?;
            let table = &self.shard_at(index).databases[db].table;
            let mut visited = 0;
            let next = table.scan(position, left.min(SCAN_ENTRIES_MAX), |record| {
                let entry = EntryRef(record);
                visited += 1;
                if !entry.is_expired(now) {
                    visit(entry);
                }
            });
            left = left.saturating_sub(visited);
            position = match next {
                Some(next) => next,
                None if index + 1 == keyspace.shards() => return Ok(0),
                None => {
                    Position::new(((index + 1) as u64) << shard_shift).expect("every shard has positions of its own")
                }
            };
            if left == 0 {
                return Ok(position.get());
            }
        }
    }

    /// Visits every live entry. Needs the whole keyspace; a command that runs by itself gives it back first and works on a frozen clone, so this is the last
    /// that it does with keys.
    pub fn for_each(&mut self, mut visit: impl FnMut(EntryRef<'_>)) {
        let (db, now) = (self.db(), self.judged_at());
        if self.is_alone()
            && let Ok(frozen) = self.freeze()
        {
            self.release();
            frozen.iter(db).filter(|entry| !entry.is_expired(now)).for_each(visit);
            return;
        }
        for index in 0..self.held().keyspace().shards() {
            let entries = self.shard_at(index).databases[db].table.iter().map(EntryRef);
            entries.filter(|entry| !entry.is_expired(now)).for_each(&mut visit);
        }
    }

    /// The key of a live entry drawn at random, every one with the same chance; expired ones that are drawn are removed. Needs the whole
    /// keyspace. O(shards), unless most keys have expired: then O(n), which a command that runs by itself does on a frozen clone, having given back
    /// what it held.
    pub fn random_key(&mut self, rng: &mut Rng) -> Option<Box<[u8]>> {
        let db = self.db();
        let shards = self.held().keyspace().shards();
        let mut lens: Vec<usize> = (0..shards).map(|index| self.shard_at(index).databases[db].table.len()).collect();
        let mut len: usize = lens.iter().sum();
        for _ in 0..RANDOM_DRAWS_MAX.min(len) {
            let mut nth = rng.below(len);
            let index = lens.iter().position(|len| {
                let is_here = nth < *len;
                nth = nth.wrapping_sub(*len);
                is_here
            });
            let index = index.expect("the draw is below the sum");
            let drawn = self.shard_at(index).databases[db].table.at_random(rng);
            let key: Box<[u8]> = drawn.expect("a table that is not empty has an entry to draw").key().into();
            if self.exists(&key) {
                return Some(key);
            }
            lens[index] -= 1;
            len -= 1;
        }
        self.random_of_few(rng)
    }

    /// One pass over all entries that keeps each live one with the chance of 1 in as many as it has seen.
    #[cold]
    fn random_of_few(&mut self, rng: &mut Rng) -> Option<Box<[u8]>> {
        let (mut seen, mut chosen) = (0, None);
        self.for_each(|entry| {
            seen += 1;
            if rng.below(seen) == 0 {
                chosen = Some(entry.key().into());
            }
        });
        chosen
    }

    /// Removes every key of this database and returns how many there were. Needs the whole keyspace.
    pub fn flush(&mut self) -> usize {
        let db = self.db();
        let keyspace = self.held().keyspace();
        let slot = self.held().slot;
        let shard_bits = keyspace.shard_bits as u8;
        let mut garbage = Vec::new();
        let mut removed = 0;
        for index in 0..keyspace.shards() {
            let shard = self.shard_at(index);
            let table = &shard.databases[db].table;
            if table.is_empty() {
                continue;
            }
            shard.watched.touch_all(db, |key| table.find(crate::base::hash::hash(key), key).is_some());
            let full = std::mem::replace(&mut shard.databases[db], Database::new(shard_bits));
            removed += full.table.len();
            add(&keyspace.counts[slot].0.keys[db], -(full.table.len() as i64));
            add(&keyspace.counts[slot].0.volatile[db], -(full.volatile as i64));
            garbage.push(full);
            self.note_all(index, &[db]);
        }
        add(&keyspace.counts[slot].0.changes, removed as i64);
        keyspace.discard.queue().databases(garbage, removed);
        removed
    }

    /// Exchanges two databases. Needs the whole keyspace. O(shards).
    pub fn swap_databases(&mut self, a: usize, b: usize) {
        if a == b {
            return;
        }
        let keyspace = self.held().keyspace();
        for index in 0..keyspace.shards() {
            // An expired key counts as missing on both sides, so it goes before anybody looks.
            for key in self.shard_at(index).watched.keys_of(a, b) {
                self.in_db(a).exists(&key);
                self.in_db(b).exists(&key);
            }
            let shard = self.shard_at(index);
            let has =
                |db: usize, key: &[u8]| shard.databases[db].table.find(crate::base::hash::hash(key), key).is_some();
            for db in [a, b] {
                shard.watched.touch_all(db, |key| has(a, key) || has(b, key));
            }
            shard.databases.swap(a, b);
            self.note_all(index, &[a, b]);
        }
        // All gates are held, so every slot's counts may be written.
        for slot in &keyspace.counts {
            for counts in [&slot.0.keys, &slot.0.volatile] {
                let (in_a, in_b) = (counts[a].load(Ordering::Relaxed), counts[b].load(Ordering::Relaxed));
                counts[a].store(in_b, Ordering::Relaxed);
                counts[b].store(in_a, Ordering::Relaxed);
            }
        }
        add(&keyspace.counts[self.held().slot].0.changes, 1);
    }
}
