//! The thread that syncs the log: every second, or as soon as enough wait for it, for all who wait.

use super::{Health, Log};
use crate::base::clock::Clock;
use crate::base::process;
use crate::config::FsyncPolicy;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Between two syncs under `everysec`.
const SECOND: Duration = Duration::from_secs(1);
/// Between two tries to write to a file that does not take it.
const RETRY: Duration = Duration::from_millis(100);
/// What it takes to wake those who were served and this thread again, and what a client and a worker take for each of them besides. Where a sync is shorter than all of that,
/// it does not gather: another sync is over before they are there.
const RETURN_NANOS: [u64; 2] = [250_000, 12_000];
/// It gathers until nobody has stirred for what a sync takes, divided by this. Those just served stir at first, so it costs two such parts if one who is expected stays away.
const QUIET_PART: u64 = 4;
/// And for no longer than half a sync takes, or all who were served until they have come again, or this.
const GATHERING_NANOS_MAX: u64 = 10_000_000;
/// Each sync moves what one is thought to take by a part of the difference.
const SMOOTHING: u64 = 8;

/// The running thread.
#[derive(Debug)]
pub struct Syncer {
    thread: JoinHandle<()>,
    log: Arc<Log>,
    is_ended: Arc<AtomicBool>,
}

impl Syncer {
    /// Starts it.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn start(log: Arc<Log>, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let is_ended = Arc::new(AtomicBool::new(false));
        let (ended, shared) = (Arc::clone(&is_ended), Arc::clone(&log));
        let thread = std::thread::Builder::new().name("tally-log".into()).spawn(move || {
            process::sleep_exactly();
            let mut turns = Turns { log: &shared, clock: &*clock, sync_nanos: 0, served: 0, expected: 0 };
            while !ended.load(Ordering::Acquire) {
                turns.wait();
                turns.work();
            }
        })?;
        log.crowd.set_thread(thread.thread().clone());
        Ok(Self { thread, log, is_ended })
    }

    /// Ends it, and waits until it has ended.
    pub fn end(self) {
        self.is_ended.store(true, Ordering::Release);
        self.log.ask_for_sync();
        self.thread.join().expect("nothing in a turn of the log panics");
    }
}

/// For how long to gather where a sync takes so long and so many are expected: while somebody stirs, and in all. `None` if not at all.
fn patience(sync_nanos: u64, expected: u64) -> Option<[Duration; 2]> {
    let return_nanos = expected.saturating_mul(RETURN_NANOS[1]).saturating_add(RETURN_NANOS[0]);
    let longest = (sync_nanos / 2).max(return_nanos).min(GATHERING_NANOS_MAX);
    (sync_nanos >= return_nanos).then(|| [(sync_nanos / QUIET_PART).min(longest), longest].map(Duration::from_nanos))
}

/// What the thread knows.
struct Turns<'l> {
    log: &'l Log,
    clock: &'l dyn Clock,
    /// What a sync takes, smoothed.
    sync_nanos: u64,
    /// How many who ever waited for a sync have had it.
    served: u64,
    /// How many are to wait in total when the next sync begins, those included who waited when the last one ended and will come again; 0 if nobody did.
    expected: u64,
}

impl Turns<'_> {
    /// Sleeps until there is something to do.
    fn wait(&mut self) {
        let crowd = &self.log.crowd;
        let expected = std::mem::take(&mut self.expected);
        if expected > 0
            && let Some(patience) = patience(self.sync_nanos, expected - self.served)
            && (crowd.wait(expected, patience, self.clock) || crowd.arrived() > self.served)
        {
            return;
        }
        let _is_asked = match self.log.health() {
            Health::Unwritable => crowd.wait(u64::MAX, [RETRY; 2], self.clock),
            Health::Good | Health::Poisoned => crowd.wait(self.served + 1, [SECOND; 2], self.clock),
        };
    }

    /// Does it. What fails is told where it fails.
    fn work(&mut self) {
        let log = self.log;
        // Who has arrived by now depends on nothing that is not in the log.
        let arrived = log.crowd.arrived();
        let [end, _, synced] = log.positions();
        if end == synced {
            self.served = arrived;
            return;
        }
        if log.policy() == FsyncPolicy::No && !log.is_rotating() {
            self.served = arrived;
            let _ = log.flush();
            return;
        }
        let began = self.clock.ticks();
        let outcome = log.sync();
        let nanos = self.clock.ticks().since(began);
        if outcome.is_ok() {
            // The first counts in full.
            let part = if self.sync_nanos == 0 { 1 } else { SMOOTHING };
            self.sync_nanos = self.sync_nanos - self.sync_nanos / part + nanos / part;
            let waited = log.crowd.seen() - self.served;
            self.expected = if waited > 0 { arrived + waited } else { 0 };
        }
        self.served = arrived;
        if nanos > SECOND.as_nanos() as u64 {
            log.delayed.fetch_add(1, Ordering::Relaxed);
            tracing::warn!("syncing the append only file took more than a second: is the disk busy?");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_gathers_where_those_expected_can_come_before_another_sync_would_be_over() {
        let patience = |sync_micros: u64, expected| {
            patience(sync_micros * 1000, expected).map(|times| times.map(|time| time.as_nanos() as u64))
        };
        let both = |quiet, longest| Some([quiet, longest].map(|micros: u64| micros * 1000));
        assert_eq!(patience(200, 8), None, "a fast disk");
        assert_eq!(patience(600, 64), None, "many clients for this disk");
        assert_eq!(patience(600, 8), both(150, 346), "few clients");
        assert_eq!(patience(1_200, 64), both(300, 1_018), "a slower disk");
        assert_eq!(patience(8_000, 64), both(2_000, 4_000), "a slow one");
        assert_eq!(patience(8_000, 10_000), None, "many clients for any disk");
        assert_eq!(patience(800_000, 10_000), both(10_000, 10_000), "it has stood still");
    }
}
