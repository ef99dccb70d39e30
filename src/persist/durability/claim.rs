//! The right to save, and one save from its frozen clone to its end.

use super::{Durability, State};
use crate::base::clock::{Clock, UnixMillis};
use crate::base::process;
use crate::keyspace::Frozen;
use crate::persist::snapshot::{self, Background, Progress, SaveError, WriteOptions, Written};
use std::path::PathBuf;
use std::sync::Arc;

/// A save that takes longer than this is worth a line in the log that says how long.
const LONG_NANOS: u64 = 1_000_000_000;

/// What is to be saved, where and how.
pub struct Job {
    /// Every key.
    pub frozen: Frozen,
    /// The sources of the libraries of functions.
    pub functions: Vec<Vec<u8>>,
    /// The changes that the keyspace had counted when it was frozen.
    pub changes: u64,
    /// The directory.
    pub dir: PathBuf,
    /// The name of the file.
    pub name: String,
    /// How it is written.
    pub options: WriteOptions,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").field("frozen", &self.frozen).field("dir", &self.dir).finish_non_exhaustive()
    }
}

/// The right to save, which one has at a time.
#[derive(Debug)]
pub struct Claim {
    durability: Arc<Durability>,
    progress: Arc<Progress>,
}

impl Claim {
    pub(super) fn new(durability: Arc<Durability>, progress: Arc<Progress>) -> Self {
        Self { durability, progress }
    }

    /// Saves here.
    ///
    /// # Errors
    /// What was tried last.
    pub fn run(self, job: Job) -> Result<Written, SaveError> {
        let keys = (0..job.frozen.databases()).map(|db| job.frozen.len(db) as u64).sum();
        self.progress.expect_keys(keys);
        let disk = &**self.durability.disk();
        let began = job.clock.ticks();
        let place = (&*job.dir, &*job.name);
        let saved = snapshot::save(disk, place, &job.frozen, &job.functions, &job.options, &self.progress);
        let nanos = job.clock.ticks().since(began);
        self.settle(saved.is_ok(), nanos / 1_000_000_000, job.changes, job.clock.unix_millis());
        match &saved {
            Ok(Written { bytes, keys }) if nanos > LONG_NANOS => {
                tracing::info!("snapshot saved: {keys} keys, {bytes} bytes, {:.1} s", nanos as f64 / 1e9);
            }
            Ok(Written { bytes, keys }) => tracing::info!("snapshot saved: {keys} keys, {bytes} bytes"),
            Err(error) => tracing::error!("the snapshot was not saved: {error}"),
        }
        saved
    }

    /// Saves on a thread of its own.
    ///
    /// # Errors
    /// If the system has no thread to give.
    pub fn run_in_background(self, mut job: Job) -> std::io::Result<()> {
        let durability = Arc::clone(&self.durability);
        job.options.background = Some(Background(Arc::clone(&job.clock)));
        let builder = std::thread::Builder::new().name("tally-save".into());
        // How it went stands in the log and in INFO.
        let thread = builder.spawn(move || {
            // What is written is frozen: nobody waits for it.
            process::give_way();
            drop(self.run(job));
        })?;
        let before = durability.thread.lock().replace(thread);
        // It has given its claim back, so it is all but over.
        drop(before);
        Ok(())
    }

    /// Notes how a save went. Whoever sees that may begin the next.
    fn settle(&self, is_saved: bool, seconds: u64, changes: u64, now: UnixMillis) {
        let mut saves = self.durability.saves.lock();
        let in_background = saves.running.as_ref().is_some_and(|running| running.in_background);
        // Who told it to stop does not ask whether it failed.
        let is_stopped = self.progress.is_stopped();
        if is_saved {
            saves.changes = changes;
            saves.last_save_at = now;
            saves.count += 1;
        } else {
            saves.is_scheduled |= saves.running.as_ref().is_some_and(|running| running.was_scheduled);
        }
        if in_background {
            saves.last_seconds = Some(seconds);
        }
        if is_saved || !is_stopped {
            saves.last_failed = !is_saved;
            self.durability.set(State::SAVE_FAILED, !is_saved);
        }
        saves.running = None;
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut saves = self.durability.saves.lock();
        // After it was settled another may have begun.
        if saves.running.as_ref().is_some_and(|running| Arc::ptr_eq(&running.progress, &self.progress)) {
            saves.running = None;
        }
    }
}
