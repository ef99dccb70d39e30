//! The thread that syncs the log: every second, or as soon as somebody waits for it, for all who wait.

use super::{Health, Log};
use crate::base::clock::Clock;
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

/// The running thread.
#[derive(Debug)]
pub struct Syncer {
    thread: JoinHandle<()>,
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
            while !ended.load(Ordering::Acquire) {
                turn(&shared, &*clock);
            }
        })?;
        *log.thread.lock() = Some(thread.thread().clone());
        // Whoever asked before could wake nobody.
        thread.thread().unpark();
        Ok(Self { thread, is_ended })
    }

    /// Ends it, and waits until it has ended.
    pub fn end(self) {
        self.is_ended.store(true, Ordering::Release);
        self.thread.thread().unpark();
        self.thread.join().expect("nothing in a turn of the log panics");
    }
}

/// Sleeps until there is something to do, and does it. What fails is told where it fails.
fn turn(log: &Log, clock: &dyn Clock) {
    std::thread::park_timeout(if log.health() == Health::Unwritable { RETRY } else { SECOND });
    log.is_asked.store(false, Ordering::Release);
    let [end, _, synced] = log.positions();
    if end == synced {
        return;
    }
    if log.policy() == FsyncPolicy::No && !log.is_rotating() {
        let _ = log.flush();
        return;
    }
    let began = clock.ticks();
    let _ = log.sync();
    if clock.ticks().since(began) > SECOND.as_nanos() as u64 {
        log.delayed.fetch_add(1, Ordering::Relaxed);
        tracing::warn!("syncing the append only file took more than a second: is the disk busy?");
    }
}
