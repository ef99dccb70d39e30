//! What a unit of execution (a command, a transaction, a script) holds of the keyspace.

use super::effects::Following;
use super::gates::{Busy, Patience};
use super::unsynced::Unsynced;
use super::waiting::Waiting;
use super::watch::Watched;
use super::{Database, Keyspace};
use crate::base::sync::{Mutex, MutexGuard};
use crate::data::record::{Record, RecordRef};
use crate::data::table::{Step, Table};
use smallvec::SmallVec;
use std::time::Duration;

/// How long a script that has written waits for a late shard. Longer than any command; shorter than anybody's patience.
const LATE_WAIT: Duration = Duration::from_millis(100);

/// A shard's number.
pub type ShardIndex = u16;

/// What a shard's lock guards: its part of every database, the watched keys among them, and who waits for keys.
#[derive(Debug)]
pub(super) struct Shard {
    pub(super) databases: Box<[Database]>,
    pub(super) watched: Watched,
    pub(super) waiting: Waiting,
    /// What was written here and may not be on the disk.
    pub(super) unsynced: Unsynced,
}

impl Shard {
    pub(super) fn new(databases: usize, shard_bits: u8) -> Self {
        Self {
            databases: (0..databases).map(|_| Database::new(shard_bits)).collect(),
            watched: Watched::default(),
            waiting: Waiting::default(),
            unsynced: Unsynced::default(),
        }
    }
}

/// What a unit needs, found from its declaration before anything is locked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// No key at all.
    Nothing,
    /// One shard.
    One(ShardIndex),
    /// Several different shards, at most [`Plan::SHARDS_MAX`].
    Several(SmallVec<[ShardIndex; 8]>),
    /// One shard after another, never two at once: for walks that promise no atomicity (SCAN).
    Walk,
    /// Everything, by owning all gates.
    Whole,
}

impl Plan {
    /// Whether it may need this shard.
    pub fn wants(&self, shard: ShardIndex) -> bool {
        match self {
            Self::Nothing => false,
            Self::One(one) => *one == shard,
            Self::Several(shards) => shards.contains(&shard),
            Self::Walk | Self::Whole => true,
        }
    }

    /// More shards than this are dearer to lock than everything.
    pub const SHARDS_MAX: usize = 16;

    /// The plan for a set of keys.
    pub fn for_keys<'a>(keyspace: &Keyspace, keys: impl Iterator<Item = &'a [u8]>) -> Plan {
        let mut plan = Plan::Nothing;
        for key in keys {
            plan.add(keyspace.shard_of(key));
        }
        plan
    }

    /// Adds a shard.
    pub fn add(&mut self, shard: ShardIndex) {
        match self {
            Plan::Nothing => *self = Plan::One(shard),
            Plan::One(one) if *one != shard => *self = Plan::Several(SmallVec::from_slice(&[*one, shard])),
            Plan::Several(shards) if !shards.contains(&shard) => {
                if shards.len() == Self::SHARDS_MAX {
                    *self = Plan::Whole;
                } else {
                    shards.push(shard);
                }
            }
            Plan::Walk => *self = Plan::Whole,
            _ => {}
        }
    }

    /// Whether every shard of `other` is one of these; false if `other` asks for more than shards.
    #[inline]
    pub fn contains(&self, other: &Plan) -> bool {
        if let (Plan::One(one), Plan::One(other)) = (self, other) {
            return one == other;
        }
        let has = |shard: &ShardIndex| match self {
            Plan::One(one) => one == shard,
            Plan::Several(shards) => shards.contains(shard),
            _ => false,
        };
        match other {
            Plan::Nothing => true,
            Plan::One(shard) => has(shard),
            Plan::Several(shards) => shards.iter().all(has),
            Plan::Walk | Plan::Whole => false,
        }
    }

    /// What is enough for both: a transaction's plan is the union of its commands'.
    pub fn union(&mut self, other: &Plan) {
        match other {
            Plan::Nothing => {}
            Plan::One(shard) => self.add(*shard),
            Plan::Several(shards) => shards.iter().for_each(|shard| self.add(*shard)),
            // A walk inside a transaction has to be atomic with the rest.
            Plan::Walk | Plan::Whole => *self = Plan::Whole,
        }
    }
}

/// How far the holder's rights go beyond the guards that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Just the shards that are locked.
    Shards,
    /// Any shard, one at a time.
    Walk,
    /// Any shard: all gates are held, so nobody else is inside.
    Whole,
}

/// The locks that a unit of execution holds.
///
/// Invariant: `gates` holds every gate if `extent` is [`Extent::Whole`]; else none, or just the slot's own, after [`Held::narrow`]. After [`Held::widen`] the
/// others are in `gates`, behind the slot's own if that was there. Outside [`Extent::Shards`] at most one shard is locked at a time, the one that was used last, but for
/// those that were locked before it widened.
pub struct Held<'k> {
    pub(super) keyspace: &'k Keyspace,
    pub(super) slot: usize,
    pub(super) extent: Extent,
    pub(super) guards: SmallVec<[(ShardIndex, MutexGuard<'k, Shard>); 2]>,
    pub(super) gates: Vec<MutexGuard<'k, ()>>,
    /// The late-lock token, once [`Held::extend`] had to wait.
    token: Option<MutexGuard<'k, ()>>,
    /// How reads are followed, as it was in the beginning.
    pub(super) following: Following,
    /// The position in the log on which depends what was read.
    pub(super) read: u64,
    /// The position behind what the unit has appended to the log already; 0 for nothing.
    pub(super) appended: u64,
    /// Whether it is for several units, whose effects are gathered and appended together.
    pub(super) is_window: bool,
    /// Whether it owned more at first; what it wrote then is not known key by key.
    pub(super) has_narrowed: bool,
    /// Whether the whole keyspace was had late.
    pub(super) is_late: bool,
}

// It is moved several times for each command, and what is longer is moved by a call.
#[cfg(not(feature = "loom"))]
const _: () = assert!(size_of::<Held<'_>>() <= 128, "the locks of a unit are moved without a call");

impl<'k> Held<'k> {
    pub(super) fn nothing(keyspace: &'k Keyspace, slot: usize) -> Self {
        Self {
            keyspace,
            slot,
            extent: Extent::Shards,
            guards: SmallVec::new(),
            gates: Vec::new(),
            is_late: false,
            token: None,
            following: keyspace.journal.followed(),
            read: 0,
            appended: 0,
            is_window: false,
            has_narrowed: false,
        }
    }

    /// The keyspace that this is a part of.
    pub fn keyspace(&self) -> &'k Keyspace {
        self.keyspace
    }

    /// How far the rights go.
    pub fn extent(&self) -> Extent {
        self.extent
    }

    /// The shards that are locked; `None` if that is everything.
    pub fn shards(&self) -> Option<Box<[ShardIndex]>> {
        (self.extent == Extent::Shards).then(|| self.guards.iter().map(|(index, _)| *index).collect())
    }

    /// Whether the shards of this plan are among those locked. False for a plan that asks for more than shards.
    #[inline]
    pub fn covers(&self, plan: &Plan) -> bool {
        let has = |shard: &ShardIndex| self.guards.iter().any(|(index, _)| index == shard);
        match plan {
            Plan::Nothing => true,
            Plan::One(shard) => has(shard),
            Plan::Several(shards) => shards.iter().all(has),
            Plan::Walk | Plan::Whole => false,
        }
    }

    /// Locks a shard of one of the units that come next, if that needs no waiting.
    #[inline]
    pub fn try_add(&mut self, shard: ShardIndex) -> bool {
        self.is_window = true;
        if self.guards.iter().any(|(index, _)| *index == shard) {
            return true;
        }
        let keyspace = self.keyspace;
        match keyspace.shards[usize::from(shard)].0.try_lock() {
            Some(guard) => {
                self.guards.push((shard, guard));
                true
            }
            None => false,
        }
    }

    /// Begins to load what a lookup of this hash looks at first, if its shard is held. Then comes [`Held::prefetch_entry`].
    #[inline]
    pub fn prefetch_segment(&self, db: usize, hash: u64) {
        if let Some(table) = self.table(db, hash) {
            table.prefetch_segment(hash);
        }
    }

    /// Begins to load the entry of a key with this hash, if its shard is held.
    #[inline]
    pub fn prefetch_entry(&self, db: usize, hash: u64) {
        if let Some(table) = self.table(db, hash) {
            table.probe(hash, RecordRef::prefetch);
        }
    }

    /// Begins to load what the entry of a key with this hash points to, if its shard is held. Reads the entry.
    #[inline]
    pub fn prefetch_value(&self, db: usize, hash: u64) {
        if let Some(table) = self.table(db, hash) {
            table.probe_items(hash, |record| record.prefetch_value());
        }
    }

    /// Begins to load what a look at an element of the value needs, by the hashes of key and element; the value was loaded before. Reads the value.
    #[inline]
    pub fn prefetch_element(&self, db: usize, hash: u64, element: u64, step: Step) {
        if let Some(table) = self.table(db, hash) {
            table.probe_items(hash, |record| record.prefetch_element(step, element));
        }
    }

    #[inline]
    fn table(&self, db: usize, hash: u64) -> Option<&Table<Record>> {
        let index = self.keyspace.shard_of_hash(hash);
        let guard = self.guards.iter().find(|(held, _)| *held == index);
        guard.map(|(_, guard)| &guard.databases[db].table)
    }

    /// Adds the shards of `plan` to what is held, for a script that met a key it had not declared. With `wait` it may wait for a busy
    /// shard, if it gets the one token for that: whoever holds the shard is a command, which never waits while holding, or a script without the
    /// token, so the wait ends.
    ///
    /// # Errors
    /// [`Busy`] if a shard is held by another, or the plan asks for more than shards; what was added before stays.
    pub fn extend(&mut self, plan: &Plan, wait: bool) -> Result<(), Busy> {
        let shards: &[ShardIndex] = match plan {
            Plan::Nothing => &[],
            Plan::One(shard) => std::slice::from_ref(shard),
            Plan::Several(shards) => shards,
            Plan::Walk | Plan::Whole => return Err(Busy),
        };
        let keyspace = self.keyspace;
        for &shard in shards {
            if self.guards.iter().any(|(index, _)| *index == shard) {
                continue;
            }
            let lock = &keyspace.shards[usize::from(shard)].0;
            let guard = match lock.try_lock() {
                Some(guard) => guard,
                None if wait => self.wait_for(lock)?,
                None => return Err(Busy),
            };
            self.guards.push((shard, guard));
        }
        Ok(())
    }

    fn wait_for(&mut self, lock: &'k Mutex<Shard>) -> Result<MutexGuard<'k, Shard>, Busy> {
        self.take_token()?;
        lock.try_lock_for(LATE_WAIT).ok_or(Busy)
    }

    fn take_token(&mut self) -> Result<(), Busy> {
        if self.token.is_none() {
            self.token = Some(self.keyspace.late_lock.try_lock().ok_or(Busy)?);
        }
        Ok(())
    }

    /// Whether it has the token for late locks, so that a wait that was in vain may be tried again.
    pub fn may_wait(&self) -> bool {
        self.token.is_some()
    }

    /// Comes to own the whole keyspace late, for a script that has written and meets a command on more than shards. It keeps what it holds, so it needs
    /// the token. Who holds a gate and waits for a shard of these gives both back before long, and so does who waits for all gates: only
    /// another script may keep its gate for longer.
    ///
    /// # Errors
    /// [`Busy`] if another has the token, or does not leave; all is as it was then.
    pub fn widen(&mut self) -> Result<(), Busy> {
        if self.extent == Extent::Whole {
            return Ok(());
        }
        self.take_token()?;
        let gates = &self.keyspace.gates.0;
        let mut busy = None;
        for _ in 0..gates.len() {
            let mut taken = Vec::with_capacity(gates.len());
            // Nobody is kept out while it waits for long.
            if let Some(at) = busy {
                let gate: &super::Padded<Mutex<()>> = &gates[at];
                taken.push(gate.0.try_lock_for(LATE_WAIT).ok_or(Busy)?);
            }
            let others = (0..gates.len()).filter(|at| *at != self.slot && Some(*at) != busy);
            let found = { others }.find(|at| match Patience::Wait.take(&gates[*at].0) {
                Ok(gate) => {
                    taken.push(gate);
                    false
                }
                Err(Busy) => true,
            });
            if found.is_none() {
                self.gates.append(&mut taken);
                self.is_late = true;
                self.extent = Extent::Whole;
                return Ok(());
            }
            busy = found;
            drop(taken);
            // Somebody may have found one of these closed.
            self.keyspace.unpark();
        }
        Err(Busy)
    }

    /// The shard, locked. O(guards), which is 1 for most commands.
    ///
    /// # Panics
    /// If the unit did not declare a key of this shard: then the command table is wrong.
    #[inline]
    pub(super) fn shard(&mut self, index: ShardIndex) -> &mut Shard {
        let at = match self.guards.iter().position(|(held, _)| *held == index) {
            Some(at) => at,
            None => self.move_to(index),
        };
        &mut self.guards[at].1
    }

    /// Goes on to the next shard of a walk, whose holder may be a script: so the wait is bounded. Who owns everything finds every shard free.
    ///
    /// # Errors
    /// [`Busy`] if it is held by another.
    pub(super) fn walk_to(&mut self, index: ShardIndex) -> Result<(), Busy> {
        if self.extent == Extent::Walk {
            self.commit();
            self.guards.clear();
            self.guards.push((index, Patience::Wait.take(&self.keyspace.shards[usize::from(index)].0)?));
        }
        Ok(())
    }

    /// Goes on with the shards of `plan` alone and lets others have the rest: for a unit that owns the whole keyspace, has touched nothing but these, and takes
    /// long. What those who wait in these shards may need to be served is kept as well. False, and all is as it was, if that would be too many.
    pub fn narrow(&mut self, plan: &Plan) -> bool {
        let shards: &[ShardIndex] = match plan {
            Plan::Nothing => &[],
            Plan::One(shard) => std::slice::from_ref(shard),
            Plan::Several(shards) => shards,
            Plan::Walk | Plan::Whole => return false,
        };
        if self.extent != Extent::Whole || self.is_late {
            return false;
        }
        // Nobody else is inside, so nothing that was locked before is missed, and every lock is free. What was changed is in these shards, and comes to the
        // log before they are given back.
        self.forget_writes();
        self.guards.clear();
        for &shard in shards {
            let guard = self.keyspace.shards[usize::from(shard)].0.try_lock();
            self.guards.push((shard, guard.expect("who holds a shard holds a gate as well")));
        }
        self.extent = Extent::Shards;
        if self.reach(false).is_err() {
            self.guards.clear();
            self.extent = Extent::Whole;
            return false;
        }
        self.note_narrowed();
        let own = self.gates.swap_remove(self.slot);
        self.gates.clear();
        self.gates.push(own);
        self.keyspace.unpark();
        true
    }

    /// Gives the late-lock token back, if it has it.
    #[inline]
    pub(super) fn let_token_go(&mut self) {
        self.token = None;
    }

    /// Gives everything back before the unit ends; it touches no key after this.
    pub(super) fn release(&mut self) {
        self.commit();
        self.guards.clear();
        self.gates.clear();
        self.is_late = false;
        self.extent = Extent::Shards;
        self.keyspace.unpark();
    }

    #[cold]
    fn move_to(&mut self, index: ShardIndex) -> usize {
        assert!(self.extent == Extent::Whole, "a command touches only keys that its declaration names");
        self.forget_writes();
        self.guards.clear();
        // With all gates held this lock is free.
        let guard = self.keyspace.shards[usize::from(index)].0.try_lock();
        self.guards.push((index, guard.expect("who holds a shard holds a gate as well")));
        0
    }
}

impl Drop for Held<'_> {
    #[inline]
    fn drop(&mut self) {
        self.commit();
    }
}

impl std::fmt::Debug for Held<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shards: Vec<_> = self.guards.iter().map(|(index, _)| index).collect();
        f.debug_struct("Held").field("extent", &self.extent).field("shards", &shards).finish()
    }
}
