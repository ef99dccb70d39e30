//! Keys go when their time has come, whatever happened to them before and whatever the clock did; and what knows of their time stays small.

use super::{check_counts, expire, lent, one, whole};
use crate::base::clock::{ManualClock, UnixMillis};
use crate::keyspace::expire::{Rest, turn};
use crate::keyspace::wheel::{AHEAD_TICKS_MAX, TICK_MS};
use crate::keyspace::{Keyspace, Patience, Plan};
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

const DATABASES: usize = 2;
const START: UnixMillis = 1_700_000_000_000;
const HOUR: i64 = 3_600_000;
/// A wheel may be some ticks ahead of a clock that was set back. What is due then has the tick after the cursor's, and is gone when that has begun.
const LATE_MS_MAX: i64 = (AHEAD_TICKS_MAX as i64 + 2) * TICK_MS;

fn key(number: u16) -> Vec<u8> {
    format!("key:{number}").into_bytes()
}

fn put(keyspace: &Keyspace, at: (usize, u16), now: UnixMillis, deadline: UnixMillis) {
    let key = key(at.1);
    one(keyspace, 0, &key, (at.0, now), |keys| keys.put_string(&key, b"x", Some(deadline)));
}

fn give(keyspace: &Keyspace, at: (usize, u16), now: UnixMillis, deadline: Option<UnixMillis>) {
    let key = key(at.1);
    one(keyspace, 0, &key, (at.0, now), |keys| keys.set_deadline(&key, deadline));
}

/// Entries of all wheels.
fn entries(keyspace: &Keyspace) -> usize {
    sum(keyspace, |database| database.deadlines.len())
}

fn sum(keyspace: &Keyspace, figure: impl Fn(&crate::keyspace::Database) -> usize) -> usize {
    whole(keyspace, 0, (0, 0), |keys| {
        let shards = keys.held().keyspace().shards();
        let dbs = keys.databases();
        (0..shards).map(|shard| (0..dbs).map(|db| figure(&keys.shard_at(shard).databases[db])).sum::<usize>()).sum()
    })
}

#[derive(Clone, Debug)]
enum Op {
    Put((usize, u16), i64),
    Give((usize, u16), Option<i64>),
    Delete((usize, u16)),
    Move((usize, u16), (usize, u16)),
    Swap,
    Flush(usize),
    Wait(i64),
    Expire,
}

fn ttl() -> impl Strategy<Value = i64> {
    prop_oneof![1..300i64, 1..20_000i64, 1..100 * HOUR, Just(i64::MAX - START - 1)]
}

fn op() -> impl Strategy<Value = Op> {
    let place = || (0..DATABASES, 0..30u16);
    prop_oneof![
        6 => (place(), ttl()).prop_map(|(at, ttl)| Op::Put(at, ttl)),
        4 => (place(), prop::option::of(ttl())).prop_map(|(at, ttl)| Op::Give(at, ttl)),
        2 => place().prop_map(Op::Delete),
        2 => (place(), place()).prop_map(|(from, to)| Op::Move(from, to)),
        1 => Just(Op::Swap),
        1 => (0..DATABASES).prop_map(Op::Flush),
        5 => prop_oneof![0..40i64, 0..2_000i64, 0..HOUR].prop_map(Op::Wait),
        1 => prop_oneof![0..40i64, 0..HOUR, 0..300 * HOUR].prop_map(|ms| Op::Wait(-ms)),
        4 => Just(Op::Expire),
    ]
}

/// Turns, and turns again for a little while, after which everything that was due must be gone.
fn check_that_the_due_are_gone(keyspace: &Keyspace, now: UnixMillis) {
    let later = now + LATE_MS_MAX;
    for now in (now..later).step_by(4) {
        expire(keyspace, 0, now);
    }
    let rest = expire(keyspace, 0, later);
    let mut first = UnixMillis::MAX;
    whole(keyspace, 0, (0, 0), |keys| {
        for index in 0..keys.held().keyspace().shards() {
            for database in &keys.shard_at(index).databases {
                first = database.table.iter().map(|record| record.deadline()).fold(first, UnixMillis::min);
            }
        }
    });
    assert!(first >= now, "a key is there {} ms after its deadline", later - first);
    let Rest::Until(next) = rest else { panic!("a turn without a limit of time leaves nothing") };
    if first < START + 1_000_000 * HOUR {
        assert!(next.is_some_and(|next| next <= first.saturating_add(LATE_MS_MAX)), "{next:?}, but {first} is due");
    }
    assert!(next.is_none_or(|next| next > now), "there is nothing to do before {now}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_key_is_gone_soon_after_its_deadline(ops in prop::collection::vec(op(), 1..150)) {
        let keyspace = Keyspace::new(DATABASES, 1, 1);
        let mut now = START;
        for op in ops {
            match op {
                Op::Put(at, ttl) => put(&keyspace, at, now, now.saturating_add(ttl)),
                Op::Give(at, ttl) => give(&keyspace, at, now, ttl.map(|ttl| now.saturating_add(ttl))),
                Op::Delete(at) => drop(one(&keyspace, 0, &key(at.1), (at.0, now), |keys| keys.delete(&key(at.1)))),
                Op::Move(from, to) => {
                    let (source, target) = (key(from.1), key(to.1));
                    let plan = Plan::for_keys(&keyspace, [&source[..], &target[..]].into_iter());
                    lent(&keyspace, 0, &plan, (from.0, now), |keys| {
                        if let Some(entry) = keys.remove(&source) {
                            keys.in_db(to.0).put_entry(&target, entry);
                        }
                    });
                }
                Op::Swap => whole(&keyspace, 0, (0, now), |keys| keys.swap_databases(0, 1)),
                Op::Flush(db) => drop(whole(&keyspace, 0, (db, now), |keys| keys.flush())),
                Op::Wait(ms) => now += ms,
                Op::Expire => {
                    check_that_the_due_are_gone(&keyspace, now);
                    now += LATE_MS_MAX;
                }
            }
        }
        check_that_the_due_are_gone(&keyspace, now);
        check_counts(&keyspace);
    }
}

#[test]
fn deadlines_that_are_shortened_again_and_again_leave_few_entries() {
    const KEYS: u16 = 3_000;
    let keyspace = Keyspace::new(1, 1, 1);
    for round in 0..50 {
        for number in 0..KEYS {
            put(&keyspace, (0, number), START, START + HOUR * (100 - round));
        }
        expire(&keyspace, 0, START + round);
        let most = 2 * usize::from(KEYS) + usize::from(KEYS) / 4 + keyspace.shards() * 64;
        assert!(entries(&keyspace) <= most, "{} entries for {KEYS} keys", entries(&keyspace));
    }
    expire(&keyspace, 0, START + 101 * HOUR);
    assert_eq!((keyspace.len(0), entries(&keyspace)), (0, 0));
}

#[test]
fn keys_that_are_deleted_before_their_time_leave_few_entries() {
    let keyspace = Keyspace::new(1, 1, 1);
    for round in 0..4 {
        for number in 0..u16::MAX {
            put(&keyspace, (0, number), START, START + HOUR);
            one(&keyspace, 0, &key(number), (0, START), |keys| keys.delete(&key(number)));
        }
        expire(&keyspace, 0, START + round);
        assert!(entries(&keyspace) <= keyspace.shards() * 64, "{} entries for no key", entries(&keyspace));
    }
    assert!(sum(&keyspace, |database| database.deadlines.allocated_bytes()) < 2_000_000);
}

#[test]
fn without_active_expiry_nothing_goes_but_wheels_stay_small() {
    let keyspace = Keyspace::new(1, 1, 1);
    for number in 0..u16::MAX {
        put(&keyspace, (0, number % 100), START, START + HOUR - i64::from(number));
    }
    let mut pass = keyspace.enter(0, Patience::Wait).expect("nobody else is inside");
    turn(&mut pass, &ManualClock::at(START + 2 * HOUR), false);
    drop(pass);
    assert_eq!(keyspace.len(0), 100);
    assert!(entries(&keyspace) <= 2 * 100 + keyspace.shards() * 64);
    // What a renewed wheel finds due waits for its next tick.
    expire(&keyspace, 0, START + 2 * HOUR + TICK_MS);
    assert_eq!(keyspace.len(0), 0);
}

#[test]
fn a_clock_that_is_set_back_delays_nothing_and_leaves_no_work() {
    let keyspace = Keyspace::new(1, 1, 1);
    for number in 0..1_000 {
        put(&keyspace, (0, number), START, START + 10 + i64::from(number));
    }
    expire(&keyspace, 0, START + 500);
    let now = START - 24 * HOUR;
    let left = keyspace.len(0);
    // Nobody looks before there is something to do by the old instants, so the look that finds the clock set back may come late; the new key
    // has an instant of its own.
    assert!(matches!(expire(&keyspace, 0, now), Rest::Until(Some(next)) if next > now));
    put(&keyspace, (0, 5_000), now, now + 1_000);
    expire(&keyspace, 0, now + 999);
    assert_eq!(keyspace.len(0), left + 1);
    // The first look finds the wheel astray, the next one the key.
    expire(&keyspace, 0, now + 1_000 + TICK_MS);
    expire(&keyspace, 0, now + 1_000 + 2 * TICK_MS);
    assert_eq!(keyspace.len(0), left, "what was given a deadline by the new clock goes by it");
}

struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_sleeping_worker_is_woken_by_an_earlier_deadline_in_its_shards_only() {
    let keyspace = Keyspace::new(1, 2, 2);
    let woken = [0, 1].map(|_| Arc::new(Count(AtomicUsize::new(0))));
    let wakers: Vec<Waker> = woken.iter().map(|count| Waker::from(Arc::clone(count))).collect();
    let counts = || [0, 1].map(|at: usize| woken[at].0.load(Ordering::SeqCst));
    let of_worker = |worker: usize, nth: usize| {
        (0..u16::MAX)
            .filter(|number| usize::from(keyspace.shard_of(&key(*number))) % 2 == worker)
            .nth(nth)
            .expect("there are many")
    };
    for worker in [0, 1] {
        assert!(keyspace.may_sleep(worker, START + 60_000, &wakers[worker]));
    }
    put(&keyspace, (0, of_worker(0, 0)), START, START + 70_000);
    assert_eq!(counts(), [0, 0], "that is after both would wake");
    put(&keyspace, (0, of_worker(1, 0)), START, START + 50_000);
    assert_eq!(counts(), [0, 1]);
    put(&keyspace, (0, of_worker(1, 1)), START, START + 40_000);
    assert_eq!(counts(), [0, 1], "who is awake is not woken");
    assert!(!keyspace.may_sleep(1, START + 60_000, &wakers[1]), "an earlier instant has come up");
    assert!(keyspace.may_sleep(1, START + 40_000, &wakers[1]));
}

#[test]
fn a_worker_that_is_kept_is_stood_in_for() {
    let keyspace = Keyspace::new(1, 2, 2);
    for number in 0..100 {
        put(&keyspace, (0, number), START, START + 10);
    }
    expire(&keyspace, 0, START + 20);
    let others = keyspace.len(0);
    assert!((20..80).contains(&others), "a worker looks after its own shards first");
    let Rest::Until(Some(next)) = expire(&keyspace, 0, START + 21) else { panic!("there is something to do later") };
    assert!(next <= START + 40);
    expire(&keyspace, 0, next);
    assert_eq!(keyspace.len(0), 0);
}
