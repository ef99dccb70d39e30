//! The only place that reads the time.
//!
//! Two kinds that never mix: [`UnixMillis`] is the wall clock, in which deadlines are written; [`Ticks`] is monotonic, in which
//! durations are measured.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// An instant of the wall clock in milliseconds since 1970. Deadlines are written in it.
pub type UnixMillis = i64;

/// An instant of the monotonic clock, in nanoseconds since an arbitrary start. Durations are differences of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Ticks(pub u64);

impl Ticks {
    /// Nanoseconds from `earlier` to here; 0 if `earlier` is later.
    #[inline]
    pub fn since(self, earlier: Ticks) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Something that tells the time: the system's, or a test's.
pub trait Clock: Send + Sync {
    /// The wall clock in microseconds since 1970.
    fn unix_micros(&self) -> i64;
    /// The monotonic clock.
    fn ticks(&self) -> Ticks;
    /// The wall clock in milliseconds since 1970.
    fn unix_millis(&self) -> UnixMillis {
        self.unix_micros() / 1000
    }
}

/// The operating system's wall clock, and the processor's counter where it is steady (else the operating system's monotonic clock).
#[derive(Debug)]
pub struct SystemClock {
    counter: quanta::Clock,
    origin: u64,
}

impl SystemClock {
    /// A clock whose ticks start at 1 now. Measures the counter against the kernel's clock, once per process, for some milliseconds.
    pub fn new() -> Self {
        let counter = quanta::Clock::new();
        let origin = counter.raw();
        Self { counter, origin }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one reader of the clock")]
    fn unix_micros(&self) -> i64 {
        // A clock set before 1970 reads as 0: every deadline then lies in the future, and nothing is lost.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    }

    #[inline]
    fn ticks(&self) -> Ticks {
        Ticks(self.counter.delta_as_nanos(self.origin, self.counter.raw()) + 1)
    }
}

/// A clock that moves only when a test says so. Wall clock and ticks move together.
#[derive(Debug)]
pub struct ManualClock {
    micros: std::sync::atomic::AtomicI64,
}

impl ManualClock {
    /// A clock that stands at `unix_millis`.
    pub fn at(unix_millis: UnixMillis) -> Self {
        Self { micros: std::sync::atomic::AtomicI64::new(unix_millis * 1000) }
    }

    /// Moves the clock by `millis`, which may be negative.
    pub fn advance(&self, millis: i64) {
        self.micros.fetch_add(millis * 1000, std::sync::atomic::Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn unix_micros(&self) -> i64 {
        self.micros.load(std::sync::atomic::Ordering::SeqCst)
    }

    fn ticks(&self) -> Ticks {
        Ticks(u64::try_from(self.unix_micros()).unwrap_or(0) * 1000)
    }
}
