//! How fast a running total grows just now, as INFO's `instantaneous_*` lines say it.

use crate::base::clock::Ticks;
use crate::base::sync::Mutex;

/// The average is over this many ticks, as in Redis; at ten ticks a second that is 1.6 s.
const SAMPLES: usize = 16;
const NANOS_PER_SECOND: u128 = 1_000_000_000;

/// The rate of any running total: commands processed, bytes read. One timer feeds it, any thread reads it.
#[derive(Debug, Default)]
pub struct OpsSampler {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: Option<(Ticks, u64)>,
    per_second: [u64; SAMPLES],
    next: usize,
}

impl OpsSampler {
    /// A sampler that has seen nothing and says 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes that the total is `total` at `now`. A total that went back (it was reset) counts as not having grown.
    pub fn tick(&self, now: Ticks, total: u64) {
        let mut state = self.state.lock();
        let Some((then, before)) = state.last else {
            state.last = Some((now, total));
            return;
        };
        let elapsed = u128::from(now.since(then));
        if elapsed == 0 {
            return;
        }
        let grown = u128::from(total.saturating_sub(before));
        let next = state.next;
        state.per_second[next] = u64::try_from(grown * NANOS_PER_SECOND / elapsed).unwrap_or(u64::MAX);
        state.next = (next + 1) % SAMPLES;
        state.last = Some((now, total));
    }

    /// The average of the last 16 rates, per second.
    pub fn per_second(&self) -> u64 {
        let sum: u128 = self.state.lock().per_second.iter().map(|&n| u128::from(n)).sum();
        (sum / SAMPLES as u128) as u64
    }
}
