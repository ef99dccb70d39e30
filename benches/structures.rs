//! What the structures cost, beside what else could have been taken: the sorted set beside a skip list and beside the standard
//! library's collections, the table beside the standard library's hash set.
//!
//! ```text
//! cargo bench --bench structures -- --quick
//! ```
//! Each candidate is driven by one runner and has the same allocator and the same keys in the same random order. Sizes stay as
//! they are while a figure is taken: an insertion is measured together with the removal that undoes it.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use skiplist::OrderedSkipList;
use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::hint::black_box;
use std::sync::Arc;
use tally::base::hash::hash;
use tally::base::rng::Rng;
use tally::data::member::Member;
use tally::data::table::Table;
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
        table::<Table<Member>>(criterion, "tally", len);
        table::<HashSet<Box<[u8]>>>(criterion, "std", len);
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
    /// The length of a key that is there, so that it has been read.
    fn get(&self, key: &[u8]) -> Option<usize>;
    fn add(&mut self, key: &[u8]);
    fn delete(&mut self, key: &[u8]) -> bool;
}

fn table<M: Map>(criterion: &mut Criterion, name: &str, len: usize) {
    let mut rng = Rng::seeded(2);
    let keys = keys(len);
    let mut map = M::empty();
    for key in &keys {
        map.add(key);
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
            map.add(&key);
            black_box(map.delete(&key))
        });
    });
}

impl Map for Table<Member> {
    fn empty() -> Self {
        Table::new(0)
    }

    fn get(&self, key: &[u8]) -> Option<usize> {
        self.find(hash(key), key).map(<[u8]>::len)
    }

    fn add(&mut self, key: &[u8]) {
        let hash = hash(key);
        if self.find(hash, key).is_none() {
            self.insert_new(hash, Member::new(key));
        }
    }

    fn delete(&mut self, key: &[u8]) -> bool {
        self.remove(hash(key), key).is_some()
    }
}

impl Map for HashSet<Box<[u8]>> {
    fn empty() -> Self {
        HashSet::new()
    }

    fn get(&self, key: &[u8]) -> Option<usize> {
        self.get(key).map(|key| key.len())
    }

    fn add(&mut self, key: &[u8]) {
        if !self.contains(key) {
            self.insert(key.into());
        }
    }

    fn delete(&mut self, key: &[u8]) -> bool {
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
