//! The table against a standard map, and what a scan promises while it changes.

use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;

use super::*;
use crate::base::rng::Rng;

mod check;
mod clones;
mod item;
mod sweep;

use check::check;
use item::{Shared, numbered};

/// How the hashes of a run are distributed.
#[derive(Clone, Copy, Debug)]
enum Hashes {
    /// As a good hash function makes them.
    Random,
    /// Only eight positions in the top 32 bits: segments that cannot be split.
    Clustered,
    /// Few different positions: long runs of equal ones.
    Coarse,
    /// Half of the hashes random, half in one corner of the hash space: a deep, lopsided directory.
    Lopsided,
    /// All in one corner: nodes that tell nothing apart but in one slot.
    Corner,
}

#[derive(Clone, Copy, Debug)]
struct World {
    hashes: Hashes,
    skip_bits: u8,
}

impl World {
    fn item(self, id: u64) -> Shared {
        let random = Rng::seeded(id).next_u64();
        let spread = match self.hashes {
            Hashes::Random => random,
            Hashes::Clustered => (id % 8) << 61 | random >> 32,
            Hashes::Coarse => (random >> 57) << 57 | random & 0x7FFF,
            Hashes::Lopsided if id.is_multiple_of(2) => random >> 14,
            Hashes::Lopsided => random,
            Hashes::Corner => random >> 11,
        };
        // The shard's bits: any constant will do.
        let shard = !(u64::MAX >> self.skip_bits) & 0xA5A5 << 48;
        numbered(id, shard | spread >> self.skip_bits)
    }
}

fn worlds() -> impl Strategy<Value = World> {
    let hashes = prop_oneof![
        3 => Just(Hashes::Random),
        1 => Just(Hashes::Clustered),
        1 => Just(Hashes::Coarse),
        1 => Just(Hashes::Lopsided),
        1 => Just(Hashes::Corner),
    ];
    (hashes, prop_oneof![Just(0), Just(8), Just(10)]).prop_map(|(hashes, skip_bits)| World { hashes, skip_bits })
}

/// The table beside the naive twin: a map that nobody suspects.
struct Pair {
    world: World,
    table: Table<Shared>,
    twin: BTreeMap<u64, u64>,
}

impl Pair {
    fn new(world: World) -> Self {
        Self { world, table: Table::new(world.skip_bits), twin: BTreeMap::new() }
    }

    /// Inserts, changes or removes one of the items below `ids`; `growing` says which is likelier. Yields what it removed.
    fn step(&mut self, rng: &mut Rng, ids: u64, growing: bool) -> Option<u64> {
        let id = rng.next_u64() % ids;
        let item = self.world.item(id);
        let wants_it = (rng.below(8) < 6) == growing;
        let found = self.table.find(item.hash, &item.key).map(|found| found.stamp);
        assert_eq!(found, self.twin.get(&id).copied());
        let mut gone = None;
        match found {
            None if wants_it => {
                let mut item = item;
                item.stamp = id + 1;
                self.table.insert_new(item.hash, item);
                self.twin.insert(id, id + 1);
            }
            Some(_) if wants_it => {
                self.table.find_mut(item.hash, &item.key).expect("it was found").stamp += 1;
                *self.twin.get_mut(&id).expect("it was found") += 1;
            }
            _ => {
                let removed = self.table.remove(item.hash, &item.key).map(|removed| removed.stamp);
                assert_eq!(removed, self.twin.remove(&id));
                gone = removed.map(|_| id);
            }
        }
        assert_eq!(self.table.len(), self.twin.len());
        gone
    }

    /// Removes some of the items below `ids` at once, among them some that are not there and some that come twice.
    fn remove_some(&mut self, rng: &mut Rng, ids: u64) {
        let some: Vec<(u64, Shared)> =
            (0..rng.below(100)).map(|_| rng.next_u64() % (ids + ids / 4)).map(|id| (id, self.world.item(id))).collect();
        let removed = self.table.remove_all(some.iter().map(|(_, item)| (item.hash, &item.key[..])));
        assert_eq!(removed, some.iter().filter(|(id, _)| self.twin.remove(id).is_some()).count());
        assert_eq!(self.table.len(), self.twin.len());
    }

    fn check(&self) {
        check(&self.table);
        let items: BTreeMap<u64, u64> = self.table.iter().map(|item| (item.id(), item.stamp)).collect();
        assert_eq!(items, self.twin);
        assert_eq!(self.table.iter().count(), self.twin.len());
        for (&id, &stamp) in &self.twin {
            let item = self.world.item(id);
            assert_eq!(self.table.find(item.hash, &item.key).map(|found| found.stamp), Some(stamp));
        }
    }
}

fn filled(world: World, ids: std::ops::Range<u64>) -> Table<Shared> {
    let mut table = Table::new(world.skip_bits);
    for item in ids.map(|id| world.item(id)) {
        table.insert_new(item.hash, item);
    }
    table
}

const RANDOM: World = World { hashes: Hashes::Random, skip_bits: 8 };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Grows, churns, shrinks to nothing and grows again, through splits, merges, doublings and halvings.
    #[test]
    fn a_table_agrees_with_its_naive_twin(world in worlds(), seed: u64, ids in 10u64..10_000) {
        let mut rng = Rng::seeded(seed);
        let mut pair = Pair::new(world);
        for growing in [true, false, true, false] {
            for _ in 0..2 {
                for _ in 0..ids {
                    pair.step(&mut rng, ids, growing);
                }
                pair.remove_some(&mut rng, ids);
                pair.check();
            }
        }
    }

    /// Every item that is there throughout is visited once, and positions ascend, while the table grows or shrinks between the calls.
    #[test]
    fn a_scan_visits_what_was_there_throughout_exactly_once(
        world in worlds(), seed: u64, ids in 1u64..8_000, limit in 0usize..300, growing: bool,
    ) {
        let mut rng = Rng::seeded(seed);
        let mut pair = Pair::new(world);
        for _ in 0..ids {
            let inserts = rng.below(4) > 0;
            pair.step(&mut rng, ids, inserts);
        }
        let mut throughout = pair.twin.clone();
        let mut visits: HashMap<u64, u32> = HashMap::new();
        let (mut from, mut calls) = (Some(Position::START), 0);
        while let Some(position) = from {
            let mut visited = 0;
            let mut last = position;
            from = pair.table.scan(position, limit, |item| {
                let at = Position::of(item.hash);
                assert!(at >= last, "positions ascend");
                last = at;
                visited += 1;
                *visits.entry(item.id()).or_default() += 1;
            });
            if let Some(next) = from {
                assert!(visited >= limit.max(1), "a call that is not the last visits as many as asked");
                assert!(next > last || visited == 0, "a run of equal positions is visited to its end");
                assert_eq!(Position::new(next.get()), Some(next));
            }
            calls += 1;
            for _ in 0..(ids / 8).min(40 + 40_000 / calls) {
                if let Some(removed) = pair.step(&mut rng, ids, growing) {
                    throughout.remove(&removed);
                }
            }
        }
        for id in throughout.keys() {
            prop_assert_eq!(visits.get(id), Some(&1));
        }
        for (id, count) in &visits {
            prop_assert!(*count == 1 || !throughout.contains_key(id));
            prop_assert!(*id < ids);
        }
    }

    /// Without changes in between, a scan is the sorted list of all items, cut into pieces of the size that was asked for.
    #[test]
    fn a_scan_of_a_table_at_rest_is_in_order_and_in_measure(world in worlds(), len in 0u64..3_000, limit in 1usize..500) {
        let table = filled(world, 0..len);
        let mut runs: BTreeMap<Position, usize> = BTreeMap::new();
        table.iter().for_each(|item| *runs.entry(Position::of(item.hash)).or_default() += 1);
        let longest_run = runs.values().max().copied().unwrap_or(0);
        let (mut from, mut total) = (Some(Position::START), 0);
        while let Some(position) = from {
            let mut visited = 0;
            from = table.scan(position, limit, |_| visited += 1);
            prop_assert!(visited < limit + longest_run.max(1));
            prop_assert!(visited > 0 || len == 0, "no call is in vain");
            total += visited;
        }
        prop_assert_eq!(total, table.len());
    }

    #[test]
    fn retain_keeps_what_it_is_told_to(world in worlds(), len in 0u64..6_000, one_in in 1u64..200) {
        let mut pair = Pair::new(world);
        pair.table = filled(world, 0..len);
        pair.table.retain(|item| {
            item.stamp = 7;
            item.id().is_multiple_of(one_in)
        });
        pair.twin = (0..len).filter(|id| id.is_multiple_of(one_in)).map(|id| (id, 7)).collect();
        prop_assert_eq!(pair.table.len(), pair.twin.len());
        pair.check();
    }
}

#[test]
fn an_empty_table_has_nothing_and_allocates_nothing() {
    let mut table: Table<Shared> = Table::new(8);
    let item = RANDOM.item(1);
    assert!(table.is_empty());
    assert!(table.find(item.hash, &item.key).is_none());
    assert!(table.remove(item.hash, &item.key).is_none());
    assert!(table.scan(Position::START, 10, |_| panic!("nothing to visit")).is_none());
    assert!(table.at_random(&mut Rng::seeded(1)).is_none());
    assert_eq!(table.iter().count(), 0);
    assert_eq!(table.allocated_bytes(), 0);
}

#[test]
fn memory_returns_after_deletions_and_after_clear() {
    let mut table = filled(RANDOM, 0..100_000);
    let full = table.allocated_bytes();
    assert!(full < 100_000 * 12, "{full} bytes for 100,000 items");
    for item in (1_000..100_000).map(|id| RANDOM.item(id)) {
        table.remove(item.hash, &item.key).expect("it was inserted");
    }
    assert!(table.allocated_bytes() < full / 25, "{} of {full} bytes are left for 1 %", table.allocated_bytes());
    for item in (0..1_000).map(|id| RANDOM.item(id)) {
        table.remove(item.hash, &item.key).expect("it was inserted");
    }
    assert_eq!((table.slots, table.allocated_bytes()), (0, 0), "an empty table has neither directory nor segment");
    let mut table = filled(RANDOM, 0..1_000);
    table.clear();
    assert_eq!((table.len(), table.allocated_bytes()), (0, 0));
}

/// Removals leave nothing behind that would fill a segment up.
#[test]
fn items_that_come_and_go_do_not_make_segments_grow() {
    let len = 8_000;
    let mut table = filled(RANDOM, 0..len);
    for id in len..20 * len {
        let (new, old) = (RANDOM.item(id), RANDOM.item(id - len));
        table.insert_new(new.hash, new);
        table.remove(old.hash, &old.key).expect("it was inserted");
    }
    check(&table);
    assert!(!table.has_overflowed);
}

/// Hashes that agree in all bits that a directory could use, as a broken hash function would yield.
#[test]
fn hashes_that_cannot_be_told_apart_make_one_segment_grow_instead_of_the_directory() {
    let mut table = Table::new(0);
    let item = |id: u64| numbered(id, 0xABCD << 48 | id & 0xFF);
    for id in 0..5_000 {
        table.insert_new(item(id).hash, item(id));
    }
    assert!(table.has_overflowed);
    assert!(table.slots * 8 <= 5_000);
    check(&table);
    assert!((0..5_000).all(|id| table.find(item(id).hash, &item(id).key).is_some()));
    assert!(table.at_random(&mut Rng::seeded(1)).is_some());
    let mut visited = 0;
    assert_eq!(table.scan(Position::START, 1, |_| visited += 1), None, "all are at one position");
    assert_eq!(visited, 5_000);
}

#[test]
fn a_scan_that_begins_outside_of_a_shard_finds_all_of_it_or_nothing() {
    let table = filled(RANDOM, 0..2_000);
    let shard = RANDOM.item(0).hash >> 56;
    let count_from = |top: u64| {
        let mut visited = 0;
        let from = Position::new(top << 40).expect("a position has 48 bits");
        assert_eq!(table.scan(from, usize::MAX, |_| visited += 1), None);
        visited
    };
    assert_eq!(count_from(shard - 1), 2_000);
    assert_eq!(count_from(shard), 2_000);
    assert_eq!(count_from(shard + 1), 0);
    assert!(Position::new(1 << 48).is_none());
}

/// Chi-squared over all items, in tables of one segment, of segments of different sizes, and of sparse ones.
#[test]
fn a_random_item_is_any_of_them_with_the_same_probability() {
    let lopsided = World { hashes: Hashes::Lopsided, skip_bits: 0 };
    let mut shrunk = filled(RANDOM, 0..3_000);
    shrunk.retain(|item| item.id() < 400);
    let clustered = World { hashes: Hashes::Clustered, skip_bits: 0 };
    let tables = [filled(RANDOM, 0..5), filled(RANDOM, 0..1_000), filled(lopsided, 0..1_000), shrunk];
    for table in tables.iter().chain([&filled(clustered, 0..8_000)]) {
        let len = table.len();
        let mut rng = Rng::seeded(42);
        let mut counts = HashMap::new();
        for _ in 0..len * 50 {
            let item = table.at_random(&mut rng).expect("the table is not empty");
            *counts.entry(item.key).or_insert(0u32) += 1;
        }
        assert_eq!(counts.len(), len);
        let chi_squared: f64 = counts.values().map(|&count| (f64::from(count) - 50.0).powi(2) / 50.0).sum();
        // Mean len - 1, standard deviation sqrt(2 (len - 1)); six of them.
        let (mean, deviation) = (len as f64 - 1.0, (2.0 * (len as f64 - 1.0)).sqrt());
        assert!(chi_squared < mean + 6.0 * deviation, "chi squared {chi_squared} for {len} items");
    }
}

#[test]
fn a_clone_is_independent() {
    let mut table = filled(RANDOM, 0..1_000);
    let clone = table.clone();
    table.retain(|_| false);
    assert_eq!((table.len(), clone.len()), (0, 1_000));
    assert_eq!(clone.iter().count(), 1_000);
}

/// What a look-ahead and a timing wheel ask of a table.
#[test]
fn an_item_is_found_by_its_hash_alone() {
    let table = filled(RANDOM, 0..5_000);
    for id in 0..5_000 {
        let item = RANDOM.item(id);
        let mut found = Vec::new();
        table.at_position(Position::of(item.hash), |at| found.push(at.id()));
        assert_eq!(found, [id]);
        let seen = std::cell::Cell::new(None);
        table.probe(item.hash, |pointer| seen.set(Some(pointer)));
        assert!(seen.get().is_some());
        table.prefetch_segment(item.hash);
    }
    let mut coarse = Table::new(0);
    for id in 0..40 {
        coarse.insert_new(0xAB << 16 | id & 1, numbered(id, 0xAB << 16 | id & 1));
    }
    let mut found = Vec::new();
    coarse.at_position(Position::of(0xAB << 16), |at| found.push(at.id()));
    found.sort_unstable();
    assert_eq!(found, (0..40).collect::<Vec<_>>());
    coarse.at_position(Position::START, |_| panic!("nothing is there"));
    Table::<Shared>::new(0).at_position(Position::START, |_| panic!("nothing is there"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_sample_has_as_many_different_items_as_were_asked_for(world in worlds(), len in 0u64..3_000, count in 0usize..4_000, seed: u64) {
        let table = filled(world, 0..len);
        let mut seen = std::collections::BTreeSet::new();
        table.sample(&mut Rng::seeded(seed), count, |item| assert!(seen.insert(item.id()), "each at most once"));
        prop_assert_eq!(seen.len(), count.min(table.len()));
    }
}
