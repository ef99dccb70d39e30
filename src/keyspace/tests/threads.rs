//! Threads that do everything at once on a keyspace whose invariants each of them can check.
//!
//! Accounts come in pairs. A transfer moves money inside a pair, so a pair's sum never changes; only who locks both may see the two, and
//! who owns the whole sees all pairs right at once. Database 0 and 1 are swapped meanwhile, database 2 is filled and emptied.

use super::{check_counts, lent, one, whole};
use crate::base::rng::Rng;
use crate::data::string::Str;
use crate::keyspace::{Keys, Keyspace, Missing, Plan};
use std::sync::atomic::{AtomicU64, Ordering};

const THREADS: usize = 4;
const ROUNDS: usize = 4_000;
const PAIRS: usize = 24;
const BALANCE: i64 = 1_000;
/// More than a plan of several takes, so that the audit of all of them owns the whole.
const _: () = assert!(2 * PAIRS > Plan::SHARDS_MAX);

fn account(pair: usize, side: usize) -> Vec<u8> {
    format!("account:{pair}:{side}").into_bytes()
}

fn balance(keys: &mut Keys<'_, '_>, key: &[u8]) -> i64 {
    let text = keys.read::<Str>(key).expect("an account is a string");
    text.expect("an account stays").as_i64().expect("and a number")
}

fn add(keys: &mut Keys<'_, '_>, key: &[u8], amount: i64) {
    let edited = keys.edit::<Str, _>(key, Missing::Create, |text| {
        let sum = text.as_i64().unwrap_or(0) + amount;
        **text = Str::from_bytes(sum.to_string().as_bytes());
    });
    assert_eq!(edited, Ok(Some(())));
}

/// What the threads did that the end must show.
#[derive(Default)]
struct Done {
    hits: AtomicU64,
    late: AtomicU64,
    widened: AtomicU64,
}

fn round(keyspace: &Keyspace, slot: usize, rng: &mut Rng, done: &Done) {
    let pair = rng.below(PAIRS);
    let amount = rng.below(200) as i64 - 100;
    let both = [account(pair, 0), account(pair, 1)];
    let pair_plan = Plan::for_keys(keyspace, both.iter().map(|key| &**key));
    match rng.below(20) {
        0..4 => {
            one(keyspace, slot, b"hits", (2, 0), |keys| add(&mut keys.in_db(3), b"hits", 1));
            done.hits.fetch_add(1, Ordering::Relaxed);
        }
        4..9 => lent(keyspace, slot, &pair_plan, (rng.below(2), 0), |keys| {
            add(keys, &both[0], amount);
            add(keys, &both[1], -amount);
        }),
        9..12 => lent(keyspace, slot, &pair_plan, (rng.below(2), 0), |keys| {
            assert_eq!(balance(keys, &both[0]) + balance(keys, &both[1]), 2 * BALANCE, "a pair's sum");
        }),
        12..14 => late(keyspace, slot, &both, amount, rng.below(2), done),
        14 => late_whole(keyspace, slot, &both, amount, rng.below(2), done),
        15 => whole(keyspace, slot, (rng.below(2), 0), |keys| {
            let all = (0..PAIRS).flat_map(|pair| [account(pair, 0), account(pair, 1)]);
            let sum: i64 = all.map(|key| balance(keys, &key)).sum();
            assert_eq!(sum, 2 * BALANCE * PAIRS as i64, "the sum of all");
            assert_eq!(keys.len(), 2 * PAIRS);
        }),
        16 => whole(keyspace, slot, (0, 0), |keys| keys.swap_databases(0, 1)),
        17 if amount < 0 => whole(keyspace, slot, (rng.below(2), 0), |keys| {
            // As a script that takes long: it begins with everything and goes on with a pair.
            add(keys, &both[0], amount);
            assert!(keys.held().narrow(&pair_plan));
            std::thread::yield_now();
            add(keys, &both[1], -amount);
            assert_eq!(balance(keys, &both[0]) + balance(keys, &both[1]), 2 * BALANCE, "a pair's sum");
        }),
        17 => whole(keyspace, slot, (2, 0), |keys| {
            let len = keys.len();
            assert_eq!(keys.flush(), len);
        }),
        18 => lent(keyspace, slot, &Plan::Walk, (rng.below(2), 0), |keys| {
            let mut seen = 0;
            // Another may hold a shard for longer than the walk waits, if the machine is busy.
            if keys.scan(0, usize::MAX, |_| seen += 1) == Ok(0) {
                assert_eq!(seen, 2 * PAIRS, "accounts stay");
            }
        }),
        _ => {
            let key = rng.below(500).to_string().into_bytes();
            one(keyspace, slot, &key, (2, 0), |keys| keys.put_string(&key, b"x", Some(1)));
        }
    }
}

/// As a script that declared one key and meets another: it writes, asks for the second shard, and takes its write back if that is busy.
fn late(keyspace: &Keyspace, slot: usize, both: &[Vec<u8>; 2], amount: i64, db: usize, done: &Done) {
    let late_plan = Plan::One(keyspace.shard_of(&both[1]));
    one(keyspace, slot, &both[0], (db, 0), |keys| {
        if keys.held().extend(&late_plan, false).is_err() {
            add(keys, &both[0], amount);
            if keys.held().extend(&late_plan, true).is_err() {
                add(keys, &both[0], -amount);
                return;
            }
            add(keys, &both[0], -amount);
        }
        add(keys, &both[0], amount);
        add(keys, &both[1], -amount);
        done.late.fetch_add(1, Ordering::Relaxed);
    });
}

/// The same with what needs the whole keyspace.
fn late_whole(keyspace: &Keyspace, slot: usize, both: &[Vec<u8>; 2], amount: i64, db: usize, done: &Done) {
    one(keyspace, slot, &both[0], (db, 0), |keys| {
        add(keys, &both[0], amount);
        if keys.held().widen().is_err() {
            add(keys, &both[0], -amount);
            return;
        }
        let all = (0..PAIRS).flat_map(|pair| [account(pair, 0), account(pair, 1)]);
        let sum: i64 = all.map(|key| balance(keys, &key)).sum();
        assert_eq!(sum, 2 * BALANCE * PAIRS as i64 + amount, "the sum of all, and what is not taken yet");
        add(keys, &both[1], -amount);
        done.widened.fetch_add(1, Ordering::Relaxed);
    });
}

#[test]
fn units_are_atomic_whatever_they_lock() {
    let keyspace = Keyspace::new(4, THREADS, 2);
    for db in 0..2 {
        whole(&keyspace, 0, (db, 0), |keys| {
            for key in (0..PAIRS).flat_map(|pair| [account(pair, 0), account(pair, 1)]) {
                add(keys, &key, BALANCE);
            }
        });
    }
    let done = Done::default();
    std::thread::scope(|scope| {
        for slot in 0..THREADS {
            let (keyspace, done) = (&keyspace, &done);
            scope.spawn(move || {
                let mut rng = Rng::seeded(slot as u64 + 1);
                (0..ROUNDS).for_each(|_| round(keyspace, slot, &mut rng, done));
            });
        }
    });
    let hits = one(&keyspace, 0, b"hits", (3, 0), |keys| balance(keys, b"hits"));
    assert_eq!(hits as u64, done.hits.load(Ordering::Relaxed), "no increment is lost");
    assert!(done.late.load(Ordering::Relaxed) > 0, "late shards were had");
    assert!(done.widened.load(Ordering::Relaxed) > 0, "the whole was had late");
    check_counts(&keyspace);
}

/// The same pairs of shards in either order, by threads that never rest: a lock order would forbid it, trying does not.
#[test]
fn shards_in_any_order_never_stand_still() {
    let keyspace = Keyspace::new(1, THREADS, 2);
    let keys = super::in_different_shards(&keyspace, 6);
    std::thread::scope(|scope| {
        for slot in 0..THREADS {
            let (keyspace, keys) = (&keyspace, &keys);
            scope.spawn(move || {
                let mut rng = Rng::seeded(100 + slot as u64);
                for _ in 0..ROUNDS {
                    let chosen: Vec<&[u8]> = (0..2 + rng.below(4)).map(|_| &*keys[rng.below(keys.len())]).collect();
                    let plan = Plan::for_keys(keyspace, chosen.iter().copied());
                    lent(keyspace, slot, &plan, (0, 0), |keys| chosen.iter().for_each(|key| add(keys, key, 1)));
                }
            });
        }
    });
    check_counts(&keyspace);
}
