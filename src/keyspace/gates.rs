//! Gates: how a thread enters the keyspace, and how one thread comes to own all of it.
//!
//! Each thread has a *slot* with a mutex of its own that it holds while it executes a batch. Nobody else wants it, so taking it costs a few
//! nanoseconds. To own everything, a thread gives up its own gate and takes all gates in order of their slots; as nobody takes a second gate
//! out of order, two such threads cannot wait for each other. With all gates held no other thread is inside, so every shard is free.
//!
//! Every wait is bounded. Who gave up is *parked* by its caller (a connection's task, never a worker) with a waker that is called
//! whenever anybody leaves.

use super::Keyspace;
use super::lock::{Extent, Held, Plan};
use crate::base::sync::atomic::{AtomicUsize, Ordering};
use crate::base::sync::{Mutex, MutexGuard};
use std::task::Waker;
use std::time::Duration;

/// The longest wait for one gate or shard, in milliseconds.
pub const WAIT_MS: u64 = 1;
const WAIT: Duration = Duration::from_millis(WAIT_MS);
/// How often a multi-shard lock starts again from the busy shard before it reports [`Busy`].
const LOCK_ATTEMPTS_MAX: usize = 64;

/// Somebody held a gate or a shard for longer than [`WAIT_MS`]; nothing was taken, nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

#[derive(Debug)]
pub(super) struct Gates(Box<[super::Padded<Mutex<()>>]>);

impl Gates {
    pub(super) fn new(slots: usize) -> Self {
        Self((0..slots).map(|_| super::Padded(Mutex::new(()))).collect())
    }
}

/// Tasks that wait for somebody to leave. The count is read at every leave, the list only when it is not 0.
#[derive(Debug, Default)]
pub(super) struct Parked {
    count: AtomicUsize,
    wakers: Mutex<Vec<Waker>>,
}

impl Keyspace {
    /// Enters by the gate of `slot`, to execute a batch.
    ///
    /// # Errors
    /// [`Busy`] if a thread that owns all gates does not finish within [`WAIT_MS`].
    #[inline]
    pub fn enter(&self, slot: usize) -> Result<Pass<'_>, Busy> {
        let gate = self.gates.0[slot].0.try_lock_for(WAIT).ok_or(Busy)?;
        Ok(Pass { keyspace: self, slot, gate: Some(gate) })
    }

    /// Holds nothing, for a command that touches no key. Needs no gate.
    pub fn hold_nothing(&self, slot: usize) -> Held<'_> {
        Held::nothing(self, slot)
    }

    /// Has `waker` woken when somebody leaves the keyspace. The caller tries once more after this and only then sleeps, so no leave is missed.
    pub fn park(&self, waker: &Waker) {
        let mut wakers = self.parked.wakers.lock();
        wakers.push(waker.clone());
        // SeqCst pairs with the load in `unpark`: either the leaver sees the count, or the parker's next try sees the lock free.
        self.parked.count.store(wakers.len(), Ordering::SeqCst);
    }

    #[inline]
    fn unpark(&self) {
        if self.parked.count.load(Ordering::SeqCst) != 0 {
            self.wake_all();
        }
    }

    #[cold]
    fn wake_all(&self) {
        let wakers = {
            let mut wakers = self.parked.wakers.lock();
            self.parked.count.store(0, Ordering::SeqCst);
            std::mem::take(&mut *wakers)
        };
        for waker in wakers {
            waker.wake();
        }
    }
}

/// A thread's presence in the keyspace: its own gate, held for a batch.
#[derive(Debug)]
pub struct Pass<'k> {
    keyspace: &'k Keyspace,
    slot: usize,
    gate: Option<MutexGuard<'k, ()>>,
}

impl<'k> Pass<'k> {
    /// The keyspace that was entered.
    pub fn keyspace(&self) -> &'k Keyspace {
        self.keyspace
    }

    /// Locks what `plan` names and lends it.
    ///
    /// # Errors
    /// [`Busy`] if it could not be had within the bounded wait. Nothing is held then; after a failed try for the whole keyspace even the own
    /// gate is given up, and the next call takes it again.
    #[inline]
    pub fn lock(&mut self, plan: &Plan) -> Result<Held<'k>, Busy> {
        if self.gate.is_none() {
            self.gate = Some(self.keyspace.gates.0[self.slot].0.try_lock_for(WAIT).ok_or(Busy)?);
        }
        let mut held = Held::nothing(self.keyspace, self.slot);
        match plan {
            Plan::Nothing => {}
            Plan::One(shard) => {
                let guard = self.keyspace.shards[usize::from(*shard)].0.try_lock_for(WAIT).ok_or(Busy)?;
                held.guards.push((*shard, guard));
            }
            Plan::Several(shards) => self.lock_several(shards, &mut held)?,
            Plan::Walk => held.extent = Extent::Walk,
            Plan::Whole => self.own_whole(&mut held)?,
        }
        Ok(held)
    }

    /// Blocks on one shard and *tries* the rest; on failure releases all and starts again from the one that was busy.
    fn lock_several(&self, shards: &[super::ShardIndex], held: &mut Held<'k>) -> Result<(), Busy> {
        let lock_of = |shard: super::ShardIndex| &self.keyspace.shards[usize::from(shard)].0;
        let mut first = 0;
        for _ in 0..LOCK_ATTEMPTS_MAX {
            held.guards.push((shards[first], lock_of(shards[first]).try_lock_for(WAIT).ok_or(Busy)?));
            let busy = (0..shards.len()).filter(|&at| at != first).find(|&at| match lock_of(shards[at]).try_lock() {
                Some(guard) => {
                    held.guards.push((shards[at], guard));
                    false
                }
                None => true,
            });
            match busy {
                None => return Ok(()),
                Some(at) => {
                    held.guards.clear();
                    first = at;
                }
            }
        }
        Err(Busy)
    }

    fn own_whole(&mut self, held: &mut Held<'k>) -> Result<(), Busy> {
        self.gate = None;
        self.keyspace.unpark();
        for gate in &self.keyspace.gates.0 {
            match gate.0.try_lock_for(WAIT) {
                Some(guard) => held.gates.push(guard),
                None => {
                    held.gates.clear();
                    self.keyspace.unpark();
                    return Err(Busy);
                }
            }
        }
        held.extent = Extent::Whole;
        Ok(())
    }

    /// Gives back what a unit held. After it owned the whole keyspace, the own gate is kept.
    #[inline]
    pub fn unlock(&mut self, mut held: Held<'k>) {
        held.guards.clear();
        if held.extent == Extent::Whole {
            self.gate = Some(held.gates.swap_remove(self.slot));
        }
        drop(held);
        self.keyspace.unpark();
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.gate = None;
        self.keyspace.unpark();
    }
}
