//! Eviction from a keyspace: who goes, who stays, and what others are told. Memory is counted in keys here.

mod bits;
mod policies;
mod standing;

use super::{Evictor, Room, Rules};
use crate::base::clock::UnixMillis;
use crate::base::hash;
use crate::config::EvictionPolicy;
use crate::keyspace::{Keys, Keyspace, Patience, Plan};
use std::cell::RefCell;

const NOW: UnixMillis = 1_700_000_000_000;
const SECOND: UnixMillis = 1_000;
const SHARDS: usize = 4;
const SHARDS_OF_ALL: usize = 256;

thread_local! {
    /// That of the test which runs on this thread.
    static EVICTOR: RefCell<Evictor> = RefCell::new(Evictor::seeded(1));
}

/// Every policy that evicts something.
const EVICTING: [EvictionPolicy; 9] = [
    EvictionPolicy::AllkeysLru,
    EvictionPolicy::AllkeysLfu,
    EvictionPolicy::AllkeysRandom,
    EvictionPolicy::AllkeysS3fifo,
    EvictionPolicy::VolatileLru,
    EvictionPolicy::VolatileLfu,
    EvictionPolicy::VolatileRandom,
    EvictionPolicy::VolatileTtl,
    EvictionPolicy::VolatileS3fifo,
];

/// Rules that compare all there is, so that what goes is no matter of chance.
fn rules(policy: EvictionPolicy) -> Rules {
    Rules { policy, limited: true, samples: Rules::SAMPLES_MAX, lfu_log_factor: 0, ..Rules::default() }
}

fn keyspace(policy: EvictionPolicy) -> Keyspace {
    let keyspace = Keyspace::new(3, 1, 1);
    keyspace.set_eviction_rules(rules(policy));
    keyspace
}

/// Runs `act` on a database of a keyspace that nobody else uses.
fn lent<R>(keyspace: &Keyspace, db: usize, now: UnixMillis, act: impl FnOnce(&mut Keys<'_, '_>) -> R) -> R {
    let mut pass = keyspace.enter(0, Patience::Wait).expect("nobody else is inside");
    let mut held = pass.lock(&Plan::Whole, Patience::Wait).expect("nobody else is inside");
    let result = act(&mut Keys::new(&mut held, db, now));
    pass.unlock(held);
    result
}

/// A key in one of the first [`SHARDS`] shards, so that each has more than a few.
fn key(prefix: &str, number: usize) -> Vec<u8> {
    let bits = (usize::BITS - 1) - SHARDS_OF_ALL.leading_zeros();
    let names = (0..).map(|salt| format!("{prefix}:{number}:{salt}").into_bytes());
    let shard = |name: &Vec<u8>| (hash::hash(name) >> (64 - bits)) as usize;
    names.into_iter().find(|name| shard(name) < SHARDS).expect("there are names enough")
}

/// Sets `count` keys, one after the other, with these deadlines.
fn fill(
    keyspace: &Keyspace,
    prefix: &str,
    count: usize,
    now: UnixMillis,
    deadline: impl Fn(usize) -> Option<UnixMillis>,
) {
    lent(keyspace, 0, now, |keys| {
        (0..count).for_each(|number| keys.put_string(&key(prefix, number), b"value", deadline(number)));
    });
}

/// How many of `count` keys are there.
fn left(keyspace: &Keyspace, prefix: &str, count: usize) -> usize {
    lent(keyspace, 0, NOW, |keys| (0..count).filter(|number| keys.exists(&key(prefix, *number))).count())
}

/// Evicts until there are `wanted` keys in all databases.
fn evict_to(keyspace: &Keyspace, wanted: usize, now: UnixMillis) -> (Room, usize) {
    let total = || (0..keyspace.databases()).map(|db| keyspace.len(db)).sum::<usize>();
    let mut pass = keyspace.enter(0, Patience::Wait).expect("nobody else is inside");
    EVICTOR.with_borrow_mut(|evictor| evictor.make_room(&mut pass, now, None, || total() > wanted, || false))
}
