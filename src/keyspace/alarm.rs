//! Who looks after which shard's deadlines, and when.
//!
//! Each shard has an instant at which it next has something to do. Each worker looks after every n-th shard and sleeps until the first of their
//! instants. Who moves an instant to before the moment at which its worker would wake, wakes it. So an idle server sleeps, and a short deadline
//! is met all the same. A worker that is kept (by a long script) is stood in for: the others look after what is [`STAND_IN_MS`] late.

use super::ShardIndex;
use crate::base::clock::UnixMillis;
use crate::base::sync::Mutex;
use crate::base::sync::atomic::{AtomicI64, AtomicUsize, Ordering, fence};
use std::task::Waker;

/// A shard that is late by this much is any worker's business.
const STAND_IN_MS: i64 = 20;
/// Nothing is to do.
const NEVER: UnixMillis = UnixMillis::MAX;
/// The worker is awake.
const AWAKE: UnixMillis = UnixMillis::MIN;

/// The instants of all shards, and the workers that wait for them.
#[derive(Debug)]
pub(super) struct Alarms {
    /// Written under the shard's lock only.
    next: Box<[AtomicI64]>,
    /// How many entries of each shard were due and not looked up when its last slice ended. Written under its lock only.
    due: Box<[AtomicUsize]>,
    workers: Box<[super::Padded<Sleeper>]>,
}

#[derive(Debug)]
struct Sleeper {
    /// When it will wake by itself.
    until: AtomicI64,
    waker: Mutex<Option<Waker>>,
}

impl Alarms {
    pub(super) fn new(shards: usize, workers: usize) -> Self {
        let sleeper = || Sleeper { until: AtomicI64::new(AWAKE), waker: Mutex::new(None) };
        Self {
            next: (0..shards).map(|_| AtomicI64::new(NEVER)).collect(),
            due: (0..shards).map(|_| AtomicUsize::new(0)).collect(),
            workers: (0..workers.max(1)).map(|_| super::Padded(sleeper())).collect(),
        }
    }

    /// When the shard has something to do.
    #[inline]
    pub(super) fn next(&self, shard: ShardIndex) -> UnixMillis {
        self.next[usize::from(shard)].load(Ordering::Relaxed)
    }

    /// The shard has something to do at `at`, or earlier if that was so before. The caller holds its lock.
    #[inline]
    pub(super) fn no_later(&self, shard: ShardIndex, at: UnixMillis) {
        if at < self.next(shard) {
            self.earlier(shard, at);
        }
    }

    #[cold]
    fn earlier(&self, shard: ShardIndex, at: UnixMillis) {
        self.next[usize::from(shard)].store(at, Ordering::Relaxed);
        // Pairs with the fence in `sleep`: either the sleeper sees the new instant, or this sees that it sleeps.
        fence(Ordering::SeqCst);
        let sleeper = &self.workers[usize::from(shard) % self.workers.len()].0;
        if sleeper.until.load(Ordering::Relaxed) > at {
            sleeper.until.store(AWAKE, Ordering::Relaxed);
            if let Some(waker) = &*sleeper.waker.lock() {
                waker.wake_by_ref();
            }
        }
    }

    /// The shard has nothing to do before `at`, but for `due` entries that are left. The caller holds its lock and has looked.
    pub(super) fn settle(&self, shard: ShardIndex, at: Option<UnixMillis>, due: usize) {
        self.next[usize::from(shard)].store(at.unwrap_or(NEVER), Ordering::Relaxed);
        self.due[usize::from(shard)].store(due, Ordering::Relaxed);
    }

    /// How many entries of all shards were due and not looked up when somebody last looked.
    pub(super) fn due_len(&self) -> usize {
        self.due.iter().map(|due| due.load(Ordering::Relaxed)).sum()
    }

    /// The shards of `worker` that have something to do at `now`, and those of others that are late.
    pub(super) fn ready(&self, worker: usize, now: UnixMillis) -> impl Iterator<Item = ShardIndex> {
        let of = self.workers.len();
        let late = now.saturating_sub(STAND_IN_MS);
        let own = (worker..self.next.len()).step_by(of).filter(move |shard| self.next(*shard as ShardIndex) <= now);
        let others =
            (0..self.next.len()).filter(move |shard| shard % of != worker && self.next(*shard as ShardIndex) <= late);
        own.chain(others).map(|shard| shard as ShardIndex)
    }

    /// When `worker` has something to do next: for a shard of its own, or in the place of another.
    pub(super) fn wake_at(&self, worker: usize) -> Option<UnixMillis> {
        let of = self.workers.len();
        let instants = self.next.iter().map(|next| next.load(Ordering::Relaxed)).enumerate();
        let instants = instants.filter(|(_, next)| *next != NEVER);
        instants.map(|(shard, next)| if shard % of == worker { next } else { next.saturating_add(STAND_IN_MS) }).min()
    }

    /// Says that `worker` sleeps until `until` unless `waker` is woken. False if it should not, because an earlier instant has come up: then it is
    /// awake still.
    pub(super) fn sleep(&self, worker: usize, until: UnixMillis, waker: &Waker) -> bool {
        let sleeper = &self.workers[worker].0;
        {
            let mut known = sleeper.waker.lock();
            if known.as_ref().is_none_or(|known| !known.will_wake(waker)) {
                *known = Some(waker.clone());
            }
        }
        sleeper.until.store(until, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let may_sleep = self.wake_at(worker).unwrap_or(NEVER) >= until;
        if !may_sleep {
            sleeper.until.store(AWAKE, Ordering::Relaxed);
        }
        may_sleep
    }
}
