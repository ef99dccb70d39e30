//! What a handler is lent: the keys of one database, under the locks that its command declared.
//!
//! Reading removes what has expired; editing settles, when it ends, what every writer must remember: an emptied collection loses its key,
//! watchers are told, counts follow. So no handler does.

use super::entry::{Entry, Kind, NO_DEADLINE, Value, access_clock, kept};
use super::lock::{Held, Shard};
use super::watch::Watched;
use super::{Database, SlotCounts, add};
use crate::base::clock::UnixMillis;
use crate::base::hash;
use std::ops::{Deref, DerefMut};

/// The key holds a value of another type than the command works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongType;

/// What an edit of a missing key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Leaves it missing; the edit does not run.
    Skip,
    /// Creates an empty value first. If it is still an empty collection after the edit, or was not changed, the key is not created.
    Create,
}

/// The keys of one database, lent for one command.
#[derive(Debug)]
pub struct Keys<'a, 'k> {
    held: &'a mut Held<'k>,
    db: usize,
    now: UnixMillis,
    touches: bool,
}

/// What of a shard goes with an entry that is lent from it.
struct Beside<'s> {
    watched: &'s Watched,
    volatile: &'s mut usize,
}

/// A value being edited. Reaching into it for writing marks it as changed.
#[derive(Debug)]
pub struct Edit<'e, T> {
    value: &'e mut T,
    changed: bool,
}

impl<T> Edit<'_, T> {
    /// Takes the mark back: the value was reached for writing but is as it was.
    pub fn unchanged(&mut self) {
        self.changed = false;
    }
}

impl<T> Deref for Edit<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.value
    }
}

impl<T> DerefMut for Edit<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.changed = true;
        self.value
    }
}

impl<'a, 'k> Keys<'a, 'k> {
    /// The keys of `db` as of `now` (the batch's clock: two commands of one pipeline must agree on whether a key has expired).
    #[inline]
    pub fn new(held: &'a mut Held<'k>, db: usize, now: UnixMillis) -> Self {
        Self { held, db, now, touches: true }
    }

    /// The same rights, but reading leaves access times alone unless `touches` (CLIENT NO-TOUCH).
    #[inline]
    pub fn touching(mut self, touches: bool) -> Self {
        self.touches = touches;
        self
    }

    /// The same rights, in database `db`.
    pub fn in_db(&mut self, db: usize) -> Keys<'_, 'k> {
        Keys { held: self.held, db, now: self.now, touches: self.touches }
    }

    /// The same rights, lent on.
    pub fn reborrow(&mut self) -> Keys<'_, 'k> {
        self.in_db(self.db)
    }

    /// The locks behind these rights: for the engine, which lends them, not for handlers.
    pub fn held(&mut self) -> &mut Held<'k> {
        self.held
    }

    /// The database's number.
    pub fn db(&self) -> usize {
        self.db
    }

    /// The time by which this command judges deadlines.
    pub fn now(&self) -> UnixMillis {
        self.now
    }

    /// How many databases there are.
    pub fn databases(&self) -> usize {
        self.held.keyspace.databases()
    }

    /// Keys of this database, those included whose time has come but whom nobody has met yet. O(threads).
    pub fn len(&self) -> usize {
        self.held.keyspace.len(self.db)
    }

    /// Whether this database has no key.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entry, counted as a hit or a miss and as an access.
    #[inline]
    pub fn lookup(&mut self, key: &[u8]) -> Option<&Entry> {
        let (counts, now, touches) = (self.counts(), self.now, self.touches);
        match self.live(key) {
            Some(entry) => {
                add(&counts.hits, 1);
                if touches {
                    entry.accessed = access_clock(now);
                }
                Some(entry)
            }
            None => {
                add(&counts.misses, 1);
                None
            }
        }
    }

    /// The entry, counted as a hit or a miss but not as an access: for TYPE, TTL, OBJECT.
    pub fn peek(&mut self, key: &[u8]) -> Option<&Entry> {
        let counts = self.counts();
        let entry = self.live(key);
        add(if entry.is_some() { &counts.hits } else { &counts.misses }, 1);
        entry.map(|entry| &*entry)
    }

    /// Whether the key exists, without counting.
    pub fn exists(&mut self, key: &[u8]) -> bool {
        self.with_live(key, |_, _| ()).is_some()
    }

    /// The value as type `T`, or `None` where the key is missing.
    ///
    /// # Errors
    /// [`WrongType`] if the key holds another type.
    #[inline]
    pub fn read<T: Kind>(&mut self, key: &[u8]) -> Result<Option<&T>, WrongType> {
        match self.lookup(key) {
            None => Ok(None),
            Some(entry) => T::of(&entry.value).map(Some).ok_or(WrongType),
        }
    }

    /// Runs `act` on the value, then settles what changed. `None` where the key is missing and [`Missing::Skip`] was said.
    /// The deadline stays as it was.
    ///
    /// # Errors
    /// [`WrongType`] if the key holds another type; `act` did not run then.
    #[inline]
    pub fn edit<T: Kind, R>(
        &mut self,
        key: &[u8],
        missing: Missing,
        act: impl FnOnce(&mut Edit<'_, T>) -> R,
    ) -> Result<Option<R>, WrongType> {
        let (db, now, counts) = (self.db, self.now, self.counts());
        let (shard, hash) = self.shard_for(key);
        let Shard { databases, watched } = &mut *shard;
        match databases[db].table.find_mut(hash, key) {
            Some(entry) if !entry.is_expired(now) => {
                entry.accessed = access_clock(now);
                let edited = run(&mut entry.value, act)?;
                if edited.changed {
                    watched.touch(db, key);
                    add(&counts.changes, 1);
                }
                if edited.vacant {
                    Self::take(counts, shard, db, hash, key);
                }
                return Ok(Some(edited.result));
            }
            Some(_) => Self::expire(counts, shard, db, hash, key),
            None => {}
        }
        if missing == Missing::Skip {
            return Ok(None);
        }
        let mut value = T::fresh();
        let edited = run(&mut value, act)?;
        if edited.changed && !edited.vacant {
            self.insert(key, value);
        }
        if edited.changed {
            self.shard_for(key).0.watched.touch(db, key);
            add(&counts.changes, 1);
        }
        Ok(Some(edited.result))
    }

    /// Sets the key to `value`, whatever it held, with this deadline or none.
    pub fn put(&mut self, key: &[u8], value: Value, deadline: Option<UnixMillis>) {
        self.replace(key, kept(deadline), |slot| *slot = value);
    }

    /// Puts an entry under `key`, whatever that held, with its value, deadline and last access: for those who move entries.
    pub fn put_entry(&mut self, key: &[u8], mut entry: Entry) {
        let (db, counts) = (self.db, self.counts());
        if *entry.key != *key {
            entry.key = key.into();
        }
        self.live(key);
        let (shard, hash) = self.shard_for(key);
        Self::take(counts, shard, db, hash, key);
        add(&counts.keys[db], 1);
        add(&counts.volatile[db], i64::from(entry.deadline != NO_DEADLINE));
        let deadline = entry.deadline;
        shard.databases[db].put(hash, entry);
        shard.watched.touch(db, key);
        add(&counts.changes, 1);
        if deadline != NO_DEADLINE {
            self.schedule(key, deadline);
        }
    }

    /// Sets the key to a string, whatever it held, with this deadline or none. Reuses the allocation where it can.
    #[inline]
    pub fn put_string(&mut self, key: &[u8], bytes: &[u8], deadline: Option<UnixMillis>) {
        use crate::data::string::Str;
        self.replace(key, kept(deadline), |slot| match slot {
            Value::Str(text) => text.assign(bytes),
            other => *other = Value::Str(Str::from_bytes(bytes)),
        });
    }

    /// The key's deadline, whether it exists or not: for those who set a value but keep its TTL.
    pub fn deadline_of(&mut self, key: &[u8]) -> Option<UnixMillis> {
        self.with_live(key, |entry, _| entry.deadline()).flatten()
    }

    #[inline]
    fn replace(&mut self, key: &[u8], deadline: UnixMillis, fill: impl FnOnce(&mut Value)) {
        let (keyspace, db, now, counts) = (self.held.keyspace, self.db, self.now, self.counts());
        let (shard, hash) = self.shard_for(key);
        let Shard { databases, watched } = shard;
        let database = &mut databases[db];
        let before = match database.table.find_mut(hash, key) {
            Some(entry) => {
                fill(&mut entry.value);
                entry.accessed = access_clock(now);
                let before = entry.deadline;
                let delta = Database::set_deadline(&mut database.volatile, entry, deadline);
                add(&counts.volatile[db], delta);
                before
            }
            None => {
                let mut value = Value::Str(crate::data::string::Str::from_i64(0));
                fill(&mut value);
                let entry = Entry { key: key.into(), value, deadline, accessed: access_clock(now) };
                database.put(hash, entry);
                add(&counts.keys[db], 1);
                add(&counts.volatile[db], i64::from(deadline != NO_DEADLINE));
                NO_DEADLINE
            }
        };
        // What moves later is met at its old deadline, and scheduled again then.
        if deadline < before {
            keyspace.schedule(database, hash, deadline, now);
        }
        watched.touch(db, key);
        add(&counts.changes, 1);
    }

    fn insert(&mut self, key: &[u8], value: Value) {
        let (db, now, counts) = (self.db, self.now, self.counts());
        let (shard, hash) = self.shard_for(key);
        shard.databases[db]
            .put(hash, Entry { key: key.into(), value, deadline: NO_DEADLINE, accessed: access_clock(now) });
        add(&counts.keys[db], 1);
    }

    /// Removes the key. Returns whether it was there.
    pub fn delete(&mut self, key: &[u8]) -> bool {
        self.remove(key).is_some()
    }

    /// Removes the key and returns what it held.
    pub fn remove(&mut self, key: &[u8]) -> Option<Entry> {
        let (db, now, counts) = (self.db, self.now, self.counts());
        let (shard, hash) = self.shard_for(key);
        let entry = Self::take(counts, shard, db, hash, key)?;
        shard.watched.touch(db, key);
        if entry.is_expired(now) {
            add(&counts.expired, 1);
            return None;
        }
        add(&counts.changes, 1);
        Some(entry)
    }

    /// Gives the key a deadline, replacing any it had, or takes it away. Returns whether the key exists. A deadline already past deletes
    /// the key now, so that no reader ever sees it.
    pub fn set_deadline(&mut self, key: &[u8], deadline: Option<UnixMillis>) -> bool {
        if deadline.is_some_and(|deadline| deadline <= self.now) {
            return self.delete(key);
        }
        let (db, now, counts, deadline) = (self.db, self.now, self.counts(), kept(deadline));
        let before = self.with_live(key, |entry, shard| {
            entry.accessed = access_clock(now);
            let before = entry.deadline;
            let delta = Database::set_deadline(shard.volatile, entry, deadline);
            add(&counts.volatile[db], delta);
            add(&counts.changes, 1);
            shard.watched.touch(db, key);
            before
        });
        if before.is_some_and(|before| deadline < before) {
            self.schedule(key, deadline);
        }
        before.is_some()
    }

    /// Has the key met when its new deadline, which is earlier than the one it had, has passed.
    fn schedule(&mut self, key: &[u8], deadline: UnixMillis) {
        let (keyspace, db, now) = (self.held.keyspace, self.db, self.now);
        let (shard, hash) = self.shard_for(key);
        keyspace.schedule(&mut shard.databases[db], hash, deadline, now);
    }

    /// What `act` makes of the entry, unless its time has come; then it is removed. One lookup, for what `act` yields does not borrow.
    #[inline]
    fn with_live<R>(&mut self, key: &[u8], act: impl FnOnce(&mut Entry, Beside<'_>) -> R) -> Option<R> {
        let (db, now, counts) = (self.db, self.now, self.counts());
        let (shard, hash) = self.shard_for(key);
        let Shard { databases, watched } = &mut *shard;
        let Database { table, volatile, .. } = &mut databases[db];
        let entry = table.find_mut(hash, key)?;
        if entry.is_expired(now) {
            Self::expire(counts, shard, db, hash, key);
            return None;
        }
        Some(act(entry, Beside { watched, volatile }))
    }

    /// The entry, unless its time has come; then it is removed.
    #[inline]
    fn live(&mut self, key: &[u8]) -> Option<&mut Entry> {
        let (db, now, counts) = (self.db, self.now, self.counts());
        let (shard, hash) = self.shard_for(key);
        // Two lookups where deadlines exist, because the borrow checker cannot see that a returned entry excludes the removal.
        if shard.databases[db].volatile != 0
            && shard.databases[db].table.find(hash, key).is_some_and(|entry| entry.is_expired(now))
        {
            Self::expire(counts, shard, db, hash, key);
            return None;
        }
        shard.databases[db].table.find_mut(hash, key)
    }

    #[cold]
    pub(super) fn expire(counts: &SlotCounts, shard: &mut Shard, db: usize, hash: u64, key: &[u8]) {
        shard.watched.touch(db, key);
        add(&counts.expired, 1);
        Self::take(counts, shard, db, hash, key);
    }

    fn take(counts: &SlotCounts, shard: &mut Shard, db: usize, hash: u64, key: &[u8]) -> Option<Entry> {
        let entry = shard.databases[db].take(hash, key)?;
        add(&counts.keys[db], -1);
        add(&counts.volatile[db], -i64::from(entry.deadline != NO_DEADLINE));
        Some(entry)
    }

    #[inline]
    fn counts(&self) -> &'k SlotCounts {
        &self.held.keyspace.counts[self.held.slot].0
    }

    /// The locked shard of a key, and the key's hash.
    #[inline]
    pub(super) fn shard_for(&mut self, key: &[u8]) -> (&mut Shard, u64) {
        let hash = hash::hash(key);
        let index = self.held.keyspace.shard_of_hash(hash);
        (self.held.shard(index), hash)
    }

    pub(super) fn shard_at(&mut self, index: usize) -> &mut Shard {
        self.held.shard(index as super::ShardIndex)
    }
}

/// What an edit left behind.
struct Edited<R> {
    result: R,
    changed: bool,
    vacant: bool,
}

#[inline]
fn run<T: Kind, R>(value: &mut Value, act: impl FnOnce(&mut Edit<'_, T>) -> R) -> Result<Edited<R>, WrongType> {
    let value = T::of_mut(value).ok_or(WrongType)?;
    let mut edit = Edit { value, changed: false };
    let result = act(&mut edit);
    Ok(Edited { result, changed: edit.changed, vacant: edit.value.is_vacant() })
}
