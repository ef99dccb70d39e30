//! Gives back the memory of keys whose time has come, soon after it has, in slices so short that nobody notices.
//!
//! A worker takes *turns* ([`turn`]): it goes round its shards that have something to do, holds each for one slice of work, and ends after
//! [`TURN_NANOS`] so that its connections are served. The deadlines of a shard are in its timing wheels ([`super::deadlines`]), the instants at which
//! they want attention in [`super::alarm`]. Whatever expires, here or because a command met it, goes through [`Keyspace::expire`].

use super::lock::{Held, Shard};
use super::wheel::Wheel;
use super::{Database, Keyspace, Pass, Patience, Plan, ShardIndex, add};
use crate::base::clock::{Clock, UnixMillis};
use crate::base::hash;
use crate::base::prefetch::prefetch;
use crate::data::record::NO_DEADLINE;
use crate::data::table::Position;
use smallvec::SmallVec;
use std::task::Waker;

/// The work of one hold of a shard's lock, in units of about 10 ns: one moves an entry of a wheel.
const SLICE_WORK: usize = 5_000;
/// The work of looking a key up and removing it.
const LOOKUP_WORK: usize = 50;
/// Keys looked up together, so that their waits for memory overlap.
const BATCH: usize = 32;
/// Entries visited in one slice for the renewal of a wheel.
const RENEWAL_VISITS: usize = 256;
/// The longest turn but for its last slice.
pub const TURN_NANOS: u64 = 200_000;

/// What is left after a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// More is to do at once; the turn ended because it took its time.
    More,
    /// What is to do is in shards that others hold.
    Busy,
    /// Nothing is to do before this instant; never, if none is given and no key gets a deadline.
    Until(Option<UnixMillis>),
}

/// Takes a turn for the worker whose pass this is. Where it is not `active`, no key expires here, but wheels are kept small.
pub fn turn(pass: &mut Pass<'_>, clock: &dyn Clock, active: bool) -> Rest {
    let (keyspace, slot) = (pass.keyspace(), pass.slot);
    let (began, now) = (clock.ticks(), clock.unix_millis());
    let counts = &keyspace.counts[slot].0;
    let mut nanos = 0;
    loop {
        let (mut has_worked, mut is_busy) = (false, false);
        for index in keyspace.alarms.ready(slot, now) {
            if !active && keyspace.alarms.next(index) != UnixMillis::MIN {
                continue;
            }
            // Its holder may be a script that takes its time.
            let Ok(mut held) = pass.lock(&Plan::One(index), Patience::Try) else {
                is_busy = true;
                continue;
            };
            slice(&mut held, index, now, active);
            pass.unlock_and_serve(held, now);
            has_worked = true;
            nanos = clock.ticks().since(began);
            if nanos > TURN_NANOS {
                add(&counts.expire_nanos, nanos as i64);
                add(&counts.expire_capped, 1);
                return Rest::More;
            }
        }
        // After work there may be another round, for what the slices have left.
        if !has_worked {
            add(&counts.expire_nanos, nanos as i64);
            return if is_busy { Rest::Busy } else { Rest::Until(keyspace.alarms.wake_at(slot)) };
        }
    }
}

fn slice(held: &mut Held<'_>, index: ShardIndex, now: UnixMillis, active: bool) {
    let (keyspace, slot) = (held.keyspace, held.slot);
    let shard = held.shard(index);
    let mut work = SLICE_WORK;
    let (mut next, mut due) = (None, 0);
    for db in 0..shard.databases.len() {
        if shard.databases[db].is_idle() {
            continue;
        }
        renew_some(&mut shard.databases[db], now);
        while active && work > 0 {
            let mut batch = SmallVec::<[Position; BATCH]>::new();
            let deadlines = &mut shard.databases[db].deadlines;
            while batch.len() < BATCH
                && let Some(position) = deadlines.pop(now, &mut work)
            {
                batch.push(position);
                work = work.saturating_sub(LOOKUP_WORK);
            }
            if batch.is_empty() {
                break;
            }
            let table = &shard.databases[db].table;
            batch.iter().for_each(|position| table.prefetch_segment(position.least_hash()));
            batch.iter().for_each(|position| table.probe(position.least_hash(), |record| prefetch(record.as_ptr())));
            batch.into_iter().for_each(|position| keyspace.meet(slot, shard, db, position, now));
        }
        let deadlines = &shard.databases[db].deadlines;
        next = next.into_iter().chain(deadlines.next()).min();
        due += deadlines.due_len();
    }
    keyspace.alarms.settle(index, next, due);
}

/// Goes on with the renewal of a wheel, or begins one where it is wanted.
fn renew_some(database: &mut Database, now: UnixMillis) {
    let Database { table, volatile, deadlines, .. } = database;
    if deadlines.is_renewing(*volatile, table.len(), now) {
        deadlines.renew(now, |from, schedule| {
            table.scan(from, RENEWAL_VISITS, |record| {
                if record.is_volatile() {
                    schedule(Position::of(hash::hash(record.key())), record.deadline());
                }
            })
        });
    }
}

impl Keyspace {
    /// Looks at the keys of a position that was due: removes those whose time has come, and schedules those whose deadline has moved.
    fn meet(&self, slot: usize, shard: &mut Shard, db: usize, position: Position, now: UnixMillis) {
        let Database { table, deadlines, .. } = &mut shard.databases[db];
        let mut later = NO_DEADLINE;
        let mut expired = SmallVec::<[SmallVec<[u8; 64]>; 1]>::new();
        table.at_position(position, |record| match record.deadline() {
            deadline if now > deadline => expired.push(SmallVec::from_slice(record.key())),
            deadline => later = later.min(deadline),
        });
        if later != NO_DEADLINE {
            deadlines.schedule(position, later, now);
        }
        for key in expired {
            self.expire(slot, shard, db, hash::hash(&key), &key);
        }
    }

    /// Notes that a key of this database, which the caller has locked, has a deadline that is earlier than the one it had, if any.
    #[inline]
    pub(super) fn schedule(&self, database: &mut Database, hash: u64, deadline: UnixMillis, now: UnixMillis) {
        let Database { table, volatile, deadlines, .. } = database;
        deadlines.schedule(Position::of(hash), deadline, now);
        let at = match deadlines.has_too_many(*volatile, table.len()) {
            true => UnixMillis::MIN,
            false => Wheel::instant_after(deadline),
        };
        self.alarms.no_later(self.shard_of_hash(hash), at);
    }

    /// Says that `worker` sleeps until `until`, or until `waker` is woken because a shard that it looks after has something to do before. False if
    /// there is something now: then it should take a turn.
    pub fn may_sleep(&self, worker: usize, until: UnixMillis, waker: &Waker) -> bool {
        self.alarms.sleep(worker, until, waker)
    }

    /// Of a hundred keys with a deadline, how many have passed it and are still there, as far as that is known. O(shards).
    pub fn stale_percent(&self) -> f64 {
        let volatile: usize = (0..self.databases).map(|db| self.volatile(db)).sum();
        if volatile == 0 { 0.0 } else { (100.0 * self.alarms.due_len() as f64 / volatile as f64).min(100.0) }
    }
}
