//! Those who wait for the log: tasks that are woken when it has come further, and how many wait for a sync, so that one sync serves as many as it can.
//!
//! Under `appendfsync always` clients tend to part into two halves that take turns: while one half's sync is going on the other half's writes come, and are synced alone as
//! soon as it ends. So the thread *gathers* before a sync: it waits for as many as waited at the end of the last one, those included whom that has just served, for they
//! usually come again, unless a sync is too short for that. They are counted as they arrive, in total; nobody is taken off. While somebody *stirs* (is served, comes, or does more while it waits) the others may be on their way as well,
//! so it goes on for as long as that is so, up to a limit. A worker tells of those who have come when its turn ends, all at once, and the first turn after a sync serves
//! everybody: so it says at each of them that somebody stirs, which is an addition and wakes nobody.

use crate::base::clock::Clock;
use crate::base::sync::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Waker;
use std::thread::Thread;
use std::time::Duration;

/// Whether a task stands among those that watch the log. It does once, however often it looks.
pub type Queued = Arc<AtomicBool>;

/// Those who wait.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    /// One for each worker, at most.
    watching: Mutex<Vec<(Waker, Queued)>>,
    /// How many have ever come to wait for a sync.
    arrived: AtomicU64,
    /// How many had when the last sync ended.
    seen: AtomicU64,
    /// How often somebody stirred.
    stirs: AtomicU64,
    /// The thread wants to be woken when so many have.
    wanted: AtomicU64,
    /// Whether it is to sync whoever has come.
    is_asked: AtomicBool,
    thread: Mutex<Option<Thread>>,
}

impl Crowd {
    /// Has the task woken once when the log has come further, or will not.
    pub(super) fn watch(&self, waker: &Waker, queued: &Queued) {
        if !queued.swap(true, Ordering::AcqRel) {
            self.watching.lock().push((waker.clone(), Arc::clone(queued)));
        }
    }

    /// Wakes all who watch.
    pub(super) fn wake_all(&self) {
        let watching = std::mem::take(&mut *self.watching.lock());
        for (waker, queued) in watching {
            // Before it is woken: it may have to wait again.
            queued.store(false, Ordering::Release);
            waker.wake();
        }
    }

    /// The same after a sync.
    pub(super) fn serve_all(&self) {
        self.seen.store(self.arrived(), Ordering::Relaxed);
        self.wake_all();
    }

    /// How many had arrived when the last sync ended and nobody was woken yet.
    pub(super) fn seen(&self) -> u64 {
        self.seen.load(Ordering::Relaxed)
    }

    /// Somebody has been served, or waits and will be counted as arrived unless it is.
    #[inline]
    pub(super) fn stir(&self) {
        self.stirs.fetch_add(1, Ordering::Relaxed);
    }

    /// So many wait for a sync who did not.
    pub(super) fn arrive(&self, count: u64) {
        // In one order with what `wait` does: either it sees who has arrived, or who has arrived sees what it wants.
        let arrived = self.arrived.fetch_add(count, Ordering::SeqCst) + count;
        if arrived >= self.wanted.load(Ordering::SeqCst) {
            self.wake_thread();
        }
    }

    pub(super) fn arrived(&self) -> u64 {
        self.arrived.load(Ordering::SeqCst)
    }

    /// Has the thread sync soon.
    pub(super) fn ask(&self) {
        if !self.is_asked.swap(true, Ordering::SeqCst) {
            self.wake_thread();
        }
    }

    fn wake_thread(&self) {
        if let Some(thread) = &*self.thread.lock() {
            thread.unpark();
        }
    }

    /// Says which is the thread.
    pub(super) fn set_thread(&self, thread: Thread) {
        *self.thread.lock() = Some(thread);
        // Whoever asked before could wake nobody.
        self.wake_thread();
    }

    /// The thread sleeps until so many have arrived in total, or it is asked, or the time is up: a `quiet` has passed in which nobody stirred, or it
    /// has slept for `longest`. Whether it was asked.
    pub(super) fn wait(&self, wanted: u64, [quiet, longest]: [Duration; 2], clock: &dyn Clock) -> bool {
        let began = clock.ticks();
        let (mut heard, mut stirs) = (began, self.stirs.load(Ordering::Relaxed));
        self.wanted.store(wanted, Ordering::SeqCst);
        loop {
            let (before, now) = (std::mem::replace(&mut stirs, self.stirs.load(Ordering::Relaxed)), clock.ticks());
            if self.arrived() >= wanted || self.is_asked.load(Ordering::SeqCst) {
                break;
            }
            if stirs != before {
                heard = now;
            }
            let left = |since, all: Duration| all.saturating_sub(Duration::from_nanos(now.since(since)));
            let left = left(heard, quiet).min(left(began, longest));
            if left.is_zero() {
                break;
            }
            std::thread::park_timeout(left);
        }
        self.wanted.store(u64::MAX, Ordering::SeqCst);
        self.is_asked.swap(false, Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::{ManualClock, Ticks};

    const FOREVER: Duration = Duration::from_secs(86_400);

    /// A crowd whose thread is this one.
    fn crowd() -> Arc<Crowd> {
        let crowd = Arc::<Crowd>::default();
        crowd.set_thread(std::thread::current());
        crowd
    }

    #[test]
    fn the_thread_sleeps_until_as_many_have_arrived_as_it_wants_or_it_is_asked() {
        let (crowd, clock) = (crowd(), ManualClock::at(0));
        for round in 1..=200 {
            let others: Vec<_> = (0..3)
                .map(|_| {
                    let crowd = Arc::clone(&crowd);
                    std::thread::spawn(move || crowd.arrive(1))
                })
                .collect();
            assert!(!crowd.wait(3 * round, [FOREVER; 2], &clock));
            assert_eq!(crowd.arrived(), 3 * round);
            others.into_iter().for_each(|other| other.join().unwrap());
        }
        let asks = Arc::clone(&crowd);
        let other = std::thread::spawn(move || asks.ask());
        assert!(crowd.wait(u64::MAX, [FOREVER; 2], &clock));
        other.join().unwrap();
        assert!(!crowd.wait(u64::MAX, [Duration::ZERO, FOREVER], &clock));
        assert!(!crowd.wait(u64::MAX, [FOREVER, Duration::ZERO], &clock));
    }

    /// A clock that goes on by ten nanoseconds at each look, and somebody stirs at the first hundred.
    struct Lively<'c>(&'c Crowd, AtomicU64);

    impl Clock for Lively<'_> {
        fn unix_micros(&self) -> i64 {
            0
        }

        fn ticks(&self) -> Ticks {
            let looks = self.1.fetch_add(1, Ordering::Relaxed);
            if looks < 100 {
                self.0.stir();
            }
            Ticks(10 * looks)
        }
    }

    #[test]
    fn the_thread_gathers_while_somebody_stirs_up_to_a_limit() {
        let looks = |quiet, longest| {
            let crowd = Crowd::default();
            let clock = Lively(&crowd, AtomicU64::new(0));
            assert!(!crowd.wait(u64::MAX, [quiet, longest].map(Duration::from_nanos), &clock));
            clock.1.into_inner()
        };
        assert_eq!(
            looks(40, 1_000_000),
            105,
            "four looks more than those at which somebody stirred, and the one before all"
        );
        assert_eq!(looks(40, 300), 31);
    }

    #[test]
    fn who_watches_stands_there_once_and_is_woken_once() {
        struct Counts(AtomicU64);
        impl std::task::Wake for Counts {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let (crowd, counts, queued) = (Crowd::default(), Arc::new(Counts(AtomicU64::new(0))), Queued::default());
        let waker = Waker::from(Arc::clone(&counts));
        (0..3).for_each(|_| crowd.watch(&waker, &queued));
        (0..2).for_each(|_| crowd.wake_all());
        assert_eq!(counts.0.load(Ordering::Relaxed), 1);
        crowd.watch(&waker, &queued);
        crowd.wake_all();
        assert_eq!(counts.0.load(Ordering::Relaxed), 2, "it may watch again");
    }
}
