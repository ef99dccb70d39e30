//! One shard's part of one database: a table of records, how many of them have a deadline, and when they are due.

use super::deadlines::Deadlines;
use super::evict::Memory;
use crate::data::record::{NO_DEADLINE, Record};
use crate::data::table::Table;

/// One shard's part of one database.
#[derive(Debug)]
pub struct Database {
    pub(super) table: Table<Record>,
    /// Entries with a deadline.
    pub(super) volatile: usize,
    /// When they are due.
    pub(super) deadlines: Deadlines,
    /// What eviction remembers.
    pub(super) memory: Memory,
}

impl Database {
    pub(super) fn new(shard_bits: u8) -> Self {
        Self { table: Table::new(shard_bits), volatile: 0, deadlines: Deadlines::new(), memory: Memory::default() }
    }

    /// Whether no deadline was scheduled here, or all that were have been met.
    #[inline]
    pub(super) fn is_idle(&self) -> bool {
        self.deadlines.is_idle()
    }

    /// Takes the entry out. The caller settles counts and watchers.
    pub(super) fn take(&mut self, hash: u64, key: &[u8]) -> Option<Record> {
        let record = self.table.remove(hash, key)?;
        self.volatile -= usize::from(record.lend().is_volatile());
        Some(record)
    }

    /// What `act` makes of the record of a key; `None` if there is none.
    #[inline]
    pub(super) fn change<R>(&mut self, hash: u64, key: &[u8], act: impl FnOnce(&mut Record) -> R) -> Option<R> {
        let mut record = self.table.find_mut(hash, key)?;
        Some(act(&mut record))
    }

    /// Puts an entry in whose key is not there.
    pub(super) fn put(&mut self, hash: u64, record: Record) {
        self.volatile += usize::from(record.lend().is_volatile());
        self.table.insert_new(hash, record);
    }

    /// Notes that an entry's deadline changed from one to another. Returns the change of `volatile`.
    #[inline]
    pub(super) fn deadline_changed(&mut self, before: i64, after: i64) -> i64 {
        let (before, after) = (before != NO_DEADLINE, after != NO_DEADLINE);
        self.volatile = self.volatile + usize::from(after) - usize::from(before);
        i64::from(after) - i64::from(before)
    }
}
