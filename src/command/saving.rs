//! Snapshots from the point of view of commands: what is to be saved, and how the server is asked to stop.

use super::Services;
use crate::base::sync::Mutex;
use crate::keyspace::Frozen;
use crate::keyspace::Twice;
use crate::keyspace::evict::Rules;
use crate::persist::Job;
use crate::persist::rdb;
use crate::persist::snapshot::{Access, Expired, LoadOptions, Pace, WriteOptions};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::Sender;

/// A request to stop the server.
#[derive(Debug, Default)]
pub struct StopRequest {
    /// Whether a snapshot is to be saved first; if nothing is said, where there are save points.
    pub save: Option<bool>,
    /// Whether the server stops even if it cannot be saved.
    pub force: bool,
    /// Who waits for what becomes of it: an error if the server goes on.
    pub outcome: Option<Sender<Result<(), String>>>,
}

/// Requests to stop the server, for who owns it.
#[derive(Debug, Default)]
pub struct StopRequests(Mutex<VecDeque<StopRequest>>);

impl StopRequests {
    /// Adds one.
    pub fn push(&self, request: StopRequest) {
        self.0.lock().push_back(request);
    }

    /// Takes the oldest.
    pub fn pop(&self) -> Option<StopRequest> {
        self.0.lock().pop_front()
    }
}

impl Services {
    /// A snapshot of `frozen`, to be saved as the settings say. `changes` are those that the keyspace had counted when it was frozen.
    pub fn snapshot_of(&self, frozen: Frozen, changes: u64) -> Job {
        Job {
            frozen,
            functions: self.libraries.sources(),
            changes,
            dir: self.config.start.dir.clone(),
            name: self.config.start.dbfilename.clone(),
            options: self.snapshot_options(false),
            clock: Arc::clone(&self.clock),
        }
    }

    /// How a snapshot is written, as a file of its own or as the base of a log.
    pub fn snapshot_options(&self, is_base: bool) -> WriteOptions {
        let live = &self.config.live;
        let format = rdb::Options { compress: live.rdbcompression.get(), checksum: self.config.start.rdbchecksum };
        let bytes_per_second = live.rdb_save_rate_limit.get();
        WriteOptions {
            format,
            is_base,
            incremental_sync: live.rdb_save_incremental_fsync.get(),
            pace: (bytes_per_second != 0).then(|| Pace { bytes_per_second, clock: Arc::clone(&self.clock) }),
            background: None,
            access: Access::of(Rules::of(live)),
            now: self.clock.unix_millis(),
        }
    }

    /// How a snapshot is loaded.
    pub fn load_options(&self, expired: Expired, twice: Twice) -> LoadOptions {
        LoadOptions {
            limits: rdb::Limits::of(&self.config.live),
            expired,
            twice,
            checksum: self.config.start.rdbchecksum,
            rules: self.keyspace.eviction_rules(),
            now: self.clock.unix_millis(),
        }
    }
}
