//! How long things took: counts in log-linear buckets, from which quantiles are estimated.
//!
//! Four buckets per power of two from 64 ns to 17.2 s, one below and one above:
//!
//! ```text
//! index    0        1         2         3          4           5              112                113
//! nanos  [0,64)  [64,80)  [80,96)  [96,112)  [112,128)  [128,160)  ...  [7/8 x 2^34, 2^34)  [2^34, ..)
//! ```
//!
//! A bucket is at most a quarter as wide as its floor, so an estimate is at most 25 % off. The commands of one worker usually fall
//! into one or two powers of two, which is one or two cache lines.

use crate::base::sync::atomic::{AtomicU64, Ordering};

/// Below this everything is one bucket: 2^6 = 64 ns.
const FLOOR_LOG2: u32 = 6;
/// From this on everything is one bucket: 2^34 ns = 17.2 s.
const CEILING_LOG2: u32 = 34;
/// 2^2 = 4 buckets per power of two.
const SUB_LOG2: u32 = 2;
/// The number of buckets.
pub(super) const BUCKETS: usize = (((CEILING_LOG2 - FLOOR_LOG2) as usize) << SUB_LOG2) + 2;
const LAST: usize = BUCKETS - 1;

/// A number that one thread writes and any thread reads.
///
/// Invariant: it has one writer. A second one would lose counts, nothing worse.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    /// Adds without a locked instruction.
    #[inline]
    pub(super) fn add(&self, n: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A histogram that one thread writes.
#[derive(Debug)]
pub(super) struct Histogram {
    nanos: Counter,
    buckets: [Counter; BUCKETS],
}

impl Default for Histogram {
    fn default() -> Self {
        Self { nanos: Counter::default(), buckets: std::array::from_fn(|_| Counter::default()) }
    }
}

impl Histogram {
    #[inline]
    pub(super) fn record(&self, nanos: u64) {
        self.nanos.add(nanos);
        self.buckets[bucket_of(nanos)].add(1);
    }

    pub(super) fn add_to(&self, latency: &mut Latency) {
        latency.nanos = latency.nanos.saturating_add(self.nanos.get());
        for (sum, bucket) in latency.buckets.iter_mut().zip(&self.buckets) {
            *sum += bucket.get();
        }
    }
}

/// The sum of histograms: how often something ran, how long in all, and how that was distributed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latency {
    nanos: u64,
    buckets: [u64; BUCKETS],
}

impl Default for Latency {
    fn default() -> Self {
        Self { nanos: 0, buckets: [0; BUCKETS] }
    }
}

impl Latency {
    /// How often. There is no counter beside the buckets that could disagree with them.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// How long in all, in nanoseconds.
    pub fn nanos(&self) -> u64 {
        self.nanos
    }

    /// The duration that the fraction `quantile` (0 to 1) did not exceed, in nanoseconds; 0 if nothing was recorded.
    ///
    /// Linear within its bucket, so at most 25 % off; the last bucket answers its floor of 17.2 s.
    pub fn quantile_nanos(&self, quantile: f64) -> u64 {
        let count = self.count();
        if count == 0 {
            return 0;
        }
        // The nearest-rank definition; the float's conversion saturates, and the clamp keeps it among the recorded.
        let rank = ((quantile * count as f64).ceil() as u64).clamp(1, count);
        let mut before = 0;
        for (index, &here) in self.buckets.iter().enumerate() {
            if before + here >= rank {
                let share = (rank - before) as f64 / here as f64;
                return floor_of(index) + (width_of(index) as f64 * share) as u64;
            }
            before += here;
        }
        unreachable!("a rank is at most the count")
    }

    /// How many took less than `nanos`: exact on a bucket's edge (every power of two from 2^6 to 2^34), linear within a bucket.
    pub fn count_below(&self, nanos: u64) -> u64 {
        let index = bucket_of(nanos);
        let whole: u64 = self.buckets[..index].iter().sum();
        match width_of(index) {
            0 => whole,
            width => {
                let share = (nanos - floor_of(index)) as f64 / width as f64;
                whole + (self.buckets[index] as f64 * share) as u64
            }
        }
    }

    pub(super) fn subtract(&mut self, other: &Latency) {
        self.nanos = self.nanos.saturating_sub(other.nanos);
        for (sum, n) in self.buckets.iter_mut().zip(&other.buckets) {
            *sum = sum.saturating_sub(*n);
        }
    }
}

/// The bucket that `nanos` falls into.
#[inline]
pub(super) fn bucket_of(nanos: u64) -> usize {
    if nanos < 1 << FLOOR_LOG2 {
        return 0;
    }
    let log2 = nanos.ilog2();
    let sub = (nanos >> (log2 - SUB_LOG2)) as usize & ((1 << SUB_LOG2) - 1);
    (1 + (((log2 - FLOOR_LOG2) as usize) << SUB_LOG2) + sub).min(LAST)
}

/// The least duration of a bucket.
pub(super) fn floor_of(index: usize) -> u64 {
    let Some(above) = index.checked_sub(1) else { return 0 };
    let sub = above & ((1 << SUB_LOG2) - 1);
    (((1 << SUB_LOG2) + sub) as u64) << ((above >> SUB_LOG2) + (FLOOR_LOG2 - SUB_LOG2) as usize)
}

/// From a bucket's floor to the next one's; 0 for the last, which has no end.
fn width_of(index: usize) -> u64 {
    if index == LAST { 0 } else { floor_of(index + 1) - floor_of(index) }
}
