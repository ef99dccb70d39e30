//! Whether a thread that runs only where a CPU would be idle gets on at all.
//!
//! Such a thread never keeps a worker waiting: the system takes it off its CPU at once, where one that merely has less of a share runs to the end of its slice first, some
//! milliseconds. But where all CPUs are busy for long it would hardly run, and a save has to end. So it counts for how long it wanted to run and did not: all time between
//! two of its calls that it did not spend on a CPU. If that is most of it, it takes a share again, for good.

use crate::base::clock::{Clock, Ticks};
use crate::base::process;

/// How long it looks before it judges.
const JUDGED_NANOS: u64 = 500_000_000;
/// It has to run for a part of that, which is as much as a thread gets that has given way.
const LEAST_PART: u64 = 10;

/// A thread that stands back behind all others.
pub(super) struct Standing<'c> {
    clock: &'c dyn Clock,
    /// When it last began to compute, and its CPU time then.
    began: (Ticks, u64),
    /// For how long it has wanted to compute, and has, since it last judged.
    wanted: u64,
    had: u64,
}

impl<'c> Standing<'c> {
    /// Has the calling thread stand back, if the system allows that.
    pub(super) fn back(clock: &'c dyn Clock) -> Option<Self> {
        process::stand_back().then(|| Self::new(clock, process::thread_cpu_nanos()))
    }

    fn new(clock: &'c dyn Clock, cpu: u64) -> Self {
        Self { clock, began: (clock.ticks(), cpu), wanted: 0, had: 0 }
    }

    /// It has computed, and goes on to do something else. False once it does not get on: then it does not stand back any more.
    pub(super) fn gets_on(&mut self) -> bool {
        self.counts(process::thread_cpu_nanos()) || !process::come_back()
    }

    /// It computes again.
    pub(super) fn go_on(&mut self) {
        self.began = (self.clock.ticks(), process::thread_cpu_nanos());
    }

    fn counts(&mut self, cpu: u64) -> bool {
        self.wanted += self.clock.ticks().since(self.began.0);
        self.had += cpu.saturating_sub(self.began.1);
        if self.wanted < JUDGED_NANOS {
            return true;
        }
        let gets_on = self.had >= self.wanted / LEAST_PART;
        (self.wanted, self.had) = (0, 0);
        gets_on
    }
}

impl std::fmt::Debug for Standing<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Standing").field("wanted", &self.wanted).field("had", &self.had).finish_non_exhaustive()
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
        let mut standing = Standing::new(&clock, 0);
        (1..=times).all(|time| {
            clock.advance(wanted as i64);
            let gets_on = standing.counts(time * had * MS);
            standing.began = (clock.ticks(), time * had * MS);
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
        let mut standing = Standing::new(&clock, 0);
        for time in 1..100 {
            clock.advance(20);
            assert!(standing.counts(time * 20 * MS));
            clock.advance(5_000);
            standing.began = (clock.ticks(), time * 20 * MS);
        }
    }
}
