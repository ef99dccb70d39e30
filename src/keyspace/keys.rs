//! What a handler is lent: the keys of one database, under the locks that its command declared.
//!
//! Reading removes what has expired; editing settles, when it ends, what every writer must remember: an emptied collection loses its key,
//! watchers are told, counts follow. So no handler does.

use super::entry::{Entry, EntryRef, Kind, NO_DEADLINE, Value, kept};
use super::lock::{Held, Shard};
use super::replacement::New;
use super::{Event, Keyspace, SlotCounts, add, discard, lend};
use crate::base::clock::UnixMillis;
use crate::base::hash;
use crate::data::record::Record;
use crate::data::stream::Stream;
use crate::data::table::Position;
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
    /// The time by which it judges whether a key has expired.
    judged: UnixMillis,
    touches: bool,
    /// What a lookup adds to the hits or the misses: 1, or 0 if they are not told either.
    weight: i64,
    alone: bool,
    /// The hash of a key that is likely to be asked for.
    known: hash::Known,
    /// What a change of a value is told as.
    event: Event,
}

/// A value being edited. Reaching into it for writing marks it as changed.
#[derive(Debug)]
pub struct Edit<'e, T> {
    value: &'e mut T,
    changed: bool,
    is_fresh: bool,
}

/// What an edit left behind.
#[derive(Debug)]
pub struct Edited<R> {
    result: R,
    pub(super) changed: bool,
    vacant: bool,
}

impl<T: Kind> Edit<'_, T> {
    /// Runs `act` on a value.
    #[inline]
    pub(super) fn run<R>(value: &mut T, act: impl FnOnce(&mut Edit<'_, T>) -> R) -> Edited<R> {
        Self::run_as(value, false, act)
    }

    #[inline]
    fn run_as<R>(value: &mut T, is_fresh: bool, act: impl FnOnce(&mut Edit<'_, T>) -> R) -> Edited<R> {
        let mut edit = Edit { value, changed: false, is_fresh };
        let result = act(&mut edit);
        Edited { result, changed: edit.changed, vacant: edit.value.is_vacant() }
    }
}

impl<T> Edit<'_, T> {
    /// Takes the whole value out, for [`Keys::discard`] to free it: a large one is then not freed under the lock.
    pub fn take(&mut self) -> T
    where
        T: Default,
    {
        std::mem::take(&mut **self)
    }

    /// Whether the key was missing, so that the value is an empty one.
    #[inline]
    pub fn is_fresh(&self) -> bool {
        self.is_fresh
    }

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
        Self {
            held,
            db,
            now,
            judged: now,
            touches: true,
            weight: 1,
            alone: false,
            known: hash::Known::NONE,
            event: Event::CHANGED,
        }
    }

    /// The same rights, but reading leaves access times alone unless `touches` (CLIENT NO-TOUCH).
    #[inline]
    pub fn touching(mut self, touches: bool) -> Self {
        self.touches = touches;
        self
    }

    /// The same rights, but lookups are neither counted nor told unless `counts`: for a command that was called, and counted, before.
    #[inline]
    pub fn counting(mut self, counts: bool) -> Self {
        self.weight = i64::from(counts);
        self
    }

    /// The same rights, for a replay: no key expires, however late it is.
    pub fn timeless(mut self) -> Self {
        self.judged = UnixMillis::MIN;
        self
    }

    /// The same rights, for a command that runs by itself, in no transaction and no script: what it holds may be given back before it ends.
    #[inline]
    pub fn alone(mut self) -> Self {
        self.alone = true;
        self
    }

    /// The same rights, for a command that names a key whose hash is known.
    #[inline]
    pub fn knowing(mut self, known: hash::Known) -> Self {
        self.known = known;
        self
    }

    /// The hash of a key.
    #[inline]
    pub fn hash_of(&self, key: &[u8]) -> u64 {
        self.known.hash_of(key)
    }

    /// Has changes of values from now on told as this event.
    #[inline]
    pub fn tell_as(&mut self, event: Event) {
        self.event = event;
    }

    /// Tells that something became of a key, which no edit tells by itself.
    pub fn tell(&self, event: Event, key: &[u8]) {
        self.held.keyspace.events.tell(event, self.db, key);
    }

    /// Whether the command runs by itself, in no transaction and no script.
    pub fn is_alone(&self) -> bool {
        self.alone
    }

    /// Gives everything back, if the command runs by itself. It touches no key after this.
    pub(super) fn release(&mut self) {
        if self.alone {
            self.held.release();
        }
    }

    /// The same rights, in database `db`.
    pub fn in_db(&mut self, db: usize) -> Keys<'_, 'k> {
        Keys { held: self.held, db, alone: false, ..*self }
    }

    /// The same rights, lent on.
    pub fn reborrow(&mut self) -> Keys<'_, 'k> {
        self.in_db(self.db)
    }

    /// The locks behind these rights: for the engine, which lends them, not for handlers.
    pub fn held(&mut self) -> &mut Held<'k> {
        self.held
    }

    /// What these keys are a part of.
    #[inline]
    pub fn keyspace(&self) -> &'k Keyspace {
        self.held.keyspace
    }

    /// The database's number.
    pub fn db(&self) -> usize {
        self.db
    }

    /// The frozen wall clock of the batch.
    pub fn now(&self) -> UnixMillis {
        self.now
    }

    /// The time by which this command judges deadlines.
    pub fn judged_at(&self) -> UnixMillis {
        self.judged
    }

    /// How many databases there are.
    pub fn databases(&self) -> usize {
        self.held.keyspace.databases()
    }

    /// Keys of this database, those included whose time has come but whom nobody has met yet. O(threads).
    pub fn len(&self) -> usize {
        self.held.note_read_of_all();
        self.held.keyspace.len(self.db)
    }

    /// Whether this database has no key.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entry, counted as a hit or a miss and as an access.
    #[inline]
    pub fn lookup(&mut self, key: &[u8]) -> Option<EntryRef<'_>> {
        let (counts, touches, weight) = (self.counts(), self.touches, self.weight);
        let (keyspace, db) = (self.held.keyspace, self.db);
        let touch = keyspace.touch(self.held.slot, self.now);
        let entry = self.live(key);
        match entry {
            Some(entry) => {
                add(&counts.hits, weight);
                if touches {
                    touch.note(entry.0);
                }
            }
            None => {
                add(&counts.misses, weight);
                if weight > 0 {
                    keyspace.events.tell(Event::MISSED, db, key);
                }
            }
        }
        entry
    }

    /// The entry, counted as a hit or a miss but not as an access: for TYPE, TTL, OBJECT.
    pub fn peek(&mut self, key: &[u8]) -> Option<EntryRef<'_>> {
        let (keyspace, db, weight) = (self.held.keyspace, self.db, self.weight);
        let entry = self.inspect(key);
        if entry.is_none() && weight > 0 {
            keyspace.events.tell(Event::MISSED, db, key);
        }
        entry
    }

    /// As [`Keys::peek`], but nobody is told that the key is missing: for OBJECT.
    pub fn inspect(&mut self, key: &[u8]) -> Option<EntryRef<'_>> {
        let (counts, weight) = (self.counts(), self.weight);
        let entry = self.live(key);
        add(if entry.is_some() { &counts.hits } else { &counts.misses }, weight);
        entry
    }

    /// Whether the key exists, without counting.
    pub fn exists(&mut self, key: &[u8]) -> bool {
        self.live(key).is_some()
    }

    /// The value as type `T`, or `None` where the key is missing.
    ///
    /// # Errors
    /// [`WrongType`] if the key holds another type.
    #[inline]
    pub fn read<T: Kind>(&mut self, key: &[u8]) -> Result<Option<T::Ref<'_>>, WrongType> {
        match self.lookup(key) {
            None => Ok(None),
            Some(entry) => T::of(entry.0).map(Some).ok_or(WrongType),
        }
    }

    /// The same with the entry, for those who may have to freeze it.
    ///
    /// # Errors
    /// [`WrongType`] if the key holds another type.
    #[inline]
    pub fn read_entry<T: Kind>(&mut self, key: &[u8]) -> Result<Option<(T::Ref<'_>, EntryRef<'_>)>, WrongType> {
        match self.lookup(key) {
            None => Ok(None),
            Some(entry) => T::of(entry.0).map(|value| Some((value, entry))).ok_or(WrongType),
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
        let (db, now, judged, slot) = (self.db, self.now, self.judged, self.held.slot);
        let (keyspace, event) = (self.held.keyspace, self.event);
        let (shard, hash) = self.shard_for(key);
        let mut act = Some(act);
        let found = shard.databases[db].change(hash, key, |record| {
            if judged > record.lend().deadline() {
                return Ok(None);
            }
            let act = act.take().expect("it runs once");
            let edited = T::edit(record, act).ok_or(WrongType)?;
            keyspace.touch(slot, now).note(record.lend());
            Ok(Some(edited))
        });
        match found {
            None => {}
            Some(Ok(Some(edited))) => {
                if edited.changed {
                    keyspace.changed(slot, shard, event, db, (hash, key));
                }
                if edited.vacant {
                    keyspace.delete(slot, shard, db, hash, key);
                }
                return Ok(Some(edited.result));
            }
            Some(Ok(None)) => keyspace.expire(slot, shard, db, hash, key),
            Some(Err(wrong)) => return Err(wrong),
        }
        if missing == Missing::Skip {
            return Ok(None);
        }
        let (mut value, act) = (T::fresh(), act.expect("it runs once"));
        let edited = Edit::run_as(&mut value, true, act);
        if edited.changed {
            if !edited.vacant {
                let record = Record::new(key, value.into_value(), NO_DEADLINE, keyspace.touch(slot, now).fresh());
                keyspace.insert((slot, now), shard, db, hash, record);
            }
            keyspace.changed(slot, shard, event, db, (hash, key));
        }
        Ok(Some(edited.result))
    }

    /// Sets the key to `value`, whatever it held, with this deadline or none.
    pub fn put(&mut self, key: &[u8], value: Value, deadline: Option<UnixMillis>) {
        self.replace(key, kept(deadline), New::Value(value));
    }

    /// Sets the key to a string, whatever it held, with this deadline or none.
    #[inline]
    pub fn put_string(&mut self, key: &[u8], bytes: &[u8], deadline: Option<UnixMillis>) {
        self.replace(key, kept(deadline), New::String(bytes));
    }

    /// Puts an entry under `key`, whatever that held, with its value, deadline and last access: for those who move entries.
    pub fn put_entry(&mut self, key: &[u8], entry: Entry) {
        let record = if entry.lend().key() == key { entry.0 } else { entry.0.renamed(key) };
        self.live(key);
        let (db, now, slot, keyspace, event) = (self.db, self.now, self.held.slot, self.held.keyspace, self.event);
        let (shard, hash) = self.shard_for(key);
        if let Some(old) = keyspace.take(slot, shard, db, hash, key) {
            keyspace.discard.record(old);
        }
        keyspace.insert((slot, now), shard, db, hash, record);
        keyspace.changed(slot, shard, event, db, (hash, key));
    }

    /// The key's deadline, whether it exists or not: for those who set a value but keep its TTL.
    pub fn deadline_of(&mut self, key: &[u8]) -> Option<UnixMillis> {
        self.live(key).and_then(EntryRef::deadline)
    }

    /// One lookup where the key exists, and the record is changed in place where its size allows.
    #[inline]
    fn replace(&mut self, key: &[u8], deadline: UnixMillis, new: New<'_>) {
        let (db, now, slot, keyspace, event) = (self.db, self.now, self.held.slot, self.held.keyspace, self.event);
        let (counts, touch) = (self.counts(), keyspace.touch(slot, now));
        let (shard, hash) = self.shard_for(key);
        let database = &mut shard.databases[db];
        let is_string = matches!(new, New::String(_));
        let mut is_awaited = matches!(new, New::Value(Value::List(_) | Value::ZSet(_) | Value::Stream(_)));
        let mut new = Some(new);
        let before = database.change(hash, key, |record| {
            let before = record.lend().deadline();
            let Some(new) = new.take() else { return before };
            // Groups whose stream goes are told.
            is_awaited |= record.lend().collection::<Stream>().is_some();
            if discard::is_large(record.lend()) {
                let access = record.lend().access();
                let old = std::mem::replace(record, new.into_record(key, deadline, access));
                keyspace.discard.record(old);
            } else {
                new.put_into(record, deadline);
            }
            touch.note(record.lend());
            before
        });
        if let Some(before) = before
            && before != deadline
        {
            let delta = database.deadline_changed(before, deadline);
            add(&counts.volatile[db], delta);
            if deadline < before {
                keyspace.schedule(database, hash, deadline, now);
            }
        }
        if let Some(new) = new {
            keyspace.insert((slot, now), shard, db, hash, new.into_record(key, deadline, touch.fresh()));
        }
        if is_awaited && shard.waiting.any() {
            keyspace.note_ready(slot, shard, db, key);
        }
        keyspace.changed(slot, shard, event, db, (hash, key));
        // SET and SETEX tell it apart; who puts what was somewhere else does not.
        if is_string && deadline != NO_DEADLINE && before != Some(deadline) {
            keyspace.events.tell(Event::DEADLINE, db, key);
        }
    }

    /// Removes the key. Returns whether it was there. A large value is freed in the background.
    pub fn delete(&mut self, key: &[u8]) -> bool {
        let (db, keyspace) = (self.db, self.held.keyspace);
        match self.remove(key) {
            Some(entry) => {
                keyspace.events.tell(Event::DELETED, db, key);
                keyspace.discard.record(entry.0);
                true
            }
            None => false,
        }
    }

    /// Frees what was taken out of a value, or a clone of one: in the background if it is large.
    pub fn discard(&self, value: Value) {
        self.held.keyspace.discard.value(value);
    }

    /// Takes the key out with what it held, for those who put it elsewhere.
    pub fn remove(&mut self, key: &[u8]) -> Option<Entry> {
        let (db, judged, slot, keyspace) = (self.db, self.judged, self.held.slot, self.held.keyspace);
        let (shard, hash) = self.shard_for(key);
        let record = keyspace.take(slot, shard, db, hash, key)?;
        shard.watched.touch(db, key);
        if judged > record.lend().deadline() {
            keyspace.count_expired(slot, db, record);
            return None;
        }
        keyspace.journal.wrote(shard, hash);
        add(&self.counts().changes, 1);
        Some(Entry(record))
    }

    /// Gives the key a deadline, replacing any it had, or takes it away. Returns whether the key exists. A deadline already past deletes
    /// the key now, so that no reader ever sees it.
    pub fn set_deadline(&mut self, key: &[u8], deadline: Option<UnixMillis>) -> bool {
        if deadline.is_some_and(|deadline| deadline <= self.judged) {
            return self.delete(key);
        }
        let (db, now, judged, slot) = (self.db, self.now, self.judged, self.held.slot);
        let keyspace = self.held.keyspace;
        let deadline = kept(deadline);
        let (shard, hash) = self.shard_for(key);
        let database = &mut shard.databases[db];
        if deadline != NO_DEADLINE {
            database.deadlines.prefetch(Position::of(hash));
        }
        let found = database.change(hash, key, |record| {
            let before = record.lend().deadline();
            if judged <= before {
                record.set_deadline(deadline);
                keyspace.touch(slot, now).note(record.lend());
            }
            before
        });
        let Some(before) = found else { return false };
        if judged > before {
            keyspace.expire(slot, shard, db, hash, key);
            return false;
        }
        let counts = &keyspace.counts[slot].0;
        add(&counts.volatile[db], database.deadline_changed(before, deadline));
        if deadline < before {
            keyspace.schedule(database, hash, deadline, now);
        }
        let event = if deadline == NO_DEADLINE { Event::PERSISTED } else { Event::DEADLINE };
        keyspace.changed(slot, shard, event, db, (hash, key));
        true
    }

    /// The entry, unless its time has come; then it is removed.
    #[inline]
    pub(super) fn live(&mut self, key: &[u8]) -> Option<EntryRef<'_>> {
        let (db, now, slot, keyspace) = (self.db, self.judged, self.held.slot, self.held.keyspace);
        let (shard, hash) = self.shard_for(key);
        lend::live(shard, db, (hash, key), now, |shard| keyspace.expire(slot, shard, db, hash, key))
    }

    #[inline]
    fn counts(&self) -> &'k SlotCounts {
        &self.held.keyspace.counts[self.held.slot].0
    }

    /// The locked shard of a key, and the key's hash.
    #[inline]
    pub(super) fn shard_for(&mut self, key: &[u8]) -> (&mut Shard, u64) {
        let hash = self.known.hash_of(key);
        let index = self.held.keyspace.shard_of_hash(hash);
        if self.held.following.is_on() {
            self.held.note_read(index, Some(hash));
        }
        (self.held.shard(index), hash)
    }

    /// The shard of a walk, any of whose keys may be looked at.
    pub(super) fn shard_at(&mut self, index: usize) -> &mut Shard {
        let index = index as super::ShardIndex;
        if self.held.following.is_on() {
            self.held.note_read(index, None);
        }
        self.held.shard(index)
    }
}
