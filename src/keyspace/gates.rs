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
use crate::base::sync::atomic::{AtomicUsize, Ordering, fence};
use crate::base::sync::{Mutex, MutexGuard};
use std::collections::VecDeque;
use std::task::Waker;
use std::time::Duration;

/// The longest wait for one gate or shard, in milliseconds.
pub const WAIT_MS: u64 = 1;
const WAIT: Duration = Duration::from_millis(WAIT_MS);
/// How often a multi-shard lock starts again from the busy shard before it reports [`Busy`].
const LOCK_ATTEMPTS_MAX: usize = 64;

/// How many parked tasks one leave wakes. Those who then leave wake the next, so all get their turn; but if they all wait for the same slow
/// script, a leave by somebody else costs no more than this many vain tries.
const WAKES_MAX: usize = 16;

/// Whether a thread waits for what somebody else holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// For up to [`WAIT_MS`].
    Wait,
    /// Not at all.
    Try,
}

impl Patience {
    #[inline]
    pub(super) fn take<T>(self, lock: &Mutex<T>) -> Result<MutexGuard<'_, T>, Busy> {
        match self {
            Self::Wait => lock.try_lock_for(WAIT),
            Self::Try => lock.try_lock(),
        }
        .ok_or(Busy)
    }
}

/// Somebody held a gate or a shard for longer than [`WAIT_MS`]; nothing was taken, nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

#[derive(Debug)]
pub(super) struct Gates(pub(super) Box<[super::Padded<Mutex<()>>]>);

impl Gates {
    pub(super) fn new(slots: usize) -> Self {
        Self((0..slots).map(|_| super::Padded(Mutex::new(()))).collect())
    }
}

/// Tasks that wait for somebody to leave. The count is read at every leave, the list only when it is not 0.
#[derive(Debug, Default)]
pub(super) struct Parked {
    count: AtomicUsize,
    queue: Mutex<Queue>,
}

/// The parked tasks, the longest parked first.
#[derive(Debug, Default)]
struct Queue {
    wakers: VecDeque<Waker>,
    /// How many were woken since the start: the place of the first.
    woken: u64,
}

/// A place in the queue of parked tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parking(u64);

impl Keyspace {
    /// Enters by the gate of `slot`, to execute a batch.
    ///
    /// # Errors
    /// [`Busy`] if a thread that owns all gates does not finish within [`WAIT_MS`].
    #[inline]
    pub fn enter(&self, slot: usize, patience: Patience) -> Result<Pass<'_>, Busy> {
        let gate = patience.take(&self.gates.0[slot].0)?;
        Ok(Pass { keyspace: self, slot, gate: Some(gate), locked: false })
    }

    /// Holds nothing, for a command that touches no key. Needs no gate.
    pub fn hold_nothing(&self, slot: usize) -> Held<'_> {
        Held::nothing(self, slot)
    }

    /// Has `waker` woken when somebody leaves the keyspace, unless the task has its place in the queue from an earlier time. The caller
    /// tries once more after this and only then sleeps, so no leave is missed.
    pub fn park(&self, waker: &Waker, earlier: Option<Parking>) -> Parking {
        let mut queue = self.parked.queue.lock();
        if let Some(place) = earlier
            && place.0 >= queue.woken
        {
            return place;
        }
        queue.wakers.push_back(waker.clone());
        self.parked.count.store(queue.wakers.len(), Ordering::SeqCst);
        // Pairs with the fence in `unpark`: either the leaver sees the count, or the parker's next try sees the lock free.
        fence(Ordering::SeqCst);
        Parking(queue.woken + queue.wakers.len() as u64 - 1)
    }

    #[inline]
    pub(super) fn unpark(&self) {
        // The lock was released before: the count may not be read earlier than that. x86 releases a lock with an instruction that nothing
        // passes, so there the fence would only cost.
        if cfg!(any(not(target_arch = "x86_64"), feature = "loom")) {
            fence(Ordering::SeqCst);
        }
        if self.parked.count.load(Ordering::SeqCst) != 0 {
            self.wake_some();
        }
    }

    #[cold]
    fn wake_some(&self) {
        let wakers: Vec<Waker> = {
            let mut queue = self.parked.queue.lock();
            let len = queue.wakers.len().min(WAKES_MAX);
            queue.woken += len as u64;
            let wakers = queue.wakers.drain(..len).collect();
            self.parked.count.store(queue.wakers.len(), Ordering::SeqCst);
            wakers
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
    pub(super) slot: usize,
    gate: Option<MutexGuard<'k, ()>>,
    /// Whether anything was locked since it entered. Who was here in vain wakes nobody when it leaves, or two that wait for the same would
    /// wake each other for as long.
    locked: bool,
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
    pub fn lock(&mut self, plan: &Plan, patience: Patience) -> Result<Held<'k>, Busy> {
        if self.gate.is_none() {
            self.gate = Some(patience.take(&self.keyspace.gates.0[self.slot].0)?);
        }
        let mut held = Held::nothing(self.keyspace, self.slot);
        match plan {
            Plan::Nothing => {}
            Plan::One(shard) => {
                let guard = patience.take(&self.keyspace.shards[usize::from(*shard)].0)?;
                held.guards.push((*shard, guard));
            }
            Plan::Several(shards) => self.lock_several(shards, patience, &mut held)?,
            Plan::Walk => held.extent = Extent::Walk,
            Plan::Whole => self.own_whole(patience, &mut held)?,
        }
        self.locked = true;
        Ok(held)
    }

    /// Blocks on one shard and *tries* the rest; on failure releases all and starts again from the one that was busy.
    fn lock_several(&self, shards: &[super::ShardIndex], patience: Patience, held: &mut Held<'k>) -> Result<(), Busy> {
        let lock_of = |shard: super::ShardIndex| &self.keyspace.shards[usize::from(shard)].0;
        let mut first = 0;
        for _ in 0..LOCK_ATTEMPTS_MAX {
            held.guards.push((shards[first], patience.take(lock_of(shards[first]))?));
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

    fn own_whole(&mut self, patience: Patience, held: &mut Held<'k>) -> Result<(), Busy> {
        self.leave();
        for gate in &self.keyspace.gates.0 {
            match patience.take(&gate.0) {
                Ok(guard) => held.gates.push(guard),
                Err(Busy) => {
                    held.gates.clear();
                    // Somebody may have found a gate of these closed, but not if they were closed for no time.
                    if patience == Patience::Wait {
                        self.keyspace.unpark();
                    }
                    return Err(Busy);
                }
            }
        }
        held.extent = Extent::Whole;
        Ok(())
    }

    /// Gives back what a unit held. After it owned the whole keyspace, if only at first, the own gate is kept.
    #[inline]
    pub fn unlock(&mut self, mut held: Held<'k>) {
        self.give_back(&mut held);
    }

    /// The same where it lies. It is of no more use.
    #[inline]
    pub fn give_back(&mut self, held: &mut Held<'k>) {
        held.commit();
        held.guards.clear();
        self.keep(held);
        held.extent = Extent::Shards;
        held.let_token_go();
        self.keyspace.unpark();
    }

    /// Takes the own gate back and opens the others, before anybody is told that they are open.
    #[inline]
    fn keep(&mut self, held: &mut Held<'k>) {
        if held.gates.is_empty() {
            return;
        }
        match (held.extent, held.is_late) {
            (Extent::Whole, false) => self.gate = Some(held.gates.swap_remove(self.slot)),
            // Others only: the own gate was never given up.
            (_, true) if !held.has_narrowed => {}
            _ => self.gate = Some(held.gates.swap_remove(0)),
        }
        held.gates.clear();
        held.is_late = false;
    }
}

impl Pass<'_> {
    fn leave(&mut self) {
        self.gate = None;
        if std::mem::take(&mut self.locked) {
            self.keyspace.unpark();
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}
