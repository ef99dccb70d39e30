//! WATCH: a version for each watched key, beside the shard's tables and under its lock.
//!
//! A key that nobody watches costs one `is_empty`. A ticket shares its cell with the shard, so letting go of it takes no lock: a cell
//! that only the shard still holds is swept when the map has doubled.

use super::keys::Keys;
use crate::base::hash::HashState;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The map is swept when it is larger than twice what the last sweep left, and than this.
const SWEEP_MIN: usize = 64;

/// A shard's watched keys.
#[derive(Debug, Default)]
pub(super) struct Watched {
    cells: HashMap<(usize, Box<[u8]>), Arc<AtomicU64>, HashState>,
    swept_len: usize,
}

impl Watched {
    /// Tells the watchers of a key that it changed.
    #[inline]
    pub(super) fn touch(&self, db: usize, key: &[u8]) {
        if !self.cells.is_empty() {
            self.touch_watched(db, key);
        }
    }

    #[cold]
    fn touch_watched(&self, db: usize, key: &[u8]) {
        if let Some(cell) = self.cells.get(&(db, key.into())) {
            // The shard's lock orders this; the atomic is only for sharing the cell with its tickets.
            cell.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Tells the watchers of every key of `db` for which `changed` says so.
    pub(super) fn touch_all(&self, db: usize, changed: impl Fn(&[u8]) -> bool) {
        for (_, cell) in self.cells.iter().filter(|((watched_db, key), _)| *watched_db == db && changed(key)) {
            cell.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The watched keys of two databases, in no order.
    pub(super) fn keys_of(&self, a: usize, b: usize) -> Vec<Box<[u8]>> {
        self.cells.keys().filter(|(db, _)| *db == a || *db == b).map(|(_, key)| key.clone()).collect()
    }

    fn cell(&mut self, db: usize, key: &[u8]) -> Arc<AtomicU64> {
        if self.cells.len() >= SWEEP_MIN.max(2 * self.swept_len) {
            self.cells.retain(|_, cell| Arc::strong_count(cell) > 1);
            self.swept_len = self.cells.len();
        }
        Arc::clone(self.cells.entry((db, key.into())).or_default())
    }
}

/// A connection's interest in one key, since it said WATCH.
#[derive(Debug)]
pub struct WatchTicket {
    db: usize,
    key: Box<[u8]>,
    cell: Arc<AtomicU64>,
    version: u64,
}

impl WatchTicket {
    /// The watched key.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// Whether this is the ticket of `key` in `db`.
    pub fn is_of(&self, db: usize, key: &[u8]) -> bool {
        self.db == db && *self.key == *key
    }
}

impl Keys<'_, '_> {
    /// Begins to watch a key.
    pub fn watch(&mut self, key: &[u8]) -> WatchTicket {
        // What has expired by now is removed first: its removal later would look like a change.
        self.exists(key);
        let db = self.db();
        let (shard, _) = self.shard_for(key);
        let cell = shard.watched.cell(db, key);
        WatchTicket { db, key: key.into(), version: cell.load(Ordering::Relaxed), cell }
    }

    /// Whether the key is as it was: nobody changed it, and it has not expired since. The key's shard is held by the caller.
    pub fn is_unchanged(&mut self, ticket: &WatchTicket) -> bool {
        // Looking removes what has expired, and that tells the watchers.
        self.in_db(ticket.db).exists(&ticket.key);
        ticket.cell.load(Ordering::Relaxed) == ticket.version
    }
}
