//! Who waits for a key (BLPOP and its like): in each shard a queue for every key and kind of value, in order of arrival.
//!
//! ```text
//! blocking command ─ under the locks of its keys ─> a place in each key's queue
//! writer ─ makes a key ─> ready ─ at the end of its unit, under the locks that it holds ─> claims the first who waits, gives, the next ...
//! ```
//! Rules:
//! - **One claim.** Who waits for several keys stands in several queues, perhaps of different shards. Whoever ends the wait (a writer, the time, CLIENT
//!   UNBLOCK, the end of the connection) first has to [`Waiter::claim`] it, and one does. Who lost leaves it alone. Places that are left are given up by
//!   the connection itself ([`Keyspace::withdraw`]), and until then passed over.
//! - **At the end of the unit.** A key that was made is remembered as *ready*; those who wait are served when the command, the transaction or the
//!   script has ended and before its locks are given back ([`Held::serve`]). So are those who read a stream ([`serve_readers`]), whoever of them there is something for, when an
//!   entry was added, and when the stream or a group of it has gone. What they do may make further keys ready. Each step ends a wait or forgets a
//!   ready key, so this ends.
//! - **Moves.** Who waits to move an element (BLMOVE) writes to a second key. A shard knows where those who wait in it would have elements moved to, and a
//!   unit that may write holds those shards as well ([`Held::reach`]) before it begins. So whoever serves has all the locks that it needs, and waits for none.
//!
//! A shard in which nobody waits costs a writer that makes a key one load. Not here: what is given, replies, time.

use super::lock::{Held, Plan, Shard, ShardIndex};
use super::{Busy, Keys, Keyspace, Pass, Patience};
use crate::base::clock::UnixMillis;
use crate::base::hash::HashState;
use crate::base::sync::Mutex;
use crate::base::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use crate::data::record::RecordRef;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt::Debug;
use std::sync::Arc;

/// A map of queues that has emptied gives its memory back if it had room for more than this.
const QUEUES_KEPT: usize = 64;

/// The kind of value that somebody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// A list.
    List,
    /// A sorted set.
    SortedSet,
    /// Further entries of a stream.
    Stream,
}

impl Awaited {
    /// What the value of a record is to those who wait.
    fn of(record: RecordRef<'_>) -> Option<Self> {
        use crate::data::record::ValueRef;
        match record.value() {
            ValueRef::List(_) => Some(Self::List),
            ValueRef::ZSet(_) => Some(Self::SortedSet),
            ValueRef::Stream(_) => Some(Self::Stream),
            _ => None,
        }
    }
}

/// Somebody who waits, as the keyspace sees it.
pub trait Waits: Send + Sync + Debug {
    /// Its places.
    fn waiter(&self) -> &Waiter;
    /// Whether there is something for it at `key`, perhaps an error. Asked, under the lock of the key, of those who wait for streams: what one takes
    /// is there for the others as well.
    fn is_due(&self, keys: &mut Keys<'_, '_>, key: &[u8]) -> bool;
    /// Takes what it waits for from `key`, which has it. Called once, by who claimed it, under the locks of the key and of where the element would be moved to.
    fn give(&self, keys: &mut Keys<'_, '_>, key: &[u8]);
    /// Tells the one who waits that the wait has ended. Called after [`Waits::give`], when no lock is held.
    fn wake(&self);
}

/// Those who wait, in numbers.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Whoever came last.
    turns: AtomicU64,
    /// Who waits.
    waiting: AtomicUsize,
    /// Who waits for a time only.
    timed: AtomicUsize,
    /// Places of those who would move an element.
    moves: AtomicUsize,
}

/// One who waits: for which keys, since when, and whether still.
#[derive(Debug)]
pub struct Waiter {
    /// Its place in the order of arrival.
    turn: u64,
    db: usize,
    awaited: Awaited,
    /// For each key, in any order.
    keys: Box<[Box<[u8]>]>,
    /// The shard of the key that an element would be moved to.
    destination: Option<ShardIndex>,
    is_timed: bool,
    claimed: AtomicBool,
    /// In how many queues it stands.
    places: AtomicUsize,
    counts: Arc<Counts>,
}

impl Waiter {
    /// Takes the right to end the wait. True once.
    pub fn claim(&self) -> bool {
        // Who claims goes on to write what others learn of by a lock; the claim itself orders nothing but itself.
        let is_first = !self.claimed.swap(true, Ordering::AcqRel);
        if is_first {
            self.counts.waiting.fetch_sub(1, Ordering::Relaxed);
            self.counts.timed.fetch_sub(usize::from(self.is_timed), Ordering::Relaxed);
        }
        is_first
    }

    /// Whether it stands in a queue yet.
    pub fn has_places(&self) -> bool {
        self.places.load(Ordering::Acquire) != 0
    }

    /// Whether nobody has claimed it.
    pub fn is_waiting(&self) -> bool {
        !self.claimed.load(Ordering::Acquire)
    }
}

/// The queues of one key.
#[derive(Debug, Default)]
struct Queues {
    /// By [`Awaited`], then by turn.
    waiters: [BTreeMap<u64, Arc<dyn Waits>>; 3],
    /// Whether the key stands among those that are ready.
    is_ready: bool,
}

/// A shard's queues.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    queues: HashMap<(usize, Box<[u8]>), Queues, HashState>,
    /// Where those who wait here would move an element to, and how many to each.
    destinations: BTreeMap<ShardIndex, usize>,
}

impl Waiting {
    /// Whether anybody waits here.
    #[inline]
    pub(super) fn any(&self) -> bool {
        !self.queues.is_empty()
    }

    /// The keys for which somebody waits.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.queues.len()
    }

    fn add(&mut self, key: &[u8], waits: &Arc<dyn Waits>) {
        let waiter = waits.waiter();
        let queues = self.queues.entry((waiter.db, key.into())).or_default();
        // A key that is named twice is waited for once.
        if queues.waiters[waiter.awaited as usize].insert(waiter.turn, Arc::clone(waits)).is_none() {
            waiter.places.fetch_add(1, Ordering::Relaxed);
            if let Some(destination) = waiter.destination {
                *self.destinations.entry(destination).or_default() += 1;
                waiter.counts.moves.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Takes out whoever has waited longest for a value of this kind, or the one whose turn is named.
    fn take(&mut self, db: usize, key: &[u8], awaited: Awaited, turn: Option<u64>) -> Option<Arc<dyn Waits>> {
        let name = (db, key.into());
        let queues = self.queues.get_mut(&name)?;
        let queue = &mut queues.waiters[awaited as usize];
        let taken = match turn {
            Some(turn) => queue.remove(&turn),
            None => queue.pop_first().map(|(_, waits)| waits),
        }?;
        if queues.waiters.iter().all(BTreeMap::is_empty) {
            self.queues.remove(&name);
            if self.queues.is_empty() && self.queues.capacity() > QUEUES_KEPT {
                self.queues = HashMap::default();
            }
        }
        let waiter = taken.waiter();
        waiter.places.fetch_sub(1, Ordering::Relaxed);
        if let Some(destination) = waiter.destination {
            let here = self.destinations.get_mut(&destination).expect("a place was counted when it was taken");
            *here -= 1;
            if *here == 0 {
                self.destinations.remove(&destination);
            }
            waiter.counts.moves.fetch_sub(1, Ordering::Relaxed);
        }
        Some(taken)
    }
}

/// The keys that a thread's current unit has made and somebody waits for, in the order in which they were made.
#[derive(Debug, Default)]
pub(super) struct Ready {
    any: AtomicBool,
    /// Only the thread that holds the slot's gate takes this lock.
    keys: Mutex<VecDeque<(usize, Box<[u8]>)>>,
}

impl Keyspace {
    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.waiting.waiting.load(Ordering::Relaxed)
    }

    /// How many wait for a time only.
    pub fn waiting_for_a_time(&self) -> usize {
        self.waiting.timed.load(Ordering::Relaxed)
    }

    /// Whether anybody waits to move an element.
    #[inline]
    pub fn any_moves_wait(&self) -> bool {
        self.waiting.moves.load(Ordering::Relaxed) != 0
    }

    /// A key came to have a value. Called under the shard's lock.
    #[inline]
    pub(super) fn made(&self, slot: usize, shard: &mut Shard, db: usize, record: RecordRef<'_>) {
        if shard.waiting.any() && Awaited::of(record).is_some() {
            self.note_ready(slot, shard, db, record.key());
        }
    }

    #[cold]
    pub(super) fn note_ready(&self, slot: usize, shard: &mut Shard, db: usize, key: &[u8]) {
        let Some(queues) = shard.waiting.queues.get_mut(&(db, key.into())) else { return };
        if !std::mem::replace(&mut queues.is_ready, true) {
            let ready = &self.ready[slot].0;
            ready.keys.lock().push_back((db, key.into()));
            ready.any.store(true, Ordering::Relaxed);
        }
    }

    fn next_ready(&self, slot: usize) -> Option<(usize, Box<[u8]>)> {
        let ready = &self.ready[slot].0;
        let mut keys = ready.keys.lock();
        let next = keys.pop_front();
        ready.any.store(next.is_some(), Ordering::Relaxed);
        next
    }

    /// Gives up the places that are left to somebody whose wait has ended.
    ///
    /// # Errors
    /// [`Busy`] if somebody holds one of the shards; the places before it are given up.
    pub fn withdraw(&self, pass: &mut Pass<'_>, waiter: &Waiter, patience: Patience) -> Result<(), Busy> {
        for key in &waiter.keys {
            if waiter.places.load(Ordering::Relaxed) == 0 {
                break;
            }
            let shard = self.shard_of(key);
            let mut held = pass.lock(&Plan::One(shard), patience)?;
            held.shard(shard).waiting.take(waiter.db, key, waiter.awaited, Some(waiter.turn));
            pass.unlock(held);
        }
        Ok(())
    }
}

impl Keys<'_, '_> {
    /// One who is about to wait for these keys of this database, whose shards the caller holds, as whoever came last.
    pub fn waiter<'b>(
        &mut self,
        awaited: Awaited,
        keys: impl Iterator<Item = &'b [u8]>,
        destination: Option<&[u8]>,
        is_timed: bool,
    ) -> Waiter {
        let db = self.db();
        let keyspace = self.held().keyspace();
        let counts = Arc::clone(&keyspace.waiting);
        counts.waiting.fetch_add(1, Ordering::Relaxed);
        counts.timed.fetch_add(usize::from(is_timed), Ordering::Relaxed);
        Waiter {
            // Drawn under the locks of its keys: in every queue turns follow each other as their places do.
            turn: counts.turns.fetch_add(1, Ordering::Relaxed),
            db,
            awaited,
            keys: keys.map(Into::into).collect(),
            destination: destination.map(|key| keyspace.shard_of(key)),
            is_timed,
            claimed: AtomicBool::new(false),
            places: AtomicUsize::new(0),
            counts,
        }
    }

    /// Has it wait.
    pub fn wait(&mut self, waits: &Arc<dyn Waits>) {
        for key in &waits.waiter().keys {
            let (shard, _) = self.shard_for(key);
            shard.waiting.add(key, waits);
        }
    }

    /// These databases were exchanged or emptied in this shard: who waits there may find something, or nothing any more.
    pub(super) fn note_all(&mut self, index: usize, dbs: &[usize]) {
        let (slot, keyspace) = (self.held().slot, self.held().keyspace());
        let shard = self.shard_at(index);
        if !shard.waiting.any() {
            return;
        }
        let names: Vec<_> = shard.waiting.queues.keys().filter(|(db, _)| dbs.contains(db)).cloned().collect();
        for (db, key) in names {
            keyspace.note_ready(slot, shard, db, &key);
        }
    }

    /// Says that somebody who waits for `key` may have something: an entry was added, or a group removed. What makes or removes a key says so by itself.
    pub fn note(&mut self, key: &[u8]) {
        let (slot, keyspace, db) = (self.held().slot, self.held().keyspace(), self.db());
        let (shard, _) = self.shard_for(key);
        if shard.waiting.any() {
            keyspace.note_ready(slot, shard, db, key);
        }
    }

    /// What a key has for those who wait.
    fn awaited(&mut self, key: &[u8]) -> Option<Awaited> {
        self.live(key).and_then(|entry| Awaited::of(entry.0))
    }
}

/// Serves those who wait for a stream, as far as there is something for them: each of them may read the same entries.
fn serve_readers(keys: &mut Keys<'_, '_>, key: &[u8], served: &mut Vec<Arc<dyn Waits>>) {
    let db = keys.db();
    let readers: Vec<_> = {
        let queues = keys.shard_for(key).0.waiting.queues.get(&(db, key.into()));
        let queue = queues.into_iter().flat_map(|queues| &queues.waiters[Awaited::Stream as usize]);
        queue.map(|(turn, waits)| (*turn, Arc::clone(waits))).collect()
    };
    for (turn, waits) in readers {
        if !waits.is_due(keys, key) {
            continue;
        }
        keys.shard_for(key).0.waiting.take(db, key, Awaited::Stream, Some(turn));
        if waits.waiter().claim() {
            waits.give(keys, key);
            served.push(waits);
        }
    }
}

impl<'k> Pass<'k> {
    /// Gives back what was held for work in the background, which may have removed what somebody waits for.
    pub(super) fn unlock_and_serve(&mut self, mut held: Held<'k>, now: UnixMillis) {
        let served = if held.has_ready() { held.serve(now) } else { Vec::new() };
        self.unlock(held);
        served.iter().for_each(|waits| waits.wake());
    }
}

impl Held<'_> {
    /// Whether this unit made a key for which somebody waits.
    #[inline]
    pub fn has_ready(&self) -> bool {
        self.keyspace.ready[self.slot].0.any.load(Ordering::Relaxed)
    }

    /// Serves those who wait for keys that this unit made, in order of arrival at each key, and returns them, so that they are woken when no lock is
    /// held. O(log n) for each.
    #[cold]
    pub fn serve(&mut self, now: UnixMillis) -> Vec<Arc<dyn Waits>> {
        let mut served = Vec::new();
        while let Some((db, key)) = self.keyspace.next_ready(self.slot) {
            let mut keys = Keys::new(self, db, now);
            if let Some(queues) = keys.shard_for(&key).0.waiting.queues.get_mut(&(db, key.clone())) {
                queues.is_ready = false;
            }
            serve_readers(&mut keys, &key, &mut served);
            while let Some(awaited) = keys.awaited(&key).filter(|awaited| *awaited != Awaited::Stream) {
                let Some(waits) = keys.shard_for(&key).0.waiting.take(db, &key, awaited, None) else { break };
                if waits.waiter().claim() {
                    waits.give(&mut keys, &key);
                    served.push(waits);
                }
            }
        }
        served
    }

    /// Whether anybody who waits in the shards held would move an element to another one.
    fn first_out_of_reach(&self) -> Option<ShardIndex> {
        let has = |shard: ShardIndex| self.guards.iter().any(|(held, _)| *held == shard);
        let mut destinations = self.guards.iter().flat_map(|(_, guard)| guard.waiting.destinations.keys().copied());
        destinations.find(|shard| !has(*shard))
    }

    /// Locks as well, as far as that needs no waiting, the shards to which those who wait in the shards held would move elements, and where those who
    /// wait there would, and so on. With `wait` as in [`Held::extend`].
    ///
    /// # Errors
    /// What would have to be locked, if a shard is held by another or there are too many. What was added stays.
    pub fn reach(&mut self, wait: bool) -> Result<(), Plan> {
        if self.extent != super::Extent::Shards {
            return Ok(());
        }
        while let Some(shard) = self.first_out_of_reach() {
            if self.guards.len() >= Plan::SHARDS_MAX {
                return Err(Plan::Whole);
            }
            if self.extend(&Plan::One(shard), wait).is_err() {
                let mut plan = Plan::One(shard);
                self.guards.iter().for_each(|(held, _)| plan.add(*held));
                return Err(plan);
            }
        }
        Ok(())
    }
}
