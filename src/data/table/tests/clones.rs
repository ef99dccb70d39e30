//! Clones: what they hold while the table they were taken of changes, on this thread and on others.

#![expect(unsafe_code, reason = "takes a leaked reference back")]

use std::collections::BTreeMap;
use std::thread;

use proptest::prelude::*;

use super::check::check;
use super::item::Shared;
use super::*;
use crate::base::rng::Rng;

/// A clone of the table and a copy of its twin, taken at the same time.
type Snapshot = (Table<Shared>, BTreeMap<u64, u64>);

fn assert_same((clone, twin): &Snapshot, world: World) {
    check(clone);
    let items: BTreeMap<u64, u64> = clone.iter().map(|item| (item.id(), item.stamp)).collect();
    assert_eq!(&items, twin);
    let mut scanned = BTreeMap::new();
    let end = clone.scan(Position::START, usize::MAX, |item| assert!(scanned.insert(item.id(), item.stamp).is_none()));
    assert_eq!(end, None);
    assert_eq!(&scanned, twin);
    for (&id, &stamp) in twin.iter().take(100) {
        let hash = world.item(id).hash;
        assert_eq!(clone.find(hash, &id.to_be_bytes()).map(|found| found.stamp), Some(stamp));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Clones taken at random times keep what the table held then, whatever happens to it and to other clones. Some of them change as well.
    #[test]
    fn a_clone_keeps_what_was_there_when_it_was_taken(world in worlds(), seed: u64, ids in 10u64..3_000) {
        let mut rng = Rng::seeded(seed);
        let mut pair = Pair::new(world);
        let mut snapshots: Vec<Snapshot> = Vec::new();
        for growing in [true, true, false, true, false] {
            for _ in 0..6 {
                for _ in 0..rng.below(ids as usize) {
                    pair.step(&mut rng, ids, growing);
                }
                match rng.below(6) {
                    0 | 1 => snapshots.push((pair.table.clone(), pair.twin.clone())),
                    2 if !snapshots.is_empty() => {
                        // The clone goes on as the table, and the table stays as a clone.
                        let at = rng.below(snapshots.len());
                        std::mem::swap(&mut pair.table, &mut snapshots[at].0);
                        std::mem::swap(&mut pair.twin, &mut snapshots[at].1);
                    }
                    3 if !snapshots.is_empty() => {
                        let gone = snapshots.swap_remove(rng.below(snapshots.len()));
                        assert_same(&gone, world);
                    }
                    4 => {
                        let one_in = 2 + rng.below(8) as u64;
                        pair.table.retain(|item| {
                            if !item.id().is_multiple_of(one_in) {
                                item.stamp += 1;
                            }
                            !item.id().is_multiple_of(one_in)
                        });
                        pair.twin.retain(|id, stamp| {
                            *stamp += 1;
                            !id.is_multiple_of(one_in)
                        });
                    }
                    _ => pair.check(),
                }
            }
        }
        snapshots.iter().for_each(|snapshot| assert_same(snapshot, world));
        drop(std::mem::take(&mut snapshots));
        pair.check();
    }
}

/// Three readers check and drop clones while the writer goes on; a fourth thread writes to its own.
#[test]
fn clones_are_read_changed_and_dropped_on_other_threads() {
    let world = World { hashes: Hashes::Random, skip_bits: 8 };
    let mut rng = Rng::seeded(5);
    let mut pair = Pair::new(world);
    thread::scope(|scope| {
        let (mut senders, mut turn) = (Vec::new(), 0);
        for _ in 0..3 {
            let (sender, receiver) = std::sync::mpsc::sync_channel::<Snapshot>(4);
            senders.push(sender);
            scope.spawn(move || receiver.into_iter().for_each(|snapshot| assert_same(&snapshot, world)));
        }
        for round in 0..40u64 {
            for _ in 0..500 {
                pair.step(&mut rng, 6_000, round % 10 < 6);
            }
            let snapshot = || (pair.table.clone(), pair.twin.clone());
            if round % 8 == 0 {
                let (table, twin) = snapshot();
                scope.spawn(move || {
                    let mut own = Pair { world, table, twin };
                    let mut rng = Rng::seeded(round);
                    for _ in 0..3_000 {
                        own.step(&mut rng, 6_000, false);
                    }
                    own.check();
                });
            }
            senders[turn].send(snapshot()).expect("a reader reads to the end");
            turn = (turn + 1) % senders.len();
        }
        pair.check();
    });
}

#[test]
fn a_clone_costs_nothing_and_a_change_after_it_one_segment() {
    let world = World { hashes: Hashes::Random, skip_bits: 0 };
    let mut table = filled(world, 0..120_000);
    let levels = check(&table);
    assert!(levels.levels == 2 && levels.nodes > 100, "{levels:?}");
    let clone = table.clone();
    assert_eq!(clone.root, table.root);
    let item = world.item(7);
    table.find_mut(item.hash, &item.key).expect("it was inserted").stamp = 9;
    assert_ne!(clone.root, table.root);
    let other =
        (1..).map(|id| world.item(id)).find(|other| other.hash >> 54 != item.hash >> 54).expect("there are many");
    assert_eq!(clone.leaf(other.hash), table.leaf(other.hash), "what was not touched is shared");
    assert!(table.find_mut(0, b"no such").is_none());
    assert_eq!(clone.find(item.hash, &item.key).map(|found| found.stamp), Some(0));
    assert_eq!(table.find(item.hash, &item.key).map(|found| found.stamp), Some(9));
    check(&clone);
    drop(table);
    assert_eq!(check(&clone).items, 120_000);
}

/// A guard that is leaked loses its item, and nothing else.
#[test]
fn a_leaked_guard_takes_its_item_along() {
    let world = World { hashes: Hashes::Random, skip_bits: 8 };
    let mut table = filled(world, 0..3_000);
    let item = world.item(5);
    let guard = table.find_mut(item.hash, &item.key).expect("it was inserted");
    let leaked = guard.clone();
    std::mem::forget(guard);
    assert!(table.find(item.hash, &item.key).is_none());
    assert_eq!(table.iter().count(), 2_999);
    let clone = table.clone();
    for id in (0..3_000).filter(|id| *id != 5) {
        table.remove(world.item(id).hash, &id.to_be_bytes());
    }
    drop(table);
    assert_eq!(clone.iter().count(), 2_999);
    // SAFETY: neither table has it any more, so the guard's handle is lost.
    unsafe { super::item::reclaim(&leaked) };
}
