//! What the table costs, beside the standard library's hash set. (Sorted sets have a bench of their own, `zset.rs`.)
//!
//! ```text
//! cargo bench --bench structures -- --quick
//! ```
//! Each candidate is driven by one runner and has the same allocator and the same keys in the same random order. Sizes stay as
//! they are while a figure is taken: an insertion is measured together with the removal that undoes it.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use std::collections::HashSet;
use std::hint::black_box;
use tally::base::hash::hash;
use tally::base::rng::Rng;
use tally::data::member::Member;
use tally::data::table::Table;

const SIZES: [usize; 2] = [10_000, 1_000_000];

criterion_group!(benches, tables);
criterion_main!(benches);

fn tables(criterion: &mut Criterion) {
    for len in SIZES {
        table::<Table<Member>>(criterion, "tally", len);
        table::<HashSet<Box<[u8]>>>(criterion, "std", len);
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
