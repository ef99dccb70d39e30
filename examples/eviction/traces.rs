//! Traces: which key is asked for next. Each replays from its seed.

use tally::base::rng::Rng;

/// What is asked for, in order. Keys are numbers from 0 on.
pub struct Trace {
    /// What it is called.
    pub name: &'static str,
    /// The keys.
    pub requests: Vec<u32>,
}

/// How large the traces are.
#[derive(Clone, Copy)]
pub struct Scale {
    /// How many different keys are asked for, roughly: the footprint.
    pub keys: usize,
    /// How often something is asked for.
    pub requests: usize,
}

/// Every trace, for a cache that holds about `cache` entries.
pub fn all(scale: Scale, cache: usize) -> Vec<Trace> {
    let trace = |name, requests| Trace { name, requests };
    vec![
        trace("zipf 0.9", zipf(scale, 0.9)),
        trace("zipf 1.0", zipf(scale, 1.0)),
        trace("zipf 1.2", zipf(scale, 1.2)),
        trace("zipf 1.0 and scans", scans(scale, cache)),
        trace("loop of 1.1 x the cache", (0..scale.requests).map(|at| (at % (cache * 11 / 10)) as u32).collect()),
        trace("zipf 1.0 that shifts", shifts(scale)),
        trace("one-hit wonders", wonders(scale)),
    ]
}

fn zipf(scale: Scale, exponent: f64) -> Vec<u32> {
    let mut keys = Zipf::new(scale.keys, exponent, 1);
    (0..scale.requests).map(|_| keys.next()).collect()
}

/// Every so often somebody reads twice as many keys as the cache holds, in order, once each.
fn scans(scale: Scale, cache: usize) -> Vec<u32> {
    let half = scale.keys / 2;
    let mut keys = Zipf::new(half, 1.0, 2);
    let mut scanned = 0;
    let mut requests = Vec::with_capacity(scale.requests);
    while requests.len() < scale.requests {
        requests.extend((0..scale.requests / 20).map(|_| keys.next()));
        for _ in 0..2 * cache {
            requests.push((half + scanned) as u32);
            scanned = (scanned + 1) % half;
        }
    }
    requests.truncate(scale.requests);
    requests
}

/// Ten times, all keys change places: what was popular is not.
fn shifts(scale: Scale) -> Vec<u32> {
    let mut keys = Zipf::new(scale.keys, 1.0, 3);
    let shifted = |at: usize, key: u32| (key as usize + at * 10 / scale.requests * (scale.keys / 10)) % scale.keys;
    (0..scale.requests).map(|at| shifted(at, keys.next()) as u32).collect()
}

/// Three requests in ten are for a key that is never asked for again.
fn wonders(scale: Scale) -> Vec<u32> {
    let half = scale.keys / 2;
    let mut keys = Zipf::new(half, 1.0, 4);
    let mut rng = Rng::seeded(5);
    let mut next_wonder = half as u32..;
    (0..scale.requests)
        .map(|_| if rng.below(10) < 3 { next_wonder.next().expect("u32 suffices") } else { keys.next() })
        .collect()
}

/// Key `k` is asked for in proportion to `1 / (k + 1)^exponent`.
pub struct Zipf {
    cumulated: Vec<f64>,
    rng: Rng,
}

impl Zipf {
    /// A source of keys below `keys`.
    pub fn new(keys: usize, exponent: f64, seed: u64) -> Self {
        let mut sum = 0.0;
        let cumulated = (1..=keys).map(|rank| {
            sum += (rank as f64).powf(-exponent);
            sum
        });
        Self { cumulated: cumulated.collect(), rng: Rng::seeded(seed) }
    }

    /// The next key.
    pub fn next(&mut self) -> u32 {
        let total = *self.cumulated.last().expect("there are keys");
        let at = self.rng.next_u64() as f64 / u64::MAX as f64 * total;
        self.cumulated.partition_point(|sum| *sum < at).min(self.cumulated.len() - 1) as u32
    }
}
