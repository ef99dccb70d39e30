//! How a thread that saves in the background shares the CPUs with those that serve.
//!
//! ```text
//! back      it runs only where a CPU would be idle; the system takes it off at once for whoever wakes up and wants to run
//! sharing   it has given way, and has a small share
//! ```
//! Either way it rests often ([`crate::base::rest`]): the system may take the CPU from a worker for it, once the worker has had its slice, and then leaves it there for
//! milliseconds. (While a save of seven million items shared two busy CPUs, that happened 368 times for more than 1 ms without the rests, and 73 times where it rested only when sharing.)
//!
//! Where all CPUs are busy for long who stands back would hardly run, and a save has to end. So it counts for how long it wanted to run and did not: all
//! time between two of its calls that it did not spend on a CPU. If that is most of it, it shares from then on. So it does where the system does not let it stand back.

use crate::base::clock::{Clock, Ticks};
use crate::base::{process, rest};
use std::cell::Cell;

/// How long it looks before it judges.
const JUDGED_NANOS: u64 = 500_000_000;
/// It has to run for a part of that, which is as much as a thread gets that has given way.
const LEAST_PART: u64 = 10;

/// How such a thread stands.
pub(super) struct Standing<'c> {
    clock: &'c dyn Clock,
    is_back: Cell<bool>,
    /// When it last began to compute, and its CPU time then.
    began: Cell<(Ticks, u64)>,
    /// When it last rested.
    rested: Cell<Ticks>,
    /// For how long it has wanted to compute, and has, since it last judged.
    wanted: Cell<u64>,
    had: Cell<u64>,
}

impl<'c> Standing<'c> {
    /// Has the calling thread, which has given way, stand back if the system allows that.
    pub(super) fn of_this_thread(clock: &'c dyn Clock) -> Self {
        Self::new(clock, process::stand_back(), process::thread_cpu_nanos())
    }

    fn new(clock: &'c dyn Clock, is_back: bool, cpu: u64) -> Self {
        Self {
            clock,
            is_back: Cell::new(is_back),
            began: Cell::new((clock.ticks(), cpu)),
            rested: Cell::new(clock.ticks()),
            wanted: Cell::new(0),
            had: Cell::new(0),
        }
    }

    /// It has computed, and goes on to do something else. Once it does not get on, it stands back no more.
    pub(super) fn end_stretch(&self) {
        if self.is_back.get() && !self.gets_on(process::thread_cpu_nanos()) && process::come_back() {
            self.is_back.set(false);
        }
    }

    /// It computes again.
    pub(super) fn begin_stretch(&self) {
        self.began.set((self.clock.ticks(), process::thread_cpu_nanos()));
    }

    /// It computes on. To be called often: it may be time to rest.
    #[inline]
    pub(super) fn go_on(&self) {
        if rest::is_due(self.clock, self.rested.get()) {
            self.end_stretch();
            rest::rest();
            self.begin_stretch();
            self.rested.set(self.clock.ticks());
        }
    }

    fn gets_on(&self, cpu: u64) -> bool {
        let (began, had_before) = self.began.get();
        self.wanted.set(self.wanted.get() + self.clock.ticks().since(began));
        self.had.set(self.had.get() + cpu.saturating_sub(had_before));
        if self.wanted.get() < JUDGED_NANOS {
            return true;
        }
        self.had.take() >= self.wanted.take() / LEAST_PART
    }
}

impl std::fmt::Debug for Standing<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Standing").field("is_back", &self.is_back).field("wanted", &self.wanted).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::ManualClock;

    const MS: u64 = 1_000_000;

    /// The clock goes on by `wanted` ms at a time, of which `had` were had: whether it still gets on after so many times.
    fn gets_on(wanted: u64, had: u64, times: u64) -> bool {
        let clock = ManualClock::at(0);
        let standing = Standing::new(&clock, true, 0);
        (1..=times).all(|time| {
            clock.advance(wanted as i64);
            let gets_on = standing.gets_on(time * had * MS);
            standing.began.set((clock.ticks(), time * had * MS));
            gets_on
        })
    }

    #[test]
    fn who_runs_for_a_tenth_of_the_time_gets_on_and_who_runs_for_less_does_not() {
        assert!(gets_on(100, 10, 1_000));
        assert!(gets_on(100, 9, 4), "it is not judged yet");
        assert!(!gets_on(100, 9, 5));
        assert!(gets_on(1, 1, 1_000));
        assert!(!gets_on(600, 0, 1));
    }

    /// What it waits for by itself, a disk or its pace, is nobody's fault.
    #[test]
    fn the_time_between_two_stretches_of_work_does_not_count() {
        let clock = ManualClock::at(0);
        let standing = Standing::new(&clock, true, 0);
        for time in 1..100 {
            clock.advance(20);
            assert!(standing.gets_on(time * 20 * MS));
            clock.advance(5_000);
            standing.began.set((clock.ticks(), time * 20 * MS));
        }
    }
}
