//! One shard's part of one database: a table of entries, how many of them have a deadline, and when they are due.

use super::deadlines::Deadlines;
use super::entry::{Entry, NO_DEADLINE};
use crate::base::clock::UnixMillis;
use crate::data::table::Table;

/// One shard's part of one database.
#[derive(Debug)]
pub struct Database {
    pub(super) table: Table<Entry>,
    /// Entries with a deadline.
    pub(super) volatile: usize,
    /// When they are due.
    pub(super) deadlines: Deadlines,
}

impl Database {
    pub(super) fn new(shard_bits: u8) -> Self {
        Self { table: Table::new(shard_bits), volatile: 0, deadlines: Deadlines::new() }
    }

    /// Takes the entry out. The caller settles counts and watchers.
    pub(super) fn take(&mut self, hash: u64, key: &[u8]) -> Option<Entry> {
        let entry = self.table.remove(hash, key)?;
        self.volatile -= usize::from(entry.deadline != NO_DEADLINE);
        Some(entry)
    }

    /// Puts an entry in whose key is not there.
    pub(super) fn put(&mut self, hash: u64, entry: Entry) -> &mut Entry {
        self.volatile += usize::from(entry.deadline != NO_DEADLINE);
        self.table.insert_new(hash, entry)
    }

    /// Replaces the deadline of an entry of this database; `volatile` follows. Returns the change of `volatile`.
    pub(super) fn set_deadline(volatile: &mut usize, entry: &mut Entry, deadline: UnixMillis) -> i64 {
        let before = entry.deadline != NO_DEADLINE;
        let after = deadline != NO_DEADLINE;
        entry.deadline = deadline;
        *volatile = *volatile + usize::from(after) - usize::from(before);
        i64::from(after) - i64::from(before)
    }
}
