//! What the structures cost, beside what else could have been taken: the sorted set beside a skip list and beside the standard
//! library's collections, the table beside the standard library's map.
//!
//! ```text
//! cargo bench --bench structures -- --quick
//! ```
//! Each candidate is driven by one runner and has the same allocator and the same keys in the same random order. Sizes stay as
//! they are while a figure is taken: an insertion is measured together with the removal that undoes it.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use skiplist::OrderedSkipList;
use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use std::hint::black_box;
use std::sync::Arc;
use tally::base::hash::hash;
use tally::base::rng::Rng;
use tally::data::table::{Keyed, Table};
use tally::data::zset::{Limits, ZSet};

const SIZES: [usize; 2] = [10_000, 1_000_000];
const TOP: usize = 10;
const SCORES: usize = 1 << 20;

criterion_group!(benches, sorted_sets, tables);
criterion_main!(benches);

fn sorted_sets(criterion: &mut Criterion) {
    for len in SIZES {
        sorted_set::<ZSet>(criterion, "tally", len);
        sorted_set::<SkipList>(criterion, "skiplist", len);
        sorted_set::<Std>(criterion, "std", len);
    }
}

fn tables(criterion: &mut Criterion) {
    for len in SIZES {
        table::<Table<Item>>(criterion, "tally", len);
        table::<HashMap<Box<[u8]>, u64>>(criterion, "std", len);
    }
}

/// What a leaderboard asks of a sorted set.
trait Board: Default {
    /// Adds a member, or changes its score.
    fn set(&mut self, member: &[u8], score: f64);
    fn remove(&mut self, member: &[u8]);
    /// The place of a member in ascending order.
    fn rank(&self, member: &[u8]) -> Option<usize>;
    /// The sum of the best ten scores, so that each has been read.
    fn top(&self) -> f64;
}

fn sorted_set<B: Board>(criterion: &mut Criterion, name: &str, len: usize) {
    let mut rng = Rng::seeded(1);
    let members = keys(len);
    let mut board = B::default();
    for member in &members {
        board.set(member, score(&mut rng));
    }
    let id = || BenchmarkId::new(name, len);
    criterion.benchmark_group("sorted set: insert and remove").bench_function(id(), |bencher| {
        bencher.iter(|| {
            let member = rng.next_u64().to_le_bytes();
            board.set(&member, score(&mut rng));
            board.remove(&member);
        });
    });
    criterion.benchmark_group("sorted set: change a score").bench_function(id(), |bencher| {
        bencher.iter(|| board.set(&members[rng.below(len)], score(&mut rng)));
    });
    criterion.benchmark_group("sorted set: rank").bench_function(id(), |bencher| {
        bencher.iter(|| black_box(board.rank(&members[rng.below(len)])));
    });
    criterion.benchmark_group("sorted set: top 10").bench_function(id(), |bencher| {
        bencher.iter(|| black_box(board.top()));
    });
}

impl Board for ZSet {
    fn set(&mut self, member: &[u8], score: f64) {
        self.insert(member, score, &Limits::default());
    }

    fn remove(&mut self, member: &[u8]) {
        self.remove(member);
    }

    fn rank(&self, member: &[u8]) -> Option<usize> {
        self.rank(member).map(|(rank, _)| rank)
    }

    fn top(&self) -> f64 {
        self.iter(self.len() - TOP..self.len()).rev().map(|(_, score)| score).sum()
    }
}

/// A member and its score, in the order of a sorted set. The bytes are shared with the map from member to score.
#[derive(Clone, Debug)]
struct Scored {
    score: f64,
    member: Arc<[u8]>,
}

impl Ord for Scored {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then_with(|| self.member.cmp(&other.member))
    }
}

impl PartialOrd for Scored {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Scored {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Scored {}

/// A sorted set of two general collections: an order, and a map from member to score.
#[derive(Default)]
struct Pair<O> {
    order: O,
    scores: HashMap<Arc<[u8]>, f64>,
}

type SkipList = Pair<OrderedSkipList<Scored>>;
type Std = Pair<BTreeSet<Scored>>;

/// What the two orders have in common.
trait Order: Default {
    fn add(&mut self, pair: Scored);
    fn take(&mut self, pair: &Scored);
    fn index_of(&self, pair: &Scored) -> Option<usize>;
    fn last_scores(&self) -> f64;
}

impl Order for OrderedSkipList<Scored> {
    fn add(&mut self, pair: Scored) {
        self.insert(pair);
    }

    fn take(&mut self, pair: &Scored) {
        self.take_first(pair);
    }

    fn index_of(&self, pair: &Scored) -> Option<usize> {
        self.rank(pair)
    }

    fn last_scores(&self) -> f64 {
        self.iter().rev().take(TOP).map(|pair| pair.score).sum()
    }
}

impl Order for BTreeSet<Scored> {
    fn add(&mut self, pair: Scored) {
        self.insert(pair);
    }

    fn take(&mut self, pair: &Scored) {
        self.remove(pair);
    }

    /// O(n): the tree does not count.
    fn index_of(&self, pair: &Scored) -> Option<usize> {
        Some(self.range(..pair).count())
    }

    fn last_scores(&self) -> f64 {
        self.iter().rev().take(TOP).map(|pair| pair.score).sum()
    }
}

impl<O: Order> Board for Pair<O> {
    fn set(&mut self, member: &[u8], score: f64) {
        let member = match self.scores.get_key_value(member) {
            Some((member, &old)) => {
                let member = Arc::clone(member);
                self.order.take(&Scored { score: old, member: Arc::clone(&member) });
                member
            }
            None => member.into(),
        };
        self.order.add(Scored { score, member: Arc::clone(&member) });
        self.scores.insert(member, score);
    }

    fn remove(&mut self, member: &[u8]) {
        if let Some((member, score)) = self.scores.remove_entry(member) {
            self.order.take(&Scored { score, member });
        }
    }

    fn rank(&self, member: &[u8]) -> Option<usize> {
        let (member, &score) = self.scores.get_key_value(member)?;
        self.order.index_of(&Scored { score, member: Arc::clone(member) })
    }

    fn top(&self) -> f64 {
        self.order.last_scores()
    }
}

/// What a keyspace asks of a table.
trait Map: Sized {
    fn empty() -> Self;
    fn get(&self, key: &[u8]) -> Option<u64>;
    fn add(&mut self, key: &[u8], value: u64);
    fn delete(&mut self, key: &[u8]) -> Option<u64>;
}

fn table<M: Map>(criterion: &mut Criterion, name: &str, len: usize) {
    let mut rng = Rng::seeded(2);
    let keys = keys(len);
    let mut map = M::empty();
    for (number, key) in keys.iter().enumerate() {
        map.add(key, number as u64);
    }
    let id = || BenchmarkId::new(name, len);
    criterion.benchmark_group("table: find").bench_function(id(), |bencher| {
        bencher.iter(|| black_box(map.get(&keys[rng.below(len)])));
    });
    criterion.benchmark_group("table: find nothing").bench_function(id(), |bencher| {
        bencher.iter(|| black_box(map.get(&rng.next_u64().to_le_bytes())));
    });
    criterion.benchmark_group("table: insert and remove").bench_function(id(), |bencher| {
        bencher.iter(|| {
            let key = rng.next_u64().to_le_bytes();
            map.add(&key, 1);
            black_box(map.delete(&key))
        });
    });
}

struct Item {
    key: Box<[u8]>,
    value: u64,
}

impl Keyed for Item {
    fn key(&self) -> &[u8] {
        &self.key
    }
}

impl Map for Table<Item> {
    fn empty() -> Self {
        Table::new(0)
    }

    fn get(&self, key: &[u8]) -> Option<u64> {
        self.find(hash(key), key).map(|item| item.value)
    }

    fn add(&mut self, key: &[u8], value: u64) {
        let hash = hash(key);
        match self.find_mut(hash, key) {
            Some(item) => item.value = value,
            None => {
                self.insert_new(hash, Item { key: key.into(), value });
            }
        }
    }

    fn delete(&mut self, key: &[u8]) -> Option<u64> {
        self.remove(hash(key), key).map(|item| item.value)
    }
}

impl Map for HashMap<Box<[u8]>, u64> {
    fn empty() -> Self {
        HashMap::new()
    }

    fn get(&self, key: &[u8]) -> Option<u64> {
        self.get(key).copied()
    }

    fn add(&mut self, key: &[u8], value: u64) {
        match self.get_mut(key) {
            Some(old) => *old = value,
            None => {
                self.insert(key.into(), value);
            }
        }
    }

    fn delete(&mut self, key: &[u8]) -> Option<u64> {
        self.remove(key)
    }
}

/// Keys of 16 bytes.
fn keys(len: usize) -> Vec<Box<[u8]>> {
    (0..len).map(|number| format!("player:{number:09}").into_bytes().into()).collect()
}

fn score(rng: &mut Rng) -> f64 {
    rng.below(SCORES) as f64
}
