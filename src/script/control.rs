//! The handle by which other threads stop a running script, and its time limits.
//!
//! One per thread that runs scripts, used for run after run, so that a run allocates nothing for it: the running VM reads it, SCRIPT KILL writes it.
//! Each run has a number, and whoever kills names the run that he saw: a kill that comes too late hits nothing.

use crate::base::clock::{Clock, Ticks};
use crate::base::sync::Mutex;
use crate::base::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::keyspace::ShardIndex;
use std::fmt;
use std::sync::Arc;

/// The low bits of the state: a phase, and whether the run has written; the rest is the number of the run. They stand in one word, so that who kills a run because it has not
/// written, and the run that is about to, cannot both have their way.
const FLAG_BITS: u32 = 3;
const PHASE: u64 = 3;
const IDLE: u64 = 0;
const RUN: u64 = 1;
const KILL: u64 = 2;
const TIMED_OUT: u64 = 3;
const WROTE: u64 = 4;

/// Why a run must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// SCRIPT KILL.
    Killed,
    /// `script-max-time`.
    TimedOut,
}

/// What a thread runs: SCRIPT KILL ends the one, FUNCTION KILL the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A script.
    Script,
    /// A function of a library.
    Function,
}

/// A function that runs past `lua-time-limit`, as FUNCTION STATS shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlowCall {
    /// Its name.
    pub function: Vec<u8>,
    /// The command that called it, its arguments shortened if they are long or many.
    pub command: Vec<Vec<u8>>,
}

/// A run that was going on when somebody looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    state: u64,
    /// What it is a run of.
    pub kind: Kind,
    /// When it started.
    pub started: Ticks,
    /// Whether it was past `lua-time-limit`.
    pub is_slow: bool,
    /// Whether it had written.
    pub wrote: bool,
}

/// One thread's runs: the start, limits and kill flag of the one that goes on, if one does. Each has cache lines of its own.
#[repr(align(128))]
pub struct Control {
    clock: Arc<dyn Clock>,
    /// Written by the running thread, but for the phase, which others set to [`KILL`] while it runs.
    state: AtomicU64,
    start: AtomicU64,
    /// `lua-time-limit` in nanoseconds: past it the server answers BUSY and SCRIPT KILL applies. 0 = never.
    slow_nanos: AtomicU64,
    /// `script-max-time` in nanoseconds: past it the run ends by itself. 0 = never.
    max_nanos: AtomicU64,
    is_function: AtomicBool,
    /// What the run with that state calls, once it is slow.
    slow_call: Mutex<Option<(u64, SlowCall)>>,
    /// What the run with that number holds, once it is slow; `None` for everything.
    held: Mutex<(u64, Option<Box<[ShardIndex]>>)>,
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").field("run", &self.running()).finish_non_exhaustive()
    }
}

impl Control {
    /// The control of a thread that runs nothing yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            state: AtomicU64::new(IDLE),
            start: AtomicU64::new(0),
            slow_nanos: AtomicU64::new(0),
            max_nanos: AtomicU64::new(0),
            is_function: AtomicBool::new(false),
            slow_call: Mutex::new(None),
            held: Mutex::default(),
        }
    }

    /// A run starts now. Both limits are in milliseconds; 0 switches one off. Called by the thread that runs.
    pub fn begin(&self, kind: Kind, time_limit_ms: u64, max_time_ms: u64) -> Ticks {
        let start = self.clock.ticks();
        let nanos = |ms: u64| ms.saturating_mul(1_000_000);
        self.start.store(start.0, Ordering::Relaxed);
        self.slow_nanos.store(nanos(time_limit_ms), Ordering::Relaxed);
        self.max_nanos.store(nanos(max_time_ms), Ordering::Relaxed);
        self.is_function.store(kind == Kind::Function, Ordering::Relaxed);
        let number = (self.state.load(Ordering::Relaxed) >> FLAG_BITS).wrapping_add(1);
        // Who sees the run sees its start and limits.
        self.state.store(number << FLAG_BITS | RUN, Ordering::Release);
        start
    }

    /// The run has ended.
    pub fn end(&self) {
        let number = self.state.load(Ordering::Relaxed) >> FLAG_BITS;
        self.state.store(number << FLAG_BITS | IDLE, Ordering::Relaxed);
    }

    /// The run is to be started again, unless it was asked to end: then it has to say so, for who asked was told that it would. A kill that comes later finds no run.
    pub(super) fn end_unless_stopped(&self) -> Option<Stop> {
        let state = self.state.load(Ordering::Relaxed);
        if state & PHASE == RUN {
            // Who kills meanwhile wins.
            let idle = state & !PHASE | IDLE;
            let _ = self.state.compare_exchange(state, idle, Ordering::Relaxed, Ordering::Relaxed);
        }
        self.stopped()
    }

    /// The run that goes on, if one does.
    pub fn running(&self) -> Option<Run> {
        let state = self.state.load(Ordering::Acquire);
        if state & PHASE == IDLE {
            return None;
        }
        let started = Ticks(self.start.load(Ordering::Relaxed));
        let slow_nanos = self.slow_nanos.load(Ordering::Relaxed);
        let is_slow = slow_nanos > 0 && self.clock.ticks().since(started) >= slow_nanos;
        let kind = if self.is_function.load(Ordering::Relaxed) { Kind::Function } else { Kind::Script };
        Some(Run { state, kind, started, is_slow, wrote: state & WROTE != 0 })
    }

    /// Tells others which shards the run holds, `None` for everything; again when it has got more. Called by the thread that runs.
    pub fn tell_held(&self, shards: Option<Box<[ShardIndex]>>) {
        *self.held.lock() = (self.state.load(Ordering::Relaxed) >> FLAG_BITS, shards);
    }

    /// Whether the run may hold one of the shards that `wants` is true for: it does if nothing was told.
    pub fn may_hold(&self, run: Run, wants: impl Fn(ShardIndex) -> bool) -> bool {
        let (number, shards) = &*self.held.lock();
        let told = shards.as_ref().filter(|_| *number == run.state >> FLAG_BITS);
        told.is_none_or(|shards| shards.iter().any(|shard| wants(*shard)))
    }

    /// Shows others what the run calls. Called by the thread that runs; [`Self::hide`] must follow before the next run.
    pub fn show(&self, call: SlowCall) {
        *self.slow_call.lock() = Some((self.state.load(Ordering::Relaxed) >> FLAG_BITS, call));
    }

    /// Takes back what [`Self::show`] showed.
    pub fn hide(&self) {
        *self.slow_call.lock() = None;
    }

    /// What a run calls, if it has shown it.
    pub fn slow_call(&self, run: Run) -> Option<SlowCall> {
        let shown = self.slow_call.lock();
        shown.as_ref().filter(|(number, _)| *number == run.state >> FLAG_BITS).map(|(_, call)| call.clone())
    }

    /// Whether a run goes on that is past `lua-time-limit`, so that BUSY and SCRIPT KILL apply.
    pub fn is_slow(&self) -> bool {
        self.running().is_some_and(|run| run.is_slow)
    }

    /// How long the run has taken that goes on. Called by the thread that runs.
    pub fn nanos(&self) -> u64 {
        self.clock.ticks().since(Ticks(self.start.load(Ordering::Relaxed)))
    }

    /// Asks a run to end. It does at its next look, which `pcall` cannot hide. False if it has ended already, or has written since it was seen.
    pub fn kill(&self, run: Run) -> bool {
        // Only this word is handed over, so no ordering is needed.
        let killed = run.state & !PHASE | KILL;
        let swapped = self.state.compare_exchange(run.state, killed, Ordering::Relaxed, Ordering::Relaxed);
        swapped.is_ok() || self.state.load(Ordering::Relaxed) == killed
    }

    /// The run is about to write. False if it was asked to end: then it must not.
    #[inline]
    pub fn note_write(&self) -> bool {
        let state = self.state.load(Ordering::Relaxed);
        let runs = state & PHASE == RUN;
        let noted =
            |state| self.state.compare_exchange(state, state | WROTE, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        runs && (state & WROTE != 0 || noted(state))
    }

    /// Whether the run has written.
    #[inline]
    pub fn wrote(&self) -> bool {
        self.state.load(Ordering::Relaxed) & WROTE != 0
    }

    /// Whether the run was asked to end. One load.
    #[inline]
    pub(super) fn stopped(&self) -> Option<Stop> {
        match self.state.load(Ordering::Relaxed) & PHASE {
            KILL => Some(Stop::Killed),
            TIMED_OUT => Some(Stop::TimedOut),
            _ => None,
        }
    }

    /// Whether nobody wants the run to end, and its time is not over.
    pub fn goes_on(&self) -> bool {
        self.poll().is_none()
    }

    /// Like [`Self::stopped`], and also looks at the clock if there is a maximum.
    pub(super) fn poll(&self) -> Option<Stop> {
        let max_nanos = self.max_nanos.load(Ordering::Relaxed);
        let started = Ticks(self.start.load(Ordering::Relaxed));
        if max_nanos > 0 && self.clock.ticks().since(started) >= max_nanos {
            let state = self.state.load(Ordering::Relaxed);
            if state & PHASE == RUN {
                let timed_out = state & !PHASE | TIMED_OUT;
                let _ = self.state.compare_exchange(state, timed_out, Ordering::Relaxed, Ordering::Relaxed);
            }
        }
        self.stopped()
    }
}

#[cfg(test)]
mod tests {
    use super::{Control, Kind, ShardIndex, Stop};
    use crate::base::clock::ManualClock;
    use std::sync::Arc;

    #[test]
    fn a_kill_that_comes_too_late_hits_neither_the_next_run_nor_an_idle_thread() {
        let control = Control::new(Arc::new(ManualClock::at(0)));
        control.begin(Kind::Script, 0, 0);
        let first = control.running().expect("a run goes on");
        control.end();
        assert!(!control.kill(first), "it has ended");
        assert_eq!(control.running(), None);
        control.begin(Kind::Script, 0, 0);
        assert!(!control.kill(first), "another one goes on");
        assert_eq!(control.stopped(), None);
        let second = control.running().expect("a run goes on");
        assert!(control.kill(second) && control.kill(second), "to kill twice is to kill");
        assert_eq!(control.stopped(), Some(Stop::Killed));
        control.end();
        control.begin(Kind::Script, 0, 0);
        assert_eq!(control.stopped(), None, "a kill ends with its run");
    }

    #[test]
    fn a_run_that_is_to_be_started_again_ends_by_a_kill_or_cannot_be_killed_any_more() {
        let control = Control::new(Arc::new(ManualClock::at(0)));
        control.begin(Kind::Script, 0, 0);
        let first = control.running().expect("a run goes on");
        assert_eq!(control.end_unless_stopped(), None);
        assert!(!control.kill(first), "it has ended");
        control.begin(Kind::Script, 0, 0);
        assert!(control.kill(control.running().expect("a run goes on")));
        assert_eq!(control.end_unless_stopped(), Some(Stop::Killed));
    }

    #[test]
    fn a_run_is_killed_before_it_writes_or_has_written_for_who_kills_it() {
        let control = Control::new(Arc::new(ManualClock::at(0)));
        control.begin(Kind::Script, 0, 0);
        let seen = control.running().expect("a run goes on");
        assert!(!seen.wrote && control.note_write() && control.note_write() && control.wrote());
        assert!(!control.kill(seen), "it has written since");
        let seen = control.running().expect("a run goes on");
        assert!(seen.wrote && control.kill(seen) && !control.note_write() && control.wrote());
        control.begin(Kind::Script, 0, 0);
        let seen = control.running().expect("a run goes on");
        assert!(!seen.wrote && control.kill(seen) && !control.note_write() && !control.wrote());
    }

    #[test]
    fn a_run_may_hold_anything_until_it_says_what_it_holds() {
        let control = Control::new(Arc::new(ManualClock::at(0)));
        control.begin(Kind::Script, 1, 0);
        let holds = |shard: ShardIndex| control.may_hold(control.running().expect("it runs"), |wanted| wanted == shard);
        assert!(holds(3) && holds(4));
        control.tell_held(Some([3, 5].into()));
        assert!(holds(3) && !holds(4) && holds(5));
        control.tell_held(None);
        assert!(holds(4), "now it owns everything");
        control.tell_held(Some([3].into()));
        control.end();
        control.begin(Kind::Script, 1, 0);
        assert!(holds(4), "what was told was of another run");
    }
}
