//! SCAN visits what was there throughout exactly once, whatever comes and goes meanwhile.

use super::{lent, one};
use crate::base::rng::Rng;
use crate::keyspace::{Keyspace, Plan};
use proptest::prelude::*;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

fn put(keyspace: &Keyspace, slot: usize, key: &str) {
    one(keyspace, slot, key.as_bytes(), (0, 0), |keys| keys.put_string(key.as_bytes(), b"x", None));
}

fn remove(keyspace: &Keyspace, slot: usize, key: &str) {
    one(keyspace, slot, key.as_bytes(), (0, 0), |keys| keys.delete(key.as_bytes()));
}

/// How often a whole walk visits each key; `between` runs after each call.
fn visits(keyspace: &Keyspace, count: usize, mut between: impl FnMut()) -> HashMap<String, usize> {
    let (mut seen, mut cursor) = (HashMap::new(), 0);
    loop {
        let mut visited = 0;
        cursor = lent(keyspace, 0, &Plan::Walk, (0, 0), |keys| {
            keys.scan(cursor, count, |entry| {
                visited += 1;
                *seen.entry(String::from_utf8(entry.key().to_vec()).expect("the test's keys are text")).or_default() +=
                    1;
            })
            .expect("nobody else is inside")
        });
        assert!(visited >= count || cursor == 0, "a call visits what it was told to");
        assert!(cursor < 1 << 48, "a cursor is exact in a double");
        if cursor == 0 {
            return seen;
        }
        between();
    }
}

fn check(seen: &HashMap<String, usize>, stable: usize) {
    assert!(seen.values().all(|times| *times == 1), "a key is visited at most once");
    assert!((0..stable).all(|number| seen.contains_key(&format!("stable{number}"))), "and what stays is visited");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_stays_is_visited_once_while_other_keys_come_and_go(
        stable in 0..1500usize, others in 1..3000usize, count in 1..300usize, churn in 0..400usize, seed: u64,
    ) {
        let keyspace = Keyspace::new(1, 2, 1);
        let mut rng = Rng::seeded(seed);
        (0..stable).for_each(|number| put(&keyspace, 0, &format!("stable{number}")));
        let seen = visits(&keyspace, count, || {
            // It grows on the whole in one run, and shrinks in another.
            let growing = seed % 3;
            for _ in 0..churn {
                let key = format!("other{}", rng.below(others));
                if rng.below(3) as u64 <= growing { put(&keyspace, 1, &key) } else { remove(&keyspace, 1, &key) }
            }
        });
        check(&seen, stable);
    }
}

#[test]
fn what_stays_is_visited_once_while_other_threads_write() {
    const STABLE: usize = 2_000;
    const WRITERS: usize = 2;
    let keyspace = Keyspace::new(1, 1 + WRITERS, 2);
    (0..STABLE).for_each(|number| put(&keyspace, 0, &format!("stable{number}")));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for slot in 1..=WRITERS {
            let (keyspace, done) = (&keyspace, &done);
            scope.spawn(move || {
                let mut rng = Rng::seeded(slot as u64);
                while !done.load(Ordering::Relaxed) {
                    let key = format!("other{}", rng.below(20_000));
                    if rng.below(3) > 0 { put(keyspace, slot, &key) } else { remove(keyspace, slot, &key) }
                }
            });
        }
        for count in [1, 10, 1000, usize::MAX] {
            check(&visits(&keyspace, count.min(100_000), || ()), STABLE);
        }
        done.store(true, Ordering::Relaxed);
    });
    super::check_counts(&keyspace);
}

#[test]
fn a_cursor_that_no_walk_gave_ends_the_walk_or_goes_on_somewhere() {
    let keyspace = Keyspace::new(1, 1, 1);
    (0..100).for_each(|number| put(&keyspace, 0, &format!("k{number}")));
    let scan = |cursor: u64| lent(&keyspace, 0, &Plan::Walk, (0, 0), |keys| keys.scan(cursor, 1000, |_| ()));
    assert!([1, 1 << 47, (1 << 48) - 1, 1 << 48, u64::MAX].into_iter().all(|cursor| scan(cursor) == Ok(0)));
}

#[test]
fn a_walk_passes_over_what_has_expired() {
    let keyspace = Keyspace::new(1, 1, 1);
    for number in 0..100i64 {
        let key = format!("k{number}");
        one(&keyspace, 0, key.as_bytes(), (0, 0), |keys| keys.put_string(key.as_bytes(), b"x", Some(number)));
    }
    let mut seen = 0;
    assert_eq!(lent(&keyspace, 0, &Plan::Walk, (0, 50), |keys| keys.scan(0, 1000, |_| seen += 1)), Ok(0));
    assert_eq!(seen, 50);
}
