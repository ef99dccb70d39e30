//! What the server knows of its files: whether it is loading them, what is being saved, and how that went the last time.
//!
//! ```text
//! state     one word, read by every request: loading, the last save failed
//! saves     one at a time: claimed, frozen, then run here or on a thread of its own
//! loading   how far, while it lasts
//! ```
//! A claim that is dropped is over, whatever became of it. A failed load never leads to a save: while loading, none can be claimed.
//!
//! Not here: when to save, what to reply, and how a file looks ([`super::snapshot`]).

mod claim;
#[cfg(test)]
mod tests;

pub use claim::{Claim, Job};

use super::disk::Disk;
use super::snapshot::{Loaded, Progress};
use crate::base::clock::{Clock, Ticks, UnixMillis};
use crate::base::sync::Mutex;
use crate::base::sync::atomic::{AtomicU32, Ordering};
use crate::config::SavePoint;
use std::sync::Arc;
use std::thread::JoinHandle;

/// After a save by itself failed, the next comes so much later.
const RETRY_NANOS: u64 = 5_000_000_000;

/// What keeps some commands from running; each a bit, so that a request asks for all at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State(u32);

impl State {
    /// The data is being loaded.
    pub const LOADING: Self = Self(1);
    /// The last save of a snapshot failed.
    pub const SAVE_FAILED: Self = Self(1 << 1);
    /// The log cannot be written or synced.
    pub const LOG_FAILED: Self = Self(1 << 2);

    /// Whether nothing keeps any command from running.
    #[inline]
    pub fn is_clear(self) -> bool {
        self.0 == 0
    }

    /// Whether `other` is a part of it.
    #[inline]
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// A save is going on, or there is nothing whole to be saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unclaimed {
    /// A save is going on.
    InProgress,
    /// The data is being loaded.
    Loading,
}

/// What the server knows of its files.
pub struct Durability {
    disk: Arc<dyn Disk>,
    state: AtomicU32,
    saves: Mutex<Saves>,
    loading: Mutex<Loading>,
    /// The thread of the last save that had one.
    thread: Mutex<Option<JoinHandle<()>>>,
    /// The slots of the keyspace that workers do not use. The first is the one of whoever freezes it, all are for loading.
    slots: Vec<usize>,
}

/// How saving goes, and went.
#[derive(Debug)]
struct Saves {
    running: Option<Running>,
    /// One more is to follow as soon as it can.
    is_scheduled: bool,
    last_save_at: UnixMillis,
    /// The changes that the keyspace had counted when the last snapshot was frozen.
    changes: u64,
    last_failed: bool,
    last_try: Option<Ticks>,
    last_seconds: Option<u64>,
    count: u64,
}

/// A save that is going on.
#[derive(Clone, Debug)]
struct Running {
    progress: Arc<Progress>,
    in_background: bool,
    began: Ticks,
    was_scheduled: bool,
}

/// How loading goes, and went.
#[derive(Debug, Default)]
struct Loading {
    now: Option<Load>,
    keys: u64,
    expired: u64,
}

/// A load that is going on.
#[derive(Clone, Debug)]
pub struct Load {
    /// How far it is.
    pub progress: Arc<Progress>,
    /// When it began.
    pub began: Ticks,
    /// The same on the wall clock.
    pub began_at: UnixMillis,
}

/// A save that is going on, for who asks.
#[derive(Clone, Debug)]
pub struct Save {
    /// How far it is.
    pub progress: Arc<Progress>,
    /// Whether it is on a thread of its own.
    pub in_background: bool,
    /// When it began.
    pub began: Ticks,
}

/// What INFO tells of saves and loads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figures {
    /// The changes that the keyspace had counted when the last snapshot was frozen.
    pub saved_changes: u64,
    /// When the last snapshot was saved; at first when the server started.
    pub last_save_at: UnixMillis,
    /// Whether the last save failed.
    pub last_failed: bool,
    /// How long the last save in the background took, if there was one.
    pub last_seconds: Option<u64>,
    /// How many snapshots were saved.
    pub saves: u64,
    /// How many keys were loaded at the last time.
    pub loaded: u64,
    /// How many were left out because they had expired.
    pub load_expired: u64,
}

impl Durability {
    /// Nothing saved or loaded yet. `slots` are those that nobody else uses, at least one.
    pub fn new(disk: Arc<dyn Disk>, slots: Vec<usize>, now: UnixMillis) -> Self {
        assert!(!slots.is_empty(), "who freezes the keyspace needs a slot");
        let saves = Saves {
            running: None,
            is_scheduled: false,
            last_save_at: now,
            changes: 0,
            last_failed: false,
            last_try: None,
            last_seconds: None,
            count: 0,
        };
        Self {
            disk,
            state: AtomicU32::new(0),
            saves: Mutex::new(saves),
            loading: Mutex::new(Loading::default()),
            thread: Mutex::new(None),
            slots,
        }
    }

    /// Where the files are.
    pub fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    /// The slots of the keyspace that workers do not use, at least one.
    pub fn slots(&self) -> &[usize] {
        &self.slots
    }

    /// What keeps some commands from running. One relaxed load.
    #[inline]
    pub fn state(&self) -> State {
        State(self.state.load(Ordering::Relaxed))
    }

    /// Whether the data is being loaded.
    #[inline]
    pub fn is_loading(&self) -> bool {
        self.state().has(State::LOADING)
    }

    fn set(&self, state: State, holds: bool) {
        if holds {
            self.state.fetch_or(state.0, Ordering::Relaxed);
        } else {
            self.state.fetch_and(!state.0, Ordering::Relaxed);
        }
    }

    /// Says whether the log fails.
    pub fn set_log_failed(&self, holds: bool) {
        self.set(State::LOG_FAILED, holds);
    }

    /// Says that loading begins, of so many bytes.
    pub fn begin_loading(&self, bytes: u64, clock: &dyn Clock) -> Arc<Progress> {
        let progress = Arc::new(Progress::of(0, bytes));
        let load = Load { progress: Arc::clone(&progress), began: clock.ticks(), began_at: clock.unix_millis() };
        self.loading.lock().now = Some(load);
        self.set(State::LOADING, true);
        progress
    }

    /// Says that loading went well. (After a failure nothing is said: the server serves nobody before it ends.) What the keyspace counts as `changes` by now, by a replay,
    /// is on the disk.
    pub fn end_loading(&self, loaded: &Loaded, changes: u64) {
        self.saves.lock().changes = changes;
        let mut loading = self.loading.lock();
        *loading = Loading { now: None, keys: loaded.keys, expired: loaded.expired };
        self.set(State::LOADING, false);
    }

    /// The load that is going on, if there is one.
    pub fn load(&self) -> Option<Load> {
        self.loading.lock().now.clone()
    }

    /// The save that is going on, if there is one.
    pub fn save(&self) -> Option<Save> {
        let running = self.saves.lock().running.clone()?;
        Some(Save { progress: running.progress, in_background: running.in_background, began: running.began })
    }

    /// What INFO tells.
    pub fn figures(&self) -> Figures {
        let (loaded, load_expired) = {
            let loading = self.loading.lock();
            (loading.keys, loading.expired)
        };
        let saves = self.saves.lock();
        Figures {
            saved_changes: saves.changes,
            last_save_at: saves.last_save_at,
            last_failed: saves.last_failed,
            last_seconds: saves.last_seconds,
            saves: saves.count,
            loaded,
            load_expired,
        }
    }

    /// Claims the right to save. It is over when the claim is dropped.
    ///
    /// # Errors
    /// [`Unclaimed`] if somebody else has it, or there is nothing whole to be saved.
    pub fn claim(self: &Arc<Self>, in_background: bool, clock: &dyn Clock) -> Result<Claim, Unclaimed> {
        if self.is_loading() {
            return Err(Unclaimed::Loading);
        }
        let mut saves = self.saves.lock();
        if saves.running.is_some() {
            return Err(Unclaimed::InProgress);
        }
        let (progress, began) = (Arc::new(Progress::default()), clock.ticks());
        // What is scheduled from here on is to have what changes from here on.
        let was_scheduled = std::mem::take(&mut saves.is_scheduled);
        saves.running = Some(Running { progress: Arc::clone(&progress), in_background, began, was_scheduled });
        saves.last_try = Some(began);
        Ok(Claim::new(Arc::clone(self), progress))
    }

    /// Has a snapshot saved in the background as soon as none is being saved.
    pub fn schedule(&self) {
        self.saves.lock().is_scheduled = true;
    }

    /// Whether a snapshot should be saved now: one was asked for, or a save point is reached. `changes` are those that the keyspace has counted.
    pub fn is_due(&self, points: &[SavePoint], changes: u64, clock: &dyn Clock) -> bool {
        let saves = self.saves.lock();
        if saves.running.is_some() || self.is_loading() {
            return false;
        }
        let may_try =
            !saves.last_failed || saves.last_try.is_none_or(|tried| clock.ticks().since(tried) >= RETRY_NANOS);
        let dirty = changes.saturating_sub(saves.changes);
        let seconds = u64::try_from((clock.unix_millis() - saves.last_save_at) / 1000).unwrap_or(0);
        may_try
            && (saves.is_scheduled
                || points.iter().any(|point| dirty >= point.changes.max(1) && seconds > point.seconds))
    }

    /// Tells a save in the background to give up, and waits until it has.
    pub fn stop_saving(&self) {
        if let Some(running) = &self.saves.lock().running {
            running.progress.stop();
        }
        let thread = self.thread.lock().take();
        if let Some(thread) = thread {
            // Whatever became of it, it is over.
            let _ = thread.join();
        }
    }
}

impl std::fmt::Debug for Durability {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Durability").field("state", &self.state()).field("saves", &self.saves).finish_non_exhaustive()
    }
}
