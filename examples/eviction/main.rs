//! Hit ratios of the eviction policies, at equal bytes: the server's own code and exact LRU and LFU, over traces that are made here.
//!
//! `cargo run --release --example eviction` prints the table; a number of keys and of requests may follow.

mod cache;
mod exact;
mod traces;

use cache::{Cache, ENTRY_BYTES};
use exact::Exact;
use tally::config::EvictionPolicy;
use tally::keyspace::evict::Rules;
pub use traces::Scale;
use traces::Trace;

/// The policies that are compared, after exact LRU and LFU.
const POLICIES: [EvictionPolicy; 4] = [
    EvictionPolicy::AllkeysRandom,
    EvictionPolicy::AllkeysLru,
    EvictionPolicy::AllkeysLfu,
    EvictionPolicy::AllkeysS3fifo,
];

/// The hit ratios over one trace.
pub struct Row {
    /// The trace.
    pub trace: &'static str,
    /// The cache's size, as a share of the footprint.
    pub share: f64,
    /// Exact LRU and LFU.
    pub exact: [f64; 2],
    /// The [`POLICIES`].
    pub real: [f64; POLICIES.len()],
}

impl Row {
    /// S3-FIFO beside the server's LRU.
    pub fn to_lru(&self) -> f64 {
        self.real[3] / self.real[1]
    }

    /// S3-FIFO beside the best LRU or LFU, exact or not.
    pub fn to_best(&self) -> f64 {
        self.real[3] / self.exact.iter().chain(&self.real[1..3]).fold(0.0, |best: f64, ratio| best.max(*ratio))
    }
}

/// Runs every policy over every trace.
pub fn run(scale: Scale, shares: &[f64]) -> Vec<Row> {
    let rows = shares.iter().flat_map(|&share| {
        let capacity = (scale.keys as f64 * share) as usize;
        traces::all(scale, capacity).into_iter().map(move |trace| measure(&trace, share, capacity))
    });
    rows.collect()
}

fn measure(trace: &Trace, share: f64, capacity: usize) -> Row {
    let keys = trace.requests.iter().max().map_or(0, |key| *key as usize + 1);
    let hits = |request: &mut dyn FnMut(u32) -> bool| {
        trace.requests.iter().filter(|key| request(**key)).count() as f64 / trace.requests.len() as f64
    };
    let [mut lru, mut lfu] = [Exact::lru(capacity), Exact::lfu(capacity)];
    Row {
        trace: trace.name,
        share,
        exact: [hits(&mut |key| lru.request(key)), hits(&mut |key| lfu.request(key))],
        real: POLICIES.map(|policy| {
            let rules = Rules { policy, limited: true, ..Rules::default() };
            let mut cache = Cache::new(rules, capacity * ENTRY_BYTES, keys);
            hits(&mut |key| cache.request(key))
        }),
    }
}

/// The table, line by line.
pub fn table(rows: &[Row]) -> Vec<String> {
    let mut lines = vec![format!(
        "{:26}{:>6}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}",
        "hit ratio", "cache", "LRU", "LFU", "random", "~lru", "~lfu", "~s3fifo", "/ ~lru", "/ best"
    )];
    for row in rows {
        let ratios = row.exact.iter().chain(&row.real).map(|ratio| format!("{ratio:>9.4}")).collect::<String>();
        let share = row.share * 100.0;
        lines.push(format!("{:26}{share:>5}%{ratios}{:>9.2}{:>9.3}", row.trace, row.to_lru(), row.to_best()));
    }
    let mean = rows.iter().map(Row::to_lru).sum::<f64>() / rows.len() as f64;
    let worst = rows.iter().map(Row::to_best).fold(f64::INFINITY, f64::min);
    lines.push("LRU and LFU are exact and pay nothing for their order; ~ is what the server runs, its ghosts and queues paid for.".into());
    lines
        .push(format!("allkeys-s3fifo to allkeys-lru, mean: {mean:.2}; to the best of LRU and LFU, worst: {worst:.3}"));
    lines
}

#[expect(clippy::disallowed_macros, reason = "an example talks to its reader")]
fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|number| number.parse().ok()).collect();
    let scale = Scale {
        keys: numbers.first().copied().unwrap_or(200_000),
        requests: numbers.get(1).copied().unwrap_or(3_000_000),
    };
    for line in table(&run(scale, &[0.01, 0.1])) {
        println!("{line}");
    }
}
