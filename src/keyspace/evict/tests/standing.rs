//! Eviction beside everything else: switches of the policy, deletions, watchers, frozen clones, shards that others hold.

use super::*;
use crate::base::event::Classes;
use crate::base::rng::Rng;
use crate::keyspace::tests::check_counts;
use crate::keyspace::{Event, ShardIndex};
use proptest::prelude::*;
use std::sync::{Arc, Mutex};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn policies_may_change_at_any_time_and_keys_come_and_go_beside_them(seed: u64) {
        let keyspace = keyspace(EvictionPolicy::NoEviction);
        let mut rng = Rng::seeded(seed);
        for round in 0..60 {
            let policy = EVICTING[rng.below(EVICTING.len())];
            keyspace.set_eviction_rules(Rules { samples: 1 + rng.below(20) as u16, limited: rng.below(4) > 0, ..rules(policy) });
            let now = NOW + round * 70 * SECOND;
            lent(&keyspace, rng.below(3), now, |keys| {
                for _ in 0..rng.below(200) {
                    let key = key("key", rng.below(500));
                    match rng.below(8) {
                        0..3 => keys.put_string(&key, b"value", (rng.below(2) > 0).then_some(now + 100 * SECOND)),
                        3 => drop(keys.delete(&key)),
                        4 => drop(keys.set_deadline(&key, (rng.below(2) > 0).then_some(now + 100 * SECOND))),
                        _ => {
                            let _ = keys.lookup(&key);
                        }
                    }
                }
                if rng.below(20) == 0 {
                    keys.flush();
                }
                if rng.below(20) == 0 {
                    keys.swap_databases(0, 1);
                }
            });
            let total: usize = (0..3).map(|db| keyspace.len(db)).sum();
            let eligible: usize = (0..3).map(|db| if rules(policy).volatile_only() { keyspace.volatile(db) } else { keyspace.len(db) }).sum();
            let wanted = total - rng.below(total / 3 + 1);
            let (mut room, mut evicted) = evict_to(&keyspace, wanted, now);
            // A few that may go among many that may not are found in the end.
            for _ in 0..1000 {
                if room != Room::Soon {
                    break;
                }
                let (then, more) = evict_to(&keyspace, wanted, now);
                (room, evicted) = (then, evicted + more);
            }
            // A shard that is held may give a few more than were needed.
            let least = (total - wanted).min(eligible);
            prop_assert!((least..eligible.min(least + 16) + 1).contains(&evicted), "{evicted} of {total} under {policy:?}, {room:?}");
            check_counts(&keyspace);
        }
    }
}

#[test]
fn watchers_and_the_listener_are_told_of_evictions() {
    let keyspace = keyspace(EvictionPolicy::AllkeysLru);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ears = Arc::clone(&heard);
    keyspace
        .listen(Box::new(move |event, db, key| ears.lock().expect("nobody panics").push((event, db, key.to_vec()))));
    keyspace.want_events(Classes::EVICTED);
    let ticket = lent(&keyspace, 0, NOW, |keys| {
        keys.put_string(b"key", b"value", None);
        keys.watch(b"key")
    });
    assert_eq!(evict_to(&keyspace, 0, NOW).1, 1);
    assert!(!lent(&keyspace, 0, NOW, |keys| keys.is_unchanged(&ticket)));
    assert_eq!(*heard.lock().expect("nobody panics"), [(Event::EVICTED, 0, b"key".to_vec())]);
}

#[test]
fn what_a_frozen_clone_has_is_not_counted_until_the_clone_is_gone() {
    let keyspace = keyspace(EvictionPolicy::AllkeysRandom);
    fill(&keyspace, "key", 100, NOW, |_| None);
    let frozen =
        keyspace.enter(0, Patience::Wait).and_then(|mut pass| pass.freeze(Patience::Wait)).expect("nobody else");
    evict_to(&keyspace, 50, NOW);
    let retained = keyspace.not_counted_for_eviction(NOW);
    assert!(retained >= 50 * 16, "50 records are still in use: {retained}");
    drop(frozen);
    assert_eq!(keyspace.not_counted_for_eviction(NOW + 100), retained, "it is being freed");
    assert_eq!(keyspace.not_counted_for_eviction(NOW + 5 * SECOND), 0);
}

#[test]
fn shards_that_somebody_holds_are_passed_over() {
    let keyspace = Keyspace::new(1, 2, 1);
    keyspace.set_eviction_rules(rules(EvictionPolicy::AllkeysLru));
    fill(&keyspace, "key", 400, NOW, |_| None);
    let mut other = keyspace.enter(1, Patience::Wait).expect("its gate is free");
    let held = other.lock(&Plan::One(2), Patience::Wait).expect("the shard is free");
    let (room, evicted) = evict_to(&keyspace, 0, NOW);
    assert_eq!(room, Room::Soon, "what is left will be evicted when its holder is done");
    other.unlock(held);
    drop(other);
    let in_held = lent(&keyspace, 0, NOW, |keys| (0..400).filter(|number| keys.exists(&key("key", *number))).count());
    assert_eq!(evicted + in_held, 400);
}

#[test]
fn it_ends_when_time_is_up_and_begins_where_it_is_told() {
    let keyspace = keyspace(EvictionPolicy::AllkeysRandom);
    fill(&keyspace, "key", 400, NOW, |_| None);
    let in_shard =
        |shard: ShardIndex| (0..400).filter(|number| keyspace.shard_of(&key("key", *number)) == shard).count();
    assert!(in_shard(3) > 0);
    let before: Vec<usize> = (0..400).filter(|number| keyspace.shard_of(&key("key", *number)) == 3).collect();
    let mut pass = keyspace.enter(0, Patience::Wait).expect("nobody else is inside");
    let result = Evictor::seeded(1).make_room(&mut pass, NOW, Some(3), || true, || true);
    drop(pass);
    assert_eq!(result, (Room::Soon, 1));
    let after =
        lent(&keyspace, 0, NOW, |keys| before.iter().filter(|number| keys.exists(&key("key", **number))).count());
    assert_eq!(after + 1, before.len());
}

#[test]
fn the_time_past_the_limit_is_told_while_it_lasts_and_after() {
    let keyspace = keyspace(EvictionPolicy::NoEviction);
    let pressure = keyspace.pressure();
    assert_eq!(pressure.past_millis(NOW), (0, 0));
    pressure.note(false, NOW);
    pressure.note(false, NOW + 10);
    assert_eq!(pressure.past_millis(NOW + 30), (30, 30));
    pressure.relax(NOW + 40);
    assert_eq!(pressure.past_millis(NOW + 90), (40, 0));
    assert!(pressure.is_lasting(NOW + 500) && !pressure.is_lasting(NOW + 2_000));
}
