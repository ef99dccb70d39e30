//! The access bits of an entry under each policy.

use super::*;
use crate::keyspace::evict::{idle_seconds, idle_since};

const MINUTE: UnixMillis = 60 * SECOND;

#[test]
fn the_clock_tells_idle_seconds_across_its_wrap_and_a_clock_set_back() {
    let rules = rules(EvictionPolicy::AllkeysLru);
    let wrap = (1 << 24) * 1_000;
    for at in [0, NOW, wrap - 5_000, wrap] {
        let access = rules.fresh(at);
        assert_eq!(idle_seconds(access, at + 999), u32::from(at % 1_000 != 0));
        assert_eq!(idle_seconds(access, at + 10 * SECOND), 10);
        assert_eq!(idle_seconds(access, at - 10 * SECOND), 0);
        assert_eq!(idle_seconds(idle_since(77, at), at), 77);
        assert_eq!(rules.accessed(access, at + 3 * SECOND, 0), rules.fresh(at + 3 * SECOND));
    }
}

#[test]
fn what_another_server_says_of_an_entry_counts_where_the_policy_keeps_it() {
    let lru = rules(EvictionPolicy::AllkeysLru);
    assert_eq!(idle_seconds(lru.restored(Some(77), None, NOW), NOW), 77);
    assert_eq!(idle_seconds(lru.restored(Some(u64::MAX), None, NOW), NOW), (1 << 23) - 1);
    assert_eq!(lru.restored(None, Some(200), NOW), lru.fresh(NOW));
    let lfu = rules(EvictionPolicy::AllkeysLfu);
    assert_eq!(lfu.frequency(lfu.restored(None, Some(200), NOW), NOW), 200);
    assert_eq!(lfu.restored(Some(77), None, NOW), lfu.fresh(NOW));
    let queues = rules(EvictionPolicy::AllkeysS3fifo);
    assert_eq!(queues.restored(Some(77), Some(200), NOW), queues.fresh(NOW));
}

#[test]
fn a_frequency_grows_with_the_logarithm_of_uses_and_falls_with_time() {
    let rules = Rules { lfu_log_factor: 10, lfu_decay_minutes: 1, ..rules(EvictionPolicy::AllkeysLfu) };
    let mut access = rules.fresh(NOW);
    assert_eq!(rules.frequency(access, NOW), 5);
    let mut after = Vec::new();
    for uses in 1u64..=1_000_000 {
        access = rules.accessed(access, NOW, uses);
        if [100, 1_000, 100_000, 1_000_000].contains(&uses) {
            after.push(rules.frequency(access, NOW));
        }
    }
    // Redis' own documentation has 10, 18, 142 and 255 for these.
    assert!((8..=13).contains(&after[0]) && (15..=22).contains(&after[1]), "{after:?}");
    assert!((125..=155).contains(&after[2]) && after[3] == 255, "{after:?}");
    assert_eq!(rules.frequency(access, NOW + 55 * MINUTE), 200);
    assert_eq!(rules.frequency(access, NOW + 600 * MINUTE), 0);
    assert_eq!(Rules { lfu_decay_minutes: 10, ..rules }.frequency(access, NOW + 55 * MINUTE), 250);
    assert_eq!(Rules { lfu_decay_minutes: 0, ..rules }.frequency(access, NOW + 55 * MINUTE), 255);
    let later = rules.accessed(access, NOW + 55 * MINUTE, 1);
    assert_eq!(rules.frequency(later, NOW + 55 * MINUTE), 200, "an access first forgets, then counts, by chance");
}

#[test]
fn queues_count_three_times_of_being_asked_for_again() {
    let rules = rules(EvictionPolicy::AllkeysS3fifo);
    let mut access = rules.fresh(NOW);
    for wanted in [1, 2, 3, 3] {
        access = rules.accessed(access, NOW, 0);
        assert_eq!(rules.frequency(access, NOW), wanted);
    }
    assert!((0..1 << 24).step_by(997).all(|noise| rules.accessed(noise, NOW, 0) < 1 << 24), "any bits are bits");
}

#[test]
fn rules_are_read_as_they_were_written() {
    let keyspace = Keyspace::with_shards(2, 1, 1, 1);
    assert_eq!(keyspace.eviction_rules(), Rules::default());
    for policy in EVICTING {
        let rules =
            Rules { policy, limited: true, lazy: true, samples: 7, lfu_log_factor: 65_535, lfu_decay_minutes: 300 };
        keyspace.set_eviction_rules(rules);
        assert_eq!(keyspace.eviction_rules(), rules);
    }
    keyspace.set_eviction_rules(Rules { samples: 0, ..Rules::default() });
    assert_eq!(keyspace.eviction_rules().samples, 1);
}
