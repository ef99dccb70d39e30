//! The keyspace's tables, as eviction sees them.

use super::entries::{Entries, Hand, Seen};
use super::queues::Queues;
use crate::base::clock::UnixMillis;
use crate::base::hash;
use crate::data::record::{NO_DEADLINE, Record, RecordRef};
use crate::data::table::{Position, Table};
use std::ops::ControlFlow;

/// What eviction remembers of one shard's part of one database.
#[derive(Debug, Default)]
pub(in crate::keyspace) struct Memory {
    /// Where the next samples are taken, or the clock's hand stands.
    pub(super) hand: Hand,
    /// There as long as the policy has queues.
    pub(super) queues: Option<Box<Queues>>,
}

/// A table with the count of its entries that have a deadline.
#[derive(Clone, Copy, Debug)]
pub(in crate::keyspace) struct Shelf<'t> {
    pub(in crate::keyspace) table: &'t Table<Record>,
    pub(in crate::keyspace) volatile: usize,
    pub(in crate::keyspace) shard_bits: u32,
}

impl Memory {
    /// An entry is about to come in: it stands in a queue from now on.
    pub(in crate::keyspace) fn admit(&mut self, shelf: Shelf<'_>, hash: u64, record: RecordRef<'_>) {
        record.set_access(self.queues.get_or_insert_default().admit(&shelf, hash));
    }

    /// The policy has no queues.
    #[inline]
    pub(in crate::keyspace) fn forget(&mut self) {
        if self.queues.is_some() {
            self.queues = None;
        }
    }
}

impl Entries for Shelf<'_> {
    type Entry<'a>
        = RecordRef<'a>
    where
        Self: 'a;

    fn len(&self) -> usize {
        self.table.len()
    }

    fn volatile(&self) -> usize {
        self.volatile
    }

    fn skip_bits(&self) -> u32 {
        self.shard_bits
    }

    fn sweep<'a>(&'a self, hand: &mut Hand, visits: usize, visit: impl FnMut(RecordRef<'a>) -> ControlFlow<()>) {
        hand.0 = self.table.sweep(hand.0, visits, visit);
    }

    fn with_hash<'a>(&'a self, hash: u64, mut visit: impl FnMut(RecordRef<'a>)) {
        self.table.at_position(Position::of(hash), |record| {
            if Seen::hash(record) == hash {
                visit(record);
            }
        });
    }
}

impl Seen for RecordRef<'_> {
    fn hash(self) -> u64 {
        hash::hash(self.key())
    }

    fn access(self) -> u32 {
        RecordRef::access(self)
    }

    fn set_access(self, access: u32) {
        RecordRef::set_access(self, access);
    }

    fn deadline(self) -> Option<UnixMillis> {
        Some(RecordRef::deadline(self)).filter(|deadline| *deadline != NO_DEADLINE)
    }
}
