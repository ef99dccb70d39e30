//! The handle by which other threads stop a running script, and its time limits.
//!
//! One per run, shared through an `Arc`: the running VM reads it, SCRIPT KILL writes it.

use crate::base::clock::{Clock, Ticks};
use crate::base::sync::atomic::{AtomicU8, Ordering};
use std::fmt;
use std::sync::Arc;

const RUN: u8 = 0;
const KILL: u8 = 1;
const TIMED_OUT: u8 = 2;

/// Why a run must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// SCRIPT KILL.
    Killed,
    /// `script-max-time`.
    TimedOut,
}

/// A run's start, limits and kill flag.
pub struct Control {
    clock: Arc<dyn Clock>,
    start: Ticks,
    /// `lua-time-limit` in nanoseconds: past it the server answers BUSY and SCRIPT KILL applies. 0 = never.
    slow_nanos: u64,
    /// `script-max-time` in nanoseconds: past it the run ends by itself. 0 = never.
    max_nanos: u64,
    flag: AtomicU8,
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").field("start", &self.start).finish_non_exhaustive()
    }
}

impl Control {
    /// The control of a run that starts now. Both limits are in milliseconds; 0 switches one off.
    pub fn start(clock: Arc<dyn Clock>, time_limit_ms: u64, max_time_ms: u64) -> Self {
        let start = clock.ticks();
        let nanos = |ms: u64| ms.saturating_mul(1_000_000);
        Self { clock, start, slow_nanos: nanos(time_limit_ms), max_nanos: nanos(max_time_ms), flag: AtomicU8::new(RUN) }
    }

    /// When the run started.
    pub fn started(&self) -> Ticks {
        self.start
    }

    /// Whether the run is past `lua-time-limit`, so that BUSY and SCRIPT KILL apply.
    pub fn is_slow(&self) -> bool {
        self.slow_nanos > 0 && self.clock.ticks().since(self.start) >= self.slow_nanos
    }

    /// Asks the run to end. It does at its next look, which `pcall` cannot hide.
    pub fn kill(&self) {
        // Only this byte is handed over, so no ordering is needed.
        let _ = self.flag.compare_exchange(RUN, KILL, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Whether the run was asked to end. One load.
    #[inline]
    pub(super) fn stopped(&self) -> Option<Stop> {
        match self.flag.load(Ordering::Relaxed) {
            RUN => None,
            KILL => Some(Stop::Killed),
            _ => Some(Stop::TimedOut),
        }
    }

    /// Like [`Self::stopped`], and also looks at the clock if there is a maximum.
    pub(super) fn poll(&self) -> Option<Stop> {
        if self.max_nanos > 0 && self.clock.ticks().since(self.start) >= self.max_nanos {
            let _ = self.flag.compare_exchange(RUN, TIMED_OUT, Ordering::Relaxed, Ordering::Relaxed);
        }
        self.stopped()
    }
}
