//! What a sorted set costs, beside what else could have been taken: a skip list, the standard library's B-tree, and a B-tree that counts.
//!
//! ```text
//! cargo bench --bench zset -- --quick
//! ```
//! Each operation is measured on sets of 10,000 and of 1,000,000 members, with random members and scores. The sets stay as large as
//! they are while a figure is taken: an insertion is measured together with the removal that undoes it.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use skiplist::OrderedSkipList;
use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use std::hint::black_box;
use std::sync::Arc;
use tally::base::rng::Rng;
use tally::data::zset::{Limits, ZSet};

const SIZES: [usize; 2] = [10_000, 1_000_000];
const TOP: usize = 10;
const SCORES: usize = 1 << 20;

criterion_group!(benches, sorted_sets);
criterion_main!(benches);

fn sorted_sets(criterion: &mut Criterion) {
    for len in SIZES {
        sorted_set::<ZSet>(criterion, "tally", len);
        sorted_set::<SkipList>(criterion, "skiplist", len);
        sorted_set::<Indexed>(criterion, "indexset", len);
        sorted_set::<Std>(criterion, "std", len);
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
type Indexed = Pair<indexset::BTreeSet<Scored>>;

/// What the orders have in common.
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

impl Order for indexset::BTreeSet<Scored> {
    fn add(&mut self, pair: Scored) {
        self.insert(pair);
    }

    fn take(&mut self, pair: &Scored) {
        self.remove(pair);
    }

    fn index_of(&self, pair: &Scored) -> Option<usize> {
        Some(self.rank(pair))
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

fn keys(len: usize) -> Vec<Box<[u8]>> {
    (0..len).map(|number| format!("player:{number:09}").into_bytes().into()).collect()
}

fn score(rng: &mut Rng) -> f64 {
    rng.below(SCORES) as f64
}
