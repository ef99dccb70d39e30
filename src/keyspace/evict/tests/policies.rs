//! Each policy evicts what it says.

use super::*;
use crate::keyspace::tests::check_counts;

#[test]
fn lru_evicts_what_was_not_used_for_longest() {
    for policy in [EvictionPolicy::AllkeysLru, EvictionPolicy::VolatileLru] {
        let keyspace = keyspace(policy);
        fill(&keyspace, "old", 100, NOW, |_| Some(NOW + 90 * SECOND));
        fill(&keyspace, "read", 100, NOW, |_| Some(NOW + 90 * SECOND));
        fill(&keyspace, "new", 100, NOW + 10 * SECOND, |_| Some(NOW + 90 * SECOND));
        lent(&keyspace, 0, NOW + 20 * SECOND, |keys| {
            assert!((0..100).all(|number| keys.lookup(&key("read", number)).is_some()));
        });
        assert_eq!(evict_to(&keyspace, 200, NOW + 30 * SECOND), (Room::Made, 100));
        assert_eq!(
            [left(&keyspace, "old", 100), left(&keyspace, "new", 100), left(&keyspace, "read", 100)],
            [0, 100, 100]
        );
        evict_to(&keyspace, 100, NOW + 30 * SECOND);
        assert_eq!([left(&keyspace, "new", 100), left(&keyspace, "read", 100)], [0, 100], "{policy:?}");
        check_counts(&keyspace);
    }
}

#[test]
fn lfu_evicts_what_is_used_least_and_forgets_old_uses() {
    for policy in [EvictionPolicy::AllkeysLfu, EvictionPolicy::VolatileLfu] {
        let keyspace = keyspace(policy);
        let deadline = Some(NOW + 1_000 * SECOND);
        for prefix in ["often", "seldom", "once"] {
            fill(&keyspace, prefix, 50, NOW, |_| deadline);
        }
        let uses = |prefix: &str, uses: usize, at: UnixMillis| {
            lent(&keyspace, 0, at, |keys| {
                (0..50 * uses).for_each(|number| assert!(keys.lookup(&key(prefix, number % 50)).is_some()));
            });
        };
        uses("often", 5, NOW);
        uses("seldom", 2, NOW + SECOND);
        evict_to(&keyspace, 100, NOW + 2 * SECOND);
        assert_eq!(left(&keyspace, "once", 50), 0, "{policy:?}");
        // After four minutes five uses count for one, and what is used now for more.
        uses("seldom", 4, NOW + 240 * SECOND);
        evict_to(&keyspace, 50, NOW + 241 * SECOND);
        assert_eq!([left(&keyspace, "often", 50), left(&keyspace, "seldom", 50)], [0, 50], "{policy:?}");
    }
}

#[test]
fn ttl_evicts_what_would_expire_first() {
    let keyspace = keyspace(EvictionPolicy::VolatileTtl);
    fill(&keyspace, "kept", 50, NOW, |_| None);
    fill(&keyspace, "key", 300, NOW, |number| Some(NOW + (1 + number as i64) * SECOND));
    evict_to(&keyspace, 250, NOW);
    let alive =
        lent(&keyspace, 0, NOW, |keys| (0..300).filter(|number| keys.exists(&key("key", *number))).collect::<Vec<_>>());
    assert_eq!(alive, (100..300).collect::<Vec<_>>());
    assert_eq!(left(&keyspace, "kept", 50), 50);
}

#[test]
fn volatile_policies_evict_only_keys_with_a_ttl_and_then_nothing() {
    for policy in EVICTING.into_iter().filter(|policy| rules(*policy).volatile_only()) {
        let keyspace = keyspace(policy);
        fill(&keyspace, "kept", 500, NOW, |_| None);
        fill(&keyspace, "key", 40, NOW, |_| Some(NOW + 90 * SECOND));
        assert_eq!(evict_to(&keyspace, 0, NOW), (Room::Nothing, 40), "{policy:?}");
        assert_eq!(left(&keyspace, "kept", 500), 500, "{policy:?}");
        assert_eq!(evict_to(&keyspace, 0, NOW), (Room::Nothing, 0), "{policy:?}");
        check_counts(&keyspace);
    }
}

#[test]
fn allkeys_policies_evict_to_the_last_key_of_every_database() {
    for policy in EVICTING.into_iter().filter(|policy| !rules(*policy).volatile_only()) {
        let keyspace = keyspace(policy);
        for db in 0..3 {
            lent(&keyspace, db, NOW, |keys| {
                (0..10 + 300 * db).for_each(|number| keys.put_string(&key("key", number), b"value", None));
            });
        }
        assert_eq!(evict_to(&keyspace, 0, NOW), (Room::Made, 930), "{policy:?}");
        check_counts(&keyspace);
    }
}

#[test]
fn nothing_is_evicted_where_nothing_may_be_or_memory_suffices() {
    let none = keyspace(EvictionPolicy::NoEviction);
    fill(&none, "key", 100, NOW, |_| Some(NOW + SECOND));
    assert_eq!(evict_to(&none, 50, NOW), (Room::Nothing, 0));
    for policy in EVICTING {
        let keyspace = keyspace(policy);
        fill(&keyspace, "key", 100, NOW, |_| Some(NOW + SECOND));
        assert_eq!(evict_to(&keyspace, 100, NOW), (Room::Made, 0), "{policy:?}");
    }
}

#[test]
fn s3fifo_keeps_what_is_asked_for_again_through_a_scan_of_many_times_the_memory() {
    for policy in [EvictionPolicy::AllkeysS3fifo, EvictionPolicy::VolatileS3fifo] {
        let keyspace = keyspace(policy);
        let deadline = Some(NOW + 1_000 * SECOND);
        for number in 0..1_000 {
            lent(&keyspace, 0, NOW, |keys| keys.put_string(&key("hot", number), b"value", deadline));
        }
        for scanned in 0..5_000 {
            lent(&keyspace, 0, NOW, |keys| {
                let _ = keys.lookup(&key("hot", scanned % 1_000));
                keys.put_string(&key("scan", scanned), b"value", deadline);
            });
            evict_to(&keyspace, 1_200, NOW);
        }
        assert!(left(&keyspace, "hot", 1_000) > 950, "{policy:?} kept {} of 1000", left(&keyspace, "hot", 1_000));
        check_counts(&keyspace);
    }
}

#[test]
fn s3fifo_recognises_what_comes_back_soon_after_it_went() {
    let keyspace = keyspace(EvictionPolicy::AllkeysS3fifo);
    fill(&keyspace, "filler", 1_000, NOW, |_| None);
    let set = |prefix: &str, number: usize| {
        lent(&keyspace, 0, NOW, |keys| keys.put_string(&key(prefix, number), b"value", None));
        evict_to(&keyspace, 1_000, NOW);
    };
    let flood = |prefix: &str| (0..300).for_each(|number| set(prefix, number));
    flood("first");
    let gone: Vec<usize> =
        lent(&keyspace, 0, NOW, |keys| (0..300).filter(|number| !keys.exists(&key("first", *number))).collect());
    assert!(gone.len() > 200, "asked for once, most go before anything else: {}", gone.len());
    gone.iter().for_each(|number| set("first", *number));
    flood("second");
    let back =
        lent(&keyspace, 0, NOW, |keys| gone.iter().filter(|number| keys.exists(&key("first", **number))).count());
    assert!(back * 10 > gone.len() * 7, "what came back stays: {back} of {}", gone.len());
}
